/* test/sql/peek.c - what stands in a sealed store, for tests: peek DIR SQL prints rows as the sqlite3 shell does, columns
 * parted by '|'. The key is found as by every command. Reading only; a server may run. */
#include "db/db.h"
#include "db/vault.h"
#include <sqlite3.h>

static int refused(struct cx *cx, const char *why)
{
    if (cx->why.msg)
        fprintf(stderr, "peek: " SFMT "\n", SARG(fault_text(cx->arena, LANG_EN, &cx->why)));
    else
        fprintf(stderr, "peek: %s\n", why);
    return 1;
}

static int row(void *arg, int n, char **cells, char **names)
{
    (void)arg;
    (void)names;
    for (int i = 0; i < n; i++)
        printf("%s%s", i ? "|" : "", cells[i] ? cells[i] : "");
    putchar('\n');
    return 0;
}

int main(int argc, char **argv)
{
    struct cx cx = {.arena = arena_open((size_t)64 << 20), .if_match = -1};
    if (argc != 3 || !cx.arena)
        return refused(&cx, "peek DIR SQL");
    struct store_options o = {.data_dir = str_of(argv[1])};
    struct keyring *ring = NULL;
    sqlite3 *h = NULL;
    if (store_keys(&cx, &o, &ring) != OK)
        return refused(&cx, "");
    sqlite3_initialize();
    const char *path = arena_printf(cx.arena, "%s/kith.db", argv[1]).ptr;
    struct vault *v = vault_open(ring, vault_page_of(path), 0);
    int rc = !v ? SQLITE_NOMEM : sqlite3_open_v2(path, &h, SQLITE_OPEN_READWRITE, vault_name(v));
    if (rc == SQLITE_OK) {
        sqlite3_busy_timeout(h, 10000);
        rc = sqlite3_exec(h, "PRAGMA temp_store=memory; PRAGMA query_only=on", NULL, NULL, NULL);
    }
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(h, argv[2], row, NULL, NULL);
    int status = rc == SQLITE_OK ? 0 : refused(&cx, h ? sqlite3_errmsg(h) : sqlite3_errstr(rc));
    sqlite3_close(h);
    vault_close(v);
    keyring_close(ring);
    arena_close(cx.arena);
    return fflush(stdout) == 0 ? status : 1;
}
