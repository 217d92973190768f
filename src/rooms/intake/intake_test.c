/* The one door: who a contact is recognised as, and what may never happen there. */
#include "db/db_test.h"
#include "queries.h"
#include "rooms/intake/intake.h"

/* ---- a contact in one line ------------------------------------------------------------------- */

#define ID(t, v) ((struct intake_identity){.type = (t), .value = S(v)})
#define IDS(...)                                                     \
    ((struct list){(struct intake_identity[]){__VA_ARGS__},          \
                   sizeof((struct intake_identity[]){__VA_ARGS__}) / \
                       sizeof(struct intake_identity)})

static enum err apply(struct cx *cx, void *state)
{
    void **both = state;
    return intake_take(cx, both[0], both[1]);
}

static enum err enter(struct test_world *w, struct intake *in, struct intake_result *out)
{
    for (int i = 0; i < 5; i++) {
        enum err e = intake_plan(&w->cx, in);
        if (e != OK)
            return e;
        void *both[2] = {in, out};
        e = db_change(w->store, &w->cx, LANE_INTERACTIVE, apply, both);
        if (e != ERR_STALE)
            return e;
    }
    return ERR_STALE;
}

static struct intake_result entered(struct test_world *w, struct intake in)
{
    struct intake_result out = {0};
    enum err e = enter(w, &in, &out);
    if (e != OK)
        fail_msg("%s: " SFMT, err_code(e), SARG(fault_text(w->cx.arena, LANG_EN, &w->cx.why)));
    return out;
}

static int64_t count(struct test_world *w, const char *table)
{
    str sql = arena_printf(w->cx.arena, "SELECT count(*) FROM %s", table);
    struct query *q = ARENA_NEW(
        w->cx.arena, struct query); /* statements are kept by the address of their query */
    *q = (struct query){.name = "count", .sqlite = sql.ptr, .postgres = sql.ptr};
    int64_t n = -1;
    assert_int_equal(db_int(&w->cx, q, &n, NO_ARGS), OK);
    return n;
}

static enum err run_query(struct cx *cx, void *q)
{
    return db_run(cx, q, NO_ARGS);
}

static bool tells(const struct intake_result *r, customer_id id)
{
    const struct duplicate *d = r->duplicates.items;
    for (size_t i = 0; i < r->duplicates.n; i++)
        if (d[i].id.v == id.v)
            return true;
    return false;
}

#define CALL(...) ((struct intake){.channel = CHANNEL_CALL, .trust = TRUST_PRESENTED, __VA_ARGS__})
#define MAIL(...) ((struct intake){.channel = CHANNEL_EMAIL, .trust = TRUST_PRESENTED, __VA_ARGS__})
#define FORM(...) ((struct intake){.channel = CHANNEL_FORM, .trust = TRUST_TYPED, __VA_ARGS__})

/* ---- recognition --------------------------------------------------------------------------------
 */

static void a_caller_is_recognised_however_the_number_is_written(void **state)
{
    struct test_world *w = *state;
    struct intake_result first =
        entered(w, CALL(.identities = IDS(ID(IDENTITY_PHONE, "+81 3-5550-0142"))));

    struct intake_result again =
        entered(w, CALL(.identities = IDS(ID(IDENTITY_PHONE, "0081 3 5550 0142"))));
    struct intake_result local =
        entered(w, CALL(.identities = IDS(ID(IDENTITY_PHONE, "(03) 5550-0142"))));

    assert_true(first.is_new);
    assert_false(again.is_new);
    assert_int_equal(again.customer.v, first.customer.v);
    assert_str(again.matched_by, S("phone"));
    assert_int_equal(local.customer.v, first.customer.v); /* by its end: no region is set here */
    assert_int_equal(count(w, "customer"), 1);
    assert_int_equal(count(w, "interaction"), 3);
}

