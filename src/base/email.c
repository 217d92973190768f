/* base/email.c - e-mail addresses: is it one, and what is its one normal form?
 *
 * Local parts are taken as mail systems use them, not as the grammar dreams of them: two dots in a
 * row and a dot at the end exist in Japan; quoted local parts and [1.2.3.4] do not come from
 * people. */
#include "base/inside.h"
#include "base/person.h"
#include <pthread.h>
#include <unicode/uidna.h>

enum { ADDRESS_MAX = 254, LOCAL_MAX = 64, LABEL_MAX = 63 };

static UIDNA *idna;
static pthread_once_t idna_once = PTHREAD_ONCE_INIT;

static void idna_open(void)
{
    UErrorCode e = U_ZERO_ERROR;
    idna = uidna_openUTS46(UIDNA_USE_STD3_RULES | UIDNA_CHECK_BIDI | UIDNA_CHECK_CONTEXTJ |
                               UIDNA_NONTRANSITIONAL_TO_ASCII,
                           &e);
    if (U_FAILURE(e))
        idna = NULL;
}

static bool is_ascii_letter(char c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static bool local_is_right(str s)
{
    if (s.len == 0 || s.len > LOCAL_MAX || s.ptr[0] == '.')
        return false;
    while (s.len) {
        size_t n = utf8_len(s);
        char c = s.ptr[0];
        if (n == 1 && !is_ascii_letter(c) && !is_digit(c) &&
            (c == '\0' || !strchr("!#$%&'*+-/=?^_`{|}~.", c)))
            return false;
        if (str_is_control((str){s.ptr, n}) || (n == 3 && memcmp(s.ptr, "\u3000", 3) == 0) ||
            (n == 2 && memcmp(s.ptr, "\xC2\xA0", 2) == 0)) /* blanks that are not ASCII */
            return false;
        s.ptr += n;
        s.len -= n;
    }
    return true;
}

/* Letters, digits and inner hyphens; lower case. */
static bool ascii_label(str label, char *to)
{
    if (label.len == 0 || label.len > LABEL_MAX || label.ptr[0] == '-' ||
        label.ptr[label.len - 1] == '-')
        return false;
    for (size_t i = 0; i < label.len; i++) {
        char c = label.ptr[i];
        if (is_ascii_letter(c))
            c |= 0x20;
        else if (!is_digit(c) && c != '-')
            return false;
        to[i] = c;
    }
    return true;
}

/* A name with a point in it whose last label is not a number. */
static bool ascii_domain(str s, char *to)
{
    size_t labels = 0, at = 0;
    str label = {0};
    for (str rest = s; rest.ptr; labels++) {
        label = str_cut(&rest, '.');
        if (!ascii_label(label, to + at))
            return false;
        at += label.len;
        if (rest.ptr)
            to[at++] = '.';
    }
    bool is_number = true;
    for (size_t i = 0; i < label.len; i++)
        is_number &= is_digit(label.ptr[i]);
    return labels >= 2 && !is_number;
}

static bool is_plain(str s)
{
    for (size_t i = 0; i < s.len; i++) {
        bool is_label_start = i == 0 || s.ptr[i - 1] == '.';
        if ((unsigned char)s.ptr[i] >= 0x80 ||
            (is_label_start && s.len - i >= 4 &&
             str_eq_ascii_nocase((str){s.ptr + i, 4}, S("xn--"))))
            return false;
    }
    return true;
}

static bool domain_to_ascii(str s, char *to, size_t cap, size_t *len)
{
    UErrorCode e = U_ZERO_ERROR;
    UIDNAInfo info = UIDNA_INFO_INITIALIZER;
    char ascii[ADDRESS_MAX + 1];
    if (is_plain(s)) {
        *len = s.len;
        return s.len < cap && ascii_domain(s, to);
    }
    pthread_once(&idna_once, idna_open);
    if (!idna)
        return false;
    int32_t n = uidna_nameToASCII_UTF8(idna, s.ptr, (int32_t)s.len, ascii, sizeof ascii, &info, &e);
    if (U_FAILURE(e) || info.errors || n <= 0 || (size_t)n >= sizeof ascii || (size_t)n >= cap)
        return false;
    *len = (size_t)n;
    return ascii_domain((str){ascii, (size_t)n}, to);
}

bool email_read(struct arena *a, str as_given, str *normal)
{
    char out[ADDRESS_MAX + 2];
    str s = str_trim(as_given);
    const char *at = s.len && s.len <= ADDRESS_MAX * 2 ? memrchr(s.ptr, '@', s.len) : NULL;
    if (!at || !str_is_utf8(s))
        return false;
    str local = {s.ptr, (size_t)(at - s.ptr)};
    str domain = {at + 1, s.len - local.len - 1};
    if (!local_is_right(local) || domain.len == 0)
        return false;
    for (size_t i = 0; i < local.len; i++)
        out[i] =
            (char)(local.ptr[i] >= 'A' && local.ptr[i] <= 'Z' ? local.ptr[i] | 0x20 : local.ptr[i]);
    out[local.len] = '@';
    size_t n = 0;
    if (!domain_to_ascii(domain, out + local.len + 1, sizeof out - local.len - 1, &n) ||
        local.len + 1 + n > ADDRESS_MAX)
        return false;
    *normal = arena_str(a, (str){out, local.len + 1 + n});
    return true;
}
