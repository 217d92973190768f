/* db/vault.c - the file system, and the form of pages. What SQLite asks of files, and when, was read in its 3.40 source:
 * pages are written and read whole; the only partial reads of kith.db lie in its first 100 bytes; the log is read a whole
 * frame at a time in recovery, and a page, a head or the checks of a head at a time otherwise.
 */
#include "db/vault_inner.h"
#include "base/value.h"
#include "db/page_cache.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

enum { PAGES_AT_ONCE_KB = 512 };                         /* for what one request reads */
static const char format[16] = "\x02kith vault\0\0\0\0"; /* its first byte: form_of */
static const char sqlite_format[16] = "SQLite format 3";
enum { CLEAR = 100, HEAD_BYTES = VAULT_FRAME_HEAD, HEAD_BLOCK = 8 };
static const int64_t LOCK_BYTES = 1 << 30; /* SQLite locks bytes of this page */

struct vault {
    sqlite3_vfs vfs;
    char name[32];
    sqlite3_vfs *under;
    const struct keyring *ring;
    size_t page;                 /* bytes */
    _Atomic uint8_t writes;      /* epoch of new pages */
    _Atomic uint8_t log_epoch;   /* that wrote when the log was begun last; 0: before this start */
    _Atomic unsigned generation; /* counts vault_epochs_changed */
    _Atomic unsigned slices;     /* odd: a rotation puts pages in their places */
    pthread_mutex_t db_lock;     /* of writing into kith.db: a page, or a slice of a rotation */
    struct page_cache *cache;    /* NULL: none */
};

/* What a store's first byte says of its form: 1, pages of 8 KiB; 2, of 4 KiB. */
static char form_of(size_t page)
{
    return page == VAULT_PAGE ? 2 : 1;
}

static bool is_format(const void *head, size_t page)
{
    return *(const char *)head == form_of(page) &&
           memcmp((const char *)head + 1, format + 1, sizeof format - 1) == 0;
}

size_t vault_page_of(const char *path)
{
    uint8_t n[2] = {0}; /* SQLite's own bytes for it, which stay readable */
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool is_told = fd >= 0 && pread(fd, n, sizeof n, 16) == (ssize_t)sizeof n;
    if (fd >= 0)
        close(fd);
    return is_told && (n[0] << 8 | n[1]) == VAULT_PAGE_MOST ? VAULT_PAGE_MOST : VAULT_PAGE;
}

/* ---- derived keys ----------------------------------------------------------------------------- */

/* One label's ciphers by epoch; two while a rotation goes on. */
struct ciphers {
    const char *label;
    size_t page; /* bytes of what they seal */
    size_t n;
    struct {
        uint8_t epoch;
        struct aead *aead;
    } of[KEY_EPOCHS_MAX];
};

static void ciphers_close(struct ciphers *c)
{
    for (size_t i = 0; i < c->n; i++)
        aead_close(c->of[i].aead);
    c->n = 0;
}

static struct aead *cipher_of(struct ciphers *c, const struct keyring *ring, uint8_t epoch)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->of[i].epoch == epoch)
            return c->of[i].aead;
    uint8_t key[SEAL_KEY];
    if (c->n == KEY_EPOCHS_MAX || !keyring_derive(ring, epoch, c->label, key))
        return NULL;
    struct aead *a = aead_open(keyring_cipher(ring, epoch), key);
    seal_forget(key, sizeof key);
    if (a) {
        c->of[c->n].epoch = epoch;
        c->of[c->n++].aead = a;
    }
    return a;
}

/* ---- the form of a page ------------------------------------------------------------------------- */

enum kind { OF_DB = 'D', OF_LOG = 'W', OF_JOURNAL = 'J' };

/* What it is, where it stands, and of page 1 the readable bytes. */
static str bound_of(enum kind kind, int64_t where, const uint8_t *page,
                    uint8_t out[static 16 + CLEAR])
{
    bool is_first = kind == OF_DB && where == 1;
    memset(out, 0, 8);
    out[0] = (uint8_t)kind;
    for (int i = 0; i < 8; i++)
        out[8 + i] = (uint8_t)(where >> 8 * (7 - i));
    if (is_first)
        memcpy(out + 16, page + 16, CLEAR - 16);
    return (str){(char *)out, 16 + (is_first ? CLEAR - 16 : 0)};
}