static void a_new_handle_of_a_known_customer_recognises_him_next_time(void **state)
{
    struct test_world *w = *state;
    struct intake_result first =
        entered(w, CALL(.identities = IDS(ID(IDENTITY_PHONE, "+442079460018"))));

    (void)entered(w, MAIL(.identities = IDS(ID(IDENTITY_EMAIL, "Ann@Example.com"),
                                            ID(IDENTITY_PHONE, "+442079460018"))));
    struct intake_result by_mail =
        entered(w, MAIL(.identities = IDS(ID(IDENTITY_EMAIL, "ann@example.COM"))));

    assert_int_equal(by_mail.customer.v, first.customer.v);
    assert_str(by_mail.matched_by, S("email"));
}

static void a_typed_handle_is_only_proposed(void **state)
{
    struct test_world *w = *state;
    struct intake_result first =
        entered(w, CALL(.identities = IDS(ID(IDENTITY_PHONE, "+442079460018"))));

    struct intake_result typed =
        entered(w, FORM(.identities = IDS(ID(IDENTITY_PHONE, "+442079460018"),
                                          ID(IDENTITY_EMAIL, "thief@example.com")),
                        .claims = {.city = S("Ankara")}));
    struct intake_result thief =
        entered(w, MAIL(.identities = IDS(ID(IDENTITY_EMAIL, "thief@example.com"))));

    assert_int_equal(typed.customer.v, first.customer.v);
    assert_int_not_equal(thief.customer.v, first.customer.v);
    assert_int_equal(count(w, "proposal"), 2);
    struct customer c;
    assert_int_equal(customer_get(&w->cx, first.customer, &c), OK);
    assert_str(c.city, S(""));
}

static void two_handles_of_two_customers_go_to_the_stronger_and_tell_of_the_other(void **state)
{
    struct test_world *w = *state;
    struct intake_result account = entered(w, MAIL(.identities = IDS(ID(IDENTITY_ACCOUNT, "A-1"))));
    struct intake_result phone =
        entered(w, CALL(.identities = IDS(ID(IDENTITY_PHONE, "+442079460018"))));

    struct intake_result both =
        entered(w, CALL(.identities =
                            IDS(ID(IDENTITY_PHONE, "+442079460018"), ID(IDENTITY_ACCOUNT, "A-1"))));

    assert_int_equal(both.customer.v, account.customer.v);
    assert_true(tells(&both, phone.customer));
    assert_int_equal(count(w, "customer"), 2);
    assert_int_equal(count(w, "possible_duplicate"), 1);
}

static void a_vouched_handle_decides_before_a_stronger_one_and_proves_the_contact(void **state)
{
    struct test_world *w = *state;
    struct intake_result account = entered(w, MAIL(.identities = IDS(ID(IDENTITY_ACCOUNT, "A-1"))));
    struct intake_result mail =
        entered(w, MAIL(.identities = IDS(ID(IDENTITY_EMAIL, "ann@example.com"))));
    struct intake_identity vouched = {
        .type = IDENTITY_EMAIL, .value = S("ann@example.com"), .verified = true};

    struct intake_result r =
        entered(w, MAIL(.identities = IDS(ID(IDENTITY_ACCOUNT, "A-1"), vouched)));

    assert_int_equal(r.customer.v, mail.customer.v);
    assert_true(tells(&r, account.customer));
    assert_int_equal(count(w, "interaction WHERE trust = 'proven'"), 1);
    assert_int_equal(count(w, "identity_owner WHERE state = 'confirmed'"), 1);
}

/* Ann and Bob answer the same telephone. */
static void share_a_phone(struct test_world *w, customer_id *ann, customer_id *bob)
{
    *ann = entered(w, CALL(.identities = IDS(ID(IDENTITY_PHONE, "+442079460018")),
                           .claims = {.name = S("Ann Lee")}))
               .customer;
    *bob = entered(w, MAIL(.identities = IDS(ID(IDENTITY_EMAIL, "bob@example.com")),
                           .claims = {.name = S("Bob Lee")}))
               .customer;
    struct intake_result r =
        entered(w, CALL(.customer = *bob, .identities = IDS(ID(IDENTITY_PHONE, "+442079460018"))));
    assert_int_equal(r.customer.v, bob->v);
    assert_str(r.matched_by, S("chosen"));
}

