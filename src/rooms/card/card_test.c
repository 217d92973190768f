/* The card: what stands on it, how people are addressed, that a long history costs no more than a
 * short one. */
#include "db/db_test.h"
#include "queries.h"
#include "rooms/card/inside.h"

/* ---- greetings ---------------------------------------------------------------------------------
 */

static void everybody_is_addressed_as_his_language_wants(void **state)
{
    struct test_world *w = *state;
    static const struct {
        struct customer c;
        const char *lang, *text;
    } cases[] = {
        {{.name = S("田中 愛子"), .reading = S("たなか あいこ"), .lang = S("ja")},
         "ja",
         "田中様（たなか あいこ）"},
        {{.name = S("田中愛子"), .family = S("田中"), .lang = S("ja-JP")}, "ja", "田中様"},
        {{.name = S("山田商事株式会社"), .kind = CUSTOMER_COMPANY, .lang = S("ja")},
         "ja",
         "山田商事株式会社様"},
        {{.name = S("王梅"), .form_of_address = S("女士"), .lang = S("zh")}, "zh", "王女士"},
        {{.name = S("欧阳娜娜"), .form_of_address = S("女士"), .lang = S("zh-Hans")},
         "zh",
         "欧阳女士"},
        {{.name = S("王伟"), .lang = S("zh")}, "zh", "王伟"},
        {{.name = S("Пётр Иванович Смирнов"),
          .given = S("Пётр"),
          .patronymic = S("Иванович"),
          .lang = S("ru")},
         "ru",
         "Пётр Иванович"},
        {{.name = S("Ольга Иванова"), .form_of_address = S("Ольга Петровна"), .lang = S("ru")},
         "ru",
         "Ольга Петровна"},
        {{.name = S("Айгерім Нұрлан"),
          .given = S("Айгерім"),
          .form_of_address = S("ханым"),
          .lang = S("kk")},
         "kk",
         "Айгерім ханым"},
        {{.name = S("Jane Smith"), .form_of_address = S("Ms"), .lang = S("en")}, "en", "Ms Smith"},
        {{.name = S("Jane Smith"), .lang = S("de")}, "en", "Jane Smith"},
        {{.name = S("Анна"), .name_lang = S("ru")}, "ru", "Анна"},
        {{.name = S("")}, "en", ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct greeting g = greeting_of(w->cx.arena, &cases[i].c, LANG_EN);
        assert_str(g.lang, str_of(cases[i].lang));
        assert_str(g.text, str_of(cases[i].text));
    }
}

/* ---- a record to look at
 * ---------------------------------------------------------------------------- */

static enum err take(struct cx *cx, void *state)
{
    void **both = state;
    return intake_take(cx, both[0], both[1]);
}

static struct intake_result entered(struct test_world *w, struct intake in)
{
    struct intake_result out = {0};
    void *both[2] = {&in, &out};
    assert_int_equal(intake_plan(&w->cx, &in), OK);
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, take, both), OK);
    return out;
}

static struct intake call_in(struct test_world *w, str phone, str name)
{
    struct intake_identity *id = arena_alloc(w->cx.arena, 1, sizeof(*id));
    *id = (struct intake_identity){.type = IDENTITY_PHONE, .value = phone};
    return (struct intake){.channel = CHANNEL_CALL,
                           .trust = TRUST_PRESENTED,
                           .identities = {id, 1},
                           .claims = {.name = name}};
}

static enum err run_query(struct cx *cx, void *q)
{
    return db_run(cx, q, NO_ARGS);
}

