-- Lists of customers: what stands beside a row, and saved views. The pages themselves are made at run time (page.c).

-- name: list_tags -> list_tag
SELECT m.root_id, t.name
  FROM customer m JOIN customer_tag x ON x.customer_id = m.id JOIN tag t ON t.id = x.tag_id
 WHERE m.root_id IN {{ints}} :ids
 ORDER BY t.name, t.id LIMIT 5000;

-- name: list_values -> list_value
SELECT m.root_id, a.attr_id, a.num, a.text, a.folded
  FROM customer m JOIN attr a ON a.customer_id = m.id
 WHERE m.root_id IN {{ints}} :ids AND a.attr_id IN {{ints}} :attrs
 ORDER BY m.root_id, a.attr_id, a.folded LIMIT 20000;

-- name: list_first_id -> number_row
SELECT CAST(COALESCE(MIN(customer_id), 0) AS BIGINT) FROM standing;

-- name: list_last_id -> number_row
SELECT CAST(COALESCE(MAX(customer_id), 0) AS BIGINT) FROM standing;

-- How many records there are: counted on the smallest index; on PostgreSQL from the statistics once the table is large.
-- name: list_everybody -> number_row @sqlite
SELECT COUNT(*) FROM standing;

-- name: list_everybody -> number_row @postgres
SELECT CASE WHEN g.reltuples >= 100000 THEN CAST(g.reltuples AS BIGINT) ELSE (SELECT COUNT(*) FROM standing) END
  FROM pg_class g WHERE g.oid = CAST('standing' AS regclass);

-- As many as there are, but no more than that: the page says "10,000 or more".
-- name: list_some -> number_row
SELECT COUNT(*) FROM (SELECT 1 FROM standing LIMIT :most) few;

-- ---- saved views ----

-- name: view_list -> view_row
SELECT id, name, staff_id, is_shared, filter, q, sort, columns, version
  FROM view_def
 WHERE is_shared = 1 OR staff_id = :staff
 ORDER BY name, id LIMIT 500;

-- name: view_get -> view_row
SELECT id, name, staff_id, is_shared, filter, q, sort, columns, version FROM view_def WHERE id = :id;

-- Views in whose texts an attribute may stand: looked through when one is taken out of use.
-- name: view_naming -> view_user
SELECT v.name, v.is_shared, v.filter, v.sort, v.columns, s.name
  FROM view_def v LEFT JOIN staff s ON s.id = v.staff_id
 WHERE v.filter LIKE :like OR v.sort LIKE :like OR v.columns LIKE :like
 ORDER BY v.is_shared DESC, v.name, v.id LIMIT 1000;

-- name: view_count -> number_row
SELECT COUNT(*) FROM view_def WHERE staff_id = :staff;

-- name: view_insert
INSERT INTO view_def (id, name, staff_id, is_shared, filter, q, sort, columns, created_ms)
VALUES (:id, :name, :staff, :is_shared, :filter, :q, :sort, :columns, :now);

-- name: view_update
UPDATE view_def
   SET name = :name, is_shared = :is_shared, filter = :filter, q = :q, sort = :sort, columns = :columns,
       version = version + 1
 WHERE id = :id AND version = :version;

-- name: view_delete
DELETE FROM view_def WHERE id = :id;

-- ---- bulk actions ----

-- part: bulk_columns
id, action, field, value, reason, filter, q, is_all, ids, after_id, undo_at, state, failure, total, looked, changed,
moved, actor_kind, actor_id, role, actor_name, lang, made_ms, done_ms;

-- name: bulk_get -> bulk_row
SELECT {{bulk_columns}} FROM bulk_action WHERE id = :id;

-- name: bulk_list -> bulk_row
SELECT {{bulk_columns}}
  FROM bulk_action
 WHERE :is_lead = 1 OR (actor_kind = :kind AND actor_id = :actor)
 ORDER BY id DESC LIMIT :n;

-- name: bulk_insert
INSERT INTO bulk_action (id, action, field, value, reason, filter, q, is_all, ids, total, actor_kind, actor_id, role,
                         actor_name, lang, made_ms)
VALUES (:id, :action, :field, :value, :reason, :filter, :q, :is_all, :ids, :total, :kind, :actor, :role, :name,
        :lang, :now);

-- name: bulk_update
UPDATE bulk_action
   SET after_id = :after, undo_at = :undo_at, state = :state, failure = :failure, total = :total, looked = :looked,
       changed = :changed, moved = :moved, done_ms = :done
 WHERE id = :id;

-- name: bulk_looked -> number_row
SELECT COUNT(*) FROM standing WHERE customer_id > :after AND customer_id <= :last;
