/* net/guard.c - addresses, paths, headers and cookies from outside, judged byte by byte. */
#include "net/guard.h"

#include <arpa/inet.h>

#include "messages.h"

const struct refusal_row *guard_refusal(enum refusal r)
{
    static const struct refusal_row rows[REFUSE_N] = {
        [REFUSE_LINE] = {"malformed", 400, M_HTTP_LINE},
        [REFUSE_HEADER] = {"malformed", 400, M_HTTP_HEADER},
        [REFUSE_LENGTH] = {"malformed", 400, M_HTTP_LENGTH},
        [REFUSE_ENCODING] = {"malformed", 400, M_HTTP_ENCODING},
        [REFUSE_HOST] = {"malformed", 400, M_HTTP_HOST},
        [REFUSE_TWICE] = {"malformed", 400, M_HTTP_TWICE},
        [REFUSE_PATH] = {"malformed", 400, M_HTTP_PATH},
        [REFUSE_VERSION] = {"malformed", 505, M_HTTP_VERSION},
        [REFUSE_METHOD] = {"malformed", 405, M_HTTP_METHOD},
        [REFUSE_EXPECT] = {"malformed", 417, M_HTTP_EXPECT},
        [REFUSE_URI_LONG] = {"too_big", 414, M_HTTP_URI_LONG},
        [REFUSE_HEAD_BIG] = {"too_big", 431, M_HTTP_HEAD_BIG},
        [REFUSE_BODY_BIG] = {"too_big", 413, M_HTTP_BODY_BIG},
        [REFUSE_BUSY] = {"busy", 503, M_HTTP_BUSY},
    };
    return &rows[r];
}

/* ---- addresses --------------------------------------------------------------------------- */

static const uint8_t v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool is_v4(const struct net_addr *a)
{
    return memcmp(a->byte, v4_prefix, sizeof v4_prefix) == 0;
}

bool net_addr_parse(str s, struct net_addr *out)
{
    char z[NET_ADDR_TEXT];
    if (s.len == 0 || s.len >= sizeof z || memchr(s.ptr, 0, s.len))
        return false;
    memcpy(z, s.ptr, s.len);
    z[s.len] = 0;
    struct in_addr v4;
    if (inet_pton(AF_INET, z, &v4) == 1) {
        memcpy(out->byte, v4_prefix, sizeof v4_prefix);
        memcpy(out->byte + 12, &v4, 4);
        return true;
    }
    return inet_pton(AF_INET6, z, out->byte) == 1;
}

bool net_block_parse(str s, struct net_block *out)
{
    str rest = s, addr = str_cut(&rest, '/');
    if (!net_addr_parse(addr, &out->addr))
        return false;
    unsigned most = str_find(addr, S(":")) < 0 ? 32 : 128;
    int64_t bits = most;
    if (addr.len < s.len && (!str_to_int(rest, &bits) || !is_digit(rest.ptr[0])))
        return false;
    if (bits < 0 || bits > (int64_t)most)
        return false;
    out->bits = (unsigned)bits + (128 - most);
    for (unsigned i = out->bits; i < 128; i++)
        if (out->addr.byte[i / 8] & (0x80u >> (i % 8)))
            return false;
    return true;
}

bool net_block_has(const struct net_block *b, const struct net_addr *a)
{
    unsigned whole = b->bits / 8, rest = b->bits % 8;
    if (memcmp(b->addr.byte, a->byte, whole) != 0)
        return false;
    unsigned mask = 0xff00u >> rest & 0xff;
    return rest == 0 || ((unsigned)(b->addr.byte[whole] ^ a->byte[whole]) & mask) == 0;
}

bool net_addr_is_loopback(const struct net_addr *a)
{
    static const uint8_t v6[16] = {[15] = 1};
    return (is_v4(a) && a->byte[12] == 127) || memcmp(a->byte, v6, sizeof v6) == 0;
}

str net_addr_text(const struct net_addr *a, char out[NET_ADDR_TEXT])
{
    const char *z = is_v4(a) ? inet_ntop(AF_INET, a->byte + 12, out, NET_ADDR_TEXT)
                             : inet_ntop(AF_INET6, a->byte, out, NET_ADDR_TEXT);
    return str_of(z ? z : "");
}

/* ---- path ------------------------------------------------------------------------------------ */

