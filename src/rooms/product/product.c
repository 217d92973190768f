/* rooms/product/product.c - the list of products and its routes. */
#include "rooms/product/product.h"
#include "base/person.h"
#include "base/phrase.h"
#include "messages.h"
#include "queries.h"

struct product_in {
    product_id id;
    str sku, name;
    money price;
    str category;
    bool is_active;
    /* between plan and apply */
    struct product seen;
};
struct page_in {
    str q, category;
    bool active;
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
    FIELD(struct product, is_active, .doc = "Sold"),
    FIELD(struct product, version),
};
const struct shape product_shape = SHAPE("product", struct product, product_fields);
static const struct field product_row_fields[] = {
    FIELD(struct product, id),
    FIELD(struct product, sku),
    FIELD(struct product, name),
    FIELD_AS(struct product, price, "price_minor", .nullable = true),
    FIELD(struct product, category),
    FIELD(struct product, is_active, .doc = "Sold"),
    FIELD(struct product, version),
};
static const struct shape product_row_shape = SHAPE("product_row", struct product, product_row_fields);
static const struct field product_in_fields[] = {
    FIELD(struct product_in, sku, .required = true, .max_len = 64),
    FIELD(struct product_in, name, .required = true, .max_len = 300),
    FIELD(struct product_in, price),
    FIELD(struct product_in, category),
    FIELD(struct product_in, is_active, .doc = "Sold; default true"),
};
static const struct shape product_in_shape = SHAPE("product_in", struct product_in, product_in_fields);
static const struct field product_patch_fields[] = {
    FIELD(struct product_in, id, .in_path = true),
    FIELD(struct product_in, name, .max_len = 300),
    FIELD(struct product_in, price),
    FIELD(struct product_in, category),
    FIELD(struct product_in, is_active),
};
static const struct shape product_patch_shape = SHAPE("product_patch", struct product_in, product_patch_fields);
enum { PATCH_NAME = 1, PATCH_PRICE, PATCH_CATEGORY, PATCH_ACTIVE };
enum { ADD_ACTIVE = 4, LIST_CATEGORY = 1, LIST_ACTIVE };
static const struct field by_id_fields[] = {
    FIELD(struct product_in, id, .in_path = true),
};
static const struct shape by_id_shape = SHAPE("product_by_id", struct product_in, by_id_fields);
static const struct field page_in_fields[] = {
    FIELD(struct page_in, q, .doc = "Part of the SKU or name"),
    FIELD(struct page_in, category),
    FIELD(struct page_in, active, .doc = "true: what is sold; false: what is sold no more"),
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

str product_folded(struct arena *a, str sku, str name)
{
    return text_fold(a, arena_printf(a, SFMT " " SFMT, SARG(sku), SARG(name)));
}

/* What stands anywhere (or alone) in a text, as LIKE wants it. */
static str pattern(struct arena *a, str s, bool is_part)
{
    struct text t = text_in(a, 2 * s.len + 3);
    if (is_part)
        text_add_char(&t, '%');
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '%' || s.ptr[i] == '_' || s.ptr[i] == '!')
            text_add_char(&t, '!');
        text_add_char(&t, s.ptr[i]);
    }
    if (is_part)
        text_add_char(&t, '%');
    return text_str(&t);
}

static bool is_sent(const struct cx *cx, unsigned i)
{
    return (cx->sent >> i) & 1;
}

