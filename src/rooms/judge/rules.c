/* rooms/judge/rules.c - class rules over HTTP: listed with what people said against them, changed, versions kept. */
#include "rooms/judge/inside.h"

struct rule_in {
    rule_id id;
    str class, label, condition;
    int64_t points;
    bool is_on;
    struct rule seen, is; /* between plan and apply */
};
struct rule_out {
    rule_id id;
    str class, class_name, key, label, condition, tree;
    int64_t points;
    bool is_on, is_shipped;
    str failure;
    opt_int holds;
    int64_t disagreed, agreed;
    double disagreement;
    when created_at, changed_at;
    int64_t version;
};
struct version_out {
    int64_t version;
    str label, condition;
    int64_t points;
    bool is_on;
    when at;
    str by;
};
struct rule_one {
    struct rule_out rule;
    struct list versions;
};
struct rules {
    struct list items;
};
struct said_row {
    int64_t rule, against, agreeing;
};
/* clang-format off */
static const struct field said_fields[] = {
    FIELD_AS(struct said_row, rule, "rule_id"), FIELD(struct said_row, against), FIELD(struct said_row, agreeing),
};
static const struct shape rule_said_row_shape = SHAPE("rule_said_row", struct said_row, said_fields);
#define OUT_FIELDS(st, m)                                                                                                  \
    FIELD_AS(st, m id, "id"), FIELD_AS(st, m class, "class"), FIELD_AS(st, m class_name, "class_name"),                    \
    FIELD_AS(st, m key, "key", .nullable = true, .doc = "Of a rule that came with the program"), FIELD_AS(st, m label, "label"), \
    FIELD_AS(st, m condition, "condition"),                                                                                \
    FIELD_JSON_AS(st, m tree, "tree", .nullable = true, .doc = "The condition as a tree; null: it is right no more"),       \
    FIELD_AS(st, m points, "points", .doc = "Added to the class when it holds"),   \
    FIELD_AS(st, m is_on, "is_on"), FIELD_AS(st, m is_shipped, "is_shipped", .doc = "As it came with the program"),         \
    FIELD_AS(st, m failure, "failure", .nullable = true, .doc = "Why it counts for nothing now, a sentence"),               \
    FIELD_AS(st, m holds, "holds", .nullable = true, .doc = "For so many customers, when all were last looked at"),         \
    FIELD_AS(st, m disagreed, "disagreed", .doc = "So often people said that its class is wrong where it held"),            \
    FIELD_AS(st, m agreed, "agreed", .doc = "So often they said that it is right"),                                         \
    FIELD_AS(st, m disagreement, "disagreement", .doc = "disagreed of both, 0 to 1"),                                       \
    FIELD_AS(st, m created_at, "created_at"), FIELD_AS(st, m changed_at, "changed_at"), FIELD_AS(st, m version, "version")
static const struct field out_fields[] = {OUT_FIELDS(struct rule_out, )};
const struct shape rule_out_shape = SHAPE("rule", struct rule_out, out_fields);
static const struct field version_fields[] = {
    FIELD(struct version_out, version), FIELD(struct version_out, label, .nullable = true), FIELD(struct version_out, condition),
    FIELD(struct version_out, points), FIELD(struct version_out, is_on), FIELD(struct version_out, at), FIELD(struct version_out, by, .nullable = true),
};
static const struct shape version_shape = SHAPE("rule_version", struct version_out, version_fields);
static const struct field version_row_fields[] = {
    FIELD(struct version_out, version), FIELD(struct version_out, label), FIELD(struct version_out, condition), FIELD(struct version_out, points),
    FIELD(struct version_out, is_on), FIELD_AS(struct version_out, at, "at_ms"), FIELD_AS(struct version_out, by, "name"),
};
static const struct shape rule_version_row_shape = SHAPE("rule_version_row", struct version_out, version_row_fields);
static const struct field one_fields[] = {
    OUT_FIELDS(struct rule_one, rule.), FIELD_LIST(struct rule_one, versions, &version_shape, .doc = "Newest first"),
};
const struct shape rule_one_shape = SHAPE("rule_one", struct rule_one, one_fields);
static const struct field rules_fields[] = {FIELD_LIST(struct rules, items, &rule_out_shape)};
const struct shape rules_shape = SHAPE("rules", struct rules, rules_fields);
static const struct field by_id_fields[] = {FIELD(struct rule_in, id, .in_path = true)};
const struct shape rule_by_id_shape = SHAPE("rule_by_id", struct rule_in, by_id_fields);
#define CHANGED_FIELDS                                                                                              \
    FIELD(struct rule_in, label, .max_len = 200, .doc = "What people read; empty on a shipped rule: the house's words"), \
    FIELD(struct rule_in, condition, .max_len = EXPR_TEXT_MAX, .multiline = true),                                  \
    FIELD(struct rule_in, points, .min = -POINTS_MAX, .max = POINTS_MAX), FIELD(struct rule_in, is_on)
