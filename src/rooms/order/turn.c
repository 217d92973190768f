/* rooms/order/turn.c - keeps the standing true while days go by: the turn of the day, activities
 * that are due, the share of the best; and counts it anew from the rows.
 *
 * The turn looks only at customers with a day that falls out of a window, and sums their days anew:
 * so a slice may run twice, and a change that comes in between is never lost. A record is counted
 * anew when the rules it was counted by have changed (time zone, limits of activity).
 */
#include "messages.h"
#include "queries.h"
#include "rooms/order/inside.h"

enum {
    SLICE = 25, /* records of a step: with pages that must come from the disk they take some ms */
    RECOUNT_SLICE = 10,
    TRIM_SLICE = 100,
    HOP = 10000,
    PAGE = 1000,
    DAYS_WAITED_OUT = 2,
    HOLD_NS = 4000000 /* so long a slice takes step after step: the writer is for others too */
};
/* Where a turn stands, in turn_row.span. */
enum { SPAN_WINDOWS = 0, SPAN_TRIM = WINDOWS, SPAN_COUNT, SPAN_RAISE, SPAN_LOWER, SPAN_END };

struct turn_row {
    int64_t done_day, to_day, span, day, customer, rebuild_after, counted;
    str rules, vip_rules;
};
struct falling_row {
    int64_t day, customer, root;
};
struct root_day {
    int64_t id;
    struct standing_day d;
};
struct value_row {
    int64_t spent, customer;
};
/* clang-format off */
static const struct field turn_row_fields[] = {
    FIELD(struct turn_row, done_day),
    FIELD(struct turn_row, to_day),
    FIELD(struct turn_row, span),
    FIELD(struct turn_row, day),
    FIELD_AS(struct turn_row, customer, "customer_id"),
    FIELD(struct turn_row, rebuild_after),
    FIELD(struct turn_row, counted),
    FIELD(struct turn_row, rules),
    FIELD(struct turn_row, vip_rules),
};
static const struct shape turn_row_shape = SHAPE("turn_row", struct turn_row, turn_row_fields);
static const struct field falling_row_fields[] = {
    FIELD(struct falling_row, day),
    FIELD_AS(struct falling_row, customer, "customer_id"),
    FIELD_AS(struct falling_row, root, "root_id"),
};
static const struct shape falling_row_shape = SHAPE("falling_row", struct falling_row, falling_row_fields);
#define DAY_FIELDS \
    FIELD_AS(struct root_day, d.day, "day"), \
    FIELD_AS(struct root_day, d.sums.contacts, "contacts"), \
    FIELD_AS(struct root_day, d.sums.orders, "orders"), \
    FIELD_AS(struct root_day, d.sums.discounted, "discounted"), \
    FIELD_AS(struct root_day, d.sums.spent, "spent_minor"), \
    FIELD_AS(struct root_day, d.sums.returned, "returned_minor"), \
    FIELD_AS(struct root_day, d.sums.discount, "discount_minor")
static const struct field root_day_fields[] = {
    FIELD_AS(struct root_day, id, "root_id"),
    DAY_FIELDS,
};
static const struct shape root_day_shape = SHAPE("root_day_row", struct root_day, root_day_fields);
static const struct field customer_day_fields[] = {
    FIELD_AS(struct root_day, id, "customer_id"),
    DAY_FIELDS,
};
static const struct shape customer_day_shape = SHAPE("customer_day_row", struct root_day, customer_day_fields);
static const struct field value_row_fields[] = {
    FIELD_AS(struct value_row, spent, "spent_365d_minor"),
    FIELD_AS(struct value_row, customer, "customer_id"),
};
static const struct shape value_row_shape = SHAPE("value_row", struct value_row, value_row_fields);
/* clang-format on */

static enum err turn_put(struct cx *cx, const struct turn_row *t)
{
    return db_run(cx, &q_turn_put,
                  ARGS(V(t->done_day), V(t->to_day), V(t->span), V(t->day), V(t->customer),
                       V(t->rebuild_after), V(t->counted), V(t->rules), V(t->vip_rules)));
}

/* ---- counting anew ---------------------------------------------------------------------------
 */