static void of_a_shared_number_the_claimed_name_says_who_it_is(void **state)
{
    struct test_world *w = *state;
    customer_id ann, bob;
    share_a_phone(w, &ann, &bob);

    struct intake_result as_ann =
        entered(w, CALL(.identities = IDS(ID(IDENTITY_PHONE, "+442079460018")),
                        .claims = {.name = S("ann LEE")}));
    struct intake_result as_bob =
        entered(w, CALL(.identities = IDS(ID(IDENTITY_PHONE, "+442079460018")),
                        .claims = {.name = S("Lee Bob")}));

    assert_int_equal(as_ann.customer.v, ann.v);
    assert_true(tells(&as_ann, bob));
    assert_int_equal(as_bob.customer.v, bob.v);
    assert_int_equal(count(w, "customer"), 2);
}

static void a_second_handle_settles_a_shared_number_without_a_word_of_duplicates(void **state)
{
    struct test_world *w = *state;
    customer_id ann, bob;
    share_a_phone(w, &ann, &bob);

    struct intake_result r =
        entered(w, CALL(.identities = IDS(ID(IDENTITY_PHONE, "+442079460018"),
                                          ID(IDENTITY_EMAIL, "bob@example.com"))));

    assert_int_equal(r.customer.v, bob.v);
    assert_int_equal(r.duplicates.n, 0);
}

static void a_number_of_too_many_recognises_nobody_and_says_so(void **state)
{
    struct test_world *w = *state;
    customer_id first = {0};
    for (int i = 0; i <= OWNERS_MANY; i++) {
        str mail = arena_printf(w->cx.arena, "p%d@example.com", i);
        struct intake_identity id = {.type = IDENTITY_EMAIL, .value = mail};
        customer_id c = entered(w, MAIL(.identities = IDS(id))).customer;
        first = i ? first : c;
        (void)entered(w,
                      CALL(.customer = c, .identities = IDS(ID(IDENTITY_PHONE, "+442079460018"))));
    }

    struct intake_result r =
        entered(w, CALL(.identities = IDS(ID(IDENTITY_PHONE, "+442079460018"))));

    assert_true(r.is_new);
    assert_int_equal(r.ignored.n, 1);
    assert_str(((struct intake_ignored *)r.ignored.items)->why, S("too_many_owners"));

    (void)entered(w, MAIL(.customer = first, .claims = {.name = S("Ann Lee")}));
    struct intake_result named =
        entered(w, CALL(.identities = IDS(ID(IDENTITY_PHONE, "+442079460018")),
                        .claims = {.name = S("LEE Ann")}));
    assert_int_equal(named.customer.v, first.v);
    assert_int_equal(named.duplicates.n, 0);
}

static void a_number_of_hundreds_is_kept_as_given_by_the_later_ones(void **state)
{
    struct test_world *w = *state;
    struct intake_result last = {0};
    for (int i = 0; i < OWNERS_READ + 5; i++) {
        struct intake_identity account = {.type = IDENTITY_ACCOUNT,
                                          .value = arena_printf(w->cx.arena, "A%d", i)};
        customer_id c = entered(w, MAIL(.identities = IDS(account))).customer;
        last =
            entered(w, CALL(.customer = c, .identities = IDS(ID(IDENTITY_PHONE, "+442079460018"))));
    }
    assert_int_equal(count(w, "identity_owner o JOIN identity_value v ON v.id = o.value_id WHERE "
                              "v.value = '+442079460018'"),
                     OWNERS_READ);

    struct list ids;
    assert_int_equal(
        db_all(&w->cx, &q_identity_list, &identity_row_shape, &ids, ARGS(V(last.customer))), OK);
    bool kept = false;
    for (size_t i = 0; i < ids.n; i++) {
        const struct identity *id = (const struct identity *)ids.items + i;
        kept |= id->type == IDENTITY_PHONE && id->state == IDENTITY_SHARED && id->value.len == 0;
    }
    assert_true(kept);
}

