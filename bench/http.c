/* bench/http.c - the HTTP port alone: small answers, answers from another thread, event streams.
 *
 *   bench-http [--seconds 3] [--connections 64] [--streams 500]
 *
 * Server and clients share the process and the machine; one JSON object goes to stdout: answers per
 * second (at once, from a worker), events per second through all streams, KB of memory per idle
 * stream.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/value.h"
#include "net/http.h"

enum { CLIENT_THREADS = 2, STREAMS_MAX = 4000, QUEUE = 65536 };

static struct http_server *server;
static int connections = 64, streams = 500;
static double seconds = 3;
static _Atomic bool is_over;

/* ---- the server
 * ----------------------------------------------------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static struct http_exchange *queue[QUEUE];
static size_t first, waiting;
static struct http_stream *open_streams[STREAMS_MAX];
static _Atomic size_t n_open;

static void closed(void *arg)
{
    pthread_mutex_lock(&lock);
    *(struct http_stream **)arg = NULL;
    pthread_mutex_unlock(&lock);
}

static void answer(struct http_exchange *x)
{
    if (!str_eq(http_request(x)->path, S("/events"))) {
        http_reply(x, 200, S("application/json"), NULL, 0, S("{\"items\":[1,2,3],\"next\":null}"),
                   true);
        return;
    }
    pthread_mutex_lock(&lock);
    size_t i = atomic_load(&n_open);
    open_streams[i] =
        http_stream_begin(x, S("text/event-stream"), NULL, 0, closed, &open_streams[i]);
    atomic_store(&n_open, i + 1);
    pthread_mutex_unlock(&lock);
}

static void handle(void *arg, struct http_exchange *x)
{
    (void)arg;
    if (!str_eq(http_request(x)->path, S("/worker"))) {
        answer(x);
        return;
    }
    pthread_mutex_lock(&lock);
    queue[(first + waiting++) % QUEUE] = x;
    pthread_cond_signal(&more);
    pthread_mutex_unlock(&lock);
}

static void *work(void *arg)
{
    (void)arg;
    for (;;) {
        pthread_mutex_lock(&lock);
        while (waiting == 0)
            pthread_cond_wait(&more, &lock);
        struct http_exchange *x = queue[first];
        first = (first + 1) % QUEUE;
        waiting--;
        pthread_mutex_unlock(&lock);
        answer(x);
    }
    return NULL;
}

/* ---- clients
 * ----------------------------------------------------------------------------------------- */

