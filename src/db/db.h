/* db/db.h - statements, rows, batches, changes. One set of SQL for SQLite and PostgreSQL.
 *
 * Queries are constants made from .sql files by tools/sqlgen.py. Results live in cx->arena.
 * Reading: each worker has its own connection; a request reads in one snapshot of at most 2 s.
 * Writing: plan on a worker, apply on the writer inside a savepoint of the current batch; done()
 * is called after the commit is on disk. apply has no effect outside the database and may run again.
 */
#pragma once
#include "base/field.h"

struct query {
    const char *name;
    const char *sqlite;   /* ?1 ?2 ... */
    const char *postgres; /* $1 $2 ... */
    const char *const *params; /* names in the order of first appearance = order of ARGS */
    uint16_t n_params;
    const char *shape; /* name behind '->', or NULL */
    bool writes;       /* INSERT, UPDATE, DELETE */
    bool is_made;      /* at run time, by made_query */
    bool is_steady;    /* made; its text comes again and again with other values */
};

/* ---- arguments ---------------------------------------------------------------------------- */

struct val {
    enum { VAL_NULL, VAL_INT, VAL_TEXT, VAL_BLOB, VAL_DOUBLE, VAL_INTS, VAL_TEXTS } kind;
    int64_t i;
    double d;
    str s; /* VAL_INTS: an array of int64, VAL_TEXTS: of str, for `x IN {{ints}} :ids`; ptr, count in i */
};
static inline struct val val_int(int64_t i) { return (struct val){.kind = VAL_INT, .i = i}; }
static inline struct val val_bool(bool b) { return (struct val){.kind = VAL_INT, .i = b}; }
static inline struct val val_double(double d) { return (struct val){.kind = VAL_DOUBLE, .d = d}; }
static inline struct val val_str(str s) { return (struct val){.kind = VAL_TEXT, .s = s}; }
static inline struct val val_cstr(const char *z) { return (struct val){.kind = VAL_TEXT, .s = str_of(z)}; }
static inline struct val val_when(when w) { return (struct val){.kind = VAL_INT, .i = w.ms}; }
static inline struct val val_opt_int(opt_int o) { return (struct val){.kind = o.has ? VAL_INT : VAL_NULL, .i = o.v}; }
static inline struct val val_opt_str(opt_str o) { return (struct val){.kind = o.has ? VAL_TEXT : VAL_NULL, .s = o.v}; }
#define X(type, prefix) static inline struct val val_##type(type x) { return (struct val){.kind = VAL_INT, .i = x.v}; }
ID_TYPES(X)
#undef X
#define VNULL ((struct val){.kind = VAL_NULL})
/* Empty text and id 0 as NULL. */
static inline struct val val_str_or_null(str s) { return s.len ? val_str(s) : VNULL; }
static inline struct val val_int_or_null(int64_t i) { return i ? val_int(i) : VNULL; }
static inline struct val val_blob(const void *p, size_t n) { return (struct val){.kind = VAL_BLOB, .s = {p, n}}; }
/* A list of numbers or texts as one parameter: `WHERE id IN {{ints}} :ids`, `WHERE key IN {{texts}} :keys`. */
static inline struct val val_ints(const int64_t *v, size_t n) { return (struct val){.kind = VAL_INTS, .i = (int64_t)n, .s = {(const char *)v, n * sizeof *v}}; }
static inline struct val val_texts(const str *v, size_t n) { return (struct val){.kind = VAL_TEXTS, .i = (int64_t)n, .s = {(const char *)v, n * sizeof *v}}; }
#define V(x)                                                                                   \
    _Generic((x), bool: val_bool, int: val_int, long: val_int, long long: val_int,             \
             unsigned: val_int, double: val_double, str: val_str, char *: val_cstr,            \
             const char *: val_cstr, when: val_when, opt_int: val_opt_int, opt_str: val_opt_str, \
             customer_id: val_customer_id, identity_id: val_identity_id,                       \
             interaction_id: val_interaction_id, staff_id: val_staff_id,                       \
             session_id: val_session_id, token_id: val_token_id, note_id: val_note_id,         \
             task_id: val_task_id, address_id: val_address_id, holding_id: val_holding_id,     \
             product_id: val_product_id, order_id: val_order_id, call_id: val_call_id,         \
             phone_link_id: val_phone_link_id, merge_id: val_merge_id,                         \
             relation_id: val_relation_id, proposal_id: val_proposal_id,                       \
             return_id: val_return_id, history_id: val_history_id, import_id: val_import_id, tag_id: val_tag_id,         \
             attr_id: val_attr_id, consent_id: val_consent_id, fact_id: val_fact_id, view_id: val_view_id, bulk_id: val_bulk_id, segment_id: val_segment_id,     \
             automation_id: val_automation_id, run_id: val_run_id, delivery_id: val_delivery_id, notice_id: val_notice_id, rule_id: val_rule_id, correction_id: val_correction_id, \
             screened_id: val_screened_id, review_id: val_review_id, block_id: val_block_id, report_id: val_report_id)(x)
