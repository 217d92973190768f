/* expr/check.c - finds every name, checks the types; what is wrong is named with its place and the nearest name. */
#include "expr/inside.h"
#include "base/person.h"

const char *const expr_type_codes[EXPR_TYPE_N] = {"yes_no", "number", "money", "time",
                                                  "day",    "text",   "choice"};
const char *const expr_cost_codes[EXPR_COST_N] = {"column", "record", "scan"};

enum { SEGMENTS_DEEP = 8 };

struct checker {
    struct place place;
    const struct expr_world *world;
    struct expr_table more;
    bool has_more;
    const struct expr_collection *rows; /* inside its brackets */
    str segments[SEGMENTS_DEEP];        /* that are being opened */
    size_t n_segments;
    bool is_stored; /* or is inside a segment, which does */
    size_t leaves;
};

/* What a term gives. */
enum what {
    IS_YES_NO,
    IS_NUMBER,
    IS_MONEY,
    IS_TIME,
    IS_DAY,
    IS_TEXT,
    IS_CHOICE,
    IS_MS,
    IS_DAYS,
    IS_STRING,
    IS_NAME
};

/* ---- names -------------------------------------------------------------------------------- */

static size_t distance(str a, str b)
{
    enum { MOST = 40 };
    size_t before[MOST + 1], row[MOST + 1], last[MOST + 1];
    if (a.len > MOST || b.len > MOST)
        return MOST;
    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        memcpy(last, before, sizeof last);
        memcpy(before, row, sizeof before);
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t put = before[j - 1] + (a.ptr[i - 1] != b.ptr[j - 1]);
            size_t best = before[j] + 1 < row[j - 1] + 1 ? before[j] + 1 : row[j - 1] + 1;
            best = put < best ? put : best;
            if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1] &&
                last[j - 2] + 1 < best)
                best = last[j - 2] + 1;
            row[j] = best;
        }
    }
    return row[b.len];
}

str nearest_of(struct arena *a, str given, const str *names, size_t n)
{
    char low[64];
    size_t len = given.len < sizeof low ? given.len : sizeof low, best = SIZE_MAX;
    str found = {0};
    for (size_t i = 0; i < len; i++)
        low[i] =
            (char)(given.ptr[i] >= 'A' && given.ptr[i] <= 'Z' ? given.ptr[i] + 32 : given.ptr[i]);
    str g = {low, len};
    for (size_t i = 0; i < n; i++) {
        size_t d = distance(g, names[i]) * 4;
        if (len >= 3 && (str_starts(names[i], g) || str_starts(g, names[i])))
            d = d < 5 ? d : 5; /* begins alike */
        if (d < best) {
            best = d;
            found = names[i];
        }
    }
    size_t most = len <= 3 ? 4 : len <= 6 ? 8 : 12;
    return best <= most ? arena_str(a, found) : (str){0};
}

static const struct expr_attr *attr_in(const struct expr_attr *attrs, size_t n, str name)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(name, str_of(attrs[i].name)))
            return &attrs[i];
    return NULL;
}

const struct expr_attr *attr_find(const struct expr_world *w, const struct expr_table *more,
                                  str name)
{
    for (size_t i = 0; i < w->catalogue->n; i++) {
        const struct expr_table *t = w->catalogue->tables[i];
        const struct expr_attr *found = attr_in(t->attrs, t->n, name);
        if (found)
            return found;
    }
    return more ? attr_in(more->attrs, more->n, name) : NULL;
}

const struct expr_attr *expr_attr_value(const struct expr_attr *attr)
{
    return attr->of ? attr_in(attr->of->fields, attr->of->n, str_of(attr->field)) : attr;
}

static enum err more_load(struct checker *k)
{
    if (k->has_more || !k->world->catalogue->more)
        return OK;
    k->has_more = true;
    return k->world->catalogue->more(k->place.cx, &k->more);
}

static void names_add(str *names, size_t *n, size_t cap, const char *name)
{
    if (*n < cap)
        names[(*n)++] = str_of(name);
}

enum { NAMES_MAX = 600 };

