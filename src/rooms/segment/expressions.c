/* rooms/segment/expressions.c - conditions over HTTP: is it right, how many does it choose, why is he among them, what may be
 * asked at all. */
#include "rooms/segment/inside.h"

struct text_in {
    str text, tree;
};
struct error_out {
    int64_t position;
    str reason, nearest;
};
struct check_out {
    bool ok;
    struct error_out error;
    str text, tree;
};
struct count_out {
    int64_t count;
    struct list sample;
};
struct explain_in {
    customer_id id;
    str text;
};
struct choice_out {
    str code;
};
struct attribute_out {
    str name, label, type, cost, group, choice_label, offers;
    bool several, maybe_unknown;
    int64_t days;
    struct list choices;
};
struct list_out {
    str name, label;
    bool has_time;
    struct list fields;
};
struct attributes_out {
    struct list items, lists;
};
/* clang-format off */
static const struct field text_in_fields[] = {
    FIELD(struct text_in, text, .max_len = EXPR_TEXT_MAX, .multiline = true, .doc = "The condition as text"),
    FIELD_JSON(struct text_in, tree, .any_in = true, .doc = "Or as tree"),
};
static const struct shape text_in_shape = SHAPE("expression_in", struct text_in, text_in_fields);
static const struct field error_fields[] = {
    FIELD(struct error_out, reason, .nullable = true),
    FIELD(struct error_out, position, .doc = "Characters before it"),
    FIELD(struct error_out, nearest, .nullable = true, .doc = "The name that was perhaps meant"),
};
static const struct shape error_shape = SHAPE("expression_error", struct error_out, error_fields);
static const struct field check_fields[] = {
    FIELD(struct check_out, ok),
    FIELD_STRUCT(struct check_out, error, &error_shape, .nullable = true),
    FIELD(struct check_out, text, .nullable = true, .doc = "As the house writes it"),
    FIELD_JSON(struct check_out, tree, .nullable = true),
};
static const struct shape check_shape = SHAPE("expression_check", struct check_out, check_fields);
static const struct field count_fields[] = {
    FIELD(struct count_out, count),
    FIELD_LIST(struct count_out, sample, &customer_ref_shape, .doc = "The newest ten of them"),
};
static const struct shape count_shape = SHAPE("expression_count", struct count_out, count_fields);
static const struct field explain_in_fields[] = {
    FIELD(struct explain_in, id, .in_path = true),
    FIELD(struct explain_in, text, .required = true, .max_len = EXPR_TEXT_MAX, .doc = "The condition as text"),
};
static const struct shape explain_in_shape = SHAPE("expression_explain_in", struct explain_in, explain_in_fields);
static const struct field choice_fields[] = {FIELD(struct choice_out, code)};
static const struct shape choice_shape = SHAPE("attribute_choice", struct choice_out, choice_fields);
static const struct field attribute_fields[] = {
    FIELD(struct attribute_out, name),
    FIELD(struct attribute_out, label),
    FIELD(struct attribute_out, type, .doc = "yes_no, number, money, time, day, text or choice"),
    FIELD(struct attribute_out, cost, .doc = "column, record or scan: what a look at it costs"),
    FIELD(struct attribute_out, several, .doc = "A customer may have several values"),
    FIELD(struct attribute_out, maybe_unknown, .doc = "It may be not known of a customer"),
    FIELD(struct attribute_out, group, .omit_empty = true, .doc = "record, reach, marks, contacts, money or own: its heading"),
    FIELD(struct attribute_out, days, .omit_empty = true, .doc = "It counts so many days, today included"),
    FIELD_LIST(struct attribute_out, choices, &choice_shape, .omit_empty = true, .doc = "Codes of a choice; of a text: values that are offered"),
    FIELD(struct attribute_out, choice_label, .omit_empty = true, .doc = "The interface's words for them begin with it"),
    FIELD(struct attribute_out, offers, .omit_empty = true, .doc = "Other values to offer: country, language, colleague or tag"),
};
static const struct shape attribute_shape = SHAPE("attribute_of_rules", struct attribute_out, attribute_fields);
static const struct field list_fields[] = {
    FIELD(struct list_out, name),
    FIELD(struct list_out, label),
    FIELD(struct list_out, has_time, .doc = "within, since and before may follow"),
    FIELD_LIST(struct list_out, fields, &attribute_shape),
};
static const struct shape list_shape = SHAPE("list_of_rules", struct list_out, list_fields);
static const struct field attributes_fields[] = {
    FIELD_LIST(struct attributes_out, items, &attribute_shape),
    FIELD_LIST(struct attributes_out, lists, &list_shape),
};
static const struct shape attributes_shape = SHAPE("attributes_of_rules", struct attributes_out, attributes_fields);
static const struct field ref_row_fields[] = {
    FIELD(struct customer_ref, id), FIELD(struct customer_ref, name),
};
static const struct shape customer_ref_row_shape = SHAPE("customer_ref_row", struct customer_ref, ref_row_fields);
static const struct field id_fields[] = {FIELD_AS(struct number_row, n, "customer_id")};
static const struct shape chosen_shape = SHAPE("segment_chosen", struct number_row, id_fields);
/* clang-format on */

