-- name: attributes_classes -> attributes_class
SELECT j.class, j.score, j.since_ms, j.lead_ms, CASE WHEN j.lead_ms > 0 THEN 1 ELSE 0 END AS leads
  FROM judgement j WHERE j.customer_id = :root LIMIT 100;
