/* db/db_test.h - a store for unit tests: migrated, empty, in memory; on PostgreSQL a schema of its own.
 *
 *   static int all(void) { const struct CMUnitTest tests[] = {STORE_TEST(a_thing_holds), …};
 *                          return cmocka_run_group_tests(tests, NULL, NULL); }
 *   int main(void) { return test_on_stores(all); }
 *
 * Each test gets its own store: *state is struct test_world *, whose cx reads from it.
 * PostgreSQL takes part when KITH_TEST_POSTGRES holds a connection URL.
 */
#pragma once
#include "base/base_test.h"
#include "db/db.h"
#include "db/event.h"
#include <libpq-fe.h>
#include <unistd.h>

/* Stores of tests find their key here, and leave none beside their directories. */
__attribute__((constructor)) static void test_key_set(void)
{
    setenv("KITH_KEY", "0707070707070707070707070707070707070707070707070707070707070707", 1);
}

struct test_world {
    struct cx cx; /* reads; db_change(w->store, &w->cx, …) writes */
    struct store *store;
};

static str test_url = S(":memory:");
static unsigned test_schema_number;

static inline bool test_is_postgres(void)
{
    return !str_eq(test_url, S(":memory:"));
}

static inline void test_postgres_run(const char *sql)
{
    PGconn *c = PQconnectdb(getenv("KITH_TEST_POSTGRES"));
    PGresult *r = PQexec(c, sql);
    if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(c));
    PQclear(r);
    PQfinish(c);
}

/* The URL of a new, empty schema; its name is in `schema`. */
static inline str test_postgres_schema(struct arena *a, char schema[64])
{
    snprintf(schema, 64, "t_%d_%u", (int)getpid(), test_schema_number++);
    str sql = arena_printf(a, "SET client_min_messages = error; DROP SCHEMA IF EXISTS %s CASCADE; CREATE SCHEMA %s",
                           schema, schema);
    test_postgres_run(sql.ptr);
    const char *url = getenv("KITH_TEST_POSTGRES");
    return arena_printf(a, "%s%coptions=-csearch_path%%3D%s", url, strchr(url, '?') ? '&' : '?', schema);
}

static inline int test_world_open(void **state)
{
    struct test_world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->cx = (struct cx){.arena = arena_open((size_t)256 << 20), .now_ms = 1795329000000, .if_match = -1, .peer = S("")};
    char schema[64];
    struct store_options o = {.url = test_is_postgres() ? test_postgres_schema(w->cx.arena, schema) : test_url};
    enum err e = store_open(&w->cx, &o, &w->store);
    if (e != OK)
        fail_msg("store: " SFMT, SARG(fault_text(w->cx.arena, LANG_EN, &w->cx.why)));
    assert_int_equal(store_reader(w->store, &w->cx, &w->cx.db), OK);
    *state = w;
    return 0;
}

static inline int test_world_close(void **state)
{
    struct test_world *w = *state;
    reader_close(w->cx.db);
    store_close(w->store);
    arena_close(w->cx.arena);
    free(w);
    return 0;
}

#define STORE_TEST(fn) cmocka_unit_test_setup_teardown(fn, test_world_open, test_world_close)

static inline int test_on_stores(int (*all)(void))
{
    int failed = all();
    const char *url = getenv("KITH_TEST_POSTGRES");
    if (url && *url) {
        test_url = str_of(url);
        failed += all();
    }
    return failed;
}
