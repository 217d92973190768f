/* rooms/customer/additions.c - what staff add to a record: handles, marks, addresses, holdings,
 * relations, notes; and decisions on proposed changes. plan finds the record and checks, apply
 * writes. */
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

/* ---- handles ----------------------------------------------------------------------------------
 */

struct identity_in {
    struct part_in part;
    int type, state;
    str value;
    struct handle handle;
    identity_id made;
    int64_t value_id;
};
/* clang-format off */
static const struct field identity_in_fields[] = {
    FIELD_AS(struct identity_in, part.id, "id", .in_path = true),
    FIELD_ENUM(struct identity_in, type, identity_type_codes, .required = true),
    FIELD(struct identity_in, value, .required = true, .max_len = 254),
    FIELD_ENUM(struct identity_in, state, identity_state_codes, .doc = "confirmed, claimed (default), shared, wrong"),
};
/* clang-format on */
const struct shape identity_in_shape = SHAPE("identity_in", struct identity_in, identity_in_fields);
enum { IDENTITY_IN_STATE = 3 };

enum err identity_plan(struct cx *cx, void *in, void *out)
{
    struct identity_in *a = in;
    TRY(part_plan(cx, in, out));
    if (!((cx->sent >> IDENTITY_IN_STATE) & 1))
        a->state = IDENTITY_CLAIMED;
    if (!handle_read(cx->arena, a->type, a->value, settings_current(cx)->region, &a->handle)) {
        (void)fault(cx, ERR_INVALID, M_IDENTITY_MALFORMED, MARG("given", a->value),
                    MARG("type", str_of(identity_type_codes[a->type])));
        return fault_at(cx, ERR_INVALID, S("value"));
    }
    a->handle.suffix = (str){0};
    TRY(customer_owners(cx, &a->handle, 1));
    const struct owner *o = a->handle.owners.items;
    for (size_t i = 0; i < a->handle.owners.n; i++)
        if (o[i].customer.v == a->part.root.v)
            return fault_field(cx, ERR_CONFLICT, S("value"), M_IDENTITY_HERE);
    if (a->handle.is_full)
        return fault_field(cx, ERR_CONFLICT, S("value"), M_IDENTITY_FULL);
    if (a->made.v == 0) {
        a->made.v = id_new(cx->now_ms);
        a->value_id = id_new(cx->now_ms);
    }
    return OK;
}

enum err identity_apply(struct cx *cx, void *in, void *out)
{
    const struct identity_in *a = in;
    struct handle_new h = {.handle = &a->handle,
                           .id = a->made,
                           .value_id = a->value_id,
                           .type = a->type,
                           .state = a->state,
                           .given = str_trim(a->value),
                           .source = "staff"};
    TRY(customer_handles_add(cx, a->part.root, &h, 1));
    /* It may have been here as wrong: then the row stays and says so no more. */
    TRY(db_run(cx, &q_identity_state_set,
               ARGS(V(identity_state_codes[a->state]),
                    V(a->handle.value_id ? a->handle.value_id : a->value_id), V(a->part.root))));
    TRY(part_changed(cx, a->part.root, "identity.add", a->made.v,
                     str_of(identity_type_codes[a->type])));
    cx->made_id = a->made.v;
    *(struct identity *)out = (struct identity){.id = a->made,
                                                .type = a->type,
                                                .state = a->state,
                                                .value = a->handle.value,
                                                .given = h.given,
                                                .national = a->handle.shown,
                                                .source = S("staff"),
                                                .first_at = {cx->now_ms},
                                                .last_at = {cx->now_ms}};
    return OK;
}

enum err identity_replay(struct cx *cx, int64_t id, void *out)
{
    return db_one(cx, &q_identity_get, &identity_row_shape, out, ARGS(V(id)));
}

struct identity_patch {
    identity_id id;
    int state;
};
/* clang-format off */
static const struct field identity_patch_fields[] = {
    FIELD(struct identity_patch, id, .in_path = true),
    FIELD_ENUM(struct identity_patch, state, identity_state_codes, .required = true),
};
/* clang-format on */
const struct shape identity_patch_shape =
    SHAPE("identity_patch", struct identity_patch, identity_patch_fields);

