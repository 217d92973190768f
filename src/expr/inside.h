/* expr/inside.h - what the files of expr share with each other and with nobody else. */
#pragma once
#include "expr/expr.h"
#include "messages.h"

/* ---- the tree -------------------------------------------------------------------------- */

enum node_kind {
    N_OR, N_AND, N_NOT,                /* of: two or more; one */
    N_CMP, N_IN, N_BETWEEN, N_IS,      /* of[0]: the left term */
    N_QUANT, N_SEGMENT, N_WORD,        /* any, no; a free word */
    N_NAME,                            /* a name: an attribute, or on the right a text or choice without quotes */
    N_CALL, N_DAYS, N_SUM, N_VALUE,    /* terms */
};
enum cmp { CMP_EQ, CMP_NE, CMP_LT, CMP_LE, CMP_GT, CMP_GE, CMP_CONTAINS, CMP_STARTS, CMP_ENDS, CMP_N };
extern const char *const cmp_codes[CMP_N];
enum call { CALL_COUNT, CALL_SUM, CALL_MIN, CALL_MAX, CALL_AVG, CALL_FIRST, CALL_LAST, CALL_DISTINCT, CALL_N };
extern const char *const call_codes[CALL_N];
enum quant { QUANT_ANY, QUANT_NO };
enum value_kind { VALUE_STRING, VALUE_NUMBER, VALUE_MONEY, VALUE_DURATION, VALUE_DATE, VALUE_TODAY, VALUE_NOW,
                  VALUE_TRUE, VALUE_FALSE };
enum unit { UNIT_MIN, UNIT_H, UNIT_D, UNIT_W, UNIT_MO, UNIT_Y, UNIT_N };
extern const char *const unit_codes[UNIT_N];
enum window_kind { WINDOW_NONE, WINDOW_WITHIN, WINDOW_SINCE, WINDOW_BEFORE };
enum { DIGITS_MAX = 15, DECIMALS_MAX = 9 };

struct value {
    enum value_kind kind;
    str text;           /* string */
    int64_t n;          /* number, money: without the point; duration; date: day */
    uint8_t decimals;   /* digits after the point, as written */
    enum unit unit;
    currency currency;
};
struct window {
    enum window_kind kind;
    struct value value;
};

struct expr {
    enum node_kind kind;
    uint8_t op;       /* enum cmp, call, quant */
    bool is_negated;  /* N_IS: is not */
    bool is_empty;    /* N_IS: empty, else known */
    uint8_t depth;
    uint32_t signs;   /* N_SUM: a bit for each term that is taken away */
    size_t at, end;   /* bytes of the text it stands in */
    str name, field;  /* attribute, collection, segment, word; field of the collection */
    struct value value;
    struct window window;
    struct expr **of;
    size_t n;
    /* found by expr_check */
    const struct expr_attr *attr;
    const struct expr_collection *list;
    bool is_literal;  /* a name on the right that stands for itself */
    struct expr *inner; /* of a segment: its own tree */
};

/* ---- words ------------------------------------------------------------------------------ */

enum token_kind { T_END, T_WORD, T_NUMBER, T_MONEY, T_DURATION, T_DATE, T_STRING, T_CMP, T_PLUS, T_MINUS, T_OPEN, T_CLOSE,
                  T_SQUARE, T_SQUARE_END, T_COMMA, T_BAD };
struct token {
    enum token_kind kind;
    size_t at, end;     /* bytes */
    str text;           /* a word as written; a string without its quotes */
    struct value value;
    enum cmp cmp;
    bool blank_before, blank_after;
    uint16_t why;       /* T_BAD: message */
};
/* Cuts the token at `*at` off a valid UTF-8 text. Strings are unescaped into the arena. */
struct token token_next(struct arena *a, str text, size_t *at);
/* Is the whole text one token of that kind? */
bool token_is_whole(struct arena *a, str text, struct token *out);
bool is_reserved(str word);       /* may not begin a condition as a name */
bool is_value_word(str word, enum value_kind *out); /* today, now, true, false */

/* ---- what is refused ---------------------------------------------------------------------- */

struct place {
    struct cx *cx;
    str text; /* empty: a tree */
    struct expr_trouble *why;
};
/* Sets the fault (with the place as argument `at`) and where it is. */
enum err refuse(const struct place *p, size_t at, uint16_t msg, str name, str nearest);
/* The one of the names that a person may have meant, or empty. */
str nearest_of(struct arena *a, str given, const str *names, size_t n);

/* ---- building, shared by text and JSON ------------------------------------------------------ */

