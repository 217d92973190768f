/* net/flow.c - bodies that are taken while they come, replies that are made while they leave.
 *
 * Between the polling thread and the handler's own thread lies a ring of 256 KB. When it is full
 * (or, on the way out, empty) the connection is suspended, so a slow handler slows the client and a
 * slow client the handler, and nothing else waits for either. Everything here is under
 * exchange.lock. */
#include "net/http.h"
#include "base/cond.h"

#include <errno.h>
#include <sys/socket.h>
#include <time.h>

#include "base/value.h"
#include "net/http_inner.h"

enum { RING = 256 * 1024, WAIT_MS = 500, SLOW_S = 30 };

struct flow {
    pthread_cond_t bell;
    char *ring;
    size_t from, n;
    bool is_whole;     /* in: the body is all there; out: the handler has ended */
    bool is_cut;       /* out: ended before it was whole */
    bool is_over;      /* no more bytes go through: gone, too big, forced */
    bool is_suspended; /* whoever sets it back resumes */
    bool is_out;
    int64_t suspended_ns;
    str raw; /* an answer given before the body was whole */
};

struct flow *flow_new(void)
{
    struct flow *f = calloc(1, sizeof *f);
    char *ring = malloc(RING);
    if (!f || !ring) {
        free(f);
        free(ring);
        return NULL;
    }
    f->ring = ring;
    cond_monotonic(&f->bell);
    return f;
}

void flow_free(struct flow *f)
{
    if (!f)
        return;
    pthread_cond_destroy(&f->bell);
    free(f->ring);
    free(f);
}

static size_t ring_put(struct flow *f, const char *p, size_t n)
{
    size_t taken = n < RING - f->n ? n : RING - f->n, at = (f->from + f->n) % RING;
    size_t head = taken < RING - at ? taken : RING - at;
    memcpy(f->ring + at, p, head);
    memcpy(f->ring, p + head, taken - head);
    f->n += taken;
    return taken;
}

static size_t ring_take(struct flow *f, char *to, size_t n)
{
    size_t taken = n < f->n ? n : f->n, head = taken < RING - f->from ? taken : RING - f->from;
    memcpy(to, f->ring + f->from, head);
    memcpy(to + head, f->ring, taken - head);
    f->from = (f->from + taken) % RING;
    f->n -= taken;
    return taken;
}

static void bell_wait(struct flow *f, pthread_mutex_t *lock)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (int64_t)WAIT_MS * NS_PER_MS;
    if (until.tv_nsec >= NS_PER_S) {
        until.tv_nsec -= NS_PER_S;
        until.tv_sec++;
    }
    pthread_cond_timedwait(&f->bell, lock, &until);
}

/* exchange.lock is held. What the wait took is not the client's slowness. */
static void resume(struct http_exchange *x, struct flow *f)
{
    if (!f->is_suspended || !x->mhd)
        return;
    f->is_suspended = false;
    if (!f->is_out)
        x->body_started_ns += clock_mono_ns() - f->suspended_ns;
    MHD_resume_connection(x->mhd);
}

/* exchange.lock is held. */
static void suspend(struct http_exchange *x, struct flow *f)
{
    deadline_set(x->conn, 0);
    f->suspended_ns = clock_mono_ns();
    MHD_suspend_connection(x->mhd);
    f->is_suspended = true;
}

/* ---- in: on the polling thread --------------------------------------------------------------- */

enum flow_fate flow_take(struct http_exchange *x, const char *p, size_t *n)
{
    struct flow *f = x->flow;
    pthread_mutex_lock(&x->lock);
    enum flow_fate fate = FLOW_GOES_ON;
    if (x->is_answered) {
        fate = FLOW_ANSWERED;
    } else if (atomic_load(&x->server->is_forced)) {
        f->is_over = true;
        fate = FLOW_CUT;
    } else if (*n > x->body_limit - x->body_len) {
        f->is_over = true;
        fate = FLOW_TOO_BIG;
    } else {
        size_t taken = ring_put(f, p, *n);
        x->body_len += taken;
        *n -= taken;
        if (*n > 0)
            suspend(x, f);
    }
    pthread_cond_broadcast(&f->bell);
    pthread_mutex_unlock(&x->lock);
    return fate;
}

void flow_whole(struct http_exchange *x)
{
    pthread_mutex_lock(&x->lock);
    x->flow->is_whole = true;
    pthread_cond_broadcast(&x->flow->bell);
    pthread_mutex_unlock(&x->lock);
}

