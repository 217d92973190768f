-- Customers, their handles and what hangs on them. `:root` is always the id of the record that answers; parts are read
-- through customer.root_id, so that merged records show everything while each row keeps the id it came in by.

-- name: customer_ids -> customer_id_row
SELECT m.id, m.root_id
  FROM customer c JOIN customer m ON m.root_id = c.root_id
 WHERE c.id = :id
 ORDER BY m.id LIMIT 256;

-- Those of several records that answer for themselves.
-- name: customers_ids -> customer_id_row
SELECT m.id, m.root_id
  FROM customer m
 WHERE m.root_id IN {{ints}} :roots
 ORDER BY m.root_id, m.id LIMIT 100000;

-- name: customer_get -> customer_row
SELECT r.id, r.kind, {{customer_texts r.}}, r.owner_id, s.name, r.created_ms, r.changed_ms, r.version
  FROM customer c JOIN customer r ON r.id = c.root_id LEFT JOIN staff s ON s.id = r.owner_id
 WHERE c.id = :id;

-- name: customer_list -> customer_row
SELECT c.id, c.kind, {{customer_texts c.}}, c.owner_id, s.name, c.created_ms, c.changed_ms, c.version
  FROM customer c LEFT JOIN staff s ON s.id = c.owner_id
 WHERE c.id < :before AND c.root_id = c.id
 ORDER BY c.id DESC LIMIT :n;

-- name: customer_insert
INSERT INTO customer (id, root_id, kind, {{customer_texts}}, owner_id, created_ms, changed_ms,
                      folded_name, folded_region, folded_city, folded_company, folded_heard_of_us)
VALUES (:id, :id, :kind, {{customer_texts :}}, NULL, :now, :now, :folded_name, :folded_region, :folded_city, :folded_company, :folded_heard_of_us);

-- name: customer_update
UPDATE customer
   SET kind = :kind, {{customer_texts =}}, owner_id = :owner, changed_ms = :now, version = version + 1,
       folded_name = :folded_name, folded_region = :folded_region, folded_city = :folded_city, folded_company = :folded_company,
       folded_heard_of_us = :folded_heard_of_us
 WHERE id = :id AND version = :version;

-- Also those that were merged: any of them may answer again.
-- name: customer_fold_page -> customer_row
SELECT c.id, c.kind, {{customer_texts c.}}, c.owner_id, NULL, c.created_ms, c.changed_ms, c.version
  FROM customer c WHERE c.id > :after ORDER BY c.id LIMIT :n;

-- name: customer_fold
UPDATE customer
   SET folded_name = :folded_name, folded_region = :folded_region, folded_city = :folded_city, folded_company = :folded_company,
       folded_heard_of_us = :folded_heard_of_us
 WHERE id = :id;

-- name: customer_key_insert
INSERT INTO customer_key (key, customer_id) VALUES (:key, :customer) ON CONFLICT DO NOTHING;

-- Four at once; a key may be named twice.
-- name: customer_key_insert4
INSERT INTO customer_key (key, customer_id)
VALUES (:key, :customer), (:key2, :customer), (:key3, :customer), (:key4, :customer) ON CONFLICT DO NOTHING;

-- name: customer_key_has -> number_row
SELECT count(*) FROM customer_key WHERE key = :key AND customer_id = :customer;

-- name: customer_keys_delete
DELETE FROM customer_key WHERE customer_id = :customer;

-- ---- handles ----

-- A handle without owners still gives its row, so that plan sees its version.
-- name: identity_owners -> owner_row
SELECT c.root_id, o.customer_id, v.id, v.version, o.state, o.last_ms
  FROM identity_value v
  LEFT JOIN identity_owner o ON o.value_id = v.id AND o.state <> 'wrong'
  LEFT JOIN customer c ON c.id = o.customer_id
 WHERE v.value = :value AND v.type = :type
 ORDER BY o.customer_id LIMIT 64;

-- name: identity_owners_by_suffix -> owner_row
SELECT c.root_id, o.customer_id, v.id, v.version, o.state, o.last_ms
  FROM (SELECT id, version FROM identity_value WHERE reversed >= :first AND reversed < :end
         ORDER BY reversed LIMIT 22) v
  JOIN identity_owner o ON o.value_id = v.id AND o.state <> 'wrong'
  JOIN customer c ON c.id = o.customer_id
 ORDER BY o.customer_id LIMIT 64;

