/* rooms/list/view.c - saved views: a filter, an order and columns under a name, own or for everybody.
 */
#include "messages.h"
#include "queries.h"
#include "rooms/list/filter.h"

enum { VIEWS_MAX = 100, VIEW_COLUMNS_MAX = 60, WIDTH_MIN = 48, WIDTH_MAX = 800 };

struct view_column {
    str name;
    int64_t width;
};
struct view {
    view_id id; /* 0: one of the house */
    str code, name;
    bool is_shared, is_own, may_change;
    str where, q, sort;
    struct list columns;
    int64_t version;
};
/* clang-format off */
static const struct field view_column_fields[] = {
    FIELD(struct view_column, name, .required = true, .max_len = 80),
    FIELD(struct view_column, width, .min = 0, .max = WIDTH_MAX, .doc = "Pixels; 0: as the column begins"),
};
static const struct shape view_column_shape = SHAPE("view_column", struct view_column, view_column_fields);

static const struct field view_fields[] = {
    FIELD(struct view, id, .nullable = true, .doc = "null: a view of the house, which has a code"),
    FIELD(struct view, code),
    FIELD(struct view, name),
    FIELD(struct view, is_shared, .doc = "Everybody sees it"),
    FIELD(struct view, is_own),
    FIELD(struct view, may_change),
    FIELD(struct view, where),
    FIELD(struct view, q),
    FIELD(struct view, sort),
    FIELD_LIST(struct view, columns, &view_column_shape, .doc = "In their order; none: the usual ones"),
    FIELD(struct view, version),
};
const struct shape view_shape = SHAPE("view", struct view, view_fields);

/* As stored: columns are "name:width name:width". */
struct view_row {
    view_id id;
    str name;
    staff_id maker;
    bool is_shared;
    str filter, q, sort, columns;
    int64_t version;
};
static const struct field view_row_fields[] = {
    FIELD(struct view_row, id),
    FIELD(struct view_row, name),
    FIELD_AS(struct view_row, maker, "staff_id", .nullable = true),
    FIELD(struct view_row, is_shared),
    FIELD(struct view_row, filter),
    FIELD(struct view_row, q),
    FIELD(struct view_row, sort),
    FIELD(struct view_row, columns),
    FIELD(struct view_row, version),
};
static const struct shape view_row_shape = SHAPE("view_row", struct view_row, view_row_fields);

struct views_out { struct list items; };
static const struct field views_fields[] = {
    FIELD_LIST(struct views_out, items, &view_shape),
};
const struct shape views_shape = SHAPE("views", struct views_out, views_fields);

/* Those that the house brings; the interface has a name for each code. */
static const struct { const char *code, *where, *sort; } of_house[] = {
    {"all", "", "-last_contact_at"},
    {"mine", "", "-last_contact_at"}, /* the owner's name comes at the request */
    {"vip", "vip", "-spent"},
    {"cooling", "activity = cooling", "-activity_since"},
    {"new", "days_since(created_at) < 7", "-created_at"},
    {"companies", "kind = company", "name"},
};
/* clang-format on */

/* ---- columns as text ----------------------------------------------------------------------------- */

static str columns_text(struct cx *cx, const struct list *l)
{
    struct text t = text_in(cx->arena, 8192);
    const struct view_column *c = l->items;
    for (size_t i = 0; i < l->n; i++)
        text_printf(&t, "%s" SFMT ":%lld", i ? " " : "", SARG(c[i].name), (long long)c[i].width);
    return text_str(&t);
}

static struct list columns_list(struct cx *cx, str text)
{
    struct view_column *c = ARENA_ARRAY(cx->arena, VIEW_COLUMNS_MAX, struct view_column);
    size_t n = 0;
    while (text.len && n < VIEW_COLUMNS_MAX) {
        str one = str_cut(&text, ' ');
        c[n].name = str_cut(&one, ':');
        if (!str_to_int(one, &c[n].width))
            c[n].width = 0;
        n++;
    }
    return (struct list){c, n};
}

/* ---- reading --------------------------------------------------------------------------------------- */

