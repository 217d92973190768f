-- 0003 customer: one person or company, whatever door it came through.
-- A row keeps for ever the customer_id it came in by; customer.root_id says which record answers for it. Reads take the
-- few ids of a root. identity_value is the directory of all handles; identity_owner says whose they are.

CREATE TABLE customer (
    id              {{id}},
    root_id         {{int}}  NOT NULL REFERENCES customer (id),
    kind            {{text}} NOT NULL DEFAULT 'person' CHECK (kind IN ('person', 'company')),
    name            {{text}} NOT NULL DEFAULT '',   -- as written
    reading         {{text}} NOT NULL DEFAULT '',   -- furigana, pinyin
    given           {{text}} NOT NULL DEFAULT '',
    family          {{text}} NOT NULL DEFAULT '',
    patronymic      {{text}} NOT NULL DEFAULT '',
    form_of_address {{text}} NOT NULL DEFAULT '',   -- '様', 'Mr', 'Пётр Иванович' …
    lang            {{text}} NOT NULL DEFAULT '',   -- speaks; BCP 47
    time_zone       {{text}} NOT NULL DEFAULT '',
    country         {{text}} NOT NULL DEFAULT '',   -- ISO 3166
    region          {{text}} NOT NULL DEFAULT '',
    city            {{text}} NOT NULL DEFAULT '',
    company         {{text}} NOT NULL DEFAULT '',   -- as told, while no relation names it
    heard_of_us     {{text}} NOT NULL DEFAULT '',
    owner_id        {{int}},                        -- responsible member of staff
    created_ms      {{int}}  NOT NULL,
    changed_ms      {{int}}  NOT NULL,
    version         {{int}}  NOT NULL DEFAULT 1
){{strict}};
CREATE INDEX customer_by_root ON customer (root_id);

-- Keys of names, several each, for finding while typing (prefix); those that begin with '=' are for "same name": with
-- the country ('=aiko tanaka|JP') and with the company ('=aiko tanaka@huadong parts').
CREATE TABLE customer_key (
    key         {{text}} NOT NULL,
    customer_id {{int}}  NOT NULL REFERENCES customer (id) ON DELETE CASCADE,
    PRIMARY KEY (key, customer_id)
){{strict_rowidless}};
CREATE INDEX customer_key_by_customer ON customer_key (customer_id);

CREATE TABLE identity_value (
    id       {{id}},
    type     {{text}} NOT NULL CHECK (type IN ('phone', 'email', 'account', 'card', 'payment', 'social', 'cookie', 'device', 'external')),
    value    {{text}} NOT NULL, -- normal form; '!…' a malformed one, kept as given, never used to recognise
    shown    {{text}} NOT NULL DEFAULT '', -- phone: as people write it
    reversed {{text}},          -- phone: digits backwards, so that a trunk-stripped number is found
    version  {{int}}  NOT NULL DEFAULT 1   -- moves whenever an owner comes, goes or changes state
){{strict}};
CREATE UNIQUE INDEX identity_value_unique ON identity_value (value, type);
CREATE INDEX identity_value_reversed ON identity_value (reversed) WHERE reversed IS NOT NULL;

CREATE TABLE identity_owner (
    value_id    {{int}}  NOT NULL REFERENCES identity_value (id),
    customer_id {{int}}  NOT NULL REFERENCES customer (id) ON DELETE CASCADE,
    id          {{int}}  NOT NULL, -- idn_… of the API
    state       {{text}} NOT NULL CHECK (state IN ('confirmed', 'claimed', 'shared', 'wrong')),
    given       {{text}} NOT NULL, -- as given
    source      {{text}} NOT NULL, -- channel it came by
    first_ms    {{int}}  NOT NULL,
    last_ms     {{int}}  NOT NULL,
    PRIMARY KEY (value_id, customer_id)
){{strict_rowidless}};
CREATE INDEX identity_owner_by_customer ON identity_owner (customer_id);
CREATE UNIQUE INDEX identity_owner_by_id ON identity_owner (id);

CREATE TABLE customer_mark (
    customer_id {{int}}  NOT NULL REFERENCES customer (id) ON DELETE CASCADE,
    mark        {{text}} NOT NULL CHECK (mark IN ('vip', 'do_not_contact', 'blocked')),
    reason      {{text}} NOT NULL,
    staff_id    {{int}},
    at_ms       {{int}}  NOT NULL,
    PRIMARY KEY (customer_id, mark)
){{strict_rowidless}};

