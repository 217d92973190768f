-- The turn of the day, the due queue of activities, counting anew.

-- part: day_columns
d.day, d.contacts, d.orders, d.discounted, d.spent_minor, d.returned_minor, d.discount_minor;

-- name: turn_get -> turn_row
SELECT done_day, to_day, span, day, customer_id, rebuild_after, counted, rules, vip_rules FROM standing_turn WHERE id = 1;

-- name: turn_put
INSERT INTO standing_turn (id, done_day, to_day, span, day, customer_id, rebuild_after, counted, rules, vip_rules)
VALUES (1, :done, :to, :span, :day, :customer, :rebuild, :counted, :rules, :vip_rules)
    ON CONFLICT (id) DO UPDATE
       SET done_day = excluded.done_day, to_day = excluded.to_day, span = excluded.span, day = excluded.day,
           customer_id = excluded.customer_id, rebuild_after = excluded.rebuild_after, counted = excluded.counted,
           rules = excluded.rules, vip_rules = excluded.vip_rules;

-- Days that fall out of a window, in the order of the index.
-- name: turn_falling -> falling_row
SELECT d.day, d.customer_id, c.root_id
  FROM standing_day d JOIN customer c ON c.id = d.customer_id
 WHERE d.day >= :day AND d.day <= :last AND (d.day > :day OR d.customer_id > :customer)
 ORDER BY d.day, d.customer_id LIMIT :n;

-- name: turn_days -> root_day_row
SELECT m.root_id, {{day_columns}}
  FROM customer m JOIN standing_day d ON d.customer_id = m.id
 WHERE m.root_id IN {{ints}} :roots AND d.day > :day
 ORDER BY m.root_id LIMIT 100000;

-- What fell out of the longest window is of no more use.
-- name: turn_days_trim
DELETE FROM standing_day
 WHERE (customer_id, day) IN (SELECT customer_id, day FROM standing_day WHERE day <= :day LIMIT :n);

-- ---- the share of the best ----

-- The last of the next :n by value, and how to go on from there.
-- name: value_hop -> value_row
SELECT s.spent_365d_minor, s.customer_id
  FROM standing s
 WHERE s.spent_365d_minor > 0 AND s.spent_365d_minor <= :spent
   AND (s.spent_365d_minor < :spent OR s.customer_id < :customer)
 ORDER BY s.spent_365d_minor DESC, s.customer_id DESC LIMIT 1 OFFSET :n;

-- name: value_rest -> number_row
SELECT count(*)
  FROM standing s
 WHERE s.spent_365d_minor > 0 AND s.spent_365d_minor <= :spent
   AND (s.spent_365d_minor < :spent OR s.customer_id < :customer);

-- ---- counting anew from the rows ----

-- name: recount_roots -> number_row
SELECT c.id FROM customer c WHERE c.id > :after AND c.root_id = c.id ORDER BY c.id LIMIT :n;

-- name: recount_customer -> recount_customer
SELECT r.id, r.kind, min(m.created_ms),
       (SELECT count(*) FROM customer v JOIN customer_mark k ON k.customer_id = v.id WHERE v.root_id = r.id AND k.mark = 'vip')
  FROM customer r JOIN customer m ON m.root_id = r.id
 WHERE r.id = :root
 GROUP BY r.id, r.kind;

-- name: recount_orders -> recount_order
SELECT o.id, o.status, o.at_ms, o.base_minor, o.total_minor, o.returned_minor, o.lost_minor, o.discount_minor,
       o.is_discounted
  FROM orders o
 WHERE o.customer_id = :customer AND o.at_ms >= :at AND (o.at_ms > :at OR o.id > :after)
 ORDER BY o.at_ms, o.id LIMIT :n;

-- name: recount_returns -> recount_return
SELECT r.id, r.at_ms, r.amount_minor
  FROM orders o JOIN order_return r ON r.order_id = o.id
 WHERE o.customer_id = :customer AND o.base_minor IS NOT NULL AND r.id > :after
 ORDER BY r.id LIMIT :n;

