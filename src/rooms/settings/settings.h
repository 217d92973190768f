/* rooms/settings/settings.h - what the company says of itself: name, languages, time zone, base currency, region.
 *
 * Read at every request from a copy in memory (settings_current), written rarely.
 */
#pragma once
#include "db/event.h"
#include "net/route.h"

struct settings {
    str company;
    int lang;             /* enum lang: default language of the interface */
    str time_zone;        /* IANA */
    currency base_currency;
    str region;           /* default region of phone numbers, ISO 3166, "" = none */
    bool has_owner;       /* the first run is over */
    int64_t version;
};
extern const struct shape settings_shape;
/* The settings as of at most a second ago; never fails (defaults before the first run). Memory: cx->arena. */
const struct settings *settings_current(struct cx *cx);
extern const struct room settings_room;
