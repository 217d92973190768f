-- Risk: screenings and their traces, what is thought of customers, block list, reviews, reports, settings.

-- name: risk_rule_list -> risk_rule_row
SELECT s.code, s.points, s.is_on, s.version FROM risk_signal s ORDER BY s.code LIMIT 200;

-- name: risk_rule_put
INSERT INTO risk_signal (code, points, is_on, staff_id, changed_ms, version) VALUES (:code, :points, :is_on, :staff, :now, :version)
    ON CONFLICT (code) DO UPDATE
       SET points = excluded.points, is_on = excluded.is_on, staff_id = excluded.staff_id, changed_ms = excluded.changed_ms, version = excluded.version
     WHERE risk_signal.version = excluded.version - 1;

-- name: risk_method_list -> risk_method_row
SELECT m.code, m.name, m.call_back, m.days, m.countries, m.position, m.is_gone, m.version FROM payment_method m ORDER BY m.code LIMIT 200;

-- name: risk_method_put
INSERT INTO payment_method (code, name, call_back, days, countries, position, is_gone, version)
VALUES (:code, :name, :call_back, :days, :countries, :position, :is_gone, :version)
    ON CONFLICT (code) DO UPDATE
       SET name = excluded.name, call_back = excluded.call_back, days = excluded.days, countries = excluded.countries,
           position = excluded.position, is_gone = excluded.is_gone, version = excluded.version
     WHERE payment_method.version = excluded.version - 1;

-- What orders cost of late.
-- name: risk_order_sizes -> number_row
SELECT x.base_minor FROM (SELECT o.base_minor, o.at_ms, o.id FROM orders o ORDER BY o.at_ms DESC, o.id DESC LIMIT 500) x
 WHERE x.base_minor > 0 LIMIT 500;

-- ---- screenings ----

-- name: screened_again -> screened_row
SELECT s.id, s.at_ms, s.name, s.email, s.traces, s.answer FROM screened s WHERE s.source_id = :source;

-- name: screened_get -> screened_row
SELECT s.id, s.at_ms, s.name, s.email, s.traces, s.answer FROM screened s WHERE s.id = :id;

-- Of each person, device and card beside a checkout only who it was and what he left.
-- name: screened_beside -> screened_row
SELECT s.id, s.at_ms, s.name, s.email, s.traces, '' FROM screened s WHERE s.id IN {{ints}} :ids ORDER BY s.id DESC LIMIT 50;

-- name: screened_insert
INSERT INTO screened (id, source_id, at_ms, who, points, name, email, traces, answer)
VALUES (:id, :source, :at, :who, :points, :name, :email, :traces, :answer) ON CONFLICT DO NOTHING;

-- name: screened_trace_insert
INSERT INTO screened_trace (trace, at_ms, screened_id, who, card, ip)
SELECT value, CAST(:at AS {{int}}), CAST(:screened AS {{int}}), CAST(:who AS {{int}}), CAST(:card AS {{int}}), CAST(:ip AS {{int}})
  FROM {{ints}} :traces AS given WHERE true
    ON CONFLICT DO NOTHING;

-- part: left_before
t.at_ms, t.screened_id, t.who, t.card, t.ip FROM screened_trace t;

-- part: newest_first
t.at_ms <= :to ORDER BY t.at_ms DESC, t.screened_id DESC LIMIT :n;

-- What a checkout leaves, as it was left before: device, card, network, address, person, the newest of each. A trace that this one does not leave is 0,
-- which nobody has.
-- name: screened_seen -> screened_seen_row
SELECT 0, a.at_ms, a.screened_id, a.who, a.card, a.ip FROM (SELECT {{left_before}} WHERE t.trace = :device AND t.at_ms >= :half_year AND {{newest_first}}) a
UNION ALL
SELECT 1, b.at_ms, b.screened_id, b.who, b.card, b.ip FROM (SELECT {{left_before}} WHERE t.trace = :card AND t.at_ms >= :half_year AND {{newest_first}}) b
UNION ALL
SELECT 2, c.at_ms, c.screened_id, c.who, c.card, c.ip FROM (SELECT {{left_before}} WHERE t.trace = :network AND t.at_ms >= :days AND {{newest_first}}) c
UNION ALL
SELECT 3, d.at_ms, d.screened_id, d.who, d.card, d.ip FROM (SELECT {{left_before}} WHERE t.trace = :address AND t.at_ms >= :months AND {{newest_first}}) d
UNION ALL
SELECT 4, e.at_ms, e.screened_id, e.who, e.card, e.ip FROM (SELECT {{left_before}} WHERE t.trace = :who AND t.at_ms >= :half_year AND {{newest_first}}) e;

