/* rooms/import/import_http.c - imports over HTTP; the upload and the file of rejected rows flow
 * through app/flows.c. */
#include "messages.h"
#include "queries.h"
#include "rooms/import/inside.h"

enum { PREVIEW_CHARS = 80, PREVIEW_CELLS = 100 };

/* ---- the answer ------------------------------------------------------------------------------------- */

struct import_out {
    import_id id;
    int kind;
    str name;
    int state;
    int64_t size, position, rows, made, changed, same, rejected, undone, stays;
    str error;
    bool has_file;
    when created_at, begun_at, done_at;
    str map, checked;
    int64_t version;
};
/* clang-format off */
static const struct field out_fields[] = {
    FIELD(struct import_out, id),
    FIELD_ENUM(struct import_out, kind, import_kind_codes),
    FIELD(struct import_out, name, .doc = "Of the file"),
    FIELD_ENUM(struct import_out, state, import_state_codes),
    FIELD(struct import_out, size, .doc = "Bytes of the file"),
    FIELD(struct import_out, position, .doc = "Bytes worked through"),
    FIELD(struct import_out, rows, .doc = "Of this run or dry run so far"),
    FIELD(struct import_out, made, .doc = "New customers, orders or contacts"),
    FIELD(struct import_out, changed, .doc = "Rows that changed a known customer"),
    FIELD(struct import_out, same, .doc = "Rows that changed nothing"),
    FIELD(struct import_out, rejected),
    FIELD(struct import_out, undone, .doc = "Changes that were taken back"),
    FIELD(struct import_out, stays, .doc = "Changes that could not be: somebody has worked with it since"),
    FIELD(struct import_out, error, .omit_empty = true),
    FIELD(struct import_out, has_file, .doc = "The file is still there: it can be run, its rejected rows fetched"),
    FIELD(struct import_out, created_at),
    FIELD(struct import_out, begun_at, .nullable = true),
    FIELD(struct import_out, done_at, .nullable = true),
    FIELD_JSON(struct import_out, map, .doc = "What each column is; POST …/run takes it back corrected"),
    FIELD_JSON(struct import_out, checked, .nullable = true, .doc = "What the last dry run found: figures, first conflicts, first rejected rows"),
    FIELD(struct import_out, version),
};
static const struct shape out_shape = SHAPE("import", struct import_out, out_fields);
/* clang-format on */

static struct import_out out_of(const struct import *i)
{
    return (struct import_out){
        .id = i->id,
        .kind = i->kind,
        .name = i->name,
        .state = i->state,
        .size = i->size,
        .position = i->state == IMPORT_DONE ? i->size : i->at_byte,
        .rows = i->figures.rows,
        .made = i->figures.made,
        .changed = i->figures.changed,
        .same = i->figures.same,
        .rejected = i->figures.rejected,
        .undone = i->undone,
        .stays = i->stays,
        .error = i->error,
        .has_file = i->is_staged,
        .created_at = i->made_at,
        .begun_at = i->begun_at,
        .done_at = i->done_at,
        .map = i->map,
        .checked = i->checked.len ? i->checked : S("null"),
        .version = i->version,
    };
}

void import_json(struct json_out *j, const struct cx *cx, const struct import *i)
{
    struct import_out o = out_of(i);
    j->role_bit = 1u << cx->actor.role;
    json_write(j, &out_shape, &o);
}

struct by_id {
    import_id id;
    int encoding;
    str delimiter;
    /* made by plan */
    bool dry_run;
    struct import_map map;
    str json;
};
static const struct field by_id_fields[] = {
    FIELD(struct by_id, id, .in_path = true),
};
static const struct shape by_id_shape = SHAPE("import_by_id", struct by_id, by_id_fields);

static enum err route_get(struct cx *cx, void *in, void *out)
{
    struct import i;
    TRY(import_get(cx, ((struct by_id *)in)->id, &i));
    *(struct import_out *)out = out_of(&i);
    return OK;
}

/* ---- GET /imports ------------------------------------------------------------------------------------- */

struct list_in {
    int64_t limit;
    str cursor;
};
struct page_out {
    struct list items;
    str next;
};
/* clang-format off */
static const struct field list_fields[] = {
    PAGE_FIELDS(struct list_in),
};
static const struct shape list_shape = SHAPE("import_list_in", struct list_in, list_fields);
static const struct field page_fields[] = {
    FIELD_LIST(struct page_out, items, &out_shape),
    FIELD(struct page_out, next, .nullable = true),
};
static const struct shape page_shape = SHAPE("import_page", struct page_out, page_fields);
/* clang-format on */

