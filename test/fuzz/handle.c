/* test/fuzz/handle.c - handles of customers and the keys of records: one normal form, which reads
 * as itself; keys that an index can hold. */
#include "rooms/customer/customer.h"

static void must(bool b)
{
    if (!b)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const regions[] = {"", "GB", "JP", "KZ"};
    static struct arena *a;
    if (!a)
        a = arena_open((size_t)4 << 20);
    arena_reset(a);
    if (size < 2)
        return 0;
    char *copy = malloc(size - 1); /* of exact size, so that a byte read behind it is seen */
    if (!copy)
        return 0;
    memcpy(copy, data + 1, size - 1);
    str given = {copy, size - 1};
    int type = data[0] % IDENTITY_TYPE_N;
    str region = str_of(regions[(data[0] >> 4) % COUNT(regions)]);

    struct handle h, again;
    if (handle_read(a, type, given, region, &h)) {
        must(h.value.len > 0 && (h.value.ptr[0] != '!' || type == IDENTITY_EMAIL));
        must(handle_read(a, type, h.value, S(""), &again) && str_eq(again.value, h.value));
    } else {
        must(h.value.len == 0);
    }
    must(h.suffix.len <= 15);
    if (str_is_utf8(given)) { /* the doors let nothing else in */
        struct str_list keys = customer_keys(a, given, given, given, S("JP"));
        must(keys.n <= CUSTOMER_KEYS_MAX);
        for (size_t i = 0; i < keys.n; i++) {
            must(keys.items[i].len > 0 && keys.items[i].len <= 310 && str_is_utf8(keys.items[i]));
            must(i == 0 || str_cmp(keys.items[i - 1], keys.items[i]) < 0);
        }
    }
    free(copy);
    return 0;
}
