/* rooms/import/run.c - rows of a file through the one door, a batch at a time.
 *
 * Reading, decoding and recognition (plan) are this thread's; the writer gets a change of about a
 * hundred rows. Each change moves at_byte from where the batch began, so a batch that was committed
 * cannot count twice, whoever works on it. A dry run plans only; rows that would meet a record made
 * by an earlier row of the same file are known by a set of hashes of their handles. */
#include "messages.h"
#include "queries.h"
#include "rooms/import/inside.h"
#include <semaphore.h>

enum {
    BATCH_BYTES = 4 << 20,
    CONFLICTS_MAX = 20,
    REJECTS_TOLD = 100,
    SEEN_MAX = 1 << 22, /* hashes; 32 MB */
    LEASE_MS = 15000,
    STALE_MAX = 8,
    TELL_MS = 500 /* a dry run says so often how far it is */
};
static const size_t ARENA_BYTES = (size_t)160 << 20;

struct conflict {
    int64_t line;
    customer_id customer;
    str field, now, comes;
};
struct told_reject {
    int64_t line;
    str field, why;
};
struct checked {
    int64_t rows, made, changed, same, rejected;
    struct list conflicts, rejects;
};
/* clang-format off */
static const struct field conflict_fields[] = {
    FIELD(struct conflict, line),
    FIELD(struct conflict, customer),
    FIELD(struct conflict, field),
    FIELD(struct conflict, now, .personal = true),
    FIELD(struct conflict, comes, .personal = true),
};
static const struct shape conflict_shape = SHAPE("import_conflict", struct conflict, conflict_fields);
static const struct field told_fields[] = {
    FIELD(struct told_reject, line),
    FIELD(struct told_reject, field),
    FIELD(struct told_reject, why),
};
static const struct shape told_shape = SHAPE("import_told_reject", struct told_reject, told_fields);
static const struct field checked_fields[] = {
    FIELD(struct checked, rows),
    FIELD(struct checked, made),
    FIELD(struct checked, changed),
    FIELD(struct checked, same),
    FIELD(struct checked, rejected),
    FIELD_LIST(struct checked, conflicts, &conflict_shape),
    FIELD_LIST(struct checked, rejects, &told_shape),
};
static const struct shape checked_shape = SHAPE("import_checked", struct checked, checked_fields);
struct known_key {
    str hash;
    customer_id customer;
};
static const struct field key_fields[] = {
    FIELD(struct known_key, hash),
    FIELD_AS(struct known_key, customer, "customer_id"),
};
static const struct shape key_shape = SHAPE("import_key", struct known_key, key_fields);
/* clang-format on */

/* While one batch is being written the next is read and planned: what moved under it is found when it
 * is written, and planned again. */
struct batch {
    struct import_run *run;
    struct cx cx; /* its arena is reset with each */
    struct import_item *items;
    struct intake *in;
    struct intake_result *out;
    struct order_new *orders; /* instead of intakes, with what plan said of each */
    struct order_result *planned;
    size_t *intake_of; /* item of each intake or order */
    size_t n, n_in;
    int64_t to_byte, to_line;
    struct import_figures add;
    struct fault broken; /* of the file, behind the rows that were read */
    bool is_last, has_keys, is_on_its_way;
    struct change change;
    sem_t done;
    enum err result;
};

struct import_run {
    struct store *store;
    struct batch batch[2];
    struct db *db;
    const struct csv_source *file;
    int at;                /* the one to be read next */
    const struct cx *said; /* of the batch that failed */
    struct arena *own;
    struct import import;
    struct import_map map;
    struct import_plan plan;
    struct import_reader reader;
    struct attr_def *attributes; /* of each column */
    struct csv *csv;
    bool is_check, is_over; /* is_over: the file has no more rows */
    /* orders: the row that was read behind the last order */
    bool has_pending;
    struct csv_row pending;
    struct arena *pending_arena;
    /* dry run */
    struct checked checked;
    uint64_t *seen;
    size_t n_seen, seen_cap;
    int64_t told_ms;
};

