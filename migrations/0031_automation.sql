-- 0031 automation: when an event happens and a condition holds, do actions; what came of it; webhooks that wait to be sent;
-- notices to colleagues. An event bears its depth: how many automations stand one behind the other before it.

ALTER TABLE event ADD COLUMN depth {{int}} NOT NULL DEFAULT 0;
ALTER TABLE rule_due ADD COLUMN depth {{int}} NOT NULL DEFAULT 0;

CREATE TABLE automation (
    id         {{id}},
    name       {{text}} NOT NULL,
    folded     {{text}} NOT NULL UNIQUE,     -- the name, as texts are compared; of one that is going: its number
    event      {{text}} NOT NULL,
    segment_id {{int}}  NOT NULL,            -- of segment.entered and segment.left; 0: of no one segment
    condition  {{text}} NOT NULL,            -- '': everybody
    again_days {{int}},                      -- not again for the same customer so many days long; 0: once; NULL: each time
    is_on      {{int}}  NOT NULL,
    on_ms      {{int}}  NOT NULL,            -- since when: events of before are not its own
    secret     {{blob}},                     -- of its webhook, sealed by the ring
    stopped    {{text}} NOT NULL DEFAULT '', -- why it was stopped last: loop, often
    stopped_ms {{int}},
    is_going   {{int}}  NOT NULL DEFAULT 0,  -- deleted; what belongs to it is taken out in slices
    staff_id   {{int}},
    created_ms {{int}}  NOT NULL,
    changed_ms {{int}}  NOT NULL,
    version    {{int}}  NOT NULL DEFAULT 1
){{strict}};

CREATE TABLE automation_action (
    automation_id {{int}}  NOT NULL REFERENCES automation (id) ON DELETE CASCADE,
    place         {{int}}  NOT NULL,
    kind          {{text}} NOT NULL CHECK (kind IN ('tag', 'untag', 'task', 'priority', 'notify', 'webhook')),
    tag           {{text}} NOT NULL,
    text          {{text}} NOT NULL,         -- title of a task, words of a notice
    url           {{text}} NOT NULL,
    recipient     {{text}} NOT NULL CHECK (recipient IN ('', 'responsible', 'managers', 'colleague')),
    staff_id      {{int}}  NOT NULL,         -- the colleague; 0: none
    priority      {{text}} NOT NULL,
    days          {{int}}  NOT NULL,         -- until a task is due; 0: without a day
    PRIMARY KEY (automation_id, place)
){{strict_rowidless}};

-- When it last acted for somebody.
CREATE TABLE automation_last (
    automation_id {{int}} NOT NULL REFERENCES automation (id) ON DELETE CASCADE,
    customer_id   {{int}} NOT NULL REFERENCES customer (id) ON DELETE CASCADE,
    at_ms         {{int}} NOT NULL,
    PRIMARY KEY (automation_id, customer_id)
){{strict_rowidless}};
CREATE INDEX automation_last_by_customer ON automation_last (customer_id);

CREATE TABLE automation_run (
    id            {{id}},
    automation_id {{int}}  NOT NULL REFERENCES automation (id) ON DELETE CASCADE,
    customer_id   {{int}}  NOT NULL REFERENCES customer (id) ON DELETE CASCADE,
    event         {{text}} NOT NULL,
    ref           {{text}} NOT NULL,         -- what it happened to: ord_…, cal_…; '' nothing else
    depth         {{int}}  NOT NULL,
    outcome       {{text}} NOT NULL CHECK (outcome IN ('done', 'failed', 'loop', 'often')),
    place         {{int}}  NOT NULL,         -- of the action that failed
    reason        {{text}} NOT NULL,
    at_ms         {{int}}  NOT NULL
){{strict}};
CREATE INDEX automation_run_by_automation ON automation_run (automation_id, id);
CREATE INDEX automation_run_by_customer ON automation_run (customer_id, automation_id, at_ms);

CREATE TABLE webhook_delivery (
    id            {{id}},
    automation_id {{int}}  NOT NULL REFERENCES automation (id) ON DELETE CASCADE,
    run_id        {{int}}  NOT NULL,         -- 0: a test
    customer_id   {{int}}  REFERENCES customer (id) ON DELETE CASCADE,
    event         {{text}} NOT NULL,
    ref           {{text}} NOT NULL,
    state         {{text}} NOT NULL CHECK (state IN ('waiting', 'sent', 'dead')),
    tries         {{int}}  NOT NULL,
    due_ms        {{int}}  NOT NULL,
    until_ms      {{int}}  NOT NULL,         -- tried until then
    at_ms         {{int}}  NOT NULL,
    done_ms       {{int}},
    status        {{int}}  NOT NULL DEFAULT 0,
    reason        {{text}} NOT NULL DEFAULT ''
){{strict}};
CREATE INDEX webhook_delivery_due ON webhook_delivery (automation_id, due_ms, id) WHERE state = 'waiting';
CREATE INDEX webhook_delivery_dead ON webhook_delivery (id) WHERE state = 'dead';
CREATE INDEX webhook_delivery_by_automation ON webhook_delivery (automation_id, id);
CREATE INDEX webhook_delivery_by_customer ON webhook_delivery (customer_id);
CREATE INDEX webhook_delivery_by_run ON webhook_delivery (run_id);

CREATE TABLE notice (
    id            {{id}},
    staff_id      {{int}}  NOT NULL REFERENCES staff (id) ON DELETE CASCADE,
    customer_id   {{int}}  NOT NULL REFERENCES customer (id) ON DELETE CASCADE,
    automation_id {{int}}  NOT NULL,         -- may be gone
    text          {{text}} NOT NULL,
    at_ms         {{int}}  NOT NULL,
    seen_ms       {{int}}
){{strict}};
CREATE INDEX notice_new ON notice (staff_id, id) WHERE seen_ms IS NULL;
CREATE INDEX notice_by_staff ON notice (staff_id, id);
CREATE INDEX notice_by_customer ON notice (customer_id);

-- How far the events were followed.
CREATE TABLE automation_follow (
    id  {{id}},
    xid {{int}} NOT NULL,
    seq {{int}} NOT NULL
){{strict}};
