/* app/pass.c - who is it, may they: sessions, tokens, requests from other pages, roles and scopes.
 */
#include "app/errand.h"
#include "messages.h"
#include "rooms/staff/staff.h"

/* ---- secrets that were good a moment ago ------------------------------------------------- */
/* Half a second: a session that ended is refused within a second, and a busy one costs two reads a
 * second. */

enum { WAYS = 4, SETS = 1024, NAME_MAX_BYTES = 120 };
static const int64_t GOOD_FOR_NS = 500000000;

struct pass {
    uint8_t hash[32];
    int64_t until_ns;
    struct actor actor; /* its name points nowhere; see name */
    enum lang lang;
    uint8_t name_len;
    char name[NAME_MAX_BYTES];
};
struct pass_book {
    pthread_mutex_t lock[16];
    struct pass pass[SETS][WAYS];
};

struct pass_book *pass_book_open(void)
{
    struct pass_book *b = calloc(1, sizeof *b);
    for (size_t i = 0; b && i < COUNT(b->lock); i++)
        pthread_mutex_init(&b->lock[i], NULL);
    return b;
}

void pass_book_close(struct pass_book *b)
{
    for (size_t i = 0; b && i < COUNT(b->lock); i++)
        pthread_mutex_destroy(&b->lock[i]);
    free(b);
}

static size_t set_of(const uint8_t hash[32])
{
    return (size_t)(hash[0] | hash[1] << 8) % SETS;
}

static bool pass_find(struct pass_book *b, const uint8_t hash[32], struct cx *cx, bool wants_lang)
{
    size_t set = set_of(hash);
    int64_t now = clock_mono_ns();
    bool is_found = false;
    pthread_mutex_lock(&b->lock[set % COUNT(b->lock)]);
    for (size_t i = 0; i < WAYS && !is_found; i++) {
        const struct pass *p = &b->pass[set][i];
        is_found = p->until_ns > now && equal_constant_time(p->hash, hash, 32);
        if (is_found) {
            cx->actor = p->actor;
            cx->actor.name = arena_str(cx->arena, (str){p->name, p->name_len});
            if (wants_lang)
                cx->lang = p->lang;
        }
    }
    pthread_mutex_unlock(&b->lock[set % COUNT(b->lock)]);
    return is_found;
}

static void pass_keep(struct pass_book *b, const uint8_t hash[32], const struct cx *cx)
{
    if (cx->actor.name.len > NAME_MAX_BYTES)
        return;
    size_t set = set_of(hash);
    pthread_mutex_lock(&b->lock[set % COUNT(b->lock)]);
    struct pass *p = &b->pass[set][0];
    for (size_t i = 1; i < WAYS; i++)
        if (b->pass[set][i].until_ns < p->until_ns)
            p = &b->pass[set][i];
    memcpy(p->hash, hash, 32);
    p->until_ns = clock_mono_ns() + GOOD_FOR_NS;
    p->actor = cx->actor;
    p->actor.name = (str){0};
    p->lang = cx->lang;
    p->name_len = (uint8_t)cx->actor.name.len;
    if (p->name_len)
        memcpy(p->name, cx->actor.name.ptr, p->name_len);
    pthread_mutex_unlock(&b->lock[set % COUNT(b->lock)]);
}

void pass_forget(const struct errand *e)
{
    struct pass_book *b = e->gate->passes;
    size_t set = set_of(e->pass);
    pthread_mutex_lock(&b->lock[set % COUNT(b->lock)]);
    for (size_t i = 0; i < WAYS; i++)
        if (equal_constant_time(b->pass[set][i].hash, e->pass, 32))
            b->pass[set][i].until_ns = 0;
    pthread_mutex_unlock(&b->lock[set % COUNT(b->lock)]);
}

/* ---- cookies ----------------------------------------------------------------------------- */

str pass_cookie_name(const struct errand *e)
{
    return e->rq->is_tls ? S("__Host-kith") : S("kith");
}

str pass_device_name(const struct errand *e)
{
    return e->rq->is_tls ? S("__Host-kith-device") : S("kith-device");
}

/* ---- requests that other pages made a browser send --------------------------------------- */

