/* base/json_out.c - the streaming writer: values, structs by their field table, schemas.
 *
 * Text is UTF-8 when it comes here: it was checked where it came in. */
#include "base/field.h"
#include "base/inside.h"
#include <math.h>

/* ---- values ------------------------------------------------------------------------- */

static void before_value(struct json_out *j)
{
    if (j->needs_comma)
        text_add_char(j->to, ',');
    j->needs_comma = true;
}

static void begin(struct json_out *j, char c)
{
    before_value(j);
    text_add_char(j->to, c);
    j->needs_comma = false;
}

static void end(struct json_out *j, char c)
{
    text_add_char(j->to, c);
    j->needs_comma = true;
}

void json_object_begin(struct json_out *j)
{
    begin(j, '{');
}

void json_object_end(struct json_out *j)
{
    end(j, '}');
}

void json_array_begin(struct json_out *j)
{
    begin(j, '[');
}

void json_array_end(struct json_out *j)
{
    end(j, ']');
}

/* What stands behind the backslash; 'u' for \u00XX; 0 for what stands for itself. */
static const char escapes[256] = {
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'b',         't',           'n',          'u',
    'f', 'r', 'u', 'u', 'u', 'u', 'u', 'u', 'u',         'u',           'u',          'u',
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', ['"'] = '"', ['\\'] = '\\', [0x7F] = 'u',
};

/* A byte below n (at most 0x80), or equal to c, among eight: the classic tricks with carries. */
static bool has_below(uint64_t v, uint64_t n)
{
    return ((v - 0x0101010101010101u * n) & ~v & 0x8080808080808080u) != 0;
}

static bool has_byte(uint64_t v, uint64_t c)
{
    return has_below(v ^ (0x0101010101010101u * c), 1);
}

static size_t clean_run(str s)
{
    size_t n = 0;
    for (uint64_t v; s.len - n >= sizeof v; n += sizeof v) {
        memcpy(&v, s.ptr + n, sizeof v);
        if (has_below(v, 0x20) || has_byte(v, '"') || has_byte(v, '\\') || has_byte(v, 0x7F))
            break;
    }
    while (n < s.len && !escapes[(unsigned char)s.ptr[n]])
        n++;
    return n;
}

static void add_escaped(struct text *t, str s)
{
    while (s.len) {
        size_t n = clean_run(s);
        text_add(t, (str){s.ptr, n});
        if (n == s.len)
            return;
        unsigned char c = (unsigned char)s.ptr[n];
        char e = escapes[c];
        char wide[] = {'\\', e, '0', '0', "0123456789abcdef"[c >> 4], "0123456789abcdef"[c & 15]};
        text_add(t, (str){wide, e == 'u' ? 6 : 2});
        s.ptr += n + 1;
        s.len -= n + 1;
    }
}

static void add_quoted(struct text *t, str s)
{
    text_add_char(t, '"');
    add_escaped(t, s);
    text_add_char(t, '"');
}

void json_key(struct json_out *j, str key)
{
    before_value(j);
    add_quoted(j->to, key);
    text_add_char(j->to, ':');
    j->needs_comma = false;
}

/* The name of a field, which has nothing to escape. */
static void field_key(struct json_out *j, const char *name)
{
    size_t n = strlen(name);
    struct text *t = j->to;
    if (!text_reserve(t, n + 4))
        return;
    char *p = t->ptr + t->len;
    if (j->needs_comma)
        *p++ = ',';
    *p++ = '"';
    memcpy(p, name, n);
    p += n;
    *p++ = '"';
    *p++ = ':';
    t->len = (size_t)(p - t->ptr);
    j->needs_comma = false;
}

void json_str(struct json_out *j, str s)
{
    before_value(j);
    add_quoted(j->to, s);
}

void json_int(struct json_out *j, int64_t v)
{
    before_value(j);
    text_add_int(j->to, v);
}

void json_bool(struct json_out *j, bool b)
{
    before_value(j);
    text_add(j->to, b ? S("true") : S("false"));
}

void json_null(struct json_out *j)
{
    before_value(j);
    text_add(j->to, S("null"));
}

void json_raw(struct json_out *j, str json)
{
    before_value(j);
    text_add(j->to, json);
}

