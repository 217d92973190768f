/* rooms/evidence/evidence_http.c - what was found, for people to see; impressions; the company's own list of competitors. */
#include "rooms/evidence/inside.h"

enum { PAGE = 50, SENT_IMPRESSION = 1 << 1 };

/* ---- what was found ------------------------------------------------------------------------ */

/* clang-format off */
static const struct field row_fields[] = {
    FIELD(struct evidence_line, id), FIELD_ENUM(struct evidence_line, kind, evidence_codes), FIELD_AS(struct evidence_line, at, "at_ms"),
    FIELD_AS(struct evidence_line, interaction, "interaction_id", .nullable = true), FIELD_AS(struct evidence_line, staff.id, "staff_id", .nullable = true),
    FIELD_AS(struct evidence_line, staff.name, "name"), FIELD(struct evidence_line, phrase), FIELD(struct evidence_line, weight),
};
const struct shape evidence_row_shape = SHAPE("evidence_row", struct evidence_line, row_fields);
static const struct field line_fields[] = {
    FIELD_ENUM(struct evidence_line, kind, evidence_codes),
    FIELD(struct evidence_line, at),
    FIELD(struct evidence_line, interaction, .nullable = true, .doc = "Where it was said; null in a note"),
    FIELD_STRUCT(struct evidence_line, staff, &staff_ref_shape, .nullable = true, .doc = "Who was asked for; whose impression it is"),
    FIELD(struct evidence_line, phrase, .doc = "Of our lists, or the competitor's name; of an impression its key"),
    FIELD(struct evidence_line, weight, .doc = "Questions of the text; 1 of all others"),
};
static const struct shape line_shape = SHAPE("evidence_line", struct evidence_line, line_fields);

struct impression_out {
    int key;
    when at, until;
    struct staff_ref staff;
};
static const struct field impression_fields[] = {
    FIELD(struct impression_out, at),
    FIELD_ENUM(struct impression_out, key, impression_codes),
    FIELD(struct impression_out, until, .doc = "It fades then"),
    FIELD_STRUCT(struct impression_out, staff, &staff_ref_shape, .nullable = true, .doc = "Whose impression it is"),
};
static const struct shape impression_shape = SHAPE("impression", struct impression_out, impression_fields);

struct evidence_in {
    customer_id id;
    int64_t limit;
    str cursor;
};
static const struct field in_fields[] = {FIELD(struct evidence_in, id, .in_path = true), PAGE_FIELDS(struct evidence_in)};
static const struct shape in_shape = SHAPE("evidence_in", struct evidence_in, in_fields);
struct evidence_out {
    struct trait t;
    struct impression_out impression;
    struct staff_ref colleague;
    struct list items;
    str next;
};
#define COUNTED(m, nm) FIELD_AS(struct evidence_out, t.counts[m], nm)
static const struct field out_fields[] = {
    COUNTED(EVIDENCE_DISCOUNT_ASKED, "asked_discount"), COUNTED(EVIDENCE_PROMISE_MORE, "promised_more"),
    COUNTED(EVIDENCE_COMPETITOR_NAMED, "named_competitor"), COUNTED(EVIDENCE_PRICE_REMARK, "price_remarks"),
    COUNTED(EVIDENCE_COLLEAGUE_ASKED, "asked_colleague"), COUNTED(EVIDENCE_REFERRAL_GIVEN, "referred"),
    COUNTED(EVIDENCE_AGGRESSIVE, "aggressive"), COUNTED(EVIDENCE_HURRY, "hurried"), COUNTED(EVIDENCE_QUESTION, "questions"),
    COUNTED(EVIDENCE_OFF_MATTER, "off_matter"),
    FIELD_STRUCT(struct evidence_out, colleague, &staff_ref_shape, .nullable = true, .doc = "Asked for last, by name"),
    FIELD_STRUCT(struct evidence_out, impression, &impression_shape, .nullable = true),
    FIELD_LIST(struct evidence_out, items, &line_shape, .doc = "Newest first, also what counts no more"),
    FIELD(struct evidence_out, next, .nullable = true),
};
static const struct shape out_shape = SHAPE("evidence", struct evidence_out, out_fields);
struct name_row { str name; };
static const struct field name_fields[] = {FIELD(struct name_row, name)};
static const struct shape evidence_name_shape = SHAPE("evidence_name", struct name_row, name_fields);
/* clang-format on */

