/* net/http.c - the HTTP port: libmicrohttpd's callbacks, requests, replies, opening and closing. */
#include "net/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/field.h"
#include "base/value.h"
#include "messages.h"
#include "net/http_inner.h"

enum {
    POOL_BYTES = 12 * 1024,  /* libmicrohttpd's memory of a connection: head, records, reply head */
    POOL_RESERVE = 2 * 1024, /* of it, for the reply's head */
    POOL_RECORD = 56,        /* what it keeps per header, cookie and query argument */
    ARENA_BYTES = 16 * 1024 * 1024,
    BODIES_BYTES = 96 * 1024 * 1024, /* all bodies being received together */
    LOG_LINES_PER_S = 10,
};

/* The walk of the head (below) knows how 0.9.75 leaves its buffer; 1.x refuses these forms itself.
 */
_Static_assert(MHD_VERSION < 0x01000000, "look at walk_header again");

const char *const http_method_names[HTTP_METHOD_N] = {"GET",   "HEAD",   "POST",   "PUT",
                                                      "PATCH", "DELETE", "OPTIONS"};

/* ---- the life of an exchange
 * --------------------------------------------------------------------- */

static void server_drop(struct http_server *s)
{
    if (atomic_fetch_sub(&s->refs, 1) > 1)
        return;
    for (size_t i = 0; i < s->n_arenas; i++)
        arena_close(s->arenas[i]);
    pthread_mutex_destroy(&s->lock);
    pthread_mutex_destroy(&s->flush_lock);
    pthread_mutex_destroy(&s->arena_lock);
    tls_close(s->tls);
    arena_close(s->own);
    free(s->proxies);
    free(s->daemons);
    free(s->daemon_conns);
    free(s);
}

static void arena_give_back(struct http_server *s, struct arena *a)
{
    if (!a)
        return;
    arena_reset(a);
    pthread_mutex_lock(&s->arena_lock);
    bool is_kept = s->n_arenas < COUNT(s->arenas);
    if (is_kept)
        s->arenas[s->n_arenas++] = a;
    pthread_mutex_unlock(&s->arena_lock);
    if (!is_kept)
        arena_close(a);
}

struct arena *http_arena(struct http_exchange *x)
{
    if (x->arena)
        return x->arena;
    struct http_server *s = x->server;
    pthread_mutex_lock(&s->arena_lock);
    if (s->n_arenas > 0)
        x->arena = s->arenas[--s->n_arenas];
    pthread_mutex_unlock(&s->arena_lock);
    if (!x->arena)
        x->arena = arena_open(ARENA_BYTES);
    return x->arena;
}

static void body_free(struct http_exchange *x)
{
    atomic_fetch_sub(&x->server->body_bytes, (int64_t)x->body_cap);
    free(x->body);
    x->body = NULL;
    x->body_cap = 0;
}

void exchange_drop(struct http_exchange *x)
{
    if (atomic_fetch_sub(&x->refs, 1) > 1)
        return;
    if (x->free_owner)
        x->free_owner(x->owner);
    if (x->response)
        MHD_destroy_response(x->response);
    arena_give_back(x->server, x->arena);
    body_free(x);
    flow_free(x->flow);
    free(x->head);
    free(x->headers);
    pthread_mutex_destroy(&x->lock);
    struct http_server *s = x->server;
    free(x);
    server_drop(s);
}

/* libmicrohttpd has read a request line: uri is as it came, and will not be so again. */
static void *on_uri(void *arg, const char *uri, struct MHD_Connection *c)
{
    struct http_server *s = arg;
    struct conn *conn =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    size_t len = strlen(uri);
    struct http_exchange *x = conn ? calloc(1, sizeof *x + len + 1) : NULL;
    if (!x)
        return NULL;
    memcpy(x->uri, uri, len);
    x->uri_len = len;
    x->server = s;
    x->conn = conn;
    x->mhd = c;
    atomic_init(&x->refs, 1);
    atomic_fetch_add(&s->refs, 1);
    pthread_mutex_init(&x->lock, NULL);
    x->request.number = atomic_fetch_add(&s->number, 1) + 1;
    x->request.started_ns = clock_mono_ns();
    atomic_store(&conn->phase, CONN_BUSY);
    deadline_set(conn, x->request.started_ns + s->options.header_seconds * NS_PER_S);
    atomic_fetch_add_explicit(&s->requests, 1, memory_order_relaxed);
    return x;
}

static void on_completed(void *arg, struct MHD_Connection *c, void **slot,
                         enum MHD_RequestTerminationCode code)
{
    (void)c;
    struct http_server *s = arg;
    struct http_exchange *x = *slot;
    *slot = NULL;
    if (!x)
        return;
    struct conn *conn = x->conn;
    pthread_mutex_lock(&s->lock);
    conn->x = NULL;
    pthread_mutex_unlock(&s->lock);
    pthread_mutex_lock(&x->lock);
    x->conn = NULL;
    x->mhd = NULL;
    x->state = X_OVER;
    if (x->flow)
        flow_over(x);
    pthread_mutex_unlock(&x->lock);
    if (code != MHD_REQUEST_TERMINATED_COMPLETED_OK)
        atomic_store(&conn->wants_linger, true);
    atomic_store(&conn->phase, CONN_IDLE);
    deadline_set(conn, clock_mono_ns() + s->options.idle_seconds * NS_PER_S);
    if (x->stream)
        stream_closed(x->stream);
    exchange_drop(x);
}

