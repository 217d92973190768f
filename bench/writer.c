/* bench/writer.c - the store's writer alone: small changes from asynchronous clients.
 *
 *   bench-writer [DIR or URL] [CLIENTS] [SECONDS] [WRITERS]
 *
 * A change is four statements: a row with one secondary index, a roll-up, an event, an audit row.
 */
#include "db/event.h"
#include <semaphore.h>
#include <stdatomic.h>
#include <unistd.h>

static const struct query q_make = {
    .name = "bench_make",
    .writes = true,
    .sqlite =
        "CREATE TABLE IF NOT EXISTS bench (id INTEGER PRIMARY KEY, who INTEGER NOT NULL, text TEXT NOT NULL)",
    .postgres =
        "CREATE TABLE IF NOT EXISTS bench (id BIGINT PRIMARY KEY, who BIGINT NOT NULL, text TEXT NOT NULL)"};
static const struct query q_index = {
    .name = "bench_index",
    .writes = true,
    .sqlite = "CREATE INDEX IF NOT EXISTS bench_by_who ON bench (who, id)",
    .postgres = "CREATE INDEX IF NOT EXISTS bench_by_who ON bench (who, id)"};
static const struct query q_sums = {
    .name = "bench_sums",
    .writes = true,
    .sqlite = "CREATE TABLE IF NOT EXISTS bench_sum (who INTEGER PRIMARY KEY, n INTEGER NOT NULL)",
    .postgres = "CREATE TABLE IF NOT EXISTS bench_sum (who BIGINT PRIMARY KEY, n BIGINT NOT NULL)"};
static const struct query q_row = {
    .name = "bench_row",
    .writes = true,
    .n_params = 3,
    .sqlite = "INSERT INTO bench (id, who, text) VALUES (?1, ?2, ?3)",
    .postgres = "INSERT INTO bench (id, who, text) VALUES ($1, $2, $3)"};
static const struct query q_roll = {
    .name = "bench_roll",
    .writes = true,
    .n_params = 1,
    .sqlite =
        "INSERT INTO bench_sum (who, n) VALUES (?1, 1) ON CONFLICT (who) DO UPDATE SET n = bench_sum.n + 1",
    .postgres =
        "INSERT INTO bench_sum (who, n) VALUES ($1, 1) ON CONFLICT (who) DO UPDATE SET n = bench_sum.n + 1"};

struct client {
    struct change change;
    struct cx cx;
    struct store *store;
    uint64_t seed;
    int64_t from_ns;
};

enum { BUCKETS = 4000 }; /* of 50 us */
static _Atomic int64_t buckets[BUCKETS], heard[BUCKETS], done_n, refused_n;
static _Atomic bool is_over;
static sem_t ended;

static enum err tables(struct cx *cx, void *state)
{
    (void)state;
    TRY(db_run(cx, &q_make, NO_ARGS));
    TRY(db_run(cx, &q_index, NO_ARGS));
    return db_run(cx, &q_sums, NO_ARGS);
}

static enum err small(struct cx *cx, void *state)
{
    struct client *c = state;
    c->seed = c->seed * 6364136223846793005ULL + 1442695040888963407ULL;
    int64_t who = (int64_t)(c->seed >> 33) % 100000;
    TRY(db_run(
        cx, &q_row,
        ARGS(V(id_new(cx->now_ms)), V(who), V("asked when the parcel of last week arrives"))));
    TRY(db_run(cx, &q_roll, ARGS(V(who))));
    TRY(event_add(cx, EVENT_INTERACTION_ADDED, who, c->from_ns, S("")));
    return audit_add(cx, "interaction.add", who, 1, S(""));
}

static void note(_Atomic int64_t *into, int64_t from_ns)
{
    int64_t slot = (clock_mono_ns() - from_ns) / 50000;
    atomic_fetch_add(&into[slot < BUCKETS ? slot : BUCKETS - 1], 1);
}

/* From the submission of a change to the publication of its event. */
static void hear(void *arg, const struct event *e, size_t n)
{
    (void)arg;
    for (size_t i = 0; i < n; i++)
        note(heard, e[i].ref_id);
}

static void next(struct client *c)
{
    arena_reset(c->cx.arena);
    c->cx.now_ms = clock_now_ms();
    c->from_ns = clock_mono_ns();
    db_submit(c->store, &c->change);
}

static void done(struct change *change, enum err e)
{
    struct client *c = change->owner;
    note(buckets, c->from_ns);
    atomic_fetch_add(e == OK ? &done_n : &refused_n, 1);
    if (atomic_load(&is_over))
        sem_post(&ended);
    else
        next(c);
}

static double percentile(_Atomic int64_t *of, double p)
{
    int64_t all = 0, seen = 0;
    for (int i = 0; i < BUCKETS; i++)
        all += of[i];
    for (int i = 0; i < BUCKETS; i++)
        if ((double)(seen += of[i]) >= p * (double)all)
            return (i + 1) * 0.05;
    return 0;
}

int main(int argc, char **argv)
{
    str where = argc > 1 ? str_of(argv[1]) : S("/tmp/kith-bench-writer");
    int n = argc > 2 ? atoi(argv[2]) : 64, seconds = argc > 3 ? atoi(argv[3]) : 5;
    bool is_url = str_starts(where, S("postgres")) || str_eq(where, S(":memory:"));
    struct cx cx = {.arena = arena_open((size_t)16 << 20), .now_ms = clock_now_ms(), .peer = S("")};
    struct store_options o = {.data_dir = is_url ? S("") : where,
                              .url = is_url ? where : S(""),
                              .writers = argc > 4 ? (unsigned)atoi(argv[4]) : 0};
    struct store *s = NULL;
    if (store_open(&cx, &o, &s) != OK || db_change(s, &cx, LANE_INTERACTIVE, tables, NULL) != OK) {
        fprintf(stderr, "bench-writer: " SFMT "\n", SARG(fault_text(cx.arena, LANG_EN, &cx.why)));
        return 1;
    }
    sem_init(&ended, 0, 0);
    store_on_events(s, hear, NULL);
    struct client *all = calloc((size_t)n, sizeof *all);
    if (!all)
        return 1;
    int64_t from = clock_mono_ns();
    for (int i = 0; i < n; i++) {
        struct client *c = &all[i];
        c->store = s;
        c->seed = (uint64_t)i * 7919 + 1;
        c->cx = (struct cx){
            .arena = arena_open(1 << 20), .peer = S("127.0.0.1"), .actor = {.kind = ACTOR_SYSTEM}};
        c->change =
            (struct change){.apply = small, .state = c, .cx = &c->cx, .done = done, .owner = c};
        next(c);
    }
    sleep((unsigned)seconds);
    atomic_store(&is_over, true);
    for (int i = 0; i < n; i++)
        sem_wait(&ended);
    double took = (double)(clock_mono_ns() - from) / 1e9;
    struct store_figures f;
    store_figures(s, &f);
    printf(
        "%d clients: %.0f changes/s, p50 %.2f ms, p99 %.2f ms; events p50 %.2f ms, p99 %.2f ms; %lld refused, "
        "%.1f a batch, longest stall %.1f ms, WAL %lld MB\n",
        n, (double)done_n / took, percentile(buckets, 0.5), percentile(buckets, 0.99),
        percentile(heard, 0.5), percentile(heard, 0.99), (long long)refused_n,
        (double)f.changes / (double)f.batches, (double)f.longest_stall_us / 1000,
        (long long)f.wal_bytes >> 20);
    for (int i = 0; i < n; i++)
        arena_close(all[i].cx.arena);
    free(all);
    store_close(s);
    arena_close(cx.arena);
    return 0;
}
