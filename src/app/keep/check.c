/* app/keep/check.c - is the store whole? Part by part, in slices. */
#include "app/keep/check.h"
#include "db/event.h"
#include "db/pages.h"
#include "db/tables.h"
#include "messages.h"
#include "queries.h"
#include "rooms/import/import.h"
#include "rooms/order/order.h"
#include "rooms/search/search.h"

enum { TOLD_MAX = 20 /* of one kind; the rest is counted */, PAGE = 200, SMALL_PAGE = 50 };
static const size_t ARENA_BYTES = (size_t)128 << 20;

struct check {
    struct store *store;
    struct cx cx; /* of the slice: its arena is reset with each */
    const struct check_wish *w;
    struct check_result *out;
    struct arena *keep; /* what lives as long as the check */
    const char *part;
    int64_t done, told[M_N];
};

struct check_identity {
    int64_t id;
    str value, reversed;
};
struct check_segment {
    int64_t id, said, found;
};
/* clang-format off */
static const struct field check_identity_fields[] = {
    FIELD(struct check_identity, id), FIELD(struct check_identity, value), FIELD(struct check_identity, reversed),
};
static const struct shape check_identity_shape = SHAPE("check_identity", struct check_identity, check_identity_fields);
static const struct field check_segment_fields[] = {
    FIELD(struct check_segment, id),
    FIELD_AS(struct check_segment, said, "members"),
    FIELD_AS(struct check_segment, found, "count"),
};
static const struct shape check_segment_shape = SHAPE("check_segment", struct check_segment, check_segment_fields);
/* clang-format on */

/* ---- slices, words ------------------------------------------------------------------------ */

static void slice(struct check *c)
{
    arena_reset(c->cx.arena);
    c->cx.why = (struct fault){0};
}

static enum err step(struct check *c, int64_t rows, int64_t total)
{
    c->done += rows;
    c->out->rows += rows;
    if (c->w->goes_on && !c->w->goes_on(c->w->arg, c->part, c->done, total))
        return fault(&c->cx, ERR_BUSY, M_KEEP_STOPPED);
    return OK;
}

#define DAMAGE(c, mended, msg, ...) \
    ((void)fault(&(c)->cx, ERR_INTERNAL, msg, __VA_ARGS__), tell((c), (mended)))

/* The damage that fault() has just put into words. */
static void tell(struct check *c, bool is_mended)
{
    c->out->damages++;
    c->out->mended += is_mended;
    if (++c->told[c->cx.why.msg] <= TOLD_MAX && c->w->found)
        c->w->found(c->w->arg, &c->cx.why, is_mended);
    c->cx.why = (struct fault){0};
}

static void skipped(struct check *c, uint16_t msg)
{
    c->out->is_partial = true;
    (void)fault(&c->cx, ERR_BUSY, msg);
    if (c->w->found)
        c->w->found(c->w->arg, &c->cx.why, false);
    c->cx.why = (struct fault){0};
}

static str id_of(struct check *c, const char *prefix, int64_t id)
{
    return id_text(c->cx.arena, prefix, id);
}

static bool is_mended(struct check *c, enum err (*apply)(struct cx *, void *), void *state)
{
    if (!c->w->repairs)
        return false;
    for (int tries = 0; tries < 5; tries++) {
        enum err e = db_change(c->store, &c->cx, LANE_BULK, apply, state);
        if (e != ERR_STALE)
            return e == OK;
    }
    return false;
}

/* ---- pages and rows ---------------------------------------------------------------------- */

static void page_found(void *arg, const struct fault *damage)
{
    struct check *c = arg;
    c->cx.why = *damage;
    tell(c, false);
}

static bool page_goes_on(void *arg, int64_t done, int64_t total)
{
    struct check *c = arg;
    return !c->w->goes_on || c->w->goes_on(c->w->arg, c->part, done, total);
}

static enum err pages(struct check *c)
{
    const struct pages_wish w = {page_found, page_goes_on, c};
    slice(c);
    return pages_check(c->store, &c->cx, &w);
}