struct args { const struct val *v; size_t n; };
#define ARGS(...) ((struct args){(const struct val[]){__VA_ARGS__}, sizeof((const struct val[]){__VA_ARGS__}) / sizeof(struct val)})
#define NO_ARGS ((struct args){0})

/* ---- reading --------------------------------------------------------------------------------- */
/* An enum column is text and is read through the field's names; unknown text is ERR_INTERNAL. Money takes two columns:
 * amount, then currency. NULL reads as zero / empty / absent when the field is nullable or optional. */

/* First row into *out; ERR_NOT_FOUND without touching cx->why when there is none. */
enum err db_one(struct cx *cx, const struct query *q, const struct shape *shape, void *out, struct args a) MUST_USE;
/* All rows. A query must have its own LIMIT; more than 100,000 rows is ERR_INTERNAL. */
enum err db_all(struct cx *cx, const struct query *q, const struct shape *shape, struct list *out, struct args a) MUST_USE;
/* One integer of the first row; ERR_NOT_FOUND when none. NULL reads as 0. */
enum err db_int(struct cx *cx, const struct query *q, int64_t *out, struct args a) MUST_USE;

/* Rows as they come, without a shape: row() is called for each, its cells live until it returns. For walks over whole
 * tables (db/tables.h); a query has its LIMIT here too. */
enum err db_each(struct cx *cx, const struct query *q, struct args a,
                 enum err (*row)(void *arg, const struct val *cells, size_t n), void *arg) MUST_USE;

/* Independent reads in one round trip (PostgreSQL pipeline). Each entry is a db_one (one = true:
 * found tells) or a db_all. */
struct db_read {
    const struct query *q;
    const struct shape *shape;
    bool one;
    void *out;         /* one: the struct; else struct list * */
    struct args args;
    bool found;
};
enum err db_batch(struct cx *cx, struct db_read *reads, size_t n) MUST_USE;

/* ---- queries made at run time ---------------------------------------------------------------- */
/* For conditions that a person wrote (expr) and for lists that filter and sort by choice; everything else is a query of
 * a .sql file. Only texts of the program go into `sql`; values are always bound. Reading only.
 *
 *   struct made_text m = made_begin(cx);
 *   made_sql(&m, "SELECT s.customer_id FROM standing s WHERE s.orders > ");
 *   made_val(&m, V(minimum));
 *   made_sql(&m, " ORDER BY s.customer_id LIMIT 50");
 *   TRY(made_query(cx, &m, "customer_list", &q));
 *   TRY(db_all(cx, q, &row_shape, &list, made_args(&m)));
 *
 * Everything lives in cx->arena. A connection keeps the statements of the last few texts, and no more. */
enum { MADE_PARAMS_MAX = 600, MADE_TEXT_MAX = 256 << 10 };
struct made_text {
    struct text sql;
    struct val *vals;
    size_t n, cap;
    bool is_postgres; /* for the few places where the two are not written alike */
    bool by_sets;     /* expr's own: how it writes, … */
    const void *first; /* … what of it is gathered first, … */
    /* Set by who makes it: the same words come again and again with other values, and find few rows by indexes whatever these are.
     * PostgreSQL then plans it once, as a query of a file: a plan for each use takes longer than what it then does. */
    bool is_steady;
    bool is_apart;     /* … that merged records are asked apart, … */
    bool is_aside;     /* … and that it is inside a set of rows that not everybody has */
};
struct made_text made_begin(struct cx *cx); /* for the engine of cx->db */
/* Words of SQL as they are; {{ints}} and the like are not known here. */
void made_sql(struct made_text *m, const char *sql);
/* A parameter: its place in the text and its value; the same value again takes the same place. VAL_INTS and VAL_TEXTS
 * become a list in brackets: `x IN ` before it. */
void made_val(struct made_text *m, struct val v);
/* Room for a piece of text that was made elsewhere and holds no values: a name of a column out of a table of ours. */
void made_str(struct made_text *m, str sql);
/* ERR_TOO_BIG past the limits. */
enum err made_query(struct cx *cx, struct made_text *m, const char *name, const struct query **out) MUST_USE;
static inline struct args made_args(const struct made_text *m)
{
    return (struct args){m->vals, m->n};
}

/* ---- writing: only inside apply (or a migration, or the bulk generator) --------------------------- */

