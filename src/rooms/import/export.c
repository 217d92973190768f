/* rooms/import/export.c - pages of customers and orders into CSV and NDJSON. */
#include "rooms/import/export.h"
#include "messages.h"
#include "queries.h"
#include "rooms/audit/audit.h"
#include "rooms/customer/customer.h"
#include "rooms/import/csv.h"
#include "rooms/settings/settings.h"

enum { PAGE = 200, VALUES_MAX = 64 };
static const size_t ARENA_BYTES = (size_t)96 << 20;
const char *const export_format_codes[2] = {"csv", "ndjson"};

/* clang-format off */
static const struct field in_fields[] = {
    FIELD_ENUM(struct export_in, format, export_format_codes, .doc = "csv (default) or ndjson"),
    FIELD(struct export_in, where, .max_len = EXPR_TEXT_MAX, .multiline = true, .doc = "A condition on customers; orders: of the customers that it chooses"),
};
const struct shape export_in_shape = SHAPE("export_in", struct export_in, in_fields);

struct handle_row { int64_t root; int type; str value; };
static const struct field handle_fields[] = {
    FIELD_AS(struct handle_row, root, "root_id"),
    FIELD_ENUM(struct handle_row, type, identity_type_codes),
    FIELD(struct handle_row, value),
};
static const struct shape handle_row_shape = SHAPE("export_identity", struct handle_row, handle_fields);
struct address_row { int64_t root; str kind, line, postal, city, region, country; };
static const struct field address_fields[] = {
    FIELD_AS(struct address_row, root, "root_id"),
    FIELD(struct address_row, kind), FIELD(struct address_row, line), FIELD(struct address_row, postal),
    FIELD(struct address_row, city), FIELD(struct address_row, region), FIELD(struct address_row, country),
};
static const struct shape address_rows_shape = SHAPE("export_address", struct address_row, address_fields);
struct tag_row { int64_t root; str name; };
static const struct field tag_fields[] = {
    FIELD_AS(struct tag_row, root, "root_id"), FIELD(struct tag_row, name),
};
static const struct shape tags_shape = SHAPE("export_tag", struct tag_row, tag_fields);
struct value_row { int64_t root; str code; int type; opt_int num; str text; };
static const struct field value_fields[] = {
    FIELD_AS(struct value_row, root, "root_id"), FIELD(struct value_row, code),
    FIELD_ENUM(struct value_row, type, attr_type_codes), FIELD(struct value_row, num), FIELD(struct value_row, text),
};
static const struct shape values_shape = SHAPE("export_attribute", struct value_row, value_fields);
struct standing_row { int64_t root; str activity; bool is_vip; int64_t contacts; when last_contact; int64_t orders, spent; when last_order; };
static const struct field standing_fields[] = {
    FIELD_AS(struct standing_row, root, "customer_id"), FIELD(struct standing_row, activity), FIELD(struct standing_row, is_vip),
    FIELD(struct standing_row, contacts), FIELD_AS(struct standing_row, last_contact, "last_contact_ms"),
    FIELD(struct standing_row, orders), FIELD_AS(struct standing_row, spent, "spent_minor"),
    FIELD_AS(struct standing_row, last_order, "last_order_ms"),
};
static const struct shape standings_shape = SHAPE("export_standing", struct standing_row, standing_fields);
struct id_row { int64_t id; };
static const struct field id_fields[] = {
    FIELD(struct id_row, id),
};
static const struct shape id_shape = SHAPE("export_id", struct id_row, id_fields);
/* clang-format on */

struct export_run {
    struct cx cx;
    struct arena *own;
    int what, format;
    str where;
    int64_t last, until;
    bool has_head;
    struct audit_export noted; /* id 0: not yet */
    struct list attributes;    /* of struct attr_def */
};

/* ---- a line, in either form ---------------------------------------------------------------------- */

struct line {
    struct text *to;
    struct json_out j;
    bool is_csv, is_first, is_head;
};

