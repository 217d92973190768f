/* rooms/customer/part_routes.c - routes of addresses, holdings and relations. */
#include "messages.h"
#include "queries.h"
#include "rooms/customer/inside.h"

/* ---- what the three share -------------------------------------------------------------------- */

static bool is_sent(const struct cx *cx, unsigned i)
{
    return (cx->sent >> i) & 1;
}

/* How the input of a change begins, and of taking away. */
struct by_part {
    int64_t id;
};

static enum err part_gone(struct cx *cx, const struct part_kind *k, const void *in)
{
    int64_t id = ((const struct by_part *)in)->id;
    customer_id root;
    void *was = arena_alloc(cx->arena, 1, k->row->size);
    TRY(part_get(cx, k, id, &root, was));
    return part_put(cx, k, root, id, was, NULL, NULL);
}

/* ---- addresses ------------------------------------------------------------------------------- */

struct address_in {
    struct part_in part;
    int kind;
    str line, postal, city, region, country;
    address_id made;
};
/* clang-format off */
static const struct field address_in_fields[] = {
    FIELD_AS(struct address_in, part.id, "id", .in_path = true),
    FIELD_ENUM(struct address_in, kind, address_kind_codes, .required = true),
    FIELD(struct address_in, line, .max_len = 500),
    FIELD(struct address_in, postal, .max_len = 20),
    FIELD(struct address_in, city),
    FIELD(struct address_in, region),
    FIELD(struct address_in, country, .max_len = 2),
};
/* clang-format on */
const struct shape address_in_shape = SHAPE("address_in", struct address_in, address_in_fields);

enum err address_add(struct cx *cx, customer_id customer, const struct address_new *a)
{
    return db_run(cx, &q_address_insert,
                  ARGS(V(a->id), V(customer), V(a->kind), V(a->line), V(a->postal), V(a->city),
                       V(a->region), V(a->country), V(a->source), V(cx->now_ms)));
}

enum err address_put_new(struct cx *cx, customer_id root, const struct address_new *a,
                         struct change_by *by)
{
    struct address next = {.id = a->id,
                           .kind = a->kind,
                           .line = a->line,
                           .postal = a->postal,
                           .city = a->city,
                           .region = a->region,
                           .country = a->country,
                           .source = a->source,
                           .at = {cx->now_ms}};
    return part_put(cx, &part_address, root, a->id.v, NULL, &next, by);
}

static enum err address_check(struct cx *cx, str line, str postal, str city, str *country)
{
    TRY(customer_rule_country(cx, S("country"), country));
    return line.len + postal.len + city.len
               ? OK
               : fault_field(cx, ERR_INVALID, S("line"), M_ADDRESS_EMPTY);
}

enum err address_plan(struct cx *cx, void *in, void *out)
{
    struct address_in *a = in;
    int64_t n = 0;
    TRY(address_check(cx, a->line, a->postal, a->city, &a->country));
    if (a->made.v == 0)
        a->made.v = id_new(cx->now_ms);
    TRY(part_plan(cx, in, out));
    TRY(db_int(cx, &q_address_count, &n, ARGS(V(a->part.root))));
    return n < PARTS_MAX ? OK : fault(cx, ERR_CONFLICT, M_PART_MANY, MNUM("most", PARTS_MAX));
}

enum err address_apply(struct cx *cx, void *in, void *out)
{
    const struct address_in *a = in;
    struct address_new n = {.id = a->made,
                            .kind = str_of(address_kind_codes[a->kind]),
                            .line = a->line,
                            .postal = a->postal,
                            .city = a->city,
                            .region = a->region,
                            .country = a->country,
                            .source = S("staff")};
    TRY(address_put_new(cx, a->part.root, &n, NULL));
    cx->made_id = a->made.v;
    return db_one(cx, &q_address_get, &address_row_shape, out, ARGS(V(a->made)));
}

enum err address_replay(struct cx *cx, int64_t id, void *out)
{
    return db_one(cx, &q_address_get, &address_row_shape, out, ARGS(V(id)));
}

