/* rooms/order/attributes.c - what conditions may ask of orders and of what was bought. */
#include "messages.h"
#include "queries.h"
#include "rooms/order/inside.h"

struct attributes_order {
    when at;
    opt_int total;
    int status;
    str channel;
    bool is_discounted;
    str payment_method, number;
};
struct attributes_product {
    when at;
    str sku, category;
    int64_t quantity;
};
/* clang-format off */
static const struct field attributes_order_fields[] = {
    FIELD_AS(struct attributes_order, at, "at_ms"), FIELD_AS(struct attributes_order, total, "base_minor"),
    FIELD_ENUM(struct attributes_order, status, order_status_codes), FIELD(struct attributes_order, channel),
    FIELD(struct attributes_order, is_discounted), FIELD(struct attributes_order, payment_method), FIELD(struct attributes_order, number),
};
static const struct shape attributes_order_shape = SHAPE("attributes_order", struct attributes_order, attributes_order_fields);
static const struct field attributes_product_fields[] = {
    FIELD_AS(struct attributes_product, at, "at_ms"), FIELD(struct attributes_product, sku), FIELD(struct attributes_product, category),
    FIELD_AS(struct attributes_product, quantity, "quantity_milli"),
};
static const struct shape attributes_product_shape = SHAPE("attributes_product", struct attributes_product, attributes_product_fields);
static const struct expr_part orders_part = {"orders", &attributes_order_shape, &q_attributes_orders, true};
static const struct expr_part products_part = {"products", &attributes_product_shape, &q_attributes_products, true};

static const struct expr_attr order_attrs[] = {
    {.name = "at", .label = M_ATTR_AT, .type = EXPR_TIME, .field = "at_ms", .sql = "o.at_ms"},
    {.name = "total", .label = M_ATTR_ORDER_TOTAL, .type = EXPR_MONEY, .unknown = EXPR_NULL, .field = "base_minor", .sql = "o.base_minor"},
    {.name = "status", .label = M_ATTR_ORDER_STATUS, .type = EXPR_CHOICE, .field = "status", .sql = "o.status", .choices = order_status_codes,
     .n_choices = COUNT(order_status_codes), .choice_label = "order.status."},
    {.name = "channel", .label = M_ATTR_CHANNEL, .type = EXPR_TEXT, .form = EXPR_AS_IS, .unknown = EXPR_EMPTY, .field = "channel", .sql = "o.channel"},
    {.name = "discounted", .label = M_ATTR_ORDER_DISCOUNTED, .type = EXPR_YES_NO, .field = "is_discounted", .sql = "o.is_discounted"},
    {.name = "payment_method", .offers = "payment", .label = M_ATTR_PAYMENT_METHOD, .type = EXPR_TEXT, .form = EXPR_AS_IS, .unknown = EXPR_EMPTY,
     .field = "payment_method", .sql = "o.payment_method"},
    {.name = "number", .label = M_ATTR_ORDER_NUMBER, .type = EXPR_TEXT, .form = EXPR_AS_IS, .field = "number", .sql = "o.number"},
};
static const struct expr_collection orders = {
    .name = "orders", .label = M_ATTR_ORDERS, .part = &orders_part, .from = "customer r JOIN orders o ON o.customer_id = r.id",
    .from_own = "orders o", .own = "o.customer_id", .by_customer = true,
    .root = "r.root_id", .time_sql = "o.at_ms", .time_field = "at_ms", .fields = order_attrs, .n = COUNT(order_attrs),
};
static const struct expr_attr product_attrs[] = {
    {.name = "at", .label = M_ATTR_AT, .type = EXPR_TIME, .field = "at_ms", .sql = "o.at_ms"},
    {.name = "sku", .label = M_ATTR_SKU, .type = EXPR_TEXT, .form = EXPR_AS_IS, .field = "sku", .sql = "l.sku"},
    {.name = "category", .label = M_ATTR_CATEGORY, .type = EXPR_TEXT, .form = EXPR_AS_IS, .unknown = EXPR_EMPTY, .field = "category",
     .sql = "COALESCE(p.category, '')"},
    {.name = "quantity", .label = M_ATTR_QUANTITY, .type = EXPR_NUMBER, .scale = 3, .field = "quantity_milli", .sql = "l.quantity_milli"},
};
static const struct expr_collection products = {
    .name = "products", .label = M_ATTR_PRODUCTS, .part = &products_part,
    .from = "customer r JOIN orders o ON o.customer_id = r.id JOIN order_line l ON l.order_id = o.id LEFT JOIN product p ON p.id = l.product_id",
    .from_own = "orders o JOIN order_line l ON l.order_id = o.id LEFT JOIN product p ON p.id = l.product_id",
    .own = "o.customer_id", .root = "r.root_id", .by_customer = true, .time_sql = "o.at_ms", .time_field = "at_ms", .fields = product_attrs, .n = COUNT(product_attrs),
};
/* clang-format on */
static const struct expr_collection *const lists[] = {&orders, &products};
const struct expr_table order_attributes = {.collections = lists, .n_collections = COUNT(lists)};
