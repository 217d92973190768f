/* rooms/risk/facts.c - what a sign-up or an order says, and what is known of it, as facts; pure. */
#include "rooms/risk/risk.h"
#include "base/name_match.h"
#include <pthread.h>
#include <unicode/ucal.h>
#include <unicode/uchar.h>
#include <unicode/uenum.h>
#include <unicode/uloc.h>

/* ---- the name ---------------------------------------------------------------------------------- */

static bool is_plain_alphabet(UChar32 c)
{
    return (c >= 'a' && c <= 'z') || (c >= 0x400 && c <= 0x4FF) || (c >= 0xC0 && c <= 0x24F) ||
           (c >= 0x3040 && c <= 0x30FF);
}

/* Cuts a character off valid UTF-8. */
static UChar32 cut_character(str *s)
{
    unsigned char head = (unsigned char)s->ptr[0];
    size_t n = head < 0x80 ? 1 : head < 0xE0 ? 2 : head < 0xF0 ? 3 : 4;
    UChar32 c = n == 1 ? head : head & (0x7F >> n);
    for (size_t i = 1; i < n && i < s->len; i++)
        c = c << 6 | ((unsigned char)s->ptr[i] & 0x3F);
    n = n < s->len ? n : s->len;
    *s = (str){s->ptr + n, s->len - n};
    return c;
}

/* Rows of keyboards from left to right; so many letters of one stand in no name. */
static const struct row {
    const char *keys;
    size_t run;
} rows[] = {
    {"qwertyuiop", 5},  {"asdfghjkl", 4},   {"zxcvbnm", 4},   {"qazwsxedc", 5},
    {"йцукенгшщзх", 5}, {"фывапролджэ", 4}, {"ячсмитьбю", 4}, {"1234567890", 4},
};

static bool is_keyboard_run(str word)
{
    for (size_t k = 0; k < COUNT(rows); k++) {
        str keys = str_of(rows[k].keys);
        size_t width = (unsigned char)keys.ptr[0] < 0x80 ? 1 : 2; /* bytes of a letter */
        size_t run = rows[k].run * width;
        for (size_t at = 0; at + run <= keys.len; at += width)
            if (str_find(word, (str){keys.ptr + at, run}) >= 0)
                return true;
    }
    return false;
}

/* "апро", "прол" and the like stand inside words: of the long rows only their beginnings. */
static bool is_row_beginning(str word)
{
    static const char *const beginnings[] = {"qwert", "asdf", "zxcv", "йцук", "фыва", "ячсм"};
    for (size_t i = 0; i < COUNT(beginnings); i++)
        if (str_starts(word, str_of(beginnings[i])))
            return true;
    return false;
}

static bool is_ascii(str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] >= 0x80)
            return false;
    return true;
}

/* Five Latin letters or more, and no vowel among them. */
static bool is_mute(str word)
{
    for (size_t i = 0; i < word.len; i++)
        if (word.ptr[i] < 'a' || word.ptr[i] > 'z' || strchr("aeiouy", word.ptr[i]))
            return false;
    return word.len >= 5;
}

static bool word_is_noise(str word)
{
    if (is_row_beginning(word))
        return true;
    return is_ascii(word) && (is_mute(word) || is_keyboard_run(word));
}

bool risk_name_is_noise(struct arena *a, str name)
{
    str folded = text_fold(a, name), rest = folded;
    size_t letters = 0, digits = 0, same = 0;
    bool is_plain = true;
    UChar32 first = 0;
    while (rest.len) {
        UChar32 c = cut_character(&rest);
        digits += u_isdigit(c) ? 1 : 0;
        if (!u_isalpha(c))
            continue;
        first = letters++ == 0 ? c : first;
        same += c == first;
        is_plain = is_plain && is_plain_alphabet(c);
    }
    if (folded.len == 0)
        return false;
    if (letters == 0 || digits > letters)
        return true;
    if (is_plain && (letters == 1 || (letters > 2 && same == letters)))
        return true;
    for (rest = folded; rest.len;)
        if (word_is_noise(str_cut(&rest, ' ')))
            return true;
    return false;
}

