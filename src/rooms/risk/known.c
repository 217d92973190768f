/* rooms/risk/known.c - what libraries and files on this machine know of what somebody says. What is absent is not known. */
#include "base/name_match.h"
#include "rooms/risk/inside.h"
#include "rooms/source/source.h"
#include <pthread.h>

/* Countries behind one calling code: a number that could be of several of them says nothing against any. */
static bool is_of_one_code(str a, str b)
{
    static const char *const groups[] = {
        "US CA AG AI AS BB BM BS DM DO GD GU JM KN KY LC MP MS PR SX TC TT VC VG VI",
        "RU KZ",
        "GB GG JE IM",
        "IT VA",
        "NO SJ",
        "AU CC CX",
        "MA EH",
        "RE YT TF",
        "SH TA",
        "FI AX",
        "GP BL MF",
        "CW BQ"};
    for (size_t i = 0; i < COUNT(groups); i++)
        if (str_find(str_of(groups[i]), a) >= 0 && str_find(str_of(groups[i]), b) >= 0)
            return true;
    return false;
}

static void of_phone(struct cx *cx, const struct risk_said *s, struct risk_seen *out)
{
    struct phone p = said_phone(cx->arena, s);
    if (!p.is_possible)
        return;
    out->is_phone_read = true;
    str country = str_of(p.country);
    bool may_be_his = p.is_country_shared && is_of_one_code(country, s->country);
    out->phone_country =
        country.len == 2 && !may_be_his ? arena_str(cx->arena, str_of(p.country)) : (str){0};
    out->is_voip = (int)phone_is_voip(&p);
}

/* A card that bears a company's name: "NORDIC TRADING LTD", 株式会社桜. */
static bool is_company(struct arena *a, str name)
{
    static const char *const words[] = {
        "ltd",     "limited", "gmbh", "llc", "inc", "corp", "plc", "ag",  "kg",  "ug",
        "sarl",    "sas",     "srl",  "spa", "bv",  "oy",   "ab",  "as",  "pte", "co",
        "company", "ооо",     "оао",  "зао", "ао",  "пао",  "ип",  "тоо", "жшс", "ақ"};
    static const char *const inside[] = {"株式会社", "有限会社", "合同会社",
                                         "有限公司", "股份公司", "集团"};
    for (size_t i = 0; i < COUNT(inside); i++)
        if (str_find(name, str_of(inside[i])) >= 0)
            return true;
    for (str rest = text_fold(a, name); rest.len;) {
        str word = str_cut(&rest, ' ');
        while (word.len && strchr(".,", word.ptr[word.len - 1]))
            word.len--;
        for (size_t i = 0; i < COUNT(words); i++)
            if (str_eq(word, str_of(words[i])))
                return true;
    }
    return false;
}

/* The name, or the company: a company's card is its own. One of another company is less odd than one of another person. */
static void of_holder(struct cx *cx, const struct risk_said *s, str reading, struct risk_seen *out)
{
    struct name_match m, c = {0};
    name_match_in(cx->arena, s->country, s->name, reading, s->card_name, &m);
    if (s->company.len)
        name_match(cx->arena, s->company, s->card_name, &c);
    bool is_own = s->company.len && (c.is_same == SAYS_YES || c.score >= 0.99);
    if (m.is_same == SAYS_YES || is_own)
        out->holder = RISK_HOLDER_SAME;
    else if (m.is_same == SAYS_NO)
        out->holder = m.shares                              ? RISK_HOLDER_FAMILY
                      : is_company(cx->arena, s->card_name) ? RISK_HOLDER_COMPANY
                                                            : RISK_HOLDER_OTHER;
    out->holder_why = m.n ? name_match_text(cx->arena, &m) : (str){0};
}

