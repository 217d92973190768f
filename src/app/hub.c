/* app/hub.c - committed events to open browsers.
 *
 * One thread owns everything below "the thread". Others only put items into its line: the store's
 * publish callback (events), workers (new streams), polling threads (streams that ended).
 */
#include "app/hub.h"
#include "base/cond.h"
#include "app/gate.h"
#include "app/hub_inner.h"
#include "messages.h"
#include "queries.h"
#include "rooms/panel/panel.h"

#define MS_NS 1000000LL
static const int64_t CHECK_NS = 500 * MS_NS; /* sessions and tokens are looked at this often */
static const int64_t QUEUE_NS =
    250 * MS_NS; /* queue.changed for one stream: at most four a second */
static const int64_t QUEUE_RENDER_NS = 60 * MS_NS;
static const int64_t SPARSE_NS = 1000 * MS_NS; /* task.changed */
static const int64_t OPENED_NS = 1800 * 1000 * MS_NS;
static const int64_t IDLE_MS = 12ll * 3600 * 1000, LIFE_MS = 7ll * 86400 * 1000, /* of a session */
    CLOCK_BACK_MS = 2ll * 86400 * 1000;                                          /* as in staff */
static const size_t ARENA_LIMIT = (size_t)32 << 20;

/* clang-format off */
static const struct { const char *name; enum topic topic; } topics[] = {
    {"call", TOPIC_CALL}, {"customer", TOPIC_CUSTOMER}, {"queue", TOPIC_QUEUE}, {"staff", TOPIC_STAFF}, {"task", TOPIC_TASK},
};
/* clang-format on */

/* ---- other threads
 * ------------------------------------------------------------------------------- */

static void conn_free(struct conn *c)
{
    if (atomic_fetch_sub(&c->refs, 1) != 1)
        return;
    pthread_mutex_destroy(&c->lock);
    free(c);
}

bool hub_add(struct hub *h, struct item *i)
{
    pthread_mutex_lock(&h->lock);
    bool is_open = !h->is_stopping, is_first = !h->head;
    if (!is_open) {
        pthread_mutex_unlock(&h->lock);
        return false;
    }
    i->next = NULL;
    if (h->tail)
        h->tail->next = i;
    else
        h->head = i;
    h->tail = i;
    h->n_items++;
    pthread_mutex_unlock(&h->lock);
    if (is_first)
        pthread_cond_signal(&h->wake);
    return true;
}

static struct item *item_of(const struct event *e)
{
    struct item *it = malloc(sizeof *it + e->data.len + 1);
    if (!it)
        return NULL;
    *it = (struct item){.kind = ITEM_EVENT, .event = *e, .at_ns = clock_mono_ns()};
    if (e->data.len)
        memcpy(it + 1, e->data.ptr, e->data.len);
    it->event.data = (str){(const char *)(it + 1), e->data.len};
    return it;
}

/* A ring that this node has just committed, on a thread of the store: it need not wait for its turn among all events. */
static void announce(void *arg, const struct event *e, size_t n)
{
    struct hub *h = arg;
    for (size_t i = 0; i < n; i++) {
        if (e[i].type != EVENT_CALL_RINGING)
            continue;
        struct item *it = item_of(&e[i]);
        struct views *vs = calloc(1, sizeof *vs);
        if (!it || !vs) { /* it comes in its turn */
            free(it);
            free(vs);
            continue;
        }
        it->kind = ITEM_EARLY;
        it->views = vs;
        pthread_mutex_lock(&h->lock);
        h->announced[h->n_announced++ % ANNOUNCED] = e[i].seq;
        pthread_mutex_unlock(&h->lock);
        render_add(h, it);
    }
}

static bool was_announced(struct hub *h, int64_t seq)
{
    bool was = false;
    pthread_mutex_lock(&h->lock);
    for (size_t i = 0; i < ANNOUNCED && !was; i++)
        was = h->announced[i] == seq;
    pthread_mutex_unlock(&h->lock);
    return was;
}

/* Committed events, on a thread of the store: copied and put in line, nothing else. */
static void publish(void *arg, const struct event *e, size_t n)
{
    struct hub *h = arg;
    struct item *head = NULL, *tail = NULL;
    size_t made = 0;
    bool is_lost = false;
    for (size_t i = 0; i < n && !is_lost; i++) {
        struct item *it = item_of(&e[i]);
        is_lost = !it;
        if (is_lost)
            break;
        it->is_rendered = true;
        if (it->event.type == EVENT_CALL_RINGING && !was_announced(h, it->event.seq)) {
            it->views = calloc(1, sizeof *it->views);
            it->is_rendered = !it->views; /* no memory: the hub renders it in its turn */
            if (it->views)
                render_add(h, it);
        }
        if (tail)
            tail->next = it;
        else
            head = it;
        tail = it;
        made++;
    }
    if (!head && !is_lost)
        return;
    pthread_mutex_lock(&h->lock);
    bool is_first = !h->head;
    if (is_lost || h->n_items > ITEMS_MAX)
        h->is_overrun = true; /* all streams begin anew; nothing is sent half */
    if (head) {
        if (h->tail)
            h->tail->next = head;
        else
            h->head = head;
        h->tail = tail;
        h->n_items += made;
    }
    pthread_mutex_unlock(&h->lock);
    if (is_first)
        pthread_cond_signal(&h->wake);
}

static void closed(void *arg)
{
    struct conn *c = arg;
    pthread_mutex_lock(&c->lock);
    c->stream = NULL;
    struct hub *h = c->hub;
    if (h) {
        c->gone.kind = ITEM_GONE;
        c->gone.conn = c;
        (void)hub_add(h, &c->gone);
    }
    pthread_mutex_unlock(&c->lock);
    conn_free(c);
}

/* Cuts the next topic off; the comma may be sent coded. */
static str cut_topic(str *rest)
{
    str comma = S(","), coded = S("%2C");
    ptrdiff_t at = str_find(*rest, comma), at_coded = str_find(*rest, coded);
    size_t skip = comma.len;
    if (at_coded >= 0 && (at < 0 || at_coded < at)) {
        at = at_coded;
        skip = coded.len;
    }
    str topic = at < 0 ? *rest : (str){rest->ptr, (size_t)at};
    *rest = at < 0 ? (str){0} : (str){rest->ptr + at + skip, rest->len - (size_t)at - skip};
    return topic;
}

