#include "db/db_impl.h"
#include "db/db_test.h"
#include "messages.h"
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/wait.h>

/* ---- a place that outlives a store ------------------------------------------------------------- */

struct place {
    struct arena *arena;
    struct store_options options;
    char dir[64], schema[64];
};

static int place_open(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    assert_non_null(p);
    p->arena = arena_open((size_t)64 << 20);
    if (test_is_postgres()) {
        str url = test_postgres_schema(p->arena, p->schema);
        p->options.url = arena_printf(p->arena, SFMT "&application_name=%s", SARG(url), p->schema);
    } else {
        snprintf(p->dir, sizeof p->dir, "/tmp/kith-store-test-XXXXXX");
        assert_non_null(mkdtemp(p->dir));
        p->options.data_dir = str_of(p->dir);
    }
    *state = p;
    return 0;
}

static int place_close(void **state)
{
    struct place *p = *state;
    DIR *d = p->dir[0] ? opendir(p->dir) : NULL;
    if (d) {
        for (struct dirent *e; (e = readdir(d));)
            (void)unlinkat(dirfd(d), e->d_name, 0);
        closedir(d);
        rmdir(p->dir);
        (void)unlink(arena_printf(p->arena, "%s.key", p->dir).ptr);
    }
    arena_close(p->arena);
    free(p);
    return 0;
}
#define PLACE_TEST(fn) cmocka_unit_test_setup_teardown(fn, place_open, place_close)

static struct cx place_cx(const struct place *p)
{
    return (struct cx){.arena = p->arena, .now_ms = clock_now_ms(), .if_match = -1, .peer = S("")};
}