static void of_address(struct source *files, struct cx *cx, const struct risk_said *s,
                       struct risk_seen *out)
{
    static const int domains[SOURCE_MAIL_N] = {
        [SOURCE_MAIL_OTHER] = RISK_DOMAIN_OTHER,
        [SOURCE_MAIL_FREE] = RISK_DOMAIN_FREE,
        [SOURCE_MAIL_DISPOSABLE] = RISK_DOMAIN_DISPOSABLE,
    };
    str normal = {0};
    if (!email_read(cx->arena, s->email, &normal))
        return;
    (void)str_cut(&normal, '@');
    out->domain = normal;
    out->domain_kind = domains[source_domain(files, normal)];
}

static void of_connection(struct source *files, struct cx *cx, str ip, struct risk_seen *out)
{
    static const int networks[SOURCE_NET_N] = {
        [SOURCE_NET_NONE] = RISK_NETWORK_NONE,
        [SOURCE_NET_HOSTING] = RISK_NETWORK_HOSTING,
        [SOURCE_NET_VPN] = RISK_NETWORK_HOSTING,
        [SOURCE_NET_TOR] = RISK_NETWORK_TOR,
    };
    char country[3] = "";
    if (source_ip_country(files, ip, country))
        out->ip_country = arena_str(cx->arena, str_of(country));
    out->network = networks[source_ip_network(files, ip).kind];
}

void seen_sources(struct cx *cx, const struct risk_said *s, str reading, struct risk_seen *out)
{
    struct source *files = source_of(cx);
    struct famous famous = {0};
    if (s->phone.len)
        of_phone(cx, s, out);
    if (s->name.len && s->card_name.len)
        of_holder(cx, s, reading, out);
    if (s->email.len)
        of_address(files, cx, s, out);
    if (s->ip.len)
        of_connection(files, cx, s->ip, out);
    if (s->name.len) {
        out->is_famous = famous_find(cx->arena, s->name, &famous) ? RISK_YES : RISK_NO;
        out->famous = famous.name;
    }
}

/* ---- what is a large order -------------------------------------------------------------------------- */

/* Asked at each checkout, and moving slowly: one copy for the house that asked last, a minute long. */
static struct {
    pthread_mutex_t lock;
    const struct house *house;
    int64_t good_until_ns, from;
} sizes = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* One and a half times what 95 of 100 of the last orders stay below; while there are few of them, a thousand. */
static enum err size_read(struct cx *cx, currency base, int64_t *out)
{
    enum { ENOUGH = 20, PERCENT = 95 };
    struct list l = {0};
    TRY(db_all(cx, &q_risk_order_sizes, &number_row_shape, &l, NO_ARGS));
    int64_t *v = ARENA_ARRAY(cx->arena, l.n + 1, int64_t);
    for (size_t i = 0; i < l.n; i++)
        v[i] = ((const struct number_row *)l.items)[i].n;
    qsort(v, l.n, sizeof *v, by_size);
    int64_t thousand = 1000;
    for (int i = currency_exponent(base); i > 0; i--)
        thousand *= 10;
    if (currency_exponent(base) == 0)
        thousand *= 100; /* a yen, a won */
    *out = l.n < ENOUGH ? thousand : v[l.n * PERCENT / 100] / 2 * 3;
    return OK;
}

enum err large_from(struct cx *cx, currency c, int64_t *out)
{
    currency base = settings_current(cx)->base_currency;
    *out = 0;
    if (strcmp(base.code, c.code) != 0)
        return OK;
    pthread_mutex_lock(&sizes.lock);
    bool is_good = cx->house && sizes.house == cx->house && sizes.good_until_ns > clock_mono_ns();
    if (is_good)
        *out = sizes.from;
    pthread_mutex_unlock(&sizes.lock);
    if (is_good)
        return OK;
    TRY(size_read(cx, base, out));
    pthread_mutex_lock(&sizes.lock);
    sizes.house = cx->house;
    sizes.from = *out;
    sizes.good_until_ns = clock_mono_ns() + 60000000000;
    pthread_mutex_unlock(&sizes.lock);
    return OK;
}
