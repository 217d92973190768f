/* rooms/list/row.c - the rows of a page: only the columns asked for are read and written. */
#include "messages.h"
#include "queries.h"
#include "rooms/list/filter.h"

enum { HEAD = 3 }; /* before the columns: id, name, language */

/* What a column reads into; which member, its kind says. */
struct cell {
    int64_t number;
    str text;
};
struct tag_row {
    int64_t customer;
    str name;
};
struct value_row {
    int64_t customer, attr;
    struct attr_row row;
};
/* clang-format off */
static const struct field list_tag_fields[] = {
    FIELD_AS(struct tag_row, customer, "root_id"),
    FIELD(struct tag_row, name),
};
static const struct shape list_tag_shape = SHAPE("list_tag", struct tag_row, list_tag_fields);
static const struct field value_row_fields[] = {
    FIELD_AS(struct value_row, customer, "root_id"),
    FIELD_AS(struct value_row, attr, "attr_id"),
    FIELD_AS(struct value_row, row.num, "num"),
    FIELD_AS(struct value_row, row.text, "text"),
    FIELD_AS(struct value_row, row.folded, "folded"),
};
static const struct shape list_value_shape = SHAPE("list_value", struct value_row, value_row_fields);
/* clang-format on */

static bool is_number(const struct column *c)
{
    return c->kind == COLUMN_NUMBER || c->kind == COLUMN_MONEY || c->kind == COLUMN_TIME ||
           c->kind == COLUMN_YES_NO;
}

/* One field of a row made of cells. */
static void add_field(struct field *fields, size_t *n, bool number)
{
    size_t at = *n * sizeof(struct cell);
    fields[(*n)++] = (struct field){
        .name = "cell",
        .type = number ? F_INT : F_STR,
        .offset =
            (uint16_t)(at + (number ? offsetof(struct cell, number) : offsetof(struct cell, text))),
        .size = number ? sizeof(int64_t) : sizeof(str),
        .nullable = true,
    };
}

struct page_rows {
    const struct column_set *columns;
    const struct cell *cells; /* n rows of `width` */
    size_t width;
    struct list tags, values;
    currency base;
};

static enum err read_rows(struct cx *cx, const struct column_set *columns, const int64_t *ids,
                          size_t n, struct page_rows *out)
{
    struct made_text m = made_begin(cx);
    struct field *fields = ARENA_ARRAY(cx->arena, 2 * columns->n + HEAD, struct field);
    size_t n_fields = 0;
    bool has_tags = false;
    int64_t *attrs = ARENA_ARRAY(cx->arena, columns->n + 1, int64_t);
    size_t n_attrs = 0;
    add_field(fields, &n_fields, true);
    add_field(fields, &n_fields, false);
    add_field(fields, &n_fields, false);
    made_sql(&m, "SELECT c.id, c.name, c.lang");
    for (size_t i = 0; i < columns->n; i++) {
        const struct column *c = columns->at[i];
        has_tags = has_tags || c->kind == COLUMN_TAGS;
        if (c->attr)
            attrs[n_attrs++] = c->attr->id.v;
        if (!c->sql)
            continue;
        made_sql(&m, ", ");
        made_sql(&m, c->sql);
        add_field(fields, &n_fields, is_number(c) || c->kind == COLUMN_STAFF);
        if (c->kind == COLUMN_STAFF)
            add_field(fields, &n_fields, false);
    }
    made_sql(&m, " FROM customer c JOIN standing s ON s.customer_id = c.id"
                 " LEFT JOIN staff o ON o.id = c.owner_id WHERE c.id IN ");
    made_val(&m, val_ints(ids, n));
    made_sql(&m, " LIMIT 200");

    struct shape *shape = ARENA_NEW(cx->arena, struct shape);
    *shape = (struct shape){"list_row", n_fields * sizeof(struct cell), fields, n_fields};
    struct list rows;
    struct db_read reads[3] = {{.shape = shape, .out = &rows, .args = made_args(&m)}};
    size_t n_reads = 1;
    TRY(made_query(cx, &m, "customer_rows", &reads[0].q));
    struct args of_ids = ARGS(val_ints(ids, n));
    struct args of_attrs = ARGS(val_ints(ids, n), val_ints(attrs, n_attrs));
    if (has_tags)
        reads[n_reads++] = (struct db_read){
            .q = &q_list_tags, .shape = &list_tag_shape, .out = &out->tags, .args = of_ids};
    if (n_attrs)
        reads[n_reads++] = (struct db_read){
            .q = &q_list_values, .shape = &list_value_shape, .out = &out->values, .args = of_attrs};
    TRY(db_batch(cx, reads, n_reads));

    /* in the order of the ids; one that went meanwhile is left out */
    struct cell *sorted = ARENA_ARRAY(cx->arena, n * n_fields + 1, struct cell);
    const struct cell *cells = rows.items;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < rows.n; k++)
            if (cells[k * n_fields].number == ids[i])
                memcpy(sorted + i * n_fields, cells + k * n_fields, n_fields * sizeof *cells);
    out->columns = columns;
    out->cells = sorted;
    out->width = n_fields;
    return OK;
}

