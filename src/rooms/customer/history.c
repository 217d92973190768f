/* rooms/customer/history.c - what changed on a record, and taking it back. */
#include "messages.h"
#include "queries.h"
#include "rooms/customer/inside.h"

/* clang-format off */
static const struct field token_ref_fields[] = {
    FIELD(struct token_ref, id, .nullable = true),
    FIELD(struct token_ref, name, .nullable = true),
};
static const struct shape token_ref_shape = SHAPE("token_ref", struct token_ref, token_ref_fields);
static const struct field history_line_fields[] = {
    FIELD_AS(struct history_line, row.id, "id"),
    FIELD_AS(struct history_line, row.at, "at"),
    FIELD_STRUCT(struct history_line, staff, &staff_ref_shape, .nullable = true),
    FIELD_STRUCT(struct history_line, token, &token_ref_shape, .nullable = true),
    FIELD_AS(struct history_line, row.source, "source", .doc = "staff, api, a channel, import, bulk, proposal, undo"),
    FIELD_AS(struct history_line, row.field, "field", .doc = "city, owner, tag, attr.code, mark.vip, identity, address …"),
    FIELD(struct history_line, label, .omit_empty = true, .doc = "Of a custom attribute"),
    FIELD(struct history_line, about, .omit_empty = true, .personal = true, .doc = "The handle, when its state changed"),
    FIELD(struct history_line, part, .nullable = true, .doc = "The identity, address … that changed"),
    FIELD_AS(struct history_line, row.old, "old", .personal = true),
    FIELD_AS(struct history_line, row.new, "new", .personal = true),
    FIELD(struct history_line, can_undo),
    FIELD(struct history_line, is_damaged, .omit_empty = true, .doc = "It is not as it was written; the values are not shown"),
    FIELD(struct history_line, undone_by, .nullable = true, .doc = "The change that took it back"),
};
const struct shape history_shape = SHAPE("history", struct history_line, history_line_fields);
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
    FIELD_AS(struct history_row, via, "customer_id"),
    FIELD(struct history_row, value_id),
    FIELD(struct history_row, sealed, .nullable = true),
    FIELD(struct history_row, wrapped, .nullable = true),
};
/* clang-format on */
static const struct field history_line_row_fields[] = {
    FIELD_AS(struct history_line, row.id, "id"),
    FIELD_AS(struct history_line, row.customer, "customer_id"),
    FIELD_AS(struct history_line, row.at, "at_ms"),
    FIELD_AS(struct history_line, row.actor_kind, "actor_kind"),
    FIELD_AS(struct history_line, row.actor_id, "actor_id"),
    FIELD_AS(struct history_line, row.source, "source"),
    FIELD_AS(struct history_line, row.field, "field"),
    FIELD_AS(struct history_line, row.part, "part_id"),
    FIELD_AS(struct history_line, row.old, "old_value"),
    FIELD_AS(struct history_line, row.new, "new_value"),
    FIELD_AS(struct history_line, row.data, "data"),
    FIELD_AS(struct history_line, row.batch, "batch_id", .nullable = true),
    FIELD_AS(struct history_line, row.undone_by, "undone_by", .nullable = true),
    FIELD_AS(struct history_line, row.via, "customer_id"),
    FIELD_AS(struct history_line, row.value_id, "value_id"),
    FIELD_AS(struct history_line, row.sealed, "sealed", .nullable = true),
    FIELD_AS(struct history_line, row.wrapped, "wrapped", .nullable = true),
    FIELD_AS(struct history_line, staff.name, "name", .nullable = true),
    FIELD_AS(struct history_line, token.name, "name", .nullable = true),
};
const struct shape history_line_row_shape =
    SHAPE("history_line_row", struct history_line, history_line_row_fields);
const struct shape history_row_shape = SHAPE("history_row", struct history_row, history_row_fields);

/* ---- taking back: each kind of field knows what stands there now and how to put the old there ---- */