static bool is_own_origin(const struct errand *e, str origin)
{
    ptrdiff_t at = str_find(origin, S("://"));
    if (at < 0)
        return false; /* "null" */
    str scheme = {origin.ptr, (size_t)at},
        host = {origin.ptr + at + 3, origin.len - (size_t)at - 3};
    if (e->rq->is_tls && !str_eq(scheme, S("https")))
        return false;
    return str_eq_ascii_nocase(host, http_header_of(e->x, "Host"));
}

/* by_cookie: the browser adds the cookie by itself, so the request must prove that our own page
 * made it. */
static enum err not_from_elsewhere(struct errand *e, bool by_cookie)
{
    str origin = http_header_of(e->x, "Origin"), site = http_header_of(e->x, "Sec-Fetch-Site");
    bool is_own = (origin.len == 0 || is_own_origin(e, origin)) &&
                  (site.len == 0 || str_eq(site, S("same-origin")));
    if (by_cookie)
        is_own =
            is_own && (origin.len || site.len) && str_eq(http_header_of(e->x, "X-Kith"), S("1"));
    return is_own ? OK : fault(&e->cx, ERR_DENIED, M_GATE_ELSEWHERE);
}

/* ---- sessions in use do not grow idle ---------------------------------------------------- */

enum { SEEN_EVERY_MS = 60000 };
struct seen {
    struct change change;
    struct cx cx;
    struct gate *gate;
};

static enum err seen_apply(struct cx *cx, void *state)
{
    (void)state;
    return staff_session_seen(cx, cx->actor.session_id);
}

static void seen_done(struct change *c, enum err e)
{
    (void)e; /* the next request a minute later tries again */
    struct seen *s = c->owner;
    struct gate *g = s->gate;
    arena_close(s->cx.arena);
    free(s);
    atomic_fetch_sub(&g->in_store, 1);
}

static void note_seen(struct errand *e)
{
    struct seen *s = calloc(1, sizeof *s);
    struct arena *a = arena_open(1 << 16);
    if (!s || !a) {
        free(s);
        arena_close(a);
        return;
    }
    s->gate = e->gate;
    s->cx = (struct cx){.arena = a,
                        .house = e->cx.house,
                        .now_ms = e->cx.now_ms,
                        .actor = e->cx.actor,
                        .if_match = -1,
                        .peer = arena_str(a, e->cx.peer)};
    s->cx.actor.name = (str){0};
    s->change = (struct change){
        .lane = LANE_BULK, .apply = seen_apply, .cx = &s->cx, .done = seen_done, .owner = s};
    atomic_fetch_add(&e->gate->in_store, 1);
    db_submit(e->gate->house->store, &s->change);
}

/* A cookie that comes from another network than a moment ago: a train, or a thief. It is noted, not
 * refused; at most a few times a minute. */
static bool has_moved(struct errand *e, str before)
{
    struct cx *cx = &e->cx;
    if (str_eq(limits_net(cx->arena, before), limits_net(cx->arena, cx->peer)))
        return false;
    str session = arena_printf(cx->arena, "%lld", (long long)cx->actor.session_id);
    if (!limits_take(e->gate->limits, "session moved", session, clock_mono_ns(), 15000000000, 4,
                     NULL))
        return false;
    log_line(LOG_WARN, "session.moved", "staff=%lld session=" SFMT " peer=" SFMT,
             (long long)cx->actor.id, SARG(session), SARG(cx->peer));
    return true;
}

/* ---- who --------------------------------------------------------------------------------- */

static enum err who(struct errand *e)
{
    struct cx *cx = &e->cx;
    str header = http_header_of(e->x, "Authorization"), secret = {0};
    bool is_token = header.len > 0;
    if (is_token) {
        str rest = header, scheme = str_cut(&rest, ' ');
        if (!str_eq_ascii_nocase(scheme, S("Bearer")))
            return fault(cx, ERR_UNAUTHENTICATED, M_GATE_TOKEN_UNKNOWN);
        secret = str_trim(rest);
    } else {
        secret = http_cookie_of(e->x, pass_cookie_name(e).ptr);
        e->by_cookie = secret.len > 0;
    }
    if (secret.len == 0)
        return fault(cx, ERR_UNAUTHENTICATED, M_GATE_NOBODY);
    if (secret.len > 200)
        return fault(cx, ERR_UNAUTHENTICATED,
                     is_token ? M_GATE_TOKEN_UNKNOWN : M_GATE_SESSION_UNKNOWN);

