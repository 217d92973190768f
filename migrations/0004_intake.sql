-- 0004 intake: the timeline, and which source made which line of it.
-- The same channel and source_id again answers the same and changes nothing: source_key lives as long as its interaction.

CREATE TABLE interaction (
    id          {{id}},
    customer_id {{int}}  NOT NULL REFERENCES customer (id) ON DELETE CASCADE,
    channel     {{text}} NOT NULL CHECK (channel IN ('call', 'email', 'chat', 'fax', 'letter', 'form', 'visit', 'order', 'purchase', 'survey', 'note')),
    direction   {{text}} NOT NULL CHECK (direction IN ('in', 'out', 'none')),
    trust       {{text}} NOT NULL CHECK (trust IN ('proven', 'presented', 'typed')),
    at_ms       {{int}}  NOT NULL,
    staff_id    {{int}},
    ref_id      {{int}},            -- the call or order it tells of
    subject     {{text}} NOT NULL DEFAULT '',
    text        {{text}} NOT NULL DEFAULT '',
    ip          {{text}} NOT NULL DEFAULT '',
    is_new      {{int}}  NOT NULL DEFAULT 0, -- it made the record; this and matched_by let a repeated intake answer the same
    matched_by  {{text}} NOT NULL DEFAULT ''
){{strict}};
CREATE INDEX interaction_by_customer ON interaction (customer_id, at_ms);

CREATE TABLE source_key (
    channel        {{text}} NOT NULL,
    source_id      {{text}} NOT NULL,
    interaction_id {{int}}  NOT NULL,
    customer_id    {{int}}  NOT NULL,
    PRIMARY KEY (channel, source_id)
){{strict_rowidless}};

-- Two records that may be one, with the evidence that intake saw. Nothing is merged by this.
CREATE TABLE possible_duplicate (
    customer_id    {{int}}  NOT NULL REFERENCES customer (id) ON DELETE CASCADE,
    other_id       {{int}}  NOT NULL REFERENCES customer (id) ON DELETE CASCADE,
    interaction_id {{int}}  NOT NULL,
    probability    {{real}} NOT NULL,
    why            {{text}} NOT NULL,
    at_ms          {{int}}  NOT NULL,
    PRIMARY KEY (customer_id, other_id)
){{strict_rowidless}};
CREATE INDEX possible_duplicate_by_other ON possible_duplicate (other_id);
