/* db/sqlite.c - the engine inside: connections, kept statements, rows, result codes. */
#include "db/db_impl.h"
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>

struct kept {
    const struct query *q;
    sqlite3_stmt *stmt;
};

struct kept_made {
    char *sql;
    size_t len;
    sqlite3_stmt *stmt;
    int64_t used;
};
enum { MADE_KEPT = 32 };

struct lite {
    sqlite3 *h;
    sqlite3_stmt *words[LITE_WORD_N];
    sqlite3_stmt *pages;
    struct kept *kept; /* by the query's address; open addressing, cap a power of two */
    size_t n_kept, cap_kept;
    struct kept_made *made; /* of texts made at run time: the last MADE_KEPT of them */
    size_t n_made;
    int64_t made_uses;
    bool disk_failed; /* since the last transaction began */
    bool is_soft;
};

enum { LOADER_CACHE_MB = 256 };

/* ---- opening ---------------------------------------------------------------------------- */

static void greatest_or_least(sqlite3_context *ctx, int n, sqlite3_value **v)
{
    int wants = sqlite3_user_data(ctx) ? 1 : -1;
    sqlite3_value *best = NULL;
    for (int i = 0; i < n; i++) {
        if (sqlite3_value_type(v[i]) == SQLITE_NULL)
            continue; /* as PostgreSQL does */
        if (!best) {
            best = v[i];
            continue;
        }
        int64_t a = sqlite3_value_int64(v[i]), b = sqlite3_value_int64(best);
        if ((wants > 0 && a > b) || (wants < 0 && a < b))
            best = v[i];
    }
    if (best)
        sqlite3_result_value(ctx, best);
}

/* Interrupts a read that goes on past its deadline. */
static int is_too_late(void *arg)
{
    const struct db *d = arg;
    return d->deadline_ns && clock_mono_ns() > d->deadline_ns;
}

static void wal_grew(struct store *s, int frames)
{
    atomic_store(&s->wal_frames, frames);
}

static int on_wal(void *arg, sqlite3 *h, const char *name, int frames)
{
    (void)h;
    (void)name;
    wal_grew(arg, frames);
    follows_note(arg, frames);
    return SQLITE_OK;
}

static int exec(sqlite3 *h, const char *sql)
{
    return sqlite3_exec(h, sql, NULL, NULL, NULL);
}

size_t lite_cache(const struct store *s, int share)
{
    return ((size_t)s->cache_mb << 20) * (size_t)share / 48;
}

static bool may_write(enum lite_use use)
{
    return use == LITE_WRITER || use == LITE_LOADER;
}

static int set_up(struct lite *l, struct store *s, enum lite_use use)
{
    static const int shares[] = {[LITE_READER] = CACHE_READER,
                                 [LITE_JOBS] = CACHE_JOBS,
                                 [LITE_WRITER] = CACHE_WRITER,
                                 [LITE_LOADER] = 0};
    char pragma[300];
    bool is_writer = may_write(use);
    unsigned kb =
        use == LITE_LOADER ? LOADER_CACHE_MB * 1024 : (unsigned)(lite_cache(s, shares[use]) / 1024);
    int reserve = VAULT_RESERVED;
    int rc = sqlite3_file_control(l->h, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserve);
    if (rc != SQLITE_OK)
        return rc;
    snprintf(pragma, sizeof pragma, "PRAGMA page_size=%zu; PRAGMA auto_vacuum=incremental;",
             s->page);
    if (is_writer && (rc = exec(l->h, pragma)) != SQLITE_OK)
        return rc;
    if ((rc = exec(l->h, "PRAGMA temp_store=memory")) !=
        SQLITE_OK) /* the vault refuses temporary files */
        return rc;
    sqlite3_busy_timeout(l->h, READ_LIMIT_MS);
    if (is_writer && (rc = exec(l->h, "PRAGMA journal_mode=WAL")) != SQLITE_OK)
        return rc;
    snprintf(pragma, sizeof pragma,
             "PRAGMA synchronous=%s; PRAGMA foreign_keys=%s; "
             "PRAGMA cache_size=-%u; PRAGMA journal_size_limit=%d; %s",
             use == LITE_LOADER ? "OFF" : "FULL", use == LITE_LOADER ? "off" : "on", kb,
             WAL_BULK_MB << 20,
             use == LITE_LOADER ? "PRAGMA threads=3;"
             : !is_writer       ? "PRAGMA query_only=on;"
                                : "");
    if ((rc = exec(l->h, pragma)) != SQLITE_OK)
        return rc;
    sqlite3_wal_autocheckpoint(l->h, 0);
    if (use == LITE_WRITER)
        sqlite3_wal_hook(l->h, on_wal, s);
    int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC;
    sqlite3_create_function(l->h, "greatest", -1, flags, l, greatest_or_least, NULL, NULL);
    return sqlite3_create_function(l->h, "least", -1, flags, NULL, greatest_or_least, NULL, NULL);
}

