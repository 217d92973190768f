/* rooms/intake/intake_http.c - POST /intake, and POST /customers, which is an intake without a
 * contact. */
#include "messages.h"
#include "queries.h"
#include "rooms/intake/inside.h"

/* clang-format off */
static const struct field identity_fields[] = {
    FIELD_ENUM(struct intake_identity, type, identity_type_codes, .required = true),
    FIELD(struct intake_identity, value, .required = true, .max_len = 254, .personal = true),
    FIELD(struct intake_identity, verified, .doc = "Counts only from a token with scope vouch"),
};
const struct shape intake_identity_shape = SHAPE("intake_identity", struct intake_identity, identity_fields);

static const struct field claims_fields[] = {
#define X(m, claim, most, rule, ...) FIELD_AS(struct intake_claims, m, #claim, .max_len = most, __VA_ARGS__),
    CUSTOMER_TEXTS(X)
#undef X
    FIELD(struct intake_claims, kind, .max_len = 20, .doc = "person (default) or company"),
    FIELD(struct intake_claims, address_kind, .max_len = 20, .doc = "home (default), delivery, billing, office"),
    FIELD(struct intake_claims, address_line, .max_len = 500, .personal = true),
    FIELD(struct intake_claims, address_postal, .max_len = 20, .personal = true),
};
const struct shape intake_claims_shape = SHAPE("claims", struct intake_claims, claims_fields);

static const struct field intake_fields[] = {
    FIELD_ENUM(struct intake, channel, channel_codes, .required = true),
    FIELD_ENUM(struct intake, direction, direction_codes, .doc = "in (default), out, none"),
    FIELD(struct intake, at, .doc = "When it was; default now"),
    FIELD(struct intake, source_id, .doc = "The source's own id: the same again changes nothing"),
    FIELD_LIST(struct intake, identities, &intake_identity_shape, .max_len = 16),
    FIELD_STRUCT(struct intake, claims, &intake_claims_shape),
    FIELD(struct intake, subject, .max_len = 1000, .multiline = true, .personal = true),
    FIELD(struct intake, text, .max_len = 200000, .multiline = true, .personal = true),
    FIELD(struct intake, ip, .max_len = 64, .personal = true),
};
static const struct shape intake_shape = SHAPE("intake", struct intake, intake_fields);

static const struct field customer_in_fields[] = {
    FIELD_LIST(struct intake, identities, &intake_identity_shape, .max_len = 16),
    FIELD_STRUCT(struct intake, claims, &intake_claims_shape),
};
static const struct shape customer_in_shape = SHAPE("customer_in", struct intake, customer_in_fields);

/* The answer in the form of the API. */
struct made { customer_id id; bool is_new; };
struct numbered { interaction_id id; opt_int number; };
struct answer {
    struct made customer;
    struct numbered interaction;
    str matched_by;
    struct list possible_duplicates, ignored;
};
static const struct field made_fields[] = {
    FIELD(struct made, id),
    FIELD(struct made, is_new),
};
static const struct shape made_shape = SHAPE("made", struct made, made_fields);
static const struct field numbered_fields[] = {
    FIELD(struct numbered, id),
    FIELD(struct numbered, number, .nullable = true, .doc = "Only a case has a number"),
};
static const struct shape numbered_shape = SHAPE("numbered", struct numbered, numbered_fields);
static const struct field duplicate_fields[] = {
    FIELD(struct duplicate, id),
    FIELD(struct duplicate, probability),
    FIELD(struct duplicate, why, .doc = "The handle or the fields that agree"),
};
static const struct shape duplicate_shape = SHAPE("possible_duplicate", struct duplicate, duplicate_fields);
static const struct field ignored_fields[] = {
    FIELD_ENUM(struct intake_ignored, type, identity_type_codes),
    FIELD(struct intake_ignored, value),
    FIELD(struct intake_ignored, why, .doc = "malformed, withheld, too_many_owners"),
};
static const struct shape ignored_shape = SHAPE("ignored_identity", struct intake_ignored, ignored_fields);
static const struct field answer_fields[] = {
    FIELD_STRUCT(struct answer, customer, &made_shape),
    FIELD_STRUCT(struct answer, interaction, &numbered_shape, .nullable = true),
    FIELD(struct answer, matched_by, .doc = "phone, email …, chosen; empty: a new customer"),
    FIELD_LIST(struct answer, possible_duplicates, &duplicate_shape),
    FIELD_LIST(struct answer, ignored, &ignored_shape, .omit_empty = true, .doc = "Identities that recognised nobody, and why"),
};
const struct shape intake_answer_shape = SHAPE("intake_answer", struct answer, answer_fields);
/* clang-format on */

static void answer_of(const struct intake_result *r, struct answer *out)
{
    *out = (struct answer){.customer = {r->customer, r->is_new},
                           .interaction = {r->interaction, {0}},
                           .matched_by = r->matched_by,
                           .possible_duplicates = r->duplicates,
                           .ignored = r->ignored};
}

/* The route says how far the contact is proven: a token presents, a person in our house has seen or
 * heard him. */
static void trust_of_route(const struct cx *cx, struct intake *in)
{
    in->trust = cx->actor.kind == ACTOR_STAFF || cx->actor.kind == ACTOR_SYSTEM ? TRUST_PROVEN
                                                                                : TRUST_PRESENTED;
    in->staff = (staff_id){cx->actor.kind == ACTOR_STAFF ? cx->actor.id : 0};
    bool may_vouch = cx->actor.kind != ACTOR_TOKEN || (cx->actor.scopes & SCOPE_VOUCH);
    struct intake_identity *id = in->identities.items;
    for (size_t i = 0; i < in->identities.n; i++)
        id[i].verified = id[i].verified && may_vouch;
}

