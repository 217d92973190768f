/* rooms/automation/automation_http.c - the routes of automations, of messages that leave the house, of notices. */
#include "rooms/automation/inside.h"

/* clang-format off */
static const struct route routes[] = {
    {.method = HTTP_GET, .path = "/api/v1/automations", .may = MAY_LEAD, .read = automations_route, .out = &automations_shape,
     .summary = "Automations: when an event happens and a condition holds, do actions"},
    {.method = HTTP_POST, .path = "/api/v1/automations", .may = MAY_LEAD, .plan = automation_add_plan, .apply = automation_add_apply,
     .replay = automation_again, .in = &automation_in_shape, .out = &automation_out_shape, .status = 201,
     .summary = "Make an automation; one with a webhook is an administrator's"},
    {.method = HTTP_POST, .path = "/api/v1/automations/dry-run", .may = MAY_LEAD, .scope = SCOPE_READ, .read = dry_route, .in = &dry_in_shape,
     .out = &dry_out_shape, .is_heavy = true, .summary = "What an automation that is not kept yet would have done in the last days"},
    {.method = HTTP_GET, .path = "/api/v1/automations/{id}", .may = MAY_LEAD, .read = automation_route, .in = &automation_by_id_shape,
     .out = &automation_out_shape, .summary = "An automation"},
    {.method = HTTP_PATCH, .path = "/api/v1/automations/{id}", .may = MAY_LEAD, .plan = automation_patch_plan, .apply = automation_patch_apply,
     .replay = automation_again, .in = &automation_patch_shape, .out = &automation_out_shape, .summary = "Change an automation, turn it on or off"},
    {.method = HTTP_DELETE, .path = "/api/v1/automations/{id}", .may = MAY_LEAD, .apply = automation_delete_apply, .in = &automation_by_id_shape,
     .summary = "Take an automation away, with what it did and what waits to be sent"},
    {.method = HTTP_POST, .path = "/api/v1/automations/{id}/dry-run", .may = MAY_LEAD, .scope = SCOPE_READ, .read = dry_of_route, .in = &dry_of_shape,
     .out = &dry_out_shape, .is_heavy = true, .summary = "What it would have done in the last days"},
    {.method = HTTP_GET, .path = "/api/v1/automations/{id}/runs", .may = MAY_LEAD, .read = runs_route, .in = &runs_in_shape, .out = &runs_shape,
     .summary = "What it did in the last 30 days, newest first"},
    {.method = HTTP_POST, .path = "/api/v1/automations/{id}/secret", .may = MAY_ADMIN, .plan = secret_plan, .apply = secret_apply,
     .in = &automation_by_id_shape, .out = &secret_out_shape, .summary = "A new secret for the signature of its webhook; the old one ends"},
    {.method = HTTP_POST, .path = "/api/v1/automations/{id}/test", .may = MAY_ADMIN, .plan = automation_test_plan, .apply = automation_test_apply,
     .in = &automation_by_id_shape, .status = 202, .summary = "Put a test message for its webhook in line"},
    {.method = HTTP_GET, .path = "/api/v1/webhooks/deliveries", .may = MAY_LEAD, .read = deliveries_route, .in = &deliveries_in_shape,
     .out = &deliveries_shape, .summary = "Messages that were given up; of one automation all, newest first"},
    {.method = HTTP_POST, .path = "/api/v1/webhooks/deliveries/{id}/again", .may = MAY_ADMIN, .plan = delivery_again_plan, .apply = delivery_again_apply,
     .in = &delivery_by_id_shape, .out = &delivery_shape, .summary = "Send a message again now, and try for another day"},
    {.method = HTTP_GET, .path = "/api/v1/webhooks/hosts", .may = MAY_ADMIN, .read = hosts_route, .out = &hosts_shape,
     .summary = "Hosts inside that webhooks may go to"},
    {.method = HTTP_PUT, .path = "/api/v1/webhooks/hosts", .may = MAY_ADMIN, .plan = hosts_plan, .apply = hosts_apply, .in = &hosts_shape, .out = &hosts_shape,
     .summary = "Say which hosts inside webhooks may go to; all others inside are refused"},
    {.method = HTTP_GET, .path = "/api/v1/notices", .may = MAY_SEE_CUSTOMERS, .read = notices_route, .in = &notices_in_shape, .out = &notices_shape,
     .summary = "What automations tell me, newest first"},
    {.method = HTTP_POST, .path = "/api/v1/notices/{id}/seen", .may = MAY_SEE_CUSTOMERS, .apply = notice_seen_apply, .in = &notice_by_id_shape,
     .summary = "I have seen it"},
};
/* clang-format on */
const struct room automation_room = ROOM("automation", routes);
