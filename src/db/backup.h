/* db/backup.h - a copy of an SQLite store that is made while it is written, and the way back.
 *
 * A backup is two things in one stream (box.h): the pages of kith.db as they lie in the file while others write it, and
 * every frame that the log took in from before the first page was read. The pages alone fit no single moment; with the
 * frames over them, in their order, they are the store as it was after any commit since the last page was read. Frames
 * are taken before the log may begin anew: no checkpoint comes further than they were taken, so none is ever missed, and
 * a backup that goes on for ever is followed by each commit, with its time.
 * Nothing of this stands in the writer's way: pages and frames are read beside it, and what is left of the frames
 * by the thread of the checkpoints.
 *
 * Pieces ('Z' see box.h; numbers the least byte first):
 *   'b' page size 4, 1 if it is followed else 0: 4, time in ms 8      the first
 *   'p' first page 4, how many 4, pages
 *   'f' how many 4, then each: page 4, pages of the database after this commit or 0: 4, time in ms or 0: 8, the page
 *   'e' pages of the database 4, 4 zeros, time in ms 8                 the pages are all there
 *   'i' length of the name 4, the name, offset 8, bytes                a file of the data directory
 */
#pragma once
#include "db/box.h"
#include "db/db.h"
#include <fcntl.h>

/* Of what a copy or a trial restore writes, no more than such steps wait in memory: the commits beside it need the disk. */
enum {
    DISK_STEP = 8 << 20,
    WAIT_FOR_DISK = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER
};

struct backup;
/* Begins to take in what is committed, into fd, which stays the caller's. is_followed: it may end anywhere. */
enum err backup_begin(struct store *s, struct cx *cx, const struct keyring *ring, int fd, bool is_followed,
                      struct backup **out) MUST_USE;
/* All pages and the files of imports, on the caller's thread. goes_on: bytes; false: stop, ERR_BUSY. */
enum err backup_pages(struct backup *b, struct cx *cx, bool (*goes_on)(void *arg, int64_t done, int64_t total),
                      void *arg) MUST_USE;
/* Takes in what was committed since, and brings it to the disk. */
enum err backup_catch_up(struct backup *b, struct cx *cx) MUST_USE;
enum err backup_end(struct backup *b, struct cx *cx) MUST_USE; /* catches up, and writes the end */
int64_t backup_bytes(struct backup *b);
void backup_close(struct backup *b); /* follows no more; accepts NULL */

struct restore_wish {
    const char *from; /* a file */
    const char *dir;  /* where to; not there yet, or empty */
    int64_t at_ms;    /* the last commit not after this; INT64_MAX: all there is */
    bool replaces;    /* what is in dir goes to DIR.replaced-TIME, all at once; nobody may have it open */
    bool is_scratch;  /* for a look only: nothing is held, and nothing need outlive a power failure */
    bool (*goes_on)(void *arg, int64_t done, int64_t total); /* may be NULL */
    void *arg;
};
struct restored {
    int64_t first_ms, at_ms; /* from when on one can go back; the time of the store that was made */
    int64_t bytes;           /* of kith.db */
};
/* `ring` opens the file. Makes DIR.restoring and gives it its name when all of it is on the disk. */
enum err backup_restore(struct cx *cx, const struct keyring *ring, const struct restore_wish *w, struct restored *out) MUST_USE;
/* Restores it into a scratch directory beside it, has SQLite look at every page, index and reference, and takes the scratch
 * away. goes_on: bytes restored; then, with a total of 0, pages looked at. */
enum err backup_verify(struct cx *cx, const struct keyring *ring, const char *file,
                       bool (*goes_on)(void *arg, int64_t done, int64_t total), void *arg) MUST_USE;

struct copy_wish {
    const char *to;
    /* part: copy, verify. False: stop, ERR_BUSY. May be NULL. */
    bool (*goes_on)(void *arg, const char *part, int64_t done, int64_t total);
    void *arg;
};
/* A backup that is not followed: written as TO.part, to the disk, verified, then renamed. *bytes: of the file; *copy_ms: how
 * long the copy took, without the look at it. */
enum err copy_make(struct cx *cx, struct store *s, const struct keyring *ring, const struct copy_wish *w, int64_t *bytes,
                   int64_t *copy_ms) MUST_USE;
/* Of it only the pages, into fd. */
enum err copy_write(struct cx *cx, struct store *s, const struct keyring *ring, int fd, const struct copy_wish *w,
                    int64_t *bytes) MUST_USE;
enum err copy_not_written(struct cx *cx); /* a fault by errno */
bool copy_sync_parent(struct cx *cx, const char *path); /* the directory a file was made or renamed in, to the disk */

/* A directory with the files in it, and theirs; for what a killed restore left. */
void backup_remove(const char *dir);
