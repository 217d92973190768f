/* app/reply.c - what leaves: records with their version, refusals in the language of the asker. */
#include "app/errand.h"
#include "messages.h"

enum { HEADERS_MAX = 12, NO_SPACE_RETRY_S = 30 };
static const size_t REPLY_LIMIT = (size_t)16 << 20;

struct headers {
    struct http_header h[HEADERS_MAX];
    size_t n;
};

static void header(struct headers *hs, str name, str value)
{
    assert(hs->n < HEADERS_MAX);
    hs->h[hs->n++] = (struct http_header){name, value};
}

static void send_off(struct errand *e, int status, str type, struct headers *hs, str body)
{
    atomic_fetch_add_explicit(&e->gate->answered[status / 100 < 6 ? status / 100 : 5], 1,
                              memory_order_relaxed);
    http_reply(e->x, status, type, hs->h, hs->n, body, true);
}

/* ---- refusals ---------------------------------------------------------------------------- */

static const struct {
    int status;
    uint16_t title, say;
} faults[] = {
    [ERR_NOT_FOUND] = {404, M_TITLE_NOT_FOUND, M_SAY_NOT_FOUND},
    [ERR_INVALID] = {422, M_TITLE_INVALID, M_SAY_INVALID},
    [ERR_MALFORMED] = {400, M_TITLE_MALFORMED, M_SAY_MALFORMED},
    [ERR_CONFLICT] = {409, M_TITLE_CONFLICT, M_SAY_CONFLICT},
    [ERR_STALE] = {412, M_TITLE_STALE, M_SAY_STALE},
    [ERR_UNAUTHENTICATED] = {401, M_TITLE_UNAUTHENTICATED, M_GATE_NOBODY},
    [ERR_DENIED] = {403, M_TITLE_DENIED, M_SAY_DENIED},
    [ERR_BUSY] = {503, M_TITLE_BUSY, M_SAY_BUSY},
    [ERR_TOO_MANY] = {429, M_TITLE_TOO_MANY, M_GATE_BUDGET},
    [ERR_TOO_BIG] = {413, M_TITLE_TOO_BIG, M_SAY_TOO_BIG},
    [ERR_NO_SPACE] = {507, M_TITLE_NO_SPACE, M_SAY_NO_SPACE},
    [ERR_INTERNAL] = {500, M_TITLE_INTERNAL, M_SAY_INTERNAL},
};

/* The members of a problem, into an object that is open. */
static void problem_members(struct json_out *to, struct cx *cx, int status, uint16_t title,
                            const char *code, const struct fault *why, uint16_t say)
{
    struct json_out j = *to;
    json_key(&j, S("status"));
    json_int(&j, status);
    json_key(&j, S("title"));
    json_str(&j, msg_text(cx->arena, cx->lang, title, NULL, 0));
    json_key(&j, S("detail"));
    json_str(&j, why && why->msg ? fault_text(cx->arena, cx->lang, why)
                                 : msg_text(cx->arena, cx->lang, say, NULL, 0));
    json_key(&j, S("code"));
    json_str(&j, str_of(code));
    if (why && why->msg) {
        json_key(&j, S("reason"));
        json_str(&j, str_of(msg_name(why->msg)));
    }
    if (why && why->n_args) {
        json_key(&j, S("args"));
        json_object_begin(&j);
        for (size_t i = 0; i < why->n_args; i++) {
            json_key(&j, str_of(why->args[i].name));
            if (why->args[i].kind == MSG_INT)
                json_int(&j, why->args[i].number);
            else
                json_str(&j, why->args[i].text);
        }
        json_object_end(&j);
    }
    if (why && why->field.len) {
        json_key(&j, S("field"));
        json_str(&j, why->field);
    }
    if (status >= 500) {
        json_key(&j, S("request"));
        json_int(&j, (int64_t)cx->request);
    }
    *to = j;
}

static str problem(struct errand *e, int status, uint16_t title, const char *code,
                   const struct fault *why, uint16_t say)
{
    struct text t = text_in(e->cx.arena, 65536);
    struct json_out j = {.to = &t};
    json_object_begin(&j);
    problem_members(&j, &e->cx, status, title, code, why, say);
    json_object_end(&j);
    return text_str(&t);
}

