/* rooms/customer/attr_def.c - defining custom attributes, in the settings. */
#include "messages.h"
#include "queries.h"
#include "rooms/customer/inside.h"

enum { CODE_CHARS = 40, CHOICE_CHARS = 100, USERS_TOLD = 5 };

/* clang-format off */
static const struct field attr_def_fields[] = {
    FIELD(struct attr_def, id),
    FIELD(struct attr_def, code),
    FIELD(struct attr_def, label),
    FIELD_ENUM(struct attr_def, type, attr_type_codes),
    FIELD(struct attr_def, choices),
    FIELD(struct attr_def, position),
    FIELD(struct attr_def, is_active, .doc = "false: kept with its values, shown and set no more"),
    FIELD(struct attr_def, created_at),
    FIELD(struct attr_def, version),
};
static const struct field attr_def_row_fields[] = {
    FIELD(struct attr_def, id),
    FIELD(struct attr_def, code),
    FIELD(struct attr_def, label),
    FIELD_ENUM(struct attr_def, type, attr_type_codes),
    FIELD_AS(struct attr_def, choices_json, "choices"),
    FIELD(struct attr_def, position),
    FIELD(struct attr_def, is_active),
    FIELD_AS(struct attr_def, created_at, "created_ms"),
    FIELD(struct attr_def, version),
};
/* clang-format on */
const struct shape attr_def_shape = SHAPE("custom_attribute", struct attr_def, attr_def_fields);
const struct shape attr_def_row_shape = SHAPE("attr_def_row", struct attr_def, attr_def_row_fields);

/* ---- the list in its column ------------------------------------------------------------------- */

struct choices_in {
    struct str_list choices;
};
static const struct field choices_fields[] = {
    FIELD(struct choices_in, choices, .max_len = ATTR_CHOICES_MAX, .max = CHOICE_CHARS),
};
static const struct shape choices_shape = SHAPE("choices", struct choices_in, choices_fields);

enum err attr_defs_finish(struct cx *cx, struct list *defs)
{
    struct attr_def *d = defs->items;
    for (size_t i = 0; i < defs->n; i++) {
        struct choices_in in;
        TRY(json_read(cx, &choices_shape,
                      arena_printf(cx->arena, "{\"choices\":" SFMT "}", SARG(d[i].choices_json)),
                      &in, NULL));
        d[i].choices = in.choices;
    }
    return OK;
}

static str choices_text(struct arena *a, struct str_list choices)
{
    struct text t = text_in(a, (size_t)ATTR_CHOICES_MAX * (CHOICE_CHARS * 6 + 4) + 16);
    struct json_out j = {.to = &t};
    json_array_begin(&j);
    for (size_t i = 0; i < choices.n; i++)
        json_str(&j, choices.items[i]);
    json_array_end(&j);
    return text_str(&t);
}

enum err attr_defs(struct cx *cx, struct list *out)
{
    TRY(db_all(cx, &q_attr_def_list, &attr_def_row_shape, out, NO_ARGS));
    return attr_defs_finish(cx, out);
}

static enum err def_read(struct cx *cx, const struct query *q, struct val key, struct attr_def *out)
{
    TRY(db_one(cx, q, &attr_def_row_shape, out, ARGS(key)));
    struct list one = {out, 1};
    return attr_defs_finish(cx, &one);
}

enum err attr_def_by_code(struct cx *cx, str code, struct attr_def *out)
{
    enum err e = def_read(cx, &q_attr_def_by_code, V(code), out);
    if (e == ERR_NOT_FOUND || (e == OK && !out->is_active))
        return fault(cx, ERR_NOT_FOUND, M_ATTR_UNKNOWN,
                     MARG("code", str_clean(cx->arena, code, CODE_CHARS)));
    return e;
}

static enum err def_get(struct cx *cx, int64_t id, void *out)
{
    enum err e = def_read(cx, &q_attr_def_get, V(id), out);
    return e == ERR_NOT_FOUND ? fault(cx, ERR_NOT_FOUND, M_ATTR_NO_DEF) : e;
}

/* ---- GET /custom-attributes -------------------------------------------------------------------- */

struct defs_out {
    struct list items;
};
static const struct field defs_out_fields[] = {
    FIELD_LIST(struct defs_out, items, &attr_def_shape),
};
const struct shape attr_defs_shape = SHAPE("custom_attributes", struct defs_out, defs_out_fields);

enum err route_attr_defs(struct cx *cx, void *in, void *out)
{
    (void)in;
    return attr_defs(cx, &((struct defs_out *)out)->items);
}

/* ---- POST, PATCH, DELETE ------------------------------------------------------------------------ */