/* ---- opening -------------------------------------------------------------------------------------- */

static enum err attributes_find(struct import_run *r, struct cx *cx)
{
    struct cx own = *cx;
    own.arena = r->own;
    r->attributes = ARENA_ARRAY(r->own, r->plan.n + 1, struct attr_def);
    for (size_t i = 0; i < r->plan.n; i++) {
        if (r->plan.target[i] != TO_ATTRIBUTE)
            continue;
        enum err e = attr_def_by_code(&own, r->plan.attribute[i], &r->attributes[i]);
        if (e == ERR_NOT_FOUND)
            return fault(cx, ERR_INVALID, M_IMPORT_ATTRIBUTE, MARG("name", r->plan.attribute[i]));
        TRY(e);
    }
    return OK;
}

static enum err first_row(struct cx *cx, struct arena *a, const struct csv_source *file,
                          const struct csv_form *form, struct csv_row *row, int64_t *at,
                          int64_t *line)
{
    struct csv *c = csv_open(file, form, form->first, 1);
    enum csv_next n = CSV_END;
    do
        n = c ? csv_next(c, a, row) : CSV_UNREADABLE;
    while (n == CSV_ROW && row->fault);
    if (c) {
        *at = csv_at(c);
        *line = csv_line(c);
    }
    csv_close(c);
    return n == CSV_ROW   ? OK
           : n == CSV_END ? fault(cx, ERR_INVALID, M_IMPORT_NO_TABLE)
                          : import_unreadable(cx, file);
}

static enum err prepare(struct import_run *r, struct cx *cx, const struct csv_source *file)
{
    struct cx own = *cx; /* what lives as long as the run */
    own.arena = r->own;
    struct csv_form form;
    struct csv_row row = {0};
    int64_t at = 0, line = 1;
    r->map = (struct import_map){.delimiter = S(","), .has_header = true};
    enum err e = import_map_read(&own, r->import.map, &r->map);
    if (e == OK && !csv_form_find(file, r->map.encoding, r->map.delimiter.ptr[0], &form))
        e = import_unreadable(&own, file);
    if (e == OK)
        e = first_row(&own, r->own, file, &form, &row, &at, &line);
    if (e == OK)
        e = import_map_fit(&own, &r->map, r->import.kind, row.cells, &r->plan);
    if (e != OK) {
        cx->why = own.why;
        return e;
    }
    TRY(attributes_find(r, cx));
    if (r->import.at_byte) {
        at = r->import.at_byte;
        line = r->import.line;
    } else if (!r->map.has_header) {
        at = form.first;
        line = 1;
    }
    r->csv = csv_open(file, &form, at, line);
    r->reader = (struct import_reader){.plan = &r->plan, .map = &r->map, .import = r->import.id};
    return r->csv ? OK : fault(cx, ERR_INTERNAL, M_STORE_FAILED);
}

static struct actor actor_of(const struct import *i)
{
    struct actor a = {.kind = ACTOR_SYSTEM};
    if (str_eq(i->actor_kind, S("staff")))
        a = (struct actor){.kind = ACTOR_STAFF, .id = i->actor_id, .role = ROLE_ADMINISTRATOR};
    else if (str_eq(i->actor_kind, S("token")))
        a = (struct actor){.kind = ACTOR_TOKEN, .id = i->actor_id, .role = ROLE_ADMINISTRATOR};
    return a;
}

enum err import_run_open(struct store *s, struct cx *cx, const struct import *i,
                         const struct csv_source *file, struct import_run **out)
{
    struct import_run *r = calloc(1, sizeof *r);
    *out = r;
    if (!r)
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    r->store = s;
    r->own = arena_open((size_t)32 << 20);
    r->pending_arena = arena_open((size_t)64 << 20);
    for (size_t k = 0; k < COUNT(r->batch); k++) {
        struct batch *b = &r->batch[k];
        b->run = r;
        sem_init(&b->done, 0, 0);
        b->cx = (struct cx){.arena = arena_open(ARENA_BYTES),
                            .db = cx->db,
                            .house = cx->house,
                            .actor = actor_of(i),
                            .lang = (enum lang)i->lang,
                            .if_match = -1,
                            .peer = S("")};
        if (!b->cx.arena)
            return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    }
    r->said = &r->batch[0].cx;
    r->db = cx->db;
    r->file = file;
    if (!r->own || !r->pending_arena)
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    r->import = *i;
    r->import.map = arena_str(r->own, i->map);
    r->is_check = i->state == IMPORT_CHECKING;
    return prepare(r, cx, file);
}

