/* rooms/list/bulk.c - one action for many customers: those that were chosen, or all that a filter
 * finds.
 *
 * The action is a row and a job. A slice changes a few records by the functions of their room, which
 * write the history under the action's number; so the whole of it is taken back by that number. */
#include "messages.h"
#include "queries.h"
#include "rooms/list/filter.h"

enum { CHOSEN_MAX = 1000, WORDS_MAX = 500, SLICE_CHANGES = 40, SLICE_LOOKS = 2000, SHOWN_MAX = 50 };

enum bulk_action {
    BULK_TAG_ADD,
    BULK_TAG_REMOVE,
    BULK_OWNER,
    BULK_DO_NOT_CONTACT,
    BULK_MAY_CONTACT,
    BULK_SET,
    BULK_ACTION_N
};
static const char *const action_codes[BULK_ACTION_N] = {"tag_add",        "tag_remove",  "owner",
                                                        "do_not_contact", "may_contact", "set"};

enum bulk_state {
    BULK_RUNNING,
    BULK_DONE,
    BULK_CANCELLED,
    BULK_FAILED,
    BULK_UNDOING,
    BULK_UNDONE,
    BULK_UNDO_FAILED
};
static const char *const state_codes[] = {"running", "done",   "cancelled",  "failed",
                                          "undoing", "undone", "undo_failed"};

struct bulk {
    bulk_id id;
    int action;
    str field, value, reason, filter, q;
    bool is_all;
    str ids; /* of the chosen ones, as numbers with blanks between */
    int64_t after, undo_at;
    int state;
    str failure; /* why it stands still */
    int64_t total, looked, changed, moved;
    int actor_kind;
    int64_t actor_id;
    int role;
    str actor_name;
    int lang;
    bool is_own;
    when made_at, done_at;
};
/* clang-format off */
#define BULK_COLUMNS                                                                              \
    FIELD(struct bulk, id),                                                                         \
    FIELD_ENUM(struct bulk, action, action_codes),                                                  \
    FIELD(struct bulk, field),                                                                      \
    FIELD(struct bulk, value),                                                                      \
    FIELD(struct bulk, reason)
static const struct field bulk_fields[] = {
    BULK_COLUMNS,
    FIELD_ENUM(struct bulk, state, state_codes),
    FIELD(struct bulk, failure, .doc = "Of one that failed: why, a sentence; it can be gone on with"),
    FIELD(struct bulk, is_all, .doc = "All that the filter finds; else those that were named"),
    FIELD_AS(struct bulk, filter, "where"),
    FIELD(struct bulk, q),
    FIELD(struct bulk, total, .doc = "Records to look at"),
    FIELD(struct bulk, looked),
    FIELD(struct bulk, changed, .doc = "Records that were changed, or taken back"),
    FIELD(struct bulk, moved, .doc = "Taking back: changed by somebody since, left as they are"),
    FIELD_AS(struct bulk, actor_name, "by"),
    FIELD(struct bulk, is_own, .doc = "Started by who asks"),
    FIELD(struct bulk, made_at),
    FIELD(struct bulk, done_at, .nullable = true),
};
const struct shape bulk_shape = SHAPE("bulk_action", struct bulk, bulk_fields);
static const struct field bulk_row_fields[] = {
    BULK_COLUMNS,
    FIELD(struct bulk, filter),
    FIELD(struct bulk, q),
    FIELD(struct bulk, is_all),
    FIELD(struct bulk, ids),
    FIELD_AS(struct bulk, after, "after_id"),
    FIELD(struct bulk, undo_at),
    FIELD_ENUM(struct bulk, state, state_codes),
    FIELD(struct bulk, failure),
    FIELD(struct bulk, total),
    FIELD(struct bulk, looked),
    FIELD(struct bulk, changed),
    FIELD(struct bulk, moved),
    FIELD_ENUM(struct bulk, actor_kind, actor_codes),
    FIELD(struct bulk, actor_id),
    FIELD_ENUM(struct bulk, role, role_codes),
    FIELD(struct bulk, actor_name),
    FIELD_ENUM(struct bulk, lang, lang_codes),
    FIELD_AS(struct bulk, made_at, "made_ms"),
    FIELD_AS(struct bulk, done_at, "done_ms", .nullable = true),
};
static const struct shape bulk_row_shape = SHAPE("bulk_row", struct bulk, bulk_row_fields);

