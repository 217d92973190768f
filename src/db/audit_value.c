/* db/audit_value.c - what changed on a record: sealed with a key of that customer, which is wrapped by the installation's.
 *
 * A value is bound to its row of history: who, when, which field. Neither can be changed without the other.
 */
#include "base/seal.h"
#include "db/db_impl.h"
#include "db/keyring.h"
#include "queries.h"

enum { REWRAP_ROWS = 200, PLAIN_ROWS = 100 };

struct audit_key_row {
    int64_t customer_id;
    str wrapped;
};
static const struct field audit_key_row_fields[] = {
    FIELD(struct audit_key_row, customer_id),
    FIELD(struct audit_key_row, wrapped),
};
const struct shape audit_key_row_shape =
    SHAPE("audit_key_row", struct audit_key_row, audit_key_row_fields);

static const struct field audit_kept_fields[] = {
    FIELD(struct audit_kept, value_id), FIELD(struct audit_kept, customer_id),
    FIELD(struct audit_kept, at_ms),    FIELD(struct audit_kept, actor_kind),
    FIELD(struct audit_kept, actor_id), FIELD(struct audit_kept, source),
    FIELD(struct audit_kept, field),    FIELD(struct audit_kept, part_id),
    FIELD(struct audit_kept, sealed),   FIELD(struct audit_kept, wrapped),
};
const struct shape audit_kept_shape = SHAPE("audit_kept", struct audit_kept, audit_kept_fields);

/* ---- keys -------------------------------------------------------------------------------------- */

static str bound_of_key(struct arena *a, int64_t customer)
{
    return arena_printf(a, "audit_key %lld", (long long)customer);
}

static str wrap(struct cx *cx, int64_t customer, const uint8_t key[SEAL_KEY])
{
    return keyring_seal(db_ring(cx), cx->arena, "audit", bound_of_key(cx->arena, customer),
                        (str){(const char *)key, SEAL_KEY});
}

/* A page of a history, and a change of several fields, ask for one customer's key again and again. */
static _Thread_local struct {
    int64_t customer;
    size_t n;
    char wrapped[160];
    uint8_t key[SEAL_KEY];
} last;

static void remember(int64_t customer, str wrapped, const uint8_t key[SEAL_KEY])
{
    last.n = 0;
    if (wrapped.len > sizeof last.wrapped)
        return;
    last.customer = customer;
    memcpy(last.wrapped, wrapped.ptr, wrapped.len);
    memcpy(last.key, key, SEAL_KEY);
    last.n = wrapped.len;
}

static bool unwrap(struct cx *cx, int64_t customer, str wrapped, uint8_t key[SEAL_KEY])
{
    str plain = {0};
    if (last.n && last.customer == customer && str_eq(wrapped, (str){last.wrapped, last.n})) {
        memcpy(key, last.key, SEAL_KEY);
        return true;
    }
    if (!keyring_unseal(db_ring(cx), cx->arena, "audit", bound_of_key(cx->arena, customer), wrapped,
                        &plain) ||
        plain.len != SEAL_KEY)
        return false;
    memcpy(key, plain.ptr, SEAL_KEY);
    seal_forget((void *)(uintptr_t)plain.ptr, plain.len);
    remember(customer, wrapped, key);
    return true;
}

/* Inside apply. The first value of a customer makes the key. */
static enum err key_of(struct cx *cx, int64_t customer, uint8_t key[SEAL_KEY])
{
    struct audit_key_row row = {0};
    enum err e = db_one(cx, &q_audit_key_of, &audit_key_row_shape, &row, ARGS(V(customer)));
    if (e == ERR_NOT_FOUND) {
        random_bytes(key, SEAL_KEY);
        str wrapped = wrap(cx, customer, key);
        return db_run(cx, &q_audit_key_insert,
                      ARGS(V(customer), val_blob(wrapped.ptr, wrapped.len)));
    }
    TRY(e);
    return unwrap(cx, customer, row.wrapped, key)
               ? OK
               : fault(cx, ERR_INTERNAL, M_AUDIT_KEY_WRONG, MNUM("customer", customer));
}

enum err audit_rewrap_slice(struct cx *cx, int64_t *after, bool *is_finished)
{
    uint8_t now = keyring_epoch(db_ring(cx)), key[SEAL_KEY];
    struct list rows = {0};
    TRY(db_all(cx, &q_audit_keys, &audit_key_row_shape, &rows,
               ARGS(V(*after), V((int64_t)REWRAP_ROWS))));
    const struct audit_key_row *r = rows.items;
    for (size_t i = 0; i < rows.n; i++) {
        *after = r[i].customer_id;
        if (keyring_epoch_of(r[i].wrapped) == now)
            continue;
        if (!unwrap(cx, r[i].customer_id, r[i].wrapped, key))
            return fault(cx, ERR_INTERNAL, M_AUDIT_KEY_WRONG, MNUM("customer", r[i].customer_id));
        str wrapped = wrap(cx, r[i].customer_id, key);
        seal_forget(key, sizeof key);
        TRY(db_run(cx, &q_audit_key_rewrap,
                   ARGS(val_blob(wrapped.ptr, wrapped.len), V(r[i].customer_id))));
    }
    *is_finished = rows.n < REWRAP_ROWS;
    return *is_finished ? audit_head_again(cx) : OK;
}

