/* base/name_match.c - which words of two names are partners, and what that says. */
#include "base/name_words.h"

const char *const name_how_codes[NAME_HOW_N] = {"alone", "initial", "ending",
                                                "near",  "spelled", "same"};

/* ---- pairs ---------------------------------------------------------------------------------- */

/* So many words from here on, together, on either side: "Jin ping" and "Jinping". */
struct span {
    uint8_t from, n;
};
struct couple {
    struct span l, r;
    enum name_how how;
    size_t chars; /* of the longer side: the more agree, the better */
};
enum { COUPLES_MAX = WORDS_MAX * WORDS_MAX * 5, JOINED_MAX = 3 };

static bool is_joinable(const struct name_words *w, struct span s)
{
    for (size_t i = s.from; i < (size_t)s.from + s.n; i++)
        if (w->words[i].class == CLASS_INITIAL || w->words[i].n == 0)
            return false;
    return (size_t)s.from + s.n <= w->n;
}

/* The words of a span in one, bare in each way of writing. */
static bool joined(const struct name_words *w, struct span s, size_t way,
                   char out[static FORM_BYTES])
{
    size_t n = 0;
    bool has_way = false;
    for (size_t i = s.from; i < (size_t)s.from + s.n; i++) {
        const struct name_word *one = &w->words[i];
        has_way = has_way || way < one->n;
        const char *bare = one->bare[way < one->n ? way : one->n - 1];
        for (; *bare; bare++) {
            if (n + 1 >= FORM_BYTES)
                return false;
            if (n == 0 || out[n - 1] != *bare)
                out[n++] = *bare;
        }
    }
    out[n] = '\0';
    return has_way && n > 3;
}

static bool joined_agrees(const struct name_words *l, struct span many, const struct name_word *one)
{
    char whole[FORM_BYTES];
    for (size_t way = 0; way < FORMS_MAX; way++)
        if (joined(l, many, way, whole))
            for (size_t j = 0; j < one->n; j++)
                if (strcmp(whole, one->bare[j]) == 0)
                    return true;
    return false;
}

static size_t chars_of(const struct name_words *w, struct span s)
{
    size_t n = 0;
    for (size_t i = s.from; i < (size_t)s.from + s.n; i++)
        n += w->words[i].folded.len;
    return n;
}

static size_t couples(const struct name_words *l, const struct name_words *r, struct couple *out)
{
    size_t n = 0;
    for (uint8_t i = 0; i < l->n; i++)
        for (uint8_t j = 0; j < r->n; j++) {
            struct couple c = {{i, 1}, {j, 1}, name_words_agree(&l->words[i], &r->words[j]), 0};
            if (c.how != NAME_ALONE)
                out[n++] = c;
            for (size_t k = 2; k <= JOINED_MAX; k++) {
                struct span many_l = {i, (uint8_t)k}, many_r = {j, (uint8_t)k};
                bool is_full_r = r->words[j].class != CLASS_INITIAL,
                     is_full_l = l->words[i].class != CLASS_INITIAL;
                if (is_full_r && i + k <= l->n && is_joinable(l, many_l) &&
                    joined_agrees(l, many_l, &r->words[j]))
                    out[n++] = (struct couple){many_l, {j, 1}, NAME_SPELLED, 0};
                if (is_full_l && j + k <= r->n && is_joinable(r, many_r) &&
                    joined_agrees(r, many_r, &l->words[i]))
                    out[n++] = (struct couple){{i, 1}, many_r, NAME_SPELLED, 0};
            }
        }
    for (size_t i = 0; i < n; i++) {
        size_t a = chars_of(l, out[i].l), b = chars_of(r, out[i].r);
        out[i].chars = a > b ? a : b;
    }
    return n;
}

static bool is_free(const bool *used, struct span s)
{
    for (size_t i = s.from; i < (size_t)s.from + s.n; i++)
        if (used[i])
            return false;
    return true;
}

static void use(bool *used, struct span s)
{
    for (size_t i = s.from; i < (size_t)s.from + s.n; i++)
        used[i] = true;
}

/* A father's initial is not that of a given name while one is free; so what is full comes first, then what is longer. */
static bool is_better(const struct name_words *l, const struct name_words *r,
                      const struct couple *a, const struct couple *b)
{
    if (a->how != b->how)
        return a->how > b->how;
    unsigned class_a = l->words[a->l.from].class + r->words[a->r.from].class;
    unsigned class_b = l->words[b->l.from].class + r->words[b->r.from].class;
    if (class_a != class_b)
        return class_a < class_b;
    if (a->chars != b->chars)
        return a->chars > b->chars;
    /* The same whichever name stands left. */
    str words[2][2] = {{l->words[a->l.from].folded, r->words[a->r.from].folded},
                       {l->words[b->l.from].folded, r->words[b->r.from].folded}};
    for (size_t i = 0; i < 2; i++)
        if (str_cmp(words[i][0], words[i][1]) > 0) {
            str first = words[i][0];
            words[i][0] = words[i][1];
            words[i][1] = first;
        }
    int by_word = str_cmp(words[0][0], words[1][0]);
    return by_word ? by_word < 0 : str_cmp(words[0][1], words[1][1]) < 0;
}