static int hex(char c)
{
    if (is_digit(c))
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Looks at the decoded path's segments: none may be empty (but the last), "." or "..". */
static bool segments_are_plain(str path)
{
    size_t start = 1;
    for (size_t i = 1; i <= path.len; i++) {
        if (i < path.len && path.ptr[i] != '/')
            continue;
        size_t n = i - start;
        const char *p = path.ptr + start;
        bool is_dot = (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.');
        if (is_dot || (n == 0 && i < path.len))
            return false;
        start = i + 1;
    }
    return true;
}

enum refusal guard_path(char *buf, size_t len, str *path)
{
    if (len == 0 || buf[0] != '/')
        return REFUSE_PATH;
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)buf[i];
        if (c == '%') {
            int hi = i + 2 < len ? hex(buf[i + 1]) : -1, lo = i + 2 < len ? hex(buf[i + 2]) : -1;
            if (hi < 0 || lo < 0)
                return REFUSE_PATH;
            c = (unsigned char)(hi * 16 + lo);
            i += 2;
            if (c == '/')
                return REFUSE_PATH;
        }
        if (c < 0x20 || c == 0x7f || c == '\\')
            return REFUSE_PATH;
        buf[n++] = (char)c;
    }
    *path = (str){buf, n};
    return str_is_utf8(*path) && segments_are_plain(*path) ? REFUSE_NOTHING : REFUSE_PATH;
}

/* ---- headers --------------------------------------------------------------------------------- */

static bool is_token(str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && !is_digit(c) && (c == 0 || !strchr("!#$%&'*+-.^_`|~", c)))
            return false;
    }
    return s.len > 0;
}

static bool is_field_value(str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

static bool is_made_of(str s, bool (*may)(char c))
{
    for (size_t i = 0; i < s.len; i++)
        if (!may(s.ptr[i]))
            return false;
    return s.len > 0;
}

static bool is_name_char(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == '-' || c == '_';
}

static bool is_v6_char(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == '.' || c == ':';
}

static bool is_port_char(char c)
{
    return is_digit(c);
}

/* host, host:port, [v6], [v6]:port (RFC 9110, 7.2); enough to keep out what could steer a cache, a
 * log or a link. An empty port is allowed there (RFC 3986, 3.2.3). */
static bool is_host(str s)
{
    if (s.len == 0 || s.len > 260)
        return false;
    bool is_v6 = s.ptr[0] == '[';
    const char *end = memchr(s.ptr, is_v6 ? ']' : ':', s.len);
    if (is_v6 && !end)
        return false;
    size_t n = end ? (size_t)(end - s.ptr) : s.len;
    str name = is_v6 ? (str){s.ptr + 1, n - 1} : (str){s.ptr, n};
    size_t after = is_v6 ? n + 1 : n;
    str port = {s.ptr + after, s.len - after};
    if (port.len && (port.ptr[0] != ':' || port.len > 6))
        return false;
    if (port.len > 1 && !is_made_of((str){port.ptr + 1, port.len - 1}, is_port_char))
        return false;
    return is_made_of(name, is_v6 ? is_v6_char : is_name_char);
}

static bool to_length(str s, uint64_t *out)
{
    if (s.len == 0 || s.len > 18)
        return false;
    uint64_t v = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (!is_digit(s.ptr[i]))
            return false;
        v = v * 10 + (uint64_t)(s.ptr[i] - '0');
    }
    *out = v;
    return true;
}

/* Headers that mean something to us and may stand once only: two of them, and two readers of the
 * same bytes could disagree. */
enum once { ONCE_HOST, ONCE_LENGTH, ONCE_ENCODING, ONCE_EXPECT, ONCE_PLAIN };
static const struct {
    const char *name;
    enum once kind;
} once_headers[] = {
    {"host", ONCE_HOST},
    {"content-length", ONCE_LENGTH},
    {"transfer-encoding", ONCE_ENCODING},
    {"expect", ONCE_EXPECT},
    {"authorization", ONCE_PLAIN},
    {"content-type", ONCE_PLAIN},
    {"origin", ONCE_PLAIN},
    {"idempotency-key", ONCE_PLAIN},
    {"last-event-id", ONCE_PLAIN},
    {"sec-fetch-site", ONCE_PLAIN},
    {"x-kith", ONCE_PLAIN},
};

static enum refusal twice(enum once kind)
{
    switch (kind) {
    case ONCE_HOST:
        return REFUSE_HOST;
    case ONCE_LENGTH:
        return REFUSE_LENGTH;
    case ONCE_ENCODING:
        return REFUSE_ENCODING;
    default:
        return REFUSE_TWICE;
    }
}