static bool page_seal(struct ciphers *c, const struct keyring *ring, uint8_t epoch, enum kind kind,
                      int64_t where, const uint8_t *in, uint8_t *out)
{
    size_t text = c->page - VAULT_RESERVED;
    uint8_t bound[16 + CLEAR], *nonce = out + text, *tag = nonce + SEAL_NONCE;
    struct aead *a = cipher_of(c, ring, epoch);
    size_t from = kind == OF_DB && where == 1 ? CLEAR : 0;
    if (!a)
        return false;
    if (from) {
        memcpy(out, format, sizeof format);
        out[0] = (uint8_t)form_of(c->page);
        if (out != in)
            memcpy(out + 16, in + 16, CLEAR - 16);
    }
    seal_nonce(nonce);
    nonce[0] = epoch;
    return aead_seal(a, nonce, bound_of(kind, where, in, bound), in + from, text - from, out + from,
                     tag);
}

/* In place; zeros where nonce and tag stood, as SQLite wrote them. */
static bool page_open(struct ciphers *c, const struct keyring *ring, enum kind kind, int64_t where,
                      uint8_t *page)
{
    size_t text = c->page - VAULT_RESERVED;
    uint8_t bound[16 + CLEAR], *nonce = page + text, *tag = nonce + SEAL_NONCE;
    struct aead *a = cipher_of(c, ring, nonce[0]);
    size_t from = kind == OF_DB && where == 1 ? CLEAR : 0;
    if (!a || (from && !is_format(page, c->page)) ||
        !aead_unseal(a, nonce, bound_of(kind, where, page, bound), page + from, text - from,
                     page + from, tag))
        return false;
    if (from)
        memcpy(page, sqlite_format, sizeof sqlite_format);
    memset(nonce, 0, VAULT_RESERVED);
    return true;
}

/* ---- a file ---------------------------------------------------------------------------------------- */

struct file {
    sqlite3_file base;
    struct vault *v;
    enum kind kind;
    const char *name; /* SQLite's, lives as long as the file */
    unsigned generation;
    struct ciphers ciphers;
    int64_t
        head_at; /* a frame's head that waits for its page, at the beginning of `frame`; 0: none */
    uint8_t frame[HEAD_BYTES + VAULT_PAGE_MOST];
    sqlite3_file under[]; /* of the file system below */
};

static struct file *of(sqlite3_file *f)
{
    return (struct file *)f;
}

static int page_of(const struct file *f)
{
    return (int)f->v->page;
}

/* How far into a frame of the log; -1: its head. */
static int64_t in_frame(const struct file *f, int64_t at)
{
    return at < VAULT_LOG_HEAD ? -1 : (at - VAULT_LOG_HEAD) % (HEAD_BYTES + page_of(f));
}

/* Only whole pages of kith.db and of its log are kept. */
static struct page_cache *cache_of(const struct file *f)
{
    return f->kind == OF_JOURNAL ? NULL : f->v->cache;
}

static uint64_t place_of(const struct file *f, int64_t at)
{
    return (uint64_t)at << 1 | (f->kind == OF_LOG);
}

static _Thread_local struct vault_damage last;
static _Thread_local bool is_damaged;

bool vault_damage(struct vault_damage *out)
{
    if (is_damaged)
        *out = last;
    bool was = is_damaged;
    is_damaged = false;
    return was;
}

static int raw_read(struct file *f, void *p, int n, int64_t at)
{
    return f->under->pMethods->xRead(f->under, p, n, at);
}

static int raw_write(struct file *f, const void *p, int n, int64_t at)
{
    return f->under->pMethods->xWrite(f->under, p, n, at);
}

/* A head that no page followed: before anything else is done with the file. */
static int head_write(struct file *f)
{
    int64_t at = f->head_at;
    f->head_at = 0;
    return at ? raw_write(f, f->frame, HEAD_BYTES, at) : SQLITE_OK;
}

static int damage(struct file *f, int64_t page, int64_t offset)
{
    const char *slash = strrchr(f->name, '/');
    last = (struct vault_damage){.page = page, .offset = offset};
    snprintf(last.file, sizeof last.file, "%s", slash ? slash + 1 : f->name);
    is_damaged = true;
    return SQLITE_IOERR_DATA;
}

static struct ciphers *ciphers(struct file *f)
{
    unsigned now = atomic_load(&f->v->generation);
    if (f->generation != now) {
        ciphers_close(&f->ciphers);
        f->generation = now;
    }
    return &f->ciphers;
}

