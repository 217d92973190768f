/* rooms/intake/intake.c - recognition and the one door: plan looks and decides, take writes.
 *
 * Who it is: 1. a repeated source_id answers what the first answer said; 2. a person chose; 3. the
 * best handle with one owner; 4. of several owners of shared handles the one most handles, then the
 * name, then the latest contact speak for (the others are told as possible duplicates); 5. nobody:
 * a new record.
 */
#include "rooms/customer/history.h"
#include "rooms/intake/intake.h"
#include "messages.h"
#include "queries.h"
#include "rooms/settings/settings.h"

enum {
    IDENTITIES_MAX = 16,
    DUPLICATES_MAX = 10,
    SEEN_EVERY_MS = 3600 * 1000,
    FUTURE_MS = 24 * 3600 * 1000
};

const char *const channel_codes[CHANNEL_N] = {"call",     "email",  "chat",  "fax",
                                              "letter",   "form",   "visit", "order",
                                              "purchase", "survey", "note"};
const char *const direction_codes[3] = {"in", "out", "none"};
const char *const trust_codes[3] = {"proven", "presented", "typed"};

/* Which handle decides when they disagree, and how much it says that two records are one. */
static const struct {
    int rank;
    double probability;
} weight[IDENTITY_TYPE_N] = {
    [IDENTITY_ACCOUNT] = {0, 0.95}, [IDENTITY_CARD] = {1, 0.9},   [IDENTITY_EXTERNAL] = {2, 0.9},
    [IDENTITY_PHONE] = {3, 0.7},    [IDENTITY_EMAIL] = {4, 0.85}, [IDENTITY_SOCIAL] = {5, 0.8},
    [IDENTITY_PAYMENT] = {6, 0.6},  [IDENTITY_COOKIE] = {7, 0.4}, [IDENTITY_DEVICE] = {8, 0.3},
};

/* One handle as this contact brought it. */
struct brought {
    const struct intake_identity *from;
    struct handle *handle;
    str given;
    bool is_verified, is_malformed, is_withheld, is_as_told;
};
struct sight {
    int64_t value_id;
    customer_id via;
    bool confirms;
};
struct proposed {
    proposal_id id;
    str field, value;
};
struct intake_plan {
    bool is_repeat, is_new, fills, needs_keys, has_address;
    struct intake_result result;
    customer_id root, via;
    interaction_id interaction;
    when at;
    int trust;
    struct customer seen;    /* the known record, when something is claimed of it */
    struct customer_new who; /* the new record, or what fills empty fields of a known one */
    struct handle_new gives[IDENTITIES_MAX];
    size_t n_gives;
    struct sight sights[IDENTITIES_MAX];
    size_t n_sights;
    struct list proposals; /* of struct proposed */
    struct address_new address;
    /* while planning */
    struct brought brought[IDENTITIES_MAX];
    struct handle handles[IDENTITIES_MAX];
    size_t n_brought;
    struct duplicate duplicates[DUPLICATES_MAX];
    struct intake_ignored ignored[IDENTITIES_MAX];
};

struct first_row {
    interaction_id interaction;
    customer_id root;
    bool is_new;
    str matched_by;
};
struct same_name {
    customer_id id, root;
    str city, company, country;
};
/* clang-format off */
static const struct field first_fields[] = {
    FIELD_AS(struct first_row, interaction, "id"),
    FIELD_AS(struct first_row, root, "root_id"),
    FIELD(struct first_row, is_new),
    FIELD(struct first_row, matched_by),
};
static const struct shape first_shape = SHAPE("intake_first", struct first_row, first_fields);
static const struct field same_name_fields[] = {
    FIELD(struct same_name, id),
    FIELD_AS(struct same_name, root, "root_id"),
    FIELD(struct same_name, city),
    FIELD(struct same_name, company),
    FIELD(struct same_name, country),
};
static const struct shape same_name_shape = SHAPE("same_name", struct same_name, same_name_fields);
static const struct field duplicate_row_fields[] = {
    FIELD_AS(struct duplicate, id, "other_id"),
    FIELD(struct duplicate, probability),
    FIELD(struct duplicate, why),
};
static const struct shape duplicate_row_shape = SHAPE("duplicate", struct duplicate, duplicate_row_fields);
/* clang-format on */

