/* The generator writes rows beside the one door. Here the same people, with the same history, go through the door, and the
 * rows must be the same.
 *
 * Rightly different, so not compared: ids (time-ordered, new at each filling), and what only the door writes: audit, events,
 * possible duplicates (people of one name in one city; nobody asked about them when a house was filled).
 */
#include "app/demo/fill.h"
#include "db/db_test.h"
#include "queries.h"
#include "rooms/settings/settings.h"

enum { CUSTOMERS = 1000, SEED = 7 };

static struct demo_filled filled_counts;

static void fill(struct test_world *w)
{
    struct demo_progress progress = {0};
    assert_int_equal(
        demo_fill_generated(w->store, &w->cx, CUSTOMERS, SEED, &progress, &filled_counts), OK);
}

static int filled_open(void **state)
{
    static struct test_house house = {.fill = fill};
    return test_world_of(&house, state);
}

/* ---- reading what was filled ------------------------------------------------------------------ */

struct one_person {
    int64_t id, created_ms;
    struct intake_claims claims;
};
struct one_handle {
    int64_t customer, first_ms;
    int type;
    str given, source;
};
struct one_contact {
    int64_t customer, at_ms;
    str channel, text, matched_by, order, status, payment;
};
struct one_line {
    str order, sku;
    int64_t quantity_milli, price;
};
struct one_text {
    str line;
};

/* clang-format off */
static const struct field person_fields[] = {
    FIELD(struct one_person, id),
    FIELD(struct one_person, created_ms),
    FIELD_AS(struct one_person, claims.kind, "kind"),
    FIELD_AS(struct one_person, claims.name, "name"),
    FIELD_AS(struct one_person, claims.reading, "reading"),
    FIELD_AS(struct one_person, claims.given, "given"),
    FIELD_AS(struct one_person, claims.family, "family"),
    FIELD_AS(struct one_person, claims.patronymic, "patronymic"),
    FIELD_AS(struct one_person, claims.form_of_address, "form_of_address"),
    FIELD_AS(struct one_person, claims.lang, "lang"),
    FIELD_AS(struct one_person, claims.time_zone, "time_zone"),
    FIELD_AS(struct one_person, claims.country, "country"),
    FIELD_AS(struct one_person, claims.city, "city"),
};
static const struct shape person_shape = SHAPE("person", struct one_person, person_fields);
static const struct field handle_fields[] = {
    FIELD(struct one_handle, customer),
    FIELD(struct one_handle, first_ms),
    FIELD_ENUM(struct one_handle, type, identity_type_codes),
    FIELD(struct one_handle, given),
    FIELD(struct one_handle, source),
};
static const struct shape one_handle_shape = SHAPE("one_handle", struct one_handle, handle_fields);
static const struct field contact_fields[] = {
    FIELD(struct one_contact, customer),
    FIELD(struct one_contact, at_ms),
    FIELD(struct one_contact, channel),
    FIELD(struct one_contact, text),
    FIELD(struct one_contact, matched_by),
    FIELD(struct one_contact, order),
    FIELD(struct one_contact, status),
    FIELD(struct one_contact, payment),
};
static const struct shape contact_shape = SHAPE("one_contact", struct one_contact, contact_fields);
static const struct field line_fields[] = {
    FIELD(struct one_line, order),
    FIELD(struct one_line, sku),
    FIELD(struct one_line, quantity_milli),
    FIELD(struct one_line, price),
};
static const struct shape one_line_shape = SHAPE("one_line", struct one_line, line_fields);
static const struct field text_fields[] = {FIELD(struct one_text, line)};
static const struct shape text_shape = SHAPE("one_text", struct one_text, text_fields);
/* clang-format on */

static struct list rows(struct test_world *w, const struct shape *shape, const char *sql)
{
    struct query *q = ARENA_NEW(
        w->cx.arena, struct query); /* statements are kept by the address of their query */
    *q = (struct query){.name = "rows", .sqlite = sql, .postgres = sql};
    struct list out = {0};
    enum err e = db_all(&w->cx, q, shape, &out, NO_ARGS);
    if (e != OK)
        fail_msg("%s: " SFMT, sql, SARG(fault_text(w->cx.arena, LANG_EN, &w->cx.why)));
    read_end(&w->cx);
    return out;
}

