/* rooms/customer/shapes.c - the field tables of customers and their parts: columns of the queries,
 * members of the JSON. */
#include "rooms/customer/customer.h"

const char *const customer_kind_codes[2] = {"person", "company"};
const char *const identity_type_codes[IDENTITY_TYPE_N] = {
    "phone", "email", "account", "card", "payment", "social", "cookie", "device", "external"};
const char *const identity_state_codes[4] = {"confirmed", "claimed", "shared", "wrong"};
const char *const mark_codes[3] = {"vip", "do_not_contact", "blocked"};
const char *const consent_purpose_codes[CONSENT_PURPOSES] = {
    "email_offers", "sms_offers", "phone_offers", "post_offers", "profiling"};
const char *const customer_income_codes[5] = {"low", "lower_middle", "middle", "upper_middle",
                                              "high"};
const char *const customer_children_codes[4] = {"none", "one", "two", "three_or_more"};
const char *const customer_education_codes[5] = {"school", "vocational", "bachelor", "master",
                                                 "doctorate"};
const char *const consent_state_codes[3] = {"given", "refused", "withdrawn"};
const char *const address_kind_codes[4] = {"home", "delivery", "billing", "office"};

/* clang-format off */
static const struct field staff_ref_fields[] = {
    FIELD(struct staff_ref, id, .nullable = true),
    FIELD(struct staff_ref, name, .nullable = true),
};
const struct shape staff_ref_shape = SHAPE("staff_ref", struct staff_ref, staff_ref_fields);

static const struct field customer_ref_fields[] = {
    FIELD(struct customer_ref, id, .nullable = true),
    FIELD(struct customer_ref, name, .nullable = true, .personal = true),
    FIELD(struct customer_ref, name_lang, .omit_empty = true, .doc = "Language to draw the name in"),
};
const struct shape customer_ref_shape = SHAPE("customer_ref", struct customer_ref, customer_ref_fields);

static const struct field customer_fields[] = {
    FIELD(struct customer, id),
    FIELD_ENUM(struct customer, kind, customer_kind_codes),
#define X(m, claim, most, rule, ...) FIELD(struct customer, m, .max_len = most, __VA_ARGS__),
    CUSTOMER_TEXTS(X)
#undef X
    FIELD(struct customer, name_lang, .doc = "Language to draw the name in"),
    FIELD_STRUCT(struct customer, owner, &staff_ref_shape, .nullable = true, .doc = "Responsible member of staff"),
    FIELD(struct customer, created_at),
    FIELD(struct customer, changed_at),
    FIELD(struct customer, version),
};
const struct shape customer_shape = SHAPE("customer", struct customer, customer_fields);

static const struct field customer_row_fields[] = {
    FIELD(struct customer, id),
    FIELD_ENUM(struct customer, kind, customer_kind_codes),
#define X(m, ...) FIELD(struct customer, m),
    CUSTOMER_TEXTS(X)
#undef X
    FIELD_AS(struct customer, owner.id, "owner_id", .nullable = true),
    FIELD_AS(struct customer, owner.name, "name", .nullable = true),
    FIELD_AS(struct customer, created_at, "created_ms"),
    FIELD_AS(struct customer, changed_at, "changed_ms"),
    FIELD(struct customer, version),
};
const struct shape customer_row_shape = SHAPE("customer_row", struct customer, customer_row_fields);

static const struct field owner_fields[] = {
    FIELD_AS(struct owner, customer, "root_id", .nullable = true),
    FIELD_AS(struct owner, via, "customer_id", .nullable = true),
    FIELD_AS(struct owner, value_id, "id"),
    FIELD_AS(struct owner, value_version, "version"),
    FIELD_ENUM(struct owner, state, identity_state_codes, .nullable = true),
    FIELD_AS(struct owner, last_at, "last_ms", .nullable = true),
};
const struct shape owner_shape = SHAPE("owner_row", struct owner, owner_fields);

