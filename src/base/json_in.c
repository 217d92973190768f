/* base/json_in.c - JSON text into structs by their field tables, by jansson.
 *
 * A scan before the parser settles what the parser would do late or not at all: size in members,
 * depth, NUL, UTF-8. */
#include "base/field_in.h"
#include "base/json_load.h"
#include "messages.h"

/* ---- the scan ----------------------------------------------------------------------- */

struct scan {
    size_t depth, members;
};

static struct scan scan(str json)
{
    struct scan s = {0};
    size_t depth = 0;
    bool in_text = false;
    for (size_t i = 0; i < json.len; i++) {
        char c = json.ptr[i];
        if (in_text) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_text = false;
            continue;
        }
        switch (c) {
        case '"':
            in_text = true;
            break;
        case '{':
        case '[':
            s.members++;
            if (++depth > s.depth)
                s.depth = depth;
            break;
        case '}':
        case ']':
            depth -= depth > 0;
            break;
        case ',':
            s.members++;
            break;
        default:
            break;
        }
    }
    return s;
}

static enum err check(struct cx *cx, str json, const struct json_limits *limits)
{
    size_t depth = limits->depth ? limits->depth : 64;
    size_t members = limits->members ? limits->members : 10000;
    if (str_trim(json).len == 0)
        return fault(cx, ERR_MALFORMED, M_JSON_EMPTY);
    if (memchr(json.ptr, '\0', json.len))
        return fault(cx, ERR_MALFORMED, M_JSON_NUL);
    if (!str_is_utf8(json))
        return fault(cx, ERR_MALFORMED, M_NOT_UTF8,
                     MNUM("position", (int64_t)utf8_valid(json) + 1));
    struct scan s = scan(json);
    if (s.depth > depth)
        return fault(cx, ERR_MALFORMED, M_JSON_TOO_DEEP, MNUM("most", (int64_t)depth));
    if (s.members > members)
        return fault(cx, ERR_MALFORMED, M_JSON_TOO_MANY, MNUM("most", (int64_t)members));
    return OK;
}

/* ---- what jansson found wrong ------------------------------------------------------- */

/* Its text ends with: near '"name"' */
static str name_in(const char *text)
{
    str s = str_of(text);
    ptrdiff_t at = str_find(s, S("near '\""));
    if (at < 0)
        return (str){0};
    s = (str){s.ptr + at + 7, s.len - (size_t)at - 7};
    return str_cut(&s, '"');
}

static enum err unreadable(struct cx *cx, const json_error_t *e)
{
    switch (json_error_code(e)) {
    case json_error_duplicate_key:
        (void)fault(cx, ERR_MALFORMED, M_JSON_DUPLICATE, MARG("name", name_in(e->text)));
        return fault_at(cx, ERR_MALFORMED, name_in(e->text));
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return fault(cx, ERR_MALFORMED, M_JSON_NUL);
    case json_error_numeric_overflow:
        return fault(cx, ERR_MALFORMED, M_JSON_NUMBER_TOO_BIG, MNUM("line", e->line),
                     MNUM("column", e->column));
    default:
        return fault(cx, ERR_MALFORMED, M_JSON_NOT_READABLE, MNUM("line", e->line),
                     MNUM("column", e->column));
    }
}

/* ---- values ------------------------------------------------------------------------- */

static enum err read_object(struct cx *cx, const struct shape *shape, const json_t *v, void *out,
                            uint64_t *sent);

/* Puts the way to an inner member before its name: "identities[2]" + "value". */
static enum err within(struct cx *cx, enum err e, str outer)
{
    str inner = cx->why.field;
    if (e != OK)
        cx->why.field = inner.len == 0 ? arena_str(cx->arena, outer)
                        : inner.ptr[0] == '['
                            ? arena_printf(cx->arena, SFMT SFMT, SARG(outer), SARG(inner))
                            : arena_printf(cx->arena, SFMT "." SFMT, SARG(outer), SARG(inner));
    return e;
}

static str text_of(const json_t *v)
{
    return (str){json_string_value(v), json_string_length(v)};
}

