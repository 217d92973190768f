/* db/restore.c - the way back from a backup: pages, and the frames over them up to a commit. */
#include "base/value.h"
#include "db/backup.h"
#include "db/db_impl.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PATH_BYTES = 4096,
    FRAME_NOTE = 16, /* before a page of the log */
    PAGES_MAX = 1 << 30,
    TELL_BYTES = 8 << 20,
    LOOK_STEPS = 1000,
    KEPT_MAX = 100,
    UNWRITTEN_MAX = 100000 /* pages at the end that were made and never written */
};

struct source {
    int fd;
    int64_t bytes;
    struct box_in *in;
};

/* What the first way through the stream found. */
struct plan {
    int64_t frames; /* of all in the stream, so many count */
    int64_t pages;  /* of the database then */
    int64_t first_ms, at_ms;
    int64_t greatest; /* page that came */
    size_t page;      /* bytes */
    bool has_pages, is_followed, has_end;
};

static uint32_t get32(const char *p)
{
    const uint8_t *u = (const uint8_t *)p;
    return (uint32_t)u[0] | (uint32_t)u[1] << 8 | (uint32_t)u[2] << 16 | (uint32_t)u[3] << 24;
}

static int64_t get64(const char *p)
{
    return (int64_t)((uint64_t)get32(p) | (uint64_t)get32(p + 4) << 32);
}

static enum err disk(struct cx *cx, const char *what)
{
    int os = errno;
    if (os == ENOSPC || os == EDQUOT)
        return fault(cx, ERR_NO_SPACE, M_STORE_NO_SPACE);
    return fault(cx, ERR_INVALID, M_STORE_CANNOT_OPEN,
                 MARG("where", arena_str(cx->arena, str_of(what))),
                 MARG("reason", arena_str(cx->arena, str_of(strerror(os)))));
}

/* ---- the stream ------------------------------------------------------------------------------- */

static ssize_t source_read(void *arg, void *p, size_t n)
{
    return read(((struct source *)arg)->fd, p, n);
}

static enum err source_open(struct cx *cx, struct source *s, const char *path,
                            const struct keyring *ring)
{
    s->in = NULL;
    s->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (s->fd < 0)
        return disk(cx, path);
    struct stat st = {0};
    (void)fstat(s->fd, &st);
    s->bytes = st.st_size;
    TRY(box_in_open(cx, str_of(path), source_read, s, &s->in));
    if (box_in_kind(s->in) != BOX_PAGES)
        return fault(cx, ERR_INVALID, M_KEEP_NOT_PAGES, MARG("file", str_of(path)));
    return box_in_key(cx, s->in, ring);
}

static void source_close(struct source *s)
{
    box_in_close(s->in);
    if (s->fd >= 0)
        close(s->fd);
}

static bool frames_are_whole(str body, size_t page)
{
    uint32_t n = body.len >= 4 ? get32(body.ptr) : 0;
    return n > 0 && n <= BOX_PIECE_MAX / (FRAME_NOTE + page) &&
           body.len == 4 + n * (FRAME_NOTE + page);
}

static bool pages_are_whole(str body, size_t page)
{
    uint32_t first = body.len >= 8 ? get32(body.ptr) : 0,
             n = body.len >= 8 ? get32(body.ptr + 4) : 0;
    return first > 0 && first < PAGES_MAX && n > 0 && n <= BOX_PIECE_MAX / page &&
           body.len == 8 + n * page;
}

/* Frames up to the last commit that counts. Before the pages were all there, every commit does. */
static bool plan_frames(struct plan *p, str body, int64_t *seen, int64_t at_ms)
{
    if (!frames_are_whole(body, p->page))
        return false;
    uint32_t n = get32(body.ptr);
    for (uint32_t i = 0; i < n; i++) {
        const char *f = body.ptr + 4 + i * (FRAME_NOTE + p->page);
        uint32_t page = get32(f), commit = get32(f + 4);
        int64_t ms = get64(f + 8);
        if (page == 0 || page >= PAGES_MAX || commit >= PAGES_MAX)
            return false;
        p->greatest = page > p->greatest ? page : p->greatest;
        ++*seen;
        if (commit && (!p->has_pages || ms <= at_ms)) {
            p->frames = *seen;
            p->pages = commit;
            p->at_ms = ms;
        }
    }
    return true;
}