static const struct field identity_fields[] = {
    FIELD(struct identity, id),
    FIELD_ENUM(struct identity, type, identity_type_codes),
    FIELD(struct identity, value, .personal = true, .doc = "Normal form; empty: malformed, kept as given"),
    FIELD(struct identity, given, .personal = true),
    FIELD(struct identity, national, .personal = true, .omit_empty = true, .doc = "A phone number as people write it"),
    FIELD_ENUM(struct identity, state, identity_state_codes),
    FIELD(struct identity, source),
    FIELD(struct identity, first_at),
    FIELD(struct identity, last_at),
};
const struct shape identity_shape = SHAPE("identity", struct identity, identity_fields);

static const struct field identity_row_fields[] = {
    FIELD(struct identity, id),
    FIELD_ENUM(struct identity, type, identity_type_codes),
    FIELD_ENUM(struct identity, state, identity_state_codes),
    FIELD(struct identity, value),
    FIELD(struct identity, given),
    FIELD_AS(struct identity, national, "shown"),
    FIELD(struct identity, source),
    FIELD_AS(struct identity, first_at, "first_ms"),
    FIELD_AS(struct identity, last_at, "last_ms"),
};
const struct shape identity_row_shape = SHAPE("identity_row", struct identity, identity_row_fields);

static const struct field mark_fields[] = {
    FIELD_ENUM(struct mark, mark, mark_codes),
    FIELD(struct mark, reason, .personal = true),
    FIELD_STRUCT(struct mark, staff, &staff_ref_shape, .nullable = true),
    FIELD(struct mark, at),
};
const struct shape mark_shape = SHAPE("mark", struct mark, mark_fields);
static const struct field mark_row_fields[] = {
    FIELD_ENUM(struct mark, mark, mark_codes),
    FIELD(struct mark, reason),
    FIELD_AS(struct mark, staff.id, "id", .nullable = true),
    FIELD_AS(struct mark, staff.name, "name", .nullable = true),
    FIELD_AS(struct mark, at, "at_ms"),
};
const struct shape mark_row_shape = SHAPE("mark_row", struct mark, mark_row_fields);

static const struct field address_fields[] = {
    FIELD(struct address, id),
    FIELD(struct address, kind),
    FIELD(struct address, line, .personal = true),
    FIELD(struct address, postal, .personal = true),
    FIELD(struct address, city, .personal = true),
    FIELD(struct address, region),
    FIELD(struct address, country),
    FIELD(struct address, source),
    FIELD(struct address, at),
};
const struct shape address_shape = SHAPE("address", struct address, address_fields);
static const struct field address_row_fields[] = {
    FIELD(struct address, id),
    FIELD(struct address, kind),
    FIELD(struct address, line),
    FIELD(struct address, postal),
    FIELD(struct address, city),
    FIELD(struct address, region),
    FIELD(struct address, country),
    FIELD(struct address, source),
    FIELD_AS(struct address, at, "at_ms"),
};
const struct shape address_row_shape = SHAPE("address_row", struct address, address_row_fields);

static const struct field holding_fields[] = {
    FIELD(struct holding, id),
    FIELD(struct holding, product, .nullable = true),
    FIELD(struct holding, name, .personal = true),
    FIELD(struct holding, serial, .personal = true),
    FIELD(struct holding, plan),
    FIELD(struct holding, number, .personal = true),
    FIELD(struct holding, until, .nullable = true),
    FIELD(struct holding, at),
};
const struct shape holding_shape = SHAPE("holding", struct holding, holding_fields);
static const struct field holding_row_fields[] = {
    FIELD(struct holding, id),
    FIELD_AS(struct holding, product, "product_id", .nullable = true),
    FIELD(struct holding, name),
    FIELD(struct holding, serial),
    FIELD(struct holding, plan),
    FIELD(struct holding, number),
    FIELD_AS(struct holding, until, "until_ms", .nullable = true),
    FIELD_AS(struct holding, at, "at_ms"),
};
const struct shape holding_row_shape = SHAPE("holding_row", struct holding, holding_row_fields);