struct def_in {
    attr_id id;
    str code, label;
    int type;
    struct str_list choices;
    int64_t position;
    bool is_active;
    struct attr_def seen;
};
/* clang-format off */
static const struct field def_in_fields[] = {
    FIELD(struct def_in, code, .required = true, .max_len = CODE_CHARS, .doc = "Small Latin letters, digits and _; never changes"),
    FIELD(struct def_in, label, .required = true, .max_len = 100),
    FIELD_ENUM(struct def_in, type, attr_type_codes, .required = true, .doc = "Never changes"),
    FIELD(struct def_in, choices, .max_len = ATTR_CHOICES_MAX, .max = CHOICE_CHARS, .doc = "Of choice and choices"),
    FIELD(struct def_in, position, .min = 0, .max = 100000),
};
static const struct field def_patch_fields[] = {
    FIELD(struct def_in, id, .in_path = true),
    FIELD(struct def_in, label, .max_len = 100),
    FIELD(struct def_in, choices, .max_len = ATTR_CHOICES_MAX, .max = CHOICE_CHARS, .doc = "One that is in use cannot be left out"),
    FIELD(struct def_in, position, .min = 0, .max = 100000),
    FIELD(struct def_in, is_active),
};
static const struct field def_gone_fields[] = {
    FIELD(struct def_in, id, .in_path = true),
};
/* clang-format on */
enum { PATCH_LABEL = 1, PATCH_CHOICES, PATCH_POSITION, PATCH_ACTIVE };
const struct shape attr_def_in_shape = SHAPE("custom_attribute_in", struct def_in, def_in_fields);
const struct shape attr_def_patch_shape =
    SHAPE("custom_attribute_patch", struct def_in, def_patch_fields);
const struct shape attr_def_gone_shape =
    SHAPE("custom_attribute_gone", struct def_in, def_gone_fields);

static bool is_code(str code)
{
    for (size_t i = 0; i < code.len; i++) {
        char c = code.ptr[i];
        bool is_letter = c >= 'a' && c <= 'z';
        if (!is_letter && (i == 0 || (!is_digit(c) && c != '_')))
            return false;
    }
    return code.len > 0;
}

static bool has_choices(int type)
{
    return type == ATTR_CHOICE || type == ATTR_CHOICES;
}

/* Trimmed, none empty, none twice, none with the sign that parts them in a text. */
static enum err choices_check(struct cx *cx, int type, struct str_list *choices)
{
    if (has_choices(type) == (choices->n == 0))
        return fault_field(cx, ERR_INVALID, S("choices"),
                           choices->n ? M_ATTR_NO_CHOICES : M_ATTR_WANTS_CHOICES);
    for (size_t i = 0; i < choices->n; i++) {
        str c = choices->items[i] = str_trim(choices->items[i]);
        bool is_wrong = c.len == 0 || str_find(c, S(";")) >= 0;
        for (size_t k = 0; k < i; k++)
            is_wrong |= str_eq(text_fold(cx->arena, c), text_fold(cx->arena, choices->items[k]));
        if (is_wrong)
            return fault_field(cx, ERR_INVALID, arena_printf(cx->arena, "choices[%zu]", i),
                               M_ATTR_CHOICE);
    }
    return OK;
}

enum err attr_def_in_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct def_in *a = in;
    a->label = str_trim(a->label);
    if (!is_code(a->code))
        return fault_field(cx, ERR_INVALID, S("code"), M_ATTR_CODE);
    TRY(choices_check(cx, a->type, &a->choices));
    int64_t n = 0;
    TRY(db_int(cx, &q_attr_def_count, &n, NO_ARGS));
    if (n >= ATTR_DEFS_MAX)
        return fault(cx, ERR_CONFLICT, M_ATTR_MANY, MNUM("most", ATTR_DEFS_MAX));
    if (a->id.v == 0)
        a->id.v = id_new(cx->now_ms);
    return OK;
}

enum err attr_def_in_apply(struct cx *cx, void *in, void *out)
{
    const struct def_in *a = in;
    int64_t n = 0;
    TRY(db_run_count(cx, &q_attr_def_insert, &n,
                     ARGS(V(a->id), V(a->code), V(a->label), V(attr_type_codes[a->type]),
                          V(choices_text(cx->arena, a->choices)), V(a->position), V(cx->now_ms))));
    if (n == 0)
        return fault_field(cx, ERR_CONFLICT, S("code"), M_ATTR_HERE);
    TRY(audit_add(cx, "attr_def.add", 0, a->id.v, a->code));
    TRY(event_add(cx, EVENT_SETTINGS_CHANGED, 0, a->id.v, (str){0}));
    cx->made_id = a->id.v;
    return def_get(cx, a->id.v, out);
}

enum err attr_def_replay(struct cx *cx, int64_t id, void *out)
{
    return def_get(cx, id, out);
}

