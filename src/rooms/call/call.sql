-- Calls: who rings which desk, who answered, what was said.

-- ---- what the telephone system tells ----------------------------------------------------------

-- Takes the call id: its row is the lock that lets one event of a call pass at a time. 0: never seen.
-- name: call_key_lock
INSERT INTO call_key (link_id, source_id, call_id) VALUES (:link, :source, 0)
ON CONFLICT (link_id, source_id) DO UPDATE SET source_id = excluded.source_id
RETURNING call_id;

-- The call of an id that plan did not find; of one that is there meanwhile nothing is changed.
-- name: call_key_first
INSERT INTO call_key (link_id, source_id, call_id) VALUES (:link, :source, :call)
ON CONFLICT (link_id, source_id) DO UPDATE SET call_id = excluded.call_id WHERE call_key.call_id = 0;

-- name: call_key_set
UPDATE call_key SET call_id = :call WHERE link_id = :link AND source_id = :source;

-- part: call_live
c.id, c.direction, c.state, c.told, c.number, c.e164, c.national, c.number_kind, c.number_country, c.is_withheld,
c.caller_name, c.called, c.diversion, c.queue, c.customer_id, c.is_chosen, c.priority, c.is_second,
c.ring_ms, c.answer_ms, c.end_ms, c.news_ms, c.staff_id, c.cause, c.interaction_id, c.task_id;

-- name: call_live_get -> call_live
SELECT {{call_live}}
  FROM call c
 WHERE c.id = :id;

-- The same by the telephone system's id, before the change: what plan looks at.
-- name: call_live_by_key -> call_live
SELECT {{call_live}}
  FROM call_key k JOIN call c ON c.id = k.call_id
 WHERE k.link_id = :link AND k.source_id = :source;

-- Ringing for too long, or answered and never heard of again.
-- name: call_live_lost -> call_live
SELECT {{call_live}}
  FROM call c
 WHERE c.state <> 'ended'
   AND ((c.state = 'ringing' AND c.ring_ms < :rings_since) OR (c.state = 'answered' AND c.news_ms < :silent_since))
 ORDER BY c.ring_ms, c.id
 LIMIT 50;

-- name: call_insert
INSERT INTO call (id, link_id, source_id, direction, state, told, number, e164, national, number_kind, number_country,
                  is_withheld, caller_name, called, diversion, queue, customer_id, is_chosen, priority, is_second,
                  ring_ms, answer_ms, end_ms, news_ms, staff_id, cause, interaction_id, task_id)
VALUES (:id, :link, :source, :direction, :state, :told, :number, :e164, :national, :number_kind, :number_country,
        :is_withheld, :caller_name, :called, :diversion, :queue, :customer, :is_chosen, :priority, :is_second,
        :ring, :answer, :end, :news, :staff, :cause, :interaction, :task);

-- name: call_update
UPDATE call SET direction = :direction, state = :state, told = :told, number = :number, e164 = :e164,
                national = :national, number_kind = :number_kind, number_country = :number_country,
                is_withheld = :is_withheld, caller_name = :caller_name, called = :called, diversion = :diversion,
                queue = :queue, customer_id = :customer, is_chosen = :is_chosen, priority = :priority,
                is_second = :is_second, ring_ms = :ring, answer_ms = :answer, end_ms = :end, news_ms = :news,
                staff_id = :staff, cause = :cause, interaction_id = :interaction, task_id = :task,
                version = version + 1
 WHERE id = :id;

-- name: call_desks -> call_desk
SELECT d.staff_id FROM call_desk d WHERE d.call_id = :call ORDER BY d.staff_id LIMIT 64;

-- name: call_desks_add
INSERT INTO call_desk (call_id, staff_id)
SELECT CAST(:call AS {{int}}), value FROM {{ints}} :desks AS given WHERE true
ON CONFLICT (call_id, staff_id) DO NOTHING;

-- name: call_candidate_add
INSERT INTO call_candidate (call_id, customer_id, why) VALUES (:call, :customer, :why)
ON CONFLICT (call_id, customer_id) DO NOTHING;

