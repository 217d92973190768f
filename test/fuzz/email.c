/* test/fuzz/email.c - e-mail addresses: what is one has one normal form, which is one itself. */
#include "base/person.h"

static void must(bool b)
{
    if (!b)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena *a;
    if (!a)
        a = arena_open((size_t)1 << 20);
    arena_reset(a);
    /* A copy of exact size, so that a byte read behind it is seen. */
    char *copy = malloc(size ? size : 1);
    if (!copy)
        return 0;
    memcpy(copy, data, size);
    str normal, again;
    if (email_read(a, (str){copy, size}, &normal)) {
        must(normal.len <= 254 && str_is_utf8(normal) && str_find(normal, S("@")) > 0);
        for (size_t i = 0; i < normal.len; i++)
            must((unsigned char)normal.ptr[i] > ' ' && normal.ptr[i] != 0x7F);
        must(email_read(a, normal, &again) && str_eq(normal, again));
    }
    free(copy);
    return 0;
}
