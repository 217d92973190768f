/* db/postgres_store.c - the threads of a PostgreSQL store: writers, the ear for events, the node's lease.
 *
 * A change is a transaction of its own, or joins the running one of a writer when more wait than writers are idle.
 * Changes of one key are in one writer's hands at a time. Notices are not sent by the changes (that would make their
 * commits queue up behind one lock) but by the ear, once for all that was committed meanwhile; see docs/decisions.
 */
#include "db/plans.h"
#include "db/postgres.h"
#include "queries.h"
#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum {
    RUNS_MAX = 30, /* of a change that others overtake */
    RUNS_SHRINKING = 4,
    BATCH_MAX =
        32, /* changes of one transaction; 64 subtransactions are what the server keeps at hand */
    BATCH_MS = 6, /* of applying; then it is committed even while more wait */
    KEY_SLOTS = 4096,
    SETTLE_MS = 5000,   /* for the fate of a change whose COMMIT was not answered */
    URGENT_IN_ROW = 16, /* then one of the others */
    BULK_PATIENCE_MS = 250,
    TAIL_ROWS = 500,
    EAR_MS = 1000, /* looks even when nobody called */
    LINE_MS = 1,   /* looks again soon when something committed is still behind the line */
    NODE_MAX = 1023,
    LEASE_MS = 60000,
    RENEW_MS = 5000,
    MARK_AHEAD_MS = 60000,
    PLANS_MS = 1000,
};

/* A writer of interactive changes. */
struct writer {
    struct store *s;
    struct db *d;
    struct cx cx; /* for what is nobody's own */
    unsigned seed;
    struct queue kept,
        later; /* changes of the keys it holds, later: not for this batch; guarded by s->lock */
    uint64_t began; /* the batch, by pg_side.turn */
    struct change *ran[BATCH_MAX];
    struct db *readers[BATCH_MAX]; /* what each cx->db was */
    size_t n;
};

/* Who has the changes of a key: those in his batch and those kept for him. */
struct key_held {
    struct writer *by;
    unsigned n;
    uint64_t freed; /* by pg_side.turn */
};

struct pg_side {
    struct key_held held[KEY_SLOTS]; /* guarded by the store's lock, as turn */
    uint64_t turn;
    pthread_mutex_t lock; /* of side: lease and mark, and of pages */
    struct db *side;
    struct plan_pages pages;
    char holder[80];
    _Atomic int64_t renewed_ns;
    pthread_t ear, tender;
    bool has_ear, has_tender;
    int wake_fd;
    _Atomic bool is_stopping;
};

struct event_tail {
    struct event e;
    bool is_out;
};
static const struct field event_tail_fields[] = {
    FIELD(struct event_tail, e.xid),
    FIELD(struct event_tail, e.seq),
    FIELD_ENUM(struct event_tail, e.type, event_codes),
    FIELD(struct event_tail, e.at_ms),
    FIELD(struct event_tail, e.customer_id),
    FIELD(struct event_tail, e.ref_id),
    FIELD(struct event_tail, e.data),
    FIELD(struct event_tail, is_out),
};
const struct shape event_tail_shape = SHAPE("event_tail", struct event_tail, event_tail_fields);

struct node_row {
    int64_t number, id_mark;
};
static const struct field node_row_fields[] = {
    FIELD(struct node_row, number),
    FIELD(struct node_row, id_mark),
};
const struct shape node_row_shape = SHAPE("node_row", struct node_row, node_row_fields);

static void nap_ms(int64_t ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * MS_NS};
    nanosleep(&t, NULL);
}

/* ---- the node's number and the mark of its ids --------------------------------------------------------- */

/* Runs fn in a transaction on the side connection, again while others overtake it. */
static enum err side_change(struct cx *cx, struct store *s, enum err (*fn)(struct cx *, void *),
                            void *state)
{
    struct db *d = s->pg->side, *outer = cx->db;
    enum err e = ERR_BUSY;
    for (int i = 0; i < RUNS_MAX; i++) {
        struct change c = {.apply = fn, .state = state, .cx = cx};
        enum pg_end how;
        pg_change_begin(d);
        e = change_run(d, &c);
        e = pg_change_end(cx, d, e, &how);
        if (how == PG_END_CLEAR)
            break;
        if (!pg_reconnect(d))
            nap_ms(50);
        e = ERR_BUSY;
    }
    cx->db = outer;
    return e;
}