-- name: identity_value_insert
INSERT INTO identity_value (id, type, value, shown, reversed) VALUES (:id, :type, :value, :shown, :reversed)
    ON CONFLICT DO NOTHING;

-- Takes the handle and says by its count whether it is as plan saw it.
-- name: identity_value_take
UPDATE identity_value SET version = version + 1 WHERE id = :id AND version = :version;

-- name: identity_value_touch
UPDATE identity_value SET version = version + 1 WHERE id = :id;

-- name: identity_owner_insert
INSERT INTO identity_owner (value_id, customer_id, id, state, given, source, first_ms, last_ms)
VALUES (:value, :customer, :id, :state, :given, :source, :now, :now) ON CONFLICT DO NOTHING;

-- name: identity_seen
UPDATE identity_owner SET last_ms = :now WHERE value_id = :value AND customer_id = :customer AND last_ms < :now;

-- name: identity_confirm
UPDATE identity_owner SET state = 'confirmed', last_ms = :now
 WHERE value_id = :value AND customer_id = :customer AND state = 'claimed';

-- name: identity_list -> identity_row
SELECT o.id, v.type, o.state, CASE WHEN substr(v.value, 1, 1) = '!' THEN '' ELSE v.value END, o.given, v.shown, o.source,
       o.first_ms, o.last_ms
  FROM customer m JOIN identity_owner o ON o.customer_id = m.id JOIN identity_value v ON v.id = o.value_id
 WHERE m.root_id = :root
 ORDER BY o.id LIMIT 201;

-- name: identity_get -> identity_row
SELECT o.id, v.type, o.state, CASE WHEN substr(v.value, 1, 1) = '!' THEN '' ELSE v.value END, o.given, v.shown, o.source,
       o.first_ms, o.last_ms
  FROM identity_owner o JOIN identity_value v ON v.id = o.value_id
 WHERE o.id = :id;

-- name: identity_of -> identity_row
SELECT o.id, v.type, o.state, CASE WHEN substr(v.value, 1, 1) = '!' THEN '' ELSE v.value END, o.given, v.shown, o.source,
       o.first_ms, o.last_ms
  FROM identity_owner o JOIN identity_value v ON v.id = o.value_id
 WHERE o.value_id = :value AND o.customer_id = :customer;

-- name: identity_place -> identity_place
SELECT o.value_id, o.customer_id, c.root_id FROM identity_owner o JOIN customer c ON c.id = o.customer_id WHERE o.id = :id;

-- name: identity_state_set
UPDATE identity_owner SET state = :state WHERE value_id = :value AND customer_id = :customer;

-- name: identity_owner_delete
DELETE FROM identity_owner WHERE value_id = :value AND customer_id = :customer;

-- ---- parts of a record ----

-- name: mark_list -> mark_row
SELECT k.mark, k.reason, s.id, s.name, k.at_ms
  FROM customer m JOIN customer_mark k ON k.customer_id = m.id LEFT JOIN staff s ON s.id = k.staff_id
 WHERE m.root_id = :root
 ORDER BY k.at_ms, k.mark LIMIT 100;

-- name: mark_set
INSERT INTO customer_mark (customer_id, mark, reason, staff_id, at_ms) VALUES (:customer, :mark, :reason, :staff, :now)
    ON CONFLICT (customer_id, mark) DO UPDATE SET reason = excluded.reason, staff_id = excluded.staff_id, at_ms = excluded.at_ms;

-- name: mark_remove
DELETE FROM customer_mark WHERE mark = :mark AND customer_id IN (SELECT id FROM customer WHERE root_id = :root);

-- name: address_list -> address_row
SELECT a.id, a.kind, a.line, a.postal, a.city, a.region, a.country, a.source, a.at_ms
  FROM customer m JOIN address a ON a.customer_id = m.id
 WHERE m.root_id = :root
 ORDER BY a.id LIMIT 101;

