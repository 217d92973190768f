/* db/migrate.c - migrations, forward only, and the mark of ids.
 *
 * A new store is made in one transaction. A store that has rows goes on step by step, tells how far it is, and goes on from
 * there when it was killed.
 */
#include "db/db_impl.h"
#include "base/cond.h"
#include "migrations.h"
#include "queries.h"
#include <sqlite3.h>

enum { STOP_STEPS = 10000 /* of SQLite's machine, between two looks at whether to stop */ };

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

static size_t steps_of(const struct db *d, const struct migration *m)
{
    return d->pg ? m->n_postgres : m->n_sqlite;
}

/* A step may write the text of a constraint, as SQLite allows it (sqlite.org/lang_altertable.html, "Making Other Kinds Of Table
 * Schema Changes"). What is run next, still in its transaction, reads the schema anew and fails when it is none. */
static enum err schema_step(struct cx *cx, struct db *d, const char *sql)
{
    (void)sqlite3_db_config(lite_handle(d), SQLITE_DBCONFIG_WRITABLE_SCHEMA, 1, (int *)NULL);
    enum err e = exec(cx, d, sql);
    if (e == OK)
        return exec(cx, d, "PRAGMA writable_schema = RESET");
    (void)sqlite3_db_config(lite_handle(d), SQLITE_DBCONFIG_WRITABLE_SCHEMA, 0, (int *)NULL);
    return e;
}

static enum err step(struct cx *cx, struct db *d, const struct migration *m, size_t i)
{
    static const char of_schema[] = "UPDATE sqlite_schema ";
    const char *sql = (d->pg ? m->postgres : m->sqlite)[i];
    return strncmp(sql, of_schema, sizeof of_schema - 1) == 0 ? schema_step(cx, d, sql)
                                                              : exec(cx, d, sql);
}

/* What is done already: migrations with a row, and of the last one the steps behind `at_step`; SIZE_MAX: all of them.
 * has_begun: an upgrade was stopped on its way; the copy of before it was made then. */
struct migrated {
    size_t n, at_step;
    bool has_begun;
};

static enum err meta_get(struct cx *cx, const char *name, str *value, bool *is_there)
{
    struct store_text t = {0};
    enum err e = db_one(cx, &q_store_meta_get, &store_text_shape, &t, ARGS(V(name)));
    *value = t.value;
    *is_there = e == OK;
    return e == ERR_NOT_FOUND ? OK : e;
}

static enum err half_filled(struct cx *cx)
{
    str value = {0};
    bool is_there = false;
    TRY(meta_get(cx, "filling", &value, &is_there));
    return is_there ? fault(cx, ERR_INVALID, M_STORE_HALF_FILLED) : OK;
}

static enum err migrated_read(struct cx *cx, struct migrated *out)
{
    struct list done = {0};
    TRY(db_all(cx, &q_migration_list, &migration_row_shape, &done, NO_ARGS));
    TRY(compare(cx, &done));
    *out = (struct migrated){done.n, SIZE_MAX, false};
    if (done.n == 0)
        return OK;
    str step = {0}, since = {0};
    bool is_half = false;
    TRY(meta_get(cx, "migrating", &step, &is_half));
    TRY(meta_get(cx, "upgrading", &since, &out->has_begun));
    if (is_half)
        out->at_step = strtoul(arena_cstr(cx->arena, step), NULL, 10);
    out->has_begun |= is_half;
    return OK;
}

static enum err begin(struct cx *cx, struct db *d)
{
    return exec(cx, d, d->pg ? "BEGIN" : "BEGIN IMMEDIATE");
}

static enum err end(struct cx *cx, struct db *d, enum err e)
{
    if (e == OK)
        return exec(cx, d, "COMMIT");
    struct fault why = cx->why;
    d->broken = OK;
    (void)exec(cx, d, "ROLLBACK");
    cx->why = why;
    return e;
}

/* ---- a store that is new: all of it at once ------------------------------------------------------ */

static enum err all_at_once(struct cx *cx, struct db *d)
{
    for (size_t n = 0; n < migrations_n; n++) {
        const struct migration *m = &migrations[n];
        for (size_t i = 0; i < steps_of(d, m); i++)
            TRY(step(cx, d, m, i));
        TRY(db_run(cx, &q_migration_insert, ARGS(V((int64_t)m->number), V(m->name), V(m->hash))));
    }
    return event_settle(cx);
}

/* ---- a store that has rows: step by step ---------------------------------------------------------- *
 *
 * Each step commits with the note that it is done, so that a start that was killed goes on with the next one, and an index
 * over a million rows is one transaction and not a part of one. The migration's own row comes with its first step: a program
 * that does not know it calls the store newer, half done or not. */

struct migrating {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    bool has_thread, is_stopping;
    int64_t begun_ns;
    size_t done, all; /* steps */
    const struct migration *now;
};

/* A line a second while it is at work: somebody waits for this start. */
static void *tell_main(void *arg)
{
    struct migrating *g = arg;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    pthread_mutex_lock(&g->lock);
    for (size_t quiet = 0, said = SIZE_MAX; !g->is_stopping; quiet++) {
        until.tv_sec++;
        int rc = 0;
        while (!g->is_stopping && rc == 0)
            rc = pthread_cond_timedwait(&g->wake, &g->lock, &until);
        if (g->is_stopping || (g->done == said && quiet % 5 != 0))
            continue;
        said = g->done;
        quiet = 0;
        log_line(LOG_INFO, "migrate", "number=%d name=%s done=%zu of=%zu percent=%zu seconds=%lld",
                 g->now->number, g->now->name, g->done, g->all, g->done * 100 / g->all,
                 (long long)((clock_mono_ns() - g->begun_ns) / (1000 * MS_NS)));
    }
    pthread_mutex_unlock(&g->lock);
    return NULL;
}

