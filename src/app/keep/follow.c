/* app/keep/follow.c - backups that make themselves. */
#include "app/keep/follow.h"
#include "base/cond.h"
#include "app/keep/copy.h"
#include "messages.h"
#include "rooms/settings/settings.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { TICK_MS = 1000, AGAIN_S = 60, DAY_S = 86400, NAME_BYTES = 64, KEPT_MAX = 4000 };

struct follow {
    struct store *store;
    const struct keyring *ring;
    char *dir, *data_dir;
    int64_t days;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool is_stopping;
    struct follow_state state;
    struct backup *now; /* the one that is followed */
    int fd;
    char name[NAME_BYTES]; /* its */
    struct arena *arena;
};

static struct cx cx_of(struct follow *f)
{
    arena_reset(f->arena);
    return (struct cx){.arena = f->arena,
                       .now_ms = clock_now_ms(),
                       .actor = {.kind = ACTOR_SYSTEM},
                       .if_match = -1,
                       .peer = S("")};
}

static bool is_stopping(struct follow *f)
{
    pthread_mutex_lock(&f->lock);
    bool is = f->is_stopping;
    pthread_mutex_unlock(&f->lock);
    return is;
}

static bool goes_on(void *arg, int64_t done, int64_t total)
{
    (void)done;
    (void)total;
    return !is_stopping(arg);
}

static bool part_goes_on(void *arg, const char *part, int64_t done, int64_t total)
{
    (void)part;
    return goes_on(arg, done, total);
}

static void failed(struct follow *f, struct cx *cx, enum err e)
{
    str why = cx->why.msg ? fault_text(cx->arena, LANG_EN, &cx->why) : str_of(err_code(e));
    log_line(LOG_ERROR, "backup", "reason=" SFMT, SARG(log_quoted(cx->arena, why)));
    pthread_mutex_lock(&f->lock);
    f->state.is_failing = true;
    pthread_mutex_unlock(&f->lock);
}

static void succeeded(struct follow *f, int64_t begun_ms)
{
    pthread_mutex_lock(&f->lock);
    f->state.is_failing = false;
    f->state.begun_ms = begun_ms ? begun_ms : f->state.begun_ms;
    f->state.caught_ms = clock_now_ms();
    pthread_mutex_unlock(&f->lock);
}

/* ---- names ------------------------------------------------------------------------------------- */

static void name_make(char out[static NAME_BYTES], int64_t ms)
{
    time_t t = (time_t)(ms / 1000);
    struct tm tm;
    gmtime_r(&t, &tm);
    (void)!strftime(out, NAME_BYTES, "kith-%Y%m%dT%H%M%SZ.kith", &tm);
}

