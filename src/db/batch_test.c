#include "db/db_test.h"
#include "messages.h"
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

/* Changes that wait while one runs are joined into a batch; what becomes of each is its own. */

enum { MANY = 400 };

#define QUERY(id, np, is_write, lite, post) \
    static const struct query id = {        \
        .name = #id, .sqlite = (lite), .postgres = (post), .n_params = (np), .writes = (is_write)}
QUERY(q_make, 0, true, "CREATE TABLE thing (id INTEGER PRIMARY KEY, n INTEGER)",
      "CREATE TABLE thing (id BIGINT PRIMARY KEY, n BIGINT)");
QUERY(q_add, 1, true, "INSERT INTO thing (id, n) VALUES (?1, 0)",
      "INSERT INTO thing (id, n) VALUES ($1, 0)");
QUERY(q_more, 1, true, "UPDATE thing SET n = n + 1 WHERE id = ?1",
      "UPDATE thing SET n = n + 1 WHERE id = $1");
QUERY(q_set, 2, true, "UPDATE thing SET n = ?2 WHERE id = ?1",
      "UPDATE thing SET n = $2 WHERE id = $1");
QUERY(q_n, 1, false, "SELECT n FROM thing WHERE id = ?1", "SELECT n FROM thing WHERE id = $1");

struct house_of_tests {
    struct arena *arena;
    struct store *s;
    struct cx cx;
    str cut; /* SQL that ends the connections of the store */
};
static sem_t is_running, may_go, done;
static _Atomic int n_answered;
static pthread_barrier_t both;

struct member {
    enum {
        ADD,       /* a row; does not wait for the answer */
        REFUSE,    /* adds a row, and then thinks otherwise */
        MORE,      /* one more in the row */
        MORE_SOON, /* the same, and waits for the other batch to have done so */
        CUT,       /* loses the connection, once */
        COUNT_UP,  /* reads, then writes */
        SEE,       /* the row must be there */
    } what;
    int64_t row;
    enum lane lane;
    int place;  /* in the order of answers */
    bool waits; /* begins its batch: until the others stand in line */
    struct change change;
    struct cx cx;
    struct house_of_tests *house;
    _Atomic int runs;
    _Atomic bool is_answered;
    enum err e;
};

static enum err member_apply(struct cx *cx, void *state)
{
    struct member *m = state;
    int64_t n = 0;
    bool is_first = atomic_fetch_add(&m->runs, 1) == 0;
    if (m->waits && is_first) {
        sem_post(&is_running);
        sem_wait(&may_go);
    }
    switch (m->what) {
    case ADD:
        return db_run(cx, &q_add, ARGS(V(m->row)));
    case REFUSE:
        TRY(db_run(cx, &q_add, ARGS(V(m->row))));
        return fault(cx, ERR_INVALID, M_RECORD_MOVED);
    case MORE_SOON:
        TRY(db_run_count(cx, &q_more, &n, ARGS(V(m->row))));
        if (is_first)
            pthread_barrier_wait(&both);
        return OK;
    case CUT:
        TRY(db_run_count(cx, &q_more, &n, ARGS(V(m->row))));
        if (is_first)
            test_postgres_run(m->house->cut.ptr);
        return OK;
    case COUNT_UP:
        TRY(db_int(cx, &q_n, &n, ARGS(V(m->row))));
        return db_run(cx, &q_set, ARGS(V(m->row), V(n + 1)));
    case SEE:
        return db_int(cx, &q_n, &n, ARGS(V(m->row)));
    default:
        return db_run(cx, &q_more, ARGS(V(m->row)));
    }
}

static void member_done(struct change *c, enum err e)
{
    struct member *m = c->owner;
    m->e = e;
    m->place = atomic_fetch_add(&n_answered, 1);
    atomic_store(&m->is_answered, true);
    sem_post(&done);
}

static void submit(struct house_of_tests *h, struct member *m, int64_t key)
{
    m->house = h;
    m->cx = (struct cx){.arena = arena_open(1 << 20), .now_ms = clock_now_ms(), .peer = S("")};
    m->change = (struct change){.lane = m->lane,
                                .apply = member_apply,
                                .state = m,
                                .cx = &m->cx,
                                .done = member_done,
                                .owner = m,
                                .key = key};
    db_submit(h->s, &m->change);
}

/* The first alone in its batch until all the others stand in line. */
static void run_together(struct house_of_tests *h, struct member *m, size_t n)
{
    m[0].waits = true;
    submit(h, &m[0], 0);
    sem_wait(&is_running);
    for (size_t i = 1; i < n; i++)
        submit(h, &m[i], 0);
    sem_post(&may_go);
    for (size_t i = 0; i < n; i++)
        sem_wait(&done);
    for (size_t i = 0; i < n; i++)
        arena_close(m[i].cx.arena);
}

static enum err make_apply(struct cx *cx, void *state)
{
    (void)state;
    return db_run(cx, &q_make, NO_ARGS);
}

static enum err rows_apply(struct cx *cx, void *state)
{
    for (int64_t i = 1; i <= *(const int64_t *)state; i++)
        TRY(db_run(cx, &q_add, ARGS(V(i))));
    return OK;
}

static void house_open(struct house_of_tests *h, unsigned writers, int64_t rows)
{
    *h = (struct house_of_tests){.arena = arena_open((size_t)16 << 20)};
    char schema[64];
    struct store_options o = {.url = test_url, .writers = writers};
    h->cx = (struct cx){.arena = h->arena, .now_ms = clock_now_ms(), .if_match = -1, .peer = S("")};
    if (test_is_postgres()) {
        str url = test_postgres_schema(h->arena, schema);
        o.url = arena_printf(h->arena, SFMT "&application_name=%s", SARG(url), schema);
        h->cut = arena_printf(h->arena,
                              "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                              "WHERE application_name = '%s' AND state LIKE 'idle in%%'",
                              schema);
    }
    sem_init(&is_running, 0, 0);
    sem_init(&may_go, 0, 0);
    sem_init(&done, 0, 0);
    atomic_store(&n_answered, 0);
    assert_int_equal(store_open(&h->cx, &o, &h->s), OK);
    assert_int_equal(db_change(h->s, &h->cx, LANE_INTERACTIVE, make_apply, NULL), OK);
    assert_int_equal(db_change(h->s, &h->cx, LANE_INTERACTIVE, rows_apply, &rows), OK);
    assert_int_equal(store_reader(h->s, &h->cx, &h->cx.db), OK);
}

static void house_close(struct house_of_tests *h)
{
    reader_close(h->cx.db);
    store_close(h->s);
    arena_close(h->arena);
    sem_destroy(&is_running);
    sem_destroy(&may_go);
    sem_destroy(&done);
}

/* -1: no such row. */
static int64_t n_of(struct house_of_tests *h, int64_t row)
{
    int64_t n = 0;
    enum err e = db_int(&h->cx, &q_n, &n, ARGS(V(row)));
    return e == ERR_NOT_FOUND ? -1 : n;
}

static int64_t batches(struct house_of_tests *h)
{
    struct store_figures f;
    store_figures(h->s, &f);
    return f.batches;
}

static void a_change_that_fails_leaves_the_others_of_its_batch_as_they_are(void **state)
{
    (void)state;
    /* How many join one batch is a matter of time; tried until some did. */
    bool have_joined = false;
    for (int tries = 0; tries < 50 && !have_joined; tries++) {
        struct house_of_tests h;
        house_open(&h, 1, 0);
        struct member m[] = {{ADD, 1},
                             {ADD, 2},
                             {.what = ADD, .row = 1}, /* there already: found out at the end */
                             {REFUSE, 3},
                             {ADD, 3},
                             {MORE, 1}};
        int64_t before = batches(&h);

        run_together(&h, m, COUNT(m));

        /* On PostgreSQL who is refused begins a batch of his own; one may be the keeper's. */
        have_joined =
            batches(&h) - before <= (test_is_postgres() ? 5 : 2); /* one may be the keeper's own */
        assert_int_equal(m[0].e, OK);
        assert_int_equal(m[1].e, OK);
        assert_int_equal(m[2].e, ERR_CONFLICT);
        assert_int_equal(m[3].e, ERR_INVALID);
        assert_int_equal(m[4].e, OK);
        assert_int_equal(m[5].e, OK);
        assert_int_equal(n_of(&h, 1), 1);
        assert_int_equal(n_of(&h, 2), 0);
        assert_int_equal(n_of(&h, 3), 0);
        house_close(&h);
    }
    assert_true(have_joined);
}

/* What a refused change wrote is taken back by running the others again; who wrote nothing before he was refused costs nobody
 * a second run. */
static void only_a_change_refused_after_writing_makes_its_batch_run_again(void **state)
{
    (void)state;
    if (test_is_postgres())
        return;
    struct house_of_tests h;
    house_open(&h, 1, 2);
    struct member calm[] = {{MORE, 1}, {MORE, 1}, {.what = ADD, .row = 2}, {MORE, 1}};
    struct member spoilt[] = {{MORE, 1}, {MORE, 1}, {REFUSE, 3}, {MORE, 1}, {ADD, 3}};

    run_together(&h, calm, COUNT(calm));
    run_together(&h, spoilt, COUNT(spoilt));

    assert_int_equal(calm[2].e, ERR_CONFLICT);
    for (size_t i = 0; i < COUNT(calm); i++)
        assert_int_equal(atomic_load(&calm[i].runs), 1);
    assert_int_equal(spoilt[2].e, ERR_INVALID);
    assert_true(atomic_load(&spoilt[2].runs) > 1);
    for (size_t i = 0; i < COUNT(spoilt); i++)
        assert_int_equal(spoilt[i].e, i == 2 ? ERR_INVALID : OK);
    assert_int_equal(n_of(&h, 1), 6); /* each once, however often it ran */
    assert_int_equal(n_of(&h, 3), 0);
    house_close(&h);
}

static void a_first_change_that_fails_late_takes_nobody_with_it(void **state)
{
    (void)state;
    struct house_of_tests h;
    house_open(&h, 1, 1);
    struct member m[] = {{ADD, 1}, {ADD, 2}, {MORE, 1}};

    run_together(&h, m, COUNT(m));

    assert_int_equal(m[0].e, ERR_CONFLICT);
    assert_int_equal(m[1].e, OK);
    assert_int_equal(m[2].e, OK);
    assert_int_equal(n_of(&h, 1), 1);
    assert_int_equal(n_of(&h, 2), 0);
    house_close(&h);
}

static void two_batches_that_want_each_others_rows_both_end_at_once(void **state)
{
    (void)state;
    if (!test_is_postgres())
        skip();
    struct house_of_tests h;
    house_open(&h, 2, 2);
    pthread_barrier_init(&both, NULL, 2);
    struct member a[] = {{.what = MORE, .row = 9, .waits = true}, {MORE_SOON, 1}, {MORE, 2}},
                  b[] = {{.what = MORE, .row = 9, .waits = true}, {MORE_SOON, 2}, {MORE, 1}};

    submit(&h, &a[0], 11);
    submit(&h, &b[0], 22);
    sem_wait(&is_running);
    sem_wait(&is_running);
    for (size_t i = 1; i < COUNT(a); i++) {
        submit(&h, &a[i], 11);
        submit(&h, &b[i], 22);
    }
    int64_t from = clock_mono_ns();
    sem_post(&may_go);
    sem_post(&may_go);
    for (size_t i = 0; i < 2 * COUNT(a); i++)
        sem_wait(&done);

    assert_true(clock_mono_ns() - from <
                900000000); /* the server looks for deadlocks after a second */
    for (size_t i = 0; i < COUNT(a); i++) {
        assert_int_equal(a[i].e, OK);
        assert_int_equal(b[i].e, OK);
        arena_close(a[i].cx.arena);
        arena_close(b[i].cx.arena);
    }
    assert_int_equal(n_of(&h, 1), 2);
    assert_int_equal(n_of(&h, 2), 2);
    pthread_barrier_destroy(&both);
    house_close(&h);
}

static void a_change_sees_what_was_acknowledged_before_it_came_in_whatever_batch_it_is(void **state)
{
    (void)state;
    if (!test_is_postgres())
        skip();
    /* Whether the second joins the batch of the first is a matter of time; tried until it did. */
    bool have_joined = false;
    for (int tries = 0; tries < 50 && !have_joined; tries++) {
        struct house_of_tests h;
        house_open(&h, 2, 1);
        struct member first = {.what = MORE, .row = 1, .waits = true},
                      joins = {.what = MORE, .row = 1, .waits = true},
                      made = {.what = ADD, .row = 50}, sees = {.what = SEE, .row = 50},
                      never = {.what = SEE, .row = 51};

        submit(&h, &first, 11);
        sem_wait(&is_running);
        submit(&h, &joins, 11);
        sem_post(&may_go);
        sem_wait(&is_running); /* the batch has its snapshot */
        submit(&h, &made, 22);
        int n = 0;
        for (; !atomic_load(&made.is_answered); n++)
            sem_wait(&done);
        submit(&h, &sees, 11);
        submit(&h, &never, 11);
        sem_post(&may_go);
        for (; n < 5; n++)
            sem_wait(&done);

        have_joined = made.place == 0;
        assert_int_equal(made.e, OK);
        assert_int_equal(sees.e, OK);
        assert_int_equal(never.e, ERR_NOT_FOUND);
        assert_int_equal(n_of(&h, 1), 2);
        struct member *const each[] = {&first, &joins, &made, &sees, &never};
        for (size_t i = 0; i < COUNT(each); i++)
            arena_close(each[i]->cx.arena);
        house_close(&h);
    }
    assert_true(have_joined);
}

static void a_connection_lost_amid_a_batch_costs_no_change_and_doubles_none(void **state)
{
    (void)state;
    if (!test_is_postgres())
        skip();
    /* How many join one batch is a matter of time; tried until others were in it with the cut. */
    bool has_run_again = false;
    for (int tries = 0; tries < 50 && !has_run_again; tries++) {
        struct house_of_tests h;
        house_open(&h, 1, 1);
        struct member m[] = {{MORE, 1}, {MORE, 1}, {CUT, 1}, {ADD, 1}, {MORE, 1}, {ADD, 2}};

        run_together(&h, m, COUNT(m));

        for (size_t i = 0; i < COUNT(m); i++)
            assert_int_equal(m[i].e, i == 3 ? ERR_CONFLICT : OK);
        has_run_again = atomic_load(&m[1].runs) > 1;
        assert_int_equal(n_of(&h, 1), 4);
        assert_int_equal(n_of(&h, 2), 0);
        house_close(&h);
    }
    assert_true(has_run_again);
}

static void changes_of_one_key_are_never_overtaken_and_run_once(void **state)
{
    (void)state;
    struct house_of_tests h;
    house_open(&h, 8, 5);
    struct member *m = calloc(MANY, sizeof *m);
    assert_non_null(m);
    int64_t before = batches(&h);

    for (int64_t i = 0; i < MANY; i++) {
        m[i].what = COUNT_UP;
        m[i].row = 1 + i % 5;
        submit(&h, &m[i], m[i].row);
    }
    for (size_t i = 0; i < MANY; i++)
        sem_wait(&done);

    assert_true(batches(&h) - before < MANY);
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(m[i].e, OK);
        assert_int_equal(atomic_load(&m[i].runs), 1);
        arena_close(m[i].cx.arena);
    }
    for (int64_t row = 1; row <= 5; row++)
        assert_int_equal(n_of(&h, row), MANY / 5);
    free(m);
    house_close(&h);
}

