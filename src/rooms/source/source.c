/* rooms/source/source.c - what is loaded, and the answers from it.
 *
 * The loaded files are one block that never changes; loading anew puts another in its place and frees the old one when
 * nobody looks into it any more. Who looks counts himself in one of two counters, as the epoch says. */
#include "messages.h"
#include "rooms/source/inside.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const source_net_codes[SOURCE_NET_N] = {"unknown", "none", "hosting", "vpn", "tor"};
const char *const source_mail_codes[SOURCE_MAIL_N] = {"unknown", "other", "free", "disposable"};
const char *const source_key_codes[SOURCE_KEYS] = {
    "country", "tor", "vpn", "hosting", "disposable", "free", "suffix", "famous", "phone"};
const char *const source_state_codes[SOURCE_STATES] = {"missing", "loaded", "old", "damaged"};

/* Days after which a file tells of another world. */
static const int good_for_days[SOURCE_KEYS] = {365, 30, 180, 365, 365, 1460, 3650, 0, 0};

struct loaded {
    struct image images[SOURCE_KEYS];
    struct image ours[SOURCE_KEYS]; /* built in */
    bool is_damaged[SOURCE_KEYS];
};
struct source {
    _Atomic(struct loaded *) now;
    _Atomic uint64_t epoch;
    _Atomic int64_t inside[2];
    pthread_mutex_t reload; /* one at a time */
    char dir[];             /* DIR/sources */
};

/* ---- loading -------------------------------------------------------------------------------------- */

static void *file_bytes(const char *path, size_t *n, bool *is_there)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    char *bytes = NULL;
    *is_there = fd >= 0 || errno != ENOENT;
    *n = 0;
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
        st.st_size <= (off_t)FILE_MB_MAX << 20) {
        size_t size = (size_t)st.st_size;
        bytes = malloc(size);
        for (ssize_t got = 1; bytes && *n < size && got > 0; *n += got > 0 ? (size_t)got : 0)
            got = read(fd, bytes + *n, size - *n);
    }
    if (fd >= 0)
        close(fd);
    return bytes;
}

static void load_ours(struct loaded *l, enum source_key key)
{
    struct arena *a = arena_open((size_t)4 << 20);
    struct domains d = {0};
    struct cx cx = {.arena = a, .if_match = -1};
    struct place at = {.file = S("built in")};
    size_t n = 0;
    str text = list_built_in(key);
    if (a && domain_list_read(&cx, &at, text, &d) == OK) {
        domains_order(&d);
        struct about about = {.date = list_says(text, S("date")), .records = (int64_t)d.n};
        void *bytes = image_of_domains(key, &about, &d, &n);
        (void)image_open(&l->ours[key], key, bytes, n);
    }
    domains_free(&d);
    arena_close(a);
}

static struct loaded *load(const char *dir)
{
    struct loaded *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    for (int key = 0; key <= SOURCE_SUFFIX; key++) {
        char path[4400];
        size_t n = 0;
        bool is_there = false;
        int len = snprintf(path, sizeof path, "%s/%s", dir, source_key_codes[key]);
        void *bytes = len > 0 && (size_t)len < sizeof path ? file_bytes(path, &n, &is_there) : NULL;
        if (bytes)
            l->is_damaged[key] = !image_open(&l->images[key], (enum source_key)key, bytes, n);
        else
            l->is_damaged[key] = is_there;
        if (l->is_damaged[key])
            log_line(LOG_ERROR, "source.damaged", "source=%s", source_key_codes[key]);
    }
    load_ours(l, SOURCE_FREE);
    load_ours(l, SOURCE_DISPOSABLE);
    return l;
}

static void loaded_free(struct loaded *l)
{
    if (!l)
        return;
    for (int key = 0; key < SOURCE_KEYS; key++) {
        image_close(&l->images[key]);
        image_close(&l->ours[key]);
    }
    free(l);
}

struct source *source_open(str data_dir)
{
    size_t cap = data_dir.len + sizeof "/sources";
    struct source *s = calloc(1, sizeof *s + cap);
    if (!s)
        return NULL;
    snprintf(s->dir, cap, SFMT "/sources", SARG(data_dir));
    pthread_mutex_init(&s->reload, NULL);
    struct loaded *l = load(s->dir);
    if (!l) {
        pthread_mutex_destroy(&s->reload);
        free(s);
        return NULL;
    }
    atomic_store(&s->now, l);
    return s;
}