static bool is_lead(const struct cx *cx)
{
    return (MAY(cx->actor.role) & MAY_LEAD) != 0;
}

/* Own ones, and those that leads keep for everybody. */
static bool may_change(const struct cx *cx, const struct view_row *r)
{
    bool is_own = cx->actor.kind == ACTOR_STAFF && r->maker.v == cx->actor.id;
    return is_own || (r->is_shared && is_lead(cx));
}

static void view_of(struct cx *cx, const struct view_row *r, struct view *out)
{
    *out = (struct view){
        .id = r->id,
        .name = r->name,
        .is_shared = r->is_shared,
        .is_own = cx->actor.kind == ACTOR_STAFF && r->maker.v == cx->actor.id,
        .may_change = may_change(cx, r),
        .where = r->filter,
        .q = r->q,
        .sort = r->sort,
        .columns = columns_list(cx, r->columns),
        .version = r->version,
    };
}

static int64_t own_id(const struct cx *cx)
{
    return cx->actor.kind == ACTOR_STAFF ? cx->actor.id : 0;
}

/* A text of an expression. */
static str quoted(struct cx *cx, str s)
{
    struct text t = text_in(cx->arena, 4 * s.len + 8);
    text_add_char(&t, '"');
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '"' || s.ptr[i] == '\\')
            text_add_char(&t, '\\');
        text_add_char(&t, s.ptr[i]);
    }
    text_add_char(&t, '"');
    return text_str(&t);
}

enum err views_route(struct cx *cx, void *in, void *out)
{
    (void)in;
    struct views_out *v = out;
    struct list rows;
    TRY(db_all(cx, &q_view_list, &view_row_shape, &rows, ARGS(V(own_id(cx)))));
    struct view *items = ARENA_ARRAY(cx->arena, rows.n + COUNT(of_house), struct view);
    for (size_t i = 0; i < COUNT(of_house); i++)
        items[i] = (struct view){.code = str_of(of_house[i].code),
                                 .is_shared = true,
                                 .where = str_of(of_house[i].where),
                                 .sort = str_of(of_house[i].sort)};
    items[1].where = arena_printf(cx->arena, "owner = " SFMT, SARG(quoted(cx, cx->actor.name)));
    for (size_t i = 0; i < rows.n; i++)
        view_of(cx, (const struct view_row *)rows.items + i, &items[COUNT(of_house) + i]);
    v->items = (struct list){items, rows.n + COUNT(of_house)};
    return OK;
}

/* One that the actor may see; ERR_NOT_FOUND for the others too. */
static enum err view_row(struct cx *cx, view_id id, struct view_row *r)
{
    enum err e = db_one(cx, &q_view_get, &view_row_shape, r, ARGS(V(id)));
    if (e == ERR_NOT_FOUND || (e == OK && !r->is_shared && r->maker.v != own_id(cx)))
        return fault(cx, ERR_NOT_FOUND, M_VIEW_UNKNOWN);
    return e;
}

/* ---- who leans on an attribute --------------------------------------------------------------------- */

struct view_user {
    str name;
    bool is_shared;
    str filter, sort, columns, maker;
};
static const struct field view_user_fields[] = {
    FIELD(struct view_user, name),    FIELD(struct view_user, is_shared),
    FIELD(struct view_user, filter),  FIELD(struct view_user, sort),
    FIELD(struct view_user, columns), FIELD_AS(struct view_user, maker, "name", .nullable = true),
};
static const struct shape view_user_shape = SHAPE("view_user", struct view_user, view_user_fields);

static bool leans_on(struct cx *cx, const struct view_user *v, str attribute)
{
    struct expr *e = NULL;
    struct list columns = columns_list(cx, v->columns);
    const struct view_column *c = columns.items;
    bool is_named = str_eq(v->sort, attribute) ||
                    (v->sort.len && str_eq((str){v->sort.ptr + 1, v->sort.len - 1}, attribute));
    for (size_t i = 0; i < columns.n; i++)
        is_named |= str_eq(c[i].name, attribute);
    return is_named ||
           (v->filter.len && expr_parse(cx, v->filter, &e, NULL) == OK && expr_names(e, attribute));
}

