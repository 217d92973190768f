/* db/bulk.c - fills an empty store: the generator's way in, and nobody else's.
 *
 * Secondary indexes (on PostgreSQL constraints too) go first and are made again at the end, which checks what they
 * promise. SQLite: big transactions that are not synced until the end. PostgreSQL: COPY BINARY, a buffer for each table,
 * carried by a few connections. While it goes on a row in store_meta says so: an interrupted store is
 * refused at its next opening.
 */
#include "db/postgres.h"
#include "queries.h"
#include <sqlite3.h>

enum {
    COMMIT_ROWS = 100000,
    WAL_FRAMES = 16384, /* 128 MB */
    COPY_ROWS = 20000,
    COPY_BYTES = 4 << 20,
    CARRIERS = 3,
    WAITING_MAX = 8, /* buffers */
    TABLES_MAX = 200,
    COLUMNS_MAX = 64,
};

/* One column of an INSERT: a parameter or a constant. */
struct column {
    int param; /* from 0; -1: the constant */
    struct val constant;
};

struct table {
    const struct query *insert;
    const char *name;
    str copy; /* COPY … FROM STDIN */
    struct column columns[COLUMNS_MAX];
    size_t n_columns;
    struct text rows;
    size_t n_rows;
};

struct load { /* a full buffer on its way */
    str copy;
    struct text rows;
    struct load *next;
};

struct bulk {
    struct store *s;
    struct db *d;
    struct arena *arena;
    struct list again; /* of struct made_again: statements that bring indexes back */
    int64_t rows;
    struct table tables[TABLES_MAX];
    size_t n_tables;
    pthread_t carriers[CARRIERS];
    unsigned n_carriers;
    pthread_mutex_t lock;
    pthread_cond_t wake, room;
    struct load *first, *last;
    size_t n_waiting;
    bool is_over, has_failed;
};

struct made_again {
    str away, back;
};
static const struct field made_again_fields[] = {
    FIELD(struct made_again, away),
    FIELD(struct made_again, back),
};
const struct shape made_again_shape = SHAPE("made_again", struct made_again, made_again_fields);

struct table_name {
    str name;
};
static const struct field table_name_fields[] = {FIELD(struct table_name, name)};
const struct shape table_name_shape = SHAPE("table_name", struct table_name, table_name_fields);

static enum err exec(struct cx *cx, struct db *d, const char *sql)
{
    return d->pg ? pg_exec(cx, d, sql) : lite_exec(cx, d, sql);
}

/* ---- begin ---------------------------------------------------------------------------------------- */

/* What a store may hold before it is filled: its set-up, not its customers. */
static bool may_hold_rows(str table)
{
    static const char *const names[] = {"migration",
                                        "store_meta",
                                        "node",
                                        "lease",
                                        "job",
                                        "setting",
                                        "staff",
                                        "staff_extension",
                                        "staff_queue",
                                        "session",
                                        "token",
                                        "phone_link",
                                        "event",
                                        "audit",
                                        "audit_seal",
                                        "idempotency",
                                        "class_setting",
                                        "class_rule",
                                        "class_rule_version",
                                        "judge_follow"};
    for (size_t i = 0; i < COUNT(names); i++)
        if (str_eq(table, str_of(names[i])))
            return true;
    return str_starts(table, S("search_gram")); /* FTS5's own tables are never empty */
}

static enum err wants_empty(struct cx *cx)
{
    struct list tables = {0};
    TRY(db_all(cx, &q_bulk_tables, &table_name_shape, &tables, NO_ARGS));
    const struct table_name *t = tables.items;
    for (size_t i = 0; i < tables.n; i++) {
        if (may_hold_rows(t[i].name))
            continue;
        str sql = arena_printf(cx->arena,
                               "SELECT count(*) FROM (SELECT 1 FROM \"" SFMT "\" LIMIT 1) AS found",
                               SARG(t[i].name));
        struct query q = {.name = "bulk_is_empty", .sqlite = sql.ptr, .postgres = sql.ptr};
        int64_t n = 0;
        if (cx->db->pg) {
            struct query *kept = ARENA_NEW(cx->arena, struct query);
            *kept = q;
            TRY(db_int(cx, kept, &n, NO_ARGS));
        } else {
            TRY(lite_int_once(cx, cx->db, sql.ptr, &n));
        }
        if (n)
            return fault(cx, ERR_INVALID, M_STORE_NOT_EMPTY);
    }
    return OK;
}

