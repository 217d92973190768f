-- 0022 window: counting everybody by what he ordered in a window, and the few records that were merged into others.

CREATE INDEX orders_by_window ON orders (at_ms, base_minor, customer_id);
CREATE INDEX customer_merged ON customer (root_id, id) WHERE root_id <> id;
