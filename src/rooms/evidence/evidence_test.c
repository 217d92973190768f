/* What is read of a record is read once, counts for 180 days and is the same by either id of a merged one; impressions of
 * colleagues stand, are corrected and fade. */
#include "db/db_test.h"
#include "rooms/evidence/inside.h"

static const int64_t DAY_MS = 86400000;

#define MADE(id, np, is_write, both) \
    static const struct query id = { \
        .name = #id, .sqlite = (both), .n_params = (np), .writes = (is_write), .postgres = (both)}
MADE(q_rows, 0, false, "SELECT count(*) FROM evidence");
MADE(q_traits, 0, false, "SELECT count(*) FROM trait");
MADE(q_looked_at, 0, false, "SELECT count(*) FROM rule_due WHERE due_ms = 0");
MADE(q_looked, 0, true, "DELETE FROM rule_due");
static const struct query q_merge = {.name = "merge",
                                     .sqlite = "UPDATE customer SET root_id = ?1 WHERE id = ?2",
                                     .n_params = 2,
                                     .writes = true,
                                     .postgres = "UPDATE customer SET root_id = $1 WHERE id = $2"};

static int64_t number(struct test_world *w, const struct query *q)
{
    int64_t n = -1;
    assert_int_equal(db_int(&w->cx, q, &n, NO_ARGS), OK);
    return n;
}

/* ---- a small house ------------------------------------------------------------------------------ */

static enum err house_apply(struct cx *cx, void *state)
{
    (void)state;
    TRY(db_run(cx, &q_staff_insert,
               ARGS(V(77), V("anna@kith.example"), V("Anna Petrova"), V("agent"), V(""), V("en"),
                    V(cx->now_ms))));
    TRY(settings_set(cx, "competitors", S("Rival & Sons\nКонкуренто")));
    /* rules are told only where there is one */
    return db_run(cx, &q_segment_insert,
                  ARGS(V(1), V("x"), V("x"), V("vip"), VNULL, V(cx->now_ms)));
}

static int world(void **state)
{
    test_world_open(state);
    struct test_world *w = *state;
    w->cx.actor = (struct actor){.kind = ACTOR_SYSTEM};
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, house_apply, NULL), OK);
    return 0;
}
#define HOUSE_TEST(fn) cmocka_unit_test_setup_teardown(fn, world, test_world_close)

static enum err enter_apply(struct cx *cx, void *state)
{
    void **both = state;
    return intake_take(cx, both[0], both[1]);
}

/* A message of somebody with this address. */
static customer_id writes(struct test_world *w, const char *email, const char *text,
                          struct intake in)
{
    struct intake_identity id = {.type = IDENTITY_EMAIL, .value = str_of(email)};
    struct intake_result out = {0};
    if (in.channel == 0)
        in.channel = CHANNEL_EMAIL;
    in.trust = TRUST_PRESENTED;
    in.identities = (struct list){&id, 1};
    in.text = str_of(text);
    void *both[2] = {&in, &out};
    assert_int_equal(intake_plan(&w->cx, &in), OK);
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, enter_apply, both), OK);
    return out.customer;
}
#define WRITES(w, email, text) writes(w, email, text, (struct intake){0})

static enum err write_apply(struct cx *cx, void *one)
{
    return evidence_write_many(cx, one, 1);
}

static bool writes_down(struct test_world *w, const struct evidence_found *f)
{
    struct evidence_writing one = {.found = f};
    assert_int_equal(db_change(w->store, &w->cx, LANE_BULK, write_apply, &one), OK);
    assert_false(one.is_stale);
    return one.has_changed;
}

static struct evidence_found *reads(struct test_world *w, customer_id id)
{
    struct evidence_found *f = NULL;
    assert_int_equal(evidence_read(&w->cx, id, &f), OK);
    return f;
}

static bool gather(struct test_world *w, customer_id id)
{
    struct evidence_found *f = NULL;
    bool has_changed = false;
    do {
        f = reads(w, id);
        has_changed |= writes_down(w, f);
    } while (evidence_is_more(f));
    return has_changed;
}

static struct trait trait(struct test_world *w, customer_id id)
{
    struct trait t = {0};
    assert_int_equal(trait_of(&w->cx, id, &t), OK);
    return t;
}

static enum err query_apply(struct cx *cx, void *q)
{
    return db_run(cx, q, NO_ARGS);
}

