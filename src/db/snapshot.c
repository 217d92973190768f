/* db/snapshot.c - all of a store as it was at one moment. */
#include "db/snapshot.h"
#include "db/postgres.h"
#include <stdlib.h>

static const struct query q_pid = {.name = "snapshot_pid",
                                   .sqlite = "SELECT 0",
                                   .postgres = "SELECT CAST(pg_backend_pid() AS BIGINT)"};

enum err snapshot_open(struct store *s, struct cx *cx, struct db **out)
{
    *out = NULL;
    struct db *d = NULL;
    int64_t pid = 0;
    if (!s->is_postgres)
        return lite_open(cx, s, LITE_READER, out);
    TRY(pg_open(cx, s, false, &d));
    pg_be_patient(d, true);
    struct db *outer = cx->db;
    cx->db = d;
    enum err e = pg_exec(cx, d, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    if (e == OK)
        e = db_int(cx, &q_pid, &pid, NO_ARGS);
    cx->db = outer;
    d->last_due = pid; /* a reader has no use of it */
    if (e != OK) {
        pg_close(d);
        return e;
    }
    *out = d;
    return OK;
}

enum err snapshot_is_whole(struct cx *cx, struct db *d)
{
    int64_t pid = 0;
    if (!d->pg)
        return OK;
    struct db *outer = cx->db;
    cx->db = d;
    enum err e = db_int(cx, &q_pid, &pid, NO_ARGS);
    cx->db = outer;
    TRY(e);
    return pid == d->last_due ? OK : fault(cx, ERR_BUSY, M_STORE_FAILED);
}

void snapshot_close(struct db *d)
{
    if (!d)
        return;
    if (d->pg)
        pg_close(d);
    else
        lite_close(d);
}

struct copy_reader {
    struct store store;
    struct db *d;
};

enum err copy_reader_open(struct cx *cx, const struct keyring *ring, const char *dir,
                          struct copy_reader **out)
{
    struct copy_reader *r = calloc(1, sizeof *r);
    *out = r;
    if (!r)
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    r->store.lock_fd = -1;
    r->store.cache_mb = 384; /* 8 MB for its one reader */
    r->store.dir = strdup(dir);
    r->store.ring = (struct keyring *)(uintptr_t)ring; /* lent, for reading */
    r->store.page = vault_page_of(arena_printf(cx->arena, "%s/kith.db", dir).ptr);
    r->store.vault = vault_open(ring, r->store.page, 0);
    follows_init(&r->store.follows);
    enum err e = r->store.vault && r->store.dir ? lite_open(cx, &r->store, LITE_READER, &r->d)
                                                : fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    if (e == OK)
        return OK;
    copy_reader_close(r);
    *out = NULL;
    return e;
}

struct db *copy_reader_db(struct copy_reader *r)
{
    return r->d;
}

void copy_reader_close(struct copy_reader *r)
{
    if (!r)
        return;
    lite_close(r->d);
    vault_close(r->store.vault);
    follows_free(&r->store.follows);
    free(r->store.dir);
    free(r);
}
