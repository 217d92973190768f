-- Imports: the row of each, what its rows became, what was rejected.

-- part: import_columns
i.id, i.kind, i.name, i.state, i.size_bytes, i.is_staged, i.finger, i.map, i.checked, i.at_byte, i.line, i.read_rows, i.made,
i.changed, i.same, i.rejected, i.undone, i.stays, i.undo_step, i.undo_at, i.error, i.actor_kind, i.actor_id, i.lang, i.made_ms,
i.begun_ms, i.done_ms, i.version;

-- name: import_get -> import_row
SELECT {{import_columns}} FROM import i WHERE i.id = :id;

-- name: import_list -> import_row
SELECT {{import_columns}} FROM import i WHERE i.id < :before ORDER BY i.id DESC LIMIT :n;

-- A file that a command reads by itself and did not finish.
-- name: import_unfinished -> import_row
SELECT {{import_columns}} FROM import i
 WHERE i.state = 'running' AND i.is_staged = 0 AND i.finger = :finger AND i.kind = :kind
 ORDER BY i.id DESC LIMIT 1;

-- What a node of this house has to work on.
-- name: import_at_work -> import_row
SELECT {{import_columns}} FROM import i
 WHERE (i.state = 'checking' OR i.state = 'running' OR i.state = 'undoing') AND (i.is_staged = 1 OR i.state = 'undoing') AND i.lease_ms < :now
 ORDER BY i.made_ms, i.id LIMIT 1;

-- name: import_insert
INSERT INTO import (id, kind, name, state, size_bytes, is_staged, finger, map, actor_kind, actor_id, lang, made_ms)
VALUES (:id, :kind, :name, 'ready', :size, :is_staged, :finger, :map, :actor_kind, :actor, :lang, :now);

-- name: import_check_begin
UPDATE import SET state = 'checking', map = :map, checked = '', error = '', at_byte = 0, line = 1, read_rows = 0, made = 0, changed = 0,
       same = 0, rejected = 0, begun_ms = :now, done_ms = 0, lease_ms = 0, version = version + 1
 WHERE id = :id AND state = 'ready';

-- A dry run that was cut begins again.
-- name: import_check_again
UPDATE import SET at_byte = 0, line = 1, read_rows = 0, made = 0, changed = 0, same = 0, rejected = 0
 WHERE id = :id AND state = 'checking';

-- name: import_run_begin
UPDATE import SET state = 'running', map = :map, error = '', at_byte = 0, line = 1, read_rows = 0, made = 0, changed = 0, same = 0,
       rejected = 0, begun_ms = :now, done_ms = 0, lease_ms = 0, version = version + 1
 WHERE id = :id AND state = 'ready';

-- A dry run that is called off leaves the file ready, a run what it did so far.
-- name: import_cancel
UPDATE import SET state = CASE WHEN state = 'checking' THEN 'ready' ELSE 'cancelled' END, done_ms = :now, version = version + 1
 WHERE id = :id AND state IN ('checking', 'running', 'ready');

-- name: import_undo_begin
UPDATE import SET state = 'undoing', undone = 0, stays = 0, undo_step = 0, undo_at = 0, lease_ms = 0, version = version + 1
 WHERE id = :id AND state IN ('done', 'cancelled', 'failed');

-- name: import_lease
UPDATE import SET node = :node, lease_ms = :until WHERE id = :id AND (lease_ms < :now OR node = :node);

-- name: import_go_on
UPDATE import SET at_byte = :at, line = :line, read_rows = :rows, made = :made, changed = :changed, same = :same,
       rejected = :rejected, state = :state, checked = :checked, done_ms = :done, lease_ms = :lease, version = version + 1
 WHERE id = :id AND state = :was AND at_byte = :from;

-- name: import_fail
UPDATE import SET state = CASE WHEN state = 'checking' THEN 'ready' ELSE 'failed' END, error = :error, done_ms = :now, version = version + 1
 WHERE id = :id AND state IN ('checking', 'running', 'undoing');

-- name: import_undo_go_on
UPDATE import SET undone = undone + :undone, stays = stays + :stays, undo_step = :step, undo_at = :at, state = :state, lease_ms = :lease,
       done_ms = :now, version = version + 1
 WHERE id = :id AND state = 'undoing' AND undo_step = :was_step AND undo_at = :was_at;

-- name: import_unstage
UPDATE import SET is_staged = 0, version = version + 1 WHERE id = :id;

-- Staged files nobody has used for a month.
-- name: import_old -> import_row
SELECT {{import_columns}} FROM import i
 WHERE i.is_staged = 1 AND i.made_ms < :before AND i.state NOT IN ('checking', 'running', 'undoing')
 ORDER BY i.made_ms, i.id LIMIT 20;

-- ---- rows ----