static void line_begin(struct line *l)
{
    l->is_first = true;
    l->j = (struct json_out){.to = l->to};
    if (!l->is_csv)
        json_object_begin(&l->j);
}

static void line_end(struct line *l)
{
    if (!l->is_csv)
        json_object_end(&l->j);
    text_add(l->to, l->is_csv ? S("\r\n") : S("\n"));
}

/* A cell of CSV, or its header. True: a member of JSON is wanted, and its key stands. */
static bool cell(struct line *l, const char *name, str csv)
{
    if (!l->is_csv) {
        json_key(&l->j, str_of(name));
        return true;
    }
    if (!l->is_first)
        text_add_char(l->to, ',');
    l->is_first = false;
    csv_cell_write(l->to, l->is_head ? str_of(name) : csv);
    return false;
}

static void add_text(struct line *l, const char *name, str s)
{
    if (cell(l, name, s))
        json_str(&l->j, s);
}

static void add_number(struct line *l, struct arena *a, const char *name, int64_t v)
{
    if (cell(l, name, arena_printf(a, "%lld", (long long)v)))
        json_int(&l->j, v);
}

static void add_time(struct line *l, struct arena *a, const char *name, when t)
{
    str s = t.ms ? when_text(a, t) : (str){0};
    if (!cell(l, name, s))
        return;
    if (t.ms)
        json_str(&l->j, s);
    else
        json_null(&l->j);
}

static void add_money(struct line *l, struct arena *a, const char *name, money m)
{
    if (!cell(l, name, l->is_head ? (str){0} : money_text(a, m)))
        return;
    json_object_begin(&l->j);
    json_key(&l->j, S("amount"));
    json_int(&l->j, m.amount);
    json_key(&l->j, S("currency"));
    json_str(&l->j, str_of(m.currency.code));
    json_object_end(&l->j);
}

static void add_texts(struct line *l, struct arena *a, const char *name, const str *s, size_t n)
{
    struct text t = text_in(a, 1 << 20);
    for (size_t i = 0; i < n; i++) {
        if (i)
            text_add(&t, S("; "));
        text_add(&t, s[i]);
    }
    if (!cell(l, name, text_str(&t)))
        return;
    json_array_begin(&l->j);
    for (size_t i = 0; i < n; i++)
        json_str(&l->j, s[i]);
    json_array_end(&l->j);
}

/* ---- customers --------------------------------------------------------------------------------------- */

struct page {
    struct list customers, handles, addresses, tags, values, standings;
};

static size_t handles_of(const struct page *p, int64_t root, int type, str *out)
{
    const struct handle_row *h = p->handles.items;
    size_t n = 0;
    for (size_t i = 0; i < p->handles.n && n < VALUES_MAX; i++)
        if (h[i].root == root && h[i].type == type)
            out[n++] = h[i].value;
    return n;
}

static str value_text(struct arena *a, const struct value_row *v)
{
    currency c;
    if (v->type == ATTR_MONEY && v->num.has && currency_parse(v->text, &c))
        return arena_printf(a, SFMT " " SFMT, SARG(money_text(a, (money){v->num.v, c})),
                            SARG(v->text));
    return v->text;
}

static void attributes_add(struct export_run *r, struct line *l, const struct page *p, int64_t root)
{
    struct arena *a = r->cx.arena;
    const struct attr_def *d = r->attributes.items;
    const struct value_row *v = p->values.items;
    for (size_t i = 0; i < r->attributes.n; i++) {
        str all[VALUES_MAX];
        size_t n = 0;
        for (size_t k = 0; k < p->values.n && n < VALUES_MAX; k++)
            if (v[k].root == root && str_eq(v[k].code, d[i].code))
                all[n++] = value_text(a, &v[k]);
        const char *name = arena_cstr(a, arena_printf(a, "attr." SFMT, SARG(d[i].code)));
        if (d[i].type == ATTR_CHOICES)
            add_texts(l, a, name, all, n);
        else
            add_text(l, name, n ? all[0] : (str){0});
    }
}

