/* db/audit.c - audit rows, and the chain over them: a row that is changed or taken away later shows.
 *
 * The chain binds rows to each other, not to the world: whoever may write the whole database can make it anew. Therefore
 * its head goes to the log once an hour; kept elsewhere, that line dates everything before it.
 */
#include "db/db_impl.h"
#include "queries.h"

enum {
    SEAL_ROWS = 1000,
    PG_SETTLED_MS =
        120000, /* on PostgreSQL ids are not in the order of commits; no transaction lasts so long */
};

const char *const actor_codes[] = {"nobody", "staff", "token", "system", "phone_link"};

enum err audit_add(struct cx *cx, const char *action, int64_t customer, int64_t ref, str details)
{
    return db_run(cx, &q_audit_insert,
                  ARGS(V(id_new(cx->now_ms)), V(cx->now_ms), V(actor_codes[cx->actor.kind]),
                       V(cx->actor.id), V(action), V(customer), V(ref), V(details), V(cx->peer)));
}

struct audit_seal {
    int64_t number, last_id, n;
    str chain;
};
static const struct field audit_seal_fields[] = {
    FIELD(struct audit_seal, number),
    FIELD(struct audit_seal, last_id),
    FIELD(struct audit_seal, n),
    FIELD(struct audit_seal, chain),
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

/* Each text with its length before it, so that nothing can move from one column to the next. */
static void put_str(struct text *t, str s)
{
    text_printf(t, "%zu:", s.len);
    text_add(t, s);
}

static enum err chain_over(struct cx *cx, str before, const struct audit_line_row *rows, size_t n,
                           uint8_t out[32])
{
    struct text t = text_in(cx->arena, (size_t)32 << 20);
    put_str(&t, before);
    for (size_t i = 0; i < n; i++) {
        const struct audit_line_row *r = &rows[i];
        text_printf(&t, "%lld %lld %lld %lld %lld ", (long long)r->id, (long long)r->at_ms,
                    (long long)r->actor_id, (long long)r->customer_id, (long long)r->ref_id);
        put_str(&t, r->actor_kind);
        put_str(&t, r->action);
        put_str(&t, r->details);
        put_str(&t, r->peer);
    }
    if (t.is_over)
        return fault(cx, ERR_TOO_BIG, M_STORE_TOO_BIG);
    sha256(text_str(&t), out);
    return OK;
}

/* ---- sealing ------------------------------------------------------------------------------------- */

static enum err seal_apply(struct cx *cx, void *state)
{
    const struct audit_seal *s = state;
    return db_run(cx, &q_audit_seal_insert,
                  ARGS(V(s->number), V(s->last_id), V(s->n), val_blob(s->chain.ptr, s->chain.len),
                       V(cx->now_ms)));
}

/* The head of the chain, into the log, once an hour. */
static void tell_head(const struct audit_seal *s)
{
    static _Thread_local int64_t said_ns;
    int64_t now = clock_mono_ns();
    if (said_ns && now - said_ns < 3600000 * MS_NS)
        return;
    said_ns = now;
    char hex[65];
    for (size_t i = 0; i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", (unsigned)(uint8_t)s->chain.ptr[i]);
    log_line(LOG_INFO, "audit_head", "seal=%lld chain=%s", (long long)s->number, hex);
}

enum err audit_seal_slice(struct store *store, struct cx *cx, bool *is_more)
{
    *is_more = false;
    struct audit_seal last = {0};
    enum err e = db_one(cx, &q_audit_seal_last, &audit_seal_shape, &last, NO_ARGS);
    if (e != OK && e != ERR_NOT_FOUND)
        return e;
    int64_t until = store->is_postgres ? id_first_of(cx->now_ms - PG_SETTLED_MS) : INT64_MAX;
    struct list rows = {0};
    TRY(db_all(cx, &q_audit_rows_between, &audit_line_row_shape, &rows,
               ARGS(V(last.last_id), V(until), V((int64_t)SEAL_ROWS))));
    if (!rows.n)
        return OK;
    const struct audit_line_row *r = rows.items;
    uint8_t chain[32];
    TRY(chain_over(cx, last.chain, r, rows.n, chain));
    struct audit_seal next = {
        last.number + 1, r[rows.n - 1].id, (int64_t)rows.n, {(const char *)chain, 32}};
    e = db_change(store, cx, LANE_BULK, seal_apply, &next);
    if (e == ERR_CONFLICT)
        return OK; /* another node was quicker */
    *is_more = e == OK && rows.n == SEAL_ROWS;
    if (e == OK)
        tell_head(&next);
    return e;
}

/* ---- checking --------------------------------------------------------------------------------------- */

enum err audit_check(struct cx *cx, struct audit_state *out)
{
    *out = (struct audit_state){0};
    int64_t before_id = 0, number = 0;
    uint8_t chain[32] = {0};
    size_t chain_len = 0;
    struct arena *outer = cx->arena, *page = arena_open((size_t)128 << 20);
    if (!page)
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    enum err e = OK;
    for (bool is_more = true; e == OK && is_more && !out->wrong_seal;) {
        cx->arena = page;
        struct list seals = {0};
        e = db_all(cx, &q_audit_seals, &audit_seal_shape, &seals, ARGS(V(number)));
        const struct audit_seal *s = seals.items;
        for (size_t i = 0; e == OK && i < seals.n && !out->wrong_seal; i++) {
            struct list rows = {0};
            uint8_t found[32];
            e = db_all(cx, &q_audit_rows_between, &audit_line_row_shape, &rows,
                       ARGS(V(before_id), V(s[i].last_id), V((int64_t)SEAL_ROWS + 1)));
            if (e == OK)
                e = chain_over(cx, (str){(const char *)chain, chain_len}, rows.items, rows.n,
                               found);
            if (e != OK)
                break;
            if (s[i].number != number + 1 || (int64_t)rows.n != s[i].n || s[i].chain.len != 32 ||
                memcmp(found, s[i].chain.ptr, 32) != 0)
                out->wrong_seal = s[i].number;
            memcpy(chain, found, 32);
            chain_len = 32;
            number = s[i].number;
            before_id = s[i].last_id;
            out->rows += s[i].n;
            out->seals++;
        }
        is_more = seals.n > 0;
        arena_reset(page);
    }
    cx->arena = outer;
    arena_close(page);
    return e;
}
