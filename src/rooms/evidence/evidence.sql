-- Evidence: what was found in the words of customers, and what of it counts.

-- ---- what rules ask ----

-- part: trait_columns
COALESCE(t.asked_discount, 0), COALESCE(t.promised_more, 0), COALESCE(t.named_competitor, 0), COALESCE(t.price_remarks, 0),
       COALESCE(t.asked_colleague, 0), COALESCE(t.referred, 0), COALESCE(t.aggressive, 0), COALESCE(t.hurried, 0),
       COALESCE(t.questions, 0), COALESCE(t.off_matter, 0), COALESCE(t.colleague_id, 0), COALESCE(t.impression, ''),
       COALESCE(t.impression_by, 0), COALESCE(t.impression_ms, 0), COALESCE(t.due_ms, 0), COALESCE(t.read_id, 0),
       COALESCE(t.read_ms, 0), COALESCE(t.n_ids, 0);

-- Every record has its row, also one of whom nothing was read.
-- name: trait_get -> trait_row
SELECT s.customer_id, {{trait_columns}}
  FROM standing s LEFT JOIN trait t ON t.customer_id = s.customer_id
 WHERE s.customer_id = :root;

-- name: trait_many -> trait_row
SELECT s.customer_id, {{trait_columns}}
  FROM standing s LEFT JOIN trait t ON t.customer_id = s.customer_id
 WHERE s.customer_id IN {{ints}} :customers
 ORDER BY s.customer_id LIMIT 1000;

-- Of those of them who answer for themselves.
-- name: trait_of_roots -> trait_row
SELECT s.customer_id, {{trait_columns}}
  FROM customer c JOIN standing s ON s.customer_id = c.root_id LEFT JOIN trait t ON t.customer_id = s.customer_id
 WHERE c.id IN {{ints}} :customers AND c.root_id = c.id
 ORDER BY s.customer_id LIMIT 1000;

-- name: trait_of_any -> trait_row
SELECT s.customer_id, {{trait_columns}}
  FROM customer c JOIN standing s ON s.customer_id = c.root_id LEFT JOIN trait t ON t.customer_id = s.customer_id
 WHERE c.id = :customer;

-- ---- reading ----

-- Written since: by the customer, or by a colleague about him. What orders and tills bring is no one's words.
-- name: evidence_messages -> evidence_text
SELECT i.id, i.customer_id, i.id AS interaction_id, i.at_ms, CASE WHEN i.direction = 'in' AND i.channel <> 'note' THEN 0 ELSE 1 END AS by_staff,
       i.subject, substr(i.text, 1, 8000) AS text
  FROM interaction i
 WHERE i.customer_id IN {{ints}} :customers AND i.at_ms >= :since AND i.id > :after
   AND i.channel NOT IN ('order', 'purchase') AND i.direction <> 'out' AND (i.text <> '' OR i.subject <> '')
 ORDER BY i.id LIMIT :n;

-- name: evidence_notes -> evidence_text
SELECT n.id, n.customer_id, 0 AS interaction_id, n.at_ms, 1 AS by_staff, '' AS subject, substr(n.text, 1, 8000) AS text
  FROM note n
 WHERE n.customer_id IN {{ints}} :customers AND n.at_ms >= :since AND n.id > :after
 ORDER BY n.id LIMIT :n;

-- A call's note is read when the call was closed.
-- name: evidence_calls -> evidence_call
SELECT k.id, k.customer_id, COALESCE(k.interaction_id, 0) AS interaction_id, k.ring_ms AS at_ms, 1 AS by_staff, k.reason AS subject,
       substr(k.note, 1, 8000) AS text, k.wrapped_ms
  FROM call k
 WHERE k.customer_id IN {{ints}} :customers AND k.ring_ms >= :since AND k.wrapped_ms > :closed_after
   AND (k.note <> '' OR k.reason <> '')
 ORDER BY k.wrapped_ms, k.id LIMIT :n;

-- The same of many records at once: of each what was written since it was read the last time. Where 240 rows
-- are all there is, they are read one after the other, so nothing is sorted.
-- name: evidence_messages_of -> evidence_text
SELECT i.id, i.customer_id, i.id AS interaction_id, i.at_ms, CASE WHEN i.direction = 'in' AND i.channel <> 'note' THEN 0 ELSE 1 END AS by_staff,
       i.subject, substr(i.text, 1, 8000) AS text
  FROM {{ints}} :customers AS given JOIN customer c ON c.id = given.value LEFT JOIN trait t ON t.customer_id = c.root_id
       JOIN interaction i ON i.customer_id = given.value
 WHERE i.at_ms >= :since AND i.id > COALESCE(t.read_id, 0)
   AND i.channel NOT IN ('order', 'purchase') AND i.direction <> 'out' AND (i.text <> '' OR i.subject <> '')
 LIMIT 240;

-- name: evidence_notes_of -> evidence_text
SELECT n.id, n.customer_id, 0 AS interaction_id, n.at_ms, 1 AS by_staff, '' AS subject, substr(n.text, 1, 8000) AS text
  FROM {{ints}} :customers AS given JOIN customer c ON c.id = given.value LEFT JOIN trait t ON t.customer_id = c.root_id
       JOIN note n ON n.customer_id = given.value
 WHERE n.at_ms >= :since AND n.id > COALESCE(t.read_id, 0)
 LIMIT 240;