static enum err written(struct batch *b);

void import_run_close(struct import_run *r)
{
    if (!r)
        return;
    csv_close(r->csv);
    free(r->seen);
    for (size_t k = 0; k < COUNT(r->batch); k++) {
        struct batch *b = &r->batch[k];
        if (b->is_on_its_way)
            (void)written(b);
        if (b->run)
            sem_destroy(&b->done);
        arena_close(b->cx.arena);
    }
    arena_close(r->pending_arena);
    arena_close(r->own);
    free(r);
}

/* ---- reading a batch ------------------------------------------------------------------------------ */

static struct str_list cells_copy(struct arena *a, struct str_list from)
{
    struct str_list to = {ARENA_ARRAY(a, from.n + 1, str), from.n};
    for (size_t i = 0; i < from.n; i++)
        to.items[i] = arena_str(a, from.items[i]);
    return to;
}

static bool next_row(struct batch *b, struct csv_row *row)
{
    struct import_run *r = b->run;
    if (r->has_pending) {
        *row = r->pending;
        row->cells = cells_copy(b->cx.arena, r->pending.cells);
        r->has_pending = false;
        return true;
    }
    if (r->is_over)
        return false;
    enum csv_next n = csv_next(r->csv, b->cx.arena, row);
    r->is_over = n != CSV_ROW;
    enum err e = OK;
    if (n == CSV_UNREADABLE)
        e = import_unreadable(&b->cx, r->file);
    if (n == CSV_HOPELESS)
        e = fault(&b->cx, ERR_INVALID, M_IMPORT_HOPELESS, MNUM("line", csv_line(r->csv)));
    if (e != OK)
        b->broken = b->cx.why;
    return n == CSV_ROW;
}

/* The first row of the next order is kept for the next batch. */
static void keep_pending(struct import_run *r, const struct csv_row *row)
{
    arena_reset(r->pending_arena);
    r->pending = *row;
    r->pending.cells = cells_copy(r->pending_arena, row->cells);
    r->has_pending = true;
}

/* Values that their attributes do not take are the row's fault. */
static void attributes_check(struct batch *b, struct import_item *it)
{
    struct import_run *r = b->run;
    const struct import_attribute *a = it->attributes.items;
    for (size_t i = 0; i < it->attributes.n && !it->why.err; i++) {
        struct attr_value v;
        b->cx.why = (struct fault){0};
        const struct attr_def *d = &r->attributes[a[i].column];
        if (attr_value_read(&b->cx, d, a[i].text, &v) == OK)
            continue;
        (void)fault_at(&b->cx, ERR_INVALID, arena_printf(b->cx.arena, "attr." SFMT, SARG(d->code)));
        it->why = b->cx.why;
    }
    b->cx.why = (struct fault){0};
}

static void batch_read(struct batch *b, size_t most)
{
    struct import_run *r = b->run;
    b->n = b->n_in = 0;
    b->broken = (struct fault){0};
    b->items = ARENA_ARRAY(b->cx.arena, most + 1, struct import_item);
    int64_t bytes = 0;
    struct csv_row row;
    r->reader.house = settings_current(&b->cx);
    while (next_row(b, &row)) {
        struct import_item *item = &b->items[b->n];
        /* The row comes once more with the next batch, from a copy that is still whole. */
        bool may_wait = r->plan.kind == IMPORT_ORDERS && b->n > 0;
        if (may_wait && (b->n == most || bytes > BATCH_BYTES))
            keep_pending(r, &row);
        import_item_read(&b->cx, &r->reader, &row, item);
        attributes_check(b, item);
        if (may_wait && import_item_join(&b->cx, item - 1, item)) {
            r->has_pending = false;
            bytes += row.bytes;
            continue;
        }
        if (r->has_pending)
            return;
        b->n++;
        bytes += row.bytes;
        if (r->plan.kind != IMPORT_ORDERS && (b->n == most || bytes > BATCH_BYTES))
            return;
    }
}