static int prepare_words(struct lite *l)
{
    static const char *const text[LITE_WORD_N] = {
        [LITE_BEGIN] = "BEGIN IMMEDIATE",
        [LITE_COMMIT] = "COMMIT",
        [LITE_ROLLBACK] = "ROLLBACK",
        [LITE_SAVE] = "SAVEPOINT c",
        [LITE_RELEASE] = "RELEASE c",
        [LITE_BACK] = "ROLLBACK TO c",
        [LITE_READ] = "BEGIN",
    };
    for (int i = 0; i < LITE_WORD_N; i++) {
        int rc =
            sqlite3_prepare_v3(l->h, text[i], -1, SQLITE_PREPARE_PERSISTENT, &l->words[i], NULL);
        if (rc != SQLITE_OK)
            return rc;
    }
    return sqlite3_prepare_v3(l->h, "PRAGMA page_count", -1, SQLITE_PREPARE_PERSISTENT, &l->pages,
                              NULL);
}

static enum err store_is_damaged(struct cx *cx, const struct vault_damage *bad)
{
    return fault(cx, ERR_INTERNAL, M_STORE_DAMAGED,
                 MARG("file", arena_str(cx->arena, str_of(bad->file))), MNUM("page", bad->page));
}

enum err lite_open(struct cx *cx, struct store *s, enum lite_use use, struct db **out)
{
    bool is_writer = may_write(use);
    sqlite_ready();

    struct db *d = calloc(1, sizeof *d);
    struct lite *l = calloc(1, sizeof *l);
    if (!d || !l) {
        free(d);
        free(l);
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    }
    *d = (struct db){.store = s, .lite = l, .is_writer = is_writer};
    str path = arena_printf(cx->arena, "%s/kith.db", s->dir);
    int rc = sqlite3_open_v2(path.ptr, &l->h,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
                                 (is_writer ? SQLITE_OPEN_CREATE : 0),
                             s->vault ? vault_name(s->vault) : NULL);
    if (rc == SQLITE_OK) {
        sqlite3_extended_result_codes(l->h, 1);
        rc = set_up(l, s, use);
    }
    if (rc == SQLITE_OK)
        rc = prepare_words(l);
    if (rc != SQLITE_OK) {
        struct vault_damage bad;
        if (vault_damage(&bad)) {
            lite_close(d);
            return store_is_damaged(cx, &bad);
        }
        const char *why = l->h ? sqlite3_errmsg(l->h) : sqlite3_errstr(rc);
        enum err e = lite_code(d, rc);
        (void)fault(cx, e == ERR_CONFLICT ? ERR_INTERNAL : e, M_STORE_CANNOT_OPEN,
                    MARG("where", str_of(s->dir)),
                    MARG("reason", arena_str(cx->arena, str_of(why))));
        lite_close(d);
        return cx->why.err;
    }
    if (!is_writer)
        sqlite3_progress_handler(l->h, 1000, is_too_late, d);
    *out = d;
    return OK;
}

void lite_close(struct db *d)
{
    if (!d)
        return;
    struct lite *l = d->lite;
    for (size_t i = 0; i < l->cap_kept; i++)
        sqlite3_finalize(l->kept[i].stmt);
    for (size_t i = 0; i < l->n_made; i++) {
        sqlite3_finalize(l->made[i].stmt);
        free(l->made[i].sql);
    }
    free(l->made);
    for (int i = 0; i < LITE_WORD_N; i++)
        sqlite3_finalize(l->words[i]);
    sqlite3_finalize(l->pages);
    free(l->kept);
    sqlite3_close(l->h);
    free(l);
    db_free_common(d);
}

/* ---- result codes --------------------------------------------------------------------------- */

enum err lite_code(struct db *d, int rc)
{
    int os = d->lite->h ? sqlite3_system_errno(d->lite->h) : 0;
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return OK;
    case SQLITE_CONSTRAINT:
        return rc == SQLITE_CONSTRAINT_UNIQUE || rc == SQLITE_CONSTRAINT_PRIMARYKEY ||
                       rc == SQLITE_CONSTRAINT_ROWID
                   ? ERR_CONFLICT
                   : ERR_INTERNAL;
    case SQLITE_FULL:
        return ERR_NO_SPACE;
    case SQLITE_IOERR:
        /* the errno may be of something else by now, so the disk itself is asked */
        return os == ENOSPC || os == EDQUOT || !room_is_there(d->store, 64 << 10) ? ERR_NO_SPACE
                                                                                  : ERR_INTERNAL;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_INTERRUPT:
        return ERR_BUSY;
    case SQLITE_TOOBIG:
        return ERR_TOO_BIG;
    default:
        return ERR_INTERNAL;
    }
}

