/* base/arena.c - memory with the life of a request.
 *
 * Blocks double from 16 KB to 1 MB; the first is kept by a reset. Under the address sanitizer the
 * bytes that were not handed out are poisoned, so that a step past the end or a use after the
 * reset is found.
 */
#include "base/inside.h"

#if defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1
#endif
#endif
#ifdef HAS_ASAN
#include <sanitizer/asan_interface.h>
#define POISON(p, n) ASAN_POISON_MEMORY_REGION((p), (n))
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION((p), (n))
enum { RED_ZONE = 16 };
#else
#define POISON(p, n) ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
enum { RED_ZONE = 0 };
#endif

enum { ALIGN = 16, FIRST_BLOCK = 16 << 10, LAST_BLOCK = 1 << 20 };
/* What arena_alloc may take past the limit before the program stops: room for a request to come
 * to its next check, not a second limit. */
static const size_t OVERDRAFT = (size_t)256 << 20;

struct block {
    struct block *before;
    size_t size, used; /* of bytes[] */
    _Alignas(ALIGN) char bytes[];
};

struct arena {
    struct block *newest;
    size_t limit, used, next_size;
    bool is_over;
};

static struct block *block_new(size_t size, struct block *before)
{
    struct block *b = malloc(sizeof *b + size);
    if (!b)
        return NULL;
    b->before = before;
    b->size = size;
    b->used = 0;
    POISON(b->bytes, size);
    return b;
}

static void block_free(struct block *b)
{
    UNPOISON(b->bytes, b->size);
    free(b);
}

struct arena *arena_open(size_t limit_bytes)
{
    struct arena *a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    a->newest = block_new(FIRST_BLOCK, NULL);
    if (!a->newest) {
        free(a);
        return NULL;
    }
    a->limit = limit_bytes;
    a->next_size = FIRST_BLOCK * 2;
    return a;
}

static void free_all_but_first(struct arena *a)
{
    while (a->newest->before) {
        struct block *b = a->newest;
        a->newest = b->before;
        block_free(b);
    }
}

void arena_close(struct arena *a)
{
    if (!a)
        return;
    free_all_but_first(a);
    block_free(a->newest);
    free(a);
}

void arena_reset(struct arena *a)
{
    free_all_but_first(a);
    POISON(a->newest->bytes, a->newest->size);
    a->newest->used = 0;
    a->used = 0;
    a->next_size = FIRST_BLOCK * 2;
    a->is_over = false;
}

bool arena_is_over(const struct arena *a)
{
    return a->is_over;
}

size_t arena_used(const struct arena *a)
{
    return a->used;
}

static size_t rounded(size_t n)
{
    return (n + RED_ZONE + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

/* Bytes without a check of the limit, not zeroed; NULL when the machine has none. */
static void *take(struct arena *a, size_t n)
{
    size_t need = rounded(n ? n : 1);
    struct block *b = a->newest;
    if (b->size - b->used < need) {
        size_t size = a->next_size;
        if (need > size / 4) /* a large piece gets a block of its own size */
            size = need;
        else if (a->next_size < LAST_BLOCK)
            a->next_size *= 2;
        b = block_new(size, a->newest);
        if (!b)
            return NULL;
        a->newest = b;
    }
    void *p = b->bytes + b->used;
    b->used += need;
    a->used += need;
    UNPOISON(p, n);
    return p;
}

size_t arena_room(const struct arena *a)
{
    return a->used < a->limit ? a->limit - a->used : 0;
}

static bool fits(const struct arena *a, size_t n)
{
    return n < PTRDIFF_MAX && rounded(n) <= arena_room(a);
}

void *arena_try_raw(struct arena *a, size_t n)
{
    if (!fits(a, n)) {
        a->is_over = true;
        return NULL;
    }
    return take(a, n);
}

bool arena_extend(struct arena *a, void *p, size_t old, size_t new)
{
    struct block *b = a->newest;
    char *at = p;
    if (at < b->bytes || at + rounded(old) != b->bytes + b->used)
        return false;
    size_t more = rounded(new) - rounded(old);
    if (b->size - b->used < more || more > arena_room(a))
        return false;
    b->used += more;
    a->used += more;
    UNPOISON(p, new);
    return true;
}

void *arena_try(struct arena *a, size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes)) {
        a->is_over = true;
        return NULL;
    }
    void *p = arena_try_raw(a, bytes);
    return p ? memset(p, 0, bytes) : NULL;
}

void *arena_alloc(struct arena *a, size_t n, size_t size)
{
    void *p = arena_try(a, n, size);
    if (p)
        return p;
    size_t bytes;
    if (!__builtin_mul_overflow(n, size, &bytes) && bytes < OVERDRAFT &&
        (a->used < a->limit || a->used - a->limit < OVERDRAFT - bytes))
        p = take(a, bytes);
    if (!p)
        out_of_memory(n);
    return memset(p, 0, bytes);
}

str arena_str(struct arena *a, str s)
{
    return (str){arena_cstr(a, s), s.len};
}

char *arena_cstr(struct arena *a, str s)
{
    char *p = arena_try_raw(a, s.len + 1);
    if (!p)
        p = arena_alloc(a, s.len + 1, 1);
    if (s.len)
        memcpy(p, s.ptr, s.len);
    p[s.len] = '\0';
    return p;
}

str arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list args, again;
    assert(fmt);
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n < 0) {
        va_end(again);
        return (str){0};
    }
    char *p = arena_alloc(a, (size_t)n + 1, 1);
    (void)vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    return (str){p, (size_t)n};
}
