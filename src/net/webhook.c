/* net/webhook.c - see webhook.h. */
#include "net/webhook.h"
#include "base/value.h"
#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <unistd.h>

const char *const webhook_end_codes[WEBHOOK_END_N] = {
    "sent", "status", "redirect", "inside", "name", "connect", "tls", "slow", "big", "broken"};

/* ---- addresses -------------------------------------------------------------------------------- */

struct net4 {
    uint32_t net;
    int bits;
};
/* RFC 6890 and what came after: not reached by the Internet, or not one host of it. */
static const struct net4 inside4[] = {
    {0x00000000, 8},  /* this host */
    {0x0a000000, 8},  /* private */
    {0x64400000, 10}, /* carrier's */
    {0x7f000000, 8},  /* loopback */
    {0xa9fe0000, 16}, /* link; where clouds keep their secrets */
    {0xac100000, 12}, /* private */
    {0xc0000000, 24}, /* protocol assignments */
    {0xc0000200, 24}, /* documentation */
    {0xc0586300, 24}, /* 6to4 relays */
    {0xc0a80000, 16}, /* private */
    {0xc6120000, 15}, /* benchmarks */
    {0xc6336400, 24}, /* documentation */
    {0xcb007100, 24}, /* documentation */
    {0xe0000000, 3},  /* multicast, reserved, broadcast */
};

static bool is_inside4(uint32_t a)
{
    for (size_t i = 0; i < COUNT(inside4); i++)
        if ((a ^ inside4[i].net) >> (32 - inside4[i].bits) == 0)
            return true;
    return false;
}

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Only 2000::/3 is the Internet; of it not: documentation, Teredo and other protocols' blocks. */
static bool is_inside6(const uint8_t *p)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    static const uint8_t nat64[12] = {0, 0x64, 0xff, 0x9b};
    if (memcmp(p, mapped, 12) == 0 || memcmp(p, nat64, 12) == 0)
        return is_inside4(be32(p + 12));
    if (p[0] == 0x20 && p[1] == 0x02) /* 6to4 */
        return is_inside4(be32(p + 2));
    if (p[0] == 0x20 && p[1] == 0x01)
        return p[2] < 0x02 || (p[2] == 0x0d && p[3] == 0xb8);
    if (p[0] == 0x3f && p[1] == 0xff)
        return p[2] < 0x10; /* documentation, 3fff::/20 */
    return (p[0] & 0xe0) != 0x20;
}

bool webhook_is_inside(const struct sockaddr *a)
{
    if (a->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, a, sizeof in);
        return is_inside4(ntohl(in.sin_addr.s_addr));
    }
    if (a->sa_family == AF_INET6) {
        struct sockaddr_in6 in;
        memcpy(&in, a, sizeof in);
        return is_inside6(in.sin6_addr.s6_addr);
    }
    return true;
}

static bool is_inside_host(const char *host)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    size_t n = strlen(host);
    if (inet_aton(host, &v4.sin_addr))
        return webhook_is_inside((const struct sockaddr *)&v4);
    char bare[64];
    snprintf(bare, sizeof bare, "%.*s", (int)strcspn(host, "%"), host);
    if (inet_pton(AF_INET6, bare, &v6.sin6_addr) == 1)
        return webhook_is_inside((const struct sockaddr *)&v6);
    return strcmp(host, "localhost") == 0 || (n > 10 && strcmp(host + n - 10, ".localhost") == 0);
}

/* The part of a URL in the arena; empty when there is none. */
static str part_of(struct arena *a, CURLU *u, CURLUPart part)
{
    char *s = NULL;
    str out = {0};
    if (curl_url_get(u, part, &s, 0) == CURLUE_OK && s)
        out = arena_str(a, str_of(s));
    curl_free(s);
    return out.ptr ? out : S("");
}

