/* expr/sql.c - the plan as a SQL condition for either engine.
 *
 * `not` is pushed down to the leaves; a positive leaf is written plain, so that indexes work; a negated one as
 * (leaf) IS NOT TRUE; NOT IN is never written; values are bound. */
#include "expr/inside.h"

static void emit(struct made_text *m, const struct bound *b, bool is_negated);

static const char *column(const struct made_text *m, const struct expr_attr *attr)
{
    if (m->is_aside && attr->aside_sql)
        return attr->aside_sql;
    return m->is_postgres && attr->sql_postgres ? attr->sql_postgres : attr->sql;
}

static void guard(struct made_text *m, const struct expr_attr *attr)
{
    static const char *const says[] = {
        [EXPR_NULL] = " IS NOT NULL", [EXPR_ZERO] = " <> 0", [EXPR_EMPTY] = " <> ''"};
    made_sql(m, column(m, attr));
    made_sql(m, says[attr->unknown]);
}

/* The value, NULL where it is not known. */
static void nullable(struct made_text *m, const struct expr_attr *attr)
{
    bool is_marked = attr->unknown == EXPR_ZERO || attr->unknown == EXPR_EMPTY;
    made_sql(m, is_marked ? "NULLIF(" : "");
    made_sql(m, column(m, attr));
    made_sql(m, !is_marked ? "" : attr->unknown == EXPR_ZERO ? ", 0)" : ", '')");
}

/* ---- ranges ------------------------------------------------------------------------------ */

struct limits {
    bool has_lo, has_hi, is_outside, lo_open, hi_open;
    struct val lo, hi;
    bool is_one; /* lo and hi are the same */
};

static void compare(struct made_text *m, const char *op, struct val v)
{
    made_sql(m, op);
    made_val(m, v);
}

/* `x` was written before; `again` writes it once more. */
static void emit_limits(struct made_text *m, const struct limits *l,
                        void (*x)(struct made_text *, const struct bound *), const struct bound *b)
{
    x(m, b);
    if (!l->has_lo && !l->has_hi) {
        made_sql(m, " IS NOT NULL");
    } else if (l->has_lo && l->has_hi && l->is_one) {
        compare(m, l->is_outside ? " <> " : " = ", l->lo);
    } else if (l->has_lo && l->has_hi) {
        compare(m, l->is_outside ? " NOT BETWEEN " : " BETWEEN ", l->lo);
        compare(m, " AND ", l->hi);
    } else if (l->has_lo) {
        compare(m, l->lo_open ? " > " : " >= ", l->lo);
    } else {
        compare(m, l->hi_open ? " < " : " <= ", l->hi);
    }
}

/* Those outside of them. */
static struct limits turned(const struct limits *l)
{
    struct limits t = *l;
    if (l->has_lo && l->has_hi) {
        t.is_outside = !l->is_outside;
        return t;
    }
    t.has_lo = l->has_hi;
    t.lo = l->hi;
    t.lo_open = !l->hi_open;
    t.has_hi = l->has_lo;
    t.hi = l->lo;
    t.hi_open = !l->lo_open;
    return t;
}

static void write_column(struct made_text *m, const struct bound *b)
{
    made_sql(m, column(m, b->ref.attr));
}

static bool holds_zero(const struct range *r)
{
    bool is_in = (!r->has_lo || r->lo <= 0) && (!r->has_hi || r->hi >= 0);
    return is_in != r->is_outside;
}

static void emit_range(struct made_text *m, const struct bound *b)
{
    const struct range *r = &b->range;
    struct limits l = {r->has_lo,  r->has_hi, r->is_outside, b->lo_open,
                       b->hi_open, V(r->lo),  V(r->hi),      r->lo == r->hi};
    bool marks_zero = b->ref.attr->unknown == EXPR_ZERO;
    if (b->is_real) {
        l.lo = V(b->real_lo);
        l.hi = V(b->real_hi);
        l.is_one = b->real_lo <= b->real_hi && b->real_lo >= b->real_hi;
    }
    bool needs_guard = marks_zero && (b->is_real || holds_zero(r));
    if (needs_guard) {
        made_sql(m, "(");
        guard(m, b->ref.attr);
        made_sql(m, " AND ");
    }
    emit_limits(m, &l, write_column, b);
    made_sql(m, needs_guard ? ")" : "");
}

