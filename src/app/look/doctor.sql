-- name: doctor_mark
SELECT COALESCE(MAX(id_mark), 0) FROM node;

-- name: doctor_newest
SELECT COALESCE(MAX(at_ms), 0) FROM (SELECT a.at_ms FROM audit a WHERE a.id > 0 ORDER BY a.id DESC LIMIT 20) AS newest;

-- name: doctor_tokens_endless
SELECT COUNT(*) FROM token WHERE revoked_ms IS NULL AND expires_ms IS NULL;

-- name: doctor_tokens_unused
SELECT COUNT(*) FROM token t
 WHERE t.revoked_ms IS NULL AND t.created_ms < :before AND (t.expires_ms IS NULL OR t.expires_ms > :now)
   AND NOT EXISTS (SELECT 1 FROM audit a WHERE a.actor_kind = 'token' AND a.actor_id = t.id);

-- name: doctor_staff_away
SELECT COUNT(*) FROM staff s
 WHERE s.is_active = 1 AND s.created_ms < :before
   AND s.id NOT IN (SELECT a.ref_id FROM audit a
                     WHERE a.action = 'session.begin' AND a.action <> 'intake' AND a.id > :since);

-- name: doctor_acts
SELECT COUNT(*) FROM (SELECT 1 FROM audit a
                       WHERE a.action = :action AND a.action <> 'intake' AND a.id > :since LIMIT 10000) AS acts;

-- name: doctor_jobs
SELECT COUNT(*) FROM job WHERE state = 'failed' OR (state = 'waiting' AND tries >= 5);

-- name: doctor_schema
SELECT MAX(number) FROM migration;

-- name: doctor_over
SELECT COUNT(*) FROM audit_day WHERE day = :day AND is_told = 1;
