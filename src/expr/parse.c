/* expr/parse.c - the text into its tree, by recursive descent over the grammar of expr.h's documentation. */
#include "expr/inside.h"

enum { NEST_MAX = 2 * EXPR_DEPTH_MAX };

struct parser {
    struct place place;
    struct arena *arena;
    str text;
    size_t pos; /* behind `next` */
    struct token now, next;
    struct count count;
    unsigned nest;
};

/* ---- refusals -------------------------------------------------------------------------- */

enum err refuse(const struct place *p, size_t at, uint16_t msg, str name, str nearest)
{
    if (at > p->text.len)
        at = p->text.len;
    size_t chars = p->text.len ? str_chars((str){p->text.ptr, at}) : 0;
    if (p->why)
        *p->why = (struct expr_trouble){.at = chars, .nearest = nearest};
    name = str_clean(p->cx->arena, name, 60);
    return fault(p->cx, ERR_INVALID, msg, MNUM("at", (int64_t)chars + 1), MARG("name", name),
                 MARG("nearest", nearest));
}

struct expr *node_new(struct arena *a, enum node_kind kind, size_t at)
{
    struct expr *e = ARENA_NEW(a, struct expr);
    e->kind = kind;
    e->at = at;
    e->depth = 1;
    return e;
}

enum err node_close(const struct place *p, struct expr *e)
{
    bool is_level = node_is_condition(e) || e->kind == N_CALL;
    unsigned deepest = 0;
    for (size_t i = 0; i < e->n; i++)
        deepest = e->of[i]->depth > deepest ? e->of[i]->depth : deepest;
    deepest += is_level;
    if (deepest > EXPR_DEPTH_MAX)
        return refuse(p, e->at, M_EXPR_TOO_DEEP, (str){0}, (str){0});
    e->depth = (uint8_t)(deepest ? deepest : 1);
    return OK;
}

enum err count_leaf(const struct place *p, struct count *c, size_t at)
{
    return ++c->leaves > EXPR_LEAVES_MAX ? refuse(p, at, M_EXPR_TOO_MANY, (str){0}, (str){0}) : OK;
}

enum err count_value(const struct place *p, struct count *c, size_t at)
{
    return ++c->values > EXPR_VALUES_MAX ? refuse(p, at, M_EXPR_TOO_MANY_VALUES, (str){0}, (str){0})
                                         : OK;
}

bool node_is_condition(const struct expr *e)
{
    return e->kind <= N_WORD;
}

/* ---- tokens ------------------------------------------------------------------------------- */

static void step(struct parser *p)
{
    p->now = p->next;
    p->next = token_next(p->arena, p->text, &p->pos);
}

static bool is_word(const struct token *t, const char *word)
{
    return t->kind == T_WORD && str_eq(t->text, str_of(word));
}

static bool is_joint(const struct token *t, const char *small, const char *big)
{
    return is_word(t, small) || is_word(t, big);
}

static enum err unexpected(struct parser *p)
{
    const struct token *t = &p->now;
    if (t->kind == T_BAD)
        return refuse(&p->place, t->at, t->why, (str){p->text.ptr + t->at, t->end - t->at},
                      (str){0});
    if (t->kind == T_END)
        return refuse(&p->place, t->at, M_EXPR_ENDS, (str){0}, (str){0});
    return refuse(&p->place, t->at, M_EXPR_UNEXPECTED, (str){p->text.ptr + t->at, t->end - t->at},
                  (str){0});
}

static enum err want(struct parser *p, enum token_kind kind)
{
    if (p->now.kind != kind)
        return p->now.kind == T_END && (kind == T_CLOSE || kind == T_SQUARE_END)
                   ? refuse(&p->place, p->now.at, M_EXPR_BRACKET, (str){0}, (str){0})
                   : unexpected(p);
    step(p);
    return OK;
}

static enum err nest(struct parser *p)
{
    return ++p->nest > NEST_MAX ? refuse(&p->place, p->now.at, M_EXPR_TOO_DEEP, (str){0}, (str){0})
                                : OK;
}

/* Nodes that come one by one. */
struct nodes {
    struct expr **v;
    size_t n, cap;
};