static str shown(struct arena *a, const struct name_words *w, struct span s)
{
    if (s.n == 1)
        return w->words[s.from].shown;
    struct text t = text_in(a, 4000);
    for (size_t i = s.from; i < (size_t)s.from + s.n; i++) {
        if (i > s.from)
            text_add_char(&t, ' ');
        text_add(&t, w->words[i].shown);
    }
    return text_str(&t);
}

static double weight_of(const struct name_words *w, struct span s)
{
    double sum = 0;
    for (size_t i = s.from; i < (size_t)s.from + s.n; i++)
        sum += w->words[i].weight;
    return sum;
}

/* ---- verdict ---------------------------------------------------------------------------------- */

struct count {
    int same, near, ending, initial; /* pairs; those of fathers and particles are not counted */
    bool left_over[2]; /* a word or an initial of a given or family name without partner */
};

static enum says verdict(const struct count *c)
{
    int full = c->same + c->near;
    if (c->left_over[0] && c->left_over[1])
        return full >= 2 ? SAYS_UNKNOWN : SAYS_NO;
    if (full >= 2 && c->same >= 1)
        return SAYS_YES;
    if (c->same == 1 && (c->initial || c->ending))
        return SAYS_YES;
    return SAYS_UNKNOWN;
}

static bool counts(const struct name_word *w)
{
    return w->class == CLASS_FULL || w->class == CLASS_INITIAL;
}

static bool span_counts(const struct name_words *w, struct span s)
{
    return s.n > 1 || counts(&w->words[s.from]);
}

static void count_pair(struct count *c, const struct name_words *l, const struct name_words *r,
                       const struct couple *p)
{
    if (!span_counts(l, p->l) || !span_counts(r, p->r)) {
        /* A father's initial says nothing of a given name that is left over there: A. Petrov, Boris Andreevich Petrov. */
        c->left_over[0] |= p->how == NAME_INITIAL && span_counts(l, p->l);
        c->left_over[1] |= p->how == NAME_INITIAL && span_counts(r, p->r);
        return;
    }
    c->same += p->how >= NAME_SPELLED;
    c->near += p->how == NAME_NEAR;
    c->ending += p->how == NAME_ENDING;
    c->initial += p->how == NAME_INITIAL;
}

static void add_pair(struct name_match *m, str left, str right, enum name_how how, double weight)
{
    if (m->n < NAME_PAIRS_MAX)
        m->pairs[m->n++] = (struct name_pair){left, right, (int)how, weight};
}

static size_t pick(const struct name_words *l, const struct name_words *r, struct couple *best,
                   bool used[2][WORDS_MAX])
{
    struct couple all[COUPLES_MAX];
    size_t n = couples(l, r, all), picked = 0;
    for (;;) {
        const struct couple *top = NULL;
        for (size_t i = 0; i < n; i++)
            if (is_free(used[0], all[i].l) && is_free(used[1], all[i].r) &&
                (!top || is_better(l, r, &all[i], top)))
                top = &all[i];
        if (!top)
            return picked;
        use(used[0], top->l);
        use(used[1], top->r);
        best[picked++] = *top;
    }
}

void name_words_match(struct arena *a, const struct name_words *l, const struct name_words *r,
                      struct name_match *out)
{
    static const double worth[NAME_HOW_N] = {0, 0.5, 0.8, 0.8, 1, 1};
    bool used[2][WORDS_MAX] = {0};
    struct couple best[WORDS_MAX];
    struct count c = {0};
    double found = 0, all = 0;
    *out = (struct name_match){0};
    size_t n = pick(l, r, best, used);
    for (uint8_t i = 0; i < l->n; i++)
        for (size_t k = 0; k < n; k++) {
            const struct couple *p = &best[k];
            if (p->l.from != i)
                continue;
            double weight = (weight_of(l, p->l) + weight_of(r, p->r)) / 2;
            found += weight * worth[p->how];
            all += weight;
            count_pair(&c, l, r, p);
            add_pair(out, shown(a, l, p->l), shown(a, r, p->r), p->how, weight);
        }
    const struct name_words *sides[2] = {l, r};
    for (size_t side = 0; side < 2; side++)
        for (size_t i = 0; i < sides[side]->n; i++) {
            const struct name_word *w = &sides[side]->words[i];
            if (used[side][i])
                continue;
            c.left_over[side] |= counts(w);
            all += w->weight / 2;
            add_pair(out, side ? (str){0} : w->shown, side ? w->shown : (str){0}, NAME_ALONE,
                     w->weight);
        }
    if (l->n == 0 || r->n == 0 || l->is_long || r->is_long) {
        out->is_same = SAYS_UNKNOWN;
        return;
    }
    out->score = all > 0 ? found / all : 0;
    out->is_same = verdict(&c);
    out->shares = out->is_same != SAYS_YES && (c.same || c.near || c.ending);
}

