/* rooms/judge/judge_test.c - classes do not flap, the order of what happened has no part in them, and the job, the pass and
 * the reading of one customer say the same. */
#include "db/db_test.h"
#include "rooms/evidence/evidence.h"
#include "rooms/intake/intake.h"
#include "rooms/judge/inside.h"

/* ---- deciding -------------------------------------------------------------------------------- */

static uint64_t seed;
static int64_t dice(int64_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int64_t)((seed >> 33) % (uint64_t)n);
}

static const struct class_limits *limits(void)
{
    static struct class_limits l[CLASSES];
    for (int c = 0; c < CLASSES; c++)
        l[c] = (struct class_limits){50, 35, 10 * JUDGE_DAY_MS, 2, true};
    return l;
}

static struct class_verdict judged(const struct class_state *was, int class, int64_t score,
                                   int64_t at_day)
{
    struct class_facts f = {.known = 10, .now_ms = at_day * JUDGE_DAY_MS, .pin = CLASSES};
    struct class_verdict v;
    f.score[class] = score;
    judge_classes(limits(), &f, was, &v);
    return v;
}

static void he_enters_at_one_threshold_and_leaves_below_another(void **state)
{
    (void)state;
    struct class_state was = {0};

    struct class_verdict below = judged(&was, CLASS_CHATTY, 49, 100),
                         in = judged(&was, CLASS_CHATTY, 50, 100);
    struct class_verdict between = judged(&in.is, CLASS_CHATTY, 35, 200),
                         out = judged(&in.is, CLASS_CHATTY, 34, 200);

    assert_int_equal(below.leading, CLASSES);
    assert_int_equal(in.leading, CLASS_CHATTY);
    assert_int_equal(between.leading, CLASS_CHATTY);
    assert_int_equal(between.is.of[CLASS_CHATTY].since_ms, 100 * JUDGE_DAY_MS);
    assert_int_equal(out.leading, CLASSES);
}

static void he_stays_his_minimum_and_is_looked_at_when_it_ends(void **state)
{
    (void)state;
    struct class_state was = {0};

    struct class_verdict in = judged(&was, CLASS_CHATTY, 80, 100),
                         early = judged(&in.is, CLASS_CHATTY, 0, 109);
    struct class_verdict late = judged(&in.is, CLASS_CHATTY, 0, 110);

    assert_int_equal(early.leading, CLASS_CHATTY);
    assert_int_equal(early.due_ms, 110 * JUDGE_DAY_MS);
    assert_int_equal(late.leading, CLASSES);
}

static void a_clock_that_went_back_holds_nobody_longer(void **state)
{
    (void)state;
    struct class_state was = {0};

    struct class_verdict in = judged(&was, CLASS_CHATTY, 80, 5000),
                         back = judged(&in.is, CLASS_CHATTY, 0, 100);

    assert_int_equal(back.due_ms, 110 * JUDGE_DAY_MS);
    assert_int_equal(back.is.of[CLASS_CHATTY].since_ms, 100 * JUDGE_DAY_MS);
}

static void too_little_known_says_nothing(void **state)
{
    (void)state;
    struct class_facts f = {.known = 1, .now_ms = 1, .pin = CLASSES};
    struct class_state was = {0};
    struct class_verdict v;
    f.score[CLASS_CHATTY] = 100;

    judge_classes(limits(), &f, &was, &v);

    assert_int_equal(v.leading, CLASSES);
}

static void the_strongest_leads_ordinary_only_alone_and_a_suspicion_before_all(void **state)
{
    (void)state;
    struct class_facts f = {.known = 9, .now_ms = JUDGE_DAY_MS, .pin = CLASSES};
    struct class_state was = {0};
    struct class_verdict v;

    f.score[CLASS_REGULAR] = 90;
    judge_classes(limits(), &f, &was, &v);
    assert_int_equal(v.leading, CLASS_REGULAR);
    f.score[CLASS_CHATTY] = 55;
    judge_classes(limits(), &f, &v.is, &v);
    assert_int_equal(v.leading, CLASS_CHATTY);
    assert_true(v.is.of[CLASS_REGULAR].is_in);
    f.score[CLASS_FRAUD_SUSPECT] = 50;
    judge_classes(limits(), &f, &v.is, &v);
    assert_int_equal(v.leading, CLASS_FRAUD_SUSPECT);
}

