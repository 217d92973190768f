/* test/fuzz/name.c - names in any script: keys are clean text, grams are sorted parts of them. */
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

static bool is_in_a_key(str gram, const struct name_keys *k)
{
    for (size_t i = 0; i < k->n; i++)
        if (str_find(k->keys[i], gram) >= 0)
            return true;
    return false;
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
    struct name_keys k = name_keys(a, name, reading), of_name = name_keys(a, name, (str){0});
    must(k.n <= NAME_KEYS_MAX);
    for (size_t i = 0; i < k.n; i++) {
        must_be_key(k.keys[i]);
        for (size_t j = 0; j < i; j++)
            must(!str_eq(k.keys[i], k.keys[j]));
    }
    struct str_list_ g = name_grams(a, name);
    for (size_t i = 0; i < g.n; i++) {
        must(str_is_utf8(g.items[i]) && str_chars(g.items[i]) <= 3 &&
             is_in_a_key(g.items[i], &of_name));
        must(i == 0 || str_cmp(g.items[i - 1], g.items[i]) < 0);
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