static bool is_of_the_disk(int rc)
{
    rc &= 0xff;
    return rc == SQLITE_FULL || rc == SQLITE_IOERR || rc == SQLITE_NOMEM || rc == SQLITE_CORRUPT ||
           rc == SQLITE_CANTOPEN || rc == SQLITE_PROTOCOL;
}

bool lite_disk_failed(struct db *d)
{
    return d->lite->disk_failed;
}

static enum err failed(struct cx *cx, struct db *d, const char *what, int rc)
{
    enum err e = lite_code(d, rc);
    struct vault_damage bad;
    if (is_of_the_disk(rc))
        d->lite->disk_failed = true;
    if (rc == SQLITE_IOERR_DATA && vault_damage(&bad)) {
        log_line(LOG_ERROR, "vault.damaged", "file=%s page=%lld offset=%lld query=%s", bad.file,
                 (long long)bad.page, (long long)bad.offset, what);
        return store_is_damaged(cx, &bad);
    }
    switch (e) {
    case ERR_CONFLICT:
        return fault(cx, e, M_STORE_CONFLICT);
    case ERR_BUSY:
        (void)fault(cx, e, (rc & 0xff) == SQLITE_INTERRUPT ? M_STORE_TOO_SLOW : M_STORE_BUSY);
        cx->why.retry_after_s = 1;
        return e;
    case ERR_TOO_BIG:
        return fault(cx, e, M_STORE_TOO_BIG);
    case ERR_NO_SPACE:
        return fault(cx, e, M_STORE_NO_SPACE);
    default:
        log_line(LOG_ERROR, "sql", "query=%s code=%d reason=%s", what, rc,
                 sqlite3_errmsg(d->lite->h));
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    }
}

/* ---- statements -------------------------------------------------------------------------------- */

static size_t slot_of(const struct lite *l, const struct query *q)
{
    size_t i = (((uintptr_t)q >> 4) * 0x9e3779b97f4a7c15ULL >> 32) & (l->cap_kept - 1);
    while (l->kept[i].q &&
           l->kept[i].q !=
               q) /* NOLINT(clang-analyzer-unix.Malloc): what grew is freed, what is read is new */
        i = (i + 1) & (l->cap_kept - 1);
    return i;
}

static bool kept_grow(struct lite *l)
{
    struct lite bigger = *l;
    bigger.cap_kept = l->cap_kept ? l->cap_kept * 2 : 256;
    bigger.kept = calloc(bigger.cap_kept, sizeof *bigger.kept);
    if (!bigger.kept)
        return false;
    for (size_t i = 0; i < l->cap_kept; i++)
        if (l->kept[i].q)
            bigger.kept[slot_of(&bigger, l->kept[i].q)] = l->kept[i];
    free(l->kept);
    *l = bigger;
    return true;
}

/* The statement of a text made at run time; the one unused for longest makes room. */
static enum err statement_made(struct cx *cx, struct db *d, const struct query *q,
                               sqlite3_stmt **out)
{
    struct lite *l = d->lite;
    size_t len = strlen(q->sqlite), oldest = 0;
    for (size_t i = 0; i < l->n_made; i++) {
        struct kept_made *k = &l->made[i];
        if (k->len == len && memcmp(k->sql, q->sqlite, len) == 0) {
            k->used = ++l->made_uses;
            *out = k->stmt;
            return OK;
        }
        if (k->used < l->made[oldest].used)
            oldest = i;
    }
    if (!l->made && !(l->made = calloc(MADE_KEPT, sizeof *l->made)))
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v3(l->h, q->sqlite, (int)len + 1, 0, &stmt, NULL);
    char *sql = rc == SQLITE_OK ? strndup(q->sqlite, len) : NULL;
    if (rc != SQLITE_OK || !sql) {
        sqlite3_finalize(stmt);
        return failed(cx, d, q->name, rc != SQLITE_OK ? rc : SQLITE_NOMEM);
    }
    struct kept_made *k = &l->made[oldest];
    if (l->n_made < MADE_KEPT) {
        k = &l->made[l->n_made++];
    } else {
        sqlite3_finalize(k->stmt);
        free(k->sql);
    }
    *k = (struct kept_made){sql, len, stmt, ++l->made_uses};
    *out = stmt;
    return OK;
}

