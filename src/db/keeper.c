/* db/keeper.c - two threads for what is not urgent: one for views and seals of the audit, one for jobs, such as rows past their
 * time. A second's views and seals wait for a dozen commits, which judging, a job, must not stand behind.
 *
 * Everything they write goes by the bulk lane. Jobs start with store_jobs_start; with several nodes one of them holds
 * the lease, and a slice commits only at the number it began with, so no slice counts twice.
 */
#include "db/db_impl.h"
#include "base/cond.h"
#include "queries.h"
#include <errno.h>
#include <time.h>

enum {
    VIEW_WINDOW_MS = 15 * 60 * 1000,
    VIEWS_MAX = 100000, /* waiting ones; a disk that stays full must not eat the memory */
    VIEWS_A_CHANGE = 100,
    SEEN_CAP = 1 << 16, /* remembered (actor, customer) pairs; forgotten when half full */
    TICK_MS = 1000,
    LOOK_MS = 250, /* whether a job has something to do */
    JOB_TRIES = 10,
    JOB_LEASE_MS = 15000,
    JOB_RENEW_MS =
        5000, /* a change of its own before each turn of busy jobs would be a third of their changes */
    EVENT_DAYS = 30,
    IDEMPOTENCY_HOURS = 48,
    TRIM_ROWS = 500,
    KINDS_MAX = JOB_KINDS_MAX,
    SEALS_A_TICK = 20,
};

/* Nothing waits longer than this for its time; what seems to was written while the clock was ahead. */
static const int64_t FAR_MS = 7200000;

struct view {
    int64_t at_ms, actor_id, customer_id;
    int actor_kind;
};

struct seen {
    int64_t window, actor_id, customer_id; /* window 0: free */
    int actor_kind;
};

/* Of one kind of job. */
struct spent {
    _Atomic int64_t slices, plan_ns, write_ns;
};

/* What one of the two threads works with. */
struct hand {
    struct db *reader;
    struct arena *arena;
    pthread_t thread;
    bool has_thread;
};

struct keeper {
    struct store *store;
    struct hand own, jobs;
    bool is_stopping, has_jobs;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct view *views;
    size_t n_views, cap_views;
    struct seen *seen;
    size_t n_seen;
    struct job_kind kinds[KINDS_MAX];
    struct spent spent[KINDS_MAX];
    size_t n_kinds;
    struct house *house; /* of the jobs */
    int64_t
        leased_ns; /* when the lease of jobs was taken or renewed; 0: another has it, or nobody */
};

struct job_row {
    int64_t id;
    str kind, args;
    int64_t next_ms, position, slices, progress, total, tries;
};
static const struct field job_row_fields[] = {
    FIELD(struct job_row, id),       FIELD(struct job_row, kind),     FIELD(struct job_row, args),
    FIELD(struct job_row, next_ms),  FIELD(struct job_row, position), FIELD(struct job_row, slices),
    FIELD(struct job_row, progress), FIELD(struct job_row, total),    FIELD(struct job_row, tries),
};
const struct shape job_row_shape = SHAPE("job_row", struct job_row, job_row_fields);

/* ---- views --------------------------------------------------------------------------------------- */

/* True when this actor was seen at this customer in this quarter of an hour already. */
static bool was_seen(struct keeper *k, const struct seen *v)
{
    uint64_t h = (uint64_t)v->customer_id * 0x9e3779b97f4a7c15ULL;
    h ^= (uint64_t)v->actor_id * 0xc2b2ae3d27d4eb4fULL + (unsigned)v->actor_kind;
    for (size_t i = (h >> 32) & (SEEN_CAP - 1);; i = (i + 1) & (SEEN_CAP - 1)) {
        struct seen *at = &k->seen[i];
        bool is_same = at->window && at->customer_id == v->customer_id &&
                       at->actor_id == v->actor_id && at->actor_kind == v->actor_kind;
        if (is_same && at->window == v->window)
            return true;
        if (is_same || !at->window) {
            k->n_seen += at->window == 0;
            *at = *v;
            return false;
        }
    }
}

