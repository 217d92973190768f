/* What telephone systems tell becomes one row for each call, in whatever order they tell it. */
#include "db/db_test.h"
#include "queries.h"
#include "rooms/call/call_cti.h"

enum { LINK = 77 };

/* ---- a house with people and customers ----------------------------------------------------------
 */

static enum err run(struct test_world *w, enum err (*apply)(struct cx *, void *), void *state)
{
    return db_change(w->store, &w->cx, LANE_INTERACTIVE, apply, state);
}

static void good(struct test_world *w, enum err e)
{
    if (e != OK)
        fail_msg("%s: " SFMT, err_code(e), SARG(fault_text(w->cx.arena, LANG_EN, &w->cx.why)));
}

static enum err add_staff(struct cx *cx, void *p)
{
    return staff_add(cx, p);
}

static int64_t person(struct test_world *w, const char *name, const char *extension)
{
    static int n;
    str ext = str_of(extension);
    struct staff_new p = {
        .email = arena_printf(w->cx.arena, "p%d@kith.example", n++),
        .name = str_of(name),
        .role = ROLE_OPERATOR,
        .lang = LANG_EN,
        .extensions = {&ext, 1},
    };
    good(w, staff_plan(&w->cx, &p));
    good(w, run(w, add_staff, &p));
    return p.id.v;
}

static enum err take_intake(struct cx *cx, void *state)
{
    void **both = state;
    return intake_take(cx, both[0], both[1]);
}

static customer_id customer(struct test_world *w, const char *name, const char *number)
{
    struct intake_identity phone = {.type = IDENTITY_PHONE, .value = str_of(number)};
    struct intake in = {.channel = CHANNEL_CALL,
                        .direction = DIRECTION_IN,
                        .trust = TRUST_PRESENTED,
                        .claims = {.name = str_of(name)},
                        .identities = {&phone, 1},
                        .no_interaction = true};
    struct intake_result r = {0};
    good(w, intake_plan(&w->cx, &in));
    good(w, run(w, take_intake, (void *[]){&in, &r}));
    return r.customer;
}

static void sql(struct test_world *w, const char *text);

static int64_t number(struct test_world *w, const char *text)
{
    struct query *q = ARENA_NEW(w->cx.arena, struct query);
    *q = (struct query){.name = "test", .sqlite = text, .postgres = text};
    int64_t n = -1;
    enum err e = db_int(&w->cx, q, &n, NO_ARGS);
    if (e != OK && e != ERR_NOT_FOUND)
        fail_msg("%s", text);
    return n;
}

static enum err run_query(struct cx *cx, void *q)
{
    return db_run(cx, q, NO_ARGS);
}

static void sql(struct test_world *w, const char *text)
{
    struct query *q = ARENA_NEW(w->cx.arena, struct query);
    *q = (struct query){.name = "test", .sqlite = text, .postgres = text, .writes = true};
    good(w, run(w, run_query, q));
}

/* ---- a telephone system
 * ------------------------------------------------------------------------------ */

struct said {
    const struct call_told *told;
    bool reject;
};
static enum err take(struct cx *cx, void *state)
{
    struct said *s = state;
    return call_take(cx, s->told, &s->reject);
}

/* One event; true: the caller is rejected. */
static bool tell(struct test_world *w, struct call_told t)
{
    t.link.v = LINK;
    for (int i = 0; i < 5; i++) {
        good(w, call_plan(&w->cx, &t));
        struct said s = {&t, false};
        enum err e = run(w, take, &s);
        if (e == ERR_STALE)
            continue;
        good(w, e);
        return s.reject;
    }
    fail_msg("stale five times");
    return false;
}

#define USERS(...)                                                       \
    {                                                                    \
        (str[]){__VA_ARGS__}, sizeof((str[]){__VA_ARGS__}) / sizeof(str) \
    }
#define RINGS(id, number, ...)                     \
    ((struct call_told){.kind = TOLD_RING,         \
                        .source_id = S(id),        \
                        .from = S(number),         \
                        .direction = DIRECTION_IN, \
                        .users = USERS(__VA_ARGS__)})
#define ANSWERS(id, by)                              \
    ((struct call_told){.kind = TOLD_ANSWER,         \
                        .source_id = S(id),          \
                        .direction = DIRECTION_NONE, \
                        .answering_number = S(by)})
