/* net/keeper.c - the thread that keeps the connections: accepts them within limits, cuts the slow
 * ones at absolute deadlines, notices clients that hung up, beats for silent streams.
 *
 * libmicrohttpd has only inactivity time-outs, does not look at suspended connections, and turns in
 * circles when descriptors run out at its first connection; so none of that is left to it. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/value.h"
#include "net/http_inner.h"

enum {
    SCAN_MS = 100,
    PAUSE_MS = 100,
    LINGER_MS = 2000,
    PEER_BUCKETS = 1024,
};
#define STILLBORN_NS (5 * NS_PER_S)
#define YIELD_NS (NS_PER_S / 2) /* so long a connection may be idle even in a full house */

/* ---- connections of one peer ----------------------------------------------------------------- */

/* An IPv4 address or an IPv6 /64, and how many connections it has. */
struct peer {
    struct peer *next;
    uint8_t key[16];
    unsigned n;
};

static void peer_key(const struct net_addr *a, uint8_t key[16])
{
    static const uint8_t v4[12] = {[10] = 0xff, [11] = 0xff};
    memcpy(key, a->byte, 16);
    if (memcmp(key, v4, sizeof v4) != 0)
        memset(key + 8, 0, 8);
}

static struct peer **peer_slot(struct http_server *s, const uint8_t key[16])
{
    uint32_t h = 2166136261u;
    for (int i = 0; i < 16; i++)
        h = (h ^ key[i]) * 16777619u;
    struct peer **p = &s->peers[(h ^ h >> 16) % PEER_BUCKETS];
    while (*p && memcmp((*p)->key, key, 16) != 0)
        p = &(*p)->next;
    return p;
}

static bool peer_add(struct http_server *s, const struct net_addr *a)
{
    uint8_t key[16];
    peer_key(a, key);
    struct peer **slot = peer_slot(s, key);
    if (!*slot) {
        *slot = calloc(1, sizeof **slot);
        if (!*slot)
            return false;
        memcpy((*slot)->key, key, 16);
    }
    if ((*slot)->n >= s->options.max_per_peer)
        return false;
    (*slot)->n++;
    return true;
}

static void peer_remove(struct http_server *s, const struct net_addr *a)
{
    uint8_t key[16];
    peer_key(a, key);
    struct peer **slot = peer_slot(s, key);
    if (!*slot || --(*slot)->n > 0)
        return;
    struct peer *p = *slot;
    *slot = p->next;
    free(p);
}

/* ---- the list of connections -------------------------------------------------------------------
 */

void deadline_set(struct conn *c, int64_t ns)
{
    atomic_store_explicit(&c->deadline_ns, ns, memory_order_relaxed);
}

static bool by_fd_has_room(struct http_server *s, int fd)
{
    size_t need = (size_t)fd + 1;
    if (need <= s->n_by_fd)
        return true;
    size_t n = need < 256 ? 256 : need * 2;
    struct conn **more = realloc(s->by_fd, n * sizeof(struct conn *));
    if (!more)
        return false;
    memset(more + s->n_by_fd, 0, (n - s->n_by_fd) * sizeof(struct conn *));
    s->by_fd = more;
    s->n_by_fd = n;
    return true;
}

/* Forgets a connection; server.lock is held. The descriptor is not touched. */
static void conn_unlink(struct conn *c)
{
    struct http_server *s = c->server;
    if (c->prev)
        c->prev->next = c->next;
    else
        s->conns = c->next;
    if (c->next)
        c->next->prev = c->prev;
    if (s->by_fd[c->fd] == c)
        s->by_fd[c->fd] = NULL;
    if (c->is_counted)
        peer_remove(s, &c->addr);
    s->n_conns--;
    atomic_fetch_sub(&s->daemon_conns[c->daemon], 1);
}

static void conn_forget(struct conn *c)
{
    conn_unlink(c);
    free(c);
}

