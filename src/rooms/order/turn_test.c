/* Standing while days go by: what is kept up by each change, by the turn of the day and by the due
 * queue is what a recount from the rows gives, and what a plain model of the same history gives. */
#include "db/db_test.h"
#include "queries.h"
#include "rooms/order/order.h"
#include "rooms/settings/settings.h"

enum { DAY_MS = 86400000, HOUR_MS = 3600000, PEOPLE = 12, ORDERS_MAX = 2000, PARTS_MAX = 4000 };
#define ZONE "America/New_York"

/* ---- the program ------------------------------------------------------------------------------- */

struct slice {
    const struct job_kind *kind;
    bool is_finished;
};
static enum err slice_apply(struct cx *cx, void *state)
{
    struct slice *s = state;
    int64_t position = 0, progress = 0, total = 0;
    s->is_finished = false;
    return s->kind->slice(cx, (str){0}, &position, &progress, &total, &s->is_finished);
}

/* Until there is nothing to do; how many slices it took. */
static int run(struct test_world *w, const struct job_kind *kind)
{
    for (int n = 1; n < 100000; n++) {
        struct slice s = {.kind = kind};
        enum err e = db_change(w->store, &w->cx, LANE_BULK, slice_apply, &s);
        if (e != OK)
            fail_msg("%s: %s", kind->name, err_code(e));
        if (s.is_finished)
            return n;
    }
    fail_msg("%s never ends", kind->name);
    return 0;
}

static void well(struct test_world *w, enum err e)
{
    if (e != OK)
        fail_msg("%s " SFMT, err_code(e), SARG(fault_text(w->cx.arena, LANG_EN, &w->cx.why)));
}

struct one_setting {
    const char *name;
    str value;
};
static enum err set_apply(struct cx *cx, void *state)
{
    const struct one_setting *s = state;
    return settings_set(cx, s->name, s->value);
}
static void set(struct test_world *w, const char *name, const char *value)
{
    struct one_setting s = {name, str_of(value)};
    well(w, db_change(w->store, &w->cx, LANE_INTERACTIVE, set_apply, &s));
}

static enum err order_apply(struct cx *cx, void *in)
{
    order_id id;
    bool is_repeat;
    return order_take(cx, in, &id, &is_repeat);
}

struct call {
    const struct route *r;
    void *in, *out;
};
static enum err call_apply(struct cx *cx, void *state)
{
    struct call *c = state;
    return c->r->apply(cx, c->in, c->out);
}

static enum err change(struct test_world *w, const char *path, int64_t id, str json,
                       struct order *out)
{
    for (size_t i = 0; i < order_room.n; i++) {
        const struct route *r = &order_room.routes[i];
        if (!r->plan || strcmp(r->path, path) != 0)
            continue;
        void *in = arena_alloc(w->cx.arena, 1, r->in->size);
        well(w, json_read(&w->cx, r->in, json, in, &w->cx.sent));
        memcpy(in, &id, sizeof id);
        struct call c = {r, in, out};
        memset(out, 0, sizeof *out);
        enum err e = r->plan(&w->cx, in, out);
        return e == OK ? db_change(w->store, &w->cx, LANE_INTERACTIVE, call_apply, &c) : e;
    }
    fail_msg("no route %s", path);
    return ERR_INTERNAL;
}

static struct standing standing_of(struct test_world *w, customer_id c)
{
    struct standing s = {0};
    assert_int_equal(db_one(&w->cx, &q_standing_of, &standing_row_shape, &s, ARGS(V(c))), OK);
    read_end(&w->cx);
    return s;
}

/* Numbers the orders; who: an e-mail address of his own. */
static customer_id buy(struct test_world *w, int who, int64_t at_ms, int64_t price,
                       int64_t discount, order_id *id)
{
    static int number;
    struct intake_identity by = {.type = IDENTITY_EMAIL,
                                 .value = arena_printf(w->cx.arena, "p%d@example.com", who)};
    struct order_line_new line = {.sku = S("A"), .quantity = 2, .price = price};
    struct order_new in = {.number = arena_printf(w->cx.arena, "%d", ++number),
                           .identities = {&by, 1},
                           .currency = S("EUR"),
                           .at = {at_ms},
                           .discount = discount,
                           .trust = TRUST_PRESENTED,
                           .lines = {&line, 1}};
    well(w, order_plan(&w->cx, &in));
    well(w, db_change(w->store, &w->cx, LANE_INTERACTIVE, order_apply, &in));
    struct order o = {0};
    order_id made = {0};
    bool is_repeat;
    well(w, order_plan(&w->cx, &in));
    well(w, order_take(&w->cx, &in, &made, &is_repeat));
    assert_true(is_repeat);
    well(w, order_get(&w->cx, made, &o));
    read_end(&w->cx);
    if (id)
        *id = made;
    return o.customer.id;
}

