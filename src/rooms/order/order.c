/* rooms/order/order.c - orders: taken once by number, changed along their states, sent back in
 * part. */
#include "rooms/order/order.h"
#include "messages.h"
#include "queries.h"
#include "rooms/settings/settings.h"
#include <math.h>

enum { LINES_MAX = 500, QUANTITY_MAX = 1000000, TEXT_LIMIT = 600 };

const char *const order_status_codes[5] = {"open", "paid", "shipped", "delivered", "cancelled"};

/* clang-format off */
static const struct field line_fields[] = {
    FIELD(struct order_line, line),
    FIELD(struct order_line, product, .nullable = true),
    FIELD(struct order_line, sku),
    FIELD(struct order_line, name),
    FIELD(struct order_line, quantity),
    FIELD(struct order_line, price),
    FIELD(struct order_line, total),
};
static const struct shape line_shape = SHAPE("order_line", struct order_line, line_fields);
static const struct field line_row_fields[] = {
    FIELD(struct order_line, line),
    FIELD_AS(struct order_line, product, "product_id", .nullable = true),
    FIELD(struct order_line, sku),
    FIELD(struct order_line, name),
    FIELD(struct order_line, quantity_milli),
    FIELD_AS(struct order_line, price, "price_minor"),
    FIELD_AS(struct order_line, total, "total_minor"),
};
static const struct shape line_row_shape = SHAPE("order_line_row", struct order_line, line_row_fields);
static const struct field return_fields[] = {
    FIELD(struct order_return, id),
    FIELD(struct order_return, line, .nullable = true),
    FIELD(struct order_return, quantity),
    FIELD(struct order_return, amount),
    FIELD(struct order_return, reason),
    FIELD(struct order_return, at),
};
static const struct shape return_shape = SHAPE("order_return", struct order_return, return_fields);
static const struct field return_row_fields[] = {
    FIELD(struct order_return, id),
    FIELD(struct order_return, line, .nullable = true),
    FIELD(struct order_return, quantity_milli),
    FIELD_AS(struct order_return, amount, "amount_minor"),
    FIELD(struct order_return, reason),
    FIELD_AS(struct order_return, at, "at_ms"),
};
static const struct shape return_row_shape = SHAPE("order_return_row", struct order_return, return_row_fields);
static const struct field order_fields[] = {
    FIELD(struct order, id),
    FIELD(struct order, number),
    FIELD_STRUCT(struct order, customer, &customer_ref_shape),
    FIELD(struct order, channel),
    FIELD_ENUM(struct order, status, order_status_codes),
    FIELD(struct order, at),
    FIELD(struct order, due_at),
    FIELD(struct order, currency),
    FIELD(struct order, total, .doc = "Lines less discount"),
    FIELD(struct order, discount),
    FIELD(struct order, returned),
    FIELD(struct order, payment_method),
    FIELD_LIST(struct order, lines, &line_shape),
    FIELD_LIST(struct order, returns, &return_shape),
    FIELD(struct order, version),
};
const struct shape order_shape = SHAPE("order", struct order, order_fields);
static const struct field order_row_fields[] = {
    FIELD(struct order, id),
    FIELD(struct order, number),
    FIELD_AS(struct order, customer.id, "root_id"),
    FIELD_AS(struct order, customer.name, "name"),
    FIELD(struct order, channel),
    FIELD_ENUM(struct order, status, order_status_codes),
    FIELD_AS(struct order, at, "at_ms"),
    FIELD_AS(struct order, due_at, "due_ms", .nullable = true),
    FIELD_AS(struct order, total, "total_minor"),
    FIELD_AS(struct order, discount, "discount_minor"),
    FIELD_AS(struct order, returned, "returned_minor"),
    FIELD(struct order, base_minor),
    FIELD(struct order, payment_method),
    FIELD(struct order, version),
};
static const struct shape order_row_shape = SHAPE("order_row", struct order, order_row_fields);
/* clang-format on */

/* ---- reading ----------------------------------------------------------------------------------
 */

