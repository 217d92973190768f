/* rooms/segment/segment.c - segments: named, counted, changed, taken away while nothing leans on them. */
#include "rooms/segment/inside.h"

struct segment_one {
    struct segment_out segment;
    struct list sample;
};
struct segments {
    struct list items;
};
struct members_in {
    segment_id id;
    int64_t limit;
    str cursor, where;
};
struct member {
    customer_id id;
    str name, name_lang;
    when since;
};
struct members {
    struct list items;
    str next;
};
/* clang-format off */
static const struct field row_fields[] = {
    FIELD(struct segment, id), FIELD(struct segment, name), FIELD_AS(struct segment, text, "condition"), FIELD(struct segment, members),
    FIELD(struct segment, filled_to), FIELD(struct segment, failure), FIELD_AS(struct segment, created_at, "created_ms"), FIELD_AS(struct segment, changed_at, "changed_ms"),
    FIELD(struct segment, version),
};
const struct shape segment_row_shape = SHAPE("segment_row", struct segment, row_fields);
#define IN_FIELDS                                                                        \
    FIELD(struct segment_in, name, .max_len = 80),                                       \
    FIELD(struct segment_in, text, .max_len = EXPR_TEXT_MAX, .multiline = true, .doc = "The condition")
static const struct field in_fields[] = {IN_FIELDS};
const struct shape segment_in_shape = SHAPE("segment_in", struct segment_in, in_fields);
enum { SENT_NAME = 1, SENT_TEXT };
static const struct field patch_fields[] = {FIELD(struct segment_in, id, .in_path = true), IN_FIELDS};
const struct shape segment_patch_shape = SHAPE("segment_patch", struct segment_in, patch_fields);
static const struct field by_id_fields[] = {FIELD(struct segment_in, id, .in_path = true)};
const struct shape segment_by_id_shape = SHAPE("segment_by_id", struct segment_in, by_id_fields);
#define OUT_FIELDS(st, m)                                                                                  \
    FIELD_AS(st, m id, "id"), FIELD_AS(st, m name, "name"), FIELD_AS(st, m text, "text", .doc = "The condition"), \
    FIELD_JSON_AS(st, m tree, "tree", .nullable = true, .doc = "The same as a tree; null: it is right no more"),           \
    FIELD_AS(st, m count, "count", .doc = "Members now"),                                                   \
    FIELD_AS(st, m is_filling, "is_filling", .doc = "Not everybody was looked at yet"),                    \
    FIELD_AS(st, m failure, "failure", .doc = "Why its members stand still, a sentence; empty: they do not"), \
    FIELD_AS(st, m created_at, "created_at"), FIELD_AS(st, m changed_at, "changed_at"), FIELD_AS(st, m version, "version")
static const struct field out_fields[] = {OUT_FIELDS(struct segment_out, )};
const struct shape segment_out_shape = SHAPE("segment", struct segment_out, out_fields);
static const struct field one_fields[] = {
    OUT_FIELDS(struct segment_one, segment.),
    FIELD_LIST(struct segment_one, sample, &customer_ref_shape, .doc = "The newest ten"),
};
const struct shape segment_one_shape = SHAPE("segment_one", struct segment_one, one_fields);
static const struct field segments_fields[] = {FIELD_LIST(struct segments, items, &segment_out_shape)};
const struct shape segments_shape = SHAPE("segments", struct segments, segments_fields);
static const struct field members_in_fields[] = {FIELD(struct members_in, id, .in_path = true), PAGE_FIELDS(struct members_in),
    WHERE_FIELD(struct members_in)};
const struct shape members_in_shape = SHAPE("segment_members_in", struct members_in, members_in_fields);
static const struct field member_fields[] = {
    FIELD(struct member, id), FIELD(struct member, name, .personal = true),
    FIELD(struct member, name_lang, .not_column = true, .omit_empty = true), FIELD(struct member, since),
};
static const struct shape member_shape = SHAPE("segment_member", struct member, member_fields);
static const struct field member_row_fields[] = {
    FIELD_AS(struct member, id, "customer_id"), FIELD(struct member, name), FIELD_AS(struct member, since, "at_ms"),
};
static const struct shape segment_member_row_shape = SHAPE("segment_member_row", struct member, member_row_fields);
static const struct field members_fields[] = {
    FIELD_LIST(struct members, items, &member_shape), FIELD(struct members, next, .nullable = true),
};
const struct shape members_shape = SHAPE("segment_members", struct members, members_fields);
/* clang-format on */

