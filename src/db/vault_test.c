/* Sealed stores on a disk: what is in the files, and what happens when somebody changes them. */
#include "db/backup.h"
#include "db/db_impl.h"
#include "db/db_test.h"
#include "db/pages.h"
#include "db/snapshot.h"
#include "messages.h"
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* Of the stores of these tests: those that are made today, then those that earlier versions made. */
static int64_t page_bytes = VAULT_PAGE;
#define PAGE ((size_t)page_bytes)
#define TEXT (page_bytes - VAULT_RESERVED)
#define FRAME (VAULT_FRAME_HEAD + page_bytes)

static const char planted[] = "Zweigelt-Obermayr 0x5EC2E7";

struct place {
    char dir[64];
    struct arena *arena;
    struct keyring *ring;
};

static void silent(str place, bool is_made, str recovery)
{
    (void)place;
    (void)is_made;
    (void)recovery;
}
static void nothing(int64_t done, int64_t all)
{
    (void)done;
    (void)all;
}
static const struct key_voice quiet = {silent, nothing};

static const struct query
    q_make = {.name = "make",
              .sqlite = "CREATE TABLE thing (id INTEGER PRIMARY KEY, name TEXT) STRICT",
              .writes = true},
    q_put = {.name = "put",
             .sqlite = "INSERT INTO thing VALUES (?1, ?2 || hex(randomblob(60)))",
             .n_params = 2,
             .writes = true},
    q_count = {.name = "count", .sqlite = "SELECT count(*) FROM thing WHERE length(name) > 60"};

