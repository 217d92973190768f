/* rooms/customer/texts.h - the texts that the row of a customer itself holds: a line each.
 *
 * Members of its structs, columns of its queries ({{customer_texts …}} in SQL), members of the JSON
 * of records, changes and intake's claims, rows of history are all made from this list; a new line
 * needs a migration for its column and words for its label (docs/adding-a-field.md).
 *
 * X(name, name among the claims, most characters, rule, more of its row in the field table)
 * The rule is a function customer_rule_… of customer.h.
 */
#pragma once
#include "base/field.h"

/* Of ranges only: what a person earns or how many children there are is nobody's business to the unit. */
extern const char *const customer_income_codes[5], *const customer_children_codes[4], *const customer_education_codes[5];
#define ONE_OF(table) .names = (table), .n_names = COUNT(table)
#define CUSTOMER_TEXTS(X)                                                                           \
    X(name, name, 500, any, .personal = true, .doc = "As written, in any script")                   \
    X(reading, reading, 500, any, .personal = true, .doc = "Furigana, pinyin")                      \
    X(given, given, 200, any, .personal = true)                                                     \
    X(family, family, 200, any, .personal = true)                                                   \
    X(patronymic, patronymic, 200, any, .personal = true)                                           \
    X(form_of_address, form_of_address, 100, any, .personal = true)                                 \
    X(lang, language, 35, lang, .doc = "Speaks; BCP 47")                                            \
    X(time_zone, time_zone, 64, zone, .doc = "IANA")                                                \
    X(country, country, 20, country, .doc = "ISO 3166, two letters")                                \
    X(region, region, 200, any, .doc = "")                                                          \
    X(city, city, 200, any, .personal = true)                                                       \
    X(company, company, 500, any, .personal = true, .doc = "As told, while no relation names it")   \
    X(heard_of_us, heard_of_us, 200, any, .doc = "")                                                \
    X(birth_date, birth_date, 10, past, .personal = true, .doc = "1990-01-31")                      \
    X(income_band, income_band, 20, any, .personal = true, ONE_OF(customer_income_codes))            \
    X(children, children, 20, any, .personal = true, ONE_OF(customer_children_codes))                 \
    X(education, education, 20, any, .personal = true, ONE_OF(customer_education_codes))             \
    X(occupation, occupation, 100, any, .personal = true)                                           \
    /* a new one stands above this line */

/* Those of them that conditions compare: the row has each also in the one form of text_fold, in the column folded_…,
 * written with the text: `CUSTOMER_FOLDED(CUSTOMER_FOLD)` among the ARGS of what has a `c` and a `cx`. */
#define CUSTOMER_FOLDED(Y) Y(name) Y(region) Y(city) Y(company) Y(heard_of_us)
#define CUSTOMER_FOLD(m) V(text_fold(cx->arena, c->m)),