static str nearest_attr(struct checker *k, str name)
{
    str names[NAMES_MAX];
    size_t n = 0;
    for (size_t i = 0; k->rows && i < k->rows->n; i++)
        names_add(names, &n, NAMES_MAX, k->rows->fields[i].name);
    for (size_t t = 0; !k->rows && t < k->world->catalogue->n; t++)
        for (size_t i = 0; i < k->world->catalogue->tables[t]->n; i++)
            names_add(names, &n, NAMES_MAX, k->world->catalogue->tables[t]->attrs[i].name);
    for (size_t i = 0; !k->rows && i < k->more.n; i++)
        names_add(names, &n, NAMES_MAX, k->more.attrs[i].name);
    return nearest_of(k->place.cx->arena, name, names, n);
}

bool expr_may_use(const struct cx *cx, uint32_t may)
{
    return may == 0 || cx->actor.kind == ACTOR_SYSTEM ||
           (cx->actor.kind != ACTOR_NOBODY && cx->actor.kind != ACTOR_PHONE_LINK &&
            (may & 1u << cx->actor.role));
}

static bool may_use(const struct checker *k, uint32_t may)
{
    return k->is_stored || expr_may_use(k->place.cx, may);
}

static enum err unknown(struct checker *k, size_t at, str name)
{
    str near = nearest_attr(k, name);
    return refuse(&k->place, at, near.len ? M_EXPR_UNKNOWN_NEAR : M_EXPR_UNKNOWN, name, near);
}

/* The attribute of a name, or NULL. */
static enum err look_up(struct checker *k, struct expr *e)
{
    e->attr = k->rows ? attr_in(k->rows->fields, k->rows->n, e->name)
                      : attr_find(k->world, &k->more, e->name);
    if (!e->attr && !k->rows && str_starts(e->name, S("attr."))) {
        TRY(more_load(k));
        e->attr = attr_find(k->world, &k->more, e->name);
    }
    if (e->attr && !may_use(k, e->attr->may))
        return refuse(&k->place, e->at, M_EXPR_DENIED, e->name, (str){0});
    return OK;
}

static enum err look_up_list(struct checker *k, struct expr *e)
{
    str names[NAMES_MAX];
    size_t n = 0;
    for (size_t t = 0; t < k->world->catalogue->n; t++) {
        const struct expr_table *table = k->world->catalogue->tables[t];
        for (size_t i = 0; i < table->n_collections; i++) {
            names_add(names, &n, NAMES_MAX, table->collections[i]->name);
            if (str_eq(e->name, str_of(table->collections[i]->name)))
                e->list = table->collections[i];
        }
    }
    if (!e->list) {
        str near = nearest_of(k->place.cx->arena, e->name, names, n);
        return refuse(&k->place, e->at, near.len ? M_EXPR_LIST_NEAR : M_EXPR_LIST, e->name, near);
    }
    return may_use(k, e->list->may) ? OK
                                    : refuse(&k->place, e->at, M_EXPR_DENIED, e->name, (str){0});
}

/* ---- values ----------------------------------------------------------------------------------- */

bool node_is_constant(const struct expr *e)
{
    if (e->kind == N_SUM) {
        for (size_t i = 0; i < e->n; i++)
            if (!node_is_constant(e->of[i]))
                return false;
        return true;
    }
    return e->kind == N_VALUE || (e->kind == N_NAME && e->is_literal);
}

static str ascii_form(struct arena *a, str s, char from, char to)
{
    char *out = arena_cstr(a, s);
    for (size_t i = 0; i < s.len; i++)
        if (out[i] >= from && out[i] <= to)
            out[i] = (char)(out[i] ^ 0x20);
    return (str){out, s.len};
}

str literal_of(struct arena *a, const struct expr_attr *attr, const struct expr *value)
{
    str s = value->kind == N_NAME ? value->name : value->value.text;
    if (attr->type == EXPR_CHOICE) {
        for (size_t i = 0; i < attr->n_choices; i++)
            if (str_eq_ascii_nocase(s, str_of(attr->choices[i])))
                return str_of(attr->choices[i]);
        return (str){0};
    }
    switch (attr->form) {
    case EXPR_FOLDED:
        return text_fold(a, s);
    case EXPR_UPPER:
        return ascii_form(a, s, 'a', 'z');
    case EXPR_LOWER:
        return ascii_form(a, s, 'A', 'Z');
    default:
        return s;
    }
}