static int x_close(sqlite3_file *base)
{
    struct file *f = of(base);
    int rc = head_write(f);
    ciphers_close(&f->ciphers);
    seal_forget(f->frame, sizeof f->frame);
    int closed = f->under->pMethods ? f->under->pMethods->xClose(f->under) : SQLITE_OK;
    return rc != SQLITE_OK ? rc : closed;
}

/* How many pages the file must have: what its own page 1 says. Behind them a transaction may look at a page that it made
 * and that was never written. */
static int64_t pages_said(struct file *f)
{
    uint8_t n[4] = {0};
    return raw_read(f, n, sizeof n, 28) == SQLITE_OK
               ? (int64_t)n[0] << 24 | n[1] << 16 | n[2] << 8 | n[3]
               : 0;
}

/* A rotation seals pages anew where they stand; a reader that met half of one reads again. */
static int db_page_read(struct file *f, uint8_t *p, int64_t at)
{
    int64_t size = page_of(f), page = at / size + 1;
    if (at == LOCK_BYTES) { /* holds nothing, and is never written */
        memset(p, 0, (size_t)size);
        return SQLITE_OK;
    }
    for (;;) {
        unsigned before = atomic_load(&f->v->slices);
        int rc = raw_read(f, p, (int)size, at);
        if (rc == SQLITE_IOERR_SHORT_READ && page <= pages_said(f))
            return damage(f, page, at); /* the file was cut */
        if (rc != SQLITE_OK)
            return rc;
        if (page_open(ciphers(f), f->v->ring, OF_DB, page, p))
            return SQLITE_OK;
        if (before % 2 == 0 && atomic_load(&f->v->slices) == before) {
            memset(p, 0, (size_t)size);
            return damage(f, page, at);
        }
        nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
    }
}

static int db_read(struct file *f, uint8_t *p, int n, int64_t at)
{
    if (n == page_of(f) && at % page_of(f) == 0)
        return db_page_read(f, p, at);
    if (at + n > CLEAR)
        return SQLITE_IOERR_READ; /* there are no other reads */
    int rc = raw_read(f, p, n, at);
    if (rc == SQLITE_OK && at == 0 && n >= 16) {
        if (!is_format(p, f->v->page))
            return damage(f, 1, 0);
        memcpy(p, sqlite_format, sizeof sqlite_format);
    }
    return rc;
}

static bool head_block(struct file *f, uint8_t epoch, bool seals, uint8_t *head)
{
    struct aead *a = cipher_of(ciphers(f), f->v->ring, epoch);
    if (a)
        aead_block(a, seals, head + HEAD_BLOCK);
    return a;
}

/* The page number stands readable before the page. */
static int log_damage(struct file *f, int64_t at)
{
    uint8_t number[4] = {0};
    int64_t frame = at - in_frame(f, at);
    (void)raw_read(f, number, sizeof number, frame);
    return damage(f, (int64_t)number[0] << 24 | number[1] << 16 | number[2] << 8 | number[3], at);
}

/* Which key: the epoch stands behind the text of the page. */
static int log_head_read(struct file *f, uint8_t *p, int n, int64_t at, int skip)
{
    uint8_t head[HEAD_BYTES], epoch = 0;
    int rc = raw_read(f, head, HEAD_BYTES, at - skip);
    if (rc == SQLITE_OK)
        rc = raw_read(f, &epoch, 1, at - skip + HEAD_BYTES + page_of(f) - VAULT_RESERVED);
    if (rc != SQLITE_OK)
        return rc;
    if (!head_block(f, epoch, false, head))
        return log_damage(f, at);
    memcpy(p, head + skip, (size_t)n);
    return SQLITE_OK;
}

