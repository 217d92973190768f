/* app/flows.c - uploads and downloads: the gate has said who it is and that he may; a thread of its
 * own does the rest with a connection of its own. */
#include "app/flows.h"
#include "app/errand.h"
#include "messages.h"
#include "net/multipart.h"
#include "rooms/import/import.h"
#include <pthread.h>

enum { MAP_BYTES = 1 << 20 };
static const size_t ARENA_BYTES = (size_t)48 << 20;

struct flows {
    pthread_mutex_t lock;
    pthread_cond_t none;
    int n;
    bool is_closing;
};

struct flows *flows_open(void)
{
    struct flows *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->none, NULL);
    return f;
}

void flows_close(struct flows *f)
{
    if (!f)
        return;
    pthread_mutex_lock(&f->lock);
    f->is_closing = true;
    while (f->n)
        pthread_cond_wait(&f->none, &f->lock);
    pthread_mutex_unlock(&f->lock);
    pthread_mutex_destroy(&f->lock);
    pthread_cond_destroy(&f->none);
    free(f);
}

struct flowing {
    struct house *house;
    struct http_exchange *x;
    struct cx cx; /* its arena and connection are this flow's own */
    void (*go)(struct flowing *f);
    int what; /* enum export_what */
};

/* problem+json by the gate, with the sentence of this flow. */
static void refuse(struct flowing *f, enum err e)
{
    struct errand *errand = http_owner(f->x);
    errand->cx.why = f->cx.why;
    errand->cx.why.err = e;
    gate_refuse(f->x, &errand->cx);
}

static void *flow_main(void *arg)
{
    struct flowing *f = arg;
    struct flows *all = f->house->flows;
    enum err e = store_reader(f->house->store, &f->cx, &f->cx.db);
    if (e == OK)
        f->go(f);
    else
        refuse(f, e);
    reader_close(f->cx.db);
    arena_close(f->cx.arena);
    free(f);
    pthread_mutex_lock(&all->lock);
    all->n--;
    pthread_cond_signal(&all->none);
    pthread_mutex_unlock(&all->lock);
    return NULL;
}

static void begin(struct house *h, struct http_exchange *x, struct cx *cx,
                  void (*go)(struct flowing *f), int what)
{
    struct flows *all = h->flows;
    struct flowing *f = calloc(1, sizeof *f);
    struct arena *a = arena_open(ARENA_BYTES);
    pthread_t thread;
    pthread_attr_t attr;
    pthread_mutex_lock(&all->lock);
    bool has_room = f && a && !all->is_closing && all->n < FLOWS_MAX;
    all->n += has_room;
    pthread_mutex_unlock(&all->lock);
    if (has_room) {
        *f = (struct flowing){.house = h, .x = x, .cx = *cx, .go = go, .what = what};
        f->cx.arena = a;
        f->cx.db = NULL;
        f->cx.why = (struct fault){0};
        f->cx.now_ms = clock_now_ms();
        f->cx.peer = arena_str(a, cx->peer);
        f->cx.actor.name = arena_str(a, cx->actor.name);
        f->cx.agent = (str){0};
        f->cx.device = (str){0};
        pthread_attr_init(&attr);
        pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
        pthread_attr_setstacksize(&attr, 1 << 20);
        bool runs = pthread_create(&thread, &attr, flow_main, f) == 0;
        pthread_attr_destroy(&attr);
        if (runs)
            return;
        pthread_mutex_lock(&all->lock);
        all->n--;
        pthread_cond_signal(&all->none);
        pthread_mutex_unlock(&all->lock);
    }
    free(f);
    arena_close(a);
    (void)fault(cx, ERR_BUSY, M_IMPORT_UPLOADS);
    cx->why.retry_after_s = 5;
    gate_refuse(x, cx);
}

/* ---- POST /imports: a form with `kind`, perhaps `map`, and the file ----------------------------- */

static ssize_t body_read(void *arg, char *to, size_t n)
{
    return http_body_read(arg, to, n);
}

static enum err file_take(struct flowing *f, struct multipart *m, struct import_stage *g)
{
    char piece[32768];
    ssize_t n;
    while ((n = multipart_read(m, piece, sizeof piece)) > 0)
        TRY(import_stage_add(g, &f->cx, (str){piece, (size_t)n}));
    return n == 0 ? OK : fault(&f->cx, ERR_MALFORMED, M_IMPORT_CUT);
}

