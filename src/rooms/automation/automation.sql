-- Automations: what they are, what they did, what waits to be sent.

-- part: automation_columns
a.id, a.name, a.event, a.segment_id, g.name AS segment_name, a.condition, a.again_days, a.is_on, a.on_ms, a.secret, a.stopped, a.stopped_ms,
a.created_ms, a.changed_ms, a.version;

-- name: automation_list -> automation_row
SELECT {{automation_columns}} FROM automation a LEFT JOIN segment g ON g.id = a.segment_id AND g.is_going = 0
 WHERE a.is_going = 0 ORDER BY a.folded LIMIT 300;

-- name: automation_get -> automation_row
SELECT {{automation_columns}} FROM automation a LEFT JOIN segment g ON g.id = a.segment_id AND g.is_going = 0
 WHERE a.id = :id AND a.is_going = 0;

-- name: automation_on -> automation_row
SELECT {{automation_columns}} FROM automation a LEFT JOIN segment g ON g.id = a.segment_id AND g.is_going = 0
 WHERE a.is_going = 0 AND a.is_on = 1 ORDER BY a.id LIMIT 300;

-- name: automation_by_name -> number_row
SELECT a.id FROM automation a WHERE a.folded = :folded;

-- name: automation_has_segment
SELECT count(*) FROM segment g WHERE g.id = :id AND g.is_going = 0;

-- name: automation_insert
INSERT INTO automation (id, name, folded, event, segment_id, condition, again_days, is_on, on_ms, secret, staff_id, created_ms, changed_ms)
VALUES (:id, :name, :folded, :event, :segment, :condition, :again_days, :is_on, :now, :secret, :staff, :now, :now) ON CONFLICT DO NOTHING;

-- name: automation_update
UPDATE automation
   SET name = :name, folded = :folded, event = :event, segment_id = :segment, condition = :condition, again_days = :again_days,
       is_on = :is_on, on_ms = CASE WHEN :begins = 1 THEN :now ELSE on_ms END, secret = :secret,
       stopped = CASE WHEN :begins = 1 THEN '' ELSE stopped END, changed_ms = :now, version = version + 1
 WHERE id = :id AND version = :version AND is_going = 0;

-- name: automation_secret
UPDATE automation SET secret = :secret, changed_ms = :now, version = version + 1 WHERE id = :id AND is_going = 0;

-- Its name is free at once.
-- name: automation_go
UPDATE automation SET is_going = 1, is_on = 0, folded = ' ' || CAST(id AS TEXT), version = version + 1 WHERE id = :id AND is_going = 0;

-- name: automation_stopped
UPDATE automation SET stopped = :why, stopped_ms = :now WHERE id = :id;

-- name: automation_actions -> automation_action_row
SELECT k.automation_id, k.kind, k.tag, k.text, k.url, k.recipient, k.staff_id, s.name AS staff_name, k.priority, k.days
  FROM automation_action k LEFT JOIN staff s ON s.id = k.staff_id
 WHERE k.automation_id IN {{ints}} :automations ORDER BY k.automation_id, k.place LIMIT 5000;

-- name: automation_action_insert
INSERT INTO automation_action (automation_id, place, kind, tag, text, url, recipient, staff_id, priority, days)
VALUES (:automation, :place, :kind, :tag, :text, :url, :recipient, :staff, :priority, :days);

-- name: automation_actions_drop
DELETE FROM automation_action WHERE automation_id = :automation;

-- The newest run of each.
-- name: automation_newest -> automation_newest_row
SELECT a.id, (SELECT r.at_ms FROM automation_run r WHERE r.automation_id = a.id ORDER BY r.id DESC LIMIT 1) AS at_ms,
       (SELECT count(*) FROM (SELECT 1 AS one FROM webhook_delivery d WHERE d.state = 'waiting' AND d.automation_id = a.id LIMIT 10000) AS w) AS waiting,
       (SELECT count(*) FROM (SELECT 1 AS one FROM webhook_delivery d WHERE d.state = 'dead' AND d.automation_id = a.id LIMIT 10000) AS w) AS dead
  FROM automation a WHERE a.id IN {{ints}} :automations ORDER BY a.id LIMIT 300;

-- ---- following ----

-- name: automation_follow_get -> automation_follow_row
SELECT f.xid, f.seq FROM automation_follow f WHERE f.id = 1;

-- name: automation_follow_put
INSERT INTO automation_follow (id, xid, seq) VALUES (1, :xid, :seq)
    ON CONFLICT (id) DO UPDATE SET xid = excluded.xid, seq = excluded.seq;

-- name: automation_roots -> automation_root_row
SELECT c.id, c.root_id FROM customer c WHERE c.id IN {{ints}} :customers ORDER BY c.id LIMIT 10000;

-- name: automation_root
SELECT c.root_id FROM customer c WHERE c.id = :id;

-- name: automation_last_get
SELECT l.at_ms FROM automation_last l WHERE l.automation_id = :automation AND l.customer_id = :customer;

