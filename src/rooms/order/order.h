/* rooms/order/order.h - what customers bought, sent back, and when it is promised to arrive.
 *
 * An order comes in through the one door (its interaction is of channel order or purchase) and is
 * taken once by its number: the same number with the same content answers the same order, with
 * other content it is a conflict. Totals, returns, day rows and the customer's standing move in the
 * same change. Only money of the base currency is summed.
 */
#pragma once
#include "rooms/intake/intake.h"
#include "rooms/product/product.h"

enum order_status { ORDER_OPEN, ORDER_PAID, ORDER_SHIPPED, ORDER_DELIVERED, ORDER_CANCELLED };
extern const char *const order_status_codes[5];

struct order_line {
    int64_t line;
    product_id product;
    str sku, name;
    double quantity; /* thousandths are kept */
    int64_t quantity_milli;
    money price, total;
};
struct order_return {
    return_id id;
    opt_int line;
    double quantity;
    int64_t quantity_milli;
    money amount;
    str reason;
    when at;
};
struct order {
    order_id id;
    str number;
    struct customer_ref customer;
    str channel;
    int status; /* enum order_status */
    when at, due_at;
    str currency;
    money total, discount, returned;
    opt_int base_minor; /* the total in the base currency; none: listed, not summed */
    str payment_method;
    struct list lines, returns; /* of struct order_line, struct order_return */
    int64_t version;
};
extern const struct shape order_shape;

struct order_line_new {
    str sku, name;
    double quantity;
    int64_t price; /* minor units */
};
struct order_new {
    str number;
    customer_id customer; /* or identities and claims */
    struct list identities;
    struct intake_claims claims;
    int channel; /* 0: order, 1: purchase (at a till) */
    when at, due_at;
    str currency;
    int status;
    str payment_method;
    int64_t discount;
    struct list lines; /* of struct order_line_new */
    /* set by the route */
    int trust;
    staff_id staff;
    struct order_plan *plan; /* by order_plan */
};
enum err order_plan(struct cx *cx, struct order_new *in) MUST_USE;
/* Inside apply. ERR_STALE: plan again. */
enum err order_take(struct cx *cx, struct order_new *in, order_id *id, bool *is_repeat) MUST_USE;
/* "Filter FX-2 × 2, Kettle": what the timeline says of an order. */
str order_in_words(struct arena *a, const struct order_line *lines, size_t n);
enum err order_get(struct cx *cx, order_id id, struct order *out) MUST_USE;

extern const struct room order_room;
