/* db/blob.c - keys in rows, files as sealed streams. */
#include "db/blob.h"
#include "base/value.h"
#include "db/keyring.h"
#include "messages.h"
#include "queries.h"
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

enum { REWRAP_ROWS = 200, WHOLE = SEAL_CHUNK + SEAL_TAG };

struct blob_row {
    int64_t id;
    str wrapped;
};
static const struct field blob_row_fields[] = {
    FIELD(struct blob_row, id),
    FIELD(struct blob_row, wrapped),
};
const struct shape blob_row_shape = SHAPE("blob_row", struct blob_row, blob_row_fields);

/* ---- keys ------------------------------------------------------------------------------------- */

static str bound_of(struct arena *a, int64_t id)
{
    return arena_printf(a, "blob %lld", (long long)id);
}

static str wrap(struct cx *cx, int64_t id, const struct blob_key *k)
{
    return keyring_seal(db_ring(cx), cx->arena, "blob", bound_of(cx->arena, id),
                        (str){(const char *)k->key, SEAL_KEY});
}

static enum err unwrap(struct cx *cx, const struct blob_row *r, struct blob_key *out)
{
    str plain;
    if (!keyring_unseal(db_ring(cx), cx->arena, "blob", bound_of(cx->arena, r->id), r->wrapped,
                        &plain) ||
        plain.len != SEAL_KEY)
        return fault(cx, ERR_INTERNAL, M_BLOB_KEY, MNUM("id", r->id));
    memcpy(out->key, plain.ptr, SEAL_KEY);
    seal_forget((void *)(uintptr_t)plain.ptr, plain.len);
    return OK;
}

struct making {
    const char *kind;
    int64_t id;
    const struct blob_key *key;
};

static enum err make_apply(struct cx *cx, void *arg)
{
    const struct making *m = arg;
    str wrapped = wrap(cx, m->id, m->key);
    return db_run(cx, &q_blob_insert,
                  ARGS(V(m->id), V(m->kind), val_blob(wrapped.ptr, wrapped.len), V(cx->now_ms)));
}

enum err blob_make(struct store *s, struct cx *cx, const char *kind, int64_t id,
                   struct blob_key *out)
{
    random_bytes(out->key, sizeof out->key);
    return db_change(s, cx, LANE_INTERACTIVE, make_apply, &(struct making){kind, id, out});
}

enum err blob_key_of(struct cx *cx, int64_t id, struct blob_key *out)
{
    struct blob_row r;
    TRY(db_one(cx, &q_blob_key, &blob_row_shape, &r, ARGS(V(id))));
    return unwrap(cx, &r, out);
}

enum err blob_forget(struct cx *cx, int64_t id)
{
    return db_run(cx, &q_blob_forget, ARGS(V(id)));
}

enum err blob_rewrap_slice(struct cx *cx, int64_t *after, bool *is_finished)
{
    struct list rows = {0};
    uint8_t now = keyring_epoch(db_ring(cx));
    TRY(db_all(cx, &q_blob_keys, &blob_row_shape, &rows, ARGS(V(*after), V(REWRAP_ROWS))));
    const struct blob_row *r = rows.items;
    for (size_t i = 0; i < rows.n; i++) {
        struct blob_key k;
        *after = r[i].id;
        if (keyring_epoch_of(r[i].wrapped) == now)
            continue;
        TRY(unwrap(cx, &r[i], &k));
        str wrapped = wrap(cx, r[i].id, &k);
        seal_forget(&k, sizeof k);
        TRY(db_run(cx, &q_blob_rewrap, ARGS(val_blob(wrapped.ptr, wrapped.len), V(r[i].id))));
    }
    *is_finished = rows.n < REWRAP_ROWS;
    return OK;
}

/* ---- writing ------------------------------------------------------------------------------------ */

struct blob_out {
    int fd;
    struct seal_out *out;
};

static bool out_write(void *owner, const void *p, size_t n)
{
    const struct blob_out *b = owner;
    for (const char *from = p; n;) {
        ssize_t w = write(b->fd, from, n);
        if (w < 0 && errno == EINTR)
            continue;
        if (w <= 0)
            return false;
        from += w;
        n -= (size_t)w;
    }
    return true;
}

