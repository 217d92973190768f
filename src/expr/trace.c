/* expr/trace.c - why: each leaf with what it saw, its verdict, and when it could change by itself. */
#include "expr/inside.h"

struct tracer {
    struct cx *cx;
    const struct expr_plan *p;
    const struct expr_subject *s;
    struct expr_line *lines;
    unsigned *orders;
    size_t n;
};

static const struct field line_fields[] = {
    FIELD(struct expr_line, text, .doc = "The condition as written"),
    FIELD(struct expr_line, seen, .nullable = true,
          .doc = "The value it saw; null: not known, or not for the reader"),
    FIELD(struct expr_line, verdict, .doc = "Did it hold"),
    FIELD(struct expr_line, flip_at, .nullable = true,
          .doc = "The earliest time at which it could change with no event"),
};
static const struct shape line_shape = SHAPE("expr_line", struct expr_line, line_fields);
static const struct field trace_fields[] = {
    FIELD(struct expr_trace, holds),
    FIELD(struct expr_trace, flip_at, .nullable = true),
    FIELD_LIST(struct expr_trace, lines, &line_shape),
};
const struct shape expr_trace_shape = SHAPE("expr_trace", struct expr_trace, trace_fields);

/* ---- when ---------------------------------------------------------------------------------- */

static void sooner(const struct tracer *t, int64_t *flip, int64_t at)
{
    if (at > t->p->world->now_ms && (*flip == 0 || at < *flip))
        *flip = at;
}

static int64_t day_start(const struct tracer *t, int64_t day)
{
    return day > 3000000 || day < -1000000 ? 0
                                           : when_of_day((int32_t)day, t->p->world->time_zone).ms;
}

static int64_t day_of(const struct tracer *t, int64_t ms)
{
    return when_day((when){ms}, t->p->world->time_zone);
}

/* Bounds move up with time: a value falls out at the lower one, or comes in at the upper. */
static void flip_range(const struct tracer *t, const struct bound *b, int64_t x, int64_t *flip)
{
    const struct range *r = &b->range;
    int64_t now = t->p->world->now_ms, today = t->p->today;
    int64_t day = b->ref.attr->type == EXPR_TIME ? day_of(t, x) : x;
    if (r->has_lo && x >= r->lo && r->lo_moves == MOVES_NOW)
        sooner(t, flip, now + (x - r->lo) + 1);
    if (r->has_hi && x > r->hi && r->hi_moves == MOVES_NOW)
        sooner(t, flip, now + (x - r->hi));
    if (r->has_lo && r->lo_moves == MOVES_TODAY && r->lo_by_day && day >= r->lo_day)
        sooner(t, flip, day_start(t, today + (day + 1 - r->lo_day)));
    if (r->has_hi && r->hi_moves == MOVES_TODAY && r->hi_by_day && day > r->hi_day)
        sooner(t, flip, day_start(t, today + (day - r->hi_day)));
}

static void flip_of(const struct tracer *t, const struct bound *b, const void *row, int64_t *flip);

static int64_t time_of(const struct rows *r, const void *row)
{
    int64_t at = 0;
    memcpy(&at, (const char *)row + r->time->offset, sizeof at);
    return at;
}

/* A row leaves a window that moves; one that is not in it yet may come. */
static void flip_rows(const struct tracer *t, const struct rows *r, int64_t *flip)
{
    const struct list *l = t->s->parts[r->part];
    for (size_t i = 0; i < l->n; i++) {
        const void *row = (const char *)l->items + i * r->list->part->shape->size;
        if (r->inner)
            flip_of(t, r->inner, row, flip);
        if (r->moves == MOVES_NOT)
            continue;
        int64_t at = time_of(r, row), day = day_of(t, at);
        if (r->span_ms && at >= r->from_ms)
            sooner(t, flip, at + r->span_ms + 1);
        else if (r->span_days && at >= r->from_ms)
            sooner(t, flip, day_start(t, day + r->span_days));
        else if (!r->span_ms && !r->span_days)
            sooner(t, flip, day_start(t, day + 1 > t->p->today + 1 ? day + 1 : t->p->today + 1));
    }
}

static void flip_due(const struct tracer *t, const struct ref *r, const void *row, int64_t *flip)
{
    int64_t at = 0;
    if (!r->due)
        return;
    memcpy(&at, (const char *)(r->part < 0 ? row : t->s->parts[r->part]) + r->due->offset,
           sizeof at);
    sooner(t, flip, at);
}

