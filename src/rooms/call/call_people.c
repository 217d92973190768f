/* rooms/call/call_people.c - someone else speaks: a person of this company or family whom nobody knew
 * gets a record through the one door, and a relation to the customer whose call it is. */
#include "rooms/call/call_impl.h"
#include "rooms/intake/intake.h"

struct person_in {
    call_id id;
    str name, role;
    int relation;
    struct call seen;
    struct intake intake;
    relation_id made;
};
/* clang-format off */
static const struct field person_fields[] = {
    FIELD(struct person_in, id, .in_path = true),
    FIELD(struct person_in, name, .required = true, .personal = true),
    FIELD(struct person_in, role, .doc = "Buyer, secretary, spouse …"),
    FIELD_ENUM(struct person_in, relation, relation_codes, .doc = "Left out: works_at for a company, family for a person"),
};
const struct shape call_person_shape = SHAPE("call_person_in", struct person_in, person_fields);
/* clang-format on */
enum { SENT_RELATION = 1 << 3 };

enum err call_person_plan(struct cx *cx, void *in_, void *out)
{
    (void)out;
    struct person_in *in = in_;
    struct call *c = &in->seen;
    TRY(call_for_writing(cx, in->id, c));
    if (!c->customer.id.v)
        return fault(cx, ERR_CONFLICT, M_CALL_NO_CUSTOMER);
    in->name = str_trim(in->name);
    if (!in->name.len)
        return fault_field(cx, ERR_INVALID, S("name"), M_CALL_NAMELESS);
    bool is_company = c->customer.kind == CUSTOMER_COMPANY;
    if (!(cx->sent & SENT_RELATION))
        in->relation = is_company ? RELATION_WORKS_AT : RELATION_FAMILY;
    if (!in->made.v)
        in->made.v = id_new(cx->now_ms);
    in->intake = (struct intake){
        .channel = CHANNEL_CALL,
        .direction = c->direction,
        .trust = TRUST_PRESENTED,
        .staff = {cx->actor.kind == ACTOR_STAFF ? cx->actor.id : 0},
        .no_interaction = true,
        .claims = {.name = in->name,
                   .company = is_company ? c->customer.name : S(""),
                   .lang = c->customer.lang},
    };
    return intake_plan(cx, &in->intake);
}

enum err call_person(struct cx *cx, void *in_, void *out)
{
    struct person_in *in = in_;
    struct call c = {0};
    TRY(call_get(cx, in->id, &c)); /* again: a note may have been saved since */
    if (!c.customer.id.v || c.customer.id.v != in->seen.customer.id.v)
        return fault(cx, ERR_CONFLICT, M_CALL_MOVED);
    /* A person of that name belongs here already: it is she who speaks, not a second one. */
    int64_t known = 0;
    enum err e = db_int(cx, &q_call_person_named, &known, ARGS(V(c.customer.id), V(in->name)));
    customer_id person = {known};
    if (e == ERR_NOT_FOUND) {
        struct intake_result made = {0};
        TRY(intake_take(cx, &in->intake, &made));
        person = made.customer;
    } else {
        TRY(e);
    }
    relation_id relation;
    if (e == ERR_NOT_FOUND || in->role.len)
        TRY(relation_add(
            cx, &(struct relation_new){in->made, person, c.customer.id, in->relation, in->role},
            &relation));
    int64_t version = 0;
    TRY(db_int(cx, &q_call_spoke_set, &version, ARGS(V(person), V(c.id))));
    TRY(call_touched(cx, &c));
    TRY(audit_add(cx, "call.spoke", person.v, c.id.v, S("")));
    TRY(call_tell_changed(cx, c.id, c.customer.id, c.staff.id));
    cx->made_id = c.id.v;
    return call_get(cx, c.id, out);
}