/* c NULL: the header. */
static void customer_add_line(struct export_run *r, struct line *l, const struct page *p,
                              const struct customer *c)
{
    static const struct customer nobody;
    struct arena *a = r->cx.arena;
    l->is_head = !c;
    c = c ? c : &nobody;
    str some[VALUES_MAX];
    static const struct {
        int type;
        const char *name;
    } kinds[] = {{IDENTITY_PHONE, "phone"},     {IDENTITY_EMAIL, "email"},
                 {IDENTITY_ACCOUNT, "account"}, {IDENTITY_CARD, "card"},
                 {IDENTITY_SOCIAL, "social"},   {IDENTITY_EXTERNAL, "external_id"}};
    const struct address_row *ad = NULL, *each = p->addresses.items;
    for (size_t i = 0; i < p->addresses.n && !ad; i++)
        ad = each[i].root == c->id.v ? &each[i] : NULL;
    static const struct standing_row none;
    const struct standing_row *s = &none, *all = p->standings.items;
    for (size_t i = 0; i < p->standings.n; i++)
        s = all[i].root == c->id.v ? &all[i] : s;
    size_t n_tags = 0;
    const struct tag_row *t = p->tags.items;

    line_begin(l);
    add_text(l, "kith_id", l->is_head ? (str){0} : id_text(a, "cus", c->id.v));
    add_text(l, "kind", str_of(customer_kind_codes[c->kind]));
#define X(m, claim, ...) add_text(l, #claim, c->m);
    CUSTOMER_TEXTS(X)
#undef X
    add_text(l, "address", ad ? ad->line : (str){0});
    add_text(l, "postal", ad ? ad->postal : (str){0});
    for (size_t k = 0; k < COUNT(kinds); k++)
        add_texts(l, a, kinds[k].name, some, handles_of(p, c->id.v, kinds[k].type, some));
    for (size_t i = 0; i < p->tags.n && n_tags < VALUES_MAX; i++)
        if (t[i].root == c->id.v)
            some[n_tags++] = t[i].name;
    add_texts(l, a, "tags", some, n_tags);
    attributes_add(r, l, p, c->id.v);
    add_text(l, "owner", c->owner.name);
    add_text(l, "activity", s->activity);
    if (cell(l, "vip", s->is_vip ? S("yes") : S("no")))
        json_bool(&l->j, s->is_vip);
    add_number(l, a, "contacts", s->contacts);
    add_time(l, a, "last_contact_at", s->last_contact);
    add_number(l, a, "orders", s->orders);
    add_money(l, a, "spent", (money){s->spent, settings_current(&r->cx)->base_currency});
    add_time(l, a, "last_order_at", s->last_order);
    add_time(l, a, "created_at", c->created_at);
    add_time(l, a, "changed_at", c->changed_at);
    line_end(l);
}

static enum err customers_page(struct export_run *r, const int64_t *ids, size_t n, struct line *l)
{
    struct cx *cx = &r->cx;
    struct page p = {0};
    struct args by = ARGS(val_ints(ids, n));
    struct db_read reads[] = {
        {&q_export_customers, &customer_row_shape, false, &p.customers, by, false},
        {&q_export_identities, &handle_row_shape, false, &p.handles, by, false},
        {&q_export_addresses, &address_rows_shape, false, &p.addresses, by, false},
        {&q_export_tags, &tags_shape, false, &p.tags, by, false},
        {&q_export_attributes, &values_shape, false, &p.values, by, false},
        {&q_export_standings, &standings_shape, false, &p.standings, by, false},
    };
    if (!r->has_head && l->is_csv)
        customer_add_line(r, l, &p, NULL);
    if (n)
        TRY(db_batch(cx, reads, COUNT(reads)));
    const struct customer *c = p.customers.items;
    for (size_t i = 0; i < p.customers.n; i++)
        customer_add_line(r, l, &p, &c[i]);
    return OK;
}

/* ---- orders --------------------------------------------------------------------------------------------- */

