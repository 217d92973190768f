/* rooms/risk/block.c - the block list: value, reason, who, until; and what the one who is listed says against it. */
#include "rooms/risk/inside.h"

struct block {
    block_id id;
    int kind;
    str value, reason;
    struct staff_ref staff;
    when at, until;
    str wishes;
    when ended_at;
};
struct blocks_in {
    int64_t limit;
    str cursor;
};
struct blocks {
    struct list items;
    str next;
};
struct block_in {
    block_id id;
    int kind;
    str value, reason;
    when until;
    str text;
    struct block seen; /* between plan and apply */
    int64_t trace;
};
static const char *const kinds[BLOCK_KINDS] = {"email", "domain", "phone",   "device",
                                               "card",  "ip",     "network", "address"};
/* clang-format off */
static const struct field block_fields[] = {
    FIELD(struct block, id), FIELD_ENUM(struct block, kind, kinds), FIELD(struct block, value, .personal = true), FIELD(struct block, reason),
    FIELD_STRUCT(struct block, staff, &staff_ref_shape, .nullable = true), FIELD(struct block, at), FIELD(struct block, until, .nullable = true),
    FIELD(struct block, wishes, .doc = "What the one who is listed says against it"), FIELD(struct block, ended_at, .nullable = true),
};
const struct shape block_shape = SHAPE("risk_block", struct block, block_fields);
static const struct field row_fields[] = {
    FIELD(struct block, id), FIELD_ENUM(struct block, kind, kinds), FIELD(struct block, value), FIELD(struct block, reason),
    FIELD_AS(struct block, staff.id, "staff_id", .nullable = true), FIELD_AS(struct block, staff.name, "staff_name"), FIELD_AS(struct block, at, "at_ms"),
    FIELD_AS(struct block, until, "until_ms", .nullable = true), FIELD(struct block, wishes), FIELD_AS(struct block, ended_at, "ended_ms", .nullable = true),
};
static const struct shape risk_block_row_shape = SHAPE("risk_block_row", struct block, row_fields);
static const struct field blocks_in_fields[] = {PAGE_FIELDS(struct blocks_in)};
const struct shape blocks_in_shape = SHAPE("risk_blocks_in", struct blocks_in, blocks_in_fields);
static const struct field blocks_fields[] = {FIELD_LIST(struct blocks, items, &block_shape), FIELD(struct blocks, next, .nullable = true)};
const struct shape blocks_shape = SHAPE("risk_blocks", struct blocks, blocks_fields);
static const struct field in_fields[] = {
    FIELD_ENUM(struct block_in, kind, kinds, .required = true), FIELD(struct block_in, value, .required = true, .max_len = 500),
    FIELD(struct block_in, reason, .required = true, .max_len = 1000), FIELD(struct block_in, until, .doc = "Default: for good"),
};
const struct shape block_in_shape = SHAPE("risk_block_in", struct block_in, in_fields);
static const struct field by_id_fields[] = {FIELD(struct block_in, id, .in_path = true)};
const struct shape block_by_id_shape = SHAPE("risk_block_by_id", struct block_in, by_id_fields);
static const struct field wish_fields[] = {
    FIELD(struct block_in, id, .in_path = true), FIELD(struct block_in, text, .required = true, .max_len = 2000, .multiline = true),
};
const struct shape wish_in_shape = SHAPE("risk_block_wish", struct block_in, wish_fields);
/* clang-format on */

enum err blocks_route(struct cx *cx, void *in, void *out)
{
    struct blocks_in *a = in;
    struct blocks *o = out;
    int64_t sort, before;
    TRY(page_begin(cx, "risk.blocks", &a->limit, a->cursor, &sort, &before));
    TRY(db_all(cx, &q_risk_block_list, &risk_block_row_shape, &o->items,
               ARGS(V(before), V(a->limit + 1))));
    if ((int64_t)o->items.n > a->limit) {
        o->items.n = (size_t)a->limit;
        int64_t last = ((const struct block *)o->items.items)[a->limit - 1].id.v;
        o->next = cursor_make(cx->arena, cx->now_ms, "risk.blocks", last, last);
    }
    return OK;
}

static enum err get(struct cx *cx, block_id id, struct block *out)
{
    enum err e = db_one(cx, &q_risk_block_get, &risk_block_row_shape, out, ARGS(V(id)));
    return e == ERR_NOT_FOUND ? fault(cx, ERR_NOT_FOUND, M_RISK_BLOCK_UNKNOWN) : e;
}

