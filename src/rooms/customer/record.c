/* rooms/customer/record.c - the Record: a customer with all that hangs on it, and changes of its
 * own fields. */
#include "messages.h"
#include "queries.h"
#include "rooms/customer/inside.h"

enum { NOTES_SHOWN = 30, PART_LIMIT = 100, IDENTITIES_SHOWN = 200 };

/* clang-format off */
static const struct field standing_vip_fields[] = {
    FIELD_ENUM(struct standing_vip, by, vip_by_codes, .doc = "\"\": not VIP"),
    FIELD(struct standing_vip, spent, .nullable = true),
    FIELD(struct standing_vip, limit, .nullable = true, .doc = "From where on one is VIP"),
    FIELD(struct standing_vip, share, .doc = "Hundredths of a percent"),
};
static const struct shape standing_vip_shape = SHAPE("standing_vip", struct standing_vip, standing_vip_fields);
static const struct field standing_fields[] = {
    FIELD(struct standing_out, first_at),
    FIELD(struct standing_out, last_contact_at),
    FIELD(struct standing_out, contacts),
    FIELD(struct standing_out, orders),
    FIELD(struct standing_out, spent, .doc = "In the base currency"),
    FIELD(struct standing_out, spent_12m),
    FIELD(struct standing_out, last_order_at),
    FIELD(struct standing_out, orders_12m),
    FIELD(struct standing_out, discounted_12m, .doc = "Orders with a discount or a promotion"),
    FIELD(struct standing_out, returned_12m),
    FIELD(struct standing_out, discount_12m),
    FIELD_ENUM(struct standing_out, activity, activity_codes),
    FIELD(struct standing_out, activity_at, .doc = "Since when"),
    FIELD_STRUCT(struct standing_out, vip, &standing_vip_shape, .doc = "By hand, by amount or by share, with the figures of the rule"),
};
static const struct shape standing_out_shape = SHAPE("standing", struct standing_out, standing_fields);

static const struct field record_fields[] = {
    FIELD_STRUCT(struct record, customer, &customer_shape),
    FIELD_LIST(struct record, marks, &mark_shape),
    FIELD_LIST(struct record, tags, &tag_shape),
    FIELD_LIST(struct record, attributes, &attribute_shape, .doc = "All custom attributes in use; value null where there is none"),
    FIELD_LIST(struct record, identities, &identity_shape),
    FIELD_LIST(struct record, addresses, &address_shape),
    FIELD_LIST(struct record, holdings, &holding_shape),
    FIELD_LIST(struct record, relations, &relation_shape),
    FIELD_LIST(struct record, tasks, &task_shape, .doc = "Open ones"),
    FIELD_LIST(struct record, notes, &note_shape, .doc = "Newest first"),
    FIELD_LIST(struct record, proposals, &proposal_shape, .doc = "Proposed changes, not decided"),
    FIELD_LIST(struct record, freshness, &fresh_shape, .doc = "Where a field came from and when it was last confirmed"),
    FIELD_STRUCT(struct record, ask, &next_ask_shape, .nullable = true, .doc = "The one thing to ask next"),
    FIELD_LIST(struct record, consents, &consent_shape, .doc = "The last word on each purpose"),
    FIELD_STRUCT(struct record, standing, &standing_out_shape),
    FIELD_STRUCT(struct record, class, &class_seen_shape, .doc = "What kind of customer this is, and how to serve him"),
    FIELD_STRUCT(struct record, risk, &risk_seen_of_shape, .nullable = true, .seen_by = MAY_READ_RISK, .doc = "As last looked at; GET /customers/{id}/judgement says why"),
    FIELD(struct record, more, .doc = "Lists above that hold more than is shown here"),
    FIELD(struct record, version),
};
/* clang-format on */
const struct shape record_shape = SHAPE("record", struct record, record_fields);

static void cut(struct record *r, struct list *l, size_t limit, const char *name)
{
    if (l->n <= limit)
        return;
    l->n = limit;
    r->more.items[r->more.n++] = str_of(name);
}

/* Oldest first. */
static void turn(struct list *tasks)
{
    struct task *t = tasks->items;
    for (size_t i = 0, k = tasks->n; i + 1 < k--; i++) {
        struct task first = t[i];
        t[i] = t[k];
        t[k] = first;
    }
}

/* Something is late, or the customer is blocked: no time for questions. */
static bool is_held(const struct cx *cx, const struct record *r, int64_t orders_late)
{
    const struct mark *m = r->marks.items;
    const struct task *t = r->tasks.items;
    for (size_t i = 0; i < r->marks.n; i++)
        if (m[i].mark == MARK_BLOCKED)
            return true;
    for (size_t i = 0; i < r->tasks.n; i++)
        if (t[i].due_at.ms && t[i].due_at.ms < cx->now_ms)
            return true;
    return orders_late > 0;
}

