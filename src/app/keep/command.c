/* app/keep/command.c - `kith check`: done here, or by the server that holds the directory. */
#include "app/commands.h"
#include "app/keep/copy.h"
#include "app/keep/desk.h"
#include "app/options.h"
#include "app/people.h"
#include "messages.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static const size_t ARENA_BYTES = (size_t)32 << 20;

struct asked {
    struct arena *arena, *line_arena;
    struct cx cx;
    const char *data, *url; /* url NULL: SQLite */
    const char *key_file;
    bool json, is_piped; /* is_piped: what is made goes to standard output */
    int64_t begun_ns;
    bool is_shown;
    struct text damages; /* JSON objects */
    struct keep_word end;
};

static int wrong(str why)
{
    fprintf(stderr, "kith: " SFMT "; `kith help` shows how it is written\n", SARG(why));
    return 2;
}

static int failed(str why)
{
    fprintf(stderr, "kith: " SFMT "\n", SARG(why));
    return 1;
}

static void line_clear(struct asked *a)
{
    if (a->is_shown)
        fputs("\r\033[K", stderr);
    a->is_shown = false;
}

static void show_step(struct asked *a, const struct keep_word *w)
{
    if (a->json || !isatty(STDERR_FILENO) || clock_mono_ns() - a->begun_ns < 1000000000)
        return;
    line_clear(a);
    if (w->total)
        fprintf(stderr, SFMT ": %lld of %lld", SARG(w->part), (long long)w->done,
                (long long)w->total);
    else
        fprintf(stderr, SFMT ": %lld", SARG(w->part), (long long)w->done);
    a->is_shown = true;
}

static void note_damage(struct asked *a, const struct keep_word *w)
{
    struct json_out o = {.to = &a->damages};
    if (a->damages.len)
        text_add_char(&a->damages, ',');
    json_object_begin(&o);
    json_key(&o, S("code")), json_str(&o, w->code);
    json_key(&o, S("text")), json_str(&o, w->text);
    json_key(&o, S("mended")), json_bool(&o, w->is_fine);
    json_object_end(&o);
    if (a->json)
        return;
    line_clear(a);
    fprintf(stderr, "kith: %s" SFMT "\n", w->is_fine ? "mended: " : "", SARG(w->text));
}

static bool hear(void *arg, const struct keep_word *w)
{
    struct asked *a = arg;
    if (w->kind == WORD_STEP)
        show_step(a, w);
    else if (w->kind == WORD_DAMAGE)
        note_damage(a, w);
    else {
        a->end = *w;
        a->end.text = arena_str(a->arena, w->text);
        a->end.digest = arena_str(a->arena, w->digest);
        a->end.leads = arena_str(a->arena, w->leads);
    }
    return true;
}

/* True: a server holds the directory, a->end says how it went. */
static bool by_server(struct asked *a, const struct keep_wish *wish)
{
    int fd = desk_connect(a->data);
    FILE *in = fd < 0 ? NULL : fdopen(fd, "r");
    if (in) {
        struct keep_line line = {*wish};
        char *bytes = NULL;
        size_t cap = 0;
        bool is_over = false;
        a->end = (struct keep_word){.text = S("the server went away before it was done")};
        if (desk_line_send(fd, a->arena, &keep_line_shape, &line))
            for (ssize_t n; !is_over && (n = getline(&bytes, &cap, in)) > 0;) {
                struct keep_word w = {0};
                struct cx own = a->cx;
                arena_reset(a->line_arena);
                own.arena = a->line_arena;
                if (json_read(&own, &keep_word_shape, (str){bytes, (size_t)n}, &w, NULL) != OK)
                    break;
                is_over = w.kind == WORD_END;
                (void)hear(a, &w);
            }
        free(bytes);
        fclose(in);
    }
    return in != NULL;
}

