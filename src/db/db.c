/* db/db.c - the calls that rooms use, and rows into structs; the engines do the rest. */
#include "db/db_impl.h"

/* ---- rows into structs -------------------------------------------------------------- */

static bool is_column(const struct field *f)
{
    return !f->not_column && f->type != F_LIST && f->type != F_STRUCT && f->type != F_JSON &&
           f->type != F_STR_LIST;
}

size_t shape_columns(const struct shape *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        if (is_column(&s->fields[i]))
            n += s->fields[i].type == F_MONEY ? 2 : 1;
    return n;
}

/* Our own mistake: the query and its shape do not fit. */
static enum err misfit(struct cx *cx, const struct query *q, const char *field, const char *why)
{
    log_line(LOG_ERROR, "row", "query=%s column=%s reason=%s", q->name, field, why);
    return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
}

static bool cell_text(struct cx *cx, const struct val *c, str *out)
{
    *out = (str){"", 0};
    if (c->kind == VAL_TEXT || c->kind == VAL_BLOB) {
        if (c->s.len > 0)
            *out = arena_str(cx->arena, c->s);
        return true;
    }
    if (c->kind == VAL_INT) {
        *out = arena_printf(cx->arena, "%lld", (long long)c->i);
        return true;
    }
    return c->kind == VAL_NULL;
}

static bool cell_int(const struct val *c, int64_t *out)
{
    *out = c->kind == VAL_INT ? c->i : 0;
    return c->kind == VAL_INT || c->kind == VAL_NULL;
}

static enum err cell_enum(struct cx *cx, const struct query *q, const struct field *f,
                          const struct val *c, void *member)
{
    size_t found = 0;
    if (c->kind == VAL_TEXT) {
        while (found < f->n_names && !str_eq(c->s, str_of(f->names[found])))
            found++;
        if (found == f->n_names)
            return misfit(cx, q, f->name, "unknown_code");
    } else if (c->kind != VAL_NULL) {
        return misfit(cx, q, f->name, "not_text");
    }
    if (f->size == sizeof(int)) {
        int v = (int)found;
        memcpy(member, &v, sizeof v);
    } else if (f->size == 1) {
        uint8_t v = (uint8_t)found;
        memcpy(member, &v, sizeof v);
    } else {
        int64_t v = (int64_t)found;
        memcpy(member, &v, f->size);
    }
    return OK;
}

/* One field from its cell (money: two); NULL is zero, empty, absent. */
static enum err cell_store(struct cx *cx, const struct query *q, const struct field *f,
                           const struct val *c, void *row)
{
    char *member = (char *)row + f->offset;
    int64_t i = 0;
    str s = {0};
    bool fits = true;
    switch (f->type) {
    case F_STR:
        fits = cell_text(cx, c, &s);
        memcpy(member, &s, sizeof s);
        break;
    case F_OPT_STR: {
        fits = cell_text(cx, c, &s);
        opt_str o = {c->kind != VAL_NULL, s};
        memcpy(member, &o, sizeof o);
        break;
    }
    case F_INT:
    case F_WHEN:
    case F_ID:
        fits = cell_int(c, &i);
        memcpy(member, &i, sizeof i);
        break;
    case F_OPT_INT: {
        fits = cell_int(c, &i);
        opt_int o = {c->kind != VAL_NULL, i};
        memcpy(member, &o, sizeof o);
        break;
    }
    case F_BOOL: {
        fits = cell_int(c, &i);
        bool b = i != 0;
        memcpy(member, &b, sizeof b);
        break;
    }
    case F_DOUBLE: {
        double d = c->kind == VAL_DOUBLE ? c->d : c->kind == VAL_INT ? (double)c->i : 0.0;
        fits = c->kind == VAL_DOUBLE || c->kind == VAL_INT || c->kind == VAL_NULL;
        memcpy(member, &d, sizeof d);
        break;
    }
    case F_MONEY: {
        money m = {0};
        fits = cell_int(&c[0], &m.amount) && (c[1].kind == VAL_TEXT || c[1].kind == VAL_NULL) &&
               c[1].s.len < sizeof m.currency.code;
        if (fits && c[1].kind == VAL_TEXT)
            memcpy(m.currency.code, c[1].s.ptr, c[1].s.len);
        memcpy(member, &m, sizeof m);
        break;
    }
    case F_ENUM:
        return cell_enum(cx, q, f, c, member);
    default:
        fits = false;
    }
    return fits ? OK : misfit(cx, q, f->name, "wrong_type");
}