static enum refusal take_once(enum once kind, str value, bool is_http_1_1, struct framing *out)
{
    switch (kind) {
    case ONCE_HOST:
        return is_host(value) ? REFUSE_NOTHING : REFUSE_HOST;
    case ONCE_LENGTH:
        out->has_length = true;
        return to_length(value, &out->length) ? REFUSE_NOTHING : REFUSE_LENGTH;
    case ONCE_ENCODING:
        out->is_chunked = true;
        return is_http_1_1 && str_eq_ascii_nocase(value, S("chunked")) ? REFUSE_NOTHING
                                                                       : REFUSE_ENCODING;
    case ONCE_EXPECT:
        out->wants_continue = true;
        return str_eq_ascii_nocase(value, S("100-continue")) ? REFUSE_NOTHING : REFUSE_EXPECT;
    case ONCE_PLAIN:
        break;
    }
    return REFUSE_NOTHING;
}

enum refusal guard_headers(const struct http_header *h, size_t n, bool is_http_1_1,
                           struct framing *out)
{
    *out = (struct framing){0};
    bool seen[COUNT(once_headers)] = {false};
    for (size_t i = 0; i < n; i++) {
        if (!is_token(h[i].name) || !is_field_value(h[i].value))
            return REFUSE_HEADER;
        for (size_t k = 0; k < COUNT(once_headers); k++) {
            if (!str_eq_ascii_nocase(h[i].name, str_of(once_headers[k].name)))
                continue;
            if (seen[k])
                return twice(once_headers[k].kind);
            seen[k] = true;
            enum refusal r = take_once(once_headers[k].kind, h[i].value, is_http_1_1, out);
            if (r != REFUSE_NOTHING)
                return r;
            break;
        }
    }
    if (is_http_1_1 && !seen[0]) /* the table's first row is Host */
        return REFUSE_HOST;
    return out->has_length && out->is_chunked ? REFUSE_LENGTH : REFUSE_NOTHING;
}

str guard_header(const struct http_header *h, size_t n, str name)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq_ascii_nocase(h[i].name, name))
            return h[i].value;
    return (str){0};
}

str guard_cookie(const struct http_header *h, size_t n, str name)
{
    str found = {0};
    bool has = false;
    for (size_t i = 0; i < n; i++) {
        if (!str_eq_ascii_nocase(h[i].name, S("cookie")))
            continue;
        str rest = h[i].value;
        while (rest.len > 0) {
            str value = str_cut(&rest, ';');
            str key = str_trim(str_cut(&value, '='));
            if (!str_eq(key, name))
                continue;
            value = str_trim(value);
            if (has && !str_eq(found, value))
                return (str){0};
            found = value;
            has = true;
        }
    }
    return found;
}

/* One hop of X-Forwarded-For: an address, "v4:port", "[v6]" or "[v6]:port". */
static bool hop_parse(str s, struct net_addr *out)
{
    s = str_trim(s);
    if (str_starts(s, S("["))) {
        ptrdiff_t end = str_find(s, S("]"));
        return end > 0 && net_addr_parse((str){s.ptr + 1, (size_t)end - 1}, out);
    }
    if (net_addr_parse(s, out))
        return true;
    str rest = s, addr = str_cut(&rest, ':');
    int64_t port = 0;
    return str_find(rest, S(":")) < 0 && str_to_int(rest, &port) && port > 0 && port < 65536 &&
           net_addr_parse(addr, out);
}

static bool is_listed(const struct net_block *proxies, size_t n, const struct net_addr *a)
{
    for (size_t i = 0; i < n; i++)
        if (net_block_has(&proxies[i], a))
            return true;
    return false;
}

struct net_addr guard_client(const struct net_block *proxies, size_t n_proxies,
                             const struct net_addr *from, const struct http_header *h, size_t n)
{
    struct net_addr client = *from;
    /* Each header line continues the one before it, so the last line's last hop is the nearest. */
    for (size_t i = n; i-- > 0;) {
        if (!str_eq_ascii_nocase(h[i].name, S("x-forwarded-for")))
            continue;
        str left = h[i].value;
        while (left.len > 0) {
            if (!is_listed(proxies, n_proxies, &client))
                return client;
            size_t start = left.len;
            while (start > 0 && left.ptr[start - 1] != ',')
                start--;
            struct net_addr hop;
            if (!hop_parse((str){left.ptr + start, left.len - start}, &hop))
                return client;
            client = hop;
            left.len = start > 0 ? start - 1 : 0;
        }
    }
    return client;
}
