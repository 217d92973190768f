#include "base/base_test.h"

static void memory_is_zeroed_and_aligned_and_new_after_each_reset(void **state)
{
    (void)state;
    struct arena *a = arena_open(1 << 20);
    for (int round = 0; round < 3; round++) {
        for (size_t n = 1; n < 300; n++) {
            unsigned char *p = arena_alloc(a, n, 1);
            assert_int_equal((uintptr_t)p % 16, 0);
            for (size_t i = 0; i < n; i++)
                assert_int_equal(p[i], 0);
            memset(p, 0xAA, n);
        }
        assert_true(arena_used(a) >= 299 * 150);
        arena_reset(a);
        assert_int_equal(arena_used(a), 0);
    }
    arena_close(a);
}

static void past_the_limit_try_refuses_and_alloc_says_the_arena_is_over(void **state)
{
    (void)state;
    struct arena *a = arena_open(4096);
    assert_non_null(arena_try(a, 1, 2048));
    assert_false(arena_is_over(a));

    assert_null(arena_try(a, 1, 4096));
    assert_true(arena_is_over(a));
    char *p = arena_alloc(a, 1, 100000);
    memset(p, 1, 100000);
    assert_true(arena_is_over(a));

    arena_reset(a);
    assert_false(arena_is_over(a));
    assert_non_null(arena_try(a, 1, 2048));
    arena_close(a);
}

static void a_product_that_overflows_is_refused(void **state)
{
    (void)state;
    struct arena *a = arena_open(SIZE_MAX);
    assert_null(arena_try(a, SIZE_MAX / 2, 3));
    assert_null(arena_try(a, 1, SIZE_MAX));
    arena_close(a);
    arena_close(NULL);
}

static void copies_end_with_a_nul_that_does_not_count(void **state)
{
    struct cx *cx = *state;
    str copy = arena_str(cx->arena, S("abc"));
    assert_int_equal(copy.len, 3);
    assert_int_equal(copy.ptr[3], 0);
    assert_string_equal(arena_cstr(cx->arena, (str){0}), "");
    assert_str(arena_printf(cx->arena, "%d-%s", 7, "x"), S("7-x"));
}

static void a_text_keeps_what_fits_and_says_that_it_is_over(void **state)
{
    struct cx *cx = *state;
    struct text t = text_in(cx->arena, 10);
    text_add(&t, S("12345"));
    text_add(&t, S("123456"));
    assert_true(t.is_over);
    assert_str(text_str(&t), S("12345"));
    text_add_char(&t, 'x'); /* once over, always over: no holes */
    assert_str(text_str(&t), S("12345"));
}

static void a_text_grows_in_the_arena_and_on_the_heap_alike(void **state)
{
    struct cx *cx = *state;
    struct text t = text_in(cx->arena, 1 << 20), h = text_on_heap(1 << 20);
    for (int i = 0; i < 5000; i++) {
        text_add_int(&t, i);
        text_add_int(&h, i);
        if (i % 100 == 0)
            (void)arena_alloc(cx->arena, 1, 64); /* stands in the way of growing in place */
        text_printf(&t, " %s %c", "and", 'x');
        text_printf(&h, " %s %c", "and", 'x');
    }
    assert_false(t.is_over);
    assert_true(str_eq(text_str(&t), text_str(&h)));
    text_free(&h);
    text_free(&h);
    struct text zero = {0};
    text_free(&zero);
}

static void a_text_in_a_full_arena_is_over(void **state)
{
    (void)state;
    struct arena *a = arena_open(1000);
    struct text t = text_in(a, 1 << 20);
    for (int i = 0; i < 2000; i++)
        text_add_char(&t, 'x');
    assert_true(t.is_over);
    assert_true(t.len > 400 && t.len <= 1000);
    arena_close(a);
}

static void numbers_are_written_to_the_last_digit(void **state)
{
    struct cx *cx = *state;
    struct text t = text_in(cx->arena, 100);
    text_add_int(&t, INT64_MIN);
    text_add_char(&t, ' ');
    text_add_int(&t, INT64_MAX);
    text_add_char(&t, ' ');
    text_add_int(&t, 0);
    assert_str(text_str(&t), S("-9223372036854775808 9223372036854775807 0"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(memory_is_zeroed_and_aligned_and_new_after_each_reset),
        TEST(past_the_limit_try_refuses_and_alloc_says_the_arena_is_over),
        TEST(a_product_that_overflows_is_refused),
        TEST(copies_end_with_a_nul_that_does_not_count),
        TEST(a_text_keeps_what_fits_and_says_that_it_is_over),
        TEST(a_text_grows_in_the_arena_and_on_the_heap_alike),
        TEST(a_text_in_a_full_arena_is_over),
        TEST(numbers_are_written_to_the_last_digit),
    };
    return cmocka_run_group_tests(tests, test_cx_open, test_cx_close);
}
