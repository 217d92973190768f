/* app/gate.c - the life of a request: match, who is it, may they, decode, read or plan and apply,
 * answer. */
#include "app/errand.h"
#include "app/hub.h"
#include "messages.h"
#include "queries.h"
#include "rooms/settings/settings.h"
#include "rooms/staff/staff.h"
#include <unistd.h>

enum {
    REPLANS = 5,
    KEY_MAX = 200,
    BODY_DEFAULT = 65536,
    BODY_NONE = 1024,
    PER_MINUTE = 600,
    AGENT_MAX = 200
};
static const size_t ARENA_LIMIT = (size_t)24 << 20;
static const int64_t LINE_PATIENCE_NS = 10000000000;

/* ---- arenas between requests ------------------------------------------------------------- */

struct arena *gate_arena_take(struct gate *g)
{
    pthread_mutex_lock(&g->lock);
    struct arena *a = g->n_spare ? g->spare[--g->n_spare] : NULL;
    pthread_mutex_unlock(&g->lock);
    return a ? a : arena_open(ARENA_LIMIT);
}

void gate_arena_give(struct gate *g, struct arena *a)
{
    arena_reset(a);
    pthread_mutex_lock(&g->lock);
    bool fits = g->n_spare < COUNT(g->spare);
    if (fits)
        g->spare[g->n_spare++] = a;
    pthread_mutex_unlock(&g->lock);
    if (!fits)
        arena_close(a);
}

/* The errand lies in its own arena, so the arena's address is taken out first. */
static void errand_free(void *owner)
{
    struct errand *e = owner;
    struct gate *g = e->gate;
    lines_free(e->lines);
    gate_arena_give(g, e->cx.arena);
}

/* ---- decoding ---------------------------------------------------------------------------- */

/* One {name} of the path into its member; what cannot be one is nothing we have. */
static enum err path_member(struct errand *e, const struct field *f, str text, void *in)
{
    if (field_read(&e->cx, f, text, in) == OK)
        return OK;
    e->cx.why = (struct fault){0};
    return fault(&e->cx, ERR_NOT_FOUND, M_GATE_NO_RECORD);
}

static enum err path_read(struct errand *e)
{
    const struct shape *s = e->route->in;
    size_t n = 0;
    for (const char *p = e->route->path; *p; p++) {
        if (*p != '{')
            continue;
        const char *end = strchr(p, '}');
        str name = {p + 1, (size_t)(end - p - 1)};
        for (size_t i = 0; s && i < s->n; i++)
            if (s->fields[i].in_path && str_eq(name, str_of(s->fields[i].name)))
                TRY(path_member(e, &s->fields[i], e->params[n], e->in));
        n++;
    }
    return OK;
}

static bool takes_body(const struct route *r)
{
    if (r->method == HTTP_GET || !r->in)
        return false;
    for (size_t i = 0; i < r->in->n; i++)
        if (!r->in->fields[i].in_path)
            return true;
    return false;
}

static bool is_media(str content_type, str media)
{
    str type = str_trim(str_cut(&content_type, ';'));
    return str_eq_ascii_nocase(type, media);
}

/* The names that NDJSON goes by. */
static bool takes_lines(str content_type)
{
    return is_media(content_type, S("application/x-ndjson")) ||
           is_media(content_type, S("application/ndjson")) ||
           is_media(content_type, S("application/jsonl"));
}

/* Unsafe methods take nothing from the query; a name there is a mistake we name. */
static enum err query_is_empty(struct errand *e)
{
    if (e->rq->query.len == 0)
        return OK;
    str rest = e->rq->query, name = str_cut(&rest, '&');
    name = str_cut(&name, '=');
    if (!str_is_utf8(name) || name.len > 100)
        name = S("?");
    enum err x = fault(&e->cx, ERR_INVALID, M_GATE_QUERY, MARG("name", name));
    return fault_at(&e->cx, x, arena_str(e->cx.arena, name));
}

static enum err body_read(struct errand *e)
{
    struct cx *cx = &e->cx;
    const struct route *r = e->route;
    str body = e->rq->body, type = http_header_of(e->x, "Content-Type");
    if (body.len == 0)
        body = S("{}");
    else if (r->takes_form && is_media(type, S("application/x-www-form-urlencoded")))
        return form_read(cx, r->in, body, false, e->in, &cx->sent);
    static const struct shape nothing = {.name = "nothing"};
    if (!r->in) {
        char none[1];
        return json_read(cx, &nothing, body, none, NULL);
    }
    return json_read(cx, r->in, body, e->in, &cx->sent);
}

