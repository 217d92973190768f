/* rooms/audit/audit.c - who saw and who changed what. */
#include "rooms/audit/audit.h"
#include "messages.h"
#include "queries.h"
#include "rooms/settings/settings.h"

extern const struct shape watch_row_shape; /* watch.c */

struct audit_row {
    int64_t id;
    when at;
    str actor_kind;
    int64_t actor_id;
    str actor_name, action;
    int64_t customer, ref;
    str details, peer;
};
static const struct field audit_row_fields[] = {
    FIELD(struct audit_row, id),         FIELD(struct audit_row, at),
    FIELD(struct audit_row, actor_kind), FIELD(struct audit_row, actor_id),
    FIELD(struct audit_row, actor_name), FIELD(struct audit_row, action),
    FIELD(struct audit_row, customer),   FIELD(struct audit_row, ref),
    FIELD(struct audit_row, details),    FIELD(struct audit_row, peer),
};
static const struct shape audit_row_shape = SHAPE("audit_row", struct audit_row, audit_row_fields);

static const struct field audit_actor_fields[] = {
    FIELD(struct audit_actor, kind, .doc = "staff, token, phone_link, system"),
    FIELD(struct audit_actor, id, .nullable = true),
    FIELD(struct audit_actor, name),
};
static const struct shape audit_actor_shape =
    SHAPE("audit_actor", struct audit_actor, audit_actor_fields);

static const struct field audit_line_fields[] = {
    FIELD(struct audit_line, at),
    FIELD_STRUCT(struct audit_line, actor, &audit_actor_shape),
    FIELD(struct audit_line, action),
    FIELD(struct audit_line, customer, .omit_empty = true),
    FIELD(struct audit_line, ref, .omit_empty = true, .doc = "The record it was done to"),
    FIELD(struct audit_line, details, .doc = "Names of fields and codes, never values"),
    FIELD(struct audit_line, peer, .omit_empty = true, .doc = "The address it came from"),
    FIELD(struct audit_line, whole, .omit_empty = true,
          .doc = "Asked for one customer: an export of many records"),
    FIELD(
        struct audit_line, held, .omit_empty = true,
        .doc =
            "Of such an export: yes, this record was in it; perhaps, it was broken off or is of before this was noted"),
};
const struct shape audit_line_shape = SHAPE("audit_line", struct audit_line, audit_line_fields);

static const struct field audit_page_fields[] = {
    FIELD_LIST(struct audit_page, items, &audit_line_shape),
    FIELD(struct audit_page, next, .nullable = true),
};
const struct shape audit_page_shape = SHAPE("audit_page", struct audit_page, audit_page_fields);

static const struct field audit_in_fields[] = {
    PAGE_FIELDS(struct audit_wish),
    FIELD(struct audit_wish, customer, .doc = "All ids of the record, and exports that held it"),
    FIELD(struct audit_wish, staff),
    FIELD(struct audit_wish, actor, .max_len = 40, .doc = "stf_…, tok_…, phl_…, or system"),
    FIELD(struct audit_wish, act, .max_len = 60,
          .doc = "A code, as customer.view; or export, merge, change: all of their kind"),
    FIELD(struct audit_wish, from),
    FIELD(struct audit_wish, to),
    FIELD(struct audit_wish, vip, .doc = "Only records that are VIP now"),
};
static const struct shape audit_in_shape = SHAPE("audit_in", struct audit_wish, audit_in_fields);

