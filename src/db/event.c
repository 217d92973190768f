/* db/event.c - events: what a change tells beside its rows. */
#include "db/event.h"
#include "db/db_impl.h"
#include "queries.h"

const char *const event_codes[EVENT_N] = {
#define X(name, code) code,
    EVENT_LIST(X)
#undef X
};

static const struct field event_fields[] = {
    FIELD(struct event, xid),
    FIELD(struct event, seq),
    FIELD_ENUM(struct event, type, event_codes),
    FIELD(struct event, at_ms),
    FIELD(struct event, customer_id),
    FIELD(struct event, ref_id),
    FIELD(struct event, data),
    FIELD(struct event, depth),
};
const struct shape event_shape = SHAPE("event", struct event, event_fields);

struct event_position {
    int64_t xid, seq;
};
static const struct field event_position_fields[] = {
    FIELD(struct event_position, xid),
    FIELD(struct event_position, seq),
};
const struct shape event_position_shape =
    SHAPE("event_position", struct event_position, event_position_fields);

/* Keeps what the commit will publish (SQLite) or announce (a PostgreSQL node reads the rows in their order). */
static enum err remember(struct cx *cx, struct db *d, const struct event *e)
{
    if (!d->event_arena && !(d->event_arena = arena_open((size_t)64 << 20)))
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    if (d->n_events == d->cap_events) {
        size_t cap = d->cap_events ? d->cap_events * 2 : 64;
        struct event *more = realloc(d->events, cap * sizeof *more);
        if (!more)
            return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
        d->events = more;
        d->cap_events = cap;
    }
    d->events[d->n_events] = *e;
    d->events[d->n_events].data = e->data.len ? arena_str(d->event_arena, e->data) : S("");
    if (arena_is_over(d->event_arena))
        return fault(cx, ERR_TOO_BIG, M_STORE_TOO_BIG);
    d->n_events++;
    return OK;
}

static bool is_gathered(enum event_type t)
{
    return t == EVENT_CUSTOMER_CREATED || t == EVENT_CUSTOMER_CHANGED ||
           t == EVENT_INTERACTION_ADDED || t == EVENT_ORDER_ADDED;
}

void event_depth(struct cx *cx, int64_t depth)
{
    cx->db->event_depth = depth;
}

void event_gather(struct cx *cx)
{
    cx->db->gathers = true;
    cx->db->gathered = 0;
    cx->db->n_gathered = 0;
}

static enum err gathered_of(struct cx *cx, int64_t customer)
{
    struct db *d = cx->db;
    if (d->n_gathered && d->gathered_ids[d->n_gathered - 1] == customer)
        return OK;
    if (d->n_gathered == d->cap_gathered) {
        size_t cap = d->cap_gathered ? d->cap_gathered * 2 : 256;
        int64_t *more = realloc(d->gathered_ids, cap * sizeof *more);
        if (!more)
            return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
        d->gathered_ids = more;
        d->cap_gathered = cap;
    }
    d->gathered_ids[d->n_gathered++] = customer;
    return OK;
}

enum err segments_due(struct cx *cx, const int64_t *customers, size_t n)
{
    return n ? db_run(cx, &q_segments_due, ARGS(V(cx->db->event_depth), val_ints(customers, n)))
             : OK;
}

static enum err all_due(struct cx *cx, const int64_t *customers, size_t n, bool reads_all)
{
    TRY(segments_due(cx, customers, n));
    return n ? db_run(cx, &q_judge_due_many,
                      ARGS(V(cx->db->event_depth), V(reads_all), val_ints(customers, n)))
             : OK;
}

enum err rules_due(struct cx *cx, const int64_t *customers, size_t n)
{
    return all_due(cx, customers, n, false);
}

enum err rules_due_untold(struct cx *cx, const int64_t *customers, size_t n)
{
    return all_due(cx, customers, n, true);
}

enum err event_gathered(struct cx *cx)
{
    struct db *d = cx->db;
    d->gathers = false;
    if (d->gathered == 0)
        return OK;
    TRY(rules_due_untold(cx, d->gathered_ids, d->n_gathered));
    return event_add(cx, EVENT_CUSTOMERS_CHANGED, 0, 0,
                     arena_printf(cx->arena, "%lld", (long long)d->gathered));
}

enum err event_add(struct cx *cx, enum event_type type, int64_t customer, int64_t ref, str data)
{
    struct db *d = cx->db;
    assert(d->is_writer);
    if (d->gathers && is_gathered(type)) {
        d->gathered++;
        return gathered_of(cx, customer);
    }
    struct event e = {.seq = id_new(cx->now_ms),
                      .type = (int)type,
                      .at_ms = cx->now_ms,
                      .customer_id = customer,
                      .ref_id = ref,
                      .data = data,
                      .depth = d->event_depth};
    TRY(db_run(cx, &q_event_insert,
               ARGS(V(e.seq), V(event_codes[type]), V(e.at_ms), V(customer), V(ref), V(data),
                    V(e.depth))));
    return db_break(cx, remember(cx, d, &e));
}

