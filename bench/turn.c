/* bench/turn.c - the turn of the day over a filled store, as the bulk lane runs it, by a clock that goes ahead.
 *
 *   bench-turn --data DIR [--store URL] [--days 1] [--rounds 3] [--share HUNDREDTHS_OF_A_PERCENT] [--segments N]
 *
 * The store must have no other user. Each round moves the clock by so many days and runs the turn to its end, then the
 * activities that are due and what segments have to look at. N segments that move with time are made and filled before. One JSON object goes to stdout: for each round the seconds, the slices, and how long the longest slice held the writer.
 */
#include "rooms/order/order.h"
#include "rooms/segment/inside.h"
#include "rooms/settings/settings.h"

#include <getopt.h>
#include <time.h>

enum { DAY_MS = 86400000 };

struct slice {
    const struct job_kind *kind;
    bool is_finished;
    int64_t held_ns, cpu_ns;
};
/* Of the writer's thread: what a slice takes of it where others take the cores away. */
static int64_t cpu_ns(void)
{
    struct timespec t = {0};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}
static enum err slice_apply(struct cx *cx, void *state)
{
    struct slice *s = state;
    int64_t position = 0, progress = 0, total = 0, begun = clock_mono_ns(), cpu = cpu_ns();
    s->is_finished = false;
    enum err e = s->kind->slice(cx, (str){0}, &position, &progress, &total, &s->is_finished);
    s->held_ns = clock_mono_ns() - begun;
    s->cpu_ns = cpu_ns() - cpu;
    return e;
}

struct figures {
    int64_t slices, longest_ns, longest_cpu_ns, cpu_ns, ns;
};
static bool run(struct store *s, struct cx *cx, const struct job_kind *kind, struct figures *f)
{
    *f = (struct figures){0};
    int64_t begun = clock_mono_ns();
    for (struct slice one = {.kind = kind}; !one.is_finished;) {
        arena_reset(cx->arena);
        enum err e = db_change(s, cx, LANE_BULK, slice_apply, &one);
        if (e == ERR_BUSY)
            continue;
        if (e != OK) {
            fprintf(stderr, "bench: %s: %s\n", kind->name, err_code(e));
            return false;
        }
        f->slices++;
        if (one.held_ns > f->longest_ns)
            f->longest_ns = one.held_ns;
        if (one.cpu_ns > f->longest_cpu_ns)
            f->longest_cpu_ns = one.cpu_ns;
        f->cpu_ns += one.cpu_ns;
    }
    f->ns = clock_mono_ns() - begun;
    return true;
}

static enum err share_apply(struct cx *cx, void *state)
{
    return settings_set(cx, "vip_share", *(const str *)state);
}

/* They all move by themselves: days, windows, what is due. */
static const char *const moving[] = {
    "days_since(last_order_at) > 30",
    "days_since(last_contact_at) > 90 and spent_365d > 100",
    "activity = idle and value > 100",
    "orders_30d > orders_90d - orders_30d",
    "last_order_at >= today - 14d",
    "activity = cooling or activity = lost",
    "days_since(last_order_at) between 60 and 120 and kind = person",
    "contacts_30d >= 3 and orders_90d = 0",
    "activity_since < today - 60d and not vip",
    "days_since(last_contact_at) > 365 or country = JP and days_since(last_order_at) > 180",
};
static enum err segment_apply(struct cx *cx, void *state)
{
    int n = *(const int *)state;
    struct segment_out out = {0};
    struct segment_in in = {.name = arena_printf(cx->arena, "moves %d", n),
                            .text = str_of(moving[(size_t)n % COUNT(moving)])};
    TRY(segment_add_plan(cx, &in, &out));
    return segment_add_apply(cx, &in, &out);
}

static void say(const char *name, const struct figures *f)
{
    printf(
        "\"%s\": {\"seconds\": %.2f, \"slices\": %lld, \"longest_ms\": %.1f, \"cpu_seconds\": %.2f, \"longest_cpu_ms\": %.1f}",
        name, (double)f->ns / 1e9, (long long)f->slices, (double)f->longest_ns / 1e6,
        (double)f->cpu_ns / 1e9, (double)f->longest_cpu_ns / 1e6);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"data", 1, 0, 'd'},
                                            {"store", 1, 0, 's'},
                                            {"days", 1, 0, 'n'},
                                            {"rounds", 1, 0, 'r'},
                                            {"share", 1, 0, 'v'},
                                            {"segments", 1, 0, 'g'},
                                            {0}};
    struct store_options o = {0};
    int days = 1, rounds = 3, segments = 0;
    str share = {0};
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 'd')
            o.data_dir = str_of(optarg);
        else if (c == 's')
            o.url = str_of(optarg);
        else if (c == 'n')
            days = atoi(optarg);
        else if (c == 'r')
            rounds = atoi(optarg);
        else if (c == 'g')
            segments = atoi(optarg);
        else if (c == 'v')
            share = str_of(optarg);
        else
            return 2;
    }
    struct cx cx = {
        .arena = arena_open((size_t)256 << 20), .now_ms = clock_now_ms(), .if_match = -1};
    struct store *s = NULL;
    if (!cx.arena || store_open(&cx, &o, &s) != OK) {
        fprintf(stderr, "bench: " SFMT "\n", SARG(fault_text(cx.arena, LANG_EN, &cx.why)));
        return 1;
    }
    if (share.len && db_change(s, &cx, LANE_INTERACTIVE, share_apply, &share) != OK)
        return 1;
    struct figures turn = {0}, due = {0}, follow = {0};
    bool is_well = run(s, &cx, &standing_turn_job, &turn) &&
                   run(s, &cx, &standing_due_job, &due); /* what was left to do */
    printf("{\"days\": %d, ", days);
    say("before", &turn);
    if (segments) {
        is_well = is_well && run(s, &cx, &segment_job, &follow); /* of those that were there */
        for (int i = 0; is_well && i < segments; i++)
            is_well = db_change(s, &cx, LANE_INTERACTIVE, segment_apply, &i) == OK;
        is_well = is_well && run(s, &cx, &segment_job, &follow);
        printf(", ");
        say("fill", &follow);
        fflush(stdout);
    }
    printf(", \"rounds\": [");
    for (int i = 0; is_well && i < rounds; i++) {
        cx.now_ms += (int64_t)days * DAY_MS;
        is_well = run(s, &cx, &standing_turn_job, &turn) && run(s, &cx, &standing_due_job, &due) &&
                  run(s, &cx, &segment_job, &follow);
        printf("%s{", i ? ", " : "");
        say("turn", &turn);
        printf(", ");
        say("due", &due);
        printf(", ");
        say("segments", &follow);
        fflush(stdout);
        printf("}");
    }
    printf("]}\n");
    store_close(s);
    return is_well ? 0 : 1;
}
