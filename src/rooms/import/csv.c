/* rooms/import/csv.c - finds the end of a row in its raw bytes, decodes it, parts it into cells. */
#include "rooms/import/csv.h"
#include <unicode/ucnv.h>
#include <unicode/ustring.h>

enum { CHUNK = 256 << 10 };
/* Bytes that may be read twice because of open quotes, beside what was read once. */
static const int64_t REREAD_MAX = (int64_t)256 << 20;

const char *const csv_encoding_codes[CSV_ENCODING_N] = {
    "utf-8", "utf-16le", "utf-16be", "windows-1251", "windows-1252", "gb18030", "shift_jis"};
/* As ICU calls them. */
static const char *const icu_names[CSV_ENCODING_N] = {
    "UTF-8", "UTF-16LE", "UTF-16BE", "windows-1251", "windows-1252", "gb18030", "windows-31j"};

struct csv {
    struct csv_source source;
    struct csv_form form;
    UConverter *converter;
    char *buf; /* bytes of the file from `at` on */
    size_t cap, from, len;
    int64_t at, line, reread;
    bool is_whole; /* the buffer ends where the file does */
    UChar *wide;
    size_t wide_cap;
};

struct csv *csv_open(const struct csv_source *s, const struct csv_form *f, int64_t at, int64_t line)
{
    struct csv *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    *c = (struct csv){.source = *s, .form = *f, .at = at, .line = line, .cap = CHUNK};
    c->buf = malloc(c->cap);
    UErrorCode e = U_ZERO_ERROR;
    if (f->encoding != CSV_UTF_8) {
        c->converter = ucnv_open(icu_names[f->encoding], &e);
        if (U_SUCCESS(e))
            ucnv_setToUCallBack(c->converter, UCNV_TO_U_CALLBACK_STOP, NULL, NULL, NULL, &e);
    }
    if (!c->buf || U_FAILURE(e)) {
        csv_close(c);
        return NULL;
    }
    return c;
}

void csv_close(struct csv *c)
{
    if (!c)
        return;
    if (c->converter)
        ucnv_close(c->converter);
    free(c->wide);
    free(c->buf);
    free(c);
}

int64_t csv_at(const struct csv *c)
{
    return c->at;
}

int64_t csv_line(const struct csv *c)
{
    return c->line;
}

/* More bytes behind those that are there; false: there are none, or they cannot be read. */
static bool refill(struct csv *c, bool *is_broken)
{
    if (c->is_whole)
        return false;
    if (c->from) {
        memmove(c->buf, c->buf + c->from, c->len - c->from);
        c->len -= c->from;
        c->from = 0;
    }
    if (c->len == c->cap) {
        assert(c->cap);
        char *more = realloc(c->buf, c->cap * 2);
        if (!more) {
            *is_broken = true;
            return false;
        }
        c->buf = more;
        c->cap *= 2;
    }
    ssize_t n =
        c->source.read(c->source.arg, c->at + (int64_t)c->len, c->buf + c->len, c->cap - c->len);
    if (n < 0) {
        *is_broken = true;
        return false;
    }
    c->is_whole = (size_t)n < c->cap - c->len;
    c->len += (size_t)n;
    return true;
}

/* ---- the end of a row -------------------------------------------------------------------------- */

/* Bytes of the character at p: only so far as to not take a part of one for a quote or delimiter. */
static size_t step(int encoding, const unsigned char *p, size_t left)
{
    unsigned char c = p[0];
    size_t n = 1;
    if (encoding == CSV_UTF_16LE || encoding == CSV_UTF_16BE)
        n = 2;
    else if (encoding == CSV_GB18030 && c >= 0x81 && c <= 0xFE)
        n = left > 3 && is_digit((char)p[1]) && p[2] >= 0x81 && is_digit((char)p[3]) ? 4
            : left > 1 && p[1] >= 0x40                                               ? 2
                                                                                     : 1;
    else if (encoding == CSV_SHIFT_JIS && ((c >= 0x81 && c <= 0x9F) || (c >= 0xE0 && c <= 0xFC)))
        n = left > 1 && p[1] >= 0x40 ? 2 : 1;
    return n < left ? n : left;
}

