-- 0023 window sums: what a customer spent in a window is read from the index alone.

DROP INDEX orders_by_customer;
CREATE INDEX orders_by_customer ON orders (customer_id, at_ms, base_minor);
