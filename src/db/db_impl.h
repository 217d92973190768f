/* db/db_impl.h - what the files of db share; nobody else includes it. */
#pragma once
#include "db/db.h"
#include "db/event.h"
#include "db/follow.h"
#include "db/vault.h"
#include "messages.h"
#include <pthread.h>
#include <stdatomic.h>

enum {
    READ_LIMIT_MS = 2000,       /* a snapshot lives no longer */
    ROWS_MAX = 100000,          /* of one db_all */
    QUEUE_MAX = 20000,          /* waiting changes of a lane; more are refused as busy */
    SLICE_ROWS = 200,           /* a turn of the bulk lane */
    SLICE_MS = 5,
    CALM_MS = 1000,             /* without an interactive change */
    ID_AHEAD_MS = 10000,        /* how far the mark of ids is written ahead */
    WRITERS_DEFAULT = 8,
    CACHE_MB_DEFAULT = 96,
    /* Who has how much of it, in 48ths: the pages that all share, the writer, each of eight readers (a reader forgets its
     * own at every commit). */
    CACHE_SHARED = 28,
    CACHE_WRITER = 8,
    CACHE_JOBS = 4, /* the jobs' reader, who looks at many records in one snapshot */
    CACHE_READER = 1,
};
#define MS_NS 1000000LL
struct lite; /* sqlite.c */
struct pg;   /* postgres.c */

/* A connection: a worker's for reading, or a writer's. */
struct db {
    struct store *store;
    struct lite *lite; /* one of the two */
    struct pg *pg;
    bool is_writer;
    bool in_read;                      /* between read_begin and read_end */
    _Atomic int64_t read_started_ns;   /* 0: no snapshot open */
    _Atomic int64_t cache_bytes;       /* SQLite: of pages, the most it held at the end of a transaction; they are not given back */
    int64_t deadline_ns;               /* of the running read; 0: none */
    enum err broken;                   /* first failure of a statement of the change that runs; it sticks */
    struct fault broken_why;
    int64_t last_due; /* by search_due in this change */
    bool gathers; /* events of customers are counted only */
    int64_t event_depth; /* of events that are added */
    int64_t gathered;
    int64_t *gathered_ids; /* whose they are; neighbours differ */
    size_t n_gathered, cap_gathered;
    struct event *events; /* of the changes of this batch, in order */
    size_t n_events, cap_events;
    struct arena *event_arena;
    struct db *next; /* among the store's readers */
};

/* ---- rows into structs (db.c) -------------------------------------------------------- */

/* Where the rows of a query go. */
struct sink {
    enum { SINK_NONE, SINK_ONE, SINK_ALL, SINK_INT, SINK_EACH } kind;
    const struct shape *shape;
    void *out; /* struct, struct list *, int64_t *; the arg of each() */
    size_t n, cap;
    enum err (*each)(void *arg, const struct val *cells, size_t n);
};
/* Takes one row; *wants_more is false when the sink is full. */
enum err sink_row(struct cx *cx, const struct query *q, struct sink *to, const struct val *cells, size_t n,
                  bool *wants_more);
enum err sink_end(struct sink *to);
size_t shape_columns(const struct shape *s);
/* Makes a failure stick to the change that runs. */
enum err db_break(struct cx *cx, enum err e);
/* The list as JSON text, for SQLite. */
str val_list_json(struct arena *a, const struct val *v);
void db_free_common(struct db *d);

/* ---- engines --------------------------------------------------------------------------- */

enum lite_use { LITE_READER, LITE_JOBS, LITE_WRITER, LITE_LOADER }; /* loader: not durable, for filling an empty store */
size_t lite_cache(const struct store *s, int share); /* bytes */
enum err lite_open(struct cx *cx, struct store *s, enum lite_use use, struct db **out);
void lite_close(struct db *d);
enum err lite_rows(struct cx *cx, struct db *d, const struct query *q, struct args a, struct sink *to);
enum err lite_run(struct cx *cx, struct db *d, const struct query *q, struct args a, int64_t *changed);
enum err lite_read_begin(struct cx *cx, struct db *d);
void lite_read_end(struct db *d);
/* Plain SQL without rows, for migrations, transactions and pragmas. */
enum err lite_exec(struct cx *cx, struct db *d, const char *sql);
enum lite_word { LITE_BEGIN, LITE_COMMIT, LITE_ROLLBACK, LITE_SAVE, LITE_RELEASE, LITE_BACK, LITE_READ, LITE_WORD_N };
int lite_word(struct db *d, enum lite_word w); /* SQLite's result code */
int lite_be_soft(struct db *d, bool is_soft); /* commits from here on wait for the disk, or do not; between transactions */
bool lite_in_transaction(struct db *d);
void lite_cache_note(struct db *d); /* by who uses it */
bool lite_disk_failed(struct db *d); /* full, I/O error and the like since BEGIN */
int64_t lite_total_changes(struct db *d);
int64_t lite_pages(struct db *d); /* of the database as the transaction sees it; 0: not known */
enum err lite_code(struct db *d, int rc); /* what a result code means */
/* Copies WAL into the database: PASSIVE. Frames in the log and how many are copied. */
int lite_checkpoint(struct db *d, int *frames, int *done);
int lite_sync(struct db *d); /* what its file was given is on disk */
struct sqlite3 *lite_handle(struct db *d);
enum err lite_int_once(struct cx *cx, struct db *d, const char *sql, int64_t *out);