/* ---- through the door --------------------------------------------------------------------------- */

struct door {
    struct store *store;
    struct cx cx; /* its arena is emptied with each customer */
    struct list people, handles, contacts, lines;
};

static void well(struct door *d, enum err e)
{
    if (e != OK)
        fail_msg("%s: " SFMT, err_code(e), SARG(fault_text(d->cx.arena, LANG_EN, &d->cx.why)));
}

static enum err intake_apply(struct cx *cx, void *in)
{
    struct intake_result r;
    return intake_take(cx, in, &r);
}

static struct intake_plan *enter(struct door *d, struct intake *in)
{
    well(d, intake_plan(&d->cx, in));
    well(d, db_change(d->store, &d->cx, LANE_INTERACTIVE, intake_apply, in));
    read_end(&d->cx);
    return in->plan;
}

static enum err order_apply(struct cx *cx, void *in)
{
    order_id id;
    bool is_repeat;
    return order_take(cx, in, &id, &is_repeat);
}

static customer_id customer_of(struct door *d, str phone)
{
    struct handle h;
    assert_true(handle_read(d->cx.arena, IDENTITY_PHONE, phone, S(""), &h));
    well(d, customer_owners(&d->cx, &h, 1));
    read_end(&d->cx);
    assert_int_equal(h.owners.n, 1);
    return ((const struct owner *)h.owners.items)->customer;
}

/* A person of the house writes down who it is, then each further handle as it came. */
static customer_id introduce(struct door *d, const struct one_person *p)
{
    customer_id id = {0};
    const struct one_handle *h = d->handles.items;
    for (size_t i = 0; i < d->handles.n; i++) {
        if (h[i].customer != p->id)
            continue;
        struct intake_identity identity = {.type = h[i].type, .value = h[i].given};
        struct intake in = {.channel = str_eq(h[i].source, S("call"))    ? CHANNEL_CALL
                                       : str_eq(h[i].source, S("email")) ? CHANNEL_EMAIL
                                                                         : CHANNEL_PURCHASE,
                            .direction = DIRECTION_NONE,
                            .no_interaction = true,
                            .trust = TRUST_PROVEN,
                            .identities = {&identity, 1},
                            .customer = id};
        d->cx.now_ms = h[i].first_ms;
        if (!id.v)
            in.claims = p->claims;
        (void)enter(d, &in);
        if (!id.v)
            id = customer_of(d, h[i].given);
    }
    return id;
}

static void order_again(struct door *d, customer_id id, const struct one_contact *c)
{
    struct order_line_new lines[8];
    size_t n = 0;
    const struct one_line *l = d->lines.items;
    for (size_t i = 0; i < d->lines.n && n < COUNT(lines); i++)
        if (str_eq(l[i].order, c->order))
            lines[n++] = (struct order_line_new){.sku = l[i].sku,
                                                 .quantity = (double)l[i].quantity_milli / 1000,
                                                 .price = l[i].price};
    struct order_new in = {.number = c->order,
                           .customer = id,
                           .at = {c->at_ms},
                           .currency = S("EUR"),
                           .status = ORDER_DELIVERED,
                           .payment_method = c->payment,
                           .lines = {lines, n},
                           .trust = TRUST_PRESENTED};
    well(d, order_plan(&d->cx, &in));
    well(d, db_change(d->store, &d->cx, LANE_INTERACTIVE, order_apply, &in));
    read_end(&d->cx);
}

static void contact_again(struct door *d, const struct one_person *p, const struct one_contact *c)
{
    const struct one_handle *h = d->handles.items;
    struct intake_identity by = {0};
    for (size_t i = 0; i < d->handles.n; i++)
        if (h[i].customer == p->id && str_eq(c->matched_by, str_of(identity_type_codes[h[i].type])))
            by = (struct intake_identity){.type = h[i].type, .value = h[i].given};
    struct intake in = {.channel = str_eq(c->channel, S("call"))    ? CHANNEL_CALL
                                   : str_eq(c->channel, S("email")) ? CHANNEL_EMAIL
                                                                    : CHANNEL_CHAT,
                        .trust = TRUST_PRESENTED,
                        .identities = {&by, 1},
                        .text = c->text};
    (void)enter(d, &in);
}