static void run(struct test_world *w, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void run(struct test_world *w, const char *fmt, ...)
{
    char sql[2000];
    va_list va;
    va_start(va, fmt);
    vsnprintf(sql, sizeof(sql), fmt, va);
    va_end(va);
    struct query *q = ARENA_NEW(w->cx.arena, struct query);
    const char *kept = arena_cstr(w->cx.arena, str_of(sql));
    *q = (struct query){.name = "test", .sqlite = kept, .postgres = kept, .writes = true};
    enum err e = db_change(w->store, &w->cx, LANE_INTERACTIVE, run_query, q);
    if (e != OK)
        fail_msg("%s: " SFMT, sql, SARG(fault_text(w->cx.arena, LANG_EN, &w->cx.why)));
}

#define call_of(phone, name) call_in(w, phone, name)

static struct card card_of(struct test_world *w, customer_id id, int64_t call)
{
    struct card c;
    enum err e = card_get(&w->cx, id, (call_id){call}, &c);
    if (e != OK)
        fail_msg("%s " SFMT, err_code(e), SARG(fault_text(w->cx.arena, LANG_EN, &w->cx.why)));
    return c;
}

static bool advises(const struct card *c, const char *code)
{
    const struct card_advice *a = c->advice.items;
    for (size_t i = 0; i < c->advice.n; i++)
        if (str_eq(a[i].code, str_of(code)))
            return true;
    return false;
}

static void a_plain_customer_gets_a_card_without_advice_and_one_thing_to_ask(void **state)
{
    struct test_world *w = *state;
    customer_id id = entered(w, call_of(S("+442079460018"), S("Ann Lee"))).customer;

    struct card c = card_of(w, id, 0);

    assert_int_equal(c.advice.n, 0);
    assert_int_equal(c.recent.n, 1);
    assert_int_equal(c.numbers.contacts, 1);
    assert_str(c.ask.field, S("email"));
    assert_int_equal(c.last_call.id.v, 0);
}

static void marks_become_advice_with_their_reason_and_who_is_blocked_comes_first(void **state)
{
    struct test_world *w = *state;
    customer_id id = entered(w, call_of(S("+442079460018"), S("Ann Lee"))).customer;
    run(w,
        "INSERT INTO customer_mark (customer_id, mark, reason, at_ms) VALUES (%lld, 'vip', 'she "
        "\"buys\"', 1000), "
        "(%lld, 'blocked', 'fraud', 2000)",
        (long long)id.v, (long long)id.v);

    struct card c = card_of(w, id, 0);

    const struct card_advice *a = c.advice.items;
    assert_str(a[0].code, S("blocked"));
    assert_str(a[1].code, S("vip_first"));
    assert_str(a[1].because, S("[{\"code\":\"mark_vip\",\"args\":{\"reason\":\"she "
                               "\\\"buys\\\"\",\"at\":\"1970-01-01T00:00:01Z\"}}]"));
    assert_int_equal(c.ask.field.len, 0);
}

static void a_late_order_is_advised_stands_first_and_nothing_is_asked(void **state)
{
    struct test_world *w = *state;
    customer_id id = entered(w, call_of(S("+442079460018"), S("Ann Lee"))).customer;
    run(w,
        "INSERT INTO orders (id, number, customer_id, status, at_ms, due_ms, currency, "
        "total_minor) VALUES "
        "(1, 'A1', %lld, 'shipped', 1000, %lld, 'EUR', 100), (2, 'A2', %lld, 'open', 2000, %lld, "
        "'EUR', 100), "
        "(3, 'A3', %lld, 'delivered', 3000, 4000, 'EUR', 100)",
        (long long)id.v, (long long)w->cx.now_ms + 9000, (long long)id.v,
        (long long)w->cx.now_ms - 9000, (long long)id.v);

    struct card c = card_of(w, id, 0);

    assert_true(advises(&c, "late_order"));
    const struct card_open *open = c.open.items;
    assert_int_equal(c.open.n, 2);
    assert_str(open[0].number, S("A2"));
    assert_true(open[0].is_late);
    assert_false(open[1].is_late);
    assert_int_equal(c.orders.n, 3);
    assert_str(((struct card_order *)c.orders.items)[0].number, S("A3"));
    assert_int_equal(c.ask.field.len, 0);
}

static void add_call(struct test_world *w, int64_t id, customer_id c, int64_t ring_ms,
                     const char *state, const char *outcome, const char *note, int64_t spoke)
{
    run(w, "INSERT INTO phone_link (id, kind, name, created_ms) SELECT 1, 'webhook', 'x', 0 WHERE "
           "NOT EXISTS "
           "(SELECT 1 FROM phone_link WHERE id = 1)");
    run(w,
        "INSERT INTO call (id, link_id, source_id, direction, state, number, customer_id, ring_ms, "
        "answer_ms, outcome, note, "
        "spoke_id) VALUES (%lld, 1, 's%lld', 'in', '%s', '+44', %lld, %lld, %lld, '%s', '%s', "
        "%lld)",
        (long long)id, (long long)id, state, (long long)c.v, (long long)ring_ms, (long long)ring_ms,
        outcome, note, (long long)spoke);
}

static void a_second_call_of_the_day_shows_the_note_of_the_first_on_top(void **state)
{
    struct test_world *w = *state;
    struct intake in = call_of(S("+442079460018"), S("Ann Lee"));
    in.claims.lang = S("en");
    customer_id id = entered(w, in).customer;
    add_call(w, 1, id, w->cx.now_ms - 86400000LL * 3, "ended", "solved", "an old one", 0);
    add_call(w, 2, id, w->cx.now_ms - 60000, "ended", "follow_up", "parcel 10482", 0);
    add_call(w, 3, id, w->cx.now_ms, "ringing", "", "", 0);

    struct card c = card_of(w, id, 3);

    assert_int_equal(c.last_call.id.v, 2);
    assert_true(c.last_call.is_today && c.last_call.is_unsolved);
    assert_true(advises(&c, "second_call"));
    assert_true(advises(&c, "check_before_change"));
    assert_str(c.greeting.again, S("Is it about “parcel 10482” again?"));
    assert_true(c.greeting.sentence.len > 0);
}

static void a_right_answer_to_the_caller_check_takes_its_advice_away(void **state)
{
    struct test_world *w = *state;
    customer_id id = entered(w, call_of(S("+442079460018"), S("Ann Lee"))).customer;
    add_call(w, 3, id, w->cx.now_ms, "answered", "", "", 0);
    run(w,
        "INSERT INTO call_check (call_id, question, is_right, at_ms) VALUES (3, 'postcode', 1, 0)");

    struct card c = card_of(w, id, 3);

    assert_false(advises(&c, "check_before_change"));
}

static void a_shared_number_shows_the_others_who_have_it(void **state)
{
    struct test_world *w = *state;
    customer_id ann = entered(w, call_of(S("+442079460018"), S("Ann Lee"))).customer;
    customer_id bob = entered(w, call_of(S("+442079460019"), S("Bob Lee"))).customer;
    struct intake in = call_of(S("+442079460018"), S(""));
    in.customer = bob;
    (void)entered(w, in);

    struct card c = card_of(w, ann, 0);

    assert_true(c.is_shared_number);
    assert_int_equal(c.candidates.n, 1);
    const struct card_choice *other = c.candidates.items;
    assert_int_equal(other->id.v, bob.v);
    assert_str(other->why, S("shared_phone"));
    assert_true(advises(&c, "check_before_change"));
}

static void the_people_of_a_company_stand_in_the_order_of_their_calls(void **state)
{
    struct test_world *w = *state;
    struct intake in = call_of(S("+442079460018"), S("Huadong Parts"));
    in.claims.kind = S("company");
    customer_id firm = entered(w, in).customer;
    customer_id first = entered(w, call_of(S("+442079460020"), S("Li Wei"))).customer;
    customer_id second = entered(w, call_of(S("+442079460021"), S("Wang Fang"))).customer;
    run(w,
        "INSERT INTO relation (id, customer_id, other_id, kind, role, at_ms) VALUES (1, %lld, "
        "%lld, 'works_at', 'buyer', 0), "
        "(2, %lld, %lld, 'works_at', 'secretary', 0)",
        (long long)first.v, (long long)firm.v, (long long)second.v, (long long)firm.v);
    add_call(w, 5, firm, w->cx.now_ms - 5000, "ended", "solved", "", second.v);

    struct card c = card_of(w, firm, 0);

    const struct card_person *p = c.people.items;
    assert_int_equal(c.people.n, 2);
    assert_int_equal(p[0].id.v, second.v);
    add_call(w, 6, first, w->cx.now_ms - 1000, "ended", "solved", "", 0); /* by his own number */
    struct card later = card_of(w, firm, 0);
    assert_int_equal(((struct card_person *)later.people.items)[0].id.v, first.v);
    assert_str(p[0].role, S("secretary"));
    assert_true(advises(&c, "company_names"));
}

static void a_marketer_sees_no_notes_and_no_texts(void **state)
{
    struct test_world *w = *state;
    struct intake in = call_of(S("+442079460018"), S("Ann Lee"));
    in.text = S("secret words");
    customer_id id = entered(w, in).customer;
    run(w, "INSERT INTO note (id, customer_id, text, at_ms) VALUES (1, %lld, 'secret note', 0)",
        (long long)id.v);
    str json;

    w->cx.actor = (struct actor){.kind = ACTOR_STAFF, .id = 1, .role = ROLE_OPERATOR};
    assert_int_equal(card_json(&w->cx, id, (call_id){0}, &json), OK);
    assert_true(str_find(json, S("secret words")) > 0 && str_find(json, S("secret note")) > 0);
    w->cx.actor.role = ROLE_MARKETER;
    assert_int_equal(card_json(&w->cx, id, (call_id){0}, &json), OK);
    assert_true(str_find(json, S("secret")) < 0);
}

static void a_merged_record_shows_the_history_of_both_in_one_order(void **state)
{
    struct test_world *w = *state;
    customer_id a = entered(w, call_of(S("+442079460018"), S("Ann Lee"))).customer;
    customer_id b = entered(w, call_of(S("+442079460019"), S("A. Lee"))).customer;
    for (int i = 0; i < 12; i++) {
        struct intake in = call_of(i % 2 ? S("+442079460018") : S("+442079460019"), S(""));
        in.at.ms = 1000000 + i;
        (void)entered(w, in);
    }
    run(w, "UPDATE customer SET root_id = %lld WHERE id = %lld", (long long)a.v, (long long)b.v);

    struct card c = card_of(w, b, 0);

    assert_int_equal(c.customer.id.v, a.v);
    assert_int_equal(c.identities.n, 2);
    assert_int_equal(c.recent.n, 8);
    const struct line *l = c.recent.items;
    for (size_t i = 1; i < c.recent.n; i++)
        assert_true(l[i - 1].at.ms >= l[i].at.ms);
}

/* ---- timeline
 * ---------------------------------------------------------------------------------------- */

static enum err many_lines(struct cx *cx, void *state)
{
    customer_id c = *(customer_id *)state;
    for (int64_t i = 1; i <= 1000; i++)
        TRY(db_run(cx, &q_interaction_insert,
                   ARGS(V(i), V(c), V(i % 10 ? "email" : "chat"), V("in"), V("presented"),
                        V(1000 + i / 3), VNULL, VNULL, V(S("")), V(S("x")), V(S("")), V(0),
                        V(S("")))));
    return OK;
}

static void the_timeline_pages_through_everything_once_in_order(void **state)
{
    struct test_world *w = *state;
    customer_id id = entered(w, call_of(S("+442079460018"), S("Ann Lee"))).customer;
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, many_lines, &id), OK);
    struct timeline_in in = {.id = id, .limit = 100};
    size_t seen = 0;
    int64_t at = INT64_MAX, last = INT64_MAX;
    for (int page = 0; page < 11; page++) {
        struct timeline out = {0};
        assert_int_equal(route_timeline(&w->cx, &in, &out), OK);
        const struct line *l = out.items.items;
        for (size_t i = 0; i < out.items.n; i++, seen++) {
            assert_true(l[i].at.ms < at || (l[i].at.ms == at && l[i].id.v < last));
            at = l[i].at.ms;
            last = l[i].id.v;
        }
        in.cursor = out.next;
        if (out.next.len == 0)
            break;
    }
    assert_int_equal(seen, 1001);
}

