/* rooms/list/page.c - GET /customers: a page of the table, wherever it stands, at the same cost.
 *
 * Two ways to a page, and both look at a bounded number of rows:
 *   walk    the index of the order is walked from the cursor on and each row asked whether it fulfils
 *           the condition: good when many do. After walk_ns the page ends as it is.
 *   gather  what an index knows to be few is looked up, and what fulfils the rest is put in order:
 *           good when few do.
 * Which way is measured, not guessed: a look at the index counts up to gather_rows. */
#include "messages.h"
#include "queries.h"
#include "rooms/list/filter.h"

enum { STEP_MOST = 8000, WALK_MAX = 40000, PAGE_DEFAULT = 50, FOUND_MAX = 500 };

struct list_limits list_limits = {
    .gather_rows = 2000,
    .first_step = 250,
    .walk_ns = 6 * 1000 * 1000,
    .count_rows = 10000,
};

struct list_in {
    str where, q, sort, columns;
    int64_t limit;
    str cursor;
};
/* clang-format off */
static const struct field list_in_fields[] = {
    FIELD(struct list_in, where, .max_len = EXPR_TEXT_MAX, .multiline = true, .doc = "An expression that the customers fulfil"),
    FIELD(struct list_in, q, .doc = "Free words: name, number, address, tag"),
    FIELD(struct list_in, sort, .max_len = 60, .doc = "A sortable column of /meta; '-' before it: falling"),
    FIELD(struct list_in, columns, .max_len = 4000, .doc = "Columns of /meta, by commas; none: the usual ones"),
    FIELD(struct list_in, limit, .min = 1, .max = 200, .doc = "How many at most (default 50)"),
    FIELD(struct list_in, cursor, .max_len = 400, .doc = "As given by `next` of the page before"),
};
const struct shape list_in_shape = SHAPE("customer_list_in", struct list_in, list_in_fields);

struct list_out {
    str items, next;
    bool is_cut;
};
static const struct field list_out_fields[] = {
    FIELD_JSON(struct list_out, items, .doc = "Objects with id and the columns asked for"),
    FIELD(struct list_out, next, .nullable = true),
    FIELD(struct list_out, is_cut, .doc = "The page ended because enough rows were looked at, not because it is full; next goes on"),
};
const struct shape list_out_shape = SHAPE("customer_list", struct list_out, list_out_fields);

/* Where a row stands in the order: the key of the order, then the id. */
struct place { int64_t id, number; str text; };
static const struct field number_place_fields[] = {
    FIELD(struct place, id),
    FIELD(struct place, number),
};
static const struct shape number_place_shape = SHAPE("list_place", struct place, number_place_fields);
static const struct field text_place_fields[] = {
    FIELD(struct place, id),
    FIELD(struct place, text),
};
static const struct shape text_place_shape = SHAPE("list_text_place", struct place, text_place_fields);
struct count_row { int64_t n; };
static const struct field count_fields[] = {FIELD(struct count_row, n)};
static const struct shape count_shape = SHAPE("list_count", struct count_row, count_fields);
/* clang-format on */

/* What is asked, read and checked. */
struct wish {
    struct column_set columns;
    struct sorting sort;
    const struct filter *filter; /* NULL: everybody */
    const struct list *found;    /* of int64_t, by free words; NULL: none were given */
    int64_t limit;
    bool has_place;
    struct place after;
    const char *tag; /* of cursors */
};

/* ---- the order ------------------------------------------------------------------------------- */

static struct val key_of(const struct wish *w, const struct place *p)
{
    return w->sort.column->order.is_text ? V(p->text) : V(p->number);
}

static const struct shape *place_shape(const struct wish *w)
{
    return w->sort.column->order.is_text ? &text_place_shape : &number_place_shape;
}

/* `key` NULL: all rows have the same. */
static void put_order(struct made_text *m, const struct wish *w, const char *key, const char *id)
{
    const char *way = w->sort.falls ? " DESC" : "";
    made_sql(m, " ORDER BY ");
    if (key) {
        made_sql(m, key);
        made_sql(m, way);
        made_sql(m, ", ");
    }
    made_sql(m, id);
    made_sql(m, way);
}

/* Rows behind the place, as one comparison: PostgreSQL seeks by it; SQLite only where few rows are. */
static void put_behind(struct made_text *m, const struct wish *w, const char *key, const char *id)
{
    made_sql(m, "(");
    made_sql(m, key);
    made_sql(m, ", ");
    made_sql(m, id);
    made_sql(m, w->sort.falls ? ") < (" : ") > (");
    made_val(m, key_of(w, &w->after));
    made_sql(m, ", ");
    made_val(m, V(w->after.id));
    made_sql(m, ")");
}

