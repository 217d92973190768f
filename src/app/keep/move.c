/* app/keep/move.c - a whole installation as rows, out of any store and into any empty one. */
#include "app/keep/move.h"
#include "app/keep/held.h"
#include "base/value.h"
#include "db/tables.h"
#include "messages.h"
#include "migrations.h"
#include "queries.h"
#include "rooms/import/import.h"
#include "rooms/search/search.h"
#include <stdlib.h>

enum { PIECE = 1 << 20, TABLES_MAX = 200, FILE_PIECE = 256 << 10, ROWS_A_TELLING = 2000 };
static const size_t ARENA_BYTES = (size_t)64 << 20;

/* ---- what is left out, what is made alike ------------------------------------------------------- */

static bool is_left_out(str table)
{
    static const char *const names[] = {"migration",    "node", "lease",
                                        "import_chunk", "blob", "audit_moved"};
    for (size_t i = 0; i < COUNT(names); i++)
        if (str_eq(table, str_of(names[i])))
            return true;
    return false;
}

/* Rows that belong to one place: (table, first column). */
static bool is_of_the_place(str table, str key)
{
    static const char *const rows[][2] = {
        {"setting", "sending_held"},  {"setting", "place"},         {"setting", "backup_verified"},
        {"setting", "backup_place"},  {"store_meta", "settled"},    {"store_meta", "filling"},
        {"store_meta", "migrating"},  {"store_meta", "events_cut"}, {"store_meta", "ring"},
        {"store_meta", "audit_moved"}};
    for (size_t i = 0; i < COUNT(rows); i++)
        if (str_eq(table, str_of(rows[i][0])) && str_eq(key, str_of(rows[i][1])))
            return true;
    return false;
}

static bool is_transaction(str table, str column)
{
    return str_eq(column, S("xid")) &&
           (str_eq(table, S("event")) || str_eq(table, S("segment_follow")) ||
            str_eq(table, S("judge_follow")));
}

/* Columns of PostgreSQL alone: grams of the search, and which seal holds a row of the audit. */
static bool is_made_anew(str table, str column)
{
    return (str_eq(table, S("search_doc")) && str_eq(column, S("grams"))) ||
           ((str_eq(table, S("audit")) || str_eq(table, S("audit_value"))) &&
            str_eq(column, S("seal")));
}

/* A table as it goes out: columns by name, without those that are made anew. */
struct shape_out {
    const struct table_info *t;
    struct table_info sorted;     /* what is walked */
    size_t at[TABLE_COLUMNS_MAX]; /* by the order of going out: place among sorted's columns */
    size_t n;
    size_t name_at; /* SIZE_MAX: it has no column `name` */
};

static int by_name(const void *a, const void *b)
{
    return str_cmp(((const struct table_column *)a)->name, ((const struct table_column *)b)->name);
}

static void shape_of(struct cx *cx, const struct table_info *t, struct shape_out *out)
{
    *out = (struct shape_out){.t = t, .sorted = *t, .name_at = SIZE_MAX};
    out->sorted.columns = ARENA_ARRAY(cx->arena, t->n, struct table_column);
    memcpy(out->sorted.columns, t->columns, t->n * sizeof *t->columns);
    qsort(out->sorted.columns, t->n, sizeof *t->columns, by_name);
    if (str_eq(t->name,
               S("event"))) { /* on PostgreSQL by its transactions too, which are left out */
        out->sorted.key[0] = S("seq");
        out->sorted.n_key = 1;
    }
    for (size_t i = 0; i < t->n; i++) {
        const str name = out->sorted.columns[i].name;
        for (size_t k = 0; k < out->sorted.n_key; k++)
            if (str_eq(name, out->sorted.key[k]))
                out->sorted.key_at[k] = i;
        if (str_eq(name, S("name")))
            out->name_at = i;
        if (is_made_anew(t->name, name))
            continue;
        out->at[out->n++] = i;
    }
}

/* ---- bytes --------------------------------------------------------------------------------------- */

static void put32(struct text *t, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        text_add_char(t, (char)(v >> (8 * i) & 0xff));
}

static void put64(struct text *t, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        text_add_char(t, (char)(v >> (8 * i) & 0xff));
}

static void put_str(struct text *t, str s)
{
    put32(t, (uint32_t)s.len);
    text_add(t, s);
}

