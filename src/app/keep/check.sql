-- What `kith check` asks beside the rooms' own checks. Each looks at a stretch of ids: after, up to and with `to`.

-- The end of the next stretch; the greatest number there is when it is the last.
-- name: check_customers_to
SELECT COALESCE((SELECT id FROM customer WHERE id > :after ORDER BY id LIMIT 1 OFFSET 999), 9223372036854775807);

-- name: check_roots -> number_row
SELECT c.id FROM customer c JOIN customer r ON r.id = c.root_id
 WHERE c.id > :after AND c.id <= :to AND r.root_id <> r.id LIMIT 100;

-- name: check_standing_missing -> number_row
SELECT c.id FROM customer c LEFT JOIN standing s ON s.customer_id = c.id
 WHERE c.id > :after AND c.id <= :to AND c.root_id = c.id AND s.customer_id IS NULL LIMIT 100;

-- name: check_standing_stray -> number_row
SELECT s.customer_id FROM standing s LEFT JOIN customer c ON c.id = s.customer_id
 WHERE s.customer_id > :after AND s.customer_id <= :to AND c.id IS NULL LIMIT 100;

-- name: check_identities_to
SELECT COALESCE((SELECT id FROM identity_value WHERE id > :after ORDER BY id LIMIT 1 OFFSET 999), 9223372036854775807);

-- name: check_identities -> check_identity
SELECT v.id, v.value, v.reversed FROM identity_value v
 WHERE v.id > :after AND v.id <= :to AND v.reversed IS NOT NULL ORDER BY v.id LIMIT 1000;

-- name: check_orders_to
SELECT COALESCE((SELECT id FROM orders WHERE id > :after ORDER BY id LIMIT 1 OFFSET 999), 9223372036854775807);

-- What came back says less than the returns do, or more than the order was worth.
-- name: check_orders -> number_row
SELECT o.id FROM orders o
 WHERE o.id > :after AND o.id <= :to
   AND o.returned_minor <> COALESCE((SELECT sum(r.amount_minor) FROM order_return r WHERE r.order_id = o.id), 0) LIMIT 100;

-- name: check_orders_empty -> number_row
SELECT o.id FROM orders o
 WHERE o.id > :after AND o.id <= :to AND o.total_minor > 0
   AND NOT EXISTS (SELECT 1 FROM order_line l WHERE l.order_id = o.id) LIMIT 100;

-- name: check_consents_to
SELECT COALESCE((SELECT id FROM consent WHERE id > :after ORDER BY id LIMIT 1 OFFSET 999), 9223372036854775807);

-- A last word of somebody else, or of another purpose.
-- name: check_consents -> number_row
SELECT DISTINCT p.id
  FROM consent c JOIN consent_now n ON n.customer_id = c.customer_id JOIN consent p ON p.id = n.consent_id
 WHERE c.id > :after AND c.id <= :to AND (p.purpose <> n.purpose OR p.customer_id <> n.customer_id) LIMIT 100;

-- Members of one at a time: there may be millions.
-- name: check_segments -> number_row
SELECT id FROM segment WHERE filled_to IS NULL AND is_going = 0 ORDER BY id LIMIT 1000;

-- name: check_segment -> check_segment
SELECT g.id, g.members, (SELECT count(*) FROM segment_member m WHERE m.segment_id = g.id)
  FROM segment g WHERE g.id = :id AND g.filled_to IS NULL AND g.is_going = 0;

-- name: check_imports -> number_row
SELECT id FROM import WHERE is_staged = 1 AND state IN ('ready', 'checking', 'running') ORDER BY id LIMIT 10000;

-- Jobs that fill what is checked here.
-- name: check_job_waits
SELECT count(*) FROM job WHERE kind = :kind AND state = 'waiting';

-- name: check_has_customers
SELECT count(*) FROM (SELECT 1 FROM customer LIMIT 1) AS found;

-- ---- where the store lives ----

-- name: store_place -> store_place @sqlite
SELECT '' AS place;

-- The database itself and the cluster it is in: the same after a fail-over, others after a dump was read in.
-- name: store_place -> store_place @postgres
SELECT d.oid || ' ' || (SELECT system_identifier FROM pg_control_system()) || ' ' || current_schema() AS place
  FROM pg_database d WHERE d.datname = current_database();

-- ---- moving ----

-- The greatest id that may be in use.
-- name: move_id_mark
SELECT COALESCE(max(id_mark), 0) FROM node;

-- Numbers that PostgreSQL counts by itself go on behind those that were brought.
-- name: move_sequences @sqlite
SELECT COALESCE(max(id), 0) FROM search_due;

-- name: move_sequences @postgres
SELECT setval(pg_get_serial_sequence('search_due', 'id'), (SELECT COALESCE(max(id), 0) + 1 FROM search_due), false);

-- What making a store noted, but for the keys that belong to this one.
-- name: move_meta_away
DELETE FROM store_meta WHERE name <> 'ring';
