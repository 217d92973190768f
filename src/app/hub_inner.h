/* app/hub_inner.h - what the hub is made of; only hub.c and hub_render.c include it. */
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
    EARLY_MAX = 32,     /* rings of one stream that are sent before their turn */
    SHOWN_MAX = 16,     /* rings that a stream was shown last */
    ANNOUNCED = 512,
    RENDERERS_MAX = 4,
    NAMES = 1024,      /* of people, kept for call.answered */
    CUSTOMERS_MAX = 8, /* of topics=customer:… */
};

enum topic {
    TOPIC_CALL = 1,
    TOPIC_CUSTOMER = 2,
    TOPIC_QUEUE = 4,
    TOPIC_STAFF = 8,
    TOPIC_TASK = 16,
    TOPIC_ALL = 31
};

/* A ring as one kind of person sees it. */
struct view {
    enum role role;
    enum lang lang;
    struct http_chunk *chunk; /* NULL: there is nothing to show */
};
struct views {
    struct view v[ROLE_N * LANG_N];
    size_t n;
    bool is_over; /* it rang when it was told of, and no longer when it was rendered */
};

struct conn;
struct item {
    enum { ITEM_EVENT, ITEM_EARLY, ITEM_JOIN, ITEM_GONE } kind; /* early: a ring before its turn */
    struct item *next;
    struct conn *conn;
    struct event event; /* its data stands behind the item */
    int64_t at_ns;
    /* a ring: rendered ahead, while it stands in line */
    bool is_rendered; /* guarded by hub.render_lock */
    struct item *render_next;
    struct views *views; /* of a ring, until it is sent */
    struct item *early_next;
    bool is_sent; /* early: its turn came first */
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
    int64_t early[EARLY_MAX]; /* rings that were sent before their turn */
    unsigned n_early;
    int64_t shown[SHOWN_MAX]; /* calls whose ring it was shown */
    unsigned n_shown;
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

struct renderer {
    struct hub *hub;
    pthread_t thread;
    bool is_running;
    struct db *db;
    struct cx cx;
    uint64_t plans_turn; /* the store's, when its connection made the plans of a card last */
};

struct name_kept {
    int64_t staff;
    size_t len;
    char name[120];
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
    int64_t announced[ANNOUNCED]; /* rings that were put in line before their turn, the latest */
    unsigned n_announced;
    struct seat *seats[SEATS];

    /* rings that wait to be rendered */
    pthread_mutex_t render_lock;
    pthread_cond_t render_wake, rendered;
    struct item *render_head, *render_tail;
    struct item *early; /* from the announcement on until the hub has done with them */
    bool renders_end;
    struct renderer renderers[RENDERERS_MAX];

    /* the thread's own */
    struct name_kept names[NAMES];
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
    int64_t tasks_changed, tasks_ns, task_id, checked_ns, customers_changed, customers_ns;
    enum store_state told; /* house.state */
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

static inline bool conn_may(const struct conn *c, uint32_t roles, enum topic topic)
{
    return (MAY(c->role) & roles) && (c->topics & (uint32_t)topic);
}

/* Puts into line. False: the hub has stopped. */
bool hub_add(struct hub *h, struct item *i);

/* ---- hub_render.c ------------------------------------------------------------------------------
 */

/* One event as bytes; `at` NULL: without a place. */
struct http_chunk *event_chunk(struct arena *a, const struct event *at, const char *type, str data);
/* Unknown: the store could not be asked. */
enum ring_state { RING_UNKNOWN, RING_ON, RING_OVER };
/* Call, card and intake as this kind of person sees them; NULL: nothing to show. state: asks whether it rings yet, and shows
 * nothing when it does not; NULL: shown however it stands. */
struct http_chunk *render_ring(struct cx *cx, const struct event *ring, enum role role,
                               enum lang lang, int64_t staff, enum ring_state *state);
void views_free(struct views *vs);

/* Rings are rendered by a few threads while they stand in line, so that one after the other costs
 * no more than the slowest; they are sent in order all the same. */
enum err renderers_open(struct cx *cx, struct hub *h) MUST_USE;
void renderers_close(struct hub *h);
void render_add(struct hub *h, struct item *i);
void render_wait(struct hub *h, struct item *i);
/* The ring that was announced and not sent yet, rendered; NULL: there is none. */
struct item *early_of(struct hub *h, int64_t seq);
void early_end(struct hub *h, struct item *i);
void early_free(struct item *i);
