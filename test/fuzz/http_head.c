/* Fuzz target: header lines, cookies, and the client behind proxies. The input is "name:value"
 * lines. */
#include "net/guard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_framing(const struct http_header *h, size_t n, bool is_1_1)
{
    struct framing f;
    if (guard_headers(h, n, is_1_1, &f) != REFUSE_NOTHING)
        return;
    assert(!(f.is_chunked && f.has_length));
    assert(is_1_1 || !f.is_chunked);
    size_t hosts = 0, lengths = 0;
    for (size_t i = 0; i < n; i++) {
        assert(h[i].name.len > 0 && str_find(h[i].name, S(" ")) < 0);
        assert(str_find(h[i].value, S("\r")) < 0 &&
               memchr(h[i].value.ptr, 0, h[i].value.len) == NULL);
        hosts += str_eq_ascii_nocase(h[i].name, S("host"));
        lengths += str_eq_ascii_nocase(h[i].name, S("content-length"));
    }
    assert(hosts <= 1 && lengths <= 1 && (hosts == 1 || !is_1_1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_header h[GUARD_HEADERS_MAX];
    size_t n = 0;
    str rest = {(const char *)data, size};
    while (rest.len > 0 && n < COUNT(h)) {
        str value = str_cut(&rest, '\n'), name = str_cut(&value, ':');
        h[n++] = (struct http_header){name, value.ptr ? value : S("")};
    }
    check_framing(h, n, true);
    check_framing(h, n, false);

    str sid = guard_cookie(h, n, S("sid"));
    assert(str_find(sid, S(";")) < 0);

    struct net_block proxies[2];
    struct net_addr from;
    if (!net_block_parse(S("10.0.0.0/8"), &proxies[0]) ||
        !net_block_parse(S("2001:db8::/32"), &proxies[1]) || !net_addr_parse(S("10.1.1.1"), &from))
        abort();
    struct net_addr client = guard_client(proxies, 2, &from, h, n);
    char text[NET_ADDR_TEXT];
    assert(net_addr_text(&client, text).len > 0);
    /* Whoever is no listed proxy speaks for himself, whatever he sends. */
    struct net_addr stranger;
    if (!net_addr_parse(S("192.0.2.1"), &stranger))
        abort();
    client = guard_client(proxies, 2, &stranger, h, n);
    assert(memcmp(&client, &stranger, sizeof client) == 0);
    return 0;
}
