/* rooms/call/call_http.c - the call log, what people write on a call, the caller check. */
#include "rooms/call/call_impl.h"

enum { PAGE = 50 };

/* ---- lists ------------------------------------------------------------------------------------
 */

static const char *const views[] = {"", "queue", "mine", "missed", "all"};
enum view { VIEW_NONE, VIEW_QUEUE, VIEW_MINE, VIEW_MISSED, VIEW_ALL };
/* clang-format off */
struct list_in { int view; customer_id customer; int64_t limit; str cursor, where; struct list ids; };
static const struct field list_in_fields[] = {
    FIELD_ENUM(struct list_in, view, views, .doc = "queue: live calls; mine, missed, all: the log, newest first"),
    FIELD(struct list_in, customer, .doc = "Only calls of this customer"),
    PAGE_FIELDS(struct list_in),
    WHERE_FIELD(struct list_in),
};
static const struct shape list_in_shape = SHAPE("calls_in", struct list_in, list_in_fields);
struct list_out { struct list items; str next; opt_int waiting; when longest_since; };
static const struct field list_out_fields[] = {
    FIELD_LIST(struct list_out, items, &call_shape),
    FIELD(struct list_out, next, .nullable = true),
    FIELD(struct list_out, waiting, .omit_empty = true, .doc = "Of the queue: how many ring"),
    FIELD(struct list_out, longest_since, .omit_empty = true, .nullable = true),
};
static const struct shape list_out_shape = SHAPE("calls", struct list_out, list_out_fields);
/* clang-format on */

struct walk {
    const struct list_in *in;
    int64_t before;
};
static enum err read_log(struct cx *cx, void *state, const void *after, int64_t limit,
                         struct list *out)
{
    const struct walk *k = state;
    const struct list_in *in = k->in;
    const struct call *last = after;
    int64_t before = last ? last->id.v : k->before;
    if (in->customer.v)
        return db_all(cx, &q_call_list_customer, &call_row_shape, out,
                      ARGS(val_ints(in->ids.items, in->ids.n), V(before), V(limit)));
    switch ((enum view)in->view) {
    case VIEW_MINE:
        return db_all(cx, &q_call_list_mine, &call_row_shape, out,
                      ARGS(V(cx->actor.id), V(before), V(limit)));
    case VIEW_MISSED:
        return db_all(cx, &q_call_list_missed, &call_row_shape, out, ARGS(V(before), V(limit)));
    default:
        return db_all(cx, &q_call_list_all, &call_row_shape, out, ARGS(V(before), V(limit)));
    }
}

static const struct whose_rows call_rows = {sizeof(struct call), offsetof(struct call, customer.id),
                                            read_log};

static enum err list(struct cx *cx, void *in_, void *out_)
{
    struct list_in *in = in_;
    struct list_out *out = out_;
    if (in->customer.v && in->view != VIEW_NONE && in->view != VIEW_ALL)
        return fault_field(cx, ERR_INVALID, S("view"), M_CALL_VIEW_CUSTOMER);
    const struct whose *w = NULL;
    TRY(whose_read(cx, in->where, &w));
    if (in->view == VIEW_QUEUE) {
        if (in->cursor.len)
            return fault_field(cx, ERR_INVALID, S("cursor"), M_CALL_CURSOR);
        out->waiting.has = true;
        TRY(call_queue(cx, &out->items, &out->waiting.v, &out->longest_since));
        TRY(whose_keep(cx, w, &call_rows, &out->items));
        if (in->limit && (size_t)in->limit < out->items.n)
            out->items.n = (size_t)in->limit;
        return OK;
    }
    int64_t limit = in->limit ? in->limit : PAGE, sort = 0, before = INT64_MAX;
    const char *tag = whose_tag(
        cx, arena_printf(cx->arena, "call%d", in->customer.v ? -1 : in->view).ptr, in->where);
    if (in->cursor.len && !cursor_read(in->cursor, cx->now_ms, tag, &sort, &before))
        return fault_field(cx, ERR_INVALID, S("cursor"), M_CALL_CURSOR);
    if (in->customer.v) {
        customer_id root = {0};
        TRY(customer_root(cx, in->customer, &root, &in->ids));
        audit_view(cx, root.v);
    }
    struct walk walk = {in, before};
    const void *last = NULL;
    TRY(whose_page(cx, w, &call_rows, &walk, limit, &out->items, &last));
    struct call *c = out->items.items;
    if (last)
        out->next = cursor_make(cx->arena, cx->now_ms, tag, 0, ((const struct call *)last)->id.v);
    for (size_t i = 0; i < out->items.n; i++)
        call_finish(cx, &c[i]);
    return OK;
}

