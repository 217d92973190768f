/* app/options.h - words of the command line and of a configuration file, by one table.
 *
 * `--name value` and `--name=value`; in a file `name = value`, a line each, '#' begins a comment.
 * The command line goes before the file.
 */
#pragma once
#include "base/base.h"

enum { OPTION_VALUES_MAX = 32 };
struct option_row {
    const char *name; /* without the hyphens */
    enum { OPTION_TEXT, OPTION_MANY, OPTION_FLAG } kind;
    const char *value;                     /* OPTION_TEXT */
    const char *values[OPTION_VALUES_MAX]; /* OPTION_MANY */
    size_t n;                              /* how often given */
};
/* Nothing was ever kept in this directory: whoever only wants to read has mistyped it. */
bool is_no_store(const char *data) MUST_USE;

/* False: *why says in one sentence what is wrong. `--help` sets *wants_help. Words that are no
 * options are wrong. */
bool options_read(struct option_row *rows, size_t n, int argc, char **argv, struct arena *a,
                  bool *wants_help, str *why);
/* Rows given on the command line stay. */
bool options_file(struct option_row *rows, size_t n, const char *path, struct arena *a, str *why);
