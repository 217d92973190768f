#include "db/plans.h"
#include "db/db_test.h"
#include "db/postgres.h"

/* What PostgreSQL planned for a small table is not used for the large one that became of it. */

#define SIZES(...)                                                                   \
    (struct list)                                                                    \
    {                                                                                \
        (struct table_pages[]){__VA_ARGS__},                                         \
            sizeof((struct table_pages[]){__VA_ARGS__}) / sizeof(struct table_pages) \
    }

static void plans_are_old_when_a_table_has_eight_times_its_pages(void **state)
{
    (void)state;
    struct plan_pages was = {0};

    assert_false(plans_are_old(&was, &SIZES({7, 7})));
    assert_true(plans_are_old(&was, &SIZES({7, 8}, {9, 100})));
    assert_false(plans_are_old(&was, &SIZES({7, 63}, {9, 799})));
    assert_true(plans_are_old(&was, &SIZES({7, 64}, {9, 799})));
    assert_true(plans_are_old(&was, &SIZES({3, 8}, {7, 64}, {9, 799}))); /* a new table */
    assert_false(plans_are_old(&was, &SIZES({3, 8}, {7, 64}, {9, 6391})));
    assert_true(plans_are_old(&was, &SIZES({3, 8}, {7, 64}, {9, 6392})));

    plan_pages_free(&was);
}

static void a_table_that_shrank_is_planned_anew_when_it_grows_again(void **state)
{
    (void)state;
    struct plan_pages was = {0};
    assert_true(plans_are_old(&was, &SIZES({7, 1000})));

    assert_false(plans_are_old(&was, &SIZES({7, 0})));

    assert_true(plans_are_old(&was, &SIZES({7, 8})));
    plan_pages_free(&was);
}

#define PG_QUERY(id, np, is_write, post) \
    static const struct query id = {     \
        .name = #id, .sqlite = "", .postgres = (post), .n_params = (np), .writes = (is_write)}
PG_QUERY(q_whole, 0, true, "CREATE TABLE whole (id BIGINT PRIMARY KEY, root_id BIGINT NOT NULL)");
PG_QUERY(q_whole_index, 0, true, "CREATE INDEX whole_by_root ON whole (root_id)");
PG_QUERY(q_part, 0, true, "CREATE TABLE part (id BIGINT PRIMARY KEY, whole_id BIGINT NOT NULL)");
PG_QUERY(q_part_index, 0, true, "CREATE INDEX part_of_whole ON part (whole_id)");
PG_QUERY(q_wholes, 0, true, "INSERT INTO whole SELECT i, i FROM generate_series(1, 1000) i");
PG_QUERY(q_parts, 0, true,
         "INSERT INTO part SELECT i, i % 1000 + 1 FROM generate_series(1, 20000) i");
PG_QUERY(q_parts_of, 1, false,
         "SELECT max(p.id) FROM whole w JOIN part p ON p.whole_id = w.id WHERE w.root_id = $1");
PG_QUERY(q_fetched, 0, false,
         "SELECT idx_tup_fetch + seq_tup_read FROM pg_stat_xact_user_tables "
         "WHERE schemaname = current_schema() AND relname = 'part'");

static enum err make_apply(struct cx *cx, void *state)
{
    (void)state;
    TRY(db_run(cx, &q_whole, NO_ARGS));
    TRY(db_run(cx, &q_whole_index, NO_ARGS));
    TRY(db_run(cx, &q_part, NO_ARGS));
    TRY(db_run(cx, &q_part_index, NO_ARGS));
    return db_run(cx, &q_wholes, NO_ARGS);
}

static enum err parts_apply(struct cx *cx, void *state)
{
    (void)state;
    return db_run(cx, &q_parts, NO_ARGS);
}

/* How many rows of `part` the question for one of them looked at. */
static int64_t looked_at(struct test_world *w)
{
    int64_t last = 0, n = 0;
    assert_int_equal(read_begin(&w->cx), OK);
    assert_int_equal(db_int(&w->cx, &q_parts_of, &last, ARGS(V((int64_t)5))), OK);
    assert_int_equal(db_int(&w->cx, &q_fetched, &n, NO_ARGS), OK);
    read_end(&w->cx);
    return n;
}

static void a_statement_planned_while_its_table_was_empty_goes_by_the_index_when_it_has_grown(
    void **state)
{
    struct test_world *w = *state;
    if (!test_is_postgres())
        return;
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, make_apply, NULL), OK);
    PGconn *c = pg_connect(w->store->url); /* somebody's vacuumdb --analyze */
    assert_non_null(c);
    PQclear(PQexec(c, "ANALYZE"));
    PQfinish(c);
    for (int i = 0; i < 10; i++) /* from the sixth time on the plan is kept */
        assert_int_equal(looked_at(w), 0);
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, parts_apply, NULL), OK);

    assert_int_equal(pg_look_at_pages(w->store), OK);

    assert_in_range(looked_at(w), 1, 100);
}

static int all(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans_are_old_when_a_table_has_eight_times_its_pages),
        cmocka_unit_test(a_table_that_shrank_is_planned_anew_when_it_grows_again),
        STORE_TEST(
            a_statement_planned_while_its_table_was_empty_goes_by_the_index_when_it_has_grown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return test_on_stores(all);
}
