/* net/guard.h - what is decided about a request before anybody acts on it: pure functions of bytes.
 *
 * Addresses, paths, headers and cookies as they came from outside. Nothing here allocates or knows
 * a socket, so the fuzz targets call these functions as they stand.
 */
#pragma once
#include "net/http.h"

/* Why a request is refused. Each has a status, a code and a sentence (guard_refusal). The
 * connection is closed after every one of them: what follows on it cannot be trusted. */
enum refusal {
    REFUSE_NOTHING,
    REFUSE_LINE,     /* request line not as RFC 9112 has it */
    REFUSE_HEADER,   /* header line with bare LF or CR, fold, blank before the colon, NUL … */
    REFUSE_LENGTH,   /* Content-Length twice, not a number, or beside Transfer-Encoding */
    REFUSE_ENCODING, /* Transfer-Encoding that is not exactly "chunked" */
    REFUSE_HOST,     /* missing, twice, or not a host name */
    REFUSE_TWICE,    /* a header that may stand once only */
    REFUSE_PATH,     /* not decodable, control byte, '..', '//' */
    REFUSE_VERSION,
    REFUSE_METHOD,
    REFUSE_EXPECT,
    REFUSE_URI_LONG,
    REFUSE_HEAD_BIG,
    REFUSE_BODY_BIG,
    REFUSE_BUSY, /* too many bytes of bodies are being received just now */
    REFUSE_N
};
struct refusal_row {
    const char *code;
    int status;
    uint16_t msg;
};
const struct refusal_row *guard_refusal(enum refusal r);

enum {
    GUARD_HEADERS_MAX = 64,
    GUARD_URI_MAX = 6 * 1024,
    GUARD_HEAD_MAX = 8 * 1024,
};

/* ---- addresses --------------------------------------------------------------------------- */

struct net_addr {
    uint8_t byte[16]; /* IPv6; IPv4 as ::ffff:a.b.c.d */
};
struct net_block {
    struct net_addr addr;
    unsigned bits; /* 0..128, counted in the 16 bytes */
};
enum { NET_ADDR_TEXT = 46 };
bool net_addr_parse(str s, struct net_addr *out) MUST_USE;
/* An address or "address/bits"; bits beyond the prefix must be zero. */
bool net_block_parse(str s, struct net_block *out) MUST_USE;
bool net_block_has(const struct net_block *b, const struct net_addr *a);
bool net_addr_is_loopback(const struct net_addr *a);
/* Writes the usual text ("192.0.2.1", "2001:db8::1") with its NUL; returns a view of it. */
str net_addr_text(const struct net_addr *a, char out[NET_ADDR_TEXT]);

/* ---- a request's head ------------------------------------------------------------------------ */

/* Decodes the escapes of a raw path in place; *path then views buf. Refused: not beginning with
 * '/', bad escapes, control bytes, backslash, an encoded slash, empty or dot segments, not UTF-8.
 */
enum refusal guard_path(char *buf, size_t len, str *path);

struct framing {
    bool is_chunked;
    bool has_length;
    uint64_t length;
    bool wants_continue;
};
/* Checks names, values, single headers and the framing they declare. */
enum refusal guard_headers(const struct http_header *h, size_t n, bool is_http_1_1,
                           struct framing *out);
str guard_header(const struct http_header *h, size_t n, str name);
/* Empty when absent, and when two cookies of the name differ: neither can be believed. */
str guard_cookie(const struct http_header *h, size_t n, str name);
/* The client: the right-most hop of X-Forwarded-For that is not a listed proxy, if `from` is one.
 */
struct net_addr guard_client(const struct net_block *proxies, size_t n_proxies,
                             const struct net_addr *from, const struct http_header *h, size_t n);
