-- What the store asks of its own tables.

-- name: store_meta_get -> store_text
SELECT value FROM store_meta WHERE name = :name;

-- name: store_meta_set
INSERT INTO store_meta (name, value) VALUES (:name, :value)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value;

-- name: store_meta_drop
DELETE FROM store_meta WHERE name = :name;

-- name: node_mark
SELECT id_mark FROM node WHERE number = :number;

-- name: node_mark_set
INSERT INTO node (number, id_mark) VALUES (:number, :mark)
    ON CONFLICT (number) DO UPDATE SET id_mark = excluded.id_mark;

-- name: migration_list -> migration_row
SELECT number, name, sha256 FROM migration ORDER BY number LIMIT 10000;

-- name: migration_insert
INSERT INTO migration (number, name, sha256) VALUES (:number, :name, :sha256);

-- On SQLite the number alone orders; xid is 0.
-- name: event_insert
INSERT INTO event (seq, type, at_ms, customer_id, ref_id, data, depth)
    VALUES (:seq, :type, :at_ms, :customer_id, :ref_id, :data, :depth);

-- name: event_after -> event @sqlite
SELECT xid, seq, type, at_ms, customer_id, ref_id, data, depth
  FROM event
 WHERE :xid = :xid AND seq > :seq
 ORDER BY seq LIMIT :limit;

-- Up to the publication line: nothing that may still be overtaken by a transaction that runs.
-- name: event_after -> event @postgres
SELECT xid, seq, type, at_ms, customer_id, ref_id, data, depth
  FROM event
 WHERE (xid, seq) > (:xid, :seq)
   AND xid < CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT)
 ORDER BY xid, seq LIMIT :limit;

-- name: event_newest -> event_position @sqlite
SELECT xid, seq FROM event ORDER BY seq DESC LIMIT 1;

-- name: event_newest -> event_position @postgres
SELECT xid, seq
  FROM event
 WHERE xid < CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT)
 ORDER BY xid DESC, seq DESC LIMIT 1;

-- The last of the oldest ones that go in one slice.
-- name: event_trim_last -> event_position @sqlite
SELECT xid, seq
  FROM (SELECT xid, seq, at_ms FROM event ORDER BY seq LIMIT :limit) AS old
 WHERE at_ms < :before_ms
 ORDER BY seq DESC LIMIT 1;

-- name: event_trim_last -> event_position @postgres
SELECT xid, seq
  FROM (SELECT xid, seq, at_ms FROM event ORDER BY xid, seq LIMIT :limit) AS old
 WHERE at_ms < :before_ms
 ORDER BY xid DESC, seq DESC LIMIT 1;

-- name: event_trim @sqlite
DELETE FROM event WHERE :xid = :xid AND seq <= :seq;

-- name: event_trim @postgres
DELETE FROM event WHERE (xid, seq) <= (:xid, :seq);

-- name: audit_insert
INSERT INTO audit (id, at_ms, actor_kind, actor_id, action, customer_id, ref_id, details, peer)
    VALUES (:id, :at_ms, :actor_kind, :actor_id, :action, :customer_id, :ref_id, :details, :peer);

-- name: idempotency_trim @sqlite
DELETE FROM idempotency
 WHERE (actor_kind, actor_id, key) IN
       (SELECT actor_kind, actor_id, key FROM idempotency WHERE at_ms < :before_ms ORDER BY at_ms LIMIT :limit);

-- name: idempotency_trim @postgres
DELETE FROM idempotency
 WHERE (actor_kind, actor_id, key) IN
       (SELECT i.actor_kind, i.actor_id, i.key FROM idempotency i
         WHERE i.at_ms < :before_ms ORDER BY i.at_ms LIMIT :limit);

-- name: job_insert
INSERT INTO job (id, kind, args, next_ms, made_ms) VALUES (:id, :kind, :args, :now_ms, :now_ms);