static void another_takes_the_lead_only_by_a_margin_and_after_the_stay(void **state)
{
    (void)state;
    struct class_facts f = {.known = 9, .now_ms = 0, .pin = CLASSES};
    struct class_state was = {0};
    struct class_verdict v;
    f.score[CLASS_CHATTY] = 60;
    f.now_ms = 100 * JUDGE_DAY_MS;
    judge_classes(limits(), &f, &was, &v);
    was = v.is;

    f.score[CLASS_COMPANY] = 69;
    f.now_ms = 200 * JUDGE_DAY_MS;
    judge_classes(limits(), &f, &was, &v);
    assert_int_equal(v.leading, CLASS_CHATTY);
    f.score[CLASS_COMPANY] = 70;
    judge_classes(limits(), &f, &was, &v);
    assert_int_equal(v.leading, CLASS_COMPANY);
    f.now_ms = 105 * JUDGE_DAY_MS;
    judge_classes(limits(), &f, &was, &v);
    assert_int_equal(v.leading, CLASS_CHATTY);
    assert_int_equal(v.due_ms, 110 * JUDGE_DAY_MS);
}

static void what_a_person_said_leads_and_the_rest_is_kept(void **state)
{
    (void)state;
    struct class_facts f = {.known = 9, .now_ms = JUDGE_DAY_MS, .pin = CLASS_INTERESTED};
    struct class_state was = {0};
    struct class_verdict v;
    f.score[CLASS_FREELOADER] = 90;

    judge_classes(limits(), &f, &was, &v);

    assert_int_equal(v.leading, CLASS_INTERESTED);
    assert_true(v.is.of[CLASS_FREELOADER].is_in && v.is.of[CLASS_FREELOADER].lead_ms == 0);
}

static void two_that_lie_close_are_undecided(void **state)
{
    (void)state;
    struct class_facts f = {.known = 9, .now_ms = JUDGE_DAY_MS, .pin = CLASSES};
    struct class_state was = {0};
    struct class_verdict v;
    f.score[CLASS_TIME_EATER] = 60;
    f.score[CLASS_INTERESTED] = 45;

    judge_classes(limits(), &f, &was, &v);
    assert_true(v.is_undecided);
    f.score[CLASS_INTERESTED] = 44;
    judge_classes(limits(), &f, &was, &v);
    assert_false(v.is_undecided);
}

/* Whatever the points do: nobody comes and goes more often than the stay allows, and noise between the two thresholds moves
 * nothing. */
static void classes_never_flap(void **state)
{
    (void)state;
    const struct class_limits *l = limits();
    for (seed = 1; seed < 400; seed += 7) {
        struct class_state was = {0};
        int64_t now = 1000 * JUDGE_DAY_MS, entered[CLASSES] = {0}, took = 0;
        int leading = CLASSES;
        for (int i = 0; i < 300; i++) {
            struct class_facts f = {.known = 5, .pin = CLASSES};
            struct class_verdict v;
            now += dice(2 * JUDGE_DAY_MS);
            f.now_ms = now;
            for (int c = 0; c < CLASSES; c++)
                f.score[c] = dice(3) ? 35 + dice(15) : dice(101);
            judge_classes(l, &f, &was, &v);
            for (int c = 0; c < CLASSES; c++) {
                bool is = v.is.of[c].is_in, before = was.of[c].is_in;
                if (is && !before) {
                    assert_true(f.score[c] >= l[c].enter);
                    entered[c] = now;
                }
                if (before && !is)
                    assert_true(f.score[c] < l[c].leave && now - entered[c] >= l[c].stay_ms);
            }
            bool is_held = v.leading != leading && leading < CLASSES && leading != CLASS_REGULAR &&
                           v.leading != CLASS_FRAUD_SUSPECT && v.is.of[leading].is_in &&
                           leading != CLASS_FRAUD_SUSPECT;
            if (is_held)
                assert_true(now - took >= l[leading].stay_ms);
            if (v.leading != leading)
                took = now;
            leading = v.leading;
            was = v.is;
        }
    }
}