static bool is_ours(const char *name)
{
    static const char pattern[] = "kith-00000000T000000Z.kith";
    if (strlen(name) != sizeof pattern - 1)
        return false;
    for (size_t i = 0; i < sizeof pattern - 1; i++)
        if (pattern[i] == '0' ? !is_digit(name[i]) : name[i] != pattern[i])
            return false;
    return true;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* One goes when the next one is older than what is kept: until then it is needed for moments before the next. */
static void prune(struct follow *f)
{
    char limit[NAME_BYTES], *names[KEPT_MAX];
    size_t n = 0;
    DIR *d = opendir(f->dir);
    if (!d)
        return;
    name_make(limit, clock_now_ms() - f->days * DAY_S * 1000);
    for (struct dirent *e; n < KEPT_MAX && (e = readdir(d));)
        if (is_ours(e->d_name) && (names[n] = strdup(e->d_name)))
            n++;
    qsort(names, n, sizeof *names, by_name);
    for (size_t i = 0; i < n; i++) {
        if (i + 1 < n && strcmp(names[i + 1], limit) < 0)
            (void)unlinkat(dirfd(d), names[i], 0);
    }
    for (size_t i = 0; i < n; i++)
        free(names[i]);
    closedir(d);
}

/* What a server left that was killed while it made one. A day old at least: another node may be at work beside. */
static void rests_remove(struct follow *f)
{
    char limit[NAME_BYTES], name[NAME_BYTES];
    DIR *d = opendir(f->dir);
    if (!d)
        return;
    name_make(limit, clock_now_ms() - DAY_S * 1000LL);
    size_t n = strlen(limit);
    for (struct dirent *e; (e = readdir(d));) {
        memcpy(name, e->d_name, strnlen(e->d_name, n) + 1);
        name[n] = 0;
        if (!is_ours(name) || strncmp(e->d_name + n, ".part", 5) != 0 || strcmp(name, limit) > 0)
            continue;
        (void)unlinkat(dirfd(d), e->d_name, 0);
        backup_remove(arena_printf(f->arena, "%s/%s", f->dir, e->d_name).ptr);
    }
    closedir(d);
}

static bool sync_dir(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return is;
}

/* ---- making one ----------------------------------------------------------------------------------- */

static enum err disk(struct cx *cx)
{
    return fault(cx, ERR_INVALID, M_KEEP_NOT_WRITTEN,
                 MARG("reason", arena_str(cx->arena, str_of(strerror(errno)))));
}

static void let_go(struct follow *f)
{
    backup_close(f->now);
    f->now = NULL;
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
}

static enum err lite_begin(struct follow *f, struct cx *cx, const char *part, int fd,
                           struct backup **out)
{
    TRY(backup_begin(f->store, cx, f->ring, fd, true, out));
    enum err e = backup_pages(*out, cx, goes_on, f);
    if (e == OK)
        e = backup_catch_up(*out, cx);
    if (e == OK)
        e = backup_verify(cx, f->ring, part, goes_on, f);
    if (e != OK)
        backup_close(*out);
    return e;
}

static enum err lite_make(struct follow *f, struct cx *cx, const char *part, const char *path)
{
    struct backup *b = NULL;
    (void)unlink(part);
    int fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return disk(cx);
    enum err e = lite_begin(f, cx, part, fd, &b);
    if (e == OK && (rename(part, path) != 0 || !sync_dir(f->dir))) {
        e = disk(cx);
        backup_close(b);
    }
    if (e != OK) {
        close(fd);
        (void)unlink(part);
        return e;
    }
    if (f->now) { /* the one before has all up to here */
        enum err last = backup_end(f->now, cx);
        if (last != OK)
            log_line(LOG_WARN, "backup", "file=%s end=missing", f->name);
    }
    let_go(f);
    f->now = b;
    f->fd = fd;
    return OK;
}

/* The Security page asks for the age of the last one. */
static enum err noted_apply(struct cx *cx, void *to)
{
    TRY(settings_set(cx, "backup_verified",
                     arena_printf(cx->arena, "%lld", (long long)clock_now_ms())));
    return settings_set(cx, "backup_place", str_of(to));
}

static enum err make(struct follow *f)
{
    struct cx cx = cx_of(f);
    char name[NAME_BYTES];
    int64_t begun = cx.now_ms;
    name_make(name, begun);
    str path = arena_printf(f->arena, "%s/%s", f->dir, name),
        part = arena_printf(f->arena, "%s.part", path.ptr);
    const struct copy_wish w = {path.ptr, part_goes_on, f};
    struct move_figures figures;
    if (mkdir(f->dir, 0700) != 0 && errno != EEXIST) {
        enum err e = disk(&cx);
        failed(f, &cx, e);
        return e;
    }
    enum err e =
        store_is_postgres(f->store)
            ? rows_make(&cx, f->store, f->ring, str_of(f->data_dir), false, true, &w, &figures)
            : lite_make(f, &cx, part.ptr, path.ptr);
    if (e == OK) {
        memcpy(f->name, name, sizeof name);
        succeeded(f, begun);
        (void)!db_change(f->store, &cx, LANE_BULK, noted_apply, f->dir);
        log_line(LOG_INFO, "backup", "file=%s verified=1", name);
        prune(f);
        rests_remove(f);
    } else if (!is_stopping(f)) {
        failed(f, &cx, e);
    }
    return e;
}

static enum err catch_up(struct follow *f)
{
    struct cx cx = cx_of(f);
    enum err e = f->now ? backup_catch_up(f->now, &cx) : OK;
    if (e == OK) {
        if (f->now)
            succeeded(f, 0);
        return OK;
    }
    failed(f, &cx, e);
    let_go(f); /* what is in it stays good; another is begun */
    return e;
}

/* ---- the thread ----------------------------------------------------------------------------------------- */

/* True: stop. */
static bool nap(struct follow *f)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += TICK_MS / 1000;
    pthread_mutex_lock(&f->lock);
    if (!f->is_stopping)
        pthread_cond_timedwait(&f->wake, &f->lock, &until);
    bool stops = f->is_stopping;
    pthread_mutex_unlock(&f->lock);
    return stops;
}

static void *follow_main(void *arg)
{
    struct follow *f = arg;
    int64_t next_ns = 0;
    do {
        int64_t now = clock_mono_ns();
        if (now >= next_ns)
            next_ns = clock_mono_ns() + (make(f) == OK ? DAY_S : AGAIN_S) * 1000000000LL;
        else if (catch_up(f) != OK)
            next_ns = now + AGAIN_S * 1000000000LL;
    } while (!nap(f));
    struct cx cx = cx_of(f);
    if (f->now && backup_end(f->now, &cx) != OK)
        failed(f, &cx, ERR_INTERNAL);
    let_go(f);
    return NULL;
}

struct follow *follow_open(struct store *s, const struct keyring *ring, str data_dir, str to,
                           int64_t days)
{
    struct follow *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    *f = (struct follow){.store = s,
                         .ring = ring,
                         .dir = strndup(to.ptr, to.len),
                         .data_dir = strndup(data_dir.ptr, data_dir.len),
                         .days = days,
                         .fd = -1,
                         .state = {.is_on = true},
                         .arena = arena_open((size_t)64 << 20)};
    pthread_mutex_init(&f->lock, NULL);
    cond_monotonic(&f->wake);
    if (!f->dir || !f->data_dir || !f->arena ||
        pthread_create(&f->thread, NULL, follow_main, f) != 0) {
        free(f->dir);
        free(f->data_dir);
        arena_close(f->arena);
        free(f);
        return NULL;
    }
    return f;
}

void follow_close(struct follow *f)
{
    if (!f)
        return;
    pthread_mutex_lock(&f->lock);
    f->is_stopping = true;
    pthread_cond_signal(&f->wake);
    pthread_mutex_unlock(&f->lock);
    pthread_join(f->thread, NULL);
    pthread_mutex_destroy(&f->lock);
    pthread_cond_destroy(&f->wake);
    free(f->dir);
    free(f->data_dir);
    arena_close(f->arena);
    free(f);
}

struct follow_state follow_state(struct follow *f)
{
    if (!f)
        return (struct follow_state){0};
    pthread_mutex_lock(&f->lock);
    struct follow_state s = f->state;
    pthread_mutex_unlock(&f->lock);
    return s;
}
