/* db/tables.c - the tables of a store, and walks over all their rows. */
#include "db/tables.h"
#include "db/db_impl.h"
#include "queries.h"

enum { PAGE_ROWS = 1000, PAGE_ROWS_OF_BLOBS = 16 };

struct table_column_row {
    str table_name, name, type;
    int64_t key_place;
};
struct table_ref_row {
    str table_name, name, parent, parent_column;
};
/* clang-format off */
static const struct field table_column_row_fields[] = {
    FIELD(struct table_column_row, table_name),
    FIELD(struct table_column_row, name),
    FIELD(struct table_column_row, type),
    FIELD(struct table_column_row, key_place),
};
const struct shape table_column_row_shape =
    SHAPE("table_column_row", struct table_column_row, table_column_row_fields);
static const struct field table_ref_row_fields[] = {
    FIELD(struct table_ref_row, table_name),
    FIELD(struct table_ref_row, name),
    FIELD(struct table_ref_row, parent),
    FIELD(struct table_ref_row, parent_column),
};
const struct shape table_ref_row_shape = SHAPE("table_ref_row", struct table_ref_row, table_ref_row_fields);
/* clang-format on */

/* ---- what there is ------------------------------------------------------------------------ */

static enum err strange(struct cx *cx, str table, const char *why)
{
    log_line(LOG_ERROR, "table", "name=%.*s reason=%s", SARG(table), why);
    return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
}

static bool type_of(str name, int *out)
{
    static const struct {
        const char *name;
        int type;
    } types[] = {{"INTEGER", COLUMN_INT}, {"INT", COLUMN_INT},
                 {"bigint", COLUMN_INT},  {"integer", COLUMN_INT},
                 {"TEXT", COLUMN_TEXT},   {"text", COLUMN_TEXT},
                 {"BLOB", COLUMN_BLOB},   {"bytea", COLUMN_BLOB},
                 {"REAL", COLUMN_REAL},   {"double precision", COLUMN_REAL},
                 {"BIGINT", COLUMN_INT}};
    for (size_t i = 0; i < COUNT(types); i++)
        if (str_eq(name, str_of(types[i].name))) {
            *out = types[i].type;
            return true;
        }
    return false;
}

static enum err table_fill(struct cx *cx, struct table_info *t, const struct table_column_row *r,
                           size_t n)
{
    t->name = r[0].table_name;
    t->columns = ARENA_ARRAY(cx->arena, n, struct table_column);
    if (n > TABLE_COLUMNS_MAX)
        return strange(cx, t->name, "too_many_columns");
    for (size_t i = 0; i < n; i++) {
        t->columns[i].name = r[i].name;
        if (!type_of(r[i].type, &t->columns[i].type))
            return strange(cx, t->name, "unknown_type");
        if (r[i].key_place > TABLE_KEY_MAX)
            return strange(cx, t->name, "long_key");
        if (r[i].key_place > 0) {
            size_t at = (size_t)r[i].key_place - 1;
            t->key[at] = r[i].name;
            t->key_at[at] = i;
            if (t->n_key <= at)
                t->n_key = at + 1;
        }
    }
    t->n = n;
    return t->n_key ? OK : strange(cx, t->name, "no_key");
}

enum err tables_read(struct cx *cx, struct list *out)
{
    struct list columns = {0}, refs = {0};
    TRY(db_all(cx, &q_table_columns, &table_column_row_shape, &columns, NO_ARGS));
    TRY(db_all(cx, &q_table_refs, &table_ref_row_shape, &refs, NO_ARGS));
    const struct table_column_row *c = columns.items;
    const struct table_ref_row *f = refs.items;
    struct table_info *tables = ARENA_ARRAY(cx->arena, columns.n + 1, struct table_info);
    size_t n_tables = 0;
    for (size_t i = 0; i < columns.n;) {
        size_t n = 1;
        while (i + n < columns.n && str_eq(c[i + n].table_name, c[i].table_name))
            n++;
        struct table_info *t = &tables[n_tables++];
        TRY(table_fill(cx, t, &c[i], n));
        t->refs = ARENA_ARRAY(cx->arena, refs.n + 1, struct table_ref);
        for (size_t k = 0; k < refs.n; k++)
            if (str_eq(f[k].table_name, t->name))
                t->refs[t->n_refs++] =
                    (struct table_ref){f[k].name, f[k].parent, f[k].parent_column};
        i += n;
    }
    *out = (struct list){tables, n_tables};
    return OK;
}