/* Indexes and constraints go; `again` keeps how they come back. Nothing of it leaves the transaction. */
static enum err indexes_away(struct cx *cx, struct bulk *b)
{
    struct cx own = *cx;
    own.arena = b->arena;
    TRY(db_all(&own, &q_bulk_indexes, &made_again_shape, &b->again, NO_ARGS));
    const struct made_again *m = b->again.items;
    for (size_t i = 0; i < b->again.n; i++)
        TRY(exec(cx, b->d, arena_cstr(cx->arena, m[i].away)));
    return OK;
}

static enum err prepare(struct cx *cx, struct bulk *b)
{
    TRY(exec(cx, b->d, b->d->pg ? "BEGIN" : "BEGIN IMMEDIATE"));
    TRY(wants_empty(cx));
    TRY(db_run(cx, &q_store_meta_set, ARGS(V("filling"), V("1"))));
    TRY(indexes_away(cx, b));
    return exec(cx, b->d, "COMMIT");
}

static void *carrier_main(void *bulk);

static void bulk_free(struct bulk *b)
{
    if (!b)
        return;
    pthread_mutex_lock(&b->lock);
    b->is_over = true;
    pthread_cond_broadcast(&b->wake);
    pthread_mutex_unlock(&b->lock);
    for (unsigned i = 0; i < b->n_carriers; i++)
        pthread_join(b->carriers[i], NULL);
    for (size_t i = 0; i < b->n_tables; i++)
        text_free(&b->tables[i].rows);
    if (b->d && b->d->pg)
        pg_close(b->d);
    else
        lite_close(b->d);
    arena_close(b->arena);
    pthread_mutex_destroy(&b->lock);
    pthread_cond_destroy(&b->wake);
    pthread_cond_destroy(&b->room);
    atomic_store(&b->s->is_filling, false);
    free(b);
}

enum err bulk_begin(struct store *s, struct cx *cx, struct bulk **out)
{
    *out = NULL;
    struct bulk *b = calloc(1, sizeof *b);
    if (!b || !(b->arena = arena_open((size_t)16 << 20))) {
        free(b);
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    }
    b->s = s;
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->wake, NULL);
    pthread_cond_init(&b->room, NULL);
    atomic_store(&s->is_filling, true);
    struct db *outer = cx->db;
    enum err e =
        s->is_postgres ? pg_open(cx, s, true, &b->d) : lite_open(cx, s, LITE_LOADER, &b->d);
    if (e == OK) {
        if (s->is_postgres)
            pg_be_patient(b->d, true);
        cx->db = b->d;
        e = prepare(cx, b);
        if (e == OK && !s->is_postgres)
            e = exec(cx, b->d, "BEGIN IMMEDIATE");
    }
    cx->db = outer;
    for (int i = 0; e == OK && s->is_postgres && i < CARRIERS; i++) {
        if (pthread_create(&b->carriers[i], NULL, carrier_main, b) != 0)
            e = fault(cx, ERR_INTERNAL, M_STORE_FAILED);
        else
            b->n_carriers++;
    }
    if (e != OK) {
        bulk_free(b);
        return e;
    }
    *out = b;
    return OK;
}

/* ---- PostgreSQL: rows into COPY ---------------------------------------------------------------------- */

static enum err not_plain(struct cx *cx, const struct query *q)
{
    log_line(LOG_ERROR, "bulk", "query=%s reason=not_a_plain_insert", q->name);
    return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
}

