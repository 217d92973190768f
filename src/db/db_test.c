#include "db/db_test.h"
#include "messages.h"
#include <pthread.h>
#include <semaphore.h>

/* ---- a small world: people with a score ------------------------------------------------------- */

#define QUERY(id, np, is_write, lite, post) \
    static const struct query id = {        \
        .name = #id, .sqlite = (lite), .postgres = (post), .n_params = (np), .writes = (is_write)}

QUERY(
    q_make, 0, true,
    "CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT UNIQUE, score INTEGER, note BLOB, weight REAL)",
    "CREATE TABLE person (id BIGINT PRIMARY KEY, name TEXT COLLATE \"C\" UNIQUE, score BIGINT, note BYTEA, weight DOUBLE PRECISION)");
QUERY(q_add, 3, true, "INSERT INTO person (id, name, score) VALUES (?1, ?2, ?3)",
      "INSERT INTO person (id, name, score) VALUES ($1, $2, $3)");
QUERY(q_add_whole, 5, true,
      "INSERT INTO person (id, name, score, note, weight) VALUES (?1, ?2, ?3, ?4, ?5)",
      "INSERT INTO person (id, name, score, note, weight) VALUES ($1, $2, $3, $4, $5)");
QUERY(q_raise, 1, true, "UPDATE person SET score = score + 1 WHERE id >= ?1",
      "UPDATE person SET score = score + 1 WHERE id >= $1");
QUERY(q_count, 0, false, "SELECT count(*) FROM person", "SELECT count(*) FROM person");
QUERY(q_score, 1, false, "SELECT score FROM person WHERE id = ?1",
      "SELECT score FROM person WHERE id = $1");
QUERY(q_add_back, 2, true, "INSERT INTO person (id, name, score) VALUES (?1, ?2, 0) RETURNING id",
      "INSERT INTO person (id, name, score) VALUES ($1, $2, 0) RETURNING id");
QUERY(q_whole, 1, false, "SELECT id, name, score, note, weight FROM person WHERE id = ?1",
      "SELECT id, name, score, note, weight FROM person WHERE id = $1");
QUERY(q_list, 0, false, "SELECT id, name, score, note, weight FROM person ORDER BY name LIMIT 1000",
      "SELECT id, name, score, note, weight FROM person ORDER BY name LIMIT 1000");
QUERY(
    q_some, 1, false,
    "SELECT id, name, score, note, weight FROM person WHERE id IN (SELECT value FROM json_each(?1)) ORDER BY id",
    "SELECT id, name, score, note, weight FROM person WHERE id IN (SELECT unnest(CAST($1 AS BIGINT[])) AS value) ORDER BY id");
QUERY(q_named, 1, false,
      "SELECT count(*) FROM person WHERE name IN (SELECT value FROM json_each(?1))",
      "SELECT count(*) FROM person WHERE name IN (SELECT unnest(CAST($1 AS TEXT[])) AS value)");
QUERY(
    q_endless, 0, false,
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
    "WITH RECURSIVE n (i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n");

struct person {
    int64_t id;
    opt_str name;
    opt_int score;
    str note;
    double weight;
};
static const struct field person_fields[] = {
    FIELD(struct person, id),   FIELD(struct person, name),   FIELD(struct person, score),
    FIELD(struct person, note), FIELD(struct person, weight),
};
static const struct shape person_shape = SHAPE("person", struct person, person_fields);

static enum err make_table(struct cx *cx, void *state)
{
    (void)state;
    return db_run(cx, &q_make, NO_ARGS);
}

static int world_with_people(void **state)
{
    test_world_open(state);
    struct test_world *w = *state;
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, make_table, NULL), OK);
    return 0;
}
#define PEOPLE_TEST(fn) cmocka_unit_test_setup_teardown(fn, world_with_people, test_world_close)

static int64_t people(struct test_world *w)
{
    int64_t n = -1;
    assert_int_equal(db_int(&w->cx, &q_count, &n, NO_ARGS), OK);
    return n;
}

struct add {
    int64_t id;
    str name;
    enum err then; /* refuses after the insert */
};

