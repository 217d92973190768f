/* rooms/list/columns.c - what a table of customers can show: one line a column. Its line is all a
 * field needs to stand in the list, in its order and among its filters. */
#include "messages.h"
#include "rooms/list/inside.h"

const char *const column_kind_codes[COLUMN_KIND_N] = {
    "text",   "choice", "country", "language", "number", "money",    "time",
    "yes_no", "staff",  "tags",    "phone",    "email",  "attribute"};

#define OF_CUSTOMER(k, ...)                                         \
    {                                                               \
        .from = "customer c", .key = (k), .id = "c.id", __VA_ARGS__ \
    }
#define OF_STANDING(k, ...)                                                  \
    {                                                                        \
        .from = "standing s", .key = (k), .id = "s.customer_id", __VA_ARGS__ \
    }
#define FIRST_HANDLE(type)                                                  \
    "(SELECT COALESCE(NULLIF(v.shown, ''), v.value) FROM customer m"        \
    " JOIN identity_owner i ON i.customer_id = m.id AND i.state <> 'wrong'" \
    " JOIN identity_value v ON v.id = i.value_id AND v.type = '" type       \
    "' WHERE m.root_id = c.id ORDER BY i.id LIMIT 1)"

/* Neither is an order: no index has what nobody was taken for yet, and the queue of risk has the gravest first. */
#define LEADING_CLASS \
    "COALESCE((SELECT MIN(j.class) FROM judgement j WHERE j.customer_id = c.id AND j.lead_ms > 0), '')"
#define RISK_LEVEL "COALESCE((SELECT k.level FROM risk_state k WHERE k.customer_id = c.id), '')"
static const char *const risk_levels[] = {"low", "medium", "high"};

/* Each order has its index in migration list: change both. */
/* clang-format off */
static const struct column list_columns[] = {
    {"name", "field.name", COLUMN_TEXT, "c.name", OF_CUSTOMER(ORDER_BY_NAME, .is_text = true), .width = 158, .is_shown = true},
    {"kind", "field.kind", COLUMN_CHOICE, "c.kind", .choices = customer_kind_codes, .n_choices = 2, .choice_label = "kind.", .width = 100},
    {"company", "field.company", COLUMN_TEXT, "c.company", .width = 150},
    {"phone", "field.phone", COLUMN_PHONE, FIRST_HANDLE("phone"), .width = 134, .is_shown = true},
    {"email", "field.email", COLUMN_EMAIL, FIRST_HANDLE("email"), .width = 200},
    {"city", "field.city", COLUMN_TEXT, "c.city", .width = 112, .is_shown = true},
    {"country", "field.country", COLUMN_COUNTRY, "c.country", .width = 128, .is_shown = true},
    {"lang", "field.lang", COLUMN_LANGUAGE, "c.lang", .width = 110},
    {"activity", "field.activity", COLUMN_CHOICE, "s.activity", .choices = activity_codes, .n_choices = ACTIVITIES, .choice_label = "activity.", .width = 118, .is_shown = true},
    {"activity_since", "field.activity_since", COLUMN_TIME, "s.activity_ms", OF_STANDING("s.activity_ms", .falls = true), .width = 120},
    {"is_vip", "mark.vip", COLUMN_YES_NO, "s.is_vip", .attribute = "vip", .width = 70},
    {"class", "judge.title", COLUMN_CHOICE, LEADING_CLASS, .choices = class_codes, .n_choices = CLASSES, .choice_label = "class.", .width = 150, .is_shown = true},
    {"risk_level", "risk.title", COLUMN_CHOICE, RISK_LEVEL, .choices = risk_levels, .n_choices = COUNT(risk_levels), .choice_label = "risk.", .width = 110, .may = MAY_READ_RISK},
    {"owner", "field.owner", COLUMN_STAFF, "c.owner_id, o.name", .width = 112, .is_shown = true},
    {"tags", "field.tags", COLUMN_TAGS, NULL, .attribute = "tag", .width = 180},
    {"spent", "num.spent", COLUMN_MONEY, "s.spent_minor", OF_STANDING("s.spent_minor", .falls = true), .width = 120, .is_shown = true},
    {"spent_365d", "num.spent_12m", COLUMN_MONEY, "s.spent_365d_minor", .width = 120},
    {"orders", "num.orders", COLUMN_NUMBER, "s.orders", OF_STANDING("s.orders", .falls = true), .width = 85, .is_shown = true},
    {"contacts", "num.contacts", COLUMN_NUMBER, "s.contacts", .width = 90},
    {"last_order_at", "num.last_order", COLUMN_TIME, "s.last_order_ms", OF_STANDING("s.last_order_ms", .falls = true), .width = 120},
    {"last_contact_at", "num.last_contact", COLUMN_TIME, "s.last_contact_ms", OF_STANDING("s.last_contact_ms", .falls = true), .width = 120, .is_shown = true},
    {"created_at", "field.created_at", COLUMN_TIME, "c.created_ms", OF_CUSTOMER("c.created_ms", .falls = true), .width = 120},
    {"changed_at", "field.changed_at", COLUMN_TIME, "c.changed_ms", .width = 120},
};
/* clang-format on */
enum { OWN = COUNT(list_columns) };