void flow_over(struct http_exchange *x)
{
    x->flow->is_over = true;
    x->flow->is_suspended = false;
    pthread_cond_broadcast(&x->flow->bell);
}

bool flow_wake(struct http_exchange *x)
{
    bool was = x->flow->is_suspended;
    x->flow->is_suspended = false;
    return was;
}

bool flow_is_early(const struct http_exchange *x)
{
    return !x->flow->is_whole && !x->flow->is_out;
}

void flow_raw_set(struct http_exchange *x, str raw)
{
    x->flow->raw = raw;
}

str flow_raw(const struct http_exchange *x)
{
    return x->flow->raw;
}

/* ---- in: on the handler's thread ------------------------------------------------------------- */

ssize_t http_body_read(struct http_exchange *x, char *to, size_t n)
{
    struct flow *f = x->flow;
    pthread_mutex_lock(&x->lock);
    while (f->n == 0 && !f->is_whole && !f->is_over && x->conn &&
           !atomic_load(&x->server->is_closing))
        bell_wait(f, &x->lock);
    ssize_t got = -1;
    if (f->n > 0)
        got = (ssize_t)ring_take(f, to, n);
    else if (f->is_whole)
        got = 0;
    if (got > 0 && f->n < RING / 2)
        resume(x, f);
    pthread_mutex_unlock(&x->lock);
    return got;
}

/* ---- out ------------------------------------------------------------------------------------- */

static ssize_t pull(void *arg, uint64_t position, char *buf, size_t max)
{
    (void)position;
    struct http_exchange *x = arg;
    struct flow *f = x->flow;
    pthread_mutex_lock(&x->lock);
    ssize_t got = (ssize_t)ring_take(f, buf, max);
    if (got > 0) {
        if (x->conn)
            deadline_set(x->conn, clock_mono_ns() + SLOW_S * NS_PER_S);
    } else if (f->is_over || f->is_whole || atomic_load(&x->server->is_forced)) {
        /* Not END_WITH_ERROR (stream.c says why): a cut connection ends without the last chunk. */
        if (f->is_cut && x->conn)
            shutdown(x->conn->fd, SHUT_RDWR);
        got = MHD_CONTENT_READER_END_OF_STREAM;
    } else {
        suspend(x, f);
    }
    pthread_cond_broadcast(&f->bell);
    pthread_mutex_unlock(&x->lock);
    return got;
}

bool http_flow_begin(struct http_exchange *x, int status, str content_type,
                     const struct http_header *headers, size_t n)
{
    struct flow *f = x->flow ? x->flow : flow_new();
    struct MHD_Response *r =
        f ? MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 32 * 1024, pull, x, NULL) : NULL;
    if (!r) {
        if (f && f != x->flow)
            flow_free(f);
        http_reply(x, 503, (str){0}, NULL, 0, (str){0}, true);
        return false;
    }
    response_headers(x, r, content_type, headers, n);
    pthread_mutex_lock(&x->lock);
    f->is_out = true;
    f->is_whole = false;
    f->from = f->n = 0;
    f->is_over = x->conn == NULL;
    x->flow = f;
    pthread_mutex_unlock(&x->lock);
    atomic_fetch_add(&x->refs, 1); /* the writer's, until http_flow_end */
    x->reply_len = 0;
    exchange_answer(x, (unsigned)status, r);
    return true;
}

bool http_flow_write(struct http_exchange *x, str bytes)
{
    struct flow *f = x->flow;
    pthread_mutex_lock(&x->lock);
    while (bytes.len && !f->is_over && !atomic_load(&x->server->is_closing)) {
        size_t taken = ring_put(f, bytes.ptr, bytes.len);
        bytes = (str){bytes.ptr + taken, bytes.len - taken};
        if (taken)
            resume(x, f);
        if (bytes.len)
            bell_wait(f, &x->lock);
    }
    pthread_mutex_unlock(&x->lock);
    return bytes.len == 0;
}

void http_flow_end(struct http_exchange *x, bool is_whole)
{
    struct flow *f = x->flow;
    pthread_mutex_lock(&x->lock);
    f->is_whole = true;
    f->is_cut = !is_whole;
    resume(x, f);
    pthread_mutex_unlock(&x->lock);
    exchange_drop(x);
}
