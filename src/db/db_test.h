/* db/db_test.h - a store for unit tests: migrated, empty, in memory; on PostgreSQL a database of its own.
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
    char database[64]; /* its own, on PostgreSQL */
};

static const char *const test_store_files[] = {"kith.db", "kith.keys"};
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

/* The URL of a new database, a copy of another or empty; its name is in `name`. */
static inline str test_postgres_database(struct arena *a, const char *like, char name[64])
{
    snprintf(name, 64, "t_%d_%u", (int)getpid(), test_schema_number++);
    str sql = arena_printf(a, "CREATE DATABASE %s TEMPLATE %s", name, like ? like : "template1");
    test_postgres_run(sql.ptr);
    const char *url = getenv("KITH_TEST_POSTGRES"), *from = strstr(url, "://");
    const char *path = strchr(from ? from + 3 : url, '/'), *query = strchr(url, '?');
    assert_non_null(path);
    return arena_printf(a, "%.*s/%s%s", (int)(path - url), url, name, query ? query : "");
}

/* What tests of a kind begin with: each gets a copy of one store that was made, and filled, once a program. */
struct test_house {
    void (*fill)(struct test_world *w); /* NULL: empty */
    char dir[64], database[64];         /* where it stands, once it is made */
};

#define TEST_HOUSES_MAX 8
static struct test_house *test_houses[TEST_HOUSES_MAX];
static pid_t test_houses_pid;

static inline void test_failed_to_open(struct test_world *w)
{
    fail_msg("store: " SFMT, SARG(fault_text(w->cx.arena, LANG_EN, &w->cx.why)));
}

static inline struct test_world *test_world_new(const struct store_options *o)
{
    struct test_world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->cx = (struct cx){.arena = arena_open((size_t)256 << 20), .now_ms = 1795329000000, .if_match = -1, .peer = S("")};
    if (store_open(&w->cx, o, &w->store) != OK)
        test_failed_to_open(w);
    assert_int_equal(store_reader(w->store, &w->cx, &w->cx.db), OK);
    return w;
}

static inline void test_world_end(struct test_world *w)
{
    reader_close(w->cx.db);
    store_close(w->store);
    arena_close(w->cx.arena);
    free(w);
}

/* At exit, also of a program that failed; without any library, since those may have been shut down before. */
static inline void test_houses_gone(void)
{
    for (size_t i = 0; i < TEST_HOUSES_MAX && getpid() == test_houses_pid; i++) {
        struct test_house *h = test_houses[i];
        char file[sizeof h->dir + 16];
        if (!h || !h->dir[0])
            continue;
        for (size_t n = 0; n < COUNT(test_store_files); n++) {
            snprintf(file, sizeof file, "%s/%s", h->dir, test_store_files[n]);
            (void)unlink(file);
        }
        (void)rmdir(h->dir);
    }
}

/* The server is one of the tests' own; what a program that failed leaves there goes with it. */
static inline void test_databases_gone(void)
{
    for (size_t i = 0; i < TEST_HOUSES_MAX; i++) {
        struct test_house *h = test_houses[i];
        char sql[128];
        if (!h || !h->database[0])
            continue;
        snprintf(sql, sizeof sql, "DROP DATABASE %s WITH (FORCE)", h->database);
        test_postgres_run(sql);
        h->database[0] = 0;
    }
}

static inline void test_house_listed(struct test_house *h)
{
    if (!test_houses_pid) {
        test_houses_pid = getpid();
        atexit(test_houses_gone);
    }
    for (size_t i = 0; i < TEST_HOUSES_MAX; i++)
        if (!test_houses[i] || test_houses[i] == h) {
            test_houses[i] = h;
            return;
        }
    fail_msg("more than %d kinds of houses", TEST_HOUSES_MAX);
}

/* The files of a store that goes away stay by another name; its end carries the log into them. */
static inline void test_house_keep(const struct test_house *h, const char *dir)
{
    char from[128], to[128];
    for (size_t n = 0; n < COUNT(test_store_files); n++) {
        snprintf(from, sizeof from, "%s/%s", dir, test_store_files[n]);
        snprintf(to, sizeof to, "%s/%s", h->dir, test_store_files[n]);
        if (access(from, F_OK) == 0)
            assert_int_equal(link(from, to), 0);
    }
}

static inline void test_house_make(struct test_house *h, struct arena *a)
{
    struct store_options o = {.url = test_url};
    test_house_listed(h);
    if (test_is_postgres()) {
        o.url = test_postgres_database(a, NULL, h->database);
    } else {
        snprintf(h->dir, sizeof h->dir, "%s/kith-house-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
        assert_non_null(mkdtemp(h->dir));
    }
    struct test_world *w = test_world_new(&o);
    if (h->fill)
        h->fill(w);
    if (h->dir[0] && !test_is_postgres())
        test_house_keep(h, store_place(w->store));
    test_world_end(w);
}

static inline int test_world_of(struct test_house *h, void **state)
{
    struct arena *a = arena_open(1 << 20);
    char name[64];
    if (!(test_is_postgres() ? h->database[0] : h->dir[0]))
        test_house_make(h, a);
    struct store_options o = {.url = test_url};
    if (test_is_postgres())
        o.url = test_postgres_database(a, h->database, name);
    else
        o.like = str_of(h->dir);
    struct test_world *w = test_world_new(&o);
    if (test_is_postgres())
        snprintf(w->database, sizeof w->database, "%s", name);
    arena_close(a);
    *state = w;
    return 0;
}

static inline int test_world_open(void **state)
{
    static struct test_house empty;
    return test_world_of(&empty, state);
}

static inline int test_world_close(void **state)
{
    struct test_world *w = *state;
    char drop[128] = "";
    if (w->database[0])
        snprintf(drop, sizeof drop, "DROP DATABASE %s WITH (FORCE)", w->database);
    test_world_end(w);
    if (drop[0])
        test_postgres_run(drop);
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
        test_databases_gone();
    }
    return failed;
}
