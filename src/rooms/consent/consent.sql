-- What the customer said; the last word of each id of a record stands in consent_now.

-- name: consent_insert
INSERT INTO consent (id, customer_id, purpose, state, channel, source, proof, at_ms, staff_id, noted_ms)
VALUES (:id, :customer, :purpose, :state, :channel, :source, :proof, :at, :staff, :now);

-- An older word that is written down later does not stand above a newer one.
-- name: consent_now_put
INSERT INTO consent_now (customer_id, purpose, consent_id, at_ms) VALUES (:customer, :purpose, :consent, :at)
    ON CONFLICT (customer_id, purpose) DO UPDATE SET consent_id = excluded.consent_id, at_ms = excluded.at_ms
       WHERE excluded.at_ms >= consent_now.at_ms;

-- name: consent_get -> consent_row
SELECT k.id, k.purpose, k.state, k.channel, k.source, k.proof, k.at_ms, s.id, s.name
  FROM consent k LEFT JOIN staff s ON s.id = k.staff_id
 WHERE k.id = :id;

-- name: consent_page -> consent_row
SELECT k.id, k.purpose, k.state, k.channel, k.source, k.proof, k.at_ms, s.id, s.name
  FROM consent k LEFT JOIN staff s ON s.id = k.staff_id
 WHERE k.customer_id = :customer AND k.id < :before
 ORDER BY k.id DESC LIMIT :n;
