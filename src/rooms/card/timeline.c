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

enum {
    TIMELINE_CHARS = 4000,
    CHANNELS = 11,
    LOOK_PAGE = 250,     /* rows a read */
    LOOK_ROWS = 1000,    /* rows a request: then it says how far it came */
    LOOK_BYTES = 2 << 20 /* of their texts */
};
static const char *const channel_names[CHANNELS] = {"call",     "email",  "chat",  "fax",
                                                    "letter",   "form",   "visit", "order",
                                                    "purchase", "survey", "note"};
/* clang-format off */
static const struct field timeline_in_fields[] = {
    FIELD(struct timeline_in, id, .in_path = true),
    FIELD(struct timeline_in, channel, .max_len = CHANNELS, .max = 20, .doc = "Only these channels: channel=call&channel=email"),
    FIELD(struct timeline_in, q, .max_len = 100, .doc = "Only contacts whose subject, text or call note holds this"),
    PAGE_FIELDS(struct timeline_in),
};
const struct shape timeline_in_shape = SHAPE("timeline_in", struct timeline_in, timeline_in_fields);
static const struct field timeline_fields[] = {
    FIELD_LIST(struct timeline, items, &line_shape),
    FIELD(struct timeline, looked, .omit_empty = true, .doc = "With q: how many contacts were looked at"),
    FIELD(struct timeline, until, .nullable = true, .doc = "With q, when `next` goes on: looked back to this time"),
    FIELD(struct timeline, next, .nullable = true),
};
const struct shape timeline_shape = SHAPE("timeline", struct timeline, timeline_fields);
struct look {
    interaction_id id;
    when at;
    str subject, text, note;
};
static const struct field look_row_fields[] = {
    FIELD(struct look, id),
    FIELD_AS(struct look, at, "at_ms"),
    FIELD(struct look, subject),
    FIELD(struct look, text),
    FIELD(struct look, note, .nullable = true),
};
static const struct shape look_row_shape = SHAPE("look_row", struct look, look_row_fields);
/* clang-format on */

/* What is read: each id of the record, each channel asked for (0: all at once), newest first. */
struct timeline_plan {
    struct list ids;
    unsigned channels; /* bits; 0: all */
    str q;             /* folded */
    const char *tag;
};

static enum err channels_read(struct cx *cx, struct str_list given, unsigned *bits)
{
    *bits = 0;
    for (size_t i = 0; i < given.n; i++) {
        unsigned at = 0;
        while (at < CHANNELS && !str_eq(given.items[i], str_of(channel_names[at])))
            at++;
        if (at == CHANNELS && given.items[i].len) {
            (void)fault(cx, ERR_INVALID, M_TIMELINE_CHANNEL,
                        MARG("given", str_clean(cx->arena, given.items[i], 40)));
            return fault_at(cx, ERR_INVALID, S("channel"));
        }
        if (at < CHANNELS)
            *bits |= 1u << at;
    }
    if (*bits == (1u << CHANNELS) - 1)
        *bits = 0;
    return OK;
}

/* The newest n before (at, id), of all ids of the record: every read goes along the index of the
 * timeline, which knows the channel too, and ends by its LIMIT. */
static enum err newest_lines(struct cx *cx, const struct timeline_plan *p, const struct query *all,
                             const struct query *of_channels, const struct shape *row,
                             size_t at_offset, int64_t at, int64_t before, int64_t n,
                             struct list *out)
{
    const int64_t *each = p->ids.items;
    struct list *lists = ARENA_ARRAY(cx->arena, p->ids.n, struct list);
    struct db_read *reads = ARENA_ARRAY(cx->arena, p->ids.n, struct db_read);
    struct val *args = ARENA_ARRAY(cx->arena, (4 + CHANNELS) * p->ids.n, struct val);
    for (size_t i = 0; i < p->ids.n; i++) {
        struct val *v = args + (4 + CHANNELS) * i;
        size_t k = 0;
        v[k++] = V(each[i]);
        if (p->channels) {
            unsigned c = (unsigned)__builtin_ctz(p->channels), last = c;
            for (; k <= CHANNELS; c++) { /* those asked for, the last of them repeated */
                last = c < CHANNELS && p->channels >> c & 1 ? c : last;
                if (c >= CHANNELS || p->channels >> c & 1)
                    v[k++] = V(channel_names[last]);
            }
        }
        v[k++] = V(at);
        v[k++] = V(before);
        v[k++] = V(n);
        reads[i] =
            (struct db_read){p->channels ? of_channels : all, row, false, &lists[i], {v, k}, false};
    }
    TRY(db_batch(cx, reads, p->ids.n));
    *out = newest_of(cx->arena, lists, p->ids.n, row->size, at_offset, 0, (size_t)n);
    return OK;
}