struct bulk_in {
    int action;
    str field, value, reason;
    struct str_list ids;
    bool all;
    str where, q;
    struct bulk made; /* by plan */
};
static const struct field bulk_in_fields[] = {
    FIELD_ENUM(struct bulk_in, action, action_codes, .required = true),
    FIELD(struct bulk_in, field, .max_len = 80, .doc = "set: a text of the record (city), or attr.code"),
    FIELD(struct bulk_in, value, .max_len = 500, .doc = "The tag, the id of the owner, the text; empty: none"),
    FIELD(struct bulk_in, reason, .doc = "do_not_contact: why"),
    FIELD(struct bulk_in, ids, .max_len = CHOSEN_MAX, .max = 20, .doc = "The customers; or:"),
    FIELD(struct bulk_in, all, .doc = "All that where and q find; managers only"),
    FIELD(struct bulk_in, where, .max_len = EXPR_TEXT_MAX, .multiline = true),
    FIELD(struct bulk_in, q),
};
const struct shape bulk_in_shape = SHAPE("bulk_action_in", struct bulk_in, bulk_in_fields);

struct bulk_id_in { bulk_id id; struct bulk made; };
static const struct field bulk_id_fields[] = {FIELD(struct bulk_id_in, id, .in_path = true)};
const struct shape bulk_id_shape = SHAPE("bulk_action_id", struct bulk_id_in, bulk_id_fields);
struct bulks_out { struct list items; };
static const struct field bulks_fields[] = {FIELD_LIST(struct bulks_out, items, &bulk_shape)};
const struct shape bulks_shape = SHAPE("bulk_actions", struct bulks_out, bulks_fields);
/* clang-format on */

static bool is_lead(const struct cx *cx)
{
    return (MAY(cx->actor.role) & MAY_LEAD) != 0;
}

/* ---- what is to be done -------------------------------------------------------------------------- */

/* What an action needs, read from its row: the same at the request and in each slice. */
struct deed {
    customer_id owner;
    staff_id staff;
    struct attr_def attr;
    struct attr_value value;
    str text; /* of a field of the record, in its usual form */
};

/* The rule of a text of the record by its name; false: there is none. */
static bool text_rule(str field, enum err (**rule)(struct cx *, str, str *), size_t *most)
{
/* clang-format off */
#define X(name_, claim_, most_, rule_, ...) if (str_eq(field, S(#name_))) { *rule = customer_rule_##rule_; *most = most_; return true; }
    CUSTOMER_TEXTS(X)
#undef X
    /* clang-format on */
    return false;
}

/* A text that the table of the record gives codes for takes no other. */
static bool is_allowed(str field, str value)
{
    for (size_t i = 0; i < customer_shape.n; i++) {
        const struct field *f = &customer_shape.fields[i];
        if (f->type != F_STR || !f->n_names || !str_eq(field, str_of(f->name)) || !value.len)
            continue;
        for (size_t k = 0; k < f->n_names; k++)
            if (str_eq(value, str_of(f->names[k])))
                return true;
        return false;
    }
    return true;
}

static enum err deed_set(struct cx *cx, const struct bulk *b, struct deed *d)
{
    if (str_starts(b->field, S("attr."))) {
        str code = {b->field.ptr + 5, b->field.len - 5};
        enum err e = attr_def_by_code(cx, code, &d->attr);
        if (e == ERR_NOT_FOUND)
            return fault_at(cx,
                            fault(cx, ERR_INVALID, M_LIST_COLUMN_UNKNOWN,
                                  MARG("name", str_clean(cx->arena, b->field, 60))),
                            S("field"));
        TRY(e);
        e = attr_value_read(cx, &d->attr, b->value, &d->value);
        return e == OK ? OK : fault_at(cx, e, S("value"));
    }
    enum err (*rule)(struct cx *, str, str *) = NULL;
    size_t most = 0;
    if (!text_rule(b->field, &rule, &most) || str_eq(b->field, S("name")))
        return fault_at(
            cx,
            fault(cx, ERR_INVALID, M_BULK_FIELD, MARG("name", str_clean(cx->arena, b->field, 60))),
            S("field"));
    d->text = b->value;
    if (str_chars(d->text) > most)
        return fault_at(cx, fault(cx, ERR_INVALID, M_BULK_LONG, MNUM("max", (int64_t)most)),
                        S("value"));
    if (!is_allowed(b->field, d->text))
        return fault_at(
            cx,
            fault(cx, ERR_INVALID, M_BULK_VALUE, MARG("given", str_clean(cx->arena, d->text, 60))),
            S("value"));
    return rule(cx, S("value"), &d->text);
}