static void forget_looks(struct test_world *w)
{
    assert_int_equal(
        db_change(w->store, &w->cx, LANE_INTERACTIVE, query_apply, (void *)(uintptr_t)&q_looked),
        OK);
}

static enum err due_apply(struct cx *cx, void *finished)
{
    int64_t position = 0, progress = 0, total = 0;
    return evidence_due_job.slice(cx, (str){0}, &position, &progress, &total, finished);
}

static void due_runs(struct test_world *w)
{
    bool finished = false;
    for (int i = 0; !finished; i++) {
        assert_true(i < 100);
        assert_int_equal(db_change(w->store, &w->cx, LANE_BULK, due_apply, &finished), OK);
    }
}

static void a_long_history_is_read_in_several_turns_and_in_bounded_memory(void **state)
{
    enum { TEXTS = 230, LETTERS = 7900 };
    struct test_world *w = *state;
    struct text long_text = text_in(w->cx.arena, LETTERS + 100);
    text_add(&long_text, S("Could you give me a discount? "));
    while (long_text.len < LETTERS)
        text_printf(&long_text, "%zu words of no meaning; ", long_text.len);
    customer_id id = {0};
    for (int i = 0; i < TEXTS; i++)
        id = WRITES(w, "long@example.org", text_str(&long_text).ptr);
    arena_reset(w->cx.arena);

    struct evidence_found *first = reads(w, id);
    assert_true(evidence_is_more(first));
    (void)writes_down(w, first);
    assert_true(arena_used(w->cx.arena) < (size_t)12 << 20);
    assert_true(trait(w, id).counts[EVIDENCE_DISCOUNT_ASKED] < TEXTS);

    (void)gather(w, id);
    assert_int_equal(trait(w, id).counts[EVIDENCE_DISCOUNT_ASKED], TEXTS);
}

/* Two that read the same texts at the same time, and one that was written between reading and writing. */
static void what_two_have_read_counts_once_and_nothing_is_passed_over(void **state)
{
    struct test_world *w = *state;
    customer_id ann = WRITES(w, "ann@kith.example", "Could you give me a discount?");
    struct evidence_found *one = reads(w, ann), *other = reads(w, ann);
    (void)WRITES(w, "ann@kith.example", "And could you give me a discount on the second one?");
    struct evidence_writing late = {.found = other};

    assert_true(writes_down(w, one));
    assert_int_equal(db_change(w->store, &w->cx, LANE_BULK, write_apply, &late), OK);

    assert_true(late.is_stale);
    assert_int_equal(trait(w, ann).counts[EVIDENCE_DISCOUNT_ASKED], 1);
    assert_true(gather(w, ann));
    assert_int_equal(trait(w, ann).counts[EVIDENCE_DISCOUNT_ASKED], 2);
}

static enum err impression_apply(struct cx *cx, void *in)
{
    return impression_put(cx, in);
}

static void thinks(struct test_world *w, customer_id c, int impression, int64_t source,
                   int64_t staff)
{
    struct impression_new n = {
        .customer = c, .impression = impression, .source = source, .staff = {staff}};
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, impression_apply, &n), OK);
}

static void an_impression_between_reading_and_writing_stays(void **state)
{
    struct test_world *w = *state;
    customer_id ann = WRITES(w, "ann@kith.example", "Could you give me a discount?"),
                bob = WRITES(w, "bob@kith.example", "Please send the parcel to my office.");
    struct evidence_found *of_ann = reads(w, ann), *of_bob = reads(w, bob);

    thinks(w, ann, IMPRESSION_CHATTY, 901, 77);
    thinks(w, bob, IMPRESSION_CHATTY, 902, 77);
    struct evidence_writing late = {.found = of_bob};
    assert_int_equal(db_change(w->store, &w->cx, LANE_BULK, write_apply, &late), OK);
    late = (struct evidence_writing){.found = of_ann};
    assert_int_equal(db_change(w->store, &w->cx, LANE_BULK, write_apply, &late), OK);
    (void)gather(w, ann);
    (void)gather(w, bob);

    assert_int_equal(trait(w, ann).impression, IMPRESSION_CHATTY);
    assert_int_equal(trait(w, ann).counts[EVIDENCE_DISCOUNT_ASKED], 1);
    assert_int_equal(trait(w, bob).impression, IMPRESSION_CHATTY);
}

/* ---- what is read --------------------------------------------------------------------------------- */

