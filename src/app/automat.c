/* app/automat.c - one thread that does what automations say, and one that sends what they put in line.
 *
 * The first looks three times a second whether there are new events, plans a page of them on a connection of its own and
 * writes it as one change of the bulk lane. Several nodes: the one with the lease does it; that a page is written once is
 * seen to by the position it begins at.
 * The second claims what is due (so that no other node sends it too) and keeps up to WEBHOOK_AT_ONCE messages under way, one
 * of each automation. A receiver that does not answer is left alone for a while, by itself. */
#include "app/automat.h"
#include "base/cond.h"
#include "rooms/automation/automation.h"
#include <pthread.h>
#include <time.h>

enum {
    LOOK_MS = 300,
    LEASE_MS = 5000,
    TIMES = 3, /* a page that cannot be written is tried so often, then gone past */
};
static const size_t ARENA_BYTES = (size_t)64 << 20;

struct worker {
    struct house *house;
    pthread_t thread;
    bool has_thread;
    struct db *reader;
    struct arena *arena;
};
struct under_way {
    struct delivery_due d; /* without its texts */
    bool is_used;
};
struct automat {
    struct worker follows, sends;
    bool is_stopping;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    unsigned failed; /* times in a row that a page was not written */
    struct webhooks
        *webhooks; /* NULL: nothing was sent yet; set under the lock, by the one who sends */
    struct under_way under_way[WEBHOOK_AT_ONCE];
};

static struct cx cx_of(struct worker *w)
{
    arena_reset(w->arena);
    return (struct cx){.arena = w->arena,
                       .db = w->reader,
                       .house = w->house,
                       .now_ms = clock_now_ms(),
                       .actor = {.kind = ACTOR_SYSTEM},
                       .peer = S(""),
                       .if_match = -1};
}

static void complain(const char *what, enum err e)
{
    if (e != OK && e != ERR_STALE && e != ERR_CONFLICT && e != ERR_BUSY && e != ERR_NO_SPACE)
        log_line(LOG_ERROR, what, "code=%s", err_code(e));
}

/* ---- following ------------------------------------------------------------------------------- */

struct page {
    struct automation_page *p;
    bool is_skipped;
};
static enum err page_apply(struct cx *cx, void *state)
{
    struct page *page = state;
    bool is_mine = true;
    TRY(store_lease(cx, "automations", LEASE_MS, &is_mine));
    return is_mine ? automation_page_write(cx, page->p, page->is_skipped) : ERR_CONFLICT;
}

/* True: there may be more to do at once. A page that fails is tried again event by event; the one that cannot be done is gone
 * past, so that the others go on. */
static bool page(struct automat *a)
{
    struct worker *w = &a->follows;
    struct cx cx = cx_of(w);
    struct page page = {0};
    enum err e = read_begin(&cx);
    if (e == OK)
        e = automation_page_plan(&cx, a->failed ? 1 : 0, &page.p);
    read_end(&cx);
    complain("automation.plan", e);
    if (e != OK || automation_page_size(page.p) == 0)
        return false;
    page.is_skipped = a->failed > TIMES;
    e = db_change(w->house->store, &cx, LANE_BULK, page_apply, &page);
    complain("automation.page", e);
    bool is_ours =
        e != OK && e != ERR_STALE && e != ERR_CONFLICT && e != ERR_BUSY && e != ERR_NO_SPACE;
    if (e == OK && page.is_skipped)
        log_line(LOG_ERROR, "automation.skipped", "events=%zu", automation_page_size(page.p));
    a->failed = is_ours ? a->failed + 1 : e == OK ? 0 : a->failed;
    return e == OK || e == ERR_STALE;
}

/* True: stop. */
static bool nap(struct automat *a, int64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + ms * 1000000;
    until.tv_sec += ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    pthread_mutex_lock(&a->lock);
    if (!a->is_stopping && ms)
        pthread_cond_timedwait(&a->wake, &a->lock, &until);
    bool stops = a->is_stopping;
    pthread_mutex_unlock(&a->lock);
    return stops;
}

static void *follow_main(void *arg)
{
    struct automat *a = arg;
    bool is_more = false;
    while (!nap(a, is_more ? 0 : LOOK_MS))
        is_more = page(a);
    return NULL;
}

/* ---- sending ----------------------------------------------------------------------------------- */

static size_t running(const struct automat *a)
{
    return a->webhooks ? webhooks_running(a->webhooks) : 0;
}

static struct under_way *way_of(struct automat *a, int64_t automation)
{
    for (size_t i = 0; i < WEBHOOK_AT_ONCE; i++)
        if (a->under_way[i].is_used && a->under_way[i].d.automation.v == automation)
            return &a->under_way[i];
    return NULL;
}

static struct under_way *way_by_tag(struct automat *a, int64_t tag)
{
    for (size_t i = 0; i < WEBHOOK_AT_ONCE; i++)
        if (a->under_way[i].is_used && a->under_way[i].d.id.v == tag)
            return &a->under_way[i];
    return NULL;
}

static struct under_way *free_way(struct automat *a)
{
    for (size_t i = 0; i < WEBHOOK_AT_ONCE; i++)
        if (!a->under_way[i].is_used)
            return &a->under_way[i];
    return NULL;
}

struct claim {
    struct delivery_due *d;
    size_t n;
};
static enum err claim_apply(struct cx *cx, void *state)
{
    struct claim *c = state;
    return delivery_claim(cx, c->d, c->n);
}

