/* app/house.h - what the process owns. Rooms carry a pointer to it in cx->house and never look
 * inside. */
#pragma once
#include "db/event.h"
#include "net/route.h"

struct gate;
struct hub;
struct import_desk;
struct flows;
struct finder;
struct follow;
struct automat;
struct source;
struct house {
    struct store *store;
    struct http_server *http;
    struct gate *gate;
    struct hub *hub;
    struct import_desk *imports;
    struct flows *flows;
    struct finder *finder;
    struct automat *automat;
    struct follow *follow; /* app/keep: backups that make themselves; NULL: none */
    struct source *source; /* what is known of addresses and domains */
    str data_dir, key_file, tls_cert;
    bool has_proxies;
    int64_t started_ms;
    bool is_demo;
};

/* All rooms, in the order of the floors (app/rooms.c). */
extern const struct room *const rooms[];
extern const size_t rooms_n;

/* A path that keeps its exchange: the gate finds out who it is and whether they may, then hands it
 * over. */
struct stream_route {
    const char *path;
    uint32_t may, scope;
    /* On a worker; must not block. cx->actor, cx->lang, cx->peer are set; cx and its arena live as
     * long as the exchange. */
    void (*take)(struct house *h, struct http_exchange *x, struct cx *cx);
    const char *summary;
    enum http_method method; /* GET, or one whose body flows (http_body_read) */
    int64_t body_limit;
    const char *takes, *gives; /* media types, for the documents; gives NULL: text/event-stream */
    const struct shape *in;    /* of the query */
};
extern const struct stream_route stream_routes[]; /* app/rooms.c */
extern const size_t stream_routes_n;
