/* rooms/customer/standing.c - keeps the standing of records: sums, windows, activity, VIP. */
#include "rooms/customer/customer.h"
#include "messages.h"
#include "queries.h"

enum { DAY_MS = 86400000 };
const int32_t standing_window_days[WINDOWS] = {7, 30, 90, 180, 365};
const char *const activity_codes[ACTIVITIES] = {"new", "active", "cooling", "idle", "lost"};
const char *const vip_by_codes[4] = {"", "hand", "amount", "share"};

/* clang-format off */
#define WINDOW_FIELD(w, member, column) FIELD_AS(struct standing, window[w].member, column)
#define STANDING_FIELDS \
    FIELD_AS(struct standing, id, "customer_id"), \
    FIELD_ENUM(struct standing, kind, customer_kind_codes), \
    FIELD_ENUM(struct standing, activity, activity_codes), \
    FIELD(struct standing, is_vip), \
    FIELD_ENUM(struct standing, vip_by, vip_by_codes), \
    FIELD_AS(struct standing, activity_due_at, "activity_due_ms"), \
    FIELD_AS(struct standing, activity_at, "activity_ms"), \
    FIELD_AS(struct standing, first_at, "first_ms"), \
    FIELD_AS(struct standing, last_contact_at, "last_contact_ms"), \
    FIELD_AS(struct standing, last_order_at, "last_order_ms"), \
    FIELD_AS(struct standing, all.contacts, "contacts"), \
    FIELD_AS(struct standing, all.orders, "orders"), \
    FIELD_AS(struct standing, all.discounted, "discounted"), \
    FIELD_AS(struct standing, all.spent, "spent_minor"), \
    FIELD_AS(struct standing, all.returned, "returned_minor"), \
    FIELD_AS(struct standing, all.discount, "discount_minor"), \
    WINDOW_FIELD(WINDOW_365D, orders, "orders_365d"), \
    WINDOW_FIELD(WINDOW_365D, spent, "spent_365d_minor"), \
    WINDOW_FIELD(WINDOW_180D, orders, "orders_180d"), \
    WINDOW_FIELD(WINDOW_180D, spent, "spent_180d_minor"), \
    WINDOW_FIELD(WINDOW_90D, orders, "orders_90d"), \
    WINDOW_FIELD(WINDOW_90D, spent, "spent_90d_minor"), \
    WINDOW_FIELD(WINDOW_30D, orders, "orders_30d"), \
    WINDOW_FIELD(WINDOW_30D, spent, "spent_30d_minor"), \
    WINDOW_FIELD(WINDOW_7D, orders, "orders_7d"), \
    WINDOW_FIELD(WINDOW_7D, spent, "spent_7d_minor"), \
    WINDOW_FIELD(WINDOW_7D, contacts, "contacts_7d"), \
    WINDOW_FIELD(WINDOW_30D, contacts, "contacts_30d"), \
    WINDOW_FIELD(WINDOW_90D, contacts, "contacts_90d"), \
    WINDOW_FIELD(WINDOW_180D, contacts, "contacts_180d"), \
    WINDOW_FIELD(WINDOW_365D, contacts, "contacts_365d"), \
    WINDOW_FIELD(WINDOW_7D, returned, "returned_7d_minor"), \
    WINDOW_FIELD(WINDOW_30D, returned, "returned_30d_minor"), \
    WINDOW_FIELD(WINDOW_90D, returned, "returned_90d_minor"), \
    WINDOW_FIELD(WINDOW_180D, returned, "returned_180d_minor"), \
    WINDOW_FIELD(WINDOW_365D, returned, "returned_365d_minor"), \
    WINDOW_FIELD(WINDOW_7D, discount, "discount_7d_minor"), \
    WINDOW_FIELD(WINDOW_30D, discount, "discount_30d_minor"), \
    WINDOW_FIELD(WINDOW_90D, discount, "discount_90d_minor"), \
    WINDOW_FIELD(WINDOW_180D, discount, "discount_180d_minor"), \
    WINDOW_FIELD(WINDOW_365D, discount, "discount_365d_minor"), \
    WINDOW_FIELD(WINDOW_7D, discounted, "discounted_7d"), \
    WINDOW_FIELD(WINDOW_30D, discounted, "discounted_30d"), \
    WINDOW_FIELD(WINDOW_90D, discounted, "discounted_90d"), \
    WINDOW_FIELD(WINDOW_180D, discounted, "discounted_180d"), \
    WINDOW_FIELD(WINDOW_365D, discounted, "discounted_365d")