struct outcome {
    struct delivery_due *d;
    const struct webhook_result *result;
    str reason;
};
static enum err outcome_apply(struct cx *cx, void *state)
{
    struct outcome *o = state;
    return delivery_done(cx, o->d, o->result, o->reason);
}

static void settle(struct automat *a, struct delivery_due *d, const struct webhook_result *r,
                   str reason)
{
    struct cx cx = cx_of(&a->sends);
    struct outcome o = {d, r, reason};
    complain("webhook.outcome",
             db_change(a->sends.house->store, &cx, LANE_BULK, outcome_apply, &o));
}

/* With the first message: most houses send none. */
static bool opened(struct automat *a)
{
    if (a->webhooks)
        return true;
    struct webhooks *w = webhooks_open(&(struct webhook_options){0});
    pthread_mutex_lock(&a->lock);
    a->webhooks = w;
    pthread_mutex_unlock(&a->lock);
    return w != NULL;
}

/* What is due, but for automations that have one under way, as many as there is room for. */
static size_t choose(struct automat *a, struct list *l)
{
    struct delivery_due *d = l->items;
    size_t n = 0, room = WEBHOOK_AT_ONCE - running(a);
    for (size_t i = 0; i < l->n && n < room; i++)
        if (!way_of(a, d[i].automation.v))
            d[n++] = d[i];
    return n;
}

static void begin(struct automat *a, struct cx *cx, struct delivery_due *d)
{
    struct webhook_request r = {0};
    str reason = {0};
    struct under_way *w = free_way(a);
    if (!d->is_mine || !w)
        return;
    enum err e = delivery_request(cx, d, &r, &reason);
    if (e != OK) {
        struct outcome o = {d, NULL, reason};
        complain("webhook.outcome",
                 db_change(a->sends.house->store, cx, LANE_BULK, outcome_apply, &o));
    } else if (webhooks_add(a->webhooks, &r)) {
        *w = (struct under_way){.d = *d, .is_used = true};
        w->d.event = w->d.ref = w->d.name = w->d.secret = w->d.url = (str){0};
    } /* else it is due again when the claim ends */
}

static void look(struct automat *a)
{
    struct worker *w = &a->sends;
    struct cx cx = cx_of(w);
    struct list l = {0};
    enum err e = read_begin(&cx);
    if (e == OK)
        e = delivery_next(&cx, &l);
    read_end(&cx);
    complain("webhook.look", e);
    size_t n = e == OK ? choose(a, &l) : 0;
    if (n == 0 || !opened(a))
        return;
    struct claim c = {l.items, n};
    e = db_change(w->house->store, &cx, LANE_BULK, claim_apply, &c);
    complain("webhook.claim", e);
    for (size_t i = 0; e == OK && i < n; i++)
        begin(a, &cx, &c.d[i]);
}

static void *send_main(void *arg)
{
    struct automat *a = arg;
    struct webhook_result r;
    int64_t looked = 0;
    while (!nap(a, running(a) ? 0 : LOOK_MS)) {
        if (running(a))
            webhooks_run(a->webhooks, LOOK_MS);
        bool has_ended = false;
        while (a->webhooks && webhooks_ended(a->webhooks, &r)) {
            struct under_way *w = way_by_tag(a, r.tag);
            has_ended = true;
            if (w) {
                settle(a, &w->d, &r, (str){0});
                w->is_used = false;
            }
        }
        int64_t now = clock_mono_ns();
        if (has_ended || now - looked >= LOOK_MS * 1000000LL) {
            looked = now;
            look(a);
        }
    }
    return NULL;
}

/* ---- open, close --------------------------------------------------------------------------------- */

static enum err worker_open(struct cx *cx, struct automat *a, struct worker *w,
                            void *(*main)(void *))
{
    w->arena = arena_open(ARENA_BYTES);
    if (!w->arena)
        return ERR_INTERNAL;
    TRY(store_reader(w->house->store, cx, &w->reader));
    w->has_thread = pthread_create(&w->thread, NULL, main, a) == 0;
    return w->has_thread ? OK : ERR_INTERNAL;
}

enum err automat_open(struct cx *cx, struct house *house, struct automat **out)
{
    struct automat *a = calloc(1, sizeof *a);
    *out = a;
    if (!a)
        return ERR_INTERNAL;
    a->follows.house = a->sends.house = house;
    pthread_mutex_init(&a->lock, NULL);
    cond_monotonic(&a->wake);
    TRY(worker_open(cx, a, &a->follows, follow_main));
    return worker_open(cx, a, &a->sends, send_main);
}

static void worker_close(struct worker *w)
{
    if (w->has_thread)
        pthread_join(w->thread, NULL);
    if (w->reader)
        reader_close(w->reader);
    arena_close(w->arena);
}

void automat_close(struct automat *a)
{
    if (!a)
        return;
    pthread_mutex_lock(&a->lock);
    a->is_stopping = true;
    pthread_cond_broadcast(&a->wake);
    if (a->webhooks)
        webhooks_wake(a->webhooks);
    pthread_mutex_unlock(&a->lock);
    worker_close(&a->follows);
    worker_close(&a->sends);
    webhooks_close(a->webhooks);
    pthread_mutex_destroy(&a->lock);
    pthread_cond_destroy(&a->wake);
    free(a);
}