static void a_handle_marked_wrong_recognises_nobody(void **state)
{
    struct test_world *w = *state;
    struct intake_result first =
        entered(w, CALL(.identities = IDS(ID(IDENTITY_PHONE, "+442079460018"))));
    struct query wrong = {.name = "w",
                          .sqlite = "UPDATE identity_owner SET state = 'wrong'",
                          .postgres = "UPDATE identity_owner SET state = 'wrong'",
                          .writes = true};
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, run_query, &wrong), OK);

    struct intake_result r =
        entered(w, CALL(.identities = IDS(ID(IDENTITY_PHONE, "+442079460018"))));

    assert_true(r.is_new);
    assert_int_not_equal(r.customer.v, first.customer.v);
}

static void a_merged_pair_answers_as_one_and_each_row_keeps_the_id_it_came_in_by(void **state)
{
    struct test_world *w = *state;
    struct intake_result a =
        entered(w, CALL(.identities = IDS(ID(IDENTITY_PHONE, "+442079460018"))));
    struct intake_result b =
        entered(w, MAIL(.identities = IDS(ID(IDENTITY_EMAIL, "ann@example.com"))));
    str sql = arena_printf(w->cx.arena, "UPDATE customer SET root_id = %lld WHERE id = %lld",
                           (long long)a.customer.v, (long long)b.customer.v);
    struct query merge = {.name = "m", .sqlite = sql.ptr, .postgres = sql.ptr, .writes = true};
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, run_query, &merge), OK);

    struct intake_result r =
        entered(w, MAIL(.identities = IDS(ID(IDENTITY_EMAIL, "ann@example.com"))));
    struct intake_result both =
        entered(w, MAIL(.identities = IDS(ID(IDENTITY_EMAIL, "ann@example.com"),
                                          ID(IDENTITY_PHONE, "+442079460018"))));

    assert_int_equal(r.customer.v, a.customer.v);
    assert_int_equal(both.customer.v, a.customer.v);
    assert_int_equal(both.duplicates.n, 0);
    str where =
        arena_printf(w->cx.arena, "interaction WHERE customer_id = %lld", (long long)b.customer.v);
    assert_int_equal(count(w, where.ptr),
                     2); /* its first and r; both came by phone, the stronger */
}

/* ---- exactly once
 * --------------------------------------------------------------------------------- */

static void the_same_source_again_answers_the_same_and_changes_nothing(void **state)
{
    struct test_world *w = *state;
    struct intake in =
        MAIL(.source_id = S("msg-1"), .identities = IDS(ID(IDENTITY_EMAIL, "ann@example.com")),
             .text = S("hello"));
    struct intake_result first = entered(w, in);
    int64_t audits = count(w, "audit"), events = count(w, "event");

    in.text = S("something else");
    struct intake_result again = entered(w, in);

    assert_int_equal(again.customer.v, first.customer.v);
    assert_int_equal(again.interaction.v, first.interaction.v);
    assert_int_equal(again.is_new, first.is_new);
    assert_str(again.matched_by, first.matched_by);
    assert_int_equal(count(w, "interaction"), 1);
    assert_int_equal(count(w, "audit"), audits);
    assert_int_equal(count(w, "event"), events);
}