struct recount_customer {
    customer_id id;
    int kind;
    when first;
    int64_t hands;
};
struct recount_order {
    int64_t id;
    int status;
    when at;
    opt_int base_minor;
    int64_t total, returned, lost, discount;
    bool is_discounted;
};
struct recount_part {
    int64_t id;
    when at;
    int64_t amount;
};
struct recount_seen {
    when first, last;
    int64_t contacts;
};
/* clang-format off */
static const struct field recount_customer_fields[] = {
    FIELD(struct recount_customer, id),
    FIELD_ENUM(struct recount_customer, kind, customer_kind_codes),
    FIELD_AS(struct recount_customer, first, "min"),
    FIELD_AS(struct recount_customer, hands, "count"),
};
static const struct shape recount_customer_shape = SHAPE("recount_customer", struct recount_customer, recount_customer_fields);
static const struct field recount_order_fields[] = {
    FIELD(struct recount_order, id),
    FIELD_ENUM(struct recount_order, status, order_status_codes),
    FIELD_AS(struct recount_order, at, "at_ms"),
    FIELD(struct recount_order, base_minor),
    FIELD_AS(struct recount_order, total, "total_minor"),
    FIELD_AS(struct recount_order, returned, "returned_minor"),
    FIELD_AS(struct recount_order, lost, "lost_minor"),
    FIELD_AS(struct recount_order, discount, "discount_minor"),
    FIELD(struct recount_order, is_discounted),
};
static const struct shape recount_order_shape = SHAPE("recount_order", struct recount_order, recount_order_fields);
static const struct field recount_return_fields[] = {
    FIELD(struct recount_part, id),
    FIELD_AS(struct recount_part, at, "at_ms"),
    FIELD_AS(struct recount_part, amount, "amount_minor"),
};
static const struct shape recount_return_shape = SHAPE("recount_return", struct recount_part, recount_return_fields);
static const struct field recount_contact_fields[] = {
    FIELD(struct recount_part, id),
    FIELD_AS(struct recount_part, at, "at_ms"),
};
static const struct shape recount_contact_shape = SHAPE("recount_contact", struct recount_part, recount_contact_fields);
static const struct field recount_seen_fields[] = {
    FIELD_AS(struct recount_seen, first, "min"),
    FIELD_AS(struct recount_seen, last, "max"),
    FIELD_AS(struct recount_seen, contacts, "sum"),
};
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
            if (r[i].status == ORDER_CANCELLED)
                continue;
            const struct order o = {.total.amount = r[i].total,
                                    .returned.amount = r[i].returned,
                                    .lost.amount = r[i].lost,
                                    .discount.amount = r[i].discount,
                                    .base_minor = r[i].base_minor,
                                    .is_discounted = r[i].is_discounted};
            struct standing_sums sums = order_counts(&o, 1);
            count(c, r[i].at, &sums);
            if (r[i].at.ms > c->s->last_order_at.ms)
                c->s->last_order_at = r[i].at;
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
            count(c, r[i].at, &(struct standing_sums){.returned = r[i].amount});
        }
    } while (page.n == PAGE);
    return OK;
}

