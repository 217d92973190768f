/* rooms/order/change.c - what happens to an order later: its state, goods that come back, what came
 * of the payment. */
#include "messages.h"
#include "queries.h"
#include "rooms/order/inside.h"

enum { FUTURE_MS = 24 * 3600 * 1000 };

static bool is_sent(const struct cx *cx, unsigned i)
{
    return (cx->sent >> i) & 1;
}

enum err order_for_change(struct cx *cx, order_id id, struct order *seen, int64_t *customer)
{
    TRY(order_get(cx, id, seen));
    if (cx->if_match >= 0 && cx->if_match != seen->version)
        return fault(cx, ERR_STALE, M_RECORD_MOVED);
    return db_int(cx, &q_order_customer, customer, ARGS(V(id)));
}

static enum err update(struct cx *cx, const struct order *o)
{
    int64_t n = 0;
    TRY(db_run_count(cx, &q_order_update, &n,
                     ARGS(V(order_status_codes[o->status]), val_int_or_null(o->due_at.ms),
                          V(o->payment_method), V(o->returned.amount), V(o->lost.amount), V(o->id),
                          V(o->version))));
    return n ? OK : fault(cx, ERR_STALE, M_RECORD_MOVED);
}

/* What the order counts for on its day moves from what it was to what it is. */
static enum err recount(struct cx *cx, int64_t customer, const struct order *was,
                        const struct order *is)
{
    struct standing_fact f = {.at = was->at};
    if (is->status != ORDER_CANCELLED)
        f.add = order_counts(is, 1);
    if (was->status != ORDER_CANCELLED) {
        struct standing_sums less = order_counts(was, -1);
        f.add.orders += less.orders;
        f.add.discounted += less.discounted;
        f.add.spent += less.spent;
        f.add.discount += less.discount;
    }
    if (is->status == ORDER_CANCELLED && was->status != ORDER_CANCELLED) {
        enum err e = db_int(cx, &q_order_last, &f.last_order_ms.v, ARGS(V(customer)));
        if (e != OK && e != ERR_NOT_FOUND)
            return e;
        f.last_order_ms.has = true;
    }
    return standing_add(cx, (customer_id){customer}, &f, false);
}

static enum err said(struct cx *cx, const struct order *o, const char *action, str details)
{
    TRY(audit_add(cx, action, o->customer.id.v, o->id.v, details));
    TRY(event_add(cx, EVENT_CUSTOMER_CHANGED, o->customer.id.v, o->id.v, (str){0}));
    cx->made_id = o->id.v;
    return OK;
}

/* ---- PATCH /orders/{id} ----------------------------------------------------------------------
 */

struct patch_in {
    order_id id;
    int status;
    when due_at;
    str payment_method;
    struct order seen, next;
    int64_t customer; /* the id its rows keep */
};
/* clang-format off */
static const struct field patch_fields[] = {
    FIELD(struct patch_in, id, .in_path = true),
    FIELD_ENUM(struct patch_in, status, order_status_codes, .doc = "Forward along open, paid, shipped, delivered; or cancelled"),
    FIELD(struct patch_in, due_at),
    FIELD(struct patch_in, payment_method, .max_len = 60),
};
/* clang-format on */
const struct shape order_patch_shape = SHAPE("order_patch", struct patch_in, patch_fields);
enum { PATCH_STATUS = 1, PATCH_DUE, PATCH_PAYMENT };

enum err patch_order_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct patch_in *a = in;
    TRY(order_for_change(cx, a->id, &a->seen, &a->customer));
    a->next = a->seen;
    if (is_sent(cx, PATCH_DUE))
        a->next.due_at = a->due_at;
    if (is_sent(cx, PATCH_PAYMENT))
        a->next.payment_method = str_trim(a->payment_method);
    int now = a->seen.status;
    if (!is_sent(cx, PATCH_STATUS) || a->status == now)
        return OK;
    bool is_over = now == ORDER_DELIVERED || now == ORDER_CANCELLED;
    if (is_over || a->status < now) {
        (void)fault(cx, ERR_CONFLICT, M_ORDER_STATUS, MARG("now", str_of(order_status_codes[now])),
                    MARG("wanted", str_of(order_status_codes[a->status])));
        return fault_at(cx, ERR_CONFLICT, S("status"));
    }
    a->next.status = a->status;
    return OK;
}

