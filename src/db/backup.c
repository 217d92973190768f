/* db/backup.c - pages and frames into a stream, while the store is written. */
#include "db/backup.h"
#include "base/value.h"
#include "db/db_impl.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    FRAME_HEAD = 24,
    LOG_HEAD = 32,
    PIECE_BYTES = 100 * VAULT_PAGE_MOST, /* of pages */
    NOTES = 4096,                        /* commits between two looks at the log */
    TRIES = 20,
    PAUSE_US = 10000,
    BYTES_A_SECOND = 250 << 20, /* of pages: the disk is there for the commits first */
    FILE_PIECE = 1 << 20,
    FRAME_NOTE = 16, /* before a page of the log */
};

struct note { /* a commit */
    int64_t frames, ms;
};

/* Of the log, from its index: what SQLite itself goes by. */
struct log_state {
    uint8_t salts[8];
    uint32_t frames, pages, carried;
};

struct backup {
    struct store *store;
    struct db *d;    /* reads the log; under follows.lock */
    struct db *base; /* reads the pages */
    struct arena *arena;
    int64_t page; /* bytes */
    char *frames; /* a piece of them */
    int fd;
    pthread_mutex_t out_lock; /* pieces come from two threads */
    struct box_out *out;
    bool is_followed, holds;
    bool has_ended; /* by backup_end; under follows.lock */ /* holds: a read transaction of d */
    bool has_place;
    uint8_t salts[8];
    int64_t place; /* frames taken in of this log */
    int64_t pages; /* of the database after the last commit; 0: none was taken */
    int64_t last_ms;
    int64_t synced; /* bytes that are on the disk; of the thread that asks for it */
    enum err broken;
    struct fault why;
    struct note notes[NOTES];
    size_t n_notes;
    bool (*goes_on)(void *arg, int64_t done, int64_t total); /* of backup_pages */
    void *arg;
    struct backup *next;
};

static void put32(char *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (char)(v >> (8 * i) & 0xff);
}

static void put64(char *p, int64_t v)
{
    for (int i = 0; i < 8; i++)
        p[i] = (char)((uint64_t)v >> (8 * i) & 0xff);
}

static uint32_t big32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3];
}

static enum err broken_off(struct cx *cx, const char *reason)
{
    return fault(cx, ERR_INTERNAL, M_KEEP_BROKEN, MARG("reason", str_of(reason)));
}

/* ---- the log ------------------------------------------------------------------------------------ */

static bool index_is_whole(const uint32_t *w)
{
    uint32_t a = 0, b = 0;
    for (int i = 0; i < 10; i += 2) {
        a += w[i] + b;
        b += w[i + 1] + a;
    }
    return a == w[10] && b == w[11];
}

/* https://sqlite.org/walformat.html, 2.1: two copies of 48 bytes, then how much is carried into the database. */
static enum err log_look(struct cx *cx, struct db *d, struct log_state *out)
{
    sqlite3_file *f = NULL;
    void volatile *map = NULL;
    if (sqlite3_file_control(lite_handle(d), "main", SQLITE_FCNTL_FILE_POINTER, &f) != SQLITE_OK ||
        !f->pMethods || f->pMethods->iVersion < 2 ||
        f->pMethods->xShmMap(f, 0, 32768, 0, &map) != SQLITE_OK || !map)
        return broken_off(cx, "no log");
    for (int i = 0; i < TRIES; i++) {
        uint32_t one[12], two[12];
        /* first, for a log that begins anew now sets it to nothing */
        uint32_t carried = ((uint32_t volatile *)map)[24];
        atomic_thread_fence(memory_order_seq_cst);
        for (int k = 0; k < 12; k++)
            one[k] = ((uint32_t volatile *)map)[k];
        atomic_thread_fence(memory_order_seq_cst);
        for (int k = 0; k < 12; k++)
            two[k] = ((uint32_t volatile *)map)[12 + k];
        if (memcmp(one, two, sizeof one) == 0 && index_is_whole(one)) {
            *out = (struct log_state){.frames = one[4], .pages = one[5], .carried = carried};
            memcpy(out->salts, &one[8], 8);
            return OK;
        }
        usleep(PAUSE_US / 10);
    }
    return broken_off(cx, "the log's index is never still");
}

