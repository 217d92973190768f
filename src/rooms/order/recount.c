/* rooms/order/recount.c - counts the standing anew from the rows, one record or a page of them, and says where the store says
 * something else. */
#include "queries.h"
#include "rooms/order/inside.h"

enum {
    PAGE = 1000,
    TOGETHER_MAX = 20000 /* rows of a kind; a page with more is looked at one by one */
};

/* Whose row it is, where rows of a page of records are read together. */
struct recount_of {
    int64_t root, customer;
};

/* ---- counting anew ---------------------------------------------------------------------------
 */

struct recount_customer {
    customer_id id;
    int kind;
    when first;
    int64_t hands;
};
struct recount_order {
    struct recount_of of;
    int64_t id;
    int status;
    when at;
    opt_int base_minor;
    int64_t total, returned, lost, discount;
    bool is_discounted;
};
struct recount_part {
    struct recount_of of;
    int64_t id;
    when at;
    int64_t amount;
};
struct recount_seen {
    struct recount_of of;
    when first, last;
    int64_t contacts;
};
/* clang-format off */
static const struct field customer_day_fields[] = {
    FIELD_AS(struct root_day, id, "customer_id"),
    DAY_FIELDS(struct root_day),
};
static const struct shape customer_day_shape = SHAPE("customer_day_row", struct root_day, customer_day_fields);
static const struct field recount_customer_fields[] = {
    FIELD(struct recount_customer, id),
    FIELD_ENUM(struct recount_customer, kind, customer_kind_codes),
    FIELD_AS(struct recount_customer, first, "min"),
    FIELD_AS(struct recount_customer, hands, "count"),
};
static const struct shape recount_customer_shape = SHAPE("recount_customer", struct recount_customer, recount_customer_fields);
#define ORDER_FIELDS \
    FIELD(struct recount_order, id), FIELD_ENUM(struct recount_order, status, order_status_codes), \
    FIELD_AS(struct recount_order, at, "at_ms"), FIELD(struct recount_order, base_minor), \
    FIELD_AS(struct recount_order, total, "total_minor"), FIELD_AS(struct recount_order, returned, "returned_minor"), \
    FIELD_AS(struct recount_order, lost, "lost_minor"), FIELD_AS(struct recount_order, discount, "discount_minor"), \
    FIELD(struct recount_order, is_discounted)
#define PART_FIELDS FIELD(struct recount_part, id), FIELD_AS(struct recount_part, at, "at_ms")
#define SEEN_FIELDS \
    FIELD_AS(struct recount_seen, first, "min"), FIELD_AS(struct recount_seen, last, "max"), \
    FIELD_AS(struct recount_seen, contacts, "sum")
static const struct field recount_order_fields[] = {ORDER_FIELDS};
static const struct shape recount_order_shape = SHAPE("recount_order", struct recount_order, recount_order_fields);
static const struct field recount_return_fields[] = {PART_FIELDS, FIELD_AS(struct recount_part, amount, "amount_minor")};
static const struct shape recount_return_shape = SHAPE("recount_return", struct recount_part, recount_return_fields);
static const struct field recount_contact_fields[] = {PART_FIELDS};
static const struct shape recount_contact_shape = SHAPE("recount_contact", struct recount_part, recount_contact_fields);
static const struct field recount_seen_fields[] = {SEEN_FIELDS};
static const struct shape recount_seen_shape = SHAPE("recount_seen", struct recount_seen, recount_seen_fields);
/* clang-format on */

struct counting {
    struct cx *cx;
    struct standing *s;
    const struct settings *house;
    int32_t today;
    int64_t id; /* whose rows are read */
    struct root_day *days;
    size_t n, room;
};

static void count(struct counting *c, when at, const struct standing_sums *add)
{
    int32_t day = when_day(at, c->house->time_zone);
    standing_count(c->s, c->today, day, add);
    if (day <= c->today - standing_window_days[WINDOW_365D] || standing_is_nothing(add))
        return;
    for (size_t i = c->n; i-- > 0 && c->days[i].id == c->id;)
        if (c->days[i].d.day == day) {
            standing_sums_add(&c->days[i].d.sums, add);
            return;
        }
    if (c->n == c->room) {
        struct root_day *more = ARENA_ARRAY(c->cx->arena, 2 * c->room + 32, struct root_day);
        if (c->n)
            memcpy(more, c->days, c->n * sizeof *more);
        c->days = more;
        c->room = 2 * c->room + 32;
    }
    c->days[c->n++] = (struct root_day){c->id, {day, *add}};
}

