/* rooms/list/filter.c - the condition of a list, taken apart: what an index of the order answers, what
 * an index finds few rows by, and the rest. */
#include "messages.h"
#include "rooms/list/filter.h"
#include "rooms/search/search.h"

enum { TOPS_MAX = 32, FEW_MAX = 8 };

struct filter {
    const struct expr_plan *plan;
    struct expr_top tops[TOPS_MAX];
    size_t n_tops;
    size_t few[FEW_MAX]; /* tops that an index answers */
    size_t n_few;
    int64_t now_ms;
    const int64_t *days; /* of activities, by the settings */
};

/* Columns that an index begins with, by their SQL in the catalogue, and what it can be asked. `from`
 * NULL: rows of another table. The owner is compared by his name and found by his number. */
static const struct {
    const char *column, *from, *id;
    bool ranges;
} indexed[] = {
    {"s.activity", "standing s", "s.customer_id", false},
    {"s.is_vip", "standing s", "s.customer_id", false},
    {"s.spent_minor", "standing s", "s.customer_id", true},
    {"s.orders", "standing s", "s.customer_id", true},
    {"s.last_order_ms", "standing s", "s.customer_id", true},
    {"s.last_contact_ms", "standing s", "s.customer_id", true},
    {"c.country", "customer c", "c.id", false},
    {"c.folded_city", "customer c", "c.id", false},
    {"c.folded_name", "customer c", "c.id", false},
    {"c.created_ms", "customer c", "c.id", true},
    {"t.folded", NULL, NULL, false},
    {"v.value", NULL, NULL, false},
    {"a.folded", NULL, NULL, false},
    {"a.num", NULL, NULL, true},
};
enum { INDEXED_NONE = -1, INDEXED_OWNER = -2 };
static const char owner_begins[] = "COALESCE((SELECT st.name FROM staff st";

static int index_of(const struct expr_top *t)
{
    if (t->how == TOP_OTHER)
        return INDEXED_NONE;
    if (strncmp(t->column, owner_begins, sizeof owner_begins - 1) == 0)
        return t->how == TOP_EQUAL && t->text.len ? INDEXED_OWNER : INDEXED_NONE;
    for (int i = 0; i < (int)COUNT(indexed); i++)
        if (strcmp(indexed[i].column, t->column) == 0 && t->is_rows == !indexed[i].from &&
            (t->how == TOP_EQUAL || indexed[i].ranges))
            return i;
    return INDEXED_NONE;
}

enum err filter_read(struct cx *cx, str where, const struct filter **out)
{
    *out = NULL;
    if (!str_trim(where).len)
        return OK;
    const struct settings *house = settings_current(cx);
    struct expr_world *world = ARENA_NEW(cx->arena, struct expr_world);
    *world = (struct expr_world){.catalogue = &house_catalogue,
                                 .now_ms = cx->now_ms,
                                 .time_zone = house->time_zone,
                                 .base = house->base_currency};
    struct filter *f = ARENA_NEW(cx->arena, struct filter);
    struct expr *e = NULL;
    struct expr_plan *p = NULL;
    enum err err = expr_parse(cx, where, &e, NULL);
    if (err == OK)
        err = expr_check(cx, world, where, e, NULL);
    if (err == OK)
        err = expr_plan(cx, world, e, &p);
    if (err != OK)
        return fault_at(cx, err, S("where"));
    f->plan = p;
    f->now_ms = cx->now_ms;
    f->days = house->activity_days;
    f->n_tops = expr_tops(cx, p, f->tops, TOPS_MAX);
    for (size_t i = 0; i < f->n_tops && f->n_few < FEW_MAX; i++)
        if (index_of(&f->tops[i]) != INDEXED_NONE)
            f->few[f->n_few++] = i;
    *out = f;
    return OK;
}

void filter_put(const struct filter *f, struct made_text *m)
{
    expr_sql(f->plan, m);
}

/* Pairs of a condition and an order that have an index together (migration list): rows of the one stand
 * far from the top of the other. A literal is that of a partial index. */
static const struct {
    const char *column, *text, *key, *literal;
} pairs[] = {
    {"s.activity", NULL, "s.activity_ms", NULL},
    {"c.country", NULL, ORDER_BY_NAME, NULL},
    {"s.kind", "company", ORDER_BY_NAME, "c.kind = 'company'"},
    {"s.kind", "company", "s.last_contact_ms", "s.kind = 'company'"},
    {"s.kind", "company", "s.spent_minor", "s.kind = 'company'"},
    {"s.is_vip", NULL, "s.last_contact_ms", "s.is_vip = 1"},
    {"s.is_vip", NULL, "s.last_order_ms", "s.is_vip = 1"},
    {"s.is_vip", NULL, "s.spent_minor", "s.is_vip = 1"},
};

/* Whether the order's index answers this condition: by itself, or as the pair of that number. */
enum { OF_ORDER_NOT = -2, OF_ORDER_ITSELF = -1 };
static int of_order(const struct expr_top *t, const char *key)
{
    if (t->how == TOP_OTHER || t->is_rows)
        return OF_ORDER_NOT;
    if (strcmp(t->column, key) == 0)
        return OF_ORDER_ITSELF;
    for (int i = 0; t->how == TOP_EQUAL && i < (int)COUNT(pairs); i++)
        if (strcmp(t->column, pairs[i].column) == 0 && strcmp(key, pairs[i].key) == 0 &&
            (!pairs[i].text || str_eq(t->text, str_of(pairs[i].text))) &&
            (strcmp(t->column, "s.is_vip") != 0 || t->number == 1))
            return i;
    return OF_ORDER_NOT;
}

