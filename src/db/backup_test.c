/* A backup is made while others write and the log begins anew again and again; what is restored is the store as it was
 * after one commit, none of those before it missing. */
#include "db/backup.h"
#include "db/db_impl.h"
#include "db/db_test.h"
#include <fcntl.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/stat.h>

enum { WRITERS = 4 };

/* ---- a store that is written ---------------------------------------------------------------- */

static const struct query q_mark = {
    .name = "mark",
    .sqlite = "INSERT INTO store_meta (name, value) VALUES (?1, ?2)",
    .postgres = "INSERT INTO store_meta (name, value) VALUES ($1, $2)",
    .n_params = 2,
    .writes = true};

struct world {
    struct test_world w;
    struct keyring *ring;
    str dir; /* for files of the test */
    _Atomic bool stops;
    _Atomic int64_t acked; /* marks whose commit was answered */
    _Atomic int64_t asked;
    pthread_t writers[WRITERS], checkpointer;
};

struct mark {
    int64_t n;
};

/* Two rows a commit: one without the other would be half a commit. */
static enum err mark_apply(struct cx *cx, void *state)
{
    const struct mark *m = state;
    char pad[3000];
    memset(pad, 'x', sizeof pad);
    for (int half = 0; half < 2; half++)
        TRY(db_run(cx, &q_mark,
                   ARGS(V(arena_printf(cx->arena, "mark %d %lld", half, (long long)m->n)),
                        val_str((str){pad, sizeof pad}))));
    return OK;
}

static void mark(struct world *w)
{
    struct arena *a = arena_open((size_t)1 << 20);
    struct cx cx = {.arena = a, .now_ms = clock_now_ms(), .if_match = -1, .peer = S("")};
    struct mark m = {atomic_fetch_add(&w->asked, 1)};
    enum err e;
    while ((e = db_change(w->w.store, &cx, LANE_INTERACTIVE, mark_apply, &m)) == ERR_BUSY)
        usleep(1000); /* writers without a pause are quicker than the log is carried over */
    if (e != OK)
        abort();
    atomic_fetch_add(&w->acked, 1);
    arena_close(a);
}

static void *write_on(void *arg)
{
    struct world *w = arg;
    while (!atomic_load(&w->stops)) {
        mark(w);
        usleep(300);
    }
    return NULL;
}

/* So that the log is carried over and begins anew at every moment. */
static void *checkpoint_on(void *arg)
{
    struct world *w = arg;
    struct arena *a = arena_open((size_t)1 << 20);
    struct cx cx = {.arena = a, .if_match = -1};
    struct db *d = NULL;
    int frames, done;
    assert_int_equal(lite_open(&cx, w->w.store, LITE_READER, &d), OK);
    while (!atomic_load(&w->stops)) {
        (void)lite_checkpoint(d, &frames, &done);
        usleep(2000);
    }
    lite_close(d);
    arena_close(a);
    return NULL;
}

static int open_world(void **state)
{
    void *t = NULL;
    struct world *w = calloc(1, sizeof *w);
    str recovery = {0};
    struct key_source key = {.kind = KEY_BYTES, .place = S("test")};
    test_world_open(&t);
    w->w = *(struct test_world *)t;
    free(t);
    random_bytes(key.key, sizeof key.key);
    assert_int_equal(keyring_make(&w->w.cx, &key, &w->ring, &recovery), OK);
    char dir[] = "/dev/shm/kith-backup-XXXXXX";
    assert_non_null(mkdtemp(dir));
    w->dir = arena_str(w->w.cx.arena, str_of(dir));
    *state = w;
    return 0;
}

static int close_world(void **state)
{
    struct world *w = *state;
    keyring_close(w->ring);
    backup_remove(arena_cstr(w->w.cx.arena, w->dir));
    void *t = calloc(1, sizeof w->w);
    memcpy(t, &w->w, sizeof w->w);
    free(w);
    return test_world_close(&t);
}

static void begin_writing(struct world *w)
{
    atomic_store(&w->stops, false);
    for (int i = 0; i < WRITERS; i++)
        pthread_create(&w->writers[i], NULL, write_on, w);
    pthread_create(&w->checkpointer, NULL, checkpoint_on, w);
}

static void end_writing(struct world *w)
{
    atomic_store(&w->stops, true);
    for (int i = 0; i < WRITERS; i++)
        pthread_join(w->writers[i], NULL);
    pthread_join(w->checkpointer, NULL);
}

static char *path(struct world *w, const char *name)
{
    return arena_cstr(w->w.cx.arena, arena_printf(w->w.cx.arena, SFMT "/%s", SARG(w->dir), name));
}

