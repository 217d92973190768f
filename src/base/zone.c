/* base/zone.c - days in a time zone, by the system's zone files (TZif, RFC 8536).
 *
 * A zone is read once and kept for the life of the process; there are some 600 at most. */
#include "base/inside.h"
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

static const char ZONE_DIR[] = "/usr/share/zoneinfo/";
enum { NAME_CHARS = 64, FILE_BYTES = 128 << 10, TIMES_MAX = 4000, TYPES_MAX = 256 };
static const int64_t DAY_S = 86400, DAY_MS = 86400000;

/* A day of the year as POSIX writes it, and the local second of that day. */
struct turn {
    enum { BY_MONTH, BY_DAY, BY_DAY_NO_LEAP } kind;
    int month, week, day;
    int32_t second;
};

struct zone {
    char name[NAME_CHARS];
    struct zone *next;
    /* offsets[i] holds from at[i] on; before at[0] it is `first`. */
    int64_t *at;
    int32_t *offsets;
    size_t n;
    int32_t first;
    /* Behind the last of them. */
    bool has_rule, has_summer;
    int32_t standard, summer;
    struct turn begins, ends;
};

/* ---- the rule in the file's last line: EST5EDT,M3.2.0,M11.1.0 ----------------------- */

static bool cut_char(str *s, char c)
{
    if (s->len == 0 || s->ptr[0] != c)
        return false;
    s->ptr++;
    s->len--;
    return true;
}

static bool cut_number(str *s, int most, int *out)
{
    int v = 0;
    size_t n = 0;
    while (n < s->len && n < 4 && is_digit(s->ptr[n]))
        v = v * 10 + (s->ptr[n++] - '0');
    s->ptr += n;
    s->len -= n;
    *out = v;
    return n > 0 && v <= most;
}

/* EST or <+05> */
static bool cut_name(str *s)
{
    bool is_quoted = cut_char(s, '<');
    size_t n = 0;
    while (n < s->len) {
        char c = s->ptr[n];
        bool is_letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        if (!is_letter && !(is_quoted && (is_digit(c) || c == '+' || c == '-')))
            break;
        n++;
    }
    s->ptr += n;
    s->len -= n;
    return n >= 3 && (!is_quoted || cut_char(s, '>'));
}

/* [+-]hh[:mm[:ss]] in seconds */
static bool cut_time(str *s, int32_t *out)
{
    int h = 0, m = 0, sec = 0;
    int sign = cut_char(s, '-') ? -1 : 1;
    if (sign == 1)
        (void)cut_char(s, '+');
    if (!cut_number(s, 167, &h))
        return false;
    if (cut_char(s, ':') &&
        (!cut_number(s, 59, &m) || (cut_char(s, ':') && !cut_number(s, 59, &sec))))
        return false;
    *out = sign * (h * 3600 + m * 60 + sec);
    return true;
}

static bool cut_turn(str *s, struct turn *t)
{
    t->second = 7200;
    if (!cut_char(s, ','))
        return false;
    if (cut_char(s, 'M')) {
        t->kind = BY_MONTH;
        if (!cut_number(s, 12, &t->month) || t->month < 1 || !cut_char(s, '.') ||
            !cut_number(s, 5, &t->week) || t->week < 1 || !cut_char(s, '.') ||
            !cut_number(s, 6, &t->day))
            return false;
    } else {
        t->kind = cut_char(s, 'J') ? BY_DAY_NO_LEAP : BY_DAY;
        if (!cut_number(s, 365, &t->day) || (t->kind == BY_DAY_NO_LEAP && t->day < 1))
            return false;
    }
    return !cut_char(s, '/') || cut_time(s, &t->second);
}