static enum err wants_choice(struct checker *k, const struct expr_attr *attr, const struct expr *e)
{
    struct text t = text_in(k->place.cx->arena, 2000);
    str names[NAMES_MAX];
    size_t n = 0;
    for (size_t i = 0; i < attr->n_choices; i++) {
        names_add(names, &n, NAMES_MAX, attr->choices[i]);
        if (i < 20)
            text_printf(&t, "%s%s", i ? ", " : "", attr->choices[i]);
    }
    if (attr->n_choices > 20)
        text_add(&t, S(" …"));
    str given = e->kind == N_NAME ? e->name : e->value.text,
        near = nearest_of(k->place.cx->arena, given, names, n);
    (void)refuse(&k->place, e->at, M_EXPR_WANTS_CHOICE, str_of(attr->name), text_str(&t));
    if (k->place.why)
        k->place.why->nearest = near;
    return ERR_INVALID;
}

static enum err wants(struct checker *k, size_t at, enum what what, str name)
{
    static const uint16_t says[] = {
        [IS_YES_NO] = M_EXPR_WANTS_YES_NO, [IS_NUMBER] = M_EXPR_WANTS_NUMBER,
        [IS_MONEY] = M_EXPR_WANTS_MONEY,   [IS_TIME] = M_EXPR_WANTS_DATE,
        [IS_DAY] = M_EXPR_WANTS_DATE,      [IS_TEXT] = M_EXPR_WANTS_TEXT,
        [IS_CHOICE] = M_EXPR_WANTS_TEXT,   [IS_MS] = M_EXPR_WANTS_DURATION,
        [IS_DAYS] = M_EXPR_WANTS_DURATION, [IS_STRING] = M_EXPR_WANTS_TEXT,
        [IS_NAME] = M_EXPR_WANTS_TEXT,
    };
    return refuse(&k->place, at, says[what], name, (str){0});
}

/* A literal beside a text, choice or yes/no. */
static enum err check_literal(struct checker *k, const struct expr_attr *attr, struct expr *e)
{
    str name = str_of(attr->name);
    if (attr->type == EXPR_YES_NO) {
        bool fits =
            e->kind == N_VALUE && (e->value.kind == VALUE_TRUE || e->value.kind == VALUE_FALSE);
        return fits ? OK : wants(k, e->at, IS_YES_NO, name);
    }
    bool is_name = e->kind == N_NAME;
    if (!is_name && (e->kind != N_VALUE || e->value.kind != VALUE_STRING))
        return attr->type == EXPR_CHOICE ? wants_choice(k, attr, e)
                                         : wants(k, e->at, IS_TEXT, name);
    e->is_literal = is_name;
    e->attr = NULL;
    str s = literal_of(k->place.cx->arena, attr, e);
    if (s.len == 0)
        return attr->type == EXPR_CHOICE ? wants_choice(k, attr, e)
                                         : refuse(&k->place, e->at, M_EXPR_NO_TEXT, name, (str){0});
    return OK;
}

/* ---- terms --------------------------------------------------------------------------------------- */

static enum err check_condition(struct checker *k, struct expr *e);

static enum what what_of(const struct expr_attr *attr)
{
    return (enum what)expr_attr_value(attr)->type;
}

static bool is_measured(enum what w)
{
    return w == IS_NUMBER || w == IS_MONEY || w == IS_TIME || w == IS_DAY;
}

static enum err check_rows(struct checker *k, struct expr *e)
{
    if (k->rows)
        return refuse(&k->place, e->at, M_EXPR_LIST_IN_LIST, e->name, (str){0});
    TRY(look_up_list(k, e));
    if (e->window.kind != WINDOW_NONE && !e->list->time_sql)
        return refuse(&k->place, e->at, M_EXPR_NO_WINDOW, e->name, (str){0});
    if (e->n == 0)
        return OK;
    k->rows = e->list;
    enum err x = check_condition(k, e->of[0]);
    k->rows = NULL;
    return x;
}