/* In recovery what does not open is where the log ends, as after a power failure; otherwise damage. */
static int log_read(struct file *f, uint8_t *p, int n, int64_t at)
{
    int64_t in = in_frame(f, at);
    if (in < 0 && at + n <= VAULT_LOG_HEAD)
        return raw_read(f, p, n, at);
    if (in >= 0 && in + n <= HEAD_BYTES)
        return log_head_read(f, p, n, at, (int)in);
    bool is_frame = in == 0 && n == HEAD_BYTES + page_of(f),
         is_page = in == HEAD_BYTES && n == page_of(f);
    if (!is_frame && !is_page)
        return SQLITE_IOERR_READ;
    int rc = raw_read(f, p, n, at);
    if (rc == SQLITE_IOERR_SHORT_READ && is_page)
        return log_damage(f, at);
    if (rc != SQLITE_OK)
        return rc;
    uint8_t *page = p + (is_frame ? HEAD_BYTES : 0);
    if (is_frame && !head_block(f, page[page_of(f) - VAULT_RESERVED], false, p))
        memset(p, 0, HEAD_BYTES);
    if (page_open(ciphers(f), f->v->ring, OF_LOG, at + (is_frame ? HEAD_BYTES : 0), page))
        return SQLITE_OK;
    memset(page, 0, f->v->page);
    return is_frame ? SQLITE_OK : log_damage(f, at);
}

static int journal_read(struct file *f, uint8_t *p, int n, int64_t at)
{
    int rc = raw_read(f, p, n, at);
    if (rc == SQLITE_OK && n == page_of(f) && !page_open(ciphers(f), f->v->ring, OF_JOURNAL, at, p))
        memset(p, 0, f->v->page); /* its check ends the replay */
    return rc;
}

static int file_read(struct file *f, void *p, int n, int64_t at)
{
    return f->kind == OF_DB    ? db_read(f, p, n, at)
           : f->kind == OF_LOG ? log_read(f, p, n, at)
                               : journal_read(f, p, n, at);
}

static int x_read(sqlite3_file *base, void *p, int n, sqlite3_int64 at)
{
    struct file *f = of(base);
    struct page_cache *cache = n == page_of(f) ? cache_of(f) : NULL;
    uint64_t seen = 0;
    int rc = head_write(f);
    if (rc != SQLITE_OK)
        return rc;
    if (!cache)
        return file_read(f, p, n, at);
    if (page_cache_get(cache, place_of(f, at), p, &seen))
        return SQLITE_OK;
    rc = file_read(f, p, n, at);
    if (rc == SQLITE_OK)
        page_cache_put(cache, place_of(f, at), p, seen);
    return rc;
}

/* ---- writing ----------------------------------------------------------------------------------------- */

static int page_write(struct file *f, const uint8_t *p, int64_t at)
{
    static const uint8_t zeros[VAULT_RESERVED];
    int64_t where = f->kind == OF_DB ? at / page_of(f) + 1 : at;
    /* SQLite's checks of the log count these bytes in, and we give back zeros: rather no write than a log that ends here. */
    uint8_t *sealed = f->frame + HEAD_BYTES;
    int head = f->head_at && f->head_at == at - HEAD_BYTES ? HEAD_BYTES : 0;
    if (memcmp(p + f->v->page - VAULT_RESERVED, zeros, sizeof zeros) != 0 ||
        !page_seal(ciphers(f), f->v->ring, atomic_load(&f->v->writes), f->kind, where, p, sealed))
        return SQLITE_IOERR_WRITE;
    f->head_at = 0;
    struct page_cache *cache = cache_of(f);
    if (cache)
        page_cache_write_begin(cache, place_of(f, at));
    int rc = raw_write(f, sealed - head, page_of(f) + head, at - head);
    if (cache)
        page_cache_write_end(cache, place_of(f, at), rc == SQLITE_OK ? p : NULL);
    return rc;
}

/* Pages between the end of the file and one that is written behind it were made and freed by one transaction and never
 * written. SQLite may read them as zeros; so may nobody make zeros of a page that was there. */
static int holes_fill(struct file *f, int64_t at)
{
    static const uint8_t zeros[VAULT_PAGE_MOST];
    sqlite3_int64 size = 0;
    int rc = f->under->pMethods->xFileSize(f->under, &size);
    for (int64_t hole = size / page_of(f) * page_of(f); rc == SQLITE_OK && hole < at;
         hole += page_of(f))
        if (hole != LOCK_BYTES)
            rc = page_write(f, zeros, hole);
    return rc;
}

static int db_write(struct file *f, const uint8_t *p, int n, int64_t at)
{
    if (n != page_of(f) || at % page_of(f) != 0)
        return SQLITE_IOERR_WRITE;
    pthread_mutex_lock(&f->v->db_lock);
    int rc = holes_fill(f, at);
    if (rc == SQLITE_OK)
        rc = page_write(f, p, at);
    pthread_mutex_unlock(&f->v->db_lock);
    return rc;
}

