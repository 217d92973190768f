/* rooms/source/ranges.c - addresses, networks and ranges of them: read from texts, sorted, joined. */
#include "messages.h"
#include "rooms/source/inside.h"
#include <arpa/inet.h>
#include <unicode/uloc.h>

/* ---- addresses ------------------------------------------------------------------------------- */

static addr addr_of(const uint8_t *bytes, size_t n)
{
    addr v = 0;
    for (size_t i = 0; i < n; i++)
        v = v << 8 | bytes[i];
    return v;
}

bool addr_read(str s, bool *is_v4, addr *out)
{
    char text[64];
    uint8_t bytes[16];
    s = str_trim(s);
    if (s.len > 2 && s.ptr[0] == '[' && s.ptr[s.len - 1] == ']')
        s = (str){s.ptr + 1, s.len - 2};
    str zone = s;
    s = str_cut(&zone, '%');
    if (s.len == 0 || s.len >= sizeof text || memchr(s.ptr, 0, s.len))
        return false;
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    *is_v4 = inet_pton(AF_INET, text, bytes) == 1;
    if (*is_v4) {
        *out = addr_of(bytes, 4);
        return true;
    }
    if (inet_pton(AF_INET6, text, bytes) != 1)
        return false;
    static const uint8_t mapped[12] = {[10] = 0xFF, [11] = 0xFF}, nat64[12] = {0, 0x64, 0xFF, 0x9B};
    *is_v4 = memcmp(bytes, mapped, 12) == 0 || memcmp(bytes, nat64, 12) == 0;
    *out = *is_v4 ? addr_of(bytes + 12, 4) : addr_of(bytes, 16);
    return true;
}

str addr_text(struct arena *a, bool is_v4, addr v)
{
    uint8_t bytes[16];
    char text[INET6_ADDRSTRLEN];
    for (size_t i = 0; i < 16; i++)
        bytes[i] = (uint8_t)(v >> (8 * (15 - i)));
    inet_ntop(is_v4 ? AF_INET : AF_INET6, is_v4 ? bytes + 12 : bytes, text, sizeof text);
    return arena_str(a, str_of(text));
}

bool country_is_known(const char code[static 2])
{
    static const char *const *known;
    if (!known)
        known = uloc_getISOCountries();
    for (const char *const *k = known; *k; k++)
        if (memcmp(*k, code, 2) == 0)
            return true;
    return false;
}

/* ---- gathering --------------------------------------------------------------------------------- */

void ranges_free(struct made_ranges *m)
{
    free(m->v4.items);
    free(m->v6.items);
    *m = (struct made_ranges){0};
}

static bool ranges_grow(struct ranges *r)
{
    size_t cap = r->cap ? r->cap * 2 : 1024;
    struct range *more = r->n < RANGES_MAX ? realloc(r->items, cap * sizeof *more) : NULL;
    if (!more)
        return false;
    r->items = more;
    r->cap = cap;
    return true;
}

void range_add(struct made_ranges *m, bool is_v4, addr from, addr to, uint16_t value)
{
    struct ranges *r = is_v4 ? &m->v4 : &m->v6;
    struct range *last = r->n ? &r->items[r->n - 1] : NULL;
    if (last && last->value == value && last->to + 1 == from && last->to + 1 != 0) {
        last->to = to;
        return;
    }
    if (!m->is_full && r->n == r->cap)
        m->is_full = !ranges_grow(r);
    assert(m->is_full || r->items);
    if (!m->is_full)
        r->items[r->n++] = (struct range){from, to, value};
}

static int by_from(const void *a, const void *b)
{
    const struct range *l = a, *r = b;
    return l->from < r->from ? -1 : l->from > r->from;
}

bool ranges_order(struct ranges *r, addr *at)
{
    size_t n = 0;
    if (r->n)
        qsort(r->items, r->n, sizeof *r->items, by_from);
    for (size_t i = 0; i < r->n; i++) {
        struct range *last = n ? &r->items[n - 1] : NULL, one = r->items[i];
        if (last && one.from <= last->to) {
            if (one.value != last->value) {
                *at = one.from;
                return false;
            }
            last->to = one.to > last->to ? one.to : last->to;
        } else if (last && one.value == last->value && one.from == last->to + 1) {
            last->to = one.to;
        } else {
            r->items[n++] = one;
        }
    }
    r->n = n;
    return true;
}

/* ---- texts ---------------------------------------------------------------------------------------- */

static enum err wrong_line(struct cx *cx, const struct place *at, str line)
{
    return fault(cx, ERR_INVALID, M_SOURCE_LINE, MARG("file", at->file), MNUM("line", at->line),
                 MARG("text", str_clean(cx->arena, line, 60)));
}