-- name: job_schedule
INSERT INTO job (id, kind, args, schedule, next_ms, made_ms)
    VALUES (:id, :kind, '', :kind, :now_ms, :now_ms)
    ON CONFLICT (schedule) DO NOTHING;

-- Of those that come again none is due later than far_ms, unless the clock went back since.
-- name: job_next -> job_row
SELECT id, kind, args, next_ms, position, slices, progress, total, tries
  FROM job
 WHERE state = 'waiting' AND (next_ms <= :now_ms OR next_ms > :far_ms)
 ORDER BY next_ms, id LIMIT 20;

-- name: job_is_at
SELECT slices FROM job WHERE id = :id AND state = 'waiting';

-- A slice counts only when nobody else made it meanwhile.
-- name: job_slice_done
UPDATE job SET position = :position, slices = slices + 1, progress = :progress, total = :total, tries = 0,
               error = '', next_ms = :next_ms, state = :state, done_ms = :done_ms
 WHERE id = :id AND slices = :slices AND state = 'waiting';

-- name: job_slice_failed
UPDATE job SET tries = tries + 1, error = :error, next_ms = :next_ms, state = :state
 WHERE id = :id AND slices = :slices AND state = 'waiting';

-- name: lease_take
INSERT INTO lease (name, node, until_ms) VALUES (:name, :node, :until_ms)
    ON CONFLICT (name) DO UPDATE SET node = excluded.node, until_ms = excluded.until_ms
     WHERE lease.node = excluded.node OR lease.until_ms < :now_ms OR lease.until_ms > :far_ms;

-- ---- PostgreSQL: nodes share the store ----

-- What happened to a change whose COMMIT was not answered.
-- name: change_fate @sqlite
SELECT 0 WHERE :xid IS NULL;

-- name: change_fate @postgres
SELECT CASE pg_xact_status(CAST(CAST(CAST(:xid AS BIGINT) AS TEXT) AS XID8))
       WHEN 'committed' THEN 1 WHEN 'aborted' THEN 2 WHEN 'in progress' THEN 3 ELSE 0 END;

-- Events behind a position; is_out: nothing that still runs can come before it.
-- name: event_tail -> event_tail @sqlite
SELECT xid, seq, type, at_ms, customer_id, ref_id, data, 1 AS is_out
  FROM event WHERE :xid = :xid AND seq > :seq ORDER BY seq LIMIT :limit;

-- name: event_tail -> event_tail @postgres
SELECT xid, seq, type, at_ms, customer_id, ref_id, data,
       xid < CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT) AS is_out
  FROM event
 WHERE (xid, seq) > (:xid, :seq)
 ORDER BY xid, seq LIMIT :limit;

-- Leases of node numbers go by the database's clock, the one that all nodes share.
-- name: node_free -> node_row @sqlite
SELECT number, id_mark FROM node WHERE until_ms < 0 LIMIT 1;

-- name: node_free -> node_row @postgres
SELECT number, id_mark
  FROM node
 WHERE number > 0 AND until_ms < CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)
 ORDER BY number LIMIT 1;

-- No node begins below what any other has used, whatever its clock says: ids are in the order of time for all of them.
-- name: node_top
SELECT coalesce(max(id_mark), 0) FROM node;

-- name: node_last
SELECT coalesce(max(number), 0) FROM node;

-- name: node_lease @sqlite
INSERT INTO node (number, holder, until_ms, id_mark) VALUES (:number, :holder, :for_ms, :mark)
    ON CONFLICT (number) DO UPDATE SET holder = excluded.holder;

-- name: node_lease @postgres
INSERT INTO node (number, holder, until_ms, id_mark)
    VALUES (:number, :holder, CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) + :for_ms, :mark)
    ON CONFLICT (number) DO UPDATE
       SET holder = excluded.holder, until_ms = excluded.until_ms, id_mark = greatest(node.id_mark, excluded.id_mark);

-- name: node_renew @sqlite
UPDATE node SET until_ms = :for_ms, id_mark = :mark WHERE number = :number AND holder = :holder;

