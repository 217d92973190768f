/* rooms/judge/attributes.c - what conditions may ask of a judgement: the leading class, all of them, since when. */
#include "rooms/judge/inside.h"

struct attributes_class {
    int class;
    int64_t score;
    when since, lead;
    bool leads;
};
/* clang-format off */
static const struct field class_fields[] = {
    FIELD_ENUM(struct attributes_class, class, class_codes), FIELD(struct attributes_class, score),
    FIELD_AS(struct attributes_class, since, "since_ms"), FIELD_AS(struct attributes_class, lead, "lead_ms"), FIELD(struct attributes_class, leads),
};
static const struct shape attributes_class_shape = SHAPE("attributes_class", struct attributes_class, class_fields);
static const struct expr_part classes_part = {"classes", &attributes_class_shape, &q_attributes_classes, true};

static const struct expr_attr class_attrs[] = {
    {.name = "name", .label = M_ATTR_CLASS, .type = EXPR_CHOICE, .field = "class", .sql = "j.class", .choices = class_codes, .n_choices = CLASSES,
     .choice_label = "class."},
    {.name = "since", .label = M_ATTR_CLASS_SINCE, .type = EXPR_TIME, .unknown = EXPR_ZERO, .field = "lead_ms", .sql = "j.lead_ms"},
    {.name = "points", .label = M_ATTR_CLASS_POINTS, .type = EXPR_NUMBER, .field = "score", .sql = "j.score"},
};
#define JUDGEMENT                                                                                                    \
    .label = M_ATTR_CLASSES, .part = &classes_part, .from = "judgement j", .root = "j.customer_id", .from_own = "judgement j", \
    .own = "j.customer_id", .by_customer = true, .fields = class_attrs, .n = COUNT(class_attrs)
static const struct expr_collection all = {.name = "judgements", JUDGEMENT};
static const struct expr_collection leading = {
    .name = "leading", JUDGEMENT, .key_sql = "CASE WHEN j.lead_ms > 0 THEN 1 ELSE 0 END", .key_field = "leads",
};
static const struct expr_attr attrs[] = {
    {.name = "class", .label = M_ATTR_CLASS, .group = "marks", .cost = EXPR_SCAN, .of = &leading, .field = "name", .key = 1},
    {.name = "classes", .label = M_ATTR_CLASSES, .group = "marks", .cost = EXPR_SCAN, .of = &all, .field = "name"},
    {.name = "class_since", .label = M_ATTR_CLASS_SINCE, .group = "marks", .cost = EXPR_SCAN, .of = &leading, .field = "since", .key = 1},
};
/* clang-format on */
const struct expr_table judge_attributes = {.attrs = attrs, .n = COUNT(attrs)};