/* ---- texts ----------------------------------------------------------------------------------- */

enum { FEW = 8 };

static void emit_among(struct made_text *m, const struct bound *b)
{
    made_sql(m, column(m, b->ref.attr));
    made_sql(m, " IN ");
    if (b->n_texts > FEW) {
        made_val(m, val_texts(b->texts, b->n_texts));
        return;
    }
    for (size_t i = 0; i < b->n_texts; i++)
        compare(m, i ? ", " : "(", V(b->texts[i]));
    made_sql(m, ")");
}

static void emit_text(struct made_text *m, const struct bound *b)
{
    const char *x = column(m, b->ref.attr);
    struct val v = V(b->texts[0]);
    switch (b->op) {
    case CMP_EQ:
        if (b->n_texts > 1) {
            emit_among(m, b);
            return;
        }
        made_sql(m, x);
        compare(m, " = ", v);
        return;
    case CMP_NE:
        made_sql(m, "(");
        made_sql(m, x);
        compare(m, " <> ", v);
        if (b->ref.attr->unknown == EXPR_EMPTY) {
            made_sql(m, " AND ");
            guard(m, b->ref.attr);
        }
        made_sql(m, ")");
        return;
    case CMP_CONTAINS:
        made_sql(m, m->is_postgres ? "strpos(" : "instr(");
        made_sql(m, x);
        compare(m, ", ", v);
        made_sql(m, ") > 0");
        return;
    case CMP_STARTS:
        made_sql(m, "substr(");
        made_sql(m, x);
        compare(m, ", 1, length(", v);
        compare(m, ")) = ", v);
        return;
    default:
        made_sql(m, m->is_postgres ? "right(" : "substr(");
        made_sql(m, x);
        if (m->is_postgres)
            compare(m, ", length(", v);
        else
            compare(m, ", -length(", v);
        compare(m, ")) = ", v);
    }
}

/* ---- rows of a collection ------------------------------------------------------------------------ */

/* What must hold of the rows behind what ties them. */
static void emit_conditions(struct made_text *m, const struct rows *r,
                            const struct expr_attr *known)
{
    const struct expr_collection *l = r->list;
    if (l->where) {
        made_sql(m, " AND ");
        made_sql(m, l->where);
    }
    if (l->key_sql) {
        made_sql(m, " AND ");
        made_sql(m, l->key_sql);
        compare(m, " = ", V(r->key));
    }
    if (r->key_text.len) {
        made_sql(m, " AND ");
        made_sql(m, l->key_text_sql);
        compare(m, " = ", V(r->key_text));
    }
    if (r->has_from) {
        made_sql(m, " AND ");
        made_sql(m, l->time_sql);
        compare(m, " >= ", V(r->from_ms));
    }
    if (r->has_until) {
        made_sql(m, " AND ");
        made_sql(m, l->time_sql);
        compare(m, " < ", V(r->until_ms));
    }
    if (known && known->unknown != EXPR_NEVER) {
        made_sql(m, " AND ");
        guard(m, known);
    }
    if (r->inner) {
        made_sql(m, " AND ");
        emit(m, r->inner, false);
    }
}

static void emit_rows(struct made_text *m, const struct rows *r, const struct expr_attr *known)
{
    made_sql(m, r->list->from);
    made_sql(m, " WHERE ");
    made_sql(m, r->list->root);
    made_sql(m, " = s.customer_id");
    emit_conditions(m, r, known);
}

/* Those that are his by their own word: all, but for records that others were merged into. */
static void emit_own_rows(struct made_text *m, const struct rows *r, const struct expr_attr *known)
{
    made_sql(m, r->list->from_own);
    made_sql(m, " WHERE ");
    made_sql(m, r->list->own);
    made_sql(m, " = s.customer_id");
    emit_conditions(m, r, known);
}
static const char merged_roots[] = "SELECT k.root_id FROM customer k WHERE k.root_id <> k.id";

