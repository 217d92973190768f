/* test/fuzz/paths.c - paths against the table of rows: first line a pattern, the rest paths, a line each. */
#include "app/trie.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const patterns[] = {"/api/v1/a", "/api/v1/a/{id}", "/api/v1/a/fixed",
                                           "/api/v1/a/{id}/b", "/"};
    struct trie *t = trie_open();
    char *copy = malloc(size + 1);
    if (!t || !copy)
        abort();
    memcpy(copy, data, size);
    copy[size] = 0;
    str rest = {copy, size}, first = str_cut(&rest, '\n');
    copy[first.len] = 0;
    for (size_t i = 0; i < COUNT(patterns); i++)
        if (!trie_add(t, patterns[i]))
            abort();
    (void)trie_add(t, copy);
    while (rest.len) {
        str params[SPOT_PARAMS_MAX] = {{0}}, path = str_cut(&rest, '\n');
        const struct spot *s = trie_find(t, path, params);
        for (size_t i = 0; s && i < SPOT_PARAMS_MAX; i++)
            if (params[i].len > path.len)
                __builtin_trap();
    }
    trie_close(t);
    free(copy);
    return 0;
}
