/* app/imports.c - `kith import` and `kith export`, by oneself or by the server that holds the directory. */
#include "app/imports.h"
#include "app/commands.h"
#include "app/options.h"
#include "app/people.h"
#include "messages.h"
#include "queries.h"
#include "rooms/import/import.h"
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TELL_MS = 250, ALONE_ROWS = 250, MAP_MAX = 48 << 10, PIECE = 256 << 10 };
static const size_t ARENA_BYTES = (size_t)32 << 20;

/* ---- what is said over the socket ------------------------------------------------------------ */

struct wish {
    int kind;
    str name, map;
    int64_t size;
    bool dry_run;
};
struct wish_line {
    struct wish import;
};
/* clang-format off */
static const struct field wish_fields[] = {
    FIELD_ENUM(struct wish, kind, import_kind_codes, .required = true),
    FIELD(struct wish, name, .required = true, .max_len = 300),
    FIELD(struct wish, map, .max_len = MAP_MAX, .multiline = true),
    FIELD(struct wish, size, .min = 0, .max = (int64_t)IMPORT_FILE_MB << 20),
    FIELD(struct wish, dry_run),
};
static const struct shape wish_shape = SHAPE("import_wish", struct wish, wish_fields);
static const struct field wish_line_fields[] = {
    FIELD_STRUCT(struct wish_line, import, &wish_shape, .required = true),
};
static const struct shape wish_line_shape = SHAPE("import_wish_line", struct wish_line, wish_line_fields);

static const char *const what_codes[] = {"customers", "orders"}; /* enum export_what */
struct export_wish {
    int what, format;
    str where;
};
struct export_line {
    struct export_wish export;
};
static const struct field export_fields[] = {
    FIELD_ENUM(struct export_wish, what, what_codes, .required = true),
    FIELD_ENUM(struct export_wish, format, export_format_codes),
    FIELD(struct export_wish, where, .max_len = EXPR_TEXT_MAX, .multiline = true),
};
static const struct shape export_wish_shape = SHAPE("export_wish", struct export_wish, export_fields);
static const struct field export_line_fields[] = {
    FIELD_STRUCT(struct export_line, export, &export_wish_shape, .required = true),
};
static const struct shape export_line_shape = SHAPE("export_line", struct export_line, export_line_fields);

struct word {
    str state; /* send, or a state of an import; empty: refused, `error` says why */
    str error, checked;
    int64_t size, at_byte, rows, made, changed, same, rejected;
    bool was_begun; /* goes on where it was cut */
};
static const struct field word_fields[] = {
    FIELD(struct word, state),
    FIELD(struct word, error, .max_len = 4000, .multiline = true),
    FIELD(struct word, checked, .max_len = 60000),
    FIELD(struct word, size),
    FIELD(struct word, at_byte),
    FIELD(struct word, rows),
    FIELD(struct word, made),
    FIELD(struct word, changed),
    FIELD(struct word, same),
    FIELD(struct word, rejected),
};
static const struct shape word_shape = SHAPE("import_word", struct word, word_fields);
/* clang-format on */

static struct word word_of(const struct import *i)
{
    return (struct word){.state = str_of(import_state_codes[i->state]),
                         .error = i->error,
                         .checked = i->checked.len < DESK_LINE_MAX / 2 ? i->checked : (str){0},
                         .size = i->size,
                         .at_byte = i->at_byte,
                         .rows = i->figures.rows,
                         .made = i->figures.made,
                         .changed = i->figures.changed,
                         .same = i->figures.same,
                         .rejected = i->figures.rejected};
}

static bool is_at_work(str state)
{
    return str_eq(state, S("running")) || str_eq(state, S("checking")) ||
           str_eq(state, S("undoing"));
}

static str why_text(struct cx *cx, enum err e)
{
    return cx->why.msg ? fault_text(cx->arena, LANG_EN, &cx->why) : str_of(err_code(e));
}

/* ---- a new import -------------------------------------------------------------------------------- */

struct beginning {
    struct import i;
    bool dry_run;
};

