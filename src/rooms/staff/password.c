/* rooms/staff/password.c - which passwords are refused: too short, among the commonest, or built of
 * little else. */
#include "rooms/staff/staff_inner.h"

enum { PARTS_MAX = 2, FOLDED_MAX = 128 };

/* The house's and the person's own words, of three letters and more. */
struct own {
    str words[24];
    size_t n;
};

static bool is_word_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (unsigned char)c >= 0x80;
}

static str folded(struct arena *a, str s)
{
    char *p = arena_alloc(a, s.len + 1, 1);
    for (size_t i = 0; i < s.len; i++)
        p[i] = s.ptr[i] >= 'A' && s.ptr[i] <= 'Z' ? (char)(s.ptr[i] + 32) : s.ptr[i];
    return (str){p, s.len};
}

static void own_add(struct cx *cx, struct own *o, str text)
{
    str f = folded(cx->arena, text);
    for (size_t i = 0; i < f.len;) {
        size_t from = i;
        while (i < f.len && is_word_byte(f.ptr[i]))
            i++;
        if (i - from >= 3 && o->n < COUNT(o->words))
            o->words[o->n++] = (str){f.ptr + from, i - from};
        i += i == from;
    }
}

/* Bytes of a run at the front: digits, marks, one character again and again, or its neighbours in
 * order ("abcd", "4321"). */
static size_t run_len(str s)
{
    size_t loose = 0, same = 1, up = 1, down = 1;
    while (loose < s.len && !is_word_byte(s.ptr[loose]))
        loose++;
    while (same < s.len && s.ptr[same] == s.ptr[0])
        same++;
    while (up < s.len && s.ptr[up] == s.ptr[up - 1] + 1)
        up++;
    while (down < s.len && s.ptr[down] == s.ptr[down - 1] - 1)
        down++;
    size_t most = loose;
    most = same >= 3 && same > most ? same : most;
    most = up >= 3 && up > most ? up : most;
    return down >= 3 && down > most ? down : most;
}

static bool is_known_word(const struct own *o, str w)
{
    for (size_t i = 0; i < o->n; i++)
        if (str_eq(o->words[i], w))
            return true;
    return w.len >= 4 && word_is_common(w);
}

/* Nothing but runs and at most PARTS_MAX different known words: fewest words to reach each byte. A
 * word said again is no second word. */
static bool is_built_of_little(const struct own *o, str s)
{
    enum { NONE = 100 };
    uint8_t words[FOLDED_MAX + 1];
    str last[FOLDED_MAX + 1] = {{0}};
    memset(words, NONE, sizeof words);
    words[0] = 0;
    for (size_t at = 0; at < s.len; at++) {
        if (words[at] >= NONE)
            continue;
        str rest = {s.ptr + at, s.len - at};
        for (size_t n = 1, most = run_len(rest); n <= most; n++) {
            if (words[at] < words[at + n]) {
                words[at + n] = words[at];
                last[at + n] = last[at];
            }
        }
        for (size_t n = 3; n <= rest.len && n <= 32; n++) {
            str w = {rest.ptr, n};
            if (!is_known_word(o, w))
                continue;
            uint8_t used = (uint8_t)(words[at] + (str_eq(last[at], w) ? 0 : 1));
            if (used < words[at + n]) {
                words[at + n] = used;
                last[at + n] = w;
            }
        }
    }
    return words[s.len] <= PARTS_MAX;
}

enum err staff_password_check(struct cx *cx, str password, str own_name, str own_email)
{
    if (password.len > PASSWORD_MAX)
        return fault_field(cx, ERR_INVALID, S("password"), M_PASSWORD_LONG);
    if (!str_is_utf8(password) || str_chars(password) < PASSWORD_MIN)
        return fault_field(cx, ERR_INVALID, S("password"), M_PASSWORD_SHORT);
    if (password.len > FOLDED_MAX)
        return OK;
    struct own own = {0};
    own_add(cx, &own, S("kith"));
    own_add(cx, &own, own_name);
    own_add(cx, &own, own_email);
    own_add(cx, &own, settings_current(cx)->company);
    if (is_built_of_little(&own, folded(cx->arena, password)))
        return fault_field(cx, ERR_INVALID, S("password"), M_PASSWORD_COMMON);
    return OK;
}
