/* rooms/intake/view.c - the house as plan sees it. */
#include "rooms/intake/view.h"
#include "queries.h"

enum {
    END = 9, /* digits: two numbers that may be one by their ends share these */
    NAMES = 8,
    PROPOSALS = 101,
    ADDRESSES = 101
};

/* ---- tables by a text and a number ------------------------------------------------------------ */

struct node {
    struct node *next;
    uint64_t hash;
    str key;
    int64_t id;
};
struct table {
    struct node **slots;
    size_t mask;
};

static uint64_t hash_of(str key, int64_t id)
{
    uint64_t h = 14695981039346656037u ^ (uint64_t)id; /* FNV-1a */
    for (size_t i = 0; i < key.len; i++)
        h = (h ^ (uint8_t)key.ptr[i]) * 1099511628211u;
    h = (h ^ h >> 32) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 29;
}

static void *table_find(const struct table *t, str key, int64_t id)
{
    uint64_t h = hash_of(key, id);
    struct node *n = t->slots[h & t->mask];
    while (n && !(n->hash == h && n->id == id && str_eq(n->key, key)))
        n = n->next;
    return n;
}

/* Finds or makes one; `size` begins with its node. */
static void *table_at(struct arena *a, struct table *t, str key, int64_t id, size_t size)
{
    struct node *n = table_find(t, key, id);
    if (n)
        return n;
    n = arena_alloc(a, 1, size);
    uint64_t h = hash_of(key, id);
    *n = (struct node){t->slots[h & t->mask], h, key, id};
    t->slots[h & t->mask] = n;
    return n;
}

/* ---- what is known ---------------------------------------------------------------------------- */

struct value {
    struct node node;
    bool is_asked, is_unsure;
    struct list rows;    /* of struct owner, as read: with all ids of merged records */
    int64_t id, version; /* 0: nobody ever had it */
};
struct suffix {
    struct node node;
    bool is_asked;
    struct list rows;
};
struct end {
    struct node node;
    bool is_moved;  /* a number that ends so was given or seen */
    bool is_sought; /* somebody was recognised by this end */
};
struct source {
    struct node node;
    bool is_asked, is_told;
    struct known_source what;
};
struct record {
    struct node node;
    bool is_asked, has_addresses, has_open, is_filled;
    struct known_record what;
    struct list open; /* of struct proposal */
};
struct root {
    struct node node;
    bool is_asked;
    struct list rows; /* empty: there is no such record */
};
struct names {
    struct node node;
    bool is_asked, is_unsure;
    struct list rows;
    struct same_name added[NAMES]; /* the newest last */
    size_t n_added;
};

/* A handle without a normal form was planned for him. */
struct kept {
    customer_id root;
    struct kept *next;
};

struct view {
    struct arena *arena;
    struct kept *kept;
    struct table values, suffixes, ends, sources, records, roots, names;
    struct db_read *reads; /* that the next load makes */
    size_t n_reads, cap_reads;
    struct value **asked; /* among them, to be looked at afterwards */
    size_t n_asked, cap_asked;
    bool is_unsure, has_moved; /* has_moved: somebody was planned with it */
};

/* clang-format off */
static const struct field first_fields[] = {
    FIELD_AS(struct first_row, interaction, "id"),
    FIELD_AS(struct first_row, root, "root_id"),
    FIELD(struct first_row, is_new),
    FIELD(struct first_row, matched_by),
};
const struct shape intake_first_shape = SHAPE("intake_first", struct first_row, first_fields);
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
const struct shape intake_duplicate_shape = SHAPE("duplicate", struct duplicate, duplicate_row_fields);
/* clang-format on */

static struct table table_new(struct arena *a, size_t n)
{
    size_t cap = 4;
    while (cap < n)
        cap *= 2;
    return (struct table){ARENA_ARRAY(a, cap, struct node *), cap - 1};
}

struct view *view_open(struct cx *cx, size_t n)
{
    struct arena *a = cx->arena;
    struct view *v = ARENA_NEW(a, struct view);
    *v = (struct view){.arena = a,
                       .values = table_new(a, 3 * n),
                       .suffixes = table_new(a, n),
                       .ends = table_new(a, 2 * n),
                       .sources = table_new(a, n),
                       .records = table_new(a, n),
                       .roots = table_new(a, n / 4),
                       .names = table_new(a, n)};
    return v;
}

static struct value *value_at(struct view *v, const struct handle *h)
{
    return table_at(v->arena, &v->values, h->value, h->type, sizeof(struct value));
}