/* The customers whose rows answer, as a set; the bracket is left open. */
static void emit_set(struct made_text *m, const struct rows *r, const struct expr_attr *known)
{
    made_sql(m, "s.customer_id IN (SELECT ");
    made_sql(m, r->list->root);
    made_sql(m, " FROM ");
    made_sql(m, r->list->from);
    made_sql(m, " WHERE 1 = 1");
    emit_conditions(m, r, known);
}

/* The same without a look at the record of each row: a row is its customer's own, but for the few who were merged. */
static void emit_own_set(struct made_text *m, const struct rows *r)
{
    const struct expr_collection *l = r->list;
    made_sql(m, "(s.customer_id IN (SELECT ");
    made_sql(m, l->own);
    made_sql(m, " FROM ");
    made_sql(m, l->from_own);
    made_sql(m, " WHERE 1 = 1");
    emit_conditions(m, r, NULL);
    if (m->is_apart) {
        made_sql(m, "))");
        return;
    }
    made_sql(m, ") OR s.customer_id IN (SELECT r.root_id FROM ");
    made_sql(m, "customer r CROSS JOIN ");
    made_sql(m, l->from_own);
    made_sql(m, " WHERE r.root_id <> r.id AND r.id = ");
    made_sql(m, l->own);
    emit_conditions(m, r, NULL);
    made_sql(m, "))");
}

/* For each customer, in their order, a look into the index: what SQLite does best when everybody is looked at anyway. */
static void emit_own_exists(struct made_text *m, const struct rows *r)
{
    made_sql(m, "(EXISTS (SELECT 1 FROM ");
    emit_own_rows(m, r, NULL);
    if (m->is_apart) {
        made_sql(m, "))");
        return;
    }
    made_sql(m, ") OR (s.customer_id IN (");
    made_sql(m, merged_roots);
    made_sql(m, ") AND EXISTS (SELECT 1 FROM ");
    emit_rows(m, r, NULL);
    made_sql(m, ")))");
}

/* Something chooses among the rows: a set of them is smaller than everybody. */
static bool is_few(const struct rows *r)
{
    return r->has_from || r->inner || r->key_text.len || r->list->key_sql;
}

static bool goes_by_customer(const struct made_text *m, const struct bound *b, const struct rows *r)
{
    return m->by_sets && !m->is_postgres && b != m->first && r->list->by_customer;
}

/* PostgreSQL joins what is written so, in several processes, where there is no `or` for merged records beside it. */
static bool is_joined(const struct made_text *m, const struct rows *r)
{
    return m->is_apart && m->is_postgres && r->list->own;
}

static void emit_exists(struct made_text *m, const struct bound *b)
{
    const struct rows *r = &b->rows;
    if (goes_by_customer(m, b, r) || is_joined(m, r)) {
        emit_own_exists(m, r);
        return;
    }
    if (m->by_sets && is_few(r) && r->list->own) {
        emit_own_set(m, r);
        return;
    }
    if (m->by_sets && is_few(r)) {
        emit_set(m, r, NULL);
        made_sql(m, ")");
        return;
    }
    made_sql(m, "EXISTS (SELECT 1 FROM ");
    emit_rows(m, r, NULL);
    made_sql(m, ")");
}

/* ---- sums ------------------------------------------------------------------------------------------- */

static void real_of_column(struct made_text *m, const struct expr_attr *attr)
{
    made_sql(m, "CAST(");
    nullable(m, attr);
    made_sql(m, " AS DOUBLE PRECISION)");
}

static void emit_scale(struct made_text *m, const struct expr_attr *attr)
{
    double scale = scale_of(attr);
    if (scale > 1)
        compare(m, " / ", V(scale));
}

static void emit_aggregate(struct made_text *m, const struct term *t)
{
    const struct expr_attr *f = t->ref.attr;
    switch (t->call) {
    case CALL_COUNT:
        made_sql(m, "CAST(COUNT(*) AS DOUBLE PRECISION)");
        break;
    case CALL_DISTINCT:
        made_sql(m, "CAST(COUNT(DISTINCT ");
        nullable(m, f);
        made_sql(m, ") AS DOUBLE PRECISION)");
        break;
    case CALL_SUM:
        made_sql(m, "COALESCE(SUM(");
        real_of_column(m, f);
        made_sql(m, "), 0)");
        break;
    case CALL_AVG:
        made_sql(m, "SUM(");
        real_of_column(m, f);
        made_sql(m, ") / COUNT(*)");
        break;
    case CALL_MIN:
    case CALL_MAX:
        made_sql(m, t->call == CALL_MIN ? "MIN(" : "MAX(");
        real_of_column(m, f);
        made_sql(m, ")");
        break;
    default:
        real_of_column(m, f);
    }
}

