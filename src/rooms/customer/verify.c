/* rooms/customer/verify.c - keys of names and folded texts against the names they are made of. */
#include "queries.h"
#include "rooms/customer/inside.h"

struct customer_key_row {
    int64_t customer;
    str key;
};
struct customer_folded_row {
    int64_t id;
    str name, region, city, company, heard_of_us;
};
/* clang-format off */
static const struct field customer_key_row_fields[] = {
    FIELD_AS(struct customer_key_row, customer, "customer_id"),
    FIELD(struct customer_key_row, key),
};
static const struct shape customer_key_row_shape = SHAPE("customer_key_row", struct customer_key_row, customer_key_row_fields);
static const struct field customer_folded_row_fields[] = {
    FIELD(struct customer_folded_row, id),
    FIELD_AS(struct customer_folded_row, name, "folded_name"),
    FIELD_AS(struct customer_folded_row, region, "folded_region"),
    FIELD_AS(struct customer_folded_row, city, "folded_city"),
    FIELD_AS(struct customer_folded_row, company, "folded_company"),
    FIELD_AS(struct customer_folded_row, heard_of_us, "folded_heard_of_us"),
};
static const struct shape customer_folded_row_shape = SHAPE("customer_folded_row", struct customer_folded_row, customer_folded_row_fields);
/* clang-format on */

static bool keys_fit(struct cx *cx, const struct customer *c, const struct customer_key_row *k,
                     size_t n)
{
    struct str_list want = customer_keys(cx->arena, c->name, c->reading, c->company, c->country);
    if (want.n != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!str_eq(want.items[i], k[i].key))
            return false;
    return true;
}

static bool folded_fits(struct cx *cx, const struct customer *c,
                        const struct customer_folded_row *f)
{
#define FITS(m) &&str_eq(text_fold(cx->arena, c->m), f->m)
    return f->id == c->id.v CUSTOMER_FOLDED(FITS);
#undef FITS
}

enum err customer_keys_check(struct cx *cx, int64_t *after, size_t n, bool with_folded,
                             struct list *wrong)
{
    struct list rows = {0}, keys = {0}, folded = {0};
    struct val from = V(*after), most = V((int64_t)n), page[] = {from, most};
    struct db_read reads[] = {
        {&q_customer_fold_page, &customer_row_shape, false, &rows, {page, 2}, false},
        {&q_customer_folded_page, &customer_folded_row_shape, false, &folded, {page, 2}, false},
    };
    TRY(db_batch(cx, reads, COUNT(reads)));
    const struct customer *c = rows.items;
    int64_t *out = ARENA_ARRAY(cx->arena, rows.n + 1, int64_t),
            *ids = ARENA_ARRAY(cx->arena, rows.n + 1, int64_t);
    *wrong = (struct list){out, 0};
    *after = rows.n < n ? 0 : c[rows.n - 1].id.v;
    for (size_t i = 0; i < rows.n; i++)
        ids[i] = c[i].id.v;
    if (rows.n == 0 || rows.n != folded.n)
        return OK;
    TRY(db_all(cx, &q_customer_keys_of, &customer_key_row_shape, &keys,
               ARGS(val_ints(ids, rows.n))));
    const struct customer_key_row *k = keys.items;
    const struct customer_folded_row *f = folded.items;
    size_t at = 0;
    for (size_t i = 0; i < rows.n; i++) {
        size_t n_keys = 0;
        while (at + n_keys < keys.n && k[at + n_keys].customer == ids[i])
            n_keys++;
        if (!keys_fit(cx, &c[i], k + at, n_keys) || (with_folded && !folded_fits(cx, &c[i], &f[i])))
            out[wrong->n++] = ids[i];
        at += n_keys;
    }
    return OK;
}

enum err customer_keys_mend(struct cx *cx, customer_id id)
{
    struct list rows = {0};
    TRY(db_all(cx, &q_customer_fold_page, &customer_row_shape, &rows, ARGS(V(id.v - 1), V(1))));
    const struct customer *c = rows.items;
    if (rows.n == 0 || c->id.v != id.v)
        return OK;
    TRY(db_run(cx, &q_customer_keys_delete, ARGS(V(id))));
    TRY(customer_keys_add(cx, id,
                          customer_keys(cx->arena, c->name, c->reading, c->company, c->country)));
    return db_run(cx, &q_customer_fold, ARGS(CUSTOMER_FOLDED(CUSTOMER_FOLD) V(c->id)));
}