enum err patch_order_apply(struct cx *cx, void *in, void *out)
{
    const struct patch_in *a = in;
    TRY(update(cx, &a->next));
    if (a->next.status == ORDER_CANCELLED && a->seen.status != ORDER_CANCELLED)
        TRY(recount(cx, a->customer, &a->seen, &a->next));
    TRY(said(cx, &a->next, "order.change", str_of(order_status_codes[a->next.status])));
    return order_get(cx, a->id, out);
}

enum err order_take_back(struct cx *cx, order_id id, bool *is_kept)
{
    struct order seen;
    int64_t customer = 0;
    enum err e = order_get(cx, id, &seen);
    *is_kept = e == OK && (seen.version != 1 || seen.returns.n || seen.facts.n);
    if (e == ERR_NOT_FOUND || *is_kept)
        return OK;
    TRY(e);
    TRY(db_int(cx, &q_order_customer, &customer, ARGS(V(id))));
    TRY(db_run(cx, &q_order_interaction_delete, ARGS(V(id))));
    TRY(db_run(cx, &q_order_delete, ARGS(V(id))));
    TRY(standing_recount(cx, (customer_id){customer}));
    return said(cx, &seen, "order.take_back", (str){0});
}

/* ---- goods that come back --------------------------------------------------------------------
 */

/* Their part of what the line was sold for. */
static int64_t worth(const struct order_line *l, int64_t milli)
{
    __int128 whole = (__int128)l->total.amount * milli;
    return (int64_t)((whole + l->quantity_milli / 2) / l->quantity_milli);
}

static enum err return_of_line(struct cx *cx, const struct order *o, const struct order_return *r,
                               int64_t *amount)
{
    const struct order_line *l = o->lines.items, *line = NULL;
    for (size_t i = 0; i < o->lines.n; i++)
        if (l[i].line == r->line.v)
            line = &l[i];
    if (!line)
        return fault_field(cx, ERR_INVALID, S("line"), M_ORDER_NO_LINE);
    int64_t back = r->quantity_milli;
    const struct order_return *before = o->returns.items;
    for (size_t i = 0; i < o->returns.n; i++)
        if (before[i].line.has && before[i].line.v == r->line.v)
            back += before[i].quantity_milli;
    if (back > line->quantity_milli)
        return fault_field(cx, ERR_INVALID, S("quantity"), M_ORDER_RETURN_MORE);
    *amount = worth(line, r->quantity_milli);
    return OK;
}

/* Between the order and a day from now: clocks differ. */
static enum err time_check(struct cx *cx, const struct order *o, when at, when *out)
{
    *out = at.ms ? at : (when){cx->now_ms};
    if (at.ms && (at.ms < o->at.ms - FUTURE_MS || at.ms > cx->now_ms + FUTURE_MS))
        return fault_field(cx, ERR_INVALID, S("at"), M_ORDER_AT);
    return OK;
}