/* Both are planned before either is applied. */
static void two_that_arrive_at_the_same_moment_make_one(void **state)
{
    struct test_world *w = *state;
    struct intake a = MAIL(.source_id = S("msg-1"),
                           .identities = IDS(ID(IDENTITY_EMAIL, "ann@example.com"))),
                  b = a;
    struct intake_result ra, rb;
    assert_int_equal(intake_plan(&w->cx, &a), OK);
    assert_int_equal(intake_plan(&w->cx, &b), OK);

    void *first[2] = {&a, &ra}, *second[2] = {&b, &rb};
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, apply, first), OK);
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, apply, second), ERR_STALE);
    rb = entered(w, b);

    assert_int_equal(rb.interaction.v, ra.interaction.v);
    assert_int_equal(count(w, "interaction"), 1);
    assert_int_equal(count(w, "customer"), 1);
}

static void two_first_calls_of_one_number_at_the_same_moment_make_one_customer(void **state)
{
    struct test_world *w = *state;
    struct intake a = CALL(.identities = IDS(ID(IDENTITY_PHONE, "+442079460018"))), b = a;
    struct intake_result ra, rb;
    assert_int_equal(intake_plan(&w->cx, &a), OK);
    assert_int_equal(intake_plan(&w->cx, &b), OK);

    void *first[2] = {&a, &ra}, *second[2] = {&b, &rb};
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, apply, first), OK);
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, apply, second), ERR_STALE);
    rb = entered(w, b);

    assert_int_equal(rb.customer.v, ra.customer.v);
    assert_false(rb.is_new);
    assert_int_equal(count(w, "customer"), 1);
    assert_int_equal(count(w, "interaction"), 2);
}

/* Whatever comes in whatever order and however often: a source is one line, a strong handle one
 * customer. */
static void any_mixture_of_contacts_keeps_one_customer_for_each_handle(void **state)
{
    struct test_world *w = *state;
    uint64_t seed = 7;
    enum { PEOPLE = 6, ROUNDS = 300 };
    customer_id of[PEOPLE] = {0};
    interaction_id line[ROUNDS] = {0};
    int who[ROUNDS] = {0}, source[ROUNDS] = {0}, lines = 0;
    for (int i = 0; i < ROUNDS; i++) {
        bool repeats = i > 0 && test_random(&seed) % 4 == 0;
        int n = repeats ? source[test_random(&seed) % (uint64_t)i] : i;
        int p = repeats ? who[n] : (int)(test_random(&seed) % PEOPLE);
        who[i] = p;
        source[i] = n;
        struct intake_identity phone = {
            .type = IDENTITY_PHONE, .value = arena_printf(w->cx.arena, "+4420794600%02d", 10 + p)};
        struct intake_identity mail = {.type = IDENTITY_EMAIL,
                                       .value = arena_printf(w->cx.arena, "p%d@example.com", p)};
        bool by_phone = of[p].v == 0 || test_random(&seed) % 2;
        struct intake in = MAIL(.source_id = arena_printf(w->cx.arena, "s%d", n),
                                .identities = of[p].v == 0 ? IDS(phone, mail)
                                              : by_phone   ? IDS(phone)
                                                           : IDS(mail));
        struct intake_result r = entered(w, in);
        if (of[p].v == 0)
            of[p] = r.customer;
        assert_int_equal(r.customer.v, of[p].v);
        if (line[n].v == 0)
            lines++;
        else
            assert_int_equal(r.interaction.v, line[n].v);
        line[n] = r.interaction;
    }
    assert_int_equal(count(w, "interaction"), lines);
    assert_int_equal(count(w, "identity_owner"), 2 * count(w, "customer"));
}

/* ---- what is claimed
 * --------------------------------------------------------------------------------- */

