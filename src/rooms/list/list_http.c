/* rooms/list/list_http.c - the routes of the customers' table and of saved views. */
#include "rooms/list/filter.h"

/* clang-format off */
static const struct route routes[] = {
    {.method = HTTP_GET, .path = "/api/v1/customers", .may = MAY_SEE_CUSTOMERS, .read = list_route, .in = &list_in_shape,
     .out = &list_out_shape, .summary = "Customers as a table: filter, free words, order, columns"},
    {.method = HTTP_GET, .path = "/api/v1/customers/count", .may = MAY_SEE_CUSTOMERS, .read = count_route, .in = &many_in_shape,
     .out = &many_out_shape, .summary = "How many customers that is, exactly or about"},
    {.method = HTTP_GET, .path = "/api/v1/views", .may = MAY_SEE_CUSTOMERS, .read = views_route,
     .out = &views_shape, .summary = "Views of the customers' table: the house's, shared ones, own ones"},
    {.method = HTTP_POST, .path = "/api/v1/views", .may = MAY_SEE_CUSTOMERS, .plan = view_new_plan, .apply = view_new_apply, .replay = view_again,
     .in = &view_new_shape, .out = &view_shape, .status = 201, .summary = "Keep a filter, an order and columns under a name"},
    {.method = HTTP_PATCH, .path = "/api/v1/views/{id}", .may = MAY_SEE_CUSTOMERS, .plan = view_patch_plan, .apply = view_patch_apply, .replay = view_again,
     .in = &view_patch_shape, .out = &view_shape, .summary = "Change a saved view"},
    {.method = HTTP_DELETE, .path = "/api/v1/views/{id}", .may = MAY_SEE_CUSTOMERS, .plan = view_gone_plan, .apply = view_gone_apply,
     .in = &view_gone_shape, .summary = "Remove a saved view"},
    {.method = HTTP_GET, .path = "/api/v1/customers/owners", .may = MAY_SEE_CUSTOMERS, .read = owners_route,
     .out = &owners_shape, .summary = "Members of staff who may be responsible for a customer"},
    {.method = HTTP_POST, .path = "/api/v1/customers/bulk", .may = MAY_SERVE, .is_heavy = true, .plan = bulk_plan, .apply = bulk_apply, .replay = bulk_again,
     .in = &bulk_in_shape, .out = &bulk_shape, .status = 202, .summary = "One action for many customers, as a job"},
    {.method = HTTP_GET, .path = "/api/v1/bulk-actions", .may = MAY_SERVE, .read = bulks_read,
     .out = &bulks_shape, .summary = "The last actions for many customers: own ones, all for managers"},
    {.method = HTTP_GET, .path = "/api/v1/bulk-actions/{id}", .may = MAY_SERVE, .read = bulk_read,
     .in = &bulk_id_shape, .out = &bulk_shape, .summary = "How far an action for many came"},
    {.method = HTTP_POST, .path = "/api/v1/bulk-actions/{id}/cancel", .may = MAY_SERVE, .apply = bulk_cancel, .replay = bulk_again,
     .in = &bulk_id_shape, .out = &bulk_shape, .summary = "Stop it; what was done stays"},
    {.method = HTTP_POST, .path = "/api/v1/bulk-actions/{id}/resume", .may = MAY_SERVE, .apply = bulk_resume, .replay = bulk_again,
     .in = &bulk_id_shape, .out = &bulk_shape, .status = 202, .summary = "Go on with one that failed"},
    {.method = HTTP_POST, .path = "/api/v1/bulk-actions/{id}/undo", .may = MAY_SERVE, .is_heavy = true, .apply = bulk_undo, .replay = bulk_again,
     .in = &bulk_id_shape, .out = &bulk_shape, .status = 202, .summary = "Take the whole of it back"},
};
/* clang-format on */
const struct room list_room = ROOM("list", routes);
