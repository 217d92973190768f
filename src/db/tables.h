/* db/tables.h - the tables of a store as the store itself tells them, and walks over all their rows in the order of the
 * primary key, page by page: each page is a snapshot of its own unless the caller holds one.
 *
 * For those who treat all tables alike: `kith check` and the move of a whole installation. Everything lives in cx->arena
 * of the call that read it; a walk keeps its place in an arena of its own.
 */
#pragma once
#include "db/db.h"

enum column_type { COLUMN_INT, COLUMN_TEXT, COLUMN_BLOB, COLUMN_REAL };
struct table_column {
    str name;
    int type; /* enum column_type */
};
struct table_ref { /* a column that holds the key of a row elsewhere */
    str column, parent, parent_column;
};
enum { TABLE_COLUMNS_MAX = 63, TABLE_KEY_MAX = 4 };
struct table_info {
    str name;
    struct table_column *columns;
    size_t n;
    str key[TABLE_KEY_MAX];
    size_t key_at[TABLE_KEY_MAX]; /* their places among the columns */
    size_t n_key;
    struct table_ref *refs;
    size_t n_refs;
};
/* All tables of ours but FTS5's, by name; struct list of struct table_info. ERR_INTERNAL: one has no key or a type that no
 * table of ours has. */
enum err tables_read(struct cx *cx, struct list *out) MUST_USE;
const struct table_info *table_of_name(const struct list *tables, str name); /* NULL: none */

struct table_walk {
    const struct table_info *t;
    struct arena *place; /* of `after` */
    struct val after[TABLE_KEY_MAX];
    bool is_begun, is_over;
    size_t page; /* rows */
};
/* t must live as long; false: no memory. */
bool table_walk_begin(struct table_walk *w, const struct table_info *t) MUST_USE;
void table_walk_end(struct table_walk *w);
/* The next page, all columns; row() for each. *n: how many. Over when is_over. */
enum err table_walk_page(struct cx *cx, struct table_walk *w,
                         enum err (*row)(void *arg, const struct val *cells, size_t n), void *arg, size_t *n) MUST_USE;
/* How many rows of the page that comes next refer to something that is not there; to be asked before table_walk_page, in
 * the same snapshot. */
enum err table_walk_lost(struct cx *cx, struct table_walk *w, const struct table_ref *ref, int64_t *n) MUST_USE;
