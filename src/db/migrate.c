/* db/migrate.c - migrations, forward only, and the mark of ids. */
#include "db/db_impl.h"
#include "migrations.h"
#include "queries.h"

struct migration_row {
    int64_t number;
    str name, sha256;
};
static const struct field migration_row_fields[] = {
    FIELD(struct migration_row, number),
    FIELD(struct migration_row, name),
    FIELD(struct migration_row, sha256),
};
const struct shape migration_row_shape =
    SHAPE("migration_row", struct migration_row, migration_row_fields);

static const struct field store_text_fields[] = {FIELD(struct store_text, value)};
const struct shape store_text_shape = SHAPE("store_text", struct store_text, store_text_fields);

static const char table_of_migrations[] =
    "CREATE TABLE IF NOT EXISTS migration (number BIGINT PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL)";

static enum err exec(struct cx *cx, struct db *d, const char *sql)
{
    return d->pg ? pg_exec(cx, d, sql) : lite_exec(cx, d, sql);
}

/* What was done must be what we know. */
static enum err compare(struct cx *cx, const struct list *done)
{
    const struct migration_row *rows = done->items;
    if (done->n > migrations_n)
        return fault(cx, ERR_INVALID, M_STORE_NEWER, MNUM("found", rows[done->n - 1].number),
                     MNUM("known", (int64_t)migrations_n));
    for (size_t i = 0; i < done->n; i++)
        if (rows[i].number != migrations[i].number ||
            !str_eq(rows[i].sha256, str_of(migrations[i].hash)))
            return fault(cx, ERR_INVALID, M_STORE_EDITED, MNUM("number", rows[i].number),
                         MARG("name", rows[i].name));
    return OK;
}

static enum err steps(struct cx *cx, struct db *d, const struct migration *m)
{
    const char *const *sql = d->pg ? m->postgres : m->sqlite;
    size_t n = d->pg ? m->n_postgres : m->n_sqlite;
    for (size_t i = 0; i < n; i++)
        TRY(exec(cx, d, sql[i]));
    return db_run(cx, &q_migration_insert, ARGS(V((int64_t)m->number), V(m->name), V(m->hash)));
}

static enum err all_steps(struct cx *cx, struct store *s, bool no_migrate)
{
    struct db *d = cx->db;
    TRY(exec(cx, d, table_of_migrations));
    struct list done = {0};
    TRY(db_all(cx, &q_migration_list, &migration_row_shape, &done, NO_ARGS));
    TRY(compare(cx, &done));
    if (done.n == 0)
        s->is_new = true;
    if (done.n < migrations_n && no_migrate)
        return fault(cx, ERR_INVALID, M_STORE_WANTS_MIGRATION);
    for (size_t i = done.n; i < migrations_n; i++)
        TRY(steps(cx, d, &migrations[i]));
    TRY(event_settle(cx));
    struct store_text t = {0};
    enum err e = db_one(cx, &q_store_meta_get, &store_text_shape, &t, ARGS(V("filling")));
    if (e == OK)
        return fault(cx, ERR_INVALID, M_STORE_HALF_FILLED);
    return e == ERR_NOT_FOUND ? OK : e;
}

enum err store_migrate(struct cx *cx, struct store *s, bool no_migrate)
{
    struct db *d = s->writer;
    cx->db = d;
    d->broken = OK;
    TRY(exec(cx, d, d->pg ? "BEGIN" : "BEGIN IMMEDIATE"));
    enum err e = OK;
    if (d->pg) /* one node migrates, the others wait and find it done */
        e = exec(cx, d, "SELECT pg_advisory_xact_lock(7594136581)");
    if (e == OK)
        e = all_steps(cx, s, no_migrate);
    if (e == OK)
        return exec(cx, d, "COMMIT");
    struct fault why = cx->why;
    d->broken = OK;
    (void)exec(cx, d, "ROLLBACK");
    cx->why = why;
    return e;
}

/* ---- ids never come again ---------------------------------------------------------------------- */

enum err lite_ids_start(struct cx *cx, struct store *s)
{
    cx->db = s->writer;
    int64_t mark = 0;
    enum err e = db_int(cx, &q_node_mark, &mark, ARGS(V(0)));
    if (e != OK && e != ERR_NOT_FOUND)
        return e;
    s->node = 0;
    id_start(0, mark);
    atomic_store(&s->id_mark, 0); /* the first commit writes a new one */
    return OK;
}

/* A clean end: the mark is the greatest id made. */
void lite_ids_stop(struct store *s)
{
    struct arena *a = s->writer && atomic_load(&s->id_mark) ? arena_open(64 << 10) : NULL;
    if (!a)
        return;
    struct cx cx = {.arena = a, .db = s->writer};
    s->writer->broken = OK;
    if (db_run(&cx, &q_node_mark_set, ARGS(V(0), V(id_high_water()))) != OK)
        log_line(LOG_WARN, "id_mark", "reason=not_written");
    arena_close(a);
}
