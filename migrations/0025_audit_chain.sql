-- 0025 audit chain: each seal holds the ids and hashes of its rows, so that a row that was changed, taken away or put in is
-- named; what changed on a record (both values) is sealed with a key of that customer, and erasing is deleting the key.

-- digests: for each row of the seal, then each value, 8 bytes of its id and 16 of its SHA-256; chain is SHA-256 over the chain
-- before and these. NULL: a seal of before, whose chain is over the rows themselves.
ALTER TABLE audit_seal ADD COLUMN digests {{blob}};
ALTER TABLE audit_seal ADD COLUMN first_id {{int}} NOT NULL DEFAULT 0;
ALTER TABLE audit_seal ADD COLUMN first_value_id {{int}} NOT NULL DEFAULT 0;
ALTER TABLE audit_seal ADD COLUMN last_value_id {{int}} NOT NULL DEFAULT 0;
ALTER TABLE audit_seal ADD COLUMN n_values {{int}} NOT NULL DEFAULT 0;

-- On PostgreSQL ids are not in the order of commits: a row says itself which seal holds it. 0: none yet; -1: one of before.
-- @postgres
ALTER TABLE audit ADD COLUMN seal BIGINT NOT NULL DEFAULT -1;
-- @postgres
ALTER TABLE audit ALTER COLUMN seal SET DEFAULT 0;
-- @postgres
UPDATE audit SET seal = 0 WHERE id > (SELECT COALESCE(MAX(last_id), 0) FROM audit_seal);
-- @postgres
CREATE INDEX audit_unsealed ON audit (id) WHERE seal = 0;

-- The key of a customer's values, wrapped by the installation's key. It goes with the customer.
CREATE TABLE audit_key (
    customer_id {{id}} REFERENCES customer (id) ON DELETE CASCADE,
    wrapped     {{blob}} NOT NULL
){{strict}};

-- What stood there and what stands there now. The row stays when its customer goes; nobody reads it without the key.
CREATE TABLE audit_value (
    id          {{id}},
    customer_id {{int}}  NOT NULL,
    sealed      {{blob}} NOT NULL
){{strict}};
-- @postgres
ALTER TABLE audit_value ADD COLUMN seal BIGINT NOT NULL DEFAULT 0;
-- @postgres
CREATE INDEX audit_value_unsealed ON audit_value (id) WHERE seal = 0;

-- 0: the values stand in the row itself, as before; a job seals them.
ALTER TABLE history ADD COLUMN value_id {{int}} NOT NULL DEFAULT 0;
INSERT INTO job (id, kind, args, next_ms, made_ms)
SELECT 25, 'audit.values', '', 0, 0 WHERE EXISTS (SELECT 1 FROM history);

-- Who, and which act: newest first, however long the audit. Intakes are most of it and are found by the customer.
CREATE INDEX audit_by_actor ON audit (actor_kind, actor_id, id);
CREATE INDEX audit_by_action ON audit (action, id) WHERE action <> 'intake';

-- How many records each member of staff saw on a day of the business, so that an unusual day shows.
CREATE TABLE audit_day (
    day      {{int}} NOT NULL, -- days since 1970-01-01
    staff_id {{int}} NOT NULL,
    seen     {{int}} NOT NULL,
    vips     {{int}} NOT NULL,
    is_told  {{int}} NOT NULL DEFAULT 0, -- over the limit, and said
    PRIMARY KEY (day, staff_id)
){{strict_rowidless}};