static const struct field standing_row_fields[] = {
    STANDING_FIELDS,
};
const struct shape standing_row_shape = SHAPE("standing_row", struct standing, standing_row_fields);
static const struct field standing_via_fields[] = {
    FIELD_AS(struct standing, via, "id"),
    STANDING_FIELDS,
};
static const struct shape standing_via_shape = SHAPE("standing_via", struct standing, standing_via_fields);
/* clang-format on */
_Static_assert(COUNT(standing_row_fields) == STANDING_COLUMNS, "a column for each field");

/* The row as its field table says it: the table is the order of the columns. */
struct args standing_args(struct arena *a, const struct standing *s)
{
    struct val *v = ARENA_ARRAY(a, STANDING_COLUMNS, struct val);
    size_t n = 0;
    v[n++] = V(s->id);
    v[n++] = V(customer_kind_codes[s->kind]);
    v[n++] = V(activity_codes[s->activity]);
    v[n++] = V(s->is_vip);
    v[n++] = V(vip_by_codes[s->vip_by]);
    for (; n < STANDING_COLUMNS; n++) /* times and sums: all are 64-bit numbers */
        v[n] = V(*(const int64_t *)((const char *)s + standing_row_fields[n].offset));
    return (struct args){v, n};
}

/* ---- counting --------------------------------------------------------------------------------
 */

void standing_sums_add(struct standing_sums *to, const struct standing_sums *add)
{
    to->contacts += add->contacts;
    to->orders += add->orders;
    to->discounted += add->discounted;
    to->spent += add->spent;
    to->returned += add->returned;
    to->discount += add->discount;
}

void standing_count(struct standing *s, int32_t today, int32_t day, const struct standing_sums *add)
{
    standing_sums_add(&s->all, add);
    for (size_t w = 0; w < WINDOWS; w++)
        if (day > today - standing_window_days[w])
            standing_sums_add(&s->window[w], add);
}

/* New for a while after the first contact; then by the latest sign of life, an order or a contact. */
void standing_judge(struct standing *s, const struct settings *house, int64_t now_ms)
{
    int64_t latest =
        s->last_contact_at.ms > s->last_order_at.ms ? s->last_contact_at.ms : s->last_order_at.ms;
    if (latest < s->first_at.ms)
        latest = s->first_at.ms;
    int64_t until = s->first_at.ms + house->activity_days[ACTIVITY_NEW] * DAY_MS;
    int activity = ACTIVITY_NEW;
    while (activity < ACTIVITY_LOST && until <= now_ms) {
        activity++;
        until = latest + (activity < ACTIVITY_LOST ? house->activity_days[activity] * DAY_MS : 0);
    }
    if (activity != s->activity || s->activity_at.ms == 0)
        s->activity_at.ms = now_ms;
    s->activity = activity;
    s->activity_due_at.ms = activity == ACTIVITY_LOST ? 0 : until;

    int64_t value = s->window[WINDOW_365D].spent;
    if (s->vip_by != VIP_BY_HAND)
        s->vip_by =
            house->vip_minor > 0 && value >= house->vip_minor ? VIP_BY_AMOUNT
            : house->vip_share > 0 && house->vip_share_minor > 0 && value >= house->vip_share_minor
                ? VIP_BY_SHARE
                : VIP_NOT;
    s->is_vip = s->vip_by != VIP_NOT;
}

bool standing_vip_why(const struct standing *s, const struct settings *house,
                      struct standing_vip *out)
{
    *out = (struct standing_vip){.by = s->vip_by};
    if (s->vip_by != VIP_BY_AMOUNT && s->vip_by != VIP_BY_SHARE)
        return false;
    bool is_share = s->vip_by == VIP_BY_SHARE;
    out->spent = (money){s->window[WINDOW_365D].spent, house->base_currency};
    out->limit =
        (money){is_share ? house->vip_share_minor : house->vip_minor, house->base_currency};
    if (is_share)
        out->share = SOME_INT(house->vip_share);
    return true;
}

static str amount_of(struct arena *a, money m)
{
    return arena_printf(a, SFMT " %s", SARG(money_text(a, m)), m.currency.code);
}

void standing_vip_mark(struct cx *cx, const struct standing *s, struct list *marks)
{
    struct standing_vip why;
    const struct mark *there = marks->items;
    if (!standing_vip_why(s, settings_current(cx), &why))
        return;
    for (size_t i = 0; i < marks->n; i++)
        if (there[i].mark == MARK_VIP)
            return;
    struct msg_arg args[] = {
        MARG("spent", amount_of(cx->arena, why.spent)),
        MARG("limit", amount_of(cx->arena, why.limit)),
        MARG("share", arena_printf(cx->arena, "%g", (double)why.share.v / 100))};
    struct mark *all = ARENA_ARRAY(cx->arena, marks->n + 1, struct mark);
    if (marks->n)
        memcpy(all, marks->items, marks->n * sizeof *all);
    all[marks->n] = (struct mark){
        .mark = MARK_VIP,
        .reason = msg_text(cx->arena, cx->lang, why.share.has ? M_VIP_BY_SHARE : M_VIP_BY_AMOUNT,
                           args, COUNT(args))};
    *marks = (struct list){all, marks->n + 1};
}