/* Whose handle it is, is looked at anew. */
static enum err owners_due(struct cx *cx, int kind, str value)
{
    struct list l = {0};
    str normal = {0};
    if (kind == TRACE_EMAIL ? !email_read(cx->arena, value, &normal)
                            : kind != TRACE_PHONE && kind != TRACE_DEVICE && kind != TRACE_CARD)
        return OK;
    if (kind != TRACE_EMAIL)
        normal = trace_normal(cx->arena, kind, value, settings_current(cx)->region);
    TRY(db_all(cx, &q_risk_owner_list, &risk_owner_row_shape, &l, ARGS(val_texts(&normal, 1))));
    const struct owner_row *o = l.items;
    for (size_t i = 0; i < l.n; i++)
        TRY(rules_due(cx, &o[i].root, 1));
    return OK;
}

enum err block_add_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct block_in *a = in;
    a->value = str_trim(a->value);
    a->reason = str_trim(a->reason);
    str normal = trace_normal(cx->arena, a->kind, a->value, settings_current(cx)->region);
    if (normal.len == 0)
        return fault_field(cx, ERR_INVALID, S("value"), M_RISK_BLOCK_VALUE);
    if (a->reason.len == 0)
        return fault_field(cx, ERR_INVALID, S("reason"), M_RISK_BLOCK_REASON);
    if (a->until.ms && a->until.ms <= cx->now_ms)
        return fault_field(cx, ERR_INVALID, S("until"), M_RISK_BLOCK_UNTIL);
    a->trace = trace_hash(cx->arena, a->kind, normal);
    a->id.v = id_new(cx->now_ms);
    struct list hits = {0};
    TRY(db_all(cx, &q_risk_block_hits, &risk_block_hit_row_shape, &hits,
               ARGS(val_ints(&a->trace, 1), V(cx->now_ms))));
    return hits.n ? fault_field(cx, ERR_CONFLICT, S("value"), M_RISK_BLOCK_HERE) : OK;
}

enum err block_add_apply(struct cx *cx, void *in, void *out)
{
    const struct block_in *a = in;
    struct val staff = cx->actor.kind == ACTOR_STAFF ? V(cx->actor.id) : VNULL;
    TRY(db_run(cx, &q_risk_block_insert,
               ARGS(V(a->id), V(kinds[a->kind]), V(a->value), V(a->trace), V(a->reason), staff,
                    V(cx->now_ms), val_int_or_null(a->until.ms))));
    house_changed();
    TRY(owners_due(cx, a->kind, a->value));
    TRY(audit_add(cx, "risk.block_add", 0, a->id.v, str_of(kinds[a->kind])));
    cx->made_id = a->id.v;
    return get(cx, a->id, out);
}

enum err block_again(struct cx *cx, int64_t id, void *out)
{
    return get(cx, (block_id){id}, out);
}

enum err block_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct block_in *a = in;
    TRY(get(cx, a->id, &a->seen));
    return a->seen.ended_at.ms ? fault(cx, ERR_NOT_FOUND, M_RISK_BLOCK_UNKNOWN) : OK;
}

enum err block_end_apply(struct cx *cx, void *in, void *out)
{
    (void)out;
    const struct block_in *a = in;
    struct val staff = cx->actor.kind == ACTOR_STAFF ? V(cx->actor.id) : VNULL;
    TRY(db_run(cx, &q_risk_block_end, ARGS(V(cx->now_ms), staff, V(a->id))));
    house_changed();
    TRY(owners_due(cx, a->seen.kind, a->seen.value));
    return audit_add(cx, "risk.block_end", 0, a->id.v, str_of(kinds[a->seen.kind]));
}

/* The one who is listed asks for a look: it goes to the queue. */
enum err block_wish_apply(struct cx *cx, void *in, void *out)
{
    const struct block_in *a = in;
    TRY(db_run(cx, &q_risk_block_wish, ARGS(V(a->text), V(a->id))));
    TRY(review_put(cx, &(struct review_new){"block", a->id.v, 0, 0, a->id.v, 90}));
    TRY(audit_add(cx, "risk.block_wish", 0, a->id.v, (str){0}));
    cx->made_id = a->id.v;
    return get(cx, a->id, out);
}