/* The field that must be known of a row for it to count. */
static const struct expr_attr *known_of(const struct term *t)
{
    return t->call == CALL_COUNT || t->call == CALL_DISTINCT || t->call == CALL_SUM ? NULL
                                                                                    : t->ref.attr;
}

static void emit_call(struct made_text *m, const struct term *t, bool is_own)
{
    const struct expr_attr *f = t->ref.attr;
    made_sql(m, "(SELECT ");
    emit_aggregate(m, t);
    made_sql(m, " FROM ");
    (is_own ? emit_own_rows : emit_rows)(m, &t->rows, known_of(t));
    if (t->call == CALL_FIRST || t->call == CALL_LAST) {
        const char *way = t->call == CALL_FIRST ? "" : " DESC";
        made_sql(m, " ORDER BY ");
        made_sql(m, t->rows.list->time_sql);
        made_sql(m, way);
        made_sql(m, ", ");
        made_sql(m, column(m, f));
        made_sql(m, way);
        made_sql(m, " LIMIT 1");
    }
    made_sql(m, ")");
    if (f && t->call != CALL_DISTINCT)
        emit_scale(m, f);
}

/* Does nothing, a count or sum of 0, fulfil it? */
static bool holds_of_none(const struct bound *b)
{
    const struct range *r = &b->range;
    bool is_in = (!r->has_lo || (b->lo_open ? b->real_lo < 0 : b->real_lo <= 0)) &&
                 (!r->has_hi || (b->hi_open ? b->real_hi > 0 : b->real_hi >= 0));
    return is_in != r->is_outside;
}

/* Can the customers whom this call lets through be gathered from its rows: is nobody without a row among them? Of a count or
 * sum that may be nothing, those are gathered whom it does not let through. */
static bool is_gathered(const struct bound *b, bool *is_turned)
{
    const struct term *t = b->terms;
    *is_turned = false;
    if (b->op == CMP_N || b->n_terms != 1 || !t->is_call || t->is_minus)
        return false;
    switch (t->call) {
    case CALL_COUNT:
    case CALL_DISTINCT:
    case CALL_SUM:
        *is_turned = holds_of_none(b);
        return b->range.has_lo || b->range.has_hi;
    case CALL_MIN:
    case CALL_MAX:
    case CALL_AVG:
        return true;
    default:
        return false;
    }
}

static void write_aggregate(struct made_text *m, const struct bound *b)
{
    const struct expr_attr *f = b->terms->ref.attr;
    emit_aggregate(m, b->terms);
    if (f && b->terms->call != CALL_DISTINCT)
        emit_scale(m, f);
}

static void write_terms(struct made_text *m, const struct bound *b, bool is_own)
{
    made_sql(m, "(");
    for (size_t i = 0; i < b->n_terms; i++) {
        const struct term *t = &b->terms[i];
        made_sql(m, t->is_minus ? " - " : i ? " + " : "");
        if (t->is_call) {
            emit_call(m, t, is_own);
            continue;
        }
        real_of_column(m, t->ref.attr);
        emit_scale(m, t->ref.attr);
    }
    made_sql(m, ")");
}

static void write_sum(struct made_text *m, const struct bound *b)
{
    write_terms(m, b, false);
}

static void write_own_sum(struct made_text *m, const struct bound *b)
{
    write_terms(m, b, true);
}

/* All its calls can be asked by the customer's own rows, and there is one. */
static bool sums_by_customer(const struct made_text *m, const struct bound *b)
{
    bool has_call = false;
    for (size_t i = 0; i < b->n_terms; i++) {
        const struct term *t = &b->terms[i];
        if (t->is_call && !goes_by_customer(m, b, &t->rows))
            return false;
        has_call |= t->is_call;
    }
    return has_call;
}