/* What one node sealed the others must be able to read: all of a database have one ring, the first node's. */
static enum err ring_agrees(struct cx *cx, const struct store *s)
{
    struct store_text known = {0};
    if (!s->keys_dir)
        return OK; /* a ring for as long as the process lives, in tests */
    str own = keyring_id(s->ring, cx->arena);
    enum err e = db_one(cx, &q_store_meta_get, &store_text_shape, &known, ARGS(V("ring")));
    if (e == ERR_NOT_FOUND)
        return db_run(cx, &q_store_meta_set, ARGS(V("ring"), V(own)));
    TRY(e);
    if (str_eq(known.value, own))
        return OK;
    return fault(cx, ERR_INVALID, M_KEYS_OTHER_RING,
                 MARG("where", arena_str(cx->arena, str_of(s->keys_dir))));
}

static enum err lease_take(struct cx *cx, void *state)
{
    struct store *s = state;
    TRY(ring_agrees(cx, s));
    struct node_row row = {0};
    enum err e = db_one(cx, &q_node_free, &node_row_shape, &row, NO_ARGS);
    if (e == ERR_NOT_FOUND) {
        TRY(db_int(cx, &q_node_last, &row.number, NO_ARGS));
        row.number++;
        if (row.number > NODE_MAX)
            return fault(cx, ERR_BUSY, M_STORE_NO_NODE);
        e = OK;
    }
    TRY(e);
    int64_t mark = 0;
    TRY(db_int(cx, &q_node_top, &mark, NO_ARGS));
    TRY(db_run(cx, &q_node_lease,
               ARGS(V(row.number), V(str_of(s->pg->holder)), V((int64_t)LEASE_MS), V(mark))));
    s->node = (unsigned)row.number;
    atomic_store(&s->id_mark, mark);
    return OK;
}

struct renewal {
    struct store *s;
    int64_t mark, kept;
    bool is_end;
};

static enum err lease_renew(struct cx *cx, void *state)
{
    struct renewal *r = state;
    return db_run_count(cx, &q_node_renew, &r->kept,
                        ARGS(V(r->is_end ? (int64_t)0 : (int64_t)LEASE_MS), V(r->mark),
                             V((int64_t)r->s->node), V(str_of(r->s->pg->holder))));
}

static enum err node_start(struct cx *cx, struct store *s)
{
    TRY(side_change(cx, s, lease_take, s));
    id_start(s->node, atomic_load(&s->id_mark));
    s->pg->renewed_ns = clock_mono_ns();
    return OK;
}

/* Keeps the lease and a mark that is ahead of every id. Under s->pg->lock. */
static enum err node_renew(struct store *s)
{
    struct arena *a = arena_open(256 << 10);
    if (!a)
        return ERR_BUSY;
    struct cx cx = {.arena = a, .now_ms = clock_now_ms(), .peer = S("")};
    int64_t high = id_high_water(), now = id_new(cx.now_ms);
    struct renewal r = {.s = s, .mark = (high > now ? high : now) + ((int64_t)MARK_AHEAD_MS << 22)};
    int64_t at = clock_mono_ns();
    enum err e = side_change(&cx, s, lease_renew, &r);
    if (e == OK && r.kept == 1) {
        atomic_store(&s->id_mark, r.mark);
        s->pg->renewed_ns = at;
    } else if (e == OK) { /* we were away so long that another took the number */
        log_line(LOG_WARN, "node_lost", "number=%u", s->node);
        e = node_start(&cx, s);
        if (e == OK)
            e = ERR_BUSY; /* the mark comes with the next renewal */
    }
    arena_close(a);
    return e;
}

