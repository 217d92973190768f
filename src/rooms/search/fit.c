/* rooms/search/fit.c - how well a document fits what was typed, and where it stands in what is shown.
 *
 * The index gives what has the pieces; here it is looked at whether they stand together. So what is found depends on this file
 * alone, and not on the store. */
#include "rooms/search/inside.h"

const char line_letters[LINE_KIND_N] = {'n', 'c', 'g', 'e', 'p', 'k', 'a', 's', 'x'};
const char *const line_words[LINE_KIND_N] = {"name", "company", "tag",    "email",   "phone",
                                             "card", "account", "social", "external"};

enum level { LEVEL_NONE, LEVEL_INSIDE, LEVEL_END, LEVEL_WORD, LEVEL_START, LEVEL_N };
/* The start of a name says more than its middle, a name more than an address. Customers come before orders. */
static const int scores[LINE_KIND_N][LEVEL_N] = {
    [LINE_NAME] = {0, 45, 45, 75, SCORE_NAME_START},
    [LINE_COMPANY] = {0, 40, 40, 65, 70},
    [LINE_TAG] = {0, 38, 38, 60, 68},
    [LINE_EMAIL] = {0, 36, 36, 58, 66},
    [LINE_PHONE] = {0, 35, 62, 62, 60},
    [LINE_CARD] = {0, 34, 61, 61, 64},
    [LINE_ACCOUNT] = {0, 34, 61, 61, 64},
    [LINE_SOCIAL] = {0, 34, 40, 61, 64},
    [LINE_EXTERNAL] = {0, 33, 59, 59, 63},
};

static bool parts_words(char c)
{
    return (unsigned char)c < 0x80 &&
           !((c >= 'a' && c <= 'z') || is_digit(c) || (c >= 'A' && c <= 'Z'));
}

/* Two letters in the middle of a word say nothing; two characters of Han do. */
static bool may_be_inside(str word)
{
    if ((unsigned char)word.ptr[0] >= 0xE3)
        return true;
    return word.len >= 3 && str_chars(word) >= 3;
}

static enum level better(enum level a, enum level b)
{
    return a > b ? a : b;
}

/* Where one word stands best in a line of words. */
static enum level word_level(str line, str word, bool *is_whole)
{
    enum level best = LEVEL_NONE;
    for (size_t at = 0; at + word.len <= line.len;) {
        ptrdiff_t found = str_find((str){line.ptr + at, line.len - at}, word);
        if (found < 0)
            break;
        size_t from = at + (size_t)found, end = from + word.len;
        bool begins = from == 0 || parts_words(line.ptr[from - 1]);
        bool ends = end == line.len || parts_words(line.ptr[end]);
        if (begins)
            best = better(best, from == 0 ? LEVEL_START : LEVEL_WORD);
        else if (may_be_inside(word))
            best = better(best, LEVEL_INSIDE);
        *is_whole |= begins && ends;
        if (best == LEVEL_START)
            break;
        at = from + 1;
    }
    return best;
}

/* A token in a handle: marks count for nothing on either side. */
static enum level squeezed_level(str line, str token)
{
    enum { LINE_MAX = 600 };
    char s[LINE_MAX];
    bool begins[LINE_MAX];
    size_t n = 0;
    bool is_start = true;
    for (size_t i = 0; i < line.len && n < LINE_MAX; i++) {
        if (parts_words(line.ptr[i])) {
            is_start = true;
            continue;
        }
        begins[n] = is_start;
        s[n++] = line.ptr[i];
        is_start = false;
    }
    enum level best = LEVEL_NONE;
    for (size_t at = 0; at + token.len <= n;) {
        ptrdiff_t found = str_find((str){s + at, n - at}, token);
        if (found < 0)
            break;
        size_t from = at + (size_t)found;
        if (from == 0)
            return LEVEL_START;
        if (begins[from])
            best = better(best, LEVEL_WORD);
        else if (may_be_inside(token))
            best = better(best, from + token.len == n ? LEVEL_END : LEVEL_INSIDE);
        at = from + 1;
    }
    return best;
}