static bool add_topic(struct conn *c, str topic)
{
    for (size_t i = 0; i < COUNT(topics); i++)
        if (str_eq(topic, str_of(topics[i].name))) {
            c->topics |= (uint32_t)topics[i].topic;
            return true;
        }
    str prefix = S("customer:");
    int64_t customer = 0;
    if (!str_starts(topic, prefix) || c->n_customers == COUNT(c->customers) ||
        !id_parse((str){topic.ptr + prefix.len, topic.len - prefix.len}, "cus", &customer))
        return false;
    c->customers[c->n_customers++] = customer;
    return true;
}

static enum err read_topics(struct cx *cx, str query, struct conn *c)
{
    c->topics = TOPIC_ALL;
    while (query.len) {
        str value = str_cut(&query, '&');
        str name = str_cut(&value, '=');
        if (!str_eq(name, S("topics"))) {
            enum err e =
                fault(cx, ERR_INVALID, M_HUB_QUERY, MARG("name", str_clean(cx->arena, name, 40)));
            return fault_at(cx, e, S("query"));
        }
        c->topics = 0;
        while (value.len) {
            str topic = cut_topic(&value);
            if (add_topic(c, topic))
                continue;
            enum err e =
                fault(cx, ERR_INVALID, M_HUB_TOPIC, MARG("name", str_clean(cx->arena, topic, 40)));
            return fault_at(cx, e, S("topics"));
        }
    }
    return OK;
}

/* "seq" or "xid.seq", as our own ids of events. */
static bool read_position(str s, int64_t *xid, int64_t *seq)
{
    str rest = s, first = str_cut(&rest, '.');
    *xid = 0;
    if (!rest.ptr)
        return str_to_int(first, seq) && *seq >= 0;
    return str_to_int(first, xid) && str_to_int(rest, seq) && *xid >= 0 && *seq >= 0;
}

void hub_take(struct house *house, struct http_exchange *x, struct cx *cx)
{
    struct hub *h = house->hub;
    struct conn *c = calloc(1, sizeof *c);
    if (!c || !h) {
        free(c);
        (void)fault(cx, ERR_BUSY, M_HUB_BUSY);
        cx->why.retry_after_s = 2;
        gate_refuse(x, cx);
        return;
    }
    if (read_topics(cx, http_request(x)->query, c) != OK) {
        free(c);
        gate_refuse(x, cx);
        return;
    }
    atomic_init(&c->refs, 2);
    pthread_mutex_init(&c->lock, NULL);
    c->hub = h;
    c->is_token = cx->actor.kind == ACTOR_TOKEN;
    c->staff_id = cx->actor.kind == ACTOR_STAFF ? cx->actor.id : 0;
    c->pass_id = c->is_token ? cx->actor.id : cx->actor.session_id;
    c->role = cx->actor.role;
    c->lang = cx->lang;
    str last = http_header_of(x, "Last-Event-ID");
    c->has_last = last.len && read_position(last, &c->last_xid, &c->last_seq);
    c->is_lost = last.len && !c->has_last;
    c->join.kind = ITEM_JOIN;
    c->join.conn = c;

    pthread_mutex_lock(&c->lock);
    c->stream = http_stream_begin(x, S("text/event-stream"), NULL, 0, closed, c);
    if (!c->stream) { /* answered already, and `closed` will not come */
        pthread_mutex_unlock(&c->lock);
        pthread_mutex_destroy(&c->lock);
        free(c);
        return;
    }
    bool is_taken = hub_add(h, &c->join); /* before `closed` can say it is gone */
    if (!is_taken) {
        c->hub = NULL;
        http_stream_end(c->stream);
    }
    pthread_mutex_unlock(&c->lock);
    if (!is_taken)
        conn_free(c);
}

void hub_opened(struct hub *h, int64_t staff, int64_t customer)
{
    if (!h || !staff || !customer)
        return;
    pthread_mutex_lock(&h->lock);
    for (struct seat *s = h->seats[seat_slot(staff)]; s; s = s->next)
        if (s->staff_id == staff) {
            seat_opened(s, customer);
            break;
        }
    pthread_mutex_unlock(&h->lock);
}

bool hub_is_here(struct hub *h, int64_t staff)
{
    bool is_here = false;
    if (!h)
        return false;
    pthread_mutex_lock(&h->lock);
    for (struct seat *s = h->seats[seat_slot(staff)]; s; s = s->next)
        is_here |= s->staff_id == staff && s->n_conns > 0;
    pthread_mutex_unlock(&h->lock);
    return is_here;
}

void hub_figures(struct hub *h, struct hub_figures *out)
{
    pthread_mutex_lock(&h->lock);
    *out = h->figures;
    out->waiting = (int64_t)h->n_items;
    h->figures.longest_us = 0;
    pthread_mutex_unlock(&h->lock);
}

/* ---- the thread: sending
 * ----------------------------------------------------------------------------- */

static bool conn_send(struct hub *h, struct conn *c, struct http_chunk *chunk)
{
    bool is_sent = false;
    pthread_mutex_lock(&c->lock);
    if (c->stream && !c->is_ending)
        is_sent = http_stream_send(c->stream, chunk);
    pthread_mutex_unlock(&c->lock);
    h->n_sent += is_sent;
    h->n_dropped += !is_sent && !c->is_ending;
    return is_sent;
}

static void conn_end(struct conn *c)
{
    pthread_mutex_lock(&c->lock);
    c->is_ending = true;
    if (c->stream)
        http_stream_end(c->stream);
    pthread_mutex_unlock(&c->lock);
}

static void send_text(struct hub *h, struct conn *c, const struct event *at, const char *type,
                      str data)
{
    struct http_chunk *chunk = event_chunk(h->cx.arena, at, type, data);
    if (chunk)
        conn_send(h, c, chunk);
    http_chunk_free(chunk);
}

static struct http_chunk *place_chunk(struct hub *h, int64_t xid, int64_t seq)
{
    return http_chunk_new(
        arena_printf(h->cx.arena, "id: %lld.%lld\n\n", (long long)xid, (long long)seq));
}

/* Where the stream stands, for Last-Event-ID, without an event. */
static void send_position(struct hub *h, struct conn *c)
{
    struct http_chunk *chunk = place_chunk(h, h->xid, h->seq);
    if (chunk)
        conn_send(h, c, chunk);
    http_chunk_free(chunk);
}

/* To everybody who may read it, or to one. */
static void send_all(struct hub *h, struct conn *only, const struct event *at, const char *type,
                     str data, uint32_t roles, enum topic topic)
{
    struct http_chunk *chunk = event_chunk(h->cx.arena, at, type, data);
    for (struct conn *c = h->conns; c && chunk; c = c->next)
        if ((!only || only == c) && conn_may(c, roles, topic))
            conn_send(h, c, chunk);
    http_chunk_free(chunk);
}