/* Deciding again at the same moment changes nothing. */
static void deciding_twice_is_deciding_once(void **state)
{
    (void)state;
    for (seed = 3; seed < 3000; seed += 11) {
        struct class_facts f = {.known = dice(4),
                                .now_ms = JUDGE_DAY_MS * (100 + dice(50)),
                                .pin = dice(4) ? CLASSES : (int)dice(CLASSES)};
        struct class_state was = {0};
        struct class_verdict once, twice;
        for (int c = 0; c < CLASSES; c++) {
            f.score[c] = dice(140) - 20;
            was.of[c] = (struct class_part){
                .is_in = dice(2), .score = dice(101), .since_ms = JUDGE_DAY_MS * (90 + dice(30))};
        }

        judge_classes(limits(), &f, &was, &once);
        judge_classes(limits(), &f, &once.is, &twice);

        assert_true(class_state_is_same(&once.is, &twice.is));
        assert_int_equal(once.leading, twice.leading);
    }
}

/* ---- in the store ---------------------------------------------------------------------------------- */

static int world(void **state)
{
    test_world_open(state);
    struct test_world *w = *state;
    w->cx.actor = (struct actor){.kind = ACTOR_SYSTEM};
    return 0;
}
#define HOUSE_TEST(fn) cmocka_unit_test_setup_teardown(fn, world, test_world_close)

struct turn {
    void *found;
    bool is_finished;
};
static enum err turn_apply(struct cx *cx, void *state)
{
    struct turn *t = state;
    return judge_job.write(cx, t->found, &t->is_finished);
}

static void *plans(struct test_world *w)
{
    void *found = NULL;
    assert_int_equal(read_begin(&w->cx), OK);
    assert_int_equal(judge_job.plan(&w->cx, (str){0}, &found), OK);
    read_end(&w->cx);
    return found;
}

static enum err writes(struct test_world *w, void *found)
{
    struct turn t = {found, false};
    return found ? db_change(w->store, &w->cx, LANE_BULK, turn_apply, &t) : OK;
}

/* Until nothing is left to do. On PostgreSQL an event is heard when nothing on the whole cluster that began before it still
 * runs. */
static void follow(struct test_world *w)
{
    static const struct query q_behind = {
        .name = "behind",
        .sqlite = "SELECT COUNT(*) FROM event e, judge_follow f WHERE e.seq > f.seq",
        .postgres =
            "SELECT COUNT(*) FROM event e, judge_follow f WHERE (e.xid, e.seq) > (f.xid, f.seq)"};
    int64_t behind = 1, until = clock_mono_ns() + 60 * 1000000000LL;
    do {
        assert_true(clock_mono_ns() < until);
        assert_int_equal(writes(w, plans(w)), OK);
        assert_int_equal(db_int(&w->cx, &q_behind, &behind, NO_ARGS), OK);
    } while (behind > 0 || !judge_job.is_idle(&w->cx));
}

struct person {
    customer_id id;
    int kind;
    int64_t contacts, orders, discounted;
    int order; /* of what happened */
};
static enum err person_apply(struct cx *cx, void *state)
{
    struct person *p = state;
    struct customer_new c = {.id = p->id, .kind = p->kind, .name = S("Anna")};
    TRY(customer_add(cx, &c));
    for (int step = 0; step < 2; step++) {
        struct standing_fact f = {.at = {cx->now_ms}, .is_seen = true};
        if (step == p->order)
            f.add.contacts = p->contacts;
        else
            f.add = (struct standing_sums){
                .orders = p->orders, .discounted = p->discounted, .spent = 1000 * p->orders};
        TRY(standing_add(cx, p->id, &f, false));
    }
    return event_add(cx, EVENT_CUSTOMER_CHANGED, p->id.v, 0, (str){0});
}

