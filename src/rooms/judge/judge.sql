-- Rules, classes, who is in them.

-- part: rule_columns
u.id, u.class, u.key, u.label, u.condition, u.points, u.is_on, u.holds, u.created_ms, u.changed_ms, u.version;

-- name: rule_list -> rule_row
SELECT {{rule_columns}} FROM class_rule u WHERE u.is_gone = 0 ORDER BY u.id LIMIT 1000;

-- name: rule_get -> rule_row
SELECT {{rule_columns}} FROM class_rule u WHERE u.id = :id AND u.is_gone = 0;

-- Also of those that were taken away.
-- name: rule_keys -> rule_key
SELECT u.key FROM class_rule u WHERE u.key <> '' ORDER BY u.key LIMIT 1000;

-- name: rule_insert
INSERT INTO class_rule (id, class, key, label, condition, points, is_on, staff_id, created_ms, changed_ms)
VALUES (:id, :class, :key, :label, :condition, :points, :is_on, :staff, :now, :now) ON CONFLICT DO NOTHING;

-- name: rule_update
UPDATE class_rule
   SET label = :label, condition = :condition, points = :points, is_on = :is_on, is_gone = :is_gone, holds = NULL,
       changed_ms = :now, version = version + 1
 WHERE id = :id AND version = :version AND is_gone = 0;

-- As it stands.
-- name: rule_version_keep
INSERT INTO class_rule_version (rule_id, version, class, label, condition, points, is_on, is_gone, staff_id, at_ms)
SELECT u.id, u.version, u.class, u.label, u.condition, u.points, u.is_on, u.is_gone, :staff, :now FROM class_rule u WHERE u.id = :id
    ON CONFLICT DO NOTHING;

-- name: rule_versions -> rule_version_row
SELECT v.version, v.label, v.condition, v.points, v.is_on, v.at_ms, COALESCE(st.name, '')
  FROM class_rule_version v LEFT JOIN staff st ON st.id = v.staff_id
 WHERE v.rule_id = :id ORDER BY v.version DESC LIMIT 200;

-- name: rule_holds_put
UPDATE class_rule SET holds = :n WHERE id = :id;

-- How often people spoke against what a rule said, or for it.
-- name: rule_said -> rule_said_row
SELECT d.rule_id, CAST(SUM(d.is_against) AS {{int}}) AS against, CAST(SUM(1 - d.is_against) AS {{int}}) AS agreeing FROM class_said d GROUP BY d.rule_id ORDER BY d.rule_id LIMIT 10000;

-- name: class_setting_list -> class_setting_row
SELECT c.class, c.enter, c.leave, c.stay_days, c.known, c.is_on, c.advice, c.changed_ms, c.version
  FROM class_setting c ORDER BY c.class LIMIT 100;

-- name: class_setting_ship
INSERT INTO class_setting (class, enter, leave, stay_days, known, changed_ms)
VALUES (:class, :enter, :leave, :stay, :known, :now) ON CONFLICT DO NOTHING;

-- name: class_setting_put
UPDATE class_setting SET enter = :enter, leave = :leave, stay_days = :stay, known = :known, is_on = :is_on, advice = :advice,
       staff_id = :staff, changed_ms = :now, version = version + 1
 WHERE class = :class AND version = :version;

-- name: class_counts -> class_count_row
SELECT j.class, COUNT(*) AS n, CAST(SUM(CASE WHEN j.lead_ms > 0 THEN 1 ELSE 0 END) AS {{int}}) AS leads FROM judgement j GROUP BY j.class ORDER BY j.class LIMIT 100;

-- ---- looking ----

-- name: judge_whom -> judge_whom_row
SELECT s.customer_id, s.contacts + s.orders AS known FROM standing s WHERE s.customer_id IN {{ints}} :customers ORDER BY s.customer_id LIMIT 1000;

-- name: judge_whom_page -> judge_whom_row
SELECT s.customer_id, s.contacts + s.orders AS known FROM standing s WHERE s.customer_id > :after ORDER BY s.customer_id LIMIT :n;

-- name: judge_was -> judge_was_row
SELECT j.customer_id, j.class, j.score, j.since_ms, j.lead_ms
  FROM judgement j WHERE j.customer_id >= :from AND j.customer_id <= :to ORDER BY j.customer_id LIMIT 100000;

