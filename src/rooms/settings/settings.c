/* rooms/settings/settings.c - what the company says of itself. */
#include "base/lately.h"
#include "rooms/settings/settings.h"
#include "messages.h"
#include "queries.h"
#include <math.h>
#include <pthread.h>

struct setting_row {
    str name, value;
};
static const struct field setting_row_fields[] = {
    FIELD(struct setting_row, name),
    FIELD(struct setting_row, value),
};
static const struct shape setting_row_shape =
    SHAPE("setting_row", struct setting_row, setting_row_fields);

struct settings_out {
    str company;
    int lang;
    str time_zone, base_currency, region;
    int64_t activity_new_days, activity_active_days, activity_cooling_days, activity_idle_days;
    int64_t vip_amount;
    double vip_share;
    int64_t old_after_days;
    int64_t views_alert;
    int64_t version;
};
static const struct field settings_fields[] = {
    FIELD(struct settings_out, company, .doc = "Name of the company, as customers know it"),
    FIELD_ENUM(struct settings_out, lang, lang_codes,
               .doc = "Language of the interface for people who chose none"),
    FIELD(struct settings_out, time_zone, .doc = "IANA name; days of business begin and end by it"),
    FIELD(struct settings_out, base_currency,
          .doc = "ISO 4217; what customers spent is counted in it"),
    FIELD(struct settings_out, region,
          .doc = "ISO 3166; telephone numbers without a country code belong to it"),
    FIELD(struct settings_out, activity_new_days, .doc = "New for so long after the first contact"),
    FIELD(struct settings_out, activity_active_days,
          .doc = "Active for so long after the last order or contact"),
    FIELD(struct settings_out, activity_cooling_days, .doc = "Then cooling until so long after it"),
    FIELD(struct settings_out, activity_idle_days,
          .doc = "Then idle until so long after it, then lost"),
    FIELD(struct settings_out, vip_amount,
          .doc = "Spent in 12 months that makes a VIP, minor units of the base currency; 0: none"),
    FIELD(struct settings_out, vip_share,
          .doc = "So many percent of the buyers of 12 months, the best, are VIP; 0: none"),
    FIELD(struct settings_out, old_after_days,
          .doc = "A name, contact or address not confirmed for so long asks to be; 0: never"),
    FIELD(struct settings_out, views_alert,
          .doc = "Who sees more records on a day is told to the audit and the log; 0: nobody"),
    FIELD(struct settings_out, version),
};
static const struct shape settings_shape = SHAPE("settings", struct settings_out, settings_fields);

/* ---- reading ----------------------------------------------------------------------------- */

static void take_row(struct settings *s, str name, str value)
{
    int64_t n = 0;
    if (str_eq(name, S("company")))
        s->company = value;
    else if (str_eq(name, S("lang")))
        s->lang = (int)lang_pick(value, LANG_EN);
    else if (str_eq(name, S("time_zone")))
        s->time_zone = value;
    else if (str_eq(name, S("base_currency")))
        (void)!currency_parse(value, &s->base_currency);
    else if (str_eq(name, S("region")))
        s->region = value;
    else if (str_eq(name, S("has_owner")))
        s->has_owner = str_eq(value, S("1"));
    else if (str_eq(name, S("sending_held")))
        s->sending_held = value;
    else if (str_eq(name, S("is_demo")))
        s->is_demo = str_eq(value, S("1"));
    else if (!str_to_int(value, &n) || n < 0)
        return;
    else if (str_eq(name, S("old_after_days")))
        s->old_after_days = n;
    else if (str_eq(name, S("views_alert")))
        s->views_alert = n;
    else if (str_eq(name, S("version")))
        s->version = n;
    else if (str_eq(name, S("activity_new_days")))
        s->activity_days[0] = n;
    else if (str_eq(name, S("activity_active_days")))
        s->activity_days[1] = n;
    else if (str_eq(name, S("activity_cooling_days")))
        s->activity_days[2] = n;
    else if (str_eq(name, S("activity_idle_days")))
        s->activity_days[3] = n;
    else if (str_eq(name, S("vip_amount")))
        s->vip_minor = n;
    else if (str_eq(name, S("vip_share")))
        s->vip_share = n;
    else if (str_eq(name, S("vip_share_minor")))
        s->vip_share_minor = n;
}

static enum err load(struct cx *cx, struct settings *out)
{
    *out = (struct settings)SETTINGS_DEFAULTS;
    struct list rows = {0};
    TRY(db_all(cx, &q_setting_all, &setting_row_shape, &rows, NO_ARGS));
    const struct setting_row *r = rows.items;
    for (size_t i = 0; i < rows.n; i++)
        take_row(out, r[i].name, r[i].value);
    return OK;
}

/* One copy for the house that asked last; a process has one, tests may have several one after
 * another. */
