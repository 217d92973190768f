/* rooms/panel/panel.c - call, card and intake in one answer, for the request and for the ring. */
#include "rooms/panel/panel.h"

static const size_t ANSWER_MAX = 512 * 1024;

/* clang-format off */
struct seen { call_id id; struct call call; str card, intake; };
static const struct field in_fields[] = {FIELD(struct seen, id, .in_path = true)};
static const struct shape in_shape = SHAPE("panel_in", struct seen, in_fields);
static const struct field seen_fields[] = {
    FIELD_STRUCT(struct seen, call, &call_shape),
    FIELD_JSON(struct seen, card, .nullable = true, .doc = "Card of the customer who is known"),
    FIELD_JSON(struct seen, intake, .nullable = true, .doc = "What is shown of a caller who is not known"),
};
static const struct shape panel_shape = SHAPE("panel", struct seen, seen_fields);
/* clang-format on */

static enum err intake_json(struct cx *cx, const struct call *c, str *out)
{
    struct call_intake i;
    TRY(call_intake(cx, c, &i));
    struct text t = text_in(cx->arena, ANSWER_MAX);
    struct json_out j = {.to = &t, .role_bit = MAY(cx->actor.role)};
    json_write(&j, &call_intake_shape, &i);
    *out = text_str(&t);
    return OK;
}

static enum err show(struct cx *cx, call_id id, const struct list *whose, struct seen *out)
{
    if (!out->call.customer.id.v)
        return intake_json(cx, &out->call, &out->intake);
    audit_view(cx, out->call.customer.id.v);
    return card_json_of(cx, whose, id, &out->card);
}

static enum err look(struct cx *cx, call_id id, struct seen *out)
{
    struct list whose = {0};
    TRY(call_get_whose(cx, id, &out->call, &whose));
    return show(cx, id, &whose, out);
}

static enum err written(struct cx *cx, const struct seen *s, str *out)
{
    struct text t = text_in(cx->arena, ANSWER_MAX);
    struct json_out j = {.to = &t, .role_bit = MAY(cx->actor.role)};
    json_write(&j, &panel_shape, s);
    *out = text_str(&t);
    return t.is_over ? ERR_TOO_BIG : OK;
}

enum err panel_json(struct cx *cx, call_id id, str *out)
{
    struct seen *s = ARENA_NEW(cx->arena, struct seen);
    TRY(look(cx, id, s));
    return written(cx, s, out);
}

enum err panel_ring_json(struct cx *cx, call_id id, bool *is_ringing, str *out)
{
    struct seen *s = ARENA_NEW(cx->arena, struct seen);
    struct list whose = {0};
    *is_ringing = false;
    TRY(call_get_whose(cx, id, &s->call, &whose));
    if (s->call.state != CALL_RINGING)
        return OK;
    *is_ringing = true;
    TRY(show(cx, id, &whose, s));
    return written(cx, s, out);
}

static enum err get(struct cx *cx, void *in, void *out)
{
    return look(cx, ((struct seen *)in)->id, out);
}

/* ---- the form becomes a customer ------------------------------------------------------------- */

/* clang-format off */
struct made_customer { customer_id id; bool is_new; };
static const struct field made_fields[] = {
    FIELD(struct made_customer, id),
    FIELD(struct made_customer, is_new),
};
static const struct shape made_shape = SHAPE("made_customer", struct made_customer, made_fields);
struct made { struct made_customer customer; struct seen seen; };
static const struct field answer_fields[] = {
    FIELD_STRUCT(struct made, customer, &made_shape),
    {.name = "call", .offset = offsetof(struct made, seen.call), .size = sizeof(struct call), .type = F_STRUCT, .sub = &call_shape},
    {.name = "card", .offset = offsetof(struct made, seen.card), .size = sizeof(str), .type = F_JSON, .nullable = true},
};
static const struct shape answer_shape = SHAPE("call_customer", struct made, answer_fields);
/* clang-format on */

static enum err customer_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    return call_customer_plan(cx, in);
}

static enum err customer_apply(struct cx *cx, void *in_, void *out_)
{
    const struct call_customer_in *in = in_;
    struct made *out = out_;
    struct intake_result r = {0};
    TRY(call_customer_apply(cx, in, &r));
    out->customer = (struct made_customer){r.customer, r.is_new};
    cx->made_id = in->id.v;
    return look(cx, in->id, &out->seen);
}

static enum err customer_again(struct cx *cx, int64_t id, void *out_)
{
    struct made *out = out_;
    TRY(look(cx, (call_id){id}, &out->seen));
    out->customer.id = out->seen.call.customer.id;
    return OK;
}

/* clang-format off */
static const struct route routes[] = {
    {.method = HTTP_GET, .path = "/api/v1/calls/{id}", .may = MAY_SERVE, .read = get, .in = &in_shape, .out = &panel_shape,
     .is_card = true, .summary = "A call with the caller's card, or with the form for an unknown caller"},
    {.method = HTTP_POST, .path = "/api/v1/calls/{id}/customer", .may = MAY_SERVE, .plan = customer_plan, .apply = customer_apply,
     .replay = customer_again, .in = &call_customer_in_shape, .out = &answer_shape,
     .summary = "The form of an unknown caller becomes a customer, or joins one who is known"},
};
/* clang-format on */
const struct room panel_room = ROOM("panel", routes);