#define ENDS(id, why)    \
    ((struct call_told){ \
        .kind = TOLD_HANGUP, .source_id = S(id), .direction = DIRECTION_NONE, .cause = S(why)})

static struct call newest(struct test_world *w)
{
    struct call c;
    good(w, call_get(&w->cx, (call_id){number(w, "SELECT MAX(id) FROM call")}, &c));
    return c;
}

/* ---- every order
 * ------------------------------------------------------------------------------------------ */

enum { MOST = 5 };

static struct call_told word(struct test_world *w, int kind, int n, bool is_full)
{
    struct call_told t = {
        .kind = kind,
        .source_id = arena_printf(w->cx.arena, "perm-%d", n),
        .direction = DIRECTION_NONE,
        .users = {(str[]){S("101")}, 1},
    };
    if (is_full || kind == TOLD_RING) {
        t.from = arena_printf(w->cx.arena, "+4420794601%02d", n % 100);
        t.to = S("+442079460000");
        t.direction = DIRECTION_IN;
    }
    if (kind == TOLD_RING) {
        t.users.items = ARENA_ARRAY(w->cx.arena, 2, str);
        t.users.items[0] = S("101");
        t.users.items[1] = S("102");
        t.users.n = 2;
        t.queue = S("sales");
    } else {
        t.users.items = ARENA_ARRAY(w->cx.arena, 1, str);
        t.users.items[0] = S("101");
        t.users.n = 1;
    }
    if (kind == TOLD_HANGUP)
        t.cause = S("normalClearing");
    return t;
}

/* Tells one sequence and looks at what became of it. */
static void check_order(struct test_world *w, const int *kinds, size_t len, int n, bool is_full,
                        int64_t anna)
{
    struct text order = text_in(w->cx.arena, 200);
    bool has_answer = false, has_ring = false;
    for (size_t i = 0; i < len; i++) {
        text_printf(&order, "%d ", kinds[i]);
        has_answer |= kinds[i] == TOLD_ANSWER;
        has_ring |= kinds[i] == TOLD_RING;
        (void)tell(w, word(w, kinds[i], n, is_full));
    }
    const char *source =
        arena_printf(w->cx.arena, "SELECT COUNT(*) FROM call WHERE source_id = 'perm-%d'", n).ptr;
    if (number(w, source) != 1)
        fail_msg("%d rows after " SFMT, (int)number(w, source), SARG(text_str(&order)));

    struct call c = newest(w);
    bool is_right = c.state == CALL_ENDED && str_eq(c.cause, S("normalClearing")) &&
                    c.direction == DIRECTION_IN && c.staff.id.v == (has_answer ? anna : 0) &&
                    (c.answer_at.ms != 0) == has_answer && c.end_at.ms &&
                    c.end_at.ms >= c.answer_at.ms && c.customer.id.v != 0 &&
                    (!has_ring || str_eq(c.queue, S("sales")));
    if (!is_right)
        fail_msg("another row after " SFMT, SARG(text_str(&order)));
    int64_t lines =
        number(w, arena_printf(w->cx.arena, "SELECT COUNT(*) FROM interaction WHERE ref_id = %lld",
                               (long long)c.id.v)
                      .ptr);
    int64_t backs =
        number(w, arena_printf(w->cx.arena,
                               "SELECT COUNT(*) FROM task WHERE call_id = %lld AND done_ms IS NULL",
                               (long long)c.id.v)
                      .ptr);
    if (lines != 1 || backs != !has_answer)
        fail_msg("%d lines, %d call-backs after " SFMT, (int)lines, (int)backs,
                 SARG(text_str(&order)));
}

