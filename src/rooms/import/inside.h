/* rooms/import/inside.h - what the files of this room share; nobody else includes it. */
#pragma once
#include "rooms/customer/customer.h"
#include "rooms/import/import.h"

/* A cell for a custom attribute. */
struct import_attribute {
    size_t column;
    str text;
};
/* One row (orders: the rows of one order) on its way in. */
struct import_item {
    int64_t at, bytes, line, rows;
    struct fault why;  /* err not OK: it is refused */
    bool is_double;    /* the same as a row before: changes nothing */
    str key;           /* of a row without any identity */
    struct intake in;  /* customers, interactions */
    struct order_new order;
    struct str_list tags;
    struct list attributes; /* of struct import_attribute */
    struct order_line_new *lines;
    size_t n_lines;
};

struct import_reader {
    const struct import_plan *plan;
    const struct import_map *map;
    const struct settings *house;
    import_id import;
};
/* Cells into the item; the fault of what is wrong with the row is in it. */
void import_item_read(struct cx *cx, const struct import_reader *r, const struct csv_row *row,
                      struct import_item *out);
/* One more row of the same order. */
bool import_item_join(struct cx *cx, struct import_item *to, const struct import_item *row);

/* ISO 3166 of a country's name in one of our languages, BCP 47 of a language's; as given otherwise. */
str country_code(struct arena *a, str name);
str language_code(struct arena *a, str name);

/* Takes away staged files that are older than keep_ms or belong to nothing. */
void import_stage_sweep(struct store *s, struct cx *cx, str data_dir, int64_t keep_ms);
