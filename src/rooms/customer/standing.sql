-- Standing: one narrow row a record, and the day rows its windows are made of.

-- part: standing_columns
s.customer_id, s.kind, s.activity, s.is_vip, s.vip_by, s.activity_due_ms, s.activity_ms, s.first_ms, s.last_contact_ms,
       s.last_order_ms, s.contacts, s.orders, s.discounted, s.spent_minor, s.returned_minor, s.discount_minor,
       s.orders_365d, s.spent_365d_minor, s.orders_180d, s.spent_180d_minor, s.orders_90d, s.spent_90d_minor, s.orders_30d,
       s.spent_30d_minor, s.orders_7d, s.spent_7d_minor, s.contacts_7d, s.contacts_30d, s.contacts_90d, s.contacts_180d,
       s.contacts_365d, s.returned_7d_minor, s.returned_30d_minor, s.returned_90d_minor, s.returned_180d_minor,
       s.returned_365d_minor, s.discount_7d_minor, s.discount_30d_minor, s.discount_90d_minor, s.discount_180d_minor,
       s.discount_365d_minor, s.discounted_7d, s.discounted_30d, s.discounted_90d, s.discounted_180d, s.discounted_365d;

-- name: standing_get -> standing_row
SELECT {{standing_columns}}
  FROM standing s WHERE s.customer_id = :root;

-- By any id of the record.
-- name: standing_of -> standing_row
SELECT {{standing_columns}}
  FROM customer c JOIN standing s ON s.customer_id = c.root_id WHERE c.id = :customer;

-- name: standings_of -> standing_via
SELECT c.id, {{standing_columns}}
  FROM customer c JOIN standing s ON s.customer_id = c.root_id
 WHERE c.id IN {{ints}} :customers
 ORDER BY c.id LIMIT 1000;

-- Those of the jobs that keep them up (rooms/order/turn.c).
-- name: turn_standings -> standing_row
SELECT {{standing_columns}}
  FROM standing s WHERE s.customer_id IN {{ints}} :roots
 ORDER BY s.customer_id LIMIT 1000;

-- name: due_standings -> standing_row
SELECT {{standing_columns}}
  FROM standing s WHERE s.activity_due_ms > 0 AND s.activity_due_ms <= :now
 ORDER BY s.activity_due_ms LIMIT :n;

-- name: value_standings -> standing_row
SELECT {{standing_columns}}
  FROM standing s
 WHERE s.spent_365d_minor > 0 AND s.spent_365d_minor >= :least AND s.spent_365d_minor <= :spent
   AND (s.spent_365d_minor < :spent OR s.customer_id < :customer)
 ORDER BY s.spent_365d_minor DESC, s.customer_id DESC LIMIT :n;

-- name: vip_standings -> standing_row
SELECT {{standing_columns}}
  FROM standing s WHERE s.is_vip = 1 AND s.customer_id > :after
 ORDER BY s.customer_id LIMIT :n;

-- name: standing_put
INSERT INTO standing (customer_id, kind, activity, is_vip, vip_by, activity_due_ms, activity_ms, first_ms, last_contact_ms,
       last_order_ms, contacts, orders, discounted, spent_minor, returned_minor, discount_minor, orders_365d,
       spent_365d_minor, orders_180d, spent_180d_minor, orders_90d, spent_90d_minor, orders_30d, spent_30d_minor, orders_7d,
       spent_7d_minor, contacts_7d, contacts_30d, contacts_90d, contacts_180d, contacts_365d, returned_7d_minor,
       returned_30d_minor, returned_90d_minor, returned_180d_minor, returned_365d_minor, discount_7d_minor,
       discount_30d_minor, discount_90d_minor, discount_180d_minor, discount_365d_minor, discounted_7d, discounted_30d,
       discounted_90d, discounted_180d, discounted_365d)
VALUES (:customer, :kind, :activity, :is_vip, :vip_by, :activity_due, :activity_ms, :first, :last_contact, :last_order,
        :contacts, :orders, :discounted, :spent, :returned, :discount, :orders_365d, :spent_365d, :orders_180d, :spent_180d,
        :orders_90d, :spent_90d, :orders_30d, :spent_30d, :orders_7d, :spent_7d, :contacts_7d, :contacts_30d, :contacts_90d,
        :contacts_180d, :contacts_365d, :returned_7d, :returned_30d, :returned_90d, :returned_180d, :returned_365d,
        :discount_7d, :discount_30d, :discount_90d, :discount_180d, :discount_365d, :discounted_7d, :discounted_30d,
        :discounted_90d, :discounted_180d, :discounted_365d)
