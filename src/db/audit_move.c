/* db/audit_move.c - the seals of an audit that came from another store.
 *
 * Where one thread writes, ids are in the order of seals, and a seal holds what lies behind the one before. On PostgreSQL
 * neighbouring seals overlap. So after a move each row is told its seal: on PostgreSQL in the row, on SQLite in audit_moved, and
 * there only when it is needed. The seals themselves stay as they were, and so does what the log said of them.
 */
#include "db/audit_inner.h"
#include "queries.h"

enum {
    STEP_ROWS = 10000,
    LOOSE_MAX = 50000,
    LATE_MS = 3600000, /* a row may come that late into its seal; one that is older was put in */
};

void audit_seals_hold(struct store *s, bool is_held)
{
    atomic_store(&s->holds_seals, is_held);
}

/* ---- what the store knows of it ------------------------------------------------------------------ */

enum err audit_moved_read(struct cx *cx, struct audit_moved *out)
{
    struct store_text t = {0};
    *out = (struct audit_moved){0};
    if (db_is_postgres(cx))
        return OK;
    enum err e = db_one(cx, &q_store_meta_get, &store_text_shape, &t, ARGS(V("audit_moved")));
    if (e != OK)
        return e == ERR_NOT_FOUND ? OK : e;
    str rest = t.value, seals = str_cut(&rest, ' ');
    if (!str_to_int(seals, &out->seals) || !str_to_int(rest, &out->line))
        *out = (struct audit_moved){
            0}; /* somebody wrote there: all rows are where they should not be */
    return OK;
}

enum err audit_moved_loose(struct cx *cx, int64_t line, int64_t *after, struct list *out)
{
    int64_t to = 0;
    TRY(db_int(cx, &q_audit_rows_step, &to, ARGS(V(line), V(*after), V((int64_t)STEP_ROWS))));
    TRY(db_all(cx, &q_audit_loose, &audit_value_row_shape, out,
               ARGS(V(*after), V(to), V((int64_t)LOOSE_MAX))));
    const struct audit_value_row *r = out->items;
    *after = out->n == LOOSE_MAX ? r[out->n - 1].id : to;
    return OK;
}

/* ---- the walk over the seals ----------------------------------------------------------------------- */

struct taking {
    struct store *store;
    struct cx *cx;
    int64_t number;              /* of the last one looked at */
    int64_t last_id, last_value; /* of the seal before */
    int64_t newest;              /* id that a seal holds */
    int64_t n, n_values;         /* that seals hold, up to last_id and last_value */
    bool is_ordered;
    struct audit_seal end; /* the last one, in `keep` */
    struct arena *keep;
};

