/* rooms/import/csv.h - rows of a CSV file of any size in constant memory.
 *
 * RFC 4180, as the world writes it: delimiter , ; tab or |, quotes with line ends inside, CR LF, LF
 * or CR. A row keeps its place in the file, so that reading can go on there and the row's own bytes
 * can be given back. A row that cannot be read (a quote that is never closed, a NUL, bytes that are
 * not of the encoding …) comes back with its fault and costs no other: reading goes on with the next
 * line.
 */
#pragma once
#include "base/field.h"

enum csv_encoding {
    CSV_UTF_8,
    CSV_UTF_16LE,
    CSV_UTF_16BE,
    CSV_WINDOWS_1251,
    CSV_WINDOWS_1252,
    CSV_GB18030,
    CSV_SHIFT_JIS,
    CSV_ENCODING_N
};
extern const char *const csv_encoding_codes[CSV_ENCODING_N];

enum {
    CSV_ROW_MAX = 4 << 20, /* bytes of a row, its line ends included */
    CSV_CELL_MAX = 1 << 20,
    CSV_COLUMNS_MAX = 1000,
    CSV_SAMPLE = 256 << 10
};

enum csv_fault {
    CSV_SOUND,
    CSV_NUL,          /* a NUL character */
    CSV_NOT_ENCODING, /* bytes that the encoding does not have */
    CSV_QUOTE_OPEN,   /* the quote is never closed */
    CSV_QUOTE_TEXT,   /* text behind the closing quote */
    CSV_ROW_BIG,
    CSV_CELL_BIG,
    CSV_MANY_COLUMNS,
    CSV_FAULT_N
};

struct csv_form {
    int encoding;
    char delimiter;
    int64_t first; /* where the first row begins: behind the byte order mark and a line "sep=;" */
};
/* Reads n bytes (fewer only at the end) from a place in the file; -1: it cannot be read. */
struct csv_source {
    ssize_t (*read)(void *arg, int64_t at, char *to, size_t n);
    void *arg;
    int64_t size;
    const struct fault *why; /* of the read that failed last; NULL or none: the file itself */
};
/* Looks at the beginning, the middle and the end. encoding -1 and delimiter 0 are found out. False:
 * the file cannot be read. */
bool csv_form_find(const struct csv_source *s, int encoding, char delimiter, struct csv_form *out)
    MUST_USE;
/* The encoding of a text, -1: none that we know. bom: length of the byte order mark. */
int csv_encoding_find(str sample, size_t *bom);

struct csv_row {
    int64_t at, bytes; /* in the file, its line end included */
    int64_t line;      /* of its first character, from 1 */
    enum csv_fault fault;
    struct str_list cells; /* UTF-8 */
};
struct csv;
/* Goes on at a place where a row begins, and the number of its line. NULL: no memory. */
struct csv *csv_open(const struct csv_source *s, const struct csv_form *f, int64_t at, int64_t line);
void csv_close(struct csv *c);
/* The next row, its cells in the arena; empty lines are passed over. CSV_HOPELESS: so many open
 * quotes that it is no CSV file. */
enum csv_next { CSV_ROW, CSV_END, CSV_UNREADABLE, CSV_HOPELESS };
enum csv_next csv_next(struct csv *c, struct arena *a, struct csv_row *out);
/* Where the row after the last one begins. */
int64_t csv_at(const struct csv *c);
int64_t csv_line(const struct csv *c);

/* UTF-8 as bytes of an encoding; false: it has not all of the characters. */
bool csv_encode(struct arena *a, int encoding, str text, str *out) MUST_USE;
/* A cell as it is written: in quotes where that is needed. Cells that a spreadsheet would take for a
 * formula (they begin with = + - @ tab or CR, and are no plain number or phone number) get an
 * apostrophe in front, which csv_cell_plain takes off again. */
void csv_cell_write(struct text *t, str cell);
str csv_cell_plain(str cell);
