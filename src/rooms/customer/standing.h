/* rooms/customer/standing.h - what rules and lists ask of a record: activity, VIP, money,
 * windows; part of customer.h, which includes it.
 *
 * One row a root, moved in the same change as the fact that moves it. A window of N days is today
 * and the N - 1 business days before it, by day rows in the business time zone; the turn of the day
 * takes out what falls behind. Value is what was spent in 365 days.
 */
#pragma once
#include "rooms/settings/settings.h"

enum { WINDOW_7D, WINDOW_30D, WINDOW_90D, WINDOW_180D, WINDOW_365D, WINDOWS };
extern const int32_t standing_window_days[WINDOWS];
enum activity { ACTIVITY_NEW, ACTIVITY_ACTIVE, ACTIVITY_COOLING, ACTIVITY_IDLE, ACTIVITY_LOST, ACTIVITIES };
extern const char *const activity_codes[ACTIVITIES];
enum vip_by { VIP_NOT, VIP_BY_HAND, VIP_BY_AMOUNT, VIP_BY_SHARE };
extern const char *const vip_by_codes[4]; /* "", "hand" … */

struct standing_sums {
    int64_t contacts, orders, discounted, spent, returned, discount; /* money: base currency */
};
struct standing {
    customer_id via; /* by which it was asked for, in a read of many */
    customer_id id;  /* the root */
    int kind, activity, vip_by;
    bool is_vip;
    when activity_due_at, activity_at; /* 0: never changes by itself; since when */
    when first_at, last_contact_at, last_order_at;
    struct standing_sums all, window[WINDOWS];
};
extern const struct shape standing_row_shape;

/* One thing that happened: what it adds on the day of `at`, and which of the latest times it moves. */
struct standing_fact {
    when at;
    bool is_seen, is_order; /* moves last_contact_at and first_at; last_order_at */
    opt_int last_order_ms;  /* an order counts no more: this one is the last now; 0: none */
    struct standing_sums add;
};
/* Inside apply. `via`: the id its rows keep. Tells customer.changed when the activity moves, unless is_new. */
enum err standing_add(struct cx *cx, customer_id via, const struct standing_fact *f, bool is_new) MUST_USE;
/* The same for many, in the order given: each row is read and written once. */
struct standing_change {
    customer_id via;
    const struct standing_fact *facts;
    size_t n;
    bool is_new;
};
enum err standing_add_many(struct cx *cx, const struct standing_change *c, size_t n) MUST_USE;
/* Inside apply: the row of a new record, with what is counted of him at once (NULL: nothing); its kind changed; a person gave or took the VIP mark. */
enum err standing_begin(struct cx *cx, customer_id id, int kind, const struct standing_change *first) MUST_USE;
enum err standing_kind_set(struct cx *cx, customer_id root, int kind) MUST_USE;
enum err standing_hand_set(struct cx *cx, customer_id root, bool is_vip) MUST_USE;

/* VIP by rule: the rule and its figures, for people. false: not VIP, or by hand (customer_mark says why). */
struct standing_vip {
    int by;             /* enum vip_by */
    money spent, limit; /* in 12 months; from where on one is VIP */
    opt_int share;      /* hundredths of a percent */
};
bool standing_vip_why(const struct standing *s, const struct settings *house, struct standing_vip *out);
/* As it stands among the marks, its reason in the language of cx. Marks by hand come first: nothing is added to them. */
void standing_vip_mark(struct cx *cx, const struct standing *s, struct list *marks /* of struct mark */);

/* The same in memory, for who counts by himself: adds to the sums and windows; then judges. */
void standing_count(struct standing *s, int32_t today, int32_t day, const struct standing_sums *add);
void standing_judge(struct standing *s, const struct settings *house, int64_t now_ms);
void standing_sums_add(struct standing_sums *to, const struct standing_sums *add);
bool standing_is_nothing(const struct standing_sums *s);
/* Inside apply: the row as it stands; what a day of an id brought, added. */
struct standing_day {
    int64_t day;
    struct standing_sums sums;
};
enum err standing_put(struct cx *cx, const struct standing *s) MUST_USE;
/* The same of a row that was so before: only what moved. */
enum err standing_move(struct cx *cx, const struct standing *was, const struct standing *is) MUST_USE;
enum err standing_day_add(struct cx *cx, customer_id via, const struct standing_day *d) MUST_USE;
/* All columns of a row, as demo_standing and standing_put take them. */
enum { STANDING_COLUMNS = 46 };
struct args standing_args(struct arena *a, const struct standing *s);
