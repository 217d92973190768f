/* expr/plan.c - the checked tree with now, today and the base currency settled: ranges, texts, rows of collections.
 * Memory and SQL both come from it. */
#include "expr/inside.h"

static const int64_t DAY_MS = 86400000, MINUTE_MS = 60000;
static const __int128 BILLION = 1000000000;

struct planner {
    struct cx *cx;
    struct arena *a;
    struct expr_plan *p;
    const struct expr_collection *rows; /* inside its brackets */
};

/* ---- accessors --------------------------------------------------------------------------- */

static const struct field *field_of(const struct expr_part *part, const char *name)
{
    for (size_t i = 0; name && i < part->shape->n; i++)
        if (strcmp(part->shape->fields[i].name, name) == 0)
            return &part->shape->fields[i];
    assert(!name); /* a row of the catalogue names a field that is not there */
    return NULL;
}

static int part_of(struct planner *k, const struct expr_part *part)
{
    for (size_t i = 0; i < k->p->n_parts; i++)
        if (k->p->parts[i] == part)
            return (int)i;
    assert(k->p->n_parts < PARTS_MAX);
    k->p->parts[k->p->n_parts] = part;
    return (int)k->p->n_parts++;
}

static struct ref ref_of(struct planner *k, const struct expr_attr *attr)
{
    if (k->rows)
        return (struct ref){attr, field_of(k->rows->part, attr->field),
                            field_of(k->rows->part, attr->due), -1};
    k->p->needs_customer |= attr->cost == EXPR_RECORD;
    return (struct ref){attr, field_of(attr->part, attr->field), field_of(attr->part, attr->due),
                        part_of(k, attr->part)};
}

/* ---- constants ------------------------------------------------------------------------------- */

static __int128 power10(unsigned n)
{
    __int128 v = 1;
    while (n--)
        v *= 10;
    return v;
}

static struct konst value_konst(const struct planner *k, const struct value *v)
{
    static const int64_t units[] = {[UNIT_MIN] = MINUTE_MS, [UNIT_H] = 60 * MINUTE_MS,
                                    [UNIT_D] = 1,           [UNIT_W] = 7,
                                    [UNIT_MO] = 30,         [UNIT_Y] = 365};
    switch (v->kind) {
    case VALUE_NUMBER:
        return (struct konst){KONST_NUMBER, v->n * power10(9u - v->decimals), MOVES_NOT};
    case VALUE_MONEY:
        return (struct konst){
            KONST_MONEY, v->n * power10((unsigned)currency_exponent(v->currency) - v->decimals),
            MOVES_NOT};
    case VALUE_DURATION:
        return (struct konst){v->unit <= UNIT_H ? KONST_MS : KONST_DAYS,
                              (__int128)v->n * units[v->unit], MOVES_NOT};
    case VALUE_DATE:
        return (struct konst){KONST_DAY, v->n, MOVES_NOT};
    case VALUE_TODAY:
        return (struct konst){KONST_DAY, k->p->today, MOVES_TODAY};
    case VALUE_NOW:
        return (struct konst){KONST_TIME, k->p->world->now_ms, MOVES_NOW};
    default:
        return (struct konst){.kind = KONST_NONE};
    }
}

/* A number beside money is money of the base currency. */
static struct konst as_money(const struct planner *k, struct konst c)
{
    if (c.kind == KONST_NUMBER)
        c = (struct konst){KONST_MONEY,
                           c.n / power10(9u - (unsigned)currency_exponent(k->p->world->base)),
                           c.moves};
    return c;
}

static struct konst konst_add(const struct planner *k, struct konst a, struct konst b,
                              bool is_minus)
{
    if (a.kind == KONST_NONE) {
        a = (struct konst){b.kind, 0, MOVES_NOT};
    }
    if (a.kind == KONST_MONEY || b.kind == KONST_MONEY) {
        a = as_money(k, a);
        b = as_money(k, b);
    }
    if ((a.kind == KONST_TIME || a.kind == KONST_MS) && b.kind == KONST_DAYS)
        b.n *= DAY_MS;
    a.n += is_minus ? -b.n : b.n;
    a.moves = a.moves > b.moves ? a.moves : b.moves;
    return a;
}

static struct konst konst_of(const struct planner *k, const struct expr *e)
{
    struct konst sum = {.kind = KONST_NONE};
    if (e->kind == N_VALUE)
        return value_konst(k, &e->value);
    for (size_t i = 0; e->kind == N_SUM && i < e->n; i++)
        sum = konst_add(k, sum, value_konst(k, &e->of[i]->value), e->signs & 1u << i);
    return sum;
}