/* The character as ASCII; 0x80: something else. */
static unsigned char ascii_at(int encoding, const unsigned char *p, size_t n)
{
    if (encoding == CSV_UTF_16LE)
        return n == 2 && p[1] == 0 && p[0] < 0x80 ? p[0] : 0x80;
    if (encoding == CSV_UTF_16BE)
        return n == 2 && p[0] == 0 && p[1] < 0x80 ? p[1] : 0x80;
    return n == 1 && p[0] < 0x80 ? p[0] : 0x80;
}

struct span {
    size_t end, next; /* of the row's text, of its line end */
    int64_t lines;
    enum csv_fault fault;
    bool wants_more, is_open; /* is_open: where the row ends was not found */
};

enum place { AT_START, IN_PLAIN, IN_QUOTES, BEHIND_QUOTE };

/* Looks for the end of the row that starts at p; n bytes are there. */
static struct span span_of(const struct csv *c, const unsigned char *p, size_t n)
{
    struct span s = {0};
    int encoding = c->form.encoding;
    enum place at = AT_START;
    size_t i = 0;
    while (i < n) {
        size_t w = step(encoding, p + i, n - i);
        unsigned char ch = ascii_at(encoding, p + i, w);
        size_t after = i + w;
        bool is_end = ch == '\n' || ch == '\r';
        if (ch == '\r') {
            if (after == n && !c->is_whole) {
                s.wants_more = true;
                return s;
            }
            size_t w2 = after < n ? step(encoding, p + after, n - after) : 0;
            if (w2 && ascii_at(encoding, p + after, w2) == '\n')
                after += w2;
        }
        s.lines += is_end;
        if (is_end && at != IN_QUOTES) {
            s.end = i;
            s.next = after;
            return s;
        }
        if (at == IN_QUOTES) {
            if (ch == '"')
                at = BEHIND_QUOTE;
        } else if (ch == (unsigned char)c->form.delimiter) {
            at = AT_START;
        } else if (ch == '"' && at == AT_START) {
            at = IN_QUOTES;
        } else if (ch == '"' && at == BEHIND_QUOTE) {
            at = IN_QUOTES;
        } else if (at == BEHIND_QUOTE) {
            s.fault = s.lines ? CSV_QUOTE_OPEN : CSV_QUOTE_TEXT;
            s.is_open = true;
            s.next = after;
            return s;
        } else {
            at = IN_PLAIN;
        }
        i = after;
    }
    if (!c->is_whole && n <= CSV_ROW_MAX) {
        s.wants_more = true;
        return s;
    }
    s.end = s.next = n;
    s.is_open = !c->is_whole || at == IN_QUOTES;
    s.fault = !c->is_whole ? CSV_ROW_BIG : at == IN_QUOTES ? CSV_QUOTE_OPEN : CSV_SOUND;
    return s;
}

/* The end of the line alone, for rows whose quotes cannot be believed. 0: not among the n bytes. */
static size_t line_end(const struct csv *c, const unsigned char *p, size_t n, size_t *text_end)
{
    int encoding = c->form.encoding;
    for (size_t i = 0; i < n;) {
        size_t w = step(encoding, p + i, n - i);
        unsigned char ch = ascii_at(encoding, p + i, w);
        size_t after = i + w;
        if (ch == '\r' && after < n) {
            size_t w2 = step(encoding, p + after, n - after);
            *text_end = i;
            return ascii_at(encoding, p + after, w2) == '\n' ? after + w2 : after;
        }
        if (ch == '\n') {
            *text_end = i;
            return after;
        }
        i = after;
    }
    *text_end = n;
    return 0;
}

/* ---- one row --------------------------------------------------------------------------------------- */

