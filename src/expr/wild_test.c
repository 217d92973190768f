/* expr/wild_test.c - the law that the others serve: random conditions over random catalogues and random customers choose the
 * same in memory and in the store; the text, the tree and the JSON of each are one.
 *
 * KITH_WILD=n asks n conditions of each store instead of 10,000; KITH_WILD_SEED begins elsewhere. */
#include "expr/expr_test.h"
#include "expr/inside.h"

static struct people people;

static int64_t from_env(const char *name, int64_t otherwise)
{
    int64_t v = 0;
    const char *s = getenv(name);
    return s && str_to_int(str_of(s), &v) ? v : otherwise;
}

static str as_json(struct arena *a, const struct expr *e)
{
    struct text *t = ARENA_NEW(a, struct text);
    *t = text_in(a, 1 << 20);
    struct json_out j = {.to = t};
    expr_write_tree(&j, e);
    return text_str(t);
}

static void text_tree_and_json_are_one(struct cx *cx, const struct expr *e, str text)
{
    struct expr *again = NULL, *back = NULL;
    str printed = expr_text(cx->arena, e);
    if (expr_parse(cx, printed, &again, NULL) != OK || !expr_is_same(e, again))
        fail_msg(SFMT " is printed " SFMT ", which is another", SARG(text), SARG(printed));
    str json = as_json(cx->arena, e);
    if (expr_read_tree(cx, json, &back, NULL) != OK || !expr_is_same(e, back))
        fail_msg(SFMT " has the tree " SFMT ", which is another", SARG(text), SARG(json));
}

static uint64_t chosen_in_memory(struct cx *cx, const struct expr_plan *plan)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < PEOPLE; i++) {
        struct expr_subject s = subject_of(cx->arena, plan->parts, plan->n_parts, &people, i);
        bool holds = expr_holds(plan, &s);
        assert_true(holds == bound_holds(plan->root, &s, NULL)); /* code and plan */
        bits |= (uint64_t)holds << i;
    }
    return bits;
}

/* How many of them the condition chooses. */
static int one(struct cx *cx, const struct expr_world *world, str text)
{
    struct expr *e = NULL;
    struct expr_plan *plan = NULL;
    str sql = {0};
    if (expr_parse(cx, text, &e, NULL) != OK)
        fail_msg(SFMT ": " SFMT, SARG(text), SARG(fault_text(cx->arena, LANG_EN, &cx->why)));
    text_tree_and_json_are_one(cx, e, text);
    if (expr_check(cx, world, text, e, NULL) != OK)
        fail_msg(SFMT ": " SFMT, SARG(text), SARG(fault_text(cx->arena, LANG_EN, &cx->why)));
    assert_int_equal(expr_plan(cx, world, e, &plan), OK);
    uint64_t memory = chosen_in_memory(cx, plan), store = chosen_by_sql(cx, plan, false, &sql);
    if (memory == store)
        store = chosen_by_sql(cx, plan, true, &sql); /* the other way to write it */
    if (memory != store) {
        int who = __builtin_ctzll(memory ^ store);
        fail_msg(SFMT "\n" SFMT "\nmemory %d, store %d for customer %d", SARG(text), SARG(sql),
                 (int)(memory >> who & 1), (int)(store >> who & 1), who + 1);
    }
    return __builtin_popcountll(memory);
}

static void random_conditions_choose_the_same_in_memory_and_in_the_store(void **state)
{
    struct test_world *w = *state;
    uint64_t seed = (uint64_t)from_env("KITH_WILD_SEED", 20261122);
    int64_t n = from_env("KITH_WILD", 10000), telling = 0;
    people_make(&people, seed);
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, people_apply, &people), OK);
    w->cx.actor.kind = ACTOR_SYSTEM;
    struct arena *kept = w->cx.arena, *own = arena_open((size_t)64 << 20);
    struct expr_world world = all_world;
    for (int64_t i = 0; i < n; i++) {
        if (i % 200 == 0) {
            arena_reset(own);
            world.catalogue = wild_catalogue(own, &seed);
        }
        w->cx.arena = arena_open((size_t)32 << 20);
        struct text t = text_in(w->cx.arena, EXPR_TEXT_MAX);
        const struct expr_table *table = world.catalogue->tables[0];
        struct wild wild = {
            .a = w->cx.arena, .seed = seed, .attrs = table->attrs, .n = table->n, .t = &t};
        wild_condition(&wild, 4);
        seed = wild.seed;
        int chosen = one(&w->cx, &world, text_str(&t));
        telling += chosen > 0 && chosen < PEOPLE;
        if (getenv("KITH_WILD_SHOW"))
            printf("%d " SFMT "\n", chosen, SARG(text_str(&t)));
        arena_close(w->cx.arena);
    }
    w->cx.arena = kept;
    arena_close(own);
    assert_true(telling > n / 2); /* the others choose nobody or everybody */
}

