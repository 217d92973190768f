/* test/fuzz/import_map.c - a map by anybody: taken or refused, and what is taken can be written and
 * read again. */
#include "rooms/import/columns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena *a;
    if (!a)
        a = arena_open((size_t)64 << 20);
    arena_reset(a);
    struct cx cx = {.arena = a};
    struct import_map map = {.delimiter = S(","), .has_header = true};
    if (import_map_read(&cx, (str){(const char *)data, size}, &map) != OK)
        return 0;
    str heads[] = {S("Name"), S("Phone"), S("Phone"), S("Total")};
    struct import_plan p;
    for (int kind = 0; kind < IMPORT_KIND_N; kind++)
        (void)!import_map_fit(&cx, &map, kind, (struct str_list){heads, 4}, &p);
    struct import_map again = map;
    if (import_map_read(&cx, import_map_write(a, &map), &again) != OK)
        __builtin_trap();
    return 0;
}