/* Every sequence of up to MOST words made of `kinds` in which each occurs. */
static void check_all_orders(struct test_world *w, const int *kinds, int n_kinds, bool is_full)
{
    int64_t anna = person(w, "Anna", "101");
    (void)person(w, "Ben", "102");
    int n = 0;
    for (size_t len = (size_t)n_kinds; len <= MOST; len++) {
        int total = 1;
        for (size_t i = 0; i < len; i++)
            total *= n_kinds;
        for (int code = 0; code < total; code++) {
            int order[MOST], rest = code;
            unsigned seen = 0;
            for (size_t i = 0; i < len; i++, rest /= n_kinds) {
                order[i] = kinds[rest % n_kinds];
                seen |= 1u << order[i];
            }
            if (__builtin_popcount(seen) != n_kinds)
                continue;
            if (n % 100 == 0) /* numbers come again: what was before is settled and a day old */
                w->cx.now_ms += 86400000;
            if (n < 100)
                (void)customer(w, "Customer", arena_printf(w->cx.arena, "+4420794601%02d", n).ptr);
            check_order(w, order, len, n, is_full, anna);
            n++;
        }
        sql(w, "UPDATE task SET done_ms = 1");
    }
    assert_true(n > 25);
}

static void any_order_with_repeats_of_ring_answer_and_hangup_ends_in_the_same_row(void **state)
{
    check_all_orders(*state, (int[]){TOLD_RING, TOLD_ANSWER, TOLD_HANGUP}, 3, false);
}

static void the_same_when_every_event_bears_all_numbers(void **state)
{
    check_all_orders(*state, (int[]){TOLD_RING, TOLD_ANSWER, TOLD_HANGUP}, 3, true);
}

static void a_call_whose_answer_is_never_told_is_missed_once_in_any_order(void **state)
{
    check_all_orders(*state, (int[]){TOLD_RING, TOLD_HANGUP}, 2, true);
}

static void a_call_whose_ring_is_never_told_is_kept_all_the_same(void **state)
{
    check_all_orders(*state, (int[]){TOLD_ANSWER, TOLD_HANGUP}, 2, true);
}

/* ---- one by one
 * ------------------------------------------------------------------------------------------------
 */

static void a_hangup_without_a_ring_and_without_numbers_is_tolerated(void **state)
{
    struct test_world *w = *state;

    (void)tell(w, ENDS("lonely", "noAnswer"));

    struct call c = newest(w);
    assert_int_equal(c.state, CALL_ENDED);
    assert_str(c.cause, S("noAnswer"));
    assert_int_equal(number(w, "SELECT COUNT(*) FROM task"), 0);
}

static void two_rings_of_one_call_ring_more_desks_of_one_row(void **state)
{
    struct test_world *w = *state;
    (void)person(w, "Anna", "101");
    (void)person(w, "Ben", "102");

    (void)tell(w, RINGS("c1", "+442079460018", S("101")));
    (void)tell(w, RINGS("c1", "+442079460018", S("102")));
    (void)tell(w, RINGS("c1", "+442079460018", S("101"), S("102")));

    assert_int_equal(number(w, "SELECT COUNT(*) FROM call"), 1);
    assert_int_equal(number(w, "SELECT COUNT(*) FROM call_desk"), 2);
    assert_int_equal(number(w, "SELECT COUNT(*) FROM event WHERE type = 'call.ringing'"), 2);
}

static void a_call_id_used_again_after_the_end_is_a_new_row(void **state)
{
    struct test_world *w = *state;
    (void)tell(w, RINGS("c1", "+442079460018", S("101")));
    (void)tell(w, ENDS("c1", "noAnswer"));

    w->cx.now_ms += 3600000;
    (void)tell(w, RINGS("c1", "+442079460018", S("101")));

    assert_int_equal(number(w, "SELECT COUNT(*) FROM call"), 2);
    assert_int_equal(newest(w).state, CALL_RINGING);
}

static void another_number_under_the_same_call_id_is_a_new_row_at_once(void **state)
{
    struct test_world *w = *state;
    (void)tell(w, RINGS("c1", "+442079460018", S("101")));
    (void)tell(w, ENDS("c1", "noAnswer"));

    (void)tell(w, RINGS("c1", "+442079460019", S("101")));

    assert_int_equal(number(w, "SELECT COUNT(*) FROM call"), 2);
    assert_str(newest(w).e164, S("+442079460019"));
}

static void late_words_about_an_ended_call_change_nothing(void **state)
{
    struct test_world *w = *state;
    (void)person(w, "Anna", "101");
    (void)tell(w, RINGS("c1", "+442079460018", S("101")));
    (void)tell(w, ENDS("c1", "noAnswer"));
    int64_t version = newest(w).version;

    w->cx.now_ms += 60000;
    (void)tell(w, ANSWERS("c1", "101"));
    (void)tell(w, ENDS("c1", "busy"));

    struct call c = newest(w);
    assert_int_equal(c.version, version);
    assert_int_equal(c.answer_at.ms, 0);
    assert_str(c.cause, S("noAnswer"));
}