static bool parse_rule(struct zone *z, str s)
{
    int32_t west = 0;
    if (!cut_name(&s) || !cut_time(&s, &west))
        return false;
    z->standard = -west;
    z->has_summer = s.len > 0;
    if (z->has_summer) {
        if (!cut_name(&s))
            return false;
        z->summer = z->standard + 3600;
        if (s.len && s.ptr[0] != ',') {
            if (!cut_time(&s, &west))
                return false;
            z->summer = -west;
        }
        if (!cut_turn(&s, &z->begins) || !cut_turn(&s, &z->ends))
            return false;
    }
    z->has_rule = s.len == 0;
    return z->has_rule;
}

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Local second of the turn in a year, since 1970. */
static int64_t turn_in(const struct turn *t, int64_t year)
{
    int64_t day;
    if (t->kind == BY_MONTH) {
        int64_t first = days_of((struct date){year, t->month, 1});
        int64_t next = t->month == 12 ? days_of((struct date){year + 1, 1, 1})
                                      : days_of((struct date){year, t->month + 1, 1});
        int64_t weekday = ((first + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
        day = first + (t->day - weekday + 7) % 7 + (t->week - 1) * 7;
        if (day >= next)
            day -= 7;
    } else {
        day = days_of((struct date){year, 1, 1}) + t->day;
        if (t->kind == BY_DAY_NO_LEAP)
            day -= !(is_leap(year) && t->day >= 60);
    }
    return day * DAY_S + t->second;
}

static int32_t by_rule(const struct zone *z, int64_t s)
{
    if (!z->has_summer)
        return z->standard;
    int64_t year = date_of(floor_div(s + z->standard, DAY_S)).year;
    int64_t begins = turn_in(&z->begins, year) - z->standard,
            ends = turn_in(&z->ends, year) - z->summer;
    bool is_summer = begins < ends ? s >= begins && s < ends : !(s >= ends && s < begins);
    return is_summer ? z->summer : z->standard;
}

int32_t zone_offset(const struct zone *z, int64_t utc_s)
{
    if (z->n == 0 || utc_s < z->at[0])
        return z->n == 0 && z->has_rule ? by_rule(z, utc_s) : z->first;
    if (utc_s >= z->at[z->n - 1] && z->has_rule)
        return by_rule(z, utc_s);
    size_t low = 0, high = z->n;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (z->at[middle] <= utc_s)
            low = middle;
        else
            high = middle;
    }
    return z->offsets[low];
}

/* ---- the file ----------------------------------------------------------------------- */

static bool cut_bytes(str *s, size_t n, const unsigned char **out)
{
    if (s->len < n)
        return false;
    *out = (const unsigned char *)s->ptr;
    s->ptr += n;
    s->len -= n;
    return true;
}

static uint64_t big_endian(const unsigned char *p, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

struct counts {
    size_t is_ut, is_standard, leaps, times, types, chars;
    unsigned char version;
};

static bool cut_header(str *s, struct counts *c)
{
    const unsigned char *p;
    if (!cut_bytes(s, 44, &p) || memcmp(p, "TZif", 4) != 0)
        return false;
    size_t *counts[] = {&c->is_ut, &c->is_standard, &c->leaps, &c->times, &c->types, &c->chars};
    c->version = p[4];
    for (size_t i = 0; i < COUNT(counts); i++)
        *counts[i] = (size_t)big_endian(p + 20 + 4 * i, 4);
    return c->times <= TIMES_MAX && c->types <= TYPES_MAX && c->chars <= 4096 && c->leaps <= 4096 &&
           c->is_ut <= TYPES_MAX && c->is_standard <= TYPES_MAX;
}

static bool read_times(struct zone *z, const struct counts *c, const unsigned char *times,
                       const unsigned char *kinds, const unsigned char *types)
{
    z->at = calloc(c->times + 1, sizeof *z->at);
    z->offsets = calloc(c->times + 1, sizeof *z->offsets);
    if (!z->at || !z->offsets)
        out_of_memory(c->times);
    z->n = c->times;
    z->first = (int32_t)big_endian(types, 4);
    for (size_t i = 0; i < c->times; i++) {
        z->at[i] = (int64_t)big_endian(times + 8 * i, 8);
        if (kinds[i] >= c->types || (i && z->at[i] <= z->at[i - 1]))
            return false;
        z->offsets[i] = (int32_t)big_endian(types + 6 * (size_t)kinds[i], 4);
    }
    for (size_t i = 0; i <= c->times; i++) {
        int32_t o = i ? z->offsets[i - 1] : z->first;
        if (o < -DAY_S || o > DAY_S)
            return false;
    }
    return true;
}

static bool read_zone(struct zone *z, str s)
{
    struct counts c;
    const unsigned char *skipped, *times, *kinds, *types;
    /* The first part is for readers of 32 bits. */
    if (!cut_header(&s, &c) || c.version < '2' ||
        !cut_bytes(&s, c.times * 5 + c.types * 6 + c.chars + c.leaps * 8 + c.is_standard + c.is_ut,
                   &skipped))
        return false;
    if (!cut_header(&s, &c) || c.types == 0 || !cut_bytes(&s, c.times * 8, &times) ||
        !cut_bytes(&s, c.times, &kinds) || !cut_bytes(&s, c.types * 6, &types) ||
        !cut_bytes(&s, c.chars + c.leaps * 12 + c.is_standard + c.is_ut, &skipped) ||
        !cut_char(&s, '\n'))
        return false;
    str rule = str_cut(&s, '\n');
    return s.ptr && read_times(z, &c, times, kinds, types) &&
           (rule.len == 0 || parse_rule(z, rule));
}

void zone_free(struct zone *z)
{
    if (!z)
        return;
    free(z->at);
    free(z->offsets);
    free(z);
}

struct zone *zone_parse(str tzif)
{
    struct zone *z = calloc(1, sizeof *z);
    if (!z)
        out_of_memory(sizeof *z);
    if (read_zone(z, tzif))
        return z;
    zone_free(z);
    return NULL;
}

/* ---- zones by name ------------------------------------------------------------------ */

/* Asia/Tokyo, Etc/GMT+3, America/Port-au-Prince; never a way out of the directory. */
static bool is_zone_name(str s)
{
    if (s.len == 0 || s.len >= NAME_CHARS || str_find(s, S("//")) >= 0 || str_ends(s, S("/")))
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool is_letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        if (!is_letter &&
            (i == 0 || (!is_digit(c) && !strchr("_+-/", c) && c != '\0') || c == '\0'))
            return false;
    }
    return !str_starts(s, S("posix")) && !str_starts(s, S("right/")) &&
           !str_eq(s, S("localtime")) && !str_eq(s, S("Factory"));
}

static struct zone *zone_load(str name)
{
    char path[sizeof ZONE_DIR + NAME_CHARS];
    (void)snprintf(path, sizeof path, "%s" SFMT, ZONE_DIR, SARG(name));
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat st;
    struct zone *z = NULL;
    if (fd < 0)
        return NULL;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 && st.st_size <= FILE_BYTES) {
        char *bytes = malloc((size_t)st.st_size);
        if (!bytes)
            out_of_memory((size_t)st.st_size);
        ssize_t n = read(fd, bytes, (size_t)st.st_size);
        if (n == st.st_size)
            z = zone_parse((str){bytes, (size_t)n});
        free(bytes);
    }
    close(fd);
    if (z)
        memcpy(z->name, name.ptr, name.len);
    return z;
}