static void finish(struct order *o)
{
    o->currency = str_of(o->total.currency.code);
    o->customer.name_lang = script_lang(o->customer.name);
    struct order_line *l = o->lines.items;
    for (size_t i = 0; i < o->lines.n; i++)
        l[i].quantity = (double)l[i].quantity_milli / 1000;
    struct order_return *r = o->returns.items;
    for (size_t i = 0; i < o->returns.n; i++)
        r[i].quantity = (double)r[i].quantity_milli / 1000;
}

enum err order_get(struct cx *cx, order_id id, struct order *out)
{
    struct args by_id = ARGS(V(id));
    struct db_read reads[] = {
        {&q_order_get, &order_row_shape, true, out, by_id, false},
        {&q_order_line_list, &line_row_shape, false, &out->lines, by_id, false},
        {&q_order_return_list, &return_row_shape, false, &out->returns, by_id, false},
    };
    TRY(db_batch(cx, reads, COUNT(reads)));
    if (!reads[0].found)
        return fault(cx, ERR_NOT_FOUND, M_ORDER_UNKNOWN);
    finish(out);
    return OK;
}

/* ---- taking -------------------------------------------------------------------------------------
 */

struct order_plan {
    order_id id;
    bool is_repeat;
    struct intake intake;
    struct intake_result who;
    struct order_line *lines;
    size_t n_lines;
    money total, discount;
    opt_int base_minor;
    when at;
    int32_t day;
};

/* Thousandths exactly, or nothing. */
static bool milli_of(double quantity, int64_t *out)
{
    double milli = quantity * 1000;
    if (!isfinite(milli) || quantity <= 0 || quantity > QUANTITY_MAX ||
        fabs(milli - round(milli)) > 1e-6)
        return false;
    *out = llround(milli);
    return true;
}

static enum err line_fault(struct cx *cx, size_t i, const char *member, uint16_t msg)
{
    return fault_field(cx, ERR_INVALID, arena_printf(cx->arena, "lines[%zu].%s", i, member), msg);
}

static enum err plan_lines(struct cx *cx, const struct order_new *in, currency c,
                           struct order_plan *p)
{
    const struct order_line_new *from = in->lines.items;
    str *skus = ARENA_ARRAY(cx->arena, in->lines.n + 1, str);
    p->lines = ARENA_ARRAY(cx->arena, in->lines.n + 1, struct order_line);
    p->n_lines = in->lines.n;
    p->total = (money){0, c};
    for (size_t i = 0; i < in->lines.n; i++) {
        struct order_line *l = &p->lines[i];
        *l = (struct order_line){.line = (int64_t)i + 1,
                                 .sku = str_trim(from[i].sku),
                                 .name = str_trim(from[i].name),
                                 .price = {from[i].price, c}};
        if (!milli_of(from[i].quantity, &l->quantity_milli))
            return line_fault(cx, i, "quantity", M_ORDER_QUANTITY);
        if (from[i].price < 0)
            return line_fault(cx, i, "price", M_ORDER_PRICE);
        if (!money_line(l->quantity_milli, l->price, &l->total) ||
            !money_add(p->total, l->total, &p->total))
            return line_fault(cx, i, "price", M_ORDER_TOO_MUCH);
        skus[i] = l->sku;
    }
    struct list products;
    TRY(product_by_skus(cx, skus, in->lines.n, &products));
    const struct product *known = products.items;
    for (size_t i = 0; i < p->n_lines; i++)
        for (size_t k = 0; k < products.n; k++)
            if (str_eq(known[k].sku, p->lines[i].sku)) {
                p->lines[i].product = known[k].id;
                if (p->lines[i].name.len == 0)
                    p->lines[i].name = known[k].name;
            }
    if (in->discount < 0 || in->discount > p->total.amount)
        return fault_field(cx, ERR_INVALID, S("discount"), M_ORDER_DISCOUNT);
    p->discount = (money){in->discount, c};
    p->total.amount -= in->discount;
    return OK;
}

