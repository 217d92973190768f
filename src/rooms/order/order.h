/* rooms/order/order.h - what customers bought, sent back, paid or not, and when it is promised to
 * arrive.
 *
 * An order comes in through the one door (its interaction is of channel order or purchase) and is
 * taken once by its number: the same number with the same content answers the same order, with
 * other content it is a conflict. Totals, returns, facts of the payment, day rows and the
 * customer's standing move in the same change. Only money of the base currency is summed.
 */
#pragma once
#include "rooms/intake/intake.h"
#include "rooms/product/product.h"

enum order_status { ORDER_OPEN, ORDER_PAID, ORDER_SHIPPED, ORDER_DELIVERED, ORDER_CANCELLED };
extern const char *const order_status_codes[5];
/* What came of the payment. A charge-back takes its money out of what the customer spent; paid at
 * last brings it back. */
enum fact_kind {
    FACT_PAID,
    FACT_REFUSED,
    FACT_DISPUTE,
    FACT_CHARGE_BACK,
    FACT_REFUND_ABUSE,
    FACT_PAID_AT_LAST,
    FACTS
};
extern const char *const fact_kind_codes[FACTS];

struct order_line {
    int64_t line;
    product_id product;
    str sku, name;
    double quantity; /* thousandths are kept */
    int64_t quantity_milli;
    money price, discount, total;
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
struct order_fact {
    fact_id id;
    int kind; /* enum fact_kind */
    money amount;
    str note, source_id;
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
    money total, discount, returned, lost; /* discount: of order and lines; lost: charged back */
    opt_int base_minor; /* the total in the base currency; none: listed, not summed */
    str payment_method;
    bool is_discounted;
    struct str_list promotions;
    struct list lines, returns, facts; /* of struct order_line, order_return, order_fact */
    int64_t version;
};
extern const struct shape order_shape;

struct order_line_new {
    str sku, name;
    double quantity;
    int64_t price, discount; /* minor units; the price of one, the discount of the line */
};
struct order_return_new {
    opt_int line; /* none: of the whole order, with an amount */
    double quantity;
    opt_int amount; /* minor units; default: what the line's part was sold for */
    str reason;
    when at; /* 0: now */
};
struct order_fact_new {
    int kind;
    opt_int amount; /* of a charge-back; default: all that is left */
    str note, source_id;
    when at; /* 0: now */
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
    int64_t discount; /* of the whole, off the sum of the lines */
    struct str_list promotions;
    struct list lines, returns, facts; /* of struct order_line_new, order_return_new, order_fact_new */
    /* set by the route */
    int trust;
    staff_id staff;
    const char *source; /* where handles came from; NULL: the channel */
    int64_t batch;      /* the import it is part of; 0: none */
    struct order_plan *plan; /* by order_plan */
};
extern const struct shape order_in_shape; /* struct order_new as JSON */
/* Trust, staff and what may be vouched for, by who asks. */
void order_from(const struct cx *cx, struct order_new *o);
enum err order_plan(struct cx *cx, struct order_new *in) MUST_USE;
/* Inside apply. ERR_STALE: plan again. */
enum err order_take(struct cx *cx, struct order_new *in, order_id *id, bool *is_repeat) MUST_USE;
bool order_is_repeat(const struct order_new *in);
/* Inside apply: takes an order away as if it had never come. *is_kept: somebody worked with it since,
 * it stays. */
enum err order_take_back(struct cx *cx, order_id id, bool *is_kept) MUST_USE;

/* Many at once, as intake_plan_many and intake_take_many: the same answers as one by one in the order given;
 * one that is refused is left out alone (out[i].err and out[i].why). A number that comes twice is taken once.
 * order_take_many gets the answers of order_plan_many, or a copy where apply may run again. */
struct order_result {
    order_id id;
    customer_id customer; /* of a new one, and all that the door answered of him */
    const struct intake_result *who;
    bool is_repeat;
    enum err err;
    struct fault why;
};
enum err order_plan_many(struct cx *cx, struct order_new *in, size_t n, struct order_result *out) MUST_USE;
enum err order_take_many(struct cx *cx, struct order_new *in, size_t n, struct order_result *out) MUST_USE;
/* "Filter FX-2 × 2, Kettle": what the timeline says of an order. */
str order_in_words(struct arena *a, const struct order_line *lines, size_t n);
enum err order_get(struct cx *cx, order_id id, struct order *out) MUST_USE;

#include "rooms/order/turn.h"

extern const struct expr_table order_attributes; /* what conditions may ask */
extern const struct room order_room;