-- name: judge_was_of -> judge_was_row
SELECT j.customer_id, j.class, j.score, j.since_ms, j.lead_ms
  FROM judgement j WHERE j.customer_id IN {{ints}} :customers ORDER BY j.customer_id LIMIT 10000;

-- name: judge_pins -> judge_pin_row
SELECT r.root_id, k.class, k.at_ms, k.until_ms, k.ended_ms
  FROM class_correction k JOIN customer r ON r.id = k.customer_id
 WHERE k.class <> '' AND r.root_id >= :from AND r.root_id <= :to
 ORDER BY r.root_id, k.id LIMIT 100000;

-- name: judge_pins_of -> judge_pin_row
SELECT r.root_id, k.class, k.at_ms, k.until_ms, k.ended_ms
  FROM customer r JOIN class_correction k ON k.customer_id = r.id
 WHERE r.root_id IN {{ints}} :customers AND k.class <> ''
 ORDER BY r.root_id, k.id LIMIT 10000;

-- name: judge_names -> customer_ref_row
SELECT c.id, c.name FROM customer c WHERE c.id IN {{ints}} :ids ORDER BY c.id LIMIT 100;

-- ---- writing ----

-- name: judgement_put
INSERT INTO judgement (customer_id, class, score, since_ms, lead_ms) VALUES (:customer, :class, :score, :since, :lead)
    ON CONFLICT (customer_id, class) DO UPDATE SET score = excluded.score, since_ms = excluded.since_ms, lead_ms = excluded.lead_ms;

-- name: judgement_drop
DELETE FROM judgement WHERE customer_id = :customer AND class = :class;

-- Records that went into others are judged with them.
-- name: judgement_merged
DELETE FROM judgement WHERE customer_id IN (SELECT c.id FROM customer c WHERE c.root_id IN {{ints}} :customers AND c.id <> c.root_id);

-- name: judgement_log_add
INSERT INTO judgement_log (id, customer_id, at_ms, was, leads, classes, why, correction_id)
VALUES (:id, :customer, :now, :was, :leads, :classes, :why, :correction);

-- name: judgement_log_page -> judgement_log_row
SELECT l.id, l.at_ms, l.was, l.leads, l.classes, l.why, COALESCE(k.actor_name, ''), COALESCE(k.reason, '')
  FROM customer r JOIN judgement_log l ON l.customer_id = r.id LEFT JOIN class_correction k ON k.id = l.correction_id
 WHERE r.root_id = :root AND l.id < :before
 ORDER BY l.id DESC LIMIT :n;

-- name: segments_again
INSERT INTO rule_due (customer_id, due_ms)
SELECT given.value, 0 FROM {{ints}} :customers AS given
 WHERE EXISTS (SELECT 1 FROM segment)
    ON CONFLICT (customer_id) DO UPDATE SET due_ms = 0;

-- ---- people ----

-- name: correction_add
INSERT INTO class_correction (id, customer_id, was, class, reason, until_ms, actor_kind, actor_id, actor_name, at_ms)
VALUES (:id, :customer, :was, :class, :reason, :until, :kind, :actor, :name, :now);

-- name: correction_said
INSERT INTO class_said (correction_id, rule_id, version, is_against) VALUES (:correction, :rule, :version, :against) ON CONFLICT DO NOTHING;

-- name: pins_end
UPDATE class_correction SET ended_ms = :now
 WHERE customer_id IN (SELECT c.id FROM customer c WHERE c.root_id = :root) AND class <> '' AND ended_ms = 0 AND until_ms > :now;

-- ---- the job ----

-- name: judge_follow_get -> judge_follow_row
SELECT f.xid, f.seq, f.filled_to, f.round, f.looked, f.changed, f.begun_ms, f.done_ms, f.holds FROM judge_follow f WHERE f.id = 1;

-- name: judge_follow_at
INSERT INTO judge_follow (id, xid, seq) VALUES (1, :xid, :seq)
    ON CONFLICT (id) DO UPDATE SET xid = excluded.xid, seq = excluded.seq;

-- name: judge_follow_anew
UPDATE judge_follow SET filled_to = 0, round = round + 1, looked = 0, changed = 0, holds = '', begun_ms = :now, done_ms = 0 WHERE id = 1;

