/* rooms/judge/follow.c - the job: by events, by the due queue, and while all are looked at anew.
 *
 * What there is to read is read on a reader (plan): who is due, what he wrote, his risk, the rules. The writer (write) gets what
 * is to be written, looks once more at those whom that moves, and takes off the queue whom nobody put there meanwhile.
 * What a plan saw may be old when it is written. Nothing is lost by it: what happened since is an event behind the page, or a
 * row of the queue that is not as it was, and he is looked at again; how far his texts were read stands in his row (evidence);
 * a change of rules is seen by its round, and the page is planned anew. */
#include "rooms/evidence/evidence.h"
#include "rooms/judge/inside.h"
#include "rooms/risk/risk.h"
#include <stdatomic.h>

enum {
    EVENTS = 600, /* whom they name again and again is looked at once */
    QUEUED = 120, /* who waits, beside them */
    PIECE = 40,   /* so many are read together; at most EVIDENCE_TOGETHER */
    FILLS = 200,
    EVERY_MS = 200,
    GATHER_MS = 40, /* so long customers are gathered before those in hand are written */
    ROWS = 50,      /* about so many are written at a time: the writer is for others too … */
    /* … but on PostgreSQL, where nobody waits for the one of this lane; there each page costs more beside what it reads, and of
     * one that holds more fewer are looked at twice. */
    GATHER_LONG_MS = 80,
    ROWS_MANY = 150,
    GATHERED_BYTES = 4 << 20
};

struct due_row {
    int64_t customer, depth, due_ms;
    bool
        reads_all; /* something of his was written of which no event told, or he was not read to the end */
};
struct root_row {
    int64_t id, root;
};
/* Somebody to be looked at. */
struct due {
    struct due_row row; /* as it stands in the queue; depth: also that of events */
    bool is_queued;
    size_t turn;    /* in which he is looked at */
    size_t event;   /* the first that names him; NO_EVENT: he only waits */
    bool reads_all; /* else what he wrote since are these contacts: */
    int64_t *told;
    size_t n_told;
    bool is_looked;
    const struct evidence_found *evidence;
    const struct risk_look *risk;
    bool moves; /* a rule may say something else of him, or his next time must be set */
    bool stays; /* on the queue, for the time at which he stands there */
};
static const size_t NO_EVENT = SIZE_MAX;
struct page {
    struct judge_set set;
    struct follow_state at;
    bool is_shipped, is_there;
    bool is_gone; /* too long away: the events behind `at` are no more kept */
    const struct event *events;
    size_t
        n_events; /* whose customers are looked at now; the page ends before the first of another's */
    struct due *due; /* by customer */
    size_t n_due;
    bool has_merged; /* something is kept of records that went into theirs */
    bool is_more;
    struct looked *fills;
    size_t n_fills;
};
/* clang-format off */
static const struct field follow_fields[] = {
    FIELD(struct follow_state, xid), FIELD(struct follow_state, seq), FIELD(struct follow_state, filled_to), FIELD(struct follow_state, round),
    FIELD(struct follow_state, looked), FIELD(struct follow_state, changed),
    FIELD_AS(struct follow_state, begun_at, "begun_ms"), FIELD_AS(struct follow_state, done_at, "done_ms"), FIELD(struct follow_state, holds),
};
const struct shape judge_follow_row_shape = SHAPE("judge_follow_row", struct follow_state, follow_fields);
static const struct field due_fields[] = {
    FIELD_AS(struct due_row, customer, "customer_id"), FIELD(struct due_row, depth), FIELD(struct due_row, due_ms), FIELD(struct due_row, reads_all),
};
static const struct shape judge_due_row_shape = SHAPE("judge_due_row", struct due_row, due_fields);
static const struct field root_fields[] = {FIELD(struct root_row, id), FIELD_AS(struct root_row, root, "root_id")};
static const struct shape judge_root_row_shape = SHAPE("judge_root_row", struct root_row, root_fields);
/* clang-format on */

enum err judge_follow_read(struct cx *cx, struct follow_state *out, bool *is_there)
{
    enum err e = db_one(cx, &q_judge_follow_get, &judge_follow_row_shape, out, NO_ARGS);
    *is_there = e == OK;
    return e == ERR_NOT_FOUND ? OK : e;
}

