/* app/lanes.c - the workers and the lines before them. */
#include "app/lanes.h"
#include "app/errand.h"
#include <unistd.h>

enum { PASSWORD_THREADS = 3, WORKERS_MAX = 64 };
static const size_t line_limit[LANE_KINDS] = {8000, 4000, 400, 48};
enum { STACK_BYTES = 1 << 20 };

struct worker {
    struct lanes *lanes;
    pthread_t thread;
    pthread_cond_t bell;
    struct worker *below; /* in the pile of sleepers */
    bool is_asleep;
    uint32_t serves; /* bits of lane_kind */
    struct db *db;   /* opened at the first errand */
};
enum crew { CREW_FAST, CREW_COMMON, CREW_PASSWORDS, CREWS };
struct line {
    struct errand *first, **end;
    size_t n;
};
struct lanes {
    struct store *store;
    void (*run)(struct errand *e, struct db *db);
    pthread_mutex_t lock;
    struct worker *asleep[CREWS]; /* who slept last wakes first */
    struct line line[LANE_KINDS];
    unsigned heavy_running, heavy_most;
    bool is_closing;
    size_t n;
    struct worker workers[WORKERS_MAX];
};

static struct errand *line_take(struct line *l)
{
    struct errand *e = l->first;
    if (e) {
        l->first = e->next;
        if (!l->first)
            l->end = &l->first;
        l->n--;
        e->next = NULL;
    }
    return e;
}

/* The next errand for a worker, under the lock. */
static struct errand *take(struct lanes *l, uint32_t serves, enum lane_kind *kind)
{
    for (int k = 0; k < LANE_KINDS; k++) {
        if (!(serves & 1u << k) || (k == LANE_HEAVY && l->heavy_running >= l->heavy_most))
            continue;
        struct errand *e = line_take(&l->line[k]);
        if (e) {
            *kind = (enum lane_kind)k;
            l->heavy_running += k == LANE_HEAVY;
            return e;
        }
    }
    return NULL;
}

static enum crew crew_of(const struct worker *w)
{
    if (w->serves == 1u << LANE_FAST)
        return CREW_FAST;
    return w->serves & 1u << LANE_PASSWORDS ? CREW_PASSWORDS : CREW_COMMON;
}

static bool wake(struct lanes *l, enum crew c)
{
    struct worker *w = l->asleep[c];
    if (!w)
        return false;
    l->asleep[c] = w->below;
    w->is_asleep = false;
    pthread_cond_signal(&w->bell);
    return true;
}

static void fall_asleep(struct lanes *l, struct worker *w)
{
    enum crew c = crew_of(w);
    w->below = l->asleep[c];
    l->asleep[c] = w;
    w->is_asleep = true;
    while (w->is_asleep)
        pthread_cond_wait(&w->bell, &l->lock);
}

static struct db *connection(struct worker *w)
{
    if (w->db)
        return w->db;
    struct cx cx = {.arena = arena_open(1 << 16)};
    if (!cx.arena || store_reader(w->lanes->store, &cx, &w->db) != OK)
        w->db = NULL;
    arena_close(cx.arena);
    return w->db;
}

static void *work(void *arg)
{
    struct worker *w = arg;
    struct lanes *l = w->lanes;
    pthread_mutex_lock(&l->lock);
    for (;;) {
        enum lane_kind kind = LANE_FAST;
        struct errand *e = take(l, w->serves, &kind);
        if (!e) {
            if (l->is_closing)
                break;
            fall_asleep(l, w);
            continue;
        }
        pthread_mutex_unlock(&l->lock);
        l->run(e, connection(w));
        pthread_mutex_lock(&l->lock);
        if (kind == LANE_HEAVY) {
            l->heavy_running--;
            if (l->line[LANE_HEAVY].n)
                (void)wake(l, CREW_COMMON);
        }
    }
    pthread_mutex_unlock(&l->lock);
    reader_close(w->db);
    return NULL;
}

static bool worker_start(struct lanes *l, uint32_t serves)
{
    struct worker *w = &l->workers[l->n];
    *w = (struct worker){.lanes = l, .serves = serves};
    pthread_cond_init(&w->bell, NULL);
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    bool is_up = pthread_create(&w->thread, &attr, work, w) == 0;
    pthread_attr_destroy(&attr);
    l->n += is_up;
    return is_up;
}

struct lanes *lanes_open(struct store *s, unsigned workers,
                         void (*run)(struct errand *e, struct db *db))
{
    struct lanes *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    if (workers == 0) {
        long cores = sysconf(_SC_NPROCESSORS_ONLN);
        workers = cores > 4 ? (unsigned)cores : 4;
    }
    if (workers < 2)
        workers = 2;
    if (workers > WORKERS_MAX - PASSWORD_THREADS - 1)
        workers = WORKERS_MAX - PASSWORD_THREADS - 1;
    l->store = s;
    l->run = run;
    l->heavy_most = workers - 1;
    pthread_mutex_init(&l->lock, NULL);
    for (int k = 0; k < LANE_KINDS; k++)
        l->line[k].end = &l->line[k].first;
    bool is_up = worker_start(l, 1u << LANE_FAST);
    for (unsigned i = 0; is_up && i < workers; i++)
        is_up = worker_start(l, 1u << LANE_FAST | 1u << LANE_COMMON | 1u << LANE_HEAVY);
    for (unsigned i = 0; is_up && i < PASSWORD_THREADS; i++)
        is_up = worker_start(l, 1u << LANE_PASSWORDS);
    if (!is_up) {
        lanes_close(l);
        return NULL;
    }
    return l;
}

void lanes_close(struct lanes *l)
{
    if (!l)
        return;
    pthread_mutex_lock(&l->lock);
    l->is_closing = true;
    for (int c = 0; c < CREWS; c++)
        while (wake(l, (enum crew)c))
            ;
    pthread_mutex_unlock(&l->lock);
    for (size_t i = 0; i < l->n; i++) {
        pthread_join(l->workers[i].thread, NULL);
        pthread_cond_destroy(&l->workers[i].bell);
    }
    pthread_mutex_destroy(&l->lock);
    free(l);
}

static bool add(struct lanes *l, enum lane_kind k, struct errand *e, bool is_owed)
{
    pthread_mutex_lock(&l->lock);
    struct line *line = &l->line[k];
    bool fits = is_owed || (line->n < line_limit[k] && !l->is_closing);
    if (fits) {
        e->next = NULL;
        *line->end = e;
        line->end = &e->next;
        line->n++;
        if (k == LANE_PASSWORDS)
            (void)wake(l, CREW_PASSWORDS);
        else if (k != LANE_FAST || !wake(l, CREW_FAST))
            (void)wake(l, CREW_COMMON);
    }
    pthread_mutex_unlock(&l->lock);
    return fits;
}

bool lanes_add(struct lanes *l, enum lane_kind k, struct errand *e)
{
    return add(l, k, e, false);
}

void lanes_add_owed(struct lanes *l, enum lane_kind k, struct errand *e)
{
    (void)add(l, k, e, true);
}

int64_t lanes_waiting(struct lanes *l)
{
    pthread_mutex_lock(&l->lock);
    size_t n = 0;
    for (int k = 0; k < LANE_KINDS; k++)
        n += l->line[k].n;
    pthread_mutex_unlock(&l->lock);
    return (int64_t)n;
}