static enum err decode(struct errand *e)
{
    struct cx *cx = &e->cx;
    const struct route *r = e->route;
    cx->sent = 0;
    e->in = r->in ? arena_alloc(cx->arena, 1, r->in->size) : NULL;
    e->out = r->out ? arena_alloc(cx->arena, 1, r->out->size) : NULL;
    if (r->is_raw && e->in) {
        *(struct raw_in *)e->in =
            (struct raw_in){http_header_of(e->x, "Content-Type"), e->rq->query, e->rq->body};
        return path_read(e);
    }
    if (r->method == HTTP_GET) {
        if (r->in)
            TRY(form_read(cx, r->in, e->rq->query, false, e->in, &cx->sent));
        else
            TRY(query_is_empty(e));
    } else {
        TRY(query_is_empty(e));
        str type = http_header_of(e->x, "Content-Type");
        bool is_ours = e->rq->body.len == 0 || is_media(type, S("application/json")) ||
                       (r->takes_form && is_media(type, S("application/x-www-form-urlencoded")));
        if (!is_ours) {
            e->http_fault = STATUS_MEDIA_TYPE;
            return ERR_MALFORMED;
        }
        TRY(body_read(e));
    }
    return path_read(e);
}

/* If-Match: one version as our ETag gives it, or '*'. */
static enum err if_match_read(struct errand *e)
{
    str t = str_trim(http_header_of(e->x, "If-Match"));
    e->cx.if_match = -1;
    if (t.len == 0 || str_eq(t, S("*")))
        return OK;
    if (t.len > 2 && t.ptr[0] == '"' && t.ptr[t.len - 1] == '"') {
        str inner = {t.ptr + 1, t.len - 2};
        if (str_to_int(str_cut(&inner, '-'), &e->cx.if_match) && e->cx.if_match >= 0)
            return OK;
    }
    e->cx.if_match = -1;
    return fault(&e->cx, ERR_MALFORMED, M_GATE_IF_MATCH);
}

/* ---- Idempotency-Key --------------------------------------------------------------------- */

static const struct field key_answer_fields[] = {
    FIELD(struct key_answer, status),
    FIELD(struct key_answer, made_id),
    FIELD(struct key_answer, is_same),
};
const struct shape key_answer_shape = SHAPE("key_answer", struct key_answer, key_answer_fields);

static enum err key_read(struct errand *e)
{
    str key = str_trim(http_header_of(e->x, "Idempotency-Key"));
    e->key = (str){0};
    if (key.len == 0 || e->route->is_public)
        return OK;
    bool is_visible = key.len <= KEY_MAX;
    for (size_t i = 0; is_visible && i < key.len; i++)
        is_visible = key.ptr[i] > ' ' && key.ptr[i] <= '~';
    if (!is_visible)
        return fault(&e->cx, ERR_INVALID, M_GATE_KEY_FORM);
    e->key = key;
    struct text t = text_in(e->cx.arena, e->rq->path.len + e->rq->query.len + e->rq->body.len + 64);
    text_printf(&t, "%s " SFMT "?" SFMT "\n", http_method_names[e->rq->method], SARG(e->rq->path),
                SARG(e->rq->query));
    text_add(&t, e->rq->body);
    sha256(text_str(&t), e->key_request);
    return OK;
}

static enum err key_look(struct errand *e)
{
    struct cx *cx = &e->cx;
    e->repeat_status = 0;
    cx->made_id = 0;
    if (e->key.len == 0)
        return OK;
    struct key_answer found = {0};
    enum err x = db_one(
        cx, &q_key_answered, &key_answer_shape, &found,
        ARGS(val_blob(e->key_request, 32), V((int)cx->actor.kind), V(cx->actor.id), V(e->key)));
    if (x == ERR_NOT_FOUND)
        return OK;
    TRY(x);
    if (!found.is_same)
        return fault(cx, ERR_INVALID, M_GATE_KEY_OTHER);
    e->repeat_status = (int)found.status;
    cx->made_id = found.made_id;
    return OK;
}