/* The field is not as this change left it. */
enum err history_moved(struct cx *cx, const struct history_row *h, str now)
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
            return history_moved(cx, h, code);
        next.kind = str_eq(h->old, S("company")) ? CUSTOMER_COMPANY : CUSTOMER_PERSON;
    } else if (str_eq(h->field, S("owner"))) {
        str id = now.owner.id.v ? id_text(cx->arena, "stf", now.owner.id.v) : (str){0};
        if (!str_eq(id, h->new))
            return history_moved(cx, h, now.owner.name);
        next.owner.id.v = 0;
        if (h->old.len && !id_parse(h->old, "stf", &next.owner.id.v))
            return fault(cx, ERR_INTERNAL, M_HISTORY_STAYS);
    } else {
        str *text = customer_text(&next, h->field);
        if (!text)
            return fault(cx, ERR_CONFLICT, M_HISTORY_STAYS);
        if (!str_eq(*text, h->new))
            return history_moved(cx, h, *text);
        *text = h->old;
    }
    return customer_change(cx, &now, &next, NULL, by);
}

static enum err undo_tag(struct cx *cx, const struct history_row *h, struct change_by *by)
{
    return h->new.len ? tag_take(cx, h->customer, h->new, by)
                      : tag_put(cx, h->customer, h->old, by);
}

static enum err undo_attr(struct cx *cx, const struct history_row *h, struct change_by *by)
{
    struct attr_def d;
    struct attr_value old;
    struct list rows = {0};
    TRY(attr_def_by_code(cx, (str){h->field.ptr + 5, h->field.len - 5}, &d));
    TRY(db_all(cx, &q_attr_of_one, &attr_row_shape, &rows, ARGS(V(d.id), V(h->customer))));
    struct attr_value now = attr_value_of(&rows, d.id, h->customer);
    str now_text = attr_value_text(cx->arena, &d, &now);
    if (!str_eq(now_text, h->new))
        return history_moved(cx, h, now_text);
    TRY(attr_value_read(cx, &d, h->old, &old));
    return attr_put(cx, h->customer, &d, &old, by);
}

static enum err undo_mark(struct cx *cx, const struct history_row *h, struct change_by *by)
{
    str code = {h->field.ptr + 5, h->field.len - 5};
    for (int m = 0; m < (int)COUNT(mark_codes); m++) {
        if (!str_eq(code, str_of(mark_codes[m])))
            continue;
        TRY(mark_may(cx, m));
        struct mark now = {0};
        enum err e = db_one(cx, &q_mark_of, &mark_row_shape, &now, ARGS(V(code), V(h->customer)));
        if (e == ERR_NOT_FOUND)
            now.reason = (str){0};
        else
            TRY(e);
        if (!str_eq(now.reason, h->new))
            return history_moved(cx, h, now.reason);
        return mark_put(cx, h->customer, m, h->old, by);
    }
    return fault(cx, ERR_CONFLICT, M_HISTORY_STAYS);
}

static enum err undo_address(struct cx *cx, const struct history_row *h, struct change_by *by)
{
    return part_undo(cx, &part_address, h, by);
}
static enum err undo_holding(struct cx *cx, const struct history_row *h, struct change_by *by)
{
    return part_undo(cx, &part_holding, h, by);
}
static enum err undo_relation(struct cx *cx, const struct history_row *h, struct change_by *by)
{
    return part_undo(cx, &part_relation, h, by);
}

static const struct undo_kind {
    const char *field; /* whole, or a start that ends with a point; NULL: the record's own */
    enum err (*undo)(struct cx *cx, const struct history_row *h, struct change_by *by);
} kinds[] = {
    {"tag", undo_tag},
    {"attr.", undo_attr},
    {"mark.", undo_mark},
    {"address", undo_address},
    {"holding", undo_holding},
    {"relation", undo_relation},
    {"identity", identity_undo},
    {"identity.state", identity_state_undo},
    {NULL, undo_own},
};

static bool is_of(str field, const char *kind)
{
    str k = str_of(kind);
    return k.ptr[k.len - 1] == '.' ? str_starts(field, k) : str_eq(field, k);
}

static const struct undo_kind *kind_of(str field)
{
    size_t i = 0;
    while (kinds[i].field && !is_of(field, kinds[i].field))
        i++;
    return &kinds[i];
}

