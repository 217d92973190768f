/* db/page_cache.c - sets of sixteen pages, each set with its lock; who was asked for again stays (CLOCK). */
#include "db/page_cache.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { WAYS = 16, OFTEN = 3 };

struct set {
    pthread_mutex_t lock;
    uint64_t writes; /* counts beginnings and ends */
    unsigned hand;
    uint8_t asked[WAYS];  /* since the hand passed, at most OFTEN */
    uint64_t place[WAYS]; /* and one; 0: free */
    uint16_t used;        /* a bit for each way that ever held a page */
};
struct page_cache {
    size_t n; /* a power of two */
    _Atomic size_t used;
    size_t page; /* bytes */
    uint8_t *pages;
    struct set sets[];
};

struct page_cache *page_cache_open(size_t bytes, size_t page)
{
    size_t n = 1;
    while (n * 2 * WAYS * page <= bytes)
        n *= 2;
    struct page_cache *c = calloc(1, sizeof *c + n * sizeof *c->sets);
    if (!c)
        return NULL;
    c->n = n;
    c->page = page;
    c->pages = calloc(n * WAYS, page); /* becomes resident as it is used */
    if (!c->pages) {
        free(c);
        return NULL;
    }
    for (size_t i = 0; i < n; i++)
        pthread_mutex_init(&c->sets[i].lock, NULL);
    return c;
}

void page_cache_close(struct page_cache *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->n; i++)
        pthread_mutex_destroy(&c->sets[i].lock);
    free(c->pages);
    free(c);
}

size_t page_cache_bytes(const struct page_cache *c)
{
    return c ? atomic_load_explicit(&c->used, memory_order_relaxed) * c->page : 0;
}

/* splitmix64 (Steele, Lea, Flood 2014): neighbours go to different sets. */
static struct set *locked(struct page_cache *c, uint64_t place)
{
    uint64_t h = place + 0x9e3779b97f4a7c15u;
    h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9u;
    h = (h ^ h >> 27) * 0x94d049bb133111ebu;
    struct set *s = &c->sets[(h ^ h >> 31) & (c->n - 1)];
    pthread_mutex_lock(&s->lock);
    return s;
}

static int way_of(const struct set *s, uint64_t place)
{
    for (int i = 0; i < WAYS; i++)
        if (s->place[i] == place + 1)
            return i;
    return -1;
}

static uint8_t *page_of(struct page_cache *c, const struct set *s, int way)
{
    return c->pages + ((size_t)(s - c->sets) * WAYS + (size_t)way) * c->page;
}

static void keep(struct page_cache *c, struct set *s, uint64_t place, const uint8_t *page)
{
    int way = way_of(s, place);
    if (way < 0) {
        while (s->asked[s->hand]) {
            s->asked[s->hand]--;
            s->hand = (s->hand + 1) % WAYS;
        }
        way = (int)s->hand;
        s->hand = (s->hand + 1) % WAYS;
        s->place[way] = place + 1;
        if (!(s->used & 1u << way)) {
            s->used = (uint16_t)(s->used | 1u << way);
            atomic_fetch_add_explicit(&c->used, 1, memory_order_relaxed);
        }
    }
    memcpy(page_of(c, s, way), page, c->page);
}

bool page_cache_get(struct page_cache *c, uint64_t place, uint8_t *page, uint64_t *seen)
{
    struct set *s = locked(c, place);
    int way = way_of(s, place);
    *seen = s->writes;
    if (way >= 0) {
        memcpy(page, page_of(c, s, way), c->page);
        if (s->asked[way] < OFTEN)
            s->asked[way]++;
    }
    pthread_mutex_unlock(&s->lock);
    return way >= 0;
}

void page_cache_put(struct page_cache *c, uint64_t place, const uint8_t *page, uint64_t seen)
{
    struct set *s = locked(c, place);
    if (s->writes == seen)
        keep(c, s, place, page);
    pthread_mutex_unlock(&s->lock);
}

static void forget(struct set *s, int way)
{
    s->place[way] = 0;
    s->asked[way] = 0;
}

void page_cache_write_begin(struct page_cache *c, uint64_t place)
{
    struct set *s = locked(c, place);
    int way = way_of(s, place);
    s->writes++;
    if (way >= 0)
        forget(s, way);
    pthread_mutex_unlock(&s->lock);
}

void page_cache_write_end(struct page_cache *c, uint64_t place, const uint8_t *page)
{
    struct set *s = locked(c, place);
    s->writes++;
    if (page)
        keep(c, s, place, page);
    pthread_mutex_unlock(&s->lock);
}

void page_cache_clear(struct page_cache *c)
{
    for (size_t i = 0; i < c->n; i++) {
        struct set *s = &c->sets[i];
        pthread_mutex_lock(&s->lock);
        s->writes++;
        for (int way = 0; way < WAYS; way++)
            forget(s, way);
        pthread_mutex_unlock(&s->lock);
    }
}