static enum err plan_piece(struct cx *cx, struct source *s, struct plan *p, char letter, str body,
                           int64_t *seen, int64_t at_ms)
{
    bool is_whole = true;
    switch (letter) {
    case 'b':
        p->page = body.len == 16 ? get32(body.ptr) : 0;
        is_whole = p->page == VAULT_PAGE || p->page == VAULT_PAGE_MOST;
        p->is_followed = is_whole && get32(body.ptr + 4) == 1;
        break;
    case 'p':
        is_whole = pages_are_whole(body, p->page);
        if (is_whole && (int64_t)get32(body.ptr) + get32(body.ptr + 4) - 1 > p->greatest)
            p->greatest = (int64_t)get32(body.ptr) + get32(body.ptr + 4) - 1;
        break;
    case 'f':
        is_whole = plan_frames(p, body, seen, at_ms);
        break;
    case 'e':
        is_whole =
            body.len == 16 && !p->has_pages && get32(body.ptr) > 0 && get32(body.ptr) < PAGES_MAX;
        p->has_pages = true;
        p->pages = is_whole ? get32(body.ptr) : 0;
        p->frames = *seen;
        p->first_ms = p->at_ms = is_whole ? get64(body.ptr + 8) : 0;
        break;
    case 'i':
        break;
    case BOX_END:
        p->has_end = true;
        break;
    default:
        is_whole = false;
    }
    return is_whole ? OK : box_damaged(cx, s->in);
}

static enum err cut(struct cx *cx, const char *path)
{
    return fault(cx, ERR_INVALID, M_KEEP_CUT, MARG("file", str_of(path)));
}

/* Asked every few megabytes; the first way through it makes nothing yet. */
static enum err ask(struct cx *cx, const struct source *s, const struct restore_wish *w,
                    int64_t *told, bool is_first_way)
{
    int64_t read = box_in_bytes(s->in);
    if (!w->goes_on || read - *told < TELL_BYTES)
        return OK;
    *told = read;
    return w->goes_on(w->arg, is_first_way ? 0 : read, s->bytes)
               ? OK
               : fault(cx, ERR_BUSY, M_KEEP_STOPPED);
}

static enum err plan_make(struct cx *cx, struct source *s, const struct restore_wish *w,
                          struct plan *p)
{
    int64_t seen = 0, told = 0;
    *p = (struct plan){0};
    for (bool is_first = true;; is_first = false) {
        char letter = 0;
        str body = {0};
        bool is_cut = false;
        enum err e = box_in_next(cx, s->in, &letter, &body, &is_cut);
        if (is_cut && p->is_followed && p->has_pages)
            break; /* the last piece was not finished: what is before it counts */
        TRY(e);
        if (letter == 0)
            break;
        if ((letter == 'b') != is_first || p->has_end)
            return box_damaged(cx, s->in);
        TRY(plan_piece(cx, s, p, letter, body, &seen, w->at_ms));
        TRY(ask(cx, s, w, &told, true));
    }
    cx->why = (struct fault){0};
    if (!p->has_pages || (!p->has_end && !p->is_followed))
        return cut(cx, w->from);
    if (p->pages > p->greatest + UNWRITTEN_MAX)
        return box_damaged(cx, s->in);
    if (w->at_ms < p->first_ms) {
        return fault(cx, ERR_INVALID, M_KEEP_TOO_EARLY, MARG("file", str_of(w->from)),
                     MARG("time", when_text(cx->arena, (when){p->first_ms})));
    }
    return OK;
}

/* ---- the files -------------------------------------------------------------------------------------- */

