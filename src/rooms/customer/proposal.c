/* rooms/customer/proposal.c - deciding proposed changes: moved, gift, no. */
#include "messages.h"
#include "queries.h"
#include "rooms/customer/inside.h"

enum decision { DECISION_MOVED, DECISION_GIFT, DECISION_NO };
static const char *const decision_codes[] = {"moved", "gift", "no"};

struct proposal_in {
    proposal_id id;
    bool accept;
    int decision;
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
    FIELD_ENUM(struct proposal_in, decision, decision_codes, .doc = "moved: it replaces what stood there; gift: kept beside it; no"),
    FIELD(struct proposal_in, accept, .doc = "Instead of decision: true is moved, false is no"),
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
    bool has_decision = (cx->sent >> 1) & 1, has_accept = (cx->sent >> 2) & 1;
    if (has_decision == has_accept)
        return fault_field(cx, ERR_INVALID, S("decision"), M_PROPOSAL_DECISION);
    if (has_accept)
        a->decision = a->accept ? DECISION_MOVED : DECISION_NO;
    bool is_address = str_starts(a->seen.field, S("address."));
    if (a->decision == DECISION_GIFT && a->type < 0 && !is_address)
        return fault_field(cx, ERR_INVALID, S("decision"), M_PROPOSAL_GIFT);
    if (a->decision == DECISION_NO)
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

/* "address.home": street, postcode, city, region, country, a line each. Moved: it takes the place of
 * the newest of its kind; a gift: one more address, to deliver to. */
static enum err take_address(struct cx *cx, const struct proposal_in *a, struct change_by *by)
{
    str rest = a->seen.value, part[5], kind = a->seen.field;
    for (size_t i = 0; i < 5; i++)
        part[i] = str_cut(&rest, '\n');
    (void)str_cut(&kind, '.');
    struct address_new n = {.id = a->address,
                            .kind = a->decision == DECISION_GIFT ? S("delivery") : kind,
                            .line = part[0],
                            .postal = part[1],
                            .city = part[2],
                            .region = part[3],
                            .country = part[4],
                            .source = S("proposal")};
    struct list all = {0};
    const struct address *was = NULL;
    TRY(db_all(cx, &q_address_list, &address_row_shape, &all, ARGS(V(a->customer.id))));
    const struct address *x = all.items;
    for (size_t i = 0; a->decision == DECISION_MOVED && i < all.n; i++)
        if (str_eq(x[i].kind, kind) && (!was || x[i].at.ms >= was->at.ms))
            was = &x[i];
    if (!was)
        return address_put_new(cx, a->customer.id, &n, by);
    struct address next = *was;
    next.line = n.line;
    next.postal = n.postal;
    next.city = n.city;
    next.region = n.region;
    next.country = n.country;
    next.source = n.source;
    next.at.ms = cx->now_ms;
    return part_put(cx, &part_address, a->customer.id, was->id.v, was, &next, by);
}

/* A handle is added in either case: the one before may still ring. A gift is another's too. */
static enum err take_handle(struct cx *cx, const struct proposal_in *a, struct change_by *by)
{
    struct handle_new h = {.handle = &a->handle,
                           .id = a->identity,
                           .value_id = a->value_id,
                           .type = a->type,
                           .state =
                               a->decision == DECISION_GIFT ? IDENTITY_SHARED : IDENTITY_CLAIMED,
                           .given = a->seen.value,
                           .source = "proposal"};
    TRY(customer_handles_add(cx, a->customer.id, &h, 1));
    return identity_history(cx, a->customer.id, &h, 1, by);
}

enum err proposal_apply(struct cx *cx, void *in, void *out)
{
    const struct proposal_in *a = in;
    struct change_by by = {.source = "proposal"};
    int64_t n = 0;
    TRY(db_run_count(
        cx, &q_proposal_decide, &n,
        ARGS(V(cx->now_ms), val_int_or_null(cx->actor.kind == ACTOR_STAFF ? cx->actor.id : 0),
             V(a->decision != DECISION_NO), V(decision_codes[a->decision]), V(a->id))));
    if (n == 0)
        return fault(cx, ERR_CONFLICT, M_PROPOSAL_DECIDED);
    if (a->decision != DECISION_NO) {
        if (a->type >= 0)
            TRY(take_handle(cx, a, &by));
        else if (str_starts(a->seen.field, S("address.")))
            TRY(take_address(cx, a, &by));
        else
            TRY(customer_change(cx, &a->customer, &a->next, &a->keys, &by));
    }
    TRY(part_changed(cx, a->customer.id,
                     a->decision == DECISION_NO ? "proposal.refuse" : "proposal.accept", a->id.v,
                     a->seen.field));
    struct proposal *p = out;
    *p = a->seen;
    p->decided_at.ms = cx->now_ms;
    p->decision = str_of(decision_codes[a->decision]);
    return OK;
}