/* ---- replies
 * ---------------------------------------------------------------------------------------- */

/* False: there was no memory for it. */
static bool header_put(struct MHD_Response *r, const char *name, const char *value, bool *is_one)
{
    errno = 0;
    *is_one = MHD_add_response_header(r, name, value) == MHD_YES;
    return *is_one || errno != ENOMEM;
}

static bool header_add(struct MHD_Response *r, str name, str value)
{
    char small[512];
    size_t need = name.len + value.len + 2;
    char *z = need <= sizeof small ? small : malloc(need);
    if (!z)
        return false;
    memcpy(z, name.ptr, name.len);
    z[name.len] = 0;
    if (value.len)
        memcpy(z + name.len + 1, value.ptr, value.len);
    z[name.len + 1 + value.len] = 0;
    bool is_one = false, had_memory = true;
    if (!memchr(value.ptr ? value.ptr : "", 0, value.len))
        had_memory = header_put(r, z, z + name.len + 1, &is_one);
    if (!is_one && had_memory)
        log_line(LOG_ERROR, "http.header", "name=" SFMT " problem=not_a_header", SARG(name));
    if (z != small)
        free(z);
    return had_memory;
}

/* Better no answer than one without the headers that protect its reader. */
static void cut_for_memory(struct http_exchange *x)
{
    pthread_mutex_lock(&x->lock);
    if (x->conn)
        shutdown(x->conn->fd, SHUT_RDWR);
    pthread_mutex_unlock(&x->lock);
    log_line(LOG_ERROR, "http.header", "problem=no_memory");
}

