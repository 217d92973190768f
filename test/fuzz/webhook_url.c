/* test/fuzz/webhook_url.c - addresses of webhooks: what is taken has a host, holds nothing that a header or a shell could
 * misread, and is the same again; a host that is an address inside is never called good. */
#include "net/webhook.h"
#include <arpa/inet.h>
#include <netinet/in.h>

static void must(bool b)
{
    if (!b)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena *a;
    struct webhook_url u, again;
    if (!a)
        a = arena_open((size_t)1 << 20);
    arena_reset(a);
    /* A copy of exact size, so that a byte read behind it is seen. */
    char *copy = malloc(size ? size : 1);
    if (!copy)
        return 0;
    memcpy(copy, data, size);
    enum webhook_url_fault f = webhook_url_read(a, (str){copy, size}, &u);
    if (f == WEBHOOK_URL_GOOD || f == WEBHOOK_URL_INSIDE) {
        struct sockaddr_in v4 = {.sin_family = AF_INET};
        struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
        const char *host = arena_cstr(a, u.host);
        must(size <= WEBHOOK_URL_MAX && u.host.len > 0);
        for (size_t i = 0; i < size; i++)
            must(data[i] > ' ' && data[i] < 0x7f && data[i] != '\\');
        if (inet_aton(host, &v4.sin_addr) && webhook_is_inside((const struct sockaddr *)&v4))
            must(f == WEBHOOK_URL_INSIDE);
        if (inet_pton(AF_INET6, host, &v6.sin6_addr) == 1 &&
            webhook_is_inside((const struct sockaddr *)&v6))
            must(f == WEBHOOK_URL_INSIDE);
        bool is_v6 = memchr(u.host.ptr, ':', u.host.len) != NULL;
        str plain =
            arena_printf(a, is_v6 ? "http://[" SFMT "]/" : "http://" SFMT "/", SARG(u.host));
        if (!is_v6 || !memchr(u.host.ptr, '%',
                              u.host.len)) /* a zone is written otherwise inside an address */
            must(plain.len > WEBHOOK_URL_MAX ||
                 (webhook_url_read(a, plain, &again) == f && str_eq(again.host, u.host)));
    }
    free(copy);
    return 0;
}
