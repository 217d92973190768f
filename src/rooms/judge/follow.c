/* rooms/judge/follow.c - the job: by events, by the due queue, and while all are looked at anew. A slice goes on for 4 ms. */
#include "rooms/evidence/evidence.h"
#include "rooms/judge/inside.h"
#include "rooms/risk/risk.h"

enum {
    EVENTS = 200,
    LOOKS = 20,
    FILLS = 100,
    EVERY_MS = 200,
    HOLD_NS = 4000000, /* so long a slice goes on: the writer is for others too */
    GATHERED_BYTES = 4 << 20
};

struct due_row {
    int64_t customer, depth;
    bool is_more; /* of what he wrote, not all is read yet */
};
/* clang-format off */
static const struct field follow_fields[] = {
    FIELD(struct follow_state, xid), FIELD(struct follow_state, seq), FIELD(struct follow_state, filled_to), FIELD(struct follow_state, round),
    FIELD(struct follow_state, looked), FIELD(struct follow_state, changed),
    FIELD_AS(struct follow_state, begun_at, "begun_ms"), FIELD_AS(struct follow_state, done_at, "done_ms"), FIELD(struct follow_state, holds),
};
const struct shape judge_follow_row_shape = SHAPE("judge_follow_row", struct follow_state, follow_fields);
static const struct field due_fields[] = {FIELD_AS(struct due_row, customer, "customer_id"), FIELD(struct due_row, depth)};
static const struct shape judge_due_row_shape = SHAPE("judge_due_row", struct due_row, due_fields);
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

/* ---- events ---------------------------------------------------------------------------------- */

static enum err follow_events(struct cx *cx, bool *is_more)
{
    struct follow_state at = {0};
    struct list l = {0};
    bool is_gone = false, is_there = false;
    TRY(judge_follow_read(cx, &at, &is_there));
    if (is_there)
        TRY(event_after(cx, at.xid, at.seq, EVENTS, &l, &is_gone));
    *is_more = l.n == EVENTS;
    if (!is_there || is_gone) { /* the first time, or too long away: everybody */
        TRY(event_newest(cx, &at.xid, &at.seq));
        TRY(db_run(cx, &q_judge_follow_at, ARGS(V(at.xid), V(at.seq))));
        *is_more = true;
        TRY(judge_all_again(cx));
        bool is_read = false;
        return is_there ? OK : judge_read_all(cx, &is_read);
    }
    if (l.n == 0)
        return OK;
    const struct event *v = l.items;
    int64_t *ids = ARENA_ARRAY(cx->arena, l.n, int64_t), deepest = 0;
    for (size_t i = 0; i < l.n; i++)
        deepest = v[i].depth > deepest ? v[i].depth : deepest;
    for (int64_t depth = 0; depth <= deepest; depth++) {
        size_t n = 0;
        for (size_t i = 0; i < l.n; i++)
            if (v[i].customer_id && v[i].type != EVENT_CUSTOMER_JUDGED && v[i].depth == depth)
                ids[n++] = v[i].customer_id;
        TRY(judge_again(cx, ids, n, depth));
    }
    return db_run(cx, &q_judge_follow_at, ARGS(V(v[l.n - 1].xid), V(v[l.n - 1].seq)));
}

/* ---- who is due -------------------------------------------------------------------------------- */

static int by_customer(const void *a, const void *b)
{
    int64_t x = ((const struct due_row *)a)->customer, y = ((const struct due_row *)b)->customer;
    return (x > y) - (x < y);
}

/* What he wrote since the last time is read first, then his risk is looked at; as many as one slice has time for. */
static enum err gather(struct cx *cx, struct due_row *due, size_t *n)
{
    int64_t begun = clock_mono_ns();
    for (size_t i = 0; i < *n; i++) {
        struct gathered g = {0};
        bool has_changed = false;
        customer_id id = {due[i].customer};
        event_depth(cx, due[i].depth);
        enum err e = evidence_gather(cx, id, &g);
        if (e == OK)
            e = risk_look(cx, id, &has_changed);
        if (e != OK && e != ERR_NOT_FOUND) /* erased since */
            return e;
        due[i].is_more = g.is_more;
        if (clock_mono_ns() - begun > HOLD_NS || arena_used(cx->arena) > GATHERED_BYTES)
            *n = i + 1;
    }
    event_depth(cx, 0);
    cx->why = (struct fault){0};
    return OK;
}

