/* rooms/judge/look.c - many customers at once: which rules hold, which classes that makes, what must be written.
 *
 * A rule that moves with time is evaluated in memory, for that also tells when to look again. So is one of somebody by name
 * whose values stand in few rows: those are read once for all rules, where a query for each rule would find them again. What
 * is left, and all of a page of everybody, is asked in the store, for all in hand by one query. */
#include "rooms/judge/inside.h"

struct whom_row {
    int64_t id, known;
};
struct was_row {
    int64_t id;
    int class;
    int64_t score, since_ms, lead_ms;
};
struct pin_row {
    int64_t id;
    int class;
    int64_t at_ms, until_ms, ended_ms;
};
/* clang-format off */
static const struct field whom_fields[] = {FIELD_AS(struct whom_row, id, "customer_id"), FIELD(struct whom_row, known)};
static const struct shape judge_whom_row_shape = SHAPE("judge_whom_row", struct whom_row, whom_fields);
static const struct field was_fields[] = {
    FIELD_AS(struct was_row, id, "customer_id"), FIELD_ENUM(struct was_row, class, class_codes), FIELD(struct was_row, score),
    FIELD(struct was_row, since_ms), FIELD(struct was_row, lead_ms),
};
static const struct shape judge_was_row_shape = SHAPE("judge_was_row", struct was_row, was_fields);
static const struct field pin_fields[] = {
    FIELD_AS(struct pin_row, id, "root_id"), FIELD_ENUM(struct pin_row, class, class_codes), FIELD(struct pin_row, at_ms),
    FIELD(struct pin_row, until_ms), FIELD(struct pin_row, ended_ms),
};
static const struct shape judge_pin_row_shape = SHAPE("judge_pin_row", struct pin_row, pin_fields);
static const struct field id_fields[] = {FIELD_AS(struct number_row, n, "customer_id")};
static const struct shape held_shape = SHAPE("judge_holding", struct number_row, id_fields);
/* clang-format on */

struct in_hand {
    struct cx *cx;
    const struct judge_set *set;
    struct looked *v;
    size_t n;
    const int64_t *ids;            /* of those in v */
    bool by_range;                 /* they are all there are between the first and the last */
    const struct expr_part *given; /* or NULL: a row of each is given, not read */
    const void **rows;             /* of those in v */
};

static void sooner(int64_t *due, int64_t at)
{
    if (at && (*due == 0 || at < *due))
        *due = at;
}

/* ---- who, and how he stands ---------------------------------------------------------------- */

static void hold(struct in_hand *h, const struct list *rows)
{
    const struct whom_row *w = rows->items;
    int64_t *own = ARENA_ARRAY(h->cx->arena, rows->n + 1, int64_t);
    h->v = ARENA_ARRAY(h->cx->arena, rows->n + 1, struct looked);
    h->n = rows->n;
    h->ids = own;
    for (size_t i = 0; i < rows->n; i++) {
        own[i] = w[i].id;
        h->v[i] = (struct looked){.customer = w[i].id, .known = w[i].known, .pin = CLASSES};
    }
}

/* What a person said: of what holds the newest counts; what came with a word that has ended is not held by a minimum stay. */
static void pinned(struct looked *l, const struct pin_row *p, int64_t now_ms)
{
    int64_t end = p->ended_ms ? p->ended_ms : p->until_ms;
    if (end > now_ms) {
        l->pin = p->class;
        l->due_ms = end;
    } else if (p->class < CLASSES && l->was.of[p->class].since_ms >= p->at_ms &&
               l->was.of[p->class].since_ms <= end) {
        l->was.of[p->class].is_free = true;
    }
}

