/* expr/eval.c - one customer in memory: accessors, leaves, and the byte-code that joins them.
 *
 * The code is a line of leaves, each with two ways out; it is made from the back, so that the way out of a leaf is known
 * when it is written. */
#include "expr/inside.h"

/* ---- accessors -------------------------------------------------------------------------- */

static const char *base_of(const struct ref *r, const struct expr_subject *s, const void *row)
{
    return r->part < 0 ? row : s->parts[r->part];
}

static bool field_int(const struct field *f, const char *base, int64_t *out)
{
    const char *at = base + f->offset;
    opt_int o;
    bool b;
    switch (f->type) {
    case F_OPT_INT:
        memcpy(&o, at, sizeof o);
        *out = o.v;
        return o.has;
    case F_BOOL:
        memcpy(&b, at, sizeof b);
        *out = b;
        return true;
    default: /* F_INT, F_WHEN, F_ID, the amount of F_MONEY */
        memcpy(out, at, sizeof *out);
        return true;
    }
}

bool ref_int(const struct ref *r, const struct expr_subject *s, const void *row, int64_t *out)
{
    return field_int(r->field, base_of(r, s, row), out) &&
           (r->attr->unknown != EXPR_ZERO || *out != 0);
}

double scale_of(const struct expr_attr *attr)
{
    static const double scales[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    return scales[attr->scale];
}

bool ref_real(const struct ref *r, const struct expr_subject *s, const void *row, double *out)
{
    const char *base = base_of(r, s, row);
    int64_t i = 0;
    if (r->attr->get)
        return r->attr->get(base, out);
    if (r->field->type == F_DOUBLE) {
        memcpy(out, base + r->field->offset, sizeof *out);
        return true;
    }
    if (!ref_int(r, s, row, &i))
        return false;
    *out = (double)i;
    return true;
}

bool ref_text(const struct ref *r, const struct expr_subject *s, const void *row, str *out)
{
    const char *at = base_of(r, s, row) + r->field->offset;
    opt_str o = {.has = true};
    int i = 0;
    if (r->field->type == F_ENUM) {
        memcpy(&i, at, sizeof i);
        o.v = str_of(r->field->names[i]);
    } else if (r->field->type == F_OPT_STR) {
        memcpy(&o, at, sizeof o);
    } else {
        memcpy(&o.v, at, sizeof o.v);
    }
    *out = o.v;
    return o.has && (r->attr->unknown != EXPR_EMPTY || o.v.len > 0);
}

/* ---- rows ---------------------------------------------------------------------------------- */

static const struct expr_attr plain_attr;

static bool row_counts(const struct rows *r, const void *row)
{
    int64_t v = 0;
    if (r->key_field && (!field_int(r->key_field, row, &v) || v != r->key))
        return false;
    str text = {0};
    if (r->key_text.len) {
        const struct ref key = {.attr = &plain_attr, .field = r->key_text_field, .part = -1};
        (void)ref_text(&key, NULL, row, &text);
        if (!str_eq(text, r->key_text))
            return false;
    }
    if (!r->has_from && !r->has_until)
        return true;
    return field_int(r->time, row, &v) && (!r->has_from || v >= r->from_ms) &&
           (!r->has_until || v < r->until_ms);
}

/* The next row that counts, from the *i-th on. */
bool rows_next(const struct rows *r, const struct expr_subject *s, size_t *i, const void **row)
{
    const struct list *l = s->parts[r->part];
    while (*i < l->n) {
        const char *one = (const char *)l->items + *i * r->list->part->shape->size;
        ++*i;
        if (row_counts(r, one) && (!r->inner || bound_holds(r->inner, s, one))) {
            *row = one;
            return true;
        }
    }
    return false;
}

/* ---- sums ------------------------------------------------------------------------------------- */

/* Is the field of a row the same as that of an earlier one? */
static bool is_repeated(const struct term *t, const struct expr_subject *s, size_t before,
                        const void *row)
{
    int64_t a = 0, b = 0;
    str x = {0}, y = {0};
    bool is_text = t->ref.field->type == F_STR || t->ref.field->type == F_OPT_STR ||
                   t->ref.field->type == F_ENUM;
    const void *other = NULL;
    size_t i = 0;
    if (is_text ? !ref_text(&t->ref, s, row, &x) : !ref_int(&t->ref, s, row, &a))
        return true; /* not known: counts for nothing */
    while (rows_next(&t->rows, s, &i, &other) && i < before) {
        if (is_text ? ref_text(&t->ref, s, other, &y) && str_eq(x, y)
                    : ref_int(&t->ref, s, other, &b) && a == b)
            return true;
    }
    return false;
}

/* first, last: by time, then by the value. */
static bool is_nearer(const struct term *t, int64_t at, double v, int64_t best_at, double best)
{
    if (at != best_at)
        return (at < best_at) == (t->call == CALL_FIRST);
    return (v < best) == (t->call == CALL_FIRST);
}

static bool call_value(const struct term *t, const struct expr_subject *s, double *out)
{
    const void *row = NULL;
    size_t n = 0, i = 0;
    double sum = 0, best = 0;
    int64_t best_at = 0;
    while (rows_next(&t->rows, s, &i, &row)) {
        double v = 0;
        int64_t at = 0;
        if (t->call == CALL_COUNT) {
            n++;
            continue;
        }
        if (t->call == CALL_DISTINCT) {
            n += !is_repeated(t, s, i, row);
            continue;
        }
        if (!ref_real(&t->ref, s, row, &v))
            continue;
        if (t->rows.time)
            (void)field_int(t->rows.time, row, &at);
        bool is_better = n == 0 || (t->call == CALL_MIN   ? v < best
                                    : t->call == CALL_MAX ? v > best
                                                          : is_nearer(t, at, v, best_at, best));
        if (is_better) {
            best = v;
            best_at = at;
        }
        sum += v;
        n++;
    }
    if (t->call == CALL_COUNT || t->call == CALL_DISTINCT) {
        *out = (double)n;
        return true;
    }
    *out = (t->call == CALL_SUM   ? sum
            : t->call == CALL_AVG ? sum / (double)n
                                  : best) /
           scale_of(t->ref.attr);
    return n > 0 || t->call == CALL_SUM;
}

bool term_value(const struct term *t, const struct expr_subject *s, const void *row, double *out)
{
    if (t->is_call)
        return call_value(t, s, out);
    if (!ref_real(&t->ref, s, row, out))
        return false;
    *out /= scale_of(t->ref.attr);
    return true;
}

static bool sum_value(const struct bound *b, const struct expr_subject *s, const void *row,
                      double *out)
{
    *out = 0;
    for (size_t i = 0; i < b->n_terms; i++) {
        double v = 0;
        if (!term_value(&b->terms[i], s, row, &v))
            return false;
        *out = b->terms[i].is_minus ? *out - v : *out + v;
    }
    return true;
}

/* ---- leaves -------------------------------------------------------------------------------------- */

static bool is_within(const struct bound *b, double v)
{
    const struct range *r = &b->range;
    bool is_in = (!r->has_lo || (b->lo_open ? v > b->real_lo : v >= b->real_lo)) &&
                 (!r->has_hi || (b->hi_open ? v < b->real_hi : v <= b->real_hi));
    return is_in != r->is_outside;
}

static bool range_holds(const struct bound *b, const struct expr_subject *s, const void *row)
{
    int64_t v = 0;
    double d = 0;
    if (b->is_real)
        return ref_real(&b->ref, s, row, &d) && is_within(b, d);
    if (!ref_int(&b->ref, s, row, &v))
        return false;
    bool is_in = (!b->range.has_lo || v >= b->range.lo) && (!b->range.has_hi || v <= b->range.hi);
    return is_in != b->range.is_outside;
}

static bool text_holds(const struct bound *b, const struct expr_subject *s, const void *row)
{
    str v = {0};
    if (!ref_text(&b->ref, s, row, &v))
        return false;
    switch (b->op) {
    case CMP_NE:
        return !str_eq(v, b->texts[0]);
    case CMP_CONTAINS:
        return str_find(v, b->texts[0]) >= 0;
    case CMP_STARTS:
        return str_starts(v, b->texts[0]);
    case CMP_ENDS:
        return str_ends(v, b->texts[0]);
    default:
        for (size_t i = 0; i < b->n_texts; i++)
            if (str_eq(v, b->texts[i]))
                return true;
        return false;
    }
}

static bool known_holds(const struct bound *b, const struct expr_subject *s, const void *row)
{
    int64_t v = 0;
    double d = 0;
    str t = {0};
    enum expr_type type = (enum expr_type)b->ref.attr->type;
    if (type == EXPR_TEXT || type == EXPR_CHOICE)
        return ref_text(&b->ref, s, row, &t);
    return b->ref.attr->get ? b->ref.attr->get(base_of(&b->ref, s, row), &d)
                            : ref_int(&b->ref, s, row, &v);
}

/* B_FALSE, B_TRUE and the leaves; what joins them is not for here. */
static bool leaf_holds(const struct bound *b, const struct expr_subject *s, const void *row)
{
    const void *one = NULL;
    size_t i = 0;
    double sum = 0;
    switch (b->kind) {
    case B_RANGE:
        return range_holds(b, s, row);
    case B_TEXT:
        return text_holds(b, s, row);
    case B_KNOWN:
        return known_holds(b, s, row);
    case B_TERMS:
        return sum_value(b, s, row, &sum) && (b->op == CMP_N || is_within(b, sum));
    case B_ANY:
        return rows_next(&b->rows, s, &i, &one);
    default:
        return b->kind == B_TRUE;
    }
}

bool bound_holds(const struct bound *b, const struct expr_subject *s, const void *row)
{
    switch (b->kind) {
    case B_AND:
        for (size_t i = 0; i < b->n; i++)
            if (!bound_holds(b->of[i], s, row))
                return false;
        return true;
    case B_OR:
        for (size_t i = 0; i < b->n; i++)
            if (bound_holds(b->of[i], s, row))
                return true;
        return false;
    case B_NOT:
        return !bound_holds(b->of[0], s, row);
    default:
        return leaf_holds(b, s, row);
    }
}

/* ---- code ------------------------------------------------------------------------------------------- */

enum { YES = -1, NO = -2 };
struct instr {
    enum { I_INT, I_LEAF } op;
    bool is_outside, zero_is_unknown;
    int16_t yes, no; /* the next one, or YES, NO */
    int part;
    uint32_t offset;
    int64_t lo, hi;
    const struct bound *leaf;
};
struct code {
    struct instr *v;
    int n, start;
};

static struct instr instr_of(const struct bound *b)
{
    struct instr i = {.op = I_LEAF, .leaf = b};
    const struct field *f = b->ref.field;
    if (b->kind != B_RANGE || b->is_real || (f->type != F_INT && f->type != F_WHEN))
        return i;
    return (struct instr){.op = I_INT,
                          .is_outside = b->range.is_outside,
                          .zero_is_unknown = b->ref.attr->unknown == EXPR_ZERO,
                          .part = b->ref.part,
                          .offset = f->offset,
                          .lo = b->range.has_lo ? b->range.lo : INT64_MIN,
                          .hi = b->range.has_hi ? b->range.hi : INT64_MAX,
                          .leaf = b};
}

static size_t leaves_of(const struct bound *b)
{
    size_t n = b->n == 0;
    for (size_t i = 0; i < b->n; i++)
        n += leaves_of(b->of[i]);
    return n;
}

/* Writes the code of b in front of what is there; where it begins. */
static int put(struct code *c, const struct bound *b, int yes, int no)
{
    switch (b->kind) {
    case B_TRUE:
        return yes;
    case B_FALSE:
        return no;
    case B_NOT:
        return put(c, b->of[0], no, yes);
    case B_AND:
        for (size_t i = b->n; i-- > 0;)
            yes = put(c, b->of[i], yes, no);
        return yes;
    case B_OR:
        for (size_t i = b->n; i-- > 0;)
            no = put(c, b->of[i], yes, no);
        return no;
    default:
        c->v[c->n] = instr_of(b);
        c->v[c->n].yes = (int16_t)yes;
        c->v[c->n].no = (int16_t)no;
        return c->n++;
    }
}

struct code *code_make(struct arena *a, const struct expr_plan *p)
{
    struct code *c = ARENA_NEW(a, struct code);
    c->v = ARENA_ARRAY(a, leaves_of(p->root) + 1, struct instr);
    c->start = put(c, p->root, YES, NO);
    return c;
}

static bool instr_holds(const struct instr *i, const struct expr_subject *s)
{
    int64_t v;
    if (i->op == I_LEAF)
        return leaf_holds(i->leaf, s, NULL);
    memcpy(&v, (const char *)s->parts[i->part] + i->offset, sizeof v);
    return ((v >= i->lo && v <= i->hi) != i->is_outside) && !(i->zero_is_unknown && v == 0);
}

bool expr_holds(const struct expr_plan *p, const struct expr_subject *s)
{
    int at = p->code->start;
    while (at >= 0) {
        const struct instr *i = &p->code->v[at];
        at = instr_holds(i, s) ? i->yes : i->no;
    }
    return at == YES;
}

/* ---- loading ------------------------------------------------------------------------------------------- */

enum err expr_load(struct cx *cx, const struct expr_plan *p, int64_t customer,
                   struct expr_subject *out)
{
    struct db_read reads[PARTS_MAX];
    const struct args args = ARGS(V(customer));
    *out = (struct expr_subject){ARENA_ARRAY(cx->arena, p->n_parts + 1, const void *), p->n_parts};
    for (size_t i = 0; i < p->n_parts; i++) {
        const struct expr_part *part = p->parts[i];
        void *to =
            arena_alloc(cx->arena, 1, part->is_list ? sizeof(struct list) : part->shape->size);
        out->parts[i] = to;
        reads[i] = (struct db_read){part->load, part->shape, !part->is_list, to, args, false};
    }
    TRY(db_batch(cx, reads, p->n_parts));
    for (size_t i = 0; i < p->n_parts; i++)
        if (reads[i].one && !reads[i].found)
            return ERR_NOT_FOUND;
    return OK;
}

struct expr_many {
    const struct expr_part *parts[PARTS_MAX];
    size_t n_parts, n;
    const void **at; /* n_parts of each customer; NULL: not there */
    struct arena *arena;
};

static size_t part_among(struct expr_many *m, const struct expr_part *part)
{
    size_t i = 0;
    while (i < m->n_parts && m->parts[i] != part)
        i++;
    return i;
}

/* Rows and customers both come in the order of the id. */
static void take_part(struct expr_many *m, size_t k, const struct list *rows, const int64_t *ids)
{
    const struct expr_part *part = m->parts[k];
    size_t at = 0;
    for (size_t i = 0; i < m->n && at < rows->n; i++) {
        const char *row = (const char *)rows->items + at * part->shape->size;
        int64_t id;
        memcpy(&id, row + part->id_at, sizeof id);
        if (id != ids[i])
            continue;
        m->at[i * m->n_parts + k] = row;
        at++;
    }
}

/* What stands in one row of each, of all of them. */
static enum err load_parts(struct cx *cx, struct expr_many *m, const int64_t *ids)
{
    struct db_read reads[PARTS_MAX];
    struct list rows[PARTS_MAX];
    const struct args whose = ARGS(val_ints(ids, m->n));
    size_t n = 0, which[PARTS_MAX];
    for (size_t k = 0; k < m->n_parts; k++) {
        const struct expr_part *part = m->parts[k];
        if (!part->load_many)
            continue;
        reads[n] = (struct db_read){part->load_many, part->shape, false, &rows[n], whose, false};
        which[n++] = k;
    }
    if (n)
        TRY(db_batch(cx, reads, n));
    for (size_t i = 0; i < n; i++)
        take_part(m, which[i], &rows[i], ids);
    return OK;
}

static enum err load_each(struct cx *cx, struct expr_many *m, int64_t customer, size_t row)
{
    struct db_read reads[PARTS_MAX];
    void *to[PARTS_MAX];
    const struct args args = ARGS(V(customer));
    size_t n = 0, which[PARTS_MAX];
    for (size_t k = 0; k < m->n_parts; k++) {
        const struct expr_part *part = m->parts[k];
        if (part->load_many)
            continue;
        to[n] = arena_alloc(cx->arena, 1, part->is_list ? sizeof(struct list) : part->shape->size);
        reads[n] = (struct db_read){part->load, part->shape, !part->is_list, to[n], args, false};
        which[n++] = k;
    }
    if (n)
        TRY(db_batch(cx, reads, n));
    for (size_t i = 0; i < n; i++)
        m->at[row * m->n_parts + which[i]] = reads[i].one && !reads[i].found ? NULL : to[i];
    return OK;
}

bool expr_loads_many(const struct expr_plan *p)
{
    for (size_t i = 0; i < p->n_parts; i++)
        if (!p->parts[i]->load_many)
            return false;
    return true;
}

enum err expr_load_many(struct cx *cx, const struct expr_plan *const *plans, size_t n_plans,
                        const int64_t *ids, size_t n, struct expr_many **out)
{
    struct expr_many *m = ARENA_NEW(cx->arena, struct expr_many);
    bool is_each = false;
    m->arena = cx->arena;
    m->n = n;
    for (size_t p = 0; p < n_plans; p++)
        for (size_t i = 0; i < plans[p]->n_parts; i++)
            if (part_among(m, plans[p]->parts[i]) == m->n_parts) {
                assert(m->n_parts < PARTS_MAX);
                m->parts[m->n_parts++] = plans[p]->parts[i];
                is_each |= !plans[p]->parts[i]->load_many;
            }
    m->at = ARENA_ARRAY(cx->arena, n * m->n_parts + 1, const void *);
    TRY(load_parts(cx, m, ids));
    for (size_t i = 0; is_each && i < n; i++)
        TRY(load_each(cx, m, ids[i], i));
    *out = m;
    return OK;
}

bool expr_uses(const struct expr_plan *p, const struct expr_part *part)
{
    for (size_t i = 0; i < p->n_parts; i++)
        if (p->parts[i] == part)
            return true;
    return false;
}

void expr_give(struct expr_many *m, const struct expr_part *part, size_t i, const void *row)
{
    size_t k = part_among(m, part);
    if (k < m->n_parts)
        m->at[i * m->n_parts + k] = row;
}

bool expr_one_of(const struct expr_many *m, const struct expr_plan *p, size_t i,
                 struct expr_subject *out)
{
    *out = (struct expr_subject){ARENA_ARRAY(m->arena, p->n_parts + 1, const void *), p->n_parts};
    for (size_t k = 0; k < p->n_parts; k++) {
        size_t at = 0;
        while (m->parts[at] != p->parts[k])
            at++;
        out->parts[k] = m->at[i * m->n_parts + at];
        if (!out->parts[k])
            return false;
    }
    return true;
}