str order_in_words(struct arena *a, const struct order_line *lines, size_t n)
{
    struct text t = text_in(a, TEXT_LIMIT);
    for (size_t i = 0; i < n && t.len < TEXT_LIMIT / 2; i++) {
        const struct order_line *l = &lines[i];
        str name = l->name.len ? l->name : l->sku;
        if (i)
            text_add(&t, S(", "));
        text_add(&t, name.len > TEXT_LIMIT / 4 ? l->sku : name);
        if (l->quantity_milli != 1000)
            text_printf(&t, " × %g", (double)l->quantity_milli / 1000);
    }
    if (n > 1 && t.len >= TEXT_LIMIT / 2)
        text_add(&t, S(" …"));
    return text_str(&t);
}

enum err order_plan(struct cx *cx, struct order_new *in)
{
    struct order_plan *p = ARENA_NEW(cx->arena, struct order_plan);
    in->plan = p;
    in->number = str_trim(in->number);
    if (in->number.len == 0)
        return fault_field(cx, ERR_INVALID, S("number"), M_ORDER_NUMBER);
    currency c;
    if (!currency_parse(in->currency, &c))
        return fault_field(cx, ERR_INVALID, S("currency"), M_ORDER_CURRENCY);
    if (in->lines.n == 0 || in->lines.n > LINES_MAX)
        return fault_field(cx, ERR_INVALID, S("lines"), M_ORDER_LINES);
    TRY(plan_lines(cx, in, c, p));
    p->at = in->at.ms ? in->at : (when){cx->now_ms};
    const struct settings *house = settings_current(cx);
    p->day = when_day(p->at, house->time_zone);
    if (strcmp(c.code, house->base_currency.code) == 0)
        p->base_minor = SOME_INT(p->total.amount);

    p->intake = (struct intake){.channel = CHANNEL_ORDER + in->channel,
                                .direction = DIRECTION_IN,
                                .at = p->at,
                                .identities = in->identities,
                                .claims = in->claims,
                                .subject = in->number,
                                .text = order_in_words(cx->arena, p->lines, p->n_lines),
                                .trust = in->trust,
                                .customer = in->customer,
                                .staff = in->staff};
    struct order there = {0};
    enum err e = db_one(cx, &q_order_by_number, &order_row_shape, &there, ARGS(V(in->number)));
    if (e == OK) {
        bool same = there.total.amount == p->total.amount &&
                    there.discount.amount == p->discount.amount &&
                    strcmp(there.total.currency.code, c.code) == 0;
        if (!same)
            return fault_field(cx, ERR_CONFLICT, S("number"), M_ORDER_HERE);
        p->is_repeat = true;
        p->id = there.id;
        return OK;
    }
    if (e != ERR_NOT_FOUND)
        return e;
    p->id.v = id_new(cx->now_ms);
    p->intake.ref_id = p->id.v;
    e = intake_plan(cx, &p->intake);
    return e == ERR_NOT_FOUND ? fault_field(cx, ERR_INVALID, S("customer"), M_CUSTOMER_UNKNOWN) : e;
}

/* What an order adds to the standing of its customer on its day: less (-1) what it added when it is cancelled. */
static struct standing_sums counted(opt_int base, money total, money discount, int64_t times)
{
    bool is_cut = discount.amount > 0;
    return (struct standing_sums){
        .orders = times,
        .discounted = is_cut ? times : 0,
        .spent = base.has ? times * base.v : 0,
        .discount = base.has && is_cut && total.amount == base.v ? times * discount.amount : 0,
    };
}