static enum err statement(struct cx *cx, struct db *d, const struct query *q, sqlite3_stmt **out)
{
    struct lite *l = d->lite;
    if (q->is_made)
        return statement_made(cx, d, q, out);
    if (2 * l->n_kept >= l->cap_kept && !kept_grow(l))
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    struct kept *k = &l->kept[slot_of(l, q)];
    if (!k->q) { /* NOLINT(clang-analyzer-unix.Malloc) */
        sqlite3_stmt *stmt = NULL;
        int rc = sqlite3_prepare_v3(l->h, q->sqlite, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL);
        if (rc != SQLITE_OK)
            return failed(cx, d, q->name, rc);
        *k = (struct kept){q, stmt};
        l->n_kept++;
    }
    *out = k->stmt;
    return OK;
}

static int bind_one(struct cx *cx, sqlite3_stmt *stmt, int at, const struct val *v)
{
    switch (v->kind) {
    case VAL_INT:
        return sqlite3_bind_int64(stmt, at, v->i);
    case VAL_DOUBLE:
        return sqlite3_bind_double(stmt, at, v->d);
    case VAL_TEXT: /* a NULL pointer would bind NULL */
        return sqlite3_bind_text64(stmt, at, v->s.len ? v->s.ptr : "", v->s.len, SQLITE_STATIC,
                                   SQLITE_UTF8);
    case VAL_BLOB:
        return v->s.len ? sqlite3_bind_blob64(stmt, at, v->s.ptr, v->s.len, SQLITE_STATIC)
                        : sqlite3_bind_zeroblob(stmt, at, 0);
    case VAL_INTS:
    case VAL_TEXTS: {
        str json = val_list_json(cx->arena, v);
        return sqlite3_bind_text64(stmt, at, json.ptr, json.len, SQLITE_STATIC, SQLITE_UTF8);
    }
    default:
        return sqlite3_bind_null(stmt, at);
    }
}

static enum err bind(struct cx *cx, struct db *d, const struct query *q, struct args a,
                     sqlite3_stmt *stmt)
{
    for (size_t i = 0; i < a.n; i++) {
        int rc = bind_one(cx, stmt, (int)i + 1, &a.v[i]);
        if (rc != SQLITE_OK)
            return failed(cx, d, q->name, rc);
    }
    return OK;
}

static struct val cell_of(sqlite3_stmt *stmt, int i)
{
    switch (sqlite3_column_type(stmt, i)) {
    case SQLITE_INTEGER:
        return val_int(sqlite3_column_int64(stmt, i));
    case SQLITE_FLOAT:
        return val_double(sqlite3_column_double(stmt, i));
    case SQLITE_TEXT: {
        const char *p = (const char *)sqlite3_column_text(stmt, i);
        return val_str((str){p, (size_t)sqlite3_column_bytes(stmt, i)});
    }
    case SQLITE_BLOB: {
        const void *p = sqlite3_column_blob(stmt, i);
        return val_blob(p, (size_t)sqlite3_column_bytes(stmt, i));
    }
    default:
        return VNULL;
    }
}

enum { COLUMNS_MAX = 64 };

static enum err step_rows(struct cx *cx, struct db *d, const struct query *q, sqlite3_stmt *stmt,
                          struct sink *to)
{
    struct val cells[COLUMNS_MAX];
    int n = sqlite3_column_count(stmt);
    if (n > COLUMNS_MAX)
        return failed(cx, d, q->name, SQLITE_RANGE);
    for (;;) {
        int rc = sqlite3_step(stmt);
        if (rc == SQLITE_DONE)
            return OK;
        if (rc != SQLITE_ROW)
            return failed(cx, d, q->name, rc);
        for (int i = 0; i < n; i++)
            cells[i] = cell_of(stmt, i);
        bool wants_more = true;
        TRY(sink_row(cx, q, to, cells, (size_t)n, &wants_more));
        if (!wants_more)
            return OK;
    }
}

/* A read outside of read_begin has a deadline of its own; inside, the snapshot's. */
static enum err deadline_begin(struct cx *cx, struct db *d)
{
    if (d->is_writer)
        return OK;
    int64_t now = clock_mono_ns();
    if (!d->in_read)
        d->deadline_ns = now + READ_LIMIT_MS * MS_NS;
    else if (now > d->deadline_ns)
        return failed(cx, d, "-", SQLITE_INTERRUPT);
    return OK;
}

