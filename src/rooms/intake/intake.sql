-- The timeline's rows and what the one door asks of the record.

-- name: intake_source -> intake_first
SELECT i.id, c.root_id, i.is_new, i.matched_by
  FROM source_key k JOIN interaction i ON i.id = k.interaction_id JOIN customer c ON c.id = k.customer_id
 WHERE k.channel = :channel AND k.source_id = :source;

-- name: intake_first -> intake_first
SELECT i.id, c.root_id, i.is_new, i.matched_by
  FROM interaction i JOIN customer c ON c.id = i.customer_id
 WHERE i.id = :id;

-- name: source_key_insert
INSERT INTO source_key (channel, source_id, interaction_id, customer_id) VALUES (:channel, :source, :interaction, :customer)
    ON CONFLICT DO NOTHING;

-- name: interaction_insert
INSERT INTO interaction (id, customer_id, channel, direction, trust, at_ms, staff_id, ref_id, subject, text, ip, is_new, matched_by)
VALUES (:id, :customer, :channel, :direction, :trust, :at, :staff, :ref, :subject, :text, :ip, :is_new, :matched_by);

-- name: proposal_insert
INSERT INTO proposal (id, customer_id, interaction_id, field, value, at_ms)
VALUES (:id, :customer, :interaction, :field, :value, :now);

-- Records with the same name; few, the newest first. `key` holds country or company, so it is selective.
-- name: customer_by_same_key -> same_name
SELECT c.id, c.root_id, c.city, c.company, c.country
  FROM (SELECT customer_id FROM customer_key WHERE key = :key ORDER BY customer_id DESC LIMIT 8) k
  JOIN customer c ON c.id = k.customer_id
 ORDER BY c.id DESC LIMIT 8;

-- name: customer_names -> customer_row
SELECT r.id, r.kind, {{customer_texts r.}}, r.owner_id, NULL, r.created_ms, r.changed_ms, r.version
  FROM customer r WHERE r.id IN {{ints}} :ids
 ORDER BY r.id LIMIT 64;

-- name: possible_duplicate_insert
INSERT INTO possible_duplicate (customer_id, other_id, interaction_id, probability, why, at_ms)
VALUES (:customer, :other, :interaction, :probability, :why, :now) ON CONFLICT DO NOTHING;

-- Has he this handle as it was given? Asked for one that has no normal form to be known by.
-- name: identity_given -> identity_given
SELECT o.id FROM customer m JOIN identity_owner o ON o.customer_id = m.id JOIN identity_value v ON v.id = o.value_id
 WHERE m.root_id = :root AND v.type = :type AND o.given = :given LIMIT 1;

-- name: possible_duplicates_of -> duplicate
SELECT d.other_id, d.probability, d.why FROM possible_duplicate d
 WHERE d.customer_id = :customer AND d.interaction_id = :interaction
 ORDER BY d.probability DESC, d.other_id LIMIT 20;

-- In both directions; what was merged meanwhile is no duplicate any more.
-- name: duplicates_of -> duplicate_hint
SELECT id, name, lang, probability, why, at_ms FROM (
    SELECT r.id AS id, r.name AS name, r.lang AS lang, d.probability AS probability, d.why AS why, d.at_ms AS at_ms
      FROM customer m JOIN possible_duplicate d ON d.customer_id = m.id JOIN customer c ON c.id = d.other_id
      JOIN customer r ON r.id = c.root_id
     WHERE m.root_id = :root AND c.root_id <> m.root_id
    UNION ALL
    SELECT r.id, r.name, r.lang, d.probability, d.why, d.at_ms
      FROM customer m JOIN possible_duplicate d ON d.other_id = m.id JOIN customer c ON c.id = d.customer_id
      JOIN customer r ON r.id = c.root_id
     WHERE m.root_id = :root AND c.root_id <> m.root_id) x
 ORDER BY probability DESC, at_ms DESC, id LIMIT 100;

-- Who else has a handle of this record.
-- name: duplicates_by_handle -> duplicate_handle
SELECT r.id, r.name, r.lang, v.type, o.state, x.state, o.given, x.last_ms
  FROM customer m
  JOIN identity_owner o ON o.customer_id = m.id AND o.state <> 'wrong'
  JOIN identity_value v ON v.id = o.value_id AND substr(v.value, 1, 1) <> '!'
  JOIN identity_owner x ON x.value_id = o.value_id AND x.customer_id <> o.customer_id AND x.state <> 'wrong'
  JOIN customer c ON c.id = x.customer_id
  JOIN customer r ON r.id = c.root_id
 WHERE m.root_id = :root AND c.root_id <> :root2
 ORDER BY x.last_ms DESC, r.id LIMIT 200;

-- Records with the same "same name" key; the newest few.
-- name: duplicates_by_key -> duplicate_name
SELECT r.id, r.name, r.lang, r.city, r.created_ms
  FROM (SELECT customer_id FROM customer_key WHERE key = :key ORDER BY customer_id DESC LIMIT 20) k
  JOIN customer c ON c.id = k.customer_id JOIN customer r ON r.id = c.root_id
 ORDER BY r.id DESC LIMIT 20;