/* Written so that PostgreSQL does not take it for rare: of `root_id = id` it believes one row in 200. */
#define ONLY_ROOTS " WHERE c.root_id >= c.id AND c.root_id <= c.id"

/* Which part of the order behind the place: all of it, the rows of the same key, those past it. */
enum stretch { FROM_THE_START, BEHIND, SAME_KEY, PAST_KEY };

/* Rows of the index in their order: id and key. */
static void put_stretch(struct made_text *m, const struct wish *w, enum stretch part, int64_t limit,
                        int64_t offset)
{
    const struct order *o = &w->sort.column->order;
    bool of_customer = o->from[0] == 'c';
    made_sql(m, "SELECT ");
    made_sql(m, o->id);
    made_sql(m, " AS id, ");
    made_sql(m, o->key);
    made_sql(m, " AS key FROM ");
    made_sql(m, o->from);
    made_sql(m, of_customer ? ONLY_ROOTS : " WHERE 1 = 1");
    if (w->filter)
        filter_put_range(w->filter, w->sort.column, m); /* what the index itself can answer */
    if (part == BEHIND) {
        made_sql(m, " AND ");
        put_behind(m, w, o->key, o->id);
    } else if (part != FROM_THE_START) {
        made_sql(m, " AND ");
        made_sql(m, o->key);
        made_sql(m, part == SAME_KEY ? " = " : w->sort.falls ? " < " : " > ");
        made_val(m, key_of(w, &w->after));
        if (part == SAME_KEY) {
            made_sql(m, " AND ");
            made_sql(m, o->id);
            made_sql(m, w->sort.falls ? " < " : " > ");
            made_val(m, V(w->after.id));
        }
    }
    /* SQLite does not see that an expression which equals one value puts nothing in order, and would sort all who have it. */
    put_order(m, w, part == SAME_KEY ? NULL : o->key, o->id);
    made_sql(m, " LIMIT ");
    made_val(m, V(limit));
    if (offset) {
        made_sql(m, " OFFSET ");
        made_val(m, V(offset));
    }
}

/* The next `limit` rows of the index. SQLite seeks by the first column only, and a key may be that of
 * half the table: there the rows of the same key and those past it are sought apart. */
static void put_walk(struct made_text *m, const struct wish *w, int64_t limit)
{
    if (!w->has_place || m->is_postgres) {
        put_stretch(m, w, w->has_place ? BEHIND : FROM_THE_START, limit, 0);
        return;
    }
    made_sql(m, "SELECT id, key FROM (");
    put_stretch(m, w, SAME_KEY, limit, 0);
    made_sql(m, ") UNION ALL SELECT id, key FROM (");
    put_stretch(m, w, PAST_KEY, limit, 0);
    made_sql(m, ") LIMIT ");
    made_val(m, V(limit));
}

static void put_joins(struct made_text *m, bool needs_standing, bool needs_customer)
{
    const char *join =
        m->is_postgres ? " JOIN " : " CROSS JOIN "; /* SQLite keeps the order of CROSS */
    if (needs_standing) {
        made_sql(m, join);
        made_sql(m, "standing s ON s.customer_id = w.id");
    }
    if (needs_customer) {
        made_sql(m, join);
        made_sql(m, "customer c ON c.id = w.id");
    }
}

static enum err read_places(struct cx *cx, const struct wish *w, struct made_text *m,
                            struct list *out)
{
    const struct query *q;
    TRY(made_query(cx, m, "customer_places", &q));
    return db_all(cx, q, place_shape(w), out, made_args(m));
}

/* ---- walk ------------------------------------------------------------------------------------- */

/* Row number `n` of the index behind the place; none when it ends before. */
static enum err walk_end(struct cx *cx, const struct wish *w, int64_t n, struct list *out)
{
    struct made_text m = made_begin(cx);
    if (!w->has_place || m.is_postgres) {
        put_stretch(&m, w, w->has_place ? BEHIND : FROM_THE_START, 1, n - 1);
    } else {
        made_sql(&m, "SELECT id, key FROM (");
        put_walk(&m, w, n);
        made_sql(&m, ") LIMIT 1 OFFSET ");
        made_val(&m, V(n - 1));
    }
    return read_places(cx, w, &m, out);
}

