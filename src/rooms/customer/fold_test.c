/* rooms/customer/fold_test.c - the folded texts go with the texts, and those of older records are filled. */
#include "db/db_test.h"
#include "queries.h"
#include "rooms/customer/inside.h"

#define QUERY(id, np, is_write, both) \
    static const struct query id = {  \
        .name = #id, .sqlite = (both), .postgres = (both), .n_params = (np), .writes = (is_write)}
QUERY(q_forget, 0, true,
      "UPDATE customer SET folded_name = '', folded_city = '', folded_company = ''");
QUERY(
    q_is_folded, 0, false,
    "SELECT count(*) FROM customer WHERE folded_name = 'anna müller' AND folded_city = 'tokyo ab' AND folded_company = 'strasse 1'");

static enum err add_apply(struct cx *cx, void *state)
{
    (void)state;
    struct customer_new c = {.id = {id_new(cx->now_ms)},
                             .name = S("Anna  MÜLLER"),
                             .city = S("Ｔokyo ab "),
                             .company = S("Straße 1")};
    return customer_add(cx, &c);
}

static enum err forget_apply(struct cx *cx, void *state)
{
    (void)state;
    return db_run(cx, &q_forget, NO_ARGS);
}

static enum err job_apply(struct cx *cx, void *state)
{
    int64_t position = 0, progress = 0, total = 0;
    return customer_fold_job.slice(cx, (str){0}, &position, &progress, &total, state);
}

static int64_t folded(struct test_world *w)
{
    int64_t n = 0;
    assert_int_equal(db_int(&w->cx, &q_is_folded, &n, NO_ARGS), OK);
    return n;
}

static void a_new_record_has_its_texts_folded(void **state)
{
    struct test_world *w = *state;
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, add_apply, NULL), OK);
    assert_int_equal(folded(w), 1);
}

static void records_from_before_are_filled(void **state)
{
    struct test_world *w = *state;
    bool finished = false;
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, add_apply, NULL), OK);
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, forget_apply, NULL), OK);
    assert_int_equal(folded(w), 0);

    assert_int_equal(db_change(w->store, &w->cx, LANE_BULK, job_apply, &finished), OK);

    assert_true(finished);
    assert_int_equal(folded(w), 1);
}

static int all(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_new_record_has_its_texts_folded),
        STORE_TEST(records_from_before_are_filled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return test_on_stores(all);
}