enum err order_take(struct cx *cx, struct order_new *in, order_id *id, bool *is_repeat)
{
    struct order_plan *p = in->plan;
    *id = p->id;
    *is_repeat = p->is_repeat;
    if (p->is_repeat)
        return OK;
    TRY(intake_take(cx, &p->intake, &p->who));
    int64_t customer = p->who.via.v, n = 0;
    TRY(db_run_count(
        cx, &q_order_insert, &n,
        ARGS(V(p->id), V(in->number), V(customer), V(p->who.interaction),
             V(channel_codes[CHANNEL_ORDER + in->channel]), V(order_status_codes[in->status]),
             V(p->at), val_int_or_null(in->due_at.ms), V(p->total.currency.code),
             V(p->total.amount), V(p->discount.amount), V(p->base_minor), V(in->payment_method))));
    if (n == 0)
        return fault(cx, ERR_STALE, M_RECORD_MOVED); /* the same number arrived meanwhile */
    for (size_t i = 0; i < p->n_lines; i++) {
        const struct order_line *l = &p->lines[i];
        TRY(db_run(cx, &q_order_line_insert,
                   ARGS(V(p->id), V(l->line), val_int_or_null(l->product.v), V(l->sku), V(l->name),
                        V(l->quantity_milli), V(l->price.amount), V(l->total.amount))));
    }
    if (in->status != ORDER_CANCELLED) {
        const struct standing_fact f = {
            .at = p->at, .is_order = true, .add = counted(p->base_minor, p->total, p->discount, 1)};
        TRY(standing_add(cx, p->who.via, &f, p->who.is_new));
    }
    TRY(audit_add(cx, "order.add", p->who.customer.v, p->id.v, (str){0}));
    return event_add(cx, EVENT_ORDER_ADDED, p->who.customer.v, p->id.v, (str){0});
}

/* ---- POST /orders
 * ------------------------------------------------------------------------------------ */

static const char *const channel_of_order[] = {"order", "purchase"};
/* clang-format off */
static const struct field line_in_fields[] = {
    FIELD(struct order_line_new, sku, .required = true, .max_len = 64),
    FIELD(struct order_line_new, name, .max_len = 300, .doc = "Default: that of the product"),
    FIELD(struct order_line_new, quantity, .required = true, .doc = "At most three decimals"),
    FIELD(struct order_line_new, price, .required = true, .doc = "Of one, in minor units"),
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
    FIELD_LIST(struct order_new, lines, &line_in_shape, .max_len = LINES_MAX, .required = true),
};
static const struct shape order_in_shape = SHAPE("order_in", struct order_new, order_in_fields);
/* clang-format on */

static enum err add_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct order_new *o = in;
    bool is_ours = cx->actor.kind == ACTOR_STAFF || cx->actor.kind == ACTOR_SYSTEM;
    o->trust = is_ours ? TRUST_PROVEN : TRUST_PRESENTED;
    o->staff = (staff_id){cx->actor.kind == ACTOR_STAFF ? cx->actor.id : 0};
    bool may_vouch = is_ours || (cx->actor.scopes & SCOPE_VOUCH);
    struct intake_identity *id = o->identities.items;
    for (size_t i = 0; i < o->identities.n; i++)
        id[i].verified = id[i].verified && may_vouch;
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

/* ---- GET
 * ------------------------------------------------------------------------------------------------
 */

struct by_id {
    order_id id;
};
struct list_in {
    customer_id id;
    int64_t limit;
    str cursor;
};
struct page_out {
    struct list items;
    str next;
};
/* clang-format off */
static const struct field by_id_fields[] = {
    FIELD(struct by_id, id, .in_path = true),
};
static const struct shape by_id_shape = SHAPE("order_by_id", struct by_id, by_id_fields);
static const struct field list_in_fields[] = {
    PAGE_FIELDS(struct list_in),
};
static const struct shape list_in_shape = SHAPE("order_list_in", struct list_in, list_in_fields);
static const struct field of_customer_fields[] = {
    FIELD(struct list_in, id, .in_path = true),
    PAGE_FIELDS(struct list_in),
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
    FIELD(struct order, returned),
    FIELD(struct order, version),
};
static const struct shape head_shape = SHAPE("order_head", struct order, head_fields);
static const struct field page_fields[] = {
    FIELD_LIST(struct page_out, items, &head_shape),
    FIELD(struct page_out, next, .nullable = true),
};
static const struct shape page_shape = SHAPE("order_page", struct page_out, page_fields);
/* clang-format on */

