/* rooms/customer/fresh.c - where fields came from, when they were last confirmed, what to ask next. */
#include "messages.h"
#include "queries.h"
#include "rooms/customer/inside.h"

enum { NEW_DAYS = 30 };
static const struct staff_ref nobody = {{0}, {0}};
static const int64_t DAY_MS = 24 * 3600 * 1000;

/* clang-format off */
static const struct field fresh_fields[] = {
    FIELD(struct fresh, field, .doc = "name, lang, country, city, company; phone, email … ; address"),
    FIELD(struct fresh, part, .nullable = true, .doc = "idn_…, adr_…; null: a field of the record itself"),
    FIELD(struct fresh, value, .personal = true),
    FIELD(struct fresh, source, .doc = "staff, api, import, proposal, a channel; empty: as old as the record"),
    FIELD(struct fresh, confirmed_at),
    FIELD_STRUCT(struct fresh, staff, &staff_ref_shape, .nullable = true),
    FIELD(struct fresh, is_old, .doc = "Not confirmed for longer than the settings allow"),
};
const struct shape fresh_shape = SHAPE("freshness", struct fresh, fresh_fields);
static const struct field fresh_row_fields[] = {
    FIELD(struct fresh_row, field),
    FIELD_AS(struct fresh_row, part, "part_id"),
    FIELD(struct fresh_row, source),
    FIELD_AS(struct fresh_row, confirmed_at, "confirmed_ms"),
    FIELD_AS(struct fresh_row, staff.id, "id", .nullable = true),
    FIELD_AS(struct fresh_row, staff.name, "name", .nullable = true),
};
const struct shape fresh_row_shape = SHAPE("fresh_row", struct fresh_row, fresh_row_fields);
static const struct field ask_fields[] = {
    FIELD(struct next_ask, field, .nullable = true, .doc = "name, phone, email, language, address, heard_of_us, city …"),
    FIELD(struct next_ask, why, .doc = "missing; old: to be confirmed"),
    FIELD(struct next_ask, part, .nullable = true, .doc = "The handle or address to be confirmed"),
    FIELD(struct next_ask, value, .personal = true, .doc = "What stands there"),
};
const struct shape next_ask_shape = SHAPE("ask", struct next_ask, ask_fields);
/* clang-format on */

/* Texts of the record by which people are reached and greeted. */
static const char *const contact_texts[] = {"name", "lang", "company", "country", "city"};

static bool is_contact_text(str field)
{
    for (size_t i = 0; i < COUNT(contact_texts); i++)
        if (str_eq(field, str_of(contact_texts[i])))
            return true;
    return false;
}

static const struct fresh_row *row_of(const struct list *rows, str field, int64_t part)
{
    const struct fresh_row *r = rows->items, *newest = NULL;
    for (size_t i = 0; i < rows->n; i++)
        if (r[i].part == part && (part || str_eq(r[i].field, field)) &&
            (!newest || r[i].confirmed_at.ms > newest->confirmed_at.ms))
            newest = &r[i];
    return newest;
}

struct list fresh_of(struct cx *cx, const struct customer *c, const struct list *identities,
                     const struct list *addresses, const struct list *rows)
{
    size_t n = 0;
    struct customer own = *c;
    struct fresh *out = ARENA_ARRAY(
        cx->arena, COUNT(contact_texts) + identities->n + addresses->n + 1, struct fresh);
    for (size_t i = 0; i < COUNT(contact_texts); i++) {
        str field = str_of(contact_texts[i]);
        const str *value = customer_text(&own, field);
        const struct fresh_row *r = row_of(rows, field, 0);
        if (value->len)
            out[n++] = (struct fresh){.field = field,
                                      .value = *value,
                                      .source = r ? r->source : (str){0},
                                      .confirmed_at = r ? r->confirmed_at : c->created_at,
                                      .staff = r ? r->staff : nobody};
    }
    const struct identity *id = identities->items;
    for (size_t i = 0; i < identities->n; i++) {
        const struct fresh_row *r = row_of(rows, (str){0}, id[i].id.v);
        if ((id[i].type != IDENTITY_PHONE && id[i].type != IDENTITY_EMAIL) ||
            id[i].state == IDENTITY_WRONG)
            continue;
        /* A contact by a confirmed handle confirms it again. */
        when at = id[i].state == IDENTITY_CONFIRMED ? id[i].last_at : id[i].first_at;
        bool by_row = r && r->confirmed_at.ms >= at.ms;
        out[n++] = (struct fresh){.field = str_of(identity_type_codes[id[i].type]),
                                  .part = id_text(cx->arena, "idn", id[i].id.v),
                                  .value = id[i].value.len ? id[i].value : id[i].given,
                                  .source = by_row ? r->source : id[i].source,
                                  .confirmed_at = by_row ? r->confirmed_at : at,
                                  .staff = by_row ? r->staff : nobody};
    }
    const struct address *a = addresses->items;
    for (size_t i = 0; i < addresses->n; i++) {
        const struct fresh_row *r = row_of(rows, (str){0}, a[i].id.v);
        bool by_row = r && r->confirmed_at.ms >= a[i].at.ms;
        out[n++] = (struct fresh){.field = S("address"),
                                  .part = id_text(cx->arena, "adr", a[i].id.v),
                                  .value = part_address.text(cx->arena, &a[i]),
                                  .source = by_row ? r->source : a[i].source,
                                  .confirmed_at = by_row ? r->confirmed_at : a[i].at,
                                  .staff = by_row ? r->staff : nobody};
    }
    int64_t days = settings_current(cx)->old_after_days;
    for (size_t i = 0; i < n; i++)
        out[i].is_old = days && cx->now_ms - out[i].confirmed_at.ms > days * DAY_MS;
    return (struct list){out, n};
}

