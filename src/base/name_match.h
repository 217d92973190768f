/* base/name_match.h - are two names those of one person, and is a name that of somebody famous?
 *
 * Names are cut into words, folded and written in Latin letters in the ways that people and passports do; titles and
 * legal forms are left out; then each word finds its best partner on the other side. The pairs are the reason shown.
 * The order of the words, capitals and script do not matter. Pure: no store, no clock; safe for several threads.
 * Memory: results lie in the arena or are views of the names given.
 */
#pragma once
#include "base/person.h"

enum name_how {
    NAME_ALONE,   /* found no partner: left or right is empty */
    NAME_INITIAL, /* J. = John */
    NAME_ENDING,  /* Petrov = Petrova */
    NAME_NEAR,    /* a slip of the pen */
    NAME_SPELLED, /* the same in another script, spelling or language: Пушкин = Pushkin, Пётр = Peter */
    NAME_SAME,
    NAME_HOW_N
};
extern const char *const name_how_codes[NAME_HOW_N]; /* "alone", "initial", ... */

enum { NAME_PAIRS_MAX = 16 };
struct name_pair {
    str left, right; /* as they stand in the names */
    int how;         /* enum name_how */
    double weight;   /* 1; less for what says little: common family names, fathers' names, initials, "de", "van" */
};
struct name_match {
    enum says is_same; /* yes: a family name and one given name agree. Unknown: too little is given (one word, initials),
                          * or the scripts cannot be compared (田中 and Tanaka, without a reading) */
    bool shares;         /* not the same, but a whole word agrees: a family, a married name */
    double score;        /* 0..1: the weight that found its partner, of all */
    struct name_pair pairs[NAME_PAIRS_MAX];
    size_t n;
};
/* At most 200 characters and 12 words of each name are looked at; what is longer is unknown, unless both are the same.
 * Empty: unknown. */
void name_match(struct arena *a, str left, str right, struct name_match *out);
/* The same with readings of names in Han (each may be empty). */
void name_match_read(struct arena *a, str left, str left_reading, str right, str right_reading, struct name_match *out);
/* The same for somebody who lives in a country (ISO 3166, may be empty): names in Han are read as people there read them, so
 * that one on a card in Latin letters may be somebody else's. In China by Mandarin; in Japan by the family name, if it is one of
 * our list (which says no more than no); elsewhere, in Hong Kong or Taiwan, it is not known how somebody writes himself. */
void name_match_in(struct arena *a, str country, str left, str left_reading, str right, struct name_match *out);
/* "Alexander = Александр, Pushkin = Пушкин, Сергеевич" */
str name_match_text(struct arena *a, const struct name_match *m);

/* Does the local part of an address speak of this name (a.pushkin@, pushkin1799@)? Unknown: an office (info@), digits,
 * too short, or a name that Latin letters do not tell. */
enum says name_in_email(struct arena *a, str email, str name);

/* One of the famous of data/famous.tsv: family name and a given name agree, in any of the five scripts, with a slip of
 * the pen at most. False: not on the list. */
struct famous {
    str name;    /* in English, as listed */
    str written; /* the writing of the list that agreed */
    str field;   /* "writer", "politician", … */
};
bool famous_find(struct arena *a, str name, struct famous *out);
size_t famous_count(void);