static enum err wants_text(struct cx *cx, const json_t *v)
{
    return json_is_string(v) ? OK : fault(cx, ERR_INVALID, M_WANTS_TEXT);
}

static enum err wants_list(struct cx *cx, const struct field *f, const json_t *v)
{
    if (!json_is_array(v))
        return fault(cx, ERR_INVALID, M_WANTS_LIST);
    if (json_array_size(v) > field_max_items(f))
        return fault(cx, ERR_INVALID, M_LIST_TOO_LONG, MNUM("length", (int64_t)json_array_size(v)),
                     MNUM("most", (int64_t)field_max_items(f)));
    return OK;
}

static void *items_for(struct cx *cx, const json_t *v, size_t size)
{
    return arena_try(cx->arena, json_array_size(v) ? json_array_size(v) : 1, size);
}

static enum err read_list(struct cx *cx, const struct field *f, const json_t *v, struct list *out)
{
    TRY(wants_list(cx, f, v));
    char *items = items_for(cx, v, f->sub->size);
    if (!items)
        return fault(cx, ERR_TOO_BIG, M_TOO_BIG);
    for (size_t i = 0; i < json_array_size(v); i++) {
        enum err e = read_object(cx, f->sub, json_array_get(v, i), items + i * f->sub->size, NULL);
        if (e != OK)
            return within(cx, e, arena_printf(cx->arena, "[%zu]", i));
    }
    *out = (struct list){items, json_array_size(v)};
    return OK;
}

static enum err read_strs(struct cx *cx, const struct field *f, const json_t *v,
                          struct str_list *out)
{
    TRY(wants_list(cx, f, v));
    str *items = items_for(cx, v, sizeof *items);
    if (!items)
        return fault(cx, ERR_TOO_BIG, M_TOO_BIG);
    for (size_t i = 0; i < json_array_size(v); i++) {
        const json_t *item = json_array_get(v, i);
        enum err e = wants_text(cx, item);
        if (e == OK)
            e = field_put_text(cx, f, text_of(item), &items[i]);
        if (e != OK)
            return within(cx, e, arena_printf(cx->arena, "[%zu]", i));
    }
    *out = (struct str_list){items, json_array_size(v)};
    return OK;
}

struct money_in {
    opt_int amount;
    str currency;
};
static const struct field money_in_fields[] = {
    FIELD(struct money_in, amount, .required = true),
    FIELD(struct money_in, currency, .required = true, .max_len = 3),
};
static const struct shape money_in_shape = SHAPE("money", struct money_in, money_in_fields);

static enum err read_money(struct cx *cx, const json_t *v, money *out)
{
    struct money_in in = {0};
    TRY(read_object(cx, &money_in_shape, v, &in, NULL));
    if (!currency_parse(in.currency, &out->currency)) {
        (void)fault(cx, ERR_INVALID, M_NOT_A_CURRENCY, MARG("given", in.currency));
        return fault_at(cx, ERR_INVALID, S("currency"));
    }
    out->amount = in.amount.v;
    return OK;
}

static bool takes_null(const struct field *f)
{
    bool is_plain = f->type == F_INT || f->type == F_BOOL || f->type == F_DOUBLE;
    return !f->required && (f->nullable || !is_plain);
}

/* Any value, as its text: who asked for it reads it by a shape of his own. */
static enum err read_any(struct cx *cx, const json_t *v, str *out)
{
    size_t n = json_dumpb(v, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY);
    char *p = arena_try_raw(cx->arena, n + 1);
    if (!p)
        return fault(cx, ERR_TOO_BIG, M_TOO_BIG);
    *out = (str){p, json_dumpb(v, p, n, JSON_COMPACT | JSON_ENCODE_ANY)};
    return OK;
}

