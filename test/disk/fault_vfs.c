/* test/disk/fault_vfs.c - see there. What is not synced is a list of acts per file; a power cut keeps some of them. */
#include "fault_vfs.h"
#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const fault_names[FAULT_KINDS] = {"none",  "power cut",           "i/o error",  "no space",
                                              "short", "sync fails and loses", "read fails"};
enum { SECTOR = 512, IMAGES_MAX = 16 };

struct bytes {
    char *p;
    size_t n;
};
struct act {
    enum act_kind { ACT_WRITE, ACT_SIZE, ACT_DELETE, ACT_CREATE } kind;
    sqlite3_int64 at;
    struct bytes data; /* of a write */
};
struct image {
    char *path;
    bool is_there; /* after a power cut with nothing of the acts done */
    struct bytes sure;
    struct act *acts;
    size_t n, cap;
};
struct file {
    sqlite3_file base;
    struct image *image;
    sqlite3_file *real;
};

static sqlite3_vfs *disk, vfs;
static sqlite3_io_methods methods;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct image images[IMAGES_MAX];
static size_t n_images;
static struct fault_plan plan;
static int64_t calls, reads, happened;
static bool is_dead;
static uint64_t dice;

static uint64_t roll(uint64_t n)
{
    dice ^= dice << 13;
    dice ^= dice >> 7;
    dice ^= dice << 17;
    return n ? dice % n : 0;
}

static void *grown(void *p, size_t n)
{
    p = realloc(p, n ? n : 1);
    assert(p);
    return p;
}

/* ---- what would be left ----------------------------------------------------------------------- */

static void bytes_put(struct bytes *b, sqlite3_int64 at, const char *p, size_t n)
{
    size_t end = (size_t)at + n;
    if (end > b->n) {
        b->p = grown(b->p, end);
        memset(b->p + b->n, 0, end - b->n);
        b->n = end;
    }
    memcpy(b->p + at, p, n);
}

static void bytes_cut(struct bytes *b, size_t n)
{
    if (n < b->n)
        b->n = n;
}

static void act_do(struct image *i, const struct act *a)
{
    switch (a->kind) {
    case ACT_WRITE:
        i->is_there = true;
        bytes_put(&i->sure, a->at, a->data.p, a->data.n);
        break;
    case ACT_SIZE:
        bytes_cut(&i->sure, (size_t)a->at);
        break;
    case ACT_DELETE:
        i->is_there = false;
        bytes_cut(&i->sure, 0);
        break;
    case ACT_CREATE:
        i->is_there = true;
        break;
    }
}

static void acts_forget(struct image *i)
{
    for (size_t k = 0; k < i->n; k++)
        free(i->acts[k].data.p);
    i->n = 0;
}

static void acts_settle(struct image *i)
{
    for (size_t k = 0; k < i->n; k++)
        act_do(i, &i->acts[k]);
    acts_forget(i);
}

static void act_note(struct image *i, enum act_kind kind, sqlite3_int64 at, const void *p, size_t n)
{
    if (i->n == i->cap) {
        i->cap = i->cap ? i->cap * 2 : 64;
        i->acts = grown(i->acts, i->cap * sizeof *i->acts);
    }
    struct act *a = &i->acts[i->n++];
    *a = (struct act){.kind = kind, .at = at};
    if (n) {
        a->data = (struct bytes){grown(NULL, n), n};
        memcpy(a->data.p, p, n);
    }
}

/* A write of which some sectors arrived. */
static void tear(struct image *i, const struct act *a)
{
    for (size_t from = 0; from < a->data.n; from += SECTOR) {
        size_t n = a->data.n - from < SECTOR ? a->data.n - from : SECTOR;
        if (roll(2))
            bytes_put(&i->sure, a->at + (sqlite3_int64)from, a->data.p + from, n);
    }
}

