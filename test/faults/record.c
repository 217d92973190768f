/* test/faults/record.c - preloaded into the program: writes down, in order, what it does to the files below a directory.
 *
 * KITH_RECORD names the file for it, KITH_RECORD_BELOW the directory. An entry is a line of JSON, and behind the line of
 * a write its bytes. Shared memory is no file to speak of.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int out = -1;
static char below[2048];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void begin(void)
{
    const char *name = getenv("KITH_RECORD"), *dir = getenv("KITH_RECORD_BELOW");
    if (!name || !dir || strlen(dir) >= sizeof below)
        return;
    strcpy(below, dir);
    int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
    out = real(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static bool is_below(const char *path)
{
    size_t n = strlen(below);
    return out >= 0 && strncmp(path, below, n) == 0 && (path[n] == '/' || path[n] == 0) &&
           !strstr(path, "-shm");
}

static bool path_of(int fd, char path[4096])
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = out < 0 ? -1 : readlink(link, path, 4095);
    if (n <= 0)
        return false;
    path[n] = 0;
    char *gone = strstr(path, " (deleted)");
    return !gone && is_below(path);
}

static bool path_at(int dir, const char *name, char path[4096])
{
    if (name[0] == '/' || dir == AT_FDCWD)
        return snprintf(path, 4096, "%s", name) < 4096 && is_below(path);
    char base[4096];
    return path_of(dir, base) && snprintf(path, 4096, "%.2000s/%.2000s", base, name) < 4096;
}

static void note(const char *what, const char *path, const char *to, long long at, const void *p, size_t n)
{
    char head[8800];
    int len = snprintf(head, sizeof head, "{\"what\":\"%s\",\"path\":\"%s\",\"to\":\"%s\",\"at\":%lld,\"n\":%zu}\n", what, path,
                       to ? to : "", at, n);
    ssize_t (*real)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
    pthread_mutex_lock(&lock);
    (void)!real(out, head, (size_t)len);
    for (size_t done = 0; done < n;) {
        ssize_t k = real(out, (const char *)p + done, n - done);
        if (k <= 0)
            abort();
        done += (size_t)k;
    }
    pthread_mutex_unlock(&lock);
}

#define REAL(name) (real ? real : (real = dlsym(RTLD_NEXT, name)))

static int opened(int fd, const char *path, int flags)
{
    char full[4096];
    if (fd >= 0 && (flags & (O_CREAT | O_TRUNC)) && path_of(fd, full))
        note(flags & O_TRUNC ? "empty" : "create", full, NULL, 0, NULL, 0);
    (void)path;
    return fd;
}

#define OPEN(name)                                                    \
    int name(const char *path, int flags, ...)                        \
    {                                                                 \
        static int (*real)(const char *, int, ...);                   \
        mode_t mode = 0;                                              \
        if (flags & (O_CREAT | O_TMPFILE)) {                          \
            va_list args;                                             \
            va_start(args, flags);                                    \
            mode = va_arg(args, mode_t);                              \
            va_end(args);                                             \
        }                                                             \
        return opened(REAL(#name)(path, flags, mode), path, flags);   \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                      \
    int name(int dir, const char *path, int flags, ...)                   \
    {                                                                     \
        static int (*real)(int, const char *, int, ...);                  \
        mode_t mode = 0;                                                  \
        if (flags & (O_CREAT | O_TMPFILE)) {                              \
            va_list args;                                                 \
            va_start(args, flags);                                        \
            mode = va_arg(args, mode_t);                                  \
            va_end(args);                                                 \
        }                                                                 \
        return opened(REAL(#name)(dir, path, flags, mode), path, flags);  \
    }
OPENAT(openat)
OPENAT(openat64)

ssize_t write(int fd, const void *p, size_t n)
{
    static ssize_t (*real)(int, const void *, size_t);
    char path[4096];
    bool wants = path_of(fd, path);
    ssize_t done = REAL("write")(fd, p, n);
    if (wants && done > 0)
        note("write", path, NULL, lseek(fd, 0, SEEK_CUR) - done, p, (size_t)done);
    return done;
}

#define PWRITE(name, off)                                             \
    ssize_t name(int fd, const void *p, size_t n, off at)             \
    {                                                                 \
        static ssize_t (*real)(int, const void *, size_t, off);       \
        char path[4096];                                              \
        ssize_t done = REAL(#name)(fd, p, n, at);                     \
        if (done > 0 && path_of(fd, path))                            \
            note("write", path, NULL, at, p, (size_t)done);           \
        return done;                                                  \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define SYNC(name)                            \
    int name(int fd)                          \
    {                                         \
        static int (*real)(int);              \
        char path[4096];                      \
        int rc = REAL(#name)(fd);             \
        if (rc == 0 && path_of(fd, path))     \
            note("sync", path, NULL, 0, NULL, 0); \
        return rc;                            \
    }
SYNC(fsync)
SYNC(fdatasync)

#define CUT(name, off)                           \
    int name(int fd, off size)                   \
    {                                            \
        static int (*real)(int, off);            \
        char path[4096];                         \
        int rc = REAL(#name)(fd, size);          \
        if (rc == 0 && path_of(fd, path))        \
            note("size", path, NULL, size, NULL, 0); \
        return rc;                               \
    }
CUT(ftruncate, off_t)
CUT(ftruncate64, off64_t)

int rename(const char *from, const char *to)
{
    static int (*real)(const char *, const char *);
    int rc = REAL("rename")(from, to);
    if (rc == 0 && is_below(from))
        note("rename", from, to, 0, NULL, 0);
    return rc;
}

int renameat(int a, const char *from, int b, const char *to)
{
    static int (*real)(int, const char *, int, const char *);
    char x[4096], y[4096];
    bool wants = path_at(a, from, x) && path_at(b, to, y);
    int rc = REAL("renameat")(a, from, b, to);
    if (rc == 0 && wants)
        note("rename", x, y, 0, NULL, 0);
    return rc;
}

int renameat2(int a, const char *from, int b, const char *to, unsigned flags)
{
    static int (*real)(int, const char *, int, const char *, unsigned);
    char x[4096], y[4096];
    bool wants = path_at(a, from, x) && path_at(b, to, y);
    int rc = REAL("renameat2")(a, from, b, to, flags);
    if (rc == 0 && wants)
        note("rename", x, y, 0, NULL, 0);
    return rc;
}

int link(const char *from, const char *to)
{
    static int (*real)(const char *, const char *);
    int rc = REAL("link")(from, to);
    if (rc == 0 && is_below(from))
        note("link", from, to, 0, NULL, 0);
    return rc;
}

int unlink(const char *path)
{
    static int (*real)(const char *);
    int rc = REAL("unlink")(path);
    if (rc == 0 && is_below(path))
        note("unlink", path, NULL, 0, NULL, 0);
    return rc;
}

int unlinkat(int dir, const char *name, int flags)
{
    static int (*real)(int, const char *, int);
    char path[4096];
    bool wants = path_at(dir, name, path);
    int rc = REAL("unlinkat")(dir, name, flags);
    if (rc == 0 && wants)
        note("unlink", path, NULL, 0, NULL, 0);
    return rc;
}

int mkdir(const char *path, mode_t mode)
{
    static int (*real)(const char *, mode_t);
    int rc = REAL("mkdir")(path, mode);
    if (rc == 0 && is_below(path))
        note("mkdir", path, NULL, 0, NULL, 0);
    return rc;
}