struct scattered {
    customer_id of[3];
    uint64_t seed;
};
static enum err scatter(struct cx *cx, void *state)
{
    struct scattered *s = state;
    for (int64_t i = 1; i <= 300; i++) {
        uint64_t r = test_random(&s->seed);
        int64_t at = 1000 + (int64_t)(r / 8 % 40); /* many at one moment */
        TRY(db_run(cx, &q_interaction_insert,
                   ARGS(V(i), V(s->of[r % 3]), V("email"), V("in"), V("presented"), V(at), VNULL,
                        VNULL, V(S("")), V(S("x")), V(S("")), V(0), V(S("")))));
    }
    return OK;
}

static void the_timeline_of_merged_records_is_one_in_strict_order(void **state)
{
    struct test_world *w = *state;
    struct scattered s = {.seed = 3};
    str phones[] = {S("+442079460018"), S("+442079460019"), S("+442079460020")};
    for (size_t i = 0; i < 3; i++)
        s.of[i] = entered(w, call_of(phones[i], S("Ann Lee"))).customer;
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, scatter, &s), OK);
    run(w, "UPDATE customer SET root_id = %lld", (long long)s.of[1].v);

    struct timeline_in in = {.id = s.of[2], .limit = 7};
    size_t seen = 0;
    int64_t at = INT64_MAX, last = INT64_MAX;
    do {
        struct timeline out = {0};
        assert_int_equal(route_timeline(&w->cx, &in, &out), OK);
        const struct line *l = out.items.items;
        for (size_t i = 0; i < out.items.n; i++, seen++) {
            assert_true(l[i].at.ms < at || (l[i].at.ms == at && l[i].id.v < last));
            at = l[i].at.ms;
            last = l[i].id.v;
        }
        in.cursor = out.next;
    } while (in.cursor.len);
    assert_int_equal(seen, 303);
}