static enum err begin_apply(struct cx *cx, void *state)
{
    const struct beginning *b = state;
    TRY(import_add(cx, &b->i));
    return import_begin(cx, b->i.id, b->i.map, b->dry_run);
}

/* ---- at the server ------------------------------------------------------------------------------- */

struct import_talk {
    struct wish_line wish;
    struct export_line export;
    bool is_export;
    struct import_stage *stage;
};

static enum err file_take(struct talk *t)
{
    struct cx *cx = &t->cx;
    struct import_talk *w = t->wish;
    struct house *h = t->house;
    TRY(import_stage_open(h->store, cx, h->data_dir, &w->stage));
    struct word send_it = {.state = S("send")};
    if (!desk_line_send(t->fd, cx->arena, &word_shape, &send_it))
        return fault(cx, ERR_INVALID, M_IMPORT_CUT);
    char *piece = arena_alloc(t->arena, PIECE, 1);
    for (int64_t left = w->wish.import.size; left > 0;) {
        if (!talk_goes_on(t))
            return ERR_BUSY;
        ssize_t n = recv(t->fd, piece, left < PIECE ? (size_t)left : PIECE, 0);
        if (n <= 0)
            return fault(cx, ERR_INVALID, M_IMPORT_CUT);
        TRY(import_stage_add(w->stage, cx, (str){piece, (size_t)n}));
        left -= n;
    }
    return OK;
}

static enum err begin(struct talk *t, import_id *id)
{
    struct cx *cx = &t->cx;
    const struct import_talk *w = t->wish;
    struct house *h = t->house;
    struct beginning b = {.dry_run = w->wish.import.dry_run};
    struct import_file *file = NULL;
    b.i = (struct import){.kind = w->wish.import.kind,
                          .name = w->wish.import.name,
                          .is_staged = true,
                          .lang = LANG_EN};
    TRY(import_stage_flush(w->stage, cx, &b.i.id, &b.i.size));
    enum err e = import_file_open(h->store, cx, h->data_dir, &b.i, &file);
    if (e == OK)
        e = import_map_guess(cx, import_file_source(file), w->wish.import.kind, w->wish.import.map,
                             true, &b.i.map);
    import_file_close(file);
    TRY(e);
    TRY(db_change(h->store, cx, LANE_INTERACTIVE, begin_apply, &b));
    import_stage_keep(w->stage);
    *id = b.i.id;
    import_desk_wake();
    return OK;
}

static enum err follow(struct talk *t, import_id id, struct import *i)
{
    struct cx *cx = &t->cx;
    for (;;) {
        arena_reset(t->arena);
        cx->now_ms = clock_now_ms();
        TRY(import_get(cx, id, i));
        struct word w = word_of(i);
        bool goes_on = is_at_work(w.state) && talk_goes_on(t);
        if (!desk_line_send(t->fd, t->arena, &word_shape, &w))
            return ERR_BUSY; /* nobody looks on; it goes on all the same */
        if (!goes_on)
            return OK;
        usleep(TELL_MS * 1000);
    }
}

static void rejected_send(struct talk *t, const struct import *i)
{
    struct house *h = t->house;
    struct import_file *file = NULL;
    struct import own = *i;
    struct arena *keep = arena_open((size_t)4 << 20);
    if (!keep)
        return;
    own.map = arena_str(keep, i->map);
    int64_t at = 0;
    bool finished = import_file_open(h->store, &t->cx, h->data_dir, i, &file) != OK;
    while (!finished) {
        arena_reset(t->arena);
        struct text some = text_on_heap((size_t)64 << 20);
        if (import_rejected(&t->cx, &own, import_file_source(file), &at, &some, &finished) != OK ||
            !desk_send(t->fd, text_str(&some)))
            finished = true;
        text_free(&some);
    }
    import_file_close(file);
    arena_close(keep);
}

/* ---- an export, wherever it goes ------------------------------------------------------------- */

