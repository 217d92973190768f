/* rooms/order/inside.h - what the files of this room share; nobody else includes it. */
#pragma once
#include "rooms/order/order.h"

enum { LINES_MAX = 500, PARTS_MAX = 100, PROMOTIONS_MAX = 10 };
extern const struct shape order_row_shape, return_in_shape, fact_in_shape, money_line_shape;

/* Thousandths exactly, or nothing. */
bool milli_of(double quantity, int64_t *out);
/* What is left of an order's money: neither sent back nor charged back. */
int64_t order_left(const struct order *o);
/* What an order adds to the standing on its day, `times` 1 or -1. */
struct standing_sums order_counts(const struct order *o, int64_t times);

/* Checked against the order, which then has it: out->amount is what it takes off. `at` 0 becomes now. */
enum err return_check(struct cx *cx, struct order *o, const struct order_return_new *in,
                      struct order_return *out) MUST_USE;
enum err fact_check(struct cx *cx, struct order *o, const struct order_fact_new *in,
                    struct order_fact *out) MUST_USE;
/* Inside apply: the row alone. */
enum err return_put(struct cx *cx, order_id order, const struct order_return *r) MUST_USE;
enum err fact_put(struct cx *cx, order_id order, int64_t customer, const struct order_fact *f) MUST_USE;

/* The order as it is, and the id its rows keep; honours If-Match. */
enum err order_for_change(struct cx *cx, order_id id, struct order *seen, int64_t *customer)
    MUST_USE;

/* Routes of change.c. */
struct order_by_id {
    order_id id;
};
extern const struct shape order_patch_shape, order_return_shape_in, order_fact_shape_in;
enum err patch_order_plan(struct cx *cx, void *in, void *out);
enum err patch_order_apply(struct cx *cx, void *in, void *out);
enum err return_plan(struct cx *cx, void *in, void *out);
enum err return_apply(struct cx *cx, void *in, void *out);
enum err fact_plan(struct cx *cx, void *in, void *out);
enum err fact_apply(struct cx *cx, void *in, void *out);

/* ---- day rows ---- */

struct root_day {
    int64_t id;
    struct standing_day d;
};
#define DAY_FIELDS(st) \
    FIELD_AS(st, d.day, "day"), FIELD_AS(st, d.sums.contacts, "contacts"), \
    FIELD_AS(st, d.sums.orders, "orders"), FIELD_AS(st, d.sums.discounted, "discounted"), \
    FIELD_AS(st, d.sums.spent, "spent_minor"), FIELD_AS(st, d.sums.returned, "returned_minor"), \
    FIELD_AS(st, d.sums.discount, "discount_minor")
