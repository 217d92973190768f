/* expr/print.c - the tree as text and as JSON; parse(text(tree)) is the same tree. */
#include "expr/inside.h"

static const char *const window_words[] = {"", "within", "since", "before"};
static const char *const quant_words[] = {"any", "no"};

/* ---- text ------------------------------------------------------------------------------ */

static void quoted(struct text *t, str s)
{
    text_add_char(t, '"');
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '"' || s.ptr[i] == '\\')
            text_add_char(t, '\\');
        text_add_char(t, s.ptr[i]);
    }
    text_add_char(t, '"');
}

static void number(struct text *t, int64_t n, unsigned decimals)
{
    char digits[40];
    uint64_t size = n < 0 ? (uint64_t)-n : (uint64_t)n;
    int len =
        snprintf(digits, sizeof digits, "%0*llu", (int)decimals + 1, (unsigned long long)size);
    size_t whole = (size_t)len - decimals;
    if (n < 0)
        text_add_char(t, '-');
    text_add(t, (str){digits, whole});
    if (decimals) {
        text_add_char(t, '.');
        text_add(t, (str){digits + whole, decimals});
    }
}

static void date(struct text *t, int64_t day)
{
    str full = when_text(t->arena, (when){day * 86400000});
    text_add(t, (str){full.ptr, 10});
}

void value_text(struct text *t, const struct value *v)
{
    switch (v->kind) {
    case VALUE_STRING:
        quoted(t, v->text);
        break;
    case VALUE_NUMBER:
        number(t, v->n, v->decimals);
        break;
    case VALUE_MONEY:
        number(t, v->n, v->decimals);
        text_printf(t, " %s", v->currency.code);
        break;
    case VALUE_DURATION:
        text_printf(t, "%lld%s", (long long)v->n, unit_codes[v->unit]);
        break;
    case VALUE_DATE:
        date(t, v->n);
        break;
    case VALUE_TODAY:
        text_add(t, S("today"));
        break;
    case VALUE_NOW:
        text_add(t, S("now"));
        break;
    case VALUE_TRUE:
        text_add(t, S("true"));
        break;
    case VALUE_FALSE:
        text_add(t, S("false"));
        break;
    }
}

static void window_text(struct text *t, const struct window *w)
{
    if (w->kind == WINDOW_NONE)
        return;
    text_printf(t, " %s ", window_words[w->kind]);
    value_text(t, &w->value);
}

static void rows_text(struct text *t, const struct expr *e)
{
    text_add(t, e->name);
    if (e->field.len) {
        text_add_char(t, '.');
        text_add(t, e->field);
    }
    if (e->n) {
        text_add(t, S(" ["));
        node_text(t, e->of[0]);
        text_add_char(t, ']');
    }
    window_text(t, &e->window);
}

static void bracketed(struct text *t, const struct expr *e, bool needs)
{
    if (needs)
        text_add_char(t, '(');
    node_text(t, e);
    if (needs)
        text_add_char(t, ')');
}

static void joined(struct text *t, const struct expr *e, const char *by)
{
    for (size_t i = 0; i < e->n; i++) {
        if (i)
            text_add(t, str_of(by));
        bracketed(t, e->of[i], e->of[i]->kind == N_OR || e->of[i]->kind == e->kind);
    }
}

void node_text(struct text *t, const struct expr *e)
{
    switch (e->kind) {
    case N_OR:
        joined(t, e, " or ");
        break;
    case N_AND:
        joined(t, e, " and ");
        break;
    case N_NOT:
        text_add(t, S("not "));
        bracketed(t, e->of[0], e->of[0]->kind == N_OR || e->of[0]->kind == N_AND);
        break;
    case N_CMP:
        node_text(t, e->of[0]);
        text_printf(t, " %s ", cmp_codes[e->op]);
        node_text(t, e->of[1]);
        break;
    case N_IN:
        node_text(t, e->of[0]);
        text_add(t, S(" in ("));
        for (size_t i = 1; i < e->n; i++) {
            if (i > 1)
                text_add(t, S(", "));
            node_text(t, e->of[i]);
        }
        text_add_char(t, ')');
        break;
    case N_BETWEEN:
        node_text(t, e->of[0]);
        text_add(t, S(" between "));
        node_text(t, e->of[1]);
        text_add(t, S(" and "));
        node_text(t, e->of[2]);
        break;
    case N_IS:
        node_text(t, e->of[0]);
        text_printf(t, " is %s%s", e->is_negated ? "not " : "", e->is_empty ? "empty" : "known");
        break;
    case N_QUANT:
        text_printf(t, "%s ", quant_words[e->op]);
        rows_text(t, e);
        break;
    case N_SEGMENT:
        text_add(t, S("segment("));
        quoted(t, e->name);
        text_add_char(t, ')');
        break;
    case N_WORD:
        quoted(t, e->name);
        break;
    case N_NAME:
        text_add(t, e->name);
        break;
    case N_CALL:
        text_printf(t, "%s(", call_codes[e->op]);
        rows_text(t, e);
        text_add_char(t, ')');
        break;
    case N_DAYS:
        text_printf(t, "days_since(" SFMT ")", SARG(e->name));
        break;
    case N_SUM:
        for (size_t i = 0; i < e->n; i++) {
            if (i)
                text_add(t, e->signs & 1u << i ? S(" - ") : S(" + "));
            node_text(t, e->of[i]);
        }
        break;
    case N_VALUE:
        value_text(t, &e->value);
        break;
    }
}

str expr_text(struct arena *a, const struct expr *e)
{
    struct text t = text_in(a, (size_t)1 << 20);
    node_text(&t, e);
    return text_str(&t);
}

