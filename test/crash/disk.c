/* The disk on its worst days: the power goes at the n-th call, pages are torn, writes come in any order, calls fail. Real
 * rooms write through the real store; afterwards everything acknowledged must be there, once, and the store be sound.
 *
 *   crash-disk [--rounds 300] [--seed N]     ends with `N passed, N failed`
 *   crash-disk --kind K --at CALL --times N --seed N     one place again, as a FAIL names it
 */
#include "../disk/fault_vfs.h"
#include "app/house.h"
#include "db/event.h"
#include "rooms/customer/customer.h"
#include "rooms/intake/intake.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { STEPS = 14, SESSIONS = 2, ALL = STEPS * SESSIONS, NAME = 60 };

struct world {
    struct arena *arena;
    struct cx cx;
    struct store *store;
    char dir[200];
};

/* What a step was answered. */
enum fate {
    FATE_NOT_TRIED,
    FATE_DONE,
    FATE_REFUSED,
    FATE_OPEN /* refused, and the disk then refused everything until the program ended, also to take it back */
};
struct book {
    enum fate fate[ALL];
    int64_t customer; /* of the steps that change one */
    int last_city;    /* the last change of the city that was acknowledged; -1: none */
};

static uint64_t seed = 1;
static const char *base_dir;

static uint64_t roll(uint64_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % n;
}

/* ---- files ------------------------------------------------------------------------------------ */

static void empty(const char *dir)
{
    DIR *d = opendir(dir);
    if (!d)
        return;
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.')
            (void)unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
}

static bool copy(const char *from_dir, const char *to_dir)
{
    DIR *d = opendir(from_dir);
    bool is_fine = d != NULL;
    for (struct dirent *e; is_fine && (e = readdir(d));) {
        if (e->d_name[0] == '.')
            continue;
        char from[600], to[600], piece[65536];
        snprintf(from, sizeof from, "%.200s/%.200s", from_dir, e->d_name);
        snprintf(to, sizeof to, "%.200s/%.200s", to_dir, e->d_name);
        FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
        is_fine = in && out;
        for (size_t n; is_fine && (n = fread(piece, 1, sizeof piece, in)) > 0;)
            is_fine = fwrite(piece, 1, n, out) == n;
        if (in)
            fclose(in);
        if (out && fclose(out) != 0)
            is_fine = false;
    }
    if (d)
        closedir(d);
    return is_fine;
}

/* ---- the house --------------------------------------------------------------------------------- */

static enum err opened(struct world *w)
{
    struct store_options o = {.data_dir = str_of(w->dir)};
    w->cx = (struct cx){.arena = w->arena,
                        .now_ms = clock_now_ms(),
                        .actor = {.kind = ACTOR_SYSTEM},
                        .if_match = -1,
                        .peer = S("")};
    TRY(store_open(&w->cx, &o, &w->store));
    enum err e = store_reader(w->store, &w->cx, &w->cx.db);
    if (e != OK) {
        store_close(w->store);
        w->store = NULL;
    }
    return e;
}

static void closed(struct world *w)
{
    reader_close(w->cx.db);
    store_close(w->store);
    w->store = NULL;
    w->cx.db = NULL;
}

static const struct route *route_of(enum http_method method, const char *path)
{
    for (size_t i = 0; i < rooms_n; i++)
        for (size_t k = 0; k < rooms[i]->n; k++)
            if (rooms[i]->routes[k].method == method && strcmp(rooms[i]->routes[k].path, path) == 0)
                return &rooms[i]->routes[k];
    fprintf(stderr, "no route %s\n", path);
    exit(2);
}

struct call {
    const struct route *r;
    void *in, *out;
};
static enum err call_apply(struct cx *cx, void *state)
{
    struct call *c = state;
    return c->r->apply(cx, c->in, c->out);
}

/* As the gate does it. */
static enum err ask(struct world *w, enum http_method method, const char *path, int64_t id, str json,
                    void *out)
{
    const struct route *r = route_of(method, path);
    void *in = arena_alloc(w->arena, 1, r->in->size);
    w->cx.why = (struct fault){0};
    TRY(json_read(&w->cx, r->in, json, in, &w->cx.sent));
    if (id)
        memcpy(in, &id, sizeof id);
    struct call c = {r, in, out ? out : arena_alloc(w->arena, 1, r->out->size)};
    for (int i = 0; i < 4; i++) {
        TRY(read_begin(&w->cx));
        enum err e = r->plan ? r->plan(&w->cx, in, c.out) : OK;
        read_end(&w->cx);
        if (e == OK)
            e = db_change(w->store, &w->cx, LANE_INTERACTIVE, call_apply, &c);
        if (e != ERR_STALE)
            return e;
    }
    return ERR_STALE;
}

