/* base/time.c - instants as text and back (RFC 3339). Days in a time zone: zone.c. */
#include "base/inside.h"
#include <inttypes.h>
#include <time.h>

static const int64_t DAY_MS = 86400000;

int64_t clock_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_mono_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- the calendar: years of 365.2425 days from 1 March, as by H. Hinnant's public algorithms  */

int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

int64_t days_of(struct date d)
{
    int64_t y = d.year - (d.month <= 2);
    int64_t era = floor_div(y, 400), of_era = y - era * 400;
    int64_t of_year = (153 * (d.month + (d.month > 2 ? -3 : 9)) + 2) / 5 + d.day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

struct date date_of(int64_t days)
{
    days += 719468;
    int64_t era = floor_div(days, 146097), of_era = days - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int month = (int)((5 * of_year + 2) / 153);
    int day = (int)(of_year - (153 * month + 2) / 5 + 1);
    month = month < 10 ? month + 3 : month - 9;
    return (struct date){year + era * 400 + (month <= 2), month, day};
}

static int days_in(int64_t year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && is_leap);
}

/* ---- RFC 3339 ----------------------------------------------------------------------- */

static char *two(char *p, int v)
{
    *p++ = (char)('0' + v / 10 % 10);
    *p++ = (char)('0' + v % 10);
    return p;
}

size_t time_write(char out[static TIME_CHARS], when t)
{
    int64_t days = floor_div(t.ms, DAY_MS);
    int rest = (int)(t.ms - days * DAY_MS);
    struct date d = date_of(days);
    char *p = out;
    if (d.year < 0 || d.year > 9999) { /* no such instant comes from when_parse */
        p += snprintf(out, 16, "%+" PRId64, d.year);
    } else {
        p = two(p, (int)(d.year / 100));
        p = two(p, (int)(d.year % 100));
    }
    *p++ = '-';
    p = two(p, d.month);
    *p++ = '-';
    p = two(p, d.day);
    *p++ = 'T';
    p = two(p, rest / 3600000);
    *p++ = ':';
    p = two(p, rest / 60000 % 60);
    *p++ = ':';
    p = two(p, rest / 1000 % 60);
    if (rest % 1000) {
        *p++ = '.';
        *p++ = (char)('0' + rest / 100 % 10);
        p = two(p, rest % 100);
    }
    *p++ = 'Z';
    *p = '\0';
    return (size_t)(p - out);
}

str when_text(struct arena *a, when t)
{
    char b[TIME_CHARS];
    return arena_str(a, (str){b, time_write(b, t)});
}

/* Cuts exactly n digits off. */
static bool cut_digits(str *s, size_t n, int *out)
{
    if (s->len < n)
        return false;
    int v = 0;
    for (size_t i = 0; i < n; i++) {
        if (!is_digit(s->ptr[i]))
            return false;
        v = v * 10 + (s->ptr[i] - '0');
    }
    *out = v;
    s->ptr += n;
    s->len -= n;
    return true;
}

static bool cut_any(str *s, const char *of)
{
    if (s->len == 0 || s->ptr[0] == '\0' || !strchr(of, s->ptr[0]))
        return false;
    s->ptr++;
    s->len--;
    return true;
}

/* ".5" -> 500; digits past the thousandths are finer than we keep. */
static bool cut_fraction(str *s, int *ms)
{
    *ms = 0;
    if (!cut_any(s, "."))
        return true;
    size_t n = 0;
    for (int unit = 100; n < s->len && is_digit(s->ptr[n]); n++, unit /= 10)
        *ms += (s->ptr[n] - '0') * unit;
    s->ptr += n;
    s->len -= n;
    return n > 0 && n <= 9;
}

static bool cut_offset(str *s, int *minutes)
{
    *minutes = 0;
    if (cut_any(s, "Zz"))
        return true;
    int sign = s->len && s->ptr[0] == '-' ? -1 : 1, h = 0, m = 0;
    if (!cut_any(s, "+-") || !cut_digits(s, 2, &h) || !cut_any(s, ":") || !cut_digits(s, 2, &m))
        return false;
    *minutes = sign * (h * 60 + m);
    return h < 24 && m < 60;
}

bool when_parse(str s, when *out)
{
    int y = 0, mo = 0, d = 0, h = 0, mi = 0, sec = 0, ms = 0, offset = 0;
    if (!cut_digits(&s, 4, &y) || !cut_any(&s, "-") || !cut_digits(&s, 2, &mo) ||
        !cut_any(&s, "-") || !cut_digits(&s, 2, &d) || !cut_any(&s, "Tt ") ||
        !cut_digits(&s, 2, &h) || !cut_any(&s, ":") || !cut_digits(&s, 2, &mi) ||
        !cut_any(&s, ":") || !cut_digits(&s, 2, &sec) || !cut_fraction(&s, &ms) ||
        !cut_offset(&s, &offset) || s.len)
        return false;
    if (y < 1 || mo < 1 || mo > 12 || d < 1 || d > days_in(y, mo) || h > 23 || mi > 59 || sec > 60)
        return false;
    int64_t minute = days_of((struct date){y, mo, d}) * 1440 + h * 60 + mi - offset;
    bool is_leap_second = sec == 60;
    if (is_leap_second && minute - floor_div(minute, 1440) * 1440 != 1439)
        return false; /* they stand at the end of a UTC day only */
    int64_t t = (minute * 60 + sec) * 1000 + (is_leap_second ? 0 : ms);
    struct date utc = date_of(floor_div(t, DAY_MS));
    if (utc.year < 1 || utc.year > 9999)
        return false;
    out->ms = t;
    return true;
}
