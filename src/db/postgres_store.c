/* db/postgres_store.c - the threads of a PostgreSQL store: writers, the ear for events, the node's lease.
 *
 * Each interactive change is a transaction of its own on one of several connections, so no batch waits for
 * another's locks; the server's own group commit joins them. Notices are not sent by the changes (that would make their
 * commits queue up behind one lock) but by the ear, once for all that was committed meanwhile; see docs/decisions.
 */
#include "db/postgres.h"
#include "queries.h"
#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum {
    RUNS_MAX = 30,    /* of a change that others overtake */
    SETTLE_MS = 5000, /* for the fate of a change whose COMMIT was not answered */
    BULK_PATIENCE_MS = 250,
    TAIL_ROWS = 500,
    EAR_MS = 1000, /* looks even when nobody called */
    LINE_MS = 1,   /* looks again soon when something committed is still behind the line */
    NODE_MAX = 1023,
    LEASE_MS = 60000,
    RENEW_MS = 5000,
    MARK_AHEAD_MS = 60000,
};

struct pg_side {
    pthread_mutex_t lock; /* of side: lease and mark */
    struct db *side;
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

static enum err lease_take(struct cx *cx, void *state)
{
    struct store *s = state;
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
    int64_t mark = row.id_mark;
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

static void *tender_main(void *store)
{
    struct store *s = store;
    for (int64_t last = 0; !atomic_load(&s->pg->is_stopping); nap_ms(50)) {
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

static void heard_something(struct store *s)
{
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
    int lost = 0;
    for (int i = 0; i < RUNS_MAX; i++) {
        enum pg_end how;
        pg_change_begin(d);
        d->n_events = 0;
        if (!pg_reconnect(d))
            return busy(c->cx);
        enum err e = change_run(d, c);
        if (e == OK && !ids_are_safe(s))
            e = busy(c->cx);
        e = pg_change_end(c->cx, d, e, &how);
        if (how == PG_END_UNKNOWN)
            how = settle(d, c->cx, pg_change_xid(d));
        else if (how == PG_END_AGAIN && !pg_is_connected(d) && ++lost > 2)
            return busy(c->cx);
        if (how == PG_END_UNKNOWN)
            return busy(c->cx);
        if (how == PG_END_CLEAR) {
            if (e == OK && d->n_events)
                heard_something(s);
            return e;
        }
        nap_ms(i < 3 ? 0 : rand_r(seed) % (2 * i));
    }
    (void)fault(c->cx, ERR_BUSY, M_STORE_BUSY);
    c->cx->why.retry_after_s = 1;
    return ERR_BUSY;
}

static struct change *pop(struct queue *q)
{
    struct change *c = q->head;
    q->head = c->next;
    if (!q->head)
        q->tail = NULL;
    q->n--;
    return c;
}

static struct change *next_interactive(struct store *s)
{
    struct change *c = NULL;
    pthread_mutex_lock(&s->lock);
    s->n_running--;
    while (!s->lane[LANE_INTERACTIVE].n && !s->is_stopping) {
        s->n_asleep++;
        pthread_cond_wait(&s->wake, &s->lock);
        s->n_asleep--;
    }
    if (s->lane[LANE_INTERACTIVE].n)
        c = pop(&s->lane[LANE_INTERACTIVE]);
    s->n_running++;
    pthread_mutex_unlock(&s->lock);
    return c;
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
            c = pop(&s->lane[LANE_BULK]);
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

static void *writer_of(struct store *s, struct change *(*next)(struct store *))
{
    struct arena *a = arena_open(64 << 10);
    struct cx cx = {.arena = a};
    struct db *d = NULL;
    unsigned seed = (unsigned)clock_mono_ns();
    if (!a || pg_open(&cx, s, true, &d) != OK)
        abort(); /* out of memory at the start; the service is started again */
    for (struct change *c; (c = next(s));) {
        struct db *reader = c->cx->db;
        enum err e = c->result == ERR_BUSY ? ERR_BUSY : change_whole(s, d, c, &seed);
        c->cx->db = reader;
        atomic_fetch_add(&s->batches, 1);
        change_done(s, c, e);
    }
    pg_close(d);
    arena_close(a);
    return NULL;
}

static void *interactive_main(void *store)
{
    struct store *s = store;
    pthread_mutex_lock(&s->lock);
    s->n_running++;
    pthread_mutex_unlock(&s->lock);
    return writer_of(s, next_interactive);
}

static void *bulk_main(void *store)
{
    return writer_of(store, next_bulk);
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
    heard_something(s);
    if (p->has_ear)
        pthread_join(p->ear, NULL);
    if (p->has_tender) {
        pthread_join(p->tender, NULL);
        node_give_back(s);
    }
    pg_close(p->side);
    pg_close(s->writer);
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