/* ---- values ------------------------------------------------------------------------------------- */

static str bound_of(struct arena *a, const struct audit_kept *k)
{
    return arena_printf(
        a, "audit_value %lld %lld %lld %lld %lld %zu:" SFMT " %zu:" SFMT " %zu:" SFMT,
        (long long)k->value_id, (long long)k->customer_id, (long long)k->at_ms,
        (long long)k->actor_id, (long long)k->part_id, k->actor_kind.len, SARG(k->actor_kind),
        k->source.len, SARG(k->source), k->field.len, SARG(k->field));
}

enum err audit_value_add(struct cx *cx, struct audit_kept *k, const struct audit_said *said)
{
    uint8_t key[SEAL_KEY];
    const str *parts[] = {&said->was, &said->is, &said->data};
    struct text t = text_in(cx->arena, said->was.len + said->is.len + said->data.len + 64);
    for (size_t i = 0; i < COUNT(parts); i++) {
        text_printf(&t, "%zu:", parts[i]->len);
        text_add(&t, *parts[i]);
    }
    TRY(key_of(cx, k->customer_id, key));
    k->value_id = id_new(cx->now_ms);
    k->sealed = seal_bytes(cx->arena, key, bound_of(cx->arena, k), text_str(&t));
    seal_forget(key, sizeof key);
    return db_run(cx, &q_audit_value_insert,
                  ARGS(V(k->value_id), V(k->customer_id), val_blob(k->sealed.ptr, k->sealed.len)));
}

static bool part_read(str *rest, str *out)
{
    int64_t n = 0;
    str count = str_cut(rest, ':');
    if (!str_to_int(count, &n) || n < 0 || (size_t)n > rest->len)
        return false;
    *out = (str){rest->ptr, (size_t)n};
    *rest = (str){rest->ptr + n, rest->len - (size_t)n};
    return true;
}

enum audit_open audit_value_open(struct cx *cx, const struct audit_kept *k, struct audit_said *out)
{
    uint8_t key[SEAL_KEY];
    str plain = {0};
    *out = (struct audit_said){0};
    if (!k->wrapped.len)
        return AUDIT_OPEN_ERASED;
    bool is_open = unwrap(cx, k->customer_id, k->wrapped, key) &&
                   seal_open_bytes(cx->arena, key, bound_of(cx->arena, k), k->sealed, &plain) &&
                   part_read(&plain, &out->was) && part_read(&plain, &out->is) &&
                   part_read(&plain, &out->data);
    seal_forget(key, sizeof key);
    return is_open ? AUDIT_OPEN_FINE : AUDIT_OPEN_WRONG;
}

/* ---- values of before, which stand in the history itself ------------------------------------------- */

struct audit_plain {
    int64_t id;
    struct audit_kept kept;
    struct audit_said said;
};
static const struct field audit_plain_fields[] = {
    FIELD(struct audit_plain, id),
    FIELD_AS(struct audit_plain, kept.customer_id, "customer_id"),
    FIELD_AS(struct audit_plain, kept.at_ms, "at_ms"),
    FIELD_AS(struct audit_plain, kept.actor_kind, "actor_kind"),
    FIELD_AS(struct audit_plain, kept.actor_id, "actor_id"),
    FIELD_AS(struct audit_plain, kept.source, "source"),
    FIELD_AS(struct audit_plain, kept.field, "field"),
    FIELD_AS(struct audit_plain, kept.part_id, "part_id"),
    FIELD_AS(struct audit_plain, said.was, "old_value"),
    FIELD_AS(struct audit_plain, said.is, "new_value"),
    FIELD_AS(struct audit_plain, said.data, "data"),
};
const struct shape audit_plain_shape = SHAPE("audit_plain", struct audit_plain, audit_plain_fields);

static enum err values_slice(struct cx *cx, str args, int64_t *position, int64_t *progress,
                             int64_t *total, bool *finished)
{
    struct list rows = {0};
    (void)args;
    (void)total;
    TRY(db_all(cx, &q_audit_plain_history, &audit_plain_shape, &rows,
               ARGS(V(*position), V((int64_t)PLAIN_ROWS))));
    struct audit_plain *r = rows.items;
    for (size_t i = 0; i < rows.n; i++) {
        TRY(audit_value_add(cx, &r[i].kept, &r[i].said));
        TRY(db_run(cx, &q_audit_history_sealed, ARGS(V(r[i].kept.value_id), V(r[i].id))));
        *position = r[i].id;
    }
    *progress += (int64_t)rows.n;
    *finished = rows.n < PLAIN_ROWS;
    return OK;
}

const struct job_kind audit_values_job = {"audit.values", values_slice, 0};