enum err pg_open(struct cx *cx, struct store *s, bool is_writer, struct db **out);
void pg_close(struct db *d);
enum err pg_rows(struct cx *cx, struct db *d, const struct query *q, struct args a, struct sink *to);
enum err pg_run(struct cx *cx, struct db *d, const struct query *q, struct args a, int64_t *changed);
enum err pg_run_must(struct cx *cx, struct db *d, const struct query *q, struct args a, uint16_t msg);
enum err pg_be_soft(struct cx *cx, struct db *d); /* for this transaction */
/* Waits for what pg_run_must asked: the server would commit what we refuse. */
enum err pg_musts(struct cx *cx, struct db *d);
enum err pg_batch(struct cx *cx, struct db *d, struct db_read *reads, size_t n);
enum err pg_read_begin(struct cx *cx, struct db *d);
void pg_read_end(struct db *d);
enum err pg_exec(struct cx *cx, struct db *d, const char *sql);
enum err pg_start(struct cx *cx, struct store *s, const struct store_options *o);
void pg_stop(struct store *s);
bool pg_is_ready(struct store *s);

/* ---- the store -------------------------------------------------------------------------- */

struct queue {
    struct change *head, *tail;
    int64_t n;
};
struct migration;

struct store {
    bool is_postgres, is_temporary, is_new;
    char *dir, *url;
    int lock_fd;
    struct keyring *ring;
    struct vault *vault; /* SQLite on a disk */
    size_t page;         /* of kith.db, in bytes */
    pthread_mutex_t pause_lock; /* of whoever asks the writer to pause */
    struct rotor *rotor;        /* rotate.c */
    char *keys_dir;             /* where kith.keys is; NULL: the ring is of a moment */
    int file_fd; /* SQLite: kith.db, for room only; open as long as the engine has it open, whose locks a close would drop */
    int64_t room_bytes; /* of kith.db that the disk has set aside; -1: this disk does not; the writer's */
    _Atomic bool room_is_stale; /* a checkpoint may have given it back */
    unsigned cache_mb, n_writers;
    bool (*goes_on)(void *arg); /* while it is brought up to date */
    void *goes_on_arg;
    int64_t tell_ms;

    /* changes wait here; guarded by lock */
    pthread_mutex_t lock;
    pthread_cond_t wake, bulk_wake, pause_done, parked, closing; /* bulk_wake: PostgreSQL's bulk writer */
    struct queue lane[2];
    struct queue urgent; /* of the interactive lane, in whose number they count; PostgreSQL */
    unsigned n_urgent_in_row;
    unsigned n_asleep, n_running; /* writers */
    bool is_closing;  /* soon to stop: what waits for a shorter log waits no longer */
    bool is_stopping, wants_pause, is_copying;
    _Atomic bool is_filling; /* a bulk load goes on; the checkpoint thread keeps away */
    _Atomic bool holds_seals; /* rows of another store come in: the audit is not sealed */
    int64_t bulk_waits_since_ns;
    _Atomic int64_t asked_ns; /* when the last interactive change came; 0: none yet */

    pthread_t *writers;
    unsigned n_writer_threads;
    struct db *writer; /* SQLite: the one; PostgreSQL: for migrations and bulk loads */

    /* events go here; guarded by publish_lock */
    pthread_mutex_t publish_lock;
    void (*publish)(void *arg, const struct event *e, size_t n);
    void *publish_arg;
    void (*announce)(void *arg, const struct event *e, size_t n);
    void *announce_arg;

    pthread_mutex_t readers_lock;
    struct db *readers;