static void put_cell(struct text *t, const struct val *v)
{
    union {
        double d;
        uint64_t u;
    } eight = {.d = v->d};
    switch (v->kind) {
    case VAL_INT:
        text_add_char(t, 1);
        put64(t, (uint64_t)v->i);
        return;
    case VAL_DOUBLE:
        text_add_char(t, 2);
        put64(t, eight.u);
        return;
    case VAL_TEXT:
        text_add_char(t, 3);
        put_str(t, v->s);
        return;
    case VAL_BLOB:
        text_add_char(t, 4);
        put_str(t, v->s);
        return;
    default:
        text_add_char(t, 0);
    }
}

static bool take(str *s, size_t n, const char **out)
{
    if (s->len < n)
        return false;
    *out = s->ptr;
    *s = (str){s->ptr + n, s->len - n};
    return true;
}

static bool take32(str *s, uint32_t *v)
{
    const char *p;
    if (!take(s, 4, &p))
        return false;
    *v = 0;
    for (int i = 0; i < 4; i++)
        *v |= (uint32_t)(uint8_t)p[i] << (8 * i);
    return true;
}

static bool take64(str *s, uint64_t *v)
{
    const char *p;
    if (!take(s, 8, &p))
        return false;
    *v = 0;
    for (int i = 0; i < 8; i++)
        *v |= (uint64_t)(uint8_t)p[i] << (8 * i);
    return true;
}

static bool take_str(str *s, str *out)
{
    uint32_t n = 0;
    const char *p = NULL;
    if (!take32(s, &n) || !take(s, n, &p))
        return false;
    *out = (str){p, n};
    return true;
}

static bool take_cell(str *s, struct val *out)
{
    const char *tag;
    uint64_t u = 0;
    union {
        uint64_t u;
        double d;
    } eight;
    *out = VNULL;
    if (!take(s, 1, &tag))
        return false;
    switch (*tag) {
    case 0:
        return true;
    case 1:
        *out = val_int(0);
        if (!take64(s, &u))
            return false;
        out->i = (int64_t)u;
        return true;
    case 2:
        if (!take64(s, &eight.u))
            return false;
        *out = val_double(eight.d);
        return true;
    case 3:
    case 4:
        *out = (struct val){.kind = *tag == 3 ? VAL_TEXT : VAL_BLOB};
        return take_str(s, &out->s);
    default:
        return false;
    }
}

struct digest {
    uint8_t now[32];
};

/* The digest so far, the letter, the piece. */
static void digest_add(struct digest *d, char letter, str body)
{
    uint8_t all[65];
    memcpy(all, d->now, 32);
    all[32] = (uint8_t)letter;
    sha256(body, all + 33);
    sha256((str){(const char *)all, sizeof all}, d->now);
}

/* ---- out ------------------------------------------------------------------------------------------- */

struct out {
    struct store *store;
    struct cx cx;
    struct box_out *box;
    struct digest digest;
    bool (*goes_on)(void *arg, const char *part, int64_t done, int64_t total);
    void *teller;
    int64_t rows;
    /* of the table at hand */
    const struct shape_out *s;
    struct text piece;
    uint32_t in_piece;
    size_t count_at;
};

static enum err piece_out(struct out *o, char letter, str body)
{
    digest_add(&o->digest, letter, body);
    return box_out_add(&o->cx, o->box, letter, (str){0}, body);
}

static void rows_begin(struct out *o)
{
    o->piece.len = 0;
    o->in_piece = 0;
    put32(&o->piece, 0);
}

static enum err rows_flush(struct out *o)
{
    if (!o->in_piece)
        return OK;
    if (o->piece.is_over)
        return fault(&o->cx, ERR_TOO_BIG, M_STORE_TOO_BIG);
    for (int i = 0; i < 4; i++)
        o->piece.ptr[i] = (char)(o->in_piece >> (8 * i) & 0xff);
    enum err e = piece_out(o, 'r', text_str(&o->piece));
    rows_begin(o);
    return e;
}