static enum err structure(struct check *c)
{
    const struct pages_wish w = {page_found, page_goes_on, c};
    slice(c);
    return c->w->is_alone ? pages_structure(c->store, &c->cx, &w) : OK;
}

/* What no foreign key says and yet must hold. */
static const struct {
    const char *table, *column, *parent;
} bonds[] = {{"source_key", "interaction_id", "interaction"},
             {"call_key", "call_id", "call"},
             {"order_fact", "customer_id", "customer"}};

static enum err table_rows(struct check *c, const struct table_info *t)
{
    struct table_walk w;
    struct table_ref refs[TABLE_COLUMNS_MAX + COUNT(bonds)];
    size_t n_refs = 0;
    for (size_t i = 0; i < t->n_refs; i++)
        refs[n_refs++] = t->refs[i];
    for (size_t i = 0; i < COUNT(bonds); i++)
        if (str_eq(t->name, str_of(bonds[i].table)))
            refs[n_refs++] =
                (struct table_ref){str_of(bonds[i].column), str_of(bonds[i].parent), S("id")};
    if (!table_walk_begin(&w, t))
        return fault(&c->cx, ERR_INTERNAL, M_STORE_FAILED);
    enum err e = OK;
    int64_t lost[COUNT(refs)] = {0};
    bool is_unread = false;
    while (e == OK && !w.is_over && !is_unread) {
        slice(c);
        size_t n = 0;
        e = read_begin(&c->cx);
        for (size_t i = 0; e == OK && i < n_refs; i++) {
            int64_t some = 0;
            e = table_walk_lost(&c->cx, &w, &refs[i], &some);
            lost[i] += some;
        }
        if (e == OK)
            e = table_walk_page(&c->cx, &w, NULL, NULL, &n);
        read_end(&c->cx);
        is_unread = e == ERR_INTERNAL;
        if (e == OK)
            e = step(c, (int64_t)n, 0);
    }
    table_walk_end(&w);
    if (is_unread) {
        DAMAGE(c, false, M_CHECK_ROWS, MARG("table", t->name));
        e = OK;
    }
    for (size_t i = 0; i < n_refs; i++)
        if (lost[i])
            DAMAGE(c, false, M_CHECK_REFERENCE, MNUM("n", lost[i]), MARG("table", t->name),
                   MARG("column", refs[i].column));
    return e;
}

static enum err rows(struct check *c)
{
    struct list tables = {0};
    struct cx own = c->cx;
    own.arena = c->keep;
    enum err e = tables_read(&own, &tables);
    c->cx.why = own.why;
    const struct table_info *t = tables.items;
    for (size_t i = 0; e == OK && i < tables.n; i++)
        e = table_rows(c, &t[i]);
    return e;
}

/* ---- stretches of ids ----------------------------------------------------------------------- */

/* Walks a table by its ids, a thousand at a time, each in one snapshot. */
static enum err stretches(struct check *c, const struct query *to_query,
                          enum err (*look)(struct check *c, int64_t after, int64_t to))
{
    for (int64_t after = INT64_MIN, to = 0; to != INT64_MAX; after = to) {
        slice(c);
        TRY(read_begin(&c->cx));
        enum err e = db_int(&c->cx, to_query, &to, ARGS(V(after)));
        if (e == OK)
            e = look(c, after, to);
        read_end(&c->cx);
        TRY(e);
        TRY(step(c, 1000, 0));
    }
    return OK;
}

static enum err wrong_ids(struct check *c, const struct query *q, int64_t after, int64_t to,
                          struct list *out)
{
    return db_all(&c->cx, q, &number_row_shape, out, ARGS(V(after), V(to)));
}

#define EACH(list, id) \
    (size_t i_ = 0;    \
     i_ < (list).n && ((id) = ((const struct number_row *)(list).items)[i_].n, true); i_++)

static enum err tell_wrong(struct check *c, const struct query *q, int64_t after, int64_t to,
                           uint16_t msg, const char *prefix)
{
    struct list found = {0};
    int64_t id = 0;
    TRY(wrong_ids(c, q, after, to, &found));
    for
        EACH(found, id)
    DAMAGE(c, false, msg, MARG("id", id_of(c, prefix, id)));
    return OK;
}