/* ---- what was brought -------------------------------------------------------------------------
 */

static void ignore(struct intake_plan *p, const struct brought *b, const char *why)
{
    struct list *l = &p->result.ignored;
    p->ignored[l->n] = (struct intake_ignored){b->from->type, b->given, str_of(why)};
    *l = (struct list){p->ignored, l->n + 1};
}

/* '+' and 8 to 15 digits: nearly always the normal form already. */
static bool looks_full(str s)
{
    if (s.len < 9 || s.len > 16 || s.ptr[0] != '+')
        return false;
    for (size_t i = 1; i < s.len; i++)
        if (!is_digit(s.ptr[i]))
            return false;
    return true;
}

/* as_told: a number that looks full is looked up as it stands, which spares reading it by its
 * country's plan (50 us). When somebody has it, it was a normal form; when nobody has, it is read
 * after all. */
static enum err read_identities(struct cx *cx, const struct intake *in, struct intake_plan *p,
                                bool as_told)
{
    p->n_brought = 0;
    p->result.ignored = (struct list){0};
    if (in->identities.n > IDENTITIES_MAX) {
        (void)fault(cx, ERR_INVALID, M_INTAKE_MANY_IDENTITIES, MNUM("most", IDENTITIES_MAX));
        return fault_at(cx, ERR_INVALID, S("identities"));
    }
    str region = settings_current(cx)->region;
    const struct intake_identity *id = in->identities.items;
    for (size_t i = 0; i < in->identities.n; i++) {
        struct brought b = {
            .from = &id[i], .given = str_trim(id[i].value), .is_verified = id[i].verified};
        if (b.given.len == 0)
            continue;
        struct handle *h = &p->handles[p->n_brought];
        b.handle = h;
        bool is_phone = id[i].type == IDENTITY_PHONE;
        if (as_told && is_phone && looks_full(b.given)) {
            *h = (struct handle){.type = IDENTITY_PHONE, .value = b.given};
            b.is_as_told = true;
        } else {
            b.is_withheld = is_phone && phone_is_withheld(b.given);
            b.is_malformed = !handle_read(cx->arena, id[i].type, b.given, region, h);
        }
        bool is_double = false;
        for (size_t k = 0; k < p->n_brought && !is_double; k++) {
            struct brought *o = &p->brought[k];
            is_double =
                o->from->type == id[i].type &&
                (h->value.len ? str_eq(o->handle->value, h->value) : str_eq(o->given, b.given));
            if (is_double)
                o->is_verified |= b.is_verified;
        }
        if (is_double)
            continue;
        if (b.is_malformed)
            ignore(p, &b, b.is_withheld ? "withheld" : "malformed");
        p->brought[p->n_brought++] = b;
    }
    return OK;
}

static enum err check(struct cx *cx, struct intake *in, struct intake_plan *p)
{
    struct intake_claims *c = &in->claims;
#define X(m, claim, most, rule, ...) TRY(customer_rule_##rule(cx, S("claims." #claim), &c->m));
    CUSTOMER_TEXTS(X)
#undef X
    if (c->kind.len && !str_eq(c->kind, S("person")) && !str_eq(c->kind, S("company")))
        return fault_field(cx, ERR_INVALID, S("claims.kind"), M_INTAKE_KIND);
    bool has_address = c->address_line.len || c->address_postal.len;
    if (has_address && c->address_kind.len == 0)
        c->address_kind = S("home");
    bool is_address_kind = c->address_kind.len == 0;
    for (size_t i = 0; i < COUNT(address_kind_codes); i++)
        is_address_kind |= str_eq(c->address_kind, str_of(address_kind_codes[i]));
    if (!is_address_kind)
        return fault_field(cx, ERR_INVALID, S("claims.address_kind"), M_INTAKE_ADDRESS_KIND);
    p->has_address = has_address;
    p->at = in->at.ms ? in->at : (when){cx->now_ms};
    if (p->at.ms < 0 || p->at.ms > cx->now_ms + FUTURE_MS)
        return fault_field(cx, ERR_INVALID, S("at"), M_INTAKE_AT);
    return OK;
}