static struct {
    pthread_mutex_t lock;
    const struct house *house;
    struct lately age;
    struct settings s;
    char company[1024], time_zone[128], region[8], held[16];
} copy = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool copied(str from, char *to, size_t size, str *out)
{
    if (from.len >= size)
        return false;
    if (from.len)
        memcpy(to, from.ptr, from.len);
    *out = (str){to, from.len};
    return true;
}

static void copy_keep(const struct house *h, const struct settings *s)
{
    struct settings mine = *s;
    if (!copied(s->company, copy.company, sizeof copy.company, &mine.company) ||
        !copied(s->time_zone, copy.time_zone, sizeof copy.time_zone, &mine.time_zone) ||
        !copied(s->region, copy.region, sizeof copy.region, &mine.region) ||
        !copied(s->sending_held, copy.held, sizeof copy.held, &mine.sending_held))
        return;
    if (!lately_keep(&copy.age))
        return;
    copy.house = h;
    copy.s = mine;
}

const struct settings *settings_current(struct cx *cx)
{
    struct settings *out = ARENA_NEW(cx->arena, struct settings);
    pthread_mutex_lock(&copy.lock);
    bool is_good = cx->house && copy.house == cx->house && lately_is_good(&copy.age);
    if (is_good) {
        *out = copy.s;
        out->company = arena_str(cx->arena, out->company);
        out->time_zone = arena_str(cx->arena, out->time_zone);
        out->region = arena_str(cx->arena, out->region);
        out->sending_held = arena_str(cx->arena, out->sending_held);
    }
    pthread_mutex_unlock(&copy.lock);
    if (is_good)
        return out;
    struct fault before = cx->why;
    bool is_read = cx->db && load(cx, out) == OK;
    cx->why = before;
    if (!is_read)
        *out = (struct settings)SETTINGS_DEFAULTS;
    if (is_read && cx->house) {
        pthread_mutex_lock(&copy.lock);
        copy_keep(cx->house, out);
        pthread_mutex_unlock(&copy.lock);
    }
    return out;
}

struct expr_world settings_world(struct cx *cx)
{
    const struct settings *s = settings_current(cx);
    return (struct expr_world){&house_catalogue, cx->now_ms, s->time_zone, s->base_currency};
}

/* ---- writing ----------------------------------------------------------------------------- */

static void copy_drop(void)
{
    pthread_mutex_lock(&copy.lock);
    lately_drop(&copy.age);
    pthread_mutex_unlock(&copy.lock);
}

static enum err region_check(struct cx *cx, str region)
{
    bool is_code = region.len == 0 || region.len == 2;
    for (size_t i = 0; i < region.len; i++)
        is_code = is_code && region.ptr[i] >= 'A' && region.ptr[i] <= 'Z';
    return is_code ? OK : fault_field(cx, ERR_INVALID, S("region"), M_SETTINGS_REGION);
}

/* Days grow from active to idle; new stands by itself. */
static enum err standing_check(struct cx *cx, const struct settings_in *in, uint64_t which)
{
    static const char *const names[] = {"activity_new_days", "activity_active_days",
                                        "activity_cooling_days", "activity_idle_days"};
    enum { DAYS_MAX = 3650, SHARE_MAX = 10 };
    struct settings now = {0};
    TRY(load(cx, &now));
    const int64_t given[] = {in->activity_new_days, in->activity_active_days,
                             in->activity_cooling_days, in->activity_idle_days};
    int64_t days[4];
    for (size_t i = 0; i < COUNT(days); i++) {
        bool is_given = which >> (SETTINGS_ACTIVITY_NEW + i) & 1;
        days[i] = is_given ? given[i] : now.activity_days[i];
        if (days[i] < 1 || days[i] > DAYS_MAX)
            return fault_field(cx, ERR_INVALID, str_of(names[i]), M_SETTINGS_DAYS);
    }
    for (size_t i = 2; i < COUNT(days); i++)
        if (days[i] <= days[i - 1]) {
            size_t at = which >> (SETTINGS_ACTIVITY_NEW + i) & 1 ? i : i - 1;
            return fault_field(cx, ERR_INVALID, str_of(names[at]), M_SETTINGS_DAYS_ORDER);
        }
    if (which >> SETTINGS_VIP_AMOUNT & 1 && in->vip_amount < 0)
        return fault_field(cx, ERR_INVALID, S("vip_amount"), M_SETTINGS_VIP_AMOUNT);
    double hundredths = in->vip_share * 100;
    if (which >> SETTINGS_VIP_SHARE & 1 && !(in->vip_share >= 0 && in->vip_share <= SHARE_MAX &&
                                             fabs(hundredths - round(hundredths)) < 1e-6))
        return fault_field(cx, ERR_INVALID, S("vip_share"), M_SETTINGS_VIP_SHARE);
    return OK;
}

