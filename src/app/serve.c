/* app/serve.c - `kith serve`: opens the house, serves until told to stop, finishes what was
 * accepted. Also the small command `openapi`. */
#include "app/automat.h"
#include "app/commands.h"
#include "app/finder.h"
#include "app/flows.h"
#include "app/gate.h"
#include "app/hub.h"
#include "app/keep/follow.h"
#include "app/keep/held.h"
#include "app/keys.h"
#include "app/options.h"
#include "app/people.h"
#include "messages.h"
#include "rooms/audit/audit.h"
#include "rooms/automation/automation.h"
#include "rooms/call/call.h"
#include "rooms/judge/judge.h"
#include "rooms/list/list.h"
#include "rooms/evidence/evidence.h"
#include "rooms/import/import.h"
#include "rooms/order/order.h"
#include "rooms/search/search.h"
#include "rooms/risk/risk.h"
#include "rooms/segment/segment.h"
#include "rooms/settings/settings.h"
#include "rooms/source/source.h"
#include "rooms/staff/staff.h"
#include <malloc.h>
#include <signal.h>
#include <sys/stat.h>

enum { STOP_MS = 8000 };
static const size_t ARENA_BYTES = (size_t)16 << 20;

static int refused(struct arena *a, const struct cx *cx, enum err e)
{
    str s = cx->why.msg ? fault_text(a, LANG_EN, &cx->why) : str_of(err_code(e));
    fprintf(stderr, "kith: " SFMT "\n", SARG(s));
    return 1;
}

static int wrong(str why)
{
    fprintf(stderr, "kith: " SFMT "; `kith help` shows how it is written\n", SARG(why));
    return 2;
}

/* ---- the first start --------------------------------------------------------------------- */

struct first {
    str cursor_key, setup_code;
};

static enum err first_apply(struct cx *cx, void *state)
{
    const struct first *f = state;
    if (f->cursor_key.len)
        TRY(settings_set(cx, "cursor_key", f->cursor_key));
    return f->setup_code.len ? staff_setup_code_set(cx, f->setup_code) : OK;
}

/* 50 bits in characters that nobody mistakes: "4F7K-9QXM-2A". */
static str setup_code(struct arena *a)
{
    static const char letters[] =
        "23456789ABCDEFGHJKMNPQRSTVWXYZ45"; /* 32, two twice: it costs a tenth of a bit */
    uint8_t r[10];
    random_bytes(r, sizeof r);
    struct text t = text_in(a, 16);
    for (size_t i = 0; i < sizeof r; i++) {
        if (i == 4 || i == 8)
            text_add_char(&t, '-');
        text_add_char(&t, letters[r[i] & 31]);
    }
    return text_str(&t);
}