enum err view_users(struct cx *cx, str attribute, struct list *out)
{
    struct list l = {0};
    TRY(db_all(cx, &q_view_naming, &view_user_shape, &l,
               ARGS(V(arena_printf(cx->arena, "%%" SFMT "%%", SARG(attribute))))));
    const struct view_user *v = l.items;
    struct expr_user *users = ARENA_ARRAY(cx->arena, l.n + 1, struct expr_user);
    size_t n = 0;
    for (size_t i = 0; i < l.n; i++) {
        const struct msg_arg args[] = {MARG("name", v[i].name), MARG("of", v[i].maker)};
        bool is_of_all = v[i].is_shared || !v[i].maker.len;
        if (leans_on(cx, &v[i], attribute))
            users[n++].who =
                msg_text(cx->arena, cx->lang, is_of_all ? M_VIEW_USES_SHARED : M_VIEW_USES, args,
                         is_of_all ? 1 : 2);
    }
    cx->why = (struct fault){0};
    *out = (struct list){users, n};
    return OK;
}

/* ---- writing ------------------------------------------------------------------------------------- */

struct view_in {
    view_id id; /* PATCH, DELETE: of the path; POST: made by plan */
    str name;
    bool is_shared;
    str where, q, sort;
    struct list columns;
    struct view_row row; /* between plan and apply */
};
/* clang-format off */
#define VIEW_IN                                                                                    \
    FIELD(struct view_in, is_shared, .doc = "For everybody; managers only"),                          \
    FIELD(struct view_in, where, .max_len = EXPR_TEXT_MAX, .multiline = true),                        \
    FIELD(struct view_in, q),                                                                         \
    FIELD(struct view_in, sort, .max_len = 60),                                                       \
    FIELD_LIST(struct view_in, columns, &view_column_shape, .max_len = VIEW_COLUMNS_MAX)
static const struct field view_new_fields[] = {
    FIELD(struct view_in, name, .required = true, .max_len = 60),
    VIEW_IN,
};
const struct shape view_new_shape = SHAPE("view_in", struct view_in, view_new_fields);
enum { SENT_ID, SENT_NAME, SENT_SHARED, SENT_WHERE, SENT_Q, SENT_SORT, SENT_COLUMNS };
static const struct field view_patch_fields[] = {
    FIELD(struct view_in, id, .in_path = true),
    FIELD(struct view_in, name, .max_len = 60),
    VIEW_IN,
};
const struct shape view_patch_shape = SHAPE("view_patch", struct view_in, view_patch_fields);
static const struct field view_gone_fields[] = {FIELD(struct view_in, id, .in_path = true)};
const struct shape view_gone_shape = SHAPE("view_gone", struct view_in, view_gone_fields);
/* clang-format on */

/* A view that its own list would refuse is not kept. */
static enum err check(struct cx *cx, const struct view_in *in)
{
    const struct filter *f;
    struct sorting s;
    struct column_set all;
    TRY(filter_read(cx, in->where, &f));
    if (in->sort.len)
        TRY(sorting_read(cx, in->sort, &s));
    TRY(columns_all(cx, &all));
    const struct view_column *c = in->columns.items;
    for (size_t i = 0; i < in->columns.n; i++) {
        str at = arena_printf(cx->arena, "columns[%zu].name", i);
        if (!column_find(&all, c[i].name))
            return fault_at(cx,
                            fault(cx, ERR_INVALID, M_LIST_COLUMN_UNKNOWN,
                                  MARG("name", str_clean(cx->arena, c[i].name, 60))),
                            at);
        if (c[i].width && c[i].width < WIDTH_MIN)
            return fault_field(cx, ERR_INVALID, arena_printf(cx->arena, "columns[%zu].width", i),
                               M_VIEW_WIDTH);
    }
    if (in->is_shared && !is_lead(cx))
        return fault_field(cx, ERR_DENIED, S("is_shared"), M_VIEW_SHARE);
    return OK;
}

