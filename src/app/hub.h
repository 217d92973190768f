/* app/hub.h - committed events to open browsers: who sees which, rendered for them.
 *
 * The store's publish callback only enqueues; one thread with a read connection of its own routes,
 * renders (a card once per role and language) and sends. A stream ends within a second of its
 * session, token or role.
 */
#pragma once
#include "app/house.h"

/* Starts the thread and takes the store's events. h->store must be open; sets nothing in h. */
enum err hub_open(struct cx *cx, struct house *h, struct hub **out) MUST_USE;
/* Ends all streams and the thread; before http_close. Accepts NULL. */
void hub_stop(struct hub *hub);
/* After gate_close, when no request asks any more; before store_close. Accepts NULL. */
void hub_close(struct hub *hub);

/* GET /api/v1/events: a row of stream_routes. */
void hub_take(struct house *h, struct http_exchange *x, struct cx *cx);

/* A person opened a customer: its changes are told to their browsers for half an hour. Any thread;
 * cheap. The gate calls it after a GET below /api/v1/customers/{id}; a card that rang counts by
 * itself. */
void hub_opened(struct hub *hub, int64_t staff, int64_t customer);
/* Is any browser of this person connected? Any thread. */
bool hub_is_here(struct hub *hub, int64_t staff);

struct hub_figures {
    int64_t streams, events, sent, dropped, replayed, waiting,
        longest_us; /* longest: enqueue to sent, since the last reading */
};
void hub_figures(struct hub *hub, struct hub_figures *out);

extern const struct room hub_room; /* GET /desks */
