-- Segments: named conditions and who is in them.

-- name: segment_names -> customer_ref_row
SELECT c.id, c.name FROM customer c WHERE c.id IN {{ints}} :ids ORDER BY c.id DESC LIMIT 100;

-- Records that others were merged into.
-- name: segment_merged -> number_row
SELECT DISTINCT k.root_id FROM customer k WHERE k.root_id <> k.id AND k.root_id > :after ORDER BY k.root_id LIMIT :n;

-- part: segment_columns
g.id, g.name, g.condition, g.members, g.filled_to, g.failure, g.created_ms, g.changed_ms, g.version;

-- name: segment_list -> segment_row
SELECT {{segment_columns}} FROM segment g WHERE g.is_going = 0 ORDER BY g.folded LIMIT 500;

-- name: segment_get -> segment_row
SELECT {{segment_columns}} FROM segment g WHERE g.id = :id AND g.is_going = 0;

-- name: segment_by_name -> segment_row
SELECT {{segment_columns}} FROM segment g WHERE g.folded = :folded AND g.is_going = 0;

-- name: segment_insert
INSERT INTO segment (id, name, folded, condition, filled_to, staff_id, created_ms, changed_ms)
VALUES (:id, :name, :folded, :condition, 0, :staff, :now, :now) ON CONFLICT DO NOTHING;

-- name: segment_update
UPDATE segment
   SET name = :name, folded = :folded, condition = :condition, changed_ms = :now, version = version + 1,
       filled_to = CASE WHEN :refill = 1 THEN 0 ELSE filled_to END, failure = CASE WHEN :refill = 1 THEN '' ELSE failure END
 WHERE id = :id AND version = :version;

-- Its name is free at once.
-- name: segment_go
UPDATE segment SET is_going = 1, folded = ' ' || CAST(id AS TEXT), filled_to = NULL, version = version + 1
 WHERE id = :id AND is_going = 0;

-- name: segment_members_page -> segment_member_row
SELECT m.customer_id, c.name, m.at_ms
  FROM segment_member m JOIN customer c ON c.id = m.customer_id
 WHERE m.segment_id = :segment AND m.customer_id < :before
 ORDER BY m.customer_id DESC LIMIT :n;

-- ---- the job ----

-- name: segment_going -> number_row
SELECT g.id FROM segment g WHERE g.is_going = 1 ORDER BY g.id LIMIT 1;

-- name: segment_members_drop
DELETE FROM segment_member
 WHERE segment_id = :segment AND customer_id IN (SELECT m.customer_id FROM segment_member m WHERE m.segment_id = :segment LIMIT 500);

-- name: segment_drop
DELETE FROM segment WHERE id = :id;

-- name: segment_filling -> segment_filling_row
SELECT g.id, g.filled_to FROM segment g WHERE g.filled_to IS NOT NULL ORDER BY g.id LIMIT 1;

-- name: segment_fill_page -> number_row
SELECT s.customer_id FROM standing s WHERE s.customer_id > :after ORDER BY s.customer_id LIMIT :n;

-- name: segment_filled
UPDATE segment SET filled_to = :to WHERE id = :id;

-- name: segment_members_of -> segment_pair_row
SELECT m.segment_id, m.customer_id FROM segment_member m
 WHERE m.customer_id IN {{ints}} :customers ORDER BY m.customer_id, m.segment_id LIMIT 100000;

-- name: segment_enter
INSERT INTO segment_member (segment_id, customer_id, at_ms) VALUES (:segment, :customer, :now) ON CONFLICT DO NOTHING;

-- name: segment_leave
DELETE FROM segment_member WHERE segment_id = :segment AND customer_id = :customer;

-- name: segment_count_moved
UPDATE segment SET members = members + :by WHERE id = :id;

-- name: rule_due_list -> rule_due_row
SELECT d.customer_id, d.depth FROM rule_due d WHERE d.due_ms <= :now ORDER BY d.due_ms, d.customer_id LIMIT :n;

-- name: rule_due_drop
DELETE FROM rule_due WHERE customer_id IN {{ints}} :customers;

-- name: rule_due_at
INSERT INTO rule_due (customer_id, due_ms) VALUES (:customer, :due)
    ON CONFLICT (customer_id) DO UPDATE
       SET due_ms = CASE WHEN excluded.due_ms < rule_due.due_ms THEN excluded.due_ms ELSE rule_due.due_ms END;

-- name: segment_follow_get -> segment_follow_row
SELECT f.xid, f.seq FROM segment_follow f WHERE f.id = 1;

-- name: segment_follow_put
INSERT INTO segment_follow (id, xid, seq) VALUES (1, :xid, :seq)
    ON CONFLICT (id) DO UPDATE SET xid = excluded.xid, seq = excluded.seq;

-- name: segment_refill_all
UPDATE segment SET filled_to = 0, failure = '' WHERE is_going = 0;

-- name: segment_refill
UPDATE segment SET filled_to = 0, failure = '' WHERE id = :id AND is_going = 0;

-- It stands still until a person has it filled again.
-- name: segment_failed
UPDATE segment SET filled_to = NULL, failure = :failure WHERE id = :id;