-- What the queue must know of a caller. A mark may stand on any id of the record.
-- name: call_caller -> call_caller
SELECT c.name,
       COALESCE((SELECT t.is_vip FROM standing t WHERE t.customer_id = c.id), 0) AS is_vip,
       CASE WHEN EXISTS (SELECT 1 FROM customer r JOIN customer_mark m ON m.customer_id = r.id
                          WHERE r.root_id = c.id AND m.mark = 'blocked') THEN 1 ELSE 0 END AS is_blocked,
       CASE WHEN EXISTS (SELECT 1 FROM customer r JOIN call k ON k.customer_id = r.id
                          WHERE r.root_id = c.id AND k.ring_ms >= :day AND k.direction = 'in'
                            AND k.outcome <> 'solved') THEN 1 ELSE 0 END AS is_second
  FROM customer c
 WHERE c.id = :customer;

-- The same for a number that is nobody's.
-- name: call_second_by_number
SELECT CASE WHEN EXISTS (SELECT 1 FROM call k WHERE k.e164 = :e164 AND k.e164 <> '' AND k.ring_ms >= :day
                            AND k.direction = 'in' AND k.outcome <> 'solved') THEN 1 ELSE 0 END;

-- The task to call this number back, if one is open.
-- name: call_back_open
SELECT t.id FROM call c JOIN task t ON t.id = c.task_id
 WHERE c.e164 = :e164 AND c.e164 <> '' AND c.ring_ms >= :since AND t.done_ms IS NULL
 ORDER BY c.ring_ms DESC
 LIMIT 1;

-- name: call_back_done
UPDATE task SET done_ms = :now, done_by = :staff, version = version + 1 WHERE id = :task AND done_ms IS NULL;

-- ---- telephone links ------------------------------------------------------------------------------

-- name: phone_link_by_hash -> phone_link_key
SELECT p.id, p.hash, p.region, p.seen_ms FROM phone_link p WHERE p.hash = :hash AND p.is_active = 1;

-- name: phone_link_seen
UPDATE phone_link SET seen_ms = :now WHERE id = :id;

-- part: phone_link_columns
p.id, p.kind, p.name, p.region, p.is_active, p.created_ms, p.seen_ms, p.version;

-- name: phone_link_list -> phone_link
SELECT {{phone_link_columns}}
  FROM phone_link p ORDER BY p.created_ms, p.id LIMIT 200;

-- name: phone_link_get -> phone_link
SELECT {{phone_link_columns}}
  FROM phone_link p WHERE p.id = :id;

-- name: phone_link_insert
INSERT INTO phone_link (id, kind, name, hash, region, created_ms) VALUES (:id, :kind, :name, :hash, :region, :now);

-- name: phone_link_change
UPDATE phone_link SET name = :name, region = :region, is_active = :is_active, version = version + 1
 WHERE id = :id AND version = :version;

-- name: phone_link_hash
UPDATE phone_link SET hash = :hash, version = version + 1 WHERE id = :id;

-- ---- calls as people see them ------------------------------------------------------------------------

-- part: call_who
c.id, c.direction, c.state, c.number, c.e164, c.national, c.number_kind, c.number_country, c.is_withheld,
       c.caller_name, c.called, c.diversion, c.queue, r.id AS customer_id, r.name AS customer_name, r.kind AS customer_kind,
       r.lang AS customer_lang, c.is_chosen;

-- part: call_course
c.is_second, c.priority, c.ring_ms, c.answer_ms, c.end_ms, c.wrapped_ms, c.staff_id, s.name AS staff_name,
       c.cause, c.outcome, c.reason;

-- part: call_is_vip
COALESCE((SELECT t.is_vip FROM standing t WHERE t.customer_id = r.id), 0) AS is_vip;

