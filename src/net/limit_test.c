/* net/limit_test.c - budgets. */
#include "base/base_test.h"
#include "net/limit.h"

static const int64_t SECOND = 1000000000;

static void a_budget_lets_its_burst_through_and_then_one_at_a_time(void **state)
{
    (void)state;
    struct limits *l = limits_open(64);
    uint32_t wait_s = 0;
    int64_t now = 1000 * SECOND;

    for (int i = 0; i < 3; i++)
        assert_true(limits_take(l, "door", S("a"), now, 10 * SECOND, 3, NULL));
    assert_false(limits_take(l, "door", S("a"), now, 10 * SECOND, 3, &wait_s));
    assert_in_range(wait_s, 10, 11);
    assert_false(limits_take(l, "door", S("a"), now + 9 * SECOND, 10 * SECOND, 3, NULL));
    assert_true(limits_take(l, "door", S("a"), now + 10 * SECOND, 10 * SECOND, 3, NULL));
    assert_false(limits_take(l, "door", S("a"), now + 10 * SECOND, 10 * SECOND, 3, NULL));
    limits_close(l);
}

static void budgets_of_others_and_of_other_things_are_untouched(void **state)
{
    (void)state;
    struct limits *l = limits_open(64);

    assert_true(limits_take(l, "door", S("a"), SECOND, SECOND, 1, NULL));
    assert_false(limits_take(l, "door", S("a"), SECOND, SECOND, 1, NULL));
    assert_true(limits_take(l, "door", S("b"), SECOND, SECOND, 1, NULL));
    assert_true(limits_take(l, "window", S("a"), SECOND, SECOND, 1, NULL));
    limits_close(l);
}

static void what_was_given_back_can_be_taken_again(void **state)
{
    (void)state;
    struct limits *l = limits_open(64);

    for (int i = 0; i < 100; i++) {
        assert_true(limits_take(l, "door", S("a"), SECOND, SECOND, 1, NULL));
        limits_give(l, "door", S("a"), SECOND);
    }
    limits_close(l);
}

static void a_flood_of_names_does_not_free_the_one_that_is_pressed_hardest(void **state)
{
    (void)state;
    struct limits *l = limits_open(64);
    struct arena *a = arena_open(1 << 20);
    int64_t now = 1000 * SECOND;

    for (int i = 0; i < 50; i++)
        assert_true(limits_take(l, "door", S("hard"), now, 10 * SECOND, 50, NULL));
    for (int i = 0; i < 5000; i++)
        (void)!limits_take(l, "door", arena_printf(a, "name %d", i), now, SECOND, 2, NULL);
    assert_false(limits_take(l, "door", S("hard"), now, 10 * SECOND, 50, NULL));
    arena_close(a);
    limits_close(l);
}

static void a_network_is_an_ipv4_address_or_the_first_half_of_an_ipv6_one(void **state)
{
    (void)state;
    struct arena *a = arena_open(1 << 16);

    assert_str(limits_net(a, S("192.0.2.7")), S("192.0.2.7"));
    assert_str(limits_net(a, S("2001:db8:1:2:3:4:5:6")), S("2001:db8:1:2::/64"));
    assert_str(limits_net(a, S("2001:db8:1:2:ffff::1")), S("2001:db8:1:2::/64"));
    assert_str(limits_net(a, S("::ffff:192.0.2.7")), S("192.0.2.7"));
    assert_str(limits_net(a, S("not:an:address")), S("not:an:address"));
    assert_str(limits_net(a, S("")), S(""));
    arena_close(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_budget_lets_its_burst_through_and_then_one_at_a_time),
        cmocka_unit_test(budgets_of_others_and_of_other_things_are_untouched),
        cmocka_unit_test(what_was_given_back_can_be_taken_again),
        cmocka_unit_test(a_flood_of_names_does_not_free_the_one_that_is_pressed_hardest),
        cmocka_unit_test(a_network_is_an_ipv4_address_or_the_first_half_of_an_ipv6_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