static enum err row_out(void *arg, const struct val *cells, size_t n)
{
    struct out *o = arg;
    const struct shape_out *s = o->s;
    (void)n;
    if (s->name_at != SIZE_MAX && is_of_the_place(s->t->name, cells[s->name_at].s))
        return OK;
    size_t before = o->piece.len;
    const struct val zero = val_int(0);
    for (size_t i = 0; i < s->n; i++) {
        const struct val *v = &cells[s->at[i]];
        put_cell(&o->piece,
                 is_transaction(s->t->name, s->sorted.columns[s->at[i]].name) ? &zero : v);
    }
    if (o->piece.len > PIECE && o->in_piece) { /* it begins the next piece */
        char *last = arena_alloc(o->cx.arena, o->piece.len - before, 1);
        size_t length = o->piece.len - before;
        memcpy(last, o->piece.ptr + before, length);
        o->piece.len = before;
        TRY(rows_flush(o));
        text_add(&o->piece, (str){last, length});
    }
    o->in_piece++;
    o->rows++;
    return OK;
}

static enum err table_out(struct out *o, const struct table_info *t)
{
    struct shape_out s;
    struct table_walk w;
    struct arena *keep = arena_open((size_t)1 << 20), *outer = o->cx.arena;
    if (!keep)
        return fault(&o->cx, ERR_INTERNAL, M_STORE_FAILED);
    o->cx.arena = keep;
    shape_of(&o->cx, t, &s);
    o->s = &s;
    struct text head = text_in(keep, 16384);
    put_str(&head, t->name);
    put32(&head, (uint32_t)s.n);
    for (size_t i = 0; i < s.n; i++) {
        text_add_char(&head, (char)s.sorted.columns[s.at[i]].type);
        put_str(&head, s.sorted.columns[s.at[i]].name);
    }
    o->cx.arena = outer;
    enum err e = piece_out(o, 't', text_str(&head));
    bool is_begun = e == OK && table_walk_begin(&w, &s.sorted);
    if (e == OK && !is_begun)
        e = fault(&o->cx, ERR_INTERNAL, M_STORE_FAILED);
    rows_begin(o);
    while (e == OK && is_begun && !w.is_over) {
        size_t n = 0;
        arena_reset(o->cx.arena);
        e = table_walk_page(&o->cx, &w, row_out, o, &n);
        if (e == OK && o->goes_on && !o->goes_on(o->teller, "rows", o->rows, 0))
            e = fault(&o->cx, ERR_BUSY, M_KEEP_STOPPED);
    }
    if (e == OK)
        e = rows_flush(o);
    if (is_begun)
        table_walk_end(&w);
    arena_close(keep);
    return e;
}

static enum err file_out(struct out *o, str data_dir, import_id id)
{
    struct import i = {0};
    struct import_file *file = NULL;
    TRY(import_get(&o->cx, id, &i));
    enum err e = import_file_open(o->store, &o->cx, data_dir, &i, &file);
    const struct csv_source *s = e == OK ? import_file_source(file) : NULL;
    char *some = arena_alloc(o->cx.arena, FILE_PIECE, 1);
    for (int64_t at = 0; e == OK && at < s->size;) {
        ssize_t n = s->read(s->arg, at, some, FILE_PIECE);
        if (n <= 0) {
            e = fault(&o->cx, ERR_INVALID, M_CHECK_IMPORT,
                      MARG("id", id_text(o->cx.arena, "imp", id.v)));
            break;
        }
        o->piece.len = 0;
        put64(&o->piece, (uint64_t)id.v);
        put64(&o->piece, (uint64_t)at);
        text_add(&o->piece, (str){some, (size_t)n});
        e = piece_out(o, 'i', text_str(&o->piece));
        at += n;
    }
    import_file_close(file);
    return e;
}

static enum err files_out(struct out *o, str data_dir)
{
    struct list found = {0};
    struct arena *keep = arena_open((size_t)4 << 20), *outer = o->cx.arena;
    if (!keep)
        return fault(&o->cx, ERR_INTERNAL, M_STORE_FAILED);
    o->cx.arena = keep;
    enum err e = db_all(&o->cx, &q_check_imports, &number_row_shape, &found, NO_ARGS);
    o->cx.arena = outer;
    const struct number_row *r = found.items;
    for (size_t i = 0; e == OK && i < found.n; i++) {
        arena_reset(o->cx.arena);
        e = file_out(o, data_dir, (import_id){r[i].n});
    }
    arena_close(keep);
    return e;
}

