/* rooms/order/order_http.c - the routes of orders. */
#include "messages.h"
#include "queries.h"
#include "rooms/order/inside.h"

/* ---- POST /orders ----------------------------------------------------------------------------
 */

static const char *const channel_of_order[] = {"order", "purchase"};
/* clang-format off */
static const struct field line_in_fields[] = {
    FIELD(struct order_line_new, sku, .required = true, .max_len = 64),
    FIELD(struct order_line_new, name, .max_len = 300, .doc = "Default: that of the product"),
    FIELD(struct order_line_new, quantity, .required = true, .doc = "At most three decimals"),
    FIELD(struct order_line_new, price, .required = true, .doc = "Of one, in minor units"),
    FIELD(struct order_line_new, discount, .doc = "Minor units, off the line"),
};
static const struct shape line_in_shape = SHAPE("order_line_in", struct order_line_new, line_in_fields);
static const struct field order_in_fields[] = {
    FIELD(struct order_new, number, .required = true, .max_len = 64),
    FIELD(struct order_new, customer, .nullable = true, .doc = "Or identities and claims"),
    FIELD_LIST(struct order_new, identities, &intake_identity_shape, .max_len = 16),
    FIELD_STRUCT(struct order_new, claims, &intake_claims_shape),
    FIELD_ENUM(struct order_new, channel, channel_of_order, .doc = "order (default), or purchase at a till"),
    FIELD(struct order_new, at),
    FIELD(struct order_new, due_at, .doc = "Promised to arrive"),
    FIELD(struct order_new, currency, .required = true, .max_len = 3),
    FIELD_ENUM(struct order_new, status, order_status_codes, .doc = "open (default), paid, shipped, delivered, cancelled"),
    FIELD(struct order_new, payment_method, .max_len = 60),
    FIELD(struct order_new, discount, .doc = "Minor units, off the sum of the lines"),
    FIELD(struct order_new, promotions, .max_len = PROMOTIONS_MAX, .max = 60, .doc = "Codes of the offers that were used"),
    FIELD_LIST(struct order_new, lines, &line_in_shape, .max_len = LINES_MAX, .required = true),
    FIELD_LIST(struct order_new, returns, &return_in_shape, .max_len = PARTS_MAX, .doc = "What came back already"),
    FIELD_LIST(struct order_new, facts, &fact_in_shape, .max_len = PARTS_MAX, .doc = "What is known of the payment already"),
};
const struct shape order_in_shape = SHAPE("order_in", struct order_new, order_in_fields);
/* clang-format on */

static enum err add_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct order_new *o = in;
    order_from(cx, o);
    return order_plan(cx, o);
}

static enum err add_apply(struct cx *cx, void *in, void *out)
{
    order_id id;
    bool is_repeat;
    TRY(order_take(cx, in, &id, &is_repeat));
    cx->made_id = id.v;
    return order_get(cx, id, out);
}

static enum err order_again(struct cx *cx, int64_t id, void *out)
{
    return order_get(cx, (order_id){id}, out);
}

/* ---- POST /bulk/orders -----------------------------------------------------------------------
 */

struct line_out {
    order_id id;
    str number;
    customer_id customer;
    bool is_repeat;
};
/* clang-format off */
static const struct field line_out_fields[] = {
    FIELD(struct line_out, id),
    FIELD(struct line_out, number),
    FIELD(struct line_out, customer),
    FIELD(struct line_out, is_repeat, .doc = "The order was here already"),
};
static const struct shape line_out_shape = SHAPE("order_line_out", struct line_out, line_out_fields);
static const struct field whose_fields[] = {
    FIELD(struct line_out, id),
    FIELD(struct line_out, number),
    FIELD_AS(struct line_out, customer, "root_id"),
};
static const struct shape whose_shape = SHAPE("order_whose", struct line_out, whose_fields);
/* clang-format on */

static enum err lines_plan(struct cx *cx, struct lines *l)
{
    struct order_new *in = l->in;
    struct order_result *results = ARENA_ARRAY(cx->arena, l->n + 1, struct order_result);
    l->stash = results;
    for (size_t i = 0; i < l->n; i++)
        order_from(cx, &in[i]);
    return order_plan_many(cx, in, l->n, results);
}

/* Whose the orders are that were here already. */
static enum err find_owners(struct cx *cx, struct line_out *out, size_t n)
{
    int64_t *ids = ARENA_ARRAY(cx->arena, n + 1, int64_t);
    size_t n_ids = 0;
    for (size_t i = 0; i < n; i++)
        if (out[i].id.v && !out[i].customer.v)
            ids[n_ids++] = out[i].id.v;
    if (n_ids == 0)
        return OK;
    struct list rows;
    TRY(db_all(cx, &q_order_whose, &whose_shape, &rows, ARGS(val_ints(ids, n_ids))));
    const struct line_out *r = rows.items;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < rows.n && !out[i].customer.v; k++)
            if (out[i].id.v == r[k].id.v)
                out[i].customer = r[k].customer;
    return OK;
}

