-- Orders, their lines, returns, promotions and facts.

-- part: order_columns
o.id, o.number, c.root_id, r.name, o.channel, o.status, o.at_ms, o.due_ms, o.total_minor, o.currency,
       o.discount_minor, o.currency, o.returned_minor, o.currency, o.lost_minor, o.currency, o.base_minor,
       o.payment_method, o.is_discounted, o.version;

-- part: order_tables
orders o JOIN customer c ON c.id = o.customer_id JOIN customer r ON r.id = c.root_id;

-- name: order_get -> order_row
SELECT {{order_columns}}
  FROM {{order_tables}}
 WHERE o.id = :id;

-- name: order_by_number -> order_row
SELECT {{order_columns}}
  FROM {{order_tables}}
 WHERE o.number = :number;

-- name: order_by_numbers -> order_row
SELECT {{order_columns}}
  FROM {{order_tables}}
 WHERE o.number IN {{texts}} :numbers
 ORDER BY o.number LIMIT 1000;

-- name: order_whose -> order_whose
SELECT o.id, o.number, c.root_id
  FROM orders o JOIN customer c ON c.id = o.customer_id
 WHERE o.id IN {{ints}} :ids
 ORDER BY o.id LIMIT 1000;

-- name: order_count -> number_row
SELECT count(*) FROM orders WHERE id IN {{ints}} :ids;

-- Newest first between two times; :at and :before are the row after which the page begins.
-- name: order_list -> order_row
SELECT {{order_columns}}
  FROM {{order_tables}}
 WHERE o.at_ms >= :from AND o.at_ms <= :at AND (o.at_ms < :at OR o.id < :before)
 ORDER BY o.at_ms DESC, o.id DESC LIMIT :n;

-- name: order_list_status -> order_row
SELECT {{order_columns}}
  FROM {{order_tables}}
 WHERE o.status = :status AND o.at_ms >= :from AND o.at_ms <= :at AND (o.at_ms < :at OR o.id < :before)
 ORDER BY o.at_ms DESC, o.id DESC LIMIT :n;

-- name: order_of_customer -> order_row
SELECT {{order_columns}}
  FROM {{order_tables}}
 WHERE o.customer_id = :customer AND o.at_ms >= :from AND o.at_ms <= :at AND (o.at_ms < :at OR o.id < :before)
 ORDER BY o.at_ms DESC, o.id DESC LIMIT :n;

-- name: order_of_customer_status -> order_row
SELECT {{order_columns}}
  FROM {{order_tables}}
 WHERE o.customer_id = :customer AND o.status = :status AND o.at_ms >= :from AND o.at_ms <= :at
   AND (o.at_ms < :at OR o.id < :before)
 ORDER BY o.at_ms DESC, o.id DESC LIMIT :n;

-- Those whose number begins so, by number.
-- name: order_by_number_start -> order_row
SELECT {{order_columns}}
  FROM {{order_tables}}
 WHERE o.number >= :number AND o.number < :end
 ORDER BY o.number LIMIT :n;

-- name: order_line_list -> order_line_row
SELECT l.line, l.product_id, l.sku, l.name, l.quantity_milli, l.price_minor, o.currency, l.discount_minor, o.currency,
       l.total_minor, o.currency
  FROM order_line l JOIN orders o ON o.id = l.order_id
 WHERE l.order_id = :order
 ORDER BY l.line LIMIT 1000;

-- name: order_return_list -> order_return_row
SELECT r.id, r.line, r.quantity_milli, r.amount_minor, o.currency, r.reason, r.at_ms
  FROM order_return r JOIN orders o ON o.id = r.order_id
 WHERE r.order_id = :order
 ORDER BY r.at_ms, r.id LIMIT 1000;

-- name: order_fact_list -> order_fact_row
SELECT f.id, f.kind, f.amount_minor, o.currency, f.note, f.source_id, f.at_ms
  FROM order_fact f JOIN orders o ON o.id = f.order_id
 WHERE f.order_id = :order
 ORDER BY f.at_ms, f.id LIMIT 1000;

-- name: order_promotion_list -> order_promotion_row
SELECT code FROM order_promotion WHERE order_id = :order ORDER BY code LIMIT 100;

-- name: order_customer -> number_row
SELECT customer_id FROM orders WHERE id = :id;

-- The newest that counts, of all ids of the record.
-- name: order_last -> number_row
SELECT o.at_ms
  FROM customer c JOIN customer m ON m.root_id = c.root_id JOIN orders o ON o.customer_id = m.id
 WHERE c.id = :customer AND o.status <> 'cancelled'
 ORDER BY o.at_ms DESC LIMIT 1;

-- name: order_insert
INSERT INTO orders (id, number, customer_id, interaction_id, channel, status, at_ms, due_ms, currency, total_minor,
                    discount_minor, returned_minor, lost_minor, base_minor, payment_method, is_discounted)
VALUES (:id, :number, :customer, :interaction, :channel, :status, :at, :due, :currency, :total, :discount, :returned,
        :lost, :base, :payment_method, :is_discounted) ON CONFLICT DO NOTHING;

-- name: order_line_insert
INSERT INTO order_line (order_id, line, product_id, sku, name, quantity_milli, price_minor, discount_minor, total_minor)
VALUES (:order, :line, :product, :sku, :name, :quantity, :price, :discount, :total);

-- name: order_promotion_insert
INSERT INTO order_promotion (order_id, code) VALUES (:order, :code) ON CONFLICT DO NOTHING;

-- name: order_update
UPDATE orders
   SET status = :status, due_ms = :due, payment_method = :payment_method, returned_minor = :returned, lost_minor = :lost,
       version = version + 1
 WHERE id = :id AND version = :version;

-- name: order_return_insert
INSERT INTO order_return (id, order_id, line, quantity_milli, amount_minor, reason, at_ms)
VALUES (:id, :order, :line, :quantity, :amount, :reason, :at);

-- name: order_fact_insert
INSERT INTO order_fact (id, order_id, customer_id, kind, amount_minor, note, source_id, staff_id, at_ms)
VALUES (:id, :order, :customer, :kind, :amount, :note, :source, :staff, :at);

-- An order that is taken back goes with its line on the timeline.
-- name: order_interaction_delete
DELETE FROM interaction WHERE id = (SELECT interaction_id FROM orders WHERE id = :id);

-- name: order_delete
DELETE FROM orders WHERE id = :id;
