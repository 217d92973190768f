/* rooms/import/desk.c - the thread of a server that works on imports: one at a time, batch by batch;
 * and what was rejected, as a file. */
#include "messages.h"
#include "base/cond.h"
#include "queries.h"
#include "rooms/import/inside.h"
#include <errno.h>
#include <pthread.h>
#include <time.h>

enum { TICK_MS = 1000, LEASE_MS = 15000, SWEEP_MS = 3600 * 1000, REJECTS_A_PAGE = 200 };
static const int64_t KEEP_MS = (int64_t)30 * 86400000;

struct import_desk {
    struct store *store;
    str data_dir;
    struct db *db;
    struct arena *arena, *own;
    pthread_t thread;
    bool has_thread, is_stopping;
    int64_t node;
};

/* One desk in a process; whoever has something for it rings. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t bell;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool is_rung;
static struct import_desk *here;

static void bell_make(void)
{
    cond_monotonic(&bell);
}

void import_desk_wake(void)
{
    pthread_once(&once, bell_make);
    pthread_mutex_lock(&lock);
    is_rung = true;
    pthread_cond_broadcast(&bell);
    pthread_mutex_unlock(&lock);
}

/* True: stop. */
static bool nap(struct import_desk *d, bool is_short)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += TICK_MS / 1000;
    pthread_mutex_lock(&lock);
    while (!is_short && !is_rung && !d->is_stopping &&
           pthread_cond_timedwait(&bell, &lock, &until) != ETIMEDOUT)
        continue;
    is_rung = false;
    bool stops = d->is_stopping;
    pthread_mutex_unlock(&lock);
    return stops;
}

static bool is_stopping(struct import_desk *d)
{
    pthread_mutex_lock(&lock);
    bool stops = d->is_stopping;
    pthread_mutex_unlock(&lock);
    return stops;
}

static struct cx cx_of(struct import_desk *d)
{
    arena_reset(d->arena);
    return (struct cx){.arena = d->arena,
                       .db = d->db,
                       .now_ms = clock_now_ms(),
                       .actor = {.kind = ACTOR_SYSTEM},
                       .if_match = -1,
                       .peer = S("")};
}

struct lease {
    struct import_desk *desk;
    const struct import *import;
};

/* On SQLite nobody else can be at work: whatever lease stands there is of a process that is gone. */
static enum err lease_apply(struct cx *cx, void *state)
{
    const struct lease *l = state;
    int64_t n = 0;
    TRY(db_run_count(cx, &q_import_lease, &n,
                     ARGS(V(l->desk->node), V(cx->now_ms + LEASE_MS), V(l->import->id),
                          V(store_is_postgres(l->desk->store) ? cx->now_ms : INT64_MAX))));
    if (n && l->import->state == IMPORT_CHECKING && l->import->at_byte)
        TRY(db_run(cx, &q_import_check_again, ARGS(V(l->import->id))));
    return n ? OK : ERR_CONFLICT;
}

static bool passes(enum err e)
{
    return e == ERR_BUSY || e == ERR_NO_SPACE || e == ERR_STALE;
}

static void run(struct import_desk *d, const struct import *i)
{
    struct import_file *file = NULL;
    struct import_run *r = NULL;
    struct cx cx = cx_of(d);
    bool finished = false;
    cx.lang = (enum lang)i->lang;
    enum err e = import_file_open(d->store, &cx, d->data_dir, i, &file);
    if (e == OK)
        e = import_run_open(d->store, &cx, i, import_file_source(file), &r);
    struct fault why = cx.why;
    while (e == OK && !finished && !is_stopping(d)) {
        e = import_run_step(r, INTAKES_TURN, &finished);
        if (e != OK)
            why = import_run_cx(r)->why;
    }
    /* ERR_CONFLICT: it was cancelled under us; what passes is tried again with the next tick. */
    if (e != OK && e != ERR_CONFLICT && !passes(e)) {
        struct fault said = why;
        struct cx own = cx_of(d);
        own.lang = (enum lang)i->lang;
        own.why = said;
        log_line(LOG_ERROR, "import", "id=%lld code=%s", (long long)i->id.v, err_code(e));
        if (import_fail(d->store, &own, i->id) != OK)
            log_line(LOG_ERROR, "import", "id=%lld reason=failure_not_written", (long long)i->id.v);
    }
    import_run_close(r);
    import_file_close(file);
}