/* CSV: a line of the file for each line of the order, as an import takes it. */
static void order_line_add(struct export_run *r, struct line *l, const struct order *o,
                           const struct order_line *ol)
{
    struct arena *a = r->cx.arena;
    l->is_head = !o;
    static const struct order no_order;
    static const struct order_line no_line;
    o = o ? o : &no_order;
    ol = ol ? ol : &no_line;
    line_begin(l);
    add_text(l, "number", o->number);
    add_text(l, "kith_id", l->is_head ? (str){0} : id_text(a, "cus", o->customer.id.v));
    add_text(l, "name", o->customer.name);
    add_text(l, "channel", o->channel);
    add_text(l, "status", str_of(order_status_codes[o->status]));
    add_time(l, a, "at", o->at);
    add_time(l, a, "due_at", o->due_at);
    add_text(l, "currency", o->currency);
    add_text(l, "sku", ol->sku);
    add_text(l, "product", ol->name);
    add_text(l, "quantity",
             ol->quantity_milli ? arena_printf(a, "%g", (double)ol->quantity_milli / 1000)
                                : (str){0});
    add_text(l, "price", l->is_head ? (str){0} : money_text(a, ol->price));
    add_text(l, "discount", l->is_head ? (str){0} : money_text(a, o->discount));
    add_text(l, "total", l->is_head ? (str){0} : money_text(a, o->total));
    add_text(l, "returned", l->is_head ? (str){0} : money_text(a, o->returned));
    add_text(l, "payment_method", o->payment_method);
    line_end(l);
}

static enum err orders_page(struct export_run *r, const int64_t *ids, size_t n, struct line *l)
{
    if (!r->has_head && l->is_csv)
        order_line_add(r, l, NULL, NULL);
    for (size_t i = 0; i < n; i++) {
        struct order o;
        TRY(order_get(&r->cx, (order_id){ids[i]}, &o));
        const struct order_line *ol = o.lines.items;
        if (l->is_csv) {
            for (size_t k = 0; k < o.lines.n || k == 0; k++)
                order_line_add(r, l, &o, k < o.lines.n ? &ol[k] : NULL);
            continue;
        }
        struct json_out j = {.to = l->to};
        json_write(&j, &order_shape, &o);
        text_add_char(l->to, '\n');
    }
    return OK;
}

/* ---- pages ----------------------------------------------------------------------------------------------- */

static enum err ids_read(struct export_run *r, struct list *out)
{
    struct cx *cx = &r->cx;
    struct made_text m = made_begin(cx);
    const struct query *q = NULL;
    bool is_orders = r->what == EXPORT_ORDERS;
    made_sql(
        &m,
        is_orders
            ? "SELECT o.id FROM orders o JOIN customer m ON m.id = o.customer_id JOIN standing s ON s.customer_id = m.root_id "
              "JOIN customer c ON c.id = s.customer_id WHERE o.id > "
            : "SELECT s.customer_id FROM standing s JOIN customer c ON c.id = s.customer_id WHERE s.customer_id > ");
    made_val(&m, V(r->last));
    made_sql(&m, is_orders ? " AND o.id <= " : " AND s.customer_id <= ");
    made_val(&m, V(r->until));
    if (!is_orders)
        made_sql(&m, " AND c.root_id = c.id");
    if (r->where.len) {
        struct expr_world w = settings_world(cx);
        made_sql(&m, " AND ");
        TRY(expr_where(cx, &w, r->where, &m, NULL));
    }
    made_sql(&m, is_orders ? " ORDER BY o.id LIMIT " : " ORDER BY s.customer_id LIMIT ");
    made_val(&m, V(PAGE));
    TRY(made_query(cx, &m, "export_ids", &q));
    return db_all(cx, q, &id_shape, out, made_args(&m));
}

static enum err begin(struct export_run *r)
{
    struct list ids;
    bool is_orders = r->what == EXPORT_ORDERS;
    TRY(db_int(&r->cx, is_orders ? &q_export_orders_last : &q_export_customers_last, &r->until,
               NO_ARGS));
    TRY(ids_read(r, &ids)); /* says at once what is wrong with the condition */
    struct cx own = r->cx;
    own.arena = r->own;
    if (r->what == EXPORT_CUSTOMERS) {
        enum err e = attr_defs(&own, &r->attributes);
        r->cx.why = own.why;
        return e;
    }
    return OK;
}