void json_double(struct json_out *j, double v)
{
    if (!isfinite(v)) { /* JSON has no word for it */
        json_null(j);
        return;
    }
    if (v == floor(v) && fabs(v) < 1e15) {
        json_int(j, (int64_t)v);
        return;
    }
    char b[40];
    int n = 0;
    for (int digits = 15; digits <= 17; digits++) {
        n = snprintf(b, sizeof b, "%.*g", digits, v);
        if (strtod(b, NULL) == v)
            break;
    }
    json_raw(j, (str){b, (size_t)n});
}

/* ---- structs by their fields -------------------------------------------------------- */

static int64_t enum_value(const struct field *f, const char *at)
{
    switch (f->size) {
    case 1:
        return *(const uint8_t *)at;
    case 2:
        return *(const uint16_t *)at;
    case 8:
        return *(const int64_t *)at;
    default:
        return *(const int32_t *)at;
    }
}

static bool is_hidden(const struct json_out *j, const struct field *f)
{
    return f->seen_by && j->role_bit && !(f->seen_by & j->role_bit);
}

/* Nothing to say: leaves as null, or not at all. */
static bool is_none(const struct field *f, const char *at)
{
    switch (f->type) {
    case F_STR:
        return f->nullable && ((const str *)at)->len == 0;
    case F_OPT_STR:
        return !((const opt_str *)at)->has;
    case F_OPT_INT:
        return !((const opt_int *)at)->has;
    case F_INT:
        return f->nullable && *(const int64_t *)at == 0;
    case F_WHEN:
        return ((const when *)at)->ms == 0;
    case F_MONEY:
        return ((const money *)at)->currency.code[0] == '\0';
    case F_ID:
        return *(const int64_t *)at == 0;
    case F_ENUM: {
        int64_t v = enum_value(f, at);
        return v < 0 || (uint64_t)v >= f->n_names || !f->names[v] ||
               (f->nullable && v == 0 && !*f->names[0]);
    }
    case F_JSON:
        return ((const str *)at)->len == 0;
    case F_DOUBLE:
        return !isfinite(*(const double *)at);
    case F_BOOL:
    case F_LIST:
    case F_STR_LIST:
        return false;
    case F_STRUCT:
        return f->nullable && is_none(&f->sub->fields[0], at + f->sub->fields[0].offset);
    }
    return true;
}

static bool is_empty(const struct field *f, const char *at)
{
    if (f->type == F_STR)
        return ((const str *)at)->len == 0;
    if (f->type == F_OPT_STR)
        return ((const opt_str *)at)->v.len == 0;
    if (f->type == F_LIST)
        return ((const struct list *)at)->n == 0;
    return f->type == F_STR_LIST && ((const struct str_list *)at)->n == 0;
}

static void write_money(struct json_out *j, money m)
{
    json_object_begin(j);
    field_key(j, "amount");
    json_int(j, m.amount);
    field_key(j, "currency");
    json_str(j, str_of(m.currency.code));
    json_object_end(j);
}

static void write_when(struct json_out *j, when t)
{
    char b[TIME_CHARS + 2];
    size_t n = time_write(b + 1, t);
    b[0] = b[n + 1] = '"';
    json_raw(j, (str){b, n + 2});
}

static void write_id(struct json_out *j, const char *prefix, int64_t id)
{
    char b[48] = {'"'};
    size_t n = strlen(prefix);
    assert(n + ID_CHARS + 2 <= sizeof b);
    memcpy(b + 1, prefix, n);
    id_write(b + 1 + n, id);
    b[1 + n + ID_CHARS] = '"';
    json_raw(j, (str){b, n + ID_CHARS + 2});
}

static void write_list(struct json_out *j, const struct shape *shape, const struct list *l)
{
    json_array_begin(j);
    for (size_t i = 0; i < l->n; i++)
        json_write(j, shape, (const char *)l->items + i * shape->size);
    json_array_end(j);
}

static void write_strs(struct json_out *j, const struct str_list *l)
{
    json_array_begin(j);
    for (size_t i = 0; i < l->n; i++)
        json_str(j, l->items[i]);
    json_array_end(j);
}

