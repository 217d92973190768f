/* rooms/risk/trace.c - by which somebody is found again, and how often it was seen. */
#include "rooms/risk/inside.h"
#include <arpa/inet.h>

const char *const trace_kind_codes[TRACE_KINDS] = {"email", "domain",  "phone",   "device", "card",
                                                   "ip",    "network", "address", "name"};

/* ---- normal forms ---------------------------------------------------------------------------- */

/* What is behind a plus is the same box, and for some so are points. */
static str email_normal(struct arena *a, str value)
{
    str normal = {0}, rest;
    if (!email_read(a, value, &normal))
        return (str){0};
    rest = normal;
    str local = str_cut(&rest, '@'), tag = local;
    local = str_cut(&tag, '+');
    bool is_pointless = str_eq(rest, S("gmail.com")) || str_eq(rest, S("googlemail.com"));
    struct text t = text_in(a, normal.len + 1);
    for (size_t i = 0; i < local.len; i++)
        if (!is_pointless || local.ptr[i] != '.')
            text_add_char(&t, local.ptr[i]);
    text_add_char(&t, '@');
    text_add(&t, rest);
    return text_str(&t);
}

/* An IPv4 address within IPv6 is the IPv4 address. n: the number of bytes; 0: none. */
static size_t ip_bytes(str value, unsigned char out[static 16])
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    char z[48];
    if (value.len == 0 || value.len >= sizeof z)
        return 0;
    memcpy(z, value.ptr, value.len);
    z[value.len] = 0;
    if (inet_pton(AF_INET, z, out) == 1)
        return 4;
    if (inet_pton(AF_INET6, z, out) != 1)
        return 0;
    if (memcmp(out, mapped, sizeof mapped) != 0)
        return 16;
    memmove(out, out + 12, 4);
    return 4;
}

/* An IPv6 address is one of the /64 that a house has. */
static str ip_normal(struct arena *a, str value, bool is_network)
{
    unsigned char b[16];
    size_t n = ip_bytes(value, b);
    size_t keep = n == 4 ? (is_network ? 3 : 4) : is_network ? 6 : 8;
    struct text t = text_in(a, 64);
    for (size_t i = 0; n && i < keep; i++)
        text_printf(&t, "%02x", b[i]);
    return text_str(&t);
}

/* Words of an address in one form, without what parts them. */
static str words_normal(struct arena *a, str value)
{
    str folded = text_fold(a, value);
    struct text t = text_in(a, folded.len + 1);
    for (size_t i = 0; i < folded.len; i++)
        if (!strchr(" ,.;:/-#", folded.ptr[i]))
            text_add_char(&t, folded.ptr[i]);
    return text_str(&t);
}

str trace_normal(struct arena *a, int kind, str value, str region)
{
    value = str_trim(value);
    switch (kind) {
    case TRACE_EMAIL:
        return email_normal(a, value);
    case TRACE_DOMAIN: {
        str normal = {0}, address = arena_printf(a, "x@" SFMT, SARG(value));
        return email_read(a, address, &normal) ? (str){normal.ptr + 2, normal.len - 2} : (str){0};
    }
    case TRACE_PHONE:
        return phone_read(a, value, region).e164;
    case TRACE_IP:
    case TRACE_NETWORK:
        return ip_normal(a, value, kind == TRACE_NETWORK);
    case TRACE_ADDRESS:
        return words_normal(a, value);
    case TRACE_NAME:
        return name_equal_key(a, value);
    default:
        return value;
    }
}

int64_t trace_hash(struct arena *a, int kind, str normal)
{
    uint8_t h[32];
    uint64_t v = 0;
    if (normal.len == 0)
        return 0;
    sha256(arena_printf(a, "%s " SFMT, trace_kind_codes[kind], SARG(normal)), h);
    for (size_t i = 0; i < 8; i++)
        v = v << 8 | h[i];
    v &= INT64_MAX;
    return v ? (int64_t)v : 1;
}

struct phone said_phone(struct arena *a, const struct risk_said *s)
{
    if (s->is_phone_read || s->phone.len == 0)
        return s->number;
    return phone_read(a, s->phone, s->country);
}

void traces_of(struct cx *cx, const struct risk_said *s, struct traces *out)
{
    struct arena *a = cx->arena;
    str domain = s->email;
    (void)str_cut(&domain, '@');
    str address = s->address.len ? arena_printf(a, SFMT " " SFMT " " SFMT, SARG(s->address),
                                                SARG(s->city), SARG(s->country))
                                 : (str){0};
    str name = s->name.len ? arena_printf(a, SFMT "|" SFMT,
                                          SARG(trace_normal(a, TRACE_NAME, s->name, (str){0})),
                                          SARG(s->country))
                           : (str){0};
    const str given[TRACE_KINDS] = {
        [TRACE_EMAIL] = trace_normal(a, TRACE_EMAIL, s->email, (str){0}),
        [TRACE_DOMAIN] = trace_normal(a, TRACE_DOMAIN, domain, (str){0}),
        [TRACE_PHONE] = said_phone(a, s).e164,
        [TRACE_DEVICE] = str_trim(s->device),
        [TRACE_CARD] = str_trim(s->card_fingerprint),
        [TRACE_IP] = trace_normal(a, TRACE_IP, s->ip, (str){0}),
        [TRACE_NETWORK] = trace_normal(a, TRACE_NETWORK, s->ip, (str){0}),
        [TRACE_ADDRESS] = trace_normal(a, TRACE_ADDRESS, address, (str){0}),
        [TRACE_NAME] = name,
    };
    for (int i = 0; i < TRACE_KINDS; i++)
        out->of[i] = trace_hash(a, i, given[i]);
    out->who = out->of[TRACE_EMAIL]   ? out->of[TRACE_EMAIL]
               : out->of[TRACE_PHONE] ? out->of[TRACE_PHONE]
                                      : out->of[TRACE_NAME];
}

