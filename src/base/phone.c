/* base/phone.c - phone numbers in any writing: what telephone systems and people send, brought into
 * the form that libphonenumber reads; and the numbers seen last, remembered by each thread. */
#include "base/field.h"
#include "base/inside.h"
#include "base/person.h"
#include "base/phone_lib.h"
#include <pthread.h>

const char *const phone_kind_codes[PHONE_KIND_N] = {
    "unknown",   "mobile",  "fixed",       "fixed_or_mobile", "voip",
    "toll_free", "premium", "shared_cost", "personal",        "pager",
};

const char *const says_codes[SAYS_N] = {"unknown", "no", "yes"};

enum { LOOKED_AT = 250 };

/* ---- what stands around a number ---------------------------------------------------- */

static bool cut_scheme(str *s, str scheme)
{
    if (s->len < scheme.len || !str_eq_ascii_nocase((str){s->ptr, scheme.len}, scheme))
        return false;
    s->ptr += scheme.len;
    s->len -= scheme.len;
    return true;
}

/* "Anna" <sip:…>: what stands between the brackets. */
static str without_display_name(str s)
{
    const char *open = s.len ? memrchr(s.ptr, '<', s.len) : NULL;
    if (!open)
        return s;
    s.len -= (size_t)(open + 1 - s.ptr);
    s.ptr = open + 1;
    return str_cut(&s, '>');
}

/* The number, user or word of a tel:, sip: or sips: URI; `context` is that of a tel: URI. */
static str without_uri(str s, str *context)
{
    *context = (str){0};
    s = str_trim(without_display_name(s));
    bool is_sip = cut_scheme(&s, S("sip:")) || cut_scheme(&s, S("sips:"));
    if (!is_sip && !cut_scheme(&s, S("tel:")) && !cut_scheme(&s, S("callto:")))
        return s;
    if (is_sip) {
        str whole = s;
        s = str_cut(&whole, '@');
    }
    str params = s, number = str_cut(&params, ';');
    while (params.len) {
        str p = str_cut(&params, ';');
        if (cut_scheme(&p, S("phone-context=")) && str_starts(p, S("+")))
            *context = p;
    }
    return number;
}

bool phone_is_withheld(str as_given)
{
    /* clang-format off */
    static const char *const words[] = {
        "", "-", "anonymous", "unknown", "private", "withheld", "restricted", "unavailable", "blocked",
        "no number", "no caller id", "caller id blocked", "number withheld", "private number",
        "unknown number", "unknown caller", "not available", "id unavailable", "invalid", "hidden",
        "null", "none", "asserted", "非通知", "非通知設定", "匿名", "未知", "скрыт", "скрытый номер",
        "неизвестно", "неизвестный номер", "аноним", "жасырын", "жасырын нөмір", "белгісіз"};
    /* clang-format on */
    str context, s = as_given;
    if (s.len > LOOKED_AT)
        return false;
    s = str_trim(without_uri(s, &context));
    str host = s, user = str_cut(&host, '@');
    if (host.len) /* sip:… without its scheme */
        s = str_trim(user);
    if (s.len >= 2 && s.ptr[0] == '"' && s.ptr[s.len - 1] == '"')
        s = str_trim((str){s.ptr + 1, s.len - 2});
    for (size_t i = 0; i < COUNT(words); i++)
        if (str_eq_ascii_nocase(s, str_of(words[i])))
            return true;
    return false;
}

/* ---- reading ------------------------------------------------------------------------ */

struct shape_of {
    size_t digits, digits_before_letters, letters;
    bool has_plus;
};

static int decimal(int32_t c)
{
    static const int32_t zeros[] = {'0', 0xFF10, 0x660, 0x6F0, 0x966};
    for (size_t i = 0; i < COUNT(zeros); i++)
        if (c >= zeros[i] && c <= zeros[i] + 9)
            return (int)(c - zeros[i]);
    return -1;
}

static struct shape_of look_at(str s)
{
    struct shape_of n = {0};
    for (int32_t c = utf8_next(&s); c >= 0; c = utf8_next(&s)) {
        if (decimal(c) >= 0)
            n.digits++;
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
            n.digits_before_letters = n.letters++ ? n.digits_before_letters : n.digits;
        else if (n.digits == 0 && (c == '+' || c == 0xFF0B))
            n.has_plus = true;
    }
    return n;
}

