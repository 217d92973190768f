/* test/fuzz/form.c - forms and query strings: any bytes give a value or a fault, never more. */
#include "base/field.h"

struct outer {
    str text;
    int64_t n;
    bool is;
    when at;
    opt_str maybe;
    struct str_list words;
};
static const struct field outer_fields[] = {
    FIELD(struct outer, text), FIELD(struct outer, n),     FIELD(struct outer, is),
    FIELD(struct outer, at),   FIELD(struct outer, maybe), FIELD(struct outer, words),
};
static const struct shape outer_shape = SHAPE("outer", struct outer, outer_fields);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena *a;
    if (!a)
        a = arena_open((size_t)4 << 20);
    arena_reset(a);
    if (size == 0)
        return 0;
    struct cx cx = {.arena = a};
    struct outer out;
    uint64_t sent = 0;
    if (form_read(&cx, &outer_shape, (str){(const char *)data + 1, size - 1}, data[0] & 1, &out,
                  &sent) != OK)
        return 0;
    if (!str_is_utf8(out.text) || memchr(out.text.ptr ? out.text.ptr : "", 0, out.text.len))
        __builtin_trap();
    return 0;
}
