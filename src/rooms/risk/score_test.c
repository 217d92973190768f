/* rooms/risk/score_test.c - the laws of the score, and what facts say of people. */
#include "base/base_test.h"
#include "rooms/risk/inside.h"

static uint64_t seed;
static uint64_t chance(uint64_t n)
{
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (seed >> 33) % n;
}

/* Any signals, fired or not, known or not, at any strength; any rules. */
static void anything(struct risk_facts *f, struct risk_rules *r)
{
    risk_rules_default(r);
    *f = (struct risk_facts){0};
    for (int i = 0; i < RISK_SIGNALS; i++) {
        f->of[i].state = (int)chance(3);
        f->of[i].strength = (int)chance(101);
        if (chance(3) == 0)
            r->of[i] = (struct risk_rule){.points = (int)chance(101), .is_off = chance(8) == 0};
    }
}

static int points(const struct risk_facts *f, const struct risk_rules *r)
{
    struct risk out;
    risk_score(f, r, &out);
    assert_true(out.points >= 0 && out.points <= 100);
    assert_true(out.known >= 0 && out.known <= out.checks);
    return out.points;
}

static void one_more_signal_never_lowers_the_risk_and_one_more_trust_never_raises_it(void **state)
{
    (void)state;
    seed = 1;
    for (int round = 0; round < 3000; round++) {
        struct risk_facts f;
        struct risk_rules r;
        anything(&f, &r);
        int i = (int)chance(RISK_SIGNALS), before;
        f.of[i].state = chance(2) ? RISK_NO : RISK_UNKNOWN;
        before = points(&f, &r);
        f.of[i].state = RISK_YES;
        int after = points(&f, &r);
        if (risk_signal_kinds[i].group == RISK_OF_TRUST)
            assert_true(after <= before);
        else
            assert_true(after >= before);
    }
}

static void a_stronger_sign_and_a_heavier_weight_never_lower_the_risk(void **state)
{
    (void)state;
    seed = 2;
    for (int round = 0; round < 3000; round++) {
        struct risk_facts f;
        struct risk_rules r;
        anything(&f, &r);
        int i = (int)chance(RISK_OF_TRUST + 20);
        if (risk_signal_kinds[i].group == RISK_OF_TRUST)
            continue;
        f.of[i].strength = 1 + (int)chance(50);
        int before = points(&f, &r);
        f.of[i].strength += (int)chance(50);
        assert_true(points(&f, &r) >= before);
        before = points(&f, &r);
        r.of[i].points += (int)chance((uint64_t)(101 - r.of[i].points));
        assert_true(points(&f, &r) >= before);
    }
}

static void what_is_not_known_weighs_as_much_as_no(void **state)
{
    (void)state;
    seed = 3;
    for (int round = 0; round < 3000; round++) {
        struct risk_facts f;
        struct risk_rules r;
        struct risk known, unknown;
        anything(&f, &r);
        int i = (int)chance(RISK_SIGNALS);
        f.of[i].state = RISK_NO;
        risk_score(&f, &r, &known);
        f.of[i].state = RISK_UNKNOWN;
        risk_score(&f, &r, &unknown);
        assert_int_equal(unknown.points, known.points);
        assert_true(unknown.known <= known.known);
    }
}

static void nothing_known_is_no_risk_and_no_confidence(void **state)
{
    (void)state;
    struct risk_facts f = {0};
    struct risk_rules r;
    struct risk out;
    risk_rules_default(&r);
    risk_score(&f, &r, &out);
    assert_int_equal(out.points, 0);
    assert_int_equal(out.level, RISK_LOW);
    assert_int_equal(out.known, 0);
    assert_true(out.is_unknown[RISK_CHECK_HOLDER]);
    assert_int_equal(out.n, 0);
}

static void fire(struct risk_facts *f, int signal)
{
    f->of[signal].state = RISK_YES;
}

