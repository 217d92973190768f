/* `kith demo`: fills an empty installation; with --serve, serves it and plays incoming calls. */
#include "app/demo/demo.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/commands.h"
#include "messages.h"
#include "queries.h"

struct options {
    const char *data, *store, *listen;
    int64_t customers;
    uint64_t seed;
    bool if_empty, serve, json;
};

static void usage(FILE *to)
{
    fputs("usage: kith demo --data DIR [--store sqlite|postgresql://…]        fill with the demo company\n"
          "       kith demo --data DIR --customers N [--seed S] [--json]      fill with N made-up customers\n"
          "       kith demo --data DIR --fill-if-empty --serve [--listen 127.0.0.1:8080]\n"
          "                                                                   serve it and play incoming calls\n",
          to);
}

/* ---- progress --------------------------------------------------------------------------------------- */

struct bar { int64_t begun_ns; bool is_shown; };

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

static enum err fill(struct store *s, struct cx *cx, const struct options *o, bool *is_filled, struct demo_filled *filled)
{
    *is_filled = false;
    int64_t n = 0;
    TRY(db_int(cx, &q_demo_is_empty, &n, NO_ARGS));
    if (n && o->if_empty)
        return OK;
    struct bar bar = {.begun_ns = clock_mono_ns()};
    struct demo_progress progress = {isatty(STDERR_FILENO) && !o->json ? bar_tell : NULL, &bar};
    enum err e = OK;
    if (o->customers) {
        e = demo_fill_generated(s, cx, o->customers, o->seed, &progress, filled);
    } else {
        struct demo_play play = {0};
        e = demo_fill_company(s, cx, &progress, filled, &play);
        if (e == OK && !play_write(cx->arena, o, &play)) {
            fprintf(stderr, "kith: cannot write %s: %s\n", path_of(cx->arena, o).ptr, strerror(errno));
            e = ERR_INTERNAL;
        }
    }
    if (bar.is_shown)
        fputc('\n', stderr);
    *is_filled = e == OK;
    return e;
}

static void print_filled(const struct options *o, const struct demo_filled *f, double seconds)
{
    printf(o->json ? "{\"customers\": %lld, \"identities\": %lld, \"interactions\": %lld, \"orders\": %lld, \"order_lines\": %lld, "
                     "\"seconds\": %.1f}\n"
                   : "kith: filled %lld customers, %lld identities, %lld interactions, %lld orders with %lld lines in %.1f s\n",
           (long long)f->customers, (long long)f->identities, (long long)f->interactions, (long long)f->orders, (long long)f->lines,
           seconds);
}

/* Exit status. */
static int fill_store(const struct options *o)
{
    struct arena *a = arena_open(8u << 20);
    if (!a)
        return 1;
    struct cx cx = {.arena = a, .now_ms = clock_now_ms(), .actor = {.kind = ACTOR_SYSTEM}, .lang = LANG_EN, .if_match = -1};
    struct store_options so = {.data_dir = str_of(o->data), .url = str_of(o->store ? o->store : "")};
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

/* ---- serving -------------------------------------------------------------------------------------------------- */

struct show {
    uint16_t port;
    struct demo_play play;
    volatile bool stop;
};

static void *show_main(void *arg)
{
    struct show *show = arg;
    demo_play_calls(show->port, &show->play, &show->stop);
    return NULL;
}

static void print_log_ins(const char *listen)
{
    printf("\n  Kith, with a demo company:  http://%s\n\n"
           "  log in as   operator@kith.example   answers calls: one comes within a minute of logging in\n"
           "              manager@kith.example    sees the queue\n"
           "              owner@kith.example      people, telephone links, settings\n"
           "  all with    " DEMO_PASS_PHRASE "\n\n",
           listen);
    fflush(stdout);
}

static int serve(const struct options *o)
{
    struct arena *a = arena_open(1u << 20);
    struct show *show = calloc(1, sizeof *show);
    if (!a || !show)
        return 1;
    const char *colon = strrchr(o->listen, ':');
    show->port = (uint16_t)atoi(colon ? colon + 1 : "");
    pthread_t player;
    bool plays = play_read(a, o, &show->play) && show->port && pthread_create(&player, NULL, show_main, show) == 0;
    print_log_ins(o->listen);
    const char *words[] = {"--data", o->data, "--listen", o->listen, "--store", o->store, NULL};
    int status = serve_command(o->store ? 6 : 4, (char **)(uintptr_t)words); /* getopt's old signature; it writes none */
    show->stop = true;
    if (plays)
        pthread_join(player, NULL);
    free(show);
    arena_close(a);
    return status;
}

static bool number_read(const char *z, int64_t least, int64_t most, int64_t *out)
{
    return str_to_int(str_of(z), out) && *out >= least && *out <= most;
}

int demo_command(int argc, char **argv)
{
    enum { DATA = 256, STORE, CUSTOMERS, SEED, IF_EMPTY, SERVE, LISTEN, JSON, HELP };
    static const struct option long_options[] = {
        {"data", 1, 0, DATA}, {"store", 1, 0, STORE}, {"customers", 1, 0, CUSTOMERS}, {"seed", 1, 0, SEED},
        {"fill-if-empty", 0, 0, IF_EMPTY}, {"serve", 0, 0, SERVE}, {"listen", 1, 0, LISTEN}, {"json", 0, 0, JSON},
        {"help", 0, 0, HELP}, {0}};
    struct options o = {.data = getenv("KITH_DATA"), .listen = "127.0.0.1:8080", .seed = 1};
    int64_t seed = 1;
    /* getopt begins at argv[1] */
    static char name[] = "kith demo";
    char **words = calloc((size_t)argc + 2, sizeof *words);
    if (!words)
        return 1;
    words[0] = name;
    for (int i = 0; i < argc; i++)
        words[i + 1] = argv[i];
    optind = 1;
    bool is_right = true;
    for (int c; is_right && (c = getopt_long(argc + 1, words, "", long_options, NULL)) != -1;) {
        switch (c) {
        case DATA: o.data = optarg; break;
        case STORE: o.store = strcmp(optarg, "sqlite") == 0 ? NULL : optarg; break;
        case CUSTOMERS: is_right = number_read(optarg, 1, 9000000, &o.customers); break;
        case SEED: is_right = number_read(optarg, 0, INT64_MAX, &seed); break;
        case IF_EMPTY: o.if_empty = true; break;
        case SERVE: o.serve = true; break;
        case LISTEN: o.listen = optarg; break;
        case JSON: o.json = true; break;
        case HELP: usage(stdout); free(words); return 0;
        default: is_right = false;
        }
    }
    is_right = is_right && optind == argc + 1 && o.data;
    o.seed = (uint64_t)seed;
    free(words);
    if (!is_right) {
        usage(stderr);
        return 2;
    }
    int status = fill_store(&o);
    return status == 0 && o.serve ? serve(&o) : status;
}