-- name: screened_trace_list -> screened_trace_row
SELECT t.at_ms, t.screened_id, t.who, t.card, t.ip FROM screened_trace t
 WHERE t.trace = :trace AND t.at_ms >= :since AND t.at_ms <= :to ORDER BY t.at_ms DESC, t.screened_id DESC LIMIT :n;

-- name: screened_old -> screened_row
SELECT s.id, s.at_ms, s.name, s.email, s.traces, s.answer FROM screened s WHERE s.id < :before ORDER BY s.id LIMIT :n;

-- name: screened_trace_drop
DELETE FROM screened_trace WHERE trace IN {{ints}} :traces AND at_ms = :at AND screened_id = :screened;

-- name: screened_drop
DELETE FROM screened WHERE id IN {{ints}} :ids;

-- ---- who has these handles, who is listed, what was said of them ----

-- name: risk_owner_list -> risk_owner_row
SELECT c.root_id, v.type, CASE WHEN k.mark IS NULL THEN 0 ELSE 1 END
  FROM identity_value v JOIN identity_owner o ON o.value_id = v.id JOIN customer c ON c.id = o.customer_id
       LEFT JOIN customer_mark k ON k.customer_id = c.root_id AND k.mark = 'blocked'
 WHERE v.value IN {{texts}} :values AND o.state <> 'wrong' LIMIT 200;

-- name: risk_block_hits -> risk_block_hit_row
SELECT b.id, b.kind, b.value, b.reason FROM risk_block b
 WHERE b.trace IN {{ints}} :traces AND b.ended_ms IS NULL AND (b.until_ms IS NULL OR b.until_ms > :now) ORDER BY b.id LIMIT 20;

-- Whose traces are listed at all, and which verdicts were said about.
-- name: risk_block_traces -> number_row
SELECT b.trace FROM risk_block b WHERE b.ended_ms IS NULL LIMIT :n;

-- name: risk_verdict_traces -> number_row
SELECT v.trace FROM risk_verdict v LIMIT :n;

-- name: risk_verdict_hits -> risk_verdict_hit_row
SELECT v.trace, v.verdict, v.is_self, v.at_ms, v.review_id FROM risk_verdict v WHERE v.trace IN {{ints}} :traces ORDER BY v.at_ms DESC LIMIT 50;

-- ---- customers ----

-- Many are looked at together: each statement reads one kind of rows of all of them, by all ids of their records. Where 4,000
-- rows are all there is, they are looked at one after the other.

-- name: risk_records -> risk_record_row
SELECT c.id, c.kind, c.name, c.reading, c.country, c.city, c.company, c.lang, c.time_zone
  FROM standing s JOIN customer c ON c.id = s.customer_id WHERE s.customer_id IN {{ints}} :roots ORDER BY s.customer_id LIMIT 1000;

-- name: risk_identities -> risk_identity_row
SELECT o.customer_id, v.type, v.value, o.state, o.last_ms FROM identity_owner o JOIN identity_value v ON v.id = o.value_id
 WHERE o.customer_id IN {{ints}} :customers AND o.state <> 'wrong' AND substr(v.value, 1, 1) <> '!'
 ORDER BY o.customer_id, o.last_ms DESC LIMIT 4000;

-- name: risk_addresses -> risk_address_row
SELECT a.customer_id, a.id, a.line, a.postal, a.country FROM address a WHERE a.customer_id IN {{ints}} :customers
 ORDER BY a.customer_id, a.id DESC LIMIT 4000;

-- Of the newest thirty contacts those that tell where from they came, or that somebody was there; the others are counted in
-- an index.
-- name: risk_sights -> risk_sight_row
SELECT i.customer_id, i.at_ms, i.ip, CASE WHEN i.trust = 'typed' THEN '' ELSE i.channel END AS channel
  FROM {{ints}} :customers AS given JOIN interaction i ON i.customer_id = given.value
 WHERE (i.ip <> '' OR i.channel IN ('visit', 'purchase'))
   AND i.at_ms >= COALESCE((SELECT x.at_ms FROM interaction x WHERE x.customer_id = given.value ORDER BY x.at_ms DESC LIMIT 1 OFFSET 29), 0)
 ORDER BY i.customer_id, i.at_ms DESC LIMIT 4000;

