/* expr/token.c - cuts the text into words, numbers, dates, texts in quotes and marks. */
#include "expr/inside.h"

const char *const cmp_codes[CMP_N] = {"=", "!=", "<", "<=", ">", ">=", "~", "^=", "$="};
const char *const call_codes[CALL_N] = {"count", "sum",   "min",  "max",
                                        "avg",   "first", "last", "distinct"};
const char *const unit_codes[UNIT_N] = {"min", "h", "d", "w", "mo", "y"};

static const char *const reserved[] = {
    "and",    "or",    "not",   "any",   "no",  "in",   "is",    "between", "within", "since",
    "before", "known", "empty", "today", "now", "true", "false", "AND",     "OR",     "NOT"};

bool is_reserved(str word)
{
    for (size_t i = 0; i < COUNT(reserved); i++)
        if (str_eq(word, str_of(reserved[i])))
            return true;
    return false;
}

bool is_value_word(str word, enum value_kind *out)
{
    static const struct {
        const char *word;
        enum value_kind kind;
    } words[] = {
        {"today", VALUE_TODAY}, {"now", VALUE_NOW}, {"true", VALUE_TRUE}, {"false", VALUE_FALSE}};
    for (size_t i = 0; i < COUNT(words); i++)
        if (str_eq(word, str_of(words[i].word))) {
            *out = words[i].kind;
            return true;
        }
    return false;
}

/* ---- characters -------------------------------------------------------------------------- */

static size_t char_len(unsigned char c)
{
    return c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
}

static bool begins(str text, size_t at, const char *bytes)
{
    return str_starts((str){text.ptr + at, text.len - at}, str_of(bytes));
}

/* Length of the blank at `at`: ASCII, the no-break one, the wide one of Japanese; 0: none. */
static size_t blank_len(str text, size_t at)
{
    if (at >= text.len)
        return 0;
    char c = text.ptr[at];
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
        return 1;
    return begins(text, at, "\u00a0") ? 2 : begins(text, at, "\u3000") ? 3 : 0;
}

/* Control characters and marks that turn text around belong nowhere. */
static bool is_forbidden(str text, size_t at)
{
    unsigned char c = (unsigned char)text.ptr[at];
    if (c < 0x20 || c == 0x7f)
        return c != '\t' && c != '\n' && c != '\r';
    if (c == 0xC2 && at + 1 < text.len && (unsigned char)text.ptr[at + 1] < 0xA0)
        return true;
    if (c == 0xEF && (begins(text, at, "\xEF\xBB\xBF") || begins(text, at, "\xEF\xBF\xBE") ||
                      begins(text, at, "\xEF\xBF\xBF")))
        return true;
    if (c != 0xE2 || at + 2 >= text.len)
        return false;
    unsigned char d = (unsigned char)text.ptr[at + 1], e = (unsigned char)text.ptr[at + 2];
    return (d == 0x80 && (e == 0x8E || e == 0x8F || (e >= 0xA8 && e <= 0xAE))) ||
           (d == 0x81 && e >= 0xA6 && e <= 0xA9);
}

