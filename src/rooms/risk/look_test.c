/* Many records looked at together come out as each does by itself, whatever they share. */
#include "db/db_test.h"
#include "rooms/intake/intake.h"
#include "rooms/risk/inside.h"

#define WRITE(id, np, both, pg)      \
    static const struct query id = { \
        .name = #id, .sqlite = (both), .n_params = (np), .writes = true, .postgres = (pg)}
WRITE(q_merge, 2, "UPDATE customer SET root_id = ?1 WHERE id = ?2",
      "UPDATE customer SET root_id = $1 WHERE id = $2");
WRITE(q_forget, 1, "DELETE FROM standing WHERE customer_id = ?1",
      "DELETE FROM standing WHERE customer_id = $1");
WRITE(
    q_block, 2,
    "INSERT INTO customer_mark (customer_id, mark, reason, at_ms) VALUES (?1, 'blocked', '', ?2)",
    "INSERT INTO customer_mark (customer_id, mark, reason, at_ms) VALUES ($1, 'blocked', '', $2)");

static int world(void **state)
{
    test_world_open(state);
    struct test_world *w = *state;
    w->cx.actor = (struct actor){.kind = ACTOR_SYSTEM};
    return 0;
}

static enum err enter_apply(struct cx *cx, void *state)
{
    void **both = state;
    return intake_take(cx, both[0], both[1]);
}

struct coming {
    const char *name, *email, *phone, *ip;
    int channel;
};
static int64_t comes(struct test_world *w, struct coming c)
{
    struct intake_identity ids[2] = {{.type = IDENTITY_EMAIL, .value = str_of(c.email)},
                                     {.type = IDENTITY_PHONE, .value = str_of(c.phone)}};
    struct intake in = {.channel = c.channel,
                        .trust = TRUST_PROVEN,
                        .identities = {ids, 2},
                        .ip = str_of(c.ip),
                        .text = S("hello")};
    struct intake_result out = {0};
    in.claims.name = str_of(c.name);
    in.claims.country = S("GB");
    void *both[2] = {&in, &out};
    assert_int_equal(intake_plan(&w->cx, &in), OK);
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, enter_apply, both), OK);
    return out.customer.v;
}

struct two {
    const struct query *q;
    int64_t a, b;
};
static enum err two_apply(struct cx *cx, void *state)
{
    const struct two *t = state;
    return db_run(cx, t->q, (struct args){(const struct val[]){V(t->a), V(t->b)}, t->q->n_params});
}
static void does(struct test_world *w, struct two t)
{
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, two_apply, &t), OK);
}

struct written {
    const struct risk_writing *v;
    size_t n;
};
static enum err write_apply(struct cx *cx, void *state)
{
    const struct written *all = state;
    return risk_write_many(cx, all->v, all->n);
}

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void many_looked_at_together_are_what_each_is_alone(void **state)
{
    enum { N = 7 };
    struct test_world *w = *state;
    int64_t who[N] = {
        comes(w, (struct coming){"Ann Lee", "ann.lee@kith.example", "+442079460001", "",
                                 CHANNEL_CALL}),
        comes(w, (struct coming){"qwerty asdf", "x1@kith.example", "+442079460002", "203.0.113.9",
                                 CHANNEL_FORM}),
        comes(w, (struct coming){"Alexander Pushkin", "ap@kith.example", "+74952345678", "",
                                 CHANNEL_VISIT}),
        comes(w, (struct coming){"Bob Ray", "bob@kith.example", "+442079460003", "", CHANNEL_CALL}),
        comes(w, (struct coming){"Cem Oz", "cem@kith.example", "+442079460004", "", CHANNEL_VISIT}),
        comes(w, (struct coming){"Dan Fox", "dan@kith.example", "+442079460005", "", CHANNEL_CALL}),
        comes(w, (struct coming){"Eve Cox", "eve@kith.example", "+442079460006", "", CHANNEL_CALL}),
    };
    for (int i = 0; i < 40; i++) /* what was seen lies far behind */
        (void)comes(
            w, (struct coming){"Cem Oz", "cem@kith.example", "+442079460004", "", CHANNEL_CALL});
    does(w, (struct two){&q_merge, who[3], who[5]});
    does(w, (struct two){&q_block, who[6], w->cx.now_ms});
    does(w, (struct two){&q_forget, who[1], 0}); /* erased */
    who[1] = comes(w, (struct coming){"zxcvb", "x2@kith.example", "+442079460007", "203.0.113.9",
                                      CHANNEL_FORM});
    qsort(who, N, sizeof *who, by_number);

    struct risk_house house;
    struct risk_look *looks[N];
    assert_int_equal(risk_house_read(&w->cx, &house), OK);
    assert_int_equal(risk_look_many(&w->cx, &house, who, N, looks), OK);
    struct risk_writing writing[N];
    for (size_t i = 0; i < N; i++)
        writing[i] = (struct risk_writing){looks[i], 0};
    struct written all = {writing, N};
    assert_int_equal(db_change(w->store, &w->cx, LANE_BULK, write_apply, &all), OK);

    struct risk_brief briefs[N];
    int64_t most = 0;
    size_t n_known = 0;
    assert_int_equal(risk_briefs(&w->cx, who, N, briefs), OK);
    for (size_t i = 0; i < N; i++) {
        struct risk_answer alone = {0};
        if (briefs[i].points < 0)
            continue;
        n_known++;
        assert_int_equal(risk_of(&w->cx, (customer_id){who[i]}, &alone), OK);
        assert_int_equal(briefs[i].points, alone.risk);
        assert_int_equal(briefs[i].level, alone.level);
        most = alone.risk > most ? alone.risk : most;
    }
    assert_true(n_known >= N - 1); /* all but the one who went into another */
    assert_true(most > 0);
    assert_int_equal(risk_look_many(&w->cx, &house, who, N, looks), OK);
    for (size_t i = 0; i < N; i++)
        assert_false(risk_is_news(looks[i]));
}

static int all(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(many_looked_at_together_are_what_each_is_alone, world,
                                        test_world_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return test_on_stores(all);
}
