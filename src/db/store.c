/* db/store.c - opening and closing: the lock of the directory, migrations, threads, figures. */
#include "db/db_impl.h"
#include "base/cond.h"
#include "queries.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- the directory and its lock ------------------------------------------------------------- */

enum { TELL_MS = 30000 };

static enum err cannot_open(struct cx *cx, str where, int os)
{
    return fault(cx, ERR_INVALID, M_STORE_CANNOT_OPEN, MARG("where", where),
                 MARG("reason", arena_str(cx->arena, str_of(strerror(os)))));
}

static enum err directory_sync(struct cx *cx, const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        int os = errno;
        if (fd >= 0)
            close(fd);
        return cannot_open(cx, str_of(dir), os);
    }
    close(fd);
    return OK;
}

/* Unit tests: a directory in memory that goes away with the store; for the rest as in production. */
static enum err temporary_directory(struct cx *cx, struct store *s)
{
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    s->dir = strdup(arena_printf(cx->arena, "%s/kith-test-XXXXXX", base).ptr);
    s->is_temporary = true;
    if (!s->dir || !mkdtemp(s->dir))
        return cannot_open(cx, str_of(base), errno);
    return OK;
}

static void temporary_remove(const char *dir)
{
    DIR *d = opendir(dir);
    if (!d)
        return;
    int fd = dirfd(d);
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.')
            (void)unlinkat(fd, e->d_name, 0);
    closedir(d);
    rmdir(dir);
}

static enum err lock_directory(struct cx *cx, struct store *s)
{
    str path = arena_printf(cx->arena, "%s/lock", s->dir);
    s->lock_fd = open(path.ptr, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->lock_fd < 0)
        return cannot_open(cx, str_of(s->dir), errno);
    if (flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        char pid[24] = "";
        ssize_t n = pread(s->lock_fd, pid, sizeof pid - 1, 0);
        str who = str_trim((str){pid, n > 0 ? (size_t)n : 0});
        return fault(cx, ERR_CONFLICT, M_STORE_LOCKED, MARG("dir", str_of(s->dir)),
                     MARG("pid", arena_str(cx->arena, who.len ? who : S("?"))));
    }
    str pid = arena_printf(cx->arena, "%d\n", (int)getpid());
    if (ftruncate(s->lock_fd, 0) != 0 ||
        pwrite(s->lock_fd, pid.ptr, pid.len, 0) != (ssize_t)pid.len)
        return cannot_open(cx, str_of(s->dir), errno);
    return OK;
}

static bool file_copy(int from, int to)
{
    char bytes[1 << 16];
    ssize_t n;
    while ((n = read(from, bytes, sizeof bytes)) > 0)
        if (write(to, bytes, (size_t)n) != n)
            return false;
    return n == 0;
}