/* The only log line of a request: who was refused what, never what was sent. The path is the row's
 * pattern. */
static void log_refusal(const struct errand *e, int status, const char *code)
{
    const struct cx *cx = &e->cx;
    enum log_level level = status >= 500                                     ? LOG_ERROR
                           : status == 401 || status == 403 || status == 429 ? LOG_WARN
                                                                             : LOG_DEBUG;
    if (status == 503)
        level = LOG_WARN;
    /* Who hammers at the door shall not fill the disk; the figures count all of them. */
    if (level == LOG_WARN &&
        !limits_take(e->gate->limits, "log", S(""), clock_mono_ns(), 100000000, 100, NULL))
        return;
    log_line(level, "request.refused",
             "request=%llu status=%d code=%s reason=%s method=%s path=%s actor=%d:%lld peer=" SFMT,
             (unsigned long long)cx->request, status, code,
             cx->why.msg ? msg_name(cx->why.msg) : "-", http_method_names[e->rq->method],
             e->spot ? e->spot->path : "-", (int)cx->actor.kind, (long long)cx->actor.id,
             SARG(cx->peer));
}

static void retry_after(struct headers *hs, struct errand *e, uint32_t seconds)
{
    header(hs, S("Retry-After"), arena_printf(e->cx.arena, "%u", seconds ? seconds : 1));
}

void reply_fault(struct errand *e)
{
    struct cx *cx = &e->cx;
    enum err err =
        (size_t)e->result < COUNT(faults) && faults[e->result].status ? e->result : ERR_INTERNAL;
    if (err == ERR_STALE &&
        cx->if_match == -1) { /* overtaken five times; nothing the asker said is wrong */
        err = ERR_BUSY;
        cx->why = (struct fault){.err = ERR_BUSY, .retry_after_s = 1};
    }
    /* A fault left over from something the room tried and got over does not speak for this error.
     */
    const struct fault *why = cx->why.err == err ? &cx->why : NULL;
    struct headers hs = {0};
    header(&hs, S("Cache-Control"), S("no-store"));
    if (err == ERR_BUSY || err == ERR_TOO_MANY)
        retry_after(&hs, e, why ? why->retry_after_s : 1);
    if (err == ERR_NO_SPACE)
        retry_after(&hs, e, why && why->retry_after_s ? why->retry_after_s : NO_SPACE_RETRY_S);
    if (err == ERR_UNAUTHENTICATED)
        header(&hs, S("WWW-Authenticate"), S("Bearer realm=\"kith\""));
    if (err == ERR_STALE && cx->if_match >= 0)
        header(&hs, S("ETag"), arena_printf(cx->arena, "\"%lld\"", (long long)cx->if_match));
    int status = faults[err].status;
    log_refusal(e, status, err_code(err));
    send_off(e, status, S("application/problem+json"), &hs,
             problem(e, status, faults[err].title, err_code(err), why, faults[err].say));
}

void reply_no_path(struct errand *e)
{
    e->result = fault(&e->cx, ERR_NOT_FOUND, M_GATE_NO_PATH);
    reply_fault(e);
}

void reply_http_fault(struct errand *e, int status)
{
    struct headers hs = {0};
    header(&hs, S("Cache-Control"), S("no-store"));
    bool is_media = status == STATUS_MEDIA_TYPE;
    uint16_t title = is_media ? M_TITLE_MEDIA_TYPE : M_TITLE_NOT_ACCEPTABLE;
    bool wants_lines = e->route && e->route->apply_lines;
    uint16_t say = !is_media     ? M_SAY_NOT_ACCEPTABLE
                   : wants_lines ? M_SAY_MEDIA_LINES
                                 : M_SAY_MEDIA_TYPE;
    const char *code = is_media ? "unsupported_media_type" : "not_acceptable";
    log_refusal(e, status, code);
    send_off(e, status, S("application/problem+json"), &hs,
             problem(e, status, title, code, NULL, say));
}

