/* Many through the one door at once are as many one by one: the same answers, the same rows. */
#include "db/db_test.h"
#include "queries.h"
#include "rooms/intake/intake.h"
#include "rooms/staff/staff.h"

/* ---- chance decides what comes ----------------------------------------------------------------- */

enum { BATCH = 60, BATCHES = 24 };

static uint64_t below(uint64_t *seed, uint64_t n)
{
    return test_random(seed) % n;
}

static str pick(uint64_t *seed, const char *const *of, size_t n)
{
    return str_of(of[below(seed, n)]);
}
#define PICK(seed, ...) \
    pick(seed, (const char *const[]){__VA_ARGS__}, COUNT(((const char *const[]){__VA_ARGS__})))

/* Few of each kind, so that they meet; some in several spellings, some of no use. */
static struct intake_identity an_identity(struct arena *a, uint64_t *seed)
{
    int n = (int)below(seed, 12);
    struct intake_identity id = {.type = IDENTITY_PHONE, .verified = below(seed, 8) == 0};
    switch (below(seed, 14)) {
    case 0:
    case 1:
    case 2:
        id.value = arena_printf(a, "+4420794600%02d", 10 + n);
        break;
    case 3:
        id.value = arena_printf(a, "+44 (0)20 7946 00%02d", 10 + n);
        break;
    case 4:
        id.value = arena_printf(a, "020794600%02d", 10 + n); /* without its country */
        break;
    case 5:
        id.value = arena_printf(a, "+7495123450%d", n % 10);
        break;
    case 6:
        id.value = PICK(seed, "123", "anonymous", "+44", "0000000", "");
        break;
    case 7:
        id.type = IDENTITY_ACCOUNT;
        id.value = arena_printf(a, "A-%d", n);
        break;
    case 8:
        id.type = IDENTITY_EXTERNAL;
        id.value = arena_printf(a, "x%d", n);
        break;
    case 9:
        id.type = IDENTITY_SOCIAL;
        id.value = PICK(seed, "telegram:@ann", "Telegram:ANN", "vk:bob", "nonsense");
        break;
    case 10:
        id.type = IDENTITY_EMAIL;
        id.value = PICK(seed, "nonsense", "a@", "info@example.com", "info@EXAMPLE.com");
        break;
    default:
        id.type = IDENTITY_EMAIL;
        id.value = arena_printf(a, "%s%d@example.com", n % 2 ? "p" : "P", n);
    }
    return id;
}

static void claim(struct arena *a, uint64_t *seed, struct intake_claims *c)
{
    if (below(seed, 3))
        c->name = PICK(seed, "Ann Lee", "Lee, Ann", "ann lee", "Bob Lee", "田中 愛子",
                       "Пётр Смирнов", "Huadong Parts", "Maria Garcia");
    if (below(seed, 6) == 0)
        c->reading = S("たなか あいこ");
    if (below(seed, 3) == 0)
        c->city = PICK(seed, "Leeds", "York", "leeds", "Osaka");
    if (below(seed, 3) == 0)
        c->country = PICK(seed, "GB", "gb", "JP");
    if (below(seed, 4) == 0)
        c->company = PICK(seed, "Huadong Parts", "Acme");
    if (below(seed, 8) == 0)
        c->kind = PICK(seed, "person", "company");
    if (below(seed, 6) == 0)
        c->lang = PICK(seed, "en", "ja", "JA");
    if (below(seed, 10) == 0)
        c->given = S("Ann"), c->family = S("Lee");
    if (below(seed, 5) == 0) {
        c->address_line = arena_printf(a, "%d High Street", (int)below(seed, 3));
        c->address_kind = PICK(seed, "home", "delivery", "");
    }
    switch (below(seed, 40)) { /* broken ones */
    case 0:
        c->country = S("Atlantis");
        break;
    case 1:
        c->lang = S("not a language");
        break;
    case 2:
        c->kind = S("ghost");
        break;
    case 3:
        c->address_kind = S("castle"), c->address_line = S("1");
        break;
    default:
        break;
    }
}