static void three_oddities_of_one_address_make_no_verdict(void **state)
{
    (void)state;
    struct risk_facts f = {0};
    struct risk_rules r;
    struct risk out;
    risk_rules_default(&r);
    fire(&f, RISK_DISPOSABLE_EMAIL);
    fire(&f, RISK_FREE_EMAIL);
    fire(&f, RISK_EMAIL_UNLIKE_NAME);
    risk_score(&f, &r, &out);
    int sum = 0;
    for (size_t i = 0; i < out.n; i++)
        sum += out.signs[i].points;
    assert_true(out.points < RISK_HIGH_FROM);
    assert_true(sum >= out.points - 2 && sum <= out.points + 2); /* what is shown adds up */
    assert_true(out.points < risk_signal_kinds[RISK_DISPOSABLE_EMAIL].points +
                                 risk_signal_kinds[RISK_FREE_EMAIL].points +
                                 risk_signal_kinds[RISK_EMAIL_UNLIKE_NAME].points);
}

static void a_famous_name_counts_only_beside_another_sign(void **state)
{
    (void)state;
    struct risk_facts f = {0};
    struct risk_rules r;
    risk_rules_default(&r);
    struct risk alone;
    fire(&f, RISK_FAMOUS_NAME);
    risk_score(&f, &r, &alone);
    assert_int_equal(alone.points, 0);
    assert_int_equal(alone.n, 0);
    fire(&f, RISK_FREE_EMAIL); /* needs company as well */
    assert_int_equal(points(&f, &r), 0);
    fire(&f, RISK_VERIFIED_PHONE); /* trust is none */
    assert_int_equal(points(&f, &r), 0);
    fire(&f, RISK_VOIP_NUMBER);
    assert_true(points(&f, &r) > risk_signal_kinds[RISK_VOIP_NUMBER].points);
}

static void no_pair_of_groups_that_honest_people_have_is_high(void **state)
{
    (void)state;
    /* a traveller behind a hosted network; a married name; a family's card and device; a large first order in a hurry */
    static const int cases[][4] = {
        {RISK_IP_COUNTRY, RISK_HOSTING_NETWORK, RISK_TIME_ZONE, RISK_LANGUAGE},
        {RISK_HOLDER_NAME, RISK_EMAIL_UNLIKE_NAME, RISK_FREE_EMAIL, RISK_LARGE_FIRST_ORDER},
        {RISK_IP_COUNTRY, RISK_HOLDER_NAME, RISK_NO_QUESTIONS, RISK_HURRY},
        {RISK_LARGE_FIRST_ORDER, RISK_HURRY, RISK_PHONE_COUNTRY, RISK_IP_COUNTRY},
        {RISK_CARD_COUNTRY, RISK_HOLDER_NAME, RISK_FREE_EMAIL, RISK_HURRY},
    };
    struct risk_rules r;
    risk_rules_default(&r);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct risk_facts f = {0};
        for (size_t k = 0; k < 4; k++)
            fire(&f, cases[i][k]);
        assert_true(points(&f, &r) < RISK_HIGH_FROM);
    }
}

static void trust_lowers_but_not_what_a_person_listed(void **state)
{
    (void)state;
    struct risk_facts f = {0};
    struct risk_rules r;
    struct risk out;
    risk_rules_default(&r);
    fire(&f, RISK_VOIP_NUMBER);
    fire(&f, RISK_PAID_HISTORY);
    assert_int_equal(points(&f, &r), 0);
    fire(&f, RISK_LISTED);
    risk_score(&f, &r, &out);
    assert_true(out.points >= 90);
    assert_int_equal(out.advice, RISK_REFUSE);
    f.of[RISK_LISTED].state = RISK_NO; /* nothing else refuses, whatever comes together */
    for (int i = 0; i < RISK_SIGNALS; i++)
        if (i != RISK_LISTED && risk_signal_kinds[i].group != RISK_OF_TRUST)
            fire(&f, i);
    risk_score(&f, &r, &out);
    assert_int_equal(out.points, 100);
    assert_int_equal(out.advice, RISK_HOLD);
}

/* ---- names, addresses, countries ------------------------------------------------------------------ */

static struct arena *a;

