/* rooms/audit/exported.c - whose records were in an export of many.
 *
 * An export without a condition holds everybody there was: one row says so. One with a condition notes its customers page by
 * page, before the page leaves the house; six bytes a customer. So the answer is exact, and costs one reading by an index.
 */
#include "messages.h"
#include "queries.h"
#include "rooms/audit/audit.h"

enum { ID_BYTES = 10 /* of a number in 7 bits a byte */ };

struct export_list_row {
    str what;
    bool is_all, is_done;
    int64_t until;
};
static const struct field list_fields[] = {
    FIELD(struct export_list_row, what),
    FIELD(struct export_list_row, is_all),
    FIELD_AS(struct export_list_row, until, "until_id"),
    FIELD(struct export_list_row, is_done),
};
static const struct shape list_shape =
    SHAPE("export_list_row", struct export_list_row, list_fields);

struct export_part_row {
    int64_t first;
    str ids;
};
static const struct field part_fields[] = {
    FIELD_AS(struct export_part_row, first, "first_id"),
    FIELD(struct export_part_row, ids),
};
static const struct shape part_shape =
    SHAPE("export_part_row", struct export_part_row, part_fields);

/* ---- noting ---------------------------------------------------------------------------------------- */

enum err audit_export_begin(struct cx *cx, const struct audit_export *x)
{
    TRY(db_run(
        cx, &q_export_list_insert,
        ARGS(V(x->id), V(x->is_orders ? "orders" : "customers"), V(x->is_all), V(x->until))));
    return audit_add(cx, x->is_orders ? "export.orders" : "export.customers", 0, x->id, x->details);
}

static int by_id(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void put_number(struct text *t, uint64_t v)
{
    for (; v > 0x7f; v >>= 7)
        text_add_char(t, (char)(v | 0x80));
    text_add_char(t, (char)v);
}

enum err audit_export_part(struct cx *cx, int64_t export_id, int64_t *ids, size_t n)
{
    if (!n)
        return OK;
    qsort(ids, n, sizeof *ids, by_id);
    struct text t = text_in(cx->arena, n * ID_BYTES + 1);
    for (size_t i = 1; i < n; i++)
        if (ids[i] != ids[i - 1])
            put_number(&t, (uint64_t)ids[i] - (uint64_t)ids[i - 1]);
    return db_run(cx, &q_export_part_insert,
                  ARGS(V(id_new(cx->now_ms)), V(export_id), V(ids[0]), V(ids[n - 1]),
                       val_blob(t.len ? t.ptr : "", t.len)));
}

enum err audit_export_done(struct cx *cx, int64_t export_id)
{
    return db_run(cx, &q_export_list_done, ARGS(V(export_id)));
}

/* ---- asking ------------------------------------------------------------------------------------------ */

static bool part_has(const struct export_part_row *p, int64_t id)
{
    uint64_t at = (uint64_t)p->first, step = 0;
    int bits = 0;
    if (p->first == id)
        return true;
    for (size_t i = 0; i < p->ids.len && at < (uint64_t)id; i++) {
        step |= (uint64_t)(p->ids.ptr[i] & 0x7f) << bits;
        bits += 7;
        if (p->ids.ptr[i] & 0x80 && bits < 63)
            continue;
        at += step;
        step = 0;
        bits = 0;
    }
    return at == (uint64_t)id;
}

static enum err is_listed(struct cx *cx, int64_t export_id, const int64_t *ids, size_t n, bool *is)
{
    for (size_t i = 0; i < n && !*is; i++) {
        struct list parts = {0};
        TRY(db_all(cx, &q_export_parts_of, &part_shape, &parts, ARGS(V(export_id), V(ids[i]))));
        const struct export_part_row *p = parts.items;
        for (size_t k = 0; k < parts.n && !*is; k++)
            *is = part_has(&p[k], ids[i]);
    }
    return OK;
}

enum err audit_export_held(struct cx *cx, int64_t export_id, const int64_t *ids, size_t n,
                           enum audit_held *out)
{
    struct export_list_row x = {0};
    bool is = false;
    *out = HELD_PERHAPS;
    enum err e = db_one(cx, &q_export_list_get, &list_shape, &x, ARGS(V(export_id)));
    if (e != OK)
        return e == ERR_NOT_FOUND ? OK : e; /* of before there were lists */
    if (!x.is_all) {
        TRY(is_listed(cx, export_id, ids, n, &is));
    } else if (str_eq(x.what, S("orders"))) {
        int64_t found = 0;
        TRY(db_int(cx, &q_export_has_order, &found, ARGS(val_ints(ids, n), V(x.until))));
        is = found > 0;
    } else {
        for (size_t i = 0; i < n; i++)
            is |= ids[i] <= x.until;
    }
    if (x.is_all && is && !x.is_done)
        return OK; /* broken off, nobody knows where */
    *out = is ? HELD_YES : !x.is_all && !x.is_done ? HELD_PERHAPS : HELD_NO;
    return OK;
}
