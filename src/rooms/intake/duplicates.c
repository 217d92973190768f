/* rooms/intake/duplicates.c - records that may be the same one, by exact keys: a handle that both
 * have, the same name with the same company, city or country, and what intake saw when they came. */
#include "messages.h"
#include "queries.h"
#include "rooms/intake/inside.h"

enum { SHOWN = 50, EVIDENCE = 10 };

struct evidence {
    str why, value;
    double probability;
    when at;
};
struct duplicate_of {
    customer_id id;
    str name, name_lang;
    double probability;
    str why;
    when at;
    struct list evidence;
};
/* clang-format off */
static const struct field evidence_fields[] = {
    FIELD(struct evidence, why, .doc = "phone, email … ; shared_phone …; name company, name city, name country, name"),
    FIELD(struct evidence, value, .personal = true, .doc = "The handle that both have"),
    FIELD(struct evidence, probability),
    FIELD(struct evidence, at),
};
static const struct shape evidence_shape = SHAPE("duplicate_evidence", struct evidence, evidence_fields);
static const struct field duplicate_of_fields[] = {
    FIELD(struct duplicate_of, id),
    FIELD(struct duplicate_of, name, .personal = true),
    FIELD(struct duplicate_of, name_lang),
    FIELD(struct duplicate_of, probability),
    FIELD(struct duplicate_of, why, .doc = "The strongest evidence"),
    FIELD(struct duplicate_of, at),
    FIELD_LIST(struct duplicate_of, evidence, &evidence_shape),
};
static const struct shape duplicate_of_shape = SHAPE("customer_duplicate", struct duplicate_of, duplicate_of_fields);

struct duplicates_in {
    customer_id id;
};
struct duplicates_out {
    struct list items;
};
static const struct field duplicates_in_fields[] = {
    FIELD(struct duplicates_in, id, .in_path = true),
};
const struct shape duplicates_in_shape = SHAPE("duplicates_in", struct duplicates_in, duplicates_in_fields);
static const struct field duplicates_fields[] = {
    FIELD_LIST(struct duplicates_out, items, &duplicate_of_shape),
};
const struct shape duplicates_shape = SHAPE("duplicates", struct duplicates_out, duplicates_fields);

/* ---- rows ------------------------------------------------------------------------------------- */

struct hint {
    customer_id id;
    str name, lang;
    double probability;
    str why;
    when at;
};
static const struct field hint_row_fields[] = {
    FIELD(struct hint, id),
    FIELD(struct hint, name),
    FIELD(struct hint, lang),
    FIELD(struct hint, probability),
    FIELD(struct hint, why),
    FIELD_AS(struct hint, at, "at_ms"),
};
static const struct shape hint_row_shape = SHAPE("duplicate_hint", struct hint, hint_row_fields);
struct by_handle {
    customer_id id;
    str name, lang;
    int type, mine, theirs;
    str given;
    when at;
};
static const struct field by_handle_fields[] = {
    FIELD(struct by_handle, id),
    FIELD(struct by_handle, name),
    FIELD(struct by_handle, lang),
    FIELD_ENUM(struct by_handle, type, identity_type_codes),
    {.name = "state", .offset = offsetof(struct by_handle, mine), .size = sizeof(int), .type = F_ENUM,
     .names = identity_state_codes, .n_names = COUNT(identity_state_codes)},
    {.name = "state", .offset = offsetof(struct by_handle, theirs), .size = sizeof(int), .type = F_ENUM,
     .names = identity_state_codes, .n_names = COUNT(identity_state_codes)},
    FIELD(struct by_handle, given),
    FIELD_AS(struct by_handle, at, "last_ms"),
};
static const struct shape by_handle_shape = SHAPE("duplicate_handle", struct by_handle, by_handle_fields);
struct by_name {
    customer_id id;
    str name, lang, city;
    when at;
};
static const struct field by_name_fields[] = {
    FIELD(struct by_name, id),
    FIELD(struct by_name, name),
    FIELD(struct by_name, lang),
    FIELD(struct by_name, city),
    FIELD_AS(struct by_name, at, "created_ms"),
};
static const struct shape by_name_shape = SHAPE("duplicate_name", struct by_name, by_name_fields);
/* clang-format on */

/* ---- gathering -------------------------------------------------------------------------------- */

struct found {
    struct arena *arena;
    customer_id root;
    struct duplicate_of *items;
    size_t n, room;
};