struct address_patch {
    address_id id;
    int kind;
    str line, postal, city, region, country;
};
/* clang-format off */
static const struct field address_patch_fields[] = {
    FIELD(struct address_patch, id, .in_path = true),
    FIELD_ENUM(struct address_patch, kind, address_kind_codes),
    FIELD(struct address_patch, line, .max_len = 500),
    FIELD(struct address_patch, postal, .max_len = 20),
    FIELD(struct address_patch, city),
    FIELD(struct address_patch, region),
    FIELD(struct address_patch, country, .max_len = 2),
};
/* clang-format on */
const struct shape address_patch_shape =
    SHAPE("address_patch", struct address_patch, address_patch_fields);

enum err address_patch(struct cx *cx, void *in, void *out)
{
    struct address_patch *p = in;
    struct address was, next;
    customer_id root;
    TRY(part_get(cx, &part_address, p->id.v, &root, &was));
    next = was;
    str *to[] = {&next.line, &next.postal, &next.city, &next.region, &next.country};
    const str from[] = {p->line, p->postal, p->city, p->region, p->country};
    if (is_sent(cx, 1))
        next.kind = str_of(address_kind_codes[p->kind]);
    for (unsigned i = 0; i < COUNT(to); i++)
        if (is_sent(cx, 2 + i))
            *to[i] = from[i];
    TRY(address_check(cx, next.line, next.postal, next.city, &next.country));
    TRY(part_put(cx, &part_address, root, p->id.v, &was, &next, NULL));
    cx->made_id = p->id.v;
    *(struct address *)out = next;
    return OK;
}

/* ---- holdings -------------------------------------------------------------------------------- */

struct holding_in {
    struct part_in part;
    product_id product;
    str name, serial, plan, number;
    when until;
    holding_id made;
};
/* clang-format off */
static const struct field holding_in_fields[] = {
    FIELD_AS(struct holding_in, part.id, "id", .in_path = true),
    FIELD(struct holding_in, product, .nullable = true),
    FIELD(struct holding_in, name, .required = true),
    FIELD(struct holding_in, serial),
    FIELD(struct holding_in, plan),
    FIELD(struct holding_in, number),
    FIELD(struct holding_in, until),
};
/* clang-format on */
const struct shape holding_in_shape = SHAPE("holding_in", struct holding_in, holding_in_fields);

static enum err product_is_there(struct cx *cx, product_id id)
{
    int64_t n = 0;
    if (id.v == 0)
        return OK;
    enum err e = db_int(cx, &q_holding_product, &n, ARGS(V(id)));
    return e == ERR_NOT_FOUND ? fault_field(cx, ERR_INVALID, S("product"), M_PRODUCT_UNKNOWN) : e;
}

enum err holding_plan(struct cx *cx, void *in, void *out)
{
    struct holding_in *a = in;
    int64_t n = 0;
    TRY(part_plan(cx, in, out));
    TRY(product_is_there(cx, a->product));
    if (a->made.v == 0)
        a->made.v = id_new(cx->now_ms);
    TRY(db_int(cx, &q_holding_count, &n, ARGS(V(a->part.root))));
    return n < PARTS_MAX ? OK : fault(cx, ERR_CONFLICT, M_PART_MANY, MNUM("most", PARTS_MAX));
}

enum err holding_apply(struct cx *cx, void *in, void *out)
{
    const struct holding_in *a = in;
    struct holding *h = out;
    *h = (struct holding){.id = a->made,
                          .product = a->product,
                          .name = a->name,
                          .serial = a->serial,
                          .plan = a->plan,
                          .number = a->number,
                          .until = a->until,
                          .at = {cx->now_ms}};
    cx->made_id = a->made.v;
    return part_put(cx, &part_holding, a->part.root, a->made.v, NULL, h, NULL);
}

enum err holding_replay(struct cx *cx, int64_t id, void *out)
{
    return db_one(cx, &q_holding_get, &holding_row_shape, out, ARGS(V(id)));
}

struct holding_patch {
    holding_id id;
    product_id product;
    str name, serial, plan, number;
    when until;
};
/* clang-format off */
static const struct field holding_patch_fields[] = {
    FIELD(struct holding_patch, id, .in_path = true),
    FIELD(struct holding_patch, product, .nullable = true),
    FIELD(struct holding_patch, name),
    FIELD(struct holding_patch, serial),
    FIELD(struct holding_patch, plan),
    FIELD(struct holding_patch, number),
    FIELD(struct holding_patch, until),
};
/* clang-format on */
const struct shape holding_patch_shape =
    SHAPE("holding_patch", struct holding_patch, holding_patch_fields);