static int64_t person(struct test_world *w, struct person p)
{
    p.id.v = id_new(w->cx.now_ms);
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, person_apply, &p), OK);
    return p.id.v;
}

static int leading_of(struct test_world *w, int64_t id)
{
    struct list in = {0};
    assert_int_equal(db_all(&w->cx, &q_class_of_customer, &class_in_row_shape, &in, ARGS(V(id))),
                     OK);
    const struct class_in *c = in.items;
    for (size_t i = 0; i < in.n; i++)
        if (c[i].lead_at.ms)
            return c[i].class;
    return CLASSES;
}

static void whoever_an_event_names_is_judged_by_the_shipped_rules(void **state)
{
    struct test_world *w = *state;
    follow(w);

    int64_t firm = person(w, (struct person){.kind = CUSTOMER_COMPANY});
    int64_t thrifty = person(w, (struct person){.orders = 3, .discounted = 3});
    int64_t stranger = person(w, (struct person){.contacts = 1});
    follow(w);

    assert_int_equal(leading_of(w, firm), CLASS_COMPANY);
    assert_int_equal(leading_of(w, thrifty), CLASS_FREELOADER);
    assert_int_equal(leading_of(w, stranger), CLASSES);
}

static enum err deep_apply(struct cx *cx, void *state)
{
    event_depth(cx, 3);
    return person_apply(cx, state);
}

static void a_judgement_bears_the_depth_of_what_it_came_of(void **state)
{
    static const struct query q_depth = {
        .name = "depth",
        .sqlite = "SELECT depth FROM event WHERE type = 'customer.judged'",
        .postgres = "SELECT depth FROM event WHERE type = 'customer.judged'"};
    struct test_world *w = *state;
    int64_t depth = 0;
    follow(w);
    struct person thrifty = {.id = {id_new(w->cx.now_ms)}, .orders = 3, .discounted = 3};

    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, deep_apply, &thrifty), OK);
    follow(w);

    assert_int_equal(db_int(&w->cx, &q_depth, &depth, NO_ARGS), OK);
    assert_int_equal(depth, 3);
}

static enum err due_apply(struct cx *cx, void *id)
{
    return rules_due(cx, id, 1);
}

static int64_t waiting(struct test_world *w)
{
    static const struct query q_waiting = {
        .name = "waiting",
        .sqlite = "SELECT COUNT(*) FROM judge_due WHERE due_ms <= 0",
        .postgres = "SELECT COUNT(*) FROM judge_due WHERE due_ms <= 0"};
    int64_t n = -1;
    assert_int_equal(db_int(&w->cx, &q_waiting, &n, NO_ARGS), OK);
    return n;
}

static void who_comes_on_the_queue_again_while_he_is_looked_at_stays_on_it(void **state)
{
    struct test_world *w = *state;
    follow(w);
    int64_t firm = person(w, (struct person){.kind = CUSTOMER_COMPANY});
    follow(w);
    assert_int_equal(db_change(w->store, &w->cx, LANE_BULK, due_apply, &firm), OK);

    void *found = plans(w);
    assert_int_equal(db_change(w->store, &w->cx, LANE_BULK, due_apply, &firm), OK);
    assert_int_equal(writes(w, found), OK);
    assert_int_equal(waiting(w), 1);

    assert_int_equal(writes(w, plans(w)), OK);
    assert_int_equal(waiting(w), 0);
}