static void a_claim_fills_an_empty_field_and_only_proposes_over_a_full_one(void **state)
{
    struct test_world *w = *state;
    struct intake_identity phone = ID(IDENTITY_PHONE, "+442079460018");
    customer_id c =
        entered(w, CALL(.identities = IDS(phone), .claims = {.name = S("Ann Lee")})).customer;

    (void)entered(
        w, CALL(.identities = IDS(phone), .claims = {.name = S("Lee, Ann"), .city = S("Leeds")}));
    (void)entered(
        w, CALL(.identities = IDS(phone), .claims = {.name = S("Anna Smith"), .city = S("York")}));
    (void)entered(w, CALL(.identities = IDS(phone), .claims = {.name = S("Anna Smith")}));

    struct customer now;
    assert_int_equal(customer_get(&w->cx, c, &now), OK);
    assert_str(now.name, S("Ann Lee"));
    assert_str(now.city, S("Leeds"));
    assert_int_equal(count(w, "proposal"), 2); /* Anna Smith once, York */
}

/* Both are planned before either is applied: the name keys hold what both said. */
static void two_claims_at_the_same_moment_both_stay_and_are_found(void **state)
{
    struct test_world *w = *state;
    struct intake_identity phone = ID(IDENTITY_PHONE, "+442079460018");
    customer_id c = entered(w, CALL(.identities = IDS(phone))).customer;
    struct intake a = CALL(.identities = IDS(phone), .claims = {.name = S("Ann Lee")});
    struct intake b = CALL(.identities = IDS(phone), .claims = {.country = S("GB")});
    struct intake_result ra, rb;
    assert_int_equal(intake_plan(&w->cx, &a), OK);
    assert_int_equal(intake_plan(&w->cx, &b), OK);

    void *first[2] = {&a, &ra}, *second[2] = {&b, &rb};
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, apply, first), OK);
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, apply, second), ERR_STALE);
    (void)entered(w, b);

    struct customer now;
    assert_int_equal(customer_get(&w->cx, c, &now), OK);
    assert_str(now.name, S("Ann Lee"));
    assert_str(now.country, S("GB"));
    assert_int_equal(count(w, "customer_key WHERE key = '=ann lee|GB'"), 1);
    assert_int_equal(count(w, "customer_key WHERE key = 'ann lee'"), 1);
}

static void a_newcomer_with_the_name_and_city_of_another_is_told_as_a_possible_duplicate(
    void **state)
{
    struct test_world *w = *state;
    struct intake_claims claims = {
        .name = S("Aiko Tanaka"), .country = S("jp"), .city = S("Tokyo")};
    customer_id first =
        entered(w, CALL(.identities = IDS(ID(IDENTITY_PHONE, "+81355500142")), .claims = claims))
            .customer;

    claims.name = S("TANAKA Aiko");
    struct intake_result same =
        entered(w, MAIL(.identities = IDS(ID(IDENTITY_EMAIL, "a@example.com")), .claims = claims));
    claims.city = S("Osaka");
    struct intake_result elsewhere =
        entered(w, MAIL(.identities = IDS(ID(IDENTITY_EMAIL, "b@example.com")), .claims = claims));

    assert_true(same.is_new);
    assert_true(tells(&same, first));
    assert_false(tells(&elsewhere, first));
}

/* ---- hostile and odd
 * ---------------------------------------------------------------------------------- */

static void a_malformed_handle_is_kept_as_given_and_never_recognises(void **state)
{
    struct test_world *w = *state;

    struct intake_result a = entered(
        w, CALL(.identities = IDS(ID(IDENTITY_PHONE, "123"), ID(IDENTITY_EMAIL, "nonsense"))));
    struct intake_result b = entered(w, CALL(.identities = IDS(ID(IDENTITY_PHONE, "123"))));

    assert_true(a.is_new && b.is_new);
    assert_int_equal(a.ignored.n, 2);
    struct list ids;
    assert_int_equal(
        db_all(&w->cx, &q_identity_list, &identity_row_shape, &ids, ARGS(V(a.customer))), OK);
    assert_int_equal(ids.n, 2);
    const struct identity *id = ids.items;
    assert_int_equal(id[0].state, IDENTITY_WRONG);
    assert_str(id[0].value, S(""));
    assert_str(id[0].given, S("123"));
}

