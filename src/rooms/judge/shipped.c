/* rooms/judge/shipped.c - the rules that come with the program; each is a row that people may change, or take away. A rule
 * whose words the house does not know yet waits until it does. */
#include "messages.h"
#include "rooms/judge/inside.h"

/* clang-format off */
static const struct shipped_rule rules[] = {
    {"reachable", CLASS_REGULAR, 25, M_RULE_REACHABLE, "phone is known and email is known"},
    {"address_known", CLASS_REGULAR, 15, M_RULE_ADDRESS_KNOWN, "country is known and city is known"},
    {"buys", CLASS_REGULAR, 30, M_RULE_BUYS, "spent_365d > 0"},
    {"buys_again", CLASS_REGULAR, 20, M_RULE_BUYS_AGAIN, "orders_365d >= 3"},

    {"said_chatty", CLASS_CHATTY, 60, M_RULE_SAID, "impression = chatty"},
    {"many_talks", CLASS_CHATTY, 30, M_RULE_MANY_TALKS, "contacts_90d >= 8 and orders_365d >= 1"},
    {"questions_beside", CLASS_CHATTY, 30, M_RULE_QUESTIONS_BESIDE, "questions >= 5 and off_matter_share > 0.4 and aggressive = 0"},
    {"asks_for_colleague", CLASS_CHATTY, 25, M_RULE_ASKS_COLLEAGUE, "asked_colleague >= 2"},
    {"refers_friends", CLASS_CHATTY, 25, M_RULE_REFERS, "referred >= 1"},

    {"said_freeloader", CLASS_FREELOADER, 60, M_RULE_SAID, "impression = freeloader"},
    {"mostly_discounts", CLASS_FREELOADER, 50, M_RULE_MOSTLY_DISCOUNTS, "orders_365d >= 1 and discount_share > 0.6"},
    {"asks_discount", CLASS_FREELOADER, 30, M_RULE_ASKS_DISCOUNT, "asked_discount >= 2"},
    {"promises_more", CLASS_FREELOADER, 25, M_RULE_PROMISES_MORE, "promised_more >= 1"},

    {"said_time_eater", CLASS_TIME_EATER, 60, M_RULE_SAID, "impression = time_eater"},
    {"asks_buys_nothing", CLASS_TIME_EATER, 20, M_RULE_ASKS_BUYS_NOTHING, "questions >= 5 and spent_180d = 0"},
    {"comes_buys_nothing", CLASS_TIME_EATER, 15, M_RULE_COMES_BUYS_NOTHING, "contacts_90d >= 8 and orders_180d = 0"},
    {"off_the_matter", CLASS_TIME_EATER, 20, M_RULE_OFF_MATTER, "questions >= 4 and off_matter_share > 0.3 and spent_180d = 0"},
    {"mostly_off", CLASS_TIME_EATER, 15, M_RULE_MOSTLY_OFF, "questions >= 4 and off_matter_share > 0.6 and spent_180d = 0"},
    {"asked_competitors", CLASS_TIME_EATER, 20, M_RULE_COMPETITORS, "named_competitor >= 2"},
    {"price_remarks", CLASS_TIME_EATER, 20, M_RULE_PRICE_REMARKS, "price_remarks >= 3"},
    {"aggressive", CLASS_TIME_EATER, 25, M_RULE_AGGRESSIVE, "aggressive >= 1"},

    {"said_interested", CLASS_INTERESTED, 60, M_RULE_SAID, "impression = interested"},
    {"questions_before_buying", CLASS_INTERESTED, 35, M_RULE_QUESTIONS_BEFORE, "questions >= 3 and off_matter_share <= 0.6 and spent_180d = 0"},
    {"questions_to_the_point", CLASS_INTERESTED, 15, M_RULE_TO_THE_POINT, "questions >= 3 and off_matter_share <= 0.3 and spent_180d = 0"},
    {"trial", CLASS_INTERESTED, 20, M_RULE_TRIAL, "orders_365d >= 1 and spent_365d = 0"},
    {"comes_before_buying", CLASS_INTERESTED, 15, M_RULE_COMES_BEFORE, "contacts_30d >= 2 and orders = 0"},
    {"not_friendly", CLASS_INTERESTED, -25, M_RULE_AGGRESSIVE, "aggressive >= 1"},

    {"said_company", CLASS_COMPANY, 60, M_RULE_SAID, "impression = company"},
    {"is_company", CLASS_COMPANY, 60, M_RULE_IS_COMPANY, "kind = company"},
    {"works_at", CLASS_COMPANY, 20, M_RULE_WORKS_AT, "kind = person and company is known"},
    {"pays_by_transfer", CLASS_COMPANY, 30, M_RULE_PAYS_TRANSFER, "any orders [payment_method in (bank_transfer, invoice)]"},

    {"risk_high", CLASS_FRAUD_SUSPECT, 100, M_RULE_RISK_HIGH, "risk >= 67"},
};
/* clang-format on */

const struct shipped_rule *shipped_rules(size_t *n)
{
    *n = COUNT(rules);
    return rules;
}

const struct shipped_rule *shipped_by_key(str key)
{
    for (size_t i = 0; i < COUNT(rules); i++)
        if (str_eq(key, str_of(rules[i].key)))
            return &rules[i];
    return NULL;
}

/* class: enter, leave, days to stay, contacts and orders to be known */
const struct class_defaults class_defaults[CLASSES] = {
    [CLASS_REGULAR] = {40, 25, 14, 2},      [CLASS_CHATTY] = {50, 35, 14, 3},
    [CLASS_FREELOADER] = {50, 35, 14, 1},   [CLASS_TIME_EATER] = {50, 35, 14, 3},
    [CLASS_INTERESTED] = {50, 35, 14, 2},   [CLASS_COMPANY] = {50, 35, 14, 0},
    [CLASS_FRAUD_SUSPECT] = {67, 50, 7, 0},
};