enum err directory_copy(struct cx *cx, str from, const char *to)
{
    DIR *d = opendir(arena_cstr(cx->arena, from));
    if (!d)
        return cannot_open(cx, from, errno);
    bool is_whole = true;
    for (struct dirent *e; is_whole && (e = readdir(d));) {
        if (e->d_name[0] == '.' || strcmp(e->d_name, "lock") == 0)
            continue;
        int in = openat(dirfd(d), e->d_name, O_RDONLY | O_CLOEXEC);
        int out = open(arena_printf(cx->arena, "%s/%s", to, e->d_name).ptr,
                       O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        is_whole = in >= 0 && out >= 0 && file_copy(in, out);
        if (in >= 0)
            close(in);
        if (out >= 0)
            close(out);
    }
    closedir(d);
    return is_whole ? OK : cannot_open(cx, str_of(to), EIO);
}

static enum err directory_open(struct cx *cx, struct store *s, const struct store_options *o)
{
    str dir = o->data_dir;
    if (str_eq(o->url, S(":memory:"))) {
        TRY(temporary_directory(cx, s));
        if (o->like.len)
            TRY(directory_copy(cx, o->like, s->dir));
    } else {
        s->dir = strdup(arena_cstr(cx->arena, dir));
        if (!s->dir)
            return cannot_open(cx, dir, ENOMEM);
        if (mkdir(s->dir, 0700) != 0 && errno != EEXIST)
            return cannot_open(cx, dir, errno);
    }
    TRY(lock_directory(cx, s));
    str file = arena_printf(cx->arena, "%s/kith.db", s->dir);
    s->is_new = access(file.ptr, F_OK) != 0;
    int fd = open(file.ptr, O_RDWR | O_CREAT | O_CLOEXEC,
                  0600); /* for nobody else's eyes, nor its log */
    if (fd < 0)
        return cannot_open(cx, str_of(s->dir), errno);
    s->file_fd = fd;
    s->page = vault_page_of(file.ptr);
    return OK;
}

/* ---- open, close ------------------------------------------------------------------------------- */

static void free_store(struct store *s)
{
    vault_close(s->vault);
    keys_close(s);
    if (s->is_temporary)
        temporary_remove(s->dir);
    if (s->file_fd >= 0)
        close(s->file_fd);
    if (s->lock_fd >= 0)
        close(s->lock_fd); /* lets go of the lock */
    pthread_mutex_destroy(&s->lock);
    pthread_mutex_destroy(&s->publish_lock);
    pthread_mutex_destroy(&s->pause_lock);
    pthread_mutex_destroy(&s->readers_lock);
    follows_free(&s->follows);
    pthread_cond_destroy(&s->wake);
    pthread_cond_destroy(&s->bulk_wake);
    pthread_cond_destroy(&s->closing);
    pthread_cond_destroy(&s->pause_done);
    pthread_cond_destroy(&s->parked);
    free(s->writers);
    free(s->dir);
    free(s->url);
    free(s->keys_dir);
    free(s);
}

static enum err thread_start(struct cx *cx, pthread_t *t, void *(*run)(void *), void *arg)
{
    int os = pthread_create(t, NULL, run, arg);
    return os == 0 ? OK : cannot_open(cx, S("thread"), os);
}

/* An index that a migration made of a large store is a long log; the first changes would be refused for it. */
void store_log_away(struct store *s)
{
    int frames = 0, done = 0;
    if (atomic_load(&s->wal_frames) > 0 &&
        lite_checkpoint(s->writer, &frames, &done) == SQLITE_OK && frames == done)
        atomic_store(&s->wal_frames, 0); /* the next write begins it anew */
}

static enum err lite_start(struct cx *cx, struct store *s, const struct store_options *o)
{
    TRY(directory_open(cx, s, o));
    TRY(keys_open(cx, s, o));
    if (!s->is_new && !o->takes_less)
        TRY(log_judge(cx, s->ring, s->dir, s->page));
    TRY(lite_open(cx, s, LITE_WRITER, &s->writer));
    TRY(store_migrate(cx, s, o->no_migrate));
    store_log_away(s);
    if (s->is_new)
        TRY(directory_sync(cx, s->dir));
    TRY(lite_ids_start(cx, s));
    TRY(lite_open(cx, s, LITE_READER, &s->checkpoint_db));
    s->writers = calloc(1, sizeof *s->writers);
    if (!s->writers)
        return cannot_open(cx, str_of(s->dir), ENOMEM);
    TRY(thread_start(cx, &s->writers[0], lite_writer_main, s));
    s->n_writer_threads = 1;
    TRY(thread_start(cx, &s->checkpointer, lite_checkpoint_main, s));
    s->has_checkpointer = true;
    return keeper_start(cx, s);
}

static struct store *new_store(const struct store_options *o)
{
    struct store *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->lock_fd = s->file_fd = -1;
    s->cache_mb = o->cache_mb ? o->cache_mb : CACHE_MB_DEFAULT;
    s->n_writers = o->writers ? o->writers : WRITERS_DEFAULT;
    s->goes_on = o->goes_on;
    s->goes_on_arg = o->goes_on_arg;
    s->tell_ms = o->tell_ms ? o->tell_ms : TELL_MS;
    s->is_postgres = str_starts(o->url, S("postgresql://")) || str_starts(o->url, S("postgres://"));
    pthread_mutex_init(&s->lock, NULL);
    pthread_mutex_init(&s->publish_lock, NULL);
    pthread_mutex_init(&s->pause_lock, NULL);
    pthread_mutex_init(&s->readers_lock, NULL);
    follows_init(&s->follows);
    pthread_cond_init(&s->wake, NULL);
    pthread_cond_init(&s->bulk_wake, NULL);
    cond_monotonic(&s->closing);
    pthread_cond_init(&s->pause_done, NULL);
    pthread_cond_init(&s->parked, NULL);
    return s;
}

enum err store_open(struct cx *cx, const struct store_options *o, struct store **out)
{
    *out = NULL;
    struct store *s = new_store(o);
    if (!s)
        return cannot_open(cx, o->data_dir, ENOMEM);
    struct db *outer = cx->db;
    enum err e = OK;
    if (s->is_postgres)
        e = (e = keys_open(cx, s, o)) == OK ? pg_start(cx, s, o) : e;
    else if (!o->url.len || str_eq(o->url, S("sqlite")) || str_eq(o->url, S(":memory:")))
        e = lite_start(cx, s, o);
    else
        e = fault(cx, ERR_INVALID, M_STORE_CANNOT_OPEN, MARG("where", o->url),
                  MARG("reason", S("sqlite | postgresql://…")));
    cx->db = outer;
    if (e != OK) {
        store_close(s);
        return e;
    }
    *out = s;
    return OK;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->is_closing = true;
    pthread_cond_broadcast(&s->wake);
    pthread_mutex_unlock(&s->lock);
    rotate_stop(s);
    keeper_stop(s);
    pthread_mutex_lock(&s->lock);
    s->is_stopping = true;
    pthread_cond_broadcast(&s->wake);
    pthread_cond_broadcast(&s->bulk_wake);
    pthread_cond_broadcast(&s->closing);
    pthread_mutex_unlock(&s->lock);
    for (unsigned i = 0; i < s->n_writer_threads; i++)
        pthread_join(s->writers[i], NULL);
    if (s->has_checkpointer)
        pthread_join(s->checkpointer, NULL);
    if (s->is_postgres) {
        pg_stop(s);
    } else {
        lite_ids_stop(s);
        lite_close(s->checkpoint_db);
        lite_close(s->writer); /* the last one carries the log into the database */
    }
    free_store(s);
}

uint64_t store_plans_turn(struct store *s)
{
    return atomic_load_explicit(&s->plans_turn, memory_order_relaxed);
}

bool store_is_postgres(const struct store *s)
{
    return s->is_postgres;
}

const char *store_place(const struct store *s)
{
    return s->dir;
}

bool store_is_ready(struct store *s)
{
    if (s->is_postgres)
        return pg_is_ready(s);
    return log_mb(s) < WAL_INTERACTIVE_MB;
}

const char *const store_state_codes[STORE_STATE_N] = {"fine", "full", "away"};

enum store_state store_state(struct store *s)
{
    if (s->is_postgres && !pg_is_ready(s))
        return STORE_AWAY;
    return atomic_load(&s->is_full) ? STORE_FULL : STORE_FINE;
}

/* ---- readers -------------------------------------------------------------------------------------- */

static enum err reader_open(struct store *s, struct cx *cx, enum lite_use use, struct db **out)
{
    *out = NULL;
    struct db *d = NULL;
    if (s->is_postgres)
        TRY(pg_open(cx, s, false, &d));
    else
        TRY(lite_open(cx, s, use, &d));
    pthread_mutex_lock(&s->readers_lock);
    d->next = s->readers;
    s->readers = d;
    pthread_mutex_unlock(&s->readers_lock);
    *out = d;
    return OK;
}

enum err store_reader(struct store *s, struct cx *cx, struct db **out)
{
    return reader_open(s, cx, LITE_READER, out);
}

enum err store_jobs_reader(struct store *s, struct cx *cx, struct db **out)
{
    return reader_open(s, cx, LITE_JOBS, out);
}

void reader_close(struct db *d)
{
    if (!d)
        return;
    struct store *s = d->store;
    pthread_mutex_lock(&s->readers_lock);
    for (struct db **p = &s->readers; *p; p = &(*p)->next)
        if (*p == d) {
            *p = d->next;
            break;
        }
    pthread_mutex_unlock(&s->readers_lock);
    if (s->is_postgres)
        pg_close(d);
    else
        lite_close(d);
}

/* ---- figures ------------------------------------------------------------------------------------------ */

void store_figures(struct store *s, struct store_figures *out)
{
    *out = (struct store_figures){
        .wal_bytes = atomic_load(&s->wal_frames) * (int64_t)(s->page + VAULT_FRAME_HEAD),
        .longest_stall_us = atomic_load(&s->longest_stall_us),
        .batches = atomic_load(&s->batches),
        .changes = atomic_load(&s->changes),
        .changes_refused = atomic_load(&s->refused),
        .free_bytes = room_free(s),
        .cache_bytes = (int64_t)vault_cache_bytes(s->vault),
    };
    if (!s->is_postgres)
        out->cache_bytes += atomic_load(&s->writer->cache_bytes);
    pthread_mutex_lock(&s->lock);
    out->queue_interactive = s->lane[LANE_INTERACTIVE].n;
    out->queue_bulk = s->lane[LANE_BULK].n;
    pthread_mutex_unlock(&s->lock);
    int64_t now = clock_mono_ns();
    pthread_mutex_lock(&s->readers_lock);
    for (struct db *d = s->readers; d; d = d->next) {
        int64_t from = atomic_load(&d->read_started_ns);
        if (from && (now - from) / MS_NS > out->oldest_reader_ms)
            out->oldest_reader_ms = (now - from) / MS_NS;
        out->cache_bytes += atomic_load(&d->cache_bytes);
    }
    pthread_mutex_unlock(&s->readers_lock);
}