/* "staff.add" tells of a stf_…, "order.change" of an ord_…. */
static const struct {
    str word;
    const char *prefix;
} prefixes[] = {
    {{"alert", 5}, "stf"},        {{"staff", 5}, "stf"},    {{"session", 7}, "stf"},
    {{"token", 5}, "tok"},        {{"customer", 8}, "cus"}, {{"identity", 8}, "idn"},
    {{"interaction", 11}, "itx"}, {{"note", 4}, "not"},     {{"task", 4}, "tsk"},
    {{"address", 7}, "adr"},      {{"holding", 7}, "hld"},  {{"product", 7}, "prd"},
    {{"order", 5}, "ord"},        {{"call", 4}, "cal"},     {{"phone_link", 10}, "phl"},
    {{"merge", 5}, "mrg"},        {{"export", 6}, "exp"},   {{"relation", 8}, "rel"},
    {{"proposal", 8}, "prp"},     {{"return", 6}, "ret"},
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

/* ---- what is asked ------------------------------------------------------------------------------ */

static const struct {
    const char *word;
    const char *codes[6];
} groups[] = {
    {"export", {"export.customers", "export.orders", "export.all", "backup"}},
    {"merge", {"customer.merge", "merge.undo", "call.customer_join"}},
    {"change",
     {"customer.change", "identity.add", "identity.change", "identity.remove", "mark.add",
      "mark.remove"}},
};

enum { CLOCK_SKEW_MS = 60000 };

static enum err actor_where(struct cx *cx, struct made_text *m, str actor)
{
    static const struct {
        const char *prefix, *kind;
    } kinds[] = {{"stf", "staff"}, {"tok", "token"}, {"phl", "phone_link"}};
    int64_t id = 0;
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (id_parse(actor, kinds[i].prefix, &id)) {
            made_sql(m, " AND a.actor_kind = ");
            made_val(m, V(kinds[i].kind));
            made_sql(m, " AND a.actor_id = ");
            made_val(m, V(id));
            return OK;
        }
    if (!str_eq(actor, S("system")))
        return fault_field(cx, ERR_INVALID, S("actor"), M_AUDIT_ACTOR);
    made_sql(m, " AND a.actor_kind = 'system'");
    return OK;
}

static void act_where(struct cx *cx, struct made_text *m, str act)
{
    if (!str_eq(act, S("intake")))
        made_sql(m, " AND a.action <> 'intake'"); /* the index of acts leaves them out */
    for (size_t i = 0; i < COUNT(groups); i++) {
        if (!str_eq(act, str_of(groups[i].word)))
            continue;
        size_t n = 0, most = COUNT(groups[i].codes);
        str *codes = ARENA_ARRAY(cx->arena, most, str); /* read when the query runs */
        while (n < most && groups[i].codes[n]) {
            codes[n] = str_of(groups[i].codes[n]);
            n++;
        }
        made_sql(m, " AND a.action IN ");
        made_val(m, val_texts(codes, n));
        return;
    }
    made_sql(m, " AND a.action = ");
    made_val(m, V(act));
}

static enum err customer_where(struct cx *cx, struct made_text *m, customer_id customer)
{
    struct list ids = {0};
    TRY(db_all(cx, &q_audit_ids_of, &watch_row_shape, &ids, ARGS(V(customer))));
    if (!ids.n) { /* erased, or never here: what the audit holds of that id all the same */
        made_sql(m, " AND a.customer_id = ");
        made_val(m, V(customer));
    } else {
        made_sql(m, " AND a.customer_id IN ");
        made_val(m, val_ints(ids.items, ids.n)); /* struct watch_row is one int64 */
    }
    made_sql(m, " AND a.customer_id <> 0");
    return OK;
}

static void time_where(struct made_text *m, const struct audit_wish *w, int64_t before)
{
    /* An id tells when it was made, up to a second after what it tells of. */
    int64_t last = w->to.ms ? id_first_of(w->to.ms + CLOCK_SKEW_MS) : before;
    made_sql(m, " AND a.id < ");
    made_val(m, V(before < last ? before : last));
    if (w->from.ms) {
        made_sql(m, " AND a.id >= ");
        made_val(m, V(id_first_of(w->from.ms)));
        made_sql(m, " AND a.at_ms >= ");
        made_val(m, V(w->from.ms));
    }
    if (w->to.ms) {
        made_sql(m, " AND a.at_ms < ");
        made_val(m, V(w->to.ms));
    }
}

static const char head_sql[] =
    "SELECT a.id, a.at_ms, a.actor_kind, a.actor_id, COALESCE(s.name, t.name, ''), a.action, a.customer_id, a.ref_id, "
    "a.details, a.peer FROM audit a LEFT JOIN staff s ON a.actor_kind = 'staff' AND s.id = a.actor_id "
    "LEFT JOIN token t ON a.actor_kind = 'token' AND t.id = a.actor_id";

static enum err rows_read(struct cx *cx, const struct audit_wish *w, int64_t before, int64_t limit,
                          bool exports, struct list *rows)
{
    const struct query *q = NULL;
    struct made_text m = made_begin(cx);
    made_sql(&m, head_sql);
    if (w->vip)
        made_sql(&m, " JOIN standing v ON v.customer_id = a.customer_id AND v.is_vip = 1");
    made_sql(&m, " WHERE 1 = 1");
    if (exports) {
        act_where(cx, &m, S("export"));
        made_sql(&m, " AND a.customer_id = 0 AND a.id >= ");
        made_val(&m, V(w->customer)); /* before his record was made nobody could export it */
    } else if (w->customer.v) {
        TRY(customer_where(cx, &m, w->customer));
    }
    if (w->staff.v) {
        made_sql(&m, " AND a.actor_kind = 'staff' AND a.actor_id = ");
        made_val(&m, V(w->staff));
    }
    if (w->actor.len)
        TRY(actor_where(cx, &m, w->actor));
    if (w->act.len && !exports)
        act_where(cx, &m, w->act);
    time_where(&m, w, before);
    made_sql(&m, " ORDER BY a.id DESC LIMIT ");
    made_val(&m, V(limit));
    TRY(made_query(cx, &m, "audit_find", &q));
    return db_all(cx, q, &audit_row_shape, rows, made_args(&m));
}

/* ---- exports of many ------------------------------------------------------------------------------ */

enum { EXPORTS_LOOKED = 400 /* for one page; the next goes on from there */ };

struct exports {
    struct audit_row *rows;
    str *held;
    size_t n;
    int64_t stopped; /* id that it came to; 0: there are no more */
};

static enum err exports_read(struct cx *cx, const struct audit_wish *w, int64_t before,
                             size_t limit, struct exports *out)
{
    static const char *const words[] = {"no", "perhaps", "yes"};
    struct list ids = {0}, rows = {0};
    TRY(db_all(cx, &q_audit_ids_of, &watch_row_shape, &ids, ARGS(V(w->customer))));
    const int64_t own = w->customer.v,
                  *all = ids.n ? ids.items : &own; /* struct watch_row is one int64 */
    size_t n_all = ids.n ? ids.n : 1;
    *out = (struct exports){.rows = ARENA_ARRAY(cx->arena, limit + 1, struct audit_row),
                            .held = ARENA_ARRAY(cx->arena, limit + 1, str)};
    TRY(rows_read(cx, w, before, EXPORTS_LOOKED, true, &rows));
    const struct audit_row *r = rows.items;
    for (size_t i = 0; i < rows.n; i++) {
        enum audit_held held = HELD_YES; /* all records there were; his was made before */
        bool is_list =
            str_eq(r[i].action, S("export.customers")) || str_eq(r[i].action, S("export.orders"));
        if (out->n == limit) {
            out->stopped = r[i].id + 1;
            return OK;
        }
        if (is_list)
            TRY(audit_export_held(cx, r[i].ref, all, n_all, &held));
        if (held == HELD_NO)
            continue;
        out->rows[out->n] = r[i];
        out->held[out->n++] = str_of(words[held]);
    }
    if (rows.n == EXPORTS_LOOKED)
        out->stopped = r[rows.n - 1].id;
    return OK;
}

static bool wants_exports(const struct audit_wish *w)
{
    return w->customer.v && !w->vip && (!w->act.len || str_starts(w->act, S("export")));
}

static struct audit_line line_of(struct cx *cx, const struct audit_row *r, str held)
{
    return (struct audit_line){r->at,
                               {r->actor_kind, actor_text(cx, r), r->actor_name},
                               r->action,
                               {r->customer},
                               ref_text(cx, r->action, r->ref),
                               r->details,
                               r->peer,
                               held.len > 0,
                               held};
}

enum err audit_find(struct cx *cx, const struct audit_wish *w, struct audit_page *page)
{
    struct list rows = {0};
    struct exports x = {0};
    int64_t before = INT64_MAX, sort = 0, last = 0;
    size_t limit = (size_t)(w->limit ? w->limit : 50), i = 0, k = 0, n = 0;
    if (w->cursor.len && !cursor_read(w->cursor, cx->now_ms, "audit", &sort, &before))
        return fault_field(cx, ERR_INVALID, S("cursor"), M_AUDIT_CURSOR);
    if (w->from.ms && w->to.ms && w->from.ms >= w->to.ms)
        return fault_field(cx, ERR_INVALID, S("to"), M_AUDIT_TIMES);
    TRY(rows_read(cx, w, before, (int64_t)limit + 1, false, &rows));
    if (wants_exports(w))
        TRY(exports_read(cx, w, before, limit + 1, &x));
    /* For one customer: what was done to his record, and the exports of many, in one order. */
    const struct audit_row *r = rows.items;
    struct audit_line *lines = ARENA_ARRAY(cx->arena, limit + 1, struct audit_line);
    while (n < limit && (i < rows.n || k < x.n)) {
        bool is_own = k == x.n || (i < rows.n && r[i].id > x.rows[k].id);
        const struct audit_row *next = is_own ? &r[i] : &x.rows[k];
        if (next->id < x.stopped)
            break; /* exports behind it are not looked at yet */
        lines[n++] = line_of(cx, next, is_own ? (str){0} : x.held[k]);
        last = next->id;
        i += is_own;
        k += !is_own;
    }
    page->items = (struct list){lines, n};
    page->next = (str){0};
    if (n == limit && (i < rows.n || k < x.n || x.stopped))
        page->next = cursor_make(cx->arena, cx->now_ms, "audit", 0, last);
    else if (x.stopped)
        page->next = cursor_make(cx->arena, cx->now_ms, "audit", 0, x.stopped);
    return OK;
}

static enum err list(struct cx *cx, void *in, void *out)
{
    return audit_find(cx, in, out);
}

/* ---- who sees how much --------------------------------------------------------------------------- */

struct people_out {
    struct list items;
    int64_t limit;
};
static const struct field person_fields[] = {
    FIELD(struct audit_person, id),
    FIELD(struct audit_person, name),
    FIELD(struct audit_person, seen, .doc = "Records seen today, each once"),
    FIELD(struct audit_person, vips, .doc = "Of them VIP"),
    FIELD(struct audit_person, usual, .doc = "On a day of the last four weeks"),
    FIELD(struct audit_person, is_over,
          .doc = "More than the house allows before it asks, or three times the usual"),
};
static const struct shape person_shape = SHAPE("audit_person", struct audit_person, person_fields);
static const struct field people_fields[] = {
    FIELD_LIST(struct people_out, items, &person_shape),
    FIELD(struct people_out, limit, .doc = "The setting views_alert; 0: none"),
};
static const struct shape people_shape = SHAPE("audit_people", struct people_out, people_fields);

static enum err people(struct cx *cx, void *in, void *out)
{
    (void)in;
    struct people_out *p = out;
    p->limit = settings_current(cx)->views_alert;
    return audit_people_today(cx, &p->items);
}

/* clang-format off */
static const struct route routes[] = {
    {.method = HTTP_GET, .path = "/api/v1/audit", .may = MAY_AUDIT, .scope = 1u << SCOPE_ADMIN_BIT, .is_heavy = true,
     .read = list, .in = &audit_in_shape, .out = &audit_page_shape, .summary = "Who saw and who changed what, newest first"},
    {.method = HTTP_GET, .path = "/api/v1/audit/people", .may = MAY_AUDIT, .scope = 1u << SCOPE_ADMIN_BIT, .is_heavy = true,
     .read = people, .out = &people_shape, .summary = "Who saw how many records today"},
};
/* clang-format on */
const struct room audit_room = ROOM("audit", routes);