/* ---- planning ---------------------------------------------------------------------------------------- */

static enum err keys_find(struct batch *b)
{
    struct import_run *r = b->run;
    struct cx *cx = &b->cx;
    str *hashes = ARENA_ARRAY(cx->arena, b->n + 1, str);
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++)
        if (b->items[i].key.len && !b->items[i].why.err)
            hashes[n++] = b->items[i].key;
    b->has_keys = n > 0;
    if (!n)
        return OK;
    struct list rows = {0};
    TRY(db_all(cx, &q_import_keys, &key_shape, &rows, ARGS(val_texts(hashes, n))));
    const struct known_key *k = rows.items;
    for (size_t i = 0; i < b->n; i++) {
        struct import_item *it = &b->items[i];
        if (!it->key.len)
            continue;
        for (size_t j = 0; j < i && !it->is_double; j++) /* twice in one batch */
            it->is_double = str_eq(b->items[j].key, it->key) && r->plan.kind == IMPORT_CUSTOMERS;
        for (size_t j = 0; j < rows.n; j++)
            if (str_eq(k[j].hash, it->key))
                it->in.customer = k[j].customer;
    }
    return OK;
}

static void gather(struct batch *b)
{
    b->in = ARENA_ARRAY(b->cx.arena, b->n + 1, struct intake);
    b->out = ARENA_ARRAY(b->cx.arena, b->n + 1, struct intake_result);
    b->orders = ARENA_ARRAY(b->cx.arena, b->n + 1, struct order_new);
    b->planned = ARENA_ARRAY(b->cx.arena, b->n + 1, struct order_result);
    b->intake_of = ARENA_ARRAY(b->cx.arena, b->n + 1, size_t);
    b->n_in = 0;
    for (size_t i = 0; i < b->n; i++) {
        const struct import_item *it = &b->items[i];
        if (it->why.err || it->is_double)
            continue;
        b->intake_of[b->n_in] = i;
        b->in[b->n_in] = it->in;
        b->orders[b->n_in] = it->order;
        b->orders[b->n_in++].lines = (struct list){it->lines, it->n_lines};
    }
}

static enum err plan(struct batch *b, bool is_again)
{
    struct import_run *r = b->run;
    struct cx *cx = &b->cx;
    TRY(read_begin(cx));
    enum err e = is_again && !b->has_keys ? OK : keys_find(b);
    if (e == OK && (!is_again || b->has_keys))
        gather(b);
    if (e == OK && r->plan.kind == IMPORT_ORDERS)
        e = order_plan_many(cx, b->orders, b->n_in, b->planned);
    else if (e == OK)
        e = intake_plan_many(cx, b->in, b->n_in, b->out);
    read_end(cx);
    return e;
}

/* ---- what became of a row -------------------------------------------------------------------------------- */

static void count(struct import_figures *f, const struct intake_result *o, bool is_same)
{
    f->made += o->is_new;
    f->changed += !o->is_new && !is_same;
    f->same += !o->is_new && is_same;
}

static str reason(struct batch *b, struct arena *a, const struct fault *why)
{
    return why->msg ? fault_text(a, b->cx.lang, why) : str_of(err_code(why->err));
}

/* ---- a dry run -------------------------------------------------------------------------------------------- */

static uint64_t hash_of(int type, str value)
{
    uint64_t h = 14695981039346656037u + (uint64_t)type;
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if (type == IDENTITY_PHONE && !is_digit((char)c))
            continue;
        h = (h ^ (c >= 'A' && c <= 'Z' ? c | 32 : c)) * 1099511628211u;
    }
    return h ? h : 1;
}

