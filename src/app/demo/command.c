/* `kith demo`: fills an empty installation; with --serve, serves it and plays incoming calls. */
#include "app/demo/demo.h"

#include "app/commands.h"
#include "app/options.h"
#include "messages.h"
#include "queries.h"
#include "rooms/judge/judge.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

struct options {
    const char *data, *store, *listen;
    int64_t customers, seed, talk_s;
    bool if_empty, serve, json;
};

static const char usage[] =
    "usage: kith demo --data DIR [--store sqlite|postgresql://…]        fill with the demo company\n"
    "       kith demo --data DIR --customers N [--seed S] [--json]      fill with N made-up customers\n"
    "       kith demo --data DIR --fill-if-empty --serve [--listen 127.0.0.1:8080] [--talk SECONDS]\n"
    "                                                                   serve it and play incoming calls\n";

/* ---- progress --------------------------------------------------------------------------------------- */

struct bar {
    int64_t begun_ns;
    bool is_shown;
};

static void bar_tell(void *arg, int64_t done, int64_t total)
{
    struct bar *b = arg;
    if (clock_mono_ns() - b->begun_ns < 1000000000)
        return;
    enum { WIDTH = 40 };
    int full = (int)(done * WIDTH / (total ? total : 1));
    char line[WIDTH + 1];
    for (int i = 0; i < WIDTH; i++)
        line[i] = i < full ? '#' : '.';
    line[WIDTH] = 0;
    fprintf(stderr, "\r[%s] %lld of %lld customers ", line, (long long)done, (long long)total);
    b->is_shown = true;
}

/* ---- what the player needs at the next start: DIR/demo-calls, 0600 -------------------------------------- */

static str path_of(struct arena *a, const struct options *o)
{
    return arena_printf(a, "%s/demo-calls", o->data);
}

