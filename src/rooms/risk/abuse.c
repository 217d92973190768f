/* rooms/risk/abuse.c - somebody else complains about a customer; it counts once a person confirmed it. */
#include "rooms/risk/inside.h"

struct report {
    report_id id;
    customer_id customer;
    str name; /* of the customer */
    str reporter, text, source_id, state, note;
    struct staff_ref staff;
    when at;
    struct staff_ref decided_by;
    when decided_at;
    int64_t version;
};
struct reports {
    struct list items;
};
struct waiting_in {
    int64_t limit;
    str cursor;
};
struct waiting {
    struct list items;
    str next;
};
struct report_in {
    customer_id customer;
    str reporter, text, source_id;
    report_id id; /* between plan and apply */
    bool is_repeat;
    customer_id root;
};
struct decide_in {
    report_id id;
    bool confirmed;
    str note;
    struct report seen; /* between plan and apply */
};
/* clang-format off */
static const struct field report_fields[] = {
    FIELD(struct report, id), FIELD(struct report, customer), FIELD(struct report, name, .personal = true, .doc = "The customer's"),
    FIELD(struct report, reporter, .personal = true, .doc = "Who complains, as told"),
    FIELD(struct report, text, .personal = true), FIELD(struct report, source_id), FIELD(struct report, state, .doc = "waiting, confirmed, refused"),
    FIELD(struct report, note), FIELD_STRUCT(struct report, staff, &staff_ref_shape, .nullable = true), FIELD(struct report, at),
    FIELD_STRUCT(struct report, decided_by, &staff_ref_shape, .nullable = true), FIELD(struct report, decided_at, .nullable = true),
    FIELD(struct report, version),
};
const struct shape report_shape = SHAPE("abuse_report", struct report, report_fields);
static const struct field row_fields[] = {
    FIELD(struct report, id), FIELD_AS(struct report, customer, "root_id"), FIELD(struct report, name), FIELD(struct report, reporter), FIELD(struct report, text),
    FIELD(struct report, source_id, .nullable = true), FIELD(struct report, state), FIELD(struct report, note), FIELD_AS(struct report, staff.id, "staff_id", .nullable = true),
    FIELD_AS(struct report, staff.name, "staff_name"), FIELD_AS(struct report, at, "at_ms"), FIELD_AS(struct report, decided_by.id, "decided_by", .nullable = true),
    FIELD_AS(struct report, decided_by.name, "decided_name"), FIELD_AS(struct report, decided_at, "decided_ms", .nullable = true), FIELD(struct report, version),
};
static const struct shape abuse_report_row_shape = SHAPE("abuse_report_row", struct report, row_fields);
static const struct field of_fields[] = {FIELD_AS(struct report_in, customer, "id", .in_path = true)};
const struct shape reports_in_shape = SHAPE("abuse_reports_in", struct report_in, of_fields);
static const struct field reports_fields[] = {FIELD_LIST(struct reports, items, &report_shape)};
const struct shape reports_shape = SHAPE("abuse_reports", struct reports, reports_fields);
static const struct field waiting_in_fields[] = {PAGE_FIELDS(struct waiting_in)};
const struct shape reports_waiting_in_shape = SHAPE("abuse_reports_waiting_in", struct waiting_in, waiting_in_fields);
static const struct field waiting_fields[] = {FIELD_LIST(struct waiting, items, &report_shape), FIELD(struct waiting, next, .nullable = true)};
const struct shape reports_waiting_shape = SHAPE("abuse_reports_waiting", struct waiting, waiting_fields);
static const struct field in_fields[] = {
    FIELD_AS(struct report_in, customer, "id", .in_path = true), FIELD(struct report_in, text, .required = true, .max_len = 5000, .multiline = true),
    FIELD(struct report_in, reporter, .doc = "Who complains"), FIELD(struct report_in, source_id, .doc = "The source's own: the same again changes nothing"),
};
const struct shape report_in_shape = SHAPE("abuse_report_in", struct report_in, in_fields);
static const struct field decide_fields[] = {
    FIELD(struct decide_in, id, .in_path = true), FIELD(struct decide_in, confirmed, .required = true), FIELD(struct decide_in, note, .max_len = 2000, .multiline = true),
};
const struct shape report_decide_shape = SHAPE("abuse_report_decide", struct decide_in, decide_fields);
/* clang-format on */