static enum err head_out(struct out *o)
{
    int64_t mark = 0;
    TRY(db_int(&o->cx, &q_move_id_mark, &mark, NO_ARGS));
    o->piece.len = 0;
    put32(&o->piece, (uint32_t)migrations_n);
    for (size_t i = 0; i < migrations_n; i++)
        text_add(&o->piece, (str){migrations[i].hash, 64});
    put64(&o->piece, (uint64_t)(mark > id_high_water() ? mark : id_high_water()));
    put64(&o->piece, (uint64_t)clock_now_ms());
    return box_out_add(&o->cx, o->box, 'v', (str){0}, text_str(&o->piece));
}

static enum err all_out(struct out *o, str data_dir, struct arena *keep)
{
    struct list tables = {0};
    struct cx own = o->cx;
    own.arena = keep;
    enum err e = tables_read(&own, &tables);
    o->cx.why = own.why;
    TRY(e);
    TRY(head_out(o));
    const struct table_info *t = tables.items;
    for (size_t i = 0; i < tables.n; i++)
        if (!is_left_out(t[i].name))
            TRY(table_out(o, &t[i]));
    TRY(files_out(o, data_dir));
    o->piece.len = 0;
    put64(&o->piece, (uint64_t)o->rows);
    text_add(&o->piece, (str){(const char *)o->digest.now, 32});
    return box_out_add(&o->cx, o->box, BOX_END, (str){0}, text_str(&o->piece));
}

/* Words of a fault outlive the arena they were made in. */
static void keep_words(struct cx *to, const struct cx *from)
{
    to->why = from->why;
    fault_keep(to->arena, &to->why);
}

enum err move_out(struct store *s, struct cx *cx, const struct keyring *ring, str data_dir,
                  bool (*write)(void *arg, const void *p, size_t n), void *arg,
                  bool (*goes_on)(void *arg, const char *part, int64_t done, int64_t total),
                  void *teller, struct move_figures *out)
{
    *out = (struct move_figures){0};
    struct out o = {.store = s, .cx = *cx, .goes_on = goes_on, .teller = teller};
    struct arena *keep = arena_open((size_t)16 << 20);
    o.cx.arena = arena_open(ARENA_BYTES);
    o.piece = text_on_heap((size_t)BOX_PIECE_MAX);
    enum err e = keep && o.cx.arena ? OK : fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    if (e == OK)
        e = box_out_open(&o.cx, ring, BOX_ROWS, write, arg, &o.box);
    if (e == OK)
        e = all_out(&o, data_dir, keep);
    if (e == OK) {
        out->rows = o.rows;
        out->bytes = box_out_bytes(o.box);
        memcpy(out->digest, o.digest.now, 32);
    } else if (o.cx.arena) {
        keep_words(cx, &o.cx);
    }
    box_out_close(o.box);
    text_free(&o.piece);
    arena_close(o.cx.arena);
    arena_close(keep);
    return e;
}

/* ---- in ----------------------------------------------------------------------------------------------- */

/* A table that rows come for. */
struct goal {
    const struct table_info *t;
    struct query insert;
    size_t at[TABLE_COLUMNS_MAX]; /* of each column that comes: its place among the arguments */
    uint8_t type[TABLE_COLUMNS_MAX];
    size_t n_in, n;        /* columns that come; that are written */
    size_t id_at, text_at; /* search_doc: whose grams are made */
};

struct in {
    struct store *store;
    struct cx cx;
    struct box_in *box;
    str name, data_dir;
    struct arena *keep;
    struct list tables;
    struct bulk *bulk;
    struct goal *goal;
    struct query gram;
    struct digest digest;
    bool (*goes_on)(void *arg, const char *part, int64_t done, int64_t total);
    void *teller;
    int64_t rows, told;
    uint64_t mark;
    bool has_head, has_end;
    /* the file that comes */
    struct import_stage *stage;
    int64_t stage_id, stage_at;
};

static enum err other_version(struct in *i)
{
    return fault(&i->cx, ERR_INVALID, M_KEEP_OTHER_VERSION, MARG("file", i->name));
}

