/* test/fuzz/value.c - small values as text: instants, ids, money, languages, numbers. */
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
    if (!a)
        a = arena_open((size_t)1 << 20);
    arena_reset(a);
    /* A copy of exact size, so that a byte read behind it is seen. */
    char *copy = malloc(size + 1);
    if (!copy)
        return 0;
    memcpy(copy, data, size);
    str s = {copy, size};

    when w = {0}, again = {0};
    if (when_parse(s, &w))
        must(when_parse(when_text(a, w), &again) && again.ms == w.ms);
    int64_t id = 0, same = 0;
    if (id_parse(s, "cus", &id))
        must(id_parse(id_text(a, "cus", id), "cus", &same) && same == id);
    currency c;
    if (currency_parse(s, &c))
        must(currency_exponent(c) >= 0);
    must(lang_pick(s, LANG_RU) < LANG_N);
    int64_t n = 0;
    if (str_to_int(s, &n) && size < 20)
        must(str_trim(s).len == s.len);
    str rest = s;
    size_t seen = 0;
    while (rest.ptr && rest.len)
        seen += str_cut(&rest, ',').len + 1;
    must(seen <= size + 1);
    if (str_is_utf8(s))
        must(str_chars(s) <= size);
    free(copy);
    return 0;
}