-- name: node_renew @postgres
UPDATE node SET until_ms = CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) + :for_ms,
                id_mark = greatest(id_mark, :mark)
 WHERE number = :number AND holder = :holder;

-- ---- filling an empty store ----

-- name: bulk_tables -> table_name @sqlite
SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY name LIMIT 10000;

-- name: bulk_tables -> table_name @postgres
SELECT CAST(c.relname AS TEXT) AS name
  FROM pg_class c
 WHERE c.relnamespace = CAST(current_schema() AS REGNAMESPACE) AND c.relkind = 'r'
 ORDER BY c.relname LIMIT 10000;

-- How many pages each table has by now, whatever its statistics say.
-- name: table_pages -> table_pages @sqlite
SELECT 0 AS id, 0 AS pages LIMIT 0;

-- name: table_pages -> table_pages @postgres
SELECT CAST(c.oid AS BIGINT) AS id,
       COALESCE(pg_relation_size(c.oid), 0) / CAST(current_setting('block_size') AS BIGINT) AS pages
  FROM pg_class c
 WHERE c.relnamespace = CAST(current_schema() AS REGNAMESPACE) AND c.relkind = 'r'
 ORDER BY c.oid LIMIT 10000;

-- What goes before the rows come, in this order, and how it comes back, in the opposite one.
-- name: bulk_indexes -> made_again @sqlite
SELECT 'DROP INDEX "' || name || '"' AS away, sql AS back
  FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY name LIMIT 10000;

-- name: bulk_indexes -> made_again @postgres
SELECT away, back
  FROM (SELECT CASE o.contype WHEN 'f' THEN 1 ELSE 2 END AS turn, CAST(o.conname AS TEXT) AS name,
               'ALTER TABLE ' || CAST(CAST(o.conrelid AS REGCLASS) AS TEXT) || ' DROP CONSTRAINT ' || quote_ident(o.conname) AS away,
               'ALTER TABLE ' || CAST(CAST(o.conrelid AS REGCLASS) AS TEXT) || ' ADD CONSTRAINT ' || quote_ident(o.conname) || ' ' ||
               pg_get_constraintdef(o.oid) AS back
          FROM pg_constraint o
         WHERE o.connamespace = CAST(current_schema() AS REGNAMESPACE) AND o.contype IN ('p', 'u', 'f')
           AND CAST(CAST(o.conrelid AS REGCLASS) AS TEXT) NOT IN ('migration', 'store_meta', 'node', 'lease')
         UNION ALL
        SELECT 3, CAST(c.relname AS TEXT), 'DROP INDEX ' || CAST(CAST(i.indexrelid AS REGCLASS) AS TEXT), pg_get_indexdef(i.indexrelid)
          FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
         WHERE c.relnamespace = CAST(current_schema() AS REGNAMESPACE)
           AND NOT EXISTS (SELECT 1 FROM pg_constraint o WHERE o.conindid = i.indexrelid)) AS all_of_them
 ORDER BY turn, name LIMIT 10000;

-- ---- the chain over the audit ----

-- name: audit_seal_last -> audit_seal
SELECT number, first_id, last_id, n, chain, first_value_id, last_value_id, n_values, digests FROM audit_seal ORDER BY number DESC LIMIT 1;

-- name: audit_seals -> audit_seal
SELECT number, first_id, last_id, n, chain, first_value_id, last_value_id, n_values, digests FROM audit_seal WHERE number > :after ORDER BY number LIMIT 100;

-- Rows that no seal holds yet. On SQLite one thread writes, and ids are in the order of its commits.
-- name: audit_rows_open -> audit_line_row @sqlite
SELECT id, at_ms, actor_kind, actor_id, action, customer_id, ref_id, details, peer
  FROM audit WHERE id > :after ORDER BY id LIMIT :limit;