/* ---- choosing ---------------------------------------------------------------------------- */

/* Of several conditions most customers are looked at anyway: a scan of the narrow table is quicker than an index and a row
 * at a random place for each of its entries, which SQLite would choose. */
static const char *standing_of(struct cx *cx, const struct expr_plan *p, const struct made_text *m)
{
    struct expr_top tops[2];
    bool is_one = expr_tops(cx, p, tops, 2) == 1 && tops[0].how != TOP_OTHER;
    return m->is_postgres || is_one ? " FROM standing s" : " FROM standing s NOT INDEXED";
}

typedef void writes(const struct expr_plan *p, struct made_text *m);

/* Of everybody, or of these. */
static void from_where(struct cx *cx, const struct expr_plan *p, writes *condition,
                       const struct val *whom, struct made_text *m)
{
    made_sql(m, whom ? " FROM standing s" : standing_of(cx, p, m));
    made_sql(m, expr_needs_customer(p) ? " JOIN customer c ON c.id = s.customer_id WHERE "
                                       : " WHERE ");
    if (whom) {
        made_sql(m, "s.customer_id IN ");
        made_val(m, *whom);
        made_sql(m, " AND ");
    }
    condition(p, m);
}

static enum err count_by(struct cx *cx, const struct expr_plan *p, writes *condition,
                         const struct val *whom, int64_t *n)
{
    struct made_text m = made_begin(cx);
    const struct query *q = NULL;
    made_sql(&m, "SELECT count(*)");
    from_where(cx, p, condition, whom, &m);
    TRY(made_query(cx, &m, "segment_count", &q));
    return db_int(cx, q, n, made_args(&m));
}

/* Everybody by the rows that are his own; records that others were merged into are taken out again and asked as a whole. */
enum err segment_count(struct cx *cx, const struct expr_plan *p, int64_t *n)
{
    enum { PAGE = 2000 };
    struct list roots = {0};
    int64_t after = 0, own = 0, whole = 0;
    TRY(count_by(cx, p, expr_sql_own, NULL, n));
    do {
        TRY(db_all(cx, &q_segment_merged, &number_row_shape, &roots, ARGS(V(after), V(PAGE))));
        if (roots.n == 0)
            return OK;
        struct val whom = val_ints(roots.items, roots.n);
        TRY(count_by(cx, p, expr_sql_own, &whom, &own));
        TRY(count_by(cx, p, expr_sql, &whom, &whole));
        *n += whole - own;
        after = ((const struct number_row *)roots.items)[roots.n - 1].n;
    } while (roots.n == PAGE);
    return OK;
}

enum err segment_newest(struct cx *cx, const struct expr_plan *p, int64_t most, struct list *out)
{
    struct made_text m = made_begin(cx);
    const struct query *q = NULL;
    struct list ids = {0};
    made_sql(&m, "SELECT s.customer_id");
    from_where(cx, p, expr_sql_all, NULL, &m);
    made_sql(&m, " ORDER BY s.customer_id DESC LIMIT ");
    made_val(&m, V(most));
    TRY(made_query(cx, &m, "segment_newest", &q));
    TRY(db_all(cx, q, &chosen_shape, &ids, made_args(&m)));
    *out = (struct list){0};
    if (ids.n == 0)
        return OK;
    TRY(db_all(cx, &q_segment_names, &customer_ref_row_shape, out,
               ARGS(val_ints(ids.items, ids.n))));
    for (size_t i = 0; i < out->n; i++) {
        struct customer_ref *c = (struct customer_ref *)out->items + i;
        c->name_lang = script_lang(c->name);
    }
    return OK;
}

/* ---- routes -------------------------------------------------------------------------------- */

static enum err read_either(struct cx *cx, const struct text_in *a, struct expr **e,
                            struct expr_trouble *why)
{
    if (a->tree.len && !str_eq(a->tree, S("null")))
        return expr_read_tree(cx, a->tree, e, why);
    return expr_parse(cx, a->text, e, why);
}