static bool conn_link(struct conn *c)
{
    struct http_server *s = c->server;
    if (!by_fd_has_room(s, c->fd))
        return false;
    struct conn *stale = s->by_fd[c->fd];
    if (stale)
        conn_forget(stale); /* libmicrohttpd gave it up before it had begun */
    if (!c->is_proxy && !net_addr_is_loopback(&c->addr)) {
        if (!peer_add(s, &c->addr))
            return false;
        c->is_counted = true;
    }
    s->by_fd[c->fd] = c;
    c->next = s->conns;
    if (c->next)
        c->next->prev = c;
    s->conns = c;
    s->n_conns++;
    atomic_fetch_add(&s->daemon_conns[c->daemon], 1);
    return true;
}

static void cut(struct http_server *s, struct conn *c, bool is_slow)
{
    c->is_cut = true;
    if (is_slow)
        atomic_fetch_add(&s->cut_slow, 1);
    shutdown(c->fd, SHUT_RDWR);
    if (c->stream)
        stream_client_gone(c->stream);
}

/* Keeps a descriptor a while longer, reading what the client still sends: closing with unread bytes
 * would reset the connection and destroy the refusal that is on its way. server.lock is held. */
static void linger_begin(struct http_server *s, struct conn *c)
{
    size_t most =
        s->options.max_connections / 8 + 1; /* descriptors are few where connections are */
    if (s->n_lingers == COUNT(s->lingers) || s->n_lingers >= most)
        return;
    int fd = dup(c->fd);
    if (fd < 0)
        return;
    epoll_ctl(s->epoll_fd, EPOLL_CTL_DEL, c->fd, NULL);
    shutdown(fd, SHUT_WR);
    s->lingers[s->n_lingers++] =
        (struct farewell){fd, clock_mono_ns() + (int64_t)LINGER_MS * NS_PER_MS};
    keeper_wake(s);
}

void keeper_on_connection(void *arg, struct MHD_Connection *c, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http_server *s = arg;
    pthread_mutex_lock(&s->lock);
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        int fd = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        struct conn *mine = (size_t)fd < s->n_by_fd ? s->by_fd[fd] : NULL;
        if (mine)
            mine->mhd = c;
        *socket_context = mine;
    } else {
        struct conn *mine = *socket_context;
        *socket_context = NULL;
        if (mine) {
            if (atomic_load(&mine->wants_linger))
                linger_begin(s, mine);
            conn_forget(mine);
        }
    }
    pthread_mutex_unlock(&s->lock);
}

/* ---- accepting
 * ----------------------------------------------------------------------------------- */

static void listen_watch(struct http_server *s, bool on)
{
    struct epoll_event ev = {.events = on ? EPOLLIN : 0, .data.fd = s->listen_fd};
    epoll_ctl(s->epoll_fd, EPOLL_CTL_MOD, s->listen_fd, &ev);
    s->is_paused = !on;
}

static void accept_pause(struct http_server *s, int64_t now_ns)
{
    s->paused_until_ns = now_ns + (int64_t)PAUSE_MS * NS_PER_MS;
    listen_watch(s, false);
}

static struct net_addr addr_of(const struct sockaddr_storage *sa)
{
    struct net_addr a = {.byte = {[10] = 0xff, [11] = 0xff}};
    if (sa->ss_family == AF_INET)
        memcpy(a.byte + 12, &((const struct sockaddr_in *)sa)->sin_addr, 4);
    else
        memcpy(a.byte, &((const struct sockaddr_in6 *)sa)->sin6_addr, 16);
    return a;
}

static unsigned quietest_daemon(struct http_server *s)
{
    unsigned best = 0;
    for (unsigned i = 1; i < s->n_daemons; i++)
        if (atomic_load(&s->daemon_conns[i]) < atomic_load(&s->daemon_conns[best]))
            best = i;
    return best;
}