static void a_call_rings_the_desks_it_names_else_the_queue_else_nobody(void **state)
{
    struct test_world *w = *state;
    int64_t anna = person(w, "Anna", "101");
    (void)person(w, "Ben", "102");
    sql(w, arena_printf(w->cx.arena,
                        "INSERT INTO staff_queue (queue, staff_id) VALUES ('sales', %lld)",
                        (long long)anna)
               .ptr);

    (void)tell(w, RINGS("named", "+442079460018", S("Ben")));
    struct call_told by_queue = RINGS("queue", "+442079460018", S("999"));
    by_queue.queue = S("sales");
    (void)tell(w, by_queue);
    (void)tell(w, RINGS("nobody", "+442079460018", S("999")));

    assert_int_equal(number(w, "SELECT COUNT(*) FROM call_desk"), 2);
    assert_int_equal(number(w, "SELECT d.staff_id FROM call_desk d JOIN call c ON c.id = d.call_id "
                               "WHERE c.source_id = 'queue'"),
                     anna);
}

static void a_blocked_caller_is_rejected_and_rings_nowhere(void **state)
{
    struct test_world *w = *state;
    (void)person(w, "Anna", "101");
    customer_id c = customer(w, "Spammer", "+442079460018");
    sql(w, arena_printf(w->cx.arena,
                        "INSERT INTO customer_mark (customer_id, mark, reason, at_ms) VALUES "
                        "(%lld, 'blocked', 'x', 1)",
                        (long long)c.v)
               .ptr);

    assert_true(tell(w, RINGS("c1", "+442079460018", S("101"))));
    assert_true(tell(w, RINGS("c1", "+442079460018", S("101"))));
    assert_false(tell(w, ENDS("c1", "busy")));

    assert_int_equal(number(w, "SELECT COUNT(*) FROM call_desk"), 0);
    assert_int_equal(number(w, "SELECT COUNT(*) FROM task"), 0);
    assert_str(newest(w).cause, S("rejected"));
}

static void a_rejected_caller_who_is_put_through_all_the_same_is_shown(void **state)
{
    struct test_world *w = *state;
    int64_t anna = person(w, "Anna", "101");
    customer_id c = customer(w, "Spammer", "+442079460018");
    sql(w, arena_printf(w->cx.arena,
                        "INSERT INTO customer_mark (customer_id, mark, reason, at_ms) VALUES "
                        "(%lld, 'blocked', 'x', 1)",
                        (long long)c.v)
               .ptr);
    (void)tell(w, RINGS("c1", "+442079460018", S("101")));

    (void)tell(w, ANSWERS("c1", "101"));

    assert_int_equal(newest(w).state, CALL_ANSWERED);
    assert_int_equal(newest(w).staff.id.v, anna);
}

static void a_shared_number_shows_all_who_may_call_and_chooses_nobody(void **state)
{
    struct test_world *w = *state;
    (void)customer(w, "Ann", "+442079460018");
    customer_id bob = customer(w, "Bob", "+442079460019");
    sql(w, arena_printf(w->cx.arena,
                        "INSERT INTO identity_owner (value_id, customer_id, id, state, given, "
                        "source, first_ms, last_ms) "
                        "SELECT id, %lld, 5, 'shared', value, 'call', 1, 1 FROM identity_value "
                        "WHERE value = '+442079460018'",
                        (long long)bob.v)
               .ptr);

    (void)tell(w, RINGS("c1", "+442079460018", S("101")));

    struct call c = newest(w);
    assert_int_equal(c.customer.id.v, 0);
    assert_int_equal(c.candidates.n, 2);
    const struct call_candidate *k = c.candidates.items;
    assert_str(k[0].name, S("Ann"));
    assert_str(k[0].why, S("shared_number"));
}