static enum err route_list(struct cx *cx, void *in, void *out)
{
    struct list_in *a = in;
    struct page_out *p = out;
    int64_t sort, before;
    struct list rows;
    TRY(page_begin(cx, "imports", &a->limit, a->cursor, &sort, &before));
    TRY(db_all(cx, &q_import_list, &import_row_shape, &rows, ARGS(V(before), V(a->limit + 1))));
    size_t n = (int64_t)rows.n > a->limit ? (size_t)a->limit : rows.n;
    struct import_out *o = ARENA_ARRAY(cx->arena, n + 1, struct import_out);
    const struct import *i = rows.items;
    for (size_t k = 0; k < n; k++)
        o[k] = out_of(&i[k]);
    p->items = (struct list){o, n};
    if (rows.n > n)
        p->next = cursor_make(cx->arena, cx->now_ms, "imports", i[n - 1].id.v, i[n - 1].id.v);
    return OK;
}

/* ---- GET /imports/{id}/preview ------------------------------------------------------------------------ */

struct preview_out {
    str map, rows, targets;
};
static const char *const encoding_wishes[] = {
    "", "utf-8", "utf-16le", "utf-16be", "windows-1251", "windows-1252", "gb18030", "shift_jis"};
/* clang-format off */
static const struct field preview_in_fields[] = {
    FIELD(struct by_id, id, .in_path = true),
    FIELD_ENUM(struct by_id, encoding, encoding_wishes, .doc = "Instead of the one that was found"),
    FIELD(struct by_id, delimiter, .max_len = 1, .multiline = true, .doc = "Instead of the one that was found: , ; | or a tab"),
};
static const struct shape preview_in_shape = SHAPE("import_preview_in", struct by_id, preview_in_fields);
static const struct field preview_fields[] = {
    FIELD_JSON(struct preview_out, map, .doc = "The guess, with samples of each column"),
    FIELD_JSON(struct preview_out, rows, .doc = "The first rows, the header among them"),
    FIELD_JSON(struct preview_out, targets, .doc = "What a column may be"),
};
static const struct shape preview_shape = SHAPE("import_preview", struct preview_out, preview_fields);
/* clang-format on */

static str rows_json(struct arena *a, const struct list *rows)
{
    struct text t = text_in(a, 4 << 20);
    struct json_out j = {.to = &t};
    const struct csv_row *r = rows->items;
    json_array_begin(&j);
    for (size_t i = 0; i < rows->n; i++) {
        json_array_begin(&j);
        for (size_t k = 0; k < r[i].cells.n && k < PREVIEW_CELLS; k++)
            json_str(&j, str_clean(a, str_trim(r[i].cells.items[k]), PREVIEW_CHARS));
        json_array_end(&j);
    }
    json_array_end(&j);
    return text_str(&t);
}

static str targets_json(struct cx *cx, int kind)
{
    struct text t = text_in(cx->arena, 64 << 10);
    struct json_out j = {.to = &t};
    struct list defs = {0};
    json_array_begin(&j);
    for (int i = 0; i < TARGET_N; i++)
        if (import_target_fits(i, kind))
            json_str(&j, str_of(import_target_codes[i]));
    if (kind == IMPORT_CUSTOMERS && attr_defs(cx, &defs) == OK) {
        const struct attr_def *d = defs.items;
        for (size_t i = 0; i < defs.n; i++)
            if (d[i].is_active)
                json_str(&j, arena_printf(cx->arena, "attr." SFMT, SARG(d[i].code)));
    }
    json_array_end(&j);
    return text_str(&t);
}

static enum err route_preview(struct cx *cx, void *in, void *out)
{
    struct by_id *a = in;
    struct preview_out *p = out;
    struct import i;
    struct import_file *file = NULL;
    struct import_map map;
    struct list rows = {0};
    if (a->delimiter.len && !memchr(",;\t|", a->delimiter.ptr[0], 4))
        return fault_field(cx, ERR_INVALID, S("delimiter"), M_IMPORT_DELIMITER);
    TRY(import_get(cx, a->id, &i));
    enum err e = import_desk_file(cx, &i, &file);
    if (e == OK)
        e = import_guess(cx, import_file_source(file), i.kind, a->encoding - 1,
                         a->delimiter.len ? a->delimiter.ptr[0] : 0, &map, &rows);
    import_file_close(file);
    TRY(e);
    struct text t = text_in(cx->arena, 4 << 20);
    struct json_out j = {.to = &t};
    json_write(&j, &import_map_shape, &map);
    *p = (struct preview_out){text_str(&t), rows_json(cx->arena, &rows), targets_json(cx, i.kind)};
    return OK;
}

