/* rooms/import/encoding.c - in which encoding and with which delimiter a file is written.
 *
 * A byte order mark says it; else what is valid UTF-8 is UTF-8 (chance makes none of it); else each
 * encoding that reads the sample without an error is scored by how likely the characters are that it
 * makes of the bytes, together with what ICU's detector says. */
#include "rooms/import/csv.h"
#include <unicode/ucnv.h>
#include <unicode/ucsdet.h>

enum { LOOK_BYTES = 64 << 10, ROWS_LOOKED = 60, SPOT = 64 << 10 };

/* ---- what bytes look like -------------------------------------------------------------------- */

static bool has_high(str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] >= 0x80)
            return true;
    return false;
}

/* Lines with something beyond ASCII, so that a column of numbers does not drown them. */
static str telling_lines(struct arena *a, str sample)
{
    struct text t = text_in(a, LOOK_BYTES);
    while (sample.len && !t.is_over) {
        str line = str_cut(&sample, '\n');
        if (has_high(line) && t.len + line.len + 1 < LOOK_BYTES) {
            text_add(&t, line);
            text_add_char(&t, '\n');
        }
    }
    return text_str(&t);
}

/* Latin text in two-byte units has a NUL in every other place. */
static int by_nuls(str s)
{
    size_t even = 0, odd = 0, n = s.len < 4096 ? s.len & ~(size_t)1 : 4096;
    for (size_t i = 0; i < n; i += 2) {
        even += s.ptr[i] == 0;
        odd += s.ptr[i + 1] == 0;
    }
    if (n < 4 || s.len % 2)
        return -1;
    if (odd > n / 16 && even * 8 < odd)
        return CSV_UTF_16LE;
    return even > n / 16 && odd * 8 < even ? CSV_UTF_16BE : -1;
}