-- name: audit_rows_open -> audit_line_row @postgres
SELECT id, at_ms, actor_kind, actor_id, action, customer_id, ref_id, details, peer
  FROM audit WHERE seal = 0 AND CAST(:after AS BIGINT) IS NOT NULL ORDER BY id LIMIT :limit;

-- name: audit_values_open -> audit_value_row @sqlite
SELECT id, customer_id, sealed FROM audit_value WHERE id > :after ORDER BY id LIMIT :limit;

-- name: audit_values_open -> audit_value_row @postgres
SELECT id, customer_id, sealed FROM audit_value
 WHERE seal = 0 AND CAST(:after AS BIGINT) IS NOT NULL ORDER BY id LIMIT :limit;

-- name: audit_open_n @sqlite
SELECT count(*) FROM (SELECT 1 FROM audit WHERE id > :after LIMIT 100000) AS waiting;

-- name: audit_open_n @postgres
SELECT count(*) FROM (SELECT 1 FROM audit WHERE seal = 0 AND CAST(:after AS BIGINT) IS NOT NULL LIMIT 100000) AS waiting;

-- name: audit_rows_sealed -> audit_line_row @sqlite
SELECT id, at_ms, actor_kind, actor_id, action, customer_id, ref_id, details, peer
  FROM audit WHERE id > :after AND id <= :last AND :seal IS NOT NULL ORDER BY id LIMIT :limit;

-- name: audit_rows_sealed -> audit_line_row @postgres
SELECT id, at_ms, actor_kind, actor_id, action, customer_id, ref_id, details, peer
  FROM audit WHERE id > :after AND id <= :last AND seal = :seal ORDER BY id LIMIT :limit;

-- name: audit_values_sealed -> audit_value_row @sqlite
SELECT id, customer_id, sealed FROM audit_value
 WHERE id > :after AND id <= :last AND :seal IS NOT NULL ORDER BY id LIMIT :limit;

-- name: audit_values_sealed -> audit_value_row @postgres
SELECT id, customer_id, sealed FROM audit_value
 WHERE id > :after AND id <= :last AND seal = :seal ORDER BY id LIMIT :limit;

-- Rows that say they are of a seal, but lie where none of its rows does. On SQLite a seal has all rows up to its last one.
-- name: audit_rows_astray -> audit_value_row @sqlite
SELECT id, 0, NULL FROM audit WHERE id < 0 AND :old = 0 LIMIT 100;

-- name: audit_rows_astray -> audit_value_row @postgres
SELECT a.id, CAST(0 AS BIGINT), CAST(NULL AS BYTEA) FROM audit a LEFT JOIN audit_seal s ON s.number = a.seal
 WHERE a.seal <> 0 AND (a.seal < -1 OR (a.seal = -1 AND a.id > :old) OR (a.seal > 0 AND (s.number IS NULL OR a.id < s.first_id OR a.id > s.last_id)))
 ORDER BY a.id LIMIT 100;

-- name: audit_values_astray -> audit_value_row @sqlite
SELECT id, 0, NULL FROM audit_value WHERE id < 0 LIMIT 100;

-- name: audit_values_astray -> audit_value_row @postgres
SELECT v.id, CAST(0 AS BIGINT), CAST(NULL AS BYTEA) FROM audit_value v LEFT JOIN audit_seal s ON s.number = v.seal
 WHERE v.seal <> 0 AND (s.number IS NULL OR v.id < s.first_value_id OR v.id > s.last_value_id) ORDER BY v.id LIMIT 100;

-- name: audit_mark @postgres
UPDATE audit SET seal = :seal WHERE id IN {{ints}} :ids;

-- name: audit_mark @sqlite
UPDATE audit SET id = id WHERE id < 0 AND :seal = 0 AND id IN {{ints}} :ids;

-- name: audit_value_mark @postgres
UPDATE audit_value SET seal = :seal WHERE id IN {{ints}} :ids;