/* Gives an accepted socket to libmicrohttpd; closes it when it may not stay. */
static void admit(struct http_server *s, int fd, const struct sockaddr_storage *sa, socklen_t len)
{
    struct conn *c = calloc(1, sizeof *c);
    if (!c) {
        close(fd);
        return;
    }
    *c = (struct conn){.server = s, .fd = fd, .addr = addr_of(sa), .daemon = quietest_daemon(s)};
    for (size_t i = 0; i < s->n_proxies && !c->is_proxy; i++)
        c->is_proxy = net_block_has(&s->proxies[i], &c->addr);
    deadline_set(c, clock_mono_ns() + s->options.header_seconds * NS_PER_S);
    bool may = !s->only_proxies || c->is_proxy || net_addr_is_loopback(&c->addr);

    pthread_mutex_lock(&s->lock);
    may = may && conn_link(c);
    struct epoll_event ev = {.events = EPOLLRDHUP | EPOLLET, .data.fd = fd};
    if (may && epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &ev) != 0) {
        conn_unlink(c);
        may = false;
    }
    pthread_mutex_unlock(&s->lock);
    if (!may) {
        atomic_fetch_add(&s->refused, 1);
        close(fd);
        free(c);
        return;
    }
    /* On failure it has closed the descriptor already. */
    if (MHD_add_connection(s->daemons[c->daemon], fd, (const struct sockaddr *)sa, len) !=
        MHD_YES) {
        pthread_mutex_lock(&s->lock);
        conn_forget(c);
        pthread_mutex_unlock(&s->lock);
    }
}

/* Is the house full? Then whoever has been idle longest between requests makes room. */
static bool is_full(struct http_server *s)
{
    pthread_mutex_lock(&s->lock);
    bool full = s->n_conns >= s->options.max_connections;
    struct conn *oldest = NULL;
    int64_t before = clock_mono_ns() + (s->options.idle_seconds * NS_PER_S) - YIELD_NS;
    for (struct conn *c = full ? s->conns : NULL; c; c = c->next) {
        int64_t deadline = atomic_load_explicit(&c->deadline_ns, memory_order_relaxed);
        if (c->mhd && !c->is_cut && atomic_load(&c->phase) == CONN_IDLE && deadline < before) {
            oldest = c;
            before = deadline;
        }
    }
    if (oldest)
        cut(s, oldest, false);
    pthread_mutex_unlock(&s->lock);
    return full;
}