ON CONFLICT (customer_id) DO UPDATE SET
       kind = excluded.kind, activity = excluded.activity, is_vip = excluded.is_vip, vip_by = excluded.vip_by,
       activity_due_ms = excluded.activity_due_ms, activity_ms = excluded.activity_ms, first_ms = excluded.first_ms,
       last_contact_ms = excluded.last_contact_ms, last_order_ms = excluded.last_order_ms, contacts = excluded.contacts,
       orders = excluded.orders, discounted = excluded.discounted, spent_minor = excluded.spent_minor,
       returned_minor = excluded.returned_minor, discount_minor = excluded.discount_minor, orders_365d = excluded.orders_365d,
       spent_365d_minor = excluded.spent_365d_minor, orders_180d = excluded.orders_180d,
       spent_180d_minor = excluded.spent_180d_minor, orders_90d = excluded.orders_90d,
       spent_90d_minor = excluded.spent_90d_minor, orders_30d = excluded.orders_30d, spent_30d_minor = excluded.spent_30d_minor,
       orders_7d = excluded.orders_7d, spent_7d_minor = excluded.spent_7d_minor, contacts_7d = excluded.contacts_7d,
       contacts_30d = excluded.contacts_30d, contacts_90d = excluded.contacts_90d, contacts_180d = excluded.contacts_180d,
       contacts_365d = excluded.contacts_365d, returned_7d_minor = excluded.returned_7d_minor,
       returned_30d_minor = excluded.returned_30d_minor, returned_90d_minor = excluded.returned_90d_minor,
       returned_180d_minor = excluded.returned_180d_minor, returned_365d_minor = excluded.returned_365d_minor,
       discount_7d_minor = excluded.discount_7d_minor, discount_30d_minor = excluded.discount_30d_minor,
       discount_90d_minor = excluded.discount_90d_minor, discount_180d_minor = excluded.discount_180d_minor,
       discount_365d_minor = excluded.discount_365d_minor, discounted_7d = excluded.discounted_7d,
       discounted_30d = excluded.discounted_30d, discounted_90d = excluded.discounted_90d,
       discounted_180d = excluded.discounted_180d, discounted_365d = excluded.discounted_365d;

-- What moves usually, without the rest: a column that is named is written in each index that holds it, moved or not.
-- Columns stand in the order of the row (standing.c says which these are).
-- name: standing_due
UPDATE standing SET activity_due_ms = :activity_due WHERE customer_id = :root;

-- name: standing_contacts
UPDATE standing
   SET first_ms = :first, contacts = :contacts, contacts_7d = :contacts_7d, contacts_30d = :contacts_30d,
       contacts_90d = :contacts_90d, contacts_180d = :contacts_180d, contacts_365d = :contacts_365d
 WHERE customer_id = :root;

-- name: standing_seen
UPDATE standing
   SET first_ms = :first, last_contact_ms = :last_contact, contacts = :contacts,
       contacts_7d = :contacts_7d, contacts_30d = :contacts_30d, contacts_90d = :contacts_90d,
       contacts_180d = :contacts_180d, contacts_365d = :contacts_365d
 WHERE customer_id = :root;

-- name: standing_woken
UPDATE standing
   SET activity = :activity, activity_due_ms = :activity_due, activity_ms = :activity_ms,
       first_ms = :first, last_contact_ms = :last_contact, contacts = :contacts,
       contacts_7d = :contacts_7d, contacts_30d = :contacts_30d, contacts_90d = :contacts_90d,
       contacts_180d = :contacts_180d, contacts_365d = :contacts_365d
 WHERE customer_id = :root;

