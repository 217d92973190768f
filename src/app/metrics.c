/* app/metrics.c - the house's own rows: is it alive, is it ready, its figures, and what it offers.
 */
#include "app/keep/follow.h"
#include "app/errand.h"
#include "app/hub.h"
#include "rooms/judge/judge.h"
#include "rooms/list/list.h"
#include "rooms/settings/settings.h"
#include <fcntl.h>
#include <unistd.h>

static enum err say(struct raw_reply *out, int status, str type, str body)
{
    *out = (struct raw_reply){status, type, body};
    return OK;
}

static enum err alive(struct cx *cx, void *in, void *out)
{
    (void)cx;
    (void)in;
    return say(out, 200, S("text/plain; charset=utf-8"), S("ok\n"));
}

static enum err ready(struct cx *cx, void *in, void *out)
{
    (void)in;
    struct store *s = cx->house->store;
    str version = {0};
    bool is_ready = cx->db && settings_get(cx, "version", &version) == OK &&
                    (store_is_postgres(s) || store_is_ready(s));
    bool is_full = is_ready && store_state(s) == STORE_FULL; /* it reads, and writes what fits */
    return say(out, is_ready ? 200 : 503, S("text/plain; charset=utf-8"),
               is_full    ? S("ready for reading: the disk is full\n")
               : is_ready ? S("ready\n")
                          : S("not ready\n"));
}

/* ---- figures ----------------------------------------------------------------------------- */

static void figure(struct text *t, const char *name, const char *kind, const char *help, int64_t v)
{
    text_printf(t, "# HELP kith_%s %s\n# TYPE kith_%s %s\nkith_%s %lld\n", name, help, name, kind,
                name, (long long)v);
}

/* The second number of statm, in pages. */
static int64_t resident_bytes(void)
{
    char bytes[200];
    int64_t pages = 0;
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, bytes, sizeof bytes);
    if (fd >= 0)
        close(fd);
    str rest = {bytes, n > 0 ? (size_t)n : 0};
    (void)str_cut(&rest, ' ');
    return str_to_int(str_cut(&rest, ' '), &pages) ? pages * sysconf(_SC_PAGESIZE) : 0;
}

/* What runs beside the work of people, and what it costs the one writer. */
static void of_jobs(struct text *t, struct house *h)
{
    struct job_figures f[JOB_KINDS_MAX];
    size_t n = store_job_figures(h->store, f);
    static const char *const names[] = {"job_slices_total", "job_plan_us_total",
                                        "job_write_us_total"};
    static const char *const helps[] = {"Slices of each job.",
                                        "How long jobs planned beside the writer.",
                                        "How long jobs stood on the writer."};
    for (size_t k = 0; k < COUNT(names); k++) {
        text_printf(t, "# HELP kith_%s %s\n# TYPE kith_%s counter\n", names[k], helps[k], names[k]);
        for (size_t i = 0; i < n; i++) {
            int64_t v = k == 0 ? f[i].slices : k == 1 ? f[i].plan_us : f[i].write_us;
            text_printf(t, "kith_%s{job=\"%s\"} %lld\n", names[k], f[i].kind, (long long)v);
        }
    }
}

static void of_judging(struct text *t)
{
    int64_t n[JUDGE_DELAYS], sum = 0;
    judge_delays(n);
    text_printf(t, "# HELP kith_judged_ms How long after an event its customer was judged.\n"
                   "# TYPE kith_judged_ms histogram\n");
    for (size_t i = 0; i < JUDGE_DELAYS; i++) {
        sum += n[i];
        if (i < JUDGE_DELAYS - 1)
            text_printf(t, "kith_judged_ms_bucket{le=\"%lld\"} %lld\n",
                        (long long)judge_delays_ms[i], (long long)sum);
    }
    text_printf(t, "kith_judged_ms_bucket{le=\"+Inf\"} %lld\nkith_judged_ms_count %lld\n",
                (long long)sum, (long long)sum);
}

