/* db/reseal.c - pages of kith.db sealed anew where they stand (rotation), or for the first time (conversion). */
#include "base/value.h"
#include "db/vault_inner.h"
#include "messages.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char format[16] = "\x01kith pages";
enum { SLICE = 64, LOOKED_AT = 1024, NUMBER = 8, COPY = 256 };

static enum err failed(struct cx *cx, str path, int os)
{
    return fault(cx, os == ENOSPC || os == EDQUOT ? ERR_NO_SPACE : ERR_INTERNAL,
                 M_STORE_CANNOT_OPEN, MARG("where", path),
                 MARG("reason", arena_str(cx->arena, str_of(strerror(os)))));
}

static enum err damaged(struct cx *cx, int64_t page)
{
    return fault(cx, ERR_INTERNAL, M_STORE_DAMAGED, MARG("file", S("kith.db")), MNUM("page", page));
}

static void fd_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static bool write_at(int fd, const void *p, size_t n, int64_t at)
{
    for (const char *from = p; n;) {
        ssize_t got = pwrite(fd, from, n, at);
        if (got <= 0)
            return false;
        from += got;
        at += got;
        n -= (size_t)got;
    }
    return true;
}

static bool read_at(int fd, void *p, size_t n, int64_t at)
{
    for (char *to = p; n;) {
        ssize_t got = pread(fd, to, n, at);
        if (got <= 0)
            return false;
        to += got;
        at += got;
        n -= (size_t)got;
    }
    return true;
}

static bool folder_sync(const char *dir)
{
    CLEANUP(fd_end) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && fsync(fd) == 0;
}

static void number_put(uint8_t out[static 8], int64_t v)
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(v >> 8 * (7 - i));
}

static int64_t number_get(const uint8_t in[static 8])
{
    uint64_t v = 0;
    for (int i = 0; i < 8; i++)
        v = v << 8 | in[i];
    return (int64_t)v;
}

/* ---- rotation: a slice ----------------------------------------------------------------------------- */

/* kith.db by the file system below: it knows of the locks that other connections of this process hold on the file. */
struct raw {
    sqlite3_filename name;
    sqlite3_file *file;
    bool is_open;
};

static void raw_end(struct raw *r)
{
    if (r->is_open)
        (void)r->file->pMethods->xClose(r->file);
    free(r->file);
    sqlite3_free_filename(r->name);
}

static enum err raw_begin(struct cx *cx, struct vault *v, str path, struct raw *r)
{
    sqlite3_vfs *u = vault_under(v);
    r->name = sqlite3_create_filename(path.ptr, "", "", 0, NULL);
    r->file = calloc(1, (size_t)u->szOsFile);
    if (!r->name || !r->file)
        return failed(cx, path, ENOMEM);
    int flags = 0;
    if (u->xOpen(u, r->name, r->file, SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_READWRITE, &flags) !=
        SQLITE_OK)
        return failed(cx, path, errno);
    r->is_open = true;
    return OK;
}

/* Entries: a page's number, and the page sealed anew. */
static enum err slice_make(struct cx *cx, struct vault *v, struct raw *r, str path, int64_t from,
                           int64_t pages, uint8_t *entries, size_t *n, int64_t *next)
{
    uint8_t epoch = keyring_epoch(vault_ring(v));
    size_t size = vault_page(v);
    struct vault_hand *h = vault_hand_open(vault_ring(v), size);
    enum err e = h ? OK : failed(cx, path, ENOMEM);
    for (*n = 0, *next = from; e == OK && *next <= pages && *next < from + LOOKED_AT && *n < SLICE;
         ++*next) {
        uint8_t *entry = entries + *n * (NUMBER + size), *page = entry + NUMBER;
        int64_t at = (*next - 1) * (int64_t)size;
        if (at == 1 << 30)
            continue; /* SQLite's page for locks: never written */
        if (r->file->pMethods->xRead(r->file, page, (int)size, at) != SQLITE_OK)
            e = failed(cx, path, EIO);
        else if (page[size - VAULT_RESERVED] == epoch)
            continue;
        else if (!vault_open_page(h, *next, page) || !vault_seal_page(h, epoch, *next, page))
            e = damaged(cx, *next);
        number_put(entry, *next);
        ++*n;
    }
    vault_hand_close(h);
    return e;
}

static bool slice_keep(int fd, const uint8_t *entries, size_t n, size_t page)
{
    uint8_t head[sizeof format + 8];
    memcpy(head, format, sizeof format);
    number_put(head + sizeof format, (int64_t)n);
    return write_at(fd, head, sizeof head, 0) &&
           write_at(fd, entries, n * (NUMBER + page), sizeof head) && fsync(fd) == 0;
}