struct blob_out *blob_out_open(const struct blob_key *k, int fd)
{
    struct blob_out *b = calloc(1, sizeof *b);
    if (!b)
        return NULL;
    b->fd = fd;
    b->out = seal_out_open(k->key, 0, SEAL_OF_BLOB, out_write, b);
    if (b->out)
        return b;
    free(b);
    return NULL;
}

bool blob_out_add(struct blob_out *b, str bytes)
{
    return seal_out_add(b->out, bytes.ptr, bytes.len);
}

bool blob_out_end(struct blob_out *b)
{
    return seal_out_end(b->out) && fsync(b->fd) == 0;
}

void blob_out_close(struct blob_out *b)
{
    if (!b)
        return;
    seal_out_close(b->out);
    free(b);
}

/* ---- reading -------------------------------------------------------------------------------------- */

struct blob_in {
    int fd;
    struct seal_in *in;
    int64_t size, chunks, at; /* at: the chunk that is open; -1: none */
    str chunk;
    uint8_t sealed[WHOLE];
};

static ssize_t head_read(void *owner, void *p, size_t n)
{
    const struct blob_in *b = owner;
    return pread(b->fd, p, n < SEAL_HEAD ? n : SEAL_HEAD, 0);
}

bool blob_looks_sealed(int fd)
{
    uint8_t head[3] = {0};
    return pread(fd, head, sizeof head, 0) == sizeof head &&
           (head[0] == SEAL_AES || head[0] == SEAL_CHACHA) && head[1] == SEAL_OF_BLOB &&
           head[2] == 0;
}

struct blob_in *blob_in_open(const struct blob_key *k, int fd)
{
    struct blob_in *b = calloc(1, sizeof *b);
    struct stat st;
    uint8_t epoch;
    if (!b || fstat(fd, &st) != 0) {
        free(b);
        close(fd);
        return NULL;
    }
    b->fd = fd;
    b->at = -1;
    b->in = seal_in_open(SEAL_OF_BLOB, head_read, b);
    int64_t body = (int64_t)st.st_size - SEAL_HEAD;
    b->chunks = (body + WHOLE - 1) / WHOLE;
    b->size = body - b->chunks * SEAL_TAG;
    if (seal_in_head(b->in, &epoch) != SEAL_GOOD || body < SEAL_TAG || b->size < 0) {
        blob_in_close(b);
        return NULL;
    }
    seal_in_key(b->in, k->key);
    return b;
}

int64_t blob_in_size(const struct blob_in *b)
{
    return b->size;
}

static bool chunk_open(struct blob_in *b, int64_t number)
{
    int64_t place = SEAL_HEAD + number * WHOLE;
    size_t n = 0;
    b->at = -1;
    while (n < WHOLE) {
        ssize_t r = pread(b->fd, b->sealed + n, WHOLE - n, place + (int64_t)n);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return false;
        if (r == 0)
            break;
        n += (size_t)r;
    }
    if (!seal_in_at(b->in, (uint64_t)number, number == b->chunks - 1, b->sealed, n, &b->chunk)) {
        errno = EIO;
        return false;
    }
    b->at = number;
    return true;
}

ssize_t blob_in_read(struct blob_in *b, int64_t at, char *to, size_t n)
{
    size_t got = 0;
    while (got < n && at + (int64_t)got < b->size) {
        int64_t place = at + (int64_t)got, number = place / SEAL_CHUNK;
        if (number != b->at && !chunk_open(b, number))
            return -1;
        size_t from = (size_t)(place % SEAL_CHUNK);
        if (from >= b->chunk.len)
            return -1;
        size_t take = b->chunk.len - from < n - got ? b->chunk.len - from : n - got;
        memcpy(to + got, b->chunk.ptr + from, take);
        got += take;
    }
    return (ssize_t)got;
}

void blob_in_close(struct blob_in *b)
{
    if (!b)
        return;
    seal_in_close(b->in);
    close(b->fd);
    seal_forget(b, sizeof *b);
    free(b);
}