static enum err colleague_of(struct cx *cx, staff_id id, struct staff_ref *out)
{
    struct name_row row = {0};
    if (id.v == 0)
        return OK;
    enum err e = db_one(cx, &q_evidence_colleague_name, &evidence_name_shape, &row, ARGS(V(id)));
    *out = (struct staff_ref){id, row.name};
    return e == ERR_NOT_FOUND ? OK : e;
}

static enum err head_of(struct cx *cx, customer_id root, struct evidence_out *out)
{
    TRY(trait_of(cx, root, &out->t));
    TRY(colleague_of(cx, out->t.colleague, &out->colleague));
    if (out->t.impression == IMPRESSION_NONE)
        return OK;
    out->impression = (struct impression_out){
        .key = out->t.impression,
        .at = out->t.impression_at,
        .until = {out->t.impression_at.ms + EVIDENCE_DAYS * (int64_t)86400000}};
    return colleague_of(cx, out->t.impression_by, &out->impression.staff);
}

static enum err evidence_route(struct cx *cx, void *in_, void *out_)
{
    struct evidence_in *in = in_;
    struct evidence_out *out = out_;
    customer_id root;
    struct list ids = {0};
    int64_t at = 0, before = 0;
    TRY(customer_root(cx, in->id, &root, &ids));
    const char *tag =
        arena_cstr(cx->arena, arena_printf(cx->arena, "evidence %lld", (long long)root.v));
    if (in->limit == 0)
        in->limit = PAGE;
    TRY(page_begin(cx, tag, &in->limit, in->cursor, &at, &before));
    TRY(head_of(cx, root, out));
    TRY(db_all(cx, &q_evidence_page, &evidence_row_shape, &out->items,
               ARGS(val_ints(ids.items, ids.n), V(at), V(before), V(in->limit + 1))));
    if ((int64_t)out->items.n > in->limit) {
        out->items.n = (size_t)in->limit;
        const struct evidence_line *last =
            (const struct evidence_line *)out->items.items + in->limit - 1;
        out->next = cursor_make(cx->arena, cx->now_ms, tag, last->at.ms, last->id);
    }
    audit_view(cx, root.v);
    return OK;
}

/* ---- impressions ------------------------------------------------------------------------------ */

/* clang-format off */
struct impression_in {
    customer_id id;
    int impression;
    customer_id root;
    int64_t source;
};
static const struct field impression_in_fields[] = {
    FIELD(struct impression_in, id, .in_path = true),
    FIELD_ENUM(struct impression_in, impression, impression_codes, .nullable = true, .doc = "null: what was said before is taken back"),
};
static const struct shape impression_in_shape = SHAPE("impression_in", struct impression_in, impression_in_fields);
/* clang-format on */

static enum err impression_plan(struct cx *cx, void *in_, void *out)
{
    (void)out;
    struct impression_in *in = in_;
    if (!(cx->sent & SENT_IMPRESSION))
        return fault_field(cx, ERR_INVALID, S("impression"), M_MISSING);
    if (in->source == 0)
        in->source = id_new(cx->now_ms);
    return customer_root(cx, in->id, &in->root, NULL);
}

static enum err impression_answer(struct cx *cx, int64_t root, void *out)
{
    return head_of(cx, (customer_id){root}, out);
}