-- name: audit_value_mark @sqlite
UPDATE audit_value SET id = id WHERE id < 0 AND :seal = 0 AND id IN {{ints}} :ids;

-- ---- seals that came from another store ----

-- name: audit_moved_add
INSERT INTO audit_moved (id, seal) SELECT given.value, :seal FROM {{ints}} :ids AS given WHERE 1 = 1 ON CONFLICT DO NOTHING;

-- name: audit_moved_old
INSERT INTO audit_moved (id, seal) SELECT id, -1 FROM audit WHERE id > :after AND id <= :last ON CONFLICT DO NOTHING;

-- name: audit_rows_moved -> audit_line_row
SELECT a.id, a.at_ms, a.actor_kind, a.actor_id, a.action, a.customer_id, a.ref_id, a.details, a.peer
  FROM audit_moved m JOIN audit a ON a.id = m.id WHERE m.seal = :seal ORDER BY a.id LIMIT :limit;

-- name: audit_values_moved -> audit_value_row
SELECT v.id, v.customer_id, v.sealed FROM audit_moved m JOIN audit_value v ON v.id = m.id WHERE m.seal = :seal ORDER BY v.id LIMIT :limit;

-- name: audit_last_id
SELECT greatest((SELECT COALESCE(max(id), 0) FROM audit), (SELECT COALESCE(max(id), 0) FROM audit_value));

-- name: audit_rows_step
SELECT COALESCE(max(id), :line) FROM (SELECT id FROM audit WHERE id > :after AND id <= :line ORDER BY id LIMIT :limit) AS found;

-- Neither up to here nor held by a seal; customer_id says whether it is a value.
-- name: audit_loose -> audit_value_row
SELECT a.id, CAST(0 AS BIGINT), CAST(NULL AS BYTEA) FROM audit a WHERE a.id > :after AND a.id <= :to AND NOT EXISTS (SELECT 1 FROM audit_moved m WHERE m.id = a.id)
UNION ALL
SELECT v.id, CAST(1 AS BIGINT), CAST(NULL AS BYTEA) FROM audit_value v WHERE v.id > :after AND v.id <= :to AND NOT EXISTS (SELECT 1 FROM audit_moved m WHERE m.id = v.id)
 ORDER BY 1 LIMIT :limit;

-- name: audit_count_to
SELECT count(*) FROM (SELECT id FROM audit WHERE id > :after AND id <= :to) AS found;

-- name: audit_value_count_to
SELECT count(*) FROM (SELECT id FROM audit_value WHERE id > :after AND id <= :to) AS found;

-- name: audit_rows_named -> audit_line_row
SELECT id, at_ms, actor_kind, actor_id, action, customer_id, ref_id, details, peer FROM audit WHERE id IN {{ints}} :ids ORDER BY id;

-- name: audit_values_named -> audit_value_row
SELECT id, customer_id, sealed FROM audit_value WHERE id IN {{ints}} :ids ORDER BY id;

-- Which seal holds a row stands in the row on PostgreSQL. -1: one of before; -2: it came from elsewhere and is of none.
-- name: audit_mark_old @sqlite
UPDATE audit SET id = id WHERE id < 0 AND id > :after AND id <= :last;

-- name: audit_mark_old @postgres
UPDATE audit SET seal = -1 WHERE id > :after AND id <= :last AND seal = 0;

-- name: audit_mark_loose @sqlite
UPDATE audit SET id = id WHERE id < 0 AND id < :before;

-- name: audit_mark_loose @postgres
UPDATE audit SET seal = -2 WHERE id < :before AND seal = 0;

-- name: audit_value_mark_loose @sqlite
UPDATE audit_value SET id = id WHERE id < 0 AND id < :before;

-- name: audit_value_mark_loose @postgres
UPDATE audit_value SET seal = -2 WHERE id < :before AND seal = 0;