-- name: address_insert
INSERT INTO address (id, customer_id, kind, line, postal, city, region, country, source, at_ms)
VALUES (:id, :customer, :kind, :line, :postal, :city, :region, :country, :source, :now);

-- name: address_get -> address_row
SELECT a.id, a.kind, a.line, a.postal, a.city, a.region, a.country, a.source, a.at_ms FROM address a WHERE a.id = :id;

-- name: address_put
INSERT INTO address (id, customer_id, kind, line, postal, city, region, country, source, at_ms)
VALUES (:id, :customer, :kind, :line, :postal, :city, :region, :country, :source, :at)
    ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, line = excluded.line, postal = excluded.postal, city = excluded.city,
       region = excluded.region, country = excluded.country, source = excluded.source, at_ms = excluded.at_ms;

-- name: holding_list -> holding_row
SELECT h.id, h.product_id, h.name, h.serial, h.plan, h.number, h.until_ms, h.at_ms
  FROM customer m JOIN holding h ON h.customer_id = m.id
 WHERE m.root_id = :root
 ORDER BY h.id LIMIT 101;

-- name: holding_get -> holding_row
SELECT h.id, h.product_id, h.name, h.serial, h.plan, h.number, h.until_ms, h.at_ms FROM holding h WHERE h.id = :id;

-- name: holding_put
INSERT INTO holding (id, customer_id, product_id, name, serial, plan, number, until_ms, at_ms)
VALUES (:id, :customer, :product, :name, :serial, :plan, :number, :until, :at)
    ON CONFLICT (id) DO UPDATE SET product_id = excluded.product_id, name = excluded.name, serial = excluded.serial,
       plan = excluded.plan, number = excluded.number, until_ms = excluded.until_ms;

-- `reads` tells from which side: 0 this record to the other, 1 the other to this record. One id and one side at a time, so
-- that a company with a hundred thousand people opens like any other.
-- name: relation_from -> relation_row
SELECT r.id, t.id AS other_id, t.name AS other_name, t.kind AS other_kind, t.lang AS other_lang, r.kind, r.role, r.at_ms,
       CAST(0 AS BIGINT) AS reads
  FROM relation r JOIN customer o ON o.id = r.other_id JOIN customer t ON t.id = o.root_id
 WHERE r.customer_id = :customer
 ORDER BY r.id LIMIT :n;

-- name: relation_to -> relation_row
SELECT r.id, t.id AS other_id, t.name AS other_name, t.kind AS other_kind, t.lang AS other_lang, r.kind, r.role, r.at_ms,
       CAST(1 AS BIGINT) AS reads
  FROM relation r JOIN customer o ON o.id = r.customer_id JOIN customer t ON t.id = o.root_id
 WHERE r.other_id = :customer
 ORDER BY r.id LIMIT :n;

-- name: relation_get -> relation_row
SELECT r.id, t.id AS other_id, t.name AS other_name, t.kind AS other_kind, t.lang AS other_lang, r.kind, r.role, r.at_ms,
       CAST(0 AS BIGINT) AS reads
  FROM relation r JOIN customer o ON o.id = r.other_id JOIN customer t ON t.id = o.root_id
 WHERE r.id = :id;

-- name: relation_put
INSERT INTO relation (id, customer_id, other_id, kind, role, at_ms) VALUES (:id, :customer, :other, :kind, :role, :at)
    ON CONFLICT (id) DO UPDATE SET role = excluded.role, kind = excluded.kind;

-- Whose a part is, and away with it.
-- name: address_whose -> number_row
SELECT c.root_id FROM address x JOIN customer c ON c.id = x.customer_id WHERE x.id = :id;

-- name: address_delete
DELETE FROM address WHERE id = :id;

-- name: holding_whose -> number_row
SELECT c.root_id FROM holding x JOIN customer c ON c.id = x.customer_id WHERE x.id = :id;

-- name: holding_delete
DELETE FROM holding WHERE id = :id;

-- name: relation_whose -> number_row
SELECT c.root_id FROM relation x JOIN customer c ON c.id = x.customer_id WHERE x.id = :id;

-- name: relation_delete
DELETE FROM relation WHERE id = :id;