/* ---- languages and times of countries ---------------------------------------------------------------- */

/* Which language is used in which country, as the system's locales have it: "kk_KZ", "ru_KZ", "zh_Hant_TW". */
enum { PAIRS_MAX = 2000 };
static struct {
    pthread_once_t once;
    uint64_t pairs[PAIRS_MAX];
    size_t n;
} spoken = {.once = PTHREAD_ONCE_INIT};

static bool pair_of(str lang, str country, uint64_t *out)
{
    uint64_t v = 0;
    if (lang.len < 2 || lang.len > 3 || country.len != 2)
        return false;
    for (size_t i = 0; i < lang.len; i++)
        v = v << 8 | (unsigned char)lang.ptr[i];
    *out = v << 16 | (uint64_t)(unsigned char)country.ptr[0] << 8 | (unsigned char)country.ptr[1];
    return true;
}

static void spoken_read(void)
{
    for (int32_t i = 0; i < uloc_countAvailable() && spoken.n < PAIRS_MAX; i++) {
        char lang[12] = "", country[8] = "";
        UErrorCode ok = U_ZERO_ERROR;
        uloc_getLanguage(uloc_getAvailable(i), lang, sizeof lang, &ok);
        uloc_getCountry(uloc_getAvailable(i), country, sizeof country, &ok);
        if (U_SUCCESS(ok) && pair_of(str_of(lang), str_of(country), &spoken.pairs[spoken.n]))
            spoken.n++;
    }
}

int risk_language_differs(str language, str country)
{
    uint64_t pair = 0;
    str rest = language, base = str_cut(&rest, '-');
    char small[4] = "";
    for (size_t i = 0; i < base.len && i < 3; i++)
        small[i] =
            base.ptr[i] >= 'A' && base.ptr[i] <= 'Z' ? (char)(base.ptr[i] + 32) : base.ptr[i];
    pthread_once(&spoken.once, spoken_read);
    if (base.len > 3 || !pair_of(str_of(small), country, &pair))
        return RISK_UNKNOWN;
    bool has_country = false;
    for (size_t i = 0; i < spoken.n; i++) {
        if (spoken.pairs[i] == pair)
            return RISK_NO;
        has_country = has_country || (spoken.pairs[i] & 0xffff) == (pair & 0xffff);
    }
    return has_country ? RISK_YES : RISK_UNKNOWN;
}

static int64_t offset_ms(str zone, int64_t now_ms)
{
    int32_t day = when_day((when){now_ms}, zone);
    return (int64_t)day * 86400000 - when_of_day(day, zone).ms;
}

/* The zones of a country, asked of the library once: its answer takes a quarter of a millisecond. Kept for ever. */
enum { LETTERS = 26, ZONES_MAX = 64 };
static struct {
    pthread_mutex_t lock;
    char **of[LETTERS * LETTERS];
} zones = {.lock = PTHREAD_MUTEX_INITIALIZER};

static char **zones_read(const char *region)
{
    UErrorCode ok = U_ZERO_ERROR;
    char **names = calloc(ZONES_MAX + 1, sizeof *names);
    UEnumeration *e =
        names ? ucal_openTimeZoneIDEnumeration(UCAL_ZONE_TYPE_CANONICAL, region, NULL, &ok) : NULL;
    size_t n = 0;
    if (!names)
        return NULL;
    for (const char *name; U_SUCCESS(ok) && n < ZONES_MAX && (name = uenum_next(e, NULL, &ok));)
        if (zone_is_known(str_of(name)) && (names[n] = strdup(name)))
            n++;
    uenum_close(e);
    return names;
}

static char *const *zones_of(str country)
{
    const char region[3] = {country.ptr[0], country.ptr[1]};
    if (region[0] < 'A' || region[0] > 'Z' || region[1] < 'A' || region[1] > 'Z')
        return NULL;
    size_t at = (size_t)(region[0] - 'A') * LETTERS + (size_t)(region[1] - 'A');
    pthread_mutex_lock(&zones.lock);
    if (!zones.of[at])
        zones.of[at] = zones_read(region);
    char *const *names = zones.of[at];
    pthread_mutex_unlock(&zones.lock);
    return names;
}