#define QUERY(id, np, is_write, lite, post) \
    static const struct query id = {        \
        .name = #id, .sqlite = (lite), .postgres = (post), .n_params = (np), .writes = (is_write)}

QUERY(q_make, 0, true, "CREATE TABLE IF NOT EXISTS thing (id INTEGER PRIMARY KEY, body BLOB)",
      "CREATE TABLE IF NOT EXISTS thing (id BIGINT PRIMARY KEY, body BYTEA)");
QUERY(q_add, 2, true, "INSERT INTO thing (id, body) VALUES (?1, ?2)",
      "INSERT INTO thing (id, body) VALUES ($1, $2)");
QUERY(q_has, 1, false, "SELECT count(*) FROM thing WHERE id = ?1",
      "SELECT count(*) FROM thing WHERE id = $1");
QUERY(q_count, 0, false, "SELECT count(*) FROM thing", "SELECT count(*) FROM thing");
QUERY(q_max, 0, false, "SELECT coalesce(max(id), 0) FROM thing",
      "SELECT coalesce(max(id), 0) FROM thing");
QUERY(q_newer, 1, true, "INSERT INTO migration (number, name, sha256) VALUES (?1, 'later', 'x')",
      "INSERT INTO migration (number, name, sha256) VALUES ($1, 'later', 'x')");
QUERY(q_edited, 0, true, "UPDATE migration SET sha256 = 'x' WHERE number = 1",
      "UPDATE migration SET sha256 = 'x' WHERE number = 1");
QUERY(q_page_limit, 0, true, "PRAGMA max_page_count = 400", "SELECT 1");
QUERY(q_no_page_limit, 0, true, "PRAGMA max_page_count = 1000000", "SELECT 1");

static enum err make_apply(struct cx *cx, void *state)
{
    (void)state;
    return db_run(cx, &q_make, NO_ARGS);
}

static enum err query_apply(struct cx *cx, void *state)
{
    return db_run(cx, state, NO_ARGS);
}

static void run_alone(struct place *p, const struct query *q, int64_t number)
{
    struct cx cx = place_cx(p);
    struct store *s = NULL;
    (void)number;
    assert_int_equal(store_open(&cx, &p->options, &s), OK);
    assert_int_equal(db_change(s, &cx, LANE_INTERACTIVE, query_apply, (void *)(uintptr_t)q), OK);
    store_close(s);
}

/* ---- opening ---------------------------------------------------------------------------------------- */

static void a_second_opener_is_refused_with_a_sentence(void **state)
{
    struct place *p = *state;
    if (test_is_postgres())
        skip(); /* many nodes share it */
    struct cx cx = place_cx(p);
    struct store *first = NULL, *second = NULL;
    assert_int_equal(store_open(&cx, &p->options, &first), OK);

    assert_int_equal(store_open(&cx, &p->options, &second), ERR_CONFLICT);

    assert_null(second);
    str why = fault_text(p->arena, LANG_EN, &cx.why);
    assert_true(str_find(why, str_of(p->dir)) >= 0);
    assert_true(str_find(why, arena_printf(p->arena, "%d", (int)getpid())) >= 0);
    store_close(first);
    assert_int_equal(store_open(&cx, &p->options, &second), OK);
    store_close(second);
}

static enum err newer_apply(struct cx *cx, void *state)
{
    (void)state;
    return db_run(cx, &q_newer, ARGS(V(5000)));
}

static void data_of_a_newer_program_is_refused(void **state)
{
    struct place *p = *state;
    struct cx cx = place_cx(p);
    struct store *s = NULL;
    assert_int_equal(store_open(&cx, &p->options, &s), OK);
    assert_int_equal(db_change(s, &cx, LANE_INTERACTIVE, newer_apply, NULL), OK);
    store_close(s);

    assert_int_equal(store_open(&cx, &p->options, &s), ERR_INVALID);

    assert_int_equal(cx.why.msg, M_STORE_NEWER);
}

static void data_made_by_an_edited_migration_is_refused(void **state)
{
    struct place *p = *state;
    struct cx cx = place_cx(p);
    struct store *s = NULL;
    run_alone(p, &q_edited, 0);

    assert_int_equal(store_open(&cx, &p->options, &s), ERR_INVALID);

    assert_int_equal(cx.why.msg, M_STORE_EDITED);
}

static void a_place_that_is_no_store_is_refused_with_a_sentence(void **state)
{
    struct place *p = *state;
    struct cx cx = place_cx(p);
    struct store *s = NULL;
    struct store_options file = {.data_dir = S("/dev/null/x")}, odd = {.url = S("mysql://x")},
                         nobody = {.url = S("postgresql://127.0.0.1:1/none")};

    assert_int_equal(store_open(&cx, &file, &s), ERR_INVALID);
    assert_int_equal(store_open(&cx, &odd, &s), ERR_INVALID);
    assert_int_equal(store_open(&cx, &nobody, &s), ERR_BUSY);
    assert_int_equal(cx.why.msg, M_STORE_AWAY);
}

/* ---- events of another time ------------------------------------------------------------------------------ */

QUERY(q_other_cluster, 0, true, "SELECT 1", "UPDATE event SET xid = xid + 4000000000000");

static enum err one_event_apply(struct cx *cx, void *state)
{
    (void)state;
    return event_add(cx, EVENT_CALL_RINGING, 0, 1, S(""));
}

static void count_event(void *arg, const struct event *e, size_t n)
{
    (void)e;
    atomic_fetch_add((_Atomic int64_t *)arg, (int64_t)n);
}

static void a_restored_copy_goes_on_telling_events_and_knows_no_position_of_the_future(void **state)
{
    struct place *p = *state;
    struct cx cx = place_cx(p);
    struct store *s = NULL;
    _Atomic int64_t heard = 0;
    int64_t xid = 0, seq = 0;
    struct list later = {0};
    bool is_gone = false;
    assert_int_equal(store_open(&cx, &p->options, &s), OK);
    assert_int_equal(db_change(s, &cx, LANE_INTERACTIVE, one_event_apply, NULL), OK);
    if (test_is_postgres()) /* SQLite's numbers are its own in every copy */
        assert_int_equal(
            db_change(s, &cx, LANE_INTERACTIVE, query_apply, (void *)(uintptr_t)&q_other_cluster),
            OK);
    store_close(s);

    assert_int_equal(store_open(&cx, &p->options, &s), OK);
    store_on_events(s, count_event, &heard);
    assert_int_equal(db_change(s, &cx, LANE_INTERACTIVE, one_event_apply, NULL), OK);
    for (int i = 0; i < 6000 && !atomic_load(&heard);
         i++) /* others of the cluster may be in the way */
        usleep(10000);

    assert_int_equal(atomic_load(&heard), 1);
    assert_int_equal(store_reader(s, &cx, &cx.db), OK);
    assert_int_equal(event_newest(&cx, &xid, &seq), OK);
    assert_int_equal(event_after(&cx, xid, seq, 10, &later, &is_gone), OK);
    assert_false(is_gone);
    assert_int_equal(event_after(&cx, xid, seq + ((int64_t)3600000 << 22), 10, &later, &is_gone),
                     OK);
    assert_true(is_gone);
    reader_close(cx.db);
    store_close(s);
}

/* ---- what a program does that is killed ------------------------------------------------------------------ */

/* Runs fn in a process of its own. */
static int in_child(struct place *p, int (*fn)(struct place *p, int fd), int fd)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(fn(p, fd));
    return pid;
}

