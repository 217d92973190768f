/* Fuzz target: decoding of request paths. What passes must be a plain absolute path. */
#include "net/guard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *buf = malloc(size ? size : 1);
    if (!buf)
        return 0;
    memcpy(buf, data, size);
    str path = {0};
    if (guard_path(buf, size, &path) == REFUSE_NOTHING) {
        assert(path.ptr == buf && path.len > 0 && path.len <= size && path.ptr[0] == '/');
        assert(str_is_utf8(path));
        assert(str_find(path, S("/../")) < 0 && !str_ends(path, S("/..")) &&
               !str_ends(path, S("/.")));
        assert(str_find(path, S("//")) < 0 && str_find(path, S("/./")) < 0);
        for (size_t i = 0; i < path.len; i++)
            assert((unsigned char)path.ptr[i] >= 0x20 && path.ptr[i] != 0x7f &&
                   path.ptr[i] != '\\');
    }
    free(buf);
    return 0;
}
