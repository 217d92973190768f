/* rooms/customer/task.c - tasks: what is to be done for a customer, call-backs and promises among
 * them. */
#include "messages.h"
#include "queries.h"
#include "rooms/customer/inside.h"

static const char *const task_kind_codes[] = {"todo", "call_back", "promise"};
const char *const task_priority_codes[3] = {"ordinary", "high", "urgent"};

enum err task_add(struct cx *cx, const struct task_new *t)
{
    struct val by = cx->actor.kind == ACTOR_STAFF ? V(cx->actor.id) : VNULL;
    TRY(db_run(cx, &q_task_insert,
               ARGS(V(t->id), val_int_or_null(t->customer.v), V(t->kind), V(t->title), V(t->phone),
                    val_int_or_null(t->call.v), V(t->priority), val_int_or_null(t->assignee.v),
                    val_int_or_null(t->due_at.ms), by, V(cx->now_ms))));
    TRY(audit_add(cx, "task.add", t->customer.v, t->id.v, str_of(t->kind)));
    TRY(event_add(cx, EVENT_TASK_CHANGED, t->customer.v, t->id.v, (str){0}));
    return t->customer.v ? event_add(cx, EVENT_CUSTOMER_CHANGED, t->customer.v, t->id.v, (str){0})
                         : OK;
}

enum err tasks_raise(struct cx *cx, customer_id root, int priority, int64_t *raised)
{
    TRY(db_run_count(cx, &q_task_raise, raised, ARGS(V(priority), V(root))));
    if (*raised == 0)
        return OK;
    TRY(audit_add(cx, "task.raise", root.v, 0, str_of(task_priority_codes[priority])));
    TRY(event_add(cx, EVENT_TASK_CHANGED, root.v, 0, (str){0}));
    return event_add(cx, EVENT_CUSTOMER_CHANGED, root.v, 0, (str){0});
}

/* ---- POST /customers/{id}/tasks ----------------------------------------------------------------
 */

struct task_in {
    struct part_in part;
    str title;
    when due_at;
    int kind;
    staff_id assignee;
    task_id made;
};
/* clang-format off */
static const struct field task_in_fields[] = {
    FIELD_AS(struct task_in, part.id, "id", .in_path = true),
    FIELD(struct task_in, title, .required = true, .max_len = 300),
    FIELD(struct task_in, due_at),
    FIELD_ENUM(struct task_in, kind, task_kind_codes),
    FIELD(struct task_in, assignee, .nullable = true),
};
/* clang-format on */
const struct shape task_in_shape = SHAPE("task_in", struct task_in, task_in_fields);

static enum err colleague(struct cx *cx, staff_id id)
{
    if (id.v == 0)
        return OK;
    struct staff s;
    enum err e = staff_get(cx, id, &s);
    if (e == ERR_NOT_FOUND || (e == OK && !s.is_active))
        return fault_field(cx, ERR_INVALID, S("assignee"), M_STAFF_NOT_HERE);
    return e;
}

enum err task_in_plan(struct cx *cx, void *in, void *out)
{
    struct task_in *a = in;
    TRY(colleague(cx, a->assignee));
    if (a->made.v == 0)
        a->made.v = id_new(cx->now_ms);
    return part_plan(cx, in, out);
}

static enum err task_get(struct cx *cx, int64_t id, struct task *out)
{
    enum err e = db_one(cx, &q_task_get, &task_row_shape, out, ARGS(V(id)));
    return e == ERR_NOT_FOUND ? fault(cx, ERR_NOT_FOUND, M_TASK_UNKNOWN) : e;
}

enum err task_in_apply(struct cx *cx, void *in, void *out)
{
    const struct task_in *a = in;
    struct task_new t = {.id = a->made,
                         .customer = a->part.root,
                         .kind = task_kind_codes[a->kind],
                         .title = a->title,
                         .assignee = a->assignee,
                         .due_at = a->due_at};
    TRY(task_add(cx, &t));
    cx->made_id = a->made.v;
    return task_get(cx, a->made.v, out);
}

enum err task_replay(struct cx *cx, int64_t id, void *out)
{
    return task_get(cx, id, out);
}

/* ---- PATCH /tasks/{id} --------------------------------------------------------------------------
 */

struct task_patch {
    task_id id;
    bool done;
    when due_at;
    staff_id assignee;
    str title;
    struct task seen;
};
/* clang-format off */
static const struct field task_patch_fields[] = {
    FIELD(struct task_patch, id, .in_path = true),
    FIELD(struct task_patch, done),
    FIELD(struct task_patch, due_at),
    FIELD(struct task_patch, assignee, .nullable = true),
    FIELD(struct task_patch, title, .max_len = 300),
};
/* clang-format on */
const struct shape task_patch_shape = SHAPE("task_patch", struct task_patch, task_patch_fields);
enum { PATCH_DONE = 1, PATCH_DUE, PATCH_ASSIGNEE, PATCH_TITLE };

static bool is_sent(const struct cx *cx, unsigned i)
{
    return (cx->sent >> i) & 1;
}