static void noise_is_told_from_names(void **state)
{
    (void)state;
    static const char *const noise[] = {"A",          "я",      "aaaa",   "asdf ghjk", "qwerty",
                                        "фывап",      "йцукен", "zxcvbn", "sdkfjh",    "12345",
                                        "Ann 123456", "...",    "Xxx xxx"};
    static const char *const names[] = {"Ng",
                                        "Li Na",
                                        "王",
                                        "李雷",
                                        "田中 愛子",
                                        "Ewert Wertheim",
                                        "Trewin",
                                        "Siewert",
                                        "Krč",
                                        "Ömer Ş",
                                        "Айгүл Сейтқали",
                                        "Букенов Прол",
                                        "Апроша",
                                        "Schmidt",
                                        "Nguyễn Thị Hà",
                                        "O Brien",
                                        "Yvy",
                                        "Lynn",
                                        "Bo",
                                        "Христо",
                                        "Ann 2",
                                        "Иван Щур"};
    for (size_t i = 0; i < COUNT(noise); i++)
        if (!risk_name_is_noise(a, str_of(noise[i])))
            fail_msg("'%s' passes for a name", noise[i]);
    for (size_t i = 0; i < COUNT(names); i++)
        if (risk_name_is_noise(a, str_of(names[i])))
            fail_msg("'%s' passes for noise", names[i]);
}

static void languages_and_times_are_those_of_the_country(void **state)
{
    (void)state;
    const int64_t now = 1795329000000;
    assert_int_equal(risk_language_differs(S("ru"), S("KZ")), RISK_NO);
    assert_int_equal(risk_language_differs(S("kk-KZ"), S("KZ")), RISK_NO);
    assert_int_equal(risk_language_differs(S("en"), S("DE")), RISK_NO);
    assert_int_equal(risk_language_differs(S("en"), S("JP")), RISK_YES);
    assert_int_equal(risk_language_differs(S("zh"), S("TW")), RISK_NO);
    assert_int_equal(risk_language_differs(S("vi"), S("DE")), RISK_YES);
    assert_int_equal(risk_language_differs(S("de"), S("XX")), RISK_UNKNOWN);
    assert_int_equal(risk_language_differs(S("nonsense"), S("DE")), RISK_UNKNOWN);
    assert_int_equal(risk_zone_differs(S("Europe/Berlin"), S("DE"), now), RISK_NO);
    assert_int_equal(risk_zone_differs(S("Europe/Paris"), S("DE"), now),
                     RISK_NO); /* the same time */
    assert_int_equal(risk_zone_differs(S("Asia/Vladivostok"), S("RU"), now), RISK_NO);
    assert_int_equal(risk_zone_differs(S("Africa/Lagos"), S("JP"), now), RISK_YES);
    assert_int_equal(risk_zone_differs(S("Nowhere/At_All"), S("JP"), now), RISK_UNKNOWN);
    assert_int_equal(risk_zone_differs(S("Asia/Tokyo"), S("??"), now), RISK_UNKNOWN);
}

/* ---- facts -------------------------------------------------------------------------------------------- */

static struct risk_seen nothing_seen(void)
{
    struct risk_seen s;
    seen_nothing(&s, 1795329000000);
    return s;
}
static int risk_of_said(const struct risk_said *s, const struct risk_seen *seen)
{
    struct risk_facts f = {0};
    struct risk_rules r;
    risk_rules_default(&r);
    risk_facts_of(a, s, seen, &f);
    return points(&f, &r);
}

static const struct risk_said honest = {.name = {"Anna Berg", 9},
                                        .email = {"anna.berg@kith.example", 22},
                                        .phone = {"+4930901820", 11},
                                        .country = {"DE", 2},
                                        .city = {"Berlin", 6},
                                        .address = {"Lane 1", 6},
                                        .language = {"de", 2},
                                        .time_zone = {"Europe/Berlin", 13}};

