-- 0014 list: the orders of the customers' table, what filters look up first, and saved views.
-- An order is an index on (key, id): a page begins in the middle of it at the cost of a look-up. What an index costs each
-- write stands in docs/performance.md.

CREATE INDEX customer_by_name ON customer (lower(substr(name, 1, 40)), id);
CREATE INDEX customer_by_created ON customer (created_ms, id);
CREATE INDEX standing_by_spent ON standing (spent_minor, customer_id);
CREATE INDEX standing_by_orders ON standing (orders, customer_id);
CREATE INDEX standing_by_last_order ON standing (last_order_ms, customer_id);
CREATE INDEX standing_by_last_contact ON standing (last_contact_ms, customer_id);

-- Filters that few rows fulfil are looked up; 'lost' and 'last contact' go together, so that walking the one finds the
-- other late: that pair has an index of its own.
CREATE INDEX customer_by_owner ON customer (owner_id) WHERE owner_id IS NOT NULL;
CREATE INDEX customer_by_city ON customer (city);
CREATE INDEX customer_by_country ON customer (country);
CREATE INDEX standing_by_activity ON standing (activity, last_contact_ms, customer_id);
CREATE INDEX standing_vip ON standing (customer_id) WHERE is_vip = 1;

-- Columns: "name:width name:width", in their order.
CREATE TABLE view_def (
    id         {{id}},
    name       {{text}} NOT NULL,
    staff_id   {{int}}  NOT NULL, -- who made it; 0: a token
    is_shared  {{int}}  NOT NULL DEFAULT 0,
    filter     {{text}} NOT NULL DEFAULT '',
    q          {{text}} NOT NULL DEFAULT '',
    sort       {{text}} NOT NULL DEFAULT '',
    columns    {{text}} NOT NULL DEFAULT '',
    created_ms {{int}}  NOT NULL,
    version    {{int}}  NOT NULL DEFAULT 1
){{strict}};
CREATE INDEX view_def_of_staff ON view_def (staff_id);

-- One action for many customers. ids: of those that were chosen, with blanks between; after_id: how far it came (of the
-- chosen ones their number, else the last id looked at); undo_at: the same for taking it back.
CREATE TABLE bulk_action (
    id         {{id}},
    action     {{text}} NOT NULL,
    field      {{text}} NOT NULL,
    value      {{text}} NOT NULL,
    reason     {{text}} NOT NULL,
    filter     {{text}} NOT NULL,
    q          {{text}} NOT NULL,
    is_all     {{int}}  NOT NULL,
    ids        {{text}} NOT NULL,
    after_id   {{int}}  NOT NULL DEFAULT 0,
    undo_at    {{int}}  NOT NULL DEFAULT 0,
    state      {{text}} NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done', 'cancelled', 'undoing', 'undone')),
    total      {{int}}  NOT NULL,
    looked     {{int}}  NOT NULL DEFAULT 0,
    changed    {{int}}  NOT NULL DEFAULT 0,
    moved      {{int}}  NOT NULL DEFAULT 0,
    actor_kind {{text}} NOT NULL,
    actor_id   {{int}}  NOT NULL,
    role       {{text}} NOT NULL,
    actor_name {{text}} NOT NULL,
    made_ms    {{int}}  NOT NULL,
    done_ms    {{int}}
){{strict}};