static bool holds(struct arena *scratch, const struct look *l, str q)
{
    const str pieces[] = {l->subject, l->text, l->note};
    bool is_here = false;
    for (size_t i = 0; i < COUNT(pieces) && !is_here; i++)
        is_here = pieces[i].len && str_find(text_fold(scratch, pieces[i]), q) >= 0;
    arena_reset(scratch);
    return is_here;
}

/* Looks back line by line, so far as a request may; the cursor goes on from there. */
static enum err find_lines(struct cx *cx, const struct timeline_plan *p, int64_t limit, int64_t at,
                           int64_t before, struct timeline *page)
{
    int64_t *ids = ARENA_ARRAY(cx->arena, (size_t)limit + 1, int64_t);
    size_t n = 0, bytes = 0;
    bool is_end = false, is_full = false;
    struct arena *scratch = arena_open((size_t)16 << 20);
    if (!scratch)
        return fault(cx, ERR_BUSY, M_STORE_BUSY);
    enum err e = OK;
    while (e == OK && !is_end && !is_full) {
        struct list rows = {0};
        e = newest_lines(cx, p, &q_timeline_look, &q_timeline_look_of_channels, &look_row_shape,
                         offsetof(struct look, at), at, before, LOOK_PAGE, &rows);
        const struct look *l = rows.items;
        for (size_t i = 0; e == OK && i < rows.n && !is_full; i++) {
            bytes += l[i].subject.len + l[i].text.len + l[i].note.len;
            at = l[i].at.ms;
            before = l[i].id.v;
            page->looked++;
            if (holds(scratch, &l[i], p->q))
                ids[n++] = l[i].id.v;
            is_full = (int64_t)n == limit || page->looked >= LOOK_ROWS || bytes >= LOOK_BYTES;
        }
        is_end = rows.n < LOOK_PAGE;
    }
    arena_close(scratch);
    TRY(e);
    if (is_full) {
        page->until.ms = at;
        page->next = cursor_make(cx->arena, cx->now_ms, p->tag, at, before);
    }
    return n ? db_all(cx, &q_timeline_lines, &line_row_shape, &page->items, ARGS(val_ints(ids, n)))
             : OK;
}

enum err route_timeline(struct cx *cx, void *in, void *out)
{
    struct timeline_in *a = in;
    struct timeline *page = out;
    struct timeline_plan p = {.q = text_fold(cx->arena, a->q)};
    customer_id root;
    int64_t at, before;
    uint8_t sum[32];
    /* What may not be read may not be guessed at by finding. */
    if (p.q.len && cx->actor.kind != ACTOR_SYSTEM && !(MAY_READ_TEXTS & MAY(cx->actor.role))) {
        (void)fault(cx, ERR_DENIED, M_TIMELINE_TEXTS);
        return fault_at(cx, ERR_DENIED, S("q"));
    }
    TRY(channels_read(cx, a->channel, &p.channels));
    TRY(customer_root(cx, a->id, &root, &p.ids));
    sha256(p.q, sum); /* the cursor is of this list: of these channels and words */
    p.tag = arena_cstr(cx->arena,
                       arena_printf(cx->arena, "timeline %lld %u %02x%02x%02x%02x",
                                    (long long)root.v, p.channels, sum[0], sum[1], sum[2], sum[3]));
    TRY(page_begin(cx, p.tag, &a->limit, a->cursor, &at, &before));
    if (p.q.len) {
        TRY(find_lines(cx, &p, a->limit, at, before, page));
    } else {
        TRY(newest_lines(cx, &p, &q_timeline_list, &q_timeline_list_of_channels, &line_row_shape,
                         offsetof(struct line, at), at, before, a->limit + 1, &page->items));
        if ((int64_t)page->items.n > a->limit) {
            page->items.n = (size_t)a->limit;
            const struct line *last = (const struct line *)page->items.items + a->limit - 1;
            page->next = cursor_make(cx->arena, cx->now_ms, p.tag, last->at.ms, last->id.v);
        }
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
