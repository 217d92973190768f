/* bench/load.c - the load behind docs/performance.md: real requests over loopback against a running server.
 *
 *   bench-load intake  --port P --token T --customers N [--connections 64] [--seconds 10]
 *   bench-load card    --port P --token T --customers N [--connections 32] [--seconds 10]
 *   bench-load lookup  --port P --token T --customers N [--connections 8] [--seconds 10]
 *   bench-load bulk    --port P --token T --customers N [--connections 1] [--lines 1000] [--seconds 10]
 *   bench-load orders  --port P --token T --customers N [--connections 1] [--lines 1000] [--seconds 10]
 *   bench-load create  --port P --token T --customers N [--connections 64] [--seconds 10]
 *   bench-load screen  --port P --token T --customers N [--connections 8] [--seconds 10] [--rate R]
 *   bench-load read    --port P --token T --customers N [--connections 32] [--seconds 10]
 *   bench-load SEARCH  --port P --token T --customers N [--connections 8] [--seconds 10]
 *                      SEARCH: search-name, search-phone, search-email, search-short, search
 *   bench-load list, list-rare  --port P --token T --customers N [--connections 8] [--seconds 10]
 *   bench-load ring    --port P --token T --customers N --link L --desks FILE [--rate 200] [--intakes 500] [--seconds 20]
 *
 * bulk sends the intakes of `intake` as lines of POST /bulk/intake, and names for those that are new; its per_second and
 * cpu_ms_each are of lines, its times of requests. orders does so with orders of two
 * lines each, POST /bulk/orders. create makes a new person with name, phone and e-mail by POST /customers.
 * screen is a shop's checkout, POST /screen; a twentieth of them share few devices, cards and networks.
 * search asks for fragments, each as likely as any other: of names of the generator's people in English, Japanese, Chinese,
 * Russian and Kazakh (a beginning, a middle, two words, the Latin spelling), of telephone numbers in several formats, of
 * addresses; short ones: one or two letters and pieces that nearly everybody has. `search` mixes the first three.
 * list asks for first pages of the customers' table: each order, with the filters of the usual views and some that people add;
 * list-rare with filters that few or none in a million fulfil.
 * All but ring are closed loops: each connection sends the next request when the answer is there; with --rate R in all so many a
 * second at fixed times, and what is late counts from the time it was due. ring is an open
 * loop: calls begin at fixed times whatever the server does, and a late answer counts from the time it was due. Each call is
 * answered 200 ms after it began; where that overtakes the ring nothing rings any more (answered_first), which is another thing
 * than a desk that hears nothing (not_heard).
 * Callers are drawn by Zipf (s = 1) over the customers that `kith demo --customers N` made; 80 % of intakes are theirs.
 * One JSON object goes to stdout: rate, percentiles in ms, errors, and the server's CPU ms per request (from /proc/PID/stat
 * when --pid is given).
 */
#include "app/demo/data.h"
#include "app/demo/generated.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { BODY_MAX = 1 << 16, DESKS_MAX = 2000, PER_RING = 3 };

struct options {
    const char *mode, *token, *link, *desks;
    int port, connections, pid, lines;
    double seconds, rate, intakes;
    int64_t customers;
} opt = {.connections = 0, .lines = 1000, .seconds = 10, .intakes = 500};

/* ---- figures ------------------------------------------------------------------------------- */

struct figures {
    double *ms;
    size_t n, cap;
    int64_t errors;
};

static void note_ms(struct figures *f, double ms)
{
    if (f->n == f->cap) {
        f->cap = f->cap ? f->cap * 2 : 1 << 16;
        f->ms = realloc(f->ms, f->cap * sizeof(double));
        if (!f->ms)
            abort();
    }
    f->ms[f->n++] = ms;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double percentile(const struct figures *f, double p)
{
    return f->n ? f->ms[(size_t)(p * (double)(f->n - 1))] : 0;
}

static void print_figures(const char *name, struct figures *f, double seconds, double cpu_ms,
                          bool last)
{
    qsort(f->ms, f->n, sizeof(double), by_value);
    printf(
        "\"%s\": {\"n\": %zu, \"per_second\": %.0f, \"p50_ms\": %.3f, \"p90_ms\": %.3f, \"p99_ms\": %.3f, "
        "\"max_ms\": %.3f, \"errors\": %lld, \"cpu_ms_each\": %.4f}%s",
        name, f->n, (double)f->n / seconds, percentile(f, .5), percentile(f, .9),
        percentile(f, .99), percentile(f, 1), (long long)f->errors,
        f->n ? cpu_ms / (double)f->n : 0, last ? "" : ", ");
}

static double server_cpu_ms(void)
{
    if (!opt.pid)
        return 0;
    char path[64], line[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", opt.pid);
    FILE *f = fopen(path, "re");
    if (!f)
        return 0;
    unsigned long user = 0, sys = 0;
    char *end = fgets(line, sizeof line, f) ? strrchr(line, ')') : NULL;
    if (end)
        sscanf(end + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &sys);
    fclose(f);
    return (double)(user + sys) * 1000.0 / (double)sysconf(_SC_CLK_TCK);
}

/* ---- who calls: Zipf with s = 1 by inversion of the harmonic sum's integral ------------------------ */

static uint64_t chance = 20260101;
static int64_t zipf(int64_t n)
{
    double u = (double)(chance_next(&chance) >> 11) * 0x1p-53;
    int64_t rank = (int64_t)exp(u * log((double)n)) - 1;
    /* ranks lie scattered over the table, not at its beginning */
    return (int64_t)(((unsigned __int128)(uint64_t)rank * 2654435761u) % (uint64_t)n);
}

/* ---- one connection --------------------------------------------------------------------------------- */

enum kind { KIND_LOOP, KIND_CTI, KIND_INTAKE, KIND_STREAM };
struct conn {
    int fd;
    enum kind kind;
    bool is_busy;
    int64_t due_ns; /* when this request was due (open loop) or sent */
    char *in;
    size_t in_len, in_cap;
};

static int ep;
static int64_t now_ns(void)
{
    return clock_mono_ns();
}

static void conn_open(struct conn *c, enum kind kind)
{
    *c = (struct conn){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .kind = kind};
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)opt.port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0) {
        fprintf(stderr, "bench: cannot connect: %s\n", strerror(errno));
        exit(1);
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &e);
}

