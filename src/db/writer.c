/* db/writer.c - changes: two queues, and SQLite's one writer with natural group commit.
 *
 * While one commit is on its way to the disk, the next batch collects: no waiting window. A savepoint makes SQLite copy each
 * page that its change touches, and a change that is refused has nearly always written nothing: so a batch runs without, and
 * when one of it was refused after writing, all of it runs again, each in a savepoint, and so do the next batches. When the
 * disk fails, the whole batch ends; nothing of it was answered, so each change runs again alone.
 */
#include "db/db_impl.h"
#include "queries.h"
#include <semaphore.h>
#include <sqlite3.h>

enum {
    BATCH_MAX = 512, /* changes of one commit */
    BATCH_MS = 8,    /* of applying; then it is committed even while more wait */
    BULK_PATIENCE_MS =
        250,      /* after this long without a turn the bulk lane gets one change through */
    CAREFUL = 64, /* batches with savepoints after one that wanted them */
};

/* ---- queues ------------------------------------------------------------------------------- */

void queue_push(struct queue *q, struct change *c)
{
    c->next = NULL;
    if (q->tail)
        q->tail->next = c;
    else
        q->head = c;
    q->tail = c;
    q->n++;
}

struct change *queue_pop(struct queue *q)
{
    struct change *c = q->head;
    if (!c)
        return NULL;
    q->head = c->next;
    if (!q->head)
        q->tail = NULL;
    q->n--;
    return c;
}

struct change *queue_take(struct store *s, enum lane lane)
{
    pthread_mutex_lock(&s->lock);
    struct change *c = queue_pop(&s->lane[lane]);
    pthread_mutex_unlock(&s->lock);
    return c;
}

/* The next of the bulk lane, if it is as soft as the batch that runs. */
static struct change *queue_take_like(struct store *s, bool is_soft)
{
    pthread_mutex_lock(&s->lock);
    struct queue *q = &s->lane[LANE_BULK];
    struct change *c = q->head && q->head->is_soft == is_soft ? queue_pop(q) : NULL;
    pthread_mutex_unlock(&s->lock);
    return c;
}

/* All that waits, under one lock. */
static struct queue queue_take_all(struct store *s, enum lane lane)
{
    pthread_mutex_lock(&s->lock);
    struct queue all = s->lane[lane];
    s->lane[lane] = (struct queue){0};
    pthread_mutex_unlock(&s->lock);
    return all;
}

/* What was taken too much goes back to the front. */
static void queue_give_back(struct store *s, enum lane lane, struct queue rest)
{
    if (!rest.n)
        return;
    pthread_mutex_lock(&s->lock);
    struct queue *q = &s->lane[lane];
    assert(rest.tail);
    rest.tail->next = q->head;
    if (!q->tail)
        q->tail = rest.tail;
    q->head = rest.head;
    q->n += rest.n;
    pthread_mutex_unlock(&s->lock);
}

static bool anything_waits(struct store *s, enum lane lane)
{
    pthread_mutex_lock(&s->lock);
    bool waits = s->lane[lane].n > 0;
    pthread_mutex_unlock(&s->lock);
    return waits;
}

void db_submit(struct store *s, struct change *c)
{
    c->result = OK;
    if (c->lane == LANE_INTERACTIVE)
        atomic_store_explicit(&s->asked_ns, clock_mono_ns(), memory_order_relaxed);
    pthread_mutex_lock(&s->lock);
    bool is_open = !s->is_stopping;
    if (is_open) {
        if (s->lane[c->lane].n >= QUEUE_MAX)
            c->result = ERR_BUSY; /* the writer hands it back */
        if (c->lane == LANE_BULK && s->lane[LANE_BULK].n == 0)
            s->bulk_waits_since_ns = clock_mono_ns();
        bool is_urgent = s->is_postgres && c->is_urgent && c->lane == LANE_INTERACTIVE;
        queue_push(is_urgent ? &s->urgent : &s->lane[c->lane], c);
        s->lane[LANE_INTERACTIVE].n += is_urgent;
        if (s->is_postgres && c->lane == LANE_BULK)
            pthread_cond_signal(&s->bulk_wake);
        else if (s->n_asleep)
            pthread_cond_signal(&s->wake);
    }
    pthread_mutex_unlock(&s->lock);
    if (!is_open)
        change_done(s, c, ERR_BUSY);
}