/* ---- POST …/run, cancel, undo ---------------------------------------------------------------------------- */

/* clang-format off */
static const struct field run_fields[] = {
    FIELD(struct by_id, id, .in_path = true),
    FIELD_STRUCT(struct by_id, map, &import_map_shape, .doc = "Whole, as preview gave it and a person corrected it; left out: as it is"),
    FIELD(struct by_id, dry_run, .doc = "Says what would be and writes nothing"),
};
static const struct shape run_shape = SHAPE("import_run", struct by_id, run_fields);
/* clang-format on */

static enum err run_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct by_id *a = in;
    struct import i;
    struct import_file *file = NULL;
    str given = {0};
    TRY(import_get(cx, a->id, &i));
    if (cx->sent & 1 << 1) {
        if (a->map.delimiter.len != 1)
            return fault_field(cx, ERR_INVALID, S("map.delimiter"), M_IMPORT_DELIMITER);
        given = import_map_write(cx->arena, &a->map);
    }
    enum err e = import_desk_file(cx, &i, &file);
    if (e == OK)
        e = import_map_guess(cx, import_file_source(file), i.kind, given.len ? given : i.map, true,
                             &a->json);
    import_file_close(file);
    return e;
}

static enum err answer(struct cx *cx, import_id id, void *out)
{
    struct import i;
    TRY(import_get(cx, id, &i));
    *(struct import_out *)out = out_of(&i);
    cx->made_id = id.v;
    import_desk_wake();
    return OK;
}

static enum err run_apply(struct cx *cx, void *in, void *out)
{
    const struct by_id *a = in;
    TRY(import_begin(cx, a->id, a->json, a->dry_run));
    return answer(cx, a->id, out);
}

static enum err cancel_apply(struct cx *cx, void *in, void *out)
{
    import_id id = ((struct by_id *)in)->id;
    TRY(import_cancel(cx, id));
    return answer(cx, id, out);
}

static enum err undo_apply(struct cx *cx, void *in, void *out)
{
    import_id id = ((struct by_id *)in)->id;
    TRY(import_undo_begin(cx, id));
    return answer(cx, id, out);
}

static enum err again(struct cx *cx, int64_t id, void *out)
{
    return answer(cx, (import_id){id}, out);
}

/* clang-format off */
static const struct route routes[] = {
    {.method = HTTP_GET, .path = "/api/v1/imports", .may = MAY_LEAD, .read = route_list, .in = &list_shape, .out = &page_shape,
     .summary = "Imports, the newest first"},
    {.method = HTTP_GET, .path = "/api/v1/imports/{id}", .may = MAY_LEAD, .read = route_get, .in = &by_id_shape, .out = &out_shape,
     .summary = "One import: its state and figures"},
    {.method = HTTP_GET, .path = "/api/v1/imports/{id}/preview", .may = MAY_LEAD, .read = route_preview, .in = &preview_in_shape, .out = &preview_shape,
     .is_heavy = true, .summary = "The first rows, what each column is guessed to be, and what it may be"},
    {.method = HTTP_POST, .path = "/api/v1/imports/{id}/run", .may = MAY_LEAD, .plan = run_plan, .apply = run_apply, .replay = again,
     .in = &run_shape, .out = &out_shape, .body_limit = 1 << 20, .summary = "Begin a run or a dry run"},
    {.method = HTTP_POST, .path = "/api/v1/imports/{id}/cancel", .may = MAY_LEAD, .apply = cancel_apply, .replay = again,
     .in = &by_id_shape, .out = &out_shape, .summary = "Stop it; what is done stays done and can be undone"},
    {.method = HTTP_POST, .path = "/api/v1/imports/{id}/undo", .may = MAY_LEAD, .apply = undo_apply, .replay = again,
     .in = &by_id_shape, .out = &out_shape, .summary = "Take it back as a whole, but for what somebody has worked with since"},
};
/* clang-format on */
const struct room import_room = ROOM("import", routes);