-- name: judge_follow_filled
UPDATE judge_follow SET filled_to = :to, looked = looked + :looked, changed = changed + :changed, holds = :holds, done_ms = :done
 WHERE id = 1 AND round = :round;

-- name: judge_due_list -> judge_due_row
SELECT d.customer_id, d.depth, d.due_ms, d.reads_all FROM judge_due d WHERE d.due_ms <= :now ORDER BY d.due_ms, d.customer_id LIMIT :n;

-- name: judge_due_of -> judge_due_row
SELECT d.customer_id, d.depth, d.due_ms, d.reads_all FROM judge_due d WHERE d.customer_id IN {{ints}} :customers ORDER BY d.customer_id LIMIT 1000;

-- Which of these answer for themselves: by an index, without their rows.
-- name: judge_own -> judge_root_row
SELECT c.id, c.root_id FROM customer c WHERE c.root_id IN {{ints}} :customers AND c.id = c.root_id ORDER BY c.root_id LIMIT 1000;

-- Who answers for these.
-- name: judge_roots -> judge_root_row
SELECT c.id, c.root_id FROM customer c JOIN standing s ON s.customer_id = c.root_id WHERE c.id IN {{ints}} :customers ORDER BY c.id LIMIT 1000;

-- Is anything kept of records that went into these?
-- name: judgement_of_merged
SELECT c.id FROM customer c JOIN judgement j ON j.customer_id = c.id
 WHERE c.root_id IN {{ints}} :customers AND c.id <> c.root_id LIMIT 1;

-- name: judge_due_drop
DELETE FROM judge_due WHERE customer_id IN {{ints}} :customers;

-- name: judge_due_at
INSERT INTO judge_due (customer_id, due_ms) VALUES (:customer, :due)
    ON CONFLICT (customer_id) DO UPDATE
       SET due_ms = CASE WHEN excluded.due_ms < judge_due.due_ms THEN excluded.due_ms ELSE judge_due.due_ms END;

-- Who is due already comes to another due_ms (so does judge_due_many): between a look and its writing nobody is taken off the
-- queue who came on it again.
-- name: judge_due_now
INSERT INTO judge_due (customer_id, due_ms, depth)
SELECT DISTINCT c.root_id, 0, CAST(:depth AS BIGINT)
  FROM {{ints}} :customers AS given JOIN customer c ON c.id = given.value
 WHERE EXISTS (SELECT 1 FROM standing s WHERE s.customer_id = c.root_id)
    ON CONFLICT (customer_id) DO UPDATE
       SET due_ms = CASE WHEN judge_due.due_ms > 0 THEN 0 ELSE judge_due.due_ms - 1 END, depth = CASE WHEN excluded.depth > judge_due.depth THEN excluded.depth ELSE judge_due.depth END;

-- The same of records that answered for themselves when they were looked at and were not read to the end: one that does no more is
-- taken off at his look.
-- name: judge_due_put
INSERT INTO judge_due (customer_id, due_ms, depth, reads_all)
SELECT DISTINCT given.value, 0, CAST(:depth AS BIGINT), 1 FROM {{ints}} :roots AS given WHERE given.value > 0
    ON CONFLICT (customer_id) DO UPDATE
       SET due_ms = CASE WHEN judge_due.due_ms > 0 THEN 0 ELSE judge_due.due_ms - 1 END, reads_all = 1, depth = CASE WHEN excluded.depth > judge_due.depth THEN excluded.depth ELSE judge_due.depth END;

-- name: judge_total
SELECT COUNT(*) FROM standing;

-- name: judge_page -> judge_page
SELECT s.customer_id FROM standing s WHERE s.customer_id > :after ORDER BY s.customer_id LIMIT :n;

-- name: judge_skip
SELECT s.customer_id FROM standing s WHERE s.customer_id > :after ORDER BY s.customer_id LIMIT 1 OFFSET :skip;

-- name: judge_total_to
SELECT COUNT(*) FROM (SELECT 1 FROM standing LIMIT :most) AS found;

-- name: judge_due_all
INSERT INTO judge_due (customer_id, due_ms, reads_all) SELECT s.customer_id, 0, 1 FROM standing s WHERE s.customer_id > 0
    ON CONFLICT (customer_id) DO UPDATE SET reads_all = 1;