static enum err deed_of(struct cx *cx, const struct bulk *b, struct deed *d)
{
    *d = (struct deed){0};
    switch ((enum bulk_action)b->action) {
    case BULK_TAG_ADD:
    case BULK_TAG_REMOVE:
        if (!b->value.len)
            return fault_field(cx, ERR_INVALID, S("value"), M_BULK_TAG);
        if (str_chars(b->value) > 60)
            return fault_at(cx, fault(cx, ERR_INVALID, M_BULK_LONG, MNUM("max", 60)), S("value"));
        return OK;
    case BULK_OWNER: {
        struct staff s;
        if (!b->value.len)
            return OK;
        if (!id_parse(b->value, "stf", &d->staff.v))
            return fault_field(cx, ERR_INVALID, S("value"), M_STAFF_NOT_HERE);
        enum err e = staff_get(cx, d->staff, &s);
        return e == ERR_NOT_FOUND || (e == OK && !s.is_active)
                   ? fault_field(cx, ERR_INVALID, S("value"), M_STAFF_NOT_HERE)
                   : e;
    }
    case BULK_DO_NOT_CONTACT:
        return b->reason.len ? OK : fault_field(cx, ERR_INVALID, S("reason"), M_BULK_REASON);
    case BULK_SET:
        return deed_set(cx, b, d);
    default:
        return OK;
    }
}

static enum err change_record(struct cx *cx, customer_id id, const struct bulk *b,
                              const struct deed *d, struct change_by *by)
{
    struct customer seen, next;
    TRY(customer_get(cx, id, &seen));
    next = seen;
    if (b->action == BULK_OWNER)
        next.owner.id = d->staff;
    else if (!customer_text_set(&next, b->field, d->text))
        return ERR_INTERNAL;
    return customer_change(cx, &seen, &next, NULL, by);
}

static enum err do_one(struct cx *cx, customer_id id, const struct bulk *b, const struct deed *d,
                       bool *changed)
{
    struct change_by by = {.source = "bulk", .batch = b->id.v};
    enum err e = OK;
    switch ((enum bulk_action)b->action) {
    case BULK_TAG_ADD:
        e = tag_put(cx, id, b->value, &by);
        break;
    case BULK_TAG_REMOVE:
        e = tag_take(cx, id, b->value, &by);
        break;
    case BULK_DO_NOT_CONTACT:
        e = mark_put(cx, id, MARK_DO_NOT_CONTACT, b->reason, &by);
        break;
    case BULK_MAY_CONTACT:
        e = mark_put(cx, id, MARK_DO_NOT_CONTACT, S(""), &by);
        break;
    case BULK_SET:
        if (d->attr.id.v) {
            e = attr_put(cx, id, &d->attr, &d->value, &by);
            break;
        }
        FALLTHROUGH;
    default:
        e = change_record(cx, id, b, d, &by);
    }
    *changed = by.made.v != 0;
    return e;
}

/* ---- the job ---------------------------------------------------------------------------------------- */

struct id_row {
    int64_t id;
};
/* clang-format off */
static const struct field id_row_fields[] = {FIELD(struct id_row, id)};
static const struct shape id_row_shape = SHAPE("bulk_target", struct id_row, id_row_fields);
/* clang-format on */

static enum err bulk_of(struct cx *cx, bulk_id id, struct bulk *b)
{
    enum err e = db_one(cx, &q_bulk_get, &bulk_row_shape, b, ARGS(V(id)));
    return e == ERR_NOT_FOUND ? fault(cx, ERR_NOT_FOUND, M_BULK_UNKNOWN) : e;
}

static enum err bulk_put(struct cx *cx, const struct bulk *b)
{
    return db_run(cx, &q_bulk_update,
                  ARGS(V(b->after), V(b->undo_at), V(state_codes[b->state]), V(b->failure),
                       V(b->total), V(b->looked), V(b->changed), V(b->moved),
                       b->done_at.ms ? V(b->done_at) : VNULL, V(b->id)));
}

