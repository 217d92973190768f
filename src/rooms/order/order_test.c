/* Orders: taken once, counted in money that is exact, changed only forwards, sent back only in
 * part. */
#include "db/db_test.h"
#include "queries.h"
#include "rooms/order/order.h"
#include "rooms/settings/settings.h"

static const struct route *route_of(const char *method_path)
{
    for (size_t i = 0; i < order_room.n; i++) {
        const struct route *r = &order_room.routes[i];
        char name[200];
        snprintf(name, sizeof(name), "%s %s", http_method_names[r->method], r->path);
        if (strcmp(name, method_path) == 0)
            return r;
    }
    fail_msg("no route %s", method_path);
    return NULL;
}

struct call {
    const struct route *r;
    void *in, *out;
};
static enum err call_apply(struct cx *cx, void *state)
{
    struct call *c = state;
    return c->r->apply(cx, c->in, c->out);
}

/* As the gate does it: decode, plan, apply, again when stale. */
static enum err ask(struct test_world *w, const char *method_path, int64_t id, const char *json,
                    void *out)
{
    const struct route *r = route_of(method_path);
    void *in = arena_alloc(w->cx.arena, 1, r->in->size);
    enum err e = json_read(&w->cx, r->in, str_of(json), in, &w->cx.sent);
    if (e != OK)
        return e;
    if (id)
        memcpy(in, &id, sizeof(id));
    struct call c = {r, in, out};
    for (int i = 0; i < 3; i++) {
        memset(out, 0, r->out->size);
        e = r->plan(&w->cx, in, out);
        if (e == OK)
            e = db_change(w->store, &w->cx, LANE_INTERACTIVE, call_apply, &c);
        if (e != ERR_STALE)
            return e;
    }
    return e;
}

#define POST "POST /api/v1/orders"
#define WHO "\"identities\":[{\"type\":\"email\",\"value\":\"a@example.com\"}],"
#define TWO_LINES                                                                                 \
    "{\"number\":\"10482\",\"currency\":\"EUR\",\"identities\":[{\"type\":\"email\",\"value\":"   \
    "\"ann@example.com\"}],"                                                                      \
    "\"discount\":100,\"due_at\":\"2026-11-20T00:00:00Z\",\"lines\":[{\"sku\":\"K-40\",\"name\":" \
    "\"Kettle\","                                                                                 \
    "\"quantity\":2,\"price\":1999},{\"sku\":\"TEA\",\"quantity\":0.125,\"price\":2000}]}"

static struct order taken(struct test_world *w)
{
    struct order o;
    enum err e = ask(w, POST, 0, TWO_LINES, &o);
    if (e != OK)
        fail_msg("%s " SFMT, err_code(e), SARG(fault_text(w->cx.arena, LANG_EN, &w->cx.why)));
    return o;
}

static struct standing standing_of(struct test_world *w, customer_id c)
{
    struct standing s = {0};
    assert_int_equal(db_one(&w->cx, &q_standing_get, &standing_row_shape, &s, ARGS(V(c))), OK);
    return s;
}

static enum err base_is_eur(struct cx *cx, void *state)
{
    (void)state;
    static const char sql[] =
        "INSERT INTO setting (name, value, changed_ms) VALUES ('base_currency', 'EUR', 0)";
    static const struct query q = {.name = "s", .sqlite = sql, .postgres = sql, .writes = true};
    return db_run(cx, &q, NO_ARGS);
}

static void an_order_sums_its_lines_exactly_and_makes_its_customer(void **state)
{
    struct test_world *w = *state;

    struct order o = taken(w);

    assert_int_equal(o.total.amount, 2 * 1999 + 250 - 100);
    assert_int_equal(o.lines.n, 2);
    assert_true(((struct order_line *)o.lines.items)[1].quantity == 0.125);
    assert_int_equal(o.status, ORDER_OPEN);
    assert_int_equal(standing_of(w, o.customer.id).all.orders, 1);
}