static int wait_child(int pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0)
        continue;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static enum err some_ids_apply(struct cx *cx, void *state)
{
    (void)state;
    for (int i = 0; i < 10; i++)
        TRY(db_run(cx, &q_add, ARGS(V(id_new(cx->now_ms)), VNULL)));
    return OK;
}

static int ids_then_die(struct place *p, int fd)
{
    (void)fd;
    struct cx cx = place_cx(p);
    struct store *s = NULL;
    if (store_open(&cx, &p->options, &s) != OK ||
        db_change(s, &cx, LANE_INTERACTIVE, make_apply, NULL) != OK ||
        db_change(s, &cx, LANE_INTERACTIVE, some_ids_apply, NULL) != OK)
        return 1;
    raise(SIGKILL);
    return 1;
}

static int ids_with_a_clock_that_went_back(struct place *p, int fd)
{
    (void)fd;
    struct cx cx = place_cx(p);
    struct store *s = NULL;
    int64_t greatest = 0;
    if (store_open(&cx, &p->options, &s) != OK || store_reader(s, &cx, &cx.db) != OK ||
        db_int(&cx, &q_max, &greatest, NO_ARGS) != OK || greatest == 0)
        return 1;
    if (test_is_postgres()) /* the dead node's number is leased yet: ours differs, and so do the ids */
        return (id_new(cx.now_ms - 3600000) >> 12 & 1023) == (greatest >> 12 & 1023) ? 2 : 0;
    return id_new(cx.now_ms - 3600000) > greatest ? 0 : 2;
}

static void a_clock_that_went_back_never_repeats_an_id(void **state)
{
    struct place *p = *state;

    assert_int_equal(wait_child(in_child(p, ids_then_die, -1)), 128 + SIGKILL);

    assert_int_equal(wait_child(in_child(p, ids_with_a_clock_that_went_back, -1)), 0);
}

struct client {
    struct change change;
    struct cx cx;
    struct store *s;
    int64_t id;
    int fd;
    _Atomic int64_t *ok, *busy;
    _Atomic bool *is_over;
    sem_t *ended;
};

static enum err client_apply(struct cx *cx, void *state)
{
    struct client *c = state;
    c->id = id_new(cx->now_ms);
    TRY(db_run(cx, &q_add, ARGS(V(c->id), VNULL)));
    TRY(event_add(cx, EVENT_INTERACTION_ADDED, 0, c->id, S("")));
    return audit_add(cx, "thing.add", 0, c->id, S(""));
}

/* Says what was acknowledged, and goes on. */
static void client_done(struct change *change, enum err e)
{
    struct client *c = change->owner;
    if (e == OK && write(c->fd, &c->id, sizeof c->id) != sizeof c->id)
        abort();
    if (c->ok)
        atomic_fetch_add(e == OK ? c->ok : c->busy, 1);
    if (c->is_over && atomic_load(c->is_over)) {
        sem_post(c->ended);
        return;
    }
    arena_reset(c->cx.arena);
    db_submit(c->s, change);
}

static void clients_start(struct store *s, struct client *all, size_t n, const struct client *like)
{
    for (size_t i = 0; i < n; i++) {
        struct client *c = &all[i];
        *c = *like;
        c->s = s;
        c->cx = (struct cx){.arena = arena_open(1 << 20), .now_ms = clock_now_ms(), .peer = S("")};
        c->change = (struct change){
            .apply = client_apply, .state = c, .cx = &c->cx, .done = client_done, .owner = c};
        db_submit(s, &c->change);
    }
}

static int write_until_killed(struct place *p, int fd)
{
    struct cx cx = place_cx(p);
    struct store *s = NULL;
    if (store_open(&cx, &p->options, &s) != OK ||
        db_change(s, &cx, LANE_INTERACTIVE, make_apply, NULL) != OK)
        return 1;
    struct client all[32], like = {.fd = fd};
    clients_start(s, all, COUNT(all), &like);
    for (;;)
        pause();
}