/* When a commit with this length of the log was; 0: not known. Earlier ones are forgotten. */
static int64_t note_take(struct backup *b, int64_t frames)
{
    int64_t ms = 0;
    pthread_mutex_lock(&b->store->follows.notes_lock);
    size_t i = 0;
    while (i < b->n_notes && b->notes[i].frames != frames)
        i++;
    if (i < b->n_notes) {
        ms = b->notes[i].ms;
        b->n_notes -= i + 1;
        memmove(b->notes, b->notes + i + 1, b->n_notes * sizeof *b->notes);
    }
    pthread_mutex_unlock(&b->store->follows.notes_lock);
    return ms;
}

static enum err piece(struct backup *b, struct cx *cx, char letter, str head, str body)
{
    pthread_mutex_lock(&b->out_lock);
    enum err e = box_out_add(cx, b->out, letter, head, body);
    pthread_mutex_unlock(&b->out_lock);
    return e;
}

/* Frames place + 1 … n of the log. */
static enum err frames_take(struct backup *b, struct cx *cx, const struct log_state *log)
{
    sqlite3_file *f = NULL;
    char *some = b->frames, head[4];
    if (sqlite3_file_control(lite_handle(b->d), "main", SQLITE_FCNTL_JOURNAL_POINTER, &f) !=
            SQLITE_OK ||
        !f || !f->pMethods)
        return broken_off(cx, "no log");
    while (b->place < (int64_t)log->frames) {
        uint32_t n = 0;
        for (; n < PIECE_BYTES / b->page && b->place < (int64_t)log->frames; n++, b->place++) {
            uint8_t frame[FRAME_HEAD];
            char *to = some + n * (FRAME_NOTE + b->page);
            int64_t at = LOG_HEAD + b->place * (FRAME_HEAD + b->page);
            if (f->pMethods->xRead(f, frame, FRAME_HEAD, at) != SQLITE_OK ||
                f->pMethods->xRead(f, to + FRAME_NOTE, (int)b->page, at + FRAME_HEAD) != SQLITE_OK)
                return broken_off(cx, "the log cannot be read");
            if (memcmp(frame + 8, log->salts, 8) != 0)
                return broken_off(cx, "a frame of another log");
            uint32_t commit = big32(frame + 4);
            int64_t ms = commit ? note_take(b, b->place + 1) : 0;
            if (commit) {
                b->last_ms = ms > b->last_ms ? ms : b->last_ms ? b->last_ms : clock_now_ms();
                b->pages = commit;
            }
            put32(to, big32(frame));
            put32(to + 4, commit);
            put64(to + 8, commit ? b->last_ms : 0);
        }
        put32(head, n);
        TRY(piece(b, cx, 'f', (str){head, 4}, (str){some, (size_t)(n * (FRAME_NOTE + b->page))}));
    }
    return OK;
}

static enum err place_find(struct backup *b, struct cx *cx, const struct log_state *log)
{
    if (!b->has_place) { /* what is not in the file yet; all of it, for pages of it may be read half */
        b->place = log->carried == log->frames ? log->frames : 0;
        memcpy(b->salts, log->salts, 8);
        b->has_place = true;
    }
    if (memcmp(b->salts, log->salts, 8) !=
        0) { /* begun anew, once: all that was before was taken */
        if (big32(log->salts) != big32(b->salts) + 1)
            return broken_off(cx, "the log was begun anew behind its back");
        memcpy(b->salts, log->salts, 8);
        b->place = 0;
    }
    return b->place <= (int64_t)log->frames ? OK : broken_off(cx, "the log became shorter");
}

/* Under follows.lock. Holds a snapshot until let go: a checkpoint comes no further than what was taken. */
static void take_in(struct backup *b)
{
    struct log_state log = {0};
    if (b->broken != OK || b->has_ended)
        return;
    arena_reset(b->arena);
    struct cx cx = {.arena = b->arena, .db = b->d, .if_match = -1};
    int64_t version = 0;
    enum err e = lite_read_begin(&cx, b->d);
    b->holds = e == OK;
    if (e == OK)
        e = lite_int_once(&cx, b->d, "PRAGMA schema_version", &version);
    if (e == OK)
        e = log_look(&cx, b->d, &log);
    if (e == OK)
        e = place_find(b, &cx, &log);
    if (e == OK)
        e = frames_take(b, &cx, &log);
    if (e == OK)
        return;
    b->broken = e;
    b->why = cx.why;
    for (size_t i = 0; i < b->why.n_args; i++) /* words that outlive the arena */
        if (b->why.args[i].kind == MSG_TEXT)
            b->why.args[i].text = S("the log, or the target, failed");
    str said = fault_text(b->arena, LANG_EN, &cx.why);
    log_line(LOG_ERROR, "backup", "reason=" SFMT, SARG(log_quoted(b->arena, said)));
}

