/* base/name_words.h - a name as words that can be compared; inside of name_match.c, name_words.c, name_han.c, famous.c and their test. */
#pragma once
#include "base/inside.h"
#include "base/name_match.h"

enum { WORDS_MAX = 12, FORMS_MAX = 8, FORM_BYTES = 24, NAME_CHARS_MAX = 200 };

enum name_class { CLASS_FULL, CLASS_INITIAL, CLASS_FATHER /* Sergeevich */, CLASS_PARTICLE /* de, van */ };
enum {
    SCRIPT_LATIN = 1,
    SCRIPT_CYRILLIC = 2,
    SCRIPT_HIRAGANA = 4,
    SCRIPT_KATAKANA = 8,
    SCRIPT_HAN = 16,
    SCRIPT_OTHER = 32
};

/* Which letters a bare form has, and how many: most that do not agree are told apart by it. */
struct name_sign {
    uint32_t letters;
    uint8_t n;
};
struct name_word {
    str shown;  /* view of the name */
    str folded; /* as it is, folded */
    str plain[FORMS_MAX]; /* in Latin letters */
    char bare[FORMS_MAX][FORM_BYTES]; /* the same, without what spellings differ in */
    struct name_sign sign[FORMS_MAX]; /* of bare */
    size_t n;
    int group; /* of given names that are one in several languages; 0: none */
    enum name_class class;
    double weight;
};
struct name_words {
    struct name_word *words; /* at most WORDS_MAX */
    size_t n;
    unsigned scripts; /* SCRIPT_… bits */
    bool is_long;     /* more than is looked at */
};
/* Titles and legal forms are left out, unless there is nothing else. */
void name_words(struct arena *a, str name, struct name_words *out);
/* How well two words agree; NAME_ALONE: not. */
enum name_how name_words_agree(const struct name_word *l, const struct name_word *r);
/* Verdict, pairs and score of two names by their words. */
void name_words_match(struct arena *a, const struct name_words *l, const struct name_words *r, struct name_match *out);
/* Do spellings without their differences agree: NAME_SPELLED, NAME_NEAR, or not. */
enum name_how name_bare_agree(const char *l, const char *r);
struct name_sign name_sign_of(const char *bare);
/* False: their bare forms do not agree; true: they may. */
bool name_signs_may_agree(struct name_sign l, struct name_sign r);
/* Other readings of a character of Han than the usual Mandarin one, parted by blanks; empty: none. */
str name_han_others(str character);
/* Is the family name of a name in Han, read as Japanese, among these words? Unknown: it is not on our list. */
enum says name_family_japanese(struct arena *a, str han, const struct name_words *latin);
/* Han and Kana without blanks, titles and the differences of old and new characters; empty: has none. swapped: pieces in
 * another order (turned by so many). */
str name_dense(struct arena *a, str name, size_t turned, size_t *pieces);