static bool seen_has(const struct import_run *r, uint64_t h)
{
    for (size_t i = h & (r->seen_cap - 1); r->seen_cap && r->seen[i];
         i = (i + 1) & (r->seen_cap - 1))
        if (r->seen[i] == h)
            return true;
    return false;
}

static void seen_put(uint64_t *slots, size_t cap, uint64_t h)
{
    size_t i = h & (cap - 1);
    while (slots[i])
        i = (i + 1) & (cap - 1);
    slots[i] = h;
}

static void seen_add(struct import_run *r, uint64_t h)
{
    if (r->n_seen >= SEEN_MAX || seen_has(r, h))
        return;
    if (2 * (r->n_seen + 1) > r->seen_cap) {
        size_t cap = r->seen_cap ? r->seen_cap * 2 : 4096;
        uint64_t *more = calloc(cap, sizeof *more);
        if (!more)
            return;
        for (size_t i = 0; i < r->seen_cap; i++)
            if (r->seen[i])
                seen_put(more, cap, r->seen[i]);
        free(r->seen);
        r->seen = more;
        r->seen_cap = cap;
    }
    seen_put(r->seen, r->seen_cap, h);
    r->n_seen++;
}

/* Would an earlier row of the file have made him? Remembers this one. */
static bool was_made(struct batch *b, const struct import_item *it)
{
    struct import_run *r = b->run;
    const struct intake_identity *id = it->in.identities.items;
    bool is_known = it->key.len && seen_has(r, hash_of(99, it->key));
    for (size_t i = 0; i < it->in.identities.n && !is_known; i++)
        is_known = seen_has(r, hash_of(id[i].type, id[i].value));
    for (size_t i = 0; i < it->in.identities.n; i++)
        seen_add(r, hash_of(id[i].type, id[i].value));
    if (it->key.len)
        seen_add(r, hash_of(99, it->key));
    return is_known;
}

static void conflicts_tell(struct batch *b, const struct import_item *it,
                           const struct intake_result *o)
{
    struct import_run *r = b->run;
    struct conflict *all = r->checked.conflicts.items;
    const struct intake_differs *d = o->differs.items;
    for (size_t i = 0; i < o->differs.n && r->checked.conflicts.n < CONFLICTS_MAX; i++)
        all[r->checked.conflicts.n++] = (struct conflict){
            it->line, o->customer, arena_str(r->own, d[i].field), str_clean(r->own, d[i].now, 200),
            str_clean(r->own, d[i].claimed, 200)};
}

static void reject_tell(struct batch *b, const struct import_item *it, const struct fault *why)
{
    struct import_run *r = b->run;
    struct told_reject *all = r->checked.rejects.items;
    if (r->checked.rejects.n < REJECTS_TOLD)
        all[r->checked.rejects.n++] =
            (struct told_reject){it->line, arena_str(r->own, why->field), reason(b, r->own, why)};
    b->add.rejected += it->rows;
}

static void check_count(struct batch *b)
{
    struct import_run *r = b->run;
    for (size_t i = 0; i < b->n; i++) {
        b->add.rows += b->items[i].rows;
        if (b->items[i].why.err)
            reject_tell(b, &b->items[i], &b->items[i].why);
        b->add.same += b->items[i].is_double;
    }
    for (size_t i = 0; i < b->n_in; i++) {
        const struct import_item *it = &b->items[b->intake_of[i]];
        if (r->plan.kind == IMPORT_ORDERS) {
            if (b->planned[i].err) {
                reject_tell(b, it, &b->planned[i].why);
                continue;
            }
            bool is_repeat = order_is_repeat(&b->orders[i]);
            bool is_made = !is_repeat && !seen_has(r, hash_of(98, it->order.number));
            seen_add(r, hash_of(98, it->order.number));
            b->add.made += is_made;
            b->add.same += !is_made;
            continue;
        }
        if (b->out[i].err) {
            reject_tell(b, it, &b->out[i].why);
            continue;
        }
        struct intake_result planned = *intake_planned(&b->in[i]), *o = &planned;
        bool is_made_before = o->is_new && was_made(b, it);
        if (r->plan.kind == IMPORT_INTERACTIONS) {
            b->add.made += !o->is_repeat;
            b->add.same += o->is_repeat;
            continue;
        }
        if (is_made_before)
            o->is_new = false;
        count(&b->add, o, !o->changes && it->tags.n == 0);
        conflicts_tell(b, it, o);
    }
}

