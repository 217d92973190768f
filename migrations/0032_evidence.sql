-- 0032 evidence: what customers say that shows how they deal with us, and what of it still counts.
-- A row of evidence is one kind found in one text (a message, a note, a call's note), or the impression a colleague had. It keeps
-- the id the text came in by. phrase: of our lists, or the name of a competitor, never words of the customer. weight: how many
-- (questions); 1 for all others.

CREATE TABLE evidence (
    id             {{id}},
    customer_id    {{int}}  NOT NULL REFERENCES customer (id) ON DELETE CASCADE,
    kind           {{text}} NOT NULL CHECK (kind IN ('discount_asked', 'promise_more', 'competitor_named', 'price_remark', 'colleague_asked',
                                                     'referral_given', 'aggressive', 'hurry', 'question', 'off_matter', 'impression')),
    at_ms          {{int}}  NOT NULL,
    source_id      {{int}}  NOT NULL,       -- the interaction, note or call it was found in
    interaction_id {{int}},
    staff_id       {{int}},                 -- the colleague asked for; who had the impression
    phrase         {{text}} NOT NULL DEFAULT '',
    weight         {{int}}  NOT NULL DEFAULT 1
){{strict}};
CREATE UNIQUE INDEX evidence_once ON evidence (source_id, kind);
CREATE INDEX evidence_by_customer ON evidence (customer_id, at_ms, kind, weight);

-- One narrow row for each record whose words were read: how much of each kind the last 180 days hold. due_ms: when the oldest
-- of it falls out; 0: there is none. read_id, read_ms: how far its texts were read; n_ids: of how many ids.
CREATE TABLE trait (
    customer_id      {{id}},
    asked_discount   {{int}}  NOT NULL DEFAULT 0,
    promised_more    {{int}}  NOT NULL DEFAULT 0,
    named_competitor {{int}}  NOT NULL DEFAULT 0,
    price_remarks    {{int}}  NOT NULL DEFAULT 0,
    asked_colleague  {{int}}  NOT NULL DEFAULT 0,
    referred         {{int}}  NOT NULL DEFAULT 0,
    aggressive       {{int}}  NOT NULL DEFAULT 0,
    hurried          {{int}}  NOT NULL DEFAULT 0,
    questions        {{int}}  NOT NULL DEFAULT 0,
    off_matter       {{int}}  NOT NULL DEFAULT 0,
    colleague_id     {{int}}  NOT NULL DEFAULT 0, -- asked for last
    impression       {{text}} NOT NULL DEFAULT '' CHECK (impression IN ('', 'regular', 'chatty', 'freeloader', 'time_eater', 'interested', 'company')),
    impression_by    {{int}}  NOT NULL DEFAULT 0,
    impression_ms    {{int}}  NOT NULL DEFAULT 0,
    due_ms           {{int}}  NOT NULL DEFAULT 0,
    read_id          {{int}}  NOT NULL DEFAULT 0,
    read_ms          {{int}}  NOT NULL DEFAULT 0,
    n_ids            {{int}}  NOT NULL DEFAULT 1
){{strict}};
CREATE INDEX trait_due ON trait (due_ms) WHERE due_ms > 0;

-- What a call's impression says is the key of a class now, by its place in that list: "to the point" is "considering", and what
-- was "something is not right" says nothing: nobody is suspected by ear.
UPDATE call SET impression = CASE impression WHEN 1 THEN 5 ELSE 0 END WHERE impression IN (1, 5);

-- Words of what is sold, so that a question about it is told from one that is not. A product that is added or changed gets them at
-- once; for those of before and of a fill a job goes up the ids: done_id.
CREATE TABLE product_word (
    word       {{text}} NOT NULL,
    product_id {{int}}  NOT NULL REFERENCES product (id) ON DELETE CASCADE,
    PRIMARY KEY (word, product_id)
){{strict_rowidless}};
CREATE INDEX product_word_by_product ON product_word (product_id);
CREATE TABLE product_wording (
    id      {{id}},
    done_id {{int}} NOT NULL
){{strict}};
