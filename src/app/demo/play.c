/* Plays incoming calls by the telephone link, over loopback, as a telephone system would: rings the desks that are ready,
 * the first of them answers, they talk, the caller hangs up. Sometimes nobody answers in time.
 */
#include "app/demo/play.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { REPLY_MAX = 1 << 18, RING_S = 7, MISSED_S = 14, REST_S = 4, LOOK_S = 2, PER_RING = 3 };

struct player {
    uint16_t port;
    const struct demo_play *play;
    int64_t talk_s;
    const atomic_bool *stop;
    char reply[REPLY_MAX];
};

static bool rest(const struct player *p, int64_t seconds)
{
    const struct timespec nap = {.tv_nsec = 100000000};
    for (int64_t i = 0; i < seconds * 10 && !atomic_load(p->stop); i++)
        nanosleep(&nap, NULL);
    return !atomic_load(p->stop);
}

/* One request on a connection of its own; the body of a 2xx answer, or empty. */
static str ask(struct player *p, const char *request)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(p->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval limit = {.tv_sec = 5};
    size_t n = 0;
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0 &&
        connect(fd, (struct sockaddr *)&to, sizeof to) == 0 &&
        send(fd, request, strlen(request), MSG_NOSIGNAL) > 0) {
        for (ssize_t got;
             n < sizeof p->reply && (got = recv(fd, p->reply + n, sizeof p->reply - n, 0)) > 0;)
            n += (size_t)got;
    }
    if (fd >= 0)
        close(fd);
    str all = {p->reply, n};
    ptrdiff_t head = str_find(all, S("\r\n\r\n"));
    if (head < 0 || !str_starts(all, S("HTTP/1.1 2")))
        return S("");
    return (str){all.ptr + head + 4, n - (size_t)head - 4};
}

static bool tell(struct player *p, const char *event, str from, const char *call, const char *more)
{
    char body[512], request[1024];
    /* '+' is the only character of a number that a form must escape */
    const char *plus = from.len ? "%2B" : "anonymous";
    str digits = from.len ? (str){from.ptr + 1, from.len - 1} : S("");
    snprintf(body, sizeof body,
             "event=%s&direction=in&from=%s" SFMT "&to=%%2B442079460100&queue=sales&callId=%s%s",
             event, plus, SARG(digits), call, more);
    snprintf(request, sizeof request,
             "POST /api/v1/cti/" SFMT " HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nConnection: close\r\n"
             "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %zu\r\n\r\n%s",
             SARG(p->play->link_token), p->port, strlen(body), body);
    return ask(p, request).len > 0;
}

struct ready {
    char extension[PER_RING][32];
    size_t n;
};

static struct ready ready_desks(struct player *p)
{
    struct ready out = {0};
    char request[512];
    snprintf(
        request, sizeof request,
        "GET /api/v1/desks HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nConnection: close\r\nAuthorization: Bearer " SFMT
        "\r\n\r\n",
        p->port, SARG(p->play->api_token));
    str body = ask(p, request);
    json_t *desks = json_loadb(body.ptr, body.len, JSON_DISABLE_EOF_CHECK, NULL), *desk;
    size_t i = 0;
    json_array_foreach(json_object_get(desks, "items"), i, desk)
    {
        const char *state = json_string_value(json_object_get(desk, "state"));
        const char *extension =
            json_string_value(json_array_get(json_object_get(desk, "extensions"), 0));
        if (state && extension && strcmp(state, "ready") == 0 && strlen(extension) < 32 &&
            out.n < PER_RING)
            snprintf(out.extension[out.n++], 32, "%s", extension);
    }
    json_decref(desks);
    return out;
}

static void one_call(struct player *p, const struct ready *desks, str from, unsigned n,
                     bool is_missed)
{
    char call[64], users[256] = "", answer[64];
    snprintf(call, sizeof call, "demo-%lld-%u", (long long)clock_now_ms(), n);
    for (size_t i = 0, at = 0; i < desks->n; i++)
        at += (size_t)snprintf(users + at, sizeof users - at, "&user%%5B%%5D=%s",
                               desks->extension[i]);
    if (!tell(p, "newCall", from, call, users))
        return;
    if (is_missed) {
        (void)rest(p, MISSED_S);
        (void)tell(p, "hangup", from, call, "&cause=noAnswer");
        return;
    }
    (void)rest(p, RING_S);
    snprintf(answer, sizeof answer, "&answeringNumber=%s", desks->extension[0]);
    if (tell(p, "answer", from, call, answer))
        (void)rest(p, p->talk_s);
    (void)tell(p, "hangup", from, call, "&cause=normalClearing");
}

void demo_play_calls(uint16_t port, const struct demo_play *play, int64_t talk_s,
                     const atomic_bool *stop)
{
    struct player *p = calloc(1, sizeof *p);
    if (!p)
        return;
    *p = (struct player){.port = port, .play = play, .talk_s = talk_s, .stop = stop};
    for (unsigned n = 0; play->n_callers && rest(p, LOOK_S);) {
        struct ready desks = ready_desks(p);
        if (!desks.n)
            continue;
        one_call(p, &desks, play->callers[n % play->n_callers], n, n % 9 == 8);
        n++;
        (void)rest(p, REST_S);
    }
    free(p);
}