static str allowed(struct errand *e)
{
    const struct spot *s = e->spot;
    struct text t = text_in(e->cx.arena, 200);
    const struct route *get = s->route[HTTP_GET];
    for (int m = 0; m < HTTP_METHOD_N; m++) {
        bool is_there = s->route[m] || (s->stream && m == (int)s->stream->method) ||
                        (m == HTTP_HEAD && get && !get->apply) || m == HTTP_OPTIONS;
        if (is_there)
            text_printf(&t, "%s%s", t.len ? ", " : "", http_method_names[m]);
    }
    return text_str(&t);
}

void reply_method(struct errand *e)
{
    struct headers hs = {0};
    str allow = allowed(e);
    header(&hs, S("Allow"), allow);
    header(&hs, S("Cache-Control"), S("no-store"));
    (void)fault(&e->cx, ERR_INVALID, M_GATE_METHOD,
                MARG("method", str_of(http_method_names[e->rq->method])), MARG("allow", allow));
    log_refusal(e, 405, "method_not_allowed");
    send_off(e, 405, S("application/problem+json"), &hs,
             problem(e, 405, M_TITLE_METHOD, "method_not_allowed", &e->cx.why, 0));
}

void reply_options(struct errand *e)
{
    struct headers hs = {0};
    header(&hs, S("Allow"), allowed(e));
    send_off(e, 204, S(""), &hs, S(""));
}

/* ---- versions ---------------------------------------------------------------------------- */

bool version_of(const struct shape *s, const void *p, int64_t *version)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct field *f = &s->fields[i];
        if (f->type == F_INT && strcmp(f->name, "version") == 0) {
            memcpy(version, (const char *)p + f->offset, sizeof *version);
            return *version > 0;
        }
    }
    for (size_t i = 0; i < s->n;
         i++) /* a record that stands inside, as in {"customer": …, "notes": …} */
        if (s->fields[i].type == F_STRUCT &&
            version_of(s->fields[i].sub, (const char *)p + s->fields[i].offset, version))
            return true;
    return false;
}

/* More than one row of the store, so its version alone does not tell whether the whole is the same.
 */
static bool is_composite(const struct shape *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->fields[i].type == F_LIST || s->fields[i].type == F_STRUCT ||
            s->fields[i].type == F_JSON)
            return true;
    return false;
}

static str etag_of(struct errand *e, str body)
{
    const struct shape *s = e->route->out;
    struct arena *a = e->cx.arena;
    int64_t version = 0;
    bool has_version = version_of(s, e->out, &version);
    if (has_version && (!is_composite(s) || e->rq->method != HTTP_GET))
        return arena_printf(a, "\"%lld\"", (long long)version);
    uint8_t hash[32];
    sha256(body, hash);
    unsigned long long h = 0;
    for (int i = 0; i < 8; i++)
        h = h << 8 | hash[i];
    return has_version ? arena_printf(a, "\"%lld-%016llx\"", (long long)version, h)
                       : arena_printf(a, "W/\"%016llx\"", h);
}

/* Weak comparison, as If-None-Match wants it. */
static bool none_match_hits(str header, str etag)
{
    if (str_starts(etag, S("W/")))
        etag = (str){etag.ptr + 2, etag.len - 2};
    while (header.len) {
        str t = str_trim(str_cut(&header, ','));
        if (str_starts(t, S("W/")))
            t = (str){t.ptr + 2, t.len - 2};
        if (str_eq(t, etag) || str_eq(t, S("*")))
            return true;
    }
    return false;
}

/* ---- answers ----------------------------------------------------------------------------- */

static str secret_of(struct errand *e, const char *name)
{
    const struct shape *s = e->route->out;
    for (size_t i = 0; i < s->n; i++) {
        const struct field *f = &s->fields[i];
        if (f->secret && f->type == F_STR && strcmp(f->name, name) == 0)
            return *(const str *)((const char *)e->out + f->offset);
    }
    return (str){0};
}

static void cookie(struct headers *hs, struct errand *e, str name, str value, int64_t seconds)
{
    header(hs, S("Set-Cookie"),
           arena_printf(e->cx.arena,
                        SFMT "=" SFMT "; Path=/; HttpOnly; SameSite=Strict; Max-Age=%lld%s",
                        SARG(name), SARG(value), (long long)seconds,
                        str_starts(name, S("__Host-")) ? "; Secure" : ""));
}

