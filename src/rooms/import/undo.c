/* rooms/import/undo.c - taking an import back, slice by slice: first the contacts and orders it
 * brought, then the customers it made (those that nothing and nobody else has touched), then, with
 * the history of changes, what it changed on the others. What stays is counted. */
#include "messages.h"
#include "queries.h"
#include "rooms/import/inside.h"

enum { SLICE = 100, STEP_CONTACTS = 0, STEP_CUSTOMERS, STEP_HISTORY, LEASE_MS = 15000 };

struct trace {
    int64_t line;
    customer_id customer;
    interaction_id interaction;
    order_id order;
    str source_id;
    bool is_new;
};
/* clang-format off */
static const struct field trace_fields[] = {
    FIELD(struct trace, line),
    FIELD_AS(struct trace, customer, "customer_id"),
    FIELD_AS(struct trace, interaction, "interaction_id"),
    FIELD_AS(struct trace, order, "order_id"),
    FIELD(struct trace, source_id),
    FIELD(struct trace, is_new),
};
static const struct shape trace_shape = SHAPE("import_trace", struct trace, trace_fields);
struct id_row { int64_t value_id; };
static const struct field id_fields[] = {
    FIELD(struct id_row, value_id),
};
static const struct shape id_shape = SHAPE("import_id_row", struct id_row, id_fields);
struct told { customer_id customer; int channel; when at; };
static const struct field told_fields[] = {
    FIELD_AS(struct told, customer, "customer_id"),
    FIELD_ENUM(struct told, channel, channel_codes),
    FIELD_AS(struct told, at, "at_ms"),
};
static const struct shape told_shape = SHAPE("import_interaction", struct told, told_fields);
/* clang-format on */

struct undo {
    import_id id;
    bool is_finished;
};
struct tally {
    int64_t undone, stays;
};

static enum err contact_gone(struct cx *cx, const struct trace *t, struct tally *n)
{
    struct told i;
    enum err e = db_one(cx, &q_import_interaction_get, &told_shape, &i, ARGS(V(t->interaction)));
    if (e == ERR_NOT_FOUND)
        return OK;
    TRY(e);
    TRY(db_run(cx, &q_import_source_delete,
               ARGS(V(channel_codes[i.channel]), V(t->source_id), V(t->interaction))));
    TRY(db_run(cx, &q_import_interaction_delete, ARGS(V(t->interaction))));
    struct standing_fact less = {.at = i.at, .add.contacts = i.channel <= CHANNEL_VISIT ? -1 : 0};
    TRY(standing_add(cx, i.customer, &less, false));
    n->undone++;
    return event_add(cx, EVENT_CUSTOMER_CHANGED, i.customer.v, 0, (str){0});
}

static enum err order_gone(struct cx *cx, const struct trace *t, struct tally *n)
{
    bool is_kept = false;
    TRY(order_take_back(cx, t->order, &is_kept));
    n->undone += !is_kept;
    n->stays += is_kept;
    return OK;
}

static enum err customer_gone(struct cx *cx, const struct import *i, const struct trace *t,
                              struct tally *n)
{
    int64_t has = 0, touched = 0;
    TRY(db_int(cx, &q_import_customer_has, &has, ARGS(V(t->customer))));
    if (!has)
        return OK;
    TRY(db_int(cx, &q_import_touched, &touched, ARGS(V(t->customer), V(i->id))));
    if (touched) {
        n->stays++;
        return OK;
    }
    struct list values = {0};
    TRY(db_all(cx, &q_import_values_of, &id_shape, &values, ARGS(V(t->customer))));
    TRY(db_run(cx, &q_import_owners_delete, ARGS(V(t->customer))));
    if (values.n) /* struct id_row is one int64 */
        TRY(db_run(cx, &q_import_values_delete, ARGS(val_ints(values.items, values.n))));
    TRY(db_run(cx, &q_import_standing_delete, ARGS(V(t->customer))));
    TRY(db_run(cx, &q_import_customer_delete, ARGS(V(t->customer))));
    TRY(audit_add(cx, "customer.take_back", t->customer.v, i->id.v, (str){0}));
    n->undone++;
    return event_add(cx, EVENT_CUSTOMER_CHANGED, t->customer.v, 0, (str){0});
}

static enum err rows_step(struct cx *cx, const struct import *i, struct tally *n, int64_t *at,
                          bool *is_over)
{
    struct list rows = {0};
    int64_t before = i->undo_at ? i->undo_at : INT64_MAX;
    TRY(db_all(cx, &q_import_row_after, &trace_shape, &rows, ARGS(V(i->id), V(before), V(SLICE))));
    const struct trace *t = rows.items;
    for (size_t k = 0; k < rows.n; k++) {
        *at = t[k].line;
        if (i->undo_step == STEP_CUSTOMERS) {
            if (t[k].is_new)
                TRY(customer_gone(cx, i, &t[k], n));
        } else if (t[k].order.v) {
            TRY(order_gone(cx, &t[k], n));
        } else if (t[k].interaction.v) {
            TRY(contact_gone(cx, &t[k], n));
        }
    }
    *is_over = rows.n < SLICE;
    return OK;
}

static enum err undo_apply(struct cx *cx, void *state)
{
    struct undo *u = state;
    struct import i;
    struct tally n = {0};
    TRY(import_get(cx, u->id, &i));
    if (i.state != IMPORT_UNDOING)
        return fault(cx, ERR_CONFLICT, M_IMPORT_STATE,
                     MARG("state", str_of(import_state_codes[i.state])));
    int64_t at = i.undo_at;
    bool is_over = false;
    if (i.undo_step == STEP_HISTORY) {
        struct undo_tally t = {0};
        TRY(history_undo_batch_slice(cx, i.id.v, SLICE, &at, &t));
        n = (struct tally){t.undone, t.moved};
        is_over = t.is_finished;
    } else {
        TRY(rows_step(cx, &i, &n, &at, &is_over));
    }
    u->is_finished = is_over && i.undo_step == STEP_HISTORY;
    int64_t changed = 0;
    TRY(db_run_count(cx, &q_import_undo_go_on, &changed,
                     ARGS(V(n.undone), V(n.stays), V(i.undo_step + is_over), V(is_over ? 0 : at),
                          V(u->is_finished ? "undone" : "undoing"), V(cx->now_ms + LEASE_MS),
                          V(cx->now_ms), V(i.id), V(i.undo_step), V(i.undo_at))));
    return changed ? OK : ERR_STALE;
}

enum err import_undo_step(struct store *s, struct cx *cx, import_id id, bool *finished)
{
    struct undo u = {.id = id};
    TRY(db_change(s, cx, LANE_BULK, undo_apply, &u));
    *finished = u.is_finished;
    return OK;
}