static void send_whole(struct conn *c, const char *p, size_t n)
{
    while (n) {
        ssize_t sent = send(c->fd, p, n, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) {
            struct pollfd w = {.fd = c->fd, .events = POLLOUT};
            (void)poll(&w, 1, 1000);
            continue;
        }
        if (sent < 0) {
            fprintf(stderr, "bench: cannot send: %s\n", strerror(errno));
            exit(1);
        }
        p += sent;
        n -= (size_t)sent;
    }
}

static void conn_send(struct conn *c, const char *method, const char *path, const char *token,
                      const char *type, const char *body)
{
    static char out[BODY_MAX];
    size_t body_len = body ? strlen(body) : 0;
    const char *name = c->kind == KIND_STREAM ? "Cookie: kith=" : "Authorization: Bearer ";
    int n = snprintf(out, sizeof out,
                     "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%s%s%sAccept: */*\r\n", method, path,
                     opt.port, token ? name : "", token ? token : "", token ? "\r\n" : "");
    if (body)
        n += snprintf(out + n, sizeof out - (size_t)n,
                      "Content-Type: %s\r\nContent-Length: %zu\r\n", type, body_len);
    n += snprintf(out + n, sizeof out - (size_t)n, "\r\n");
    if ((size_t)n + body_len < sizeof out) {
        memcpy(out + n, body ? body : "", body_len);
        send_whole(c, out, (size_t)n + body_len);
    } else {
        send_whole(c, out, (size_t)n);
        send_whole(c, body, body_len);
    }
    c->is_busy = true;
}

/* Reads what is there. True when a whole answer stands at the front: its status and length. */
static bool conn_answer(struct conn *c, int *status, size_t *whole)
{
    if (c->in_len < 12)
        return false;
    char *end = memmem(c->in, c->in_len, "\r\n\r\n", 4);
    if (!end)
        return false;
    *status = atoi(c->in + 9);
    size_t head = (size_t)(end - c->in) + 4, length = 0;
    for (char *p = c->in; p < end; p = memchr(p, '\n', (size_t)(end - p))
                                           ? (char *)memchr(p, '\n', (size_t)(end - p)) + 1
                                           : end)
        if (strncasecmp(p, "content-length:", 15) == 0)
            length = (size_t)atoll(p + 15);
    *whole = head + length;
    return c->in_len >= *whole;
}

static bool conn_read(struct conn *c)
{
    for (;;) {
        if (c->in_cap - c->in_len < 65536) {
            c->in_cap = c->in_cap ? c->in_cap * 2 : 1 << 17;
            c->in = realloc(c->in, c->in_cap);
            if (!c->in)
                abort();
        }
        ssize_t n = recv(c->fd, c->in + c->in_len, c->in_cap - c->in_len, 0);
        if (n > 0)
            c->in_len += (size_t)n;
        else
            return n < 0 && (errno == EAGAIN || errno == EINTR);
    }
}

static void conn_drop(struct conn *c, size_t n)
{
    memmove(c->in, c->in + n, c->in_len - n);
    c->in_len -= n;
}

/* ---- what is asked ---------------------------------------------------------------------------------------- */

static int64_t serial;
static int64_t run_tag;

/* A name of two made-up words: as many different ones as there are families and given names. */
static void a_name(char *to, size_t size)
{
    static const char *const parts[] = {"bar", "ken", "lo",  "mi",  "ta",  "ros", "vel", "din",
                                        "sha", "or",  "wen", "cal", "fer", "gus", "hal", "ni"};
    char words[2][16];
    for (int w = 0; w < 2; w++) {
        char *p = words[w];
        int n = 0;
        for (int i = 0; i < 3; i++)
            n += snprintf(p + n, 16 - (size_t)n, "%s", parts[chance_below(&chance, 16)]);
        p[0] = (char)(p[0] - 32);
    }
    snprintf(to, size, "%s %s", words[0], words[1]);
}
static size_t an_intake(char *to, size_t size, bool names_new)
{
    struct generated_phone phone;
    char name[96] = "";
    bool is_known = chance_below(&chance, 100) < 80;
    if (is_known)
        phone = generated_phone(zipf(opt.customers));
    else
        phone = generated_phone(opt.customers + 1 + (run_tag + serial) % 1000000);
    if (!is_known && names_new)
        a_name(name, sizeof name);
    int n = snprintf(
        to, size,
        "{\"channel\":\"call\",\"direction\":\"in\",\"source_id\":\"b%lld-%lld\",\"identities\":[{\"type\":\"phone\","
        "\"value\":\"%s\"}],\"claims\":{\"language\":\"en\"%s%s%s},\"subject\":\"Delivery\",\"text\":\"Asked when the order arrives.\"}",
        (long long)run_tag, (long long)serial++, phone.text, *name ? ",\"name\":\"" : "", name,
        *name ? "\"" : "");
    return (size_t)n;
}

