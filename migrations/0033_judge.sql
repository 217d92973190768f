-- 0033 judge: what kind of customer this is, by rules that people can read and change.
-- A rule is a condition with points for a class; what a customer has of a class decides, with two thresholds and a
-- minimum stay, whether he is in it. One class leads. Rules keep their versions; corrections by people stand beside them.

CREATE TABLE class_setting (
    class      {{text}} PRIMARY KEY,
    enter      {{int}}  NOT NULL,           -- points from which on he is in it …
    leave      {{int}}  NOT NULL,           -- … and below which he is no more
    stay_days  {{int}}  NOT NULL,           -- at least so long
    known      {{int}}  NOT NULL,           -- so many contacts and orders must be known first
    is_on      {{int}}  NOT NULL DEFAULT 1,
    advice     {{text}} NOT NULL DEFAULT '', -- the company's own words; empty: the house's
    staff_id   {{int}},
    changed_ms {{int}}  NOT NULL,
    version    {{int}}  NOT NULL DEFAULT 1
){{strict}};

CREATE TABLE class_rule (
    id         {{id}},
    class      {{text}} NOT NULL,
    key        {{text}} NOT NULL DEFAULT '', -- of a rule that came with the program
    label      {{text}} NOT NULL DEFAULT '', -- in the company's own words; empty: those of the key
    condition  {{text}} NOT NULL,
    points     {{int}}  NOT NULL,
    is_on      {{int}}  NOT NULL DEFAULT 1,
    is_gone    {{int}}  NOT NULL DEFAULT 0,  -- deleted; the history still names it
    holds      {{int}},                      -- for so many customers, when all were last looked at
    staff_id   {{int}},
    created_ms {{int}}  NOT NULL,
    changed_ms {{int}}  NOT NULL,
    version    {{int}}  NOT NULL DEFAULT 1
){{strict}};
CREATE UNIQUE INDEX class_rule_by_key ON class_rule (key) WHERE key <> '';

CREATE TABLE class_rule_version (
    rule_id   {{int}}  NOT NULL REFERENCES class_rule (id),
    version   {{int}}  NOT NULL,
    class     {{text}} NOT NULL,
    label     {{text}} NOT NULL,
    condition {{text}} NOT NULL,
    points    {{int}}  NOT NULL,
    is_on     {{int}}  NOT NULL,
    is_gone   {{int}}  NOT NULL,
    staff_id  {{int}},
    at_ms     {{int}}  NOT NULL,
    PRIMARY KEY (rule_id, version)
){{strict_rowidless}};

-- The classes a record is in. lead_ms: since when this one leads; 0: another does.
CREATE TABLE judgement (
    customer_id {{int}}  NOT NULL REFERENCES customer (id) ON DELETE CASCADE,
    class       {{text}} NOT NULL,
    score       {{int}}  NOT NULL,
    since_ms    {{int}}  NOT NULL,
    lead_ms     {{int}}  NOT NULL DEFAULT 0,
    PRIMARY KEY (customer_id, class)
){{strict_rowidless}};

-- What changed and why: the rules that held and the values they saw, as JSON.
CREATE TABLE judgement_log (
    id            {{id}},
    customer_id   {{int}}  NOT NULL REFERENCES customer (id) ON DELETE CASCADE,
    at_ms         {{int}}  NOT NULL,
    was           {{text}} NOT NULL,       -- the leading class before; empty: none
    leads         {{text}} NOT NULL,
    classes       {{text}} NOT NULL,       -- all of them with their points: "chatty 60 interested 55"
    why           {{text}} NOT NULL,
    correction_id {{int}}
){{strict}};
CREATE INDEX judgement_log_by_customer ON judgement_log (customer_id, id);

-- What people said against a judgement, or for it. A pin holds until until_ms, under the id it was said of.
CREATE TABLE class_correction (
    id          {{id}},
    customer_id {{int}}  NOT NULL REFERENCES customer (id) ON DELETE CASCADE,
    was         {{text}} NOT NULL,
    class       {{text}} NOT NULL,         -- empty: only that it is wrong
    reason      {{text}} NOT NULL,
    until_ms    {{int}}  NOT NULL,
    ended_ms    {{int}}  NOT NULL DEFAULT 0,
    actor_kind  {{text}} NOT NULL,
    actor_id    {{int}}  NOT NULL,
    actor_name  {{text}} NOT NULL,
    at_ms       {{int}}  NOT NULL
){{strict}};
CREATE INDEX class_correction_by_customer ON class_correction (customer_id, id);

-- Which rules a correction spoke against (is_against = 1) or for.
CREATE TABLE class_said (
    correction_id {{int}} NOT NULL REFERENCES class_correction (id) ON DELETE CASCADE,
    rule_id       {{int}} NOT NULL REFERENCES class_rule (id),
    version       {{int}} NOT NULL,
    is_against    {{int}} NOT NULL,
    PRIMARY KEY (correction_id, rule_id)
){{strict_rowidless}};
CREATE INDEX class_said_by_rule ON class_said (rule_id, is_against);

-- Whom to look at, and when; 0: now.
CREATE TABLE judge_due (
    customer_id {{id}},
    due_ms      {{int}} NOT NULL
){{strict}};
CREATE INDEX judge_due_by_time ON judge_due (due_ms, customer_id);

-- How far the events were followed; while everybody is looked at anew, how far that came.
CREATE TABLE judge_follow (
    id        {{id}},
    xid       {{int}} NOT NULL,
    seq       {{int}} NOT NULL,
    filled_to {{int}},
    round     {{int}} NOT NULL DEFAULT 0,
    looked    {{int}} NOT NULL DEFAULT 0,
    changed   {{int}} NOT NULL DEFAULT 0,
    begun_ms  {{int}} NOT NULL DEFAULT 0,
    done_ms   {{int}} NOT NULL DEFAULT 0,
    holds     {{text}} NOT NULL DEFAULT '' -- counted so far for each rule: "id n id n"
){{strict}};
