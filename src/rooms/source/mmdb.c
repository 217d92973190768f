/* rooms/source/mmdb.c - a MaxMind database, read once by libmaxminddb and walked leaf by leaf into ranges.
 *
 * The file may come from anywhere: it is copied into memory that nobody else can cut short, every node is visited at most
 * as often as there are nodes, and what is no tree is refused. The server itself reads only the ranges. */
#include "messages.h"
#include "rooms/source/inside.h"
#include <errno.h>
#include <maxminddb.h>
#include <sys/mman.h>
#include <unistd.h>

enum { KEPT = 8192, FLAG_TOR = 1, FLAG_VPN = 2, FLAG_HOSTING = 4 };

struct leaf {
    uint32_t offset; /* + 1; 0: free */
    uint16_t country;
    uint8_t flags;
};
struct walk {
    MMDB_s db;
    struct mmdb_made *out;
    uint64_t visits, visits_max;
    uint64_t v4_node; /* under ::/96; other ways to it are aliases */
    bool has_v4;
    struct leaf kept[KEPT];
};

void mmdb_free(struct mmdb_made *m)
{
    ranges_free(&m->country);
    ranges_free(&m->tor);
    ranges_free(&m->vpn);
    ranges_free(&m->hosting);
}

static enum err no_database(struct cx *cx, const struct place *at, const char *why)
{
    return fault(cx, ERR_INVALID, M_SOURCE_MMDB, MARG("file", at->file),
                 MARG("why", str_clean(cx->arena, str_of(why), 100)));
}

/* ---- limits: libmaxminddb 1.7 knows none for what a value holds ----------------------------------------------- */

struct bounds {
    str section; /* what pointers are relative to */
    unsigned values;
};
enum { VALUES_MAX = 2000, VALUES_DEEP = 20 };
/* What a value is, by the MaxMind DB file format 2.0. */
enum { IS_EXTENDED = 0, IS_POINTER = 1, IS_MAP = 7, IS_ARRAY = 11, IS_BOOLEAN = 14, IS_FLOAT = 15 };

static bool take(const struct bounds *b, size_t *at, size_t n, size_t *out)
{
    if (*at > b->section.len || n > b->section.len - *at)
        return false;
    for (; n; n--)
        *out = *out << 8 | (uint8_t)b->section.ptr[(*at)++];
    return true;
}

/* False: the value at `at`, with all that it holds or points to, has no end, is too much or too deep. At the end `at` is behind it. */
static bool is_bounded(struct bounds *b, size_t *at, unsigned deep)
{
    static const size_t beyond[] = {0, 2048, 526336, 0}, more[] = {29, 285, 65821};
    size_t control = 0, type, n, rest = 0;
    if (deep > VALUES_DEEP || ++b->values > VALUES_MAX || !take(b, at, 1, &control))
        return false;
    type = control >> 5, n = control & 31;
    if (type == IS_POINTER) {
        size_t size = n >> 3, target = size == 3 ? 0 : n & 7;
        if (!take(b, at, size + 1, &target))
            return false;
        target += beyond[size];
        return is_bounded(b, &target, deep + 1);
    }
    if (type == IS_EXTENDED) {
        if (!take(b, at, 1, &rest))
            return false;
        type = rest + 7, rest = 0;
    }
    if (n >= 29) {
        if (!take(b, at, n - 28, &rest))
            return false;
        n = more[n - 29] + rest;
    }
    size_t inside = type == IS_MAP ? 2 * n : type == IS_ARRAY ? n : 0;
    for (size_t i = 0; i < inside; i++)
        if (!is_bounded(b, at, deep + 1))
            return false;
    if (type == IS_MAP || type == IS_ARRAY || type == IS_BOOLEAN)
        return true;
    bool is = type <= IS_FLOAT && n <= b->section.len - *at;
    *at += is ? n : 0;
    return is;
}

/* ---- what it tells of a network ------------------------------------------------------------------------------- */

/* False: the data cannot be read. */
static bool value_at(MMDB_entry_s *e, MMDB_entry_data_s *d, const char *const *path)
{
    d->has_data = false;
    int status = MMDB_aget_value(e, d, path);
    if (status == MMDB_LOOKUP_PATH_DOES_NOT_MATCH_DATA_ERROR ||
        status == MMDB_INVALID_LOOKUP_PATH_ERROR) {
        d->has_data = false;
        return true;
    }
    return status == MMDB_SUCCESS;
}

static bool country_of(MMDB_entry_s *e, uint16_t *country)
{
    static const char *const paths[][3] = {
        {"country", "iso_code"}, {"registered_country", "iso_code"}, {"country_code"}, {"country"}};
    *country = 0;
    for (size_t i = 0; i < COUNT(paths) && !*country; i++) {
        MMDB_entry_data_s d;
        if (!value_at(e, &d, paths[i]))
            return false;
        if (d.has_data && d.type == MMDB_DATA_TYPE_UTF8_STRING && d.data_size == 2 &&
            country_is_known(d.utf8_string))
            *country = country_number(d.utf8_string[0], d.utf8_string[1]);
    }
    return true;
}

