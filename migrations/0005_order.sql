-- 0005 order: what customers bought. Money is minor units of the order's currency; base_minor is the total in the
-- installation's base currency at the day's rate, NULL when there was none (listed, not summed).

CREATE TABLE product (
    id          {{id}},
    sku         {{text}} NOT NULL UNIQUE,
    name        {{text}} NOT NULL,
    price_minor {{int}},
    currency    {{text}} NOT NULL DEFAULT '',
    category    {{text}} NOT NULL DEFAULT '',
    version     {{int}}  NOT NULL DEFAULT 1
){{strict}};

CREATE TABLE orders (
    id             {{id}},
    number         {{text}} NOT NULL,
    customer_id    {{int}}  NOT NULL REFERENCES customer (id) ON DELETE CASCADE,
    interaction_id {{int}},
    channel        {{text}} NOT NULL DEFAULT '',
    status         {{text}} NOT NULL CHECK (status IN ('open', 'paid', 'shipped', 'delivered', 'cancelled')),
    at_ms          {{int}}  NOT NULL,
    due_ms         {{int}},                 -- promised to arrive
    currency       {{text}} NOT NULL,
    total_minor    {{int}}  NOT NULL,
    discount_minor {{int}}  NOT NULL DEFAULT 0,
    returned_minor {{int}}  NOT NULL DEFAULT 0,
    base_minor     {{int}},
    payment_method {{text}} NOT NULL DEFAULT '',
    version        {{int}}  NOT NULL DEFAULT 1
){{strict}};
CREATE UNIQUE INDEX orders_by_number ON orders (number);
CREATE INDEX orders_by_customer ON orders (customer_id, at_ms);
CREATE INDEX orders_open ON orders (customer_id) WHERE status IN ('open', 'paid', 'shipped');

CREATE TABLE order_line (
    order_id       {{int}}  NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
    line           {{int}}  NOT NULL,
    product_id     {{int}},
    sku            {{text}} NOT NULL,
    name           {{text}} NOT NULL,
    quantity_milli {{int}}  NOT NULL,
    price_minor    {{int}}  NOT NULL,
    total_minor    {{int}}  NOT NULL,
    PRIMARY KEY (order_id, line)
){{strict_rowidless}};

CREATE TABLE order_return (
    id             {{id}},
    order_id       {{int}}  NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
    line           {{int}},
    quantity_milli {{int}}  NOT NULL,
    amount_minor   {{int}}  NOT NULL,
    reason         {{text}} NOT NULL DEFAULT '',
    at_ms          {{int}}  NOT NULL
){{strict}};
CREATE INDEX order_return_by_order ON order_return (order_id);

-- Day rows, in the business time zone, so that windows are sums of few rows.
CREATE TABLE order_day (
    customer_id {{int}} NOT NULL REFERENCES customer (id) ON DELETE CASCADE,
    day         {{int}} NOT NULL,
    orders      {{int}} NOT NULL,
    spent_minor {{int}} NOT NULL,
    PRIMARY KEY (customer_id, day)
){{strict_rowidless}};