/* ---- who it is ----------------------------------------------------------------------------------
 */

static void tell_duplicate(struct intake_plan *p, customer_id id, double probability, str why)
{
    struct list *l = &p->result.duplicates;
    for (size_t i = 0; i < l->n; i++)
        if (p->duplicates[i].id.v == id.v)
            return;
    if (l->n == DUPLICATES_MAX || id.v == p->root.v)
        return;
    p->duplicates[l->n] = (struct duplicate){id, probability, why};
    *l = (struct list){p->duplicates, l->n + 1};
}

static bool decides_before(const struct brought *a, const struct brought *b)
{
    if (a->is_verified != b->is_verified)
        return a->is_verified;
    if (a->handle->by_suffix != b->handle->by_suffix)
        return b->handle->by_suffix;
    return weight[a->from->type].rank < weight[b->from->type].rank;
}

static bool names_one(const struct handle *h)
{
    const struct owner *o = h->owners.items;
    return h->owners.n == 1 && !h->is_weak && o[0].state != IDENTITY_SHARED;
}

static const struct owner *owner_in(const struct handle *h, customer_id root)
{
    const struct owner *o = h->owners.items;
    for (size_t i = 0; i < h->owners.n; i++)
        if (o[i].customer.v == root.v)
            return &o[i];
    return NULL;
}

static void found(struct intake_plan *p, const struct brought *b, const struct owner *o)
{
    p->root = o->customer;
    p->via = o->via;
    p->result.matched_by = str_of(identity_type_codes[b->from->type]);
    if (b->is_verified)
        p->trust = TRUST_PROVEN;
}

/* One who may be meant. */
struct candidate {
    struct owner owner;
    const struct brought *by;
    int handles;   /* that name him */
    bool is_named; /* the claimed name is his */
};
enum { CANDIDATES_MAX = 64 };

static size_t gather(const struct intake_plan *p, struct candidate *all)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n_brought; i++) {
        const struct handle *h = p->brought[i].handle;
        const struct owner *o = h->owners.items;
        for (size_t k = 0; k < h->owners.n; k++) {
            size_t at = 0;
            while (at < n && all[at].owner.customer.v != o[k].customer.v)
                at++;
            if (at == CANDIDATES_MAX)
                break;
            if (at == n)
                all[n++] = (struct candidate){.owner = o[k], .by = &p->brought[i]};
            all[at].handles += h->is_weak ? 0 : 1;
        }
    }
    return n;
}

static enum err look_at_names(struct cx *cx, str claimed, struct candidate *all, size_t n)
{
    int64_t ids[CANDIDATES_MAX];
    struct list rows = {0};
    str key = name_equal_key(cx->arena, claimed);
    for (size_t i = 0; i < n; i++)
        ids[i] = all[i].owner.customer.v;
    if (key.len == 0)
        return OK;
    TRY(db_all(cx, &q_customer_names, &customer_row_shape, &rows, ARGS(val_ints(ids, n))));
    const struct customer *c = rows.items;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < rows.n; k++)
            if (c[k].id.v == ids[i])
                all[i].is_named = str_eq(name_equal_key(cx->arena, c[k].name), key);
    return OK;
}

/* A handle of too many names nobody by itself; with the name claimed it does. */
static bool may_be_meant(const struct candidate *c)
{
    return c->handles > 0 || c->is_named;
}

