/* test/fuzz/search.c - what is typed against what is known: pieces are sorted, a text has every piece that a part of it wants,
 * and whatever is read, a document's fit and its marks stay within their bounds. */
#include "rooms/search/inside.h"

static void must(bool b)
{
    if (!b)
        __builtin_trap();
}

static void must_be_pieces(struct str_list_ g)
{
    for (size_t i = 0; i < g.n; i++) {
        must(g.items[i].len > 0 && str_is_utf8(g.items[i]) && str_chars(g.items[i]) <= 4);
        must(!memchr(g.items[i].ptr, ' ', g.items[i].len));
        must(i == 0 || str_cmp(g.items[i - 1], g.items[i]) < 0);
    }
}

static bool has(struct str_list_ g, str piece)
{
    for (size_t i = 0; i < g.n; i++)
        if (str_eq(g.items[i], piece))
            return true;
    return false;
}

/* Any beginning or end of a text. */
static void parts_want_what_the_whole_has(struct arena *a, str text, size_t cut)
{
    if (!str_is_utf8(text) || text.len > 300)
        return;
    struct str_list_ all = grams(a, text);
    must_be_pieces(all);
    str parts[] = {{text.ptr, cut}, {text.ptr + cut, text.len - cut}};
    for (size_t i = 0; i < COUNT(parts); i++) {
        if (!str_is_utf8(parts[i]))
            continue;
        struct str_list_ wanted = grams_wanted(a, parts[i], true);
        for (size_t k = 0; k < wanted.n; k++)
            must(has(all, wanted.items[k]));
    }
}

static void marks_are_inside(struct list marks, str shown)
{
    const struct mark_at *m = marks.items;
    int64_t chars = (int64_t)str_chars(shown), end = 0;
    must(marks.n <= MARKS_MAX);
    for (size_t i = 0; i < marks.n; i++) {
        must(m[i].from >= 0 && m[i].length > 0 && m[i].from + m[i].length <= chars);
        must(m[i].from >= end || i == 0);
        end = m[i].from;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena *a;
    if (!a)
        a = arena_open((size_t)16 << 20);
    arena_reset(a);
    if (size > 4000)
        return 0;
    char *copy = malloc(size ? size : 1);
    if (!copy)
        return 0;
    memcpy(copy, data, size);
    str document = {copy, size}, typed = str_cut(&document, '|');
    parts_want_what_the_whole_has(a, typed, typed.len / 2);
    if (typed.len)
        parts_want_what_the_whole_has(a, typed, (unsigned char)typed.ptr[0] % typed.len);
    struct asked q;
    search_read(a, str_clean(a, typed, SEARCH_CHARS_MAX), &q);
    must(q.n <= VARIANTS_MAX);
    struct fit f = search_fit(&q, document);
    must(f.score >= 0 && f.score <= SCORE_HANDLE && f.by < LINE_KIND_N);
    must(f.score == 0 || f.by == LINE_NAME || f.line.len > 0);
    str shown = str_clean(a, document, 200);
    marks_are_inside(search_marks(a, &q, shown, true), shown);
    marks_are_inside(search_marks(a, &q, shown, false), shown);
    must(!arena_is_over(a));
    free(copy);
    return 0;
}