static void a_timeline_of_one_channel_shows_only_that(void **state)
{
    struct test_world *w = *state;
    customer_id id = entered(w, call_of(S("+442079460018"), S("Ann Lee"))).customer;
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, many_lines, &id), OK);
    str chat = S("chat");
    struct timeline_in in = {.id = id, .channel = {&chat, 1}, .limit = 200};
    struct timeline out = {0};

    assert_int_equal(route_timeline(&w->cx, &in, &out), OK);

    assert_int_equal(out.items.n, 100);
}

static void a_find_in_a_long_timeline_looks_back_so_far_and_says_how_far(void **state)
{
    struct test_world *w = *state;
    customer_id id = entered(w, call_of(S("+442079460018"), S("Ann Lee"))).customer;
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, many_lines, &id), OK);
    struct timeline_in in = {.id = id, .q = S("X"), .limit = 30};
    struct timeline out = {0}, none = {0};
    size_t seen = 0;

    do {
        out = (struct timeline){0};
        assert_int_equal(route_timeline(&w->cx, &in, &out), OK);
        assert_true(out.looked <= 31); /* each line holds it, but the call's */
        seen += out.items.n;
        in.cursor = out.next;
    } while (in.cursor.len);
    assert_int_equal(seen, 1000);

    in = (struct timeline_in){.id = id, .q = S("nowhere"), .limit = 30};
    assert_int_equal(route_timeline(&w->cx, &in, &none), OK);
    assert_int_equal(none.items.n, 0);
    assert_int_equal(none.looked, 1000);
    assert_true(none.next.len > 0);
    assert_true(none.until.ms > 0);
}