static void numbers_that_are_not_numbers_never_recognise_anybody(void **state)
{
    struct test_world *w = *state;
    (void)customer(w, "Ann", "+442079460018");
    static const char *const odd[] = {"anonymous",
                                      "",
                                      "unknown",
                                      "Restricted",
                                      "12",
                                      "0",
                                      "+",
                                      "alice@pbx.example",
                                      "sip:anonymous@anonymous.invalid",
                                      "+44 20 (7946",
                                      "abc/def",
                                      "[::1]",
                                      "'; DROP TABLE call; --",
                                      "+442079460018000000000000000000000",
                                      "٠٠",
                                      "𝟘",
                                      ("\xe2\x80\xae"
                                       "8100")};
    for (size_t i = 0; i < COUNT(odd); i++) {
        struct call_told t = {.kind = TOLD_RING,
                              .direction = DIRECTION_IN,
                              .from = str_of(odd[i]),
                              .source_id = arena_printf(w->cx.arena, "odd-%zu", i)};
        (void)tell(w, t);
        struct call c = newest(w);
        if (c.customer.id.v || c.candidates.n)
            fail_msg("'%s' was taken for somebody", odd[i]);
    }
    assert_int_equal(number(w, "SELECT COUNT(*) FROM call"), COUNT(odd));
}

static void a_known_number_in_brackets_and_slashes_is_known(void **state)
{
    struct test_world *w = *state;
    customer_id ann = customer(w, "Ann", "+442079460018");

    (void)tell(w, RINGS("c1", "0044 (20) 7946/0018", S("101")));

    assert_int_equal(newest(w).customer.id.v, ann.v);
}

static void a_withheld_number_that_nobody_answered_needs_no_call_back(void **state)
{
    struct test_world *w = *state;
    (void)tell(w, RINGS("c1", "anonymous", S("101")));
    (void)tell(w, ENDS("c1", "noAnswer"));

    assert_true(newest(w).is_withheld);
    assert_int_equal(number(w, "SELECT COUNT(*) FROM task"), 0);
}

static void a_number_that_rang_three_times_in_vain_is_called_back_once_vips_first(void **state)
{
    struct test_world *w = *state;
    customer_id vip = customer(w, "Ann", "+442079460018");
    sql(w, arena_printf(w->cx.arena,
                        "INSERT INTO customer_mark (customer_id, mark, reason, at_ms) VALUES "
                        "(%lld, 'vip', 'x', 1)",
                        (long long)vip.v)
               .ptr);
    sql(w, arena_printf(w->cx.arena,
                        "UPDATE standing SET is_vip = 1, vip_by = 'hand' WHERE customer_id = %lld",
                        (long long)vip.v)
               .ptr);
    for (int i = 0; i < 3; i++) {
        w->cx.now_ms += 60000;
        (void)tell(w, RINGS("c1", "+442079460018", S("101")));
        (void)tell(w, ENDS("c1", "noAnswer"));
    }
    assert_int_equal(number(w, "SELECT COUNT(*) FROM task"), 1);
    assert_int_equal(number(w, "SELECT priority FROM task"), 1);

    w->cx.now_ms += 60000;
    (void)person(w, "Anna", "101");
    (void)tell(w, (struct call_told){.kind = TOLD_RING,
                                     .source_id = S("out"),
                                     .direction = DIRECTION_OUT,
                                     .from = S("101"),
                                     .to = S("+442079460018")});
    (void)tell(w, ANSWERS("out", "101"));
    assert_int_equal(number(w, "SELECT COUNT(*) FROM task WHERE done_ms IS NULL"), 0);
}

static void the_second_unsolved_call_of_a_day_waits_before_others(void **state)
{
    struct test_world *w = *state;
    (void)customer(w, "Ann", "+442079460018");
    (void)tell(w, RINGS("first", "+442079460018", S("101")));
    (void)tell(w, ENDS("first", "noAnswer"));
    w->cx.now_ms += 60000;
    (void)tell(w, RINGS("other", "+442079460033", S("101")));
    (void)tell(w, RINGS("second", "+442079460018", S("101")));

    struct list queue = {0};
    int64_t waiting = 0;
    when since = {0};
    good(w, call_queue(&w->cx, &queue, &waiting, &since));

    const struct call *c = queue.items;
    assert_int_equal(waiting, 2);
    assert_int_equal(queue.n, 2);
    assert_str(c[0].e164, S("+442079460018"));
    assert_true(c[0].is_second);
}

