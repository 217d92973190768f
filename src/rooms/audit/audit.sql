-- name: audit_ids_of -> watch_row
SELECT c.id FROM customer c
 WHERE c.root_id = (SELECT r.root_id FROM customer r WHERE r.id = :customer) ORDER BY c.id LIMIT 1000;

-- ---- who sees how much ----

-- name: watch_at
SELECT CAST(value AS BIGINT) FROM store_meta WHERE name = 'audit_watch';

-- name: watch_at_set
INSERT INTO store_meta (name, value) VALUES ('audit_watch', :at) ON CONFLICT (name) DO UPDATE SET value = excluded.value;

-- name: watch_next -> watch_row
SELECT a.id FROM audit a
 WHERE a.action = 'customer.view' AND a.action <> 'intake' AND a.id > :after AND a.id < :settled ORDER BY a.id LIMIT :limit;

-- A record counts once for a person and day, by whichever view came first.
-- name: watch_counts -> watch_counted
SELECT a.actor_id, count(*), COALESCE(SUM(CASE WHEN t.is_vip = 1 THEN 1 ELSE 0 END), 0)
  FROM audit a LEFT JOIN standing t ON t.customer_id = a.customer_id
 WHERE a.action = 'customer.view' AND a.action <> 'intake' AND a.actor_kind = 'staff' AND a.id > :after AND a.id <= :last
   AND NOT EXISTS (SELECT 1 FROM audit b
                    WHERE b.action = 'customer.view' AND b.customer_id = a.customer_id AND b.actor_kind = 'staff'
                      AND b.actor_id = a.actor_id AND b.id >= :first AND b.id < a.id)
 GROUP BY a.actor_id ORDER BY a.actor_id LIMIT 1000;

-- name: watch_add
INSERT INTO audit_day (day, staff_id, seen, vips) VALUES (:day, :staff, :seen, :vips)
    ON CONFLICT (day, staff_id) DO UPDATE SET seen = audit_day.seen + excluded.seen, vips = audit_day.vips + excluded.vips;

-- name: watch_over -> watch_over
SELECT staff_id, seen FROM audit_day WHERE day = :day AND seen > :limit AND is_told = 0 ORDER BY staff_id LIMIT 100;

-- name: watch_told
UPDATE audit_day SET is_told = 1 WHERE day = :day AND staff_id = :staff;

-- name: watch_people -> watch_person
SELECT d.staff_id, COALESCE(s.name, ''), d.seen, d.vips,
       COALESCE((SELECT SUM(b.seen) / COUNT(*) FROM audit_day b
                  WHERE b.staff_id = d.staff_id AND b.day >= :since AND b.day < d.day), 0)
  FROM audit_day d LEFT JOIN staff s ON s.id = d.staff_id
 WHERE d.day = :day ORDER BY d.seen DESC, d.staff_id LIMIT 50;

-- ---- who is in an export ----

-- name: export_list_insert
INSERT INTO export_list (id, what, is_all, until_id, is_done) VALUES (:id, :what, :is_all, :until, 0);

-- name: export_list_done
UPDATE export_list SET is_done = 1 WHERE id = :id;

-- name: export_list_get -> export_list_row
SELECT what, is_all, until_id, is_done FROM export_list WHERE id = :id;

-- name: export_part_insert
INSERT INTO export_part (id, export_id, first_id, last_id, ids) VALUES (:id, :export, :first, :last, :ids);

-- name: export_parts_of -> export_part_row
SELECT first_id, ids FROM export_part WHERE export_id = :export AND first_id <= :customer AND last_id >= :customer
 ORDER BY first_id LIMIT 100000;

-- name: export_has_order
SELECT count(*) FROM (SELECT 1 FROM orders WHERE customer_id IN {{ints}} :ids AND id <= :until LIMIT 1) AS found;
