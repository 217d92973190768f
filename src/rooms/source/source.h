/* rooms/source/source.h - what files on this machine know of addresses, networks and domains.
 *
 * The files lie in DIR/sources/, made by `kith data update` from Debian's packages and from what the administrator
 * names; nothing is asked over the network. Each has its date, licence and attribution. A source that is absent makes
 * its answers unknown, never no.
 * Threads: every function may be called from any thread at any time; look-ups take no lock and no memory, and stay right
 * while the files are loaded anew. `struct source *` may be NULL: everything is unknown.
 */
#pragma once
#include "base/person.h"
#include "net/route.h"

struct source;
/* That of the house which serves; NULL where none is (commands, tests that open none). */
struct source *source_of(const struct cx *cx);

/* The country of an IPv4 or IPv6 address as text (a zone and brackets are passed over); "" and false: unknown. */
bool source_ip_country(struct source *s, str ip, char country[static 3]);
/* Is it of this country (ISO 3166, any case)? */
enum says source_ip_is_of(struct source *s, str ip, str country);

enum source_net { SOURCE_NET_UNKNOWN, SOURCE_NET_NONE, SOURCE_NET_HOSTING, SOURCE_NET_VPN, SOURCE_NET_TOR, SOURCE_NET_N };
extern const char *const source_net_codes[SOURCE_NET_N]; /* "unknown", "none", "hosting", "vpn", "tor" */
struct source_network {
    enum source_net kind; /* the gravest yes; none: the lists of Tor and of hosting are there and both say no */
    enum says tor, vpn, hosting;
};
struct source_network source_ip_network(struct source *s, str ip);

enum source_mail { SOURCE_MAIL_UNKNOWN, SOURCE_MAIL_OTHER, SOURCE_MAIL_FREE, SOURCE_MAIL_DISPOSABLE, SOURCE_MAIL_N };
extern const char *const source_mail_codes[SOURCE_MAIL_N]; /* "unknown", "other", "free", "disposable" */
/* What kind of mail domain: of an address or a domain, as email_read writes it. A domain that stands in both lists is
 * disposable. Unknown: no domain. */
enum source_mail source_domain(struct source *s, str domain);
/* The domain that somebody registered: "mail.example.co.uk" → "example.co.uk", a view of `domain`. False: unknown (no
 * list of public suffixes, or it is one itself). */
bool source_domain_base(struct source *s, str domain, str *base);

/* ---- what there is ------------------------------------------------------------------- */

enum source_key {
    SOURCE_COUNTRY,    /* countries of addresses */
    SOURCE_TOR,        /* networks */
    SOURCE_VPN,
    SOURCE_HOSTING,
    SOURCE_DISPOSABLE, /* domains; ours, and the administrator's */
    SOURCE_FREE,
    SOURCE_SUFFIX,     /* public suffixes */
    SOURCE_FAMOUS,     /* built in */
    SOURCE_PHONE,      /* built in: libphonenumber */
    SOURCE_KEYS
};
extern const char *const source_key_codes[SOURCE_KEYS];
enum source_state { SOURCE_MISSING, SOURCE_LOADED, SOURCE_OLD, SOURCE_DAMAGED, SOURCE_STATES };
extern const char *const source_state_codes[SOURCE_STATES];
struct source_row {
    int key;   /* enum source_key */
    int state; /* enum source_state; old: its date is further back than is good for it */
    str title; /* in the language asked */
    str date;  /* "2026-06-25"; empty: the file says none */
    str licence, attribution;
    str origin; /* file names it was made from, or "built in" */
    int64_t records, bytes;
    str why; /* damaged: what is wrong */
};
extern const struct shape source_row_shape;
enum { SOURCE_ROWS = SOURCE_KEYS };
/* All of them, in the order of the keys. Memory: the arena. */
void source_rows(struct source *s, struct cx *cx, struct source_row rows[static SOURCE_ROWS]);
bool source_is_loaded(struct source *s, enum source_key key);

/* ---- opening (app, tests) -------------------------------------------------------------- */

/* Loads what lies in data_dir/sources; a file that is damaged is left out and told by source_rows. NULL: no memory. */
struct source *source_open(str data_dir);
void source_close(struct source *s); /* accepts NULL */
/* Loads anew; look-ups go on meanwhile. The number of sources that were loaded. */
size_t source_reload(struct source *s);
/* The house serves with this one (NULL: no longer). */
void source_serve(const struct house *h, struct source *s);

/* ---- making (`kith data update`) -------------------------------------------------------- */

struct source_wish {
    str data_dir;
    const str *from; /* files and folders; none: Debian's places, and where each file came from last time */
    size_t n_from;
    str kind;                 /* of all the files named, where names do not tell; empty: told by name and contents */
    str licence, attribution; /* where a file does not say */
};
struct source_made {
    bool is_made[SOURCE_KEYS];
    int64_t records[SOURCE_KEYS];
    struct str_list passed; /* files of a folder that are none of ours */
};
/* Reads, checks, and puts the new files in the place of the old, each at once or not at all. The first file that is not
 * what it should be is refused with its name and line, and nothing is changed. */
enum err source_update(struct cx *cx, const struct source_wish *w, struct source_made *out) MUST_USE;

extern const struct room source_room; /* GET /sources */
