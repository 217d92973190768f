/* Products: found by any part of SKU or name, sold or sold no more. */
#include "db/db_test.h"
#include "rooms/product/product.h"

static const struct route *route_of(enum http_method method, const char *path)
{
    for (size_t i = 0; i < product_room.n; i++)
        if (product_room.routes[i].method == method &&
            strcmp(product_room.routes[i].path, path) == 0)
            return &product_room.routes[i];
    fail_msg("no route %s", path);
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

static enum err change(struct test_world *w, enum http_method method, const char *path, int64_t id,
                       const char *json, struct product *out)
{
    const struct route *r = route_of(method, path);
    void *in = arena_alloc(w->cx.arena, 1, r->in->size);
    enum err e = json_read(&w->cx, r->in, str_of(json), in, &w->cx.sent);
    if (e != OK)
        return e;
    if (id)
        memcpy(in, &id, sizeof id);
    struct call c = {r, in, out};
    e = r->plan(&w->cx, in, out);
    return e == OK ? db_change(w->store, &w->cx, LANE_INTERACTIVE, call_apply, &c) : e;
}

static size_t found(struct test_world *w, const char *query)
{
    const struct route *r = route_of(HTTP_GET, "/api/v1/products");
    void *in = arena_alloc(w->cx.arena, 1, r->in->size);
    assert_int_equal(form_read(&w->cx, r->in, str_of(query), false, in, &w->cx.sent), OK);
    struct {
        struct list items;
        str next;
    } out = {0};
    assert_int_equal(r->read(&w->cx, in, &out), OK);
    return out.items.n;
}

static void products_are_found_by_part_of_their_name_or_number_and_by_being_sold(void **state)
{
    struct test_world *w = *state;
    struct product p;
    const char *all = "/api/v1/products", *one = "/api/v1/products/{id}";
    assert_int_equal(
        change(w, HTTP_POST, all, 0,
               "{\"sku\":\"FX-2\",\"name\":\"Фильтр Ёлка 100%\",\"category\":\"filters\"}", &p),
        OK);
    assert_true(p.is_active);
    assert_int_equal(change(w, HTTP_POST, all, 0,
                            "{\"sku\":\"K_40\",\"name\":\"電気ケトル\",\"is_active\":false}", &p),
                     OK);
    assert_false(p.is_active);

    assert_int_equal(found(w, ""), 2);
    assert_int_equal(found(w, "q=fx"), 1);
    assert_int_equal(found(w, "q=%D1%84%D0%B8%D0%BB%D1%8C%D1%82"), 1); /* фильт */
    assert_int_equal(found(w, "q=%E3%82%B1%E3%83%88"), 1);             /* ケト */
    assert_int_equal(found(w, "q=0%25"), 1);
    assert_int_equal(found(w, "q=K_4"), 1);
    assert_int_equal(found(w, "q=X_2"), 0); /* a stroke is not any letter */
    assert_int_equal(found(w, "category=filters"), 1);
    assert_int_equal(found(w, "category=f%25"), 0);
    assert_int_equal(found(w, "active=true"), 1);
    assert_int_equal(found(w, "active=false"), 1);
    assert_int_equal(
        change(w, HTTP_PATCH, one, p.id.v, "{\"is_active\":true,\"name\":\"Kettle\"}", &p), OK);
    assert_int_equal(found(w, "active=true&q=kettle"), 1);
}

static int all(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(products_are_found_by_part_of_their_name_or_number_and_by_being_sold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return test_on_stores(all);
}