struct many {
    struct intake *in;
    struct intake_result *out;
    size_t n;
};
static enum err many_apply(struct cx *cx, void *state)
{
    struct many *m = state;
    return intake_take_many(cx, m->in, m->n, m->out);
}

/* A few contacts by the bulk lane, softly; acknowledged when they are settled. */
static enum err ask_softly(struct world *w, int step)
{
    enum { N = 5 };
    struct intake in[N];
    struct intake_result out[N];
    memset(in, 0, sizeof in);
    memset(out, 0, sizeof out);
    for (int i = 0; i < N; i++) {
        struct intake_identity *id = ARENA_NEW(w->arena, struct intake_identity);
        str mark = arena_printf(w->arena, i == 0 ? "step-%d" : "more-%d-%d", step, i);
        *id = (struct intake_identity){.type = IDENTITY_EMAIL,
                                       .value = arena_printf(w->arena, "s%d-%d@mail.example", step, i)};
        in[i] = (struct intake){.channel = CHANNEL_EMAIL,
                                .trust = TRUST_PRESENTED,
                                .identities = {.items = id, .n = 1},
                                .source_id = mark,
                                .text = mark};
    }
    TRY(read_begin(&w->cx));
    enum err e = intake_plan_many(&w->cx, in, N, out);
    read_end(&w->cx);
    TRY(e);
    struct many m = {in, out, N};
    TRY(db_change_soft(w->store, &w->cx, many_apply, &m));
    return db_change(w->store, &w->cx, LANE_BULK, db_settle, NULL);
}

static enum err step_do(struct world *w, struct book *b, int step)
{
    struct arena *a = w->arena;
    switch (step % 7) {
    case 0:
    case 3:
        return ask(w, HTTP_POST, "/api/v1/intake", 0,
                   arena_printf(a, "{\"channel\":\"email\",\"direction\":\"in\",\"source_id\":\"step-%d\","
                                   "\"identities\":[{\"type\":\"email\",\"value\":\"p%d@mail.example\"}],"
                                   "\"claims\":{\"name\":\"Pat %d\"},\"text\":\"step-%d\"}", step, step % 5, step % 5, step), NULL);
    case 1:
    case 4:
        return ask(w, HTTP_POST, "/api/v1/orders", 0,
                   arena_printf(a, "{\"number\":\"step-%d\",\"currency\":\"EUR\",\"identities\":[{\"type\":\"email\","
                                   "\"value\":\"p%d@mail.example\"}],\"lines\":[{\"sku\":\"K-40\",\"name\":\"Kettle\","
                                   "\"quantity\":2,\"price\":1999}]}", step, step % 5), NULL);
    case 2:
        return ask(w, HTTP_PATCH, "/api/v1/customers/{id}", b->customer,
                   arena_printf(a, "{\"city\":\"step-%d\"}", step), NULL);
    case 5: { /* a note of some pages, so that there is something to tear */
        char *pages = arena_alloc(a, 1, 9001);
        memset(pages, 'x', 9000);
        return ask(w, HTTP_POST, "/api/v1/customers/{id}/notes", b->customer,
                   arena_printf(a, "{\"text\":\"step-%d %s\"}", step, pages), NULL);
    }
    default:
        return ask_softly(w, step);
    }
}

/* ---- what must hold ------------------------------------------------------------------------------ */

static const struct query q_trouble = {
    .name = "trouble",
    .sqlite = "SELECT (SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok') + "
              "(SELECT count(*) FROM pragma_foreign_key_check)"};
static const struct query q_times = {
    .name = "times",
    .n_params = 1,
    .sqlite = "SELECT (SELECT count(*) FROM interaction WHERE text = ?1 AND channel = 'email') + "
              "(SELECT count(*) FROM orders WHERE number = ?1) + "
              "(SELECT count(*) FROM note WHERE substr(text, 1, length(?1) + 1) = ?1 || ' ')"};
static const struct query q_city = {
    .name = "city", .n_params = 1, .sqlite = "SELECT CAST(substr(city, 6) AS INTEGER) FROM customer WHERE id = ?1"};