/* ---- note, reason, outcome, whose it is
 * --------------------------------------------------------------- */

struct change_in {
    call_id id;
    str note, reason;
    int outcome, impression;
    customer_id customer, spoke;
    str spoke_name;
    struct call seen; /* of plan */
    struct intake line;
    bool has_line;
};
/* clang-format off */
static const struct field change_fields[] = {
    FIELD(struct change_in, id, .in_path = true),
    FIELD(struct change_in, note, .max_len = NOTE_MAX, .multiline = true, .personal = true, .doc = "Saved while typing"),
    FIELD(struct change_in, reason, .max_len = 500, .personal = true),
    FIELD_ENUM(struct change_in, outcome, call_outcome_codes),
    FIELD_ENUM(struct change_in, impression, impression_codes, .nullable = true),
    FIELD(struct change_in, customer, .doc = "Chosen: whose call it is"),
    FIELD(struct change_in, spoke, .nullable = true, .doc = "Who spoke, when not the customer himself; null: himself"),
    FIELD(struct change_in, spoke_name, .max_len = 200, .personal = true),
};
enum { SENT_NOTE = 1 << 1, SENT_REASON = 1 << 2, SENT_OUTCOME = 1 << 3, SENT_IMPRESSION = 1 << 4, SENT_CUSTOMER = 1 << 5,
       SENT_SPOKE = 1 << 6, SENT_SPOKE_NAME = 1 << 7 };
static const struct shape change_shape = SHAPE("call_change", struct change_in, change_fields);
/* clang-format on */

static enum err plan_line(struct cx *cx, struct change_in *in)
{
    const struct call *c = &in->seen;
    in->has_line = in->customer.v && in->customer.v != c->customer.id.v &&
                   (c->answer_at.ms || c->state == CALL_ENDED);
    if (!in->has_line)
        return OK;
    /* A number that was nobody's is his from now on; one that is somebody's stays as it is. */
    struct handle h = {0};
    bool is_his = c->e164.len && handle_read(cx->arena, IDENTITY_PHONE, c->e164, S(""), &h);
    if (is_his)
        TRY(customer_owners(cx, &h, 1));
    is_his = is_his && h.owners.n == 0;
    in->line = call_line(cx, c->id, c->direction, c->ring_at, c->staff.id, in->customer,
                         is_his ? c->e164 : S(""));
    return intake_plan(cx, &in->line);
}

static enum err change_plan(struct cx *cx, void *in_, void *out)
{
    (void)out;
    struct change_in *in = in_;
    TRY(call_for_writing(cx, in->id, &in->seen));
    if (cx->sent & SENT_CUSTOMER) {
        TRY(customer_root(cx, in->customer, &in->customer, NULL));
    }
    if (cx->sent & SENT_SPOKE && in->spoke.v) {
        customer_id root = {0};
        TRY(customer_root(cx, in->spoke, &root, NULL));
    }
    return plan_line(cx, in);
}

/* What he who answered thinks of the customer counts when the call is closed; then also what is corrected. */
static enum err impression_told(struct cx *cx, const struct call *before, customer_id customer,
                                int impression)
{
    bool is_same = customer.v == before->customer.id.v && impression == before->impression &&
                   before->wrapped_at.ms;
    if (is_same || (impression == IMPRESSION_NONE && before->impression == IMPRESSION_NONE))
        return OK;
    struct impression_new n = {.customer = customer,
                               .impression = impression,
                               .source = before->id.v,
                               .staff = cx->actor.kind == ACTOR_STAFF ? (staff_id){cx->actor.id}
                                                                      : before->staff.id};
    return impression_put(cx, &n);
}

/* The common case, once a second while somebody types: one row. */
static enum err save_note(struct cx *cx, struct change_in *in, struct call *out)
{
    int64_t version = 0;
    TRY(db_int(cx, &q_call_note_save, &version, ARGS(V(in->note), V(in->id))));
    TRY(call_touched(cx, &in->seen));
    *out = in->seen;
    out->note = in->note;
    out->version = version;
    return OK;
}