-- By their customers, never by the index of states.
-- name: risk_order_sums -> risk_order_sums_row
SELECT o.customer_id, count(*) AS n, min(o.at_ms) AS first_ms, max(CASE WHEN o.channel = 'purchase' THEN 1 ELSE 0 END) AS has_purchase,
       max(CASE WHEN o.payment_method LIKE 'bank%' THEN 1 ELSE 0 END) AS has_bank
  FROM orders o
 WHERE o.customer_id IN {{ints}} :customers AND COALESCE(o.status, '') IN ('paid', 'shipped', 'delivered') AND o.lost_minor = 0
 GROUP BY o.customer_id ORDER BY o.customer_id LIMIT 100000;

-- A fact that was made good later on the same order counts no more.
-- name: risk_outcomes -> risk_outcome_each
SELECT f.customer_id, f.kind, count(*) AS n FROM order_fact f
 WHERE f.customer_id IN {{ints}} :customers AND f.kind IN ('refused', 'dispute', 'charge_back', 'refund_abuse')
   AND NOT EXISTS (SELECT 1 FROM order_fact p WHERE p.order_id = f.order_id AND p.at_ms >= f.at_ms
                     AND (p.kind = 'paid_at_last' OR (p.kind = 'paid' AND f.kind = 'refused')))
 GROUP BY f.customer_id, f.kind ORDER BY f.customer_id, f.kind LIMIT 100000;

-- name: risk_abuses -> risk_abuse_by
SELECT a.customer_id, count(*) AS n FROM abuse_report a WHERE a.customer_id IN {{ints}} :customers AND a.state = 'confirmed'
 GROUP BY a.customer_id ORDER BY a.customer_id LIMIT 100000;

-- Customers who are blocked and share a handle with one of these.
-- name: risk_linked -> risk_linked_row
SELECT DISTINCT o.customer_id, c.root_id, v.type
  FROM identity_owner o JOIN identity_owner p ON p.value_id = o.value_id JOIN identity_value v ON v.id = o.value_id
       JOIN customer c ON c.id = p.customer_id JOIN customer_mark k ON k.customer_id = c.root_id AND k.mark = 'blocked'
 WHERE o.customer_id IN {{ints}} :customers AND p.customer_id <> o.customer_id AND o.state <> 'wrong' AND p.state <> 'wrong'
   AND v.type <> 'external'
 ORDER BY o.customer_id, c.root_id, v.type LIMIT 4000;

-- name: risk_traces_of -> risk_trace_seen
SELECT t.trace, t.at_ms, t.screened_id FROM screened_trace t
 WHERE t.trace IN {{ints}} :traces AND t.at_ms >= :since AND t.at_ms <= :to ORDER BY t.trace, t.at_ms DESC, t.screened_id DESC LIMIT 4000;

-- name: risk_blocks_of -> risk_block_of
SELECT b.trace, b.kind FROM risk_block b
 WHERE b.trace IN {{ints}} :traces AND b.ended_ms IS NULL AND (b.until_ms IS NULL OR b.until_ms > :now) ORDER BY b.id LIMIT 4000;

-- name: risk_verdicts_of -> risk_verdict_hit_row
SELECT v.trace, v.verdict, v.is_self, v.at_ms, v.review_id FROM risk_verdict v WHERE v.trace IN {{ints}} :traces ORDER BY v.at_ms DESC LIMIT 4000;

-- name: risk_screenings_of -> screened_row
SELECT s.id, s.at_ms, s.name, s.email, s.traces, s.answer FROM screened s WHERE s.id IN {{ints}} :ids ORDER BY s.id DESC LIMIT 100000;

-- What came of the orders of those whose e-mail address or telephone this is (of four at most), and confirmed complaints about them.
-- name: risk_outcome_by -> risk_outcome_row
WITH w AS (SELECT DISTINCT c.root_id
             FROM identity_value v JOIN identity_owner o ON o.value_id = v.id JOIN customer c ON c.id = o.customer_id
            WHERE v.value IN {{texts}} :values AND v.type IN ('email', 'phone') AND o.state <> 'wrong' ORDER BY c.root_id LIMIT 4)
