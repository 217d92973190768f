/* rooms/order/take.c - an order comes in: once by its number, with what is known of it already. */
#include "messages.h"
#include "queries.h"
#include "rooms/order/inside.h"
#include "rooms/settings/settings.h"
#include <math.h>

enum { QUANTITY_MAX = 1000000, SKUS_AT_ONCE = 500 };

struct order_plan {
    bool is_repeat;
    struct intake intake;
    struct intake_result who;
    struct order o;                /* as it will stand */
    const struct order_new *first; /* of a batch: the one that brought this number first */
    struct order_batch *batch;     /* with the first of a batch */
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
    struct order_line *lines = ARENA_ARRAY(cx->arena, n + 1, struct order_line);
    o->lines = (struct list){lines, n};
    o->total = o->discount = o->returned = o->lost = (money){0, c};
    for (size_t i = 0; i < n; i++) {
        TRY(plan_line(cx, &from[i], i, c, &lines[i]));
        if (!money_add(o->total, lines[i].total, &o->total) ||
            !money_add(o->discount, lines[i].discount, &o->discount))
            return part_fault(cx, "lines", i, "price", M_ORDER_TOO_MUCH);
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

/* ---- what the store knows: products by their SKUs, orders by their numbers ------------------
 */

static int by_text(const void *a, const void *b)
{
    return str_cmp(*(const str *)a, *(const str *)b);
}

static size_t unique(str *s, size_t n)
{
    size_t kept = 0;
    if (n)
        qsort(s, n, sizeof *s, by_text);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || !str_eq(s[kept - 1], s[i]))
            s[kept++] = s[i];
    return kept;
}

static int by_sku(const void *sku, const void *product)
{
    return str_cmp(*(const str *)sku, ((const struct product *)product)->sku);
}

/* Of each line: the product, and its name where none was given. */
static enum err name_products(struct cx *cx, struct order_new *in, size_t n)
{
    size_t n_skus = 0;
    for (size_t i = 0; i < n; i++)
        n_skus += in[i].plan->o.lines.n;
    str *skus = ARENA_ARRAY(cx->arena, n_skus + 1, str);
    n_skus = 0;
    for (size_t i = 0; i < n; i++) {
        const struct order_line *l = in[i].plan->o.lines.items;
        for (size_t k = 0; k < in[i].plan->o.lines.n; k++)
            skus[n_skus++] = l[k].sku;
    }
    n_skus = unique(skus, n_skus);
    for (size_t from = 0; from < n_skus; from += SKUS_AT_ONCE) {
        struct list products;
        size_t some = n_skus - from < SKUS_AT_ONCE ? n_skus - from : SKUS_AT_ONCE;
        TRY(product_by_skus(cx, skus + from, some, &products));
        for (size_t i = 0; products.n && i < n; i++) {
            struct order_line *l = in[i].plan->o.lines.items;
            for (size_t k = 0; k < in[i].plan->o.lines.n; k++) {
                const struct product *p =
                    bsearch(&l[k].sku, products.items, products.n, sizeof *p, by_sku);
                if (!p)
                    continue;
                l[k].product = p->id;
                if (l[k].name.len == 0)
                    l[k].name = p->name;
            }
        }
    }
    return OK;
}

static bool is_same(const struct order *a, const struct order *b)
{
    return a->total.amount == b->total.amount && a->discount.amount == b->discount.amount &&
           strcmp(a->total.currency.code, b->total.currency.code) == 0;
}

/* The same number again: the same order, or a conflict. */
static enum err plan_repeat(struct cx *cx, struct order_plan *p, const struct order *there)
{
    if (!is_same(&p->o, there))
        return fault_field(cx, ERR_CONFLICT, S("number"), M_ORDER_HERE);
    p->is_repeat = true;
    p->o.id = there->id;
    return OK;
}

/* ---- one -------------------------------------------------------------------------------------
 */

/* All that can be said without the store. */
static enum err draft(struct cx *cx, struct order_new *in)
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
    TRY(plan_parts(cx, in, o));
    o->id.v = id_new(cx->now_ms);
    return OK;
}

/* Counted with the contact that the order is: itself on its day, returns on theirs. */
static void count_facts(struct cx *cx, struct order_plan *p)
{
    const struct order *o = &p->o;
    struct standing_fact *f = ARENA_ARRAY(cx->arena, o->returns.n + 1, struct standing_fact);
    size_t n = 0;
    if (o->status != ORDER_CANCELLED)
        f[n++] = (struct standing_fact){.at = o->at, .is_order = true, .add = order_counts(o, 1)};
    const struct order_return *r = o->returns.items;
    for (size_t i = 0; o->base_minor.has && i < o->returns.n; i++)
        f[n++] = (struct standing_fact){.at = r[i].at, .add.returned = r[i].amount.amount};
    p->intake.facts = f;
    p->intake.n_facts = n;
}