static bool slice_put(struct raw *r, const uint8_t *entries, size_t n, size_t page)
{
    for (size_t i = 0; i < n; i++) {
        const uint8_t *entry = entries + i * (NUMBER + page);
        if (r->file->pMethods->xWrite(r->file, entry + NUMBER, (int)page,
                                      (number_get(entry) - 1) * (int64_t)page) != SQLITE_OK)
            return false;
    }
    return r->file->pMethods->xSync(r->file, SQLITE_SYNC_NORMAL) == SQLITE_OK;
}

static enum err slice(struct cx *cx, struct vault *v, const char *dir, uint8_t *entries,
                      int64_t *page, int64_t *pages)
{
    str path = arena_printf(cx->arena, "%s/kith.db", dir),
        keep = arena_printf(cx->arena, "%s/kith.db-pages", dir);
    CLEANUP(raw_end) struct raw r = {0};
    TRY(raw_begin(cx, v, path, &r));
    sqlite3_int64 size = 0;
    size_t n = 0;
    if (r.file->pMethods->xFileSize(r.file, &size) != SQLITE_OK)
        return failed(cx, path, EIO);
    *pages = size / (int64_t)vault_page(v);
    int64_t next = *page;
    TRY(slice_make(cx, v, &r, path, *page, *pages, entries, &n, &next));
    if (n) {
        CLEANUP(fd_end) int fd = open(keep.ptr, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (fd < 0 || !slice_keep(fd, entries, n, vault_page(v)) || !folder_sync(dir)) {
            int os = errno;
            (void)unlink(keep.ptr);
            return failed(cx, keep, os);
        }
        /* From here on the copy must not go before the pages stand: a failure leaves it for the next start. */
        if (!slice_put(&r, entries, n, vault_page(v)))
            return failed(cx, path, EIO);
        if (ftruncate(fd, 0) != 0 || fsync(fd) != 0)
            return failed(cx, keep, errno);
    }
    *page = next;
    return OK;
}

enum err vault_rotate_slice(struct cx *cx, struct vault *v, const char *dir, int64_t *page,
                            int64_t *pages)
{
    uint8_t *entries = malloc(SLICE * (NUMBER + vault_page(v)));
    if (!entries)
        return failed(cx, S("kith.db"), ENOMEM);
    vault_hold(v);
    enum err e = slice(cx, v, dir, entries, page, pages);
    vault_let(v);
    free(entries);
    return e;
}

/* ---- rotation: after a kill --------------------------------------------------------------------------- */

static int64_t entry_at(int64_t i, size_t page)
{
    return (int64_t)sizeof format + 8 + i * (int64_t)(NUMBER + page);
}

/* False: it was not kept whole, so that nothing was put in place yet. */
static bool kept_is_whole(struct vault_hand *h, size_t size, int fd, uint8_t *entry, int64_t *n)
{
    uint8_t head[sizeof format + 8], page[VAULT_PAGE_MOST];
    struct stat st;
    if (fstat(fd, &st) != 0 || !read_at(fd, head, sizeof head, 0) ||
        memcmp(head, format, sizeof format) != 0)
        return false;
    *n = number_get(head + sizeof format);
    if (*n < 1 || *n > SLICE || st.st_size < entry_at(*n, size))
        return false;
    for (int64_t i = 0; i < *n; i++) {
        if (!read_at(fd, entry, NUMBER + size, entry_at(i, size)))
            return false;
        memcpy(page, entry + NUMBER, size);
        if (!vault_open_page(h, number_get(entry), page))
            return false;
    }
    return true;
}

/* Only a page that was torn is put back: one that opens is the same, or newer. */
static bool page_mend(struct vault_hand *h, size_t size, int to, const uint8_t *entry,
                      int64_t *mended)
{
    uint8_t page[VAULT_PAGE_MOST];
    int64_t number = number_get(entry), at = (number - 1) * (int64_t)size;
    if (!read_at(to, page, size, at) ||
        vault_open_page(h, number, page)) /* or the file has become shorter */
        return true;
    ++*mended;
    return write_at(to, entry + NUMBER, size, at);
}

enum err vault_rotate_mend(struct cx *cx, const struct keyring *ring, const char *dir)
{
    str path = arena_printf(cx->arena, "%s/kith.db", dir),
        keep = arena_printf(cx->arena, "%s/kith.db-pages", dir);
    CLEANUP(fd_end) int fd = open(keep.ptr, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? OK : failed(cx, keep, errno);
    size_t size = vault_page_of(path.ptr);
    struct vault_hand *h = vault_hand_open(ring, size);
    uint8_t *entry = malloc(NUMBER + size);
    int64_t n = 0;
    enum err e = h && entry ? OK : failed(cx, keep, ENOMEM);
    if (e == OK && kept_is_whole(h, size, fd, entry, &n)) {
        CLEANUP(fd_end) int to = open(path.ptr, O_RDWR | O_CLOEXEC);
        int64_t mended = 0;
        for (int64_t i = 0; i < n && e == OK; i++)
            if (to < 0 || !read_at(fd, entry, NUMBER + size, entry_at(i, size)) ||
                !page_mend(h, size, to, entry, &mended))
                e = failed(cx, path, errno);
        if (e == OK && fsync(to) != 0)
            e = failed(cx, path, errno);
        log_line(LOG_INFO, "vault.mended", "pages=%lld", (long long)mended);
    }
    vault_hand_close(h);
    free(entry);
    TRY(e);
    return unlink(keep.ptr) == 0 && folder_sync(dir) ? OK : failed(cx, keep, errno);
}

/* ---- conversion ------------------------------------------------------------------------------------------ */

/* What stands in the log goes into the file, and the log away. */
static enum err settle_plain(struct cx *cx, str path)
{
    sqlite3 *h = NULL;
    int rc = sqlite3_open_v2(path.ptr, &h, SQLITE_OPEN_READWRITE, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(h, "PRAGMA locking_mode=exclusive; PRAGMA wal_checkpoint(TRUNCATE)", NULL,
                          NULL, NULL);
    str why = arena_str(cx->arena, str_of(h ? sqlite3_errmsg(h) : sqlite3_errstr(rc)));
    sqlite3_close(h);
    struct stat st;
    str log = arena_printf(cx->arena, "%s-wal", path.ptr);
    if (rc == SQLITE_OK && stat(log.ptr, &st) == 0 && st.st_size > 0)
        rc = SQLITE_BUSY;
    if (rc == SQLITE_OK && unlink(arena_printf(cx->arena, "%s-shm", path.ptr).ptr) != 0 &&
        errno != ENOENT)
        rc = SQLITE_IOERR; /* of that log: it would say that something is missing */
    if (rc == SQLITE_OK)
        return OK;
    return fault(cx, ERR_INVALID, M_STORE_CANNOT_OPEN, MARG("where", path), MARG("reason", why));
}

static enum err pages_seal(struct cx *cx, const struct keyring *ring, int from, int to, size_t size,
                           int64_t pages, str path, void (*tell)(int64_t done, int64_t all))
{
    struct vault_hand *h = vault_hand_open(ring, size);
    uint8_t *bytes = malloc(COPY * size), epoch = keyring_epoch(ring);
    enum err e = h && bytes ? OK : failed(cx, path, ENOMEM);
    for (int64_t i = 0; e == OK && i < pages; i += COPY) {
        int64_t n = pages - i < COPY ? pages - i : COPY;
        if (!read_at(from, bytes, (size_t)n * size, i * (int64_t)size))
            e = failed(cx, path, errno ? errno : EIO);
        for (int64_t j = 0; e == OK && j < n; j++)
            if (!vault_seal_page(h, epoch, i + j + 1, bytes + (size_t)j * size))
                e = failed(cx, path, ENOMEM);
        if (e == OK && !write_at(to, bytes, (size_t)n * size, i * (int64_t)size))
            e = failed(cx, path, errno);
        if (e == OK && tell)
            tell(i + n, pages);
    }
    if (bytes)
        seal_forget(bytes, COPY * size);
    free(bytes);
    vault_hand_close(h);
    return e;
}

enum err vault_convert(struct cx *cx, const struct keyring *ring, const char *dir,
                       void (*tell)(int64_t done, int64_t all))
{
    str path = arena_printf(cx->arena, "%s/kith.db", dir),
        fresh = arena_printf(cx->arena, "%s/kith.db-sealing", dir);
    uint8_t head[24];
    struct stat st;
    TRY(settle_plain(cx, path));
    CLEANUP(fd_end) int from = open(path.ptr, O_RDONLY | O_CLOEXEC);
    if (from < 0 || fstat(from, &st) != 0 || !read_at(from, head, sizeof head, 0))
        return failed(cx, path, errno ? errno : EIO);
    size_t size = vault_page_of(path.ptr);
    if ((size_t)(head[16] << 8 | head[17]) != size || head[20] != VAULT_RESERVED ||
        st.st_size % (int64_t)size != 0)
        return fault(cx, ERR_INVALID, M_STORE_CANNOT_OPEN, MARG("where", path),
                     MARG("reason", S("it is an SQLite file, but none of Kith's")));
    CLEANUP(fd_end) int to = open(fresh.ptr, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    enum err e =
        to < 0 ? failed(cx, fresh, errno)
               : pages_seal(cx, ring, from, to, size, st.st_size / (int64_t)size, fresh, tell);
    if (e == OK && (fsync(to) != 0 || rename(fresh.ptr, path.ptr) != 0 || !folder_sync(dir)))
        e = failed(cx, fresh, errno);
    if (e != OK)
        (void)unlink(fresh.ptr);
    return e;
}