void history_row_open(struct cx *cx, struct history_row *h)
{
    if (!h->value_id)
        return;
    struct audit_said said;
    struct audit_kept kept = {h->value_id, h->via.v, h->at.ms, h->actor_kind, h->actor_id,
                              h->source,   h->field, h->part,  h->sealed,     h->wrapped};
    h->is_damaged = audit_value_open(cx, &kept, &said) == AUDIT_OPEN_WRONG;
    h->old = said.was;
    h->new = said.is;
    h->data = said.data;
}

static enum err undo_row(struct cx *cx, struct history_row *h, struct change_by *by)
{
    if (h->undone_by)
        return fault(cx, ERR_CONFLICT, M_HISTORY_UNDONE);
    history_row_open(cx, h);
    if (h->is_damaged)
        return fault(cx, ERR_CONFLICT, M_HISTORY_DAMAGED);
    TRY(kind_of(h->field)->undo(cx, h, by));
    if (by->made.v == 0)
        return history_moved(cx, h, h->old); /* it is as it was already */
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
    struct history_row *h = rows.items;
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

/* ---- POST /history/{id}/undo ------------------------------------------------------------------ */

struct history_undo_in {
    history_id id;
};
/* clang-format off */
static const struct field history_undo_fields[] = {
    FIELD(struct history_undo_in, id, .in_path = true),
};
const struct shape history_undo_shape = SHAPE("history_undo", struct history_undo_in, history_undo_fields);

struct history_page_in {
    customer_id id;
    int64_t limit;
    str cursor;
};
static const struct field history_page_in_fields[] = {
    FIELD(struct history_page_in, id, .in_path = true),
    PAGE_FIELDS(struct history_page_in),
};
const struct shape history_page_in_shape = SHAPE("history_page_in", struct history_page_in, history_page_in_fields);
static const struct field history_page_fields[] = {
    FIELD_LIST(struct page_out, items, &history_shape),
    FIELD(struct page_out, next, .nullable = true),
};
const struct shape history_page_shape = SHAPE("history_page", struct page_out, history_page_fields);
static const struct field staff_name_row_fields[] = {
    FIELD(struct staff_ref, id),
    FIELD(struct staff_ref, name),
};
const struct shape staff_name_row_shape = SHAPE("staff_name_row", struct staff_ref, staff_name_row_fields);
/* clang-format on */

static const struct {
    const char *field, *prefix;
} part_prefixes[] = {{"identity", "idn"}, {"address", "adr"},  {"holding", "hld"},
                     {"relation", "rel"}, {"proposal", "prp"}, {"consent", "cns"}};

static str part_text(struct arena *a, const struct history_row *r)
{
    for (size_t i = 0; i < COUNT(part_prefixes); i++)
        if (r->part && str_starts(r->field, str_of(part_prefixes[i].field)))
            return id_text(a, part_prefixes[i].prefix, r->part);
    return (str){0};
}

/* An owner stands as an id; people read a name. */
static void owners_of(const struct history_line *l, size_t n, int64_t *ids, size_t *n_ids)
{
    for (size_t i = 0; i < n; i++) {
        if (!str_eq(l[i].row.field, S("owner")))
            continue;
        int64_t id;
        if (id_parse(l[i].row.old, "stf", &id))
            ids[(*n_ids)++] = id;
        if (id_parse(l[i].row.new, "stf", &id))
            ids[(*n_ids)++] = id;
    }
}

static str name_of(const struct list *names, str id_given)
{
    int64_t id;
    const struct staff_ref *s = names->items;
    if (!id_parse(id_given, "stf", &id))
        return (str){0};
    for (size_t i = 0; i < names->n; i++)
        if (s[i].id.v == id)
            return s[i].name;
    return id_given;
}

static bool is_now(const struct customer *c, const struct history_row *r)
{
    struct customer now = *c;
    const str *text = customer_text(&now, r->field);
    return !text || str_eq(*text, r->new);
}

static enum err lines_finish(struct cx *cx, customer_id root, struct list *lines)
{
    struct history_line *l = lines->items;
    struct list names = {0}, defs = {0};
    struct customer now;
    int64_t *ids = ARENA_ARRAY(cx->arena, 2 * lines->n + 1, int64_t);
    size_t n_ids = 0;
    TRY(customer_get(cx, root, &now));
    for (size_t i = 0; i < lines->n; i++)
        history_row_open(cx, &l[i].row);
    owners_of(l, lines->n, ids, &n_ids);
    if (n_ids)
        TRY(db_all(cx, &q_staff_names, &staff_name_row_shape, &names, ARGS(val_ints(ids, n_ids))));
    bool has_attr = false;
    for (size_t i = 0; i < lines->n; i++)
        has_attr |= str_starts(l[i].row.field, S("attr."));
    if (has_attr)
        TRY(attr_defs(cx, &defs));
    const struct attr_def *d = defs.items;
    for (size_t i = 0; i < lines->n; i++) {
        struct history_row *r = &l[i].row;
        if (str_eq(r->actor_kind, S("staff")))
            l[i].staff.id.v = r->actor_id;
        if (str_eq(r->actor_kind, S("token")))
            l[i].token.id.v = r->actor_id;
        l[i].part = part_text(cx->arena, r);
        l[i].undone_by.v = r->undone_by;
        if (str_eq(r->field, S("identity.state")))
            l[i].about = r->data;
        l[i].is_damaged = r->is_damaged;
        l[i].can_undo = r->undone_by == 0 && !r->is_damaged && is_now(&now, r);
        for (size_t k = 0; k < defs.n; k++)
            if (r->part == d[k].id.v)
                l[i].label = d[k].label;
        if (str_eq(r->field, S("owner"))) {
            r->old = name_of(&names, r->old);
            r->new = name_of(&names, r->new);
        }
    }
    return OK;
}

enum err route_history(struct cx *cx, void *in, void *out)
{
    struct history_page_in *a = in;
    struct page_out *page = out;
    customer_id root;
    struct list ids;
    int64_t sort, before;
    TRY(customer_root(cx, a->id, &root, &ids));
    const char *tag =
        arena_cstr(cx->arena, arena_printf(cx->arena, "history %lld", (long long)root.v));
    TRY(page_begin(cx, tag, &a->limit, a->cursor, &sort, &before));
    const int64_t *each = ids.items;
    struct list *lists = ARENA_ARRAY(cx->arena, ids.n, struct list);
    struct db_read *reads = ARENA_ARRAY(cx->arena, ids.n, struct db_read);
    struct val *args = ARENA_ARRAY(cx->arena, 3 * ids.n, struct val);
    for (size_t i = 0; i < ids.n; i++) {
        struct val *v = args + 3 * i;
        v[0] = V(each[i]);
        v[1] = V(before);
        v[2] = V(a->limit + 1);
        reads[i] = (struct db_read){
            &q_history_page, &history_line_row_shape, false, &lists[i], {v, 3}, false};
    }
    TRY(db_batch(cx, reads, ids.n));
    size_t id_at = offsetof(struct history_line, row.id);
    page->items = newest_of(cx->arena, lists, ids.n, sizeof(struct history_line), id_at, id_at,
                            (size_t)a->limit + 1);
    if ((int64_t)page->items.n > a->limit) {
        page->items.n = (size_t)a->limit;
        int64_t last = ((struct history_line *)page->items.items)[a->limit - 1].row.id.v;
        page->next = cursor_make(cx->arena, cx->now_ms, tag, last, last);
    }
    audit_view(cx, root.v);
    return lines_finish(cx, root, &page->items);
}

static enum err line_get(struct cx *cx, int64_t id, void *out)
{
    struct history_line *l = out;
    TRY(db_one(cx, &q_history_line, &history_line_row_shape, l, ARGS(V(id))));
    struct list one = {l, 1};
    return lines_finish(cx, l->row.customer, &one);
}

enum err history_undo_apply(struct cx *cx, void *in, void *out)
{
    const struct history_undo_in *a = in;
    struct change_by by = {0};
    TRY(history_undo(cx, a->id, &by));
    cx->made_id = by.made.v;
    return line_get(cx, by.made.v, out);
}

enum err history_replay(struct cx *cx, int64_t id, void *out)
{
    return line_get(cx, id, out);
}