/* ---- the thread: seats
 * -------------------------------------------------------------------------------- */

static struct seat *seat_of(struct hub *h, int64_t staff)
{
    struct seat *s = h->seats[seat_slot(staff)];
    while (s && s->staff_id != staff)
        s = s->next;
    return s;
}

static void seat_opened_now(struct hub *h, int64_t staff, int64_t customer)
{
    struct seat *s = seat_of(h, staff);
    if (!s || !customer)
        return;
    pthread_mutex_lock(&h->lock);
    seat_opened(s, customer);
    pthread_mutex_unlock(&h->lock);
}

static bool seat_has_open(const struct seat *s, int64_t customer, int64_t now_ns)
{
    for (size_t i = 0; i < COUNT(s->opened); i++)
        if (s->opened[i].customer_id == customer && now_ns - s->opened[i].at_ns < OPENED_NS)
            return true;
    return false;
}

static void seat_join(struct hub *h, struct conn *c)
{
    struct seat *s = seat_of(h, c->staff_id);
    if (!s)
        s = calloc(1, sizeof *s);
    if (!s)
        return;
    pthread_mutex_lock(&h->lock);
    if (!s->staff_id) {
        s->staff_id = c->staff_id;
        s->next = h->seats[seat_slot(c->staff_id)];
        h->seats[seat_slot(c->staff_id)] = s;
    }
    c->seat = s;
    c->seat_next = s->conns;
    s->conns = c;
    s->n_conns++;
    pthread_mutex_unlock(&h->lock);
    if (s->n_conns <= CONNS_PER_PERSON)
        return;
    struct conn *oldest = s->conns;
    while (oldest->seat_next)
        oldest = oldest->seat_next;
    conn_end(oldest);
}

static void seat_leave(struct hub *h, struct conn *c)
{
    if (!c->seat)
        return;
    pthread_mutex_lock(&h->lock);
    struct conn **at = &c->seat->conns;
    while (*at && *at != c)
        at = &(*at)->seat_next;
    if (*at) {
        *at = c->seat_next;
        c->seat->n_conns--;
    }
    pthread_mutex_unlock(&h->lock);
}

/* ---- the thread: reading
 * ---------------------------------------------------------------------------------- */

/* clang-format off */
struct hub_call { int64_t id; int state; int64_t staff, version, customer; };
static const struct field hub_call_fields[] = {
    FIELD(struct hub_call, id),
    FIELD_ENUM(struct hub_call, state, call_state_codes),
    FIELD_AS(struct hub_call, staff, "staff_id", .nullable = true),
    FIELD(struct hub_call, version),
    FIELD_AS(struct hub_call, customer, "customer_id", .nullable = true),
};
static const struct shape hub_call_shape = SHAPE("hub_call", struct hub_call, hub_call_fields);
struct hub_name { str name; };
static const struct field hub_name_fields[] = {FIELD(struct hub_name, name)};
static const struct shape hub_name_shape = SHAPE("hub_name", struct hub_name, hub_name_fields);
struct hub_desk { int64_t staff; };
static const struct field hub_desk_fields[] = {FIELD_AS(struct hub_desk, staff, "staff_id")};
static const struct shape hub_desk_shape = SHAPE("hub_desk", struct hub_desk, hub_desk_fields);
struct hub_session { int64_t id; int role; };
static const struct field hub_session_fields[] = {
    FIELD(struct hub_session, id),
    FIELD_ENUM(struct hub_session, role, role_codes),
};
static const struct shape hub_session_shape = SHAPE("hub_session", struct hub_session, hub_session_fields);
/* clang-format on */

static str staff_name(struct hub *h, int64_t id)
{
    struct name_kept *k = &h->names[seat_slot(id) % NAMES];
    if (k->staff == id)
        return (str){k->name, k->len};
    struct hub_name n = {0};
    if (!id ||
        db_one(&h->cx, &q_hub_staff_name, &hub_name_shape, &n, ARGS(V((staff_id){id}))) != OK)
        return S("");
    if (n.name.len <= sizeof k->name) {
        k->staff = id;
        k->len = n.name.len;
        memcpy(k->name, n.name.ptr, n.name.len);
    }
    return n.name;
}

/* Rendered ahead, or here: for a browser that came in the meantime, for a replay. */
static struct http_chunk *view_of(struct hub *h, struct views *vs, const struct event *ring,
                                  const struct conn *c)
{
    for (size_t i = 0; i < vs->n; i++)
        if (vs->v[i].role == c->role && vs->v[i].lang == c->lang)
            return vs->v[i].chunk;
    struct http_chunk *chunk = render_ring(&h->cx, ring, c->role, c->lang, c->staff_id, NULL);
    vs->v[vs->n++] = (struct view){c->role, c->lang, chunk};
    return chunk;
}

/* ---- the thread: calls
 * ----------------------------------------------------------------------------------------- */

static bool is_after(const struct event *e, int64_t xid, int64_t seq)
{
    return e->xid > xid || (e->xid == xid && e->seq > seq);
}

enum { DESKS_MAX = 64 };
/* clang-format off */
struct call_word { int64_t staff; str cause; int64_t desks[DESKS_MAX]; size_t n_desks; };
/* clang-format on */

/* "staff cause desk desk …" */
static struct call_word call_word(str data)
{
    struct call_word w = {0};
    int64_t id = 0;
    if (str_to_int(str_cut(&data, ' '), &id))
        w.staff = id;
    w.cause = str_cut(&data, ' ');
    if (str_eq(w.cause, S("-")))
        w.cause = S("");
    while (data.len && w.n_desks < DESKS_MAX)
        if (str_to_int(str_cut(&data, ' '), &id))
            w.desks[w.n_desks++] = id;
    return w;
}

static bool rang_at(const struct call_word *w, int64_t staff)
{
    for (size_t i = 0; i < w->n_desks; i++)
        if (w->desks[i] == staff)
            return true;
    return false;
}

/* Was this ring sent before its turn? */
static bool had_early(const struct conn *c, const struct event *e)
{
    for (size_t i = 0; i < EARLY_MAX; i++)
        if (e->seq && c->early[i] == e->seq)
            return true;
    return false;
}

static bool was_shown(const struct conn *c, int64_t call)
{
    for (size_t i = 0; i < SHOWN_MAX; i++)
        if (c->shown[i] == call)
            return true;
    return false;
}

