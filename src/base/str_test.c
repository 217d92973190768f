#include "base/base_test.h"
#include "base/inside.h"

static void cutting_leaves_what_stands_behind_the_separator(void **state)
{
    (void)state;
    str rest = S("a,,b");
    assert_str(str_cut(&rest, ','), S("a"));
    assert_str(str_cut(&rest, ','), S(""));
    assert_str(str_cut(&rest, ','), S("b"));
    assert_null(rest.ptr);
    rest = S("a,");
    assert_str(str_cut(&rest, ','), S("a"));
    assert_int_equal(rest.len, 0);
    assert_non_null(rest.ptr); /* there was a separator */
}

static void trimming_takes_ascii_blanks_only(void **state)
{
    (void)state;
    assert_str(str_trim(S(" \t\r\n a b \n")), S("a b"));
    assert_str(str_trim(S("   ")), S(""));
    assert_str(str_trim(S("\u3000x")), S("\u3000x"));
}

static void finding_starting_and_ending_accept_empty_views(void **state)
{
    (void)state;
    assert_int_equal(str_find(S("needle in hay"), S("hay")), 10);
    assert_int_equal(str_find(S("hay"), S("needle")), -1);
    assert_int_equal(str_find((str){0}, S("x")), -1);
    assert_int_equal(str_find((str){0}, (str){0}), 0);
    assert_true(str_starts(S("abc"), S("ab")));
    assert_false(str_starts(S("a"), S("ab")));
    assert_true(str_ends(S("abc"), S("bc")));
    assert_false(str_ends((str){0}, S("c")));
    assert_true(str_eq_ascii_nocase(S("AbC"), S("aBc")));
    assert_false(str_eq_ascii_nocase(S("É"), S("é")));
    assert_true(str_cmp(S("a"), S("ab")) < 0);
    assert_true(str_cmp(S("b"), S("ab")) > 0);
    assert_int_equal(str_cmp((str){0}, S("")), 0);
}

static void a_number_is_read_whole_or_not_at_all(void **state)
{
    (void)state;
    int64_t v = 0;
    assert_true(str_to_int(S("9223372036854775807"), &v));
    assert_int_equal(v, INT64_MAX);
    assert_true(str_to_int(S("-9223372036854775808"), &v));
    assert_int_equal(v, INT64_MIN);
    assert_true(str_to_int(S("+7"), &v));
    assert_int_equal(v, 7);
    static const char *const wrong[] = {
        "",    "-",    "+",   "9223372036854775808", "-9223372036854775809", " 1", "1 ", "1.0",
        "1e3", "0x10", "--1", "99999999999999999999"};
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_false(str_to_int(str_of(wrong[i]), &v));
}

static void only_well_formed_utf8_passes(void **state)
{
    (void)state;
    static const char *const right[] = {"",
                                        "plain ascii text of some length",
                                        "Қазақ",
                                        "田中",
                                        "😀",
                                        "\xED\x9F\xBF",
                                        "\xEE\x80\x80",
                                        "\xF4\x8F\xBF\xBF",
                                        "\xC2\x80"};
    static const char *const wrong[] = {"\x80",
                                        "\xC0\xAF",
                                        "\xC1\xBF",
                                        "\xE0\x80\xAF",
                                        "\xE0\x9F\xBF",
                                        "\xF0\x80\x80\xAF",
                                        "\xED\xA0\x80" /* surrogate */,
                                        "\xF4\x90\x80\x80",
                                        "\xF5\x80\x80\x80",
                                        "\xFF",
                                        "\xC3",
                                        "\xE3\x81",
                                        "12345678\xE3\x81",
                                        "\xF0\x9F\x98",
                                        "a\xC3z"};
    for (size_t i = 0; i < COUNT(right); i++)
        assert_true(str_is_utf8(str_of(right[i])));
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_false(str_is_utf8(str_of(wrong[i])));
    assert_int_equal(str_chars(S("Қазақ 田中 😀")), 10);
}

static void every_code_point_survives_writing_and_reading(void **state)
{
    struct cx *cx = *state;
    for (int32_t c = 0; c <= 0x10FFFF; c++) {
        if (c == 0xD800)
            c = 0xE000;
        char bytes[4];
        struct text t = {.ptr = bytes, .cap = 4, .limit = 4, .arena = cx->arena};
        text_add_codepoint(&t, c);
        str s = text_str(&t);
        assert_true(str_is_utf8(s));
        assert_int_equal(utf8_len(s), s.len);
        assert_int_equal(utf8_next(&s), c);
        assert_int_equal(s.len, 0);
    }
}

static void shown_text_has_no_control_characters_and_says_where_it_was_cut(void **state)
{
    struct cx *cx = *state;
    assert_str(str_clean(cx->arena, S("a\x1B[31m\x7F"), 99), S("a\uFFFD[31m\uFFFD"));
    assert_str(str_clean(cx->arena, S("x\xFFy\u202Ez\xC2\x85"), 99), S("x\uFFFDy\uFFFDz\uFFFD"));
    assert_str(str_clean(cx->arena, S("田中さん"), 2), S("田中…"));
    assert_str(str_clean(cx->arena, S("田中"), 2), S("田中"));
    assert_str(str_clean(cx->arena, (str){0}, 2), S(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(cutting_leaves_what_stands_behind_the_separator),
        TEST(trimming_takes_ascii_blanks_only),
        TEST(finding_starting_and_ending_accept_empty_views),
        TEST(a_number_is_read_whole_or_not_at_all),
        TEST(only_well_formed_utf8_passes),
        TEST(every_code_point_survives_writing_and_reading),
        TEST(shown_text_has_no_control_characters_and_says_where_it_was_cut),
    };
    return cmocka_run_group_tests(tests, test_cx_open, test_cx_close);
}
