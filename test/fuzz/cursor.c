/* test/fuzz/cursor.c - cursors of lists: only what we sealed opens, and it opens as it was sealed.
 */
#include "base/value.h"

static void must(bool b)
{
    if (!b)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena *a;
    static const int64_t now = 1795329000000;
    if (!a)
        a = arena_open((size_t)1 << 20);
    arena_reset(a);
    int64_t sort = 0, id = 0;
    /* Nobody forges a tag of 128 bits by trying. */
    must(!cursor_read((str){(const char *)data, size}, now, "list", &sort, &id));

    str c = cursor_make(a, now, "list", (int64_t)size, -7);
    must(cursor_read(c, now, "list", &sort, &id) && sort == (int64_t)size && id == -7);
    if (size < 2)
        return 0;
    char *bent = arena_cstr(a, c);
    size_t at = (size_t)(data[0] | data[1] << 8) % c.len;
    bent[at] = (char)(bent[at] ^ (data[size - 1] | 1));
    must(!cursor_read((str){bent, c.len}, now, "list", &sort, &id));
    must(!cursor_read((str){bent, at}, now, "list", &sort, &id));
    return 0;
}