/* A desk rings once for a call; a browser that was opened just then has seen it already. */
static bool wants_ring(const struct conn *c, const struct event *e)
{
    return conn_may(c, MAY_SERVE, TOPIC_CALL) && !had_early(c, e) && !was_shown(c, e->ref_id);
}

static void ring_at_desk(struct hub *h, struct views *vs, const struct event *e, int64_t staff,
                         struct conn *only)
{
    struct seat *s = seat_of(h, staff);
    if (!s)
        return;
    bool is_shown = false;
    for (struct conn *c = s->conns; c; c = c->seat_next) {
        struct http_chunk *chunk = NULL;
        if ((!only || only == c) && wants_ring(c, e))
            chunk = view_of(h, vs, e, c);
        if (!chunk || !conn_send(h, c, chunk))
            continue;
        is_shown = true;
        c->shown[c->n_shown++ % SHOWN_MAX] = e->ref_id;
    }
    if (!is_shown || !e->customer_id)
        return;
    seat_opened_now(h, staff, e->customer_id);
    h->cx.actor = (struct actor){.kind = ACTOR_STAFF, .id = staff};
    audit_view(&h->cx, e->customer_id);
}

/* It does not ring any more in a replay, and when the store's events come late. */
static enum ring_state ring_state(struct cx *cx, int64_t call)
{
    struct hub_call now = {0};
    enum err e = db_one(cx, &q_hub_call_state, &hub_call_shape, &now, ARGS(V((call_id){call})));
    if (e != OK && e != ERR_NOT_FOUND)
        return RING_UNKNOWN;
    return e == OK && now.state == CALL_RINGING ? RING_ON : RING_OVER;
}

/* Who saw the ring before its turn is told its place only. True: somebody has not seen it. */
static bool ring_has_place(struct hub *h, const struct call_word *w, const struct event *e,
                           const struct conn *only)
{
    bool is_wanted = false;
    struct http_chunk *place = NULL;
    for (size_t i = 0; i < w->n_desks; i++) {
        struct seat *s = seat_of(h, w->desks[i]);
        for (struct conn *c = s ? s->conns : NULL; c; c = c->seat_next) {
            if ((only && only != c) || !conn_may(c, MAY_SERVE, TOPIC_CALL))
                continue;
            if (!had_early(c, e) && !was_shown(c, e->ref_id)) {
                is_wanted = true;
                continue;
            }
            if (!place)
                place = place_chunk(h, e->xid, e->seq);
            if (place)
                conn_send(h, c, place);
        }
    }
    http_chunk_free(place);
    return is_wanted;
}

/* A ring that the store would not give is not passed over: whoever should have seen it loads what there is. */
static void reset_unshown(struct hub *h, const struct event *e, int64_t staff, struct conn *only)
{
    struct seat *s = seat_of(h, staff);
    for (struct conn *c = s ? s->conns : NULL; c; c = c->seat_next)
        if ((!only || only == c) && wants_ring(c, e))
            send_text(h, c, NULL, "reset", S("{}"));
}

static void call_ringing(struct hub *h, const struct event *e, struct views *ahead,
                         struct conn *only)
{
    struct call_word w = call_word(e->data);
    struct views here = {.n = 0}, *vs = ahead ? ahead : &here;
    bool is_wanted = ring_has_place(h, &w, e, only);
    enum ring_state state = !is_wanted          ? RING_OVER
                            : ahead && ahead->n ? (ahead->is_over ? RING_OVER : RING_ON)
                                                : ring_state(&h->cx, e->ref_id);
    for (size_t i = 0; i < w.n_desks && state != RING_OVER; i++) {
        if (state == RING_ON)
            ring_at_desk(h, vs, e, w.desks[i], only);
        reset_unshown(h, e, w.desks[i], only);
    }
    views_free(vs);
}

/* Before its turn, without a place in the order. What comes too late for that had its turn already. */
static void call_ringing_early(struct hub *h, const struct event *ring, struct views *vs)
{
    if (is_after(ring, h->xid, h->seq) && !vs->is_over) {
        struct call_word w = call_word(ring->data);
        struct event e = *ring;
        e.xid = e.seq = 0;
        for (size_t i = 0; i < w.n_desks; i++) {
            ring_at_desk(h, vs, &e, w.desks[i], NULL);
            struct seat *s = seat_of(h, w.desks[i]);
            for (struct conn *c = s ? s->conns : NULL; c; c = c->seat_next)
                if (conn_may(c, MAY_SERVE, TOPIC_CALL) && was_shown(c, ring->ref_id))
                    c->early[c->n_early++ % EARLY_MAX] = ring->seq;
        }
    }
    views_free(vs);
}

static void to_desk(struct hub *h, const struct event *e, const char *type, str json, int64_t staff,
                    struct conn *only)
{
    struct seat *s = seat_of(h, staff);
    for (struct conn *c = s ? s->conns : NULL; c; c = c->seat_next)
        if ((!only || only == c) && conn_may(c, MAY_SERVE, TOPIC_CALL))
            send_text(h, c, e, type, json);
}

static void call_answered(struct hub *h, const struct event *e, struct conn *only)
{
    struct call_word w = call_word(e->data);
    struct text t = text_in(h->cx.arena, 2048);
    struct json_out j = {.to = &t};
    json_object_begin(&j);
    json_key(&j, S("id"));
    json_str(&j, id_text(h->cx.arena, "cal", e->ref_id));
    json_key(&j, S("staff"));
    if (w.staff) {
        json_object_begin(&j);
        json_key(&j, S("id"));
        json_str(&j, id_text(h->cx.arena, "stf", w.staff));
        json_key(&j, S("name"));
        json_str(&j, staff_name(h, w.staff));
        json_object_end(&j);
    } else {
        json_null(&j);
    }
    json_key(&j, S("answer_at"));
    json_str(&j, when_text(h->cx.arena, (when){e->at_ms}));
    json_object_end(&j);
    /* A desk that answers without having rung sees the card first, and so does one that took the call before its ring could
     * be shown; but one that comes back asks for it. */
    bool has_rung = rang_at(&w, w.staff);
    if (w.staff && (!has_rung || !only)) {
        struct views vs = {.n = 0};
        ring_at_desk(h, &vs, e, w.staff, only);
        views_free(&vs);
    }
    if (w.staff && !has_rung)
        to_desk(h, e, "call.answered", text_str(&t), w.staff, only);
    for (size_t i = 0; i < w.n_desks; i++)
        to_desk(h, e, "call.answered", text_str(&t), w.desks[i], only);
}

