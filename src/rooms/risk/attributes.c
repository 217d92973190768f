/* rooms/risk/attributes.c - what conditions may ask of the risk. */
#include "rooms/risk/inside.h"

struct attributes_risk {
    int64_t id;
    opt_int points;
    int level;
    opt_int confidence;
};
static const char *const known_levels[] = {"", "low", "medium", "high"};
/* clang-format off */
static const struct field fields[] = {
    FIELD(struct attributes_risk, id), FIELD(struct attributes_risk, points), FIELD_ENUM(struct attributes_risk, level, known_levels),
    FIELD(struct attributes_risk, confidence),
};
static const struct shape attributes_risk_shape = SHAPE("attributes_risk", struct attributes_risk, fields);
const struct expr_part risk_part = {"risk", &attributes_risk_shape, &q_attributes_risk, false, &q_attributes_risks, offsetof(struct attributes_risk, id)};
#define OF_RISK .group = "judgement", .may = MAY_READ_RISK, .cost = EXPR_SCAN, .part = &risk_part
static const struct expr_attr attrs[] = {
    {.name = "risk", .label = M_ATTR_RISK, OF_RISK, .type = EXPR_NUMBER, .unknown = EXPR_NULL, .field = "points",
     .sql = "(SELECT k.points FROM risk_state k WHERE k.customer_id = s.customer_id)"},
    {.name = "risk_level", .label = M_ATTR_RISK_LEVEL, OF_RISK, .type = EXPR_CHOICE, .unknown = EXPR_EMPTY, .field = "level", .choice_label = "risk.",
     .choices = known_levels + 1, .n_choices = 3, .sql = "COALESCE((SELECT k.level FROM risk_state k WHERE k.customer_id = s.customer_id), '')"},
    {.name = "risk_confidence", .label = M_ATTR_RISK_CONFIDENCE, OF_RISK, .type = EXPR_NUMBER, .unknown = EXPR_NULL, .scale = 2, .field = "confidence",
     .sql = "(SELECT k.confidence FROM risk_state k WHERE k.customer_id = s.customer_id)"},
};
/* clang-format on */

const void *risk_part_of(struct arena *a, const struct risk_look *l)
{
    struct attributes_risk *row = ARENA_NEW(a, struct attributes_risk);
    *row = (struct attributes_risk){.id = l->root.v,
                                    .points = {true, l->points},
                                    .level = (int)l->level + 1, /* "" is known as well */
                                    .confidence = {true, l->confidence}};
    return row;
}

const struct expr_table risk_attributes = {.attrs = attrs, .n = COUNT(attrs)};