/* The next of the chosen ones behind b->after, which counts them. */
static enum err next_chosen(struct cx *cx, struct bulk *b, int64_t *ids, size_t *n, bool *is_last)
{
    str rest = b->ids;
    for (int64_t i = 0; rest.len; i++) {
        int64_t id;
        str one = str_cut(&rest, ' ');
        if (i < b->after || !str_to_int(one, &id))
            continue;
        if (*n == SLICE_CHANGES)
            return OK;
        customer_id root;
        enum err e = customer_root(cx, (customer_id){id}, &root, NULL);
        b->after++;
        b->looked++;
        if (e == ERR_NOT_FOUND)
            continue;
        TRY(e);
        ids[(*n)++] = root.v;
    }
    *is_last = true;
    return OK;
}

/* The next that the filter finds, by id: each record is looked at once, whatever the action makes of
 * the filter. */
static enum err next_found(struct cx *cx, struct bulk *b, int64_t *ids, size_t *n, bool *is_last)
{
    const struct filter *f;
    const struct list *found;
    struct list rows, ends;
    const struct query *q;
    TRY(filter_read(cx, b->filter, &f));
    TRY(filter_words(cx, b->q, WORDS_MAX, &found));

    struct made_text end = made_begin(cx);
    made_sql(&end, "SELECT s.customer_id AS id FROM standing s WHERE s.customer_id > ");
    made_val(&end, V(b->after));
    made_sql(&end, " ORDER BY s.customer_id LIMIT 1 OFFSET ");
    made_val(&end, V(SLICE_LOOKS - 1));
    TRY(made_query(cx, &end, "bulk_end", &q));
    TRY(db_all(cx, q, &id_row_shape, &ends, made_args(&end)));
    int64_t last = ends.n ? ((const struct id_row *)ends.items)->id : INT64_MAX;

    struct made_text m = made_begin(cx);
    made_sql(
        &m,
        "SELECT s.customer_id AS id FROM standing s JOIN customer c ON c.id = s.customer_id WHERE s.customer_id > ");
    made_val(&m, V(b->after));
    made_sql(&m, " AND s.customer_id <= ");
    made_val(&m, V(last));
    if (found) {
        made_sql(&m, " AND s.customer_id IN ");
        made_val(&m, val_ints(found->items, found->n));
    }
    if (f) {
        made_sql(&m, " AND ");
        filter_put(f, &m);
    }
    made_sql(&m, " ORDER BY s.customer_id LIMIT ");
    made_val(&m, V(SLICE_CHANGES));
    TRY(made_query(cx, &m, "bulk_found", &q));
    TRY(db_all(cx, q, &id_row_shape, &rows, made_args(&m)));
    for (size_t i = 0; i < rows.n; i++)
        ids[(*n)++] = ((const struct id_row *)rows.items)[i].id;
    bool is_full = rows.n == SLICE_CHANGES;
    *is_last = !is_full && !ends.n;
    int64_t to = is_full ? ids[*n - 1] : last, looked = 0;
    TRY(db_int(cx, &q_bulk_looked, &looked, ARGS(V(b->after), V(to))));
    b->looked += looked;
    b->after = to;
    return OK;
}

/* Who started it acts in its slices too. */
static void act_as(struct cx *cx, const struct bulk *b)
{
    cx->actor = (struct actor){.kind = (unsigned)b->actor_kind,
                               .id = b->actor_id,
                               .role = (enum role)b->role,
                               .name = b->actor_name};
    cx->lang = (enum lang)b->lang;
}

/* A record that will not have it (it is gone, or what it holds forbids it) is passed over. */
static bool is_passed_over(enum err e)
{
    return e == ERR_NOT_FOUND || e == ERR_INVALID || e == ERR_CONFLICT || e == ERR_DENIED;
}

/* It stands still and says why, until a person goes on with it or leaves it. */
static void stand_still(struct cx *cx, struct bulk *b)
{
    static const struct fault unknown = {.msg = M_BULK_FAILED};
    b->state = b->state == BULK_UNDOING ? BULK_UNDO_FAILED : BULK_FAILED;
    b->failure = fault_text(cx->arena, cx->lang, cx->why.msg ? &cx->why : &unknown);
    b->done_at.ms = cx->now_ms;
    cx->why = (struct fault){0};
}