static void undo(struct import_desk *d, const struct import *i)
{
    bool finished = false;
    enum err e = OK;
    while (e == OK && !finished && !is_stopping(d)) {
        struct cx cx = cx_of(d);
        e = import_undo_step(d->store, &cx, i->id, &finished);
        if (e != OK && e != ERR_CONFLICT && !passes(e)) {
            log_line(LOG_ERROR, "import.undo", "id=%lld code=%s", (long long)i->id.v, err_code(e));
            if (import_fail(d->store, &cx, i->id) != OK)
                log_line(LOG_ERROR, "import", "id=%lld reason=failure_not_written",
                         (long long)i->id.v);
        }
    }
}

/* True: there was something to do. */
static bool work(struct import_desk *d)
{
    struct cx cx = cx_of(d);
    struct import i;
    int64_t now = store_is_postgres(d->store) ? cx.now_ms : INT64_MAX;
    if (db_one(&cx, &q_import_at_work, &import_row_shape, &i, ARGS(V(now))) != OK)
        return false;
    struct arena *keep = arena_open((size_t)8 << 20); /* the row lives while its batches run */
    if (!keep)
        return false;
    struct cx own = cx;
    own.arena = keep;
    struct lease l = {d, &i};
    bool is_ours = db_one(&own, &q_import_get, &import_row_shape, &i, ARGS(V(i.id))) == OK &&
                   db_change(d->store, &own, LANE_BULK, lease_apply, &l) == OK &&
                   db_one(&own, &q_import_get, &import_row_shape, &i, ARGS(V(i.id))) == OK;
    if (is_ours && i.state == IMPORT_UNDOING)
        undo(d, &i);
    else if (is_ours && (i.state == IMPORT_RUNNING || i.state == IMPORT_CHECKING))
        run(d, &i);
    arena_close(keep);
    return is_ours;
}

static void *desk_main(void *arg)
{
    struct import_desk *d = arg;
    int64_t swept_ms = 0;
    bool is_busy = false;
    while (!nap(d, is_busy)) {
        struct cx cx = cx_of(d);
        if (cx.now_ms - swept_ms > SWEEP_MS) {
            import_stage_sweep(d->store, &cx, d->data_dir, KEEP_MS);
            swept_ms = cx.now_ms;
        }
        is_busy = work(d);
    }
    return NULL;
}

enum err import_desk_open(struct store *s, struct cx *cx, str data_dir, struct import_desk **out)
{
    struct import_desk *d = calloc(1, sizeof *d);
    *out = d;
    pthread_once(&once, bell_make);
    if (!d)
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    d->store = s;
    random_bytes(&d->node, sizeof d->node);
    d->node &= INT64_MAX;
    d->arena = arena_open((size_t)32 << 20);
    d->own = arena_open(1 << 16);
    if (!d->arena || !d->own)
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    d->data_dir = arena_str(d->own, data_dir);
    TRY(store_reader(s, cx, &d->db));
    pthread_mutex_lock(&lock);
    here = d;
    pthread_mutex_unlock(&lock);
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 1 << 20);
    d->has_thread = pthread_create(&d->thread, &attr, desk_main, d) == 0;
    pthread_attr_destroy(&attr);
    return d->has_thread ? OK : fault(cx, ERR_INTERNAL, M_STORE_FAILED);
}

void import_desk_close(struct import_desk *d)
{
    if (!d)
        return;
    pthread_mutex_lock(&lock);
    d->is_stopping = true;
    here = NULL;
    pthread_cond_broadcast(&bell);
    pthread_mutex_unlock(&lock);
    if (d->has_thread)
        pthread_join(d->thread, NULL);
    reader_close(d->db);
    arena_close(d->arena);
    arena_close(d->own);
    free(d);
}

enum err import_desk_file(struct cx *cx, const struct import *i, struct import_file **out)
{
    pthread_mutex_lock(&lock);
    struct import_desk *d = here;
    pthread_mutex_unlock(&lock);
    *out = NULL;
    return d ? import_file_open(d->store, cx, d->data_dir, i, out) : ERR_BUSY;
}