static enum err impression_apply(struct cx *cx, void *in_, void *out)
{
    const struct impression_in *in = in_;
    struct impression_new n = {.customer = in->root,
                               .impression = in->impression,
                               .source = in->source,
                               .staff = {cx->actor.kind == ACTOR_STAFF ? cx->actor.id : 0}};
    TRY(impression_put(cx, &n));
    TRY(audit_add(cx, "customer.impression", in->root.v, 0,
                  str_of(impression_codes[in->impression])));
    TRY(event_add(cx, EVENT_CUSTOMER_CHANGED, in->root.v, 0, S("impression")));
    cx->made_id = in->root.v;
    return impression_answer(cx, in->root.v, out);
}

/* What stands before the list. */
static const struct shape head_shape = {.name = "evidence_head",
                                        .size = sizeof(struct evidence_out),
                                        .fields = out_fields,
                                        .n = COUNT(out_fields) - 2};

/* ---- competitors --------------------------------------------------------------------------------- */

/* clang-format off */
struct competitors { struct str_list names; };
static const struct field competitors_fields[] = {
    FIELD(struct competitors, names, .required = true, .max_len = COMPETITORS_MAX, .max = COMPETITOR_CHARS, .doc = "As customers write them"),
};
static const struct shape competitors_shape = SHAPE("competitors", struct competitors, competitors_fields);
/* clang-format on */

static enum err competitors_route(struct cx *cx, void *in, void *out)
{
    (void)in;
    return competitors_read(cx, &((struct competitors *)out)->names);
}

static enum err competitors_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct str_list *names = &((struct competitors *)in)->names;
    for (size_t i = 0; i < names->n; i++) {
        str *s = &names->items[i];
        *s = str_trim(*s);
        bool is_good = str_chars(*s) >= 2;
        for (size_t k = 0; k < s->len; k++)
            is_good = is_good && (unsigned char)s->ptr[k] >= 0x20;
        if (!is_good)
            return fault_field(cx, ERR_INVALID, arena_printf(cx->arena, "names[%zu]", i),
                               M_COMPETITOR_NAME);
    }
    return OK;
}

static enum err competitors_apply(struct cx *cx, void *in, void *out)
{
    const struct str_list *names = &((const struct competitors *)in)->names;
    struct text all = text_in(cx->arena, 65536);
    for (size_t i = 0; i < names->n; i++) {
        if (i)
            text_add_char(&all, '\n');
        text_add(&all, names->items[i]);
    }
    TRY(settings_set(cx, "competitors", text_str(&all)));
    TRY(audit_add(cx, "settings.competitors", 0, 0, (str){0}));
    TRY(event_add(cx, EVENT_SETTINGS_CHANGED, 0, 0, (str){0}));
    return competitors_route(cx, NULL, out);
}

/* clang-format off */
static const struct route routes[] = {
    {.method = HTTP_GET, .path = "/api/v1/customers/{id}/evidence", .may = MAY_READ_NOTES, .read = evidence_route, .in = &in_shape,
     .out = &out_shape, .summary = "What a customer says that shows how he deals with us, and where it was said"},
    {.method = HTTP_POST, .path = "/api/v1/customers/{id}/impression", .may = MAY_SERVE, .plan = impression_plan, .apply = impression_apply,
     .replay = impression_answer, .in = &impression_in_shape, .out = &head_shape,
     .summary = "Your impression of a customer; it fades after 180 days"},
    {.method = HTTP_GET, .path = "/api/v1/competitors", .may = MAY_SEE_CUSTOMERS, .read = competitors_route, .out = &competitors_shape,
     .summary = "Names of competitors that are noticed in messages"},
    {.method = HTTP_PUT, .path = "/api/v1/competitors", .may = MAY_LEAD, .plan = competitors_plan, .apply = competitors_apply,
     .in = &competitors_shape, .out = &competitors_shape, .summary = "Change that list; what was read already stays as it is"},
};
/* clang-format on */
const struct room evidence_room = ROOM("evidence", routes);