/* ---- ranges --------------------------------------------------------------------------------------- */

static int64_t clamp(__int128 v)
{
    return v > INT64_MAX ? INT64_MAX : v < INT64_MIN ? INT64_MIN : (int64_t)v;
}

static __int128 floor_by(__int128 a, __int128 b)
{
    __int128 q = a / b;
    return q * b > a ? q - 1 : q;
}

static int64_t day_start(const struct planner *k, __int128 day)
{
    int64_t d = day > 3000000 ? 3000000 : day < -1000000 ? -1000000 : (int64_t)day;
    return when_of_day((int32_t)d, k->p->world->time_zone).ms;
}

/* x op c, where x is stored in units of which one is `unit` of c's. */
static struct range range_units(enum cmp op, __int128 c, __int128 unit)
{
    struct range r = {.is_outside = op == CMP_NE};
    __int128 low = floor_by(c, unit), high = low * unit == c ? low : low + 1; /* around c */
    switch (op) {
    case CMP_EQ:
    case CMP_NE:
        r.has_lo = r.has_hi = true;
        r.lo = clamp(high);
        r.hi = clamp(low);
        break;
    case CMP_LT:
        r.has_hi = true;
        r.hi = clamp(high - 1);
        break;
    case CMP_LE:
        r.has_hi = true;
        r.hi = clamp(low);
        break;
    case CMP_GT:
        r.has_lo = true;
        r.lo = clamp(low + 1);
        break;
    default:
        r.has_lo = true;
        r.lo = clamp(high);
    }
    return r;
}

/* Days as the instants that lie in them. */
static struct range range_days_as_times(const struct planner *k, struct range r)
{
    r.lo_by_day = r.hi_by_day = true;
    r.lo_day = r.lo;
    r.hi_day = r.hi;
    if (r.has_lo)
        r.lo = day_start(k, r.lo);
    if (r.has_hi)
        r.hi = day_start(k, (__int128)r.hi + 1) - 1;
    return r;
}

static struct range range_of(const struct planner *k, const struct expr_attr *attr, enum cmp op,
                             struct konst c)
{
    struct range r;
    if (attr->type == EXPR_MONEY)
        c = as_money(k, c);
    if (c.kind == KONST_NUMBER)
        r = range_units(op, c.n, power10(9u - attr->scale));
    else
        r = range_units(op, c.n, 1);
    if (c.kind == KONST_DAY && attr->type == EXPR_TIME)
        r = range_days_as_times(k, r);
    else if (c.kind == KONST_DAY) {
        r.lo_by_day = r.hi_by_day = true;
        r.lo_day = r.lo;
        r.hi_day = r.hi;
    }
    r.lo_moves = r.hi_moves = c.moves;
    return r;
}

/* days_since(x) op c: the days of x, which move with today. */
static struct range range_since(const struct planner *k, const struct expr_attr *attr,
                                struct range since)
{
    struct range r = {.is_outside = since.is_outside,
                      .has_lo = since.has_hi,
                      .has_hi = since.has_lo,
                      .lo_by_day = true,
                      .hi_by_day = true,
                      .lo_moves = MOVES_TODAY,
                      .hi_moves = MOVES_TODAY};
    r.lo = r.lo_day = clamp((__int128)k->p->today - since.hi);
    r.hi = r.hi_day = clamp((__int128)k->p->today - since.lo);
    return attr->type == EXPR_TIME ? range_days_as_times(k, r) : r;
}

static struct range range_both(struct range low, struct range high)
{
    low.has_hi = true;
    low.hi = high.hi;
    low.hi_day = high.hi_day;
    low.hi_by_day = high.hi_by_day;
    low.hi_moves = high.hi_moves;
    return low;
}

/* ---- nodes -------------------------------------------------------------------------------------------- */

static struct bound *bound_new(struct planner *k, enum bound_kind kind, const struct expr *from)
{
    struct bound *b = ARENA_NEW(k->a, struct bound);
    b->kind = kind;
    b->from = from;
    b->order = k->p->n_leaves;
    return b;
}

static struct bound *bind(struct planner *k, const struct expr *e);

static unsigned weight_of(const struct expr_attr *attr, unsigned how)
{
    return 10u * attr->cost + how;
}

static bool is_real(const struct ref *r)
{
    return r->attr->get || r->field->type == F_DOUBLE;
}

