/* test/fuzz/source_list.c - lists of addresses, of domains, of suffixes, and Tor's geoip, by the first byte; what was read
 * is made into an image that loads and answers. */
#include "rooms/source/inside.h"

static void must(bool b)
{
    if (!b)
        __builtin_trap();
}

static void ranges(struct cx *cx, struct place *at, str text, bool is_geoip)
{
    struct made_ranges m = {0};
    enum err e = is_geoip ? geoip_read(cx, at, text, &m) : network_list_read(cx, at, text, &m);
    must(e == OK || cx->why.msg != 0);
    addr where = 0;
    size_t n = 0;
    if (e == OK && ranges_order(&m.v4, &where) && ranges_order(&m.v6, &where)) {
        struct about about = {.records = 1};
        struct image i;
        void *bytes = image_of_ranges(SOURCE_TOR, &about, &m, &n);
        must(bytes && image_open(&i, SOURCE_TOR, bytes, n));
        for (size_t k = 0; k < m.v4.n; k++) {
            must(image_range(&i, true, m.v4.items[k].from) == m.v4.items[k].value);
            must(image_range(&i, true, m.v4.items[k].to) == m.v4.items[k].value);
        }
        for (size_t k = 0; k < m.v6.n; k++)
            must(image_range(&i, false, m.v6.items[k].to) == m.v6.items[k].value);
        image_close(&i);
    }
    ranges_free(&m);
}

static void domains(struct cx *cx, struct place *at, str text, bool are_suffixes)
{
    struct domains d = {0};
    enum err e =
        are_suffixes ? suffix_list_read(cx, at, text, &d) : domain_list_read(cx, at, text, &d);
    must(e == OK || cx->why.msg != 0);
    domains_order(&d);
    if (e == OK && d.n) {
        struct about about = {.records = 1};
        struct image i;
        size_t n = 0;
        void *bytes = image_of_domains(SOURCE_SUFFIX, &about, &d, &n);
        must(bytes && image_open(&i, SOURCE_SUFFIX, bytes, n));
        for (size_t k = 0; k < d.n; k++) {
            str base, one = d.items[k];
            must(are_suffixes ? image_has_kind(&i, one.ptr[0], (str){one.ptr + 1, one.len - 1})
                              : image_has(&i, one));
            if (are_suffixes)
                (void)image_base(&i, (str){one.ptr + 1, one.len - 1}, &base);
        }
        image_close(&i);
    }
    domains_free(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena *a;
    if (!a)
        a = arena_open((size_t)8 << 20);
    arena_reset(a);
    if (size == 0)
        return 0;
    struct cx cx = {.arena = a, .if_match = -1};
    struct place at = {.file = S("list")};
    char *copy = malloc(size); /* of exact size, so that a byte read behind it is seen */
    if (!copy)
        return 0;
    memcpy(copy, data + 1, size - 1);
    str text = {copy, size - 1};
    if (data[0] & 2)
        domains(&cx, &at, text, data[0] & 1);
    else
        ranges(&cx, &at, text, data[0] & 1);
    free(copy);
    return 0;
}