/* What is wrong with the condition is the answer, not a fault of the request. */
static enum err route_check(struct cx *cx, void *in, void *out)
{
    const struct text_in *a = in;
    struct check_out *o = out;
    struct expr_world world = settings_world(cx);
    struct expr_trouble why = {0};
    struct expr *e = NULL;
    enum err x = read_either(cx, a, &e, &why);
    if (x == OK)
        x = expr_check(cx, &world, a->tree.len ? S("") : a->text, e, &why);
    if (x != OK && x != ERR_INVALID)
        return x;
    o->ok = x == OK;
    if (x != OK) {
        o->error = (struct error_out){(int64_t)why.at, fault_text(cx->arena, cx->lang, &cx->why),
                                      why.nearest};
        cx->why = (struct fault){0};
    }
    if (e) {
        o->text = expr_text(cx->arena, e);
        o->tree = expr_tree(cx->arena, e);
    }
    return OK;
}

static enum err plan_either(struct cx *cx, const struct text_in *a, struct expr_plan **p)
{
    struct expr_world world = settings_world(cx);
    struct expr *e = NULL;
    enum err x = read_either(cx, a, &e, NULL);
    if (x == OK)
        x = expr_check(cx, &world, a->tree.len ? S("") : a->text, e, NULL);
    if (x != OK)
        return fault_at(cx, x, a->tree.len ? S("tree") : S("text"));
    return expr_plan(cx, &world, e, p);
}

static enum err route_count(struct cx *cx, void *in, void *out)
{
    struct count_out *o = out;
    struct expr_plan *p = NULL;
    TRY(plan_either(cx, in, &p));
    TRY(segment_count(cx, p, &o->count));
    return o->count ? segment_newest(cx, p, SAMPLE, &o->sample) : OK;
}

static enum err route_explain(struct cx *cx, void *in, void *out)
{
    const struct explain_in *a = in;
    const struct text_in text = {.text = a->text};
    struct expr_plan *p = NULL;
    struct expr_subject s = {0};
    customer_id root = {0};
    struct list ids = {0};
    TRY(customer_root(cx, a->id, &root, &ids));
    TRY(plan_either(cx, &text, &p));
    TRY(expr_load(cx, p, root.v, &s));
    audit_view(cx, root.v);
    return expr_trace(cx, p, &s, out);
}

/* ---- the catalogue in the reader's language --------------------------------------------------- */

static struct attribute_out attribute_of(struct cx *cx, const struct expr_attr *attr)
{
    const struct expr_attr *v = expr_attr_value(attr);
    struct msg_arg days = MNUM("days", attr->days);
    size_t n = v->n_choices + attr->values.n;
    struct choice_out *choices = ARENA_ARRAY(cx->arena, n + 1, struct choice_out);
    for (size_t i = 0; i < n; i++)
        choices[i].code =
            i < v->n_choices ? str_of(v->choices[i]) : attr->values.items[i - v->n_choices];
    return (struct attribute_out){
        .name = str_of(attr->name),
        .label =
            attr->title.len ? attr->title : msg_text(cx->arena, cx->lang, attr->label, &days, 1),
        .type = str_of(expr_type_codes[v->type]),
        .cost = str_of(expr_cost_codes[attr->cost]),
        .several = attr->of != NULL,
        .maybe_unknown = attr->of != NULL || v->unknown != EXPR_NEVER,
        .group = str_of(attr->group ? attr->group : ""),
        .choice_label = str_of(v->choice_label ? v->choice_label : ""),
        .offers = str_of(attr->offers ? attr->offers : ""),
        .days = attr->days,
        .choices = {choices, n},
    };
}

static struct list attributes_of(struct cx *cx, const struct expr_attr *attrs, size_t n)
{
    struct attribute_out *v = ARENA_ARRAY(cx->arena, n + 1, struct attribute_out);
    size_t shown = 0;
    for (size_t i = 0; i < n; i++)
        if (expr_may_use(cx, attrs[i].may))
            v[shown++] = attribute_of(cx, &attrs[i]);
    return (struct list){v, shown};
}

static struct list_out list_of(struct cx *cx, const struct expr_collection *l)
{
    return (struct list_out){
        .name = str_of(l->name),
        .label = msg_text(cx->arena, cx->lang, l->label, NULL, 0),
        .has_time = l->time_sql != NULL,
        .fields = attributes_of(cx, l->fields, l->n),
    };
}

static void join(struct arena *a, struct list *to, struct list more)
{
    struct attribute_out *v = ARENA_ARRAY(a, to->n + more.n + 1, struct attribute_out);
    if (to->n)
        memcpy(v, to->items, to->n * sizeof *v);
    if (more.n)
        memcpy(v + to->n, more.items, more.n * sizeof *v);
    *to = (struct list){v, to->n + more.n};
}