enum err settings_check(struct cx *cx, struct settings_in *in, uint64_t which)
{
    currency c;
    if (which & 1u << SETTINGS_COMPANY && str_trim(in->company).len == 0)
        return fault_field(cx, ERR_INVALID, S("company"), M_SETTINGS_COMPANY);
    if (which & 1u << SETTINGS_TIME_ZONE && !zone_is_known(in->time_zone))
        return fault_field(cx, ERR_INVALID, S("time_zone"), M_SETTINGS_TIME_ZONE);
    if (which & 1u << SETTINGS_BASE_CURRENCY && !currency_parse(in->base_currency, &c))
        return fault_field(cx, ERR_INVALID, S("base_currency"), M_SETTINGS_CURRENCY);
    if (which & 1u << SETTINGS_REGION)
        TRY(region_check(cx, in->region));
    return standing_check(cx, in, which);
}

enum err settings_set(struct cx *cx, const char *name, str value)
{
    return db_run(cx, &q_setting_set,
                  ARGS(V(name), V(value), V(cx->now_ms),
                       cx->actor.kind == ACTOR_STAFF ? V(cx->actor.id) : VNULL));
}

enum err settings_get(struct cx *cx, const char *name, str *value)
{
    struct setting_row row = {0};
    *value = (str){0};
    enum err e = db_one(cx, &q_setting_get, &setting_row_shape, &row, ARGS(V(name)));
    if (e == ERR_NOT_FOUND)
        return OK;
    TRY(e);
    *value = row.value;
    return OK;
}

/* Money was counted in the old one: nothing would be true any more. */
static enum err currency_may_change(struct cx *cx, str wanted, currency now)
{
    int64_t one = 0;
    if (str_eq(wanted, str_of(now.code)))
        return OK;
    enum err e = db_int(cx, &q_setting_has_orders, &one, NO_ARGS);
    if (e == ERR_NOT_FOUND)
        return OK;
    TRY(e);
    return fault_field(cx, ERR_CONFLICT, S("base_currency"), M_SETTINGS_CURRENCY_FIXED);
}

static str number(struct cx *cx, int64_t n)
{
    return arena_printf(cx->arena, "%lld", (long long)n);
}

enum err settings_put(struct cx *cx, const struct settings_in *in, uint64_t which)
{
    static const char *const names[SETTINGS_N] = {"company",
                                                  "lang",
                                                  "time_zone",
                                                  "base_currency",
                                                  "region",
                                                  "activity_new_days",
                                                  "activity_active_days",
                                                  "activity_cooling_days",
                                                  "activity_idle_days",
                                                  "vip_amount",
                                                  "vip_share",
                                                  "old_after_days",
                                                  "views_alert"};
    struct settings now = {0};
    TRY(load(cx, &now));
    if (cx->if_match >= 0 && cx->if_match != now.version)
        return ERR_STALE;
    if (which & 1u << SETTINGS_BASE_CURRENCY)
        TRY(currency_may_change(cx, in->base_currency, now.base_currency));
    const str values[SETTINGS_N] = {str_trim(in->company),
                                    str_of(lang_codes[in->lang]),
                                    in->time_zone,
                                    in->base_currency,
                                    in->region,
                                    number(cx, in->activity_new_days),
                                    number(cx, in->activity_active_days),
                                    number(cx, in->activity_cooling_days),
                                    number(cx, in->activity_idle_days),
                                    number(cx, in->vip_amount),
                                    number(cx, llround(in->vip_share * 100)),
                                    number(cx, in->old_after_days),
                                    number(cx, in->views_alert)};
    struct text changed = text_in(cx->arena, 400);
    for (int i = 0; i < SETTINGS_N; i++) {
        if (!(which & 1u << i))
            continue;
        TRY(settings_set(cx, names[i], values[i]));
        text_printf(&changed, "%s%s", changed.len ? " " : "", names[i]);
    }
    TRY(settings_set(cx, "version", arena_printf(cx->arena, "%lld", (long long)now.version + 1)));
    TRY(audit_add(cx, "settings.change", 0, 0, text_str(&changed)));
    TRY(event_add(cx, EVENT_SETTINGS_CHANGED, 0, 0, (str){0}));
    copy_drop();
    return OK;
}

/* ---- sending is held ---------------------------------------------------------------------- */

enum err sending_is_held(struct cx *cx, bool *is_held)
{
    str why = {0};
    *is_held = true; /* who cannot ask does not send */
    TRY(settings_get(cx, "sending_held", &why));
    *is_held = why.len > 0;
    return OK;
}

