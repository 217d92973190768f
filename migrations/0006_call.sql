-- 0006 call: one call is one row however many legs. A call id of the telephone system may come again: call_key points at
-- the newest call that bears it. link_id is the phone link that told of the call, or the API token when it came by one.

CREATE TABLE phone_link (
    id         {{id}},
    kind       {{text}} NOT NULL CHECK (kind IN ('webhook', 'sip', 'ami', 'esl')),
    name       {{text}} NOT NULL,
    hash       {{blob}} UNIQUE,       -- SHA-256 of the token in its address
    region     {{text}} NOT NULL DEFAULT '', -- default region of its numbers; '' = the installation's
    is_active  {{int}}  NOT NULL DEFAULT 1,
    created_ms {{int}}  NOT NULL,
    seen_ms    {{int}}  NOT NULL DEFAULT 0,
    version    {{int}}  NOT NULL DEFAULT 1
){{strict}};

CREATE TABLE call (
    id          {{id}},
    link_id     {{int}}  NOT NULL,
    source_id   {{text}} NOT NULL,          -- call id of the telephone system
    direction   {{text}} NOT NULL CHECK (direction IN ('in', 'out')),
    state       {{text}} NOT NULL CHECK (state IN ('ringing', 'answered', 'ended')),
    told        {{int}}  NOT NULL DEFAULT 0, -- what was told so far: 1 ring, 2 answer, 4 hang-up
    number      {{text}} NOT NULL,          -- the other party, as given
    e164        {{text}} NOT NULL DEFAULT '',
    national    {{text}} NOT NULL DEFAULT '', -- written for people
    number_kind    {{text}} NOT NULL DEFAULT '',
    number_country {{text}} NOT NULL DEFAULT '',
    is_withheld {{int}}  NOT NULL DEFAULT 0,
    caller_name {{text}} NOT NULL DEFAULT '', -- as the telephone network says; never proof
    called      {{text}} NOT NULL DEFAULT '', -- our number, as given
    diversion   {{text}} NOT NULL DEFAULT '',
    queue       {{text}} NOT NULL DEFAULT '',
    customer_id {{int}},                    -- recognised, or chosen by a person
    is_chosen   {{int}}  NOT NULL DEFAULT 0,
    spoke_id    {{int}},                    -- who spoke, when not the customer himself
    spoke_name  {{text}} NOT NULL DEFAULT '',
    priority    {{int}}  NOT NULL DEFAULT 0, -- order of the queue: 3 VIP, 1 second call unsolved
    is_second   {{int}}  NOT NULL DEFAULT 0, -- of the day, and the first one is unsolved
    ring_ms     {{int}}  NOT NULL,
    answer_ms   {{int}},
    end_ms      {{int}},
    news_ms     {{int}}  NOT NULL DEFAULT 0, -- last word of the telephone system
    staff_id    {{int}},                    -- who answered
    cause       {{text}} NOT NULL DEFAULT '',
    outcome     {{text}} NOT NULL DEFAULT '' CHECK (outcome IN ('', 'solved', 'follow_up', 'passed_on')),
    reason      {{text}} NOT NULL DEFAULT '',
    note        {{text}} NOT NULL DEFAULT '',
    impression  {{int}}  NOT NULL DEFAULT 0,
    wrapped_ms  {{int}},
    interaction_id {{int}},
    task_id     {{int}},                    -- to call back, when it was missed
    version     {{int}}  NOT NULL DEFAULT 1
){{strict}};
CREATE INDEX call_live ON call (ring_ms) WHERE state <> 'ended';
CREATE INDEX call_by_customer ON call (customer_id, ring_ms);
CREATE INDEX call_by_number ON call (e164, ring_ms) WHERE e164 <> '';
CREATE INDEX call_by_staff ON call (staff_id, id);
CREATE INDEX call_missed ON call (id) WHERE task_id IS NOT NULL;

CREATE TABLE call_key (
    link_id   {{int}}  NOT NULL,
    source_id {{text}} NOT NULL,
    call_id   {{int}}  NOT NULL,
    PRIMARY KEY (link_id, source_id)
){{strict_rowidless}};

-- The desks a call rings.
CREATE TABLE call_desk (
    call_id  {{int}} NOT NULL REFERENCES call (id) ON DELETE CASCADE,
    staff_id {{int}} NOT NULL,
    PRIMARY KEY (call_id, staff_id)
){{strict_rowidless}};
CREATE INDEX call_desk_by_staff ON call_desk (staff_id, call_id);

-- Several who may be calling: all are shown, with the reason.
CREATE TABLE call_candidate (
    call_id     {{int}}  NOT NULL REFERENCES call (id) ON DELETE CASCADE,
    customer_id {{int}}  NOT NULL,
    why         {{text}} NOT NULL, -- shared_number, same_number
    PRIMARY KEY (call_id, customer_id)
){{strict_rowidless}};

-- What is typed for an unknown caller, kept while typing.
CREATE TABLE call_draft (
    call_id {{id}},
    draft   {{text}} NOT NULL, -- JSON of the intake form
    at_ms   {{int}}  NOT NULL
){{strict}};

-- Caller check: which question, and whether the answer was right.
CREATE TABLE call_check (
    call_id  {{int}}  NOT NULL REFERENCES call (id) ON DELETE CASCADE,
    question {{text}} NOT NULL,
    is_right {{int}}  NOT NULL,
    staff_id {{int}},
    at_ms    {{int}}  NOT NULL,
    PRIMARY KEY (call_id, question)
){{strict_rowidless}};

-- Who wrote on a call: one audit row per call and person, however often the note is saved.
CREATE TABLE call_touch (
    call_id  {{int}} NOT NULL REFERENCES call (id) ON DELETE CASCADE,
    staff_id {{int}} NOT NULL,
    PRIMARY KEY (call_id, staff_id)
){{strict_rowidless}};