-- Two nodes that seal at once: the number is taken, and one of them tries again.
-- name: audit_seal_insert
INSERT INTO audit_seal (number, first_id, last_id, n, chain, at_ms, first_value_id, last_value_id, n_values, digests)
VALUES (:number, :first_id, :last_id, :n, :chain, :at_ms, :first_value_id, :last_value_id, :n_values, :digests);

-- ---- values of changes, and their keys ----

-- name: audit_key_of -> audit_key_row
SELECT customer_id, wrapped FROM audit_key WHERE customer_id = :customer;

-- name: audit_key_insert
INSERT INTO audit_key (customer_id, wrapped) VALUES (:customer, :wrapped);

-- name: audit_value_insert
INSERT INTO audit_value (id, customer_id, sealed) VALUES (:id, :customer, :sealed);

-- A value whose row of history went before its customer did: 0 and '' there, which do not fit.
-- name: audit_values_with_key -> audit_kept
SELECT v.id, v.customer_id, COALESCE(h.at_ms, 0), COALESCE(h.actor_kind, ''), COALESCE(h.actor_id, 0), COALESCE(h.source, ''),
       COALESCE(h.field, ''), COALESCE(h.part_id, 0), v.sealed, k.wrapped
  FROM audit_value v LEFT JOIN audit_key k ON k.customer_id = v.customer_id
  LEFT JOIN history h ON h.value_id = v.id AND h.value_id <> 0
 WHERE v.id > :after ORDER BY v.id LIMIT :limit;

-- Lines whose value is not there any more: customer_id 1; else 0.
-- name: audit_values_gone -> audit_value_row
SELECT h.value_id, CASE WHEN v.id IS NULL THEN 1 ELSE 0 END AS is_gone, NULL
  FROM history h LEFT JOIN audit_value v ON v.id = h.value_id
 WHERE h.value_id > :after AND h.value_id <> 0 ORDER BY h.value_id LIMIT :limit;

-- name: audit_plain_history -> audit_plain
SELECT id, customer_id, at_ms, actor_kind, actor_id, source, field, part_id, old_value, new_value, data
  FROM history WHERE id > :after AND value_id = 0 ORDER BY id LIMIT :limit;

-- name: audit_history_sealed
UPDATE history SET value_id = :value, old_value = '', new_value = '', data = '' WHERE id = :id;

-- name: audit_keys -> audit_key_row
SELECT customer_id, wrapped FROM audit_key WHERE customer_id > :after ORDER BY customer_id LIMIT :limit;

-- name: audit_key_rewrap
UPDATE audit_key SET wrapped = :wrapped WHERE customer_id = :customer;

-- Rows of another cluster's time: this store was restored from a dump, and the numbers of transactions count anew.
-- name: event_is_moved @sqlite
SELECT 0;

-- name: event_is_moved @postgres
SELECT count(*)
  FROM (SELECT 1 FROM event
         WHERE xid >= CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS TEXT) AS BIGINT) LIMIT 1) AS found;

-- name: event_moved
UPDATE event SET xid = 0;

-- ---- what the search must read anew ----

-- name: search_due_insert
INSERT INTO search_due (customer_id) VALUES (:customer);

-- name: search_due_insert_many
INSERT INTO search_due (customer_id) SELECT given.value FROM {{ints}} :customers AS given;

-- Customers of whom something changed that segments ask; nothing is written while there is none.
-- name: segments_due
INSERT INTO rule_due (customer_id, due_ms, depth)
SELECT DISTINCT c.root_id, 0, CAST(:depth AS BIGINT)
  FROM {{ints}} :customers AS given JOIN customer c ON c.id = given.value
 WHERE EXISTS (SELECT 1 FROM segment)
    ON CONFLICT (customer_id) DO UPDATE
       SET due_ms = 0, depth = CASE WHEN excluded.depth > rule_due.depth THEN excluded.depth ELSE rule_due.depth END;

