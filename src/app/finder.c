/* app/finder.c - one thread that writes the search's index.
 *
 * It looks three times a second whether records have changed, reads them on a connection of its own, and writes a page as one
 * change of the bulk lane, so that nobody who waits for an answer waits for it. When it falls behind, its pages are written
 * with the others. Several nodes: the one with the lease does it. */
#include "app/finder.h"
#include "base/cond.h"
#include "rooms/search/search.h"
#include <pthread.h>
#include <time.h>

enum {
    LOOK_MS = 300,
    LEASE_MS = 5000,
    PAGE =
        150, /* some 4 ms of the writer; few pages, since each has a commit and a segment of FTS5 of its own */
    BEHIND = 5, /* full pages in a row: no longer in passing */
};

struct finder {
    struct house *house;
    pthread_t thread;
    bool has_thread, is_stopping;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct db *reader;
    struct arena *arena;
};

static enum err page_apply(struct cx *cx, void *state)
{
    bool is_mine = true;
    TRY(store_lease(cx, "search", LEASE_MS, &is_mine));
    return is_mine ? search_page_write(cx, state) : ERR_CONFLICT;
}

/* True: there is more to do at once. */
static bool page(struct finder *f, unsigned full)
{
    struct store *s = f->house->store;
    arena_reset(f->arena);
    struct cx cx = {.arena = f->arena,
                    .db = f->reader,
                    .house = f->house,
                    .now_ms = clock_now_ms(),
                    .actor = {.kind = ACTOR_SYSTEM},
                    .peer = S(""),
                    .if_match = -1};
    struct search_page *p = NULL;
    enum err e = read_begin(&cx);
    if (e == OK)
        e = search_page_plan(&cx, PAGE, &p);
    read_end(&cx);
    if (e != OK) {
        if (e != ERR_BUSY)
            log_line(LOG_ERROR, "search.index", "code=%s", err_code(e));
        return false;
    }
    size_t n = search_page_size(p);
    if (n == 0)
        return false;
    e = db_change(s, &cx, full >= BEHIND ? LANE_INTERACTIVE : LANE_BULK, page_apply, p);
    if (e != OK && e != ERR_STALE && e != ERR_CONFLICT && e != ERR_BUSY && e != ERR_NO_SPACE)
        log_line(LOG_ERROR, "search.index", "code=%s", err_code(e));
    return (e == OK && n == PAGE) || e == ERR_STALE;
}

/* True: stop. */
static bool nap(struct finder *f, bool is_short)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + (is_short ? 0 : LOOK_MS * 1000000LL);
    until.tv_sec += ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    pthread_mutex_lock(&f->lock);
    if (!f->is_stopping && !is_short)
        pthread_cond_timedwait(&f->wake, &f->lock, &until);
    bool stops = f->is_stopping;
    pthread_mutex_unlock(&f->lock);
    return stops;
}

static void *finder_main(void *arg)
{
    struct finder *f = arg;
    unsigned full = 0;
    thread_stand_back();
    while (!nap(f, full > 0))
        full = page(f, full) ? full + 1 : 0;
    return NULL;
}

enum err finder_open(struct cx *cx, struct house *house, struct finder **out)
{
    struct finder *f = calloc(1, sizeof *f);
    *out = f;
    if (!f)
        return ERR_INTERNAL;
    f->house = house;
    pthread_mutex_init(&f->lock, NULL);
    cond_monotonic(&f->wake);
    f->arena = arena_open((size_t)64 << 20);
    if (!f->arena)
        return ERR_INTERNAL;
    TRY(store_reader(house->store, cx, &f->reader));
    if (pthread_create(&f->thread, NULL, finder_main, f) != 0)
        return ERR_INTERNAL;
    f->has_thread = true;
    return OK;
}

void finder_close(struct finder *f)
{
    if (!f)
        return;
    pthread_mutex_lock(&f->lock);
    f->is_stopping = true;
    pthread_cond_signal(&f->wake);
    pthread_mutex_unlock(&f->lock);
    if (f->has_thread)
        pthread_join(f->thread, NULL);
    reader_close(f->reader);
    arena_close(f->arena);
    pthread_mutex_destroy(&f->lock);
    pthread_cond_destroy(&f->wake);
    free(f);
}