/* Reads acknowledged ids; kills the child after some, then takes what is left in the pipe. */
static size_t acknowledged(int fd, int pid, int64_t *ids, size_t max, size_t kill_after)
{
    size_t n = 0;
    while (n < max && read(fd, &ids[n], sizeof ids[n]) == sizeof ids[n])
        if (++n == kill_after)
            kill(pid, SIGKILL);
    return n;
}

static size_t missing(struct place *p, const int64_t *ids, size_t n)
{
    struct cx cx = place_cx(p);
    struct store *s = NULL;
    size_t gone = 0;
    assert_int_equal(store_open(&cx, &p->options, &s), OK);
    assert_int_equal(store_reader(s, &cx, &cx.db), OK);
    for (size_t i = 0; i < n; i++) {
        int64_t there = 0;
        assert_int_equal(db_int(&cx, &q_has, &there, ARGS(V(ids[i]))), OK);
        gone += there != 1;
    }
    reader_close(cx.db);
    store_close(s);
    return gone;
}

static void a_kill_among_many_writers_loses_nothing_acknowledged(void **state)
{
    struct place *p = *state;
    enum { MAX = 200000 };
    int64_t *ids = calloc(MAX, sizeof *ids);
    assert_non_null(ids);
    for (size_t round = 0; round < 4; round++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        int pid = in_child(p, write_until_killed, ends[1]);
        close(ends[1]);

        size_t n = acknowledged(ends[0], pid, ids, MAX, 300 + 777 * round);
        assert_int_equal(wait_child(pid), 128 + SIGKILL);
        close(ends[0]);

        assert_true(n >= 300);
        assert_int_equal(missing(p, ids, n), 0);
    }
    free(ids);
}

static int fill_then_die(struct place *p, int fd)
{
    (void)fd;
    struct cx cx = place_cx(p);
    struct store *s = NULL;
    struct bulk *b = NULL;
    if (store_open(&cx, &p->options, &s) != OK ||
        db_change(s, &cx, LANE_INTERACTIVE, make_apply, NULL) != OK || bulk_begin(s, &cx, &b) != OK)
        return 1;
    for (int64_t i = 1; i <= 1000; i++)
        if (bulk_row(b, &cx, "thing", &q_add, ARGS(V(i), VNULL)) != OK)
            return 1;
    raise(SIGKILL);
    return 1;
}

static void a_store_whose_filling_was_interrupted_is_refused(void **state)
{
    struct place *p = *state;
    struct cx cx = place_cx(p);
    struct store *s = NULL;
    assert_int_equal(wait_child(in_child(p, fill_then_die, -1)), 128 + SIGKILL);

    assert_int_equal(store_open(&cx, &p->options, &s), ERR_INVALID);

    assert_int_equal(cx.why.msg, M_STORE_HALF_FILLED);
}

/* ---- a disk that is full ------------------------------------------------------------------------------------ */

struct body {
    struct change change;
    struct cx cx;
    int64_t id;
    size_t size;
    const char *bytes;
    enum err result;
    sem_t *done;
};

static enum err body_apply(struct cx *cx, void *state)
{
    const struct body *b = state;
    return db_run(cx, &q_add, ARGS(V(b->id), val_blob(b->bytes, b->size)));
}

static void body_done(struct change *c, enum err e)
{
    struct body *b = c->owner;
    b->result = e;
    sem_post(b->done);
}

static void body_submit(struct store *s, struct body *b, enum lane lane)
{
    b->cx = (struct cx){.arena = arena_open(1 << 20), .now_ms = clock_now_ms(), .peer = S("")};
    b->change = (struct change){
        .lane = lane, .apply = body_apply, .state = b, .cx = &b->cx, .done = body_done, .owner = b};
    db_submit(s, &b->change);
}