static enum err add_apply(struct cx *cx, void *state)
{
    const struct add *a = state;
    TRY(db_run(cx, &q_add, ARGS(V(a->id), V(a->name), V(a->id))));
    return a->then;
}

static enum err add(struct test_world *w, int64_t id, str name)
{
    struct add a = {id, name, OK};
    return db_change(w->store, &w->cx, LANE_INTERACTIVE, add_apply, &a);
}

/* ---- tests --------------------------------------------------------------------------------------- */

static enum err whole_apply(struct cx *cx, void *state)
{
    (void)state;
    const char bytes[] = {0, 1, (char)0xff, 'x'};
    TRY(db_run(cx, &q_add_whole, ARGS(V(1), V("Жанна"), V(INT64_MIN), val_blob(bytes, 4), V(0.1))));
    TRY(db_run(cx, &q_add_whole, ARGS(V(2), VNULL, VNULL, VNULL, VNULL)));
    return db_run(cx, &q_add_whole, ARGS(V(3), V(""), V(INT64_MAX), val_blob("", 0), V(-1.5e300)));
}

static void every_kind_of_value_comes_back_as_it_went_in(void **state)
{
    struct test_world *w = *state;
    struct person p = {0};

    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, whole_apply, NULL), OK);

    assert_int_equal(db_one(&w->cx, &q_whole, &person_shape, &p, ARGS(V(1))), OK);
    assert_str(p.name.v, S("Жанна"));
    assert_true(p.score.v == INT64_MIN);
    assert_int_equal(p.note.len, 4);
    assert_memory_equal(p.note.ptr, "\0\1\377x", 4);
    assert_true(p.weight == 0.1);
    assert_int_equal(db_one(&w->cx, &q_whole, &person_shape, &p, ARGS(V(2))), OK);
    assert_false(p.name.has || p.score.has);
    assert_int_equal(p.note.len, 0);
    assert_int_equal(db_one(&w->cx, &q_whole, &person_shape, &p, ARGS(V(3))), OK);
    assert_true(p.name.has && p.name.v.len == 0 && p.score.v == INT64_MAX && p.weight == -1.5e300);
    assert_int_equal(db_one(&w->cx, &q_whole, &person_shape, &p, ARGS(V(4))), ERR_NOT_FOUND);
}

static void a_list_of_numbers_or_texts_is_one_parameter(void **state)
{
    struct test_world *w = *state;
    for (int64_t i = 1; i <= 20; i++)
        assert_int_equal(add(w, i, arena_printf(w->cx.arena, "n\"%lld", (long long)i)), OK);
    const int64_t ids[] = {3, 1, 17, 99};
    const str names[] = {S("n\"2"), S("n\"20"), S("nobody")};
    struct list found = {0};
    int64_t n = 0;

    assert_int_equal(db_all(&w->cx, &q_some, &person_shape, &found, ARGS(val_ints(ids, 4))), OK);
    assert_int_equal(db_int(&w->cx, &q_named, &n, ARGS(val_texts(names, 3))), OK);

    assert_int_equal(found.n, 3);
    assert_int_equal(((struct person *)found.items)[2].id, 17);
    assert_int_equal(n, 2);
    assert_int_equal(db_all(&w->cx, &q_some, &person_shape, &found, ARGS(val_ints(ids, 0))), OK);
    assert_int_equal(found.n, 0);
}

static void a_batch_of_reads_answers_each(void **state)
{
    struct test_world *w = *state;
    assert_int_equal(add(w, 1, S("Ann")), OK);
    assert_int_equal(add(w, 2, S("Bob")), OK);
    struct person p = {0}, none = {0};
    struct list all = {0};
    const struct val one = V(2), nine = V(9);
    struct db_read reads[] = {
        {.q = &q_whole, .shape = &person_shape, .one = true, .out = &p, .args = {&one, 1}},
        {.q = &q_whole, .shape = &person_shape, .one = true, .out = &none, .args = {&nine, 1}},
        {.q = &q_list, .shape = &person_shape, .out = &all},
    };

    assert_int_equal(read_begin(&w->cx), OK);
    assert_int_equal(db_batch(&w->cx, reads, COUNT(reads)), OK);
    assert_int_equal(db_batch(&w->cx, reads, COUNT(reads)), OK);
    read_end(&w->cx);

    assert_true(reads[0].found && !reads[1].found);
    assert_str(p.name.v, S("Bob"));
    assert_int_equal(all.n, 2);
    assert_str(((struct person *)all.items)[0].name.v, S("Ann"));
}