/* Of what was not synced: nothing, all, the first of it, or any of it, in which case some of it is torn. */
static void survive(struct image *i)
{
    uint64_t how = roll(4);
    size_t first = how == 0 ? 0 : how == 1 ? i->n : how == 2 ? (size_t)roll(i->n + 1) : i->n;
    for (size_t k = 0; k < first; k++) {
        const struct act *a = &i->acts[k];
        if (how == 3 && a->kind == ACT_WRITE && roll(4) == 0)
            tear(i, a);
        else if (how != 3 || roll(2))
            act_do(i, a);
        else if (a->kind == ACT_DELETE)
            break; /* the old file stands, what came after belonged to another one */
    }
    acts_forget(i);
}

static struct bytes read_whole(const char *path, bool *is_there)
{
    struct bytes b = {0};
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    *is_there = fd >= 0;
    if (fd < 0)
        return b;
    if (fstat(fd, &st) == 0 && st.st_size > 0) {
        b = (struct bytes){grown(NULL, (size_t)st.st_size), (size_t)st.st_size};
        for (size_t at = 0; at < b.n;) {
            ssize_t n = pread(fd, b.p + at, b.n - at, (off_t)at);
            assert(n > 0);
            at += (size_t)n;
        }
    }
    close(fd);
    return b;
}

static void write_whole(const struct image *i)
{
    if (!i->is_there) {
        (void)unlink(i->path);
        return;
    }
    int fd = open(i->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert(fd >= 0);
    for (size_t at = 0; at < i->sure.n;) {
        ssize_t n = pwrite(fd, i->sure.p + at, i->sure.n - at, (off_t)at);
        assert(n > 0);
        at += (size_t)n;
    }
    close(fd);
}

/* lock is held. Shared memory is no file to speak of: it is gone with the power. */
static struct image *image_of(const char *path, bool may_make)
{
    for (size_t k = 0; k < n_images; k++)
        if (strcmp(images[k].path, path) == 0)
            return &images[k];
    if (!may_make)
        return NULL;
    assert(n_images < IMAGES_MAX);
    struct image *i = &images[n_images++];
    *i = (struct image){.path = strdup(path)};
    assert(i->path);
    i->sure = read_whole(path, &i->is_there);
    return i;
}

/* ---- what goes wrong ----------------------------------------------------------------------------- */

/* lock is held. FAULT_NONE: the call goes its way. */
static enum fault_kind next_call(bool is_sync)
{
    calls++;
    if (is_dead)
        return FAULT_CUT;
    if (plan.kind == FAULT_NONE || plan.kind == FAULT_READ || plan.at == 0 || calls < plan.at ||
        happened >= plan.times)
        return FAULT_NONE;
    if (plan.kind == FAULT_SYNC_LOST && !is_sync)
        return FAULT_NONE;
    happened++;
    is_dead = plan.kind == FAULT_CUT;
    return plan.kind;
}

static struct file *of(sqlite3_file *f)
{
    return (struct file *)f;
}

static int file_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    struct file *me = of(f);
    pthread_mutex_lock(&lock);
    int rc = SQLITE_IOERR_WRITE, part = 0;
    bool was_alive = !is_dead;
    switch (next_call(false)) {
    case FAULT_NONE:
        part = n;
        break;
    case FAULT_NO_SPACE:
        part = n / 2;
        rc = SQLITE_FULL;
        break;
    case FAULT_SHORT:
        part = n / 2;
        break;
    case FAULT_CUT:
        if (was_alive && me->image) /* it was on its way */
            act_note(me->image, ACT_WRITE, at, p, (size_t)n);
        break;
    default:
        break;
    }
    if (part) {
        int done = me->real->pMethods->xWrite(me->real, p, part, at);
        if (done == SQLITE_OK && me->image)
            act_note(me->image, ACT_WRITE, at, p, (size_t)part);
        if (part == n)
            rc = done;
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

static int file_sync(sqlite3_file *f, int flags)
{
    struct file *me = of(f);
    pthread_mutex_lock(&lock);
    enum fault_kind k = next_call(true);
    int rc = k == FAULT_NONE ? me->real->pMethods->xSync(me->real, flags) : SQLITE_IOERR_FSYNC;
    if (rc == SQLITE_OK && me->image)
        acts_settle(me->image);
    if (k == FAULT_SYNC_LOST && me->image)
        acts_forget(me->image);
    pthread_mutex_unlock(&lock);
    return rc;
}

static int file_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    struct file *me = of(f);
    pthread_mutex_lock(&lock);
    int rc = next_call(false) == FAULT_NONE ? me->real->pMethods->xTruncate(me->real, size)
                                            : SQLITE_IOERR_TRUNCATE;
    if (rc == SQLITE_OK && me->image)
        act_note(me->image, ACT_SIZE, size, NULL, 0);
    pthread_mutex_unlock(&lock);
    return rc;
}

static int file_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
    struct file *me = of(f);
    pthread_mutex_lock(&lock);
    bool fails = is_dead;
    reads++;
    if (plan.kind == FAULT_READ && plan.at && reads >= plan.at && happened < plan.times) {
        happened++;
        fails = true;
    }
    pthread_mutex_unlock(&lock);
    return fails ? SQLITE_IOERR_READ : me->real->pMethods->xRead(me->real, p, n, at);
}