int gate_status(const struct route *r)
{
    return r->status ? r->status : r->out ? 200 : 204;
}

/* A password is hashed only where one was sent; the rest of such a row's work is like any other. */
static bool hashes(const struct errand *e)
{
    const struct route *r = e->route;
    return r->hashes_password &&
           (r->is_public || r->session_only || str_find(e->rq->body, S("password")) >= 0);
}

enum lane_kind gate_lane(const struct errand *e)
{
    const struct route *r = e->route;
    if (!r)
        return LANE_FAST;
    return hashes(e)                       ? LANE_PASSWORDS
           : r->is_heavy || r->apply_lines ? LANE_HEAVY
           : r->is_card                    ? LANE_FAST
                                           : LANE_COMMON;
}

/* ---- the change -------------------------------------------------------------------------- */

static enum err errand_apply(struct cx *cx, void *state)
{
    struct errand *e = state;
    cx->why = (struct fault){0};
    TRY(e->route->apply(cx, e->in, e->out));
    if (e->key.len == 0)
        return OK;
    enum err x = db_run(cx, &q_key_keep,
                        ARGS(V((int)cx->actor.kind), V(cx->actor.id), V(e->key),
                             val_blob(e->key_request, 32), V(gate_status(e->route)), V(cx->made_id),
                             V(cx->now_ms)));
    return x == ERR_CONFLICT ? ERR_STALE : x; /* the same key came in twice at once: look again */
}

static void errand_done(struct change *c, enum err result)
{
    struct errand *e = c->owner;
    bool is_overtaken = result == ERR_STALE && e->cx.if_match < 0 && e->tries < REPLANS;
    /* What stands in the way may be our own twin with the same key: look once more. */
    bool may_be_twin =
        e->key.len && !e->looked_again && (result == ERR_CONFLICT || result == ERR_STALE);
    e->looked_again = e->looked_again || may_be_twin;
    e->result = result;
    e->tries++;
    e->is_done = !is_overtaken && !may_be_twin;
    if (result == OK && e->route->session_only)
        pass_forget(e); /* what a person changed of himself holds for what he asks next */
    enum lane_kind lane = e->is_done ? LANE_FAST : gate_lane(e);
    struct gate *g = e->gate;
    lanes_add_owed(g->lanes, lane, e);
    atomic_fetch_sub(&g->in_store, 1);
}

/* ---- on a worker ------------------------------------------------------------------------- */

/* Whose record a person has on the screen: its changes are told to his browsers. */
static void opened(struct errand *e)
{
    static const str customers = {"/api/v1/customers/{id}", 22};
    int64_t id = 0;
    if (e->cx.actor.kind == ACTOR_STAFF && e->gate->house->hub &&
        str_starts(str_of(e->route->path), customers) && id_parse(e->params[0], "cus", &id))
        hub_opened(e->gate->house->hub, e->cx.actor.id, id);
}

static enum err begin(struct errand *e, bool *is_change)
{
    struct cx *cx = &e->cx;
    const struct route *r = e->route;
    if (r == &files_page) {
        files_begin(e);
        return OK;
    }
    TRY(pass_check(e));
    if (e->stream)
        return OK;
    TRY(if_match_read(e));
    if (r->apply_lines) {
        TRY(query_is_empty(e));
        if (!takes_lines(http_header_of(e->x, "Content-Type"))) {
            e->http_fault = STATUS_MEDIA_TYPE;
            return ERR_MALFORMED;
        }
        TRY(key_read(e));
        return lines_open(e);
    }
    TRY(decode(e));
    if (!r->apply) {
        TRY(r->read(cx, e->in, e->out));
        opened(e);
        return OK;
    }
    TRY(key_read(e));
    TRY(key_look(e));
    if (e->repeat_status) {
        if (r->replay && cx->made_id)
            return r->replay(cx, cx->made_id, e->out);
        e->out = NULL;
        return OK;
    }
    if (r->plan)
        TRY(r->plan(cx, e->in, e->out));
    *is_change = true;
    return OK;
}

/* The version that stands now, for the answer to a stale If-Match: asked of the record's own GET.
 */
