/* test/sql/check.c - prepares every query on both engines and compares its columns with its shape.
 *
 * sql-check EMPTY_FOLDER POSTGRES_URL     makes an SQLite store in the folder, and one in that empty database
 *
 * Shapes may be private to their file: they are found in this program's own symbol table, as every
 * object whose name ends with `_shape` and whose size is that of a struct shape. Ends with `N passed, N failed`.
 */
#include "db/db.h"
#include "db/vault.h"
#include "queries.h"
#include <elf.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <link.h>
#include <sqlite3.h>
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
                shapes[n_shapes++] =
                    (const struct shape *)(base + symbols[k].st_value); /* NOLINT */
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
        if (&s->fields[i] != f && is_column(&s->fields[i]) &&
            str_eq(column, str_of(s->fields[i].name)))
            return true;
    return false;
}

static bool columns_fit(const struct query *q, const char *engine, const struct column *c, size_t n)
{
    const struct shape *s = shape_named(q->shape);
    if (!s)
        return says(q->name, engine, "there is no shape '%s'", q->shape);
    size_t wanted = 0;
    for (size_t i = 0; i < s->n; i++)
        wanted += !is_column(&s->fields[i]) ? 0 : s->fields[i].type == F_MONEY ? 2 : 1;
    if (wanted != n)
        return says(q->name, engine, "has %zu columns, shape '%s' has %zu", n, q->shape, wanted);
    size_t at = 0;
    for (size_t i = 0; i < s->n; i++) {
        const struct field *f = &s->fields[i];
        if (!is_column(f))
            continue;
        for (int part = 0; part < (f->type == F_MONEY ? 2 : 1); part++, at++) {
            if (!type_fits(f, part == 1, &c[at]))
                return says(q->name, engine,
                            "column %zu ('" SFMT "') has another type than field '%s'", at + 1,
                            SARG(c[at].name), f->name);
            if (part == 0 && is_another(s, f, c[at].name))
                return says(q->name, engine,
                            "column %zu is '" SFMT "', but field '%s' stands there", at + 1,
                            SARG(c[at].name), f->name);
        }
    }
    return true;
}

/* ---- the engines ---------------------------------------------------------------------------------- */

/* Stands in for a function that the store registers; only its name matters when a query is prepared. */
static void any_function(sqlite3_context *context, int n, sqlite3_value **args)
{
    (void)n;
    (void)args;
    sqlite3_result_null(context);
}

static sqlite3_stmt *lite_prepared(sqlite3 *lite, const struct query *q)
{
    static const char missing[] = "no such function: ";
    for (;;) {
        sqlite3_stmt *stmt = NULL;
        if (sqlite3_prepare_v2(lite, q->sqlite, -1, &stmt, NULL) == SQLITE_OK)
            return stmt;
        const char *why = sqlite3_errmsg(lite);
        if (strncmp(why, missing, sizeof missing - 1) != 0) {
            says(q->name, "SQLite", "%s", why);
            return NULL;
        }
        char name[64];
        snprintf(name, sizeof name, "%s", why + sizeof missing - 1);
        if (sqlite3_create_function(lite, name, -1, SQLITE_UTF8, NULL, any_function, NULL, NULL) !=
            SQLITE_OK)
            return NULL;
    }
}

/* Of a plain column; expressions have no declared type. */
static int lite_type(const char *declared)
{
    if (!declared)
        return COLUMN_ANY;
    if (strncmp(declared, "INTEGER", 7) == 0)
        return COLUMN_NUMBER;
    if (strncmp(declared, "TEXT", 4) == 0)
        return COLUMN_TEXT;
    if (strncmp(declared, "REAL", 4) == 0)
        return COLUMN_REAL;
    return strncmp(declared, "BLOB", 4) == 0 ? COLUMN_BYTES : COLUMN_ANY;
}

static bool on_sqlite(sqlite3 *lite, const struct query *q)
{
    sqlite3_stmt *stmt = lite_prepared(lite, q);
    if (!stmt)
        return false;
    bool ok = true;
    int n = sqlite3_column_count(stmt);
    if (sqlite3_bind_parameter_count(stmt) != q->n_params)
        ok = says(q->name, "SQLite", "%d parameters are used, %d are named",
                  sqlite3_bind_parameter_count(stmt), q->n_params);
    if (n > COLUMNS_MAX)
        ok = says(q->name, "SQLite", "%d columns; the check takes %d", n, COLUMNS_MAX);
    if (ok && q->shape) {
        struct column columns[COLUMNS_MAX] = {0};
        for (int i = 0; i < n; i++)
            columns[i] = (struct column){str_of(sqlite3_column_name(stmt, i)),
                                         lite_type(sqlite3_column_decltype(stmt, i))};
        ok = columns_fit(q, "SQLite", columns, (size_t)n);
    }
    sqlite3_finalize(stmt);
    return ok;
}

static int pg_type(Oid oid)
{
    switch (oid) {
    case 25:
    case 1042:
    case 1043:
    case 19:
    case 18:
        return COLUMN_TEXT;
    case 16:
    case 20:
    case 21:
    case 23:
        return COLUMN_NUMBER;
    case 700:
    case 701:
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
        ok = says(q->name, "PostgreSQL", "%d parameters are used, %d are named", params,
                  q->n_params);
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

/* Makes an empty store, brought up to date, and closes it again. */
static bool is_made(struct cx *cx, const char *dir, const char *url)
{
    struct store *s = NULL;
    if (store_open(cx, &(struct store_options){.data_dir = str_of(dir), .url = str_of(url)}, &s) !=
        OK) {
        printf("store: " SFMT "\n", SARG(fault_text(cx->arena, LANG_EN, &cx->why)));
        return false;
    }
    store_close(s);
    return true;
}

int main(int argc, char **argv)
{
    if (argc != 3 || !shapes_find()) {
        fprintf(stderr, argc == 3 ? "this program's symbols are stripped\n"
                                  : "sql-check EMPTY_FOLDER POSTGRES_URL\n");
        return 2;
    }
    struct arena *a = arena_open((size_t)64 << 20);
    struct cx cx = {.arena = a, .now_ms = clock_now_ms()};
    sqlite3 *lite = NULL;
    PGconn *pg = NULL;
    size_t passed = 0, failed = 0;
    if (is_made(&cx, argv[1], "sqlite") && is_made(&cx, argv[1], argv[2])) {
        str file = arena_printf(a, "%s/kith.db", argv[1]);
        pg = PQconnectdb(argv[2]);
        struct keyring *ring = NULL;
        struct vault *v = NULL;
        if (store_keys(&cx, &(struct store_options){.data_dir = str_of(argv[1])}, &ring) != OK ||
            !(v = vault_open(ring, vault_page_of(file.ptr),
                             0)) || /* both live as long as this program */
            sqlite3_open_v2(file.ptr, &lite, SQLITE_OPEN_READWRITE, vault_name(v)) != SQLITE_OK ||
            PQstatus(pg) != CONNECTION_OK)
            failed++;
        bool is_open = !failed;
        for (size_t i = 0; is_open && all_queries[i]; i++) {
            bool lite_ok = on_sqlite(lite, all_queries[i]);
            bool pg_ok = on_postgres(pg, all_queries[i]);
            passed += lite_ok && pg_ok;
            failed += !lite_ok || !pg_ok;
        }
    } else {
        failed++;
    }
    PQfinish(pg);
    sqlite3_close(lite);
    arena_close(a);
    printf("%zu passed, %zu failed\n", passed, failed);
    return failed ? 1 : 0;
}
