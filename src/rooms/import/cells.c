/* rooms/import/cells.c - dates and amounts as people and programs write them. */
#include "rooms/import/columns.h"

/* ---- dates --------------------------------------------------------------------------------------- */

/* Up to nine digits; how many they were. */
static size_t number(str *s, int64_t *out)
{
    size_t n = 0;
    *out = 0;
    while (n < s->len && n < 9 && is_digit(s->ptr[n]))
        *out = *out * 10 + (s->ptr[n++] - '0');
    *s = (str){s->ptr + n, s->len - n};
    return n;
}

static bool take(str *s, str what)
{
    if (!str_starts(*s, what))
        return false;
    *s = (str){s->ptr + what.len, s->len - what.len};
    return true;
}

/* What stands between the numbers of a date. */
static bool take_sign(str *s)
{
    static const char *const signs[] = {"-", ". ", ".", "/", "年", "月"};
    for (size_t i = 0; i < COUNT(signs); i++)
        if (take(s, str_of(signs[i])))
            return true;
    return false;
}

/* " 14:30", "T14:30:05.123", " 2:30 PM" -> milliseconds of the day. */
static bool clock_of(str *s, int64_t *ms)
{
    int64_t h = 0, m = 0, sec = 0;
    *ms = 0;
    (void)take(s, S("日"));
    *s = str_trim(*s);
    if (take(s, S("T")) || take(s, S(",")))
        *s = str_trim(*s);
    if (s->len == 0)
        return true;
    if (!number(s, &h) || !(take(s, S(":")) || take(s, S("時"))) || !number(s, &m))
        return false;
    (void)take(s, S("分"));
    if (take(s, S(":")) && !number(s, &sec))
        return false;
    if (take(s, S("."))) {
        int64_t part = 0;
        if (!number(s, &part))
            return false;
    }
    *s = str_trim(*s);
    bool is_pm = take(s, S("PM")) || take(s, S("pm")),
         is_am = !is_pm && (take(s, S("AM")) || take(s, S("am")));
    if ((is_pm || is_am) && (h < 1 || h > 12))
        return false;
    if (is_pm || is_am)
        h = h % 12 + (is_pm ? 12 : 0);
    *ms = ((h * 60 + m) * 60 + sec) * 1000;
    return h < 24 && m < 60 && sec < 60;
}

static bool day_of(int64_t y, int64_t m, int64_t d, int32_t *day)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    if (y < 1900 || y > 9999 || m < 1 || m > 12 || d < 1 || d > days[m - 1] + (m == 2 && is_leap))
        return false;
    int64_t yy = m <= 2 ? y - 1 : y, era = yy / 400, yoe = yy - era * 400,
            doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1,
            doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    *day = (int32_t)(era * 146097 + doe - 719468);
    return true;
}

bool cell_when(str cell, int dates, str zone, when *out)
{
    str s = str_trim(cell);
    if (when_parse(s, out))
        return true;
    int64_t whole = 0;
    if ((s.len == 10 || s.len == 13) && str_to_int(s, &whole) && whole > 0) {
        out->ms = s.len == 10 ? whole * 1000 : whole;
        return true;
    }
    int64_t a = 0, b = 0, c = 0, ms = 0;
    size_t na = number(&s, &a);
    if (na == 8 && s.len == 0) { /* 20261122 */
        c = a % 100;
        b = a / 100 % 100;
        a /= 10000;
    } else {
        if (!na || !take_sign(&s) || !number(&s, &b) || !take_sign(&s))
            return false;
        size_t nc = number(&s, &c);
        if (!nc)
            return false;
        if (na != 4) { /* the year stands last */
            int64_t y = nc == 2 ? (c < 70 ? 2000 + c : 1900 + c) : c;
            if (nc != 2 && nc != 4)
                return false;
            c = dates == DATES_MDY ? b : a;
            b = dates == DATES_MDY ? a : b;
            a = y;
        }
    }
    int32_t day = 0;
    if (!day_of(a, b, c, &day) || !clock_of(&s, &ms))
        return false;
    bool is_utc = take(&s, S("Z")) || take(&s, S("UTC"));
    int64_t away = 0;
    if (s.len && (s.ptr[0] == '+' || s.ptr[0] == '-')) {
        int64_t h = 0, m = 0, sign = s.ptr[0] == '-' ? -1 : 1;
        s = (str){s.ptr + 1, s.len - 1};
        size_t n = number(&s, &h);
        if (n == 4) {
            m = h % 100;
            h /= 100;
        } else if (take(&s, S(":")) && !number(&s, &m)) {
            return false;
        }
        if (!n || h > 14 || m > 59)
            return false;
        away = sign * (h * 60 + m) * 60000;
        is_utc = true;
    }
    if (str_trim(s).len)
        return false;
    out->ms = is_utc ? (int64_t)day * 86400000 + ms - away : when_of_day(day, zone).ms + ms;
    return true;
}

/* ---- amounts ---------------------------------------------------------------------------------------- */

bool cell_amount(str cell, int exponent, int64_t *out)
{
    char kept[40];
    size_t n = 0;
    bool is_minus = false;
    str s = str_trim(cell);
    if (s.len > 2 && s.ptr[0] == '(' && s.ptr[s.len - 1] == ')') {
        is_minus = true;
        s = (str){s.ptr + 1, s.len - 2};
    }
    /* Digits, points and commas; signs of money and blanks around them go. */
    for (size_t i = 0; i < s.len; i++) {
        char ch = s.ptr[i];
        if (is_digit(ch) || ch == '.' || ch == ',') {
            if (n == sizeof kept)
                return false;
            kept[n++] = ch;
        } else if (ch == '-' && n == 0 && !is_minus) {
            is_minus = true;
        } else if (ch == '\'' || ch == ' ' || (unsigned char)ch >= 0x80 || ch == '$') {
            continue;
        } else if ((ch >= 'A' && ch <= 'Z') || (ch >= 'a' && ch <= 'z')) {
            if (n && i + 4 < s.len) /* letters in the middle */
                return false;
        } else {
            return false;
        }
    }
    while (n && !is_digit(kept[n - 1]))
        n--; /* "100 р." */
    size_t points = 0, commas = 0, last = n;
    for (size_t i = 0; i < n; i++) {
        points += kept[i] == '.';
        commas += kept[i] == ',';
        if (!is_digit(kept[i]))
            last = i;
    }
    bool is_decimal = last < n;
    if (is_decimal && (points == 0 || commas == 0)) {
        size_t behind = n - last - 1;
        bool is_group = points + commas > 1 ||
                        (behind == 3 && exponent != 3 && last > 0 && last <= 3 && kept[0] != '0');
        is_decimal = !is_group;
    }
    if (is_decimal && (kept[last] == '.' ? points : commas) > 1)
        return false;
    int64_t v = 0;
    int decimals = 0;
    size_t digits = 0;
    for (size_t i = 0; i < n; i++) {
        if (i == last && is_decimal)
            continue;
        if (!is_digit(kept[i])) {
            if (is_decimal && i > last)
                return false;
            continue;
        }
        digits++;
        if (is_decimal && i > last && ++decimals > exponent) {
            if (kept[i] != '0')
                return false; /* a fraction of the smallest coin */
            continue;
        }
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, kept[i] - '0', &v))
            return false;
    }
    for (int i = decimals < exponent ? decimals : exponent; i < exponent; i++)
        if (__builtin_mul_overflow(v, 10, &v))
            return false;
    *out = is_minus ? -v : v;
    return digits > 0;
}