static void the_same_order_again_is_the_same_and_another_under_its_number_is_a_conflict(
    void **state)
{
    struct test_world *w = *state;
    struct order first = taken(w), again = taken(w), other;

    assert_int_equal(again.id.v, first.id.v);
    assert_int_equal(standing_of(w, first.customer.id).all.orders, 1);
    assert_int_equal(ask(w, POST, 0,
                         "{\"number\":\"10482\",\"currency\":\"EUR\",\"identities\":[{\"type\":"
                         "\"email\",\"value\":\"bob@example.com\"}],"
                         "\"lines\":[{\"sku\":\"K-40\",\"quantity\":1,\"price\":1}]}",
                         &other),
                     ERR_CONFLICT);
    assert_str(w->cx.why.field, S("number"));
}

static void two_of_one_number_at_the_same_moment_make_one(void **state)
{
    struct test_world *w = *state;
    const struct route *r = route_of(POST);
    struct order_new a, b;
    struct order oa, ob;
    assert_int_equal(json_read(&w->cx, r->in, S(TWO_LINES), &a, NULL), OK);
    assert_int_equal(json_read(&w->cx, r->in, S(TWO_LINES), &b, NULL), OK);
    assert_int_equal(r->plan(&w->cx, &a, &oa), OK);
    assert_int_equal(r->plan(&w->cx, &b, &ob), OK);

    struct call first = {r, &a, &oa}, second = {r, &b, &ob};
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, call_apply, &first), OK);
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, call_apply, &second), ERR_STALE);

    assert_int_equal(taken(w).id.v, oa.id.v);
}

static void an_order_goes_forwards_and_a_cancelled_one_counts_no_more(void **state)
{
    struct test_world *w = *state;
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, base_is_eur, NULL), OK);
    struct order o = taken(w);
    const char *patch = "PATCH /api/v1/orders/{id}";
    bool is_summed = o.base_minor.has;

    assert_int_equal(ask(w, patch, o.id.v, "{\"status\":\"shipped\"}", &o), OK);
    assert_int_equal(ask(w, patch, o.id.v, "{\"status\":\"paid\"}", &o), ERR_CONFLICT);
    assert_int_equal(standing_of(w, taken(w).customer.id).all.spent, is_summed ? 4148 : 0);
    order_id id = taken(w).id;
    assert_int_equal(ask(w, patch, id.v, "{\"status\":\"cancelled\"}", &o), OK);

    struct standing s = standing_of(w, o.customer.id);
    assert_int_equal(s.all.orders, 0);
    assert_int_equal(s.all.spent, 0);
    assert_int_equal(ask(w, patch, id.v, "{\"status\":\"open\"}", &o), ERR_CONFLICT);
}

static void no_more_comes_back_than_was_ordered(void **state)
{
    struct test_world *w = *state;
    int64_t id = taken(w).id.v;
    const char *post = "POST /api/v1/orders/{id}/returns";
    struct order o;

    assert_int_equal(ask(w, post, id, "{\"line\":1,\"quantity\":1,\"reason\":\"broken\"}", &o), OK);
    assert_int_equal(o.returned.amount, 1999);
    assert_int_equal(ask(w, post, id, "{\"line\":1,\"quantity\":2}", &o), ERR_INVALID);
    assert_str(w->cx.why.field, S("quantity"));
    assert_int_equal(ask(w, post, id, "{\"line\":9,\"quantity\":1}", &o), ERR_INVALID);
    assert_str(w->cx.why.field, S("line"));
    assert_int_equal(ask(w, post, id, "{\"quantity\":1}", &o), ERR_INVALID);
    assert_str(w->cx.why.field, S("amount"));
    assert_int_equal(ask(w, post, id, "{\"quantity\":1,\"amount\":99999}", &o), ERR_INVALID);
    assert_int_equal(ask(w, post, id, "{\"line\":1,\"quantity\":1}", &o), OK);
    assert_int_equal(ask(w, post, id, "{\"line\":2,\"quantity\":0.125}", &o),
                     OK); /* the discount lowers the rest */
    assert_int_equal(o.returned.amount, o.total.amount);
}