static void nodes_add(struct arena *a, struct nodes *l, struct expr *e)
{
    if (l->n == l->cap) {
        l->cap = l->cap ? 2 * l->cap : 4;
        struct expr **more = ARENA_ARRAY(a, l->cap, struct expr *);
        if (l->n)
            memcpy(more, l->v, l->n * sizeof(struct expr *));
        l->v = more;
    }
    l->v[l->n++] = e;
}

static enum err finish(struct parser *p, struct expr *e, struct nodes l)
{
    e->of = l.v;
    e->n = l.n;
    e->end = p->now.at;
    while (e->end > e->at && (p->text.ptr[e->end - 1] == ' ' || p->text.ptr[e->end - 1] == '\n'))
        e->end--;
    return node_close(&p->place, e);
}

/* ---- terms ------------------------------------------------------------------------------------ */

static enum err parse_or(struct parser *p, struct expr **out);

static bool cut_call(const struct token *t, enum call *out)
{
    for (int i = 0; i < CALL_N; i++)
        if (is_word(t, call_codes[i])) {
            *out = (enum call)i;
            return true;
        }
    return false;
}

static enum err parse_window(struct parser *p, struct window *out)
{
    enum window_kind kind = is_word(&p->now, "within")   ? WINDOW_WITHIN
                            : is_word(&p->now, "since")  ? WINDOW_SINCE
                            : is_word(&p->now, "before") ? WINDOW_BEFORE
                                                         : WINDOW_NONE;
    if (kind == WINDOW_NONE)
        return OK;
    step(p);
    enum value_kind word;
    *out = (struct window){.kind = kind, .value = p->now.value};
    if (kind == WINDOW_WITHIN && p->now.kind != T_DURATION)
        return refuse(&p->place, p->now.at, M_EXPR_WANTS_DURATION, (str){0}, (str){0});
    if (kind != WINDOW_WITHIN && p->now.kind == T_WORD && is_value_word(p->now.text, &word) &&
        word == VALUE_TODAY)
        out->value = (struct value){.kind = VALUE_TODAY};
    else if (kind != WINDOW_WITHIN && p->now.kind != T_DATE)
        return refuse(&p->place, p->now.at, M_EXPR_WANTS_DATE, (str){0}, (str){0});
    TRY(count_value(&p->place, &p->count, p->now.at));
    step(p);
    return OK;
}

/* [ condition ] window, behind the name of a collection. */
static enum err parse_rows(struct parser *p, struct expr *e, struct nodes *l)
{
    if (p->now.kind == T_SQUARE) {
        TRY(nest(p));
        step(p);
        struct expr *inner = NULL;
        TRY(parse_or(p, &inner));
        nodes_add(p->arena, l, inner);
        TRY(want(p, T_SQUARE_END));
        p->nest--;
    }
    return parse_window(p, &e->window);
}

static enum err parse_call(struct parser *p, enum call call, struct expr **out)
{
    struct expr *e = node_new(p->arena, N_CALL, p->now.at);
    e->op = (uint8_t)call;
    step(p);
    TRY(want(p, T_OPEN));
    if (p->now.kind != T_WORD || is_digit(p->now.text.ptr[0]) || p->now.text.ptr[0] == '.')
        return unexpected(p);
    str path = p->now.text;
    e->name = str_cut(&path, '.');
    e->field = path;
    step(p);
    struct nodes l = {0};
    TRY(parse_rows(p, e, &l));
    TRY(want(p, T_CLOSE));
    TRY(finish(p, e, l));
    *out = e;
    return OK;
}

static enum err parse_days(struct parser *p, struct expr **out)
{
    struct expr *e = node_new(p->arena, N_DAYS, p->now.at);
    step(p);
    TRY(want(p, T_OPEN));
    if (p->now.kind != T_WORD)
        return unexpected(p);
    e->name = p->now.text;
    step(p);
    TRY(want(p, T_CLOSE));
    TRY(finish(p, e, (struct nodes){0}));
    *out = e;
    return OK;
}

static bool is_value_token(const struct token *t)
{
    return t->kind == T_NUMBER || t->kind == T_MONEY || t->kind == T_DURATION ||
           t->kind == T_DATE || t->kind == T_STRING;
}