static char why[400];
static bool wrong(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static bool wrong(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(why, sizeof why, fmt, args);
    va_end(args);
    return false;
}

static bool holds(struct world *w, const struct book *b, bool refused_is_gone)
{
    int64_t n = 0;
    if (db_int(&w->cx, &q_trouble, &n, NO_ARGS) != OK || n != 0)
        return wrong("the store is not sound (%lld)", (long long)n);
    for (int s = 0; s < ALL; s++) {
        if (s % 7 == 2)
            continue;
        char mark[NAME];
        snprintf(mark, sizeof mark, "step-%d", s);
        if (db_int(&w->cx, &q_times, &n, ARGS(V(mark))) != OK)
            return wrong("step %d cannot be read", s);
        bool is_fine = b->fate[s] == FATE_DONE      ? n == 1
                       : b->fate[s] == FATE_OPEN    ? n == 0 || n == 1
                       : b->fate[s] == FATE_REFUSED /* what is soft stands when only its flush was refused */
                           ? n == 0 || (n == 1 && (!refused_is_gone || s % 7 == 6))
                                                    : n == 0;
        if (!is_fine)
            return wrong("step %d was %s and is there %lld times", s,
                         b->fate[s] == FATE_DONE ? "acknowledged" : "not acknowledged",
                         (long long)n);
    }
    if (b->last_city >= 0 && (db_int(&w->cx, &q_city, &n, ARGS(V(b->customer))) != OK ||
                              n < b->last_city))
        return wrong("the city of step %d was acknowledged, that of %lld stands", b->last_city,
                     (long long)n);
    struct audit_state audit = {0};
    if (audit_check(&w->cx, &audit) != OK || audit.wrong_seal)
        return wrong("the audit is broken");
    return true;
}

/* ---- a round -------------------------------------------------------------------------------------- */

static struct world world_of(const char *name)
{
    struct world w = {.arena = arena_open((size_t)64 << 20)};
    snprintf(w.dir, sizeof w.dir, "%.150s/%s", base_dir, name);
    (void)mkdir(w.dir, 0700);
    return w;
}

/* An empty house with one customer, closed. */
static bool template_make(struct book *b)
{
    struct world w = world_of("template");
    struct intake_result who = {0};
    if (opened(&w) != OK)
        return false;
    enum err e = ask(&w, HTTP_POST, "/api/v1/intake", 0,
                     S("{\"channel\":\"email\",\"direction\":\"in\",\"identities\":[{\"type\":\"email\","
                       "\"value\":\"p0@mail.example\"}],\"claims\":{\"name\":\"Pat 0\"}}"), &who);
    b->customer = who.customer.v;
    closed(&w);
    arena_close(w.arena);
    return e == OK && b->customer;
}

/* Two sessions with a clean end each, so that the log is carried into the database in between. */
static void work(struct world *w, struct book *b)
{
    for (int session = 0; session < SESSIONS; session++) {
        if (opened(w) != OK)
            return;
        for (int s = session * STEPS; s < (session + 1) * STEPS; s++) {
            enum err e = step_do(w, b, s);
            b->fate[s] = e == OK ? FATE_DONE : FATE_REFUSED;
            if (e == OK && s % 7 == 2)
                b->last_city = s;
        }
        bool goes_on = fault_goes_on();
        closed(w);
        for (int s = session * STEPS; goes_on && s < (session + 1) * STEPS; s++)
            if (b->fate[s] == FATE_REFUSED)
                b->fate[s] = FATE_OPEN;
        arena_reset(w->arena);
    }
}

static bool round_run(struct book b, const struct fault_plan *plan, int64_t *calls)
{
    struct world w = world_of("round");
    char template[220];
    snprintf(template, sizeof template, "%.190s/template", base_dir);
    empty(w.dir);
    if (!copy(template, w.dir))
        return wrong("no room for a copy");
    b.last_city = -1;
    fault_begin(plan);
    work(&w, &b);
    *calls = fault_calls();
    bool is_cut = plan->kind == FAULT_CUT;
    if (!is_cut && plan->kind != FAULT_NONE && plan->seed % 2) { /* the power goes on top of it */
        if (opened(&w) == OK) {
            enum err e = step_do(&w, &b, 0);
            b.fate[0] = e == OK ? FATE_DONE : b.fate[0];
            fault_cut_now();
            closed(&w);
        }
        is_cut = true;
    }
    fault_reboot();

    bool is_fine = true;
    enum err e = opened(&w);
    if (e != OK) {
        is_fine = wrong("it does not open: %s", err_code(e));
    } else {
        is_fine = holds(&w, &b, !is_cut);
        if (is_fine && ask(&w, HTTP_POST, "/api/v1/intake", 0,
                           S("{\"channel\":\"email\",\"direction\":\"in\",\"identities\":[{\"type\":\"email\","
                             "\"value\":\"after@mail.example\"}]}"), NULL) != OK)
            is_fine = wrong("the next change is refused: %s", err_code(w.cx.why.err));
        closed(&w);
    }
    arena_close(w.arena);
    return is_fine;
}

static const char *const names[FAULT_KINDS] = {
    [FAULT_NONE] = "without faults, every step is there once",
    [FAULT_CUT] = "a power cut at any call, with unsynced writes lost, torn or in any order, loses nothing acknowledged",
    [FAULT_IO] = "writes, syncs and truncations that fail lose nothing acknowledged and keep nothing refused",
    [FAULT_NO_SPACE] = "a disk that is full in the middle of a write loses nothing acknowledged and keeps nothing refused",
    [FAULT_SHORT] = "writes that arrive half lose nothing acknowledged and keep nothing refused",
    [FAULT_SYNC_LOST] = "a sync that fails and forgets loses nothing acknowledged, even when the power goes after it",
    [FAULT_READ] = "reads that fail lose nothing acknowledged",
};

static bool kind_run(struct book b, enum fault_kind kind, int64_t rounds, int64_t calls)
{
    int64_t from = clock_mono_ns(), reached = 0, unused = 0;
    for (int64_t r = 0; r < rounds; r++) {
        uint64_t at_seed = seed;
        /* spread over all calls, and anywhere within its part */
        int64_t at = 1 + r * calls / rounds + (int64_t)roll((uint64_t)(calls / rounds + 1));
        struct fault_plan plan = {.kind = kind, .at = kind == FAULT_NONE ? 0 : at, .seed = roll(UINT32_MAX) + 1};
        if (kind != FAULT_CUT && roll(3) == 0)
            plan.times = 1 + (int64_t)roll(12);
        if (!round_run(b, &plan, &unused)) {
            printf("FAIL %s: --kind %d --at %lld --times %lld --seed %llu (of %lld calls): %s\n", names[kind], (int)kind,
                   (long long)at, (long long)plan.times, (unsigned long long)at_seed, (long long)calls, why);
            return false;
        }
        reached++;
    }
    printf("ok   %s (%lld places of %lld calls, %.1f s)\n", names[kind], (long long)reached, (long long)calls,
           (double)(clock_mono_ns() - from) / 1e9);
    fflush(stdout);
    return true;
}

static bool again(struct book b, int64_t kind, int64_t at, int64_t times)
{
    int64_t unused = 0;
    (void)roll(2); /* as the place was */
    struct fault_plan plan = {.kind = (enum fault_kind)kind, .at = at, .times = times, .seed = roll(UINT32_MAX) + 1};
    bool is_fine = round_run(b, &plan, &unused);
    printf("%s %s%s%s\n%d passed, %d failed\n", is_fine ? "ok  " : "FAIL", names[kind], is_fine ? "" : ": ", is_fine ? "" : why, is_fine,
           !is_fine);
    return is_fine;
}

int main(int argc, char **argv)
{
    int64_t rounds = 300, calls = 0, reads = 0, kind = FAULT_NONE, at = 0, times = 0;
    seed = (uint64_t)time(NULL);
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--rounds") == 0)
            rounds = atoll(argv[i + 1]);
        else if (strcmp(argv[i], "--seed") == 0)
            seed = strtoull(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--kind") == 0)
            kind = atoll(argv[i + 1]);
        else if (strcmp(argv[i], "--at") == 0)
            at = atoll(argv[i + 1]);
        else if (strcmp(argv[i], "--times") == 0)
            times = atoll(argv[i + 1]);
    }
    if (!seed || rounds < 1 || kind < 0 || kind >= FAULT_KINDS)
        return 2;
    char dir[100];
    snprintf(dir, sizeof dir, "%.60s/kith-disk-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    base_dir = mkdtemp(dir);
    setenv("KITH_KEY", "0707070707070707070707070707070707070707070707070707070707070707", 1); /* of every copy */
    struct book b = {.last_city = -1};
    printf("# seed %llu\n", (unsigned long long)seed);
    fault_vfs_register();
    log_level_set(LOG_ERROR);
    if (!getenv("KITH_LOG") && !freopen("/dev/null", "w", stderr)) /* hundreds of failures are as they should be */
        return 2;
    fault_begin(&(struct fault_plan){.kind = FAULT_NONE});
    if (!base_dir || !template_make(&b)) {
        printf("FAIL no house could be made\n0 passed, 1 failed\n");
        return 1;
    }
    fault_reboot();
    if (at)
        return again(b, kind, at, times) ? 0 : 1;

    int passed = 0, failed = 0;
    if (round_run(b, &(struct fault_plan){.kind = FAULT_NONE}, &calls)) {
        printf("ok   %s\n", names[FAULT_NONE]);
        passed++;
    } else {
        printf("FAIL %s: %s\n", names[FAULT_NONE], why);
        failed++;
    }
    (void)round_run(b, &(struct fault_plan){.kind = FAULT_READ}, &reads);
    for (enum fault_kind k = FAULT_CUT; k < FAULT_KINDS && calls > 100; k++) {
        bool is_fine = kind_run(b, k, k == FAULT_CUT ? rounds : (rounds + 4) / 5, k == FAULT_READ ? reads : calls);
        passed += is_fine;
        failed += !is_fine;
    }
    for (const char *const *d = (const char *const[]){"round", "template", NULL}; *d; d++) {
        char path[200];
        snprintf(path, sizeof path, "%.100s/%s", base_dir, *d);
        empty(path);
        rmdir(path);
    }
    rmdir(base_dir);
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