static enum err route_list(struct cx *cx, void *in, void *out)
{
    struct page_in *a = in;
    struct page_out *page = out;
    int64_t sort, before = INT64_MAX;
    if (a->limit == 0)
        a->limit = 50;
    str q = pattern(cx->arena, text_fold(cx->arena, str_trim(a->q)), true),
        category = is_sent(cx, LIST_CATEGORY) ? pattern(cx->arena, a->category, false) : S("%");
    bool by_active = is_sent(cx, LIST_ACTIVE);
    int64_t least = by_active && a->active, most = !by_active || a->active;
    const char *tag =
        arena_cstr(cx->arena, arena_printf(cx->arena, "products " SFMT " " SFMT " %d%d", SARG(q),
                                           SARG(category), (int)least, (int)most));
    if (a->cursor.len && !cursor_read(a->cursor, cx->now_ms, tag, &sort, &before))
        return fault_field(cx, ERR_INVALID, S("cursor"), M_PAGE_CURSOR);
    TRY(db_all(cx, &q_product_list, &product_row_shape, &page->items,
               ARGS(V(before), V(least), V(most), V(q), V(category), V(a->limit + 1))));
    if ((int64_t)page->items.n > a->limit) {
        page->items.n = (size_t)a->limit;
        int64_t last = ((const struct product *)page->items.items)[a->limit - 1].id.v;
        page->next = cursor_make(cx->arena, cx->now_ms, tag, last, last);
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

/* ---- words of what is sold ------------------------------------------------------------------ */

enum { WORDED = 20 };
struct wording {
    product_id id;
    str folded, category;
};
static const struct field wording_fields[] = {
    FIELD(struct wording, id),
    FIELD(struct wording, folded),
    FIELD(struct wording, category),
};
static const struct shape product_wording_shape =
    SHAPE("product_wording", struct wording, wording_fields);

enum err product_is_named(struct cx *cx, str text, bool *out)
{
    struct str_list words = phrase_words(cx->arena, text);
    int64_t id = 0;
    *out = false;
    if (words.n == 0)
        return OK;
    enum err e = db_int(cx, &q_product_by_words, &id, ARGS(val_texts(words.items, words.n)));
    *out = e == OK;
    return e == ERR_NOT_FOUND ? OK : e;
}

static enum err words_put(struct cx *cx, product_id id, str folded, str category)
{
    struct str_list words = phrase_words(
        cx->arena, arena_printf(cx->arena, SFMT " " SFMT, SARG(folded), SARG(category)));
    TRY(db_run(cx, &q_product_words_drop, ARGS(V(id))));
    for (size_t i = 0; i < words.n; i++)
        TRY(db_run(cx, &q_product_word_put, ARGS(V(words.items[i]), V(id))));
    return OK;
}

static enum err word_slice(struct cx *cx, str args, int64_t *position, int64_t *progress,
                           int64_t *total, bool *finished)
{
    (void)args;
    (void)total;
    struct list rows = {0};
    int64_t after = 0;
    enum err e = db_int(cx, &q_product_worded_to, &after, NO_ARGS);
    if (e != OK && e != ERR_NOT_FOUND)
        return e;
    TRY(db_all(cx, &q_product_unworded, &product_wording_shape, &rows, ARGS(V(after), V(WORDED))));
    const struct wording *r = rows.items;
    for (size_t i = 0; i < rows.n; i++)
        TRY(words_put(cx, r[i].id, r[i].folded, r[i].category));
    if (rows.n)
        TRY(db_run(cx, &q_product_worded, ARGS(V(r[rows.n - 1].id))));
    *position += 1;
    *progress += (int64_t)rows.n;
    *finished = rows.n < WORDED;
    return OK;
}
const struct job_kind product_word_job = {
    .name = "product_words", .slice = word_slice, .every_ms = 60 * 1000};

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
                          V(a->price.currency.code), V(a->category),
                          V(!is_sent(cx, ADD_ACTIVE) || a->is_active),
                          V(product_folded(cx->arena, a->sku, a->name)))));
    if (n == 0)
        return fault_field(cx, ERR_CONFLICT, S("sku"), M_PRODUCT_HERE);
    TRY(words_put(cx, a->id, product_folded(cx->arena, a->sku, a->name), a->category));
    TRY(audit_add(cx, "product.add", 0, a->id.v, (str){0}));
    cx->made_id = a->id.v;
    return product_get(cx, a->id.v, out);
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
    bool is_active = is_sent(cx, PATCH_ACTIVE) ? a->is_active : a->seen.is_active;
    int64_t n = 0;
    TRY(db_run_count(cx, &q_product_update, &n,
                     ARGS(V(name), amount_or_null(price), V(price.currency.code), V(category),
                          V(is_active), V(product_folded(cx->arena, a->seen.sku, name)), V(a->id),
                          V(a->seen.version))));
    if (n == 0)
        return fault(cx, ERR_STALE, M_RECORD_MOVED);
    TRY(words_put(cx, a->id, product_folded(cx->arena, a->seen.sku, name), category));
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