-- name: holding_product -> number_row
SELECT id FROM product WHERE id = :id;

-- name: address_count -> number_row
SELECT count(*) FROM customer m JOIN address a ON a.customer_id = m.id WHERE m.root_id = :root;

-- name: holding_count -> number_row
SELECT count(*) FROM customer m JOIN holding h ON h.customer_id = m.id WHERE m.root_id = :root;

-- name: relation_same -> number_row
SELECT r.id FROM relation r WHERE r.customer_id = :customer AND r.other_id = :other AND r.kind = :kind LIMIT 1;

-- name: note_list -> note_row
SELECT n.id, n.text, s.id, s.name, n.at_ms
  FROM note n LEFT JOIN staff s ON s.id = n.staff_id
 WHERE n.customer_id = :customer
 ORDER BY n.at_ms DESC, n.id DESC LIMIT :n;

-- name: note_page -> note_row
SELECT n.id, n.text, s.id, s.name, n.at_ms
  FROM note n LEFT JOIN staff s ON s.id = n.staff_id
 WHERE n.customer_id = :customer AND n.at_ms <= :at AND (n.at_ms < :at OR n.id < :before)
 ORDER BY n.at_ms DESC, n.id DESC LIMIT :n;

-- name: note_insert
INSERT INTO note (id, customer_id, text, staff_id, at_ms) VALUES (:id, :customer, :text, :staff, :now);

-- name: proposal_list -> proposal_row
SELECT p.id, p.customer_id, p.interaction_id, p.field, p.value, p.at_ms, p.decided_ms
  FROM customer m JOIN proposal p ON p.customer_id = m.id AND p.decided_ms IS NULL
 WHERE m.root_id = :root
 ORDER BY p.id LIMIT 101;

-- name: proposal_get -> proposal_row
SELECT p.id, c.root_id, p.interaction_id, p.field, p.value, p.at_ms, p.decided_ms
  FROM proposal p JOIN customer c ON c.id = p.customer_id
 WHERE p.id = :id;

-- name: proposal_decide
UPDATE proposal SET decided_ms = :now, decided_by = :staff, accepted = :accepted, decision = :decision WHERE id = :id AND decided_ms IS NULL;

-- ---- tasks ----

-- name: task_insert
INSERT INTO task (id, customer_id, kind, title, phone, call_id, priority, staff_id, due_ms, created_by, at_ms)
VALUES (:id, :customer, :kind, :title, :phone, :call, :priority, :staff, :due, :by, :now);

-- name: task_get -> task_row
SELECT t.id, t.kind, t.title, t.phone, c.root_id, r.name, t.call_id, t.priority, s.id, s.name, t.due_ms, t.done_ms,
       t.at_ms, t.version
  FROM task t LEFT JOIN customer c ON c.id = t.customer_id LEFT JOIN customer r ON r.id = c.root_id
  LEFT JOIN staff s ON s.id = t.staff_id
 WHERE t.id = :id;

-- The newest open ones of one id of a record.
-- name: task_recent -> task_row
SELECT t.id, t.kind, t.title, t.phone, m.root_id, r.name, t.call_id, t.priority, s.id, s.name, t.due_ms, t.done_ms,
       t.at_ms, t.version
  FROM task t JOIN customer m ON m.id = t.customer_id JOIN customer r ON r.id = m.root_id LEFT JOIN staff s ON s.id = t.staff_id
 WHERE t.customer_id = :customer AND t.done_ms IS NULL
 ORDER BY t.id DESC LIMIT :n;

-- name: task_open -> task_row
SELECT t.id, t.kind, t.title, t.phone, c.root_id, r.name, t.call_id, t.priority, s.id, s.name, t.due_ms, t.done_ms,
       t.at_ms, t.version
  FROM task t LEFT JOIN customer c ON c.id = t.customer_id LEFT JOIN customer r ON r.id = c.root_id
  LEFT JOIN staff s ON s.id = t.staff_id
 WHERE t.done_ms IS NULL AND t.priority <= :priority AND (t.priority < :priority OR t.id > :after)
 ORDER BY t.priority DESC, t.id LIMIT :n;

