/* rooms/import/words.c - names of countries and languages as people write them, in our five
 * languages: by ICU's tables, and what those do not say. */
#include "rooms/import/inside.h"
#include <pthread.h>
#include <unicode/uloc.h>
#include <unicode/ustring.h>

struct word {
    char *key;
    char code[8];
};
struct book {
    struct word *words;
    size_t n, cap;
};
static struct book countries, languages;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static const char *const more_countries[][2] = {
    {"uk", "GB"},
    {"great britain", "GB"},
    {"england", "GB"},
    {"scotland", "GB"},
    {"wales", "GB"},
    {"usa", "US"},
    {"u.s.a.", "US"},
    {"u.s.", "US"},
    {"america", "US"},
    {"сша", "US"},
    {"россия", "RU"},
    {"рф", "RU"},
    {"росiя", "RU"},
    {"korea", "KR"},
    {"south korea", "KR"},
    {"prc", "CN"},
    {"p.r. china", "CN"},
    {"中国大陆", "CN"},
    {"czech republic", "CZ"},
    {"holland", "NL"},
    {"the netherlands", "NL"},
    {"uae", "AE"},
    {"казахстан", "KZ"},
    {"қр", "KZ"},
    {"рк", "KZ"},
    {"アメリカ", "US"},
    {"イギリス", "GB"},
    {"turkey", "TR"},
    {"türkiye", "TR"},
};

/* Lower case; what is no letter stays. */
static char *key_of(const char *utf8, int32_t n)
{
    UChar wide[128], low[160];
    int32_t wn = 0, ln = 0, out = 0;
    UErrorCode e = U_ZERO_ERROR;
    u_strFromUTF8(wide, COUNT(wide), &wn, utf8, n, &e);
    if (U_SUCCESS(e))
        ln = u_strToLower(low, COUNT(low), wide, wn, "", &e);
    char *key = malloc(512);
    if (key && U_SUCCESS(e))
        u_strToUTF8(key, 512, &out, low, ln, &e);
    if (!key || U_FAILURE(e)) {
        free(key);
        return NULL;
    }
    return key;
}

static void add(struct book *b, char *key, const char *code)
{
    if (!key)
        return;
    if (b->n == b->cap) {
        size_t cap = b->cap ? b->cap * 2 : 1024;
        struct word *more = realloc(b->words, cap * sizeof *more);
        if (!more) {
            free(key);
            return;
        }
        b->words = more;
        b->cap = cap;
    }
    struct word *w = &b->words[b->n++];
    *w = (struct word){.key = key};
    snprintf(w->code, sizeof w->code, "%s", code);
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct word *)a)->key, ((const struct word *)b)->key);
}

static void add_name(struct book *b, const char *locale, const char *code, bool is_country,
                     const char *in)
{
    UChar wide[128];
    char utf8[384];
    int32_t n = 0;
    UErrorCode e = U_ZERO_ERROR;
    int32_t wn = is_country ? uloc_getDisplayCountry(locale, in, wide, COUNT(wide), &e)
                            : uloc_getDisplayLanguage(locale, in, wide, COUNT(wide), &e);
    if (U_SUCCESS(e) && e != U_USING_DEFAULT_WARNING && wn < (int32_t)COUNT(wide))
        u_strToUTF8(utf8, sizeof utf8, &n, wide, wn, &e);
    if (U_SUCCESS(e) && n > 0)
        add(b, key_of(utf8, n), code);
}

static void build(void)
{
    for (size_t i = 0; i < COUNT(more_countries); i++)
        add(&countries, strdup(more_countries[i][0]), more_countries[i][1]);
    for (const char *const *c = uloc_getISOCountries(); *c; c++) {
        char locale[16];
        snprintf(locale, sizeof locale, "und_%s", *c);
        for (int l = 0; l < LANG_N; l++)
            add_name(&countries, locale, *c, true, lang_codes[l]);
    }
    for (const char *const *c = uloc_getISOLanguages(); *c; c++) {
        if (strlen(*c) > 2)
            continue;
        for (int l = 0; l < LANG_N; l++)
            add_name(&languages, *c, *c, false, lang_codes[l]);
        add_name(&languages, *c, *c, false, *c);
    }
    if (countries.n)
        qsort(countries.words, countries.n, sizeof *countries.words, by_key);
    if (languages.n)
        qsort(languages.words, languages.n, sizeof *languages.words, by_key);
}

static str code_in(const struct book *b, struct arena *a, str name)
{
    if (name.len > 120)
        return name;
    char *key = key_of(name.ptr, (int32_t)name.len);
    const struct word *w =
        key && b->n ? bsearch(&(struct word){.key = key}, b->words, b->n, sizeof *b->words, by_key)
                    : NULL;
    free(key);
    return w ? arena_str(a, str_of(w->code)) : name;
}

str country_code(struct arena *a, str name)
{
    pthread_once(&once, build);
    if (name.len == 2 && (unsigned char)name.ptr[0] < 0x80 && !str_eq_ascii_nocase(name, S("UK")))
        return name;
    return code_in(&countries, a, name);
}

str language_code(struct arena *a, str name)
{
    pthread_once(&once, build);
    if (name.len == 2 && (unsigned char)name.ptr[0] < 0x80)
        return name;
    char *p = arena_cstr(a, code_in(&languages, a, name));
    for (char *u = strchr(p, '_'); u; u = strchr(u, '_'))
        *u = '-';
    return str_of(p);
}
