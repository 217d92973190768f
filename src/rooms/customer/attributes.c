/* rooms/customer/attributes.c - what conditions may ask of a customer: record, standing, marks, identities, tags and the
 * company's own attributes. Each row: the field in memory and the form in SQL. */
#include "rooms/customer/customer.h"
#include "rooms/customer/attr.h"
#include "rooms/customer/parts.h"
#include "messages.h"
#include "queries.h"

/* ---- what is loaded of one customer ------------------------------------------------------- */

struct attributes_record {
    int64_t id;
    str country, lang, time_zone, owner;
    when created_at, changed_at;
    str folded_name, folded_region, folded_city, folded_company, folded_heard_of_us;
};
struct attributes_marks {
    bool is_blocked, is_do_not_contact;
};
struct attributes_identity {
    int type;
    str value, domain;
    int state;
    when first_at, last_at;
};
struct attributes_tag {
    str name;
    when at;
};
struct attributes_custom {
    int64_t attr;
    opt_int num;
    str text, folded;
};
/* clang-format off */
static const struct field record_fields[] = {
    FIELD(struct attributes_record, id), FIELD(struct attributes_record, country), FIELD(struct attributes_record, lang), FIELD(struct attributes_record, time_zone),
    FIELD_AS(struct attributes_record, owner, "name"), FIELD_AS(struct attributes_record, created_at, "created_ms"),
    FIELD_AS(struct attributes_record, changed_at, "changed_ms"), FIELD(struct attributes_record, folded_name),
    FIELD(struct attributes_record, folded_region), FIELD(struct attributes_record, folded_city),
    FIELD(struct attributes_record, folded_company), FIELD(struct attributes_record, folded_heard_of_us),
};
static const struct shape attributes_record_shape = SHAPE("attributes_record", struct attributes_record, record_fields);
static const struct field marks_fields[] = {
    FIELD(struct attributes_marks, is_blocked), FIELD(struct attributes_marks, is_do_not_contact),
};
static const struct shape attributes_marks_shape = SHAPE("attributes_marks", struct attributes_marks, marks_fields);
static const struct field identity_fields[] = {
    FIELD_ENUM(struct attributes_identity, type, identity_type_codes), FIELD(struct attributes_identity, value),
    FIELD(struct attributes_identity, domain), FIELD_ENUM(struct attributes_identity, state, identity_state_codes),
    FIELD_AS(struct attributes_identity, first_at, "first_ms"), FIELD_AS(struct attributes_identity, last_at, "last_ms"),
};
static const struct shape attributes_identity_shape = SHAPE("attributes_identity", struct attributes_identity, identity_fields);
static const struct field tag_fields[] = {
    FIELD_AS(struct attributes_tag, name, "folded"), FIELD_AS(struct attributes_tag, at, "at_ms"),
};
static const struct shape attributes_tag_shape = SHAPE("attributes_tag", struct attributes_tag, tag_fields);
static const struct field custom_fields[] = {
    FIELD_AS(struct attributes_custom, attr, "attr_id"), FIELD(struct attributes_custom, num), FIELD(struct attributes_custom, text),
    FIELD(struct attributes_custom, folded),
};
static const struct shape attributes_custom_shape = SHAPE("attributes_custom", struct attributes_custom, custom_fields);

static const struct expr_part record_part = {"record", &attributes_record_shape, &q_attributes_record, false,
                                            &q_attributes_records, offsetof(struct attributes_record, id)};
static const struct expr_part standing_part = {"standing", &standing_row_shape, &q_standing_get, false,
                                              &q_turn_standings, offsetof(struct standing, id)};
static const struct expr_part marks_part = {"marks", &attributes_marks_shape, &q_attributes_marks, false};
static const struct expr_part identities_part = {"identities", &attributes_identity_shape, &q_attributes_identities, true};
static const struct expr_part tags_part = {"tags", &attributes_tag_shape, &q_attributes_tags, true};
static const struct expr_part custom_part = {"custom", &attributes_custom_shape, &q_attributes_custom, true};

/* ---- rows ---------------------------------------------------------------------------------- */

