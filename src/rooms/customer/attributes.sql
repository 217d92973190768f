-- What conditions (expr) look at of one customer in memory; the same in SQL for all stands beside it in attributes.c.

-- name: attributes_records -> attributes_record
SELECT r.id, r.country, r.lang, r.time_zone, COALESCE(st.name, ''), r.created_ms, r.changed_ms,
       r.folded_name, r.folded_region, r.folded_city, r.folded_company, r.folded_heard_of_us
  FROM customer r LEFT JOIN staff st ON st.id = r.owner_id
 WHERE r.id IN {{ints}} :customers
 ORDER BY r.id LIMIT 1000;

-- name: attributes_record -> attributes_record
SELECT r.id, r.country, r.lang, r.time_zone, COALESCE(st.name, ''), r.created_ms, r.changed_ms,
       r.folded_name, r.folded_region, r.folded_city, r.folded_company, r.folded_heard_of_us
  FROM customer r LEFT JOIN staff st ON st.id = r.owner_id
 WHERE r.id = :root;

-- name: attributes_marks -> attributes_marks
SELECT COALESCE(MAX(CASE WHEN k.mark = 'blocked' THEN 1 ELSE 0 END), 0),
       COALESCE(MAX(CASE WHEN k.mark = 'do_not_contact' THEN 1 ELSE 0 END), 0)
  FROM customer r JOIN customer_mark k ON k.customer_id = r.id
 WHERE r.root_id = :root;

-- Malformed ones ('!…') and wrong ones are not known.
-- name: attributes_identities -> attributes_identity @sqlite
SELECT v.type, v.value, substr(v.value, instr(v.value, '@') + 1), o.state, o.first_ms, o.last_ms
  FROM customer r JOIN identity_owner o ON o.customer_id = r.id JOIN identity_value v ON v.id = o.value_id
 WHERE r.root_id = :root AND o.state <> 'wrong' AND substr(v.value, 1, 1) <> '!'
 LIMIT 100000;

-- name: attributes_identities -> attributes_identity @postgres
SELECT v.type, v.value, substr(v.value, strpos(v.value, '@') + 1), o.state, o.first_ms, o.last_ms
  FROM customer r JOIN identity_owner o ON o.customer_id = r.id JOIN identity_value v ON v.id = o.value_id
 WHERE r.root_id = :root AND o.state <> 'wrong' AND substr(v.value, 1, 1) <> '!'
 LIMIT 100000;

-- name: attributes_tags -> attributes_tag
SELECT t.folded, ct.at_ms
  FROM customer r JOIN customer_tag ct ON ct.customer_id = r.id JOIN tag t ON t.id = ct.tag_id
 WHERE r.root_id = :root
 LIMIT 100000;

-- name: attributes_custom -> attributes_custom
SELECT a.attr_id, a.num, a.text, a.folded
  FROM customer r JOIN attr a ON a.customer_id = r.id
 WHERE r.root_id = :root
 LIMIT 100000;