static void a_full_disk_refuses_what_does_not_fit_and_keeps_the_rest(void **state)
{
    if (test_is_postgres())
        skip();
    struct place *p = *state;
    struct cx cx = place_cx(p);
    struct store *s = NULL;
    enum { N = 60, BIG = 2000000 };
    static struct body all[N];
    char *bytes = calloc(1, BIG);
    sem_t done;
    sem_init(&done, 0, 0);
    assert_int_equal(store_open(&cx, &p->options, &s), OK);
    assert_int_equal(store_reader(s, &cx, &cx.db), OK);
    assert_int_equal(db_change(s, &cx, LANE_INTERACTIVE, make_apply, NULL), OK);
    assert_int_equal(
        db_change(s, &cx, LANE_INTERACTIVE, query_apply, (void *)(uintptr_t)&q_page_limit), OK);

    for (int64_t i = 0; i < N; i++) {
        all[i] = (struct body){
            .id = i + 1, .size = i % 6 == 5 ? BIG : 10, .bytes = bytes, .done = &done};
        body_submit(s, &all[i], LANE_INTERACTIVE);
    }
    size_t kept = 0, refused = 0;
    for (size_t i = 0; i < N; i++)
        sem_wait(&done);
    for (size_t i = 0; i < N; i++) {
        kept += all[i].result == OK;
        refused += all[i].result == ERR_NO_SPACE;
        assert_int_equal(all[i].result, i % 6 == 5 && all[i].result != OK ? ERR_NO_SPACE : OK);
        arena_close(all[i].cx.arena);
    }

    int64_t rows = 0;
    assert_true(refused >= N / 6 - 1);
    assert_int_equal(db_int(&cx, &q_count, &rows, NO_ARGS), OK);
    assert_int_equal(rows, kept);
    assert_int_equal(
        db_change(s, &cx, LANE_INTERACTIVE, query_apply, (void *)(uintptr_t)&q_no_page_limit), OK);
    struct body last = {.id = 1000, .size = BIG, .bytes = bytes};
    assert_int_equal(db_change(s, &cx, LANE_INTERACTIVE, body_apply, &last), OK);
    reader_close(cx.db);
    store_close(s);
    sem_destroy(&done);
    free(bytes);
}

/* As the checkpoint's thread says it, which stays away here. */
static void say_copying(struct store *s, bool is_copying, int64_t frames)
{
    pthread_mutex_lock(&s->lock);
    s->is_copying = is_copying;
    atomic_store(&s->wal_frames, frames);
    pthread_cond_broadcast(&s->pause_done);
    pthread_mutex_unlock(&s->lock);
}

static void the_writer_stands_while_a_very_long_log_is_copied_and_for_no_shorter_one(void **state)
{
    if (test_is_postgres())
        skip();
    enum { HOLD = (192 << 20) / VAULT_PAGE };
    struct place *p = *state;
    struct cx cx = place_cx(p);
    struct store *s = NULL;
    sem_t done;
    sem_init(&done, 0, 0);
    assert_int_equal(store_open(&cx, &p->options, &s), OK);
    assert_int_equal(db_change(s, &cx, LANE_INTERACTIVE, make_apply, NULL), OK);
    atomic_store(&s->is_filling, true);
    struct body shorter = {.id = 1, .bytes = "", .done = &done},
                longer = {.id = 2, .bytes = "", .done = &done};

    say_copying(s, true, HOLD - 1);
    body_submit(s, &shorter, LANE_INTERACTIVE);
    sem_wait(&done);
    say_copying(s, true, HOLD);
    body_submit(s, &longer, LANE_INTERACTIVE);
    usleep(50000);
    assert_int_equal(sem_trywait(&done), -1);
    say_copying(s, false, HOLD);
    sem_wait(&done);

    assert_int_equal(shorter.result, OK);
    assert_int_equal(longer.result, OK);
    atomic_store(&s->is_filling, false);
    arena_close(shorter.cx.arena);
    arena_close(longer.cx.arena);
    store_close(s);
    sem_destroy(&done);
}

/* ---- a log that cannot begin anew ------------------------------------------------------------------------------ */

