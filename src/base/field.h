/* base/field.h - one table per struct: rows, JSON in and out, checks and API docs read it.
 *
 * The member's own C type chooses SQL and JSON types; a type the table does not know fails to
 * compile. The columns of a query and the rows of its shape go in one order.
 *
 *   static const struct field note_in_fields[] = {
 *       FIELD(struct note_in, text, .required = true, .max_len = 20000, .personal = true),
 *       FIELD(struct note_in, due_ms),
 *   };
 *   static const struct shape note_in_shape = SHAPE("note_in", struct note_in, note_in_fields);
 *
 * JSON forms: str, opt_str string | int64, opt_int number | bool | double number | when RFC 3339
 * string | money {"amount","currency"} | <x>_id string with prefix | enum: FIELD_ENUM, string of a
 * table | list of structs: FIELD_LIST(struct, member, &shape), a JSON array | nested struct:
 * FIELD_STRUCT | text that is already JSON, written as it stands: FIELD_JSON (out; in where `any_in`).
 */
#pragma once
#include "base/value.h"

enum field_type {
    F_STR, F_OPT_STR, F_INT, F_OPT_INT, F_BOOL, F_DOUBLE, F_WHEN, F_MONEY, F_ID, F_ENUM,
    F_LIST, F_STRUCT, F_JSON, F_STR_LIST
};

/* A list in a result or an input: items are consecutive structs of the field's sub shape. */
struct list {
    void *items;
    size_t n;
};
/* Rows whose first column is an id of 64 bits and that lie in its order; size: bytes of a row. */
int64_t row_id(const struct list *rows, size_t size, size_t i);
size_t row_from(const struct list *rows, size_t size, int64_t id); /* the first of `id`, or of who comes after it; n: none */
/* A list of texts. */
struct str_list {
    str *items;
    size_t n;
};

struct shape;
struct field {
    const char *name;      /* JSON member and, unless sql says otherwise, column */
    enum field_type type;
    uint16_t offset, size;
    const char *id_prefix;              /* F_ID */
    const char *const *names;           /* F_ENUM: codes, in the enum's order (stored as int in C, text in SQL);
                                         * F_STR: the only texts it may be, or empty */
    size_t n_names;
    const struct shape *sub;            /* F_LIST, F_STRUCT */
    const char *doc;
    bool required;    /* JSON in: must be there, and not empty if text */
    bool nullable;    /* id 0, when 0, empty text leave as JSON null; NULL columns read as such; a struct
                       * leaves as null when its first field would */
    bool omit_empty;  /* JSON out: left out when null or empty */
    bool read_only;   /* accepted in no input */
    bool in_path;     /* filled from {name} of the route's path; refused in body and query */
    bool personal;    /* shown by export, cleared by erasure */
    bool secret;      /* never in logs, never in JSON out */
    bool multiline;   /* line feeds and tabs allowed in text in; else control characters are refused */
    size_t max_len;   /* characters of text (0: 200); items of a list (0: 100) */
    int64_t min, max; /* of numbers; both 0: not checked. F_STR_LIST: max = characters of each text (0: 200) */
    /* Roles that see the value in JSON out; 0 = all. Others get null and "masked" in the docs. */
    uint32_t seen_by;
    bool any_in;     /* F_JSON: accepted in JSON in, any value, as its text */
    bool not_column; /* part of the JSON only; the row reader passes over it */
};
struct shape {
    const char *name;
    size_t size;
    const struct field *fields;
    size_t n;
};
static inline size_t field_max_chars(const struct field *f)
{
    if (f->type == F_STR_LIST)
        return f->max ? (size_t)f->max : 200;
    return f->max_len ? f->max_len : 200;
}
static inline size_t field_max_items(const struct field *f)
{
    return f->max_len ? f->max_len : 100;
}
#define SHAPE(nm, type, table) {.name = (nm), .size = sizeof(type), .fields = (table), .n = COUNT(table)}

#define FIELD_TYPE_OF(x)                                                                       \
    _Generic((x), str: F_STR, opt_str: F_OPT_STR, int64_t: F_INT, opt_int: F_OPT_INT,          \
             bool: F_BOOL, double: F_DOUBLE, when: F_WHEN, money: F_MONEY,                     \
             struct str_list: F_STR_LIST, FIELD_ID_GENERIC)
#define FIELD_ID_GENERIC                                                                       \
    customer_id: F_ID, identity_id: F_ID, interaction_id: F_ID, staff_id: F_ID,                \
    session_id: F_ID, token_id: F_ID, note_id: F_ID, task_id: F_ID, address_id: F_ID,          \
    holding_id: F_ID, product_id: F_ID, order_id: F_ID, call_id: F_ID, phone_link_id: F_ID,    \
    merge_id: F_ID, relation_id: F_ID, proposal_id: F_ID, return_id: F_ID,     \
    history_id: F_ID, import_id: F_ID, tag_id: F_ID, attr_id: F_ID, consent_id: F_ID,      \
    fact_id: F_ID, view_id: F_ID, bulk_id: F_ID, segment_id: F_ID,               \
    automation_id: F_ID, run_id: F_ID, delivery_id: F_ID, notice_id: F_ID, rule_id: F_ID, correction_id: F_ID,  \
    screened_id: F_ID, review_id: F_ID, block_id: F_ID, report_id: F_ID
