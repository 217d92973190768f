/* Lines of JSON: what is a line, what is passed over, how they are numbered. */
#include "base/base_test.h"
#include "base/ndjson.h"

static void lines_come_in_order_with_their_numbers(void **state)
{
    (void)state;
    struct ndjson n = ndjson_of(S("{\"a\":1}\r\n\n  \t\r\n{\"b\":2}\n{\"c\":3}"));
    str line;

    assert_true(ndjson_next(&n, &line));
    assert_str(line, S("{\"a\":1}"));
    assert_int_equal(n.number, 1);
    assert_true(ndjson_next(&n, &line));
    assert_str(line, S("{\"b\":2}"));
    assert_int_equal(n.number, 4);
    assert_true(ndjson_next(&n, &line));
    assert_str(line, S("{\"c\":3}"));
    assert_int_equal(n.number, 5);
    assert_false(ndjson_next(&n, &line));
}

static void a_byte_order_mark_counts_only_at_the_beginning(void **state)
{
    (void)state;
    struct ndjson n = ndjson_of(S("\xEF\xBB\xBF{}\n\xEF\xBB\xBF{}\n"));
    str line;

    assert_true(ndjson_next(&n, &line));
    assert_str(line, S("{}"));
    assert_true(ndjson_next(&n, &line));
    assert_str(line, S("\xEF\xBB\xBF{}"));
}

static void nothing_but_blanks_is_no_line(void **state)
{
    (void)state;
    struct ndjson n = ndjson_of(S(" \n\r\n\t\n"));
    str line;

    assert_false(ndjson_next(&n, &line));
    assert_int_equal(ndjson_count(S(""), 10), 0);
    assert_int_equal(ndjson_count(S(" \n\n"), 10), 0);
}

static void counting_stops_just_over_the_limit(void **state)
{
    (void)state;
    assert_int_equal(ndjson_count(S("1\n2\n\n3\n"), 5), 3);
    assert_int_equal(ndjson_count(S("1\n2\n3\n4\n5\n"), 2), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_in_order_with_their_numbers),
        cmocka_unit_test(a_byte_order_mark_counts_only_at_the_beginning),
        cmocka_unit_test(nothing_but_blanks_is_no_line),
        cmocka_unit_test(counting_stops_just_over_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
