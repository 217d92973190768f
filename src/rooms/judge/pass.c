/* rooms/judge/pass.c - everybody anew, for `kith classify`: several threads read pages and decide; what changed is written
 * through the writer, a few hundred customers a change. Pages go by id, each its own snapshot; who was judged by the job in
 * the meantime is put on its queue instead of being written over. */
#include "rooms/judge/inside.h"
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

enum { PAGE = 5000, WRITES = 500, THREADS_MAX = 4 };
static const size_t ARENA_BYTES = (size_t)192 << 20;

struct pass {
    struct store *store;
    struct judge_pass *p;
    int64_t now_ms, total;
    pthread_mutex_t lock;
    int64_t after; /* where the next page begins */
    bool is_over, is_stopped;
    enum err failed;
    struct fault why;
    int64_t done, changed, leads[CLASSES + 1];
    int64_t counts[RULES_MAX], round;
    str holds;
    struct arena *keep; /* of what outlives a page */
};
struct page_write {
    struct pass *pass;
    const struct judge_set *set;
    struct looked *v;
    size_t n;
};

/* ---- writing ---------------------------------------------------------------------------------- */

static enum err write_apply(struct cx *cx, void *state)
{
    const struct page_write *w = state;
    int64_t *ids = ARENA_ARRAY(cx->arena, w->n + 1, int64_t),
            *late = ARENA_ARRAY(cx->arena, w->n + 1, int64_t);
    struct looked *now = NULL, *fine = ARENA_ARRAY(cx->arena, w->n + 1, struct looked);
    size_t n = 0, n_fine = 0, n_late = 0, at = 0;
    for (size_t i = 0; i < w->n; i++)
        ids[i] = w->v[i].customer;
    const struct judge_set nothing = {0};
    TRY(judge_look(cx, &nothing, ids, 0, w->n, &now, &n)); /* only as they stand */
    for (size_t i = 0; i < w->n; i++) {
        while (at < n && now[at].customer < ids[i])
            at++;
        bool is_here = at < n && now[at].customer == ids[i];
        if (is_here && class_state_is_same(&now[at].was, &w->v[i].was))
            fine[n_fine++] = w->v[i];
        else if (is_here)
            late[n_late++] = ids[i];
    }
    TRY(judge_again(cx, late, n_late, 0));
    return judge_write(cx, fine, n_fine, true, 0);
}

static enum err write_changed(struct pass *p, struct cx *cx, const struct judge_set *s,
                              struct looked *v, size_t n)
{
    struct looked *some = ARENA_ARRAY(cx->arena, WRITES, struct looked);
    size_t n_some = 0;
    for (size_t i = 0; i <= n; i++) {
        if (i < n && (v[i].is_changed || v[i].due_ms))
            some[n_some++] = v[i];
        if (n_some < (i < n ? WRITES : 1))
            continue;
        struct page_write w = {p, s, some, n_some};
        struct db *reader = cx->db;
        TRY(judge_reasons(cx, s, some, n_some));
        enum err e = db_change_soft(p->store, cx, write_apply, &w);
        cx->db = reader;
        TRY(e);
        n_some = 0;
    }
    return OK;
}

/* ---- pages ---------------------------------------------------------------------------------------- */

static const struct field page_fields[] = {FIELD_AS(struct number_row, n, "customer_id")};
static const struct shape judge_page_shape = SHAPE("judge_page", struct number_row, page_fields);

/* The next page for this thread: ids are handed out in order, the looking goes beside each other. */
static enum err page_take(struct pass *p, struct cx *cx, struct list *ids)
{
    pthread_mutex_lock(&p->lock);
    enum err e = OK;
    ids->n = 0;
    if (!p->is_over && !p->is_stopped && p->failed == OK) {
        e = db_all(cx, &q_judge_page, &judge_page_shape, ids, ARGS(V(p->after), V(PAGE)));
        if (e == OK && ids->n)
            p->after = ((const struct number_row *)ids->items)[ids->n - 1].n;
        p->is_over = e == OK && ids->n < PAGE;
    }
    pthread_mutex_unlock(&p->lock);
    return e;
}

static void page_done(struct pass *p, const struct judge_set *s, const struct looked *v, size_t n)
{
    pthread_mutex_lock(&p->lock);
    holds_add(s, v, n, p->counts);
    p->done += (int64_t)n;
    for (size_t i = 0; i < n; i++) {
        p->changed += v[i].is_changed;
        p->leads[v[i].verdict.leading]++;
    }
    if (p->p->goes_on && !p->p->goes_on(p->p->arg, p->done, p->total))
        p->is_stopped = true;
    pthread_mutex_unlock(&p->lock);
}

static enum err page(struct pass *p, struct cx *cx, const struct judge_set *s, bool *is_more)
{
    struct list ids = {0};
    struct looked *v = NULL;
    size_t n = 0;
    TRY(page_take(p, cx, &ids));
    *is_more = ids.n > 0;
    if (ids.n == 0)
        return OK;
    const int64_t first = ((const struct number_row *)ids.items)[0].n;
    TRY(judge_look(cx, s, NULL, first - 1, ids.n, &v, &n));
    TRY(write_changed(p, cx, s, v, n));
    page_done(p, s, v, n);
    return OK;
}