static void node_give_back(struct store *s)
{
    struct arena *a = arena_open(256 << 10);
    if (!a)
        return;
    struct cx cx = {.arena = a, .now_ms = clock_now_ms(), .peer = S("")};
    struct renewal r = {.s = s, .mark = id_high_water(), .is_end = true};
    if (side_change(&cx, s, lease_renew, &r) != OK)
        log_line(LOG_WARN, "node_renew", "number=%u reason=not_given_back", s->node);
    arena_close(a);
}

/* Before a commit: every id in it must lie below the stored mark, and the lease must be ours. */
static bool ids_are_safe(struct store *s)
{
    struct pg_side *p = s->pg;
    if (id_high_water() < atomic_load(&s->id_mark) &&
        clock_mono_ns() - p->renewed_ns < (LEASE_MS - 10000) * MS_NS)
        return true;
    pthread_mutex_lock(&p->lock);
    bool is_safe = id_high_water() < atomic_load(&s->id_mark) &&
                   clock_mono_ns() - p->renewed_ns < (LEASE_MS - 10000) * MS_NS;
    if (!is_safe)
        is_safe = node_renew(s) == OK;
    pthread_mutex_unlock(&p->lock);
    return is_safe;
}

static enum err pages_read(struct cx *cx, void *list)
{
    return db_all(cx, &q_table_pages, &table_pages_shape, list, NO_ARGS);
}

enum err pg_look_at_pages(struct store *s)
{
    struct arena *a = arena_open(1 << 20);
    if (!a)
        return ERR_BUSY;
    struct cx cx = {.arena = a, .now_ms = clock_now_ms(), .peer = S("")};
    struct list now = {0};
    pthread_mutex_lock(&s->pg->lock);
    enum err e = side_change(&cx, s, pages_read, &now);
    if (e == OK && plans_are_old(&s->pg->pages, &now))
        atomic_fetch_add(&s->plans_turn, 1);
    pthread_mutex_unlock(&s->pg->lock);
    arena_close(a);
    return e;
}

static void *tender_main(void *store)
{
    struct store *s = store;
    int64_t looked = 0;
    for (int64_t last = 0; !atomic_load(&s->pg->is_stopping); nap_ms(50)) {
        if (clock_mono_ns() - looked >= PLANS_MS * MS_NS) {
            looked = clock_mono_ns();
            (void)pg_look_at_pages(s); /* away: the renewal says so */
        }
        if (clock_mono_ns() - last < RENEW_MS * MS_NS)
            continue;
        last = clock_mono_ns();
        pthread_mutex_lock(&s->pg->lock);
        if (node_renew(s) != OK)
            log_line(LOG_WARN, "node_renew", "number=%u", s->node);
        pthread_mutex_unlock(&s->pg->lock);
    }
    return NULL;
}

/* ---- writers ----------------------------------------------------------------------------------------------- */

/* COMMIT left and no answer came: nothing may run again before its fate is known. */
static enum pg_end settle(struct db *d, struct cx *cx, int64_t xid)
{
    int64_t until = clock_mono_ns() + SETTLE_MS * MS_NS;
    while (xid && clock_mono_ns() < until) {
        int64_t fate = 0;
        if (pg_reconnect(d)) {
            pg_change_begin(d);
            cx->db = d;
            d->broken = OK;
            struct sink to = {.kind = SINK_INT, .out = &fate};
            const struct val v = V(xid);
            enum pg_end how;
            enum err e = pg_rows(cx, d, &q_change_fate, (struct args){&v, 1}, &to);
            e = pg_change_end(cx, d, e, &how);
            if (e == OK && how == PG_END_CLEAR && fate == 1)
                return PG_END_CLEAR;
            if (e == OK && how == PG_END_CLEAR && fate == 2)
                return PG_END_AGAIN;
        }
        nap_ms(20);
    }
    return PG_END_UNKNOWN;
}

/* The ear reads them in their turn; who need not wait for that hears of them now. */
static void heard_something(struct store *s, struct db *d)
{
    if (d)
        store_announce(s, d->events, d->n_events, pg_change_xid(d));
    uint64_t one = 1;
    if (write(s->pg->wake_fd, &one, sizeof one) < 0)
        log_line(LOG_WARN, "ear", "reason=not_woken");
}