SELECT x.kind, count(*)
  FROM (SELECT f.kind FROM w JOIN customer r ON r.root_id = w.root_id JOIN order_fact f ON f.customer_id = r.id
         WHERE f.kind IN ('refused', 'dispute', 'charge_back', 'refund_abuse')
           AND NOT EXISTS (SELECT 1 FROM order_fact p WHERE p.order_id = f.order_id AND p.at_ms >= f.at_ms
                             AND (p.kind = 'paid_at_last' OR (p.kind = 'paid' AND f.kind = 'refused')))
        UNION ALL
        SELECT 'complaint' FROM abuse_report a
         WHERE a.customer_id IN (SELECT r.id FROM w JOIN customer r ON r.root_id = w.root_id) AND a.state = 'confirmed') x
 GROUP BY x.kind ORDER BY x.kind LIMIT 10;

-- name: risk_state_some -> risk_state_row
SELECT s.customer_id, s.points, s.level, s.confidence, s.fired, s.at_ms FROM risk_state s
 WHERE s.customer_id IN {{ints}} :customers ORDER BY s.customer_id LIMIT 1000;

-- name: risk_state_put
INSERT INTO risk_state (customer_id, points, level, confidence, fired, at_ms) VALUES (:customer, :points, :level, :confidence, :fired, :now)
    ON CONFLICT (customer_id) DO UPDATE
       SET points = excluded.points, level = excluded.level, confidence = excluded.confidence, fired = excluded.fired, at_ms = excluded.at_ms;

-- Of the next :n behind :after the last; then of those between them whoever may show a sign.
-- name: risk_state_last
SELECT MAX(x.customer_id) FROM (SELECT s.customer_id FROM risk_state s WHERE s.customer_id > :after ORDER BY s.customer_id LIMIT :n) x;

-- name: risk_state_with -> risk_state_row
SELECT s.customer_id, s.points, s.level, s.confidence, s.fired, s.at_ms FROM risk_state s
 WHERE s.customer_id > :after AND s.customer_id <= :last AND s.fired LIKE :sign ORDER BY s.customer_id LIMIT 1000;

-- name: risk_sample -> risk_sample_row
SELECT c.id, c.name FROM customer c WHERE c.id IN {{ints}} :ids ORDER BY c.id DESC LIMIT 20;

-- ---- reviews ----

-- name: risk_review_open_put
INSERT INTO risk_review (id, kind, who, customer_id, screened_id, block_id, points, at_ms)
VALUES (:id, :kind, :who, :customer, :screened, :block, :points, :now)
    ON CONFLICT (who) WHERE decided_ms IS NULL DO UPDATE
       SET times = risk_review.times + 1, screened_id = COALESCE(excluded.screened_id, risk_review.screened_id),
           customer_id = COALESCE(risk_review.customer_id, excluded.customer_id),
           points = CASE WHEN excluded.points > risk_review.points THEN excluded.points ELSE risk_review.points END;

-- part: review_columns
v.id, v.kind, v.who, c.root_id, COALESCE(w.name, ''), v.screened_id, COALESCE(s.name, ''), COALESCE(s.email, ''), v.block_id,
       v.points, v.times, v.at_ms, v.verdict, v.note, v.decided_by, COALESCE(st.name, ''), v.decided_ms, v.version;

-- part: review_tables
risk_review v LEFT JOIN customer c ON c.id = v.customer_id LEFT JOIN customer w ON w.id = c.root_id
       LEFT JOIN screened s ON s.id = v.screened_id LEFT JOIN staff st ON st.id = v.decided_by;

-- name: risk_review_get -> risk_review_row
SELECT {{review_columns}} FROM {{review_tables}} WHERE v.id = :id;

-- The gravest first; :points and :before are the row after which the page begins.
-- name: risk_review_list_open -> risk_review_row
SELECT {{review_columns}} FROM {{review_tables}}
 WHERE v.decided_ms IS NULL AND v.points <= :points AND (v.points < :points OR v.id < :before)
 ORDER BY v.points DESC, v.id DESC LIMIT :n;

-- name: risk_review_list_done -> risk_review_row
SELECT {{review_columns}} FROM {{review_tables}}
 WHERE v.decided_ms IS NOT NULL AND v.decided_ms <= :at AND (v.decided_ms < :at OR v.id < :before)
 ORDER BY v.decided_ms DESC, v.id DESC LIMIT :n;

-- name: risk_review_of_customer -> risk_review_row
SELECT {{review_columns}} FROM {{review_tables}}
 WHERE v.customer_id IN (SELECT k.id FROM customer k WHERE k.root_id = :root) ORDER BY v.id DESC LIMIT 20;