static void a_refused_change_leaves_nothing(void **state)
{
    struct test_world *w = *state;
    struct add a = {1, S("Ann"), ERR_INVALID};

    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, add_apply, &a), ERR_INVALID);

    assert_int_equal(people(w), 0);
}

static enum err careless_apply(struct cx *cx, void *state)
{
    (void)state;
    enum err e = db_run(cx, &q_add, ARGS(V(1), V("again"), V(1)));
    if (e == OK)
        e = db_run(cx, &q_add, ARGS(V(2), V("other"), V(1)));
    return OK; /* overlooks the conflict */
}

static void a_failed_statement_refuses_its_change_even_when_overlooked(void **state)
{
    struct test_world *w = *state;
    assert_int_equal(add(w, 1, S("Ann")), OK);

    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, careless_apply, NULL),
                     ERR_CONFLICT);

    assert_int_equal(people(w), 1);
}

static enum err returning_apply(struct cx *cx, void *state)
{
    int64_t *out = state;
    TRY(db_int(cx, &q_add_back, &out[0], ARGS(V(41), V("Ann"))));
    TRY(db_int(cx, &q_add_back, &out[1], ARGS(V(42), V("Bob"))));
    TRY(db_run_count(cx, &q_raise, &out[2], ARGS(V(0))));
    TRY(db_run_count(cx, &q_raise, &out[3], ARGS(V(1000))));
    return db_int(cx, &q_score, &out[4], ARGS(V(42)));
}

static void a_change_sees_what_it_wrote(void **state)
{
    struct test_world *w = *state;
    int64_t out[5] = {0};

    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, returning_apply, out), OK);

    assert_int_equal(out[0], 41);
    assert_int_equal(out[1], 42);
    assert_int_equal(out[2], 2);
    assert_int_equal(out[3], 0);
    assert_int_equal(out[4], 1);
}

/* ---- many at once -------------------------------------------------------------------------------- */

struct crowd {
    struct change change;
    struct cx cx;
    struct add add;
    enum err result;
    sem_t *done;
};

static void crowd_done(struct change *c, enum err e)
{
    struct crowd *one = c->owner;
    one->result = e;
    sem_post(one->done);
}

/* Submits n changes at once: ids 1…n; each seventh takes a name that another has. */
static struct crowd *crowd_run(struct test_world *w, size_t n)
{
    struct crowd *all = calloc(n, sizeof *all);
    assert_non_null(all);
    sem_t done;
    sem_init(&done, 0, 0);
    for (size_t i = 0; i < n; i++) {
        struct crowd *one = &all[i];
        one->cx = (struct cx){.arena = arena_open(1 << 20), .now_ms = w->cx.now_ms, .if_match = -1};
        int64_t id = (int64_t)i + 1;
        one->add = (struct add){
            id, arena_printf(one->cx.arena, "p%lld", (long long)(id % 7 ? id : id - 1)), OK};
        one->done = &done;
        one->change = (struct change){.lane = i % 5 ? LANE_INTERACTIVE : LANE_BULK,
                                      .apply = add_apply,
                                      .state = &one->add,
                                      .cx = &one->cx,
                                      .done = crowd_done,
                                      .owner = one};
        db_submit(w->store, &one->change);
    }
    for (size_t i = 0; i < n; i++)
        sem_wait(&done);
    sem_destroy(&done);
    return all;
}

static void one_unique_violation_does_not_hurt_its_batch(void **state)
{
    struct test_world *w = *state;
    enum { N = 700 };

    struct crowd *all = crowd_run(w, N);

    size_t refused = 0;
    for (size_t i = 0; i < N; i++) {
        assert_true(all[i].result == OK || all[i].result == ERR_CONFLICT);
        refused += all[i].result == ERR_CONFLICT;
        arena_close(all[i].cx.arena);
    }
    free(all);
    assert_int_equal(refused, N / 7);
    assert_int_equal(people(w), N - N / 7);
}

