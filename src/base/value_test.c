#include "base/base_test.h"
#include "base/inside.h"
#include <pthread.h>
#include <time.h>

/* ---- time --------------------------------------------------------------------------- */

static void instants_are_read_as_rfc_3339_says(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-22T06:30:00Z", 1795329000000},
        {"2026-11-22T15:30:00+09:00", 1795329000000},
        {"2026-11-21T22:30:00-08:00", 1795329000000},
        {"2026-11-22t06:30:00.5z", 1795329000500},
        {"2026-11-22 06:30:00.123456789Z", 1795329000123},
        {"2024-02-29T23:59:59.999Z", 1709251199999},
        {"2016-12-31T23:59:60Z", 1483228800000},
        {"2017-01-01T08:59:60.7+09:00", 1483228800000},
        {"0001-01-01T00:00:00Z", -62135596800000},
        {"9999-12-31T23:59:59.999Z", 253402300799999},
        {"2038-01-19T03:14:08Z", 2147483648000},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        when t = {-1};
        if (!when_parse(str_of(cases[i].text), &t) || t.ms != cases[i].ms)
            fail_msg("%s read as %lld", cases[i].text, (long long)t.ms);
    }
}

static void what_is_no_instant_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "2026",
                                        "2026-11-22",
                                        "2026-11-22T06:30:00",
                                        "2026-11-22T06:30Z",
                                        "2026-13-01T00:00:00Z",
                                        "2026-00-01T00:00:00Z",
                                        "2026-02-29T00:00:00Z",
                                        "2100-02-29T00:00:00Z",
                                        "2026-04-31T00:00:00Z",
                                        "2026-11-22T24:00:00Z",
                                        "2026-11-22T06:60:00Z",
                                        "2026-11-22T06:30:61Z",
                                        "2026-11-22T12:30:60Z",
                                        "0000-01-01T00:00:00Z",
                                        "2026-11-22T06:30:00.Z",
                                        "2026-11-22T06:30:00.1234567890Z",
                                        "2026-11-22T06:30:00+0900",
                                        "2026-11-22T06:30:00+24:00",
                                        "2026-11-22T06:30:00+09:60",
                                        "2026-11-22T06:30:00Zx",
                                        " 2026-11-22T06:30:00Z",
                                        "+2026-11-22T06:30:00Z",
                                        "0001-01-01T00:00:00+00:01",
                                        "9999-12-31T23:59:59-00:01",
                                        "2026-11-22T06:30:00 Z"};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        when t = {0};
        if (when_parse(str_of(wrong[i]), &t))
            fail_msg("'%s' was read", wrong[i]);
    }
}

static void any_instant_survives_writing_and_reading(void **state)
{
    struct cx *cx = *state;
    uint64_t seed = 1;
    for (int i = 0; i < 200000; i++) {
        int64_t ms =
            (int64_t)(test_random(&seed) % (253402300800000u + 62135596800000u)) - 62135596800000;
        if (i % 3 == 0)
            ms -= ms % 1000;
        when back = {0};
        str text = when_text(cx->arena, (when){ms});
        if (!when_parse(text, &back) || back.ms != ms)
            fail_msg("%lld became " SFMT, (long long)ms, SARG(text));
        if (i % 1000 == 0)
            arena_reset(cx->arena);
    }
    assert_str(when_text(cx->arena, (when){1795329000000}), S("2026-11-22T06:30:00Z"));
    assert_str(when_text(cx->arena, (when){1795329000007}), S("2026-11-22T06:30:00.007Z"));
}

static when at(const char *text)
{
    when t = {0};
    assert_true(when_parse(str_of(text), &t));
    return t;
}