static bool is_likelier(const struct candidate *a, const struct candidate *b)
{
    if (a->handles != b->handles)
        return a->handles > b->handles;
    if (a->is_named != b->is_named)
        return a->is_named;
    return a->owner.last_at.ms > b->owner.last_at.ms;
}

/* Several may be meant: the one most handles name, then the one of that name, then the one seen
 * last. */
static enum err choose(struct cx *cx, const struct intake *in, struct intake_plan *p)
{
    struct candidate *all = ARENA_ARRAY(cx->arena, CANDIDATES_MAX + 1, struct candidate);
    size_t n = gather(p, all);
    const struct candidate *best = NULL;
    if (n > 0)
        TRY(look_at_names(cx, in->claims.name, all, n));
    for (size_t i = 0; i < n; i++)
        if (may_be_meant(&all[i]) && (!best || is_likelier(&all[i], best)))
            best = &all[i];
    if (!best)
        return OK;
    found(p, best->by, &best->owner);
    for (size_t i = 0; i < n; i++)
        if (may_be_meant(&all[i]))
            tell_duplicate(
                p, all[i].owner.customer, 0.3,
                arena_printf(cx->arena, "shared_%s", identity_type_codes[all[i].by->from->type]));
    return OK;
}

static enum err recognise(struct cx *cx, const struct intake *in, struct intake_plan *p)
{
    if (in->customer.v) {
        TRY(customer_root(cx, in->customer, &p->root, NULL));
        p->via = p->root;
        p->result.matched_by = S("chosen");
        return OK;
    }
    const struct brought *best = NULL;
    for (size_t i = 0; i < p->n_brought; i++) {
        const struct brought *b = &p->brought[i];
        if (b->handle->is_weak)
            ignore(p, b, "too_many_owners");
        if (names_one(b->handle) && (!best || decides_before(b, best)))
            best = b;
    }
    if (!best)
        return choose(cx, in, p);
    found(p, best, best->handle->owners.items);
    for (size_t i = 0; i < p->n_brought; i++) {
        const struct brought *b = &p->brought[i];
        if (!names_one(b->handle) || owner_in(b->handle, p->root))
            continue;
        const struct owner *o = b->handle->owners.items;
        tell_duplicate(p, o->customer, weight[b->from->type].probability,
                       str_of(identity_type_codes[b->from->type]));
    }
    return OK;
}

/* ---- what becomes of the handles
 * ----------------------------------------------------------------- */

static void propose(struct cx *cx, struct intake_plan *p, const struct list *open, str field,
                    str value)
{
    const struct proposal *o = open ? open->items : NULL;
    for (size_t i = 0; open && i < open->n; i++)
        if (str_eq(o[i].field, field) && str_eq(o[i].value, value))
            return;
    struct proposed *at = (struct proposed *)p->proposals.items + p->proposals.n++;
    *at = (struct proposed){{id_new(cx->now_ms)}, field, value};
}

static const char *source_of(const struct intake *in)
{
    return in->source ? in->source : channel_codes[in->channel];
}

static void give(struct cx *cx, struct intake_plan *p, const struct brought *b, const char *source,
                 int state)
{
    p->gives[p->n_gives++] = (struct handle_new){
        .handle = b->handle,
        .id = {id_new(cx->now_ms)},
        .value_id = id_new(cx->now_ms),
        .type = b->from->type,
        .state = state,
        .given = b->given,
        .source = source,
    };
}