enum err judge_all_again(struct cx *cx)
{
    return db_run(cx, &q_judge_follow_anew, ARGS(V(cx->now_ms)));
}

/* The first time: in a small house also what everybody wrote is read now. In a large one a customer's is when he is heard
 * of again. */
enum err judge_read_all(struct cx *cx, bool *is_read)
{
    enum { SMALL = 20000 };
    int64_t n = 0;
    TRY(db_int(cx, &q_judge_total_to, &n, ARGS(V(SMALL + 1))));
    *is_read = n <= SMALL;
    return *is_read ? db_run(cx, &q_judge_due_all, NO_ARGS) : OK;
}

/* ---- whom to look at ------------------------------------------------------------------------ */

static int by_customer(const void *a, const void *b)
{
    int64_t x = ((const struct due *)a)->row.customer, y = ((const struct due *)b)->row.customer;
    return (x > y) - (x < y);
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* In order, each once: with the greatest depth, his first turn, and all that is told of him. */
static size_t once(struct due *v, size_t n)
{
    size_t kept = 0;
    if (n)
        qsort(v, n, sizeof *v, by_customer);
    for (size_t i = 0; i < n; i++) {
        struct due *d = kept ? &v[kept - 1] : NULL;
        if (!d || d->row.customer != v[i].row.customer) {
            v[kept++] = v[i];
            continue;
        }
        d->row.depth = larger(d->row.depth, v[i].row.depth);
        d->turn = v[i].turn < d->turn ? v[i].turn : d->turn;
        d->event = v[i].event < d->event ? v[i].event : d->event;
        d->reads_all |= v[i].reads_all;
        d->n_told += v[i].n_told;
    }
    return kept;
}

/* Events that tell of no text, or of one contact. */
static bool is_plain(const struct event *e)
{
    switch (e->type) {
    case EVENT_INTERACTION_ADDED:
    case EVENT_CUSTOMER_CREATED:
    case EVENT_ORDER_ADDED:
    case EVENT_TASK_CHANGED:
    case EVENT_CALL_RINGING:
    case EVENT_CALL_ANSWERED:
    case EVENT_CALL_ENDED:
    case EVENT_SEGMENT_ENTERED:
    case EVENT_SEGMENT_LEFT:
        return true;
    case EVENT_CUSTOMER_CHANGED:
        return str_eq(e->data, S("activity"));
    default:
        return false;
    }
}

static int by_record(const void *a, const void *b)
{
    int64_t x = ((const struct root_row *)a)->id, y = ((const struct root_row *)b)->id;
    return (x > y) - (x < y);
}

/* The contacts that the events tell of, each with its customer. */
static void take_told(struct cx *cx, struct due *v, size_t n, const struct event *e,
                      const int64_t *root_of, size_t n_events)
{
    for (size_t i = 0; i < n; i++) {
        v[i].told = ARENA_ARRAY(cx->arena, v[i].n_told + 1, int64_t);
        v[i].n_told = 0;
    }
    for (size_t i = 0; i < n_events; i++) {
        struct due key = {.row = {.customer = root_of[i]}};
        struct due *d = root_of[i] && e[i].type == EVENT_INTERACTION_ADDED
                            ? bsearch(&key, v, n, sizeof *v, by_customer)
                            : NULL;
        if (d)
            d->told[d->n_told++] = e[i].ref_id;
    }
}

static int by_id(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Who answers for these, in order. Nearly all do for themselves, which an index says without their rows. */
static enum err roots_of(struct cx *cx, int64_t *ids, size_t n_ids, struct list *out)
{
    struct list own = {0}, others = {0};
    size_t n = 0;
    *out = (struct list){0};
    if (n_ids == 0)
        return OK;
    qsort(ids, n_ids, sizeof *ids, by_id);
    for (size_t i = 0; i < n_ids; i++)
        if (n == 0 || ids[n - 1] != ids[i]) /* a call names its customer three times */
            ids[n++] = ids[i];
    TRY(db_all(cx, &q_judge_own, &judge_root_row_shape, &own, ARGS(val_ints(ids, n))));
    size_t n_others = 0;
    for (size_t i = 0; i < n; i++) {
        struct root_row key = {.id = ids[i]};
        if (!own.n || !bsearch(&key, own.items, own.n, sizeof key, by_record))
            ids[n_others++] = ids[i];
    }
    *out = own;
    if (n_others == 0)
        return OK;
    TRY(db_all(cx, &q_judge_roots, &judge_root_row_shape, &others, ARGS(val_ints(ids, n_others))));
    struct root_row *all = ARENA_ARRAY(cx->arena, own.n + others.n + 1, struct root_row);
    if (own.n)
        memcpy(all, own.items, own.n * sizeof *all);
    if (others.n)
        memcpy(all + own.n, others.items, others.n * sizeof *all);
    qsort(all, own.n + others.n, sizeof *all, by_record);
    *out = (struct list){all, own.n + others.n};
    return OK;
}

/* Who waits and whom the events behind the page name, the records that answer for them, in turns. */
static enum err choose(struct cx *cx, struct page *p)
{
    struct list l = {0}, roots = {0}, queue = {0};
    TRY(event_after(cx, p->at.xid, p->at.seq, EVENTS, &l, &p->is_gone));
    if (p->is_gone)
        return OK;
    TRY(db_all(cx, &q_judge_due_list, &judge_due_row_shape, &queue,
               ARGS(V(cx->now_ms), V((int64_t)QUEUED))));
    const struct event *e = p->events = l.items;
    int64_t *ids = ARENA_ARRAY(cx->arena, l.n + 1, int64_t),
            *root_of = ARENA_ARRAY(cx->arena, l.n + 1, int64_t);
    struct due *all = ARENA_ARRAY(cx->arena, l.n + queue.n + 1, struct due);
    size_t n_ids = 0, n = 0;
    p->n_events = l.n;
    for (size_t i = 0; i < l.n; i++)
        if (e[i].customer_id && e[i].type != EVENT_CUSTOMER_JUDGED)
            ids[n_ids++] = e[i].customer_id;
    TRY(roots_of(cx, ids, n_ids, &roots));
    for (size_t i = 0; i < l.n; i++) {
        struct root_row key = {.id = e[i].customer_id};
        const struct root_row *r = roots.n && key.id && e[i].type != EVENT_CUSTOMER_JUDGED
                                       ? bsearch(&key, roots.items, roots.n, sizeof key, by_record)
                                       : NULL;
        root_of[i] = r ? r->root : 0;
        if (r)
            all[n++] = (struct due){.row = {.customer = r->root, .depth = e[i].depth},
                                    .turn = 2 * i,
                                    .event = i,
                                    .reads_all = !is_plain(&e[i]),
                                    .n_told = e[i].type == EVENT_INTERACTION_ADDED};
    }
    for (size_t i = 0; i < queue.n; i++)
        all[n++] = (struct due){
            .row = ((const struct due_row *)queue.items)[i], .turn = 2 * i + 1, .event = NO_EVENT};
    p->due = all;
    p->n_due = once(all, n);
    take_told(cx, p->due, p->n_due, e, root_of, l.n);
    p->is_more = p->n_events == EVENTS || queue.n == QUEUED;
    return OK;
}

static void ids_of(const struct due *v, size_t n, int64_t *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = v[i].row.customer;
}

/* His row; rows lie in the order of customers. */
static const struct due_row *row_of(const struct list *rows, size_t *at, int64_t customer)
{
    const struct due_row *r = rows->items;
    while (*at < rows->n && r[*at].customer < customer)
        ++*at;
    return *at < rows->n && r[*at].customer == customer ? &r[*at] : NULL;
}

static enum err take_down(struct cx *cx, struct page *p)
{
    int64_t *ids = ARENA_ARRAY(cx->arena, p->n_due + 1, int64_t);
    struct list rows = {0};
    size_t at = 0;
    ids_of(p->due, p->n_due, ids);
    TRY(db_all(cx, &q_judge_due_of, &judge_due_row_shape, &rows, ARGS(val_ints(ids, p->n_due))));
    for (size_t i = 0; i < p->n_due; i++) {
        struct due *d = &p->due[i];
        const struct due_row *r = row_of(&rows, &at, d->row.customer);
        d->is_queued = r != NULL;
        if (r) {
            d->row.due_ms = r->due_ms;
            d->row.depth = larger(d->row.depth, r->depth);
            d->reads_all |= r->reads_all;
        }
    }
    return OK;
}

static bool has_new_risk(const struct due *d)
{
    return d->risk && risk_is_news(d->risk);
}

/* ---- plan: what there is to say of them --------------------------------------------------------- */

/* Whom of them it moves: him the writer looks at once more, beside what is new of him. Of the others the rules say what they
 * said, also when their risk is as it was found now; should that be wrong by then, it was something that brings him up again. */
static enum err look_ahead(struct cx *cx, struct page *p, struct due *const *who,
                           const int64_t *roots, size_t n_who)
{
    const void **risks = ARENA_ARRAY(cx->arena, n_who + 1, const void *);
    struct looked *v = NULL;
    size_t n = 0;
    int64_t merged = 0;
    for (size_t k = 0; k < n_who; k++)
        if (has_new_risk(who[k]))
            risks[k] = risk_part_of(cx->arena, who[k]->risk);
    TRY(judge_look_given(cx, &p->set, roots, n_who, (struct judge_given){&risk_part, risks}, &v,
                         &n));
    for (size_t i = 0, k = 0; k < n_who; k++) {
        struct due *d = who[k];
        while (i < n && v[i].customer < d->row.customer)
            i++;
        bool is_here = i < n && v[i].customer == d->row.customer;
        bool is_news =
            (d->evidence && evidence_is_news(d->evidence)) || (is_here && v[i].is_changed);
        d->stays = !is_news && is_here && d->is_queued && v[i].due_ms &&
                   v[i].due_ms == d->row.due_ms; /* 0 there: never; 0 in the queue: now */
        d->moves = is_news || (is_here && v[i].due_ms && !d->stays);
    }
    enum err e = db_int(cx, &q_judgement_of_merged, &merged, ARGS(val_ints(roots, n_who)));
    p->has_merged |= e == OK;
    return e == ERR_NOT_FOUND ? OK : e;
}

/* One who wrote much. */
static enum err read_alone(struct cx *cx, struct due *d)
{
    struct evidence_found *f = NULL;
    enum err e = evidence_read(cx, (customer_id){d->row.customer}, &f);
    if (e != OK && e != ERR_NOT_FOUND) /* erased since */
        return e;
    cx->why = (struct fault){0};
    d->evidence = e == OK ? f : NULL;
    d->is_looked = true;
    return OK;
}

/* What they wrote: of all together; where that is too much, of each half, for it is seldom more than one who wrote so much. The
 * first is always read; from there on as many as there is room for. */
static enum err read_texts(struct cx *cx, const struct page *p, struct due **v, size_t n)
{
    struct evidence_ask asks[PIECE];
    struct evidence_found *found[PIECE];
    bool is_too_much = false;
    for (size_t i = 0; i < n; i++)
        asks[i] =
            (struct evidence_ask){{v[i]->row.customer}, v[i]->told, v[i]->n_told, !v[i]->reads_all};
    TRY(evidence_read_many(cx, asks, n, p->at.begun_at.ms, found, &is_too_much));
    for (size_t i = 0; !is_too_much && i < n; i++) {
        v[i]->evidence = found[i];
        v[i]->is_looked = true;
    }
    if (!is_too_much)
        return OK;
    if (n == 1)
        return read_alone(cx, v[0]);
    TRY(read_texts(cx, p, v, n / 2));
    return arena_used(cx->arena) > GATHERED_BYTES ? OK : read_texts(cx, p, v + n / 2, n - n / 2);
}

static int by_root(const void *a, const void *b)
{
    return by_customer(*(struct due *const *)a, *(struct due *const *)b);
}

/* What they wrote since the last time, their risk, and what the rules say: all of a few, then of the next few, while their pages
 * are at hand. */
static enum err gather_piece(struct cx *cx, struct page *p, const struct risk_house *house,
                             struct due **v, size_t n)
{
    struct risk_look *looks[PIECE];
    int64_t roots[PIECE];
    size_t n_looked = 0;
    qsort(v, n, sizeof *v, by_root);
    TRY(read_texts(cx, p, v, n));
    while (n_looked < n && v[n_looked]->is_looked) {
        roots[n_looked] = v[n_looked]->row.customer;
        n_looked++;
    }
    TRY(risk_look_many(cx, house, roots, n_looked, looks));
    for (size_t i = 0; i < n_looked; i++)
        if (v[i]->evidence)
            v[i]->risk = looks[i];
    return n_looked ? look_ahead(cx, p, v, roots, n_looked) : OK;
}

static int by_turn(const void *a, const void *b)
{
    size_t x = (*(struct due *const *)a)->turn, y = (*(struct due *const *)b)->turn;
    return (x > y) - (x < y);
}

/* The page ends before the first event of somebody who was not looked at; of those who wait he goes on waiting. */
static void cut(struct page *p)
{
    size_t kept = 0;
    for (size_t i = 0; i < p->n_due; i++) {
        struct due *d = &p->due[i];
        if (d->is_looked)
            p->due[kept++] = *d;
        else if (d->event < p->n_events)
            p->n_events = d->event;
        p->is_more |= !d->is_looked;
    }
    p->n_due = kept;
}

/* In turns, a piece at a time, of as many as there is time and room for, and as are soon written. */
static enum err gather(struct cx *cx, struct page *p)
{
    bool is_apart = db_is_postgres(cx);
    int64_t until = clock_mono_ns() + (is_apart ? GATHER_LONG_MS : GATHER_MS) * INT64_C(1000000);
    struct risk_house *house = ARENA_NEW(cx->arena, struct risk_house);
    struct due **turns = ARENA_ARRAY(cx->arena, p->n_due + 1, struct due *);
    size_t rows = 0, most = is_apart ? ROWS_MANY : ROWS;
    TRY(risk_house_read(cx, house));
    for (size_t i = 0; i < p->n_due; i++)
        turns[i] = &p->due[i];
    qsort(turns, p->n_due, sizeof *turns, by_turn);
    for (size_t at = 0; at < p->n_due; at += PIECE) {
        size_t n = p->n_due - at < PIECE ? p->n_due - at : PIECE;
        TRY(gather_piece(cx, p, house, turns + at, n));
        for (size_t i = at; i < at + n; i++) {
            const struct due *d = turns[i];
            rows += (d->evidence ? evidence_rows(d->evidence) : 0) + (has_new_risk(d) ? 4 : 0);
        }
        if (rows > most || clock_mono_ns() > until || arena_used(cx->arena) > GATHERED_BYTES)
            break;
    }
    cut(p);
    return OK;
}

/* ---- write -------------------------------------------------------------------------------------- */

/* The first time, or too long away: everybody. */
static enum err begin(struct cx *cx, bool is_there)
{
    int64_t xid = 0, seq = 0;
    TRY(event_newest(cx, &xid, &seq));
    TRY(db_run(cx, &q_judge_follow_at, ARGS(V(xid), V(seq))));
    TRY(judge_all_again(cx));
    bool is_read = false;
    return is_there ? OK : judge_read_all(cx, &is_read);
}

/* By the depth of what they are due for. */
static enum err put_on(struct cx *cx, const struct due *v, size_t n)
{
    int64_t *ids = ARENA_ARRAY(cx->arena, n + 1, int64_t), deepest = 0;
    for (size_t i = 0; i < n; i++)
        deepest = larger(deepest, v[i].row.depth);
    for (int64_t depth = 0; depth <= deepest; depth++) {
        size_t of_depth = 0;
        for (size_t i = 0; i < n; i++)
            if (v[i].row.depth == depth)
                ids[of_depth++] = v[i].row.customer;
        if (of_depth)
            TRY(db_run(cx, &q_judge_due_put, ARGS(V(depth), val_ints(ids, of_depth))));
    }
    return OK;
}

static enum err judge_some(struct cx *cx, const struct judge_set *s, const int64_t *ids,
                           const struct due *due, size_t n_ids)
{
    struct looked *v = NULL;
    size_t n = 0;
    if (n_ids)
        TRY(judge_look(cx, s, ids, 0, n_ids, &v, &n));
    for (size_t i = 0, k = 0; i < n; i++) {
        while (due[k].row.customer != v[i].customer)
            k++;
        v[i].depth = due[k].row.depth;
    }
    TRY(judge_reasons(cx, s, v, n));
    return judge_write(cx, v, n, false, 0);
}

/* Of most there is nothing to write. */
static struct due *to_write(struct cx *cx, const struct page *p, size_t *n)
{
    struct due *v = ARENA_ARRAY(cx->arena, p->n_due + 1, struct due);
    *n = 0;
    for (size_t i = 0; i < p->n_due; i++) {
        const struct due *d = &p->due[i];
        if (d->moves || (d->is_queued && !d->stays) ||
            (d->evidence && evidence_rows(d->evidence)) || has_new_risk(d))
            v[(*n)++] = *d;
    }
    return v;
}

/* Which of them still answer for themselves, and how they stand in the queue: before our own writing puts somebody on it. */
static enum err stand(struct cx *cx, const struct due *v, size_t n, bool *is_here,
                      struct list *rows)
{
    int64_t *ids = ARENA_ARRAY(cx->arena, n + 1, int64_t);
    struct list roots = {0};
    ids_of(v, n, ids);
    const struct args whose = ARGS(val_ints(ids, n));
    struct db_read reads[] = {
        {&q_judge_due_of, &judge_due_row_shape, false, rows, whose, false},
        {&q_judge_roots, &judge_root_row_shape, false, &roots, whose, false},
    };
    TRY(db_batch(cx, reads, COUNT(reads)));
    const struct root_row *r = roots.items;
    for (size_t i = 0, at = 0; i < n; i++) {
        while (at < roots.n && r[at].id < v[i].row.customer)
            at++;
        is_here[i] =
            at < roots.n && r[at].id == v[i].row.customer && r[at].root == v[i].row.customer;
    }
    return OK;
}

/* What was found of them, and their risk; is_stale: who is to be read again. */
static enum err write_found(struct cx *cx, const struct due *v, size_t n, const bool *is_here,
                            bool *is_stale)
{
    struct evidence_writing *texts = ARENA_ARRAY(cx->arena, n + 1, struct evidence_writing);
    struct risk_writing *risks = ARENA_ARRAY(cx->arena, n + 1, struct risk_writing);
    size_t n_texts = 0, n_risks = 0;
    for (size_t i = 0; i < n; i++)
        if (is_here[i] && v[i].evidence)
            texts[n_texts++] =
                (struct evidence_writing){.found = v[i].evidence, .depth = v[i].row.depth};
    TRY(evidence_write_many(cx, texts, n_texts));
    for (size_t i = 0, at = 0; i < n; i++) {
        is_stale[i] = is_here[i] && v[i].evidence && texts[at++].is_stale;
        if (is_here[i] && !is_stale[i] && v[i].risk)
            risks[n_risks++] = (struct risk_writing){v[i].risk, v[i].row.depth};
    }
    return risk_write_many(cx, risks, n_risks);
}

static enum err write_due(struct cx *cx, const struct page *p)
{
    size_t n = 0, n_settled = 0, n_moved = 0, n_again = 0, at = 0;
    struct due *v = to_write(cx, p, &n), *again = ARENA_ARRAY(cx->arena, n + 1, struct due);
    int64_t *settled = ARENA_ARRAY(cx->arena, p->n_due + 1, int64_t),
            *moved = ARENA_ARRAY(cx->arena, n + 1, int64_t);
    bool *is_here = ARENA_ARRAY(cx->arena, n + 1, bool),
         *is_stale = ARENA_ARRAY(cx->arena, n + 1, bool);
    struct list rows = {0};
    if (p->has_merged) {
        ids_of(p->due, p->n_due, settled);
        TRY(db_run(cx, &q_judgement_merged, ARGS(val_ints(settled, p->n_due))));
    }
    if (n == 0)
        return OK;
    TRY(stand(cx, v, n, is_here, &rows));
    TRY(write_found(cx, v, n, is_here, is_stale));
    for (size_t i = 0; i < n; i++) {
        const struct due *d = &v[i];
        const struct due_row *r = row_of(&rows, &at, d->row.customer);
        bool is_same = d->is_queued == (r != NULL) && (!r || r->due_ms == d->row.due_ms);
        if (is_stale[i] || (d->evidence && evidence_is_more(d->evidence)))
            again[n_again++] = *d;
        else if (is_same && !d->stays)
            settled[n_settled++] = d->row.customer;
        if (is_here[i] && !is_stale[i] && d->moves)
            moved[n_moved++] = d->row.customer;
    }
    if (n_settled)
        TRY(db_run(cx, &q_judge_due_drop, ARGS(val_ints(settled, n_settled))));
    TRY(put_on(cx, again, n_again));
    return judge_some(cx, &p->set, moved, v, n_moved);
}

/* ---- everybody ------------------------------------------------------------------------------------ */

void holds_add(const struct judge_set *s, const struct looked *v, size_t n,
               int64_t counts[RULES_MAX])
{
    for (size_t i = 0; i < n; i++)
        for (size_t r = 0; r < s->n; r++)
            counts[r] += (int64_t)(v[i].holds >> r & 1);
}

static int64_t number_cut(str *rest)
{
    int64_t n = 0;
    str word = str_cut(rest, ' ');
    return str_to_int(word, &n) ? n : 0;
}

str holds_text(struct arena *a, const struct judge_set *s, str before,
               const int64_t counts[RULES_MAX])
{
    int64_t sum[RULES_MAX];
    memcpy(sum, counts, sizeof sum);
    while (before.len) {
        int64_t id = number_cut(&before), n = number_cut(&before);
        for (size_t r = 0; r < s->n; r++)
            if (s->v[r].rule->id.v == id)
                sum[r] += n;
    }
    struct text t = text_in(a, 64 * RULES_MAX);
    for (size_t r = 0; r < s->n; r++)
        text_printf(&t, "%s%lld %lld", r ? " " : "", (long long)s->v[r].rule->id.v,
                    (long long)sum[r]);
    return text_str(&t);
}

enum err holds_put(struct cx *cx, str holds)
{
    while (holds.len) {
        int64_t id = number_cut(&holds), n = number_cut(&holds);
        TRY(db_run(cx, &q_rule_holds_put, ARGS(V(n), V(id))));
    }
    return OK;
}

/* Whoever moves is looked at once more where he is written. */
static enum err write_fills(struct cx *cx, const struct page *p)
{
    struct looked *v = NULL;
    size_t n = 0, n_ids = 0;
    int64_t counts[RULES_MAX] = {0}, changed = 0;
    int64_t *ids = ARENA_ARRAY(cx->arena, p->n_fills + 1, int64_t);
    for (size_t i = 0; i < p->n_fills; i++)
        if (p->fills[i].is_changed || p->fills[i].due_ms)
            ids[n_ids++] = p->fills[i].customer;
    if (n_ids)
        TRY(judge_look(cx, &p->set, ids, 0, n_ids, &v, &n));
    TRY(judge_reasons(cx, &p->set, v, n));
    TRY(judge_write(cx, v, n, true, 0));
    holds_add(&p->set, p->fills, p->n_fills, counts);
    for (size_t i = 0; i < n; i++)
        changed += v[i].is_changed;
    str holds = holds_text(cx->arena, &p->set, p->at.holds, counts);
    bool is_over = p->n_fills < FILLS;
    if (is_over)
        TRY(holds_put(cx, holds));
    return db_run(cx, &q_judge_follow_filled,
                  ARGS(is_over ? VNULL : V(p->fills[p->n_fills - 1].customer),
                       V((int64_t)p->n_fills), V(changed), V(is_over ? S("") : holds),
                       V(is_over ? cx->now_ms : 0), V(p->at.round)));
}

/* ---- the job ----------------------------------------------------------------------------------------- */

static enum err plan(struct cx *cx, str args, void **found)
{
    struct page *p = ARENA_NEW(cx->arena, struct page);
    (void)args;
    *found = p;
    TRY(judge_is_shipped(cx, &p->is_shipped));
    TRY(judge_follow_read(cx, &p->at, &p->is_there));
    if (!p->is_there)
        return OK;
    TRY(choose(cx, p));
    if (p->is_gone)
        return OK;
    TRY(judge_set_open(cx, &p->set));
    if (p->n_due) {
        TRY(take_down(cx, p));
        TRY(gather(cx, p));
    } else if (p->n_events == 0 && p->at.filled_to.has) {
        TRY(judge_look(cx, &p->set, NULL, p->at.filled_to.v, FILLS, &p->fills, &p->n_fills));
    }
    p->is_more |= p->at.filled_to.has;
    bool is_nothing = p->is_shipped && p->n_due == 0 && p->n_events == 0 && !p->at.filled_to.has;
    if (is_nothing)
        *found = NULL;
    return OK;
}

static bool is_same_state(const struct follow_state *a, const struct follow_state *b)
{
    return a->xid == b->xid && a->seq == b->seq && a->round == b->round &&
           a->filled_to.has == b->filled_to.has && a->filled_to.v == b->filled_to.v;
}

/* Counted, not kept: for whoever looks whether judging keeps up. */
const int64_t judge_delays_ms[JUDGE_DELAYS - 1] = {50,  100, 200,  300,  400, 500,
                                                   600, 800, 1000, 2000, 5000};
static _Atomic int64_t delays[JUDGE_DELAYS];

void judge_delays(int64_t out[JUDGE_DELAYS])
{
    for (size_t i = 0; i < JUDGE_DELAYS; i++)
        out[i] = atomic_load(&delays[i]);
}

static void delays_count(const struct event *e, size_t n)
{
    int64_t now = clock_now_ms();
    for (size_t i = 0; i < n; i++) {
        size_t at = 0;
        while (at < JUDGE_DELAYS - 1 && now - e[i].at_ms > judge_delays_ms[at])
            at++;
        if (e[i].customer_id && e[i].type != EVENT_CUSTOMER_JUDGED)
            atomic_fetch_add(&delays[at], 1);
    }
}

static enum err write_page(struct cx *cx, const void *found, bool *finished)
{
    const struct page *p = found;
    struct follow_state now = {0};
    bool did = false, is_there = false;
    *finished = false;
    if (!p->is_shipped)
        TRY(judge_ship(cx, &did));
    if (did)
        return judge_all_again(cx);
    TRY(judge_follow_read(cx, &now, &is_there));
    if (is_there != p->is_there || (is_there && !is_same_state(&now, &p->at)))
        return ERR_STALE;
    if (!is_there || p->is_gone)
        return begin(cx, is_there);
    if (p->n_events)
        TRY(db_run(cx, &q_judge_follow_at,
                   ARGS(V(p->events[p->n_events - 1].xid), V(p->events[p->n_events - 1].seq))));
    TRY(write_due(cx, p));
    if (p->n_due == 0 && p->n_events == 0 && p->at.filled_to.has)
        TRY(write_fills(cx, p));
    delays_count(p->events, p->n_events);
    *finished = !p->is_more;
    return OK;
}

static bool is_idle(struct cx *cx)
{
    struct follow_state at = {0};
    struct list due = {0}, events = {0};
    bool is_there = false, is_gone = false;
    if (judge_follow_read(cx, &at, &is_there) != OK || !is_there || at.filled_to.has)
        return false;
    if (db_all(cx, &q_judge_due_list, &judge_due_row_shape, &due, ARGS(V(cx->now_ms), V(1))) !=
            OK ||
        due.n)
        return false;
    return event_after(cx, at.xid, at.seq, 1, &events, &is_gone) == OK && !is_gone && events.n == 0;
}

const struct job_kind judge_job = {.name = "judge.follow",
                                   .plan = plan,
                                   .write = write_page,
                                   .every_ms = EVERY_MS,
                                   .is_idle = is_idle};