static void of_whom_nothing_is_new_is_off_the_queue_after_one_look(void **state)
{
    struct test_world *w = *state;
    follow(w);
    int64_t firm = person(w, (struct person){.kind = CUSTOMER_COMPANY});
    follow(w);
    assert_int_equal(db_change(w->store, &w->cx, LANE_BULK, due_apply, &firm), OK);
    assert_int_equal(waiting(w), 1);

    assert_int_equal(writes(w, plans(w)), OK);

    assert_int_equal(waiting(w), 0);
}

struct own_rule {
    const char *class, *condition;
};
static enum err own_rule_apply(struct cx *cx, void *state)
{
    const struct own_rule *r = state;
    TRY(db_run(cx, &q_rule_insert,
               ARGS(V(id_new(cx->now_ms)), V(r->class), V(S("")), V(S("Own")), V(r->condition),
                    V((int64_t)100), V((int64_t)1), VNULL, V(cx->now_ms))));
    return judge_all_again(cx);
}

static void a_risk_that_is_found_and_the_class_that_comes_of_it_are_one_page(void **state)
{
    struct test_world *w = *state;
    struct own_rule of_risk = {"company", "risk is known"},
                    in_the_store = {"fraud_suspect",
                                    "any orders [total > 1000000] or risk is known"};
    follow(w);
    assert_int_equal(db_change(w->store, &w->cx, LANE_BULK, own_rule_apply, &of_risk), OK);
    assert_int_equal(db_change(w->store, &w->cx, LANE_BULK, own_rule_apply, &in_the_store), OK);
    follow(w);
    int64_t anna = person(w, (struct person){0});
    assert_int_equal(db_change(w->store, &w->cx, LANE_BULK, due_apply, &anna), OK);

    assert_int_equal(writes(w, plans(w)), OK);

    struct list in = {0};
    assert_int_equal(db_all(&w->cx, &q_class_of_customer, &class_in_row_shape, &in, ARGS(V(anna))),
                     OK);
    assert_int_equal(in.n, 2);
}

struct untold {
    struct intake in;
    struct intake_result out;
};
/* As a long file does it: its texts have no events of their own. */
static enum err untold_apply(struct cx *cx, void *state)
{
    struct untold *u = state;
    event_gather(cx);
    return intake_take(cx, &u->in, &u->out);
}

static enum err untold_due_apply(struct cx *cx, void *id)
{
    return rules_due_untold(cx, id, 1);
}

static int64_t discounts(struct test_world *w, customer_id id)
{
    struct trait t = {0};
    assert_int_equal(trait_of(&w->cx, id, &t), OK);
    return t.counts[EVIDENCE_DISCOUNT_ASKED];
}

static void what_no_event_told_of_is_read_when_the_queue_says_so(void **state)
{
    static const int letters[] = {6, 1}; /* after six it is kept how far he was read */
    struct test_world *w = *state;
    struct intake_identity address = {.type = IDENTITY_EMAIL, .value = S("ann@kith.example")};
    customer_id ann = {0};
    int64_t written = 0;
    follow(w);
    w->cx.now_ms += 1000;
    for (size_t i = 0; i < COUNT(letters); i++) {
        for (int k = 0; k < letters[i]; k++, written++) {
            struct untold u = {.in = {.channel = CHANNEL_EMAIL,
                                      .trust = TRUST_PRESENTED,
                                      .identities = {&address, 1},
                                      .text = S("Could you give me a discount?")}};
            assert_int_equal(intake_plan(&w->cx, &u.in), OK);
            assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, untold_apply, &u), OK);
            ann = u.out.customer;
        }

        assert_int_equal(db_change(w->store, &w->cx, LANE_BULK, untold_due_apply, &ann.v), OK);
        assert_int_equal(writes(w, plans(w)), OK);

        assert_int_equal(discounts(w, ann), written);
        assert_int_equal(waiting(w), 0);
    }
}

static enum err again_apply(struct cx *cx, void *unused)
{
    (void)unused;
    return judge_all_again(cx);
}