static void make_contact(struct cx *cx, const struct order_new *in, struct order_plan *p)
{
    const struct order *o = &p->o;
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
                                .source = in->source,
                                .batch = in->batch,
                                .ref_id = o->id.v};
    count_facts(cx, p);
}

/* Whom the contact cannot name is the order's customer. */
static enum err of_customer(struct cx *cx, enum err e)
{
    return e == ERR_NOT_FOUND ? fault_field(cx, ERR_INVALID, S("customer"), M_CUSTOMER_UNKNOWN) : e;
}

enum err order_plan(struct cx *cx, struct order_new *in)
{
    TRY(draft(cx, in));
    struct order_plan *p = in->plan;
    TRY(name_products(cx, in, 1));
    struct order there = {0};
    enum err e = db_one(cx, &q_order_by_number, &order_row_shape, &there, ARGS(V(p->o.number)));
    if (e == OK)
        return plan_repeat(cx, p, &there);
    if (e != ERR_NOT_FOUND)
        return e;
    make_contact(cx, in, p);
    return of_customer(cx, intake_plan(cx, &p->intake));
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

static enum err order_put(struct cx *cx, const struct order_new *in, const struct order *o,
                          const struct intake_result *who)
{
    return db_run(cx, &q_order_insert,
                  ARGS(V(o->id), V(o->number), V(who->via), V(who->interaction),
                       V(channel_codes[CHANNEL_ORDER + in->channel]),
                       V(order_status_codes[o->status]), V(o->at), val_int_or_null(o->due_at.ms),
                       V(o->total.currency.code), V(o->total.amount), V(o->discount.amount),
                       V(o->returned.amount), V(o->lost.amount), V(o->base_minor),
                       V(o->payment_method), V(o->is_discounted)));
}

/* The same number may have arrived meanwhile: then ours was passed over. */
static enum err are_ours(struct cx *cx, const int64_t *ids, size_t n)
{
    int64_t there = 0;
    TRY(db_int(cx, &q_order_count, &there, ARGS(val_ints(ids, n))));
    return there == (int64_t)n ? OK : fault(cx, ERR_STALE, M_RECORD_MOVED);
}

static enum err parts_put(struct cx *cx, const struct order *o, const struct intake_result *who)
{
    TRY(lines_put(cx, o));
    const struct order_return *r = o->returns.items;
    for (size_t i = 0; i < o->returns.n; i++)
        TRY(return_put(cx, o->id, &r[i]));
    const struct order_fact *f = o->facts.items;
    for (size_t i = 0; i < o->facts.n; i++)
        TRY(fact_put(cx, o->id, who->via.v, &f[i]));
    TRY(audit_add(cx, "order.add", who->customer.v, o->id.v, (str){0}));
    return event_add(cx, EVENT_ORDER_ADDED, who->customer.v, o->id.v, (str){0});
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
    TRY(order_put(cx, in, o, &p->who));
    TRY(are_ours(cx, &o->id.v, 1));
    return parts_put(cx, o, &p->who);
}

/* ---- many ------------------------------------------------------------------------------------
 */

/* The contacts of a batch, side by side as intake takes them. */
struct order_batch {
    struct intake *contacts;
    struct intake_result *who;
    size_t *of; /* which order each is */
    size_t n;
};

static bool is_its_own(enum err e)
{
    return e == ERR_INVALID || e == ERR_NOT_FOUND || e == ERR_CONFLICT;
}

/* What is wrong with this one alone is kept with it. */
static enum err keep_fate(struct cx *cx, enum err e, struct order_result *out)
{
    if (e != OK && !is_its_own(e))
        return e;
    out->err = e;
    out->why = cx->why;
    cx->why = (struct fault){0};
    return OK;
}

static int by_number(const void *a, const void *b)
{
    const struct order_new *const *x = a, *const *y = b;
    int c = str_cmp((*x)->plan->o.number, (*y)->plan->o.number);
    return c ? c : (*x > *y) - (*x < *y);
}

/* Those whose number the batch brought before, and those the store has. */
static enum err find_numbers(struct cx *cx, struct order_new *in, size_t n,
                             struct order_result *out)
{
    struct order_new **good = ARENA_ARRAY(cx->arena, n + 1, struct order_new *);
    str *numbers = ARENA_ARRAY(cx->arena, n + 1, str);
    size_t n_good = 0, n_numbers = 0;
    for (size_t i = 0; i < n; i++)
        if (out[i].err == OK)
            good[n_good++] = &in[i];
    if (n_good == 0)
        return OK;
    qsort(good, n_good, sizeof *good, by_number);
    for (size_t i = 0; i < n_good; i++) {
        struct order_plan *p = good[i]->plan;
        bool is_again = i > 0 && str_eq(good[i - 1]->plan->o.number, p->o.number);
        struct order_plan *before = is_again ? good[i - 1]->plan : NULL;
        p->first = before && before->first ? before->first : is_again ? good[i - 1] : NULL;
        if (!is_again)
            numbers[n_numbers++] = p->o.number;
    }
    struct list there;
    TRY(db_all(cx, &q_order_by_numbers, &order_row_shape, &there,
               ARGS(val_texts(numbers, n_numbers))));
    const struct order *o = there.items;
    for (size_t i = 0, k = 0; i < n_good && k < there.n;) {
        struct order_plan *p = good[i]->plan;
        int c = str_cmp(p->o.number, o[k].number);
        if (c > 0) {
            k++;
            continue;
        }
        if (c == 0) {
            p->first = NULL;
            TRY(keep_fate(cx, plan_repeat(cx, p, &o[k]), &out[good[i] - in]));
        }
        i++;
    }
    return OK;
}

enum err order_plan_many(struct cx *cx, struct order_new *in, size_t n, struct order_result *out)
{
    assert(n <= INTAKES_MAX);
    if (n == 0)
        return OK;
    for (size_t i = 0; i < n; i++) {
        out[i] = (struct order_result){0};
        cx->why = (struct fault){0};
        TRY(keep_fate(cx, draft(cx, &in[i]), &out[i]));
    }
    TRY(name_products(cx, in, n));
    TRY(find_numbers(cx, in, n, out));
    struct order_batch *b = ARENA_NEW(cx->arena, struct order_batch);
    b->contacts = ARENA_ARRAY(cx->arena, n, struct intake);
    b->who = ARENA_ARRAY(cx->arena, n, struct intake_result);
    b->of = ARENA_ARRAY(cx->arena, n, size_t);
    for (size_t i = 0; i < n; i++) {
        struct order_plan *p = in[i].plan;
        if (out[i].err != OK || p->is_repeat || p->first)
            continue;
        make_contact(cx, &in[i], p);
        b->of[b->n] = i;
        b->contacts[b->n++] = p->intake;
    }
    in[0].plan->batch = b;
    TRY(intake_plan_many(cx, b->contacts, b->n, b->who));
    for (size_t k = 0; k < b->n; k++) {
        cx->why = b->who[k].why;
        TRY(keep_fate(cx, of_customer(cx, b->who[k].err), &out[b->of[k]]));
    }
    return OK;
}

/* Its number came before in the batch: what became of that one decides. */
static enum err take_again(struct cx *cx, const struct order_new *in, const struct order_new *all,
                           const struct order_result *out, struct order_result *mine)
{
    const struct order_new *first = in->plan->first;
    const struct order_result *was = &out[first - all];
    if (was->err == OK && is_same(&in->plan->o, &first->plan->o)) {
        *mine = *was;
        mine->is_repeat = true;
        return OK;
    }
    if (was->err == OK)
        return keep_fate(cx, fault_field(cx, ERR_CONFLICT, S("number"), M_ORDER_HERE), mine);
    struct order_new one = *in; /* the plan of the batch stays: apply may run again */
    TRY(keep_fate(cx, order_plan(cx, &one), mine));
    if (mine->err != OK)
        return OK;
    TRY(order_take(cx, &one, &mine->id, &mine->is_repeat));
    if (!mine->is_repeat) {
        mine->who = &one.plan->who;
        mine->customer = mine->who->customer;
    }
    return OK;
}

enum err order_take_many(struct cx *cx, struct order_new *in, size_t n, struct order_result *out)
{
    if (n == 0)
        return OK;
    struct order_batch *b = in[0].plan->batch;
    TRY(intake_take_many(cx, b->contacts, b->n, b->who));
    event_gather(cx);
    int64_t *ids = ARENA_ARRAY(cx->arena, b->n + 1, int64_t);
    size_t n_ids = 0;
    for (size_t k = 0; k < b->n; k++) {
        struct order_result *r = &out[b->of[k]];
        const struct order *o = &in[b->of[k]].plan->o;
        cx->why = b->who[k].why;
        TRY(keep_fate(cx, of_customer(cx, b->who[k].err), r));
        if (r->err != OK)
            continue;
        r->id = o->id;
        r->customer = b->who[k].customer;
        r->who = &b->who[k];
        ids[n_ids++] = o->id.v;
        TRY(order_put(cx, &in[b->of[k]], o, &b->who[k]));
    }
    if (n_ids)
        TRY(are_ours(cx, ids, n_ids));
    for (size_t k = 0; k < b->n; k++)
        if (out[b->of[k]].err == OK)
            TRY(parts_put(cx, &in[b->of[k]].plan->o, &b->who[k]));
    for (size_t i = 0; i < n; i++) {
        const struct order_plan *p = in[i].plan;
        if (out[i].err == OK && p->is_repeat) {
            out[i].id = p->o.id;
            out[i].is_repeat = true;
        }
        if (p->first)
            TRY(take_again(cx, &in[i], in, out, &out[i]));
    }
    return event_gathered(cx);
}