enum err export_open(struct cx *cx, int what, const struct export_in *in, struct export_run **out)
{
    struct export_run *r = calloc(1, sizeof *r);
    *out = r;
    if (!r)
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    r->cx = *cx;
    r->cx.arena = arena_open(ARENA_BYTES);
    r->own = arena_open((size_t)4 << 20);
    r->what = what;
    r->format = in->format;
    if (!r->cx.arena || !r->own)
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    r->where = arena_str(r->own, str_trim(in->where));
    TRY(read_begin(&r->cx));
    enum err e = begin(r);
    read_end(&r->cx);
    if (e != OK) {
        cx->why = r->cx.why;
        fault_keep(cx->arena, &cx->why);
        if (!cx->why.field.len)
            cx->why.field = S("where");
    }
    return e;
}

static enum err page(struct export_run *r, struct text *to, struct list *members, bool *finished)
{
    struct list ids = {0};
    struct line l = {.to = to, .is_csv = r->format == EXPORT_CSV};
    bool is_orders = r->what == EXPORT_ORDERS;
    TRY(ids_read(r, &ids));
    const int64_t *id = ids.items; /* struct id_row is one int64 */
    if (!r->has_head && l.is_csv)
        text_add(to, S("\xEF\xBB\xBF"));
    TRY(is_orders ? orders_page(r, id, ids.n, &l) : customers_page(r, id, ids.n, &l));
    if (r->where.len && ids.n)
        TRY(db_all(&r->cx, is_orders ? &q_export_order_members : &q_export_members, &id_shape,
                   members, ARGS(val_ints(id, ids.n))));
    r->has_head = true;
    if (ids.n)
        r->last = id[ids.n - 1];
    *finished = ids.n < PAGE;
    return to->is_over ? fault(&r->cx, ERR_TOO_BIG, M_STORE_TOO_BIG) : OK;
}

struct noting {
    struct export_run *run;
    struct list members;
    bool is_first, is_last;
};

static enum err note_apply(struct cx *cx, void *state)
{
    const struct noting *n = state;
    const struct audit_export *x = &n->run->noted;
    if (n->is_first)
        TRY(audit_export_begin(cx, x));
    TRY(audit_export_part(cx, x->id, n->members.items, n->members.n));
    return n->is_last ? audit_export_done(cx, x->id) : OK;
}

/* The first and the last wait for the disk, and with the last everything before it. */
static enum err note(struct export_run *r, struct store *s, const struct list *members,
                     bool finished)
{
    struct noting n = {r, *members, r->noted.id == 0, finished};
    if (n.is_first)
        r->noted = (struct audit_export){.id = id_new(r->cx.now_ms),
                                         .is_orders = r->what == EXPORT_ORDERS,
                                         .is_all = !r->where.len,
                                         .until = r->until,
                                         .details = arena_printf(r->own, "%s%s",
                                                                 export_format_codes[r->format],
                                                                 r->where.len ? " filtered" : "")};
    if (n.is_first || n.is_last)
        return db_change(s, &r->cx, LANE_INTERACTIVE, note_apply, &n);
    return members->n ? db_change_soft(s, &r->cx, note_apply, &n) : OK;
}

enum err export_page(struct export_run *r, struct store *s, struct text *to, bool *finished)
{
    struct list members = {0};
    arena_reset(r->cx.arena);
    r->cx.why = (struct fault){0};
    r->cx.now_ms = clock_now_ms();
    TRY(read_begin(&r->cx));
    enum err e = page(r, to, &members, finished);
    read_end(&r->cx);
    return e == OK ? note(r, s, &members, *finished) : e;
}

void export_close(struct export_run *r)
{
    if (!r)
        return;
    arena_close(r->cx.arena);
    arena_close(r->own);
    free(r);
}