static void a_message_is_read_once_and_rules_are_told_once(void **state)
{
    struct test_world *w = *state;
    customer_id ann = WRITES(
        w, "ann@kith.example",
        "Could you give me a discount? I will order more. Rival & Sons is cheaper. What is your favourite colour of the sky?");
    customer_id bob = WRITES(w, "bob@kith.example", "Please send the parcel to my office.");

    assert_true(gather(w, ann));
    assert_false(gather(w, bob));
    int64_t rows = number(w, &q_rows), looked = number(w, &q_looked_at);
    assert_false(gather(w, ann));
    assert_false(gather(w, bob));

    struct trait t = trait(w, ann);
    assert_int_equal(t.counts[EVIDENCE_DISCOUNT_ASKED], 1);
    assert_int_equal(t.counts[EVIDENCE_PROMISE_MORE], 1);
    assert_int_equal(t.counts[EVIDENCE_COMPETITOR_NAMED], 1);
    assert_int_equal(t.counts[EVIDENCE_QUESTION], 2);
    assert_int_equal(t.counts[EVIDENCE_AGGRESSIVE], 0);
    assert_int_equal(t.due_at.ms, w->cx.now_ms + EVIDENCE_DAYS * DAY_MS + 1);
    assert_int_equal(looked, 1);
    assert_int_equal(number(w, &q_rows), rows);
    assert_int_equal(rows, 4);

    w->cx.now_ms += 60000;
    (void)WRITES(w, "ann@kith.example", "Any discount for me?");
    assert_true(gather(w, ann));
    assert_int_equal(trait(w, ann).counts[EVIDENCE_DISCOUNT_ASKED], 2);
    assert_int_equal(trait(w, ann).counts[EVIDENCE_QUESTION], 3);
}

static void our_own_letters_orders_and_old_messages_are_not_read(void **state)
{
    struct test_world *w = *state;
    customer_id ann = writes(w, "ann@kith.example", "Give me a discount!",
                             (struct intake){.direction = DIRECTION_OUT});
    (void)writes(w, "ann@kith.example", "Give me a discount!",
                 (struct intake){.channel = CHANNEL_ORDER});
    (void)writes(w, "ann@kith.example", "Give me a discount!",
                 (struct intake){.at = {w->cx.now_ms - 181 * DAY_MS}});

    assert_false(gather(w, ann));
    assert_int_equal(number(w, &q_traits), 0);
    (void)writes(w, "ann@kith.example", "Give me a discount!",
                 (struct intake){.at = {w->cx.now_ms - 179 * DAY_MS}});
    assert_true(gather(w, ann));
    assert_int_equal(trait(w, ann).due_at.ms, w->cx.now_ms + DAY_MS + 1);
}

static enum err note_apply(struct cx *cx, void *state)
{
    const customer_id *c = state;
    return db_run(cx, &q_note_insert,
                  ARGS(V(id_new(cx->now_ms)), V(*c),
                       V("Asks for a discount and for Anna Petrova again. Urgent!"), VNULL,
                       V(cx->now_ms)));
}

static void notes_of_colleagues_are_read_without_his_temper(void **state)
{
    struct test_world *w = *state;
    customer_id ann = WRITES(w, "ann@kith.example", "hello");
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, note_apply, &ann), OK);

    assert_true(gather(w, ann));
    struct trait t = trait(w, ann);
    assert_int_equal(t.counts[EVIDENCE_DISCOUNT_ASKED], 1);
    assert_int_equal(t.counts[EVIDENCE_COLLEAGUE_ASKED], 1);
    assert_int_equal(t.colleague.v, 77);
    assert_int_equal(t.counts[EVIDENCE_HURRY], 0);
}

static enum err sold_apply(struct cx *cx, void *state)
{
    (void)state;
    bool finished = false;
    int64_t position = 0, progress = 0, total = 0;
    TRY(db_run(cx, &q_product_insert,
               ARGS(V(5), V("OW-7"), V("Owl statue"), VNULL, V(""), V("Garden"), V(1),
                    V("ow-7 owl statue"))));
    TRY(db_run(cx, &q_product_insert,
               ARGS(V(6), V("ЧД-2"), V("Самовар"), VNULL, V(""), V(""), V(1), V("чд-2 самовар"))));
    return product_word_job.slice(cx, (str){0}, &position, &progress, &total, &finished);
}

