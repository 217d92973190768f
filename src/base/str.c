/* base/str.c - views of text: comparing, cutting, checking. */
#include "base/inside.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool str_eq_ascii_nocase(str a, str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.ptr[i]) != lower(b.ptr[i]))
            return false;
    return true;
}

int str_cmp(str a, str b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n ? memcmp(a.ptr, b.ptr, n) : 0;
    if (c)
        return c;
    return a.len < b.len ? -1 : a.len > b.len;
}

bool str_starts(str s, str prefix)
{
    return s.len >= prefix.len && str_eq((str){s.ptr, prefix.len}, prefix);
}

bool str_ends(str s, str suffix)
{
    return s.len >= suffix.len &&
           str_eq((str){s.ptr ? s.ptr + (s.len - suffix.len) : NULL, suffix.len}, suffix);
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

str str_trim(str s)
{
    while (s.len && is_blank(s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    while (s.len && is_blank(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

str str_cut(str *rest, char sep)
{
    const char *at = rest->len ? memchr(rest->ptr, sep, rest->len) : NULL;
    str head = *rest;
    if (!at) {
        *rest = (str){0};
        return head;
    }
    head.len = (size_t)(at - rest->ptr);
    *rest = (str){at + 1, rest->len - head.len - 1};
    return head;
}

ptrdiff_t str_find(str s, str needle)
{
    if (needle.len == 0)
        return 0;
    const char *at = s.len ? memmem(s.ptr, s.len, needle.ptr, needle.len) : NULL;
    return at ? at - s.ptr : -1;
}

bool str_to_int(str s, int64_t *out)
{
    bool is_negative = s.len && s.ptr[0] == '-';
    size_t i = s.len && (s.ptr[0] == '-' || s.ptr[0] == '+');
    if (i == s.len)
        return false;
    int64_t v = 0; /* counted downwards: there is one more negative number */
    for (; i < s.len; i++) {
        if (!is_digit(s.ptr[i]) || __builtin_mul_overflow(v, 10, &v) ||
            __builtin_sub_overflow(v, s.ptr[i] - '0', &v))
            return false;
    }
    if (!is_negative && __builtin_sub_overflow((int64_t)0, v, &v))
        return false;
    *out = v;
    return true;
}

/* Length of the valid UTF-8 sequence at p (Unicode 3.9, table 3-7), 0 when there is none. */
static size_t sequence_len(const unsigned char *p, size_t left)
{
    if (left == 0)
        return 0;
    unsigned c = p[0];
    if (c < 0x80)
        return 1;
    if (c < 0xC2 || c > 0xF4)
        return 0;
    size_t n = c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
    if (left < n)
        return 0;
    unsigned low = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80;
    unsigned high = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    return n;
}

size_t utf8_valid(str s)
{
    const unsigned char *p = (const unsigned char *)s.ptr;
    size_t left = s.len;
    while (left) {
        uint64_t eight;
        if (left >= sizeof eight) {
            memcpy(&eight, p, sizeof eight);
            if (!(eight & 0x8080808080808080u)) {
                p += sizeof eight;
                left -= sizeof eight;
                continue;
            }
        }
        size_t n = sequence_len(p, left);
        if (!n)
            break;
        p += n;
        left -= n;
    }
    return s.len - left;
}

bool str_is_utf8(str s)
{
    return utf8_valid(s) == s.len;
}

size_t str_chars(str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++)
        n += ((unsigned char)s.ptr[i] & 0xC0) != 0x80;
    return n;
}

bool str_is_control(str c)
{
    const unsigned char *p = (const unsigned char *)c.ptr;
    if (c.len == 1)
        return p[0] < 0x20 || p[0] == 0x7F;
    if (c.len == 2)
        return p[0] == 0xC2 && p[1] < 0xA0;
    if (c.len == 3 && p[0] == 0xE2) /* 2028, 2029; 202A-202E, 2066-2069: they turn text around */
        return (p[1] == 0x80 && p[2] >= 0xA8 && p[2] <= 0xAE) ||
               (p[1] == 0x81 && p[2] >= 0xA6 && p[2] <= 0xA9);
    return false;
}

size_t utf8_len(str s)
{
    return sequence_len((const unsigned char *)s.ptr, s.len);
}

int32_t utf8_next(str *s)
{
    if (s->len == 0)
        return -1;
    const unsigned char *p = (const unsigned char *)s->ptr;
    size_t n = p[0] < 0x80 ? 1 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    assert(n <= s->len);
    int32_t c = n == 1 ? p[0] : p[0] & (0x7F >> n);
    for (size_t i = 1; i < n; i++)
        c = c << 6 | (p[i] & 0x3F);
    s->ptr += n;
    s->len -= n;
    return c;
}

void text_add_codepoint(struct text *t, int32_t c)
{
    char b[4];
    size_t n;
    if (c < 0x80) {
        text_add_char(t, (char)c);
        return;
    }
    if (c < 0x800) {
        n = 2;
        b[0] = (char)(0xC0 | c >> 6);
    } else if (c < 0x10000) {
        n = 3;
        b[0] = (char)(0xE0 | c >> 12);
    } else {
        n = 4;
        b[0] = (char)(0xF0 | c >> 18);
    }
    for (size_t i = 1; i < n; i++)
        b[i] = (char)(0x80 | (c >> (6 * (n - 1 - i)) & 0x3F));
    text_add(t, (str){b, n});
}

/* What people and terminals may be shown: every byte that is not clean text becomes U+FFFD. */
str str_clean(struct arena *a, str s, size_t max_chars)
{
    const str replacement = S("\xEF\xBF\xBD"), ellipsis = S("\xE2\x80\xA6");
    struct text t = text_in(a, s.len * 3 + ellipsis.len);
    size_t chars = 0;
    for (size_t i = 0; i < s.len; chars++) {
        if (chars == max_chars) {
            text_add(&t, ellipsis);
            break;
        }
        const unsigned char *p = (const unsigned char *)s.ptr + i;
        size_t n = sequence_len(p, s.len - i);
        if (n == 0 || str_is_control((str){s.ptr + i, n}))
            text_add(&t, replacement);
        else
            text_add(&t, (str){s.ptr + i, n});
        i += n ? n : 1;
    }
    return text_str(&t);
}