/* ---- time, snapshots ------------------------------------------------------------------------------ */

static void a_read_of_more_than_two_seconds_is_stopped(void **state)
{
    struct test_world *w = *state;
    int64_t n = 0, from = clock_mono_ns();

    assert_int_equal(db_int(&w->cx, &q_endless, &n, NO_ARGS), ERR_BUSY);

    int64_t ms = (clock_mono_ns() - from) / 1000000;
    assert_in_range(ms, 1900, 4000);
    assert_int_equal(people(w), 0); /* and the connection goes on */
}

static void a_soft_change_is_seen_by_all_and_settled_by_the_next(void **state)
{
    struct test_world *w = *state;
    struct add ann = {1, S("Ann"), OK}, again = {1, S("Bob"), OK}, bob = {2, S("Bob"), OK};

    assert_int_equal(db_change_soft(w->store, &w->cx, add_apply, &ann), OK);
    assert_int_equal(people(w), 1);
    assert_int_equal(db_change_soft(w->store, &w->cx, add_apply, &again), ERR_CONFLICT);
    assert_int_equal(db_change(w->store, &w->cx, LANE_BULK, db_settle, NULL), OK);
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, add_apply, &bob), OK);
    assert_int_equal(people(w), 2);
}

static void a_snapshot_does_not_move(void **state)
{
    struct test_world *w = *state;
    assert_int_equal(add(w, 1, S("Ann")), OK);

    assert_int_equal(read_begin(&w->cx), OK);
    assert_int_equal(people(w), 1);
    struct cx other = w->cx;
    other.db = NULL;
    struct add a = {2, S("Bob"), OK};
    assert_int_equal(db_change(w->store, &other, LANE_INTERACTIVE, add_apply, &a), OK);
    assert_int_equal(people(w), 1);
    read_end(&w->cx);

    assert_int_equal(people(w), 2);
}

/* ---- events, audit --------------------------------------------------------------------------------- */

struct heard {
    pthread_mutex_t lock;
    struct event e[64];
    char data[64][32];
    size_t n;
};

static void hear(void *arg, const struct event *e, size_t n)
{
    struct heard *h = arg;
    pthread_mutex_lock(&h->lock);
    for (size_t i = 0; i < n && h->n < 64; i++) {
        snprintf(h->data[h->n], sizeof h->data[0], SFMT, SARG(e[i].data));
        h->e[h->n++] = e[i];
    }
    pthread_mutex_unlock(&h->lock);
}

static size_t heard_wait(struct heard *h, size_t n)
{
    size_t got = 0;
    for (int i = 0; i < 300 && got < n; i++) {
        pthread_mutex_lock(&h->lock);
        got = h->n;
        pthread_mutex_unlock(&h->lock);
        if (got < n)
            usleep(10000);
    }
    return got;
}

static enum err ring_apply(struct cx *cx, void *state)
{
    const enum err *then = state;
    TRY(event_add(cx, EVENT_CALL_RINGING, 7, 8, S("desks 1 2")));
    TRY(event_add(cx, EVENT_INTERACTION_ADDED, 7, 9, S("")));
    TRY(audit_add(cx, "customer.change", 7, 0, S("name")));
    return *then;
}

static void events_are_heard_after_the_commit_and_never_of_a_refusal(void **state)
{
    struct test_world *w = *state;
    struct heard h = {.lock = PTHREAD_MUTEX_INITIALIZER};
    enum err fine = OK, refused = ERR_INVALID;
    store_on_events(w->store, hear, &h);

    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, ring_apply, &refused),
                     ERR_INVALID);
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, ring_apply, &fine), OK);
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, ring_apply, &fine), OK);

    assert_int_equal(heard_wait(&h, 4), 4);
    store_on_events(w->store, NULL, NULL);
    assert_int_equal(h.e[0].type, EVENT_CALL_RINGING);
    assert_int_equal(h.e[0].customer_id, 7);
    assert_string_equal(h.data[0], "desks 1 2");
    assert_int_equal(h.e[1].type, EVENT_INTERACTION_ADDED);
    assert_true(h.e[1].seq < h.e[2].seq);

    struct list later = {0};
    bool is_gone = true;
    assert_int_equal(event_after(&w->cx, h.e[0].xid, h.e[0].seq, 100, &later, &is_gone), OK);
    assert_false(is_gone);
    assert_int_equal(later.n, 3);
    assert_true(((struct event *)later.items)[0].seq == h.e[1].seq);
    int64_t xid = 0, seq = 0;
    assert_int_equal(event_newest(&w->cx, &xid, &seq), OK);
    assert_true(seq == h.e[3].seq && xid == h.e[3].xid);
}