/* Who is cooling, idle or lost had no contact and no order for so many days: where the walk of these two
 * begins. (While the days were just changed and everybody is judged anew, the new ones count.) */
static void put_days_of_activity(const struct filter *f, const struct expr_top *t, const char *key,
                                 struct made_text *m)
{
    bool is_time = strcmp(key, "s.last_contact_ms") == 0 || strcmp(key, "s.last_order_ms") == 0;
    if (!is_time || t->how != TOP_EQUAL || strcmp(t->column, "s.activity") != 0)
        return;
    for (int i = ACTIVITY_COOLING; i < ACTIVITIES; i++) {
        if (!str_eq(t->text, str_of(activity_codes[i])))
            continue;
        made_sql(m, " AND ");
        made_sql(m, key);
        made_sql(m, " <= ");
        made_val(m, V(f->now_ms - f->days[i - 1] * 86400000));
    }
}

void filter_put_range(const struct filter *f, const struct column *order, struct made_text *m)
{
    for (size_t i = 0; i < f->n_tops; i++) {
        int pair = of_order(&f->tops[i], order->order.key);
        if (pair != OF_ORDER_NOT) {
            made_sql(m, " AND ");
            if (pair != OF_ORDER_ITSELF && pairs[pair].literal)
                made_sql(m, pairs[pair].literal);
            else
                expr_sql(f->tops[i].plan, m);
        }
        put_days_of_activity(f, &f->tops[i], order->order.key, m);
    }
}

void filter_put_rest(const struct filter *f, size_t which, struct made_text *m)
{
    bool is_whole = f->n_tops == TOPS_MAX || which == SIZE_MAX;
    if (is_whole) {
        expr_sql(f->plan, m);
        return;
    }
    made_sql(m, "1 = 1");
    for (size_t i = 0; i < f->n_tops; i++) {
        if (i == f->few[which])
            continue;
        made_sql(m, " AND ");
        expr_sql(f->tops[i].plan, m);
    }
}

/* A column of that table itself; what is worked out of other tables may look at both. */
static bool is_of(const char *column, char table)
{
    return column[0] == table && column[1] == '.';
}

/* Which tables the condition looks at, without the part that was looked up. */
struct filter_needs filter_needs(const struct filter *f, size_t which)
{
    struct filter_needs n = {f->n_tops == TOPS_MAX, f->n_tops == TOPS_MAX};
    for (size_t i = 0; i < f->n_tops; i++) {
        const struct expr_top *t = &f->tops[i];
        bool is_plain = t->how != TOP_OTHER && !t->is_rows;
        if (which != SIZE_MAX && i == f->few[which])
            continue;
        n.standing |= !is_plain || !is_of(t->column, 'c');
        n.customer |= is_plain ? !is_of(t->column, 's') : expr_needs_customer(f->plan);
    }
    return n;
}

size_t filter_few_n(const struct filter *f)
{
    return f->n_few;
}

/* What the order's own index answers is walked, never gathered. */
bool filter_few_is_of_order(const struct filter *f, size_t which, const struct column *order)
{
    return of_order(&f->tops[f->few[which]], order->order.key) != OF_ORDER_NOT;
}

static str first_chars(str s, size_t n)
{
    size_t at = 0;
    while (at < s.len && (n > 0 || ((unsigned char)s.ptr[at] & 0xC0) == 0x80))
        n -= ((unsigned char)s.ptr[at++] & 0xC0) != 0x80;
    return (str){s.ptr, at};
}

void filter_put_few(const struct filter *f, size_t which, struct made_text *m)
{
    const struct expr_top *t = &f->tops[f->few[which]];
    int at = index_of(t);
    if (at == INDEXED_OWNER) {
        made_sql(
            m, "SELECT c.id AS id FROM customer c WHERE c.owner_id IN (SELECT st.id FROM staff st "
               "WHERE st.name = ");
        made_val(m, V(t->text));
        made_sql(m, ")");
        return;
    }
    if (!indexed[at].from) {
        expr_sql_ids(t->plan, m);
        return;
    }
    made_sql(m, "SELECT ");
    made_sql(m, indexed[at].id);
    made_sql(m, " AS id FROM ");
    made_sql(m, indexed[at].from);
    made_sql(m, " WHERE ");
    if (strcmp(t->column, "c.folded_name") == 0) {
        /* The index has its beginning. Under another name, or SQLite puts the value for the column. */
        made_sql(m, "c.id IN (SELECT n.id FROM customer n WHERE substr(n.folded_name, 1, 40) = ");
        made_val(m, V(first_chars(t->text, ORDER_NAME_CHARS)));
        made_sql(m, ") AND ");
    }
    expr_sql(t->plan, m);
}

enum err filter_words(struct cx *cx, str words, size_t limit, const struct list **out)
{
    *out = NULL;
    if (!str_trim(words).len)
        return OK;
    struct list *ids = ARENA_NEW(cx->arena, struct list);
    TRY(search_customers(cx, words, limit, ids));
    *out = ids;
    return OK;
}