enum err record_get(struct cx *cx, customer_id id, struct record *out)
{
    const struct settings *house = settings_current(cx);
    customer_id root;
    struct list ids;
    TRY(customer_root(cx, id, &root, &ids));
    struct standing standing = {0};
    struct list defs = {0}, values = {0}, fresh = {0}, consents = {0}, classes = {0}, pins = {0};
    struct args by_root = ARGS(V(root));
    struct db_read fixed[] = {
        {&q_customer_get, &customer_row_shape, true, &out->customer, by_root, false},
        {&q_mark_list, &mark_row_shape, false, &out->marks, by_root, false},
        {&q_tag_of_customer, &tag_row_shape, false, &out->tags, by_root, false},
        {&q_attr_def_list, &attr_def_row_shape, false, &defs, NO_ARGS, false},
        {&q_attr_of_customer, &attr_row_shape, false, &values, by_root, false},
        {&q_fresh_list, &fresh_row_shape, false, &fresh, by_root, false},
        {&q_consent_of_customer, &consent_row_shape, false, &consents, by_root, false},
        {&q_identity_list, &identity_row_shape, false, &out->identities, by_root, false},
        {&q_address_list, &address_row_shape, false, &out->addresses, by_root, false},
        {&q_holding_list, &holding_row_shape, false, &out->holdings, by_root, false},
        {&q_proposal_list, &proposal_row_shape, false, &out->proposals, by_root, false},
        {&q_standing_get, &standing_row_shape, true, &standing, by_root, false},
        {&q_risk_seen_of, &risk_seen_of_row_shape, true, &out->risk, by_root, false},
        {&q_class_of_customer, &class_in_row_shape, false, &classes, by_root, false},
        {&q_class_pin_of, &class_pin_row_shape, false, &pins, ARGS(V(root), V(cx->now_ms)), false},
    };
    const int64_t *each = ids.items;
    struct relation_reads relations = relation_reads(cx, ids, 2 * PART_LIMIT + 1);
    size_t n_reads = COUNT(fixed) + 3 * ids.n + relations.n;
    struct db_read *reads = ARENA_ARRAY(cx->arena, n_reads, struct db_read),
                   *more = reads + COUNT(fixed);
    struct list *notes = ARENA_ARRAY(cx->arena, ids.n, struct list);
    struct list *tasks = ARENA_ARRAY(cx->arena, ids.n, struct list);
    struct number_row *late = ARENA_ARRAY(cx->arena, ids.n, struct number_row);
    struct val *args = ARENA_ARRAY(cx->arena, 6 * ids.n, struct val);
    memcpy(reads, fixed, sizeof(fixed));
    for (size_t i = 0; i < ids.n; i++) {
        struct val *v = args + 6 * i;
        v[0] = v[2] = v[4] = V(each[i]);
        v[1] = V(NOTES_SHOWN + 1);
        v[3] = V(PART_LIMIT + 1);
        v[5] = V(cx->now_ms);
        more[3 * i] =
            (struct db_read){&q_note_list, &note_row_shape, false, &notes[i], {v, 2}, false};
        more[3 * i + 1] =
            (struct db_read){&q_task_recent, &task_row_shape, false, &tasks[i], {v + 2, 2}, false};
        more[3 * i + 2] =
            (struct db_read){&q_orders_late, &number_row_shape, true, &late[i], {v + 4, 2}, false};
    }
    memcpy(more + 3 * ids.n, relations.reads, relations.n * sizeof(*reads));
    TRY(db_batch(cx, reads, n_reads));
    if (!reads[0].found)
        return fault(cx, ERR_NOT_FOUND, M_CUSTOMER_UNKNOWN);