-- name: recount_seen -> recount_seen
SELECT CAST(COALESCE(min(i.at_ms), 0) AS BIGINT), CAST(COALESCE(max(i.at_ms), 0) AS BIGINT),
       CAST(COALESCE(sum(CASE WHEN i.channel IN ('order', 'purchase', 'survey', 'note') THEN 0 ELSE 1 END), 0) AS BIGINT)
  FROM interaction i WHERE i.customer_id = :customer;

-- name: recount_contacts -> recount_contact
SELECT i.id, i.at_ms
  FROM interaction i
 WHERE i.customer_id = :customer AND i.at_ms >= :at AND (i.at_ms > :at OR i.id > :after)
   AND i.channel NOT IN ('order', 'purchase', 'survey', 'note')
 ORDER BY i.at_ms, i.id LIMIT :n;

-- A page of records at once, in no order: PostgreSQL would go along the whole index for one.

-- name: recounts_members -> recounts_member
SELECT m.root_id, m.id AS customer_id, r.kind, m.created_ms
  FROM customer m JOIN customer r ON r.id = m.root_id
 WHERE m.root_id IN {{ints}} :roots LIMIT :n;

-- name: recounts_hands -> recounts_hands
SELECT m.root_id, m.id AS customer_id
  FROM customer m JOIN customer_mark k ON k.customer_id = m.id
 WHERE m.root_id IN {{ints}} :roots AND k.mark = 'vip' LIMIT :n;

-- name: recounts_orders -> recounts_order
SELECT m.root_id, o.customer_id, o.id, o.status, o.at_ms, o.base_minor, o.total_minor, o.returned_minor, o.lost_minor,
       o.discount_minor, o.is_discounted
  FROM customer m JOIN orders o ON o.customer_id = m.id
 WHERE m.root_id IN {{ints}} :roots LIMIT :n;

-- name: recounts_returns -> recounts_return
SELECT m.root_id, o.customer_id, r.id, r.at_ms, r.amount_minor
  FROM customer m JOIN orders o ON o.customer_id = m.id JOIN order_return r ON r.order_id = o.id
 WHERE m.root_id IN {{ints}} :roots AND o.base_minor IS NOT NULL LIMIT :n;

-- Their contacts are fetched before they are grouped: for groups in order PostgreSQL would go along the whole key.
-- name: recounts_seen -> recounts_seen
SELECT f.root_id, f.customer_id,
       CAST(min(f.at_ms) AS BIGINT) AS min, CAST(max(f.at_ms) AS BIGINT) AS max,
       CAST(sum(CASE WHEN f.channel IN ('order', 'purchase', 'survey', 'note') THEN 0 ELSE 1 END) AS BIGINT) AS sum
  FROM (SELECT m.root_id, i.customer_id, i.at_ms, i.channel
          FROM customer m JOIN interaction i ON i.customer_id = m.id
         WHERE m.root_id IN {{ints}} :roots LIMIT :all) f
 GROUP BY f.root_id, f.customer_id LIMIT :n;

-- name: recounts_contacts -> recounts_contact
SELECT m.root_id, m.id AS customer_id, i.id, i.at_ms
  FROM customer m JOIN interaction i ON i.customer_id = m.id
 WHERE m.root_id IN {{ints}} :roots AND i.at_ms >= :at
   AND i.channel NOT IN ('order', 'purchase', 'survey', 'note')
 LIMIT :n;

-- name: recounts_days -> recounts_day
SELECT m.root_id, m.id AS customer_id, {{day_columns}}
  FROM customer m JOIN standing_day d ON d.customer_id = m.id
 WHERE m.root_id IN {{ints}} :roots AND d.day > :day
 LIMIT :n;

-- name: recount_days_clear
DELETE FROM standing_day WHERE customer_id IN {{ints}} :customers;

-- name: recount_days_of -> customer_day_row
SELECT d.customer_id, {{day_columns}}
  FROM standing_day d WHERE d.customer_id IN {{ints}} :customers AND d.day > :day
 ORDER BY d.customer_id, d.day LIMIT 100000;