-- The same for who judges customers: everybody, once the first were judged. Who is due already comes to another due_ms (see
-- judge_due_now).
-- name: judge_due_many
INSERT INTO judge_due (customer_id, due_ms, depth, reads_all)
SELECT DISTINCT c.root_id, 0, CAST(:depth AS BIGINT), CAST(:reads_all AS BIGINT)
  FROM {{ints}} :customers AS given JOIN customer c ON c.id = given.value
 WHERE EXISTS (SELECT 1 FROM judge_follow)
    ON CONFLICT (customer_id) DO UPDATE
       SET due_ms = CASE WHEN judge_due.due_ms > 0 THEN 0 ELSE judge_due.due_ms - 1 END,
           depth = CASE WHEN excluded.depth > judge_due.depth THEN excluded.depth ELSE judge_due.depth END,
           reads_all = CASE WHEN excluded.reads_all > judge_due.reads_all THEN excluded.reads_all ELSE judge_due.reads_all END;

-- ---- the tables, as the store itself tells them ----

-- Without FTS5's own tables, which hold no row of ours.
-- name: table_columns -> table_column_row @sqlite
SELECT m.name AS table_name, p.name AS name, p.type AS type, p.pk AS key_place
  FROM sqlite_master m JOIN pragma_table_info(m.name) p
 WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\_%' ESCAPE '\' AND m.name NOT LIKE 'search\_gram%' ESCAPE '\'
 ORDER BY m.name, p.cid LIMIT 20000;

-- name: table_columns -> table_column_row @postgres
SELECT CAST(c.relname AS TEXT) AS table_name, CAST(a.attname AS TEXT) AS name,
       format_type(a.atttypid, a.atttypmod) AS type,
       CAST(COALESCE(array_position(CAST(i.indkey AS SMALLINT[]), a.attnum) + 1, 0) AS BIGINT) AS key_place
  FROM pg_class c
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
 WHERE c.relkind = 'r' AND c.relnamespace = CAST(current_schema() AS REGNAMESPACE)
 ORDER BY CAST(c.relname AS TEXT) COLLATE "C", a.attnum LIMIT 20000;

-- name: table_refs -> table_ref_row @sqlite
SELECT m.name AS table_name, f."from" AS name, f."table" AS parent, f."to" AS parent_column
  FROM sqlite_master m JOIN pragma_foreign_key_list(m.name) f
 WHERE m.type = 'table'
 ORDER BY m.name, f."from" LIMIT 20000;

-- name: table_refs -> table_ref_row @postgres
SELECT CAST(c.relname AS TEXT) AS table_name, CAST(a.attname AS TEXT) AS name, CAST(p.relname AS TEXT) AS parent,
       CAST(b.attname AS TEXT) AS parent_column
  FROM pg_constraint o
  JOIN pg_class c ON c.oid = o.conrelid
  JOIN pg_class p ON p.oid = o.confrelid
  JOIN pg_attribute a ON a.attrelid = o.conrelid AND a.attnum = o.conkey[1]
  JOIN pg_attribute b ON b.attrelid = o.confrelid AND b.attnum = o.confkey[1]
 WHERE o.contype = 'f' AND o.connamespace = CAST(current_schema() AS REGNAMESPACE)
 ORDER BY CAST(c.relname AS TEXT) COLLATE "C", CAST(a.attname AS TEXT) COLLATE "C" LIMIT 20000;

-- ---- keys of files ----

-- name: blob_insert
INSERT INTO blob (id, kind, wrapped, made_ms) VALUES (:id, :kind, :wrapped, :now);

-- name: blob_key -> blob_row
SELECT id, wrapped FROM blob WHERE id = :id;

-- name: blob_forget
DELETE FROM blob WHERE id = :id;

-- name: blob_keys -> blob_row
SELECT id, wrapped FROM blob WHERE id > :after ORDER BY id LIMIT :limit;

-- name: blob_rewrap
UPDATE blob SET wrapped = :wrapped WHERE id = :id;

-- name: backup_verified_ms
SELECT CAST(value AS BIGINT) FROM setting WHERE name = 'backup_verified';
