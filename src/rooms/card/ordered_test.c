/* Lists of what a customer may have a hundred thousand of: each is read along an index that gives its
 * order, and ends by its LIMIT, so that a long history costs as much as a short one. Asked of
 * PostgreSQL here; tools/plans.py asks the same of SQLite by the same names. */
#include "db/db_test.h"
#include "queries.h"

#define ORDERED(name) &q_##name
static const struct query *const ordered[] = {
    ORDERED(card_line_list),
    ORDERED(timeline_list),
    ORDERED(timeline_list_of_channels),
    ORDERED(timeline_look),
    ORDERED(timeline_look_of_channels),
    ORDERED(card_order_list),
    ORDERED(card_calls),
    ORDERED(note_list),
    ORDERED(note_page),
    ORDERED(history_page),
    ORDERED(history_of_batch),
    ORDERED(relation_from),
    ORDERED(relation_to),
    ORDERED(people_page),
    ORDERED(task_open_page),
    ORDERED(task_done_page),
    ORDERED(consent_page),
    ORDERED(tag_list),
    ORDERED(task_recent),
};

/* With whole reads and sorts made dear, a sort in the plan means that there is no other way. An
 * incremental one goes along the index too: it orders only what came at the same moment. */
static void long_lists_are_read_in_the_order_of_an_index(void **state)
{
    (void)state;
    if (!test_is_postgres())
        skip();
    struct arena *a = arena_open((size_t)8 << 20);
    char schema[64];
    struct cx cx = {.arena = a, .now_ms = 1795329000000, .if_match = -1};
    struct store_options o = {.url = test_postgres_schema(a, schema)};
    struct store *store;
    assert_int_equal(store_open(&cx, &o, &store), OK);
    PGconn *c = PQconnectdb(arena_cstr(a, o.url));
    assert_int_equal(PQstatus(c), CONNECTION_OK);
    PQclear(PQexec(c,
                   "SET enable_sort = off; SET enable_seqscan = off; SET enable_bitmapscan = off; "
                   "SET plan_cache_mode = force_generic_plan"));
    for (size_t i = 0; i < COUNT(ordered); i++) {
        const struct query *q = ordered[i];
        struct text nulls = text_in(a, 1000);
        for (size_t k = 0; k < q->n_params; k++)
            text_add(&nulls, k ? S(", NULL") : S("NULL"));
        PGresult *r = PQprepare(c, q->name, q->postgres, 0, NULL);
        if (PQresultStatus(r) != PGRES_COMMAND_OK)
            fail_msg("%s: %s", q->name, PQerrorMessage(c));
        PQclear(r);
        str ask = arena_printf(a, "EXPLAIN EXECUTE %s(" SFMT ")", q->name, SARG(text_str(&nulls)));
        r = PQexec(c, arena_cstr(a, ask));
        if (PQresultStatus(r) != PGRES_TUPLES_OK)
            fail_msg("%s: %s", q->name, PQerrorMessage(c));
        for (int row = 0; row < PQntuples(r); row++)
            if (strstr(PQgetvalue(r, row, 0), "Sort  (") &&
                !strstr(PQgetvalue(r, row, 0), "Incremental"))
                fail_msg("%s sorts: there is no index in its order (%s)", q->name,
                         PQgetvalue(r, row, 0));
        PQclear(r);
    }
    PQfinish(c);
    store_close(store);
    arena_close(a);
}

static int all(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(long_lists_are_read_in_the_order_of_an_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return test_on_stores(all);
}