static struct record *record_at(struct view *v, customer_id root)
{
    return table_at(v->arena, &v->records, (str){0}, root.v, sizeof(struct record));
}

/* ---- asking ------------------------------------------------------------------------------------ */

static void ask(struct view *v, const struct query *q, const struct shape *shape, bool one,
                void *out, const struct val *args, size_t n)
{
    if (v->n_reads == v->cap_reads) {
        size_t cap = v->cap_reads ? 2 * v->cap_reads : 16;
        struct db_read *more = ARENA_ARRAY(v->arena, cap, struct db_read);
        if (v->n_reads)
            memcpy(more, v->reads, v->n_reads * sizeof *more);
        v->reads = more;
        v->cap_reads = cap;
    }
    struct val *kept = ARENA_ARRAY(v->arena, n, struct val);
    memcpy(kept, args, n * sizeof *kept);
    v->reads[v->n_reads++] = (struct db_read){q, shape, one, out, {kept, n}, false};
}
#define ASK(v, q, shape, one, out, ...)                           \
    ask(v, q, shape, one, out, (const struct val[]){__VA_ARGS__}, \
        COUNT(((const struct val[]){__VA_ARGS__})))

static void want_value(struct view *v, struct value *k, int type)
{
    if (k->is_asked)
        return;
    k->is_asked = true;
    ASK(v, &q_identity_owners, &owner_shape, false, &k->rows, V(k->node.key),
        V(identity_type_codes[type]));
    if (v->n_asked == v->cap_asked) {
        size_t cap = v->cap_asked ? 2 * v->cap_asked : 16;
        struct value **more = ARENA_ARRAY(v->arena, cap, struct value *);
        if (v->n_asked)
            memcpy(more, v->asked, v->n_asked * sizeof(struct value *));
        v->asked = more;
        v->cap_asked = cap;
    }
    v->asked[v->n_asked++] = k;
}

void view_want_handle(struct view *v, struct handle *h)
{
    if (h->value.len)
        want_value(v, value_at(v, h), h->type);
}

static bool has_owner(const struct list *rows)
{
    const struct owner *o = rows->items;
    for (size_t i = 0; i < rows->n; i++)
        if (o[i].customer.v)
            return true;
    return false;
}

void view_want_suffix(struct view *v, const struct handle *h)
{
    if (h->suffix.len == 0 || (h->value.len && has_owner(&value_at(v, h)->rows)))
        return;
    struct suffix *k = table_at(v->arena, &v->suffixes, h->suffix, 0, sizeof *k);
    if (k->is_asked)
        return;
    k->is_asked = true;
    str end = arena_printf(v->arena, SFMT ":", SARG(h->suffix)); /* ':' stands behind '9' */
    ASK(v, &q_identity_owners_by_suffix, &owner_shape, false, &k->rows, V(h->suffix), V(end));
}

static struct source *source_at(struct view *v, int channel, str source_id)
{
    return table_at(v->arena, &v->sources, source_id, channel, sizeof(struct source));
}

void view_want_source(struct view *v, int channel, str source_id)
{
    if (source_id.len == 0)
        return;
    struct source *k = source_at(v, channel, source_id);
    if (k->is_asked)
        return;
    k->is_asked = true;
    ASK(v, &q_intake_source, &intake_first_shape, true, &k->what.first, V(channel_codes[channel]),
        V(source_id));
}

void view_want_told(struct view *v, int channel, str source_id)
{
    if (source_id.len == 0)
        return;
    struct source *k = source_at(v, channel, source_id);
    if (k->is_told || !k->what.first.interaction.v)
        return;
    k->is_told = true;
    ASK(v, &q_possible_duplicates_of, &intake_duplicate_shape, false, &k->what.duplicates,
        V(k->what.first.root), V(k->what.first.interaction));
}

void view_want_record(struct view *v, customer_id root, bool with_addresses)
{
    struct record *k = record_at(v, root);
    if (!k->is_asked) {
        k->is_asked = true;
        ASK(v, &q_customer_get, &customer_row_shape, true, &k->what.now, V(root));
    }
    if (with_addresses && !k->has_addresses) {
        k->has_addresses = true;
        ASK(v, &q_address_list, &address_row_shape, false, &k->what.addresses, V(root));
    }
}

void view_want_root(struct view *v, customer_id any)
{
    struct root *k = table_at(v->arena, &v->roots, (str){0}, any.v, sizeof *k);
    if (k->is_asked)
        return;
    k->is_asked = true;
    ASK(v, &q_customer_ids, &customer_ids_shape, false, &k->rows, V(any));
}