static void sort_handles(struct cx *cx, const struct intake *in, struct intake_plan *p,
                         const struct list *open)
{
    for (size_t i = 0; i < p->n_brought; i++) {
        struct brought *b = &p->brought[i];
        const struct owner *o = p->is_new ? NULL : owner_in(b->handle, p->root);
        bool is_proven = b->is_verified || in->trust == TRUST_PROVEN;
        int state = b->handle->is_weak ? IDENTITY_SHARED
                    : is_proven        ? IDENTITY_CONFIRMED
                                       : IDENTITY_CLAIMED;
        bool may_join = p->is_new || in->trust != TRUST_TYPED || b->is_verified;
        if (b->is_withheld)
            continue;
        if (o) {
            bool confirms = b->is_verified && o->state == IDENTITY_CLAIMED;
            if (confirms || o->last_at.ms + SEEN_EVERY_MS < cx->now_ms)
                p->sights[p->n_sights++] = (struct sight){o->value_id, o->via, confirms};
        } else if (b->is_malformed) {
            b->handle->value = (str){0};
            if (may_join)
                give(cx, p, b, source_of(in), IDENTITY_WRONG);
        } else if (b->handle->is_full) {
            b->handle->value = (str){0}; /* hundreds may share it: each keeps it as given */
            if (may_join)
                give(cx, p, b, source_of(in), IDENTITY_SHARED);
        } else if (b->handle->by_suffix) {
            continue; /* a number without its country: nothing to keep it by */
        } else if (!may_join) {
            propose(cx, p, open, str_of(identity_type_codes[b->from->type]), b->given);
        } else if (b->handle->owners.n == 0 || p->is_new || in->customer.v) {
            give(cx, p, b, source_of(in), state);
        }
    }
}

/* ---- what was claimed
 * ------------------------------------------------------------------------------ */

static bool has_claims(const struct intake_claims *c)
{
#define X(m, ...) \
    if (c->m.len) \
        return true;
    CUSTOMER_TEXTS(X)
#undef X
    return c->address_line.len || c->address_postal.len;
}

static bool same_text(struct cx *cx, str a, str b)
{
    return str_eq(a, b) || str_eq_ascii_nocase(a, b) ||
           (a.len && b.len && str_eq(name_equal_key(cx->arena, a), name_equal_key(cx->arena, b)) &&
            name_equal_key(cx->arena, a).len);
}

static void take_claim(struct cx *cx, const struct intake *in, struct intake_plan *p,
                       const struct list *open, const char *field, str now, str claimed, str *fill)
{
    claimed = str_trim(claimed);
    if (claimed.len == 0 || same_text(cx, now, claimed))
        return;
    if (now.len == 0 && in->trust != TRUST_TYPED) {
        *fill = claimed;
        p->fills = true;
        return;
    }
    propose(cx, p, open, str_of(field), claimed);
}

static void address_of(const struct intake_claims *c, struct intake_plan *p, str source)
{
    p->address = (struct address_new){.kind = c->address_kind,
                                      .line = c->address_line,
                                      .postal = c->address_postal,
                                      .city = c->city,
                                      .region = c->region,
                                      .country = c->country,
                                      .source = source};
}

