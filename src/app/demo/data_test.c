#include "app/demo/data.h"
#include "base/person.h"

#include <setjmp.h>
#include <cmocka.h>

static struct arena *arena;

static void the_shops_history_is_whole(void **state)
{
    (void)state;
    const struct retail *r = retail_open(arena);

    assert_int_equal(r->n_customers, 3648); /* with 35 who only sent goods back */
    assert_true(r->n_orders > 15000);
    for (size_t i = 0; i < r->n_orders; i++) {
        assert_true(r->orders[i].n_lines > 0 && r->orders[i].n_lines <= 40);
        for (size_t k = 0; k < r->orders[i].n_lines; k++)
            assert_true(r->orders[i].lines[k].product < r->n_products);
    }
}

static void every_made_up_number_reads_back_as_itself(void **state)
{
    (void)state;
    const struct people *p = people_open(arena);

    for (size_t i = 0; i < p->n; i++) {
        for (size_t k = 0; k < p->cultures[i].n_towns; k++) {
            const struct town *t = &p->cultures[i].towns[k];
            str number = arena_printf(arena, SFMT "%0*d", SARG(t->prefix), (int)t->digits, 42);
            struct phone read = phone_read(arena, number, S(""));

            assert_true(read.is_possible);
            assert_true(str_eq(read.e164, number));
            assert_true(str_eq(str_of(read.country), t->country) || !read.is_valid);
        }
    }
}

static void every_culture_can_make_a_person_and_a_firm(void **state)
{
    (void)state;
    const struct people *p = people_open(arena);

    assert_int_equal(p->n, 10);
    for (size_t i = 0; i < p->n; i++) {
        const struct culture *c = &p->cultures[i];
        assert_true(c->families.n >= 5 && c->women.n >= 4 && c->men.n >= 4);
        assert_true(c->firms.n && c->n_towns && c->n_lines);
        for (size_t k = 0; k < c->families.n; k++)
            assert_true(str_is_utf8(c->families.items[k].text) && c->families.items[k].latin.len);
    }
}

static int open_arena(void **state)
{
    (void)state;
    arena = arena_open(256u << 20);
    return arena ? 0 : -1;
}

static int close_arena(void **state)
{
    (void)state;
    arena_close(arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_shops_history_is_whole),
        cmocka_unit_test(every_made_up_number_reads_back_as_itself),
        cmocka_unit_test(every_culture_can_make_a_person_and_a_firm),
    };
    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
