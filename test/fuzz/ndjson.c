/* test/fuzz/ndjson.c - lines of JSON: no byte is lost, no line holds a line break, and each is a
 * value or a fault. */
#include "base/field.h"
#include "base/ndjson.h"

struct outer {
    str text;
    int64_t n;
};
static const struct field outer_fields[] = {FIELD(struct outer, text), FIELD(struct outer, n)};
static const struct shape outer_shape = SHAPE("outer", struct outer, outer_fields);

static bool has_something(str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!strchr(" \t\r\n", s.ptr[i]) || !s.ptr[i])
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
    struct cx cx = {.arena = a};
    str body = {(const char *)data, size}, line;
    struct ndjson n = ndjson_of(body);
    const char *seen = n.rest.ptr;
    size_t lines = 0, number = 0;
    while (ndjson_next(&n, &line)) {
        lines++;
        bool is_sound = n.number > number && line.len && !memchr(line.ptr, '\n', line.len) &&
                        line.ptr >= seen && line.ptr + line.len <= body.ptr + body.len &&
                        !has_something((str){seen, (size_t)(line.ptr - seen)});
        if (!is_sound)
            __builtin_trap();
        number = n.number;
        seen = line.ptr + line.len;
        struct outer out;
        (void)!json_read(&cx, &outer_shape, line, &out, NULL);
    }
    if (n.rest.len || (size && has_something((str){seen, (size_t)(body.ptr + body.len - seen)})) ||
        ndjson_count(body, SIZE_MAX - 1) != lines)
        __builtin_trap();
    return 0;
}