int risk_zone_differs(str zone, str country, int64_t now_ms)
{
    char *const *names =
        country.len == 2 && zone.len && zone_is_known(zone) ? zones_of(country) : NULL;
    if (!names || !names[0])
        return RISK_UNKNOWN;
    int64_t here = offset_ms(zone, now_ms);
    for (size_t i = 0; names[i]; i++)
        if (str_eq(zone, str_of(names[i])) || offset_ms(str_of(names[i]), now_ms) == here)
            return RISK_NO;
    return RISK_YES;
}

/* ---- facts --------------------------------------------------------------------------------------------- */

static void set(struct risk_facts *f, int signal, struct risk_fact fact)
{
    if (fact.state != RISK_UNKNOWN)
        f->of[signal] = fact;
}
static void set_yes_no(struct risk_facts *f, int signal, bool yes, str a, str b)
{
    set(f, signal, (struct risk_fact){.state = yes ? RISK_YES : RISK_NO, .a = a, .b = b});
}

/* A count that begins to tell at `from`, by `part` percent, and wholly at `full`. */
struct steps {
    int64_t from, full;
    int part;
};
static struct risk_fact counted(int64_t n, struct steps s)
{
    if (n < 0)
        return (struct risk_fact){0};
    return (struct risk_fact){
        .state = n >= s.from ? RISK_YES : RISK_NO, .strength = n >= s.full ? 100 : s.part, .n = n};
}

static void name_facts(struct arena *a, const struct risk_said *s, const struct risk_seen *seen,
                       struct risk_facts *f)
{
    bool is_little = !s->phone.len && !s->city.len && !s->address.len && !s->company.len;
    set_yes_no(f, RISK_MINIMAL_DATA, is_little, (str){0}, (str){0});
    if (s->name.len)
        set_yes_no(f, RISK_NOISE_NAME, risk_name_is_noise(a, s->name), s->name, (str){0});
    set(f, RISK_FAMOUS_NAME,
        (struct risk_fact){.state = seen->is_famous, .a = s->name, .b = seen->famous});
}

static int opposite(enum says s)
{
    return s == SAYS_YES ? RISK_NO : s == SAYS_NO ? RISK_YES : RISK_UNKNOWN;
}

static void email_facts(struct arena *a, const struct risk_said *s, const struct risk_seen *seen,
                        struct risk_facts *f)
{
    if (seen->domain_kind != RISK_DOMAIN_UNKNOWN) {
        bool is_disposable = seen->domain_kind == RISK_DOMAIN_DISPOSABLE;
        set_yes_no(f, RISK_DISPOSABLE_EMAIL, is_disposable, seen->domain, (str){0});
        set_yes_no(f, RISK_FREE_EMAIL, seen->domain_kind == RISK_DOMAIN_FREE, seen->domain,
                   (str){0});
    }
    enum says is_named = s->name.len ? name_in_email(a, s->email, s->name) : SAYS_UNKNOWN;
    if (is_named == SAYS_UNKNOWN && s->reading.len)
        is_named = name_in_email(a, s->email, s->reading);
    if (s->email.len && s->name.len)
        set(f, RISK_EMAIL_UNLIKE_NAME,
            (struct risk_fact){.state = opposite(is_named), .a = s->email, .b = s->name});
}

/* The islands around Britain keep its numbers. */
static bool is_same_country(str a, str b)
{
    static const char britain[] = "GB GG JE IM";
    bool both = str_find(str_of(britain), a) >= 0 && str_find(str_of(britain), b) >= 0;
    return str_eq_ascii_nocase(a, b) || both;
}

static void phone_facts(const struct risk_said *s, const struct risk_seen *seen,
                        struct risk_facts *f)
{
    if (!seen->is_phone_read)
        return;
    if (seen->phone_country.len == 2 && s->country.len == 2)
        set_yes_no(f, RISK_PHONE_COUNTRY, !is_same_country(seen->phone_country, s->country),
                   seen->phone_country, s->country);
    set(f, RISK_VOIP_NUMBER, (struct risk_fact){.state = seen->is_voip, .a = s->phone});
}