static enum err too_many(struct cx *cx, const struct place *at)
{
    return fault(cx, ERR_TOO_BIG, M_SOURCE_MANY, MARG("file", at->file));
}

static bool number_v4(str s, addr *out)
{
    int64_t n = 0;
    if (!str_to_int(s, &n) || n < 0 || n > UINT32_MAX)
        return false;
    *out = (addr)n;
    return true;
}

enum err geoip_read(struct cx *cx, struct place *at, str text, struct made_ranges *out)
{
    for (at->line = 1; text.len; at->line++) {
        str line = str_trim(str_cut(&text, '\n')), rest = line;
        if (line.len == 0 || line.ptr[0] == '#')
            continue;
        str from_text = str_cut(&rest, ','), to_text = str_cut(&rest, ',');
        bool is_v4 = !memchr(from_text.ptr, ':', from_text.len), to_v4 = false, from_v4 = false;
        addr from = 0, to = 0;
        bool is_right = line.len <= LINE_BYTES_MAX && rest.len == 2;
        if (is_right && is_v4)
            is_right = number_v4(from_text, &from) && number_v4(to_text, &to);
        else if (is_right)
            is_right = addr_read(from_text, &from_v4, &from) && addr_read(to_text, &to_v4, &to) &&
                       from_v4 == to_v4;
        if (!is_right || from > to)
            return wrong_line(cx, at, line);
        char code[2] = {rest.ptr[0], rest.ptr[1]};
        if (memcmp(code, "UK", 2) == 0)
            memcpy(code, "GB", 2);
        if (country_is_known(code) && !from_v4) /* ??, EU, AP and their like are no countries */
            range_add(out, is_v4, from, to, country_number(code[0], code[1]));
        if (out->is_full)
            return too_many(cx, at);
    }
    return OK;
}

static addr all_of(bool is_v4)
{
    return is_v4 ? UINT32_MAX : ~(addr)0;
}

/* "192.0.2.0/24", "192.0.2.1", "192.0.2.1-192.0.2.9". */
static bool network_read(str s, bool *is_v4, addr *from, addr *to)
{
    str rest = s, first = str_cut(&rest, '/');
    int64_t bits = 0;
    if (rest.len) {
        if (!addr_read(first, is_v4, from) || !str_to_int(rest, &bits))
            return false;
        bool is_mapped = *is_v4 && memchr(first.ptr, ':', first.len);
        int64_t width = *is_v4 ? 32 : 128;
        bits -= is_mapped ? 96 : 0;
        if (bits < 0 || bits > width)
            return false;
        addr host = all_of(*is_v4);
        if (bits)
            host = bits == width ? 0 : ((addr)1 << (width - bits)) - 1;
        *from &= ~host;
        *to = *from | host;
        return true;
    }
    rest = s;
    first = str_cut(&rest, '-');
    bool to_v4 = false;
    if (!addr_read(first, is_v4, from))
        return false;
    *to = *from;
    return !rest.len || (addr_read(rest, &to_v4, to) && to_v4 == *is_v4 && *to >= *from);
}

enum err network_list_read(struct cx *cx, struct place *at, str text, struct made_ranges *out)
{
    for (at->line = 1; text.len; at->line++) {
        str line = str_trim(str_cut(&text, '\n')), word = line;
        bool is_v4 = false;
        addr from = 0, to = 0;
        if (line.len > LINE_BYTES_MAX)
            return wrong_line(cx, at, line);
        if (str_starts(line, S("ExitNode ")) || str_starts(line, S("Published ")) ||
            str_starts(line, S("LastStatus ")))
            continue;
        if (str_starts(line, S("ExitAddress ")))
            word = str_trim((str){line.ptr + 12, line.len - 12});
        for (size_t i = 0; i < word.len; i++)
            if (strchr("#;, \t", word.ptr[i]) && word.ptr[i])
                word.len = i;
        if (word.len == 0)
            continue;
        if (!network_read(word, &is_v4, &from, &to))
            return wrong_line(cx, at, line);
        addr widest = is_v4 ? (addr)1 << 24 : (addr)1 << 112; /* a /8, a /16 */
        if (to - from >= widest)
            return fault(cx, ERR_INVALID, M_SOURCE_WIDE, MARG("file", at->file),
                         MNUM("line", at->line), MARG("text", str_clean(cx->arena, word, 60)));
        range_add(out, is_v4, from, to, 1);
        if (out->is_full)
            return too_many(cx, at);
    }
    return OK;
}