/* The log does not hold what it held; --repair opens what is left, and says so. */
static bool log_is_less(struct asked *a)
{
    uint16_t msg = a->cx.why.msg;
    if (msg != M_STORE_LOG_DAMAGED && msg != M_STORE_LOG_MISSING)
        return false;
    const struct keep_word w = {.kind = WORD_DAMAGE,
                                .is_fine = true,
                                .code = str_of(msg_name(msg)),
                                .text = fault_text(a->arena, LANG_EN, &a->cx.why)};
    note_damage(a, &w);
    a->cx.why = (struct fault){0};
    return true;
}

/* SQLite's own look at its indexes jumps about in them: at a million customers it takes half as long when those of the largest
 * table find room. */
static unsigned cache_for_check(void)
{
    int64_t mb = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE) >> 20;
    return mb > 8 * 400 ? 400 : mb > 8 * 96 ? (unsigned)(mb / 8) : 96;
}

static void by_oneself(struct asked *a, const struct keep_wish *wish)
{
    struct store_options so = {.data_dir = str_of(a->data ? a->data : ""),
                               .url = str_of(a->url ? a->url : ""),
                               .cache_mb = wish->verb == KEEP_CHECK ? cache_for_check() : 0,
                               .no_migrate = true};
    struct store *s = NULL;
    a->end = (struct keep_word){.kind = WORD_END};
    if (!a->url && is_no_store(a->data)) {
        a->end.text = arena_printf(a->arena, "there is no store in %s", a->data);
        return;
    }
    if (a->data && !become_owner(a->data)) {
        a->end.text =
            S("the owner of the directory is somebody else, and root may not act for him");
        return;
    }
    enum err e = store_open(&a->cx, &so, &s);
    if (e != OK && wish->repair && log_is_less(a)) {
        so.takes_less = true;
        e = store_open(&a->cx, &so, &s);
    }
    if (e == OK)
        e = store_reader(s, &a->cx, &a->cx.db);
    if (e == OK) {
        struct keep_run r = {.store = s,
                             .cx = &a->cx,
                             .data_dir = so.data_dir,
                             .is_alone = true,
                             .say = hear,
                             .arg = a};
        keep_carry_out(&r, wish);
    } else {
        a->end.text =
            a->cx.why.msg ? fault_text(a->arena, LANG_EN, &a->cx.why) : str_of(err_code(e));
    }
    reader_close(a->cx.db);
    a->cx.db = NULL;
    store_close(s);
}

static bool asked_open(struct asked *a)
{
    *a = (struct asked){.arena = arena_open(ARENA_BYTES),
                        .line_arena = arena_open((size_t)1 << 20),
                        .begun_ns = clock_mono_ns(),
                        .damages = text_on_heap((size_t)8 << 20)};
    a->cx = (struct cx){.arena = a->arena,
                        .now_ms = clock_now_ms(),
                        .actor = {.kind = ACTOR_SYSTEM},
                        .if_match = -1,
                        .peer = S("")};
    return a->arena && a->line_arena;
}

static void asked_close(struct asked *a)
{
    arena_close(a->arena);
    arena_close(a->line_arena);
    text_free(&a->damages);
}

/* --data and --store, as every command has them. */
static bool where(struct asked *a, const struct option_row *data, const struct option_row *store)
{
    a->data = data->value ? data->value : getenv("KITH_DATA");
    a->url = store->value && strcmp(store->value, "sqlite") != 0 ? store->value : NULL;
    return a->data || a->url;
}

/* What each of these commands begins with; rows[0] is --data, rows[1] --store. 0: go on, else how it ends. */
static int begun(struct asked *a, struct option_row *rows, size_t n, int argc, char **argv)
{
    bool wants_help = false;
    str why = {0};
    if (!options_read(rows, n, argc, argv, a->arena, &wants_help, &why))
        return wrong(why);
    if (wants_help)
        return wrong(S("see there"));
    return where(a, &rows[0], &rows[1]) ? 0 : wrong(S("--data is missing"));
}

static void carried_out(struct asked *a, const struct keep_wish *w)
{
    if (!by_server(a, w))
        by_oneself(a, w);
}

static int command(int (*run)(struct asked *, int, char **), int argc, char **argv)
{
    struct asked a;
    log_level_set(LOG_WARN);
    int status = asked_open(&a) ? run(&a, argc, argv) : 1;
    asked_close(&a);
    return status;
}