    out->notes = newest_of(cx->arena, notes, ids.n, sizeof(struct note), offsetof(struct note, at),
                           offsetof(struct note, id), NOTES_SHOWN + 1);
    out->more = (struct str_list){ARENA_ARRAY(cx->arena, 8, str), 0};
    out->tasks = newest_of(cx->arena, tasks, ids.n, sizeof(struct task), offsetof(struct task, id),
                           offsetof(struct task, id), PART_LIMIT + 1);
    cut(out, &out->tasks, PART_LIMIT, "tasks");
    turn(&out->tasks);
    out->customer.name_lang = customer_name_lang(out->customer.name, out->customer.lang);
    out->version = out->customer.version;
    TRY(attr_defs_finish(cx, &defs));
    out->attributes = attributes_of(cx, &defs, &values, root);
    out->relations = relations_merge(cx->arena, &relations);
    struct proposal *p = out->proposals.items;
    for (size_t i = 0; i < out->proposals.n; i++)
        p[i].current = customer_field(&out->customer, p[i].field);
    out->class = class_seen_of(cx->arena, cx->lang, &classes, &pins);
    out->standing = (struct standing_out){
        .first_at = standing.first_at,
        .last_contact_at = standing.last_contact_at,
        .contacts = standing.all.contacts,
        .orders = standing.all.orders,
        .spent = {standing.all.spent, house->base_currency},
        .spent_12m = {standing.window[WINDOW_365D].spent, house->base_currency},
        .last_order_at = standing.last_order_at,
        .orders_12m = standing.window[WINDOW_365D].orders,
        .discounted_12m = standing.window[WINDOW_365D].discounted,
        .returned_12m = {standing.window[WINDOW_365D].returned, house->base_currency},
        .discount_12m = {standing.window[WINDOW_365D].discount, house->base_currency},
        .activity = standing.activity,
        .activity_at = standing.activity_at,
    };
    (void)standing_vip_why(&standing, house, &out->standing.vip);
    standing_vip_mark(cx, &standing, &out->marks);
    out->freshness = fresh_of(cx, &out->customer, &out->identities, &out->addresses, &fresh);
    int64_t n_late = 0;
    for (size_t i = 0; i < ids.n; i++)
        n_late += late[i].n;
    out->ask = ask_next(cx, &out->customer, &out->identities, &out->freshness, out->addresses.n > 0,
                        is_held(cx, out, n_late));
    out->consents = consents_settle(cx->arena, &consents);
    cut(out, &out->identities, IDENTITIES_SHOWN, "identities");
    cut(out, &out->addresses, PART_LIMIT, "addresses");
    cut(out, &out->holdings, PART_LIMIT, "holdings");
    cut(out, &out->relations, 2 * PART_LIMIT, "relations");
    cut(out, &out->notes, NOTES_SHOWN, "notes");
    cut(out, &out->proposals, PART_LIMIT, "proposals");
    return OK;
}

/* ---- GET /customers/{id} ------------------------------------------------------------------- */

/* clang-format off */
static const struct field by_id_fields[] = {
    FIELD(struct part_in, id, .in_path = true),
};
/* clang-format on */
const struct shape by_id_shape = SHAPE("customer_by_id", struct part_in, by_id_fields);

enum err route_record(struct cx *cx, void *in, void *out)
{
    const struct part_in *a = in;
    struct record *r = out;
    TRY(record_get(cx, a->id, r));
    audit_view(cx, r->customer.id.v);
    return OK;
}

/* ---- GET /customers/{id}/notes --------------------------------------------------------------- */

struct notes_in {
    customer_id id;
    int64_t limit;
    str cursor;
};
/* clang-format off */
static const struct field notes_in_fields[] = {
    FIELD(struct notes_in, id, .in_path = true),
    FIELD(struct notes_in, limit, .min = 1, .max = NOTES_SHOWN, .doc = "How many at most (default 30)"),
    FIELD(struct notes_in, cursor, .max_len = 400, .doc = "As given by `next` of the page before"),
};
const struct shape notes_in_shape = SHAPE("notes_in", struct notes_in, notes_in_fields);
static const struct field notes_page_fields[] = {
    FIELD_LIST(struct page_out, items, &note_shape),
    FIELD(struct page_out, next, .nullable = true),
};
const struct shape notes_page_shape = SHAPE("note_page", struct page_out, notes_page_fields);
/* clang-format on */

enum err route_notes(struct cx *cx, void *in, void *out)
{
    struct notes_in *a = in;
    struct page_out *page = out;
    customer_id root;
    struct list ids;
    int64_t at, before;
    a->limit = a->limit ? a->limit : NOTES_SHOWN;
    TRY(customer_root(cx, a->id, &root, &ids));
    const char *tag =
        arena_cstr(cx->arena, arena_printf(cx->arena, "notes %lld", (long long)root.v));
    TRY(page_begin(cx, tag, &a->limit, a->cursor, &at, &before));
    const int64_t *each = ids.items;
    struct list *lists = ARENA_ARRAY(cx->arena, ids.n, struct list);
    struct db_read *reads = ARENA_ARRAY(cx->arena, ids.n, struct db_read);
    struct val *args = ARENA_ARRAY(cx->arena, 4 * ids.n, struct val);
    for (size_t i = 0; i < ids.n; i++) {
        struct val *v = args + 4 * i;
        v[0] = V(each[i]);
        v[1] = V(at);
        v[2] = V(before);
        v[3] = V(a->limit + 1);
        reads[i] = (struct db_read){&q_note_page, &note_row_shape, false, &lists[i], {v, 4}, false};
    }
    TRY(db_batch(cx, reads, ids.n));
    page->items = newest_of(cx->arena, lists, ids.n, sizeof(struct note), offsetof(struct note, at),
                            offsetof(struct note, id), (size_t)a->limit + 1);
    if ((int64_t)page->items.n > a->limit) {
        page->items.n = (size_t)a->limit;
        const struct note *last = (const struct note *)page->items.items + a->limit - 1;
        page->next = cursor_make(cx->arena, cx->now_ms, tag, last->at.ms, last->id.v);
    }
    audit_view(cx, root.v);
    return OK;
}

