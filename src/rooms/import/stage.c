/* rooms/import/stage.c - where an uploaded file lies until its rows are in.
 *
 * SQLite: DIR/imports/<id>.csv, 0600. PostgreSQL: pieces of 256 KB in import_chunk, so that any node
 * can go on with it. Both sealed with a key of the file's own (db/blob.h), which goes when the file does. */
#include "db/blob.h"
#include "messages.h"
#include "queries.h"
#include "rooms/import/inside.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 256 << 10, NAME_BYTES = 48 };

struct import_stage {
    struct store *store;
    import_id id;
    int dir, fd; /* SQLite */
    char name[NAME_BYTES];
    char *chunk; /* PostgreSQL */
    struct blob_key key;
    struct blob_out *out;
    size_t n;
    int64_t size, chunks;
    bool is_kept, has_key;
};

static void name_of(char name[static NAME_BYTES], import_id id)
{
    snprintf(name, NAME_BYTES, "%lld.csv", (long long)id.v);
}

static enum err disk(struct cx *cx, int code)
{
    char why[128];
    str reason = arena_str(cx->arena, str_of(strerror_r(code, why, sizeof why)));
    return fault(cx, code == ENOSPC || code == EDQUOT ? ERR_NO_SPACE : ERR_INTERNAL, M_IMPORT_DISK,
                 MARG("reason", reason));
}

