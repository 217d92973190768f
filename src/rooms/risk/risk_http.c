/* rooms/risk/risk_http.c - the routes of risk. */
#include "rooms/risk/inside.h"

static const struct field customer_in_fields[] = {FIELD(struct customer_in, id, .in_path = true)};
const struct shape customer_in_shape =
    SHAPE("risk_customer_in", struct customer_in, customer_in_fields);

struct customer_risk {
    struct risk_answer answer;
    struct list reviews;
};
static const struct field customer_risk_fields[] = {
    RISK_ANSWER_FIELDS(struct customer_risk, answer.),
    FIELD_LIST(struct customer_risk, reviews, &review_shape,
               .doc = "Of him, and of those who share a trace with him, newest first"),
};
const struct shape customer_risk_shape =
    SHAPE("customer_risk", struct customer_risk, customer_risk_fields);

enum err customer_risk_route(struct cx *cx, void *in, void *out)
{
    customer_id root;
    struct list ids;
    TRY(customer_root(cx, ((struct customer_in *)in)->id, &root, &ids));
    audit_view(cx, root.v);
    struct customer_risk *o = out;
    return risk_read(cx, root, &o->answer, &o->reviews);
}

/* clang-format off */
static const struct route routes[] = {
    {.method = HTTP_POST, .path = "/api/v1/screen", .may = MAY_SEE_RISK | MAY(ROLE_BRANCH), .plan = screen_plan, .apply = screen_apply, .replay = screen_again,
     .in = &screen_in_shape, .out = &screen_out_shape, .summary = "Risk, signs and advice for a sign-up or an order; remembered, once by its id"},
    {.method = HTTP_GET, .path = "/api/v1/customers/{id}/risk", .may = MAY_SEE_RISK, .read = customer_risk_route, .in = &customer_in_shape,
     .out = &customer_risk_shape, .summary = "The risk of a customer, looked at now, with its signs"},
    {.method = HTTP_GET, .path = "/api/v1/risk/signals", .may = MAY_SEE_RISK, .read = signals_route, .out = &signals_shape,
     .summary = "All signs with their weights"},
    {.method = HTTP_PATCH, .path = "/api/v1/risk/signals/{code}", .may = MAY_RISK, .plan = signal_patch_plan, .apply = signal_patch_apply,
     .in = &signal_patch_shape, .out = &signal_shape, .summary = "Change a weight, or switch a sign off; customers are judged anew in the background"},
    {.method = HTTP_POST, .path = "/api/v1/risk/signals/{code}/preview", .may = MAY_RISK, .scope = SCOPE_READ, .read = signal_preview_route,
     .in = &signal_patch_shape, .out = &signal_preview_shape, .is_heavy = true, .summary = "How many customers would change their level, and ten of them"},
    {.method = HTTP_GET, .path = "/api/v1/payment-methods", .may = MAY_ALL, .read = methods_route, .out = &payment_methods_shape,
     .summary = "Ways to pay, and whether the payer can take the money back"},
    {.method = HTTP_POST, .path = "/api/v1/payment-methods", .may = MAY_RISK, .plan = method_add_plan, .apply = method_apply,
     .in = &payment_method_in_shape, .out = &payment_method_shape, .status = 201, .summary = "Add a way to pay"},
    {.method = HTTP_PATCH, .path = "/api/v1/payment-methods/{code}", .may = MAY_RISK, .plan = method_patch_plan, .apply = method_apply,
     .in = &payment_method_patch_shape, .out = &payment_method_shape, .summary = "Change a way to pay"},
    {.method = HTTP_DELETE, .path = "/api/v1/payment-methods/{code}", .may = MAY_RISK, .plan = method_delete_plan, .apply = method_apply,
     .in = &payment_method_by_code_shape, .summary = "Take a way to pay off the list"},
    {.method = HTTP_GET, .path = "/api/v1/risk/queue", .may = MAY_RISK, .read = reviews_route, .in = &reviews_in_shape, .out = &reviews_shape,
     .summary = "What is to be reviewed, the gravest first; or what was decided"},
    {.method = HTTP_GET, .path = "/api/v1/risk/queue/{id}", .may = MAY_RISK, .read = review_route, .in = &review_by_id_shape, .out = &review_one_shape,
     .summary = "A review with its signs, what it shares with others, and verdicts on those"},
    {.method = HTTP_POST, .path = "/api/v1/risk/queue/{id}/verdict", .may = MAY_RISK, .plan = verdict_plan, .apply = verdict_apply, .replay = verdict_again,
     .in = &verdict_in_shape, .out = &review_shape, .summary = "What a person found: fraud, honest, unsure; evidence for those who share a trace"},
    {.method = HTTP_GET, .path = "/api/v1/risk/blocks", .may = MAY_RISK, .read = blocks_route, .in = &blocks_in_shape, .out = &blocks_shape,
     .summary = "The block list, newest first"},
    {.method = HTTP_POST, .path = "/api/v1/risk/blocks", .may = MAY_RISK, .plan = block_add_plan, .apply = block_add_apply, .replay = block_again,
     .in = &block_in_shape, .out = &block_shape, .status = 201, .summary = "Put a value on the block list, with a reason, perhaps until a day"},
    {.method = HTTP_DELETE, .path = "/api/v1/risk/blocks/{id}", .may = MAY_RISK, .plan = block_plan, .apply = block_end_apply, .in = &block_by_id_shape,
     .summary = "Take a value off the block list"},
    {.method = HTTP_POST, .path = "/api/v1/risk/blocks/{id}/wish", .may = MAY_SEE_RISK, .plan = block_plan, .apply = block_wish_apply, .replay = block_again,
     .in = &wish_in_shape, .out = &block_shape, .summary = "What the one who is listed says against it; it goes to the review queue"},
    {.method = HTTP_GET, .path = "/api/v1/abuse-reports", .may = MAY_RISK, .read = reports_waiting_route, .in = &reports_waiting_in_shape,
     .out = &reports_waiting_shape, .summary = "Complaints that wait for a person, the oldest first"},
    {.method = HTTP_GET, .path = "/api/v1/customers/{id}/abuse-reports", .may = MAY_SEE_RISK, .read = reports_route, .in = &reports_in_shape,
     .out = &reports_shape, .summary = "Complaints of others about a customer, newest first"},
    {.method = HTTP_POST, .path = "/api/v1/customers/{id}/abuse-reports", .may = MAY_SEE_RISK, .plan = report_add_plan, .apply = report_add_apply,
     .replay = report_again, .in = &report_in_shape, .out = &report_shape, .status = 201, .summary = "Somebody else complains about this customer"},
    {.method = HTTP_POST, .path = "/api/v1/abuse-reports/{id}/decide", .may = MAY_RISK, .plan = report_decide_plan, .apply = report_decide_apply,
     .replay = report_again, .in = &report_decide_shape, .out = &report_shape, .summary = "Confirm a complaint, so that it counts, or refuse it"},
};
/* clang-format on */
const struct room risk_room = ROOM("risk", routes);