/* As names of hosts and addresses are written, after %XX was read; no empty label. */
static bool is_host(str h)
{
    bool is_v6 = memchr(h.ptr, ':', h.len) != NULL;
    if (h.len == 0 || h.len > 253 || h.ptr[0] == '.' || h.ptr[h.len - 1] == '.' ||
        str_find(h, S("..")) >= 0)
        return false;
    for (size_t i = 0; i < h.len; i++) {
        char c = h.ptr[i];
        bool is_word = (c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '.' || c == '_';
        if (!is_word && !(is_v6 && (c == ':' || c == '%')))
            return false;
    }
    return true;
}

enum webhook_url_fault webhook_url_read(struct arena *a, str url, struct webhook_url *out)
{
    *out = (struct webhook_url){0};
    for (size_t i = 0; i < url.len; i++)
        if ((unsigned char)url.ptr[i] <= 0x20 || (unsigned char)url.ptr[i] >= 0x7f)
            return WEBHOOK_URL_BROKEN;
    ptrdiff_t at = str_find(url, S("://"));
    if (at < 1 || url.len > WEBHOOK_URL_MAX || url.len < (size_t)at + 4 || url.ptr[at + 3] == '/' ||
        str_find(url, S("\\")) >= 0)
        return WEBHOOK_URL_BROKEN; /* others read http:///x and http:\\x as they like */
    CURLU *u = curl_url();
    if (!u)
        return WEBHOOK_URL_BROKEN;
    enum webhook_url_fault f = WEBHOOK_URL_GOOD;
    if (curl_url_set(u, CURLUPART_URL, arena_cstr(a, url), CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK) {
        curl_url_cleanup(u);
        return WEBHOOK_URL_BROKEN;
    }
    str scheme = part_of(a, u, CURLUPART_SCHEME), host = part_of(a, u, CURLUPART_HOST);
    bool has_user = part_of(a, u, CURLUPART_USER).len || part_of(a, u, CURLUPART_PASSWORD).len;
    curl_url_cleanup(u);
    out->is_https = str_eq_ascii_nocase(scheme, S("https"));
    if (!out->is_https && !str_eq_ascii_nocase(scheme, S("http")))
        f = WEBHOOK_URL_SCHEME;
    else if (has_user)
        f = WEBHOOK_URL_USER;
    else if (host.len == 0)
        f = WEBHOOK_URL_BROKEN;
    if (f != WEBHOOK_URL_GOOD)
        return f;
    if (host.len > 2 && host.ptr[0] == '[')
        host = (str){host.ptr + 1, host.len - 2};
    if (host.len > 1 && host.ptr[host.len - 1] == '.') /* "localhost." is localhost */
        host.len--;
    char *lower = arena_cstr(a, host);
    for (size_t i = 0; i < host.len; i++)
        if (lower[i] >= 'A' && lower[i] <= 'Z')
            lower[i] = (char)(lower[i] | 0x20);
    out->host = (str){lower, host.len};
    if (!is_host(out->host))
        return WEBHOOK_URL_BROKEN;
    struct in_addr v4;
    if (inet_aton(lower, &v4)) { /* 127.1, 0x7f000001, with a point behind: one way to write it */
        uint32_t n = ntohl(v4.s_addr);
        out->host = arena_printf(a, "%u.%u.%u.%u", n >> 24, n >> 16 & 255, n >> 8 & 255, n & 255);
        lower = arena_cstr(a, out->host);
    }
    return is_inside_host(lower) ? WEBHOOK_URL_INSIDE : WEBHOOK_URL_GOOD;
}

/* ---- signature ------------------------------------------------------------------------------------ */

str webhook_signature(struct arena *a, str secret, int64_t now_ms, str body)
{
    struct text t = text_in(a, body.len + 64), hex = text_in(a, 128);
    uint8_t mac[32];
    unsigned n = sizeof mac;
    int64_t s = now_ms / 1000;
    text_printf(&t, "%lld.", (long long)s);
    text_add(&t, body);
    HMAC(EVP_sha256(), secret.ptr, (int)secret.len, (const unsigned char *)t.ptr, t.len, mac, &n);
    text_printf(&hex, "t=%lld,v1=", (long long)s);
    for (size_t i = 0; i < sizeof mac; i++)
        text_printf(&hex, "%02x", mac[i]);
    return text_str(&hex);
}

int64_t webhook_pause_ms(int64_t tries, uint32_t random)
{
    static const int64_t pauses[] = {30, 60, 120, 300, 600, 1200, 2400, 3600, 7200, 14400};
    size_t i = tries < 1 ? 0 : (size_t)(tries - 1);
    int64_t s = pauses[i < COUNT(pauses) ? i : COUNT(pauses) - 1];
    return s * 1000 + s * 200 * (int64_t)(random % 1000) / 1000;
}

/* ---- sending ---------------------------------------------------------------------------------------- */

struct sending {
    struct webhooks *w;
    CURL *easy;
    struct curl_slist *headers;
    char *url, *body;
    int64_t tag, head, got;
    bool may_inside, was_inside, was_big;
    struct sending *next; /* among those that ended */
    CURLcode code;
    long status;
    int64_t retry_after_s;
};
struct webhooks {
    CURLM *multi;
    size_t running;
    struct sending *ended, *under_way[WEBHOOK_AT_ONCE];
    struct webhook_options o;
    char *ca_file;
};

/* The address that the name was resolved to, just before the connection goes there. */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct sending *s = arg;
    (void)purpose;
    if (!s->may_inside && webhook_is_inside(&a->addr)) {
        s->was_inside = true;
        return CURL_SOCKET_BAD;
    }
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static size_t take_head(char *p, size_t size, size_t n, void *arg)
{
    struct sending *s = arg;
    (void)p;
    s->head += (int64_t)(size * n);
    s->was_big = s->was_big || s->head > s->w->o.answer_bytes;
    return s->was_big ? 0 : size * n;
}

static size_t take_body(char *p, size_t size, size_t n, void *arg)
{
    struct sending *s = arg;
    (void)p;
    s->got += (int64_t)(size * n);
    s->was_big = s->was_big || s->got > s->w->o.answer_bytes;
    return s->was_big ? 0 : size * n;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static void begin_curl(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct webhooks *webhooks_open(const struct webhook_options *o)
{
    pthread_once(&once, begin_curl);
    struct webhooks *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->o = *o;
    w->o.ms = o->ms ? o->ms : 15000;
    w->o.connect_ms = o->connect_ms ? o->connect_ms : 5000;
    w->o.answer_bytes = o->answer_bytes ? o->answer_bytes : 65536;
    const char *from = getenv("SSL_CERT_FILE");
    if (o->ca_file.len)
        w->ca_file = strndup(o->ca_file.ptr, o->ca_file.len);
    else if (from && *from)
        w->ca_file = strdup(from);
    w->multi = curl_multi_init();
    if (!w->multi) {
        webhooks_close(w);
        return NULL;
    }
    curl_multi_setopt(w->multi, CURLMOPT_MAXCONNECTS, (long)WEBHOOK_AT_ONCE);
    curl_multi_setopt(w->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    return w;
}

static void sending_free(struct sending *s)
{
    if (!s)
        return;
    if (s->easy)
        curl_easy_cleanup(s->easy);
    curl_slist_free_all(s->headers);
    free(s->url);
    free(s->body);
    free(s);
}

void webhooks_close(struct webhooks *w)
{
    if (!w)
        return;
    for (size_t i = 0; i < WEBHOOK_AT_ONCE; i++)
        if (w->under_way[i]) {
            curl_multi_remove_handle(w->multi, w->under_way[i]->easy);
            sending_free(w->under_way[i]);
        }
    while (w->ended) {
        struct sending *s = w->ended;
        w->ended = s->next;
        sending_free(s);
    }
    if (w->multi)
        curl_multi_cleanup(w->multi);
    free(w->ca_file);
    free(w);
}

static bool header_add(struct sending *s, const char *line)
{
    struct curl_slist *more = curl_slist_append(s->headers, line);
    if (more)
        s->headers = more;
    return more != NULL;
}

static bool headers_of(struct sending *s, const struct webhook_request *r)
{
    bool is_good = header_add(s, "Content-Type: application/json") && header_add(s, "Expect:");
    for (size_t i = 0; i < r->n && is_good; i++) {
        char line[1024];
        int n = snprintf(line, sizeof line, SFMT ": " SFMT, SARG(r->headers[i].name),
                         SARG(r->headers[i].value));
        is_good = n > 0 && (size_t)n < sizeof line && !strpbrk(line, "\r\n") && header_add(s, line);
    }
    return is_good;
}

static bool options_of(struct webhooks *w, struct sending *s, size_t body_len)
{
    CURL *c = s->easy;
    CURLcode e = CURLE_OK;
#define SET(option, value) e = e != CURLE_OK ? e : curl_easy_setopt(c, option, value)
    SET(CURLOPT_URL, s->url);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_POST, 1L);
    SET(CURLOPT_POSTFIELDS, s->body);
    SET(CURLOPT_POSTFIELDSIZE, (long)body_len);
    SET(CURLOPT_HTTPHEADER, s->headers);
    SET(CURLOPT_USERAGENT, "Kith/" KITH_VERSION);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_QUICK_EXIT,
        1L); /* a name server that does not answer does not keep us from stopping */
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)w->o.connect_ms);
    SET(CURLOPT_TIMEOUT_MS, (long)w->o.ms);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    /* Each message a new connection: one that was opened for an allowed host is never lent to another. */
    SET(CURLOPT_FRESH_CONNECT, 1L);
    SET(CURLOPT_FORBID_REUSE, 1L);
    SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
    SET(CURLOPT_OPENSOCKETDATA, s);
    SET(CURLOPT_HEADERFUNCTION, take_head);
    SET(CURLOPT_HEADERDATA, s);
    SET(CURLOPT_WRITEFUNCTION, take_body);
    SET(CURLOPT_WRITEDATA, s);
    SET(CURLOPT_PRIVATE, s);
    if (w->ca_file)
        SET(CURLOPT_CAINFO, w->ca_file);
#undef SET
    return e == CURLE_OK;
}

bool webhooks_add(struct webhooks *w, const struct webhook_request *r)
{
    size_t place = 0;
    while (place < WEBHOOK_AT_ONCE && w->under_way[place])
        place++;
    if (place == WEBHOOK_AT_ONCE || r->body.len > WEBHOOK_BODY_MAX)
        return false;
    struct sending *s = calloc(1, sizeof *s);
    if (!s)
        return false;
    *s = (struct sending){.w = w, .tag = r->tag, .may_inside = r->may_inside};
    s->easy = curl_easy_init();
    s->url = strndup(r->url.ptr ? r->url.ptr : "", r->url.len);
    s->body = malloc(r->body.len + 1);
    if (s->body)
        memcpy(s->body, r->body.ptr ? r->body.ptr : "", r->body.len);
    if (!s->easy || !s->url || !s->body || !headers_of(s, r) || !options_of(w, s, r->body.len) ||
        curl_multi_add_handle(w->multi, s->easy) != CURLM_OK) {
        sending_free(s);
        return false;
    }
    w->under_way[place] = s;
    w->running++;
    return true;
}

size_t webhooks_running(const struct webhooks *w)
{
    return w->running;
}

static void end_of(struct webhooks *w, CURLMsg *m)
{
    struct sending *s = NULL;
    curl_off_t after = 0;
    if (curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&s) != CURLE_OK || !s)
        return;
    s->code = m->data.result;
    (void)curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &s->status);
    (void)curl_easy_getinfo(s->easy, CURLINFO_RETRY_AFTER, &after);
    s->retry_after_s = (int64_t)after;
    curl_multi_remove_handle(w->multi, s->easy);
    for (size_t i = 0; i < WEBHOOK_AT_ONCE; i++)
        if (w->under_way[i] == s)
            w->under_way[i] = NULL;
    w->running--;
    s->next = w->ended;
    w->ended = s;
}

