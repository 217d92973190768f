/* expr/tree.c - the JSON tree of the builder into the tree; what comes in is printable by construction. */
#include "base/json_load.h"
#include "expr/inside.h"

enum { JSON_MAX = 256 << 10 };

struct reader {
    struct place place;
    struct arena *arena;
    struct count count;
};
enum side { LEFT, RIGHT };

static enum err condition(struct reader *r, json_t *j, unsigned depth, struct expr **out);

static enum err bad(struct reader *r, const char *what)
{
    return refuse(&r->place, 0, M_EXPR_TREE, str_of(what), (str){0});
}

static bool member(struct reader *r, json_t *j, const char *key, str *out)
{
    json_t *v = json_object_get(j, key);
    if (!json_is_string(v))
        return false;
    *out = arena_str(r->arena, (str){json_string_value(v), json_string_length(v)});
    return true;
}

/* Exactly these members, ended by NULL; others are named. */
static enum err only(struct reader *r, json_t *j, const char *const *keys)
{
    const char *key;
    json_t *v;
    json_object_foreach(j, key, v)
    {
        size_t i = 0;
        while (keys[i] && strcmp(keys[i], key) != 0)
            i++;
        if (!keys[i])
            return bad(r, key);
    }
    return OK;
}
#define ONLY(r, j, ...) TRY(only((r), (j), (const char *const[]){__VA_ARGS__, NULL}))

/* ---- names and values -------------------------------------------------------------------- */

/* A name that the text form reads back as one. */
static bool is_name(struct arena *a, str s, enum side side)
{
    struct token t;
    enum value_kind word;
    if (!token_is_whole(a, s, &t) || t.kind != T_WORD)
        return false;
    return side == RIGHT ? !is_value_word(s, &word) : !is_reserved(s) && !is_digit(s.ptr[0]);
}

static bool is_text(struct arena *a, str s)
{
    struct text t = text_in(a, 4 * EXPR_TEXT_MAX);
    struct token back;
    struct value v = {.kind = VALUE_STRING, .text = s};
    if (!str_is_utf8(s) || s.len > EXPR_TEXT_MAX / 2)
        return false;
    value_text(&t, &v);
    return token_is_whole(a, text_str(&t), &back) && back.kind == T_STRING && str_eq(back.text, s);
}

/* A number, duration or date as the text form writes it; a number may be negative. */
static bool is_value(struct arena *a, str s, enum token_kind kind, struct value *out)
{
    struct token t;
    bool is_minus = kind == T_NUMBER && s.len > 1 && s.ptr[0] == '-';
    if (is_minus)
        s = (str){s.ptr + 1, s.len - 1};
    if (!token_is_whole(a, s, &t) || t.kind != kind)
        return false;
    *out = t.value;
    if (is_minus)
        out->n = -out->n;
    return true;
}

static enum err value(struct reader *r, json_t *j, struct value *v)
{
    str s = {0}, code = {0};
    if (member(r, j, "string", &s)) {
        ONLY(r, j, "string");
        *v = (struct value){.kind = VALUE_STRING, .text = s};
        return is_text(r->arena, s) ? OK : bad(r, "string");
    }
    if (member(r, j, "number", &s)) {
        ONLY(r, j, "number");
        return is_value(r->arena, s, T_NUMBER, v) ? OK : bad(r, "number");
    }
    if (member(r, j, "money", &s)) {
        ONLY(r, j, "money", "currency");
        bool fits = is_value(r->arena, s, T_NUMBER, v) && member(r, j, "currency", &code) &&
                    currency_parse(code, &v->currency);
        v->kind = VALUE_MONEY;
        return fits ? OK : bad(r, "money");
    }
    if (member(r, j, "duration", &s)) {
        ONLY(r, j, "duration");
        return is_value(r->arena, s, T_DURATION, v) ? OK : bad(r, "duration");
    }
    if (member(r, j, "date", &s)) {
        ONLY(r, j, "date");
        return is_value(r->arena, s, T_DATE, v) ? OK : bad(r, "date");
    }
    ONLY(r, j, "value");
    return member(r, j, "value", &s) && is_value_word(s, &v->kind) ? OK : bad(r, "value");
}

/* ---- rows of a collection ------------------------------------------------------------------- */

static enum err window(struct reader *r, json_t *j, struct window *w)
{
    str s = {0};
    if (!j)
        return OK;
    if (!json_is_object(j) || json_object_size(j) != 1)
        return bad(r, "window");
    TRY(count_value(&r->place, &r->count, 0));
    if (member(r, j, "within", &s)) {
        w->kind = WINDOW_WITHIN;
        return is_value(r->arena, s, T_DURATION, &w->value) ? OK : bad(r, "within");
    }
    w->kind = member(r, j, "since", &s) ? WINDOW_SINCE : WINDOW_BEFORE;
    if (w->kind == WINDOW_BEFORE && !member(r, j, "before", &s))
        return bad(r, "window");
    if (str_eq(s, S("today"))) {
        w->value = (struct value){.kind = VALUE_TODAY};
        return OK;
    }
    return is_value(r->arena, s, T_DATE, &w->value) ? OK : bad(r, "window");
}