static int file(struct world *w, const char *name)
{
    int fd = open(path(w, name), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    return fd;
}

/* What stands in a restored store: marks, and whether each has both halves. */
static int64_t marks_in(struct world *w, const char *dir)
{
    struct cx cx = w->w.cx;
    struct store s = {.dir = path(w, dir),
                      .cache_mb = 16,
                      .page = VAULT_PAGE,
                      .vault = vault_open(w->ring, VAULT_PAGE, 0)};
    struct db *d = NULL;
    int64_t whole = 0, half = 0, fine = 0;
    follows_init(&s.follows);
    assert_int_equal(lite_open(&cx, &s, LITE_WRITER, &d), OK);
    assert_int_equal(
        lite_int_once(&cx, d, "SELECT count(*) FROM store_meta WHERE name LIKE 'mark 0 %'", &whole),
        OK);
    assert_int_equal(
        lite_int_once(&cx, d, "SELECT count(*) FROM store_meta WHERE name LIKE 'mark 1 %'", &half),
        OK);
    assert_int_equal(
        lite_int_once(&cx, d,
                      "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'",
                      &fine),
        OK);
    lite_close(d);
    vault_close(s.vault);
    follows_free(&s.follows);
    assert_int_equal(whole, half);
    assert_int_equal(fine, 1);
    return whole;
}

static enum err restore(struct world *w, const char *from, const char *to, int64_t at_ms,
                        struct restored *out)
{
    const struct restore_wish wish = {
        .from = path(w, from), .dir = path(w, to), .at_ms = at_ms, .is_scratch = true};
    return backup_restore(&w->w.cx, w->ring, &wish, out);
}

/* ---- */

static void a_copy_made_under_load_is_the_store_after_one_commit(void **state)
{
    struct world *w = *state;
    struct cx *cx = &w->w.cx;
    struct restored r;
    for (int round = 0; round < 6; round++) {
        struct backup *b = NULL;
        int fd = file(w, "copy");
        begin_writing(w);
        usleep(30000);
        int64_t before = atomic_load(&w->acked);
        assert_int_equal(backup_begin(w->w.store, cx, w->ring, fd, false, &b), OK);
        assert_int_equal(backup_pages(b, cx, NULL, NULL), OK);
        assert_int_equal(backup_end(b, cx), OK);
        int64_t after = atomic_load(&w->asked);
        end_writing(w); /* or the next copy is longer the slower this one is restored */
        backup_close(b);
        close(fd);

        backup_remove(path(w, "back"));
        enum err e = restore(w, "copy", "back", INT64_MAX, &r);
        if (e != OK)
            print_message("%.*s\n", SARG(fault_text(cx->arena, LANG_EN, &cx->why)));
        assert_int_equal(e, OK);

        int64_t found = marks_in(w, "back");
        assert_true(found >= before);
        assert_true(found <= after);
        assert_int_equal(backup_verify(cx, w->ring, path(w, "copy"), NULL, NULL), OK);
    }
}

static void a_followed_store_goes_back_to_any_moment(void **state)
{
    struct world *w = *state;
    struct cx *cx = &w->w.cx;
    struct backup *b = NULL;
    struct restored r;
    enum { MOMENTS = 8 };
    int64_t ms[MOMENTS], before[MOMENTS], after[MOMENTS];
    int fd = file(w, "followed");
    begin_writing(w);
    assert_int_equal(backup_begin(w->w.store, cx, w->ring, fd, true, &b), OK);
    assert_int_equal(backup_pages(b, cx, NULL, NULL), OK);
    for (int i = 0; i < MOMENTS; i++) {
        usleep(40000);
        before[i] = atomic_load(&w->acked); /* committed before this millisecond begins */
        int64_t from = clock_now_ms();
        while (clock_now_ms() == from)
            continue;
        ms[i] = clock_now_ms();
        while (clock_now_ms() == ms[i])
            continue;
        after[i] = atomic_load(&w->asked);
        if (i % 3 == 0)
            assert_int_equal(backup_catch_up(b, cx), OK);
    }
    end_writing(w);
    assert_int_equal(backup_catch_up(b, cx), OK);
    backup_close(b);
    close(fd);

    int64_t last = 0;
    for (int i = 0; i < MOMENTS; i++) {
        backup_remove(path(w, "back"));
        assert_int_equal(restore(w, "followed", "back", ms[i], &r), OK);
        int64_t found = marks_in(w, "back");
        assert_true(found >= before[i]);
        assert_true(found <= after[i]);
        assert_true(found >= last);
        assert_true(r.at_ms <= ms[i]);
        last = found;
    }
    backup_remove(path(w, "back"));
    assert_int_equal(restore(w, "followed", "back", INT64_MAX, &r), OK);
    assert_int_equal(marks_in(w, "back"), atomic_load(&w->acked));
    assert_int_equal(restore(w, "followed", "back2", r.first_ms - 1, &r), ERR_INVALID);
    assert_int_equal(cx->why.msg, M_KEEP_TOO_EARLY);
}

static void make_small(struct world *w, const char *name, bool is_followed)
{
    struct cx *cx = &w->w.cx;
    struct backup *b = NULL;
    int fd = file(w, name);
    assert_int_equal(backup_begin(w->w.store, cx, w->ring, fd, is_followed, &b), OK);
    mark(w);
    assert_int_equal(backup_pages(b, cx, NULL, NULL), OK);
    for (int i = 0; i < 5; i++) {
        mark(w);
        assert_int_equal(backup_catch_up(b, cx), OK);
    }
    if (!is_followed)
        assert_int_equal(backup_end(b, cx), OK);
    backup_close(b);
    close(fd);
}

/* Wherever the disk lost the rest, what is before is whole; a copy that has an end must have it. */
static void a_followed_backup_that_was_cut_is_good_up_to_there(void **state)
{
    struct world *w = *state;
    struct restored r;
    struct stat st;
    make_small(w, "followed", true);
    make_small(w, "copy", false);
    assert_int_equal(stat(path(w, "followed"), &st), 0);
    int64_t fewest = 100, most = 0;
    for (int i = 1; i < 40; i++) {
        backup_remove(path(w, "back"));
        assert_int_equal(truncate(path(w, "followed"), st.st_size - i * 1700), 0);
        enum err e = restore(w, "followed", "back", INT64_MAX, &r);
        if (e != OK) {
            assert_int_equal(w->w.cx.why.msg, M_KEEP_CUT);
            continue;
        }
        int64_t found = marks_in(w, "back");
        fewest = found < fewest ? found : fewest;
        most = found > most ? found : most;
    }
    assert_true(fewest < most);
    assert_int_equal(stat(path(w, "copy"), &st), 0);
    for (int i = 1; i < 20; i++) {
        assert_int_equal(truncate(path(w, "copy"), st.st_size - i), 0);
        assert_int_equal(restore(w, "copy", "none", INT64_MAX, &r), ERR_INVALID);
        assert_int_equal(w->w.cx.why.msg, M_KEEP_CUT);
        assert_int_not_equal(access(path(w, "none"), F_OK), 0);
    }
}

static void a_changed_byte_anywhere_is_refused_and_leaves_nothing(void **state)
{
    struct world *w = *state;
    struct restored r;
    struct stat st;
    make_small(w, "copy", false);
    assert_int_equal(stat(path(w, "copy"), &st), 0);
    int fd = open(path(w, "copy"), O_RDWR | O_CLOEXEC);
    for (off_t at = 0; at < st.st_size; at += at < 700 ? 13 : st.st_size / 60) {
        char was, is;
        assert_int_equal(pread(fd, &was, 1, at), 1);
        is = (char)(was ^ 4);
        assert_int_equal(pwrite(fd, &is, 1, at), 1);
        assert_int_equal(restore(w, "copy", "none", INT64_MAX, &r), ERR_INVALID);
        assert_int_not_equal(access(path(w, "none"), F_OK), 0);
        assert_int_not_equal(access(path(w, "none.restoring"), F_OK), 0);
        assert_int_equal(pwrite(fd, &was, 1, at), 1);
    }
    close(fd);
    assert_int_equal(restore(w, "copy", "none", INT64_MAX, &r), OK);
}

static void a_directory_that_is_not_empty_is_left_alone(void **state)
{
    struct world *w = *state;
    struct restored r;
    make_small(w, "copy", false);
    assert_int_equal(mkdir(path(w, "full"), 0700), 0);
    close(file(w, "full/something"));
    assert_int_equal(restore(w, "copy", "full", INT64_MAX, &r), ERR_INVALID);
    assert_int_equal(w->w.cx.why.msg, M_KEEP_NOT_EMPTY);
    assert_int_equal(access(path(w, "full/something"), F_OK), 0);
    assert_int_equal(unlink(path(w, "full/something")), 0);
    assert_int_equal(restore(w, "copy", "full", INT64_MAX, &r), OK);
}

static void nothing_of_the_store_can_be_read_in_the_file(void **state)
{
    struct world *w = *state;
    make_small(w, "copy", false);
    int fd = open(path(w, "copy"), O_RDONLY | O_CLOEXEC);
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    char *all = malloc((size_t)st.st_size);
    assert_int_equal(read(fd, all, (size_t)st.st_size), st.st_size);
    assert_null(memmem(all, (size_t)st.st_size, "xxxxxxxx", 8));
    assert_null(memmem(all, (size_t)st.st_size, "CREATE TABLE", 12));
    free(all);
    close(fd);
}

static int all(void)
{
#define BACKUP(fn) cmocka_unit_test_setup_teardown(fn, open_world, close_world)
    const struct CMUnitTest tests[] = {
        BACKUP(a_copy_made_under_load_is_the_store_after_one_commit),
        BACKUP(a_followed_store_goes_back_to_any_moment),
        BACKUP(a_followed_backup_that_was_cut_is_good_up_to_there),
        BACKUP(a_changed_byte_anywhere_is_refused_and_leaves_nothing),
        BACKUP(a_directory_that_is_not_empty_is_left_alone),
        BACKUP(nothing_of_the_store_can_be_read_in_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return all(); /* PostgreSQL has no pages of ours */
}
