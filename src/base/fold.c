/* base/fold.c - the one form in which texts of people are compared. */
#include "base/inside.h"
#include "base/person.h"
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

/* ASCII needs no tables: the capitals become small. */
static bool fold_ascii(char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] >= 0x80)
            return false;
    for (size_t i = 0; i < n; i++)
        if (s[i] >= 'A' && s[i] <= 'Z')
            s[i] = (char)(s[i] + 32);
    return true;
}

/* Runs of blanks become one, those at the ends go. */
static str blanks_single(char *s, size_t n)
{
    size_t m = 0;
    for (size_t i = 0; i < n; i++) {
        bool is_blank = s[i] == ' ' || s[i] == '\t' || s[i] == '\n' || s[i] == '\r';
        if (!is_blank)
            s[m++] = s[i];
        else if (m && s[m - 1] != ' ')
            s[m++] = ' ';
    }
    return (str){s, m && s[m - 1] == ' ' ? m - 1 : m};
}

str text_fold(struct arena *a, str s)
{
    char *plain = arena_cstr(a, s);
    if (fold_ascii(plain, s.len))
        return blanks_single(plain, s.len);
    if (!str_is_utf8(s))
        s = str_clean(a, s, s.len);
    UErrorCode e = U_ZERO_ERROR;
    const UNormalizer2 *nfkc_cf = unorm2_getNFKCCasefoldInstance(&e);
    int32_t n16 = 0, n = 0, n8 = 0, cap = (int32_t)s.len + 1;
    UChar *u = ARENA_ARRAY(a, (size_t)cap, UChar);
    u_strFromUTF8(u, cap, &n16, s.ptr, (int32_t)s.len, &e);
    n = unorm2_normalize(nfkc_cf, u, n16, NULL, 0, &e);
    if (e == U_BUFFER_OVERFLOW_ERROR)
        e = U_ZERO_ERROR;
    UChar *f = ARENA_ARRAY(a, (size_t)n + 1, UChar);
    n = unorm2_normalize(nfkc_cf, u, n16, f, n + 1, &e);
    char *out = ARENA_ARRAY(a, 3 * (size_t)n + 1, char);
    u_strToUTF8(out, 3 * n + 1, &n8, f, n, &e);
    return U_FAILURE(e) ? s : blanks_single(out, (size_t)n8);
}
