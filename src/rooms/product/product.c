/* rooms/product/product.c - the list of products and its routes. */
#include "rooms/product/product.h"
#include "messages.h"
#include "queries.h"

struct product_in {
    product_id id;
    str sku, name;
    money price;
    str category;
    /* between plan and apply */
    struct product seen;
};
struct page_in {
    int64_t limit;
    str cursor;
};
struct page_out {
    struct list items;
    str next;
};
/* clang-format off */
static const struct field product_fields[] = {
    FIELD(struct product, id),
    FIELD(struct product, sku),
    FIELD(struct product, name),
    FIELD(struct product, price, .nullable = true),
    FIELD(struct product, category),
    FIELD(struct product, version),
};
const struct shape product_shape = SHAPE("product", struct product, product_fields);
static const struct field product_row_fields[] = {
    FIELD(struct product, id),
    FIELD(struct product, sku),
    FIELD(struct product, name),
    FIELD_AS(struct product, price, "price_minor", .nullable = true),
    FIELD(struct product, category),
    FIELD(struct product, version),
};
static const struct shape product_row_shape = SHAPE("product_row", struct product, product_row_fields);
static const struct field product_in_fields[] = {
    FIELD(struct product_in, sku, .required = true, .max_len = 64),
    FIELD(struct product_in, name, .required = true, .max_len = 300),
    FIELD(struct product_in, price),
    FIELD(struct product_in, category),
};
static const struct shape product_in_shape = SHAPE("product_in", struct product_in, product_in_fields);
static const struct field product_patch_fields[] = {
    FIELD(struct product_in, id, .in_path = true),
    FIELD(struct product_in, name, .max_len = 300),
    FIELD(struct product_in, price),
    FIELD(struct product_in, category),
};
static const struct shape product_patch_shape = SHAPE("product_patch", struct product_in, product_patch_fields);
enum { PATCH_NAME = 1, PATCH_PRICE, PATCH_CATEGORY };
static const struct field by_id_fields[] = {
    FIELD(struct product_in, id, .in_path = true),
};
static const struct shape by_id_shape = SHAPE("product_by_id", struct product_in, by_id_fields);
static const struct field page_in_fields[] = {
    PAGE_FIELDS(struct page_in),
};
static const struct shape page_in_shape = SHAPE("product_list_in", struct page_in, page_in_fields);
static const struct field page_fields[] = {
    FIELD_LIST(struct page_out, items, &product_shape),
    FIELD(struct page_out, next, .nullable = true),
};
static const struct shape page_shape = SHAPE("product_page", struct page_out, page_fields);
/* clang-format on */

enum err product_by_skus(struct cx *cx, const str *skus, size_t n, struct list *out)
{
    *out = (struct list){0};
    return n ? db_all(cx, &q_product_by_skus, &product_row_shape, out, ARGS(val_texts(skus, n)))
             : OK;
}

static enum err product_get(struct cx *cx, int64_t id, void *out)
{
    enum err e = db_one(cx, &q_product_get, &product_row_shape, out, ARGS(V(id)));
    return e == ERR_NOT_FOUND ? fault(cx, ERR_NOT_FOUND, M_PRODUCT_UNKNOWN) : e;
}

static enum err route_get(struct cx *cx, void *in, void *out)
{
    return product_get(cx, ((struct product_in *)in)->id.v, out);
}

static enum err route_list(struct cx *cx, void *in, void *out)
{
    struct page_in *a = in;
    struct page_out *page = out;
    int64_t sort, before = INT64_MAX;
    if (a->limit == 0)
        a->limit = 50;
    if (a->cursor.len && !cursor_read(a->cursor, cx->now_ms, "products", &sort, &before))
        return fault_field(cx, ERR_INVALID, S("cursor"), M_PAGE_CURSOR);
    TRY(db_all(cx, &q_product_list, &product_row_shape, &page->items,
               ARGS(V(before), V(a->limit + 1))));
    if ((int64_t)page->items.n > a->limit) {
        page->items.n = (size_t)a->limit;
        int64_t last = ((const struct product *)page->items.items)[a->limit - 1].id.v;
        page->next = cursor_make(cx->arena, cx->now_ms, "products", last, last);
    }
    return OK;
}

