/* net/proxy_test.c - framing behind nginx and HAProxy: the port must see the requests that the
 * proxy saw, no other. Each case hides a request behind bytes that two readers could understand
 * differently; what the port answered is compared with the proxy's own log. Skipped where the proxy
 * is not installed. */
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "net/http_test.h"

enum { SEEN_MAX = 4000 };

static struct {
    pthread_mutex_t lock;
    size_t n;
    char at[SEEN_MAX][64]; /* "GET /path" */
} seen = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void note(void *arg, struct http_exchange *x)
{
    (void)arg;
    const struct http_request *r = http_request(x);
    pthread_mutex_lock(&seen.lock);
    assert(seen.n < SEEN_MAX);
    snprintf(seen.at[seen.n++], sizeof seen.at[0], "%s " SFMT, http_method_names[r->method],
             SARG(r->path));
    pthread_mutex_unlock(&seen.lock);
    http_reply(x, 200, S("text/plain"), NULL, 0, S("ok"), true);
}

/* How many were answered so far; `first` takes the first of them. */
static size_t seen_so_far(char first[sizeof seen.at[0]])
{
    pthread_mutex_lock(&seen.lock);
    size_t n = seen.n;
    memcpy(first, seen.at[0], sizeof seen.at[0]);
    pthread_mutex_unlock(&seen.lock);
    return n;
}
static void seen_nothing(void)
{
    pthread_mutex_lock(&seen.lock);
    seen.n = 0;
    pthread_mutex_unlock(&seen.lock);
}

static size_t any_body(void *arg, enum http_method m, str path)
{
    (void)arg, (void)m, (void)path;
    return 10000;
}

/* ---- the proxy
 * ------------------------------------------------------------------------------------ */

struct proxy {
    const char *program;
    const char *config; /* %1$d: its port, %2$d: ours, %3$s: its folder */
    const char *args[6];
    pid_t pid;
    int port;
    char dir[64], log[96];
};

static int free_port(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    close(fd);
    return ntohs(a.sin_port);
}

static int dial_port(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
        return fd;
    close(fd);
    return -1;
}