static enum err kind_of(struct flowing *f, struct multipart *m, int *kind)
{
    str text;
    if (multipart_text(m, f->cx.arena, 40, &text))
        for (int k = 0; k < IMPORT_KIND_N; k++)
            if (str_eq(str_trim(text), str_of(import_kind_codes[k])))
                *kind = k;
    return *kind >= 0 ? OK : fault_field(&f->cx, ERR_INVALID, S("kind"), M_IMPORT_KIND);
}

static enum err form_take(struct flowing *f, struct import_stage *g, struct import *i, str *map)
{
    struct cx *cx = &f->cx;
    struct multipart *m = multipart_open(http_header_of(f->x, "Content-Type"), body_read, f->x);
    struct multipart_part p;
    enum multipart_fate fate = MULTIPART_MALFORMED;
    enum err e = OK;
    bool has_file = false;
    i->kind = -1;
    while (m && e == OK && (fate = multipart_next(m, &p)) == MULTIPART_PART) {
        if (str_eq(p.name, S("kind")) && i->kind < 0)
            e = kind_of(f, m, &i->kind);
        else if (str_eq(p.name, S("map")) && !map->len && !has_file)
            e = multipart_text(m, cx->arena, MAP_BYTES, map)
                    ? OK
                    : fault_field(cx, ERR_TOO_BIG, S("map"), M_IMPORT_FORM);
        else if (str_eq(p.name, S("file")) && p.is_file && !has_file && i->kind >= 0) {
            has_file = true;
            i->name = str_clean(cx->arena, p.filename.len ? p.filename : S("?"), 200);
            e = file_take(f, m, g);
        } else
            e = fault(cx, ERR_INVALID, M_IMPORT_FORM);
    }
    multipart_close(m);
    TRY(e);
    if (m && fate == MULTIPART_CUT)
        return fault(cx, ERR_MALFORMED, M_IMPORT_CUT);
    return has_file && fate == MULTIPART_END ? OK : fault(cx, ERR_MALFORMED, M_IMPORT_FORM);
}

static enum err add_apply(struct cx *cx, void *state)
{
    return import_add(cx, state);
}

static enum err upload(struct flowing *f, struct import_stage *g, struct text *out)
{
    struct cx *cx = &f->cx;
    struct import i = {.is_staged = true, .lang = (int)cx->lang};
    struct import_file *file = NULL;
    str map = {0};
    TRY(form_take(f, g, &i, &map));
    TRY(import_stage_flush(g, cx, &i.id, &i.size));
    cx->now_ms = clock_now_ms();
    enum err e = import_file_open(f->house->store, cx, f->house->data_dir, &i, &file);
    if (e == OK)
        e = import_map_guess(cx, import_file_source(file), i.kind, map, false, &i.map);
    import_file_close(file);
    TRY(e);
    TRY(db_change(f->house->store, cx, LANE_INTERACTIVE, add_apply, &i));
    import_stage_keep(g);
    TRY(import_get(cx, i.id, &i));
    struct json_out j = {.to = out};
    import_json(&j, cx, &i);
    return OK;
}

static void upload_go(struct flowing *f)
{
    struct import_stage *g = NULL;
    struct text out = text_in(f->cx.arena, 1 << 20);
    enum err e = import_stage_open(f->house->store, &f->cx, f->house->data_dir, &g);
    if (e == OK)
        e = upload(f, g, &out);
    import_stage_close(g);
    if (e == OK)
        http_reply(f->x, 201, S("application/json"), NULL, 0, text_str(&out), false);
    else
        refuse(f, e);
}

void flow_upload(struct house *h, struct http_exchange *x, struct cx *cx)
{
    begin(h, x, cx, upload_go, 0);
}

/* ---- downloads ------------------------------------------------------------------------------------ */

static bool begin_file(struct flowing *f, const char *media, str name)
{
    struct http_header h[] = {
        {S("Content-Disposition"),
         arena_printf(f->cx.arena, "attachment; filename=\"" SFMT "\"", SARG(name))},
        {S("Cache-Control"), S("no-store")},
    };
    return http_flow_begin(f->x, 200, str_of(media), h, COUNT(h));
}

/* customers-20261122-1030-stf_….csv: who took it when stands in the name. */
static str file_name(struct flowing *f, const char *what, const char *end)
{
    str at = when_text(f->cx.arena, (when){f->cx.now_ms - f->cx.now_ms % 1000});
    const char *who = f->cx.actor.kind == ACTOR_TOKEN ? "tok" : "stf";
    str id = id_text(f->cx.arena, who, f->cx.actor.id);
    return arena_printf(f->cx.arena, "%s-%.4s%.2s%.2s-%.2s%.2s-" SFMT ".%s", what, at.ptr,
                        at.ptr + 5, at.ptr + 8, at.ptr + 11, at.ptr + 14, SARG(id), end);
}