static struct intake a_contact(struct arena *a, uint64_t *seed, int64_t now_ms)
{
    struct intake in = {.channel = (int)below(seed, 4),
                        .trust = (int)below(seed, 3),
                        .no_interaction = below(seed, 7) == 0,
                        .text = S("hello")};
    size_t n = below(seed, 4);
    struct intake_identity *ids = ARENA_ARRAY(a, n + 1, struct intake_identity);
    for (size_t i = 0; i < n; i++)
        ids[i] = an_identity(a, seed);
    in.identities = (struct list){ids, n};
    if (below(seed, 3))
        claim(a, seed, &in.claims);
    if (below(seed, 2))
        in.source_id = arena_printf(a, "s%d", (int)below(seed, 900));
    if (below(seed, 4) == 0)
        in.at.ms = now_ms - (int64_t)below(seed, 40) * 86400000;
    if (below(seed, 50) == 0)
        in.at.ms = now_ms + 5 * 86400000;
    if (below(seed, 60) == 0)
        in.text = (str){0}, in.source_id = (str){0}, in.identities.n = 0,
        in.claims = (struct intake_claims){0};
    return in;
}

/* ---- two houses -------------------------------------------------------------------------------- */

/* The customers of a house in the order in which they were made. */
struct made {
    int64_t id;
};
static const struct field made_fields[] = {FIELD(struct made, id)};
static const struct shape made_shape = SHAPE("made", struct made, made_fields);
struct one_text {
    str line;
};
static const struct field one_text_fields[] = {FIELD(struct one_text, line)};
static const struct shape text_shape = SHAPE("one_text", struct one_text, one_text_fields);

static struct list rows(struct test_world *w, const struct shape *shape, const char *sql)
{
    struct query *q = ARENA_NEW(w->cx.arena, struct query);
    *q = (struct query){.name = "rows", .sqlite = sql, .postgres = sql};
    struct list out;
    assert_int_equal(db_all(&w->cx, q, shape, &out, NO_ARGS), OK);
    return out;
}

static struct list made_in(struct test_world *w)
{
    return rows(w, &made_shape, "SELECT id FROM customer ORDER BY id");
}

static int64_t number_of(const struct list *made, customer_id id)
{
    const struct made *m = made->items;
    for (size_t i = 0; i < made->n; i++)
        if (m[i].id == id.v)
            return (int64_t)i;
    return -1;
}

struct both {
    struct intake *in;
    struct intake_result *out;
    size_t n;
};
static enum err apply_one(struct cx *cx, void *state)
{
    struct both *b = state;
    return intake_take(cx, b->in, b->out);
}
static enum err apply_many(struct cx *cx, void *state)
{
    struct both *b = state;
    return intake_take_many(cx, b->in, b->n, b->out);
}

static void one_by_one(struct test_world *w, struct intake *in, struct intake_result *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        w->cx.why = (struct fault){0};
        enum err e = intake_plan(&w->cx, &in[i]);
        struct both b = {&in[i], &out[i], 1};
        if (e == OK)
            e = db_change(w->store, &w->cx, LANE_INTERACTIVE, apply_one, &b);
        assert_int_not_equal(e, ERR_STALE);
        if (e != OK)
            out[i] = (struct intake_result){.err = e, .why = w->cx.why};
    }
}

/* In pieces, and cut short by chance: the rest is planned anew. */
struct some {
    struct both b;
    struct intake_pieces pieces;
    size_t left, taken;
};
static bool has_enough(void *arg)
{
    struct some *s = arg;
    return s->left-- == 0;
}
static enum err apply_some(struct cx *cx, void *state)
{
    struct some *s = state;
    return intake_take_some(cx, s->b.in, s->b.n, s->b.out, &s->pieces, &s->taken);
}

static void in_pieces(struct test_world *w, uint64_t *seed, struct intake *in,
                      struct intake_result *out, size_t n)
{
    for (size_t at = 0; at < n;) {
        struct some s = {{in + at, out + at, n - at},
                         {1 + below(seed, 20), has_enough, NULL},
                         below(seed, 6),
                         0};
        s.pieces.arg = &s;
        size_t most = s.pieces.each * (s.left + 1);
        assert_int_equal(intake_plan_many(&w->cx, in + at, n - at, out + at), OK);
        assert_int_equal(db_change(w->store, &w->cx, LANE_BULK, apply_some, &s), OK);
        assert_in_range(s.taken, 1, most < n - at ? most : n - at);
        at += s.taken;
    }
}

