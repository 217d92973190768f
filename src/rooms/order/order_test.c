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
#define WHO "\"identities\":[{\"type\":\"email\",\"value\":\"a@example.com\"}],"
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

static int all(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(an_order_sums_its_lines_exactly_and_makes_its_customer),
        STORE_TEST(the_same_order_again_is_the_same_and_another_under_its_number_is_a_conflict),
        STORE_TEST(two_of_one_number_at_the_same_moment_make_one),
        STORE_TEST(an_order_goes_forwards_and_a_cancelled_one_counts_no_more),
        STORE_TEST(no_more_comes_back_than_was_ordered),
        STORE_TEST(orders_that_cannot_be_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return test_on_stores(all);
}
