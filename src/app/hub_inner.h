/* app/hub_inner.h - what the hub is made of; only hub.c includes it. */
#pragma once
#include "app/hub.h"
#include "base/value.h"
#include <pthread.h>
#include <stdatomic.h>

enum {
    ITEMS_MAX = 200000, /* waiting; more and everybody loads anew */
    RECENT_MAX = 16384, /* events kept for streams that come back */
    REPLAY_MAX = 10000, /* events read from the store for one stream; more and it loads anew */
    CONNS_PER_PERSON = 16,
    SEATS = 1024,
    OPENED_MAX = 8, /* customers a person opened last */
    QUEUE_SLOTS = 16,
    CUSTOMERS_MAX = 8, /* of topics=customer:… */
};

struct conn;
struct item {
    enum { ITEM_EVENT, ITEM_JOIN, ITEM_GONE } kind;
    struct item *next;
    struct conn *conn;
    struct event event; /* its data stands behind the item */
    int64_t at_ns;
};

/* One open stream. Held by the hub and by the stream; whoever lets go last frees it. */
struct conn {
    _Atomic int refs;
    pthread_mutex_t lock;       /* guards hub, stream, is_ending */
    struct hub *hub;            /* NULL: the hub is gone */
    struct http_stream *stream; /* NULL: the client is gone */
    bool is_ending;

    int64_t staff_id; /* 0: a token */
    int64_t pass_id;  /* session or token */
    bool is_token;
    enum role role;
    enum lang lang;
    uint32_t topics;
    int64_t customers[CUSTOMERS_MAX];
    size_t n_customers;
    bool has_last, is_lost;
    int64_t last_xid, last_seq; /* where it was, by Last-Event-ID */

    /* the hub's thread */
    bool is_in;
    unsigned number;
    int64_t queue_version, queue_ns;
    struct conn *next, *prev, *seat_next;
    struct seat *seat;
    struct item join, gone;
};

/* A person with streams. */
struct seat {
    int64_t staff_id;
    struct conn *conns;
    unsigned n_conns;
    struct {
        int64_t customer_id, at_ns;
    } opened[OPENED_MAX];
    struct seat *next;
};

struct queue_chunk {
    struct http_chunk *chunk;
    int64_t version, made_ns;
};

struct hub {
    struct house *house;
    pthread_t thread;
    pthread_mutex_t lock; /* guards the line, the seats' lists and what was opened, the figures */
    pthread_cond_t wake;
    struct item *head, *tail;
    size_t n_items;
    bool is_overrun, is_stopping;
    struct hub_figures figures;
    struct seat *seats[SEATS];

    /* the thread's own */
    struct db *db;
    struct cx cx;
    struct conn *conns;
    unsigned n_conns, n_joined;
    int64_t xid, seq; /* delivered up to here */
    struct item *recent, *recent_last;
    size_t n_recent;
    struct queue_chunk queue[LANG_N];
    int64_t queue_version, queue_turn_ns;
    unsigned queue_slot;
    int64_t tasks_changed, tasks_ns, task_id, checked_ns;
    int64_t n_sent, n_dropped, n_events, n_replayed, longest_us;
};

static inline size_t seat_slot(int64_t staff)
{
    return (size_t)(((uint64_t)staff * 0x9e3779b97f4a7c15ull) >> 54);
}

/* hub.lock is held. */
static inline void seat_opened(struct seat *s, int64_t customer)
{
    size_t oldest = 0;
    for (size_t i = 0; i < OPENED_MAX; i++) {
        if (s->opened[i].customer_id == customer) {
            oldest = i;
            break;
        }
        if (s->opened[i].at_ns < s->opened[oldest].at_ns)
            oldest = i;
    }
    s->opened[oldest].customer_id = customer;
    s->opened[oldest].at_ns = clock_mono_ns();
}
