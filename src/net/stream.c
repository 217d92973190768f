/* net/stream.c - event streams: shared chunks, a bounded queue per client, as few wake-ups as
 * events allow.
 *
 * libmicrohttpd pulls: when the queue is empty the connection is suspended, a chunk resumes it. A
 * stream that was woken a moment ago is not woken for each further chunk but once for all of them,
 * by the keeper's timer; so a storm of events costs each client FLUSH_NS apart one wake-up and one
 * write. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include "base/value.h"
#include "net/http_inner.h"

enum {
    QUEUE_BYTES = 256 * 1024,
    QUEUE_CHUNKS = 500,
    RING_MAX = 512, /* a power of two; room for the retry line beside a full queue */
    SEND_BUFFER = 64 * 1024,
    STALL_MS = 30 * 1000,
};
#define FLUSH_NS (INT64_C(4) * NS_PER_MS)
#define STUCK_NS (60 * NS_PER_S)
#define FAREWELL_NS (10 * NS_PER_S)

struct http_chunk {
    _Atomic unsigned refs;
    size_t len;
    char bytes[];
};

enum stream_state { STREAM_OPEN, STREAM_ENDING, STREAM_GONE };

struct http_stream {
    struct http_server *server;
    struct MHD_Connection *mhd; /* both outlive the stream */
    struct conn *conn;
    void (*closed)(void *arg);
    void *arg;
    _Atomic bool is_suspended; /* whoever sets it back resumes */
    _Atomic int64_t woken_ns;
    pthread_mutex_t lock; /* guards what follows */
    enum stream_state state;
    struct http_chunk **ring;
    size_t ring_size, first, n, bytes;
    size_t offset; /* of the first chunk, already sent */
    int64_t pulled_ns;
    struct http_stream *prev_dirty, *next_dirty; /* under server.flush_lock */
    bool is_dirty;
};

/* ---- chunks ------------------------------------------------------------------------------------
 */

struct http_chunk *http_chunk_new(str bytes)
{
    struct http_chunk *c = malloc(sizeof *c + bytes.len);
    if (!c)
        return NULL;
    atomic_init(&c->refs, 1);
    c->len = bytes.len;
    if (bytes.len)
        memcpy(c->bytes, bytes.ptr, bytes.len);
    return c;
}

void http_chunk_free(struct http_chunk *c)
{
    if (c && atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) == 1)
        free(c);
}

/* ---- the queue; stream.lock is held
 * --------------------------------------------------------------- */

static bool ring_has_room(struct http_stream *s)
{
    if (s->n < s->ring_size)
        return true;
    size_t size = s->ring_size ? s->ring_size * 2 : 8;
    if (size > RING_MAX)
        return false;
    struct http_chunk **more = malloc(size * sizeof(struct http_chunk *));
    if (!more)
        return false;
    for (size_t i = 0; i < s->n; i++)
        more[i] = s->ring[(s->first + i) & (s->ring_size - 1)];
    free(s->ring);
    s->ring = more;
    s->ring_size = size;
    s->first = 0;
    return true;
}

static bool queue_add(struct http_stream *s, struct http_chunk *c)
{
    if (!ring_has_room(s))
        return false;
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    s->ring[(s->first + s->n++) & (s->ring_size - 1)] = c;
    s->bytes += c->len;
    return true;
}

static void queue_drop_first(struct http_stream *s)
{
    struct http_chunk *c = s->ring[s->first];
    s->first = (s->first + 1) & (s->ring_size - 1);
    s->n--;
    s->bytes -= c->len;
    s->offset = 0;
    http_chunk_free(c);
}

/* Drops all that nobody has seen yet; a chunk that is half sent stays, or the client would read
 * two events as one. */
static void queue_clear(struct http_stream *s)
{
    size_t keep = s->offset > 0 ? 1 : 0;
    while (s->n > keep) {
        struct http_chunk *c = s->ring[(s->first + --s->n) & (s->ring_size - 1)];
        s->bytes -= c->len;
        http_chunk_free(c);
    }
}

/* ---- waking
 * --------------------------------------------------------------------------------------- */

static void wake(struct http_stream *s)
{
    if (atomic_exchange(&s->is_suspended, false))
        MHD_resume_connection(s->mhd);
}