-- name: automation_last_put
INSERT INTO automation_last (automation_id, customer_id, at_ms) VALUES (:automation, :customer, :now)
    ON CONFLICT (automation_id, customer_id) DO UPDATE SET at_ms = excluded.at_ms;

-- name: automation_run_count
SELECT count(*) FROM automation_run r
 WHERE r.customer_id = :customer AND r.automation_id = :automation AND r.at_ms > :since;

-- name: automation_run_insert
INSERT INTO automation_run (id, automation_id, customer_id, event, ref, depth, outcome, place, reason, at_ms)
VALUES (:id, :automation, :customer, :event, :ref, :depth, :outcome, :place, :reason, :now);

-- Not joined: PostgreSQL would go through everybody who has an owner while its statistics know of nobody.
-- name: automation_owner -> automation_colleague
SELECT s.id FROM staff s WHERE s.id = (SELECT c.owner_id FROM customer c WHERE c.id = :customer) AND s.is_active = 1;

-- name: automation_managers -> automation_colleague
SELECT s.id FROM staff s WHERE s.is_active = 1 AND s.role IN ('owner', 'manager') ORDER BY s.id LIMIT 20;

-- name: automation_colleague -> automation_colleague
SELECT s.id FROM staff s WHERE s.id = :id AND s.is_active = 1;

-- name: automation_tags
SELECT count(DISTINCT k.tag_id) FROM customer m JOIN customer_tag k ON k.customer_id = m.id WHERE m.root_id = :root;

-- ---- runs ----

-- name: automation_runs -> automation_run_row
SELECT r.id, r.automation_id, r.customer_id, c.name, r.event, r.ref, r.depth, r.outcome, r.place, r.reason, r.at_ms,
       (SELECT d.state FROM webhook_delivery d WHERE d.run_id = r.id LIMIT 1) AS webhook
  FROM automation_run r JOIN customer c ON c.id = r.customer_id
 WHERE r.automation_id = :automation AND r.id < :before
 ORDER BY r.id DESC LIMIT :n;

-- ---- what an automation would have done ----

-- name: automation_events -> automation_event_row @sqlite
SELECT e.seq, e.type, e.at_ms, e.customer_id, e.ref_id
  FROM (SELECT seq, type, at_ms, customer_id, ref_id FROM event ORDER BY seq DESC LIMIT 20000) AS e
 WHERE e.type = :type AND e.customer_id <> 0 AND e.at_ms >= :since
 ORDER BY e.seq DESC LIMIT 2000;

-- name: automation_events -> automation_event_row @postgres
SELECT e.seq, e.type, e.at_ms, e.customer_id, e.ref_id
  FROM (SELECT seq, type, at_ms, customer_id, ref_id FROM event ORDER BY xid DESC, seq DESC LIMIT 20000) AS e
 WHERE e.type = :type AND e.customer_id <> 0 AND e.at_ms >= :since
 ORDER BY e.seq DESC LIMIT 2000;

-- name: automation_events_from @sqlite
SELECT min(e.at_ms) FROM (SELECT at_ms FROM event ORDER BY seq DESC LIMIT 20000) AS e;

-- name: automation_events_from @postgres
SELECT min(e.at_ms) FROM (SELECT at_ms FROM event ORDER BY xid DESC, seq DESC LIMIT 20000) AS e;

-- name: automation_names -> customer_ref_row
SELECT c.id, c.name FROM customer c WHERE c.id IN {{ints}} :ids ORDER BY c.id DESC LIMIT 100;

-- ---- webhooks ----

-- name: delivery_insert
INSERT INTO webhook_delivery (id, automation_id, run_id, customer_id, event, ref, state, tries, due_ms, until_ms, at_ms)
VALUES (:id, :automation, :run, :customer, :event, :ref, 'waiting', 0, :now, :until, :now);

-- name: delivery_waiting
SELECT count(*) FROM (SELECT 1 AS one FROM webhook_delivery d WHERE d.state = 'waiting' AND d.automation_id = :automation LIMIT :most) AS w;

-- The next one of each automation: they are sent one after the other.
-- name: delivery_due -> delivery_due_row
SELECT d.id, d.automation_id, d.run_id, d.customer_id, d.event, d.ref, d.tries, d.due_ms, d.until_ms, d.at_ms, a.name, a.secret,
       (SELECT k.url FROM automation_action k WHERE k.automation_id = a.id AND k.kind = 'webhook' LIMIT 1) AS url
  FROM automation a JOIN webhook_delivery d
    ON d.id = (SELECT x.id FROM webhook_delivery x WHERE x.state = 'waiting' AND x.automation_id = a.id AND x.due_ms <= :now
                ORDER BY x.due_ms, x.id LIMIT 1)
 WHERE a.is_going = 0 ORDER BY d.due_ms LIMIT 100;

-- Whoever writes it sends it; if he does not come to it, it is due again.
-- name: delivery_claim
UPDATE webhook_delivery SET due_ms = :again, tries = tries + 1 WHERE id = :id AND due_ms = :due AND state = 'waiting';