static void accept_some(struct http_server *s)
{
    for (int i = 0; i < 64; i++) {
        if (is_full(s)) {
            accept_pause(s, clock_mono_ns());
            return;
        }
        struct sockaddr_storage sa = {0};
        socklen_t len = sizeof sa;
        int fd = accept4(s->listen_fd, (struct sockaddr *)&sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            admit(s, fd, &sa, len);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            accept_pause(s, clock_mono_ns());
        if (errno != ECONNABORTED && errno != EINTR)
            return;
    }
}

/* ---- deadlines, farewells, heartbeats
 * --------------------------------------------------------------- */

static void client_gone(struct http_server *s, int fd)
{
    pthread_mutex_lock(&s->lock);
    struct conn *c = (size_t)fd < s->n_by_fd ? s->by_fd[fd] : NULL;
    if (c) {
        atomic_store(&c->is_gone, true);
        if (c->stream)
            stream_client_gone(c->stream);
    }
    pthread_mutex_unlock(&s->lock);
}

static void scan_conn(struct http_server *s, struct conn *c, int64_t now_ns)
{
    int64_t deadline = atomic_load_explicit(&c->deadline_ns, memory_order_relaxed);
    int phase = atomic_load(&c->phase);
    bool is_late = deadline != 0 && now_ns > deadline;
    bool is_over = phase != CONN_BUSY && atomic_load(&s->is_closing);
    if (c->mhd && !c->is_cut && (is_late || is_over)) {
        cut(s, c, phase != CONN_IDLE && !is_over);
    } else if (c->stream) {
        stream_beat(c->stream, now_ns);
    } else if (c->mhd && atomic_load(&c->is_gone)) {
        /* After a short read libmicrohttpd waits for the next edge, and the end of the stream may
         * have come before: one more edge, harmless to what was received. */
        shutdown(c->fd, SHUT_RD);
    }
}

static bool linger_is_over(struct farewell *l, int64_t now_ns)
{
    char scrap[16384];
    for (int i = 0; i < 64; i++) {
        ssize_t n = recv(l->fd, scrap, sizeof scrap, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return now_ns > l->until_ns;
        if (n <= 0)
            return true;
    }
    return now_ns > l->until_ns;
}

/* True when there is nothing to come back for soon. */
static bool scan(struct http_server *s, int64_t now_ns)
{
    pthread_mutex_lock(&s->lock);
    for (struct conn *c = s->conns, *next; c; c = next) {
        next = c->next;
        int64_t deadline = atomic_load_explicit(&c->deadline_ns, memory_order_relaxed);
        if (!c->mhd && now_ns > deadline + STILLBORN_NS) {
            conn_forget(c); /* libmicrohttpd had no memory to begin it, and says nothing */
            continue;
        }
        scan_conn(s, c, now_ns);
    }
    for (size_t i = s->n_lingers; i-- > 0;) {
        if (!linger_is_over(&s->lingers[i], now_ns))
            continue;
        close(s->lingers[i].fd);
        s->lingers[i] = s->lingers[--s->n_lingers];
    }
    bool is_quiet = s->n_conns == 0 && s->n_lingers == 0;
    pthread_mutex_unlock(&s->lock);
    if (s->is_paused && s->listen_fd >= 0 && now_ns >= s->paused_until_ns)
        listen_watch(s, true);
    return is_quiet && !s->is_paused;
}

static void drain(int fd)
{
    uint64_t n;
    while (read(fd, &n, sizeof n) == (ssize_t)sizeof n)
        ;
}

static void stop_listening(struct http_server *s)
{
    if (s->listen_fd < 0)
        return;
    close(s->listen_fd);
    s->listen_fd = -1;
    s->is_paused = false;
}

static void *keeper_run(void *arg)
{
    struct http_server *s = arg;
    int64_t next_scan = clock_mono_ns();
    bool is_quiet = false;
    while (!atomic_load(&s->must_stop)) {
        int64_t ms = (next_scan - clock_mono_ns()) / NS_PER_MS + 1;
        struct epoll_event ev[64];
        int n = epoll_wait(s->epoll_fd, ev, (int)COUNT(ev), is_quiet ? -1 : ms > 0 ? (int)ms : 0);
        bool may_accept = false;
        for (int i = 0; i < n; i++) {
            int fd = ev[i].data.fd;
            if (fd == s->listen_fd)
                may_accept =
                    true; /* last: a new socket may take a number that ends in this round */
            else if (fd == s->wake_fd)
                drain(fd);
            else if (fd == s->flush_fd)
                drain(fd), stream_flush(s);
            else
                client_gone(s, fd);
        }
        if (atomic_load(&s->is_closing))
            stop_listening(s);
        else if (may_accept && !s->is_paused)
            accept_some(s);
        int64_t now = clock_mono_ns();
        if (is_quiet || now >= next_scan) {
            is_quiet = scan(s, now);
            next_scan = now + (int64_t)SCAN_MS * NS_PER_MS;
        }
    }
    stop_listening(s);
    return NULL;
}

/* ---- open, close
 * ----------------------------------------------------------------------------------------- */

void keeper_wake(struct http_server *s)
{
    uint64_t one = 1;
    if (write(s->wake_fd, &one, sizeof one) < 0) {
        /* the counter is full: it is awake */
    }
}

static bool watch(struct http_server *s, int fd)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};
    return fd >= 0 && epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &ev) == 0;
}

bool keeper_open(struct http_server *s)
{
    s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    s->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    s->flush_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    s->peers = calloc(PEER_BUCKETS, sizeof(struct peer *));
    if (s->epoll_fd < 0 || !s->peers || !watch(s, s->wake_fd) || !watch(s, s->flush_fd) ||
        !watch(s, s->listen_fd))
        return false;
    s->has_keeper = pthread_create(&s->keeper, NULL, keeper_run, s) == 0;
    return s->has_keeper;
}

void keeper_close(struct http_server *s)
{
    atomic_store(&s->must_stop, true);
    if (s->has_keeper) {
        keeper_wake(s);
        pthread_join(s->keeper, NULL);
    }
    for (size_t i = 0; i < s->n_lingers; i++)
        close(s->lingers[i].fd);
    for (size_t i = 0; s->peers && i < PEER_BUCKETS; i++)
        for (struct peer *p = s->peers[i], *next; p; p = next) {
            next = p->next;
            free(p);
        }
    free(s->peers);
    free(s->by_fd);
    int fds[] = {s->listen_fd, s->epoll_fd, s->wake_fd, s->flush_fd};
    for (size_t i = 0; i < COUNT(fds); i++)
        if (fds[i] >= 0)
            close(fds[i]);
}