/* Those of the next `n` rows that fulfil the condition, at most `limit`. */
static enum err walk_step(struct cx *cx, const struct wish *w, int64_t n, int64_t limit,
                          struct list *out)
{
    struct filter_needs needs = filter_needs(w->filter, SIZE_MAX);
    struct made_text m = made_begin(cx);
    made_sql(&m, "SELECT w.id, w.key FROM (");
    put_walk(&m, w, n);
    made_sql(&m, ") w");
    put_joins(&m, needs.standing, needs.customer);
    made_sql(&m, " WHERE ");
    filter_put(w->filter, &m);
    if (m.is_postgres) /* SQLite gives them in this order, and would gather all of them first */
        put_order(&m, w, "w.key", "w.id");
    made_sql(&m, " LIMIT ");
    made_val(&m, V(limit));
    return read_places(cx, w, &m, out);
}

/* Step by step, each as long as the time that is left allows by the time of the one before. */
static enum err walk(struct cx *cx, struct wish *w, struct list *out, struct place *end,
                     bool *is_cut)
{
    struct made_text m = made_begin(cx);
    *is_cut = false;
    if (!w->filter) {
        put_walk(&m, w, w->limit + 1);
        return read_places(cx, w, &m, out);
    }
    struct place *found = ARENA_ARRAY(cx->arena, (size_t)w->limit + 1, struct place);
    int64_t begun = clock_mono_ns(), step = list_limits.first_step, looked = 0;
    *out = (struct list){found, 0};
    for (;;) {
        struct list some, last;
        TRY(walk_step(cx, w, step, w->limit + 1 - (int64_t)out->n, &some));
        if (some.n)
            memcpy(found + out->n, some.items, some.n * sizeof *found);
        out->n += some.n;
        if ((int64_t)out->n > w->limit)
            return OK;
        TRY(walk_end(cx, w, step, &last));
        if (!last.n)
            return OK;
        *end = w->after = *(struct place *)last.items;
        w->has_place = true;
        looked += step;
        int64_t spent = clock_mono_ns() - begun, left = list_limits.walk_ns - spent;
        if (left <= spent / 4 || looked >= WALK_MAX) {
            *is_cut = true;
            return OK;
        }
        int64_t fits = (int64_t)((double)left / (double)(spent + 1) * (double)looked);
        step = fits < list_limits.first_step ? list_limits.first_step
               : fits > STEP_MOST            ? STEP_MOST
                                             : fits;
    }
}

/* ---- gather ----------------------------------------------------------------------------------- */

/* Counts rows of a condition that an index answers, up to a limit. */
static enum err count_few(struct cx *cx, const struct filter *f, size_t which, int64_t limit,
                          int64_t *n)
{
    struct made_text m = made_begin(cx);
    const struct query *q;
    struct count_row row = {0};
    made_sql(&m, "SELECT COUNT(*) FROM (SELECT 1 FROM (");
    filter_put_few(f, which, &m);
    made_sql(&m, ") few LIMIT ");
    made_val(&m, V(limit));
    made_sql(&m, ") up");
    TRY(made_query(cx, &m, "customer_few", &q));
    TRY(db_one(cx, q, &count_shape, &row, made_args(&m)));
    *n = row.n;
    return OK;
}

/* The condition of the filter with the fewest rows, if it has few; SIZE_MAX: none. */
static enum err fewest(struct cx *cx, const struct filter *f, const struct column *order,
                       size_t *which)
{
    int64_t best = list_limits.gather_rows + 1;
    *which = SIZE_MAX;
    for (size_t i = 0; f && i < filter_few_n(f); i++) {
        int64_t n;
        if (order && filter_few_is_of_order(f, i, order))
            continue;
        TRY(count_few(cx, f, i, best, &n));
        if (n < best) {
            best = n;
            *which = i;
        }
    }
    return OK;
}

static void put_gathered(struct made_text *m, const struct wish *w, size_t which)
{
    made_sql(m, "(");
    if (w->found) {
        const char *all = "SELECT s.customer_id AS id FROM standing s WHERE s.customer_id IN ";
        made_sql(m, all);
        made_val(m, val_ints(w->found->items, w->found->n));
    } else {
        filter_put_few(w->filter, which, m);
        made_sql(m, " LIMIT ");
        made_val(m, V(list_limits.gather_rows + 1));
    }
    made_sql(m, ") w");
    which = w->found ? SIZE_MAX : which;
    bool by_customer = w->sort.column->order.from[0] == 'c';
    struct filter_needs needs = {0};
    if (w->filter)
        needs = filter_needs(w->filter, which);
    put_joins(m, true, needs.customer || by_customer); /* only what answers has a standing */
    made_sql(m, " WHERE 1 = 1");
    if (w->filter) {
        made_sql(m, " AND ");
        filter_put_rest(w->filter, which, m);
    }
}