static enum err route_get(struct cx *cx, void *in, void *out)
{
    struct order *o = out;
    TRY(order_get(cx, ((struct by_id *)in)->id, o));
    audit_view(cx, o->customer.id.v);
    return OK;
}

static void page_end(struct cx *cx, struct page_out *page, int64_t limit, const char *tag)
{
    if ((int64_t)page->items.n <= limit)
        return;
    page->items.n = (size_t)limit;
    const struct order *last = (const struct order *)page->items.items + limit - 1;
    page->next = cursor_make(cx->arena, cx->now_ms, tag, last->at.ms, last->id.v);
}

static enum err route_list(struct cx *cx, void *in, void *out)
{
    struct list_in *a = in;
    struct page_out *page = out;
    int64_t sort, before;
    TRY(page_begin(cx, "orders", &a->limit, a->cursor, &sort, &before));
    TRY(db_all(cx, &q_order_list, &order_row_shape, &page->items,
               ARGS(V(before), V(a->limit + 1))));
    page_end(cx, page, a->limit, "orders");
    return OK;
}

static enum err route_of_customer(struct cx *cx, void *in, void *out)
{
    struct list_in *a = in;
    struct page_out *page = out;
    customer_id root;
    struct list ids;
    int64_t at, before;
    TRY(customer_root(cx, a->id, &root, &ids));
    const char *tag =
        arena_cstr(cx->arena, arena_printf(cx->arena, "orders %lld", (long long)root.v));
    TRY(page_begin(cx, tag, &a->limit, a->cursor, &at, &before));
    const int64_t *each = ids.items;
    struct list *lists = ARENA_ARRAY(cx->arena, ids.n, struct list);
    struct db_read *reads = ARENA_ARRAY(cx->arena, ids.n, struct db_read);
    struct val *args = ARENA_ARRAY(cx->arena, 4 * ids.n, struct val);
    for (size_t i = 0; i < ids.n; i++) {
        struct val *v = args + 4 * i;
        v[0] = V(each[i]);
        v[1] = V(at);
        v[2] = V(before);
        v[3] = V(a->limit + 1);
        reads[i] = (struct db_read){
            &q_order_of_customer, &order_row_shape, false, &lists[i], {v, 4}, false};
    }
    TRY(db_batch(cx, reads, ids.n));
    page->items =
        newest_of(cx->arena, lists, ids.n, sizeof(struct order), offsetof(struct order, at),
                  offsetof(struct order, id), (size_t)a->limit + 1);
    page_end(cx, page, a->limit, tag);
    audit_view(cx, root.v);
    return OK;
}

/* ---- PATCH /orders/{id}
 * ------------------------------------------------------------------------------------ */

struct patch_in {
    order_id id;
    int status;
    when due_at;
    struct order seen;
    int64_t customer; /* the id its rows keep */
};
/* clang-format off */
static const struct field patch_fields[] = {
    FIELD(struct patch_in, id, .in_path = true),
    FIELD_ENUM(struct patch_in, status, order_status_codes, .doc = "Forward along open, paid, shipped, delivered; or cancelled"),
    FIELD(struct patch_in, due_at),
};
static const struct shape patch_shape = SHAPE("order_patch", struct patch_in, patch_fields);
/* clang-format on */
enum { PATCH_STATUS = 1, PATCH_DUE };

static bool is_sent(const struct cx *cx, unsigned i)
{
    return (cx->sent >> i) & 1;
}

static enum err find_for_change(struct cx *cx, order_id id, struct order *seen, int64_t *customer)
{
    TRY(order_get(cx, id, seen));
    if (cx->if_match >= 0 && cx->if_match != seen->version)
        return fault(cx, ERR_STALE, M_RECORD_MOVED);
    return db_int(cx, &q_order_customer, customer, ARGS(V(id)));
}