static enum err check_call(struct checker *k, struct expr *e, enum what *out)
{
    TRY(check_rows(k, e));
    *out = IS_NUMBER;
    if (e->op == CALL_COUNT)
        return e->field.len == 0 ? OK
                                 : refuse(&k->place, e->at, M_EXPR_COUNT_FIELD, e->name, (str){0});
    k->rows = e->list;
    e->attr = attr_in(e->list->fields, e->list->n, e->field);
    str near = e->attr ? (str){0} : nearest_attr(k, e->field);
    k->rows = NULL;
    if (!e->attr)
        return e->field.len == 0
                   ? refuse(&k->place, e->at, M_EXPR_CALL_FIELD, str_of(call_codes[e->op]),
                            (str){0})
                   : refuse(&k->place, e->at, near.len ? M_EXPR_UNKNOWN_NEAR : M_EXPR_UNKNOWN,
                            e->field, near);
    if (!may_use(k, e->attr->may))
        return refuse(&k->place, e->at, M_EXPR_DENIED, e->field, (str){0});
    if (e->op == CALL_DISTINCT)
        return OK;
    *out = what_of(e->attr);
    bool can_sum = *out == IS_NUMBER || *out == IS_MONEY;
    if (!is_measured(*out) || ((e->op == CALL_SUM || e->op == CALL_AVG) && !can_sum))
        return wants(k, e->at, IS_NUMBER, e->field);
    if ((e->op == CALL_FIRST || e->op == CALL_LAST) && !e->list->time_sql)
        return refuse(&k->place, e->at, M_EXPR_NO_WINDOW, e->name, (str){0});
    return OK;
}

static enum err check_value(struct checker *k, const struct expr *e, enum what *out)
{
    switch (e->value.kind) {
    case VALUE_STRING:
        *out = IS_STRING;
        return OK;
    case VALUE_NUMBER:
        *out = IS_NUMBER;
        return OK;
    case VALUE_MONEY:
        *out = IS_MONEY;
        if (strcmp(e->value.currency.code, k->world->base.code) != 0)
            return refuse(&k->place, e->at, M_EXPR_CURRENCY, str_of(e->value.currency.code),
                          str_of(k->world->base.code));
        if (e->value.decimals > currency_exponent(e->value.currency))
            return refuse(&k->place, e->at, M_EXPR_DECIMALS, str_of(e->value.currency.code),
                          (str){0});
        return OK;
    case VALUE_DURATION:
        *out = e->value.unit == UNIT_MIN || e->value.unit == UNIT_H ? IS_MS : IS_DAYS;
        return OK;
    case VALUE_DATE:
    case VALUE_TODAY:
        *out = IS_DAY;
        return OK;
    case VALUE_NOW:
        *out = IS_TIME;
        return OK;
    default:
        *out = IS_YES_NO;
        return OK;
    }
}

static enum err check_days(struct checker *k, struct expr *e, enum what *out)
{
    TRY(look_up(k, e));
    *out = IS_NUMBER;
    if (!e->attr)
        return unknown(k, e->at, e->name);
    enum what of = what_of(e->attr);
    return of == IS_TIME || of == IS_DAY ? OK : wants(k, e->at, IS_TIME, e->name);
}

static enum err check_term(struct checker *k, struct expr *e, bool on_right, enum what *out);

static enum err decimals_fit(struct checker *k, const struct expr *e)
{
    for (size_t i = 0; e->kind == N_SUM && i < e->n; i++)
        TRY(decimals_fit(k, e->of[i]));
    if (e->kind == N_VALUE && e->value.kind == VALUE_NUMBER &&
        e->value.decimals > currency_exponent(k->world->base))
        return refuse(&k->place, e->at, M_EXPR_DECIMALS, str_of(k->world->base.code), (str){0});
    return OK;
}