static int vfs_delete(sqlite3_vfs *v, const char *path, int and_directory)
{
    (void)v;
    pthread_mutex_lock(&lock);
    int rc = next_call(false) == FAULT_NONE ? disk->xDelete(disk, path, and_directory)
                                            : SQLITE_IOERR_DELETE;
    struct image *i = rc == SQLITE_OK ? image_of(path, false) : NULL;
    if (i) {
        act_note(i, ACT_DELETE, 0, NULL, 0);
        if (and_directory)
            acts_settle(i);
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

/* ---- what goes its way ------------------------------------------------------------------------------ */

#define REAL (of(f)->real)
static int file_close(sqlite3_file *f)
{
    return REAL->pMethods->xClose(REAL);
}
static int file_size(sqlite3_file *f, sqlite3_int64 *n)
{
    return REAL->pMethods->xFileSize(REAL, n);
}
static int file_lock(sqlite3_file *f, int level)
{
    return REAL->pMethods->xLock(REAL, level);
}
static int file_unlock(sqlite3_file *f, int level)
{
    return REAL->pMethods->xUnlock(REAL, level);
}
static int file_check(sqlite3_file *f, int *is)
{
    return REAL->pMethods->xCheckReservedLock(REAL, is);
}
static int file_control(sqlite3_file *f, int op, void *p)
{
    return REAL->pMethods->xFileControl(REAL, op, p);
}
static int file_sector(sqlite3_file *f)
{
    return REAL->pMethods->xSectorSize(REAL);
}
static int file_is_like(sqlite3_file *f)
{
    return REAL->pMethods->xDeviceCharacteristics(REAL);
}
static int file_shm_map(sqlite3_file *f, int page, int n, int extend, void volatile **out)
{
    return REAL->pMethods->xShmMap(REAL, page, n, extend, out);
}
static int file_shm_lock(sqlite3_file *f, int from, int n, int flags)
{
    return REAL->pMethods->xShmLock(REAL, from, n, flags);
}
static void file_shm_barrier(sqlite3_file *f)
{
    REAL->pMethods->xShmBarrier(REAL);
}
static int file_shm_unmap(sqlite3_file *f, int deletes)
{
    return REAL->pMethods->xShmUnmap(REAL, deletes);
}

static int vfs_open(sqlite3_vfs *v, const char *path, sqlite3_file *f, int flags, int *out)
{
    (void)v;
    struct file *me = of(f);
    *me = (struct file){.real = (sqlite3_file *)(me + 1)};
    struct image *i = NULL;
    pthread_mutex_lock(&lock);
    bool is_kept = path && !(flags & SQLITE_OPEN_DELETEONCLOSE);
    bool fails = is_dead && is_kept && (flags & SQLITE_OPEN_CREATE) && access(path, F_OK) != 0;
    if (is_kept)
        i = image_of(path, true);
    bool was_there = !is_kept || access(path, F_OK) == 0;
    pthread_mutex_unlock(&lock);
    int rc = fails ? SQLITE_CANTOPEN : disk->xOpen(disk, path, me->real, flags, out);
    if (rc != SQLITE_OK || !me->real->pMethods)
        return rc;
    pthread_mutex_lock(&lock);
    if (i && !was_there)
        act_note(i, ACT_CREATE, 0, NULL, 0);
    me->image = i;
    pthread_mutex_unlock(&lock);
    me->base.pMethods = &methods;
    return rc;
}

void fault_vfs_register(void)
{
    if (disk)
        return;
    sqlite3_initialize();
    disk = sqlite3_vfs_find(NULL);
    methods = (sqlite3_io_methods){2,
                                   file_close,
                                   file_read,
                                   file_write,
                                   file_truncate,
                                   file_sync,
                                   file_size,
                                   file_lock,
                                   file_unlock,
                                   file_check,
                                   file_control,
                                   file_sector,
                                   file_is_like,
                                   file_shm_map,
                                   file_shm_lock,
                                   file_shm_barrier,
                                   file_shm_unmap,
                                   NULL,
                                   NULL}; /* no mmap */
    vfs = *disk;
    vfs.zName = "fault";
    vfs.pNext = NULL;
    vfs.szOsFile = disk->szOsFile + (int)sizeof(struct file);
    vfs.xOpen = vfs_open;
    vfs.xDelete = vfs_delete;
    int rc = sqlite3_vfs_register(&vfs, 1);
    assert(rc == SQLITE_OK);
    (void)rc;
}

static void images_forget(void)
{
    for (size_t k = 0; k < n_images; k++) {
        acts_forget(&images[k]);
        free(images[k].acts);
        free(images[k].sure.p);
        free(images[k].path);
    }
    n_images = 0;
}

void fault_begin(const struct fault_plan *p)
{
    pthread_mutex_lock(&lock);
    images_forget();
    plan = *p;
    if (plan.times == 0)
        plan.times = 1;
    dice = plan.seed * 0x9e3779b97f4a7c15ull + 0x2545f4914f6cdd1dull;
    calls = reads = happened = 0;
    is_dead = false;
    pthread_mutex_unlock(&lock);
}

int64_t fault_calls(void)
{
    pthread_mutex_lock(&lock);
    int64_t n = plan.kind == FAULT_READ ? reads : calls;
    pthread_mutex_unlock(&lock);
    return n;
}

bool fault_goes_on(void)
{
    pthread_mutex_lock(&lock);
    bool goes_on = happened > 0 && happened < plan.times;
    pthread_mutex_unlock(&lock);
    return goes_on;
}

bool fault_happened(void)
{
    pthread_mutex_lock(&lock);
    bool did = happened > 0;
    pthread_mutex_unlock(&lock);
    return did;
}

void fault_cut_now(void)
{
    pthread_mutex_lock(&lock);
    is_dead = true;
    pthread_mutex_unlock(&lock);
}

void fault_reboot(void)
{
    pthread_mutex_lock(&lock);
    if (is_dead) {
        for (size_t k = 0; k < n_images; k++) {
            struct image *i = &images[k];
            survive(i);
            write_whole(i);
            char shm[4200];
            size_t n = strlen(i->path);
            if (n < 4 || strcmp(i->path + n - 4, "-wal") != 0)
                if (snprintf(shm, sizeof shm, "%s-shm", i->path) < (int)sizeof shm)
                    (void)unlink(shm);
        }
    }
    images_forget();
    plan = (struct fault_plan){.kind = FAULT_NONE};
    is_dead = false;
    pthread_mutex_unlock(&lock);
}