bool store_is_calm(const struct store *s, int64_t mono_ns)
{
    int64_t asked = atomic_load_explicit(&s->asked_ns, memory_order_relaxed);
    return !s->is_postgres && (asked == 0 || mono_ns - asked > CALM_MS * MS_NS);
}

bool store_is_wanted(struct store *s)
{
    return !s->is_postgres && anything_waits(s, LANE_INTERACTIVE);
}

/* ---- one change --------------------------------------------------------------------------------- */

enum err change_run(struct db *d, struct change *c)
{
    struct cx *cx = c->cx;
    size_t events = d->n_events;
    d->broken = OK;
    d->last_due = 0;
    d->gathers = false;
    d->event_depth = 0;
    cx->db = d;
    cx->made_id = 0;
    cx->why = (struct fault){0};
    enum err e = c->is_soft && d->pg ? db_break(cx, pg_be_soft(cx, d)) : OK;
    if (e == OK)
        e = c->apply(cx, c->state);
    if (e == OK && d->pg)
        e = db_break(cx, pg_musts(cx, d));
    if (e == OK && d->broken != OK) { /* apply overlooked it; we do not */
        cx->why = d->broken_why;
        e = d->broken;
    }
    if (e == OK && arena_is_over(cx->arena))
        e = fault(cx, ERR_TOO_BIG, M_STORE_TOO_BIG);
    if (e != OK)
        d->n_events = events;
    return e;
}

enum err db_settle(struct cx *cx, void *state)
{
    (void)state;
    /* another value each time: a row written as it stood is no write to SQLite, and no flush */
    static _Atomic uint64_t times;
    return db_run(
        cx, &q_store_meta_set,
        ARGS(V("settled"), V(arena_printf(cx->arena, "%lld.%llu", (long long)cx->now_ms,
                                          (unsigned long long)atomic_fetch_add(&times, 1)))));
}

void change_done(struct store *s, struct change *c, enum err e)
{
    if (e == ERR_BUSY && c->cx->why.msg == M_NONE) {
        (void)fault(c->cx, ERR_BUSY, M_STORE_BUSY);
        c->cx->why.retry_after_s = 1;
    }
    if (e == ERR_NO_SPACE)
        room_missed(s);
    atomic_fetch_add(e == OK ? &s->changes : &s->refused, 1);
    c->done(c, e);
}

struct waiting {
    sem_t done;
    enum err result;
};

static void wake_waiting(struct change *c, enum err e)
{
    struct waiting *w = c->owner;
    w->result = e;
    sem_post(&w->done);
}

static enum err change_and_wait(struct store *s, struct cx *cx, enum lane lane, bool is_soft,
                                enum err (*apply)(struct cx *cx, void *state), void *state)
{
    struct waiting w = {.result = ERR_INTERNAL};
    sem_init(&w.done, 0, 0);
    struct db *reader = cx->db;
    struct change c = {.lane = lane,
                       .is_soft = is_soft,
                       .apply = apply,
                       .state = state,
                       .cx = cx,
                       .done = wake_waiting,
                       .owner = &w,
                       .key = cx->key};
    db_submit(s, &c);
    while (sem_wait(&w.done) != 0)
        continue;
    sem_destroy(&w.done);
    cx->db = reader;
    return w.result;
}

enum err db_change(struct store *s, struct cx *cx, enum lane lane,
                   enum err (*apply)(struct cx *cx, void *state), void *state)
{
    return change_and_wait(s, cx, lane, false, apply, state);
}

enum err db_change_soft(struct store *s, struct cx *cx,
                        enum err (*apply)(struct cx *cx, void *state), void *state)
{
    return change_and_wait(s, cx, LANE_BULK, true, apply, state);
}

void store_publish(struct store *s, const struct event *e, size_t n)
{
    if (!n)
        return;
    pthread_mutex_lock(&s->publish_lock);
    if (s->publish)
        s->publish(s->publish_arg, e, n);
    pthread_mutex_unlock(&s->publish_lock);
}