enum err lite_rows(struct cx *cx, struct db *d, const struct query *q, struct args a,
                   struct sink *to)
{
    sqlite3_stmt *stmt = NULL;
    TRY(deadline_begin(cx, d)); /* first of all: reading the schema counts too */
    TRY(statement(cx, d, q, &stmt));
    TRY(bind(cx, d, q, a, stmt));
    enum err e = step_rows(cx, d, q, stmt, to);
    sqlite3_reset(stmt);
    return e;
}

enum err lite_run(struct cx *cx, struct db *d, const struct query *q, struct args a,
                  int64_t *changed)
{
    struct sink to = {.kind = SINK_NONE};
    int64_t before = sqlite3_total_changes64(d->lite->h);
    TRY(lite_rows(cx, d, q, a, &to));
    if (changed)
        *changed =
            sqlite3_total_changes64(d->lite->h) == before ? 0 : sqlite3_changes64(d->lite->h);
    return OK;
}

/* ---- transactions, snapshots ------------------------------------------------------------------- */

int lite_word(struct db *d, enum lite_word w)
{
    if (w == LITE_BEGIN)
        d->lite->disk_failed = false;
    int rc = sqlite3_step(d->lite->words[w]);
    sqlite3_reset(d->lite->words[w]);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int lite_be_soft(struct db *d, bool is_soft)
{
    if (d->lite->is_soft == is_soft)
        return SQLITE_OK;
    int rc = exec(d->lite->h, is_soft ? "PRAGMA synchronous=NORMAL" : "PRAGMA synchronous=FULL");
    if (rc == SQLITE_OK)
        d->lite->is_soft = is_soft;
    return rc;
}

void lite_cache_note(struct db *d)
{
    int now = 0, most = 0;
    if (sqlite3_db_status(d->lite->h, SQLITE_DBSTATUS_CACHE_USED, &now, &most, 0) == SQLITE_OK &&
        now > atomic_load_explicit(&d->cache_bytes, memory_order_relaxed))
        atomic_store_explicit(&d->cache_bytes, now, memory_order_relaxed);
}

bool lite_in_transaction(struct db *d)
{
    return !sqlite3_get_autocommit(d->lite->h);
}

int64_t lite_total_changes(struct db *d)
{
    return sqlite3_total_changes64(d->lite->h);
}

int64_t lite_pages(struct db *d)
{
    sqlite3_stmt *stmt = d->lite->pages;
    int64_t n = sqlite3_step(stmt) == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;
    sqlite3_reset(stmt);
    return n;
}

enum err lite_read_begin(struct cx *cx, struct db *d)
{
    if (d->in_read)
        return OK;
    int rc = lite_word(d, LITE_READ);
    if (rc != SQLITE_OK)
        return failed(cx, d, "BEGIN", rc);
    int64_t now = clock_mono_ns();
    d->in_read = true;
    d->deadline_ns = now + READ_LIMIT_MS * MS_NS;
    atomic_store(&d->read_started_ns, now);
    return OK;
}

void lite_read_end(struct db *d)
{
    if (!d->in_read)
        return;
    d->deadline_ns = 0;
    lite_cache_note(d);
    if (lite_in_transaction(d))
        (void)lite_word(d, LITE_ROLLBACK); /* nothing was written; ends the snapshot */
    d->in_read = false;
    atomic_store(&d->read_started_ns, 0);
}

enum err lite_exec(struct cx *cx, struct db *d, const char *sql)
{
    int rc = exec(d->lite->h, sql);
    return rc == SQLITE_OK ? OK : failed(cx, d, "exec", rc);
}

struct sqlite3 *lite_handle(struct db *d)
{
    return d->lite->h;
}

/* One integer by a text that is not kept. */
enum err lite_int_once(struct cx *cx, struct db *d, const char *sql, int64_t *out)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(d->lite->h, sql, -1, &stmt, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    *out = rc == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;
    sqlite3_finalize(stmt);
    return rc == SQLITE_ROW ? OK : failed(cx, d, "once", rc);
}

int lite_sync(struct db *d)
{
    sqlite3_file *f = NULL;
    int rc = sqlite3_file_control(d->lite->h, "main", SQLITE_FCNTL_FILE_POINTER, (void *)&f);
    return rc == SQLITE_OK ? f->pMethods->xSync(f, SQLITE_SYNC_NORMAL) : rc;
}

int lite_checkpoint(struct db *d, int *frames, int *done)
{
    follows_begin(d->store);
    int rc = sqlite3_wal_checkpoint_v2(d->lite->h, NULL, SQLITE_CHECKPOINT_PASSIVE, frames, done);
    follows_end(d->store);
    if (rc != SQLITE_OK || *frames == *done)
        atomic_store(&d->store->room_is_stale, true); /* at its end the file is cut to its pages */
    return rc;
}