static enum err intake_apply(struct cx *cx, void *state)
{
    struct intake_result r;
    return intake_take(cx, state, &r);
}

static void contact(struct test_world *w, customer_id c, int channel, int64_t at_ms)
{
    struct intake in = {
        .channel = channel, .at = {at_ms}, .customer = c, .trust = TRUST_PROVEN, .text = S("x")};
    well(w, intake_plan(&w->cx, &in));
    well(w, db_change(w->store, &w->cx, LANE_INTERACTIVE, intake_apply, &in));
    read_end(&w->cx);
}

/* ---- a plain model ------------------------------------------------------------------------------ */

struct model_order {
    int who;
    int64_t at, total, discount, returned, lost;
    bool is_cancelled;
    order_id id;
};
struct model_part {
    int who;
    int64_t at, amount; /* amount 0: a contact */
    bool is_contact;
};
struct model {
    customer_id ids[PEOPLE];
    int64_t first[PEOPLE], seen[PEOPLE];
    struct model_order orders[ORDERS_MAX];
    struct model_part parts[PARTS_MAX];
    size_t n_orders, n_parts;
    uint64_t chance;
};

static uint64_t roll(struct model *m, uint64_t below)
{
    m->chance ^= m->chance << 13;
    m->chance ^= m->chance >> 7;
    m->chance ^= m->chance << 17;
    return m->chance % below;
}

static void saw(struct model *m, int who, int64_t at)
{
    if (at > m->seen[who])
        m->seen[who] = at;
    if (at < m->first[who])
        m->first[who] = at;
}

static void add(struct standing *s, int32_t today, int64_t at, struct standing_sums sums)
{
    int32_t day = when_day((when){at}, S(ZONE));
    standing_sums_add(&s->all, &sums);
    for (int i = 0; i < WINDOWS; i++)
        if (today - day < standing_window_days[i])
            standing_sums_add(&s->window[i], &sums);
}

static struct standing model_of(const struct model *m, int who, int64_t now_ms)
{
    struct standing s = {.id = m->ids[who]};
    int32_t today = when_day((when){now_ms}, S(ZONE));
    for (size_t i = 0; i < m->n_orders; i++) {
        const struct model_order *o = &m->orders[i];
        if (o->who != who || o->is_cancelled)
            continue;
        add(&s, today, o->at,
            (struct standing_sums){.orders = 1,
                                   .discounted = o->discount > 0,
                                   .spent = o->total - o->returned - o->lost,
                                   .discount = o->discount});
        if (o->at > s.last_order_at.ms)
            s.last_order_at.ms = o->at;
    }
    for (size_t i = 0; i < m->n_parts; i++)
        if (m->parts[i].who == who)
            add(&s, today, m->parts[i].at,
                (struct standing_sums){.contacts = m->parts[i].is_contact,
                                       .returned = m->parts[i].amount});
    s.first_at.ms = m->first[who];
    s.last_contact_at.ms = m->seen[who];
    int64_t latest =
        s.last_order_at.ms > s.last_contact_at.ms ? s.last_order_at.ms : s.last_contact_at.ms;
    s.activity = now_ms < s.first_at.ms + 30LL * DAY_MS ? ACTIVITY_NEW
                 : now_ms < latest + 30LL * DAY_MS      ? ACTIVITY_ACTIVE
                 : now_ms < latest + 90LL * DAY_MS      ? ACTIVITY_COOLING
                 : now_ms < latest + 365LL * DAY_MS     ? ACTIVITY_IDLE
                                                        : ACTIVITY_LOST;
    return s;
}