enum err holding_patch(struct cx *cx, void *in, void *out)
{
    struct holding_patch *p = in;
    struct holding was, next;
    customer_id root;
    TRY(part_get(cx, &part_holding, p->id.v, &root, &was));
    next = was;
    str *to[] = {&next.name, &next.serial, &next.plan, &next.number};
    const str from[] = {p->name, p->serial, p->plan, p->number};
    if (is_sent(cx, 1)) {
        TRY(product_is_there(cx, p->product));
        next.product = p->product;
    }
    for (unsigned i = 0; i < COUNT(to); i++)
        if (is_sent(cx, 2 + i))
            *to[i] = from[i];
    if (is_sent(cx, 6))
        next.until = p->until;
    if (str_trim(next.name).len == 0)
        return fault_field(cx, ERR_INVALID, S("name"), M_HOLDING_NAME);
    TRY(part_put(cx, &part_holding, root, p->id.v, &was, &next, NULL));
    cx->made_id = p->id.v;
    *(struct holding *)out = next;
    return OK;
}

/* ---- relations ------------------------------------------------------------------------------- */

const char *const relation_codes[RELATION_N] = {"works_at",   "branch_of", "resells_for",
                                                "partner_of", "family",    "referred_by"};
struct relation_in {
    struct part_in part;
    customer_id other;
    int kind;
    str role;
    struct customer there;
    relation_id made;
};
/* clang-format off */
static const struct field relation_in_fields[] = {
    FIELD_AS(struct relation_in, part.id, "id", .in_path = true),
    FIELD(struct relation_in, other, .required = true),
    FIELD_ENUM(struct relation_in, kind, relation_codes, .required = true),
    FIELD(struct relation_in, role),
};
/* clang-format on */
const struct shape relation_in_shape = SHAPE("relation_in", struct relation_in, relation_in_fields);

enum err relation_plan(struct cx *cx, void *in, void *out)
{
    struct relation_in *a = in;
    TRY(part_plan(cx, in, out));
    enum err e = customer_get(cx, a->other, &a->there);
    if (e == ERR_NOT_FOUND)
        return fault_field(cx, ERR_INVALID, S("other"), M_CUSTOMER_UNKNOWN);
    TRY(e);
    if (a->there.id.v == a->part.root.v)
        return fault_field(cx, ERR_INVALID, S("other"), M_RELATION_SELF);
    if (a->made.v == 0)
        a->made.v = id_new(cx->now_ms);
    return OK;
}

enum err relation_add(struct cx *cx, const struct relation_new *r, relation_id *id)
{
    str kind = str_of(relation_codes[r->kind]);
    struct relation was, next;
    customer_id root;
    int64_t same = 0;
    enum err e = db_int(cx, &q_relation_same, &same, ARGS(V(r->customer), V(r->other), V(kind)));
    *id = r->id;
    if (e == OK) { /* said before: only the role may be new */
        id->v = same;
        TRY(part_get(cx, &part_relation, same, &root, &was));
        next = was;
        next.role = r->role;
        return part_put(cx, &part_relation, r->customer, same, &was, &next, NULL);
    }
    if (e != ERR_NOT_FOUND)
        return e;
    struct customer there;
    TRY(customer_get(cx, r->other, &there));
    next = (struct relation){.id = *id,
                             .other = {r->other, there.name, there.name_lang},
                             .kind = kind,
                             .role = r->role,
                             .at = {cx->now_ms}};
    return part_put(cx, &part_relation, r->customer, id->v, NULL, &next, NULL);
}

static enum err relation_read(struct cx *cx, int64_t id, struct relation *out)
{
    TRY(db_one(cx, &q_relation_get, &relation_row_shape, out, ARGS(V(id))));
    out->other.name_lang = customer_name_lang(out->other.name, out->other_lang);
    return OK;
}

enum err relation_apply(struct cx *cx, void *in, void *out)
{
    const struct relation_in *a = in;
    relation_id id = {0};
    TRY(relation_add(
        cx, &(struct relation_new){a->made, a->part.root, a->there.id, a->kind, a->role}, &id));
    cx->made_id = id.v;
    return relation_read(cx, id.v, out);
}