static void flip_terms(const struct tracer *t, const struct bound *b, const void *row,
                       int64_t *flip)
{
    double sum = 0, v = 0;
    bool is_known = true;
    for (size_t i = 0; i < b->n_terms; i++) {
        const struct term *one = &b->terms[i];
        if (one->is_call)
            flip_rows(t, &one->rows, flip);
        else
            flip_due(t, &one->ref, row, flip);
        is_known = is_known && term_value(one, t->s, row, &v);
        sum = one->is_minus ? sum - v : sum + v;
    }
    if (b->range.lo_moves == MOVES_TODAY)
        sooner(t, flip, day_start(t, t->p->today + 1));
    if (b->range.lo_moves != MOVES_NOW || !is_known)
        return;
    /* now + c beside the sum: they meet when now has moved by their distance */
    double gap = sum - (b->range.has_lo ? b->real_lo : b->real_hi);
    if (gap > -1 && gap < 1e15)
        sooner(t, flip, t->p->world->now_ms + (int64_t)gap);
    if (gap > -1 && gap < 1e15)
        sooner(t, flip, t->p->world->now_ms + (int64_t)gap + 1);
}

static void flip_of(const struct tracer *t, const struct bound *b, const void *row, int64_t *flip)
{
    int64_t x = 0;
    for (size_t i = 0; i < b->n; i++)
        flip_of(t, b->of[i], row, flip);
    if (b->kind == B_ANY)
        flip_rows(t, &b->rows, flip);
    if (b->kind == B_TERMS)
        flip_terms(t, b, row, flip);
    if (b->kind == B_RANGE || b->kind == B_TEXT || b->kind == B_KNOWN)
        flip_due(t, &b->ref, row, flip);
    if (b->kind == B_RANGE && !b->is_real && ref_int(&b->ref, t->s, row, &x))
        flip_range(t, b, x, flip);
}

/* ---- what was seen ------------------------------------------------------------------------------ */

static void say_decimal(struct text *t, int64_t v, unsigned scale)
{
    struct value n = {.kind = VALUE_NUMBER, .n = v, .decimals = (uint8_t)scale};
    while (n.decimals && n.n % 10 == 0) {
        n.n /= 10;
        n.decimals--;
    }
    value_text(t, &n);
}

static void say_int(const struct tracer *k, struct text *t, const struct expr_attr *attr, int64_t v)
{
    switch (attr->type) {
    case EXPR_YES_NO:
        text_add(t, v ? S("true") : S("false"));
        break;
    case EXPR_MONEY:
        text_add(t, money_text(k->cx->arena, (money){v, k->p->world->base}));
        text_printf(t, " %s", k->p->world->base.code);
        break;
    case EXPR_TIME:
        text_add(t, when_text(k->cx->arena, (when){v}));
        break;
    case EXPR_DAY: {
        struct value d = {.kind = VALUE_DATE, .n = v};
        value_text(t, &d);
        break;
    }
    default:
        say_decimal(t, v, attr->scale);
    }
}

static bool is_text(const struct expr_attr *attr)
{
    return attr->type == EXPR_TEXT || attr->type == EXPR_CHOICE;
}

static void say_ref(const struct tracer *k, struct text *t, const struct ref *r, const void *row)
{
    int64_t v = 0;
    double d = 0;
    str s = {0};
    if (is_text(r->attr)) {
        if (ref_text(r, k->s, row, &s))
            text_add(t, s);
    } else if (r->attr->get || r->field->type == F_DOUBLE) {
        if (ref_real(r, k->s, row, &d))
            text_printf(t, "%.6g", d);
    } else if (ref_int(r, k->s, row, &v)) {
        say_int(k, t, r->attr, v);
    }
}

enum { SHOWN_MAX = 5 };

/* The leaf of one comparison, below `or`s and `not`s of its own. */
static const struct bound *first_leaf(const struct bound *b)
{
    while (b->n)
        b = b->of[0];
    return b;
}

static void say_values(const struct tracer *k, struct text *t, const struct bound *b)
{
    struct rows all = b->rows;
    const struct bound *inner = b->rows.inner ? first_leaf(b->rows.inner) : NULL;
    const void *row = NULL;
    size_t i = 0, n = 0;
    all.inner = NULL;
    while (rows_next(&all, k->s, &i, &row)) {
        if (!inner || (inner->kind != B_RANGE && inner->kind != B_TEXT && inner->kind != B_KNOWN) ||
            ++n > SHOWN_MAX)
            continue;
        if (n > 1)
            text_add(t, S(", "));
        say_ref(k, t, &inner->ref, row);
    }
    if (n > SHOWN_MAX)
        text_add(t, S(" …"));
}

static void say_count(const struct tracer *k, struct text *t, const struct bound *b)
{
    const void *row = NULL;
    size_t i = 0;
    int64_t n = 0;
    while (rows_next(&b->rows, k->s, &i, &row))
        n++;
    text_add_int(t, n);
}

