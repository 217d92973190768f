-- name: staff_get -> staff
SELECT id, email, name, role, lang, theme, text_size, has_keys, has_sound, is_active, is_ready, created_ms, version
  FROM staff WHERE id = :id;

-- name: staff_by_email -> staff
SELECT id, email, name, role, lang, theme, text_size, has_keys, has_sound, is_active, is_ready, created_ms, version
  FROM staff WHERE email = :email;

-- By name would need an index for nothing: a company has hundreds, shown at once.
-- name: staff_list -> staff
SELECT id, email, name, role, lang, theme, text_size, has_keys, has_sound, is_active, is_ready, created_ms, version
  FROM staff WHERE id > :after ORDER BY id LIMIT :limit;

-- name: staff_list_extensions -> staff_handle
SELECT staff_id, extension FROM staff_extension WHERE staff_id BETWEEN :from AND :to ORDER BY staff_id, extension LIMIT 20000;

-- name: staff_list_queues -> staff_handle
SELECT staff_id, queue FROM staff_queue WHERE staff_id BETWEEN :from AND :to ORDER BY staff_id, queue LIMIT 20000;

-- name: staff_insert
INSERT INTO staff (id, email, name, role, password, lang, created_ms, changed_ms)
VALUES (:id, :email, :name, :role, :password, :lang, :now, :now);

-- name: staff_update
UPDATE staff SET name = :name, role = :role, is_active = :is_active, lang = :lang, theme = :theme, text_size = :text_size,
                 has_keys = :has_keys, has_sound = :has_sound, is_ready = :is_ready, changed_ms = :now, version = version + 1
 WHERE id = :id AND version = :version;

-- name: staff_log_in -> log_in_row
SELECT id, password, is_active FROM staff WHERE email = :email;

-- name: staff_password_of -> log_in_row
SELECT id, password, is_active FROM staff WHERE id = :id;

-- name: staff_password_set
UPDATE staff SET password = :password, changed_ms = :now, version = version + 1 WHERE id = :id;

-- name: staff_owners
SELECT COUNT(1) FROM staff WHERE role = 'owner' AND is_active = 1;

-- name: staff_role_lock
UPDATE setting SET changed_ms = :now WHERE name = 'role_lock';

-- name: staff_extension_insert
INSERT INTO staff_extension (extension, staff_id) VALUES (:extension, :staff) ON CONFLICT (extension, staff_id) DO NOTHING;

-- name: staff_extension_clear
DELETE FROM staff_extension WHERE staff_id = :staff;

-- name: staff_queue_insert
INSERT INTO staff_queue (queue, staff_id) VALUES (:queue, :staff) ON CONFLICT (queue, staff_id) DO NOTHING;

-- name: staff_queue_clear
DELETE FROM staff_queue WHERE staff_id = :staff;

-- name: staff_desk_by_extension -> staff_number
SELECT s.id FROM staff_extension e JOIN staff s ON s.id = e.staff_id
 WHERE e.extension = :text AND s.is_active = 1 ORDER BY s.id LIMIT 64;

-- name: staff_desk_by_email -> staff_number
SELECT id FROM staff WHERE email = :text AND is_active = 1 ORDER BY id LIMIT 64;

-- name: staff_desk_by_name -> staff_number
SELECT id FROM staff WHERE name = :text AND is_active = 1 ORDER BY id LIMIT 64;

-- name: staff_desk_by_queue -> staff_number
SELECT s.id FROM staff_queue q JOIN staff s ON s.id = q.staff_id
 WHERE q.queue = :queue AND s.is_active = 1 AND s.is_ready = 1 ORDER BY s.id LIMIT 64;

-- One that was begun in what is the future now was begun while the clock was wrong; it would live on for as long.
-- name: session_who -> session_who
SELECT s.id, s.seen_ms, s.peer, p.id, p.role, p.lang, p.name
  FROM session s JOIN staff p ON p.id = s.staff_id
 WHERE s.hash = :hash AND p.is_active = 1 AND s.seen_ms > :idle AND s.created_ms > :oldest AND s.created_ms < :newest;

-- name: session_insert
INSERT INTO session (id, hash, staff_id, created_ms, seen_ms, peer, agent)
VALUES (:id, :hash, :staff, :now, :now, :peer, :agent);

-- name: session_seen
UPDATE session SET seen_ms = :now, peer = :peer WHERE id = :id AND seen_ms <= :now;

-- name: session_peer -> session_peer
SELECT peer FROM session WHERE id = :id;

-- name: session_list -> session
SELECT id, created_ms, seen_ms, peer, agent
  FROM session WHERE staff_id = :staff AND seen_ms > :idle AND created_ms > :oldest ORDER BY id DESC LIMIT 200;

-- name: session_delete
DELETE FROM session WHERE id = :id AND staff_id = :staff;

-- name: session_delete_others
DELETE FROM session WHERE staff_id = :staff AND id <> :keep;

-- name: session_others -> staff_number
SELECT id FROM session WHERE staff_id = :staff AND id <> :keep ORDER BY id LIMIT 1000;

-- name: session_sweep
DELETE FROM session WHERE staff_id = :staff AND (seen_ms <= :idle OR created_ms <= :oldest);

-- name: device_known
SELECT 1 FROM staff_device d JOIN staff s ON s.id = d.staff_id WHERE d.hash = :hash AND s.email = :email;

-- name: device_insert
INSERT INTO staff_device (hash, staff_id, made_ms, seen_ms) VALUES (:hash, :staff, :now, :now)
    ON CONFLICT (hash) DO UPDATE SET seen_ms = excluded.seen_ms;

-- name: device_sweep
DELETE FROM staff_device WHERE staff_id = :staff AND seen_ms < :before;

-- name: device_clear
DELETE FROM staff_device WHERE staff_id = :staff;

-- name: token_who -> token_who
SELECT id, role, scopes, name FROM token
 WHERE hash = :hash AND revoked_ms IS NULL AND (expires_ms IS NULL OR expires_ms > :now);

-- name: token_insert
INSERT INTO token (id, name, hash, role, scopes, created_ms, created_by, expires_ms)
VALUES (:id, :name, :hash, :role, :scopes, :now, :staff, :expires);

-- name: token_list -> token
SELECT id, name, role, scopes, created_ms, expires_ms
  FROM token WHERE revoked_ms IS NULL AND id < :before ORDER BY id DESC LIMIT :limit;

-- name: token_get -> token
SELECT id, name, role, scopes, created_ms, expires_ms FROM token WHERE id = :id AND revoked_ms IS NULL;

-- name: token_revoke
UPDATE token SET revoked_ms = :now WHERE id = :id AND revoked_ms IS NULL;