-- name: risk_review_some -> risk_review_row
SELECT {{review_columns}} FROM {{review_tables}} WHERE v.id IN {{ints}} :ids ORDER BY v.id DESC LIMIT 50;

-- name: risk_review_decide
UPDATE risk_review SET verdict = :verdict, note = :note, decided_by = :staff, decided_ms = :now, version = version + 1
 WHERE id = :id AND decided_ms IS NULL;

-- name: risk_review_redecide
UPDATE risk_review SET verdict = :verdict, note = :note, decided_by = :staff, decided_ms = :now, version = version + 1
 WHERE id = :id AND decided_ms IS NOT NULL;

-- name: risk_verdict_drop
DELETE FROM risk_verdict WHERE review_id = :review;

-- name: risk_verdict_put
INSERT INTO risk_verdict (trace, review_id, verdict, is_self, at_ms) VALUES (:trace, :review, :verdict, :is_self, :now) ON CONFLICT DO NOTHING;

-- ---- block list ----

-- part: block_columns
b.id, b.kind, b.value, b.reason, b.staff_id, COALESCE(st.name, ''), b.at_ms, b.until_ms, b.wishes, b.ended_ms;

-- name: risk_block_list -> risk_block_row
SELECT {{block_columns}} FROM risk_block b LEFT JOIN staff st ON st.id = b.staff_id
 WHERE b.ended_ms IS NULL AND b.id < :before ORDER BY b.id DESC LIMIT :n;

-- name: risk_block_get -> risk_block_row
SELECT {{block_columns}} FROM risk_block b LEFT JOIN staff st ON st.id = b.staff_id WHERE b.id = :id;

-- name: risk_block_insert
INSERT INTO risk_block (id, kind, value, trace, reason, staff_id, at_ms, until_ms)
VALUES (:id, :kind, :value, :trace, :reason, :staff, :now, :until);

-- name: risk_block_end
UPDATE risk_block SET ended_ms = :now, ended_by = :staff WHERE id = :id AND ended_ms IS NULL;

-- name: risk_block_wish
UPDATE risk_block SET wishes = :wishes WHERE id = :id AND ended_ms IS NULL;

-- ---- abuse reports ----

-- part: report_columns
a.id, r.root_id, k.name, a.reporter, a.text, a.source_id, a.state, a.note, a.staff_id, COALESCE(st.name, ''), a.at_ms, a.decided_by, COALESCE(d.name, ''), a.decided_ms, a.version;

-- part: report_tables
customer r JOIN customer k ON k.id = r.root_id JOIN abuse_report a ON a.customer_id = r.id LEFT JOIN staff st ON st.id = a.staff_id LEFT JOIN staff d ON d.id = a.decided_by;

-- name: abuse_report_list -> abuse_report_row
SELECT {{report_columns}} FROM {{report_tables}} WHERE r.root_id = :root ORDER BY a.id DESC LIMIT 200;

-- name: abuse_report_waiting -> abuse_report_row
SELECT {{report_columns}} FROM {{report_tables}} WHERE a.state = 'waiting' AND a.id > :after ORDER BY a.id LIMIT :n;

-- name: abuse_report_get -> abuse_report_row
SELECT {{report_columns}} FROM {{report_tables}} WHERE a.id = :id;

-- name: abuse_report_by_source -> abuse_report_row
SELECT {{report_columns}} FROM {{report_tables}} WHERE a.customer_id = :customer AND a.source_id = :source;

-- name: abuse_report_insert
INSERT INTO abuse_report (id, customer_id, reporter, text, source_id, staff_id, at_ms)
VALUES (:id, :customer, :reporter, :text, :source, :staff, :now);

-- name: abuse_report_decide
UPDATE abuse_report SET state = :state, note = :note, decided_by = :staff, decided_ms = :now, version = version + 1
 WHERE id = :id AND version = :version;

-- ---- attributes ----

-- Everybody has a row: who was not looked at yet has nothing known.
-- name: attributes_risk -> attributes_risk
SELECT c.id, s.points, COALESCE(s.level, ''), s.confidence FROM customer c LEFT JOIN risk_state s ON s.customer_id = c.id WHERE c.id = :root;

-- name: attributes_risks -> attributes_risk
SELECT c.customer_id AS id, s.points, COALESCE(s.level, ''), s.confidence FROM standing c LEFT JOIN risk_state s ON s.customer_id = c.customer_id
 WHERE c.customer_id IN {{ints}} :customers ORDER BY c.customer_id LIMIT 1000;