void view_want_names(struct view *v, str key)
{
    struct names *k = table_at(v->arena, &v->names, key, 0, sizeof *k);
    if (k->is_asked)
        return;
    k->is_asked = true;
    ASK(v, &q_customer_by_same_key, &same_name_shape, false, &k->rows, V(key));
}

enum err view_load(struct cx *cx, struct view *v)
{
    if (v->n_reads)
        TRY(db_batch(cx, v->reads, v->n_reads));
    v->n_reads = 0;
    for (size_t i = 0; i < v->n_asked; i++) {
        const struct owner *o = v->asked[i]->rows.items;
        if (v->asked[i]->rows.n) {
            v->asked[i]->id = o[0].value_id;
            v->asked[i]->version = o[0].value_version;
        }
    }
    v->n_asked = 0;
    return OK;
}

/* ---- looking ------------------------------------------------------------------------------------ */

/* The end of a number: its last digits, the last one first. */
static str end_of(struct arena *a, const struct handle *h)
{
    if (h->type != IDENTITY_PHONE)
        return (str){0};
    if (h->suffix.len >= END)
        return (str){h->suffix.ptr, END};
    if (h->value.len < END)
        return (str){0};
    char *end = arena_alloc(a, END, 1);
    for (size_t i = 0; i < END; i++)
        end[i] = h->value.ptr[h->value.len - 1 - i];
    return (str){end, END};
}

static bool is_end(const struct view *v, const struct handle *h, bool by_suffix)
{
    str key = end_of(v->arena, h);
    const struct end *e = key.len ? table_find(&v->ends, key, 0) : NULL;
    return e && (by_suffix ? e->is_moved || e->is_sought : e->is_sought);
}

static void end_note(struct view *v, const struct handle *h, bool is_sought)
{
    str key = end_of(v->arena, h);
    if (!key.len)
        return;
    struct end *e = table_at(v->arena, &v->ends, key, 0, sizeof *e);
    e->is_moved |= !is_sought;
    e->is_sought |= is_sought;
}

static struct list copy_of(struct view *v, const struct list *rows)
{
    if (rows->n == 0)
        return (struct list){0};
    struct owner *o = ARENA_ARRAY(v->arena, rows->n, struct owner);
    memcpy(o, rows->items, rows->n * sizeof *o);
    return (struct list){o, rows->n};
}

enum err view_owners(struct cx *cx, struct view *v, struct handle *handles, size_t n)
{
    for (size_t i = 0; i < n; i++)
        view_want_handle(v, &handles[i]);
    TRY(view_load(cx, v));
    for (size_t i = 0; i < n; i++)
        view_want_suffix(v, &handles[i]);
    TRY(view_load(cx, v));
    for (size_t i = 0; i < n; i++) {
        struct handle *h = &handles[i];
        h->owners = (struct list){0};
        if (h->value.len) {
            const struct value *k = value_at(v, h);
            v->is_unsure |= k->is_unsure || (v->has_moved && is_end(v, h, false));
            h->owners = copy_of(v, &k->rows);
            customer_owners_settle(h, false);
            h->value_id = k->id;
            h->value_version = k->version;
        }
        if (h->owners.n || h->suffix.len == 0)
            continue;
        const struct suffix *s = table_find(&v->suffixes, h->suffix, 0);
        v->is_unsure |= v->has_moved && is_end(v, h, true);
        if (!s)
            continue;
        h->owners = copy_of(v, &s->rows);
        customer_owners_settle(h, true);
    }
    return OK;
}

bool view_has_handle(struct view *v, const struct handle *h)
{
    return value_at(v, h)->id != 0;
}

enum err view_source(struct cx *cx, struct view *v, int channel, str source_id,
                     struct known_source **out)
{
    struct source *k = source_at(v, channel, source_id);
    view_want_source(v, channel, source_id);
    TRY(view_load(cx, v));
    view_want_told(v, channel, source_id);
    TRY(view_load(cx, v));
    k->what.is_found = k->what.first.interaction.v != 0;
    *out = &k->what;
    return OK;
}

bool view_is_repeat(struct view *v, int channel, str source_id)
{
    const struct source *k = source_id.len ? table_find(&v->sources, source_id, channel) : NULL;
    return k && k->what.first.interaction.v;
}

enum err view_root(struct cx *cx, struct view *v, customer_id any, customer_id *root)
{
    view_want_root(v, any);
    TRY(view_load(cx, v));
    const struct root *k = table_find(&v->roots, (str){0}, any.v);
    return customer_root_of(cx, &k->rows, root);
}