static bool flags_of(MMDB_entry_s *e, uint8_t *flags)
{
    static const struct {
        const char *path[3];
        uint8_t flag;
    } rows[] = {
        {{"is_tor_exit_node"}, FLAG_TOR},
        {{"traits", "is_tor_exit_node"}, FLAG_TOR},
        {{"tor"}, FLAG_TOR},
        {{"is_anonymous_vpn"}, FLAG_VPN},
        {{"traits", "is_anonymous_vpn"}, FLAG_VPN},
        {{"vpn"}, FLAG_VPN},
        {{"is_hosting_provider"}, FLAG_HOSTING},
        {{"traits", "is_hosting_provider"}, FLAG_HOSTING},
        {{"hosting"}, FLAG_HOSTING},
    };
    *flags = 0;
    for (size_t i = 0; i < COUNT(rows); i++) {
        MMDB_entry_data_s d;
        if (!value_at(e, &d, rows[i].path))
            return false;
        bool is = d.has_data && ((d.type == MMDB_DATA_TYPE_BOOLEAN && d.boolean) ||
                                 (d.type == MMDB_DATA_TYPE_UTF8_STRING && d.data_size == 4 &&
                                  memcmp(d.utf8_string, "true", 4) == 0));
        if (is)
            *flags |= rows[i].flag;
    }
    return true;
}

static bool leaf_of(struct walk *w, MMDB_entry_s *e, struct leaf *out)
{
    struct leaf *kept = &w->kept[e->offset % KEPT];
    if (kept->offset != e->offset + 1) {
        struct leaf l = {.offset = e->offset + 1};
        struct bounds b = {.section = {(const char *)w->db.data_section, w->db.data_section_size}};
        size_t at = e->offset;
        if (!is_bounded(&b, &at, 0) || !country_of(e, &l.country) || !flags_of(e, &l.flags))
            return false;
        *kept = l;
    }
    *out = *kept;
    return true;
}

static void add_leaf(struct walk *w, bool is_v4, addr from, addr to, const struct leaf *l)
{
    if (l->country)
        range_add(&w->out->country, is_v4, from, to, l->country);
    if (l->flags & FLAG_TOR)
        range_add(&w->out->tor, is_v4, from, to, 1);
    if (l->flags & FLAG_VPN)
        range_add(&w->out->vpn, is_v4, from, to, 1);
    if (l->flags & FLAG_HOSTING)
        range_add(&w->out->hosting, is_v4, from, to, 1);
}

/* `prefix` has `depth` bits; in a database of IPv4 the width is 32. */
static const char *walk(struct walk *w, uint64_t node, addr prefix, unsigned depth)
{
    unsigned width = w->db.metadata.ip_version == 4 ? 32 : 128;
    MMDB_search_node_s n;
    if (depth >= width || ++w->visits > w->visits_max)
        return "its search tree is no tree";
    if (node >= w->db.metadata.node_count ||
        MMDB_read_node(&w->db, (uint32_t)node, &n) != MMDB_SUCCESS)
        return "a node lies outside of it";
    for (unsigned bit = 0; bit < 2; bit++) {
        uint64_t record = bit ? n.right_record : n.left_record;
        uint8_t type = bit ? n.right_record_type : n.left_record_type;
        MMDB_entry_s e = bit ? n.right_record_entry : n.left_record_entry;
        addr next = prefix << 1 | bit;
        unsigned left = width - depth - 1;
        if (type == MMDB_RECORD_TYPE_EMPTY)
            continue;
        if (type == MMDB_RECORD_TYPE_SEARCH_NODE) {
            bool is_alias =
                width == 128 && w->has_v4 && record == w->v4_node && !(depth == 95 && next == 0);
            const char *why = is_alias ? NULL : walk(w, record, next, depth + 1);
            if (why)
                return why;
            continue;
        }
        struct leaf l;
        if (type != MMDB_RECORD_TYPE_DATA || !leaf_of(w, &e, &l))
            return "its data cannot be read";
        addr from = left == 128 ? 0 : next << left, to = from | (((addr)1 << left) - 1);
        bool is_v4 = width == 32 || (depth >= 95 && from <= UINT32_MAX);
        add_leaf(w, is_v4, from, to, &l);
    }
    return NULL;
}

/* Where ::/96 begins. */
static void v4_find(struct walk *w)
{
    uint64_t node = 0;
    for (unsigned depth = 0; depth < 96; depth++) {
        MMDB_search_node_s n;
        if (node >= w->db.metadata.node_count ||
            MMDB_read_node(&w->db, (uint32_t)node, &n) != MMDB_SUCCESS ||
            n.left_record_type != MMDB_RECORD_TYPE_SEARCH_NODE)
            return;
        node = n.left_record;
    }
    w->v4_node = node;
    w->has_v4 = true;
}

