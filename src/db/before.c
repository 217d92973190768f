/* db/before.c - a verified copy before a store is brought up to date: DIR/before, the last few. */
#include "db/backup.h"
#include "db/db_impl.h"
#include "queries.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

enum {
    SETTINGS_SINCE = 2, /* migration */
    HOUR_MS = 3600000,
    SHOW_MS = 200,
    MB = 1000000,
    KEPT = 3,
    NAMES_MAX = 1000,
    NAME_BYTES = 64,
    PATH_BYTES = 4096,
};

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The last few copies stay (names begin with the time they were made), and nothing of one that was killed. */
static void prune(const char *dir, size_t kept)
{
    char *names[NAMES_MAX];
    size_t n = 0;
    DIR *d = opendir(dir);
    if (!d)
        return;
    for (struct dirent *e; n < NAMES_MAX && (e = readdir(d));) {
        if (strncmp(e->d_name, "kith-", 5) != 0)
            continue;
        if (!str_ends(str_of(e->d_name), S(".kith"))) {
            char rest[PATH_BYTES];
            (void)unlinkat(dirfd(d), e->d_name, 0);
            if (snprintf(rest, sizeof rest, "%s/%s", dir, e->d_name) < (int)sizeof rest)
                backup_remove(rest);
        } else if ((names[n] = strdup(e->d_name))) {
            n++;
        }
    }
    qsort(names, n, sizeof *names, by_name);
    for (size_t i = 0; i < n; i++) {
        if (i + kept < n)
            (void)unlinkat(dirfd(d), names[i], 0);
        free(names[i]);
    }
    closedir(d);
}

/* ---- how far it is ------------------------------------------------------------------------------ */

struct telling {
    struct store *store;
    bool is_terminal, is_shown;
    int64_t begun_ns, told_ns;
};

static void line_clear(struct telling *t)
{
    if (t->is_shown)
        fputs("\r\033[K", stderr);
    t->is_shown = false;
}

/* One line that is renewed, for whoever waits at a terminal; for a log a line now and then. */
static bool tell(void *arg, const char *part, int64_t done, int64_t total)
{
    struct telling *t = arg;
    struct store *s = t->store;
    int64_t now = clock_mono_ns(), each_ms = t->is_terminal ? SHOW_MS : s->tell_ms,
            seconds = (now - t->begun_ns) / (1000 * MS_NS);
    bool is_due = now - t->told_ns >= each_ms * MS_NS;
    t->told_ns = is_due ? now : t->told_ns;
    if (is_due && t->is_terminal) {
        line_clear(t);
        if (total)
            fprintf(stderr, "%s: %lld of %lld MB", part, (long long)(done / MB),
                    (long long)(total / MB));
        else
            fprintf(stderr, "%s: %lld s", part, (long long)seconds);
        t->is_shown = true;
    } else if (is_due && total) {
        log_line(LOG_INFO, "migrate_copy", "part=%s percent=%lld seconds=%lld", part,
                 (long long)(done * 100 / total), (long long)seconds);
    } else if (is_due) {
        log_line(LOG_INFO, "migrate_copy", "part=%s looked_at=%lld seconds=%lld", part,
                 (long long)done, (long long)seconds);
    }
    return store_goes_on(s);
}

/* ---- the copy ------------------------------------------------------------------------------------- */

static int64_t bytes_in(const char *dir)
{
    int64_t bytes = 0;
    struct stat st;
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d));)
        if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
            bytes += st.st_size;
    if (d)
        closedir(d);
    return bytes;
}

static int64_t bytes_of(struct cx *cx, const struct store *s)
{
    struct stat st = {0};
    (void)stat(arena_printf(cx->arena, "%s/kith.db", s->dir).ptr, &st);
    return st.st_size + bytes_in(arena_printf(cx->arena, "%s/imports", s->dir).ptr) +
           bytes_in(arena_printf(cx->arena, "%s/blobs", s->dir).ptr);
}

/* The copy, and what is restored from it for the look. */
static enum err room_for(struct cx *cx, const char *dir, int64_t bytes)
{
    struct statvfs v;
    int64_t wants = 2 * bytes + bytes / 50;
    if (statvfs(dir, &v) != 0 || wants / (int64_t)v.f_frsize < (int64_t)v.f_bavail)
        return OK;
    return fault(cx, ERR_NO_SPACE, M_KEEP_NO_ROOM, MARG("dir", str_of(dir)),
                 MNUM("wants", wants / MB + 1),
                 MNUM("has", (int64_t)v.f_bavail * (int64_t)v.f_frsize / MB));
}

static enum err copy(struct cx *cx, struct store *s, const char *dir, const char *path)
{
    struct telling t = {s, isatty(STDERR_FILENO) == 1, false, clock_mono_ns(), clock_mono_ns()};
    const struct copy_wish w = {path, tell, &t};
    int64_t bytes = bytes_of(cx, s), copied, copy_ms;
    TRY(room_for(cx, dir, bytes));
    fprintf(
        stderr,
        "kith: before the store is brought up to date it is copied, and the copy verified: %lld MB\n",
        (long long)(bytes / MB));
    fflush(stderr);
    enum err e = copy_make(cx, s, s->ring, &w, &copied, &copy_ms);
    line_clear(&t);
    return e;
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
        path = arena_printf(own, "%s/kith-%s-%04zu.kith", dir.ptr, when_made, from);
    (void)mkdir(dir.ptr, 0700);
    prune(dir.ptr, SIZE_MAX / 2);
    enum err e = copy(cx, s, dir.ptr, path.ptr);
    if (e == OK && !copy_sync_parent(cx, dir.ptr))
        e = copy_not_written(cx);
    if (e == OK) {
        prune(dir.ptr, KEPT);
        fprintf(
            stderr,
            "kith: that is done; with the version of before, `kith restore --replace --from %s --data %s` goes back to it\n",
            path.ptr, s->dir);
        fflush(stderr);
    } else {
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
    fputs(
        "kith: the database is brought up to date; PostgreSQL is not copied before that: the way back is a dump or an archive "
        "of yours,\nkith: or what `kith backup` made with the version of before; ",
        stderr);
    if (hours < 0)
        fputs("Kith knows of no backup of this database\n", stderr);
    else
        fprintf(stderr, "the last one that was verified is %lld %s old\n", (long long)hours,
                hours == 1 ? "hour" : "hours");
    fflush(stderr);
    log_line(LOG_WARN, "migrate_without_copy", "from=%zu backup_hours=%lld", from,
             (long long)hours);
}