static void dirty_add(struct http_stream *s)
{
    struct http_server *server = s->server;
    pthread_mutex_lock(&server->flush_lock);
    if (!s->is_dirty) {
        s->is_dirty = true;
        s->prev_dirty = NULL;
        s->next_dirty = server->dirty;
        if (s->next_dirty)
            s->next_dirty->prev_dirty = s;
        server->dirty = s;
    }
    if (!server->is_flush_armed) {
        struct itimerspec in = {.it_value.tv_nsec = FLUSH_NS};
        server->is_flush_armed = timerfd_settime(server->flush_fd, 0, &in, NULL) == 0;
    }
    pthread_mutex_unlock(&server->flush_lock);
}

/* flush_lock is held. */
static void dirty_remove(struct http_stream *s)
{
    if (!s->is_dirty)
        return;
    s->is_dirty = false;
    if (s->prev_dirty)
        s->prev_dirty->next_dirty = s->next_dirty;
    else
        s->server->dirty = s->next_dirty;
    if (s->next_dirty)
        s->next_dirty->prev_dirty = s->prev_dirty;
}

void stream_flush(struct http_server *server)
{
    int64_t now = clock_mono_ns();
    pthread_mutex_lock(&server->flush_lock);
    server->is_flush_armed = false;
    while (server->dirty) {
        struct http_stream *s = server->dirty;
        dirty_remove(s);
        atomic_store(&s->woken_ns, now);
        wake(s);
    }
    pthread_mutex_unlock(&server->flush_lock);
}

/* At once when the stream has been quiet, else with the next flush. */
static void wake_soon(struct http_stream *s)
{
    if (!atomic_load(&s->is_suspended))
        return; /* being written just now; it will see the chunk */
    int64_t now = clock_mono_ns();
    if (now - atomic_load(&s->woken_ns) < FLUSH_NS) {
        dirty_add(s);
        return;
    }
    atomic_store(&s->woken_ns, now);
    wake(s);
}

/* ---- what libmicrohttpd calls
 * --------------------------------------------------------------------- */

static ssize_t stream_pull(void *arg, uint64_t position, char *buf, size_t max)
{
    (void)position;
    struct http_stream *s = arg;
    size_t len = 0;
    pthread_mutex_lock(&s->lock);
    s->pulled_ns = clock_mono_ns();
    while (s->n > 0 && len < max && s->state != STREAM_GONE) {
        struct http_chunk *c = s->ring[s->first];
        size_t take = c->len - s->offset < max - len ? c->len - s->offset : max - len;
        memcpy(buf + len, c->bytes + s->offset, take);
        len += take;
        s->offset += take;
        if (s->offset == c->len)
            queue_drop_first(s);
    }
    ssize_t result = (ssize_t)len;
    /* Never END_WITH_ERROR: libmicrohttpd 0.9.75 closes then but may not clean up before another
     * event comes. Writing the end to a client that is gone fails, and that is cleaned up. */
    if (s->state == STREAM_GONE || atomic_load(&s->server->is_forced) ||
        (len == 0 && s->state == STREAM_ENDING))
        result = MHD_CONTENT_READER_END_OF_STREAM;
    else if (len == 0) {
        /* First suspended, then said so: a resume that came before would be lost. */
        MHD_suspend_connection(s->mhd);
        atomic_store(&s->is_suspended, true);
    }
    pthread_mutex_unlock(&s->lock);
    return result;
}

static struct MHD_Response *stream_response(struct http_stream *s)
{
    return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 1024, stream_pull, s, NULL);
}