/* A known customer: empty fields are filled by what is presented, everything else is proposed. */
static enum err known(struct cx *cx, struct intake *in, struct intake_plan *p)
{
    const struct intake_claims *c = &in->claims;
    bool claims = has_claims(c);
    struct customer now = {0};
    struct list open = {0}, addresses = {0};
    bool reads_open = claims || in->trust == TRUST_TYPED;
    if (reads_open) {
        struct args root = ARGS(V(p->root));
        struct db_read reads[] = {
            {&q_customer_get, &customer_row_shape, true, &now, root, false},
            {&q_proposal_list, &proposal_row_shape, false, &open, root, false},
            {&q_address_list, &address_row_shape, false, &addresses, root, false},
        };
        TRY(db_batch(cx, reads, p->has_address ? 3 : 2));
    }
    p->seen = now;
    sort_handles(cx, in, p, &open);
    if (!claims)
        return OK;
#define X(m, ...) take_claim(cx, in, p, &open, #m, now.m, c->m, &p->who.m);
    CUSTOMER_TEXTS(X)
#undef X
    if (p->fills &&
        (p->who.name.len || p->who.reading.len || p->who.company.len || p->who.country.len)) {
        p->needs_keys = true;
        p->who.keys = customer_keys(cx->arena, now.name.len ? now.name : p->who.name,
                                    now.reading.len ? now.reading : p->who.reading,
                                    now.company.len ? now.company : p->who.company,
                                    now.country.len ? now.country : p->who.country);
    }
    if (!p->has_address)
        return OK;
    address_of(c, p, str_of(source_of(in)));
    const struct address *a = addresses.items;
    bool has_kind = false;
    for (size_t i = 0; i < addresses.n; i++) {
        if (!str_eq(a[i].kind, p->address.kind))
            continue;
        has_kind = true;
        if (same_text(cx, a[i].line, p->address.line) &&
            same_text(cx, a[i].postal, p->address.postal))
            p->has_address = false;
    }
    if (p->has_address && (has_kind || in->trust == TRUST_TYPED)) {
        const struct address_new *n = &p->address;
        propose(cx, p, &open, arena_printf(cx->arena, "address." SFMT, SARG(n->kind)),
                arena_printf(cx->arena, SFMT "\n" SFMT "\n" SFMT "\n" SFMT "\n" SFMT, SARG(n->line),
                             SARG(n->postal), SARG(n->city), SARG(n->region), SARG(n->country)));
        p->has_address = false;
    }
    p->address.id.v = id_new(cx->now_ms);
    return OK;
}

/* ---- nobody known
 * ------------------------------------------------------------------------------------ */

static enum err seek_same_names(struct cx *cx, struct intake_plan *p)
{
    const struct customer_new *w = &p->who;
    struct str_list keys = customer_same_keys(cx->arena, w->name, w->company, w->country);
    struct list found_by[2] = {0};
    struct db_read reads[2];
    struct val args[2];
    for (size_t i = 0; i < keys.n; i++) {
        args[i] = V(keys.items[i]);
        reads[i] = (struct db_read){
            &q_customer_by_same_key, &same_name_shape, false, &found_by[i], {&args[i], 1}, false};
    }
    if (keys.n == 0)
        return OK;
    TRY(db_batch(cx, reads, keys.n));
    for (size_t i = keys.n; i-- > 0;) { /* the company says more than the country */
        const struct same_name *s = found_by[i].items;
        for (size_t k = 0; k < found_by[i].n; k++) {
            bool same_city = w->city.len && s[k].city.len && same_text(cx, w->city, s[k].city);
            bool other_city = w->city.len && s[k].city.len && !same_city;
            if (i == 1)
                tell_duplicate(p, s[k].root, 0.8, S("name company"));
            else if (same_city)
                tell_duplicate(p, s[k].root, 0.7, S("name city"));
            else if (!other_city)
                tell_duplicate(p, s[k].root, w->country.len ? 0.4 : 0.2,
                               w->country.len ? S("name country") : S("name"));
        }
    }
    return OK;
}

static enum err nobody(struct cx *cx, struct intake *in, struct intake_plan *p)
{
    const struct intake_claims *c = &in->claims;
    p->is_new = true;
    p->root.v = id_new(cx->now_ms);
    p->via = p->root;
    p->who.id = p->root;
    p->who.kind = str_eq(c->kind, S("company")) ? CUSTOMER_COMPANY : CUSTOMER_PERSON;
#define X(m, ...) p->who.m = str_trim(c->m);
    CUSTOMER_TEXTS(X)
#undef X
    if (p->who.name.len == 0 && p->who.kind == CUSTOMER_COMPANY)
        p->who.name = p->who.company;
    if (p->who.name.len == 0 && (p->who.given.len || p->who.family.len))
        p->who.name = str_trim(
            arena_printf(cx->arena, SFMT " " SFMT, SARG(p->who.given), SARG(p->who.family)));
    p->who.keys =
        customer_keys(cx->arena, p->who.name, p->who.reading, p->who.company, p->who.country);
    sort_handles(cx, in, p, NULL);
    if (p->has_address) {
        address_of(c, p, str_of(source_of(in)));
        p->address.id.v = id_new(cx->now_ms);
    }
    return seek_same_names(cx, p);
}