enum err reports_route(struct cx *cx, void *in, void *out)
{
    customer_id root;
    struct list ids;
    TRY(customer_root(cx, ((struct report_in *)in)->customer, &root, &ids));
    audit_view(cx, root.v);
    return db_all(cx, &q_abuse_report_list, &abuse_report_row_shape,
                  &((struct reports *)out)->items, ARGS(V(root)));
}

/* Those that wait for a person, the oldest first. */
enum err reports_waiting_route(struct cx *cx, void *in, void *out)
{
    struct waiting_in *a = in;
    struct waiting *o = out;
    int64_t sort, after;
    TRY(page_begin(cx, "risk.waiting", &a->limit, a->cursor, &sort, &after));
    TRY(db_all(cx, &q_abuse_report_waiting, &abuse_report_row_shape, &o->items,
               ARGS(V(a->cursor.len ? after : 0), V(a->limit + 1))));
    if ((int64_t)o->items.n > a->limit) {
        o->items.n = (size_t)a->limit;
        int64_t last = ((const struct report *)o->items.items)[a->limit - 1].id.v;
        o->next = cursor_make(cx->arena, cx->now_ms, "risk.waiting", last, last);
    }
    return OK;
}

static enum err get(struct cx *cx, report_id id, struct report *out)
{
    enum err e = db_one(cx, &q_abuse_report_get, &abuse_report_row_shape, out, ARGS(V(id)));
    return e == ERR_NOT_FOUND ? fault(cx, ERR_NOT_FOUND, M_RISK_REPORT_UNKNOWN) : e;
}

enum err report_add_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct report_in *a = in;
    struct list ids;
    struct report before = {0};
    a->text = str_trim(a->text);
    a->source_id = str_trim(a->source_id);
    if (a->text.len == 0)
        return fault_field(cx, ERR_INVALID, S("text"), M_RISK_REPORT_TEXT);
    TRY(customer_root(cx, a->customer, &a->root, &ids));
    a->id.v = id_new(cx->now_ms);
    a->is_repeat = false;
    if (a->source_id.len == 0)
        return OK;
    enum err e = db_one(cx, &q_abuse_report_by_source, &abuse_report_row_shape, &before,
                        ARGS(V(a->customer), V(a->source_id)));
    if (e == OK) {
        a->is_repeat = true;
        a->id = before.id;
    }
    return e == ERR_NOT_FOUND ? OK : e;
}

enum err report_add_apply(struct cx *cx, void *in, void *out)
{
    const struct report_in *a = in;
    cx->made_id = a->id.v;
    if (a->is_repeat)
        return get(cx, a->id, out);
    struct val staff = cx->actor.kind == ACTOR_STAFF ? V(cx->actor.id) : VNULL;
    TRY(db_run(cx, &q_abuse_report_insert,
               ARGS(V(a->id), V(a->customer), V(str_trim(a->reporter)), V(a->text),
                    val_str_or_null(a->source_id), staff, V(cx->now_ms))));
    TRY(audit_add(cx, "abuse.report", a->root.v, a->id.v, (str){0}));
    return get(cx, a->id, out);
}

enum err report_again(struct cx *cx, int64_t id, void *out)
{
    return get(cx, (report_id){id}, out);
}

enum err report_decide_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct decide_in *a = in;
    TRY(get(cx, a->id, &a->seen));
    return cx->if_match >= 0 && cx->if_match != a->seen.version
               ? fault(cx, ERR_STALE, M_RECORD_MOVED)
               : OK;
}

enum err report_decide_apply(struct cx *cx, void *in, void *out)
{
    const struct decide_in *a = in;
    const char *state = a->confirmed ? "confirmed" : "refused";
    int64_t n = 0;
    struct val staff = cx->actor.kind == ACTOR_STAFF ? V(cx->actor.id) : VNULL;
    TRY(db_run_count(
        cx, &q_abuse_report_decide, &n,
        ARGS(V(state), V(str_trim(a->note)), staff, V(cx->now_ms), V(a->id), V(a->seen.version))));
    if (n == 0)
        return fault(cx, ERR_STALE, M_RECORD_MOVED);
    TRY(rules_due(cx, &a->seen.customer.v, 1));
    TRY(audit_add(cx, "abuse.decide", a->seen.customer.v, a->id.v, str_of(state)));
    cx->made_id = a->id.v;
    return get(cx, a->id, out);
}
