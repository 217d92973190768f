/* rooms/source/inside.h - what the files of this room share. */
#pragma once
#include "base/name_match.h"
#include "rooms/source/source.h"

typedef unsigned __int128 addr; /* IPv4: the low 32 bits */

enum {
    FILE_MB_MAX = 512,        /* of a file that is read */
    LINE_BYTES_MAX = 4096,
    RANGES_MAX = 8000000,
    DOMAINS_MAX = 2000000,
    FILES_MAX = 200,          /* of one command */
    COUNTRIES = 26 * 26,
};

/* "JP" as a number above 0; 0: none. */
static inline uint16_t country_number(char a, char b)
{
    return (uint16_t)((a - 'A') * 26 + (b - 'A') + 1);
}

/* ---- ranges.c: from texts and trees to sorted ranges --------------------------------------- */

struct range {
    addr from, to;
    uint16_t value; /* country, or 1 */
};
struct ranges {
    struct range *items;
    size_t n, cap;
};
struct made_ranges {
    struct ranges v4, v6;
    bool is_full; /* RANGES_MAX, or no memory */
};
void ranges_free(struct made_ranges *m);
void range_add(struct made_ranges *m, bool is_v4, addr from, addr to, uint16_t value);
/* Sorts and joins. False: two of different value overlap, *at is where. */
bool ranges_order(struct ranges *r, addr *at);
/* An address as text; mapped and NAT64 ones are IPv4. */
bool addr_read(str s, bool *is_v4, addr *out);
bool country_is_known(const char code[static 2]);
str addr_text(struct arena *a, bool is_v4, addr v);

/* Where something is wrong in a file: cx->why names file and line. */
struct place {
    str file; /* its name, without folders */
    int64_t line;
};
/* Tor's geoip and geoip6. */
enum err geoip_read(struct cx *cx, struct place *at, str text, struct made_ranges *out) MUST_USE;
/* Addresses, networks 192.0.2.0/24, from-to; the first word of a line; '#' and ';' begin a comment. Tor's "ExitAddress …" too. */
enum err network_list_read(struct cx *cx, struct place *at, str text, struct made_ranges *out) MUST_USE;

/* ---- mmdb.c ------------------------------------------------------------------------------------ */

struct mmdb_made {
    struct made_ranges country, tor, vpn, hosting;
    str type, description; /* as the file says */
    int64_t built_s;
};
void mmdb_free(struct mmdb_made *m);
enum err mmdb_read(struct cx *cx, struct place *at, str bytes, struct mmdb_made *out) MUST_USE;

/* ---- domains.c ----------------------------------------------------------------------------------- */

struct domains {
    str *items; /* in arenas of their own */
    size_t n, cap;
    struct arena *arena;
    bool is_full;
};
void domains_free(struct domains *d);
/* Domains, parted by blanks, commas, quotes, lines; "*.", "." and "@" before one are passed over. */
enum err domain_list_read(struct cx *cx, struct place *at, str text, struct domains *out) MUST_USE;
/* Public suffixes; the first byte of each item says what it is: '=' a suffix, '*' all below it, '!' not one. */
enum err suffix_list_read(struct cx *cx, struct place *at, str text, struct domains *out) MUST_USE;
void domains_order(struct domains *d);

/* ---- file.c: what lies in DIR/sources -------------------------------------------------------------- */

struct about {
    str date, licence, attribution;
    struct str_list from; /* whole paths */
    int64_t records;
};
struct image {
    bool is_loaded;
    int64_t bytes;
    struct about about;
    /* ranges: value i holds from start i to the next */
    size_t n4, n6;
    const addr *starts6;
    const uint32_t *starts4;
    const uint16_t *values4, *values6;
    /* texts: i stands in bytes at offsets[i] to offsets[i + 1] */
    size_t n_texts;
    const uint32_t *offsets;
    const char *texts;
    /* inside */
    void *memory;
    struct arena *arena;
};
/* The bytes of a file; on the heap, freed by the caller. NULL: no memory. */
void *image_of_ranges(enum source_key key, const struct about *about, const struct made_ranges *m, size_t *n);
void *image_of_domains(enum source_key key, const struct about *about, const struct domains *d, size_t *n);
/* Takes the bytes over, whatever comes of it. False: damaged. */
bool image_open(struct image *i, enum source_key key, void *bytes, size_t n);
void image_close(struct image *i);
uint16_t image_range(const struct image *i, bool is_v4, addr a);
bool image_has(const struct image *i, str text);
bool image_has_kind(const struct image *i, char kind, str text); /* of suffixes */
/* The domain of a list, or one above it. */
bool image_has_domain(const struct image *i, str domain, bool and_above, const struct image *suffixes);
/* The registered domain by a list of suffixes. */
bool image_base(const struct image *suffixes, str domain, str *base);

/* ---- lists.c: ours ---------------------------------------------------------------------------------- */

/* The built-in list of SOURCE_FREE or SOURCE_DISPOSABLE, as it stands in data/. */
str list_built_in(enum source_key key);
/* "date: 2026-11-22" of a comment at the beginning, and its like; empty: none. */
str list_says(str text, str what);