void stall_note(struct store *s, int64_t ns)
{
    int64_t us = ns / 1000, seen = atomic_load(&s->longest_stall_us);
    while (us > seen && !atomic_compare_exchange_weak(&s->longest_stall_us, &seen, us))
        continue;
}

/* ---- batches (SQLite) ------------------------------------------------------------------------------ */

struct batch {
    struct store *s;
    struct db *d;
    struct change *ran[BATCH_MAX];
    struct db *readers[BATCH_MAX]; /* what each cx->db was */
    size_t n;
    bool is_lost; /* the transaction ended under us */
    bool has_savepoints;
    bool is_spoilt;   /* without them: what a refused change wrote stands in it */
    unsigned careful; /* batches to go that have them */
    bool is_soft;     /* its commit does not wait for the disk: soft changes only */
    int64_t said_ns;
};

/* A mark of ids that is ahead of every id in the rows about to be committed. */
static int keep_ids_ahead(struct store *s, struct db *d)
{
    int64_t high = id_high_water(), mark = atomic_load(&s->id_mark);
    if (high < mark - ((int64_t)(ID_AHEAD_MS / 2) << 22))
        return SQLITE_OK;
    mark = high + ((int64_t)ID_AHEAD_MS << 22);
    struct arena *a = arena_open(64 << 10);
    if (!a)
        return SQLITE_NOMEM;
    struct cx cx = {.arena = a, .db = d};
    d->broken = OK;
    enum err e = db_run(&cx, &q_node_mark_set, ARGS(V((int64_t)s->node), V(mark)));
    arena_close(a);
    if (e == ERR_NO_SPACE)
        return SQLITE_FULL;
    if (e != OK)
        return SQLITE_ERROR;
    atomic_store(&s->id_mark, mark);
    return SQLITE_OK;
}

/* Refused before it was begun: the queue was full. */
static bool never_ran(const struct change *c)
{
    return c->result == ERR_BUSY && !c->cx->why.msg;
}

static void run_one(struct batch *b, struct change *c)
{
    struct db *d = b->d;
    b->readers[b->n] = c->cx->db;
    b->ran[b->n++] = c;
    if (c->result == ERR_BUSY)
        return; /* came while the queue was full */
    if (b->has_savepoints && lite_word(d, LITE_SAVE) != SQLITE_OK) {
        b->is_lost = true;
        return;
    }
    int64_t written = lite_total_changes(d);
    enum err e = change_run(d, c);
    if (!lite_in_transaction(d)) {
        b->is_lost = true;
        return;
    }
    if (b->has_savepoints) {
        if (e != OK && lite_word(d, LITE_BACK) != SQLITE_OK)
            b->is_lost = true;
        if (lite_word(d, LITE_RELEASE) != SQLITE_OK)
            b->is_lost = true;
    } else if (e != OK && lite_total_changes(d) != written) {
        b->is_spoilt = true;
    }
    if (lite_disk_failed(d))
        b->is_lost = true; /* the others get a transaction of their own */
    c->result = e;
}

static bool batch_commit(struct batch *b)
{
    if (b->is_lost)
        return false;
    if (keep_ids_ahead(b->s, b->d) != SQLITE_OK || room_claim(b->s, b->d) != SQLITE_OK)
        return false;
    return lite_word(b->d, LITE_COMMIT) == SQLITE_OK;
}

/* Gives every change its cx back and its answer. */
static void batch_answer(struct batch *b)
{
    struct db *d = b->d;
    store_publish(b->s, d->events, d->n_events);
    events_forget(d);
    for (size_t i = 0; i < b->n; i++) {
        struct change *c = b->ran[i];
        c->cx->db = b->readers[i];
        change_done(b->s, c, c->result);
    }
    atomic_fetch_add(&b->s->batches, 1);
    lite_cache_note(d);
}

