/* db/plans.h - when the plans that PostgreSQL keeps have become old.
 *
 * A kept statement is planned once for a connection, by the sizes of that moment. Only ANALYZE makes the server plan anew, and
 * autovacuum may not come to it for many minutes; see docs/decisions/020-writer.md, plans.
 */
#pragma once
#include "db/db_impl.h"

struct table_pages {
    int64_t id, pages;
};
extern const struct shape table_pages_shape;

/* What the tables had when plans were last made; {0} at first. */
struct plan_pages {
    struct table_pages *of;
    size_t n;
};

/* now: struct table_pages by id. True: one has eight times the pages, or eight and had none; they are remembered. */
bool plans_are_old(struct plan_pages *was, const struct list *now);
void plan_pages_free(struct plan_pages *was);
