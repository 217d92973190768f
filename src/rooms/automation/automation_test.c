/* rooms/automation/automation_test.c - events are followed once and in order, what is due is sent once, tried again for a day
 * and then given up; secrets outlive a rotation of keys. */
#include "db/db_test.h"
#include "db/keyring.h"
#include "rooms/automation/inside.h"

static const int64_t DAY_MS = 86400000, MINUTE_MS = 60000;

struct in { /* as the routes' inputs begin: struct automation_in of automation.c is larger */
    char bytes[2048];
};
struct out {
    char bytes[2048];
};

static int world(void **state)
{
    test_world_open(state);
    struct test_world *w = *state;
    w->cx.actor = (struct actor){.kind = ACTOR_SYSTEM, .role = ROLE_OWNER};
    return 0;
}
#define HOUSE_TEST(fn) cmocka_unit_test_setup_teardown(fn, world, test_world_close)

/* ---- a small house ---------------------------------------------------------------------------- */

struct person {
    customer_id id;
    const char *city;
};
static enum err person_apply(struct cx *cx, void *state)
{
    struct person *p = state;
    struct customer_new c = {.id = p->id, .name = S("Anna"), .city = str_of(p->city)};
    return customer_add(cx, &c);
}
static customer_id person(struct test_world *w, const char *city)
{
    struct person p = {{id_new(w->cx.now_ms)}, city};
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, person_apply, &p), OK);
    return p.id;
}

/* By the routes, as JSON comes in. */
struct call {
    struct in in;
    struct out out;
    enum err (*apply)(struct cx *, void *, void *);
};
static enum err call_apply(struct cx *cx, void *state)
{
    struct call *c = state;
    return c->apply(cx, &c->in, &c->out);
}
static automation_id make(struct test_world *w, const char *json)
{
    struct call c = {.apply = automation_add_apply};
    automation_id id = {0};
    assert_true(automation_in_shape.size <= sizeof c.in &&
                automation_out_shape.size <= sizeof c.out);
    enum err e = json_read(&w->cx, &automation_in_shape, str_of(json), &c.in, &w->cx.sent);
    assert_int_equal(e, OK);
    e = automation_add_plan(&w->cx, &c.in, NULL);
    if (e != OK)
        fail_msg(SFMT, SARG(fault_text(w->cx.arena, LANG_EN, &w->cx.why)));
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, call_apply, &c), OK);
    memcpy(&id, &c.out, sizeof id); /* its first member */
    return id;
}

struct page {
    struct automation_page *p;
    bool is_skipped;
};
static enum err page_apply(struct cx *cx, void *state)
{
    struct page *p = state;
    return automation_page_write(cx, p->p, p->is_skipped);
}
static size_t page_plan(struct test_world *w, size_t most, struct page *p)
{
    assert_int_equal(automation_page_plan(&w->cx, most, &p->p), OK);
    return automation_page_size(p->p);
}
static bool is_behind(struct test_world *w)
{
    static const struct query q = {
        .name = "behind",
        .sqlite = "SELECT COUNT(*) FROM event e, automation_follow f WHERE e.seq > f.seq",
        .postgres =
            "SELECT COUNT(*) FROM event e, automation_follow f WHERE (e.xid, e.seq) > (f.xid, f.seq)"};
    int64_t n = 0;
    assert_int_equal(db_int(&w->cx, &q, &n, NO_ARGS), OK);
    return n > 0;
}
/* Until all is done. On PostgreSQL an event is heard when nothing on the whole cluster that began before it still runs. */
static void follow(struct test_world *w)
{
    int64_t until = clock_mono_ns() + 60 * 1000000000LL;
    while (is_behind(w)) {
        struct page p = {0};
        assert_true(clock_mono_ns() < until);
        if (page_plan(w, 0, &p))
            assert_int_equal(db_change(w->store, &w->cx, LANE_BULK, page_apply, &p), OK);
    }
}

static int64_t number_of(struct test_world *w, const struct query *q)
{
    int64_t n = -1;
    assert_int_equal(db_int(&w->cx, q, &n, NO_ARGS), OK);
    return n;
}
#define NAME_OF(line) "test " #line
#define NAME(line) NAME_OF(line)
#define number(w, sql)                                               \
    ({                                                               \
        static const struct query q_here = {                         \
            .name = NAME(__LINE__), .sqlite = sql, .postgres = sql}; \
        number_of(w, &q_here);                                       \
    })

/* ---- following ------------------------------------------------------------------------------------ */