static void what_was_planned_before_the_rules_changed_is_planned_anew(void **state)
{
    struct test_world *w = *state;
    follow(w);
    int64_t firm = person(w, (struct person){.kind = CUSTOMER_COMPANY});
    assert_int_equal(db_change(w->store, &w->cx, LANE_BULK, due_apply, &firm), OK);

    void *found = plans(w);
    assert_int_equal(db_change(w->store, &w->cx, LANE_BULK, again_apply, NULL), OK);

    assert_int_equal(writes(w, found), ERR_STALE);
    assert_int_equal(waiting(w), 1);
    follow(w);
    assert_int_equal(leading_of(w, firm), CLASS_COMPANY);
}

static void whoever_does_not_fit_into_a_page_is_in_the_next(void **state)
{
    enum { MANY = 700 };
    struct test_world *w = *state;
    int64_t firm[MANY];
    follow(w);
    for (int i = 0; i < MANY; i++) {
        firm[i] = person(w, (struct person){.kind = CUSTOMER_COMPANY});
        if (i % 2)
            assert_int_equal(db_change(w->store, &w->cx, LANE_BULK, due_apply, &firm[i]), OK);
    }

    assert_int_equal(writes(w, plans(w)), OK);
    follow(w);

    for (int i = 0; i < MANY; i++)
        assert_int_equal(leading_of(w, firm[i]), CLASS_COMPANY);
    assert_int_equal(waiting(w), 0);
}

struct noted {
    int64_t customer;
    int n;
};
static enum err notes_apply(struct cx *cx, void *state)
{
    static const struct query q_note = {
        .name = "note",
        .sqlite = "INSERT INTO note (id, customer_id, text, at_ms) VALUES (?1, ?2, ?3, ?4)",
        .postgres = "INSERT INTO note (id, customer_id, text, at_ms) VALUES ($1, $2, $3, $4)",
        .n_params = 4,
        .writes = true};
    const struct noted *d = state;
    for (int i = 0; i < d->n; i++)
        TRY(db_run(cx, &q_note,
                   ARGS(V(id_new(cx->now_ms)), V(d->customer), V("So expensive."), V(cx->now_ms))));
    return event_add(cx, EVENT_CUSTOMER_CHANGED, d->customer, 0, (str){0});
}

/* More than is read of several together, of two who stand among others. */
static void who_wrote_much_does_not_keep_the_others_from_being_read(void **state)
{
    enum { PEOPLE = 12, MUCH = 260 };
    static const struct query q_remarks = {
        .name = "remarks",
        .sqlite = "SELECT price_remarks FROM trait WHERE customer_id = ?1",
        .postgres = "SELECT price_remarks FROM trait WHERE customer_id = $1",
        .n_params = 1};
    struct test_world *w = *state;
    struct noted of[PEOPLE];
    follow(w);
    for (int i = 0; i < PEOPLE; i++) {
        of[i] =
            (struct noted){person(w, (struct person){.contacts = 1}), i == 4 || i == 11 ? MUCH : 1};
        assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, notes_apply, &of[i]), OK);
    }

    follow(w);

    for (int i = 0; i < PEOPLE; i++) {
        int64_t n = 0;
        assert_int_equal(db_int(&w->cx, &q_remarks, &n, ARGS(V(of[i].customer))), OK);
        assert_int_equal(n, of[i].n);
    }
}

/* Two programs on one database, or a page that was written and is written again. */
static void a_page_is_written_once(void **state)
{
    struct test_world *w = *state;
    follow(w);
    int64_t firm = person(w, (struct person){.kind = CUSTOMER_COMPANY});
    void *found = plans(w);
    for (int i = 0; i < 6000 && !found; i++) { /* PostgreSQL tells of an event a little later */
        usleep(10000);
        found = plans(w);
    }

    assert_int_equal(writes(w, found), OK);

    assert_int_equal(writes(w, found), ERR_STALE);
    assert_int_equal(leading_of(w, firm), CLASS_COMPANY);
}