static struct bound *bind_range(struct planner *k, const struct expr *e,
                                const struct expr_attr *attr, struct range r)
{
    struct bound *b = bound_new(k, B_RANGE, e);
    b->ref = ref_of(k, attr);
    b->range = r;
    b->weight = weight_of(attr, r.is_outside ? 4 : r.has_lo && r.has_hi ? 0 : 1);
    return b;
}

static void bind_rows(struct planner *k, const struct expr_collection *list, const struct window *w,
                      struct rows *r)
{
    *r = (struct rows){.list = list, .part = part_of(k, list->part)};
    r->time = field_of(list->part, list->time_field);
    r->key_field = field_of(list->part, list->key_field);
    r->key_text_field = field_of(list->part, list->key_text_field);
    if (!w || w->kind == WINDOW_NONE)
        return;
    struct konst c = value_konst(k, &w->value);
    r->moves = c.moves;
    if (w->kind == WINDOW_WITHIN && c.kind == KONST_DAYS) { /* today and the days before it */
        r->has_from = true;
        r->from_ms = day_start(k, k->p->today - c.n + 1);
        r->span_days = (int64_t)c.n;
        r->moves = MOVES_TODAY;
    } else if (w->kind == WINDOW_WITHIN) {
        r->has_from = true;
        r->from_ms = k->p->world->now_ms - (int64_t)c.n;
        r->span_ms = (int64_t)c.n;
        r->moves = MOVES_NOW;
    } else if (w->kind == WINDOW_SINCE) {
        r->has_from = true;
        r->from_ms = day_start(k, c.n);
    } else {
        r->has_until = true;
        r->until_ms = day_start(k, c.n);
    }
}

/* ---- a leaf over one value ------------------------------------------------------------------------------ */

static struct bound *bind_known(struct planner *k, const struct expr *e,
                                const struct expr_attr *attr)
{
    struct bound *b = bound_new(k, attr->unknown == EXPR_NEVER ? B_TRUE : B_KNOWN, e);
    b->ref = ref_of(k, attr);
    b->weight = weight_of(attr, 3);
    return b;
}

static struct bound *bind_text(struct planner *k, const struct expr *e,
                               const struct expr_attr *attr, enum cmp op)
{
    struct bound *b = bound_new(k, B_TEXT, e);
    b->ref = ref_of(k, attr);
    b->op = op;
    b->texts = ARENA_ARRAY(k->a, e->n, str);
    for (size_t i = 1; i < e->n; i++)
        b->texts[b->n_texts++] = literal_of(k->a, attr, e->of[i]);
    if (b->n_texts == 0)
        b->kind = B_FALSE;
    b->weight = weight_of(attr, op == CMP_EQ ? 0 : op == CMP_NE ? 4 : 2);
    return b;
}

static struct range one_range(struct planner *k, const struct expr_attr *attr,
                              const struct expr *left, enum cmp op, const struct expr *value)
{
    if (attr->type == EXPR_YES_NO) {
        int64_t v = value->value.kind == VALUE_TRUE;
        return (struct range){
            .has_lo = true, .has_hi = true, .is_outside = op == CMP_NE, .lo = v, .hi = v};
    }
    struct konst c = konst_of(k, value);
    if (left->kind == N_DAYS)
        return range_since(k, attr, range_units(op, c.n, BILLION));
    return range_of(k, attr, op, c);
}

static double real_of(const struct planner *k, enum expr_type type, struct konst c)
{
    if (type == EXPR_MONEY)
        c = as_money(k, c);
    return c.kind == KONST_NUMBER ? (double)c.n / 1e9 : (double)c.n;
}

static void set_reals(struct bound *b, enum cmp op, double c)
{
    b->is_real = true;
    b->range.is_outside = op == CMP_NE;
    b->range.has_lo = op == CMP_EQ || op == CMP_NE || op == CMP_GT || op == CMP_GE;
    b->range.has_hi = op == CMP_EQ || op == CMP_NE || op == CMP_LT || op == CMP_LE;
    b->lo_open = op == CMP_GT;
    b->hi_open = op == CMP_LT;
    b->real_lo = b->real_hi = c;
}

static struct bound *bind_single(struct planner *k, const struct expr *e,
                                 const struct expr_attr *attr, const struct expr *left, enum cmp op,
                                 const struct expr *value)
{
    struct bound *b = bind_range(k, e, attr, (struct range){0});
    if (is_real(&b->ref))
        set_reals(b, op, real_of(k, attr->type, konst_of(k, value)));
    else
        b->range = one_range(k, attr, left, op, value);
    b->weight = weight_of(attr, op == CMP_EQ ? 0 : op == CMP_NE ? 4 : 1);
    return b;
}