static void an_event_is_followed_once_however_many_follow_it(void **state)
{
    struct test_world *w = *state;
    struct page mine = {0}, other = {0};
    (void)make(
        w,
        "{\"name\": \"A\", \"event\": \"customer.created\", \"where\": \"city = leeds\", \"is_on\": true, \"actions\": [{\"kind\": \"tag\", \"tag\": \"x\"}]}");
    (void)person(w, "Leeds");
    (void)person(w, "York");

    int64_t until = clock_mono_ns() + 60 * 1000000000LL;
    while (page_plan(w, 0, &mine) < 2)
        assert_true(clock_mono_ns() < until);
    assert_true(page_plan(w, 0, &other) >= 2);
    assert_int_equal(db_change(w->store, &w->cx, LANE_BULK, page_apply, &mine), OK);
    assert_int_equal(db_change(w->store, &w->cx, LANE_BULK, page_apply, &other), ERR_STALE);
    follow(w);

    assert_int_equal(number(w, "SELECT COUNT(*) FROM automation_run"), 1);
    assert_int_equal(number(w, "SELECT COUNT(*) FROM customer_tag"), 1);
}

static void what_happened_before_it_was_made_or_while_it_was_off_is_not_its_own(void **state)
{
    struct test_world *w = *state;
    (void)person(w, "Leeds");
    w->cx.now_ms += 1000;
    (void)make(
        w,
        "{\"name\": \"A\", \"event\": \"customer.created\", \"is_on\": true, \"actions\": [{\"kind\": \"tag\", \"tag\": \"x\"}]}");
    (void)make(
        w,
        "{\"name\": \"B\", \"event\": \"customer.created\", \"is_on\": false, \"actions\": [{\"kind\": \"tag\", \"tag\": \"y\"}]}");
    follow(w);
    assert_int_equal(number(w, "SELECT COUNT(*) FROM automation_run"), 0);

    (void)person(w, "York");
    follow(w);

    assert_int_equal(number(w, "SELECT COUNT(*) FROM automation_run"), 1);
}

static void a_page_that_cannot_be_written_is_gone_past(void **state)
{
    struct test_world *w = *state;
    struct page p = {0};
    (void)make(
        w,
        "{\"name\": \"A\", \"event\": \"customer.created\", \"is_on\": true, \"actions\": [{\"kind\": \"tag\", \"tag\": \"x\"}]}");
    (void)person(w, "Leeds");

    int64_t until = clock_mono_ns() + 60 * 1000000000LL;
    while (page_plan(w, 1, &p) == 0)
        assert_true(clock_mono_ns() < until);
    p.is_skipped = true;
    assert_int_equal(db_change(w->store, &w->cx, LANE_BULK, page_apply, &p), OK);
    follow(w);
    (void)person(w, "York");
    follow(w);

    assert_int_equal(number(w, "SELECT COUNT(*) FROM automation_run"), 1);
}

static int64_t number_of_customer; /* whom deep_apply is about */
static enum err deep_apply(struct cx *cx, void *state)
{
    const int64_t *depth = state;
    event_depth(cx, *depth);
    return event_add(cx, EVENT_CUSTOMER_CHANGED, number_of_customer, 0, (str){0});
}

static void an_event_bears_the_depth_of_what_caused_it_and_the_sixth_is_not_followed(void **state)
{
    struct test_world *w = *state;
    (void)make(
        w,
        "{\"name\": \"A\", \"event\": \"customer.changed\", \"is_on\": true, \"actions\": [{\"kind\": \"task\", \"text\": \"ring\"}]}");
    number_of_customer = person(w, "Leeds").v;
    int64_t depth = 4;

    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, deep_apply, &depth), OK);
    follow(w); /* does it, which causes one of depth 5 */

    assert_int_equal(number(w, "SELECT COUNT(*) FROM task"), 1);
    assert_int_equal(number(w, "SELECT MAX(depth) FROM event"), 5);
    assert_int_equal(
        number(w, "SELECT COUNT(*) FROM automation_run WHERE outcome = 'loop' AND depth = 5"), 1);
    assert_int_equal(number(w, "SELECT COUNT(*) FROM automation WHERE stopped = 'loop'"), 1);
    (void)person(w, "York"); /* of a change of its own */
    assert_int_equal(
        number(w, "SELECT COUNT(*) FROM event WHERE type = 'customer.created' AND depth <> 0"), 0);
}

static void for_the_same_customer_it_rests_for_its_days(void **state)
{
    struct test_world *w = *state;
    int64_t zero = 0;
    (void)make(
        w,
        "{\"name\": \"A\", \"event\": \"customer.changed\", \"again_days\": 2, \"is_on\": true, \"actions\": [{\"kind\": \"priority\", \"priority\": \"high\"}]}");
    number_of_customer = person(w, "Leeds").v;
    static const int64_t at[] = {
        0, 1, 47 * 60, 49 * 60}; /* minutes; those at the beginning and after 49 hours count */

    int64_t begin = w->cx.now_ms;
    for (size_t i = 0; i < COUNT(at); i++) {
        w->cx.now_ms = begin + at[i] * MINUTE_MS;
        assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, deep_apply, &zero), OK);
        follow(w);
    }

    assert_int_equal(number(w, "SELECT COUNT(*) FROM automation_run WHERE outcome = 'done'"), 2);
}