/* ---- writing ---------------------------------------------------------------------------------
 */

enum err standing_put(struct cx *cx, const struct standing *s)
{
    return db_run(cx, &q_standing_put, standing_args(cx->arena, s));
}

enum err standing_day_add(struct cx *cx, customer_id via, const struct standing_day *d)
{
    const struct standing_sums *s = &d->sums;
    return db_run(cx, &q_standing_day_add,
                  ARGS(V(via), V(d->day), V(s->contacts), V(s->orders), V(s->discounted),
                       V(s->spent), V(s->returned), V(s->discount)));
}

bool standing_is_nothing(const struct standing_sums *s)
{
    return !(s->contacts || s->orders || s->discounted || s->spent || s->returned || s->discount);
}

/* Facts of one id, into its row and its days. */
static enum err facts_add(struct cx *cx, const struct settings *house, struct standing *s,
                          const struct standing_change *c)
{
    int32_t today = when_day((when){cx->now_ms}, house->time_zone);
    for (size_t i = 0; i < c->n; i++) {
        const struct standing_fact *f = &c->facts[i];
        int32_t day = when_day(f->at, house->time_zone);
        standing_count(s, today, day, &f->add);
        if (f->is_seen && f->at.ms > s->last_contact_at.ms)
            s->last_contact_at = f->at;
        if (f->is_seen && f->at.ms < s->first_at.ms)
            s->first_at = f->at;
        if (f->is_order && f->at.ms > s->last_order_at.ms)
            s->last_order_at = f->at;
        if (f->last_order_ms.has)
            s->last_order_at.ms = f->last_order_ms.v;
        if (!standing_is_nothing(&f->add) && day > today - standing_window_days[WINDOW_365D])
            TRY(standing_day_add(cx, c->via, &(struct standing_day){day, f->add}));
    }
    return OK;
}

/* ---- writing what moved ----------------------------------------------------------------------
 *
 * A row lies in many indexes, and a column that is named is written in each of its own, moved or
 * not: what moves usually has statements that name little else. Columns by their place in the row.
 */

#define BIT(i) (1ULL << (i))
#define BITS(from, to) ((1ULL << ((to) + 1)) - (1ULL << (from)))
enum {
    COL_ACTIVITY = 2,
    COL_DUE = 5,
    COL_ACTIVITY_AT = 6,
    COL_FIRST = 7,
    COL_LAST_CONTACT = 8,
    COL_CONTACTS = 10,
    COL_WINDOWS = 16,
    COL_VALUE = 17,
    COL_CONTACT_WINDOWS = 26
};
#define COLS_CONTACTS                     \
    (BIT(COL_FIRST) | BIT(COL_CONTACTS) | \
     BITS(COL_CONTACT_WINDOWS, COL_CONTACT_WINDOWS + WINDOWS - 1))
#define COLS_WINDOWS BITS(COL_WINDOWS, STANDING_COLUMNS - 1)
static const struct narrow {
    const struct query *q;
    uint64_t columns;
} narrow[] = {
    {&q_standing_due, BIT(COL_DUE)},
    {&q_standing_contacts, COLS_CONTACTS},
    {&q_standing_seen, COLS_CONTACTS | BIT(COL_LAST_CONTACT)},
    {&q_standing_woken, COLS_CONTACTS | BIT(COL_LAST_CONTACT) | BIT(COL_ACTIVITY) | BIT(COL_DUE) |
                            BIT(COL_ACTIVITY_AT)},
    {&q_standing_windows, COLS_WINDOWS & ~BIT(COL_VALUE)},
    {&q_standing_windows_value, COLS_WINDOWS},
    {&q_standing_bought, BITS(COL_FIRST, STANDING_COLUMNS - 1)},
};

static uint64_t moved_columns(const struct standing *was, const struct standing *is)
{
    uint64_t moved = 0;
    for (size_t i = 0; i < STANDING_COLUMNS; i++) {
        const struct field *f = &standing_row_fields[i];
        if (memcmp((const char *)was + f->offset, (const char *)is + f->offset, f->size) != 0)
            moved |= BIT(i);
    }
    return moved;
}

enum err standing_move(struct cx *cx, const struct standing *was, const struct standing *is)
{
    uint64_t moved = moved_columns(was, is);
    if (moved == 0)
        return OK;
    struct args all = standing_args(cx->arena, is);
    for (size_t i = 0; i < COUNT(narrow); i++) {
        if (moved & ~narrow[i].columns)
            continue;
        struct val v[STANDING_COLUMNS];
        size_t n = 0;
        for (size_t k = 0; k < STANDING_COLUMNS; k++)
            if (narrow[i].columns & BIT(k))
                v[n++] = all.v[k];
        v[n++] = V(is->id);
        return db_run(cx, narrow[i].q, (struct args){v, n});
    }
    return db_run(cx, &q_standing_put, all);
}