static enum err head_in(struct in *i, str body)
{
    uint32_t n = 0;
    uint64_t ms = 0;
    if (!take32(&body, &n))
        return box_damaged(&i->cx, i->box);
    if (n != migrations_n || body.len != (size_t)n * 64 + 16)
        return other_version(i);
    for (size_t k = 0; k < n; k++) {
        const char *p = NULL;
        if (!take(&body, 64, &p) || memcmp(p, migrations[k].hash, 64) != 0)
            return other_version(i);
    }
    i->has_head = true;
    return take64(&body, &i->mark) && take64(&body, &ms) ? OK : box_damaged(&i->cx, i->box);
}

static void put_name(struct text *t, str name)
{
    text_add_char(t, '"');
    text_add(t, name);
    text_add_char(t, '"');
}

/* INSERT INTO t (…) VALUES (…) for both engines; it lives as long as the connection that keeps its statement. */
static void insert_make(struct in *i, struct goal *g, const str *columns)
{
    struct text lite = text_in(i->keep, 16384), pg = text_in(i->keep, 16384);
    struct text *const both[] = {&lite, &pg};
    for (int k = 0; k < 2; k++) {
        struct text *t = both[k];
        text_printf(t, "INSERT INTO \"" SFMT "\" (", SARG(g->t->name));
        for (size_t c = 0; c < g->n; c++) {
            text_add(t, c ? S(", ") : S(""));
            put_name(t, columns[c]);
        }
        text_add(t, S(") VALUES ("));
        for (size_t c = 0; c < g->n; c++)
            text_printf(t, "%s%c%zu", c ? ", " : "", k ? '$' : '?', c + 1);
        text_add_char(t, ')');
        text_add_char(t, 0);
    }
    g->insert = (struct query){.name = "move_in",
                               .sqlite = lite.ptr,
                               .postgres = pg.ptr,
                               .n_params = (uint16_t)g->n,
                               .writes = true};
}

static enum err table_in(struct in *i, str body)
{
    str name = {0}, columns[TABLE_COLUMNS_MAX + 1];
    uint32_t n = 0;
    struct goal *g = ARENA_NEW(i->keep, struct goal);
    *g = (struct goal){0};
    if (!take_str(&body, &name) || !take32(&body, &n) || n == 0 || n > TABLE_COLUMNS_MAX)
        return box_damaged(&i->cx, i->box);
    g->t = table_of_name(&i->tables, name);
    if (!g->t || is_left_out(name))
        return other_version(i);
    for (uint32_t c = 0; c < n; c++) {
        const char *type = NULL;
        str column = {0};
        if (!take(&body, 1, &type) || !take_str(&body, &column))
            return box_damaged(&i->cx, i->box);
        size_t k = 0;
        while (k < g->t->n && !str_eq(g->t->columns[k].name, column))
            k++;
        if (k == g->t->n || g->t->columns[k].type != *type)
            return other_version(i);
        for (uint32_t before = 0; before < c; before++)
            if (str_eq(columns[before], column))
                return box_damaged(&i->cx, i->box);
        columns[c] = g->t->columns[k].name;
        g->type[c] = (uint8_t)*type;
        g->at[c] = c;
        if (str_eq(column, S("id")))
            g->id_at = c;
        if (str_eq(column, S("text")))
            g->text_at = c;
    }
    if (body.len)
        return box_damaged(&i->cx, i->box);
    g->n_in = g->n = n;
    if (str_eq(name, S("search_doc")) && store_is_postgres(i->store))
        columns[g->n++] = S("grams");
    insert_make(i, g, columns);
    i->goal = g;
    return OK;
}

static bool fits(const struct val *v, uint8_t type)
{
    static const int kinds[] = {[COLUMN_INT] = VAL_INT,
                                [COLUMN_TEXT] = VAL_TEXT,
                                [COLUMN_BLOB] = VAL_BLOB,
                                [COLUMN_REAL] = VAL_DOUBLE};
    return v->kind == VAL_NULL || (type < COUNT(kinds) && (int)v->kind == kinds[type]);
}