/* All of them are counted by the store; those of the windows are read. */
static enum err count_contacts(struct counting *c)
{
    struct recount_seen seen = {0};
    TRY(db_one(c->cx, &q_recount_seen, &recount_seen_shape, &seen, ARGS(V(c->id))));
    if (seen.first.ms && seen.first.ms < c->s->first_at.ms)
        c->s->first_at = seen.first;
    if (seen.last.ms > c->s->last_contact_at.ms)
        c->s->last_contact_at = seen.last;
    int64_t before = c->s->all.contacts, after = 0,
            at = when_of_day(c->today - standing_window_days[WINDOW_365D] + 1, c->house->time_zone)
                     .ms;
    struct list page = {0};
    do {
        TRY(db_all(c->cx, &q_recount_contacts, &recount_contact_shape, &page,
                   ARGS(V(c->id), V(at), V(after), V((int64_t)PAGE))));
        const struct recount_part *r = page.items;
        for (size_t i = 0; i < page.n; i++) {
            at = r[i].at.ms;
            after = r[i].id;
            count(c, r[i].at, &(struct standing_sums){.contacts = 1});
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

static enum err rebuild_slice(struct cx *cx, struct turn_row *t, int32_t today)
{
    struct list roots;
    if (t->rebuild_after == 0)
        t->to_day = today; /* the windows will be true for this day at least */
    TRY(db_all(cx, &q_recount_roots, &number_row_shape, &roots,
               ARGS(V(t->rebuild_after), V((int64_t)RECOUNT_SLICE))));
    const struct number_row *r = roots.items;
    for (size_t i = 0; i < roots.n; i++) {
        TRY(standing_recount(cx, (customer_id){r[i].n}));
        t->rebuild_after = r[i].n;
    }
    if (roots.n == RECOUNT_SLICE)
        return OK;
    t->rebuild_after = -1;
    t->done_day = t->to_day;
    t->to_day = 0;
    return OK;
}

/* ---- the turn of the day ---------------------------------------------------------------------
 */

/* VIP or activity moved: panels and rules hear of it. */
static enum err put_changed(struct cx *cx, const struct standing *was, const struct standing *is)
{
    TRY(standing_move(cx, was, is));
    if (was->activity == is->activity && was->is_vip == is->is_vip)
        return OK;
    return event_add(cx, EVENT_CUSTOMER_CHANGED, is->id.v, 0,
                     was->activity == is->activity ? S("vip") : S("activity"));
}

static int by_root(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Windows of these records are summed from their days; both lists come in the order of the root. */
static enum err sum_windows(struct cx *cx, int64_t *roots, size_t n, int32_t today)
{
    const struct settings *house = settings_current(cx);
    struct list standings, days;
    struct val which = val_ints(roots, n);
    TRY(db_all(cx, &q_turn_standings, &standing_row_shape, &standings, ARGS(which)));
    TRY(db_all(cx, &q_turn_days, &root_day_shape, &days,
               ARGS(which, V((int64_t)today - standing_window_days[WINDOW_365D]))));
    const struct standing *was = standings.items;
    const struct root_day *d = days.items;
    size_t k = 0;
    for (size_t i = 0; i < standings.n; i++) {
        struct standing s = was[i];
        memset(s.window, 0, sizeof s.window);
        while (k < days.n && d[k].id < s.id.v)
            k++;
        for (; k < days.n && d[k].id == s.id.v; k++)
            standing_count(&s, today, (int32_t)d[k].d.day, &d[k].d.sums);
        s.all = was[i].all;
        standing_judge(&s, house, cx->now_ms);
        TRY(put_changed(cx, &was[i], &s));
    }
    return OK;
}

static enum err windows_slice(struct cx *cx, struct turn_row *t)
{
    int64_t back = standing_window_days[t->span], first = t->done_day - back + 1,
            last = t->to_day - back;
    if (t->day < first) {
        t->day = first;
        t->customer = 0;
    }
    struct list rows;
    TRY(db_all(cx, &q_turn_falling, &falling_row_shape, &rows,
               ARGS(V(t->day), V(last), V(t->customer), V((int64_t)SLICE))));
    const struct falling_row *r = rows.items;
    int64_t *roots = ARENA_ARRAY(cx->arena, rows.n + 1, int64_t);
    for (size_t i = 0; i < rows.n; i++)
        roots[i] = r[i].root;
    qsort(roots, rows.n, sizeof *roots, by_root);
    size_t n = 0;
    for (size_t i = 0; i < rows.n; i++)
        if (n == 0 || roots[n - 1] != roots[i])
            roots[n++] = roots[i];
    if (n)
        TRY(sum_windows(cx, roots, n, (int32_t)t->to_day));
    TRY(rules_due(cx, roots, n));
    if (rows.n == SLICE) {
        t->day = r[SLICE - 1].day;
        t->customer = r[SLICE - 1].customer;
    } else {
        t->span++;
        t->day = t->customer = 0;
    }
    return OK;
}

/* ---- the share of the best -------------------------------------------------------------------
 */

static enum err value_hop(struct cx *cx, int64_t spent, int64_t customer, int64_t n,
                          struct value_row *out)
{
    return db_one(cx, &q_value_hop, &value_row_shape, out, ARGS(V(spent), V(customer), V(n)));
}

/* Counts the buyers along the index, a stretch at a time; t->day: the value where it stands. */
static enum err count_slice(struct cx *cx, struct turn_row *t, const struct settings *house)
{
    if (house->vip_share <= 0) {
        t->span++;
        return OK;
    }
    struct value_row at = {0};
    enum err e = value_hop(cx, t->day, t->customer, HOP - 1, &at);
    if (e == OK) {
        t->counted += HOP;
        t->day = at.spent;
        t->customer = at.customer;
        return OK;
    }
    if (e != ERR_NOT_FOUND)
        return e;
    int64_t rest = 0;
    TRY(db_int(cx, &q_value_rest, &rest, ARGS(V(t->day), V(t->customer))));
    int64_t buyers = t->counted + rest, best = (buyers * house->vip_share + 9999) / 10000;
    struct value_row least = {0};
    if (best > 0)
        TRY(value_hop(cx, INT64_MAX, INT64_MAX, best - 1, &least));
    TRY(settings_set(cx, "vip_share_minor",
                     arena_printf(cx->arena, "%lld", (long long)least.spent)));
    t->counted = 0;
    t->span++;
    t->day = t->customer = INT64_MAX;
    return OK;
}

/* Where the VIPs by rule begin. INT64_MAX: there are none. */
static int64_t vip_from(const struct settings *house)
{
    int64_t from = INT64_MAX;
    if (house->vip_minor > 0)
        from = house->vip_minor;
    if (house->vip_share > 0 && house->vip_share_minor > 0 && house->vip_share_minor < from)
        from = house->vip_share_minor;
    return from;
}

static enum err judge_again(struct cx *cx, const struct list *rows, const struct settings *house)
{
    const struct standing *was = rows->items;
    for (size_t i = 0; i < rows->n; i++) {
        struct standing s = was[i];
        standing_judge(&s, house, cx->now_ms);
        if (s.vip_by != was[i].vip_by || s.activity != was[i].activity)
            TRY(put_changed(cx, &was[i], &s));
    }
    return OK;
}

/* First those who are above the limit, from the greatest value down; then those who are VIP. */
static enum err raise_slice(struct cx *cx, struct turn_row *t, const struct settings *house)
{
    struct list rows = {0};
    if (vip_from(house) < INT64_MAX)
        TRY(db_all(cx, &q_value_standings, &standing_row_shape, &rows,
                   ARGS(V(vip_from(house)), V(t->day), V(t->customer), V((int64_t)SLICE))));
    TRY(judge_again(cx, &rows, house));
    if (rows.n == SLICE) {
        const struct standing *last = (const struct standing *)rows.items + SLICE - 1;
        t->day = last->window[WINDOW_365D].spent;
        t->customer = last->id.v;
    } else {
        t->span++;
        t->day = t->customer = 0;
    }
    return OK;
}

static enum err lower_slice(struct cx *cx, struct turn_row *t, const struct settings *house)
{
    struct list rows = {0};
    TRY(db_all(cx, &q_vip_standings, &standing_row_shape, &rows,
               ARGS(V(t->customer), V((int64_t)SLICE))));
    TRY(judge_again(cx, &rows, house));
    if (rows.n == SLICE)
        t->customer = ((const struct standing *)rows.items)[SLICE - 1].id.v;
    else
        t->span++;
    return OK;
}

/* ---- jobs ------------------------------------------------------------------------------------
 */

static str rules_of(struct cx *cx, const struct settings *h)
{
    return arena_printf(cx->arena, SFMT " %s %lld %lld %lld %lld", SARG(h->time_zone),
                        h->base_currency.code, (long long)h->activity_days[0],
                        (long long)h->activity_days[1], (long long)h->activity_days[2],
                        (long long)h->activity_days[3]);
}

static str vip_rules_of(struct cx *cx, const struct settings *h)
{
    return arena_printf(cx->arena, "%lld %lld", (long long)h->vip_minor, (long long)h->vip_share);
}

static enum err turn_step(struct cx *cx, struct turn_row *t, const struct settings *house,
                          bool *is_over)
{
    int32_t today = when_day((when){cx->now_ms}, house->time_zone);
    str rules = rules_of(cx, house), vip_rules = vip_rules_of(cx, house);
    if (!str_eq(t->rules, rules)) {
        if (t->rules.len || t->rebuild_after >= 0)
            *t = (struct turn_row){.vip_rules = t->vip_rules}; /* all are counted anew */
        t->rules = rules;
    }
    /* A day back is waited out. Further back: the clock was ahead when days were turned that have not been yet. */
    if (t->rebuild_after < 0 && t->to_day == 0 && today < t->done_day - DAYS_WAITED_OUT)
        *t = (struct turn_row){.rules = rules, .vip_rules = t->vip_rules};
    if (t->rebuild_after >= 0)
        return rebuild_slice(cx, t, today);
    if (t->to_day == 0 && today > t->done_day) {
        t->to_day = today;
        t->span = SPAN_WINDOWS;
        t->day = t->customer = 0;
    } else if (t->to_day == 0 && !str_eq(t->vip_rules, vip_rules)) {
        t->to_day = t->done_day;
        t->span = SPAN_COUNT;
        t->counted = 0;
    } else if (t->to_day == 0) {
        *is_over = true;
        return OK;
    }
    if (t->span < SPAN_TRIM)
        return windows_slice(cx, t);
    if (t->span == SPAN_TRIM) {
        int64_t n = 0;
        TRY(db_run_count(
            cx, &q_turn_days_trim, &n,
            ARGS(V(t->to_day - standing_window_days[WINDOW_365D]), V((int64_t)TRIM_SLICE))));
        t->span += n < TRIM_SLICE;
        t->counted = 0;
        return OK;
    }
    if (t->span == SPAN_COUNT) {
        t->vip_rules = vip_rules;
        t->day = t->counted ? t->day : INT64_MAX;
        t->customer = t->counted ? t->customer : INT64_MAX;
        return count_slice(cx, t, house);
    }
    if (t->span == SPAN_RAISE)
        return raise_slice(cx, t, house);
    if (t->span == SPAN_LOWER)
        return lower_slice(cx, t, house);
    t->done_day = t->to_day;
    t->to_day = t->span = t->day = t->customer = 0;
    return OK;
}

/* The limit of the share was just counted: the copy of the settings may be a second old. */
static enum err house_now(struct cx *cx, const struct settings **out)
{
    struct settings *h = ARENA_NEW(cx->arena, struct settings);
    *h = *settings_current(cx);
    str share;
    TRY(settings_get(cx, "vip_share_minor", &share));
    if (!str_to_int(share, &h->vip_share_minor))
        h->vip_share_minor = 0;
    *out = h;
    return OK;
}

static enum err turn_slice(struct cx *cx, str args, int64_t *position, int64_t *progress,
                           int64_t *total, bool *finished)
{
    (void)args;
    (void)total;
    const struct settings *house;
    struct turn_row t = {0};
    enum err e = db_one(cx, &q_turn_get, &turn_row_shape, &t, NO_ARGS);
    if (e != OK && e != ERR_NOT_FOUND)
        return e;
    if (e == ERR_NOT_FOUND) { /* an empty house stays as it was made: it may still be filled */
        struct list one;
        TRY(db_all(cx, &q_recount_roots, &number_row_shape, &one, ARGS(V(0), V(1))));
        *finished = one.n == 0;
        if (*finished)
            return OK;
    }
    int64_t begun = clock_mono_ns();
    do {
        TRY(house_now(cx, &house));
        TRY(turn_step(cx, &t, house, finished));
        *position += 1;
        *progress += 1;
        if (!*finished)
            TRY(turn_put(cx, &t));
    } while (!*finished && clock_mono_ns() - begun < HOLD_NS);
    return OK;
}

static enum err due_slice(struct cx *cx, str args, int64_t *position, int64_t *progress,
                          int64_t *total, bool *finished)
{
    (void)args;
    (void)total;
    struct turn_row turn = {0};
    enum err e = db_one(cx, &q_turn_get, &turn_row_shape, &turn, NO_ARGS);
    if (e != OK && e != ERR_NOT_FOUND)
        return e;
    *finished = turn.rebuild_after >= 0; /* counting anew judges everybody, without a word */
    if (*finished)
        return OK;
    const struct settings *house = settings_current(cx);
    int64_t begun = clock_mono_ns();
    do {
        struct list rows;
        TRY(db_all(cx, &q_due_standings, &standing_row_shape, &rows,
                   ARGS(V(cx->now_ms), V((int64_t)SLICE))));
        const struct standing *was = rows.items;
        for (size_t i = 0; i < rows.n; i++) {
            struct standing s = was[i];
            standing_judge(&s, house, cx->now_ms);
            TRY(put_changed(cx, &was[i], &s));
        }
        *position += 1;
        *progress += (int64_t)rows.n;
        *finished = rows.n < SLICE;
    } while (!*finished && clock_mono_ns() - begun < HOLD_NS);
    return OK;
}

const struct job_kind standing_turn_job = {
    .name = "standing_turn", .slice = turn_slice, .every_ms = 20 * 1000};
const struct job_kind standing_due_job = {
    .name = "standing_due", .slice = due_slice, .every_ms = 15 * 1000};

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

enum err standing_verify(struct cx *cx, customer_id root, bool *is_right)
{
    struct standing is = {0}, want;
    struct list ids, days, there;
    TRY(db_one(cx, &q_standing_get, &standing_row_shape, &is, ARGS(V(root))));
    TRY(count_anew(cx, root, &want, &ids, &days));
    want.activity_at = is.activity_at;
    if (is.activity_due_at.ms && is.activity_due_at.ms < want.activity_due_at.ms)
        want.activity_due_at = is.activity_due_at; /* looked at earlier than need be */
    still_to_come(cx, &is, &want);
    struct args a = standing_args(cx->arena, &is), b = standing_args(cx->arena, &want);
    *is_right = true;
    for (size_t i = 0; i < STANDING_COLUMNS; i++)
        *is_right = *is_right &&
                    (a.v[i].kind == VAL_TEXT ? str_eq(a.v[i].s, b.v[i].s) : a.v[i].i == b.v[i].i);
    const struct settings *house = settings_current(cx);
    int32_t today = when_day((when){cx->now_ms}, house->time_zone);
    TRY(db_all(
        cx, &q_recount_days_of, &customer_day_shape, &there,
        ARGS(val_ints(ids.items, ids.n), V((int64_t)today - standing_window_days[WINDOW_365D]))));
    if (days.n)
        qsort(days.items, days.n, sizeof(struct root_day), by_customer_day);
    days.n = without_empty(days.items, days.n);
    there.n = without_empty(there.items, there.n);
    *is_right = *is_right && days.n == there.n;
    const struct root_day *x = days.items, *y = there.items;
    for (size_t i = 0; *is_right && i < days.n; i++)
        *is_right = by_customer_day(&x[i], &y[i]) == 0 &&
                    memcmp(&x[i].d.sums, &y[i].d.sums, sizeof x[i].d.sums) == 0;
    return OK;
}

enum err standing_true_for(struct cx *cx, int64_t *now_ms, bool *is_settled)
{
    struct turn_row t = {0};
    const struct settings *house = settings_current(cx);
    enum err e = db_one(cx, &q_turn_get, &turn_row_shape, &t, NO_ARGS);
    if (e != OK && e != ERR_NOT_FOUND)
        return e;
    int32_t today = when_day((when){cx->now_ms}, house->time_zone);
    *is_settled = e == OK && t.rebuild_after < 0 && t.to_day == 0 && t.done_day <= today &&
                  str_eq(t.rules, rules_of(cx, house)) &&
                  str_eq(t.vip_rules, vip_rules_of(cx, house));
    *now_ms = *is_settled && t.done_day < today
                  ? when_of_day((int32_t)t.done_day + 1, house->time_zone).ms - 1
                  : cx->now_ms;
    return OK;
}

enum err standing_check(struct cx *cx, int64_t *after, size_t n, struct list *wrong)
{
    struct list roots;
    TRY(db_all(cx, &q_recount_roots, &number_row_shape, &roots, ARGS(V(*after), V((int64_t)n))));
    const struct number_row *r = roots.items;
    int64_t *out = ARENA_ARRAY(cx->arena, roots.n + 1, int64_t);
    *wrong = (struct list){out, 0};
    for (size_t i = 0; i < roots.n; i++) {
        bool is_right = false;
        TRY(standing_verify(cx, (customer_id){r[i].n}, &is_right));
        if (!is_right)
            out[wrong->n++] = r[i].n;
    }
    *after = roots.n < n ? 0 : r[roots.n - 1].n;
    return OK;
}