static void a_long_text_is_cut_on_the_card_and_says_so(void **state)
{
    struct test_world *w = *state;
    struct intake in = call_of(S("+442079460018"), S("Ann Lee"));
    char *text = arena_alloc(w->cx.arena, 1, 9000);
    for (size_t i = 0; i + 3 <= 9000; i += 3)
        memcpy(text + i, "田", 3);
    in.text = (str){text, 9000};
    customer_id id = entered(w, in).customer;

    struct card c = card_of(w, id, 0);

    const struct line *l = c.recent.items;
    assert_int_equal(l->text.len, 1800);
    assert_true(l->is_cut && str_is_utf8(l->text));
    struct line whole = {0};
    assert_int_equal(route_line(&w->cx, (void *)&l->id, &whole), OK);
    assert_int_equal(whole.text.len, 9000);
    assert_false(whole.is_cut);
}

/* ---- long histories
 * ------------------------------------------------------------------------------------------- */

/* The quickest of some readings, so that what else the machine does says little. */
static int64_t quickest_card_ns(struct test_world *w, customer_id id)
{
    int64_t best = INT64_MAX;
    for (int i = 0; i < 30; i++) {
        int64_t start = clock_mono_ns();
        (void)card_of(w, id, 0);
        int64_t took = clock_mono_ns() - start;
        best = took < best ? took : best;
    }
    return best;
}

