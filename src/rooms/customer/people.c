/* rooms/customer/people.c - lists of what a record may have thousands of: the people of a company,
 * finished tasks. */
#include "messages.h"
#include "queries.h"
#include "rooms/customer/inside.h"

enum {
    LOOK_PAGE = 250,
    LOOK_ROWS = 2000 /* relations a request with `q` looks at: then it says how far it came */
};

/* ---- GET /customers/{id}/people ----------------------------------------------------------------- */

struct people_in {
    customer_id id;
    int kind;
    str q;
    int64_t limit;
    str cursor;
};
struct people_out {
    struct list items;
    int64_t looked;
    str next;
};
static const char *const people_kinds[] = {"works_at",   "branch_of", "resells_for",
                                           "partner_of", "family",    "referred_by"};
/* clang-format off */
static const struct field people_in_fields[] = {
    FIELD(struct people_in, id, .in_path = true),
    FIELD_ENUM(struct people_in, kind, people_kinds, .doc = "works_at (default): the people of a company; branch_of: its branches …"),
    FIELD(struct people_in, q, .max_len = 100, .doc = "Only those whose name, reading or role holds this"),
    PAGE_FIELDS(struct people_in),
};
const struct shape people_in_shape = SHAPE("people_in", struct people_in, people_in_fields);
static const struct field people_out_fields[] = {
    FIELD_LIST(struct people_out, items, &relation_shape),
    FIELD(struct people_out, looked, .omit_empty = true, .doc = "With q: how many were looked at"),
    FIELD(struct people_out, next, .nullable = true),
};
const struct shape people_out_shape = SHAPE("people", struct people_out, people_out_fields);
static const struct field person_row_fields[] = {
    FIELD_AS(struct person_row, relation.id, "id"),
    FIELD_AS(struct person_row, relation.other.id, "other_id"),
    FIELD_AS(struct person_row, relation.other.name, "other_name"),
    {.name = "other_kind", .offset = offsetof(struct person_row, relation.other_kind), .size = sizeof(int),
     .type = F_ENUM, .names = customer_kind_codes, .n_names = COUNT(customer_kind_codes)},
    FIELD_AS(struct person_row, relation.other_lang, "other_lang"),
    FIELD_AS(struct person_row, relation.kind, "kind"),
    FIELD_AS(struct person_row, relation.role, "role"),
    FIELD_AS(struct person_row, relation.at, "at_ms"),
    FIELD(struct person_row, reading),
};
const struct shape person_row_shape = SHAPE("person_row", struct person_row, person_row_fields);
/* clang-format on */

/* The newest n before an id, of all ids of the record. */
static enum err newest_people(struct cx *cx, struct list ids, str kind, int64_t before, int64_t n,
                              struct list *out)
{
    const int64_t *each = ids.items;
    struct list *lists = ARENA_ARRAY(cx->arena, ids.n, struct list);
    struct db_read *reads = ARENA_ARRAY(cx->arena, ids.n, struct db_read);
    struct val *args = ARENA_ARRAY(cx->arena, 4 * ids.n, struct val);
    for (size_t i = 0; i < ids.n; i++) {
        struct val *v = args + 4 * i;
        v[0] = V(each[i]);
        v[1] = V(kind);
        v[2] = V(before);
        v[3] = V(n);
        reads[i] =
            (struct db_read){&q_people_page, &person_row_shape, false, &lists[i], {v, 4}, false};
    }
    TRY(db_batch(cx, reads, ids.n));
    size_t id_at = offsetof(struct person_row, relation.id);
    *out = newest_of(cx->arena, lists, ids.n, sizeof(struct person_row), id_at, id_at, (size_t)n);
    return OK;
}

static bool holds(struct arena *scratch, const struct person_row *p, str q)
{
    const str pieces[] = {p->relation.other.name, p->reading, p->relation.role};
    bool is_here = q.len == 0;
    for (size_t i = 0; i < COUNT(pieces) && !is_here; i++)
        is_here = pieces[i].len && str_find(text_fold(scratch, pieces[i]), q) >= 0;
    /* Written in another script: by the Latin key. */
    if (!is_here && q.len) {
        str key = name_equal_key(scratch, p->relation.other.name),
            asked = name_equal_key(scratch, q);
        is_here = asked.len && str_find(key, asked) >= 0;
    }
    arena_reset(scratch);
    return is_here;
}

