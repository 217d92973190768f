/* Fuzz target: addresses and networks as written in settings and forwarded headers. */
#include "net/guard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    str s = {(const char *)data, size};
    struct net_addr a, again;
    char text[NET_ADDR_TEXT];
    if (net_addr_parse(s, &a)) {
        assert(net_addr_parse(net_addr_text(&a, text), &again));
        assert(memcmp(&a, &again, sizeof a) == 0);
    }
    struct net_block b;
    if (net_block_parse(s, &b)) {
        assert(b.bits <= 128 && net_block_has(&b, &b.addr));
        if (b.bits > 0) {
            struct net_addr other = b.addr;
            unsigned last = b.bits - 1;
            other.byte[last / 8] = (uint8_t)(other.byte[last / 8] ^ (0x80u >> last % 8));
            assert(!net_block_has(&b, &other));
        }
    }
    return 0;
}
