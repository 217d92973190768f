/* bench/desks.c - people for the benchmark: staff with extensions and open sessions, an API token, a telephone link.
 *
 *   bench-desks --data DIR [--store URL] --count 500 --out FILE
 *
 * Writes "token T", "link L" and a line "SECRET EXTENSION" for each desk to FILE (0600). Sessions are made in the store, not by
 * log-in: five hundred Argon2id hashes are not what is measured. The store must be filled and not in use.
 */
#include "db/event.h"
#include "net/route.h"
#include "queries.h"

#include <fcntl.h>
#include <getopt.h>
#include <unistd.h>

struct desks {
    int64_t count;
    FILE *out;
    char token[64], link[64];
    char (*secrets)[64];
};

static void hashed(const char *secret, uint8_t hash[32])
{
    sha256(str_of(secret), hash);
}

static enum err make(struct cx *cx, void *state)
{
    struct desks *d = state;
    uint8_t hash[32];
    hashed(d->token, hash);
    TRY(db_run(cx, &q_demo_token,
               ARGS(V(id_new(cx->now_ms)), V("bench"), val_blob(hash, 32), V("owner"),
                    V((int64_t)(SCOPE_READ | SCOPE_WRITE | SCOPE_INTAKE | SCOPE_CTI)),
                    V(cx->now_ms))));
    hashed(d->link, hash);
    TRY(db_run(cx, &q_demo_phone_link,
               ARGS(V(id_new(cx->now_ms)), V("webhook"), V("bench"), val_blob(hash, 32), V("GB"),
                    V(cx->now_ms))));
    for (int64_t i = 0; i < d->count; i++) {
        int64_t id = id_new(cx->now_ms);
        str email = arena_printf(cx->arena, "bench%lld@kith.example", (long long)i);
        str extension = arena_printf(cx->arena, "b%lld", (long long)(10000 + i));
        TRY(db_run(cx, &q_demo_staff,
                   ARGS(V(id), V(email), V(email), V("operator"), V(""), V("en"), V(cx->now_ms),
                        V(cx->now_ms))));
        TRY(db_run(cx, &q_demo_extension, ARGS(V(extension), V(id))));
        hashed(d->secrets[i], hash);
        TRY(db_run(cx, &q_session_insert,
                   ARGS(V(id_new(cx->now_ms)), val_blob(hash, 32), V(id), V(cx->now_ms),
                        V("127.0.0.1"), V("bench"))));
    }
    return OK;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"data", 1, 0, 'd'}, {"store", 1, 0, 's'}, {"count", 1, 0, 'n'}, {"out", 1, 0, 'o'}, {0}};
    struct store_options o = {0};
    struct desks d = {.count = 500};
    const char *out = NULL;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case 'd':
            o.data_dir = str_of(optarg);
            break;
        case 's':
            o.url = str_of(optarg);
            break;
        case 'n':
            d.count = atoll(optarg);
            break;
        case 'o':
            out = optarg;
            break;
        default:
            return 2;
        }
    }
    if (!out || d.count < 1 || d.count > 100000)
        return 2;
    struct arena *a = arena_open(64u << 20);
    struct cx cx = {.arena = a, .now_ms = clock_now_ms(), .actor = {.kind = ACTOR_SYSTEM}};
    d.secrets = calloc((size_t)d.count, sizeof *d.secrets);
    struct store *s = NULL;
    if (!a || !d.secrets)
        return 1;
    snprintf(d.token, sizeof d.token, SFMT, SARG(random_token(a, 32)));
    snprintf(d.link, sizeof d.link, SFMT, SARG(random_token(a, 32)));
    for (int64_t i = 0; i < d.count; i++)
        snprintf(d.secrets[i], sizeof d.secrets[i], SFMT, SARG(random_token(a, 32)));
    enum err e = store_open(&cx, &o, &s);
    if (e == OK)
        e = db_change(s, &cx, LANE_INTERACTIVE, make, &d);
    if (e != OK) {
        fprintf(stderr, "bench-desks: " SFMT "\n", SARG(fault_text(a, LANG_EN, &cx.why)));
        return 1;
    }
    store_close(s);
    int fd = open(out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
    if (!f)
        return 1;
    for (int64_t i = 0; i < d.count; i++)
        fprintf(f, "%s b%lld\n", d.secrets[i], (long long)(10000 + i));
    fclose(f);
    printf("%s %s\n", d.token, d.link);
    return 0;
}