static void take_standing(struct in_hand *h, const struct list *was, const struct list *pins)
{
    const struct was_row *w = was->items;
    const struct pin_row *p = pins->items;
    size_t at = 0, pin_at = 0;
    for (size_t i = 0; i < h->n; i++) {
        struct looked *l = &h->v[i];
        while (at < was->n && w[at].id < l->customer)
            at++;
        for (; at < was->n && w[at].id == l->customer; at++)
            if (w[at].class < CLASSES)
                l->was.of[w[at].class] = (struct class_part){.is_in = true,
                                                             .score = w[at].score,
                                                             .since_ms = w[at].since_ms,
                                                             .lead_ms = w[at].lead_ms};
        while (pin_at < pins->n && p[pin_at].id < l->customer)
            pin_at++;
        for (; pin_at < pins->n && p[pin_at].id == l->customer; pin_at++)
            pinned(l, &p[pin_at], h->cx->now_ms);
    }
}

/* Some by name: all of it at once. */
static enum err some(struct in_hand *h, const int64_t *ids, size_t n)
{
    struct list who = {0}, was = {0}, pins = {0};
    const struct args whose = ARGS(val_ints(ids, n));
    struct db_read reads[] = {
        {&q_judge_whom, &judge_whom_row_shape, false, &who, whose, false},
        {&q_judge_was_of, &judge_was_row_shape, false, &was, whose, false},
        {&q_judge_pins_of, &judge_pin_row_shape, false, &pins, whose, false},
    };
    TRY(db_batch(h->cx, reads, COUNT(reads)));
    hold(h, &who);
    take_standing(h, &was, &pins);
    return OK;
}

/* The next behind `after`. */
static enum err range(struct in_hand *h, int64_t after, size_t n)
{
    struct list who = {0}, was = {0}, pins = {0};
    h->by_range = true;
    TRY(db_all(h->cx, &q_judge_whom_page, &judge_whom_row_shape, &who,
               ARGS(V(after), V((int64_t)n))));
    hold(h, &who);
    if (h->n == 0)
        return OK;
    const struct args whose = ARGS(V(h->ids[0]), V(h->ids[h->n - 1]));
    struct db_read reads[] = {
        {&q_judge_was, &judge_was_row_shape, false, &was, whose, false},
        {&q_judge_pins, &judge_pin_row_shape, false, &pins, whose, false},
    };
    TRY(db_batch(h->cx, reads, COUNT(reads)));
    take_standing(h, &was, &pins);
    return OK;
}

/* ---- which rules hold ---------------------------------------------------------------------------- */

static enum err ask(struct in_hand *h, const struct judging *r, struct db_read *read,
                    struct list *to)
{
    struct cx *cx = h->cx;
    struct made_text *m = ARENA_NEW(cx->arena, struct made_text);
    const struct query *q = NULL;
    *m = made_begin(cx);
    m->is_steady = !h->by_range;
    made_sql(m, "SELECT s.customer_id FROM standing s");
    made_sql(m, expr_needs_customer(r->plan) ? " JOIN customer c ON c.id = s.customer_id WHERE "
                                             : " WHERE ");
    if (h->by_range) {
        made_sql(m, "s.customer_id >= ");
        made_val(m, V(h->ids[0]));
        made_sql(m, " AND s.customer_id <= ");
        made_val(m, V(h->ids[h->n - 1]));
    } else {
        made_sql(m, "s.customer_id IN ");
        made_val(m, val_ints(h->ids, h->n));
    }
    made_sql(m, " AND ");
    expr_sql(r->plan, m);
    made_sql(m, " ORDER BY s.customer_id LIMIT 100000");
    TRY(made_query(cx, m, "judge_holding", &q));
    *read = (struct db_read){q, &held_shape, false, to, made_args(m), false};
    return OK;
}

static void mark(struct in_hand *h, const struct list *found, size_t rule)
{
    const struct number_row *c = found->items;
    size_t at = 0;
    for (size_t i = 0; i < h->n && at < found->n; i++) {
        while (at < found->n && c[at].n < h->v[i].customer)
            at++;
        if (at < found->n && c[at].n == h->v[i].customer)
            h->v[i].holds |= UINT64_C(1) << rule;
    }
}

static bool is_in_memory(const struct in_hand *h, const struct judging *r)
{
    return r->moves || (!h->by_range && expr_loads_many(r->plan)) ||
           (h->given && expr_uses(r->plan, h->given));
}