static void stale_version(struct errand *e)
{
    const struct route *get = e->spot->route[HTTP_GET];
    if (!get || !get->read || !get->out || e->cx.if_match < 0)
        return;
    struct errand look = *e;
    look.route = get;
    look.in = get->in ? arena_alloc(e->cx.arena, 1, get->in->size) : NULL;
    look.out = arena_alloc(e->cx.arena, 1, get->out->size);
    int64_t version = 0;
    if (path_read(&look) == OK && get->read(&look.cx, look.in, look.out) == OK &&
        version_of(get->out, look.out, &version))
        e->cx.if_match = version;
    else
        e->cx.if_match = -2;
}

static void house_lang(struct errand *e)
{
    const struct settings *s = settings_current(&e->cx);
    atomic_store_explicit(&e->gate->lang, s->lang, memory_order_relaxed);
}

/* After it the errand is gone. */
static void answer(struct errand *e)
{
    if (e->http_fault)
        reply_http_fault(e, e->http_fault);
    else if (e->route == &files_page)
        files_answer(e); /* busy or not: what the page is not told it asks */
    else if (e->result == OK)
        reply_answer(e);
    else
        reply_fault(e);
}

static void submit(struct errand *e)
{
    e->change = (struct change){
        .lane = e->route->is_heavy ? LANE_BULK : LANE_INTERACTIVE,
        .apply = errand_apply,
        .state = e,
        .cx = &e->cx,
        .done = errand_done,
        .owner = e,
        .key = e->cx.key,
        .is_urgent = e->cx.is_urgent,
    };
    atomic_fetch_add(&e->gate->in_store, 1);
    db_submit(e->gate->house->store, &e->change);
}

static void errand_run(struct errand *e, struct db *db)
{
    struct cx *cx = &e->cx;
    cx->db = db;
    bool is_change = false, has_snapshot = false;
    if (e->lines) {
        lines_go_on(e, db);
        return;
    }
    if (!e->is_done && clock_mono_ns() - e->queued_ns > LINE_PATIENCE_NS) {
        cx->why = (struct fault){.err = ERR_BUSY, .retry_after_s = 2};
        e->result = ERR_BUSY;
        answer(e);
        return;
    }
    if (e->is_done) {
        bool is_stale = e->result == ERR_STALE && cx->if_match >= 0;
        if (is_stale && db && read_begin(cx) == OK) {
            stale_version(e);
            read_end(cx);
        }
        answer(e);
        return;
    }
    cx->now_ms = clock_now_ms();
    cx->why = (struct fault){.err = ERR_BUSY, .retry_after_s = 2};
    e->result = db ? read_begin(cx) : ERR_BUSY;
    has_snapshot = e->result == OK;
    if (!has_snapshot && e->route && e->route->without_store) {
        cx->db = NULL;
        e->result = begin(e, &is_change);
    }
    if (has_snapshot) {
        cx->why = (struct fault){0};
        house_lang(e);
        e->result = begin(e, &is_change);
        if (e->result == ERR_STALE && cx->if_match < 0 && e->tries < REPLANS && e->route &&
            e->route->apply) {
            read_end(cx); /* what plan saw moved under it: again, on a newer snapshot */
            e->tries++;
            lanes_add_owed(e->gate->lanes, gate_lane(e), e);
            return;
        }
        if (e->result == ERR_STALE)
            stale_version(e);
        read_end(cx);
    }
    cx->db = NULL;
    if (e->result != OK)
        answer(e);
    else if (e->stream)
        e->stream->take(e->gate->house, e->x, cx);
    else if (e->lines)
        lines_go_on(e, db);
    else if (is_change)
        submit(e);
    else
        answer(e);
}

/* ---- on a polling thread: quick, without the store --------------------------------------- */

static const struct route *row_of(const struct spot *s, enum http_method m)
{
    const struct route *r = s->route[m == HTTP_HEAD ? HTTP_GET : m];
    return r && m == HTTP_HEAD && r->apply ? NULL : r; /* HEAD never changes anything */
}

static const struct stream_route *stream_of(const struct spot *s, enum http_method m)
{
    return s->stream && s->stream->method == m ? s->stream : NULL;
}

bool gate_takes_flow(void *arg, enum http_method m, str path)
{
    const struct gate *g = arg;
    str params[SPOT_PARAMS_MAX];
    const struct spot *s = trie_find(g->trie, path, params);
    const struct stream_route *r = s ? stream_of(s, m) : NULL;
    return r && r->body_limit > 0;
}