const struct known_record *view_has_record(struct view *v, customer_id root)
{
    const struct record *k = table_find(&v->records, (str){0}, root.v);
    return k && k->is_asked && v->n_reads == 0 ? &k->what : NULL;
}

enum err view_record(struct cx *cx, struct view *v, customer_id root, bool with_addresses,
                     struct known_record **out)
{
    view_want_record(v, root, with_addresses);
    TRY(view_load(cx, v));
    *out = &record_at(v, root)->what;
    return OK;
}

enum err view_proposals(struct cx *cx, struct view *v, customer_id root, struct list *out)
{
    struct record *k = record_at(v, root);
    if (!k->has_open) {
        k->has_open = true;
        TRY(db_all(cx, &q_proposal_list, &proposal_row_shape, &k->open, ARGS(V(root))));
    }
    *out = k->open;
    return OK;
}

enum err view_names(struct cx *cx, struct view *v, str key, struct list *out)
{
    view_want_names(v, key);
    TRY(view_load(cx, v));
    struct names *k = table_find(&v->names, key, 0);
    assert(k);
    v->is_unsure |= k->is_unsure;
    const struct same_name *rows = k->rows.items;
    for (size_t i = 0; i < k->rows.n; i++) {
        const struct record *r = table_find(&v->records, (str){0}, rows[i].id.v);
        v->is_unsure |= r && r->is_filled;
    }
    if (k->n_added == 0) {
        *out = k->rows;
        return OK;
    }
    struct same_name *all = ARENA_ARRAY(v->arena, NAMES, struct same_name);
    size_t n = 0, next = 0;
    for (size_t i = k->n_added;
         i-- > 0 && n < NAMES;) { /* other nodes may be ahead with their ids */
        while (next < k->rows.n && n < NAMES && rows[next].id.v > k->added[i].id.v)
            all[n++] = rows[next++];
        if (n < NAMES)
            all[n++] = k->added[i];
    }
    while (next < k->rows.n && n < NAMES)
        all[n++] = rows[next++];
    *out = (struct list){all, n};
    return OK;
}

size_t view_roots(struct cx *cx, struct view *v, const struct handle *handles, size_t n,
                  customer_id chosen, customer_id *out, size_t most)
{
    size_t found = 0;
    const struct root *r = chosen.v ? table_find(&v->roots, (str){0}, chosen.v) : NULL;
    if (chosen.v) {
        return r && r->rows.n && customer_root_of(cx, &r->rows, out) == OK ? 1 : 0;
    }
    for (size_t i = 0; i < n; i++) {
        const struct value *k =
            handles[i].value.len ? table_find(&v->values, handles[i].value, handles[i].type) : NULL;
        const struct owner *o = k ? k->rows.items : NULL;
        for (size_t j = 0; k && j < k->rows.n && found < most; j++) {
            bool is_there = o[j].customer.v == 0;
            for (size_t m = 0; m < found && !is_there; m++)
                is_there = out[m].v == o[j].customer.v;
            if (!is_there)
                out[found++] = o[j].customer;
        }
    }
    return found;
}

void view_doubt(struct view *v)
{
    v->is_unsure = true;
}

bool view_is_unsure(const struct view *v)
{
    return v->is_unsure;
}

/* ---- moving ------------------------------------------------------------------------------------- */

/* In the order of the ids that the rows keep, as the tables give them, and no more than they give. */
static void owner_add(struct view *v, struct value *k, const struct owner *one)
{
    const struct owner *rows = k->rows.items;
    struct owner *more = ARENA_ARRAY(v->arena, k->rows.n + 1, struct owner);
    size_t n = 0, at = 0;
    while (at < k->rows.n && rows[at].customer.v == 0)
        at++; /* the row that says there is no owner */
    while (at < k->rows.n && rows[at].via.v < one->via.v)
        more[n++] = rows[at++];
    if (at < k->rows.n && rows[at].via.v == one->via.v)
        return;
    more[n++] = *one;
    while (at < k->rows.n)
        more[n++] = rows[at++];
    k->rows = (struct list){more, n < OWNERS_READ ? n : OWNERS_READ};
}