static void ask_intake(struct conn *c)
{
    char body[1024];
    an_intake(body, sizeof body, false);
    conn_send(c, "POST", "/api/v1/intake", opt.token, "application/json", body);
}

static void ask_bulk(struct conn *c)
{
    enum { LINE = 1024 };
    static char *body;
    if (!body && !(body = malloc((size_t)opt.lines * LINE + 1)))
        abort();
    size_t n = 0;
    for (int i = 0; i < opt.lines; i++) {
        n += an_intake(body + n, LINE, true);
        body[n++] = '\n';
    }
    body[n] = '\0';
    conn_send(c, "POST", "/api/v1/bulk/intake", opt.token, "application/x-ndjson", body);
}

/* Of the same people; two goods of a thousand, each tenth with a discount. */
static size_t an_order(char *to, size_t size)
{
    bool is_known = chance_below(&chance, 100) < 80;
    struct generated_phone phone = generated_phone(
        is_known ? zipf(opt.customers) : opt.customers + 1 + (run_tag + serial) % 1000000);
    int a = (int)chance_below(&chance, 1000), b = (int)chance_below(&chance, 1000);
    int n = snprintf(
        to, size,
        "{\"number\":\"B%lld-%lld\",\"currency\":\"EUR\",\"status\":\"paid\",\"payment_method\":\"card\",\"identities\":[{"
        "\"type\":\"phone\",\"value\":\"%s\"}],\"discount\":%d,\"lines\":[{\"sku\":\"S%d\",\"name\":\"Goods %d\",\"quantity\":2,"
        "\"price\":%d},{\"sku\":\"S%d\",\"name\":\"Goods %d\",\"quantity\":1,\"price\":%d}]}",
        (long long)run_tag, (long long)serial++, phone.text, chance_below(&chance, 10) ? 0 : 100, a,
        a, 500 + a, b, b, 500 + b);
    return (size_t)n;
}

static void ask_orders(struct conn *c)
{
    enum { LINE = 1024 };
    static char *body;
    if (!body && !(body = malloc((size_t)opt.lines * LINE + 1)))
        abort();
    size_t n = 0;
    for (int i = 0; i < opt.lines; i++) {
        n += an_order(body + n, LINE);
        body[n++] = '\n';
    }
    body[n] = '\0';
    conn_send(c, "POST", "/api/v1/bulk/orders", opt.token, "application/x-ndjson", body);
}

static void ask_create(struct conn *c)
{
    char body[1024], name[96];
    struct generated_phone phone =
        generated_phone(opt.customers + 1 + (run_tag + serial) % 1000000);
    a_name(name, sizeof name);
    snprintf(
        body, sizeof body,
        "{\"claims\":{\"name\":\"%s\",\"country\":\"GB\",\"city\":\"Leeds\"},\"identities\":[{\"type\":\"phone\","
        "\"value\":\"%s\"},{\"type\":\"email\",\"value\":\"b%lld.%lld@example.com\"}]}",
        name, phone.text, (long long)run_tag, (long long)serial++);
    conn_send(c, "POST", "/api/v1/customers", opt.token, "application/json", body);
}

/* A shop's checkout: whole, each with its own number; a twentieth comes from one of few devices, cards and networks. */
static void ask_screen(struct conn *c)
{
    char body[2048], name[96];
    bool is_known = chance_below(&chance, 100) < 80, is_shared = chance_below(&chance, 20) == 0;
    struct generated_phone phone = generated_phone(
        is_known ? zipf(opt.customers) : opt.customers + 1 + (run_tag + serial) % 1000000);
    long long n = (long long)serial++, tag = (long long)run_tag,
              at = is_shared ? (long long)chance_below(&chance, 200) : n;
    a_name(name, sizeof name);
    snprintf(
        body, sizeof body,
        "{\"id\":\"S%lld-%lld\",\"customer\":{\"name\":\"%s\",\"email\":\"s%lld.%lld@example.com\",\"phone\":\"%s\",\"country\":\"GB\","
        "\"city\":\"Leeds\",\"address\":\"%lld Long Lane\",\"language\":\"en\",\"time_zone\":\"Europe/London\"},\"ip\":\"%lld.%lld.%lld.%lld\","
        "\"device\":\"d%lld-%lld\",\"form_seconds\":%d,\"payment\":{\"method\":\"card\",\"card_name\":\"%s\",\"card_country\":\"GB\","
        "\"card_fingerprint\":\"c%lld-%lld\"},\"order\":{\"total\":%d,\"currency\":\"EUR\",\"items\":[{\"sku\":\"S1\",\"name\":\"Goods\",\"qty\":1,"
        "\"price\":900}]},\"history\":{\"paid_orders\":%d,\"age_days\":%d,\"questions\":1}}",
        tag, n, name, tag, n, phone.text, at, 20 + at % 200, at / 200 % 250, at / 50000 % 250,
        at % 250, tag, at, 3 + (int)chance_below(&chance, 90), name, tag, at,
        900 + (int)chance_below(&chance, 90000), (int)chance_below(&chance, 5),
        (int)chance_below(&chance, 900));
    conn_send(c, "POST", "/api/v1/screen", opt.token, "application/json", body);
}