static enum err order_apply(struct cx *cx, void *state)
{
    const customer_id *c = state;
    static const struct query q = {
        .name = "o",
        .writes = true,
        .n_params = 2,
        .sqlite =
            "INSERT INTO orders (id, number, customer_id, status, at_ms, currency, total_minor) VALUES (9, 'R-1044', ?1, 'open', ?2, 'EUR', 100)",
        .postgres =
            "INSERT INTO orders (id, number, customer_id, status, at_ms, currency, total_minor) VALUES (9, 'R-1044', $1, 'open', $2, 'EUR', 100)"};
    return db_run(cx, &q, ARGS(V(*c), V(cx->now_ms)));
}

static void a_question_about_what_is_sold_or_ordered_is_to_the_matter(void **state)
{
    struct test_world *w = *state;
    customer_id ann = WRITES(
        w, "ann@kith.example",
        "Are the owls made by hand? Where is my r-1044 now? А самовары у вас есть? Do you like the sunny days? Is your garden big?");
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, sold_apply, NULL), OK);
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, order_apply, &ann), OK);

    assert_true(gather(w, ann));
    assert_int_equal(trait(w, ann).counts[EVIDENCE_QUESTION], 5);
    assert_int_equal(trait(w, ann).counts[EVIDENCE_OFF_MATTER],
                     2); /* owls: three letters are no name; the days */
}

/* ---- 180 days -------------------------------------------------------------------------------------- */

static void what_was_said_falls_out_after_180_days_and_rules_are_told(void **state)
{
    struct test_world *w = *state;
    customer_id ann = WRITES(w, "ann@kith.example", "Too expensive!");
    assert_true(gather(w, ann));
    w->cx.now_ms += 100 * DAY_MS;
    (void)WRITES(w, "ann@kith.example", "Still too expensive!");
    assert_true(gather(w, ann));
    assert_int_equal(trait(w, ann).counts[EVIDENCE_PRICE_REMARK], 2);
    forget_looks(w);

    w->cx.now_ms += 80 * DAY_MS;
    due_runs(w);
    assert_int_equal(trait(w, ann).counts[EVIDENCE_PRICE_REMARK], 2);
    assert_int_equal(number(w, &q_looked_at), 0);
    w->cx.now_ms += 1;
    due_runs(w);
    assert_int_equal(trait(w, ann).counts[EVIDENCE_PRICE_REMARK], 1);
    assert_int_equal(number(w, &q_looked_at), 1);
    assert_int_equal(trait(w, ann).due_at.ms, w->cx.now_ms + 100 * DAY_MS);

    w->cx.now_ms += 101 * DAY_MS;
    due_runs(w);
    assert_int_equal(trait(w, ann).counts[EVIDENCE_PRICE_REMARK], 0);
    assert_int_equal(trait(w, ann).due_at.ms, 0);
}

static void a_clock_that_went_back_loses_and_doubles_nothing(void **state)
{
    struct test_world *w = *state;
    customer_id ann = WRITES(w, "ann@kith.example", "Too expensive!");
    assert_true(gather(w, ann));
    w->cx.now_ms -= 40 * DAY_MS;
    (void)WRITES(w, "ann@kith.example", "Far too expensive!");
    (void)gather(w, ann);
    (void)gather(w, ann);
    assert_int_equal(trait(w, ann).counts[EVIDENCE_PRICE_REMARK], 2);
    w->cx.now_ms += 400 * DAY_MS;
    due_runs(w);
    assert_int_equal(trait(w, ann).counts[EVIDENCE_PRICE_REMARK], 0);
}

/* ---- merged records ---------------------------------------------------------------------------------- */

struct merge {
    customer_id root, other;
};
static enum err merge_apply(struct cx *cx, void *state)
{
    const struct merge *m = state;
    return db_run(cx, &q_merge, ARGS(V(m->root), V(m->other)));
}

static void merges(struct test_world *w, customer_id other, customer_id root)
{
    struct merge m = {root, other};
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, merge_apply, &m), OK);
}