/* '+' and the digits, nothing else; empty when there is something that numbers do not hold. */
static str plain(struct arena *a, str s, size_t skip)
{
    struct text t = text_in(a, s.len + 2);
    text_add_char(&t, '+');
    for (int32_t c = utf8_next(&s); c >= 0; c = utf8_next(&s)) {
        int d = decimal(c);
        if (d >= 0 && skip)
            skip--;
        else if (d >= 0)
            text_add_char(&t, (char)('0' + d));
        else if (c < 0x80 && ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'))
            return (str){0};
    }
    return text_str(&t);
}

static bool starts_with_zeros(str s)
{
    int zeros = 0;
    for (int32_t c = utf8_next(&s); c >= 0 && zeros < 2; c = utf8_next(&s)) {
        int d = decimal(c);
        if (d > 0)
            return false;
        zeros += d == 0;
    }
    return zeros == 2;
}

/* Telephone systems drop the '+', or write 00 where the house's own country dials something else.
 */
static void read_without_plus(struct arena *a, str s, struct shape_of n, bool has_region,
                              struct phone_lib *out)
{
    struct phone_lib full;
    str text = plain(a, s, starts_with_zeros(s) ? 2 : 0);
    if (n.digits < 8 || text.len == 0)
        return;
    phone_lib_read(text.ptr, text.len, "", &full);
    if (full.is_valid || (!has_region && full.is_possible && n.digits >= 11))
        *out = full;
}

static void read_number(struct arena *a, str given, const char *region, struct phone_lib *out)
{
    str context, s = given;
    *out = (struct phone_lib){0};
    s = str_trim(without_uri(s, &context));
    if (memchr(s.ptr ? s.ptr : "", '%', s.len) && !percent_decode(a, s, false, &s))
        return;
    struct shape_of n = look_at(s);
    /* Letters are a vanity number behind its area code, an extension, or a name. */
    if (n.digits < 4 || (n.letters && n.digits_before_letters < 4))
        return;
    if (context.len && !n.has_plus) {
        s = arena_printf(a, SFMT SFMT, SARG(context), SARG(s));
        n.has_plus = true;
    }
    phone_lib_read(s.ptr, s.len, region, out);
    if (!n.has_plus && !out->is_valid)
        read_without_plus(a, s, n, *region != '\0', out);
}

/* ---- remembering -------------------------------------------------------------------- */

/* Reading costs some 50 us and the same callers come again: a table without chains, 4,096 places a
 * thread, whose pages are touched only as they fill. */
enum { PLACES = 4096, KEPT_CHARS = 45 };
struct kept {
    uint8_t len; /* 0: free */
    char region[3];
    char given[KEPT_CHARS];
    struct phone_lib phone;
};
static pthread_key_t kept_key;
static pthread_once_t kept_once = PTHREAD_ONCE_INIT;

static void kept_key_make(void)
{
    if (pthread_key_create(&kept_key, free) != 0)
        abort();
}

static struct kept *place_for(str given, const char *region)
{
    pthread_once(&kept_once, kept_key_make);
    struct kept *table = pthread_getspecific(kept_key);
    if (!table) {
        table = calloc(PLACES, sizeof *table);
        if (!table || pthread_setspecific(kept_key, table) != 0)
            out_of_memory(PLACES * sizeof *table);
    }
    uint64_t h =
        0xCBF29CE484222325u ^ (unsigned char)region[0] ^ (uint64_t)(unsigned char)region[1] << 8;
    for (size_t i = 0; i < given.len; i++)
        h = (h ^ (unsigned char)given.ptr[i]) * 0x100000001B3u;
    return &table[(h ^ h >> 32) % PLACES];
}

static const struct phone_lib *look_up(struct arena *a, str given, const char *region,
                                       struct phone_lib *room)
{
    if (given.len == 0 || given.len > KEPT_CHARS) {
        read_number(a, given, region, room);
        return room;
    }
    struct kept *k = place_for(given, region);
    if (k->len != given.len || memcmp(k->given, given.ptr, given.len) != 0 ||
        strcmp(k->region, region) != 0) {
        read_number(a, given, region, &k->phone);
        k->len = (uint8_t)given.len;
        memcpy(k->given, given.ptr, given.len);
        memcpy(k->region, region, 3);
    }
    return &k->phone;
}

static str reversed(struct arena *a, str digits)
{
    char *p = arena_alloc(a, digits.len + 1, 1);
    for (size_t i = 0; i < digits.len; i++)
        p[i] = digits.ptr[digits.len - 1 - i];
    return (str){p, digits.len};
}

struct phone phone_read(struct arena *a, str as_given, str default_region)
{
    struct phone p = {0};
    char region[3] = {0};
    struct phone_lib room;
    if (as_given.len > LOOKED_AT || !str_is_utf8(as_given))
        return p;
    if (default_region.len == 2)
        for (size_t i = 0; i < 2; i++)
            region[i] = (char)(default_region.ptr[i] & ~0x20);
    const struct phone_lib *l = look_up(a, as_given, region, &room);
    if (!l->is_possible)
        return p;
    p.is_possible = true;
    p.is_valid = l->is_valid;
    p.kind = (enum phone_kind)l->kind;
    p.plan_has_voip = l->plan_has_voip;
    p.is_country_shared = l->is_country_shared;
    memcpy(p.country, l->country, sizeof p.country);
    p.e164 = arena_str(a, str_of(l->e164));
    p.reversed = reversed(a, (str){p.e164.ptr + 1, p.e164.len - 1});
    p.national = arena_str(a, str_of(l->national));
    return p;
}

bool phone_looks_full(str s)
{
    if (s.len < 9 || s.len > 16 || s.ptr[0] != '+')
        return false;
    for (size_t i = 1; i < s.len; i++)
        if (!is_digit(s.ptr[i]))
            return false;
    return true;
}

enum says phone_is_voip(const struct phone *p)
{
    if (p->kind == PHONE_VOIP)
        return SAYS_YES;
    bool would_tell = p->is_possible && p->is_valid && p->plan_has_voip &&
                      p->kind != PHONE_UNKNOWN && p->kind != PHONE_PERSONAL;
    return would_tell ? SAYS_NO : SAYS_UNKNOWN;
}

enum says phone_is_of(const struct phone *p, str country)
{
    str own = str_of(p->country);
    if (!p->is_possible || own.len != 2 || country.len != 2 || p->is_country_shared)
        return SAYS_UNKNOWN;
    return str_eq_ascii_nocase(own, country) ? SAYS_YES : SAYS_NO;
}

str phone_place(struct arena *a, str e164, enum lang lang)
{
    size_t len = 0;
    if (e164.len < 4 || e164.len > 20 || (size_t)lang >= LANG_N)
        return (str){0};
    char *place = phone_lib_place(e164.ptr, e164.len, lang_codes[lang], &len);
    if (!place)
        return (str){0};
    str s = arena_str(a, (str){place, len});
    free(place);
    return s;
}