struct target {
    int dir, fd;
    size_t page;    /* bytes */
    uint8_t *newer; /* a bit for each page: it has come from the log */
    int64_t pages, bytes, told, unsent;
    const struct restore_wish *w;
    struct vault_hand *hand; /* seals what it writes */
    uint8_t epoch;
    int64_t came_to; /* the last page that came as a page */
};

static bool bit(const uint8_t *bits, int64_t i)
{
    return bits[i / 8] >> (i % 8) & 1;
}

static void bit_set(uint8_t *bits, int64_t i)
{
    bits[i / 8] |= (uint8_t)(1u << (i % 8));
}

static enum err page_put(struct cx *cx, struct target *t, int64_t page, const char *bytes)
{
    if (page > t->pages)
        return OK; /* the database was larger once */
    uint8_t sealed[VAULT_PAGE_MOST];
    memcpy(sealed, bytes, t->page);
    if (!vault_seal_page(t->hand, t->epoch, page, sealed))
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    if (pwrite(t->fd, sealed, t->page, (page - 1) * (int64_t)t->page) != (ssize_t)t->page)
        return disk(cx, t->w->dir);
    t->unsent += (int64_t)t->page;
    if (t->unsent >= DISK_STEP) {
        (void)sync_file_range(t->fd, 0, 0, WAIT_FOR_DISK);
        t->unsent = 0;
    }
    return OK;
}

/* Pages behind the file of then that never came were made and freed by one transaction, and never written: zeros. One that
 * was in the file could not be read, and the log did not have it either. */
static enum err holes_put(struct cx *cx, struct target *t)
{
    static const char zeros[VAULT_PAGE_MOST];
    for (int64_t page = 1; page <= t->pages; page++) {
        char tail[VAULT_RESERVED];
        if (pread(t->fd, tail, sizeof tail, page * (int64_t)t->page - VAULT_RESERVED) !=
            VAULT_RESERVED)
            return disk(cx, t->w->dir);
        if (memcmp(tail, zeros, sizeof tail) != 0)
            continue;
        if (page < t->came_to)
            return fault(cx, ERR_INVALID, M_CHECK_PAGE,
                         MARG("page", arena_printf(cx->arena, "%lld", (long long)page)));
        TRY(page_put(cx, t, page, zeros));
    }
    return OK;
}

static enum err pages_put(struct cx *cx, struct target *t, str body)
{
    uint32_t first = get32(body.ptr), n = get32(body.ptr + 4);
    for (uint32_t i = 0; i < n; i++) {
        int64_t page = (int64_t)first + i;
        t->came_to = page > t->came_to ? page : t->came_to;
        if (page <= t->pages && !bit(t->newer, page - 1))
            TRY(page_put(cx, t, page, body.ptr + 8 + i * t->page));
    }
    return OK;
}

static enum err frames_put(struct cx *cx, struct target *t, const struct plan *p, str body,
                           int64_t *seen)
{
    uint32_t n = get32(body.ptr);
    for (uint32_t i = 0; i < n && *seen < p->frames; i++, ++*seen) {
        const char *f = body.ptr + 4 + i * (FRAME_NOTE + t->page);
        int64_t page = get32(f);
        TRY(page_put(cx, t, page, f + FRAME_NOTE));
        if (page <= t->pages)
            bit_set(t->newer, page - 1);
    }
    return OK;
}

/* "imports/123.csv": a folder of ours and a plain name in it, nothing else. */
static bool name_is_ours(str name)
{
    static const char *const folders[] = {"imports/", "blobs/"};
    for (size_t i = 0; i < COUNT(folders); i++) {
        str rest = name;
        if (!str_starts(name, str_of(folders[i])))
            continue;
        rest = (str){name.ptr + strlen(folders[i]), name.len - strlen(folders[i])};
        if (rest.len == 0 || rest.len > 200 || rest.ptr[0] == '.')
            return false;
        for (size_t k = 0; k < rest.len; k++)
            if (rest.ptr[k] == '/' || (unsigned char)rest.ptr[k] < ' ')
                return false;
        return true;
    }
    return false;
}