static int place_open(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    p->arena = arena_open((size_t)256 << 20);
    snprintf(p->dir, sizeof p->dir, "%s/kith-vault-test-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(p->dir));
    *state = p;
    return 0;
}

static int place_close(void **state)
{
    struct place *p = *state;
    DIR *d = opendir(p->dir);
    for (struct dirent *e; (e = readdir(d));)
        (void)unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
    rmdir(p->dir);
    arena_close(p->arena);
    free(p);
    return 0;
}

static void plain_begin(struct place *p, sqlite3 **h)
{
    int reserve = VAULT_RESERVED;
    assert_int_equal(sqlite3_open(arena_printf(p->arena, "%s/kith.db", p->dir).ptr, h), SQLITE_OK);
    assert_int_equal(sqlite3_file_control(*h, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserve),
                     SQLITE_OK);
    assert_int_equal(sqlite3_exec(*h,
                                  "PRAGMA page_size=8192; PRAGMA auto_vacuum=incremental;"
                                  "PRAGMA journal_mode=WAL",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
}

/* With a store whose pages are of 8 KiB, as every store once was. */
static int place_open_large(void **state)
{
    sqlite3 *h = NULL;
    page_bytes = VAULT_PAGE_MOST;
    place_open(state);
    plain_begin(*state, &h);
    sqlite3_close(h);
    return 0;
}

static struct cx cx_of(struct place *p)
{
    return (struct cx){.arena = p->arena, .now_ms = 1795329000000, .if_match = -1, .peer = S("")};
}

static enum err opened(struct place *p, struct cx *cx, struct store **s)
{
    return store_open(cx, &(struct store_options){.data_dir = str_of(p->dir), .voice = &quiet}, s);
}

static enum err make_apply(struct cx *cx, void *arg)
{
    (void)arg;
    return db_run(cx, &q_make, NO_ARGS);
}

struct rows {
    int64_t from, to;
};
static enum err rows_apply(struct cx *cx, void *arg)
{
    const struct rows *r = arg;
    for (int64_t i = r->from; i < r->to; i++)
        TRY(db_run(cx, &q_put, ARGS(V(i), V(str_of(planted)))));
    return OK;
}

static void put(struct store *s, struct cx *cx, int64_t from, int64_t to)
{
    assert_int_equal(db_change(s, cx, LANE_INTERACTIVE, rows_apply, &(struct rows){from, to}), OK);
}

/* A closed store with rows; pages are dropped and taken again on the way. */
static void filled(struct place *p, int64_t n)
{
    struct cx cx = cx_of(p);
    struct store *s = NULL;
    assert_int_equal(opened(p, &cx, &s), OK);
    assert_int_equal(db_change(s, &cx, LANE_INTERACTIVE, make_apply, NULL), OK);
    put(s, &cx, 1, n + 1);
    store_close(s);
}

static enum err counted(struct place *p, struct cx *cx, struct store *s, int64_t *n)
{
    TRY(store_reader(s, cx, &cx->db));
    enum err e = db_int(cx, &q_count, n, NO_ARGS);
    reader_close(cx->db);
    cx->db = NULL;
    (void)p;
    return e;
}

static str file(struct place *p, const char *name)
{
    str path = arena_printf(p->arena, "%s/%s", p->dir, name);
    int fd = open(path.ptr, O_RDONLY);
    struct stat st;
    if (fd < 0)
        return (str){0};
    assert_int_equal(fstat(fd, &st), 0);
    char *bytes = arena_alloc(p->arena, (size_t)st.st_size + 1, 1);
    assert_int_equal(read(fd, bytes, (size_t)st.st_size), st.st_size);
    close(fd);
    return (str){bytes, (size_t)st.st_size};
}

static void file_put(struct place *p, const char *name, str bytes)
{
    int fd =
        open(arena_printf(p->arena, "%s/%s", p->dir, name).ptr, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes.ptr, bytes.len), bytes.len);
    close(fd);
}

static void bit_flip(struct place *p, const char *name, int64_t at)
{
    int fd = open(arena_printf(p->arena, "%s/%s", p->dir, name).ptr, O_RDWR);
    char c;
    assert_int_equal(pread(fd, &c, 1, at), 1);
    c ^= 16;
    assert_int_equal(pwrite(fd, &c, 1, at), 1);
    close(fd);
}

static bool holds(str hay, str needle)
{
    return memmem(hay.ptr, hay.len, needle.ptr, needle.len) != NULL;
}

static void nothing_planted(struct place *p)
{
    DIR *d = opendir(p->dir);
    int n = 0;
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.')
            continue;
        str bytes = file(p, e->d_name);
        n++;
        if (holds(bytes, S("Zweigelt")) || holds(bytes, S("CREATE TABLE")) ||
            holds(bytes, S("SQLite format")))
            fail_msg("%s holds plain text", e->d_name);
    }
    closedir(d);
    assert_true(n >= 2);
}

/* ---- what lies in the files ------------------------------------------------------------------------ */

static void no_file_holds_a_word_that_was_written(void **state)
{
    struct place *p = *state;
    struct cx cx = cx_of(p);
    struct store *s = NULL;
    assert_int_equal(opened(p, &cx, &s), OK);
    assert_int_equal(db_change(s, &cx, LANE_INTERACTIVE, make_apply, NULL), OK);
    put(s, &cx, 1, 3000);
    nothing_planted(p); /* while it is open: the log is full */
    assert_true(file(p, "kith.db-wal").len > 100000);
    store_close(s);
    nothing_planted(p);
}

static void a_store_of_a_processor_without_aes_is_sealed_and_opens_everywhere(void **state)
{
    struct place *p = *state;
    struct cx cx = cx_of(p);
    struct store *s = NULL;
    int64_t n = 0;
    seal_cipher_set(SEAL_CHACHA);
    filled(p, 500);
    seal_cipher_set(0);
    nothing_planted(p);
    assert_int_equal(opened(p, &cx, &s), OK);
    assert_int_equal(counted(p, &cx, s, &n), OK);
    assert_int_equal(n, 500);
    store_close(s);
}

static void what_was_acknowledged_is_there_after_a_kill(void **state)
{
    struct place *p = *state;
    int told[2];
    assert_int_equal(pipe(told), 0);
    pid_t child = fork();
    if (child == 0) {
        struct cx cx = cx_of(p);
        struct store *s = NULL;
        if (opened(p, &cx, &s) != OK || db_change(s, &cx, LANE_INTERACTIVE, make_apply, NULL) != OK)
            _exit(1);
        for (int64_t i = 1;; i++)
            if (db_change(s, &cx, LANE_INTERACTIVE, rows_apply, &(struct rows){i, i + 1}) != OK ||
                write(told[1], &i, sizeof i) != sizeof i)
                _exit(1);
    }
    int64_t last = 0, n = 0;
    while (last < 300)
        assert_int_equal(read(told[0], &last, sizeof last), sizeof last);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    close(told[0]);
    close(told[1]);
    nothing_planted(p);
    struct cx cx = cx_of(p);
    struct store *s = NULL;

    assert_int_equal(opened(p, &cx, &s), OK);

    assert_int_equal(counted(p, &cx, s, &n), OK);
    assert_true(n >= last);
    store_close(s);
}

/* ---- what somebody changed ---------------------------------------------------------------------------- */

static void found(void *arg, const struct fault *damage)
{
    struct fault *why = arg;
    if (!why->msg)
        *why = *damage;
}

static bool goes_on(void *arg, int64_t done, int64_t all)
{
    (void)arg;
    (void)done;
    (void)all;
    return true;
}

/* The store does not open, or a look at every page finds one. */
static bool is_refused(struct place *p, struct fault *why)
{
    struct cx cx = cx_of(p);
    struct store *s = NULL;
    enum err e = opened(p, &cx, &s);
    *why = cx.why;
    const struct pages_wish w = {.found = found, .goes_on = goes_on, .arg = why};
    if (e == OK) {
        assert_int_equal(pages_check(s, &cx, &w), OK);
        assert_int_equal(pages_structure(s, &cx, &w), OK);
    }
    store_close(s);
    return why->msg != 0;
}

static int64_t page_of(const struct fault *why)
{
    int64_t n = 0;
    if (why->msg == M_STORE_DAMAGED) {
        assert_str(why->args[0].text, S("kith.db"));
        return why->args[1].number;
    }
    return why->msg == M_CHECK_PAGE && str_to_int(why->args[0].text, &n) ? n : -1;
}

static void one_flipped_bit_anywhere_in_a_page_is_named_and_nothing_of_it_is_served(void **state)
{
    struct place *p = *state;
    struct fault why;
    filled(p, 2000);
    str whole = file(p, "kith.db");
    int64_t pages = (int64_t)whole.len / page_bytes;
    const int64_t in_page[] = {
        0, 16, 17, 60, 99, 100, 4000, TEXT - 1, TEXT, TEXT + 5, TEXT + SEAL_NONCE, page_bytes - 1};
    for (int64_t page = 1; page <= pages; page += page < 3 ? 1 : pages / 3)
        for (size_t i = 0; i < COUNT(in_page); i++) {
            bit_flip(p, "kith.db", (page - 1) * page_bytes + in_page[i]);
            assert_true(is_refused(p, &why));
            if (page > 1 || in_page[i] > 20) /* before: no store at all, by its first bytes */
                assert_int_equal(page_of(&why), page);
            file_put(p, "kith.db", whole);
        }
    assert_false(is_refused(p, &why));
}

static void pages_that_change_places_are_refused(void **state)
{
    struct place *p = *state;
    struct fault why;
    filled(p, 2000);
    str whole = file(p, "kith.db");
    char *swapped = arena_cstr(p->arena, whole);
    memcpy(swapped + 5 * PAGE, whole.ptr + 6 * PAGE, PAGE);
    memcpy(swapped + 6 * PAGE, whole.ptr + 5 * PAGE, PAGE);
    file_put(p, "kith.db", (str){swapped, whole.len});
    assert_true(is_refused(p, &why));
    assert_true(page_of(&why) == 6 || page_of(&why) == 7);
    memset(swapped, 0, whole.len); /* zeros are no page either */
    memcpy(swapped, whole.ptr, 9 * PAGE);
    file_put(p, "kith.db", (str){swapped, whole.len});
    assert_true(is_refused(p, &why));
    assert_true(page_of(&why) >= 10);
}

static void a_file_that_was_cut_is_refused(void **state)
{
    struct place *p = *state;
    struct fault why;
    filled(p, 2000);
    str whole = file(p, "kith.db");
    for (size_t n = whole.len - PAGE; n > 2 * PAGE; n -= n / 3 + 1000) {
        file_put(p, "kith.db", (str){whole.ptr, n});
        assert_true(is_refused(p, &why));
    }
    file_put(p, "kith.db", whole);
    assert_false(is_refused(p, &why));
}

/* While the store is open, so that no recovery throws the log away. */
static void one_flipped_bit_in_a_page_of_the_log_is_named(void **state)
{
    struct place *p = *state;
    struct cx cx = cx_of(p);
    struct store *s = NULL;
    int64_t n = 0;
    assert_int_equal(opened(p, &cx, &s), OK);
    assert_int_equal(db_change(s, &cx, LANE_INTERACTIVE, make_apply, NULL), OK);
    put(s, &cx, 1, 2000); /* less than what is carried over by itself */
    int64_t frames = ((int64_t)file(p, "kith.db-wal").len - VAULT_LOG_HEAD) / FRAME, named = 0;
    for (int64_t i = 0; i < frames; i++)
        bit_flip(p, "kith.db-wal", VAULT_LOG_HEAD + i * FRAME + 24 + i % page_bytes);
    vault_forget(s->vault);
    enum err e = counted(p, &cx, s, &n);
    assert_int_equal(e, ERR_INTERNAL);
    assert_int_equal(cx.why.msg, M_STORE_DAMAGED);
    assert_str(cx.why.args[0].text, S("kith.db-wal"));
    named = cx.why.args[1].number;
    assert_true(named > 0 && named < 1000);
    for (int64_t i = 0; i < frames; i++)
        bit_flip(p, "kith.db-wal", VAULT_LOG_HEAD + i * FRAME + 24 + i % page_bytes);
    assert_int_equal(counted(p, &cx, s, &n), OK);
    assert_int_equal(n, 1999);
    store_close(s);
}

/* ---- a log that is found at the start ------------------------------------------------------------- */

enum { COMMITS = 12, BASE = 2910 };

static void child_put(struct store *s, struct cx *cx, int64_t from, int64_t to)
{
    if (db_change(s, cx, LANE_INTERACTIVE, rows_apply, &(struct rows){from, to}) != OK)
        _exit(1);
}

/* A process that was killed: so many commits of a row each lie in the log, behind the rest of an earlier one. */
static void killed_with_a_log(struct place *p)
{
    filled(p, 10);
    pid_t child = fork();
    if (child == 0) {
        struct cx cx = cx_of(p);
        struct store *s = NULL;
        if (opened(p, &cx, &s) != OK)
            _exit(1);
        child_put(s, &cx, 100, 3000);
        checkpoint_finish(s); /* it begins anew: frames of before stand behind the new ones */
        for (int64_t i = 0; i < COMMITS; i++)
            child_put(s, &cx, 10000 + i, 10001 + i);
        kill(getpid(), SIGKILL);
    }
    int status = 0;
    waitpid(child, &status, 0);
    assert_true(WIFSIGNALED(status));
}

struct laid {
    str db, log, index;
};

static struct laid laid_of(struct place *p)
{
    return (struct laid){file(p, "kith.db"), file(p, "kith.db-wal"), file(p, "kith.db-shm")};
}

static void gone(struct place *p, const char *name)
{
    (void)unlink(arena_printf(p->arena, "%s/%s", p->dir, name).ptr);
}

/* As it was; without the index, as after the machine was switched off. */
static void lay(struct place *p, const struct laid *l, bool has_index)
{
    file_put(p, "kith.db", l->db);
    file_put(p, "kith.db-wal", l->log);
    gone(p, "kith.db-shm");
    if (has_index)
        file_put(p, "kith.db-shm", l->index);
}

static uint16_t refusal(struct place *p, int64_t *rows)
{
    struct cx cx = cx_of(p);
    struct store *s = NULL;
    *rows = -1;
    if (opened(p, &cx, &s) == OK)
        assert_int_equal(counted(p, &cx, s, rows), OK);
    store_close(s);
    return cx.why.msg;
}

static int64_t frame_place(int64_t i)
{
    return VAULT_LOG_HEAD + i * FRAME;
}

/* Frames of the log that count: those that the index says. */
static int64_t frames_of(const struct laid *l)
{
    uint32_t n;
    memcpy(&n, l->index.ptr + 16, sizeof n);
    return n;
}

static void a_log_that_nobody_touched_opens_with_and_without_its_index(void **state)
{
    struct place *p = *state;
    int64_t whole = 0, rows = 0;
    killed_with_a_log(p);
    struct laid l = laid_of(p);
    assert_true(frames_of(&l) >= COMMITS);
    assert_true((int64_t)l.log.len > frame_place(frames_of(&l) + 1)); /* there are some of before */
    assert_int_equal(refusal(p, &whole), 0);
    assert_true(whole == BASE + COMMITS);
    lay(p, &l, false);
    assert_int_equal(refusal(p, &rows), 0);
    assert_int_equal(rows, whole);
    lay(p, &l, true);
    gone(p, "kith.db-shm");
    file_put(p, "kith.db-shm", (str){l.index.ptr, 40}); /* one that is cut is none */
    assert_int_equal(refusal(p, &rows), 0);
    assert_int_equal(rows, whole);
}

static void damage_anywhere_in_a_log_is_named_and_nothing_is_served(void **state)
{
    struct place *p = *state;
    int64_t rows = 0;
    const int64_t in_frame[] = {0, 5, 9, 20, 24, 4000, 24 + TEXT, FRAME - 1};
    killed_with_a_log(p);
    struct laid l = laid_of(p);
    int64_t last = frames_of(&l) - 1;
    for (int64_t i = 0; i <= last; i += last / 3)
        for (size_t k = 0; k < COUNT(in_frame); k++) {
            lay(p, &l, true);
            bit_flip(p, "kith.db-wal", frame_place(i) + in_frame[k]);
            assert_int_equal(refusal(p, &rows), M_STORE_LOG_DAMAGED);
            assert_int_equal(refusal(p, &rows),
                             M_STORE_LOG_DAMAGED); /* and nothing was made of it */
        }
    for (int64_t at = 0; at < VAULT_LOG_HEAD; at += 5)
        for (int has_index = 0; has_index < 2; has_index++) {
            lay(p, &l, has_index);
            bit_flip(p, "kith.db-wal", at);
            assert_int_equal(refusal(p, &rows), M_STORE_LOG_DAMAGED);
        }
    lay(p, &l, true);
    struct cx cx = cx_of(p);
    struct store *s = NULL;
    bit_flip(p, "kith.db-wal", frame_place(last / 2) + 100);
    const struct store_options less = {
        .data_dir = str_of(p->dir), .voice = &quiet, .takes_less = true};
    assert_int_equal(store_open(&cx, &less, &s), OK); /* who wants it knowingly */
    assert_int_equal(counted(p, &cx, s, &rows), OK);
    assert_true(rows >= BASE && rows < BASE + COMMITS);
    store_close(s);
}

/* Without the index a damaged log and one that a power failure tore look alike; the index tells of a cut, and of a log that is gone. */
static void what_was_acknowledged_is_missed_by_the_index_of_the_log(void **state)
{
    struct place *p = *state;
    int64_t rows = 0, whole = BASE + COMMITS;
    killed_with_a_log(p);
    struct laid l = laid_of(p);
    int64_t last = frames_of(&l) - 1;

    lay(p, &l, false);
    bit_flip(p, "kith.db-wal", frame_place(last) + 77);
    assert_int_equal(refusal(p, &rows), 0); /* as a power failure leaves it: what cannot be told */
    assert_true(rows < whole && rows >= whole - 2);
    lay(p, &l, true);
    bit_flip(p, "kith.db-wal", frame_place(last) + 77);
    assert_int_equal(refusal(p, &rows), M_STORE_LOG_DAMAGED);

    for (int64_t keep = last; keep > 0; keep -= 1 + last / 4) {
        lay(p, &l, true);
        file_put(p, "kith.db-wal", (str){l.log.ptr, (size_t)frame_place(keep) + 50});
        assert_int_equal(refusal(p, &rows), M_STORE_LOG_DAMAGED);
        lay(p, &l, false);
        file_put(p, "kith.db-wal", (str){l.log.ptr, (size_t)frame_place(keep) + 50});
        assert_int_equal(refusal(p, &rows), 0);
    }
    lay(p, &l, true);
    gone(p, "kith.db-wal");
    assert_int_equal(refusal(p, &rows), M_STORE_LOG_MISSING);
    lay(p, &l, true);
    assert_int_equal(refusal(p, &rows), 0);
    assert_int_equal(rows, whole);
}

/* Of what was not synced any part may be there: the rest of one commit behind a hole is no damage. */
static void a_hole_in_the_commit_that_was_being_written_is_a_torn_end(void **state)
{
    struct place *p = *state;
    int64_t rows = 0;
    killed_with_a_log(p);
    struct laid l = laid_of(p);
    struct cx cx = cx_of(p);
    struct store *s = NULL;
    pid_t child = fork();
    if (child == 0) { /* one commit of many frames is the last */
        if (opened(p, &cx, &s) != OK)
            _exit(1);
        child_put(s, &cx, 20000, 21500);
        kill(getpid(), SIGKILL);
    }
    waitpid(child, NULL, 0);
    l = laid_of(p);
    int64_t n = frames_of(&l);
    assert_true(n > 10);
    for (int64_t hole = n - 8; hole < n; hole += 3) {
        lay(p, &l, false);
        for (int64_t at = 0; at < FRAME; at += 512)
            bit_flip(p, "kith.db-wal", frame_place(hole) + at);
        assert_int_equal(refusal(p, &rows), 0);
        assert_int_equal(rows, BASE + COMMITS);
    }
}

static void keys_that_are_wrong_gone_or_damaged_get_one_sentence_each(void **state)
{
    struct place *p = *state;
    struct fault why;
    filled(p, 10);
    str keys = file(p, "kith.keys");

    setenv("KITH_KEY", "0909090909090909090909090909090909090909090909090909090909090909", 1);
    assert_true(is_refused(p, &why));
    assert_int_equal(why.msg, M_KEYS_WRONG);
    unsetenv("KITH_KEY");
    assert_true(is_refused(p, &why));
    assert_int_equal(why.msg, M_KEYS_NO_KEY);
    test_key_set();
    bit_flip(p, "kith.keys", (int64_t)keys.len / 2);
    assert_true(is_refused(p, &why));
    assert_int_equal(why.msg, M_KEYS_DAMAGED);
    (void)unlink(arena_printf(p->arena, "%s/kith.keys", p->dir).ptr);
    assert_true(is_refused(p, &why)); /* and no new ones are made over it */
    assert_int_equal(why.msg, M_KEYS_MISSING);
    assert_int_equal(file(p, "kith.keys").len, 0);
    file_put(p, "kith.keys", keys);
    assert_false(is_refused(p, &why));
    str whole = file(p, "kith.db");
    char *later = arena_cstr(p->arena, whole);
    later[0] = 3;
    file_put(p, "kith.db", (str){later, whole.len});
    assert_true(is_refused(p, &why));
    assert_int_equal(why.msg, M_STORE_SEALED_LATER);
}

/* ---- a store of before ------------------------------------------------------------------------------------ */

static void plain_made(struct place *p, int rows)
{
    sqlite3 *h = NULL;
    plain_begin(p, &h);
    str sql =
        arena_printf(p->arena,
                     "CREATE TABLE thing (id INTEGER PRIMARY KEY, name TEXT) STRICT;"
                     "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
                     "INSERT INTO thing SELECT i, '%s' || hex(randomblob(60)) FROM n",
                     rows, planted);
    assert_int_equal(sqlite3_exec(h, sql.ptr, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(h);
    assert_true(holds(file(p, "kith.db"), str_of(planted)));
}

static void kill_self_at(int64_t done, int64_t all)
{
    if (done * 2 >= all)
        kill(getpid(), SIGKILL);
}
static const struct key_voice deadly = {silent, kill_self_at};

static void a_plain_store_is_sealed_at_its_first_start_even_if_that_is_killed(void **state)
{
    struct place *p = *state;
    int64_t n = 0;
    plain_made(p, 6000);
    pid_t child = fork();
    if (child == 0) {
        struct cx own = cx_of(p);
        struct store *never = NULL;
        (void)!store_open(
            &own, &(struct store_options){.data_dir = str_of(p->dir), .voice = &deadly}, &never);
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    assert_true(WIFSIGNALED(status));
    assert_true(holds(file(p, "kith.db"), str_of(planted)));
    struct cx cx = cx_of(p);
    struct store *s = NULL;

    assert_int_equal(opened(p, &cx, &s), OK);

    assert_int_equal(counted(p, &cx, s, &n), OK);
    assert_int_equal(n, 6000);
    nothing_planted(p);
    store_close(s);
    nothing_planted(p);
}

static void a_plain_store_that_was_killed_is_sealed_with_what_its_log_holds(void **state)
{
    struct place *p = *state;
    int64_t n = 0;
    plain_made(p, 1000);
    pid_t child = fork();
    if (child == 0) {
        sqlite3 *h = NULL;
        (void)sqlite3_open(arena_printf(p->arena, "%s/kith.db", p->dir).ptr, &h);
        (void)sqlite3_exec(h, "INSERT INTO thing SELECT id + 1000, name FROM thing", NULL, NULL,
                           NULL);
        kill(getpid(), SIGKILL);
    }
    waitpid(child, NULL, 0);
    assert_true(file(p, "kith.db-wal").len > 10000 && file(p, "kith.db-shm").len > 1000);
    struct cx cx = cx_of(p);
    struct store *s = NULL;

    assert_int_equal(opened(p, &cx, &s), OK);

    assert_int_equal(counted(p, &cx, s, &n), OK);
    assert_int_equal(n, 2000);
    store_close(s);
}

/* ---- rotation ------------------------------------------------------------------------------------------------- */

static void rotated(struct place *p, struct cx *cx, struct store *s)
{
    int64_t page = 1, pages = 1;
    while (page <= pages)
        assert_int_equal(vault_rotate_slice(cx, s->vault, p->dir, &page, &pages), OK);
}

static void pages_are_sealed_anew_while_they_are_read_and_written(void **state)
{
    struct place *p = *state;
    struct cx cx = cx_of(p);
    struct store *s = NULL;
    int64_t n = 0;
    filled(p, 5000);
    assert_int_equal(opened(p, &cx, &s), OK);
    assert_int_equal(keyring_add(&cx, s->ring, p->dir), OK);
    vault_epoch_take(s->vault);
    put(s, &cx, 10001, 10500);
    rotated(p, &cx, s);
    assert_int_equal(counted(p, &cx, s, &n), OK);
    assert_int_equal(n, 5499);
    store_close(s); /* what is in the log goes over under the new one */
    str whole = file(p, "kith.db");
    for (size_t at = (size_t)TEXT; at < whole.len; at += PAGE)
        assert_int_equal(whole.ptr[at], 2);

    cx = cx_of(p);
    assert_int_equal(opened(p, &cx, &s), OK);
    keyring_drop(s->ring, 1);
    vault_epochs_changed(s->vault);
    assert_int_equal(counted(p, &cx, s, &n), OK);
    assert_int_equal(n, 5499);
    store_close(s);
}

static void a_slice_that_was_killed_half_way_is_mended(void **state)
{
    struct place *p = *state;
    struct cx cx = cx_of(p);
    struct store *s = NULL;
    struct fault why;
    int64_t page = 1, pages = 1;
    filled(p, 3000);
    str before = file(p, "kith.db");
    assert_int_equal(opened(p, &cx, &s), OK);
    assert_int_equal(keyring_add(&cx, s->ring, p->dir), OK);
    vault_epoch_take(s->vault);
    /* What a power failure leaves: the copy on the disk, one page of it torn in its place. */
    assert_int_equal(vault_rotate_slice(&cx, s->vault, p->dir, &page, &pages), OK);
    store_close(s);
    str after = file(p, "kith.db");
    struct text kept = text_on_heap((size_t)8 << 20);
    text_add(&kept, (str){"\x01kith pages\0\0\0\0\0", 16});
    text_add(&kept, (str){"\0\0\0\0\0\0\0\x05", 8});
    for (int i = 3; i < 8; i++) {
        text_add(&kept, (str){(char[]){0, 0, 0, 0, 0, 0, 0, (char)(i + 1)}, 8});
        text_add(&kept, (str){after.ptr + (size_t)i * PAGE, PAGE});
    }
    char *torn = arena_cstr(p->arena, before);
    memcpy(torn + 5 * PAGE, after.ptr + 5 * PAGE, PAGE / 2);
    file_put(p, "kith.db", (str){torn, before.len});
    assert_true(is_refused(p, &why));

    file_put(p, "kith.db-pages", text_str(&kept));
    assert_false(is_refused(p, &why));

    assert_int_equal(access(arena_printf(p->arena, "%s/kith.db-pages", p->dir).ptr, F_OK), -1);
    file_put(p, "kith.db-pages",
             (str){kept.ptr, kept.len - 1}); /* one that was not kept whole is nothing */
    assert_false(is_refused(p, &why));
    text_free(&kept);
}

/* A store keeps the pages that it has, and the file says which. */
static void a_store_keeps_the_size_of_its_pages(void **state)
{
    struct place *p = *state;
    filled(p, 100);
    str whole = file(p, "kith.db");
    assert_int_equal(whole.ptr[0], page_bytes == VAULT_PAGE ? 2 : 1);
    assert_int_equal((uint8_t)whole.ptr[16] << 8 | (uint8_t)whole.ptr[17], page_bytes);
    assert_int_equal((int64_t)whole.len % page_bytes, 0);
}

/* And through a backup, with what came meanwhile. */
static void a_copy_has_the_pages_of_its_store(void **state)
{
    struct place *p = *state;
    struct cx cx = cx_of(p);
    struct store *s = NULL;
    struct backup *b = NULL;
    struct copy_reader *r = NULL;
    struct restored done;
    int64_t n = 0;
    char *copy = arena_cstr(p->arena, arena_printf(p->arena, "%s/copy", p->dir)),
         *back = arena_cstr(p->arena, arena_printf(p->arena, "%s/back", p->dir));
    filled(p, 1000);
    assert_int_equal(opened(p, &cx, &s), OK);
    int fd = open(copy, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(backup_begin(s, &cx, s->ring, fd, false, &b), OK);
    put(s, &cx, 5000, 5100);
    assert_int_equal(backup_pages(b, &cx, NULL, NULL), OK);
    assert_int_equal(backup_end(b, &cx), OK);
    backup_close(b);
    close(fd);
    assert_int_equal(backup_verify(&cx, s->ring, copy, NULL, NULL), OK);

    const struct restore_wish wish = {
        .from = copy, .dir = back, .at_ms = INT64_MAX, .is_scratch = true};
    assert_int_equal(backup_restore(&cx, s->ring, &wish, &done), OK);

    str restored = file(p, "back/kith.db");
    assert_int_equal((uint8_t)restored.ptr[16] << 8 | (uint8_t)restored.ptr[17], page_bytes);
    assert_int_equal(copy_reader_open(&cx, s->ring, back, &r), OK);
    cx.db = copy_reader_db(r);
    assert_int_equal(db_int(&cx, &q_count, &n, NO_ARGS), OK);
    assert_int_equal(n, 1100);
    copy_reader_close(r);
    backup_remove(back);
    store_close(s);
}

#define PLACE(fn, open) cmocka_unit_test_setup_teardown(fn, open, place_close)
#define OF_ANY_PAGE(open)                                                                     \
    PLACE(no_file_holds_a_word_that_was_written, open),                                       \
        PLACE(what_was_acknowledged_is_there_after_a_kill, open),                             \
        PLACE(one_flipped_bit_anywhere_in_a_page_is_named_and_nothing_of_it_is_served, open), \
        PLACE(pages_that_change_places_are_refused, open),                                    \
        PLACE(a_file_that_was_cut_is_refused, open),                                          \
        PLACE(one_flipped_bit_in_a_page_of_the_log_is_named, open),                           \
        PLACE(a_log_that_nobody_touched_opens_with_and_without_its_index, open),              \
        PLACE(damage_anywhere_in_a_log_is_named_and_nothing_is_served, open),                 \
        PLACE(what_was_acknowledged_is_missed_by_the_index_of_the_log, open),                 \
        PLACE(a_hole_in_the_commit_that_was_being_written_is_a_torn_end, open),               \
        PLACE(pages_are_sealed_anew_while_they_are_read_and_written, open),                   \
        PLACE(a_slice_that_was_killed_half_way_is_mended, open),                              \
        PLACE(a_store_keeps_the_size_of_its_pages, open),                                     \
        PLACE(a_copy_has_the_pages_of_its_store, open)

int main(void)
{
    const struct CMUnitTest tests[] = {
        OF_ANY_PAGE(place_open),
        PLACE(a_store_of_a_processor_without_aes_is_sealed_and_opens_everywhere, place_open),
        PLACE(keys_that_are_wrong_gone_or_damaged_get_one_sentence_each, place_open),
        PLACE(a_plain_store_is_sealed_at_its_first_start_even_if_that_is_killed, place_open),
        PLACE(a_plain_store_that_was_killed_is_sealed_with_what_its_log_holds, place_open),
        OF_ANY_PAGE(place_open_large),
    };
    return cmocka_run_group_tests_name("vault", tests, NULL, NULL);
}