static str *ids;
static size_t n_ids;
static void ask_card(struct conn *c)
{
    char path[128];
    str id = ids[(size_t)zipf((int64_t)n_ids)];
    snprintf(path, sizeof path, "/api/v1/customers/" SFMT "/card", SARG(id));
    conn_send(c, "GET", path, opt.token, NULL, NULL);
}

static void ask_read(struct conn *c)
{
    char path[128];
    str id = ids[(size_t)zipf((int64_t)n_ids)];
    snprintf(path, sizeof path, "/api/v1/customers/" SFMT, SARG(id));
    conn_send(c, "GET", path, opt.token, NULL, NULL);
}

static void ask_lookup(struct conn *c)
{
    char path[128];
    struct generated_phone phone =
        generated_phone((int64_t)chance_below(&chance, (uint64_t)opt.customers));
    snprintf(path, sizeof path, "/api/v1/lookup?number=%%2B%s", phone.text + 1);
    conn_send(c, "GET", path, opt.token, NULL, NULL);
}

static int64_t lines_done;
/* Every line must have been taken. */
static void lines_count(const char *p, size_t n, struct figures *f)
{
    for (const char *line = memmem(p, n, "{\"line\":", 8), *end = p + n; line;
         line = memmem(line + 1, (size_t)(end - line - 1), "{\"line\":", 8)) {
        const char *status = memmem(line, (size_t)(end - line), "\"status\":", 9);
        lines_done++;
        if ((!status || status[9] != '2') && f->errors++ == 0)
            fprintf(stderr, "bench: %.*s\n", (int)(end - line < 400 ? end - line : 400), line);
    }
}

/* ---- fragments ---- */

static const struct people *people;

static bool is_one_of(size_t n, size_t of)
{
    return chance_below(&chance, of) < n;
}

/* `n` characters from the one numbered `from` on. */
static str part_of(str s, size_t from, size_t n)
{
    size_t at = 0, end;
    for (; from && at < s.len; from--)
        do
            at++;
        while (at < s.len && ((unsigned char)s.ptr[at] & 0xC0) == 0x80);
    for (end = at; n && end < s.len; n--)
        do
            end++;
        while (end < s.len && ((unsigned char)s.ptr[end] & 0xC0) == 0x80);
    return (str){s.ptr + at, end - at};
}

static const struct word *word_of(const struct culture *c, bool is_family)
{
    struct words w = is_family ? c->families : is_one_of(1, 2) ? c->women : c->men;
    return &w.items[chance_below(&chance, w.n)];
}

static const struct culture *some_culture(void)
{
    static const char *const codes[] = {"en", "ja", "zh", "ru", "kk"};
    const struct culture *c = people_culture(people, codes[chance_below(&chance, COUNT(codes))]);
    if (!c)
        abort();
    return c;
}

static str name_fragment(char out[static 200])
{
    const struct culture *c = some_culture();
    const struct word *family = word_of(c, true), *given = word_of(c, false);
    bool is_latin = family->latin.len && is_one_of(1, 4);
    str text = is_latin ? family->latin : family->text;
    size_t chars = str_chars(text), least = (unsigned char)text.ptr[0] >= 0xE3 ? 1 : 3;
    if (chars < least)
        least = chars;
    size_t n = least + chance_below(&chance, chars - least + 1);
    str start = part_of(text, 0, n),
        middle = part_of(text, chance_below(&chance, chars - n + 1), n);
    switch (chance_below(&chance, 4)) {
    case 0:
    case 1:
        return start;
    case 2:
        return middle;
    default:
        return (str){out, (size_t)snprintf(out, 200, SFMT " " SFMT, SARG(given->text),
                                           SARG(part_of(family->text, 0, n)))};
    }
}

static str phone_fragment(char out[static 200])
{
    struct generated_phone phone =
        generated_phone((int64_t)chance_below(&chance, (uint64_t)opt.customers));
    str digits = {phone.text + 1, strlen(phone.text) - 1};
    size_t n = 4 + chance_below(&chance, 6), from = chance_below(&chance, digits.len - n + 1);
    str part = part_of(digits, from, n);
    if (is_one_of(1, 3))
        from = digits.len - n, part = part_of(digits, from, n);
    static const char *const between[] = {"", " ", "-", ") "};
    size_t cut = n / 2, way = chance_below(&chance, COUNT(between));
    return (str){out, (size_t)snprintf(out, 200, "%s%.*s%s%.*s", way == 3 ? "(" : "", (int)cut,
                                       part.ptr, between[way], (int)(n - cut), part.ptr + cut)};
}

static str email_fragment(char out[static 200])
{
    const struct culture *c = people_culture(people, "en");
    str family = word_of(c, true)->text, given = word_of(c, false)->text;
    long long number = (long long)chance_below(&chance, (uint64_t)opt.customers);
    switch (chance_below(&chance, 4)) {
    case 0:
        return (str){out, (size_t)snprintf(out, 200, SFMT "." SFMT, SARG(given),
                                           SARG(part_of(family, 0, 3)))};
    case 1:
        return (str){out, (size_t)snprintf(out, 200, SFMT ".%lld", SARG(family), number / 1000)};
    case 2:
        return (str){out, (size_t)snprintf(out, 200, ".%lld@", number)};
    default:
        return (str){out, (size_t)snprintf(out, 200, SFMT ".%lld@mail.exa",
                                           SARG(part_of(family, 1, 20)), number / 100)};
    }
}