/* ---- sending ---------------------------------------------------------------------------------------- */

static const char hook[] =
    "{\"name\": \"Out\", \"event\": \"customer.created\", \"is_on\": true, \"actions\": [{\"kind\": \"webhook\", \"url\": \"https://hooks.example.com/x\"}]}";

struct sending {
    struct delivery_due *d;
    size_t n;
    const struct webhook_result *result;
    str reason;
};
static enum err claim_apply(struct cx *cx, void *state)
{
    struct sending *s = state;
    return delivery_claim(cx, s->d, s->n);
}
static enum err done_apply(struct cx *cx, void *state)
{
    struct sending *s = state;
    return delivery_done(cx, s->d, s->result, s->reason);
}
static size_t due(struct test_world *w, struct sending *s)
{
    struct list l = {0};
    assert_int_equal(delivery_next(&w->cx, &l), OK);
    *s = (struct sending){.d = l.items, .n = l.n};
    return l.n;
}
static void change(struct test_world *w, enum err (*apply)(struct cx *, void *), void *state)
{
    assert_int_equal(db_change(w->store, &w->cx, LANE_BULK, apply, state), OK);
}

static void a_message_is_tried_for_a_day_with_growing_pauses_and_then_given_up(void **state)
{
    struct test_world *w = *state;
    struct webhook_result refused = {.end = WEBHOOK_STATUS, .status = 500};
    struct sending s;
    (void)make(w, hook);
    (void)person(w, "Leeds");
    follow(w);
    int64_t begin = w->cx.now_ms, tries = 0;

    while (number(w, "SELECT COUNT(*) FROM webhook_delivery WHERE state = 'waiting'") == 1) {
        if (due(w, &s) == 0) {
            w->cx.now_ms += MINUTE_MS / 2;
            continue;
        }
        assert_int_equal(s.n, 1);
        change(w, claim_apply, &s);
        assert_true(s.d->is_mine);
        tries++;
        s.result = &refused;
        change(w, done_apply, &s);
    }

    assert_in_range(tries, 10, 20);
    assert_in_range(w->cx.now_ms - begin, DAY_MS - 6 * 3600000, DAY_MS);
    assert_int_equal(
        number(
            w,
            "SELECT COUNT(*) FROM webhook_delivery WHERE state = 'dead' AND status = 500 AND reason = 'status'"),
        1);
    assert_int_equal(due(w, &s), 0);
}

static void two_who_send_claim_a_message_once_and_a_claim_that_led_nowhere_ends(void **state)
{
    struct test_world *w = *state;
    struct sending mine, other;
    (void)make(w, hook);
    (void)person(w, "Leeds");
    (void)person(w, "York");
    follow(w);

    assert_int_equal(due(w, &mine), 1); /* one of each automation at a time */
    assert_int_equal(due(w, &other), 1);
    change(w, claim_apply, &mine);
    change(w, claim_apply, &other);
    assert_true(mine.d->is_mine);
    assert_false(other.d->is_mine);
    delivery_id first = mine.d->id;
    assert_int_equal(due(w, &other), 1);
    assert_int_not_equal(other.d->id.v, first.v);
    w->cx.now_ms += 2 * MINUTE_MS;
    assert_int_equal(due(w, &other), 1);
    change(w, claim_apply, &other);
    assert_true(other.d->is_mine);

    struct webhook_result fine = {.end = WEBHOOK_SENT, .status = 204};
    other.result = &fine;
    change(w, done_apply, &other);
    assert_int_equal(number(w, "SELECT COUNT(*) FROM webhook_delivery WHERE state = 'sent'"), 1);
}

static void what_is_sent_holds_ids_only_and_its_signature(void **state)
{
    struct test_world *w = *state;
    struct sending s;
    struct webhook_request r = {0};
    str reason = {0}, secret = {0};
    automation_id a = make(w, hook);
    customer_id c = person(w, "Leeds");
    follow(w);
    assert_int_equal(due(w, &s), 1);

    assert_int_equal(delivery_request(&w->cx, s.d, &r, &reason), OK);

    assert_true(str_find(r.body, id_text(w->cx.arena, "cus", c.v)) > 0);
    assert_true(str_find(r.body, S("Anna")) < 0 && str_find(r.body, S("Leeds")) < 0);
    assert_true(secret_open(&w->cx, a, s.d->secret, &secret));
    assert_true(str_starts(secret, S("whsec_")));
    assert_true(
        str_eq(r.headers[0].value, webhook_signature(w->cx.arena, secret, w->cx.now_ms, r.body)));
    assert_false(secret_open(&w->cx, (automation_id){a.v + 1}, s.d->secret,
                             &secret)); /* bound to its automation */
    assert_false(r.may_inside);
}

