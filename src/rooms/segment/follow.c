/* rooms/segment/follow.c - the job that keeps members: by events, by the due queue, and while a segment is filled.
 *
 * A slice does one thing: takes out what was deleted, follows events, looks at customers who are due, or fills. */
#include "rooms/segment/inside.h"

enum {
    EVENTS = 200,
    LOOKS = 20,
    FILLS = 200,
    HOLD_NS = 4000000 /* so long a slice goes on: the writer is for others too */
};

struct follow_row {
    int64_t xid, seq;
};
struct filling_row {
    segment_id id;
    int64_t filled_to;
};
struct pair_row {
    int64_t segment, customer;
};
struct due_row {
    int64_t customer, depth; /* depth: of what made him due, for the events that come of it */
};
/* clang-format off */
static const struct field follow_fields[] = {FIELD(struct follow_row, xid), FIELD(struct follow_row, seq)};
static const struct shape segment_follow_row_shape = SHAPE("segment_follow_row", struct follow_row, follow_fields);
static const struct field filling_fields[] = {FIELD(struct filling_row, id), FIELD(struct filling_row, filled_to)};
static const struct shape segment_filling_row_shape = SHAPE("segment_filling_row", struct filling_row, filling_fields);
static const struct field pair_fields[] = {FIELD_AS(struct pair_row, segment, "segment_id"), FIELD_AS(struct pair_row, customer, "customer_id")};
static const struct shape segment_pair_row_shape = SHAPE("segment_pair_row", struct pair_row, pair_fields);
static const struct field due_fields[] = {FIELD_AS(struct due_row, customer, "customer_id"), FIELD(struct due_row, depth)};
static const struct shape rule_due_row_shape = SHAPE("rule_due_row", struct due_row, due_fields);
static const struct field chosen_fields[] = {FIELD_AS(struct number_row, n, "customer_id")};
static const struct shape chosen_shape = SHAPE("segment_followed", struct number_row, chosen_fields);
/* clang-format on */

/* A segment that is followed; one whose condition is right no more keeps its members. */
struct followed {
    const struct segment *s;
    struct expr_plan *plan;
    bool moves;
    int64_t came; /* less those who left */
};
struct follow {
    struct cx *cx;
    struct followed *v;
    size_t n;
    const struct pair_row *pairs; /* members among the customers in hand, by customer */
    size_t n_pairs;
};

/* The plan that was made a moment ago, in the same slice. */
static const struct followed *planned(const struct follow *before, const struct segment *s)
{
    for (size_t i = 0; i < before->n; i++)
        if (before->v[i].s->id.v == s->id.v && before->v[i].s->version == s->version)
            return &before->v[i];
    return NULL;
}

static enum err follow_open(struct cx *cx, const struct follow *before, struct follow *f)
{
    struct list l = {0};
    TRY(db_all(cx, &q_segment_list, &segment_row_shape, &l, NO_ARGS));
    *f = (struct follow){.cx = cx, .v = ARENA_ARRAY(cx->arena, l.n + 1, struct followed), .n = l.n};
    for (size_t i = 0; i < l.n; i++) {
        struct followed *one = &f->v[i];
        one->s = (const struct segment *)l.items + i;
        const struct followed *was = planned(before, one->s);
        if (was) {
            one->plan = was->plan;
            one->moves = was->moves;
            continue;
        }
        enum err e = segment_plan(cx, one->s->text, (str){0}, &one->plan);
        if (e != OK && e != ERR_INVALID)
            return e;
        one->moves = e == OK && expr_moves(one->plan);
        if (e != OK)
            one->plan = NULL;
    }
    cx->why = (struct fault){0};
    return OK;
}

static enum err follow_close(struct follow *f)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->v[i].came)
            TRY(db_run(f->cx, &q_segment_count_moved, ARGS(V(f->v[i].came), V(f->v[i].s->id))));
    return OK;
}

/* ---- one customer in one segment ------------------------------------------------------------ */

static bool was_member(const struct follow *f, int64_t segment, int64_t customer)
{
    for (size_t i = 0; i < f->n_pairs; i++)
        if (f->pairs[i].customer == customer && f->pairs[i].segment == segment)
            return true;
    return false;
}