static enum err check_sum(struct checker *k, struct expr *e, enum what *out)
{
    enum what sum = IS_NAME;
    for (size_t i = 0; i < e->n; i++) {
        enum what w;
        struct expr *t = e->of[i];
        TRY(check_term(k, t, false, &w));
        if (t->attr && t->attr->of)
            return refuse(&k->place, t->at, M_EXPR_SEVERAL, t->name, (str){0});
        if (t->kind == N_DAYS)
            return refuse(&k->place, t->at, M_EXPR_DAYS_ALONE, (str){0}, (str){0});
        if (!is_measured(w) && w != IS_MS && w != IS_DAYS)
            return wants(k, t->at, IS_NUMBER, t->name);
        bool fits = i == 0 ||
                    (w == sum && (w == IS_NUMBER || w == IS_MONEY || w == IS_DAYS || w == IS_MS)) ||
                    (sum == IS_MONEY && w == IS_NUMBER && node_is_constant(t)) ||
                    (sum == IS_TIME && (w == IS_MS || w == IS_DAYS)) ||
                    (sum == IS_DAY && w == IS_DAYS);
        if (!fits)
            return wants(k, t->at, sum == IS_TIME ? IS_MS : sum == IS_DAY ? IS_DAYS : sum, t->name);
        if (i == 0)
            sum = w;
        if (sum == IS_MONEY && w == IS_NUMBER)
            TRY(decimals_fit(k, t));
    }
    *out = sum;
    return OK;
}

/* A name on the right that is no attribute gives IS_NAME. */
static enum err check_term(struct checker *k, struct expr *e, bool on_right, enum what *out)
{
    switch (e->kind) {
    case N_NAME:
        TRY(look_up(k, e));
        if (!e->attr && !on_right)
            return unknown(k, e->at, e->name);
        *out = e->attr ? what_of(e->attr) : IS_NAME;
        return OK;
    case N_CALL:
        return check_call(k, e, out);
    case N_DAYS:
        return check_days(k, e, out);
    case N_SUM:
        return check_sum(k, e, out);
    default:
        return check_value(k, e, out);
    }
}

/* ---- comparisons ------------------------------------------------------------------------------------- */

static bool is_literal_type(enum what w)
{
    return w == IS_TEXT || w == IS_CHOICE || w == IS_YES_NO;
}

/* The right side beside a left one that is measured. */
static enum err check_measured(struct checker *k, struct expr *left, enum what l,
                               struct expr *right)
{
    enum what r;
    TRY(check_term(k, right, true, &r));
    if (r == IS_NAME)
        return unknown(k, right->at, right->name);
    bool is_constant = node_is_constant(right), was_constant = node_is_constant(left);
    bool fits = l == r || (l == IS_TIME && r == IS_DAY && is_constant) ||
                (r == IS_TIME && l == IS_DAY && was_constant);
    if ((l == IS_MONEY && r == IS_NUMBER && is_constant) ||
        (r == IS_MONEY && l == IS_NUMBER && was_constant)) {
        TRY(decimals_fit(k, r == IS_NUMBER ? right : left));
        fits = true;
    }
    if (!fits || !is_measured(l) || !is_measured(r))
        return wants(k, right->at, l, left->name.len ? left->name : left->field);
    if (is_constant && was_constant)
        return refuse(&k->place, left->at, M_EXPR_CONSTANT, (str){0}, (str){0});
    if (right->attr && right->attr->of)
        return refuse(&k->place, right->at, M_EXPR_SEVERAL, right->name, (str){0});
    if (right->kind == N_DAYS || (left->kind == N_DAYS && !is_constant))
        return refuse(&k->place, right->at, M_EXPR_DAYS_ALONE, (str){0}, (str){0});
    if (left->attr && left->attr->of && !is_constant)
        return refuse(&k->place, left->at, M_EXPR_SEVERAL, left->name, (str){0});
    return OK;
}

static enum err check_left(struct checker *k, struct expr *e, enum what *l)
{
    TRY(check_term(k, e, false, l));
    if (*l == IS_STRING || (*l == IS_YES_NO && e->kind == N_VALUE))
        return refuse(&k->place, e->at, M_EXPR_NAME_FIRST, (str){0}, (str){0});
    if (!is_measured(*l) && !is_literal_type(*l))
        return wants(k, e->at, IS_NUMBER, e->name);
    return OK;
}

static enum err check_right(struct checker *k, struct expr *left, enum what l, struct expr *right)
{
    return is_literal_type(l) ? check_literal(k, expr_attr_value(left->attr), right)
                              : check_measured(k, left, l, right);
}