static enum err look_at_records(struct check *c, int64_t after, int64_t to)
{
    TRY(tell_wrong(c, &q_check_roots, after, to, M_CHECK_ROOT, "cus"));
    return tell_wrong(c, &q_check_standing_stray, after, to, M_CHECK_STANDING_STRAY, "cus");
}

static bool is_backwards(str value, str reversed)
{
    size_t at = value.len;
    for (size_t i = 0; i < reversed.len; i++) {
        while (at && !is_digit(value.ptr[at - 1]))
            at--;
        if (!at || value.ptr[--at] != reversed.ptr[i])
            return false;
    }
    return true;
}

static enum err look_at_identities(struct check *c, int64_t after, int64_t to)
{
    struct list found = {0};
    TRY(db_all(&c->cx, &q_check_identities, &check_identity_shape, &found, ARGS(V(after), V(to))));
    const struct check_identity *v = found.items;
    for (size_t i = 0; i < found.n; i++)
        if (!is_backwards(v[i].value, v[i].reversed))
            DAMAGE(c, false, M_CHECK_PHONE, MARG("id", id_of(c, "idn", v[i].id)));
    return OK;
}

static enum err look_at_orders(struct check *c, int64_t after, int64_t to)
{
    TRY(tell_wrong(c, &q_check_orders, after, to, M_CHECK_ORDER, "ord"));
    return tell_wrong(c, &q_check_orders_empty, after, to, M_CHECK_ORDER, "ord");
}

static enum err look_at_consents(struct check *c, int64_t after, int64_t to)
{
    return tell_wrong(c, &q_check_consents, after, to, M_CHECK_CONSENT, "cns");
}

static enum err records(struct check *c)
{
    return stretches(c, &q_check_customers_to, look_at_records);
}

static enum err identities(struct check *c)
{
    return stretches(c, &q_check_identities_to, look_at_identities);
}

static enum err orders(struct check *c)
{
    return stretches(c, &q_check_orders_to, look_at_orders);
}

static enum err consents(struct check *c)
{
    return stretches(c, &q_check_consents_to, look_at_consents);
}

static enum err job_waits(struct check *c, const char *kind, bool *waits)
{
    int64_t n = 0;
    slice(c);
    TRY(db_int(&c->cx, &q_check_job_waits, &n, ARGS(V(kind))));
    *waits = n > 0;
    return OK;
}

/* ---- counted figures ---------------------------------------------------------------------------- */

static enum err recount_apply(struct cx *cx, void *id)
{
    return standing_recount(cx, (customer_id){*(int64_t *)id});
}

/* What looked wrong between two changes is looked at again in one snapshot. A record without figures may be part of another by
 * now. */
static enum err is_wrong_indeed(struct check *c, int64_t id, bool *is)
{
    bool is_right = false;
    struct list missing = {0};
    TRY(read_begin(&c->cx));
    enum err e = standing_verify(&c->cx, (customer_id){id}, &is_right);
    if (e == ERR_NOT_FOUND) {
        e = wrong_ids(c, &q_check_standing_missing, id - 1, id, &missing);
        is_right = missing.n == 0;
    }
    read_end(&c->cx);
    *is = !is_right;
    return e;
}

