/* test/fuzz/json.c - JSON in: any bytes give a value or a fault, never more. */
#include "base/field.h"

struct inner {
    int64_t n;
    str text;
};
static const struct field inner_fields[] = {FIELD(struct inner, n), FIELD(struct inner, text)};
static const struct shape inner_shape = SHAPE("inner", struct inner, inner_fields);

struct outer {
    str text;
    int64_t n;
    double real;
    bool is;
    when at;
    money sum;
    opt_int maybe;
    struct str_list words;
    struct list items;
};
static const struct field outer_fields[] = {
    FIELD(struct outer, text),
    FIELD(struct outer, n),
    FIELD(struct outer, real),
    FIELD(struct outer, is),
    FIELD(struct outer, at),
    FIELD(struct outer, sum),
    FIELD(struct outer, maybe),
    FIELD(struct outer, words),
    FIELD_LIST(struct outer, items, &inner_shape),
};
static const struct shape outer_shape = SHAPE("outer", struct outer, outer_fields);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena *a;
    if (!a)
        a = arena_open((size_t)4 << 20);
    arena_reset(a);
    struct cx cx = {.arena = a};
    struct outer out;
    uint64_t sent = 0;
    if (json_read(&cx, &outer_shape, (str){(const char *)data, size}, &out, &sent) != OK)
        return 0;

    /* What was read can be written, and reads as the same again. */
    struct text first = text_in(a, (size_t)1 << 20), second = text_in(a, (size_t)1 << 20);
    struct json_out to = {.to = &first};
    json_write(&to, &outer_shape, &out);
    struct outer again;
    if (first.is_over)
        return 0;
    if (json_read(&cx, &outer_shape, text_str(&first), &again, &sent) != OK)
        __builtin_trap();
    to = (struct json_out){.to = &second};
    json_write(&to, &outer_shape, &again);
    if (!str_eq(text_str(&first), text_str(&second)))
        __builtin_trap();
    return 0;
}