static enum err gather(struct cx *cx, const struct wish *w, size_t which, struct list *out)
{
    const struct order *o = &w->sort.column->order;
    struct made_text m = made_begin(cx);
    made_sql(&m, "SELECT w.id, ");
    made_sql(&m, o->key);
    made_sql(&m, " AS key FROM ");
    put_gathered(&m, w, which);
    if (w->has_place) {
        made_sql(&m, " AND ");
        put_behind(&m, w, o->key, "w.id");
    }
    put_order(&m, w, m.is_postgres ? "key" : "2", "w.id");
    made_sql(&m, " LIMIT ");
    made_val(&m, V(w->limit + 1));
    return read_places(cx, w, &m, out);
}

/* ---- cursors ----------------------------------------------------------------------------------- */

static const char *tag_of(struct cx *cx, const struct list_in *in, const struct sorting *s)
{
    uint8_t hash[32];
    sha256(arena_printf(cx->arena, "%s %d " SFMT "%c" SFMT, s->column->name, s->falls,
                        SARG(in->where), '\n', SARG(in->q)),
           hash);
    uint64_t short_one;
    memcpy(&short_one, hash, sizeof short_one);
    return arena_cstr(cx->arena,
                      arena_printf(cx->arena, "customers %llx", (unsigned long long)short_one));
}

static enum err place_read(struct cx *cx, str cursor, struct wish *w)
{
    w->has_place = cursor.len > 0;
    if (!w->has_place)
        return OK;
    struct place *p = &w->after;
    bool is_ours = w->sort.column->order.is_text
                       ? cursor_read_text(cx->arena, cursor, cx->now_ms, w->tag, &p->text, &p->id)
                       : cursor_read(cursor, cx->now_ms, w->tag, &p->number, &p->id);
    return is_ours ? OK : fault_field(cx, ERR_INVALID, S("cursor"), M_PAGE_CURSOR);
}

static str place_make(struct cx *cx, const struct wish *w, const struct place *p)
{
    return w->sort.column->order.is_text
               ? cursor_make_text(cx->arena, cx->now_ms, w->tag, p->text, p->id)
               : cursor_make(cx->arena, cx->now_ms, w->tag, p->number, p->id);
}

/* ---- the page ----------------------------------------------------------------------------------- */

static enum err wish_read(struct cx *cx, const struct list_in *in, struct wish *w)
{
    static const int64_t some = PAGE_DEFAULT;
    *w = (struct wish){.limit = in->limit ? in->limit : some};
    TRY(columns_named(cx, in->columns, &w->columns));
    TRY(sorting_read(cx, in->sort.len ? in->sort : S("-created_at"), &w->sort));
    TRY(filter_read(cx, in->where, &w->filter));
    TRY(filter_words(cx, in->q, FOUND_MAX, &w->found));
    w->tag = tag_of(cx, in, &w->sort);
    return place_read(cx, in->cursor, w);
}

enum err list_route(struct cx *cx, void *in, void *out)
{
    struct list_out *page = out;
    struct wish w;
    TRY(wish_read(cx, in, &w));
    size_t few = SIZE_MAX;
    struct list places = {0};
    struct place end = {0};
    if (!w.found)
        TRY(fewest(cx, w.filter, w.sort.column, &few));
    if (w.found || few != SIZE_MAX)
        TRY(gather(cx, &w, few, &places));
    else
        TRY(walk(cx, &w, &places, &end, &page->is_cut));
    if ((int64_t)places.n > w.limit) {
        places.n = (size_t)w.limit;
        end = ((const struct place *)places.items)[w.limit - 1];
        page->next = place_make(cx, &w, &end);
    } else if (page->is_cut) {
        page->next = place_make(cx, &w, &end);
    }
    int64_t *ids = ARENA_ARRAY(cx->arena, places.n + 1, int64_t);
    for (size_t i = 0; i < places.n; i++)
        ids[i] = ((const struct place *)places.items)[i].id;
    return rows_json(cx, &w.columns, ids, places.n, &page->items);
}

/* ---- how many ------------------------------------------------------------------------------------ */

struct many_in {
    str where, q;
};
struct many_out {
    int64_t count;
    int how;
};
enum { HOW_EXACT, HOW_AT_LEAST, HOW_ABOUT };
static const char *const how_codes[] = {"exact", "at_least", "about"};
/* clang-format off */
static const struct field many_in_fields[] = {
    FIELD(struct many_in, where, .max_len = EXPR_TEXT_MAX, .multiline = true, .doc = "An expression that the customers fulfil"),
    FIELD(struct many_in, q, .doc = "Free words"),
};
const struct shape many_in_shape = SHAPE("customer_count_in", struct many_in, many_in_fields);
static const struct field many_out_fields[] = {
    FIELD(struct many_out, count),
    FIELD_ENUM(struct many_out, how, how_codes, .doc = "exact; at_least; about, from a sample"),
};
const struct shape many_out_shape = SHAPE("customer_count", struct many_out, many_out_fields);
/* clang-format on */

