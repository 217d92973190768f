/* test/fuzz/phone.c - telephone numbers in any writing: never fails, and what it calls possible is full. */
#include "base/person.h"

static void must(bool b)
{
    if (!b)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const regions[] = {"", "GB", "JP", "KZ", "CN", "RU", "US", "ZZ"};
    static struct arena *a;
    if (!a)
        a = arena_open((size_t)1 << 20);
    arena_reset(a);
    if (size == 0)
        return 0;
    /* A copy of exact size, so that a byte read behind it is seen. */
    char *copy = malloc(size);
    if (!copy)
        return 0;
    memcpy(copy, data + 1, size - 1);
    str s = {copy, size - 1};
    struct phone p = phone_read(a, s, str_of(regions[data[0] % COUNT(regions)]));
    phone_is_withheld(s);
    if (p.is_possible) {
        /* Country code of 3, national part of 17: Japan has such longer than E.164. */
        must(p.e164.len >= 4 && p.e164.len <= 21 && p.e164.ptr[0] == '+');
        for (size_t i = 1; i < p.e164.len; i++)
            must(is_digit(p.e164.ptr[i]));
        must(p.reversed.len == p.e164.len - 1 && p.reversed.ptr[0] == p.e164.ptr[p.e164.len - 1]);
        must(str_is_utf8(p.national));
        /* What was made full reads as the same again, whatever the region. */
        struct phone again = phone_read(a, p.e164, S(""));
        must(again.is_possible && str_eq(again.e164, p.e164));
        phone_place(a, p.e164, (enum lang)(data[0] % LANG_N));
    } else {
        must(p.e164.len == 0);
    }
    free(copy);
    return 0;
}
