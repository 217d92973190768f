/* rooms/audit/audit.c - who saw and who changed what. */
#include "rooms/audit/audit.h"
#include "messages.h"
#include "queries.h"

struct audit_row {
    int64_t id;
    when at;
    str actor_kind;
    int64_t actor_id;
    str actor_name, action;
    int64_t customer, ref;
    str details;
};
static const struct field audit_row_fields[] = {
    FIELD(struct audit_row, id),         FIELD(struct audit_row, at),
    FIELD(struct audit_row, actor_kind), FIELD(struct audit_row, actor_id),
    FIELD(struct audit_row, actor_name), FIELD(struct audit_row, action),
    FIELD(struct audit_row, customer),   FIELD(struct audit_row, ref),
    FIELD(struct audit_row, details),
};
static const struct shape audit_row_shape = SHAPE("audit_row", struct audit_row, audit_row_fields);

struct audit_actor {
    str kind, id, name;
};
static const struct field audit_actor_fields[] = {
    FIELD(struct audit_actor, kind, .doc = "staff, token, phone_link, system"),
    FIELD(struct audit_actor, id, .nullable = true),
    FIELD(struct audit_actor, name),
};
static const struct shape audit_actor_shape =
    SHAPE("audit_actor", struct audit_actor, audit_actor_fields);

struct audit_line {
    when at;
    struct audit_actor actor;
    str action;
    customer_id customer;
    str ref, details;
};
static const struct field audit_line_fields[] = {
    FIELD(struct audit_line, at),
    FIELD_STRUCT(struct audit_line, actor, &audit_actor_shape),
    FIELD(struct audit_line, action),
    FIELD(struct audit_line, customer, .omit_empty = true),
    FIELD(struct audit_line, ref, .omit_empty = true, .doc = "The record it was done to"),
    FIELD(struct audit_line, details, .doc = "Names of fields and codes, never values"),
};
static const struct shape audit_line_shape =
    SHAPE("audit_line", struct audit_line, audit_line_fields);

struct audit_page {
    struct list items;
    str next;
};
static const struct field audit_page_fields[] = {
    FIELD_LIST(struct audit_page, items, &audit_line_shape),
    FIELD(struct audit_page, next, .nullable = true),
};
static const struct shape audit_page_shape =
    SHAPE("audit_page", struct audit_page, audit_page_fields);

struct audit_in {
    int64_t limit;
    str cursor;
    customer_id customer;
    staff_id staff;
};
static const struct field audit_in_fields[] = {
    PAGE_FIELDS(struct audit_in),
    FIELD(struct audit_in, customer),
    FIELD(struct audit_in, staff),
};
static const struct shape audit_in_shape = SHAPE("audit_in", struct audit_in, audit_in_fields);

/* "staff.add" tells of a stf_…, "order.change" of an ord_…. */
static const struct {
    str word;
    const char *prefix;
} prefixes[] = {
    {{"staff", 5}, "stf"},    {{"session", 7}, "stf"},     {{"token", 5}, "tok"},
    {{"customer", 8}, "cus"}, {{"identity", 8}, "idn"},    {{"interaction", 11}, "itx"},
    {{"note", 4}, "not"},     {{"task", 4}, "tsk"},        {{"address", 7}, "adr"},
    {{"holding", 7}, "hld"},  {{"product", 7}, "prd"},     {{"order", 5}, "ord"},
    {{"call", 4}, "cal"},     {{"phone_link", 10}, "phl"}, {{"merge", 5}, "mrg"},
    {{"relation", 8}, "rel"}, {{"proposal", 8}, "prp"},    {{"return", 6}, "ret"},
};

static str ref_text(struct cx *cx, str action, int64_t ref)
{
    if (ref == 0)
        return (str){0};
    str word = str_cut(&action, '.');
    for (size_t i = 0; i < COUNT(prefixes); i++)
        if (str_eq(word, prefixes[i].word))
            return id_text(cx->arena, prefixes[i].prefix, ref);
    return arena_printf(cx->arena, "%lld", (long long)ref);
}

static str actor_text(struct cx *cx, const struct audit_row *r)
{
    if (r->actor_id == 0)
        return (str){0};
    const char *prefix = str_eq(r->actor_kind, S("staff"))        ? "stf"
                         : str_eq(r->actor_kind, S("token"))      ? "tok"
                         : str_eq(r->actor_kind, S("phone_link")) ? "phl"
                                                                  : NULL;
    return prefix ? id_text(cx->arena, prefix, r->actor_id) : (str){0};
}

static enum err rows_read(struct cx *cx, const struct audit_in *a, int64_t before, int64_t limit,
                          struct list *rows)
{
    if (a->customer.v && a->staff.v)
        return db_all(cx, &q_audit_of_both, &audit_row_shape, rows,
                      ARGS(V(a->customer), V(a->staff), V(before), V(limit)));
    if (a->customer.v)
        return db_all(cx, &q_audit_of_customer, &audit_row_shape, rows,
                      ARGS(V(a->customer), V(before), V(limit)));
    if (a->staff.v)
        return db_all(cx, &q_audit_of_staff, &audit_row_shape, rows,
                      ARGS(V(a->staff), V(before), V(limit)));
    return db_all(cx, &q_audit_all, &audit_row_shape, rows, ARGS(V(before), V(limit)));
}

static enum err list(struct cx *cx, void *in, void *out)
{
    const struct audit_in *a = in;
    struct audit_page *page = out;
    struct list rows = {0};
    int64_t before = INT64_MAX, sort = 0, limit = a->limit ? a->limit : 50;
    if (a->cursor.len && !cursor_read(a->cursor, cx->now_ms, "audit", &sort, &before))
        return fault_field(cx, ERR_INVALID, S("cursor"), M_AUDIT_CURSOR);
    TRY(rows_read(cx, a, before, limit + 1, &rows));
    const struct audit_row *r = rows.items;
    size_t n = rows.n > (size_t)limit ? (size_t)limit : rows.n;
    struct audit_line *lines = ARENA_ARRAY(cx->arena, n + 1, struct audit_line);
    for (size_t i = 0; i < n; i++)
        lines[i] = (struct audit_line){r[i].at,
                                       {r[i].actor_kind, actor_text(cx, &r[i]), r[i].actor_name},
                                       r[i].action,
                                       {r[i].customer},
                                       ref_text(cx, r[i].action, r[i].ref),
                                       r[i].details};
    page->items = (struct list){lines, n};
    if (rows.n > n)
        page->next = cursor_make(cx->arena, cx->now_ms, "audit", 0, r[n - 1].id);
    return OK;
}

/* clang-format off */
static const struct route routes[] = {
    {.method = HTTP_GET, .path = "/api/v1/audit", .may = MAY_AUDIT, .scope = 1u << SCOPE_ADMIN_BIT, .is_heavy = true,
     .read = list, .in = &audit_in_shape, .out = &audit_page_shape, .summary = "Who saw and who changed what, newest first"},
};
/* clang-format on */
const struct room audit_room = ROOM("audit", routes);
