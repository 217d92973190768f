-- 0010 orders: discounts of lines, promotions, what came of the payment; products that are sold no more.
-- orders.discount_minor is all that was taken off, lines included. lost_minor: charged back and not paid since.
-- is_discounted: a discount or a promotion.

ALTER TABLE orders ADD COLUMN lost_minor {{int}} NOT NULL DEFAULT 0;
ALTER TABLE orders ADD COLUMN is_discounted {{int}} NOT NULL DEFAULT 0;
UPDATE orders SET is_discounted = 1 WHERE discount_minor > 0;
CREATE INDEX orders_by_time ON orders (at_ms, id);
CREATE INDEX orders_by_status ON orders (status, at_ms, id);

ALTER TABLE order_line ADD COLUMN discount_minor {{int}} NOT NULL DEFAULT 0;

-- Which offers were used, by their codes.
CREATE TABLE order_promotion (
    order_id {{int}}  NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
    code     {{text}} NOT NULL,
    PRIMARY KEY (order_id, code)
){{strict_rowidless}};
CREATE INDEX order_promotion_by_code ON order_promotion (code, order_id);

-- What came of an order's payment, as dated facts. The same source_id of an order again changes nothing.
CREATE TABLE order_fact (
    id           {{id}},
    order_id     {{int}}  NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
    customer_id  {{int}}  NOT NULL,
    kind         {{text}} NOT NULL CHECK (kind IN ('paid', 'refused', 'dispute', 'charge_back', 'refund_abuse', 'paid_at_last')),
    amount_minor {{int}}  NOT NULL DEFAULT 0,
    note         {{text}} NOT NULL DEFAULT '',
    source_id    {{text}} NOT NULL DEFAULT '',
    staff_id     {{int}},
    at_ms        {{int}}  NOT NULL
){{strict}};
CREATE INDEX order_fact_by_order ON order_fact (order_id);
CREATE INDEX order_fact_by_customer ON order_fact (customer_id, kind);
CREATE UNIQUE INDEX order_fact_by_source ON order_fact (order_id, source_id) WHERE source_id <> '';

ALTER TABLE product ADD COLUMN is_active {{int}} NOT NULL DEFAULT 1;
ALTER TABLE product ADD COLUMN folded {{text}} NOT NULL DEFAULT ''; -- SKU and name, as texts are compared
UPDATE product SET folded = lower(sku || ' ' || name);