static bool hex_key(str hex, uint8_t key[32])
{
    for (size_t i = 0; i < 64 && hex.len == 64; i++) {
        char c = hex.ptr[i];
        uint8_t v = (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
        key[i / 2] = (uint8_t)(key[i / 2] << 4 | (v & 15));
    }
    return hex.len == 64;
}

static str new_hex_key(struct arena *a)
{
    uint8_t key[32];
    random_bytes(key, sizeof key);
    struct text t = text_in(a, 65);
    for (size_t i = 0; i < sizeof key; i++)
        text_printf(&t, "%02x", key[i]);
    return text_str(&t);
}

/* The key of cursors is the store's, so that a cursor outlives a restart and holds on every node.
 */
static enum err begin(struct cx *cx, struct house *h, str *code)
{
    str key = {0}, has_owner = {0}, is_demo = {0};
    uint8_t bytes[32] = {0};
    struct first f = {0};
    TRY(read_begin(cx));
    enum err e = settings_get(cx, "cursor_key", &key);
    e = e == OK ? settings_get(cx, "has_owner", &has_owner) : e;
    e = e == OK ? settings_get(cx, "is_demo", &is_demo) : e;
    read_end(cx);
    TRY(e);
    h->is_demo = str_eq(is_demo, S("1"));
    if (key.len == 0)
        key = f.cursor_key = new_hex_key(cx->arena);
    if (!str_eq(has_owner, S("1")))
        *code = f.setup_code = setup_code(cx->arena);
    if (f.cursor_key.len || f.setup_code.len)
        TRY(db_change(h->store, cx, LANE_INTERACTIVE, first_apply, &f));
    if (!hex_key(key, bytes))
        return fault(cx, ERR_INTERNAL, M_SERVE_KEY);
    cursor_key_set(bytes);
    return OK;
}

/* ---- options ----------------------------------------------------------------------------- */

enum {
    O_DATA,
    O_LISTEN,
    O_STORE,
    O_TLS_CERT,
    O_TLS_KEY,
    O_PROXY,
    O_CONFIG,
    O_KEY_FILE,
    O_BACKUP_TO,
    O_BACKUP_DAYS,
    O_N
};

struct wishes {
    const char *data, *store, *backup_to;
    int64_t backup_days;
    struct http_options http;
};

/* "127.0.0.1:8080", "[::1]:8080", ":8080" (loopback). */
static bool listen_read(struct arena *a, const char *text, struct http_options *h)
{
    str s = str_of(text);
    ptrdiff_t colon = -1;
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] == ':')
            colon = (ptrdiff_t)i;
    int64_t port = 0;
    if (colon < 0 || !str_to_int((str){s.ptr + colon + 1, s.len - (size_t)colon - 1}, &port) ||
        port < 0 || port > 65535)
        return false;
    str host = {s.ptr, (size_t)colon};
    if (host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']')
        host = (str){host.ptr + 1, host.len - 2};
    h->host = host.len ? arena_str(a, host) : S("127.0.0.1");
    h->port = (uint16_t)port;
    return true;
}

static bool wishes_read(struct arena *a, int argc, char **argv, struct wishes *w, bool *wants_help,
                        str *why)
{
    static struct option_row rows[O_N];
    memcpy(rows,
           (const struct option_row[O_N]){{.name = "data"},
                                          {.name = "listen"},
                                          {.name = "store"},
                                          {.name = "tls-cert"},
                                          {.name = "tls-key"},
                                          {.name = "proxy", .kind = OPTION_MANY},
                                          {.name = "config"},
                                          {.name = "key-file"},
                                          {.name = "backup-to"},
                                          {.name = "backup-days"}},
           sizeof rows);
    if (!options_read(rows, O_N, argc, argv, a, wants_help, why))
        return false;
    if (*wants_help)
        return true;
    if (rows[O_CONFIG].value && !options_file(rows, O_N, rows[O_CONFIG].value, a, why))
        return false;
    if (rows[O_KEY_FILE].value) /* of the file; the command line's was taken by main */
        (void)setenv("KITH_KEY_FILE", rows[O_KEY_FILE].value, 0);
    w->data = rows[O_DATA].value ? rows[O_DATA].value : getenv("KITH_DATA");
    w->store = rows[O_STORE].value ? rows[O_STORE].value : "sqlite";
    *why = S("--data is missing");
    if (!w->data)
        return false;
    w->backup_to = rows[O_BACKUP_TO].value;
    w->backup_days = 7;
    *why = S("--backup-days is a number from 1 to 3650, and goes with --backup-to");
    if (rows[O_BACKUP_DAYS].value &&
        (!w->backup_to || !str_to_int(str_of(rows[O_BACKUP_DAYS].value), &w->backup_days) ||
         w->backup_days < 1 || w->backup_days > 3650))
        return false;
    *why = S("--listen is an address and a port, as in 127.0.0.1:8080");
    if (!listen_read(a, rows[O_LISTEN].value ? rows[O_LISTEN].value : "127.0.0.1:8080", &w->http))
        return false;
    *why = S("--tls-cert and --tls-key go together");
    if (!rows[O_TLS_CERT].value != !rows[O_TLS_KEY].value)
        return false;
    w->http.tls_cert_file = str_of(rows[O_TLS_CERT].value);
    w->http.tls_key_file = str_of(rows[O_TLS_KEY].value);
    str *proxies = ARENA_ARRAY(a, rows[O_PROXY].n + 1, str);
    for (size_t i = 0; i < rows[O_PROXY].n; i++)
        proxies[i] = str_of(rows[O_PROXY].values[i]);
    w->http.proxies = proxies;
    w->http.n_proxies = rows[O_PROXY].n;
    return true;
}