static enum err busy(struct cx *cx)
{
    (void)fault(cx, ERR_BUSY, M_STORE_AWAY);
    cx->why.retry_after_s = 2;
    return ERR_BUSY;
}

/* One change: again when others overtook it, and when the connection went before COMMIT. */
static enum err change_whole(struct store *s, struct db *d, struct change *c, unsigned *seed)
{
    int lost = 0, most = c->shrinks ? RUNS_SHRINKING : RUNS_MAX;
    for (int i = 0; i < most; i++) {
        enum pg_end how;
        pg_change_begin(d);
        events_forget(d);
        if (!pg_reconnect(d))
            return busy(c->cx);
        enum err e = change_run(d, c);
        if (e == OK && !ids_are_safe(s))
            e = busy(c->cx);
        e = pg_change_end(c->cx, d, e, &how);
        if (how == PG_END_UNKNOWN) {
            how = settle(d, c->cx, pg_change_xid(d));
            e = how == PG_END_CLEAR ? OK : e;
        } else if (how == PG_END_AGAIN && !pg_is_connected(d) && ++lost > 2) {
            return busy(c->cx);
        }
        if (how == PG_END_UNKNOWN)
            return busy(c->cx);
        if (how == PG_END_CLEAR) {
            if (e == OK && d->n_events)
                heard_something(s, d);
            return e;
        }
        nap_ms(i < 3 ? 0 : rand_r(seed) % (2 * i));
    }
    if (c->shrinks)
        return fault(c->cx, ERR_STALE, M_RECORD_MOVED);
    (void)fault(c->cx, ERR_BUSY, M_STORE_BUSY);
    c->cx->why.retry_after_s = 1;
    return ERR_BUSY;
}

static struct key_held *held_of(struct store *s, int64_t key)
{
    return &s->pg->held[(uint64_t)key * 0x9e3779b97f4a7c15ULL >> 52];
}

/* Urgent ones first, but not for ever: a telephone system that tells of calls without end does not stop everything else. */
static struct change *next_waiting(struct store *s)
{
    bool is_others_turn = s->n_urgent_in_row >= URGENT_IN_ROW && s->lane[LANE_INTERACTIVE].head;
    struct change *c = is_others_turn ? NULL : queue_pop(&s->urgent);
    s->n_urgent_in_row = c ? s->n_urgent_in_row + 1 : 0;
    if (!c)
        return queue_pop(&s->lane[LANE_INTERACTIVE]);
    s->lane[LANE_INTERACTIVE].n--;
    return c;
}

static bool anybody_waits(const struct store *s)
{
    return s->urgent.head || s->lane[LANE_INTERACTIVE].head;
}

/* The next one for this writer; s->lock is held. What another writer holds the key of is left to him, who takes it
 * into his batch: so changes of one record never wait for each other's commit. And what another committed since our
 * batch began is not seen by its snapshot: changes of that key come in our next one. */
static struct change *take(struct writer *w)
{
    struct queue *lane = &w->s->lane[LANE_INTERACTIVE];
    for (struct change *c; (c = queue_pop(&w->kept));) {
        lane->n--;
        if (!c->key || held_of(w->s, c->key)->freed <= w->began)
            return c;
        queue_push(&w->later, c);
        lane->n++;
    }
    for (struct change *c; (c = next_waiting(w->s));) {
        struct key_held *h = held_of(w->s, c->key);
        if (!c->key)
            return c;
        if (!h->n)
            h->by = w;
        h->n++;
        if (h->by == w && h->freed <= w->began)
            return c;
        queue_push(h->by == w ? &w->later : &h->by->kept, c);
        lane->n++; /* it still waits */
    }
    return NULL;
}

/* What was left for the next batch stands before what came meanwhile. */
static void batch_begins(struct writer *w)
{
    w->began = w->s->pg->turn;
    if (!w->later.n)
        return;
    w->later.tail->next = w->kept.head;
    if (w->kept.n)
        w->later.tail = w->kept.tail;
    w->later.n += w->kept.n;
    w->kept = w->later;
    w->later = (struct queue){0};
}

