/* db/postgres.h - between postgres.c, which speaks, and postgres_store.c, which has threads. */
#pragma once
#include "db/db_impl.h"
#include <libpq-fe.h>

/* A plain connection; NULL when there is none. */
PGconn *pg_connect(const char *url);
/* The connection of d, made if needed; NULL when there is none. Nothing may be under way. */
PGconn *pg_raw(struct db *d);
bool pg_reconnect(struct db *d); /* true: connected, not before the back-off is over */
void pg_be_patient(struct db *d, bool is_patient); /* no limit to the time of a statement */
bool pg_is_connected(struct db *d);

/* Whether a table has outgrown the plans; if so, every connection plans its statements anew. The tender's, once a second. */
enum err pg_look_at_pages(struct store *s);

/* Around the apply of a change. */
enum pg_end {
    PG_END_CLEAR,   /* it is as the result says */
    PG_END_AGAIN,   /* nothing was kept: run it again */
    PG_END_UNKNOWN, /* COMMIT left, its answer did not come */
};
void pg_change_begin(struct db *d);
enum err pg_change_end(struct cx *cx, struct db *d, enum err e, enum pg_end *how);
int64_t pg_change_xid(struct db *d); /* 0: not known */

/* A change that joins those already in the transaction: it can fail without them. pg_change_flush, before the second
 * one, waits for what the first has sent. */
enum err pg_change_flush(struct cx *cx, struct db *d);
void pg_part_begin(struct cx *cx, struct db *d);
enum err pg_part_end(struct cx *cx, struct db *d, enum err e, enum pg_end *how);
