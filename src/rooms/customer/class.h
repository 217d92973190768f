/* rooms/customer/class.h - what kind of customer this is, as it stands: the classes, their words, and what answers show of
 * them; part of customer.h, which includes it. Who decides it, and by which rules: rooms/judge.
 *
 * The keys stand in code and in conditions; people read only the words of the catalogue.
 */
#pragma once
#include "net/route.h"

enum class {
    CLASS_REGULAR,
    CLASS_CHATTY,
    CLASS_FREELOADER,
    CLASS_TIME_EATER,
    CLASS_INTERESTED,
    CLASS_COMPANY,
    CLASS_FRAUD_SUSPECT,
    CLASSES
};
extern const char *const class_codes[CLASSES + 1]; /* the last one "": none */
str class_name(struct arena *a, enum lang lang, int class);
/* `own`: what the company says instead; empty: the house's words. */
str class_advice(struct arena *a, enum lang lang, int class, str own);

/* One class that a record is in. */
struct class_in {
    int class;
    int64_t score;
    when since, lead_at; /* lead_at 0: another leads */
    str advice;          /* the company's own */
};
/* A class that a person gave; it leads until then. */
struct class_pin {
    int64_t id;
    int class;
    when at, until;
    str reason, by;
};
extern const struct shape class_in_row_shape, class_pin_row_shape;

/* As cards and records show it. */
struct class_also {
    str code, name;
    int64_t score;
    when since;
};
struct class_seen {
    str code, name, advice; /* code empty: not enough is known yet */
    int64_t score;
    when since;
    bool is_pinned;
    when pinned_until;
    bool is_undecided; /* needs time, or is considering: the test decides */
    struct list also;  /* of struct class_also: further ones, the strongest first */
};
extern const struct shape class_seen_shape;
/* From the rows of class_of_customer (strongest first) and the first of class_pin_of (n 0 or 1). */
struct class_seen class_seen_of(struct arena *a, enum lang lang, const struct list *in, const struct list *pins);

/* His risk, as last looked at (rooms/risk); level empty: nobody looked yet. For those who serve and who answer for it. */
struct risk_seen_of {
    str level; /* low, medium, high */
    int64_t points;
    int64_t confidence; /* percent of the checks that are known */
    when since;
};
enum { MAY_READ_RISK = MAY_SERVE | MAY(ROLE_RISK) | MAY(ROLE_PRIVACY) };
extern const struct shape risk_seen_of_shape, risk_seen_of_row_shape;

/* Needs time and is considering lie so close that only a test decides. */
enum { CLASS_CLOSE = 15 };
bool class_is_close(int64_t time_eater, int64_t interested, int64_t from);
