/* rooms/customer/additions.c - what staff add to a record: marks and notes. plan finds the record and
 * checks, apply writes. */
#include "messages.h"
#include "queries.h"
#include "rooms/customer/inside.h"

enum err part_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct part_in *a = in;
    return customer_root(cx, a->id, &a->root, NULL);
}

enum err part_changed(struct cx *cx, customer_id root, const char *action, int64_t ref, str details)
{
    TRY(audit_add(cx, action, root.v, ref, details));
    return event_add(cx, EVENT_CUSTOMER_CHANGED, root.v, ref, (str){0});
}

static staff_id acting(const struct cx *cx)
{
    return (staff_id){cx->actor.kind == ACTOR_STAFF ? cx->actor.id : 0};
}
static struct staff_ref acting_ref(const struct cx *cx)
{
    return (struct staff_ref){acting(cx), acting(cx).v ? cx->actor.name : (str){0}};
}
static struct val staff_or_null(const struct cx *cx)
{
    return val_int_or_null(acting(cx).v);
}

/* ---- marks
 * --------------------------------------------------------------------------------------- */

struct mark_in {
    struct part_in part;
    int mark;
    str reason;
};
/* clang-format off */
static const struct field mark_in_fields[] = {
    FIELD_AS(struct mark_in, part.id, "id", .in_path = true),
    FIELD_ENUM(struct mark_in, mark, mark_codes, .required = true),
    FIELD(struct mark_in, reason, .required = true, .max_len = 500, .personal = true),
};
static const struct field mark_gone_fields[] = {
    FIELD_AS(struct mark_in, part.id, "id", .in_path = true),
    FIELD_ENUM(struct mark_in, mark, mark_codes, .in_path = true),
};
/* clang-format on */
const struct shape mark_in_shape = SHAPE("mark_in", struct mark_in, mark_in_fields);
const struct shape mark_gone_shape = SHAPE("mark_gone", struct mark_in, mark_gone_fields);

static const uint32_t may_mark[3] = {
    [MARK_VIP] = MAY_LEAD,
    [MARK_DO_NOT_CONTACT] = MAY_SERVE | MAY(ROLE_PRIVACY) | MAY(ROLE_MARKETER),
    [MARK_BLOCKED] = MAY_LEAD | MAY(ROLE_RISK),
};

enum err mark_may(struct cx *cx, int mark)
{
    if (cx->actor.kind == ACTOR_SYSTEM || may_mark[mark] & MAY(cx->actor.role))
        return OK;
    (void)fault(cx, ERR_DENIED, M_MARK_ROLE, MARG("mark", str_of(mark_codes[mark])));
    return fault_at(cx, ERR_DENIED, S("mark"));
}

enum err mark_gone_plan(struct cx *cx, void *in, void *out)
{
    TRY(mark_may(cx, ((const struct mark_in *)in)->mark));
    return part_plan(cx, in, out);
}

enum err mark_plan(struct cx *cx, void *in, void *out)
{
    struct mark_in *a = in;
    a->reason = str_trim(a->reason);
    if (a->reason.len == 0)
        return fault_field(cx, ERR_INVALID, S("reason"), M_MARK_REASON);
    return mark_gone_plan(cx, in, out);
}

enum err mark_apply(struct cx *cx, void *in, void *out)
{
    const struct mark_in *a = in;
    TRY(mark_put(cx, a->part.root, a->mark, a->reason, NULL));
    *(struct mark *)out = (struct mark){
        .mark = a->mark, .reason = a->reason, .staff = acting_ref(cx), .at = {cx->now_ms}};
    return OK;
}

enum err mark_gone_apply(struct cx *cx, void *in, void *out)
{
    (void)out;
    const struct mark_in *a = in;
    struct mark was;
    enum err e = db_one(cx, &q_mark_of, &mark_row_shape, &was,
                        ARGS(V(mark_codes[a->mark]), V(a->part.root)));
    if (e == ERR_NOT_FOUND) {
        struct standing s = {0};
        TRY(db_one(cx, &q_standing_get, &standing_row_shape, &s, ARGS(V(a->part.root))));
        return a->mark == MARK_VIP && s.is_vip ? fault(cx, ERR_CONFLICT, M_MARK_BY_RULE)
                                               : fault(cx, ERR_NOT_FOUND, M_MARK_NOT_HERE);
    }
    TRY(e);
    return mark_put(cx, a->part.root, a->mark, (str){0}, NULL);
}

/* ---- notes
 * ------------------------------------------------------------------------------------------- */

struct note_in {
    struct part_in part;
    str text;
};
/* clang-format off */
static const struct field note_in_fields[] = {
    FIELD_AS(struct note_in, part.id, "id", .in_path = true),
    FIELD(struct note_in, text, .required = true, .max_len = 20000, .multiline = true, .personal = true),
};
/* clang-format on */
const struct shape note_in_shape = SHAPE("note_in", struct note_in, note_in_fields);

enum err note_apply(struct cx *cx, void *in, void *out)
{
    const struct note_in *a = in;
    note_id id = {id_new(cx->now_ms)};
    TRY(db_run(cx, &q_note_insert,
               ARGS(V(id), V(a->part.root), V(a->text), staff_or_null(cx), V(cx->now_ms))));
    TRY(part_changed(cx, a->part.root, "note.add", id.v, (str){0}));
    *(struct note *)out =
        (struct note){.id = id, .text = a->text, .staff = acting_ref(cx), .at = {cx->now_ms}};
    return OK;
}