    /* checkpoint thread, SQLite */
    pthread_t checkpointer;
    bool has_checkpointer;
    struct db *checkpoint_db;
    _Atomic int64_t wal_frames;
    int flushed_frames; /* of the log, carried into the database and on disk; the checkpoint thread only */

    unsigned node;
    _Atomic int64_t id_mark; /* stored: ids up to here may be in rows */

    struct follows follows; /* backup.c */
    struct keeper *keeper; /* keeper.c: audit views, jobs, old rows */
    struct pg_side *pg;    /* postgres_store.c */
    _Atomic uint64_t plans_turn; /* PostgreSQL: grows when its plans have become old (plans.c) */

    _Atomic bool is_full; /* the disk had no room; room.c says when it has */

    _Atomic int64_t batches, changes, refused, longest_stall_us;
};

/* How long the log is, in MB. */
static inline int64_t log_mb(const struct store *s)
{
    return atomic_load(&s->wal_frames) * (int64_t)s->page >> 20;
}

/* writer.c */
void queue_push(struct queue *q, struct change *c);
struct change *queue_pop(struct queue *q); /* NULL when empty */
struct change *queue_take(struct store *s, enum lane lane); /* without waiting; NULL when empty */
enum err change_run(struct db *d, struct change *c);        /* apply, with the sticky failure counted in */
void change_done(struct store *s, struct change *c, enum err e);
void events_forget(struct db *d); /* of the last batch */
void store_announce(struct store *s, struct event *e, size_t n, int64_t xid);
void store_publish(struct store *s, const struct event *e, size_t n);
void stall_note(struct store *s, int64_t ns);
void *lite_writer_main(void *store);
void *lite_checkpoint_main(void *store);

/* store.c: the whole log into the database, SQLite; nobody else is at work yet. */
void store_log_away(struct store *s);
enum err directory_copy(struct cx *cx, str from, const char *to) MUST_USE; /* all files but the lock */

/* keys.c */
enum err keys_open(struct cx *cx, struct store *s, const struct store_options *o);
void keys_close(struct store *s);
enum err keys_save(struct cx *cx, struct store *s);

/* checkpoint.c: the writer stands between two batches */
bool checkpoint_holds(const struct store *s); /* s->lock is held: the writer stands until pause_done */
void pause_begin(struct store *s);
void pause_end(struct store *s);
/* The log into the database while the writer stands: it begins anew, unless a reader looks at it. */
void checkpoint_finish(struct store *s);

/* rotate.c */
void rotate_stop(struct store *s);

/* before.c: a verified copy in DIR/before; `from` migrations were done. SQLite. */
enum err before_migration(struct cx *cx, struct store *s, size_t from);
/* PostgreSQL: no copy is made; says so, and how old the last one is that Kith made and verified. */
void before_migration_said(struct cx *cx, size_t from);

/* migrate.c */
bool store_goes_on(const struct store *s);
enum err store_migrate(struct cx *cx, struct store *s, bool no_migrate);
/* ids: reads the mark, starts ids above it */
enum err lite_ids_start(struct cx *cx, struct store *s);
void lite_ids_stop(struct store *s);

struct store_text {
    str value;
};
extern const struct shape store_text_shape;

/* room.c */
void room_missed(struct store *s); /* a change was refused for want of room */
void room_look(struct store *s, struct cx *cx); /* while there was none: is there again? */
/* Before a commit: sets room aside in the database for every page it will have, so that what stands in the log can always
 * be copied into it, however full the disk is. SQLITE_FULL: there is none. */
int room_claim(struct store *s, struct db *d);
bool room_is_there(const struct store *s, int64_t bytes); /* SQLite; tries it */
int64_t room_free(const struct store *s); /* bytes; -1: not known */

/* torn.c: before the first connection: nothing of the log that was ever synced is lost by opening it. */
enum err log_judge(struct cx *cx, const struct keyring *ring, const char *dir, size_t page);

/* audit.c */
/* Seals the next rows of the audit; cx reads. */
enum err audit_seal_slice(struct store *s, struct cx *cx, bool *is_more);

/* audit.c: the head once more, under the epoch that writes now; inside apply. */
enum err audit_head_again(struct cx *cx);

/* event.c */
enum err event_settle(struct cx *cx);
enum err event_trim_slice(struct cx *cx, int64_t before_ms, int64_t limit, int64_t *cut);

/* store.c: with room for more pages. */
enum err store_jobs_reader(struct store *s, struct cx *cx, struct db **out);

/* keeper.c */
enum err keeper_start(struct cx *cx, struct store *s);
void keeper_stop(struct store *s);
