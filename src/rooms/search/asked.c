/* rooms/search/asked.c - what was typed, and the ways to read it. */
#include "rooms/search/inside.h"

enum { PIECES_MAX = 24, NUMBER_LEAST = 1 };

static bool is_letter_or_digit(char c)
{
    return (unsigned char)c >= 0x80 || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           (c >= 'A' && c <= 'Z');
}

/* "anna.smith@ma" is anna smith ma, and annasmithma. */
static struct token token_of(struct arena *a, str s)
{
    struct token t = {.words = ARENA_ARRAY(a, s.len / 2 + 1, str),
                      .raw = s,
                      .is_address = memchr(s.ptr, '@', s.len) != NULL};
    char *squeezed = arena_alloc(a, s.len + 1, 1);
    size_t n = 0;
    for (size_t i = 0; i < s.len;) {
        if (!is_letter_or_digit(s.ptr[i])) {
            i++;
            continue;
        }
        size_t from = i;
        while (i < s.len && is_letter_or_digit(s.ptr[i]))
            squeezed[n++] = s.ptr[i++];
        t.words[t.n++] = (str){s.ptr + from, i - from};
    }
    t.squeezed = (str){squeezed, n};
    return t;
}

static void add_pieces(struct arena *a, struct text *to, struct token *t, size_t *n)
{
    struct text words = text_in(a, (size_t)SEARCH_CHARS_MAX * 40);
    for (size_t i = 0; i < t->n; i++) {
        if (i)
            text_add_char(&words, ' ');
        text_add(&words, t->words[i]);
    }
    /* behind the first mark of a token the words begin where they begin; before it one may be cut */
    struct str_list_ g = grams_wanted(a, text_str(&words), t->n > 1);
    for (size_t i = 0; i < g.n && *n < PIECES_MAX; i++, ++*n) {
        if (to->len)
            text_add_char(to, ' ');
        text_add(to, g.items[i]);
    }
}

static void add_variant(struct arena *a, struct asked *q, enum reading as, str text)
{
    if (text.len == 0 || q->n == VARIANTS_MAX)
        return;
    for (size_t i = 0; i < q->n; i++)
        if (str_eq(q->variants[i].text, text))
            return;
    struct variant *v = &q->variants[q->n];
    *v = (struct variant){
        .as = as, .text = text, .tokens = ARENA_ARRAY(a, text.len / 2 + 1, struct token)};
    struct text pieces = text_in(a, 4096);
    size_t n = 0;
    for (str rest = text; rest.len;) {
        str word = str_cut(&rest, ' ');
        struct token t = token_of(a, word);
        if (t.n == 0)
            continue;
        add_pieces(a, &pieces, &t, &n);
        v->tokens[v->n++] = t;
    }
    v->pieces = text_str(&pieces);
    q->n += v->n > 0;
}

static bool is_of_numbers(char c)
{
    return is_digit(c) || c == '+' || c == '-' || c == '(' || c == ')' || c == '.' || c == '/' ||
           c == ' ';
}

enum marks { MARKS_NONE, MARKS_SOME, MARKS_OF_HANDLE, MARKS_OF_ADDRESS };

/* "anna-maria", "anna.sm", "anna@": the second may be a handle rather than a name, the third is one. */
static enum marks marks_of(str s)
{
    enum marks found = MARKS_NONE;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        enum marks here = MARKS_NONE;
        bool is_amid = i && i + 1 < s.len && s.ptr[i + 1] != ' ' && s.ptr[i - 1] != ' ';
        if (c == '@')
            here = MARKS_OF_ADDRESS;
        else if ((c == '.' && is_amid) || c == '_' || c == ':')
            here = MARKS_OF_HANDLE;
        else if (!is_letter_or_digit(c) && c != ' ')
            here = MARKS_SOME;
        found = here > found ? here : found;
    }
    return found;
}

/* A number is kept with its country and without what is dialled before it. */
static void add_numbers(struct arena *a, struct asked *q)
{
    char *digits = arena_alloc(a, q->text.len + 1, 1);
    size_t n = 0;
    for (size_t i = 0; i < q->text.len; i++)
        if (is_digit(q->text.ptr[i]))
            digits[n++] = q->text.ptr[i];
    str all = {digits, n}, bare = all;
    if (n < NUMBER_LEAST)
        return;
    while (bare.len > 1 && bare.ptr[0] == '0') {
        bare.ptr++;
        bare.len--;
    }
    if (q->text.ptr[0] == '+') {
        add_variant(a, q, READ_DIGITS, all);
        q->variants[0].is_country = q->n > 0;
        return;
    }
    add_variant(a, q, READ_DIGITS, all);
    if (bare.len >= 3)
        add_variant(a, q, READ_DIGITS, bare);
    if (n >= 5 && all.ptr[0] == '8') /* before the code of a Russian or Kazakh town */
        add_variant(a, q, READ_DIGITS, (str){all.ptr + 1, n - 1});
}

void search_read(struct arena *a, str typed, struct asked *out)
{
    *out = (struct asked){.text = text_fold(a, str_trim(typed))};
    str t = out->text;
    out->is_number = t.len > 0;
    for (size_t i = 0; i < t.len; i++)
        out->is_number &= is_of_numbers(t.ptr[i]);
    if (out->is_number) {
        add_numbers(a, out);
        return;
    }
    enum marks marks = marks_of(t);
    if (marks >= MARKS_OF_HANDLE)
        add_variant(a, out, READ_HANDLE, t);
    if (marks == MARKS_OF_ADDRESS)
        return;
    struct name_keys keys = name_keys(a, t, (str){0});
    size_t first = out->n;
    for (size_t i = 0; i < keys.n; i++)
        add_variant(a, out, READ_NAME, keys.keys[i]);
    for (size_t i = first + 1; i < out->n; i++)
        out->variants[i].is_other = true;
    if (marks == MARKS_SOME)
        add_variant(a, out, READ_HANDLE, t);
}