static enum err parse_value(struct parser *p, struct expr **out)
{
    struct expr *e = node_new(p->arena, N_VALUE, p->now.at);
    bool is_minus = p->now.kind == T_MINUS;
    if (is_minus)
        step(p);
    if (!is_value_token(&p->now) || (is_minus && p->now.kind != T_NUMBER && p->now.kind != T_MONEY))
        return unexpected(p);
    TRY(count_value(&p->place, &p->count, p->now.at));
    e->value = p->now.value;
    bool is_number = p->now.kind == T_NUMBER;
    if (is_minus)
        e->value.n = -e->value.n;
    step(p);
    if (is_number && p->now.kind == T_WORD && currency_parse(p->now.text, &e->value.currency)) {
        e->value.kind = VALUE_MONEY;
        step(p);
    }
    TRY(finish(p, e, (struct nodes){0}));
    *out = e;
    return OK;
}

/* on_right: any word is a value there, `country = NO` as well as `lang = is`. */
static enum err parse_term(struct parser *p, bool on_right, struct expr **out)
{
    const struct token *t = &p->now;
    enum call call;
    enum value_kind word;
    if (is_value_token(t) || (t->kind == T_MINUS && !t->blank_after))
        return parse_value(p, out);
    if (t->kind != T_WORD)
        return t->kind == T_END && on_right
                   ? refuse(&p->place, t->at, M_EXPR_VALUE_MISSING, (str){0}, (str){0})
                   : unexpected(p);
    if (p->next.kind == T_OPEN && cut_call(t, &call))
        return parse_call(p, call, out);
    if (p->next.kind == T_OPEN && is_word(t, "days_since"))
        return parse_days(p, out);
    struct expr *e = node_new(p->arena, N_NAME, t->at);
    if (is_value_word(t->text, &word)) {
        e->kind = N_VALUE;
        e->value.kind = word;
    } else if (!on_right && (is_reserved(t->text) || is_digit(t->text.ptr[0]))) {
        return unexpected(p);
    } else {
        e->name = t->text;
    }
    TRY(count_value(&p->place, &p->count, t->at));
    step(p);
    TRY(finish(p, e, (struct nodes){0}));
    *out = e;
    return OK;
}

static bool is_sign(const struct token *t)
{
    return t->kind == T_PLUS || (t->kind == T_MINUS && t->blank_after);
}

static enum err parse_sum(struct parser *p, bool on_right, struct expr **out)
{
    struct expr *first = NULL;
    TRY(parse_term(p, on_right, &first));
    *out = first;
    if (!is_sign(&p->now))
        return OK;
    struct expr *e = node_new(p->arena, N_SUM, first->at);
    struct nodes l = {0};
    nodes_add(p->arena, &l, first);
    while (is_sign(&p->now)) {
        if (l.n == EXPR_TERMS_MAX)
            return refuse(&p->place, p->now.at, M_EXPR_TOO_MANY_VALUES, (str){0}, (str){0});
        if (p->now.kind == T_MINUS)
            e->signs |= 1u << l.n;
        step(p);
        struct expr *more = NULL;
        TRY(parse_term(p, true, &more));
        nodes_add(p->arena, &l, more);
    }
    TRY(finish(p, e, l));
    *out = e;
    return OK;
}

/* ---- conditions --------------------------------------------------------------------------------- */

static enum err parse_in(struct parser *p, struct expr *left, struct expr **out)
{
    struct expr *e = node_new(p->arena, N_IN, left->at);
    struct nodes l = {0};
    nodes_add(p->arena, &l, left);
    step(p);
    TRY(want(p, T_OPEN));
    while (p->now.kind != T_CLOSE) {
        struct expr *v = NULL;
        if (l.n > 1)
            TRY(want(p, T_COMMA));
        TRY(parse_sum(p, true, &v));
        nodes_add(p->arena, &l, v);
        if (p->now.kind == T_END)
            return want(p, T_CLOSE);
    }
    step(p);
    TRY(finish(p, e, l));
    *out = e;
    return OK;
}

