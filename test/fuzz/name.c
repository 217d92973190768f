/* test/fuzz/name.c - names in any script: keys are clean text. */
#include "base/person.h"

static void must(bool b)
{
    if (!b)
        __builtin_trap();
}

/* Words with one blank between them. */
static void must_be_key(str key)
{
    must(key.len > 0 && str_is_utf8(key) && key.ptr[0] != ' ' && key.ptr[key.len - 1] != ' ');
    must(str_find(key, S("  ")) < 0 && !memchr(key.ptr, 0, key.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena *a;
    if (!a)
        a = arena_open((size_t)4 << 20);
    arena_reset(a);
    /* A copy of exact size, so that a byte read behind it is seen. */
    char *copy = malloc(size + 1);
    if (!copy)
        return 0;
    memcpy(copy, data, size);
    char *whole = realloc(copy, size ? size : 1);
    str reading = {whole, size}, name = str_cut(&reading, '|');
    struct name_keys k = name_keys(a, name, reading);
    must(k.n <= NAME_KEYS_MAX);
    for (size_t i = 0; i < k.n; i++) {
        must_be_key(k.keys[i]);
        for (size_t j = 0; j < i; j++)
            must(!str_eq(k.keys[i], k.keys[j]));
    }
    str equal = name_equal_key(a, name);
    for (size_t i = 0; i < equal.len; i++)
        must(equal.ptr[i] == ' ' || is_digit(equal.ptr[i]) ||
             (equal.ptr[i] >= 'a' && equal.ptr[i] <= 'z'));
    (void)script_lang(name);
    must(!arena_is_over(a));
    free(whole);
    return 0;
}
