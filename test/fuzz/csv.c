/* test/fuzz/csv.c - any bytes as a table: encoding, delimiter, rows. What is read can be gone on
 * with from each row, and every byte belongs to a row or to an empty line. */
#include "rooms/import/columns.h"

static const uint8_t *bytes;
static size_t bytes_n;

static ssize_t at_read(void *arg, int64_t at, char *to, size_t n)
{
    (void)arg;
    size_t left = at < (int64_t)bytes_n ? bytes_n - (size_t)at : 0, take = n < left ? n : left;
    if (take)
        memcpy(to, bytes + at, take);
    return (ssize_t)take;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena *a;
    if (!a)
        a = arena_open((size_t)64 << 20);
    arena_reset(a);
    if (size < 2)
        return 0;
    bytes = data + 2;
    bytes_n = size - 2;
    struct csv_source s = {at_read, NULL, (int64_t)bytes_n};
    struct csv_form f;
    int encoding = data[0] % (CSV_ENCODING_N + 1) - 1;
    char delimiter = "\0,;\t|"[data[1] % 5];
    if (!csv_form_find(&s, encoding, delimiter, &f))
        __builtin_trap();
    struct csv *c = csv_open(&s, &f, f.first, 1);
    struct csv_row r;
    int64_t at = f.first;
    while (csv_next(c, a, &r) == CSV_ROW) {
        if (r.at < at || r.bytes <= 0 || csv_at(c) != r.at + r.bytes)
            __builtin_trap();
        at = csv_at(c);
        for (size_t i = 0; r.fault == CSV_SOUND && i < r.cells.n; i++) {
            if (!str_is_utf8(r.cells.items[i]) || r.cells.n > CSV_COLUMNS_MAX)
                __builtin_trap();
            struct text t = text_in(a, r.cells.items[i].len * 2 + 16);
            csv_cell_write(&t, r.cells.items[i]);
            when w;
            int64_t v;
            (void)!cell_when(r.cells.items[i], DATES_MDY, S("UTC"), &w);
            (void)!cell_amount(r.cells.items[i], 2, &v);
        }
        if (arena_used(a) > (size_t)32 << 20)
            arena_reset(a);
    }
    csv_close(c);
    struct cx cx = {.arena = a};
    struct import_map map;
    struct list rows;
    arena_reset(a);
    (void)!import_guess(&cx, &s, data[0] % IMPORT_KIND_N, -1, 0, &map, &rows);
    return 0;
}
