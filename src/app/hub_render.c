/* app/hub_render.c - rings become bytes ahead of their turn, each once for a role and a language.
 */
#include "app/hub_inner.h"
#include "base/cond.h"
#include "queries.h"
#include "rooms/panel/panel.h"
#include <time.h>

static const size_t ARENA_LIMIT = (size_t)16 << 20;
enum { RENDERERS_SQLITE = 2, DESKS_MAX = 64 };

struct http_chunk *event_chunk(struct arena *a, const struct event *at, const char *type, str data)
{
    struct text t = text_in(a, data.len + 200);
    if (at)
        text_printf(&t, "id: %lld.%lld\n", (long long)at->xid, (long long)at->seq);
    text_printf(&t, "event: %s\ndata: ", type);
    text_add(&t, data);
    text_add(&t, S("\n\n"));
    return http_chunk_new(text_str(&t));
}

struct http_chunk *render_ring(struct cx *cx, const struct event *ring, enum role role,
                               enum lang lang, int64_t staff, enum ring_state *state)
{
    cx->actor = (struct actor){.kind = ACTOR_STAFF, .id = staff, .role = role};
    cx->lang = lang;
    cx->why = (struct fault){0};
    str made = {0};
    call_id call = {ring->ref_id};
    bool is_on = true;
    enum err e = state ? panel_ring_json(cx, call, &is_on, &made) : panel_json(cx, call, &made);
    if (state)
        *state = e != OK && e != ERR_NOT_FOUND ? RING_UNKNOWN : is_on ? RING_ON : RING_OVER;
    if (e != OK && e != ERR_NOT_FOUND)
        log_line(LOG_ERROR, "hub.render", "call=%lld code=%s", (long long)ring->ref_id,
                 err_code(e));
    return e == OK && is_on ? event_chunk(cx->arena, ring->seq ? ring : NULL, "call.ringing", made)
                            : NULL;
}

void views_free(struct views *vs)
{
    for (size_t i = 0; vs && i < vs->n; i++)
        http_chunk_free(vs->v[i].chunk);
    if (vs)
        vs->n = 0;
}

/* ---- a renderer ----------------------------------------------------------------------------- */

/* Which views the ringing desks want; *staff is somebody of each kind. */
static void wanted(struct hub *h, const struct event *ring, struct views *out, int64_t *staff)
{
    str words = ring->data;
    (void)str_cut(&words, ' '); /* who answered, the cause */
    (void)str_cut(&words, ' ');
    pthread_mutex_lock(&h->lock);
    for (size_t n = 0; words.len && n < DESKS_MAX; n++) {
        int64_t desk = 0;
        if (!str_to_int(str_cut(&words, ' '), &desk))
            continue;
        const struct seat *s = h->seats[seat_slot(desk)];
        while (s && s->staff_id != desk)
            s = s->next;
        for (const struct conn *c = s ? s->conns : NULL; c; c = c->seat_next) {
            bool has = !conn_may(c, MAY_SERVE, TOPIC_CALL);
            for (size_t i = 0; i < out->n && !has; i++)
                has = out->v[i].role == c->role && out->v[i].lang == c->lang;
            if (has)
                continue;
            staff[out->n] = desk;
            out->v[out->n++] = (struct view){c->role, c->lang, NULL};
        }
    }
    pthread_mutex_unlock(&h->lock);
}

static void render(struct renderer *r, struct item *i)
{
    struct views *vs = i->views;
    struct event ring = i->event;
    if (i->kind == ITEM_EARLY) /* its place comes in its turn */
        ring.xid = ring.seq = 0;
    int64_t staff[COUNT(vs->v)] = {0};
    wanted(r->hub, &ring, vs, staff);
    if (vs->n == 0)
        return;
    arena_reset(r->cx.arena);
    r->cx.now_ms = clock_now_ms();
    bool has_read = read_begin(&r->cx) == OK;
    for (size_t k = 0; k < vs->n && !vs->is_over; k++) {
        struct view *v = &vs->v[k];
        enum ring_state state;
        v->chunk = render_ring(&r->cx, &ring, v->role, v->lang, staff[k], &state);
        vs->is_over = state == RING_OVER;
        if (state == RING_UNKNOWN)
            views_free(vs); /* the hub tries once more in its turn */
    }
    if (has_read)
        read_end(&r->cx);
}

/* PostgreSQL plans a statement at its first use on a connection, and anew when the tables have outgrown its plans. For all of a
 * card that is some ten milliseconds: not while a telephone rings. Looks at a call that is none and at anybody's card. */
static void warm(struct renderer *r)
{
    struct store *s = r->hub->house->store;
    uint64_t turn = store_plans_turn(s);
    int64_t newest = 0;
    str card = {0};
    bool is_ringing = false;
    if (!store_is_postgres(s) || r->plans_turn == turn)
        return;
    r->plans_turn = turn;
    arena_reset(r->cx.arena);
    r->cx.now_ms = clock_now_ms();
    r->cx.actor = (struct actor){.kind = ACTOR_STAFF, .role = ROLE_OPERATOR};
    if (read_begin(&r->cx) != OK)
        return;
    enum err e = panel_ring_json(&r->cx, (call_id){1}, &is_ringing, &card);
    if (e == ERR_NOT_FOUND && db_int(&r->cx, &q_hub_newest_customer, &newest, NO_ARGS) == OK)
        (void)!card_json(&r->cx, (customer_id){newest}, (call_id){1}, &card);
    read_end(&r->cx);
    r->cx.why = (struct fault){0};
}

