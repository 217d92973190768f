-- 0009 standing: one narrow row for each record with what rules and lists ask: activity, VIP, money, windows.
-- A window of N days is today and the N - 1 business days before it. standing_day holds what each of the last 365 days
-- brought (in the business time zone, under the id the rows keep), so that the turn of a day looks only at the customers
-- whose days fall out of a window. Money is minor units of the base currency.

ALTER TABLE standing RENAME TO standing_was;

-- value: spent_365d_minor. spent is less what came back, on the day of the order; a cancelled order counts for nothing;
-- returned counts on the day it came back. discounted: orders with a discount or a promotion.
CREATE TABLE standing (
    customer_id         {{id}},
    kind                {{text}} NOT NULL CHECK (kind IN ('person', 'company')),
    activity            {{text}} NOT NULL CHECK (activity IN ('new', 'active', 'cooling', 'idle', 'lost')),
    is_vip              {{int}}  NOT NULL DEFAULT 0,
    vip_by              {{text}} NOT NULL DEFAULT '' CHECK (vip_by IN ('', 'hand', 'amount', 'share')),
    activity_due_ms     {{int}}  NOT NULL,           -- when it may change without an event; 0: never
    activity_ms         {{int}}  NOT NULL,           -- since when
    first_ms            {{int}}  NOT NULL,
    last_contact_ms     {{int}}  NOT NULL DEFAULT 0,
    last_order_ms       {{int}}  NOT NULL DEFAULT 0,
    contacts            {{int}}  NOT NULL DEFAULT 0,
    orders              {{int}}  NOT NULL DEFAULT 0,
    discounted          {{int}}  NOT NULL DEFAULT 0,
    spent_minor         {{int}}  NOT NULL DEFAULT 0,
    returned_minor      {{int}}  NOT NULL DEFAULT 0,
    discount_minor      {{int}}  NOT NULL DEFAULT 0,
    orders_365d         {{int}}  NOT NULL DEFAULT 0,
    spent_365d_minor    {{int}}  NOT NULL DEFAULT 0,
    orders_180d         {{int}}  NOT NULL DEFAULT 0,
    spent_180d_minor    {{int}}  NOT NULL DEFAULT 0,
    orders_90d          {{int}}  NOT NULL DEFAULT 0,
    spent_90d_minor     {{int}}  NOT NULL DEFAULT 0,
    orders_30d          {{int}}  NOT NULL DEFAULT 0,
    spent_30d_minor     {{int}}  NOT NULL DEFAULT 0,
    orders_7d           {{int}}  NOT NULL DEFAULT 0,
    spent_7d_minor      {{int}}  NOT NULL DEFAULT 0,
    contacts_7d         {{int}}  NOT NULL DEFAULT 0,
    contacts_30d        {{int}}  NOT NULL DEFAULT 0,
    contacts_90d        {{int}}  NOT NULL DEFAULT 0,
    contacts_180d       {{int}}  NOT NULL DEFAULT 0,
    contacts_365d       {{int}}  NOT NULL DEFAULT 0,
    returned_7d_minor   {{int}}  NOT NULL DEFAULT 0,
    returned_30d_minor  {{int}}  NOT NULL DEFAULT 0,
    returned_90d_minor  {{int}}  NOT NULL DEFAULT 0,
    returned_180d_minor {{int}}  NOT NULL DEFAULT 0,
    returned_365d_minor {{int}}  NOT NULL DEFAULT 0,
    discount_7d_minor   {{int}}  NOT NULL DEFAULT 0,
    discount_30d_minor  {{int}}  NOT NULL DEFAULT 0,
    discount_90d_minor  {{int}}  NOT NULL DEFAULT 0,
    discount_180d_minor {{int}}  NOT NULL DEFAULT 0,
    discount_365d_minor {{int}}  NOT NULL DEFAULT 0,
    discounted_7d       {{int}}  NOT NULL DEFAULT 0,
    discounted_30d      {{int}}  NOT NULL DEFAULT 0,
    discounted_90d      {{int}}  NOT NULL DEFAULT 0,
    discounted_180d     {{int}}  NOT NULL DEFAULT 0,
    discounted_365d     {{int}}  NOT NULL DEFAULT 0
){{strict}};
CREATE INDEX standing_due ON standing (activity_due_ms) WHERE activity_due_ms > 0;

INSERT INTO standing (customer_id, kind, activity, activity_due_ms, activity_ms, first_ms, last_contact_ms, last_order_ms,
                      contacts, orders, spent_minor)
SELECT w.customer_id, c.kind, 'new', 1, 0, w.first_ms, w.last_contact_ms, w.last_order_ms, w.contacts, w.orders,
       w.spent_minor
  FROM standing_was w JOIN customer c ON c.id = w.customer_id;
DROP TABLE standing_was;

CREATE TABLE standing_day (
    customer_id    {{int}} NOT NULL REFERENCES customer (id) ON DELETE CASCADE,
    day            {{int}} NOT NULL, -- days since 1970-01-01
    contacts       {{int}} NOT NULL,
    orders         {{int}} NOT NULL,
    discounted     {{int}} NOT NULL,
    spent_minor    {{int}} NOT NULL,
    returned_minor {{int}} NOT NULL,
    discount_minor {{int}} NOT NULL,
    PRIMARY KEY (customer_id, day)
){{strict_rowidless}};
CREATE INDEX standing_day_by_day ON standing_day (day, customer_id);
DROP TABLE order_day;

-- Where the turn of the day stands: windows are true for done_day; to_day, span, day, customer_id: how far the next turn
-- came. rebuild_after: every record with a greater id is still to be counted anew from its rows; -1: none. No row: all of it.
CREATE TABLE standing_turn (
    id            {{id}},
    done_day      {{int}} NOT NULL,
    to_day        {{int}} NOT NULL DEFAULT 0,
    span          {{int}} NOT NULL DEFAULT 0,
    day           {{int}} NOT NULL DEFAULT 0,
    customer_id   {{int}} NOT NULL DEFAULT 0,
    rebuild_after {{int}} NOT NULL
){{strict}};