static enum err patch_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct patch_in *a = in;
    TRY(find_for_change(cx, a->id, &a->seen, &a->customer));
    int now = a->seen.status;
    if (!is_sent(cx, PATCH_STATUS) || a->status == now)
        return OK;
    bool is_over = now == ORDER_DELIVERED || now == ORDER_CANCELLED;
    if (is_over || a->status < now) {
        (void)fault(cx, ERR_CONFLICT, M_ORDER_STATUS, MARG("now", str_of(order_status_codes[now])),
                    MARG("wanted", str_of(order_status_codes[a->status])));
        return fault_at(cx, ERR_CONFLICT, S("status"));
    }
    return OK;
}

static enum err patch_apply(struct cx *cx, void *in, void *out)
{
    const struct patch_in *a = in;
    const struct order *o = &a->seen;
    int status = is_sent(cx, PATCH_STATUS) ? a->status : o->status;
    when due = is_sent(cx, PATCH_DUE) ? a->due_at : o->due_at;
    int64_t n = 0;
    TRY(db_run_count(
        cx, &q_order_update, &n,
        ARGS(V(order_status_codes[status]), val_int_or_null(due.ms), V(a->id), V(o->version))));
    if (n == 0)
        return fault(cx, ERR_STALE, M_RECORD_MOVED);
    if (status == ORDER_CANCELLED && o->status != ORDER_CANCELLED) {
        struct standing_fact f = {.at = o->at,
                                  .add = counted(o->base_minor, o->total, o->discount, -1)};
        if (o->base_minor.has)
            f.add.spent += o->returned.amount;
        TRY(standing_add(cx, (customer_id){a->customer}, &f, false));
    }
    TRY(audit_add(cx, "order.change", o->customer.id.v, a->id.v,
                  str_of(order_status_codes[status])));
    TRY(event_add(cx, EVENT_CUSTOMER_CHANGED, o->customer.id.v, a->id.v, (str){0}));
    cx->made_id = a->id.v;
    return order_get(cx, a->id, out);
}

/* ---- POST /orders/{id}/returns
 * --------------------------------------------------------------------------------- */

struct return_in {
    order_id id;
    opt_int line;
    double quantity;
    opt_int amount;
    str reason;
    struct order seen;
    int64_t customer, quantity_milli, minor;
    return_id made;
};
/* clang-format off */
static const struct field return_in_fields[] = {
    FIELD(struct return_in, id, .in_path = true),
    FIELD(struct return_in, line, .doc = "None: of the whole order, with an amount"),
    FIELD(struct return_in, quantity, .required = true),
    FIELD(struct return_in, amount, .doc = "Minor units; default: price times quantity"),
    FIELD(struct return_in, reason, .max_len = 500),
};
static const struct shape return_in_shape = SHAPE("order_return_in", struct return_in, return_in_fields);
/* clang-format on */

static enum err return_of_line(struct cx *cx, struct return_in *a)
{
    const struct order_line *l = a->seen.lines.items, *line = NULL;
    for (size_t i = 0; i < a->seen.lines.n; i++)
        if (l[i].line == a->line.v)
            line = &l[i];
    if (!line)
        return fault_field(cx, ERR_INVALID, S("line"), M_ORDER_NO_LINE);
    int64_t back = a->quantity_milli;
    const struct order_return *r = a->seen.returns.items;
    for (size_t i = 0; i < a->seen.returns.n; i++)
        if (r[i].line.has && r[i].line.v == a->line.v)
            back += r[i].quantity_milli;
    if (back > line->quantity_milli)
        return fault_field(cx, ERR_INVALID, S("quantity"), M_ORDER_RETURN_MORE);
    money m;
    if (!a->amount.has && money_line(a->quantity_milli, line->price, &m))
        a->amount = SOME_INT(m.amount);
    return OK;
}

