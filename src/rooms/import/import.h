/* rooms/import/import.h - files of customers, orders and interactions, taken in row by row.
 *
 * A file is put where every node can read it (import_stage_…), looked at (import_guess), tried
 * without writing anything (a dry run) and run. A batch of rows commits together with the place where
 * the next one begins: whatever happens in between, each row counts once. Rows go through the one
 * door (intake_take_many, order_take); one that is refused is kept with its reason and stops nothing.
 */
#pragma once
#include "rooms/import/columns.h"
#include "rooms/order/order.h"

enum import_state {
    IMPORT_READY,
    IMPORT_CHECKING,
    IMPORT_RUNNING,
    IMPORT_DONE,
    IMPORT_CANCELLED,
    IMPORT_FAILED,
    IMPORT_UNDOING,
    IMPORT_UNDONE,
    IMPORT_STATE_N
};
extern const char *const import_state_codes[IMPORT_STATE_N];

struct import_figures {
    int64_t rows, made, changed, same, rejected;
};
struct import {
    import_id id;
    int kind; /* enum import_kind */
    str name;
    int state;
    int64_t size;
    bool is_staged;
    str finger, map, checked;
    int64_t at_byte, line;
    struct import_figures figures;
    int64_t undone, stays, undo_step, undo_at;
    str error;
    str actor_kind;
    int64_t actor_id;
    int lang;
    when made_at, begun_at, done_at;
    int64_t version;
};
extern const struct shape import_row_shape; /* the columns of import_get */

enum { IMPORT_FILE_MB = 2048 };

enum err import_get(struct cx *cx, import_id id, struct import *out) MUST_USE;

/* ---- inside apply ---------------------------------------------------------------------------- */

/* A new import in state ready; cx->actor is whose it is. */
enum err import_add(struct cx *cx, const struct import *i) MUST_USE;
/* ready, done …: begins a dry run or a run with this map. ERR_CONFLICT in the wrong state. */
enum err import_begin(struct cx *cx, import_id id, str map, bool dry_run) MUST_USE;
enum err import_cancel(struct cx *cx, import_id id) MUST_USE;
enum err import_undo_begin(struct cx *cx, import_id id) MUST_USE;

/* ---- working on one -------------------------------------------------------------------------- */

/* One import at work, by a thread of its own that may write (db_change). */
struct import_run;
/* cx->db is a reader of the thread. `file` must live as long. Faults that concern the whole file. */
enum err import_run_open(struct store *s, struct cx *cx, const struct import *i,
                         const struct csv_source *file, struct import_run **out) MUST_USE;
void import_run_close(struct import_run *r); /* accepts NULL */
/* About `most` rows more. *finished: the import has left its state at work. */
enum err import_run_step(struct import_run *r, size_t most, bool *finished) MUST_USE;
/* Its own context (whose why says what went wrong) and how far it is. */
const struct cx *import_run_cx(const struct import_run *r);
const struct import *import_run_now(const struct import_run *r);
/* An import that cannot go on: failed, with the sentence of cx->why. */
enum err import_fail(struct store *s, struct cx *cx, import_id id) MUST_USE;
/* A slice of taking an import back. */
enum err import_undo_step(struct store *s, struct cx *cx, import_id id, bool *finished) MUST_USE;

/* ---- the file -------------------------------------------------------------------------------- */

/* Kept in DIR/imports (SQLite, 0600) or in the store's chunks (PostgreSQL). */
struct import_stage;
enum err import_stage_open(struct store *s, struct cx *cx, str data_dir, struct import_stage **out)
    MUST_USE;
/* The file of an import that is there already, in another store: a move. */
enum err import_stage_of(struct store *s, struct cx *cx, str data_dir, import_id id, struct import_stage **out) MUST_USE;
enum err import_stage_add(struct import_stage *g, struct cx *cx, str bytes) MUST_USE;
/* On disk, and can be read; then import_add with this id and size, then keep. */
enum err import_stage_flush(struct import_stage *g, struct cx *cx, import_id *id, int64_t *size)
    MUST_USE;
void import_stage_keep(struct import_stage *g);
/* What was not kept goes away again. Accepts NULL. */
void import_stage_close(struct import_stage *g);
/* Reads a staged file. */
struct import_file;
enum err import_file_open(struct store *s, struct cx *cx, str data_dir, const struct import *i,
                          struct import_file **out) MUST_USE;
/* Any file of this machine, for a command; changed_ns: when it was written last. */
enum err import_file_own(struct cx *cx, const char *path, struct import_file **out, int64_t *changed_ns)
    MUST_USE;
const struct csv_source *import_file_source(const struct import_file *f);
/* Why it cannot be read: what the store said, or the file is none. */
enum err import_unreadable(struct cx *cx, const struct csv_source *s) MUST_USE;
void import_file_close(struct import_file *f); /* accepts NULL */
/* Rows that were rejected, with the line and the reason in front, in the file's own encoding. Called
 * again until *finished; *position is 0 at the start. */
enum err import_rejected(struct cx *cx, const struct import *i, const struct csv_source *file,
                         int64_t *position, struct text *to, bool *finished) MUST_USE;

/* ---- the thread that works on imports of a server -------------------------------------------- */

struct import_desk;
enum err import_desk_open(struct store *s, struct cx *cx, str data_dir, struct import_desk **out)
    MUST_USE;
void import_desk_close(struct import_desk *d); /* after the batch at hand; accepts NULL */
void import_desk_wake(void);                   /* something is to do; from any thread */
/* The staged file of an import, on any thread of the server. */
enum err import_desk_file(struct cx *cx, const struct import *i, struct import_file **out) MUST_USE;

/* ---- over HTTP ------------------------------------------------------------------------------- */

/* The guess for a file, and over it what the given map says (empty: nothing), as JSON. must_fit: and
 * refuses it when rows could not be read with it. */
enum err import_map_guess(struct cx *cx, const struct csv_source *file, int kind, str given, bool must_fit, str *out)
    MUST_USE;
/* As GET /imports/{id} answers. */
void import_json(struct json_out *j, const struct cx *cx, const struct import *i);
extern const struct room import_room;

#include "rooms/import/export.h" /* the way out */
