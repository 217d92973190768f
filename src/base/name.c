/* base/name.c - the keys by which names are found, whoever wrote them in whatever script.
 *
 * Latin, Cyrillic and Kana go through tables of our own: they are most names, they cost a
 * microsecond instead of thirty, and the keys, which are stored, do not change with the version of
 * a library. The rest (Han, Hangul, Greek, Arabic …) is ICU's. */
#include "base/inside.h"
#include "base/person.h"
#include "base/translit.h"
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

enum { LONG_BYTES = 2000, LONG_CHARS = 500 };

/* Code points in the arena. */
struct chars {
    int32_t *c;
    size_t n;
};

/* ---- what a character is ------------------------------------------------------------ */

static bool is_ascii(str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] >= 0x80)
            return false;
    return true;
}

static bool is_ascii_alnum(int32_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
}

static bool is_kana(int32_t c)
{
    return (c >= 0x3041 && c <= 0x309F) || (c >= 0x30A1 && c <= 0x30FF && c != 0x30FB) ||
           (c >= 0x31F0 && c <= 0x31FF) || (c >= 0xFF66 && c <= 0xFF9D);
}

static bool is_han(int32_t c)
{
    return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) ||
           (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x20000 && c <= 0x3FFFF) || c == 0x3005 ||
           c == 0x3007;
}

static bool is_hangul(int32_t c)
{
    return (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0x1100 && c <= 0x11FF) ||
           (c >= 0x3130 && c <= 0x318F);
}

static bool is_cyrillic(int32_t c)
{
    return c >= 0x400 && c <= 0x52F;
}

static bool is_latin(int32_t c)
{
    return c < 0x250 || (c >= 0x1E00 && c <= 0x1EFF) || c == 0x259;
}

static bool is_mark(int32_t c)
{
    return (U_GET_GC_MASK(c) & U_GC_M_MASK) != 0;
}

/* Marks inside a word: they vanish; what else is no letter or digit parts words. */
static bool is_silent(int32_t c)
{
    return c == '\'' || c == '.' || c == '`' || c == 0xB4 || c == 0x2018 || c == 0x2019 ||
           c == 0x201B || c == 0x2032 || (c >= 0x2B0 && c <= 0x2FF);
}

str script_lang(str text)
{
    bool has_han = false, has_hangul = false, has_cyrillic = false, has_kazakh = false,
         has_i = false, has_other_slavic = false;
    if (!str_is_utf8(text))
        return (str){0};
    for (int32_t c = utf8_next(&text); c >= 0; c = utf8_next(&text)) {
        if (is_kana(c))
            return S("ja");
        has_han |= is_han(c);
        has_hangul |= is_hangul(c);
        has_cyrillic |= is_cyrillic(c);
        switch (c) {
        /* clang-format off */
        case 0x4D8: case 0x4D9: case 0x492: case 0x493: case 0x49A: case 0x49B: case 0x4A2: case 0x4A3:
        case 0x4E8: case 0x4E9: case 0x4B0: case 0x4B1: case 0x4AE: case 0x4AF: case 0x4BA: case 0x4BB:
            has_kazakh = true; /* әғқңөұүһ */
            break;
        case 0x406: case 0x456: /* і, which Ukrainian and Belarusian have too */
            has_i = true;
            break;
        case 0x404: case 0x454: case 0x407: case 0x457: case 0x490: case 0x491: case 0x40E: case 0x45E:
            has_other_slavic = true; /* єїґў */
            break;
        /* clang-format on */
        default:
            break;
        }
    }
    if (has_hangul)
        return S("ko");
    if (has_han)
        return S("zh");
    if (has_kazakh || (has_i && !has_other_slavic))
        return S("kk");
    return has_cyrillic && !has_other_slavic ? S("ru") : (str){0};
}

/* ---- folding: one form of what looks the same --------------------------------------- */

