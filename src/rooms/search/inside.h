/* rooms/search/inside.h - what the files of this room share; nobody else includes it. */
#pragma once
#include "rooms/search/search.h"

/* ---- what was typed ------------------------------------------------------------------------- */

/* What stands between blanks: its words, and all of them without what parts them. */
struct token {
    str *words;
    size_t n;
    str squeezed, raw;
    bool is_address; /* it has an '@' */
};
/* One way to read what was typed: as a name in one of its spellings, as a handle, as digits. */
enum reading { READ_NAME, READ_HANDLE, READ_DIGITS };
struct variant {
    enum reading as;
    bool is_country; /* digits behind a '+': the start of a telephone number */
    bool is_other;   /* not the spelling as typed: a little less */
    str text;
    struct token *tokens;
    size_t n;
    str pieces; /* blank-separated; what each hit must have. Empty: too little to look for */
};
enum { VARIANTS_MAX = NAME_KEYS_MAX + 4 };
struct asked {
    str text; /* folded */
    struct variant variants[VARIANTS_MAX];
    size_t n;
    bool is_number; /* nothing but digits and what stands in telephone numbers */
};
void search_read(struct arena *a, str typed, struct asked *out);

/* ---- how well a text fits --------------------------------------------------------------------- */

/* What a line of a document is. */
enum line_kind { LINE_NAME, LINE_COMPANY, LINE_TAG, LINE_EMAIL, LINE_PHONE, LINE_CARD, LINE_ACCOUNT, LINE_SOCIAL, LINE_EXTERNAL, LINE_KIND_N };
extern const char line_letters[LINE_KIND_N];
extern const char *const line_words[LINE_KIND_N]; /* for `matched.by` */
struct fit {
    int score; /* 0: it does not */
    enum line_kind by;
    str line; /* where the first of what was typed stands */
};
enum { SCORE_HANDLE = 100, SCORE_ORDER = 98, SCORE_NAME = 90, SCORE_NAME_WORD = 85, SCORE_NAME_START = 80, SCORE_ORDER_START = 50, SCORE_ORDER_END = 48, OTHER_SPELLING = 1 };
struct fit search_fit(const struct asked *q, str document);

/* Where it stands in what is shown: characters from, length; at most MARKS_MAX, in order, apart. */
struct mark_at {
    int64_t from, length;
};
enum { MARKS_MAX = 12 };
struct list search_marks(struct arena *a, const struct asked *q, str shown, bool is_name);

/* ---- the way to the candidates ------------------------------------------------------------------ */

/* Leaves out what nearly everybody has, where there is something rarer. *is_common: many have all of what is left. */
enum err search_thin(struct cx *cx, str pieces, str *out, bool *is_common) MUST_USE;

/* ---- documents ------------------------------------------------------------------------------------- */

struct search_root_row {
    int64_t id, root;
};
struct search_doc_row {
    int64_t id, customer;
    str text;
};
extern const struct shape search_root_shape, search_doc_shape;

/* What becomes of a customer's document. */
struct search_work {
    int64_t customer;
    str text; /* empty: goes */
    str pieces;
};
/* The texts of records that answer; roots ascending. */
enum err search_texts(struct cx *cx, const int64_t *roots, size_t n, struct search_work *out) MUST_USE;
/* Inside apply: the documents of these are made anew, under new numbers; what the lists hold under the old ones stays. */
enum err search_anew(struct cx *cx, const int64_t *customers, size_t n) MUST_USE;