static void at_once(struct test_world *w, struct intake *in, struct intake_result *out, size_t n)
{
    assert_int_equal(intake_plan_many(&w->cx, in, n, out), OK);
    struct both b = {in, out, n};
    assert_int_equal(db_change(w->store, &w->cx, LANE_BULK, apply_many, &b), OK);
}

/* ---- what else happens in a house ------------------------------------------------------------------ */

static enum err run_text(struct cx *cx, void *sql)
{
    struct query *q = ARENA_NEW(cx->arena, struct query);
    *q = (struct query){.name = "run", .sqlite = sql, .postgres = sql, .writes = true};
    return db_run(cx, q, NO_ARGS);
}

static void run(struct test_world *w, str sql)
{
    assert_int_equal(
        db_change(w->store, &w->cx, LANE_INTERACTIVE, run_text, arena_cstr(w->cx.arena, sql)), OK);
}

/* Two records become one; a handle is found to be wrong. */
static void live(struct test_world *w, uint64_t seed)
{
    struct list made =
        rows(w, &made_shape, "SELECT id FROM customer WHERE id = root_id ORDER BY id");
    const struct made *m = made.items;
    if (made.n > 4 && below(&seed, 3) == 0) {
        int64_t from = m[below(&seed, made.n / 2)].id,
                to = m[made.n / 2 + below(&seed, made.n / 2)].id;
        run(w, arena_printf(w->cx.arena, "UPDATE customer SET root_id = %lld WHERE root_id = %lld",
                            (long long)to, (long long)from));
    }
    if (below(&seed, 2) == 0)
        run(w,
            arena_printf(
                w->cx.arena,
                "UPDATE identity_owner SET state = 'wrong' WHERE given = '+4420794600%02d' AND customer_id = %lld",
                10 + (int)below(&seed, 12), (long long)(made.n ? m[below(&seed, made.n)].id : 0)));
}

/* ---- the same answers ------------------------------------------------------------------------------ */

static str answer_text(struct test_world *w, const struct list *made, const struct intake_result *r)
{
    struct text t = text_in(w->cx.arena, 65536);
    if (r->err != OK) {
        text_printf(&t, "%s %s " SFMT, err_code(r->err), msg_name(r->why.msg), SARG(r->why.field));
        return text_str(&t);
    }
    text_printf(&t, "%lld via %lld new %d line %d by " SFMT " changes %d",
                (long long)number_of(made, r->customer), (long long)number_of(made, r->via),
                r->is_new, r->interaction.v != 0, SARG(r->matched_by), r->changes);
    const struct duplicate *d = r->duplicates.items;
    for (size_t i = 0; i < r->duplicates.n; i++)
        text_printf(&t, " ~%lld %.2f " SFMT, (long long)number_of(made, d[i].id), d[i].probability,
                    SARG(d[i].why));
    const struct intake_ignored *g = r->ignored.items;
    for (size_t i = 0; i < r->ignored.n; i++)
        text_printf(&t, " -%d " SFMT " " SFMT, g[i].type, SARG(g[i].value), SARG(g[i].why));
    const struct intake_differs *f = r->differs.items;
    for (size_t i = 0; i < r->differs.n; i++)
        text_printf(&t, " /" SFMT " " SFMT " " SFMT, SARG(f[i].field), SARG(f[i].now),
                    SARG(f[i].claimed));
    return text_str(&t);
}

/* ---- the same rows --------------------------------------------------------------------------------- */