static struct bound *bind_joined(struct planner *k, enum bound_kind kind, const struct expr *e,
                                 struct bound **of, size_t n)
{
    struct bound *b = bound_new(k, n ? kind : kind == B_OR ? B_FALSE : B_TRUE, e);
    b->of = of;
    b->n = n;
    for (size_t i = 0; i < n; i++)
        b->weight = of[i]->weight > b->weight ? of[i]->weight : b->weight;
    return b;
}

/* The leaf over one attribute of the world, or one field of a row. */
static struct bound *bind_value(struct planner *k, const struct expr *e,
                                const struct expr_attr *attr)
{
    const struct expr *left = e->of ? e->of[0] : e;
    bool is_text = attr->type == EXPR_TEXT || attr->type == EXPR_CHOICE;
    switch (e->kind) {
    case N_NAME:
        return bind_range(k, e, attr,
                          (struct range){.has_lo = true, .has_hi = true, .lo = 1, .hi = 1});
    case N_IS:
        return bind_known(k, e, attr);
    case N_CMP:
        return is_text ? bind_text(k, e, attr, (enum cmp)e->op)
                       : bind_single(k, e, attr, left, (enum cmp)e->op, e->of[1]);
    case N_IN: {
        if (is_text)
            return bind_text(k, e, attr, CMP_EQ);
        struct bound **of = ARENA_ARRAY(k->a, e->n, struct bound *);
        for (size_t i = 1; i < e->n; i++)
            of[i - 1] = bind_single(k, e, attr, left, CMP_EQ, e->of[i]);
        return bind_joined(k, B_OR, e, of, e->n - 1);
    }
    default: { /* between */
        struct bound *low = bind_single(k, e, attr, left, CMP_GE, e->of[1]);
        struct bound *high = bind_single(k, e, attr, left, CMP_LE, e->of[2]);
        if (left->kind == N_DAYS) { /* there the order of the days is the other way */
            struct bound *turned = low;
            low = high;
            high = turned;
        }
        low->range = range_both(low->range, high->range);
        low->real_hi = high->real_hi;
        low->hi_open = high->hi_open;
        return low;
    }
    }
}

/* One of the several values answers. */
static struct bound *bind_of(struct planner *k, const struct expr *e, const struct expr_attr *attr)
{
    struct bound *b = bound_new(k, B_ANY, e);
    const struct expr_attr *field = expr_attr_value(attr);
    bind_rows(k, attr->of, NULL, &b->rows);
    b->rows.key = attr->key;
    b->rows.key_text = attr->key_text;
    k->rows = attr->of;
    b->rows.inner = bind_value(k, e, field);
    k->rows = NULL;
    if (b->rows.inner->kind == B_TRUE)
        b->rows.inner = NULL;
    b->weight = 10u * EXPR_SCAN;
    return b;
}

/* ---- sums ---------------------------------------------------------------------------------------------------- */

struct sum {
    struct term *terms;
    size_t n;
    struct konst konst;
};

static void sum_one(struct planner *k, struct sum *s, const struct expr *e, bool is_minus)
{
    if (node_is_constant(e)) {
        s->konst = konst_add(k, s->konst, konst_of(k, e), !is_minus); /* to the other side */
        return;
    }
    struct term *t = &s->terms[s->n++];
    t->is_minus = is_minus;
    t->is_call = e->kind == N_CALL;
    if (!t->is_call) {
        t->ref = ref_of(k, e->attr);
        return;
    }
    t->call = (enum call)e->op;
    bind_rows(k, e->list, &e->window, &t->rows);
    k->rows = e->list;
    if (e->n)
        t->rows.inner = bind(k, e->of[0]);
    if (e->attr)
        t->ref = ref_of(k, e->attr);
    k->rows = NULL;
}

static void sum_side(struct planner *k, struct sum *s, const struct expr *e, bool is_minus)
{
    if (e->kind != N_SUM || node_is_constant(e)) {
        sum_one(k, s, e, is_minus);
        return;
    }
    for (size_t i = 0; i < e->n; i++)
        sum_one(k, s, e->of[i], is_minus != !!(e->signs & 1u << i));
}

