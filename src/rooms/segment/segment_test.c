/* rooms/segment/segment_test.c - members come and go by events and by time, and nobody is told twice. */
#include "db/db_test.h"
#include "rooms/segment/inside.h"

static const int64_t DAY_MS = 86400000;

struct event_row {
    int64_t customer, segment;
    str type;
};
static const struct field event_fields[] = {
    FIELD(struct event_row, customer),
    FIELD(struct event_row, segment),
    FIELD(struct event_row, type),
};
static const struct shape event_test = SHAPE("event_row", struct event_row, event_fields);
#define BOTH(id, np, is_write, both) \
    static const struct query id = { \
        .name = #id, .sqlite = (both), .postgres = (both), .n_params = (np), .writes = (is_write)}
BOTH(
    q_told, 0, false,
    "SELECT customer_id, ref_id, type FROM event WHERE type LIKE 'segment.%' ORDER BY seq LIMIT 1000");
BOTH(q_due_count, 0, false, "SELECT count(*) FROM rule_due WHERE due_ms > 0");
BOTH(q_rows, 0, false, "SELECT count(*) FROM segment_member");

/* ---- a small house ------------------------------------------------------------------------ */

static int world(void **state)
{
    test_world_open(state);
    struct test_world *w = *state;
    w->cx.actor = (struct actor){.kind = ACTOR_SYSTEM};
    return 0;
}
#define HOUSE_TEST(fn) cmocka_unit_test_setup_teardown(fn, world, test_world_close)

struct person {
    customer_id id;
    const char *city;
    int64_t seen_ms;
};

static enum err person_apply(struct cx *cx, void *state)
{
    struct person *p = state;
    struct customer_new c = {.id = p->id, .name = S("Anna"), .city = str_of(p->city)};
    TRY(customer_add(cx, &c));
    return standing_add(
        cx, p->id,
        &(struct standing_fact){.at = {p->seen_ms}, .is_seen = true, .add = {.contacts = 1}}, true);
}

static int64_t person(struct test_world *w, const char *city, int64_t seen_ms)
{
    struct person p = {{id_new(w->cx.now_ms)}, city, seen_ms};
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, person_apply, &p), OK);
    return p.id.v;
}

struct call {
    struct segment_in in;
    struct segment_out out;
    enum err (*apply)(struct cx *, void *, void *);
};
static enum err call_apply(struct cx *cx, void *state)
{
    struct call *c = state;
    return c->apply(cx, &c->in, &c->out);
}

static enum err add(struct test_world *w, const char *name, const char *text,
                    struct segment_out *out)
{
    struct call c = {.in = {.name = str_of(name), .text = str_of(text)},
                     .apply = segment_add_apply};
    enum err e = segment_add_plan(&w->cx, &c.in, NULL);
    if (e == OK)
        e = db_change(w->store, &w->cx, LANE_INTERACTIVE, call_apply, &c);
    *out = c.out;
    return e;
}

static enum err change(struct test_world *w, segment_id id, const char *text)
{
    struct call c = {.in = {.id = id, .text = str_of(text)}, .apply = segment_patch_apply};
    w->cx.sent = 1u << 2;
    enum err e = segment_patch_plan(&w->cx, &c.in, NULL);
    return e == OK ? db_change(w->store, &w->cx, LANE_INTERACTIVE, call_apply, &c) : e;
}

static enum err take_away(struct test_world *w, segment_id id)
{
    struct call c = {.in = {.id = id}, .apply = segment_delete_apply};
    enum err e = segment_delete_plan(&w->cx, &c.in, NULL);
    return e == OK ? db_change(w->store, &w->cx, LANE_INTERACTIVE, call_apply, &c) : e;
}

static enum err slice_apply(struct cx *cx, void *state)
{
    int64_t position = 0, progress = 0, total = 0;
    return segment_job.slice(cx, (str){0}, &position, &progress, &total, state);
}

static void slices(struct test_world *w)
{
    bool finished = false;
    for (int i = 0; !finished; i++) {
        assert_true(i < 1000);
        assert_int_equal(db_change(w->store, &w->cx, LANE_BULK, slice_apply, &finished), OK);
    }
}

/* Until there is nothing more to do. On PostgreSQL an event is heard when nothing on the whole cluster that began before
 * it still runs. */
static void follow(struct test_world *w)
{
    static const struct query q_behind = {
        .name = "behind",
        .sqlite = "SELECT COUNT(*) FROM event e, segment_follow f WHERE e.seq > f.seq",
        .postgres =
            "SELECT COUNT(*) FROM event e, segment_follow f WHERE (e.xid, e.seq) > (f.xid, f.seq)"};
    int64_t behind = 1, until = clock_mono_ns() + 60 * 1000000000LL;
    slices(w);
    while (db_int(&w->cx, &q_behind, &behind, NO_ARGS) == OK && behind > 0) {
        assert_true(clock_mono_ns() < until);
        slices(w);
    }
    slices(w);
}

static size_t told(struct test_world *w, struct list *l)
{
    assert_int_equal(db_all(&w->cx, &q_told, &event_test, l, NO_ARGS), OK);
    return l->n;
}

