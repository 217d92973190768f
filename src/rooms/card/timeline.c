/* rooms/card/timeline.c - the timeline: lines of all channels, newest first, of all ids of a
 * record. */
#include "messages.h"
#include "queries.h"
#include "rooms/card/inside.h"

/* clang-format off */
enum { MAY_READ_TEXTS = MAY_READ_NOTES };
static const struct field ref_fields[] = {
    FIELD(struct line_ref, type, .nullable = true, .doc = "call or order"),
    FIELD(struct line_ref, id),
    FIELD(struct line_ref, number, .omit_empty = true),
};
static const struct shape ref_shape = SHAPE("line_ref", struct line_ref, ref_fields);
static const struct field call_fields[] = {
    FIELD(struct line_call, id, .nullable = true),
    FIELD(struct line_call, duration_s),
    FIELD(struct line_call, outcome),
    FIELD(struct line_call, note, .personal = true, .seen_by = MAY_READ_TEXTS),
    FIELD(struct line_call, cause),
    FIELD(struct line_call, spoke_name, .personal = true),
};
static const struct shape call_in_line_shape = SHAPE("line_call", struct line_call, call_fields);
static const struct field order_fields[] = {
    FIELD(struct line_order, id, .nullable = true),
    FIELD(struct line_order, number),
    FIELD(struct line_order, total),
    FIELD(struct line_order, status),
};
static const struct shape order_in_line_shape = SHAPE("line_order", struct line_order, order_fields);
static const struct field line_fields[] = {
    FIELD(struct line, id),
    FIELD(struct line, channel),
    FIELD(struct line, direction),
    FIELD(struct line, trust, .doc = "proven, presented, typed"),
    FIELD(struct line, at),
    FIELD_STRUCT(struct line, staff, &staff_ref_shape, .nullable = true),
    FIELD(struct line, subject, .personal = true, .seen_by = MAY_READ_TEXTS),
    FIELD(struct line, text, .personal = true, .seen_by = MAY_READ_TEXTS),
    FIELD(struct line, is_cut, .doc = "The text goes on: GET /interactions/{id}"),
    FIELD_STRUCT(struct line, ref, &ref_shape, .nullable = true),
    FIELD_STRUCT(struct line, call, &call_in_line_shape, .nullable = true),
    FIELD_STRUCT(struct line, order, &order_in_line_shape, .nullable = true),
};
const struct shape line_shape = SHAPE("line", struct line, line_fields);

static const struct field line_row_fields[] = {
    FIELD(struct line, id),
    FIELD(struct line, channel),
    FIELD(struct line, direction),
    FIELD(struct line, trust),
    FIELD_AS(struct line, at, "at_ms"),
    FIELD_AS(struct line, staff.id, "id", .nullable = true),
    FIELD_AS(struct line, staff.name, "name", .nullable = true),
    FIELD(struct line, subject),
    FIELD(struct line, text),
    FIELD(struct line, ref_id, .nullable = true),
    FIELD_AS(struct line, call.id, "id", .nullable = true),
    FIELD_AS(struct line, answer_at, "answer_ms", .nullable = true),
    FIELD_AS(struct line, end_at, "end_ms", .nullable = true),
    FIELD_AS(struct line, call.outcome, "outcome", .nullable = true),
    FIELD_AS(struct line, call.note, "note", .nullable = true),
    FIELD_AS(struct line, call.cause, "cause", .nullable = true),
    FIELD_AS(struct line, call.spoke_name, "spoke_name", .nullable = true),
    FIELD_AS(struct line, order.id, "id", .nullable = true),
    FIELD_AS(struct line, order.number, "number", .nullable = true),
    FIELD_AS(struct line, order.total, "total_minor", .nullable = true),
    FIELD_AS(struct line, order.status, "status", .nullable = true),
};
const struct shape line_row_shape = SHAPE("line_row", struct line, line_row_fields);
/* clang-format on */

bool cut_to(str *s, size_t chars)
{
    size_t n = 0;
    for (size_t i = 0; i < s->len; i++) {
        if (((unsigned char)s->ptr[i] & 0xC0) == 0x80)
            continue;
        if (n++ == chars) {
            s->len = i;
            return true;
        }
    }
    return false;
}

void lines_finish(struct cx *cx, struct list *lines, size_t chars)
{
    struct line *l = lines->items;
    for (size_t i = 0; i < lines->n; i++) {
        l[i].is_cut = cut_to(&l[i].text, chars);
        if (l[i].call.id.v) {
            l[i].ref = (struct line_ref){S("call"), id_text(cx->arena, "cal", l[i].call.id.v), {0}};
            if (l[i].answer_at.ms && l[i].end_at.ms > l[i].answer_at.ms)
                l[i].call.duration_s = (l[i].end_at.ms - l[i].answer_at.ms + 500) / 1000;
        } else if (l[i].order.id.v) {
            l[i].ref = (struct line_ref){S("order"), id_text(cx->arena, "ord", l[i].order.id.v),
                                         l[i].order.number};
        }
    }
}