static void a_single_change_waits_for_the_turn_of_bulk_that_runs_and_for_no_other(void **state)
{
    (void)state;
    struct house_of_tests h;
    house_open(&h, 2, 0);
    enum { TURNS = 5, SINGLE = TURNS };
    struct member m[TURNS + 1] = {0};
    for (int i = 0; i < TURNS; i++)
        m[i] = (struct member){.what = ADD, .row = 1 + i, .lane = LANE_BULK, .waits = i == 0};
    m[SINGLE] = (struct member){.what = ADD, .row = 100};

    submit(&h, &m[0], 0);
    sem_wait(&is_running);
    for (int i = 1; i <= SINGLE; i++)
        submit(&h, &m[i], 0);
    if (test_is_postgres()) /* bulk has a writer of its own */
        sem_wait(&done);
    sem_post(&may_go);
    for (int i = test_is_postgres(); i <= SINGLE; i++)
        sem_wait(&done);

    assert_int_equal(m[SINGLE].place, test_is_postgres() ? 0 : 1);
    for (int i = 0; i <= SINGLE; i++) {
        assert_int_equal(m[i].e, OK);
        assert_true(i == SINGLE || i == 0 ||
                    m[i].place == m[i - 1].place + (i == 1 && !test_is_postgres() ? 2 : 1));
        arena_close(m[i].cx.arena);
    }
    house_close(&h);
}

