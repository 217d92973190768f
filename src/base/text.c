/* base/text.c - the growing buffer. */
#include "base/inside.h"

struct text text_in(struct arena *a, size_t limit_bytes)
{
    return (struct text){.limit = limit_bytes, .arena = a};
}

struct text text_on_heap(size_t limit_bytes)
{
    return (struct text){.limit = limit_bytes};
}

void text_free(struct text *t)
{
    if (!t->arena)
        free(t->ptr);
    *t = (struct text){.arena = t->arena, .limit = t->limit};
}

static bool grow_in_arena(struct text *t, size_t need, size_t cap)
{
    if (cap > arena_room(t->arena) / 2) /* no room for comfort */
        cap = need;
    if (t->ptr && arena_extend(t->arena, t->ptr, t->cap, cap)) {
        t->cap = cap;
        return true;
    }
    char *p = arena_try_raw(t->arena, cap);
    if (!p)
        return false;
    if (t->len)
        memcpy(p, t->ptr, t->len);
    t->ptr = p;
    t->cap = cap;
    return true;
}

static void grow_on_heap(struct text *t, size_t cap)
{
    char *p = realloc(t->ptr, cap);
    if (!p)
        out_of_memory(cap);
    t->ptr = p;
    t->cap = cap;
}

bool text_reserve(struct text *t, size_t more)
{
    if (t->is_over || more > t->limit || t->len > t->limit - more) {
        t->is_over = true;
        return false;
    }
    size_t need = t->len + more;
    if (need <= t->cap)
        return true;
    size_t cap = t->cap ? t->cap : 128;
    while (cap < need)
        cap *= 2;
    if (cap > t->limit)
        cap = t->limit;
    if (!t->arena)
        grow_on_heap(t, cap);
    else if (!grow_in_arena(t, need, cap))
        t->is_over = true;
    return !t->is_over;
}

void text_add(struct text *t, str s)
{
    if (s.len == 0 || !text_reserve(t, s.len))
        return;
    memcpy(t->ptr + t->len, s.ptr, s.len);
    t->len += s.len;
}

void text_add_char(struct text *t, char c)
{
    if (t->len == t->cap || t->is_over) {
        if (!text_reserve(t, 1))
            return;
    }
    t->ptr[t->len++] = c;
}

void text_add_int(struct text *t, int64_t v)
{
    char digits[20];
    size_t at = sizeof digits;
    uint64_t left = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do {
        digits[--at] = (char)('0' + left % 10);
        left /= 10;
    } while (left);
    if (v < 0)
        digits[--at] = '-';
    text_add(t, (str){digits + at, sizeof digits - at});
}

void text_printf(struct text *t, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    /* One byte more for the NUL of vsnprintf, which does not count. */
    if (n > 0 && text_reserve(t, (size_t)n)) {
        char small[256];
        if ((size_t)n < sizeof small) {
            (void)vsnprintf(small, sizeof small, fmt, again);
            memcpy(t->ptr + t->len, small, (size_t)n);
        } else {
            char *p = malloc((size_t)n + 1);
            if (!p)
                out_of_memory((size_t)n + 1);
            (void)vsnprintf(p, (size_t)n + 1, fmt, again);
            memcpy(t->ptr + t->len, p, (size_t)n);
            free(p);
        }
        t->len += (size_t)n;
    }
    va_end(again);
}