/* ---- kith check ------------------------------------------------------------------------------- */

static int told_check(struct asked *a)
{
    const struct keep_word *w = &a->end;
    bool is_sound = w->is_fine && w->damages == w->mended;
    line_clear(a);
    if (a->json) {
        struct text t = text_on_heap((size_t)9 << 20);
        struct json_out o = {.to = &t};
        json_object_begin(&o);
        json_key(&o, S("sound")), json_bool(&o, is_sound);
        json_key(&o, S("partial")), json_bool(&o, w->is_partial);
        json_key(&o, S("rows")), json_int(&o, w->rows);
        json_key(&o, S("damages")), json_int(&o, w->damages);
        json_key(&o, S("mended")), json_int(&o, w->mended);
        json_key(&o, S("found"));
        json_raw(&o, arena_printf(a->arena, "[" SFMT "]", SARG(text_str(&a->damages))));
        json_key(&o, S("seconds"));
        json_double(&o, (double)(clock_mono_ns() - a->begun_ns) / 1e9);
        json_object_end(&o);
        fwrite(t.ptr, 1, t.len, stdout);
        putchar('\n');
        text_free(&t);
    }
    if (!w->is_fine)
        return failed(w->text);
    if (!a->json && is_sound)
        printf("kith: the store is sound%s: %lld rows%s\n",
               w->is_partial ? " as far as it was checked" : "", (long long)w->rows,
               w->mended ? arena_printf(a->arena, ", %lld damages mended", (long long)w->mended).ptr
                         : "");
    else if (!a->json)
        fprintf(stderr, "kith: the store is damaged: %lld found, %lld mended\n",
                (long long)w->damages, (long long)w->mended);
    return fflush(stdout) == 0 && is_sound ? 0 : 1;
}

static int check_run(struct asked *a, int argc, char **argv)
{
    struct option_row rows[] = {{.name = "data"},
                                {.name = "store"},
                                {.name = "json", .kind = OPTION_FLAG},
                                {.name = "repair", .kind = OPTION_FLAG}};
    int status = begun(a, rows, COUNT(rows), argc, argv);
    if (status)
        return status;
    a->json = rows[2].n > 0;
    const struct keep_wish w = {.verb = KEEP_CHECK, .repair = rows[3].n > 0};
    carried_out(a, &w);
    return told_check(a);
}

int check_command(int argc, char **argv)
{
    return command(check_run, argc, argv);
}

/* ---- kith classify ---------------------------------------------------------------------------- */

static int told_classes(struct asked *a)
{
    const struct keep_word *w = &a->end;
    str rest = w->leads;
    line_clear(a);
    if (!w->is_fine)
        return failed(w->text);
    if (a->json) {
        struct text t = text_in(a->arena, 4096);
        struct json_out o = {.to = &t};
        json_object_begin(&o);
        json_key(&o, S("customers")), json_int(&o, w->rows);
        json_key(&o, S("changed")), json_int(&o, w->changed);
        json_key(&o, S("leads"));
        json_object_begin(&o);
        while (rest.len) {
            int64_t n = 0;
            json_key(&o, str_cut(&rest, ' '));
            if (!str_to_int(str_cut(&rest, ' '), &n))
                n = 0;
            json_int(&o, n);
        }
        json_object_end(&o);
        json_key(&o, S("seconds"));
        json_double(&o, (double)w->done / 1000);
        json_object_end(&o);
        fwrite(t.ptr, 1, t.len, stdout);
        putchar('\n');
    } else {
        printf("kith: %lld customers judged in %.1f s, %lld of them changed: " SFMT "\n",
               (long long)w->rows, (double)w->done / 1000, (long long)w->changed, SARG(w->leads));
    }
    return fflush(stdout) == 0 ? 0 : 1;
}

static int classify_run(struct asked *a, int argc, char **argv)
{
    struct option_row rows[] = {
        {.name = "data"}, {.name = "store"}, {.name = "json", .kind = OPTION_FLAG}};
    const struct keep_wish w = {.verb = KEEP_CLASSIFY};
    int status = begun(a, rows, COUNT(rows), argc, argv);
    if (status)
        return status;
    a->json = rows[2].n > 0;
    carried_out(a, &w);
    return told_classes(a);
}