static int log_write(struct file *f, const uint8_t *p, int n, int64_t at)
{
    uint8_t epoch = atomic_load(&f->v->writes);
    if (at == 0 && n == VAULT_LOG_HEAD) {
        atomic_store(&f->v->log_epoch, epoch);
        return raw_write(f, p, n, at);
    }
    int64_t in = in_frame(f, at);
    if (in == HEAD_BYTES && n == page_of(f))
        return page_write(f, p, at);
    if (in != 0 || n != HEAD_BYTES)
        return SQLITE_IOERR_WRITE;
    memcpy(f->frame, p, HEAD_BYTES); /* it goes out with its page */
    if (!head_block(f, epoch, true, f->frame))
        return SQLITE_IOERR_WRITE;
    f->head_at = at;
    return SQLITE_OK;
}

static int x_write(sqlite3_file *base, const void *p, int n, sqlite3_int64 at)
{
    struct file *f = of(base);
    int rc = f->head_at && (n != page_of(f) || f->head_at != at - HEAD_BYTES) ? head_write(f)
                                                                              : SQLITE_OK;
    if (rc != SQLITE_OK)
        return rc;
    if (f->kind == OF_DB)
        return db_write(f, p, n, at);
    if (f->kind == OF_LOG)
        return log_write(f, p, n, at);
    return n == page_of(f) ? page_write(f, p, at) : raw_write(f, p, n, at);
}

static int x_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    struct file *f = of(base);
    if (f->kind == OF_DB)
        pthread_mutex_lock(&f->v->db_lock);
    int rc = head_write(f);
    if (rc == SQLITE_OK)
        rc = f->under->pMethods->xTruncate(f->under, size);
    vault_forget(f->v);
    if (f->kind == OF_DB)
        pthread_mutex_unlock(&f->v->db_lock);
    return rc;
}

/* ---- what goes through ----------------------------------------------------------------------------------- */

static int x_control(sqlite3_file *base, int what, void *arg)
{
    if (what == SQLITE_FCNTL_MMAP_SIZE) {
        *(sqlite3_int64 *)arg = 0;
        return SQLITE_OK;
    }
    return of(base)->under->pMethods->xFileControl(of(base)->under, what, arg);
}

static int x_sector(sqlite3_file *base)
{
    int n = of(base)->under->pMethods->xSectorSize(of(base)->under);
    return n > VAULT_PAGE / 2 ? VAULT_PAGE / 2
                              : n; /* a journal's head is never as long as a page */
}

/* A log without padding: frames are written whole. */
static int x_device(sqlite3_file *base)
{
    return of(base)->under->pMethods->xDeviceCharacteristics(of(base)->under) |
           SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static int x_sync(sqlite3_file *base, int flags)
{
    struct file *f = of(base);
    int rc = head_write(f);
    return rc != SQLITE_OK ? rc : f->under->pMethods->xSync(f->under, flags);
}

static int x_size(sqlite3_file *base, sqlite3_int64 *size)
{
    struct file *f = of(base);
    int rc = head_write(f);
    return rc != SQLITE_OK ? rc : f->under->pMethods->xFileSize(f->under, size);
}

#define THROUGH(name, method, params, ...)                                              \
    static int name params                                                              \
    {                                                                                   \
        return of(f)->under->pMethods->method(of(f)->under __VA_OPT__(, ) __VA_ARGS__); \
    }
THROUGH(x_lock, xLock, (sqlite3_file * f, int level), level)
THROUGH(x_unlock, xUnlock, (sqlite3_file * f, int level), level)
THROUGH(x_reserved, xCheckReservedLock, (sqlite3_file * f, int *out), out)
THROUGH(x_shm_map, xShmMap, (sqlite3_file * f, int page, int size, int extend, void volatile **out),
        page, size, extend, out)
THROUGH(x_shm_lock, xShmLock, (sqlite3_file * f, int at, int n, int flags), at, n, flags)
THROUGH(x_shm_unmap, xShmUnmap, (sqlite3_file * f, int removes), removes)

static void x_shm_barrier(sqlite3_file *f)
{
    of(f)->under->pMethods->xShmBarrier(of(f)->under);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2, /* no mapping */
    .xClose = x_close,
    .xRead = x_read,
    .xWrite = x_write,
    .xTruncate = x_truncate,
    .xSync = x_sync,
    .xFileSize = x_size,
    .xLock = x_lock,
    .xUnlock = x_unlock,
    .xCheckReservedLock = x_reserved,
    .xFileControl = x_control,
    .xSectorSize = x_sector,
    .xDeviceCharacteristics = x_device,
    .xShmMap = x_shm_map,
    .xShmLock = x_shm_lock,
    .xShmBarrier = x_shm_barrier,
    .xShmUnmap = x_shm_unmap,
};

static int x_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *base, int flags,
                  int *out_flags)
{
    struct vault *v = vfs->pAppData;
    struct file *f = of(base);
    base->pMethods = NULL;
    enum kind kind = flags & SQLITE_OPEN_MAIN_DB        ? OF_DB
                     : flags & SQLITE_OPEN_WAL          ? OF_LOG
                     : flags & SQLITE_OPEN_MAIN_JOURNAL ? OF_JOURNAL
                                                        : 0;
    if (!name || !kind) {
        log_line(LOG_ERROR, "vault.refused",
                 "reason=\"SQLite wanted a file that would not be sealed\" flags=%d", flags);
        return SQLITE_CANTOPEN;
    }
    memset(f, 0, sizeof *f);
    f->under->pMethods = NULL;
    f->v = v;
    f->kind = kind;
    f->name = name;
    f->generation = atomic_load(&v->generation);
    f->ciphers.page = v->page;
    f->ciphers.label = kind == OF_DB ? "page" : "wal";
    int rc = v->under->xOpen(v->under, name, f->under, flags, out_flags);
    if (rc == SQLITE_OK || f->under->pMethods)
        base->pMethods = &methods;
    return rc;
}