/* The texts of a record that have no line above: a new one stands in the list without further ado. */
/* clang-format off */
#define X(name_, claim, most, rule, ...) {#name_, {__VA_ARGS__}},
static const struct { const char *name; struct field field; } texts[] = {CUSTOMER_TEXTS(X)};
#undef X
#define X(name_, claim, most, rule, ...) {.name = #name_, .label = "field." #name_, .choice_label = #name_ ".", .sql = "c." #name_, .width = 160},
static const struct column text_columns[] = {CUSTOMER_TEXTS(X)};
#undef X
/* clang-format on */

const struct column *column_find(const struct column_set *s, str name)
{
    for (size_t i = 0; i < s->n; i++)
        if (str_eq(name, str_of(s->at[i]->name)))
            return s->at[i];
    return NULL;
}

static void columns_of_house(struct cx *cx, struct column_set *out, size_t more)
{
    out->at = ARENA_ARRAY(cx->arena, OWN + COUNT(texts) + more, const struct column *);
    out->n = 0;
    for (size_t i = 0; i < OWN; i++)
        if (expr_may_use(cx, list_columns[i].may))
            out->at[out->n++] = &list_columns[i];
    for (size_t i = 0; i < COUNT(texts); i++) {
        if (column_find(out, str_of(texts[i].name)))
            continue;
        struct column *c = ARENA_NEW(cx->arena, struct column);
        *c = text_columns[i];
        c->kind = texts[i].field.n_names ? COLUMN_CHOICE : COLUMN_TEXT;
        c->choices = texts[i].field.names;
        c->n_choices = (int)texts[i].field.n_names;
        out->at[out->n++] = c;
    }
}

/* ---- custom attributes -------------------------------------------------------------------------- */

enum err columns_all(struct cx *cx, struct column_set *out)
{
    struct list rows;
    TRY(attr_defs(cx, &rows));
    const struct attr_def *a = rows.items;
    struct column *own = ARENA_ARRAY(cx->arena, rows.n + 1, struct column);
    columns_of_house(cx, out, rows.n);
    for (size_t i = 0; i < rows.n; i++) {
        if (!a[i].is_active)
            continue;
        own[i] = (struct column){
            .name = arena_cstr(cx->arena, arena_printf(cx->arena, "attr." SFMT, SARG(a[i].code))),
            .kind = COLUMN_ATTRIBUTE,
            .attr = &a[i],
            .width = 140,
        };
        out->at[out->n++] = &own[i];
    }
    return OK;
}

/* Custom attributes are read only when one is named. */
static enum err known_columns(struct cx *cx, str names, struct column_set *out)
{
    if (str_find(names, S("attr.")) >= 0)
        return columns_all(cx, out);
    columns_of_house(cx, out, 0);
    return OK;
}

static enum err unknown(struct cx *cx, str at, uint16_t msg, str name)
{
    return fault_at(cx, fault(cx, ERR_INVALID, msg, MARG("name", str_clean(cx->arena, name, 60))),
                    at);
}

enum err columns_named(struct cx *cx, str names, struct column_set *out)
{
    struct column_set all;
    TRY(known_columns(cx, names, &all));
    *out = (struct column_set){ARENA_ARRAY(cx->arena, all.n, const struct column *), 0};
    if (!names.len) {
        for (size_t i = 0; i < all.n; i++)
            if (all.at[i]->is_shown)
                out->at[out->n++] = all.at[i];
        return OK;
    }
    while (names.len) {
        str name = str_trim(str_cut(&names, ','));
        const struct column *c = column_find(&all, name);
        if (!c)
            return unknown(cx, S("columns"), M_LIST_COLUMN_UNKNOWN, name);
        if (!column_find(out, name)) /* named twice stands once */
            out->at[out->n++] = c;
    }
    return OK;
}

enum err sorting_read(struct cx *cx, str text, struct sorting *out)
{
    bool falls = text.len && text.ptr[0] == '-';
    str name = falls ? (str){text.ptr + 1, text.len - 1} : text;
    for (size_t i = 0; i < OWN; i++) {
        const struct column *c = &list_columns[i];
        if (!str_eq(name, str_of(c->name)))
            continue;
        if (!c->order.from)
            break;
        *out = (struct sorting){c, falls};
        return OK;
    }
    return unknown(cx, S("sort"), M_LIST_SORT_UNKNOWN, name);
}
