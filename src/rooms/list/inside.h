/* rooms/list/inside.h - what the files of this room share; nobody else includes it. */
#pragma once
#include "rooms/customer/customer.h"
#include "rooms/list/list.h"
#include "rooms/settings/settings.h"
#include "rooms/staff/staff.h"

/* ---- columns (columns.c) ------------------------------------------------------------------------
 */

enum column_kind {
    COLUMN_TEXT,
    COLUMN_CHOICE,
    COLUMN_COUNTRY,
    COLUMN_LANGUAGE,
    COLUMN_NUMBER,
    COLUMN_MONEY, /* of the base currency, minor units */
    COLUMN_TIME,
    COLUMN_YES_NO,
    COLUMN_STAFF, /* two cells: id, name */
    COLUMN_TAGS,  /* read beside the row */
    COLUMN_PHONE,
    COLUMN_EMAIL,
    COLUMN_ATTRIBUTE, /* custom, read beside the row */
    COLUMN_KIND_N
};
extern const char *const column_kind_codes[COLUMN_KIND_N];

enum { ORDER_NAME_CHARS = 40 };
#define ORDER_BY_NAME "substr(c.folded_name, 1, 40)"
/* The order of a list: `from` is the table that has the index (from.key, from.id), named in `index`
 * where it is made. */
struct order {
    const char *from; /* "standing s", "customer c" */
    const char *key, *id;
    bool is_text;
    bool falls; /* people want the greatest first */
};

struct column {
    const char *name;  /* in `columns`, `sort` and the items */
    const char *label; /* key of the catalogue */
    enum column_kind kind;
    const char *sql; /* of customer c, standing s, staff o; NULL: read beside the row */
    struct order order;
    const char *attribute; /* its name in expressions, where that is another */
    const char *const *choices;
    const char *choice_label; /* each choice's catalogue key begins with it */
    int n_choices, width;
    bool is_shown; /* unless asked otherwise */
    uint32_t may;  /* roles that see it; 0: all */
    const struct attr_def *attr; /* a custom attribute */
};

/* The columns of the house and the custom attributes, in their order. */
struct column_set {
    const struct column **at;
    size_t n;
};
enum err columns_all(struct cx *cx, struct column_set *out) MUST_USE;
/* Those named in a comma-separated list; empty: the usual ones. Unknown ones are refused by name. */
enum err columns_named(struct cx *cx, str names, struct column_set *out) MUST_USE;
const struct column *column_find(const struct column_set *s, str name);

/* "name", "-spent": a column, falling with '-' before it. */
struct sorting {
    const struct column *column;
    bool falls;
};
enum err sorting_read(struct cx *cx, str text, struct sorting *out) MUST_USE;
