/* rooms/intake/attributes.c - what conditions may ask of the timeline. */
#include "messages.h"
#include "queries.h"
#include "rooms/intake/intake.h"

struct attributes_interaction {
    when at;
    int channel, direction, trust;
};
/* clang-format off */
static const struct field interaction_fields[] = {
    FIELD_AS(struct attributes_interaction, at, "at_ms"), FIELD_ENUM(struct attributes_interaction, channel, channel_codes),
    FIELD_ENUM(struct attributes_interaction, direction, direction_codes), FIELD_ENUM(struct attributes_interaction, trust, trust_codes),
};
static const struct shape attributes_interaction_shape = SHAPE("attributes_interaction", struct attributes_interaction, interaction_fields);
static const struct expr_part interactions_part = {"interactions", &attributes_interaction_shape, &q_attributes_interactions, true};

#define CODES(table) .choices = (table), .n_choices = COUNT(table)
static const struct expr_attr interaction_attrs[] = {
    {.name = "at", .label = M_ATTR_AT, .type = EXPR_TIME, .field = "at_ms", .sql = "i.at_ms"},
    {.name = "channel", .label = M_ATTR_CHANNEL, .type = EXPR_CHOICE, .field = "channel", .sql = "i.channel", CODES(channel_codes),
     .choice_label = "channel."},
    {.name = "direction", .label = M_ATTR_DIRECTION, .type = EXPR_CHOICE, .field = "direction", .sql = "i.direction", CODES(direction_codes),
     .choice_label = "direction."},
    {.name = "trust", .label = M_ATTR_TRUST, .type = EXPR_CHOICE, .field = "trust", .sql = "i.trust", CODES(trust_codes), .choice_label = "trust."},
};
static const struct expr_collection interactions = {
    .name = "interactions", .label = M_ATTR_INTERACTIONS, .part = &interactions_part,
    .from = "customer r JOIN interaction i ON i.customer_id = r.id", .root = "r.root_id",
    .from_own = "interaction i", .own = "i.customer_id", .by_customer = true, .time_sql = "i.at_ms",
    .time_field = "at_ms", .fields = interaction_attrs, .n = COUNT(interaction_attrs),
};
/* clang-format on */
static const struct expr_collection *const lists[] = {&interactions};
const struct expr_table intake_attributes = {.collections = lists, .n_collections = COUNT(lists)};