static void say_terms(const struct tracer *k, struct text *t, const struct bound *b)
{
    for (size_t i = 0; i < b->n_terms; i++) {
        const struct term *one = &b->terms[i];
        double v = 0;
        if (i)
            text_add(t, one->is_minus ? S(" - ") : S(" + "));
        if (!one->is_call) {
            say_ref(k, t, &one->ref, NULL);
            continue;
        }
        if (!term_value(one, k->s, NULL, &v))
            continue;
        bool is_count = one->call == CALL_COUNT || one->call == CALL_DISTINCT;
        bool is_whole = !is_count && one->ref.attr->type != EXPR_NUMBER && one->call != CALL_AVG;
        if (is_whole && v > -9e18 && v < 9e18)
            say_int(k, t, one->ref.attr, (int64_t)v);
        else
            text_printf(t, "%.6g", v);
    }
}

/* The condition of a segment may lean on what the reader may not see. */
static bool may_see(const struct tracer *k, const struct bound *b)
{
    const struct bound *inner = b->rows.inner ? first_leaf(b->rows.inner) : NULL;
    bool may = (!b->ref.attr || expr_may_use(k->cx, b->ref.attr->may)) &&
               (!inner || !inner->ref.attr || expr_may_use(k->cx, inner->ref.attr->may));
    for (size_t i = 0; may && i < b->n_terms; i++)
        may = !b->terms[i].ref.attr || expr_may_use(k->cx, b->terms[i].ref.attr->may);
    return may;
}

static str seen_of(const struct tracer *k, const struct bound *b)
{
    struct text t = text_in(k->cx->arena, 4000);
    b = first_leaf(b);
    if (!may_see(k, b))
        return (str){0};
    if (b->kind == B_ANY)
        (b->from->kind == N_QUANT ? say_count : say_values)(k, &t, b);
    else if (b->kind == B_TERMS)
        say_terms(k, &t, b);
    else if (b->kind != B_TRUE && b->kind != B_FALSE)
        say_ref(k, &t, &b->ref, NULL);
    else if (b->ref.attr)
        say_ref(k, &t, &b->ref, NULL);
    return text_str(&t);
}

/* ---- the lines -------------------------------------------------------------------------------------- */

static void add_line(struct tracer *k, const struct bound *b, bool verdict)
{
    int64_t flip = 0;
    flip_of(k, b, NULL, &flip);
    struct expr_line line = {.text = expr_text(k->cx->arena, b->from),
                             .seen = seen_of(k, b),
                             .verdict = verdict,
                             .flip_at = {flip},
                             .from = b->from};
    size_t at = k->n++;
    for (; at > 0 && k->orders[at - 1] > b->order; at--) { /* as written */
        k->lines[at] = k->lines[at - 1];
        k->orders[at] = k->orders[at - 1];
    }
    k->lines[at] = line;
    k->orders[at] = b->order;
}

/* The leaf of the tree, not its parts: `x in (1, 2)` is one line, and so is `is empty`. */
static bool is_leaf(const struct bound *b)
{
    if (b->kind == B_NOT)
        return b->from->kind > N_NOT;
    return b->n == 0 ||
           (b->from->kind != N_AND && b->from->kind != N_OR && b->from->kind != N_SEGMENT);
}

static void walk(struct tracer *k, const struct bound *b)
{
    if (is_leaf(b)) {
        bool verdict = bound_holds(b, k->s, NULL);
        add_line(k, b, verdict);
        return;
    }
    for (size_t i = 0; i < b->n; i++)
        walk(k, b->of[i]);
}

enum err expr_trace(struct cx *cx, const struct expr_plan *p, const struct expr_subject *s,
                    struct expr_trace *out)
{
    struct tracer k = {.cx = cx, .p = p, .s = s};
    k.lines = ARENA_ARRAY(cx->arena, p->n_leaves + 1, struct expr_line);
    k.orders = ARENA_ARRAY(cx->arena, p->n_leaves + 1, unsigned);
    walk(&k, p->root);
    *out = (struct expr_trace){.holds = expr_holds(p, s), .lines = {k.lines, k.n}};
    for (size_t i = 0; i < k.n; i++)
        if (k.lines[i].flip_at.ms)
            sooner(&k, &out->flip_at.ms, k.lines[i].flip_at.ms);
    return OK;
}

/* ---- does it move? --------------------------------------------------------------------------------- */

static bool bound_moves(const struct bound *b)
{
    bool moves = b->range.lo_moves || b->range.hi_moves || b->ref.due || b->rows.moves ||
                 (b->rows.inner && bound_moves(b->rows.inner));
    for (size_t i = 0; !moves && i < b->n; i++)
        moves = bound_moves(b->of[i]);
    for (size_t i = 0; !moves && i < b->n_terms; i++) {
        const struct term *t = &b->terms[i];
        moves = t->ref.due || t->rows.moves || (t->rows.inner && bound_moves(t->rows.inner));
    }
    return moves;
}

bool expr_moves(const struct expr_plan *p)
{
    return bound_moves(p->root);
}