static void proxy_start(struct cx *cx, struct proxy *p, int upstream)
{
    snprintf(p->dir, sizeof p->dir, "/tmp/kith-proxy-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    snprintf(p->log, sizeof p->log, "%s/log", p->dir);
    p->port = free_port();
    char name[96];
    snprintf(name, sizeof name, "%s/config", p->dir);
    FILE *f = fopen(name, "w");
    assert_non_null(f);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    fprintf(f, p->config, p->port, upstream, p->dir);
#pragma GCC diagnostic pop
    assert_int_equal(fclose(f), 0);
    const char *args[8] = {p->program};
    for (size_t i = 0; p->args[i]; i++)
        args[i + 1] =
            strcmp(p->args[i], "CONFIG") == 0 ? arena_cstr(cx->arena, str_of(name)) : p->args[i];
    p->pid = fork();
    assert_true(p->pid >= 0);
    if (p->pid == 0) {
        int fd = open(p->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
        dup2(fd, 1);
        dup2(fd, 2);
        execv(p->program, (char *const *)(uintptr_t)args);
        _exit(127);
    }
    int fd = -1;
    await((fd = dial_port(p->port)) >= 0);
    close(fd);
}

static void proxy_stop(struct proxy *p)
{
    kill(p->pid, SIGTERM);
    waitpid(p->pid, NULL, 0);
    static const char *const files[] = {"config", "log",     "pid",   "error.log", "body",
                                        "proxy",  "fastcgi", "uwsgi", "scgi"};
    for (size_t i = 0; i < COUNT(files); i++) {
        char name[96];
        snprintf(name, sizeof name, "%s/%s", p->dir, files[i]);
        if (unlink(name) != 0)
            rmdir(name);
    }
    rmdir(p->dir);
}

static str log_of(struct cx *cx, const struct proxy *p)
{
    struct text t = text_in(cx->arena, 4 << 20);
    FILE *f = fopen(p->log, "r");
    assert_non_null(f);
    char buf[4096];
    for (size_t n; (n = fread(buf, 1, sizeof buf, f)) > 0;)
        text_add(&t, (str){buf, n});
    fclose(f);
    return text_str(&t);
}

/* ---- the cases
 * ----------------------------------------------------------------------------------------- */

struct hidden {
    str head,
        body; /* of a POST (or GET) to a path of its own; the hidden request follows the body */
    bool is_get;
};
#define CASE(h, b)                                                \
    {                                                             \
        {"" h "", sizeof(h) - 1}, {"" b "", sizeof(b) - 1}, false \
    }
#define CASE_GET(h)                             \
    {                                           \
        {"" h "", sizeof(h) - 1}, {"", 0}, true \
    }
#define CHUNKED(b) CASE("Transfer-Encoding: chunked\r\n", b)
#define LAST "0\r\n\r\n"

/* The hidden request is 48 bytes long: HIDDEN below. */
static const struct hidden cases[] = {
    CASE("Content-Length: 0\r\nContent-Length: 48\r\n", ""),
    CASE("Content-Length: 48\r\nContent-Length: 0\r\n", ""),
    CASE("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", LAST),
    CASE("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", LAST),
    CASE("Transfer-Encoding: chunked\r\nContent-Length: 53\r\n", LAST),
    CASE("Transfer-Encoding: xchunked\r\n", LAST),
    CASE("Transfer-Encoding: chunked, identity\r\n", LAST),
    CASE("Transfer-Encoding : chunked\r\n", LAST),
    CASE("Transfer-Encoding\t: chunked\r\nContent-Length: 53\r\n", LAST),
    CASE("Transfer-Encoding:\vchunked\r\nContent-Length: 5\r\n", LAST),
    CASE("Transfer-Encoding:\r\n chunked\r\n", LAST),
    CASE("X: y\r\n Transfer-Encoding: chunked\r\n", LAST),
    CASE("X: y\nTransfer-Encoding: chunked\nContent-Length: 5\r\n", LAST),
    CASE("X: y\rTransfer-Encoding: chunked\r\nContent-Length: 5\r\n", LAST),
    CASE("X: y\0\nTransfer-Encoding: chunked\r\n", LAST),
    CASE("X: y\0\nContent-Length: 0\r\n", ""),
    CASE("X: y\r\n:\nContent-Length: 48\r\n", ""),
    CASE("X: y\r\n:\r\nContent-Length: 48\r\n", ""),
    CASE_GET("X: y\r\n:\n"),
    CASE_GET(":\n"),
    CASE_GET("X: y\r\n\0\n"),
    CASE_GET("Content-Length: 48\r\n"),
    CASE("Expect: 100-continue\r\nContent-Length: 0\r\n", ""),
    CASE("Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n", LAST),
    CASE("Connection: Content-Length\r\nContent-Length: 48\r\n", ""),
    CASE("Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n", LAST),
    CASE("Content-Length: 048\r\n", ""),
    CASE("Content-Length: +48\r\n", ""),
    CASE("Content-Length: 48,48\r\n", ""),
    CASE("Content-Length : 48\r\n", ""),
    CASE("Content_Length: 48\r\n", ""),
    CASE("Content-Length:\t48\r\n", ""),
    CASE("Host: b\r\nContent-Length: 48\r\n", ""),
    CHUNKED("0\n\n"),
    CHUNKED("00\r\n\r\n"),
    CHUNKED("0;x=\r\n\r\n"),
    CHUNKED("0;x=\ny\r\n\r\n"),
    CHUNKED("0\r\nX: y\r\n\r\n"),
    CHUNKED("0\r\nContent-Length: 48\r\n\r\n"),
    CHUNKED("0 \r\n\r\n"),
    CHUNKED("0\r\n \r\n\r\n"),
    CHUNKED("+0\r\n\r\n"),
    CHUNKED("0x0\r\n\r\n"),
    CHUNKED("-1\r\n\r\n"),
    CHUNKED("1\r\na\r\n0\r\n\r\n"),
    CHUNKED("1\na\n0\n\n"),
    CHUNKED("1;\n\r\na\r\n0\r\n\r\n"),
    CHUNKED("2\r\n\r\n\r\n0\r\n\r\n"),
    CHUNKED("5\r\nab\r\n\r\n0\r\n\r\n"),
    CHUNKED("10000000000000000\r\na\r\n0\r\n\r\n"),
    CHUNKED("0\r\n:\n"),
    CHUNKED("0\r\n\0\n"),
    CHUNKED("0\r\nA: b\0\n\r\n"),
};

static str bytes_of(struct cx *cx, size_t i)
{
    struct text t = text_in(cx->arena, 4096);
    text_printf(&t, "%s /open%03zu HTTP/1.1\r\nHost: a\r\n", cases[i].is_get ? "GET" : "POST", i);
    text_add(&t, cases[i].head);
    text_add(&t, S("\r\n"));
    text_add(&t, cases[i].body);
    size_t before = t.len;
    text_printf(&t, "GET /hidden%03zu HTTP/1.1\r\nHost: a\r\nX: 1234567\r\n\r\n", i);
    assert_int_equal(t.len - before, 48);
    return text_str(&t);
}

static void send_case(struct cx *cx, const struct proxy *p, size_t i)
{
    int fd = dial_port(p->port);
    assert_true(fd >= 0);
    struct timeval short_wait = {.tv_usec = 200000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &short_wait, sizeof short_wait);
    put(fd, bytes_of(cx, i));
    char scrap[4096];
    while (recv(fd, scrap, sizeof scrap, 0) > 0)
        ;
    close(fd);
    /* Another client's request, over the proxy's kept connection: it must get its own answer. */
    fd = dial_port(p->port);
    assert_true(fd >= 0);
    put(fd, arena_printf(cx->arena,
                         "GET /next%03zu HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", i));
    str got = get_all(cx, fd);
    close(fd);
    if (status_of(got) != 200 || !str_ends(got, S("ok")))
        fail_msg("after case %zu the next client got '" SFMT "'", i, SARG(got));
}

static bool is_known(struct cx *cx, const struct proxy *p, size_t i)
{
    str log = log_of(cx, p);
    size_t times = 0;
    char first[sizeof seen.at[0]];
    size_t n = seen_so_far(first);
    for (size_t k = 0; k < n; k++)
        times += strcmp(seen.at[k], seen.at[i]) == 0;
    return count_of(log, arena_printf(cx->arena, "PROXY %s\n", seen.at[i])) >= times;
}

static void run_behind(struct cx *cx, struct proxy *p, const char *elsewhere)
{
    if (elsewhere)
        p->program = elsewhere;
    if (access(p->program, X_OK) != 0) {
        skip();
        return;
    }
    struct http_server *server = NULL;
    struct http_options o = {.host = S("127.0.0.1"), .body_limit = any_body, .handle = note};
    assert_int_equal(http_open(cx, &o, &server), OK);
    seen_nothing();
    proxy_start(cx, p, http_port(server));
    for (size_t i = 0; i < COUNT(cases); i++)
        send_case(cx, p, i);
    char first[sizeof seen.at[0]];
    size_t n = seen_so_far(first);
    assert_true(n > COUNT(cases)); /* each next request, and some of the cases */
    for (size_t i = 0; i < n; i++) {
        int64_t until = clock_mono_ns() + (int64_t)PATIENCE_MS * 1000000;
        while (!is_known(cx, p, i)) {
            if (clock_mono_ns() > until)
                fail_msg("the proxy never saw '%s'", seen.at[i]);
            nap_ms(50);
        }
        if (i % 20 == 0)
            arena_reset(cx->arena);
    }
    proxy_stop(p);
    http_close(server, 1000);
}

static void a_hidden_request_is_answered_only_behind_one_that_was(void **state)
{
    struct cx *cx = *state;
    struct http_server *server = NULL;
    struct http_options o = {.host = S("127.0.0.1"), .body_limit = any_body, .handle = note};
    assert_int_equal(http_open(cx, &o, &server), OK);
    for (size_t i = 0; i < COUNT(cases); i++) {
        seen_nothing();
        int fd = dial_port(http_port(server));
        assert_true(fd >= 0);
        put(fd, bytes_of(cx, i));
        shutdown(fd, SHUT_WR);
        get_all(cx, fd);
        close(fd);
        bool is_chunked = has(cases[i].head, S("Transfer-Encoding: chunked"));
        char first[sizeof seen.at[0]];
        size_t n = seen_so_far(first);
        if (n > 2 || (n == 2 && is_chunked) || (n == 1 && strstr(first, "hidden")))
            fail_msg("case %zu: %zu answered, the first is %s", i, n, first);
    }
    http_close(server, 1000);
}

static void nginx_and_the_port_agree_on_where_requests_end(void **state)
{
    struct proxy nginx = {
        .program = "/usr/sbin/nginx",
        .args = {"-c", "CONFIG", "-e", "stderr"},
        .config =
            "daemon off; worker_processes 1; pid %3$s/pid;\nevents { worker_connections 64; }\n"
            "http { client_body_temp_path %3$s/body; proxy_temp_path %3$s/proxy;\n"
            "fastcgi_temp_path %3$s/fastcgi; uwsgi_temp_path %3$s/uwsgi; scgi_temp_path "
            "%3$s/scgi;\n"
            "log_format p 'PROXY $request_method $request_uri'; access_log %3$s/log p;\n"
            "upstream k { server 127.0.0.1:%2$d; keepalive 4; }\n"
            "server { listen 127.0.0.1:%1$d; location / { proxy_pass http://k; proxy_http_version "
            "1.1;\n"
            "proxy_set_header Connection \"\"; proxy_request_buffering off; } } }\n",
    };
    run_behind(*state, &nginx, getenv("KITH_NGINX"));
}

static void haproxy_and_the_port_agree_on_where_requests_end(void **state)
{
    struct proxy haproxy = {
        .program = "/usr/sbin/haproxy",
        .args = {"-f", "CONFIG"},
        .config =
            "global\n  log stdout format raw local0\ndefaults\n  mode http\n  log global\n"
            "  log-format \"PROXY %%HM %%HU\"\n  option http-keep-alive\n  http-reuse always\n"
            "  timeout client 5s\n  timeout server 5s\n  timeout connect 5s\n"
            "frontend f\n  bind 127.0.0.1:%1$d\n  default_backend k\n"
            "backend k\n  server s 127.0.0.1:%2$d # %3$s\n",
    };
    run_behind(*state, &haproxy, getenv("KITH_HAPROXY"));
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        TEST(a_hidden_request_is_answered_only_behind_one_that_was),
        TEST(nginx_and_the_port_agree_on_where_requests_end),
        TEST(haproxy_and_the_port_agree_on_where_requests_end),
    };
    return cmocka_run_group_tests(tests, test_cx_open, test_cx_close);
}