-- name: import_row_insert
INSERT INTO import_row (import_id, line, customer_id, interaction_id, order_id, source_id, is_new)
VALUES (:import, :line, :customer, :interaction, :order, :source, :is_new) ON CONFLICT DO NOTHING;

-- name: import_row_after -> import_trace
SELECT line, customer_id, interaction_id, order_id, source_id, is_new
  FROM import_row WHERE import_id = :import AND line < :before
 ORDER BY line DESC LIMIT :n;

-- name: import_reject_insert
INSERT INTO import_reject (import_id, line, at_byte, bytes, field, why) VALUES (:import, :line, :at, :bytes, :field, :why)
    ON CONFLICT DO NOTHING;

-- name: import_reject_after -> import_reject
SELECT line, at_byte, bytes, field, why FROM import_reject
 WHERE import_id = :import AND line > :after
 ORDER BY line LIMIT :n;

-- name: import_keys -> import_key
SELECT hash, customer_id FROM import_key WHERE hash IN {{texts}} :hashes ORDER BY hash LIMIT 1000;

-- name: import_key_insert
INSERT INTO import_key (hash, customer_id) VALUES (:hash, :customer) ON CONFLICT DO NOTHING;

-- ---- chunks (PostgreSQL) ----

-- name: import_chunk_insert
INSERT INTO import_chunk (import_id, number, bytes) VALUES (:import, :number, :bytes);

-- name: import_chunk_get -> import_chunk
SELECT bytes FROM import_chunk WHERE import_id = :import AND number = :number;

-- Of uploads that did not come to their end.
-- name: import_chunks_lost
DELETE FROM import_chunk
 WHERE import_id < :before AND NOT EXISTS (SELECT 1 FROM import i WHERE i.id = import_chunk.import_id AND i.is_staged = 1);

-- name: import_keys_lost
DELETE FROM blob
 WHERE kind = 'import' AND made_ms < :before AND NOT EXISTS (SELECT 1 FROM import i WHERE i.id = blob.id AND i.is_staged = 1);

-- name: import_chunks_delete
DELETE FROM import_chunk WHERE import_id = :import;

-- ---- undo ----

-- Has anybody or anything but this import touched the customer?
-- name: import_touched -> number_row
SELECT (SELECT COUNT(*) FROM customer c WHERE c.id <> :customer AND c.root_id = :customer)
     + (SELECT COUNT(*) FROM customer c WHERE c.id = :customer AND c.root_id <> :customer)
     + (SELECT COUNT(*) FROM history h WHERE h.customer_id = :customer AND (h.batch_id IS NULL OR h.batch_id <> :import))
     + (SELECT COUNT(*) FROM identity_owner o WHERE o.customer_id = :customer AND (o.source <> 'import' OR o.state = 'confirmed'))
     + (SELECT COUNT(*) FROM interaction t WHERE t.customer_id = :customer)
     + (SELECT COUNT(*) FROM orders o WHERE o.customer_id = :customer)
     + (SELECT COUNT(*) FROM note n WHERE n.customer_id = :customer)
     + (SELECT COUNT(*) FROM task t WHERE t.customer_id = :customer AND t.done_ms IS NULL)
     + (SELECT COUNT(*) FROM task t WHERE t.customer_id = :customer AND t.done_ms IS NOT NULL)
     + (SELECT COUNT(*) FROM relation l WHERE l.customer_id = :customer)
     + (SELECT COUNT(*) FROM relation l WHERE l.other_id = :customer)
     + (SELECT COUNT(*) FROM holding g WHERE g.customer_id = :customer)
     + (SELECT COUNT(*) FROM consent s WHERE s.customer_id = :customer)
     + (SELECT COUNT(*) FROM customer_mark k WHERE k.customer_id = :customer) AS n;

-- name: import_values_of -> import_id_row
SELECT value_id FROM identity_owner WHERE customer_id = :customer ORDER BY value_id LIMIT 200;

-- name: import_owners_delete
DELETE FROM identity_owner WHERE customer_id = :customer;

-- name: import_values_delete
DELETE FROM identity_value
 WHERE id IN {{ints}} :ids AND NOT EXISTS (SELECT 1 FROM identity_owner o WHERE o.value_id = identity_value.id);

-- name: import_customer_delete
DELETE FROM customer WHERE id = :customer;

-- name: import_standing_delete
DELETE FROM standing WHERE customer_id = :customer;

-- name: import_interaction_get -> import_interaction
SELECT customer_id, channel, at_ms FROM interaction WHERE id = :id;

-- name: import_source_delete
DELETE FROM source_key WHERE channel = :channel AND source_id = :source AND interaction_id = :interaction;

-- name: import_interaction_delete
DELETE FROM interaction WHERE id = :id;

-- name: import_customer_has -> number_row
SELECT COUNT(*) AS n FROM customer WHERE id = :customer;