static enum err figures(struct cx *cx, void *in, void *out)
{
    (void)in;
    struct house *h = cx->house;
    struct store_figures s = {0};
    store_figures(h->store, &s);
    struct text t = text_in(cx->arena, 65536);
    text_printf(&t,
                "# HELP kith_info Version of the program.\n# TYPE kith_info "
                "gauge\nkith_info{version=\"%s\",store=\"%s\"} 1\n",
                KITH_VERSION, store_is_postgres(h->store) ? "postgresql" : "sqlite");
    figure(&t, "start_time_seconds", "gauge", "When this process began, Unix time.",
           h->started_ms / 1000);
    figure(&t, "resident_bytes", "gauge", "Memory of the process.", resident_bytes());
    text_printf(&t, "# HELP kith_answers_total Answers by hundreds of their status.\n# TYPE "
                    "kith_answers_total counter\n");
    for (int i = 2; i < 6; i++)
        text_printf(&t, "kith_answers_total{status=\"%dxx\"} %lld\n", i,
                    (long long)atomic_load(&h->gate->answered[i]));
    figure(&t, "lanes_waiting", "gauge", "Requests that stand in line for a worker.",
           lanes_waiting(h->gate->lanes));
    if (h->http) {
        struct http_figures f = {0};
        http_figures(h->http, &f);
        figure(&t, "http_connections", "gauge", "Open connections.", f.connections);
        figure(&t, "http_streams", "gauge", "Open event streams.", f.streams);
        figure(&t, "http_requests_total", "counter", "Requests read.", f.requests);
        figure(&t, "http_refused_total", "counter", "Requests refused before they reached a room.",
               f.refused);
        figure(&t, "http_cut_slow_total", "counter", "Connections cut because they were too slow.",
               f.cut_slow);
    }
    figure(&t, "store_wal_bytes", "gauge", "Size of the write-ahead log.", s.wal_bytes);
    figure(&t, "store_oldest_reader_ms", "gauge", "Age of the oldest snapshot.",
           s.oldest_reader_ms);
    figure(&t, "store_longest_stall_us", "gauge", "Longest stall of the writer.",
           s.longest_stall_us);
    figure(&t, "store_batches_total", "counter", "Batches committed.", s.batches);
    figure(&t, "store_changes_total", "counter", "Changes committed.", s.changes);
    figure(&t, "store_changes_refused_total", "counter", "Changes refused.", s.changes_refused);
    figure(&t, "store_full", "gauge", "1 while the disk has no room for changes.",
           store_state(h->store) == STORE_FULL);
    if (s.free_bytes >= 0)
        figure(&t, "store_free_bytes", "gauge", "Free room on the disk of the data directory.",
               s.free_bytes);
    figure(&t, "store_queue_interactive", "gauge", "Changes of people that wait.",
           s.queue_interactive);
    figure(&t, "store_queue_bulk", "gauge", "Changes of jobs and imports that wait.", s.queue_bulk);
    of_jobs(&t, h);
    of_judging(&t);
    figure(&t, "store_cache_bytes", "gauge",
           "Pages of the store that are kept in memory, part of kith_resident_bytes.",
           s.cache_bytes);
    const struct follow_state b = follow_state(h->follow);
    if (b.is_on) {
        figure(&t, "backup_failing", "gauge", "1 while --backup-to does not get what is committed.",
               b.is_failing || !b.begun_ms);
        figure(&t, "backup_age_seconds", "gauge", "How old the newest of what is backed up is.",
               b.begun_ms ? (clock_now_ms() - b.caught_ms) / 1000 : -1);
    }
    if (h->hub) {
        struct hub_figures f = {0};
        hub_figures(h->hub, &f);
        figure(&t, "hub_events_total", "counter", "Events taken from the store.", f.events);
        figure(&t, "hub_sent_total", "counter", "Messages sent to browsers.", f.sent);
        figure(&t, "hub_dropped_total", "counter", "Streams dropped because they were behind.",
               f.dropped);
        figure(&t, "hub_waiting", "gauge", "Events that wait to be sent.", f.waiting);
        figure(&t, "hub_longest_us", "gauge", "Longest way of an event since the last look.",
               f.longest_us);
    }
    return say(out, 200, S("text/plain; version=0.0.4; charset=utf-8"), text_str(&t));
}

/* ---- what the house offers --------------------------------------------------------------- */

static enum err openapi(struct cx *cx, void *in, void *out)
{
    (void)in;
    return say(out, 200, S("application/json"), openapi_text(cx->arena));
}

static void texts(struct json_out *j, const char *key, const char *const *names, size_t n)
{
    json_key(j, str_of(key));
    json_array_begin(j);
    for (size_t i = 0; i < n; i++)
        json_str(j, str_of(names[i]));
    json_array_end(j);
}

/* The tables of what comes in, so that a form can repeat the rules. */
static void inputs(struct json_out *j, struct arena *a)
{
    json_key(j, S("inputs"));
    json_object_begin(j);
    for (size_t i = 0; i < rooms_n; i++) {
        for (size_t k = 0; k < rooms[i]->n; k++) {
            const struct route *r = &rooms[i]->routes[k];
            if (!r->in || r->method == HTTP_GET)
                continue;
            json_key(j, arena_printf(a, "%s %s", http_method_names[r->method], r->path));
            json_schema(j, r->in, true);
        }
    }
    json_object_end(j);
}

static enum err meta(struct cx *cx, void *in, void *out)
{
    (void)in;
    static const char *const link_kinds[] = {"webhook"};
    static const char *const outcomes[] = {"solved", "follow_up", "passed_on"};
    struct text t = text_in(cx->arena, (size_t)4 << 20);
    struct json_out j = {.to = &t};
    json_object_begin(&j);
    json_key(&j, S("version"));
    json_str(&j, S(KITH_VERSION));
    texts(&j, "languages", lang_codes, LANG_N);
    texts(&j, "roles", role_codes, ROLE_N);
    texts(&j, "scopes", scope_codes, SCOPE_N);
    texts(&j, "phone_link_kinds", link_kinds, COUNT(link_kinds));
    texts(&j, "outcomes", outcomes, COUNT(outcomes));
    inputs(&j, cx->arena);
    TRY(list_meta(cx, &j));
    json_object_end(&j);
    return say(out, 200, S("application/json"), text_str(&t));
}

/* clang-format off */
static const struct route routes[] = {
    {.method = HTTP_GET, .path = "/healthz", .is_public = true, .without_store = true, .per_minute = 60000, .read = alive, .out = &raw_reply_shape,
     .summary = "Alive?"},
    {.method = HTTP_GET, .path = "/readyz", .is_public = true, .without_store = true, .per_minute = 60000, .read = ready, .out = &raw_reply_shape,
     .summary = "Can it answer now?"},
    {.method = HTTP_GET, .path = "/metrics", .is_public = true, .without_store = true, .per_minute = 60000, .scope = 1u << SCOPE_METRICS_BIT,
     .read = figures, .out = &raw_reply_shape, .summary = "Figures for Prometheus: for the machine itself or a token with scope metrics"},
    {.method = HTTP_GET, .path = "/api/v1/openapi.json", .is_public = true, .without_store = true, .per_minute = 60, .read = openapi, .out = &raw_reply_shape,
     .summary = "This document"},
    {.method = HTTP_GET, .path = "/api/v1/meta", .may = MAY_ALL, .read = meta, .out = &raw_reply_shape,
     .summary = "Roles, scopes, languages, codes, and the rules of what comes in"},
};
/* clang-format on */
const struct room house_room = ROOM("house", routes);