static str shortened(struct arena *a, str s)
{
    if (!str_is_utf8(s))
        s = str_clean(a, s, LONG_CHARS);
    if (s.len <= LONG_BYTES)
        return s;
    str rest = s;
    for (int i = 0; i < LONG_CHARS && rest.len; i++)
        (void)utf8_next(&rest);
    s.len -= rest.len;
    return s;
}

/* NFKC with case folding: full width, ligatures, half-width kana, ß. */
static struct chars folded(struct arena *a, str s)
{
    UErrorCode e = U_ZERO_ERROR;
    struct chars out = {0};
    int32_t n16 = 0, n = 0;
    const UNormalizer2 *nfkc_cf = unorm2_getNFKCCasefoldInstance(&e);
    UChar *u = ARENA_ARRAY(a, s.len + 1, UChar);
    u_strFromUTF8(u, (int32_t)s.len + 1, &n16, s.ptr, (int32_t)s.len, &e);
    int32_t cap = n16 * 3 + 32;
    UChar *f = ARENA_ARRAY(a, (size_t)cap, UChar);
    n = unorm2_normalize(nfkc_cf, u, n16, f, cap, &e);
    if (e == U_BUFFER_OVERFLOW_ERROR) { /* a few letters unfold into eighteen */
        e = U_ZERO_ERROR;
        cap = n + 1;
        f = ARENA_ARRAY(a, (size_t)cap, UChar);
        n = unorm2_normalize(nfkc_cf, u, n16, f, cap, &e);
    }
    if (U_FAILURE(e))
        return out;
    out.c = ARENA_ARRAY(a, (size_t)n + 1, int32_t);
    for (int32_t i = 0; i < n;) {
        int32_t c = f[i++];
        if ((c & 0xFC00) == 0xD800 && i < n && (f[i] & 0xFC00) == 0xDC00)
            c = ((c - 0xD800) << 10) + (f[i++] - 0xDC00) + 0x10000;
        out.c[out.n++] = c;
    }
    return out;
}

/* Katakana as Hiragana, so that either finds the other. */
static int32_t hiragana(int32_t c)
{
    return c >= 0x30A1 && c <= 0x30F6 ? c - 0x60 : c;
}

/* Words with one blank between them, of what is letter, digit or mark. */
static void clean(struct chars *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        int32_t c = hiragana(s->c[i]);
        bool stays = is_kana(c) || u_isalnum(c) || (is_mark(c) && n && s->c[n - 1] != ' ');
        if (stays && !is_silent(c))
            s->c[n++] = c;
        else if (!is_silent(c) && n && s->c[n - 1] != ' ')
            s->c[n++] = ' ';
    }
    s->n = n && s->c[n - 1] == ' ' ? n - 1 : n;
}

/* ---- Latin letters for the others --------------------------------------------------- */

enum way {
    WAY_GENERIC,  /* one letter for one, accents off: what libraries and the east of Europe write */
    WAY_TYPED,    /* ä as ae, ø as oe, å as aa: what is typed where the key is missing */
    WAY_BGN,      /* Russian as English newspapers write it */
    WAY_PASSPORT, /* Kazakh and Russian as in passports; long Japanese vowels short (Hepburn) */
};