static void a_transfer_moves_the_call_to_the_other_desk(void **state)
{
    struct test_world *w = *state;
    (void)person(w, "Anna", "101");
    int64_t ben = person(w, "Ben", "102");
    (void)tell(w, RINGS("c1", "+442079460018", S("101")));
    (void)tell(w, ANSWERS("c1", "101"));

    (void)tell(w, (struct call_told){.kind = TOLD_TRANSFERRED,
                                     .source_id = S("c1"),
                                     .direction = DIRECTION_NONE,
                                     .extension = S("102")});

    assert_int_equal(newest(w).staff.id.v, ben);
    assert_int_equal(number(w, "SELECT COUNT(*) FROM event WHERE type = 'call.answered'"), 2);
}

static enum err sweep(struct cx *cx, void *finished)
{
    int64_t position = 0, progress = 0, total = 0;
    return call_sweep.slice(cx, S(""), &position, &progress, &total, finished);
}

static void a_call_nobody_tells_of_any_more_is_ended_as_lost(void **state)
{
    struct test_world *w = *state;
    (void)person(w, "Anna", "101");
    (void)customer(w, "Ann", "+442079460018");
    bool finished = false;
    (void)tell(w, RINGS("rings", "+442079460018", S("101")));
    (void)tell(w, RINGS("talks", "+442079460019", S("101")));
    (void)tell(w, ANSWERS("talks", "101"));

    w->cx.now_ms += 9 * 60000;
    good(w, run(w, sweep, &finished));
    assert_int_equal(number(w, "SELECT COUNT(*) FROM call WHERE state = 'ended'"), 0);
    w->cx.now_ms += 2 * 60000;
    good(w, run(w, sweep, &finished));
    assert_int_equal(number(w, "SELECT COUNT(*) FROM call WHERE cause = 'lost'"), 1);
    assert_int_equal(number(w, "SELECT COUNT(*) FROM task WHERE kind = 'call_back'"), 1);
    w->cx.now_ms += 12 * 3600000;
    good(w, run(w, sweep, &finished));

    assert_int_equal(number(w, "SELECT COUNT(*) FROM call WHERE cause = 'lost'"), 2);
    assert_true(finished);
}

/* ---- the three dresses
 * ------------------------------------------------------------------------------------------- */

static void json_form_and_query_say_the_same(void **state)
{
    struct test_world *w = *state;
    static const char json[] =
        "{\"event\":\"newCall\",\"callId\":\"7\",\"from\":\"+442079460018\",\"to\":\"+44207\","
        "\"direction\":\"in\",\"user\":[\"101\",\"Ann Lee\"],\"strange\":{\"a\":[1]}}";
    static const char form[] = "event=newCall&call_id=7&from=%2B442079460018&to=+44207&direction="
                               "in&user[]=101&user%5B%5D=Ann+Lee&x=";
    struct call_told t[3];

    good(w, cti_read(&w->cx, S("application/json"), S(""), str_of(json), &t[0]));
    good(w, cti_read(&w->cx, S("application/x-www-form-urlencoded"), S(""), str_of(form), &t[1]));
    good(w, cti_read(&w->cx, S(""), str_of(form), S(""), &t[2]));

    for (size_t i = 0; i < COUNT(t); i++) {
        assert_int_equal(t[i].kind, TOLD_RING);
        assert_str(t[i].source_id, S("7"));
        assert_str(t[i].from, S("+442079460018"));
        assert_str(t[i].to, S("+44207"));
        assert_int_equal(t[i].direction, DIRECTION_IN);
        assert_int_equal(t[i].users.n, 2);
        assert_str(t[i].users.items[1], S("Ann Lee"));
    }
}