static enum err file_put(struct cx *cx, struct target *t, struct source *s, str body)
{
    uint32_t length = body.len >= 12 ? get32(body.ptr) : 0;
    if (body.len < 12 || length > body.len - 12)
        return box_damaged(cx, s->in);
    str name = {body.ptr + 4, length}, bytes = {body.ptr + 12 + length, body.len - 12 - length};
    int64_t at = get64(body.ptr + 4 + length);
    if (!name_is_ours(name) || at < 0 || at > INT64_MAX / 2)
        return box_damaged(cx, s->in);
    char *path = arena_cstr(cx->arena, name), *slash = strchr(path, '/');
    *slash = 0;
    (void)mkdirat(t->dir, path, 0700);
    *slash = '/';
    int fd = openat(t->dir, path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return disk(cx, path);
    bool is_written = pwrite(fd, bytes.ptr, bytes.len, at) == (ssize_t)bytes.len &&
                      (t->w->is_scratch || fsync(fd) == 0);
    enum err e = is_written ? OK : disk(cx, path);
    close(fd);
    return e;
}

static enum err put_all(struct cx *cx, struct source *s, const struct plan *p, struct target *t)
{
    int64_t seen = 0;
    struct arena *outer = cx->arena, *a = arena_open((size_t)4 << 20);
    if (!a)
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    enum err e = OK;
    for (bool is_over = false; e == OK && !is_over;) {
        char letter = 0;
        str body = {0};
        bool is_cut = false;
        cx->arena = a;
        arena_reset(a);
        e = box_in_next(cx, s->in, &letter, &body, &is_cut);
        if (is_cut && p->is_followed) {
            e = OK;
            break;
        }
        if (e != OK)
            break;
        is_over = letter == 0;
        if (letter == 'p')
            e = pages_put(cx, t, body);
        else if (letter == 'f')
            e = frames_put(cx, t, p, body, &seen);
        else if (letter == 'i')
            e = file_put(cx, t, s, body);
        if (e == OK)
            e = ask(cx, s, t->w, &t->told, false);
    }
    if (e != OK)
        fault_keep(outer, &cx->why);
    cx->arena = outer;
    arena_close(a);
    return e;
}

static enum err database_put(struct cx *cx, struct source *s, const struct plan *p,
                             struct target *t)
{
    t->pages = p->pages;
    size_t bytes = (size_t)p->pages / 8 + 1;
    t->newer = calloc(bytes, 1);
    if (!t->newer)
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    if (lseek(s->fd, box_in_start(s->in), SEEK_SET) < 0)
        return disk(cx, t->w->from);
    box_in_again(s->in);
    TRY(put_all(cx, s, p, t));
    if (ftruncate(t->fd, p->pages * (int64_t)t->page) != 0)
        return disk(cx, t->w->dir);
    TRY(holes_put(cx, t));
    if (!t->w->is_scratch && fsync(t->fd) != 0)
        return disk(cx, t->w->dir);
    t->bytes = p->pages * (int64_t)t->page;
    return OK;
}

/* ---- the directory ----------------------------------------------------------------------------------------- */

static void remove_in(int dir)
{
    DIR *d = fdopendir(dir);
    if (!d) {
        close(dir);
        return;
    }
    for (struct dirent *e; (e = readdir(d));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        int sub = openat(dir, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (sub >= 0)
            remove_in(sub);
        (void)unlinkat(dir, e->d_name, sub >= 0 ? AT_REMOVEDIR : 0);
    }
    closedir(d);
}

void backup_remove(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return;
    remove_in(fd);
    (void)rmdir(dir);
}

static bool is_free(const char *dir)
{
    DIR *d = opendir(dir);
    if (!d)
        return errno == ENOENT;
    bool is_empty = true;
    for (struct dirent *e; is_empty && (e = readdir(d));)
        is_empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
    closedir(d);
    return is_empty;
}

static bool sync_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_synced = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return is_synced;
}

static char *parent_of(struct arena *a, const char *dir)
{
    char *p = arena_cstr(a, str_of(dir)), *slash = strrchr(p, '/');
    if (!slash)
        return arena_cstr(a, S("."));
    slash[slash == p ? 1 : 0] = 0;
    return p;
}

static bool file_make(int dir, const char *name)
{
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool is_made = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return is_made;
}

/* All of it in a new directory `to`. */
static enum err make_directory(struct cx *cx, const struct keyring *ring, struct source *s,
                               const struct restore_wish *w, const char *to,
                               const struct plan *plan, int64_t *bytes)
{
    struct target t = {.dir = -1,
                       .fd = -1,
                       .w = w,
                       .page = plan->page,
                       .hand = vault_hand_open(ring, plan->page),
                       .epoch = keyring_epoch(ring)};
    backup_remove(to); /* what a killed restore left */
    if (mkdir(to, 0700) != 0)
        return disk(cx, to);
    t.dir = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (t.dir >= 0)
        t.fd = openat(t.dir, "kith.db", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    enum err e = t.fd < 0 ? disk(cx, to) : t.hand ? OK : fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    if (e == OK)
        e = database_put(cx, s, plan, &t);
    if (e == OK)
        e = keyring_save(cx, ring, to);
    if (e == OK && !w->is_scratch && (!file_make(t.dir, "restored") || fsync(t.dir) != 0))
        e = disk(cx, to);
    *bytes = t.bytes;
    vault_hand_close(t.hand);
    free(t.newer);
    if (t.fd >= 0)
        close(t.fd);
    if (t.dir >= 0)
        close(t.dir);
    return e;
}

/* The new one takes the place of the old one in one step; the old one is kept. */
static enum err exchange(struct cx *cx, const char *name, const char *to)
{
    str lock = arena_printf(cx->arena, "%s/lock", name);
    int64_t second = clock_now_ms() / 1000;
    int fd = open(lock.ptr, O_RDWR | O_CLOEXEC);
    enum err e = OK;
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0)
        e = fault(cx, ERR_CONFLICT, M_STORE_LOCKED, MARG("dir", arena_str(cx->arena, str_of(name))),
                  MARG("pid", S("?")));
    if (e == OK && renameat2(AT_FDCWD, to, AT_FDCWD, name, RENAME_EXCHANGE) != 0)
        e = disk(cx, name);
    bool is_kept = e != OK;
    for (int i = 0; !is_kept && i < KEPT_MAX;
         i++) { /* two in a second: each has a name of its own */
        str kept = arena_printf(cx->arena, "%s.replaced-%lld", name, (long long)second + i);
        is_kept = renameat2(AT_FDCWD, to, AT_FDCWD, kept.ptr, RENAME_NOREPLACE) == 0;
    }
    if (!is_kept) /* it is there all the same, under the other name */
        log_line(LOG_WARN, "restore", "reason=old_one_is_under_restoring");
    if (fd >= 0)
        close(fd);
    return e;
}

enum err backup_restore(struct cx *cx, const struct keyring *ring, const struct restore_wish *w,
                        struct restored *out)
{
    struct source s = {.fd = -1};
    struct plan plan = {0};
    *out = (struct restored){0};
    size_t n = strlen(w->dir);
    while (n > 1 && w->dir[n - 1] == '/')
        n--;
    str dir = {w->dir, n};
    char *name = arena_cstr(cx->arena, dir);
    str to = arena_printf(cx->arena, "%s.restoring", name);
    bool is_there = !is_free(name);
    if (is_there && !w->replaces)
        return fault(cx, ERR_INVALID, M_KEEP_NOT_EMPTY, MARG("dir", dir));
    enum err e = source_open(cx, &s, w->from, ring);
    if (e == OK)
        e = plan_make(cx, &s, w, &plan);
    if (e == OK)
        e = make_directory(cx, ring, &s, w, to.ptr, &plan, &out->bytes);
    if (e == OK && is_there)
        e = exchange(cx, name, to.ptr);
    else if (e == OK && rename(to.ptr, name) != 0)
        e = disk(cx, name);
    bool is_placed = e == OK;
    if (e == OK && !w->is_scratch && !sync_directory(parent_of(cx->arena, name)))
        e = disk(cx, name);
    if (!is_placed)
        backup_remove(to.ptr);
    source_close(&s);
    out->first_ms = plan.first_ms;
    out->at_ms = plan.at_ms;
    return e;
}

/* ---- looking at it --------------------------------------------------------------------------------------------- */

struct look {
    sqlite3 *h;
    bool (*goes_on)(void *arg, int64_t done, int64_t total);
    void *arg;
    bool is_stopped;
};

/* SQLite asks every LOOK_STEPS steps of its own; nobody knows how many there are, so the pages it has read are told. */
static int look_stops(void *arg)
{
    struct look *l = arg;
    int pages = 0, most = 0;
    (void)sqlite3_db_status(l->h, SQLITE_DBSTATUS_CACHE_MISS, &pages, &most, 0);
    l->is_stopped = !l->goes_on(l->arg, pages, 0);
    return l->is_stopped;
}

static enum err sound(struct cx *cx, struct look *l, const char *pragma, const char *fine)
{
    sqlite3_stmt *st = NULL;
    if (l->goes_on && look_stops(l))
        return fault(cx, ERR_BUSY, M_KEEP_STOPPED);
    int rc = sqlite3_prepare_v2(l->h, pragma, -1, &st, NULL);
    str said = {0};
    while (!said.len && (rc == SQLITE_OK || rc == SQLITE_ROW)) {
        rc = sqlite3_step(st);
        const char *word = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(st, 0) : NULL;
        if (word && (!fine || strcmp(word, fine) != 0))
            said = str_clean(cx->arena, str_of(word), 300);
    }
    if (!said.len && rc != SQLITE_DONE)
        said = arena_str(cx->arena, str_of(sqlite3_errmsg(l->h)));
    sqlite3_finalize(st);
    if (l->is_stopped)
        return fault(cx, ERR_BUSY, M_KEEP_STOPPED);
    return said.len ? fault(cx, ERR_INVALID, M_CHECK_STRUCTURE, MARG("reason", said)) : OK;
}

static enum err look(struct cx *cx, struct look *l)
{
    (void)sqlite3_exec(l->h, "PRAGMA temp_store=memory; PRAGMA cache_size=-65536", NULL, NULL,
                       NULL);
    if (l->goes_on)
        sqlite3_progress_handler(l->h, LOOK_STEPS, look_stops, l);
    TRY(sound(cx, l, "PRAGMA integrity_check(5)", "ok"));
    return sound(cx, l, "PRAGMA foreign_key_check", NULL);
}

enum err backup_verify(struct cx *cx, const struct keyring *ring, const char *file,
                       bool (*goes_on)(void *arg, int64_t done, int64_t total), void *arg)
{
    str dir = arena_printf(cx->arena, "%s.check", file),
        path = arena_printf(cx->arena, "%s/kith.db", dir.ptr);
    const struct restore_wish w = {.from = file,
                                   .dir = dir.ptr,
                                   .at_ms = INT64_MAX,
                                   .is_scratch = true,
                                   .goes_on = goes_on,
                                   .arg = arg};
    struct restored done;
    struct look l = {.goes_on = goes_on, .arg = arg};
    backup_remove(dir.ptr);
    enum err e = backup_restore(cx, ring, &w, &done);
    struct vault *v = vault_open(ring, vault_page_of(path.ptr), 0);
    if (e == OK && !v)
        e = fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    if (e == OK && sqlite3_open_v2(path.ptr, &l.h, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                                   vault_name(v)) != SQLITE_OK)
        e = fault(cx, ERR_INVALID, M_CHECK_STRUCTURE, MARG("reason", str_of(sqlite3_errmsg(l.h))));
    if (e == OK)
        e = look(cx, &l);
    sqlite3_close(l.h);
    vault_close(v);
    backup_remove(dir.ptr);
    return e;
}
