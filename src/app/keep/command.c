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
    bool json;
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
    }
    return true;
}

/* True: a server holds the directory, a->end says how it went. */
static bool by_server(struct asked *a, const struct keep_wish *wish)
{
    struct sockaddr_un at;
    int dir = a->data ? open(a->data, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    desk_address(dir, &at);
    bool is_there =
        dir >= 0 && fd >= 0 && connect(fd, (const struct sockaddr *)&at, sizeof at) == 0;
    FILE *in = is_there ? fdopen(fcntl(fd, F_DUPFD_CLOEXEC, 0), "r") : NULL;
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
    if (fd >= 0)
        close(fd);
    if (dir >= 0)
        close(dir);
    return in != NULL;
}

static bool is_no_store(const struct asked *a)
{
    struct stat st;
    return !a->url && stat(arena_printf(a->arena, "%s/kith.db", a->data).ptr, &st) != 0;
}

static void by_oneself(struct asked *a, const struct keep_wish *wish)
{
    struct store_options so = {.data_dir = str_of(a->data ? a->data : ""),
                               .url = str_of(a->url ? a->url : ""),
                               .no_migrate = true};
    struct store *s = NULL;
    a->end = (struct keep_word){.kind = WORD_END};
    if (is_no_store(a)) {
        a->end.text = arena_printf(a->arena, "there is no store in %s", a->data);
        return;
    }
    if (a->data && !become_owner(a->data)) {
        a->end.text =
            S("the owner of the directory is somebody else, and root may not act for him");
        return;
    }
    enum err e = store_open(&a->cx, &so, &s);
    if (e == OK)
        e = store_reader(s, &a->cx, &a->cx.db);
    if (e == OK) {
        struct keep_run r = {.store = s,
                             .cx = &a->cx,
                             .data_dir = so.data_dir,
                             .key_file = str_of(a->key_file ? a->key_file : ""),
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
    bool wants_help = false;
    str why = {0};
    if (!options_read(rows, COUNT(rows), argc, argv, a->arena, &wants_help, &why))
        return wrong(why);
    if (wants_help)
        return wrong(S("see there"));
    if (!where(a, &rows[0], &rows[1]))
        return wrong(S("--data is missing"));
    a->json = rows[2].n > 0;
    const struct keep_wish w = {.verb = KEEP_CHECK, .repair = rows[3].n > 0};
    if (!by_server(a, &w))
        by_oneself(a, &w);
    return told_check(a);
}

int check_command(int argc, char **argv)
{
    struct asked a;
    log_level_set(LOG_WARN);
    int status = asked_open(&a) ? check_run(&a, argc, argv) : 1;
    asked_close(&a);
    return status;
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

static int told_figures(struct asked *a, const char *done, int64_t bytes)
{
    double seconds = (double)(clock_mono_ns() - a->begun_ns) / 1e9;
    line_clear(a);
    if (a->json) {
        struct text t = text_in(a->arena, 4096);
        struct json_out o = {.to = &t};
        json_object_begin(&o);
        json_key(&o, S("bytes")), json_int(&o, bytes);
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
    bool wants_help = false;
    str why = {0};
    struct keep_wish w = {.verb = KEEP_BACKUP};
    if (!options_read(rows, COUNT(rows), argc, argv, a->arena, &wants_help, &why))
        return wrong(why);
    if (wants_help)
        return wrong(S("see there"));
    if (!where(a, &rows[0], &rows[1]))
        return wrong(S("--data is missing"));
    if (!rows[2].value)
        return wrong(S("--to is missing"));
    if (a->url)
        return failed(S("a store on PostgreSQL is backed up by its own tools"));
    a->key_file = rows[3].value;
    a->json = rows[4].n > 0;
    if (!absolute(a, rows[2].value, &w.to))
        return failed(
            arena_printf(a->arena, "%s cannot be written: %s", rows[2].value, strerror(errno)));
    if (!by_server(a, &w))
        by_oneself(a, &w);
    if (!a->end.is_fine) {
        line_clear(a);
        return failed(a->end.text);
    }
    return told_figures(a, "the backup is written, and was restored once to see that it can be",
                        a->end.bytes);
}

int backup_command(int argc, char **argv)
{
    struct asked a;
    log_level_set(LOG_WARN);
    int status = asked_open(&a) ? backup_run(&a, argc, argv) : 1;
    asked_close(&a);
    return status;
}

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
                                {.name = "json", .kind = OPTION_FLAG}};
    bool wants_help = false;
    str why = {0}, recovery = {0};
    when at = {INT64_MAX};
    if (!options_read(rows, COUNT(rows), argc, argv, a->arena, &wants_help, &why))
        return wrong(why);
    if (wants_help)
        return wrong(S("see there"));
    if (!where(a, &rows[0], &rows[1]) || !a->data)
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
    const struct restore_wish w = {rows[2].value, a->data, at.ms, false, show_restore, a};
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
    struct asked a;
    log_level_set(LOG_WARN);
    int status = asked_open(&a) ? restore_run(&a, argc, argv) : 1;
    asked_close(&a);
    return status;
}

/* ---- kith release ------------------------------------------------------------------------------- */

static int release_run(struct asked *a, int argc, char **argv)
{
    struct option_row rows[] = {{.name = "data"}, {.name = "store"}};
    bool wants_help = false;
    str why = {0};
    const struct keep_wish w = {.verb = KEEP_RELEASE};
    if (!options_read(rows, COUNT(rows), argc, argv, a->arena, &wants_help, &why))
        return wrong(why);
    if (wants_help)
        return wrong(S("see there"));
    if (!where(a, &rows[0], &rows[1]))
        return wrong(S("--data is missing"));
    if (!by_server(a, &w))
        by_oneself(a, &w);
    if (!a->end.is_fine)
        return failed(a->end.text);
    puts(a->end.done ? "kith: sending is released" : "kith: sending is not held");
    return fflush(stdout) == 0 ? 0 : 1;
}

int release_command(int argc, char **argv)
{
    struct asked a;
    log_level_set(LOG_WARN);
    int status = asked_open(&a) ? release_run(&a, argc, argv) : 1;
    asked_close(&a);
    return status;
}