static enum err parse_between(struct parser *p, struct expr *left, struct expr **out)
{
    struct expr *e = node_new(p->arena, N_BETWEEN, left->at), *low = NULL, *high = NULL;
    struct nodes l = {0};
    step(p);
    TRY(parse_sum(p, true, &low));
    if (!is_joint(&p->now, "and", "AND"))
        return unexpected(p);
    step(p);
    TRY(parse_sum(p, true, &high));
    nodes_add(p->arena, &l, left);
    nodes_add(p->arena, &l, low);
    nodes_add(p->arena, &l, high);
    TRY(finish(p, e, l));
    *out = e;
    return OK;
}

static enum err parse_is(struct parser *p, struct expr *left, struct expr **out)
{
    struct expr *e = node_new(p->arena, N_IS, left->at);
    struct nodes l = {0};
    nodes_add(p->arena, &l, left);
    step(p);
    if (is_word(&p->now, "not")) {
        e->is_negated = true;
        step(p);
    }
    e->is_empty = is_word(&p->now, "empty");
    if (!e->is_empty && !is_word(&p->now, "known"))
        return unexpected(p);
    step(p);
    TRY(finish(p, e, l));
    *out = e;
    return OK;
}

static bool is_follower(struct parser *p)
{
    return p->now.kind == T_CMP || (is_word(&p->now, "in") && p->next.kind == T_OPEN) ||
           is_word(&p->now, "between") ||
           (is_word(&p->now, "is") &&
            (is_word(&p->next, "not") || is_word(&p->next, "known") || is_word(&p->next, "empty")));
}

static enum err parse_word(struct parser *p, struct expr **out)
{
    struct expr *e = node_new(p->arena, N_WORD, p->now.at);
    TRY(count_leaf(&p->place, &p->count, e->at));
    e->name = p->now.text;
    if (str_trim(e->name).len == 0)
        return unexpected(p);
    step(p);
    TRY(finish(p, e, (struct nodes){0}));
    *out = e;
    return OK;
}

/* A text, number or date with no comparison behind it is something to look for. */
static bool is_lone_value(struct parser *p)
{
    if (!is_value_token(&p->now) && !(p->now.kind == T_WORD && is_digit(p->now.text.ptr[0])))
        return false;
    const struct token *n = &p->next;
    return n->kind != T_CMP && n->kind != T_PLUS && !(n->kind == T_MINUS && n->blank_after) &&
           !(p->now.kind == T_NUMBER && n->kind == T_WORD) && !is_word(n, "between") &&
           !is_word(n, "in") && !is_word(n, "is");
}

static enum err parse_pred(struct parser *p, struct expr **out)
{
    if (is_lone_value(p))
        return parse_word(p, out);
    struct expr *left = NULL;
    TRY(count_leaf(&p->place, &p->count, p->now.at));
    TRY(parse_sum(p, false, &left));
    if (!is_follower(p)) {
        if (left->kind != N_NAME)
            return p->now.kind == T_BAD
                       ? unexpected(p)
                       : refuse(&p->place, left->at, M_EXPR_COMPARISON_MISSING,
                                (str){p->text.ptr + left->at, left->end - left->at}, (str){0});
        *out = left;
        return OK;
    }
    if (is_word(&p->now, "in"))
        return parse_in(p, left, out);
    if (is_word(&p->now, "between"))
        return parse_between(p, left, out);
    if (is_word(&p->now, "is"))
        return parse_is(p, left, out);
    struct expr *e = node_new(p->arena, N_CMP, left->at), *right = NULL;
    e->op = (uint8_t)p->now.cmp;
    step(p);
    TRY(parse_sum(p, true, &right));
    struct nodes l = {0};
    nodes_add(p->arena, &l, left);
    nodes_add(p->arena, &l, right);
    TRY(finish(p, e, l));
    *out = e;
    return OK;
}

static enum err parse_quant(struct parser *p, struct expr **out)
{
    struct expr *e = node_new(p->arena, N_QUANT, p->now.at);
    TRY(count_leaf(&p->place, &p->count, e->at));
    e->op = is_word(&p->now, "no") ? QUANT_NO : QUANT_ANY;
    step(p);
    e->name = p->now.text;
    if (str_find(e->name, S(".")) >= 0)
        return unexpected(p);
    step(p);
    struct nodes l = {0};
    TRY(parse_rows(p, e, &l));
    TRY(finish(p, e, l));
    *out = e;
    return OK;
}

