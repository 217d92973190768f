/* base/gram.c - the small pieces by which a text is found again: what the search keeps lists of.
 *
 * Words are what letters and digits stand together; everything else parts them. A word of letters has its beginnings of one
 * and two ("_a", "_an") and its trigrams; four digits in a row are a piece too, since three are in every other number. Han,
 * Kana and Hangul: each character and each pair. Both stores are given the same pieces, so they find the same. */
#include "base/inside.h"
#include "base/person.h"
#include <unicode/uchar.h>

enum { WORD_CHARS_MAX = 512, ALL_MAX = 20000 }; /* of a run; pieces of a text */

static bool is_dense(int32_t c)
{
    return (c >= 0x3041 && c <= 0x30FF && c != 0x30FB) || (c >= 0x31F0 && c <= 0x31FF) || /* Kana */
           (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) ||                /* Han */
           (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x20000 && c <= 0x3FFFF) || c == 0x3005 ||
           c == 0x3007 || (c >= 0xAC00 && c <= 0xD7A3); /* Hangul */
}

static bool is_in_word(int32_t c)
{
    if (c < 0x80)
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
    return is_dense(c) || u_isalnum(c) || (U_GET_GC_MASK(c) & U_GC_M_MASK) != 0;
}

/* One run of a word: characters of one kind, each with where it begins. */
struct run {
    const char *at[WORD_CHARS_MAX + 1]; /* and the end */
    size_t n;
    bool is_dense, begins_word;
    uint64_t digits[(WORD_CHARS_MAX + 63) / 64];
};

static bool is_digit_at(const struct run *r, size_t i)
{
    return r->digits[i / 64] >> (i % 64) & 1;
}

/* Cuts the next run off *text; false at the end. A run that is too long is gone on with as if it were the next. */
static bool run_next(str *text, bool *is_inside, struct run *r)
{
    r->n = 0;
    r->begins_word = !*is_inside;
    memset(r->digits, 0, sizeof r->digits);
    while (text->len) {
        str ahead = *text;
        const char *at = ahead.ptr;
        int32_t c = utf8_next(&ahead);
        if (!is_in_word(c)) {
            *is_inside = false;
            if (r->n)
                break;
            *text = ahead;
            r->begins_word = true;
            continue;
        }
        bool dense = is_dense(c);
        if (r->n && (dense != r->is_dense || r->n == WORD_CHARS_MAX))
            break;
        r->is_dense = dense;
        if (c >= '0' && c <= '9')
            r->digits[r->n / 64] |= (uint64_t)1 << (r->n % 64);
        r->at[r->n++] = at;
        *is_inside = true;
        *text = ahead;
    }
    r->at[r->n] = text->ptr;
    return r->n > 0;
}

struct pieces {
    struct arena *a;
    str *items;
    size_t n, cap;
};

static void add(struct pieces *p, str piece)
{
    if (p->n == ALL_MAX)
        return;
    if (p->n == p->cap) {
        size_t cap = p->cap ? p->cap * 2 : 64;
        str *more = ARENA_ARRAY(p->a, cap, str);
        if (p->n)
            memcpy(more, p->items, p->n * sizeof *more);
        p->items = more;
        p->cap = cap;
    }
    p->items[p->n++] = piece;
}

static str piece_of(const struct run *r, size_t from, size_t n)
{
    return (str){r->at[from], (size_t)(r->at[from + n] - r->at[from])};
}

static void add_start(struct pieces *p, const struct run *r, size_t n)
{
    str s = piece_of(r, 0, n);
    char *out = arena_alloc(p->a, s.len + 1, 1);
    out[0] = '_';
    memcpy(out + 1, s.ptr, s.len);
    add(p, (str){out, s.len + 1});
}

static bool are_digits(const struct run *r, size_t from, size_t n)
{
    for (size_t i = from; i < from + n; i++)
        if (!is_digit_at(r, i))
            return false;
    return true;
}

static void add_all(struct pieces *p, const struct run *r)
{
    if (r->is_dense) {
        for (size_t i = 0; i < r->n; i++) {
            add(p, piece_of(r, i, 1));
            if (i + 2 <= r->n)
                add(p, piece_of(r, i, 2));
        }
        return;
    }
    if (r->begins_word) {
        add_start(p, r, 1);
        if (r->n > 1)
            add_start(p, r, 2);
    }
    for (size_t i = 0; i + 3 <= r->n; i++) {
        add(p, piece_of(r, i, 3));
        if (i + 4 <= r->n && are_digits(r, i, 4))
            add(p, piece_of(r, i, 4));
    }
}

/* What every text that has this run in it must have. */
static void add_wanted(struct pieces *p, const struct run *r, bool is_start)
{
    if (r->is_dense) {
        if (r->n == 1)
            add(p, piece_of(r, 0, 1));
        for (size_t i = 0; i + 2 <= r->n; i++)
            add(p, piece_of(r, i, 2));
        return;
    }
    if (r->n < 3) {
        if (r->begins_word && is_start)
            add_start(p, r, r->n);
        return;
    }
    for (size_t i = 0; i + 3 <= r->n; i++) {
        bool is_in_four = are_digits(r, i, 3) &&
                          ((i && is_digit_at(r, i - 1)) || (i + 3 < r->n && is_digit_at(r, i + 3)));
        if (!is_in_four)
            add(p, piece_of(r, i, 3));
        if (i + 4 <= r->n && are_digits(r, i, 4))
            add(p, piece_of(r, i, 4));
    }
}

static int by_bytes(const void *a, const void *b)
{
    return str_cmp(*(const str *)a, *(const str *)b);
}

static struct str_list_ sorted(struct pieces *p)
{
    size_t n = 0;
    if (p->n == 0)
        return (struct str_list_){0};
    qsort(p->items, p->n, sizeof(str), by_bytes);
    for (size_t i = 0; i < p->n; i++)
        if (n == 0 || !str_eq(p->items[i], p->items[n - 1]))
            p->items[n++] = p->items[i];
    return (struct str_list_){p->items, n};
}

struct str_list_ grams(struct arena *a, str text)
{
    struct pieces p = {.a = a};
    struct run r;
    bool is_inside = false;
    if (!str_is_utf8(text))
        return (struct str_list_){0};
    while (run_next(&text, &is_inside, &r))
        add_all(&p, &r);
    return sorted(&p);
}

struct str_list_ grams_wanted(struct arena *a, str text, bool is_cut)
{
    struct pieces p = {.a = a};
    struct run r;
    bool is_inside = false, is_first = true;
    if (!str_is_utf8(text))
        return (struct str_list_){0};
    while (run_next(&text, &is_inside, &r)) {
        add_wanted(&p, &r, !(is_first && is_cut));
        is_first = false;
    }
    return sorted(&p);
}
