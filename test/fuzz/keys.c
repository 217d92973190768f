/* test/fuzz/keys.c - kith.keys, key files and recovery keys: any bytes are read or refused with a sentence. */
#include "db/keyring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct cx cx;
    static struct keyring *ring;
    static str bytes, recovery;
    static const struct key_source key = {.kind = KEY_BYTES, .key = {9}, .place = {"k", 1}};
    if (!cx.arena) {
        static struct arena *kept; /* for ever: no leak */
        kept = arena_open((size_t)1 << 20);
        cx.arena = kept;
        if (keyring_make(&cx, &key, &ring, &recovery) != OK)
            return 0;
        bytes = keyring_bytes(ring, kept);
        cx.arena = arena_open((size_t)8 << 20);
    }
    arena_reset(cx.arena);
    /* A copy of exact size, so that a byte read behind it is seen. */
    char *copy = malloc(size ? size : 1);
    if (!copy)
        return 0;
    memcpy(copy, data, size);
    str said = {copy, size};
    struct keyring *r = NULL;
    uint8_t k[SEAL_KEY];
    enum key_kind kind;
    if (keyring_open(&cx, said, S("k"), &key, &r) == OK && !str_eq(said, bytes))
        __builtin_trap(); /* nobody forges one */
    keyring_close(r);
    (void)!keyring_kind(&cx, said, S("k"), &kind);
    (void)!key_read(said, k);
    if (keyring_open_recovery(&cx, bytes, S("k"), said, &r) == OK && size < recovery.len - 8)
        __builtin_trap();
    keyring_close(r);
    free(copy);
    return 0;
}