enum err return_check(struct cx *cx, struct order *o, const struct order_return_new *in,
                      struct order_return *out)
{
    *out = (struct order_return){.line = in->line,
                                 .quantity = in->quantity,
                                 .amount = o->total,
                                 .reason = str_trim(in->reason)};
    if (o->status == ORDER_CANCELLED)
        return fault(cx, ERR_CONFLICT, M_ORDER_RETURN_CANCELLED);
    if (o->returns.n >= PARTS_MAX)
        return fault(cx, ERR_INVALID, M_ORDER_PARTS);
    TRY(time_check(cx, o, in->at, &out->at));
    if (!milli_of(in->quantity, &out->quantity_milli))
        return fault_field(cx, ERR_INVALID, S("quantity"), M_ORDER_QUANTITY);
    int64_t left = order_left(o), amount = 0;
    if (in->line.has)
        TRY(return_of_line(cx, o, out, &amount));
    else if (!in->amount.has)
        return fault_field(cx, ERR_INVALID, S("amount"), M_ORDER_RETURN_AMOUNT);
    if (in->amount.has)
        amount = in->amount.v;
    else if (amount > left)
        amount = left; /* a discount of the whole lowered what was paid */
    if (amount < 0 || amount > left)
        return fault_field(cx, ERR_INVALID, S("amount"), M_ORDER_RETURN_MORE);
    out->amount.amount = amount;
    o->returned.amount += amount;
    out->id.v = id_new(cx->now_ms);
    return OK;
}

enum err return_put(struct cx *cx, order_id order, const struct order_return *r)
{
    return db_run(cx, &q_order_return_insert,
                  ARGS(V(r->id), V(order), V(r->line), V(r->quantity_milli), V(r->amount.amount),
                       V(r->reason), V(r->at)));
}

struct return_in {
    order_id id;
    struct order_return_new given;
    struct order seen, next;
    int64_t customer;
    struct order_return made;
};
/* clang-format off */
#define RETURN_FIELDS(st, at_) \
    FIELD_AS(st, at_ line, "line", .doc = "None: of the whole order, with an amount"), \
    FIELD_AS(st, at_ quantity, "quantity", .required = true), \
    FIELD_AS(st, at_ amount, "amount", .doc = "Minor units; default: what they were sold for"), \
    FIELD_AS(st, at_ reason, "reason", .max_len = 500), \
    FIELD_AS(st, at_ at, "at", .doc = "Default now")
static const struct field return_part_fields[] = {
    RETURN_FIELDS(struct order_return_new, ),
};
const struct shape return_in_shape = SHAPE("order_return_new", struct order_return_new, return_part_fields);
static const struct field return_in_fields[] = {
    FIELD(struct return_in, id, .in_path = true),
    RETURN_FIELDS(struct return_in, given.),
};
/* clang-format on */
const struct shape order_return_shape_in =
    SHAPE("order_return_in", struct return_in, return_in_fields);

enum err return_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct return_in *a = in;
    TRY(order_for_change(cx, a->id, &a->seen, &a->customer));
    a->next = a->seen;
    return return_check(cx, &a->next, &a->given, &a->made);
}

enum err return_apply(struct cx *cx, void *in, void *out)
{
    const struct return_in *a = in;
    TRY(update(cx, &a->next));
    TRY(return_put(cx, a->id, &a->made));
    TRY(recount(cx, a->customer, &a->seen, &a->next));
    const struct standing_fact back = {
        .at = a->made.at, .add.returned = a->next.base_minor.has ? a->made.amount.amount : 0};
    TRY(standing_add(cx, (customer_id){a->customer}, &back, false));
    TRY(said(cx, &a->next, "order.return", (str){0}));
    return order_get(cx, a->id, out);
}

/* ---- what came of the payment ----------------------------------------------------------------
 */