/* What the sum of the terms is measured in. */
static enum expr_type term_type(const struct term *t)
{
    if (t->is_call && (t->call == CALL_COUNT || t->call == CALL_DISTINCT))
        return EXPR_NUMBER;
    return (enum expr_type)t->ref.attr->type;
}

static struct bound *bind_terms(struct planner *k, const struct expr *e, const struct expr *left,
                                enum cmp op, const struct expr *right)
{
    struct bound *b = bound_new(k, B_TERMS, e);
    struct sum s = {ARENA_ARRAY(k->a, 2 * EXPR_TERMS_MAX, struct term), 0, {.kind = KONST_NONE}};
    struct konst days = {.kind = KONST_NONE};
    sum_side(k, &s, left, false);
    if (right && node_is_constant(right) && konst_of(k, right).kind == KONST_DAY && s.n &&
        term_type(&s.terms[0]) == EXPR_TIME)
        days = konst_of(k, right);
    else if (right)
        sum_side(k, &s, right, true);
    b->terms = s.terms;
    b->n_terms = s.n;
    b->weight = 9;
    for (size_t i = 0; i < s.n; i++) {
        unsigned w = s.terms[i].is_call ? 10u * EXPR_SCAN + 5 : weight_of(s.terms[i].ref.attr, 5);
        b->weight = w > b->weight ? w : b->weight;
    }
    if (!right) { /* is it known? */
        b->op = CMP_N;
        return b;
    }
    enum expr_type type = s.n ? term_type(&s.terms[0]) : EXPR_NUMBER;
    if (days.kind == KONST_DAY) { /* an instant beside a day: the instants of that day */
        struct range r = range_days_as_times(k, range_units(op, days.n, 1));
        __int128 more = s.konst.kind == KONST_NONE   ? 0
                        : s.konst.kind == KONST_DAYS ? s.konst.n * DAY_MS
                                                     : s.konst.n;
        b->is_real = true;
        b->range = r;
        b->real_lo = (double)(r.lo + more);
        b->real_hi = (double)(r.hi + more);
        b->range.lo_moves = b->range.hi_moves = days.moves;
        return b;
    }
    if (s.konst.kind == KONST_DAYS && type == EXPR_TIME)
        s.konst = (struct konst){KONST_MS, s.konst.n * DAY_MS, s.konst.moves};
    set_reals(b, op, s.konst.kind == KONST_NONE ? 0 : real_of(k, type, s.konst));
    b->range.lo_moves = b->range.hi_moves = s.konst.moves;
    return b;
}

/* ---- conditions ----------------------------------------------------------------------------------------------------- */

static enum cmp mirrored(enum cmp op)
{
    static const enum cmp other[] = {CMP_EQ, CMP_NE, CMP_GT, CMP_GE, CMP_LT, CMP_LE};
    return op <= CMP_GE ? other[op] : op;
}

/* The attribute when the term is one alone. */
static const struct expr_attr *alone(const struct expr *e)
{
    return e->kind == N_NAME || e->kind == N_DAYS ? e->attr : NULL;
}

static struct bound *bind_leaf(struct planner *k, const struct expr *e)
{
    const struct expr *left = e->kind == N_NAME ? e : e->of[0];
    const struct expr_attr *attr = alone(left);
    bool right_is_constant = true;
    for (size_t i = 1; e->kind != N_NAME && i < e->n; i++)
        right_is_constant = right_is_constant && node_is_constant(e->of[i]);
    if (e->kind == N_CMP && node_is_constant(left)) { /* 3 < orders */
        const struct expr_attr *a = alone(e->of[1]);
        if (!a)
            return bind_terms(k, e, e->of[1], mirrored((enum cmp)e->op), left);
        struct expr *turned = ARENA_NEW(k->a, struct expr);
        *turned = *e;
        turned->op = (uint8_t)mirrored((enum cmp)e->op);
        turned->of = ARENA_ARRAY(k->a, 2, struct expr *);
        turned->of[0] = e->of[1];
        turned->of[1] = e->of[0];
        struct bound *b = a->of ? bind_of(k, turned, a) : bind_value(k, turned, a);
        b->from = e;
        return b;
    }
    if (attr && right_is_constant)
        return attr->of ? bind_of(k, e, attr) : bind_value(k, e, attr);
    struct bound **of = ARENA_ARRAY(k->a, e->n + 1, struct bound *);
    switch (e->kind) {
    case N_IS:
        return bind_terms(k, e, left, CMP_EQ, NULL);
    case N_IN:
        for (size_t i = 1; i < e->n; i++)
            of[i - 1] = bind_terms(k, e, left, CMP_EQ, e->of[i]);
        return bind_joined(k, B_OR, e, of, e->n - 1);
    case N_BETWEEN:
        of[0] = bind_terms(k, e, left, CMP_GE, e->of[1]);
        of[1] = bind_terms(k, e, left, CMP_LE, e->of[2]);
        return bind_joined(k, B_AND, e, of, 2);
    default:
        return bind_terms(k, e, left, (enum cmp)e->op, e->of[1]);
    }
}