/* ---- scripts ------------------------------------------------------------------------------------ */

/* Is a word that finds no partner proof of another name? Katakana writes the sounds of foreign names, Han those of no
 * language alone. */
static bool is_comparable(unsigned l, unsigned r)
{
    const unsigned letters = SCRIPT_LATIN | SCRIPT_CYRILLIC,
                   kana = SCRIPT_HIRAGANA | SCRIPT_KATAKANA;
    unsigned both = l | r;
    if (!(both & ~letters) || !(both & ~kana) || (l == SCRIPT_OTHER && r == SCRIPT_OTHER))
        return true;
    return !(both & ~(unsigned)(SCRIPT_LATIN | SCRIPT_HIRAGANA));
}

/* Both in Han: the characters decide, not their sounds. */
static bool match_dense(struct arena *a, str left, str right, struct name_match *out)
{
    size_t n = 0, m = 0;
    str l = name_dense(a, left, 0, &n), r = name_dense(a, right, 0, &m);
    if (!l.len || !r.len)
        return false;
    bool is = str_eq(l, r);
    size_t again;
    for (size_t i = 1; i < m && !is; i++)
        is = str_eq(l, name_dense(a, right, i, &again));
    for (size_t i = 1; i < n && !is; i++)
        is = str_eq(r, name_dense(a, left, i, &again));
    str l_rest = l, r_rest = r;
    int32_t first_l = utf8_next(&l_rest), first_r = utf8_next(&r_rest);
    /* 山田花子 and 山田はなこ: the same or not, the characters do not say. */
    bool is_mixed = false;
    for (str rest = l; rest.len && !is_mixed;) {
        int32_t c = utf8_next(&rest);
        is_mixed = c >= 0x3041 && c <= 0x30FF;
    }
    bool other_mixed = false;
    for (str rest = r; rest.len && !other_mixed;) {
        int32_t c = utf8_next(&rest);
        other_mixed = c >= 0x3041 && c <= 0x30FF;
    }
    out->is_same = is ? SAYS_YES : is_mixed != other_mixed ? SAYS_UNKNOWN : SAYS_NO;
    out->score = is ? 1 : 0;
    out->shares = !is && first_l == first_r;
    add_pair(out, left, right, is ? (str_eq(left, right) ? NAME_SAME : NAME_SPELLED) : NAME_ALONE,
             1);
    if (!is) {
        out->n = 0;
        add_pair(out, left, (str){0}, NAME_ALONE, 1);
        add_pair(out, (str){0}, right, NAME_ALONE, 1);
    }
    return true;
}

static bool is_one_text(struct arena *a, str left, str right)
{
    str l = text_fold(a, left), r = text_fold(a, right);
    return l.len && str_eq(l, r);
}

void name_match(struct arena *a, str left, str right, struct name_match *out)
{
    struct name_words l, r;
    *out = (struct name_match){0};
    name_words(a, left, &l);
    name_words(a, right, &r);
    if (!(l.scripts & r.scripts & SCRIPT_HAN) || l.is_long || r.is_long ||
        !match_dense(a, left, right, out)) {
        name_words_match(a, &l, &r, out);
        if (out->is_same == SAYS_NO && !is_comparable(l.scripts, r.scripts))
            out->is_same = SAYS_UNKNOWN;
    }
    if (out->is_same != SAYS_YES && l.n && r.n && is_one_text(a, left, right)) {
        out->is_same = SAYS_YES;
        out->shares = false;
        out->score = 1;
    }
}

void name_match_read(struct arena *a, str left, str left_reading, str right, str right_reading,
                     struct name_match *out)
{
    const str lefts[] = {left, left_reading}, rights[] = {right, right_reading};
    name_match(a, left, right, out);
    for (size_t i = 0; i < 4 && out->is_same != SAYS_YES; i++) {
        struct name_match other;
        if (i == 0 || !lefts[i & 1].len || !rights[i >> 1].len)
            continue;
        name_match(a, lefts[i & 1], rights[i >> 1], &other);
        if (other.is_same == SAYS_YES || (out->is_same == SAYS_UNKNOWN && other.is_same == SAYS_NO))
            *out = other;
    }
}