/* The metadata behind the last marker in the file's end, where the library looks for it; empty: there is none. */
static str metadata_of(str bytes)
{
    enum { METADATA_MAX = 128 * 1024 };
    const str marker = S("\xAB\xCD\xEFMaxMind.com");
    size_t from = bytes.len > METADATA_MAX ? bytes.len - METADATA_MAX : 0;
    str rest = {bytes.ptr + from, bytes.len - from}, found = {0};
    for (ptrdiff_t at; (at = str_find(rest, marker)) >= 0; found = rest) {
        size_t past = (size_t)at + marker.len;
        rest = (str){rest.ptr + past, rest.len - past};
    }
    return found;
}

/* What MMDB_open() of 1.7 does not ask and must not meet: metadata that unfolds without end, and more nodes than the file has, which
 * it multiplies in 32 bits and then reads from wherever that ends. NULL: it may be opened; what else is wrong it says itself. */
static const char *not_to_open(str bytes)
{
    struct bounds b = {.section = metadata_of(bytes)};
    size_t at = 0;
    if (b.section.len == 0)
        return NULL;
    if (!is_bounded(&b, &at, 0))
        return "its metadata cannot be read";
    MMDB_s db = {.data_section = (const uint8_t *)b.section.ptr,
                 .data_section_size = (uint32_t)b.section.len};
    MMDB_entry_s start = {.mmdb = &db};
    MMDB_entry_data_s nodes, bits;
    bool is = value_at(&start, &nodes, (const char *const[]){"node_count", NULL}) &&
              value_at(&start, &bits, (const char *const[]){"record_size", NULL}) &&
              nodes.has_data && nodes.type == MMDB_DATA_TYPE_UINT32 && bits.has_data &&
              bits.type == MMDB_DATA_TYPE_UINT16;
    uint64_t before = (uint64_t)(b.section.ptr - bytes.ptr);
    if (is && (uint64_t)nodes.uint32 * (bits.uint16 / 4U) + 16 > before)
        return "its search tree is longer than the file";
    return NULL;
}

static enum err database_read(struct cx *cx, const struct place *at, const char *path,
                              struct mmdb_made *out)
{
    struct walk *w = calloc(1, sizeof *w);
    if (!w)
        return fault(cx, ERR_INTERNAL, M_GATE_MEMORY);
    w->out = out;
    int status = MMDB_open(path, MMDB_MODE_MMAP, &w->db);
    const char *why = status == MMDB_SUCCESS ? NULL : MMDB_strerror(status);
    if (!why) {
        const MMDB_metadata_s *m = &w->db.metadata;
        out->type = str_clean(cx->arena, str_of(m->database_type ? m->database_type : ""), 100);
        out->built_s = m->build_epoch < INT64_MAX ? (int64_t)m->build_epoch : 0;
        for (size_t i = 0; i < m->description.count; i++)
            if (i == 0 || strcmp(m->description.descriptions[i]->language, "en") == 0)
                out->description =
                    str_clean(cx->arena, str_of(m->description.descriptions[i]->description), 200);
        w->visits_max = (uint64_t)m->node_count + 1;
        if (m->ip_version != 4 && m->ip_version != 6)
            why = "it is neither of IPv4 nor of IPv6";
        if (!why && m->ip_version == 6)
            v4_find(w);
        if (!why)
            why = walk(w, 0, 0, 0);
        MMDB_close(&w->db);
    }
    enum err e = why ? no_database(cx, at, why) : OK;
    free(w);
    return e;
}

enum err mmdb_read(struct cx *cx, struct place *at, str bytes, struct mmdb_made *out)
{
    char path[64];
    *out = (struct mmdb_made){0};
    const char *why = not_to_open(bytes);
    if (why)
        return no_database(cx, at, why);
    int fd = memfd_create("kith-mmdb", MFD_CLOEXEC);
    bool is_there = fd >= 0;
    for (str rest = bytes; is_there && rest.len;) {
        ssize_t n = write(fd, rest.ptr, rest.len);
        is_there = n > 0 || (n < 0 && errno == EINTR);
        if (n > 0)
            rest = (str){rest.ptr + n, rest.len - (size_t)n};
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    enum err e =
        is_there ? database_read(cx, at, path, out) : fault(cx, ERR_INTERNAL, M_GATE_MEMORY);
    if (fd >= 0)
        close(fd);
    bool is_full =
        out->country.is_full || out->tor.is_full || out->vpn.is_full || out->hosting.is_full;
    if (e == OK && is_full)
        e = fault(cx, ERR_TOO_BIG, M_SOURCE_MANY, MARG("file", at->file));
    bool has_any = out->country.v4.n + out->country.v6.n + out->tor.v4.n + out->tor.v6.n +
                       out->vpn.v4.n + out->vpn.v6.n + out->hosting.v4.n + out->hosting.v6.n >
                   0;
    if (e == OK && !has_any)
        e = no_database(cx, at, "it tells neither countries nor Tor, VPN or hosting");
    if (e != OK)
        mmdb_free(out);
    return e;
}