static int x_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    struct vault *v = vfs->pAppData;
    int rc = v->under->xDelete(v->under, name, sync);
    vault_forget(v);
    return rc;
}

static int x_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
    sqlite3_vfs *u = ((struct vault *)vfs->pAppData)->under;
    return u->xAccess(u, name, flags, out);
}

static int x_full(sqlite3_vfs *vfs, const char *name, int n, char *out)
{
    sqlite3_vfs *u = ((struct vault *)vfs->pAppData)->under;
    return u->xFullPathname(u, name, n, out);
}

static int x_random(sqlite3_vfs *vfs, int n, char *out)
{
    (void)vfs;
    random_bytes(out, (size_t)n);
    return n;
}

static int x_sleep(sqlite3_vfs *vfs, int us)
{
    sqlite3_vfs *u = ((struct vault *)vfs->pAppData)->under;
    return u->xSleep(u, us);
}

static int x_time(sqlite3_vfs *vfs, double *out)
{
    sqlite3_vfs *u = ((struct vault *)vfs->pAppData)->under;
    return u->xCurrentTime(u, out);
}

static int x_time64(sqlite3_vfs *vfs, sqlite3_int64 *out)
{
    sqlite3_vfs *u = ((struct vault *)vfs->pAppData)->under;
    return u->xCurrentTimeInt64(u, out);
}

static int x_error(sqlite3_vfs *vfs, int n, char *out)
{
    sqlite3_vfs *u = ((struct vault *)vfs->pAppData)->under;
    return u->xGetLastError ? u->xGetLastError(u, n, out) : 0;
}

static void configure_once(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); /* else a global lock around each allocation */
    /* A connection's first pages in one piece: each for itself is a malloc and a lock of the process, and a reader
     * gives all of them back at every commit of anybody. */
    sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, -PAGES_AT_ONCE_KB);
    sqlite3_initialize();
}

void sqlite_ready(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, configure_once);
}

struct vault *vault_open(const struct keyring *ring, size_t page, size_t cache_bytes)
{
    sqlite_ready();
    static _Atomic unsigned count;
    sqlite3_vfs *under = sqlite3_vfs_find(NULL);
    struct vault *v = under ? calloc(1, sizeof *v) : NULL;
    if (!v)
        return NULL;
    if (cache_bytes && !(v->cache = page_cache_open(cache_bytes, page))) {
        free(v);
        return NULL;
    }
    v->under = under;
    v->ring = ring;
    v->page = page;
    v->writes = keyring_epoch(ring);
    pthread_mutex_init(&v->db_lock, NULL);
    snprintf(v->name, sizeof v->name, "kith-vault-%u", atomic_fetch_add(&count, 1));
    v->vfs = (sqlite3_vfs){
        .iVersion = 2,
        .szOsFile = (int)sizeof(struct file) + under->szOsFile,
        .mxPathname = under->mxPathname,
        .zName = v->name,
        .pAppData = v,
        .xOpen = x_open,
        .xDelete = x_delete,
        .xAccess = x_access,
        .xFullPathname = x_full,
        .xRandomness = x_random,
        .xSleep = x_sleep,
        .xCurrentTime = x_time,
        .xGetLastError = x_error,
        .xCurrentTimeInt64 = x_time64,
    };
    if (sqlite3_vfs_register(&v->vfs, 0) != SQLITE_OK) {
        page_cache_close(v->cache);
        free(v);
        return NULL;
    }
    return v;
}