static enum err in_the_store(struct in_hand *h)
{
    const struct judge_set *s = h->set;
    struct db_read *reads = ARENA_ARRAY(h->cx->arena, s->n + 1, struct db_read);
    struct list *found = ARENA_ARRAY(h->cx->arena, s->n + 1, struct list);
    size_t n = 0, which[RULES_MAX];
    for (size_t i = 0; i < s->n; i++)
        if (!is_in_memory(h, &s->v[i])) {
            TRY(ask(h, &s->v[i], &reads[n], &found[n]));
            which[n++] = i;
        }
    if (n)
        TRY(db_batch(h->cx, reads, n));
    for (size_t i = 0; i < n; i++)
        mark(h, &found[i], which[i]);
    return OK;
}

static enum err in_memory(struct in_hand *h)
{
    enum { AT_ONCE = 500 };
    const struct judge_set *s = h->set;
    const struct expr_plan **plans = ARENA_ARRAY(h->cx->arena, s->n + 1, const struct expr_plan *);
    size_t n = 0, which[RULES_MAX];
    for (size_t i = 0; i < s->n; i++)
        if (is_in_memory(h, &s->v[i])) {
            plans[n] = s->v[i].plan;
            which[n++] = i;
        }
    for (size_t from = 0; n && from < h->n; from += AT_ONCE) {
        struct expr_many *many = NULL;
        size_t some = h->n - from < AT_ONCE ? h->n - from : AT_ONCE;
        TRY(expr_load_many(h->cx, plans, n, h->ids + from, some, &many));
        for (size_t i = 0; h->given && i < some; i++)
            if (h->rows[from + i])
                expr_give(many, h->given, i, h->rows[from + i]);
        for (size_t i = 0; i < some; i++)
            for (size_t k = 0; k < n; k++) {
                struct expr_subject who = {0};
                struct expr_trace t = {0};
                struct looked *l = &h->v[from + i];
                if (!expr_one_of(many, plans[k], i, &who))
                    continue;
                if (expr_holds(plans[k], &who))
                    l->holds |= UINT64_C(1) << which[k];
                if (!s->v[which[k]].moves)
                    continue;
                TRY(expr_trace(h->cx, plans[k], &who, &t));
                sooner(&l->due_ms, t.flip_at.ms);
            }
    }
    return OK;
}

/* ---- deciding ------------------------------------------------------------------------------------------ */

static int leading_of(const struct class_state *s)
{
    for (int c = 0; c < CLASSES; c++)
        if (s->of[c].is_in && s->of[c].lead_ms)
            return c;
    return CLASSES;
}

static bool is_moved(const struct class_state *a, const struct class_state *b)
{
    for (int c = 0; c < CLASSES; c++)
        if (a->of[c].is_in != b->of[c].is_in)
            return true;
    return leading_of(a) != leading_of(b);
}

/* That an ordinary customer is ordinary since he is known needs no page in his history: the row itself says it. */
static bool is_told(const struct looked *l)
{
    bool was_any = false, is_other = false;
    for (int c = 0; c < CLASSES; c++) {
        was_any |= l->was.of[c].is_in;
        is_other |= l->verdict.is.of[c].is_in && c != CLASS_REGULAR;
    }
    return was_any || is_other;
}

static void decide(const struct judge_set *s, struct looked *l, int64_t now_ms)
{
    struct class_facts f = {.known = l->known, .now_ms = now_ms, .pin = l->pin};
    judge_scores(s, l->holds, f.score);
    judge_classes(s->limits, &f, &l->was, &l->verdict);
    sooner(&l->due_ms, l->verdict.due_ms);
    l->is_changed = !class_state_is_same(&l->was, &l->verdict.is);
    l->is_moved = l->is_changed && is_moved(&l->was, &l->verdict.is);
    l->is_told = l->is_moved && is_told(l);
}

