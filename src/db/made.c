/* db/made.c - queries made at run time: words of the program and places of values, never values. */
#include "db/db_impl.h"

struct made_text made_begin(struct cx *cx)
{
    return (struct made_text){.sql = text_in(cx->arena, MADE_TEXT_MAX),
                              .is_postgres = cx->db->pg != NULL};
}

void made_sql(struct made_text *m, const char *sql)
{
    text_add(&m->sql, str_of(sql));
}

void made_str(struct made_text *m, str sql)
{
    text_add(&m->sql, sql);
}

static bool is_same(const struct val *a, const struct val *b)
{
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case VAL_INT:
        return a->i == b->i;
    case VAL_TEXT:
        return str_eq(a->s, b->s);
    default:
        return false; /* lists, doubles: a place each */
    }
}

static size_t place_of(struct made_text *m, struct val v)
{
    for (size_t i = 0; i < m->n; i++)
        if (is_same(&m->vals[i], &v))
            return i;
    if (m->n == MADE_PARAMS_MAX) {
        m->sql.is_over = true;
        return 0;
    }
    if (m->n == m->cap) {
        size_t cap = m->cap ? 2 * m->cap : 16;
        struct val *more = ARENA_ARRAY(m->sql.arena, cap, struct val);
        if (m->n)
            memcpy(more, m->vals, m->n * sizeof *more);
        m->vals = more;
        m->cap = cap;
    }
    m->vals[m->n] = v;
    return m->n++;
}

void made_val(struct made_text *m, struct val v)
{
    bool is_list = v.kind == VAL_INTS || v.kind == VAL_TEXTS;
    size_t at = place_of(m, v) + 1;
    if (!is_list)
        text_printf(&m->sql, "%c%zu", m->is_postgres ? '$' : '?', at);
    else if (m->is_postgres)
        text_printf(&m->sql, "(SELECT unnest(CAST($%zu AS %s[])))", at,
                    v.kind == VAL_INTS ? "BIGINT" : "TEXT");
    else
        text_printf(&m->sql, "(SELECT value FROM json_each(?%zu))", at);
}

enum err made_query(struct cx *cx, struct made_text *m, const char *name, const struct query **out)
{
    text_add_char(&m->sql, '\0');
    if (m->sql.is_over)
        return fault(cx, ERR_TOO_BIG, M_STORE_TOO_BIG);
    struct query *q = ARENA_NEW(cx->arena, struct query);
    *q = (struct query){.name = name,
                        .sqlite = m->is_postgres ? "" : m->sql.ptr,
                        .postgres = m->is_postgres ? m->sql.ptr : "",
                        .n_params = (uint16_t)m->n,
                        .is_made = true,
                        .is_steady = m->is_steady};
    *out = q;
    return OK;
}