/* ---- JSON ---------------------------------------------------------------------------------- */

static void json_as_text(struct json_out *j, const char *key, const struct value *v)
{
    struct text t = text_in(j->to->arena, 200);
    value_text(&t, v);
    json_key(j, str_of(key));
    json_str(j, text_str(&t));
}

static void json_value(struct json_out *j, const struct value *v)
{
    static const char *const keys[] = {
        [VALUE_NUMBER] = "number", [VALUE_DURATION] = "duration", [VALUE_DATE] = "date",
        [VALUE_TODAY] = "value",   [VALUE_NOW] = "value",         [VALUE_TRUE] = "value",
        [VALUE_FALSE] = "value"};
    if (v->kind == VALUE_STRING) {
        json_key(j, S("string"));
        json_str(j, v->text);
    } else if (v->kind == VALUE_MONEY) {
        struct value amount = {.kind = VALUE_NUMBER, .n = v->n, .decimals = v->decimals};
        json_as_text(j, "money", &amount);
        json_key(j, S("currency"));
        json_str(j, str_of(v->currency.code));
    } else {
        json_as_text(j, keys[v->kind], v);
    }
}

static void json_one(struct json_out *j, const char *key, const struct expr *e)
{
    json_key(j, str_of(key));
    expr_write_tree(j, e);
}

static void json_some(struct json_out *j, const char *key, const struct expr *e, size_t from)
{
    json_key(j, str_of(key));
    json_array_begin(j);
    for (size_t i = from; i < e->n; i++)
        expr_write_tree(j, e->of[i]);
    json_array_end(j);
}

static void json_text(struct json_out *j, const char *key, str s)
{
    json_key(j, str_of(key));
    json_str(j, s);
}

static void json_rows(struct json_out *j, const struct expr *e)
{
    if (e->n)
        json_one(j, "where", e->of[0]);
    if (e->window.kind != WINDOW_NONE) {
        json_key(j, S("window"));
        json_object_begin(j);
        json_as_text(j, window_words[e->window.kind], &e->window.value);
        json_object_end(j);
    }
}

void expr_write_tree(struct json_out *j, const struct expr *e)
{
    json_object_begin(j);
    switch (e->kind) {
    case N_OR:
        json_some(j, "or", e, 0);
        break;
    case N_AND:
        json_some(j, "and", e, 0);
        break;
    case N_NOT:
        json_one(j, "not", e->of[0]);
        break;
    case N_CMP:
        json_text(j, "cmp", str_of(cmp_codes[e->op]));
        json_one(j, "left", e->of[0]);
        json_one(j, "right", e->of[1]);
        break;
    case N_IN:
        json_one(j, "in", e->of[0]);
        json_some(j, "values", e, 1);
        break;
    case N_BETWEEN:
        json_one(j, "between", e->of[0]);
        json_one(j, "low", e->of[1]);
        json_one(j, "high", e->of[2]);
        break;
    case N_IS:
        json_text(j, "is", e->is_empty ? S("empty") : S("known"));
        json_key(j, S("negated"));
        json_bool(j, e->is_negated);
        json_one(j, "of", e->of[0]);
        break;
    case N_QUANT:
        json_text(j, quant_words[e->op], e->name);
        json_rows(j, e);
        break;
    case N_SEGMENT:
        json_text(j, "segment", e->name);
        break;
    case N_WORD:
        json_text(j, "word", e->name);
        break;
    case N_NAME:
        json_text(j, "name", e->name);
        break;
    case N_CALL:
        json_text(j, "call", str_of(call_codes[e->op]));
        json_text(j, "list", e->name);
        if (e->field.len)
            json_text(j, "field", e->field);
        json_rows(j, e);
        break;
    case N_DAYS:
        json_text(j, "days_since", e->name);
        break;
    case N_SUM: {
        char signs[EXPR_TERMS_MAX];
        for (size_t i = 0; i < e->n; i++)
            signs[i] = e->signs & 1u << i ? '-' : '+';
        json_some(j, "sum", e, 0);
        json_text(j, "signs", (str){signs, e->n});
        break;
    }
    case N_VALUE:
        json_value(j, &e->value);
        break;
    }
    json_object_end(j);
}

/* ---- the same? ------------------------------------------------------------------------------- */

static bool is_same_value(const struct value *a, const struct value *b)
{
    return a->kind == b->kind && str_eq(a->text, b->text) && a->n == b->n &&
           a->decimals == b->decimals && a->unit == b->unit &&
           strcmp(a->currency.code, b->currency.code) == 0;
}

bool expr_is_same(const struct expr *a, const struct expr *b)
{
    bool is_same = a->kind == b->kind && a->op == b->op && a->is_negated == b->is_negated &&
                   a->is_empty == b->is_empty && a->signs == b->signs && a->n == b->n &&
                   str_eq(a->name, b->name) && str_eq(a->field, b->field) &&
                   is_same_value(&a->value, &b->value) && a->window.kind == b->window.kind &&
                   is_same_value(&a->window.value, &b->window.value);
    for (size_t i = 0; is_same && i < a->n; i++)
        is_same = expr_is_same(a->of[i], b->of[i]);
    return is_same;
}

str expr_tree(struct arena *a, const struct expr *e)
{
    struct text t = text_in(a, (size_t)1 << 20);
    struct json_out j = {.to = &t};
    expr_write_tree(&j, e);
    return text_str(&t);
}

str expr_tree_of(struct cx *cx, str text)
{
    struct fault was = cx->why;
    struct expr *e = NULL;
    str tree = {0};
    if (str_trim(text).len && expr_parse(cx, text, &e, NULL) == OK)
        tree = expr_tree(cx->arena, e);
    cx->why = was;
    return tree;
}