static void count_order(struct counting *c, const struct recount_order *r)
{
    if (r->status == ORDER_CANCELLED)
        return;
    const struct order o = {.total.amount = r->total,
                            .returned.amount = r->returned,
                            .lost.amount = r->lost,
                            .discount.amount = r->discount,
                            .base_minor = r->base_minor,
                            .is_discounted = r->is_discounted};
    struct standing_sums sums = order_counts(&o, 1);
    count(c, r->at, &sums);
    if (r->at.ms > c->s->last_order_at.ms)
        c->s->last_order_at = r->at;
}

static void count_return(struct counting *c, const struct recount_part *r)
{
    count(c, r->at, &(struct standing_sums){.returned = r->amount});
}

/* All contacts are counted by the store, before those of the windows are counted day by day. */
static void count_seen(struct counting *c, const struct recount_seen *seen)
{
    if (seen->first.ms && seen->first.ms < c->s->first_at.ms)
        c->s->first_at = seen->first;
    if (seen->last.ms > c->s->last_contact_at.ms)
        c->s->last_contact_at = seen->last;
}

static void count_contact(struct counting *c, when at)
{
    count(c, at, &(struct standing_sums){.contacts = 1});
}

static int64_t windows_begin(const struct counting *c)
{
    return when_of_day(c->today - standing_window_days[WINDOW_365D] + 1, c->house->time_zone).ms;
}

static enum err count_orders(struct counting *c)
{
    struct cx *cx = c->cx;
    int64_t at = INT64_MIN, after = 0;
    struct list page = {0};
    do {
        TRY(db_all(cx, &q_recount_orders, &recount_order_shape, &page,
                   ARGS(V(c->id), V(at), V(after), V((int64_t)PAGE))));
        const struct recount_order *r = page.items;
        for (size_t i = 0; i < page.n; i++) {
            at = r[i].at.ms;
            after = r[i].id;
            count_order(c, &r[i]);
        }
    } while (page.n == PAGE);
    return OK;
}

static enum err count_returns(struct counting *c)
{
    int64_t after = 0;
    struct list page = {0};
    do {
        TRY(db_all(c->cx, &q_recount_returns, &recount_return_shape, &page,
                   ARGS(V(c->id), V(after), V((int64_t)PAGE))));
        const struct recount_part *r = page.items;
        for (size_t i = 0; i < page.n; i++) {
            after = r[i].id;
            count_return(c, &r[i]);
        }
    } while (page.n == PAGE);
    return OK;
}

static enum err count_contacts(struct counting *c)
{
    struct recount_seen seen = {0};
    TRY(db_one(c->cx, &q_recount_seen, &recount_seen_shape, &seen, ARGS(V(c->id))));
    count_seen(c, &seen);
    int64_t before = c->s->all.contacts, after = 0, at = windows_begin(c);
    struct list page = {0};
    do {
        TRY(db_all(c->cx, &q_recount_contacts, &recount_contact_shape, &page,
                   ARGS(V(c->id), V(at), V(after), V((int64_t)PAGE))));
        const struct recount_part *r = page.items;
        for (size_t i = 0; i < page.n; i++) {
            at = r[i].at.ms;
            after = r[i].id;
            count_contact(c, r[i].at);
        }
    } while (page.n == PAGE);
    c->s->all.contacts = before + seen.contacts;
    return OK;
}

static enum err count_anew(struct cx *cx, customer_id root, struct standing *out, struct list *ids,
                           struct list *days)
{
    struct recount_customer who = {0};
    struct counting c = {.cx = cx, .s = out, .house = settings_current(cx)};
    c.today = when_day((when){cx->now_ms}, c.house->time_zone);
    customer_id same;
    TRY(customer_root(cx, root, &same, ids));
    TRY(db_one(cx, &q_recount_customer, &recount_customer_shape, &who, ARGS(V(same))));
    *out = (struct standing){.id = who.id,
                             .kind = who.kind,
                             .vip_by = who.hands ? VIP_BY_HAND : VIP_NOT,
                             .first_at = who.first};
    const int64_t *each = ids->items;
    for (size_t i = 0; i < ids->n; i++) {
        c.id = each[i];
        TRY(count_orders(&c));
        TRY(count_returns(&c));
        TRY(count_contacts(&c));
    }
    standing_judge(out, c.house, cx->now_ms);
    *days = (struct list){c.days, c.n};
    return OK;
}