size_t traces_list(const struct traces *t, int64_t out[static TRACE_KINDS])
{
    size_t n = 0;
    for (int i = 0; i < TRACE_NAME; i++)
        if (t->of[i])
            out[n++] = t->of[i];
    return n;
}

/* ---- counting ----------------------------------------------------------------------------------- */

static const int64_t HOUR = 3600000, DAY = 86400000;

/* How many different ones there are among the rows since then, with this one. */
struct different {
    int64_t seen[SEEN_ROWS + 1];
    size_t n;
};
static void different_add(struct different *d, int64_t v)
{
    for (size_t i = 0; i < d->n; i++)
        if (d->seen[i] == v)
            return;
    if (v && d->n < COUNT(d->seen))
        d->seen[d->n++] = v;
}

enum { EVERYBODY, STRANGERS };
static int64_t people(const struct list *rows, int64_t own, int64_t since, int64_t ip, int which)
{
    struct different d = {0};
    const struct trace_row *r = rows->items;
    different_add(&d, own);
    for (size_t i = 0; i < rows->n; i++)
        if (r[i].at >= since && (!ip || r[i].ip == ip) && (which == EVERYBODY || !r[i].is_kin))
            different_add(&d, r[i].who);
    return (int64_t)d.n;
}

static void cards_add(struct different *d, const struct list *rows, int64_t since, int which)
{
    const struct trace_row *r = rows->items;
    for (size_t i = 0; i < rows->n; i++)
        if (r[i].at >= since && (which == EVERYBODY || !r[i].is_kin))
            different_add(d, r[i].card);
}

/* Of the person and of the device; in a family one card more is nobody's. */
static int64_t cards(const struct memory *m, const struct traces *t, int64_t since)
{
    int64_t n[2] = {0};
    for (int which = EVERYBODY; which <= STRANGERS; which++) {
        struct different d = {0};
        different_add(&d, t->of[TRACE_CARD]);
        cards_add(&d, &m->who, since, EVERYBODY);
        cards_add(&d, &m->device, since, which);
        n[which] = (int64_t)d.n;
    }
    return n[EVERYBODY] - 1 > n[STRANGERS] ? n[EVERYBODY] - 1 : n[STRANGERS];
}

void seen_nothing(struct risk_seen *out, int64_t now_ms)
{
    *out = (struct risk_seen){.cards_of_person = -1,
                              .people_of_card = -1,
                              .people_of_device = -1,
                              .people_of_address = -1,
                              .people_of_ip = -1,
                              .strangers_of_device = -1,
                              .strangers_of_card = -1,
                              .news = -1,
                              .signups_ip = -1,
                              .signups_network = -1,
                              .signups_device = -1,
                              .now_ms = now_ms};
}

static void links_count(const struct memory *m, struct risk_seen *out)
{
    const struct block_hit *b = m->blocks.items;
    const struct owner_row *o = m->owners.items;
    if (m->blocks.n) {
        out->is_listed = true;
        out->listed_by = b[0].kind;
    }
    for (size_t i = 0; i < m->owners.n; i++)
        if (o[i].is_blocked && !out->is_blocked) {
            out->is_blocked = true;
            out->blocked_by = o[i].type;
        }
}

void verdicts_count(const struct list *verdicts, const struct traces *own, struct risk_seen *out)
{
    const struct verdict_hit *v = verdicts->items; /* newest first: his own newest word holds */
    bool is_settled = false;
    for (size_t i = 0; i < verdicts->n; i++) {
        bool is_fraud = str_eq(v[i].verdict, S("fraud")),
             is_own = v[i].is_self && v[i].trace == own->who;
        if (is_own && !is_settled) {
            is_settled = true;
            out->is_judged_fraud = is_fraud;
            out->is_judged_honest = str_eq(v[i].verdict, S("honest"));
        }
        for (int k = 0; !is_own && is_fraud && k < TRACE_KINDS; k++)
            if (own->of[k] == v[i].trace) {
                out->is_verdict = true;
                out->verdict_by = str_of(trace_kind_codes[k]);
            }
    }
}

void seen_count(const struct memory *m, const struct traces *t, int64_t now_ms,
                struct risk_seen *out)
{
    if (t->of[TRACE_DEVICE]) {
        out->people_of_device = people(&m->device, t->who, now_ms - 30 * DAY, 0, EVERYBODY);
        out->strangers_of_device = people(&m->device, t->who, now_ms - 30 * DAY, 0, STRANGERS) - 1;
        out->signups_device = people(&m->device, t->who, now_ms - DAY, 0, EVERYBODY);
    }
    if (t->of[TRACE_CARD]) {
        out->people_of_card = people(&m->card, t->who, now_ms - 180 * DAY, 0, EVERYBODY);
        out->strangers_of_card = people(&m->card, t->who, now_ms - 180 * DAY, 0, STRANGERS) - 1;
        out->cards_of_person = cards(m, t, now_ms - 7 * DAY);
    }
    if (t->of[TRACE_ADDRESS])
        out->people_of_address = people(&m->address, t->who, now_ms - 90 * DAY, 0, EVERYBODY);
    if (t->of[TRACE_IP]) {
        out->people_of_ip =
            people(&m->network, t->who, now_ms - 3 * DAY, t->of[TRACE_IP], EVERYBODY);
        out->signups_ip = people(&m->network, t->who, now_ms - HOUR, t->of[TRACE_IP], EVERYBODY);
        out->signups_network = people(&m->network, t->who, now_ms - HOUR, 0, EVERYBODY);
    }
    links_count(m, out);
    verdicts_count(&m->verdicts, t, out);
}
