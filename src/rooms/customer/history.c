/* rooms/customer/history.c - what changed on a record, and taking it back. */
#include "messages.h"
#include "queries.h"
#include "rooms/customer/inside.h"

/* clang-format off */
static const struct field history_row_fields[] = {
    FIELD(struct history_row, id),
    FIELD_AS(struct history_row, customer, "customer_id"),
    FIELD_AS(struct history_row, at, "at_ms"),
    FIELD(struct history_row, actor_kind),
    FIELD(struct history_row, actor_id),
    FIELD(struct history_row, source),
    FIELD(struct history_row, field),
    FIELD_AS(struct history_row, part, "part_id"),
    FIELD_AS(struct history_row, old, "old_value"),
    FIELD_AS(struct history_row, new, "new_value"),
    FIELD(struct history_row, data),
    FIELD_AS(struct history_row, batch, "batch_id", .nullable = true),
    FIELD_AS(struct history_row, undone_by, "undone_by", .nullable = true),
};
/* clang-format on */
const struct shape history_row_shape = SHAPE("history_row", struct history_row, history_row_fields);

/* ---- taking back: each kind of field knows what stands there now and how to put the old there ---- */

/* The field is not as this change left it. */
static enum err moved(struct cx *cx, const struct history_row *h, str now)
{
    return fault(cx, ERR_CONFLICT, M_HISTORY_MOVED, MARG("field", h->field), MARG("now", now),
                 MARG("was", h->new), MARG("old", h->old));
}

static enum err undo_own(struct cx *cx, const struct history_row *h, struct change_by *by)
{
    struct customer now, next;
    TRY(customer_get(cx, h->customer, &now));
    next = now;
    if (str_eq(h->field, S("kind"))) {
        str code = str_of(customer_kind_codes[now.kind]);
        if (!str_eq(code, h->new))
            return moved(cx, h, code);
        next.kind = str_eq(h->old, S("company")) ? CUSTOMER_COMPANY : CUSTOMER_PERSON;
    } else if (str_eq(h->field, S("owner"))) {
        str id = now.owner.id.v ? id_text(cx->arena, "stf", now.owner.id.v) : (str){0};
        if (!str_eq(id, h->new))
            return moved(cx, h, now.owner.name);
        next.owner.id.v = 0;
        if (h->old.len && !id_parse(h->old, "stf", &next.owner.id.v))
            return fault(cx, ERR_INTERNAL, M_HISTORY_STAYS);
    } else {
        str *text = customer_text(&next, h->field);
        if (!text)
            return fault(cx, ERR_CONFLICT, M_HISTORY_STAYS);
        if (!str_eq(*text, h->new))
            return moved(cx, h, *text);
        *text = h->old;
    }
    return customer_change(cx, &now, &next, NULL, by);
}

static enum err undo_tag(struct cx *cx, const struct history_row *h, struct change_by *by)
{
    return h->new.len ? tag_take(cx, h->customer, h->new, by)
                      : tag_put(cx, h->customer, h->old, by);
}

static enum err undo_mark(struct cx *cx, const struct history_row *h, struct change_by *by)
{
    str code = {h->field.ptr + 5, h->field.len - 5};
    for (int m = 0; m < (int)COUNT(mark_codes); m++) {
        if (!str_eq(code, str_of(mark_codes[m])))
            continue;
        struct mark now = {0};
        enum err e = db_one(cx, &q_mark_of, &mark_row_shape, &now, ARGS(V(code), V(h->customer)));
        if (e == ERR_NOT_FOUND)
            now.reason = (str){0};
        else
            TRY(e);
        if (!str_eq(now.reason, h->new))
            return moved(cx, h, now.reason);
        return mark_put(cx, h->customer, m, h->old, by);
    }
    return fault(cx, ERR_CONFLICT, M_HISTORY_STAYS);
}

static const struct {
    const char *field; /* whole, or a start that ends with a point; NULL: the record's own */
    enum err (*undo)(struct cx *cx, const struct history_row *h, struct change_by *by);
} kinds[] = {
    {"tag", undo_tag},
    {"mark.", undo_mark},
    {NULL, undo_own},
};

static bool is_of(str field, const char *kind)
{
    str k = str_of(kind);
    return k.ptr[k.len - 1] == '.' ? str_starts(field, k) : str_eq(field, k);
}

static enum err undo_row(struct cx *cx, const struct history_row *h, struct change_by *by)
{
    if (h->undone_by)
        return fault(cx, ERR_CONFLICT, M_HISTORY_UNDONE);
    size_t i = 0;
    while (kinds[i].field && !is_of(h->field, kinds[i].field))
        i++;
    TRY(kinds[i].undo(cx, h, by));
    if (by->made.v == 0)
        return moved(cx, h, h->old); /* it is as it was already */
    return db_run(cx, &q_history_undone, ARGS(V(by->made), V(h->id)));
}

enum err history_undo(struct cx *cx, history_id id, struct change_by *by)
{
    struct history_row h;
    enum err e = db_one(cx, &q_history_get, &history_row_shape, &h, ARGS(V(id)));
    if (e == ERR_NOT_FOUND)
        return fault(cx, ERR_NOT_FOUND, M_HISTORY_UNKNOWN);
    TRY(e);
    by->source = "undo";
    return undo_row(cx, &h, by);
}

enum err history_undo_batch_slice(struct cx *cx, int64_t batch, size_t n, int64_t *position,
                                  struct undo_tally *tally)
{
    struct list rows = {0};
    int64_t before = *position ? *position : INT64_MAX;
    TRY(db_all(cx, &q_history_of_batch, &history_row_shape, &rows,
               ARGS(V(batch), V(before), V((int64_t)n))));
    const struct history_row *h = rows.items;
    for (size_t i = 0; i < rows.n; i++) {
        struct change_by by = {.source = "undo"};
        enum err e = undo_row(cx, &h[i], &by);
        if (e == ERR_CONFLICT)
            tally->moved += h[i].undone_by == 0;
        else
            TRY(e);
        tally->undone += e == OK;
        *position = h[i].id.v;
    }
    tally->is_finished = rows.n < n;
    return OK;
}