static void call_ended(struct hub *h, const struct event *e, struct conn *only)
{
    struct call_word w = call_word(e->data);
    struct text t = text_in(h->cx.arena, 512);
    struct json_out j = {.to = &t};
    json_object_begin(&j);
    json_key(&j, S("id"));
    json_str(&j, id_text(h->cx.arena, "cal", e->ref_id));
    json_key(&j, S("cause"));
    json_str(&j, w.cause);
    json_key(&j, S("end_at"));
    json_str(&j, when_text(h->cx.arena, (when){e->at_ms}));
    json_object_end(&j);
    if (w.staff)
        to_desk(h, e, "call.ended", text_str(&t), w.staff, only);
    for (size_t i = 0; i < w.n_desks && !w.staff; i++)
        to_desk(h, e, "call.ended", text_str(&t), w.desks[i], only);
}

static str id_json(struct hub *h, const char *prefix, int64_t id)
{
    return id ? arena_printf(h->cx.arena, "{\"id\":\"" SFMT "\"}",
                             SARG(id_text(h->cx.arena, prefix, id)))
              : S("{\"id\":null}");
}

static void call_changed(struct hub *h, const struct event *e, struct conn *only)
{
    struct call_word w = call_word(e->data);
    struct hub_call now = {0};
    if (db_one(&h->cx, &q_hub_call_state, &hub_call_shape, &now, ARGS(V((call_id){e->ref_id}))) !=
        OK)
        return;
    str json = arena_printf(h->cx.arena, "{\"id\":\"" SFMT "\",\"version\":%lld}",
                            SARG(id_text(h->cx.arena, "cal", e->ref_id)), (long long)now.version);
    if (w.staff) {
        to_desk(h, e, "call.changed", json, w.staff, only);
        return;
    }
    struct list desks = {0};
    if (db_all(&h->cx, &q_hub_desks, &hub_desk_shape, &desks, ARGS(V((call_id){e->ref_id}))) != OK)
        return;
    const struct hub_desk *d = desks.items;
    for (size_t i = 0; i < desks.n; i++)
        to_desk(h, e, "call.changed", json, d[i].staff, only);
}

/* ---- the thread: everything else
 * ---------------------------------------------------------------------------------- */

static void customer_changed(struct hub *h, const struct event *e, struct conn *only)
{
    int64_t now = clock_mono_ns();
    struct http_chunk *chunk = NULL;
    for (struct conn *c = h->conns; c && e->customer_id; c = c->next) {
        if ((only && only != c) || !(MAY(c->role) & MAY_SEE_CUSTOMERS))
            continue;
        bool wants =
            c->topics & TOPIC_CUSTOMER && c->seat && seat_has_open(c->seat, e->customer_id, now);
        for (size_t i = 0; i < c->n_customers && !wants; i++)
            wants = c->customers[i] == e->customer_id;
        if (!wants)
            continue;
        if (!chunk)
            chunk =
                event_chunk(h->cx.arena, e, "customer.changed", id_json(h, "cus", e->customer_id));
        if (chunk)
            conn_send(h, c, chunk);
    }
    http_chunk_free(chunk);
}

/* Many at once, by an import or the like: whoever looks at customers loads anew what he shows. */
static void customers_changed(struct hub *h)
{
    struct http_chunk *chunk =
        event_chunk(h->cx.arena, NULL, "customers.changed",
                    arena_printf(h->cx.arena, "{\"count\":%lld}", (long long)h->customers_changed));
    for (struct conn *c = h->conns; c && chunk; c = c->next)
        if ((MAY(c->role) & MAY_SEE_CUSTOMERS) && (c->topics & TOPIC_CUSTOMER || c->n_customers))
            conn_send(h, c, chunk);
    http_chunk_free(chunk);
}

static bool has_word(str words, int64_t id)
{
    int64_t w = 0;
    while (words.len)
        if (str_to_int(str_cut(&words, ' '), &w) && w == id)
            return true;
    return false;
}

static void session_ended(struct hub *h, const struct event *e)
{
    struct seat *s = seat_of(h, e->ref_id);
    for (struct conn *c = s ? s->conns : NULL; c; c = c->seat_next)
        if (!e->data.len || has_word(e->data, c->pass_id)) {
            send_text(h, c, NULL, "session.ended", S("{}"));
            conn_end(c);
        }
}

/* To whom it is for, whatever he listens to. */
static void notice_added(struct hub *h, const struct event *e, struct conn *only)
{
    int64_t staff = 0;
    struct seat *s = str_to_int(e->data, &staff) ? seat_of(h, staff) : NULL;
    for (struct conn *c = s ? s->conns : NULL; c; c = c->seat_next)
        if (!only || only == c)
            send_text(h, c, e, "notice.added", id_json(h, "ntc", e->ref_id));
}

/* `ahead`: a ring's views, rendered while it stood in line. `only`: a replay for one stream. */
static void deliver(struct hub *h, const struct event *e, struct views *ahead, struct conn *only)
{
    switch ((enum event_type)e->type) {
    case EVENT_CALL_RINGING:
        call_ringing(h, e, ahead, only);
        break;
    case EVENT_CALL_ANSWERED:
        call_answered(h, e, only);
        break;
    case EVENT_CALL_ENDED:
        call_ended(h, e, only);
        break;
    case EVENT_CALL_CHANGED:
        call_changed(h, e, only);
        break;
    case EVENT_CUSTOMER_CREATED:
    case EVENT_CUSTOMER_CHANGED:
    case EVENT_CUSTOMER_MERGED:
    case EVENT_INTERACTION_ADDED:
    case EVENT_ORDER_ADDED:
        customer_changed(h, e, only);
        break;
    case EVENT_CUSTOMERS_CHANGED: {
        int64_t n = 0;
        h->customers_changed += str_to_int(e->data, &n) ? n : 1;
        break;
    }
    case EVENT_TASK_CHANGED:
        h->task_id = h->tasks_changed ? 0 : e->ref_id; /* several: load the list anew */
        h->tasks_changed++;
        break;
    case EVENT_STAFF_CHANGED:
        memset(h->names, 0, sizeof h->names);
        send_all(h, only, e, "staff.changed", id_json(h, "stf", e->ref_id), MAY_ALL, TOPIC_STAFF);
        break;
    case EVENT_PHONE_LINK_CHANGED:
        send_all(h, only, e, "phone_link.changed", id_json(h, "phl", e->ref_id), MAY_SERVE,
                 TOPIC_STAFF);
        break;
    case EVENT_SETTINGS_CHANGED:
        send_all(h, only, e, "settings.changed", S("{\"id\":null}"), MAY_ALL, TOPIC_STAFF);
        break;
    case EVENT_SESSION_ENDED:
        if (!only)
            session_ended(h, e);
        break;
    case EVENT_NOTICE_ADDED:
        notice_added(h, e, only);
        break;
    case EVENT_SEGMENT_ENTERED: /* for automations and webhooks; no panel shows it */
    case EVENT_SEGMENT_LEFT:
    case EVENT_CUSTOMER_JUDGED:
    case EVENT_N:
        break;
    }
    bool is_call = e->type == EVENT_CALL_RINGING || e->type == EVENT_CALL_ANSWERED ||
                   e->type == EVENT_CALL_ENDED;
    h->queue_version += is_call && !only;
}