static enum err change(struct cx *cx, void *in_, void *out_)
{
    struct change_in *in = in_;
    struct call *out = out_;
    if (cx->sent == SENT_NOTE && cx->if_match < 0)
        return save_note(cx, in, out);

    struct call c = {0};
    TRY(call_get(cx, in->id, &c)); /* again: a note may have been saved since */
    const struct call before = c;
    if (cx->if_match >= 0 && cx->if_match != c.version)
        return fault(cx, ERR_STALE, M_CALL_MOVED);
    if (cx->sent & SENT_NOTE)
        c.note = in->note;
    if (cx->sent & SENT_REASON)
        c.reason = in->reason;
    if (cx->sent & SENT_OUTCOME)
        c.outcome = str_of(call_outcome_codes[in->outcome]);
    if (cx->sent & SENT_IMPRESSION)
        c.impression = in->impression;
    if (cx->sent & (SENT_SPOKE | SENT_SPOKE_NAME)) {
        c.spoke.id = in->spoke;
        c.spoke.name = in->spoke.v ? S("") : in->spoke_name;
    }
    if (c.spoke.id.v)
        c.spoke.name = S(""); /* his record knows it */
    bool is_chosen = cx->sent & SENT_CUSTOMER && in->customer.v;
    customer_id customer = is_chosen ? in->customer : c.customer.id;
    struct intake_result line = {0};
    if (in->has_line)
        TRY(intake_take(cx, &in->line, &line));
    int64_t version = 0;
    TRY(db_int(cx, &q_call_change, &version,
               ARGS(V(c.note), V(c.reason), V(c.outcome), V(c.impression),
                    val_int_or_null(c.spoke.id.v), V(c.spoke.name), val_int_or_null(customer.v),
                    V(is_chosen || c.is_chosen), val_int_or_null(line.interaction.v), V(in->id))));
    if (is_chosen)
        TRY(db_run(cx, &q_call_back_owner, ARGS(V(customer), V(in->id))));
    if (c.wrapped_at.ms)
        TRY(impression_told(cx, &before, customer, c.impression));
    TRY(call_touched(cx, &c));
    TRY(call_tell_changed(cx, in->id, customer, c.staff.id));
    return call_get(cx, in->id, out);
}

/* ---- caller check
 * ------------------------------------------------------------------------------------- */

static const char *const questions[] = {"order_number", "postcode", "last_purchase", "email"};
/* clang-format off */
struct check_in { call_id id; int question; bool is_right; struct call seen; };
static const struct field check_in_fields[] = {
    FIELD(struct check_in, id, .in_path = true),
    FIELD_ENUM(struct check_in, question, questions, .required = true),
    FIELD(struct check_in, is_right, .required = true),
};
static const struct shape check_in_shape = SHAPE("call_check_in", struct check_in, check_in_fields);
/* clang-format on */

static enum err check_plan(struct cx *cx, void *in_, void *out)
{
    (void)out;
    struct check_in *in = in_;
    return call_for_writing(cx, in->id, &in->seen);
}

static enum err check(struct cx *cx, void *in_, void *out)
{
    struct check_in *in = in_;
    const char *question = questions[in->question];
    TRY(db_run(cx, &q_call_check_put,
               ARGS(V(in->id), V(question), V(in->is_right), V(cx->actor.id), V(cx->now_ms))));
    TRY(db_run(cx, &q_call_counted_up, ARGS(V(in->id))));
    TRY(audit_add(cx, "call.check", in->seen.customer.id.v, in->id.v,
                  arena_printf(cx->arena, "%s %s", question, in->is_right ? "right" : "wrong")));
    TRY(call_tell_changed(cx, in->id, in->seen.customer.id, in->seen.staff.id));
    return call_get(cx, in->id, out);
}

/* clang-format off */
struct ask_in { customer_id customer; };
static const struct field ask_in_fields[] = {FIELD(struct ask_in, customer, .required = true)};
static const struct shape ask_in_shape = SHAPE("call_ask_in", struct ask_in, ask_in_fields);
struct ask { str question, expected; };
static const struct field ask_fields[] = {
    FIELD(struct ask, expected, .personal = true),
    FIELD(struct ask, question, .not_column = true),
};
static const struct shape call_ask_shape = SHAPE("call_ask", struct ask, ask_fields);
struct asks { struct list items; };
static const struct field asks_fields[] = {FIELD_LIST(struct asks, items, &call_ask_shape)};
static const struct shape asks_shape = SHAPE("call_asks", struct asks, asks_fields);
/* clang-format on */