static enum err read_value(struct cx *cx, const struct field *f, const json_t *v, char *at)
{
    if (json_is_null(v) && takes_null(f) && f->type != F_JSON)
        return OK;
    if (json_is_null(v) && f->required)
        return fault(cx, ERR_INVALID, M_MISSING);
    switch (f->type) {
    case F_STR:
        TRY(wants_text(cx, v));
        return field_put_text(cx, f, text_of(v), (str *)at);
    case F_OPT_STR:
        TRY(wants_text(cx, v));
        ((opt_str *)at)->has = true;
        return field_put_text(cx, f, text_of(v), &((opt_str *)at)->v);
    case F_INT:
    case F_OPT_INT:
        if (!json_is_integer(v))
            return fault(cx, ERR_INVALID, M_WANTS_WHOLE_NUMBER);
        return field_put_int(cx, f, json_integer_value(v), at);
    case F_BOOL:
        if (!json_is_boolean(v))
            return fault(cx, ERR_INVALID, M_WANTS_YES_NO);
        *(bool *)at = json_is_true(v);
        return OK;
    case F_DOUBLE:
        if (!json_is_number(v))
            return fault(cx, ERR_INVALID, M_WANTS_NUMBER);
        return field_put_double(cx, f, json_number_value(v), at);
    case F_WHEN:
        TRY(wants_text(cx, v));
        return field_put_when(cx, text_of(v), at);
    case F_MONEY:
        return read_money(cx, v, (money *)at);
    case F_ID:
        TRY(wants_text(cx, v));
        return field_put_id(cx, f, text_of(v), at);
    case F_ENUM:
        TRY(wants_text(cx, v));
        return field_put_enum(cx, f, text_of(v), at);
    case F_LIST:
        return read_list(cx, f, v, (struct list *)at);
    case F_STR_LIST:
        return read_strs(cx, f, v, (struct str_list *)at);
    case F_STRUCT:
        return read_object(cx, f->sub, v, at, NULL);
    case F_JSON:
        return read_any(cx, v, (str *)at);
    }
    return fault(cx, ERR_INTERNAL, M_INTERNAL);
}

static const struct field *field_named(const struct shape *shape, str name)
{
    for (size_t i = 0; i < shape->n; i++)
        if (field_is_open(&shape->fields[i]) && str_eq(name, str_of(shape->fields[i].name)))
            return &shape->fields[i];
    return NULL;
}

static enum err read_object(struct cx *cx, const struct shape *shape, const json_t *v, void *out,
                            uint64_t *sent)
{
    uint64_t seen = 0;
    assert(shape->n <= 64);
    if (!json_is_object(v))
        return fault(cx, ERR_INVALID, M_WANTS_OBJECT);
    const char *key;
    json_t *member;
    json_object_foreach((json_t *)(uintptr_t)v, key, member)
    {
        str name = str_of(key); /* jansson refuses NUL in keys */
        const struct field *f = field_named(shape, name);
        if (!f)
            return field_unknown(cx, shape, name);
        enum err e = read_value(cx, f, member, (char *)out + f->offset);
        if (e != OK)
            return within(cx, e, name);
        seen |= (uint64_t)1 << (f - shape->fields);
    }
    for (size_t i = 0; i < shape->n; i++) {
        const struct field *f = &shape->fields[i];
        if (field_is_open(f) && field_is_missing(f, seen >> i & 1, out))
            return fault_field(cx, ERR_INVALID, str_of(f->name), M_MISSING);
    }
    if (sent)
        *sent = seen;
    return OK;
}

static void free_value(json_t **v)
{
    json_decref(*v);
}

static enum err read_text(struct cx *cx, const struct shape *shape, str json, void *out,
                          uint64_t *sent)
{
    json_error_t wrong;
    CLEANUP(free_value)
    json_t *v = NULL;
    enum err e = json_load_text(cx, json, &v, &wrong);
    if (e != OK)
        return e == ERR_MALFORMED ? unreadable(cx, &wrong) : e;
    return read_object(cx, shape, v, out, sent);
}

enum err json_read(struct cx *cx, const struct shape *shape, str json, void *out, uint64_t *sent)
{
    static const struct json_limits limits = {0};
    memset(out, 0, shape->size);
    if (sent)
        *sent = 0;
    TRY(check(cx, json, &limits));
    return read_text(cx, shape, json, out, sent);
}