/* ---- the thread: the queue view
 * ---------------------------------------------------------------------------------------- */

enum { QUEUE_ITEMS = 20 };
/* clang-format off */
struct queue_view { int64_t waiting; when longest_since; struct list items; };
static const struct field queue_fields[] = {
    FIELD(struct queue_view, waiting),
    FIELD(struct queue_view, longest_since, .nullable = true),
    FIELD_LIST(struct queue_view, items, &call_shape),
};
static const struct shape queue_view_shape = SHAPE("queue_view", struct queue_view, queue_fields);
/* clang-format on */

static struct http_chunk *queue_chunk(struct hub *h, enum lang lang)
{
    struct queue_chunk *q = &h->queue[lang];
    int64_t now = clock_mono_ns();
    if (q->chunk && (q->version == h->queue_version || now - q->made_ns < QUEUE_RENDER_NS))
        return q->chunk;
    h->cx.actor = (struct actor){.kind = ACTOR_STAFF, .role = ROLE_OPERATOR};
    h->cx.lang = lang;
    struct queue_view v = {0};
    enum err e = call_queue(&h->cx, &v.items, &v.waiting, &v.longest_since);
    if (e != OK) {
        log_line(LOG_ERROR, "hub.queue", "code=%s", err_code(e));
        return q->chunk;
    }
    if (v.items.n > QUEUE_ITEMS)
        v.items.n = QUEUE_ITEMS;
    struct text t = text_in(h->cx.arena, 200 * 1024);
    struct json_out j = {.to = &t, .role_bit = MAY(ROLE_OPERATOR)};
    json_write(&j, &queue_view_shape, &v);
    http_chunk_free(q->chunk);
    *q = (struct queue_chunk){event_chunk(h->cx.arena, NULL, "queue.changed", text_str(&t)),
                              h->queue_version, now};
    return q->chunk;
}

/* A slice of the streams at a time, so that 500 browsers do not wake at once beside a ring. */
static void queue_turn(struct hub *h, int64_t now)
{
    unsigned slots = h->n_conns / 32 < 1             ? 1
                     : h->n_conns / 32 > QUEUE_SLOTS ? QUEUE_SLOTS
                                                     : h->n_conns / 32;
    if (now - h->queue_turn_ns < (slots > 1 ? QUEUE_NS / slots : QUEUE_RENDER_NS))
        return;
    h->queue_turn_ns = now;
    h->queue_slot = (h->queue_slot + 1) % slots;
    for (struct conn *c = h->conns; c; c = c->next) {
        if (c->number % slots != h->queue_slot || c->queue_version == h->queue_version ||
            now - c->queue_ns < QUEUE_NS || !conn_may(c, MAY_SERVE, TOPIC_QUEUE))
            continue;
        struct http_chunk *chunk = queue_chunk(h, c->lang);
        if (!chunk)
            return;
        c->queue_version = h->queue[c->lang].version;
        c->queue_ns = now;
        conn_send(h, c, chunk);
    }
}

static bool queue_waits(const struct hub *h)
{
    for (const struct conn *c = h->conns; c; c = c->next)
        if (c->queue_version != h->queue_version && conn_may(c, MAY_SERVE, TOPIC_QUEUE))
            return true;
    return false;
}

/* ---- the thread: streams come and go
 * -------------------------------------------------------------------------------------- */

/* What rings at this desk now. */
static void greet(struct hub *h, struct conn *c)
{
    struct list live = {0};
    if (!c->staff_id || db_all(&h->cx, &q_hub_calls_at, &hub_call_shape, &live,
                               ARGS(V((staff_id){c->staff_id}))) != OK)
        return;
    const struct hub_call *k = live.items;
    for (size_t i = 0; i < live.n; i++) {
        if (k[i].state != CALL_RINGING && k[i].staff != c->staff_id)
            continue;
        struct views vs = {.n = 0};
        struct event e = {
            .type = EVENT_CALL_RINGING, .ref_id = k[i].id, .customer_id = k[i].customer};
        ring_at_desk(h, &vs, &e, c->staff_id, c);
        views_free(&vs);
    }
}

static str state_json(struct hub *h)
{
    return arena_printf(h->cx.arena, "{\"store\":\"%s\"}", store_state_codes[h->told]);
}

/* How the store stands, when it is another way than it was. */
static void tell_state(struct hub *h)
{
    enum store_state now = store_state(h->house->store);
    if (now == h->told)
        return;
    h->told = now;
    send_all(h, NULL, NULL, "house.state", state_json(h), MAY_ALL, TOPIC_ALL);
}

static bool is_over(struct hub *h, const struct conn *c)
{
    bool over = h->xid < c->last_xid || (h->xid == c->last_xid && h->seq < c->last_seq);
    return over; /* a position that is still to come is not one of ours */
}

/* From memory when it is there, else from the store; *is_gone: too long ago. */
static void replay(struct hub *h, struct conn *c, bool *is_gone)
{
    *is_gone = is_over(h, c);
    if (*is_gone || (c->last_xid == h->xid && c->last_seq == h->seq))
        return;
    int64_t n = 0;
    if (h->recent && !is_after(&h->recent->event, c->last_xid, c->last_seq)) {
        for (struct item *i = h->recent; i; i = i->next)
            if (is_after(&i->event, c->last_xid, c->last_seq)) {
                deliver(h, &i->event, NULL, c);
                n++;
            }
        h->n_replayed += n;
        return;
    }
    int64_t xid = c->last_xid, seq = c->last_seq;
    while (n < REPLAY_MAX) {
        struct list page = {0};
        enum err e = event_after(&h->cx, xid, seq, 500, &page, is_gone);
        if (e != OK)
            *is_gone = true;
        if (*is_gone || page.n == 0)
            return;
        const struct event *p = page.items;
        for (size_t i = 0; i < page.n; i++) {
            if (is_after(&p[i], h->xid, h->seq))
                return; /* from here on it is live */
            deliver(h, &p[i], NULL, c);
            n++;
        }
        xid = p[page.n - 1].xid;
        seq = p[page.n - 1].seq;
    }
    *is_gone = true;
}