static bool is_ascii_letter(UChar32 c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static double score_cyrillic(UChar32 before, UChar32 c)
{
    bool is_lower = (c >= 0x430 && c <= 0x44F) || c == 0x451,
         is_upper = (c >= 0x410 && c <= 0x42F) || c == 0x401;
    bool after_lower = (before >= 0x430 && before <= 0x44F) || before == 0x451;
    if ((is_lower || is_upper) && is_ascii_letter(before))
        return -0.8; /* one strange letter in a Latin word */
    if (is_lower)
        return 1;
    if (is_upper)
        return after_lower ? -1 : 0.9;
    bool is_mark =
        c == 0xAB || c == 0xBB || c == 0x2116 || (c >= 0x2010 && c <= 0x201E) || c == 0xA0;
    return is_mark ? 0.5 : -0.7;
}

static double score_latin(UChar32 before, UChar32 c)
{
    bool is_letter = c >= 0xC0 && c != 0xD7 && c != 0xF7 && c <= 0xFF;
    if (is_letter)
        return before >= 0xC0 && before <= 0xFF      ? -0.8
               : is_ascii_letter(before) || c < 0xDF ? 0.8
                                                     : 0.4;
    bool is_mark = (c >= 0x2010 && c <= 0x2022) || c == 0x20AC || c == 0xA0 || c == 0xB0;
    return is_mark ? 0.4 : -0.7;
}

static bool is_wide_mark(UChar32 c)
{
    return (c >= 0x3000 && c <= 0x303F) || (c >= 0xFF01 && c <= 0xFF5E);
}

static double score_chinese(UChar32 c, unsigned char lead)
{
    if (c >= 0x4E00 && c <= 0x9FFF)
        return lead >= 0xB0 && lead <= 0xD7 ? 1 : lead > 0xD7 && lead <= 0xF7 ? 0.2 : -0.4;
    return is_wide_mark(c) ? 0.8 : c >= 0x3040 && c <= 0x30FF ? 0.2 : -0.6;
}

static double score_japanese(UChar32 c, unsigned char lead)
{
    if (c >= 0x3040 && c <= 0x30FF)
        return 1.2;
    if (c >= 0x4E00 && c <= 0x9FFF)
        return lead >= 0x88 && lead <= 0x97 ? 0.9 : 0.1; /* the first level of JIS X 0208 */
    if (c >= 0xFF61 && c <= 0xFF9F)
        return -0.3;
    return is_wide_mark(c) ? 0.8 : -0.6;
}

/* Mean over what is not ASCII; -2: it cannot be read so. */
static double score(int encoding, str s)
{
    UErrorCode e = U_ZERO_ERROR;
    static const char *const names[CSV_ENCODING_N] = {[CSV_WINDOWS_1251] = "windows-1251",
                                                      [CSV_WINDOWS_1252] = "windows-1252",
                                                      [CSV_GB18030] = "gb18030",
                                                      [CSV_SHIFT_JIS] = "windows-31j"};
    UConverter *c = ucnv_open(names[encoding], &e);
    if (U_FAILURE(e))
        return -2;
    ucnv_setToUCallBack(c, UCNV_TO_U_CALLBACK_STOP, NULL, NULL, NULL, &e);
    const char *p = s.ptr, *end = s.ptr + s.len;
    double sum = 0;
    size_t n = 0;
    UChar32 before = 0;
    while (p < end && U_SUCCESS(e)) {
        unsigned char lead = (unsigned char)*p;
        UChar32 ch = ucnv_getNextUChar(c, &p, end, &e);
        if (U_FAILURE(e))
            break;
        if (lead >= 0x80) {
            n++;
            sum += encoding == CSV_WINDOWS_1251   ? score_cyrillic(before, ch)
                   : encoding == CSV_WINDOWS_1252 ? score_latin(before, ch)
                   : encoding == CSV_GB18030      ? score_chinese(ch, lead)
                                                  : score_japanese(ch, lead);
        }
        before = ch;
    }
    ucnv_close(c);
    return U_FAILURE(e) ? -2 : n ? sum / (double)n : 0;
}

/* What ICU believes, 0 to 1. */
static double belief(const UCharsetMatch **all, int32_t n, const char *name)
{
    for (int32_t i = 0; i < n; i++) {
        UErrorCode e = U_ZERO_ERROR;
        const char *is = ucsdet_getName(all[i], &e);
        if (U_SUCCESS(e) && is && strcmp(is, name) == 0)
            return (double)ucsdet_getConfidence(all[i], &e) / 100;
    }
    return 0;
}

static int by_likeness(str telling)
{
    static const struct {
        int encoding;
        const char *icu;
    } those[] = {{CSV_WINDOWS_1251, "windows-1251"},
                 {CSV_GB18030, "GB18030"},
                 {CSV_SHIFT_JIS, "Shift_JIS"},
                 {CSV_WINDOWS_1252, "windows-1252"}};
    UErrorCode e = U_ZERO_ERROR;
    UCharsetDetector *d = ucsdet_open(&e);
    const UCharsetMatch **all = NULL;
    int32_t n = 0;
    if (U_SUCCESS(e))
        ucsdet_setText(d, telling.ptr, (int32_t)telling.len, &e);
    if (U_SUCCESS(e))
        all = ucsdet_detectAll(d, &n, &e);
    if (U_FAILURE(e))
        n = 0;
    int best = -1;
    double most = -2;
    for (size_t i = 0; i < COUNT(those); i++) {
        double s = score(those[i].encoding, telling);
        if (s <= -2)
            continue;
        s += belief(all, n, those[i].icu) / 2;
        if (s > most) {
            most = s;
            best = those[i].encoding;
        }
    }
    if (d)
        ucsdet_close(d);
    return best;
}

/* Without a character that was cut at the end. */
static str without_half(str s)
{
    for (int i = 0; i < 3 && s.len && !str_is_utf8(s); i++)
        s.len--;
    return s;
}

int csv_encoding_find(str s, size_t *bom)
{
    *bom = 0;
    if (str_starts(s, S("\xEF\xBB\xBF"))) {
        *bom = 3;
        return CSV_UTF_8;
    }
    if (str_starts(s, S("\xFF\xFE")) || str_starts(s, S("\xFE\xFF"))) {
        *bom = 2;
        return s.ptr[0] == '\xFF' ? CSV_UTF_16LE : CSV_UTF_16BE;
    }
    int found = by_nuls(s);
    if (found >= 0)
        return found;
    if (!has_high(s) || str_is_utf8(without_half(s)))
        return CSV_UTF_8;
    struct arena *a = arena_open((size_t)4 << 20);
    if (!a)
        return -1;
    str telling = telling_lines(a, s);
    if (telling.len == 0)
        telling = (str){s.ptr, s.len < LOOK_BYTES ? s.len : LOOK_BYTES};
    /* One bad line in a UTF-8 file does not make it another encoding. */
    size_t good = 0, bad = 0;
    for (str rest = telling; rest.len;) {
        str line = str_cut(&rest, '\n');
        good += str_is_utf8(line);
        bad += !str_is_utf8(line);
    }
    found = good > 4 * bad ? CSV_UTF_8 : by_likeness(telling);
    arena_close(a);
    return found;
}

/* ---- the delimiter ---------------------------------------------------------------------------------- */

struct bytes {
    str s;
};

static ssize_t bytes_read(void *arg, int64_t at, char *to, size_t n)
{
    const struct bytes *b = arg;
    size_t from = at < (int64_t)b->s.len ? (size_t)at : b->s.len, left = b->s.len - from;
    size_t take = n < left ? n : left;
    memcpy(to, b->s.ptr + from, take);
    return (ssize_t)take;
}

/* Rows with as many cells as the first; more columns and more agreement are better. */
static double agreement(struct arena *a, str sample, struct csv_form form)
{
    struct bytes b = {sample};
    struct csv_source s = {bytes_read, &b, (int64_t)sample.len};
    struct csv *c = csv_open(&s, &form, form.first, 1);
    struct csv_row row;
    size_t first = 0, same = 0, n = 0;
    while (c && n < ROWS_LOOKED && csv_next(c, a, &row) == CSV_ROW) {
        if (row.fault)
            continue;
        if (n++ == 0)
            first = row.cells.n;
        same += row.cells.n == first;
    }
    csv_close(c);
    if (first < 2 || n == 0)
        return 0;
    double share = (double)same / (double)n;
    return share * share * (10 + (double)(first < 50 ? first : 50));
}

static char delimiter_of(str sample, const struct csv_form *form)
{
    static const char each[] = {',', ';', '\t', '|'};
    char best = ',';
    double most = 0;
    struct arena *a = arena_open((size_t)64 << 20);
    for (size_t i = 0; a && i < sizeof each; i++) {
        struct csv_form f = *form;
        f.delimiter = each[i];
        arena_reset(a);
        double x = agreement(a, sample, f);
        if (x > most) {
            most = x;
            best = each[i];
        }
    }
    arena_close(a);
    return best;
}

/* The line "sep=;" that spreadsheets write for each other. */
static bool take_sep(str sample, struct csv_form *f, char *delimiter)
{
    size_t w = f->encoding == CSV_UTF_16LE || f->encoding == CSV_UTF_16BE ? 2 : 1;
    char line[8] = {0};
    size_t n = 0, i = (size_t)f->first, low = f->encoding == CSV_UTF_16BE ? 1 : 0;
    while (n < 7 && i + w <= sample.len && sample.ptr[i + low] != '\r' &&
           sample.ptr[i + low] != '\n') {
        line[n++] = sample.ptr[i + low];
        i += w;
    }
    if (n != 5 || strncmp(line, "sep=", 4) != 0 || !strchr(",;\t|", line[4]))
        return false;
    if (i + w <= sample.len && sample.ptr[i + low] == '\r')
        i += w;
    if (i + w <= sample.len && sample.ptr[i + low] == '\n')
        i += w;
    *delimiter = line[4];
    f->first = (int64_t)i;
    return true;
}

/* A piece from the middle, from the first whole line on. */
static bool spot_add(struct text *t, const struct csv_source *s, int64_t at, char *scratch)
{
    ssize_t n = s->read(s->arg, at, scratch, SPOT);
    str piece = {scratch, n > 0 ? (size_t)n : 0};
    (void)str_cut(&piece, '\n');
    if (piece.len) {
        text_add_char(t, '\n');
        text_add(t, piece);
    }
    return n >= 0;
}

bool csv_form_find(const struct csv_source *s, int encoding, char delimiter, struct csv_form *out)
{
    *out = (struct csv_form){.encoding = encoding, .delimiter = delimiter};
    struct text t = text_on_heap(CSV_SAMPLE + 3 * SPOT);
    char *buf = malloc(CSV_SAMPLE);
    ssize_t n = buf ? s->read(s->arg, 0, buf, CSV_SAMPLE) : -1;
    if (n < 0) {
        free(buf);
        return false;
    }
    str head = {buf, (size_t)n};
    text_add(&t, head);
    size_t bom = 0;
    bool is_read = true;
    int found = csv_encoding_find(head, &bom);
    bool is_narrow = bom == 0 && found != CSV_UTF_16LE && found != CSV_UTF_16BE;
    char *scratch = s->size > CSV_SAMPLE && is_narrow ? malloc(SPOT) : NULL;
    if (scratch) {
        /* UTF-8 may be cut at the end of the head only; the later pieces begin at a line. */
        t.len = without_half(text_str(&t)).len;
        bool has_middle = s->size > CSV_SAMPLE + 2 * SPOT;
        int64_t last = s->size > CSV_SAMPLE + SPOT ? s->size - SPOT : CSV_SAMPLE;
        is_read = (!has_middle || spot_add(&t, s, s->size / 2, scratch)) &&
                  spot_add(&t, s, last, scratch);
        found = csv_encoding_find(text_str(&t), &bom);
        free(scratch);
    }
    if (encoding < 0)
        out->encoding = found < 0 ? CSV_UTF_8 : found;
    bool is_wide = out->encoding == CSV_UTF_16LE || out->encoding == CSV_UTF_16BE;
    out->first = bom == 3 && out->encoding == CSV_UTF_8 ? 3 : bom == 2 && is_wide ? 2 : 0;
    char said = 0;
    bool has_sep = take_sep(head, out, &said);
    if (!delimiter)
        out->delimiter = has_sep ? said : delimiter_of(head, out);
    text_free(&t);
    free(buf);
    return is_read;
}