static str short_fragment(char out[static 200])
{
    static const char *const common[] = {
        "a",    "s",   "an",   "ан",  "а",    "е",    "+49",
        "+4",   "49",  "44",   "442", "mail", "exam", "@mail.example",
        "post", "田",  "王",   "ana", "ов",   "ова",  "0",
        "00",   "000", "0000", "g0",  "o",    "нұр",  "ч"};
    (void)out;
    return str_of(common[chance_below(&chance, COUNT(common))]);
}

static str any_fragment(char out[static 200])
{
    switch (chance_below(&chance, 3)) {
    case 0:
        return name_fragment(out);
    case 1:
        return phone_fragment(out);
    default:
        return email_fragment(out);
    }
}

static str (*fragment)(char out[static 200]);
static void ask_search(struct conn *c)
{
    char text[200], path[1024];
    str q = fragment(text);
    size_t n = (size_t)snprintf(path, sizeof path, "/api/v1/search?q=");
    for (size_t i = 0; i < q.len; i++)
        n += (size_t)snprintf(path + n, sizeof path - n, "%%%02X", (unsigned char)q.ptr[i]);
    conn_send(c, "GET", path, opt.token, NULL, NULL);
}
static const struct {
    const char *mode;
    str (*fragment)(char out[static 200]);
} searches[] = {{"search", any_fragment},
                {"search-name", name_fragment},
                {"search-phone", phone_fragment},
                {"search-email", email_fragment},
                {"search-short", short_fragment}};

/* ---- lists ---------------------------------------------------------------------------------------------------- */

/* Pages of the customers' table: every order, the filters of the usual views and what people add to them. */
static const char *const sorts[] = {"name",    "-name",          "-created_at",     "-spent",
                                    "-orders", "-last_order_at", "-last_contact_at"};
static const char *const usual_filters[] = {
    "",
    "",
    "activity = cooling",
    "activity = lost",
    "kind = company",
    "vip",
    "country = \"JP\"",
    "country = \"GB\" and activity = active",
    "days_since(created_at) < 7",
    "days_since(last_contact_at) > 180 and orders >= 3",
    "lang = \"kk\" and kind = person",
    "spent_365d > 500 and not vip",
};
/* Few or none in a million: nothing an index finds, a phone, a pair that hardly ever meets. */
static const char *const rare_filters[] = {
    "time_zone = \"Asia/Tokyo\" and orders = 7",
    "orders = 9 and contacts = 11 and lang = \"kk\"",
    "activity = lost and orders_30d >= 1",
    "country = \"KZ\" and lang = \"ja\"",
    "email ~ \"zzzz\"",
    "tag = \"nobody has it\"",
    "orders >= 60 and kind = company",
};
static bool wants_rare;
static void ask_list(struct conn *c)
{
    const char *where = wants_rare ? rare_filters[chance_below(&chance, COUNT(rare_filters))]
                                   : usual_filters[chance_below(&chance, COUNT(usual_filters))];
    char path[1024];
    size_t n = (size_t)snprintf(path, sizeof path, "/api/v1/customers?sort=%s",
                                sorts[chance_below(&chance, COUNT(sorts))]);
    if (*where)
        n += (size_t)snprintf(path + n, sizeof path - n, "&where=");
    for (; *where; where++)
        n += (size_t)snprintf(path + n, sizeof path - n, "%%%02X", (unsigned char)*where);
    conn_send(c, "GET", path, opt.token, NULL, NULL);
}

/* ---- closed loops -------------------------------------------------------------------------------------------- */

static int closed_loop(void (*ask)(struct conn *), struct figures *f, double seconds)
{
    struct conn *conns = calloc((size_t)opt.connections, sizeof *conns);
    if (!conns)
        abort();
    /* Paced: each connection has its own times. */
    int64_t step = opt.rate > 0 ? (int64_t)(1e9 * opt.connections / opt.rate) : 0;
    for (int i = 0; i < opt.connections; i++) {
        conn_open(&conns[i], KIND_LOOP);
        conns[i].due_ns = now_ns() + i * step / opt.connections;
        if (!step)
            ask(&conns[i]);
    }
    int64_t end = now_ns() + (int64_t)(seconds * 1e9);
    const struct timespec most = {step ? 0 : 1, step ? 100000 : 0};
    struct epoll_event got[256];
    int busy = opt.connections;
    while (busy) {
        int n = epoll_pwait2(ep, got, COUNT(got), &most, NULL);
        int64_t now = now_ns();
        for (int i = 0; step && i < opt.connections; i++)
            if (!conns[i].is_busy && now >= conns[i].due_ns && conns[i].due_ns < end)
                ask(&conns[i]);
            else if (!conns[i].is_busy && conns[i].due_ns >= end && conns[i].due_ns < INT64_MAX) {
                conns[i].due_ns = INT64_MAX;
                busy--;
            }
        if (n == 0 && now > end + 5000000000) /* what is not answered by then is given up */
            break;
        for (int i = 0; i < n; i++) {
            struct conn *c = got[i].data.ptr;
            if (!conn_read(c)) {
                fprintf(stderr, "bench: the server closed a connection\n");
                return 1;
            }
            int status = 0;
            size_t whole = 0;
            if (!conn_answer(c, &status, &whole))
                continue;
            if (status / 100 == 2)
                note_ms(f, (double)(now_ns() - c->due_ns) / 1e6);
            else if (f->errors++ == 0)
                fprintf(stderr, "bench: %.*s\n", (int)whole, c->in);
            if (ask == ask_bulk || ask == ask_orders)
                lines_count(c->in, whole, f);
            conn_drop(c, whole);
            c->is_busy = false;
            if (step) {
                c->due_ns += step;
            } else if (now < end) {
                c->due_ns = now_ns();
                ask(c);
            } else {
                busy--;
            }
        }
    }
    for (int i = 0; i < opt.connections; i++) {
        close(conns[i].fd);
        free(conns[i].in);
    }
    free(conns);
    return 0;
}

