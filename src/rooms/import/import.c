/* rooms/import/import.c - the record of an import: its states and figures. */
#include "messages.h"
#include "queries.h"
#include "rooms/import/inside.h"

const char *const import_state_codes[IMPORT_STATE_N] = {
    "ready", "checking", "running", "done", "cancelled", "failed", "undoing", "undone"};

/* clang-format off */
static const struct field row_fields[] = {
    FIELD(struct import, id),
    FIELD_ENUM(struct import, kind, import_kind_codes),
    FIELD(struct import, name),
    FIELD_ENUM(struct import, state, import_state_codes),
    FIELD_AS(struct import, size, "size_bytes"),
    FIELD(struct import, is_staged),
    FIELD(struct import, finger),
    FIELD(struct import, map),
    FIELD(struct import, checked),
    FIELD(struct import, at_byte),
    FIELD(struct import, line),
    FIELD_AS(struct import, figures.rows, "read_rows"),
    FIELD_AS(struct import, figures.made, "made"),
    FIELD_AS(struct import, figures.changed, "changed"),
    FIELD_AS(struct import, figures.same, "same"),
    FIELD_AS(struct import, figures.rejected, "rejected"),
    FIELD(struct import, undone),
    FIELD(struct import, stays),
    FIELD(struct import, undo_step),
    FIELD(struct import, undo_at),
    FIELD(struct import, error),
    FIELD(struct import, actor_kind),
    FIELD(struct import, actor_id),
    FIELD_ENUM(struct import, lang, lang_codes),
    FIELD_AS(struct import, made_at, "made_ms"),
    FIELD_AS(struct import, begun_at, "begun_ms"),
    FIELD_AS(struct import, done_at, "done_ms"),
    FIELD(struct import, version),
};
/* clang-format on */
const struct shape import_row_shape = SHAPE("import_row", struct import, row_fields);

enum err import_get(struct cx *cx, import_id id, struct import *out)
{
    enum err e = db_one(cx, &q_import_get, &import_row_shape, out, ARGS(V(id)));
    return e == ERR_NOT_FOUND ? fault(cx, e, M_IMPORT_UNKNOWN) : e;
}

enum err import_add(struct cx *cx, const struct import *i)
{
    TRY(db_run(cx, &q_import_insert,
               ARGS(V(i->id), V(import_kind_codes[i->kind]), V(i->name), V(i->size),
                    V(i->is_staged), V(i->finger), V(i->map), V(actor_codes[cx->actor.kind]),
                    V(cx->actor.id), V(lang_codes[i->lang]), V(cx->now_ms))));
    return audit_add(cx, "import.add", 0, i->id.v, str_of(import_kind_codes[i->kind]));
}

/* The row was not in a state that allows it. */
static enum err wrong_state(struct cx *cx, import_id id)
{
    struct import now;
    TRY(import_get(cx, id, &now));
    return fault(cx, ERR_CONFLICT, M_IMPORT_STATE,
                 MARG("state", str_of(import_state_codes[now.state])));
}

enum err import_begin(struct cx *cx, import_id id, str map, bool dry_run)
{
    int64_t n = 0;
    TRY(db_run_count(cx, dry_run ? &q_import_check_begin : &q_import_run_begin, &n,
                     ARGS(V(map), V(cx->now_ms), V(id))));
    if (n == 0)
        return wrong_state(cx, id);
    return audit_add(cx, dry_run ? "import.check" : "import.run", 0, id.v, (str){0});
}

enum err import_cancel(struct cx *cx, import_id id)
{
    int64_t n = 0;
    TRY(db_run_count(cx, &q_import_cancel, &n, ARGS(V(cx->now_ms), V(id))));
    if (n == 0)
        return wrong_state(cx, id);
    return audit_add(cx, "import.cancel", 0, id.v, (str){0});
}

enum err import_undo_begin(struct cx *cx, import_id id)
{
    int64_t n = 0;
    TRY(db_run_count(cx, &q_import_undo_begin, &n, ARGS(V(id))));
    if (n == 0)
        return wrong_state(cx, id);
    return audit_add(cx, "import.undo", 0, id.v, (str){0});
}