static void compare(struct test_world *w, const struct model *m, int step)
{
    for (int who = 0; who < PEOPLE; who++) {
        if (!m->ids[who].v)
            continue;
        struct standing is = standing_of(w, m->ids[who]), want = model_of(m, who, w->cx.now_ms);
        bool is_right = false;
        well(w, standing_verify(&w->cx, m->ids[who], &is_right));
        read_end(&w->cx);
        if (memcmp(&is.all, &want.all, sizeof is.all) != 0 ||
            memcmp(is.window, want.window, sizeof is.window) != 0)
            fail_msg(
                "step %d, person %d: 30 days: contacts %lld (model %lld), orders %lld (%lld), spent %lld (%lld), "
                "returned %lld (%lld), discount %lld (%lld)",
                step, who, (long long)is.window[1].contacts, (long long)want.window[1].contacts,
                (long long)is.window[1].orders, (long long)want.window[1].orders,
                (long long)is.window[1].spent, (long long)want.window[1].spent,
                (long long)is.window[1].returned, (long long)want.window[1].returned,
                (long long)is.window[1].discount, (long long)want.window[1].discount);
        assert_int_equal(is.first_at.ms, want.first_at.ms);
        assert_int_equal(is.last_contact_at.ms, want.last_contact_at.ms);
        assert_int_equal(is.last_order_at.ms, want.last_order_at.ms);
        assert_int_equal(is.activity, want.activity);
        if (!is_right)
            fail_msg("step %d, person %d: a recount from the rows differs", step, who);
    }
    int64_t after = 0;
    struct list wrong;
    well(w, standing_check(&w->cx, &after, 100, &wrong));
    read_end(&w->cx);
    assert_int_equal(wrong.n, 0);
}

static void one_order(struct test_world *w, struct model *m)
{
    int64_t back = roll(m, 4) ? (int64_t)roll(m, 3 * DAY_MS) : (int64_t)roll(m, 500LL * DAY_MS);
    struct model_order *o = &m->orders[m->n_orders++];
    *o = (struct model_order){.who = (int)roll(m, PEOPLE), .at = w->cx.now_ms - back};
    int64_t price = 100 + (int64_t)roll(m, 9000);
    o->discount = roll(m, 3) ? 0 : (int64_t)roll(m, (uint64_t)price);
    o->total = 2 * price - o->discount;
    customer_id c = buy(w, o->who, o->at, price, o->discount, &o->id);
    if (!m->ids[o->who].v) {
        m->ids[o->who] = c;
        m->first[o->who] = w->cx.now_ms;
    }
    saw(m, o->who, o->at);
}

static void one_change(struct test_world *w, struct model *m)
{
    struct model_order *o = &m->orders[roll(m, m->n_orders)];
    struct arena *a = w->cx.arena;
    struct order out;
    int64_t left = o->total - o->returned - o->lost,
            some = left > 0 ? (int64_t)roll(m, (uint64_t)left + 1) : 0;
    if (o->is_cancelled)
        return;
    switch (roll(m, 4)) {
    case 0:
        well(w, change(w, "/api/v1/orders/{id}", o->id.v, S("{\"status\":\"cancelled\"}"), &out));
        o->is_cancelled = true;
        break;
    case 1:
        well(w, change(w, "/api/v1/orders/{id}/returns", o->id.v,
                       arena_printf(a, "{\"quantity\":1,\"amount\":%lld}", (long long)some), &out));
        o->returned += some;
        m->parts[m->n_parts++] = (struct model_part){o->who, w->cx.now_ms, some, false};
        break;
    case 2:
        well(w,
             change(w, "/api/v1/orders/{id}/facts", o->id.v,
                    arena_printf(a, "{\"kind\":\"charge_back\",\"amount\":%lld}", (long long)some),
                    &out));
        o->lost += some;
        break;
    default:
        well(w, change(w, "/api/v1/orders/{id}/facts", o->id.v, S("{\"kind\":\"paid_at_last\"}"),
                       &out));
        o->lost = 0;
    }
    read_end(&w->cx);
}

static void one_contact(struct test_world *w, struct model *m)
{
    int who = (int)roll(m, PEOPLE);
    if (!m->ids[who].v)
        return;
    int64_t at = w->cx.now_ms - (int64_t)roll(m, 40LL * DAY_MS);
    bool is_contact = roll(m, 5) > 0;
    contact(w, m->ids[who], is_contact ? CHANNEL_CALL : CHANNEL_SURVEY, at);
    if (is_contact)
        m->parts[m->n_parts++] = (struct model_part){who, at, 0, true};
    saw(m, who, at);
}

