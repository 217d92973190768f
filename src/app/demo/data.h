/* app/demo/data.h - what the demo company and the generator are made of: people who do not exist (data/people.txt)
 * and a real shop's history (data/retail.txt.gz). Both lie in the binary.
 */
#pragma once
#include "base/value.h"

/* ---- people ---------------------------------------------------------------------------------- */

struct word { str text, female, reading, latin; }; /* female: the woman's form of a family name, else = text */
struct town { str city, prefix, country; unsigned digits; };
struct phrase { str kind, lang, text; };
struct words { const struct word *items; size_t n; };
struct culture {
    str code, lang;
    bool is_family_first;
    struct words families, women, men, patronymics, firms;
    const struct town *towns;
    size_t n_towns;
    const str *lines; /* address lines */
    size_t n_lines;
};
struct people {
    const struct culture *cultures;
    size_t n;
    const struct phrase *phrases;
    size_t n_phrases;
};
/* Everything points into the binary or the arena. */
const struct people *people_open(struct arena *a);
const struct culture *people_culture(const struct people *p, const char *code);
/* A sentence of a kind ("call", "email", "chat") in a language, English when there is none; chosen by r. */
str people_phrase(const struct people *p, const char *kind, str lang, uint64_t r);

/* ---- the shop's history ------------------------------------------------------------------------ */

struct retail_product { str sku, name; };
struct retail_line { uint32_t product, quantity, pence; };
struct retail_order {
    uint32_t customer, minutes; /* before the last minute of the data */
    bool is_return;
    char country[3];
    const struct retail_line *lines;
    size_t n_lines;
};
struct retail {
    const struct retail_product *products;
    size_t n_products;
    const struct retail_order *orders; /* by customer, oldest first */
    size_t n_orders, n_customers;
};
/* Unpacks into the arena (about 20 MB). */
const struct retail *retail_open(struct arena *a);

/* ---- chance: splitmix64 (Steele, Lea, Flood 2014), so that a seed gives the same company everywhere ------- */
static inline uint64_t chance_next(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}
/* Below n. */
static inline uint64_t chance_below(uint64_t *state, uint64_t n)
{
    return (uint64_t)(((unsigned __int128)chance_next(state) * n) >> 64);
}