static const struct query q_views = {
    .name = "q_views",
    .sqlite = "SELECT count(*) FROM audit WHERE action = 'customer.view'",
    .postgres = "SELECT count(*) FROM audit WHERE action = 'customer.view'",
};

static void a_view_is_one_row_a_quarter_of_an_hour_for_each_who_looked(void **state)
{
    struct test_world *w = *state;
    w->cx.actor = (struct actor){.kind = ACTOR_STAFF, .id = 5};
    for (int i = 0; i < 10; i++)
        audit_view(&w->cx, 100);
    audit_view(&w->cx, 101);
    w->cx.actor.id = 6;
    audit_view(&w->cx, 100);
    w->cx.now_ms += 15 * 60 * 1000;
    audit_view(&w->cx, 100);

    int64_t n = 0;
    for (int i = 0; i < 300 && n < 4; i++) {
        assert_int_equal(db_int(&w->cx, &q_views, &n, NO_ARGS), OK);
        usleep(10000);
    }

    assert_int_equal(n, 4);
}

/* ---- jobs --------------------------------------------------------------------------------------------- */

static enum err count_slice(struct cx *cx, str args, int64_t *position, int64_t *progress,
                            int64_t *total, bool *finished)
{
    int64_t last = 0;
    if (!str_to_int(args, &last))
        return ERR_INVALID;
    *position += 1;
    *progress = *position;
    *total = last;
    *finished = *position == last;
    return db_run(cx, &q_add, ARGS(V(*position), VNULL, V(1)));
}

static enum err jobs_apply(struct cx *cx, void *state)
{
    (void)state;
    return job_add(cx, "count", S("25"));
}

static void a_job_runs_in_slices_to_its_end_once(void **state)
{
    struct test_world *w = *state;
    static const struct job_kind kinds[] = {{"count", count_slice, 0}};
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, jobs_apply, NULL), OK);

    store_jobs_start(w->store, NULL, kinds, 1);

    for (int i = 0; i < 600 && people(w) < 25; i++)
        usleep(10000);
    usleep(50000);
    assert_int_equal(people(w), 25);
}

/* Each turn plans to add the next one, and the first time somebody else was there before it. */
static _Atomic int plans_n, stale_n;
static enum err next_plan(struct cx *cx, str args, void **found)
{
    int64_t last = 0, *next = ARENA_NEW(cx->arena, int64_t);
    TRY(db_int(cx, &q_count, next, NO_ARGS));
    plans_n++;
    if (str_to_int(args, &last) && *next < last)
        *found = next;
    return OK;
}
static enum err next_write(struct cx *cx, const void *found, bool *finished)
{
    int64_t now = 0, next = *(const int64_t *)found;
    TRY(db_int(cx, &q_count, &now, NO_ARGS));
    if (now != next || stale_n == 0) {
        stale_n++;
        return ERR_STALE;
    }
    *finished = next == 24;
    return db_run(cx, &q_add, ARGS(V(next + 1), VNULL, V(1)));
}

static void a_job_that_plans_writes_what_it_found_and_plans_anew_what_is_stale(void **state)
{
    struct test_world *w = *state;
    static const struct job_kind kinds[] = {
        {.name = "count", .plan = next_plan, .write = next_write}};
    plans_n = stale_n = 0;
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, jobs_apply, NULL), OK);

    store_jobs_start(w->store, NULL, kinds, 1);

    for (int i = 0; i < 600 && people(w) < 25; i++)
        usleep(10000);
    usleep(50000);
    assert_int_equal(people(w), 25);
    assert_int_equal(stale_n, 1);
    assert_int_equal(plans_n, 26);
}