/* ---- writing ------------------------------------------------------------------------------------------------ */

static enum err attributes_put(struct cx *cx, struct import_run *r, const struct import_item *it,
                               customer_id root)
{
    for (size_t i = 0; i < it->attributes.n; i++) {
        const struct import_attribute *a =
            (const struct import_attribute *)it->attributes.items + i;
        struct attr_value v;
        struct change_by by = {.source = "import", .batch = r->import.id.v};
        TRY(attr_value_read(cx, &r->attributes[a->column], a->text, &v));
        TRY(attr_put(cx, root, &r->attributes[a->column], &v, &by));
    }
    return OK;
}

static enum err reject(struct cx *cx, struct batch *b, const struct import_item *it,
                       const struct fault *why)
{
    struct import_run *r = b->run;
    b->add.rejected += it->rows;
    return db_run(cx, &q_import_reject_insert,
                  ARGS(V(r->import.id), V(it->line), V(it->at), V(it->bytes), V(why->field),
                       V(reason(b, cx->arena, why))));
}

static enum err trace(struct cx *cx, struct import_run *r, const struct import_item *it,
                      const struct intake_result *o, order_id order)
{
    return db_run(cx, &q_import_row_insert,
                  ARGS(V(r->import.id), V(it->line), V(o->customer), V(o->interaction.v), V(order),
                       V(order.v ? S("") : it->in.source_id), V(o->is_new)));
}

static enum err kept(struct cx *cx, struct batch *b, const struct import_item *it,
                     const struct intake_result *o)
{
    struct import_run *r = b->run;
    struct change_by by = {.source = "import", .batch = r->import.id.v};
    bool is_same = !o->changes;
    for (size_t i = 0; i < it->tags.n; i++) {
        by.made.v = 0;
        TRY(tag_put(cx, o->customer, it->tags.items[i], &by));
        is_same = is_same && by.made.v == 0;
    }
    TRY(attributes_put(cx, r, it, o->customer));
    if (it->key.len && o->is_new)
        TRY(db_run(cx, &q_import_key_insert, ARGS(V(it->key), V(o->customer))));
    if (r->plan.kind == IMPORT_INTERACTIONS) {
        b->add.made += !o->is_repeat;
        b->add.same += o->is_repeat;
        return o->is_repeat ? OK : trace(cx, r, it, o, (order_id){0});
    }
    count(&b->add, o, is_same);
    return o->is_new ? trace(cx, r, it, o, (order_id){0}) : OK;
}

static enum err orders_take(struct cx *cx, struct batch *b)
{
    struct order_result *taken = ARENA_ARRAY(cx->arena, b->n_in + 1, struct order_result);
    memcpy(taken, b->planned, b->n_in * sizeof *taken); /* apply may run again */
    TRY(order_take_many(cx, b->orders, b->n_in, taken));
    for (size_t i = 0; i < b->n_in; i++) {
        const struct import_item *it = &b->items[b->intake_of[i]];
        const struct order_result *o = &taken[i];
        if (o->err) {
            TRY(reject(cx, b, it, &o->why));
            continue;
        }
        b->add.made += !o->is_repeat;
        b->add.same += o->is_repeat;
        if (!o->is_repeat)
            TRY(trace(cx, b->run, it, o->who, o->id));
    }
    return OK;
}

