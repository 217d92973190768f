-- 0013 import: files that are taken in row by row. A batch of rows commits with the place where the next one begins
-- (at_byte), so that an import that was cut goes on there. What an import made is kept, so that it can be taken back.

CREATE TABLE import (
    id         {{id}},
    kind       {{text}} NOT NULL CHECK (kind IN ('customers', 'orders', 'interactions')),
    name       {{text}} NOT NULL,             -- of the file
    state      {{text}} NOT NULL CHECK (state IN ('ready', 'checking', 'running', 'done', 'cancelled', 'failed', 'undoing', 'undone')),
    size_bytes {{int}}  NOT NULL,
    is_staged  {{int}}  NOT NULL,             -- the file lies in the data directory or in import_chunk
    finger     {{text}} NOT NULL DEFAULT '',  -- of a file that a command reads by itself: the same file goes on
    map        {{text}} NOT NULL,             -- JSON
    checked    {{text}} NOT NULL DEFAULT '',  -- JSON: what the last dry run found
    at_byte    {{int}}  NOT NULL DEFAULT 0,
    line       {{int}}  NOT NULL DEFAULT 1,
    read_rows  {{int}}  NOT NULL DEFAULT 0,
    made       {{int}}  NOT NULL DEFAULT 0,
    changed    {{int}}  NOT NULL DEFAULT 0,
    same       {{int}}  NOT NULL DEFAULT 0,
    rejected   {{int}}  NOT NULL DEFAULT 0,
    undone     {{int}}  NOT NULL DEFAULT 0,
    stays      {{int}}  NOT NULL DEFAULT 0,   -- could not be undone: somebody worked with it since
    undo_step  {{int}}  NOT NULL DEFAULT 0,
    undo_at    {{int}}  NOT NULL DEFAULT 0,
    error      {{text}} NOT NULL DEFAULT '',
    actor_kind {{text}} NOT NULL,
    actor_id   {{int}}  NOT NULL,
    lang       {{text}} NOT NULL,             -- of the sentences in import_reject
    node       {{int}}  NOT NULL DEFAULT 0,   -- works on it, until lease_ms
    lease_ms   {{int}}  NOT NULL DEFAULT 0,
    made_ms    {{int}}  NOT NULL,
    begun_ms   {{int}}  NOT NULL DEFAULT 0,
    done_ms    {{int}}  NOT NULL DEFAULT 0,
    version    {{int}}  NOT NULL DEFAULT 1
){{strict}};
CREATE INDEX import_at_work ON import (made_ms) WHERE state IN ('checking', 'running', 'undoing');

-- The file on PostgreSQL, in pieces, so that any node can go on. They come before the import's own row does.
CREATE TABLE import_chunk (
    import_id {{int}}  NOT NULL,
    number    {{int}}  NOT NULL,
    bytes     {{blob}} NOT NULL,
    PRIMARY KEY (import_id, number)
){{strict_rowidless}};

-- What each row became. No foreign keys to records: an undo and an erasure take records away.
CREATE TABLE import_row (
    import_id      {{int}} NOT NULL REFERENCES import (id) ON DELETE CASCADE,
    line           {{int}} NOT NULL,
    customer_id    {{int}} NOT NULL,
    interaction_id {{int}} NOT NULL,
    order_id       {{int}} NOT NULL,
    source_id      {{text}} NOT NULL DEFAULT '', -- of the interaction
    is_new         {{int}} NOT NULL, -- it made the customer
    PRIMARY KEY (import_id, line)
){{strict_rowidless}};

CREATE TABLE import_reject (
    import_id {{int}}  NOT NULL REFERENCES import (id) ON DELETE CASCADE,
    line      {{int}}  NOT NULL,
    at_byte   {{int}}  NOT NULL, -- where the row lies in the file
    bytes     {{int}}  NOT NULL,
    field     {{text}} NOT NULL,
    why       {{text}} NOT NULL,
    PRIMARY KEY (import_id, line)
){{strict_rowidless}};

-- Rows without any identity are known again by what they say.
CREATE TABLE import_key (
    hash        {{text}} PRIMARY KEY,
    customer_id {{int}}  NOT NULL REFERENCES customer (id) ON DELETE CASCADE
){{strict_rowidless}};
CREATE INDEX import_key_by_customer ON import_key (customer_id);
