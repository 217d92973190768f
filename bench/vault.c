/* bench/vault.c - what sealing costs: the same work on a sealed file and on a plain one, in turns, in one process.
 *
 *   bench-vault DIR [ROUNDS] [SECONDS]
 *
 * durable   one row a transaction, each waited for on the disk
 * bulk      10,000 rows a transaction
 * hot       point reads of pages that are in the page cache (96 MB)
 * cold      point reads with a cache of 1 MB: nearly all are read from the file and opened
 */
#include "base/value.h"
#include "db/vault.h"
#include <sqlite3.h>
#include <unistd.h>

enum { KINDS = 4, ROUNDS_MAX = 99, HOT_ROWS = 20000, ALL_ROWS = 200000 };
static const char *const kinds[KINDS] = {"durable", "bulk", "hot", "cold"};

static void must(int rc, sqlite3 *h)
{
    if (rc == SQLITE_OK || rc == SQLITE_DONE || rc == SQLITE_ROW)
        return;
    fprintf(stderr, "bench-vault: %s\n", h ? sqlite3_errmsg(h) : sqlite3_errstr(rc));
    exit(1);
}

static void run(sqlite3 *h, const char *sql)
{
    must(sqlite3_exec(h, sql, NULL, NULL, NULL), h);
}

static sqlite3 *open_at(const char *path, const char *vfs, int cache_kb)
{
    sqlite3 *h = NULL;
    int reserve = VAULT_RESERVED;
    char pragma[100];
    must(sqlite3_open_v2(path, &h, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                         vfs),
         h);
    must(sqlite3_file_control(h, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserve), h);
    run(h,
        "PRAGMA temp_store=memory; PRAGMA page_size=4096; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL");
    snprintf(pragma, sizeof pragma, "PRAGMA cache_size=-%d; PRAGMA wal_autocheckpoint=4096",
             cache_kb);
    run(h, pragma);
    return h;
}

static sqlite3_stmt *prepared(sqlite3 *h, const char *sql)
{
    sqlite3_stmt *s = NULL;
    must(sqlite3_prepare_v2(h, sql, -1, &s, NULL), h);
    return s;
}

static int64_t next_id = ALL_ROWS + 1;

static void put(sqlite3 *h, sqlite3_stmt *s)
{
    sqlite3_bind_int64(s, 1, next_id++);
    must(sqlite3_step(s), h);
    sqlite3_reset(s);
}

/* Rows or reads in a second. */
static double measure(sqlite3 *h, int kind, double seconds, uint64_t seed)
{
    sqlite3_stmt *in = prepared(
                     h, "INSERT INTO t VALUES (?1, ?1 * 7919 % 100003, hex(randomblob(100)))"),
                 *out = prepared(h, "SELECT text FROM t WHERE id = ?1");
    int64_t from = clock_mono_ns(), n = 0;
    while ((double)(clock_mono_ns() - from) < seconds * 1e9) {
        if (kind == 0) {
            put(h, in);
            n++;
        } else if (kind == 1) {
            run(h, "BEGIN");
            for (int i = 0; i < 10000; i++, n++)
                put(h, in);
            run(h, "COMMIT");
        } else {
            for (int i = 0; i < 100; i++, n++) {
                seed = seed * 6364136223846793005u + 1442695040888963407u;
                sqlite3_bind_int64(out, 1,
                                   1 + (int64_t)((seed >> 33) % (kind == 2 ? HOT_ROWS : ALL_ROWS)));
                must(sqlite3_step(out), h);
                sqlite3_reset(out);
            }
        }
    }
    double took = (double)(clock_mono_ns() - from) / 1e9;
    sqlite3_finalize(in);
    sqlite3_finalize(out);
    return (double)n / took;
}

static void fill(sqlite3 *h)
{
    char sql[300];
    snprintf(
        sql, sizeof sql,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, who INTEGER, text TEXT) STRICT; CREATE INDEX t_who ON t (who, id);"
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
        "INSERT INTO t SELECT i, i * 7919 %% 100003, hex(randomblob(100)) FROM n",
        ALL_ROWS);
    run(h, sql);
    run(h, "PRAGMA wal_checkpoint(TRUNCATE)");
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    int rounds = argc > 2 ? atoi(argv[2]) : 7;
    double seconds = argc > 3 ? atof(argv[3]) : 1;
    struct cx cx = {.arena = arena_open((size_t)1 << 20)};
    struct key_source key = {.kind = KEY_BYTES, .key = {1}, .place = S("bench")};
    struct keyring *ring = NULL;
    str recovery;
    if (argc < 2 || rounds < 1 || rounds > ROUNDS_MAX || !cx.arena ||
        keyring_make(&cx, &key, &ring, &recovery) != OK) {
        fputs("bench-vault DIR [ROUNDS] [SECONDS]\n", stderr);
        return 2;
    }
    struct vault *v = vault_open(ring, VAULT_PAGE, 0);
    const char *vfs[2] = {NULL, v ? vault_name(v) : NULL};
    str path[2];
    static double got[KINDS][2][ROUNDS_MAX], ratio[KINDS][ROUNDS_MAX];
    for (int k = 0; k < 2; k++) {
        path[k] = arena_printf(cx.arena, "%s/bench-%s.db", argv[1], k ? "sealed" : "plain");
        (void)unlink(path[k].ptr);
        sqlite3 *h = open_at(path[k].ptr, vfs[k], 96 << 10);
        fill(h);
        sqlite3_close(h);
    }
    for (int r = 0; r < rounds; r++)
        for (int kind = 0; kind < KINDS; kind++) {
            for (int i = 0; i < 2; i++) {
                int k = (r + i) % 2; /* who begins changes */
                sqlite3 *h = open_at(path[k].ptr, vfs[k], kind == 3 ? 1 << 10 : 96 << 10);
                if (kind == 2)
                    (void)measure(h, kind, 0.2, 1);
                got[kind][k][r] = measure(h, kind, seconds, (uint64_t)r);
                sqlite3_close(h);
            }
            ratio[kind][r] = got[kind][1][r] / got[kind][0][r];
        }
    printf(
        "| | plain | sealed | sealed / plain, middle of %d pairs | least | most |\n|---|---|---|---|---|---|\n",
        rounds);
    for (int kind = 0; kind < KINDS; kind++) {
        for (int k = 0; k < 2; k++)
            qsort(got[kind][k], (size_t)rounds, sizeof(double), by_size);
        qsort(ratio[kind], (size_t)rounds, sizeof(double), by_size);
        printf("| %s | %.0f/s | %.0f/s | %.2f | %.2f | %.2f |\n", kinds[kind],
               got[kind][0][rounds / 2], got[kind][1][rounds / 2], ratio[kind][rounds / 2],
               ratio[kind][0], ratio[kind][rounds - 1]);
    }
    for (int k = 0; k < 2; k++)
        (void)unlink(path[k].ptr);
    vault_close(v);
    keyring_close(ring);
    arena_close(cx.arena);
    return 0;
}
