-- 0020 segment: named conditions, who is in them, and the queue of customers whose answers may change.
-- Members are kept, so that coming and going are events. rule_due holds a customer at the earliest time at which an answer
-- about him could change with no event; 0: something happened, look at him now.

CREATE TABLE segment (
    id           {{id}},
    name         {{text}} NOT NULL,
    folded       {{text}} NOT NULL UNIQUE, -- the name, as texts are compared; of one that is going: its number
    condition    {{text}} NOT NULL,
    members      {{int}}  NOT NULL DEFAULT 0,
    filled_to    {{int}},                  -- while it is filled: everybody up to this id was looked at
    is_going     {{int}}  NOT NULL DEFAULT 0, -- deleted; its members are taken out in slices
    staff_id     {{int}},
    created_ms   {{int}}  NOT NULL,
    changed_ms   {{int}}  NOT NULL,
    version      {{int}}  NOT NULL DEFAULT 1
){{strict}};

CREATE TABLE segment_member (
    segment_id  {{int}} NOT NULL REFERENCES segment (id),
    customer_id {{int}} NOT NULL REFERENCES customer (id) ON DELETE CASCADE,
    at_ms       {{int}} NOT NULL,          -- since when
    PRIMARY KEY (segment_id, customer_id)
){{strict_rowidless}};
CREATE INDEX segment_member_by_customer ON segment_member (customer_id, segment_id);

CREATE TABLE rule_due (
    customer_id {{id}},
    due_ms      {{int}} NOT NULL
){{strict}};
CREATE INDEX rule_due_by_time ON rule_due (due_ms, customer_id);

-- How far the events were followed.
CREATE TABLE segment_follow (
    id  {{id}},
    xid {{int}} NOT NULL,
    seq {{int}} NOT NULL
){{strict}};
