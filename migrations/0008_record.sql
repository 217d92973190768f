-- 0008 record: what changed on a record, what the company itself wants to know of its customers, tags, when a field was
-- last confirmed, what the customer said about offers.

-- Every change of a record with both values. They are personal and go with the customer; the audit, which stays, holds
-- only ids and names of fields. part_id: the identity, address … that changed; data: what is needed to bring it back (JSON).
CREATE TABLE history (
    id          {{id}},
    customer_id {{int}}  NOT NULL REFERENCES customer (id) ON DELETE CASCADE,
    at_ms       {{int}}  NOT NULL,
    actor_kind  {{text}} NOT NULL CHECK (actor_kind IN ('nobody', 'staff', 'token', 'system', 'phone_link')),
    actor_id    {{int}}  NOT NULL,
    source      {{text}} NOT NULL,            -- 'staff', 'api', a channel, 'import', 'bulk', 'proposal', 'undo'
    field       {{text}} NOT NULL,            -- 'city', 'tag', 'attr.shoe_size', 'mark.vip', 'identity', 'address' …
    part_id     {{int}}  NOT NULL DEFAULT 0,
    old_value   {{text}} NOT NULL DEFAULT '',
    new_value   {{text}} NOT NULL DEFAULT '',
    data        {{text}} NOT NULL DEFAULT '',
    batch_id    {{int}},                      -- the bulk action or import it was part of
    undone_by   {{int}}                       -- the change that took it back
){{strict}};
CREATE INDEX history_by_customer ON history (customer_id, id);
CREATE INDEX history_by_batch ON history (batch_id, id) WHERE batch_id IS NOT NULL;

-- Custom attributes. The code and the type never change; a rename changes the label.
CREATE TABLE attr_def (
    id         {{id}},
    code       {{text}} NOT NULL UNIQUE,
    label      {{text}} NOT NULL,
    type       {{text}} NOT NULL CHECK (type IN ('text', 'number', 'money', 'date', 'yes_no', 'choice', 'choices')),
    choices    {{text}} NOT NULL DEFAULT '[]', -- JSON array of texts
    position   {{int}}  NOT NULL DEFAULT 0,
    is_active  {{int}}  NOT NULL DEFAULT 1,
    created_ms {{int}}  NOT NULL,
    version    {{int}}  NOT NULL DEFAULT 1
){{strict}};

-- One row a value; several only for 'choices'. num: thousandths of a number, minor units of money, days since 1970 of a
-- date, 0 or 1 of a yes/no. text: the value as written ('12.5', '2026-01-31', a choice; the currency of money). folded:
-- text and choices in the one form in which they are compared; empty for the others.
CREATE TABLE attr (
    customer_id {{int}}  NOT NULL REFERENCES customer (id) ON DELETE CASCADE,
    attr_id     {{int}}  NOT NULL REFERENCES attr_def (id),
    folded      {{text}} NOT NULL DEFAULT '',
    num         {{int}},
    text        {{text}} NOT NULL DEFAULT '',
    PRIMARY KEY (customer_id, attr_id, folded)
){{strict_rowidless}};
CREATE INDEX attr_by_num ON attr (attr_id, num, customer_id) WHERE num IS NOT NULL;
CREATE INDEX attr_by_text ON attr (attr_id, folded, customer_id);

CREATE TABLE tag (
    id     {{id}},
    name   {{text}} NOT NULL,
    folded {{text}} NOT NULL UNIQUE
){{strict}};
CREATE TABLE customer_tag (
    customer_id {{int}}  NOT NULL REFERENCES customer (id) ON DELETE CASCADE,
    tag_id      {{int}}  NOT NULL REFERENCES tag (id),
    at_ms       {{int}}  NOT NULL,
    staff_id    {{int}},
    PRIMARY KEY (customer_id, tag_id)
){{strict_rowidless}};
CREATE INDEX customer_tag_by_tag ON customer_tag (tag_id, customer_id);

-- Where a field came from and when it was last confirmed. part_id: an identity or address; 0: a field of the record itself.
CREATE TABLE freshness (
    customer_id  {{int}}  NOT NULL REFERENCES customer (id) ON DELETE CASCADE,
    field        {{text}} NOT NULL,
    part_id      {{int}}  NOT NULL DEFAULT 0,
    source       {{text}} NOT NULL,
    confirmed_ms {{int}}  NOT NULL,
    staff_id     {{int}},
    PRIMARY KEY (customer_id, field, part_id)
){{strict_rowidless}};

-- What the customer said about offers and profiling, append-only; consent_now points at the last word of each id.
CREATE TABLE consent (
    id          {{id}},
    customer_id {{int}}  NOT NULL REFERENCES customer (id) ON DELETE CASCADE,
    purpose     {{text}} NOT NULL CHECK (purpose IN ('email_offers', 'sms_offers', 'phone_offers', 'post_offers', 'profiling')),
    state       {{text}} NOT NULL CHECK (state IN ('given', 'refused', 'withdrawn')),
    channel     {{text}} NOT NULL,             -- by which it was said
    source      {{text}} NOT NULL DEFAULT '',  -- the form, campaign, counter …
    proof       {{text}} NOT NULL DEFAULT '',
    at_ms       {{int}}  NOT NULL,             -- when it was said
    staff_id    {{int}},
    noted_ms    {{int}}  NOT NULL
){{strict}};
CREATE INDEX consent_by_customer ON consent (customer_id, id);
CREATE TABLE consent_now (
    customer_id {{int}}  NOT NULL REFERENCES customer (id) ON DELETE CASCADE,
    purpose     {{text}} NOT NULL,
    consent_id  {{int}}  NOT NULL REFERENCES consent (id) ON DELETE CASCADE,
    at_ms       {{int}}  NOT NULL,
    PRIMARY KEY (customer_id, purpose)
){{strict_rowidless}};

-- What became of a proposed change: moved (it replaced), gift (kept beside), no.
ALTER TABLE proposal ADD COLUMN decision {{text}} NOT NULL DEFAULT '';

-- A list is read in the order of its index, however long it is.
CREATE INDEX relation_of_customer ON relation (customer_id, id);
CREATE INDEX relation_of_other ON relation (other_id, id);
DROP INDEX relation_by_customer;
DROP INDEX relation_by_other;
CREATE INDEX address_of_customer ON address (customer_id, id);
DROP INDEX address_by_customer;
CREATE INDEX holding_of_customer ON holding (customer_id, id);
DROP INDEX holding_by_customer;
CREATE INDEX task_of_customer ON task (customer_id, id) WHERE done_ms IS NULL;
DROP INDEX task_by_customer;
CREATE INDEX task_done_of_customer ON task (customer_id, done_ms) WHERE done_ms IS NOT NULL;
CREATE INDEX identity_owner_of_customer ON identity_owner (customer_id, id);
DROP INDEX identity_owner_by_customer;
CREATE INDEX proposal_of_customer ON proposal (customer_id, id) WHERE decided_ms IS NULL;
DROP INDEX proposal_open;
CREATE INDEX interaction_of_channel ON interaction (customer_id, channel, at_ms);
