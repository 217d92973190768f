/* rooms/intake/intake.c - recognition and the one door: plan looks and decides, take writes.
 *
 * Who it is: 1. a repeated source_id answers what the first answer said; 2. a person chose; 3. the
 * best handle with one owner; 4. of several owners of shared handles the one most handles, then the
 * name, then the latest contact speak for (the others are told as possible duplicates); 5. nobody:
 * a new record.
 */
#include "messages.h"
#include "queries.h"
#include "rooms/intake/inside.h"
#include "rooms/settings/settings.h"

enum { IDENTITIES_MAX = 16, SEEN_EVERY_MS = 3600 * 1000, FUTURE_MS = 24 * 3600 * 1000 };

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

/* ---- what was brought -------------------------------------------------------------------------
 */

static void ignore(struct list *ignored, const struct brought *b, const char *why)
{
    struct intake_ignored *to = ignored->items;
    to[ignored->n++] = (struct intake_ignored){b->from->type, b->given, str_of(why)};
}

/* as_told: a number that looks full is looked up as it stands, which spares reading it by its
 * country's plan (50 us). When somebody has it, it was a normal form; when nobody has, it is read
 * after all. */
static struct reading read_identities(struct cx *cx, const struct intake *in, bool as_told)
{
    size_t most = in->identities.n;
    struct reading r = {.brought = ARENA_ARRAY(cx->arena, most + 1, struct brought),
                        .handles = ARENA_ARRAY(cx->arena, most + 1, struct handle),
                        .ignored = {ARENA_ARRAY(cx->arena, most + 1, struct intake_ignored), 0}};
    str region = settings_current(cx)->region;
    const struct intake_identity *id = in->identities.items;
    for (size_t i = 0; i < most; i++) {
        struct brought b = {
            .from = &id[i], .given = str_trim(id[i].value), .is_verified = id[i].verified};
        if (b.given.len == 0)
            continue;
        struct handle *h = &r.handles[r.n];
        b.handle = h;
        bool is_phone = id[i].type == IDENTITY_PHONE;
        if (as_told && is_phone && phone_looks_full(b.given)) {
            *h = (struct handle){.type = IDENTITY_PHONE, .value = b.given};
            b.is_as_told = true;
        } else {
            b.is_withheld = is_phone && phone_is_withheld(b.given);
            b.is_malformed = !handle_read(cx->arena, id[i].type, b.given, region, h);
        }
        bool is_double = false;
        for (size_t k = 0; k < r.n && !is_double; k++) {
            struct brought *o = &r.brought[k];
            is_double =
                o->from->type == id[i].type &&
                (h->value.len ? str_eq(o->handle->value, h->value) : str_eq(o->given, b.given));
            if (is_double)
                o->is_verified |= b.is_verified;
        }
        if (is_double) {
            *h = (struct handle){0};
            continue;
        }
        if (b.is_malformed)
            ignore(&r.ignored, &b, b.is_withheld ? "withheld" : "malformed");
        r.brought[r.n++] = b;
    }
    return r;
}

static enum err check(struct cx *cx, struct intake *in, struct intake_plan *p)
{
    struct intake_claims *c = &in->claims;
    if (in->identities.n > IDENTITIES_MAX) {
        (void)fault(cx, ERR_INVALID, M_INTAKE_MANY_IDENTITIES, MNUM("most", IDENTITIES_MAX));
        return fault_at(cx, ERR_INVALID, S("identities"));
    }
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
    for (size_t i = 0; i < p->now->n; i++) {
        const struct handle *h = p->now->brought[i].handle;
        const struct owner *o = h->owners.items;
        for (size_t k = 0; k < h->owners.n; k++) {
            size_t at = 0;
            while (at < n && all[at].owner.customer.v != o[k].customer.v)
                at++;
            if (at == CANDIDATES_MAX)
                break;
            if (at == n)
                all[n++] = (struct candidate){.owner = o[k], .by = &p->now->brought[i]};
            all[at].handles += h->is_weak ? 0 : 1;
        }
    }
    return n;
}