static void emit_grouped(struct made_text *m, const struct bound *b, const struct limits *l,
                         const char *by)
{
    made_sql(m, " GROUP BY ");
    made_sql(m, by);
    made_sql(m, " HAVING ");
    emit_limits(m, l, write_aggregate, b);
}

/* Gathered by the rows' own word; records that others were merged into are taken out and counted by themselves. */
static void emit_own_groups(struct made_text *m, const struct bound *b, const struct limits *l)
{
    const struct rows *r = &b->terms->rows;
    made_sql(m, "s.customer_id IN (SELECT ");
    made_sql(m, r->list->own);
    made_sql(m, " FROM ");
    made_sql(m, r->list->from_own);
    made_sql(m, " WHERE 1 = 1");
    emit_conditions(m, r, known_of(b->terms));
    emit_grouped(m, b, l, r->list->own);
    if (m->is_apart) {
        made_sql(m, ")");
        return;
    }
    made_sql(m, " EXCEPT ");
    made_sql(m, merged_roots);
    made_sql(m, " UNION SELECT ");
    made_sql(m, r->list->root);
    made_sql(m, " FROM ");
    made_sql(m, r->list->from);
    made_sql(m, " WHERE ");
    made_sql(m, r->list->root);
    made_sql(m, " IN (");
    made_sql(m, merged_roots);
    made_sql(m, ")");
    emit_conditions(m, r, known_of(b->terms));
    emit_grouped(m, b, l, r->list->root);
    made_sql(m, ")");
}

static void emit_groups(struct made_text *m, const struct bound *b, const struct limits *l)
{
    const struct rows *r = &b->terms->rows;
    if (r->list->own) {
        emit_own_groups(m, b, l);
        return;
    }
    emit_set(m, r, known_of(b->terms));
    emit_grouped(m, b, l, r->list->root);
    made_sql(m, ")");
}

static void emit_terms(struct made_text *m, const struct bound *b)
{
    const struct range *r = &b->range;
    struct limits l = {r->has_lo,     r->has_hi,
                       r->is_outside, b->lo_open,
                       b->hi_open,    V(b->real_lo),
                       V(b->real_hi), b->real_lo <= b->real_hi && b->real_lo >= b->real_hi};
    bool is_turned = false;
    if (b->op == CMP_N)
        l = (struct limits){0}; /* known? */
    if (m->is_apart && sums_by_customer(m, b)) {
        emit_limits(m, &l, write_own_sum, b);
        return;
    }
    if (m->by_sets && sums_by_customer(m, b)) {
        made_sql(m, "CASE WHEN s.customer_id IN (");
        made_sql(m, merged_roots);
        made_sql(m, ") THEN ");
        emit_limits(m, &l, write_sum, b);
        made_sql(m, " ELSE ");
        emit_limits(m, &l, write_own_sum, b);
        made_sql(m, " END");
        return;
    }
    if (m->by_sets && is_gathered(b, &is_turned)) {
        struct limits other = turned(&l);
        made_sql(m, is_turned ? "((" : "");
        emit_groups(m, b, is_turned ? &other : &l);
        made_sql(m, is_turned ? ") IS NOT TRUE)" : "");
        return;
    }
    emit_limits(m, &l, write_sum, b);
}

/* ---- conditions ---------------------------------------------------------------------------------------- */

static void emit_joined(struct made_text *m, const struct bound *b, bool is_negated)
{
    bool is_and = (b->kind == B_AND) != is_negated;
    made_sql(m, "(");
    for (size_t i = 0; i < b->n; i++) {
        made_sql(m, i == 0 ? "" : is_and ? " AND " : " OR ");
        emit(m, b->of[i], is_negated);
    }
    made_sql(m, ")");
}

/* Of a value that not everybody has a row for: does it let nobody through who has none? */
static bool is_aside(const struct made_text *m, const struct bound *b)
{
    bool is_value = b->kind == B_RANGE || b->kind == B_TEXT || b->kind == B_KNOWN;
    if (!m->by_sets || m->is_aside || !is_value || !b->ref.attr->aside_sql)
        return false;
    if (b->ref.attr->unknown != EXPR_NEVER)
        return true;
    return b->kind == B_RANGE && !b->is_real && !holds_zero(&b->range);
}

