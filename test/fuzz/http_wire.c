/* Fuzz target: raw bytes to a real server over loopback. A second, strict and slow reader of
 * HTTP/1.1 counts the requests in the same bytes; the server must not have answered more than that.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/value.h"
#include "net/guard.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct http_server *server;
static const char mark[] = "=answered=";

static void handle(void *arg, struct http_exchange *x)
{
    (void)arg;
    assert(http_request(x)->path.len > 0 && http_request(x)->path.ptr[0] == '/');
    http_reply(x, 200, S("text/plain"), NULL, 0, S("=answered="), true);
}

static size_t limit(void *arg, enum http_method m, str path)
{
    (void)arg, (void)m, (void)path;
    return 1000;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    struct cx cx = {.arena = arena_open(1 << 20)};
    struct http_options o = {
        .host = S("127.0.0.1"), .threads = 1, .body_limit = limit, .handle = handle};
    log_level_set(LOG_ERROR);
    if (http_open(&cx, &o, &server) != OK)
        abort();
    arena_close(cx.arena);
    return 0;
}

/* ---- the strict reader
 * --------------------------------------------------------------------------- */

/* Cuts a line that ends with CRLF and holds no other control byte than tabs. NUL LF, and LF NUL before the CRLF that ends a head, are
 * the other ends that the port cannot tell from it (docs/decisions/010-http-port.md). */
static bool line_cut(str *rest, str *line)
{
    ptrdiff_t lf = str_find(*rest, S("\n"));
    if (lf < 0)
        return false;
    size_t at = (size_t)lf, end = at;
    if (at > 0 && (rest->ptr[at - 1] == '\r' || rest->ptr[at - 1] == 0))
        end = at - 1;
    else if (str_starts((str){rest->ptr + at + 1, rest->len - at - 1}, S("\0\r\n")))
        at++;
    else
        return false;
    *line = (str){rest->ptr, end};
    rest->ptr += at + 1;
    rest->len -= at + 1;
    for (size_t i = 0; i < line->len; i++)
        if (((unsigned char)line->ptr[i] < 0x20 && line->ptr[i] != '\t') || line->ptr[i] == 0x7f)
            return false;
    return true;
}

/* Reads one request; *is_last: nothing behind it may be answered. */
static bool request_cut(str *rest, bool *is_last)
{
    /* Blank lines in front are passed over, and so is a line that begins with NUL. */
    while (rest->len > 0 &&
           (rest->ptr[0] == '\n' || rest->ptr[0] == 0 || str_starts(*rest, S("\r\n")))) {
        ptrdiff_t at = str_find(*rest, S("\n"));
        size_t n = at < 0 ? rest->len : (size_t)at + 1;
        rest->ptr += n;
        rest->len -= n;
    }
    str line;
    if (!line_cut(rest, &line))
        return false;
    str version = line, method = str_cut(&version, ' '), uri = str_cut(&version, ' ');
    if (method.len == 0 || uri.len == 0 ||
        (!str_eq(version, S("HTTP/1.1")) && !str_eq(version, S("HTTP/1.0"))))
        return false;
    int64_t length = 0;
    size_t hosts = 0, lengths = 0, codings = 0;
    for (;;) {
        if (str_starts(*rest, S(":\n"))) { /* the other blank line it cannot tell */
            rest->ptr += 2;
            rest->len -= 2;
            break;
        }
        if (!line_cut(rest, &line))
            return false;
        if (line.len == 0)
            break;
        str value = line, name = str_cut(&value, ':');
        if (name.len == 0 || name.len == line.len || memchr(name.ptr, ' ', name.len) ||
            memchr(name.ptr, '\t', name.len))
            return false;
        value = str_trim(value);
        hosts += str_eq_ascii_nocase(name, S("host"));
        if (str_eq_ascii_nocase(name, S("content-length"))) {
            lengths++;
            if (value.len == 0 || !is_digit(value.ptr[0]) || !str_to_int(value, &length))
                return false;
        }
        if (str_eq_ascii_nocase(name, S("transfer-encoding"))) {
            codings++;
            if (!str_eq_ascii_nocase(value, S("chunked")))
                return false;
        }
    }
    if (hosts > 1 || lengths > 1 || codings > 1 || (lengths && codings) || length > 1000)
        return false;
    if (hosts == 0 && str_eq(version, S("HTTP/1.1")))
        return false;
    *is_last = codings > 0;
    if ((size_t)length > rest->len)
        return false;
    rest->ptr += length;
    rest->len -= (size_t)length;
    return true;
}

static size_t requests_in(str bytes)
{
    size_t n = 0;
    bool is_last = false;
    while (!is_last && request_cut(&bytes, &is_last))
        n++;
    return n;
}

/* Each from another address of this machine in turn: of one address all ports are soon resting after connections of before. */
static int connection(void)
{
    enum { ADDRESSES = 1000 };
    static uint32_t n;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
    struct sockaddr_in from = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK + n++ % ADDRESSES)},
                       to = {.sin_family = AF_INET,
                             .sin_port = htons(http_port(server)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd >= 0 && setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes) == 0 &&
        bind(fd, (struct sockaddr *)&from, sizeof from) == 0 &&
        connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    if (fd < 0 || errno != EINTR) {
        perror("fuzz-http_wire: no connection");
        abort();
    }
    close(fd); /* the fuzzer's own clock rang meanwhile */
    return connection();
}

static size_t answers_to(const uint8_t *data, size_t size)
{
    int fd = connection();
    for (size_t at = 0; at < size;) {
        ssize_t n = send(fd, data + at, size - at, MSG_NOSIGNAL);
        if (n <= 0)
            break;
        at += (size_t)n;
    }
    static char got[1 << 20];
    size_t len = 0;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (len < sizeof got && poll(&p, 1, 5) > 0) {
        ssize_t n = recv(fd, got + len, sizeof got - len, 0);
        if (n <= 0)
            break;
        len += (size_t)n;
    }
    close(fd);
    assert(len == 0 || str_starts((str){got, len}, S("HTTP/1.1 ")));
    size_t answers = 0;
    for (str s = {got, len};;) {
        ptrdiff_t at = str_find(s, (str){mark, sizeof mark - 1});
        if (at < 0)
            return answers;
        answers++;
        s.ptr += (size_t)at + sizeof mark - 1;
        s.len -= (size_t)at + sizeof mark - 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 60000)
        return 0;
    size_t answers = answers_to(data, size),
           requests = requests_in((str){(const char *)data, size});
    assert(answers <= requests);
    return 0;
}