static bool play_write(struct arena *a, const struct options *o, const struct demo_play *p)
{
    struct text t = text_in(a, 1 << 16);
    text_printf(&t, SFMT "\n" SFMT "\n", SARG(p->link_token), SARG(p->api_token));
    for (size_t i = 0; i < p->n_callers; i++)
        text_printf(&t, SFMT "\n", SARG(p->callers[i]));
    int fd = open(path_of(a, o).ptr, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool is_done = fd >= 0 && write(fd, t.ptr, t.len) == (ssize_t)t.len && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return is_done;
}

static bool play_read(struct arena *a, const struct options *o, struct demo_play *p)
{
    enum { MOST = 1 << 16 };
    char *bytes = arena_alloc(a, 1, MOST);
    int fd = open(path_of(a, o).ptr, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t n = fd < 0 ? -1 : read(fd, bytes, MOST);
    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return false;
    str rest = {bytes, (size_t)n};
    *p = (struct demo_play){.link_token = str_cut(&rest, '\n'), .api_token = str_cut(&rest, '\n')};
    while (rest.len && p->n_callers < DEMO_CALLERS_MAX)
        p->callers[p->n_callers++] = str_cut(&rest, '\n');
    return true;
}

/* ---- filling ------------------------------------------------------------------------------------------------ */

static enum err fill(struct store *s, struct cx *cx, const struct options *o, bool *is_filled,
                     struct demo_filled *filled)
{
    *is_filled = false;
    int64_t n = 0;
    TRY(db_int(cx, &q_demo_is_empty, &n, NO_ARGS));
    if (n && o->if_empty)
        return OK;
    if (n)
        return fault(cx, ERR_CONFLICT, M_DEMO_NOT_EMPTY);
    if (store_is_postgres(s)) {
        TRY(db_int(cx, &q_demo_nodes, &n, NO_ARGS));
        if (n > 1)
            return fault(cx, ERR_CONFLICT, M_DEMO_IN_USE);
    }
    struct bar bar = {.begun_ns = clock_mono_ns()};
    struct demo_progress progress = {isatty(STDERR_FILENO) && !o->json ? bar_tell : NULL, &bar};
    enum err e = OK;
    if (o->customers) {
        e = demo_fill_generated(s, cx, o->customers, (uint64_t)o->seed, &progress, filled);
    } else {
        struct demo_play play = {0};
        e = demo_fill_company(s, cx, &progress, filled, &play);
        if (e == OK && !play_write(cx->arena, o, &play))
            e = fault(cx, ERR_INTERNAL, M_STORE_CANNOT_OPEN, MARG("where", path_of(cx->arena, o)),
                      MARG("reason", str_of(strerror(errno))));
    }
    if (e == OK) {
        struct judge_pass judged = {0};
        e = judge_everybody(s, cx, &judged);
    }
    if (bar.is_shown)
        fputc('\n', stderr);
    *is_filled = e == OK;
    return e;
}

static void print_filled(const struct options *o, const struct demo_filled *f, double seconds)
{
    printf(
        o->json
            ? "{\"customers\": %lld, \"identities\": %lld, \"interactions\": %lld, \"orders\": %lld, \"order_lines\": %lld, "
              "\"seconds\": %.1f}\n"
            : "kith: filled %lld customers, %lld identities, %lld interactions, %lld orders with %lld lines in %.1f s\n",
        (long long)f->customers, (long long)f->identities, (long long)f->interactions,
        (long long)f->orders, (long long)f->lines, seconds);
}

/* Exit status. */
static int fill_store(const struct options *o)
{
    struct arena *a = arena_open(8u << 20);
    if (!a)
        return 1;
    struct cx cx = {.arena = a,
                    .now_ms = clock_now_ms(),
                    .actor = {.kind = ACTOR_SYSTEM},
                    .lang = LANG_EN,
                    .if_match = -1};
    struct store_options so = {.data_dir = str_of(o->data),
                               .url = str_of(o->store ? o->store : "")};
    struct store *s = NULL;
    struct demo_filled filled = {0};
    bool is_filled = false;
    int64_t begun = clock_mono_ns();
    enum err e = store_open(&cx, &so, &s);
    if (e == OK)
        e = store_reader(s, &cx, &cx.db);
    if (e == OK) {
        e = fill(s, &cx, o, &is_filled, &filled);
        read_end(&cx);
        reader_close(cx.db);
    }
    if (e != OK)
        fprintf(stderr, "kith: " SFMT "\n", SARG(fault_text(a, LANG_EN, &cx.why)));
    if (s)
        store_close(s);
    if (is_filled) {
        print_filled(o, &filled, (double)(clock_mono_ns() - begun) / 1e9);
        fflush(stdout);
    }
    arena_close(a);
    return e == OK ? 0 : 1;
}

static void arena_closed(struct arena **a)
{
    arena_close(*a);
}

/* ---- serving -------------------------------------------------------------------------------------------------- */

struct show {
    uint16_t port;
    struct demo_play play;
    int64_t talk_s;
    atomic_bool stop;
};

static void *show_main(void *arg)
{
    struct show *show = arg;
    demo_play_calls(show->port, &show->play, show->talk_s, &show->stop);
    return NULL;
}

static void print_log_ins(const char *listen)
{
    printf(
        "\n  Kith, with a demo company:  http://%s\n\n"
        "  log in as   operator@kith.example   answers calls: one comes within a minute of logging in\n"
        "              manager@kith.example    sees the queue\n"
        "              owner@kith.example      people, telephone links, settings\n"
        "  all with    " DEMO_PASS_PHRASE "\n\n",
        listen);
    fflush(stdout);
}

static int serve(const struct options *o)
{
    CLEANUP(arena_closed) struct arena *a = arena_open(1u << 20);
    if (!a)
        return 1;
    struct show *show = ARENA_NEW(a, struct show);
    const char *colon = strrchr(o->listen, ':');
    int64_t port = 0;
    if (colon && str_to_int(str_of(colon + 1), &port) && port > 0 && port < 65536)
        show->port = (uint16_t)port;
    show->talk_s = o->talk_s;
    sigset_t ends; /* the server waits for them; the player must not die of them */
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &ends, NULL);
    pthread_t player;
    bool plays = play_read(a, o, &show->play) && show->port &&
                 pthread_create(&player, NULL, show_main, show) == 0;
    print_log_ins(o->listen);
    const char *words[] = {"--data", o->data, "--listen", o->listen, "--store", o->store, NULL};
    int status = serve_command(
        o->store ? 6 : 4, (char **)(uintptr_t)words); /* main's old signature; it writes none */
    atomic_store(&show->stop, true);
    if (plays)
        pthread_join(player, NULL);
    return status;
}

/* ---- the words ------------------------------------------------------------------------------------------------ */

enum { DATA, STORE, CUSTOMERS, SEED, LISTEN, TALK, IF_EMPTY, SERVE, JSON, WORDS };

static int wrong(str why)
{
    fprintf(stderr, "kith: " SFMT "; `kith demo --help` shows how it is written\n", SARG(why));
    return 2;
}

/* An option's number, unless it was not given. */
static bool number_read(const struct option_row *r, int64_t least, int64_t most, int64_t *out)
{
    return !r->value || (str_to_int(str_of(r->value), out) && *out >= least && *out <= most);
}

static int read_words(struct arena *a, int argc, char **argv, struct options *o)
{
    struct option_row rows[WORDS] = {{.name = "data"},
                                     {.name = "store"},
                                     {.name = "customers"},
                                     {.name = "seed"},
                                     {.name = "listen"},
                                     {.name = "talk"},
                                     {.name = "fill-if-empty", .kind = OPTION_FLAG},
                                     {.name = "serve", .kind = OPTION_FLAG},
                                     {.name = "json", .kind = OPTION_FLAG}};
    bool wants_help = false;
    str why = {0};
    if (!options_read(rows, WORDS, argc, argv, a, &wants_help, &why))
        return wrong(why);
    if (wants_help) {
        fputs(usage, stdout);
        return 0;
    }
    const char *store = rows[STORE].value;
    *o = (struct options){.data = rows[DATA].value ? rows[DATA].value : getenv("KITH_DATA"),
                          .store = store && strcmp(store, "sqlite") != 0 ? store : NULL,
                          .listen = rows[LISTEN].value ? rows[LISTEN].value : "127.0.0.1:8080",
                          .seed = 1,
                          .talk_s = DEMO_TALK_S,
                          .if_empty = rows[IF_EMPTY].n > 0,
                          .serve = rows[SERVE].n > 0,
                          .json = rows[JSON].n > 0};
    if (!o->data)
        return wrong(S("--data is missing"));
    if (!number_read(&rows[CUSTOMERS], 1, 9000000, &o->customers))
        return wrong(S("--customers is a number from 1 to 9000000"));
    if (!number_read(&rows[SEED], 0, INT64_MAX, &o->seed))
        return wrong(S("--seed is a number from 0 on"));
    if (!number_read(&rows[TALK], 1, 3600, &o->talk_s))
        return wrong(S("--talk is a number of seconds from 1 to 3600"));
    if (rows[SEED].n && !o->customers)
        return wrong(S("--seed goes with --customers; there is one demo company"));
    if ((rows[LISTEN].n || rows[TALK].n) && !o->serve)
        return wrong(S("--listen and --talk go with --serve"));
    return -1;
}

int demo_command(int argc, char **argv)
{
    CLEANUP(arena_closed) struct arena *a = arena_open(1u << 20);
    struct options o = {0};
    int status = a ? read_words(a, argc, argv, &o) : 1;
    if (status >= 0)
        return status;
    status = fill_store(&o);
    return status == 0 && o.serve ? serve(&o) : status;
}
