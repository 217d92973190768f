/* rooms/settings/settings_test.c - what the company says of itself. */
#include "db/db_test.h"
#include "messages.h"
#include "rooms/settings/settings.h"

static const uint64_t ALL = (1u << SETTINGS_N) - 1;
static const struct settings_in house = {
    S("Lantern"), LANG_RU, S("Asia/Almaty"), S("KZT"), S("KZ"), 7, 14, 60, 200, 500000, 2.5};

static enum err put_apply(struct cx *cx, void *in)
{
    return settings_put(cx, in, ALL);
}

static void before_the_first_run_there_are_defaults(void **state)
{
    struct test_world *w = *state;
    const struct settings *s = settings_current(&w->cx);

    assert_str(s->time_zone, S("UTC"));
    assert_string_equal(s->base_currency.code, "EUR");
    assert_false(s->has_owner);
    assert_int_equal(s->version, 1);
}

static void what_was_put_is_there_with_a_new_version(void **state)
{
    struct test_world *w = *state;
    struct settings_in in = house;
    assert_int_equal(settings_check(&w->cx, &in, ALL), OK);
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, put_apply, &in), OK);

    const struct settings *s = settings_current(&w->cx);
    assert_str(s->company, S("Lantern"));
    assert_int_equal(s->lang, LANG_RU);
    assert_str(s->time_zone, S("Asia/Almaty"));
    assert_string_equal(s->base_currency.code, "KZT");
    assert_str(s->region, S("KZ"));
    assert_int_equal(s->activity_days[1], 14);
    assert_int_equal(s->activity_days[3], 200);
    assert_int_equal(s->vip_minor, 500000);
    assert_int_equal(s->vip_share, 250);
    assert_int_equal(s->version, 2);
}

static void an_older_version_is_refused(void **state)
{
    struct test_world *w = *state;
    struct settings_in in = house;
    w->cx.if_match = 7;
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, put_apply, &in), ERR_STALE);
    assert_str(settings_current(&w->cx)->company, S(""));
}

static void a_snapshot_of_before_does_not_bring_back_what_a_change_replaced(void **state)
{
    struct test_world *w = *state;
    if (!test_is_postgres()) /* a store in memory has no snapshots */
        return;
    struct settings_in in = house;
    struct cx old = w->cx;
    old.house = w->cx.house = (struct house *)w; /* told apart, and never looked into */
    assert_int_equal(store_reader(w->store, &old, &old.db), OK);
    assert_int_equal(read_begin(&old), OK);
    assert_int_equal(settings_current(&old)->vip_minor, 0);

    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, put_apply, &in), OK);
    assert_int_equal(settings_current(&old)->vip_minor, 0);
    assert_int_equal(settings_current(&w->cx)->vip_minor, 500000);

    read_end(&old);
    reader_close(old.db);
    w->cx.house = NULL;
}

static void each_wrong_member_is_named(void **state)
{
    struct test_world *w = *state;
    struct settings_in in[] = {house, house, house, house, house,
                               house, house, house, house, house};
    static const char *const fields[] = {
        "company",           "time_zone",          "base_currency", "region",    "region",
        "activity_new_days", "activity_idle_days", "vip_amount",    "vip_share", "vip_share"};
    in[0].company = S("  ");
    in[1].time_zone = S("Mars/Olympus");
    in[2].base_currency = S("XXQ");
    in[3].region = S("kz");
    in[4].region = S("K");
    in[5].activity_new_days = 0;
    in[6].activity_idle_days = 60;
    in[7].vip_amount = -1;
    in[8].vip_share = 2.555;
    in[9].vip_share = 50;
    for (size_t i = 0; i < COUNT(in); i++) {
        assert_int_equal(settings_check(&w->cx, &in[i], ALL), ERR_INVALID);
        assert_str(w->cx.why.field, str_of(fields[i]));
    }
    in[1].company = S("fine");
    assert_int_equal(settings_check(&w->cx, &in[1], 1u << SETTINGS_COMPANY),
                     OK); /* what was not sent is not judged */
}

static int all(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(before_the_first_run_there_are_defaults),
        STORE_TEST(what_was_put_is_there_with_a_new_version),
        STORE_TEST(an_older_version_is_refused),
        STORE_TEST(a_snapshot_of_before_does_not_bring_back_what_a_change_replaced),
        STORE_TEST(each_wrong_member_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return test_on_stores(all);
}