/* Ids of customers for the card, asked for by their numbers. */
static struct figures ignored;
static void ids_collect(struct arena *a, size_t want)
{
    struct conn c;
    conn_open(&c, KIND_LOOP);
    ids = ARENA_ARRAY(a, want, str);
    for (size_t i = 0; i < want; i++) {
        ask_lookup(&c);
        int status = 0;
        size_t whole = 0;
        while (!conn_answer(&c, &status, &whole))
            if (!conn_read(&c))
                exit(1);
        char *p = memmem(c.in, whole, "\"cus_", 5);
        if (status == 200 && p)
            ids[n_ids++] = arena_str(a, (str){p + 1, 17});
        conn_drop(&c, whole);
    }
    close(c.fd);
    free(c.in);
    if (n_ids < want / 2) {
        fprintf(stderr, "bench: only %zu of %zu numbers were found\n", n_ids, want);
        exit(1);
    }
}

/* ---- the open loop: rings ---------------------------------------------------------------------------------------- */

struct desk {
    char secret[80], extension[16];
};
static struct desk *desks;
static int n_desks;
static struct conn *streams;

static void desks_read(void)
{
    FILE *f = fopen(opt.desks, "re");
    desks = calloc(DESKS_MAX, sizeof *desks);
    if (!f || !desks)
        exit(1);
    while (n_desks < DESKS_MAX &&
           fscanf(f, "%79s %15s", desks[n_desks].secret, desks[n_desks].extension) == 2)
        n_desks++;
    fclose(f);
}

/* A call's life: ring now, answer 200 ms later, hang-up 800 ms after that. */
struct ring {
    int64_t due_ns;
    int first_desk;
    bool heard[PER_RING];
    uint64_t id; /* of the call, as the events bear it */
};
/* Which calls a desk was told are answered: one that is answered before its ring can be shown rings nowhere any more. */
struct told {
    uint64_t *ids;
    size_t n, cap;
};
static struct told *told;
static struct ring *rings;
static int64_t n_rings, next_ring, next_answer, next_hangup;
static struct figures ring_figures, cti_figures, intake_figures;

static struct conn *idle(struct conn *of, int n)
{
    static int at;
    for (int i = 0; i < n; i++) {
        struct conn *c = &of[(at + i) % n];
        if (!c->is_busy) {
            at = (at + i + 1) % n;
            return c;
        }
    }
    return NULL;
}

static void tell(struct conn *c, const char *event, int64_t call)
{
    char body[1024], path[128];
    const struct ring *r = &rings[call];
    struct generated_phone phone =
        generated_phone((int64_t)((uint64_t)(call * 7919) % (uint64_t)opt.customers));
    int n = snprintf(body, sizeof body,
                     "event=%s&from=%%2B%s&to=b%lld&direction=in&callId=bench-%lld-%lld", event,
                     phone.text + 1, (long long)call, (long long)run_tag, (long long)call);
    if (strcmp(event, "newCall") == 0)
        for (int i = 0; i < PER_RING; i++)
            n += snprintf(body + n, sizeof body - (size_t)n, "&user%%5B%%5D=%s",
                          desks[(r->first_desk + i) % n_desks].extension);
    if (strcmp(event, "answer") == 0)
        snprintf(body + n, sizeof body - (size_t)n, "&answeringNumber=%s",
                 desks[r->first_desk].extension);
    if (strcmp(event, "hangup") == 0)
        snprintf(body + n, sizeof body - (size_t)n, "&cause=normalClearing");
    snprintf(path, sizeof path, "/api/v1/cti/%s", opt.link);
    conn_send(c, "POST", path, NULL, "application/x-www-form-urlencoded", body);
}

/* The first "id":"cal_…" of an event, as a number; 0: there is none. */
static uint64_t call_id_of(const char *p, size_t n)
{
    const char *at = memmem(p, n, "\"cal_", 5),
               *end = at ? memchr(at + 1, '"', n - (size_t)(at + 1 - p)) : NULL;
    uint64_t h = 0xcbf29ce484222325u;
    if (!end)
        return 0;
    for (at++; at < end; at++)
        h = (h ^ (unsigned char)*at) * 0x100000001b3u;
    return h;
}

static void ring_heard(struct ring *r, int desk, uint64_t id)
{
    r->id = id;
    for (int i = 0; i < PER_RING; i++)
        if ((r->first_desk + i) % n_desks == desk && !r->heard[i]) {
            r->heard[i] = true;
            note_ms(&ring_figures, (double)(now_ns() - r->due_ns) / 1e6);
        }
}