static enum err take(struct cx *cx, struct batch *b)
{
    struct import_run *r = b->run;
    if (r->plan.kind == IMPORT_ORDERS)
        return orders_take(cx, b);
    TRY(intake_take_many(cx, b->in, b->n_in, b->out));
    for (size_t i = 0; i < b->n_in; i++) {
        const struct import_item *it = &b->items[b->intake_of[i]];
        if (b->out[i].err)
            TRY(reject(cx, b, it, &b->out[i].why));
        else
            TRY(kept(cx, b, it, &b->out[i]));
    }
    return OK;
}

static enum err go_on(struct cx *cx, struct batch *b, int state, str checked)
{
    struct import_run *r = b->run;
    const struct import *i = &r->import;
    struct import_figures f = i->figures;
    f.rows += b->add.rows;
    f.made += b->add.made;
    f.changed += b->add.changed;
    f.same += b->add.same;
    f.rejected += b->add.rejected;
    bool is_done = state != i->state;
    int64_t n = 0;
    TRY(db_run_count(cx, &q_import_go_on, &n,
                     ARGS(V(is_done && r->is_check ? 0 : b->to_byte), V(b->to_line), V(f.rows),
                          V(f.made), V(f.changed), V(f.same), V(f.rejected),
                          V(import_state_codes[state]), V(checked), V(is_done ? cx->now_ms : 0),
                          V(is_done ? 0 : cx->now_ms + LEASE_MS), V(i->id),
                          V(import_state_codes[i->state]), V(i->at_byte))));
    return n ? OK : fault(cx, ERR_CONFLICT, M_IMPORT_STATE, MARG("state", S("cancelled")));
}

static enum err write_apply(struct cx *cx, void *state)
{
    struct batch *b = state;
    b->add = (struct import_figures){0}; /* it may run again */
    for (size_t i = 0; i < b->n; i++) {
        struct import_item *it = &b->items[i];
        b->add.rows += it->rows;
        b->add.same += it->is_double;
        if (it->why.err)
            TRY(reject(cx, b, it, &it->why));
    }
    TRY(take(cx, b));
    return go_on(cx, b, b->is_last && !b->broken.err ? IMPORT_DONE : IMPORT_RUNNING, (str){0});
}

static enum err check_apply(struct cx *cx, void *state)
{
    struct batch *b = state;
    struct import_run *r = b->run;
    bool is_done = r->is_over && !r->has_pending;
    str checked = {0};
    if (is_done) {
        const struct import_figures *f = &r->import.figures;
        r->checked.rows = f->rows + b->add.rows;
        r->checked.made = f->made + b->add.made;
        r->checked.changed = f->changed + b->add.changed;
        r->checked.same = f->same + b->add.same;
        r->checked.rejected = f->rejected + b->add.rejected;
        struct text t = text_in(cx->arena, 1 << 20);
        struct json_out j = {.to = &t};
        json_write(&j, &checked_shape, &r->checked);
        checked = text_str(&t);
    }
    return go_on(cx, b, is_done ? IMPORT_READY : IMPORT_CHECKING, checked);
}

static void advance(struct batch *b)
{
    struct import_run *r = b->run;
    struct import *i = &r->import;
    i->figures.rows += b->add.rows;
    i->figures.made += b->add.made;
    i->figures.changed += b->add.changed;
    i->figures.same += b->add.same;
    i->figures.rejected += b->add.rejected;
    i->at_byte = b->to_byte;
    i->line = b->to_line;
}

static enum err step_check(struct batch *b, bool *finished)
{
    struct import_run *r = b->run;
    struct cx *cx = &b->cx;
    if (!r->checked.conflicts.items) {
        r->checked.conflicts.items = ARENA_ARRAY(r->own, CONFLICTS_MAX, struct conflict);
        r->checked.rejects.items = ARENA_ARRAY(r->own, REJECTS_TOLD, struct told_reject);
    }
    TRY(plan(b, false));
    check_count(b);
    bool is_done = r->is_over && !r->has_pending;
    if (!is_done && cx->now_ms - r->told_ms < TELL_MS)
        return OK; /* the figures wait in `add` for the next word */
    r->told_ms = cx->now_ms;
    TRY(db_change(r->store, cx, LANE_BULK, check_apply, b));
    advance(b);
    b->add = (struct import_figures){0};
    *finished = is_done;
    return OK;
}