static void stream_free(struct http_stream *s)
{
    s->offset = 0;
    queue_clear(s);
    free(s->ring);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

void stream_closed(struct http_stream *s)
{
    struct http_server *server = s->server;
    pthread_mutex_lock(&server->lock);
    if (s->conn)
        s->conn->stream = NULL;
    pthread_mutex_unlock(&server->lock);

    if (s->closed)
        s->closed(s->arg);

    pthread_mutex_lock(&server->flush_lock);
    dirty_remove(s);
    pthread_mutex_unlock(&server->flush_lock);
    atomic_fetch_sub(&server->streams, 1);
    stream_free(s);
}

/* ---- ends
 * --------------------------------------------------------------------------------------------- */

void stream_client_gone(struct http_stream *s)
{
    pthread_mutex_lock(&s->lock);
    s->state = STREAM_GONE;
    pthread_mutex_unlock(&s->lock);
    wake(s);
}

static struct http_chunk *retry_line(void)
{
    return http_chunk_new(S("retry: 3000\n\n"));
}

/* stream.lock is held. The client gets FAREWELL_NS to read what is left. */
static void end_begin(struct http_stream *s, struct http_chunk *last)
{
    if (s->state != STREAM_OPEN)
        return;
    if (last)
        queue_add(s, last);
    s->state = STREAM_ENDING;
    deadline_set(s->conn, clock_mono_ns() + FAREWELL_NS);
}

static void drop(struct http_stream *s)
{
    struct http_chunk *retry = retry_line();
    pthread_mutex_lock(&s->lock);
    if (s->state == STREAM_OPEN)
        queue_clear(s);
    end_begin(s, retry);
    pthread_mutex_unlock(&s->lock);
    http_chunk_free(retry);
    wake(s);
}

void stream_over(struct http_stream *s)
{
    struct http_chunk *retry = retry_line();
    pthread_mutex_lock(&s->lock);
    end_begin(s, retry);
    pthread_mutex_unlock(&s->lock);
    http_chunk_free(retry);
    wake(s);
}

void stream_beat(struct http_stream *s, int64_t now_ns)
{
    pthread_mutex_lock(&s->lock);
    bool is_stuck = s->state == STREAM_OPEN && s->n > 0 && now_ns - s->pulled_ns > STUCK_NS;
    bool is_silent = s->state == STREAM_OPEN && s->n == 0 &&
                     now_ns - s->pulled_ns > s->server->options.beat_seconds * NS_PER_S;
    pthread_mutex_unlock(&s->lock);
    if (is_stuck)
        drop(s);
    if (!is_silent)
        return;
    struct http_chunk *beat = http_chunk_new(S(":\n\n"));
    if (beat)
        http_stream_send(s, beat);
    http_chunk_free(beat);
}

/* ---- for handlers
 * --------------------------------------------------------------------------------------- */

/* A slow reader shall fill our bounded queue, not the kernel's; a vanished one is noticed in
 * STALL_MS. */
static void socket_tune(int fd)
{
    int size = SEND_BUFFER, on = 1;
    unsigned stall_ms = STALL_MS;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &stall_ms, sizeof stall_ms);
}

struct http_stream *http_stream_begin(struct http_exchange *x, str content_type,
                                      const struct http_header *headers, size_t n,
                                      void (*closed)(void *arg), void *arg)
{
    struct http_server *server = x->server;
    struct http_stream *s = calloc(1, sizeof *s);
    struct http_chunk *first = http_chunk_new(S(":\n\n")); /* pushes the headers out */
    struct MHD_Response *r = NULL;
    pthread_mutex_lock(&server->lock);
    pthread_mutex_lock(&x->lock);
    if (s && first && x->conn && !atomic_load(&server->is_closing)) {
        *s = (struct http_stream){.server = server,
                                  .mhd = x->mhd,
                                  .conn = x->conn,
                                  .closed = closed,
                                  .arg = arg,
                                  .pulled_ns = clock_mono_ns()};
        pthread_mutex_init(&s->lock, NULL);
        r = queue_add(s, first) ? stream_response(s) : NULL;
    }
    if (r) {
        socket_tune(x->conn->fd);
        atomic_fetch_add(&server->streams, 1);
        x->conn->stream = s;
        x->stream = s;
        x->must_close = true;
        if (atomic_load(&x->conn->is_gone))
            s->state = STREAM_GONE;
    }
    pthread_mutex_unlock(&x->lock);
    pthread_mutex_unlock(&server->lock);
    http_chunk_free(first);
    if (!r) {
        if (s && s->server)
            stream_free(s);
        else
            free(s);
        http_reply(x, 503, (str){0}, NULL, 0, (str){0}, true);
        return NULL;
    }
    response_headers(x, r, content_type, headers, n);
    MHD_add_response_header(r, "X-Accel-Buffering", "no");
    exchange_answer(x, 200, r);
    return s;
}

bool http_stream_send(struct http_stream *s, struct http_chunk *c)
{
    pthread_mutex_lock(&s->lock);
    bool is_open = s->state == STREAM_OPEN;
    bool fits =
        is_open && s->n < QUEUE_CHUNKS && s->bytes + c->len <= QUEUE_BYTES && queue_add(s, c);
    pthread_mutex_unlock(&s->lock);
    if (fits)
        wake_soon(s);
    else if (is_open)
        drop(s);
    return fits;
}

void http_stream_end(struct http_stream *s)
{
    pthread_mutex_lock(&s->lock);
    end_begin(s, NULL);
    pthread_mutex_unlock(&s->lock);
    wake(s);
}