static void live_again(struct door *d, const struct one_person *p)
{
    customer_id id = introduce(d, p);
    const struct one_contact *c = d->contacts.items;
    for (size_t i = 0; i < d->contacts.n; i++) {
        if (c[i].customer != p->id)
            continue;
        d->cx.now_ms = c[i].at_ms;
        if (c[i].order.len)
            order_again(d, id, &c[i]);
        else
            contact_again(d, p, &c[i]);
    }
    arena_reset(d->cx.arena);
}

/* ---- comparing ------------------------------------------------------------------------------------ */

/* Whose a row is, told by the telephone number: nobody shares one here. */
/* clang-format off */
#define WHO(id) \
    "(SELECT v.value FROM identity_owner w JOIN identity_value v ON v.id = w.value_id WHERE w.customer_id = " id " AND v.type = 'phone')"
#define N(x) "'|' || CAST(" x " AS TEXT)"
#define T(x) "'|' || " x

static const struct { const char *table, *sql; } tables[] = {
    {"customer", "SELECT " WHO("c.id") " || " T("c.kind") " || " T("c.name") " || " T("c.reading") " || " T("c.given") " || "
                 T("c.family") " || " T("c.patronymic") " || " T("c.form_of_address") " || " T("c.lang") " || " T("c.time_zone") " || "
                 T("c.country") " || " T("c.region") " || " T("c.city") " || " T("c.company") " || " T("c.heard_of_us") " || "
                 N("c.created_ms") " || " N("c.changed_ms") " || " N("c.version") " || " N("COALESCE(c.owner_id, 0)") " || "
                 N("c.root_id - c.id") " || " T("c.folded_name") " || " T("c.folded_city") " || " T("c.folded_company") " || "
                 T("c.folded_region") " || " T("c.folded_heard_of_us") " FROM customer c ORDER BY 1"},
    {"customer_key", "SELECT " WHO("k.customer_id") " || " T("k.key") " FROM customer_key k ORDER BY 1"},
    {"identity_value", "SELECT v.type || " T("v.value") " || " T("v.shown") " || " T("COALESCE(v.reversed, '-')") " || " N("v.version")
                       " FROM identity_value v ORDER BY 1"},
    {"identity_owner", "SELECT " WHO("o.customer_id") " || " T("i.value") " || " T("o.state") " || " T("o.given") " || "
                       T("o.source") " || " N("o.first_ms") " || " N("o.last_ms")
                       " FROM identity_owner o JOIN identity_value i ON i.id = o.value_id ORDER BY 1"},
    {"standing", "SELECT " WHO("s.customer_id") " || " N("s.first_ms") " || " N("s.last_contact_ms") " || " N("s.contacts") " || "
                 N("s.orders") " || " N("s.spent_minor") " || " N("s.last_order_ms") " FROM standing s ORDER BY 1"},
    {"standing_day", "SELECT " WHO("d.customer_id") " || " N("d.day") " || " N("d.contacts") " || " N("d.orders") " || "
                     N("d.discounted") " || " N("d.spent_minor") " || " N("d.returned_minor") " || " N("d.discount_minor")
                     " FROM standing_day d WHERE d.day > (SELECT t.done_day - 365 FROM standing_turn t) ORDER BY 1"},
    {"interaction", "SELECT " WHO("i.customer_id") " || " N("i.at_ms") " || " T("i.channel") " || " T("i.direction") " || "
                    T("i.trust") " || " T("i.subject") " || " T("i.text") " || " T("i.ip") " || " T("i.matched_by") " || "
                    N("i.is_new") " || " N("COALESCE(i.staff_id, 0)") " || "
                    T("COALESCE((SELECT o.number FROM orders o WHERE o.id = i.ref_id), '-')") " FROM interaction i ORDER BY 1"},
    {"orders", "SELECT " WHO("o.customer_id") " || " T("o.number") " || " T("o.channel") " || " T("o.status") " || " N("o.at_ms")
               " || " N("COALESCE(o.due_ms, 0)") " || " T("o.currency") " || " N("o.total_minor") " || " N("o.discount_minor") " || "
               N("o.returned_minor") " || " N("COALESCE(o.base_minor, -1)") " || " T("o.payment_method") " || " N("o.version") " || "
               N("(SELECT i.at_ms - o.at_ms FROM interaction i WHERE i.id = o.interaction_id)") " FROM orders o ORDER BY 1"},
    {"order_line", "SELECT o.number || " N("l.line") " || " T("l.sku") " || " T("l.name") " || " N("l.quantity_milli") " || "
                   N("l.price_minor") " || " N("l.total_minor") " || " T("(SELECT p.sku FROM product p WHERE p.id = l.product_id)")
                   " FROM order_line l JOIN orders o ON o.id = l.order_id ORDER BY 1"},
};
/* clang-format on */

