-- 0001 floor: what the store itself keeps: events, audit, jobs, idempotency, nodes, leases.
-- The table `migration` is made by the store before this one runs.

CREATE TABLE store_meta (
    name  {{text}} PRIMARY KEY,
    value {{text}} NOT NULL
){{strict}};

-- The number a running program writes into its ids. id_mark: no id at or below it is made again, so that a clock
-- going back or a crash never repeats one. On PostgreSQL a row is leased until until_ms of the database's clock.
CREATE TABLE node (
    number   {{id}},
    holder   {{text}} NOT NULL DEFAULT '',
    until_ms {{int}}  NOT NULL DEFAULT 0,
    id_mark  {{int}}  NOT NULL DEFAULT 0
){{strict}};

-- Committed facts, ids and small codes only. On PostgreSQL a position is (xid, seq), see docs/decisions.
-- @sqlite
CREATE TABLE event (
    seq         INTEGER PRIMARY KEY,
    xid         INTEGER NOT NULL DEFAULT 0,
    type        TEXT    NOT NULL,
    at_ms       INTEGER NOT NULL,
    customer_id INTEGER NOT NULL, -- 0: none
    ref_id      INTEGER NOT NULL,
    data        TEXT    NOT NULL
) STRICT;
-- @postgres
CREATE TABLE event (
    xid         BIGINT NOT NULL DEFAULT CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT),
    seq         BIGINT NOT NULL,
    type        {{text}} NOT NULL,
    at_ms       BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    ref_id      BIGINT NOT NULL,
    data        {{text}} NOT NULL,
    PRIMARY KEY (xid, seq)
);

-- Who did what to which record: ids, field names and hashes, never values. Append-only, in the order of its ids.
CREATE TABLE audit (
    id          {{id}},
    at_ms       {{int}}  NOT NULL,
    actor_kind  {{text}} NOT NULL,
    actor_id    {{int}}  NOT NULL,
    action      {{text}} NOT NULL,
    customer_id {{int}}  NOT NULL, -- 0: none
    ref_id      {{int}}  NOT NULL,
    details     {{text}} NOT NULL,
    peer        {{text}} NOT NULL
){{strict}};

CREATE TABLE job (
    id       {{id}},
    kind     {{text}} NOT NULL,
    args     {{text}} NOT NULL,
    state    {{text}} NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'done', 'failed')),
    schedule {{text}} UNIQUE,              -- the kind, for the one row of a kind that comes again
    next_ms  {{int}}  NOT NULL,            -- not before
    position {{int}}  NOT NULL DEFAULT 0,  -- the kind's own, after the last slice
    slices   {{int}}  NOT NULL DEFAULT 0,  -- committed ones; a slice commits only at the number it began with
    progress {{int}}  NOT NULL DEFAULT 0,
    total    {{int}}  NOT NULL DEFAULT 0,
    tries    {{int}}  NOT NULL DEFAULT 0,  -- failures in a row
    error    {{text}} NOT NULL DEFAULT '', -- code of the last one
    made_ms  {{int}}  NOT NULL,
    done_ms  {{int}}
){{strict}};
CREATE INDEX job_waiting ON job (next_ms) WHERE state = 'waiting';

-- Answers given to requests that bore an Idempotency-Key: never the body. 48 hours.
CREATE TABLE idempotency (
    actor_kind {{int}}  NOT NULL,
    actor_id   {{int}}  NOT NULL,
    key        {{text}} NOT NULL,
    request    {{blob}} NOT NULL, -- SHA-256 of method, path and body
    status     {{int}}  NOT NULL,
    made_id    {{int}}  NOT NULL,
    at_ms      {{int}}  NOT NULL,
    PRIMARY KEY (actor_kind, actor_id, key)
){{strict_rowidless}};
CREATE INDEX idempotency_by_age ON idempotency (at_ms);

-- What only one node may do at a time: a telephone link, a mailbox, a schedule.
CREATE TABLE lease (
    name     {{text}} PRIMARY KEY,
    node     {{int}}  NOT NULL,
    until_ms {{int}}  NOT NULL
){{strict}};