/* clang-format off */
#define WHO(id) "CAST((SELECT count(*) FROM customer x WHERE x.id < " id ") AS TEXT)"
#define N(x) "'|' || CAST(" x " AS TEXT)"
#define T(x) "'|' || " x
static const char *const tables[] = {
    "SELECT " WHO("c.id") " || " T("c.kind") " || " T("c.name") " || " T("c.reading") " || " T("c.given") " || " T("c.family") " || "
        T("c.lang") " || " T("c.country") " || " T("c.city") " || " T("c.company") " || " N("c.created_ms") " || " N("c.changed_ms")
        " || " N("c.version") " || " WHO("c.root_id") " FROM customer c ORDER BY 1",
    "SELECT " WHO("k.customer_id") " || " T("k.key") " FROM customer_key k ORDER BY 1",
    "SELECT v.type || " T("CASE WHEN substr(v.value, 1, 1) = '!' THEN '!' ELSE v.value END") " || " T("v.shown") " || "
        T("COALESCE(v.reversed, '-')") " || " N("v.version") " FROM identity_value v ORDER BY 1",
    "SELECT " WHO("o.customer_id") " || " T("v.type") " || " T("CASE WHEN substr(v.value, 1, 1) = '!' THEN '!' ELSE v.value END")
        " || " T("o.state") " || " T("o.given") " || " T("o.source") " || " N("o.first_ms") " || " N("o.last_ms")
        " FROM identity_owner o JOIN identity_value v ON v.id = o.value_id ORDER BY 1",
    "SELECT " WHO("i.customer_id") " || " T("i.channel") " || " T("i.trust") " || " N("i.at_ms") " || " T("i.matched_by") " || "
        N("i.is_new") " || " T("COALESCE((SELECT k.source_id FROM source_key k WHERE k.interaction_id = i.id), '-')")
        " FROM interaction i ORDER BY 1",
    "SELECT " WHO("p.customer_id") " || " T("p.field") " || " T("p.value") " || " N("p.at_ms") " FROM proposal p ORDER BY 1",
    "SELECT " WHO("d.customer_id") " || '|' || " WHO("d.other_id") " || " T("d.why") " || " N("d.at_ms")
        " FROM possible_duplicate d ORDER BY 1",
    "SELECT " WHO("a.customer_id") " || " T("a.kind") " || " T("a.line") " || " T("a.city") " || " T("a.source")
        " FROM address a ORDER BY 1",
    "SELECT " WHO("s.customer_id") " || " T("s.kind") " || " T("s.activity") " || " N("s.first_ms") " || " N("s.last_contact_ms")
        " || " N("s.contacts") " || " N("s.contacts_30d") " FROM standing s ORDER BY 1",
    "SELECT " WHO("d.customer_id") " || " N("d.day") " || " N("d.contacts") " FROM standing_day d ORDER BY 1",
    "SELECT " WHO("h.customer_id") " || " T("h.field") " || " T("h.old_value") " || " T("h.new_value") " || " T("h.source")
        " FROM history h ORDER BY 1",
    "SELECT " WHO("a.customer_id") " || " T("a.action") " || " T("a.details") " || " N("a.at_ms") " FROM audit a ORDER BY 1",
};
/* clang-format on */

static void compare_tables(struct test_world *one, struct test_world *many, int round)
{
    for (size_t t = 0; t < COUNT(tables); t++) {
        struct list a = rows(one, &text_shape, tables[t]), b = rows(many, &text_shape, tables[t]);
        const struct one_text *x = a.items, *y = b.items;
        for (size_t i = 0; i < a.n && i < b.n; i++)
            if (!str_eq(x[i].line, y[i].line))
                fail_msg("round %d, %.40s…\none by one " SFMT "\nat once    " SFMT, round,
                         strstr(tables[t], "FROM"), SARG(x[i].line), SARG(y[i].line));
        if (a.n != b.n)
            fail_msg("round %d: %zu rows one by one, %zu at once: %s", round, a.n, b.n,
                     strstr(tables[t], "FROM"));
    }
}