static void a_malformed_handle_is_kept_once_however_often_it_comes(void **state)
{
    struct test_world *w = *state;
    struct intake_result a = {0};

    for (int i = 0; i < 3; i++)
        a = entered(w, CALL(.identities = IDS(ID(IDENTITY_PHONE, "+44 20 7946 0018"),
                                              ID(IDENTITY_EMAIL, "nonsense"))));

    struct list ids;
    assert_int_equal(
        db_all(&w->cx, &q_identity_list, &identity_row_shape, &ids, ARGS(V(a.customer))), OK);
    assert_int_equal(ids.n, 2);
}

static void an_anonymous_caller_with_a_message_is_recorded_and_owns_no_number(void **state)
{
    struct test_world *w = *state;

    struct intake_result r =
        entered(w, CALL(.identities = IDS(ID(IDENTITY_PHONE, "anonymous")), .text = S("call me")));

    assert_true(r.is_new);
    assert_str(((struct intake_ignored *)r.ignored.items)->why, S("withheld"));
    assert_int_equal(count(w, "identity_owner"), 0);
}

static void a_contact_that_names_nobody_and_says_nothing_is_refused(void **state)
{
    struct test_world *w = *state;
    struct intake in = CALL(.ip = S("192.0.2.1"));
    struct intake_result out;

    assert_int_equal(enter(w, &in, &out), ERR_INVALID);
    assert_str(w->cx.why.field, S("identities"));
    assert_int_equal(count(w, "customer"), 0);
}