/* One more evidence; of the same kind and value only the strongest is kept. */
static void tell(struct found *f, customer_id id, str name, str lang, struct evidence e)
{
    size_t i = 0;
    if (id.v == f->root.v)
        return;
    while (i < f->n && f->items[i].id.v != id.v)
        i++;
    if (i == f->room)
        return;
    struct duplicate_of *d = &f->items[i];
    if (i == f->n) {
        f->n++;
        *d = (struct duplicate_of){
            .id = id,
            .name = name,
            .name_lang = customer_name_lang(name, lang),
            .evidence = {ARENA_ARRAY(f->arena, EVIDENCE, struct evidence), 0}};
    }
    struct evidence *all = d->evidence.items;
    for (size_t k = 0; k < d->evidence.n; k++)
        if (str_eq(all[k].why, e.why) &&
            (str_eq(all[k].value, e.value) || e.value.len == 0 || all[k].value.len == 0))
            return;
    if (d->evidence.n < EVIDENCE)
        all[d->evidence.n++] = e;
    if (e.probability > d->probability) {
        d->probability = e.probability;
        d->why = e.why;
    }
    if (e.at.ms > d->at.ms)
        d->at = e.at;
}

static void tell_handles(struct found *f, const struct list *rows)
{
    const struct by_handle *h = rows->items;
    for (size_t i = 0; i < rows->n; i++) {
        bool is_shared = h[i].mine == IDENTITY_SHARED || h[i].theirs == IDENTITY_SHARED;
        const char *type = identity_type_codes[h[i].type];
        tell(f, h[i].id, h[i].name, h[i].lang,
             (struct evidence){.why = is_shared ? arena_printf(f->arena, "shared_%s", type)
                                                : str_of(type),
                               .value = h[i].given,
                               .probability = is_shared ? 0.3 : 0.85,
                               .at = h[i].at});
    }
}

static void tell_names(struct found *f, const struct customer *c, const struct list *rows,
                       bool is_company)
{
    const struct by_name *b = rows->items;
    for (size_t i = 0; i < rows->n; i++) {
        bool has_cities = c->city.len && b[i].city.len;
        bool same_city =
            has_cities && str_eq(text_fold(f->arena, c->city), text_fold(f->arena, b[i].city));
        struct evidence e = {.why = S("name company"), .probability = 0.8, .at = b[i].at};
        if (!is_company && has_cities && !same_city)
            continue;
        if (!is_company && same_city)
            e = (struct evidence){.why = S("name city"), .probability = 0.7, .at = b[i].at};
        else if (!is_company)
            e = (struct evidence){.why = c->country.len ? S("name country") : S("name"),
                                  .probability = c->country.len ? 0.4 : 0.2,
                                  .at = b[i].at};
        tell(f, b[i].id, b[i].name, b[i].lang, e);
    }
}

static int likeliest_first(const void *a, const void *b)
{
    const struct duplicate_of *x = a, *y = b;
    if (x->probability != y->probability)
        return x->probability < y->probability ? 1 : -1;
    return x->at.ms != y->at.ms ? (x->at.ms < y->at.ms) - (x->at.ms > y->at.ms)
                                : (x->id.v > y->id.v) - (x->id.v < y->id.v);
}

enum err route_duplicates(struct cx *cx, void *in, void *out)
{
    struct customer c;
    TRY(customer_get(cx, ((struct duplicates_in *)in)->id, &c));
    struct str_list keys = customer_same_keys(cx->arena, c.name, c.company, c.country);
    struct list seen = {0}, handles = {0}, names[2] = {0};
    struct args root = ARGS(V(c.id));
    struct val key[2];
    struct db_read reads[4] = {
        {&q_duplicates_of, &hint_row_shape, false, &seen, root, false},
        {&q_duplicates_by_handle, &by_handle_shape, false, &handles, ARGS(V(c.id), V(c.id)), false},
    };
    for (size_t i = 0; i < keys.n; i++) {
        key[i] = V(keys.items[i]);
        reads[2 + i] = (struct db_read){&q_duplicates_by_key, &by_name_shape, false, &names[i],
                                        {&key[i], 1},         false};
    }
    TRY(db_batch(cx, reads, 2 + keys.n));
    struct found f = {.arena = cx->arena, .root = c.id, .room = handles.n + seen.n + 40};
    f.items = ARENA_ARRAY(cx->arena, f.room + 1, struct duplicate_of);
    tell_handles(&f, &handles);
    for (size_t i = 0; i < keys.n; i++)
        tell_names(&f, &c, &names[i], i == 1);
    const struct hint *h = seen.items;
    for (size_t i = 0; i < seen.n; i++)
        tell(&f, h[i].id, h[i].name, h[i].lang,
             (struct evidence){.why = h[i].why, .probability = h[i].probability, .at = h[i].at});
    if (f.n > 1)
        qsort(f.items, f.n, sizeof(*f.items), likeliest_first);
    ((struct duplicates_out *)out)->items = (struct list){f.items, f.n < SHOWN ? f.n : SHOWN};
    return OK;
}