static enum err take_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    trust_of_route(cx, in);
    return intake_plan(cx, in);
}

static enum err take(struct cx *cx, void *in, void *out)
{
    struct intake_result r;
    TRY(intake_take(cx, in, &r));
    cx->made_id = r.interaction.v;
    answer_of(&r, out);
    return OK;
}

static enum err take_again(struct cx *cx, int64_t id, void *out)
{
    struct intake_result r;
    TRY(intake_repeat(cx, (interaction_id){id}, &r));
    answer_of(&r, out);
    return OK;
}

static void only_the_customer(struct intake *in)
{
    in->channel = CHANNEL_NOTE; /* names the source of handles and addresses; no line is written */
    in->direction = DIRECTION_NONE;
    in->no_interaction = true;
}

static enum err customer_plan(struct cx *cx, void *in, void *out)
{
    only_the_customer(in);
    return take_plan(cx, in, out);
}

static enum err customer_take(struct cx *cx, void *in, void *out)
{
    struct intake_result r;
    TRY(intake_take(cx, in, &r));
    cx->made_id = r.is_new ? r.customer.v : -r.customer.v; /* so that a repeat says the same */
    answer_of(&r, out);
    return OK;
}

static enum err customer_again(struct cx *cx, int64_t id, void *out)
{
    struct intake_result r = {.is_new = id > 0};
    TRY(customer_root(cx, (customer_id){id > 0 ? id : -id}, &r.customer, NULL));
    answer_of(&r, out);
    return OK;
}

/* ---- many lines -------------------------------------------------------------------------------- */

enum { PIECE = 50 }; /* contacts between two looks at who else waits: some 3 ms */

static enum err lines_plan(struct cx *cx, struct lines *l)
{
    struct intake *in = l->in;
    struct intake_result *r = ARENA_ARRAY(cx->arena, l->n, struct intake_result);
    for (size_t i = 0; i < l->n; i++)
        trust_of_route(cx, &in[i]);
    l->stash = r;
    return intake_plan_many(cx, in, l->n, r);
}

static enum err lines_take(struct cx *cx, struct lines *l)
{
    struct intake_result *r = l->stash;
    struct answer *out = l->out;
    const struct intake_pieces pieces = {PIECE, l->must_end, l->must_end_arg};
    l->piece = PIECE;
    TRY(intake_take_some(cx, l->in, l->n, r, l->must_end ? &pieces : NULL, &l->done));
    for (size_t i = 0; i < l->done; i++) {
        l->fate[i] =
            (struct line_fate){.err = r[i].err, .why = r[i].why, .made_id = r[i].interaction.v};
        answer_of(&r[i], &out[i]);
    }
    return OK;
}

static enum err lines_customer_plan(struct cx *cx, struct lines *l)
{
    struct intake *in = l->in;
    for (size_t i = 0; i < l->n; i++)
        only_the_customer(&in[i]);
    return lines_plan(cx, l);
}

static enum err lines_customer_take(struct cx *cx, struct lines *l)
{
    const struct intake_result *r = l->stash;
    TRY(lines_take(cx, l));
    for (size_t i = 0; i < l->done; i++)
        l->fate[i].made_id = r[i].is_new ? r[i].customer.v : -r[i].customer.v;
    return OK;
}

/* clang-format off */
static const struct route routes[] = {
    {.method = HTTP_POST, .path = "/api/v1/intake", .may = MAY_SERVE, .scope = SCOPE_INTAKE, .plan = take_plan, .apply = take,
     .replay = take_again, .in = &intake_shape, .out = &intake_answer_shape, .body_limit = 1 << 20,
     .summary = "The one door: a contact comes in, is recognised and recorded"},
    {.method = HTTP_POST, .path = "/api/v1/customers", .may = MAY_SERVE, .plan = customer_plan, .apply = customer_take,
     .replay = customer_again, .in = &customer_in_shape, .out = &intake_answer_shape, .status = 201,
     .summary = "Make a customer, or complete the one that these identities already name"},
    {.method = HTTP_POST, .path = "/api/v1/bulk/intake", .may = MAY_SERVE, .scope = SCOPE_INTAKE, .plan_lines = lines_plan,
     .apply_lines = lines_take, .replay = take_again, .in = &intake_shape, .out = &intake_answer_shape, .body_limit = 8 << 20,
     .summary = "Many contacts at once, each as by POST /intake"},
    {.method = HTTP_POST, .path = "/api/v1/bulk/customers", .may = MAY_SERVE, .plan_lines = lines_customer_plan,
     .apply_lines = lines_customer_take, .replay = customer_again, .in = &customer_in_shape, .out = &intake_answer_shape,
     .status = 201, .body_limit = 8 << 20, .summary = "Many customers at once, each as by POST /customers"},
    {.method = HTTP_GET, .path = "/api/v1/customers/{id}/duplicates", .may = MAY_SEE_CUSTOMERS, .read = route_duplicates,
     .in = &duplicates_in_shape, .out = &duplicates_shape, .summary = "Records that may be the same one, with the evidence"},
};
/* clang-format on */
const struct room intake_room = ROOM("intake", routes);