static void random_batches_are_as_one_by_one(void **state, uint64_t seed, bool is_cut)
{
    struct test_world *one = *state, *many = NULL;
    void *other = NULL;
    assert_int_equal(test_world_open(&other), 0);
    many = other;
    uint64_t cuts = seed;
    int64_t met = 0, new = 0, refused = 0, repeated = 0, told = 0;
    for (int round = 0; round < BATCHES; round++) {
        struct list made_one = made_in(one), made_many = made_in(many);
        size_t n = 1 + below(&seed, BATCH);
        struct intake *a = ARENA_ARRAY(one->cx.arena, n, struct intake),
                      *b = ARENA_ARRAY(one->cx.arena, n, struct intake);
        struct intake_result *ra = ARENA_ARRAY(one->cx.arena, n, struct intake_result),
                             *rb = ARENA_ARRAY(one->cx.arena, n, struct intake_result);
        one->cx.now_ms += (int64_t)below(&seed, 3 * 3600 * 1000);
        many->cx.now_ms = one->cx.now_ms;
        for (size_t i = 0; i < n; i++) {
            uint64_t same = seed;
            a[i] = a_contact(one->cx.arena, &same, one->cx.now_ms);
            b[i] = a_contact(one->cx.arena, &seed, one->cx.now_ms);
            if (made_one.n &&
                below(&seed, 12) == 0) { /* a person chose, once in a while nobody there is */
                size_t who = below(&seed, made_one.n);
                bool is_there = below(&seed, 6) > 0;
                a[i].customer.v = is_there ? ((struct made *)made_one.items)[who].id : 1;
                b[i].customer.v = is_there ? ((struct made *)made_many.items)[who].id : 1;
            }
        }
        one_by_one(one, a, ra, n);
        if (is_cut)
            in_pieces(many, &cuts, b, rb, n);
        else
            at_once(many, b, rb, n);
        made_one = made_in(one);
        made_many = made_in(many);
        for (size_t i = 0; i < n; i++) {
            str x = answer_text(one, &made_one, &ra[i]), y = answer_text(many, &made_many, &rb[i]);
            if (!str_eq(x, y))
                fail_msg("round %d, %zu of %zu\none by one " SFMT "\nat once    " SFMT, round, i, n,
                         SARG(x), SARG(y));
            refused += ra[i].err != OK;
            new += ra[i].err == OK &&ra[i].is_new;
            met += ra[i].err == OK && !ra[i].is_new;
            told += ra[i].duplicates.n > 0;
        }
        compare_tables(one, many, round);
        uint64_t life = test_random(&seed);
        live(one, life);
        live(many, life);
    }
    struct list repeats = rows(one, &made_shape, "SELECT count(*) FROM source_key");
    repeated = ((struct made *)repeats.items)[0].id;
    assert_true(new > 50 && met > 200 && refused > 20 && told > 15 && repeated > 60);
    assert_int_equal(test_world_close(&other), 0);
}

static void a_batch_answers_and_writes_what_its_contacts_would_one_by_one(void **state)
{
    random_batches_are_as_one_by_one(state, 1, false);
}
static void and_so_does_another_batch(void **state)
{
    random_batches_are_as_one_by_one(state, 20260314, false);
}
static void and_a_third_one(void **state)
{
    random_batches_are_as_one_by_one(state, 777, false);
}
static void a_batch_that_is_cut_short_and_goes_on_is_as_one_by_one_too(void **state)
{
    random_batches_are_as_one_by_one(state, 4242, true);
}

/* ---- events, moves ------------------------------------------------------------------------------------ */

#define MAIL(v, ...)                                                                            \
    ((struct intake){                                                                           \
        .channel = CHANNEL_EMAIL,                                                               \
        .trust = TRUST_PRESENTED,                                                               \
        .identities = {(struct intake_identity[]){{.type = IDENTITY_EMAIL, .value = S(v)}}, 1}, \
        __VA_ARGS__})

static int64_t count(struct test_world *w, const char *what)
{
    str sql = arena_printf(w->cx.arena, "SELECT count(*) FROM %s", what);
    struct list r = rows(w, &made_shape, sql.ptr);
    return ((struct made *)r.items)[0].id;
}

static void a_batch_is_one_event_that_tells_how_many(void **state)
{
    struct test_world *w = *state;
    struct intake in[] = {MAIL("a@example.com"), MAIL("b@example.com"), MAIL("a@example.com")};
    struct intake_result out[COUNT(in)];

    at_once(w, in, out, COUNT(in));

    struct list e = rows(w, &text_shape, "SELECT type || ' ' || data FROM event");
    assert_int_equal(e.n, 1);
    assert_str(((struct one_text *)e.items)->line,
               S("customers.changed 5")); /* two made, three lines */
    struct intake one[] = {MAIL("c@example.com")};
    at_once(w, one, out, 1);
    assert_int_equal(count(w, "event WHERE type = 'interaction.added'"), 1);
}