static enum err row_fill(struct cx *cx, const struct query *q, const struct shape *shape,
                         const struct val *cells, size_t n, void *row)
{
    size_t at = 0;
    for (size_t i = 0; i < shape->n; i++) {
        const struct field *f = &shape->fields[i];
        if (!is_column(f))
            continue;
        size_t wide = f->type == F_MONEY ? 2 : 1;
        if (at + wide > n)
            return misfit(cx, q, f->name, "no_such_column");
        TRY(cell_store(cx, q, f, &cells[at], row));
        at += wide;
    }
    return at == n ? OK : misfit(cx, q, "-", "more_columns_than_fields");
}

/* Room for one more row of a list; the old items stay in the arena. */
static enum err list_grow(struct cx *cx, struct sink *to)
{
    size_t cap = to->cap ? to->cap * 2 : 8;
    if (to->n >= ROWS_MAX) {
        log_line(LOG_ERROR, "row", "reason=more_than_%d_rows", ROWS_MAX);
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    }
    void *items = arena_try(cx->arena, cap, to->shape->size);
    if (!items)
        return fault(cx, ERR_TOO_BIG, M_STORE_TOO_BIG);
    struct list *list = to->out;
    if (to->n)
        memcpy(items, list->items, to->n * to->shape->size);
    list->items = items;
    to->cap = cap;
    return OK;
}

enum err sink_row(struct cx *cx, const struct query *q, struct sink *to, const struct val *cells,
                  size_t n, bool *wants_more)
{
    *wants_more = false;
    switch (to->kind) {
    case SINK_ONE:
        if (to->n++ == 0)
            return row_fill(cx, q, to->shape, cells, n, to->out);
        return OK;
    case SINK_INT:
        if (to->n++ > 0)
            return OK;
        if (n != 1 || !cell_int(&cells[0], to->out))
            return misfit(cx, q, "-", "wants_one_integer");
        return OK;
    case SINK_ALL: {
        *wants_more = true;
        if (to->n == to->cap)
            TRY(list_grow(cx, to));
        struct list *list = to->out;
        char *row = (char *)list->items + to->n * to->shape->size;
        to->n++;
        return row_fill(cx, q, to->shape, cells, n, row);
    }
    case SINK_EACH:
        *wants_more = true;
        to->n++;
        return to->each(to->out, cells, n);
    default:
        return OK;
    }
}

enum err sink_end(struct sink *to)
{
    if (to->kind == SINK_ALL) {
        ((struct list *)to->out)->n = to->n;
        return OK;
    }
    return to->kind == SINK_NONE || to->kind == SINK_EACH || to->n ? OK : ERR_NOT_FOUND;
}

str val_list_json(struct arena *a, const struct val *v)
{
    struct text t = text_in(a, (size_t)64 << 20);
    text_add_char(&t, '[');
    struct json_out j = {.to = &t};
    for (int64_t i = 0; i < v->i; i++) {
        if (i)
            text_add_char(&t, ',');
        if (v->kind == VAL_INTS) {
            text_add_int(&t, ((const int64_t *)(const void *)v->s.ptr)[i]);
        } else {
            j.needs_comma = false;
            json_str(&j, ((const str *)(const void *)v->s.ptr)[i]);
        }
    }
    text_add_char(&t, ']');
    return text_str(&t);
}

/* ---- the calls ------------------------------------------------------------------------ */

/* The first failure of a statement refuses the whole change, on SQLite as on PostgreSQL. */
enum err db_break(struct cx *cx, enum err e)
{
    struct db *d = cx->db;
    if (e != OK && e != ERR_NOT_FOUND && d->is_writer && d->broken == OK) {
        d->broken = e;
        d->broken_why = cx->why;
    }
    return e;
}

/* Before each call: is the arena over its limit, is this change refused already? */
static enum err may_go_on(struct cx *cx)
{
    assert(cx->db);
    if (cx->db->is_writer && cx->db->broken != OK) {
        cx->why = cx->db->broken_why;
        return cx->db->broken;
    }
    if (arena_is_over(cx->arena))
        return db_break(cx, fault(cx, ERR_TOO_BIG, M_STORE_TOO_BIG));
    return OK;
}