enum err fact_check(struct cx *cx, struct order *o, const struct order_fact_new *in,
                    struct order_fact *out)
{
    *out = (struct order_fact){.kind = in->kind,
                               .amount = {0, o->total.currency},
                               .note = str_trim(in->note),
                               .source_id = str_trim(in->source_id)};
    TRY(time_check(cx, o, in->at, &out->at));
    if (o->facts.n >= PARTS_MAX)
        return fault(cx, ERR_INVALID, M_ORDER_PARTS);
    if (in->amount.has && in->kind != FACT_CHARGE_BACK)
        return fault_field(cx, ERR_INVALID, S("amount"), M_ORDER_FACT_AMOUNT);
    if (in->kind == FACT_CHARGE_BACK) {
        int64_t left = order_left(o);
        out->amount.amount = in->amount.has ? in->amount.v : left;
        if (out->amount.amount < 0 || out->amount.amount > left)
            return fault_field(cx, ERR_INVALID, S("amount"), M_ORDER_FACT_MORE);
        o->lost.amount += out->amount.amount;
    }
    if (in->kind == FACT_PAID_AT_LAST)
        o->lost.amount = 0;
    if ((in->kind == FACT_PAID || in->kind == FACT_PAID_AT_LAST) && o->status == ORDER_OPEN)
        o->status = ORDER_PAID;
    out->id.v = id_new(cx->now_ms);
    return OK;
}

enum err fact_put(struct cx *cx, order_id order, int64_t customer, const struct order_fact *f)
{
    return db_run(cx, &q_order_fact_insert,
                  ARGS(V(f->id), V(order), V(customer), V(fact_kind_codes[f->kind]),
                       V(f->amount.amount), V(f->note), V(f->source_id),
                       val_int_or_null(cx->actor.kind == ACTOR_STAFF ? cx->actor.id : 0),
                       V(f->at)));
}

struct fact_in {
    order_id id;
    struct order_fact_new given;
    struct order seen, next;
    int64_t customer;
    struct order_fact made;
    bool is_repeat;
};
/* clang-format off */
#define FACT_FIELDS(st, at_) \
    {.name = "kind", .offset = offsetof(st, at_ kind), .size = sizeof(int), .type = F_ENUM, .names = fact_kind_codes, \
     .n_names = FACTS, .required = true, .doc = "paid, refused, dispute, charge_back, refund_abuse, paid_at_last"}, \
    FIELD_AS(st, at_ amount, "amount", .doc = "Of a charge-back, minor units; default: all that is left"), \
    FIELD_AS(st, at_ note, "note", .max_len = 500), \
    FIELD_AS(st, at_ source_id, "source_id", .doc = "The source's own id: the same again changes nothing"), \
    FIELD_AS(st, at_ at, "at", .doc = "Default now")
static const struct field fact_part_fields[] = {
    FACT_FIELDS(struct order_fact_new, ),
};
const struct shape fact_in_shape = SHAPE("order_fact_new", struct order_fact_new, fact_part_fields);
static const struct field fact_in_fields[] = {
    FIELD(struct fact_in, id, .in_path = true),
    FACT_FIELDS(struct fact_in, given.),
};
/* clang-format on */
const struct shape order_fact_shape_in = SHAPE("order_fact_in", struct fact_in, fact_in_fields);

enum err fact_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct fact_in *a = in;
    TRY(order_for_change(cx, a->id, &a->seen, &a->customer));
    a->next = a->seen;
    str source = str_trim(a->given.source_id);
    const struct order_fact *f = a->seen.facts.items;
    a->is_repeat = false;
    for (size_t i = 0; i < a->seen.facts.n; i++)
        if (source.len && str_eq(f[i].source_id, source)) {
            a->is_repeat = f[i].kind == a->given.kind;
            return a->is_repeat ? OK
                                : fault_field(cx, ERR_CONFLICT, S("source_id"), M_ORDER_FACT_HERE);
        }
    return fact_check(cx, &a->next, &a->given, &a->made);
}

enum err fact_apply(struct cx *cx, void *in, void *out)
{
    const struct fact_in *a = in;
    cx->made_id = a->id.v;
    if (a->is_repeat)
        return order_get(cx, a->id, out);
    TRY(update(cx, &a->next));
    TRY(fact_put(cx, a->id, a->customer, &a->made));
    if (a->next.lost.amount != a->seen.lost.amount)
        TRY(recount(cx, a->customer, &a->seen, &a->next));
    TRY(said(cx, &a->next, "order.fact", str_of(fact_kind_codes[a->made.kind])));
    return order_get(cx, a->id, out);
}