/* One change in a transaction of its own, after its batch was lost. */
static void run_alone(struct batch *b, struct change *c)
{
    struct db *d = b->d;
    if (never_ran(c))
        return;
    d->n_events = 0;
    if (lite_word(d, LITE_BEGIN) != SQLITE_OK) {
        c->result = fault(c->cx, ERR_INTERNAL, M_STORE_FAILED);
        return;
    }
    enum err e = change_run(d, c);
    if (e == OK && !lite_in_transaction(d))
        e = fault(c->cx, ERR_INTERNAL, M_STORE_FAILED);
    if (e == OK) {
        int rc = keep_ids_ahead(b->s, d);
        if (rc == SQLITE_OK)
            rc = room_claim(b->s, d);
        if (rc == SQLITE_OK)
            rc = lite_word(d, LITE_COMMIT);
        if (rc != SQLITE_OK) {
            e = lite_code(d, rc) == ERR_NO_SPACE ? fault(c->cx, ERR_NO_SPACE, M_STORE_NO_SPACE)
                                                 : fault(c->cx, ERR_INTERNAL, M_STORE_FAILED);
            if (e != ERR_NO_SPACE)
                log_line(LOG_ERROR, "commit", "code=%d", rc);
        }
    }
    if (lite_in_transaction(d))
        (void)lite_word(d, LITE_ROLLBACK);
    if (e != OK)
        atomic_store(&b->s->id_mark, 0);
    if (e == OK)
        store_publish(b->s, d->events, d->n_events);
    d->n_events = 0;
    c->result = e;
}

static void batch_again_one_by_one(struct batch *b)
{
    if (lite_in_transaction(b->d))
        (void)lite_word(b->d, LITE_ROLLBACK);
    atomic_store(&b->s->id_mark, 0); /* what was written of it is gone */
    size_t refused = 0;
    for (size_t i = 0; i < b->n; i++) {
        run_alone(b, b->ran[i]);
        refused += b->ran[i]->result == ERR_NO_SPACE;
    }
    b->d->n_events = 0;
    if (clock_mono_ns() - b->said_ns < 1000 * MS_NS)
        return; /* a disk that stays full is said once a second */
    b->said_ns = clock_mono_ns();
    log_line(LOG_WARN, "batch_lost", "changes=%zu no_space=%zu", b->n, refused);
}

/* The same changes in a new transaction, each in a savepoint. */
static void batch_again_with_savepoints(struct batch *b)
{
    size_t n = b->n;
    b->is_spoilt = false;
    b->has_savepoints = true;
    b->careful = CAREFUL;
    b->d->n_events = 0;
    if (lite_word(b->d, LITE_ROLLBACK) != SQLITE_OK || lite_word(b->d, LITE_BEGIN) != SQLITE_OK) {
        b->is_lost = true;
        return;
    }
    b->n = 0;
    for (size_t i = 0; i < n; i++) {
        struct change *c = b->ran[i];
        c->cx->db = b->readers[i];
        if (!never_ran(c))
            c->result = OK;
        if (!b->is_lost) {
            run_one(b, c);
        } else { /* alone, with the others */
            b->ran[b->n] = c;
            b->readers[b->n++] = c->cx->db;
        }
    }
}

static bool must_end(const struct batch *b)
{
    return b->is_lost || b->is_spoilt || b->n == BATCH_MAX;
}

/* The interactive lane: all that waits and all that comes meanwhile, within reason. */
static void fill_interactive(struct batch *b, struct change *c)
{
    int64_t until = clock_mono_ns() + BATCH_MS * MS_NS;
    struct queue taken = {0};
    while (c) {
        run_one(b, c);
        if (must_end(b) || clock_mono_ns() > until)
            break;
        if (!taken.n)
            taken = queue_take_all(b->s, LANE_INTERACTIVE);
        c = queue_pop(&taken);
    }
    queue_give_back(b->s, LANE_INTERACTIVE, taken);
}

/* The bulk lane: few rows, and it stands back as soon as anything interactive waits. */
static void fill_bulk(struct batch *b, struct change *c)
{
    int64_t until = clock_mono_ns() + SLICE_MS * MS_NS;
    int64_t rows = lite_total_changes(b->d) + SLICE_ROWS;
    while (c) {
        run_one(b, c);
        if (must_end(b) || clock_mono_ns() > until || lite_total_changes(b->d) >= rows ||
            anything_waits(b->s, LANE_INTERACTIVE))
            return;
        c = queue_take_like(b->s, b->is_soft);
    }
}