/* The clock of where he connects from: he is there, which the connection says already. */
static bool is_clock_of(const struct risk_said *s, const struct risk_seen *seen, str country)
{
    return risk_zone_differs(s->time_zone, country, seen->now_ms) == RISK_NO;
}

static void connection_facts(const struct risk_said *s, const struct risk_seen *seen,
                             struct risk_facts *f)
{
    bool is_rented = seen->network == RISK_NETWORK_HOSTING || seen->network == RISK_NETWORK_TOR;
    if (seen->ip_country.len == 2 &&
        s->country.len == 2) /* where a rented exit stands says little more */
        set(f, RISK_IP_COUNTRY,
            (struct risk_fact){.state = is_same_country(seen->ip_country, s->country) ? RISK_NO
                                                                                      : RISK_YES,
                               .strength = is_rented ? 40 : 100,
                               .a = seen->ip_country,
                               .b = s->country});
    if (seen->network != RISK_NETWORK_UNKNOWN) {
        set_yes_no(f, RISK_HOSTING_NETWORK, seen->network == RISK_NETWORK_HOSTING, s->ip, (str){0});
        set_yes_no(f, RISK_TOR_NETWORK, seen->network == RISK_NETWORK_TOR, s->ip, (str){0});
    }
    if (s->country.len != 2)
        return;
    if (s->time_zone.len)
        set(f, RISK_TIME_ZONE,
            (struct risk_fact){.state = risk_zone_differs(s->time_zone, s->country, seen->now_ms),
                               .strength =
                                   !is_rented && is_clock_of(s, seen, seen->ip_country) ? 50 : 100,
                               .a = s->time_zone,
                               .b = s->country});
    if (s->language.len)
        set(f, RISK_LANGUAGE,
            (struct risk_fact){.state = risk_language_differs(s->language, s->country),
                               .a = s->language,
                               .b = s->country});
}

static void payment_facts(const struct risk_said *s, const struct risk_seen *seen,
                          struct risk_facts *f)
{
    if (seen->holder != RISK_HOLDER_UNKNOWN)
        set(f, RISK_HOLDER_NAME,
            (struct risk_fact){.state = seen->holder == RISK_HOLDER_SAME ? RISK_NO : RISK_YES,
                               .strength = seen->holder == RISK_HOLDER_FAMILY    ? 35
                                           : seen->holder == RISK_HOLDER_COMPANY ? 50
                                                                                 : 100,
                               .a = s->card_name,
                               .b = seen->holder_why.len ? seen->holder_why : s->name});
    if (s->card_country.len == 2 && s->country.len == 2)
        set_yes_no(f, RISK_CARD_COUNTRY, !is_same_country(s->card_country, s->country),
                   s->card_country, s->country);
    set(f, RISK_SEVERAL_CARDS, counted(seen->cards_of_person, (struct steps){2, 3, 25}));
    bool is_bank = str_find(s->method, S("bank")) >= 0 || str_find(s->method, S("transfer")) >= 0;
    if (s->has_payment)
        set_yes_no(f, RISK_PREPAID, s->is_prepaid && is_bank && s->company.len, s->company,
                   s->method);
}