static void a_merged_record_counts_what_both_said_and_parts_again_exactly(void **state)
{
    struct test_world *w = *state;
    customer_id ann = WRITES(w, "ann@kith.example", "Too expensive!"),
                lee = WRITES(w, "lee@kith.example", "Far too expensive. Hurry!");
    assert_true(gather(w, ann));
    assert_true(gather(w, lee));
    merges(w, lee, ann);

    assert_true(gather(w, lee));
    assert_int_equal(trait(w, ann).counts[EVIDENCE_PRICE_REMARK], 2);
    assert_int_equal(trait(w, lee).counts[EVIDENCE_HURRY], 1);
    assert_int_equal(number(w, &q_traits), 1);
    assert_false(gather(w, ann));

    merges(w, lee, lee);
    assert_true(gather(w, ann));
    assert_true(gather(w, lee));
    assert_int_equal(trait(w, ann).counts[EVIDENCE_PRICE_REMARK], 1);
    assert_int_equal(trait(w, ann).counts[EVIDENCE_HURRY], 0);
    assert_int_equal(trait(w, lee).counts[EVIDENCE_HURRY], 1);
}

static void a_long_history_is_read_to_its_end(void **state)
{
    struct test_world *w = *state;
    customer_id ann = {0};
    for (int i = 0; i < 230; i++) {
        w->cx.now_ms += 1000;
        ann = WRITES(w, "ann@kith.example", i % 10 ? "hello" : "So expensive.");
    }
    (void)gather(w, ann);
    assert_int_equal(trait(w, ann).counts[EVIDENCE_PRICE_REMARK], 23);
}

/* ---- several together ---------------------------------------------------------------------------------- */

MADE(q_newest, 0, false, "SELECT max(id) FROM interaction");

struct together {
    struct evidence_writing v[EVIDENCE_TOGETHER];
    size_t n;
};
static enum err together_apply(struct cx *cx, void *state)
{
    struct together *t = state;
    return evidence_write_many(cx, t->v, t->n);
}

/* Read together and written together; false: they wrote too much for that. */
static bool gather_many(struct test_world *w, const struct evidence_ask *asks, size_t n,
                        int64_t followed_ms)
{
    struct evidence_found *found[EVIDENCE_TOGETHER] = {0};
    struct together t = {0};
    bool is_too_much = false;
    assert_int_equal(evidence_read_many(&w->cx, asks, n, followed_ms, found, &is_too_much), OK);
    for (size_t i = 0; !is_too_much && i < n; i++)
        if (found[i])
            t.v[t.n++].found = found[i];
    assert_int_equal(db_change(w->store, &w->cx, LANE_BULK, together_apply, &t), OK);
    for (size_t i = 0; i < t.n; i++)
        assert_false(t.v[i].is_stale);
    return !is_too_much;
}

static void what_several_wrote_is_read_together_and_nobody_gets_the_words_of_another(void **state)
{
    enum { PEOPLE = 9 };
    struct test_world *w = *state;
    struct evidence_ask asks[PEOPLE + 1] = {0};
    customer_id who[PEOPLE] = {0};
    for (int i = 0; i < PEOPLE; i++) {
        const char *email = arena_printf(w->cx.arena, "p%d@kith.example", i).ptr;
        for (int k = 0; k <= i; k++)
            who[i] = WRITES(w, email, k % 2 ? "hello" : "So expensive.");
        asks[i].root = who[i];
    }
    asks[PEOPLE].root.v = id_new(w->cx.now_ms); /* nobody */

    assert_true(gather_many(w, asks, PEOPLE + 1, 0));
    assert_true(gather_many(w, asks, PEOPLE + 1, 0));

    for (int i = 0; i < PEOPLE; i++)
        assert_int_equal(trait(w, who[i]).counts[EVIDENCE_PRICE_REMARK], i / 2 + 1);

    for (int i = 0; i < 260; i++)
        (void)WRITES(w, "p0@kith.example", "hello");
    assert_false(gather_many(w, asks, PEOPLE, 0));
}

