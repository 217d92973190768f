/* base/form.c - form bodies and query strings into structs by their field tables. */
#include "base/field_in.h"
#include "messages.h"

enum { PAIRS_MAX = 1000 };

static int hex(char c)
{
    if (is_digit(c))
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool percent_decode(struct arena *a, str s, bool plus_is_blank, str *out)
{
    char *p = arena_try_raw(a, s.len + 1);
    size_t n = 0;
    if (!p)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '+' && plus_is_blank) {
            c = ' ';
        } else if (c == '%') {
            if (s.len - i < 3 || hex(s.ptr[i + 1]) < 0 || hex(s.ptr[i + 2]) < 0)
                return false;
            c = (char)(hex(s.ptr[i + 1]) << 4 | hex(s.ptr[i + 2]));
            i += 2;
        }
        if (c == '\0')
            return false;
        p[n++] = c;
    }
    p[n] = '\0';
    *out = (str){p, n};
    return str_is_utf8(*out);
}

static enum err read_bool(struct cx *cx, str s, bool *out)
{
    bool yes = str_eq(s, S("true")) || str_eq(s, S("1"));
    if (!yes && !str_eq(s, S("false")) && !str_eq(s, S("0")))
        return fault(cx, ERR_INVALID, M_WANTS_YES_NO);
    *out = yes;
    return OK;
}

/* Digits, point, exponent; nothing else that strtod would take. */
static bool to_double(str s, double *out)
{
    char b[64], *end = NULL;
    if (s.len == 0 || s.len >= sizeof b || !(is_digit(s.ptr[0]) || s.ptr[0] == '-'))
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (!is_digit(s.ptr[i]) && (s.ptr[i] == '\0' || !strchr("+-.eE", s.ptr[i])))
            return false;
        b[i] = s.ptr[i];
    }
    b[s.len] = '\0';
    double v = strtod(b, &end);
    *out = v;
    return end == b + s.len && v - v == 0; /* not infinite */
}

enum err field_read(struct cx *cx, const struct field *f, str text, void *out)
{
    char *at = (char *)out + f->offset;
    int64_t i;
    double d;
    if (!str_is_utf8(text))
        return fault(cx, ERR_MALFORMED, M_NOT_UTF8,
                     MNUM("position", (int64_t)utf8_valid(text) + 1));
    switch (f->type) {
    case F_STR:
        return field_put_text(cx, f, text, (str *)at);
    case F_OPT_STR:
        ((opt_str *)at)->has = true;
        return field_put_text(cx, f, text, &((opt_str *)at)->v);
    case F_INT:
    case F_OPT_INT:
        if (!str_to_int(text, &i))
            return fault(cx, ERR_INVALID, M_WANTS_WHOLE_NUMBER);
        return field_put_int(cx, f, i, at);
    case F_DOUBLE:
        if (!to_double(text, &d))
            return fault(cx, ERR_INVALID, M_WANTS_NUMBER);
        return field_put_double(cx, f, d, at);
    case F_BOOL:
        return read_bool(cx, text, (bool *)at);
    case F_WHEN:
        return field_put_when(cx, text, at);
    case F_ID:
        return field_put_id(cx, f, text, at);
    case F_ENUM:
        return field_put_enum(cx, f, text, at);
    case F_MONEY:
    case F_LIST:
    case F_STR_LIST:
    case F_STRUCT:
    case F_JSON:
        break;
    }
    return fault(cx, ERR_INVALID, M_WANTS_TEXT);
}

/* ---- pairs -------------------------------------------------------------------------- */

struct form {
    struct cx *cx;
    const struct shape *shape;
    void *out;
    uint64_t seen;
};

static bool is_form_field(const struct field *f)
{
    return field_is_open(f) && f->type != F_JSON && f->type != F_MONEY && f->type != F_LIST &&
           f->type != F_STRUCT;
}