void audit_view(const struct cx *cx, int64_t customer)
{
    struct keeper *k = cx->db->store->keeper;
    struct seen v = {cx->now_ms / VIEW_WINDOW_MS + 1, cx->actor.id, customer, (int)cx->actor.kind};
    pthread_mutex_lock(&k->lock);
    if (k->n_seen > SEEN_CAP / 2) {
        memset(k->seen, 0, SEEN_CAP * sizeof *k->seen);
        k->n_seen = 0;
    }
    if (!was_seen(k, &v)) {
        if (k->n_views == k->cap_views && k->cap_views < VIEWS_MAX) {
            size_t cap = k->cap_views ? k->cap_views * 2 : 256;
            struct view *more = realloc(k->views, cap * sizeof *more);
            if (more) {
                k->views = more;
                k->cap_views = cap;
            }
        }
        if (k->n_views < k->cap_views)
            k->views[k->n_views++] = (struct view){cx->now_ms, v.actor_id, customer, v.actor_kind};
        else
            log_line(LOG_ERROR, "audit_view_lost", "waiting=%zu", k->n_views);
    }
    pthread_mutex_unlock(&k->lock);
}

struct views_to_write {
    const struct view *v;
    size_t n;
};

static enum err views_apply(struct cx *cx, void *state)
{
    const struct views_to_write *w = state;
    for (size_t i = 0; i < w->n; i++) {
        const struct view *v = &w->v[i];
        TRY(db_run(cx, &q_audit_insert,
                   ARGS(V(id_new(cx->now_ms)), V(v->at_ms), V(actor_codes[v->actor_kind]),
                        V(v->actor_id), V("customer.view"), V(v->customer_id), V(0), V(""),
                        V(""))));
    }
    return OK;
}

static struct cx cx_of(struct hand *h)
{
    arena_reset(h->arena);
    return (struct cx){.arena = h->arena,
                       .db = h->reader,
                       .now_ms = clock_now_ms(),
                       .actor = {.kind = ACTOR_SYSTEM},
                       .peer = S(""),
                       .if_match = -1};
}

static void views_write(struct keeper *k)
{
    for (;;) {
        struct view some[VIEWS_A_CHANGE];
        pthread_mutex_lock(&k->lock);
        size_t n = k->n_views < VIEWS_A_CHANGE ? k->n_views : VIEWS_A_CHANGE;
        if (n)
            memcpy(some, k->views, n * sizeof *some);
        pthread_mutex_unlock(&k->lock);
        if (!n)
            return;
        struct cx cx = cx_of(&k->own);
        struct views_to_write w = {some, n};
        enum err e = db_change(k->store, &cx, LANE_BULK, views_apply, &w);
        if (e != OK) {
            log_line(LOG_ERROR, "audit_views", "code=%s", err_code(e));
            return; /* they stay; the next tick tries again */
        }
        pthread_mutex_lock(&k->lock);
        k->n_views -= n;
        memmove(k->views, k->views + n, k->n_views * sizeof *some);
        pthread_mutex_unlock(&k->lock);
    }
}

/* ---- jobs ------------------------------------------------------------------------------------------ */

struct slice {
    struct keeper *k;
    const struct job_kind *kind;
    struct spent *spent;
    struct job_row row;
    const void *found; /* by its plan */
    bool is_finished;
    enum err failure;
};

static enum err slice_apply(struct cx *cx, void *state)
{
    struct slice *s = state;
    int64_t at = 0;
    enum err e = db_int(cx, &q_job_is_at, &at, ARGS(V(s->row.id)));
    if (e == ERR_NOT_FOUND || (e == OK && at != s->row.slices))
        return ERR_STALE; /* another node was here */
    TRY(e);
    struct job_row r = s->row;
    s->is_finished = false;
    int64_t begun = clock_mono_ns();
    if (s->kind->plan)
        e = s->kind->write(cx, s->found, &s->is_finished);
    else
        e = s->kind->slice(cx, r.args, &r.position, &r.progress, &r.total, &s->is_finished);
    atomic_fetch_add(&s->spent->write_ns, clock_mono_ns() - begun);
    TRY(e);
    bool comes_again = s->is_finished && s->kind->every_ms;
    int64_t next = comes_again ? cx->now_ms + s->kind->every_ms : cx->now_ms;
    bool is_done = s->is_finished && !comes_again;
    int64_t changed = 0;
    TRY(db_run_count(cx, &q_job_slice_done, &changed,
                     ARGS(V(comes_again ? 0 : r.position), V(r.progress), V(r.total), V(next),
                          V(is_done ? "done" : "waiting"), is_done ? V(cx->now_ms) : VNULL, V(r.id),
                          V(r.slices))));
    return changed == 1 ? OK : ERR_STALE;
}