static bool decode(struct csv *c, struct arena *a, str raw, char **out, size_t *n)
{
    if (c->form.encoding == CSV_UTF_8) {
        *out = arena_alloc(a, raw.len + 1, 1);
        memcpy(*out, raw.ptr, raw.len);
        *n = raw.len;
        return str_is_utf8(raw);
    }
    size_t need = raw.len + 16;
    if (need > c->wide_cap) {
        free(c->wide);
        c->wide = malloc(need * sizeof *c->wide);
        c->wide_cap = c->wide ? need : 0;
    }
    if (!c->wide)
        return false;
    UErrorCode e = U_ZERO_ERROR;
    ucnv_resetToUnicode(c->converter);
    int32_t wide =
        ucnv_toUChars(c->converter, c->wide, (int32_t)c->wide_cap, raw.ptr, (int32_t)raw.len, &e);
    if (U_FAILURE(e))
        return false;
    size_t most = (size_t)wide * 3 + 1;
    *out = arena_alloc(a, most, 1);
    int32_t len = 0;
    e = U_ZERO_ERROR;
    u_strToUTF8(*out, (int32_t)most, &len, c->wide, wide, &e);
    *n = (size_t)len;
    return U_SUCCESS(e);
}

/* Cells lie in the row's own text, which loses its doubled quotes in place. */
static enum csv_fault part(struct csv *c, struct arena *a, char *p, size_t n, struct str_list *out)
{
    size_t cells = 1;
    for (size_t i = 0; i < n; i++)
        cells += p[i] == c->form.delimiter;
    if (cells > CSV_COLUMNS_MAX * 8)
        return CSV_MANY_COLUMNS;
    out->items = ARENA_ARRAY(a, cells, str);
    out->n = 0;
    for (size_t i = 0;;) {
        if (out->n == CSV_COLUMNS_MAX)
            return CSV_MANY_COLUMNS;
        size_t from = i, to;
        if (i < n && p[i] == '"') {
            from = to = ++i;
            while (i < n && (p[i] != '"' || (i + 1 < n && p[i + 1] == '"'))) {
                i += p[i] == '"';
                p[to++] = p[i++];
            }
            i++; /* the closing quote; span_of saw it */
        } else {
            while (i < n && p[i] != c->form.delimiter)
                i++;
            to = i;
        }
        if (to - from > CSV_CELL_MAX)
            return CSV_CELL_BIG;
        out->items[out->n++] = (str){p + from, to - from};
        if (i >= n)
            return CSV_SOUND;
        i++; /* the delimiter */
    }
}

static void take(struct csv *c, size_t bytes, int64_t lines)
{
    c->from += bytes;
    c->at += (int64_t)bytes;
    c->line += lines;
}

/* A line too long for the buffer: passes over it. */
static enum csv_next pass_line(struct csv *c, struct csv_row *out)
{
    bool is_broken = false;
    for (;;) {
        size_t text_end = 0;
        const unsigned char *p = (const unsigned char *)c->buf + c->from;
        size_t n = c->len - c->from, end = line_end(c, p, n, &text_end);
        if (end) {
            take(c, end, 1);
            break;
        }
        size_t keep = c->is_whole || n < 8 ? 0 : (n % 2) + 4; /* a CR, or half a character */
        take(c, n - keep, 0);
        if (!refill(c, &is_broken))
            break;
    }
    out->bytes = c->at - out->at;
    return is_broken ? CSV_UNREADABLE : CSV_ROW;
}

enum csv_next csv_next(struct csv *c, struct arena *a, struct csv_row *out)
{
    for (;;) {
        bool is_broken = false;
        const unsigned char *p = (const unsigned char *)c->buf + c->from;
        size_t n = c->len - c->from;
        if (n == 0 && c->is_whole)
            return CSV_END;
        struct span s = {.wants_more = true};
        if (n)
            s = span_of(c, p, n);
        if (s.wants_more) {
            if (!refill(c, &is_broken) && is_broken)
                return CSV_UNREADABLE;
            continue;
        }
        *out = (struct csv_row){.at = c->at, .line = c->line, .fault = s.fault};
        if (s.is_open) {
            c->reread += (int64_t)s.next;
            if (c->reread > REREAD_MAX + 4 * c->at)
                return CSV_HOPELESS;
            return pass_line(c, out);
        }
        str raw = {(const char *)p, s.end};
        out->bytes = (int64_t)s.next;
        if (raw.len == 0) {
            take(c, s.next, s.lines);
            continue;
        }
        char *text = NULL;
        size_t len = 0;
        if (raw.len > CSV_ROW_MAX)
            out->fault = CSV_ROW_BIG;
        else if (!decode(c, a, raw, &text, &len))
            out->fault = CSV_NOT_ENCODING;
        else if (memchr(text, 0, len))
            out->fault = CSV_NUL;
        else
            out->fault = part(c, a, text, len, &out->cells);
        take(c, s.next, s.lines);
        return CSV_ROW;
    }
}