/* Grows at its head and is never taken from. */
static struct zone *zones;
static pthread_rwlock_t zones_lock = PTHREAD_RWLOCK_INITIALIZER;

static struct zone *zone_kept(str name)
{
    struct zone *z = zones;
    while (z && !str_eq(str_of(z->name), name))
        z = z->next;
    return z;
}

/* NULL: UTC or unknown. */
static const struct zone *zone_named(str name)
{
    if (!is_zone_name(name))
        return NULL;
    pthread_rwlock_rdlock(&zones_lock);
    struct zone *z = zone_kept(name);
    pthread_rwlock_unlock(&zones_lock);
    if (z)
        return z;
    pthread_rwlock_wrlock(&zones_lock);
    z = zone_kept(name);
    if (!z && (z = zone_load(name))) {
        z->next = zones;
        zones = z;
    }
    pthread_rwlock_unlock(&zones_lock);
    return z;
}

bool zone_is_known(str zone)
{
    return str_eq(zone, S("UTC")) || zone_named(zone) != NULL;
}

static int64_t day_at(const struct zone *z, int64_t utc_s)
{
    return floor_div(utc_s + (z ? zone_offset(z, utc_s) : 0), DAY_S);
}

int32_t when_day(when t, str zone)
{
    return (int32_t)day_at(zone_named(zone), floor_div(t.ms, 1000));
}

when when_of_day(int32_t day, str zone)
{
    const struct zone *z = zone_named(zone);
    /* No zone is farther than 26 hours from UTC; the days of a zone only grow. */
    int64_t low = day * DAY_S - 26 * 3600, high = day * DAY_S + 26 * 3600;
    if (!z)
        return (when){day * DAY_MS};
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (day_at(z, middle) >= day)
            high = middle;
        else
            low = middle;
    }
    return (when){high * 1000};
}