/* Takes whole events off a stream. */
static void stream_take(struct conn *c)
{
    char *end;
    int desk = (int)(c - streams);
    while ((end = memmem(c->in, c->in_len, "\n\n", 2))) {
        size_t n = (size_t)(end - c->in) + 2;
        uint64_t id = call_id_of(c->in, n);
        if (memmem(c->in, n, "event: call.ringing", 19)) {
            char *p = memmem(c->in, n, "\"called\":\"b", 11);
            int64_t call = p ? atoll(p + 11) : -1;
            if (call >= 0 && call < n_rings)
                ring_heard(&rings[call], desk, id);
        } else if (memmem(c->in, n, "event: call.answered", 20)) {
            struct told *t = &told[desk];
            if (t->n == t->cap) {
                t->cap = t->cap ? t->cap * 2 : 64;
                t->ids = realloc(t->ids, t->cap * sizeof *t->ids);
                if (!t->ids)
                    abort();
            }
            t->ids[t->n++] = id;
        }
        conn_drop(c, n);
    }
}

/* Rings that a desk was not shown: of calls that it was told are answered, and all others. */
static void count_missing(int64_t *answered_first, int64_t *not_heard)
{
    for (int64_t i = 0; i < n_rings; i++)
        for (int k = 0; k < PER_RING; k++) {
            const struct told *t = &told[(rings[i].first_desk + k) % n_desks];
            bool is_told = false;
            for (size_t j = 0; j < t->n && !is_told && !rings[i].heard[k] && rings[i].id; j++)
                is_told = t->ids[j] == rings[i].id;
            *answered_first += !rings[i].heard[k] && is_told;
            *not_heard += !rings[i].heard[k] && !is_told;
        }
}

static int ring_loop(void)
{
    enum { CTI = 32, INTAKES = 32 };
    opt.rate = opt.rate > 0 ? opt.rate : 200;
    desks_read();
    struct conn *cti = calloc(CTI, sizeof *cti), *takes = calloc(INTAKES, sizeof *takes);
    streams = calloc((size_t)n_desks, sizeof *streams);
    n_rings = (int64_t)(opt.rate * opt.seconds);
    rings = calloc((size_t)n_rings, sizeof *rings);
    told = calloc((size_t)n_desks, sizeof *told);
    if (!cti || !takes || !streams || !rings || !told)
        abort();
    for (int i = 0; i < n_desks; i++) {
        conn_open(&streams[i], KIND_STREAM);
        conn_send(&streams[i], "GET", "/api/v1/events?topics=call,queue", desks[i].secret, NULL,
                  NULL);
        usleep(500);
    }
    for (int i = 0; i < CTI; i++)
        conn_open(&cti[i], KIND_CTI);
    for (int i = 0; i < INTAKES; i++)
        conn_open(&takes[i], KIND_INTAKE);
    int tick = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct itimerspec each = {{0, 500000}, {0, 500000}};
    timerfd_settime(tick, 0, &each, NULL);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(ep, EPOLL_CTL_ADD, tick, &e);

    int64_t start = now_ns() + 2000000000, step = (int64_t)(1e9 / opt.rate);
    for (int64_t i = 0; i < n_rings; i++)
        rings[i] = (struct ring){.due_ns = start + i * step,
                                 .first_desk = (int)((i * PER_RING) % n_desks)};
    double cpu = 0;
    bool has_begun = false;
    int64_t takes_due = 0, end = start + (int64_t)(opt.seconds * 1e9) + 3000000000;
    struct epoll_event got[512];
    while (now_ns() < end) {
        int n = epoll_wait(ep, got, COUNT(got), 100);
        for (int i = 0; i < n; i++) {
            struct conn *c = got[i].data.ptr;
            if (!c) {
                uint64_t times;
                ssize_t got_times = read(tick, &times, sizeof times);
                (void)got_times;
                continue;
            }
            if (!conn_read(c)) {
                fprintf(stderr, "bench: the server closed a %s\n",
                        c->kind == KIND_STREAM ? "stream" : "connection");
                return 1;
            }
            if (c->kind == KIND_STREAM) {
                stream_take(c);
                continue;
            }
            int status = 0;
            size_t whole = 0;
            if (!conn_answer(c, &status, &whole))
                continue;
            struct figures *f = c->kind == KIND_CTI ? &cti_figures : &intake_figures;
            if (status / 100 == 2)
                note_ms(f, (double)(now_ns() - c->due_ns) / 1e6);
            else if (f->errors++ == 0)
                fprintf(stderr, "bench: %.*s\n", (int)whole, c->in);
            conn_drop(c, whole);
            c->is_busy = false;
        }
        int64_t now = now_ns();
        if (now >= start && !has_begun) {
            cpu = server_cpu_ms();
            has_begun = true;
        }
        struct conn *c;
        while (next_ring < n_rings && now >= rings[next_ring].due_ns && (c = idle(cti, CTI))) {
            c->due_ns = rings[next_ring].due_ns;
            tell(c, "newCall", next_ring++);
        }
        while (next_answer < next_ring && now >= rings[next_answer].due_ns + 200000000 &&
               (c = idle(cti, CTI))) {
            c->due_ns = rings[next_answer].due_ns + 200000000;
            tell(c, "answer", next_answer++);
        }
        while (next_hangup < next_answer && now >= rings[next_hangup].due_ns + 1000000000 &&
               (c = idle(cti, CTI))) {
            c->due_ns = rings[next_hangup].due_ns + 1000000000;
            tell(c, "hangup", next_hangup++);
        }
        int64_t due =
            now < start
                ? 0
                : 1 + (int64_t)((double)(now - start) / 1e9 * opt.intakes); /* the first at once */
        while (takes_due < due && takes_due < (int64_t)(opt.intakes * opt.seconds) &&
               (c = idle(takes, INTAKES))) {
            c->due_ns = start + (int64_t)((double)takes_due++ / opt.intakes * 1e9);
            ask_intake(c);
        }
    }
    cpu = server_cpu_ms() - cpu;
    int64_t answered_first = 0, not_heard = 0;
    count_missing(&answered_first, &not_heard);
    printf(
        "{\"mode\": \"ring\", \"desks\": %d, \"rings\": %lld, \"not_heard\": %lld, \"answered_first\": %lld, "
        "\"server_cpu\": %.2f, ",
        n_desks, (long long)n_rings, (long long)not_heard, (long long)answered_first,
        cpu / 1000.0 / opt.seconds);
    print_figures("ring_to_card", &ring_figures, opt.seconds, 0, false);
    print_figures("cti", &cti_figures, opt.seconds, 0, false);
    print_figures("intake", &intake_figures, opt.seconds, 0, true);
    printf("}\n");
    return not_heard != 0;
}

