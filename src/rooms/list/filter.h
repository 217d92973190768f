/* rooms/list/filter.h - the condition of a list, taken apart: what an index of the order answers, what
 * an index finds few rows by, and the rest. */
#pragma once
#include "expr/expr.h"
#include "rooms/list/inside.h"

struct filter;
/* Empty text: *out is NULL. Faults name `where` and say at which character. */
enum err filter_read(struct cx *cx, str where, const struct filter **out) MUST_USE;
/* The whole condition, over standing s and customer c. */
void filter_put(const struct filter *f, struct made_text *m);
struct filter_needs {
    bool standing, customer;
};
/* Tables that the condition without the part `which` looks at; SIZE_MAX: the whole. */
struct filter_needs filter_needs(const struct filter *f, size_t which);
/* The whole condition without the part that was looked up; SIZE_MAX: nothing was. */
void filter_put_rest(const struct filter *f, size_t which, struct made_text *m);
/* " AND …" for what the index of this order answers by itself. */
void filter_put_range(const struct filter *f, const struct column *order, struct made_text *m);
/* Parts that an index answers: a SELECT of ids (column id), without LIMIT. */
size_t filter_few_n(const struct filter *f);
bool filter_few_is_of_order(const struct filter *f, size_t which, const struct column *order);
void filter_put_few(const struct filter *f, size_t which, struct made_text *m);

/* Ids of customers that free words find, best first; *out is NULL without words. */
enum err filter_words(struct cx *cx, str words, size_t limit, const struct list **out) MUST_USE;

/* ---- rows (row.c) -------------------------------------------------------------------------------
 */

/* The rows of these ids in this order, as a JSON array of objects with the columns. */
enum err rows_json(struct cx *cx, const struct column_set *columns, const int64_t *ids, size_t n,
                   str *out) MUST_USE;

/* How far a page goes each way (page.c). Tests make it go one of them, or end early. */
extern struct list_limits {
    int64_t gather_rows, first_step, walk_ns, count_rows;
} list_limits;

/* ---- routes -------------------------------------------------------------------------------------
 */
extern const struct shape list_in_shape, list_out_shape, many_in_shape, many_out_shape;
enum err list_route(struct cx *cx, void *in, void *out);
enum err count_route(struct cx *cx, void *in, void *out);
extern const struct shape views_shape, view_shape, view_new_shape, view_patch_shape, view_gone_shape;
enum err views_route(struct cx *cx, void *in, void *out);
enum err view_new_plan(struct cx *cx, void *in, void *out);
enum err view_new_apply(struct cx *cx, void *in, void *out);
enum err view_again(struct cx *cx, int64_t id, void *out);
enum err view_patch_plan(struct cx *cx, void *in, void *out);
enum err view_patch_apply(struct cx *cx, void *in, void *out);
enum err view_gone_plan(struct cx *cx, void *in, void *out);
enum err view_gone_apply(struct cx *cx, void *in, void *out);
extern const struct shape bulk_in_shape, bulk_shape, bulk_id_shape, bulks_shape, owners_shape;
enum err bulk_plan(struct cx *cx, void *in, void *out);
enum err bulk_apply(struct cx *cx, void *in, void *out);
enum err bulk_again(struct cx *cx, int64_t id, void *out);
enum err bulk_read(struct cx *cx, void *in, void *out);
enum err bulks_read(struct cx *cx, void *in, void *out);
enum err bulk_cancel(struct cx *cx, void *in, void *out);
enum err bulk_resume(struct cx *cx, void *in, void *out);
enum err bulk_undo(struct cx *cx, void *in, void *out);
enum err owners_route(struct cx *cx, void *in, void *out);
