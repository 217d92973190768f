/* rooms/order/order.c - an order as it is read. */
#include "messages.h"
#include "queries.h"
#include "rooms/order/inside.h"

enum { TEXT_LIMIT = 600 };

const char *const order_status_codes[5] = {"open", "paid", "shipped", "delivered", "cancelled"};
const char *const fact_kind_codes[FACTS] = {"paid",        "refused",      "dispute",
                                            "charge_back", "refund_abuse", "paid_at_last"};

/* clang-format off */
static const struct field line_fields[] = {
    FIELD(struct order_line, line),
    FIELD(struct order_line, product, .nullable = true),
    FIELD(struct order_line, sku),
    FIELD(struct order_line, name),
    FIELD(struct order_line, quantity),
    FIELD(struct order_line, price),
    FIELD(struct order_line, discount),
    FIELD(struct order_line, total, .doc = "Price times quantity, less the discount"),
};
static const struct shape line_shape = SHAPE("order_line", struct order_line, line_fields);
static const struct field line_row_fields[] = {
    FIELD(struct order_line, line),
    FIELD_AS(struct order_line, product, "product_id", .nullable = true),
    FIELD(struct order_line, sku),
    FIELD(struct order_line, name),
    FIELD(struct order_line, quantity_milli),
    FIELD_AS(struct order_line, price, "price_minor"),
    FIELD_AS(struct order_line, discount, "discount_minor"),
    FIELD_AS(struct order_line, total, "total_minor"),
};
static const struct shape line_row_shape = SHAPE("order_line_row", struct order_line, line_row_fields);
static const struct field return_fields[] = {
    FIELD(struct order_return, id),
    FIELD(struct order_return, line, .nullable = true),
    FIELD(struct order_return, quantity),
    FIELD(struct order_return, amount),
    FIELD(struct order_return, reason),
    FIELD(struct order_return, at),
};
static const struct shape return_shape = SHAPE("order_return", struct order_return, return_fields);
static const struct field return_row_fields[] = {
    FIELD(struct order_return, id),
    FIELD(struct order_return, line, .nullable = true),
    FIELD(struct order_return, quantity_milli),
    FIELD_AS(struct order_return, amount, "amount_minor"),
    FIELD(struct order_return, reason),
    FIELD_AS(struct order_return, at, "at_ms"),
};
static const struct shape return_row_shape = SHAPE("order_return_row", struct order_return, return_row_fields);
static const struct field fact_fields[] = {
    FIELD(struct order_fact, id),
    FIELD_ENUM(struct order_fact, kind, fact_kind_codes),
    FIELD(struct order_fact, amount, .doc = "Of a charge-back"),
    FIELD(struct order_fact, note),
    FIELD(struct order_fact, source_id, .omit_empty = true),
    FIELD(struct order_fact, at),
};
static const struct shape fact_shape = SHAPE("order_fact", struct order_fact, fact_fields);
static const struct field fact_row_fields[] = {
    FIELD(struct order_fact, id),
    FIELD_ENUM(struct order_fact, kind, fact_kind_codes),
    FIELD_AS(struct order_fact, amount, "amount_minor"),
    FIELD(struct order_fact, note),
    FIELD(struct order_fact, source_id),
    FIELD_AS(struct order_fact, at, "at_ms"),
};
static const struct shape fact_row_shape = SHAPE("order_fact_row", struct order_fact, fact_row_fields);
struct promotion_row {
    str code;
};
static const struct field promotion_row_fields[] = {
    FIELD(struct promotion_row, code),
};
static const struct shape promotion_row_shape = SHAPE("order_promotion_row", struct promotion_row, promotion_row_fields);
static const struct field order_fields[] = {
    FIELD(struct order, id),
    FIELD(struct order, number),
    FIELD_STRUCT(struct order, customer, &customer_ref_shape),
    FIELD(struct order, channel),
    FIELD_ENUM(struct order, status, order_status_codes),
    FIELD(struct order, at),
    FIELD(struct order, due_at),
    FIELD(struct order, currency),
    FIELD(struct order, total, .doc = "Lines less discount"),
    FIELD(struct order, discount, .doc = "All that was taken off, lines included"),
    FIELD(struct order, returned),
    FIELD(struct order, lost, .doc = "Charged back, and not paid since"),
    FIELD(struct order, payment_method),
    FIELD(struct order, promotions, .doc = "Codes of the offers that were used"),
    FIELD_LIST(struct order, lines, &line_shape),
    FIELD_LIST(struct order, returns, &return_shape),
    FIELD_LIST(struct order, facts, &fact_shape),
    FIELD(struct order, version),
};
const struct shape order_shape = SHAPE("order", struct order, order_fields);
static const struct field order_row_fields[] = {
    FIELD(struct order, id),
    FIELD(struct order, number),
    FIELD_AS(struct order, customer.id, "root_id"),
    FIELD_AS(struct order, customer.name, "name"),
    FIELD(struct order, channel),
    FIELD_ENUM(struct order, status, order_status_codes),
    FIELD_AS(struct order, at, "at_ms"),
    FIELD_AS(struct order, due_at, "due_ms", .nullable = true),
    FIELD_AS(struct order, total, "total_minor"),
    FIELD_AS(struct order, discount, "discount_minor"),
    FIELD_AS(struct order, returned, "returned_minor"),
    FIELD_AS(struct order, lost, "lost_minor"),
    FIELD(struct order, base_minor),
    FIELD(struct order, payment_method),
    FIELD(struct order, is_discounted),
    FIELD(struct order, version),
};
const struct shape order_row_shape = SHAPE("order_row", struct order, order_row_fields);
/* clang-format on */