size_t gate_body_limit(void *arg, enum http_method m, str path)
{
    const struct gate *g = arg;
    str params[SPOT_PARAMS_MAX];
    const struct spot *s = trie_find(g->trie, path, params);
    const struct route *r = s ? row_of(s, m) : NULL;
    if (m == HTTP_GET || m == HTTP_HEAD)
        return 0;
    if (s && stream_of(s, m))
        return (size_t)stream_of(s, m)->body_limit;
    if (!r)
        return BODY_DEFAULT; /* 404 or 405 is the better answer */
    if (!takes_body(r) && !r->is_raw)
        return BODY_NONE;
    return r->body_limit ? r->body_limit : BODY_DEFAULT;
}

/* JSON is what we speak; who can take none of it is told so. */
static bool takes_json(str accept)
{
    if (str_trim(accept).len == 0)
        return true;
    while (accept.len) {
        str range = str_cut(&accept, ',');
        range = str_trim(str_cut(&range, ';'));
        if (str_eq(range, S("*/*")) || str_eq_ascii_nocase(range, S("application/*")) ||
            str_eq_ascii_nocase(range, S("application/json")) ||
            str_eq_ascii_nocase(range, S("application/problem+json")) ||
            str_eq_ascii_nocase(range, S("application/x-ndjson")) ||
            str_eq_ascii_nocase(range, S("application/ndjson")))
            return true;
    }
    return false;
}

static str agent_of(struct errand *e)
{
    str given = http_header_of(e->x, "User-Agent");
    size_t n = given.len < AGENT_MAX ? given.len : AGENT_MAX;
    char *p = arena_alloc(e->cx.arena, n + 1, 1);
    for (size_t i = 0; i < n; i++)
        p[i] = given.ptr[i] >= ' ' && given.ptr[i] <= '~' ? given.ptr[i] : '?';
    return (str){p, n};
}

static bool within_budget(struct errand *e)
{
    const struct route *r = e->route;
    if (!r || !r->is_public)
        return true;
    unsigned per_minute = r->per_minute ? r->per_minute : PER_MINUTE;
    uint32_t wait_s = 1;
    if (limits_take(e->gate->limits, r->path, limits_net(e->cx.arena, e->cx.peer), clock_mono_ns(),
                    60000000000 / per_minute, per_minute, &wait_s))
        return true;
    e->result = fault(&e->cx, ERR_TOO_MANY, M_GATE_BUDGET);
    e->cx.why.retry_after_s = wait_s;
    return false;
}

void gate_handle(void *arg, struct http_exchange *x)
{
    struct gate *g = arg;
    struct arena *a = gate_arena_take(g);
    if (!a) {
        http_reply(x, 503, S("text/plain"), (struct http_header[]){{S("Retry-After"), S("2")}}, 1,
                   S("busy\n"), true);
        return;
    }
    struct errand *e = ARENA_NEW(a, struct errand);
    const struct http_request *rq = http_request(x);
    *e = (struct errand){
        .gate = g,
        .x = x,
        .rq = rq,
        .queued_ns = clock_mono_ns(),
        .cx = {.arena = a,
               .house = g->house,
               .now_ms = clock_now_ms(),
               .peer = rq->peer,
               .request = rq->number,
               .if_match = -1},
    };
    e->cx.lang = lang_pick(http_header_of(x, "Accept-Language"),
                           (enum lang)atomic_load_explicit(&g->lang, memory_order_relaxed));
    http_set_owner(x, e, errand_free);

    e->spot = trie_find(g->trie, rq->path, e->params);
    bool is_api = str_starts(rq->path, S("/api/")) || str_eq(rq->path, S("/api"));
    bool is_page = !e->spot && !is_api && files_is_page_of_somebody(e);
    if (!e->spot && !is_page) {
        if (is_api || !files_answer(e))
            reply_no_path(e);
        return;
    }
    e->route = is_page ? &files_page : row_of(e->spot, rq->method);
    e->stream = is_page ? NULL : stream_of(e->spot, rq->method);
    if (!e->route && !e->stream) {
        if (rq->method == HTTP_OPTIONS)
            reply_options(e);
        else
            reply_method(e);
        return;
    }
    if (e->route && e->route->out != &raw_reply_shape && !takes_json(http_header_of(x, "Accept"))) {
        reply_http_fault(e, STATUS_NOT_ACCEPTABLE);
        return;
    }
    if (!within_budget(e)) {
        reply_fault(e);
        return;
    }
    e->cx.agent = agent_of(e);
    e->cx.device = http_cookie_of(x, pass_device_name(e).ptr);
    if (!lanes_add(g->lanes, gate_lane(e), e)) {
        e->cx.why = (struct fault){.err = ERR_BUSY, .retry_after_s = 2};
        e->result = ERR_BUSY;
        reply_fault(e);
    }
}

