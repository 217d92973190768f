-- name: audit_all -> audit_row
SELECT a.id, a.at_ms, a.actor_kind, a.actor_id, COALESCE(s.name, t.name, '') AS actor_name, a.action, a.customer_id, a.ref_id,
       a.details
  FROM audit a LEFT JOIN staff s ON a.actor_kind = 'staff' AND s.id = a.actor_id
       LEFT JOIN token t ON a.actor_kind = 'token' AND t.id = a.actor_id
 WHERE a.id < :before ORDER BY a.id DESC LIMIT :limit;

-- name: audit_of_customer -> audit_row
SELECT a.id, a.at_ms, a.actor_kind, a.actor_id, COALESCE(s.name, t.name, '') AS actor_name, a.action, a.customer_id, a.ref_id,
       a.details
  FROM audit a LEFT JOIN staff s ON a.actor_kind = 'staff' AND s.id = a.actor_id
       LEFT JOIN token t ON a.actor_kind = 'token' AND t.id = a.actor_id
 WHERE a.customer_id = :customer AND a.customer_id <> 0 AND a.id < :before ORDER BY a.id DESC LIMIT :limit;

-- No index of its own: asked rarely, newest first, and a person at work is never far from the end.
-- name: audit_of_staff -> audit_row
SELECT a.id, a.at_ms, a.actor_kind, a.actor_id, COALESCE(s.name, '') AS actor_name, a.action, a.customer_id, a.ref_id,
       a.details
  FROM audit a LEFT JOIN staff s ON s.id = a.actor_id
 WHERE a.actor_kind = 'staff' AND a.actor_id = :staff AND a.id < :before ORDER BY a.id DESC LIMIT :limit;

-- name: audit_of_both -> audit_row
SELECT a.id, a.at_ms, a.actor_kind, a.actor_id, COALESCE(s.name, '') AS actor_name, a.action, a.customer_id, a.ref_id,
       a.details
  FROM audit a LEFT JOIN staff s ON s.id = a.actor_id
 WHERE a.customer_id = :customer AND a.customer_id <> 0 AND a.actor_kind = 'staff' AND a.actor_id = :staff AND a.id < :before
 ORDER BY a.id DESC LIMIT :limit;