static enum err look(struct in_hand *h, struct looked **out, size_t *n_out)
{
    if (h->n == 0)
        return OK;
    TRY(in_the_store(h));
    TRY(in_memory(h));
    for (size_t i = 0; i < h->n; i++)
        decide(h->set, &h->v[i], h->cx->now_ms);
    *out = h->v;
    *n_out = h->n;
    return OK;
}

enum err judge_look(struct cx *cx, const struct judge_set *s, const int64_t *ids, int64_t after,
                    size_t n, struct looked **out, size_t *n_out)
{
    struct in_hand h = {.cx = cx, .set = s};
    *n_out = 0;
    TRY(ids ? some(&h, ids, n) : range(&h, after, n));
    return look(&h, out, n_out);
}

enum err judge_look_given(struct cx *cx, const struct judge_set *s, const int64_t *ids, size_t n,
                          struct judge_given given, struct looked **out, size_t *n_out)
{
    struct in_hand h = {.cx = cx, .set = s, .given = given.part};
    *n_out = 0;
    TRY(some(&h, ids, n));
    h.rows = ARENA_ARRAY(cx->arena, h.n + 1, const void *);
    for (size_t i = 0, at = 0; i < h.n; i++) {
        while (ids[at] < h.ids[i])
            at++;
        h.rows[i] = given.rows[at];
    }
    return look(&h, out, n_out);
}

/* ---- why -------------------------------------------------------------------------------------------------- */

void because_write(struct json_out *j, struct cx *cx, const struct judge_set *s, uint64_t holds,
                   int class, const struct expr_trace *traces, bool as_trees)
{
    json_array_begin(j);
    for (size_t i = 0; i < s->n; i++) {
        const struct rule *r = s->v[i].rule;
        const struct expr_line *line = traces[i].lines.items;
        if (r->class != class || !(holds >> i & 1))
            continue;
        json_object_begin(j);
        json_key(j, S("rule")), json_str(j, id_text(cx->arena, "rul", r->id.v));
        json_key(j, S("version")), json_int(j, r->version);
        json_key(j, S("label")), json_str(j, rule_label(cx->arena, cx->lang, r));
        json_key(j, S("points")), json_int(j, r->points);
        json_key(j, S("lines"));
        json_array_begin(j);
        for (size_t k = 0; k < traces[i].lines.n; k++) {
            json_object_begin(j);
            json_key(j, S("text")), json_str(j, line[k].text);
            if (as_trees) {
                json_key(j, S("tree"));
                expr_write_tree(j, line[k].from);
            }
            json_key(j, S("seen"));
            if (line[k].seen.len)
                json_str(j, line[k].seen);
            else
                json_null(j);
            json_key(j, S("verdict")), json_bool(j, line[k].verdict);
            json_object_end(j);
        }
        json_array_end(j);
        json_object_end(j);
    }
    json_array_end(j);
}

static str why_of(struct cx *cx, const struct judge_set *s, const struct looked *l,
                  const struct expr_trace *traces)
{
    struct text t = text_in(cx->arena, (size_t)256 << 10);
    struct json_out j = {.to = &t};
    json_object_begin(&j);
    for (int c = 0; c < CLASSES; c++)
        if (l->verdict.is.of[c].is_in || l->was.of[c].is_in) {
            json_key(&j, str_of(class_codes[c]));
            because_write(&j, cx, s, l->holds, c, traces, false);
        }
    json_object_end(&j);
    return t.is_over ? S("{}") : text_str(&t);
}