/* ---- reading ------------------------------------------------------------------------------ */

enum err segment_text(struct cx *cx, str name, str *text)
{
    struct segment s = {0};
    str folded = text_fold(cx->arena, name);
    TRY(db_one(cx, &q_segment_by_name, &segment_row_shape, &s, ARGS(V(folded))));
    *text = s.text;
    return OK;
}

enum err segment_plan(struct cx *cx, str text, str inside, struct expr_plan **out)
{
    struct expr_world world = settings_world(cx);
    struct expr *e = NULL;
    world.inside = inside;
    world.is_stored = inside.len == 0;
    TRY(expr_parse(cx, text, &e, NULL));
    TRY(expr_check(cx, &world, text, e, NULL));
    return expr_plan(cx, &world, e, out);
}

/* Its condition may name what is there no more: then its members stay as they were. */
static enum err failure_of(struct cx *cx, const struct segment *s, str *out)
{
    static const struct fault unknown = {.msg = M_SEGMENT_FILL_FAILED};
    struct expr_plan *p = NULL;
    enum err e = segment_plan(cx, s->text, (str){0}, &p);
    if (e == ERR_INVALID)
        *out = fault_text(cx->arena, cx->lang, &cx->why);
    else if (e == OK && s->failure.len)
        *out = fault_text(cx->arena, cx->lang, &unknown);
    if (e == ERR_INVALID)
        cx->why = (struct fault){0};
    return e == ERR_INVALID ? OK : e;
}

static enum err out_of(struct cx *cx, const struct segment *s, struct segment_out *o)
{
    *o = (struct segment_out){.id = s->id,
                              .name = s->name,
                              .text = s->text,
                              .tree = expr_tree_of(cx, s->text),
                              .count = s->members,
                              .is_filling = s->filled_to.has,
                              .created_at = s->created_at,
                              .changed_at = s->changed_at,
                              .version = s->version};
    return failure_of(cx, s, &o->failure);
}

static enum err row_of(struct cx *cx, segment_id id, struct segment *s)
{
    enum err e = db_one(cx, &q_segment_get, &segment_row_shape, s, ARGS(V(id)));
    return e == ERR_NOT_FOUND ? fault(cx, ERR_NOT_FOUND, M_SEGMENT_UNKNOWN) : e;
}

static enum err rows(struct cx *cx, struct list *out)
{
    return db_all(cx, &q_segment_list, &segment_row_shape, out, NO_ARGS);
}

enum err segments_route(struct cx *cx, void *in, void *out)
{
    (void)in;
    struct segments *o = out;
    struct list l = {0};
    TRY(rows(cx, &l));
    struct segment_out *items = ARENA_ARRAY(cx->arena, l.n + 1, struct segment_out);
    for (size_t i = 0; i < l.n; i++)
        TRY(out_of(cx, (const struct segment *)l.items + i, &items[i]));
    o->items = (struct list){items, l.n};
    return OK;
}

/* Counted anew: what the condition says at this moment, also while it is filled. */
enum err segment_route(struct cx *cx, void *in, void *out)
{
    struct segment s = {0};
    struct segment_one *o = out;
    struct expr_plan *p = NULL;
    TRY(row_of(cx, ((struct segment_in *)in)->id, &s));
    TRY(out_of(cx, &s, &o->segment));
    if (segment_plan(cx, s.text, (str){0}, &p) == ERR_INVALID) { /* its failure says so */
        cx->why = (struct fault){0};
        return OK;
    }
    if (!p)
        return ERR_INTERNAL;
    TRY(segment_count(cx, p, &o->segment.count));
    return segment_newest(cx, p, SAMPLE, &o->sample);
}