struct letter {
    int32_t c;
    const char *by[3]; /* generic, BGN, passport; NULL: as generic */
};
/* By code point. Generic is ISO 9 without its accents. */
/* clang-format off */
static const struct letter cyrillic[] = {
    {0x430, {"a"}}, {0x431, {"b"}}, {0x432, {"v"}}, {0x433, {"g"}}, {0x434, {"d"}}, {0x435, {"e"}},
    {0x436, {"z", "zh", "zh"}}, {0x437, {"z"}}, {0x438, {"i"}}, {0x439, {"j", "y", "i"}}, {0x43A, {"k"}},
    {0x43B, {"l"}}, {0x43C, {"m"}}, {0x43D, {"n"}}, {0x43E, {"o"}}, {0x43F, {"p"}}, {0x440, {"r"}},
    {0x441, {"s"}}, {0x442, {"t"}}, {0x443, {"u"}}, {0x444, {"f"}}, {0x445, {"h", "kh", "kh"}},
    {0x446, {"c", "ts", "ts"}}, {0x447, {"c", "ch", "ch"}}, {0x448, {"s", "sh", "sh"}},
    {0x449, {"s", "shch", "shch"}}, {0x44A, {""}}, {0x44B, {"y"}}, {0x44C, {""}}, {0x44D, {"e"}},
    {0x44E, {"u", "yu", "yu"}}, {0x44F, {"a", "ya", "ya"}}, {0x451, {"e"}}, {0x452, {"d", "dj", "dj"}},
    {0x453, {"g"}}, {0x454, {"e", "ye", "ie"}}, {0x455, {"z", "dz", "dz"}}, {0x456, {"i"}},
    {0x457, {"i", "yi", "i"}}, {0x458, {"j"}}, {0x459, {"l", "lj", "lj"}}, {0x45A, {"n", "nj", "nj"}},
    {0x45B, {"c"}}, {0x45C, {"k"}}, {0x45E, {"u"}}, {0x45F, {"d", "dz", "dz"}}, {0x491, {"g"}},
    {0x493, {"g"}}, {0x49B, {"k", "q", "k"}}, {0x4A3, {"n", "ng", "n"}}, {0x4AF, {"u"}}, {0x4B1, {"u"}},
    {0x4BB, {"h"}}, {0x4D9, {"a"}}, {0x4E9, {"o"}},
};
/* clang-format on */

static int by_char(const void *key, const void *row)
{
    int32_t c = *(const int32_t *)key, of = ((const struct letter *)row)->c;
    return c < of ? -1 : c > of;
}

static bool is_cyrillic_vowel(int32_t c)
{
    return c == 0x430 || c == 0x435 || c == 0x451 || c == 0x438 || c == 0x43E || c == 0x443 ||
           c == 0x44B || c == 0x44D || c == 0x44E || c == 0x44F;
}

/* Е and Ё are "ye" at the start, behind a vowel and behind й, ъ, ь. */
static bool is_iotated(const struct chars *s, size_t i)
{
    if (i == 0)
        return true;
    int32_t before = s->c[i - 1];
    return is_cyrillic_vowel(before) || before == 0x439 || before == 0x44A || before == 0x44C ||
           !is_cyrillic(before);
}

static bool add_cyrillic(struct text *t, const struct chars *s, size_t i, enum way way)
{
    const struct letter *l =
        bsearch(&s->c[i], cyrillic, COUNT(cyrillic), sizeof *cyrillic, by_char);
    if (!l)
        return false;
    size_t column = way == WAY_BGN ? 1 : way == WAY_PASSPORT ? 2 : 0;
    if (way == WAY_BGN && (l->c == 0x435 || l->c == 0x451) && is_iotated(s, i))
        text_add(t, S("ye"));
    else
        text_add(t, str_of(l->by[column] ? l->by[column] : l->by[0]));
    return true;
}

/* Latin letters that Unicode does not take apart; the second is the typed one. */
/* clang-format off */
static const struct letter latin[] = {
    {0xC6, {"ae"}}, {0xE4, {"a", "ae"}}, {0xE5, {"a", "aa"}}, {0xE6, {"ae"}}, {0xF0, {"d"}},
    {0xF6, {"o", "oe"}}, {0xF8, {"o", "oe"}}, {0xFC, {"u", "ue"}}, {0xFE, {"th"}}, {0x111, {"d"}},
    {0x127, {"h"}}, {0x131, {"i"}}, {0x138, {"q"}}, {0x142, {"l"}}, {0x14B, {"n"}}, {0x153, {"oe"}},
    {0x167, {"t"}}, {0x180, {"b"}}, {0x1B6, {"z"}}, {0x1DD, {"e"}}, {0x1E5, {"g"}}, {0x247, {"e"}},
    {0x259, {"e", "a"}},
};
/* clang-format on */

