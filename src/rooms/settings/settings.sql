-- name: setting_all -> setting_row
SELECT name, value FROM setting ORDER BY name LIMIT 200;

-- name: setting_get -> setting_row
SELECT name, value FROM setting WHERE name = :name;

-- name: setting_set
INSERT INTO setting (name, value, changed_ms, staff_id) VALUES (:name, :value, :now, :staff)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value, changed_ms = excluded.changed_ms, staff_id = excluded.staff_id;

-- The base currency stays once money was counted in it.
-- name: setting_has_orders
SELECT 1 FROM orders LIMIT 1;
