/* test/faults/malloc.c - preloaded into the program: the n-th allocation from a given moment on finds no memory.
 *
 * KITH_MALLOC names a file of three 64-bit numbers, shared with the test: how many allocations there were since it was
 * told to count, which one of them fails (0: none), and how many in a row.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);
extern void *__libc_memalign(size_t align, size_t n);

static struct control {
    _Atomic int64_t count, fails, times;
} *control;

__attribute__((constructor)) static void control_open(void)
{
    void *one[1];
    (void)backtrace(one, 1); /* loads what it needs */
    const char *name = getenv("KITH_MALLOC");
    int fd = name ? open(name, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *p = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    control = p == MAP_FAILED ? NULL : p;
}

static int fails_now(void)
{
    if (!control || atomic_load(&control->fails) == 0)
        return 0;
    int64_t n = atomic_fetch_add(&control->count, 1) + 1, from = atomic_load(&control->fails);
    if (n < from || n >= from + atomic_load(&control->times))
        return 0;
    static const char words[] = "no memory here:\n"; /* for whoever looks into what came of it */
    void *frames[24];
    (void)!write(STDERR_FILENO, words, sizeof words - 1);
    backtrace_symbols_fd(frames, backtrace(frames, 24), STDERR_FILENO);
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t n)
{
    return fails_now() ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    return fails_now() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
    return fails_now() ? NULL : __libc_realloc(p, n);
}

void *aligned_alloc(size_t align, size_t n)
{
    return fails_now() ? NULL : __libc_memalign(align, n);
}

void *memalign(size_t align, size_t n)
{
    return fails_now() ? NULL : __libc_memalign(align, n);
}

int posix_memalign(void **out, size_t align, size_t n)
{
    if (fails_now())
        return ENOMEM;
    void *p = __libc_memalign(align, n);
    if (!p)
        return ENOMEM;
    *out = p;
    return 0;
}