static _Atomic int gave_up_n;
static enum err broken_slice(struct cx *cx, str args, int64_t *position, int64_t *progress,
                             int64_t *total, bool *finished)
{
    (void)args, (void)position, (void)progress, (void)total, (void)finished;
    TRY(db_run(cx, &q_add, ARGS(V(1), VNULL, V(1))));
    return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
}
static enum err broken_gave_up(struct cx *cx, str args, enum err why)
{
    assert_str(args, S("of mine"));
    assert_int_equal(why, ERR_INTERNAL);
    gave_up_n++;
    return db_run(cx, &q_add, ARGS(V(2), VNULL, V(1)));
}
static enum err broken_job_apply(struct cx *cx, void *state)
{
    static const struct query nine = {.name = "nine",
                                      .sqlite = "UPDATE job SET tries = 9",
                                      .postgres = "UPDATE job SET tries = 9",
                                      .writes = true};
    (void)state;
    TRY(job_add(cx, "broken", S("of mine")));
    return db_run(cx, &nine, NO_ARGS);
}

static void a_job_that_fails_for_good_tells_whom_it_is_of(void **state)
{
    struct test_world *w = *state;
    static const struct job_kind kinds[] = {{"broken", broken_slice, .gave_up = broken_gave_up}};
    static const struct query failed = {
        .name = "failed",
        .sqlite = "SELECT COUNT(*) FROM job WHERE state = 'failed' AND kind = 'broken'",
        .postgres = "SELECT COUNT(*) FROM job WHERE state = 'failed' AND kind = 'broken'"};
    int64_t n = 0;
    gave_up_n = 0;
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, broken_job_apply, NULL), OK);

    store_jobs_start(w->store, NULL, kinds, 1);

    for (int i = 0; i < 600 && people(w) < 1; i++)
        usleep(10000);
    assert_int_equal(people(w), 1); /* what it says is kept, what the slice wrote is not */
    assert_int_equal(gave_up_n, 1);
    assert_int_equal(db_int(&w->cx, &failed, &n, NO_ARGS), OK);
    assert_int_equal(n, 1);
}

/* ---- filling ------------------------------------------------------------------------------------------- */

static const struct query q_person_index = {
    .name = "q_person_index",
    .sqlite = "CREATE INDEX person_by_score ON person (score)",
    .postgres = "CREATE INDEX person_by_score ON person (score)",
    .writes = true};
static const struct query q_index_is_there = {
    .name = "q_index_is_there",
    .sqlite = "SELECT count(*) FROM sqlite_master WHERE name = 'person_by_score'",
    .postgres =
        "SELECT count(*) FROM pg_indexes WHERE indexname IN ('person_by_score', 'person_pkey') AND schemaname = current_schema() "
        "HAVING count(*) = 2"};

static enum err index_apply(struct cx *cx, void *state)
{
    (void)state;
    return db_run(cx, &q_person_index, NO_ARGS);
}

/* Filled tables have statistics; one that is empty has none, or it would be planned as if it stayed so. */
static const struct query q_known = {
    .name = "q_known",
    .sqlite = "SELECT 2",
    .postgres =
        "SELECT count(*) FROM pg_class WHERE relnamespace = CAST(current_schema() AS REGNAMESPACE) "
        "AND (relname = 'person' AND reltuples > 0 OR relname = 'proposal' AND reltuples < 0)"};