void vault_close(struct vault *v)
{
    if (!v)
        return;
    sqlite3_vfs_unregister(&v->vfs);
    pthread_mutex_destroy(&v->db_lock);
    page_cache_close(v->cache);
    free(v);
}

const char *vault_name(const struct vault *v)
{
    return v->name;
}

size_t vault_page(const struct vault *v)
{
    return v->page;
}

size_t vault_cache_bytes(const struct vault *v)
{
    return v ? page_cache_bytes(v->cache) : 0;
}

void vault_forget(struct vault *v)
{
    if (v->cache)
        page_cache_clear(v->cache);
}

void vault_epoch_take(struct vault *v)
{
    atomic_store(&v->writes, keyring_epoch(v->ring));
}

void vault_epochs_changed(struct vault *v)
{
    atomic_fetch_add(&v->generation, 1);
}

sqlite3_vfs *vault_under(struct vault *v)
{
    return v->under;
}

const struct keyring *vault_ring(struct vault *v)
{
    return v->ring;
}

void vault_hold(struct vault *v)
{
    pthread_mutex_lock(&v->db_lock);
    atomic_fetch_add(&v->slices, 1);
}

void vault_let(struct vault *v)
{
    atomic_fetch_add(&v->slices, 1);
    pthread_mutex_unlock(&v->db_lock);
}

bool vault_log_is_new(const struct vault *v)
{
    return atomic_load(&v->log_epoch) == atomic_load(&v->writes);
}

enum vault_look vault_look(const char *path)
{
    char head[sizeof format] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : pread(fd, head, sizeof head, 0);
    if (fd >= 0)
        close(fd);
    return n <= 0                                                            ? VAULT_NOTHING
           : is_format(head, VAULT_PAGE) || is_format(head, VAULT_PAGE_MOST) ? VAULT_SEALED
           : memcmp(head, sqlite_format, sizeof sqlite_format) == 0          ? VAULT_PLAIN
           : memcmp(head + 1, format + 1, sizeof format - 1) == 0 &&
                   (uint8_t)head[0] > (uint8_t)format[0]
               ? VAULT_LATER
               : VAULT_OTHER;
}

/* ---- raw pages --------------------------------------------------------------------------------------------- */

struct vault_hand {
    const struct keyring *ring;
    struct ciphers page, log;
};

struct vault_hand *vault_hand_open(const struct keyring *ring, size_t page)
{
    struct vault_hand *h = calloc(1, sizeof *h);
    if (h)
        *h = (struct vault_hand){.ring = ring,
                                 .page = {.label = "page", .page = page},
                                 .log = {.label = "wal", .page = page}};
    return h;
}

void vault_hand_close(struct vault_hand *h)
{
    if (!h)
        return;
    ciphers_close(&h->page);
    ciphers_close(&h->log);
    free(h);
}

bool vault_seal_page(struct vault_hand *h, uint8_t epoch, int64_t page, uint8_t *bytes)
{
    return page_seal(&h->page, h->ring, epoch, OF_DB, page, bytes, bytes);
}

bool vault_open_page(struct vault_hand *h, int64_t page, uint8_t *bytes)
{
    return page_open(&h->page, h->ring, OF_DB, page, bytes);
}

bool vault_open_frame(struct vault_hand *h, int64_t offset, uint8_t *bytes)
{
    struct aead *a = cipher_of(&h->log, h->ring, bytes[HEAD_BYTES + h->log.page - VAULT_RESERVED]);
    if (a)
        aead_block(a, false, bytes + HEAD_BLOCK);
    return a && page_open(&h->log, h->ring, OF_LOG, offset + HEAD_BYTES, bytes + HEAD_BYTES);
}
