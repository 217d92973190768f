/* db/pages.h - the pages of an SQLite store, below the statements: read one by one, while the store is in use.
 *
 * Nothing of it concerns PostgreSQL, whose files are the database's own matter.
 */
#pragma once
#include "db/db.h"

/* found: a sentence for each damage, at most a few. goes_on: how far it is; false: stop, which is ERR_BUSY. */
struct pages_wish {
    void (*found)(void *arg, const struct fault *damage);
    bool (*goes_on)(void *arg, int64_t done, int64_t total);
    void *arg;
};
/* Reads every page as it lies in the file (what an encrypted page says of itself is proven by that). */
enum err pages_check(struct store *s, struct cx *cx, const struct pages_wish *w) MUST_USE;
/* Lets SQLite look at the structure of all tables and indexes, in one long snapshot: for a store that nobody else is at. It says
 * how far it is in millions of its steps, of an unknown number. */
enum err pages_structure(struct store *s, struct cx *cx, const struct pages_wish *w) MUST_USE;