-- name: evidence_calls_of -> evidence_text
SELECT k.id, k.customer_id, COALESCE(k.interaction_id, 0) AS interaction_id, k.ring_ms AS at_ms, 1 AS by_staff, k.reason AS subject,
       substr(k.note, 1, 8000) AS text
  FROM {{ints}} :customers AS given JOIN customer c ON c.id = given.value LEFT JOIN trait t ON t.customer_id = c.root_id
       JOIN call k ON k.customer_id = given.value
 WHERE k.ring_ms >= :since AND k.wrapped_ms > COALESCE(t.read_ms, 0) - :overlap
   AND (k.note <> '' OR k.reason <> '')
 LIMIT 240;

-- Contacts that events told of.
-- name: evidence_messages_told -> evidence_text
SELECT i.id, i.customer_id, i.id AS interaction_id, i.at_ms, CASE WHEN i.direction = 'in' AND i.channel <> 'note' THEN 0 ELSE 1 END AS by_staff,
       i.subject, substr(i.text, 1, 8000) AS text
  FROM interaction i
 WHERE i.id IN {{ints}} :ids AND i.at_ms >= :since
   AND i.channel NOT IN ('order', 'purchase') AND i.direction <> 'out' AND (i.text <> '' OR i.subject <> '')
 LIMIT 240;

-- Read when something in a text may ask for one of them.
-- name: evidence_colleagues -> evidence_colleague
SELECT s.id, s.name FROM staff s WHERE s.is_active = 1 ORDER BY s.id LIMIT 2000;

-- name: evidence_order_named
SELECT o.id FROM orders o WHERE o.number IN {{texts}} :numbers LIMIT 1;

-- What was found in these texts before: at most one row of a kind for each.
-- name: evidence_known -> evidence_known
SELECT e.source_id, e.kind FROM evidence e WHERE e.source_id IN {{ints}} :sources ORDER BY e.source_id, e.kind LIMIT 10000;

-- ---- keeping ----

-- name: evidence_put
INSERT INTO evidence (id, customer_id, kind, at_ms, source_id, interaction_id, staff_id, phrase, weight)
VALUES (:id, :customer, :kind, :at, :source, :interaction, :staff, :phrase, :weight) ON CONFLICT DO NOTHING;

-- name: evidence_impression_was -> evidence_root
SELECT c.root_id AS customer_id FROM evidence e JOIN customer c ON c.id = e.customer_id WHERE e.source_id = :source AND e.kind = 'impression' LIMIT 1;

-- name: evidence_impression_gone
DELETE FROM evidence WHERE source_id = :source AND kind = 'impression';

-- name: evidence_counted -> evidence_count
SELECT e.customer_id, e.kind, SUM(e.weight) AS n, MIN(e.at_ms) AS oldest_ms
  FROM evidence e
 WHERE e.customer_id IN {{ints}} :customers AND e.at_ms >= :since
 GROUP BY e.customer_id, e.kind ORDER BY e.customer_id, e.kind LIMIT 100000;

-- name: evidence_newest_of -> evidence_row
SELECT e.id, e.kind, e.at_ms, e.interaction_id, e.staff_id, COALESCE(s.name, ''), e.phrase, e.weight
  FROM evidence e LEFT JOIN staff s ON s.id = e.staff_id
 WHERE e.customer_id IN {{ints}} :customers AND e.at_ms >= :since AND e.kind = :kind
 ORDER BY e.at_ms DESC, e.id DESC LIMIT 1;

-- name: evidence_page -> evidence_row
SELECT e.id, e.kind, e.at_ms, e.interaction_id, e.staff_id, COALESCE(s.name, ''), e.phrase, e.weight
  FROM evidence e LEFT JOIN staff s ON s.id = e.staff_id
 WHERE e.customer_id IN {{ints}} :customers AND e.at_ms <= :at AND (e.at_ms < :at OR e.id < :before)
 ORDER BY e.at_ms DESC, e.id DESC LIMIT :n;

-- name: trait_put
INSERT INTO trait (customer_id, asked_discount, promised_more, named_competitor, price_remarks, asked_colleague, referred, aggressive,
       hurried, questions, off_matter, colleague_id, impression, impression_by, impression_ms, due_ms, read_id, read_ms, n_ids)
VALUES (:customer, :asked_discount, :promised_more, :named_competitor, :price_remarks, :asked_colleague, :referred, :aggressive,
        :hurried, :questions, :off_matter, :colleague, :impression, :impression_by, :impression_ms, :due, :read_id, :read_ms, :n_ids)
ON CONFLICT (customer_id) DO UPDATE SET
       asked_discount = excluded.asked_discount, promised_more = excluded.promised_more,
       named_competitor = excluded.named_competitor, price_remarks = excluded.price_remarks,
       asked_colleague = excluded.asked_colleague, referred = excluded.referred, aggressive = excluded.aggressive,
       hurried = excluded.hurried, questions = excluded.questions, off_matter = excluded.off_matter,
       colleague_id = excluded.colleague_id, impression = excluded.impression, impression_by = excluded.impression_by,
       impression_ms = excluded.impression_ms, due_ms = excluded.due_ms, read_id = excluded.read_id,
       read_ms = excluded.read_ms, n_ids = excluded.n_ids;

-- A record that answers for itself no more, or again: its texts are another's now.
-- name: trait_drop
DELETE FROM trait WHERE customer_id IN {{ints}} :customers;

-- ---- what falls out ----

-- name: trait_due_list -> evidence_root
SELECT t.customer_id FROM trait t WHERE t.due_ms > 0 AND t.due_ms <= :now ORDER BY t.due_ms LIMIT :n;

-- name: evidence_colleague_name -> evidence_name
SELECT s.name FROM staff s WHERE s.id = :staff;