static bool add_latin(struct text *t, int32_t c, enum way way)
{
    if (c < 0x80) {
        text_add_char(t, (char)c);
        return true;
    }
    if (!is_latin(c))
        return false;
    const struct letter *l = bsearch(&c, latin, COUNT(latin), sizeof *latin, by_char);
    if (l) {
        text_add(t, str_of(way == WAY_TYPED && l->by[1] ? l->by[1] : l->by[0]));
        return true;
    }
    UErrorCode e = U_ZERO_ERROR;
    UChar parts[16];
    int32_t n = unorm2_getDecomposition(unorm2_getNFDInstance(&e), c, parts, COUNT(parts), &e);
    if (U_FAILURE(e) || n < 1 || !is_ascii_alnum(parts[0]))
        return false;
    text_add_char(t, (char)parts[0]);
    return true;
}

/* ---- Kana --------------------------------------------------------------------------- */

/* From U+3041; small vowels and small ya, yu, yo are joined in add_kana. */
/* clang-format off */
static const char *const kana[] = {
    "a", "a", "i", "i", "u", "u", "e", "e", "o", "o", "ka", "ga", "ki", "gi", "ku", "gu", "ke", "ge",
    "ko", "go", "sa", "za", "shi", "ji", "su", "zu", "se", "ze", "so", "zo", "ta", "da", "chi", "ji",
    "", "tsu", "zu", "te", "de", "to", "do", "na", "ni", "nu", "ne", "no", "ha", "ba", "pa", "hi",
    "bi", "pi", "fu", "bu", "pu", "he", "be", "pe", "ho", "bo", "po", "ma", "mi", "mu", "me", "mo",
    "ya", "ya", "yu", "yu", "yo", "yo", "ra", "ri", "ru", "re", "ro", "wa", "wa", "i", "e", "o", "n",
    "vu", "ka", "ke",
};
/* clang-format on */
enum { SMALL_TSU = 0x3063, LONG_MARK = 0x30FC };

static str kana_sound(int32_t c)
{
    return c >= 0x3041 && c < 0x3041 + (int32_t)COUNT(kana) ? str_of(kana[c - 0x3041]) : (str){0};
}

static bool is_small_vowel(int32_t c)
{
    return c >= 0x3041 && c <= 0x3049 && c % 2 == 1;
}

static bool is_small_y(int32_t c)
{
    return c == 0x3083 || c == 0x3085 || c == 0x3087;
}

static bool is_vowel(char c)
{
    return c == 'a' || c == 'i' || c == 'u' || c == 'e' || c == 'o';
}

/* きゃ kya, しゃ sha, ふぁ fa, てぃ ti, うぇ we: the sound before loses its vowel. */
static void join_small(struct text *t, size_t from, int32_t c)
{
    str before = {t->ptr + from, t->len - from}, small = kana_sound(c);
    if (before.len == 0) {
        text_add(t, small);
        return;
    }
    bool is_hard = str_eq(before, S("ku")) || str_eq(before, S("gu"));
    bool is_u = str_eq(before, S("u")), is_i = str_eq(before, S("i"));
    bool hushes =
        str_ends(before, S("shi")) || str_ends(before, S("chi")) || str_ends(before, S("ji"));
    t->len--;
    if (is_small_y(c)) {
        text_add(t, hushes ? (str){small.ptr + 1, 1} : small);
        return;
    }
    if (is_hard || is_u)
        text_add_char(t, 'w');
    else if (is_i)
        text_add_char(t, 'y');
    text_add(t, small);
}