static void a_reader_that_stays_stops_bulk_at_128_mb_and_all_at_384(void **state)
{
    if (test_is_postgres())
        skip();
    struct test_world *w = *state;
    enum { SIZE = 900000, MANY = WAL_BULK_MB * 5 / 4, ALL = WAL_INTERACTIVE_MB * 3 / 2 };
    char *bytes = calloc(1, SIZE);
    int64_t rows = 0;
    sem_t done;
    sem_init(&done, 0, 0);
    struct body b = {.size = SIZE, .bytes = bytes, .done = &done};
    struct cx cx = {.arena = w->cx.arena, .now_ms = w->cx.now_ms, .peer = S("")};
    assert_int_equal(db_change(w->store, &cx, LANE_INTERACTIVE, make_apply, NULL), OK);
    assert_int_equal(read_begin(&w->cx), OK);
    assert_int_equal(db_int(&w->cx, &q_count, &rows, NO_ARGS), OK);

    for (b.id = 1; b.id <= MANY; b.id++)
        assert_int_equal(db_change(w->store, &cx, LANE_INTERACTIVE, body_apply, &b), OK);
    struct body late = {.id = 50000, .size = 10, .bytes = bytes, .done = &done};
    body_submit(w->store, &late, LANE_BULK);
    usleep(300000);
    int waiting = 0;
    assert_int_equal(sem_trywait(&done), -1); /* the bulk lane waits */
    enum err e = OK;
    for (b.id = MANY + 1; b.id <= ALL && e == OK; b.id++)
        e = db_change(w->store, &cx, LANE_INTERACTIVE, body_apply, &b);

    assert_int_equal(e, ERR_BUSY);
    assert_in_range(b.id, WAL_INTERACTIVE_MB * 4 / 5, WAL_INTERACTIVE_MB * 13 / 10);
    assert_false(store_is_ready(w->store));
    read_end(&w->cx);
    while (sem_wait(&done) != 0)
        waiting++;
    assert_int_equal(late.result, OK);
    for (int i = 0; i < 100 && !store_is_ready(w->store); i++)
        usleep(20000);
    assert_int_equal(db_change(w->store, &cx, LANE_INTERACTIVE, body_apply,
                               &(struct body){.id = 60000, .bytes = bytes}),
                     OK);
    arena_close(late.cx.arena);
    sem_destroy(&done);
    free(bytes);
}

static void closing_amid_a_lot_of_writing_ends(void **state)
{
    struct place *p = *state;
    enum { SIZE = 500000 };
    char *bytes = calloc(1, SIZE);
    for (int round = 0; round < 6; round++) {
        struct cx cx = place_cx(p);
        struct store *s = NULL;
        assert_int_equal(store_open(&cx, &p->options, &s), OK);
        assert_int_equal(db_change(s, &cx, LANE_INTERACTIVE, make_apply, NULL), OK);
        for (int64_t i = 1; i <= 50 + 20 * round; i++) {
            struct body b = {
                .id = 1000 * round + i, .size = test_is_postgres() ? 1000 : SIZE, .bytes = bytes};
            assert_int_equal(db_change(s, &cx, LANE_INTERACTIVE, body_apply, &b), OK);
        }
        alarm(60);
        store_close(s);
        alarm(0);
    }
    free(bytes);
}

/* Counting allocations would take a lock of the whole process around each of them. */
static void sqlite_counts_no_allocations(void **state)
{
    struct place *p = *state;
    struct cx cx = place_cx(p);
    struct store *s = NULL;
    assert_int_equal(store_open(&cx, &p->options, &s), OK);
    assert_int_equal(sqlite3_memory_used(), 0);
    store_close(s);
}

static void a_store_closes_even_when_its_log_cannot_begin_anew(void **state)
{
    if (test_is_postgres())
        skip();
    struct place *p = *state;
    enum { SIZE = 900000, MANY = WAL_BULK_MB * 5 / 4 };
    char *bytes = calloc(1, SIZE);
    struct cx cx = place_cx(p);
    struct store *s = NULL;
    sqlite3 *other = NULL; /* a reader that nobody bounds, and that outlives the store */
    struct keyring *ring = NULL;
    assert_int_equal(store_open(&cx, &p->options, &s), OK);
    assert_int_equal(db_change(s, &cx, LANE_INTERACTIVE, make_apply, NULL), OK);
    assert_int_equal(store_keys(&cx, &p->options, &ring), OK);
    struct vault *own = vault_open(ring, VAULT_PAGE, 0);
    assert_int_equal(sqlite3_open_v2(arena_printf(p->arena, "%s/kith.db", p->dir).ptr, &other,
                                     SQLITE_OPEN_READWRITE, vault_name(own)),
                     SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN; SELECT count(*) FROM thing", NULL, NULL, NULL),
                     SQLITE_OK);
    for (int64_t i = 1; i <= MANY; i++)
        assert_int_equal(db_change(s, &cx, LANE_INTERACTIVE, body_apply,
                                   &(struct body){.id = i, .size = SIZE, .bytes = bytes}),
                         OK);
    assert_int_equal(store_reader(s, &cx, &cx.db), OK);
    cx.actor = (struct actor){.kind = ACTOR_STAFF, .id = 5};
    audit_view(&cx, 100); /* its row waits on the bulk lane, and that for the log */
    reader_close(cx.db);
    sleep(2);

    alarm(30);
    store_close(s);
    alarm(0);
    sqlite3_close(other);
    vault_close(own);
    keyring_close(ring);
    free(bytes);
}