/* Somebody in China may be Japanese too. */
void name_match_in(struct arena *a, str country, str left, str left_reading, str right,
                   struct name_match *out)
{
    bool is_chinese = str_eq_ascii_nocase(country, S("CN")),
         is_japanese = str_eq_ascii_nocase(country, S("JP"));
    struct name_words l, r;
    name_match_read(a, left, left_reading, right, (str){0}, out);
    if (out->is_same != SAYS_UNKNOWN || (!is_chinese && !is_japanese))
        return;
    name_words(a, left, &l);
    name_words(a, right, &r);
    if (l.scripts != SCRIPT_HAN || r.scripts != SCRIPT_LATIN || l.is_long || r.is_long || r.n < 2)
        return;
    enum says is_family = name_family_japanese(a, left, &r);
    if (is_chinese && is_family != SAYS_YES)
        name_words_match(a, &l, &r, out);
    else if (is_japanese && is_family == SAYS_NO)
        out->is_same = SAYS_NO;
}

str name_match_text(struct arena *a, const struct name_match *m)
{
    static const char *const between[NAME_HOW_N] = {"", " = ", " = ", " ~ ", " = ", " = "};
    struct text t = text_in(a, 8000);
    for (size_t i = 0; i < m->n; i++) {
        const struct name_pair *p = &m->pairs[i];
        if (t.len)
            text_add(&t, S(", "));
        if (p->how == NAME_ALONE)
            text_printf(&t, "≠ " SFMT, SARG(p->left.len ? p->left : p->right));
        else if (p->how == NAME_SAME && str_eq(p->left, p->right))
            text_add(&t, p->left);
        else
            text_printf(&t, SFMT "%s" SFMT, SARG(p->left), between[p->how], SARG(p->right));
    }
    return text_str(&t);
}

/* ---- addresses ------------------------------------------------------------------------------------ */

/* clang-format off */
static const char offices[] =
    " info office sales mail email contact contacts support help hello admin administrator service services team shop store order "
    "orders booking bookings reception account accounts accounting buchhaltung finance billing invoice invoices hr jobs kontakt "
    "zakaz zakazy buh buhgalter director manager postmaster webmaster noreply inbox private home family ";
/* clang-format on */

static bool speaks_of(str local, const struct name_word *w)
{
    for (size_t i = 0; i < w->n; i++) {
        str plain = w->plain[i];
        if (plain.len >= 3 &&
            (str_find(local, plain) >= 0 || (local.len >= 3 && str_starts(plain, local))))
            return true;
    }
    return false;
}

static bool is_office(str word)
{
    char sought[32];
    if (word.len == 0 || word.len + 3 > sizeof sought)
        return false;
    snprintf(sought, sizeof sought, " " SFMT " ", SARG(word));
    return strstr(offices, sought) != NULL;
}

enum says name_in_email(struct arena *a, str email, str name)
{
    struct name_words w, of_local;
    ptrdiff_t at = str_find(email, S("@"));
    if (at <= 0 || at > 64)
        return SAYS_UNKNOWN;
    str local = {email.ptr, (size_t)at}, rest = local;
    local = str_cut(&rest, '+');
    char letters[65];
    size_t n = 0, longest = 0, run = 0;
    str first = {0};
    for (size_t i = 0; i <= local.len; i++) {
        char c = i < local.len ? (char)(local.ptr[i] | 0x20) : ' ';
        if (i < local.len && (unsigned char)local.ptr[i] >= 0x80)
            return SAYS_UNKNOWN;
        if (c >= 'a' && c <= 'z') {
            letters[n++] = c;
            run++;
        } else {
            if (!first.len && run)
                first = (str){letters + n - run, run};
            longest = run > longest ? run : longest;
            run = 0;
        }
    }
    name_words(a, name, &w);
    if (n < 3 || w.n == 0 || w.is_long)
        return SAYS_UNKNOWN;
    str all = {letters, n};
    for (size_t i = 0; i < w.n; i++)
        if (w.words[i].class == CLASS_FULL && speaks_of(all, &w.words[i]))
            return SAYS_YES;
    /* Other spellings: khrushchev@ of Хрущёв by its bare form, word by word. */
    name_words(a, local, &of_local);
    for (size_t i = 0; i < w.n; i++)
        for (size_t j = 0; j < of_local.n; j++)
            if (w.words[i].class == CLASS_FULL && of_local.words[j].class == CLASS_FULL &&
                name_words_agree(&w.words[i], &of_local.words[j]) >= NAME_ENDING)
                return SAYS_YES;
    bool is_readable = !(w.scripts & ~(unsigned)(SCRIPT_LATIN | SCRIPT_CYRILLIC | SCRIPT_HIRAGANA));
    return is_readable && longest >= 5 && !is_office(first) ? SAYS_NO : SAYS_UNKNOWN;
}