static enum err rows(struct cx *cx, const struct query *q, struct args a, struct sink *to)
{
    TRY(may_go_on(cx));
    struct db *d = cx->db;
    assert(a.n == q->n_params);
    assert(d->is_writer || !q->writes);
    enum err e = d->pg ? pg_rows(cx, d, q, a, to) : lite_rows(cx, d, q, a, to);
    return e == OK ? sink_end(to) : db_break(cx, e);
}

enum err db_one(struct cx *cx, const struct query *q, const struct shape *shape, void *out,
                struct args a)
{
    struct sink to = {.kind = SINK_ONE, .shape = shape, .out = out};
    return rows(cx, q, a, &to);
}

enum err db_all(struct cx *cx, const struct query *q, const struct shape *shape, struct list *out,
                struct args a)
{
    *out = (struct list){0};
    struct sink to = {.kind = SINK_ALL, .shape = shape, .out = out};
    return rows(cx, q, a, &to);
}

enum err db_int(struct cx *cx, const struct query *q, int64_t *out, struct args a)
{
    *out = 0;
    struct sink to = {.kind = SINK_INT, .out = out};
    return rows(cx, q, a, &to);
}

enum err db_each(struct cx *cx, const struct query *q, struct args a,
                 enum err (*row)(void *arg, const struct val *cells, size_t n), void *arg)
{
    struct sink to = {.kind = SINK_EACH, .each = row, .out = arg};
    return rows(cx, q, a, &to);
}

static enum err batch_one_by_one(struct cx *cx, struct db_read *reads, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct db_read *r = &reads[i];
        struct sink to = {.kind = r->one ? SINK_ONE : SINK_ALL, .shape = r->shape, .out = r->out};
        if (!r->one)
            *(struct list *)r->out = (struct list){0};
        enum err e = rows(cx, r->q, r->args, &to);
        if (e != OK && e != ERR_NOT_FOUND)
            return e;
        r->found = to.n > 0;
    }
    return OK;
}

enum err db_batch(struct cx *cx, struct db_read *reads, size_t n)
{
    struct db *d = cx->db;
    if (!d->pg)
        return batch_one_by_one(cx, reads, n);
    TRY(may_go_on(cx));
    return db_break(cx, pg_batch(cx, d, reads, n));
}

static enum err run(struct cx *cx, const struct query *q, struct args a, int64_t *changed)
{
    TRY(may_go_on(cx));
    struct db *d = cx->db;
    assert(d->is_writer);
    assert(a.n == q->n_params);
    return db_break(cx, d->pg ? pg_run(cx, d, q, a, changed) : lite_run(cx, d, q, a, changed));
}

enum err db_run(struct cx *cx, const struct query *q, struct args a)
{
    return run(cx, q, a, NULL);
}

enum err db_run_count(struct cx *cx, const struct query *q, int64_t *changed, struct args a)
{
    *changed = 0;
    return run(cx, q, a, changed);
}

bool db_is_postgres(const struct cx *cx)
{
    return cx->db->pg != NULL;
}

enum err db_run_must(struct cx *cx, const struct query *q, uint16_t msg, struct args a)
{
    struct db *d = cx->db;
    if (d->pg) {
        TRY(may_go_on(cx));
        assert(a.n == q->n_params && d->is_writer);
        return db_break(cx, pg_run_must(cx, d, q, a, msg));
    }
    int64_t changed = 0;
    TRY(run(cx, q, a, &changed));
    return changed ? OK : db_break(cx, fault(cx, ERR_STALE, msg));
}

enum err read_begin(struct cx *cx)
{
    struct db *d = cx->db;
    assert(!d->is_writer);
    return d->pg ? pg_read_begin(cx, d) : lite_read_begin(cx, d);
}

void read_end(struct cx *cx)
{
    struct db *d = cx->db;
    if (!d || d->is_writer)
        return;
    if (d->pg)
        pg_read_end(d);
    else
        lite_read_end(d);
}

void db_free_common(struct db *d)
{
    arena_close(d->event_arena);
    free(d->events);
    free(d->gathered_ids);
    free(d);
}