static enum err members_of(struct follow *f, const int64_t *ids, size_t n)
{
    struct list l = {0};
    TRY(db_all(f->cx, &q_segment_members_of, &segment_pair_row_shape, &l, ARGS(val_ints(ids, n))));
    f->pairs = l.items;
    f->n_pairs = l.n;
    return OK;
}

/* Comes, goes or stays. Nothing is told of those whom the filling has not reached yet. */
static enum err settle(struct follow *f, struct followed *one, int64_t customer, bool holds,
                       bool is_quiet)
{
    struct cx *cx = f->cx;
    segment_id id = one->s->id;
    bool was = was_member(f, id.v, customer);
    is_quiet = is_quiet || (one->s->filled_to.has && customer > one->s->filled_to.v);
    if (holds == was)
        return OK;
    one->came += holds ? 1 : -1;
    if (holds)
        TRY(db_run(cx, &q_segment_enter, ARGS(V(id), V(customer), V(cx->now_ms))));
    else
        TRY(db_run(cx, &q_segment_leave, ARGS(V(id), V(customer))));
    return is_quiet ? OK
                    : event_add(cx, holds ? EVENT_SEGMENT_ENTERED : EVENT_SEGMENT_LEFT, customer,
                                id.v, (str){0});
}

/* Customers in hand, with what the segments in question ask of them. */
struct looked {
    const int64_t *ids;
    const struct due_row *due; /* NULL: they are filled */
    size_t n;
    struct expr_many *many;
};
static enum err look_begin(struct follow *f, struct followed *const *which, size_t n_which,
                           const int64_t *ids, size_t n, struct looked *l)
{
    const struct expr_plan **plans =
        ARENA_ARRAY(f->cx->arena, n_which + 1, const struct expr_plan *);
    for (size_t k = 0; k < n_which; k++)
        plans[k] = which[k]->plan;
    *l = (struct looked){.ids = ids, .n = n};
    TRY(members_of(f, ids, n));
    return expr_load_many(f->cx, plans, n_which, ids, n, &l->many);
}

/* *due: the earliest time at which he should be looked at again; 0: never. */
static enum err look(struct follow *f, struct followed *one, const struct looked *l, size_t i,
                     bool is_quiet, int64_t *due)
{
    struct expr_subject s = {0};
    struct expr_trace t = {0};
    bool holds = false;
    if (expr_one_of(l->many, one->plan, i, &s)) {
        holds = expr_holds(one->plan, &s);
        if (one->moves)
            TRY(expr_trace(f->cx, one->plan, &s, &t));
    }
    if (t.flip_at.ms && (*due == 0 || t.flip_at.ms < *due))
        *due = t.flip_at.ms;
    return settle(f, one, l->ids[i], holds, is_quiet);
}

static enum err look_at_all(struct follow *f, struct followed *const *which, size_t n_which,
                            const struct looked *l, bool is_quiet)
{
    for (size_t i = 0; i < l->n; i++) {
        int64_t due = 0;
        event_depth(f->cx, l->due ? l->due[i].depth : 0);
        for (size_t k = 0; k < n_which; k++)
            TRY(look(f, which[k], l, i, is_quiet, &due));
        if (due)
            TRY(db_run(f->cx, &q_rule_due_at, ARGS(V(l->ids[i]), V(due))));
    }
    event_depth(f->cx, 0);
    return OK;
}

/* ---- the due queue ---------------------------------------------------------------------------- */

static int by_customer(const void *a, const void *b)
{
    int64_t x = ((const struct due_row *)a)->customer, y = ((const struct due_row *)b)->customer;
    return (x > y) - (x < y);
}

