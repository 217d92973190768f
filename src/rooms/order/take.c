/* rooms/order/take.c - an order comes in: once by its number, with what is known of it already. */
#include "messages.h"
#include "queries.h"
#include "rooms/order/inside.h"
#include "rooms/settings/settings.h"
#include <math.h>

enum { QUANTITY_MAX = 1000000 };

struct order_plan {
    bool is_repeat;
    struct intake intake;
    struct intake_result who;
    struct order o; /* as it will stand */
};

bool milli_of(double quantity, int64_t *out)
{
    double milli = quantity * 1000;
    if (!isfinite(milli) || quantity <= 0 || quantity > QUANTITY_MAX ||
        fabs(milli - round(milli)) > 1e-6)
        return false;
    *out = llround(milli);
    return true;
}

/* ---- plan ------------------------------------------------------------------------------------
 */

static enum err part_fault(struct cx *cx, const char *part, size_t i, const char *member,
                           uint16_t msg)
{
    return fault_field(cx, ERR_INVALID, arena_printf(cx->arena, "%s[%zu].%s", part, i, member),
                       msg);
}

/* "quantity" of the third return is "returns[2].quantity". */
static enum err fault_of(struct cx *cx, enum err e, const char *part, size_t i)
{
    if (cx->why.field.len)
        cx->why.field = arena_printf(cx->arena, "%s[%zu]." SFMT, part, i, SARG(cx->why.field));
    return e == ERR_CONFLICT ? ERR_INVALID : e;
}

static enum err plan_line(struct cx *cx, const struct order_line_new *from, size_t i, currency c,
                          struct order_line *l)
{
    *l = (struct order_line){.line = (int64_t)i + 1,
                             .sku = str_trim(from->sku),
                             .name = str_trim(from->name),
                             .price = {from->price, c},
                             .discount = {from->discount, c}};
    if (l->sku.len == 0)
        return part_fault(cx, "lines", i, "sku", M_ORDER_SKU);
    if (!milli_of(from->quantity, &l->quantity_milli))
        return part_fault(cx, "lines", i, "quantity", M_ORDER_QUANTITY);
    if (from->price < 0)
        return part_fault(cx, "lines", i, "price", M_ORDER_PRICE);
    if (!money_line(l->quantity_milli, l->price, &l->total))
        return part_fault(cx, "lines", i, "price", M_ORDER_TOO_MUCH);
    if (from->discount < 0 || from->discount > l->total.amount)
        return part_fault(cx, "lines", i, "discount", M_ORDER_LINE_DISCOUNT);
    l->total.amount -= from->discount;
    return OK;
}

static enum err plan_lines(struct cx *cx, const struct order_new *in, currency c, struct order *o)
{
    const struct order_line_new *from = in->lines.items;
    size_t n = in->lines.n;
    str *skus = ARENA_ARRAY(cx->arena, n + 1, str);
    struct order_line *lines = ARENA_ARRAY(cx->arena, n + 1, struct order_line);
    o->lines = (struct list){lines, n};
    o->total = o->discount = o->returned = o->lost = (money){0, c};
    for (size_t i = 0; i < n; i++) {
        TRY(plan_line(cx, &from[i], i, c, &lines[i]));
        if (!money_add(o->total, lines[i].total, &o->total) ||
            !money_add(o->discount, lines[i].discount, &o->discount))
            return part_fault(cx, "lines", i, "price", M_ORDER_TOO_MUCH);
        skus[i] = lines[i].sku;
    }
    struct list products;
    TRY(product_by_skus(cx, skus, n, &products));
    const struct product *known = products.items;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < products.n; k++)
            if (str_eq(known[k].sku, lines[i].sku)) {
                lines[i].product = known[k].id;
                if (lines[i].name.len == 0)
                    lines[i].name = known[k].name;
            }
    if (in->discount < 0 || in->discount > o->total.amount)
        return fault_field(cx, ERR_INVALID, S("discount"), M_ORDER_DISCOUNT);
    o->total.amount -= in->discount;
    if (!money_add(o->discount, (money){in->discount, c}, &o->discount))
        return fault_field(cx, ERR_INVALID, S("discount"), M_ORDER_TOO_MUCH);
    return OK;
}