    uint8_t hash[32];
    sha256(arena_printf(cx->arena, "%c" SFMT " " SFMT, is_token ? 't' : 's', SARG(secret),
                        SARG(cx->peer)),
           hash);
    if (!is_token)
        memcpy(e->pass, hash, sizeof e->pass);
    if (pass_find(e->gate->passes, hash, cx, !is_token))
        return OK;
    struct session_use last = {0};
    enum err x = is_token ? staff_by_token(cx, secret, &cx->actor)
                          : staff_by_session(cx, secret, &cx->actor, &cx->lang, &last);
    if (x == ERR_UNAUTHENTICATED) {
        uint32_t wait_s = 1;
        if (!limits_take(e->gate->limits, "wrong secret", limits_net(cx->arena, cx->peer),
                         clock_mono_ns(), 100000000, 300, &wait_s)) {
            x = fault(cx, ERR_TOO_MANY, M_GATE_BUDGET);
            cx->why.retry_after_s = wait_s;
            return x;
        }
        return fault(cx, x, is_token ? M_GATE_TOKEN_UNKNOWN : M_GATE_SESSION_UNKNOWN);
    }
    TRY(x);
    pass_keep(e->gate->passes, hash, cx);
    if (!is_token && (cx->now_ms - last.seen_ms > SEEN_EVERY_MS || has_moved(e, last.peer)))
        note_seen(e);
    return OK;
}

/* ---- may they ---------------------------------------------------------------------------- */

static enum err scope_held(struct cx *cx, uint32_t scope)
{
    if (cx->actor.kind != ACTOR_TOKEN || cx->actor.scopes & scope)
        return OK;
    for (int i = 0; i < SCOPE_N; i++)
        if (scope == 1u << i)
            return fault(cx, ERR_DENIED, M_GATE_SCOPE, MARG("scope", str_of(scope_codes[i])));
    return fault(cx, ERR_DENIED, M_GATE_SCOPE, MARG("scope", S("?")));
}

static enum err may(struct errand *e, uint32_t roles, uint32_t scope)
{
    struct cx *cx = &e->cx;
    if (!(roles & MAY(cx->actor.role)))
        return fault(cx, ERR_DENIED, M_GATE_ROLE, MARG("role", str_of(role_codes[cx->actor.role])));
    return scope_held(cx, scope);
}

/* Figures are for the machine itself, or for a token made for them. */
static enum err figures_allowed(struct errand *e)
{
    if (http_header_of(e->x, "Authorization").len) {
        if (!e->cx.db)
            return ERR_BUSY;
        TRY(who(e));
        return scope_held(&e->cx, SCOPE_METRICS);
    }
    return e->rq->is_loopback_peer ? OK : fault(&e->cx, ERR_UNAUTHENTICATED, M_GATE_NOBODY);
}

enum err pass_check(struct errand *e)
{
    const struct route *r = e->route;
    if (e->stream) {
        TRY(who(e));
        bool is_get = e->stream->method == HTTP_GET;
        if (e->by_cookie && !is_get)
            TRY(not_from_elsewhere(e, true));
        return may(e, e->stream->may,
                   e->stream->scope ? e->stream->scope
                   : is_get         ? SCOPE_READ
                                    : SCOPE_WRITE);
    }
    bool changes = r->method != HTTP_GET;
    if (r->is_public) {
        if (r->scope == SCOPE_METRICS)
            return figures_allowed(e);
        return changes && !r->takes_form ? not_from_elsewhere(e, false) : OK;
    }
    TRY(who(e));
    if (e->by_cookie && changes)
        TRY(not_from_elsewhere(e, true));
    if (r->session_only && e->cx.actor.kind != ACTOR_STAFF)
        return fault(&e->cx, ERR_DENIED, M_GATE_SESSION_ONLY);
    return may(e, r->may, r->scope ? r->scope : changes ? SCOPE_WRITE : SCOPE_READ);
}

bool pass_known(struct errand *e)
{
    if (e->cx.db && who(e) == OK && e->cx.actor.kind == ACTOR_STAFF)
        return true;
    e->cx.actor = (struct actor){0};
    e->cx.why = (struct fault){0};
    return false;
}
