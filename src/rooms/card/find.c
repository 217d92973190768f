/* rooms/card/find.c - exact finding for the palette: phone number in any format, e-mail address,
 * order number, start of a name. Everything is an equality or a range on an index. */
#include "messages.h"
#include "queries.h"
#include "rooms/card/inside.h"

enum { FOUND_MAX = 20 };

struct find_in {
    str q;
};
struct found {
    str type, id, title, title_lang, detail, why;
};
struct find_out {
    struct list items;
};
struct customer_row {
    customer_id id;
    str name, lang, company, city;
};
struct order_row {
    order_id id;
    str number;
    when at;
    str status;
    money total;
    customer_id customer;
    str name;
};
/* clang-format off */
static const struct field find_in_fields[] = {
    FIELD(struct find_in, q, .required = true, .max_len = 254),
};
const struct shape find_in_shape = SHAPE("find_in", struct find_in, find_in_fields);
static const struct field found_fields[] = {
    FIELD(struct found, type, .doc = "customer or order"),
    FIELD(struct found, id),
    FIELD(struct found, title, .personal = true),
    FIELD(struct found, title_lang),
    FIELD(struct found, detail),
    FIELD(struct found, why, .doc = "phone, email …, order_number, name"),
};
static const struct shape found_shape = SHAPE("found", struct found, found_fields);
static const struct field find_fields[] = {
    FIELD_LIST(struct find_out, items, &found_shape),
};
const struct shape find_shape = SHAPE("find", struct find_out, find_fields);
static const struct field customer_row_fields[] = {
    FIELD(struct customer_row, id),
    FIELD(struct customer_row, name),
    FIELD(struct customer_row, lang),
    FIELD(struct customer_row, company),
    FIELD(struct customer_row, city),
};
static const struct shape find_customer_shape = SHAPE("find_customer", struct customer_row, customer_row_fields);
static const struct field order_row_fields[] = {
    FIELD(struct order_row, id),
    FIELD(struct order_row, number),
    FIELD_AS(struct order_row, at, "at_ms"),
    FIELD(struct order_row, status),
    FIELD_AS(struct order_row, total, "total_minor"),
    FIELD_AS(struct order_row, customer, "id"),
    FIELD(struct order_row, name),
};
static const struct shape find_order_shape = SHAPE("find_order", struct order_row, order_row_fields);
/* clang-format on */

static void add(struct list *l, struct found f)
{
    struct found *out = l->items;
    for (size_t i = 0; i < l->n; i++)
        if (str_eq(out[i].id, f.id))
            return;
    if (l->n < FOUND_MAX)
        out[l->n++] = f;
}

static void add_customer(struct cx *cx, struct list *l, const struct customer_row *c, str why)
{
    str detail = c->company.len && c->city.len
                     ? arena_printf(cx->arena, SFMT " · " SFMT, SARG(c->company), SARG(c->city))
                     : (c->company.len ? c->company : c->city);
    add(l, (struct found){S("customer"), id_text(cx->arena, "cus", c->id.v), c->name,
                          customer_name_lang(c->name, c->lang), detail, why});
}

/* Every key of what was typed is the start of a key of a record. */
static enum err by_name(struct cx *cx, str q, struct list *out)
{
    struct name_keys keys = name_keys(cx->arena, q, (str){0});
    struct list rows[NAME_KEYS_MAX] = {0};
    struct db_read reads[NAME_KEYS_MAX];
    struct val args[2 * NAME_KEYS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < keys.n; i++) {
        if (keys.keys[i].len == 0)
            continue;
        args[2 * n] = V(keys.keys[i]);
        args[2 * n + 1] = V(arena_printf(cx->arena, SFMT "\xF4\x8F\xBF\xBF", SARG(keys.keys[i])));
        reads[n] = (struct db_read){&q_find_by_name, &find_customer_shape, false,
                                    &rows[n],        {args + 2 * n, 2},    false};
        n++;
    }
    if (n == 0)
        return OK;
    TRY(db_batch(cx, reads, n));
    for (size_t i = 0; i < n; i++) {
        const struct customer_row *c = rows[i].items;
        for (size_t k = 0; k < rows[i].n; k++)
            add_customer(cx, out, &c[k], S("name"));
    }
    return OK;
}

static enum err by_handle(struct cx *cx, const struct handle *handles, size_t n, struct list *out)
{
    for (size_t i = 0; i < n; i++) {
        const struct owner *o = handles[i].owners.items;
        for (size_t k = 0; k < handles[i].owners.n && out->n < FOUND_MAX; k++) {
            struct customer_row c;
            enum err e =
                db_one(cx, &q_find_customer, &find_customer_shape, &c, ARGS(V(o[k].customer)));
            if (e == ERR_NOT_FOUND)
                continue;
            TRY(e);
            add_customer(cx, out, &c, str_of(identity_type_codes[handles[i].type]));
        }
    }
    return OK;
}

enum err route_find(struct cx *cx, void *in, void *out)
{
    static const int types[] = {IDENTITY_PHONE, IDENTITY_EMAIL,    IDENTITY_ACCOUNT,
                                IDENTITY_CARD,  IDENTITY_EXTERNAL, IDENTITY_SOCIAL};
    str q = str_trim(((struct find_in *)in)->q);
    struct find_out *found = out;
    found->items.items = ARENA_ARRAY(cx->arena, FOUND_MAX, struct found);
    if (q.len == 0)
        return OK;

    struct handle handles[COUNT(types)];
    size_t n = 0;
    str region = settings_current(cx)->region;
    for (size_t i = 0; i < COUNT(types); i++)
        if (handle_read(cx->arena, types[i], q, region, &handles[n]) || handles[n].suffix.len)
            n++;
    struct order_row order = {0};
    str number = str_starts(q, S("#")) ? (str){q.ptr + 1, q.len - 1} : q;
    struct db_read more = {&q_find_order, &find_order_shape, true, &order, ARGS(V(number)), false};
    TRY(customer_owners_and(cx, handles, n, &more, 1));
    if (more.found)
        add(&found->items, (struct found){S("order"),
                                          id_text(cx->arena, "ord", order.id.v),
                                          order.number,
                                          {0},
                                          order.name,
                                          S("order_number")});
    TRY(by_handle(cx, handles, n, &found->items));
    return by_name(cx, q, &found->items);
}