static enum err export_all(struct store *s, struct cx *cx, struct export_wish *w,
                           bool (*take)(void *arg, str piece), void *arg)
{
    struct export_run *r = NULL;
    struct text piece = text_on_heap((size_t)64 << 20);
    struct export_in in = {w->format, w->where};
    bool finished = false;
    enum err e = export_open(cx, w->what, &in, &r);
    while (e == OK && !finished) {
        piece.len = 0;
        e = export_page(r, s, &piece, &finished);
        if (e == OK && piece.len && !take(arg, text_str(&piece)))
            e = ERR_NO_SPACE;
    }
    export_close(r);
    text_free(&piece);
    return e;
}

static bool piece_send(void *arg, str piece)
{
    struct talk *t = arg;
    char head[32];
    int n = snprintf(head, sizeof head, "%zu\n", piece.len);
    return talk_goes_on(t) && desk_send(t->fd, (str){head, (size_t)n}) && desk_send(t->fd, piece);
}

static void export_talk(struct talk *t)
{
    struct import_talk *w = t->wish;
    enum err e = export_all(t->house->store, &t->cx, &w->export.export, piece_send, t);
    (void)desk_send(t->fd, e == OK
                               ? S("0\n")
                               : arena_printf(t->arena, "! " SFMT "\n", SARG(why_text(&t->cx, e))));
}

static void talk_refuse(struct talk *t, str why)
{
    (void)desk_line_send(t->fd, t->arena, &word_shape, &(struct word){.error = why});
}