static enum level token_level(enum line_kind kind, str line, const struct token *t, bool *is_whole)
{
    bool is_number = kind == LINE_PHONE || kind == LINE_CARD;
    if (t->is_address && (kind <= LINE_TAG || is_number))
        return LEVEL_NONE;
    if (kind > LINE_TAG) {
        ptrdiff_t at = t->n > 1 || t->is_address ? str_find(line, t->raw) : -1;
        if (at >= 0) /* marks and all */
            return at == 0 ? LEVEL_START : LEVEL_WORD;
        return squeezed_level(line, t->squeezed);
    }
    enum level least = LEVEL_N;
    for (size_t i = 0; i < t->n; i++) {
        enum level l = word_level(line, t->words[i], is_whole);
        if (l == LEVEL_NONE)
            return LEVEL_NONE;
        least = l < least ? l : least;
    }
    return least;
}

static bool line_next(str *document, enum line_kind *kind, str *line)
{
    while (document->len) {
        str l = str_cut(document, '\n');
        if (l.len < 3)
            continue;
        for (size_t k = 0; k < LINE_KIND_N; k++) {
            if (l.ptr[0] == line_letters[k]) {
                *kind = (enum line_kind)k;
                *line = (str){l.ptr + 2, l.len - 2};
                return true;
            }
        }
    }
    return false;
}

static size_t words_of(str line)
{
    size_t n = line.len > 0;
    for (size_t i = 0; i < line.len; i++)
        n += line.ptr[i] == ' ';
    return n;
}

/* All of a name, in whatever order. */
static bool is_whole_name(const struct variant *v, str document)
{
    enum line_kind kind;
    str line;
    while (line_next(&document, &kind, &line)) {
        if (kind != LINE_NAME || words_of(line) != v->n)
            continue;
        bool all = true;
        for (size_t i = 0; i < v->n && all; i++) {
            bool is_whole = false;
            (void)token_level(kind, line, &v->tokens[i], &is_whole);
            all = is_whole && v->tokens[i].n == 1;
        }
        if (all)
            return true;
    }
    return false;
}

static struct fit variant_fit(const struct variant *v, str document)
{
    struct fit f = {0};
    int least = 0;
    for (size_t i = 0; i < v->n; i++) {
        str rest = document, line;
        enum line_kind kind, by = LINE_NAME;
        str where = {0};
        int best = 0;
        while (line_next(&rest, &kind, &line)) {
            bool is_whole = false;
            enum level level = token_level(kind, line, &v->tokens[i], &is_whole);
            if (v->is_country && (kind != LINE_PHONE || level != LEVEL_START))
                continue;
            int score = scores[kind][level];
            if (score > best) {
                best = score;
                by = kind;
                where = line;
            }
        }
        if (best == 0)
            return (struct fit){0};
        if (i == 0 || best < least)
            f = (struct fit){.by = by, .line = where};
        least = i == 0 || best < least ? best : least;
    }
    f.score = least;
    if (v->n && v->as == READ_NAME && f.by == LINE_NAME && is_whole_name(v, document))
        f.score = SCORE_NAME;
    f.score -= v->is_other ? OTHER_SPELLING : 0;
    return f;
}

struct fit search_fit(const struct asked *q, str document)
{
    struct fit best = {0};
    for (size_t i = 0; i < q->n; i++) {
        struct fit f = variant_fit(&q->variants[i], document);
        if (f.score > best.score)
            best = f;
    }
    return best;
}

/* ---- where it stands ---------------------------------------------------------------------------- */

/* What is shown, cut into words; a word in another script is marked as a whole. */
struct shown_word {
    str text;
    int64_t from, length;
};

static size_t words_cut(struct arena *a, str s, struct shown_word **out)
{
    struct shown_word *w = ARENA_ARRAY(a, s.len / 2 + 1, struct shown_word);
    size_t n = 0;
    int64_t at = 0;
    for (size_t i = 0; i < s.len;) {
        if (parts_words(s.ptr[i])) {
            i++;
            at++;
            continue;
        }
        size_t from = i;
        while (i < s.len && !parts_words(s.ptr[i]))
            i++;
        str text = {s.ptr + from, i - from};
        int64_t length = (int64_t)str_chars(text);
        w[n++] = (struct shown_word){text, at, length};
        at += length;
    }
    *out = w;
    return n;
}

