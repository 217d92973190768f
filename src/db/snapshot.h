/* db/snapshot.h - all of a store as it was at one moment, for as long as it takes to read it.
 */
#pragma once
#include "db/keyring.h"
#include "db/db.h"

/* PostgreSQL: a connection in a transaction of its own that only reads. SQLite: the store itself, which nobody else has (a
 * long snapshot would keep its log from beginning anew); else a copy (backup.h) and snapshot_of_copy. */
enum err snapshot_open(struct store *s, struct cx *cx, struct db **out) MUST_USE;
/* Still the same: nothing was read from another moment. */
enum err snapshot_is_whole(struct cx *cx, struct db *d) MUST_USE;
void snapshot_close(struct db *d); /* accepts NULL */
/* A restored copy, by its directory, without a store over it. */
struct copy_reader;
enum err copy_reader_open(struct cx *cx, const struct keyring *ring, const char *dir, struct copy_reader **out) MUST_USE;
struct db *copy_reader_db(struct copy_reader *r);
void copy_reader_close(struct copy_reader *r); /* accepts NULL */