static enum err lines_take(struct cx *cx, struct lines *l)
{
    struct order_new *in = l->in;
    struct line_out *out = l->out;
    struct order_result *results = ARENA_ARRAY(cx->arena, l->n + 1, struct order_result);
    memcpy(results, l->stash, l->n * sizeof *results);
    TRY(order_take_many(cx, in, l->n, results));
    for (size_t i = 0; i < l->n; i++) {
        const struct order_result *r = &results[i];
        l->fate[i] = (struct line_fate){.err = r->err, .why = r->why, .made_id = r->id.v};
        out[i] = (struct line_out){r->id, str_trim(in[i].number), r->customer, r->is_repeat};
    }
    return find_owners(cx, out, l->n);
}

static enum err line_again(struct cx *cx, int64_t id, void *out)
{
    struct line_out *o = out;
    struct list rows;
    TRY(db_all(cx, &q_order_whose, &whose_shape, &rows, ARGS(val_ints(&id, 1))));
    if (rows.n == 0)
        return fault(cx, ERR_NOT_FOUND, M_ORDER_UNKNOWN);
    *o = *(const struct line_out *)rows.items;
    o->is_repeat = true;
    return OK;
}

/* ---- GET -------------------------------------------------------------------------------------
 */

struct list_in {
    customer_id customer;
    int status;
    when from, to;
    str number;
    int64_t limit;
    str cursor, where;
};
struct page_out {
    struct list items;
    str next;
};
/* clang-format off */
static const struct field by_id_fields[] = {
    FIELD(struct order_by_id, id, .in_path = true),
};
static const struct shape by_id_shape = SHAPE("order_by_id", struct order_by_id, by_id_fields);
#define FILTER_FIELDS \
    FIELD_ENUM(struct list_in, status, order_status_codes), \
    FIELD(struct list_in, from, .doc = "Ordered at or after"), \
    FIELD(struct list_in, to, .doc = "Ordered before"), \
    PAGE_FIELDS(struct list_in)
static const struct field list_in_fields[] = {
    FILTER_FIELDS,
    FIELD(struct list_in, customer),
    FIELD(struct list_in, number, .max_len = 64, .doc = "Begins so"),
    WHERE_FIELD(struct list_in),
};
static const struct shape list_in_shape = SHAPE("order_list_in", struct list_in, list_in_fields);
static const struct field of_customer_fields[] = {
    FILTER_FIELDS,
    FIELD_AS(struct list_in, customer, "id", .in_path = true),
};
static const struct shape of_customer_shape = SHAPE("orders_of_customer", struct list_in, of_customer_fields);
static const struct field head_fields[] = {
    FIELD(struct order, id),
    FIELD(struct order, number),
    FIELD_STRUCT(struct order, customer, &customer_ref_shape),
    FIELD(struct order, channel),
    FIELD_ENUM(struct order, status, order_status_codes),
    FIELD(struct order, at),
    FIELD(struct order, due_at),
    FIELD(struct order, total),
    FIELD(struct order, discount),
    FIELD(struct order, returned),
    FIELD(struct order, lost),
    FIELD(struct order, payment_method),
    FIELD(struct order, version),
};
static const struct shape head_shape = SHAPE("order_head", struct order, head_fields);
static const struct field page_fields[] = {
    FIELD_LIST(struct page_out, items, &head_shape),
    FIELD(struct page_out, next, .nullable = true),
};
static const struct shape page_shape = SHAPE("order_page", struct page_out, page_fields);
/* clang-format on */
enum { LIST_STATUS, LIST_FROM, LIST_TO };

static enum err route_get(struct cx *cx, void *in, void *out)
{
    struct order *o = out;
    TRY(order_get(cx, ((struct order_by_id *)in)->id, o));
    audit_view(cx, o->customer.id.v);
    return OK;
}

/* A page begins after a row, or at the newest before `to`. */
struct span {
    int64_t from, at, before;
    bool has_status;
};
static enum err span_of(struct cx *cx, struct list_in *a, const char *tag, struct span *s)
{
    TRY(page_begin(cx, tag, &a->limit, a->cursor, &s->at, &s->before));
    s->from = a->from.ms ? a->from.ms : INT64_MIN;
    s->has_status = (cx->sent >> LIST_STATUS) & 1;
    if (a->to.ms && a->to.ms <= s->at) {
        s->at = a->to.ms - 1;
        s->before = INT64_MAX;
    }
    return OK;
}