static enum err row_in(struct in *i, struct goal *g, struct val *cells)
{
    char *table = arena_cstr(i->cx.arena, g->t->name);
    bool is_doc = str_eq(g->t->name, S("search_doc"));
    str pieces = is_doc ? search_pieces(i->cx.arena, cells[g->text_at].s) : (str){0};
    if (g->n > g->n_in)
        cells[g->n_in] = V(pieces);
    TRY(bulk_row(i->bulk, &i->cx, table, &g->insert, (struct args){cells, g->n}));
    if (is_doc && !store_is_postgres(i->store))
        TRY(bulk_row(i->bulk, &i->cx, "search_gram", &q_search_gram_insert,
                     ARGS(cells[g->id_at], V(pieces))));
    i->rows++;
    return OK;
}

static enum err rows_in(struct in *i, str body)
{
    struct goal *g = i->goal;
    uint32_t n = 0;
    struct val cells[TABLE_COLUMNS_MAX + 1];
    if (!g || !take32(&body, &n))
        return box_damaged(&i->cx, i->box);
    for (uint32_t r = 0; r < n; r++) {
        if (r % ROWS_A_TELLING == 0)
            arena_reset(i->cx.arena);
        for (size_t c = 0; c < g->n_in; c++)
            if (!take_cell(&body, &cells[c]) || !fits(&cells[c], g->type[c]))
                return box_damaged(&i->cx, i->box);
        TRY(row_in(i, g, cells));
    }
    return body.len ? box_damaged(&i->cx, i->box) : OK;
}

static enum err stage_end(struct in *i)
{
    import_id id = {0};
    int64_t size = 0;
    if (!i->stage)
        return OK;
    TRY(import_stage_flush(i->stage, &i->cx, &id, &size));
    import_stage_keep(i->stage);
    import_stage_close(i->stage);
    i->stage = NULL;
    return OK;
}

static enum err bulk_over(struct in *i)
{
    if (!i->bulk)
        return OK;
    if ((int64_t)i->mark > id_high_water())
        id_start(0, (int64_t)i->mark);
    struct bulk *b = i->bulk;
    i->bulk = NULL;
    return bulk_end(b, &i->cx);
}

static enum err file_in(struct in *i, str body)
{
    uint64_t id = 0, at = 0;
    if (!take64(&body, &id) || !take64(&body, &at) || (int64_t)id <= 0)
        return box_damaged(&i->cx, i->box);
    TRY(bulk_over(
        i)); /* files come behind all rows; their pieces are rows of their own on PostgreSQL */
    if (i->stage_id != (int64_t)id) {
        TRY(stage_end(i));
        i->stage_id = (int64_t)id;
        i->stage_at = 0;
        TRY(import_stage_of(i->store, &i->cx, i->data_dir, (import_id){(int64_t)id}, &i->stage));
    }
    if (!i->stage || (int64_t)at != i->stage_at)
        return box_damaged(&i->cx, i->box);
    i->stage_at += (int64_t)body.len;
    return import_stage_add(i->stage, &i->cx, body);
}

static enum err end_in(struct in *i, str body)
{
    uint64_t rows = 0;
    const char *digest = NULL;
    if (!take64(&body, &rows) || !take(&body, 32, &digest) || body.len ||
        (int64_t)rows != i->rows || memcmp(digest, i->digest.now, 32) != 0)
        return box_damaged(&i->cx, i->box);
    i->has_end = true;
    return OK;
}

static enum err piece_in(struct in *i, char letter, str body)
{
    if ((letter == 'v') == i->has_head || i->has_end)
        return box_damaged(&i->cx, i->box);
    if (letter == 't' || letter == 'r' || letter == 'i')
        digest_add(&i->digest, letter, body);
    switch (letter) {
    case 'v':
        return head_in(i, body);
    case 't':
        return i->bulk ? table_in(i, body) : box_damaged(&i->cx, i->box);
    case 'r':
        return i->bulk ? rows_in(i, body) : box_damaged(&i->cx, i->box);
    case 'i':
        return file_in(i, body);
    case BOX_END:
        return end_in(i, body);
    default:
        return box_damaged(&i->cx, i->box);
    }
}

/* What making a store puts into it; every other table must be empty. */
static bool is_of_making(str table)
{
    static const char *const names[] = {"setting", "job", "event", "store_meta"};
    for (size_t k = 0; k < COUNT(names); k++)
        if (str_eq(table, str_of(names[k])))
            return true;
    return false;
}