enum err relation_replay(struct cx *cx, int64_t id, void *out)
{
    return relation_read(cx, id, out);
}

struct relation_patch {
    relation_id id;
    str role;
};
/* clang-format off */
static const struct field relation_patch_fields[] = {
    FIELD(struct relation_patch, id, .in_path = true),
    FIELD(struct relation_patch, role),
};
/* clang-format on */
const struct shape relation_patch_shape =
    SHAPE("relation_patch", struct relation_patch, relation_patch_fields);

enum err relation_patch(struct cx *cx, void *in, void *out)
{
    struct relation_patch *p = in;
    struct relation was, next;
    customer_id root;
    TRY(part_get(cx, &part_relation, p->id.v, &root, &was));
    next = was;
    if (is_sent(cx, 1))
        next.role = p->role;
    TRY(part_put(cx, &part_relation, root, p->id.v, &was, &next, NULL));
    cx->made_id = p->id.v;
    return relation_read(cx, p->id.v, out);
}

/* Both sides of each id of a record: two reads an id. */
struct relation_reads relation_reads(struct cx *cx, struct list ids, int64_t n)
{
    struct relation_reads r = {.n = 2 * ids.n, .most = n};
    const int64_t *each = ids.items;
    r.lists = ARENA_ARRAY(cx->arena, r.n, struct list);
    r.reads = ARENA_ARRAY(cx->arena, r.n, struct db_read);
    struct val *args = ARENA_ARRAY(cx->arena, 2 * r.n, struct val);
    for (size_t i = 0; i < r.n; i++) {
        args[2 * i] = V(each[i / 2]);
        args[2 * i + 1] = V(n);
        r.reads[i] = (struct db_read){i % 2 ? &q_relation_to : &q_relation_from,
                                      &relation_row_shape,
                                      false,
                                      &r.lists[i],
                                      {args + 2 * i, 2},
                                      false};
    }
    return r;
}

static int as_said(const void *a, const void *b)
{
    const struct relation *x = a, *y = b;
    return (x->id.v > y->id.v) - (x->id.v < y->id.v);
}

struct list relations_merge(struct arena *a, const struct relation_reads *r)
{
    size_t all = 0, n = 0;
    for (size_t i = 0; i < r->n; i++)
        all += r->lists[i].n;
    struct relation *out = ARENA_ARRAY(a, all + 1, struct relation);
    for (size_t i = 0; i < r->n; i++)
        for (size_t k = 0; k < r->lists[i].n; k++)
            out[n++] = ((const struct relation *)r->lists[i].items)[k];
    if (n > 1)
        qsort(out, n, sizeof(*out), as_said);
    for (size_t i = 0; i < n; i++)
        out[i].other.name_lang = customer_name_lang(out[i].other.name, out[i].other_lang);
    return (struct list){out, n < (size_t)r->most ? n : (size_t)r->most};
}

/* ---- taking away ----------------------------------------------------------------------------- */

struct address_gone {
    address_id id;
};
struct holding_gone {
    holding_id id;
};
struct relation_gone {
    relation_id id;
};
/* clang-format off */
static const struct field address_gone_fields[] = {
    FIELD(struct address_gone, id, .in_path = true),
};
static const struct field holding_gone_fields[] = {
    FIELD(struct holding_gone, id, .in_path = true),
};
static const struct field relation_gone_fields[] = {
    FIELD(struct relation_gone, id, .in_path = true),
};
/* clang-format on */
const struct shape address_gone_shape =
    SHAPE("address_gone", struct address_gone, address_gone_fields);
const struct shape holding_gone_shape =
    SHAPE("holding_gone", struct holding_gone, holding_gone_fields);
const struct shape relation_gone_shape =
    SHAPE("relation_gone", struct relation_gone, relation_gone_fields);

enum err address_gone(struct cx *cx, void *in, void *out)
{
    (void)out;
    return part_gone(cx, &part_address, in);
}
enum err holding_gone(struct cx *cx, void *in, void *out)
{
    (void)out;
    return part_gone(cx, &part_holding, in);
}
enum err relation_gone(struct cx *cx, void *in, void *out)
{
    (void)out;
    return part_gone(cx, &part_relation, in);
}