/* The filter stands in the tag: a cursor of another list is refused. */
static const char *tag_of(struct cx *cx, const struct list_in *a, int64_t root)
{
    return arena_cstr(cx->arena,
                      arena_printf(cx->arena, "orders %lld %d %lld %lld", (long long)root,
                                   (cx->sent >> LIST_STATUS) & 1 ? a->status : -1,
                                   (long long)a->from.ms, (long long)a->to.ms));
}

static void names_finish(struct list *l)
{
    struct order *o = l->items;
    for (size_t i = 0; i < l->n; i++)
        o[i].customer.name_lang = script_lang(o[i].customer.name);
}

static void page_end(struct cx *cx, struct page_out *page, int64_t limit, const char *tag)
{
    if ((int64_t)page->items.n > limit) {
        page->items.n = (size_t)limit;
        const struct order *last = (const struct order *)page->items.items + limit - 1;
        page->next = cursor_make(cx->arena, cx->now_ms, tag, last->at.ms, last->id.v);
    }
    names_finish(&page->items);
}

struct walk {
    struct span span;
    int status;
};
static enum err read_orders(struct cx *cx, void *state, const void *after, int64_t n,
                            struct list *out)
{
    const struct walk *k = state;
    const struct order *last = after;
    struct span s = k->span;
    if (last) {
        s.at = last->at.ms;
        s.before = last->id.v;
    }
    if (s.has_status)
        return db_all(
            cx, &q_order_list_status, &order_row_shape, out,
            ARGS(V(order_status_codes[k->status]), V(s.from), V(s.at), V(s.before), V(n)));
    return db_all(cx, &q_order_list, &order_row_shape, out,
                  ARGS(V(s.from), V(s.at), V(s.before), V(n)));
}
static const struct whose_rows order_rows = {sizeof(struct order),
                                             offsetof(struct order, customer.id), read_orders};

/* A number is nearly one order: those that begin so, by number, and no further page. */
static enum err by_number(struct cx *cx, const struct list_in *a, const struct whose *w,
                          customer_id root, struct page_out *page)
{
    enum { FOUND_MAX = 200 };
    str end = arena_printf(cx->arena, SFMT "\xF4\x8F\xBF\xBF", SARG(a->number));
    TRY(db_all(cx, &q_order_by_number_start, &order_row_shape, &page->items,
               ARGS(V(a->number), V(end), V((int64_t)FOUND_MAX))));
    struct order *o = page->items.items;
    size_t n = 0;
    bool has_status = (cx->sent >> LIST_STATUS) & 1;
    for (size_t i = 0; i < page->items.n; i++)
        if ((!has_status || o[i].status == a->status) &&
            (!root.v || o[i].customer.id.v == root.v) &&
            (!a->from.ms || o[i].at.ms >= a->from.ms) && (!a->to.ms || o[i].at.ms < a->to.ms))
            o[n++] = o[i];
    page->items.n = n;
    TRY(whose_keep(cx, w, &order_rows, &page->items));
    if (page->items.n > (size_t)a->limit)
        page->items.n = (size_t)a->limit;
    names_finish(&page->items);
    return OK;
}

static enum err of_customer(struct cx *cx, struct list_in *a, customer_id root, struct list ids,
                            struct page_out *page)
{
    struct span s;
    const char *tag = tag_of(cx, a, root.v);
    TRY(span_of(cx, a, tag, &s));
    const int64_t *each = ids.items;
    struct list *lists = ARENA_ARRAY(cx->arena, ids.n, struct list);
    struct db_read *reads = ARENA_ARRAY(cx->arena, ids.n, struct db_read);
    struct val *args = ARENA_ARRAY(cx->arena, 6 * ids.n, struct val);
    for (size_t i = 0; i < ids.n; i++) {
        struct val *v = args + 6 * i;
        size_t n = 0;
        v[n++] = V(each[i]);
        if (s.has_status)
            v[n++] = V(order_status_codes[a->status]);
        v[n++] = V(s.from);
        v[n++] = V(s.at);
        v[n++] = V(s.before);
        v[n++] = V(a->limit + 1);
        reads[i] =
            (struct db_read){s.has_status ? &q_order_of_customer_status : &q_order_of_customer,
                             &order_row_shape,
                             false,
                             &lists[i],
                             {v, n},
                             false};
    }
    TRY(db_batch(cx, reads, ids.n));
    page->items =
        newest_of(cx->arena, lists, ids.n, sizeof(struct order), offsetof(struct order, at),
                  offsetof(struct order, id), (size_t)a->limit + 1);
    page_end(cx, page, a->limit, tag);
    audit_view(cx, root.v);
    return OK;
}

