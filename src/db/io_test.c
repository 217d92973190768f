/* The n-th write, sync or truncation fails, once, for each n: an error may be answered, nothing acknowledged is lost,
 * nothing refused is kept, and the next change is fine. And a disk whose flushes are counted. */
#include "db/db_impl.h"
#include "db/db_test.h"
#include <dirent.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

/* ---- a disk that fails once -------------------------------------------------------------------- */

static sqlite3_vfs *disk, failing;
static const sqlite3_io_methods
    *sound; /* SQLite's kinds of files differ in their locks, not in how they write */
static struct {
    const sqlite3_io_methods *of;
    sqlite3_io_methods is;
} unsound[4];
static size_t n_unsound;
static pthread_mutex_t open_lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic int64_t fail_in; /* 0: never; 1: the next one */
static _Atomic int64_t failures, syncs;

static bool fails_now(void)
{
    int64_t n = atomic_load(&fail_in);
    while (n > 0 && !atomic_compare_exchange_weak(&fail_in, &n, n - 1))
        continue;
    if (n == 1)
        atomic_fetch_add(&failures, 1);
    return n == 1;
}

static int disk_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    return fails_now() ? SQLITE_IOERR_WRITE : sound->xWrite(f, p, n, at);
}

static int disk_sync(sqlite3_file *f, int flags)
{
    atomic_fetch_add(&syncs, 1);
    return fails_now() ? SQLITE_IOERR_FSYNC : sound->xSync(f, flags);
}

static int disk_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    return fails_now() ? SQLITE_IOERR_TRUNCATE : sound->xTruncate(f, size);
}

static int disk_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *out)
{
    (void)v;
    int rc = disk->xOpen(disk, name, f, flags, out);
    if (rc != SQLITE_OK || !f->pMethods)
        return rc;
    pthread_mutex_lock(&open_lock);
    size_t i = 0;
    while (i < n_unsound && unsound[i].of != f->pMethods)
        i++;
    if (i == n_unsound && n_unsound < COUNT(unsound)) {
        sound = sound ? sound : f->pMethods;
        unsound[i].of = f->pMethods;
        unsound[i].is = *f->pMethods;
        unsound[i].is.xWrite = disk_write;
        unsound[i].is.xSync = disk_sync;
        unsound[i].is.xTruncate = disk_truncate;
        n_unsound++;
    }
    f->pMethods = &unsound[i].is;
    pthread_mutex_unlock(&open_lock);
    return rc;
}

static void disk_make(void)
{
    disk = sqlite3_vfs_find(NULL);
    failing = *disk;
    failing.zName = "failing";
    failing.xOpen = disk_open;
    assert_int_equal(sqlite3_vfs_register(&failing, 1), SQLITE_OK);
}

/* ---- the test ------------------------------------------------------------------------------------ */

static const struct query q_make = {.name = "q_make",
                                    .writes = true,
                                    .sqlite =
                                        "CREATE TABLE thing (id INTEGER PRIMARY KEY, body BLOB)"};
static const struct query q_add = {.name = "q_add",
                                   .writes = true,
                                   .n_params = 2,
                                   .sqlite = "INSERT INTO thing (id, body) VALUES (?1, ?2)"};
static const struct query q_has = {
    .name = "q_has", .n_params = 1, .sqlite = "SELECT count(*) FROM thing WHERE id = ?1"};

static enum err make_apply(struct cx *cx, void *state)
{
    (void)state;
    return db_run(cx, &q_make, NO_ARGS);
}

static enum err add_apply(struct cx *cx, void *state)
{
    static const char body[20000]; /* a few pages, so that the log and the checkpoint have work */
    const int64_t *id = state;
    TRY(db_run(cx, &q_add, ARGS(V(*id), val_blob(body, sizeof body))));
    return event_add(cx, EVENT_INTERACTION_ADDED, 0, *id, S(""));
}

enum { CHANGES = 40 };

static void directory_make(char dir[static 40])
{
    snprintf(dir, 40, "%s/kith-io-test-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(dir));
}

static void directory_remove(const char *dir)
{
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d));)
        (void)unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
    rmdir(dir);
}