enum err task_patch_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct task_patch *a = in;
    TRY(task_get(cx, a->id.v, &a->seen));
    if (cx->if_match >= 0 && cx->if_match != a->seen.version)
        return fault(cx, ERR_STALE, M_RECORD_MOVED);
    if (is_sent(cx, PATCH_TITLE) && str_trim(a->title).len == 0)
        return fault_field(cx, ERR_INVALID, S("title"), M_TASK_TITLE);
    return colleague(cx, is_sent(cx, PATCH_ASSIGNEE) ? a->assignee : (staff_id){0});
}

enum err task_patch_apply(struct cx *cx, void *in, void *out)
{
    const struct task_patch *a = in;
    const struct task *t = &a->seen;
    str title = is_sent(cx, PATCH_TITLE) ? a->title : t->title;
    when due = is_sent(cx, PATCH_DUE) ? a->due_at : t->due_at;
    staff_id who = is_sent(cx, PATCH_ASSIGNEE) ? a->assignee : t->assignee.id;
    int64_t done = t->done_at.ms;
    if (is_sent(cx, PATCH_DONE))
        done = a->done ? (done ? done : cx->now_ms) : 0;
    struct val by = done && cx->actor.kind == ACTOR_STAFF ? V(cx->actor.id) : VNULL;
    int64_t changed = 0;
    TRY(db_run_count(cx, &q_task_update, &changed,
                     ARGS(V(title), val_int_or_null(due.ms), val_int_or_null(who.v),
                          val_int_or_null(done), by, V(a->id), V(t->version))));
    if (changed == 0)
        return fault(cx, ERR_STALE, M_RECORD_MOVED);
    TRY(audit_add(cx, done && !t->done_at.ms ? "task.done" : "task.change", t->customer.id.v,
                  a->id.v, (str){0}));
    TRY(event_add(cx, EVENT_TASK_CHANGED, t->customer.id.v, a->id.v, (str){0}));
    if (t->customer.id.v)
        TRY(event_add(cx, EVENT_CUSTOMER_CHANGED, t->customer.id.v, a->id.v, (str){0}));
    cx->made_id = a->id.v;
    return task_get(cx, a->id.v, out);
}

/* ---- GET /tasks
 * ------------------------------------------------------------------------------------ */

static const char *const view_codes[] = {"mine", "open"};
struct task_list_in {
    int view;
    int64_t limit;
    str cursor, where;
};
/* clang-format off */
static const struct field task_list_fields[] = {
    FIELD_ENUM(struct task_list_in, view, view_codes, .doc = "mine: assigned to me; open: all that are not done"),
    PAGE_FIELDS(struct task_list_in),
    WHERE_FIELD(struct task_list_in),
};
static const struct field task_page_fields[] = {
    FIELD_LIST(struct page_out, items, &task_shape),
    FIELD(struct page_out, next, .nullable = true),
};
/* clang-format on */
const struct shape task_list_shape = SHAPE("task_list", struct task_list_in, task_list_fields);
const struct shape task_page_shape = SHAPE("task_page", struct page_out, task_page_fields);

struct task_walk {
    bool is_mine;
    int64_t priority, after;
};
static enum err read_tasks(struct cx *cx, void *state, const void *after, int64_t n,
                           struct list *out)
{
    struct task_walk *s = state;
    const struct task *last = after;
    if (last) {
        s->priority = last->priority;
        s->after = last->id.v;
    }
    int64_t me = cx->actor.kind == ACTOR_STAFF ? cx->actor.id : 0;
    if (s->is_mine)
        return db_all(cx, &q_task_mine, &task_row_shape, out,
                      ARGS(V(me), V(s->priority), V(s->after), V(n)));
    return db_all(cx, &q_task_open, &task_row_shape, out, ARGS(V(s->priority), V(s->after), V(n)));
}

enum err route_tasks(struct cx *cx, void *in, void *out)
{
    struct task_list_in *a = in;
    struct page_out *page = out;
    static const struct whose_rows rows = {sizeof(struct task), offsetof(struct task, customer.id),
                                           read_tasks};
    struct task_walk walk = {.is_mine = a->view == 0};
    const char *tag = whose_tag(cx, walk.is_mine ? "tasks.mine" : "tasks.open", a->where);
    const struct whose *w = NULL;
    const void *last = NULL;
    TRY(page_begin(cx, tag, &a->limit, a->cursor, &walk.priority, &walk.after));
    if (a->cursor.len == 0)
        walk.after = 0;
    TRY(whose_read(cx, a->where, &w));
    TRY(whose_page(cx, w, &rows, &walk, a->limit, &page->items, &last));
    struct task *t = page->items.items;
    for (size_t i = 0; i < page->items.n; i++)
        t[i].customer.name_lang = script_lang(t[i].customer.name);
    const struct task *end = last;
    if (end)
        page->next = cursor_make(cx->arena, cx->now_ms, tag, end->priority, end->id.v);
    return OK;
}