/* ---- plan
 * -----------------------------------------------------------------------------------------------
 */

static enum err repeat(struct cx *cx, const struct first_row *first, struct intake_result *out)
{
    *out = (struct intake_result){.customer = first->root,
                                  .via = first->root,
                                  .is_new = first->is_new,
                                  .interaction = first->interaction,
                                  .matched_by = first->matched_by};
    return db_all(cx, &q_possible_duplicates_of, &duplicate_row_shape, &out->duplicates,
                  ARGS(V(first->root), V(first->interaction)));
}

enum err intake_repeat(struct cx *cx, interaction_id id, struct intake_result *out)
{
    struct first_row first;
    TRY(db_one(cx, &q_intake_first, &first_shape, &first, ARGS(V(id))));
    return repeat(cx, &first, out);
}

static bool has_stranger(const struct intake_plan *p)
{
    for (size_t i = 0; i < p->n_brought; i++)
        if (p->brought[i].is_as_told && p->brought[i].handle->value_id == 0)
            return true;
    return false;
}

/* What the known record will differ in afterwards, and what is only proposed. */
static void tell_changes(struct cx *cx, struct intake_plan *p)
{
    const struct proposed *o = p->proposals.items;
    struct intake_differs *d = ARENA_ARRAY(cx->arena, p->proposals.n + 1, struct intake_differs);
    for (size_t i = 0; i < p->proposals.n; i++)
        d[i] = (struct intake_differs){o[i].field, customer_field(&p->seen, o[i].field), o[i].value};
    p->result.differs = (struct list){d, p->proposals.n};
    p->result.changes = p->fills || p->has_address || p->n_gives || p->proposals.n;
}

enum err intake_plan(struct cx *cx, struct intake *in)
{
    struct intake_plan *p = ARENA_NEW(cx->arena, struct intake_plan);
    in->plan = p;
    p->trust = in->trust;
    p->proposals.items = ARENA_ARRAY(cx->arena, IDENTITIES_MAX + 16, struct proposed);
    TRY(check(cx, in, p));
    TRY(read_identities(cx, in, p, true));
    if (p->n_brought == 0 && in->customer.v == 0 &&
        in->source_id.len + in->subject.len + in->text.len == 0 &&
        in->claims.name.len + in->claims.given.len + in->claims.family.len +
                in->claims.company.len ==
            0)
        return fault_field(cx, ERR_INVALID, S("identities"), M_INTAKE_NOBODY);

    struct first_row first;
    struct db_read source = {&q_intake_source,
                             &first_shape,
                             true,
                             &first,
                             ARGS(V(channel_codes[in->channel]), V(in->source_id)),
                             false};
    TRY(customer_owners_and(cx, p->handles, p->n_brought, &source, in->source_id.len ? 1 : 0));
    if (source.found) {
        p->is_repeat = true;
        TRY(repeat(cx, &first, &p->result));
        p->result.is_repeat = true;
        return OK;
    }
    if (has_stranger(p)) {
        TRY(read_identities(cx, in, p, false));
        TRY(customer_owners(cx, p->handles, p->n_brought));
    }
    TRY(recognise(cx, in, p));
    TRY(p->root.v ? known(cx, in, p) : nobody(cx, in, p));
    if (!p->is_new)
        tell_changes(cx, p);
    if (!in->no_interaction)
        p->interaction.v = id_new(cx->now_ms);
    cx->key = p->root.v;
    p->result.customer = p->root;
    p->result.via = p->via;
    p->result.is_new = p->is_new;
    p->result.interaction = p->interaction;
    return OK;
}

const struct intake_result *intake_planned(const struct intake *in)
{
    return &in->plan->result;
}

/* ---- take
 * ------------------------------------------------------------------------------------------------
 */