-- name: delivery_end
UPDATE webhook_delivery SET state = :state, done_ms = :now, status = :status, reason = :reason WHERE id = :id AND state = 'waiting';

-- name: delivery_later
UPDATE webhook_delivery SET due_ms = :due, status = :status, reason = :reason WHERE id = :id AND state = 'waiting';

-- part: delivery_columns
d.id, d.automation_id, a.name AS automation_name, d.customer_id, c.name AS customer_name, d.event, d.ref, d.state, d.tries, d.due_ms, d.at_ms, d.done_ms, d.status, d.reason;

-- name: delivery_get -> delivery_row
SELECT {{delivery_columns}}
  FROM webhook_delivery d JOIN automation a ON a.id = d.automation_id LEFT JOIN customer c ON c.id = d.customer_id
 WHERE d.id = :id AND a.is_going = 0;

-- name: delivery_dead -> delivery_row
SELECT {{delivery_columns}}
  FROM webhook_delivery d JOIN automation a ON a.id = d.automation_id LEFT JOIN customer c ON c.id = d.customer_id
 WHERE d.state = 'dead' AND a.is_going = 0 AND d.id < :before ORDER BY d.id DESC LIMIT :n;

-- name: delivery_of -> delivery_row
SELECT {{delivery_columns}}
  FROM webhook_delivery d JOIN automation a ON a.id = d.automation_id LEFT JOIN customer c ON c.id = d.customer_id
 WHERE d.automation_id = :automation AND a.is_going = 0 AND d.id < :before ORDER BY d.id DESC LIMIT :n;

-- name: delivery_again
UPDATE webhook_delivery SET state = 'waiting', tries = 0, due_ms = :now, until_ms = :until, done_ms = NULL
 WHERE id = :id AND state <> 'sent';

-- ---- notices ----

-- name: notice_insert
INSERT INTO notice (id, staff_id, customer_id, automation_id, text, at_ms) VALUES (:id, :staff, :customer, :automation, :text, :now);

-- name: notice_waiting
SELECT count(*) FROM (SELECT 1 AS one FROM notice n WHERE n.staff_id = :staff AND n.seen_ms IS NULL LIMIT :most) AS w;

-- name: notice_new -> notice_row
SELECT n.id, c.root_id, r.name, n.text, n.at_ms, n.seen_ms
  FROM notice n JOIN customer c ON c.id = n.customer_id JOIN customer r ON r.id = c.root_id
 WHERE n.staff_id = :staff AND n.seen_ms IS NULL AND n.id < :before ORDER BY n.id DESC LIMIT :n;

-- name: notice_all -> notice_row
SELECT n.id, c.root_id, r.name, n.text, n.at_ms, n.seen_ms
  FROM notice n JOIN customer c ON c.id = n.customer_id JOIN customer r ON r.id = c.root_id
 WHERE n.staff_id = :staff AND n.id < :before ORDER BY n.id DESC LIMIT :n;

-- name: notice_seen
UPDATE notice SET seen_ms = :now WHERE id = :id AND staff_id = :staff AND seen_ms IS NULL;

-- name: notice_has
SELECT count(*) FROM notice n WHERE n.id = :id AND n.staff_id = :staff;

-- ---- taking out ----

-- name: automation_going -> number_row
SELECT a.id FROM automation a WHERE a.is_going = 1 ORDER BY a.id LIMIT 1;

-- name: automation_runs_drop
DELETE FROM automation_run WHERE id IN (SELECT r.id FROM automation_run r WHERE r.automation_id = :automation ORDER BY r.id LIMIT 500);

-- name: automation_deliveries_drop
DELETE FROM webhook_delivery WHERE id IN (SELECT d.id FROM webhook_delivery d WHERE d.automation_id = :automation ORDER BY d.id LIMIT 500);

-- name: automation_lasts_drop
DELETE FROM automation_last
 WHERE automation_id = :automation AND customer_id IN (SELECT l.customer_id FROM automation_last l WHERE l.automation_id = :automation LIMIT 500);

-- name: automation_drop
DELETE FROM automation WHERE id = :id;

-- name: automation_runs_old
DELETE FROM automation_run WHERE id IN (SELECT r.id FROM automation_run r WHERE r.id < :before ORDER BY r.id LIMIT 500);

-- name: deliveries_old
DELETE FROM webhook_delivery WHERE id IN (SELECT d.id FROM webhook_delivery d WHERE d.id < :before AND d.state <> 'waiting' ORDER BY d.id LIMIT 500);

-- name: notices_old
DELETE FROM notice WHERE id IN (SELECT n.id FROM notice n WHERE n.id < :before ORDER BY n.id LIMIT 500);

-- ---- keys ----

-- name: automation_secrets -> automation_secret_row
SELECT a.id, a.secret FROM automation a WHERE a.id > :after AND a.secret IS NOT NULL ORDER BY a.id LIMIT 100;

-- name: automation_reseal
UPDATE automation SET secret = :secret WHERE id = :id;
