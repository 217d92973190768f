/* rooms/staff/staff_test.c - people, desks, sessions, tokens, passwords. */
#include "db/db_test.h"
#include "rooms/staff/staff_inner.h"

static enum err add_apply(struct cx *cx, void *p)
{
    return staff_add(cx, p);
}

static staff_id person_with(struct test_world *w, const char *email, const char *name, int role,
                            const char *extension, const char *queue)
{
    str *e = ARENA_ARRAY(w->cx.arena, 1, str), *q = ARENA_ARRAY(w->cx.arena, 1, str);
    *e = str_of(extension);
    *q = str_of(queue);
    struct staff_new p = {.email = str_of(email),
                          .name = str_of(name),
                          .role = role,
                          .extensions = {e, extension ? 1 : 0},
                          .queues = {q, queue ? 1 : 0}};
    assert_int_equal(staff_plan(&w->cx, &p), OK);
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, add_apply, &p), OK);
    return p.id;
}

static staff_id person(struct test_world *w, const char *email, int role)
{
    return person_with(w, email, email, role, NULL, NULL);
}

/* ---- people ------------------------------------------------------------------------------ */

static void a_person_is_found_by_any_writing_of_the_address(void **state)
{
    struct test_world *w = *state;
    staff_id id = person_with(w, "Ada@Kith.Example", "Ada", ROLE_AGENT, "101", "sales");

    struct staff found = {0};
    assert_int_equal(staff_by_email(&w->cx, S("ADA@kith.example"), &found), OK);
    assert_int_equal(found.id.v, id.v);
    assert_str(found.email, S("ada@kith.example"));
    assert_int_equal(found.extensions.n, 1);
    assert_str(found.extensions.items[0], S("101"));
    assert_str(found.queues.items[0], S("sales"));
    assert_int_equal(staff_by_email(&w->cx, S("nobody@kith.example"), &found), ERR_NOT_FOUND);
    assert_int_equal(staff_by_email(&w->cx, S("no address"), &found), ERR_NOT_FOUND);
}

static void an_address_is_given_once(void **state)
{
    struct test_world *w = *state;
    person(w, "ada@kith.example", ROLE_AGENT);

    struct staff_new again = {.email = S("Ada@kith.example"), .name = S("Eve"), .role = ROLE_OWNER};
    assert_int_equal(staff_plan(&w->cx, &again), ERR_CONFLICT);
    assert_str(w->cx.why.field, S("email"));
    assert_int_equal(w->cx.why.msg, M_STAFF_EMAIL_TAKEN);
}

struct two {
    struct staff_new a, b;
};
static enum err two_apply(struct cx *cx, void *p)
{
    struct two *t = p;
    TRY(staff_add(cx, &t->a));
    return staff_add(cx, &t->b);
}

static void two_people_with_one_address_at_once_leave_neither_half(void **state)
{
    struct test_world *w = *state;
    struct two t = {{.email = S("x@kith.example"), .name = S("A")},
                    {.email = S("x@kith.example"), .name = S("B")}};
    assert_int_equal(staff_plan(&w->cx, &t.a), OK);
    assert_int_equal(staff_plan(&w->cx, &t.b), OK);

    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, two_apply, &t), ERR_CONFLICT);

    struct staff found = {0};
    assert_int_equal(staff_by_email(&w->cx, S("x@kith.example"), &found), ERR_NOT_FOUND);
}

static enum err disable_apply(struct cx *cx, void *id)
{
    return staff_disable(cx, *(staff_id *)id);
}

static void the_last_owner_stays(void **state)
{
    struct test_world *w = *state;
    staff_id one = person(w, "one@kith.example", ROLE_OWNER);

    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, disable_apply, &one),
                     ERR_CONFLICT);
    assert_int_equal(w->cx.why.msg, M_STAFF_LAST_OWNER);
    person(w, "two@kith.example", ROLE_OWNER);
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, disable_apply, &one), OK);
}

static enum err write_apply(struct cx *cx, void *p)
{
    return staff_write(cx, p);
}

static void an_older_version_is_not_written_over_a_newer_one(void **state)
{
    struct test_world *w = *state;
    staff_id id = person(w, "one@kith.example", ROLE_AGENT);
    struct staff a = {0}, b = {0};
    assert_int_equal(staff_get(&w->cx, id, &a), OK);
    b = a;

    a.name = S("first");
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, write_apply, &a), OK);
    b.name = S("second");
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, write_apply, &b), ERR_STALE);

    assert_int_equal(staff_get(&w->cx, id, &b), OK);
    assert_str(b.name, S("first"));
    assert_int_equal(b.version, 2);
}

/* ---- desks ------------------------------------------------------------------------------- */

static size_t desks(struct test_world *w, const char *text, const char *queue, struct list *out)
{
    str t = str_of(text);
    assert_int_equal(staff_desks(&w->cx, &t, text ? 1 : 0, str_of(queue ? queue : ""), out), OK);
    return out->n;
}