/* ---- the time until which nothing changes --------------------------------------------------- */

static bool holds_at(struct cx *cx, struct expr_world world, const struct expr *e, size_t who,
                     int64_t at_ms)
{
    struct expr_plan *plan = NULL;
    world.now_ms = at_ms;
    assert_int_equal(expr_plan(cx, &world, e, &plan), OK);
    struct expr_subject s = subject_of(cx->arena, plan->parts, plan->n_parts, &people, who);
    return expr_holds(plan, &s);
}

static int nothing_changes_before(struct cx *cx, const struct expr_world *world, str text,
                                  uint64_t *seed)
{
    struct expr *e = NULL;
    struct expr_plan *plan = NULL;
    int changed = 0;
    assert_int_equal(expr_parse(cx, text, &e, NULL), OK);
    assert_int_equal(expr_check(cx, world, text, e, NULL), OK);
    assert_int_equal(expr_plan(cx, world, e, &plan), OK);
    for (int i = 0; i < 6; i++) {
        size_t who = (size_t)dice(seed, PEOPLE);
        struct expr_subject s = subject_of(cx->arena, plan->parts, plan->n_parts, &people, who);
        struct expr_trace trace = {0};
        assert_int_equal(expr_trace(cx, plan, &s, &trace), OK);
        assert_true(trace.holds == expr_holds(plan, &s));
        int64_t now = world->now_ms, far = now + 800 * (int64_t)86400000;
        int64_t until = trace.flip_at.ms ? trace.flip_at.ms : far;
        assert_true(until > now);
        const int64_t times[] = {now + 1, now + 1 + dice(seed, until - now), until - 1,
                                 now + (until - now) / 2};
        for (size_t k = 0; k < COUNT(times); k++)
            if (times[k] < until && holds_at(cx, *world, e, who, times[k]) != trace.holds)
                fail_msg(SFMT ": customer %zu changes at or before %lld, told was %lld", SARG(text),
                         who + 1, (long long)times[k], (long long)trace.flip_at.ms);
        changed += trace.flip_at.ms && holds_at(cx, *world, e, who, until) != trace.holds;
    }
    return changed;
}

static void nothing_changes_without_an_event_before_flip_at(void **state)
{
    struct cx *cx = *state;
    uint64_t seed = (uint64_t)from_env("KITH_WILD_SEED", 20261122);
    int64_t n = from_env("KITH_WILD", 10000) / 4, changes = 0;
    people_make(&people, seed);
    struct arena *kept = cx->arena;
    cx->actor.kind = ACTOR_SYSTEM;
    for (int64_t i = 0; i < n; i++) {
        cx->arena = arena_open((size_t)64 << 20);
        struct text t = text_in(cx->arena, EXPR_TEXT_MAX);
        struct wild wild = {
            .a = cx->arena, .seed = seed, .attrs = all_attrs, .n = COUNT(all_attrs) - 1, .t = &t};
        wild_condition(&wild, 2);
        seed = wild.seed;
        changes += nothing_changes_before(cx, &all_world, text_str(&t), &seed);
        arena_close(cx->arena);
    }
    cx->arena = kept;
    assert_true(changes > n / 20); /* at the time told, some answers do change */
}

static int all(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(random_conditions_choose_the_same_in_memory_and_in_the_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest times[] = {
        cmocka_unit_test_setup_teardown(nothing_changes_without_an_event_before_flip_at,
                                        test_cx_open, test_cx_close),
    };
    if (cmocka_run_group_tests(times, NULL, NULL))
        return 1;
    return test_on_stores(all);
}