int classify_command(int argc, char **argv)
{
    return command(classify_run, argc, argv);
}

/* ---- kith backup ------------------------------------------------------------------------------ */

/* The server stands elsewhere: a path from the root. */
static bool absolute(struct asked *a, const char *path, str *out)
{
    char *dir = arena_cstr(a->arena, str_of(path)), *slash = strrchr(dir, '/');
    const char *name = slash ? slash + 1 : path;
    if (slash)
        slash[slash == dir ? 1 : 0] = 0;
    char *real = realpath(slash ? (slash == dir ? "/" : dir) : ".", NULL);
    if (!real || !*name)
        return false;
    *out = arena_printf(a->arena, "%s/%s", strcmp(real, "/") == 0 ? "" : real, name);
    free(real);
    return true;
}

static bool is_directory(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int told_figures(struct asked *a, const char *done, int64_t bytes)
{
    double seconds = (double)(clock_mono_ns() - a->begun_ns) / 1e9;
    line_clear(a);
    if (a->json) {
        struct text t = text_in(a->arena, 4096);
        struct json_out o = {.to = &t};
        json_object_begin(&o);
        json_key(&o, S("bytes")), json_int(&o, bytes);
        if (a->end.done)
            json_key(&o, S("copy_seconds")), json_double(&o, (double)a->end.done / 1000);
        json_key(&o, S("seconds")), json_double(&o, seconds);
        json_object_end(&o);
        fwrite(t.ptr, 1, t.len, stdout);
        putchar('\n');
    } else {
        printf("kith: %s: %lld bytes in %.1f s\n", done, (long long)bytes, seconds);
    }
    return fflush(stdout) == 0 ? 0 : 1;
}

static int backup_run(struct asked *a, int argc, char **argv)
{
    struct option_row rows[] = {{.name = "data"},
                                {.name = "store"},
                                {.name = "to"},
                                {.name = "key-file"},
                                {.name = "json", .kind = OPTION_FLAG}};
    struct keep_wish w = {.verb = KEEP_BACKUP};
    int status = begun(a, rows, COUNT(rows), argc, argv);
    if (status)
        return status;
    if (!rows[2].value || !*rows[2].value)
        return wrong(S("--to is missing"));
    if (!a->data)
        return wrong(S("--data is missing: the keys lie there"));
    if (is_directory(rows[2].value))
        return failed(
            arena_printf(a->arena, "%s is a directory; --to names a file", rows[2].value));
    a->key_file = rows[3].value;
    a->json = rows[4].n > 0;
    if (!absolute(a, rows[2].value, &w.to))
        return failed(
            arena_printf(a->arena, "%s cannot be written: %s", rows[2].value, strerror(errno)));
    carried_out(a, &w);
    if (!a->end.is_fine) {
        line_clear(a);
        return failed(a->end.text);
    }
    return told_figures(a, "the backup is written, and was restored once to see that it can be",
                        a->end.bytes);
}

int backup_command(int argc, char **argv)
{
    return command(backup_run, argc, argv);
}

static enum err rows_take(struct asked *a, int fd, const char *name, str recovery,
                          struct move_figures *f);
static int taken(struct asked *a, enum err e, const struct move_figures *f);

/* ---- kith restore ------------------------------------------------------------------------------- */

static bool show_restore(void *arg, int64_t done, int64_t total)
{
    const struct keep_word w = {
        .kind = WORD_STEP, .part = S("restore"), .done = done, .total = total};
    show_step(arg, &w);
    return true;
}

static ssize_t read_fd(void *arg, void *p, size_t n)
{
    return read(*(int *)arg, p, n);
}

/* Words on standard input: a recovery key. */
static bool stdin_words(struct arena *a, str *out)
{
    enum { WORDS_MAX = 4096 };
    char *bytes = arena_alloc(a, WORDS_MAX, 1);
    size_t n = fread(bytes, 1, WORDS_MAX, stdin);
    *out = str_trim((str){bytes, n});
    return out->len > 0 && n < WORDS_MAX;
}

static enum err ring_of(struct asked *a, const char *file, const char *dir, str recovery,
                        struct keyring **out)
{
    struct box_in *b = NULL;
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fault(&a->cx, ERR_INVALID, M_KEEP_UNREAD, MARG("file", str_of(file)),
                     MARG("reason", str_of(strerror(errno))));
    enum err e = box_in_open(&a->cx, str_of(file), read_fd, &fd, &b);
    if (e == OK)
        e = keep_ring_of_file(&a->cx, b, str_of(file), str_of(dir),
                              str_of(a->key_file ? a->key_file : ""), recovery, out);
    box_in_close(b);
    close(fd);
    return e;
}

static int restore_run(struct asked *a, int argc, char **argv)
{
    struct option_row rows[] = {{.name = "data"},
                                {.name = "store"},
                                {.name = "from"},
                                {.name = "at"},
                                {.name = "key-file"},
                                {.name = "recovery-key-stdin", .kind = OPTION_FLAG},
                                {.name = "json", .kind = OPTION_FLAG},
                                {.name = "replace", .kind = OPTION_FLAG}};
    str recovery = {0};
    when at = {INT64_MAX};
    int status = begun(a, rows, COUNT(rows), argc, argv);
    if (status)
        return status;
    if (!a->data)
        return wrong(S("--data is missing"));
    if (!rows[2].value)
        return wrong(S("--from is missing"));
    if (rows[3].value && !when_parse(str_of(rows[3].value), &at))
        return wrong(S("--at is a time as in 2026-01-31T14:00:00Z"));
    a->key_file = rows[4].value;
    a->json = rows[6].n > 0;
    if (rows[5].n && !stdin_words(a->arena, &recovery))
        return wrong(S("the recovery key on standard input is empty or too long"));
    struct keyring *ring = NULL;
    struct restored done = {0};
    struct move_figures f = {0};
    int fd = open(rows[2].value, O_RDONLY | O_CLOEXEC);
    uint8_t head[BOX_HEAD] = {0};
    bool is_rows = fd >= 0 && pread(fd, head, sizeof head, 0) == BOX_HEAD && head[9] == BOX_ROWS;
    if (is_rows && rows[3].value)
        return failed(S("a backup of rows holds one moment only; --at is for backups of SQLite"));
    if (is_rows || a->url) {
        enum err taken_e =
            fd < 0 ? fault(&a->cx, ERR_INVALID, M_KEEP_UNREAD, MARG("file", str_of(rows[2].value)),
                           MARG("reason", str_of(strerror(errno))))
                   : rows_take(a, fd, rows[2].value, recovery, &f);
        if (fd >= 0)
            close(fd);
        return taken(a, taken_e, &f);
    }
    if (fd >= 0)
        close(fd);
    const struct restore_wish w = {.from = rows[2].value,
                                   .dir = a->data,
                                   .at_ms = at.ms,
                                   .replaces = rows[7].n > 0,
                                   .goes_on = show_restore,
                                   .arg = a};
    enum err e = ring_of(a, rows[2].value, a->data, recovery, &ring);
    if (e == OK)
        e = backup_restore(&a->cx, ring, &w, &done);
    keyring_close(ring);
    line_clear(a);
    if (e != OK)
        return failed(a->cx.why.msg ? fault_text(a->arena, LANG_EN, &a->cx.why)
                                    : str_of(err_code(e)));
    if (!a->json)
        printf("kith: restored as it was at " SFMT
               "; nothing is sent from it until `kith release --data %s`\n",
               SARG(when_text(a->arena, (when){done.at_ms})), a->data);
    return told_figures(a, "done", done.bytes);
}

int restore_command(int argc, char **argv)
{
    return command(restore_run, argc, argv);
}

/* ---- kith export all, kith import all ---------------------------------------------------------- */

static int told_rows(struct asked *a, const char *done, int64_t rows, int64_t bytes, str digest)
{
    double seconds = (double)(clock_mono_ns() - a->begun_ns) / 1e9;
    FILE *to = a->is_piped ? stderr : stdout;
    line_clear(a);
    if (a->json) {
        struct text t = text_in(a->arena, 4096);
        struct json_out o = {.to = &t};
        json_object_begin(&o);
        json_key(&o, S("rows")), json_int(&o, rows);
        json_key(&o, S("bytes")), json_int(&o, bytes);
        json_key(&o, S("digest")), json_str(&o, digest);
        json_key(&o, S("seconds")), json_double(&o, seconds);
        json_object_end(&o);
        fwrite(t.ptr, 1, t.len, to);
        fputc('\n', to);
    } else {
        fprintf(to, "kith: %s: %lld rows, %lld bytes in %.1f s\n", done, (long long)rows,
                (long long)bytes, seconds);
    }
    return fflush(to) == 0 ? 0 : 1;
}

static bool to_stdout(const char *path)
{
    char buf[65536];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool is_fine = fd >= 0;
    for (ssize_t n = 1; is_fine && n > 0;) {
        n = read(fd, buf, sizeof buf);
        is_fine = n >= 0 && fwrite(buf, 1, (size_t)n, stdout) == (size_t)n;
    }
    if (fd >= 0)
        close(fd);
    return is_fine && fflush(stdout) == 0;
}

/* The word that is no option and no option's value, taken out; NULL: there is none. */
static const char *file_word(int *argc, char **argv)
{
    for (int i = 0; i < *argc; i++) {
        bool is_option = strncmp(argv[i], "--", 2) == 0,
             is_flag = strcmp(argv[i], "--json") == 0 ||
                       strcmp(argv[i], "--recovery-key-stdin") == 0 ||
                       strcmp(argv[i], "--help") == 0 || strchr(argv[i], '=');
        if (is_option) {
            i += !is_flag;
            continue;
        }
        const char *word = argv[i];
        for (int k = i; k + 1 < *argc; k++)
            argv[k] = argv[k + 1];
        --*argc;
        return word;
    }
    return NULL;
}

static int export_all_run(struct asked *a, int argc, char **argv)
{
    struct option_row rows[] = {{.name = "data"},
                                {.name = "store"},
                                {.name = "out"},
                                {.name = "key-file"},
                                {.name = "json", .kind = OPTION_FLAG}};
    struct keep_wish w = {.verb = KEEP_EXPORT};
    const char *to = NULL;
    to = file_word(&argc, argv);
    int status = begun(a, rows, COUNT(rows), argc, argv);
    if (status)
        return status;
    if (!a->data)
        return wrong(S("--data is missing"));
    to = to ? to : rows[2].value ? rows[2].value : "-";
    a->key_file = rows[3].value;
    a->json = rows[4].n > 0;
    a->is_piped = strcmp(to, "-") == 0;
    if (a->is_piped)
        to = arena_printf(a->arena, "%s/export.%d", a->data, (int)getpid()).ptr;
    if (is_directory(to))
        return failed(arena_printf(a->arena, "%s is a directory; an export goes into a file", to));
    if (!absolute(a, to, &w.to))
        return failed(arena_printf(a->arena, "%s cannot be written: %s", to, strerror(errno)));
    carried_out(a, &w);
    if (!a->end.is_fine) {
        line_clear(a);
        return failed(a->end.text);
    }
    if (a->is_piped) {
        bool is_out = to_stdout(w.to.ptr);
        (void)unlink(w.to.ptr);
        if (!is_out)
            return failed(S("the export could not be written"));
    }
    return told_rows(a, "exported", a->end.rows, a->end.bytes, a->end.digest);
}

int export_all_command(int argc, char **argv)
{
    return command(export_all_run, argc, argv);
}

static bool show_part(void *arg, const char *part, int64_t done, int64_t total)
{
    const struct keep_word w = {
        .kind = WORD_STEP, .part = str_of(part), .done = done, .total = total};
    show_step(arg, &w);
    return true;
}

static bool is_taken(const struct asked *a)
{
    struct stat st;
    return !a->url && stat(arena_printf(a->arena, "%s/kith.db", a->data).ptr, &st) == 0;
}

/* Rows from fd into DIR, or into a database. */
static enum err rows_take(struct asked *a, int fd, const char *name, str recovery,
                          struct move_figures *f)
{
    struct cx *cx = &a->cx;
    struct box_in *b = NULL;
    struct keyring *ring = NULL;
    const struct copy_wish w = {NULL, show_part, a};
    if (is_taken(a))
        return fault(cx, ERR_INVALID, M_KEEP_NOT_EMPTY, MARG("dir", str_of(a->data)));
    enum err e = box_in_open(cx, str_of(name), read_fd, &fd, &b);
    if (e == OK && box_in_kind(b) != BOX_ROWS)
        e = fault(cx, ERR_INVALID, M_KEEP_NOT_ROWS, MARG("file", str_of(name)));
    if (e == OK)
        e = keep_ring_of_file(cx, b, str_of(name), str_of(a->data),
                              str_of(a->key_file ? a->key_file : ""), recovery, &ring);
    if (e == OK)
        e = box_in_key(cx, b, ring);
    if (e == OK)
        e = a->url
                ? rows_into_database(cx, b, ring, str_of(name), a->data, a->url, &w, f)
                : rows_into_directory(cx, b, ring, str_of(name), a->data, str_of(a->data), &w, f);
    keyring_close(ring);
    box_in_close(b);
    return e;
}

static int taken(struct asked *a, enum err e, const struct move_figures *f)
{
    struct text hex = text_in(a->arena, 80);
    line_clear(a);
    if (e != OK)
        return failed(a->cx.why.msg ? fault_text(a->arena, LANG_EN, &a->cx.why)
                                    : str_of(err_code(e)));
    for (size_t i = 0; i < 32; i++)
        text_printf(&hex, "%02x", f->digest[i]);
    if (!a->json)
        printf("kith: nothing is sent from it until `kith release --data %s`\n", a->data);
    return told_rows(a, "taken in", f->rows, f->bytes, text_str(&hex));
}

static int import_all_run(struct asked *a, int argc, char **argv)
{
    struct option_row rows[] = {{.name = "data"},
                                {.name = "store"},
                                {.name = "key-file"},
                                {.name = "recovery-key-stdin", .kind = OPTION_FLAG},
                                {.name = "json", .kind = OPTION_FLAG}};
    str recovery = {0};
    const char *from = "-";
    struct move_figures f = {0};
    const char *named = file_word(&argc, argv);
    from = named ? named : from;
    int status = begun(a, rows, COUNT(rows), argc, argv);
    if (status)
        return status;
    if (!a->data)
        return wrong(S("--data is missing"));
    a->key_file = rows[2].value;
    a->json = rows[4].n > 0;
    bool is_stdin = strcmp(from, "-") == 0;
    if (rows[3].n && (is_stdin || !stdin_words(a->arena, &recovery)))
        return wrong(S("the recovery key comes on standard input, and the export from a file"));
    int fd = is_stdin ? STDIN_FILENO : open(from, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return failed(arena_printf(a->arena, "%s cannot be read: %s", from, strerror(errno)));
    enum err e = rows_take(a, fd, is_stdin ? "standard input" : from, recovery, &f);
    if (!is_stdin)
        close(fd);
    return taken(a, e, &f);
}

int import_all_command(int argc, char **argv)
{
    return command(import_all_run, argc, argv);
}

/* ---- kith release ------------------------------------------------------------------------------- */

static int release_run(struct asked *a, int argc, char **argv)
{
    struct option_row rows[] = {{.name = "data"}, {.name = "store"}};
    const struct keep_wish w = {.verb = KEEP_RELEASE};
    int status = begun(a, rows, COUNT(rows), argc, argv);
    if (status)
        return status;
    carried_out(a, &w);
    if (!a->end.is_fine)
        return failed(a->end.text);
    puts(a->end.done ? "kith: sending is released" : "kith: sending is not held");
    return fflush(stdout) == 0 ? 0 : 1;
}

int release_command(int argc, char **argv)
{
    return command(release_run, argc, argv);
}