static void a_store_of_one_node_is_calm_until_somebody_asks_and_a_second_later(void **state)
{
    (void)state;
    struct house_of_tests h;
    house_open(&h, 2, 0);
    struct member bulk = {.what = ADD, .row = 1, .lane = LANE_BULK},
                  single = {.what = ADD, .row = 2};
    const int64_t long_ns = 1100000000;

    submit(&h, &bulk, 0);
    sem_wait(&done);
    int64_t before = clock_mono_ns();
    assert_int_equal(store_is_calm(h.s, before + long_ns), !test_is_postgres());
    submit(&h, &single, 0);
    sem_wait(&done);

    assert_false(store_is_calm(h.s, before + 1));
    assert_int_equal(store_is_calm(h.s, clock_mono_ns() + long_ns), !test_is_postgres());
    arena_close(bulk.cx.arena);
    arena_close(single.cx.arena);
    house_close(&h);
}

static int all(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_that_fails_leaves_the_others_of_its_batch_as_they_are),
        cmocka_unit_test(only_a_change_refused_after_writing_makes_its_batch_run_again),
        cmocka_unit_test(a_first_change_that_fails_late_takes_nobody_with_it),
        cmocka_unit_test(two_batches_that_want_each_others_rows_both_end_at_once),
        cmocka_unit_test(
            a_change_sees_what_was_acknowledged_before_it_came_in_whatever_batch_it_is),
        cmocka_unit_test(a_connection_lost_amid_a_batch_costs_no_change_and_doubles_none),
        cmocka_unit_test(changes_of_one_key_are_never_overtaken_and_run_once),
        cmocka_unit_test(a_single_change_waits_for_the_turn_of_bulk_that_runs_and_for_no_other),
        cmocka_unit_test(a_store_of_one_node_is_calm_until_somebody_asks_and_a_second_later),
    };
    return cmocka_run_group_tests_name(test_is_postgres() ? "postgres" : "sqlite", tests, NULL,
                                       NULL);
}

int main(void)
{
    return test_on_stores(all);
}