/* ---- serving ----------------------------------------------------------------------------- */

/* The signals that end it are blocked from the first moment on, and waited for at the end: until then they pend. */
static bool is_told_to_end(void)
{
    sigset_t pending;
    return sigpending(&pending) == 0 &&
           (sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1);
}

static bool start_goes_on(void *arg)
{
    (void)arg;
    return !is_told_to_end();
}

static enum err house_open(struct cx *cx, struct house *h, const struct wishes *w, str *code)
{
    struct store_options so = {
        .data_dir = h->data_dir, .url = str_of(w->store), .goes_on = start_goes_on};
    struct http_options http = w->http;
    TRY(store_open(cx, &so, &h->store));
    TRY(store_reader(h->store, cx, &cx->db));
    enum err e = begin(cx, h, code);
    if (e == OK)
        e = held_begin(h->store, cx, h->data_dir);
    reader_close(cx->db);
    cx->db = NULL;
    TRY(e);
    h->source = source_open(h->data_dir);
    if (!h->source)
        return fault(cx, ERR_INTERNAL, M_GATE_MEMORY);
    source_serve(h, h->source);
    static const struct job_kind *const kinds[] = {
        &call_sweep,       &search_fill,      &standing_turn_job, &standing_due_job,
        &list_bulk_job,    &list_undo_job,    &customer_fold_job, &segment_job,
        &evidence_due_job, &product_word_job, &automation_job,    &judge_job,
        &risk_rescore_job, &risk_forget_job,  &audit_values_job,  &audit_watch_job};
    struct job_kind jobs[COUNT(kinds)];
    for (size_t i = 0; i < COUNT(kinds); i++)
        jobs[i] = *kinds[i];
    store_jobs_start(h->store, h, jobs, COUNT(jobs));
    TRY(store_rotate(h->store, cx, keys_parts, keys_parts_n, false));
    TRY(gate_open(cx, h, &(struct gate_options){0}, &h->gate));
    TRY(hub_open(cx, h, &h->hub));
    h->flows = flows_open();
    if (!h->flows)
        return fault(cx, ERR_INTERNAL, M_GATE_MEMORY);
    TRY(import_desk_open(h->store, cx, h->data_dir, &h->imports));
    TRY(finder_open(cx, h, &h->finder));
    TRY(automat_open(cx, h, &h->automat));
    if (w->backup_to) {
        h->follow = follow_open(h->store, store_ring(h->store), h->data_dir, str_of(w->backup_to),
                                w->backup_days);
        if (!h->follow)
            return fault(cx, ERR_INTERNAL, M_GATE_MEMORY);
    }
    http.body_limit = gate_body_limit;
    http.takes_flow = gate_takes_flow;
    http.handle = gate_handle;
    http.arg = h->gate;
    return http_open(cx, &http, &h->http);
}

/* What was accepted is answered: streams first, then exchanges, then the changes they wait for. */
static void house_close(struct house *h)
{
    hub_stop(h->hub);
    gate_stop_lines(h->gate);
    if (h->http)
        http_close(h->http, STOP_MS);
    flows_close(h->flows);
    gate_close(h->gate);
    import_desk_close(h->imports);
    hub_close(h->hub);
    finder_close(h->finder);
    automat_close(h->automat);
    follow_close(h->follow);
    store_close(h->store);
    source_serve(NULL, NULL);
    source_close(h->source);
}