static int by_weight(const void *a, const void *b)
{
    const struct bound *x = *(struct bound *const *)a, *y = *(struct bound *const *)b;
    if (x->weight != y->weight)
        return x->weight < y->weight ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static struct bound *negated(struct planner *k, const struct expr *from, struct bound *b)
{
    struct bound *not = bound_new(k, B_NOT, from);
    not ->of = ARENA_ARRAY(k->a, 1, struct bound *);
    not ->of[0] = b;
    not ->n = 1;
    not ->weight = b->weight;
    not ->order = b->order;
    return not ;
}

static struct bound *bind(struct planner *k, const struct expr *e)
{
    struct bound *b;
    switch (e->kind) {
    case N_OR:
    case N_AND: {
        struct bound **of = ARENA_ARRAY(k->a, e->n, struct bound *);
        for (size_t i = 0; i < e->n; i++)
            of[i] = bind(k, e->of[i]);
        b = bind_joined(k, e->kind == N_OR ? B_OR : B_AND, e, of, e->n);
        b->order = of[0]->order;
        qsort(of, e->n, sizeof(struct bound *), by_weight);
        return b;
    }
    case N_NOT:
        return negated(k, e, bind(k, e->of[0]));
    case N_SEGMENT:
        return bind(k, e->inner);
    case N_QUANT:
        k->p->n_leaves++;
        b = bound_new(k, B_ANY, e);
        bind_rows(k, e->list, &e->window, &b->rows);
        b->weight = 10u * EXPR_SCAN + 2;
        k->rows = e->list;
        if (e->n)
            b->rows.inner = bind(k, e->of[0]);
        k->rows = NULL;
        return e->op == QUANT_NO ? negated(k, e, b) : b;
    default:
        k->p->n_leaves++;
        b = bind_leaf(k, e);
        return e->kind == N_IS && e->is_empty != e->is_negated ? negated(k, e, b) : b;
    }
}

enum err expr_plan(struct cx *cx, const struct expr_world *w, const struct expr *checked,
                   struct expr_plan **out)
{
    struct expr_plan *p = ARENA_NEW(cx->arena, struct expr_plan);
    struct planner k = {.cx = cx, .a = cx->arena, .p = p};
    struct expr_world *world = ARENA_NEW(cx->arena, struct expr_world);
    *world = *w;
    p->tree = checked;
    p->world = world;
    p->today = when_day((when){w->now_ms}, w->time_zone);
    p->root = bind(&k, checked);
    p->code = code_make(cx->arena, p);
    *out = p;
    return OK;
}

bool expr_needs_customer(const struct expr_plan *p)
{
    return p->needs_customer;
}

enum err expr_where(struct cx *cx, const struct expr_world *w, str text, struct made_text *m,
                    struct expr_trouble *why)
{
    struct expr *e = NULL;
    struct expr_plan *p = NULL;
    TRY(expr_parse(cx, text, &e, why));
    TRY(expr_check(cx, w, text, e, why));
    TRY(expr_plan(cx, w, e, &p));
    expr_sql(p, m);
    return OK;
}

/* ---- what it costs -------------------------------------------------------------------------- */

static unsigned bound_cost(const struct bound *b)
{
    static const unsigned costs[EXPR_COST_N] = {1, 2, 8};
    enum { ROWS = 8, SUM_OF_ROWS = 20 };
    unsigned sum = 0;
    for (size_t i = 0; i < b->n; i++)
        sum += bound_cost(b->of[i]);
    if (b->kind == B_ANY)
        return sum + ROWS;
    for (size_t i = 0; i < b->n_terms; i++)
        sum += b->terms[i].is_call ? SUM_OF_ROWS : costs[b->terms[i].ref.attr->cost];
    bool is_leaf = b->n == 0 && b->n_terms == 0 && b->ref.attr;
    return sum + (is_leaf ? costs[b->ref.attr->cost] : 0);
}

unsigned expr_cost(const struct expr_plan *p)
{
    return bound_cost(p->root);
}
