/* rooms/import/columns.h - which column of a file is what: targets, the guess, the map.
 *
 * A map says for each column of a file (by its header, or by its number when there is no header)
 * what becomes of it. It is JSON, can be saved and used again (--map FILE).
 */
#pragma once
#include "rooms/import/csv.h"

enum import_kind { IMPORT_CUSTOMERS, IMPORT_ORDERS, IMPORT_INTERACTIONS, IMPORT_KIND_N };
extern const char *const import_kind_codes[IMPORT_KIND_N];

/* What a column may be. Those up to TO_CARD name somebody or say something of him. */
#define TARGET_LIST(X)                                                                         \
    X(TO_EXTERNAL_ID, "external_id") X(TO_NAME, "name") X(TO_READING, "reading")               \
    X(TO_GIVEN, "given") X(TO_FAMILY, "family") X(TO_PATRONYMIC, "patronymic")                 \
    X(TO_FORM_OF_ADDRESS, "form_of_address") X(TO_COMPANY, "company")                          \
    X(TO_LANGUAGE, "language") X(TO_TIME_ZONE, "time_zone") X(TO_COUNTRY, "country")           \
    X(TO_REGION, "region") X(TO_CITY, "city") X(TO_ADDRESS, "address") X(TO_POSTAL, "postal")  \
    X(TO_HEARD_OF_US, "heard_of_us") X(TO_BIRTH_DATE, "birth_date")                            \
    X(TO_OCCUPATION, "occupation") X(TO_PHONE, "phone") X(TO_EMAIL, "email")                 \
    X(TO_ACCOUNT, "account") X(TO_SOCIAL, "social") X(TO_CARD, "card")                         \
    X(TO_KIND, "kind") X(TO_ADDRESS_KIND, "address_kind") X(TO_TAGS, "tags")                   \
    X(TO_NUMBER, "number") X(TO_AT, "at") X(TO_DUE_AT, "due_at") X(TO_CURRENCY, "currency")    \
    X(TO_STATUS, "status") X(TO_PAYMENT_METHOD, "payment_method") X(TO_DISCOUNT, "discount")   \
    X(TO_SKU, "sku") X(TO_PRODUCT, "product") X(TO_QUANTITY, "quantity") X(TO_PRICE, "price")  \
    X(TO_TOTAL, "total") X(TO_CHANNEL, "channel") X(TO_DIRECTION, "direction")                 \
    X(TO_SOURCE_ID, "source_id") X(TO_SUBJECT, "subject") X(TO_TEXT, "text")
enum import_target {
#define X(name, code) name,
    TARGET_LIST(X)
#undef X
    TARGET_N,
    TO_ATTRIBUTE = TARGET_N, /* attr.CODE */
    TO_NOTHING
};
extern const char *const import_target_codes[TARGET_N];
/* May an import of this kind have it; may several columns be it. */
bool import_target_fits(int target, int kind);
bool import_target_many(int target);
/* "phone", "attr.size", "" (nothing); -1: no such thing. */
int import_target_find(str code);

enum import_dates { DATES_DMY, DATES_MDY, DATES_YMD };
extern const char *const import_dates_codes[3];

struct map_column {
    str from; /* header, or the number of the column */
    str to;   /* a target's code, attr.CODE, or empty */
    int guess; /* enum map_guess */
    struct str_list samples; /* out only */
};
enum map_guess { GUESS_NONE, GUESS_HEADER, GUESS_VALUES, GUESS_GIVEN };
extern const char *const map_guess_codes[4];
struct map_value {
    str to, value;
};
struct import_map {
    int encoding;  /* enum csv_encoding */
    str delimiter; /* "," ";" "\t" "|" */
    bool has_header;
    str source; /* stands before external ids: "hubspot:17" */
    str region; /* of phone numbers without a country; empty: the house's */
    int dates;  /* how 03/04/2026 is meant */
    struct list columns; /* of struct map_column */
    struct list values;  /* of struct map_value: what stands in no column */
};
extern const struct shape import_map_shape; /* JSON, in and out */

/* JSON of a map, by a person or a file. Members left out stay as they are in *map. */
enum err import_map_read(struct cx *cx, str json, struct import_map *map) MUST_USE;
str import_map_write(struct arena *a, const struct import_map *map);
/* What can be said by looking: form, header, columns. rows: the first rows that are sound, for
 * people to see (of struct csv_row). ERR_INVALID: nothing can be read as a table. */
enum err import_guess(struct cx *cx, const struct csv_source *s, int kind, int encoding,
                      char delimiter, struct import_map *out, struct list *rows) MUST_USE;
/* Target of each column of the file, whose first row is given. Refuses what does not fit, by name:
 * columns the file has not, targets the kind has not, one target twice. */
struct import_plan {
    int kind;
    size_t n;        /* columns of the file */
    uint8_t *target; /* of each */
    str *attribute;  /* its code, for TO_ATTRIBUTE */
    str value[TARGET_N];
    bool has[TARGET_N];
};
enum err import_map_fit(struct cx *cx, const struct import_map *map, int kind,
                        struct str_list first_row, struct import_plan *out) MUST_USE;

/* ---- cells into values ------------------------------------------------------------------------ */

/* 2026-11-22, 22.11.2026 14:30, 11/22/26, 2026年11月22日, RFC 3339, seconds or milliseconds since
 * 1970. */
bool cell_when(str cell, int dates, str zone, when *out) MUST_USE;
/* "1 234,56", "€1,234.5", "(12.00)": minor units by the exponent of the currency. */
bool cell_amount(str cell, int exponent, int64_t *out) MUST_USE;
