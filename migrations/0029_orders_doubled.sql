-- 0029 orders doubled: two indexes of orders by time become one, which the list walks in its order and from which the orders
-- of a window are counted without a look at the table; that of a customer's orders gives them in the card's order again.

DROP INDEX orders_by_window;
DROP INDEX orders_by_time;
CREATE INDEX orders_by_time ON orders (at_ms, id, base_minor, customer_id);
DROP INDEX orders_by_customer;
CREATE INDEX orders_by_customer ON orders (customer_id, at_ms, id, base_minor);