static enum err check_cmp(struct checker *k, struct expr *e)
{
    enum what l;
    struct expr *left = e->of[0];
    TRY(check_left(k, left, &l));
    bool fits =
        e->op == CMP_EQ || e->op == CMP_NE || (e->op <= CMP_GE ? is_measured(l) : l == IS_TEXT);
    if (!fits)
        return refuse(&k->place, e->at, M_EXPR_OPERATOR, left->name, str_of(cmp_codes[e->op]));
    return check_right(k, left, l, e->of[1]);
}

static enum err check_several(struct checker *k, struct expr *e)
{
    enum what l;
    TRY(check_left(k, e->of[0], &l));
    if (e->kind == N_BETWEEN && is_literal_type(l))
        return refuse(&k->place, e->at, M_EXPR_OPERATOR, e->of[0]->name, S("between"));
    for (size_t i = 1; i < e->n; i++) {
        TRY(check_right(k, e->of[0], l, e->of[i]));
        if (e->kind == N_IN && !node_is_constant(e->of[i]))
            return refuse(&k->place, e->of[i]->at, M_EXPR_IN_VALUES, (str){0}, (str){0});
    }
    return OK;
}

static enum err check_is(struct checker *k, struct expr *e)
{
    enum what l;
    TRY(check_term(k, e->of[0], false, &l));
    bool fits = e->of[0]->kind == N_NAME || e->of[0]->kind == N_CALL;
    return fits ? OK : refuse(&k->place, e->at, M_EXPR_NAME_FIRST, (str){0}, (str){0});
}

/* ---- conditions ------------------------------------------------------------------------------------------ */

static enum err check_name(struct checker *k, struct expr *e)
{
    TRY(look_up(k, e));
    if (!e->attr)
        return unknown(k, e->at, e->name);
    return what_of(e->attr) == IS_YES_NO
               ? OK
               : refuse(&k->place, e->at, M_EXPR_COMPARISON_MISSING, e->name, (str){0});
}

static enum err check_segment(struct checker *k, struct expr *e)
{
    str text = {0};
    if (k->rows)
        return refuse(&k->place, e->at, M_EXPR_LIST_IN_LIST, e->name, (str){0});
    str name = text_fold(k->place.cx->arena, e->name);
    for (size_t i = 0; i < k->n_segments; i++)
        if (str_eq(k->segments[i], name))
            return refuse(&k->place, e->at, M_EXPR_CIRCLE, e->name, (str){0});
    enum err x = k->world->catalogue->segment
                     ? k->world->catalogue->segment(k->place.cx, e->name, &text)
                     : ERR_NOT_FOUND;
    if (x == ERR_NOT_FOUND)
        return refuse(&k->place, e->at, M_EXPR_SEGMENT, e->name, (str){0});
    TRY(x);
    if (k->n_segments == SEGMENTS_DEEP)
        return refuse(&k->place, e->at, M_EXPR_TOO_DEEP, (str){0}, (str){0});
    k->segments[k->n_segments++] = name;
    struct place outer = k->place;
    bool was_stored = k->is_stored;
    k->is_stored = true;
    k->place = (struct place){.cx = outer.cx};
    x = expr_parse(outer.cx, text, &e->inner, NULL);
    if (x == OK)
        x = check_condition(k, e->inner);
    k->place = outer;
    k->is_stored = was_stored;
    k->n_segments--;
    if (x != OK && k->place.why)
        *k->place.why = (struct expr_trouble){
            .at =
                str_chars((str){outer.text.ptr, e->at < outer.text.len ? e->at : outer.text.len})};
    return x;
}