static void wait_for_rings(struct hub *h)
{
    struct timespec until;
    if (!store_is_postgres(h->house->store)) {
        pthread_cond_wait(&h->render_wake, &h->render_lock);
        return;
    }
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec++; /* plans may have become old */
    (void)pthread_cond_timedwait(&h->render_wake, &h->render_lock, &until);
}

/* Goes when nothing is left to render, not before: the hub waits for each. A ring before its turn stands in line when
 * it is rendered. */
static void *renderer_main(void *arg)
{
    struct renderer *r = arg;
    struct hub *h = r->hub;
    warm(r);
    pthread_mutex_lock(&h->render_lock);
    for (;;) {
        while (!h->render_head && !h->renders_end) {
            wait_for_rings(h);
            if (h->render_head || h->renders_end)
                break;
            pthread_mutex_unlock(&h->render_lock);
            warm(r);
            pthread_mutex_lock(&h->render_lock);
        }
        struct item *i = h->render_head;
        if (!i)
            break;
        h->render_head = i->render_next;
        if (!h->render_head)
            h->render_tail = NULL;
        pthread_mutex_unlock(&h->render_lock);
        render(r, i);
        bool is_early = i->kind == ITEM_EARLY;
        pthread_mutex_lock(&h->render_lock);
        i->is_rendered = true;
        pthread_cond_signal(&h->rendered);
        if (is_early) {
            pthread_mutex_unlock(&h->render_lock);
            (void)hub_add(h, i); /* stopped: it lies among the early ones yet */
            pthread_mutex_lock(&h->render_lock);
        }
    }
    pthread_mutex_unlock(&h->render_lock);
    return NULL;
}

void render_add(struct hub *h, struct item *i)
{
    pthread_mutex_lock(&h->render_lock);
    i->render_next = NULL;
    if (i->kind == ITEM_EARLY) {
        i->early_next = h->early;
        h->early = i;
    }
    if (h->render_tail)
        h->render_tail->render_next = i;
    else
        h->render_head = i;
    h->render_tail = i;
    pthread_mutex_unlock(&h->render_lock);
    pthread_cond_signal(&h->render_wake);
}

void render_wait(struct hub *h, struct item *i)
{
    pthread_mutex_lock(&h->render_lock);
    while (!i->is_rendered)
        pthread_cond_wait(&h->rendered, &h->render_lock);
    pthread_mutex_unlock(&h->render_lock);
}

struct item *early_of(struct hub *h, int64_t seq)
{
    pthread_mutex_lock(&h->render_lock);
    struct item *i = h->early;
    while (i && (i->event.seq != seq || i->is_sent))
        i = i->early_next;
    while (i && !i->is_rendered)
        pthread_cond_wait(&h->rendered, &h->render_lock);
    pthread_mutex_unlock(&h->render_lock);
    return i;
}

void early_free(struct item *i)
{
    views_free(i->views);
    free(i->views);
    free(i);
}

void early_end(struct hub *h, struct item *i)
{
    pthread_mutex_lock(&h->render_lock);
    struct item **at = &h->early;
    while (*at && *at != i)
        at = &(*at)->early_next;
    if (*at)
        *at = i->early_next;
    pthread_mutex_unlock(&h->render_lock);
    early_free(i);
}

/* ---- open, close ----------------------------------------------------------------------------- */

static enum err renderer_open(struct cx *cx, struct hub *h, struct renderer *r)
{
    r->hub = h;
    struct arena *a = arena_open(ARENA_LIMIT);
    if (!a)
        return ERR_INTERNAL;
    r->cx = (struct cx){.arena = a, .house = h->house, .now_ms = clock_now_ms(), .if_match = -1};
    enum err e = store_reader(h->house->store, &r->cx, &r->db);
    if (e != OK) {
        cx->why = r->cx.why;
        return e;
    }
    r->cx.db = r->db;
    r->is_running = pthread_create(&r->thread, NULL, renderer_main, r) == 0;
    return r->is_running ? OK : ERR_INTERNAL;
}

enum err renderers_open(struct cx *cx, struct hub *h)
{
    pthread_mutex_init(&h->render_lock, NULL);
    cond_monotonic(&h->render_wake);
    pthread_cond_init(&h->rendered, NULL);
    size_t n = store_is_postgres(h->house->store) ? RENDERERS_MAX : RENDERERS_SQLITE;
    for (size_t i = 0; i < n; i++)
        TRY(renderer_open(cx, h, &h->renderers[i]));
    return OK;
}

/* The hub's thread is gone, and no events come any more. */
void renderers_close(struct hub *h)
{
    pthread_mutex_lock(&h->render_lock);
    h->renders_end = true;
    pthread_mutex_unlock(&h->render_lock);
    pthread_cond_broadcast(&h->render_wake);
    for (size_t i = 0; i < RENDERERS_MAX; i++) {
        struct renderer *r = &h->renderers[i];
        if (r->is_running)
            pthread_join(r->thread, NULL);
        if (r->db)
            reader_close(r->db);
        arena_close(r->cx.arena);
        *r = (struct renderer){0};
    }
    pthread_cond_destroy(&h->rendered);
    pthread_cond_destroy(&h->render_wake);
    pthread_mutex_destroy(&h->render_lock);
}