static void an_empty_store_is_filled_and_only_an_empty_one(void **state)
{
    struct test_world *w = *state;
    enum { N = 50000 };
    struct bulk *b = NULL;
    struct person p = {0};
    int64_t indexes = 0, known = 0;
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, index_apply, NULL), OK);

    assert_int_equal(bulk_begin(w->store, &w->cx, &b), OK);
    for (int64_t i = 1; i <= N; i++) {
        char name[32];
        snprintf(name, sizeof name, "n%lld", (long long)i);
        assert_int_equal(bulk_row(b, &w->cx, "person", &q_add_whole,
                                  ARGS(V(i), V((const char *)name), V(i * 2),
                                       i % 2 ? val_blob("\0x", 2) : VNULL, V(0.5))),
                         OK);
    }
    assert_int_equal(bulk_end(b, &w->cx), OK);

    assert_int_equal(people(w), N);
    assert_int_equal(db_one(&w->cx, &q_whole, &person_shape, &p, ARGS(V(N - 1))), OK);
    assert_str(p.name.v, S("n49999"));
    assert_int_equal(p.score.v, 2 * (N - 1));
    assert_int_equal(p.note.len, 2);
    assert_int_equal(db_int(&w->cx, &q_index_is_there, &indexes, NO_ARGS), OK);
    assert_true(indexes > 0);
    assert_int_equal(db_int(&w->cx, &q_known, &known, NO_ARGS), OK);
    assert_int_equal(known, 2);
    assert_int_equal(add(w, N + 1, S("n1")), ERR_CONFLICT); /* uniqueness is back */
    assert_int_equal(add(w, N + 1, S("new")), OK);
    assert_int_equal(bulk_begin(w->store, &w->cx, &b), ERR_INVALID);
}

/* ---- queries made at run time --------------------------------------------------------------------- */

static enum err hundred_apply(struct cx *cx, void *state)
{
    (void)state;
    for (int64_t i = 1; i <= 100; i++)
        TRY(db_run(cx, &q_add, ARGS(V(i), V(arena_printf(cx->arena, "p%d", (int)i)), V(i % 10))));
    return OK;
}

static void a_query_made_at_run_time_binds_what_it_is_given(void **state)
{
    struct test_world *w = *state;
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, hundred_apply, NULL), OK);
    const int64_t ids[] = {3, 4, 5, 13};
    const str names[] = {S("p3"), S("p4"), S("x' OR 1=1 --")};
    struct made_text m = made_begin(&w->cx);
    made_sql(&m, "SELECT count(*) FROM person WHERE score = ");
    made_val(&m, V(3));
    made_sql(&m, " AND id IN ");
    made_val(&m, val_ints(ids, 4));
    made_sql(&m, " AND (name IN ");
    made_val(&m, val_texts(names, 3));
    made_sql(&m, " OR score = ");
    made_val(&m, V(3));
    made_sql(&m, ") AND name <> ");
    made_val(&m, V("'; DROP TABLE person; --"));
    const struct query *q = NULL;
    int64_t n = 0;

    assert_int_equal(made_query(&w->cx, &m, "made", &q), OK);
    assert_int_equal(made_args(&m).n, 4); /* the same number twice takes one place */
    assert_int_equal(db_int(&w->cx, q, &n, made_args(&m)), OK);

    assert_int_equal(n, 2);
}

static void five_hundred_different_texts_each_answer_for_themselves(void **state)
{
    struct test_world *w = *state;
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, hundred_apply, NULL), OK);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 500; i++) {
            struct made_text m = made_begin(&w->cx);
            made_str(&m,
                     arena_printf(w->cx.arena, "SELECT count(*) + %d FROM person WHERE id <= ", i));
            made_val(&m, V(i % 100));
            const struct query *q = NULL;
            int64_t n = 0;
            assert_int_equal(made_query(&w->cx, &m, "made", &q), OK);
            assert_int_equal(db_int(&w->cx, q, &n, made_args(&m)), OK);
            assert_int_equal(n, i + i % 100);
        }
}

/* How many have an id up to `most`, and i more. */
static enum err steady_asked(struct cx *cx, int i, int64_t most, int64_t *n)
{
    struct made_text m = made_begin(cx);
    const struct query *q = NULL;
    m.is_steady = true;
    made_str(&m, arena_printf(cx->arena, "SELECT count(*) + %d FROM person WHERE id <= ", i));
    made_val(&m, V(most));
    made_sql(&m, " AND id IN ");
    made_val(&m, val_ints((const int64_t[]){1, 2, 3, most}, 4));
    TRY(made_query(cx, &m, "steady", &q));
    return db_int(cx, q, n, made_args(&m));
}