-- name: task_mine -> task_row
SELECT t.id, t.kind, t.title, t.phone, c.root_id, r.name, t.call_id, t.priority, s.id, s.name, t.due_ms, t.done_ms,
       t.at_ms, t.version
  FROM task t LEFT JOIN customer c ON c.id = t.customer_id LEFT JOIN customer r ON r.id = c.root_id
  LEFT JOIN staff s ON s.id = t.staff_id
 WHERE t.done_ms IS NULL AND t.staff_id = :staff AND t.priority <= :priority
   AND (t.priority < :priority OR t.id > :after)
 ORDER BY t.priority DESC, t.id LIMIT :n;

-- name: task_update
UPDATE task SET title = :title, due_ms = :due, staff_id = :staff, done_ms = :done, done_by = :done_by, version = version + 1
 WHERE id = :id AND version = :version;

-- name: task_raise
UPDATE task SET priority = :priority, version = version + 1
 WHERE customer_id IN (SELECT m.id FROM customer m WHERE m.root_id = :root) AND done_ms IS NULL AND priority < :priority;

-- ---- history ----

-- name: history_insert
INSERT INTO history (id, customer_id, at_ms, actor_kind, actor_id, source, field, part_id, value_id, batch_id)
VALUES (:id, :customer, :now, :actor_kind, :actor, :source, :field, :part, :value, :batch);

-- name: history_get -> history_row
SELECT h.id, c.root_id, h.at_ms, h.actor_kind, h.actor_id, h.source, h.field, h.part_id, h.old_value, h.new_value, h.data,
       h.batch_id, h.undone_by, h.customer_id, h.value_id, v.sealed, k.wrapped
  FROM history h JOIN customer c ON c.id = h.customer_id
  LEFT JOIN audit_value v ON v.id = h.value_id
  LEFT JOIN audit_key k ON k.customer_id = h.customer_id
 WHERE h.id = :id;

-- One id of the record, newest first: the index gives the order.
-- name: history_page -> history_line_row
SELECT h.id, h.customer_id, h.at_ms, h.actor_kind, h.actor_id, h.source, h.field, h.part_id, h.old_value, h.new_value, h.data,
       h.batch_id, h.undone_by, h.customer_id, h.value_id, v.sealed, k.wrapped, s.name, t.name
  FROM history h
  LEFT JOIN audit_value v ON v.id = h.value_id
  LEFT JOIN audit_key k ON k.customer_id = h.customer_id
  LEFT JOIN staff s ON h.actor_kind = 'staff' AND s.id = h.actor_id
  LEFT JOIN token t ON h.actor_kind = 'token' AND t.id = h.actor_id
 WHERE h.customer_id = :customer AND h.id < :before
 ORDER BY h.id DESC LIMIT :n;

-- name: history_line -> history_line_row
SELECT h.id, c.root_id, h.at_ms, h.actor_kind, h.actor_id, h.source, h.field, h.part_id, h.old_value, h.new_value, h.data,
       h.batch_id, h.undone_by, h.customer_id, h.value_id, v.sealed, k.wrapped, s.name, t.name
  FROM history h JOIN customer c ON c.id = h.customer_id
  LEFT JOIN audit_value v ON v.id = h.value_id
  LEFT JOIN audit_key k ON k.customer_id = h.customer_id
  LEFT JOIN staff s ON h.actor_kind = 'staff' AND s.id = h.actor_id
  LEFT JOIN token t ON h.actor_kind = 'token' AND t.id = h.actor_id
 WHERE h.id = :id;

-- name: staff_names -> staff_name_row
SELECT s.id, s.name FROM staff s WHERE s.id IN {{ints}} :ids ORDER BY s.id LIMIT 400;

-- name: history_of_batch -> history_row
SELECT h.id, c.root_id, h.at_ms, h.actor_kind, h.actor_id, h.source, h.field, h.part_id, h.old_value, h.new_value, h.data,
       h.batch_id, h.undone_by, h.customer_id, h.value_id, v.sealed, k.wrapped
  FROM history h JOIN customer c ON c.id = h.customer_id
  LEFT JOIN audit_value v ON v.id = h.value_id
  LEFT JOIN audit_key k ON k.customer_id = h.customer_id
 WHERE h.batch_id = :batch AND h.id < :before
 ORDER BY h.id DESC LIMIT :n;