static enum err route_list(struct cx *cx, void *in, void *out)
{
    struct list_in *a = in;
    struct page_out *page = out;
    customer_id root = {0};
    struct list ids = {0};
    if (a->customer.v) {
        enum err e = customer_root(cx, a->customer, &root, &ids);
        if (e != OK)
            return e == ERR_NOT_FOUND
                       ? fault_field(cx, ERR_INVALID, S("customer"), M_CUSTOMER_UNKNOWN)
                       : e;
    }
    const struct whose *w = NULL;
    bool is_his = true;
    TRY(whose_read(cx, a->where, &w));
    a->number = str_trim(a->number);
    if (a->limit == 0)
        a->limit = 50;
    if (a->number.len)
        return by_number(cx, a, w, root, page);
    if (root.v && w)
        TRY(whose_holds(cx, w, root, &is_his));
    if (root.v)
        return is_his ? of_customer(cx, a, root, ids, page) : OK;
    struct walk walk = {.status = a->status};
    const char *tag = whose_tag(cx, tag_of(cx, a, 0), a->where);
    TRY(span_of(cx, a, tag, &walk.span));
    const void *last = NULL;
    TRY(whose_page(cx, w, &order_rows, &walk, a->limit, &page->items, &last));
    const struct order *end = last;
    if (end)
        page->next = cursor_make(cx->arena, cx->now_ms, tag, end->at.ms, end->id.v);
    names_finish(&page->items);
    return OK;
}

static enum err route_of_customer(struct cx *cx, void *in, void *out)
{
    struct list_in *a = in;
    customer_id root;
    struct list ids;
    TRY(customer_root(cx, a->customer, &root, &ids));
    return of_customer(cx, a, root, ids, out);
}

/* clang-format off */
static const struct route routes[] = {
    {.method = HTTP_POST, .path = "/api/v1/orders", .may = MAY_SERVE | MAY(ROLE_BRANCH), .plan = add_plan, .apply = add_apply,
     .replay = order_again, .in = &order_in_shape, .out = &order_shape, .status = 201, .body_limit = 1 << 18,
     .summary = "Take an order, once by its number; the customer is recognised as by an intake"},
    {.method = HTTP_POST, .path = "/api/v1/bulk/orders", .may = MAY_SERVE | MAY(ROLE_BRANCH), .plan_lines = lines_plan,
     .apply_lines = lines_take, .replay = line_again, .in = &order_in_shape, .out = &line_out_shape, .status = 201,
     .body_limit = 8 << 20, .summary = "Many orders at once, each as by POST /orders, once by its number"},
    {.method = HTTP_GET, .path = "/api/v1/orders", .may = MAY_SEE_CUSTOMERS, .read = route_list, .in = &list_in_shape,
     .out = &page_shape, .summary = "Orders, newest first; of a customer, in a state, between two times, or by number"},
    {.method = HTTP_GET, .path = "/api/v1/orders/{id}", .may = MAY_SEE_CUSTOMERS, .read = route_get, .in = &by_id_shape,
     .out = &order_shape, .summary = "An order with its lines, returns and facts"},
    {.method = HTTP_PATCH, .path = "/api/v1/orders/{id}", .may = MAY_SERVE, .plan = patch_order_plan, .apply = patch_order_apply,
     .replay = order_again, .in = &order_patch_shape, .out = &order_shape, .summary = "Change the state, the promised day, the payment method"},
    {.method = HTTP_POST, .path = "/api/v1/orders/{id}/returns", .may = MAY_SERVE, .plan = return_plan, .apply = return_apply,
     .replay = order_again, .in = &order_return_shape_in, .out = &order_shape, .status = 201, .summary = "Goods came back"},
    {.method = HTTP_POST, .path = "/api/v1/orders/{id}/facts", .may = MAY_SERVE | MAY(ROLE_RISK), .plan = fact_plan,
     .apply = fact_apply, .replay = order_again, .in = &order_fact_shape_in, .out = &order_shape, .status = 201,
     .summary = "What came of the payment: paid, refused, dispute, charge-back, refund abuse, paid at last"},
    {.method = HTTP_GET, .path = "/api/v1/customers/{id}/orders", .may = MAY_SEE_CUSTOMERS, .read = route_of_customer,
     .in = &of_customer_shape, .out = &page_shape, .summary = "Orders of a customer, newest first"},
};
/* clang-format on */
const struct room order_room = ROOM("order", routes);