const struct table_info *table_of_name(const struct list *tables, str name)
{
    const struct table_info *t = tables->items;
    for (size_t i = 0; i < tables->n; i++)
        if (str_eq(t[i].name, name))
            return &t[i];
    return NULL;
}

/* ---- walking -------------------------------------------------------------------------------- */

bool table_walk_begin(struct table_walk *w, const struct table_info *t)
{
    *w = (struct table_walk){.t = t, .place = arena_open(1 << 20), .page = PAGE_ROWS};
    for (size_t i = 0; i < t->n; i++)
        if (t->columns[i].type == COLUMN_BLOB && t->n_key > 1)
            w->page = PAGE_ROWS_OF_BLOBS; /* pieces of files */
    return w->place != NULL;
}

void table_walk_end(struct table_walk *w)
{
    arena_close(w->place);
    w->place = NULL;
}

static void put_name(struct made_text *m, str name)
{
    made_sql(m, "\"");
    made_str(m, name);
    made_sql(m, "\"");
}

static void put_key(struct made_text *m, const struct table_info *t)
{
    for (size_t i = 0; i < t->n_key; i++) {
        made_sql(m, i ? ", " : "");
        put_name(m, t->key[i]);
    }
}

/* FROM … WHERE key > after ORDER BY key LIMIT page */
static void put_page(struct made_text *m, const struct table_walk *w)
{
    made_sql(m, " FROM ");
    put_name(m, w->t->name);
    if (w->is_begun) {
        made_sql(m, " WHERE (");
        put_key(m, w->t);
        made_sql(m, ") > (");
        for (size_t i = 0; i < w->t->n_key; i++) {
            made_sql(m, i ? ", " : "");
            made_val(m, w->after[i]);
        }
        made_sql(m, ")");
    }
    made_sql(m, " ORDER BY ");
    put_key(m, w->t);
    made_sql(m, " LIMIT ");
    made_val(m, V((int64_t)w->page));
}

struct page {
    struct table_walk *w;
    enum err (*row)(void *arg, const struct val *cells, size_t n);
    void *arg;
    size_t n;
};

static enum err page_row(void *arg, const struct val *cells, size_t n)
{
    struct page *p = arg;
    struct table_walk *w = p->w;
    if (++p->n == w->page) { /* the place where the next page begins */
        arena_reset(w->place);
        for (size_t i = 0; i < w->t->n_key; i++) {
            struct val *to = &w->after[i];
            *to = cells[w->t->key_at[i]];
            if (to->kind == VAL_TEXT || to->kind == VAL_BLOB)
                to->s = arena_str(w->place, to->s);
        }
    }
    return p->row ? p->row(p->arg, cells, n) : OK;
}

enum err table_walk_page(struct cx *cx, struct table_walk *w,
                         enum err (*row)(void *arg, const struct val *cells, size_t n), void *arg,
                         size_t *n)
{
    struct made_text m = made_begin(cx);
    const struct query *q = NULL;
    struct page p = {w, row, arg, 0};
    made_sql(&m, "SELECT ");
    for (size_t i = 0; i < w->t->n; i++) {
        made_sql(&m, i ? ", " : "");
        put_name(&m, w->t->columns[i].name);
    }
    put_page(&m, w);
    TRY(made_query(cx, &m, "table_walk", &q));
    TRY(db_each(cx, q, made_args(&m), page_row, &p));
    w->is_begun = true;
    w->is_over = p.n < w->page;
    *n = p.n;
    return OK;
}

enum err table_walk_lost(struct cx *cx, struct table_walk *w, const struct table_ref *ref,
                         int64_t *n)
{
    struct made_text m = made_begin(cx);
    const struct query *q = NULL;
    made_sql(&m, "SELECT count(*) FROM (SELECT ");
    put_name(&m, ref->column);
    made_sql(&m, " AS found");
    put_page(&m, w);
    made_sql(&m, ") page WHERE page.found IS NOT NULL AND NOT EXISTS (SELECT 1 FROM ");
    put_name(&m, ref->parent);
    made_sql(&m, " p WHERE p.");
    put_name(&m, ref->parent_column);
    made_sql(&m, " = page.found)");
    TRY(made_query(cx, &m, "table_walk_lost", &q));
    return db_int(cx, q, n, made_args(&m));
}
