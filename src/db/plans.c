/* db/plans.c - plans become old when a table has grown to eight times its size. */
#include "db/plans.h"

/* By eight pages of rows an index is preferred to reading all of them, so nothing worse than that is done meanwhile; and what
 * a busy day fills is planned three or four times, not twenty. */
enum { GROWTH = 8 };

static const struct field table_pages_fields[] = {
    FIELD(struct table_pages, id),
    FIELD(struct table_pages, pages),
};
const struct shape table_pages_shape = SHAPE("table_pages", struct table_pages, table_pages_fields);

/* The table of that id in `was`; ids grow from call to call. */
static struct table_pages *of_id(struct plan_pages *was, size_t *at, int64_t id)
{
    while (*at < was->n && was->of[*at].id < id)
        (*at)++;
    return *at < was->n && was->of[*at].id == id ? &was->of[*at] : NULL;
}

/* A table that has shrunk may have been planned anew since, so the smaller size is what counts. */
bool plans_are_old(struct plan_pages *was, const struct list *now)
{
    const struct table_pages *t = now->items;
    bool are_old = false;
    for (size_t i = 0, at = 0; i < now->n; i++) {
        struct table_pages *w = of_id(was, &at, t[i].id);
        if (w && w->pages > t[i].pages)
            w->pages = t[i].pages;
        are_old |= t[i].pages >= GROWTH * (w && w->pages ? w->pages : 1);
    }
    struct table_pages *of = are_old ? calloc(now->n, sizeof *of) : NULL;
    if (!of)
        return are_old; /* without memory: once more at the next look */
    memcpy(of, t, now->n * sizeof *of);
    plan_pages_free(was);
    *was = (struct plan_pages){of, now->n};
    return true;
}

void plan_pages_free(struct plan_pages *was)
{
    free(was->of);
    *was = (struct plan_pages){0};
}
