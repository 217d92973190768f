-- What is exported of the customers of one page.

-- name: export_customers -> customer_row
SELECT r.id, r.kind, {{customer_texts r.}}, r.owner_id, s.name, r.created_ms, r.changed_ms, r.version
  FROM customer r LEFT JOIN staff s ON s.id = r.owner_id
 WHERE r.id IN {{ints}} :ids
 ORDER BY r.id LIMIT 1000;

-- name: export_identities -> export_identity
SELECT m.root_id, v.type, CASE WHEN substr(v.value, 1, 1) = '!' THEN o.given ELSE v.value END
  FROM customer m JOIN identity_owner o ON o.customer_id = m.id JOIN identity_value v ON v.id = o.value_id
 WHERE m.root_id IN {{ints}} :ids AND o.state <> 'wrong'
 ORDER BY m.root_id, o.id LIMIT 90000;

-- name: export_addresses -> export_address
SELECT m.root_id, a.kind, a.line, a.postal, a.city, a.region, a.country
  FROM customer m JOIN address a ON a.customer_id = m.id
 WHERE m.root_id IN {{ints}} :ids
 ORDER BY m.root_id, a.id LIMIT 90000;

-- name: export_tags -> export_tag
SELECT m.root_id, t.name
  FROM customer m JOIN customer_tag k ON k.customer_id = m.id JOIN tag t ON t.id = k.tag_id
 WHERE m.root_id IN {{ints}} :ids
 ORDER BY m.root_id, t.name LIMIT 90000;

-- name: export_attributes -> export_attribute
SELECT m.root_id, d.code, d.type, a.num, a.text
  FROM customer m JOIN attr a ON a.customer_id = m.id JOIN attr_def d ON d.id = a.attr_id
 WHERE m.root_id IN {{ints}} :ids
 ORDER BY m.root_id, d.position, d.code, a.folded LIMIT 90000;

-- name: export_standings -> export_standing
SELECT s.customer_id, s.activity, s.is_vip, s.contacts, s.last_contact_ms, s.orders, s.spent_minor, s.last_order_ms
  FROM standing s WHERE s.customer_id IN {{ints}} :ids
 ORDER BY s.customer_id LIMIT 1000;

-- name: export_customers_last
SELECT COALESCE(max(id), 0) FROM customer;

-- name: export_orders_last
SELECT COALESCE(max(id), 0) FROM orders;

-- All ids of the records of a page.
-- name: export_members -> export_id
SELECT id FROM customer WHERE root_id IN {{ints}} :ids ORDER BY id LIMIT 100000;

-- name: export_order_members -> export_id
SELECT DISTINCT c.id FROM orders o JOIN customer m ON m.id = o.customer_id JOIN customer c ON c.root_id = m.root_id
 WHERE o.id IN {{ints}} :ids ORDER BY c.id LIMIT 100000;