static enum err ask(struct cx *cx, void *in_, void *out_)
{
    struct ask_in *in = in_;
    struct asks *out = out_;
    customer_id root = {0};
    struct list ids = {0};
    TRY(customer_root(cx, in->customer, &root, &ids));
    struct args of = ARGS(val_ints(ids.items, ids.n));
    struct ask *found = ARENA_ARRAY(cx->arena, COUNT(questions), struct ask);
    struct db_read reads[] = {
        {.q = &q_call_ask_order,
         .shape = &call_ask_shape,
         .one = true,
         .out = &found[0],
         .args = of},
        {.q = &q_call_ask_postcode,
         .shape = &call_ask_shape,
         .one = true,
         .out = &found[1],
         .args = of},
        {.q = &q_call_ask_purchase,
         .shape = &call_ask_shape,
         .one = true,
         .out = &found[2],
         .args = of},
        {.q = &q_call_ask_email,
         .shape = &call_ask_shape,
         .one = true,
         .out = &found[3],
         .args = of},
    };
    TRY(db_batch(cx, reads, COUNT(reads)));
    audit_view(cx, root.v);
    struct ask *items = ARENA_ARRAY(cx->arena, COUNT(questions), struct ask);
    for (size_t i = 0; i < COUNT(questions); i++)
        if (reads[i].found && found[i].expected.len)
            items[out->items.n++] = (struct ask){str_of(questions[i]), found[i].expected};
    out->items.items = items;
    return OK;
}

/* ---- wrap-up
 * -------------------------------------------------------------------------------------------- */

/* clang-format off */
struct follow_up { str title; when due_at; };
static const struct field follow_up_fields[] = {
    FIELD(struct follow_up, title, .max_len = 200),
    FIELD(struct follow_up, due_at, .nullable = true),
};
static const struct shape follow_up_shape = SHAPE("call_follow_up", struct follow_up, follow_up_fields);
/* clang-format on */
struct wrap_in {
    call_id id;
    int outcome;
    str note, reason;
    int impression;
    struct follow_up follow_up;
    struct call seen; /* of plan */
    task_id task;
};
/* clang-format off */
static const struct field wrap_fields[] = {
    FIELD(struct wrap_in, id, .in_path = true),
    FIELD_ENUM(struct wrap_in, outcome, call_outcome_codes, .required = true),
    FIELD(struct wrap_in, note, .max_len = NOTE_MAX, .multiline = true, .personal = true),
    FIELD(struct wrap_in, reason, .max_len = 500, .personal = true),
    FIELD_ENUM(struct wrap_in, impression, impression_codes, .nullable = true, .doc = "It counts for the customer for 180 days"),
    FIELD_STRUCT(struct wrap_in, follow_up, &follow_up_shape, .nullable = true),
};
enum { WRAP_NOTE = 1 << 2, WRAP_REASON = 1 << 3, WRAP_IMPRESSION = 1 << 4 };
static const struct shape wrap_shape = SHAPE("call_wrap_up", struct wrap_in, wrap_fields);
/* clang-format on */

static enum err wrap_plan(struct cx *cx, void *in_, void *out)
{
    (void)out;
    struct wrap_in *in = in_;
    TRY(call_for_writing(cx, in->id, &in->seen));
    if (in->outcome == 0)
        return fault_field(cx, ERR_INVALID, S("outcome"), M_CALL_OUTCOME);
    if (in->follow_up.due_at.ms && !in->follow_up.title.len)
        return fault_field(cx, ERR_INVALID, S("follow_up.title"), M_CALL_FOLLOW_UP);
    in->task.v = id_new(cx->now_ms);
    return OK;
}

static enum err follow_up(struct cx *cx, const struct wrap_in *in, const struct call *c)
{
    struct task_new t = {
        .id = in->task,
        .customer = c->customer.id,
        .kind = in->follow_up.due_at.ms ? "promise" : "todo",
        .title = in->follow_up.title,
        .phone = c->e164.len ? c->e164 : c->number,
        .call = c->id,
        .priority = c->is_vip,
        .assignee = {cx->actor.kind == ACTOR_STAFF ? cx->actor.id : 0},
        .due_at = in->follow_up.due_at,
    };
    return task_add(cx, &t);
}

