/* db/pages.c - the pages of an SQLite store, one by one. */
#include "db/pages.h"
#include "db/db_impl.h"
#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

enum { TELL_PAGES = 256, TRIES = 5, PAUSE_US = 20000, TOLD_MAX = 20, STEPS = 1000000 };

static void damaged(struct cx *cx, const struct pages_wish *w, uint16_t msg, str what)
{
    (void)fault(cx, ERR_INTERNAL, msg, MARG(msg == M_CHECK_PAGE ? "page" : "reason", what));
    w->found(w->arg, &cx->why);
    cx->why = (struct fault){0};
}

/* A page that is being written while it is read is read again. */
static bool page_is_whole(sqlite3_file *f, char *page, int size, int64_t n)
{
    for (int i = 0; i < TRIES; i++) {
        if (i)
            usleep(PAUSE_US);
        if (f->pMethods->xRead(f, page, size, n * size) == SQLITE_OK)
            return true;
    }
    return false;
}

/* Never written: room that was set aside, or a page that was made and is not in use. The one descriptor that may be used for
 * it: closing another one would let go of SQLite's locks. */
static bool is_blank(const struct store *s, int64_t n)
{
    static const char zeros[VAULT_PAGE_MOST];
    char page[VAULT_PAGE_MOST];
    return s->file_fd >= 0 &&
           pread(s->file_fd, page, s->page, n * (int64_t)s->page) == (ssize_t)s->page &&
           memcmp(page, zeros, s->page) == 0;
}

static enum err read_all(struct cx *cx, struct db *d, const struct pages_wish *w)
{
    sqlite3_file *f = NULL;
    sqlite3_int64 bytes = 0;
    size_t size = d->store->page;
    char *page = arena_alloc(cx->arena, size, 1);
    if (sqlite3_file_control(lite_handle(d), "main", SQLITE_FCNTL_FILE_POINTER, &f) != SQLITE_OK ||
        !f || !f->pMethods || f->pMethods->xFileSize(f, &bytes) != SQLITE_OK)
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    int64_t n = bytes / (int64_t)size, told = 0;
    for (int64_t i = 0; i < n; i++) {
        if (!page_is_whole(f, page, (int)size, i) && !is_blank(d->store, i) && ++told <= TOLD_MAX)
            damaged(cx, w, M_CHECK_PAGE, arena_printf(cx->arena, "%lld", (long long)i + 1));
        if ((i % TELL_PAGES == 0 || i == n - 1) && !w->goes_on(w->arg, i + 1, n))
            return fault(cx, ERR_BUSY, M_KEEP_STOPPED);
    }
    return OK;
}

struct steps {
    const struct pages_wish *w;
    int64_t n;
    bool is_stopped;
};

static int on_steps(void *arg)
{
    struct steps *s = arg;
    s->is_stopped = s->is_stopped || !s->w->goes_on(s->w->arg, ++s->n, 0);
    return s->is_stopped;
}

static enum err structure(struct cx *cx, struct db *d, const struct pages_wish *w)
{
    sqlite3_stmt *st = NULL;
    struct steps steps = {.w = w};
    sqlite3_progress_handler(lite_handle(d), STEPS, on_steps, &steps);
    int rc = sqlite3_prepare_v2(lite_handle(d), "PRAGMA integrity_check(20)", -1, &st, NULL);
    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        rc = sqlite3_step(st);
        const char *said = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(st, 0) : NULL;
        if (said && strcmp(said, "ok") != 0)
            damaged(cx, w, M_CHECK_STRUCTURE, str_clean(cx->arena, str_of(said), 300));
    }
    sqlite3_finalize(st);
    if (steps.is_stopped)
        return fault(cx, ERR_BUSY, M_KEEP_STOPPED);
    if (rc != SQLITE_DONE)
        damaged(cx, w, M_CHECK_STRUCTURE, str_of(sqlite3_errstr(rc)));
    return OK;
}

static enum err with_reader(struct store *s, struct cx *cx, const struct pages_wish *w,
                            enum err (*look)(struct cx *, struct db *, const struct pages_wish *))
{
    if (s->is_postgres)
        return OK;
    struct db *d = NULL;
    TRY(lite_open(cx, s, LITE_READER, &d));
    enum err e = look(cx, d, w);
    lite_close(d);
    return e;
}

enum err pages_check(struct store *s, struct cx *cx, const struct pages_wish *w)
{
    return with_reader(s, cx, w, read_all);
}

enum err pages_structure(struct store *s, struct cx *cx, const struct pages_wish *w)
{
    return with_reader(s, cx, w, structure);
}