enum err judge_reasons(struct cx *cx, const struct judge_set *s, struct looked *v, size_t n)
{
    enum { AT_ONCE = 200 };
    const struct expr_plan **plans = ARENA_ARRAY(cx->arena, s->n + 1, const struct expr_plan *);
    int64_t *ids = ARENA_ARRAY(cx->arena, AT_ONCE, int64_t);
    struct looked **moved = ARENA_ARRAY(cx->arena, AT_ONCE, struct looked *);
    struct expr_trace *traces = ARENA_ARRAY(cx->arena, s->n + 1, struct expr_trace);
    for (size_t i = 0; i < s->n; i++)
        plans[i] = s->v[i].plan;
    for (size_t i = 0; i < n && s->n;) {
        struct expr_many *many = NULL;
        size_t some = 0;
        for (; i < n && some < AT_ONCE; i++)
            if (v[i].is_told) {
                ids[some] = v[i].customer;
                moved[some++] = &v[i];
            }
        if (some)
            TRY(expr_load_many(cx, plans, s->n, ids, some, &many));
        for (size_t k = 0; k < some; k++) {
            for (size_t r = 0; r < s->n; r++) {
                struct expr_subject who = {0};
                traces[r] = (struct expr_trace){0};
                if ((moved[k]->holds >> r & 1) && expr_one_of(many, plans[r], k, &who))
                    TRY(expr_trace(cx, plans[r], &who, &traces[r]));
            }
            moved[k]->why = why_of(cx, s, moved[k], traces);
        }
    }
    return OK;
}

/* ---- writing ------------------------------------------------------------------------------------------------- */

enum err judge_again(struct cx *cx, const int64_t *customers, size_t n, int64_t depth)
{
    return n ? db_run(cx, &q_judge_due_now, ARGS(V(depth), val_ints(customers, n))) : OK;
}

static str classes_text(struct cx *cx, const struct class_state *s)
{
    struct text t = text_in(cx->arena, 400);
    for (int c = 0; c < CLASSES; c++)
        if (s->of[c].is_in)
            text_printf(&t, "%s%s %lld", t.len ? " " : "", class_codes[c],
                        (long long)s->of[c].score);
    return text_str(&t);
}

static enum err write_one(struct cx *cx, const struct looked *l, bool is_quiet, int64_t correction)
{
    const struct class_state *was = &l->was, *is = &l->verdict.is;
    for (int c = 0; c < CLASSES; c++) {
        const struct class_part *a = &was->of[c], *b = &is->of[c];
        if (b->is_in && (!a->is_in || a->score != b->score || a->since_ms != b->since_ms ||
                         a->lead_ms != b->lead_ms))
            TRY(db_run(cx, &q_judgement_put,
                       ARGS(V(l->customer), V(class_codes[c]), V(b->score), V(b->since_ms),
                            V(b->lead_ms))));
        else if (a->is_in && !b->is_in)
            TRY(db_run(cx, &q_judgement_drop, ARGS(V(l->customer), V(class_codes[c]))));
    }
    if (!l->is_moved && !correction)
        return OK;
    const char *leading = class_codes[l->verdict.leading];
    if (l->is_told || correction)
        TRY(db_run(cx, &q_judgement_log_add,
                   ARGS(V(id_new(cx->now_ms)), V(l->customer), V(cx->now_ms),
                        V(class_codes[leading_of(was)]), V(leading), V(classes_text(cx, is)),
                        V(l->why.len ? l->why : S("{}")), val_int_or_null(correction))));
    if (is_quiet || !l->is_moved)
        return OK;
    event_depth(cx, l->depth);
    TRY(event_add(cx, EVENT_CUSTOMER_JUDGED, l->customer, 0, str_of(leading)));
    event_depth(cx, 0);
    return OK;
}

enum err judge_write(struct cx *cx, const struct looked *v, size_t n, bool is_quiet,
                     int64_t correction)
{
    int64_t *moved = ARENA_ARRAY(cx->arena, n + 1, int64_t);
    size_t n_moved = 0;
    for (size_t i = 0; i < n; i++) {
        if (v[i].is_changed || correction)
            TRY(write_one(cx, &v[i], is_quiet, correction));
        if (v[i].due_ms)
            TRY(db_run(cx, &q_judge_due_at, ARGS(V(v[i].customer), V(v[i].due_ms))));
        if (v[i].is_moved)
            moved[n_moved++] = v[i].customer;
    }
    return is_quiet && n_moved ? db_run(cx, &q_segments_again, ARGS(val_ints(moved, n_moved))) : OK;
}