/* ---- PATCH /customers/{id} ----------------------------------------------------------------------
 */

struct patch_in {
    customer_id id;
    int kind;
#define X(m, ...) str m;
    CUSTOMER_TEXTS(X)
#undef X
    staff_id owner;
    /* between plan and apply */
    struct customer seen, next;
    struct str_list keys;
};
/* clang-format off */
static const struct field patch_fields[] = {
    FIELD(struct patch_in, id, .in_path = true),
    FIELD_ENUM(struct patch_in, kind, customer_kind_codes),
#define X(m, claim, most, rule, ...) FIELD(struct patch_in, m, .max_len = most, __VA_ARGS__),
    CUSTOMER_TEXTS(X)
#undef X
    FIELD(struct patch_in, owner, .nullable = true),
};
/* clang-format on */
const struct shape patch_shape = SHAPE("customer_patch", struct patch_in, patch_fields);

static bool is_sent(const struct cx *cx, const char *name)
{
    for (size_t i = 0; i < COUNT(patch_fields); i++)
        if (strcmp(patch_fields[i].name, name) == 0)
            return (cx->sent >> i) & 1;
    return false;
}

/* The members that were sent over those of the record, by name. */
static void overlay(struct cx *cx, const struct patch_in *a, struct customer *c)
{
    for (size_t i = 1; i < COUNT(patch_fields); i++) {
        const struct field *from = &patch_fields[i];
        if (!((cx->sent >> i) & 1) || from->type != F_STR)
            continue;
        bool is_own = customer_text_set(
            c, str_of(from->name), *(const str *)(const void *)((const char *)a + from->offset));
        assert(is_own);
        (void)is_own;
    }
    if (is_sent(cx, "kind"))
        c->kind = a->kind;
    if (is_sent(cx, "owner"))
        c->owner.id = a->owner;
}

/* Somebody was quicker: refused with what stands there now beside what was sent, of the first member
 * that differs. When all that is sent stands there already there is nothing to refuse. */
static enum err both_values(struct cx *cx, const struct patch_in *a)
{
    struct customer now = a->seen, next = a->next;
    for (size_t i = 1; i < COUNT(patch_fields); i++) {
        str member = str_of(patch_fields[i].name);
        const str *was = customer_text(&now, member), *given = customer_text(&next, member);
        str old = was ? *was : (str){0}, new = given ? *given : (str){0};
        if (!((cx->sent >> i) & 1))
            continue;
        if (str_eq(member, S("kind"))) {
            old = str_of(customer_kind_codes[now.kind]);
            new = str_of(customer_kind_codes[next.kind]);
        } else if (str_eq(member, S("owner"))) {
            old = now.owner.id.v ? id_text(cx->arena, "stf", now.owner.id.v) : (str){0};
            new = next.owner.id.v ? id_text(cx->arena, "stf", next.owner.id.v) : (str){0};
        }
        if (str_eq(old, new))
            continue;
        (void)fault(cx, ERR_STALE, M_RECORD_MOVED_FIELD, MARG("field", member), MARG("now", old),
                    MARG("given", new));
        return fault_at(cx, ERR_STALE, member);
    }
    return OK;
}

enum err patch_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct patch_in *a = in;
#define X(m, claim, most, rule, ...) TRY(customer_rule_##rule(cx, S(#m), &a->m));
    CUSTOMER_TEXTS(X)
#undef X
    TRY(customer_get(cx, a->id, &a->seen));
    if (is_sent(cx, "owner") && a->owner.v) {
        struct staff s;
        enum err e = staff_get(cx, a->owner, &s);
        if (e == ERR_NOT_FOUND)
            return fault_field(cx, ERR_INVALID, S("owner"), M_STAFF_NOT_HERE);
        TRY(e);
    }
    struct customer *c = &a->next;
    *c = a->seen;
    overlay(cx, a, c);
    if (cx->if_match >= 0 && cx->if_match != a->seen.version)
        TRY(both_values(cx, a));
    a->keys = customer_keys(cx->arena, c->name, c->reading, c->company, c->country);
    return OK;
}

enum err patch_apply(struct cx *cx, void *in, void *out)
{
    const struct patch_in *a = in;
    TRY(customer_change(cx, &a->seen, &a->next, &a->keys, NULL));
    cx->made_id = a->seen.id.v;
    return record_get(cx, a->seen.id, out);
}

enum err patch_replay(struct cx *cx, int64_t id, void *out)
{
    return record_get(cx, (customer_id){id}, out);
}
