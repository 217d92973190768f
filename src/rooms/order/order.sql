-- Orders, their lines and returns, and the day rows and standing they move.

-- name: order_get -> order_row
SELECT o.id, o.number, c.root_id, r.name, o.channel, o.status, o.at_ms, o.due_ms, o.total_minor, o.currency,
       o.discount_minor, o.currency, o.returned_minor, o.currency, o.base_minor, o.payment_method, o.version
  FROM orders o JOIN customer c ON c.id = o.customer_id JOIN customer r ON r.id = c.root_id
 WHERE o.id = :id;

-- name: order_by_number -> order_row
SELECT o.id, o.number, c.root_id, r.name, o.channel, o.status, o.at_ms, o.due_ms, o.total_minor, o.currency,
       o.discount_minor, o.currency, o.returned_minor, o.currency, o.base_minor, o.payment_method, o.version
  FROM orders o JOIN customer c ON c.id = o.customer_id JOIN customer r ON r.id = c.root_id
 WHERE o.number = :number;

-- name: order_list -> order_row
SELECT o.id, o.number, c.root_id, r.name, o.channel, o.status, o.at_ms, o.due_ms, o.total_minor, o.currency,
       o.discount_minor, o.currency, o.returned_minor, o.currency, o.base_minor, o.payment_method, o.version
  FROM orders o JOIN customer c ON c.id = o.customer_id JOIN customer r ON r.id = c.root_id
 WHERE o.id < :before
 ORDER BY o.id DESC LIMIT :n;

-- name: order_of_customer -> order_row
SELECT o.id, o.number, c.root_id, r.name, o.channel, o.status, o.at_ms, o.due_ms, o.total_minor, o.currency,
       o.discount_minor, o.currency, o.returned_minor, o.currency, o.base_minor, o.payment_method, o.version
  FROM orders o JOIN customer c ON c.id = o.customer_id JOIN customer r ON r.id = c.root_id
 WHERE o.customer_id = :customer AND o.at_ms <= :at AND (o.at_ms < :at OR o.id < :before)
 ORDER BY o.at_ms DESC, o.id DESC LIMIT :n;

-- name: order_line_list -> order_line_row
SELECT l.line, l.product_id, l.sku, l.name, l.quantity_milli, l.price_minor, o.currency, l.total_minor, o.currency
  FROM order_line l JOIN orders o ON o.id = l.order_id
 WHERE l.order_id = :order
 ORDER BY l.line LIMIT 1000;

-- name: order_return_list -> order_return_row
SELECT r.id, r.line, r.quantity_milli, r.amount_minor, o.currency, r.reason, r.at_ms
  FROM order_return r JOIN orders o ON o.id = r.order_id
 WHERE r.order_id = :order
 ORDER BY r.id LIMIT 1000;

-- name: order_customer -> number_row
SELECT customer_id FROM orders WHERE id = :id;

-- name: order_insert
INSERT INTO orders (id, number, customer_id, interaction_id, channel, status, at_ms, due_ms, currency, total_minor,
                    discount_minor, base_minor, payment_method)
VALUES (:id, :number, :customer, :interaction, :channel, :status, :at, :due, :currency, :total, :discount, :base,
        :payment_method) ON CONFLICT DO NOTHING;

-- name: order_line_insert
INSERT INTO order_line (order_id, line, product_id, sku, name, quantity_milli, price_minor, total_minor)
VALUES (:order, :line, :product, :sku, :name, :quantity, :price, :total);

-- name: order_update
UPDATE orders SET status = :status, due_ms = :due, version = version + 1 WHERE id = :id AND version = :version;

-- name: order_return_insert
INSERT INTO order_return (id, order_id, line, quantity_milli, amount_minor, reason, at_ms)
VALUES (:id, :order, :line, :quantity, :amount, :reason, :now);

-- name: order_returned
UPDATE orders SET returned_minor = returned_minor + :amount, version = version + 1 WHERE id = :id AND version = :version;