static enum err check_condition(struct checker *k, struct expr *e)
{
    if (e->kind > N_NOT && ++k->leaves > EXPR_LEAVES_MAX)
        return refuse(&k->place, e->at, M_EXPR_TOO_MANY, (str){0}, (str){0});
    switch (e->kind) {
    case N_OR:
    case N_AND:
    case N_NOT:
        for (size_t i = 0; i < e->n; i++)
            TRY(check_condition(k, e->of[i]));
        return OK;
    case N_CMP:
        return check_cmp(k, e);
    case N_IN:
    case N_BETWEEN:
        return check_several(k, e);
    case N_IS:
        return check_is(k, e);
    case N_QUANT:
        return check_rows(k, e);
    case N_SEGMENT:
        return check_segment(k, e);
    case N_WORD:
        return refuse(&k->place, e->at, M_EXPR_WORD, e->name, (str){0});
    default:
        return check_name(k, e);
    }
}

enum err expr_check(struct cx *cx, const struct expr_world *w, str text, struct expr *e,
                    struct expr_trouble *why)
{
    struct checker k = {.place = {cx, text, why}, .world = w, .is_stored = w->is_stored};
    if (w->inside.len)
        k.segments[k.n_segments++] = text_fold(cx->arena, w->inside);
    return check_condition(&k, e);
}

bool expr_names(const struct expr *e, str attribute)
{
    if (e->kind == N_NAME && str_eq(e->name, attribute))
        return true;
    for (size_t i = 0; i < e->n; i++)
        if (expr_names(e->of[i], attribute))
            return true;
    return false;
}

bool expr_leans_on(const struct expr *e, str attribute)
{
    bool is_it = (e->kind == N_NAME || e->kind == N_DAYS) && str_eq(e->name, attribute);
    if (is_it || (e->inner && expr_leans_on(e->inner, attribute)))
        return true;
    for (size_t i = 0; i < e->n; i++)
        if (expr_leans_on(e->of[i], attribute))
            return true;
    return false;
}

enum err expr_users(struct cx *cx, const struct expr_catalogue *c, str attribute, struct list *out)
{
    *out = (struct list){0};
    for (size_t i = 0; i < c->n_users; i++) {
        struct list some = {0};
        TRY(c->users[i](cx, attribute, &some));
        struct expr_user *all = ARENA_ARRAY(cx->arena, out->n + some.n + 1, struct expr_user);
        if (out->n)
            memcpy(all, out->items, out->n * sizeof *all);
        if (some.n)
            memcpy(all + out->n, some.items, some.n * sizeof *all);
        *out = (struct list){all, out->n + some.n};
    }
    return OK;
}

bool expr_names_segment(struct arena *a, const struct expr *e, str folded)
{
    if (e->kind == N_SEGMENT && str_eq(text_fold(a, e->name), folded))
        return true;
    for (size_t i = 0; i < e->n; i++)
        if (expr_names_segment(a, e->of[i], folded))
            return true;
    return false;
}

bool expr_compares(const struct expr *e)
{
    if (e->kind >= N_CMP && e->kind <= N_SEGMENT)
        return true;
    for (size_t i = 0; i < e->n; i++)
        if (expr_compares(e->of[i]))
            return true;
    return false;
}

/* ---- free words ---------------------------------------------------------------------------------------------- */

enum err expr_words(struct cx *cx, const struct expr_world *w, struct expr *e,
                    struct str_list *words, struct expr **rest)
{
    struct expr_table more = {0};
    struct expr **parts = e->kind == N_AND ? e->of : &e;
    size_t n = e->kind == N_AND ? e->n : 1, kept = 0;
    struct expr **stay = ARENA_ARRAY(cx->arena, n, struct expr *);
    *words = (struct str_list){ARENA_ARRAY(cx->arena, n, str), 0};
    for (size_t i = 0; i < n; i++) {
        struct expr *p = parts[i];
        bool is_word = p->kind == N_WORD;
        if (p->kind == N_NAME && str_starts(p->name, S("attr.")) && !more.n && w->catalogue->more)
            TRY(w->catalogue->more(cx, &more));
        if (p->kind == N_NAME)
            is_word = !attr_find(w, &more, p->name);
        if (is_word)
            words->items[words->n++] = p->name;
        else
            stay[kept++] = p;
    }
    *rest = NULL;
    if (kept == 0)
        return OK;
    *rest = stay[0];
    if (kept == 1)
        return OK;
    struct expr *and = node_new(cx->arena, N_AND, e->at);
    *and = *e;
    and->of = stay;
    and->n = kept;
    *rest = and;
    return OK;
}
