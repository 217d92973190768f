-- name: key_answered -> key_answer
SELECT status, made_id, CASE WHEN request = :request THEN 1 ELSE 0 END
  FROM idempotency
 WHERE actor_kind = :kind AND actor_id = :actor AND key = :key;

-- name: key_keep
INSERT INTO idempotency (actor_kind, actor_id, key, request, status, made_id, at_ms)
VALUES (:kind, :actor, :key, :request, :status, :made, :now);
