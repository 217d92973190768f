/* db/audit.c - audit rows, and the chain over them: a row that is changed, taken away or put in later is named.
 *
 * A seal holds the id and the hash of each of its rows, and the hash over the seal before and these. The newest seal is said
 * again in store_meta, under the installation's key, and once a day in the log: whoever may write the whole database, but has
 * neither the key nor the log, can not make a chain that fits both.
 */
#include "db/audit_inner.h"
#include "db/keyring.h"
#include "queries.h"

enum {
    FINDINGS_MAX = 100,
    VALUES_PAGE = 1000,
    LINES_PAGE = 5000,
    DAY_MS = 86400000,
};

const char *const actor_codes[] = {"nobody", "staff", "token", "system", "phone_link"};

enum err audit_add(struct cx *cx, const char *action, int64_t customer, int64_t ref, str details)
{
    return db_run(cx, &q_audit_insert,
                  ARGS(V(id_new(cx->now_ms)), V(cx->now_ms), V(actor_codes[cx->actor.kind]),
                       V(cx->actor.id), V(action), V(customer), V(ref), V(details), V(cx->peer)));
}

static const struct field audit_seal_fields[] = {
    FIELD(struct audit_seal, number),        FIELD(struct audit_seal, first_id),
    FIELD(struct audit_seal, last_id),       FIELD(struct audit_seal, n),
    FIELD(struct audit_seal, chain),         FIELD(struct audit_seal, first_value_id),
    FIELD(struct audit_seal, last_value_id), FIELD(struct audit_seal, n_values),
    FIELD(struct audit_seal, digests),
};
const struct shape audit_seal_shape = SHAPE("audit_seal", struct audit_seal, audit_seal_fields);

struct audit_line_row {
    int64_t id, at_ms;
    str actor_kind;
    int64_t actor_id;
    str action;
    int64_t customer_id, ref_id;
    str details, peer;
};
static const struct field audit_line_row_fields[] = {
    FIELD(struct audit_line_row, id),         FIELD(struct audit_line_row, at_ms),
    FIELD(struct audit_line_row, actor_kind), FIELD(struct audit_line_row, actor_id),
    FIELD(struct audit_line_row, action),     FIELD(struct audit_line_row, customer_id),
    FIELD(struct audit_line_row, ref_id),     FIELD(struct audit_line_row, details),
    FIELD(struct audit_line_row, peer),
};
const struct shape audit_line_row_shape =
    SHAPE("audit_line_row", struct audit_line_row, audit_line_row_fields);

static const struct field audit_value_row_fields[] = {
    FIELD(struct audit_value_row, id),
    FIELD(struct audit_value_row, customer_id),
    FIELD(struct audit_value_row, sealed),
};
const struct shape audit_value_row_shape =
    SHAPE("audit_value_row", struct audit_value_row, audit_value_row_fields);

/* ---- the hash of a row ------------------------------------------------------------------------- */

/* Each text with its length before it, so that nothing can move from one column to the next. */
static void put_str(struct text *t, str s)
{
    text_printf(t, "%zu:", s.len);
    text_add(t, s);
}

static void put_row(struct text *t, const struct audit_line_row *r)
{
    text_printf(t, "%lld %lld %lld %lld %lld ", (long long)r->id, (long long)r->at_ms,
                (long long)r->actor_id, (long long)r->customer_id, (long long)r->ref_id);
    put_str(t, r->actor_kind);
    put_str(t, r->action);
    put_str(t, r->details);
    put_str(t, r->peer);
}

static enum err chain_over(struct cx *cx, str before, str digests, uint8_t out[32])
{
    struct text t = text_in(cx->arena, (size_t)1 << 20);
    put_str(&t, before);
    put_str(&t, digests);
    if (t.is_over)
        return fault(cx, ERR_TOO_BIG, M_STORE_TOO_BIG);
    sha256(text_str(&t), out);
    return OK;
}