struct rejected_in {
    import_id id;
};
static const struct field rejected_in_fields[] = {
    FIELD(struct rejected_in, id, .in_path = true),
};
const struct shape rejected_in_shape =
    SHAPE("import_rejected_in", struct rejected_in, rejected_in_fields);

static enum err export_audit(struct cx *cx, void *state)
{
    const struct audit_said {
        const char *action;
        int64_t ref;
        str details;
    } *said = state;
    return audit_add(cx, said->action, 0, said->ref, said->details);
}

static enum err audited(struct flowing *f, const char *action, int64_t ref, str details)
{
    struct {
        const char *action;
        int64_t ref;
        str details;
    } said = {action, ref, details};
    return db_change(f->house->store, &f->cx, LANE_INTERACTIVE, export_audit, &said);
}

static void rejected_go(struct flowing *f)
{
    struct cx *cx = &f->cx;
    struct import i = {0};
    struct import_file *file = NULL;
    int64_t id = 0, at = 0;
    str path = http_request(f->x)->path;
    str rest = {path.ptr + strlen("/api/v1/imports/"), path.len - strlen("/api/v1/imports/")};
    static const struct shape nothing = {.name = "nothing"}; /* may be asked of the file */
    char none[1];
    enum err e = form_read(cx, &nothing, http_request(f->x)->query, false, none, NULL);
    if (e == OK)
        e = id_parse(str_cut(&rest, '/'), "imp", &id) ? import_get(cx, (import_id){id}, &i)
                                                      : fault(cx, ERR_NOT_FOUND, M_IMPORT_UNKNOWN);
    if (e == OK)
        e = import_file_open(f->house->store, cx, f->house->data_dir, &i, &file);
    struct text some = text_on_heap((size_t)64 << 20);
    bool finished = false;
    struct arena *page = arena_open((size_t)32 << 20);
    struct cx own = *cx;
    own.arena = page;
    if (e == OK && page)
        e = import_rejected(&own, &i, import_file_source(file), &at, &some, &finished);
    if (e != OK) {
        cx->why = own.why.msg ? own.why : cx->why;
        refuse(f, e);
    } else if (audited(f, "import.rejected", i.id.v, (str){0}) != OK) {
        refuse(f, ERR_BUSY);
    } else if (begin_file(f, "text/csv", file_name(f, "rejected", "csv"))) {
        bool goes = http_flow_write(f->x, text_str(&some));
        while (goes && !finished) {
            arena_reset(page);
            some.len = 0;
            goes =
                import_rejected(&own, &i, import_file_source(file), &at, &some, &finished) == OK &&
                http_flow_write(f->x, text_str(&some));
        }
        http_flow_end(f->x, finished && goes);
    }
    text_free(&some);
    arena_close(page);
    import_file_close(file);
}

void flow_rejected(struct house *h, struct http_exchange *x, struct cx *cx)
{
    begin(h, x, cx, rejected_go, 0);
}

/* ---- exports --------------------------------------------------------------------------------------- */

static void export_go(struct flowing *f)
{
    struct cx *cx = &f->cx;
    struct export_in in;
    struct export_run *r = NULL;
    struct text some = text_on_heap((size_t)64 << 20);
    bool finished = false;
    uint64_t sent = 0;
    enum err e = form_read(cx, &export_in_shape, http_request(f->x)->query, false, &in, &sent);
    if (e == OK)
        e = export_open(cx, f->what, &in, &r);
    if (e == OK)
        e = export_page(r, f->house->store, &some, &finished);
    if (e != OK) {
        refuse(f, e);
    } else {
        bool is_csv = in.format == EXPORT_CSV;
        str name = file_name(f, f->what == EXPORT_CUSTOMERS ? "customers" : "orders",
                             is_csv ? "csv" : "ndjson");
        if (begin_file(f, is_csv ? "text/csv; charset=utf-8" : "application/x-ndjson", name)) {
            bool goes = http_flow_write(f->x, text_str(&some));
            while (goes && !finished) {
                some.len = 0;
                goes = export_page(r, f->house->store, &some, &finished) == OK &&
                       http_flow_write(f->x, text_str(&some));
            }
            http_flow_end(f->x, finished && goes);
        }
    }
    export_close(r);
    text_free(&some);
}

void flow_export_customers(struct house *h, struct http_exchange *x, struct cx *cx)
{
    begin(h, x, cx, export_go, EXPORT_CUSTOMERS);
}

void flow_export_orders(struct house *h, struct http_exchange *x, struct cx *cx)
{
    begin(h, x, cx, export_go, EXPORT_ORDERS);
}