void view_given(struct view *v, const struct handle_new *g, customer_id root, customer_id via,
                bool is_new, int64_t now_ms)
{
    v->has_moved = true;
    if (g->handle->value.len == 0) {
        struct kept *one = ARENA_NEW(v->arena, struct kept);
        *one = (struct kept){root, v->kept};
        v->kept = one;
        return;
    }
    struct value *k = value_at(v, g->handle);
    if (k->id == 0) {
        k->id = g->value_id;
        k->version = 1;
    } else {
        k->version++;
        k->is_unsure |= !is_new; /* he may have it already, marked wrong */
    }
    const struct owner one = {.customer = root,
                              .via = via,
                              .value_id = k->id,
                              .value_version = k->version,
                              .state = g->state,
                              .last_at = {now_ms}};
    owner_add(v, k, &one);
    end_note(v, g->handle, false);
}

bool view_has_kept(const struct view *v, customer_id root)
{
    for (const struct kept *k = v->kept; k; k = k->next)
        if (k->root.v == root.v)
            return true;
    return false;
}

void view_sighted(struct view *v, const struct handle *h, customer_id via, bool confirms,
                  int64_t now_ms)
{
    v->has_moved = true;
    end_note(v, h, h->by_suffix);
    if (h->by_suffix)
        return;
    struct value *k = value_at(v, h);
    struct owner *rows = k->rows.items;
    for (size_t i = 0; i < k->rows.n; i++) {
        if (rows[i].via.v != via.v || rows[i].customer.v == 0)
            continue;
        if (confirms && rows[i].state == IDENTITY_CLAIMED) {
            rows[i].state = IDENTITY_CONFIRMED;
            rows[i].last_at.ms = now_ms;
        } else if (!confirms && rows[i].last_at.ms < now_ms) {
            rows[i].last_at.ms = now_ms;
        }
    }
}

static void name_add(struct view *v, str key, const struct customer_new *c)
{
    struct names *k = table_at(v->arena, &v->names, key, 0, sizeof *k);
    if (k->n_added == NAMES) { /* the oldest is out of sight */
        memmove(k->added, k->added + 1, (NAMES - 1) * sizeof *k->added);
        k->n_added--;
    }
    k->added[k->n_added++] = (struct same_name){
        .id = c->id, .root = c->id, .city = c->city, .company = c->company, .country = c->country};
}

static bool is_same_key(str key)
{
    return key.len && key.ptr[0] == '=';
}

void view_made(struct view *v, const struct customer_new *c)
{
    v->has_moved = true;
    struct record *k = record_at(v, c->id);
    k->is_asked = k->has_addresses = k->has_open = true;
    k->what.now = (struct customer){.id = c->id, .kind = c->kind, .version = 1};
#define X(m, ...) k->what.now.m = c->m;
    CUSTOMER_TEXTS(X)
#undef X
    for (size_t i = 0; i < c->keys.n; i++)
        if (is_same_key(c->keys.items[i]))
            name_add(v, c->keys.items[i], c);
}

void view_filled(struct view *v, customer_id root, const struct customer_new *with)
{
    v->has_moved = true;
    struct record *k = record_at(v, root);
    k->is_filled = true;
#define X(m, ...)    \
    if (with->m.len) \
        k->what.now.m = with->m;
    CUSTOMER_TEXTS(X)
#undef X
    k->what.now.version++;
    for (size_t i = 0; i < with->keys.n; i++) {
        if (!is_same_key(with->keys.items[i]))
            continue;
        struct names *n = table_at(v->arena, &v->names, with->keys.items[i], 0, sizeof *n);
        n->is_unsure = true;
    }
}

static void *list_add(struct arena *a, struct list *l, size_t size)
{
    char *more = arena_alloc(a, l->n + 1, size);
    if (l->n)
        memcpy(more, l->items, l->n * size);
    *l = (struct list){more, l->n + 1};
    return more + (l->n - 1) * size;
}

void view_proposed(struct view *v, customer_id root, str field, str value)
{
    v->has_moved = true;
    struct record *k = record_at(v, root);
    if (k->open.n >= PROPOSALS)
        return;
    struct proposal *p = list_add(v->arena, &k->open, sizeof *p);
    *p = (struct proposal){.customer = root, .field = field, .value = value};
}

void view_housed(struct view *v, customer_id root, const struct address_new *a)
{
    v->has_moved = true;
    struct record *k = record_at(v, root);
    if (k->what.addresses.n >= ADDRESSES)
        return;
    struct address *at = list_add(v->arena, &k->what.addresses, sizeof *at);
    *at = (struct address){.id = a->id,
                           .kind = a->kind,
                           .line = a->line,
                           .postal = a->postal,
                           .city = a->city,
                           .region = a->region,
                           .country = a->country};
}

void view_sourced(struct view *v, int channel, str source_id, const void *plan)
{
    v->has_moved = true;
    if (source_id.len)
        source_at(v, channel, source_id)->what.here = plan;
}