static void compare(struct test_world *filled, struct test_world *entered, size_t table)
{
    struct list a = rows(filled, &text_shape, tables[table].sql),
                b = rows(entered, &text_shape, tables[table].sql);
    const struct one_text *x = a.items, *y = b.items;
    for (size_t i = 0; i < a.n && i < b.n; i++)
        if (!str_eq(x[i].line, y[i].line))
            fail_msg("%s\nfilled  " SFMT "\nentered " SFMT, tables[table].table, SARG(x[i].line),
                     SARG(y[i].line));
    assert_int_equal(a.n, b.n);
    assert_true(a.n >= CUSTOMERS / 2);
}

static void a_generated_customer_is_the_one_the_door_would_have_made(void **state)
{
    struct test_world *filled = *state, *entered = NULL;
    void *other = NULL;
    assert_int_equal(test_world_open(&other), 0);
    entered = other;
    struct demo_progress progress = {0};

    assert_int_equal(demo_fill_generated(entered->store, &entered->cx, 0, SEED, &progress,
                                         &(struct demo_filled){0}),
                     OK); /* the goods */
    read_end(&entered->cx);
    struct door d = {.store = entered->store, .cx = entered->cx};
    d.cx.arena = arena_open((size_t)64 << 20);
    d.people = rows(
        filled, &person_shape,
        "SELECT id, created_ms, kind, name, reading, given, family, patronymic, form_of_address, lang, "
        "time_zone, country, city FROM customer ORDER BY id");
    d.handles =
        rows(filled, &one_handle_shape,
             "SELECT o.customer_id, o.first_ms, v.type, o.given, o.source FROM identity_owner o "
             "JOIN identity_value v ON v.id = o.value_id ORDER BY o.id");
    d.contacts = rows(
        filled, &contact_shape,
        "SELECT i.customer_id, i.at_ms, i.channel, i.text, i.matched_by, COALESCE(o.number, ''), "
        "COALESCE(o.status, ''), COALESCE(o.payment_method, '') FROM interaction i "
        "LEFT JOIN orders o ON o.id = i.ref_id ORDER BY i.at_ms, i.id");
    d.lines = rows(filled, &one_line_shape,
                   "SELECT o.number, l.sku, l.quantity_milli, l.price_minor FROM order_line l "
                   "JOIN orders o ON o.id = l.order_id ORDER BY l.order_id, l.line");
    const struct one_person *p = d.people.items;
    for (size_t i = 0; i < d.people.n; i++)
        live_again(&d, &p[i]);

    assert_int_equal(d.people.n, CUSTOMERS);
    assert_int_equal(filled_counts.customers, CUSTOMERS);
    for (size_t i = 0; i < COUNT(tables); i++)
        compare(filled, entered, i);
    arena_close(d.cx.arena);
    test_world_close(&other);
}

static void what_is_summed_of_a_generated_customer_is_what_his_rows_say(void **state)
{
    struct test_world *w = *state;
    int64_t after = 0;
    do {
        struct list wrong;
        assert_int_equal(standing_check(&w->cx, &after, 100, &wrong), OK);
        assert_int_equal(wrong.n, 0);
    } while (after);
}

struct filling {
    int64_t position, progress, total;
    bool is_finished;
};
static enum err filling_apply(struct cx *cx, void *state)
{
    struct filling *f = state;
    return search_fill.slice(cx, S(""), &f->position, &f->progress, &f->total, &f->is_finished);
}

/* Of all documents, one number that any difference moves. */
static int64_t sum_of_docs(struct test_world *w)
{
    int64_t sum = 0;
    static const char sql[] =
        "SELECT CAST(SUM((id % 1009) * (customer_id % 10007) + length(text) * (id % 911)) AS BIGINT) FROM search_doc";
    static const struct query q = {.name = "test_docs", .sqlite = sql, .postgres = sql};
    assert_int_equal(db_int(&w->cx, &q, &sum, NO_ARGS), OK);
    return sum;
}