/* What stands in the store is brought to what its rows say. */
enum err standing_recount(struct cx *cx, customer_id any)
{
    struct standing was = {0}, is;
    struct list ids, days;
    enum err e = db_one(cx, &q_standing_of, &standing_row_shape, &was, ARGS(V(any)));
    if (e != OK && e != ERR_NOT_FOUND)
        return e;
    TRY(count_anew(cx, any, &is, &ids, &days));
    if (is.activity == was.activity && was.activity_at.ms)
        is.activity_at = was.activity_at;
    TRY(e == OK ? standing_move(cx, &was, &is) : standing_put(cx, &is));
    TRY(db_run(cx, &q_recount_days_clear, ARGS(val_ints(ids.items, ids.n))));
    const struct root_day *d = days.items;
    for (size_t i = 0; i < days.n; i++)
        TRY(standing_day_add(cx, (customer_id){d[i].id}, &d[i].d));
    return OK;
}

/* ---- checking --------------------------------------------------------------------------------
 */

static int by_customer_day(const void *a, const void *b)
{
    const struct root_day *x = a, *y = b;
    return x->id != y->id ? (x->id > y->id) - (x->id < y->id)
                          : (x->d.day > y->d.day) - (x->d.day < y->d.day);
}

static size_t without_empty(struct root_day *d, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!standing_is_nothing(&d[i].d.sums))
            d[kept++] = d[i];
    return kept;
}

/* What the jobs have still to look at is not wrong: an activity whose time has come. */
static void still_to_come(const struct cx *cx, const struct standing *is, struct standing *want)
{
    if (!is->activity_due_at.ms || is->activity_due_at.ms > cx->now_ms)
        return;
    want->activity = is->activity;
    want->activity_due_at = is->activity_due_at;
}

static bool is_as_counted(struct cx *cx, const struct standing *is, struct standing want,
                          struct list days, struct list there)
{
    want.activity_at = is->activity_at;
    if (is->activity_due_at.ms && is->activity_due_at.ms < want.activity_due_at.ms)
        want.activity_due_at = is->activity_due_at; /* looked at earlier than need be */
    still_to_come(cx, is, &want);
    struct args a = standing_args(cx->arena, is), b = standing_args(cx->arena, &want);
    for (size_t i = 0; i < STANDING_COLUMNS; i++)
        if (a.v[i].kind == VAL_TEXT ? !str_eq(a.v[i].s, b.v[i].s) : a.v[i].i != b.v[i].i)
            return false;
    if (days.n)
        qsort(days.items, days.n, sizeof(struct root_day), by_customer_day);
    if (there.n)
        qsort(there.items, there.n, sizeof(struct root_day), by_customer_day);
    days.n = without_empty(days.items, days.n);
    there.n = without_empty(there.items, there.n);
    const struct root_day *x = days.items, *y = there.items;
    for (size_t i = 0; i < days.n && days.n == there.n; i++)
        if (by_customer_day(&x[i], &y[i]) != 0 ||
            memcmp(&x[i].d.sums, &y[i].d.sums, sizeof x[i].d.sums) != 0)
            return false;
    return days.n == there.n;
}

enum err standing_verify(struct cx *cx, customer_id root, bool *is_right)
{
    struct standing is = {0}, want;
    struct list ids, days, there;
    TRY(db_one(cx, &q_standing_get, &standing_row_shape, &is, ARGS(V(root))));
    TRY(count_anew(cx, root, &want, &ids, &days));
    const struct settings *house = settings_current(cx);
    int32_t today = when_day((when){cx->now_ms}, house->time_zone);
    TRY(db_all(
        cx, &q_recount_days_of, &customer_day_shape, &there,
        ARGS(val_ints(ids.items, ids.n), V((int64_t)today - standing_window_days[WINDOW_365D]))));
    *is_right = is_as_counted(cx, &is, want, days, there);
    return OK;
}

/* ---- a page of records ------------------------------------------------------------------------
 */

/* What one record asks in eight statements a page of them asks in as many. They are not of one snapshot: who asks looks again
 * at what differs. */