static void an_ordinary_sign_up_has_no_risk_and_less_said_is_not_worse(void **state)
{
    (void)state;
    struct risk_seen seen = nothing_seen();
    assert_int_equal(risk_of_said(&honest, &seen), 0);
    str none = {0};
    for (int i = 0; i < 7; i++) {
        struct risk_said less = honest;
        str *fields[] = {&less.email,   &less.phone,    &less.country,  &less.city,
                         &less.address, &less.language, &less.time_zone};
        *fields[i] = none;
        assert_int_equal(risk_of_said(&less, &seen), 0);
    }
    struct risk_said bare = {.name = honest.name, .email = honest.email};
    assert_int_equal(risk_of_said(&bare, &seen), 0);
}

static void a_mismatch_counts_and_never_the_country(void **state)
{
    (void)state;
    static const struct {
        const char *country, *zone, *lang;
    } lands[] = {{"DE", "Europe/Berlin", "de"},    {"NG", "Africa/Lagos", "en"},
                 {"RU", "Europe/Moscow", "ru"},    {"KZ", "Asia/Almaty", "kk"},
                 {"CN", "Asia/Shanghai", "zh"},    {"JP", "Asia/Tokyo", "ja"},
                 {"VN", "Asia/Ho_Chi_Minh", "vi"}, {"RO", "Europe/Bucharest", "ro"},
                 {"US", "America/New_York", "en"}};
    for (size_t i = 0; i < COUNT(lands); i++) {
        struct risk_said s = honest;
        struct risk_seen seen = nothing_seen();
        s.country = s.card_country = seen.ip_country = seen.phone_country =
            str_of(lands[i].country);
        s.time_zone = str_of(lands[i].zone);
        s.language = str_of(lands[i].lang);
        seen.is_phone_read = true;
        assert_int_equal(risk_of_said(&s, &seen), 0);
        seen.ip_country = str_of(lands[(i + 1) % COUNT(lands)].country);
        assert_int_equal(risk_of_said(&s, &seen), risk_signal_kinds[RISK_IP_COUNTRY].points);
    }
}

static void names_of_any_people_and_sex_weigh_the_same(void **state)
{
    (void)state;
    static const char *const names[] = {"Anna Berg",  "Karl Berg", "Aigerim Berg", "Chinedu Berg",
                                        "Ольга Berg", "Wei Berg",  "Fatima Berg",  "José Berg"};
    struct risk_seen seen = nothing_seen();
    seen.domain_kind = RISK_DOMAIN_DISPOSABLE;
    int first = -1;
    for (size_t i = 0; i < COUNT(names); i++) {
        struct risk_said s = honest;
        s.name = str_of(names[i]);
        s.email = S("berg@kith.example");
        int got = risk_of_said(&s, &seen);
        assert_true(first < 0 || got == first);
        first = got;
    }
}

static void more_people_on_a_device_are_never_less_risk(void **state)
{
    (void)state;
    struct risk_seen seen = nothing_seen();
    int before = 0;
    for (int64_t n = 1; n < 12; n++) {
        seen.people_of_device = seen.people_of_card = seen.people_of_address = seen.people_of_ip =
            n;
        seen.cards_of_person = seen.signups_device = seen.signups_ip = seen.signups_network = n;
        int now = risk_of_said(&honest, &seen);
        assert_true(now >= before);
        assert_true(n > 1 || now == 0);
        before = now;
    }
    assert_true(before >= RISK_HIGH_FROM);
}

/* Abroad with the clock of the place is one thing seen twice; a clock of neither place is another thing. */
static void a_clock_of_where_one_connects_from_says_little_more(void **state)
{
    (void)state;
    struct risk_seen seen = nothing_seen();
    struct risk_said there = honest, neither = honest, only_clock = honest;
    seen.ip_country = S("JP");
    int at_home = risk_of_said(&honest, &seen);
    there.time_zone = S("Asia/Tokyo");
    neither.time_zone = S("America/New_York");
    only_clock.time_zone = S("Asia/Tokyo");
    struct risk_seen no_address = nothing_seen();

    assert_true(risk_of_said(&there, &seen) > at_home);
    assert_true(risk_of_said(&there, &seen) < risk_of_said(&neither, &seen));
    assert_true(risk_of_said(&there, &seen) >=
                risk_of_said(&only_clock, &no_address)); /* an address known is not less */
    seen.network = RISK_NETWORK_HOSTING;                 /* a rented exit is nobody's place */
    assert_int_equal(risk_of_said(&there, &seen), risk_of_said(&neither, &seen));
}