static void claims_that_cannot_be_are_refused_by_name(void **state)
{
    struct test_world *w = *state;
    static const struct {
        struct intake_claims claims;
        const char *field;
    } cases[] = {
        {{.name = S("x"), .country = S("Japan")}, "claims.country"},
        {{.name = S("x"), .lang = S("japanese!")}, "claims.language"},
        {{.name = S("x"), .time_zone = S("Mars/Olympus")}, "claims.time_zone"},
        {{.name = S("x"), .kind = S("robot")}, "claims.kind"},
        {{.name = S("x"), .address_kind = S("moon"), .address_line = S("1")},
         "claims.address_kind"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct intake in = CALL(.claims = cases[i].claims);
        struct intake_result out;
        assert_int_equal(enter(w, &in, &out), ERR_INVALID);
        assert_str(w->cx.why.field, str_of(cases[i].field));
    }
    struct intake late = CALL(.claims = {.name = S("x")}, .at = {w->cx.now_ms + 3 * 86400000LL});
    struct intake_result out;
    assert_int_equal(enter(w, &late, &out), ERR_INVALID);
    assert_str(w->cx.why.field, S("at"));
}

static void names_of_any_kind_are_kept_as_written(void **state)
{
    struct test_world *w = *state;
    str long_name = {memset(arena_alloc(w->cx.arena, 1, 500), 'a', 500), 500};
    str wide_name = {arena_alloc(w->cx.arena, 4, 500), 2000};
    for (size_t i = 0; i < 500; i++)
        memcpy((char *)wide_name.ptr + 4 * i, "𠮷", 4);
    str names[] = {S("X"),
                   long_name,
                   wide_name,
                   S("😀😀"),
                   S("محمد بن سلمان"),
                   S("שלום"),
                   S("田中 愛子"),
                   S("Нұрлан Әбішұлы"),
                   S("O'Neil; DROP TABLE customer --"),
                   S("<script>alert(1)</script>"),
                   S("=cmd|' /C calc'!A0"),
                   S("!1!x")};
    for (size_t i = 0; i < COUNT(names); i++) {
        struct intake_result r =
            entered(w, CALL(.claims = {.name = names[i], .company = names[i], .country = S("GB")}));
        struct customer c;
        assert_int_equal(customer_get(&w->cx, r.customer, &c), OK);
        assert_str(c.name, names[i]);
    }
}

static void seventeen_identities_are_refused(void **state)
{
    struct test_world *w = *state;
    struct intake_identity ids[17];
    for (size_t i = 0; i < COUNT(ids); i++)
        ids[i] = (struct intake_identity){
            .type = IDENTITY_EMAIL, .value = arena_printf(w->cx.arena, "p%zu@example.com", i)};
    struct intake in = CALL(.identities = {ids, COUNT(ids)});
    struct intake_result out;

    assert_int_equal(enter(w, &in, &out), ERR_INVALID);
}

static void the_standing_of_a_customer_counts_contacts_and_keeps_the_latest(void **state)
{
    struct test_world *w = *state;
    struct intake_identity phone = ID(IDENTITY_PHONE, "+442079460018");
    customer_id c = entered(w, CALL(.identities = IDS(phone), .at = {1000000})).customer;
    (void)entered(w, CALL(.identities = IDS(phone), .at = {3000000}));
    (void)entered(w, CALL(.identities = IDS(phone), .at = {2000000}));
    (void)entered(w, (struct intake){.channel = CHANNEL_ORDER,
                                     .trust = TRUST_PRESENTED,
                                     .identities = IDS(phone),
                                     .at = {500000}});

    struct standing s;
    assert_int_equal(db_one(&w->cx, &q_standing_get, &standing_row_shape, &s, ARGS(V(c))), OK);

    assert_int_equal(s.all.contacts, 3);
    assert_int_equal(s.last_contact_at.ms, 3000000);
    assert_int_equal(s.first_at.ms, 500000);
}

static int all(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_caller_is_recognised_however_the_number_is_written),
        STORE_TEST(a_new_handle_of_a_known_customer_recognises_him_next_time),
        STORE_TEST(a_typed_handle_is_only_proposed),
        STORE_TEST(two_handles_of_two_customers_go_to_the_stronger_and_tell_of_the_other),
        STORE_TEST(a_vouched_handle_decides_before_a_stronger_one_and_proves_the_contact),
        STORE_TEST(of_a_shared_number_the_claimed_name_says_who_it_is),
        STORE_TEST(a_second_handle_settles_a_shared_number_without_a_word_of_duplicates),
        STORE_TEST(a_number_of_too_many_recognises_nobody_and_says_so),
        STORE_TEST(a_number_of_hundreds_is_kept_as_given_by_the_later_ones),
        STORE_TEST(a_handle_marked_wrong_recognises_nobody),
        STORE_TEST(a_merged_pair_answers_as_one_and_each_row_keeps_the_id_it_came_in_by),
        STORE_TEST(the_same_source_again_answers_the_same_and_changes_nothing),
        STORE_TEST(two_that_arrive_at_the_same_moment_make_one),
        STORE_TEST(two_first_calls_of_one_number_at_the_same_moment_make_one_customer),
        STORE_TEST(any_mixture_of_contacts_keeps_one_customer_for_each_handle),
        STORE_TEST(a_claim_fills_an_empty_field_and_only_proposes_over_a_full_one),
        STORE_TEST(two_claims_at_the_same_moment_both_stay_and_are_found),
        STORE_TEST(a_newcomer_with_the_name_and_city_of_another_is_told_as_a_possible_duplicate),
        STORE_TEST(a_malformed_handle_is_kept_as_given_and_never_recognises),
        STORE_TEST(a_malformed_handle_is_kept_once_however_often_it_comes),
        STORE_TEST(an_anonymous_caller_with_a_message_is_recorded_and_owns_no_number),
        STORE_TEST(a_contact_that_names_nobody_and_says_nothing_is_refused),
        STORE_TEST(claims_that_cannot_be_are_refused_by_name),
        STORE_TEST(names_of_any_kind_are_kept_as_written),
        STORE_TEST(seventeen_identities_are_refused),
        STORE_TEST(the_standing_of_a_customer_counts_contacts_and_keeps_the_latest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return test_on_stores(all);
}
