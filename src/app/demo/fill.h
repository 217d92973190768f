/* app/demo/fill.h - what the demo company and the generator share: rows of customers with their history, into empty tables.
 * Text of a row lives in row_arena, until the next customer.
 */
#pragma once
#include "app/demo/demo.h"
#include "app/demo/generated.h"
#include "messages.h"
#include "rooms/order/order.h"
#include "rooms/search/search.h"

enum { DAY_MS = 86400000 };

struct demo_count { int64_t n; };

struct filler {
    struct cx *cx;
    struct bulk *bulk;
    struct arena *arena, *row_arena;
    const struct people *people;
    const struct retail *retail;
    struct known_keys *known;
    int64_t *products; /* ids, as retail numbers them */
    int64_t order_number;
    uint64_t chance;
    const struct settings *house;
    str currency, time_zone; /* of the house: money is counted in it, days begin by it */
    /* What the customer being made is found by; written with his history. */
    int64_t docs, doc_of;
    str doc_names, doc_company;
    struct search_handle doc_handles[16];
    size_t n_doc_handles;
    const struct demo_progress *progress;
    struct demo_filled filled;
};
struct person {
    int kind; /* enum customer_kind */
    const struct culture *culture;
    str name, reading, given, family, patronymic, form_of_address, lang, time_zone, country, city, company, heard_of_us;
    str latin; /* for an e-mail address */
};
struct history_day { int32_t day; struct standing_sums sums; };
/* What is summed of one customer while his rows are made. */
struct history {
    int64_t customer, first_ms, last_ms, last_order_ms;
    int kind; /* enum customer_kind */
    bool is_vip;
    struct standing_sums all;
    struct history_day days[256];
    size_t n_days;
};
/* A handle as intake would keep it; value_id: 0 a new one, else one more owner of that handle. */
struct handle_made {
    int type; /* enum identity_type */
    str value, given, shown;
    const char *state, *source;
    int64_t first_ms, last_ms, value_id;
};
/* One line of the timeline. matched_by: what recognised him. */
struct line_made {
    const char *channel, *matched_by;
    int64_t at_ms, staff, ref;
    str subject, text;
};
struct order_made {
    str number, status, payment;
    int64_t at_ms, due_ms, returned, discount;
    const struct retail_line *lines;
    size_t n_lines;
};

/* f holds the house's currency and time zone. */
enum err fill_begin(struct filler *f, struct store *s, struct cx *cx, uint64_t seed, const struct demo_progress *p) MUST_USE;
enum err fill_end(struct filler *f) MUST_USE;
/* Where a handle was last seen: kept at most once an hour, as intake does; times in ascending order. */
void fill_seen(int64_t *last_ms, int64_t at_ms);
void fill_close(struct filler *f);

str fill_pick(struct filler *f, const str *of, size_t n);
bool fill_chance(struct filler *f, unsigned of_100);
/* A sentence with its {order} and {product}. */
str fill_phrase(struct filler *f, const char *kind, str lang, str order, str product);
void fill_person(struct filler *f, const struct culture *c, const struct town *t, struct person *p);
void fill_firm(struct filler *f, const struct culture *c, const struct town *t, struct person *p);

enum err fill_customer(struct filler *f, const struct person *p, int64_t created_ms, int64_t *id) MUST_USE;
/* Puts the handle's id into value_id. */
enum err fill_identity(struct filler *f, int64_t customer, struct handle_made *m) MUST_USE;
enum err fill_interaction(struct filler *f, struct history *h, const struct line_made *m, int64_t *id) MUST_USE;
enum err fill_order(struct filler *f, struct history *h, const struct order_made *o, int64_t *made) MUST_USE;
/* Goods of that amount came back. */
void fill_returned(struct filler *f, struct history *h, int64_t at_ms, int64_t amount);
enum err fill_history(struct filler *f, const struct history *h) MUST_USE;
