/* app/hub_desks.c - who can take calls: what the store says, and whose browser is connected. */
#include "app/hub.h"
#include "queries.h"
#include "rooms/call/call.h"

#define WRAP_UP_MS (5 * 60 * 1000)
enum desk_state { DESK_AWAY, DESK_READY, DESK_NOT_READY, DESK_RINGING, DESK_ON_CALL, DESK_WRAP_UP };
static const char *const desk_states[] = {"away",    "ready",   "not_ready",
                                          "ringing", "on_call", "wrap_up"};

/* clang-format off */
struct person { staff_id id; str name; bool is_ready; call_id last_call; struct str_list extensions; int state; call_id call; };
static const struct field person_row_fields[] = {
    FIELD(struct person, id),
    FIELD(struct person, name),
    FIELD(struct person, is_ready),
    FIELD_AS(struct person, last_call, "last_call_id", .nullable = true),
};
static const struct shape desk_person_shape = SHAPE("desk_person", struct person, person_row_fields);
static const struct field person_fields[] = {
    FIELD(struct person, id),
    FIELD(struct person, name),
    FIELD(struct person, extensions),
    FIELD_ENUM(struct person, state, desk_states),
    FIELD(struct person, call, .omit_empty = true, .nullable = true, .doc = "The call that rings there or is at it"),
};
static const struct shape person_shape = SHAPE("desk", struct person, person_fields);
struct desks { struct list items; };
static const struct field desks_fields[] = {FIELD_LIST(struct desks, items, &person_shape)};
static const struct shape desks_shape = SHAPE("desks", struct desks, desks_fields);

struct extension { staff_id staff; str extension; };
static const struct field extension_fields[] = {
    FIELD_AS(struct extension, staff, "staff_id"),
    FIELD(struct extension, extension),
};
static const struct shape desk_extension_shape = SHAPE("desk_extension", struct extension, extension_fields);
struct ringing { staff_id staff; call_id call; };
static const struct field ringing_fields[] = {
    FIELD_AS(struct ringing, staff, "staff_id"),
    FIELD_AS(struct ringing, call, "call_id"),
};
static const struct shape hub_ringing_shape = SHAPE("hub_ringing", struct ringing, ringing_fields);
struct last { call_id id; int state; when end_at, wrapped_at; };
static const struct field last_fields[] = {
    FIELD(struct last, id),
    FIELD_ENUM(struct last, state, call_state_codes),
    FIELD_AS(struct last, end_at, "end_ms", .nullable = true),
    FIELD_AS(struct last, wrapped_at, "wrapped_ms", .nullable = true),
};
static const struct shape desk_call_shape = SHAPE("desk_call", struct last, last_fields);
/* clang-format on */

static void put_extensions(struct cx *cx, struct person *p, const struct list *all)
{
    const struct extension *e = all->items;
    size_t n = 0;
    for (size_t i = 0; i < all->n; i++)
        n += e[i].staff.v == p->id.v;
    p->extensions.items = ARENA_ARRAY(cx->arena, n + 1, str);
    for (size_t i = 0; i < all->n; i++)
        if (e[i].staff.v == p->id.v)
            p->extensions.items[p->extensions.n++] = e[i].extension;
}

static void put_state(struct cx *cx, struct person *p, const struct list *ringing,
                      const struct list *lasts)
{
    p->state = !hub_is_here(cx->house->hub, p->id.v) ? DESK_AWAY
               : p->is_ready                         ? DESK_READY
                                                     : DESK_NOT_READY;
    const struct last *l = lasts->items;
    for (size_t i = 0; i < lasts->n; i++) {
        if (l[i].id.v != p->last_call.v)
            continue;
        bool wraps = l[i].state == CALL_ENDED && !l[i].wrapped_at.ms &&
                     cx->now_ms - l[i].end_at.ms < WRAP_UP_MS;
        if (l[i].state == CALL_ANSWERED || (wraps && p->state != DESK_AWAY)) {
            p->state = l[i].state == CALL_ANSWERED ? DESK_ON_CALL : DESK_WRAP_UP;
            p->call = l[i].id;
        }
    }
    const struct ringing *r = ringing->items;
    for (size_t i = 0; i < ringing->n && p->state != DESK_ON_CALL; i++)
        if (r[i].staff.v == p->id.v) {
            p->state = DESK_RINGING;
            p->call = r[i].call;
            break;
        }
}

static enum err desks(struct cx *cx, void *in, void *out)
{
    (void)in;
    struct desks *d = out;
    struct list extensions = {0}, ringing = {0}, lasts = {0};
    struct db_read reads[] = {
        {.q = &q_desk_people, .shape = &desk_person_shape, .out = &d->items},
        {.q = &q_desk_extensions, .shape = &desk_extension_shape, .out = &extensions},
        {.q = &q_desk_ringing, .shape = &hub_ringing_shape, .out = &ringing},
    };
    TRY(db_batch(cx, reads, COUNT(reads)));
    struct person *p = d->items.items;
    int64_t *ids = ARENA_ARRAY(cx->arena, d->items.n + 1, int64_t);
    for (size_t i = 0; i < d->items.n; i++)
        ids[i] = p[i].last_call.v;
    if (d->items.n)
        TRY(db_all(cx, &q_desk_last_calls, &desk_call_shape, &lasts,
                   ARGS(val_ints(ids, d->items.n))));
    for (size_t i = 0; i < d->items.n; i++) {
        put_extensions(cx, &p[i], &extensions);
        put_state(cx, &p[i], &ringing, &lasts);
    }
    return OK;
}

/* clang-format off */
static const struct route routes[] = {
    {.method = HTTP_GET, .path = "/api/v1/desks", .may = MAY_SERVE, .read = desks, .out = &desks_shape,
     .summary = "Who can take calls now"},
};
/* clang-format on */
const struct room hub_room = ROOM("hub", routes);