-- name: history_undone
UPDATE history SET undone_by = :by WHERE id = :id AND undone_by IS NULL;

-- ---- tags ----

-- name: tag_insert
INSERT INTO tag (id, name, folded) VALUES (:id, :name, :folded) ON CONFLICT DO NOTHING;

-- name: tag_by_folded -> tag_row
SELECT t.id, t.name FROM tag t WHERE t.folded = :folded;

-- name: tag_list -> tag_row
SELECT t.id, t.name FROM tag t WHERE t.folded >= :first AND t.folded < :end ORDER BY t.folded LIMIT :n;

-- name: tag_of_customer -> tag_row
SELECT t.id, t.name
  FROM customer m JOIN customer_tag k ON k.customer_id = m.id JOIN tag t ON t.id = k.tag_id
 WHERE m.root_id = :root
 GROUP BY t.id, t.name, t.folded
 ORDER BY t.folded LIMIT 201;

-- name: customer_tag_insert
INSERT INTO customer_tag (customer_id, tag_id, at_ms, staff_id) VALUES (:customer, :tag, :now, :staff) ON CONFLICT DO NOTHING;

-- name: customer_tag_has -> number_row
SELECT count(*) FROM customer m JOIN customer_tag k ON k.customer_id = m.id AND k.tag_id = :tag WHERE m.root_id = :root;

-- name: customer_tag_delete
DELETE FROM customer_tag WHERE tag_id = :tag AND customer_id IN (SELECT id FROM customer WHERE root_id = :root);

-- name: mark_of -> mark_row
SELECT k.mark, k.reason, s.id, s.name, k.at_ms
  FROM customer m JOIN customer_mark k ON k.customer_id = m.id AND k.mark = :mark LEFT JOIN staff s ON s.id = k.staff_id
 WHERE m.root_id = :root
 ORDER BY k.at_ms LIMIT 1;

-- ---- custom attributes ----

-- name: attr_def_list -> attr_def_row
SELECT d.id, d.code, d.label, d.type, d.choices, d.position, d.is_active, d.created_ms, d.version
  FROM attr_def d
 ORDER BY d.position, d.label, d.id LIMIT 200;

-- name: attr_def_get -> attr_def_row
SELECT d.id, d.code, d.label, d.type, d.choices, d.position, d.is_active, d.created_ms, d.version FROM attr_def d WHERE d.id = :id;

-- name: attr_def_by_code -> attr_def_row
SELECT d.id, d.code, d.label, d.type, d.choices, d.position, d.is_active, d.created_ms, d.version
  FROM attr_def d WHERE d.code = :code;

-- name: attr_def_count -> number_row
SELECT count(*) FROM attr_def;

-- name: attr_def_insert
INSERT INTO attr_def (id, code, label, type, choices, position, created_ms)
VALUES (:id, :code, :label, :type, :choices, :position, :now) ON CONFLICT DO NOTHING;

-- name: attr_def_update
UPDATE attr_def SET label = :label, choices = :choices, position = :position, is_active = :active, version = version + 1
 WHERE id = :id AND version = :version;

-- name: attr_choice_used -> number_row
SELECT a.customer_id FROM attr a WHERE a.attr_id = :attr AND a.folded = :folded LIMIT 1;

-- name: attr_of_customer -> attr_row
SELECT a.attr_id, a.customer_id, a.num, a.text, a.folded
  FROM customer m JOIN attr a ON a.customer_id = m.id
 WHERE m.root_id = :root
 ORDER BY a.attr_id, a.customer_id, a.folded LIMIT 10000;

-- name: attr_of_one -> attr_row
SELECT a.attr_id, a.customer_id, a.num, a.text, a.folded
  FROM customer m JOIN attr a ON a.customer_id = m.id AND a.attr_id = :attr
 WHERE m.root_id = :root
 ORDER BY a.customer_id, a.folded LIMIT 1000;

-- name: attr_clear
DELETE FROM attr WHERE attr_id = :attr AND customer_id IN (SELECT id FROM customer WHERE root_id = :root);

