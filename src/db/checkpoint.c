/* db/checkpoint.c - carries the write-ahead log into the database without standing in the writer's way.
 *
 * PASSIVE passes run beside the writer. They never reach the end of a log that grows, so when it is large and
 * little is left, the writer is asked to pause between two batches, the rest is copied, and its next write begins the log
 * anew. A pass that would take long is never made inside the pause. SQLite syncs the database only with the pass that
 * copies all: what the passes before it wrote is synced here, or the pause would wait for all of it.
 */
#include "db/backup.h"
#include "db/db_impl.h"
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <time.h>

enum {
    IDLE_MS = 50,    /* between two looks at a short log */
    BUSY_MS = 5,     /* at a longer one: a commit stands behind little of it */
    SMALL_MB = 24,   /* not worth a pass yet; many versions of a page are copied once */
    LARGE_MB = 96,   /* the log should begin anew */
    URGENT_MB = 120, /* now, before the bulk lane must stop */
    HOLD_MB = 192,   /* the writer waits for the copy, long before people are refused */
    REST_MB = 1,     /* what should be left for the pause */
    PARTS = 32,      /* of the file, to the disk one after the other */
    TRIES = 6,
    PAUSE_MS = 12, /* of a last pass that is quick enough to be made while the writer stands */
};

void pause_begin(struct store *s)
{
    pthread_mutex_lock(&s->pause_lock);
    pthread_mutex_lock(&s->lock);
    s->wants_pause = true;
    while (s->n_running > 0)
        pthread_cond_wait(&s->parked, &s->lock);
    pthread_mutex_unlock(&s->lock);
}

void pause_end(struct store *s)
{
    pthread_mutex_lock(&s->lock);
    s->wants_pause = false;
    pthread_cond_broadcast(&s->pause_done);
    pthread_mutex_unlock(&s->lock);
    pthread_mutex_unlock(&s->pause_lock);
}

/* Once in ten seconds: a disk that is full stays so for a while. */
static void log_failure(int rc)
{
    static _Thread_local int64_t said_ns;
    int64_t now = clock_mono_ns();
    if (rc == SQLITE_OK || rc == SQLITE_BUSY || rc == SQLITE_LOCKED ||
        (said_ns && now - said_ns < 10000 * MS_NS))
        return;
    said_ns = now;
    log_line(LOG_ERROR, "checkpoint", "code=%d", rc);
}

/* The rest of the log, in the pause; when all is copied and no reader looks at it, it begins anew. */
static void finish(struct store *s, struct db *by)
{
    int frames = 0, done = 0;
    pause_begin(s);
    int rc = lite_checkpoint(by, &frames, &done);
    if (rc == SQLITE_OK && frames == done)
        atomic_store(&s->wal_frames, 0); /* the next commit says the true figure */
    pthread_mutex_lock(&s->lock);
    if (s->n_asleep)
        pthread_cond_broadcast(&s->wake); /* the bulk lane may have waited for this */
    pthread_mutex_unlock(&s->lock);
    pause_end(s);
    log_failure(rc);
}

void checkpoint_finish(struct store *s)
{
    struct cx cx = {.arena = arena_open(1 << 16)};
    struct db *d = NULL;
    if (cx.arena && lite_open(&cx, s, LITE_READER, &d) == OK) {
        finish(s, d);
        lite_close(d);
    }
    arena_close(cx.arena);
}

/* While it is true, the writer stands when the log is very long (checkpoint_holds): the disk is slow. */
static void copying(struct store *s, bool is_copying)
{
    pthread_mutex_lock(&s->lock);
    s->is_copying = is_copying;
    if (!is_copying && !s->wants_pause)
        pthread_cond_broadcast(&s->pause_done);
    pthread_mutex_unlock(&s->lock);
}

bool checkpoint_holds(const struct store *s)
{
    return s->wants_pause || (s->is_copying && log_mb(s) >= HOLD_MB);
}

/* To the disk a part of the file at a time, each waited for: a commit's few pages come between two of them; behind all at once
 * they would wait. An error is left to the flush behind it: each descriptor of a file is told of it once. */
static void write_out(const struct store *s)
{
    struct stat st;
    if (fstat(s->file_fd, &st) != 0)
        return;
    int64_t part = (st.st_size / PARTS / VAULT_PAGE_MOST + 1) * VAULT_PAGE_MOST;
    for (int64_t at = 0; at < st.st_size; at += part)
        (void)sync_file_range(s->file_fd, at, part, WAIT_FOR_DISK);
}

/* What the passes so far carried is on disk; an idle store, whose log has nothing new, leaves the disk in peace. */
static int flush(struct store *s, int done)
{
    if (done == s->flushed_frames)
        return SQLITE_OK;
    write_out(s);
    int rc = lite_sync(s->checkpoint_db);
    if (rc == SQLITE_OK)
        s->flushed_frames = done;
    return rc;
}

/* Of the log, not copied yet. */
static int64_t left_mb(const struct store *s, int done)
{
    return (atomic_load(&s->wal_frames) - done) * (int64_t)s->page >> 20;
}

/* Passes beside the writer, until what is left is little. */
static int near_the_end(struct store *s, int *done, int64_t *took_ms)
{
    int rc = SQLITE_OK, frames = 0, tries = 0;
    do {
        int64_t from = clock_mono_ns();
        rc = flush(s, *done);
        if (rc == SQLITE_OK)
            rc = lite_checkpoint(s->checkpoint_db, &frames, done);
        *took_ms = (clock_mono_ns() - from) / MS_NS;
        if (left_mb(s, *done) < REST_MB || log_mb(s) >= HOLD_MB)
            break;
    } while (rc == SQLITE_OK && ++tries < TRIES);
    return rc;
}

static void tick(struct store *s)
{
    if (log_mb(s) < SMALL_MB || atomic_load(&s->is_filling))
        return;
    int frames = 0, done = 0;
    int64_t took_ms = 0;
    copying(s, true);
    int rc = lite_checkpoint(s->checkpoint_db, &frames, &done);
    bool is_large = log_mb(s) >= LARGE_MB;
    if (rc == SQLITE_OK && is_large)
        rc = near_the_end(s, &done, &took_ms);
    else if (rc == SQLITE_OK)
        rc = flush(s, done); /* a little each time: a long flush stands in the way of commits */
    copying(s, false);
    log_failure(rc);
    if (rc != SQLITE_OK || !is_large)
        return;
    /* the pass in the pause will take as long as the last one took: while the disk is slow, wait for a better moment */
    bool is_short = left_mb(s, done) < REST_MB * 2 && took_ms < PAUSE_MS;
    if (is_short || log_mb(s) >= URGENT_MB)
        finish(s, s->checkpoint_db);
}

/* True: the store closes. */
static bool nap(struct store *s)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + (log_mb(s) < SMALL_MB ? IDLE_MS : BUSY_MS) * MS_NS;
    until.tv_sec += ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    pthread_mutex_lock(&s->lock);
    if (!s->is_stopping)
        pthread_cond_timedwait(&s->closing, &s->lock, &until);
    bool stops = s->is_stopping;
    pthread_mutex_unlock(&s->lock);
    return stops;
}

void *lite_checkpoint_main(void *store)
{
    struct store *s = store;
    while (!nap(s))
        tick(s);
    return NULL;
}