/* What was empty; the keys were made of what plan saw. */
static enum err fill(struct cx *cx, const struct intake *in, const struct intake_plan *p)
{
    const struct customer_new *w = &p->who;
    struct customer next = p->seen;
    struct change_by by = {.source = source_of(in), .batch = in->batch};
#define X(m, ...) \
    if (w->m.len) \
        next.m = w->m;
    CUSTOMER_TEXTS(X)
#undef X
    return customer_change(cx, &p->seen, &next, p->needs_keys ? &w->keys : NULL, &by);
}

static bool is_contact(int channel)
{
    return channel <= CHANNEL_VISIT;
}

static enum err line(struct cx *cx, const struct intake *in, const struct intake_plan *p)
{
    TRY(db_run(cx, &q_interaction_insert,
               ARGS(V(p->interaction), V(p->via), V(channel_codes[in->channel]),
                    V(direction_codes[in->direction]), V(trust_codes[p->trust]), V(p->at),
                    val_int_or_null(in->staff.v), val_int_or_null(in->ref_id), V(in->subject),
                    V(in->text), V(in->ip), V(p->is_new), V(p->result.matched_by))));
    const struct standing_fact seen = {
        .at = p->at, .is_seen = true, .add.contacts = is_contact(in->channel)};
    TRY(standing_add(cx, p->via, &seen, p->is_new));
    return event_add(cx, EVENT_INTERACTION_ADDED, p->root.v, p->interaction.v,
                     str_of(channel_codes[in->channel]));
}

enum err intake_take(struct cx *cx, const struct intake *in, struct intake_result *out)
{
    struct intake_plan *p = in->plan;
    *out = p->result;
    if (p->is_repeat)
        return OK;
    if (in->source_id.len && p->interaction.v) {
        int64_t n = 0;
        TRY(db_run_count(
            cx, &q_source_key_insert, &n,
            ARGS(V(channel_codes[in->channel]), V(in->source_id), V(p->interaction), V(p->via))));
        if (n == 0)
            return fault(cx, ERR_STALE,
                         M_RECORD_MOVED); /* the same arrived meanwhile: plan again finds it */
    }
    if (p->is_new)
        TRY(customer_add(cx, &p->who));
    struct change_by by = {.source = source_of(in), .batch = in->batch};
    TRY(customer_handles_add(cx, p->via, p->gives, p->n_gives));
    if (!p->is_new)
        TRY(identity_history(cx, p->root, p->gives, p->n_gives, &by));
    for (size_t i = 0; i < p->n_sights; i++) {
        const struct sight *s = &p->sights[i];
        TRY(db_run(cx, s->confirms ? &q_identity_confirm : &q_identity_seen,
                   ARGS(V(cx->now_ms), V(s->value_id), V(s->via))));
    }
    if (p->fills)
        TRY(fill(cx, in, p));
    if (p->has_address)
        TRY(p->is_new ? address_add(cx, p->via, &p->address)
                      : address_put_new(cx, p->via, &p->address, &by));
    const struct proposed *prop = p->proposals.items;
    for (size_t i = 0; i < p->proposals.n; i++)
        TRY(db_run(cx, &q_proposal_insert,
                   ARGS(V(prop[i].id), V(p->via), V(p->interaction), V(prop[i].field),
                        V(prop[i].value), V(cx->now_ms))));
    if (p->interaction.v)
        TRY(line(cx, in, p));
    const struct duplicate *d = p->result.duplicates.items;
    for (size_t i = 0; i < p->result.duplicates.n; i++)
        TRY(db_run(cx, &q_possible_duplicate_insert,
                   ARGS(V(p->root), V(d[i].id), V(p->interaction), V(d[i].probability), V(d[i].why),
                        V(cx->now_ms))));
    return audit_add(cx, "intake", p->root.v, p->interaction.v ? p->interaction.v : p->root.v,
                     str_of(channel_codes[in->channel]));
}