static const struct field relation_fields[] = {
    FIELD(struct relation, id),
    FIELD_STRUCT(struct relation, other, &customer_ref_shape),
    FIELD_ENUM(struct relation, other_kind, customer_kind_codes),
    FIELD(struct relation, kind, .doc = "works_at, branch_of, resells_for, partner_of, family, referred_by"),
    FIELD(struct relation, role, .personal = true),
    FIELD(struct relation, reads_back, .doc = "The relation reads from the other record to this one"),
    FIELD(struct relation, at),
};
const struct shape relation_shape = SHAPE("relation", struct relation, relation_fields);
static const struct field relation_row_fields[] = {
    FIELD(struct relation, id),
    FIELD_AS(struct relation, other.id, "other_id"),
    FIELD_AS(struct relation, other.name, "other_name"),
    FIELD_ENUM(struct relation, other_kind, customer_kind_codes),
    FIELD(struct relation, other_lang),
    FIELD(struct relation, kind),
    FIELD(struct relation, role),
    FIELD_AS(struct relation, at, "at_ms"),
    FIELD_AS(struct relation, reads_back, "reads"),
};
const struct shape relation_row_shape = SHAPE("relation_row", struct relation, relation_row_fields);

static const struct field note_fields[] = {
    FIELD(struct note, id),
    FIELD(struct note, text, .personal = true, .seen_by = MAY_READ_NOTES),
    FIELD(struct note, is_cut, .doc = "The text goes on: GET /customers/{id}/notes"),
    FIELD_STRUCT(struct note, staff, &staff_ref_shape, .nullable = true),
    FIELD(struct note, at),
};
const struct shape note_shape = SHAPE("note", struct note, note_fields);
static const struct field note_row_fields[] = {
    FIELD(struct note, id),
    FIELD(struct note, text),
    FIELD_AS(struct note, staff.id, "id", .nullable = true),
    FIELD_AS(struct note, staff.name, "name", .nullable = true),
    FIELD_AS(struct note, at, "at_ms"),
};
const struct shape note_row_shape = SHAPE("note_row", struct note, note_row_fields);

static const struct field proposal_fields[] = {
    FIELD(struct proposal, id),
    FIELD(struct proposal, field),
    FIELD(struct proposal, value, .personal = true),
    FIELD(struct proposal, current, .personal = true, .doc = "What stands there now"),
    FIELD(struct proposal, interaction, .nullable = true),
    FIELD(struct proposal, at),
    FIELD(struct proposal, decided_at, .omit_empty = true, .nullable = true),
    FIELD(struct proposal, decision, .omit_empty = true),
};
const struct shape proposal_shape = SHAPE("proposal", struct proposal, proposal_fields);
static const struct field proposal_row_fields[] = {
    FIELD(struct proposal, id),
    FIELD_AS(struct proposal, customer, "customer_id"),
    FIELD_AS(struct proposal, interaction, "interaction_id"),
    FIELD(struct proposal, field),
    FIELD(struct proposal, value),
    FIELD_AS(struct proposal, at, "at_ms"),
    FIELD_AS(struct proposal, decided_at, "decided_ms", .nullable = true),
};
const struct shape proposal_row_shape = SHAPE("proposal_row", struct proposal, proposal_row_fields);