void response_headers(struct http_exchange *x, struct MHD_Response *r, str content_type,
                      const struct http_header *headers, size_t n)
{
    static const struct {
        const char *name, *value;
        bool only_tls;
    } standard[] = {
        {"Cache-Control", "no-store", false},
        {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'", false},
        {"X-Content-Type-Options", "nosniff", false},
        {"Referrer-Policy", "same-origin", false},
        {"Cross-Origin-Opener-Policy", "same-origin", false},
        {"Cross-Origin-Resource-Policy", "same-origin", false},
        {"Strict-Transport-Security", "max-age=31536000", true},
    };
    bool is_whole = true, is_one = true;
    if (content_type.len)
        is_whole = header_add(r, S("Content-Type"), content_type);
    for (size_t i = 0; i < n; i++)
        is_whole &= header_add(r, headers[i].name, headers[i].value);
    for (size_t i = 0; i < COUNT(standard); i++) {
        bool is_given = standard[i].only_tls && !x->request.is_tls;
        for (size_t k = 0; k < n && !is_given; k++)
            is_given = str_eq_ascii_nocase(headers[k].name, str_of(standard[i].name));
        if (!is_given)
            is_whole &= header_put(r, standard[i].name, standard[i].value, &is_one);
    }
    if (x->must_close || atomic_load(&x->server->is_closing))
        is_whole &= header_put(r, "Connection", "close", &is_one);
    if (!is_whole)
        cut_for_memory(x);
}

void exchange_answer(struct http_exchange *x, unsigned status, struct MHD_Response *r)
{
    pthread_mutex_lock(&x->lock);
    assert(!x->is_answered);
    x->is_answered = true;
    x->status = status;
    x->response = r;
    struct MHD_Connection *sleeping = x->state == X_SUSPENDED ? x->mhd : NULL;
    if (sleeping)
        x->state = X_READY;
    else if (x->flow && x->mhd && flow_wake(x))
        sleeping = x->mhd; /* in the middle of its body */
    pthread_mutex_unlock(&x->lock);
    if (sleeping)
        MHD_resume_connection(sleeping);
    exchange_drop(x);
}

/* In the middle of a body libmicrohttpd takes no reply: one that comes then is sent as bytes. */
static void early_answer(struct http_exchange *x, int status, str content_type,
                         const struct http_header *headers, size_t n, str body)
{
    pthread_mutex_lock(&x->lock);
    if (flow_is_early(x) && http_arena(x)) {
        str later = {0}; /* of what is given only this one is not said below */
        for (size_t i = 0; i < n; i++)
            if (str_eq(headers[i].name, S("Retry-After")))
                later = arena_printf(x->arena, "Retry-After: " SFMT "\r\n", SARG(headers[i].value));
        flow_raw_set(
            x, arena_printf(x->arena,
                            "HTTP/1.1 %d Refused\r\nContent-Type: " SFMT
                            "\r\nContent-Length: %zu\r\nCache-Control: no-store\r\n"
                            "X-Content-Type-Options: nosniff\r\n"
                            "Content-Security-Policy: default-src 'none'; "
                            "frame-ancestors 'none'\r\n" SFMT "Connection: close\r\n\r\n" SFMT,
                            status, SARG(content_type), body.len, SARG(later), SARG(body)));
    }
    pthread_mutex_unlock(&x->lock);
}

void http_reply(struct http_exchange *x, int status, str content_type,
                const struct http_header *headers, size_t n, str body, bool body_lives)
{
    struct MHD_Response *r = MHD_create_response_from_buffer(
        body.len, (void *)(uintptr_t)(body.ptr ? body.ptr : ""),
        body_lives ? MHD_RESPMEM_PERSISTENT : MHD_RESPMEM_MUST_COPY);
    if (r)
        response_headers(x, r, content_type, headers, n);
    x->reply_len = body.len;
    if (x->flow)
        early_answer(x, status, content_type, headers, n, body);
    exchange_answer(x, (unsigned)status, r);
}

/* A body of n bytes that began then: the grace and the time it takes at the slowest rate allowed.
 */
static void transfer_deadline(struct http_exchange *x, int64_t began_ns, size_t n)
{
    const struct http_options *o = &x->server->options;
    int64_t rate = o->body_bytes_per_second, whole = (int64_t)n / rate, rest = (int64_t)n % rate;
    deadline_set(x->conn,
                 began_ns + (o->header_seconds + whole) * NS_PER_S + rest * NS_PER_S / rate);
}

/* Gives a finished response to libmicrohttpd, which closes the connection when there is none. */
static enum MHD_Result send_response(struct http_exchange *x)
{
    if (!x->response)
        return MHD_NO;
    if (!x->stream)
        transfer_deadline(x, clock_mono_ns(), x->reply_len);
    pthread_mutex_lock(&x->lock);
    if (x->flow)
        deadline_set(x->conn, clock_mono_ns() + (int64_t)30 * NS_PER_S);
    pthread_mutex_unlock(&x->lock);
    pthread_mutex_lock(&x->lock);
    x->state = X_SENDING;
    pthread_mutex_unlock(&x->lock);
    return MHD_queue_response(x->mhd, x->status, x->response);
}

/* ---- refusals
 * ----------------------------------------------------------------------------------------- */

static void log_refusal(struct http_exchange *x, enum refusal why)
{
    struct http_server *s = x->server;
    atomic_fetch_add(&s->refused, 1);
    int64_t now = clock_mono_ns();
    if (now - atomic_load(&s->log_window_ns) > NS_PER_S) {
        atomic_store(&s->log_window_ns, now);
        atomic_store(&s->log_lines, 0);
    }
    if (atomic_fetch_add(&s->log_lines, 1) >= LOG_LINES_PER_S)
        return;
    char peer[NET_ADDR_TEXT];
    str p = net_addr_text(&x->conn->addr, peer);
    const struct refusal_row *row = guard_refusal(why);
    log_line(LOG_INFO, "http.refused", "request=%llu status=%d why=%s peer=" SFMT,
             (unsigned long long)x->request.number, row->status, msg_name(row->msg), SARG(p));
}

/* problem+json of a refusal, in the language asked for. */
static str refusal_body(struct http_exchange *x, enum refusal why)
{
    const struct refusal_row *row = guard_refusal(why);
    struct arena *a = http_arena(x);
    if (!a)
        return (str){0};
    str wish = guard_header(x->headers, x->n_headers, S("accept-language"));
    str detail = msg_text(a, lang_pick(wish, LANG_EN), row->msg, NULL, 0);
    struct text t = text_in(a, 4096);
    struct json_out j = {.to = &t};
    json_object_begin(&j);
    json_key(&j, S("status"));
    json_int(&j, row->status);
    json_key(&j, S("code"));
    json_str(&j, str_of(row->code));
    json_key(&j, S("title"));
    json_str(&j, detail);
    json_key(&j, S("detail"));
    json_str(&j, detail);
    json_object_end(&j);
    return text_str(&t);
}

/* Answers in the first call of the handler, that is before the body: libmicrohttpd then closes. */
static enum MHD_Result refuse(struct http_exchange *x, enum refusal why)
{
    log_refusal(x, why);
    x->must_close = true;
    atomic_store(&x->conn->wants_linger, true);
    const struct refusal_row *row = guard_refusal(why);
    str body = refusal_body(x, why);
    struct MHD_Response *r = MHD_create_response_from_buffer(
        body.len, (void *)(uintptr_t)(body.ptr ? body.ptr : ""), MHD_RESPMEM_PERSISTENT);
    if (!r)
        return MHD_NO;
    const struct http_header allow = {S("Allow"),
                                      S("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")},
                             later = {S("Retry-After"), S("5")},
                             *extra = row->status == 405   ? &allow
                                      : row->status == 503 ? &later
                                                           : NULL;
    response_headers(x, r, S("application/problem+json"), extra, extra ? 1 : 0);
    x->response = r;
    x->status = (unsigned)row->status;
    return send_response(x);
}

/* To the connection itself, which is closed then. */
static enum MHD_Result send_raw(struct http_exchange *x, str all)
{
    atomic_store(&x->conn->wants_linger, true);
    if (x->server->tls) {
        gnutls_session_t tls =
            MHD_get_connection_info(x->mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session;
        (void)!gnutls_record_send(tls, all.ptr, all.len);
    } else {
        (void)!send(x->conn->fd, all.ptr, all.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    return MHD_NO;
}

/* In the middle of a body libmicrohttpd takes no reply; nothing of ours is on its way then, so the
 * refusal is written to the connection directly and the connection closed. */
static enum MHD_Result refuse_in_body(struct http_exchange *x, enum refusal why)
{
    log_refusal(x, why);
    atomic_store(&x->conn->wants_linger, true);
    const struct refusal_row *row = guard_refusal(why);
    pthread_mutex_lock(&x->lock); /* who reads a body that flows may be answering just now */
    str body = refusal_body(x, why);
    bool has_room = x->arena != NULL;
    str all = {0};
    if (has_room)
        all = arena_printf(http_arena(x),
                           "HTTP/1.1 %d %s\r\nContent-Type: application/problem+json\r\n"
                           "Content-Length: %zu\r\nCache-Control: no-store\r\n"
                           "X-Content-Type-Options: nosniff\r\n"
                           "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"
                           "%sConnection: close\r\n\r\n" SFMT,
                           row->status,
                           row->status == 413 ? "Content Too Large" : "Service Unavailable",
                           body.len, row->status == 503 ? "Retry-After: 5\r\n" : "", SARG(body));
    pthread_mutex_unlock(&x->lock);
    return has_room ? send_raw(x, all) : MHD_NO;
}

/* ---- the head
 * ----------------------------------------------------------------------------------------- */

/* libmicrohttpd cuts the head in place: it writes NUL over colons and line ends and hands out
 * pointers into its buffer. So the head can be walked once more, and every byte of it must be
 * accounted for: a line ended by a lone LF leaves one NUL where CRLF leaves two, a folded line is
 * moved away, a NUL in a line ends it too early. What does not add up is refused. Two forms leave
 * the very bytes that CRLF leaves and cannot be told from it: NUL LF and, as the blank line, ":" LF
 * (docs/decisions/010-http-port.md says why that does no harm). */
struct head_walk {
    const char *at; /* where the next header must begin */
    struct http_header *headers;
    size_t n, max;
    bool is_odd;
};

static enum MHD_Result walk_header(void *arg, enum MHD_ValueKind kind, const char *name,
                                   size_t name_len, const char *value, size_t value_len)
{
    (void)kind;
    struct head_walk *w = arg;
    if (w->n == w->max) {
        w->n++;
        return MHD_NO;
    }
    const char *p = name + name_len + 1;
    bool is_odd = name != w->at || !value || name[name_len] != 0;
    while (!is_odd && p < value && (*p == ' ' || *p == '\t'))
        p++;
    is_odd = is_odd || p != value || value[value_len] != 0 || value[value_len + 1] != 0;
    if (is_odd) {
        w->is_odd = true;
        return MHD_NO;
    }
    w->at = value + value_len + 2;
    while (value_len > 0 && (value[value_len - 1] == ' ' || value[value_len - 1] == '\t'))
        value_len--;
    w->headers[w->n++] = (struct http_header){{name, name_len}, {value, value_len}};
    return MHD_YES;
}

/* Counts what else libmicrohttpd keeps in the connection's memory. */
static enum MHD_Result count_bytes(void *arg, enum MHD_ValueKind kind, const char *name,
                                   size_t name_len, const char *value, size_t value_len)
{
    (void)name, (void)value;
    *(size_t *)arg += POOL_RECORD + (kind == MHD_COOKIE_KIND ? name_len + value_len + 4 : 0);
    return MHD_YES;
}

static enum refusal take_request_line(struct http_exchange *x, const char *url, const char *method,
                                      const char *version)
{
    size_t m = strlen(method);
    if (url != method + m + 1 || version != url + x->uri_len + 1 || strlen(version) != 8 ||
        version[9] != 0)
        return REFUSE_LINE;
    if (x->uri_len > GUARD_URI_MAX)
        return REFUSE_URI_LONG;
    if (version[5] != '1' || (version[7] != '1' && version[7] != '0'))
        return REFUSE_VERSION;
    size_t k = 0;
    while (k < HTTP_METHOD_N && !str_eq((str){method, m}, str_of(http_method_names[k])))
        k++;
    if (k == HTTP_METHOD_N)
        return REFUSE_METHOD;
    x->request.method = (enum http_method)k;

    for (size_t i = 0; i < x->uri_len; i++) {
        unsigned char c = (unsigned char)x->uri[i];
        if (c <= 0x20 || c == 0x7f || c == '#')
            return REFUSE_PATH;
    }
    str query = {x->uri, x->uri_len}, path = str_cut(&query, '?');
    x->request.query = query;
    if (str_eq(path, S("*")) && k == HTTP_OPTIONS) {
        x->request.path = S("/");
        return REFUSE_NOTHING;
    }
    return guard_path(x->uri, path.len, &x->request.path);
}

static str moved(str s, const char *from, const char *to)
{
    return (str){to + (s.ptr - from), s.len};
}

/* Copies the head, so that the handler may read it whatever becomes of the connection. */
static bool copy_head(struct http_exchange *x, const struct head_walk *w, const char *from,
                      size_t len)
{
    x->head = malloc(len ? len : 1);
    x->headers = malloc((w->n ? w->n : 1) * sizeof *x->headers);
    if (!x->head || !x->headers)
        return false;
    memcpy(x->head, from, len);
    for (size_t i = 0; i < w->n; i++)
        x->headers[i] = (struct http_header){moved(w->headers[i].name, from, x->head),
                                             moved(w->headers[i].value, from, x->head)};
    x->n_headers = w->n;
    return true;
}

static void take_peer(struct http_exchange *x)
{
    struct http_server *s = x->server;
    const struct conn *c = x->conn;
    struct net_addr client =
        guard_client(s->proxies, s->n_proxies, &c->addr, x->headers, x->n_headers);
    x->request.peer = net_addr_text(&client, x->peer);
    x->request.is_tls = s->tls != NULL;
    if (c->is_proxy)
        x->request.is_tls |= str_eq_ascii_nocase(
            guard_header(x->headers, x->n_headers, S("x-forwarded-proto")), S("https"));
    /* Somebody else's proxy on this machine speaks for strangers, listed or not. */
    bool is_forwarded = guard_header(x->headers, x->n_headers, S("x-forwarded-for")).len > 0 ||
                        guard_header(x->headers, x->n_headers, S("forwarded")).len > 0;
    x->request.is_loopback_peer = net_addr_is_loopback(&client) && (c->is_proxy || !is_forwarded);
}

static enum refusal take_head(struct http_exchange *x, const char *url, const char *method,
                              const char *version, struct framing *f)
{
    enum refusal line = take_request_line(x, url, method, version);
    if (line == REFUSE_LINE || line == REFUSE_VERSION)
        return line;
    size_t head_len =
        MHD_get_connection_info(x->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)->header_size;
    struct http_header headers[GUARD_HEADERS_MAX];
    struct head_walk w = {.at = version + 10, .headers = headers, .max = COUNT(headers)};
    MHD_get_connection_values_n(x->mhd, MHD_HEADER_KIND, walk_header, &w);
    size_t kept = head_len;
    MHD_get_connection_values_n(x->mhd, MHD_HEADER_KIND | MHD_COOKIE_KIND | MHD_GET_ARGUMENT_KIND,
                                count_bytes, &kept);
    if (w.n > w.max || head_len > GUARD_HEAD_MAX || kept > POOL_BYTES - POOL_RESERVE)
        return REFUSE_HEAD_BIG;
    if (w.is_odd || w.at + 2 != method + head_len || w.at[0] != 0 || w.at[1] != 0)
        return REFUSE_HEADER;
    if (line != REFUSE_NOTHING)
        return line;
    enum refusal r = guard_headers(headers, w.n, version[7] == '1', f);
    if (r != REFUSE_NOTHING)
        return r;
    if (!copy_head(x, &w, method, head_len))
        return REFUSE_BUSY;
    take_peer(x);
    return REFUSE_NOTHING;
}

/* ---- the body
 * ------------------------------------------------------------------------------------------ */

static enum refusal body_add(struct http_exchange *x, const char *p, size_t n)
{
    if (n > x->body_limit - x->body_len)
        return REFUSE_BODY_BIG;
    if (x->body_len + n > x->body_cap) {
        size_t cap = x->body_cap ? x->body_cap * 2 : 4096;
        while (cap < x->body_len + n)
            cap *= 2;
        if (cap > x->body_limit)
            cap = x->body_limit;
        int64_t more = (int64_t)(cap - x->body_cap);
        if (atomic_fetch_add(&x->server->body_bytes, more) + more > BODIES_BYTES) {
            atomic_fetch_sub(&x->server->body_bytes, more);
            return REFUSE_BUSY;
        }
        char *bigger = realloc(x->body, cap);
        if (!bigger) {
            atomic_fetch_sub(&x->server->body_bytes, more);
            return REFUSE_BUSY;
        }
        x->body = bigger;
        x->body_cap = cap;
    }
    memcpy(x->body + x->body_len, p, n);
    x->body_len += n;
    return REFUSE_NOTHING;
}

/* ---- the handler that libmicrohttpd calls: for the head, each piece of the body, and at the end
 * ----------- */

static void serve(struct http_exchange *x)
{
    struct http_server *s = x->server;
    pthread_mutex_lock(&s->lock);
    x->conn->x = x;
    pthread_mutex_unlock(&s->lock);
    atomic_fetch_add(&x->refs, 1); /* the handler's */
    s->options.handle(s->options.arg, x);
}

/* The handler is called before the body, which it reads while it comes. */
static enum MHD_Result begin_flow(struct http_exchange *x)
{
    x->flow = flow_new();
    if (!x->flow)
        return refuse(x, REFUSE_BUSY);
    serve(x);
    return MHD_YES;
}

static enum MHD_Result on_head(struct http_exchange *x, const char *url, const char *method,
                               const char *version)
{
    struct framing f;
    enum refusal r = take_head(x, url, method, version, &f);
    if (r != REFUSE_NOTHING)
        return refuse(x, r);
    const struct http_options *o = &x->server->options;
    if (f.is_chunked || f.length > 0) {
        x->body_limit =
            o->body_limit ? o->body_limit(o->arg, x->request.method, x->request.path) : 0;
        if (x->body_limit == 0 || f.length > x->body_limit)
            return refuse(x, REFUSE_BODY_BIG);
    }
    /* Chunk lines are read leniently below us; nothing that follows such a body is believed. */
    x->must_close = f.is_chunked;
    x->state = X_BODY;
    x->body_started_ns = clock_mono_ns();
    transfer_deadline(x, x->body_started_ns, x->body_len);
    bool flows = x->body_limit > 0 && o->takes_flow &&
                 o->takes_flow(o->arg, x->request.method, x->request.path);
    return flows ? begin_flow(x) : MHD_YES;
}

static enum MHD_Result on_flow(struct http_exchange *x, const char *p, size_t *n)
{
    switch (flow_take(x, p, n)) {
    case FLOW_ANSWERED:
        return send_raw(x, flow_raw(x));
    case FLOW_TOO_BIG:
        *n = 0;
        return refuse_in_body(x, REFUSE_BODY_BIG);
    case FLOW_CUT:
        return MHD_NO;
    default:
        break;
    }
    pthread_mutex_lock(&x->lock);
    if (*n == 0)
        transfer_deadline(x, x->body_started_ns, x->body_len);
    pthread_mutex_unlock(&x->lock);
    return MHD_YES;
}

static enum MHD_Result on_body(struct http_exchange *x, const char *p, size_t *n)
{
    if (x->flow)
        return on_flow(x, p, n);
    enum refusal r = body_add(x, p, *n);
    *n = 0;
    if (r != REFUSE_NOTHING)
        return refuse_in_body(x, r);
    transfer_deadline(x, x->body_started_ns, x->body_len);
    return MHD_YES;
}

static enum MHD_Result on_whole(struct http_exchange *x)
{
    struct http_server *s = x->server;
    x->request.body = (str){x->body, x->body_len};
    deadline_set(x->conn, 0);
    if (x->flow) {
        flow_whole(x);
    } else {
        x->state = X_HANDLING;
        serve(x);
    }

    pthread_mutex_lock(&x->lock);
    bool is_answered = x->is_answered;
    bool may_wait = !is_answered && !atomic_load(&s->is_forced);
    if (may_wait) {
        MHD_suspend_connection(x->mhd);
        x->state = X_SUSPENDED;
    }
    pthread_mutex_unlock(&x->lock);
    if (is_answered)
        return send_response(x);
    return may_wait ? MHD_YES : MHD_NO;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *n, void **slot)
{
    (void)arg, (void)c;
    struct http_exchange *x = *slot;
    if (!x)
        return MHD_NO;
    if (x->state == X_NEW)
        return on_head(x, url, method, version);
    if (x->state == X_BODY)
        return *n > 0 ? on_body(x, data, n) : on_whole(x);
    pthread_mutex_lock(&x->lock);
    bool is_ready = x->state == X_READY;
    pthread_mutex_unlock(&x->lock);
    return is_ready ? send_response(x) : MHD_NO;
}

/* Paths and arguments stay as they came; guard_path decodes them with lengths. */
static size_t on_unescape(void *arg, struct MHD_Connection *c, char *s)
{
    (void)arg, (void)c;
    return strlen(s);
}

/* ---- what handlers ask
 * ------------------------------------------------------------------------------------ */

const struct http_request *http_request(const struct http_exchange *x)
{
    return &x->request;
}

str http_header_of(const struct http_exchange *x, const char *name)
{
    return guard_header(x->headers, x->n_headers, str_of(name));
}

str http_cookie_of(const struct http_exchange *x, const char *name)
{
    return guard_cookie(x->headers, x->n_headers, str_of(name));
}

bool http_client_is_gone(struct http_exchange *x)
{
    pthread_mutex_lock(&x->lock);
    bool is_gone = !x->conn || atomic_load(&x->conn->is_gone);
    pthread_mutex_unlock(&x->lock);
    return is_gone;
}

void http_set_owner(struct http_exchange *x, void *owner, void (*free_owner)(void *owner))
{
    x->owner = owner;
    x->free_owner = free_owner;
}

void *http_owner(const struct http_exchange *x)
{
    return x->owner;
}

/* ---- opening
 * ------------------------------------------------------------------------------------------------
 */

static unsigned connections_by_nofile(unsigned wish)
{
    struct rlimit r = {0};
    getrlimit(RLIMIT_NOFILE, &r);
    uint64_t all = r.rlim_cur, most = all < 512 ? all / 2 : all - 256;
    unsigned n = wish ? wish : 4096;
    return n < most ? n : (unsigned)most;
}

static enum err take_options(struct cx *cx, struct http_server *s, const struct http_options *o)
{
    s->options = *o;
    s->own = arena_open(64 * 1024);
    if (!s->own)
        return ERR_INTERNAL;
    struct http_options *n = &s->options;
    n->host = arena_str(s->own, str_eq(o->host, S("localhost")) ? S("127.0.0.1") : o->host);
    n->tls_cert_file = arena_str(s->own, o->tls_cert_file);
    n->tls_key_file = arena_str(s->own, o->tls_key_file);
    n->proxies = NULL;
    n->threads = n->threads ? n->threads : 2;
    n->max_connections = connections_by_nofile(n->max_connections);
    n->max_per_peer = n->max_per_peer ? n->max_per_peer : 64;
    n->header_seconds = n->header_seconds ? n->header_seconds : 10;
    n->body_bytes_per_second = n->body_bytes_per_second ? n->body_bytes_per_second : 500;
    n->idle_seconds = n->idle_seconds ? n->idle_seconds : 60;
    n->beat_seconds = n->beat_seconds ? n->beat_seconds : 20;

    s->proxies = calloc(o->n_proxies ? o->n_proxies : 1, sizeof *s->proxies);
    s->n_proxies = o->n_proxies;
    for (size_t i = 0; i < o->n_proxies; i++)
        if (!s->proxies || !net_block_parse(o->proxies[i], &s->proxies[i]))
            return fault(cx, ERR_INVALID, M_NET_PROXY, MARG("proxy", o->proxies[i]));
    return OK;
}

static enum err listen_fault(struct cx *cx, const struct http_server *s, int fd, int code)
{
    if (fd >= 0)
        close(fd);
    char why[128];
    return fault(cx, ERR_INVALID, M_NET_LISTEN, MARG("host", s->options.host),
                 MARG("port", arena_printf(cx->arena, "%u", (unsigned)s->options.port)),
                 MARG("reason", str_of(strerror_r(code, why, sizeof why))));
}

static enum err listen_open(struct cx *cx, struct http_server *s)
{
    struct net_addr a;
    str host = s->options.host;
    if (!net_addr_parse(host, &a))
        return fault(cx, ERR_INVALID, M_NET_HOST, MARG("host", host));
    bool is_v6 = memchr(host.ptr, ':', host.len) != NULL;
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(s->options.port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(s->options.port)};
    memcpy(&v4.sin_addr, a.byte + 12, 4);
    memcpy(&v6.sin6_addr, a.byte, 16);
    const struct sockaddr *sa = is_v6 ? (const struct sockaddr *)&v6 : (const struct sockaddr *)&v4;
    socklen_t len = is_v6 ? sizeof v6 : sizeof v4;

    int fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1, off = 0;
    if (fd < 0)
        return listen_fault(cx, s, fd, errno);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (is_v6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(fd, sa, len) != 0 || listen(fd, 1024) != 0)
        return listen_fault(cx, s, fd, errno);
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } got = {.v6 = {0}};
    len = sizeof got;
    if (getsockname(fd, &got.any, &len) != 0)
        return listen_fault(cx, s, fd, errno);
    s->port = ntohs(is_v6 ? got.v6.sin6_port : got.v4.sin_port);
    s->listen_fd = fd;
    return OK;
}

static bool daemons_open(struct http_server *s)
{
    s->daemons = calloc(s->options.threads, sizeof(struct MHD_Daemon *));
    s->daemon_conns = calloc(s->options.threads, sizeof *s->daemon_conns);
    if (!s->daemons || !s->daemon_conns)
        return false;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
                     MHD_USE_NO_LISTEN_SOCKET | (s->tls ? MHD_USE_TLS : 0);
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)tls_priorities},
        {MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)(uintptr_t)tls_certificate},
        {MHD_OPTION_END, 0, NULL},
    };
    for (unsigned i = 0; i < s->options.threads; i++) {
        s->daemons[i] = MHD_start_daemon(
            flags, 0, NULL, NULL, on_request, s, MHD_OPTION_NOTIFY_COMPLETED, on_completed, s,
            MHD_OPTION_NOTIFY_CONNECTION, keeper_on_connection, s, MHD_OPTION_URI_LOG_CALLBACK,
            on_uri, s, MHD_OPTION_UNESCAPE_CALLBACK, on_unescape, s,
            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)POOL_BYTES, MHD_OPTION_CONNECTION_LIMIT,
            s->options.max_connections + 1, MHD_OPTION_CONNECTION_TIMEOUT, 0u, MHD_OPTION_ARRAY,
            s->tls ? tls : &tls[COUNT(tls) - 1], MHD_OPTION_END);
        if (!s->daemons[i])
            return false;
        s->n_daemons++;
    }
    return true;
}