static const struct field in_fields[] = {FIELD(struct rule_in, class, .required = true), CHANGED_FIELDS};
const struct shape rule_in_shape = SHAPE("rule_in", struct rule_in, in_fields);
enum { ADD_CLASS, ADD_LABEL, ADD_CONDITION, ADD_POINTS, ADD_ON };
static const struct field patch_fields[] = {FIELD(struct rule_in, id, .in_path = true), CHANGED_FIELDS};
const struct shape rule_patch_shape = SHAPE("rule_patch", struct rule_in, patch_fields);
enum { SENT_LABEL = 1, SENT_CONDITION, SENT_POINTS, SENT_ON };
/* clang-format on */

/* ---- reading ------------------------------------------------------------------------------- */

static enum err failure_of(struct cx *cx, const struct rule *r, str *out)
{
    struct expr_plan *p = NULL;
    enum err e = rule_plan(cx, r->condition, &p);
    if (e != ERR_INVALID)
        return e;
    *out = fault_text(cx->arena, cx->lang, &cx->why);
    cx->why = (struct fault){0};
    return OK;
}

static enum err out_of(struct cx *cx, const struct rule *r, const struct list *said,
                       struct rule_out *o)
{
    const struct shipped_rule *s = shipped_by_key(r->key);
    *o = (struct rule_out){
        .id = r->id,
        .class = str_of(class_codes[r->class]),
        .class_name = class_name(cx->arena, cx->lang, r->class),
        .key = r->key,
        .label = rule_label(cx->arena, cx->lang, r),
        .condition = r->condition,
        .tree = expr_tree_of(cx, r->condition),
        .points = r->points,
        .is_on = r->is_on,
        .is_shipped = s && r->label.len == 0 && r->points == s->points &&
                      str_eq(r->condition, str_of(s->condition)),
        .holds = r->holds,
        .created_at = r->created_at,
        .changed_at = r->changed_at,
        .version = r->version,
    };
    const struct said_row *d = said->items;
    for (size_t i = 0; i < said->n; i++)
        if (d[i].rule == r->id.v) {
            o->disagreed = d[i].against;
            o->agreed = d[i].agreeing;
            o->disagreement = (double)d[i].against / (double)(d[i].against + d[i].agreeing);
        }
    return failure_of(cx, r, &o->failure);
}

static enum err said_read(struct cx *cx, struct list *out)
{
    return db_all(cx, &q_rule_said, &rule_said_row_shape, out, NO_ARGS);
}

enum err rules_route(struct cx *cx, void *in, void *out)
{
    (void)in;
    struct rules *o = out;
    struct list l = {0}, said = {0};
    TRY(rules_read(cx, &l));
    TRY(said_read(cx, &said));
    struct rule_out *items = ARENA_ARRAY(cx->arena, l.n + 1, struct rule_out);
    for (size_t i = 0; i < l.n; i++)
        TRY(out_of(cx, (const struct rule *)l.items + i, &said, &items[i]));
    o->items = (struct list){items, l.n};
    return OK;
}

static enum err row_of(struct cx *cx, rule_id id, struct rule *r)
{
    enum err e = db_one(cx, &q_rule_get, &rule_row_shape, r, ARGS(V(id)));
    return e == ERR_NOT_FOUND ? fault(cx, ERR_NOT_FOUND, M_RULE_UNKNOWN) : e;
}

enum err rule_again(struct cx *cx, int64_t id, void *out)
{
    struct rule r = {0};
    struct list said = {0};
    TRY(row_of(cx, (rule_id){id}, &r));
    TRY(said_read(cx, &said));
    return out_of(cx, &r, &said, out);
}

enum err rule_route(struct cx *cx, void *in, void *out)
{
    struct rule_one *o = out;
    rule_id id = ((struct rule_in *)in)->id;
    TRY(rule_again(cx, id.v, &o->rule));
    return db_all(cx, &q_rule_versions, &rule_version_row_shape, &o->versions, ARGS(V(id)));
}

/* ---- writing ------------------------------------------------------------------------------------ */

static enum err check(struct cx *cx, struct rule *r)
{
    struct expr_plan *p = NULL;
    r->label = str_trim(r->label);
    r->condition = str_trim(r->condition);
    if (r->label.len == 0 && r->key.len == 0)
        return fault_field(cx, ERR_INVALID, S("label"), M_RULE_LABEL);
    if (r->points == 0)
        return fault_field(cx, ERR_INVALID, S("points"), M_RULE_POINTS);
    enum err e = rule_plan(cx, r->condition, &p);
    return e == OK ? OK : fault_at(cx, e, S("condition"));
}

static struct val staff_of(const struct cx *cx)
{
    return cx->actor.kind == ACTOR_STAFF ? V(cx->actor.id) : VNULL;
}