/* The chain of a seal of before: over the rows themselves. */
static enum err chain_over_rows(struct cx *cx, str before, const struct list *rows, uint8_t out[32])
{
    struct text t = text_in(cx->arena, (size_t)32 << 20);
    const struct audit_line_row *r = rows->items;
    put_str(&t, before);
    for (size_t i = 0; i < rows->n; i++)
        put_row(&t, &r[i]);
    if (t.is_over)
        return fault(cx, ERR_TOO_BIG, M_STORE_TOO_BIG);
    sha256(text_str(&t), out);
    return OK;
}

static void put_digest(struct text *to, struct text *scratch, int64_t id)
{
    uint8_t d[8 + 32];
    for (int i = 0; i < 8; i++)
        d[i] = (uint8_t)((uint64_t)id >> (56 - 8 * i));
    sha256(text_str(scratch), d + 8);
    text_add(to, (str){(const char *)d, DIGEST});
}

static enum err row_digests(struct cx *cx, const struct list *rows, struct text *to)
{
    struct text t = text_in(cx->arena, (size_t)1 << 20);
    const struct audit_line_row *r = rows->items;
    for (size_t i = 0; i < rows->n; i++) {
        t.len = 0;
        put_row(&t, &r[i]);
        put_digest(to, &t, r[i].id);
    }
    return t.is_over || to->is_over ? fault(cx, ERR_TOO_BIG, M_STORE_TOO_BIG) : OK;
}

static enum err value_digests(struct cx *cx, const struct list *rows, struct text *to)
{
    struct text t = text_in(cx->arena, (size_t)1 << 20);
    const struct audit_value_row *v = rows->items;
    for (size_t i = 0; i < rows->n; i++) {
        t.len = 0;
        text_printf(&t, "value %lld %lld ", (long long)v[i].id, (long long)v[i].customer_id);
        put_str(&t, v[i].sealed);
        put_digest(to, &t, v[i].id);
    }
    return t.is_over || to->is_over ? fault(cx, ERR_TOO_BIG, M_STORE_TOO_BIG) : OK;
}

int64_t digest_id(str digests, size_t i)
{
    uint64_t id = 0;
    for (size_t b = 0; b < 8; b++)
        id = id << 8 | (uint8_t)digests.ptr[i * DIGEST + b];
    return (int64_t)id;
}

/* ---- the head, said again under the installation's key ------------------------------------------- */

struct head {
    int64_t number;
    uint8_t chain[32];
};

static str hex_of(struct arena *a, str bytes)
{
    struct text t = text_in(a, 2 * bytes.len + 1);
    for (size_t i = 0; i < bytes.len; i++)
        text_printf(&t, "%02x", (unsigned)(uint8_t)bytes.ptr[i]);
    return text_str(&t);
}