/* One item of VALUES (…): $n, a number, a text or NULL. */
static bool column_read(struct arena *a, str item, struct column *c)
{
    item = str_trim(item);
    int64_t n = 0;
    *c = (struct column){.param = -1};
    if (item.len > 1 && item.ptr[0] == '$') {
        if (!str_to_int((str){item.ptr + 1, item.len - 1}, &n))
            return false;
        c->param = (int)n - 1;
        return true;
    }
    if (str_eq(item, S("NULL")) || str_eq(item, S("null")))
        return true;
    if (str_to_int(item, &n)) {
        c->constant = val_int(n);
        return true;
    }
    if (item.len < 2 || item.ptr[0] != '\'' || memchr(item.ptr + 1, '\'', item.len - 2))
        return false;
    c->constant = val_str(arena_str(a, (str){item.ptr + 1, item.len - 2}));
    return true;
}

/* "INSERT INTO t (a, b) VALUES ($1, 'x')" read into columns. */
static enum err table_add(struct cx *cx, struct bulk *b, const char *name, const struct query *q,
                          struct table **out)
{
    if (b->n_tables == TABLES_MAX)
        return not_plain(cx, q);
    struct table *t = &b->tables[b->n_tables];
    *t = (struct table){.insert = q,
                        .name = arena_cstr(b->arena, str_of(name)),
                        .rows = text_on_heap((size_t)64 << 20)};
    str sql = str_of(q->postgres);
    ptrdiff_t open = str_find(sql, S("(")), close = str_find(sql, S(")"));
    ptrdiff_t values = str_find(sql, S("VALUES"));
    if (open < 0 || close < open || values < close)
        return not_plain(cx, q);
    str columns = {sql.ptr + open, (size_t)(close - open) + 1};
    t->copy =
        arena_printf(b->arena, "COPY %s " SFMT " FROM STDIN (FORMAT binary)", name, SARG(columns));
    str rest = {sql.ptr + values, sql.len - (size_t)values};
    (void)str_cut(&rest, '(');
    str list = str_cut(&rest, ')');
    while (list.len) {
        if (t->n_columns == COLUMNS_MAX ||
            !column_read(b->arena, str_cut(&list, ','), &t->columns[t->n_columns]))
            return not_plain(cx, q);
        t->n_columns++;
    }
    b->n_tables++;
    *out = t;
    return OK;
}

static enum err table_of(struct cx *cx, struct bulk *b, const char *name, const struct query *q,
                         struct table **out)
{
    for (size_t i = 0; i < b->n_tables; i++)
        if (b->tables[i].insert == q) {
            *out = &b->tables[i];
            return OK;
        }
    return table_add(cx, b, name, q, out);
}

static void put(struct text *t, uint64_t v, unsigned bytes)
{
    char out[8];
    for (unsigned i = 0; i < bytes; i++)
        out[i] = (char)(v >> (8 * (bytes - 1 - i)) & 0xff);
    text_add(t, (str){out, bytes});
}

static void put_cell(struct text *t, const struct val *v)
{
    union {
        double d;
        uint64_t u;
    } eight = {.d = v->d};
    switch (v->kind) {
    case VAL_INT:
        put(t, 8, 4);
        put(t, (uint64_t)v->i, 8);
        return;
    case VAL_DOUBLE:
        put(t, 8, 4);
        put(t, eight.u, 8);
        return;
    case VAL_TEXT:
    case VAL_BLOB:
        put(t, v->s.len, 4);
        text_add(t, v->s);
        return;
    default:
        put(t, 0xffffffff, 4);
    }
}