/* ---- batches on their way ------------------------------------------------------------------------ */

static void batch_done(struct change *c, enum err e)
{
    struct batch *b = c->owner;
    b->result = e;
    sem_post(&b->done);
}

static void submit(struct batch *b)
{
    b->change = (struct change){.lane = LANE_BULK,
                                .apply = write_apply,
                                .state = b,
                                .cx = &b->cx,
                                .done = batch_done,
                                .owner = b};
    b->is_on_its_way = true;
    db_submit(b->run->store, &b->change);
}

/* Waits until the batch is on disk; what was overtaken is planned again. */
static enum err written(struct batch *b)
{
    struct db *reader = b->run->db;
    for (int tries = 0;; tries++) {
        while (sem_wait(&b->done) != 0)
            continue;
        b->is_on_its_way = false;
        b->cx.db = reader;
        if ((b->result != ERR_STALE && b->result != ERR_BUSY) || tries == STALE_MAX)
            break;
        b->cx.why = (struct fault){0};
        b->cx.now_ms = clock_now_ms();
        enum err e = plan(b, true);
        if (e != OK) {
            b->result = e;
            break;
        }
        submit(b);
    }
    if (b->result == OK)
        advance(b);
    else
        b->run->said = &b->cx;
    return b->result;
}

static enum err read_and_plan(struct batch *b, size_t most, bool plans)
{
    struct import_run *r = b->run;
    arena_reset(b->cx.arena);
    b->cx.now_ms = clock_now_ms();
    b->cx.why = (struct fault){0};
    batch_read(b, most);
    b->to_byte = r->has_pending ? r->pending.at : csv_at(r->csv);
    b->to_line = r->has_pending ? r->pending.line : csv_line(r->csv);
    b->is_last = r->is_over && !r->has_pending;
    b->has_keys = false;
    for (size_t i = 0; i < b->n; i++)
        b->has_keys |= b->items[i].key.len > 0;
    return plans && b->n ? plan(b, false) : OK;
}

static enum err broken(struct batch *b)
{
    b->cx.why = b->broken;
    return b->broken.err;
}

enum err import_run_step(struct import_run *r, size_t most, bool *finished)
{
    struct batch *b = &r->batch[r->at], *before = &r->batch[!r->at];
    *finished = false;
    r->said = &b->cx;
    if (r->is_check) {
        TRY(read_and_plan(b, most, false));
        return b->broken.err ? broken(b) : step_check(b, finished);
    }
    enum err e = read_and_plan(b, most, true);
    if (before->is_on_its_way) {
        TRY(written(before));
        if (b->has_keys &&
            e == OK) /* rows without identities must see what the batch before made */
            e = plan(b, false);
    }
    TRY(e);
    if (b->broken.err && b->n == 0)
        return broken(b);
    submit(b);
    r->at = !r->at;
    if (!b->is_last && !b->broken.err)
        return OK;
    TRY(written(b));
    r->said = &b->cx;
    *finished = !b->broken.err;
    return broken(b);
}

const struct cx *import_run_cx(const struct import_run *r)
{
    return r->said;
}

const struct import *import_run_now(const struct import_run *r)
{
    return &r->import;
}

/* ---- failing ------------------------------------------------------------------------------------------------ */

struct failing {
    import_id id;
    str why;
};

static enum err fail_apply(struct cx *cx, void *state)
{
    const struct failing *f = state;
    TRY(db_run(cx, &q_import_fail, ARGS(V(f->why), V(cx->now_ms), V(f->id))));
    return audit_add(cx, "import.fail", 0, f->id.v, (str){0});
}

enum err import_fail(struct store *s, struct cx *cx, import_id id)
{
    struct failing f = {id, cx->why.msg ? fault_text(cx->arena, cx->lang, &cx->why)
                                        : str_of(err_code(cx->why.err))};
    cx->now_ms = clock_now_ms();
    return db_change(s, cx, LANE_BULK, fail_apply, &f);
}
