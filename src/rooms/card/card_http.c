/* rooms/card/card_http.c - the card, the timeline. */
#include "rooms/card/inside.h"

struct card_in {
    customer_id id;
    call_id call;
};
/* clang-format off */
static const struct field card_in_fields[] = {
    FIELD(struct card_in, id, .in_path = true),
    FIELD(struct card_in, call, .nullable = true, .doc = "The call it is wanted for: greeting, second call, caller check"),
};
static const struct shape card_in_shape = SHAPE("card_in", struct card_in, card_in_fields);
/* clang-format on */

static enum err route_card(struct cx *cx, void *in, void *out)
{
    const struct card_in *a = in;
    struct card *c = out;
    TRY(card_get(cx, a->id, a->call, c));
    audit_view(cx, c->customer.id.v);
    return OK;
}

/* clang-format off */
static const struct route routes[] = {
    {.method = HTTP_GET, .path = "/api/v1/customers/{id}/card", .may = MAY_SEE_CUSTOMERS, .read = route_card,
     .in = &card_in_shape, .out = &card_shape, .is_card = true,
     .summary = "The whole card in one answer"},
    {.method = HTTP_GET, .path = "/api/v1/customers/{id}/timeline", .may = MAY_SEE_CUSTOMERS, .read = route_timeline,
     .in = &timeline_in_shape, .out = &timeline_shape, .summary = "Contacts of all channels, newest first"},
    {.method = HTTP_GET, .path = "/api/v1/interactions/{id}", .may = MAY_SEE_CUSTOMERS, .read = route_line,
     .in = &line_in_shape, .out = &line_shape, .summary = "A contact with its whole text"},
};
/* clang-format on */
const struct room card_room = ROOM("card", routes);