/* What each round begins with a copy of. */
static void house_make(struct arena *a, const char *dir)
{
    struct cx cx = {.arena = a, .now_ms = clock_now_ms(), .peer = S("")};
    struct store_options o = {.data_dir = str_of(dir)};
    struct store *s = NULL;
    assert_int_equal(store_open(&cx, &o, &s), OK);
    assert_int_equal(db_change(s, &cx, LANE_INTERACTIVE, make_apply, NULL), OK);
    store_close(s);
}

static void one_round(struct arena *a, const char *house, const char *dir, int64_t n,
                      bool *was_reached)
{
    struct cx cx = {.arena = a, .now_ms = clock_now_ms(), .peer = S("")};
    struct store_options o = {.data_dir = str_of(dir)};
    struct store *s = NULL;
    bool kept[CHANGES + 1] = {0};
    assert_int_equal(directory_copy(&cx, str_of(house), dir), OK);
    assert_int_equal(store_open(&cx, &o, &s), OK);

    int64_t before = atomic_load(&failures);
    atomic_store(&fail_in, n);
    for (int64_t id = 0; id < CHANGES; id++) {
        enum err e = db_change(s, &cx, LANE_INTERACTIVE, add_apply, &id);
        assert_true(e == OK || e == ERR_INTERNAL || e == ERR_NO_SPACE);
        kept[id] = e == OK;
    }
    atomic_store(&fail_in, 0);
    *was_reached = atomic_load(&failures) > before;
    int64_t last = CHANGES;
    assert_int_equal(db_change(s, &cx, LANE_INTERACTIVE, add_apply, &last), OK);
    kept[last] = true;
    store_close(s);

    assert_int_equal(store_open(&cx, &o, &s), OK);
    assert_int_equal(store_reader(s, &cx, &cx.db), OK);
    for (int64_t id = 0; id <= CHANGES; id++) {
        int64_t there = 0;
        assert_int_equal(db_int(&cx, &q_has, &there, ARGS(V(id))), OK);
        if (there != kept[id])
            fail_msg("failure %lld: change %lld was %s and is %s", (long long)n, (long long)id,
                     kept[id] ? "acknowledged" : "refused", there ? "there" : "gone");
    }
    reader_close(cx.db);
    store_close(s);
}

static void the_nth_failure_of_the_disk_is_answered_and_the_next_change_is_fine(void **state)
{
    (void)state;
    struct arena *a = arena_open((size_t)64 << 20);
    char house[40];
    directory_make(house);
    house_make(a, house);
    bool was_reached = true;
    int64_t n = 0;
    while (was_reached && n < 150) {
        char dir[40];
        directory_make(dir);
        one_round(a, house, dir, ++n, &was_reached);
        directory_remove(dir);
        arena_reset(a);
    }
    directory_remove(house);
    assert_true(n > 80); /* it did meet failures */
    arena_close(a);
}

static enum err much_apply(struct cx *cx, void *state)
{
    enum { BYTES = 1 << 20 };
    int64_t *id = state;
    void *body = arena_alloc(cx->arena, BYTES, 1);
    for (int i = 0; i < 30; i++)
        TRY(db_run(cx, &q_add, ARGS(V(++*id), val_blob(body, BYTES))));
    return OK;
}

/* A log of 30 MB is carried at once and begins anew only at 48: between the two it is looked at twenty times a second. */
static void a_store_that_nobody_writes_to_leaves_the_disk_in_peace(void **state)
{
    (void)state;
    struct arena *a = arena_open((size_t)64 << 20);
    struct cx cx = {.arena = a, .now_ms = clock_now_ms(), .peer = S("")};
    struct store *s = NULL;
    char dir[40];
    directory_make(dir);
    house_make(a, dir);
    struct store_options o = {.data_dir = str_of(dir)};
    assert_int_equal(store_open(&cx, &o, &s), OK);
    int64_t id = 0, before = atomic_load(&syncs), then;
    assert_int_equal(db_change(s, &cx, LANE_INTERACTIVE, much_apply, &id), OK);
    int n = 0;
    do {
        then = atomic_load(&syncs);
        usleep(500000);
    } while (atomic_load(&syncs) != then && ++n < 40);
    assert_true(then > before);
    assert_true(n < 40);
    store_close(s);
    directory_remove(dir);
    arena_close(a);
}

int main(void)
{
    disk_make(); /* before the first store, which looks for its disk once */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nth_failure_of_the_disk_is_answered_and_the_next_change_is_fine),
        cmocka_unit_test(a_store_that_nobody_writes_to_leaves_the_disk_in_peace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