static void let_go(struct backup *b)
{
    if (b->holds)
        lite_read_end(b->d);
    b->holds = false;
}

void follows_init(struct follows *f)
{
    pthread_mutex_init(&f->lock, NULL);
    pthread_mutex_init(&f->notes_lock, NULL);
}

void follows_free(struct follows *f)
{
    pthread_mutex_destroy(&f->lock);
    pthread_mutex_destroy(&f->notes_lock);
}

void follows_begin(struct store *s)
{
    pthread_mutex_lock(&s->follows.lock);
    for (struct backup *b = s->follows.first; b; b = b->next)
        take_in(b);
}

void follows_end(struct store *s)
{
    for (struct backup *b = s->follows.first; b; b = b->next)
        let_go(b);
    pthread_mutex_unlock(&s->follows.lock);
}

void follows_note(struct store *s, int64_t frames)
{
    if (!atomic_load(&s->follows.n))
        return;
    int64_t now = clock_now_ms();
    pthread_mutex_lock(&s->follows.notes_lock);
    for (struct backup *b = s->follows.first; b; b = b->next)
        if (b->n_notes < NOTES)
            b->notes[b->n_notes++] = (struct note){frames, now};
    pthread_mutex_unlock(&s->follows.notes_lock);
}

/* ---- begin, end ---------------------------------------------------------------------------------------- */

static bool write_fd(void *arg, const void *p, size_t n)
{
    const struct backup *b = arg;
    for (const char *at = p; n;) {
        ssize_t w = write(b->fd, at, n);
        if (w < 0 && errno == EINTR)
            continue;
        if (w <= 0)
            return false;
        at += w;
        n -= (size_t)w;
    }
    return true;
}

static enum err broken_now(const struct backup *b, struct cx *cx)
{
    if (b->broken != OK)
        cx->why = b->why;
    return b->broken;
}

static enum err broken_of(struct backup *b, struct cx *cx)
{
    pthread_mutex_lock(&b->store->follows.lock);
    enum err e = broken_now(b, cx);
    pthread_mutex_unlock(&b->store->follows.lock);
    return e;
}

static enum err head_write(struct backup *b, struct cx *cx)
{
    char head[16];
    put32(head, (uint32_t)b->page);
    put32(head + 4, b->is_followed);
    put64(head + 8, clock_now_ms());
    return piece(b, cx, 'b', (str){head, sizeof head}, (str){0});
}

enum err backup_begin(struct store *s, struct cx *cx, const struct keyring *ring, int fd,
                      bool is_followed, struct backup **out)
{
    *out = NULL;
    struct backup *b = calloc(1, sizeof *b);
    if (!b || !(b->arena = arena_open((size_t)16 << 20)) ||
        !(b->frames = malloc(PIECE_BYTES / VAULT_PAGE * (FRAME_NOTE + VAULT_PAGE)))) {
        if (b)
            arena_close(b->arena);
        free(b);
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    }
    b->store = s;
    b->page = (int64_t)s->page;
    b->fd = fd;
    b->is_followed = is_followed;
    pthread_mutex_init(&b->out_lock, NULL);
    enum err e = lite_open(cx, s, LITE_READER, &b->d);
    if (e == OK)
        e = lite_open(cx, s, LITE_READER, &b->base);
    if (e == OK)
        e = box_out_open(cx, ring, BOX_PAGES, write_fd, b, &b->out);
    if (e == OK)
        e = head_write(b, cx);
    if (e != OK) {
        backup_close(b);
        return e;
    }
    pthread_mutex_lock(&s->follows.lock);
    pthread_mutex_lock(&s->follows.notes_lock);
    b->next = s->follows.first;
    s->follows.first = b;
    atomic_fetch_add(&s->follows.n, 1);
    pthread_mutex_unlock(&s->follows.notes_lock);
    take_in(b);
    let_go(b);
    pthread_mutex_unlock(&s->follows.lock);
    *out = b;
    e = broken_of(b, cx);
    if (e != OK) {
        backup_close(b);
        *out = NULL;
    }
    return e;
}