static enum err failure_apply(struct cx *cx, void *state)
{
    struct slice *s = state;
    int64_t tries = s->row.tries < 9 ? s->row.tries : 9;
    bool gives_up = s->row.tries + 1 >= JOB_TRIES && !s->kind->every_ms;
    if (s->row.tries + 1 == JOB_TRIES && s->kind->gave_up)
        TRY(s->kind->gave_up(cx, s->row.args, s->failure));
    return db_run(cx, &q_job_slice_failed,
                  ARGS(V(err_code(s->failure)), V(cx->now_ms + ((int64_t)1000 << tries)),
                       V(gives_up ? "failed" : "waiting"), V(s->row.id), V(s->row.slices)));
}

static const struct job_kind *kind_of(const struct keeper *k, str name)
{
    for (size_t i = 0; i < k->n_kinds; i++)
        if (str_eq(name, str_of(k->kinds[i].name)))
            return &k->kinds[i];
    return NULL;
}

static enum err slice_plan(struct cx *cx, struct slice *s)
{
    void *found = NULL;
    enum err e = read_begin(cx);
    if (e == OK)
        e = s->kind->plan(cx, s->row.args, &found);
    if (e == OK && arena_is_over(cx->arena))
        e = fault(cx, ERR_TOO_BIG, M_STORE_TOO_BIG);
    read_end(cx);
    s->found = found;
    return e;
}

static void slice_run(struct keeper *k, const struct job_row *row)
{
    struct slice s = {.k = k, .kind = kind_of(k, row->kind), .row = *row};
    if (!s.kind)
        return; /* of a part this program does not have */
    s.spent = &k->spent[s.kind - k->kinds];
    struct cx cx = cx_of(&k->jobs);
    cx.house = k->house;
    int64_t begun = clock_mono_ns();
    enum err e = s.kind->plan ? slice_plan(&cx, &s) : OK;
    if (s.kind->plan)
        atomic_fetch_add(&s.spent->plan_ns, clock_mono_ns() - begun);
    atomic_fetch_add(&s.spent->slices, 1);
    if (e == OK && (s.found || !s.kind->plan))
        e = db_change(k->store, &cx, LANE_BULK, slice_apply, &s);
    if (e == OK || e == ERR_STALE || e == ERR_BUSY || e == ERR_NO_SPACE)
        return; /* none of these is the job's mistake: it goes on with the next turn */
    log_line(LOG_ERROR, "job", "kind=%s id=%lld code=%s tries=%lld", s.kind->name,
             (long long)row->id, err_code(e), (long long)row->tries + 1);
    s.failure = e;
    cx = cx_of(&k->jobs);
    if (db_change(k->store, &cx, LANE_BULK, failure_apply, &s) != OK)
        log_line(LOG_ERROR, "job", "kind=%s reason=failure_not_written", s.kind->name);
}

enum err store_lease(struct cx *cx, const char *name, int64_t ms, bool *is_mine)
{
    int64_t taken = 0;
    TRY(db_run_count(cx, &q_lease_take, &taken,
                     ARGS(V(name), V((int64_t)cx->db->store->node), V(cx->now_ms + ms),
                          V(cx->now_ms), V(cx->now_ms + ms + FAR_MS))));
    *is_mine = taken > 0;
    return OK;
}

static enum err lease_apply(struct cx *cx, void *state)
{
    (void)state;
    bool is_mine = false;
    TRY(store_lease(cx, "jobs", JOB_LEASE_MS, &is_mine));
    return is_mine ? OK : ERR_CONFLICT;
}