static enum err plan_promotions(struct cx *cx, const struct order_new *in, struct order *o)
{
    o->promotions = (struct str_list){ARENA_ARRAY(cx->arena, in->promotions.n + 1, str), 0};
    for (size_t i = 0; i < in->promotions.n; i++) {
        str code = str_trim(in->promotions.items[i]);
        if (code.len == 0)
            return fault_field(cx, ERR_INVALID, arena_printf(cx->arena, "promotions[%zu]", i),
                               M_ORDER_PROMOTION);
        o->promotions.items[o->promotions.n++] = code;
    }
    o->is_discounted = o->discount.amount > 0 || o->promotions.n > 0;
    return OK;
}

/* Those known already: of an order that is taken over from elsewhere. */
static enum err plan_parts(struct cx *cx, const struct order_new *in, struct order *o)
{
    const struct order_return_new *r = in->returns.items;
    struct order_return *returns = ARENA_ARRAY(cx->arena, in->returns.n + 1, struct order_return);
    o->returns.items = returns;
    for (size_t i = 0; i < in->returns.n; i++) {
        enum err e = return_check(cx, o, &r[i], &returns[i]);
        if (e != OK)
            return fault_of(cx, e, "returns", i);
        o->returns.n++;
    }
    const struct order_fact_new *f = in->facts.items;
    struct order_fact *facts = ARENA_ARRAY(cx->arena, in->facts.n + 1, struct order_fact);
    o->facts.items = facts;
    for (size_t i = 0; i < in->facts.n; i++) {
        enum err e = fact_check(cx, o, &f[i], &facts[i]);
        if (e != OK)
            return fault_of(cx, e, "facts", i);
        o->facts.n++;
    }
    return OK;
}

/* The same number again: the same order, or a conflict. */
static enum err plan_repeat(struct cx *cx, struct order_plan *p, const struct order *there)
{
    const struct order *o = &p->o;
    if (there->total.amount != o->total.amount || there->discount.amount != o->discount.amount ||
        strcmp(there->total.currency.code, o->total.currency.code) != 0)
        return fault_field(cx, ERR_CONFLICT, S("number"), M_ORDER_HERE);
    p->is_repeat = true;
    p->o.id = there->id;
    return OK;
}

enum err order_plan(struct cx *cx, struct order_new *in)
{
    struct order_plan *p = ARENA_NEW(cx->arena, struct order_plan);
    struct order *o = &p->o;
    in->plan = p;
    o->number = str_trim(in->number);
    if (o->number.len == 0)
        return fault_field(cx, ERR_INVALID, S("number"), M_ORDER_NUMBER);
    currency c;
    if (!currency_parse(in->currency, &c))
        return fault_field(cx, ERR_INVALID, S("currency"), M_ORDER_CURRENCY);
    if (in->lines.n == 0 || in->lines.n > LINES_MAX)
        return fault_field(cx, ERR_INVALID, S("lines"), M_ORDER_LINES);
    o->at = in->at.ms ? in->at : (when){cx->now_ms};
    o->due_at = in->due_at;
    o->status = in->status;
    o->payment_method = str_trim(in->payment_method);
    TRY(plan_lines(cx, in, c, o));
    TRY(plan_promotions(cx, in, o));
    const struct settings *house = settings_current(cx);
    if (strcmp(c.code, house->base_currency.code) == 0)
        o->base_minor = SOME_INT(o->total.amount);

    struct order there = {0};
    enum err e = db_one(cx, &q_order_by_number, &order_row_shape, &there, ARGS(V(o->number)));
    if (e == OK)
        return plan_repeat(cx, p, &there);
    if (e != ERR_NOT_FOUND)
        return e;
    TRY(plan_parts(cx, in, o));
    o->id.v = id_new(cx->now_ms);
    p->intake = (struct intake){.channel = CHANNEL_ORDER + in->channel,
                                .direction = DIRECTION_IN,
                                .at = o->at,
                                .identities = in->identities,
                                .claims = in->claims,
                                .subject = o->number,
                                .text = order_in_words(cx->arena, o->lines.items, o->lines.n),
                                .trust = in->trust,
                                .customer = in->customer,
                                .staff = in->staff,
                                .ref_id = o->id.v,
                                .source = in->source,
                                .batch = in->batch};
    e = intake_plan(cx, &p->intake);
    return e == ERR_NOT_FOUND ? fault_field(cx, ERR_INVALID, S("customer"), M_CUSTOMER_UNKNOWN) : e;
}