/* Written, and told when the activity moved. One that only lasts longer stays in its place in the
 * due queue, which looks again when that time comes: an index entry less to move. */
static enum err settle(struct cx *cx, const struct settings *house, const struct standing *was,
                       struct standing *s, bool is_new)
{
    when due = was->activity_due_at;
    standing_judge(s, house, cx->now_ms);
    if (s->activity == was->activity && due.ms > cx->now_ms && due.ms < s->activity_due_at.ms)
        s->activity_due_at = due;
    TRY(standing_move(cx, was, s));
    return s->activity == was->activity || is_new
               ? OK
               : event_add(cx, EVENT_CUSTOMER_CHANGED, s->id.v, 0, S("activity"));
}

/* Rows come in the order of `via`; NULL: not among them. */
static struct standing *row_by(const struct list *rows, int64_t via)
{
    struct standing *s = rows->items;
    size_t from = 0, n = rows->n;
    while (n) {
        size_t half = n / 2;
        if (s[from + half].via.v < via) {
            from += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    return from < rows->n && s[from].via.v == via ? &s[from] : NULL;
}

/* One row counts for all ids of a record: its root's, or the first. */
static struct standing *row_of(const struct list *rows, customer_id via)
{
    struct standing *s = row_by(rows, via.v);
    if (!s || s->id.v == via.v)
        return s;
    struct standing *root = row_by(rows, s->id.v), *all = rows->items;
    for (size_t i = 0; !root; i++)
        if (all[i].id.v == s->id.v)
            root = &all[i];
    return root;
}

enum err standing_add_many(struct cx *cx, const struct standing_change *c, size_t n)
{
    if (n == 0)
        return OK;
    const struct settings *house = settings_current(cx);
    if (n == 1) {
        struct standing s = {0};
        TRY(db_one(cx, &q_standing_of, &standing_row_shape, &s, ARGS(V(c->via))));
        const struct standing was = s;
        TRY(facts_add(cx, house, &s, c));
        return settle(cx, house, &was, &s, c->is_new);
    }
    int64_t *ids = ARENA_ARRAY(cx->arena, n + 1, int64_t);
    for (size_t i = 0; i < n; i++)
        ids[i] = c[i].via.v;
    struct list rows;
    TRY(db_all(cx, &q_standings_of, &standing_via_shape, &rows, ARGS(val_ints(ids, n))));
    struct standing *all = rows.items, *was = ARENA_ARRAY(cx->arena, rows.n + 1, struct standing);
    memcpy(was, all, rows.n * sizeof *all);
    enum { UNTOUCHED, KNOWN, NEW };
    uint8_t *touched = ARENA_ARRAY(cx->arena, rows.n + 1, uint8_t);
    for (size_t i = 0; i < n; i++) {
        struct standing *of = row_of(&rows, c[i].via);
        if (!of)
            return fault(cx, ERR_STALE, M_RECORD_MOVED);
        TRY(facts_add(cx, house, of, &c[i]));
        size_t at = (size_t)(of - all);
        touched[at] = c[i].is_new || touched[at] == NEW ? NEW : KNOWN;
    }
    for (size_t i = 0; i < rows.n; i++)
        if (touched[i] != UNTOUCHED)
            TRY(settle(cx, house, &was[i], &all[i], touched[i] == NEW));
    return OK;
}

enum err standing_add(struct cx *cx, customer_id via, const struct standing_fact *f, bool is_new)
{
    const struct standing_change c = {via, f, 1, is_new};
    return standing_add_many(cx, &c, 1);
}

enum err standing_begin(struct cx *cx, customer_id id, int kind,
                        const struct standing_change *first)
{
    struct standing s = {.id = id, .kind = kind, .first_at = {cx->now_ms}};
    if (first)
        TRY(facts_add(cx, settings_current(cx), &s, first));
    standing_judge(&s, settings_current(cx), cx->now_ms);
    return standing_put(cx, &s);
}

enum err standing_kind_set(struct cx *cx, customer_id root, int kind)
{
    return db_run(cx, &q_standing_kind, ARGS(V(customer_kind_codes[kind]), V(root)));
}

enum err standing_hand_set(struct cx *cx, customer_id root, bool is_vip)
{
    struct standing s = {0};
    TRY(db_one(cx, &q_standing_get, &standing_row_shape, &s, ARGS(V(root))));
    s.vip_by = is_vip ? VIP_BY_HAND : VIP_NOT;
    standing_judge(&s, settings_current(cx), cx->now_ms);
    return standing_put(cx, &s);
}