/* ---- JSON -------------------------------------------------------------------------------------- */

static void write_money(struct json_out *j, int64_t amount, currency c)
{
    json_object_begin(j);
    json_key(j, S("amount"));
    json_int(j, amount);
    json_key(j, S("currency"));
    json_str(j, str_of(c.code));
    json_object_end(j);
}

static void write_staff(struct cx *cx, struct json_out *j, const struct cell *c)
{
    if (!c[0].number) {
        json_null(j);
        return;
    }
    json_object_begin(j);
    json_key(j, S("id"));
    json_str(j, id_text(cx->arena, "stf", c[0].number));
    json_key(j, S("name"));
    json_str(j, c[1].text);
    json_object_end(j);
}

static void write_tags(struct json_out *j, const struct list *tags, int64_t customer)
{
    const struct tag_row *t = tags->items;
    str before = {0};
    json_array_begin(j);
    for (size_t i = 0; i < tags->n; i++) {
        if (t[i].customer != customer || (before.ptr && str_eq(before, t[i].name)))
            continue;
        json_str(j, t[i].name);
        before = t[i].name;
    }
    json_array_end(j);
}

/* As the record writes it. */
static void write_attribute(struct cx *cx, struct json_out *j, const struct attr_def *d,
                            const struct list *values, int64_t customer)
{
    const struct value_row *v = values->items;
    struct attr_value *value = ARENA_NEW(cx->arena, struct attr_value);
    for (size_t i = 0; i < values->n && value->n < ATTR_CHOICES_MAX; i++)
        if (v[i].customer == customer && v[i].attr == d->id.v)
            value->row[value->n++] = v[i].row;
    json_raw(j, attr_value_json(cx->arena, d, value));
}

/* The column's own cells begin at `at`; tells how many they are. */
static size_t write_column(struct cx *cx, struct json_out *j, const struct page_rows *p,
                           const struct column *c, const struct cell *at, int64_t customer)
{
    json_key(j, str_of(c->name));
    switch (c->kind) {
    case COLUMN_NUMBER:
        json_int(j, at->number);
        return 1;
    case COLUMN_MONEY:
        write_money(j, at->number, p->base);
        return 1;
    case COLUMN_TIME:
        if (at->number)
            json_str(j, when_text(cx->arena, (when){at->number}));
        else
            json_null(j);
        return 1;
    case COLUMN_YES_NO:
        json_bool(j, at->number != 0);
        return 1;
    case COLUMN_STAFF:
        write_staff(cx, j, at);
        return 2;
    case COLUMN_TAGS:
        write_tags(j, &p->tags, customer);
        return 0;
    case COLUMN_ATTRIBUTE:
        write_attribute(cx, j, c->attr, &p->values, customer);
        return 0;
    default:
        json_str(j, at->text);
        return 1;
    }
}

enum err rows_json(struct cx *cx, const struct column_set *columns, const int64_t *ids, size_t n,
                   str *out)
{
    struct text t = text_in(cx->arena, (size_t)16 << 20);
    struct json_out j = {.to = &t};
    struct page_rows p = {.base = settings_current(cx)->base_currency};
    if (n)
        TRY(read_rows(cx, columns, ids, n, &p));
    json_array_begin(&j);
    for (size_t i = 0; i < n; i++) {
        const struct cell *row = p.cells + i * p.width, *at = row + HEAD;
        if (row[0].number != ids[i])
            continue;
        json_object_begin(&j);
        json_key(&j, S("id"));
        json_str(&j, id_text(cx->arena, "cus", ids[i]));
        json_key(&j, S("name_lang"));
        json_str(&j, customer_name_lang(row[1].text, row[2].text));
        for (size_t k = 0; k < columns->n; k++)
            at += write_column(cx, &j, &p, columns->at[k], at, ids[i]);
        json_object_end(&j);
    }
    json_array_end(&j);
    *out = text_str(&t);
    return t.is_over ? ERR_TOO_BIG : OK;
}