static void the_order_of_what_happened_has_no_part_in_it(void **state)
{
    struct test_world *w = *state;
    follow(w);
    for (seed = 5; seed < 12; seed++) {
        struct person p = {.contacts = dice(12), .orders = dice(4), .discounted = dice(3)},
                      other = p;
        other.order = 1;

        int64_t a = person(w, p), b = person(w, other);
        follow(w);

        assert_int_equal(leading_of(w, a), leading_of(w, b));
    }
}

static void the_pass_over_everybody_agrees_with_the_job(void **state)
{
    struct test_world *w = *state;
    struct judge_pass p = {.threads = 2}, again = {.threads = 1};
    if (!test_is_postgres()) /* a store in memory has one connection at a time that writes; readers share it */
        p.threads = 1;
    for (int i = 0; i < 40; i++)
        person(w, (struct person){
                      .kind = i % 5 == 0, .contacts = i % 3, .orders = i % 4, .discounted = i % 2});

    assert_int_equal(judge_everybody(w->store, &w->cx, &p), OK);
    follow(w);
    assert_int_equal(judge_everybody(w->store, &w->cx, &again), OK);

    assert_int_equal(p.customers, 40);
    assert_true(p.changed > 20);
    assert_int_equal(again.changed, 0);
    assert_int_equal(again.leads[CLASS_COMPANY], 8);
    assert_memory_equal(again.leads, p.leads, sizeof p.leads);
}

static void every_shipped_rule_is_right_and_cheap_and_no_circle(void **state)
{
    struct test_world *w = *state;
    size_t n = 0;
    const struct shipped_rule *r = shipped_rules(&n);
    for (size_t i = 0; i < n; i++) {
        struct expr_plan *p = NULL;
        if (rule_plan(&w->cx, str_of(r[i].condition), &p) != OK)
            fail_msg("%s: " SFMT, r[i].key, SARG(fault_text(w->cx.arena, LANG_EN, &w->cx.why)));
        assert_false(expr_moves(p)); /* all of them are asked of everybody by one query */
    }
}

static int all(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(he_enters_at_one_threshold_and_leaves_below_another),
        cmocka_unit_test(he_stays_his_minimum_and_is_looked_at_when_it_ends),
        cmocka_unit_test(a_clock_that_went_back_holds_nobody_longer),
        cmocka_unit_test(too_little_known_says_nothing),
        cmocka_unit_test(the_strongest_leads_ordinary_only_alone_and_a_suspicion_before_all),
        cmocka_unit_test(another_takes_the_lead_only_by_a_margin_and_after_the_stay),
        cmocka_unit_test(what_a_person_said_leads_and_the_rest_is_kept),
        cmocka_unit_test(two_that_lie_close_are_undecided),
        cmocka_unit_test(classes_never_flap),
        cmocka_unit_test(deciding_twice_is_deciding_once),
        HOUSE_TEST(whoever_an_event_names_is_judged_by_the_shipped_rules),
        HOUSE_TEST(a_judgement_bears_the_depth_of_what_it_came_of),
        HOUSE_TEST(who_comes_on_the_queue_again_while_he_is_looked_at_stays_on_it),
        HOUSE_TEST(a_risk_that_is_found_and_the_class_that_comes_of_it_are_one_page),
        HOUSE_TEST(what_no_event_told_of_is_read_when_the_queue_says_so),
        HOUSE_TEST(of_whom_nothing_is_new_is_off_the_queue_after_one_look),
        HOUSE_TEST(what_was_planned_before_the_rules_changed_is_planned_anew),
        HOUSE_TEST(whoever_does_not_fit_into_a_page_is_in_the_next),
        HOUSE_TEST(who_wrote_much_does_not_keep_the_others_from_being_read),
        HOUSE_TEST(a_page_is_written_once),
        HOUSE_TEST(the_order_of_what_happened_has_no_part_in_it),
        HOUSE_TEST(the_pass_over_everybody_agrees_with_the_job),
        HOUSE_TEST(every_shipped_rule_is_right_and_cheap_and_no_circle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return test_on_stores(all);
}