/* Threads made here take no signals: those are for the program's main thread. */
static bool threads_open(struct http_server *s)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool is_open = daemons_open(s) && keeper_open(s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return is_open;
}

enum err http_open(struct cx *cx, const struct http_options *o, struct http_server **out)
{
    struct http_server *s = calloc(1, sizeof *s);
    if (!s)
        return ERR_INTERNAL;
    atomic_init(&s->refs, 1);
    s->listen_fd = s->epoll_fd = s->wake_fd = s->flush_fd = -1;
    pthread_mutex_init(&s->lock, NULL);
    pthread_mutex_init(&s->flush_lock, NULL);
    pthread_mutex_init(&s->arena_lock, NULL);

    enum err e = take_options(cx, s, o);
    struct net_addr a;
    if (e == OK && !net_addr_parse(s->options.host, &a))
        e = fault(cx, ERR_INVALID, M_NET_HOST, MARG("host", o->host));
    if (e == OK && !net_addr_is_loopback(&a) && o->tls_cert_file.len == 0) {
        s->only_proxies = true;
        if (s->n_proxies == 0)
            e = fault(cx, ERR_INVALID, M_NET_CLEAR, MARG("host", o->host));
    }
    if (e == OK && o->tls_cert_file.len > 0)
        e = tls_open(cx, &s->options, &s->tls);
    if (e == OK)
        e = listen_open(cx, s);
    *out = s; /* before the first request can come */
    if (e == OK && !threads_open(s))
        e = fault(cx, ERR_INTERNAL, M_NET_THREADS);
    if (e != OK) {
        *out = NULL;
        http_close(s, 0);
    }
    return e;
}