/* Several nodes share the store: one of them has the jobs. */
static bool has_lease(struct keeper *k)
{
    int64_t now = clock_mono_ns();
    if (!k->store->is_postgres || (k->leased_ns && now - k->leased_ns < JOB_RENEW_MS * MS_NS))
        return true;
    struct cx cx = cx_of(&k->jobs);
    bool is_mine = db_change(k->store, &cx, LANE_BULK, lease_apply, k) == OK;
    k->leased_ns = is_mine ? now : 0;
    return is_mine;
}

static bool is_idle(struct keeper *k, const struct job_row *row)
{
    const struct job_kind *kind = kind_of(k, row->kind);
    struct cx cx = cx_of(&k->jobs);
    return kind && kind->is_idle && row->position == 0 && kind->is_idle(&cx);
}

/* One slice of each job that is due. True when more is to do at once. */
static bool jobs_run(struct keeper *k, struct arena *rows_arena)
{
    arena_reset(rows_arena);
    struct cx cx = cx_of(&k->jobs);
    cx.arena = rows_arena; /* lives while the slices run */
    struct list due = {0};
    enum err e =
        db_all(&cx, &q_job_next, &job_row_shape, &due, ARGS(V(cx.now_ms), V(cx.now_ms + FAR_MS)));
    if (e != OK)
        return false;
    struct job_row *rows = due.items;
    size_t n = 0;
    for (size_t i = 0; i < due.n; i++)
        if (!is_idle(k, &rows[i]))
            rows[n++] = rows[i];
    if (n == 0)
        return false;
    if (!has_lease(k))
        return false;
    bool did = false;
    for (size_t i = 0; i < n; i++) {
        did |= kind_of(k, rows[i].kind) != NULL;
        slice_run(k, &rows[i]);
    }
    return did;
}

static enum err schedules_apply(struct cx *cx, void *state)
{
    const struct keeper *k = state;
    for (size_t i = 0; i < k->n_kinds; i++)
        if (k->kinds[i].every_ms)
            TRY(db_run(cx, &q_job_schedule,
                       ARGS(V(id_new(cx->now_ms)), V(k->kinds[i].name), V(cx->now_ms))));
    return OK;
}

enum err job_add(struct cx *cx, const char *kind, str args)
{
    return db_run(cx, &q_job_insert, ARGS(V(id_new(cx->now_ms)), V(kind), V(args), V(cx->now_ms)));
}

/* Events past 30 days and remembered answers past 48 hours go, 500 at a time. */
static enum err trim_slice(struct cx *cx, str args, int64_t *position, int64_t *progress,
                           int64_t *total, bool *finished)
{
    (void)args;
    (void)total;
    int64_t events = 0, answers = 0;
    TRY(event_trim_slice(cx, cx->now_ms - EVENT_DAYS * 86400000LL, TRIM_ROWS, &events));
    TRY(db_run_count(cx, &q_idempotency_trim, &answers,
                     ARGS(V(cx->now_ms - IDEMPOTENCY_HOURS * 3600000LL), V((int64_t)TRIM_ROWS))));
    *progress += events + answers;
    *position += 1;
    *finished = events < TRIM_ROWS && answers < TRIM_ROWS;
    return OK;
}

void store_jobs_start(struct store *s, struct house *h, const struct job_kind *kinds, size_t n)
{
    struct keeper *k = s->keeper;
    pthread_mutex_lock(&k->lock);
    k->house = h;
    k->n_kinds = 0;
    k->kinds[k->n_kinds++] = (struct job_kind){"store.trim", trim_slice, 3600000};
    assert(n < KINDS_MAX - 1);
    for (size_t i = 0; i < n; i++)
        k->kinds[k->n_kinds++] = kinds[i];
    k->has_jobs = true;
    pthread_cond_broadcast(&k->wake);
    pthread_mutex_unlock(&k->lock);
}

size_t store_job_figures(struct store *s, struct job_figures out[JOB_KINDS_MAX])
{
    struct keeper *k = s->keeper;
    size_t n = 0;
    pthread_mutex_lock(&k->lock);
    for (; n < k->n_kinds; n++)
        out[n] = (struct job_figures){k->kinds[n].name, atomic_load(&k->spent[n].slices),
                                      atomic_load(&k->spent[n].plan_ns) / 1000,
                                      atomic_load(&k->spent[n].write_ns) / 1000};
    pthread_mutex_unlock(&k->lock);
    return n;
}

