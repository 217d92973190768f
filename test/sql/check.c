/* test/sql/check.c - prepares every query on both engines and compares its columns with its shape.
 *
 * sql-check POSTGRES_URL     an empty database, migrated here; SQLite is a temporary one
 *
 * Shapes may be private to their file: they are found in this program's own symbol table, as every
 * object whose name ends with `_shape` and whose size is that of a struct shape. Ends with `N passed, N failed`.
 */
#include "db/db_impl.h"
#include "queries.h"
#include <elf.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- shapes ------------------------------------------------------------------------------- */

enum { SHAPES_MAX = 4096, COLUMNS_MAX = 256 };
static const struct shape *shapes[SHAPES_MAX];
static size_t n_shapes;

static int first_object(struct dl_phdr_info *info, size_t size, void *out)
{
    (void)size;
    *(ElfW(Addr) *)out = info->dlpi_addr;
    return 1; /* the program itself comes first */
}

static bool ends_with_shape(const char *name)
{
    size_t n = strlen(name);
    return n > 6 && strcmp(name + n - 6, "_shape") == 0;
}

static bool shapes_find(void)
{
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0)
        return false;
    const char *file = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (file == MAP_FAILED)
        return false;
    ElfW(Addr) base = 0;
    dl_iterate_phdr(first_object, &base);

    const ElfW(Ehdr) *head = (const void *)file;
    const ElfW(Shdr) *sections = (const void *)(file + head->e_shoff);
    for (size_t i = 0; i < head->e_shnum; i++) {
        if (sections[i].sh_type != SHT_SYMTAB)
            continue;
        const ElfW(Sym) *symbols = (const void *)(file + sections[i].sh_offset);
        const char *names = file + sections[sections[i].sh_link].sh_offset;
        for (size_t k = 0; k < sections[i].sh_size / sizeof *symbols; k++)
            if (ELF64_ST_TYPE(symbols[k].st_info) == STT_OBJECT &&
                symbols[k].st_size == sizeof(struct shape) &&
                ends_with_shape(names + symbols[k].st_name) && n_shapes < SHAPES_MAX)
                shapes[n_shapes++] = (const struct shape *)(base + symbols[k].st_value); /* NOLINT */
    }
    return n_shapes > 0;
}

static const struct shape *shape_named(const char *name)
{
    for (size_t i = 0; i < n_shapes; i++)
        if (strcmp(shapes[i]->name, name) == 0)
            return shapes[i];
    return NULL;
}

/* ---- columns against fields ------------------------------------------------------------------- */

static bool is_column(const struct field *f)
{
    return !f->not_column && f->type != F_LIST && f->type != F_STRUCT && f->type != F_JSON &&
           f->type != F_STR_LIST;
}

static bool is_text(const struct field *f)
{
    return f->type == F_STR || f->type == F_OPT_STR || f->type == F_ENUM;
}

/* "created_ms", "created_at" and "created" are one word; so are "owner_id" and "owner". */
static str stem(str name)
{
    static const char *const ends[] = {"_ms", "_at", "_id", "_minor", "_json"};
    for (size_t i = 0; i < COUNT(ends); i++)
        if (str_ends(name, str_of(ends[i])))
            return (str){name.ptr, name.len - strlen(ends[i])};
    return name;
}

struct column {
    str name;
    enum { COLUMN_ANY, COLUMN_TEXT, COLUMN_NUMBER, COLUMN_REAL, COLUMN_BYTES } type;
};

static bool says(const char *query, const char *engine, const char *fmt, ...) PRINTF_LIKE(3, 4);
static bool says(const char *query, const char *engine, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    printf("%s on %s: ", query, engine);
    vprintf(fmt, args);
    putchar('\n');
    va_end(args);
    return false;
}

static bool type_fits(const struct field *f, bool is_currency, const struct column *c)
{
    if (c->type == COLUMN_ANY)
        return true;
    if (is_currency || is_text(f))
        return c->type == COLUMN_TEXT || c->type == COLUMN_BYTES;
    if (f->type == F_DOUBLE)
        return c->type == COLUMN_REAL || c->type == COLUMN_NUMBER;
    return c->type == COLUMN_NUMBER;
}

/* The name of another field of the shape: the two change places somewhere. */
static bool is_another(const struct shape *s, const struct field *f, str column)
{
    if (str_eq(stem(column), stem(str_of(f->name))))
        return false;
    for (size_t i = 0; i < s->n; i++)
        if (&s->fields[i] != f && is_column(&s->fields[i]) && str_eq(column, str_of(s->fields[i].name)))
            return true;
    return false;
}