static void join(struct hub *h, struct conn *c)
{
    c->number = h->n_joined++;
    c->next = h->conns;
    c->prev = NULL;
    if (h->conns)
        h->conns->prev = c;
    h->conns = c;
    h->n_conns++;
    c->is_in = true;
    if (c->staff_id)
        seat_join(h, c);

    bool is_gone = c->is_lost;
    if (c->has_last && !is_gone)
        replay(h, c, &is_gone);
    send_position(h, c);
    if (h->told != STORE_FINE)
        send_text(h, c, NULL, "house.state", state_json(h));
    if (is_gone)
        send_text(h, c, NULL, "reset", S("{}"));
    if (!c->has_last || is_gone)
        greet(h, c);
    if (conn_may(c, MAY_SERVE, TOPIC_QUEUE)) {
        struct http_chunk *chunk = queue_chunk(h, c->lang);
        if (chunk)
            conn_send(h, c, chunk);
        c->queue_version = h->queue[c->lang].version;
        c->queue_ns = clock_mono_ns();
    }
}

static void leave(struct hub *h, struct conn *c)
{
    if (c->is_in) {
        if (c->next)
            c->next->prev = c->prev;
        if (c->prev)
            c->prev->next = c->next;
        else
            h->conns = c->next;
        h->n_conns--;
        seat_leave(h, c);
    }
    conn_free(c);
}

/* ---- the thread: may they still?
 * --------------------------------------------------------------------------------------------- */

static const struct hub_session *find_session(const struct list *l, int64_t id)
{
    const struct hub_session *s = l->items;
    size_t at = row_from(l, sizeof *s, id);
    return at < l->n && s[at].id == id ? &s[at] : NULL;
}

static void check_passes(struct hub *h)
{
    if (!h->n_conns)
        return;
    int64_t *ids[2] = {ARENA_ARRAY(h->cx.arena, h->n_conns, int64_t),
                       ARENA_ARRAY(h->cx.arena, h->n_conns, int64_t)};
    size_t n[2] = {0, 0};
    for (struct conn *c = h->conns; c; c = c->next)
        ids[c->is_token][n[c->is_token]++] = c->pass_id;
    struct list good[2] = {{0}, {0}};
    int64_t now = h->cx.now_ms;
    enum err e = OK;
    if (n[0])
        e = db_all(&h->cx, &q_hub_sessions, &hub_session_shape, &good[0],
                   ARGS(val_ints(ids[0], n[0]), V(now - LIFE_MS), V(now - IDLE_MS),
                        V(now + CLOCK_BACK_MS)));
    if (e == OK && n[1])
        e = db_all(&h->cx, &q_hub_tokens, &hub_session_shape, &good[1],
                   ARGS(val_ints(ids[1], n[1]), V(now)));
    if (e != OK) {
        log_line(LOG_ERROR, "hub.check", "code=%s", err_code(e));
        return;
    }
    for (struct conn *c = h->conns; c; c = c->next) {
        const struct hub_session *s = find_session(&good[c->is_token], c->pass_id);
        if (c->is_ending || (s && s->role == (int)c->role))
            continue;
        send_text(h, c, NULL, "session.ended", S("{}"));
        conn_end(c);
    }
}

/* ---- the thread: its round
 * --------------------------------------------------------------------------------------------------------
 */

static void remember(struct hub *h, struct item *i)
{
    i->next = NULL;
    if (h->recent_last)
        h->recent_last->next = i;
    else
        h->recent = i;
    h->recent_last = i;
    if (++h->n_recent <= RECENT_MAX)
        return;
    struct item *oldest = h->recent;
    h->recent = oldest->next;
    h->n_recent--;
    free(oldest);
}

static void forget_all(struct hub *h)
{
    while (h->recent) {
        struct item *next = h->recent->next;
        free(h->recent);
        h->recent = next;
    }
    h->recent_last = NULL;
    h->n_recent = 0;
}

/* Events were lost between the store and us: everybody loads anew. */
static void begin_anew(struct hub *h)
{
    forget_all(h);
    send_all(h, NULL, NULL, "reset", S("{}"), MAY_ALL, TOPIC_ALL);
    log_line(LOG_ERROR, "hub.overrun", "streams=%u", h->n_conns);
}

static bool wants_read(const struct item *i)
{
    return i->kind == ITEM_JOIN || (i->kind == ITEM_EVENT && i->event.type == EVENT_CALL_CHANGED);
}

static void take_item(struct hub *h, struct item *i)
{
    h->cx.now_ms = clock_now_ms();
    h->cx.why = (struct fault){0};
    arena_reset(h->cx.arena);
    bool has_read = wants_read(i) && read_begin(&h->cx) == OK;
    struct item *early;
    switch (i->kind) {
    case ITEM_EVENT:
        if (i->event.type == EVENT_CALL_RINGING && i->views)
            render_wait(h, i);
        else if (i->event.type == EVENT_CALL_RINGING && (early = early_of(h, i->event.seq))) {
            call_ringing_early(h, &early->event, early->views);
            early->is_sent = true;
        }
        deliver(h, &i->event, i->views, NULL);
        free(i->views);
        i->views = NULL;
        h->xid = i->event.xid;
        h->seq = i->event.seq;
        h->n_events++;
        int64_t us = (clock_mono_ns() - i->at_ns) / 1000;
        if (us > h->longest_us)
            h->longest_us = us;
        remember(h, i);
        break;
    case ITEM_EARLY:
        if (!i->is_sent)
            call_ringing_early(h, &i->event, i->views);
        early_end(h, i);
        break;
    case ITEM_JOIN:
        join(h, i->conn);
        break;
    case ITEM_GONE:
        leave(h, i->conn);
        break;
    }
    if (has_read)
        read_end(&h->cx);
}