/* One run of kana from s->c[i] on; returns behind it. */
static size_t add_kana(struct text *t, const struct chars *s, size_t i)
{
    size_t last = t->len;
    bool doubles = false;
    for (; i < s->n && is_kana(s->c[i]); i++) {
        int32_t c = s->c[i];
        if (c == SMALL_TSU) {
            doubles = true;
        } else if (is_small_vowel(c) || is_small_y(c)) {
            join_small(t, last, c);
        } else {
            str sound = kana_sound(c); /* none for the long mark */
            if (doubles && sound.len && !is_vowel(sound.ptr[0]) && sound.ptr[0] != 'n')
                text_add_char(t, sound.ptr[0] == 'c' ? 't' : sound.ptr[0]);
            doubles = false;
            last = t->len;
            text_add(t, sound);
        }
    }
    return i;
}

/* Satō is written Sato, Yūko Yuko, Ōno Ono; but Inoue and Yamanouchi have no long vowel there. */
static void shorten_vowels(struct text *t, size_t from)
{
    size_t n = from;
    for (size_t i = from; i < t->len; i++) {
        char c = t->ptr[i];
        str rest = {t->ptr + i + 1, t->len - i - 1};
        t->ptr[n++] = c;
        if (rest.len == 0 || !((c == 'o' && (rest.ptr[0] == 'u' || rest.ptr[0] == 'o')) ||
                               (c == 'u' && rest.ptr[0] == 'u')))
            continue;
        bool is_noue = i > from && t->ptr[i - 1] == 'n' &&
                       (str_starts(rest, S("ue")) || str_starts(rest, S("uchi")));
        i += !is_noue;
    }
    t->len = n;
}

/* ---- the rest, by ICU --------------------------------------------------------------- */

static struct translit any_latin = {.id = u"Any-Latin; Latin-ASCII; Lower",
                                    .lock = PTHREAD_MUTEX_INITIALIZER};

static bool is_for_icu(int32_t c)
{
    return c != ' ' && !is_latin(c) && !is_kana(c) && !is_cyrillic(c) && !is_mark(c);
}

static size_t add_by_icu(struct arena *a, struct text *t, const struct chars *s, size_t i)
{
    size_t from = i;
    while (i < s->n && (is_for_icu(s->c[i]) || is_mark(s->c[i])))
        i++;
    size_t room = (i - from) * 12 + 32; /* one Han character is at most "zhuang" and a blank */
    UChar *u = ARENA_ARRAY(a, room, UChar);
    int32_t n = 0;
    for (size_t k = from; k < i; k++) {
        int32_t c = s->c[k];
        if (c > 0xFFFF) {
            u[n++] = (UChar)(0xD800 + ((c - 0x10000) >> 10));
            c = 0xDC00 + ((c - 0x10000) & 0x3FF);
        }
        u[n++] = (UChar)c;
    }
    n = translit(&any_latin, u, n, (int32_t)room);
    if (from && is_han(s->c[from]))
        text_add_char(t, ' ');
    for (int32_t k = 0; k < n; k++) {
        if (u[k] < 0x80 && is_ascii_alnum(u[k]))
            text_add_char(t, (char)u[k]);
        else if (u[k] < 0x80 && !is_silent(u[k]))
            text_add_char(t, ' ');
    }
    return i;
}

/* ---- keys --------------------------------------------------------------------------- */

static void squeeze(struct text *t)
{
    size_t n = 0;
    for (size_t i = 0; i < t->len; i++)
        if (t->ptr[i] != ' ' || (n && t->ptr[n - 1] != ' '))
            t->ptr[n++] = t->ptr[i];
    t->len = n && t->ptr[n - 1] == ' ' ? n - 1 : n;
}

static str romanised(struct arena *a, const struct chars *s, enum way way)
{
    struct text t = text_in(a, s->n * 12 + 64);
    for (size_t i = 0; i < s->n;) {
        int32_t c = s->c[i];
        if (is_kana(c)) {
            size_t from = t.len;
            i = add_kana(&t, s, i);
            if (way == WAY_PASSPORT)
                shorten_vowels(&t, from);
        } else if (is_for_icu(c)) {
            i = add_by_icu(a, &t, s, i);
        } else {
            if (!(is_cyrillic(c) ? add_cyrillic(&t, s, i, way) : add_latin(&t, c, way)) &&
                !is_mark(c))
                text_add_char(&t, ' ');
            i++;
        }
    }
    squeeze(&t);
    return text_str(&t);
}