void store_on_events(struct store *s, void (*publish)(void *arg, const struct event *e, size_t n),
                     void *arg)
{
    pthread_mutex_lock(&s->publish_lock);
    s->publish = publish;
    s->publish_arg = arg;
    pthread_mutex_unlock(&s->publish_lock);
}

void store_on_commits(struct store *s, void (*announce)(void *arg, const struct event *e, size_t n),
                      void *arg)
{
    pthread_mutex_lock(&s->publish_lock);
    s->announce = announce;
    s->announce_arg = arg;
    pthread_mutex_unlock(&s->publish_lock);
}

void events_forget(struct db *d)
{
    d->n_events = 0;
    if (d->event_arena)
        arena_reset(d->event_arena);
}

void store_announce(struct store *s, struct event *e, size_t n, int64_t xid)
{
    for (size_t i = 0; i < n; i++)
        e[i].xid = xid;
    if (!n || !xid)
        return;
    pthread_mutex_lock(&s->publish_lock);
    if (s->announce)
        s->announce(s->announce_arg, e, n);
    pthread_mutex_unlock(&s->publish_lock);
}

/* The position of the newest row that was cut off, kept by event_trim_slice. */
static enum err cut_position(struct cx *cx, struct event_position *cut)
{
    struct store_text t = {0};
    enum err e = db_one(cx, &q_store_meta_get, &store_text_shape, &t, ARGS(V("events_cut")));
    if (e == ERR_NOT_FOUND)
        return OK;
    TRY(e);
    str seq = t.value, xid = str_cut(&seq, ' ');
    if (!str_to_int(xid, &cut->xid) || !str_to_int(seq, &cut->seq))
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    return OK;
}

static bool is_before(struct event_position a, struct event_position b)
{
    return a.xid < b.xid || (a.xid == b.xid && a.seq < b.seq);
}

/* Cuts the oldest events off, up to limit of them, and remembers where. */
enum err event_trim_slice(struct cx *cx, int64_t before_ms, int64_t limit, int64_t *cut)
{
    struct event_position last = {0};
    *cut = 0;
    enum err e =
        db_one(cx, &q_event_trim_last, &event_position_shape, &last, ARGS(V(limit), V(before_ms)));
    if (e == ERR_NOT_FOUND)
        return OK;
    TRY(e);
    TRY(db_run_count(cx, &q_event_trim, cut, ARGS(V(last.xid), V(last.seq))));
    str at = arena_printf(cx->arena, "%lld %lld", (long long)last.xid, (long long)last.seq);
    return db_run(cx, &q_store_meta_set, ARGS(V("events_cut"), V(at)));
}

/* After a dump was restored: old events come before all that this cluster makes, in the order of their numbers. */
enum err event_settle(struct cx *cx)
{
    int64_t moved = 0;
    struct event_position cut = {0};
    TRY(db_int(cx, &q_event_is_moved, &moved, NO_ARGS));
    if (!moved)
        return OK;
    TRY(cut_position(cx, &cut));
    TRY(db_run(cx, &q_event_moved, NO_ARGS));
    str at = arena_printf(cx->arena, "0 %lld", (long long)cut.seq);
    return db_run(cx, &q_store_meta_set, ARGS(V("events_cut"), V(at)));
}

enum err event_after(struct cx *cx, int64_t xid, int64_t seq, size_t limit, struct list *out,
                     bool *is_gone)
{
    *out = (struct list){0};
    struct event_position cut = {0}, newest = {0}, from = {xid, seq};
    TRY(cut_position(cx, &cut));
    TRY(event_newest(cx, &newest.xid, &newest.seq));
    /* cut off already, or of a time that this store never saw: it was restored from a copy */
    *is_gone = is_before(from, cut) || (is_before(newest, from) && is_before(cut, from));
    if (*is_gone)
        return OK;
    return db_all(cx, &q_event_after, &event_shape, out, ARGS(V(xid), V(seq), V((int64_t)limit)));
}

enum err event_newest(struct cx *cx, int64_t *xid, int64_t *seq)
{
    struct event_position p = {0};
    enum err e = db_one(cx, &q_event_newest, &event_position_shape, &p, NO_ARGS);
    *xid = p.xid;
    *seq = p.seq;
    return e == ERR_NOT_FOUND ? OK : e;
}

/* The same customer twice in a row, as a new record and its handles are, is told once. */
enum err search_due(struct cx *cx, const int64_t *customers, size_t n)
{
    struct db *d = cx->db;
    if (n == 0 || (n == 1 && d->last_due == customers[0]))
        return OK;
    d->last_due = customers[n - 1];
    if (n == 1)
        return db_run(cx, &q_search_due_insert, ARGS(V(customers[0])));
    return db_run(cx, &q_search_due_insert_many, ARGS(val_ints(customers, n)));
}