static enum err look_at_due(struct follow *f, bool *is_more)
{
    struct list l = {0};
    struct looked looked;
    TRY(db_all(f->cx, &q_rule_due_list, &rule_due_row_shape, &l, ARGS(V(f->cx->now_ms), V(LOOKS))));
    *is_more = l.n > 0;
    if (l.n == 0)
        return OK;
    struct followed **which = ARENA_ARRAY(f->cx->arena, f->n + 1, struct followed *);
    size_t n = 0;
    for (size_t k = 0; k < f->n; k++)
        if (f->v[k].plan)
            which[n++] = &f->v[k];
    struct due_row *due = l.items;
    int64_t *ids = ARENA_ARRAY(f->cx->arena, l.n, int64_t);
    qsort(due, l.n, sizeof *due, by_customer);
    for (size_t i = 0; i < l.n; i++)
        ids[i] = due[i].customer;
    TRY(db_run(f->cx, &q_rule_due_drop, ARGS(val_ints(ids, l.n))));
    TRY(look_begin(f, which, n, ids, l.n, &looked));
    looked.due = due;
    return look_at_all(f, which, n, &looked, false);
}

/* ---- events -------------------------------------------------------------------------------------- */

static enum err follow_events(struct cx *cx, bool *is_more)
{
    struct follow_row at = {0};
    struct list l = {0};
    bool is_gone = false;
    enum err e = db_one(cx, &q_segment_follow_get, &segment_follow_row_shape, &at, NO_ARGS);
    if (e != OK && e != ERR_NOT_FOUND)
        return e;
    if (e == OK)
        TRY(event_after(cx, at.xid, at.seq, EVENTS, &l, &is_gone));
    *is_more = l.n == EVENTS;
    if (e == ERR_NOT_FOUND || is_gone) { /* too long away: everybody is looked at anew */
        TRY(event_newest(cx, &at.xid, &at.seq));
        TRY(db_run(cx, &q_segment_refill_all, NO_ARGS));
        return db_run(cx, &q_segment_follow_put, ARGS(V(at.xid), V(at.seq)));
    }
    if (l.n == 0)
        return OK;
    const struct event *v = l.items;
    int64_t *ids = ARENA_ARRAY(cx->arena, l.n, int64_t), deepest = 0;
    for (size_t i = 0; i < l.n; i++)
        deepest = v[i].depth > deepest ? v[i].depth : deepest;
    for (int64_t depth = 0; depth <= deepest; depth++) {
        size_t n = 0;
        for (size_t i = 0; i < l.n; i++) {
            bool is_own = v[i].type == EVENT_SEGMENT_ENTERED || v[i].type == EVENT_SEGMENT_LEFT;
            if (v[i].customer_id && !is_own && v[i].depth == depth)
                ids[n++] = v[i].customer_id;
        }
        event_depth(cx, depth);
        TRY(segments_due(cx, ids, n)); /* the judge follows events himself */
    }
    event_depth(cx, 0);
    return db_run(cx, &q_segment_follow_put, ARGS(V(v[l.n - 1].xid), V(v[l.n - 1].seq)));
}

/* ---- filling ---------------------------------------------------------------------------------------- */

/* Those of the page whom the condition chooses, by one query: for a condition that does not move. */
static enum err chosen(struct cx *cx, const struct expr_plan *p, const int64_t *ids, size_t n,
                       struct list *out)
{
    struct made_text m = made_begin(cx);
    const struct query *q = NULL;
    made_sql(
        &m,
        "SELECT s.customer_id FROM standing s JOIN customer c ON c.id = s.customer_id WHERE s.customer_id IN ");
    made_val(&m, val_ints(ids, n));
    made_sql(&m, " AND ");
    expr_sql(p, &m);
    made_sql(&m, " ORDER BY s.customer_id LIMIT 1000");
    TRY(made_query(cx, &m, "segment_chosen", &q));
    return db_all(cx, q, &chosen_shape, out, made_args(&m));
}

static enum err fill_page(struct follow *f, struct followed *one, const int64_t *ids, size_t n)
{
    struct list in = {0};
    TRY(members_of(f, ids, n));
    TRY(chosen(f->cx, one->plan, ids, n, &in));
    const struct number_row *c = in.items;
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        while (k < in.n && c[k].n < ids[i])
            k++;
        TRY(settle(f, one, ids[i], k < in.n && c[k].n == ids[i], true));
    }
    return OK;
}

/* Those that move and have come as far are filled together: each customer is read once. */
static size_t beside(struct follow *f, struct followed *one, struct followed **out)
{
    size_t n = 0;
    for (size_t i = 0; i < f->n; i++) {
        struct followed *other = &f->v[i];
        bool fits = other->plan && other->moves && other->s->filled_to.has &&
                    other->s->filled_to.v == one->s->filled_to.v;
        if (other == one || (fits && one->moves))
            out[n++] = other;
    }
    return n;
}