uint16_t http_port(const struct http_server *s)
{
    return s->port;
}

enum err http_reload_tls(struct http_server *s, struct cx *cx)
{
    return s->tls ? tls_reload(s->tls, cx) : OK;
}

/* ---- closing
 * -------------------------------------------------------------------------------------------------
 */

static void sleep_ms(long ms)
{
    struct timespec t = {.tv_nsec = ms * NS_PER_MS};
    nanosleep(&t, NULL);
}

static void streams_over(struct http_server *s)
{
    pthread_mutex_lock(&s->lock);
    for (struct conn *c = s->conns; c; c = c->next)
        if (c->stream)
            stream_over(c->stream);
    pthread_mutex_unlock(&s->lock);
}

/* Takes the unanswered exchanges off their handlers, whose answer then goes nowhere, and cuts the
 * rest: libmicrohttpd must not be stopped while it holds suspended connections. */
static void force(struct http_server *s)
{
    atomic_store(&s->is_forced, true);
    pthread_mutex_lock(&s->lock);
    for (struct conn *c = s->conns; c; c = c->next) {
        atomic_store(&c->deadline_ns, 1); /* a connection that never began is forgotten */
        if (c->stream) {
            stream_client_gone(c->stream);
        } else if (c->x) {
            struct http_exchange *x = c->x;
            pthread_mutex_lock(&x->lock);
            bool is_waiting = x->state == X_SUSPENDED, flows = x->flow && flow_wake(x);
            if (is_waiting)
                x->state = X_OVER;
            is_waiting = is_waiting || flows;
            pthread_mutex_unlock(&x->lock);
            if (is_waiting)
                MHD_resume_connection(c->mhd);
        }
        if (c->mhd)
            shutdown(c->fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&s->lock);
}

static size_t conns_of(struct http_server *s)
{
    pthread_mutex_lock(&s->lock);
    size_t n = s->n_conns;
    pthread_mutex_unlock(&s->lock);
    return n;
}

void http_close(struct http_server *s, unsigned wait_ms)
{
    if (!s)
        return;
    atomic_store(&s->is_closing, true);
    if (s->has_keeper) {
        keeper_wake(s);
        streams_over(s);
        int64_t until = clock_mono_ns() + (int64_t)wait_ms * NS_PER_MS;
        while (conns_of(s) > 0 && clock_mono_ns() < until)
            sleep_ms(5);
        while (conns_of(s) > 0) {
            force(s);
            sleep_ms(5);
        }
    }
    keeper_close(s);
    for (unsigned i = 0; i < s->n_daemons; i++)
        MHD_stop_daemon(s->daemons[i]);
    server_drop(s);
}

void http_figures(const struct http_server *s, struct http_figures *out)
{
    struct http_server *w = (struct http_server *)(uintptr_t)s;
    *out = (struct http_figures){
        .connections = (int64_t)conns_of(w),
        .streams = atomic_load(&w->streams),
        .requests = atomic_load(&w->requests),
        .refused = atomic_load(&w->refused),
        .cut_slow = atomic_load(&w->cut_slow),
    };
}