struct page_member {
    struct recount_of of; /* its own id is the customer */
    int kind;             /* of the root */
    when created;
};
struct page_hands { /* a mark by hand */
    struct recount_of of;
};
struct page_day {
    struct recount_of of;
    struct standing_day d;
};
/* clang-format off */
#define OF_FIELDS(st) FIELD_AS(st, of.root, "root_id"), FIELD_AS(st, of.customer, "customer_id")
static const struct field page_member_fields[] = {
    OF_FIELDS(struct page_member), FIELD_ENUM(struct page_member, kind, customer_kind_codes),
    FIELD_AS(struct page_member, created, "created_ms"),
};
static const struct shape recounts_member_shape = SHAPE("recounts_member", struct page_member, page_member_fields);
static const struct field page_hands_fields[] = {OF_FIELDS(struct page_hands)};
static const struct shape recounts_hands_shape = SHAPE("recounts_hands", struct page_hands, page_hands_fields);
static const struct field page_order_fields[] = {OF_FIELDS(struct recount_order), ORDER_FIELDS};
static const struct shape recounts_order_shape = SHAPE("recounts_order", struct recount_order, page_order_fields);
static const struct field page_return_fields[] = {
    OF_FIELDS(struct recount_part), PART_FIELDS, FIELD_AS(struct recount_part, amount, "amount_minor"),
};
static const struct shape recounts_return_shape = SHAPE("recounts_return", struct recount_part, page_return_fields);
static const struct field page_contact_fields[] = {OF_FIELDS(struct recount_part), PART_FIELDS};
static const struct shape recounts_contact_shape = SHAPE("recounts_contact", struct recount_part, page_contact_fields);
static const struct field page_seen_fields[] = {OF_FIELDS(struct recount_seen), SEEN_FIELDS};
static const struct shape recounts_seen_shape = SHAPE("recounts_seen", struct recount_seen, page_seen_fields);
static const struct field page_day_fields[] = {OF_FIELDS(struct page_day), DAY_FIELDS(struct page_day)};
static const struct shape recounts_day_shape = SHAPE("recounts_day", struct page_day, page_day_fields);
/* clang-format on */

enum page_kind { MEMBERS, HANDS, ORDERS, RETURNS, SEEN, CONTACTS, DAYS, STANDINGS, PAGE_KINDS };
/* Rows of a page, each kind in the order of record and customer; `at`: where the walk stands. */
struct page {
    struct list rows[PAGE_KINDS];
    size_t at[PAGE_KINDS];
};

static int by_root_customer(const void *a, const void *b)
{
    const struct recount_of *x = a, *y = b;
    return x->root != y->root ? (x->root > y->root) - (x->root < y->root)
                              : (x->customer > y->customer) - (x->customer < y->customer);
}

/* A page asks as many statements as one record does. *is_all: nobody has so many rows that they must be read in pieces. */
static enum err page_read(struct counting *c, const int64_t *roots, size_t n, struct page *p,
                          bool *is_all)
{
    struct val ids = val_ints(roots, n), most = V((int64_t)TOGETHER_MAX), of[] = {ids, most},
               seen[] = {ids, V(INT64_MAX), most}, contacts[] = {ids, V(windows_begin(c)), most},
               days[] = {ids, V((int64_t)c->today - standing_window_days[WINDOW_365D]), most};
    struct db_read reads[PAGE_KINDS] = {
        [MEMBERS] = {&q_recounts_members, &recounts_member_shape, .args = {of, 2}},
        [HANDS] = {&q_recounts_hands, &recounts_hands_shape, .args = {of, 2}},
        [ORDERS] = {&q_recounts_orders, &recounts_order_shape, .args = {of, 2}},
        [RETURNS] = {&q_recounts_returns, &recounts_return_shape, .args = {of, 2}},
        [SEEN] = {&q_recounts_seen, &recounts_seen_shape, .args = {seen, 3}},
        [CONTACTS] = {&q_recounts_contacts, &recounts_contact_shape, .args = {contacts, 3}},
        [DAYS] = {&q_recounts_days, &recounts_day_shape, .args = {days, 3}},
        [STANDINGS] = {&q_turn_standings, &standing_row_shape, .args = {&ids, 1}},
    };
    *p = (struct page){0};
    for (int i = 0; i < PAGE_KINDS; i++)
        reads[i].out = &p->rows[i];
    TRY(db_batch(c->cx, reads, PAGE_KINDS));
    *is_all = true;
    for (int i = 0; i < STANDINGS; i++) {
        *is_all = *is_all && p->rows[i].n < TOGETHER_MAX;
        if (p->rows[i].n)
            qsort(p->rows[i].items, p->rows[i].n, reads[i].shape->size, by_root_customer);
    }
    return OK;
}

/* The next row of this customer, past those before him; NULL: there is none. */
static const void *page_next(struct page *p, enum page_kind kind, size_t size, struct recount_of of)
{
    const struct list *l = &p->rows[kind];
    for (size_t *at = &p->at[kind]; *at < l->n; ++*at) {
        const struct recount_of *is = (const void *)((const char *)l->items + *at * size);
        if (is->root > of.root || (is->root == of.root && is->customer > of.customer))
            return NULL;
        if (is->root == of.root && is->customer == of.customer) {
            ++*at;
            return is;
        }
    }
    return NULL;
}