/* One of them was read by another meanwhile, one answers for himself no more, and one has two ids. */
static void of_several_written_together_each_is_stale_or_counted_for_himself(void **state)
{
    enum { ANN, BOB, CEM, DAN, PEOPLE };
    static const char *const emails[] = {"ann@kith.example", "bob@kith.example", "cem@kith.example",
                                         "dan@kith.example"};
    struct test_world *w = *state;
    struct together t = {.n = PEOPLE};
    customer_id who[PEOPLE];
    for (int i = 0; i < PEOPLE; i++)
        who[i] = WRITES(w, emails[i], "So expensive.");
    customer_id other = WRITES(w, "ann@work.example", "So expensive. Can I speak to Anna Petrova?");
    merges(w, other, who[ANN]);
    for (int i = 0; i < PEOPLE; i++)
        t.v[i] = (struct evidence_writing){.found = reads(w, who[i]), .depth = i % 2};
    (void)writes_down(w, reads(w, who[BOB]));
    merges(w, who[DAN], who[CEM]);

    assert_int_equal(db_change(w->store, &w->cx, LANE_BULK, together_apply, &t), OK);

    assert_false(t.v[ANN].is_stale);
    assert_true(t.v[BOB].is_stale);
    assert_false(t.v[CEM].is_stale);
    assert_true(t.v[DAN].is_stale);
    assert_true(t.v[ANN].has_changed && t.v[CEM].has_changed);
    assert_int_equal(trait(w, who[ANN]).counts[EVIDENCE_PRICE_REMARK], 2);
    assert_int_equal(trait(w, who[BOB]).counts[EVIDENCE_PRICE_REMARK], 1);
    assert_int_equal(trait(w, who[CEM]).counts[EVIDENCE_PRICE_REMARK], 1);
    assert_int_equal(trait(w, who[ANN]).counts[EVIDENCE_COLLEAGUE_ASKED], 1);
    assert_int_equal(trait(w, who[ANN]).colleague.v, 77);
    assert_int_equal(trait(w, who[CEM]).colleague.v, 0);
}

/* What is read again of everybody reaches further back than the day since which events are followed: that is no reason to read
 * again what events have told of since. */
static void who_was_read_while_events_were_followed_is_taken_at_his_word(void **state)
{
    struct test_world *w = *state;
    customer_id ann = WRITES(w, "ann@kith.example", "So expensive.");
    int64_t first = number(w, &q_newest);
    (void)gather(w, ann);
    assert_true(id_ms(trait(w, ann).read_id) < id_ms(first) - 1);
    (void)WRITES(w, "ann@kith.example", "Could you give me a discount?");
    const int64_t told = number(w, &q_newest);
    (void)WRITES(w, "ann@kith.example", "So expensive again.");
    const struct evidence_ask ask = {ann, &told, 1, true};

    assert_true(gather_many(w, &ask, 1, id_ms(first) - 1));

    assert_int_equal(trait(w, ann).counts[EVIDENCE_DISCOUNT_ASKED], 1);
    assert_int_equal(trait(w, ann).counts[EVIDENCE_PRICE_REMARK], 1); /* nobody told of the third */
}

static void a_contact_that_an_event_told_of_is_read_alone_unless_events_were_passed_over(
    void **state)
{
    struct test_world *w = *state;
    customer_id ann = WRITES(w, "ann@kith.example", "So expensive.");
    (void)gather(w, ann);
    int64_t read_to = trait(w, ann).read_id, told = 0;
    assert_true(read_to > 0);

    w->cx.now_ms += 3600000;
    (void)WRITES(w, "ann@kith.example", "Could you give me a discount?");
    told = number(w, &q_newest);
    (void)WRITES(w, "ann@kith.example", "So expensive again.");
    const struct evidence_ask ask = {ann, &told, 1, true};
    assert_true(gather_many(w, &ask, 1, 0));

    assert_int_equal(trait(w, ann).counts[EVIDENCE_DISCOUNT_ASKED], 1);
    assert_int_equal(trait(w, ann).counts[EVIDENCE_PRICE_REMARK], 1);
    assert_int_equal(trait(w, ann).read_id, read_to);

    assert_true(gather_many(w, &ask, 1, id_ms(told)));
    assert_int_equal(trait(w, ann).counts[EVIDENCE_DISCOUNT_ASKED], 1);
    assert_int_equal(trait(w, ann).counts[EVIDENCE_PRICE_REMARK], 2);
    assert_true(trait(w, ann).read_id > read_to);
}

/* Somebody's contact, told of as if it were another's. */
static void a_contact_counts_for_nobody_but_whose_it_is(void **state)
{
    struct test_world *w = *state;
    customer_id ann = WRITES(w, "ann@kith.example", "So expensive.");
    (void)gather(w, ann);
    (void)WRITES(w, "bob@kith.example", "Could you give me a discount?");
    int64_t told = number(w, &q_newest);

    assert_true(gather_many(w, &(struct evidence_ask){ann, &told, 1, true}, 1, 0));

    assert_int_equal(trait(w, ann).counts[EVIDENCE_DISCOUNT_ASKED], 0);
}

