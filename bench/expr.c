/* bench/expr.c - conditions: one customer through 200 leaves in memory, and how long the store takes to count a million by them.
 *
 *   bench-expr --data DIR [--store URL]     a filled store that is not in use
 *
 * A line each: the median of 15 rounds, the processor's time of this program in it (of a machine that others use too, believe this
 * one; PostgreSQL's is not in it), what was counted, the condition. */
#include "app/house.h"
#include "expr/expr.h"
#include "rooms/segment/segment.h"

#include <getopt.h>
#include <time.h>

enum { ROUNDS = 15, EVALUATIONS = 20000 };

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static int64_t cpu_ns(void)
{
    struct timespec t = {0};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static enum err plan_of(struct cx *cx, str text, struct expr_plan **p)
{
    struct expr_world world = settings_world(cx);
    struct expr *e = NULL;
    TRY(expr_parse(cx, text, &e, NULL));
    TRY(expr_check(cx, &world, text, e, NULL));
    return expr_plan(cx, &world, e, p);
}

/* Every leaf is looked at: none of them ends it early. */
static str two_hundred(struct arena *a)
{
    static const char *const leaves[] = {
        "orders_90d < 9000",         "spent_365d >= 0",
        "kind in (person, company)", "days_since(first_contact_at) > -5",
        "contacts_30d != 77777",     "not activity_since > 2200-01-01",
        "created_at < 2200-01-01",   "not city = nowhere"};
    struct text t = text_in(a, EXPR_TEXT_MAX);
    for (int i = 0; i < EXPR_LEAVES_MAX; i++)
        text_printf(&t, "%s%s", i ? " and " : "", leaves[i % 8]);
    return text_str(&t);
}

static enum err one_customer(struct cx *cx)
{
    struct expr_plan *p = NULL;
    struct expr_subject s = {0};
    const struct query *q = NULL;
    int64_t id = 0, took[ROUNDS], held = 0;
    struct made_text m = made_begin(cx);
    made_sql(&m, "SELECT max(s.customer_id) FROM standing s");
    TRY(made_query(cx, &m, "bench", &q));
    TRY(db_int(cx, q, &id, made_args(&m)));
    TRY(plan_of(cx, two_hundred(cx->arena), &p));
    TRY(expr_load(cx, p, id, &s));
    for (int r = 0; r < ROUNDS; r++) {
        int64_t start = clock_mono_ns();
        for (int i = 0; i < EVALUATIONS; i++)
            held += expr_holds(p, &s);
        took[r] = clock_mono_ns() - start;
    }
    qsort(took, ROUNDS, sizeof *took, by_size);
    printf("one customer, 200 leaves           %8.2f us   holds %d\n",
           (double)took[ROUNDS / 2] / EVALUATIONS / 1000, held == (int64_t)ROUNDS * EVALUATIONS);
    return OK;
}

static enum err count_all(struct cx *cx, const char *text)
{
    struct arena *kept = cx->arena;
    int64_t took[ROUNDS], cpu[ROUNDS], n = 0;
    int rounds = 0;
    for (; rounds < ROUNDS; rounds++) {
        struct expr_plan *p = NULL;
        cx->arena = arena_open((size_t)64 << 20);
        int64_t start = clock_mono_ns(), start_cpu = cpu_ns();
        enum err e = plan_of(cx, str_of(text), &p);
        if (e == OK)
            e = segment_count(cx, p, &n);
        took[rounds] = clock_mono_ns() - start;
        cpu[rounds] = cpu_ns() - start_cpu;
        if (e != OK)
            printf("%s: " SFMT "\n", text, SARG(fault_text(cx->arena, LANG_EN, &cx->why)));
        arena_close(cx->arena);
        cx->arena = kept;
        if (e != OK)
            return OK;
        if (rounds >= 4 && took[rounds] > 1000000000)
            break;
    }
    qsort(took, (size_t)rounds, sizeof *took, by_size);
    qsort(cpu, (size_t)rounds, sizeof *cpu, by_size);
    printf("%8.1f ms  %8.1f CPU-ms  %8lld  %s\n", (double)took[rounds / 2] / 1e6,
           (double)cpu[rounds / 2] / 1e6, (long long)n, text);
    return OK;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"data", 1, 0, 'd'}, {"store", 1, 0, 's'}, {0}};
    static const char *const texts[] = {
        "orders_90d >= 2",
        "vip",
        "activity = idle and spent_365d > 100",
        "orders_365d >= 1 and discount_share > 0.6 or contacts_90d >= 3 and orders_180d = 0",
        "days_since(last_order_at) > 30 and not activity = lost and kind = person and spent > 50 and contacts > 2",
        "country = JP and orders_90d >= 1",
        "city = Tokyo",
        "name ~ tanaka",
        "not country = RU and lang = ja",
        "tag = new",
        "email.domain = \"gmail.com\"",
        "any interactions [channel = call] within 7d",
        "any interactions [channel = call] within 7d and any orders [total > 100] within 30d",
        "no orders within 90d and any interactions [channel = email] within 30d",
        "count(interactions within 30d) >= 3 and sum(orders.total within 90d) > 200",
        "no orders within 90d",
        "no interactions within 90d and no orders within 1y",
        "any interactions within 180d and any orders within 180d",
        "vip and any interactions within 30d and no orders within 90d",
        "sum(orders.total within 1y) >= 500 or count(interactions within 90d) >= 5",
        "count(orders within 90d) = 0 and count(interactions [channel = email] within 30d) < 2",
        "any products [quantity >= 2] within 30d and any orders within 90d",
    };
    struct store_options so = {.data_dir = S("."), .url = S("")};
    struct cx cx = {.arena = arena_open((size_t)256 << 20),
                    .now_ms = clock_now_ms(),
                    .actor = {.kind = ACTOR_SYSTEM},
                    .peer = S("")};
    struct store *store = NULL;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 'd')
            so.data_dir = str_of(optarg);
        if (c == 's')
            so.url = str_of(optarg);
    }
    enum err e = store_open(&cx, &so, &store);
    if (e == OK)
        e = store_reader(store, &cx, &cx.db);
    if (e == OK)
        e = one_customer(&cx);
    for (size_t i = 0; e == OK && i < COUNT(texts); i++)
        e = count_all(&cx, texts[i]);
    if (e != OK)
        fprintf(stderr, SFMT "\n", SARG(fault_text(cx.arena, LANG_EN, &cx.why)));
    reader_close(cx.db);
    store_close(store);
    return e != OK;
}
