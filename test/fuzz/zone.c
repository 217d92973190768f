/* test/fuzz/zone.c - zone files: any bytes are a zone with sane offsets, or none. */
#include "base/inside.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* A copy of exact size, so that a byte read behind it is seen. */
    char *copy = malloc(size ? size : 1);
    if (!copy)
        return 0;
    memcpy(copy, data, size);
    struct zone *z = zone_parse((str){copy, size});
    for (int64_t t = -4000000000; z && t < 8000000000; t += 10000019) {
        int32_t offset = zone_offset(z, t);
        if (offset < -200 * 3600 || offset > 200 * 3600)
            __builtin_trap();
    }
    zone_free(z);
    free(copy);
    return 0;
}