/* ---- main ------------------------------------------------------------------------------------------------------------ */

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"port", 1, 0, 'p'},        {"token", 1, 0, 't'},   {"customers", 1, 0, 'c'},
        {"connections", 1, 0, 'n'}, {"seconds", 1, 0, 's'}, {"link", 1, 0, 'l'},
        {"desks", 1, 0, 'd'},       {"rate", 1, 0, 'r'},    {"intakes", 1, 0, 'i'},
        {"lines", 1, 0, 'L'},       {"pid", 1, 0, 'P'},     {0}};
    if (argc < 2)
        return 2;
    opt.mode = argv[1];
    optind = 2;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case 'p':
            opt.port = atoi(optarg);
            break;
        case 't':
            opt.token = optarg;
            break;
        case 'c':
            opt.customers = atoll(optarg);
            break;
        case 'n':
            opt.connections = atoi(optarg);
            break;
        case 's':
            opt.seconds = atof(optarg);
            break;
        case 'l':
            opt.link = optarg;
            break;
        case 'd':
            opt.desks = optarg;
            break;
        case 'r':
            opt.rate = atof(optarg);
            break;
        case 'i':
            opt.intakes = atof(optarg);
            break;
        case 'L':
            opt.lines = atoi(optarg);
            break;
        case 'P':
            opt.pid = atoi(optarg);
            break;
        default:
            return 2;
        }
    }
    if (!opt.port || !opt.token || opt.customers < 1 || opt.lines < 1 || opt.lines > 5000)
        return 2;
    ep = epoll_create1(EPOLL_CLOEXEC);
    run_tag = clock_now_ms();
    chance ^= (uint64_t)run_tag;
    if (strcmp(opt.mode, "ring") == 0)
        return ring_loop();
    struct arena *a = arena_open(64u << 20);
    void (*ask)(struct conn *) = NULL;
    int usual = 0;
    if (strcmp(opt.mode, "intake") == 0)
        ask = ask_intake, usual = 64;
    else if (strcmp(opt.mode, "card") == 0)
        ask = ask_card, usual = 32;
    else if (strcmp(opt.mode, "lookup") == 0)
        ask = ask_lookup, usual = 8;
    else if (strcmp(opt.mode, "bulk") == 0)
        ask = ask_bulk, usual = 1;
    else if (strcmp(opt.mode, "orders") == 0)
        ask = ask_orders, usual = 1;
    else if (strcmp(opt.mode, "create") == 0)
        ask = ask_create, usual = 64;
    else if (strcmp(opt.mode, "screen") == 0)
        ask = ask_screen, usual = 8;
    else if (strcmp(opt.mode, "read") == 0)
        ask = ask_read, usual = 32;
    else if (strcmp(opt.mode, "list") == 0 || strcmp(opt.mode, "list-rare") == 0)
        ask = ask_list, usual = 8, wants_rare = opt.mode[4] != 0;
    for (size_t i = 0; i < COUNT(searches); i++)
        if (strcmp(opt.mode, searches[i].mode) == 0)
            ask = ask_search, usual = 8, fragment = searches[i].fragment;
    if (!ask)
        return 2;
    if (ask == ask_search)
        people = people_open(a);
    opt.connections = opt.connections ? opt.connections : usual;
    if (ask == ask_card || ask == ask_read)
        ids_collect(a, 20000);
    if (closed_loop(ask, &ignored, 1) != 0) /* warm-up, not counted */
        return 1;
    struct figures f = {0};
    lines_done = 0;
    double cpu = server_cpu_ms();
    int64_t begun = now_ns();
    int e = closed_loop(ask, &f, opt.seconds);
    double took = (double)(now_ns() - begun) / 1e9;
    cpu = server_cpu_ms() - cpu;
    printf("{\"mode\": \"%s\", \"connections\": %d, ", opt.mode, opt.connections);
    if ((ask == ask_bulk || ask == ask_orders) && lines_done)
        printf("\"lines\": {\"n\": %lld, \"per_second\": %.0f, \"cpu_ms_each\": %.4f}, ",
               (long long)lines_done, (double)lines_done / took, cpu / (double)lines_done);
    print_figures(opt.mode, &f, opt.seconds, cpu, true);
    printf("}\n");
    arena_close(a);
    return e || f.errors != 0;
}