static struct change *next_interactive(struct writer *w)
{
    struct store *s = w->s;
    pthread_mutex_lock(&s->lock);
    batch_begins(w);
    struct change *c;
    while (!(c = take(w)) && !s->is_stopping) {
        s->n_asleep++;
        pthread_cond_wait(&s->wake, &s->lock);
        s->n_asleep--;
        batch_begins(w);
    }
    pthread_mutex_unlock(&s->lock);
    return c;
}

/* One that joins the batch: of a key we hold, or one that no idle writer will take. */
static struct change *next_joining(struct writer *w)
{
    struct store *s = w->s;
    pthread_mutex_lock(&s->lock);
    struct change *c = w->kept.n || !s->n_asleep ? take(w) : NULL;
    pthread_mutex_unlock(&s->lock);
    return c;
}

static bool others_wait(struct writer *w)
{
    struct store *s = w->s;
    pthread_mutex_lock(&s->lock);
    bool wait = w->kept.n || (anybody_waits(s) && !s->n_asleep);
    pthread_mutex_unlock(&s->lock);
    return wait;
}

/* It goes first in the next batch, where it waits for locks with nothing in its hands. */
static void give_back(struct writer *w, struct change *c)
{
    struct store *s = w->s;
    pthread_mutex_lock(&s->lock);
    c->next = w->later.head;
    w->later.head = c;
    if (!w->later.tail)
        w->later.tail = c;
    w->later.n++;
    s->lane[LANE_INTERACTIVE].n++;
    pthread_mutex_unlock(&s->lock);
}

