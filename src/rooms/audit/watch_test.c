/* Views are counted once for a person, a record and a day, beside the writer. */
#include "db/db_test.h"
#include "rooms/audit/audit.h"

struct act {
    const char *action;
    struct actor actor;
    int64_t customer;
};
struct acts {
    const struct act *v;
    size_t n;
};

static enum err acts_apply(struct cx *cx, void *state)
{
    const struct acts *a = state;
    for (size_t i = 0; i < a->n; i++) {
        cx->actor = a->v[i].actor;
        TRY(audit_add(cx, a->v[i].action, a->v[i].customer, 0, S("")));
    }
    return OK;
}

/* A morning that no id of this process has come to, for they never go back. */
static struct test_world *in_the_morning(void **state)
{
    struct test_world *w = *state;
    const int64_t day_ms = 86400000, hour_ms = 3600000;
    w->cx.now_ms = (id_ms(id_high_water()) / day_ms + 1) * day_ms + 6 * hour_ms;
    return w;
}

static void happen(struct test_world *w, const struct act *v, size_t n)
{
    struct acts a = {v, n};
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, acts_apply, &a), OK);
    w->cx.now_ms += 10000;
}

static void *planned(struct test_world *w)
{
    void *found = NULL;
    assert_int_equal(audit_watch_job.plan(&w->cx, S(""), &found), OK);
    return found;
}

struct written {
    const void *found;
    bool is_finished;
};
static enum err write_apply(struct cx *cx, void *state)
{
    struct written *w = state;
    return audit_watch_job.write(cx, w->found, &w->is_finished);
}

static enum err written(struct test_world *w, const void *found, bool *is_finished)
{
    struct written x = {.found = found};
    enum err e = db_change(w->store, &w->cx, LANE_BULK, write_apply, &x);
    *is_finished = x.is_finished;
    return e;
}

static int64_t seen_by(struct test_world *w, int64_t staff)
{
    struct list people = {0};
    assert_int_equal(audit_people_today(&w->cx, &people), OK);
    const struct audit_person *p = people.items;
    for (size_t i = 0; i < people.n; i++)
        if (p[i].id.v == staff)
            return p[i].seen;
    return 0;
}

static const struct actor ann = {.kind = ACTOR_STAFF, .id = 7},
                          bob = {.kind = ACTOR_STAFF, .id = 8},
                          shop = {.kind = ACTOR_TOKEN, .id = 7};

static void a_record_counts_once_for_a_person_whatever_else_happened_to_it(void **state)
{
    struct test_world *w = in_the_morning(state);
    bool is_finished = false;
    const struct act first[] = {{"customer.change", ann, 11}, {"customer.view", ann, 11},
                                {"customer.view", shop, 11},  {"customer.view", bob, 11},
                                {"customer.view", ann, 12},   {"intake", shop, 11},
                                {"customer.view", ann, 11},   {"customer.change", bob, 12}};
    assert_null(planned(w));
    assert_true(audit_watch_job.is_idle(&w->cx)); /* or the jobs would never rest */
    happen(w, first, COUNT(first));
    assert_false(audit_watch_job.is_idle(&w->cx));
    assert_int_equal(written(w, planned(w), &is_finished), OK);
    assert_true(is_finished);
    assert_true(audit_watch_job.is_idle(&w->cx));
    assert_int_equal(seen_by(w, 7), 2);
    assert_int_equal(seen_by(w, 8), 1);
    assert_null(planned(w));
    const struct act later[] = {
        {"customer.view", ann, 12}, {"customer.view", bob, 12}, {"customer.view", ann, 13}};
    happen(w, later, COUNT(later));
    assert_int_equal(written(w, planned(w), &is_finished), OK);
    assert_int_equal(seen_by(w, 7), 3);
    assert_int_equal(seen_by(w, 8), 2);
}

static void what_was_counted_meanwhile_is_not_counted_again(void **state)
{
    struct test_world *w = in_the_morning(state);
    bool is_finished = false;
    const struct act view = {"customer.view", ann, 11};
    happen(w, &view, 1);
    const void *one = planned(w), *other = planned(w);
    assert_int_equal(written(w, one, &is_finished), OK);
    assert_int_equal(written(w, other, &is_finished), ERR_STALE);
    assert_int_equal(seen_by(w, 7), 1);
}

static int all(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_record_counts_once_for_a_person_whatever_else_happened_to_it),
        STORE_TEST(what_was_counted_meanwhile_is_not_counted_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return test_on_stores(all);
}