static void give_up(struct pass *p, struct cx *cx, enum err e)
{
    pthread_mutex_lock(&p->lock);
    if (p->failed == OK) {
        p->failed = e;
        p->why = cx->why;
        fault_keep(p->keep, &p->why);
    }
    pthread_mutex_unlock(&p->lock);
}

static void *pass_main(void *arg)
{
    struct pass *p = arg;
    struct arena *rules = arena_open((size_t)16 << 20), *pages = arena_open(ARENA_BYTES);
    struct cx cx = {.arena = rules,
                    .now_ms = p->now_ms,
                    .actor = {.kind = ACTOR_SYSTEM},
                    .if_match = -1,
                    .peer = S("")};
    struct judge_set set = {0};
    bool is_more = true;
    enum err e = rules && pages ? store_reader(p->store, &cx, &cx.db)
                                : fault(&cx, ERR_INTERNAL, M_STORE_FAILED);
    if (e == OK)
        e = judge_set_open(&cx, &set);
    cx.arena = pages;
    while (e == OK && is_more) {
        arena_reset(pages);
        e = page(p, &cx, &set, &is_more);
    }
    if (e != OK)
        give_up(p, &cx, e);
    reader_close(cx.db);
    arena_close(rules);
    arena_close(pages);
    return NULL;
}

/* ---- begin and end ------------------------------------------------------------------------------------ */

static enum err begin_apply(struct cx *cx, void *state)
{
    (void)state;
    bool did = false;
    return judge_ship(cx, &did);
}

static enum err end_apply(struct cx *cx, void *state)
{
    const struct pass *p = state;
    TRY(holds_put(cx, p->holds));
    struct follow_state f = {0};
    bool is_there = false;
    TRY(judge_follow_read(cx, &f, &is_there));
    if (!is_there) { /* nobody served this store yet: from here on events are followed */
        int64_t xid = 0, seq = 0;
        TRY(event_newest(cx, &xid, &seq));
        TRY(db_run(cx, &q_judge_follow_at, ARGS(V(xid), V(seq))));
        bool is_read = false;
        TRY(judge_all_again(cx));
        TRY(judge_read_all(cx, &is_read));
        if (is_read) /* how many a rule holds for is counted by the job, once it knows what they say */
            return OK;
    }
    if (f.round != p->round) /* rules were changed while we looked: the job goes over all again */
        return OK;
    return db_run(cx, &q_judge_follow_filled,
                  ARGS(VNULL,
                       V(is_there && f.filled_to.has ? p->done - f.looked
                         : is_there                  ? 0
                                                     : p->done),
                       V(p->changed), V(""), V(cx->now_ms), V(is_there ? f.round : 1)));
}

static unsigned threads_of(const struct judge_pass *p)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned n = p->threads ? p->threads : cores > 0 ? (unsigned)cores : 1;
    return n > THREADS_MAX ? THREADS_MAX : n;
}

static enum err run(struct pass *p, struct cx *cx)
{
    pthread_t threads[THREADS_MAX];
    unsigned n = threads_of(p->p), running = 0;
    for (; running < n; running++)
        if (pthread_create(&threads[running], NULL, pass_main, p) != 0)
            break;
    for (unsigned i = 0; i < running; i++)
        pthread_join(threads[i], NULL);
    if (running == 0)
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    if (p->failed != OK)
        cx->why = p->why;
    return p->failed;
}

enum err judge_everybody(struct store *s, struct cx *cx, struct judge_pass *out)
{
    struct pass p = {
        .store = s, .p = out, .now_ms = cx->now_ms, .after = INT64_MIN / 2, .keep = cx->arena};
    struct judge_set set = {0};
    struct follow_state f = {0};
    bool is_there = false;
    int64_t begun = clock_mono_ns();
    TRY(db_change(s, cx, LANE_BULK, begin_apply, NULL));
    TRY(db_int(cx, &q_judge_total, &p.total, NO_ARGS));
    TRY(judge_follow_read(cx, &f, &is_there));
    TRY(judge_set_open(cx, &set));
    p.round = f.round;
    pthread_mutex_init(&p.lock, NULL);
    enum err e = run(&p, cx);
    pthread_mutex_destroy(&p.lock);
    TRY(e);
    TRY(db_change(s, cx, LANE_BULK, db_settle, NULL));
    p.holds = holds_text(cx->arena, &set, S(""), p.counts);
    if (!p.is_stopped)
        TRY(db_change(s, cx, LANE_BULK, end_apply, &p));
    out->customers = p.done;
    out->changed = p.changed;
    memcpy(out->leads, p.leads, sizeof out->leads);
    out->seconds_ms = (clock_mono_ns() - begun) / 1000000;
    return OK;
}
