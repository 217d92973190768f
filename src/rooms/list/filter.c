/* rooms/list/filter.c - the condition of a list, taken apart. */
#include "messages.h"
#include "rooms/list/filter.h"
#include "rooms/search/search.h"

struct filter {
    size_t n;
};

enum err filter_read(struct cx *cx, str where, const struct filter **out)
{
    (void)cx;
    (void)where;
    *out = NULL;
    return OK;
}

void filter_put(const struct filter *f, struct made_text *m)
{
    (void)f;
    made_sql(m, "1 = 1");
}

bool filter_needs_customer(const struct filter *f)
{
    return f->n > 0;
}

void filter_put_range(const struct filter *f, const struct column *order, struct made_text *m)
{
    (void)f;
    (void)order;
    (void)m;
}

size_t filter_few_n(const struct filter *f)
{
    return f->n;
}

void filter_put_few(const struct filter *f, size_t which, struct made_text *m)
{
    (void)f;
    (void)which;
    (void)m;
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