static enum err figures(struct check *c)
{
    int64_t now_ms = c->cx.now_ms, real_ms = now_ms, after = 0;
    bool is_settled = false;
    slice(c);
    TRY(standing_true_for(&c->cx, &now_ms, &is_settled));
    for (int64_t from = INT64_MIN, to = 0; to != INT64_MAX; from = to) {
        struct list found = {0};
        int64_t id = 0;
        slice(c);
        TRY(db_int(&c->cx, &q_check_customers_to, &to, ARGS(V(from))));
        TRY(wrong_ids(c, &q_check_standing_missing, from, to, &found));
        for
            EACH(found, id)
            {
                bool mended = is_mended(c, recount_apply, &id);
                DAMAGE(c, mended, M_CHECK_STANDING, MARG("id", id_of(c, "cus", id)));
            }
        if (found.n && !c->w->repairs)
            is_settled = false, to = INT64_MAX; /* without them the rest cannot be compared */
        TRY(step(c, 0, 0));
    }
    int64_t customers = 0;
    TRY(db_int(&c->cx, &q_check_has_customers, &customers, NO_ARGS));
    if (!customers)
        return OK;
    if (!is_settled) {
        skipped(c, M_CHECK_SKIPPED_STANDING);
        return OK;
    }
    do {
        struct list wrong = {0};
        slice(c);
        c->cx.now_ms = now_ms;
        TRY(standing_check(&c->cx, &after, PAGE, &wrong));
        int64_t *ids = wrong.items;
        for (size_t i = 0; i < wrong.n; i++) {
            bool is = false;
            TRY(is_wrong_indeed(c, ids[i], &is));
            if (!is)
                continue;
            bool mended = is_mended(c, recount_apply, &ids[i]);
            DAMAGE(c, mended, M_CHECK_STANDING, MARG("id", id_of(c, "cus", ids[i])));
        }
        c->cx.now_ms = real_ms;
        TRY(step(c, PAGE, 0));
    } while (after);
    return OK;
}

/* ---- what finds people ---------------------------------------------------------------------- */

static enum err keys_apply(struct cx *cx, void *id)
{
    return customer_keys_mend(cx, (customer_id){*(int64_t *)id});
}

static enum err names(struct check *c)
{
    bool waits = false;
    TRY(job_waits(c, "customer.fold", &waits));
    int64_t after = 0;
    do {
        struct list wrong = {0};
        slice(c);
        TRY(read_begin(&c->cx));
        enum err e = customer_keys_check(&c->cx, &after, PAGE, !waits, &wrong);
        read_end(&c->cx);
        TRY(e);
        int64_t *ids = wrong.items;
        for (size_t i = 0; i < wrong.n; i++) {
            bool mended = is_mended(c, keys_apply, &ids[i]);
            DAMAGE(c, mended, M_CHECK_KEYS, MARG("id", id_of(c, "cus", ids[i])));
        }
        TRY(step(c, PAGE, 0));
    } while (after);
    return OK;
}

struct search_repair {
    const struct search_wrong *w;
    size_t n;
};

static enum err search_apply(struct cx *cx, void *state)
{
    const struct search_repair *r = state;
    return search_mend(cx, r->w, r->n);
}

/* Some at a time: FTS5 writes its lists once for each change. */
static void search_wrongs(struct check *c, const struct search_wrong *w, size_t n)
{
    for (size_t at = 0, some; at < n; at += some) {
        struct search_repair r = {w + at, some = n - at < SMALL_PAGE ? n - at : SMALL_PAGE};
        bool mended = is_mended(c, search_apply, &r);
        for (size_t i = at; i < at + some; i++)
            if (w[i].customer)
                DAMAGE(c, mended, M_CHECK_SEARCH, MARG("id", id_of(c, "cus", w[i].customer)));
            else if (!w[i].is_known)
                DAMAGE(c, mended, M_CHECK_SEARCH_STRAY, MNUM("number", w[i].doc));
    }
}

static enum err search_all(struct check *c, struct search_check *k)
{
    for (bool is_over = false; !is_over;) {
        struct list wrong = {0};
        int64_t n = 0;
        slice(c);
        TRY(read_begin(&c->cx));
        enum err e = search_check_step(&c->cx, k, &wrong, &n, &is_over);
        read_end(&c->cx);
        TRY(e);
        search_wrongs(c, wrong.items, wrong.n);
        TRY(step(c, n, 0));
        c->out->rows -= n; /* nothing that was not counted by the other parts */
    }
    return OK;
}

static enum err search(struct check *c)
{
    struct search_check *k = NULL;
    bool waits = false;
    TRY(job_waits(c, "search.fill", &waits));
    if (waits) {
        skipped(c, M_CHECK_SKIPPED_SEARCH);
        return OK;
    }
    enum err e = search_check_open(&c->cx, &k);
    if (e == OK)
        e = search_all(c, k);
    search_check_close(k);
    return e;
}

/* ---- segments, files, audit --------------------------------------------------------------------- */