CREATE TABLE address (
    id          {{id}},
    customer_id {{int}}  NOT NULL REFERENCES customer (id) ON DELETE CASCADE,
    kind        {{text}} NOT NULL CHECK (kind IN ('home', 'delivery', 'billing', 'office')),
    line        {{text}} NOT NULL DEFAULT '',
    postal      {{text}} NOT NULL DEFAULT '',
    city        {{text}} NOT NULL DEFAULT '',
    region      {{text}} NOT NULL DEFAULT '',
    country     {{text}} NOT NULL DEFAULT '',
    source      {{text}} NOT NULL,
    at_ms       {{int}}  NOT NULL
){{strict}};
CREATE INDEX address_by_customer ON address (customer_id);

CREATE TABLE holding (
    id          {{id}},
    customer_id {{int}}  NOT NULL REFERENCES customer (id) ON DELETE CASCADE,
    product_id  {{int}},
    name        {{text}} NOT NULL,
    serial      {{text}} NOT NULL DEFAULT '',
    plan        {{text}} NOT NULL DEFAULT '',
    number      {{text}} NOT NULL DEFAULT '',
    until_ms    {{int}},
    at_ms       {{int}}  NOT NULL
){{strict}};
CREATE INDEX holding_by_customer ON holding (customer_id);

CREATE TABLE note (
    id          {{id}},
    customer_id {{int}}  NOT NULL REFERENCES customer (id) ON DELETE CASCADE,
    text        {{text}} NOT NULL,
    staff_id    {{int}},
    at_ms       {{int}}  NOT NULL
){{strict}};
CREATE INDEX note_by_customer ON note (customer_id, at_ms);

CREATE TABLE task (
    id          {{id}},
    customer_id {{int}}  REFERENCES customer (id) ON DELETE CASCADE,
    kind        {{text}} NOT NULL DEFAULT 'todo' CHECK (kind IN ('todo', 'call_back', 'promise')),
    title       {{text}} NOT NULL,
    phone       {{text}} NOT NULL DEFAULT '', -- number to call back
    call_id     {{int}},
    priority    {{int}}  NOT NULL DEFAULT 0,  -- 1: VIP
    staff_id    {{int}},                      -- assignee; NULL: anybody
    due_ms      {{int}},
    done_ms     {{int}},
    done_by     {{int}},
    created_by  {{int}},
    at_ms       {{int}}  NOT NULL,
    version     {{int}}  NOT NULL DEFAULT 1
){{strict}};
CREATE INDEX task_by_customer ON task (customer_id) WHERE done_ms IS NULL;
CREATE INDEX task_open ON task (priority DESC, id) WHERE done_ms IS NULL;
CREATE INDEX task_of_staff ON task (staff_id, priority DESC, id) WHERE done_ms IS NULL;
CREATE INDEX task_by_call ON task (call_id) WHERE call_id IS NOT NULL;

-- kind reads from customer to other: works_at, branch_of, resells_for, partner_of, family, referred_by.
CREATE TABLE relation (
    id          {{id}},
    customer_id {{int}}  NOT NULL REFERENCES customer (id) ON DELETE CASCADE,
    other_id    {{int}}  NOT NULL REFERENCES customer (id) ON DELETE CASCADE,
    kind        {{text}} NOT NULL CHECK (kind IN ('works_at', 'branch_of', 'resells_for', 'partner_of', 'family', 'referred_by')),
    role        {{text}} NOT NULL DEFAULT '',
    at_ms       {{int}}  NOT NULL
){{strict}};
CREATE INDEX relation_by_customer ON relation (customer_id);
CREATE INDEX relation_by_other ON relation (other_id);

-- Data from a door that may not change the record: shown, accepted or declined by a person.
CREATE TABLE proposal (
    id             {{id}},
    customer_id    {{int}}  NOT NULL REFERENCES customer (id) ON DELETE CASCADE,
    interaction_id {{int}}  NOT NULL,
    field          {{text}} NOT NULL,
    value          {{text}} NOT NULL,
    at_ms          {{int}}  NOT NULL,
    decided_ms     {{int}},
    decided_by     {{int}},
    accepted       {{int}}
){{strict}};
CREATE INDEX proposal_open ON proposal (customer_id) WHERE decided_ms IS NULL;

-- The attributes that rules and lists use, and nothing else: narrow rows, kept up by the rooms in the same change.
CREATE TABLE standing (
    customer_id     {{id}},
    first_ms        {{int}} NOT NULL,
    last_contact_ms {{int}} NOT NULL,
    contacts        {{int}} NOT NULL DEFAULT 0,
    orders          {{int}} NOT NULL DEFAULT 0,
    spent_minor     {{int}} NOT NULL DEFAULT 0, -- base currency
    last_order_ms   {{int}} NOT NULL DEFAULT 0
){{strict}};
