/* test/fuzz/order.c - lines of orders as POST /bulk/orders reads, plans and takes them, on a store in memory: what is
 * taken adds up, and a line that is refused says why. Nothing stays: each change is taken back. */
#include "base/ndjson.h"
#include "queries.h"
#include "rooms/order/order.h"

enum { LINES = 20 };
struct batch {
    struct order_new in[LINES];
    struct order_result planned[LINES], out[LINES];
    size_t n;
};

static void adds_up(const struct order *o)
{
    int64_t lines = 0, off = 0;
    const struct order_line *l = o->lines.items;
    for (size_t i = 0; i < o->lines.n; i++) {
        if (l[i].total.amount < 0 || l[i].discount.amount < 0)
            __builtin_trap();
        lines += l[i].total.amount;
        off += l[i].discount.amount;
    }
    int64_t whole = o->discount.amount - off; /* taken off the sum */
    if (whole < 0 || lines - whole != o->total.amount || o->total.amount < 0 ||
        o->returned.amount < 0 || o->lost.amount < 0 ||
        o->returned.amount + o->lost.amount > o->total.amount)
        __builtin_trap();
}

static enum err apply(struct cx *cx, void *state)
{
    struct batch *b = state;
    memcpy(b->out, b->planned, sizeof b->out);
    TRY(order_take_many(cx, b->in, b->n, b->out));
    for (size_t i = 0; i < b->n; i++) {
        struct order o = {0};
        struct standing s = {0};
        if (b->out[i].err != OK) {
            if (!b->out[i].why.msg)
                __builtin_trap();
            continue;
        }
        if (order_get(cx, b->out[i].id, &o) != OK)
            __builtin_trap();
        adds_up(&o);
        bool is_right = false;
        TRY(standing_verify(cx, o.customer.id, &is_right));
        if (!is_right ||
            db_one(cx, &q_standing_get, &standing_row_shape, &s, ARGS(V(o.customer.id))) != OK)
            __builtin_trap();
    }
    return ERR_CONFLICT; /* taken back */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct store *store;
    static struct cx world;
    if (!store) {
        log_level_set(LOG_ERROR);
        world = (struct cx){
            .arena = arena_open((size_t)64 << 20), .now_ms = 1795329000000, .if_match = -1};
        world.actor.kind = ACTOR_TOKEN;
        struct store_options o = {.url = S(":memory:")};
        if (!world.arena || store_open(&world, &o, &store) != OK ||
            store_reader(store, &world, &world.db) != OK)
            abort();
    }
    struct cx cx = world;
    arena_reset(cx.arena);
    struct batch *b = ARENA_NEW(cx.arena, struct batch);
    struct ndjson n = ndjson_of((str){(const char *)data, size});
    str line;
    while (b->n < LINES && ndjson_next(&n, &line))
        if (json_read(&cx, &order_in_shape, line, &b->in[b->n], NULL) == OK)
            order_from(&cx, &b->in[b->n++]);
    cx.why = (struct fault){0};
    if (b->n == 0 || order_plan_many(&cx, b->in, b->n, b->planned) != OK)
        return 0;
    read_end(&cx);
    if (db_change(store, &cx, LANE_BULK, apply, b) == OK)
        __builtin_trap();
    return 0;
}