static void tell_begin(struct migrating *g)
{
    pthread_mutex_init(&g->lock, NULL);
    cond_monotonic(&g->wake);
    g->begun_ns = clock_mono_ns();
    g->has_thread = pthread_create(&g->thread, NULL, tell_main, g) == 0;
}

static void tell_at(struct migrating *g, const struct migration *m, size_t done)
{
    pthread_mutex_lock(&g->lock);
    g->now = m;
    g->done += done;
    pthread_mutex_unlock(&g->lock);
}

static void tell_end(struct migrating *g)
{
    pthread_mutex_lock(&g->lock);
    g->is_stopping = true;
    pthread_cond_signal(&g->wake);
    pthread_mutex_unlock(&g->lock);
    if (g->has_thread)
        pthread_join(g->thread, NULL);
    pthread_cond_destroy(&g->wake);
    pthread_mutex_destroy(&g->lock);
}

bool store_goes_on(const struct store *s)
{
    return !s->goes_on || s->goes_on(s->goes_on_arg);
}

static int step_stops(void *s)
{
    return !store_goes_on(s);
}

static enum err one_step(struct cx *cx, struct db *d, const struct migration *m, size_t i)
{
    if (i == 0) {
        TRY(db_run(cx, &q_migration_insert, ARGS(V((int64_t)m->number), V(m->name), V(m->hash))));
        TRY(db_run(cx, &q_store_meta_set, ARGS(V("upgrading"), V("1"))));
    }
    TRY(step(cx, d, m, i));
    if (i + 1 == steps_of(d, m))
        return db_run(cx, &q_store_meta_drop, ARGS(V("migrating")));
    str at = arena_printf(cx->arena, "%zu", i + 1);
    return db_run(cx, &q_store_meta_set, ARGS(V("migrating"), V(at)));
}

static enum err by_steps(struct cx *cx, struct store *s, const struct migrated *from)
{
    struct db *d = cx->db;
    bool is_half = from->at_step != SIZE_MAX;
    size_t first = is_half ? from->n - 1 : from->n;
    struct migrating g = {.now = &migrations[first]};
    for (size_t n = first; n < migrations_n; n++)
        g.all += steps_of(d, &migrations[n]);
    g.done = is_half ? from->at_step : 0;
    log_line(LOG_INFO, "migrate", "from=%zu to=%zu steps=%zu done=%zu", from->n, migrations_n,
             g.all, g.done);
    tell_begin(&g);
    if (!d->pg)
        sqlite3_progress_handler(lite_handle(d), STOP_STEPS, step_stops, s);
    enum err e = OK;
    for (size_t n = first; e == OK && n < migrations_n; n++) {
        const struct migration *m = &migrations[n];
        tell_at(&g, m, 0);
        for (size_t i = n == first ? g.done : 0; e == OK && i < steps_of(d, m); i++) {
            d->broken = OK;
            e = begin(cx, d);
            if (e == OK)
                e = end(cx, d, one_step(cx, d, m, i));
            if (!store_goes_on(s))
                e = fault(cx, ERR_BUSY, M_KEEP_STOPPED);
            tell_at(&g, m, 1);
        }
        if (e == OK && !d->pg)
            store_log_away(s); /* the log of one migration is long enough */
    }
    tell_end(&g);
    if (!d->pg)
        sqlite3_progress_handler(lite_handle(d), 0, NULL, NULL);
    if (e == OK)
        log_line(LOG_INFO, "migrated", "from=%zu to=%zu ms=%lld", from->n, migrations_n,
                 (long long)((clock_mono_ns() - g.begun_ns) / MS_NS));
    return e;
}

/* ---- both ------------------------------------------------------------------------------------------- */

static enum err settled(struct cx *cx)
{
    TRY(db_run(cx, &q_store_meta_drop, ARGS(V("upgrading"))));
    TRY(event_settle(cx));
    return half_filled(cx);
}

/* One transaction when there is nothing to change, or nothing yet; else *from says where to begin. */
static enum err look(struct cx *cx, struct store *s, bool no_migrate, struct migrated *from)
{
    struct db *d = cx->db;
    TRY(exec(cx, d, table_of_migrations));
    TRY(migrated_read(cx, from));
    s->is_new |= from->n == 0;
    if (from->n == migrations_n && from->at_step == SIZE_MAX)
        return settled(cx);
    if (no_migrate)
        return fault(cx, ERR_INVALID, M_STORE_WANTS_MIGRATION);
    return from->n == 0 ? all_at_once(cx, d) : OK;
}

enum err store_migrate(struct cx *cx, struct store *s, bool no_migrate)
{
    struct db *d = s->writer;
    struct migrated from = {0};
    cx->db = d;
    d->broken = OK;
    if (d->pg) /* one node migrates, the others wait and find it done */
        TRY(exec(cx, d, "SELECT pg_advisory_lock(7594136581)"));
    enum err e = begin(cx, d);
    if (e == OK)
        e = end(cx, d, look(cx, s, no_migrate, &from));
    bool is_old = from.n > 0 && (from.n < migrations_n || from.at_step != SIZE_MAX);
    bool begins = e == OK && is_old && !from.has_begun;
    if (begins && !d->pg && !s->is_temporary)
        e = before_migration(cx, s, from.n);
    if (begins && d->pg)
        before_migration_said(cx, from.n);
    if (e == OK && is_old)
        e = by_steps(cx, s, &from);
    if (e == OK && is_old) {
        e = begin(cx, d);
        if (e == OK)
            e = end(cx, d, settled(cx));
    }
    struct fault why = cx->why;
    d->broken = OK;
    if (d->pg)
        (void)exec(cx, d, "SELECT pg_advisory_unlock(7594136581)");
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
