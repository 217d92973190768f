/* rooms/customer/customer_http.c - the routes of customers and their parts. */
#include "rooms/customer/inside.h"

#define CUSTOMER "/api/v1/customers/{id}"
/* clang-format off */
static const struct route routes[] = {
    {.method = HTTP_GET, .path = "/api/v1/customers", .may = MAY_SEE_CUSTOMERS, .read = route_list, .in = &page_in_shape,
     .out = &customer_page_shape, .summary = "Customers, newest first"},
    {.method = HTTP_GET, .path = CUSTOMER, .may = MAY_SEE_CUSTOMERS, .read = route_record, .in = &by_id_shape,
     .out = &record_shape, .summary = "A customer with all that hangs on it"},
    {.method = HTTP_PATCH, .path = CUSTOMER, .may = MAY_SERVE, .plan = patch_plan, .apply = patch_apply, .replay = patch_replay,
     .in = &patch_shape, .out = &record_shape, .summary = "Change fields of a customer; only what is sent"},
    {.method = HTTP_POST, .path = CUSTOMER "/identities", .may = MAY_SERVE, .plan = identity_plan, .apply = identity_apply,
     .replay = identity_replay, .in = &identity_in_shape, .out = &identity_shape, .status = 201,
     .summary = "Give a customer a handle: phone, e-mail, account, card …"},
    {.method = HTTP_PATCH, .path = "/api/v1/identities/{id}", .may = MAY_SERVE, .apply = identity_patch,
     .replay = identity_replay, .in = &identity_patch_shape, .out = &identity_shape,
     .summary = "Say what a handle is: confirmed, claimed, shared, wrong"},
    {.method = HTTP_POST, .path = CUSTOMER "/marks", .may = MAY_SEE_CUSTOMERS, .plan = mark_plan, .apply = mark_apply,
     .in = &mark_in_shape, .out = &mark_shape, .status = 201,
     .summary = "Mark a customer, with a reason: vip (managers), do_not_contact, blocked (managers, risk)"},
    {.method = HTTP_DELETE, .path = CUSTOMER "/marks/{mark}", .may = MAY_SEE_CUSTOMERS, .plan = mark_gone_plan,
     .apply = mark_gone_apply, .in = &mark_gone_shape, .summary = "Take a mark away"},
    {.method = HTTP_POST, .path = CUSTOMER "/addresses", .may = MAY_SERVE, .plan = address_plan, .apply = address_apply,
     .in = &address_in_shape, .out = &address_shape, .status = 201, .summary = "Add an address"},
    {.method = HTTP_POST, .path = CUSTOMER "/holdings", .may = MAY_SERVE, .plan = part_plan, .apply = holding_apply,
     .in = &holding_in_shape, .out = &holding_shape, .status = 201, .summary = "Add what the customer has"},
    {.method = HTTP_POST, .path = CUSTOMER "/relations", .may = MAY_SERVE, .plan = relation_plan, .apply = relation_apply,
     .in = &relation_in_shape, .out = &relation_shape, .status = 201, .summary = "Say how two customers belong together"},
    {.method = HTTP_POST, .path = CUSTOMER "/notes", .may = MAY_SERVE | MAY(ROLE_RISK) | MAY(ROLE_PRIVACY), .plan = part_plan,
     .apply = note_apply, .in = &note_in_shape, .out = &note_shape, .status = 201, .summary = "Add a note"},
    {.method = HTTP_POST, .path = CUSTOMER "/tasks", .may = MAY_SERVE | MAY(ROLE_RISK), .plan = task_in_plan,
     .apply = task_in_apply, .replay = task_replay, .in = &task_in_shape, .out = &task_shape, .status = 201,
     .summary = "Add a task"},
    {.method = HTTP_GET, .path = "/api/v1/tasks", .may = MAY_SEE_CUSTOMERS, .read = route_tasks, .in = &task_list_shape,
     .out = &task_page_shape, .summary = "Open tasks: first by priority, then oldest first"},
    {.method = HTTP_PATCH, .path = "/api/v1/tasks/{id}", .may = MAY_SERVE | MAY(ROLE_RISK), .plan = task_patch_plan,
     .apply = task_patch_apply, .replay = task_replay, .in = &task_patch_shape, .out = &task_shape,
     .summary = "Change a task or say that it is done"},
    {.method = HTTP_POST, .path = "/api/v1/proposals/{id}", .may = MAY_SERVE, .plan = proposal_plan, .apply = proposal_apply,
     .in = &proposal_in_shape, .out = &proposal_shape, .summary = "Accept or decline a proposed change"},
};
/* clang-format on */
const struct room customer_room = ROOM("customer", routes);