/* Bulk changes stand back while interactive ones wait for a writer, but not for ever. */
static struct change *next_bulk(struct store *s)
{
    struct change *c = NULL;
    pthread_mutex_lock(&s->lock);
    for (;;) {
        bool waits = s->lane[LANE_BULK].n > 0;
        bool may = !s->lane[LANE_INTERACTIVE].n || s->is_stopping ||
                   clock_mono_ns() - s->bulk_waits_since_ns > BULK_PATIENCE_MS * MS_NS;
        if (waits && may) {
            c = queue_pop(&s->lane[LANE_BULK]);
            s->bulk_waits_since_ns = clock_mono_ns();
            break;
        }
        if (s->is_stopping && !waits)
            break;
        if (!waits) {
            pthread_cond_wait(&s->bulk_wake, &s->lock);
            continue;
        }
        pthread_mutex_unlock(&s->lock);
        nap_ms(2);
        pthread_mutex_lock(&s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    return c;
}

static void batch_add(struct writer *w, struct change *c)
{
    w->readers[w->n] = c->cx->db;
    w->ran[w->n++] = c;
}

/* Others join while they wait, each in a savepoint; who is urgent is the last one. Who was overtaken, or waits for a lock, ends the batch: the
 * others are committed, and he begins the next one. So does who is refused: the snapshot is from before he came, and what he
 * builds on may have been committed since. */
static void batch_fill(struct writer *w)
{
    int64_t until = clock_mono_ns() + BATCH_MS * MS_NS;
    while (w->n < BATCH_MAX && clock_mono_ns() < until) {
        struct change *c = next_joining(w);
        if (!c)
            return;
        batch_add(w, c);
        if (c->result == ERR_BUSY)
            continue; /* came while the queue was full */
        enum pg_end how;
        size_t events = w->d->n_events;
        pg_part_begin(c->cx, w->d);
        enum err e = change_run(w->d, c);
        c->result = pg_part_end(c->cx, w->d, e, &how);
        if (!pg_is_connected(w->d))
            return;
        if (c->result != OK)
            w->d->n_events = events;
        if (c->result != OK || how == PG_END_AGAIN) {
            c->cx->db = w->readers[--w->n];
            c->result = OK;
            give_back(w, c);
            return;
        }
        if (c->is_urgent)
            return;
    }
}

/* CLEAR: it is as the results say. AGAIN: nothing was kept. UNKNOWN: nobody can say, or our ids are not safe. */
static enum pg_end batch_commit(struct writer *w)
{
    struct change *last = w->ran[w->n - 1];
    bool is_one = w->n == 1;
    struct cx *cx = is_one ? last->cx : &w->cx;
    enum err e = is_one ? last->result : OK;
    bool is_safe = e != OK || ids_are_safe(w->s);
    enum pg_end how;
    e = pg_change_end(cx, w->d, is_safe ? e : ERR_BUSY, &how);
    if (how == PG_END_UNKNOWN) {
        how = settle(w->d, cx, pg_change_xid(w->d));
        e = how == PG_END_CLEAR ? OK : e;
    }
    if (!is_safe)
        return PG_END_UNKNOWN;
    if (is_one) {
        last->result = e;
        w->d->n_events = e == OK ? w->d->n_events : 0;
    }
    if (!is_one && e != OK && how == PG_END_CLEAR)
        how = PG_END_AGAIN; /* COMMIT was refused */
    return how;
}

/* Each gets its cx back and its answer; after a lost batch each runs alone first. */
static void batch_answer(struct writer *w, enum pg_end how)
{
    struct store *s = w->s;
    if (how == PG_END_CLEAR && w->d->n_events)
        heard_something(s, w->d);
    for (size_t i = 0; i < w->n; i++) {
        struct change *c = w->ran[i];
        bool has_run = c->result != ERR_BUSY || c->cx->why.msg != M_NONE;
        if (how == PG_END_AGAIN && has_run)
            c->result = change_whole(s, w->d, c, &w->seed);
        else if (how == PG_END_UNKNOWN)
            c->result = busy(c->cx);
        c->cx->db = w->readers[i];
    }
    pthread_mutex_lock(&s->lock);
    s->pg->turn++;
    for (size_t i = 0; i < w->n; i++)
        if (w->ran[i]->key) {
            struct key_held *h = held_of(s, w->ran[i]->key);
            h->n--;
            h->freed = s->pg->turn;
        }
    pthread_mutex_unlock(&s->lock);
    for (size_t i = 0; i < w->n; i++)
        change_done(s, w->ran[i], w->ran[i]->result);
    atomic_fetch_add(&s->batches, 1);
}

/* The first change has the transaction for itself and needs no savepoint: when it fails, nothing else is lost. Alone,
 * it commits in the same round trip as its last statements. */
static void batch_run(struct writer *w, struct change *first)
{
    struct db *d = w->d;
    enum pg_end how = PG_END_AGAIN; /* not connected: alone it is refused, or connected */
    w->n = 0;
    batch_add(w, first);
    pg_change_begin(d);
    events_forget(d);
    if (first->result == ERR_BUSY) { /* came while the queue was full */
        how = PG_END_CLEAR;
    } else if (pg_reconnect(d)) {
        first->result = change_run(d, first);
        if (first->result == OK && !first->is_urgent && others_wait(w)) {
            first->result = pg_change_flush(first->cx, d);
            if (first->result == OK)
                batch_fill(w);
        }
        how = batch_commit(w);
    }
    batch_answer(w, how);
}

static void writer_start(struct writer *w, struct store *s)
{
    *w = (struct writer){
        .s = s, .cx = {.arena = arena_open(64 << 10)}, .seed = (unsigned)clock_mono_ns()};
    if (!w->cx.arena || pg_open(&w->cx, s, true, &w->d) != OK)
        abort(); /* out of memory at the start; the service is started again */
}

static void writer_end(struct writer *w)
{
    pg_close(w->d);
    arena_close(w->cx.arena);
}

static void *interactive_main(void *store)
{
    struct writer w;
    writer_start(&w, store);
    for (struct change *c; (c = next_interactive(&w));)
        batch_run(&w, c);
    writer_end(&w);
    return NULL;
}

static void *bulk_main(void *store)
{
    struct store *s = store;
    struct writer w;
    writer_start(&w, s);
    for (struct change *c; (c = next_bulk(s));) {
        struct db *reader = c->cx->db;
        enum err e = c->result == ERR_BUSY ? ERR_BUSY : change_whole(s, w.d, c, &w.seed);
        c->cx->db = reader;
        atomic_fetch_add(&s->batches, 1);
        change_done(s, c, e);
    }
    writer_end(&w);
    return NULL;
}

/* ---- the ear ---------------------------------------------------------------------------------------------------- */

struct ear {
    struct store *s;
    PGconn *c; /* LISTEN and NOTIFY */
    struct db *reader;
    struct arena *arena;
    int64_t xid, seq;
    bool has_position, is_notifying, must_notify;
    int64_t next_try_ns;
};

static bool ear_connect(struct ear *e)
{
    if (e->c && PQstatus(e->c) == CONNECTION_OK)
        return true;
    PQfinish(e->c);
    e->c = NULL;
    e->is_notifying = false;
    if (clock_mono_ns() < e->next_try_ns)
        return false;
    e->next_try_ns = clock_mono_ns() + 500 * MS_NS;
    e->c = pg_connect(e->s->url);
    if (!e->c)
        return false;
    PGresult *r = PQexec(e->c, "SET synchronous_commit = off; LISTEN kith_event");
    bool listens = PQresultStatus(r) == PGRES_COMMAND_OK;
    PQclear(r);
    if (!listens) {
        PQfinish(e->c);
        e->c = NULL;
    }
    return listens;
}

/* Tells the other nodes, once for all that was committed since the last time. */
static void notify_others(struct ear *e)
{
    if (!e->c || !e->must_notify || e->is_notifying)
        return;
    if (PQsendQuery(e->c, "NOTIFY kith_event")) {
        e->must_notify = false;
        e->is_notifying = true;
    }
}

static void take_notices(struct ear *e)
{
    if (!e->c)
        return;
    if (!PQconsumeInput(e->c)) {
        PQfinish(e->c);
        e->c = NULL;
        return;
    }
    while (e->is_notifying && !PQisBusy(e->c)) {
        PGresult *r = PQgetResult(e->c);
        if (!r)
            e->is_notifying = false;
        PQclear(r);
    }
    for (PGnotify *n; (n = PQnotifies(e->c));)
        PQfreemem(n);
}

/* Publishes what stands behind the position; *is_behind: something is committed but may yet be overtaken. */
static bool publish_tail(struct ear *e, bool *is_behind)
{
    arena_reset(e->arena);
    struct cx cx = {.arena = e->arena, .db = e->reader};
    *is_behind = false;
    if (!e->has_position) {
        e->has_position = event_newest(&cx, &e->xid, &e->seq) == OK;
        return false;
    }
    struct list rows = {0};
    if (db_all(&cx, &q_event_tail, &event_tail_shape, &rows,
               ARGS(V(e->xid), V(e->seq), V((int64_t)TAIL_ROWS))) != OK)
        return false;
    const struct event_tail *tail = rows.items;
    struct event *out = ARENA_ARRAY(e->arena, rows.n + 1, struct event);
    size_t n = 0;
    while (n < rows.n && tail[n].is_out) {
        out[n] = tail[n].e;
        n++;
    }
    *is_behind = n < rows.n;
    if (n) {
        e->xid = out[n - 1].xid;
        e->seq = out[n - 1].seq;
        store_publish(e->s, out, n);
    }
    return n == TAIL_ROWS;
}

static void ear_close(struct ear *e)
{
    if (!e)
        return;
    PQfinish(e->c);
    if (e->reader)
        pg_close(e->reader);
    arena_close(e->arena);
    free(e);
}

static void *ear_main(void *arg)
{
    struct ear *e = arg;
    bool is_behind = false;
    while (!atomic_load(&e->s->pg->is_stopping)) {
        bool listens = ear_connect(e);
        struct pollfd fds[2] = {{.fd = e->s->pg->wake_fd, .events = POLLIN},
                                {.fd = listens ? PQsocket(e->c) : -1, .events = POLLIN}};
        int n = poll(fds, 2, is_behind || !e->has_position ? LINE_MS : EAR_MS);
        uint64_t count;
        if (n > 0 && (fds[0].revents & POLLIN) && read(e->s->pg->wake_fd, &count, sizeof count) > 0)
            e->must_notify = true;
        take_notices(e);
        notify_others(e);
        while (publish_tail(e, &is_behind))
            continue;
    }
    ear_close(e);
    return NULL;
}

static enum err ear_start(struct cx *cx, struct store *s)
{
    struct ear *e = calloc(1, sizeof *e);
    if (!e || !(e->arena = arena_open((size_t)64 << 20)))
        return ear_close(e), fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    e->s = s;
    enum err opened = pg_open(cx, s, false, &e->reader);
    if (opened != OK)
        return ear_close(e), opened;
    struct db *outer = cx->db;
    cx->db = e->reader; /* from now on, not from the first time the thread runs */
    e->has_position = event_newest(cx, &e->xid, &e->seq) == OK;
    cx->db = outer;
    if (pthread_create(&s->pg->ear, NULL, ear_main, e) != 0)
        return ear_close(e), fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    s->pg->has_ear = true;
    return OK;
}

/* ---- open, close ---------------------------------------------------------------------------------------------------- */

static enum err version_check(struct cx *cx, struct store *s)
{
    PGconn *c = pg_connect(s->url);
    if (!c)
        return fault(cx, ERR_BUSY, M_STORE_AWAY);
    int version = PQserverVersion(c);
    PQfinish(c);
    if (version >= 150000)
        return OK;
    return fault(cx, ERR_INVALID, M_STORE_OLD_ENGINE,
                 MARG("found", arena_printf(cx->arena, "%d.%d", version / 10000, version % 10000)));
}

static enum err threads_start(struct cx *cx, struct store *s)
{
    s->writers = calloc(s->n_writers + 1, sizeof *s->writers);
    if (!s->writers)
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    for (unsigned i = 0; i <= s->n_writers; i++) {
        if (pthread_create(&s->writers[i], NULL, i ? interactive_main : bulk_main, s) != 0)
            return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
        s->n_writer_threads++;
    }
    if (pthread_create(&s->pg->tender, NULL, tender_main, s) != 0)
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    s->pg->has_tender = true;
    return OK;
}

enum err pg_start(struct cx *cx, struct store *s, const struct store_options *o)
{
    s->url = strdup(arena_cstr(cx->arena, o->url));
    struct pg_side *p = s->pg = calloc(1, sizeof *p);
    if (!s->url || !p)
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    pthread_mutex_init(&p->lock, NULL);
    atomic_store(&s->plans_turn, 1);
    p->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    char host[40] = "";
    gethostname(host, sizeof host - 1);
    snprintf(p->holder, sizeof p->holder, "%s:%d:%llx", host, (int)getpid(),
             (unsigned long long)clock_mono_ns());
    TRY(version_check(cx, s));
    TRY(pg_open(cx, s, true, &s->writer));
    pg_be_patient(s->writer, true);
    TRY(store_migrate(cx, s, o->no_migrate));
    pg_be_patient(s->writer, false);
    TRY(pg_open(cx, s, true, &p->side));
    TRY(node_start(cx, s));
    pthread_mutex_lock(&p->lock);
    enum err e = node_renew(s);
    pthread_mutex_unlock(&p->lock);
    if (e != OK)
        return fault(cx, ERR_BUSY, M_STORE_AWAY);
    TRY(ear_start(cx, s));
    TRY(threads_start(cx, s));
    return keeper_start(cx, s);
}

/* The writers have ended. Gives the node's number back. */
void pg_stop(struct store *s)
{
    struct pg_side *p = s->pg;
    if (!p)
        return;
    atomic_store(&p->is_stopping, true);
    heard_something(s, NULL);
    if (p->has_ear)
        pthread_join(p->ear, NULL);
    if (p->has_tender) {
        pthread_join(p->tender, NULL);
        node_give_back(s);
    }
    pg_close(p->side);
    pg_close(s->writer);
    plan_pages_free(&p->pages);
    if (p->wake_fd >= 0)
        close(p->wake_fd);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

bool pg_is_ready(struct store *s)
{
    struct pg_side *p = s->pg;
    pthread_mutex_lock(&p->lock);
    bool is_ready =
        pg_is_connected(p->side) && clock_mono_ns() - p->renewed_ns < (LEASE_MS - 10000) * MS_NS;
    pthread_mutex_unlock(&p->lock);
    return is_ready;
}