enum err rule_add_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct rule_in *a = in;
    struct list l = {0};
    struct rule r = {
        .label = a->label, .condition = a->condition, .points = a->points, .is_on = true};
    while (r.class < CLASSES && !str_eq(a->class, str_of(class_codes[r.class])))
        r.class ++;
    if (r.class == CLASSES)
        return fault_field(cx, ERR_INVALID, S("class"), M_CLASS_UNKNOWN);
    if (cx->sent >> ADD_ON & 1)
        r.is_on = a->is_on;
    TRY(check(cx, &r));
    TRY(rules_read(cx, &l));
    if (l.n >= RULES_MAX)
        return fault(cx, ERR_CONFLICT, M_RULE_MANY, MNUM("most", RULES_MAX));
    r.id.v = id_new(cx->now_ms);
    a->is = r;
    return OK;
}

enum err rule_add_apply(struct cx *cx, void *in, void *out)
{
    const struct rule *r = &((struct rule_in *)in)->is;
    struct list l = {0};
    TRY(rules_read(cx, &l));
    if (l.n >= RULES_MAX)
        return fault(cx, ERR_CONFLICT, M_RULE_MANY, MNUM("most", RULES_MAX));
    TRY(db_run(cx, &q_rule_insert,
               ARGS(V(r->id), V(class_codes[r->class]), V(""), V(r->label), V(r->condition),
                    V(r->points), V(r->is_on), staff_of(cx), V(cx->now_ms))));
    TRY(db_run(cx, &q_rule_version_keep, ARGS(staff_of(cx), V(cx->now_ms), V(r->id))));
    TRY(judge_all_again(cx));
    TRY(audit_add(cx, "rule.add", 0, r->id.v, (str){0}));
    cx->made_id = r->id.v;
    return rule_again(cx, r->id.v, out);
}

enum err rule_patch_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct rule_in *a = in;
    TRY(row_of(cx, a->id, &a->seen));
    if (cx->if_match >= 0 && cx->if_match != a->seen.version)
        return fault(cx, ERR_STALE, M_RECORD_MOVED);
    struct rule r = a->seen;
    r.label = cx->sent >> SENT_LABEL & 1 ? a->label : r.label;
    r.condition = cx->sent >> SENT_CONDITION & 1 ? a->condition : r.condition;
    r.points = cx->sent >> SENT_POINTS & 1 ? a->points : r.points;
    r.is_on = cx->sent >> SENT_ON & 1 ? a->is_on : r.is_on;
    a->is = r;
    return check(cx, &a->is);
}

static enum err put(struct cx *cx, const struct rule *r, bool is_gone)
{
    int64_t n = 0;
    TRY(db_run_count(cx, &q_rule_update, &n,
                     ARGS(V(r->label), V(r->condition), V(r->points), V(r->is_on), V(is_gone),
                          V(cx->now_ms), V(r->id), V(r->version))));
    if (n == 0)
        return fault(cx, ERR_STALE, M_RECORD_MOVED);
    TRY(db_run(cx, &q_rule_version_keep, ARGS(staff_of(cx), V(cx->now_ms), V(r->id))));
    return judge_all_again(cx);
}

enum err rule_patch_apply(struct cx *cx, void *in, void *out)
{
    const struct rule *r = &((struct rule_in *)in)->is;
    TRY(put(cx, r, false));
    TRY(audit_add(cx, "rule.change", 0, r->id.v, (str){0}));
    cx->made_id = r->id.v;
    return rule_again(cx, r->id.v, out);
}

enum err rule_delete_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct rule_in *a = in;
    return row_of(cx, a->id, &a->seen);
}

enum err rule_delete_apply(struct cx *cx, void *in, void *out)
{
    (void)out;
    const struct rule *r = &((struct rule_in *)in)->seen;
    TRY(put(cx, r, true));
    return audit_add(cx, "rule.delete", 0, r->id.v, (str){0});
}

/* ---- for the catalogue ------------------------------------------------------------------------------ */

enum err judge_users(struct cx *cx, str attribute, struct list *out)
{
    struct list l = {0};
    TRY(rules_read(cx, &l));
    struct expr_user *users = ARENA_ARRAY(cx->arena, l.n + 1, struct expr_user);
    size_t n = 0;
    for (size_t i = 0; i < l.n; i++) {
        const struct rule *r = (const struct rule *)l.items + i;
        struct expr *e = NULL;
        if (expr_parse(cx, r->condition, &e, NULL) == OK && expr_names(e, attribute))
            users[n++].who = msg_text(cx->arena, cx->lang, M_RULE_USES,
                                      &MARG("name", rule_label(cx->arena, cx->lang, r)), 1);
    }
    cx->why = (struct fault){0};
    *out = (struct list){users, n};
    return OK;
}