static enum err look_at_due(struct cx *cx, const struct judge_set *s, bool *is_more)
{
    struct list l = {0};
    struct looked *v = NULL;
    size_t n = 0;
    TRY(db_all(cx, &q_judge_due_list, &judge_due_row_shape, &l, ARGS(V(cx->now_ms), V(LOOKS))));
    *is_more = l.n > 0;
    if (l.n == 0)
        return OK;
    TRY(gather(cx, l.items, &l.n));
    struct due_row *due = l.items;
    int64_t *ids = ARENA_ARRAY(cx->arena, l.n, int64_t);
    qsort(due, l.n, sizeof *due, by_customer);
    for (size_t i = 0; i < l.n; i++)
        ids[i] = due[i].customer;
    TRY(db_run(cx, &q_judge_due_drop, ARGS(val_ints(ids, l.n))));
    for (size_t i = 0; i < l.n; i++)
        if (due[i].is_more)
            TRY(judge_again(cx, &ids[i], 1, due[i].depth));
    TRY(db_run(cx, &q_judgement_merged, ARGS(val_ints(ids, l.n))));
    TRY(judge_look(cx, s, ids, 0, l.n, &v, &n));
    for (size_t i = 0, k = 0; i < n; i++) {
        while (due[k].customer != v[i].customer)
            k++;
        v[i].depth = due[k].depth;
    }
    TRY(judge_reasons(cx, s, v, n));
    return judge_write(cx, v, n, false, 0);
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

static enum err fill(struct cx *cx, const struct judge_set *s, bool *is_more)
{
    struct follow_state at = {0};
    struct looked *v = NULL;
    size_t n = 0;
    int64_t counts[RULES_MAX] = {0}, changed = 0;
    bool is_there = false;
    TRY(judge_follow_read(cx, &at, &is_there));
    *is_more = is_there && at.filled_to.has;
    if (!*is_more)
        return OK;
    TRY(judge_look(cx, s, NULL, at.filled_to.v, FILLS, &v, &n));
    TRY(judge_reasons(cx, s, v, n));
    TRY(judge_write(cx, v, n, true, 0));
    holds_add(s, v, n, counts);
    for (size_t i = 0; i < n; i++)
        changed += v[i].is_changed;
    str holds = holds_text(cx->arena, s, at.holds, counts);
    bool is_over = n < FILLS;
    if (is_over)
        TRY(holds_put(cx, holds));
    return db_run(cx, &q_judge_follow_filled,
                  ARGS(is_over ? VNULL : V(v[n - 1].customer), V((int64_t)n), V(changed),
                       V(is_over ? S("") : holds), V(is_over ? cx->now_ms : 0), V(at.round)));
}

/* ---- the job ----------------------------------------------------------------------------------------- */

static enum err step(struct cx *cx, const struct judge_set *s, bool *is_more)
{
    bool more_events = false, more_due = false, more_fill = false;
    TRY(follow_events(cx, &more_events));
    TRY(look_at_due(cx, s, &more_due));
    if (!more_events && !more_due)
        TRY(fill(cx, s, &more_fill));
    *is_more = more_events || more_due || more_fill;
    return OK;
}

static enum err slice(struct cx *cx, str args, int64_t *position, int64_t *progress, int64_t *total,
                      bool *finished)
{
    (void)args;
    (void)total;
    struct judge_set s = {0};
    struct actor was = cx->actor;
    bool did = false, is_more = true;
    cx->actor = (struct actor){.kind = ACTOR_SYSTEM};
    int64_t begun = clock_mono_ns();
    enum err e = judge_ship(cx, &did);
    if (e == OK && did)
        e = judge_all_again(cx);
    if (e == OK)
        e = judge_set_open(cx, &s);
    while (e == OK && is_more) {
        e = step(cx, &s, &is_more);
        if (clock_mono_ns() - begun > HOLD_NS)
            break;
    }
    cx->actor = was;
    ++*position;
    ++*progress;
    *finished = !is_more;
    return e;
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

const struct job_kind judge_job = {
    .name = "judge.follow", .slice = slice, .every_ms = EVERY_MS, .is_idle = is_idle};