/* The job that fills older stores reads the rows; it must find nothing to do. */
static void the_search_finds_a_generated_customer_by_what_his_rows_say(void **state)
{
    struct test_world *w = *state;
    struct filling job = {0};
    int64_t before = sum_of_docs(w);

    while (!job.is_finished)
        assert_int_equal(db_change(w->store, &w->cx, LANE_BULK, filling_apply, &job), OK);

    assert_int_equal(job.progress, CUSTOMERS);
    assert_int_equal(sum_of_docs(w), before);
    struct list ids = {0};
    assert_int_equal(search_customers(&w->cx, S(".500@"), 5, &ids), OK);
    assert_true(ids.n <= 1); /* he has an address, or not */
    assert_int_equal(search_customers(&w->cx, str_of(generated_phone(500).text), 5, &ids), OK);
    assert_int_equal(ids.n, 1);
}

static void what_is_generated_has_the_sizes_that_were_promised(void **state)
{
    (void)state;
    struct demo_filled f = filled_counts;

    assert_in_range(f.interactions, 45 * CUSTOMERS / 10, 55 * CUSTOMERS / 10);
    assert_in_range(f.orders, 18 * CUSTOMERS / 10, 22 * CUSTOMERS / 10);
    assert_in_range(f.identities, 19 * CUSTOMERS / 10, 21 * CUSTOMERS / 10);
}

static void the_first_caller_of_the_play_is_known_and_late_and_the_second_is_nobody(void **state)
{
    struct test_world *w = *state;
    struct demo_progress progress = {0};
    struct demo_filled f = {0};
    struct demo_play play;
    assert_int_equal(demo_fill_company(w->store, &w->cx, &progress, &f, &play), OK);
    read_end(&w->cx);

    struct handle h[4];
    assert_in_range(play.n_callers, 10, DEMO_CALLERS_MAX);
    for (size_t i = 0; i < COUNT(h); i++)
        assert_true(handle_read(w->cx.arena, IDENTITY_PHONE, play.callers[i], S(""), &h[i]));
    assert_int_equal(customer_owners(&w->cx, h, COUNT(h)), OK);
    assert_int_equal(h[0].owners.n, 1);
    assert_int_equal(h[1].owners.n, 0);
    assert_true(str_eq(play.callers[0], play.callers[2]));
    const struct owner *late = h[0].owners.items;
    struct list open = rows(
        w, &text_shape,
        arena_printf(w->cx.arena,
                     "SELECT number FROM orders WHERE status = 'shipped' AND customer_id = %lld",
                     (long long)late->customer.v)
            .ptr);
    assert_in_range(open.n, 1, 100);
}

static void a_house_that_holds_somebody_is_not_filled(void **state)
{
    struct test_world *w = *state;
    struct demo_progress progress = {0};
    struct demo_filled f = {0};
    struct demo_play play;
    assert_int_equal(demo_fill_generated(w->store, &w->cx, 3, SEED, &progress, &f), OK);
    read_end(&w->cx);

    assert_int_equal(demo_fill_generated(w->store, &w->cx, 3, SEED, &progress, &f), ERR_CONFLICT);
    assert_int_equal(demo_fill_company(w->store, &w->cx, &progress, &f, &play), ERR_CONFLICT);
    assert_int_equal(w->cx.why.msg, M_DEMO_NOT_EMPTY);
}

static int all(void)
{
#define FILLED_TEST(fn) cmocka_unit_test_setup_teardown(fn, filled_open, test_world_close)
    const struct CMUnitTest tests[] = {
        FILLED_TEST(a_generated_customer_is_the_one_the_door_would_have_made),
        FILLED_TEST(what_is_summed_of_a_generated_customer_is_what_his_rows_say),
        FILLED_TEST(the_search_finds_a_generated_customer_by_what_his_rows_say),
        FILLED_TEST(what_is_generated_has_the_sizes_that_were_promised),
        STORE_TEST(the_first_caller_of_the_play_is_known_and_late_and_the_second_is_nobody),
        STORE_TEST(a_house_that_holds_somebody_is_not_filled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return test_on_stores(all);
}