/* ---- GET /customers/{id}/timeline
 * ---------------------------------------------------------------- */

enum { TIMELINE_CHARS = 4000 };
struct timeline_in {
    customer_id id;
    int channel;
    int64_t limit;
    str cursor;
};
struct timeline {
    struct list items;
    str next;
};
static const char *const filter_codes[] = {"",     "call",  "email", "chat",     "fax",    "letter",
                                           "form", "visit", "order", "purchase", "survey", "note"};
/* clang-format off */
static const struct field timeline_in_fields[] = {
    FIELD(struct timeline_in, id, .in_path = true),
    FIELD_ENUM(struct timeline_in, channel, filter_codes, .doc = "Only this channel"),
    PAGE_FIELDS(struct timeline_in),
};
const struct shape timeline_in_shape = SHAPE("timeline_in", struct timeline_in, timeline_in_fields);
static const struct field timeline_fields[] = {
    FIELD_LIST(struct timeline, items, &line_shape),
    FIELD(struct timeline, next, .nullable = true),
};
const struct shape timeline_shape = SHAPE("timeline", struct timeline, timeline_fields);
/* clang-format on */

enum err route_timeline(struct cx *cx, void *in, void *out)
{
    struct timeline_in *a = in;
    struct timeline *page = out;
    bool is_filtered = a->channel > 0;
    customer_id root;
    struct list ids;
    int64_t at, before;
    TRY(customer_root(cx, a->id, &root, &ids));
    const char *tag = arena_cstr(
        cx->arena, arena_printf(cx->arena, "timeline %lld %d", (long long)root.v, a->channel));
    TRY(page_begin(cx, tag, &a->limit, a->cursor, &at, &before));

    const int64_t *each = ids.items;
    struct list *lists = ARENA_ARRAY(cx->arena, ids.n, struct list);
    struct db_read *reads = ARENA_ARRAY(cx->arena, ids.n, struct db_read);
    struct val *args = ARENA_ARRAY(cx->arena, 5 * ids.n, struct val);
    for (size_t i = 0; i < ids.n; i++) {
        struct val *v = args + 5 * i;
        size_t n = 0;
        v[n++] = V(each[i]);
        if (is_filtered)
            v[n++] = V(filter_codes[a->channel]);
        v[n++] = V(at);
        v[n++] = V(before);
        v[n++] = V(a->limit + 1);
        reads[i] = (struct db_read){is_filtered ? &q_timeline_list_of_channel : &q_timeline_list,
                                    &line_row_shape,
                                    false,
                                    &lists[i],
                                    {v, n},
                                    false};
    }
    TRY(db_batch(cx, reads, ids.n));
    page->items = newest_of(cx->arena, lists, ids.n, sizeof(struct line), offsetof(struct line, at),
                            offsetof(struct line, id), (size_t)a->limit + 1);
    if ((int64_t)page->items.n > a->limit) {
        page->items.n = (size_t)a->limit;
        const struct line *last = (const struct line *)page->items.items + a->limit - 1;
        page->next = cursor_make(cx->arena, cx->now_ms, tag, last->at.ms, last->id.v);
    }
    lines_finish(cx, &page->items, TIMELINE_CHARS);
    audit_view(cx, root.v);
    return OK;
}

/* ---- GET /interactions/{id}
 * -------------------------------------------------------------------------- */

struct line_in {
    interaction_id id;
};
/* clang-format off */
static const struct field line_in_fields[] = {
    FIELD(struct line_in, id, .in_path = true),
};
const struct shape line_in_shape = SHAPE("line_in", struct line_in, line_in_fields);
/* clang-format on */

enum err route_line(struct cx *cx, void *in, void *out)
{
    const struct line_in *a = in;
    int64_t customer = 0;
    struct db_read reads[] = {
        {&q_timeline_line, &line_row_shape, true, out, ARGS(V(a->id)), false}};
    TRY(db_batch(cx, reads, 1));
    if (!reads[0].found)
        return fault(cx, ERR_NOT_FOUND, M_LINE_UNKNOWN);
    TRY(db_int(cx, &q_timeline_whose, &customer, ARGS(V(a->id))));
    struct list one = {out, 1};
    lines_finish(cx, &one, SIZE_MAX);
    audit_view(cx, customer);
    return OK;
}