static bool is_sent(const struct cx *cx, unsigned i)
{
    return (cx->sent >> i) & 1;
}

static bool holds(struct cx *cx, struct str_list l, str s)
{
    for (size_t i = 0; i < l.n; i++)
        if (str_eq(text_fold(cx->arena, l.items[i]), text_fold(cx->arena, s)))
            return true;
    return false;
}

/* A choice that somebody has stays on the list. */
static enum err choices_used(struct cx *cx, const struct def_in *a)
{
    const struct attr_def *d = &a->seen;
    for (size_t i = 0; i < d->choices.n; i++) {
        int64_t n = 0;
        if (holds(cx, a->choices, d->choices.items[i]))
            continue;
        enum err e = db_int(cx, &q_attr_choice_used, &n,
                            ARGS(V(d->id), V(text_fold(cx->arena, d->choices.items[i]))));
        if (e == ERR_NOT_FOUND)
            continue;
        TRY(e);
        (void)fault(cx, ERR_CONFLICT, M_ATTR_CHOICE_USED, MARG("choice", d->choices.items[i]));
        return fault_at(cx, ERR_CONFLICT, S("choices"));
    }
    return OK;
}

enum err attr_def_patch_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct def_in *a = in;
    TRY(def_get(cx, a->id.v, &a->seen));
    if (cx->if_match >= 0 && cx->if_match != a->seen.version)
        return fault(cx, ERR_STALE, M_RECORD_MOVED);
    a->label = str_trim(a->label);
    if (is_sent(cx, PATCH_LABEL) && a->label.len == 0)
        return fault_field(cx, ERR_INVALID, S("label"), M_ATTR_LABEL);
    return is_sent(cx, PATCH_CHOICES) ? choices_check(cx, a->seen.type, &a->choices) : OK;
}

static enum err def_put(struct cx *cx, const struct attr_def *next, const char *action)
{
    int64_t n = 0;
    TRY(db_run_count(cx, &q_attr_def_update, &n,
                     ARGS(V(next->label), V(choices_text(cx->arena, next->choices)),
                          V(next->position), V(next->is_active), V(next->id), V(next->version))));
    if (n == 0)
        return fault(cx, ERR_STALE, M_RECORD_MOVED);
    TRY(audit_add(cx, action, 0, next->id.v, next->code));
    return event_add(cx, EVENT_SETTINGS_CHANGED, 0, next->id.v, (str){0});
}

/* Views, segments and other conditions that name it would be right no more. */
static enum err unused(struct cx *cx, const struct attr_def *d)
{
    struct list l = {0};
    TRY(expr_users(cx, settings_world(cx).catalogue,
                   arena_printf(cx->arena, "attr." SFMT, SARG(d->code)), &l));
    const struct expr_user *u = l.items;
    struct text t = text_in(cx->arena, (size_t)USERS_TOLD * 1024);
    for (size_t i = 0; i < l.n && i < USERS_TOLD; i++)
        text_printf(&t, "%s" SFMT, i ? ", " : "", SARG(u[i].who));
    if (l.n > USERS_TOLD)
        text_printf(&t, ", " SFMT,
                    SARG(msg_text(cx->arena, cx->lang, M_ATTR_USED_MORE,
                                  &MNUM("n", (int64_t)l.n - USERS_TOLD), 1)));
    return l.n ? fault(cx, ERR_CONFLICT, M_ATTR_USED, MARG("label", d->label),
                       MARG("users", text_str(&t)))
               : OK;
}

enum err attr_def_patch_apply(struct cx *cx, void *in, void *out)
{
    const struct def_in *a = in;
    struct attr_def next = a->seen;
    if (is_sent(cx, PATCH_LABEL))
        next.label = a->label;
    if (is_sent(cx, PATCH_CHOICES)) {
        TRY(choices_used(cx, a));
        next.choices = a->choices;
    }
    if (is_sent(cx, PATCH_POSITION))
        next.position = a->position;
    if (is_sent(cx, PATCH_ACTIVE))
        next.is_active = a->is_active;
    if (a->seen.is_active && !next.is_active)
        TRY(unused(cx, &a->seen));
    if (cx->sent)
        TRY(def_put(cx, &next, "attr_def.change"));
    cx->made_id = a->id.v;
    return def_get(cx, a->id.v, out);
}

/* The values stay, so that it can be taken into use again as it was. */
enum err attr_def_gone(struct cx *cx, void *in, void *out)
{
    (void)out;
    const struct def_in *a = in;
    struct attr_def d;
    TRY(def_get(cx, a->id.v, &d));
    if (d.is_active)
        TRY(unused(cx, &d));
    d.is_active = false;
    return def_put(cx, &d, "attr_def.remove");
}