static void whatever_happens_the_sums_are_those_of_the_rows(void **state)
{
    struct test_world *w = *state;
    static struct model m;
    const char *seed = getenv("KITH_TEST_SEED");
    m = (struct model){.chance = seed ? strtoull(seed, NULL, 10) : 20261122};
    int steps = test_is_postgres() ? 150 : 500;
    set(w, "time_zone", ZONE);
    run(w, &standing_turn_job);

    for (int i = 0; i < steps; i++) {
        uint64_t what = roll(&m, 10);
        if (what < 4 || m.n_orders == 0)
            one_order(w, &m);
        else if (what < 6)
            one_change(w, &m);
        else if (what < 8)
            one_contact(w, &m);
        else
            w->cx.now_ms +=
                roll(&m, 6) ? (int64_t)roll(&m, 30 * HOUR_MS) : (int64_t)roll(&m, 60LL * DAY_MS);
        if (roll(&m, 12) == 0) {
            run(w, &standing_turn_job);
            run(w, &standing_due_job);
            compare(w, &m, i);
        }
        arena_reset(w->cx.arena);
    }
    w->cx.now_ms += 400LL * DAY_MS;
    run(w, &standing_turn_job);
    run(w, &standing_due_job);
    compare(w, &m, steps);
    for (int i = 0; i < PEOPLE; i++)
        assert_int_equal(standing_of(w, m.ids[i]).window[WINDOW_365D].orders, 0);
}

static enum err spoil_apply(struct cx *cx, void *state)
{
    static const char sql[] =
        "UPDATE standing SET spent_30d_minor = spent_30d_minor + 1 WHERE customer_id = :id";
    static const char lite[] =
        "UPDATE standing SET spent_30d_minor = spent_30d_minor + 1 WHERE customer_id = ?1";
    static const char post[] =
        "UPDATE standing SET spent_30d_minor = spent_30d_minor + 1 WHERE customer_id = $1";
    static const char *const params[] = {"id"};
    static const struct query q = {.name = sql,
                                   .sqlite = lite,
                                   .postgres = post,
                                   .params = params,
                                   .n_params = 1,
                                   .writes = true};
    return db_run(cx, &q, ARGS(V(*(const customer_id *)state)));
}

static void a_wrong_sum_is_found_and_counting_anew_mends_it(void **state)
{
    struct test_world *w = *state;
    customer_id bad = buy(w, 1, w->cx.now_ms, 500, 0, NULL);
    buy(w, 2, w->cx.now_ms, 500, 0, NULL);
    run(w, &standing_turn_job);
    int64_t after = 0;
    struct list wrong;
    well(w, standing_check(&w->cx, &after, 100, &wrong));
    assert_int_equal(wrong.n, 0);
    read_end(&w->cx);

    well(w, db_change(w->store, &w->cx, LANE_INTERACTIVE, spoil_apply, &bad));
    well(w, standing_check(&w->cx, &after, 100, &wrong));
    assert_int_equal(wrong.n, 1);
    assert_int_equal(*(int64_t *)wrong.items, bad.v);
    assert_int_equal(after, 0);
    read_end(&w->cx);

    set(w, "time_zone", ZONE); /* other rules: all are counted anew */
    run(w, &standing_turn_job);
    well(w, standing_check(&w->cx, &after, 100, &wrong));
    assert_int_equal(wrong.n, 0);
}

static void the_turn_of_the_day_looks_only_at_those_whose_days_fall_out(void **state)
{
    struct test_world *w = *state;
    customer_id c = buy(w, 1, w->cx.now_ms, 500, 0, NULL);
    for (int i = 2; i < 40; i++)
        buy(w, i, w->cx.now_ms - (int64_t)3 * DAY_MS, 500, 0, NULL);
    run(w, &standing_turn_job);
    int idle = run(w, &standing_turn_job);
    assert_int_equal(idle, 1);

    w->cx.now_ms += (int64_t)6 * DAY_MS;
    run(w, &standing_turn_job);
    assert_int_equal(standing_of(w, c).window[WINDOW_7D].orders, 1);
    w->cx.now_ms += DAY_MS;
    run(w, &standing_turn_job);
    struct standing s = standing_of(w, c);
    assert_int_equal(s.window[WINDOW_7D].orders, 0);
    assert_int_equal(s.window[WINDOW_30D].orders, 1);
    assert_int_equal(s.window[WINDOW_30D].spent, 1000);
}

static int64_t events_of(struct test_world *w, customer_id c, const char *data)
{
    struct list l;
    bool is_gone;
    int64_t n = 0;
    well(w, event_after(&w->cx, 0, 0, 100000, &l, &is_gone));
    const struct event *e = l.items;
    for (size_t i = 0; i < l.n; i++)
        n += e[i].type == EVENT_CUSTOMER_CHANGED && e[i].customer_id == c.v &&
             str_eq(e[i].data, str_of(data));
    read_end(&w->cx);
    return n;
}