static enum err route_attributes(struct cx *cx, void *in, void *out)
{
    (void)in;
    struct attributes_out *o = out;
    const struct expr_catalogue *c = &house_catalogue;
    struct expr_table more = {0};
    size_t n_lists = 0;
    if (c->more)
        TRY(c->more(cx, &more));
    for (size_t i = 0; i < c->n; i++) {
        join(cx->arena, &o->items, attributes_of(cx, c->tables[i]->attrs, c->tables[i]->n));
        n_lists += c->tables[i]->n_collections;
    }
    join(cx->arena, &o->items, attributes_of(cx, more.attrs, more.n));
    struct list_out *lists = ARENA_ARRAY(cx->arena, n_lists + 1, struct list_out);
    for (size_t i = 0; i < c->n; i++)
        for (size_t k = 0; k < c->tables[i]->n_collections; k++)
            if (expr_may_use(cx, c->tables[i]->collections[k]->may))
                lists[o->lists.n++] = list_of(cx, c->tables[i]->collections[k]);
    o->lists.items = lists;
    return OK;
}

enum { MAY_SHAPE = MAY_LEAD | MAY(ROLE_MARKETER) };
/* clang-format off */
static const struct route routes[] = {
    {.method = HTTP_GET, .path = "/api/v1/attributes", .may = MAY_SEE_CUSTOMERS, .read = route_attributes, .out = &attributes_shape,
     .summary = "What conditions may ask of a customer"},
    {.method = HTTP_POST, .path = "/api/v1/expressions/check", .may = MAY_SEE_CUSTOMERS, .scope = SCOPE_READ, .read = route_check,
     .in = &text_in_shape, .out = &check_shape, .body_limit = 1 << 19, .summary = "Is a condition right; as text and as tree"},
    {.method = HTTP_POST, .path = "/api/v1/expressions/count", .may = MAY_SEE_CUSTOMERS, .scope = SCOPE_READ, .read = route_count,
     .in = &text_in_shape, .out = &count_shape, .body_limit = 1 << 19, .is_heavy = true, .summary = "How many customers a condition chooses, and ten of them"},
    {.method = HTTP_GET, .path = "/api/v1/customers/{id}/explain", .may = MAY_SEE_CUSTOMERS, .read = route_explain, .in = &explain_in_shape,
     .out = &expr_trace_shape, .summary = "Why a condition chooses a customer, or not: what each part of it saw"},
    {.method = HTTP_GET, .path = "/api/v1/segments", .may = MAY_SEE_CUSTOMERS, .read = segments_route, .out = &segments_shape,
     .summary = "Segments with their counts"},
    {.method = HTTP_POST, .path = "/api/v1/segments", .may = MAY_SHAPE, .plan = segment_add_plan, .apply = segment_add_apply,
     .replay = segment_again, .in = &segment_in_shape, .out = &segment_out_shape, .status = 201, .summary = "Name a condition"},
    {.method = HTTP_GET, .path = "/api/v1/segments/{id}", .may = MAY_SEE_CUSTOMERS, .read = segment_route, .in = &segment_by_id_shape,
     .out = &segment_one_shape, .is_heavy = true, .summary = "A segment, counted now, and ten of its members"},
    {.method = HTTP_GET, .path = "/api/v1/segments/{id}/members", .may = MAY_SEE_CUSTOMERS, .read = members_route, .in = &members_in_shape,
     .out = &members_shape, .summary = "Who is in a segment and since when, newest customers first"},
    {.method = HTTP_PATCH, .path = "/api/v1/segments/{id}", .may = MAY_SHAPE, .plan = segment_patch_plan, .apply = segment_patch_apply,
     .replay = segment_again, .in = &segment_patch_shape, .out = &segment_out_shape, .summary = "Change a segment"},
    {.method = HTTP_POST, .path = "/api/v1/segments/{id}/fill", .may = MAY_SHAPE, .apply = segment_fill_apply, .replay = segment_again,
     .in = &segment_by_id_shape, .out = &segment_out_shape, .status = 202, .summary = "Look at everybody anew: after a failure, or when in doubt"},
    {.method = HTTP_DELETE, .path = "/api/v1/segments/{id}", .may = MAY_SHAPE, .plan = segment_delete_plan, .apply = segment_delete_apply,
     .in = &segment_by_id_shape, .summary = "Take a segment away that no other leans on"},
};
/* clang-format on */
const struct room segment_room = ROOM("segment", routes);
