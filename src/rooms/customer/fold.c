/* rooms/customer/fold.c - fills the folded texts of records from before they had them. */
#include "queries.h"
#include "rooms/customer/inside.h"

enum { FOLD_PAGE = 200 };

static enum err fold_slice(struct cx *cx, str args, int64_t *position, int64_t *progress,
                           int64_t *total, bool *finished)
{
    (void)args;
    (void)total;
    struct list rows = {0};
    TRY(db_all(cx, &q_customer_fold_page, &customer_row_shape, &rows,
               ARGS(V(*position), V(FOLD_PAGE))));
    for (size_t i = 0; i < rows.n; i++) {
        const struct customer *c = (const struct customer *)rows.items + i;
        TRY(db_run(cx, &q_customer_fold, ARGS(CUSTOMER_FOLDED(CUSTOMER_FOLD) V(c->id))));
        *position = c->id.v;
    }
    *progress += (int64_t)rows.n;
    *finished = rows.n < FOLD_PAGE;
    return OK;
}
const struct job_kind customer_fold_job = {.name = "customer.fold", .slice = fold_slice};