static void mark(struct mark_at *m, size_t *n, struct mark_at new)
{
    for (size_t i = 0; i < *n; i++) {
        if (new.from >= m[i].from &&new.from + new.length <= m[i].from + m[i].length)
            return;
        if (m[i].from >= new.from && m[i].from + m[i].length <= new.from + new.length) {
            m[i] = new;
            return;
        }
    }
    if (*n < MARKS_MAX)
        m[(*n)++] = new;
}

static int by_place(const void *a, const void *b)
{
    int64_t x = ((const struct mark_at *)a)->from, y = ((const struct mark_at *)b)->from;
    return (x > y) - (x < y);
}

/* The part of one word that was typed, if it is there letter for letter; else the word, if another spelling of it fits. */
static bool word_marked(struct arena *a, const struct asked *q, const struct shown_word *w,
                        struct mark_at *out)
{
    str folded = text_fold(a, w->text);
    bool is_one_to_one = (int64_t)str_chars(folded) == w->length;
    struct name_keys keys = {0};
    bool is_latin = true;
    for (size_t i = 0; i < w->text.len; i++)
        is_latin &= (unsigned char)w->text.ptr[i] < 0xD0;
    for (size_t i = 0; i < q->n; i++) {
        const struct variant *v = &q->variants[i];
        for (size_t k = 0; k < v->n; k++) {
            for (size_t j = 0; j < v->tokens[k].n; j++) {
                str part = v->tokens[k].words[j];
                ptrdiff_t at = str_find(folded, part);
                if (at > 0 && !may_be_inside(part))
                    at = -1;
                if (at >= 0 && is_one_to_one) {
                    *out = (struct mark_at){w->from +
                                                (int64_t)str_chars((str){folded.ptr, (size_t)at}),
                                            (int64_t)str_chars(part)};
                    return true;
                }
                if (at >= 0) {
                    *out = (struct mark_at){w->from, w->length};
                    return true;
                }
            }
        }
    }
    if (!is_latin &&
        (unsigned char)w->text.ptr[0] >= 0xE3) { /* Han and Kana: their sounds are not one word */
        *out = (struct mark_at){w->from, w->length};
        return true;
    }
    keys = name_keys(a, w->text, (str){0});
    for (size_t i = 0; i < q->n; i++) {
        const struct variant *v = &q->variants[i];
        for (size_t k = 0; k < v->n; k++)
            for (size_t j = 0; j < v->tokens[k].n; j++)
                for (size_t key = 0; key < keys.n; key++) {
                    ptrdiff_t at = str_find(keys.keys[key], v->tokens[k].words[j]);
                    if (at == 0 || (at > 0 && may_be_inside(v->tokens[k].words[j]))) {
                        *out = (struct mark_at){w->from, w->length};
                        return true;
                    }
                }
    }
    return false;
}

/* Digits of a number or letters of an address, with whatever stands between them. */
static bool squeezed_marked(const struct asked *q, str shown, struct mark_at *out)
{
    for (size_t i = 0; i < q->n; i++) {
        const struct variant *v = &q->variants[i];
        for (size_t k = 0; k < v->n; k++) {
            str part = v->tokens[k].squeezed;
            for (size_t from = 0; from < shown.len; from++) {
                if (parts_words(shown.ptr[from]))
                    continue;
                size_t at = from, n = 0;
                while (at < shown.len && n < part.len) {
                    char c = shown.ptr[at];
                    c = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
                    if (!parts_words(c)) {
                        if (c != part.ptr[n])
                            break;
                        n++;
                    }
                    at++;
                }
                if (n == part.len && n > 0) {
                    *out = (struct mark_at){(int64_t)str_chars((str){shown.ptr, from}),
                                            (int64_t)str_chars((str){shown.ptr + from, at - from})};
                    return true;
                }
            }
        }
    }
    return false;
}

struct list search_marks(struct arena *a, const struct asked *q, str shown, bool is_name)
{
    struct mark_at *m = ARENA_ARRAY(a, MARKS_MAX, struct mark_at), one;
    size_t n = 0;
    if (is_name) {
        struct shown_word *w = NULL;
        size_t words = words_cut(a, shown, &w);
        for (size_t i = 0; i < words && i < 40; i++)
            if (word_marked(a, q, &w[i], &one))
                mark(m, &n, one);
    } else if (squeezed_marked(q, shown, &one)) {
        mark(m, &n, one);
    }
    qsort(m, n, sizeof *m, by_place);
    return (struct list){m, n};
}