static enum err one_number(struct cx *cx, struct made_text *m, const char *name, int64_t *out)
{
    const struct query *q;
    struct count_row row = {0};
    TRY(made_query(cx, m, name, &q));
    enum err e = db_one(cx, q, &count_shape, &row, made_args(m));
    *out = row.n;
    return e == ERR_NOT_FOUND ? OK : e;
}

/* Stretches of ids from random places: what part of them fulfils the condition is about the part of
 * all. */
enum { SAMPLES = 32, SAMPLE_ROWS = 125 };
static enum err sample(struct cx *cx, const struct wish *w, int64_t all, int64_t *about)
{
    struct place ends[2] = {{0}};
    struct db_read reads[SAMPLES];
    struct count_row hits[SAMPLES] = {{0}};
    TRY(db_int(cx, &q_list_first_id, &ends[0].id, NO_ARGS));
    TRY(db_int(cx, &q_list_last_id, &ends[1].id, NO_ARGS));
    uint64_t span = (uint64_t)(ends[1].id - ends[0].id) + 1;
    for (size_t i = 0; i < SAMPLES; i++) {
        uint64_t any;
        random_bytes(&any, sizeof any);
        /* one from each of equal stretches of time */
        int64_t from = ends[0].id + (int64_t)(span / SAMPLES * i + any % (span / SAMPLES + 1));
        struct made_text m = made_begin(cx);
        const struct query *q;
        made_sql(&m, "SELECT COUNT(*) FROM (SELECT s.customer_id AS id FROM standing s WHERE "
                     "s.customer_id >= ");
        made_val(&m, V(from));
        made_sql(&m, " ORDER BY s.customer_id LIMIT ");
        made_val(&m, V(SAMPLE_ROWS));
        made_sql(&m, ") w");
        put_joins(&m, true, true);
        made_sql(&m, " WHERE ");
        filter_put(w->filter, &m);
        TRY(made_query(cx, &m, "customer_sample", &q));
        reads[i] = (struct db_read){q, &count_shape, true, &hits[i], made_args(&m), false};
    }
    TRY(db_batch(cx, reads, SAMPLES));
    int64_t n = 0;
    for (size_t i = 0; i < SAMPLES; i++)
        n += hits[i].n;
    *about = (int64_t)((double)n * (double)all / (SAMPLES * SAMPLE_ROWS));
    return OK;
}

/* Two digits that mean something. */
static int64_t rounded(int64_t n)
{
    int64_t unit = 1;
    while (n / unit >= 100)
        unit *= 10;
    return (n + unit / 2) / unit * unit;
}

enum err count_route(struct cx *cx, void *in, void *out)
{
    const struct many_in *a = in;
    struct many_out *r = out;
    struct wish w = {0};
    TRY(sorting_read(cx, S("-created_at"), &w.sort));
    TRY(filter_read(cx, a->where, &w.filter));
    TRY(filter_words(cx, a->q, FOUND_MAX, &w.found));
    size_t few = SIZE_MAX;
    if (!w.found)
        TRY(fewest(cx, w.filter, NULL, &few));
    struct made_text m = made_begin(cx);
    if (w.found || few != SIZE_MAX) {
        made_sql(&m, "SELECT COUNT(*) FROM ");
        put_gathered(&m, &w, few);
        TRY(one_number(cx, &m, "customer_count", &r->count));
        r->how = w.found && w.found->n >= FOUND_MAX ? HOW_AT_LEAST : HOW_EXACT;
        return OK;
    }
    int64_t all = 0, most = list_limits.count_rows;
    TRY(db_int(cx, &q_list_some, &all, ARGS(V(most + 1))));
    if (!w.filter) {
        r->how = all > most ? HOW_AT_LEAST : HOW_EXACT;
        r->count = all > most ? most : all;
        return OK;
    }
    if (all <= most) {
        made_sql(&m,
                 "SELECT COUNT(*) FROM standing s JOIN customer c ON c.id = s.customer_id WHERE ");
        filter_put(w.filter, &m);
        return one_number(cx, &m, "customer_count", &r->count);
    }
    TRY(db_int(cx, &q_list_everybody, &all, NO_ARGS));
    TRY(sample(cx, &w, all, &r->count));
    r->count = rounded(r->count);
    r->how = HOW_ABOUT;
    return OK;
}
