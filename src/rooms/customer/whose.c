/* rooms/customer/whose.c - lists of what belongs to customers, filtered by a condition on whose it is.
 *
 * The rows come in the list's own order, by its own index; of each few the store is asked once whose customers fulfil the
 * condition. Who asks for rare ones gets short pages with `next`, not a search through everything. */
#include "messages.h"
#include "queries.h"
#include "rooms/customer/inside.h"
#include "rooms/settings/settings.h"

enum {
    LOOK_PAGE = 200,
    LOOK_ROWS = 2000 /* a request looks at so many rows, then it says how far it came */
};

struct whose {
    const struct expr_plan *plan;
};
struct id_row {
    int64_t id;
};
/* clang-format off */
static const struct field id_fields[] = {FIELD_AS(struct id_row, id, "customer_id")};
static const struct shape whose_shape = SHAPE("whose", struct id_row, id_fields);
/* clang-format on */

enum err whose_read(struct cx *cx, str where, const struct whose **out)
{
    *out = NULL;
    if (!str_trim(where).len)
        return OK;
    struct whose *w = ARENA_NEW(cx->arena, struct whose);
    struct expr_world *world = ARENA_NEW(cx->arena, struct expr_world);
    struct expr *e = NULL;
    struct expr_plan *p = NULL;
    *world = settings_world(cx);
    enum err err = expr_parse(cx, where, &e, NULL);
    if (err == OK)
        err = expr_check(cx, world, where, e, NULL);
    if (err == OK)
        err = expr_plan(cx, world, e, &p);
    if (err != OK)
        return fault_at(cx, err, S("where"));
    w->plan = p;
    *out = w;
    return OK;
}

const char *whose_tag(struct cx *cx, const char *tag, str where)
{
    uint8_t sum[32];
    if (!str_trim(where).len)
        return tag;
    sha256(where, sum);
    return arena_cstr(cx->arena, arena_printf(cx->arena, "%s %02x%02x%02x%02x%02x%02x", tag, sum[0],
                                              sum[1], sum[2], sum[3], sum[4], sum[5]));
}

static int64_t customer_at(const char *row, size_t offset)
{
    int64_t v;
    memcpy(&v, row + offset, sizeof v);
    return v;
}

/* The customers of the rows who fulfil it, in order. */
static enum err fulfilled(struct cx *cx, const struct whose *w, const struct whose_rows *r,
                          const struct list *rows, struct list *out)
{
    int64_t *ids = ARENA_ARRAY(cx->arena, rows->n + 1, int64_t);
    struct made_text m = made_begin(cx);
    const struct query *q = NULL;
    size_t n = 0;
    *out = (struct list){0};
    for (size_t i = 0; i < rows->n; i++) {
        int64_t id = customer_at((const char *)rows->items + i * r->size, r->customer);
        if (id)
            ids[n++] = id;
    }
    if (n == 0)
        return OK;
    made_sql(&m, "SELECT s.customer_id FROM standing s JOIN customer c ON c.id = s.customer_id "
                 "WHERE s.customer_id IN ");
    made_val(&m, val_ints(ids, n));
    made_sql(&m, " AND ");
    expr_sql(w->plan, &m);
    made_sql(&m, " ORDER BY s.customer_id LIMIT 2000");
    TRY(made_query(cx, &m, "whose", &q));
    return db_all(cx, q, &whose_shape, out, made_args(&m));
}

static bool is_among(const struct list *fit, int64_t id)
{
    size_t at = row_from(fit, sizeof(struct id_row), id);
    return at < fit->n && row_id(fit, sizeof(struct id_row), at) == id;
}

enum err whose_keep(struct cx *cx, const struct whose *w, const struct whose_rows *r,
                    struct list *rows)
{
    struct list fit = {0};
    size_t n = 0;
    if (!w)
        return OK;
    TRY(fulfilled(cx, w, r, rows, &fit));
    for (size_t i = 0; i < rows->n; i++) {
        char *row = (char *)rows->items + i * r->size;
        if (is_among(&fit, customer_at(row, r->customer)))
            memmove((char *)rows->items + n++ * r->size, row, r->size);
    }
    rows->n = n;
    return OK;
}

enum err whose_holds(struct cx *cx, const struct whose *w, customer_id root, bool *out)
{
    struct list one = {&root, 1};
    TRY(whose_keep(cx, w, &(struct whose_rows){.size = sizeof root}, &one));
    *out = one.n == 1;
    return OK;
}

enum err whose_page(struct cx *cx, const struct whose *w, const struct whose_rows *r, void *state,
                    int64_t limit, struct list *out, const void **last)
{
    size_t most = (size_t)limit, looked = 0;
    const void *after = NULL;
    *last = NULL;
    if (!w) {
        TRY(r->read(cx, state, NULL, limit + 1, out));
        if (out->n > most) {
            out->n = most;
            *last = (const char *)out->items + (most - 1) * r->size;
        }
        return OK;
    }
    *out = (struct list){arena_alloc(cx->arena, most + 1, r->size), 0};
    for (;;) {
        struct list rows = {0}, fit = {0};
        TRY(r->read(cx, state, after, LOOK_PAGE, &rows));
        TRY(fulfilled(cx, w, r, &rows, &fit));
        for (size_t i = 0; i < rows.n; i++) {
            const char *row = (const char *)rows.items + i * r->size;
            if (!is_among(&fit, customer_at(row, r->customer)))
                continue;
            if (out->n == most) { /* there is one more */
                *last = (const char *)out->items + (most - 1) * r->size;
                return OK;
            }
            memcpy((char *)out->items + out->n++ * r->size, row, r->size);
        }
        looked += rows.n;
        if (rows.n < LOOK_PAGE)
            return OK;
        after = (const char *)rows.items + (rows.n - 1) * r->size;
        if (looked >= LOOK_ROWS) {
            *last = after;
            return OK;
        }
    }
}