/* Planned, then overtaken by a single contact: none of the batch is written until it is planned again. */
static void a_batch_that_was_overtaken_is_planned_again_and_meets_who_came(void **state)
{
    struct test_world *w = *state;
    struct intake in[] = {MAIL("a@example.com", .source_id = S("1")),
                          MAIL("b@example.com", .source_id = S("2")),
                          MAIL("c@example.com", .source_id = S("3"))};
    struct intake_result out[COUNT(in)], single;
    struct both b = {in, out, COUNT(in)};
    assert_int_equal(intake_plan_many(&w->cx, in, COUNT(in), out), OK);
    struct intake other = MAIL("b@example.com");
    one_by_one(w, &other, &single, 1);

    assert_int_equal(db_change(w->store, &w->cx, LANE_BULK, apply_many, &b), ERR_STALE);
    assert_int_equal(count(w, "customer"), 1);
    assert_int_equal(count(w, "source_key"), 0);
    assert_int_equal(intake_plan_many(&w->cx, in, COUNT(in), out), OK);
    assert_int_equal(db_change(w->store, &w->cx, LANE_BULK, apply_many, &b), OK);

    assert_int_equal(out[1].customer.v, single.customer.v);
    assert_false(out[1].is_new);
    assert_int_equal(count(w, "customer"), 3);
}

static void a_source_that_came_meanwhile_is_not_written_twice(void **state)
{
    struct test_world *w = *state;
    struct intake in[] = {MAIL("a@example.com", .source_id = S("1")),
                          MAIL("b@example.com", .source_id = S("2"))};
    struct intake_result out[COUNT(in)], single;
    struct both b = {in, out, COUNT(in)};
    assert_int_equal(intake_plan_many(&w->cx, in, COUNT(in), out), OK);
    struct intake same = MAIL("c@example.com", .source_id = S("2"));
    one_by_one(w, &same, &single, 1);

    assert_int_equal(db_change(w->store, &w->cx, LANE_BULK, apply_many, &b), ERR_STALE);
    at_once(w, in, out, COUNT(in));

    assert_int_equal(out[1].interaction.v, single.interaction.v);
    assert_int_equal(count(w, "interaction"), 2);
}

static void a_batch_of_a_thousand_of_one_number_is_one_customer(void **state)
{
    struct test_world *w = *state;
    struct intake *in = ARENA_ARRAY(w->cx.arena, INTAKES_MAX, struct intake);
    struct intake_result *out = ARENA_ARRAY(w->cx.arena, INTAKES_MAX, struct intake_result);
    struct intake one = MAIL("a@example.com");
    for (size_t i = 0; i < INTAKES_MAX; i++) {
        in[i] = one;
        in[i].source_id = arena_printf(w->cx.arena, "%zu", i / 2);
    }

    at_once(w, in, out, INTAKES_MAX);

    assert_int_equal(count(w, "customer"), 1);
    assert_int_equal(count(w, "interaction"), INTAKES_MAX / 2);
    for (size_t i = 0; i < INTAKES_MAX; i++) {
        assert_int_equal(out[i].customer.v, out[0].customer.v);
        assert_int_equal(out[i].interaction.v, out[i / 2 * 2].interaction.v);
    }
}

static int all(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_batch_answers_and_writes_what_its_contacts_would_one_by_one),
        STORE_TEST(and_so_does_another_batch),
        STORE_TEST(and_a_third_one),
        STORE_TEST(a_batch_that_is_cut_short_and_goes_on_is_as_one_by_one_too),
        STORE_TEST(a_batch_is_one_event_that_tells_how_many),
        STORE_TEST(a_batch_that_was_overtaken_is_planned_again_and_meets_who_came),
        STORE_TEST(a_source_that_came_meanwhile_is_not_written_twice),
        STORE_TEST(a_batch_of_a_thousand_of_one_number_is_one_customer),
    };
    return cmocka_run_group_tests_name(test_is_postgres() ? "postgres" : "sqlite", tests, NULL,
                                       NULL);
}

int main(void)
{
    return test_on_stores(all);
}