int64_t backup_bytes(struct backup *b)
{
    pthread_mutex_lock(&b->out_lock);
    int64_t bytes = box_out_bytes(b->out);
    pthread_mutex_unlock(&b->out_lock);
    return bytes;
}

/* What came into the log since. Taken often, it is little, and a checkpoint has not to wait for it. */
static void follow(struct backup *b)
{
    pthread_mutex_lock(&b->store->follows.lock);
    take_in(b);
    let_go(b);
    pthread_mutex_unlock(&b->store->follows.lock);
}

enum err backup_catch_up(struct backup *b, struct cx *cx)
{
    follow(b);
    TRY(broken_of(b, cx));
    int64_t bytes = backup_bytes(b);
    if (bytes != b->synced && fdatasync(b->fd) != 0)
        return broken_off(cx, strerror(errno));
    b->synced = bytes;
    return OK;
}

enum err backup_end(struct backup *b, struct cx *cx)
{
    pthread_mutex_lock(&b->store->follows.lock); /* nothing comes behind the end */
    take_in(b);
    let_go(b);
    enum err e = broken_now(b, cx);
    if (e == OK)
        e = piece(b, cx, BOX_END, (str){0}, (str){0});
    b->has_ended = true;
    pthread_mutex_unlock(&b->store->follows.lock);
    TRY(e);
    return fsync(b->fd) == 0 ? OK : broken_off(cx, strerror(errno));
}

void backup_close(struct backup *b)
{
    if (!b)
        return;
    struct follows *f = &b->store->follows;
    pthread_mutex_lock(&f->lock);
    pthread_mutex_lock(&f->notes_lock);
    for (struct backup **p = &f->first; *p; p = &(*p)->next)
        if (*p == b) {
            *p = b->next;
            atomic_fetch_sub(&f->n, 1);
            break;
        }
    pthread_mutex_unlock(&f->notes_lock);
    pthread_mutex_unlock(&f->lock);
    lite_close(b->d);
    lite_close(b->base);
    box_out_close(b->out);
    pthread_mutex_destroy(&b->out_lock);
    arena_close(b->arena);
    free(b->frames);
    free(b);
}

/* ---- pages -------------------------------------------------------------------------------------------------- */

struct pace {
    int64_t begun_ns, bytes;
    int64_t sent, on_disk; /* of the target */
};

/* At most two steps of the target wait in memory for the disk: more, and the system lets commits wait with us. */
static void to_disk(struct backup *b, struct pace *p)
{
    int64_t end = backup_bytes(b);
    if (end - p->sent < DISK_STEP)
        return;
    (void)sync_file_range(b->fd, p->sent, end - p->sent, SYNC_FILE_RANGE_WRITE);
    if (p->sent > p->on_disk)
        (void)sync_file_range(b->fd, p->on_disk, p->sent - p->on_disk, WAIT_FOR_DISK);
    p->on_disk = p->sent;
    p->sent = end;
}

/* No faster than the disk can do it beside the commits. */
static void pace(struct backup *b, struct pace *p, int64_t bytes)
{
    p->bytes += bytes;
    to_disk(b, p);
    int64_t due = p->begun_ns + p->bytes * 1000 / BYTES_A_SECOND * 1000000, now = clock_mono_ns();
    if (due > now && b->store->n_writer_threads)
        usleep((useconds_t)((due - now) / 1000));
}

/* Pages from *page on, as many as can be read in one go. One that cannot is left out: it is being written just now, or was
 * never yet, and lies in the log; or else the restore will say that it is missing. */
static enum err some_pages(struct backup *b, struct cx *cx, sqlite3_file *f, char *some,
                           int64_t *page, int64_t last)
{
    uint32_t n = 0;
    char head[8];
    put32(head, (uint32_t)*page);
    while (n < PIECE_BYTES / b->page && *page <= last) {
        if (f->pMethods->xRead(f, some + n * b->page, (int)b->page, (*page - 1) * b->page) !=
            SQLITE_OK)
            break;
        n++;
        ++*page;
    }
    if (!n) {
        ++*page;
        return OK;
    }
    put32(head + 4, n);
    return piece(b, cx, 'p', (str){head, 8}, (str){some, (size_t)(n * b->page)});
}