enum err view_new_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct view_in *v = in;
    v->name = str_trim(v->name);
    if (!v->name.len)
        return fault_field(cx, ERR_INVALID, S("name"), M_VIEW_NAME);
    TRY(check(cx, v));
    int64_t n;
    TRY(db_int(cx, &q_view_count, &n, ARGS(V(own_id(cx)))));
    if (n >= VIEWS_MAX)
        return fault(cx, ERR_CONFLICT, M_VIEW_MANY, MNUM("n", VIEWS_MAX));
    v->row = (struct view_row){
        .id = {id_new(cx->now_ms)},
        .name = v->name,
        .maker = {own_id(cx)},
        .is_shared = v->is_shared,
        .filter = v->where,
        .q = v->q,
        .sort = v->sort,
        .columns = columns_text(cx, &v->columns),
        .version = 1,
    };
    return OK;
}

enum err view_new_apply(struct cx *cx, void *in, void *out)
{
    const struct view_row *r = &((struct view_in *)in)->row;
    TRY(db_run(cx, &q_view_insert,
               ARGS(V(r->id), V(r->name), V(r->maker), V(r->is_shared), V(r->filter), V(r->q),
                    V(r->sort), V(r->columns), V(cx->now_ms))));
    TRY(audit_add(cx, "view.add", 0, r->id.v, r->is_shared ? S("shared") : S("own")));
    cx->made_id = r->id.v;
    view_of(cx, r, out);
    return OK;
}

enum err view_again(struct cx *cx, int64_t id, void *out)
{
    struct view_row r;
    TRY(view_row(cx, (view_id){id}, &r));
    view_of(cx, &r, out);
    return OK;
}

static enum err to_change(struct cx *cx, view_id id, struct view_row *r)
{
    TRY(view_row(cx, id, r));
    if (!may_change(cx, r))
        return fault(cx, ERR_DENIED, M_VIEW_NOT_YOURS);
    return cx->if_match >= 0 && cx->if_match != r->version ? fault(cx, ERR_STALE, M_RECORD_MOVED)
                                                           : OK;
}

enum err view_patch_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct view_in *v = in;
    struct view_row *r = &v->row;
    uint64_t sent = cx->sent;
    TRY(to_change(cx, v->id, r));
    v->name = str_trim(v->name);
    if ((sent >> SENT_NAME & 1) && !v->name.len)
        return fault_field(cx, ERR_INVALID, S("name"), M_VIEW_NAME);
    TRY(check(cx, v));
    if (sent >> SENT_NAME & 1)
        r->name = v->name;
    if (sent >> SENT_SHARED & 1)
        r->is_shared = v->is_shared;
    if (sent >> SENT_WHERE & 1)
        r->filter = v->where;
    if (sent >> SENT_Q & 1)
        r->q = v->q;
    if (sent >> SENT_SORT & 1)
        r->sort = v->sort;
    if (sent >> SENT_COLUMNS & 1)
        r->columns = columns_text(cx, &v->columns);
    return OK;
}

enum err view_patch_apply(struct cx *cx, void *in, void *out)
{
    struct view_row *r = &((struct view_in *)in)->row;
    int64_t changed;
    TRY(db_run_count(cx, &q_view_update, &changed,
                     ARGS(V(r->name), V(r->is_shared), V(r->filter), V(r->q), V(r->sort),
                          V(r->columns), V(r->id), V(r->version))));
    if (!changed)
        return fault(cx, ERR_STALE, M_RECORD_MOVED);
    r->version++;
    TRY(audit_add(cx, "view.change", 0, r->id.v, S("")));
    cx->made_id = r->id.v;
    view_of(cx, r, out);
    return OK;
}

enum err view_gone_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct view_in *v = in;
    return to_change(cx, v->id, &v->row);
}

enum err view_gone_apply(struct cx *cx, void *in, void *out)
{
    (void)out;
    const struct view_in *v = in;
    TRY(db_run(cx, &q_view_delete, ARGS(V(v->id))));
    return audit_add(cx, "view.remove", 0, v->id.v, S(""));
}