static void who_is_not_heard_of_cools_becomes_idle_and_is_lost_on_time(void **state)
{
    struct test_world *w = *state;
    int64_t begun = w->cx.now_ms;
    customer_id c = buy(w, 1, begun, 500, 0, NULL);
    run(w, &standing_turn_job);
    assert_int_equal(standing_of(w, c).activity, ACTIVITY_NEW);
    static const struct {
        int64_t days;
        int activity;
    } then[] = {{29, ACTIVITY_NEW},  {30, ACTIVITY_COOLING}, {89, ACTIVITY_COOLING},
                {90, ACTIVITY_IDLE}, {364, ACTIVITY_IDLE},   {365, ACTIVITY_LOST}};

    for (size_t i = 0; i < COUNT(then); i++) {
        w->cx.now_ms = begun + then[i].days * DAY_MS;
        run(w, &standing_due_job);
        assert_int_equal(standing_of(w, c).activity, then[i].activity);
    }
    assert_int_equal(standing_of(w, c).activity_due_at.ms, 0);
    if (!test_is_postgres())
        assert_int_equal(events_of(w, c, "activity"), 3);

    contact(w, c, CHANNEL_CALL, w->cx.now_ms); /* in the same change */
    struct standing s = standing_of(w, c);
    assert_int_equal(s.activity, ACTIVITY_ACTIVE);
    assert_int_equal(s.activity_at.ms, w->cx.now_ms);
    assert_int_equal(s.activity_due_at.ms, w->cx.now_ms + 30LL * DAY_MS);
    if (!test_is_postgres())
        assert_int_equal(events_of(w, c, "activity"), 4);
}

static enum err hand_apply(struct cx *cx, void *state)
{
    return standing_hand_set(cx, *(const customer_id *)state, true);
}

static void an_amount_makes_a_vip_at_once_and_the_turn_takes_it_away_but_never_what_a_hand_gave(
    void **state)
{
    struct test_world *w = *state;
    set(w, "vip_amount", "300000");
    customer_id poor = buy(w, 2, w->cx.now_ms, 100, 0, NULL);
    run(w, &standing_turn_job);
    customer_id rich = buy(w, 1, w->cx.now_ms, 150000, 0, NULL),
                friend = buy(w, 3, w->cx.now_ms, 150000, 0, NULL);
    well(w, db_change(w->store, &w->cx, LANE_INTERACTIVE, hand_apply, &friend));

    assert_int_equal(standing_of(w, rich).vip_by, VIP_BY_AMOUNT);
    assert_true(standing_of(w, rich).is_vip);
    assert_false(standing_of(w, poor).is_vip);
    assert_int_equal(standing_of(w, friend).vip_by, VIP_BY_HAND);

    w->cx.now_ms += 366LL * DAY_MS;
    run(w, &standing_turn_job);
    assert_false(standing_of(w, rich).is_vip);
    assert_int_equal(standing_of(w, friend).vip_by, VIP_BY_HAND);
    assert_int_equal(standing_of(w, friend).window[WINDOW_365D].spent, 0);
}

static void the_best_two_percent_are_vip_and_follow_the_rule(void **state)
{
    struct test_world *w = *state;
    customer_id c[101];
    for (int i = 1; i <= 100; i++)
        c[i] = buy(w, i, w->cx.now_ms, 100 * i, 0, NULL);
    run(w, &standing_turn_job);
    assert_false(standing_of(w, c[100]).is_vip);

    set(w, "vip_share", "200");
    run(w, &standing_turn_job);
    assert_int_equal(standing_of(w, c[100]).vip_by, VIP_BY_SHARE);
    assert_int_equal(standing_of(w, c[99]).vip_by, VIP_BY_SHARE);
    assert_false(standing_of(w, c[98]).is_vip);

    set(w, "vip_share", "100");
    run(w, &standing_turn_job);
    assert_true(standing_of(w, c[100]).is_vip);
    assert_false(standing_of(w, c[99]).is_vip);

    set(w, "vip_share", "0");
    run(w, &standing_turn_job);
    assert_false(standing_of(w, c[100]).is_vip);
}

static int all(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(whatever_happens_the_sums_are_those_of_the_rows),
        STORE_TEST(a_wrong_sum_is_found_and_counting_anew_mends_it),
        STORE_TEST(the_turn_of_the_day_looks_only_at_those_whose_days_fall_out),
        STORE_TEST(who_is_not_heard_of_cools_becomes_idle_and_is_lost_on_time),
        STORE_TEST(
            an_amount_makes_a_vip_at_once_and_the_turn_takes_it_away_but_never_what_a_hand_gave),
        STORE_TEST(the_best_two_percent_are_vip_and_follow_the_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return test_on_stores(all);
}