-- part: call_people
LEFT JOIN customer o ON o.id = c.customer_id
  LEFT JOIN customer r ON r.id = o.root_id
  LEFT JOIN staff s ON s.id = c.staff_id
  LEFT JOIN phone_link p ON p.id = c.link_id;

-- Of a list: what the ring said of the caller is told, no person is looked up for it.
-- part: call_line
{{call_who}},
       CASE WHEN c.priority >= 3 THEN 1 ELSE 0 END AS is_vip,
       {{call_course}}, c.note, c.impression, c.spoke_id, c.spoke_name,
       c.link_id, p.name AS link_name, '' AS draft, c.version;

-- name: call_get -> call_row
SELECT {{call_who}},
       {{call_is_vip}},
       {{call_course}}, c.note, c.impression, sp.id AS spoke_id, COALESCE(sp.name, c.spoke_name) AS spoke_name,
       c.link_id, p.name AS link_name, d.draft, c.version
  FROM call c
  LEFT JOIN customer o ON o.id = c.customer_id
  LEFT JOIN customer r ON r.id = o.root_id
  LEFT JOIN customer sp ON sp.id = c.spoke_id
  LEFT JOIN staff s ON s.id = c.staff_id
  LEFT JOIN phone_link p ON p.id = c.link_id
  LEFT JOIN call_draft d ON d.call_id = c.id
 WHERE c.id = :id;

-- Whose it is: as customer_ids.
-- name: call_customer_ids -> customer_id_row
SELECT m.id, m.root_id
  FROM call k JOIN customer c ON c.id = k.customer_id JOIN customer m ON m.root_id = c.root_id
 WHERE k.id = :id
 ORDER BY m.id LIMIT 256;

-- name: call_candidates -> call_candidate
SELECT r.id, r.name, r.lang, n.why
  FROM call_candidate n JOIN customer o ON o.id = n.customer_id JOIN customer r ON r.id = o.root_id
 WHERE n.call_id = :call
 ORDER BY r.name, r.id
 LIMIT 16;

-- name: call_checks -> call_check
SELECT k.question, k.is_right FROM call_check k WHERE k.call_id = :call ORDER BY k.at_ms, k.question LIMIT 16;

-- Ringing ones first; VIPs, then long waiting (two minutes), then a second unsolved call, then the order of arrival.
-- name: call_queue -> call_row
SELECT {{call_who}},
       {{call_is_vip}},
       {{call_course}}, '' AS note, c.impression, 0 AS spoke_id, c.spoke_name,
       c.link_id, p.name AS link_name, '' AS draft, c.version
  FROM (SELECT l.id AS live_id FROM call l WHERE l.state <> 'ended'
         ORDER BY CASE WHEN l.state = 'ringing' THEN 0 ELSE 1 END,
                  CASE WHEN l.state = 'ringing' THEN l.priority + CASE WHEN l.ring_ms < :waits_long_since THEN 2 ELSE 0 END
                       ELSE 0 END DESC,
                  l.ring_ms, l.id
         LIMIT 50) q
  JOIN call c ON c.id = q.live_id
  {{call_people}}
 ORDER BY CASE WHEN c.state = 'ringing' THEN 0 ELSE 1 END,
          CASE WHEN c.state = 'ringing' THEN c.priority + CASE WHEN c.ring_ms < :waits_long_since THEN 2 ELSE 0 END
               ELSE 0 END DESC,
          c.ring_ms, c.id;

-- name: call_waiting -> call_waiting
SELECT COUNT(*) AS waiting, COALESCE(MIN(l.ring_ms), 0) AS longest_ms
  FROM call l WHERE l.state <> 'ended' AND l.state = 'ringing' AND l.direction = 'in';

-- name: call_list_all -> call_row
SELECT {{call_line}}
  FROM call c
  {{call_people}}
 WHERE c.id < :before
 ORDER BY c.id DESC
 LIMIT :limit;

-- name: call_list_mine -> call_row
SELECT {{call_line}}
  FROM call c
  {{call_people}}
 WHERE c.staff_id = :staff AND c.id < :before
 ORDER BY c.id DESC
 LIMIT :limit;