static void emit_leaf(struct made_text *m, const struct bound *b)
{
    if (is_aside(m, b)) {
        made_sql(m, "s.customer_id IN (SELECT ");
        made_sql(m, b->ref.attr->aside_own);
        made_sql(m, " FROM ");
        made_sql(m, b->ref.attr->aside_from);
        made_sql(m, " WHERE ");
        m->is_aside = true;
        emit_leaf(m, b);
        m->is_aside = false;
        made_sql(m, ")");
        return;
    }
    switch (b->kind) {
    case B_RANGE:
        emit_range(m, b);
        break;
    case B_TEXT:
        emit_text(m, b);
        break;
    case B_KNOWN:
        guard(m, b->ref.attr);
        break;
    case B_TERMS:
        emit_terms(m, b);
        break;
    default:
        emit_exists(m, b);
    }
}

static void emit(struct made_text *m, const struct bound *b, bool is_negated)
{
    switch (b->kind) {
    case B_FALSE:
    case B_TRUE:
        made_sql(m, (b->kind == B_TRUE) != is_negated ? "1 = 1" : "1 = 0");
        return;
    case B_AND:
    case B_OR:
        emit_joined(m, b, is_negated);
        return;
    case B_NOT:
        emit(m, b->of[0], !is_negated);
        return;
    case B_ANY: /* never NULL */
        if (m->by_sets && is_few(&b->rows) && !goes_by_customer(m, b, &b->rows) &&
            !is_joined(m, &b->rows)) {
            made_sql(m, is_negated ? "((" : "");
            emit_leaf(m, b);
            made_sql(m, is_negated ? ") IS NOT TRUE)" : "");
            return;
        }
        made_sql(m, is_negated ? "NOT " : "");
        emit_leaf(m, b);
        return;
    default:
        made_sql(m, is_negated ? "((" : "");
        emit_leaf(m, b);
        made_sql(m, is_negated ? ") IS NOT TRUE)" : "");
    }
}

void expr_sql(const struct expr_plan *p, struct made_text *m)
{
    made_sql(m, "(");
    emit(m, p->root, false);
    made_sql(m, ")");
}

/* Rows of a short time: far fewer than there are customers. */
static bool is_narrow(const struct expr_plan *p, const struct rows *r)
{
    enum { SHORT_DAYS = 8 };
    return r->has_from && p->world->now_ms - r->from_ms <= SHORT_DAYS * (int64_t)86400000;
}

/* What asks of rows alone: the set of it is smaller than everybody, so that SQLite goes through it instead. */
static bool is_set(const struct expr_plan *p, const struct bound *b)
{
    bool is_turned = false;
    if (b->kind == B_ANY)
        return is_narrow(p, &b->rows);
    return b->kind == B_TERMS && is_gathered(b, &is_turned) && !is_turned;
}

static bool asks_rows(const struct bound *b)
{
    if (b->kind == B_NOT)
        return asks_rows(b->of[0]);
    bool has_call = b->kind == B_ANY;
    for (size_t i = 0; b->kind == B_TERMS && i < b->n_terms; i++)
        has_call |= b->terms[i].is_call;
    return has_call;
}

static const struct bound *first_set(const struct expr_plan *p)
{
    struct bound *const *of = p->root->kind == B_AND ? p->root->of : &p->root;
    size_t n = p->root->kind == B_AND ? p->root->n : 1;
    const struct bound *first = NULL;
    for (size_t i = 0; i < n; i++) {
        if (!asks_rows(of[i]))
            return NULL; /* the narrow table says quickly who is left */
        if (!first && is_set(p, of[i]))
            first = of[i];
    }
    return first;
}

void expr_sql_all(const struct expr_plan *p, struct made_text *m)
{
    m->by_sets = true;
    m->first = first_set(p);
    expr_sql(p, m);
    m->by_sets = false;
    m->first = NULL;
}

void expr_sql_own(const struct expr_plan *p, struct made_text *m)
{
    m->is_apart = true;
    expr_sql_all(p, m);
    m->is_apart = false;
}

void expr_sql_ids(const struct expr_plan *p, struct made_text *m)
{
    made_sql(m, "SELECT DISTINCT s.customer_id AS id FROM standing s, ");
    emit_rows(m, &p->root->rows, NULL);
}