/* Seals hold at most so many, and their digests are as long as that. */
static bool fits(const struct audit_seal *s)
{
    return s->n >= 0 && s->n <= SEAL_ROWS && s->n_values >= 0 && s->n_values <= SEAL_ROWS &&
           s->digests.v.len == (size_t)(s->n + s->n_values) * DIGEST;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static enum err seals_walk(struct taking *t,
                           enum err (*each)(struct taking *, const struct audit_seal *))
{
    struct cx *cx = t->cx;
    struct list seals = {0};
    t->number = t->last_id = t->last_value = 0;
    do {
        arena_reset(cx->arena);
        TRY(db_all(cx, &q_audit_seals, &audit_seal_shape, &seals, ARGS(V(t->number))));
        const struct audit_seal *s = seals.items;
        for (size_t i = 0; i < seals.n; i++) {
            TRY(each(t, &s[i]));
            t->number = s[i].number;
            t->last_id = s[i].n ? s[i].last_id : t->last_id;
            t->last_value = s[i].n_values ? s[i].last_value_id : t->last_value;
            t->newest = most(t->newest, most(t->last_id, t->last_value));
        }
        if (seals.n) {
            const struct audit_seal *last = &s[seals.n - 1];
            arena_reset(t->keep);
            t->end = *last;
            t->end.chain = arena_str(t->keep, last->chain);
            t->end.digests = (opt_str){0};
        }
    } while (seals.n);
    return OK;
}

/* Do the ids follow each other from seal to seal? */
static enum err look(struct taking *t, const struct audit_seal *s)
{
    bool is_old = !s->digests.has;
    if (s->n && !is_old && s->first_id <= t->last_id)
        t->is_ordered = false;
    if (s->n_values && s->first_value_id <= t->last_value)
        t->is_ordered = false;
    t->n += s->n;
    t->n_values += s->n_values;
    return OK;
}

/* ---- telling rows their seal ------------------------------------------------------------------------- */

struct telling {
    const struct audit_seal *seal;
    struct val ids, values;
    int64_t before;
};

static enum err tell_apply(struct cx *cx, void *state)
{
    const struct telling *t = state;
    const struct audit_seal *s = t->seal;
    bool is_postgres = db_is_postgres(cx);
    if (!s->digests.has)
        return db_run(cx, is_postgres ? &q_audit_mark_old : &q_audit_moved_old,
                      ARGS(V(t->before), V(s->last_id)));
    TRY(db_run(cx, is_postgres ? &q_audit_mark : &q_audit_moved_add, ARGS(V(s->number), t->ids)));
    return db_run(cx, is_postgres ? &q_audit_value_mark : &q_audit_moved_add,
                  ARGS(V(s->number), t->values));
}

static struct val ids_of(struct cx *cx, str digests, size_t from, size_t n)
{
    int64_t *ids = ARENA_ARRAY(cx->arena, n + 1, int64_t);
    for (size_t i = 0; i < n; i++)
        ids[i] = digest_id(digests, from + i);
    return val_ints(ids, n);
}

static enum err tell(struct taking *t, const struct audit_seal *s)
{
    struct telling g = {.seal = s, .before = t->last_id};
    if (s->digests.has && !fits(s))
        return OK; /* the check names it */
    if (s->digests.has) {
        g.ids = ids_of(t->cx, s->digests.v, 0, (size_t)s->n);
        g.values = ids_of(t->cx, s->digests.v, (size_t)s->n, (size_t)s->n_values);
    }
    return db_change(t->store, t->cx, LANE_INTERACTIVE, tell_apply, &g);
}

/* ---- what no seal holds ----------------------------------------------------------------------------- */

static enum err loose_apply(struct cx *cx, void *before)
{
    TRY(db_run(cx, &q_audit_mark_loose, ARGS(V(*(const int64_t *)before))));
    return db_run(cx, &q_audit_value_mark_loose, ARGS(V(*(const int64_t *)before)));
}

/* The next of them that are not too old, into a seal of their own. */
static enum err loose_seal(struct taking *t, const struct audit_value_row *r, size_t n)
{
    struct cx *cx = t->cx;
    int64_t *ids = ARENA_ARRAY(cx->arena, n + 1, int64_t);
    struct list rows = {0}, values = {0};
    for (size_t i = 0; i < n; i++)
        ids[i] = r[i].id;
    TRY(db_all(cx, &q_audit_rows_named, &audit_line_row_shape, &rows, ARGS(val_ints(ids, n))));
    TRY(db_all(cx, &q_audit_values_named, &audit_value_row_shape, &values, ARGS(val_ints(ids, n))));
    TRY(audit_seal_write(t->store, cx, &t->end, &rows, &values, true));
    struct audit_seal end = t->end;
    end.digests = (opt_str){0};
    str chain = arena_str(cx->arena, end.chain);
    arena_reset(t->keep);
    end.chain = arena_str(t->keep, chain);
    t->end = end;
    return OK;
}

static enum err loose_take(struct taking *t, int64_t line, int64_t from)
{
    for (int64_t after = from; after < line;) {
        struct list loose = {0};
        arena_reset(t->cx->arena);
        TRY(audit_moved_loose(t->cx, line, &after, &loose));
        const struct audit_value_row *r = loose.items;
        for (size_t i = 0; i < loose.n; i += SEAL_ROWS)
            TRY(loose_seal(t, r + i, loose.n - i < SEAL_ROWS ? loose.n - i : SEAL_ROWS));
    }
    return OK;
}

static enum err note_apply(struct cx *cx, void *state)
{
    const struct audit_moved *m = state;
    str said = arena_printf(cx->arena, "%lld %lld", (long long)m->seals, (long long)m->line);
    return db_run(cx, &q_store_meta_set, ARGS(V("audit_moved"), V(said)));
}

/* Rows and values up to the last seal are as many as the seals say, and in their order. */
static enum err is_plain(struct taking *t, bool *is)
{
    int64_t n = 0, n_values = 0;
    TRY(db_int(t->cx, &q_audit_count_to, &n, ARGS(V((int64_t)0), V(t->last_id))));
    TRY(db_int(t->cx, &q_audit_value_count_to, &n_values, ARGS(V((int64_t)0), V(t->last_value))));
    *is = t->is_ordered && n == t->n && n_values == t->n_values;
    return OK;
}

static enum err taken(struct taking *t)
{
    bool is = false;
    struct audit_moved m = {0};
    TRY(seals_walk(t, look));
    int64_t first_loose = t->newest ? id_first_of(id_ms(t->newest) - LATE_MS) : 0;
    if (store_is_postgres(t->store)) {
        TRY(seals_walk(t, tell));
        return db_change(t->store, t->cx, LANE_INTERACTIVE, loose_apply, &first_loose);
    }
    TRY(is_plain(t, &is));
    if (is)
        return OK;
    TRY(seals_walk(t, tell));
    TRY(db_int(t->cx, &q_audit_last_id, &m.line, NO_ARGS));
    TRY(loose_take(t, m.line, first_loose));
    m.seals = t->end.number;
    return db_change(t->store, t->cx, LANE_INTERACTIVE, note_apply, &m);
}

enum err audit_taken_in(struct store *s, struct cx *cx)
{
    struct taking t = {
        .store = s, .cx = cx, .is_ordered = true, .keep = arena_open((size_t)1 << 20)};
    if (!t.keep)
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    enum err e = taken(&t);
    arena_close(t.keep);
    return e;
}