/* The first failure of a statement inside apply sticks: every later call gives it again and the whole change is
 * refused with it, on both engines (PostgreSQL's transaction is broken by then). Where a row may be there already, write
 * ON CONFLICT. On PostgreSQL a change runs at REPEATABLE READ and is run again when another one overtook it: a row that
 * serves as a mutex must really be written (INSERT … ON CONFLICT … DO UPDATE), not only locked. */

/* Runs a statement without result rows. On PostgreSQL it may be sent without waiting: an error then
 * comes from a later call or from the end of the change. Unique violations are ERR_CONFLICT. */
enum err db_run(struct cx *cx, const struct query *q, struct args a) MUST_USE;
/* The same, waits, and tells how many rows were changed. */
enum err db_run_count(struct cx *cx, const struct query *q, int64_t *changed, struct args a) MUST_USE;
/* Runs a statement that must change a row; when it finds none the whole change is refused with ERR_STALE and this
 * sentence. On PostgreSQL nothing is waited for: the refusal may come from the end of the change. */
enum err db_run_must(struct cx *cx, const struct query *q, uint16_t msg, struct args a) MUST_USE;
/* Statements with RETURNING are read by db_one, db_all, db_int. */

/* ---- changes ---------------------------------------------------------------------------------------- */

enum lane { LANE_INTERACTIVE, LANE_BULK };
struct change {
    enum lane lane;
    enum err (*apply)(struct cx *cx, void *state);
    void *state;
    struct cx *cx; /* lent to the writer until done; its db is the writer's inside apply */
    /* Called once, after commit or refusal, on a thread of the store: must not block. ERR_STALE: plan again. */
    void (*done)(struct change *c, enum err e);
    void *owner;         /* for done */
    int64_t key;         /* not 0: changes of one key never run beside each other on this node */
    /* PostgreSQL, LANE_INTERACTIVE: goes before those that wait, and its batch takes no more in before it is committed. For few. */
    bool is_urgent;
    /* LANE_BULK: committed, and seen by all, but perhaps not yet on the disk when done() is called: a power failure may
     * undo it. A later change that is not soft brings it there with itself; nobody is told of success before. */
    bool is_soft;
    /* PostgreSQL, LANE_BULK: its owner brings less of it when others overtake it, so after a few runs it is ERR_STALE. */
    bool shrinks;
    struct change *next; /* the store's */
    enum err result;     /* the store's */
};
/* apply of a change that has nothing to do but to bring soft ones to the disk. */
enum err db_settle(struct cx *cx, void *state) MUST_USE;
struct store;
void db_submit(struct store *s, struct change *c);
/* At that moment (clock_mono_ns) nobody had brought an interactive change for a second: a turn of the bulk lane may be somewhat
 * longer. Never on PostgreSQL: who asks there may ask another node. */
bool store_is_calm(const struct store *s, int64_t mono_ns);
/* Does an interactive change wait for the writer, on which a turn of the bulk lane may be at work? On PostgreSQL, where bulk has
 * a writer of its own, never. */
bool store_is_wanted(struct store *s);
/* Blocking form for commands, jobs and tests: plans are the caller's. ERR_STALE is handed back. */
enum err db_change(struct store *s, struct cx *cx, enum lane lane,
                   enum err (*apply)(struct cx *cx, void *state), void *state) MUST_USE;
/* The same on the bulk lane, softly: for one of many steps of a job that can begin again where the disk says it is. */
enum err db_change_soft(struct store *s, struct cx *cx, enum err (*apply)(struct cx *cx, void *state), void *state) MUST_USE;

/* ---- the store ------------------------------------------------------------------------------------------ */

struct store_options {
    str data_dir;      /* holds kith.db, lock; used by SQLite; may be "" with PostgreSQL */
    str url;           /* "" or "sqlite": SQLite; "postgresql://…": PostgreSQL; ":memory:" unit tests */
    unsigned writers;  /* PostgreSQL only; 0 = 8 */
    unsigned cache_mb; /* page cache in all; 0 = 96 */
    bool no_migrate;   /* refuse instead of migrating */
    bool takes_less;   /* SQLite: a damaged log is opened as far as it is whole */
    str key_file;      /* --key-file; "": looked for as keyring.h says */
    str key_dir;       /* beside which directory, when data_dir is one that is still being made; "": data_dir */
    const struct key_voice *voice; /* NULL: stderr */
    /* Asked while a store is brought up to date, which can take minutes; false: it ends, with ERR_BUSY, as it was, or behind the
     * step that was last. NULL: it goes on. */
    bool (*goes_on)(void *arg);
    void *goes_on_arg;
    int64_t tell_ms; /* between two lines of the log on how far the copy before it is; 0: 30,000 */
    str like; /* with ":memory:": it begins as a copy of the files of this directory; "": empty */
};
/* What a person must hear when a store is opened. */
struct key_voice {
    /* A new installation: where its key is, whether that file was made just now, and the recovery key, this once. */
    void (*made)(str place, bool is_made, str recovery);
    /* A store of before the vault is being sealed. */
    void (*sealing)(int64_t done, int64_t all);
};
/* Opens, locks (SQLite: DIR/lock), migrates. On failure cx->why holds one sentence for a person; ERR_CONFLICT means
 * that another process holds DIR/lock. */
