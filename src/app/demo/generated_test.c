#include "app/demo/generated.h"
#include "base/person.h"

#include <setjmp.h>
#include <cmocka.h>

static void every_generated_number_is_usable_and_reads_back_as_itself(void **state)
{
    (void)state;
    struct arena *a = arena_open(64u << 20);

    for (int64_t i = 0; i < 2000; i++) {
        struct generated_phone made = generated_phone(i * 4999);
        struct phone read = phone_read(a, str_of(made.text), S(""));
        assert_true(read.is_possible);
        assert_string_equal(made.text, arena_cstr(a, read.e164));
        assert_string_equal(generated_shown(i * 4999).text, arena_cstr(a, read.national));
    }
    arena_close(a);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void no_two_of_a_million_customers_share_a_number(void **state)
{
    (void)state;
    enum { N = 1000000 };
    struct generated_phone *all = calloc(N, sizeof *all);
    assert_non_null(all);

    for (int64_t i = 0; i < N; i++)
        all[i] = generated_phone(i);

    qsort(all, N, sizeof *all, by_text);
    for (size_t i = 1; i < N; i++)
        assert_string_not_equal(all[i - 1].text, all[i].text);
    free(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_generated_number_is_usable_and_reads_back_as_itself),
        cmocka_unit_test(no_two_of_a_million_customers_share_a_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