#define CODES(table) .choices = (table), .n_choices = COUNT(table)
static const struct expr_attr identity_attrs[] = {
    {.name = "type", .label = M_ATTR_IDENTITY_TYPE, .type = EXPR_CHOICE, .field = "type", .sql = "v.type", CODES(identity_type_codes),
     .choice_label = "identity.type."},
    {.name = "value", .label = M_ATTR_IDENTITY_VALUE, .type = EXPR_TEXT, .form = EXPR_AS_IS, .field = "value", .sql = "v.value"},
    {.name = "email", .label = M_ATTR_EMAIL, .type = EXPR_TEXT, .form = EXPR_LOWER, .field = "value", .sql = "v.value"},
    {.name = "domain", .label = M_ATTR_EMAIL_DOMAIN, .type = EXPR_TEXT, .form = EXPR_LOWER, .field = "domain",
     .sql = "substr(v.value, instr(v.value, '@') + 1)", .sql_postgres = "substr(v.value, strpos(v.value, '@') + 1)"},
    {.name = "state", .label = M_ATTR_IDENTITY_STATE, .type = EXPR_CHOICE, .field = "state", .sql = "o.state", CODES(identity_state_codes),
     .choice_label = "identity."},
    {.name = "first_at", .label = M_ATTR_IDENTITY_FIRST, .type = EXPR_TIME, .field = "first_ms", .sql = "o.first_ms"},
    {.name = "last_at", .label = M_ATTR_IDENTITY_LAST, .type = EXPR_TIME, .field = "last_ms", .sql = "o.last_ms"},
};
#define IDENTITIES                                                                                                            \
    .part = &identities_part,                                                                                                 \
    .from = "customer r JOIN identity_owner o ON o.customer_id = r.id JOIN identity_value v ON v.id = o.value_id",             \
    .from_own = "identity_value v JOIN identity_owner o ON o.value_id = v.id", .own = "o.customer_id",                                         \
                                                                   \
    .root = "r.root_id", .where = "o.state <> 'wrong' AND substr(v.value, 1, 1) <> '!'", .key_text_sql = "v.type", .key_text_field = "type", \
    .time_sql = "o.last_ms", .time_field = "last_ms", .fields = identity_attrs, .n = COUNT(identity_attrs)
static const struct expr_collection identities = {.name = "identities", .label = M_ATTR_IDENTITIES, IDENTITIES};

static const struct expr_attr tag_attrs[] = {
    {.name = "name", .label = M_ATTR_TAG, .type = EXPR_TEXT, .field = "folded", .sql = "t.folded", .offers = "tag"},
    {.name = "at", .label = M_ATTR_TAG_AT, .type = EXPR_TIME, .field = "at_ms", .sql = "ct.at_ms"},
};
static const struct expr_collection tags = {
    .name = "tags", .label = M_ATTR_TAGS, .part = &tags_part,
    .from = "customer r JOIN customer_tag ct ON ct.customer_id = r.id JOIN tag t ON t.id = ct.tag_id",
    .from_own = "tag t JOIN customer_tag ct ON ct.tag_id = t.id", .own = "ct.customer_id",
    .root = "r.root_id", .time_sql = "ct.at_ms", .time_field = "at_ms", .fields = tag_attrs, .n = COUNT(tag_attrs),
};

static const struct expr_attr custom_attrs[] = {
    {.name = "number", .type = EXPR_NUMBER, .unknown = EXPR_NULL, .scale = 3, .field = "num", .sql = "a.num"},
    {.name = "money", .type = EXPR_MONEY, .unknown = EXPR_NULL, .field = "num", .sql = "a.num"},
    {.name = "date", .type = EXPR_DAY, .unknown = EXPR_NULL, .field = "num", .sql = "a.num"},
    {.name = "yes_no", .type = EXPR_YES_NO, .unknown = EXPR_NULL, .field = "num", .sql = "a.num"},
    {.name = "text", .type = EXPR_TEXT, .unknown = EXPR_EMPTY, .field = "folded", .sql = "a.folded"},
};
static const struct expr_collection custom = {
    .name = "custom", .part = &custom_part, .from = "customer r JOIN attr a ON a.customer_id = r.id", .from_own = "attr a", .own = "a.customer_id",
    .root = "r.root_id",
    .key_sql = "a.attr_id", .key_field = "attr_id", .key_text_sql = "a.text", .key_text_field = "text", .fields = custom_attrs,
    .n = COUNT(custom_attrs),
};

/* ---- attributes --------------------------------------------------------------------------------- */

#define OF_RECORD .group = "record", .cost = EXPR_RECORD, .part = &record_part
#define FOLDED(nm, lab, column) {.name = nm, .label = (lab), OF_RECORD, .type = EXPR_TEXT, .unknown = EXPR_EMPTY, .field = column, .sql = "c." column}
#define OF_STANDING .part = &standing_part
#define OF_CONTACTS .group = "contacts", OF_STANDING
#define OF_MONEY .group = "money", OF_STANDING
#define NUMBER(nm, lab, column, dd, gr) {.name = nm, .label = (lab), .days = (dd), .group = (gr), OF_STANDING, .type = EXPR_NUMBER, .field = column, .sql = "s." column}
#define MONEY_OF(nm, lab, column, dd) {.name = nm, .label = (lab), .days = (dd), OF_MONEY, .type = EXPR_MONEY, .field = column, .sql = "s." column}
#define WINDOW_ROWS(d, dd)                                                                                                    \
    NUMBER("orders_" d "d", M_ATTR_ORDERS_IN, "orders_" d "d", dd, "money"), MONEY_OF("spent_" d "d", M_ATTR_SPENT_IN, "spent_" d "d_minor", dd), \
    NUMBER("contacts_" d "d", M_ATTR_CONTACTS_IN, "contacts_" d "d", dd, "contacts"),                                                      \
    NUMBER("discounted_" d "d", M_ATTR_DISCOUNTED_IN, "discounted_" d "d", dd, "money"),                                                \
    MONEY_OF("returned_" d "d", M_ATTR_RETURNED_IN, "returned_" d "d_minor", dd),                                              \
    MONEY_OF("discount_" d "d", M_ATTR_DISCOUNT_IN, "discount_" d "d_minor", dd)

