/* test/fuzz/source_file.c - a MaxMind database from anywhere, and a file of DIR/sources with its seal made right. */
#include "rooms/source/inside.h"

static void must(bool b)
{
    if (!b)
        __builtin_trap();
}

static void image(const uint8_t *data, size_t size)
{
    enum { HASH_AT = 64 };
    struct image i;
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        return;
    memcpy(copy, data, size);
    if (size > 96)
        sha256((str){(char *)copy + 96, size - 96}, copy + HASH_AT);
    if (!image_open(&i, SOURCE_COUNTRY, copy, size))
        return;
    for (unsigned k = 0; k < 64; k++) {
        must(image_range(&i, true, (addr)k << 26) <= COUNTRIES);
        must(image_range(&i, false, (addr)k << 122) <= COUNTRIES);
    }
    str base;
    (void)image_has_domain(&i, S("a.b.example.com"), true, &i);
    (void)image_base(&i, S("a.b.example.com"), &base);
    image_close(&i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena *a;
    if (!a)
        a = arena_open((size_t)8 << 20);
    arena_reset(a);
    if (size == 0)
        return 0;
    if (data[0] & 1) {
        image(data + 1, size - 1);
        return 0;
    }
    struct cx cx = {.arena = a, .if_match = -1};
    struct place at = {.file = S("database")};
    struct mmdb_made made;
    enum err e = mmdb_read(&cx, &at, (str){(const char *)data + 1, size - 1}, &made);
    must(e == OK || cx.why.msg != 0);
    if (e == OK)
        mmdb_free(&made);
    return 0;
}