static void import_talk_all(struct talk *t)
{
    struct timeval patience = {.tv_sec = 30};
    (void)setsockopt(t->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    (void)setsockopt(t->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    struct import_talk *w = t->wish;
    import_id id = {0};
    struct import i = {0};
    if (w->is_export) {
        export_talk(t);
        return;
    }
    enum err e = file_take(t);
    if (e == OK)
        e = begin(t, &id);
    if (e != OK)
        talk_refuse(t, why_text(&t->cx, e));
    else if (follow(t, id, &i) == OK && i.figures.rejected && i.state != IMPORT_READY)
        rejected_send(t, &i);
    import_stage_close(w->stage);
}

static enum err talk_read(struct talk *t, str line)
{
    struct import_talk *w = t->wish;
    w->is_export = str_starts(line, S("{\"export\":"));
    return w->is_export ? json_read(&t->cx, &export_line_shape, line, &w->export, NULL)
                        : json_read(&t->cx, &wish_line_shape, line, &w->wish, NULL);
}

const struct talk_kind import_talk = {sizeof(struct import_talk),
                                      (size_t)32 << 20,
                                      4,
                                      "the server has no room for another import just now",
                                      talk_read,
                                      import_talk_all,
                                      talk_refuse};

/* ---- at the command -------------------------------------------------------------------------------- */

struct job {
    struct arena *arena, *line_arena; /* line_arena: of the last word */
    struct cx cx;
    const char *data, *store, *path, *rejected;
    struct wish wish;
    bool json;
    int64_t begun_ns;
    bool is_shown;
    struct import_file *file;
    int64_t changed_ns;
    FILE *out; /* rejected rows */
};

static int wrong(str why)
{
    fprintf(stderr, "kith: " SFMT "; `kith help` shows how it is written\n", SARG(why));
    return 2;
}

static void bar(struct job *j, const struct word *w)
{
    enum { WIDTH = 30 };
    if (j->json || !isatty(STDERR_FILENO) || clock_mono_ns() - j->begun_ns < 1000000000)
        return;
    int full = w->size ? (int)(w->at_byte * WIDTH / w->size) : 0;
    char line[WIDTH + 1];
    for (int i = 0; i < WIDTH; i++)
        line[i] = i < full ? '#' : '.';
    line[WIDTH] = 0;
    fprintf(stderr, "\r[%s] %lld rows, %lld rejected ", line, (long long)w->rows,
            (long long)w->rejected);
    j->is_shown = true;
}

static FILE *rejected_open(struct job *j)
{
    if (!j->out) {
        int fd = open(j->rejected, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        j->out = fd < 0 ? NULL : fdopen(fd, "w");
        if (!j->out)
            fprintf(stderr, "kith: %s cannot be written: %s\n", j->rejected, strerror(errno));
    }
    return j->out;
}

static int told(struct job *j, const struct word *w)
{
    double seconds = (double)(clock_mono_ns() - j->begun_ns) / 1e9;
    bool has_file = j->out != NULL && fclose(j->out) == 0;
    j->out = NULL;
    if (j->is_shown)
        fputc('\n', stderr);
    bool is_done = str_eq(w->state, S("done")) ||
                   (j->wish.dry_run && str_eq(w->state, S("ready")) && !w->error.len);
    if (!is_done) {
        bool goes_on = is_at_work(w->state);
        fprintf(stderr, "kith: " SFMT "\n",
                SARG(w->error.len ? w->error
                     : goes_on
                         ? S("the server has stopped; the import goes on when it is started again")
                         : S("the import was cancelled")));
        return 1;
    }
    if (j->json) {
        struct text t = text_in(j->arena, 1 << 20);
        struct json_out o = {.to = &t};
        json_object_begin(&o);
        json_key(&o, S("rows")), json_int(&o, w->rows);
        json_key(&o, S("made")), json_int(&o, w->made);
        json_key(&o, S("changed")), json_int(&o, w->changed);
        json_key(&o, S("same")), json_int(&o, w->same);
        json_key(&o, S("rejected")), json_int(&o, w->rejected);
        json_key(&o, S("dry_run")), json_bool(&o, j->wish.dry_run);
        json_key(&o, S("rejected_file"));
        if (has_file)
            json_str(&o, str_of(j->rejected));
        else
            json_null(&o);
        json_key(&o, S("seconds")), json_double(&o, seconds);
        if (w->checked.len)
            json_key(&o, S("checked")), json_raw(&o, w->checked);
        json_object_end(&o);
        fwrite(t.ptr, 1, t.len, stdout);
        putchar('\n');
    } else {
        printf("kith: %s%lld rows: %lld new, %lld changed, %lld the same, %lld rejected%s%s%s\n",
               j->wish.dry_run ? "would be " : "", (long long)w->rows, (long long)w->made,
               (long long)w->changed, (long long)w->same, (long long)w->rejected,
               has_file ? " (" : "", has_file ? j->rejected : "", has_file ? ")" : "");
    }
    return fflush(stdout) == 0 ? 0 : 1;
}

static int failed(struct job *j, enum err e)
{
    if (j->is_shown)
        fputc('\n', stderr);
    fprintf(stderr, "kith: " SFMT "\n", SARG(why_text(&j->cx, e)));
    return 1;
}

/* ---- by the server ------------------------------------------------------------------------------------ */

static bool file_send(struct job *j, int fd)
{
    const struct csv_source *s = import_file_source(j->file);
    char *piece = arena_alloc(j->arena, PIECE, 1);
    for (int64_t at = 0; at < j->wish.size;) {
        int64_t left = j->wish.size - at;
        ssize_t n = s->read(s->arg, at, piece, left < PIECE ? (size_t)left : PIECE);
        if (n <= 0 || !desk_send(fd, (str){piece, (size_t)n}))
            return false;
        at += n;
        struct word w = {.size = j->wish.size, .at_byte = at};
        if (at % (PIECE * 64) == 0)
            bar(j, &w);
    }
    return true;
}

/* The next line of the server; false: there is none. */
static bool word_read(struct job *j, FILE *in, char **line, size_t *cap, struct word *w)
{
    ssize_t n = getline(line, cap, in);
    if (n <= 0)
        return false;
    arena_reset(j->line_arena);
    struct cx own = j->cx;
    own.arena = j->line_arena;
    return json_read(&own, &word_shape, (str){*line, (size_t)n}, w, NULL) == OK;
}

/* True: a server holds the directory, *status is what came of it. */
static bool by_server(struct job *j, int *status)
{
    int fd = desk_connect(j->data);
    FILE *in = fd < 0 ? NULL : fdopen(fd, "r");
    if (in) {
        struct wish_line w = {j->wish};
        struct word said = {.error = S("the server that holds the directory did not answer")};
        char *line = NULL;
        size_t cap = 0;
        bool is_taken = desk_line_send(fd, j->arena, &wish_line_shape, &w) &&
                        word_read(j, in, &line, &cap, &said) && str_eq(said.state, S("send"));
        if (is_taken) {
            (void)file_send(j, fd); /* what goes wrong the server says */
            said = (struct word){
                .error = S("the server went away; the import goes on when it is started again")};
            while (word_read(j, in, &line, &cap, &said)) {
                bar(j, &said);
                if (!is_at_work(said.state))
                    break;
            }
        }
        char buf[16384];
        for (size_t n; is_taken && (n = fread(buf, 1, sizeof buf, in)) > 0;)
            if (!rejected_open(j) || fwrite(buf, 1, n, j->out) != n)
                break;
        *status = told(j, &said);
        free(line);
        fclose(in);
    }
    return in != NULL;
}

/* ---- by oneself ------------------------------------------------------------------------------------------ */

/* The same file under the same name: its size, when it was written, and the hash of both ends. */
static str finger_of(struct job *j)
{
    const struct csv_source *s = import_file_source(j->file);
    enum { END = 64 << 10 };
    char *ends = arena_alloc(j->arena, 2 * END, 1);
    ssize_t a = s->read(s->arg, 0, ends, END),
            b = s->read(s->arg, s->size > END ? s->size - END : 0, ends + END, END);
    uint8_t h[32];
    sha256(arena_printf(j->arena, "%lld %lld " SFMT " %.*s", (long long)s->size,
                        (long long)j->changed_ns, SARG(j->wish.map), 0, ""),
           h);
    uint8_t e[32];
    sha256((str){ends, (size_t)(a > 0 ? a : 0)}, e);
    for (int i = 0; i < 32; i++)
        h[i] ^= e[i];
    sha256((str){ends + END, (size_t)(b > 0 ? b : 0)}, e);
    struct text t = text_in(j->arena, 80);
    for (int i = 0; i < 32; i++)
        text_printf(&t, "%02x", h[i] ^ e[31 - i]);
    return text_str(&t);
}

static enum err alone_begin(struct job *j, struct store *s, struct import *i)
{
    struct cx *cx = &j->cx;
    const struct csv_source *file = import_file_source(j->file);
    str finger = finger_of(j);
    enum err e = j->wish.dry_run ? ERR_NOT_FOUND
                                 : db_one(cx, &q_import_unfinished, &import_row_shape, i,
                                          ARGS(V(finger), V(import_kind_codes[j->wish.kind])));
    if (e == OK) {
        fprintf(stderr, "kith: going on at row %lld\n", (long long)i->figures.rows);
        return OK;
    }
    if (e != ERR_NOT_FOUND)
        return e;
    struct beginning b = {.dry_run = j->wish.dry_run};
    b.i = (struct import){.id = {id_new(cx->now_ms)},
                          .kind = j->wish.kind,
                          .name = j->wish.name,
                          .size = file->size,
                          .finger = finger,
                          .lang = LANG_EN};
    TRY(import_map_guess(cx, file, j->wish.kind, j->wish.map, true, &b.i.map));
    TRY(db_change(s, cx, LANE_BULK, begin_apply, &b));
    return import_get(cx, b.i.id, i);
}

static enum err alone_rejected(struct job *j, const struct import *i)
{
    struct cx own = j->cx;
    own.arena = arena_open(ARENA_BYTES);
    struct text some = text_on_heap((size_t)64 << 20);
    int64_t at = 0;
    bool finished = false;
    enum err e = own.arena ? OK : fault(&j->cx, ERR_INTERNAL, M_STORE_FAILED);
    while (e == OK && !finished) {
        some.len = 0;
        arena_reset(own.arena);
        e = import_rejected(&own, i, import_file_source(j->file), &at, &some, &finished);
        if (e != OK)
            (void)fault(&j->cx, e, M_IMPORT_UNREADABLE);
        else if (!rejected_open(j) || fwrite(some.ptr, 1, some.len, j->out) != some.len)
            finished = true; /* said already */
    }
    text_free(&some);
    arena_close(own.arena);
    return e;
}

static enum err alone(struct job *j, struct store *s, struct word *last)
{
    struct cx *cx = &j->cx;
    struct import i;
    struct import_run *r = NULL;
    bool finished = false;
    TRY(alone_begin(j, s, &i));
    enum err e = import_run_open(s, cx, &i, import_file_source(j->file), &r);
    struct fault why = cx->why;
    while (e == OK && !finished) {
        e = import_run_step(r, ALONE_ROWS, &finished);
        if (e != OK)
            why = import_run_cx(r)->why;
        struct word w = word_of(import_run_now(r));
        bar(j, &w);
    }
    import_run_close(r);
    cx->why = why;
    if (e != OK) {
        struct cx own = *cx;
        if (e != ERR_NO_SPACE && e != ERR_BUSY && import_fail(s, &own, i.id) != OK)
            log_line(LOG_ERROR, "import", "reason=failure_not_written");
        return e;
    }
    TRY(import_get(cx, i.id, &i));
    *last = word_of(&i);
    if (j->wish.dry_run)
        return OK;
    return i.figures.rejected ? alone_rejected(j, &i) : OK;
}

static int by_oneself(struct job *j)
{
    struct cx *cx = &j->cx;
    struct store_options so = {.data_dir = str_of(j->data ? j->data : ""),
                               .url = str_of(j->store ? j->store : "")};
    struct store *s = NULL;
    struct word last = {0};
    if (j->data && !become_owner(j->data)) {
        fputs("kith: the owner of the directory is somebody else, and root may not act for him\n",
              stderr);
        return 1;
    }
    enum err e = store_open(cx, &so, &s);
    if (e == OK)
        e = store_reader(s, cx, &cx->db);
    if (e == OK)
        e = alone(j, s, &last);
    reader_close(cx->db);
    cx->db = NULL;
    int status = e == OK ? told(j, &last) : failed(j, e);
    store_close(s);
    return status;
}

/* ---- the words ------------------------------------------------------------------------------------------------ */

enum { O_DATA, O_STORE, O_MAP, O_REJECTED, O_DRY_RUN, O_JSON, O_N };

static bool map_read(struct job *j, const char *path, str *why)
{
    char *bytes = arena_alloc(j->arena, MAP_MAX + 1, 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, bytes, MAP_MAX + 1);
    if (fd >= 0)
        close(fd);
    if (n < 0 || n > MAP_MAX) {
        *why = n < 0 ? arena_printf(j->arena, "%s cannot be read: %s", path, strerror(errno))
                     : arena_printf(j->arena, "%s is longer than %d bytes", path, MAP_MAX);
        return false;
    }
    j->wish.map = str_trim((str){bytes, (size_t)n});
    return true;
}

static int run(struct job *j, int argc, char **argv)
{
    struct option_row rows[O_N] = {{.name = "data"},
                                   {.name = "store"},
                                   {.name = "map"},
                                   {.name = "rejected"},
                                   {.name = "dry-run", .kind = OPTION_FLAG},
                                   {.name = "json", .kind = OPTION_FLAG}};
    bool wants_help = false;
    str why = {0};
    j->wish.kind = -1;
    for (int k = 0; argc > 0 && k < IMPORT_KIND_N; k++)
        if (strcmp(argv[0], import_kind_codes[k]) == 0)
            j->wish.kind = k;
    if (j->wish.kind < 0)
        return wrong(S("`kith import` is followed by customers, orders, interactions or all"));
    if (argc < 2 || strncmp(argv[1], "--", 2) == 0)
        return wrong(S("the file is missing"));
    if (!options_read(rows, O_N, argc - 2, argv + 2, j->arena, &wants_help, &why))
        return wrong(why);
    if (wants_help)
        return wrong(S("see there"));
    j->path = argv[1];
    j->data = rows[O_DATA].value ? rows[O_DATA].value : getenv("KITH_DATA");
    j->store = rows[O_STORE].value && strcmp(rows[O_STORE].value, "sqlite") != 0
                   ? rows[O_STORE].value
                   : NULL;
    if (!j->data && !j->store)
        return wrong(S("--data is missing"));
    const char *slash = strrchr(j->path, '/');
    j->wish.name = str_clean(j->arena, str_of(slash ? slash + 1 : j->path), 200);
    j->wish.dry_run = rows[O_DRY_RUN].n > 0;
    j->json = rows[O_JSON].n > 0;
    j->rejected = rows[O_REJECTED].value ? rows[O_REJECTED].value
                                         : arena_printf(j->arena, "%s.rejected.csv", j->path).ptr;
    if (rows[O_MAP].value && !map_read(j, rows[O_MAP].value, &why)) {
        fprintf(stderr, "kith: " SFMT "\n", SARG(why));
        return 1;
    }
    if (access(j->path, R_OK) != 0) {
        fprintf(stderr, "kith: %s cannot be read: %s\n", j->path, strerror(errno));
        return 1;
    }
    enum err e = import_file_own(&j->cx, j->path, &j->file, &j->changed_ns);
    if (e != OK)
        return failed(j, e);
    j->wish.size = import_file_source(j->file)->size;
    int status = 1;
    if (j->data && by_server(j, &status))
        return status;
    if (j->wish.dry_run && !j->store && is_no_store(j->data)) {
        fprintf(stderr, "kith: there is no store in %s\n", j->data);
        return 1;
    }
    return by_oneself(j);
}

int import_command(int argc, char **argv)
{
    if (argc > 0 && strcmp(argv[0], "all") == 0)
        return import_all_command(argc - 1, argv + 1);
    struct job j = {.arena = arena_open(ARENA_BYTES),
                    .line_arena = arena_open(1 << 20),
                    .begun_ns = clock_mono_ns()};
    if (!j.arena || !j.line_arena) {
        arena_close(j.arena);
        arena_close(j.line_arena);
        return 1;
    }
    j.cx = (struct cx){.arena = j.arena,
                       .now_ms = clock_now_ms(),
                       .actor = {.kind = ACTOR_SYSTEM},
                       .if_match = -1,
                       .peer = S("")};
    log_level_set(LOG_WARN);             /* the terminal is for the figures */
    mallopt(M_MMAP_THRESHOLD, 64 << 20); /* what one batch took is for the next */
    mallopt(M_TRIM_THRESHOLD, 128 << 20);
    int status = run(&j, argc, argv);
    import_file_close(j.file);
    if (j.out)
        fclose(j.out);
    arena_close(j.line_arena);
    arena_close(j.arena);
    return status;
}

/* ---- kith export ----------------------------------------------------------------------------------- */

enum { E_DATA, E_STORE, E_FORMAT, E_WHERE, E_OUT, E_N };

static bool piece_write(void *arg, str piece)
{
    return fwrite(piece.ptr, 1, piece.len, arg) == piece.len;
}

static int export_failed(str why)
{
    fprintf(stderr, "kith: " SFMT "\n", SARG(why));
    return 1;
}

/* Pieces from the server; *why when it is not whole. */
static bool pieces_take(FILE *in, FILE *out, struct arena *a, str *why)
{
    char *line = NULL;
    size_t cap = 0;
    bool is_whole = false;
    *why = S("the server went away before the export was whole");
    for (ssize_t n; !is_whole && (n = getline(&line, &cap, in)) > 0;) {
        str head = str_trim((str){line, (size_t)n});
        int64_t left = 0;
        if (str_starts(head, S("! ")))
            *why = arena_str(a, (str){head.ptr + 2, head.len - 2});
        if (!str_to_int(head, &left) || left < 0)
            break;
        is_whole = left == 0;
        char buf[65536];
        while (left > 0) {
            size_t got = fread(buf, 1, left < (int64_t)sizeof buf ? (size_t)left : sizeof buf, in);
            if (got == 0 || fwrite(buf, 1, got, out) != got)
                break;
            left -= (int64_t)got;
        }
        if (left > 0)
            break;
    }
    free(line);
    return is_whole;
}

static bool export_by_server(struct cx *cx, const char *data, const struct export_wish *w,
                             FILE *out, bool *is_whole, str *why)
{
    int fd = desk_connect(data);
    FILE *in = fd < 0 ? NULL : fdopen(fd, "r");
    if (in) {
        struct export_line l = {*w};
        *is_whole = desk_line_send(fd, cx->arena, &export_line_shape, &l) &&
                    pieces_take(in, out, cx->arena, why);
        fclose(in);
    }
    return in != NULL;
}

static bool export_by_oneself(struct cx *cx, const char *data, const char *url,
                              struct export_wish *w, FILE *out, str *why)
{
    struct store_options so = {.data_dir = str_of(data ? data : ""), .url = str_of(url ? url : "")};
    struct store *s = NULL;
    if (!url && is_no_store(data)) {
        *why = arena_printf(cx->arena, "there is no store in %s", data);
        return false;
    }
    if (data && !become_owner(data)) {
        *why = S("the owner of the directory is somebody else, and root may not act for him");
        return false;
    }
    enum err e = store_open(cx, &so, &s);
    if (e == OK)
        e = store_reader(s, cx, &cx->db);
    if (e == OK)
        e = export_all(s, cx, w, piece_write, out);
    if (e != OK)
        *why = why_text(cx, e);
    reader_close(cx->db);
    cx->db = NULL;
    store_close(s);
    return e == OK;
}

static int export_run(struct arena *a, int argc, char **argv)
{
    struct option_row rows[E_N] = {{.name = "data"},
                                   {.name = "store"},
                                   {.name = "format"},
                                   {.name = "where"},
                                   {.name = "out"}};
    bool wants_help = false;
    str why = {0};
    struct export_wish w = {.what = -1};
    for (int k = 0; argc > 0 && k < (int)COUNT(what_codes); k++)
        if (strcmp(argv[0], what_codes[k]) == 0)
            w.what = k;
    if (w.what < 0)
        return wrong(S("`kith export` is followed by customers, orders or all"));
    if (!options_read(rows, E_N, argc - 1, argv + 1, a, &wants_help, &why))
        return wrong(why);
    if (wants_help)
        return wrong(S("see there"));
    const char *data = rows[E_DATA].value ? rows[E_DATA].value : getenv("KITH_DATA"),
               *url = rows[E_STORE].value && strcmp(rows[E_STORE].value, "sqlite") != 0
                          ? rows[E_STORE].value
                          : NULL,
               *format = rows[E_FORMAT].value, *path = rows[E_OUT].value;
    if (!data && !url)
        return wrong(S("--data is missing"));
    if (format && strcmp(format, "csv") != 0 && strcmp(format, "ndjson") != 0)
        return wrong(S("--format is csv or ndjson"));
    w.format = format && strcmp(format, "ndjson") == 0 ? EXPORT_NDJSON : EXPORT_CSV;
    w.where = str_of(rows[E_WHERE].value);
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600)
                  : STDOUT_FILENO;
    FILE *out = path && fd >= 0 ? fdopen(fd, "w") : path ? NULL : stdout;
    if (!out)
        return export_failed(arena_printf(a, "%s cannot be written: %s", path, strerror(errno)));
    struct cx cx = {.arena = a,
                    .now_ms = clock_now_ms(),
                    .actor = {.kind = ACTOR_SYSTEM},
                    .if_match = -1,
                    .peer = S("")};
    bool is_whole = false;
    if (!data || !export_by_server(&cx, data, &w, out, &is_whole, &why))
        is_whole = export_by_oneself(&cx, data, url, &w, out, &why);
    bool is_kept = fflush(out) == 0;
    if (path && fclose(out) != 0)
        is_kept = false;
    if (!is_whole)
        return export_failed(why);
    return is_kept ? 0 : export_failed(S("the export could not be written"));
}

int export_command(int argc, char **argv)
{
    if (argc > 0 && strcmp(argv[0], "all") == 0)
        return export_all_command(argc - 1, argv + 1);
    struct arena *a = arena_open(ARENA_BYTES);
    log_level_set(LOG_WARN);
    int status = a ? export_run(a, argc, argv) : 1;
    arena_close(a);
    return status;
}