static void orders_that_cannot_be_are_refused_by_name(void **state)
{
    struct test_world *w = *state;

    static const struct {
        const char *json, *field;
    } cases[] = {
        {"{\"number\":\"1\",\"currency\":\"XYZ\"," WHO
         "\"lines\":[{\"sku\":\"a\",\"quantity\":1,\"price\":1}]}",
         "currency"},
        {"{\"number\":\"1\",\"currency\":\"EUR\"," WHO "\"lines\":[]}", "lines"},
        {"{\"number\":\"1\",\"currency\":\"EUR\"," WHO
         "\"lines\":[{\"sku\":\"a\",\"quantity\":-1,\"price\":1}]}",
         "lines[0].quantity"},
        {"{\"number\":\"1\",\"currency\":\"EUR\"," WHO
         "\"lines\":[{\"sku\":\"a\",\"quantity\":0.0001,\"price\":1}]}",
         "lines[0].quantity"},
        {"{\"number\":\"1\",\"currency\":\"EUR\"," WHO
         "\"lines\":[{\"sku\":\"a\",\"quantity\":1e300,\"price\":1}]}",
         "lines[0].quantity"},
        {"{\"number\":\"1\",\"currency\":\"EUR\"," WHO
         "\"lines\":[{\"sku\":\"a\",\"quantity\":1,\"price\":-5}]}",
         "lines[0].price"},
        {"{\"number\":\"1\",\"currency\":\"EUR\"," WHO
         "\"lines\":[{\"sku\":\"a\",\"quantity\":1000000,\"price\":9223372036854775807}]}",
         "lines[0].price"},
        {"{\"number\":\"1\",\"currency\":\"EUR\"," WHO
         "\"discount\":2,\"lines\":[{\"sku\":\"a\",\"quantity\":1,\"price\":1}]}",
         "discount"},
        {"{\"number\":\"1\",\"currency\":\"EUR\",\"lines\":[{\"sku\":\"a\",\"quantity\":1,"
         "\"price\":1}],\"total\":5}",
         "total"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct order o;
        assert_int_equal(ask(w, POST, 0, cases[i].json, &o), ERR_INVALID);
        assert_str(w->cx.why.field, str_of(cases[i].field));
    }
}

#define FACTS "POST /api/v1/orders/{id}/facts"

static enum err list_of(struct test_world *w, const char *query, struct list *items)
{
    const struct route *r = route_of("GET /api/v1/orders");
    void *in = arena_alloc(w->cx.arena, 1, r->in->size);
    enum err e = form_read(&w->cx, r->in, str_of(query), false, in, &w->cx.sent);
    struct {
        struct list items;
        str next;
    } out = {0};
    if (e == OK)
        e = r->read(&w->cx, in, &out);
    *items = out.items;
    return e;
}

static void discounts_of_lines_and_of_the_whole_are_taken_off_and_told_together(void **state)
{
    struct test_world *w = *state;
    struct order o;

    assert_int_equal(
        ask(w, POST, 0,
            "{\"number\":\"1\",\"currency\":\"EUR\"," WHO
            "\"discount\":100,\"promotions\":[\"SPRING\",\" VIP \"],"
            "\"lines\":[{\"sku\":\"a\",\"quantity\":3,\"price\":1000,\"discount\":300}]}",
            &o),
        OK);

    assert_int_equal(o.total.amount, 2600);
    assert_int_equal(o.discount.amount, 400);
    assert_int_equal(o.promotions.n, 2);
    assert_str(o.promotions.items[1], S("VIP"));
    assert_int_equal(((struct order_line *)o.lines.items)[0].discount.amount, 300);
    struct standing s = standing_of(w, o.customer.id);
    assert_int_equal(s.all.discounted, 1);
    assert_int_equal(s.all.discount, 400);
    assert_int_equal(s.window[WINDOW_7D].spent, 2600);
    assert_int_equal(ask(w, POST, 0,
                         "{\"number\":\"2\",\"currency\":\"EUR\"," WHO "\"lines\":[{\"sku\":\"a\","
                         "\"quantity\":1,\"price\":10,\"discount\":11}]}",
                         &o),
                     ERR_INVALID);
    assert_str(w->cx.why.field, S("lines[0].discount"));
}

static void a_charge_back_takes_its_money_out_and_paid_at_last_brings_it_back(void **state)
{
    struct test_world *w = *state;
    struct order o = taken(w);
    customer_id c = o.customer.id;
    int64_t id = o.id.v;

    assert_int_equal(ask(w, FACTS, id, "{\"kind\":\"paid\"}", &o), OK);
    assert_int_equal(o.status, ORDER_PAID);
    assert_int_equal(
        ask(w, FACTS, id, "{\"kind\":\"dispute\",\"source_id\":\"d1\",\"note\":\"not mine\"}", &o),
        OK);
    assert_int_equal(ask(w, FACTS, id, "{\"kind\":\"dispute\",\"source_id\":\"d1\"}", &o), OK);
    assert_int_equal(o.facts.n, 2);
    assert_int_equal(ask(w, FACTS, id, "{\"kind\":\"refused\",\"source_id\":\"d1\"}", &o),
                     ERR_CONFLICT);
    assert_int_equal(ask(w, FACTS, id, "{\"kind\":\"charge_back\",\"amount\":5000}", &o),
                     ERR_INVALID);
    assert_int_equal(ask(w, FACTS, id, "{\"kind\":\"charge_back\",\"amount\":1000}", &o), OK);
    assert_int_equal(o.lost.amount, 1000);
    assert_int_equal(standing_of(w, c).all.spent, 3148);
    assert_int_equal(
        ask(w, "POST /api/v1/orders/{id}/returns", id, "{\"line\":1,\"quantity\":2}", &o), OK);
    assert_int_equal(o.returned.amount, 3148);
    assert_int_equal(standing_of(w, c).all.spent, 0);
    assert_int_equal(ask(w, FACTS, id, "{\"kind\":\"paid_at_last\"}", &o), OK);
    assert_int_equal(o.lost.amount, 0);
    assert_int_equal(standing_of(w, c).all.spent, 1000);
    assert_int_equal(ask(w, FACTS, id, "{\"kind\":\"paid\",\"at\":\"2099-01-01T00:00:00Z\"}", &o),
                     ERR_INVALID);
    assert_str(w->cx.why.field, S("at"));
}

static void an_order_taken_over_from_elsewhere_brings_its_returns_and_facts(void **state)
{
    struct test_world *w = *state;
    struct order o;

    assert_int_equal(
        ask(w, POST, 0,
            "{\"number\":\"old\",\"currency\":\"EUR\"," WHO
            "\"at\":\"2026-10-01T10:00:00Z\",\"status\":\"delivered\",\"lines\":[{\"sku\":\"a\","
            "\"quantity\":2,\"price\":500}],\"returns\":[{\"line\":1,\"quantity\":1,\"reason\":\"too big\","
            "\"at\":\"2026-10-20T10:00:00Z\"}],\"facts\":[{\"kind\":\"paid\",\"at\":\"2026-10-02T00:00:00Z\"}]}",
            &o),
        OK);

    assert_int_equal(o.returned.amount, 500);
    assert_int_equal(o.returns.n, 1);
    assert_int_equal(o.facts.n, 1);
    struct standing s = standing_of(w, o.customer.id);
    assert_int_equal(s.all.spent, 500);
    assert_int_equal(s.window[WINDOW_30D].spent, 0); /* ordered 52 days ago */
    assert_int_equal(s.window[WINDOW_90D].spent, 500);
    assert_int_equal(s.window[WINDOW_90D].returned, 500);
    assert_int_equal(ask(w, POST, 0,
                         "{\"number\":\"o2\",\"currency\":\"EUR\"," WHO
                         "\"lines\":[{\"sku\":\"a\",\"quantity\":2,\"price\":500}],"
                         "\"returns\":[{\"line\":1,\"quantity\":3}]}",
                         &o),
                     ERR_INVALID);
    assert_str(w->cx.why.field, S("returns[0].quantity"));
}

static void the_last_order_of_a_customer_is_the_last_that_counts(void **state)
{
    struct test_world *w = *state;
    struct order first, second;
    assert_int_equal(ask(w, POST, 0,
                         "{\"number\":\"1\",\"currency\":\"EUR\"," WHO
                         "\"at\":\"2026-11-01T00:00:00Z\","
                         "\"lines\":[{\"sku\":\"a\",\"quantity\":1,\"price\":1}]}",
                         &first),
                     OK);
    assert_int_equal(ask(w, POST, 0,
                         "{\"number\":\"2\",\"currency\":\"EUR\"," WHO
                         "\"at\":\"2026-11-02T00:00:00Z\","
                         "\"lines\":[{\"sku\":\"a\",\"quantity\":1,\"price\":1}]}",
                         &second),
                     OK);
    customer_id c = first.customer.id;
    int64_t id = first.id.v;
    assert_int_equal(standing_of(w, c).last_order_at.ms, second.at.ms);

    assert_int_equal(
        ask(w, "PATCH /api/v1/orders/{id}", second.id.v, "{\"status\":\"cancelled\"}", &second),
        OK);
    assert_int_equal(standing_of(w, c).last_order_at.ms, first.at.ms);
    assert_int_equal(ask(w, "PATCH /api/v1/orders/{id}", id, "{\"status\":\"cancelled\"}", &first),
                     OK);
    assert_int_equal(standing_of(w, c).last_order_at.ms, 0);
}

static void orders_are_listed_by_what_is_asked_and_by_nothing_else(void **state)
{
    struct test_world *w = *state;
    struct order o;
    for (int i = 0; i < 6; i++) {
        str json = arena_printf(
            w->cx.arena,
            "{\"number\":\"A-%d\",\"currency\":\"EUR\",\"identities\":[{\"type\":\"email\",\"value\":"
            "\"p%d@example.com\"}],\"at\":\"2026-11-0%dT00:00:00Z\",\"status\":\"%s\","
            "\"lines\":[{\"sku\":\"a\",\"quantity\":1,\"price\":1}]}",
            i, i % 2, i + 1, i < 2 ? "paid" : "open");
        assert_int_equal(ask(w, POST, 0, arena_cstr(w->cx.arena, json), &o), OK);
    }
    str of = arena_printf(w->cx.arena, "customer=" SFMT "&status=open",
                          SARG(id_text(w->cx.arena, "cus", o.customer.id.v)));
    struct list l;

    assert_int_equal(list_of(w, "", &l), OK);
    assert_int_equal(l.n, 6);
    assert_str(((struct order *)l.items)[0].number, S("A-5"));
    assert_int_equal(list_of(w, "status=paid", &l), OK);
    assert_int_equal(l.n, 2);
    assert_int_equal(list_of(w, "from=2026-11-03T00:00:00Z&to=2026-11-05T00:00:00Z", &l), OK);
    assert_int_equal(l.n, 2);
    assert_int_equal(list_of(w, arena_cstr(w->cx.arena, of), &l), OK);
    assert_int_equal(l.n, 2);
    assert_int_equal(list_of(w, "number=A-3", &l), OK);
    assert_int_equal(l.n, 1);
    assert_int_equal(list_of(w, "number=A-&status=paid", &l), OK);
    assert_int_equal(l.n, 2);
    assert_int_equal(list_of(w, "colour=red", &l), ERR_INVALID);
    assert_str(w->cx.why.field, S("colour"));
    assert_int_equal(list_of(w, "status=eaten", &l), ERR_INVALID);
    assert_str(w->cx.why.field, S("status"));
}

static int all(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(an_order_sums_its_lines_exactly_and_makes_its_customer),
        STORE_TEST(the_same_order_again_is_the_same_and_another_under_its_number_is_a_conflict),
        STORE_TEST(two_of_one_number_at_the_same_moment_make_one),
        STORE_TEST(an_order_goes_forwards_and_a_cancelled_one_counts_no_more),
        STORE_TEST(no_more_comes_back_than_was_ordered),
        STORE_TEST(orders_that_cannot_be_are_refused_by_name),
        STORE_TEST(discounts_of_lines_and_of_the_whole_are_taken_off_and_told_together),
        STORE_TEST(a_charge_back_takes_its_money_out_and_paid_at_last_brings_it_back),
        STORE_TEST(an_order_taken_over_from_elsewhere_brings_its_returns_and_facts),
        STORE_TEST(the_last_order_of_a_customer_is_the_last_that_counts),
        STORE_TEST(orders_are_listed_by_what_is_asked_and_by_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return test_on_stores(all);
}
