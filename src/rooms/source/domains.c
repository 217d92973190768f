/* rooms/source/domains.c - lists of domains and of public suffixes, read and brought into order. */
#include "messages.h"
#include "rooms/source/inside.h"
#include <unicode/uidna.h>

void domains_free(struct domains *d)
{
    free(d->items);
    arena_close(d->arena);
    *d = (struct domains){0};
}

static void add(struct domains *d, char kind, str domain)
{
    if (!d->arena)
        d->arena = arena_open((size_t)256 << 20);
    if (d->n == d->cap && !d->is_full) {
        size_t cap = d->cap ? d->cap * 2 : 256;
        str *more = d->n < DOMAINS_MAX ? realloc(d->items, cap * sizeof *more) : NULL;
        d->is_full = !more;
        if (more) {
            d->items = more;
            d->cap = cap;
        }
    }
    size_t extra = kind ? 1 : 0;
    char *copy = d->arena && !d->is_full ? arena_try(d->arena, domain.len + extra + 1, 1) : NULL;
    if (!copy) {
        d->is_full = true;
        return;
    }
    copy[0] = kind;
    memcpy(copy + extra, domain.ptr, domain.len);
    d->items[d->n++] = (str){copy, domain.len + extra};
}

static enum err wrong_line(struct cx *cx, const struct place *at, str text)
{
    return fault(cx, ERR_INVALID, M_SOURCE_LINE, MARG("file", at->file), MNUM("line", at->line),
                 MARG("text", str_clean(cx->arena, text, 60)));
}

static str word_next(str *line)
{
    static const char between[] = " \t\",;[]'";
    size_t from = 0;
    while (from < line->len && line->ptr[from] && strchr(between, line->ptr[from]))
        from++;
    size_t to = from;
    while (to < line->len && !(line->ptr[to] && strchr(between, line->ptr[to])))
        to++;
    str word = {line->ptr + from, to - from};
    *line = (str){line->ptr + to, line->len - to};
    return word;
}

enum err domain_list_read(struct cx *cx, struct place *at, str text, struct domains *out)
{
    struct arena *a = arena_open(1 << 16);
    enum err e = a ? OK : fault(cx, ERR_INTERNAL, M_GATE_MEMORY);
    for (at->line = 1; e == OK && text.len; at->line++) {
        str line = str_trim(str_cut(&text, '\n'));
        if (str_starts(line, S("#")) || str_starts(line, S("//")))
            continue;
        if (line.len > LINE_BYTES_MAX)
            e = wrong_line(cx, at, line);
        while (e == OK && line.len) {
            str word = word_next(&line), normal = {0};
            if (str_starts(word, S("#")))
                break;
            if (str_starts(word, S("*.")))
                word = (str){word.ptr + 2, word.len - 2};
            while (word.len && (word.ptr[0] == '@' || word.ptr[0] == '.'))
                word = (str){word.ptr + 1, word.len - 1};
            if (!word.len)
                continue;
            arena_reset(a);
            if (word.len > 253 || !email_read(a, arena_printf(a, "a@" SFMT, SARG(word)), &normal)) {
                e = wrong_line(cx, at, word);
                break;
            }
            add(out, 0, (str){normal.ptr + 2, normal.len - 2});
        }
        if (e == OK && out->is_full)
            e = fault(cx, ERR_TOO_BIG, M_SOURCE_MANY, MARG("file", at->file));
    }
    arena_close(a);
    return e;
}

/* A rule in ASCII; false: it is none. */
static bool rule_to_ascii(UIDNA *idna, str rule, char *out, size_t cap, size_t *n)
{
    bool is_plain = rule.len > 0 && rule.len < cap;
    for (size_t i = 0; i < rule.len && is_plain; i++) {
        char c = rule.ptr[i];
        bool is_capital = c >= 'A' && c <= 'Z';
        is_plain = (c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '.' || is_capital;
        out[i] = (char)(is_capital ? c | 0x20 : c);
    }
    *n = rule.len;
    if (is_plain)
        return str_find(rule, S("..")) < 0 && rule.ptr[0] != '.' && rule.ptr[rule.len - 1] != '.';
    UErrorCode e = U_ZERO_ERROR;
    UIDNAInfo info = UIDNA_INFO_INITIALIZER;
    if (rule.len == 0 || rule.len > 253)
        return false;
    int32_t len =
        uidna_nameToASCII_UTF8(idna, rule.ptr, (int32_t)rule.len, out, (int32_t)cap, &info, &e);
    *n = len > 0 ? (size_t)len : 0;
    for (size_t i = 0; i < *n && i < cap; i++)
        if (!((out[i] >= 'a' && out[i] <= 'z') || is_digit(out[i]) || out[i] == '-' ||
              out[i] == '.'))
            return false;
    return U_SUCCESS(e) && !info.errors && len > 0 && (size_t)len < cap;
}

enum err suffix_list_read(struct cx *cx, struct place *at, str text, struct domains *out)
{
    UErrorCode u = U_ZERO_ERROR;
    UIDNA *idna = uidna_openUTS46(UIDNA_NONTRANSITIONAL_TO_ASCII, &u);
    enum err e = idna && U_SUCCESS(u) ? OK : fault(cx, ERR_INTERNAL, M_GATE_MEMORY);
    for (at->line = 1; e == OK && text.len; at->line++) {
        str line = str_trim(str_cut(&text, '\n'));
        char ascii[256];
        size_t n = 0;
        if (line.len == 0 || str_starts(line, S("//")))
            continue;
        str rule = str_cut(&line, ' ');
        char kind = '=';
        if (rule.ptr[0] == '!') {
            kind = '!';
            rule = (str){rule.ptr + 1, rule.len - 1};
        } else if (str_starts(rule, S("*."))) {
            kind = '*';
            rule = (str){rule.ptr + 2, rule.len - 2};
        }
        if (!rule_to_ascii(idna, rule, ascii, sizeof ascii, &n))
            e = wrong_line(cx, at, rule);
        else
            add(out, kind, (str){ascii, n});
        if (e == OK && out->is_full)
            e = fault(cx, ERR_TOO_BIG, M_SOURCE_MANY, MARG("file", at->file));
    }
    uidna_close(idna);
    return e;
}

static int by_bytes(const void *a, const void *b)
{
    return str_cmp(*(const str *)a, *(const str *)b);
}

void domains_order(struct domains *d)
{
    size_t n = 0;
    if (d->n)
        qsort(d->items, d->n, sizeof *d->items, by_bytes);
    for (size_t i = 0; i < d->n; i++)
        if (n == 0 || !str_eq(d->items[i], d->items[n - 1]))
            d->items[n++] = d->items[i];
    d->n = n;
}