static int nibble(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool hex_read(str hex, uint8_t *out, size_t n)
{
    if (hex.len != 2 * n)
        return false;
    for (size_t i = 0; i < n; i++) {
        int a = nibble(hex.ptr[2 * i]), b = nibble(hex.ptr[2 * i + 1]);
        if (a < 0 || b < 0)
            return false;
        out[i] = (uint8_t)(a << 4 | b);
    }
    return true;
}

static enum err head_write(struct cx *cx, int64_t number, str chain)
{
    str said =
        arena_printf(cx->arena, "%lld " SFMT, (long long)number, SARG(hex_of(cx->arena, chain)));
    str sealed = keyring_seal(db_ring(cx), cx->arena, "audit", S("audit_head"), said);
    return db_run(cx, &q_store_meta_set, ARGS(V("audit_head"), V(hex_of(cx->arena, sealed))));
}

/* What the store says its newest seal is; number 0: it says nothing that its key says too. */
static enum err head_read(struct cx *cx, struct head *out)
{
    struct store_text t = {0};
    *out = (struct head){0};
    enum err e = db_one(cx, &q_store_meta_get, &store_text_shape, &t, ARGS(V("audit_head")));
    if (e != OK)
        return e == ERR_NOT_FOUND ? OK : e;
    uint8_t *sealed = ARENA_ARRAY(cx->arena, t.value.len / 2 + 1, uint8_t);
    str said = {0};
    struct head h = {0};
    if (hex_read(t.value, sealed, t.value.len / 2) &&
        keyring_unseal(db_ring(cx), cx->arena, "audit", S("audit_head"),
                       (str){(const char *)sealed, t.value.len / 2}, &said) &&
        str_to_int(str_cut(&said, ' '), &h.number) && hex_read(said, h.chain, 32))
        *out = h;
    return OK;
}

enum err audit_head_again(struct cx *cx)
{
    struct head h = {0};
    TRY(head_read(cx, &h));
    return h.number ? head_write(cx, h.number, (str){(const char *)h.chain, 32}) : OK;
}

/* ---- sealing ------------------------------------------------------------------------------------- */

struct sealing {
    struct audit_seal next;
    int64_t *ids, *value_ids;
    bool is_moved;
};

static enum err seal_apply(struct cx *cx, void *state)
{
    const struct sealing *s = state;
    const struct audit_seal *n = &s->next;
    struct val ids = val_ints(s->ids, (size_t)n->n),
               value_ids = val_ints(s->value_ids, (size_t)n->n_values);
    TRY(db_run(cx, &q_audit_seal_insert,
               ARGS(V(n->number), V(n->first_id), V(n->last_id), V(n->n),
                    val_blob(n->chain.ptr, n->chain.len), V(cx->now_ms), V(n->first_value_id),
                    V(n->last_value_id), V(n->n_values),
                    val_blob(n->digests.v.ptr, n->digests.v.len))));
    if (db_is_postgres(cx)) {
        TRY(db_run(cx, &q_audit_mark, ARGS(V(n->number), ids)));
        TRY(db_run(cx, &q_audit_value_mark, ARGS(V(n->number), value_ids)));
    } else if (s->is_moved) {
        TRY(db_run(cx, &q_audit_moved_add, ARGS(V(n->number), ids)));
        TRY(db_run(cx, &q_audit_moved_add, ARGS(V(n->number), value_ids)));
    }
    return head_write(cx, n->number, n->chain);
}

/* The head of the chain, into the log, at the start and once a day. */
static void tell_head(struct cx *cx, const struct audit_seal *s)
{
    static _Thread_local int64_t said_ns;
    int64_t now = clock_mono_ns();
    if (said_ns && now - said_ns < DAY_MS * MS_NS)
        return;
    said_ns = now;
    log_line(LOG_INFO, "audit_head", "seal=%lld chain=%.*s", (long long)s->number,
             SARG(hex_of(cx->arena, s->chain)));
}

enum err audit_seal_write(struct store *store, struct cx *cx, struct audit_seal *last,
                          const struct list *rows, const struct list *values, bool is_moved)
{
    struct text digests = text_in(cx->arena, (size_t)2 * SEAL_ROWS * DIGEST + 1);
    TRY(row_digests(cx, rows, &digests));
    TRY(value_digests(cx, values, &digests));
    uint8_t *chain = ARENA_ARRAY(cx->arena, 32, uint8_t);
    TRY(chain_over(cx, last->chain, text_str(&digests), chain));
    const struct audit_line_row *r = rows->items;
    const struct audit_value_row *v = values->items;
    struct sealing s = {.ids = ARENA_ARRAY(cx->arena, rows->n + 1, int64_t),
                        .value_ids = ARENA_ARRAY(cx->arena, values->n + 1, int64_t),
                        .is_moved = is_moved};
    for (size_t i = 0; i < rows->n; i++)
        s.ids[i] = r[i].id;
    for (size_t i = 0; i < values->n; i++)
        s.value_ids[i] = v[i].id;
    s.next =
        (struct audit_seal){.number = last->number + 1,
                            .first_id = rows->n ? r[0].id : 0,
                            .last_id = rows->n ? r[rows->n - 1].id : last->last_id,
                            .n = (int64_t)rows->n,
                            .first_value_id = values->n ? v[0].id : 0,
                            .last_value_id = values->n ? v[values->n - 1].id : last->last_value_id,
                            .n_values = (int64_t)values->n,
                            .chain = {(const char *)chain, 32},
                            .digests = {true, text_str(&digests)}};
    TRY(db_change(store, cx, LANE_BULK, seal_apply, &s));
    *last = s.next;
    return OK;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

enum err audit_seal_slice(struct store *store, struct cx *cx, bool *is_more)
{
    *is_more = false;
    struct audit_seal last = {0};
    struct audit_moved moved = {0};
    enum err e = db_one(cx, &q_audit_seal_last, &audit_seal_shape, &last, NO_ARGS);
    if (e != OK && e != ERR_NOT_FOUND)
        return e;
    TRY(audit_moved_read(cx, &moved));
    last.last_id = later(last.last_id, moved.line);
    last.last_value_id = later(last.last_value_id, moved.line);
    struct list rows = {0}, values = {0};
    TRY(db_all(cx, &q_audit_rows_open, &audit_line_row_shape, &rows,
               ARGS(V(last.last_id), V((int64_t)SEAL_ROWS))));
    TRY(db_all(cx, &q_audit_values_open, &audit_value_row_shape, &values,
               ARGS(V(last.last_value_id), V((int64_t)SEAL_ROWS))));
    if (!rows.n && !values.n)
        return OK;
    e = audit_seal_write(store, cx, &last, &rows, &values, false);
    if (e == ERR_CONFLICT)
        return OK; /* another node was quicker */
    *is_more = e == OK && (rows.n == SEAL_ROWS || values.n == SEAL_ROWS);
    if (e == OK)
        tell_head(cx, &last);
    return e;
}

/* ---- checking --------------------------------------------------------------------------------------- */

struct check {
    struct cx *cx;
    struct arena *outer;
    struct audit_state *out;
    struct audit_seal before; /* the seal before, its chain as found */
    uint8_t chain[32];
    struct head head, given;
    struct audit_moved moved;
    int64_t old_last; /* row under a seal of before */
};

static void found(struct check *c, enum audit_wrong what, int64_t seal, int64_t id)
{
    struct audit_state *o = c->out;
    if (!o->wrong_seal)
        o->wrong_seal = seal ? seal : 1;
    o->n_wrong++;
    if (!o->findings)
        o->findings = ARENA_ARRAY(c->outer, FINDINGS_MAX, struct audit_finding);
    if (o->n_findings < FINDINGS_MAX)
        o->findings[o->n_findings++] = (struct audit_finding){what, seal, id};
}

/* What was hashed beside what stands there: both in the order of their ids. */
static void compare(struct check *c, int64_t seal, str was, str now, enum audit_wrong changed)
{
    size_t i = 0, k = 0, n = was.len / DIGEST, m = now.len / DIGEST;
    while (i < n || k < m) {
        int64_t a = i < n ? digest_id(was, i) : INT64_MAX,
                b = k < m ? digest_id(now, k) : INT64_MAX;
        if (a < b)
            found(c, changed + 1, seal, a); /* gone */
        else if (b < a)
            found(c, changed + 2, seal, b); /* put in */
        else if (memcmp(was.ptr + i * DIGEST, now.ptr + k * DIGEST, DIGEST) != 0)
            found(c, changed, seal, a);
        i += a <= b;
        k += b <= a;
    }
}

/* On SQLite a seal has all rows behind the one before; on PostgreSQL ids of neighbours overlap, and a row says whose it is; of
 * seals that came from there audit_moved says it. */
static enum err rows_of(struct check *c, const struct audit_seal *s, struct list *rows)
{
    bool is_old = !s->digests.has, is_moved = s->number <= c->moved.seals;
    int64_t after = c->before.last_id, most = 4 * SEAL_ROWS;
    if (is_moved && !is_old)
        return db_all(c->cx, &q_audit_rows_moved, &audit_line_row_shape, rows,
                      ARGS(V(s->number), V(most)));
    if (db_is_postgres(c->cx) && !is_old)
        after = s->first_id - 1;
    else if (!is_moved)
        after = later(after, c->moved.line);
    return db_all(c->cx, &q_audit_rows_sealed, &audit_line_row_shape, rows,
                  ARGS(V(after), V(s->last_id), V(is_old ? (int64_t)-1 : s->number), V(most)));
}

static enum err values_of(struct check *c, const struct audit_seal *s, struct list *rows)
{
    int64_t after = later(c->before.last_value_id, c->moved.line), most = 4 * SEAL_ROWS;
    if (s->number <= c->moved.seals)
        return db_all(c->cx, &q_audit_values_moved, &audit_value_row_shape, rows,
                      ARGS(V(s->number), V(most)));
    if (db_is_postgres(c->cx))
        after = s->first_value_id - 1;
    return db_all(c->cx, &q_audit_values_sealed, &audit_value_row_shape, rows,
                  ARGS(V(after), V(s->last_value_id), V(s->number), V(most)));
}

static enum err seal_check(struct check *c, const struct audit_seal *s)
{
    uint8_t expected[32];
    struct list rows = {0}, values = {0};
    str before = {(const char *)c->chain, c->before.number ? 32 : 0};
    if (s->number != c->before.number + 1)
        found(c, AUDIT_SEAL_GONE, c->before.number + 1, 0);
    if (!s->digests.has) {
        c->old_last = s->last_id;
        TRY(rows_of(c, s, &rows));
        TRY(chain_over_rows(c->cx, before, &rows, expected));
        if ((int64_t)rows.n != s->n || s->chain.len != 32 ||
            memcmp(expected, s->chain.ptr, 32) != 0)
            found(c, AUDIT_SEAL_WRONG, s->number, 0);
    } else {
        str all = s->digests.v;
        size_t cut = (size_t)s->n * DIGEST;
        bool fits = s->n >= 0 && s->n_values >= 0 && s->n <= SEAL_ROWS &&
                    s->n_values <= SEAL_ROWS && all.len == (size_t)(s->n + s->n_values) * DIGEST;
        TRY(chain_over(c->cx, before, all, expected));
        if (!fits || s->chain.len != 32 || memcmp(expected, s->chain.ptr, 32) != 0)
            found(c, AUDIT_SEAL_WRONG, s->number, 0);
        if (fits) {
            str was = {all.ptr, cut}, was_values = {all.ptr + cut, all.len - cut};
            struct text now = text_in(c->cx->arena, (size_t)1 << 20),
                        now_values = text_in(c->cx->arena, (size_t)1 << 20);
            TRY(rows_of(c, s, &rows));
            TRY(row_digests(c->cx, &rows, &now));
            compare(c, s->number, was, text_str(&now), AUDIT_ROW_CHANGED);
            TRY(values_of(c, s, &values));
            TRY(value_digests(c->cx, &values, &now_values));
            compare(c, s->number, was_values, text_str(&now_values), AUDIT_VALUE_CHANGED);
        }
    }
    for (int h = 0; h < 2; h++) {
        struct head *given = h ? &c->given : &c->head;
        if (given->number == s->number && memcmp(given->chain, s->chain.ptr, 32) != 0)
            found(c, AUDIT_HEAD_WRONG, s->number, 0);
    }
    /* The chain goes on from what the seal says, so that one wrong seal is one, and not all behind it. */
    c->before = *s;
    if (s->chain.len == 32)
        memcpy(c->chain, s->chain.ptr, 32);
    c->out->rows += s->n;
    c->out->values += s->n_values;
    c->out->seals++;
    return OK;
}

static enum err seals_check(struct check *c, struct arena *page)
{
    for (bool is_more = true; is_more;) {
        c->cx->arena = page;
        struct list seals = {0};
        TRY(db_all(c->cx, &q_audit_seals, &audit_seal_shape, &seals, ARGS(V(c->before.number))));
        const struct audit_seal *s = seals.items;
        for (size_t i = 0; i < seals.n; i++)
            TRY(seal_check(c, &s[i]));
        is_more = seals.n > 0;
        c->before.chain = (str){0};
        c->before.digests = (opt_str){0};
        arena_reset(page);
    }
    for (int h = 0; h < 2; h++) {
        const struct head *given = h ? &c->given : &c->head;
        if (given->number > c->before.number)
            found(c, AUDIT_TAIL_GONE, c->before.number + 1, given->number);
    }
    if (c->out->seals && !c->head.number) /* or the first seal was set since it was asked for */
        TRY(head_read(c->cx, &c->head));
    if (c->out->seals && !c->head.number)
        found(c, AUDIT_HEAD_GONE, c->before.number, 0);
    return OK;
}

/* Each value is opened with its customer's key; one without a key belongs to somebody who was erased. */
static enum err values_check(struct check *c, struct arena *page)
{
    for (int64_t after = 0;;) {
        c->cx->arena = page;
        struct list rows = {0};
        TRY(db_all(c->cx, &q_audit_values_with_key, &audit_kept_shape, &rows,
                   ARGS(V(after), V((int64_t)VALUES_PAGE))));
        const struct audit_kept *k = rows.items;
        for (size_t i = 0; i < rows.n; i++) {
            struct audit_said said;
            enum audit_open o = audit_value_open(c->cx, &k[i], &said);
            if (o == AUDIT_OPEN_WRONG)
                found(c, AUDIT_VALUE_UNREAD, 0, k[i].value_id);
            c->out->erased += o == AUDIT_OPEN_ERASED;
            after = k[i].value_id;
        }
        arena_reset(page);
        if (rows.n < VALUES_PAGE)
            break;
    }
    for (int64_t after = 0;;) {
        c->cx->arena = page;
        struct list rows = {0};
        TRY(db_all(c->cx, &q_audit_values_gone, &audit_value_row_shape, &rows,
                   ARGS(V(after), V((int64_t)LINES_PAGE))));
        const struct audit_value_row *g = rows.items;
        for (size_t i = 0; i < rows.n; i++) {
            if (g[i].customer_id)
                found(c, AUDIT_VALUE_GONE, 0, g[i].id);
            after = g[i].id;
        }
        arena_reset(page);
        if (rows.n < LINES_PAGE)
            return OK;
    }
}

static enum err astray(struct check *c)
{
    struct list rows = {0}, values = {0};
    TRY(db_all(c->cx, &q_audit_rows_astray, &audit_value_row_shape, &rows, ARGS(V(c->old_last))));
    TRY(db_all(c->cx, &q_audit_values_astray, &audit_value_row_shape, &values, NO_ARGS));
    const struct audit_value_row *r = rows.items, *v = values.items;
    for (size_t i = 0; i < rows.n; i++)
        found(c, AUDIT_ROW_PUT, c->before.number, r[i].id);
    for (size_t i = 0; i < values.n; i++)
        found(c, AUDIT_VALUE_PUT, c->before.number, v[i].id);
    for (int64_t after = 0; after < c->moved.line;) {
        struct list loose = {0};
        TRY(audit_moved_loose(c->cx, c->moved.line, &after, &loose));
        const struct audit_value_row *l = loose.items; /* customer_id 1: a value */
        for (size_t i = 0; i < loose.n; i++)
            found(c, l[i].customer_id ? AUDIT_VALUE_PUT : AUDIT_ROW_PUT, 0, l[i].id);
    }
    return OK;
}

static enum err open_rows(struct check *c)
{
    struct audit_state *o = c->out;
    return db_int(c->cx, &q_audit_open_n, &o->unsealed,
                  ARGS(V(later(c->before.last_id, c->moved.line))));
}

/* The seals before the last `n` are taken as they are. */
static enum err begin_at_tail(struct check *c, int64_t n)
{
    struct list seals = {0};
    struct audit_seal last = {0};
    enum err e = db_one(c->cx, &q_audit_seal_last, &audit_seal_shape, &last, NO_ARGS);
    if (e == ERR_NOT_FOUND || (e == OK && last.number <= n))
        return OK;
    TRY(e);
    TRY(db_all(c->cx, &q_audit_seals, &audit_seal_shape, &seals, ARGS(V(last.number - n - 1))));
    const struct audit_seal *s = seals.items;
    if (!seals.n || s->chain.len != 32)
        return OK;
    c->before = *s;
    memcpy(c->chain, s->chain.ptr, 32);
    return OK;
}

struct check_wish {
    int64_t seal; /* 0: none is given */
    str chain_hex;
    int64_t tail; /* 0: all of it */
};

static enum err check_run(struct cx *cx, const struct check_wish *w, struct audit_state *out)
{
    *out = (struct audit_state){0};
    struct check c = {.cx = cx, .outer = cx->arena, .out = out};
    struct arena *page = arena_open((size_t)128 << 20);
    if (!page)
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    enum err e = head_read(cx, &c.head);
    if (e == OK)
        e = audit_moved_read(cx, &c.moved);
    c.given.number = w->seal;
    if (e == OK && w->seal && !hex_read(w->chain_hex, c.given.chain, 32))
        e = fault(cx, ERR_INVALID, M_AUDIT_HEAD_FORM);
    if (e == OK && w->tail)
        e = begin_at_tail(&c, w->tail);
    if (e == OK)
        e = seals_check(&c, page);
    if (e == OK && !w->tail)
        e = values_check(&c, page);
    if (e == OK && !w->tail)
        e = astray(&c);
    if (e == OK)
        e = open_rows(&c);
    cx->arena = c.outer;
    out->head = c.before.number;
    out->head_chain = c.before.number ? hex_of(cx->arena, (str){(const char *)c.chain, 32}) : S("");
    arena_close(page);
    return e;
}

enum err audit_check_against(struct cx *cx, int64_t seal, str chain_hex, struct audit_state *out)
{
    return check_run(cx, &(struct check_wish){.seal = seal, .chain_hex = chain_hex}, out);
}

enum err audit_check_tail(struct cx *cx, int64_t seals, struct audit_state *out)
{
    return check_run(cx, &(struct check_wish){.tail = seals}, out);
}

enum err audit_check(struct cx *cx, struct audit_state *out)
{
    return check_run(cx, &(struct check_wish){0}, out);
}

void audit_finding_fault(struct cx *cx, const struct audit_finding *f)
{
    static const uint16_t words[AUDIT_WRONG_N] = {
        [AUDIT_ROW_CHANGED] = M_AUDIT_ROW_CHANGED,   [AUDIT_ROW_GONE] = M_AUDIT_ROW_GONE,
        [AUDIT_ROW_PUT] = M_AUDIT_ROW_PUT,           [AUDIT_VALUE_CHANGED] = M_AUDIT_VALUE_CHANGED,
        [AUDIT_VALUE_GONE] = M_AUDIT_VALUE_GONE,     [AUDIT_VALUE_PUT] = M_AUDIT_VALUE_PUT,
        [AUDIT_VALUE_UNREAD] = M_AUDIT_VALUE_UNREAD, [AUDIT_SEAL_WRONG] = M_AUDIT_SEAL_WRONG,
        [AUDIT_SEAL_GONE] = M_AUDIT_SEAL_GONE,       [AUDIT_TAIL_GONE] = M_AUDIT_TAIL_GONE,
        [AUDIT_HEAD_WRONG] = M_AUDIT_HEAD_WRONG,     [AUDIT_HEAD_GONE] = M_AUDIT_HEAD_GONE,
    };
    (void)fault(cx, ERR_INTERNAL, words[f->what], MNUM("seal", f->seal), MNUM("id", f->id));
}

str audit_finding_text(struct arena *a, enum lang lang, const struct audit_finding *f)
{
    struct cx cx = {.arena = a};
    audit_finding_fault(&cx, f);
    return fault_text(a, lang, &cx.why);
}