static enum err rows(struct reader *r, json_t *j, unsigned depth, struct expr *e)
{
    struct token t;
    str word = e->field.len ? arena_printf(r->arena, SFMT "." SFMT, SARG(e->name), SARG(e->field))
                            : e->name; /* as a text has it */
    if (!token_is_whole(r->arena, word, &t) || t.kind != T_WORD || str_find(e->name, S(".")) >= 0)
        return bad(r, "list");
    TRY(window(r, json_object_get(j, "window"), &e->window));
    json_t *where = json_object_get(j, "where");
    if (!where)
        return OK;
    e->of = ARENA_ARRAY(r->arena, 1, struct expr *);
    e->n = 1;
    return condition(r, where, depth + 1, &e->of[0]);
}

/* ---- terms -------------------------------------------------------------------------------------- */

static enum err term(struct reader *r, json_t *j, unsigned depth, enum side side, struct expr **out)
{
    str s = {0};
    if (!json_is_object(j))
        return bad(r, "term");
    struct expr *e = node_new(r->arena, N_VALUE, 0);
    *out = e;
    if (member(r, j, "name", &s)) {
        ONLY(r, j, "name");
        e->kind = N_NAME;
        e->name = s;
        TRY(count_value(&r->place, &r->count, 0));
        return is_name(r->arena, s, side) ? OK : bad(r, "name");
    }
    if (member(r, j, "days_since", &s)) {
        ONLY(r, j, "days_since");
        e->kind = N_DAYS;
        e->name = s;
        struct token t;
        return token_is_whole(r->arena, s, &t) && t.kind == T_WORD ? OK : bad(r, "days_since");
    }
    if (member(r, j, "call", &s)) {
        ONLY(r, j, "call", "list", "field", "where", "window");
        e->kind = N_CALL;
        while (e->op < CALL_N && !str_eq(s, str_of(call_codes[e->op])))
            e->op++;
        if (e->op == CALL_N || !member(r, j, "list", &e->name))
            return bad(r, "call");
        struct token t;
        if (json_object_get(j, "field") &&
            (!member(r, j, "field", &e->field) ||
             !token_is_whole(r->arena, arena_printf(r->arena, "x." SFMT, SARG(e->field)), &t) ||
             t.kind != T_WORD))
            return bad(r, "field");
        TRY(rows(r, j, depth, e));
        return node_close(&r->place, e);
    }
    TRY(count_value(&r->place, &r->count, 0));
    return value(r, j, &e->value);
}

static enum err sum(struct reader *r, json_t *j, unsigned depth, enum side side, struct expr **out)
{
    json_t *terms = json_object_get(j, "sum");
    str signs = {0};
    if (!terms)
        return term(r, j, depth, side, out);
    ONLY(r, j, "sum", "signs");
    struct expr *e = node_new(r->arena, N_SUM, 0);
    e->n = json_array_size(terms);
    if (e->n < 2 || e->n > EXPR_TERMS_MAX || !member(r, j, "signs", &signs) || signs.len != e->n ||
        signs.ptr[0] != '+')
        return bad(r, "sum");
    e->of = ARENA_ARRAY(r->arena, e->n, struct expr *);
    for (size_t i = 0; i < e->n; i++) {
        if (signs.ptr[i] != '+' && signs.ptr[i] != '-')
            return bad(r, "signs");
        if (signs.ptr[i] == '-')
            e->signs |= 1u << i;
        TRY(term(r, json_array_get(terms, i), depth, i ? RIGHT : side, &e->of[i]));
    }
    *out = e;
    return node_close(&r->place, e);
}

/* ---- conditions ------------------------------------------------------------------------------------ */

static enum err several(struct reader *r, json_t *list, unsigned depth, enum node_kind kind,
                        const char *what, struct expr **out)
{
    struct expr *e = node_new(r->arena, kind, 0);
    size_t n = json_array_size(list);
    if (n < 2)
        return bad(r, what);
    if (n > EXPR_LEAVES_MAX)
        return refuse(&r->place, 0, M_EXPR_TOO_MANY, (str){0}, (str){0});
    e->of = ARENA_ARRAY(r->arena, n, struct expr *);
    e->n = n;
    for (size_t i = 0; i < n; i++)
        TRY(condition(r, json_array_get(list, i), depth + 1, &e->of[i]));
    *out = e;
    return node_close(&r->place, e);
}