static int dial(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons(http_port(server)),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) != 0) {
        perror("connect");
        exit(1);
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static void put(int fd, const char *s)
{
    if (send(fd, s, strlen(s), MSG_NOSIGNAL) < 0) {
        perror("send");
        exit(1);
    }
}

struct client {
    const char *request; /* NULL: only reads */
    int n;
    int64_t answers, bytes;
    int fds[STREAMS_MAX];
};

/* Each answer is small and arrives in one piece; the next request follows at once. */
static void *client_run(void *arg)
{
    struct client *c = arg;
    int ep = epoll_create1(EPOLL_CLOEXEC);
    for (int i = 0; i < c->n; i++) {
        struct epoll_event e = {.events = EPOLLIN, .data.fd = c->fds[i]};
        epoll_ctl(ep, EPOLL_CTL_ADD, c->fds[i], &e);
        if (c->request)
            put(c->fds[i], c->request);
    }
    static _Thread_local char buf[65536];
    while (!atomic_load(&is_over)) {
        struct epoll_event e[64];
        int n = epoll_wait(ep, e, 64, 50);
        for (int i = 0; i < n; i++) {
            ssize_t got = recv(e[i].data.fd, buf, sizeof buf, MSG_DONTWAIT);
            if (got <= 0)
                continue;
            c->answers++;
            c->bytes += got;
            if (c->request)
                put(e[i].data.fd, c->request);
        }
    }
    close(ep);
    return NULL;
}

static void nap(double s)
{
    struct timespec t = {.tv_sec = (time_t)s, .tv_nsec = (long)((s - (double)(time_t)s) * 1e9)};
    nanosleep(&t, NULL);
}

static double answers_per_second(const char *request)
{
    static struct client c[CLIENT_THREADS];
    pthread_t t[CLIENT_THREADS];
    atomic_store(&is_over, false);
    for (int i = 0; i < CLIENT_THREADS; i++) {
        c[i] = (struct client){.request = request, .n = connections / CLIENT_THREADS};
        for (int k = 0; k < c[i].n; k++)
            c[i].fds[k] = dial();
        pthread_create(&t[i], NULL, client_run, &c[i]);
    }
    nap(seconds);
    atomic_store(&is_over, true);
    double all = 0;
    for (int i = 0; i < CLIENT_THREADS; i++) {
        pthread_join(t[i], NULL);
        all += (double)c[i].answers;
        for (int k = 0; k < c[i].n; k++)
            close(c[i].fds[k]);
    }
    return all / seconds;
}

static double resident_kb(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    long size = 0, resident = 0;
    if (!f || fscanf(f, "%ld %ld", &size, &resident) != 2)
        resident = 0;
    if (f)
        fclose(f);
    return (double)resident * (double)sysconf(_SC_PAGESIZE) / 1024;
}

/* Opens the streams, weighs them idle, then sends 2,000 events a second to all of them. */
static void storm(double *kb_each, double *events_per_second)
{
    static struct client c;
    static const char event[] =
        "event: call.ringing\ndata: {\"id\":\"cal_0123456789abc\",\"number\":\"+44 20 7946 "
        "0018\"}\n\n";
    double before = resident_kb();
    c = (struct client){.n = streams};
    for (int i = 0; i < streams; i++) {
        c.fds[i] = dial();
        put(c.fds[i], "GET /events HTTP/1.1\r\nHost: bench\r\n\r\n");
    }
    while (atomic_load(&n_open) < (size_t)streams)
        nap(0.01);
    nap(0.5);
    *kb_each = (resident_kb() - before) / streams;
    pthread_t t;
    atomic_store(&is_over, false);
    pthread_create(&t, NULL, client_run, &c);
    struct http_chunk *chunk = http_chunk_new((str){event, sizeof event - 1});
    int64_t start = clock_mono_ns(), sent = 0;
    while (clock_mono_ns() - start < (int64_t)(seconds * 1e9)) {
        pthread_mutex_lock(&lock);
        for (int i = 0; i < streams; i++)
            if (open_streams[i])
                http_stream_send(open_streams[i], chunk);
        pthread_mutex_unlock(&lock);
        sent++;
        int64_t due = start + sent * 500000, now = clock_mono_ns();
        if (due > now)
            nap((double)(due - now) / 1e9);
    }
    nap(0.5);
    atomic_store(&is_over, true);
    pthread_join(t, NULL);
    http_chunk_free(chunk);
    *events_per_second = (double)c.bytes / (double)(sizeof event - 1) / seconds;
    for (int i = 0; i < streams; i++)
        close(c.fds[i]);
}

int main(int argc, char **argv)
{
    static const struct option known[] = {{"seconds", required_argument, NULL, 's'},
                                          {"connections", required_argument, NULL, 'c'},
                                          {"streams", required_argument, NULL, 'e'},
                                          {0}};
    for (int o; (o = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        seconds = o == 's' ? atof(optarg) : seconds;
        connections = o == 'c' ? atoi(optarg) : connections;
        streams = o == 'e' ? atoi(optarg) : streams;
    }
    if (streams < 1 || streams > STREAMS_MAX || connections < 2 || connections > STREAMS_MAX ||
        seconds <= 0) {
        fprintf(stderr, "bench-http: --seconds S --connections 2…4000 --streams 1…4000\n");
        return 2;
    }
    struct cx cx = {.arena = arena_open(1 << 20)};
    struct http_options o = {.host = S("127.0.0.1"), .handle = handle};
    if (!cx.arena || http_open(&cx, &o, &server) != OK)
        return 1;
    pthread_t workers[2];
    for (size_t i = 0; i < COUNT(workers); i++)
        pthread_create(&workers[i], NULL, work, NULL);
    double at_once = answers_per_second("GET /now HTTP/1.1\r\nHost: bench\r\n\r\n");
    double from_worker = answers_per_second("GET /worker HTTP/1.1\r\nHost: bench\r\n\r\n");
    double kb = 0, events = 0;
    storm(&kb, &events);
    struct http_figures f;
    http_figures(server, &f);
    printf("{\"answers_per_second\": %.0f, \"from_worker_per_second\": %.0f, \"connections\": %d, "
           "\"kb_per_idle_stream\": %.1f, \"stream_events_per_second\": %.0f, \"streams\": %d, "
           "\"cut\": %lld}\n",
           at_once, from_worker, connections, kb, events, streams, (long long)f.cut_slow);
    http_close(server, 1000);
    return 0;
}
