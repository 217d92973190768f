/* Of each record it can be said whether an export held it. */
#include "db/db_test.h"
#include "rooms/audit/audit.h"

enum { PARTS = 5, EACH = 200 };

struct noted {
    struct audit_export x;
    bool is_done;
};

static int64_t id_at(int64_t i) /* ascending, with steps of all sizes */
{
    return 1000 + i * 7 + (i % 3 == 0 ? 0 : 3) + ((i / 100) << 33);
}

static enum err note_apply(struct cx *cx, void *state)
{
    const struct noted *n = state;
    TRY(audit_export_begin(cx, &n->x));
    for (int64_t p = 0; p < PARTS && !n->x.is_all; p++) {
        int64_t ids[EACH + 2];
        for (int64_t i = 0; i < EACH; i++) /* in any order, some twice */
            ids[i] = id_at(p * EACH + (i * 77) % EACH);
        ids[EACH] = ids[3];
        ids[EACH + 1] = ids[0];
        TRY(audit_export_part(cx, n->x.id, ids, EACH + 2));
    }
    return n->is_done ? audit_export_done(cx, n->x.id) : OK;
}

static int64_t noted(struct test_world *w, bool is_orders, bool is_all, bool is_done)
{
    struct noted n = {.x = {.id = id_new(w->cx.now_ms),
                            .is_orders = is_orders,
                            .is_all = is_all,
                            .until = 5000,
                            .details = S("csv")},
                      .is_done = is_done};
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, note_apply, &n), OK);
    return n.x.id;
}

static enum audit_held held(struct test_world *w, int64_t export_id, int64_t a, int64_t b)
{
    enum audit_held h = HELD_NO;
    const int64_t ids[] = {a, b};
    assert_int_equal(audit_export_held(&w->cx, export_id, ids, b ? 2 : 1, &h), OK);
    return h;
}

static void each_customer_of_a_list_is_found_and_nobody_else(void **state)
{
    struct test_world *w = *state;
    int64_t x = noted(w, false, false, true), other = noted(w, false, true, true);
    for (int64_t i = 0; i < PARTS * EACH; i++)
        assert_int_equal(held(w, x, id_at(i), 0), HELD_YES);
    for (int64_t i = 0; i < PARTS * EACH; i += 13) {
        assert_int_equal(held(w, x, id_at(i) + 1, 0), HELD_NO);
        assert_int_equal(held(w, x, 1, id_at(i)), HELD_YES); /* by any id of the record */
    }
    assert_int_equal(held(w, x, 1, 0), HELD_NO);
    assert_int_equal(held(w, x, INT64_MAX, 0), HELD_NO);
    assert_int_equal(held(w, other, 5000, 0), HELD_YES); /* of everybody there was */
    assert_int_equal(held(w, other, 5001, 0), HELD_NO);
}

static void of_an_export_that_was_broken_off_only_what_is_listed_is_sure(void **state)
{
    struct test_world *w = *state;
    int64_t x = noted(w, false, false, false), all = noted(w, false, true, false);
    assert_int_equal(held(w, x, id_at(700), 0), HELD_YES);
    assert_int_equal(held(w, x, 1, 0), HELD_PERHAPS);
    assert_int_equal(held(w, all, 7, 0), HELD_PERHAPS);
    assert_int_equal(held(w, all, 6000, 0), HELD_NO);
    assert_int_equal(held(w, 99, 7, 0), HELD_PERHAPS); /* of before there were lists */
}

static void whoever_has_no_order_was_in_no_export_of_orders(void **state)
{
    struct test_world *w = *state;
    int64_t x = noted(w, true, true, true);
    assert_int_equal(held(w, x, 7, 8), HELD_NO);
}

static int all(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(each_customer_of_a_list_is_found_and_nobody_else),
        STORE_TEST(of_an_export_that_was_broken_off_only_what_is_listed_is_sure),
        STORE_TEST(whoever_has_no_order_was_in_no_export_of_orders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return test_on_stores(all);
}