static int64_t number(struct test_world *w, const struct query *q)
{
    int64_t n = -1;
    assert_int_equal(db_int(&w->cx, q, &n, NO_ARGS), OK);
    return n;
}

static int64_t members(struct test_world *w, segment_id id)
{
    struct segment_out o = {0};
    assert_int_equal(segment_again(&w->cx, id.v, &o), OK);
    assert_false(o.is_filling);
    return o.count;
}

/* ---- tests ------------------------------------------------------------------------------------ */

static void a_new_segment_is_filled_and_tells_nobody(void **state)
{
    struct test_world *w = *state;
    struct segment_out s = {0};
    struct list l = {0};
    for (int i = 0; i < 30; i++)
        (void)person(w, i % 3 ? "Almaty" : "Tokyo", w->cx.now_ms);
    assert_int_equal(add(w, "Tokyo", "city = TOKYO", &s), OK);
    assert_true(s.is_filling);

    follow(w);

    assert_int_equal(members(w, s.id), 10);
    assert_int_equal(told(w, &l), 0);
}

static void who_comes_and_who_goes_is_told_once(void **state)
{
    struct test_world *w = *state;
    struct segment_out s = {0};
    struct list l = {0};
    assert_int_equal(add(w, "Tokyo", "city = Tokyo", &s), OK);
    follow(w);
    (void)person(w, "Almaty", w->cx.now_ms);
    int64_t id = person(w, "Tokyo", w->cx.now_ms);
    follow(w);
    follow(w);
    assert_int_equal(told(w, &l), 1);
    const struct event_row *e = l.items;
    assert_int_equal(e[0].customer, id);
    assert_int_equal(e[0].segment, s.id.v);
    assert_str(e[0].type, S("segment.entered"));
    assert_int_equal(members(w, s.id), 1);

    assert_int_equal(change(w, s.id, "city = Almaty"), OK); /* filled anew: tells nobody */
    follow(w);
    assert_int_equal(told(w, &l), 1);
    assert_int_equal(members(w, s.id), 1);
}

static void thirty_days_idle_becomes_true_on_time_without_an_event(void **state)
{
    struct test_world *w = *state;
    struct segment_out s = {0};
    struct list l = {0};
    int64_t now = w->cx.now_ms, id = person(w, "Tokyo", now - 10 * DAY_MS);
    assert_int_equal(add(w, "Idle", "days_since(last_contact_at) > 30", &s), OK);
    follow(w);
    assert_int_equal(members(w, s.id), 0);
    assert_int_equal(number(w, &q_due_count), 1); /* he waits in the queue */

    int64_t flip = when_of_day(when_day((when){now - 10 * DAY_MS}, S("UTC")) + 31, S("UTC")).ms;
    w->cx.now_ms = flip - 1;
    follow(w);
    assert_int_equal(told(w, &l), 0);

    w->cx.now_ms = flip;
    follow(w);
    assert_int_equal(told(w, &l), 1);
    assert_int_equal(((const struct event_row *)l.items)[0].customer, id);
    assert_int_equal(members(w, s.id), 1);
    assert_int_equal(number(w, &q_due_count), 0); /* it never changes by itself again */
}

static void who_enters_by_time_leaves_by_time(void **state)
{
    struct test_world *w = *state;
    struct segment_out s = {0};
    struct list l = {0};
    assert_int_equal(add(w, "A week", "days_since(last_contact_at) between 5 and 10", &s), OK);
    follow(w);
    int64_t now = w->cx.now_ms, day = when_day((when){now}, S("UTC"));
    (void)person(w, "Tokyo", now); /* he comes after the filling: an event tells of him */
    follow(w);
    assert_int_equal(members(w, s.id), 0);

    w->cx.now_ms = when_of_day((int32_t)day + 5, S("UTC")).ms;
    follow(w);
    assert_int_equal(members(w, s.id), 1);

    w->cx.now_ms = when_of_day((int32_t)day + 11, S("UTC")).ms;
    follow(w);
    assert_int_equal(members(w, s.id), 0);
    assert_int_equal(told(w, &l), 2);
    assert_str(((const struct event_row *)l.items)[1].type, S("segment.left"));
}

static void a_segment_in_a_segment_moves_with_it(void **state)
{
    struct test_world *w = *state;
    struct segment_out inner = {0}, outer = {0};
    (void)person(w, "Tokyo", w->cx.now_ms);
    assert_int_equal(add(w, "Here", "city = Tokyo", &inner), OK);
    assert_int_equal(add(w, "Not here", "not segment(HERE)", &outer), OK);
    follow(w);
    assert_int_equal(members(w, inner.id), 1);
    assert_int_equal(members(w, outer.id), 0);

    assert_int_equal(change(w, inner.id, "city = Almaty"), OK);
    follow(w);

    assert_int_equal(members(w, inner.id), 0);
    assert_int_equal(members(w, outer.id), 1);
}