static enum err look_at_names(struct cx *cx, struct view *v, str claimed, struct candidate *all,
                              size_t n)
{
    int64_t ids[CANDIDATES_MAX];
    size_t n_ids = 0;
    struct list rows = {0};
    str key = name_equal_key(cx->arena, claimed);
    if (key.len == 0)
        return OK;
    for (size_t i = 0; i < n; i++) {
        const struct known_record *r = view_has_record(v, all[i].owner.customer);
        if (r)
            all[i].is_named = str_eq(name_equal_key(cx->arena, r->now.name), key);
        else
            ids[n_ids++] = all[i].owner.customer.v;
    }
    if (n_ids == 0)
        return OK;
    TRY(db_all(cx, &q_customer_names, &customer_row_shape, &rows, ARGS(val_ints(ids, n_ids))));
    const struct customer *c = rows.items;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < rows.n; k++)
            if (c[k].id.v == all[i].owner.customer.v)
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
static enum err choose(struct cx *cx, struct view *v, const struct intake *in,
                       struct intake_plan *p)
{
    struct candidate *all = ARENA_ARRAY(cx->arena, CANDIDATES_MAX + 1, struct candidate);
    size_t n = gather(p, all);
    const struct candidate *best = NULL;
    if (n > 0)
        TRY(look_at_names(cx, v, in->claims.name, all, n));
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

static enum err recognise(struct cx *cx, struct view *v, const struct intake *in,
                          struct intake_plan *p)
{
    if (in->customer.v) {
        TRY(view_root(cx, v, in->customer, &p->root));
        p->via = p->root;
        p->result.matched_by = S("chosen");
        return OK;
    }
    const struct brought *best = NULL;
    for (size_t i = 0; i < p->now->n; i++) {
        const struct brought *b = &p->now->brought[i];
        if (b->handle->is_weak)
            ignore(&p->result.ignored, b, "too_many_owners");
        if (names_one(b->handle) && (!best || decides_before(b, best)))
            best = b;
    }
    if (!best)
        return choose(cx, v, in, p);
    found(p, best, best->handle->owners.items);
    for (size_t i = 0; i < p->now->n; i++) {
        const struct brought *b = &p->now->brought[i];
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

static void propose(struct cx *cx, struct intake_plan *p, str field, str value)
{
    struct proposed *at = (struct proposed *)p->proposals.items + p->proposals.n++;
    *at = (struct proposed){{id_new(cx->now_ms)}, field, value};
}

const char *intake_source_of(const struct intake *in)
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

static void sort_handles(struct cx *cx, const struct intake *in, struct intake_plan *p)
{
    for (size_t i = 0; i < p->now->n; i++) {
        struct brought *b = &p->now->brought[i];
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
                p->sights[p->n_sights++] = (struct sight){b->handle, o->value_id, o->via, confirms};
        } else if (b->is_malformed) {
            b->handle->value = (str){0};
            if (may_join)
                give(cx, p, b, intake_source_of(in), IDENTITY_WRONG);
        } else if (b->handle->is_full) {
            b->handle->value = (str){0}; /* hundreds may share it: each keeps it as given */
            if (may_join)
                give(cx, p, b, intake_source_of(in), IDENTITY_SHARED);
        } else if (b->handle->by_suffix) {
            continue; /* a number without its country: nothing to keep it by */
        } else if (!may_join) {
            propose(cx, p, str_of(identity_type_codes[b->from->type]), b->given);
        } else if (b->handle->owners.n == 0 || p->is_new || in->customer.v) {
            give(cx, p, b, intake_source_of(in), state);
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
                       const char *field, str now, str claimed, str *fill)
{
    claimed = str_trim(claimed);
    if (claimed.len == 0 || same_text(cx, now, claimed))
        return;
    if (now.len == 0 && in->trust != TRUST_TYPED) {
        *fill = claimed;
        p->fills = true;
        return;
    }
    propose(cx, p, str_of(field), claimed);
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

static bool reads_record(const struct intake *in)
{
    return has_claims(&in->claims) || in->trust == TRUST_TYPED;
}

static void house(struct cx *cx, const struct intake *in, struct intake_plan *p,
                  const struct list *addresses)
{
    address_of(&in->claims, p, str_of(intake_source_of(in)));
    const struct address *a = addresses->items;
    bool has_kind = false;
    for (size_t i = 0; i < addresses->n; i++) {
        if (!str_eq(a[i].kind, p->address.kind))
            continue;
        has_kind = true;
        if (same_text(cx, a[i].line, p->address.line) &&
            same_text(cx, a[i].postal, p->address.postal))
            p->has_address = false;
    }
    if (p->has_address && (has_kind || in->trust == TRUST_TYPED)) {
        const struct address_new *n = &p->address;
        propose(cx, p, arena_printf(cx->arena, "address." SFMT, SARG(n->kind)),
                arena_printf(cx->arena, SFMT "\n" SFMT "\n" SFMT "\n" SFMT "\n" SFMT, SARG(n->line),
                             SARG(n->postal), SARG(n->city), SARG(n->region), SARG(n->country)));
        p->has_address = false;
    }
    p->address.id.v = id_new(cx->now_ms);
}

/* What is proposed already is not proposed again. */
static enum err drop_open(struct cx *cx, struct view *v, struct intake_plan *p)
{
    struct list open;
    if (p->proposals.n == 0)
        return OK;
    TRY(view_proposals(cx, v, p->root, &open));
    const struct proposal *o = open.items;
    struct proposed *all = p->proposals.items;
    size_t n = 0;
    for (size_t i = 0; i < p->proposals.n; i++) {
        size_t k = 0;
        while (k < open.n &&
               !(str_eq(o[k].field, all[i].field) && str_eq(o[k].value, all[i].value)))
            k++;
        if (k == open.n)
            all[n++] = all[i];
    }
    p->proposals.n = n;
    return OK;
}

struct given {
    int64_t id;
};
static const struct field given_fields[] = {FIELD(struct given, id)};
static const struct shape identity_given_shape =
    SHAPE("identity_given", struct given, given_fields);

/* What cannot be read, or is shared by hundreds, is kept once however often it comes. */
static enum err drop_kept(struct cx *cx, struct view *v, struct intake_plan *p)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n_gives; i++) {
        struct list kept = {0};
        const struct handle_new *g = &p->gives[i];
        if (g->handle->value.len == 0 && view_has_kept(v, p->root))
            view_doubt(v);
        else if (g->handle->value.len == 0)
            TRY(db_all(cx, &q_identity_given, &identity_given_shape, &kept,
                       ARGS(V(p->root), V(identity_type_codes[g->type]), V(g->given))));
        if (kept.n == 0)
            p->gives[n++] = *g;
    }
    p->n_gives = n;
    return OK;
}

/* A known customer: empty fields are filled by what is presented, everything else is proposed. */
static enum err known(struct cx *cx, struct view *v, struct intake *in, struct intake_plan *p)
{
    const struct intake_claims *c = &in->claims;
    struct known_record none = {0}, *record = &none;
    if (reads_record(in))
        TRY(view_record(cx, v, p->root, p->has_address, &record));
    struct customer now = record->now;
    p->seen = now;
    sort_handles(cx, in, p);
    TRY(drop_kept(cx, v, p));
    if (!has_claims(c))
        return drop_open(cx, v, p);
#define X(m, ...) take_claim(cx, in, p, #m, now.m, c->m, &p->who.m);
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
    if (p->has_address)
        house(cx, in, p, &record->addresses);
    return drop_open(cx, v, p);
}

/* ---- nobody known
 * ------------------------------------------------------------------------------------ */

static enum err seek_same_names(struct cx *cx, struct view *v, struct intake_plan *p)
{
    const struct customer_new *w = &p->who;
    struct str_list keys = customer_same_keys(cx->arena, w->name, w->company, w->country);
    struct list found_by[2] = {0};
    for (size_t i = 0; i < keys.n; i++)
        view_want_names(v, keys.items[i]);
    for (size_t i = 0; i < keys.n; i++)
        TRY(view_names(cx, v, keys.items[i], &found_by[i]));
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

/* The record that would be made. */
static void who(struct cx *cx, const struct intake *in, struct intake_plan *p)
{
    const struct intake_claims *c = &in->claims;
    struct customer_new *w = &p->who;
    if (p->has_who)
        return;
    p->has_who = true;
    w->kind = str_eq(c->kind, S("company")) ? CUSTOMER_COMPANY : CUSTOMER_PERSON;
#define X(m, ...) w->m = str_trim(c->m);
    CUSTOMER_TEXTS(X)
#undef X
    if (w->name.len == 0 && w->kind == CUSTOMER_COMPANY)
        w->name = w->company;
    if (w->name.len == 0 && (w->given.len || w->family.len))
        w->name = str_trim(arena_printf(cx->arena, SFMT " " SFMT, SARG(w->given), SARG(w->family)));
    w->keys = customer_keys(cx->arena, w->name, w->reading, w->company, w->country);
}

static enum err nobody(struct cx *cx, struct view *v, struct intake *in, struct intake_plan *p)
{
    p->is_new = true;
    p->root.v = id_new(cx->now_ms);
    p->via = p->root;
    who(cx, in, p);
    p->who.id = p->root;
    sort_handles(cx, in, p);
    if (p->has_address) {
        address_of(&in->claims, p, str_of(intake_source_of(in)));
        p->address.id.v = id_new(cx->now_ms);
    }
    return seek_same_names(cx, v, p);
}

/* ---- plan
 * -----------------------------------------------------------------------------------------------
 */

static void repeat(const struct first_row *first, struct list duplicates, struct intake_result *out)
{
    *out = (struct intake_result){.customer = first->root,
                                  .via = first->root,
                                  .is_new = first->is_new,
                                  .interaction = first->interaction,
                                  .is_repeat = true,
                                  .matched_by = first->matched_by,
                                  .duplicates = duplicates};
}

enum err intake_repeat(struct cx *cx, interaction_id id, struct intake_result *out)
{
    struct first_row first;
    struct list duplicates;
    TRY(db_one(cx, &q_intake_first, &intake_first_shape, &first, ARGS(V(id))));
    TRY(db_all(cx, &q_possible_duplicates_of, &intake_duplicate_shape, &duplicates,
               ARGS(V(first.root), V(first.interaction))));
    repeat(&first, duplicates, out);
    return OK;
}

/* A number as told that nobody has yet. */
static bool has_stranger(struct view *v, const struct intake_plan *p)
{
    for (size_t i = 0; i < p->told.n; i++)
        if (p->told.brought[i].is_as_told && !view_has_handle(v, &p->told.handles[i]))
            return true;
    return false;
}

/* What the known record will differ in afterwards, and what is only proposed. */
static void tell_changes(struct cx *cx, struct intake_plan *p)
{
    const struct proposed *o = p->proposals.items;
    struct intake_differs *d = ARENA_ARRAY(cx->arena, p->proposals.n + 1, struct intake_differs);
    for (size_t i = 0; i < p->proposals.n; i++)
        d[i] =
            (struct intake_differs){o[i].field, customer_field(&p->seen, o[i].field), o[i].value};
    p->result.differs = (struct list){d, p->proposals.n};
    p->result.changes = p->fills || p->has_address || p->n_gives || p->proposals.n;
}

/* ---- plan: what it needs to see ----------------------------------------------------------------- */

static enum err look(struct cx *cx, struct intake *in, struct intake_plan *p)
{
    const struct intake_claims *c = &in->claims;
    p->trust = in->trust;
    TRY(check(cx, in, p));
    p->told = read_identities(cx, in, true);
    p->now = &p->told;
    if (p->told.n == 0 && in->customer.v == 0 &&
        in->source_id.len + in->subject.len + in->text.len == 0 &&
        c->name.len + c->given.len + c->family.len + c->company.len == 0)
        return fault_field(cx, ERR_INVALID, S("identities"), M_INTAKE_NOBODY);
    return OK;
}

static void want_handles(struct view *v, struct reading *r)
{
    for (size_t i = 0; i < r->n; i++)
        view_want_handle(v, &r->handles[i]);
}

static void want_first(struct view *v, const struct intake *in, struct intake_plan *p)
{
    want_handles(v, &p->told);
    view_want_source(v, in->channel, in->source_id);
    if (in->customer.v)
        view_want_root(v, in->customer);
}

static void want_second(struct cx *cx, struct view *v, const struct intake *in,
                        struct intake_plan *p)
{
    view_want_told(v, in->channel, in->source_id);
    if (view_is_repeat(v, in->channel, in->source_id) || !has_stranger(v, p))
        return;
    p->full = read_identities(cx, in, false);
    p->now = &p->full;
    want_handles(v, &p->full);
}

/* The records it may be about, so far as they are few; the names if nobody is known. */
static void want_third(struct cx *cx, struct view *v, const struct intake *in,
                       struct intake_plan *p)
{
    enum { FEW = 4 };
    customer_id roots[FEW];
    if (view_is_repeat(v, in->channel, in->source_id))
        return;
    size_t n = view_roots(cx, v, p->now->handles, p->now->n, in->customer, roots, FEW);
    for (size_t i = 0; i < p->now->n; i++)
        view_want_suffix(v, &p->now->handles[i]);
    if (reads_record(in))
        for (size_t i = 0; i < n && n < FEW; i++)
            view_want_record(v, roots[i], p->has_address);
    if (n)
        return;
    who(cx, in, p);
    for (size_t i = 0; i < p->who.keys.n; i++)
        if (str_starts(p->who.keys.items[i], S("=")))
            view_want_names(v, p->who.keys.items[i]);
}

/* ---- plan: one ------------------------------------------------------------------------------------ */

static enum err decide(struct cx *cx, struct view *v, struct intake *in)
{
    struct intake_plan *p = in->plan;
    if (in->source_id.len) {
        struct known_source *s;
        TRY(view_source(cx, v, in->channel, in->source_id, &s));
        const struct intake_plan *here = s->here;
        p->is_repeat = s->is_found || here;
        if (s->is_found)
            repeat(&s->first, s->duplicates, &p->result);
        else if (here)
            repeat(&(struct first_row){here->interaction, here->root, here->is_new,
                                       here->result.matched_by},
                   (struct list){0}, &p->result);
        if (here && here->result.duplicates.n)
            view_doubt(v); /* of those only what was not told before is told again */
        if (p->is_repeat)
            return OK;
    }
    size_t n = in->identities.n;
    p->now = p->full.brought && has_stranger(v, p) ? &p->full : &p->told;
    p->result.ignored = p->now->ignored;
    p->gives = ARENA_ARRAY(cx->arena, n + 1, struct handle_new);
    p->sights = ARENA_ARRAY(cx->arena, n + 1, struct sight);
    p->proposals.items = ARENA_ARRAY(cx->arena, n + 16, struct proposed);
    TRY(view_owners(cx, v, p->now->handles, p->now->n));
    TRY(recognise(cx, v, in, p));
    if (p->root.v && p->has_who) {
        p->who = (struct customer_new){0};
        p->has_who = false;
    }
    TRY(p->root.v ? known(cx, v, in, p) : nobody(cx, v, in, p));
    if (!p->is_new)
        tell_changes(cx, p);
    if (!in->no_interaction)
        p->interaction.v = id_new(cx->now_ms);
    p->result.customer = p->root;
    p->result.via = p->via;
    p->result.is_new = p->is_new;
    p->result.interaction = p->interaction;
    return OK;
}

/* Those after it see what it is going to write. */
static void tell_view(struct cx *cx, struct view *v, const struct intake *in)
{
    const struct intake_plan *p = in->plan;
    const struct proposed *prop = p->proposals.items;
    if (p->is_repeat)
        return;
    if (p->interaction.v)
        view_sourced(v, in->channel, in->source_id, p);
    if (p->is_new)
        view_made(v, &p->who);
    for (size_t i = 0; i < p->n_gives; i++)
        view_given(v, &p->gives[i], p->root, p->via, p->is_new, cx->now_ms);
    for (size_t i = 0; i < p->n_sights; i++)
        view_sighted(v, p->sights[i].handle, p->sights[i].via, p->sights[i].confirms, cx->now_ms);
    if (p->fills)
        view_filled(v, p->root, &p->who);
    if (p->has_address)
        view_housed(v, p->root, &p->address);
    for (size_t i = 0; i < p->proposals.n; i++)
        view_proposed(v, p->root, prop[i].field, prop[i].value);
}

/* ---- plan: many ----------------------------------------------------------------------------------- */

/* What is wrong with this one alone; anything else ends the whole call. */
static enum err alone(struct cx *cx, enum err e, struct intake_result *out)
{
    if (e != ERR_INVALID && e != ERR_NOT_FOUND)
        return e;
    *out = (struct intake_result){.err = e, .why = cx->why};
    cx->why = (struct fault){0};
    return OK;
}

enum err intake_plan_part(struct cx *cx, struct intake *in, size_t from, size_t n,
                          struct intake_result *out, size_t *upto)
{
    struct view *v = view_open(cx, n - from);
    for (size_t i = from; i < n; i++) {
        in[i].plan = ARENA_NEW(cx->arena, struct intake_plan);
        out[i] = (struct intake_result){0};
        TRY(alone(cx, look(cx, &in[i], in[i].plan), &out[i]));
        if (out[i].err == OK)
            want_first(v, &in[i], in[i].plan);
    }
    TRY(view_load(cx, v));
    for (size_t i = from; i < n; i++)
        if (out[i].err == OK)
            want_second(cx, v, &in[i], in[i].plan);
    TRY(view_load(cx, v));
    for (size_t i = from; i < n; i++)
        if (out[i].err == OK)
            want_third(cx, v, &in[i], in[i].plan);
    TRY(view_load(cx, v));
    *upto = n;
    for (size_t i = from; i < n; i++) {
        if (out[i].err != OK)
            continue;
        enum err e = decide(cx, v, &in[i]);
        if (e == OK && view_is_unsure(v) && *upto == n) {
            *upto = i;
            if (from > 0)
                return OK; /* else the rest is told as well as it can be told before */
        }
        TRY(alone(cx, e, &out[i]));
        if (out[i].err == OK) {
            out[i] = in[i].plan->result;
            if (n - from > 1)
                tell_view(cx, v, &in[i]);
        }
    }
    return OK;
}

enum err intake_plan_many(struct cx *cx, struct intake *in, size_t n, struct intake_result *out)
{
    assert(n <= INTAKES_MAX);
    cx->key = 0;
    if (n == 0)
        return OK;
    size_t upto = 0;
    TRY(intake_plan_part(cx, in, 0, n, out, &upto));
    in[0].plan->n_first = upto;
    return OK;
}

enum err intake_plan(struct cx *cx, struct intake *in)
{
    struct intake_result r;
    TRY(intake_plan_many(cx, in, 1, &r));
    cx->why = r.why;
    cx->key = r.err == OK ? r.customer.v : 0;
    return r.err;
}

const struct intake_result *intake_planned(const struct intake *in)
{
    return &in->plan->result;
}