static bool columns_fit(const struct query *q, const char *engine, const struct column *c, size_t n)
{
    const struct shape *s = shape_named(q->shape);
    if (!s)
        return says(q->name, engine, "there is no shape '%s'", q->shape);
    size_t wanted = shape_columns(s);
    if (wanted != n)
        return says(q->name, engine, "has %zu columns, shape '%s' has %zu", n, q->shape, wanted);
    size_t at = 0;
    for (size_t i = 0; i < s->n; i++) {
        const struct field *f = &s->fields[i];
        if (!is_column(f))
            continue;
        for (int part = 0; part < (f->type == F_MONEY ? 2 : 1); part++, at++) {
            if (!type_fits(f, part == 1, &c[at]))
                return says(q->name, engine, "column %zu ('" SFMT "') has another type than field '%s'",
                            at + 1, SARG(c[at].name), f->name);
            if (part == 0 && is_another(s, f, c[at].name))
                return says(q->name, engine, "column %zu is '" SFMT "', but field '%s' stands there",
                            at + 1, SARG(c[at].name), f->name);
        }
    }
    return true;
}

/* ---- the engines ---------------------------------------------------------------------------------- */

static bool on_sqlite(struct db *d, struct arena *a, const struct query *q)
{
    str why = {0}, *names = NULL;
    size_t n = 0;
    if (lite_prepare_check(d, q->sqlite, a, &why, &names, &n) != OK)
        return says(q->name, "SQLite", SFMT, SARG(why));
    if (!q->shape)
        return true;
    struct column columns[COLUMNS_MAX] = {0};
    if (n > COLUMNS_MAX)
        return says(q->name, "SQLite", "%zu columns; the check takes %d", n, COLUMNS_MAX);
    for (size_t i = 0; i < n; i++)
        columns[i].name = names[i];
    return columns_fit(q, "SQLite", columns, n);
}

static int pg_type(Oid oid)
{
    switch (oid) {
    case 25: case 1042: case 1043: case 19: case 18:
        return COLUMN_TEXT;
    case 16: case 20: case 21: case 23:
        return COLUMN_NUMBER;
    case 700: case 701:
        return COLUMN_REAL;
    case 17:
        return COLUMN_BYTES;
    default:
        return COLUMN_ANY;
    }
}

static bool on_postgres(PGconn *pg, const struct query *q)
{
    PGresult *r = PQprepare(pg, "q", q->postgres, 0, NULL);
    bool ok = PQresultStatus(r) == PGRES_COMMAND_OK;
    if (!ok)
        says(q->name, "PostgreSQL", "%s", PQresultErrorMessage(r));
    PQclear(r);
    if (!ok)
        return false;

    r = PQdescribePrepared(pg, "q");
    int n = PQnfields(r), params = PQnparams(r);
    if (params != q->n_params)
        ok = says(q->name, "PostgreSQL", "%d parameters are used, %d are named", params, q->n_params);
    if (ok && q->shape && n <= COLUMNS_MAX) {
        struct column columns[COLUMNS_MAX] = {0};
        for (int i = 0; i < n; i++)
            columns[i] = (struct column){str_of(PQfname(r, i)), pg_type(PQftype(r, i))};
        ok = columns_fit(q, "PostgreSQL", columns, (size_t)n);
    }
    PQclear(r);
    PQclear(PQexec(pg, "DEALLOCATE q"));
    return ok;
}

static struct store *store_at(struct cx *cx, const char *url)
{
    struct store *s = NULL;
    if (store_open(cx, &(struct store_options){.url = str_of(url)}, &s) == OK)
        return s;
    printf("store '%s': " SFMT "\n", url, SARG(fault_text(cx->arena, LANG_EN, &cx->why)));
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 2 || !shapes_find()) {
        fprintf(stderr, argc == 2 ? "this program's symbols are stripped\n" : "sql-check POSTGRES_URL\n");
        return 2;
    }
    struct arena *a = arena_open((size_t)64 << 20);
    struct cx cx = {.arena = a, .now_ms = clock_now_ms()};
    struct store *lite = store_at(&cx, ":memory:"), *server = store_at(&cx, argv[1]);
    struct db *d = NULL;
    PGconn *pg = PQconnectdb(argv[1]);
    size_t passed = 0, failed = 0;
    bool is_open = lite && server && store_reader(lite, &cx, &d) == OK && PQstatus(pg) == CONNECTION_OK;
    failed += !is_open;
    for (size_t i = 0; is_open && all_queries[i]; i++) {
        bool lite_ok = on_sqlite(d, a, all_queries[i]);
        bool pg_ok = on_postgres(pg, all_queries[i]);
        passed += lite_ok && pg_ok;
        failed += !lite_ok || !pg_ok;
    }
    PQfinish(pg);
    if (d)
        reader_close(d);
    store_close(lite);
    store_close(server);
    arena_close(a);
    printf("%zu passed, %zu failed\n", passed, failed);
    return failed ? 1 : 0;
}