static enum err wrap(struct cx *cx, void *in_, void *out)
{
    struct wrap_in *in = in_;
    struct call c = {0};
    TRY(call_get(cx, in->id, &c));
    int64_t version = 0;
    int impression = cx->sent & WRAP_IMPRESSION ? in->impression : c.impression;
    TRY(db_int(cx, &q_call_wrap_up, &version,
               ARGS(V(cx->sent & WRAP_NOTE ? in->note : c.note),
                    V(cx->sent & WRAP_REASON ? in->reason : c.reason),
                    V(call_outcome_codes[in->outcome]), V(impression), V(cx->now_ms), V(in->id))));
    TRY(impression_told(cx, &c, c.customer.id, impression));
    if (in->follow_up.title.len)
        TRY(follow_up(cx, in, &c));
    TRY(audit_add(cx, "call.wrap_up", c.customer.id.v, c.id.v,
                  str_of(call_outcome_codes[in->outcome])));
    TRY(call_tell_changed(cx, in->id, c.customer.id, c.staff.id));
    cx->made_id = in->id.v;
    return call_get(cx, in->id, out);
}

static enum err call_again(struct cx *cx, int64_t id, void *out)
{
    return call_get(cx, (call_id){id}, out);
}

/* ---- the table
 * -------------------------------------------------------------------------------------------- */

/* clang-format off */
static const struct route routes[] = {
    {.method = HTTP_GET, .path = "/api/v1/calls", .may = MAY_SERVE, .read = list, .in = &list_in_shape, .out = &list_out_shape,
     .summary = "Live calls, or the call log"},
    {.method = HTTP_PATCH, .path = "/api/v1/calls/{id}", .may = MAY_SERVE, .plan = change_plan, .apply = change,
     .in = &change_shape, .out = &call_shape, .summary = "Note, reason, outcome; whose call it is; who spoke"},
    {.method = HTTP_PUT, .path = "/api/v1/calls/{id}/draft", .may = MAY_SERVE, .plan = draft_plan, .apply = draft_apply,
     .in = &draft_in_shape, .out = &draft_out_shape, .summary = "Keep what is typed for an unknown caller; who it may be"},
    {.method = HTTP_POST, .path = "/api/v1/calls/{id}/checks", .may = MAY_SERVE, .plan = check_plan, .apply = check,
     .in = &check_in_shape, .out = &call_shape, .summary = "Caller check: was the answer right"},
    {.method = HTTP_POST, .path = "/api/v1/calls/{id}/people", .may = MAY_SERVE, .plan = call_person_plan, .apply = call_person,
     .replay = call_again, .in = &call_person_shape, .out = &call_shape, .summary = "Someone else speaks, whom nobody knew: name and role"},
    {.method = HTTP_POST, .path = "/api/v1/calls/{id}/wrap-up", .may = MAY_SERVE, .plan = wrap_plan, .apply = wrap,
     .replay = call_again, .in = &wrap_shape, .out = &call_shape, .summary = "Close the call: outcome, note, follow-up"},
    {.method = HTTP_GET, .path = "/api/v1/calls/checks", .may = MAY_SERVE, .read = ask, .in = &ask_in_shape, .out = &asks_shape,
     .summary = "Questions for the caller check, from the record"},
    {.method = HTTP_GET, .path = "/api/v1/calls/say", .may = MAY_SERVE, .read = say_read, .in = &say_in_shape, .out = &say_out_shape,
     .summary = "The sentences to say to an unknown caller"},
    {.method = HTTP_PATCH, .path = "/api/v1/calls/say", .may = MAY_LEAD, .apply = say_apply, .in = &say_in_shape,
     .out = &say_out_shape, .summary = "Change the sentences to say; an empty one becomes ours again"},
    {.method = HTTP_GET, .path = "/api/v1/lookup", .may = MAY_SEE_CUSTOMERS, .read = lookup_read, .in = &lookup_in_shape,
     .out = &raw_reply_shape, .is_card = true, .summary = "Who has this number: JSON, a line of text, or a priority for dial plans"},
};
/* clang-format on */
const struct room call_room = ROOM("call", routes);