/* ---- writing -------------------------------------------------------------------------------------------- */

bool csv_encode(struct arena *a, int encoding, str text, str *out)
{
    *out = text;
    if (encoding == CSV_UTF_8)
        return true;
    UErrorCode e = U_ZERO_ERROR;
    int32_t wide = 0;
    UChar *w = arena_alloc(a, text.len + 1, sizeof *w);
    u_strFromUTF8(w, (int32_t)text.len + 1, &wide, text.ptr, (int32_t)text.len, &e);
    UConverter *c = U_SUCCESS(e) ? ucnv_open(icu_names[encoding], &e) : NULL;
    if (!c)
        return false;
    ucnv_setFromUCallBack(c, UCNV_FROM_U_CALLBACK_STOP, NULL, NULL, NULL, &e);
    int32_t most = UCNV_GET_MAX_BYTES_FOR_STRING(wide, ucnv_getMaxCharSize(c));
    char *p = arena_alloc(a, (size_t)most + 1, 1);
    int32_t n = ucnv_fromUChars(c, p, most, w, wide, &e);
    ucnv_close(c);
    *out = (str){p, (size_t)(n > 0 ? n : 0)};
    return U_SUCCESS(e);
}

/* +7 727 250 00 18, -12.50: a spreadsheet makes no formula of what has no letter, no comma and no
 * second sign in it. */
static bool is_plain_number(str s)
{
    if (s.len < 2 || (s.ptr[0] != '+' && s.ptr[0] != '-') || !is_digit(s.ptr[1]))
        return false;
    for (size_t i = 1; i < s.len; i++)
        if (!is_digit(s.ptr[i]) && s.ptr[i] != '.')
            return false;
    return true;
}

static bool is_formula(str s)
{
    return s.len && memchr("=+-@\t\r", s.ptr[0], 6) && !is_plain_number(s);
}

void csv_cell_write(struct text *t, str cell)
{
    /* An apostrophe that was there already, before such a sign, is doubled. */
    str behind = cell;
    while (behind.len && behind.ptr[0] == '\'')
        behind = (str){behind.ptr + 1, behind.len - 1};
    bool is_guarded = is_formula(behind), is_quoted = is_guarded;
    for (size_t i = 0; i < cell.len && !is_quoted; i++)
        is_quoted = memchr(",;\t|\"\r\n", cell.ptr[i], 7) != NULL;
    if (cell.len && (cell.ptr[0] == ' ' || cell.ptr[cell.len - 1] == ' '))
        is_quoted = true;
    if (!is_quoted) {
        text_add(t, cell);
        return;
    }
    text_add_char(t, '"');
    if (is_guarded)
        text_add_char(t, '\'');
    for (size_t from = 0, i = 0; i <= cell.len; i++)
        if (i == cell.len || cell.ptr[i] == '"') {
            text_add(t, (str){cell.ptr + from, i - from});
            if (i < cell.len)
                text_add(t, S("\"\""));
            from = i + 1;
        }
    text_add_char(t, '"');
}

str csv_cell_plain(str cell)
{
    str behind = cell;
    while (behind.len && behind.ptr[0] == '\'')
        behind = (str){behind.ptr + 1, behind.len - 1};
    return behind.len < cell.len && is_formula(behind) ? (str){cell.ptr + 1, cell.len - 1} : cell;
}