/* Chains what was committed since the last time. */
static void audit_seal(struct keeper *k)
{
    bool is_more = true;
    for (int i = 0; is_more && i < SEALS_A_TICK; i++) {
        struct cx cx = cx_of(&k->own);
        enum err e = audit_seal_slice(k->store, &cx, &is_more);
        if (e != OK && e != ERR_BUSY && e != ERR_NO_SPACE)
            log_line(LOG_ERROR, "audit_seal", "code=%s", err_code(e));
    }
}

/* ---- the threads -------------------------------------------------------------------------------------- */

/* True: stop. ms 0: only asks. */
static bool nap(struct keeper *k, int64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + ms * MS_NS;
    until.tv_sec += ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    pthread_mutex_lock(&k->lock);
    if (!k->is_stopping && ms)
        pthread_cond_timedwait(&k->wake, &k->lock, &until);
    bool stops = k->is_stopping;
    pthread_mutex_unlock(&k->lock);
    return stops;
}

static void *keeper_main(void *arg)
{
    struct keeper *k = arg;
    thread_stand_back();
    while (!nap(k, TICK_MS)) {
        struct cx cx = cx_of(&k->own);
        room_look(k->store, &cx);
        views_write(k);
        if (!atomic_load(&k->store->is_filling) && !atomic_load(&k->store->holds_seals))
            audit_seal(k);
    }
    views_write(k);
    return NULL;
}

static void *jobs_main(void *arg)
{
    struct keeper *k = arg;
    struct arena *rows = arena_open((size_t)4 << 20);
    bool has_schedules = false, is_busy = false;
    thread_stand_back();
    while (rows && !nap(k, is_busy ? 0 : LOOK_MS)) {
        pthread_mutex_lock(&k->lock);
        bool has_jobs = k->has_jobs;
        pthread_mutex_unlock(&k->lock);
        if (has_jobs && !has_schedules) {
            struct cx cx = cx_of(&k->jobs);
            has_schedules = db_change(k->store, &cx, LANE_BULK, schedules_apply, k) == OK;
        }
        is_busy = has_schedules && jobs_run(k, rows);
    }
    arena_close(rows);
    return NULL;
}

static enum err hand_start(struct cx *cx, struct keeper *k, struct hand *h, void *(*work)(void *))
{
    h->arena = arena_open((size_t)16 << 20);
    if (!h->arena)
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    TRY(h == &k->jobs ? store_jobs_reader(k->store, cx, &h->reader)
                      : store_reader(k->store, cx, &h->reader));
    h->has_thread = pthread_create(&h->thread, NULL, work, k) == 0;
    return h->has_thread ? OK : fault(cx, ERR_INTERNAL, M_STORE_FAILED);
}

static void hand_stop(struct hand *h)
{
    if (h->has_thread)
        pthread_join(h->thread, NULL);
    reader_close(h->reader);
    arena_close(h->arena);
}

enum err keeper_start(struct cx *cx, struct store *s)
{
    struct keeper *k = calloc(1, sizeof *k);
    if (!k)
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    s->keeper = k;
    k->store = s;
    pthread_mutex_init(&k->lock, NULL);
    cond_monotonic(&k->wake);
    k->seen = calloc(SEEN_CAP, sizeof *k->seen);
    if (!k->seen)
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    TRY(hand_start(cx, k, &k->own, keeper_main));
    return hand_start(cx, k, &k->jobs, jobs_main);
}

void keeper_stop(struct store *s)
{
    struct keeper *k = s->keeper;
    if (!k)
        return;
    pthread_mutex_lock(&k->lock);
    k->is_stopping = true;
    pthread_cond_broadcast(&k->wake);
    pthread_mutex_unlock(&k->lock);
    hand_stop(&k->jobs);
    hand_stop(&k->own);
    pthread_mutex_destroy(&k->lock);
    pthread_cond_destroy(&k->wake);
    free(k->views);
    free(k->seen);
    free(k);
    s->keeper = NULL;
}