static enum err return_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct return_in *a = in;
    TRY(find_for_change(cx, a->id, &a->seen, &a->customer));
    if (a->seen.status == ORDER_CANCELLED)
        return fault(cx, ERR_CONFLICT, M_ORDER_RETURN_CANCELLED);
    if (!milli_of(a->quantity, &a->quantity_milli))
        return fault_field(cx, ERR_INVALID, S("quantity"), M_ORDER_QUANTITY);
    opt_int asked = a->amount;
    if (a->line.has)
        TRY(return_of_line(cx, a));
    else if (!a->amount.has)
        return fault_field(cx, ERR_INVALID, S("amount"), M_ORDER_RETURN_AMOUNT);
    int64_t left = a->seen.total.amount - a->seen.returned.amount;
    a->minor = a->amount.v;
    if (!asked.has && a->minor > left)
        a->minor = left; /* a discount lowered what was paid */
    a->amount = asked;
    if (a->minor < 0 || a->minor > left)
        return fault_field(cx, ERR_INVALID, S("amount"), M_ORDER_RETURN_MORE);
    a->made.v = id_new(cx->now_ms);
    return OK;
}

static enum err return_apply(struct cx *cx, void *in, void *out)
{
    const struct return_in *a = in;
    const struct order *o = &a->seen;
    int64_t n = 0;
    TRY(db_run_count(cx, &q_order_returned, &n, ARGS(V(a->minor), V(a->id), V(o->version))));
    if (n == 0)
        return fault(cx, ERR_STALE, M_RECORD_MOVED);
    TRY(db_run(cx, &q_order_return_insert,
               ARGS(V(a->made), V(a->id), V(a->line), V(a->quantity_milli), V(a->minor),
                    V(a->reason), V(cx->now_ms))));
    if (o->base_minor.has) { /* less spent on the day of the order, more returned today */
        const struct standing_fact less = {.at = o->at, .add.spent = -a->minor},
                                   back = {.at = {cx->now_ms}, .add.returned = a->minor};
        TRY(standing_add(cx, (customer_id){a->customer}, &less, false));
        TRY(standing_add(cx, (customer_id){a->customer}, &back, false));
    }
    TRY(audit_add(cx, "order.return", o->customer.id.v, a->id.v, (str){0}));
    TRY(event_add(cx, EVENT_CUSTOMER_CHANGED, o->customer.id.v, a->id.v, (str){0}));
    cx->made_id = a->id.v;
    return order_get(cx, a->id, out);
}

/* clang-format off */
static const struct route routes[] = {
    {.method = HTTP_POST, .path = "/api/v1/orders", .may = MAY_SERVE | MAY(ROLE_BRANCH), .plan = add_plan, .apply = add_apply,
     .replay = order_again, .in = &order_in_shape, .out = &order_shape, .status = 201, .body_limit = 1 << 18,
     .summary = "Take an order, once by its number; the customer is recognised as by an intake"},
    {.method = HTTP_GET, .path = "/api/v1/orders", .may = MAY_SEE_CUSTOMERS, .read = route_list, .in = &list_in_shape,
     .out = &page_shape, .summary = "Orders, the last recorded first"},
    {.method = HTTP_GET, .path = "/api/v1/orders/{id}", .may = MAY_SEE_CUSTOMERS, .read = route_get, .in = &by_id_shape,
     .out = &order_shape, .summary = "An order with its lines and returns"},
    {.method = HTTP_PATCH, .path = "/api/v1/orders/{id}", .may = MAY_SERVE, .plan = patch_plan, .apply = patch_apply,
     .replay = order_again, .in = &patch_shape, .out = &order_shape, .summary = "Change the state or the promised day"},
    {.method = HTTP_POST, .path = "/api/v1/orders/{id}/returns", .may = MAY_SERVE, .plan = return_plan, .apply = return_apply,
     .replay = order_again, .in = &return_in_shape, .out = &order_shape, .status = 201, .summary = "Goods came back"},
    {.method = HTTP_GET, .path = "/api/v1/customers/{id}/orders", .may = MAY_SEE_CUSTOMERS, .read = route_of_customer,
     .in = &of_customer_shape, .out = &page_shape, .summary = "Orders of a customer, newest first"},
};
/* clang-format on */
const struct room order_room = ROOM("order", routes);
