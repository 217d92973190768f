/* rooms/order/turn.c - keeps the standing true while days go by: the turn of the day, activities
 * that are due, the share of the best; recount.c counts it anew from the rows.
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
static const struct field root_day_fields[] = {
    FIELD_AS(struct root_day, id, "root_id"),
    DAY_FIELDS(struct root_day),
};
static const struct shape root_day_shape = SHAPE("root_day_row", struct root_day, root_day_fields);
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

/* ---- all of them counted anew ----------------------------------------------------------------
 */

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

/* ---- for checks --------------------------------------------------------------------------------
 */

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