/* Another program holds the engine's lock: whoever waits is told so at once, not one after the other. */
static void refuse_for_lock(struct batch *b, struct change *first)
{
    struct queue rest = queue_take_all(b->s, LANE_INTERACTIVE);
    for (struct change *c = first; c; c = queue_pop(&rest)) {
        if (!c->cx->why.msg || c->result != ERR_BUSY) {
            (void)fault(c->cx, ERR_BUSY, M_STORE_BUSY);
            c->cx->why.retry_after_s = 2;
        }
        change_done(b->s, c, ERR_BUSY);
    }
    if (clock_mono_ns() - b->said_ns < 1000 * MS_NS)
        return;
    b->said_ns = clock_mono_ns();
    log_line(LOG_WARN, "store_locked", "by=another_program");
}

static void refuse_all(struct store *s)
{
    for (struct change *c; (c = queue_take(s, LANE_INTERACTIVE));)
        change_done(s, c, ERR_BUSY);
}

static void run_batch(struct batch *b, struct change *first)
{
    b->n = 0;
    b->is_lost = b->is_spoilt = false;
    b->has_savepoints = b->careful > 0;
    b->careful -= b->has_savepoints;
    b->is_soft = first->is_soft && first->lane == LANE_BULK;
    int rc = lite_be_soft(b->d, b->is_soft);
    if (rc == SQLITE_OK)
        rc = lite_word(b->d, LITE_BEGIN);
    if ((rc & 0xff) == SQLITE_BUSY) {
        refuse_for_lock(b, first);
        return;
    }
    if (rc != SQLITE_OK) {
        b->is_lost = true;
        b->readers[b->n] = first->cx->db;
        b->ran[b->n++] = first;
    } else if (first->lane == LANE_INTERACTIVE) {
        fill_interactive(b, first);
    } else {
        fill_bulk(b, first);
    }
    if (b->is_spoilt && !b->is_lost)
        batch_again_with_savepoints(b);
    if (!batch_commit(b))
        batch_again_one_by_one(b);
    batch_answer(b);
}

/* The next change to begin a batch with; waits. NULL: the store closes and all is done. */
static struct change *next_first(struct store *s)
{
    struct change *c = NULL;
    pthread_mutex_lock(&s->lock);
    s->n_running--;
    pthread_cond_signal(&s->parked);
    for (;;) {
        if (checkpoint_holds(s)) { /* its moment */
            int64_t from = clock_mono_ns();
            bool was_wanted = s->lane[LANE_INTERACTIVE].n > 0;
            while (checkpoint_holds(s))
                pthread_cond_wait(&s->pause_done, &s->lock);
            if (was_wanted || s->lane[LANE_INTERACTIVE].n > 0)
                stall_note(s, clock_mono_ns() - from);
        }
        bool bulk_may = s->lane[LANE_BULK].n > 0 && (log_mb(s) < WAL_BULK_MB || s->is_closing);
        bool is_starving =
            bulk_may && clock_mono_ns() - s->bulk_waits_since_ns > BULK_PATIENCE_MS * MS_NS;
        if (s->lane[LANE_INTERACTIVE].n > 0 && !is_starving) {
            c = queue_pop(&s->lane[LANE_INTERACTIVE]);
            break;
        }
        if (bulk_may) {
            c = queue_pop(&s->lane[LANE_BULK]);
            s->bulk_waits_since_ns = clock_mono_ns();
            break;
        }
        if (s->is_stopping && !s->lane[LANE_BULK].n)
            break;
        s->n_asleep++;
        pthread_cond_wait(&s->wake, &s->lock);
        s->n_asleep--;
    }
    if (c)
        s->n_running++;
    pthread_mutex_unlock(&s->lock);
    return c;
}

void *lite_writer_main(void *store)
{
    struct store *s = store;
    struct batch *b = calloc(1, sizeof *b);
    if (!b)
        abort(); /* at the start; the service is started again */
    b->s = s;
    b->d = s->writer;
    pthread_mutex_lock(&s->lock);
    s->n_running++;
    pthread_mutex_unlock(&s->lock);
    for (struct change *c; (c = next_first(s));) {
        if (c->lane == LANE_INTERACTIVE && log_mb(s) >= WAL_INTERACTIVE_MB) {
            change_done(s, c, ERR_BUSY);
            refuse_all(s);
            continue;
        }
        run_batch(b, c);
    }
    free(b);
    return NULL;
}
