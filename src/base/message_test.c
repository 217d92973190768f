#include "base/base_test.h"
#include "messages.h"
#include <pthread.h>

static void a_fault_is_said_in_every_language(void **state)
{
    struct cx *cx = *state;
    (void)fault(cx, ERR_INVALID, M_TOO_LONG, MNUM("length", 12345), MNUM("most", 200));
    assert_str(fault_text(cx->arena, LANG_EN, &cx->why),
               S("This has 12,345 characters; at most 200 are possible."));
    assert_str(fault_text(cx->arena, LANG_JA, &cx->why),
               S("12,345 文字あります。200 文字以内にしてください。"));
    assert_str(fault_text(cx->arena, LANG_RU, &cx->why),
               S("Слишком длинный текст: символов — 12\u00A0345, допускается не более 200."));
    (void)fault(cx, ERR_INVALID, M_UNKNOWN_MEMBER, MARG("name", S("{x} 'y'")));
    assert_str(fault_text(cx->arena, LANG_ZH, &cx->why), S("这里没有名为“{x} 'y'”的字段。"));
    assert_str(fault_text(cx->arena, LANG_KK, &cx->why), S("Мұнда «{x} 'y'» деген өріс жоқ."));
}

/* The arguments a pattern names: as numbers where it counts with them, else as a word (which no
 * choice knows). */
static size_t args_of(struct arena *a, const char *pattern, struct msg_arg out[MSG_ARGS_MAX])
{
    size_t n = 0;
    for (const char *p = strchr(pattern, '{'); p && n < MSG_ARGS_MAX; p = strchr(p + 1, '{')) {
        size_t len = strspn(p + 1, "abcdefghijklmnopqrstuvwxyz0123456789_");
        str rest = str_of(p + 1 + len);
        bool is_typed = str_starts(rest, S(","));
        bool is_counted =
            is_typed && !str_starts(str_trim((str){rest.ptr + 1, rest.len - 1}), S("select,"));
        if (len == 0 || (!is_typed && !str_starts(rest, S("}"))))
            continue; /* a case of a plural or a choice */
        const char *name = arena_cstr(a, (str){p + 1, len});
        out[n++] = is_counted ? MNUM(name, 7) : MARG(name, S("Zq7"));
    }
    return n;
}

static void every_message_says_all_its_arguments_in_every_language(void **state)
{
    struct cx *cx = *state;
    for (uint16_t m = 1; m < M_N; m++) {
        for (int l = 0; l < LANG_N; l++) {
            struct msg_arg args[MSG_ARGS_MAX];
            size_t n = args_of(cx->arena, msg_patterns[l][m], args);
            str s = msg_text(cx->arena, (enum lang)l, m, args, n);
            bool has_word =
                strstr(msg_patterns[l][m], n && args[0].kind == MSG_TEXT
                                               ? arena_printf(cx->arena, "{%s}", args[0].name).ptr
                                               : "\1");
            if (s.len == 0 || !str_is_utf8(s) || str_find(s, S("{")) >= 0 ||
                (has_word && str_find(s, S("Zq7")) < 0))
                fail_msg("%s says '" SFMT "' in %s", msg_name(m), SARG(s), lang_codes[l]);
        }
    }
}

static void an_unknown_message_is_no_crash(void **state)
{
    struct cx *cx = *state;
    assert_int_equal(msg_text(cx->arena, LANG_EN, M_N, NULL, 0).len, 0);
    assert_int_equal(msg_text(cx->arena, LANG_N, M_MISSING, NULL, 0).len, 0);
    assert_string_equal(msg_name(60000), "");
    struct fault none = {.err = ERR_NOT_FOUND};
    assert_str(fault_text(cx->arena, LANG_EN, &none), S("not_found"));
    assert_string_equal(msg_name(M_TOO_LONG), "TOO_LONG");
}

static void *say_much(void *unused)
{
    (void)unused;
    struct arena *a = arena_open(16 << 20);
    const struct msg_arg args[] = {MNUM("least", -1000), MNUM("most", 1000)};
    bool is_right = true;
    for (int i = 0; i < 2000; i++) {
        str s = msg_text(a, LANG_EN, M_OUT_OF_RANGE, args, 2);
        is_right &= str_eq(s, S("The number must be between -1,000 and 1,000."));
        (void)msg_text(a, (enum lang)(i % LANG_N), M_LIST_TOO_LONG, args, 2);
    }
    arena_close(a);
    return is_right ? a : NULL;
}

static void threads_may_speak_at_once(void **state)
{
    (void)state;
    pthread_t t[4];
    for (size_t i = 0; i < COUNT(t); i++)
        assert_int_equal(pthread_create(&t[i], NULL, say_much, NULL), 0);
    for (size_t i = 0; i < COUNT(t); i++) {
        void *is_right = NULL;
        pthread_join(t[i], &is_right);
        assert_non_null(is_right);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_fault_is_said_in_every_language),
        TEST(every_message_says_all_its_arguments_in_every_language),
        TEST(an_unknown_message_is_no_crash),
        TEST(threads_may_speak_at_once),
    };
    return cmocka_run_group_tests(tests, test_cx_open, test_cx_close);
}