/* The folder; made when it is not there. */
static int folder(struct cx *cx, str data_dir)
{
    char *path = arena_cstr(cx->arena, arena_printf(cx->arena, SFMT "/imports", SARG(data_dir)));
    (void)mkdir(path, 0700);
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

enum err import_stage_of(struct store *s, struct cx *cx, str data_dir, import_id id,
                         struct import_stage **out)
{
    struct import_stage *g = calloc(1, sizeof *g);
    *out = g;
    if (!g)
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    *g = (struct import_stage){.store = s, .id = id, .dir = -1, .fd = -1};
    TRY(blob_make(s, cx, "import", id.v, &g->key));
    g->has_key = true;
    if (store_is_postgres(s)) {
        g->chunk = malloc(CHUNK);
        return g->chunk ? OK : fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    }
    name_of(g->name, g->id);
    g->dir = folder(cx, data_dir);
    g->fd = g->dir < 0 ? -1
                       : openat(g->dir, g->name,
                                O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (g->fd >= 0)
        g->out = blob_out_open(&g->key, g->fd);
    return g->out ? OK : disk(cx, errno);
}

enum err import_stage_open(struct store *s, struct cx *cx, str data_dir, struct import_stage **out)
{
    return import_stage_of(s, cx, data_dir, (import_id){id_new(clock_now_ms())}, out);
}

struct chunk {
    import_id id;
    int64_t number;
    str bytes;
};

/* What a chunk is bound to. */
static str chunk_bound(struct arena *a, import_id id, int64_t number)
{
    return arena_printf(a, "chunk %lld %lld", (long long)id.v, (long long)number);
}

static enum err chunk_apply(struct cx *cx, void *state)
{
    const struct chunk *c = state;
    return db_run(cx, &q_import_chunk_insert,
                  ARGS(V(c->id), V(c->number), val_blob(c->bytes.ptr, c->bytes.len)));
}

static enum err chunk_write(struct import_stage *g, struct cx *cx)
{
    struct arena *a = arena_open((size_t)1 << 20); /* an upload is long */
    if (!a)
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    str plain = {g->chunk, g->n};
    struct chunk c = {g->id, g->chunks,
                      seal_bytes(a, g->key.key, chunk_bound(a, g->id, g->chunks), plain)};
    enum err e = db_change(g->store, cx, LANE_BULK, chunk_apply, &c);
    arena_close(a);
    TRY(e);
    g->chunks++;
    g->n = 0;
    return OK;
}

enum err import_stage_add(struct import_stage *g, struct cx *cx, str bytes)
{
    g->size += (int64_t)bytes.len;
    if (g->size > (int64_t)IMPORT_FILE_MB << 20)
        return fault(cx, ERR_TOO_BIG, M_IMPORT_FILE_BIG, MNUM("most", IMPORT_FILE_MB));
    while (bytes.len) {
        size_t n = 0;
        if (g->chunk) {
            n = CHUNK - g->n < bytes.len ? CHUNK - g->n : bytes.len;
            memcpy(g->chunk + g->n, bytes.ptr, n);
            g->n += n;
            if (g->n == CHUNK)
                TRY(chunk_write(g, cx));
        } else {
            n = bytes.len;
            if (!blob_out_add(g->out, bytes))
                return disk(cx, errno);
        }
        bytes = (str){bytes.ptr + n, bytes.len - n};
    }
    return OK;
}

enum err import_stage_flush(struct import_stage *g, struct cx *cx, import_id *id, int64_t *size)
{
    if (g->chunk && g->n)
        TRY(chunk_write(g, cx));
    if (!g->chunk && (!blob_out_end(g->out) || fsync(g->dir) != 0))
        return disk(cx, errno);
    *id = g->id;
    *size = g->size;
    return OK;
}

void import_stage_keep(struct import_stage *g)
{
    g->is_kept = true;
}

static enum err chunks_gone(struct cx *cx, void *state)
{
    const import_id *id = state;
    TRY(blob_forget(cx, id->v));
    return db_run(cx, &q_import_chunks_delete, ARGS(V(*id)));
}

void import_stage_close(struct import_stage *g)
{
    if (!g)
        return;
    if (!g->is_kept && g->has_key) {
        struct cx cx = {.arena = arena_open(1 << 20), .now_ms = clock_now_ms(), .if_match = -1};
        if (cx.arena && db_change(g->store, &cx, LANE_BULK, chunks_gone, &g->id) != OK)
            log_line(LOG_WARN, "import.chunks", "import=%lld left=1", (long long)g->id.v);
        arena_close(cx.arena);
    }
    if (!g->is_kept && g->fd >= 0)
        (void)unlinkat(g->dir, g->name, 0);
    blob_out_close(g->out);
    if (g->fd >= 0)
        close(g->fd);
    if (g->dir >= 0)
        close(g->dir);
    free(g->chunk);
    seal_forget(&g->key, sizeof g->key);
    free(g);
}

/* ---- reading ---------------------------------------------------------------------------------------- */

struct import_file {
    struct csv_source source;
    int fd;
    struct blob_in *sealed;
    struct blob_key key;
    bool has_key;
    import_id id;
    struct cx cx; /* reads chunks; a connection of its own */
    struct db *db;
    struct fault why; /* the store did not give a chunk */
    int64_t number;   /* of the chunk at hand, -1: none */
    str bytes;
};

static ssize_t file_read(void *arg, int64_t at, char *to, size_t n)
{
    const struct import_file *f = arg;
    size_t got = 0;
    while (got < n) {
        ssize_t r = pread(f->fd, to + got, n - got, at + (int64_t)got);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return -1;
        if (r == 0)
            break;
        got += (size_t)r;
    }
    return (ssize_t)got;
}

static ssize_t sealed_read(void *arg, int64_t at, char *to, size_t n)
{
    const struct import_file *f = arg;
    return blob_in_read(f->sealed, at, to, n);
}

struct chunk_row {
    str bytes;
};
static const struct field chunk_fields[] = {
    FIELD(struct chunk_row, bytes),
};
static const struct shape chunk_shape = SHAPE("import_chunk", struct chunk_row, chunk_fields);

static ssize_t chunks_read(void *arg, int64_t at, char *to, size_t n)
{
    struct import_file *f = arg;
    size_t got = 0;
    while (got < n && at + (int64_t)got < f->source.size) {
        int64_t place = at + (int64_t)got, number = place / CHUNK;
        if (number != f->number) {
            struct chunk_row row;
            arena_reset(f->cx.arena);
            f->number = -1;
            f->cx.now_ms = clock_now_ms();
            enum err e =
                db_one(&f->cx, &q_import_chunk_get, &chunk_shape, &row, ARGS(V(f->id), V(number)));
            f->why = e == OK || e == ERR_NOT_FOUND ? (struct fault){0} : f->cx.why;
            if (e != OK)
                return -1;
            f->bytes = row.bytes;
            if (f->has_key &&
                !seal_open_bytes(f->cx.arena, f->key.key, chunk_bound(f->cx.arena, f->id, number),
                                 row.bytes, &f->bytes))
                return -1;
            f->number = number;
        }
        size_t from = (size_t)(place % CHUNK);
        if (from >= f->bytes.len)
            return -1;
        size_t take = f->bytes.len - from < n - got ? f->bytes.len - from : n - got;
        memcpy(to + got, f->bytes.ptr + from, take);
        got += take;
    }
    return (ssize_t)got;
}

/* The file's key; a file of before there were keys has none. */
static enum err key_read(struct store *s, struct cx *cx, struct import_file *f)
{
    struct db *own = NULL, *outer = cx->db;
    if (!cx->db)
        TRY(store_reader(s, cx, &own));
    if (own)
        cx->db = own;
    enum err e = blob_key_of(cx, f->id.v, &f->key);
    f->has_key = e == OK;
    cx->db = outer;
    reader_close(own);
    return e == ERR_NOT_FOUND ? OK : e;
}

static enum err chunks_open(struct store *s, struct cx *cx, struct import_file *f, int64_t size)
{
    f->cx = (struct cx){.arena = arena_open((size_t)4 << 20), .if_match = -1, .peer = S("")};
    f->source = (struct csv_source){chunks_read, f, size, &f->why};
    if (!f->cx.arena)
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    TRY(store_reader(s, cx, &f->db));
    f->cx.db = f->db;
    return OK;
}

enum err import_file_open(struct store *s, struct cx *cx, str data_dir, const struct import *i,
                          struct import_file **out)
{
    struct import_file *f = calloc(1, sizeof *f);
    *out = f;
    if (!f)
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    *f = (struct import_file){.fd = -1, .id = i->id, .number = -1};
    if (!i->is_staged)
        return fault(cx, ERR_NOT_FOUND, M_IMPORT_GONE);
    TRY(key_read(s, cx, f));
    if (store_is_postgres(s))
        return chunks_open(s, cx, f, i->size);
    char name[NAME_BYTES];
    name_of(name, i->id);
    int dir = folder(cx, data_dir);
    int fd = dir < 0 ? -1 : openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (dir >= 0)
        close(dir);
    if (fd < 0 || (!f->has_key && blob_looks_sealed(fd))) { /* or its key was deleted */
        if (fd >= 0)
            close(fd);
        return fault(cx, ERR_NOT_FOUND, M_IMPORT_GONE);
    }
    if (!f->has_key) {
        f->fd = fd;
        f->source = (struct csv_source){file_read, f, i->size, NULL};
        return OK;
    }
    f->sealed = blob_in_open(&f->key, fd);
    f->source = (struct csv_source){sealed_read, f, i->size, NULL};
    return f->sealed && blob_in_size(f->sealed) == i->size
               ? OK
               : fault(cx, ERR_INTERNAL, M_IMPORT_DAMAGED);
}

enum err import_file_own(struct cx *cx, const char *path, struct import_file **out,
                         int64_t *changed_ns)
{
    struct import_file *f = calloc(1, sizeof *f);
    *out = f;
    if (!f)
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    *f = (struct import_file){.fd = open(path, O_RDONLY | O_CLOEXEC), .number = -1};
    struct stat st;
    if (f->fd < 0 || fstat(f->fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        int code = f->fd < 0 ? errno : EISDIR;
        return disk(cx, code);
    }
    *changed_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    f->source = (struct csv_source){file_read, f, st.st_size, NULL};
    return OK;
}

enum err import_unreadable(struct cx *cx, const struct csv_source *s)
{
    if (!s->why || !s->why->err)
        return fault(cx, ERR_INVALID, M_IMPORT_UNREADABLE);
    cx->why = *s->why;
    return cx->why.err;
}

const struct csv_source *import_file_source(const struct import_file *f)
{
    return &f->source;
}

void import_file_close(struct import_file *f)
{
    if (!f)
        return;
    if (f->fd >= 0)
        close(f->fd);
    blob_in_close(f->sealed);
    seal_forget(&f->key, sizeof f->key);
    reader_close(f->db);
    arena_close(f->cx.arena);
    free(f);
}

/* ---- files that are needed no more ---------------------------------------------------------------------- */

static enum err unstage_apply(struct cx *cx, void *state)
{
    const import_id *id = state;
    TRY(blob_forget(cx, id->v));
    TRY(db_run(cx, &q_import_chunks_delete, ARGS(V(*id))));
    return db_run(cx, &q_import_unstage, ARGS(V(*id)));
}

static enum err lost_apply(struct cx *cx, void *state)
{
    (void)state;
    TRY(db_run(cx, &q_import_keys_lost, ARGS(V(cx->now_ms - 86400000))));
    return db_run(cx, &q_import_chunks_lost,
                  ARGS(V((cx->now_ms - 86400000 - 1577836800000) << 22)));
}

/* Files without a row, older than a day: uploads that were cut by a crash. */
static void files_sweep(struct cx *cx, str data_dir)
{
    int dir = folder(cx, data_dir);
    DIR *d = dir < 0 ? NULL : fdopendir(dir);
    if (!d) {
        if (dir >= 0)
            close(dir);
        return;
    }
    for (struct dirent *e; (e = readdir(d));) {
        str name = str_of(e->d_name);
        int64_t id = 0;
        struct import i;
        bool is_ours = str_ends(name, S(".csv")) && str_to_int((str){name.ptr, name.len - 4}, &id);
        if (!is_ours || id_ms(id) > cx->now_ms - 86400000)
            continue;
        enum err x = db_one(cx, &q_import_get, &import_row_shape, &i, ARGS(V(id)));
        if (x == ERR_NOT_FOUND || (x == OK && !i.is_staged))
            (void)unlinkat(dir, e->d_name, 0);
    }
    closedir(d);
}

void import_stage_sweep(struct store *s, struct cx *cx, str data_dir, int64_t keep_ms)
{
    struct list old = {0};
    if (db_all(cx, &q_import_old, &import_row_shape, &old, ARGS(V(cx->now_ms - keep_ms))) != OK)
        return;
    struct import *i = old.items;
    for (size_t k = 0; k < old.n; k++)
        if (db_change(s, cx, LANE_BULK, unstage_apply, &i[k].id) != OK)
            return;
    if (db_change(s, cx, LANE_BULK, lost_apply, NULL) != OK)
        log_line(LOG_WARN, "import.sweep", "code=%s", err_code(cx->why.err));
    if (store_is_postgres(s))
        return;
    files_sweep(cx, data_dir);
    for (size_t k = 0; k < old.n; k++) {
        char name[NAME_BYTES];
        name_of(name, i[k].id);
        int dir = folder(cx, data_dir);
        if (dir >= 0) {
            (void)unlinkat(dir, name, 0);
            close(dir);
        }
    }
}