static enum err tell(struct backup *b, struct cx *cx, int64_t done, int64_t total)
{
    TRY(broken_of(b, cx));
    return b->goes_on && !b->goes_on(b->arg, done, total) ? fault(cx, ERR_BUSY, M_KEEP_STOPPED)
                                                          : OK;
}

static enum err one_file(struct backup *b, struct cx *cx, int dir, const char *folder,
                         const char *name)
{
    char *some = arena_alloc(cx->arena, FILE_PIECE, 1);
    str full = arena_printf(cx->arena, "%s/%s", folder, name);
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    int64_t at = 0;
    if (fd < 0)
        return OK; /* gone meanwhile */
    enum err e = OK;
    for (ssize_t n = 1; e == OK && n > 0; at += n) {
        n = pread(fd, some, FILE_PIECE, at);
        if (n < 0 || (n == 0 && at > 0))
            break;
        char *head = arena_alloc(cx->arena, 12 + full.len, 1);
        put32(head, (uint32_t)full.len);
        memcpy(head + 4, full.ptr, full.len);
        put64(head + 4 + full.len, at);
        e = piece(b, cx, 'i', (str){head, 12 + full.len}, (str){some, (size_t)n});
        if (e == OK)
            e = tell(b, cx, at + n, 0);
    }
    close(fd);
    return e;
}

static enum err files(struct backup *b, struct cx *cx, const char *folder)
{
    str path = arena_printf(cx->arena, "%s/%s", b->store->dir, folder);
    DIR *d = opendir(path.ptr);
    enum err e = OK;
    struct arena *outer = cx->arena, *a = arena_open((size_t)4 << 20);
    if (!a)
        e = fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    cx->arena = a;
    for (struct dirent *x; d && e == OK && (x = readdir(d));) {
        arena_reset(a);
        if (x->d_name[0] != '.')
            e = one_file(b, cx, dirfd(d), folder, x->d_name);
    }
    if (e != OK)
        fault_keep(outer, &cx->why);
    cx->arena = outer;
    arena_close(a);
    if (d)
        closedir(d);
    return e;
}

static const char *const folders[] = {"imports", "blobs"};

enum err backup_pages(struct backup *b, struct cx *cx,
                      bool (*goes_on)(void *arg, int64_t done, int64_t total), void *arg)
{
    sqlite3_file *f = NULL;
    sqlite3_int64 size = 0;
    int64_t pages = 0;
    b->goes_on = goes_on;
    b->arg = arg;
    if (sqlite3_file_control(lite_handle(b->base), "main", SQLITE_FCNTL_FILE_POINTER, &f) !=
            SQLITE_OK ||
        !f->pMethods || f->pMethods->xFileSize(f, &size) != SQLITE_OK)
        return broken_off(cx, "no database");
    TRY(lite_int_once(cx, b->base, "PRAGMA page_count", &pages));
    int64_t last = size / b->page < pages ? size / b->page : pages;
    char *some = arena_alloc(cx->arena, PIECE_BYTES, 1);
    struct pace p = {.begun_ns = clock_mono_ns()};
    for (int64_t page = 1; page <= last;) {
        int64_t from = page;
        TRY(some_pages(b, cx, f, some, &page, last));
        TRY(tell(b, cx, (page - 1) * b->page, last * b->page));
        follow(b);
        pace(b, &p, (page - from) * b->page);
    }
    for (size_t i = 0; i < COUNT(folders); i++)
        TRY(files(b, cx, folders[i]));
    pthread_mutex_lock(
        &b->store->follows.lock); /* no commit between the frames and the end of the pages */
    take_in(b);
    let_go(b);
    char head[16] = {0};
    enum err e = broken_now(b, cx);
    put32(head, (uint32_t)(b->pages ? b->pages : last));
    put64(head + 8, clock_now_ms());
    if (e == OK)
        e = piece(b, cx, 'e', (str){head, sizeof head}, (str){0});
    pthread_mutex_unlock(&b->store->follows.lock);
    return e;
}