/* What it needs (a custom attribute, a member of staff, a name in its filter) may be there no more. */
static enum err needs(struct cx *cx, const struct bulk *b, struct deed *d)
{
    const struct filter *f;
    TRY(deed_of(cx, b, d));
    return b->is_all ? filter_read(cx, b->filter, &f) : OK;
}

/* The next few records; b is written by the caller. */
static enum err bulk_step(struct cx *cx, struct bulk *b)
{
    struct deed d;
    int64_t ids[SLICE_CHANGES];
    size_t n = 0;
    bool is_last = false;
    enum err needed = needs(cx, b, &d);
    if (is_passed_over(needed)) {
        stand_still(cx, b);
        return OK;
    }
    TRY(needed);
    TRY(b->is_all ? next_found(cx, b, ids, &n, &is_last) : next_chosen(cx, b, ids, &n, &is_last));
    for (size_t i = 0; i < n; i++) {
        bool changed = false;
        enum err e = do_one(cx, (customer_id){ids[i]}, b, &d, &changed);
        if (e != OK && !is_passed_over(e))
            return e;
        b->changed += changed;
    }
    if (is_last) {
        b->state = BULK_DONE;
        b->done_at.ms = cx->now_ms;
    }
    return OK;
}

static enum err undo_step(struct cx *cx, struct bulk *b)
{
    struct undo_tally tally = {0};
    TRY(history_undo_batch_slice(cx, b->id.v, SLICE_CHANGES, &b->undo_at, &tally));
    b->changed += tally.undone;
    b->moved += tally.moved;
    b->looked += tally.undone + tally.moved;
    if (tally.is_finished) {
        b->state = BULK_UNDONE;
        b->done_at.ms = cx->now_ms;
    }
    return OK;
}

static enum err slice(struct cx *cx, str args, int in_state,
                      enum err (*step)(struct cx *cx, struct bulk *b), int64_t *progress,
                      int64_t *total, bool *finished)
{
    struct bulk b;
    bulk_id id = {0};
    *finished = true;
    if (!str_to_int(args, &id.v) || bulk_of(cx, id, &b) != OK || b.state != in_state)
        return OK; /* stopped */
    act_as(cx, &b);
    TRY(step(cx, &b));
    *finished = b.state != in_state;
    *progress = b.looked;
    *total = b.total;
    return bulk_put(cx, &b);
}

static enum err bulk_slice(struct cx *cx, str args, int64_t *position, int64_t *progress,
                           int64_t *total, bool *finished)
{
    (void)position;
    return slice(cx, args, BULK_RUNNING, bulk_step, progress, total, finished);
}

static enum err gave_up(struct cx *cx, str args, enum err why)
{
    struct bulk b;
    bulk_id id = {0};
    (void)why; /* in the log; no cause that a person could mend */
    if (!str_to_int(args, &id.v) || bulk_of(cx, id, &b) != OK ||
        (b.state != BULK_RUNNING && b.state != BULK_UNDOING))
        return OK;
    act_as(cx, &b);
    cx->why = (struct fault){0};
    stand_still(cx, &b);
    return bulk_put(cx, &b);
}
const struct job_kind list_bulk_job = {
    .name = "list.bulk", .slice = bulk_slice, .gave_up = gave_up};

static enum err undo_slice(struct cx *cx, str args, int64_t *position, int64_t *progress,
                           int64_t *total, bool *finished)
{
    (void)position;
    return slice(cx, args, BULK_UNDOING, undo_step, progress, total, finished);
}
const struct job_kind list_undo_job = {
    .name = "list.undo", .slice = undo_slice, .gave_up = gave_up};

/* ---- routes ----------------------------------------------------------------------------------------- */

static enum err targets(struct cx *cx, const struct bulk_in *in, struct bulk *b)
{
    struct text t = text_in(cx->arena, (size_t)CHOSEN_MAX * 24);
    for (size_t i = 0; i < in->ids.n; i++) {
        int64_t id;
        if (!id_parse(in->ids.items[i], "cus", &id))
            return fault_field(cx, ERR_INVALID, arena_printf(cx->arena, "ids[%zu]", i),
                               M_CUSTOMER_UNKNOWN);
        text_printf(&t, "%s%lld", i ? " " : "", (long long)id);
    }
    b->ids = text_str(&t);
    b->total = (int64_t)in->ids.n;
    return OK;
}