static void a_desk_is_found_by_extension_address_or_name_and_else_by_queue(void **state)
{
    struct test_world *w = *state;
    staff_id ada = person_with(w, "ada@kith.example", "Ada Byron", ROLE_OPERATOR, "101", "sales");
    staff_id bob = person_with(w, "bob@kith.example", "Bob", ROLE_OPERATOR, "102", "sales");
    struct list found = {0};

    assert_int_equal(desks(w, "101", "sales", &found), 1);
    assert_int_equal(((int64_t *)found.items)[0], ada.v);
    assert_int_equal(desks(w, "BOB@kith.example", NULL, &found), 1);
    assert_int_equal(((int64_t *)found.items)[0], bob.v);
    assert_int_equal(desks(w, " Ada Byron ", NULL, &found), 1);
    assert_int_equal(desks(w, "999", "sales", &found), 2);
    assert_true(((int64_t *)found.items)[0] < ((int64_t *)found.items)[1]);
    assert_int_equal(desks(w, "999", "other", &found), 0);
    assert_int_equal(desks(w, NULL, NULL, &found), 0);
    assert_int_equal(desks(w, "'; DROP TABLE staff; --", NULL, &found), 0);
}

static void who_was_shut_out_has_no_desk(void **state)
{
    struct test_world *w = *state;
    staff_id ada = person_with(w, "ada@kith.example", "Ada", ROLE_OPERATOR, "101", "sales");
    struct list found = {0};

    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, disable_apply, &ada), OK);
    assert_int_equal(desks(w, "101", "sales", &found), 0);
}

/* ---- sessions ---------------------------------------------------------------------------- */

static enum err log_in_apply(struct cx *cx, void *l)
{
    return log_in_take(cx, l);
}

static struct log_in logged_in(struct test_world *w, staff_id id)
{
    struct log_in l = {.staff = id};
    log_in_secrets(&w->cx, &l);
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, log_in_apply, &l), OK);
    return l;
}

static enum err who_is(struct test_world *w, str secret)
{
    struct actor a = {0};
    enum lang lang = LANG_EN;
    struct session_use last = {0};
    return staff_by_session(&w->cx, secret, &a, &lang, &last);
}

static enum err seen_apply(struct cx *cx, void *id)
{
    return staff_session_seen(cx, *(int64_t *)id);
}

static void a_session_ends_after_twelve_idle_hours_and_after_seven_days(void **state)
{
    struct test_world *w = *state;
    const int64_t hour = 3600000, begun = w->cx.now_ms;
    struct log_in l = logged_in(w, person(w, "ada@kith.example", ROLE_AGENT));
    int64_t session = w->cx.actor.session_id;

    w->cx.now_ms = begun + 12 * hour - 1;
    assert_int_equal(who_is(w, l.session_secret), OK);
    w->cx.now_ms = begun + 12 * hour;
    assert_int_equal(who_is(w, l.session_secret), ERR_UNAUTHENTICATED);

    for (int64_t h = 11; h < 7 * 24; h += 11) {
        w->cx.now_ms = begun + h * hour;
        assert_int_equal(who_is(w, l.session_secret), OK);
        assert_int_equal(db_change(w->store, &w->cx, LANE_BULK, seen_apply, &session), OK);
    }
    w->cx.now_ms = begun + 7 * 24 * hour;
    assert_int_equal(who_is(w, l.session_secret), ERR_UNAUTHENTICATED);
}

static void a_clock_that_goes_back_makes_no_session_immortal_and_ends_none(void **state)
{
    struct test_world *w = *state;
    const int64_t day = 86400000, begun = w->cx.now_ms;
    struct log_in l = logged_in(w, person(w, "ada@kith.example", ROLE_AGENT));
    int64_t session = w->cx.actor.session_id;

    w->cx.now_ms = begun - day;
    assert_int_equal(who_is(w, l.session_secret), OK);
    assert_int_equal(db_change(w->store, &w->cx, LANE_BULK, seen_apply, &session), OK);
    w->cx.now_ms = begun + day / 2;
    assert_int_equal(who_is(w, l.session_secret), ERR_UNAUTHENTICATED);
}

struct end {
    int64_t session;
    staff_id staff;
};
static enum err end_apply(struct cx *cx, void *p)
{
    const struct end *e = p;
    return session_end(cx, e->session, e->staff);
}

static void only_the_owner_of_a_session_ends_it(void **state)
{
    struct test_world *w = *state;
    staff_id ada = person(w, "ada@kith.example", ROLE_AGENT),
             eve = person(w, "eve@kith.example", ROLE_AGENT);
    struct log_in l = logged_in(w, ada);

    struct end e = {w->cx.actor.session_id, eve};
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, end_apply, &e), ERR_NOT_FOUND);
    assert_int_equal(who_is(w, l.session_secret), OK);
    e.staff = ada;
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, end_apply, &e), OK);
    assert_int_equal(who_is(w, l.session_secret), ERR_UNAUTHENTICATED);
    assert_int_equal(who_is(w, S("")), ERR_UNAUTHENTICATED);
}

