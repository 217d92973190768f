/* db/pages.h - the pages of an SQLite store, below the statements: read one by one, while the store is in use.
 *
 * Nothing of it concerns PostgreSQL, whose files are the database's own matter.
 */
#pragma once
#include "db/db.h"

/* Reads every page as it lies in the file (what an encrypted page says of itself is proven by that); is_alone: and lets
 * SQLite look at the structure of all tables and indexes, in one long snapshot. found: a sentence for each damage, at most a
 * few. goes_on: pages read; false: stop, which is ERR_BUSY. */
struct pages_wish {
    bool is_alone;
    void (*found)(void *arg, const struct fault *damage);
    bool (*goes_on)(void *arg, int64_t done, int64_t total);
    void *arg;
};
enum err pages_check(struct store *s, struct cx *cx, const struct pages_wish *w) MUST_USE;