const struct intake_result *order_who(const struct order_new *in)
{
    return &in->plan->who;
}

bool order_is_repeat(const struct order_new *in)
{
    return in->plan->is_repeat;
}

void order_from(const struct cx *cx, struct order_new *o)
{
    bool is_ours = cx->actor.kind == ACTOR_STAFF || cx->actor.kind == ACTOR_SYSTEM;
    o->trust = is_ours ? TRUST_PROVEN : TRUST_PRESENTED;
    o->staff = (staff_id){cx->actor.kind == ACTOR_STAFF ? cx->actor.id : 0};
    bool may_vouch = is_ours || (cx->actor.scopes & SCOPE_VOUCH);
    struct intake_identity *id = o->identities.items;
    for (size_t i = 0; i < o->identities.n; i++)
        id[i].verified = id[i].verified && may_vouch;
}

/* ---- take ------------------------------------------------------------------------------------
 */

static enum err lines_put(struct cx *cx, const struct order *o)
{
    const struct order_line *l = o->lines.items;
    for (size_t i = 0; i < o->lines.n; i++)
        TRY(db_run(cx, &q_order_line_insert,
                   ARGS(V(o->id), V(l[i].line), val_int_or_null(l[i].product.v), V(l[i].sku),
                        V(l[i].name), V(l[i].quantity_milli), V(l[i].price.amount),
                        V(l[i].discount.amount), V(l[i].total.amount))));
    for (size_t i = 0; i < o->promotions.n; i++)
        TRY(db_run(cx, &q_order_promotion_insert, ARGS(V(o->id), V(o->promotions.items[i]))));
    return OK;
}

static enum err parts_put(struct cx *cx, const struct order *o, customer_id via, bool is_new)
{
    const struct order_return *r = o->returns.items;
    for (size_t i = 0; i < o->returns.n; i++) {
        TRY(return_put(cx, o->id, &r[i]));
        const struct standing_fact back = {
            .at = r[i].at, .add.returned = o->base_minor.has ? r[i].amount.amount : 0};
        TRY(standing_add(cx, via, &back, is_new));
    }
    const struct order_fact *f = o->facts.items;
    for (size_t i = 0; i < o->facts.n; i++)
        TRY(fact_put(cx, o->id, via.v, &f[i]));
    return OK;
}

enum err order_take(struct cx *cx, struct order_new *in, order_id *id, bool *is_repeat)
{
    struct order_plan *p = in->plan;
    const struct order *o = &p->o;
    *id = o->id;
    *is_repeat = p->is_repeat;
    if (p->is_repeat)
        return OK;
    TRY(intake_take(cx, &p->intake, &p->who));
    customer_id via = p->who.via;
    int64_t n = 0;
    TRY(db_run_count(cx, &q_order_insert, &n,
                     ARGS(V(o->id), V(o->number), V(via), V(p->who.interaction),
                          V(channel_codes[CHANNEL_ORDER + in->channel]),
                          V(order_status_codes[o->status]), V(o->at), val_int_or_null(o->due_at.ms),
                          V(o->total.currency.code), V(o->total.amount), V(o->discount.amount),
                          V(o->returned.amount), V(o->lost.amount), V(o->base_minor),
                          V(o->payment_method), V(o->is_discounted))));
    if (n == 0)
        return fault(cx, ERR_STALE, M_RECORD_MOVED); /* the same number arrived meanwhile */
    TRY(lines_put(cx, o));
    if (o->status != ORDER_CANCELLED) {
        const struct standing_fact bought = {
            .at = o->at, .is_order = true, .add = order_counts(o, 1)};
        TRY(standing_add(cx, via, &bought, p->who.is_new));
    }
    TRY(parts_put(cx, o, via, p->who.is_new));
    TRY(audit_add(cx, "order.add", p->who.customer.v, o->id.v, (str){0}));
    return event_add(cx, EVENT_ORDER_ADDED, p->who.customer.v, o->id.v, (str){0});
}
