/* db/postgres.c - the engine beside. */
#include "db/db_impl.h"

enum err pg_open(struct cx *cx, struct store *s, bool is_writer, struct db **out) { (void)s; (void)is_writer; (void)out; return fault(cx, ERR_BUSY, M_STORE_AWAY); }
void pg_close(struct db *d) { (void)d; }
enum err pg_rows(struct cx *cx, struct db *d, const struct query *q, struct args a, struct sink *to) { (void)d; (void)q; (void)a; (void)to; return fault(cx, ERR_BUSY, M_STORE_AWAY); }
enum err pg_run(struct cx *cx, struct db *d, const struct query *q, struct args a, int64_t *changed) { (void)d; (void)q; (void)a; (void)changed; return fault(cx, ERR_BUSY, M_STORE_AWAY); }
enum err pg_batch(struct cx *cx, struct db *d, struct db_read *reads, size_t n) { (void)d; (void)reads; (void)n; return fault(cx, ERR_BUSY, M_STORE_AWAY); }
enum err pg_read_begin(struct cx *cx, struct db *d) { (void)d; return fault(cx, ERR_BUSY, M_STORE_AWAY); }
void pg_read_end(struct db *d) { (void)d; }
enum err pg_exec(struct cx *cx, struct db *d, const char *sql) { (void)d; (void)sql; return fault(cx, ERR_BUSY, M_STORE_AWAY); }
enum err pg_start(struct cx *cx, struct store *s, const struct store_options *o) { (void)s; (void)o; return fault(cx, ERR_BUSY, M_STORE_AWAY); }
void pg_stop(struct store *s) { (void)s; }
bool pg_is_ready(struct store *s) { (void)s; return false; }