struct walk {
    segment_id id;
    int64_t before;
};
static enum err read_members(struct cx *cx, void *state, const void *after, int64_t n,
                             struct list *out)
{
    const struct walk *k = state;
    const struct member *last = after;
    return db_all(cx, &q_segment_members_page, &segment_member_row_shape, out,
                  ARGS(V(k->id), V(last ? last->id.v : k->before), V(n)));
}

enum err members_route(struct cx *cx, void *in, void *out)
{
    struct members_in *a = in;
    struct members *o = out;
    struct segment s = {0};
    static const struct whose_rows rows = {sizeof(struct member), offsetof(struct member, id),
                                           read_members};
    const char *tag = whose_tag(cx, "segment", a->where);
    struct walk walk = {a->id, INT64_MAX};
    const struct whose *w = NULL;
    const void *last = NULL;
    int64_t sort;
    TRY(row_of(cx, a->id, &s));
    TRY(page_begin(cx, tag, &a->limit, a->cursor, &sort, &walk.before));
    TRY(whose_read(cx, a->where, &w));
    TRY(whose_page(cx, w, &rows, &walk, a->limit, &o->items, &last));
    const struct member *end = last;
    if (end)
        o->next = cursor_make(cx->arena, cx->now_ms, tag, end->id.v, end->id.v);
    struct member *m = o->items.items;
    for (size_t i = 0; i < o->items.n; i++)
        m[i].name_lang = script_lang(m[i].name);
    return OK;
}

/* ---- writing ---------------------------------------------------------------------------------- */

static enum err check(struct cx *cx, struct segment_in *a, str inside)
{
    struct expr_plan *p = NULL;
    a->name = str_trim(a->name);
    if (a->name.len == 0)
        return fault_field(cx, ERR_INVALID, S("name"), M_SEGMENT_NAME);
    enum err e = segment_plan(cx, a->text, inside, &p);
    return e == OK ? OK : fault_at(cx, e, S("text"));
}

enum err segment_add_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct segment_in *a = in;
    struct list l = {0};
    TRY(check(cx, a, a->name));
    TRY(rows(cx, &l));
    if (l.n >= SEGMENTS_MAX)
        return fault(cx, ERR_CONFLICT, M_SEGMENT_MANY, MNUM("most", SEGMENTS_MAX));
    a->id.v = id_new(cx->now_ms);
    return OK;
}

enum err segment_add_apply(struct cx *cx, void *in, void *out)
{
    const struct segment_in *a = in;
    int64_t n = 0, xid = 0, seq = 0;
    struct list l = {0};
    TRY(rows(cx, &l));
    if (l.n == 0) { /* what happened before the first segment is of no interest */
        TRY(event_newest(cx, &xid, &seq));
        TRY(db_run(cx, &q_segment_follow_put, ARGS(V(xid), V(seq))));
    }
    struct val staff = cx->actor.kind == ACTOR_STAFF ? V(cx->actor.id) : VNULL;
    TRY(db_run_count(cx, &q_segment_insert, &n,
                     ARGS(V(a->id), V(a->name), V(text_fold(cx->arena, a->name)), V(a->text), staff,
                          V(cx->now_ms))));
    if (n == 0)
        return fault_field(cx, ERR_CONFLICT, S("name"), M_SEGMENT_HERE);
    TRY(audit_add(cx, "segment.add", 0, a->id.v, (str){0}));
    cx->made_id = a->id.v;
    return segment_again(cx, a->id.v, out);
}

enum err segment_again(struct cx *cx, int64_t id, void *out)
{
    struct segment s = {0};
    TRY(row_of(cx, (segment_id){id}, &s));
    return out_of(cx, &s, out);
}

/* Everybody is looked at anew: after a failure, or when in doubt. */
enum err segment_fill_apply(struct cx *cx, void *in, void *out)
{
    segment_id id = ((struct segment_in *)in)->id;
    struct segment s = {0};
    TRY(row_of(cx, id, &s));
    TRY(db_run(cx, &q_segment_refill, ARGS(V(id))));
    TRY(audit_add(cx, "segment.fill", 0, id.v, (str){0}));
    cx->made_id = id.v;
    return segment_again(cx, id.v, out);
}