enum err bulk_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct bulk_in *a = in;
    struct bulk *b = &a->made;
    struct deed d;
    *b = (struct bulk){
        .id = {id_new(cx->now_ms)},
        .action = a->action,
        .field = a->field,
        .value = str_trim(a->value),
        .reason = str_trim(a->reason),
        .filter = a->where,
        .q = a->q,
        .is_all = a->all,
        .actor_kind = (int)cx->actor.kind,
        .actor_id = cx->actor.id,
        .role = (int)cx->actor.role,
        .actor_name = cx->actor.name,
        .lang = (int)cx->lang,
        .is_own = true,
        .made_at = {cx->now_ms},
    };
    if (a->all == (a->ids.n > 0))
        return fault_field(cx, ERR_INVALID, S("ids"), M_BULK_WHOM);
    if (!a->all && (a->where.len || a->q.len))
        return fault_field(cx, ERR_INVALID, a->where.len ? S("where") : S("q"), M_BULK_WHOM);
    if (a->field.len && a->action != BULK_SET)
        return fault_field(cx, ERR_INVALID, S("field"), M_BULK_NO_FIELD);
    TRY(deed_of(cx, b, &d));
    if (!a->all)
        return targets(cx, a, b);
    if (!is_lead(cx))
        return fault_field(cx, ERR_DENIED, S("all"), M_BULK_ALL);
    const struct filter *f;
    const struct list *found;
    TRY(filter_read(cx, a->where, &f));
    TRY(filter_words(cx, a->q, WORDS_MAX, &found));
    if (found && found->n >= WORDS_MAX) /* there may be more, which nobody would see left out */
        return fault_field(cx, ERR_INVALID, S("q"), M_BULK_WORDS);
    return db_int(cx, &q_list_everybody, &b->total, NO_ARGS);
}

enum err bulk_apply(struct cx *cx, void *in, void *out)
{
    struct bulk made = ((struct bulk_in *)in)->made, *b = &made; /* apply may run again */
    TRY(db_run(cx, &q_bulk_insert,
               ARGS(V(b->id), V(action_codes[b->action]), V(b->field), V(b->value), V(b->reason),
                    V(b->filter), V(b->q), V(b->is_all), V(b->ids), V(b->total),
                    V(actor_codes[b->actor_kind]), V(b->actor_id), V(role_codes[b->role]),
                    V(b->actor_name), V(lang_codes[b->lang]), V(cx->now_ms))));
    TRY(audit_add(cx, "bulk.start", 0, b->id.v,
                  arena_printf(cx->arena, "%s %s " SFMT, action_codes[b->action],
                               b->is_all ? "all" : "chosen", SARG(b->field))));
    if (!b->is_all && b->total < SLICE_CHANGES) { /* a few are changed at once */
        TRY(bulk_step(cx, b));
        TRY(bulk_put(cx, b));
    } else {
        TRY(job_add(cx, list_bulk_job.name, arena_printf(cx->arena, "%lld", (long long)b->id.v)));
    }
    cx->made_id = b->id.v;
    *(struct bulk *)out = *b;
    return OK;
}

/* The actions of others are seen by leads. */
static enum err own_bulk(struct cx *cx, bulk_id id, struct bulk *b)
{
    TRY(bulk_of(cx, id, b));
    b->is_own = b->actor_kind == (int)cx->actor.kind && b->actor_id == cx->actor.id;
    return b->is_own || is_lead(cx) ? OK : fault(cx, ERR_NOT_FOUND, M_BULK_UNKNOWN);
}

enum err bulk_read(struct cx *cx, void *in, void *out)
{
    return own_bulk(cx, ((struct bulk_id_in *)in)->id, out);
}

enum err bulk_again(struct cx *cx, int64_t id, void *out)
{
    return own_bulk(cx, (bulk_id){id}, out);
}