enum err store_open(struct cx *cx, const struct store_options *o, struct store **out) MUST_USE;
void store_close(struct store *s); /* finishes accepted changes first */
bool store_is_postgres(const struct store *s);
const char *store_place(const struct store *s); /* SQLite: the directory of its files */
/* PostgreSQL: another number when the plans that connections keep are of no more use: a statement's next use makes one, which can
 * take as long as ten uses. For who would rather have that behind him before somebody waits. SQLite: always the same. */
uint64_t store_plans_turn(struct store *s);
bool db_is_postgres(const struct cx *cx); /* of cx->db */
/* The keys of the installation (keyring.h). With PostgreSQL and no data directory, and in unit tests, they live as long as the
 * process. */
struct keyring;
struct keyring *store_ring(struct store *s);
struct keyring *db_ring(const struct cx *cx); /* of cx->db */
/* ---- rotation of the data key ----
 * While changes go on: new pages under a new key, the others sealed anew in slices, then what parts keep sealed in rows, then
 * the old key is forgotten. A rotation that was stopped goes on when it is started again. */
struct key_part {
    const char *name;
    /* Inside a change: seals the next rows anew that are not under the writing epoch; some, so that a turn is short. *at
     * begins as 0 and is the part's own. */
    enum err (*renew)(struct cx *cx, int64_t *at, bool *is_finished);
};
/* is_new: begin one (ERR_CONFLICT while one goes on); otherwise go on with the one that was not ended, if there is one. */
enum err store_rotate(struct store *s, struct cx *cx, const struct key_part *parts, size_t n, bool is_new) MUST_USE;
struct rotation {
    bool is_running;
    bool has_failed;     /* it stopped; goes on at the next start */
    int64_t done, all;   /* pages */
    uint8_t epoch;       /* that writes */
};
void store_rotation(struct store *s, struct rotation *out);
/* The key of what stands in a data directory, for what reads it without opening the store: a check, a restore. */
enum err store_keys(struct cx *cx, const struct store_options *o, struct keyring **out) MUST_USE;
/* A read connection of its own for a worker. Not shared between threads. */
enum err store_reader(struct store *s, struct cx *cx, struct db **out) MUST_USE;
void reader_close(struct db *d);
/* A request's snapshot: begin at its first read (called by the gate), end when its reply is made. */
enum err read_begin(struct cx *cx) MUST_USE;
void read_end(struct cx *cx);
bool store_is_ready(struct store *s); /* can answer now; for /readyz */
/* How it stands. Full: the disk had no room for a change; reading goes on, and it ends by itself, within seconds after
 * there is room again. Away: PostgreSQL does not answer. Any thread; cheap. */
enum store_state { STORE_FINE, STORE_FULL, STORE_AWAY, STORE_STATE_N };
extern const char *const store_state_codes[STORE_STATE_N]; /* fine full away */
enum store_state store_state(struct store *s);

/* SQLite's log, in MB: from where on the bulk lane stops until it was begun anew, and interactive changes are refused. */
enum { WAL_BULK_MB = 128, WAL_INTERACTIVE_MB = 384 };
struct store_figures {
    int64_t wal_bytes, oldest_reader_ms, longest_stall_us, batches, changes, changes_refused, queue_interactive, queue_bulk;
    int64_t free_bytes; /* of the disk that the data directory is on; -1: not known */
    int64_t cache_bytes; /* SQLite: of pages that are kept in memory, opened, of at most `cache_mb` */
};
void store_figures(struct store *s, struct store_figures *out);

/* For the generator that fills empty tables and nothing else: one connection outside the writer's queue,
 * SQLite in big transactions, PostgreSQL by COPY. The store must have no other user. */
struct bulk;
enum err bulk_begin(struct store *s, struct cx *cx, struct bulk **out) MUST_USE;
/* A plain INSERT query with one row per call; batched inside (SQLite) or turned into COPY (PostgreSQL) of
 * `table` with the query's columns in order. */
enum err bulk_row(struct bulk *b, struct cx *cx, const char *table, const struct query *insert, struct args a) MUST_USE;
/* Secondary indexes of the house are dropped by begin when the tables are empty and made again here. */
enum err bulk_end(struct bulk *b, struct cx *cx) MUST_USE;
void bulk_drop(struct bulk *b); /* of one that failed: the store stays half filled, and is refused; accepts NULL */