static void order_facts(const struct risk_said *s, const struct risk_seen *seen,
                        struct risk_facts *f)
{
    bool is_known = s->paid_orders.has, is_first = is_known && s->paid_orders.v <= 0;
    /* on a device it never had, with another thing new: the first of whoever orders now */
    bool is_as_first = is_first || (is_known && seen->news >= 2);
    bool is_large =
        s->has_order && is_as_first && seen->large_from > 0 && s->total >= seen->large_from;
    if (s->has_order && seen->large_from > 0 && (is_known || s->total < seen->large_from))
        set(f, RISK_LARGE_FIRST_ORDER,
            (struct risk_fact){.state = is_large ? RISK_YES : RISK_NO,
                               .strength = s->total / 3 >= seen->large_from ? 100 : 70,
                               .n = s->total});
    bool is_quick = s->form_seconds.has && s->form_seconds.v < 6;
    if (s->has_order || s->form_seconds.has)
        set(f, RISK_HURRY,
            (struct risk_fact){.state = s->is_express || is_quick ? RISK_YES : RISK_NO,
                               .strength = (is_quick && (s->is_express || s->form_seconds.v < 3)) ||
                                                   (s->is_express && is_large)
                                               ? 100
                                               : 60,
                               .a = is_quick ? S("form") : S("express"),
                               .n = s->form_seconds.v});
    if (s->questions.has) { /* companies that pay in advance ask few */
        bool is_silent = s->questions.v <= 0 && (is_first || !is_known);
        set_yes_no(f, RISK_NO_QUESTIONS, is_silent && !(s->company.len && s->is_prepaid), (str){0},
                   (str){0});
    }
    if (!is_known || !s->age_days.has)
        return;
    set(f, RISK_PAID_HISTORY,
        (struct risk_fact){.state =
                               s->paid_orders.v >= 1 && s->age_days.v >= 180 ? RISK_YES : RISK_NO,
                           .strength = (s->paid_orders.v >= 2 ? 100 : 50) / (seen->news >= 3   ? 5
                                                                             : seen->news == 2 ? 2
                                                                                               : 1),
                           .n = s->paid_orders.v});
}

/* The quickest of the three. */
static struct risk_fact speed(const struct risk_seen *seen)
{
    const struct {
        int64_t n;
        struct steps steps;
        str what;
    } kinds[] = {
        {seen->signups_device, {3, 5, 70}, S("device")},
        {seen->signups_ip, {4, 6, 50}, S("ip")},
        {seen->signups_network, {8, 15, 50}, S("network")},
    };
    struct risk_fact best = {0};
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct risk_fact f = counted(kinds[i].n, kinds[i].steps);
        f.a = kinds[i].what;
        if (f.state > best.state || (f.state == RISK_YES && f.strength > best.strength))
            best = f;
    }
    return best;
}

/* A household counts as so many people less; strangers all count. */
static struct risk_fact shared(int64_t people, int64_t strangers, int64_t household,
                               struct steps steps)
{
    int64_t n =
        strangers < 0 || people - household < strangers + 1 ? strangers + 1 : people - household;
    struct risk_fact f = counted(strangers < 0 || people < 0 ? people : n, steps);
    f.n = people;
    return f;
}

static void memory_facts(const struct risk_seen *seen, struct risk_facts *f)
{
    set(f, RISK_VELOCITY, speed(seen));
    set(f, RISK_NEW_SURROUNDINGS, counted(seen->news, (struct steps){2, 3, 35}));
    set(f, RISK_SHARED_DEVICE,
        shared(seen->people_of_device, seen->strangers_of_device, 2, (struct steps){2, 3, 35}));
    set(f, RISK_SHARED_CARD,
        shared(seen->people_of_card, seen->strangers_of_card, 1, (struct steps){2, 3, 35}));
    set(f, RISK_SHARED_ADDRESS, counted(seen->people_of_address, (struct steps){3, 5, 50}));
    set(f, RISK_SHARED_IP, counted(seen->people_of_ip, (struct steps){4, 8, 50}));
    set_yes_no(f, RISK_LINKED_BLOCKED, seen->is_blocked, seen->blocked_by, (str){0});
    set_yes_no(f, RISK_LISTED, seen->is_listed, seen->listed_by, (str){0});
    set_yes_no(f, RISK_LINKED_VERDICT, seen->is_verdict && !seen->is_judged_fraud, seen->verdict_by,
               (str){0});
    set_yes_no(f, RISK_JUDGED_FRAUD, seen->is_judged_fraud, (str){0}, (str){0});
    set_yes_no(f, RISK_JUDGED_HONEST, seen->is_judged_honest && !seen->is_judged_fraud, (str){0},
               (str){0});
}

void risk_facts_of(struct arena *a, const struct risk_said *said, const struct risk_seen *seen,
                   struct risk_facts *f)
{
    name_facts(a, said, seen, f);
    email_facts(a, said, seen, f);
    phone_facts(said, seen, f);
    connection_facts(said, seen, f);
    payment_facts(said, seen, f);
    order_facts(said, seen, f);
    memory_facts(seen, f);
}