static void a_card_with_a_hundred_thousand_contacts_opens_like_one_with_ten(void **state)
{
    struct test_world *w = *state;
    customer_id few = entered(w, call_of(S("+442079460018"), S("Ann Lee"))).customer;
    customer_id many = entered(w, call_of(S("+442079460019"), S("Bob Lee"))).customer;
    const char *numbers = test_is_postgres()
                              ? "SELECT generate_series(1, 100000) AS i"
                              : "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
                                "WHERE i < 100000) SELECT i FROM n";
    run(w,
        "INSERT INTO interaction (id, customer_id, channel, direction, trust, at_ms, text) "
        "SELECT i, CASE WHEN i <= 10 THEN %lld ELSE %lld END, 'email', 'in', 'presented', 1000 * "
        "i, 'x' "
        "FROM (%s) numbers",
        (long long)few.v, (long long)many.v, numbers);
    if (test_is_postgres())
        run(w, "ANALYZE interaction");

    int64_t short_ns = quickest_card_ns(w, few), long_ns = quickest_card_ns(w, many);

    if (long_ns > 4 * short_ns + 500000)
        fail_msg("%lld us against %lld us", (long long)long_ns / 1000, (long long)short_ns / 1000);
}

/* How many orders PostgreSQL has looked at in this snapshot. */
static const struct query q_orders_read = {
    .name = "orders_read",
    .sqlite = "SELECT 0",
    .postgres = "SELECT idx_tup_fetch + seq_tup_read FROM pg_stat_xact_user_tables "
                "WHERE schemaname = current_schema() AND relname = 'orders'"};

static void a_card_reads_the_orders_of_its_customer_though_statistics_know_of_no_open_ones(
    void **state)
{
    struct test_world *w = *state;
    if (!test_is_postgres())
        skip();
    customer_id one = entered(w, call_of(S("+442079460018"), S("Ann Lee"))).customer;
    customer_id other = entered(w, call_of(S("+442079460019"), S("Bob Lee"))).customer;
    static const char fill[] =
        "INSERT INTO orders (id, number, customer_id, status, at_ms, currency, total_minor) "
        "SELECT i, 'n' || i, CASE WHEN i %% 5000 = 0 THEN %lld ELSE %lld END, '%s', i, 'EUR', 1 "
        "FROM (SELECT generate_series(%d, %d) AS i) numbers";
    run(w, fill, (long long)one.v, (long long)other.v, "delivered", 1, 5000);
    run(w, "ANALYZE orders");
    run(w, fill, (long long)one.v, (long long)other.v, "open", 5001, 10000);

    assert_int_equal(read_begin(&w->cx), OK);
    struct card c = card_of(w, one, 0);
    int64_t n = 0;
    assert_int_equal(db_int(&w->cx, &q_orders_read, &n, NO_ARGS), OK);
    read_end(&w->cx);

    assert_int_equal(c.orders.n, 2);
    assert_int_equal(c.open.n, 1);
    assert_in_range(n, 1, 20);
}

static int all(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(everybody_is_addressed_as_his_language_wants),
        STORE_TEST(a_plain_customer_gets_a_card_without_advice_and_one_thing_to_ask),
        STORE_TEST(marks_become_advice_with_their_reason_and_who_is_blocked_comes_first),
        STORE_TEST(a_late_order_is_advised_stands_first_and_nothing_is_asked),
        STORE_TEST(a_second_call_of_the_day_shows_the_note_of_the_first_on_top),
        STORE_TEST(a_right_answer_to_the_caller_check_takes_its_advice_away),
        STORE_TEST(a_shared_number_shows_the_others_who_have_it),
        STORE_TEST(the_people_of_a_company_stand_in_the_order_of_their_calls),
        STORE_TEST(a_marketer_sees_no_notes_and_no_texts),
        STORE_TEST(a_merged_record_shows_the_history_of_both_in_one_order),
        STORE_TEST(the_timeline_pages_through_everything_once_in_order),
        STORE_TEST(the_timeline_of_merged_records_is_one_in_strict_order),
        STORE_TEST(a_timeline_of_one_channel_shows_only_that),
        STORE_TEST(a_find_in_a_long_timeline_looks_back_so_far_and_says_how_far),
        STORE_TEST(a_long_text_is_cut_on_the_card_and_says_so),
        STORE_TEST(a_card_with_a_hundred_thousand_contacts_opens_like_one_with_ten),
        STORE_TEST(a_card_reads_the_orders_of_its_customer_though_statistics_know_of_no_open_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    static const uint8_t key[32] = {1};
    cursor_key_set(key);
    return test_on_stores(all);
}