/* More of them than a connection keeps. */
static void a_text_that_comes_again_and_again_answers_for_the_values_of_each_time(void **state)
{
    struct test_world *w = *state;
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, hundred_apply, NULL), OK);
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < 100; i++)
            for (int64_t most = 4; most < 6; most++) {
                int64_t n = 0;
                assert_int_equal(steady_asked(&w->cx, round == 1 ? i % 7 : i, most, &n), OK);
                assert_int_equal(n, (round == 1 ? i % 7 : i) + 4);
            }
}

static enum err steady_apply(struct cx *cx, void *n)
{
    return steady_asked(cx, 0, 4, n);
}

static enum err steady_behind_a_failure(struct cx *cx, void *n)
{
    TRY(db_run(cx, &q_add, ARGS(V(1), V("p1"), V(1)))); /* is there */
    return steady_asked(cx, 0, 4, n);
}

static void a_text_that_was_passed_over_after_a_failure_is_asked_the_next_time(void **state)
{
    struct test_world *w = *state;
    int64_t n = 0;
    assert_int_equal(db_change(w->store, &w->cx, LANE_BULK, hundred_apply, NULL), OK);

    assert_int_equal(db_change(w->store, &w->cx, LANE_BULK, steady_behind_a_failure, &n),
                     ERR_CONFLICT);
    assert_int_equal(db_change(w->store, &w->cx, LANE_BULK, steady_apply, &n), OK);

    assert_int_equal(n, 4);
}

static void a_query_of_too_many_values_is_refused(void **state)
{
    struct test_world *w = *state;
    struct made_text m = made_begin(&w->cx);
    const struct query *q = NULL;
    made_sql(&m, "SELECT 1");
    for (int i = 0; i <= MADE_PARAMS_MAX; i++) {
        made_sql(&m, " + ");
        made_val(&m, V(i));
    }
    assert_int_equal(made_query(&w->cx, &m, "made", &q), ERR_TOO_BIG);
}

static int all(void)
{
    const struct CMUnitTest tests[] = {
        PEOPLE_TEST(every_kind_of_value_comes_back_as_it_went_in),
        PEOPLE_TEST(a_list_of_numbers_or_texts_is_one_parameter),
        PEOPLE_TEST(a_batch_of_reads_answers_each),
        PEOPLE_TEST(a_refused_change_leaves_nothing),
        PEOPLE_TEST(a_failed_statement_refuses_its_change_even_when_overlooked),
        PEOPLE_TEST(a_change_sees_what_it_wrote),
        PEOPLE_TEST(one_unique_violation_does_not_hurt_its_batch),
        PEOPLE_TEST(a_read_of_more_than_two_seconds_is_stopped),
        PEOPLE_TEST(a_soft_change_is_seen_by_all_and_settled_by_the_next),
        PEOPLE_TEST(a_snapshot_does_not_move),
        PEOPLE_TEST(events_are_heard_after_the_commit_and_never_of_a_refusal),
        PEOPLE_TEST(a_view_is_one_row_a_quarter_of_an_hour_for_each_who_looked),
        PEOPLE_TEST(a_job_runs_in_slices_to_its_end_once),
        PEOPLE_TEST(a_job_that_plans_writes_what_it_found_and_plans_anew_what_is_stale),
        PEOPLE_TEST(a_job_that_fails_for_good_tells_whom_it_is_of),
        PEOPLE_TEST(a_query_made_at_run_time_binds_what_it_is_given),
        PEOPLE_TEST(five_hundred_different_texts_each_answer_for_themselves),
        PEOPLE_TEST(a_text_that_comes_again_and_again_answers_for_the_values_of_each_time),
        PEOPLE_TEST(a_text_that_was_passed_over_after_a_failure_is_asked_the_next_time),
        PEOPLE_TEST(a_query_of_too_many_values_is_refused),
        PEOPLE_TEST(an_empty_store_is_filled_and_only_an_empty_one),
    };
    return cmocka_run_group_tests_name(test_is_postgres() ? "postgres" : "sqlite", tests, NULL,
                                       NULL);
}

int main(void)
{
    return test_on_stores(all);
}