static bool has_handle(const struct list *identities, int type)
{
    const struct identity *id = identities->items;
    for (size_t i = 0; i < identities->n; i++)
        if (id[i].type == type && id[i].state != IDENTITY_WRONG)
            return true;
    return false;
}

static struct next_ask missing(str field)
{
    return (struct next_ask){.field = field, .why = S("missing")};
}

struct next_ask ask_next(struct cx *cx, const struct customer *c, const struct list *identities,
                         const struct list *fresh, bool has_address, bool is_late)
{
    bool is_new = cx->now_ms - c->created_at.ms < NEW_DAYS * DAY_MS;
    if (is_late)
        return (struct next_ask){0};
    if (c->name.len == 0)
        return missing(S("name"));
    if (!has_handle(identities, IDENTITY_EMAIL))
        return missing(S("email"));
    if (!has_handle(identities, IDENTITY_PHONE))
        return missing(S("phone"));
    if (is_new && c->heard_of_us.len == 0)
        return missing(S("heard_of_us"));
    if (!has_address)
        return missing(S("address"));
    if (c->lang.len == 0)
        return missing(S("language"));
    const struct fresh *f = fresh->items, *oldest = NULL;
    for (size_t i = 0; i < fresh->n; i++)
        if (f[i].is_old && (!oldest || f[i].confirmed_at.ms < oldest->confirmed_at.ms))
            oldest = &f[i];
    if (!oldest)
        return (struct next_ask){0};
    return (struct next_ask){
        .field = oldest->field, .why = S("old"), .part = oldest->part, .value = oldest->value};
}

enum err fresh_put(struct cx *cx, customer_id root, str field, int64_t part, const char *source)
{
    if (part == 0 && !is_contact_text(field))
        return OK;
    return db_run(cx, &q_fresh_put,
                  ARGS(V(root), V(field), V(part), V(source), V(cx->now_ms),
                       val_int_or_null(cx->actor.kind == ACTOR_STAFF ? cx->actor.id : 0)));
}

/* ---- POST /customers/{id}/confirm --------------------------------------------------------------- */

struct confirm_in {
    struct part_in part;
    str field;
    /* between plan and apply */
    str name;
    int64_t part_id;
    bool is_identity;
};
/* clang-format off */
static const struct field confirm_in_fields[] = {
    FIELD_AS(struct confirm_in, part.id, "id", .in_path = true),
    FIELD(struct confirm_in, field, .required = true, .max_len = 40, .doc = "name, lang, company, country, city, or the id of a handle or an address"),
};
/* clang-format on */
const struct shape confirm_in_shape = SHAPE("confirm_in", struct confirm_in, confirm_in_fields);

static enum err not_here(struct cx *cx, str given)
{
    (void)fault(cx, ERR_INVALID, M_FRESH_FIELD, MARG("given", given));
    return fault_at(cx, ERR_INVALID, S("field"));
}

enum err confirm_plan(struct cx *cx, void *in, void *out)
{
    struct confirm_in *a = in;
    int64_t root = 0;
    enum err e = ERR_NOT_FOUND;
    TRY(part_plan(cx, in, out));
    if (id_parse(a->field, "idn", &a->part_id)) {
        a->is_identity = true;
        a->name = S("identity");
        e = db_int(cx, &q_identity_whose, &root, ARGS(V(a->part_id)));
    } else if (id_parse(a->field, "adr", &a->part_id)) {
        a->name = S("address");
        e = db_int(cx, &q_address_whose, &root, ARGS(V(a->part_id)));
    } else if (is_contact_text(a->field)) {
        struct customer c;
        a->name = a->field;
        TRY(customer_get(cx, a->part.root, &c));
        const str *value = customer_text(&c, a->field);
        e = value->len ? OK : ERR_NOT_FOUND; /* nothing there to confirm */
        root = a->part.root.v;
    }
    if (e == OK && root != a->part.root.v)
        e = ERR_NOT_FOUND;
    return e == ERR_NOT_FOUND ? not_here(cx, a->field) : e;
}

enum err confirm_apply(struct cx *cx, void *in, void *out)
{
    (void)out;
    const struct confirm_in *a = in;
    if (a->is_identity) {
        struct identity now;
        TRY(db_one(cx, &q_identity_get, &identity_row_shape, &now, ARGS(V(a->part_id))));
        if (now.state == IDENTITY_CLAIMED)
            TRY(identity_state_put(cx, now.id, IDENTITY_CONFIRMED, NULL));
    }
    TRY(fresh_put(cx, a->part.root, a->name, a->part_id, change_source(cx, NULL)));
    return part_changed(cx, a->part.root, "field.confirm", a->part_id ? a->part_id : a->part.root.v,
                        a->name);
}
