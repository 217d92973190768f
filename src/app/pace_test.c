/* app/pace_test.c - turns of a body of many lines. */
#include "app/pace.h"
#include "base/base_test.h"
#include "base/value.h"

static const int64_t US = 1000;

/* Turns of lines that cost so much each, until nothing moves any more. */
static size_t lines_at_last(struct pace *p, int64_t line_ns, bool is_calm)
{
    for (int i = 0; i < 60; i++) {
        size_t n = pace_lines(p, is_calm);
        pace_took(p, n, 0, (int64_t)n * line_ns / 2, (int64_t)n * line_ns / 2);
    }
    return pace_lines(p, is_calm);
}

static void a_turn_takes_as_many_lines_as_fit_into_its_time(void **state)
{
    (void)state;
    struct pace p = {0};
    assert_int_equal(pace_lines(&p, false), PACE_FIRST);

    assert_in_range(lines_at_last(&p, 100 * US, false), 48, 50);
    assert_in_range(lines_at_last(&p, 250 * US, false), 19, 20);
    assert_int_equal(lines_at_last(&p, 10000 * US, false), PACE_LEAST);
    assert_int_equal(lines_at_last(&p, 1 * US, false), PACE_LINES);
}

static void a_turn_is_longer_while_nobody_else_asks_for_the_writer(void **state)
{
    (void)state;
    struct pace p = {0};

    assert_in_range(lines_at_last(&p, 100 * US, true), 148, 150);
    assert_int_equal(lines_at_last(&p, 1 * US, true), PACE_CALM);
}

static void the_very_next_turn_is_short_when_somebody_asks(void **state)
{
    (void)state;
    struct pace p = {0};
    size_t calm = lines_at_last(&p, 100 * US, true);

    size_t next = pace_lines(&p, false);

    assert_true(next * 2 < calm);
    assert_in_range(next, 48, 50);
}

static void lines_that_cost_nothing_do_not_make_the_next_turn_a_long_one(void **state)
{
    (void)state;
    struct pace p = {0};
    for (int i = 0; i < 60; i++)
        pace_took(&p, PACE_LEAST, 0, PACE_LEAST, 0);

    assert_int_equal(pace_lines(&p, true), 3 * PACE_LEAST);
    assert_int_equal(pace_lines(&p, false), 3 * PACE_LEAST);
}

static void of_a_turn_that_can_end_early_nobody_waits_for_more_than_a_piece_and_the_commit(
    void **state)
{
    (void)state;
    struct pace p = {0};

    for (int i = 0; i < 60; i++) {
        int64_t n = (int64_t)pace_lines(&p, true);
        pace_took(&p, (size_t)n, 50, n * 60 * US, n * 60 * US);
    }

    assert_in_range(pace_lines(&p, true), 195, 205); /* 3 ms of a piece, 12 ms of a commit */
    assert_in_range(lines_at_last(&p, 120 * US, true), 120, 126);
}

static void the_clock_of_turns_goes_on(void **state)
{
    (void)state;
    int64_t from = pace_clock_ns(), now = from;

    while (now - from < 1000 * US)
        now = pace_clock_ns();

    assert_true(now <= clock_mono_ns());
}

static void a_turn_without_lines_says_nothing(void **state)
{
    (void)state;
    struct pace p = {0};

    pace_took(&p, 0, 0, 1000, 0);
    pace_took(&p, 10, 0, 0, 0);
    pace_took(&p, 10, 0, 1000, -1);

    assert_int_equal(pace_lines(&p, false), PACE_FIRST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_turn_takes_as_many_lines_as_fit_into_its_time),
        cmocka_unit_test(a_turn_is_longer_while_nobody_else_asks_for_the_writer),
        cmocka_unit_test(the_very_next_turn_is_short_when_somebody_asks),
        cmocka_unit_test(lines_that_cost_nothing_do_not_make_the_next_turn_a_long_one),
        cmocka_unit_test(
            of_a_turn_that_can_end_early_nobody_waits_for_more_than_a_piece_and_the_commit),
        cmocka_unit_test(the_clock_of_turns_goes_on),
        cmocka_unit_test(a_turn_without_lines_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
