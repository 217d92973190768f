/* net/http.h - the HTTP port: bytes in, one struct request; one reply or one stream out.
 *
 * libmicrohttpd behind our guard. The handler runs on a polling thread and must not block: it hands
 * the exchange to a worker and returns. The exchange is answered exactly once, from any thread.
 * Refused before the handler: ambiguous framing, missing or double Host, NUL and control bytes in
 * the path, too many or too large headers, bodies over the route's limit, everything past an
 * absolute deadline.
 */
#pragma once
#include "base/base.h"
#include <sys/types.h>

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PUT,
    HTTP_PATCH,
    HTTP_DELETE,
    HTTP_OPTIONS,
    HTTP_METHOD_N
};
extern const char *const http_method_names[HTTP_METHOD_N];

struct http_header {
    str name, value;
};
struct http_exchange; /* opaque */
struct http_request {
    enum http_method method;
    str path;  /* decoded, normalised; no '..', no NUL; begins with '/' */
    str query; /* as sent, behind '?' */
    str body;
    str peer;    /* client address: the right-most untrusted hop when a listed proxy forwards */
    bool is_tls; /* here, or at a listed proxy that says so (X-Forwarded-Proto) */
    bool is_loopback_peer; /* false for what any proxy forwarded from elsewhere */
    uint64_t number;       /* for log lines */
    int64_t started_ns;    /* monotonic, when the request line was read */
};

struct http_server;
struct http_options {
    str host;                        /* "127.0.0.1", "::1", "0.0.0.0" … */
    uint16_t port;                   /* 0: a free one */
    str tls_cert_file, tls_key_file; /* empty: clear text; read again on http_reload_tls */
    const str *proxies;              /* addresses or CIDR whose X-Forwarded-For counts */
    size_t n_proxies;
    unsigned threads;         /* 0: 2 */
    unsigned max_connections; /* 0: by RLIMIT_NOFILE, at most 4,096 */
    unsigned max_per_peer;    /* 0: 64, loopback and listed proxies apart */
    unsigned
        header_seconds; /* absolute, for the head, and the grace of bodies and replies; 0: 10 */
    unsigned
        body_bytes_per_second; /* slower bodies and slower readers of replies are cut; 0: 500 */
    unsigned idle_seconds;     /* between requests; 0: 60 */
    unsigned beat_seconds;     /* a silent stream gets a comment line; 0: 20 */
    /* Called when the headers are there, before the body: the body limit of this request in bytes,
     * or 0 when none is wanted (a body is then 413). Must be quick. Asked only when a body is
     * announced. */
    size_t (*body_limit)(void *arg, enum http_method m, str path);
    /* Is the body of this request taken while it comes (http_body_read)? Then `handle` is called as
     * soon as the head is there. Asked only when a body is announced. NULL: never. */
    bool (*takes_flow)(void *arg, enum http_method m, str path);
    /* Called when the request is whole. Must not block. */
    void (*handle)(void *arg, struct http_exchange *x);
    void *arg;
};
/* A non-loopback host without TLS and without a listed proxy is refused (ERR_INVALID, sentence in
 * cx->why); without TLS only listed proxies and loopback may connect. Threads made here block all
 * signals. */
enum err http_open(struct cx *cx, const struct http_options *o, struct http_server **out) MUST_USE;
uint16_t http_port(const struct http_server *s);
/* Stops accepting, ends streams, waits at most wait_ms for exchanges in flight; a later answer to
 * one of the others is safe and goes nowhere. */
void http_close(struct http_server *s, unsigned wait_ms);
enum err http_reload_tls(struct http_server *s, struct cx *cx);

const struct http_request *http_request(const struct http_exchange *x);
/* Value of a request header (case-insensitive), empty when absent. */
str http_header_of(const struct http_exchange *x, const char *name);
/* Value of a cookie, empty when absent or when two of the name differ. */
str http_cookie_of(const struct http_exchange *x, const char *name);
/* Has the client hung up? For long work that would be done for nobody. Not after the answer. */
bool http_client_is_gone(struct http_exchange *x);
/* Memory that lives as long as the exchange. */
struct arena *http_arena(struct http_exchange *x);
/* A slot for the owner of the exchange (the gate's request); freed with the exchange, on any
 * thread. */
void http_set_owner(struct http_exchange *x, void *owner, void (*free_owner)(void *owner));
void *http_owner(const struct http_exchange *x);
/* Answers; after it the exchange must not be touched. body is copied unless `body_lives` (it then
 * lives as long as the exchange, or for ever). Standard security headers are added by the port.
 * HEAD sends no body. */
void http_reply(struct http_exchange *x, int status, str content_type,
                const struct http_header *headers, size_t n, str body, bool body_lives);

/* ---- bodies that flow ---------------------------------------------------------------------------
 * For a thread of the handler's own: these calls block. Between it and the client lie at most 256 KB;
 * a handler that does not read slows the client down. */

/* The next bytes of the body, at least one; 0: it is whole; -1: the client is gone, too slow, over
 * the limit, or the server is closing. An answer given before the end cuts the client off. */
ssize_t http_body_read(struct http_exchange *x, char *to, size_t n);
/* Answers with a body that is written piece by piece. False: it cannot be begun; x is answered. */
bool http_flow_begin(struct http_exchange *x, int status, str content_type,
                     const struct http_header *headers, size_t n);
/* Blocks while the client is slow; false: it is gone, write no more. */
bool http_flow_write(struct http_exchange *x, str bytes);
/* Always after begin; x must not be touched then. Not whole: the connection is cut, so that the
 * client does not take the half for all of it. */
void http_flow_end(struct http_exchange *x, bool is_whole);

/* ---- streams (Server-Sent Events) ------------------------------------------------------------ */
struct http_stream;
/* A chunk shared by many streams: counted references. */
struct http_chunk;
struct http_chunk *http_chunk_new(str bytes);
void http_chunk_free(struct http_chunk *c); /* drops the caller's reference */
/* Turns the exchange into a stream: headers leave at once, a comment line each 20 s keeps it alive.
 * `closed` is called once, on a polling thread, when the stream is over: client gone, dropped, or
 * http_stream_end done. Until it returns the stream may be used. It may be called before
 * http_stream_begin has returned: hold the lock that `closed` takes while beginning. NULL when the
 * server is closing or memory is out; the exchange is answered then and `closed` is not called. */
struct http_stream *http_stream_begin(struct http_exchange *x, str content_type,
                                      const struct http_header *headers, size_t n,
                                      void (*closed)(void *arg), void *arg);
/* Queues a chunk; false (and the stream ends after `retry: 3000`) when the client is 256 KB or 500
 * chunks behind. */
bool http_stream_send(struct http_stream *s, struct http_chunk *c);
void http_stream_end(struct http_stream *s);

struct http_figures {
    int64_t connections, streams, requests, refused, cut_slow;
};
void http_figures(const struct http_server *s, struct http_figures *out);