enum err segment_patch_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct segment_in *a = in;
    TRY(row_of(cx, a->id, &a->seen));
    if (cx->if_match >= 0 && cx->if_match != a->seen.version)
        return fault(cx, ERR_STALE, M_RECORD_MOVED);
    if (!(cx->sent >> SENT_NAME & 1))
        a->name = a->seen.name;
    if (!(cx->sent >> SENT_TEXT & 1))
        a->text = a->seen.text;
    return check(cx, a, a->seen.name);
}

/* Does another segment's condition name this one? */
static enum err is_used(struct cx *cx, const struct segment *s, str *by)
{
    struct list l = {0};
    str folded = text_fold(cx->arena, s->name);
    TRY(rows(cx, &l));
    for (size_t i = 0; i < l.n; i++) {
        const struct segment *other = (const struct segment *)l.items + i;
        struct expr *e = NULL;
        if (other->id.v != s->id.v && expr_parse(cx, other->text, &e, NULL) == OK &&
            expr_names_segment(cx->arena, e, folded))
            *by = other->name;
    }
    cx->why = (struct fault){0};
    return OK;
}

enum err segment_users(struct cx *cx, str attribute, struct list *out)
{
    struct list l = {0};
    TRY(rows(cx, &l));
    struct expr_user *users = ARENA_ARRAY(cx->arena, l.n + 1, struct expr_user);
    size_t n = 0;
    for (size_t i = 0; i < l.n; i++) {
        const struct segment *s = (const struct segment *)l.items + i;
        struct expr *e = NULL;
        if (expr_parse(cx, s->text, &e, NULL) == OK && expr_names(e, attribute))
            users[n++].who =
                msg_text(cx->arena, cx->lang, M_SEGMENT_USES, &MARG("name", s->name), 1);
    }
    cx->why = (struct fault){0};
    *out = (struct list){users, n};
    return OK;
}

enum err segment_patch_apply(struct cx *cx, void *in, void *out)
{
    const struct segment_in *a = in;
    int64_t n = 0;
    str by = {0}, folded = text_fold(cx->arena, a->name);
    struct segment same = {0};
    enum err e = db_one(cx, &q_segment_by_name, &segment_row_shape, &same, ARGS(V(folded)));
    if (e == OK && same.id.v != a->id.v)
        return fault_field(cx, ERR_CONFLICT, S("name"), M_SEGMENT_HERE);
    if (e != OK && e != ERR_NOT_FOUND)
        return e;
    if (!str_eq(folded, text_fold(cx->arena, a->seen.name)))
        TRY(is_used(cx, &a->seen, &by));
    if (by.len)
        return fault(cx, ERR_CONFLICT, M_SEGMENT_USED, MARG("name", by));
    bool is_other = !str_eq(a->text, a->seen.text);
    TRY(db_run_count(cx, &q_segment_update, &n,
                     ARGS(V(a->name), V(folded), V(a->text), V(cx->now_ms), V(is_other), V(a->id),
                          V(a->seen.version))));
    if (n == 0)
        return fault(cx, ERR_STALE, M_RECORD_MOVED);
    if (is_other) /* those that lean on it have other members too */
        TRY(db_run(cx, &q_segment_refill_all, NO_ARGS));
    TRY(audit_add(cx, "segment.change", 0, a->id.v, (str){0}));
    cx->made_id = a->id.v;
    return segment_again(cx, a->id.v, out);
}

enum err segment_delete_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct segment_in *a = in;
    return row_of(cx, a->id, &a->seen);
}

enum err segment_delete_apply(struct cx *cx, void *in, void *out)
{
    (void)out;
    const struct segment_in *a = in;
    str by = {0};
    TRY(is_used(cx, &a->seen, &by));
    if (by.len)
        return fault(cx, ERR_CONFLICT, M_SEGMENT_USED, MARG("name", by));
    TRY(db_run(cx, &q_segment_go, ARGS(V(a->id))));
    return audit_add(cx, "segment.delete", 0, a->id.v, (str){0});
}