static enum err fill(struct follow *f, bool *is_more)
{
    struct filling_row at = {0};
    struct followed *one = NULL;
    struct list l = {0};
    enum err e = db_one(f->cx, &q_segment_filling, &segment_filling_row_shape, &at, NO_ARGS);
    *is_more = e == OK;
    if (e != OK)
        return e == ERR_NOT_FOUND ? OK : e;
    for (size_t i = 0; i < f->n; i++)
        if (f->v[i].s->id.v == at.id.v)
            one = &f->v[i];
    if (!one || !one->plan)
        return db_run(f->cx, &q_segment_failed, ARGS(V(err_code(ERR_INVALID)), V(at.id)));
    struct followed **which = ARENA_ARRAY(f->cx->arena, f->n + 1, struct followed *);
    size_t n = beside(f, one, which);
    int64_t page = one->moves ? LOOKS : FILLS;
    TRY(db_all(f->cx, &q_segment_fill_page, &chosen_shape, &l, ARGS(V(at.filled_to), V(page))));
    const int64_t *ids = l.items;
    struct looked looked;
    if (l.n && one->moves) {
        TRY(look_begin(f, which, n, ids, l.n, &looked));
        TRY(look_at_all(f, which, n, &looked, true));
    } else if (l.n) {
        TRY(fill_page(f, one, ids, l.n));
    }
    struct val to = (int64_t)l.n < page ? VNULL : V(ids[l.n - 1]);
    for (size_t i = 0; i < n; i++)
        TRY(db_run(f->cx, &q_segment_filled, ARGS(to, V(which[i]->s->id))));
    return OK;
}

/* ---- the job ------------------------------------------------------------------------------------------- */

static enum err take_out(struct cx *cx, bool *is_more)
{
    int64_t id = 0, n = 0;
    enum err e = db_int(cx, &q_segment_going, &id, NO_ARGS);
    *is_more = e == OK;
    if (e != OK)
        return e == ERR_NOT_FOUND ? OK : e;
    TRY(db_run_count(cx, &q_segment_members_drop, &n, ARGS(V(id))));
    return n ? OK : db_run(cx, &q_segment_drop, ARGS(V(id)));
}

static enum err slice(struct cx *cx, str args, int64_t *position, int64_t *progress, int64_t *total,
                      bool *finished)
{
    (void)args;
    (void)total;
    struct follow f = {0};
    struct actor was = cx->actor;
    bool is_more = false, more_events = false;
    *finished = false;
    ++*position;
    ++*progress;
    TRY(take_out(cx, &is_more));
    if (is_more)
        return OK;
    cx->actor = (struct actor){.kind = ACTOR_SYSTEM};
    int64_t begun = clock_mono_ns();
    enum err e;
    do {
        const struct follow before = f;
        e = follow_open(cx, &before, &f);
        if (e == OK && f.n == 0) {
            *finished = true;
        } else if (e == OK) {
            e = follow_events(cx, &more_events);
            if (e == OK)
                e = look_at_due(&f, &is_more);
            if (e == OK && !is_more && !more_events)
                e = fill(&f, &is_more);
            if (e == OK)
                e = follow_close(&f);
            *finished = !is_more && !more_events;
        }
    } while (e == OK && !*finished && clock_mono_ns() - begun < HOLD_NS);
    cx->actor = was;
    return e;
}

/* The one that is filled is the likeliest cause; without it the others go on. */
static enum err gave_up(struct cx *cx, str args, enum err why)
{
    struct filling_row at = {0};
    (void)args;
    enum err e = db_one(cx, &q_segment_filling, &segment_filling_row_shape, &at, NO_ARGS);
    if (e != OK)
        return e == ERR_NOT_FOUND ? OK : e;
    return db_run(cx, &q_segment_failed, ARGS(V(err_code(why)), V(at.id)));
}
const struct job_kind segment_job = {
    .name = "segment.follow", .slice = slice, .every_ms = 5000, .gave_up = gave_up};
