/* rooms/settings/settings.h - what the company says of itself: name, languages, time zone, base
 * currency, region.
 *
 * Read at every request from a copy in memory (settings_current), written rarely.
 */
#pragma once
#include "db/event.h"
#include "expr/expr.h"
#include "net/route.h"

struct settings {
    str company;
    int lang;      /* enum lang: default language of the interface */
    str time_zone; /* IANA */
    currency base_currency;
    str region;     /* default region of phone numbers, ISO 3166, "" = none */
    bool has_owner; /* the first run is over */
    bool is_demo;
    int64_t activity_days[4]; /* new, active, cooling, idle: for so long; lost beyond */
    int64_t vip_minor;        /* spent in 365 days that makes a VIP, in the base currency; 0: none */
    int64_t vip_share;        /* so many hundredths of a percent of the buyers, the best; 0: none */
    int64_t vip_share_minor;  /* where that share begins, as last counted; 0: not yet */
    str sending_held;         /* why nothing is sent: "restored", "copied"; "": it is */
    int64_t old_after_days;   /* a field that was not confirmed for so long asks to be; 0: never */
    int64_t views_alert;      /* who sees more records on a day is told to the audit; 0: nobody */
    int64_t version;
};
#define SETTINGS_DEFAULTS                                                                         \
    {                                                                                             \
        .time_zone = S("UTC"), .base_currency = {"EUR"}, .activity_days = {30, 30, 90, 365}, .old_after_days = 365,      \
        .views_alert = 300,                                                                       \
        .version = 1                                                                              \
    }
/* The settings as of at most a second ago; never fails (defaults before the first run). Memory:
 * cx->arena. */
const struct settings *settings_current(struct cx *cx);

/* What a person may say of the house; checked by settings_check, written inside apply by
 * settings_put. */
struct settings_in {
    str company;
    int lang;
    str time_zone, base_currency, region;
    int64_t activity_new_days, activity_active_days, activity_cooling_days, activity_idle_days;
    int64_t vip_amount; /* minor units; 0: none */
    double vip_share;   /* percent, two decimals; 0: none */
    int64_t old_after_days;
    int64_t views_alert;
};
/* Only the members whose bit stands in `which` (1 << SETTINGS_COMPANY …) are looked at. */
enum {
    SETTINGS_COMPANY,
    SETTINGS_LANG,
    SETTINGS_TIME_ZONE,
    SETTINGS_BASE_CURRENCY,
    SETTINGS_REGION,
    SETTINGS_ACTIVITY_NEW,
    SETTINGS_ACTIVITY_ACTIVE,
    SETTINGS_ACTIVITY_COOLING,
    SETTINGS_ACTIVITY_IDLE,
    SETTINGS_VIP_AMOUNT,
    SETTINGS_VIP_SHARE,
    SETTINGS_OLD_AFTER,
    SETTINGS_VIEWS_ALERT,
    SETTINGS_N,
    SETTINGS_HOUSE = (1 << SETTINGS_ACTIVITY_NEW) - 1 /* the bits of what the first run asks */
};
enum err settings_check(struct cx *cx, struct settings_in *in, uint64_t which) MUST_USE;
/* Inside apply; counts the version up, records audit and event. */
enum err settings_put(struct cx *cx, const struct settings_in *in, uint64_t which) MUST_USE;
/* Inside apply: one row that is not for people ("has_owner", "is_demo"). */
enum err settings_set(struct cx *cx, const char *name, str value) MUST_USE;
/* Such a row; empty when there is none. */
enum err settings_get(struct cx *cx, const char *name, str *value) MUST_USE;
/* May anything leave the house: mail, messages, hooks, calls that it dials? Not while this is a restored or copied store, in
 * which what was sent already may wait once more. Whatever sends asks here each time, before it sends; read from the store,
 * not from the copy in memory. */
enum err sending_is_held(struct cx *cx, bool *is_held) MUST_USE;
/* Inside apply: from here on nothing is sent; why: "restored", "copied". And again it is, as a person said. */
enum err sending_hold(struct cx *cx, const char *why) MUST_USE;
enum err sending_release(struct cx *cx) MUST_USE;
/* What a condition stands on now: the house's attributes, the time, its zone, its currency. Memory: cx->arena. */
struct expr_world settings_world(struct cx *cx);
extern const struct room settings_room;