static void page_count(struct counting *c, struct page *p, struct recount_of of)
{
    const struct recount_order *o;
    const struct recount_part *r;
    const struct recount_seen *seen;
    c->id = of.customer;
    while ((o = page_next(p, ORDERS, sizeof *o, of)))
        count_order(c, o);
    while ((r = page_next(p, RETURNS, sizeof *r, of)))
        count_return(c, r);
    int64_t contacts = c->s->all.contacts;
    if ((seen = page_next(p, SEEN, sizeof *seen, of))) {
        count_seen(c, seen);
        contacts += seen->contacts;
    }
    while ((r = page_next(p, CONTACTS, sizeof *r, of)))
        count_contact(c, r->at);
    c->s->all.contacts = contacts;
}

/* Those of this record among rows whose walk stands at *at. */
static struct list page_of(struct page *p, enum page_kind kind, size_t size, int64_t root)
{
    const struct list *l = &p->rows[kind];
    const char *rows = l->items;
    size_t *at = &p->at[kind];
#define ROOT_AT ((const struct recount_of *)(const void *)(rows + *at * size))->root
    while (*at < l->n && ROOT_AT < root)
        ++*at;
    size_t first = *at;
    while (*at < l->n && ROOT_AT == root)
        ++*at;
#undef ROOT_AT
    return (struct list){l->n ? (char *)l->items + first * size : NULL, *at - first};
}

static const struct standing *page_standing(struct page *p, int64_t root)
{
    const struct standing *s = p->rows[STANDINGS].items;
    size_t *at = &p->at[STANDINGS], n = p->rows[STANDINGS].n;
    while (*at < n && s[*at].id.v < root)
        ++*at;
    return *at < n && s[*at].id.v == root ? &s[*at] : NULL;
}

static bool page_is_right(const struct counting *c, struct page *p, int64_t root)
{
    struct list members = page_of(p, MEMBERS, sizeof(struct page_member), root),
                days = page_of(p, DAYS, sizeof(struct page_day), root);
    const struct page_member *m = members.items;
    const struct page_day *d = days.items;
    const struct standing *is = page_standing(p, root);
    if (!members.n || !is)
        return false;
    struct standing want = {
        .id = {root},
        .kind = m->kind,
        .vip_by = page_of(p, HANDS, sizeof(struct page_hands), root).n ? VIP_BY_HAND : VIP_NOT,
        .first_at = m->created};
    for (size_t i = 0; i < members.n; i++)
        if (m[i].created.ms < want.first_at.ms)
            want.first_at = m[i].created;
    struct counting own = *c;
    own.s = &want;
    for (size_t i = 0; i < members.n; i++)
        page_count(&own, p, m[i].of);
    standing_judge(&want, c->house, c->cx->now_ms);
    struct root_day *there = ARENA_ARRAY(c->cx->arena, days.n + 1, struct root_day);
    for (size_t i = 0; i < days.n; i++)
        there[i] = (struct root_day){d[i].of.customer, d[i].d};
    return is_as_counted(c->cx, is, want, (struct list){own.days, own.n},
                         (struct list){there, days.n});
}

enum err standing_check(struct cx *cx, int64_t *after, size_t n, struct list *wrong)
{
    struct list roots;
    struct page p;
    bool is_all = true;
    struct counting c = {.cx = cx, .house = settings_current(cx)};
    c.today = when_day((when){cx->now_ms}, c.house->time_zone);
    TRY(db_all(cx, &q_recount_roots, &number_row_shape, &roots, ARGS(V(*after), V((int64_t)n))));
    const struct number_row *r = roots.items;
    int64_t *out = ARENA_ARRAY(cx->arena, roots.n + 1, int64_t),
            *ids = ARENA_ARRAY(cx->arena, roots.n + 1, int64_t);
    *wrong = (struct list){out, 0};
    *after = roots.n < n ? 0 : r[roots.n - 1].n;
    for (size_t i = 0; i < roots.n; i++)
        ids[i] = r[i].n;
    if (roots.n)
        TRY(page_read(&c, ids, roots.n, &p, &is_all));
    for (size_t i = 0; i < roots.n; i++) {
        bool is_right = false;
        enum err e = OK;
        if (is_all)
            is_right = page_is_right(&c, &p, ids[i]);
        else
            e = standing_verify(cx, (customer_id){ids[i]}, &is_right);
        if (e != OK && e != ERR_NOT_FOUND)
            return e;
        if (!is_right)
            out[wrong->n++] = ids[i];
    }
    return OK;
}
