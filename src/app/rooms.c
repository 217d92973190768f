/* app/rooms.c - the rooms of the house, in the order of the floors; add yours here. */
#include "app/flows.h"
#include "app/house.h"
#include "app/hub.h"
#include "rooms/audit/audit.h"
#include "rooms/automation/automation.h"
#include "rooms/call/call.h"
#include "rooms/card/card.h"
#include "rooms/consent/consent.h"
#include "rooms/customer/customer.h"
#include "rooms/evidence/evidence.h"
#include "rooms/import/import.h"
#include "rooms/intake/intake.h"
#include "rooms/judge/judge.h"
#include "rooms/list/list.h"
#include "rooms/order/order.h"
#include "rooms/panel/panel.h"
#include "rooms/product/product.h"
#include "rooms/risk/risk.h"
#include "rooms/search/search.h"
#include "rooms/segment/segment.h"
#include "app/look/doctor.h"
#include "rooms/settings/settings.h"
#include "rooms/source/source.h"
#include "rooms/staff/staff.h"

const struct room *const rooms[] = {
    &settings_room,   &staff_room,  &audit_room,  &source_room,   &product_room,  &customer_room,
    &consent_room,    &intake_room, &order_room,  &evidence_room, &segment_room,  &automation_room,
    &phone_link_room, &call_room,   &risk_room,   &judge_room,    &card_room,     &panel_room,
    &search_room,     &list_room,   &import_room, &hub_room,      &security_room,
};
const size_t rooms_n = COUNT(rooms);

/* What conditions may ask: each room's table. */
static const struct expr_table *const attributes[] = {&customer_attributes, &intake_attributes,
                                                      &order_attributes,    &evidence_attributes,
                                                      &risk_attributes,     &judge_attributes};
static enum err (*const users[])(struct cx *, str, struct list *) = {
    segment_users, automation_users, view_users, judge_users};
const struct expr_catalogue house_catalogue = {
    .tables = attributes,
    .n = COUNT(attributes),
    .more = customer_attributes_more,
    .segment = segment_text,
    .users = users,
    .n_users = COUNT(users),
};

/* Paths that keep their exchange open. */
const struct stream_route stream_routes[] = {
    {.path = "/api/v1/events",
     .may = MAY_ALL,
     .take = hub_take,
     .summary = "Committed events as a stream (Server-Sent Events)"},
    {.path = "/api/v1/imports",
     .method = HTTP_POST,
     .may = MAY_LEAD,
     .take = flow_upload,
     .body_limit = ((int64_t)IMPORT_FILE_MB << 20) + (2 << 20),
     .takes = "multipart/form-data",
     .gives = "application/json",
     .summary =
         "Upload a CSV file: kind (customers, orders, interactions), perhaps a map, and file"},
    {.path = "/api/v1/imports/{id}/rejected",
     .may = MAY_LEAD,
     .take = flow_rejected,
     .in = &rejected_in_shape,
     .gives = "text/csv",
     .summary = "The rows that were rejected, as they stood in the file, with the reason in front"},
    {.path = "/api/v1/customers/export",
     .may = MAY_EXPORT,
     .take = flow_export_customers,
     .in = &export_in_shape,
     .gives = "text/csv",
     .summary = "Customers as CSV or NDJSON, those that a condition chooses"},
    {.path = "/api/v1/orders/export",
     .may = MAY_EXPORT,
     .take = flow_export_orders,
     .in = &export_in_shape,
     .gives = "text/csv",
     .summary = "Orders as CSV or NDJSON"},
};
const size_t stream_routes_n = COUNT(stream_routes);