void webhooks_run(struct webhooks *w, int wait_ms)
{
    int running = 0, left = 0;
    CURLMsg *m;
    (void)curl_multi_perform(w->multi, &running);
    if (!w->ended && (size_t)running == w->running)
        (void)curl_multi_poll(w->multi, NULL, 0, wait_ms, NULL);
    (void)curl_multi_perform(w->multi, &running);
    while ((m = curl_multi_info_read(w->multi, &left)))
        if (m->msg == CURLMSG_DONE)
            end_of(w, m);
}

static enum webhook_end kind_of(const struct sending *s)
{
    if (s->was_big)
        return WEBHOOK_BIG;
    if (s->was_inside && s->code != CURLE_OK)
        return WEBHOOK_INSIDE;
    switch (s->code) {
    case CURLE_OK:
        if (s->status >= 200 && s->status < 300)
            return WEBHOOK_SENT;
        return s->status >= 300 && s->status < 400 ? WEBHOOK_REDIRECT : WEBHOOK_STATUS;
    case CURLE_COULDNT_RESOLVE_HOST:
        return WEBHOOK_NAME;
    case CURLE_COULDNT_CONNECT:
        return WEBHOOK_CONNECT;
    case CURLE_OPERATION_TIMEDOUT:
        return WEBHOOK_SLOW;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CIPHER:
        return WEBHOOK_TLS;
    default:
        return WEBHOOK_BROKEN;
    }
}

bool webhooks_ended(struct webhooks *w, struct webhook_result *out)
{
    struct sending *s = w->ended;
    if (!s)
        return false;
    w->ended = s->next;
    *out = (struct webhook_result){.tag = s->tag,
                                   .end = kind_of(s),
                                   .status = (int)s->status,
                                   .retry_after_s = s->retry_after_s};
    sending_free(s);
    return true;
}

void webhooks_wake(struct webhooks *w)
{
    (void)curl_multi_wakeup(w->multi);
}