static enum err find_people(struct cx *cx, struct list ids, const struct people_in *a, str kind,
                            str q, const char *tag, int64_t before, struct arena *scratch,
                            struct people_out *page)
{
    struct relation *out = ARENA_ARRAY(cx->arena, (size_t)a->limit + 1, struct relation);
    size_t n = 0;
    bool is_end = false, is_full = false;
    while (!is_end && !is_full) {
        struct list rows = {0};
        TRY(newest_people(cx, ids, kind, before, LOOK_PAGE, &rows));
        const struct person_row *p = rows.items;
        for (size_t i = 0; i < rows.n && !is_full; i++) {
            before = p[i].relation.id.v;
            page->looked++;
            if (!holds(scratch, &p[i], q))
                continue;
            out[n] = p[i].relation;
            out[n].reads_back = true;
            out[n].other.name_lang = customer_name_lang(out[n].other.name, out[n].other_lang);
            n++;
            is_full = (int64_t)n == a->limit;
        }
        is_full |= page->looked >= LOOK_ROWS;
        is_end = rows.n < LOOK_PAGE;
    }
    page->items = (struct list){out, n};
    if (is_full)
        page->next = cursor_make(cx->arena, cx->now_ms, tag, before, before);
    if (q.len == 0)
        page->looked = 0;
    return OK;
}

enum err route_people(struct cx *cx, void *in, void *out)
{
    struct people_in *a = in;
    customer_id root;
    struct list ids;
    int64_t sort, before;
    str q = text_fold(cx->arena, a->q), kind = str_of(people_kinds[a->kind]);
    TRY(customer_root(cx, a->id, &root, &ids));
    uint8_t sum[32];
    sha256(q, sum);
    const char *tag = arena_cstr(
        cx->arena, arena_printf(cx->arena, "people %lld %d %02x%02x%02x%02x", (long long)root.v,
                                a->kind, sum[0], sum[1], sum[2], sum[3]));
    TRY(page_begin(cx, tag, &a->limit, a->cursor, &sort, &before));
    struct arena *scratch = arena_open((size_t)16 << 20);
    if (!scratch)
        return fault(cx, ERR_BUSY, M_STORE_BUSY);
    enum err e = find_people(cx, ids, a, kind, q, tag, before, scratch, out);
    arena_close(scratch);
    audit_view(cx, root.v);
    return e;
}

/* ---- GET /customers/{id}/tasks ------------------------------------------------------------------ */

static const char *const task_states[] = {"open", "done"};
struct tasks_in {
    customer_id id;
    int state;
    int64_t limit;
    str cursor;
};
/* clang-format off */
static const struct field tasks_in_fields[] = {
    FIELD(struct tasks_in, id, .in_path = true),
    FIELD_ENUM(struct tasks_in, state, task_states, .doc = "open (default), newest first; done, the last done first"),
    PAGE_FIELDS(struct tasks_in),
};
const struct shape tasks_in_shape = SHAPE("customer_tasks_in", struct tasks_in, tasks_in_fields);
/* clang-format on */

enum err route_customer_tasks(struct cx *cx, void *in, void *out)
{
    struct tasks_in *a = in;
    struct page_out *page = out;
    bool is_done = a->state == 1;
    customer_id root;
    struct list ids;
    int64_t at, before;
    TRY(customer_root(cx, a->id, &root, &ids));
    const char *tag = arena_cstr(
        cx->arena, arena_printf(cx->arena, "tasks %lld %d", (long long)root.v, a->state));
    TRY(page_begin(cx, tag, &a->limit, a->cursor, &at, &before));
    const int64_t *each = ids.items;
    struct list *lists = ARENA_ARRAY(cx->arena, ids.n, struct list);
    struct db_read *reads = ARENA_ARRAY(cx->arena, ids.n, struct db_read);
    struct val *args = ARENA_ARRAY(cx->arena, 4 * ids.n, struct val);
    for (size_t i = 0; i < ids.n; i++) {
        struct val *v = args + 4 * i;
        size_t k = 0;
        v[k++] = V(each[i]);
        if (is_done)
            v[k++] = V(at);
        v[k++] = V(before);
        v[k++] = V(a->limit + 1);
        reads[i] = (struct db_read){is_done ? &q_task_done_page : &q_task_open_page,
                                    &task_row_shape,
                                    false,
                                    &lists[i],
                                    {v, k},
                                    false};
    }
    TRY(db_batch(cx, reads, ids.n));
    page->items = newest_of(cx->arena, lists, ids.n, sizeof(struct task),
                            is_done ? offsetof(struct task, done_at) : offsetof(struct task, id),
                            offsetof(struct task, id), (size_t)a->limit + 1);
    struct task *t = page->items.items;
    for (size_t i = 0; i < page->items.n; i++)
        t[i].customer.name_lang = script_lang(t[i].customer.name);
    if ((int64_t)page->items.n > a->limit) {
        page->items.n = (size_t)a->limit;
        const struct task *last = &t[a->limit - 1];
        page->next = cursor_make(cx->arena, cx->now_ms, tag,
                                 is_done ? last->done_at.ms : last->id.v, last->id.v);
    }
    audit_view(cx, root.v);
    return OK;
}