static bool is_alnum(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Length of the character at `at` when it may stand in a word; 0: it may not. */
static size_t word_len(str text, size_t at)
{
    if (at >= text.len)
        return 0;
    unsigned char c = (unsigned char)text.ptr[at];
    if (c >= 0x80)
        return blank_len(text, at) || is_forbidden(text, at) ? 0 : char_len(c);
    return is_alnum((char)c) || c == '_' || c == '.' || c == '@' || c == '&' || c == '#' || c == '/'
               ? 1
               : 0;
}

/* ---- words and numbers -------------------------------------------------------------------- */

static size_t word_end(str text, size_t at)
{
    for (;;) {
        size_t n = word_len(text, at);
        if (n == 0 && at < text.len && (text.ptr[at] == '-' || text.ptr[at] == '\''))
            n = word_len(text, at + 1) ? 1 : 0; /* inside a word only */
        if (n == 0)
            return at;
        at += n;
    }
}

/* Digits with at most one point between them; *rest is what follows. */
static bool cut_number(str s, int64_t *n, uint8_t *decimals, str *rest)
{
    size_t i = 0, digits = 0;
    bool has_point = false;
    *n = 0;
    *decimals = 0;
    for (; i < s.len; i++) {
        if (s.ptr[i] == '.' && !has_point && i > 0 && i + 1 < s.len && is_digit(s.ptr[i + 1])) {
            has_point = true;
            continue;
        }
        if (!is_digit(s.ptr[i]))
            break;
        if (*n > 0 || s.ptr[i] != '0')
            digits++;
        if (digits > DIGITS_MAX || (has_point && ++*decimals > DECIMALS_MAX))
            return false;
        *n = *n * 10 + (s.ptr[i] - '0');
    }
    *rest = (str){s.ptr + i, s.len - i};
    return i > 0;
}

static bool two_digits(const char *p, int *out)
{
    *out = (p[0] - '0') * 10 + (p[1] - '0');
    return is_digit(p[0]) && is_digit(p[1]);
}

/* 2026-01-31 as its day; *is_date: it looks like one. */
static bool read_date(str s, int64_t *day, bool *is_date)
{
    int century = 0, year = 0, month = 0, d = 0;
    *is_date = s.len == 10 && s.ptr[4] == '-' && s.ptr[7] == '-' && two_digits(s.ptr, &century) &&
               two_digits(s.ptr + 2, &year) && two_digits(s.ptr + 5, &month) &&
               two_digits(s.ptr + 8, &d);
    char full[32];
    when w = {0};
    if (!*is_date || snprintf(full, sizeof full, SFMT "T00:00:00Z", SARG(s)) < 0 ||
        !when_parse(str_of(full), &w))
        return false;
    *day = w.ms >= 0 ? w.ms / 86400000 : -((-w.ms + 86399999) / 86400000);
    return true;
}

static bool read_unit(str s, enum unit *out)
{
    for (int i = 0; i < UNIT_N; i++)
        if (str_eq(s, str_of(unit_codes[i]))) {
            *out = (enum unit)i;
            return true;
        }
    return false;
}

/* A run of word characters that begins with a digit: number, duration, money, date; else a word. */
static void classify(struct token *t)
{
    bool is_date = false;
    struct value v = {0};
    str rest = {0};
    if (read_date(t->text, &v.n, &is_date)) {
        v.kind = VALUE_DATE;
        t->kind = T_DATE;
    } else if (is_date) {
        t->kind = T_BAD;
        t->why = M_EXPR_DATE;
    } else if (!cut_number(t->text, &v.n, &v.decimals, &rest)) {
        return;
    } else if (rest.len == 0) {
        v.kind = VALUE_NUMBER;
        t->kind = T_NUMBER;
    } else if (v.decimals == 0 && v.n <= 100000 && read_unit(rest, &v.unit)) {
        v.kind = VALUE_DURATION;
        t->kind = T_DURATION;
    } else if (rest.len == 3 && currency_parse(rest, &v.currency)) {
        v.kind = VALUE_MONEY;
        t->kind = T_MONEY;
    }
    t->value = v;
}

/* ---- texts in quotes ------------------------------------------------------------------------ */

static void read_string(struct arena *a, str text, struct token *t)
{
    char quote = text.ptr[t->at];
    char *out = ARENA_ARRAY(a, text.len - t->at + 1, char);
    size_t n = 0, i = t->at + 1;
    for (; i < text.len && text.ptr[i] != quote; i++) {
        if (is_forbidden(text, i) || text.ptr[i] == '\n' || text.ptr[i] == '\r' ||
            text.ptr[i] == '\t') {
            t->at = i;
            t->end = i + char_len((unsigned char)text.ptr[i]);
            t->kind = T_BAD;
            t->why = M_EXPR_CHARACTER;
            return;
        }
        if (text.ptr[i] == '\\' && i + 1 < text.len &&
            (text.ptr[i + 1] == '"' || text.ptr[i + 1] == '\'' || text.ptr[i + 1] == '\\'))
            i++;
        out[n++] = text.ptr[i];
    }
    if (i >= text.len) {
        t->kind = T_BAD;
        t->end = text.len;
        t->why = M_EXPR_QUOTE;
        return;
    }
    t->kind = T_STRING;
    t->text = (str){out, n};
    t->value = (struct value){.kind = VALUE_STRING, .text = t->text};
    t->end = i + 1;
}

/* ---- marks ------------------------------------------------------------------------------------ */

static void read_mark(str text, struct token *t)
{
    static const struct {
        const char *mark;
        enum token_kind kind;
        enum cmp cmp;
    } marks[] = {
        {"!=", T_CMP, CMP_NE},  {"<>", T_CMP, CMP_NE},      {"<=", T_CMP, CMP_LE},
        {">=", T_CMP, CMP_GE},  {"^=", T_CMP, CMP_STARTS},  {"$=", T_CMP, CMP_ENDS},
        {"==", T_CMP, CMP_EQ},  {"=", T_CMP, CMP_EQ},       {"<", T_CMP, CMP_LT},
        {">", T_CMP, CMP_GT},   {"~", T_CMP, CMP_CONTAINS}, {"+", T_PLUS, CMP_N},
        {"-", T_MINUS, CMP_N},  {"(", T_OPEN, CMP_N},       {")", T_CLOSE, CMP_N},
        {"[", T_SQUARE, CMP_N}, {"]", T_SQUARE_END, CMP_N}, {",", T_COMMA, CMP_N},
    };
    for (size_t i = 0; i < COUNT(marks); i++)
        if (begins(text, t->at, marks[i].mark)) {
            t->kind = marks[i].kind;
            t->cmp = marks[i].cmp;
            t->end = t->at + strlen(marks[i].mark);
            t->text = (str){text.ptr + t->at, t->end - t->at};
            return;
        }
    t->kind = T_BAD;
    t->why = M_EXPR_CHARACTER;
    t->end = t->at + char_len((unsigned char)text.ptr[t->at]);
}

struct token token_next(struct arena *a, str text, size_t *at)
{
    struct token t = {.blank_before = *at == 0};
    for (size_t n; (n = blank_len(text, *at)) > 0; *at += n)
        t.blank_before = true;
    t.at = t.end = *at;
    if (*at >= text.len)
        return t;
    char c = text.ptr[*at];
    if (c == '"' || c == '\'') {
        read_string(a, text, &t);
    } else if (word_len(text, *at)) {
        t.kind = T_WORD;
        t.end = word_end(text, *at);
        t.text = (str){text.ptr + t.at, t.end - t.at};
        if (is_digit(c))
            classify(&t);
    } else {
        read_mark(text, &t);
    }
    *at = t.end;
    t.blank_after = t.end >= text.len || blank_len(text, t.end) > 0;
    return t;
}

bool token_is_whole(struct arena *a, str text, struct token *out)
{
    size_t at = 0;
    if (!str_is_utf8(text) || text.len == 0 || text.len > EXPR_TEXT_MAX)
        return false;
    *out = token_next(a, text, &at);
    return out->at == 0 && out->end == text.len && out->kind != T_BAD;
}
