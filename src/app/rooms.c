/* app/rooms.c - the rooms of the house, in the order of the floors; add yours here. */
#include "app/house.h"
#include "app/hub.h"
#include "rooms/audit/audit.h"
#include "rooms/call/call.h"
#include "rooms/card/card.h"
#include "rooms/consent/consent.h"
#include "rooms/customer/customer.h"
#include "rooms/intake/intake.h"
#include "rooms/list/list.h"
#include "rooms/order/order.h"
#include "rooms/panel/panel.h"
#include "rooms/product/product.h"
#include "rooms/search/search.h"
#include "rooms/segment/segment.h"
#include "rooms/settings/settings.h"
#include "rooms/staff/staff.h"

const struct room *const rooms[] = {
    &settings_room, &staff_room,  &audit_room,   &product_room,    &customer_room, &consent_room,
    &intake_room,   &order_room,  &segment_room, &phone_link_room, &call_room,     &card_room,
    &panel_room,    &search_room, &list_room,    &hub_room,
};
const size_t rooms_n = COUNT(rooms);

/* What conditions may ask: each room's table. */
static const struct expr_table *const attributes[] = {&customer_attributes, &intake_attributes,
                                                      &order_attributes};
const struct expr_catalogue house_catalogue = {
    .tables = attributes,
    .n = COUNT(attributes),
    .more = customer_attributes_more,
};

/* Paths that keep their exchange open. */
const struct stream_route stream_routes[] = {
    {.path = "/api/v1/events",
     .may = MAY_ALL,
     .take = hub_take,
     .summary = "Committed events as a stream (Server-Sent Events)"},
};
const size_t stream_routes_n = COUNT(stream_routes);