static enum err held_set(struct cx *cx, const char *why)
{
    TRY(settings_set(cx, "sending_held", str_of(why)));
    TRY(audit_add(cx, *why ? "sending.hold" : "sending.release", 0, 0, str_of(why)));
    TRY(event_add(cx, EVENT_SETTINGS_CHANGED, 0, 0, (str){0}));
    copy_drop();
    return OK;
}

enum err sending_hold(struct cx *cx, const char *why)
{
    return held_set(cx, why);
}

enum err sending_release(struct cx *cx)
{
    return held_set(cx, "");
}

static enum err release(struct cx *cx, void *in, void *out)
{
    (void)in;
    (void)out;
    return sending_release(cx);
}

/* ---- routes ------------------------------------------------------------------------------ */

static enum err get(struct cx *cx, void *in, void *out)
{
    (void)in;
    struct settings s = {0};
    TRY(load(cx, &s));
    *(struct settings_out *)out =
        (struct settings_out){.company = s.company,
                              .lang = s.lang,
                              .time_zone = s.time_zone,
                              .base_currency = arena_str(cx->arena, str_of(s.base_currency.code)),
                              .region = s.region,
                              .activity_new_days = s.activity_days[0],
                              .activity_active_days = s.activity_days[1],
                              .activity_cooling_days = s.activity_days[2],
                              .activity_idle_days = s.activity_days[3],
                              .vip_amount = s.vip_minor,
                              .vip_share = (double)s.vip_share / 100,
                              .old_after_days = s.old_after_days,
                              .views_alert = s.views_alert,
                              .version = s.version};
    return OK;
}

static const struct field settings_in_fields[] = {
    FIELD(struct settings_in, company),
    FIELD_ENUM(struct settings_in, lang, lang_codes),
    FIELD(struct settings_in, time_zone, .max_len = 60),
    FIELD(struct settings_in, base_currency, .max_len = 3),
    FIELD(struct settings_in, region, .max_len = 2),
    FIELD(struct settings_in, activity_new_days),
    FIELD(struct settings_in, activity_active_days),
    FIELD(struct settings_in, activity_cooling_days),
    FIELD(struct settings_in, activity_idle_days),
    FIELD(struct settings_in, vip_amount),
    FIELD(struct settings_in, vip_share),
    FIELD(struct settings_in, old_after_days, .min = 0, .max = 36500),
    FIELD(struct settings_in, views_alert, .min = 0, .max = 1000000),
};
static const struct shape settings_in_shape =
    SHAPE("settings_in", struct settings_in, settings_in_fields);

static enum err change_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    return settings_check(cx, in, cx->sent);
}

static enum err change(struct cx *cx, void *in, void *out)
{
    TRY(settings_put(cx, in, cx->sent));
    return get(cx, NULL, out);
}

struct state {
    bool has_owner;
    str company;
    int lang;
    struct str_list languages;
    str version;
    bool is_demo;
};
static const struct field state_fields[] = {
    FIELD(struct state, has_owner, .doc = "false: the first run is still to come"),
    FIELD(struct state, company),
    FIELD_ENUM(struct state, lang, lang_codes),
    FIELD(struct state, languages),
    FIELD(struct state, version, .doc = "Version of the program"),
    FIELD(struct state, is_demo),
};
static const struct shape state_shape = SHAPE("state", struct state, state_fields);

/* What the log-in page needs to know of the house before anybody is known. */
static enum err state(struct cx *cx, void *in, void *out)
{
    (void)in;
    struct state *s = out;
    struct settings now = {0};
    TRY(load(cx, &now));
    str *langs = ARENA_ARRAY(cx->arena, LANG_N, str);
    for (int i = 0; i < LANG_N; i++)
        langs[i] = str_of(lang_codes[i]);
    *s = (struct state){now.has_owner,   now.company,     now.lang,
                        {langs, LANG_N}, S(KITH_VERSION), now.is_demo};
    return OK;
}

/* clang-format off */
static const struct route routes[] = {
    {.method = HTTP_GET, .path = "/api/v1/state", .is_public = true, .read = state, .out = &state_shape,
     .summary = "What may be known before log-in"},
    {.method = HTTP_GET, .path = "/api/v1/settings", .may = MAY_ALL, .read = get, .out = &settings_shape,
     .summary = "What the company says of itself"},
    {.method = HTTP_PATCH, .path = "/api/v1/settings", .may = MAY_ADMIN, .scope = 1u << SCOPE_ADMIN_BIT, .plan = change_plan,
     .apply = change, .in = &settings_in_shape, .out = &settings_shape, .summary = "Change it"},
    {.method = HTTP_POST, .path = "/api/v1/sending/release", .may = MAY_ADMIN, .scope = 1u << SCOPE_ADMIN_BIT, .apply = release,
     .summary = "Let a restored or copied installation send again"},
};
/* clang-format on */
const struct room settings_room = ROOM("settings", routes);