static const struct field *form_field(const struct shape *shape, str name)
{
    bool is_array = str_ends(name, S("[]"));
    if (is_array)
        name.len -= 2;
    for (size_t i = 0; i < shape->n; i++) {
        const struct field *f = &shape->fields[i];
        if (is_form_field(f) && (!is_array || f->type == F_STR_LIST) &&
            str_eq(name, str_of(f->name)))
            return f;
    }
    return NULL;
}

/* Room was made for all texts that the form can hold. */
static enum err add_str(struct form *form, const struct field *f, str value, size_t room)
{
    struct str_list *l = (void *)((char *)form->out + f->offset);
    if (l->n >= field_max_items(f))
        return fault(form->cx, ERR_INVALID, M_LIST_TOO_LONG, MNUM("length", (int64_t)l->n + 1),
                     MNUM("most", (int64_t)field_max_items(f)));
    if (!l->items)
        l->items = arena_try(form->cx->arena, room, sizeof *l->items);
    if (!l->items)
        return fault(form->cx, ERR_TOO_BIG, M_TOO_BIG);
    TRY(field_put_text(form->cx, f, value, &l->items[l->n]));
    l->n++;
    return OK;
}

static enum err take(struct form *form, str name, str value, bool allow_unknown, size_t room)
{
    struct cx *cx = form->cx;
    const struct field *f = form_field(form->shape, name);
    if (!f)
        return allow_unknown ? OK : field_unknown(cx, form->shape, name);
    uint64_t bit = (uint64_t)1 << (f - form->shape->fields);
    enum err e = OK;
    if (f->type == F_STR_LIST) {
        e = add_str(form, f, value, room);
    } else if (form->seen & bit) {
        e = fault(cx, ERR_INVALID, M_GIVEN_TWICE, MARG("name", name));
    } else if (value.len || f->type == F_STR || f->type == F_OPT_STR) {
        e = field_read(cx, f, value, form->out);
    } else if (!f->required) { /* `limit=` is a limit not given */
        return OK;
    } else {
        e = fault(cx, ERR_INVALID, M_MISSING);
    }
    form->seen |= bit;
    return e == OK ? OK : fault_at(cx, e, str_of(f->name));
}

static size_t count_pairs(str form)
{
    size_t n = 1;
    for (size_t i = 0; i < form.len; i++)
        n += form.ptr[i] == '&';
    return n;
}

static enum err not_readable(struct cx *cx, str whole, str piece)
{
    if (arena_is_over(cx->arena))
        return fault(cx, ERR_TOO_BIG, M_TOO_BIG);
    return fault(cx, ERR_MALFORMED, M_FORM_NOT_READABLE,
                 MNUM("position", piece.ptr - whole.ptr + 1));
}

enum err form_read(struct cx *cx, const struct shape *shape, str form, bool allow_unknown,
                   void *out, uint64_t *sent)
{
    struct form f = {.cx = cx, .shape = shape, .out = out};
    size_t pairs = count_pairs(form);
    assert(shape->n <= 64);
    memset(out, 0, shape->size);
    if (sent)
        *sent = 0;
    if (pairs > PAIRS_MAX)
        return fault(cx, ERR_MALFORMED, M_FORM_TOO_MANY, MNUM("most", PAIRS_MAX));
    for (str rest = form; rest.len;) {
        str value = str_cut(&rest, '&'), piece = value, name = str_cut(&value, '=');
        if (piece.len == 0)
            continue;
        if (!percent_decode(cx->arena, name, true, &name) ||
            !percent_decode(cx->arena, value, true, &value))
            return not_readable(cx, form, piece);
        TRY(take(&f, name, value, allow_unknown, pairs));
    }
    for (size_t i = 0; i < shape->n; i++) {
        const struct field *fd = &shape->fields[i];
        if (is_form_field(fd) && field_is_missing(fd, f.seen >> i & 1, out))
            return fault_field(cx, ERR_INVALID, str_of(fd->name), M_MISSING);
    }
    if (sent)
        *sent = f.seen;
    return OK;
}