/* ---- tokens ------------------------------------------------------------------------------ */

struct token_wish {
    when expires;
    token_id id;
    str secret;
};
static enum err token_apply(struct cx *cx, void *p)
{
    struct token_wish *t = p;
    return token_add(cx, S("till"), ROLE_BRANCH, SCOPE_READ | SCOPE_INTAKE, t->expires, &t->id,
                     &t->secret);
}
static enum err revoke_apply(struct cx *cx, void *p)
{
    return token_revoke(cx, ((struct token_wish *)p)->id);
}

static void a_token_is_good_until_its_end_or_its_revocation(void **state)
{
    struct test_world *w = *state;
    struct token_wish t = {.expires = {w->cx.now_ms + 1000}}, u = {.expires = {0}};
    struct actor a = {0};
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, token_apply, &t), OK);
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, token_apply, &u), OK);

    assert_int_equal(staff_by_token(&w->cx, t.secret, &a), OK);
    assert_int_equal(a.role, ROLE_BRANCH);
    assert_int_equal(a.scopes, SCOPE_READ | SCOPE_INTAKE);
    w->cx.now_ms += 1000;
    assert_int_equal(staff_by_token(&w->cx, t.secret, &a), ERR_UNAUTHENTICATED);
    assert_int_equal(staff_by_token(&w->cx, u.secret, &a), OK);
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, revoke_apply, &u), OK);
    assert_int_equal(staff_by_token(&w->cx, u.secret, &a), ERR_UNAUTHENTICATED);
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, revoke_apply, &u),
                     ERR_NOT_FOUND);
}

/* ---- passwords --------------------------------------------------------------------------- */

static void a_password_is_known_again_and_no_other_is(void **state)
{
    struct test_world *w = *state;
    str encoded = {0};

    assert_int_equal(password_hash(&w->cx, S("a lamp beside the river"), &encoded), OK);
    assert_true(str_starts(encoded, S("$argon2id$")));
    assert_true(password_is(encoded, S("a lamp beside the river")));
    assert_false(password_is(encoded, S("a lamp beside the rivers")));
    assert_false(password_is(encoded, S("")));
    assert_false(password_is(S(""), S("")));
    assert_false(password_is(S("$argon2id$broken"), S("a lamp beside the river")));
}

static void passwords_are_judged_by_what_they_are_built_of(void **state)
{
    struct test_world *w = *state;
    static const struct {
        const char *text;
        uint16_t msg;
    } cases[] = {
        {"elevenchars", M_PASSWORD_SHORT},
        {"日本語日本語日本語日本", M_PASSWORD_SHORT},
        {"passwordpassword", M_PASSWORD_COMMON},
        {"Password12345!", M_PASSWORD_COMMON},
        {"123456789012", M_PASSWORD_COMMON},
        {"aaaaaaaaaaaa", M_PASSWORD_COMMON},
        {"abcdefghijkl", M_PASSWORD_COMMON},
        {"monkeydragon99", M_PASSWORD_COMMON},
        {"adabyron1815!", M_PASSWORD_COMMON},
        {"dragonmonkeysunshine", 0},
        {"a lamp beside the river", 0},
        {"日本語日本語日本語日本語", 0},
        {"m3Vq-zzt9-RRbw", 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        w->cx.why = (struct fault){0};
        enum err e = staff_password_check(&w->cx, str_of(cases[i].text), S("Ada Byron"),
                                          S("ada@kith.example"));
        if ((e == OK) != (cases[i].msg == 0) || w->cx.why.msg != cases[i].msg)
            fail_msg("'%s': %s", cases[i].text, msg_name(w->cx.why.msg));
    }
}

static int all(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_person_is_found_by_any_writing_of_the_address),
        STORE_TEST(an_address_is_given_once),
        STORE_TEST(two_people_with_one_address_at_once_leave_neither_half),
        STORE_TEST(the_last_owner_stays),
        STORE_TEST(an_older_version_is_not_written_over_a_newer_one),
        STORE_TEST(a_desk_is_found_by_extension_address_or_name_and_else_by_queue),
        STORE_TEST(who_was_shut_out_has_no_desk),
        STORE_TEST(a_session_ends_after_twelve_idle_hours_and_after_seven_days),
        STORE_TEST(a_clock_that_goes_back_makes_no_session_immortal_and_ends_none),
        STORE_TEST(only_the_owner_of_a_session_ends_it),
        STORE_TEST(a_token_is_good_until_its_end_or_its_revocation),
        STORE_TEST(a_password_is_known_again_and_no_other_is),
        STORE_TEST(passwords_are_judged_by_what_they_are_built_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return test_on_stores(all);
}
