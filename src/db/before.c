/* db/before.c - a verified copy before a store is brought up to date: DIR/before, the last few. */
#include "db/backup.h"
#include "db/db_impl.h"
#include "queries.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { SETTINGS_SINCE = 2 /* migration */, HOUR_MS = 3600000, KEPT = 3, NAMES_MAX = 1000, NAME_BYTES = 64 };

static enum err disk(struct cx *cx)
{
    int os = errno;
    return fault(cx, os == ENOSPC || os == EDQUOT ? ERR_NO_SPACE : ERR_INVALID, M_KEEP_NOT_WRITTEN,
                 MARG("reason", arena_str(cx->arena, str_of(strerror(os)))));
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names begin with the time they were made. */
static void prune(const char *dir)
{
    char *names[NAMES_MAX];
    size_t n = 0;
    DIR *d = opendir(dir);
    if (!d)
        return;
    for (struct dirent *e; n < NAMES_MAX && (e = readdir(d));)
        if (strncmp(e->d_name, "kith-", 5) == 0 && (names[n] = strdup(e->d_name)))
            n++;
    qsort(names, n, sizeof *names, by_name);
    for (size_t i = 0; i < n; i++) {
        if (i + KEPT < n)
            (void)unlinkat(dirfd(d), names[i], 0);
        free(names[i]);
    }
    closedir(d);
}

static enum err copy(struct cx *cx, struct store *s, int fd, const char *part)
{
    struct backup *b = NULL;
    TRY(backup_begin(s, cx, s->ring, fd, false, &b));
    enum err e = backup_pages(b, cx, NULL, NULL);
    if (e == OK)
        e = backup_end(b, cx);
    backup_close(b);
    return e == OK ? backup_verify(cx, s->ring, part, NULL, NULL) : e;
}

enum err before_migration(struct cx *cx, struct store *s, size_t from)
{
    struct arena *outer = cx->arena, *own = arena_open((size_t)64 << 20);
    struct db *writer = cx->db;
    if (!own)
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    cx->arena = own;
    time_t t = (time_t)(clock_now_ms() / 1000);
    struct tm tm;
    char when_made[NAME_BYTES];
    gmtime_r(&t, &tm);
    (void)!strftime(when_made, sizeof when_made, "%Y%m%dT%H%M%SZ", &tm);
    str dir = arena_printf(own, "%s/before", s->dir),
        path = arena_printf(own, "%s/kith-%s-%04zu.kith", dir.ptr, when_made, from),
        part = arena_printf(own, "%s.part", path.ptr);
    (void)mkdir(dir.ptr, 0700);
    (void)unlink(part.ptr);
    int fd = open(part.ptr, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    enum err e = fd < 0 ? disk(cx) : copy(cx, s, fd, part.ptr);
    if (fd >= 0)
        close(fd);
    if (e == OK && rename(part.ptr, path.ptr) != 0)
        e = disk(cx);
    if (e == OK) {
        prune(dir.ptr);
        fprintf(
            stderr,
            "kith: before the store is brought up to date it was copied, and the copy verified; with the version of "
            "before,\nkith: `kith restore --replace --from %s --data %s` goes back to it\n",
            path.ptr, s->dir);
        fflush(stderr);
    } else {
        (void)unlink(part.ptr);
        fault_keep(outer, &cx->why);
    }
    cx->arena = outer;
    cx->db = writer;
    arena_close(own);
    return e;
}

void before_migration_said(struct cx *cx, size_t from)
{
    int64_t ms = 0, hours = -1;
    if (from >= SETTINGS_SINCE && db_int(cx, &q_backup_verified_ms, &ms, NO_ARGS) == OK && ms > 0)
        hours = (clock_now_ms() - ms) / HOUR_MS;
    cx->why = (struct fault){0};
    fputs("kith: the database is brought up to date; PostgreSQL is not copied before that: the way back is a dump or an archive "
          "of yours,\nkith: or what `kith backup` made with the version of before; ",
          stderr);
    if (hours < 0)
        fputs("Kith knows of no backup of this database\n", stderr);
    else
        fprintf(stderr, "the last one that was verified is %lld %s old\n", (long long)hours,
                hours == 1 ? "hour" : "hours");
    fflush(stderr);
    log_line(LOG_WARN, "migrate_without_copy", "from=%zu backup_hours=%lld", from, (long long)hours);
}
