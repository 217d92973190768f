-- 0034 risk: what was screened and by which traces it is found again, what is thought of each customer, and what people said.
-- Traces (device, payment card, network, address, person) are kept as 63-bit hashes of "kind, value in its normal form".

-- Weights of signals that somebody changed; the others are as shipped.
CREATE TABLE risk_signal (
    code       {{text}} NOT NULL PRIMARY KEY,
    points     {{int}}  NOT NULL,
    is_on      {{int}}  NOT NULL,
    staff_id   {{int}},
    changed_ms {{int}}  NOT NULL,
    version    {{int}}  NOT NULL
){{strict}};

-- Ways to pay that the company added or changed; the shipped ones stand in the program. call_back: can the payer take the
-- money back: no; yes; days: for so many days.
CREATE TABLE payment_method (
    code       {{text}} NOT NULL PRIMARY KEY,
    name       {{text}} NOT NULL,
    call_back  {{text}} NOT NULL CHECK (call_back IN ('no', 'yes', 'days')),
    days       {{int}}  NOT NULL DEFAULT 0,
    countries  {{text}} NOT NULL DEFAULT '', -- ISO 3166, blank-separated; '': all
    position   {{int}}  NOT NULL DEFAULT 0,
    is_gone    {{int}}  NOT NULL DEFAULT 0,
    version    {{int}}  NOT NULL DEFAULT 1
){{strict}};

-- A sign-up or order that was screened. traces: the hashes, blank-separated. answer: what was found, as JSON without words.
CREATE TABLE screened (
    id        {{id}},
    source_id {{text}} UNIQUE,            -- the shop's own id: the same again answers the same
    at_ms     {{int}}  NOT NULL,
    who       {{int}}  NOT NULL,
    points    {{int}}  NOT NULL,
    name      {{text}} NOT NULL DEFAULT '',
    email     {{text}} NOT NULL DEFAULT '',
    traces    {{text}} NOT NULL,
    answer    {{text}} NOT NULL
){{strict}};

CREATE TABLE screened_trace (
    trace       {{int}} NOT NULL,
    at_ms       {{int}} NOT NULL,
    screened_id {{int}} NOT NULL,
    who         {{int}} NOT NULL,
    card        {{int}} NOT NULL DEFAULT 0,
    ip          {{int}} NOT NULL DEFAULT 0,
    PRIMARY KEY (trace, at_ms, screened_id)
){{strict_rowidless}};

-- What a person refuses, with the reason; until_ms NULL: for good. ended_ms: taken off the list. wishes: what the one
-- who is listed says against it.
CREATE TABLE risk_block (
    id         {{id}},
    kind       {{text}} NOT NULL CHECK (kind IN ('email', 'domain', 'phone', 'device', 'card', 'ip', 'network', 'address')),
    value      {{text}} NOT NULL,
    trace      {{int}}  NOT NULL,
    reason     {{text}} NOT NULL,
    staff_id   {{int}},
    at_ms      {{int}}  NOT NULL,
    until_ms   {{int}},
    wishes     {{text}} NOT NULL DEFAULT '',
    ended_ms   {{int}},
    ended_by   {{int}}
){{strict}};
CREATE INDEX risk_block_by_trace ON risk_block (trace) WHERE ended_ms IS NULL;
CREATE INDEX risk_block_open ON risk_block (id) WHERE ended_ms IS NULL;

-- What the risk officer is to look at: a screening, a customer, somebody's wish to come off the block list.
CREATE TABLE risk_review (
    id          {{id}},
    kind        {{text}} NOT NULL CHECK (kind IN ('screened', 'customer', 'block')),
    who         {{int}}  NOT NULL,           -- one open row for each
    customer_id {{int}}  REFERENCES customer (id) ON DELETE CASCADE,
    screened_id {{int}},
    block_id    {{int}},
    points      {{int}}  NOT NULL,
    times       {{int}}  NOT NULL DEFAULT 1, -- so often since it is open
    at_ms       {{int}}  NOT NULL,
    verdict     {{text}} NOT NULL DEFAULT '' CHECK (verdict IN ('', 'fraud', 'honest', 'unsure')),
    note        {{text}} NOT NULL DEFAULT '',
    decided_by  {{int}},
    decided_ms  {{int}},
    version     {{int}}  NOT NULL DEFAULT 1
){{strict}};
CREATE UNIQUE INDEX risk_review_open_of ON risk_review (who) WHERE decided_ms IS NULL;
CREATE INDEX risk_review_open ON risk_review (points DESC, id DESC) WHERE decided_ms IS NULL;
CREATE INDEX risk_review_done ON risk_review (decided_ms DESC, id DESC) WHERE decided_ms IS NOT NULL;
CREATE INDEX risk_review_by_customer ON risk_review (customer_id) WHERE customer_id IS NOT NULL;

-- Which traces a verdict is about: others who share them are shown it as evidence. is_self: it was given on whoever has it.
CREATE TABLE risk_verdict (
    trace     {{int}}  NOT NULL,
    review_id {{int}}  NOT NULL REFERENCES risk_review (id) ON DELETE CASCADE,
    verdict   {{text}} NOT NULL CHECK (verdict IN ('fraud', 'honest', 'unsure')),
    is_self   {{int}}  NOT NULL,
    at_ms     {{int}}  NOT NULL,
    PRIMARY KEY (trace, review_id)
){{strict_rowidless}};
CREATE INDEX risk_verdict_by_review ON risk_verdict (review_id);

-- Somebody else complains about this customer; a sign only once a person confirmed it.
CREATE TABLE abuse_report (
    id          {{id}},
    customer_id {{int}}  NOT NULL REFERENCES customer (id) ON DELETE CASCADE,
    reporter    {{text}} NOT NULL DEFAULT '',
    text        {{text}} NOT NULL,
    source_id   {{text}},
    state       {{text}} NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'confirmed', 'refused')),
    note        {{text}} NOT NULL DEFAULT '',
    staff_id    {{int}},
    at_ms       {{int}}  NOT NULL,
    decided_by  {{int}},
    decided_ms  {{int}},
    version     {{int}}  NOT NULL DEFAULT 1
){{strict}};
CREATE INDEX abuse_report_by_customer ON abuse_report (customer_id, id);
CREATE UNIQUE INDEX abuse_report_by_source ON abuse_report (customer_id, source_id) WHERE source_id IS NOT NULL;

-- What is thought of a customer now. fired: "signal:strength …" of all that say yes, also of those switched off.
CREATE TABLE risk_state (
    customer_id {{int}}  NOT NULL PRIMARY KEY REFERENCES customer (id) ON DELETE CASCADE,
    points      {{int}}  NOT NULL,
    level       {{text}} NOT NULL CHECK (level IN ('low', 'medium', 'high')),
    confidence  {{int}}  NOT NULL,           -- percent of the checks that are known
    fired       {{text}} NOT NULL,
    at_ms       {{int}}  NOT NULL            -- since when
){{strict}};
CREATE INDEX risk_state_by_points ON risk_state (points, customer_id) WHERE points > 0;

CREATE TABLE risk_hit (
    code        {{text}} NOT NULL,
    customer_id {{int}}  NOT NULL REFERENCES customer (id) ON DELETE CASCADE,
    PRIMARY KEY (code, customer_id)
){{strict_rowidless}};
CREATE INDEX risk_hit_by_customer ON risk_hit (customer_id);