static void what_cannot_be_an_event_is_refused_with_its_reason(void **state)
{
    struct test_world *w = *state;
    static const struct {
        const char *body, *reason;
    } bad[] = {
        {"{}", "CTI_EVENT"},
        {"{\"event\":\"explode\",\"callId\":\"1\"}", "CTI_EVENT"},
        {"{\"event\":\"newCall\"}", "CTI_CALL_ID"},
        {"{\"event\":\"newCall\",\"callId\":\"a\\u0007b\"}", "CTI_CALL_ID"},
        {"{\"event\":\"newCall\",\"callId\":\"1\",\"callId\":\"2\"}", "CTI_UNREADABLE"},
        {"{\"event\":\"newCall\",\"callId\":\"1\",\"call_id\":\"2\"}", "CTI_TWICE"},
        {"{\"event\":\"newCall\",\"callId\":\"1\",\"direction\":\"up\"}", "CTI_DIRECTION"},
        {"{\"event\":\"newCall\",\"callId\":\"1\",\"at\":\"yesterday\"}", "CTI_AT"},
        {"{\"event\":\"newCall\",\"callId\":\"1\"", "CTI_UNREADABLE"},
        {"{\"event\":\"newCall\",\"callId\":\"\\u0000\"}", "CTI_UNREADABLE"},
        {"{\"event\":\"\xff\xfe\"}", "CTI_UNREADABLE"},
        {"[1]", "CTI_UNREADABLE"},
        {"[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]", "CTI_DEEP"},
        {"%%%=%&&&;;", "CTI_EVENT"},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct call_told t;
        enum err e = cti_read(&w->cx, S(""), S(""), str_of(bad[i].body), &t);
        if (e == OK || strcmp(msg_name(w->cx.why.msg), bad[i].reason) != 0)
            fail_msg("%s: %s", bad[i].body, e == OK ? "taken" : msg_name(w->cx.why.msg));
    }
}

static void broken_values_beside_a_good_event_are_passed_over(void **state)
{
    struct test_world *w = *state;
    char name[501];
    memset(name, 'x', 500);
    name[500] = 0;
    str body = arena_printf(w->cx.arena,
                            "{\"event\":\"newCall\",\"callId\":7,\"from\":{\"a\":1},\"to\":null,"
                            "\"name\":\"%s\",\"user\":[1,null,[],\"101\"]}",
                            name);
    struct call_told t;

    good(w, cti_read(&w->cx, S("application/json"), S(""), body, &t));

    assert_str(t.source_id, S("7"));
    assert_int_equal(t.from.len, 0);
    assert_int_equal(t.name.len, 0);
    assert_int_equal(t.users.n, 2);
}

static int all(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(any_order_with_repeats_of_ring_answer_and_hangup_ends_in_the_same_row),
        STORE_TEST(the_same_when_every_event_bears_all_numbers),
        STORE_TEST(a_call_whose_answer_is_never_told_is_missed_once_in_any_order),
        STORE_TEST(a_call_whose_ring_is_never_told_is_kept_all_the_same),
        STORE_TEST(a_hangup_without_a_ring_and_without_numbers_is_tolerated),
        STORE_TEST(two_rings_of_one_call_ring_more_desks_of_one_row),
        STORE_TEST(a_call_id_used_again_after_the_end_is_a_new_row),
        STORE_TEST(another_number_under_the_same_call_id_is_a_new_row_at_once),
        STORE_TEST(late_words_about_an_ended_call_change_nothing),
        STORE_TEST(a_call_rings_the_desks_it_names_else_the_queue_else_nobody),
        STORE_TEST(a_blocked_caller_is_rejected_and_rings_nowhere),
        STORE_TEST(a_rejected_caller_who_is_put_through_all_the_same_is_shown),
        STORE_TEST(a_shared_number_shows_all_who_may_call_and_chooses_nobody),
        STORE_TEST(numbers_that_are_not_numbers_never_recognise_anybody),
        STORE_TEST(a_known_number_in_brackets_and_slashes_is_known),
        STORE_TEST(a_withheld_number_that_nobody_answered_needs_no_call_back),
        STORE_TEST(a_number_that_rang_three_times_in_vain_is_called_back_once_vips_first),
        STORE_TEST(the_second_unsolved_call_of_a_day_waits_before_others),
        STORE_TEST(a_transfer_moves_the_call_to_the_other_desk),
        STORE_TEST(a_call_nobody_tells_of_any_more_is_ended_as_lost),
        STORE_TEST(json_form_and_query_say_the_same),
        STORE_TEST(what_cannot_be_an_event_is_refused_with_its_reason),
        STORE_TEST(broken_values_beside_a_good_event_are_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return test_on_stores(all);
}