static void turn(struct hub *h)
{
    int64_t now = clock_mono_ns();
    bool checks = now - h->checked_ns >= CHECK_NS;
    bool tasks = h->tasks_changed && now - h->tasks_ns >= SPARSE_NS;
    bool customers = h->customers_changed && now - h->customers_ns >= SPARSE_NS;
    bool queue = queue_waits(h);
    if (!checks && !tasks && !customers && !queue)
        return;
    h->cx.now_ms = clock_now_ms();
    h->cx.why = (struct fault){0};
    arena_reset(h->cx.arena);
    bool has_read = read_begin(&h->cx) == OK;
    if (checks) {
        h->checked_ns = now;
        tell_state(h);
        check_passes(h);
    }
    if (tasks) {
        send_all(h, NULL, NULL, "task.changed", id_json(h, "tsk", h->task_id), MAY_SERVE,
                 TOPIC_TASK);
        h->tasks_changed = 0;
        h->tasks_ns = now;
    }
    if (customers) {
        customers_changed(h);
        h->customers_changed = 0;
        h->customers_ns = now;
    }
    if (queue)
        queue_turn(h, now);
    if (has_read)
        read_end(&h->cx);
}

static void wait_for_items(struct hub *h, struct item **items, bool *is_overrun, bool *is_stopping)
{
    int64_t wait_ns = queue_waits(h) ? QUEUE_NS / QUEUE_SLOTS
                      : h->n_conns   ? CHECK_NS / 2
                                     : 4 * CHECK_NS;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + wait_ns;
    until.tv_sec += ns / (1000 * MS_NS);
    until.tv_nsec = ns % (1000 * MS_NS);
    pthread_mutex_lock(&h->lock);
    int late = 0;
    while (!h->head && !h->is_stopping && !late)
        late = pthread_cond_timedwait(&h->wake, &h->lock, &until);
    *items = h->head;
    h->head = h->tail = NULL;
    h->n_items = 0;
    *is_overrun = h->is_overrun;
    h->is_overrun = false;
    *is_stopping = h->is_stopping;
    h->figures = (struct hub_figures){.streams = h->n_conns,
                                      .events = h->n_events,
                                      .sent = h->n_sent,
                                      .dropped = h->n_dropped,
                                      .replayed = h->n_replayed,
                                      .longest_us = h->figures.longest_us > h->longest_us
                                                        ? h->figures.longest_us
                                                        : h->longest_us};
    h->longest_us = 0;
    pthread_mutex_unlock(&h->lock);
}

static void *hub_main(void *arg)
{
    struct hub *h = arg;
    for (bool is_stopping = false; !is_stopping;) {
        struct item *items = NULL;
        bool is_overrun = false;
        wait_for_items(h, &items, &is_overrun, &is_stopping);
        while (items) {
            struct item *next = items->next;
            take_item(h, items);
            items = next;
            if (!is_overrun && clock_mono_ns() - h->queue_turn_ns > QUEUE_NS)
                turn(h); /* a long line does not starve the queue view and the checks */
        }
        if (is_overrun)
            begin_anew(h);
        turn(h);
    }
    return NULL;
}

/* ---- open, close
 * ----------------------------------------------------------------------------------------------------------------------
 */

enum err hub_open(struct cx *cx, struct house *house, struct hub **out)
{
    struct hub *h = calloc(1, sizeof *h);
    struct arena *a = arena_open(ARENA_LIMIT);
    if (!h || !a) {
        free(h);
        arena_close(a);
        return fault(cx, ERR_INTERNAL, M_INTERNAL);
    }
    h->house = house;
    h->cx = (struct cx){.arena = a, .house = house, .now_ms = clock_now_ms(), .if_match = -1};
    enum err e = store_reader(house->store, &h->cx, &h->db);
    if (e == OK) {
        h->cx.db = h->db;
        e = event_newest(&h->cx, &h->xid, &h->seq);
    }
    if (e != OK) {
        cx->why = h->cx.why;
        if (h->db)
            reader_close(h->db);
        arena_close(a);
        free(h);
        return e;
    }
    pthread_mutex_init(&h->lock, NULL);
    cond_monotonic(&h->wake);
    h->queue_version = 1;
    e = renderers_open(cx, h);
    bool is_open = e == OK && pthread_create(&h->thread, NULL, hub_main, h) == 0;
    if (!is_open) {
        renderers_close(h);
        reader_close(h->db);
        arena_close(a);
        free(h);
        return e != OK ? e : fault(cx, ERR_INTERNAL, M_INTERNAL);
    }
    store_on_events(house->store, publish, h);
    store_on_commits(house->store, announce, h);
    *out = h;
    return OK;
}

/* A stream's end comes later, on a polling thread: it finds no hub any more. */
static void detach(struct conn *c)
{
    pthread_mutex_lock(&c->lock);
    c->hub = NULL;
    c->is_ending = true;
    if (c->stream)
        http_stream_end(c->stream);
    pthread_mutex_unlock(&c->lock);
    conn_free(c);
}

void hub_stop(struct hub *h)
{
    if (!h)
        return;
    store_on_events(h->house->store, NULL, NULL);
    store_on_commits(h->house->store, NULL, NULL);
    pthread_mutex_lock(&h->lock);
    h->is_stopping = true;
    pthread_mutex_unlock(&h->lock);
    pthread_cond_signal(&h->wake);
    pthread_join(h->thread, NULL);
    renderers_close(h);

    /* What came while we left. An item of a stream lies in the stream, so all are read before any
     * is let go. */
    struct conn *joining = NULL;
    pthread_mutex_lock(&h->lock);
    struct item *items = h->head;
    h->head = h->tail = NULL;
    pthread_mutex_unlock(&h->lock);
    for (struct item *i = items, *next; i; i = next) {
        next = i->next;
        if (i->kind == ITEM_JOIN) {
            i->conn->next = joining;
            joining = i->conn;
        } else if (i->kind == ITEM_EVENT) {
            views_free(i->views);
            free(i->views);
            free(i);
        }
    }
    for (struct item *i = h->early, *next; i; i = next) {
        next = i->early_next;
        early_free(i);
    }
    for (struct conn *c = h->conns, *next; c; c = next) {
        next = c->next;
        detach(c);
    }
    for (struct conn *c = joining, *next; c; c = next) {
        next = c->next;
        detach(c);
    }
    forget_all(h);
    h->conns = NULL;
    reader_close(h->db);
}

void hub_close(struct hub *h)
{
    if (!h)
        return;
    for (size_t i = 0; i < SEATS; i++)
        for (struct seat *s = h->seats[i], *next; s; s = next) {
            next = s->next;
            free(s);
        }
    for (size_t i = 0; i < LANG_N; i++)
        http_chunk_free(h->queue[i].chunk);
    arena_close(h->cx.arena);
    pthread_cond_destroy(&h->wake);
    pthread_mutex_destroy(&h->lock);
    free(h);
}