void gate_refuse(struct http_exchange *x, struct cx *cx)
{
    struct errand *e = http_owner(x);
    assert(&e->cx == cx);
    e->result = cx->why.err;
    reply_fault(e);
}

/* ---- wiring ------------------------------------------------------------------------------ */

static bool wire_room(struct gate *g, const struct room *room)
{
    for (size_t i = 0; i < room->n; i++) {
        const struct route *r = &room->routes[i];
        struct spot *s = trie_add(g->trie, r->path);
        bool is_sound = s && !s->route[r->method] && (r->read || r->apply || r->apply_lines) &&
                        (r->may || r->is_public) && (r->in || !r->is_raw);
        if (!is_sound) {
            log_line(LOG_ERROR, "gate.row", "room=%s method=%s path=%s", room->name,
                     http_method_names[r->method], r->path);
            return false;
        }
        s->route[r->method] = r;
        s->room[r->method] = room;
    }
    return true;
}

static bool wire(struct gate *g)
{
    if (!wire_room(g, &house_room))
        return false;
    for (size_t i = 0; i < rooms_n; i++)
        if (!wire_room(g, rooms[i]))
            return false;
    for (size_t i = 0; i < stream_routes_n; i++) {
        if (!stream_routes[i].path)
            continue;
        struct spot *s = trie_add(g->trie, stream_routes[i].path);
        if (!s || s->stream || s->route[stream_routes[i].method])
            return false;
        s->stream = &stream_routes[i];
    }
    return true;
}

/* What a role may, told to the people's room once: "customers.read" for each resource it has a row
 * of. */
static void tell_cans(void)
{
    static const str prefix = {"/api/v1/", 8};
    for (int role = 0; role < ROLE_N; role++) {
        for (size_t i = 0; i < rooms_n; i++) {
            for (size_t k = 0; k < rooms[i]->n; k++) {
                const struct route *r = &rooms[i]->routes[k];
                str path = str_of(r->path);
                if (!(r->may & MAY(role)) || !str_starts(path, prefix))
                    continue;
                path = (str){path.ptr + prefix.len, path.len - prefix.len};
                staff_can_add((enum role)role, str_cut(&path, '/'), r->method != HTTP_GET);
            }
        }
    }
}

enum err gate_open(struct cx *cx, struct house *h, const struct gate_options *o, struct gate **out)
{
    struct gate *g = calloc(1, sizeof *g);
    if (!g)
        return fault(cx, ERR_INTERNAL, M_GATE_MEMORY);
    *out = g;
    g->house = h;
    pthread_mutex_init(&g->lock, NULL);
    g->trie = trie_open();
    g->limits = limits_open(16384);
    g->passes = pass_book_open();
    if (!g->trie || !g->limits || !g->passes || !wire(g)) {
        gate_close(g);
        return fault(cx, ERR_INTERNAL, M_GATE_MEMORY);
    }
    tell_cans();
    g->lanes = lanes_open(h->store, o->workers, errand_run);
    if (!g->lanes) {
        gate_close(g);
        return fault(cx, ERR_INTERNAL, M_GATE_MEMORY);
    }
    return OK;
}

void gate_stop_lines(struct gate *g)
{
    if (g)
        atomic_store(&g->is_closing, true);
}

void gate_close(struct gate *g)
{
    if (!g)
        return;
    gate_stop_lines(g);
    while (atomic_load(&g->in_store)) /* they come back to a worker */
        usleep(500);
    lanes_close(g->lanes);
    pass_book_close(g->passes);
    limits_close(g->limits);
    trie_close(g->trie);
    while (g->n_spare)
        arena_close(g->spare[--g->n_spare]);
    pthread_mutex_destroy(&g->lock);
    free(g);
}