/* ---- connections that go away --------------------------------------------------------------------------------------- */

static void connections_that_are_cut_are_made_again_and_nothing_acknowledged_is_lost(void **state)
{
    if (!test_is_postgres())
        skip();
    struct place *p = *state;
    struct cx cx = place_cx(p);
    struct store *s = NULL;
    _Atomic int64_t ok = 0, busy = 0;
    _Atomic bool is_over = false;
    sem_t ended;
    sem_init(&ended, 0, 0);
    char file[] = "/tmp/kith-acks-XXXXXX";
    int fd = mkstemp(file);
    assert_true(fd >= 0);
    unlink(file);
    assert_int_equal(store_open(&cx, &p->options, &s), OK);
    assert_int_equal(store_reader(s, &cx, &cx.db), OK);
    assert_int_equal(db_change(s, &cx, LANE_INTERACTIVE, make_apply, NULL), OK);

    struct client all[16],
        like = {.fd = fd, .ok = &ok, .busy = &busy, .is_over = &is_over, .ended = &ended};
    clients_start(s, all, COUNT(all), &like);
    str cut = arena_printf(
        p->arena,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '%s'",
        p->schema);
    for (int i = 0; i < 8; i++) {
        usleep(150000);
        test_postgres_run(cut.ptr);
        int64_t n = 0;
        enum err e = db_int(&cx, &q_count, &n, NO_ARGS); /* the reader comes back by itself */
        assert_true(e == OK || e == ERR_BUSY);
    }
    usleep(500000);
    int64_t before = atomic_load(&ok);
    usleep(300000);
    assert_true(atomic_load(&ok) > before); /* it goes on */
    atomic_store(&is_over, true);
    for (size_t i = 0; i < COUNT(all); i++)
        sem_wait(&ended);
    for (size_t i = 0; i < COUNT(all); i++)
        arena_close(all[i].cx.arena);
    reader_close(cx.db);
    store_close(s);

    int64_t n = atomic_load(&ok), *ids = calloc((size_t)n, sizeof *ids);
    assert_non_null(ids);
    assert_int_equal(pread(fd, ids, (size_t)n * sizeof *ids, 0), n * (int64_t)sizeof *ids);
    assert_int_equal(missing(p, ids, (size_t)n), 0);
    free(ids);
    close(fd);
    sem_destroy(&ended);
}

static int all(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(a_second_opener_is_refused_with_a_sentence),
        PLACE_TEST(data_of_a_newer_program_is_refused),
        PLACE_TEST(data_made_by_an_edited_migration_is_refused),
        PLACE_TEST(a_place_that_is_no_store_is_refused_with_a_sentence),
        PLACE_TEST(a_restored_copy_goes_on_telling_events_and_knows_no_position_of_the_future),
        PLACE_TEST(a_clock_that_went_back_never_repeats_an_id),
        PLACE_TEST(a_kill_among_many_writers_loses_nothing_acknowledged),
        PLACE_TEST(a_store_whose_filling_was_interrupted_is_refused),
        PLACE_TEST(a_full_disk_refuses_what_does_not_fit_and_keeps_the_rest),
        PLACE_TEST(the_writer_stands_while_a_very_long_log_is_copied_and_for_no_shorter_one),
        STORE_TEST(a_reader_that_stays_stops_bulk_at_128_mb_and_all_at_384),
        PLACE_TEST(closing_amid_a_lot_of_writing_ends),
        PLACE_TEST(sqlite_counts_no_allocations),
        PLACE_TEST(a_store_closes_even_when_its_log_cannot_begin_anew),
        PLACE_TEST(connections_that_are_cut_are_made_again_and_nothing_acknowledged_is_lost),
    };
    return cmocka_run_group_tests_name(test_is_postgres() ? "postgres" : "sqlite", tests, NULL,
                                       NULL);
}

int main(void)
{
    return test_on_stores(all);
}
