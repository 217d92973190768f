#include "base/base_test.h"
#include <unistd.h>

static void a_fault_keeps_its_code_arguments_and_field(void **state)
{
    struct cx *cx = *state;
    assert_int_equal(fault(cx, ERR_INVALID, 7, MARG("given", S("x\ny")), MNUM("most", 5)),
                     ERR_INVALID);
    assert_int_equal(cx->why.err, ERR_INVALID);
    assert_int_equal(cx->why.msg, 7);
    assert_int_equal(cx->why.n_args, 2);
    assert_str(cx->why.args[0].text, S("x\uFFFDy"));
    assert_int_equal(cx->why.args[1].number, 5);

    assert_int_equal(fault_at(cx, ERR_INVALID, S("phone")), ERR_INVALID);
    (void)fault_at(cx, ERR_INVALID, S("outer"));
    assert_str(cx->why.field, S("phone"));

    (void)fault(cx, ERR_BUSY, 8);
    assert_int_equal(cx->why.n_args, 0);
    assert_int_equal(cx->why.field.len, 0);
    (void)fault_field(cx, ERR_CONFLICT, S("email"), 9);
    assert_str(cx->why.field, S("email"));
}

static void a_long_argument_is_shown_with_an_ellipsis(void **state)
{
    struct cx *cx = *state;
    char many[1000];
    memset(many, 'x', sizeof many);
    (void)fault(cx, ERR_INVALID, 7, MARG("given", ((str){many, sizeof many})));
    assert_int_equal(str_chars(cx->why.args[0].text), 121);
    assert_true(str_ends(cx->why.args[0].text, S("…")));
}

static void every_error_and_role_has_a_code(void **state)
{
    (void)state;
    assert_string_equal(err_code(OK), "ok");
    assert_string_equal(err_code(ERR_INTERNAL), "internal");
    for (int i = 0; i < ROLE_N; i++)
        assert_non_null(role_codes[i]);
    assert_string_equal(role_codes[ROLE_BRANCH], "branch");
}

static void the_language_is_the_best_known_one_of_the_header(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        enum lang expected;
    } cases[] = {
        {"ja", LANG_JA},
        {"zh-Hant-TW", LANG_ZH},
        {"KK", LANG_KK},
        {"de-DE,de;q=0.9,ru;q=0.8,en;q=0.7", LANG_RU},
        {"en;q=0.3, ja;q=0.5", LANG_JA},
        {"en;q=0", LANG_RU},
        {"en, ja", LANG_EN},
        {"", LANG_RU},
        {"*", LANG_RU},
        {"jam", LANG_RU},
        {";;;,,,q=,", LANG_RU},
        {"ja;q=1.000;x=y", LANG_JA},
        {"ja ; q = 0.001 , kk;q=0.002", LANG_KK},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(lang_pick(str_of(cases[i].header), LANG_RU), cases[i].expected);
    assert_int_equal(lang_pick((str){0}, LANG_EN), LANG_EN);
}

/* What log_line wrote. */
static str logged(struct cx *cx, str said)
{
    int pipes[2], kept = dup(STDERR_FILENO);
    assert_int_equal(pipe(pipes), 0);
    assert_true(dup2(pipes[1], STDERR_FILENO) >= 0);
    log_line(LOG_WARN, "test.said", "a=1 said=" SFMT, SARG(said));
    log_line(LOG_DEBUG, "test.unsaid", "nothing=1");
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    close(kept);
    close(pipes[1]);
    char *p = arena_alloc(cx->arena, 1, 10000);
    ssize_t n = read(pipes[0], p, 10000);
    close(pipes[0]);
    assert_true(n > 0);
    return (str){p, (size_t)n};
}

static void a_log_entry_is_one_line_whatever_was_said(void **state)
{
    struct cx *cx = *state;
    str line = logged(cx, S("one\nlevel=error\r\x1B[2Jx\xFF 田中 \u2028\u202E"));
    assert_true(str_starts(line, S("time=")));
    assert_true(str_find(line, S(" level=warn event=test.said a=1 "
                                 "said=one\\x0alevel=error\\x0d\\x1b[2Jx\\xff 田中 ")) > 0);
    assert_true(str_ends(line, S("\\xe2\\x80\\xa8\\xe2\\x80\\xae\n")));
    assert_int_equal(str_find(line, S("\n")), line.len - 1);
    assert_int_equal(str_find(line, S("unsaid")), -1);
}

static void a_log_entry_too_long_says_that_it_was_cut(void **state)
{
    struct cx *cx = *state;
    char many[8000];
    memset(many, '\n', sizeof many);
    str line = logged(cx, (str){many, sizeof many});
    assert_true(line.len <= 4096);
    assert_true(str_ends(line, S(" cut=1\n")));
}

static void a_quoted_value_cannot_pass_for_another_key(void **state)
{
    struct cx *cx = *state;
    assert_str(log_quoted(cx->arena, S("a\" level=error \\")), S("\"a\\\" level=error \\\\\""));
    assert_str(log_quoted(cx->arena, (str){0}), S("\"\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_fault_keeps_its_code_arguments_and_field),
        TEST(a_long_argument_is_shown_with_an_ellipsis),
        TEST(every_error_and_role_has_a_code),
        TEST(the_language_is_the_best_known_one_of_the_header),
        TEST(a_log_entry_is_one_line_whatever_was_said),
        TEST(a_log_entry_too_long_says_that_it_was_cut),
        TEST(a_quoted_value_cannot_pass_for_another_key),
    };
    return cmocka_run_group_tests(tests, test_cx_open, test_cx_close);
}