enum err bulks_read(struct cx *cx, void *in, void *out)
{
    (void)in;
    struct bulks_out *o = out;
    TRY(db_all(
        cx, &q_bulk_list, &bulk_row_shape, &o->items,
        ARGS(V(is_lead(cx)), V(actor_codes[cx->actor.kind]), V(cx->actor.id), V(SHOWN_MAX))));
    struct bulk *b = o->items.items;
    for (size_t i = 0; i < o->items.n; i++)
        b[i].is_own = b[i].actor_kind == (int)cx->actor.kind && b[i].actor_id == cx->actor.id;
    return OK;
}

enum err bulk_cancel(struct cx *cx, void *in, void *out)
{
    struct bulk b;
    TRY(own_bulk(cx, ((struct bulk_id_in *)in)->id, &b));
    if (b.state != BULK_RUNNING && b.state != BULK_FAILED && b.state != BULK_UNDO_FAILED)
        return fault(cx, ERR_CONFLICT, M_BULK_OVER);
    b.state = BULK_CANCELLED;
    b.failure = (str){0};
    b.done_at.ms = cx->now_ms;
    TRY(bulk_put(cx, &b));
    TRY(audit_add(cx, "bulk.cancel", 0, b.id.v, S("")));
    cx->made_id = b.id.v;
    *(struct bulk *)out = b;
    return OK;
}

static enum err job_of(struct cx *cx, const struct bulk *b)
{
    const struct job_kind *kind = b->state == BULK_UNDOING ? &list_undo_job : &list_bulk_job;
    return job_add(cx, kind->name, arena_printf(cx->arena, "%lld", (long long)b->id.v));
}

/* From where it stood still, by whom and as it was started. */
enum err bulk_resume(struct cx *cx, void *in, void *out)
{
    struct bulk b;
    TRY(own_bulk(cx, ((struct bulk_id_in *)in)->id, &b));
    if (b.state != BULK_FAILED && b.state != BULK_UNDO_FAILED)
        return fault(cx, ERR_CONFLICT, M_BULK_NOT_FAILED);
    b.state = b.state == BULK_UNDO_FAILED ? BULK_UNDOING : BULK_RUNNING;
    b.failure = (str){0};
    b.done_at.ms = 0;
    TRY(bulk_put(cx, &b));
    TRY(job_of(cx, &b));
    TRY(audit_add(cx, "bulk.resume", 0, b.id.v, S("")));
    cx->made_id = b.id.v;
    *(struct bulk *)out = b;
    return OK;
}

enum err bulk_undo(struct cx *cx, void *in, void *out)
{
    struct bulk b;
    TRY(own_bulk(cx, ((struct bulk_id_in *)in)->id, &b));
    if (b.state != BULK_DONE && b.state != BULK_CANCELLED && b.state != BULK_FAILED)
        return fault(cx, ERR_CONFLICT, b.state == BULK_RUNNING ? M_BULK_RUNS : M_BULK_UNDONE);
    b.total = b.changed;
    b.state = BULK_UNDOING;
    b.failure = (str){0};
    b.looked = b.changed = b.moved = b.undo_at = 0;
    b.done_at.ms = 0;
    TRY(audit_add(cx, "bulk.undo", 0, b.id.v, S("")));
    if (b.total < SLICE_CHANGES)
        TRY(undo_step(cx, &b));
    TRY(bulk_put(cx, &b));
    if (b.state == BULK_UNDOING)
        TRY(job_of(cx, &b));
    cx->made_id = b.id.v;
    *(struct bulk *)out = b;
    return OK;
}

/* ---- who may own -------------------------------------------------------------------------------------- */

struct owners_out {
    struct list items;
};
/* clang-format off */
static const struct field owners_fields[] = {FIELD_LIST(struct owners_out, items, &staff_ref_shape)};
const struct shape owners_shape = SHAPE("owners", struct owners_out, owners_fields);
/* clang-format on */

enum err owners_route(struct cx *cx, void *in, void *out)
{
    (void)in;
    struct list all;
    TRY(staff_everybody(cx, 2000, &all));
    const struct staff *s = all.items;
    struct staff_ref *refs = ARENA_ARRAY(cx->arena, all.n + 1, struct staff_ref);
    size_t n = 0;
    for (size_t i = 0; i < all.n; i++)
        if (s[i].is_active && (MAY(s[i].role) & MAY_SEE_CUSTOMERS))
            refs[n++] = (struct staff_ref){s[i].id, s[i].name};
    ((struct owners_out *)out)->items = (struct list){refs, n};
    return OK;
}
