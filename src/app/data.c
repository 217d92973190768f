/* app/data.c - `kith data update` and `kith data list`. */
#include "app/commands.h"
#include "app/options.h"
#include "app/people.h"
#include "messages.h"
#include "rooms/source/source.h"
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

enum { O_DATA, O_STORE, O_FROM, O_KIND, O_LICENCE, O_ATTRIBUTION, O_JSON, O_N };
static const size_t ARENA_BYTES = (size_t)64 << 20;

static int wrong(const char *why)
{
    fprintf(stderr, "kith: %s; `kith help` shows how it is written\n", why);
    return 2;
}

static void say_made(struct cx *cx, const struct source_made *made, bool json)
{
    struct text t = text_in(cx->arena, 1 << 20);
    struct json_out j = {.to = &t};
    json_object_begin(&j);
    json_key(&j, S("made"));
    json_object_begin(&j);
    for (int key = 0; key < SOURCE_KEYS; key++) {
        if (!made->is_made[key])
            continue;
        json_key(&j, str_of(source_key_codes[key]));
        json_int(&j, made->records[key]);
        if (!json)
            printf("kith: %s: %lld records\n", source_key_codes[key],
                   (long long)made->records[key]);
    }
    json_object_end(&j);
    json_key(&j, S("passed"));
    json_array_begin(&j);
    for (size_t i = 0; i < made->passed.n; i++) {
        json_str(&j, made->passed.items[i]);
        if (!json)
            fprintf(stderr,
                    "kith: " SFMT
                    " is passed over: neither its name nor its contents say what it is\n",
                    SARG(made->passed.items[i]));
    }
    json_array_end(&j);
    json_object_end(&j);
    if (json)
        printf(SFMT "\n", SARG(text_str(&t)));
}

static int update(struct cx *cx, const char *data, const struct option_row *rows)
{
    struct source_wish w = {.data_dir = str_of(data),
                            .kind = str_of(rows[O_KIND].value),
                            .licence = str_of(rows[O_LICENCE].value),
                            .attribution = str_of(rows[O_ATTRIBUTION].value)};
    str *from = ARENA_ARRAY(cx->arena, rows[O_FROM].n + 1, str);
    for (size_t i = 0; i < rows[O_FROM].n; i++)
        from[i] = str_of(rows[O_FROM].values[i]);
    w.from = from;
    w.n_from = rows[O_FROM].n;
    struct source_made made;
    enum err e = source_update(cx, &w, &made);
    if (e != OK) {
        fprintf(stderr, "kith: " SFMT "\n", SARG(fault_text(cx->arena, LANG_EN, &cx->why)));
        return 1;
    }
    /* A server that holds the directory uses them from now on. */
    bool is_done = false;
    str said = {0};
    if (people_ask(cx, data, "sources_reload", &is_done, &said) && !is_done) {
        fprintf(stderr, "kith: the files are there, but the server did not load them: " SFMT "\n",
                SARG(said));
        return 1;
    }
    say_made(cx, &made, rows[O_JSON].n > 0);
    return 0;
}

static int list(struct cx *cx, const char *data, bool json)
{
    struct source *s = source_open(str_of(data));
    struct source_row rows[SOURCE_ROWS];
    struct text t = text_in(cx->arena, 1 << 20);
    struct json_out j = {.to = &t};
    if (!s)
        return 1;
    source_rows(s, cx, rows);
    json_array_begin(&j);
    for (size_t i = 0; i < SOURCE_ROWS; i++) {
        json_write(&j, &source_row_shape, &rows[i]);
        if (!json)
            printf("%-10s  %-8s  %-10.*s  %9lld  " SFMT "%s" SFMT "\n",
                   source_key_codes[rows[i].key], source_state_codes[rows[i].state],
                   SARG(rows[i].date), (long long)rows[i].records, SARG(rows[i].licence),
                   rows[i].attribution.len ? "; " : "", SARG(rows[i].attribution));
    }
    json_array_end(&j);
    if (json)
        printf(SFMT "\n", SARG(text_str(&t)));
    source_close(s);
    return 0;
}

static int run(struct cx *cx, const char *verb, int argc, char **argv)
{
    struct option_row rows[O_N] = {{.name = "data"},
                                   {.name = "store"},
                                   {.name = "from", .kind = OPTION_MANY},
                                   {.name = "kind"},
                                   {.name = "licence"},
                                   {.name = "attribution"},
                                   {.name = "json", .kind = OPTION_FLAG}};
    bool wants_help = false, is_list = strcmp(verb, "list") == 0;
    str why = {0};
    struct stat st;
    if (!options_read(rows, O_N, argc, argv, cx->arena, &wants_help, &why))
        return wrong(arena_cstr(cx->arena, why));
    const char *data = rows[O_DATA].value ? rows[O_DATA].value : getenv("KITH_DATA");
    if (wants_help || !data)
        return wrong(wants_help ? "see there" : "--data is missing");
    if (is_list && (rows[O_FROM].n || rows[O_KIND].n || rows[O_LICENCE].n || rows[O_ATTRIBUTION].n))
        return wrong("--from, --kind, --licence and --attribution go with `kith data update`");
    if (rows[O_KIND].n && !rows[O_FROM].n)
        return wrong("--kind goes with --from");
    if (stat(data, &st) != 0 || !S_ISDIR(st.st_mode)) {
        fprintf(stderr, "kith: there is no directory %s\n", data);
        return 1;
    }
    if (!become_owner(data)) {
        fputs("kith: the owner of the directory is somebody else, and root may not act for him\n",
              stderr);
        return 1;
    }
    if (access(data, R_OK | X_OK) != 0) {
        fprintf(stderr, "kith: %s cannot be read: %s\n", data, strerror(errno));
        return 1;
    }
    return is_list ? list(cx, data, rows[O_JSON].n > 0) : update(cx, data, rows);
}

int data_command(int argc, char **argv)
{
    if (argc < 1 || (strcmp(argv[0], "update") != 0 && strcmp(argv[0], "list") != 0))
        return wrong("`kith data update` or `kith data list`");
    struct arena *a = arena_open(ARENA_BYTES);
    if (!a)
        return 1;
    struct cx cx = {.arena = a,
                    .now_ms = clock_now_ms(),
                    .actor = {.kind = ACTOR_SYSTEM},
                    .if_match = -1,
                    .peer = S("")};
    int status = run(&cx, argv[0], argc - 1, argv + 1);
    arena_close(a);
    return fflush(stdout) == 0 ? status : 1;
}
