-- What kind of customer a record is, as the judge left it.

-- name: class_of_customer -> class_in_row
SELECT j.class, j.score, j.since_ms, j.lead_ms, COALESCE(c.advice, '')
  FROM judgement j LEFT JOIN class_setting c ON c.class = j.class
 WHERE j.customer_id = :root
 ORDER BY j.score DESC, j.class LIMIT 10;

-- name: class_pin_of -> class_pin_row
SELECT k.id, k.class, k.at_ms, k.until_ms, k.reason, k.actor_name
  FROM customer r JOIN class_correction k ON k.customer_id = r.id
 WHERE r.root_id = :root AND k.class <> '' AND k.ended_ms = 0 AND k.until_ms > :now
 ORDER BY k.id DESC LIMIT 1;

-- name: risk_seen_of -> risk_seen_of_row
SELECT k.level, k.points, k.confidence, k.at_ms FROM risk_state k WHERE k.customer_id = :root;