struct identity_at {
    int64_t value_id;
    customer_id customer, root;
};
/* clang-format off */
static const struct field identity_at_fields[] = {
    FIELD(struct identity_at, value_id),
    FIELD_AS(struct identity_at, customer, "customer_id"),
    FIELD_AS(struct identity_at, root, "root_id"),
};
/* clang-format on */
static const struct shape identity_at_shape =
    SHAPE("identity_place", struct identity_at, identity_at_fields);

enum err identity_patch(struct cx *cx, void *in, void *out)
{
    const struct identity_patch *a = in;
    struct identity_at at;
    enum err e = db_one(cx, &q_identity_place, &identity_at_shape, &at, ARGS(V(a->id)));
    if (e == ERR_NOT_FOUND)
        return fault(cx, ERR_NOT_FOUND, M_IDENTITY_UNKNOWN);
    TRY(e);
    TRY(db_run(cx, &q_identity_value_touch, ARGS(V(at.value_id))));
    TRY(db_run(cx, &q_identity_state_set,
               ARGS(V(identity_state_codes[a->state]), V(at.value_id), V(at.customer))));
    TRY(part_changed(cx, at.root, "identity.change", a->id.v,
                     str_of(identity_state_codes[a->state])));
    cx->made_id = a->id.v;
    TRY(identity_replay(cx, a->id.v, out));
    const struct identity *i = out;
    /* What is kept as given recognises nobody, so it is nobody's alone. */
    if (i->value.len == 0 && (a->state == IDENTITY_CONFIRMED || a->state == IDENTITY_CLAIMED))
        return fault_field(cx, ERR_INVALID, S("state"), M_IDENTITY_STAYS_WRONG);
    return OK;
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

enum err mark_gone_plan(struct cx *cx, void *in, void *out)
{
    const struct mark_in *a = in;
    if (cx->actor.kind != ACTOR_SYSTEM && !(may_mark[a->mark] & MAY(cx->actor.role))) {
        (void)fault(cx, ERR_DENIED, M_MARK_ROLE, MARG("mark", str_of(mark_codes[a->mark])));
        return fault_at(cx, ERR_DENIED, S("mark"));
    }
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
    if (e == ERR_NOT_FOUND)
        return fault(cx, ERR_NOT_FOUND, M_MARK_NOT_HERE);
    TRY(e);
    return mark_put(cx, a->part.root, a->mark, (str){0}, NULL);
}

/* ---- addresses
 * -------------------------------------------------------------------------------------- */

struct address_in {
    struct part_in part;
    int kind;
    str line, postal, city, region, country;
    address_id made;
};
/* clang-format off */
static const struct field address_in_fields[] = {
    FIELD_AS(struct address_in, part.id, "id", .in_path = true),
    FIELD_ENUM(struct address_in, kind, address_kind_codes, .required = true),
    FIELD(struct address_in, line, .max_len = 500),
    FIELD(struct address_in, postal, .max_len = 20),
    FIELD(struct address_in, city),
    FIELD(struct address_in, region),
    FIELD(struct address_in, country, .max_len = 2),
};
/* clang-format on */
const struct shape address_in_shape = SHAPE("address_in", struct address_in, address_in_fields);

enum err address_add(struct cx *cx, customer_id customer, const struct address_new *a)
{
    return db_run(cx, &q_address_insert,
                  ARGS(V(a->id), V(customer), V(a->kind), V(a->line), V(a->postal), V(a->city),
                       V(a->region), V(a->country), V(a->source), V(cx->now_ms)));
}

enum err address_plan(struct cx *cx, void *in, void *out)
{
    struct address_in *a = in;
    str none = {0}, zone = {0};
    TRY(customer_check(cx, "", &none, &zone, &a->country));
    if (a->line.len + a->postal.len + a->city.len == 0)
        return fault_field(cx, ERR_INVALID, S("line"), M_ADDRESS_EMPTY);
    if (a->made.v == 0)
        a->made.v = id_new(cx->now_ms);
    return part_plan(cx, in, out);
}

enum err address_apply(struct cx *cx, void *in, void *out)
{
    const struct address_in *a = in;
    struct address_new n = {.id = a->made,
                            .kind = str_of(address_kind_codes[a->kind]),
                            .line = a->line,
                            .postal = a->postal,
                            .city = a->city,
                            .region = a->region,
                            .country = a->country,
                            .source = S("staff")};
    TRY(address_add(cx, a->part.root, &n));
    TRY(part_changed(cx, a->part.root, "address.add", a->made.v, n.kind));
    *(struct address *)out = (struct address){.id = n.id,
                                              .kind = n.kind,
                                              .line = n.line,
                                              .postal = n.postal,
                                              .city = n.city,
                                              .region = n.region,
                                              .country = n.country,
                                              .source = n.source,
                                              .at = {cx->now_ms}};
    return OK;
}

/* ---- holdings
 * ---------------------------------------------------------------------------------------- */

struct holding_in {
    struct part_in part;
    product_id product;
    str name, serial, plan, number;
    when until;
};
/* clang-format off */
static const struct field holding_in_fields[] = {
    FIELD_AS(struct holding_in, part.id, "id", .in_path = true),
    FIELD(struct holding_in, product, .nullable = true),
    FIELD(struct holding_in, name, .required = true),
    FIELD(struct holding_in, serial),
    FIELD(struct holding_in, plan),
    FIELD(struct holding_in, number),
    FIELD(struct holding_in, until),
};
/* clang-format on */
const struct shape holding_in_shape = SHAPE("holding_in", struct holding_in, holding_in_fields);

enum err holding_apply(struct cx *cx, void *in, void *out)
{
    const struct holding_in *a = in;
    holding_id id = {id_new(cx->now_ms)};
    TRY(db_run(cx, &q_holding_insert,
               ARGS(V(id), V(a->part.root), val_int_or_null(a->product.v), V(a->name), V(a->serial),
                    V(a->plan), V(a->number), val_int_or_null(a->until.ms), V(cx->now_ms))));
    TRY(part_changed(cx, a->part.root, "holding.add", id.v, (str){0}));
    *(struct holding *)out = (struct holding){.id = id,
                                              .product = a->product,
                                              .name = a->name,
                                              .serial = a->serial,
                                              .plan = a->plan,
                                              .number = a->number,
                                              .until = a->until,
                                              .at = {cx->now_ms}};
    return OK;
}

/* ---- relations
 * ---------------------------------------------------------------------------------------- */

const char *const relation_codes[RELATION_N] = {"works_at",   "branch_of", "resells_for",
                                                "partner_of", "family",    "referred_by"};
struct relation_in {
    struct part_in part;
    customer_id other;
    int kind;
    str role;
    struct customer there;
    relation_id made;
};
/* clang-format off */
static const struct field relation_in_fields[] = {
    FIELD_AS(struct relation_in, part.id, "id", .in_path = true),
    FIELD(struct relation_in, other, .required = true),
    FIELD_ENUM(struct relation_in, kind, relation_codes, .required = true),
    FIELD(struct relation_in, role),
};
/* clang-format on */
const struct shape relation_in_shape = SHAPE("relation_in", struct relation_in, relation_in_fields);

enum err relation_plan(struct cx *cx, void *in, void *out)
{
    struct relation_in *a = in;
    TRY(part_plan(cx, in, out));
    enum err e = customer_get(cx, a->other, &a->there);
    if (e == ERR_NOT_FOUND)
        return fault_field(cx, ERR_INVALID, S("other"), M_CUSTOMER_UNKNOWN);
    TRY(e);
    if (a->there.id.v == a->part.root.v)
        return fault_field(cx, ERR_INVALID, S("other"), M_RELATION_SELF);
    if (a->made.v == 0)
        a->made.v = id_new(cx->now_ms);
    return OK;
}

enum err relation_add(struct cx *cx, const struct relation_new *r, relation_id *id)
{
    const char *kind = relation_codes[r->kind];
    int64_t same = 0;
    enum err e = db_int(cx, &q_relation_same, &same, ARGS(V(r->customer), V(r->other), V(kind)));
    *id = r->id;
    if (e == OK) { /* said before: only the role may be new */
        id->v = same;
        TRY(db_run(cx, &q_relation_role_set, ARGS(V(r->role), V(*id))));
    } else if (e == ERR_NOT_FOUND) {
        TRY(db_run(cx, &q_relation_insert,
                   ARGS(V(*id), V(r->customer), V(r->other), V(kind), V(r->role), V(cx->now_ms))));
    } else {
        return e;
    }
    return part_changed(cx, r->customer, "relation.add", id->v, str_of(kind));
}

enum err relation_apply(struct cx *cx, void *in, void *out)
{
    const struct relation_in *a = in;
    relation_id id = {0};
    TRY(relation_add(
        cx, &(struct relation_new){a->made, a->part.root, a->there.id, a->kind, a->role}, &id));
    *(struct relation *)out =
        (struct relation){.id = id,
                          .other = {a->there.id, a->there.name, a->there.name_lang},
                          .other_kind = a->there.kind,
                          .other_lang = a->there.lang,
                          .kind = str_of(relation_codes[a->kind]),
                          .role = a->role,
                          .at = {cx->now_ms}};
    return OK;
}

/* ---- taking away
 * ---------------------------------------------------------------------------------------- */

struct gone_in {
    int64_t id;
};
struct address_gone {
    address_id id;
};
struct holding_gone {
    holding_id id;
};
struct relation_gone {
    relation_id id;
};
/* clang-format off */
static const struct field address_gone_fields[] = {
    FIELD(struct address_gone, id, .in_path = true),
};
static const struct field holding_gone_fields[] = {
    FIELD(struct holding_gone, id, .in_path = true),
};
static const struct field relation_gone_fields[] = {
    FIELD(struct relation_gone, id, .in_path = true),
};
/* clang-format on */
const struct shape address_gone_shape =
    SHAPE("address_gone", struct address_gone, address_gone_fields);
const struct shape holding_gone_shape =
    SHAPE("holding_gone", struct holding_gone, holding_gone_fields);
const struct shape relation_gone_shape =
    SHAPE("relation_gone", struct relation_gone, relation_gone_fields);

static enum err part_gone(struct cx *cx, const struct query *whose, const struct query *away,
                          const char *action, void *in)
{
    int64_t id = ((struct gone_in *)in)->id, root = 0;
    enum err e = db_int(cx, whose, &root, ARGS(V(id)));
    if (e == ERR_NOT_FOUND)
        return fault(cx, ERR_NOT_FOUND, M_PART_UNKNOWN);
    TRY(e);
    TRY(db_run(cx, away, ARGS(V(id))));
    return part_changed(cx, (customer_id){root}, action, id, (str){0});
}

enum err address_gone(struct cx *cx, void *in, void *out)
{
    (void)out;
    return part_gone(cx, &q_address_whose, &q_address_delete, "address.remove", in);
}
enum err holding_gone(struct cx *cx, void *in, void *out)
{
    (void)out;
    return part_gone(cx, &q_holding_whose, &q_holding_delete, "holding.remove", in);
}
enum err relation_gone(struct cx *cx, void *in, void *out)
{
    (void)out;
    return part_gone(cx, &q_relation_whose, &q_relation_delete, "relation.remove", in);
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

/* ---- proposed changes
 * ------------------------------------------------------------------------------- */

struct proposal_in {
    proposal_id id;
    bool accept;
    struct proposal seen;
    struct customer customer, next;
    struct str_list keys;
    struct handle handle;
    int type; /* of a proposed handle; -1 none */
    identity_id identity;
    address_id address;
    int64_t value_id;
};
/* clang-format off */
static const struct field proposal_in_fields[] = {
    FIELD(struct proposal_in, id, .in_path = true),
    FIELD(struct proposal_in, accept, .required = true),
};
/* clang-format on */
const struct shape proposal_in_shape = SHAPE("proposal_in", struct proposal_in, proposal_in_fields);

static int handle_type(str field)
{
    for (int i = 0; i < IDENTITY_TYPE_N; i++)
        if (str_eq(field, str_of(identity_type_codes[i])))
            return i;
    return -1;
}

enum err proposal_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct proposal_in *a = in;
    enum err e = db_one(cx, &q_proposal_get, &proposal_row_shape, &a->seen, ARGS(V(a->id)));
    if (e == ERR_NOT_FOUND)
        return fault(cx, ERR_NOT_FOUND, M_PROPOSAL_UNKNOWN);
    TRY(e);
    if (a->seen.decided_at.ms)
        return fault(cx, ERR_CONFLICT, M_PROPOSAL_DECIDED);
    TRY(customer_get(cx, a->seen.customer, &a->customer));
    a->type = handle_type(a->seen.field);
    if (!a->accept)
        return OK;
    a->identity.v = id_new(cx->now_ms);
    a->value_id = id_new(cx->now_ms);
    a->address.v = id_new(cx->now_ms);
    if (a->type >= 0) {
        if (!handle_read(cx->arena, a->type, a->seen.value, settings_current(cx)->region,
                         &a->handle))
            return fault(cx, ERR_INVALID, M_IDENTITY_MALFORMED, MARG("given", a->seen.value),
                         MARG("type", str_of(identity_type_codes[a->type])));
        a->handle.suffix = (str){0};
        TRY(customer_owners(cx, &a->handle, 1));
        return a->handle.is_full ? fault(cx, ERR_CONFLICT, M_IDENTITY_FULL) : OK;
    }
    struct customer *c = &a->next;
    *c = a->customer;
    if (customer_text_set(c, a->seen.field, a->seen.value))
        a->keys = customer_keys(cx->arena, c->name, c->reading, c->company, c->country);
    return OK;
}

static enum err accept_field(struct cx *cx, const struct proposal_in *a)
{
    struct change_by by = {.source = "proposal"};
    return customer_change(cx, &a->customer, &a->next, &a->keys, &by);
}

/* "address.home": street, postcode, city, region, country, a line each. */
static enum err accept_address(struct cx *cx, const struct proposal_in *a)
{
    str rest = a->seen.value;
    str part[5];
    for (size_t i = 0; i < 5; i++)
        part[i] = str_cut(&rest, '\n');
    str kind = a->seen.field;
    (void)str_cut(&kind, '.');
    struct address_new n = {.id = a->address,
                            .kind = kind,
                            .line = part[0],
                            .postal = part[1],
                            .city = part[2],
                            .region = part[3],
                            .country = part[4],
                            .source = S("proposal")};
    return address_add(cx, a->customer.id, &n);
}

enum err proposal_apply(struct cx *cx, void *in, void *out)
{
    const struct proposal_in *a = in;
    int64_t n = 0;
    TRY(db_run_count(cx, &q_proposal_decide, &n,
                     ARGS(V(cx->now_ms), staff_or_null(cx), V(a->accept), V(a->id))));
    if (n == 0)
        return fault(cx, ERR_CONFLICT, M_PROPOSAL_DECIDED);
    if (a->accept && a->type >= 0) {
        struct handle_new h = {.handle = &a->handle,
                               .id = a->identity,
                               .value_id = a->value_id,
                               .type = a->type,
                               .state = IDENTITY_CLAIMED,
                               .given = a->seen.value,
                               .source = "proposal"};
        TRY(customer_handles_add(cx, a->customer.id, &h, 1));
    } else if (a->accept && str_starts(a->seen.field, S("address."))) {
        TRY(accept_address(cx, a));
    } else if (a->accept) {
        TRY(accept_field(cx, a));
    }
    TRY(part_changed(cx, a->customer.id, a->accept ? "proposal.accept" : "proposal.decline",
                     a->id.v, a->seen.field));
    *(struct proposal *)out = a->seen;
    return OK;
}