-- name: call_list_missed -> call_row
SELECT {{call_line}}
  FROM call c
  JOIN task t ON t.id = c.task_id
  {{call_people}}
 WHERE c.task_id IS NOT NULL AND t.done_ms IS NULL AND c.answer_ms IS NULL AND c.id < :before
 ORDER BY c.id DESC
 LIMIT :limit;

-- name: call_list_customer -> call_row
SELECT {{call_line}}
  FROM call c
  {{call_people}}
 WHERE c.customer_id IN {{ints}} :customers AND c.id < :before
 ORDER BY c.id DESC
 LIMIT :limit;

-- name: call_earlier -> call_earlier
SELECT c.ring_ms, COALESCE(s.name, '') AS staff_name, c.note, c.reason, c.outcome
  FROM call c LEFT JOIN staff s ON s.id = c.staff_id
 WHERE c.e164 = :e164 AND c.e164 <> '' AND c.id <> :call
 ORDER BY c.ring_ms DESC
 LIMIT 5;

-- ---- what people write --------------------------------------------------------------------------------

-- name: call_note_save
UPDATE call SET note = :note, version = version + 1 WHERE id = :id RETURNING version;

-- name: call_change
UPDATE call SET note = :note, reason = :reason, outcome = :outcome, impression = :impression, spoke_id = :spoke,
                spoke_name = :spoke_name, customer_id = :customer, is_chosen = :is_chosen,
                interaction_id = COALESCE(CAST(:interaction AS {{int}}), interaction_id), version = version + 1
 WHERE id = :id RETURNING version;

-- name: call_spoke_set
UPDATE call SET spoke_id = :person, spoke_name = '', version = version + 1 WHERE id = :id RETURNING version;

-- The person of this company or family who bears the name, in either direction of the relation.
-- name: call_person_named
SELECT p.id FROM (
    SELECT o.root_id AS id FROM customer m JOIN relation r ON r.other_id = m.id JOIN customer o ON o.id = r.customer_id
     WHERE m.root_id = :customer
     UNION
    SELECT o.root_id AS id FROM customer m JOIN relation r ON r.customer_id = m.id JOIN customer o ON o.id = r.other_id
     WHERE m.root_id = :customer) q
  JOIN customer p ON p.id = q.id
 WHERE p.name = :name AND p.kind = 'person'
 ORDER BY p.id
 LIMIT 1;

-- name: call_wrap_up
UPDATE call SET note = :note, reason = :reason, outcome = :outcome, impression = :impression,
                wrapped_ms = COALESCE(wrapped_ms, CAST(:now AS {{int}})), version = version + 1
 WHERE id = :id RETURNING version;

-- name: call_touch_add
INSERT INTO call_touch (call_id, staff_id) VALUES (:call, :staff) ON CONFLICT (call_id, staff_id) DO NOTHING;

-- name: call_draft_save
INSERT INTO call_draft (call_id, draft, at_ms) VALUES (:call, :draft, :now)
ON CONFLICT (call_id) DO UPDATE SET draft = excluded.draft, at_ms = excluded.at_ms;

-- name: call_draft_delete
DELETE FROM call_draft WHERE call_id = :call;

-- name: call_customer_set
UPDATE call SET customer_id = :customer, is_chosen = :is_chosen, interaction_id = COALESCE(interaction_id, CAST(:interaction AS {{int}})),
                reason = CASE WHEN reason = '' THEN CAST(:reason AS TEXT) ELSE reason END,
                priority = :priority, version = version + 1
 WHERE id = :id;

-- The call-back of somebody who was nobody then.
-- name: call_back_owner
UPDATE task SET customer_id = :customer, version = version + 1
 WHERE customer_id IS NULL AND id = (SELECT c.task_id FROM call c WHERE c.id = :id);