static enum err segments(struct check *c)
{
    struct list found = {0};
    struct cx own = c->cx;
    own.arena = c->keep;
    TRY(db_all(&own, &q_check_segments, &number_row_shape, &found, NO_ARGS));
    int64_t id = 0;
    for
        EACH(found, id)
        {
            struct check_segment g = {0};
            slice(c);
            enum err e = db_one(&c->cx, &q_check_segment, &check_segment_shape, &g, ARGS(V(id)));
            if (e != OK && e != ERR_NOT_FOUND)
                return e;
            if (g.said != g.found)
                DAMAGE(c, false, M_CHECK_SEGMENT, MARG("id", id_of(c, "seg", id)),
                       MNUM("said", g.said), MNUM("found", g.found));
            TRY(step(c, 1, 0));
        }
    return OK;
}

static enum err import_is_there(struct check *c, int64_t id, bool *is)
{
    struct import i = {0};
    struct import_file *file = NULL;
    *is = true;
    enum err e = import_get(&c->cx, (import_id){id}, &i);
    if (e == ERR_NOT_FOUND || (e == OK && !i.is_staged))
        return OK; /* gone meanwhile */
    TRY(e);
    e = import_file_open(c->store, &c->cx, c->w->data_dir, &i, &file);
    if (e == OK) {
        const struct csv_source *s = import_file_source(file);
        char last = 0;
        *is = s->size == i.size && (i.size == 0 || s->read(s->arg, i.size - 1, &last, 1) == 1);
    } else {
        *is = false;
    }
    import_file_close(file);
    return OK;
}

static enum err imports(struct check *c)
{
    struct list found = {0};
    struct cx own = c->cx;
    own.arena = c->keep;
    TRY(db_all(&own, &q_check_imports, &number_row_shape, &found, NO_ARGS));
    int64_t id = 0;
    for
        EACH(found, id)
        {
            bool is = false;
            slice(c);
            TRY(import_is_there(c, id, &is));
            if (!is)
                DAMAGE(c, false, M_CHECK_IMPORT, MARG("id", id_of(c, "imp", id)));
            TRY(step(c, 1, 0));
        }
    return OK;
}

static enum err audit(struct check *c)
{
    struct audit_state a = {0};
    slice(c);
    TRY(audit_check(&c->cx, &a));
    for (size_t i = 0; i < a.n_findings; i++) {
        audit_finding_fault(&c->cx, &a.findings[i]);
        tell(c, false);
    }
    if (a.wrong_seal)
        DAMAGE(c, false, M_CHECK_AUDIT, MNUM("n", a.n_wrong));
    return step(c, a.rows, 0);
}

/* ---- all of it ---------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    enum err (*run)(struct check *c);
    bool is_quick;
} parts[] = {
    {"pages", pages, true},        {"structure", structure, true},    {"rows", rows, true},
    {"records", records, false},   {"identities", identities, false}, {"orders", orders, false},
    {"consents", consents, false}, {"figures", figures, false},       {"names", names, false},
    {"search", search, false},     {"segments", segments, false},     {"imports", imports, false},
    {"audit", audit, true},
};

enum err check_store(struct store *s, struct cx *cx, const struct check_wish *w,
                     struct check_result *out)
{
    *out = (struct check_result){0};
    struct check c = {.store = s, .cx = *cx, .w = w, .out = out};
    c.cx.arena = arena_open(ARENA_BYTES);
    c.keep = arena_open((size_t)16 << 20);
    enum err e = c.cx.arena && c.keep ? OK : fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    for (size_t i = 0; e == OK && i < COUNT(parts); i++) {
        if (w->is_quick && !parts[i].is_quick)
            continue;
        c.part = parts[i].name;
        c.done = 0;
        e = parts[i].run(&c);
        if (e == ERR_INTERNAL && out->damages) { /* what is broken stands in the way of the rest */
            out->is_partial = true;
            e = OK;
            break;
        }
    }
    if (e != OK && c.cx.why.msg) {
        cx->why = c.cx.why;
        fault_keep(cx->arena, &cx->why);
    }
    arena_close(c.cx.arena);
    arena_close(c.keep);
    return e;
}