void source_close(struct source *s)
{
    if (!s)
        return;
    loaded_free(atomic_load(&s->now));
    pthread_mutex_destroy(&s->reload);
    free(s);
}

size_t source_reload(struct source *s)
{
    size_t n = 0;
    if (!s)
        return 0;
    pthread_mutex_lock(&s->reload);
    struct loaded *fresh = load(s->dir);
    if (fresh) {
        for (int key = 0; key < SOURCE_KEYS; key++)
            n += fresh->images[key].is_loaded;
        struct loaded *old = atomic_exchange(&s->now, fresh);
        uint64_t before = atomic_fetch_add(&s->epoch, 1);
        while (atomic_load(&s->inside[before & 1]) != 0)
            usleep(100);
        loaded_free(old);
    }
    pthread_mutex_unlock(&s->reload);
    return n;
}

/* ---- the house's own -------------------------------------------------------------------------------- */

static struct {
    _Atomic(const struct house *) house;
    _Atomic(struct source *) source;
} served;

void source_serve(const struct house *h, struct source *s)
{
    atomic_store(&served.source, s);
    atomic_store(&served.house, s ? h : NULL);
}

struct source *source_of(const struct cx *cx)
{
    return cx->house && atomic_load(&served.house) == cx->house ? atomic_load(&served.source)
                                                                : NULL;
}

/* ---- looking -------------------------------------------------------------------------------------------- */

/* Between the two the block stays. */
static const struct loaded *look_begin(struct source *s, uint64_t *epoch)
{
    if (!s)
        return NULL;
    for (;;) {
        *epoch = atomic_load(&s->epoch);
        atomic_fetch_add(&s->inside[*epoch & 1], 1);
        if (atomic_load(&s->epoch) == *epoch)
            return atomic_load(&s->now);
        atomic_fetch_sub(&s->inside[*epoch & 1], 1);
    }
}

static void look_end(struct source *s, uint64_t epoch)
{
    if (s)
        atomic_fetch_sub(&s->inside[epoch & 1], 1);
}

bool source_ip_country(struct source *s, str ip, char country[static 3])
{
    uint64_t epoch = 0;
    bool is_v4 = false;
    addr a = 0;
    uint16_t n = 0;
    country[0] = '\0';
    if (!s || !addr_read(ip, &is_v4, &a))
        return false;
    const struct loaded *l = look_begin(s, &epoch);
    n = image_range(&l->images[SOURCE_COUNTRY], is_v4, a);
    look_end(s, epoch);
    if (!n)
        return false;
    country[0] = (char)('A' + (n - 1) / 26);
    country[1] = (char)('A' + (n - 1) % 26);
    country[2] = '\0';
    return true;
}

enum says source_ip_is_of(struct source *s, str ip, str country)
{
    char own[3];
    if (country.len != 2 || !source_ip_country(s, ip, own))
        return SAYS_UNKNOWN;
    return str_eq_ascii_nocase(country, (str){own, 2}) ? SAYS_YES : SAYS_NO;
}

/* A list that has nothing of IPv6 says nothing of an address of it. */
static enum says net_says(const struct image *i, bool is_v4, addr a)
{
    if (!i->is_loaded || !(is_v4 ? i->n4 : i->n6))
        return SAYS_UNKNOWN;
    return image_range(i, is_v4, a) ? SAYS_YES : SAYS_NO;
}

struct source_network source_ip_network(struct source *s, str ip)
{
    struct source_network net = {0};
    uint64_t epoch = 0;
    bool is_v4 = false;
    addr a = 0;
    if (!s || !addr_read(ip, &is_v4, &a))
        return net;
    const struct loaded *l = look_begin(s, &epoch);
    net.tor = net_says(&l->images[SOURCE_TOR], is_v4, a);
    net.vpn = net_says(&l->images[SOURCE_VPN], is_v4, a);
    net.hosting = net_says(&l->images[SOURCE_HOSTING], is_v4, a);
    look_end(s, epoch);
    bool is_none = net.tor == SAYS_NO && net.hosting == SAYS_NO && net.vpn != SAYS_YES;
    net.kind = net.tor == SAYS_YES       ? SOURCE_NET_TOR
               : net.vpn == SAYS_YES     ? SOURCE_NET_VPN
               : net.hosting == SAYS_YES ? SOURCE_NET_HOSTING
               : is_none                 ? SOURCE_NET_NONE
                                         : SOURCE_NET_UNKNOWN;
    return net;
}