static void cookies(struct headers *hs, struct errand *e)
{
    const struct route *r = e->route;
    if (r->opens_session && e->out) {
        str session = secret_of(e, "session_secret"), device = secret_of(e, "device_secret");
        if (session.len)
            cookie(hs, e, pass_cookie_name(e), session, 7 * 86400);
        if (device.len)
            cookie(hs, e, pass_device_name(e), device, 365 * 86400);
    }
    if (r->ends_session && e->by_cookie) {
        cookie(hs, e, pass_cookie_name(e), S(""), 0);
        header(hs, S("Clear-Site-Data"), S("\"cache\", \"storage\""));
    }
}

/* Whose eyes: a field with seen_by is for some roles only; somebody without a role sees none of
 * them. */
static uint32_t eyes_of(const struct actor *a)
{
    if (a->kind == ACTOR_SYSTEM)
        return 0;
    return a->kind == ACTOR_STAFF || a->kind == ACTOR_TOKEN ? 1u << a->role : 1u << 31;
}

static void answer_raw(struct errand *e)
{
    const struct raw_reply *raw = e->out;
    struct headers hs = {0};
    header(&hs, S("Cache-Control"), S("no-store"));
    cookies(&hs, e);
    send_off(e, raw->status ? raw->status : 200, raw->content_type, &hs, raw->body);
}

void reply_answer(struct errand *e)
{
    const struct route *r = e->route;
    if (e->out && r->out == &raw_reply_shape && !e->repeat_status) {
        answer_raw(e);
        return;
    }
    struct headers hs = {0};
    header(&hs, S("Cache-Control"), S("no-store"));
    cookies(&hs, e);
    if (e->repeat_status)
        header(&hs, S("Idempotency-Replayed"), S("true"));
    int status = e->repeat_status ? e->repeat_status : r->status ? r->status : r->out ? 200 : 204;
    if (!e->out) {
        send_off(e, status, S(""), &hs, S(""));
        return;
    }
    struct text t = text_in(e->cx.arena, REPLY_LIMIT);
    struct json_out j = {.to = &t, .role_bit = eyes_of(&e->cx.actor)};
    json_write(&j, r->out, e->out);
    if (t.is_over || arena_is_over(e->cx.arena)) {
        e->cx.why = (struct fault){.err = ERR_TOO_BIG};
        e->result = ERR_TOO_BIG;
        reply_fault(e);
        return;
    }
    str body = text_str(&t), etag = etag_of(e, body);
    header(&hs, S("ETag"), etag);
    if (r->method == HTTP_GET && none_match_hits(http_header_of(e->x, "If-None-Match"), etag)) {
        send_off(e, 304, S(""), &hs, S(""));
        return;
    }
    send_off(e, status, S("application/json"), &hs, body);
}

/* ---- lines ------------------------------------------------------------------------------- */

void reply_line(struct errand *e, struct cx *cx, struct text *to, size_t number,
                const struct line_fate *fate, const void *out)
{
    const struct route *r = e->route;
    struct json_out j = {.to = to, .role_bit = eyes_of(&e->cx.actor)};
    json_object_begin(&j);
    json_key(&j, S("line"));
    json_int(&j, (int64_t)number);
    if (fate->err != OK) {
        enum err err = (size_t)fate->err < COUNT(faults) && faults[fate->err].status ? fate->err
                                                                                     : ERR_INTERNAL;
        problem_members(&j, cx, faults[err].status, faults[err].title, err_code(err),
                        fate->why.err == err ? &fate->why : NULL, faults[err].say);
        json_object_end(&j);
    } else {
        json_key(&j, S("status"));
        json_int(&j, gate_status(r));
        size_t at = to->len;
        j.needs_comma = false;
        json_write(&j, r->out, out);
        if (to->len > at + 2) /* the members stand in our object: its brace becomes the comma */
            to->ptr[at] = ',';
    }
    text_add_char(to, '\n');
}

void reply_lines(struct errand *e, str body)
{
    struct headers hs = {0};
    header(&hs, S("Cache-Control"), S("no-store"));
    send_off(e, 200, S("application/x-ndjson"), &hs, body);
}