/* Who has paid for years, in new surroundings, orders as anybody does for the first time. */
static void a_dear_order_of_an_account_in_new_surroundings_is_a_first_one(void **state)
{
    (void)state;
    struct risk_said s = honest;
    struct risk_seen seen = nothing_seen();
    struct risk_facts f = {0}, g = {0};
    s.has_order = s.has_history = true;
    s.total = 90000;
    s.paid_orders = (opt_int){.v = 6, .has = true};
    s.age_days = (opt_int){.v = 700, .has = true};
    seen.large_from = 40000;
    seen.news = 1; /* a new telephone */

    risk_facts_of(a, &s, &seen, &f);
    seen.news = 2;
    risk_facts_of(a, &s, &seen, &g);

    assert_int_equal(f.of[RISK_LARGE_FIRST_ORDER].state, RISK_NO);
    assert_int_equal(g.of[RISK_LARGE_FIRST_ORDER].state, RISK_YES);
    assert_int_equal(f.of[RISK_PAID_HISTORY].strength, 100);
    assert_int_equal(g.of[RISK_PAID_HISTORY].strength, 50);
    s.total = 30000;
    struct risk_facts small = {0};
    risk_facts_of(a, &s, &seen, &small);
    assert_int_equal(small.of[RISK_LARGE_FIRST_ORDER].state, RISK_NO);
}

static void haste_with_a_dear_first_order_is_more_than_haste(void **state)
{
    (void)state;
    struct risk_said s = honest;
    struct risk_seen seen = nothing_seen();
    struct risk_facts f = {0}, g = {0};
    s.has_order = s.has_history = s.is_express = true;
    s.paid_orders = (opt_int){.v = 0, .has = true};
    s.total = 30000;
    seen.large_from = 40000;

    risk_facts_of(a, &s, &seen, &f);
    s.total = 50000;
    risk_facts_of(a, &s, &seen, &g);

    assert_true(g.of[RISK_HURRY].strength > f.of[RISK_HURRY].strength);
}

static int open_arena(void **state)
{
    (void)state;
    a = arena_open(64 << 20);
    return a ? 0 : -1;
}
static int close_arena(void **state)
{
    (void)state;
    arena_close(a);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_more_signal_never_lowers_the_risk_and_one_more_trust_never_raises_it),
        cmocka_unit_test(a_stronger_sign_and_a_heavier_weight_never_lower_the_risk),
        cmocka_unit_test(what_is_not_known_weighs_as_much_as_no),
        cmocka_unit_test(nothing_known_is_no_risk_and_no_confidence),
        cmocka_unit_test(three_oddities_of_one_address_make_no_verdict),
        cmocka_unit_test(a_famous_name_counts_only_beside_another_sign),
        cmocka_unit_test(no_pair_of_groups_that_honest_people_have_is_high),
        cmocka_unit_test(trust_lowers_but_not_what_a_person_listed),
        cmocka_unit_test(noise_is_told_from_names),
        cmocka_unit_test(languages_and_times_are_those_of_the_country),
        cmocka_unit_test(an_ordinary_sign_up_has_no_risk_and_less_said_is_not_worse),
        cmocka_unit_test(a_mismatch_counts_and_never_the_country),
        cmocka_unit_test(names_of_any_people_and_sex_weigh_the_same),
        cmocka_unit_test(more_people_on_a_device_are_never_less_risk),
        cmocka_unit_test(a_clock_of_where_one_connects_from_says_little_more),
        cmocka_unit_test(a_dear_order_of_an_account_in_new_surroundings_is_a_first_one),
        cmocka_unit_test(haste_with_a_dear_first_order_is_more_than_haste),
    };
    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