static bool carry(PGconn *c, const struct load *l)
{
    static const char head[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0";
    static const char tail[] = "\377\377";
    PGresult *r = PQexec(c, l->copy.ptr);
    bool is_open = PQresultStatus(r) == PGRES_COPY_IN;
    PQclear(r);
    if (!is_open)
        return false;
    bool is_sent = PQputCopyData(c, head, 19) == 1 &&
                   PQputCopyData(c, l->rows.ptr, (int)l->rows.len) == 1 &&
                   PQputCopyData(c, tail, 2) == 1 && PQputCopyEnd(c, NULL) == 1;
    r = PQgetResult(c);
    bool is_in = is_sent && PQresultStatus(r) == PGRES_COMMAND_OK;
    if (!is_in)
        log_line(LOG_ERROR, "bulk", "state=%s", PQresultErrorField(r, PG_DIAG_SQLSTATE) ?: "-");
    while (r) {
        PQclear(r);
        r = PQgetResult(c);
    }
    return is_in;
}

static void *carrier_main(void *bulk)
{
    struct bulk *b = bulk;
    PGconn *c = pg_connect(b->s->url);
    if (c)
        PQclear(PQexec(c, "SET synchronous_commit = off"));
    pthread_mutex_lock(&b->lock);
    for (;;) {
        while (!b->first && !b->is_over)
            pthread_cond_wait(&b->wake, &b->lock);
        struct load *l = b->first;
        if (!l)
            break;
        b->first = l->next;
        if (!b->first)
            b->last = NULL;
        pthread_mutex_unlock(&b->lock);
        bool is_in = c && carry(c, l);
        text_free(&l->rows);
        free(l);
        pthread_mutex_lock(&b->lock);
        b->n_waiting--;
        b->has_failed |= !is_in;
        pthread_cond_signal(&b->room);
    }
    pthread_mutex_unlock(&b->lock);
    PQfinish(c);
    return NULL;
}

static enum err hand_over(struct cx *cx, struct bulk *b, struct table *t)
{
    struct load *l = calloc(1, sizeof *l);
    if (!l || t->rows.is_over) {
        free(l);
        return fault(cx, ERR_TOO_BIG, M_STORE_TOO_BIG);
    }
    *l = (struct load){.copy = t->copy, .rows = t->rows};
    t->rows = text_on_heap((size_t)64 << 20);
    t->n_rows = 0;
    pthread_mutex_lock(&b->lock);
    while (b->n_waiting >= WAITING_MAX)
        pthread_cond_wait(&b->room, &b->lock);
    if (b->last)
        b->last->next = l;
    else
        b->first = l;
    b->last = l;
    b->n_waiting++;
    bool has_failed = b->has_failed;
    pthread_cond_signal(&b->wake);
    pthread_mutex_unlock(&b->lock);
    return has_failed ? fault(cx, ERR_INTERNAL, M_STORE_FAILED) : OK;
}

static enum err copy_row(struct cx *cx, struct bulk *b, const char *name, const struct query *q,
                         struct args a)
{
    struct table *t = NULL;
    TRY(table_of(cx, b, name, q, &t));
    assert(t);
    put(&t->rows, t->n_columns, 2);
    for (size_t i = 0; i < t->n_columns; i++) {
        const struct column *c = &t->columns[i];
        put_cell(&t->rows, c->param < 0 ? &c->constant : &a.v[c->param]);
    }
    t->n_rows++;
    return t->n_rows >= COPY_ROWS || t->rows.len >= COPY_BYTES ? hand_over(cx, b, t) : OK;
}

static enum err carriers_end(struct cx *cx, struct bulk *b)
{
    for (size_t i = 0; i < b->n_tables; i++)
        if (b->tables[i].n_rows)
            TRY(hand_over(cx, b, &b->tables[i]));
    pthread_mutex_lock(&b->lock);
    while (b->n_waiting)
        pthread_cond_wait(&b->room, &b->lock);
    bool has_failed = b->has_failed;
    pthread_mutex_unlock(&b->lock);
    return has_failed ? fault(cx, ERR_INTERNAL, M_STORE_FAILED) : OK;
}

/* ---- rows, end ------------------------------------------------------------------------------------------- */

static enum err lite_row(struct cx *cx, struct bulk *b, const struct query *q, struct args a)
{
    struct db *outer = cx->db;
    cx->db = b->d;
    enum err e = lite_run(cx, b->d, q, a, NULL);
    if (e == OK && ++b->rows % COMMIT_ROWS == 0) {
        int frames = 0, done = 0;
        e = exec(cx, b->d, "COMMIT");
        if (e == OK && lite_checkpoint(b->d, &frames, &done) != SQLITE_OK)
            e = fault(cx, ERR_INTERNAL, M_STORE_FAILED);
        if (e == OK)
            e = exec(cx, b->d, "BEGIN IMMEDIATE");
    }
    cx->db = outer;
    return e;
}

enum err bulk_row(struct bulk *b, struct cx *cx, const char *table, const struct query *insert,
                  struct args a)
{
    assert(a.n == insert->n_params);
    return b->s->is_postgres ? copy_row(cx, b, table, insert, a) : lite_row(cx, b, insert, a);
}

static enum err wal_into_database(struct cx *cx, struct db *d)
{
    int frames = 0, done = 0;
    if (lite_checkpoint(d, &frames, &done) != SQLITE_OK || frames != done)
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    return OK;
}

/* PostgreSQL: in one transaction. SQLite: one by one, so that the log stays small. */
static enum err indexes_back(struct cx *cx, struct bulk *b)
{
    const struct made_again *m = b->again.items;
    for (size_t i = b->again.n; i-- > 0;) {
        TRY(exec(cx, b->d, arena_cstr(cx->arena, m[i].back)));
        if (!b->d->pg)
            TRY(wal_into_database(cx, b->d));
    }
    return OK;
}

/* The tables that were filled, and no others: one that is analyzed while it is empty is planned as if it stayed so. Left to
 * autovacuum they would be gone through beside the first minutes of work. */
static enum err tables_settle(struct cx *cx, struct bulk *b)
{
    for (size_t i = 0; i < b->n_tables; i++)
        TRY(exec(cx, b->d,
                 arena_cstr(cx->arena,
                            arena_printf(cx->arena, "VACUUM (ANALYZE) %s", b->tables[i].name))));
    return OK;
}

static enum err pg_finish(struct cx *cx, struct bulk *b)
{
    TRY(carriers_end(cx, b));
    TRY(exec(cx, b->d, "BEGIN"));
    TRY(exec(cx, b->d, "SET LOCAL maintenance_work_mem = '512MB'"));
    TRY(indexes_back(cx, b));
    TRY(db_run(cx, &q_store_meta_drop, ARGS(V("filling"))));
    TRY(exec(cx, b->d, "COMMIT"));
    return tables_settle(cx, b);
}

static enum err lite_finish(struct cx *cx, struct bulk *b)
{
    TRY(exec(cx, b->d, "COMMIT"));
    TRY(indexes_back(cx, b));
    TRY(exec(cx, b->d, "PRAGMA synchronous=FULL"));
    TRY(exec(cx, b->d, "BEGIN IMMEDIATE"));
    TRY(db_run(cx, &q_node_mark_set,
               ARGS(V(0), V(id_high_water() + ((int64_t)ID_AHEAD_MS << 22)))));
    TRY(exec(cx, b->d, "COMMIT"));
    TRY(wal_into_database(cx, b->d)); /* now it is whole, and on the disk */
    TRY(exec(cx, b->d, "BEGIN IMMEDIATE"));
    TRY(db_run(cx, &q_store_meta_drop, ARGS(V("filling"))));
    return exec(cx, b->d, "COMMIT");
}

void bulk_drop(struct bulk *b)
{
    bulk_free(b);
}

enum err bulk_end(struct bulk *b, struct cx *cx)
{
    struct db *outer = cx->db;
    cx->db = b->d;
    enum err e = b->s->is_postgres ? pg_finish(cx, b) : lite_finish(cx, b);
    cx->db = outer;
    bulk_free(b);
    return e;
}
