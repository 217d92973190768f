/* test/fuzz/cti.c - what telephone systems send, in its three dresses. The first byte chooses:
 * JSON, form, query, or a query before a body. What is accepted has a call id and lines of text fit
 * to be kept. */
#include "rooms/call/call_cti.h"

static void must(bool b)
{
    if (!b)
        __builtin_trap();
}

static void plain(str s, size_t max)
{
    must(str_is_utf8(s) && str_chars(s) <= max);
    for (size_t i = 0; i < s.len; i++)
        must((unsigned char)s.ptr[i] >= 0x20);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena *a;
    if (!a) {
        a = arena_open((size_t)8 << 20);
        log_level_set(LOG_ERROR);
    }
    arena_reset(a);
    struct cx cx = {.arena = a, .now_ms = 1795329000000, .if_match = -1};
    if (size == 0)
        return 0;
    str text = {(const char *)data + 1, size - 1};
    struct call_told t;
    enum err e;
    switch (data[0] % 4) {
    case 0:
        e = cti_read(&cx, S("application/json"), S(""), text, &t);
        break;
    case 1:
        e = cti_read(&cx, S("application/x-www-form-urlencoded"), S(""), text, &t);
        break;
    case 2:
        e = cti_read(&cx, S(""), text, S(""), &t);
        break;
    default: {
        str query = {text.ptr, text.len / 2};
        e = cti_read(&cx, S(""), query, (str){text.ptr + query.len, text.len - query.len}, &t);
    }
    }
    if (e != OK) {
        must(cx.why.msg != 0 && cx.why.err == e);
        return 0;
    }
    must(t.source_id.len > 0 && t.kind >= TOLD_RING && t.kind <= TOLD_TRANSFERRED);
    plain(t.source_id, 200);
    plain(t.from, 200);
    plain(t.to, 200);
    plain(t.name, 200);
    plain(t.queue, 200);
    plain(t.answering_number, 200);
    for (size_t i = 0; i < t.users.n; i++)
        plain(t.users.items[i], 200);
    return 0;
}