static enum err rekey_apply(struct cx *cx, void *state)
{
    int64_t *after = state;
    bool is_finished = false;
    TRY(automation_rekey_slice(cx, after, &is_finished));
    return is_finished ? OK : ERR_INTERNAL;
}

static void a_secret_is_sealed_anew_when_the_key_is_changed(void **state)
{
    struct test_world *w = *state;
    struct sending s;
    int64_t after = 0;
    str before = {0}, now = {0};
    automation_id a = make(w, hook);
    (void)person(w, "Leeds");
    follow(w);
    assert_int_equal(due(w, &s), 1);
    uint8_t epoch = keyring_epoch_of(s.d->secret);
    assert_true(secret_open(&w->cx, a, s.d->secret, &before));

    assert_int_equal(keyring_add(&w->cx, store_ring(w->store), NULL), OK);
    change(w, rekey_apply, &after);
    assert_int_equal(due(w, &s), 1);

    assert_int_not_equal(keyring_epoch_of(s.d->secret), epoch);
    assert_true(secret_open(&w->cx, a, s.d->secret, &now));
    assert_true(str_eq(before, now));
    keyring_drop(store_ring(w->store), epoch); /* the ring may live as long as the process */
}

static enum err hold_apply(struct cx *cx, void *state)
{
    const bool *holds = state;
    return *holds ? sending_hold(cx, "restored") : sending_release(cx);
}

static void nothing_is_due_while_sending_is_held(void **state)
{
    struct test_world *w = *state;
    struct sending s;
    bool holds = true;
    (void)make(w, hook);
    (void)person(w, "Leeds");
    follow(w);

    change(w, hold_apply, &holds);
    assert_int_equal(due(w, &s), 0);
    holds = false;
    change(w, hold_apply, &holds);
    assert_int_equal(due(w, &s), 1);
}

/* ---- taking out -------------------------------------------------------------------------------------- */

static enum err go_apply(struct cx *cx, void *state)
{
    return automation_delete_apply(cx, state, NULL);
}
static enum err slice_apply(struct cx *cx, void *state)
{
    int64_t position = 0, progress = 0, total = 0;
    return automation_job.slice(cx, (str){0}, &position, &progress, &total, state);
}

static void a_deleted_one_takes_everything_along_and_old_runs_go_after_thirty_days(void **state)
{
    struct test_world *w = *state;
    automation_id a = make(w, hook);
    (void)make(
        w,
        "{\"name\": \"B\", \"event\": \"customer.created\", \"is_on\": true, \"actions\": [{\"kind\": \"tag\", \"tag\": \"x\"}]}");
    (void)person(w, "Leeds");
    follow(w);
    assert_int_equal(number(w, "SELECT COUNT(*) FROM automation_run"), 2);
    struct call c = {.apply = automation_delete_apply};
    memcpy(&c.in, &a, sizeof a);
    change(w, go_apply, &c.in);

    bool finished = false;
    while (!finished)
        change(w, slice_apply, &finished);
    assert_int_equal(number(w, "SELECT COUNT(*) FROM automation"), 1);
    assert_int_equal(number(w, "SELECT COUNT(*) FROM webhook_delivery"), 0);
    assert_int_equal(number(w, "SELECT COUNT(*) FROM automation_run"), 1);

    w->cx.now_ms +=
        (KEPT_DAYS + 10) * DAY_MS; /* numbers of other tests, which went ahead, do not go back */
    for (finished = false; !finished;)
        change(w, slice_apply, &finished);
    assert_int_equal(number(w, "SELECT COUNT(*) FROM automation_run"), 0);
}

static int all(void)
{
    const struct CMUnitTest tests[] = {
        HOUSE_TEST(an_event_is_followed_once_however_many_follow_it),
        HOUSE_TEST(what_happened_before_it_was_made_or_while_it_was_off_is_not_its_own),
        HOUSE_TEST(a_page_that_cannot_be_written_is_gone_past),
        HOUSE_TEST(an_event_bears_the_depth_of_what_caused_it_and_the_sixth_is_not_followed),
        HOUSE_TEST(for_the_same_customer_it_rests_for_its_days),
        HOUSE_TEST(a_message_is_tried_for_a_day_with_growing_pauses_and_then_given_up),
        HOUSE_TEST(two_who_send_claim_a_message_once_and_a_claim_that_led_nowhere_ends),
        HOUSE_TEST(what_is_sent_holds_ids_only_and_its_signature),
        HOUSE_TEST(a_secret_is_sealed_anew_when_the_key_is_changed),
        HOUSE_TEST(nothing_is_due_while_sending_is_held),
        HOUSE_TEST(a_deleted_one_takes_everything_along_and_old_runs_go_after_thirty_days),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return test_on_stores(all);
}