static void write_value(struct json_out *j, const struct field *f, const char *at)
{
    switch (f->type) {
    case F_STR:
        json_str(j, *(const str *)at);
        break;
    case F_OPT_STR:
        json_str(j, ((const opt_str *)at)->v);
        break;
    case F_INT:
        json_int(j, *(const int64_t *)at);
        break;
    case F_OPT_INT:
        json_int(j, ((const opt_int *)at)->v);
        break;
    case F_BOOL:
        json_bool(j, *(const bool *)at);
        break;
    case F_DOUBLE:
        json_double(j, *(const double *)at);
        break;
    case F_WHEN:
        write_when(j, *(const when *)at);
        break;
    case F_MONEY:
        write_money(j, *(const money *)at);
        break;
    case F_ID:
        write_id(j, f->id_prefix, *(const int64_t *)at);
        break;
    case F_ENUM:
        json_str(j, str_of(f->names[enum_value(f, at)]));
        break;
    case F_LIST:
        write_list(j, f->sub, (const struct list *)at);
        break;
    case F_STR_LIST:
        write_strs(j, (const struct str_list *)at);
        break;
    case F_STRUCT:
        json_write(j, f->sub, at);
        break;
    case F_JSON:
        json_raw(j, *(const str *)at);
        break;
    }
}

void json_write(struct json_out *j, const struct shape *shape, const void *in)
{
    json_object_begin(j);
    for (size_t i = 0; i < shape->n; i++) {
        const struct field *f = &shape->fields[i];
        const char *at = (const char *)in + f->offset;
        if (f->secret)
            continue;
        bool is_null = is_hidden(j, f) || is_none(f, at);
        if (f->omit_empty && (is_null || is_empty(f, at)))
            continue;
        field_key(j, f->name);
        if (is_null)
            json_null(j);
        else
            write_value(j, f, at);
    }
    json_object_end(j);
}

/* ---- schemas ------------------------------------------------------------------------ */

static void schema_pair(struct json_out *j, const char *key, str value)
{
    field_key(j, key);
    json_str(j, value);
}

static bool may_be_null(const struct field *f, bool is_input)
{
    if (is_input && f->required)
        return false;
    switch (f->type) {
    case F_OPT_STR:
    case F_OPT_INT:
    case F_WHEN:
    case F_MONEY:
    case F_ID:
    case F_ENUM:
        return true;
    case F_LIST:
    case F_STR_LIST:
        return is_input || f->seen_by != 0;
    case F_STRUCT:
    case F_STR:
        return is_input || f->nullable || f->seen_by != 0;
    case F_INT:
    case F_BOOL:
    case F_DOUBLE:
    case F_JSON:
        return f->nullable || (!is_input && f->seen_by != 0);
    }
    return false;
}

static void schema_type(struct json_out *j, const char *type, bool is_null)
{
    field_key(j, "type");
    if (!is_null) {
        json_str(j, str_of(type));
        return;
    }
    json_array_begin(j);
    json_str(j, str_of(type));
    json_str(j, S("null"));
    json_array_end(j);
}

static void schema_limits(struct json_out *j, const struct field *f)
{
    if (f->min == 0 && f->max == 0)
        return;
    field_key(j, "minimum");
    json_int(j, f->min);
    field_key(j, "maximum");
    json_int(j, f->max);
}

static void schema_names(struct json_out *j, const struct field *f, bool is_null)
{
    field_key(j, "enum");
    json_array_begin(j);
    for (size_t i = 0; i < f->n_names; i++)
        if (f->names[i])
            json_str(j, str_of(f->names[i]));
    if (is_null)
        json_null(j);
    json_array_end(j);
}

static void schema_money(struct json_out *j)
{
    json_raw(j, S("{\"amount\":{\"type\":\"integer\",\"format\":\"int64\",\"description\":\"Minor "
                  "units of the currency\"},"
                  "\"currency\":{\"type\":\"string\",\"pattern\":\"^[A-Z]{3}$\",\"description\":"
                  "\"ISO 4217\"}}"));
    field_key(j, "required");
    json_raw(j, S("[\"amount\",\"currency\"]"));
    field_key(j, "additionalProperties");
    json_bool(j, false);
}

static void schema_properties(struct json_out *j, const struct shape *shape, bool is_input);

/* The texts that a text may be, with none. */
static void schema_texts(struct json_out *j, const struct field *f, bool is_null)
{
    field_key(j, "enum");
    json_array_begin(j);
    json_str(j, S(""));
    for (size_t i = 0; i < f->n_names; i++)
        json_str(j, str_of(f->names[i]));
    if (is_null)
        json_null(j);
    json_array_end(j);
}