static void finish(struct order *o)
{
    o->currency = str_of(o->total.currency.code);
    o->customer.name_lang = script_lang(o->customer.name);
    struct order_line *l = o->lines.items;
    for (size_t i = 0; i < o->lines.n; i++)
        l[i].quantity = (double)l[i].quantity_milli / 1000;
    struct order_return *r = o->returns.items;
    for (size_t i = 0; i < o->returns.n; i++)
        r[i].quantity = (double)r[i].quantity_milli / 1000;
}

enum err order_get(struct cx *cx, order_id id, struct order *out)
{
    struct args by_id = ARGS(V(id));
    struct list codes = {0};
    struct db_read reads[] = {
        {&q_order_get, &order_row_shape, true, out, by_id, false},
        {&q_order_line_list, &line_row_shape, false, &out->lines, by_id, false},
        {&q_order_return_list, &return_row_shape, false, &out->returns, by_id, false},
        {&q_order_fact_list, &fact_row_shape, false, &out->facts, by_id, false},
        {&q_order_promotion_list, &promotion_row_shape, false, &codes, by_id, false},
    };
    TRY(db_batch(cx, reads, COUNT(reads)));
    if (!reads[0].found)
        return fault(cx, ERR_NOT_FOUND, M_ORDER_UNKNOWN);
    const struct promotion_row *code = codes.items;
    out->promotions = (struct str_list){ARENA_ARRAY(cx->arena, codes.n + 1, str), codes.n};
    for (size_t i = 0; i < codes.n; i++)
        out->promotions.items[i] = code[i].code;
    finish(out);
    return OK;
}

str order_in_words(struct arena *a, const struct order_line *lines, size_t n)
{
    struct text t = text_in(a, TEXT_LIMIT);
    for (size_t i = 0; i < n && t.len < TEXT_LIMIT / 2; i++) {
        const struct order_line *l = &lines[i];
        str name = l->name.len ? l->name : l->sku;
        if (i)
            text_add(&t, S(", "));
        text_add(&t, name.len > TEXT_LIMIT / 4 ? l->sku : name);
        if (l->quantity_milli != 1000)
            text_printf(&t, " × %g", (double)l->quantity_milli / 1000);
    }
    if (n > 1 && t.len >= TEXT_LIMIT / 2)
        text_add(&t, S(" …"));
    return text_str(&t);
}

int64_t order_left(const struct order *o)
{
    return o->total.amount - o->returned.amount - o->lost.amount;
}

struct standing_sums order_counts(const struct order *o, int64_t times)
{
    bool is_counted = o->base_minor.has; /* in the base currency: the order's own minor units */
    return (struct standing_sums){
        .orders = times,
        .discounted = o->is_discounted ? times : 0,
        .spent = is_counted ? times * order_left(o) : 0,
        .discount = is_counted ? times * o->discount.amount : 0,
    };
}