static struct query *made(struct in *i, const char *sql, str table, bool writes)
{
    struct query *q = ARENA_NEW(i->keep, struct query);
    struct text t = text_in(i->keep, 1024);
    text_add(&t, str_of(sql));
    put_name(&t, table);
    if (!writes)
        text_add(&t, S(" LIMIT 1) AS found"));
    text_add_char(&t, 0);
    *q = (struct query){.name = "move_empty", .sqlite = t.ptr, .postgres = t.ptr, .writes = writes};
    return q;
}

static enum err empty_apply(struct cx *cx, void *state)
{
    struct in *i = state;
    const struct table_info *t = i->tables.items;
    for (size_t k = 0; k < i->tables.n; k++) {
        int64_t n = 0;
        if (is_left_out(t[k].name) || is_of_making(t[k].name))
            continue;
        TRY(db_int(cx, made(i, "SELECT count(*) FROM (SELECT 1 FROM ", t[k].name, false), &n,
                   NO_ARGS));
        if (n)
            return fault(cx, ERR_INVALID, M_KEEP_NOT_EMPTY, MARG("dir", S("the store")));
    }
    for (size_t k = 0; k < i->tables.n; k++)
        if (is_of_making(t[k].name) && !str_eq(t[k].name, S("store_meta")))
            TRY(db_run(cx, made(i, "DELETE FROM ", t[k].name, true), NO_ARGS));
    return db_run(cx, &q_move_meta_away, NO_ARGS);
}

static enum err last_apply(struct cx *cx, void *state)
{
    int64_t n = 0;
    (void)state;
    TRY(db_int(cx, &q_move_sequences, &n, NO_ARGS));
    return settings_set(cx, "sending_held", S("restored")); /* no row more than there was */
}

static enum err all_in(struct in *i)
{
    struct cx own = i->cx;
    own.arena = i->keep;
    enum err e = tables_read(&own, &i->tables);
    i->cx.why = own.why;
    TRY(e);
    audit_seals_hold(i->store, true);
    TRY(db_change(i->store, &i->cx, LANE_INTERACTIVE, empty_apply, i));
    TRY(bulk_begin(i->store, &i->cx, &i->bulk));
    for (;;) {
        char letter = 0;
        str body = {0};
        bool is_cut = false;
        arena_reset(i->cx.arena);
        TRY(box_in_next(&i->cx, i->box, &letter, &body, &is_cut));
        if (!letter)
            break;
        TRY(piece_in(i, letter, body));
        if (i->goes_on && !i->goes_on(i->teller, "rows", i->rows, 0))
            return fault(&i->cx, ERR_BUSY, M_KEEP_STOPPED);
    }
    if (!i->has_end)
        return fault(&i->cx, ERR_INVALID, M_KEEP_CUT, MARG("file", i->name));
    TRY(bulk_over(i));
    TRY(stage_end(i));
    TRY(audit_taken_in(i->store, &i->cx));
    arena_reset(i->cx.arena);
    TRY(db_change(i->store, &i->cx, LANE_INTERACTIVE, last_apply, i));
    audit_seals_hold(i->store, false);
    return OK;
}

enum err move_in(struct store *s, struct cx *cx, struct box_in *b, str name, str data_dir,
                 bool (*goes_on)(void *arg, const char *part, int64_t done, int64_t total),
                 void *teller, struct move_figures *out)
{
    *out = (struct move_figures){0};
    struct in *i = calloc(1, sizeof *i);
    if (!i)
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    *i = (struct in){.store = s,
                     .cx = *cx,
                     .box = b,
                     .name = name,
                     .data_dir = data_dir,
                     .keep = arena_open(ARENA_BYTES),
                     .goes_on = goes_on,
                     .teller = teller};
    i->cx.arena = arena_open((size_t)256 << 20);
    enum err e = i->keep && i->cx.arena ? all_in(i) : fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    if (e == OK) {
        out->rows = i->rows;
        out->bytes = box_in_bytes(b);
        memcpy(out->digest, i->digest.now, 32);
    } else if (i->cx.arena) {
        keep_words(cx, &i->cx);
    }
    import_stage_close(i->stage);
    bulk_drop(i->bulk);
    arena_close(i->cx.arena);
    /* i->keep holds queries whose statements live as long as the store's connections: the caller closes the store next */
    out->keep = i->keep;
    free(i);
    return e;
}