static void schema_field(struct json_out *j, const struct field *f, bool is_input)
{
    bool is_null = may_be_null(f, is_input);
    json_object_begin(j);
    switch (f->type) {
    case F_STR:
    case F_OPT_STR:
        schema_type(j, "string", is_null);
        if (is_input) {
            if (f->required) {
                field_key(j, "minLength");
                json_int(j, 1);
            }
            field_key(j, "maxLength");
            json_int(j, (int64_t)field_max_chars(f));
        }
        if (f->n_names)
            schema_texts(j, f, is_null);
        break;
    case F_INT:
    case F_OPT_INT:
        schema_type(j, "integer", is_null);
        schema_pair(j, "format", S("int64"));
        schema_limits(j, f);
        break;
    case F_BOOL:
        schema_type(j, "boolean", is_null);
        break;
    case F_DOUBLE:
        schema_type(j, "number", is_null);
        schema_limits(j, f);
        break;
    case F_WHEN:
        schema_type(j, "string", is_null);
        schema_pair(j, "format", S("date-time"));
        break;
    case F_MONEY:
        schema_type(j, "object", is_null);
        field_key(j, "properties");
        schema_money(j);
        break;
    case F_ID:
        schema_type(j, "string", is_null);
        field_key(j, "pattern");
        before_value(j);
        text_printf(j->to, "\"^%s_[0-9a-hjkmnp-tv-z]{13}$\"", f->id_prefix);
        break;
    case F_ENUM:
        schema_type(j, "string", is_null);
        schema_names(j, f, is_null);
        break;
    case F_LIST:
    case F_STR_LIST:
        schema_type(j, "array", is_null);
        if (is_input) {
            field_key(j, "maxItems");
            json_int(j, (int64_t)field_max_items(f));
        }
        field_key(j, "items");
        if (f->type == F_LIST)
            json_schema(j, f->sub, is_input);
        else
            json_raw(j, S("{\"type\":\"string\"}"));
        break;
    case F_STRUCT:
        schema_type(j, "object", is_null);
        schema_properties(j, f->sub, is_input);
        break;
    case F_JSON:
        break; /* anything */
    }
    if (f->doc)
        schema_pair(j, "description", str_of(f->doc));
    if (f->secret) {
        field_key(j, "writeOnly");
        json_bool(j, true);
    }
    if (f->personal) {
        field_key(j, "x-personal");
        json_bool(j, true);
    }
    if (f->seen_by && !is_input) { /* other roles get null */
        field_key(j, "x-seen-by");
        json_array_begin(j);
        for (unsigned r = 0; r < ROLE_N; r++)
            if (f->seen_by & 1u << r)
                json_str(j, str_of(role_codes[r]));
        json_array_end(j);
    }
    json_object_end(j);
}

static bool is_in_schema(const struct field *f, bool is_input)
{
    return is_input ? !f->read_only && !f->in_path && (f->type != F_JSON || f->any_in) : !f->secret;
}

static void schema_properties(struct json_out *j, const struct shape *shape, bool is_input)
{
    bool has_required = false;
    field_key(j, "properties");
    json_object_begin(j);
    for (size_t i = 0; i < shape->n; i++) {
        const struct field *f = &shape->fields[i];
        if (!is_in_schema(f, is_input))
            continue;
        has_required |= is_input ? f->required : !f->omit_empty;
        field_key(j, f->name);
        schema_field(j, f, is_input);
    }
    json_object_end(j);
    if (has_required) {
        field_key(j, "required");
        json_array_begin(j);
        for (size_t i = 0; i < shape->n; i++) {
            const struct field *f = &shape->fields[i];
            if (is_in_schema(f, is_input) && (is_input ? f->required : !f->omit_empty))
                json_str(j, str_of(f->name));
        }
        json_array_end(j);
    }
    if (is_input) {
        field_key(j, "additionalProperties");
        json_bool(j, false);
    }
}

void json_schema(struct json_out *j, const struct shape *shape, bool is_input)
{
    json_object_begin(j);
    schema_pair(j, "type", S("object"));
    schema_properties(j, shape, is_input);
    json_object_end(j);
}