static str ascii_key(struct arena *a, str s)
{
    struct text t = text_in(a, s.len + 1);
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (is_ascii_alnum(c))
            text_add_char(&t, c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c);
        else if (!is_silent(c) && t.len && t.ptr[t.len - 1] != ' ')
            text_add_char(&t, ' ');
    }
    t.len -= t.len && t.ptr[t.len - 1] == ' ';
    return text_str(&t);
}

static str as_it_is(struct arena *a, const struct chars *s)
{
    struct text t = text_in(a, s->n * 4 + 1);
    for (size_t i = 0; i < s->n; i++)
        text_add_codepoint(&t, s->c[i]);
    return text_str(&t);
}

static void add_key(struct name_keys *k, str key)
{
    for (size_t i = 0; i < k->n; i++)
        if (str_eq(k->keys[i], key))
            return;
    if (key.len && k->n < NAME_KEYS_MAX)
        k->keys[k->n++] = key;
}

struct seen {
    bool latin, cyrillic, kana, han;
};

static struct seen look_at(const struct chars *s)
{
    struct seen seen = {0};
    for (size_t i = 0; i < s->n; i++) {
        seen.latin |= s->c[i] >= 0x80 && is_latin(s->c[i]);
        seen.cyrillic |= is_cyrillic(s->c[i]);
        seen.kana |= is_kana(s->c[i]);
        seen.han |= is_han(s->c[i]);
    }
    return seen;
}

static struct chars read_name(struct arena *a, str s)
{
    struct chars c = folded(a, s);
    clean(&c);
    return c;
}

/* Han read as Mandarin says nothing of a name whose Japanese reading is known. */
static void add_keys(struct arena *a, struct name_keys *k, str s, bool is_japanese)
{
    if (is_ascii(s)) {
        add_key(k, ascii_key(a, s));
        return;
    }
    struct chars c = read_name(a, s);
    struct seen seen = look_at(&c);
    add_key(k, as_it_is(a, &c));
    if (seen.han && (is_japanese || seen.kana))
        return;
    add_key(k, romanised(a, &c, WAY_GENERIC));
    if (seen.latin)
        add_key(k, romanised(a, &c, WAY_TYPED));
    if (seen.cyrillic)
        add_key(k, romanised(a, &c, WAY_BGN));
    if (seen.cyrillic || seen.kana)
        add_key(k, romanised(a, &c, WAY_PASSPORT));
}

struct name_keys name_keys(struct arena *a, str name, str reading)
{
    struct name_keys k = {0};
    name = shortened(a, name);
    reading = shortened(a, reading);
    add_keys(a, &k, name, str_eq(script_lang(reading), S("ja")));
    if (reading.len)
        add_keys(a, &k, reading, false);
    return k;
}

static int by_bytes(const void *a, const void *b)
{
    return str_cmp(*(const str *)a, *(const str *)b);
}

str name_equal_key(struct arena *a, str name)
{
    name = shortened(a, name);
    str key;
    if (is_ascii(name)) {
        key = ascii_key(a, name);
    } else {
        struct chars c = read_name(a, name);
        key = romanised(a, &c, WAY_GENERIC);
    }
    str *words = ARENA_ARRAY(a, key.len / 2 + 1, str);
    size_t n = 0;
    for (str rest = key; rest.len;)
        words[n++] = str_cut(&rest, ' ');
    qsort(words, n, sizeof *words, by_bytes);
    struct text t = text_in(a, key.len + 1);
    for (size_t i = 0; i < n; i++) {
        if (i)
            text_add_char(&t, ' ');
        text_add(&t, words[i]);
    }
    return text_str(&t);
}
