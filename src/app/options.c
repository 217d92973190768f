/* app/options.c - words of the command line and of a configuration file. */
#include "app/options.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 65536 };

bool is_no_store(const char *data)
{
    struct stat st;
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/kith.db", data);
    return n < 0 || (size_t)n >= sizeof path ||
           (stat(path, &st) != 0 && (errno == ENOENT || errno == ENOTDIR));
}

static struct option_row *row_of(struct option_row *rows, size_t n, str name)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(name, str_of(rows[i].name)))
            return &rows[i];
    return NULL;
}

static bool put(struct option_row *r, const char *value, struct arena *a, str *why)
{
    if (r->kind == OPTION_MANY && r->n >= OPTION_VALUES_MAX) {
        *why = arena_printf(a, "--%s is given more than %d times", r->name, OPTION_VALUES_MAX);
        return false;
    }
    if (r->kind != OPTION_MANY && r->n) {
        *why = arena_printf(a, "--%s is given twice", r->name);
        return false;
    }
    if (r->kind == OPTION_MANY)
        r->values[r->n] = value;
    else
        r->value = value;
    r->n++;
    return true;
}

bool options_read(struct option_row *rows, size_t n, int argc, char **argv, struct arena *a,
                  bool *wants_help, str *why)
{
    *wants_help = false;
    for (int i = 0; i < argc; i++) {
        str word = str_of(argv[i]);
        if (str_eq(word, S("--help")) || str_eq(word, S("-h"))) {
            *wants_help = true;
            return true;
        }
        if (!str_starts(word, S("--"))) {
            *why = arena_printf(a, "'%s' has no place here", argv[i]);
            return false;
        }
        str rest = {word.ptr + 2, word.len - 2}, name = str_cut(&rest, '=');
        struct option_row *r = row_of(rows, n, name);
        if (!r) {
            *why = arena_printf(a, "there is no option '--" SFMT "'", SARG(name));
            return false;
        }
        const char *value = rest.ptr;
        if (r->kind == OPTION_FLAG && value) {
            *why = arena_printf(a, "--%s takes no value", r->name);
            return false;
        }
        if (r->kind != OPTION_FLAG && !value) {
            if (i + 1 >= argc) {
                *why = arena_printf(a, "--%s needs a value", r->name);
                return false;
            }
            value = argv[++i];
        }
        if (!put(r, value, a, why))
            return false;
    }
    return true;
}

static bool file_line(struct option_row *rows, size_t n, const bool *is_taken, str line,
                      const char *path, int number, struct arena *a, str *why)
{
    line = str_trim(line);
    if (line.len == 0 || line.ptr[0] == '#')
        return true;
    str value = line, name = str_trim(str_cut(&value, '='));
    struct option_row *r = row_of(rows, n, name);
    if (!r || !value.ptr || r->kind == OPTION_FLAG) {
        *why = arena_printf(a, "%s, line %d: a line reads 'name = value', and '" SFMT "' is %s",
                            path, number, SARG(name), r ? "not one" : "not known");
        return false;
    }
    if (is_taken[r - rows])
        return true;
    return put(r, arena_cstr(a, str_trim(value)), a, why);
}

bool options_file(struct option_row *rows, size_t n, const char *path, struct arena *a, str *why)
{
    char *bytes = arena_alloc(a, FILE_MAX, 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, bytes, FILE_MAX);
    if (got < 0) {
        *why = arena_printf(a, "%s cannot be read: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    close(fd);
    if (got == FILE_MAX) {
        *why = arena_printf(a, "%s is longer than %d bytes", path, FILE_MAX - 1);
        return false;
    }
    bool *is_taken = ARENA_ARRAY(a, n + 1, bool);
    for (size_t i = 0; i < n; i++)
        is_taken[i] = rows[i].n > 0;
    str rest = {bytes, (size_t)got};
    for (int number = 1; rest.len; number++)
        if (!file_line(rows, n, is_taken, str_cut(&rest, '\n'), path, number, a, why))
            return false;
    return true;
}
