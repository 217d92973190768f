-- What the hub asks while it delivers.

-- name: hub_sessions -> hub_session
SELECT s.id, p.role FROM session s JOIN staff p ON p.id = s.staff_id
 WHERE s.id IN {{ints}} :ids AND p.is_active = 1 AND s.created_ms > :life_since AND s.seen_ms > :idle_since
   AND s.created_ms < :newest
 ORDER BY s.id
 LIMIT 10000;

-- name: hub_tokens -> hub_session
SELECT t.id, t.role FROM token t
 WHERE t.id IN {{ints}} :ids AND t.revoked_ms IS NULL AND (t.expires_ms IS NULL OR t.expires_ms > :now)
 ORDER BY t.id
 LIMIT 10000;

-- Anybody, whose card is made to have made one.
-- name: hub_newest_customer
SELECT c.id FROM customer c ORDER BY c.id DESC LIMIT 1;

-- name: hub_staff_name -> hub_name
SELECT p.name FROM staff p WHERE p.id = :id;

-- name: hub_call_state -> hub_call
SELECT c.id, c.state, c.staff_id, c.version, c.customer_id FROM call c WHERE c.id = :id;

-- name: hub_desks -> hub_desk
SELECT d.staff_id FROM call_desk d WHERE d.call_id = :call ORDER BY d.staff_id LIMIT 64;

-- What rings at a desk, or is answered there: for a browser that has just come.
-- name: hub_calls_at -> hub_call
SELECT c.id, c.state, c.staff_id, c.version, c.customer_id
  FROM (SELECT d.call_id AS near_id FROM call_desk d WHERE d.staff_id = :staff ORDER BY d.call_id DESC LIMIT 20) n
  JOIN call c ON c.id = n.near_id
 WHERE c.state <> 'ended'
 ORDER BY c.id
 LIMIT 20;

-- ---- who can take calls ------------------------------------------------------------------------------

-- name: desk_people -> desk_person
SELECT p.id, p.name, p.is_ready,
       COALESCE((SELECT c.id FROM call c WHERE c.staff_id = p.id ORDER BY c.id DESC LIMIT 1), 0) AS last_call_id
  FROM staff p
 WHERE p.is_active = 1 AND p.role IN ('owner', 'administrator', 'manager', 'agent', 'operator')
 ORDER BY p.name, p.id
 LIMIT 2000;

-- name: desk_extensions -> desk_extension
SELECT e.staff_id, e.extension FROM staff_extension e ORDER BY e.staff_id, e.extension LIMIT 10000;

-- name: desk_ringing -> hub_ringing
SELECT d.staff_id, d.call_id
  FROM (SELECT c.id AS live_id FROM call c WHERE c.state <> 'ended' AND c.state = 'ringing' ORDER BY c.ring_ms LIMIT 1000) q
  JOIN call_desk d ON d.call_id = q.live_id
 LIMIT 10000;

-- name: desk_last_calls -> desk_call
SELECT c.id, c.state, c.end_ms, c.wrapped_ms FROM call c WHERE c.id IN {{ints}} :ids LIMIT 2000;
