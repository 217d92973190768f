/* db/room.c - a full disk: when it was met, and when there is room again.
 *
 * The log can only begin anew when all of it was copied into the database, and on a disk that the log itself has filled
 * the database could not grow: both would stand there for ever. Therefore no commit adds a page to the database for which
 * the disk has not set room aside.
 *
 * Every change is tried all the same, because a small one may fit; what is kept here is what people are told. One that did
 * not fit says that the disk is full. That it is not any more is said by a file of some megabytes that could be made and
 * a change that was committed, so that the word does not flicker while there is room for the smallest changes only.
 */
#include "db/db_impl.h"
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static const int64_t ROOM_BYTES = 4 << 20;  /* that say the disk is not full any more */
static const int64_t AHEAD_BYTES = 8 << 20; /* of the database, where there is that much */

void room_missed(struct store *s)
{
    if (!atomic_exchange(&s->is_full, true))
        log_line(LOG_ERROR, "disk_full", "free=%lld", (long long)room_free(s));
}

int64_t room_free(const struct store *s)
{
    struct statvfs v;
    if (s->is_postgres || statvfs(s->dir, &v) != 0)
        return -1;
    return (int64_t)v.f_bavail * (int64_t)v.f_frsize;
}

/* By making it, at the height where the log would grow: figures of free room know nothing of quotas and of limits on the
 * size of files. */
bool room_is_there(const struct store *s, int64_t bytes)
{
    char log[4096], name[4096];
    struct stat st = {0};
    if (snprintf(log, sizeof log, "%s/kith.db-wal", s->dir) >= (int)sizeof log ||
        snprintf(name, sizeof name, "%s/room-XXXXXX", s->dir) >= (int)sizeof name)
        return true;
    (void)stat(log, &st);
    int fd = mkostemp(name, O_CLOEXEC);
    bool has = fd >= 0 && posix_fallocate(fd, st.st_size, bytes) == 0;
    if (fd >= 0) {
        close(fd);
        (void)unlink(name);
    }
    return has;
}

void room_look(struct store *s, struct cx *cx)
{
    if (!atomic_load(&s->is_full) || (!s->is_postgres && !room_is_there(s, ROOM_BYTES)))
        return;
    if (db_change(s, cx, LANE_INTERACTIVE, db_settle, NULL) != OK)
        return;
    atomic_store(&s->is_full, false);
    log_line(LOG_INFO, "disk_has_room", "free=%lld", (long long)room_free(s));
}

static bool knows_not(int os)
{
    return os == EOPNOTSUPP || os == ENOSYS || os == EINVAL || os == ENODEV;
}

/* Room up to here; the file keeps its size. */
static int claim_up_to(struct store *s, int64_t bytes)
{
    while (fallocate(s->file_fd, FALLOC_FL_KEEP_SIZE, s->room_bytes, bytes - s->room_bytes) != 0) {
        if (errno == EINTR)
            continue;
        if (!knows_not(errno))
            return SQLITE_FULL;
        s->room_bytes = -1; /* nothing to be had here, and nothing to be refused for it */
        return SQLITE_OK;
    }
    s->room_bytes = bytes;
    return SQLITE_OK;
}

int room_claim(struct store *s, struct db *d)
{
    if (s->room_bytes < 0)
        return SQLITE_OK;
    struct stat st;
    bool is_stale = atomic_exchange(&s->room_is_stale, false) || s->room_bytes == 0;
    if (is_stale && fstat(s->file_fd, &st) == 0)
        s->room_bytes = st.st_size; /* what was written has its room */
    int64_t wants = lite_pages(d) * (int64_t)s->page;
    if (wants <= s->room_bytes || claim_up_to(s, wants + AHEAD_BYTES) == SQLITE_OK)
        return SQLITE_OK;
    return claim_up_to(s, wants);
}
