/* net/http_test.h - a real server on a free loopback port and a client that writes raw bytes. */
#pragma once
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/base_test.h"
#include "net/http.h"

/* Long enough for a loaded machine under sanitizers; nothing waits this long when all is well. */
enum { PATIENCE_MS = 60000, STREAMS_MAX = 600 };

struct test_stream {
    struct test_server *t;
    struct http_stream *s;
    _Atomic bool is_closed;
};
struct test_server {
    struct http_server *http;
    struct http_options options;
    pthread_t workers[2];
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct http_exchange *queue[1024];
    size_t first, n;
    bool must_stop;
    struct http_exchange *kept; /* of "/keep": not answered until the test does */
    struct test_stream streams[STREAMS_MAX];
    _Atomic size_t n_streams, n_closed, n_limits;
};

static inline void nap_ms(long ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

/* Waits until the condition holds; fails the test when it does not in PATIENCE_MS. */
#define await(condition)                                                   \
    do {                                                                   \
        int64_t until_ = clock_mono_ns() + (int64_t)PATIENCE_MS * 1000000; \
        while (!(condition)) {                                             \
            if (clock_mono_ns() > until_)                                  \
                fail_msg("never: %s", #condition);                         \
            nap_ms(2);                                                     \
        }                                                                  \
    } while (0)

/* ---- what the server does ----------------------------------------------------------------------
 */

static inline void test_closed(void *arg)
{
    struct test_stream *s = arg;
    pthread_mutex_lock(&s->t->lock);
    s->s = NULL;
    pthread_mutex_unlock(&s->t->lock);
    atomic_store(&s->is_closed, true);
    atomic_fetch_add(&s->t->n_closed, 1);
}

static inline void test_stream_begin(struct test_server *t, struct http_exchange *x)
{
    pthread_mutex_lock(&t->lock);
    size_t i = atomic_load(&t->n_streams);
    struct test_stream *s = &t->streams[i];
    s->t = t;
    s->s = http_stream_begin(x, S("text/event-stream"), NULL, 0, test_closed, s);
    if (s->s)
        atomic_store(&t->n_streams, i + 1);
    pthread_mutex_unlock(&t->lock);
}

/* Says back what it understood, so that tests see it through the port. */
static inline void test_echo(struct http_exchange *x)
{
    const struct http_request *r = http_request(x);
    str cookie = http_cookie_of(x, "sid"), note = http_header_of(x, "x-note");
    str body =
        arena_printf(http_arena(x),
                     "%s [" SFMT "] [" SFMT "] body=" SFMT " peer=" SFMT " sid=" SFMT " note=" SFMT
                     " tls=%d loopback=%d",
                     http_method_names[r->method], SARG(r->path), SARG(r->query), SARG(r->body),
                     SARG(r->peer), SARG(cookie), SARG(note), r->is_tls, r->is_loopback_peer);
    http_reply(x, 200, S("text/plain"), NULL, 0, body, true);
}

static inline void test_big(struct http_exchange *x)
{
    int64_t n = 0;
    if (!str_to_int(http_request(x)->query, &n))
        n = 0;
    char *p = malloc((size_t)n + 1);
    assert(p);
    memset(p, 'x', (size_t)n);
    http_set_owner(x, p, free);
    http_reply(x, 200, S("text/plain"), NULL, 0, (str){p, (size_t)n}, true);
}

static inline void test_own_headers(struct http_exchange *x)
{
    struct http_header own[] = {{S("cache-control"), S("max-age=60")},
                                {S("Content-Security-Policy"), S("default-src 'self'")},
                                {S("X-Bad"), S("a\r\nSet-Cookie: b=c")},
                                {S("Set-Cookie"), S("one=1")},
                                {S("Set-Cookie"), S("two=2")}};
    http_reply(x, 200, S("text/html"), own, COUNT(own), S("own"), false);
}

static inline void test_answer(struct test_server *t, struct http_exchange *x)
{
    str path = http_request(x)->path;
    if (str_eq(path, S("/events")))
        test_stream_begin(t, x);
    else if (str_eq(path, S("/big")))
        test_big(x);
    else if (str_eq(path, S("/own")))
        test_own_headers(x);
    else if (str_eq(path, S("/empty")))
        http_reply(x, 204, (str){0}, NULL, 0, (str){0}, true);
    else
        test_echo(x);
}

/* Paths under /now are answered at once, the others from another thread. */
static inline void test_handle(void *arg, struct http_exchange *x)
{
    struct test_server *t = arg;
    if (str_starts(http_request(x)->path, S("/now"))) {
        test_answer(t, x);
        return;
    }
    pthread_mutex_lock(&t->lock);
    if (str_eq(http_request(x)->path, S("/keep")))
        t->kept = x;
    else
        t->queue[(t->first + t->n++) % COUNT(t->queue)] = x;
    assert(t->n < COUNT(t->queue));
    pthread_cond_signal(&t->more);
    pthread_mutex_unlock(&t->lock);
}

static inline void *test_work(void *arg)
{
    struct test_server *t = arg;
    for (;;) {
        pthread_mutex_lock(&t->lock);
        while (t->n == 0 && !t->must_stop)
            pthread_cond_wait(&t->more, &t->lock);
        struct http_exchange *x = t->n > 0 ? t->queue[t->first] : NULL;
        if (x) {
            t->first = (t->first + 1) % COUNT(t->queue);
            t->n--;
        }
        pthread_mutex_unlock(&t->lock);
        if (!x)
            return NULL;
        test_answer(t, x);
    }
}

static inline size_t test_limit(void *arg, enum http_method m, str path)
{
    struct test_server *t = arg;
    atomic_fetch_add(&t->n_limits, 1);
    (void)m;
    return str_eq(path, S("/none")) ? 0 : str_eq(path, S("/large")) ? 64 << 20 : 10000;
}

static inline enum err test_try(struct cx *cx, struct test_server *t, struct http_options o)
{
    if (o.host.len == 0)
        o.host = S("127.0.0.1");
    o.body_limit = test_limit;
    o.handle = test_handle;
    o.arg = t;
    return http_open(cx, &o, &t->http);
}

static inline struct test_server *test_open(struct cx *cx, struct http_options o)
{
    struct test_server *t = calloc(1, sizeof *t);
    assert_non_null(t);
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->more, NULL);
    if (test_try(cx, t, o) != OK) {
        str why = fault_text(cx->arena, LANG_EN, &cx->why);
        fail_msg("cannot open: " SFMT, SARG(why));
    }
    for (size_t i = 0; i < COUNT(t->workers); i++)
        assert_int_equal(pthread_create(&t->workers[i], NULL, test_work, t), 0);
    return t;
}

static inline void test_stop(struct test_server *t)
{
    http_close(t->http, 2000); /* NULL when the test has closed it */
    pthread_mutex_lock(&t->lock);
    t->must_stop = true;
    pthread_cond_broadcast(&t->more);
    pthread_mutex_unlock(&t->lock);
    for (size_t i = 0; i < COUNT(t->workers); i++)
        pthread_join(t->workers[i], NULL);
    pthread_cond_destroy(&t->more);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

/* ---- the client
 * ----------------------------------------------------------------------------------- */

static inline int dial(const struct test_server *t)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons(http_port(t->http)),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

/* Writes all of it, or what the other side lets through before it closes. */
static inline bool put(int fd, str s)
{
    while (s.len > 0) {
        ssize_t n = send(fd, s.ptr, s.len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        s.ptr += n;
        s.len -= (size_t)n;
    }
    return true;
}

/* Reads what comes until `stop` stands in it (empty: until the end). *ended tells whether the end
 * came. */
static inline str get_until(struct cx *cx, int fd, str stop, bool *ended)
{
    size_t cap = (size_t)1 << 16, len = 0;
    char *p = malloc(cap);
    assert_non_null(p);
    int64_t until = clock_mono_ns() + (int64_t)PATIENCE_MS * 1000000;
    *ended = false;
    while (!*ended && (stop.len == 0 || str_find((str){p, len}, stop) < 0)) {
        struct pollfd pf = {.fd = fd, .events = POLLIN};
        if (poll(&pf, 1, 100) <= 0) {
            if (clock_mono_ns() > until)
                fail_msg("no end of the answer: '%.*s'", (int)len, p);
            continue;
        }
        if (len == cap) {
            cap *= 2;
            char *more = realloc(p, cap);
            assert_non_null(more);
            p = more;
        }
        ssize_t n = recv(fd, p + len, cap - len, 0);
        if (n > 0)
            len += (size_t)n;
        else
            *ended = true;
    }
    str got = arena_str(cx->arena, (str){p, len});
    free(p);
    return got;
}

static inline str get_all(struct cx *cx, int fd)
{
    bool ended = false;
    return get_until(cx, fd, (str){0}, &ended);
}

/* One connection: sends the bytes, reads until the server closes. The bytes must make it close. */
static inline str ask(struct cx *cx, struct test_server *t, str bytes)
{
    int fd = dial(t);
    put(fd, bytes);
    str got = get_all(cx, fd);
    close(fd);
    return got;
}

static inline size_t count_of(str s, str needle)
{
    size_t n = 0;
    for (ptrdiff_t at; (at = str_find(s, needle)) >= 0; n++) {
        s.ptr += (size_t)at + needle.len;
        s.len -= (size_t)at + needle.len;
    }
    return n;
}

static inline bool has(str s, str needle)
{
    return str_find(s, needle) >= 0;
}

static inline size_t answers_in(str got)
{
    return count_of(got, S("\r\nDate: "));
}

static inline int status_of(str answer)
{
    int64_t status = 0;
    bool is_one = answer.len > 12 && str_starts(answer, S("HTTP/1.1 ")) &&
                  str_to_int((str){answer.ptr + 9, 3}, &status);
    return is_one ? (int)status : 0;
}

/* One answer of this status came, then the connection was closed. */
#define assert_refused(cx, t, bytes, expected)                      \
    do {                                                            \
        str got_ = ask((cx), (t), (bytes));                         \
        if (status_of(got_) != (expected) || answers_in(got_) != 1) \
            fail_msg("%s: '" SFMT "'", #bytes, SARG(got_));         \
    } while (0)

#define assert_has(text, needle)                                         \
    do {                                                                 \
        str t_ = (text), n_ = (needle);                                  \
        if (!has(t_, n_))                                                \
            fail_msg("no '" SFMT "' in '" SFMT "'", SARG(n_), SARG(t_)); \
    } while (0)
#define assert_has_not(text, needle)                                  \
    do {                                                              \
        str t_ = (text), n_ = (needle);                               \
        if (has(t_, n_))                                              \
            fail_msg("'" SFMT "' in '" SFMT "'", SARG(n_), SARG(t_)); \
    } while (0)

static inline struct http_figures figures(const struct test_server *t)
{
    struct http_figures f;
    http_figures(t->http, &f);
    return f;
}