static enum err parse_segment(struct parser *p, struct expr **out)
{
    struct expr *e = node_new(p->arena, N_SEGMENT, p->now.at);
    TRY(count_leaf(&p->place, &p->count, e->at));
    step(p);
    TRY(want(p, T_OPEN));
    if (p->now.kind != T_WORD && p->now.kind != T_STRING)
        return unexpected(p);
    e->name = p->now.text;
    step(p);
    TRY(want(p, T_CLOSE));
    TRY(finish(p, e, (struct nodes){0}));
    *out = e;
    return OK;
}

static enum err parse_prim(struct parser *p, struct expr **out)
{
    const struct token *t = &p->now;
    if (t->kind == T_OPEN) {
        TRY(nest(p));
        step(p);
        TRY(parse_or(p, out));
        TRY(want(p, T_CLOSE));
        p->nest--;
        return OK;
    }
    if ((is_word(t, "any") || is_word(t, "no")) && p->next.kind == T_WORD)
        return parse_quant(p, out);
    if (is_word(t, "segment") && p->next.kind == T_OPEN)
        return parse_segment(p, out);
    return parse_pred(p, out);
}

static bool is_not(const struct token *t)
{
    return is_joint(t, "not", "NOT") || t->kind == T_MINUS;
}

static enum err parse_not(struct parser *p, struct expr **out)
{
    /* a negative number on the left is a number */
    if (!is_not(&p->now) ||
        (p->now.kind == T_MINUS && p->next.kind == T_NUMBER && !p->now.blank_after))
        return parse_prim(p, out);
    struct expr *e = node_new(p->arena, N_NOT, p->now.at), *inner = NULL;
    TRY(nest(p));
    step(p);
    TRY(parse_not(p, &inner));
    p->nest--;
    struct nodes l = {0};
    nodes_add(p->arena, &l, inner);
    TRY(finish(p, e, l));
    *out = e;
    return OK;
}

static bool ends_and(const struct token *t)
{
    return t->kind == T_END || t->kind == T_CLOSE || t->kind == T_SQUARE_END ||
           is_joint(t, "or", "OR");
}

static enum err parse_and(struct parser *p, struct expr **out)
{
    struct expr *e = node_new(p->arena, N_AND, p->now.at);
    struct nodes l = {0};
    do {
        struct expr *one = NULL;
        if (l.n && is_joint(&p->now, "and", "AND"))
            step(p);
        TRY(parse_not(p, &one));
        nodes_add(p->arena, &l, one);
    } while (!ends_and(&p->now));
    *out = l.v[0];
    if (l.n == 1)
        return OK;
    TRY(finish(p, e, l));
    *out = e;
    return OK;
}

static enum err parse_or(struct parser *p, struct expr **out)
{
    struct expr *e = node_new(p->arena, N_OR, p->now.at);
    struct nodes l = {0};
    for (;;) {
        struct expr *one = NULL;
        TRY(parse_and(p, &one));
        nodes_add(p->arena, &l, one);
        if (!is_joint(&p->now, "or", "OR"))
            break;
        step(p);
    }
    *out = l.v[0];
    if (l.n == 1)
        return OK;
    TRY(finish(p, e, l));
    *out = e;
    return OK;
}

enum err expr_parse(struct cx *cx, str text, struct expr **out, struct expr_trouble *why)
{
    struct parser p = {.place = {cx, (str){0}, why}, .arena = cx->arena};
    *out = NULL;
    if (text.len > EXPR_TEXT_MAX)
        return refuse(&p.place, 0, M_EXPR_TOO_LONG, (str){0}, (str){0});
    if (!str_is_utf8(text))
        return refuse(&p.place, 0, M_EXPR_UTF8, (str){0}, (str){0});
    p.text = p.place.text = text;
    step(&p);
    step(&p);
    if (p.now.kind == T_END)
        return refuse(&p.place, 0, M_EXPR_EMPTY, (str){0}, (str){0});
    TRY(parse_or(&p, out));
    return p.now.kind == T_END ? OK : unexpected(&p);
}
