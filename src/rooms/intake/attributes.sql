-- name: attributes_interactions -> attributes_interaction
SELECT i.at_ms, i.channel, i.direction, i.trust
  FROM customer r JOIN interaction i ON i.customer_id = r.id
 WHERE r.root_id = :root
 LIMIT 100000;