-- name: standing_windows
UPDATE standing
   SET orders_365d = :orders_365d, orders_180d = :orders_180d, spent_180d_minor = :spent_180d,
       orders_90d = :orders_90d, spent_90d_minor = :spent_90d, orders_30d = :orders_30d, spent_30d_minor = :spent_30d,
       orders_7d = :orders_7d, spent_7d_minor = :spent_7d, contacts_7d = :contacts_7d, contacts_30d = :contacts_30d,
       contacts_90d = :contacts_90d, contacts_180d = :contacts_180d, contacts_365d = :contacts_365d,
       returned_7d_minor = :returned_7d, returned_30d_minor = :returned_30d, returned_90d_minor = :returned_90d,
       returned_180d_minor = :returned_180d, returned_365d_minor = :returned_365d, discount_7d_minor = :discount_7d,
       discount_30d_minor = :discount_30d, discount_90d_minor = :discount_90d, discount_180d_minor = :discount_180d,
       discount_365d_minor = :discount_365d, discounted_7d = :discounted_7d, discounted_30d = :discounted_30d,
       discounted_90d = :discounted_90d, discounted_180d = :discounted_180d, discounted_365d = :discounted_365d
 WHERE customer_id = :root;

-- name: standing_windows_value
UPDATE standing
   SET orders_365d = :orders_365d, spent_365d_minor = :spent_365d, orders_180d = :orders_180d,
       spent_180d_minor = :spent_180d, orders_90d = :orders_90d, spent_90d_minor = :spent_90d,
       orders_30d = :orders_30d, spent_30d_minor = :spent_30d, orders_7d = :orders_7d, spent_7d_minor = :spent_7d,
       contacts_7d = :contacts_7d, contacts_30d = :contacts_30d, contacts_90d = :contacts_90d,
       contacts_180d = :contacts_180d, contacts_365d = :contacts_365d, returned_7d_minor = :returned_7d,
       returned_30d_minor = :returned_30d, returned_90d_minor = :returned_90d, returned_180d_minor = :returned_180d,
       returned_365d_minor = :returned_365d, discount_7d_minor = :discount_7d, discount_30d_minor = :discount_30d,
       discount_90d_minor = :discount_90d, discount_180d_minor = :discount_180d, discount_365d_minor = :discount_365d,
       discounted_7d = :discounted_7d, discounted_30d = :discounted_30d, discounted_90d = :discounted_90d,
       discounted_180d = :discounted_180d, discounted_365d = :discounted_365d
 WHERE customer_id = :root;

-- name: standing_bought
UPDATE standing
   SET first_ms = :first, last_contact_ms = :last_contact, last_order_ms = :last_order, contacts = :contacts,
       orders = :orders, discounted = :discounted, spent_minor = :spent, returned_minor = :returned,
       discount_minor = :discount, orders_365d = :orders_365d, spent_365d_minor = :spent_365d, orders_180d = :orders_180d,
       spent_180d_minor = :spent_180d, orders_90d = :orders_90d, spent_90d_minor = :spent_90d,
       orders_30d = :orders_30d, spent_30d_minor = :spent_30d, orders_7d = :orders_7d, spent_7d_minor = :spent_7d,
       contacts_7d = :contacts_7d, contacts_30d = :contacts_30d, contacts_90d = :contacts_90d,
       contacts_180d = :contacts_180d, contacts_365d = :contacts_365d, returned_7d_minor = :returned_7d,
       returned_30d_minor = :returned_30d, returned_90d_minor = :returned_90d, returned_180d_minor = :returned_180d,
       returned_365d_minor = :returned_365d, discount_7d_minor = :discount_7d, discount_30d_minor = :discount_30d,
       discount_90d_minor = :discount_90d, discount_180d_minor = :discount_180d, discount_365d_minor = :discount_365d,
       discounted_7d = :discounted_7d, discounted_30d = :discounted_30d, discounted_90d = :discounted_90d,
       discounted_180d = :discounted_180d, discounted_365d = :discounted_365d
 WHERE customer_id = :root;

-- name: standing_day_add
INSERT INTO standing_day (customer_id, day, contacts, orders, discounted, spent_minor, returned_minor, discount_minor)
VALUES (:customer, :day, :contacts, :orders, :discounted, :spent, :returned, :discount)
    ON CONFLICT (customer_id, day) DO UPDATE
       SET contacts = standing_day.contacts + excluded.contacts, orders = standing_day.orders + excluded.orders,
           discounted = standing_day.discounted + excluded.discounted,
           spent_minor = standing_day.spent_minor + excluded.spent_minor,
           returned_minor = standing_day.returned_minor + excluded.returned_minor,
           discount_minor = standing_day.discount_minor + excluded.discount_minor;

-- name: standing_kind
UPDATE standing SET kind = :kind WHERE customer_id = :root;