static void a_day_begins_when_it_does_in_its_zone(void **state)
{
    struct cx *cx = *state;
    static const struct {
        const char *zone, *day, *begins;
    } cases[] = {
        {"UTC", "2026-11-22T00:00:00Z", "2026-11-22T00:00:00Z"},
        {"Asia/Tokyo", "2026-11-22T00:00:00Z", "2026-11-21T15:00:00Z"},
        {"Asia/Almaty", "2026-11-22T00:00:00Z", "2026-11-21T19:00:00Z"}, /* +05 since March 2024 */
        {"Asia/Almaty", "2023-11-22T00:00:00Z", "2023-11-21T18:00:00Z"},
        {"America/Mexico_City", "2026-07-01T00:00:00Z",
         "2026-07-01T06:00:00Z"}, /* no summer time since 2022 */
        {"Africa/Casablanca", "2026-07-01T00:00:00Z", "2026-06-30T23:00:00Z"},
        {"Europe/Dublin", "2050-07-01T00:00:00Z",
         "2050-06-30T23:00:00Z"}, /* by the rule for years to come */
        {"Australia/Sydney", "2060-01-01T00:00:00Z", "2059-12-31T13:00:00Z"},
        {"America/Nuuk", "2061-07-01T00:00:00Z", "2061-07-01T01:00:00Z"},
        {"Pacific/Kiritimati", "2026-11-22T00:00:00Z", "2026-11-21T10:00:00Z"},
        {"Etc/GMT+12", "2026-11-22T00:00:00Z", "2026-11-22T12:00:00Z"},
        {"America/New_York", "2026-03-08T00:00:00Z", "2026-03-08T05:00:00Z"},
        {"America/New_York", "2026-03-09T00:00:00Z", "2026-03-09T04:00:00Z"},
        {"America/Sao_Paulo", "2018-11-04T00:00:00Z",
         "2018-11-04T03:00:00Z"}, /* no midnight that day */
        {"America/Havana", "2026-11-01T00:00:00Z",
         "2026-11-01T04:00:00Z"}, /* midnight comes twice */
        {"Not/AZone", "2026-11-22T00:00:00Z", "2026-11-22T00:00:00Z"},
        {"", "2026-11-22T00:00:00Z", "2026-11-22T00:00:00Z"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int32_t day = (int32_t)(at(cases[i].day).ms / 86400000);
        when begins = when_of_day(day, str_of(cases[i].zone));
        assert_str(when_text(cx->arena, begins), str_of(cases[i].begins));
        assert_int_equal(when_day(begins, str_of(cases[i].zone)), day);
        assert_int_equal(when_day((when){begins.ms - 1}, str_of(cases[i].zone)), day - 1);
    }
}

static void days_and_their_beginnings_agree_in_any_zone(void **state)
{
    (void)state;
    static const char *const zones[] = {"Europe/London", "Asia/Kolkata",    "Pacific/Apia",
                                        "Asia/Almaty",   "America/Caracas", "Australia/Lord_Howe",
                                        "Europe/Moscow"};
    uint64_t seed = 2;
    for (int i = 0; i < 20000; i++) {
        str zone = str_of(zones[test_random(&seed) % COUNT(zones)]);
        int32_t day = (int32_t)(test_random(&seed) % 30000);
        when begins = when_of_day(day, zone);
        /* Apia had no 30 December 2011: such a day begins where the next one does. */
        int32_t back = when_day(begins, zone);
        assert_true(back == day || (back == day + 1 && when_of_day(day + 1, zone).ms == begins.ms));
        when_of_day(day, S("Asia/Tokyo"));
    }
}

/* Each zone, four times a day for the years around, against the C library. */
static void offsets_are_those_of_the_c_library(void **state)
{
    (void)state;
    static const char *const names[] = {
        "Asia/Almaty",       "Asia/Tokyo",       "Asia/Shanghai",     "Europe/Moscow",
        "Europe/London",     "America/New_York", "America/Sao_Paulo", "Australia/Lord_Howe",
        "Africa/Casablanca", "Pacific/Apia",     "America/Nuuk",      "Asia/Tehran",
        "Europe/Dublin",     "America/Havana"};
    for (size_t i = 0; i < COUNT(names); i++) {
        assert_int_equal(setenv("TZ", names[i], 1), 0);
        tzset();
        for (time_t t = -2000000000; t < 4000000000; t += 21607) {
            struct tm local;
            assert_non_null(localtime_r(&t, &local));
            int64_t day =
                days_of((struct date){local.tm_year + 1900, local.tm_mon + 1, local.tm_mday});
            if (when_day((when){t * 1000}, str_of(names[i])) != day)
                fail_msg("%s at %ld", names[i], (long)t);
        }
    }
    (void)unsetenv("TZ");
    tzset();
}

static void a_broken_zone_file_is_none(void **state)
{
    struct cx *cx = *state;
    FILE *f = fopen("/usr/share/zoneinfo/Europe/London", "rb");
    assert_non_null(f);
    char *bytes = arena_alloc(cx->arena, 1, 8192);
    size_t n = fread(bytes, 1, 8192, f);
    (void)fclose(f);
    struct zone *whole = zone_parse((str){bytes, n});
    assert_non_null(whole);
    assert_int_equal(zone_offset(whole, 1782000000), 3600);
    zone_free(whole);
    for (size_t len = 0; len < n; len++)
        assert_null(zone_parse((str){bytes, len}));
    bytes[0] = 'X';
    assert_null(zone_parse((str){bytes, n}));
}

static void zones_are_known_by_their_iana_names(void **state)
{
    (void)state;
    assert_true(zone_is_known(S("Asia/Tokyo")));
    assert_true(zone_is_known(S("UTC")));
    assert_false(zone_is_known(S("Asia/Tokio")));
    assert_false(zone_is_known(S("GMT+25:99")));
    assert_false(zone_is_known(S("")));
    assert_false(zone_is_known(S("Etc/Unknown")));
    assert_true(zone_is_known(S("America/Port-au-Prince")));
    assert_true(zone_is_known(S("Etc/GMT+3")));
    assert_false(zone_is_known(S("Asia/")));
    assert_false(zone_is_known(S("Asia")));
    assert_false(zone_is_known(S("../../../etc/passwd")));
    assert_false(zone_is_known(S("/etc/localtime")));
    assert_false(zone_is_known(S("localtime")));
    assert_false(zone_is_known(S("tzdata.zi")));
    assert_false(zone_is_known(S("zone.tab")));
    assert_false(zone_is_known((str){"Asia/Tokyo\0x", 12}));
    assert_false(zone_is_known(S("Asia/\xD0\x90")));
    assert_false(zone_is_known(
        S("Asia/Tokyo/Asia/Tokyo/Asia/Tokyo/Asia/Tokyo/Asia/Tokyo/Asia/Tokyo/Asia/Tokyo")));
}

/* ---- money -------------------------------------------------------------------------- */

static money eur(int64_t amount)
{
    return (money){amount, {"EUR"}};
}

static void a_line_is_rounded_half_to_even(void **state)
{
    (void)state;
    static const struct {
        int64_t milli, price, expected;
    } cases[] = {
        {1000, 999, 999}, {500, 1, 0},  {500, 3, 2},   {500, 5, 2},    {1500, 1, 2},
        {2500, 1, 2},     {-500, 1, 0}, {-500, 3, -2}, {-1500, 1, -2}, {333, 100, 33},
        {335, 100, 34},   {501, 1, 1},  {499, 1, 0},   {-501, 1, -1},  {0, 5, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        money line = {0};
        assert_true(money_line(cases[i].milli, eur(cases[i].price), &line));
        assert_int_equal(line.amount, cases[i].expected);
        assert_string_equal(line.currency.code, "EUR");
    }
}

static void rounding_never_strays_more_than_half_and_is_even_there(void **state)
{
    (void)state;
    uint64_t seed = 3;
    for (int i = 0; i < 200000; i++) {
        int64_t milli = (int64_t)(test_random(&seed) % 2000001) - 1000000;
        int64_t price = (int64_t)(test_random(&seed) % 20001) - 10000;
        money line = {0}, mirrored = {0};
        assert_true(money_line(milli, eur(price), &line));
        int64_t off = line.amount * 1000 - milli * price;
        assert_true(off >= -500 && off <= 500);
        if (off == 500 || off == -500)
            assert_int_equal(line.amount % 2, 0);
        assert_true(money_line(-milli, eur(price), &mirrored));
        assert_int_equal(mirrored.amount, -line.amount);
    }
}

static void sums_that_do_not_fit_or_mix_currencies_are_refused(void **state)
{
    (void)state;
    money sum = {0};
    assert_true(money_add(eur(1), eur(2), &sum));
    assert_int_equal(sum.amount, 3);
    assert_false(money_add(eur(INT64_MAX), eur(1), &sum));
    assert_false(money_add(eur(1), (money){1, {"USD"}}, &sum));
    assert_false(money_line(INT64_MAX, eur(INT64_MAX), &sum));
    assert_true(money_line(1000, eur(INT64_MIN), &sum));
    assert_int_equal(sum.amount, INT64_MIN);
}

static void currencies_have_the_exponent_of_iso_4217(void **state)
{
    struct cx *cx = *state;
    static const struct {
        const char *code;
        int exponent;
        const char *text;
    } cases[] = {
        {"EUR", 2, "-12.05"}, {"JPY", 0, "-1205"}, {"KWD", 3, "-1.205"}, {"KZT", 2, "-12.05"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        currency c = {0};
        assert_true(currency_parse(str_of(cases[i].code), &c));
        assert_int_equal(currency_exponent(c), cases[i].exponent);
        assert_str(money_text(cx->arena, (money){-1205, c}), str_of(cases[i].text));
    }
    currency c = {0};
    assert_false(currency_parse(S("eur"), &c));
    assert_false(currency_parse(S("XXX"), &c));
    assert_false(currency_parse(S("EURO"), &c));
    assert_false(currency_parse(S(""), &c));
    assert_int_equal(currency_exponent((currency){""}), -1);
    assert_int_equal(currency_exponent((currency){"EU"}), -1);
    assert_str(money_text(cx->arena, (money){INT64_MIN, {"EUR"}}), S("-92233720368547758.08"));
    assert_str(money_text(cx->arena, (money){5, {"EUR"}}), S("0.05"));
}

/* ---- ids ---------------------------------------------------------------------------- */

static void ids_grow_even_when_the_clock_goes_back(void **state)
{
    (void)state;
    int64_t now = 1795329000000, last = 0;
    for (int i = 0; i < 20000; i++) { /* more than one millisecond can number */
        int64_t id = id_new(i % 2 ? now : now - 3600000);
        assert_true(id > last);
        last = id;
    }
    assert_in_range(id_ms(last), now, now + 10);
    assert_int_equal(id_high_water(), last);

    int64_t later = id_new(now + 86400000);
    id_start(5, later + ((int64_t)3 << 22)); /* the store knows a younger one */
    int64_t next = id_new(now);
    assert_true(next > later + ((int64_t)3 << 22));
    assert_int_equal(next >> 12 & 1023, 5);
    id_start(0, 0);
    assert_true(id_new(0) >
                next - ((int64_t)5 << 12)); /* a smaller node does not go back in time */
    assert_int_equal(id_ms(id_new(0)), id_ms(next));
}

enum { THREADS = 4, EACH = 20000 };
static void *make_ids(void *out)
{
    int64_t *ids = out;
    for (int i = 0; i < EACH; i++)
        ids[i] = id_new(1795329000000);
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static void threads_never_make_the_same_id(void **state)
{
    (void)state;
    static int64_t ids[THREADS * EACH];
    pthread_t t[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&t[i], NULL, make_ids, ids + i * EACH), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    qsort(ids, COUNT(ids), sizeof *ids, by_value);
    for (size_t i = 1; i < COUNT(ids); i++)
        assert_true(ids[i] != ids[i - 1]);
}

static void any_id_survives_writing_and_reading_and_sorts_as_it_counts(void **state)
{
    struct cx *cx = *state;
    uint64_t seed = 4;
    str last = {0};
    int64_t last_id = 0;
    for (int i = 0; i < 100000; i++) {
        int64_t id = (int64_t)(test_random(&seed) >> (1 + i % 40));
        if (id == 0)
            continue;
        int64_t back = 0;
        str text = id_text(cx->arena, "cus", id);
        assert_int_equal(text.len, 17);
        assert_true(id_parse(text, "cus", &back));
        assert_int_equal(back, id);
        if (last.len)
            assert_int_equal(str_cmp(text, last) < 0, id < last_id);
        last = text;
        last_id = id;
    }
    assert_str(id_text(cx->arena, "cus", INT64_MAX), S("cus_7zzzzzzzzzzzz"));
}

static void an_id_is_read_with_its_own_prefix_only(void **state)
{
    (void)state;
    int64_t id = 0;
    assert_true(id_parse(S("cus_0000000000010"), "cus", &id));
    assert_int_equal(id, 32);
    assert_true(id_parse(S("cus_OoO0000000ILi"), "cus", &id));
    assert_int_equal(id, 1 << 10 | 1 << 5 | 1);
    assert_true(id_parse(S("cus_7ZZZZZZZZZZZZ"), "cus", &id));
    static const char *const wrong[] = {"",
                                        "cus",
                                        "cus_",
                                        "cus_0000000000000",
                                        "ord_0000000000010",
                                        "CUS_0000000000010",
                                        "cus_000000000001",
                                        "cus_00000000000100",
                                        "cus_000000000001u",
                                        "cus_8000000000000",
                                        "cus_zzzzzzzzzzzzz",
                                        "cus-0000000000010",
                                        "cus_00000000000 1",
                                        ("cus_\xFF"
                                         "00000000001x")};
    for (size_t i = 0; i < COUNT(wrong); i++)
        if (id_parse(str_of(wrong[i]), "cus", &id))
            fail_msg("'%s' was read", wrong[i]);
    assert_false(id_parse((str){"cus_00000000000\0\0", 17}, "cus", &id));
}

/* ---- secrets ------------------------------------------------------------------------ */

static void sha256_is_that_of_fips_180(void **state)
{
    (void)state;
    uint8_t h[32];
    static const uint8_t expected[] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea};
    sha256(S("abc"), h);
    assert_memory_equal(h, expected, sizeof expected);
    static const uint8_t of_nothing[] = {0xe3, 0xb0, 0xc4, 0x42};
    sha256((str){0}, h);
    assert_memory_equal(h, of_nothing, sizeof of_nothing);
    assert_true(equal_constant_time("abcd", "abcd", 4));
    assert_false(equal_constant_time("abcd", "abce", 4));
}

static void tokens_are_long_and_different(void **state)
{
    struct cx *cx = *state;
    str a = random_token(cx->arena, 32), b = random_token(cx->arena, 32);
    assert_int_equal(a.len, 43);
    assert_false(str_eq(a, b));
    for (size_t i = 0; i < a.len; i++)
        assert_non_null(
            strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", a.ptr[i]));
}

static void a_cursor_opens_for_its_own_list_within_a_day(void **state)
{
    struct cx *cx = *state;
    int64_t sort = 0, id = 0, now = cx->now_ms;
    str c = cursor_make(cx->arena, now, "notes", -77, 42);
    assert_true(cursor_read(c, now + 3600000, "notes", &sort, &id));
    assert_int_equal(sort, -77);
    assert_int_equal(id, 42);
    assert_true(cursor_read(c, now - 3600000, "notes", &sort, &id));

    assert_false(cursor_read(c, now, "tasks", &sort, &id));
    assert_false(cursor_read(c, now + 86400001, "notes", &sort, &id));
    assert_false(cursor_read((str){c.ptr, c.len - 1}, now, "notes", &sort, &id));
    assert_false(cursor_read(S(""), now, "notes", &sort, &id));
    assert_false(cursor_read(S("!!!!"), now, "notes", &sort, &id));
    char *bent = arena_cstr(cx->arena, c);
    bent[40] = bent[40] == 'A' ? 'B' : 'A';
    assert_false(cursor_read((str){bent, c.len}, now, "notes", &sort, &id));

    static const uint8_t key[32] = {1};
    cursor_key_set(key);
    assert_false(cursor_read(c, now, "notes", &sort, &id));
}

static void a_cursor_of_an_order_by_text_keeps_the_text_to_itself(void **state)
{
    struct cx *cx = *state;
    const int64_t now = 1795329000000;
    str sort;
    int64_t id, number;
    str c = cursor_make_text(cx->arena, now, "names", S("\xe7\x94\xb0\xe4\xb8\xad"), 42);
    assert_true(cursor_read_text(cx->arena, c, now, "names", &sort, &id));
    assert_str(sort, S("\xe7\x94\xb0\xe4\xb8\xad"));
    assert_int_equal(id, 42);
    assert_false(cursor_read_text(cx->arena, c, now, "others", &sort, &id));
    assert_false(cursor_read(c, now, "names", &number, &id)); /* it is no cursor of numbers */
    char *name = arena_alloc(cx->arena, 1, 300);
    memset(name, 'a', 300);
    c = cursor_make_text(cx->arena, now, "names", (str){name, 300}, 7);
    assert_true(c.len <= 400);
    assert_true(cursor_read_text(cx->arena, c, now, "names", &sort, &id));
    assert_int_equal(sort.len, CURSOR_TEXT_MAX);
    c = cursor_make_text(cx->arena, now, "names", S(""), 7);
    assert_true(cursor_read_text(cx->arena, c, now, "names", &sort, &id));
    assert_int_equal(sort.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(instants_are_read_as_rfc_3339_says),
        TEST(what_is_no_instant_is_refused),
        TEST(any_instant_survives_writing_and_reading),
        TEST(a_day_begins_when_it_does_in_its_zone),
        TEST(days_and_their_beginnings_agree_in_any_zone),
        TEST(offsets_are_those_of_the_c_library),
        TEST(a_broken_zone_file_is_none),
        TEST(zones_are_known_by_their_iana_names),
        TEST(a_line_is_rounded_half_to_even),
        TEST(rounding_never_strays_more_than_half_and_is_even_there),
        TEST(sums_that_do_not_fit_or_mix_currencies_are_refused),
        TEST(currencies_have_the_exponent_of_iso_4217),
        TEST(ids_grow_even_when_the_clock_goes_back),
        TEST(threads_never_make_the_same_id),
        TEST(any_id_survives_writing_and_reading_and_sorts_as_it_counts),
        TEST(an_id_is_read_with_its_own_prefix_only),
        TEST(sha256_is_that_of_fips_180),
        TEST(tokens_are_long_and_different),
        TEST(a_cursor_opens_for_its_own_list_within_a_day),
        TEST(a_cursor_of_an_order_by_text_keeps_the_text_to_itself),
    };
    return cmocka_run_group_tests(tests, test_cx_open, test_cx_close);
}