static const struct field task_fields[] = {
    FIELD(struct task, id),
    FIELD(struct task, kind, .doc = "todo, call_back, promise"),
    FIELD(struct task, title, .personal = true),
    FIELD(struct task, phone, .personal = true, .omit_empty = true),
    FIELD_STRUCT(struct task, customer, &customer_ref_shape, .nullable = true),
    FIELD(struct task, call, .omit_empty = true, .nullable = true),
    FIELD(struct task, priority),
    FIELD_STRUCT(struct task, assignee, &staff_ref_shape, .nullable = true),
    FIELD(struct task, due_at, .nullable = true),
    FIELD(struct task, done_at, .nullable = true),
    FIELD(struct task, at),
    FIELD(struct task, version),
};
const struct shape task_shape = SHAPE("task", struct task, task_fields);
static const struct field task_row_fields[] = {
    FIELD(struct task, id),
    FIELD(struct task, kind),
    FIELD(struct task, title),
    FIELD(struct task, phone),
    FIELD_AS(struct task, customer.id, "root_id", .nullable = true),
    FIELD_AS(struct task, customer.name, "name", .nullable = true),
    FIELD_AS(struct task, call, "call_id", .nullable = true),
    FIELD(struct task, priority),
    FIELD_AS(struct task, assignee.id, "id", .nullable = true),
    FIELD_AS(struct task, assignee.name, "name", .nullable = true),
    FIELD_AS(struct task, due_at, "due_ms", .nullable = true),
    FIELD_AS(struct task, done_at, "done_ms", .nullable = true),
    FIELD_AS(struct task, at, "at_ms"),
    FIELD(struct task, version),
};
const struct shape task_row_shape = SHAPE("task_row", struct task, task_row_fields);

static const struct field tag_fields[] = {
    FIELD(struct tag, id),
    FIELD(struct tag, name),
};
const struct shape tag_shape = SHAPE("tag", struct tag, tag_fields);
const struct shape tag_row_shape = SHAPE("tag_row", struct tag, tag_fields);

static const struct field consent_fields[] = {
    FIELD(struct consent, id),
    FIELD_ENUM(struct consent, purpose, consent_purpose_codes),
    FIELD_ENUM(struct consent, state, consent_state_codes),
    FIELD(struct consent, channel, .doc = "By which it was said"),
    FIELD(struct consent, source, .doc = "The form, campaign, counter …"),
    FIELD(struct consent, proof, .personal = true),
    FIELD(struct consent, at, .doc = "When it was said"),
    FIELD_STRUCT(struct consent, staff, &staff_ref_shape, .nullable = true),
};
const struct shape consent_shape = SHAPE("consent", struct consent, consent_fields);
static const struct field consent_row_fields[] = {
    FIELD(struct consent, id),
    FIELD_ENUM(struct consent, purpose, consent_purpose_codes),
    FIELD_ENUM(struct consent, state, consent_state_codes),
    FIELD(struct consent, channel),
    FIELD(struct consent, source),
    FIELD(struct consent, proof),
    FIELD_AS(struct consent, at, "at_ms"),
    FIELD_AS(struct consent, staff.id, "id", .nullable = true),
    FIELD_AS(struct consent, staff.name, "name", .nullable = true),
};
const struct shape consent_row_shape = SHAPE("consent_row", struct consent, consent_row_fields);

static const struct field number_row_fields[] = {
    FIELD(struct number_row, n),
};
const struct shape number_row_shape = SHAPE("number_row", struct number_row, number_row_fields);
/* clang-format on */

struct list consents_settle(struct arena *a, const struct list *rows)
{
    struct consent *out = ARENA_ARRAY(a, CONSENT_PURPOSES, struct consent);
    const struct consent *r = rows->items;
    size_t n = 0;
    for (int purpose = 0; purpose < CONSENT_PURPOSES; purpose++) {
        const struct consent *stands = NULL;
        for (size_t i = 0; i < rows->n; i++) {
            bool is_stricter =
                stands && stands->state == CONSENT_GIVEN && r[i].state != CONSENT_GIVEN;
            if (r[i].purpose == purpose && (!stands || is_stricter))
                stands = &r[i]; /* else the newest: the rows are in that order */
        }
        if (stands)
            out[n++] = *stands;
    }
    return (struct list){out, n};
}