-- Calls from his number before anybody knew whose it is.
-- name: call_unknown_before -> call_before
SELECT c.id, c.direction, c.ring_ms, c.staff_id, c.priority
  FROM call c
 WHERE c.e164 = :e164 AND c.e164 <> '' AND c.customer_id IS NULL AND c.state = 'ended' AND c.id <> :id
   AND c.cause <> 'rejected'
 ORDER BY c.ring_ms DESC
 LIMIT 10;

-- name: call_check_put
INSERT INTO call_check (call_id, question, is_right, staff_id, at_ms) VALUES (:call, :question, :is_right, :staff, :now)
ON CONFLICT (call_id, question) DO UPDATE
   SET is_right = excluded.is_right, staff_id = excluded.staff_id, at_ms = excluded.at_ms;

-- name: call_counted_up
UPDATE call SET version = version + 1 WHERE id = :id;

-- ---- likely customers while typing ------------------------------------------------------------------------

-- name: call_match_names -> call_match_id
SELECT DISTINCT r.id, r.name, r.lang, r.company, r.city
  FROM (SELECT k.customer_id AS hit FROM customer_key k WHERE k.key >= :key AND k.key < :key_end ORDER BY k.key LIMIT 24) h
  JOIN customer o ON o.id = h.hit JOIN customer r ON r.id = o.root_id
 ORDER BY r.name, r.id
 LIMIT 8;

-- name: call_match_ids -> call_match_id
SELECT r.id, r.name, r.lang, r.company, r.city FROM customer r WHERE r.id IN {{ints}} :ids ORDER BY r.name, r.id LIMIT 8;

-- ---- questions for the caller check --------------------------------------------------------------------------

-- name: call_ask_order -> call_ask
SELECT o.number AS expected FROM orders o WHERE o.customer_id IN {{ints}} :customers ORDER BY o.at_ms DESC LIMIT 1;

-- name: call_ask_purchase -> call_ask
SELECT l.name AS expected FROM orders o JOIN order_line l ON l.order_id = o.id
 WHERE o.customer_id IN {{ints}} :customers ORDER BY o.at_ms DESC, l.line LIMIT 1;

-- name: call_ask_postcode -> call_ask
SELECT a.postal AS expected FROM address a WHERE a.customer_id IN {{ints}} :customers AND a.postal <> ''
 ORDER BY a.at_ms DESC, a.id DESC LIMIT 1;

-- name: call_ask_email -> call_ask
SELECT v.value AS expected FROM identity_owner w JOIN identity_value v ON v.id = w.value_id
 WHERE w.customer_id IN {{ints}} :customers AND v.type = 'email' AND w.state IN ('confirmed', 'claimed')
 ORDER BY w.last_ms DESC LIMIT 1;

-- ---- the sentences to say ----------------------------------------------------------------------------------

-- name: say_list -> say_row
SELECT s.name, s.value FROM setting s WHERE s.name >= :from AND s.name < :until ORDER BY s.name LIMIT 20;

-- name: say_put
INSERT INTO setting (name, value, changed_ms, staff_id) VALUES (:name, :value, :now, :staff)
ON CONFLICT (name) DO UPDATE SET value = excluded.value, changed_ms = excluded.changed_ms, staff_id = excluded.staff_id;

-- name: say_delete
DELETE FROM setting WHERE name = :name;

-- ---- number look-up ------------------------------------------------------------------------------------------

-- Who served this customer last, with a telephone.
-- name: lookup_favourite -> lookup_favourite
SELECT e.extension FROM customer r JOIN call c ON c.customer_id = r.id JOIN staff_extension e ON e.staff_id = c.staff_id
  JOIN staff s ON s.id = e.staff_id
 WHERE r.root_id = :customer AND s.is_active = 1
 ORDER BY c.ring_ms DESC, e.extension
 LIMIT 1;

-- name: lookup_vip -> lookup_vip
SELECT t.is_vip FROM standing t WHERE t.customer_id = :customer;

-- name: lookup_customer -> lookup_customer
SELECT c.id, c.name, c.kind, c.company, c.lang, c.country FROM customer c WHERE c.id = :customer;