static enum err leaf(struct reader *r, json_t *j, unsigned depth, struct expr *e)
{
    str s = {0};
    struct expr *of[EXPR_VALUES_MAX + 1];
    size_t n = 0;
    TRY(count_leaf(&r->place, &r->count, 0));
    if (member(r, j, "cmp", &s)) {
        ONLY(r, j, "cmp", "left", "right");
        e->kind = N_CMP;
        while (e->op < CMP_N && !str_eq(s, str_of(cmp_codes[e->op])))
            e->op++;
        if (e->op == CMP_N)
            return bad(r, "cmp");
        TRY(sum(r, json_object_get(j, "left"), depth, LEFT, &of[n++]));
        TRY(sum(r, json_object_get(j, "right"), depth, RIGHT, &of[n++]));
    } else if (json_object_get(j, "in")) {
        ONLY(r, j, "in", "values");
        e->kind = N_IN;
        json_t *values = json_object_get(j, "values");
        if (!json_is_array(values) || json_array_size(values) > EXPR_VALUES_MAX)
            return bad(r, "values");
        TRY(sum(r, json_object_get(j, "in"), depth, LEFT, &of[n++]));
        for (size_t i = 0; i < json_array_size(values); i++)
            TRY(sum(r, json_array_get(values, i), depth, RIGHT, &of[n++]));
    } else if (json_object_get(j, "between")) {
        ONLY(r, j, "between", "low", "high");
        e->kind = N_BETWEEN;
        TRY(sum(r, json_object_get(j, "between"), depth, LEFT, &of[n++]));
        TRY(sum(r, json_object_get(j, "low"), depth, RIGHT, &of[n++]));
        TRY(sum(r, json_object_get(j, "high"), depth, RIGHT, &of[n++]));
    } else if (member(r, j, "is", &s)) {
        ONLY(r, j, "is", "negated", "of");
        e->kind = N_IS;
        e->is_empty = str_eq(s, S("empty"));
        e->is_negated = json_is_true(json_object_get(j, "negated"));
        if (!e->is_empty && !str_eq(s, S("known")))
            return bad(r, "is");
        TRY(sum(r, json_object_get(j, "of"), depth, LEFT, &of[n++]));
    } else if (member(r, j, "any", &e->name) || member(r, j, "no", &e->name)) {
        e->kind = N_QUANT;
        e->op = json_object_get(j, "no") ? QUANT_NO : QUANT_ANY;
        ONLY(r, j, e->op == QUANT_NO ? "no" : "any", "where", "window");
        TRY(rows(r, j, depth, e));
        return node_close(&r->place, e);
    } else if (member(r, j, "segment", &e->name)) {
        ONLY(r, j, "segment");
        e->kind = N_SEGMENT;
        return is_text(r->arena, e->name) ? OK : bad(r, "segment");
    } else if (member(r, j, "word", &e->name)) {
        ONLY(r, j, "word");
        e->kind = N_WORD;
        return str_trim(e->name).len && is_text(r->arena, e->name) ? OK : bad(r, "word");
    } else {
        ONLY(r, j, "name");
        e->kind = N_NAME;
        return member(r, j, "name", &e->name) && is_name(r->arena, e->name, LEFT)
                   ? OK
                   : bad(r, "condition");
    }
    e->of = ARENA_ARRAY(r->arena, n, struct expr *);
    memcpy(e->of, of, n * sizeof(struct expr *));
    e->n = n;
    return node_close(&r->place, e);
}

static enum err condition(struct reader *r, json_t *j, unsigned depth, struct expr **out)
{
    if (depth > EXPR_DEPTH_MAX)
        return refuse(&r->place, 0, M_EXPR_TOO_DEEP, (str){0}, (str){0});
    if (!json_is_object(j))
        return bad(r, "condition");
    json_t *of;
    if ((of = json_object_get(j, "and"))) {
        ONLY(r, j, "and");
        return several(r, of, depth, N_AND, "and", out);
    }
    if ((of = json_object_get(j, "or"))) {
        ONLY(r, j, "or");
        return several(r, of, depth, N_OR, "or", out);
    }
    struct expr *e = node_new(r->arena, N_NOT, 0);
    *out = e;
    if (!(of = json_object_get(j, "not")))
        return leaf(r, j, depth, e);
    ONLY(r, j, "not");
    e->of = ARENA_ARRAY(r->arena, 1, struct expr *);
    e->n = 1;
    TRY(condition(r, of, depth + 1, &e->of[0]));
    return node_close(&r->place, e);
}

enum err expr_read_tree(struct cx *cx, str json, struct expr **out, struct expr_trouble *why)
{
    struct reader r = {.place = {cx, (str){0}, why}, .arena = cx->arena};
    *out = NULL;
    if (json.len > JSON_MAX)
        return refuse(&r.place, 0, M_EXPR_TOO_LONG, (str){0}, (str){0});
    json_error_t wrong;
    CLEANUP(json_release) json_t *j = NULL;
    enum err e = json_load_text(cx, json, &j, &wrong);
    if (e != OK)
        return e == ERR_MALFORMED ? bad(&r, "JSON") : e;
    TRY(condition(&r, j, 1, out));
    return expr_text(cx->arena, *out).len > EXPR_TEXT_MAX
               ? refuse(&r.place, 0, M_EXPR_TOO_LONG, (str){0}, (str){0})
               : OK;
}