static enum err check(struct cx *cx, const struct product_in *a)
{
    if (a->price.amount < 0)
        return fault_field(cx, ERR_INVALID, S("price"), M_PRODUCT_PRICE);
    return OK;
}

static struct val amount_or_null(money m)
{
    return m.currency.code[0] ? V(m.amount) : VNULL;
}

static enum err add_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct product_in *a = in;
    a->sku = str_trim(a->sku);
    if (a->sku.len == 0)
        return fault_field(cx, ERR_INVALID, S("sku"), M_PRODUCT_SKU);
    a->id.v = id_new(cx->now_ms);
    return check(cx, a);
}

static enum err add_apply(struct cx *cx, void *in, void *out)
{
    const struct product_in *a = in;
    int64_t n = 0;
    TRY(db_run_count(cx, &q_product_insert, &n,
                     ARGS(V(a->id), V(a->sku), V(a->name), amount_or_null(a->price),
                          V(a->price.currency.code), V(a->category))));
    if (n == 0)
        return fault_field(cx, ERR_CONFLICT, S("sku"), M_PRODUCT_HERE);
    TRY(audit_add(cx, "product.add", 0, a->id.v, (str){0}));
    cx->made_id = a->id.v;
    return product_get(cx, a->id.v, out);
}

static bool is_sent(const struct cx *cx, unsigned i)
{
    return (cx->sent >> i) & 1;
}

static enum err patch_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct product_in *a = in;
    TRY(check(cx, a));
    TRY(product_get(cx, a->id.v, &a->seen));
    if (cx->if_match >= 0 && cx->if_match != a->seen.version)
        return fault(cx, ERR_STALE, M_RECORD_MOVED);
    return OK;
}

static enum err patch_apply(struct cx *cx, void *in, void *out)
{
    const struct product_in *a = in;
    str name = is_sent(cx, PATCH_NAME) && a->name.len ? a->name : a->seen.name;
    money price = is_sent(cx, PATCH_PRICE) ? a->price : a->seen.price;
    str category = is_sent(cx, PATCH_CATEGORY) ? a->category : a->seen.category;
    int64_t n = 0;
    TRY(db_run_count(cx, &q_product_update, &n,
                     ARGS(V(name), amount_or_null(price), V(price.currency.code), V(category),
                          V(a->id), V(a->seen.version))));
    if (n == 0)
        return fault(cx, ERR_STALE, M_RECORD_MOVED);
    TRY(audit_add(cx, "product.change", 0, a->id.v, (str){0}));
    cx->made_id = a->id.v;
    return product_get(cx, a->id.v, out);
}

/* clang-format off */
static const struct route routes[] = {
    {.method = HTTP_GET, .path = "/api/v1/products", .may = MAY_ALL, .read = route_list, .in = &page_in_shape,
     .out = &page_shape, .summary = "Products, newest first"},
    {.method = HTTP_POST, .path = "/api/v1/products", .may = MAY_LEAD | MAY(ROLE_MARKETER), .plan = add_plan,
     .apply = add_apply, .replay = product_get, .in = &product_in_shape, .out = &product_shape, .status = 201,
     .summary = "Add a product"},
    {.method = HTTP_GET, .path = "/api/v1/products/{id}", .may = MAY_ALL, .read = route_get, .in = &by_id_shape,
     .out = &product_shape, .summary = "A product"},
    {.method = HTTP_PATCH, .path = "/api/v1/products/{id}", .may = MAY_LEAD | MAY(ROLE_MARKETER), .plan = patch_plan,
     .apply = patch_apply, .replay = product_get, .in = &product_patch_shape, .out = &product_shape,
     .summary = "Change a product; its SKU stays"},
};
/* clang-format on */
const struct room product_room = ROOM("product", routes);