#define FIELD_PREFIX_OF(x)                                                                     \
    _Generic((x), customer_id: "cus", identity_id: "idn", interaction_id: "itx",               \
             staff_id: "stf", session_id: "ses", token_id: "tok", note_id: "not",              \
             task_id: "tsk", address_id: "adr", holding_id: "hld", product_id: "prd",          \
             order_id: "ord", call_id: "cal", phone_link_id: "phl", merge_id: "mrg",           \
             relation_id: "rel", proposal_id: "prp", return_id: "ret",                       \
             history_id: "hst", import_id: "imp", tag_id: "tag", attr_id: "atr", consent_id: "cns", fact_id: "fct", view_id: "viw", bulk_id: "blk", segment_id: "seg", automation_id: "aut", run_id: "run", delivery_id: "dlv", notice_id: "ntc", rule_id: "rul", correction_id: "cor", screened_id: "scr", review_id: "rvw", block_id: "lst", report_id: "rep", default: (const char *)0)
#define FIELD_BASE(st, m)                                                                      \
    .name = #m, .offset = offsetof(st, m), .size = sizeof(((st *)0)->m)
#define FIELD(st, m, ...)                                                                      \
    {FIELD_BASE(st, m), .type = FIELD_TYPE_OF(((st *)0)->m),                                   \
     .id_prefix = FIELD_PREFIX_OF(((st *)0)->m), __VA_ARGS__}
/* The same under another name; the member may be one of a nested struct (owner.id). */
#define FIELD_AS(st, m, nm, ...)                                                               \
    {.name = (nm), .offset = offsetof(st, m), .size = sizeof(((st *)0)->m),                    \
     .type = FIELD_TYPE_OF(((st *)0)->m), .id_prefix = FIELD_PREFIX_OF(((st *)0)->m), __VA_ARGS__}
/* The member is an int or enum that indexes `table` of codes. */
#define FIELD_ENUM(st, m, table, ...)                                                          \
    {FIELD_BASE(st, m), .type = F_ENUM, .names = (table), .n_names = COUNT(table), __VA_ARGS__}
#define FIELD_LIST(st, m, shape_ptr, ...)                                                      \
    {FIELD_BASE(st, m), .type = F_LIST, .sub = (shape_ptr), .not_column = true, __VA_ARGS__}
#define FIELD_STRUCT(st, m, shape_ptr, ...)                                                    \
    {FIELD_BASE(st, m), .type = F_STRUCT, .sub = (shape_ptr), .not_column = true, __VA_ARGS__}
/* The member is a str that holds JSON already. */
#define FIELD_JSON(st, m, ...) {FIELD_BASE(st, m), .type = F_JSON, .not_column = true, __VA_ARGS__}
#define FIELD_JSON_AS(st, m, nm, ...)                                                          \
    {.name = (nm), .offset = offsetof(st, m), .size = sizeof(((st *)0)->m), .type = F_JSON,    \
     .not_column = true, __VA_ARGS__}

/* ---- JSON in (jansson) -------------------------------------------------------------- */

struct json_limits {
    size_t depth;   /* 0: 64 */
    size_t members; /* of the whole text; 0: 10,000 */
};
/* Decodes a JSON object by its shape into *out (zeroed first, so members of the path are filled in
 * afterwards). Text is copied to cx->arena. null is "not given" and counts as sent; numbers and
 * yes/no take it only where nullable. CR LF in multiline text becomes LF.
 * ERR_MALFORMED: not JSON (position named), too deep, bad UTF-8, NUL, duplicate members.
 * ERR_INVALID: unknown member, wrong type, too long, out of range, missing; the member is named
 * in cx->why.field ("identities[2].value").
 * *sent gets one bit per field (of the outermost shape) that was present; NULL if not wanted. */
enum err json_read(struct cx *cx, const struct shape *shape, str json, void *out, uint64_t *sent) MUST_USE;
/* application/x-www-form-urlencoded or a query string by the same shape: F_STR_LIST takes repeated
 * names (also `name[]`); unknown names are refused unless allow_unknown. */
enum err form_read(struct cx *cx, const struct shape *shape, str form, bool allow_unknown, void *out,
                   uint64_t *sent) MUST_USE;

/* One value given as text (of a path, query or form) into its member of *out. F_STR_LIST, F_LIST, F_STRUCT,
 * F_MONEY and F_JSON cannot be given so and are ERR_INVALID. */
enum err field_read(struct cx *cx, const struct field *f, str text, void *out) MUST_USE;
/* Decodes %XX and, in forms, '+'. False: a broken escape, a NUL, not UTF-8. */
bool percent_decode(struct arena *a, str s, bool plus_is_blank, str *out) MUST_USE;

/* ---- JSON out ----------------------------------------------------------------------- */

struct json_out {
    struct text *to;
    bool needs_comma;
    uint32_t role_bit; /* 1 << role, for seen_by; 0 = system, sees all */
};
void json_object_begin(struct json_out *j);
void json_object_end(struct json_out *j);
void json_array_begin(struct json_out *j);
void json_array_end(struct json_out *j);
void json_key(struct json_out *j, str key);
void json_str(struct json_out *j, str s);
void json_int(struct json_out *j, int64_t v);
void json_bool(struct json_out *j, bool b);
void json_double(struct json_out *j, double v);
/* jansson has a json_null too: in the object files ours has another name. */
void json_null(struct json_out *j) __asm__("kith_json_null");
void json_raw(struct json_out *j, str json);
/* A struct by its shape, as an object. */
void json_write(struct json_out *j, const struct shape *shape, const void *in);
/* Schema of the shape for OpenAPI 3.1 (an object schema, inline). is_input leaves read-only members out. */
void json_schema(struct json_out *j, const struct shape *shape, bool is_input);