/* The domain in lower case, in ASCII; false: none. A view of `given`, or of `room`. */
static bool domain_of(str given, char room[static 256], str *out)
{
    const char *at = given.len ? memrchr(given.ptr, '@', given.len) : NULL;
    str d = at ? (str){at + 1, given.len - (size_t)(at + 1 - given.ptr)} : given;
    if (d.len && d.ptr[d.len - 1] == '.')
        d.len--;
    bool is_lower = true;
    if (d.len < 3 || d.len > 253 || !memchr(d.ptr, '.', d.len))
        return false;
    for (size_t i = 0; i < d.len; i++) {
        char c = d.ptr[i];
        bool is_label = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) ||
                        c == '-' || c == '_' || (c == '.' && i && d.ptr[i - 1] != '.');
        if (!is_label)
            return false;
        is_lower = is_lower && !(c >= 'A' && c <= 'Z');
        room[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    *out = is_lower ? d : (str){room, d.len};
    return true;
}

enum source_mail source_domain(struct source *s, str domain)
{
    char room[256];
    uint64_t epoch = 0;
    str d = {0};
    enum source_mail kind = SOURCE_MAIL_OTHER;
    if (!s || !domain_of(domain, room, &d))
        return SOURCE_MAIL_UNKNOWN;
    const struct loaded *l = look_begin(s, &epoch);
    const struct image *suffixes = &l->images[SOURCE_SUFFIX];
    if (image_has_domain(&l->images[SOURCE_DISPOSABLE], d, true, suffixes) ||
        image_has_domain(&l->ours[SOURCE_DISPOSABLE], d, true, suffixes))
        kind = SOURCE_MAIL_DISPOSABLE;
    else if (image_has(&l->images[SOURCE_FREE], d) || image_has(&l->ours[SOURCE_FREE], d))
        kind = SOURCE_MAIL_FREE;
    look_end(s, epoch);
    return kind;
}

bool source_domain_base(struct source *s, str domain, str *base)
{
    char room[256];
    uint64_t epoch = 0;
    str d = {0}, found = {0};
    *base = (str){0};
    if (!s || !domain_of(domain, room, &d))
        return false;
    const struct loaded *l = look_begin(s, &epoch);
    bool is = image_base(&l->images[SOURCE_SUFFIX], d, &found);
    look_end(s, epoch);
    if (!is)
        return false;
    /* The base is the end of the domain: the same end of what was given. */
    str given = domain;
    given.len -= given.ptr[given.len - 1] == '.';
    *base = (str){given.ptr + given.len - found.len, found.len};
    return true;
}

bool source_is_loaded(struct source *s, enum source_key key)
{
    uint64_t epoch = 0;
    const struct loaded *l = look_begin(s, &epoch);
    bool is = key >= SOURCE_FAMOUS || (l && (l->images[key].is_loaded || l->ours[key].is_loaded));
    look_end(s, epoch);
    return is;
}

/* ---- what there is ------------------------------------------------------------------------------------- */

static const struct field row_fields[] = {
    FIELD_ENUM(struct source_row, key, source_key_codes),
    FIELD_ENUM(struct source_row, state, source_state_codes,
               .doc = "missing: what it would tell is unknown"),
    FIELD(struct source_row, title),
    FIELD(struct source_row, date, .doc = "Day of the data; empty: it says none"),
    FIELD(struct source_row, licence),
    FIELD(struct source_row, attribution, .doc = "To be named where the data is used"),
    FIELD(struct source_row, origin, .doc = "Files it was made from, or built in"),
    FIELD(struct source_row, records),
    FIELD(struct source_row, bytes),
    FIELD(struct source_row, why, .omit_empty = true),
};
const struct shape source_row_shape = SHAPE("source_row", struct source_row, row_fields);

static bool is_old(const struct cx *cx, enum source_key key, str date)
{
    when at;
    if (!good_for_days[key] || date.len != 10 ||
        !when_parse(arena_printf(cx->arena, SFMT "T00:00:00Z", SARG(date)), &at))
        return false;
    return cx->now_ms - at.ms > (int64_t)good_for_days[key] * 86400000;
}

static str names_of(struct arena *a, const struct about *about)
{
    struct text t = text_in(a, 4000);
    for (size_t i = 0; i < about->from.n; i++) {
        str path = about->from.items[i];
        const char *slash = path.len ? memrchr(path.ptr, '/', path.len) : NULL;
        if (slash)
            path = (str){slash + 1, path.len - (size_t)(slash + 1 - path.ptr)};
        if (t.len)
            text_add(&t, S(", "));
        text_add(&t, path);
    }
    return text_str(&t);
}

static void row_of(struct cx *cx, const struct image *i, const struct image *ours,
                   struct source_row *r)
{
    const struct image *more = i->is_loaded ? i : ours;
    if (!more->is_loaded)
        return;
    struct arena *a = cx->arena;
    r->date = arena_str(a, more->about.date);
    r->licence = arena_str(a, more->about.licence);
    r->attribution = arena_str(a, more->about.attribution);
    r->records = i->about.records + ours->about.records;
    r->bytes = i->bytes + ours->bytes;
    r->origin = names_of(a, &i->about);
    if (ours->is_loaded)
        r->origin =
            r->origin.len ? arena_printf(a, "built in, " SFMT, SARG(r->origin)) : S("built in");
    r->state = is_old(cx, (enum source_key)r->key, r->date) ? SOURCE_OLD : SOURCE_LOADED;
}

void source_rows(struct source *s, struct cx *cx, struct source_row rows[static SOURCE_ROWS])
{
    static const uint16_t titles[SOURCE_KEYS] = {
        M_SOURCE_COUNTRY, M_SOURCE_TOR,    M_SOURCE_VPN,    M_SOURCE_HOSTING, M_SOURCE_DISPOSABLE,
        M_SOURCE_FREE,    M_SOURCE_SUFFIX, M_SOURCE_FAMOUS, M_SOURCE_PHONE};
    static const struct image none;
    uint64_t epoch = 0;
    const struct loaded *l = look_begin(s, &epoch);
    for (int key = 0; key < SOURCE_KEYS; key++) {
        struct source_row *r = &rows[key];
        *r = (struct source_row){.key = key,
                                 .title = msg_text(cx->arena, cx->lang, titles[key], NULL, 0)};
        row_of(cx, l ? &l->images[key] : &none, l ? &l->ours[key] : &none, r);
        if (l && l->is_damaged[key]) {
            r->state = SOURCE_DAMAGED;
            r->why = msg_text(cx->arena, cx->lang, M_SOURCE_DAMAGED, NULL, 0);
        }
    }
    look_end(s, epoch);
    rows[SOURCE_FAMOUS].state = rows[SOURCE_PHONE].state = SOURCE_LOADED;
    rows[SOURCE_FAMOUS].origin = rows[SOURCE_PHONE].origin = S("built in");
    rows[SOURCE_FAMOUS].records = (int64_t)famous_count();
    rows[SOURCE_FAMOUS].licence = S("AGPL-3.0-or-later");
    rows[SOURCE_PHONE].licence = S("Apache-2.0");
    rows[SOURCE_PHONE].attribution = S("libphonenumber");
    for (int key = SOURCE_DISPOSABLE; key <= SOURCE_FREE; key++)
        if (str_eq(rows[key].origin, S("built in")))
            rows[key].licence = S("AGPL-3.0-or-later");
}

struct sources_out {
    struct list items;
};
static const struct field sources_out_fields[] = {
    FIELD_LIST(struct sources_out, items, &source_row_shape),
};
static const struct shape sources_out_shape =
    SHAPE("sources", struct sources_out, sources_out_fields);

static enum err sources(struct cx *cx, void *in, void *out)
{
    (void)in;
    struct source_row *rows = ARENA_ARRAY(cx->arena, SOURCE_ROWS, struct source_row);
    source_rows(source_of(cx), cx, rows);
    *(struct sources_out *)out = (struct sources_out){{rows, SOURCE_ROWS}};
    return OK;
}

/* clang-format off */
static const struct route routes[] = {
    {.method = HTTP_GET, .path = "/api/v1/sources", .may = MAY_ALL, .without_store = true, .read = sources, .out = &sources_out_shape,
     .summary = "Files that tell of addresses, networks and domains: their date, licence and attribution; what is missing"},
};
/* clang-format on */
const struct room source_room = ROOM("source", routes);