static void circles_and_taking_away_what_is_used_are_refused(void **state)
{
    struct test_world *w = *state;
    struct segment_out a = {0}, b = {0}, c = {0};
    assert_int_equal(add(w, "Self", "vip or segment(SELF)", &a), ERR_INVALID);
    assert_string_equal(msg_name(w->cx.why.msg), "EXPR_CIRCLE");
    assert_int_equal(add(w, "A", "vip", &a), OK);
    assert_int_equal(add(w, "B", "segment(a) and city = Tokyo", &b), OK);
    assert_int_equal(add(w, "a ", "blocked", &c), ERR_CONFLICT); /* the same name */
    assert_int_equal(change(w, a.id, "segment(B)"), ERR_INVALID);
    assert_string_equal(msg_name(w->cx.why.msg), "EXPR_CIRCLE");
    assert_int_equal(take_away(w, a.id), ERR_CONFLICT);
    assert_string_equal(msg_name(w->cx.why.msg), "SEGMENT_USED");
    assert_int_equal(take_away(w, b.id), OK);
    assert_int_equal(take_away(w, a.id), OK);
}

static void what_is_taken_away_leaves_no_rows(void **state)
{
    struct test_world *w = *state;
    struct segment_out s = {0}, again = {0};
    for (int i = 0; i < 30; i++)
        (void)person(w, "Tokyo", w->cx.now_ms);
    assert_int_equal(add(w, "Tokyo", "city = Tokyo", &s), OK);
    follow(w);
    assert_int_equal(number(w, &q_rows), 30);
    assert_int_equal(take_away(w, s.id), OK);
    assert_int_equal(add(w, "Tokyo", "city = Nowhere", &again), OK); /* its name is free */
    follow(w);
    assert_int_equal(number(w, &q_rows), 0);
}

static enum err define_apply(struct cx *cx, void *state)
{
    static const struct query put = {
        .name = "put",
        .sqlite =
            "INSERT INTO attr_def (id, code, label, type, created_ms) VALUES (1, 'size', 'Size', 'number', 0) "
            "ON CONFLICT (id) DO UPDATE SET code = CASE attr_def.code WHEN 'size' THEN 'gone' ELSE 'size' END",
        .postgres =
            "INSERT INTO attr_def (id, code, label, type, created_ms) VALUES (1, 'size', 'Size', 'number', 0) "
            "ON CONFLICT (id) DO UPDATE SET code = CASE attr_def.code WHEN 'size' THEN 'gone' ELSE 'size' END",
        .writes = true};
    (void)state;
    return db_run(cx, &put, NO_ARGS);
}
static void there_and_not(struct test_world *w)
{
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, define_apply, NULL), OK);
}

static enum err gave_up_apply(struct cx *cx, void *state)
{
    (void)state;
    return segment_job.gave_up(cx, (str){0}, ERR_INTERNAL);
}

static struct segment_out seen(struct test_world *w, segment_id id)
{
    struct segment_out s = {0};
    assert_int_equal(segment_again(&w->cx, id.v, &s), OK);
    return s;
}

static void a_segment_that_cannot_be_filled_says_why_and_is_filled_again(void **state)
{
    struct test_world *w = *state;
    struct segment_out s = {0}, other = {0};
    (void)person(w, "Tokyo", w->cx.now_ms);
    there_and_not(w);
    assert_int_equal(add(w, "Sized", "city = Tokyo and not attr.size > 3", &s), OK);
    assert_int_equal(s.failure.len, 0);
    there_and_not(w);
    follow(w);
    s = seen(w, s.id);
    assert_false(s.is_filling);
    assert_true(str_find(s.failure, S("attr.size")) >= 0);
    assert_int_equal(s.count, 0);

    there_and_not(w);
    s = seen(w, s.id);
    assert_true(s.failure.len > 0); /* nobody has counted since */
    struct call c = {.in = {.id = s.id}, .apply = segment_fill_apply};
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, call_apply, &c), OK);
    assert_true(c.out.is_filling);
    follow(w);
    s = seen(w, s.id);
    assert_int_equal(s.failure.len, 0);
    assert_int_equal(s.count, 1);

    assert_int_equal(add(w, "Broken", "city = Tokyo", &other), OK);
    assert_int_equal(db_change(w->store, &w->cx, LANE_BULK, gave_up_apply, NULL), OK);
    other = seen(w, other.id);
    assert_false(other.is_filling); /* it does not stand in the way of the others */
    assert_true(other.failure.len > 0);
}

static int all(void)
{
    const struct CMUnitTest tests[] = {
        HOUSE_TEST(a_new_segment_is_filled_and_tells_nobody),
        HOUSE_TEST(who_comes_and_who_goes_is_told_once),
        HOUSE_TEST(thirty_days_idle_becomes_true_on_time_without_an_event),
        HOUSE_TEST(who_enters_by_time_leaves_by_time),
        HOUSE_TEST(a_segment_in_a_segment_moves_with_it),
        HOUSE_TEST(circles_and_taking_away_what_is_used_are_refused),
        HOUSE_TEST(what_is_taken_away_leaves_no_rows),
        HOUSE_TEST(a_segment_that_cannot_be_filled_says_why_and_is_filled_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return test_on_stores(all);
}