-- name: attr_insert
INSERT INTO attr (customer_id, attr_id, folded, num, text) VALUES (:customer, :attr, :folded, :num, :text);

-- Orders of one id of the record that should have arrived: nothing is asked then.
-- name: orders_late -> number_row
SELECT count(*) FROM (SELECT o.id FROM orders o
                       WHERE o.customer_id = :customer AND (o.status = 'open' OR o.status = 'paid' OR o.status = 'shipped') AND o.due_ms < :now LIMIT 1) x;

-- ---- freshness ----

-- name: fresh_list -> fresh_row
SELECT f.field, f.part_id, f.source, f.confirmed_ms, s.id, s.name
  FROM customer m JOIN freshness f ON f.customer_id = m.id LEFT JOIN staff s ON s.id = f.staff_id
 WHERE m.root_id = :root
 ORDER BY f.customer_id, f.field, f.part_id LIMIT 1000;

-- name: fresh_put
INSERT INTO freshness (customer_id, field, part_id, source, confirmed_ms, staff_id)
VALUES (:customer, :field, :part, :source, :now, :staff)
    ON CONFLICT (customer_id, field, part_id) DO UPDATE SET source = excluded.source, confirmed_ms = excluded.confirmed_ms,
       staff_id = excluded.staff_id;

-- name: identity_whose -> number_row
SELECT c.root_id FROM identity_owner o JOIN customer c ON c.id = o.customer_id WHERE o.id = :id;

-- ---- consents: the room consent writes them; the record shows them ----

-- name: consent_of_customer -> consent_row
SELECT k.id, k.purpose, k.state, k.channel, k.source, k.proof, k.at_ms, s.id, s.name
  FROM customer m JOIN consent_now w ON w.customer_id = m.id JOIN consent k ON k.id = w.consent_id
  LEFT JOIN staff s ON s.id = k.staff_id
 WHERE m.root_id = :root
 ORDER BY k.purpose, k.at_ms DESC, k.id DESC LIMIT 1280;

-- ---- lists of what there may be thousands of: one id at a time, along its index ----

-- name: people_page -> person_row
SELECT r.id, t.id AS other_id, t.name AS other_name, t.kind AS other_kind, t.lang AS other_lang, r.kind, r.role, r.at_ms, t.reading
  FROM relation r JOIN customer o ON o.id = r.customer_id JOIN customer t ON t.id = o.root_id
 WHERE r.other_id = :customer AND r.kind = :kind AND r.id < :before
 ORDER BY r.id DESC LIMIT :n;

-- name: task_open_page -> task_row
SELECT t.id, t.kind, t.title, t.phone, m.root_id, r.name, t.call_id, t.priority, s.id, s.name, t.due_ms, t.done_ms,
       t.at_ms, t.version
  FROM task t JOIN customer m ON m.id = t.customer_id JOIN customer r ON r.id = m.root_id LEFT JOIN staff s ON s.id = t.staff_id
 WHERE t.customer_id = :customer AND t.done_ms IS NULL AND t.id < :before
 ORDER BY t.id DESC LIMIT :n;

-- name: task_done_page -> task_row
SELECT t.id, t.kind, t.title, t.phone, m.root_id, r.name, t.call_id, t.priority, s.id, s.name, t.due_ms, t.done_ms,
       t.at_ms, t.version
  FROM task t JOIN customer m ON m.id = t.customer_id JOIN customer r ON r.id = m.root_id LEFT JOIN staff s ON s.id = t.staff_id
 WHERE t.customer_id = :customer AND t.done_ms IS NOT NULL AND t.done_ms <= :at AND (t.done_ms < :at OR t.id < :before)
 ORDER BY t.done_ms DESC, t.id DESC LIMIT :n;

-- ---- checking ----

-- name: customer_keys_of -> customer_key_row
SELECT customer_id, key FROM customer_key WHERE customer_id IN {{ints}} :customers ORDER BY customer_id, key LIMIT 100000;

-- name: customer_folded_page -> customer_folded_row
SELECT id, folded_name, folded_region, folded_city, folded_company, folded_heard_of_us
  FROM customer WHERE id > :after ORDER BY id LIMIT :n;
