/* net/http_inner.h - what the files of the HTTP port share; nobody outside net includes it.
 *
 * Threads: the polling threads of libmicrohttpd run the callbacks of http.c; one keeper thread
 * (keeper.c) accepts connections, holds their deadlines, notices clients that went away and beats
 * for silent streams; handlers answer from any thread. Locks, taken in this order: server.lock,
 * exchange.lock or stream.lock, server.flush_lock, then libmicrohttpd's own. Callbacks of
 * libmicrohttpd come without any of its locks held.
 */
#pragma once
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "net/guard.h"

enum { NS_PER_MS = 1000000 };
#define NS_PER_S INT64_C(1000000000)

/* FRESH: no request yet; IDLE: between requests. */
enum conn_phase { CONN_FRESH, CONN_BUSY, CONN_IDLE };

struct conn {
    struct http_server *server;
    struct conn *prev, *next;
    struct MHD_Connection *mhd;  /* known from the first callback on */
    struct http_stream *stream;  /* under server.lock */
    struct http_exchange *x;     /* under server.lock: the request being served */
    _Atomic int64_t deadline_ns; /* the connection is shut down when it passes; 0: none */
    _Atomic int phase;           /* enum conn_phase */
    _Atomic bool wants_linger;   /* unread bytes may be waiting: close gently */
    _Atomic bool is_gone;        /* the client has hung up */
    bool is_proxy, is_cut;
    bool is_counted;
    unsigned daemon;
    int fd;
    struct net_addr addr;
};

struct farewell {
    int fd;
    int64_t until_ns;
};

struct http_server {
    struct http_options options; /* texts live in `own` */
    struct arena *own;
    struct net_block *proxies;
    size_t n_proxies;
    struct MHD_Daemon **daemons;
    _Atomic unsigned *daemon_conns;
    unsigned n_daemons;
    struct tls *tls;   /* NULL: clear text */
    bool only_proxies; /* clear text outside loopback: nobody else may connect */

    pthread_t keeper;
    bool has_keeper;
    int listen_fd, epoll_fd, wake_fd, flush_fd;
    uint16_t port;
    int64_t paused_until_ns; /* keeper only; accepting again after it */
    bool is_paused;

    pthread_mutex_t lock; /* guards what follows */
    struct conn *conns;
    struct conn **by_fd;
    size_t n_by_fd;
    size_t n_conns;
    struct peer **peers;
    struct farewell lingers[256];
    size_t n_lingers;

    pthread_mutex_t flush_lock;
    struct http_stream *dirty;
    bool is_flush_armed;

    pthread_mutex_t arena_lock;
    struct arena *arenas[64];
    size_t n_arenas;

    _Atomic int refs; /* the owner's and one of each exchange */
    _Atomic bool is_closing, is_forced, must_stop;
    _Atomic int64_t body_bytes; /* of all bodies being received */
    _Atomic int64_t streams, requests, refused, cut_slow;
    _Atomic uint64_t number;
    _Atomic int64_t log_window_ns, log_lines;
};

/* NEW: the request line is there. BODY: the head was accepted. HANDLING: inside handle().
 * SUSPENDED: the handler will answer from another thread. READY: it has; the polling thread sends.
 * SENDING: handed to libmicrohttpd. OVER: the connection is gone. */
enum exchange_state { X_NEW, X_BODY, X_HANDLING, X_SUSPENDED, X_READY, X_SENDING, X_OVER };

struct http_exchange {
    struct http_request request;
    struct http_server *server;
    struct conn *conn;          /* NULL once the connection is gone */
    struct MHD_Connection *mhd; /* the same */
    pthread_mutex_t lock;       /* state, conn, mhd, response */
    _Atomic int refs;           /* libmicrohttpd's side and the handler's */
    enum exchange_state state;
    bool is_answered, must_close;
    unsigned status;
    struct MHD_Response *response;
    struct http_stream *stream;
    struct flow *flow; /* flow.c; NULL: body and reply are whole texts */
    struct http_header *headers;
    size_t n_headers;
    char *head; /* the head's bytes, which headers point into */
    char *body;
    size_t body_len, body_cap, body_limit, reply_len;
    int64_t body_started_ns;
    struct arena *arena;
    void *owner;
    void (*free_owner)(void *owner);
    char peer[NET_ADDR_TEXT];
    size_t uri_len;
    char uri[]; /* as sent; the path is decoded in place */
};

/* http.c */
/* Hands the answer over and drops the handler's reference. */
void exchange_answer(struct http_exchange *x, unsigned status, struct MHD_Response *r);
/* Adds the caller's headers and the standard ones. */
void response_headers(struct http_exchange *x, struct MHD_Response *r, str content_type,
                      const struct http_header *headers, size_t n);

void exchange_drop(struct http_exchange *x);

/* flow.c */
struct flow *flow_new(void);
void flow_free(struct flow *f); /* accepts NULL */
/* A piece of the body; *n: what was not taken (the connection is suspended then). */
enum flow_fate { FLOW_GOES_ON, FLOW_ANSWERED, FLOW_TOO_BIG, FLOW_CUT };
enum flow_fate flow_take(struct http_exchange *x, const char *p, size_t *n);
void flow_whole(struct http_exchange *x);
/* exchange.lock is held: the connection is gone; was it suspended for the flow's sake (the caller
 * resumes); is an answer now one before the end of the body. */
void flow_over(struct http_exchange *x);
bool flow_wake(struct http_exchange *x);
bool flow_is_early(const struct http_exchange *x);
/* An early answer as the bytes to send: in the middle of a body libmicrohttpd takes none. */
void flow_raw_set(struct http_exchange *x, str raw);
str flow_raw(const struct http_exchange *x);

/* keeper.c */
bool keeper_open(struct http_server *s);
void keeper_wake(struct http_server *s);
void keeper_close(struct http_server *s);
void keeper_on_connection(void *arg, struct MHD_Connection *c, void **socket_context,
                          enum MHD_ConnectionNotificationCode code);
void deadline_set(struct conn *c, int64_t ns);

/* stream.c */
void stream_beat(struct http_stream *s, int64_t now_ns);
void stream_client_gone(struct http_stream *s);
void stream_flush(struct http_server *server);
/* Ends with a retry line; for a server that closes. */
void stream_over(struct http_stream *s);
/* Calls `closed` and frees it. */
void stream_closed(struct http_stream *s);

/* tls.c */
enum err tls_open(struct cx *cx, const struct http_options *o, struct tls **out) MUST_USE;
enum err tls_reload(struct tls *t, struct cx *cx) MUST_USE;
void tls_close(struct tls *t);
/* For MHD_OPTION_HTTPS_CERT_CALLBACK: the certificate in force. */
int tls_certificate(gnutls_session_t session, const gnutls_datum_t *ca, int n_ca,
                    const gnutls_pk_algorithm_t *algos, int n_algos, gnutls_pcert_st **pcert,
                    unsigned int *n_pcert, gnutls_privkey_t *key);
extern const char tls_priorities[];
