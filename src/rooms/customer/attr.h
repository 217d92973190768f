/* rooms/customer/attr.h - custom attributes: what the company itself wants to know of its customers.
 * Part of customer.h, which includes it.
 *
 * The administrator defines them; the code and the type never change, a rename changes the label.
 * Values are typed rows (see migration 0008): equality of texts goes by their folded form
 * (text_fold), order and ranges by `num`.
 */
#pragma once
#include "rooms/customer/customer.h"
struct change_by;

enum attr_type {
    ATTR_TEXT,    /* at most 500 characters */
    ATTR_NUMBER,  /* num: thousandths */
    ATTR_MONEY,   /* num: minor units; text: the currency */
    ATTR_DATE,    /* num: days since 1970-01-01 */
    ATTR_YES_NO,  /* num: 1 or 0 */
    ATTR_CHOICE,  /* one of the texts of its list */
    ATTR_CHOICES, /* several of them, a row each */
    ATTR_TYPE_N
};
extern const char *const attr_type_codes[ATTR_TYPE_N];

struct attr_def {
    attr_id id;
    str code, label;
    int type;
    struct str_list choices;
    int64_t position;
    bool is_active; /* not: kept with its values, shown and set no more */
    when created_at;
    int64_t version;
    str choices_json; /* as the column holds it */
};
enum { ATTR_DEFS_MAX = 200, ATTR_CHOICES_MAX = 50, ATTR_CHARS_MAX = 500 };
/* All of them, also those taken out of use; by position, then label. */
enum err attr_defs(struct cx *cx, struct list *out /* of struct attr_def */) MUST_USE;
/* One in use; ERR_NOT_FOUND with a fault that names the code. */
enum err attr_def_by_code(struct cx *cx, str code, struct attr_def *out) MUST_USE;

/* A value in hand; n 0: none. */
struct attr_row {
    opt_int num;
    str text, folded;
};
struct attr_value {
    struct attr_row row[ATTR_CHOICES_MAX];
    size_t n;
};
/* Reads a value by the type of its attribute: from the text of an import or a history ("12.5",
 * "1234.56 EUR", "2026-01-31", "yes", "red; blue"), or from JSON as the API takes it. Empty text and
 * null are none. ERR_INVALID says what would be right; the caller names the field. */
enum err attr_value_read(struct cx *cx, const struct attr_def *d, str text, struct attr_value *out)
    MUST_USE;
enum err attr_value_read_json(struct cx *cx, const struct attr_def *d, str json,
                              struct attr_value *out) MUST_USE;
/* The text of a value, as attr_value_read takes it; and its JSON ("null" when none). */
str attr_value_text(struct arena *a, const struct attr_def *d, const struct attr_value *v);
str attr_value_json(struct arena *a, const struct attr_def *d, const struct attr_value *v);

/* Inside apply: sets or (n 0) clears a value of a record, with its history. */
enum err attr_put(struct cx *cx, customer_id root, const struct attr_def *d,
                  const struct attr_value *v, struct change_by *by) MUST_USE;