static void a_few_texts_that_say_nothing_leave_no_row(void **state)
{
    struct test_world *w = *state;
    customer_id ann = {0};
    int64_t before = number(w, &q_traits);
    for (int i = 0; i < 4; i++)
        ann = WRITES(w, "ann@kith.example", "hello");
    (void)gather(w, ann);
    assert_int_equal(number(w, &q_traits), before);

    (void)WRITES(w, "ann@kith.example", "hello");
    (void)gather(w, ann);
    assert_int_equal(number(w, &q_traits), before + 1);
}

/* ---- impressions ------------------------------------------------------------------------------------- */

static void the_newest_impression_counts_is_corrected_and_fades(void **state)
{
    struct test_world *w = *state;
    customer_id ann = WRITES(w, "ann@kith.example", "hello"),
                bob = WRITES(w, "bob@kith.example", "hello");

    thinks(w, ann, IMPRESSION_CHATTY, 1001, 77);
    struct trait t = trait(w, ann);
    assert_int_equal(t.impression, IMPRESSION_CHATTY);
    assert_int_equal(t.impression_by.v, 77);
    assert_int_equal(t.impression_at.ms, w->cx.now_ms);
    w->cx.now_ms += DAY_MS;
    thinks(w, ann, IMPRESSION_TIME_EATER, 1002, 78);
    assert_int_equal(trait(w, ann).impression, IMPRESSION_TIME_EATER);
    thinks(w, ann, IMPRESSION_INTERESTED, 1002, 78); /* the same call: said otherwise */
    assert_int_equal(trait(w, ann).impression, IMPRESSION_INTERESTED);
    assert_int_equal(number(w, &q_rows), 2);

    thinks(w, bob, IMPRESSION_INTERESTED, 1002, 78); /* the call was somebody else's */
    assert_int_equal(trait(w, ann).impression, IMPRESSION_CHATTY);
    assert_int_equal(trait(w, bob).impression, IMPRESSION_INTERESTED);
    thinks(w, bob, IMPRESSION_NONE, 1002, 78); /* taken back */
    assert_int_equal(trait(w, bob).impression, IMPRESSION_NONE);

    (void)gather(w, ann);
    assert_int_equal(trait(w, ann).impression, IMPRESSION_CHATTY);
    thinks(w, ann, IMPRESSION_NONE, 1003, 79); /* of nobody any more */
    assert_int_equal(trait(w, ann).impression, IMPRESSION_NONE);
    thinks(w, ann, IMPRESSION_COMPANY, 1004, 79);
    forget_looks(w);
    w->cx.now_ms += EVIDENCE_DAYS * DAY_MS + 1;
    due_runs(w);
    assert_int_equal(trait(w, ann).impression, IMPRESSION_NONE);
    assert_int_equal(number(w, &q_looked_at), 1);
}

static int all(void)
{
    const struct CMUnitTest tests[] = {
        HOUSE_TEST(what_two_have_read_counts_once_and_nothing_is_passed_over),
        HOUSE_TEST(an_impression_between_reading_and_writing_stays),
        HOUSE_TEST(a_message_is_read_once_and_rules_are_told_once),
        HOUSE_TEST(what_several_wrote_is_read_together_and_nobody_gets_the_words_of_another),
        HOUSE_TEST(of_several_written_together_each_is_stale_or_counted_for_himself),
        HOUSE_TEST(who_was_read_while_events_were_followed_is_taken_at_his_word),
        HOUSE_TEST(a_contact_that_an_event_told_of_is_read_alone_unless_events_were_passed_over),
        HOUSE_TEST(a_contact_counts_for_nobody_but_whose_it_is),
        HOUSE_TEST(a_few_texts_that_say_nothing_leave_no_row),
        HOUSE_TEST(our_own_letters_orders_and_old_messages_are_not_read),
        HOUSE_TEST(notes_of_colleagues_are_read_without_his_temper),
        HOUSE_TEST(a_question_about_what_is_sold_or_ordered_is_to_the_matter),
        HOUSE_TEST(what_was_said_falls_out_after_180_days_and_rules_are_told),
        HOUSE_TEST(a_clock_that_went_back_loses_and_doubles_nothing),
        HOUSE_TEST(a_merged_record_counts_what_both_said_and_parts_again_exactly),
        HOUSE_TEST(a_long_history_is_read_to_its_end),
        HOUSE_TEST(a_long_history_is_read_in_several_turns_and_in_bounded_memory),
        HOUSE_TEST(the_newest_impression_counts_is_corrected_and_fades),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return test_on_stores(all);
}
