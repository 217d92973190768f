/* db/audit_inner.h - what audit.c and audit_move.c share: the form of a seal. */
#pragma once
#include "db/db_impl.h"

enum {
    SEAL_ROWS = 1000,
    DIGEST = 24, /* 8 of the id, the greatest byte first; 16 of the hash */
};

struct audit_seal {
    int64_t number, first_id, last_id, n;
    str chain;
    int64_t first_value_id, last_value_id, n_values;
    opt_str digests; /* of the rows, then of the values; none: a seal of before */
};
struct audit_value_row {
    int64_t id, customer_id;
    str sealed;
};
extern const struct shape audit_seal_shape, audit_line_row_shape, audit_value_row_shape;

int64_t digest_id(str digests, size_t i);

/* The next seal, over these rows (struct audit_line_row, struct audit_value_row) by their ids; ERR_CONFLICT: another was quicker.
 * is_moved: on SQLite the rows are noted as its own, for their ids do not follow those of the seal before. *last becomes it. */
enum err audit_seal_write(struct store *s, struct cx *cx, struct audit_seal *last, const struct list *rows,
                          const struct list *values, bool is_moved) MUST_USE;

/* SQLite: seals up to this one came from elsewhere and hold what audit_moved says; ids behind `line` were made here. */
struct audit_moved {
    int64_t seals, line;
};
enum err audit_moved_read(struct cx *cx, struct audit_moved *out) MUST_USE;
/* The next ids of rows and values up to the line that no seal holds; *after begins at 0, and is `line` at the end. */
enum err audit_moved_loose(struct cx *cx, int64_t line, int64_t *after, struct list *out) MUST_USE;