/* ---- the rejected rows as a file ---------------------------------------------------------------------- */

struct rejected {
    int64_t line, at, bytes;
    str field, why;
};
/* clang-format off */
static const struct field rejected_fields[] = {
    FIELD(struct rejected, line),
    FIELD_AS(struct rejected, at, "at_byte"),
    FIELD(struct rejected, bytes),
    FIELD(struct rejected, field),
    FIELD(struct rejected, why),
};
static const struct shape rejected_shape = SHAPE("import_reject", struct rejected, rejected_fields);
/* clang-format on */

static void add_encoded(struct cx *cx, const struct import_map *map, str utf8, struct text *to)
{
    str bytes;
    if (!csv_encode(cx->arena, map->encoding, utf8, &bytes) &&
        !csv_encode(cx->arena, map->encoding, S("?"), &bytes))
        bytes = (str){0};
    text_add(to, bytes);
}

/* Bytes as they stand in the file, without their line end. */
static bool add_raw(const struct csv_source *file, int64_t at, int64_t bytes, struct text *to)
{
    char buf[16384];
    while (bytes > 0) {
        size_t want = bytes < (int64_t)sizeof buf ? (size_t)bytes : sizeof buf;
        ssize_t n = file->read(file->arg, at, buf, want);
        if (n <= 0)
            return false;
        text_add(to, (str){buf, (size_t)n});
        at += n;
        bytes -= n;
    }
    return !to->is_over;
}

static bool has_line_end(const struct text *t)
{
    for (size_t i = t->len; i > 0 && i + 2 > t->len; i--)
        if (t->ptr[i - 1] == '\n' || t->ptr[i - 1] == '\r')
            return true;
    return false;
}

static str prefix(struct cx *cx, const struct import_map *map, str line, str field, str why)
{
    struct text t = text_in(cx->arena, 8192);
    text_add(&t, line);
    text_add(&t, map->delimiter);
    csv_cell_write(&t, field);
    text_add(&t, map->delimiter);
    csv_cell_write(&t, why);
    text_add(&t, map->delimiter);
    return text_str(&t);
}

enum err import_rejected(struct cx *cx, const struct import *i, const struct csv_source *file,
                         int64_t *position, struct text *to, bool *finished)
{
    struct import_map map = {.delimiter = S(","), .has_header = true};
    TRY(import_map_read(cx, i->map, &map));
    if (*position == 0) {
        struct csv_form form;
        if (!csv_form_find(file, map.encoding, map.delimiter.ptr[0], &form))
            return import_unreadable(cx, file);
        if (form.first && !add_raw(file, 0, form.first, to)) /* the byte order mark */
            return import_unreadable(cx, file);
        if (map.has_header) {
            struct csv *c = csv_open(file, &form, form.first, 1);
            struct csv_row row;
            bool has = c && csv_next(c, cx->arena, &row) == CSV_ROW;
            csv_close(c);
            add_encoded(cx, &map,
                        prefix(cx, &map, S("kith line"), S("kith field"), S("kith reason")), to);
            if (!has || !add_raw(file, row.at, row.bytes, to))
                return import_unreadable(cx, file);
        }
    }
    struct list rows = {0};
    TRY(db_all(cx, &q_import_reject_after, &rejected_shape, &rows,
               ARGS(V(i->id), V(*position), V(REJECTS_A_PAGE))));
    const struct rejected *r = rows.items;
    size_t k = 0;
    for (; k < rows.n && to->len < to->limit / 2; k++) {
        str line = arena_printf(cx->arena, "%lld", (long long)r[k].line);
        add_encoded(cx, &map, prefix(cx, &map, line, r[k].field, r[k].why), to);
        if (!add_raw(file, r[k].at, r[k].bytes, to))
            return import_unreadable(cx, file);
        if (r[k].at + r[k].bytes == file->size &&
            !has_line_end(to)) /* the last line may have none */
            add_encoded(cx, &map, S("\r\n"), to);
        *position = r[k].line;
    }
    *finished = k == rows.n && rows.n < REJECTS_A_PAGE;
    return OK;
}
