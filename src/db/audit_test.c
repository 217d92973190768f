/* Whoever can write the whole database, but has neither the installation's key nor the log, is found out. */
#include "db/db_impl.h"
#include "db/db_test.h"

#define QUERY(id, lite, post)        \
    static const struct query id = { \
        .name = #id, .sqlite = (lite), .postgres = (post), .writes = true}
#define BOTH(id, text) QUERY(id, text, text)

/* ---- a house with a history ----------------------------------------------------------------------- */

BOTH(
    q_people,
    "INSERT INTO customer (id, root_id, created_ms, changed_ms) VALUES (7, 7, 1, 1), (8, 8, 1, 1)");
static const struct query q_change = {
    .name = "q_change",
    .n_params = 3,
    .writes = true,
    .sqlite =
        "INSERT INTO history (id, customer_id, at_ms, actor_kind, actor_id, source, field, value_id) "
        "VALUES (?1, ?2, 5, 'staff', 2, 'staff', 'city', ?3)",
    .postgres =
        "INSERT INTO history (id, customer_id, at_ms, actor_kind, actor_id, source, field, value_id) "
        "VALUES ($1, $2, 5, 'staff', 2, 'staff', 'city', $3)"};

static enum err people_apply(struct cx *cx, void *state)
{
    (void)state;
    return db_run(cx, &q_people, NO_ARGS);
}

static struct audit_kept kept_of(int64_t customer)
{
    return (struct audit_kept){.customer_id = customer,
                               .at_ms = 5,
                               .actor_kind = S("staff"),
                               .actor_id = 2,
                               .source = S("staff"),
                               .field = S("city")};
}

static enum err acts_apply(struct cx *cx, void *state)
{
    (void)state;
    for (int i = 1; i <= 10; i++)
        TRY(audit_add(cx, "customer.change", 7, i, S("name")));
    for (int i = 0; i < 4; i++) {
        struct audit_kept k = kept_of(7 + i % 2);
        TRY(audit_value_add(cx, &k, &(struct audit_said){S("Tokio"), S("Tokyo"), S("{}")}));
        TRY(db_run(cx, &q_change, ARGS(V(id_new(cx->now_ms)), V(k.customer_id), V(k.value_id))));
    }
    return OK;
}

static void change(struct test_world *w, enum err (*apply)(struct cx *, void *), const void *state)
{
    if (db_change(w->store, &w->cx, LANE_INTERACTIVE, apply, (void *)(uintptr_t)state) != OK)
        fail_msg("change: " SFMT, SARG(fault_text(w->cx.arena, LANG_EN, &w->cx.why)));
}

static struct audit_state check(struct test_world *w)
{
    struct audit_state s;
    assert_int_equal(audit_check(&w->cx, &s), OK);
    return s;
}

/* Beside the sealer, which comes once a second: who is later of the two finds nothing to do. */
static struct audit_state sealed(struct test_world *w, int64_t rows)
{
    struct audit_state s = check(w);
    for (int i = 0; i < 3000 && (s.rows < rows || s.unsealed); i++) {
        bool is_more = false;
        assert_int_equal(audit_seal_slice(w->store, &w->cx, &is_more), OK);
        s = check(w);
        if (s.rows < rows || s.unsealed)
            usleep(10000);
    }
    assert_int_equal(s.rows, rows);
    return s;
}

/* Two seals at the least, ten rows and four values each. */
static struct audit_state with_two_seals(struct test_world *w)
{
    change(w, people_apply, NULL);
    change(w, acts_apply, NULL);
    (void)sealed(w, 10);
    change(w, acts_apply, NULL);
    return sealed(w, 20);
}

static enum err run_apply(struct cx *cx, void *q)
{
    return db_run(cx, q, NO_ARGS);
}

static void tamper(struct test_world *w, const struct query *q)
{
    change(w, run_apply, q);
}

static void shows(struct test_world *w, enum audit_wrong what, size_t at_least)
{
    struct audit_state s = check(w);
    size_t n = 0;
    for (size_t i = 0; i < s.n_findings; i++)
        n += s.findings[i].what == what;
    if (n < at_least || !s.wrong_seal)
        fail_msg(
            "%zu findings, of them %zu of kind %d; the first: " SFMT, s.n_findings, n, (int)what,
            SARG(s.n_findings ? audit_finding_text(w->cx.arena, LANG_EN, &s.findings[0]) : S("-")));
}

/* ---- the tests -------------------------------------------------------------------------------------- */

static void what_nobody_touched_is_whole(void **state)
{
    struct test_world *w = *state;

    struct audit_state s = with_two_seals(w);

    assert_int_equal(s.n_wrong, 0);
    assert_int_equal(s.wrong_seal, 0);
    assert_int_equal(s.values, 8);
    assert_int_equal(s.erased, 0);
    assert_true(s.seals >= 2);
    assert_int_equal(s.head, s.seals);
    assert_int_equal(s.head_chain.len, 64);
}

static void the_sealer_comes_by_itself(void **state)
{
    struct test_world *w = *state;
    change(w, people_apply, NULL);
    change(w, acts_apply, NULL);

    struct audit_state s = check(w);
    for (int i = 0; i < 3000 && (s.rows < 10 || s.unsealed); i++) {
        usleep(10000);
        s = check(w);
    }

    assert_int_equal(s.rows, 10);
    assert_int_equal(s.n_wrong, 0);
}

BOTH(q_changed, "UPDATE audit SET actor_id = 99 WHERE id = (SELECT max(id) FROM audit)");
static void a_row_that_was_changed_is_named(void **state)
{
    struct test_world *w = *state;
    (void)with_two_seals(w);
    tamper(w, &q_changed);
    shows(w, AUDIT_ROW_CHANGED, 1);
    struct audit_state s = check(w);
    assert_int_equal(s.n_wrong, 1); /* that row and no other */
    int64_t id = 0;
    static const struct query q = {.name = "q",
                                   .sqlite = "SELECT max(id) FROM audit",
                                   .postgres = "SELECT max(id) FROM audit"};
    assert_int_equal(db_int(&w->cx, &q, &id, NO_ARGS), OK);
    assert_int_equal(s.findings[0].id, id);
}

BOTH(q_gone, "DELETE FROM audit WHERE id = (SELECT min(id) FROM audit)");
static void a_row_that_was_taken_away_is_named(void **state)
{
    struct test_world *w = *state;
    (void)with_two_seals(w);
    tamper(w, &q_gone);
    shows(w, AUDIT_ROW_GONE, 1);
    assert_int_equal(check(w).n_wrong, 1);
}

QUERY(
    q_put,
    "INSERT INTO audit VALUES ((SELECT min(id) - 1 FROM audit), 1, 'staff', 2, 'customer.view', 7, 0, '', '')",
    "INSERT INTO audit VALUES ((SELECT min(id) - 1 FROM audit), 1, 'staff', 2, 'customer.view', 7, 0, '', '', 1)");
static void a_row_that_was_put_in_is_named(void **state)
{
    struct test_world *w = *state;
    (void)with_two_seals(w);
    tamper(w, &q_put);
    shows(w, AUDIT_ROW_PUT, 1);
    assert_int_equal(check(w).n_wrong, 1);
}

BOTH(q_order_1, "UPDATE audit SET id = -1 WHERE id = (SELECT min(id) FROM audit WHERE ref_id = 3)");
BOTH(
    q_order_2,
    "UPDATE audit SET id = (SELECT min(id) - 1 FROM audit WHERE ref_id = 4) WHERE ref_id = 4 AND id = (SELECT min(id) FROM audit WHERE ref_id = 4)");
BOTH(q_order_3,
     "UPDATE audit SET id = (SELECT min(id) + 1 FROM audit WHERE ref_id = 4) WHERE id = -1");
static void rows_that_changed_places_are_named(void **state)
{
    struct test_world *w = *state;
    (void)with_two_seals(w);
    tamper(w, &q_order_1);
    tamper(w, &q_order_2);
    tamper(w, &q_order_3);
    shows(w, AUDIT_ROW_CHANGED, 2);
}

BOTH(
    q_tail_rows,
    "DELETE FROM audit WHERE id >= (SELECT first_id FROM audit_seal ORDER BY number DESC LIMIT 1)");
BOTH(
    q_tail_history,
    "DELETE FROM history WHERE value_id >= (SELECT first_value_id FROM audit_seal ORDER BY number DESC LIMIT 1)");
BOTH(
    q_tail_values,
    "DELETE FROM audit_value WHERE id >= (SELECT first_value_id FROM audit_seal ORDER BY number DESC LIMIT 1)");
BOTH(q_tail_seal, "DELETE FROM audit_seal WHERE number = (SELECT max(number) FROM audit_seal)");
BOTH(
    q_head_older,
    "UPDATE store_meta SET value = (SELECT value FROM store_meta WHERE name = 'kept') WHERE name = 'audit_head'");
BOTH(q_head_keep,
     "INSERT INTO store_meta SELECT 'kept', value FROM store_meta WHERE name = 'audit_head'");
static void a_tail_that_was_cut_off_is_named_by_the_key_and_by_the_log(void **state)
{
    struct test_world *w = *state;
    change(w, people_apply, NULL);
    change(w, acts_apply, NULL);
    (void)sealed(w, 10);
    tamper(w, &q_head_keep); /* as a copy of the whole database of then has it */
    change(w, acts_apply, NULL);
    struct audit_state before = sealed(w, 20);
    for (int64_t n = before.seals; n > 1; n--) {
        tamper(w, &q_tail_rows);
        tamper(w, &q_tail_history);
        tamper(w, &q_tail_values);
        tamper(w, &q_tail_seal);
    }

    shows(w, AUDIT_TAIL_GONE, 1);
    tamper(w, &q_head_older);
    assert_int_equal(check(w).n_wrong, before.seals > 2); /* the older head is a true one … */
    struct audit_state s;
    assert_int_equal(audit_check_against(&w->cx, before.head, before.head_chain, &s), OK);
    assert_true(s.wrong_seal); /* … but not the one in the log */
    assert_int_equal(audit_check_against(&w->cx, before.head, S("abc"), &s), ERR_INVALID);
}

BOTH(q_head_forged,
     "UPDATE store_meta SET value = '00' || substr(value, 3) WHERE name = 'audit_head'");
BOTH(q_head_none, "DELETE FROM store_meta WHERE name = 'audit_head'");
static void a_head_that_the_key_did_not_write_shows(void **state)
{
    struct test_world *w = *state;
    (void)with_two_seals(w);
    tamper(w, &q_head_forged);
    shows(w, AUDIT_HEAD_GONE, 1);
    tamper(w, &q_head_none);
    shows(w, AUDIT_HEAD_GONE, 1);
}

BOTH(q_seal_gone, "DELETE FROM audit_seal WHERE number = 1");
static void a_seal_that_was_taken_away_is_named(void **state)
{
    struct test_world *w = *state;
    (void)with_two_seals(w);
    tamper(w, &q_seal_gone);
    shows(w, AUDIT_SEAL_GONE, 1);
}

QUERY(
    q_value_flip,
    "UPDATE audit_value SET sealed = zeroblob(70) WHERE id = (SELECT min(id) FROM audit_value)",
    "UPDATE audit_value SET sealed = CAST(repeat('x', 70) AS bytea) WHERE id = (SELECT min(id) FROM audit_value)");
BOTH(q_value_gone, "DELETE FROM audit_value WHERE id = (SELECT max(id) FROM audit_value)");
static void a_value_that_was_changed_or_taken_away_is_named(void **state)
{
    struct test_world *w = *state;
    (void)with_two_seals(w);
    tamper(w, &q_value_flip);
    shows(w, AUDIT_VALUE_CHANGED, 1);
    shows(w, AUDIT_VALUE_UNREAD, 1);
    tamper(w, &q_value_gone);
    shows(w, AUDIT_VALUE_GONE, 1);
}

BOTH(q_field, "UPDATE history SET field = 'name' WHERE id = (SELECT min(id) FROM history)");
BOTH(q_actor, "UPDATE history SET actor_id = 3 WHERE id = (SELECT max(id) FROM history)");
static void a_line_of_the_history_that_was_changed_does_not_fit_its_value(void **state)
{
    struct test_world *w = *state;
    (void)with_two_seals(w);
    tamper(w, &q_field);
    shows(w, AUDIT_VALUE_UNREAD, 1);
    tamper(w, &q_actor);
    shows(w, AUDIT_VALUE_UNREAD, 2);
}

BOTH(q_erase, "DELETE FROM customer WHERE id = 8");
static void the_values_of_somebody_who_was_erased_are_unreadable_and_the_chain_is_whole(
    void **state)
{
    struct test_world *w = *state;
    (void)with_two_seals(w);

    tamper(w, &q_erase);

    struct audit_state s = check(w);
    assert_int_equal(s.n_wrong, 0);
    assert_int_equal(s.erased, 4);
    assert_int_equal(s.values, 8);
}

static enum err one_value_apply(struct cx *cx, void *state)
{
    struct audit_kept *k = state;
    *k = kept_of(7);
    return audit_value_add(cx, k, &(struct audit_said){S("old: 1"), S(""), S("{\"a\": 2}")});
}

static void a_value_opens_for_its_own_line_and_customer_only(void **state)
{
    struct test_world *w = *state;
    struct audit_kept k, other;
    struct audit_said said;
    change(w, people_apply, NULL);
    change(w, one_value_apply, &k);
    static const struct query q = {.name = "q",
                                   .sqlite = "SELECT 0, 0, wrapped FROM audit_key",
                                   .postgres = "SELECT 0, 0, wrapped FROM audit_key"};
    struct audit_kept row = {0};
    static const struct field fields[] = {FIELD(struct audit_kept, value_id),
                                          FIELD(struct audit_kept, customer_id),
                                          FIELD(struct audit_kept, wrapped)};
    static const struct shape shape = SHAPE("wrapped", struct audit_kept, fields);
    assert_int_equal(db_one(&w->cx, &q, &shape, &row, NO_ARGS), OK);
    k.wrapped = row.wrapped;

    assert_int_equal(audit_value_open(&w->cx, &k, &said), AUDIT_OPEN_FINE);
    assert_str(said.was, S("old: 1"));
    assert_str(said.is, S(""));
    assert_str(said.data, S("{\"a\": 2}"));
    other = k;
    other.customer_id = 8;
    assert_int_equal(audit_value_open(&w->cx, &other, &said), AUDIT_OPEN_WRONG);
    other = k;
    other.field = S("name");
    assert_int_equal(audit_value_open(&w->cx, &other, &said), AUDIT_OPEN_WRONG);
    other = k;
    other.wrapped = (str){0};
    assert_int_equal(audit_value_open(&w->cx, &other, &said), AUDIT_OPEN_ERASED);
    assert_true(str_find(k.sealed, S("old")) < 0);
}

BOTH(
    q_plain,
    "INSERT INTO history (id, customer_id, at_ms, actor_kind, actor_id, source, field, old_value, new_value) "
    "VALUES (1, 7, 5, 'staff', 2, 'staff', 'city', 'Tokio', 'Tokyo'), (2, 8, 5, 'token', 3, 'api', 'name', '', 'Bob')");
BOTH(q_job,
     "INSERT INTO job (id, kind, args, next_ms, made_ms) VALUES (1, 'audit.values', '', 0, 0)");
static void values_of_before_are_sealed_by_a_job(void **state)
{
    struct test_world *w = *state;
    static const struct query q = {
        .name = "q",
        .sqlite =
            "SELECT count(*) FROM history WHERE value_id <> 0 AND old_value = '' AND new_value = ''",
        .postgres =
            "SELECT count(*) FROM history WHERE value_id <> 0 AND old_value = '' AND new_value = ''"};
    change(w, people_apply, NULL);
    tamper(w, &q_plain);
    tamper(w, &q_job);
    store_jobs_start(w->store, NULL, &audit_values_job, 1);

    int64_t n = 0;
    for (int i = 0; i < 3000 && n < 2; i++) {
        assert_int_equal(db_int(&w->cx, &q, &n, NO_ARGS), OK);
        usleep(10000);
    }

    assert_int_equal(n, 2);
    struct audit_state s = check(w);
    assert_int_equal(s.n_wrong, 0);
}

static int all(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(what_nobody_touched_is_whole),
        STORE_TEST(the_sealer_comes_by_itself),
        STORE_TEST(a_row_that_was_changed_is_named),
        STORE_TEST(a_row_that_was_taken_away_is_named),
        STORE_TEST(a_row_that_was_put_in_is_named),
        STORE_TEST(rows_that_changed_places_are_named),
        STORE_TEST(a_tail_that_was_cut_off_is_named_by_the_key_and_by_the_log),
        STORE_TEST(a_head_that_the_key_did_not_write_shows),
        STORE_TEST(a_seal_that_was_taken_away_is_named),
        STORE_TEST(a_value_that_was_changed_or_taken_away_is_named),
        STORE_TEST(a_line_of_the_history_that_was_changed_does_not_fit_its_value),
        STORE_TEST(the_values_of_somebody_who_was_erased_are_unreadable_and_the_chain_is_whole),
        STORE_TEST(a_value_opens_for_its_own_line_and_customer_only),
        STORE_TEST(values_of_before_are_sealed_by_a_job),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return test_on_stores(all);
}