static bool discount_share(const void *part, double *out)
{
    const struct standing *s = part;
    const struct standing_sums *year = &s->window[WINDOW_365D];
    if (year->orders == 0)
        return false;
    *out = (double)year->discounted / (double)year->orders;
    return true;
}

#define HAS_MARK(m)                                                                                                           \
    "(CASE WHEN EXISTS (SELECT 1 FROM customer r JOIN customer_mark k ON k.customer_id = r.id WHERE r.root_id = s.customer_id " \
    "AND k.mark = '" m "') THEN 1 ELSE 0 END)"

static const struct expr_attr attrs[] = {
    {.name = "kind", .label = M_ATTR_KIND, .group = "record", OF_STANDING, .type = EXPR_CHOICE, .field = "kind", .sql = "s.kind", CODES(customer_kind_codes),
     .choice_label = "kind."},
    {.name = "activity", .label = M_ATTR_ACTIVITY, OF_CONTACTS, .type = EXPR_CHOICE, .field = "activity", .sql = "s.activity",
     .due = "activity_due_ms", .choice_label = "activity.", CODES(activity_codes)},
    {.name = "activity_since", .label = M_ATTR_ACTIVITY_SINCE, OF_CONTACTS, .type = EXPR_TIME, .unknown = EXPR_ZERO, .field = "activity_ms",
     .sql = "s.activity_ms", .due = "activity_due_ms"},
    {.name = "vip", .label = M_ATTR_VIP, .group = "marks", OF_STANDING, .type = EXPR_YES_NO, .field = "is_vip", .sql = "s.is_vip"},
    {.name = "vip_by", .label = M_ATTR_VIP_BY, .group = "marks", OF_STANDING, .type = EXPR_CHOICE, .unknown = EXPR_EMPTY, .field = "vip_by", .sql = "s.vip_by",
     .choices = vip_by_codes + 1, .n_choices = 3, .choice_label = "vip_by."},
    {.name = "first_contact_at", .label = M_ATTR_FIRST_CONTACT, OF_CONTACTS, .type = EXPR_TIME, .unknown = EXPR_ZERO, .field = "first_ms", .sql = "s.first_ms"},
    {.name = "last_contact_at", .label = M_ATTR_LAST_CONTACT, OF_CONTACTS, .type = EXPR_TIME, .unknown = EXPR_ZERO, .field = "last_contact_ms",
     .sql = "s.last_contact_ms"},
    {.name = "last_order_at", .label = M_ATTR_LAST_ORDER, OF_MONEY, .type = EXPR_TIME, .unknown = EXPR_ZERO, .field = "last_order_ms",
     .sql = "s.last_order_ms"},
    NUMBER("contacts", M_ATTR_CONTACTS, "contacts", 0, "contacts"),
    NUMBER("orders", M_ATTR_ORDERS, "orders", 0, "money"),
    NUMBER("discounted", M_ATTR_DISCOUNTED, "discounted", 0, "money"),
    MONEY_OF("spent", M_ATTR_SPENT, "spent_minor", 0),
    MONEY_OF("returned", M_ATTR_RETURNED, "returned_minor", 0),
    MONEY_OF("discount", M_ATTR_DISCOUNT, "discount_minor", 0),
    MONEY_OF("value", M_ATTR_VALUE, "spent_365d_minor", 0),
    {.name = "discount_share", .label = M_ATTR_DISCOUNT_SHARE, OF_MONEY, .type = EXPR_NUMBER, .unknown = EXPR_NULL, .get = discount_share,
     .sql = "(CAST(s.discounted_365d AS DOUBLE PRECISION) / NULLIF(s.orders_365d, 0))"},
    WINDOW_ROWS("7", 7), WINDOW_ROWS("30", 30), WINDOW_ROWS("90", 90), WINDOW_ROWS("180", 180), WINDOW_ROWS("365", 365),
    FOLDED("name", M_ATTR_NAME, "folded_name"), FOLDED("company", M_ATTR_COMPANY, "folded_company"), FOLDED("city", M_ATTR_CITY, "folded_city"),
    FOLDED("region", M_ATTR_REGION, "folded_region"), FOLDED("heard_of_us", M_ATTR_HEARD, "folded_heard_of_us"),
    {.name = "country", .label = M_ATTR_COUNTRY, OF_RECORD, .type = EXPR_TEXT, .form = EXPR_UPPER, .unknown = EXPR_EMPTY, .field = "country", .sql = "c.country",
     .offers = "country"},
    {.name = "lang", .label = M_ATTR_LANG, OF_RECORD, .type = EXPR_TEXT, .form = EXPR_AS_IS, .unknown = EXPR_EMPTY, .field = "lang", .sql = "c.lang",
     .offers = "language"},
    {.name = "time_zone", .label = M_ATTR_TIME_ZONE, OF_RECORD, .type = EXPR_TEXT, .form = EXPR_AS_IS, .unknown = EXPR_EMPTY, .field = "time_zone",
     .sql = "c.time_zone"},
    {.name = "owner", .label = M_ATTR_OWNER, OF_RECORD, .type = EXPR_TEXT, .form = EXPR_AS_IS, .unknown = EXPR_EMPTY, .field = "name",
     .sql = "COALESCE((SELECT st.name FROM staff st WHERE st.id = c.owner_id), '')",
     .offers = "colleague"},
    {.name = "created_at", .label = M_ATTR_CREATED, OF_RECORD, .type = EXPR_TIME, .field = "created_ms", .sql = "c.created_ms"},
    {.name = "changed_at", .label = M_ATTR_CHANGED, OF_RECORD, .type = EXPR_TIME, .field = "changed_ms", .sql = "c.changed_ms"},
    {.name = "blocked", .label = M_ATTR_BLOCKED, .group = "marks", .cost = EXPR_SCAN, .part = &marks_part, .type = EXPR_YES_NO, .field = "is_blocked", .sql = HAS_MARK("blocked")},
    {.name = "do_not_contact", .label = M_ATTR_DO_NOT_CONTACT, .group = "marks", .cost = EXPR_SCAN, .part = &marks_part, .type = EXPR_YES_NO,
     .field = "is_do_not_contact", .sql = HAS_MARK("do_not_contact")},
    {.name = "phone", .label = M_ATTR_PHONE, .group = "reach", .cost = EXPR_SCAN, .of = &identities, .field = "value", .key_text = {"phone", 5}},
    {.name = "email", .label = M_ATTR_EMAIL, .group = "reach", .cost = EXPR_SCAN, .of = &identities, .field = "email", .key_text = {"email", 5}},
    {.name = "email.domain", .label = M_ATTR_EMAIL_DOMAIN, .group = "reach", .cost = EXPR_SCAN, .of = &identities, .field = "domain", .key_text = {"email", 5}},
    {.name = "account", .label = M_ATTR_ACCOUNT, .group = "reach", .cost = EXPR_SCAN, .of = &identities, .field = "value", .key_text = {"account", 7}},
    {.name = "card", .label = M_ATTR_CARD, .group = "reach", .cost = EXPR_SCAN, .of = &identities, .field = "value", .key_text = {"card", 4}},
    {.name = "tag", .label = M_ATTR_TAG, .group = "marks", .offers = "tag", .cost = EXPR_SCAN, .of = &tags, .field = "name"},
};
/* clang-format on */
static const struct expr_collection *const lists[] = {&identities, &tags};
const struct expr_table customer_attributes = {attrs, COUNT(attrs), lists, COUNT(lists)};

/* ---- the company's own ------------------------------------------------------------------------------- */

enum err customer_attributes_more(struct cx *cx, struct expr_table *out)
{
    static const char *const fields[ATTR_TYPE_N] = {"text",   "number", "money", "date",
                                                    "yes_no", "text",   "text"};
    struct list defs = {0};
    TRY(attr_defs(cx, &defs));
    struct expr_attr *rows = ARENA_ARRAY(cx->arena, defs.n + 1, struct expr_attr);
    currency base = settings_current(cx)->base_currency;
    size_t n = 0;
    for (size_t i = 0; i < defs.n; i++) {
        const struct attr_def *d = (const struct attr_def *)defs.items + i;
        rows[n] = (struct expr_attr){
            .name = arena_printf(cx->arena, "attr." SFMT, SARG(d->code)).ptr,
            .title = d->label,
            .group = "own",
            .values = d->choices,
            .cost = EXPR_SCAN,
            .of = &custom,
            .field = fields[d->type],
            .key = d->id.v,
        };
        if (d->type == ATTR_MONEY) /* amounts of another currency are not known here */
            rows[n].key_text = arena_str(cx->arena, str_of(base.code));
        n++;
    }
    *out = (struct expr_table){.attrs = rows, .n = n};
    return OK;
}
