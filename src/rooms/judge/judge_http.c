/* rooms/judge/judge_http.c - what the judge offers to the network. */
#include "rooms/judge/inside.h"

extern const struct shape rule_preview_new_shape;
enum { MAY_JUDGE = MAY_SERVE | MAY(ROLE_RISK), MAY_RULE = MAY_LEAD };
/* clang-format off */
static const struct route routes[] = {
    {.method = HTTP_GET, .path = "/api/v1/classes", .may = MAY_SEE_CUSTOMERS, .read = classes_route, .out = &classes_shape, .is_heavy = true,
     .summary = "What kinds of customers there are, with advice, thresholds and counts"},
    {.method = HTTP_PATCH, .path = "/api/v1/classes/{key}", .may = MAY_RULE, .plan = class_patch_plan, .apply = class_patch_apply,
     .replay = class_again, .in = &class_patch_shape, .out = &class_out_shape, .summary = "Change a class's thresholds or advice; all are looked at anew"},
    {.method = HTTP_GET, .path = "/api/v1/rules", .may = MAY_SEE_CUSTOMERS, .read = rules_route, .out = &rules_shape,
     .summary = "The rules by which customers are judged, and how often people disagreed"},
    {.method = HTTP_POST, .path = "/api/v1/rules", .may = MAY_RULE, .plan = rule_add_plan, .apply = rule_add_apply, .replay = rule_again,
     .in = &rule_in_shape, .out = &rule_out_shape, .status = 201, .summary = "Add a rule; all are looked at anew in the background"},
    {.method = HTTP_GET, .path = "/api/v1/rules/{id}", .may = MAY_SEE_CUSTOMERS, .read = rule_route, .in = &rule_by_id_shape,
     .out = &rule_one_shape, .summary = "A rule with its versions"},
    {.method = HTTP_PATCH, .path = "/api/v1/rules/{id}", .may = MAY_RULE, .plan = rule_patch_plan, .apply = rule_patch_apply,
     .replay = rule_again, .in = &rule_patch_shape, .out = &rule_out_shape, .summary = "Change a rule; its version of before is kept"},
    {.method = HTTP_DELETE, .path = "/api/v1/rules/{id}", .may = MAY_RULE, .plan = rule_delete_plan, .apply = rule_delete_apply,
     .in = &rule_by_id_shape, .summary = "Take a rule away; the history still names it"},
    {.method = HTTP_POST, .path = "/api/v1/rules/preview", .may = MAY_RULE, .scope = SCOPE_READ, .read = rule_preview_new_route,
     .in = &rule_preview_new_shape, .out = &preview_out_shape, .is_heavy = true, .summary = "Who would change class if there were this rule"},
    {.method = HTTP_POST, .path = "/api/v1/rules/{id}/preview", .may = MAY_RULE, .scope = SCOPE_READ, .read = rule_preview_route,
     .in = &rule_preview_in_shape, .out = &preview_out_shape, .is_heavy = true, .summary = "Who would change class if this rule were changed so, or taken away"},
    {.method = HTTP_GET, .path = "/api/v1/classify", .may = MAY_SEE_CUSTOMERS, .read = classify_route, .out = &classify_shape,
     .summary = "How far looking at everybody anew has come"},
    {.method = HTTP_POST, .path = "/api/v1/classify", .may = MAY_RULE, .apply = classify_apply, .out = &classify_shape, .status = 202,
     .summary = "Look at everybody anew"},
    {.method = HTTP_GET, .path = "/api/v1/customers/{id}/judgement", .may = MAY_SEE_CUSTOMERS, .read = judgement_route, .in = &judgement_in_shape,
     .out = &judgement_out_shape, .summary = "What kind of customer this is, why, and how to serve him"},
    {.method = HTTP_GET, .path = "/api/v1/customers/{id}/judgements", .may = MAY_SEE_CUSTOMERS, .read = judgements_route,
     .in = &judgements_in_shape, .out = &judgements_shape, .summary = "How the judgement changed and why, newest first"},
    {.method = HTTP_POST, .path = "/api/v1/customers/{id}/judgement/correct", .may = MAY_JUDGE, .plan = correct_plan, .apply = correct_apply,
     .replay = correct_again, .in = &correct_in_shape, .out = &class_seen_shape, .summary = "Say what he is, with the reason; it holds until then"},
    {.method = HTTP_DELETE, .path = "/api/v1/customers/{id}/judgement/pin", .may = MAY_JUDGE, .plan = unpin_plan, .apply = unpin_apply,
     .in = &unpin_in_shape, .out = &class_seen_shape, .summary = "Take back what was said: the rules judge again"},
};
/* clang-format on */
const struct room judge_room = ROOM("judge", routes);