struct count {
    size_t leaves, values;
};
struct expr *node_new(struct arena *a, enum node_kind kind, size_t at);
/* Sets depth by its children; too deep is refused. */
enum err node_close(const struct place *p, struct expr *e);
enum err count_leaf(const struct place *p, struct count *c, size_t at);
enum err count_value(const struct place *p, struct count *c, size_t at);
bool node_is_condition(const struct expr *e);
void value_text(struct text *t, const struct value *v);
void node_text(struct text *t, const struct expr *e);

/* ---- checking -------------------------------------------------------------------------------- */

/* Where names are looked up: the catalogue, or the fields of a collection. */
const struct expr_attr *attr_find(const struct expr_world *w, const struct expr_table *more, str name);
/* Does the node hold only values? */
bool node_is_constant(const struct expr *e);
/* The text of a literal on the right (a name without quotes, or a string), in the attribute's form; a choice's code. */
str literal_of(struct arena *a, const struct expr_attr *attr, const struct expr *value);

/* ---- constants, settled for one evaluation ------------------------------------------------------ */

enum moves { MOVES_NOT, MOVES_NOW, MOVES_TODAY };
/* number: billionths; money: minor units; time: ms; day: days; and durations: ms or days. */
struct konst {
    enum { KONST_NUMBER, KONST_MONEY, KONST_TIME, KONST_DAY, KONST_MS, KONST_DAYS, KONST_NONE } kind;
    __int128 n;
    enum moves moves;
};

/* ---- the plan ---------------------------------------------------------------------------------------- */

enum bound_kind { B_FALSE, B_TRUE, B_AND, B_OR, B_NOT, B_RANGE, B_TEXT, B_KNOWN, B_TERMS, B_ANY };
struct ref {
    const struct expr_attr *attr;
    const struct field *field, *due;
    int part; /* -1: the row of a collection */
};
/* Whole numbers from lo to hi, both in it; or those outside. */
struct range {
    bool has_lo, has_hi, is_outside;
    int64_t lo, hi;
    enum moves lo_moves, hi_moves;
    int64_t lo_day, hi_day; /* the days they were made of */
    bool lo_by_day, hi_by_day;
};
/* Rows of a collection that are looked at. */
struct rows {
    const struct expr_collection *list;
    int part;
    const struct field *time, *key_field, *key_text_field;
    int64_t key;
    str key_text;
    bool has_from, has_until;
    int64_t from_ms, until_ms; /* from <= time < until */
    enum moves moves;
    int64_t span_ms, span_days; /* of `within` */
    struct bound *inner;        /* NULL: all */
};
struct term {
    bool is_minus, is_call;
    enum call call;
    struct ref ref; /* attribute, or field of the rows */
    struct rows rows;
};
struct bound {
    enum bound_kind kind;
    unsigned weight;         /* cheap and selective ones first */
    unsigned order;          /* of a leaf, as written */
    const struct expr *from; /* the leaf of the tree */
    struct bound **of;
    size_t n;
    struct ref ref;
    struct range range;      /* B_RANGE; B_TERMS of whole units */
    bool is_real;            /* compare doubles */
    bool lo_open, hi_open;
    double real_lo, real_hi;
    enum cmp op;             /* B_TEXT */
    str *texts;
    size_t n_texts;
    struct term *terms;      /* B_TERMS: their sum */
    size_t n_terms;
    struct rows rows;        /* B_ANY */
};
enum { PARTS_MAX = 16 };
struct code;
struct expr_plan {
    const struct expr *tree;
    const struct expr_world *world;
    int64_t today;
    struct bound *root;
    const struct expr_part *parts[PARTS_MAX];
    size_t n_parts;
    bool needs_customer;
    unsigned n_leaves;
    struct code *code;
};
/* The field's value: false when it is not known. A yes/no is 0 or 1, a choice its code. */
bool ref_int(const struct ref *r, const struct expr_subject *s, const void *row, int64_t *out);
bool ref_real(const struct ref *r, const struct expr_subject *s, const void *row, double *out);
bool ref_text(const struct ref *r, const struct expr_subject *s, const void *row, str *out);
bool bound_holds(const struct bound *b, const struct expr_subject *s, const void *row);
bool rows_next(const struct rows *r, const struct expr_subject *s, size_t *i, const void **row);
bool term_value(const struct term *t, const struct expr_subject *s, const void *row, double *out);
struct code *code_make(struct arena *a, const struct expr_plan *p);
double scale_of(const struct expr_attr *attr);