static void say_where(const struct house *h, const struct wishes *w, str code)
{
    const char *scheme = w->http.tls_cert_file.len ? "https" : "http";
    bool is_v6 = memchr(w->http.host.ptr, ':', w->http.host.len) != NULL;
    if (code.len)
        printf("kith: there is no owner yet; open the address below and give the set-up code " SFMT
               "\n",
               SARG(code));
    printf("kith: listening on %s://%s" SFMT "%s:%u\n", scheme, is_v6 ? "[" : "",
           SARG(w->http.host), is_v6 ? "]" : "", http_port(h->http));
    fflush(stdout);
}

static void wait_for_end(struct house *h, const sigset_t *signals)
{
    for (;;) {
        int got = 0;
        if (sigwait(signals, &got) != 0)
            return;
        if (got != SIGHUP)
            return;
        struct cx cx = {.arena = arena_open(1 << 16), .if_match = -1};
        if (cx.arena && http_reload_tls(h->http, &cx) != OK)
            log_line(LOG_ERROR, "tls.reload", "%.*s", SARG(fault_text(cx.arena, LANG_EN, &cx.why)));
        arena_close(cx.arena);
        (void)source_reload(h->source);
    }
}

static int stopped(void)
{
    fputs(
        "kith: stopped before the store was up to date; nothing is lost, and the next start goes on with it\n",
        stderr);
    return 0;
}

static int serve(struct arena *a, const struct wishes *w)
{
    struct house h = {.data_dir = str_of(w->data),
                      .tls_cert = w->http.tls_cert_file,
                      .has_proxies = w->http.n_proxies > 0,
                      .started_ms = clock_now_ms()};
    struct cx cx = {.arena = a,
                    .house = &h,
                    .now_ms = h.started_ms,
                    .actor = {.kind = ACTOR_SYSTEM},
                    .if_match = -1,
                    .peer = S("")};
    str code = {0}, why = {0};
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    mallopt(M_ARENA_MAX, 2);
    mallopt(M_MMAP_THRESHOLD,
            256 << 10); /* fixed: what one large request took goes back to the machine */
    mallopt(M_TRIM_THRESHOLD, 1 << 20);
    (void)mkdir(w->data, 0700); /* when it cannot be made, opening the store says so */

    enum err e = house_open(&cx, &h, w, &code);
    if (e != OK) {
        int status = e == ERR_BUSY && is_told_to_end() ? stopped() : refused(a, &cx, e);
        house_close(&h);
        return status;
    }
    struct people_desk *people = people_desk_open(&h, a, &why);
    if (!people)
        log_line(LOG_WARN, "socket.missing", "reason=%.*s",
                 SARG(why)); /* commands then need the server stopped */
    malloc_trim(0);
    say_where(&h, w, code);
    wait_for_end(&h, &signals);
    people_desk_close(people);
    house_close(&h);
    return 0;
}

int serve_command(int argc, char **argv)
{
    struct wishes w = {0};
    bool wants_help = false;
    str why = {0};
    struct arena *a = arena_open(ARENA_BYTES);
    if (!a)
        return 1;
    int status;
    if (!wishes_read(a, argc, argv, &w, &wants_help, &why))
        status = wrong(why);
    else if (wants_help)
        status = wrong(S("see there"));
    else
        status = serve(a, &w);
    arena_close(a);
    return status;
}

/* ---- openapi ----------------------------------------------------------------------------- */

int openapi_command(int argc, char **argv)
{
    (void)argv;
    if (argc > 0)
        return wrong(S("`kith openapi` stands alone"));
    struct arena *a = arena_open(ARENA_BYTES);
    if (!a)
        return 1;
    str s = openapi_text(a);
    fwrite(s.ptr, 1, s.len, stdout);
    fputc('\n', stdout);
    arena_close(a);
    return fflush(stdout) == 0 ? 0 : 1;
}
