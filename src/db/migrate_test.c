/* Stores of every earlier program, with rows in every table that it had, are opened by this one: each row that stood there
 * stands there still. A fill belongs to a migration: rows for the tables and columns that came with it. */
#include "db/backup.h"
#include "db/db_impl.h"
#include "db/db_test.h"
#include "db/snapshot.h"
#include "migrations.h"
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* clang-format off */
#define MANY "WITH RECURSIVE many (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM many WHERE i < 3000) "
static const char *const fills[] = {
    [1] = "INSERT INTO store_meta VALUES ('colour', 'green');"
          "INSERT INTO event (seq, type, at_ms, customer_id, ref_id, data) VALUES (11, 'customer.created', 1790000000000, 1, 1, '');"
          "INSERT INTO audit VALUES (21, 1790000000000, 'staff', 2, 'customer.add', 1, 1, 'name', '10.0.0.1');"
          "INSERT INTO audit VALUES (22, 1790000001000, 'token', 3, 'customer.change', 1, 1, 'city', '');"
          "INSERT INTO job (id, kind, args, next_ms, made_ms) VALUES (31, 'demo', 'x', 0, 0);"
          "INSERT INTO idempotency VALUES (1, 2, 'key', X'0102', 200, 1, 1790000000000);"
          "INSERT INTO lease VALUES ('mail', 1, 5);",
    [2] = "INSERT INTO setting VALUES ('company', 'Kith & Söhne', 1, 2);"
          "INSERT INTO staff (id, email, name, role, password, created_ms, changed_ms) VALUES (2, 'ann@example.com', 'Ann', 'owner', '', 1, 1);"
          "INSERT INTO staff_extension VALUES ('17', 2); INSERT INTO staff_queue VALUES ('sales', 2);"
          "INSERT INTO session VALUES (41, X'0a0b', 2, 1, 1, '10.0.0.1', 'Firefox');"
          "INSERT INTO token VALUES (3, 'shop', X'0c0d', 'agent', 7, 1, 2, NULL, NULL);"
          "INSERT INTO staff_device VALUES (X'0e', 2, 1, 1);",
    [3] = "INSERT INTO customer (id, root_id, name, city, country, created_ms, changed_ms) VALUES (1, 1, '田中愛子', 'Tokyo', 'JP', 5, 6), (4, 1, 'Aiko T.', 'Osaka', 'JP', 7, 8);"
          "INSERT INTO customer (id, root_id, kind, name, created_ms, changed_ms) VALUES (5, 5, 'company', 'Huadong', 9, 9);"
          "INSERT INTO customer_key VALUES ('=aiko tanaka|JP', 1);"
          "INSERT INTO identity_value (id, type, value, shown, reversed) VALUES (51, 'phone', '+81312345678', '03-1234-5678', '87654321318');"
          "INSERT INTO identity_owner VALUES (51, 1, 52, 'confirmed', '03 1234 5678', 'call', 5, 6);"
          "INSERT INTO customer_mark VALUES (1, 'vip', 'friend of the house', 2, 5);"
          "INSERT INTO address VALUES (61, 1, 'home', '2-4-1 Ginza', '104', 'Tokyo', '', 'JP', 'staff', 5);"
          "INSERT INTO holding VALUES (62, 1, NULL, 'Lamp', 'S1', '', '', NULL, 5);"
          "INSERT INTO note VALUES (63, 1, 'likes tea', 2, 5);"
          "INSERT INTO task (id, customer_id, title, at_ms) VALUES (64, 1, 'ring back', 5);"
          "INSERT INTO relation VALUES (65, 1, 5, 'works_at', 'buyer', 5);"
          "INSERT INTO proposal (id, customer_id, interaction_id, field, value, at_ms) VALUES (66, 1, 71, 'city', 'Kyoto', 5);",
    [4] = "INSERT INTO interaction (id, customer_id, channel, direction, trust, at_ms, subject, text) VALUES (71, 1, 'email', 'in', 'presented', 10, 'Hello', 'Where is my lamp?');"
          "INSERT INTO source_key VALUES ('email', '<a@b>', 71, 1);"
          "INSERT INTO possible_duplicate VALUES (1, 5, 71, 0.5, 'name', 10);",
    [5] = "INSERT INTO product (id, sku, name, price_minor, currency, category) VALUES (81, 'L-1', 'Lamp', 1200, 'EUR', 'light');"
          "INSERT INTO orders (id, number, customer_id, status, at_ms, currency, total_minor, discount_minor, base_minor) VALUES (82, 'A-1', 1, 'paid', 11, 'EUR', 1100, 100, 1100);"
          "INSERT INTO order_line (order_id, line, product_id, sku, name, quantity_milli, price_minor, total_minor) VALUES (82, 1, 81, 'L-1', 'Lamp', 1000, 1200, 1200);"
          "INSERT INTO order_return VALUES (83, 82, 1, 1000, 500, 'broken', 12);",
    [6] = "INSERT INTO phone_link (id, kind, name, hash, created_ms) VALUES (91, 'webhook', 'desk', X'aa', 1);"
          "INSERT INTO call (id, link_id, source_id, direction, state, number, e164, customer_id, ring_ms, note) VALUES (92, 91, 'c1', 'in', 'ended', '0312345678', '+81312345678', 1, 13, 'was pleased');"
          "INSERT INTO call_key VALUES (91, 'c1', 92); INSERT INTO call_desk VALUES (92, 2); INSERT INTO call_candidate VALUES (92, 5, 'same_number');"
          "INSERT INTO call_draft VALUES (92, '{}', 13); INSERT INTO call_check VALUES (92, 'order', 1, 2, 13); INSERT INTO call_touch VALUES (92, 2);",
    [7] = NULL, /* seals come with rows that are sealed */
    [8] = "INSERT INTO history (id, customer_id, at_ms, actor_kind, actor_id, source, field, old_value, new_value) VALUES (101, 1, 20, 'staff', 2, 'staff', 'city', 'Tokio', 'Tokyo');"
          "INSERT INTO attr_def (id, code, label, type, created_ms) VALUES (102, 'shoe', 'Shoe', 'number', 1);"
          "INSERT INTO attr VALUES (1, 102, '', 38500, '38.5'); INSERT INTO tag VALUES (103, 'Press', 'press'); INSERT INTO customer_tag VALUES (1, 103, 20, 2);"
          "INSERT INTO freshness VALUES (1, 'city', 0, 'staff', 20, 2);"
          "INSERT INTO consent VALUES (104, 1, 'email_offers', 'given', 'form', 'shop', 'text 3', 20, NULL, 20); INSERT INTO consent_now VALUES (1, 'email_offers', 104, 20);"
          "UPDATE proposal SET decision = 'gift';",
    [9] = "INSERT INTO standing (customer_id, kind, activity, activity_due_ms, activity_ms, first_ms, contacts, orders, spent_minor) VALUES (4, 'person', 'active', 0, 1, 1, 3, 1, 1100);"
          "INSERT INTO standing_day VALUES (1, 20000, 1, 1, 0, 1100, 0, 0); INSERT INTO standing_turn (id, done_day, rebuild_after) VALUES (1, 20000, -1);",
    [10] = "INSERT INTO order_promotion VALUES (82, 'SPRING'); INSERT INTO order_fact (id, order_id, customer_id, kind, at_ms) VALUES (111, 82, 1, 'paid', 12);",
    [11] = "INSERT INTO search_due (customer_id) VALUES (1);",
    [12] = "UPDATE standing_turn SET counted = 7, rules = 'r';",
    [13] = "INSERT INTO import (id, kind, name, state, size_bytes, is_staged, map, actor_kind, actor_id, lang, made_ms) VALUES (121, 'customers', 'a.csv', 'done', 10, 0, '{}', 'staff', 2, 'en', 1);"
           "INSERT INTO import_chunk VALUES (121, 1, X'61'); INSERT INTO import_row VALUES (121, 2, 1, 71, 0, '', 1); INSERT INTO import_reject VALUES (121, 3, 5, 5, 'phone', 'too short');"
           "INSERT INTO import_key VALUES ('h1', 1);",
    [14] = "INSERT INTO view_def (id, name, staff_id, created_ms) VALUES (131, 'Lost', 2, 1);"
           "INSERT INTO bulk_action (id, action, field, value, reason, filter, q, is_all, ids, total, actor_kind, actor_id, role, actor_name, made_ms) VALUES (132, 'tag', 'tag', 'x', '', '', '', 0, '1', 1, 'staff', 2, 'owner', 'Ann', 1);",
    [17] = "UPDATE customer SET folded_city = 'tokyo' WHERE id = 1;",
    [18] = "UPDATE customer SET birth_date = '1990-01-31' WHERE id = 1;",
    [19] = "UPDATE customer SET income_band = 'b3', children = '2' WHERE id = 1;",
    [20] = "INSERT INTO segment (id, name, folded, condition, created_ms, changed_ms) VALUES (141, 'All', 'all', 'orders > 0', 1, 1);"
           "INSERT INTO segment_member VALUES (141, 1, 1); INSERT INTO rule_due VALUES (1, 5); INSERT INTO segment_follow VALUES (1, 0, 11);",
};
/* Rows that a start writes anew, or a later program has in another place. */
static const char *const apart[] = {"migration", "node", "order_day", "standing_was"};
/* clang-format on */

/* ---- a store as an earlier program left it -------------------------------------------------------- */

struct old {
    struct arena *arena;
    struct store_options options;
    char dir[64], database[64];
    sqlite3 *lite;
    PGconn *pg;
};

static int old_open(void **state)
{
    struct old *o = calloc(1, sizeof *o);
    assert_non_null(o);
    o->arena = arena_open((size_t)1024 << 20);
    *state = o;
    return 0;
}

static void old_begin(struct old *o)
{
    if (test_is_postgres()) {
        o->options.url = test_postgres_database(o->arena, NULL, o->database);
        o->pg = PQconnectdb(arena_cstr(o->arena, o->options.url));
        assert_int_equal(PQstatus(o->pg), CONNECTION_OK);
        return;
    }
    snprintf(o->dir, sizeof o->dir, "%s/kith-migrate-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(o->dir));
    o->options.data_dir = str_of(o->dir);
    str path = arena_printf(o->arena, "%s/kith.db", o->dir);
    int reserve = VAULT_RESERVED; /* as each version of Kith made it */
    assert_int_equal(sqlite3_open(path.ptr, &o->lite), SQLITE_OK);
    assert_int_equal(sqlite3_file_control(o->lite, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserve),
                     SQLITE_OK);
    assert_int_equal(sqlite3_db_config(o->lite, SQLITE_DBCONFIG_WRITABLE_SCHEMA, 1, (int *)NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_exec(o->lite, "PRAGMA page_size=8192; PRAGMA auto_vacuum=incremental",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
}

static void old_shut(struct old *o)
{
    sqlite3_close(o->lite);
    o->lite = NULL;
    if (o->pg)
        PQfinish(o->pg);
    o->pg = NULL;
}

static void old_end(struct old *o)
{
    old_shut(o);
    if (o->database[0])
        test_postgres_run(arena_printf(o->arena, "DROP DATABASE %s WITH (FORCE)", o->database).ptr);
    o->database[0] = 0;
    if (!o->dir[0])
        return;
    backup_remove(o->dir);
    (void)unlink(arena_printf(o->arena, "%s.key", o->dir).ptr);
    o->dir[0] = 0;
}

static int old_close(void **state)
{
    struct old *o = *state;
    old_end(o);
    arena_close(o->arena);
    free(o);
    return 0;
}
#define OLD_TEST(fn) cmocka_unit_test_setup_teardown(fn, old_open, old_close)

static void old_run(struct old *o, const char *sql)
{
    if (o->pg) {
        struct text t = text_in(o->arena, (size_t)1 << 20);
        for (const char *c = sql; *c; c++)
            if (c[0] == 'X' && c[1] == '\'')
                text_add(&t, S("'\\x")), c++;
            else
                text_add(&t, (str){c, 1});
        PGresult *r = PQexec(o->pg, arena_cstr(o->arena, text_str(&t)));
        if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK)
            fail_msg("%s: %s", sql, PQerrorMessage(o->pg));
        PQclear(r);
        return;
    }
    char *why = NULL;
    if (sqlite3_exec(o->lite, sql, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s: %s", sql, why);
}

static void old_step(struct old *o, const struct migration *m, size_t i)
{
    const char *sql = (o->pg ? m->postgres : m->sqlite)[i];
    old_run(o, sql);
    if (!o->pg && strncmp(sql, "UPDATE sqlite_schema ", 21) == 0)
        old_run(o,
                "PRAGMA writable_schema = RESET"); /* what comes after it reads the schema anew */
}

static size_t steps_of(const struct old *o, const struct migration *m)
{
    return o->pg ? m->n_postgres : m->n_sqlite;
}

static void old_row(struct old *o, const struct migration *m)
{
    str row = arena_printf(o->arena, "INSERT INTO migration VALUES (%d, '%s', '%s')", m->number,
                           m->name, m->hash);
    old_run(o, row.ptr);
}

static void old_up_to(struct old *o, size_t n)
{
    old_begin(o);
    if (!o->pg)
        old_run(
            o,
            "PRAGMA page_size = 8192; PRAGMA auto_vacuum = incremental; PRAGMA journal_mode = WAL");
    old_run(o, "BEGIN; CREATE TABLE migration (number BIGINT PRIMARY KEY, name TEXT NOT NULL, "
               "sha256 TEXT NOT NULL)");
    for (size_t k = 0; k < n; k++) {
        for (size_t i = 0; i < steps_of(o, &migrations[k]); i++)
            old_step(o, &migrations[k], i);
        old_row(o, &migrations[k]);
        if (k + 1 < COUNT(fills) && fills[k + 1])
            old_run(o, fills[k + 1]);
    }
    old_run(o, "COMMIT");
}

/* ---- what stands in it --------------------------------------------------------------------------------- */

struct line {
    str table, columns, value;
};
static const struct field line_fields[] = {FIELD(struct line, table), FIELD(struct line, columns),
                                           FIELD(struct line, value)};
static const struct shape line_shape = SHAPE("line", struct line, line_fields);

static struct list lines_read(struct cx *cx, str sql)
{
    const struct query *q = NULL;
    struct list rows = {0};
    struct made_text m = made_begin(cx);
    made_sql(&m, arena_cstr(cx->arena, sql));
    assert_int_equal(made_query(cx, &m, "lines", &q), OK);
    if (db_all(cx, q, &line_shape, &rows, NO_ARGS) != OK)
        fail_msg(SFMT ": " SFMT, SARG(sql), SARG(fault_text(cx->arena, LANG_EN, &cx->why)));
    return rows;
}

/* Each table with its columns, in one line of SQL that gives its rows as texts. */
static str columns_sql(bool is_postgres)
{
    return is_postgres
               ? S("SELECT CAST(c.table_name AS TEXT), '', string_agg(CASE WHEN c.data_type = 'bytea' THEN "
                   "'encode(' || c.column_name || ', ''hex'')' ELSE 'coalesce(CAST(' || c.column_name || "
                   "' AS TEXT), ''~'')' END, ' || ''|'' || ' ORDER BY c.column_name) FROM "
                   "information_schema.columns c JOIN information_schema.tables t ON t.table_schema = "
                   "c.table_schema AND t.table_name = c.table_name WHERE c.table_schema = current_schema() "
                   "GROUP BY c.table_name ORDER BY 1")
               : S("SELECT m.name, '', group_concat(CASE WHEN c.type = 'BLOB' THEN 'lower(hex(' || c.name || "
                   "'))' ELSE 'coalesce(CAST(' || c.name || ' AS TEXT), ''~'')' END, ' || ''|'' || ') "
                   "FROM sqlite_master m JOIN (SELECT * FROM sqlite_master) x ON x.name = m.name, "
                   "pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'search_gram%' "
                   "AND m.name NOT LIKE 'sqlite%' GROUP BY m.name ORDER BY 1");
}

static bool is_apart(str table)
{
    for (size_t i = 0; i < COUNT(apart); i++)
        if (str_eq(table, str_of(apart[i])))
            return true;
    return false;
}

static str rows_sql(struct arena *a, const struct line *t)
{
    return arena_printf(a, "SELECT '" SFMT "', '', " SFMT " FROM " SFMT " ORDER BY 3",
                        SARG(t->table), SARG(t->value), SARG(t->table));
}

struct raw_rows {
    struct old *o;
    struct line *items;
    size_t n;
};

static int raw_row(void *state, int n, char **values, char **names)
{
    struct raw_rows *r = state;
    (void)n;
    (void)names;
    assert_true(r->n < 2000);
    r->items[r->n++] = (struct line){arena_str(r->o->arena, str_of(values[0])), S(""),
                                     arena_str(r->o->arena, str_of(values[2]))};
    return 0;
}

static struct raw_rows raw_read(struct old *o, str sql)
{
    struct raw_rows rows = {o, ARENA_ARRAY(o->arena, 2000, struct line), 0};
    if (!o->pg) {
        assert_int_equal(sqlite3_exec(o->lite, arena_cstr(o->arena, sql), raw_row, &rows, NULL),
                         SQLITE_OK);
        return rows;
    }
    PGresult *r = PQexec(o->pg, arena_cstr(o->arena, sql));
    assert_int_equal(PQresultStatus(r), PGRES_TUPLES_OK);
    for (int i = 0; i < PQntuples(r); i++)
        raw_row(&rows, 3, (char *[]){PQgetvalue(r, i, 0), PQgetvalue(r, i, 1), PQgetvalue(r, i, 2)},
                NULL);
    PQclear(r);
    return rows;
}

/* All rows of all tables; each keeps the columns by which it was read. */
static struct raw_rows old_rows(struct old *o)
{
    struct raw_rows tables = raw_read(o, columns_sql(o->pg != NULL));
    struct raw_rows all = {o, ARENA_ARRAY(o->arena, 2000, struct line), 0};
    for (size_t i = 0; i < tables.n; i++) {
        if (is_apart(tables.items[i].table))
            continue;
        struct raw_rows rows = raw_read(o, rows_sql(o->arena, &tables.items[i]));
        for (size_t k = 0; k < rows.n; k++) {
            assert_true(all.n < 2000);
            rows.items[k].columns = tables.items[i].value;
            all.items[all.n++] = rows.items[k];
        }
    }
    return all;
}

/* Each row of before is there, read by the columns it had. */
static void stands(struct cx *cx, const struct raw_rows *before, size_t n)
{
    struct list now = {0};
    for (size_t i = 0; i < before->n; i++) {
        const struct line *b = &before->items[i];
        if (i == 0 || !str_eq(b->table, b[-1].table)) {
            struct line t = {b->table, S(""), b->columns};
            now = lines_read(cx, rows_sql(cx->arena, &t));
        }
        const struct line *rows = now.items;
        size_t k = 0;
        while (k < now.n && !str_eq(rows[k].value, b->value))
            k++;
        if (k == now.n)
            fail_msg("from %zu: of " SFMT " this row is gone: " SFMT, n, SARG(b->table),
                     SARG(b->value));
    }
}

static struct cx cx_of(struct old *o)
{
    return (struct cx){.arena = o->arena, .now_ms = 1795329000000, .if_match = -1, .peer = S("")};
}

static void opened(struct old *o, struct cx *cx, struct store **s)
{
    if (store_open(cx, &o->options, s) != OK)
        fail_msg("store: " SFMT, SARG(fault_text(o->arena, LANG_EN, &cx->why)));
    assert_int_equal(store_reader(*s, cx, &cx->db), OK);
}

/* ---- the tests --------------------------------------------------------------------------------------------- */

static void rows_of_every_earlier_store_stand_after_the_upgrade(void **state)
{
    struct old *o = *state;
    for (size_t n = 1; n <= migrations_n; n++) {
        old_up_to(o, n);
        struct raw_rows before = old_rows(o);
        old_shut(o);
        struct cx cx = cx_of(o);
        struct store *s = NULL;

        opened(o, &cx, &s);

        assert_true(before.n >= 6);
        stands(&cx, &before, n);
        reader_close(cx.db);
        store_close(s);
        old_end(o);
    }
}

/* A new store and an upgraded one are the same house: the same tables, the same columns. */
/* A verified copy of before lies in DIR/before, and is the store of before. */
static void an_upgrade_leaves_a_copy_of_what_was_before(void **state)
{
    struct old *o = *state;
    enum { FROM = 9 };
    if (test_is_postgres())
        return; /* its copies are the database's own matter */
    old_up_to(o, FROM);
    old_shut(o);
    struct cx cx = {.arena = o->arena, .now_ms = clock_now_ms(), .if_match = -1, .peer = S("")};
    struct store *s = NULL;
    opened(o, &cx, &s);
    reader_close(cx.db);
    store_close(s);

    str folder = arena_printf(o->arena, "%s/before", o->dir), file = {0},
        back = arena_printf(o->arena, "%s/back", o->dir);
    DIR *d = opendir(folder.ptr);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));)
        if (strncmp(e->d_name, "kith-", 5) == 0)
            file = arena_printf(o->arena, "%s/%s", folder.ptr, e->d_name);
    closedir(d);
    assert_true(file.len > 0);
    struct keyring *ring = NULL;
    struct copy_reader *r = NULL;
    struct restored done;
    int64_t n = 0;
    const struct restore_wish w = {
        .from = file.ptr, .dir = back.ptr, .at_ms = INT64_MAX, .is_scratch = true};
    assert_int_equal(store_keys(&cx, &o->options, &ring), OK);
    assert_int_equal(backup_restore(&cx, ring, &w, &done), OK);
    assert_int_equal(copy_reader_open(&cx, ring, back.ptr, &r), OK);
    assert_int_equal(lite_int_once(&cx, copy_reader_db(r), "SELECT max(number) FROM migration", &n),
                     OK);
    assert_int_equal(n, FROM);
    copy_reader_close(r);
    keyring_close(ring);
    old_end(o);
}

/* What lies in DIR/before: copies, and anything else. */
static void before_count(struct old *o, int *copies, int *rests)
{
    DIR *d = opendir(arena_printf(o->arena, "%s/before", o->dir).ptr);
    *copies = *rests = 0;
    for (struct dirent *e; d && (e = readdir(d));)
        if (e->d_name[0] != '.')
            ++*(str_ends(str_of(e->d_name), S(".kith")) ? copies : rests);
    if (d)
        closedir(d);
}

static bool goes_on_so_often(void *left)
{
    int64_t *n = left;
    return *n > 0 && (*n)-- > 0;
}

static void an_upgrade_that_is_stopped_anywhere_ends_and_the_next_start_goes_on(void **state)
{
    struct old *o = *state;
    int64_t left = 0;
    int stops = 0, early = 0, copies = 0, rests = 0;
    old_up_to(o, 9);
    struct raw_rows before = old_rows(o);
    old_shut(o);
    struct cx cx = cx_of(o);
    struct store *s = NULL;
    o->options.goes_on = goes_on_so_often;
    o->options.goes_on_arg = &left;
    for (int64_t calls = 0; left = calls, store_open(&cx, &o->options, &s) != OK;
         calls += 1 + calls / 4) {
        assert_int_equal(cx.why.err, ERR_BUSY);
        assert_int_equal(cx.why.msg, M_KEEP_STOPPED);
        cx.why = (struct fault){0};
        before_count(o, &copies, &rests);
        assert_int_equal(rests, 0);
        early += copies == 0;
        assert_true(++stops < 100);
    }

    assert_true(stops > 3);
    if (!test_is_postgres()) {
        before_count(o, &copies, &rests);
        assert_int_equal(copies, 1); /* none of what was half done */
        assert_true(early > 3);
    }
    assert_int_equal(store_reader(s, &cx, &cx.db), OK);
    stands(&cx, &before, 9);
    struct list left_over = lines_read(
        &cx, S("SELECT '', '', value FROM store_meta WHERE name IN ('migrating', 'upgrading')"));
    assert_int_equal(left_over.n, 0);
    reader_close(cx.db);
    store_close(s);
}

static str neighbour(struct old *o, const char *name)
{
    char own[512] = "";
    ssize_t n = readlink("/proc/self/exe", own, sizeof own - 1);
    assert_true(n > 0);
    *strrchr(own, '/') = 0;
    return arena_printf(o->arena, "%s/%s", own, name);
}

/* The signal came before the first step, and waits to be heard. */
static void
a_server_that_is_told_to_stop_while_it_upgrades_ends_well_and_leaves_the_store_as_it_was(
    void **state)
{
    struct old *o = *state;
    int status = -1, copies = 0, rests = 0;
    old_up_to(o, 9);
    struct raw_rows before = old_rows(o);
    old_shut(o);
    str kith = neighbour(o, "kith");
    const char *data = test_is_postgres()
                           ? arena_printf(o->arena, "/tmp/kith-stop-%d", getpid()).ptr
                           : o->dir,
               *store = test_is_postgres() ? arena_cstr(o->arena, o->options.url) : "sqlite";
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        sigset_t term;
        sigemptyset(&term);
        sigaddset(&term, SIGTERM);
        sigprocmask(SIG_BLOCK, &term, NULL);
        raise(SIGTERM);
        execl(kith.ptr, "kith", "serve", "--data", data, "--store", store, "--listen",
              "127.0.0.1:0", (char *)NULL);
        _exit(99);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    if (test_is_postgres()) {
        backup_remove(data);
        (void)unlink(arena_printf(o->arena, "%s.key", data).ptr);
    } else {
        before_count(o, &copies, &rests);
        assert_int_equal(copies + rests, 0);
    }

    struct cx cx = cx_of(o);
    struct store *s = NULL;
    o->options.no_migrate = true;
    assert_int_equal(store_open(&cx, &o->options, &s), ERR_INVALID);
    assert_int_equal(cx.why.msg, M_STORE_WANTS_MIGRATION);
    o->options.no_migrate = false;
    opened(o, &cx, &s);
    stands(&cx, &before, 9);
    reader_close(cx.db);
    store_close(s);
}

static void file_of(struct old *o, const char *name, off_t bytes)
{
    str path = arena_printf(o->arena, "%s/%s", o->dir, name);
    int fd = open(path.ptr, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, bytes), 0);
    close(fd);
}

static void folder_of(struct old *o, const char *name)
{
    assert_int_equal(mkdir(arena_printf(o->arena, "%s/%s", o->dir, name).ptr, 0700), 0);
}

static void what_a_killed_upgrade_left_is_gone_after_the_next(void **state)
{
    struct old *o = *state;
    int copies = 0, rests = 0;
    if (test_is_postgres())
        return;
    old_up_to(o, 9);
    old_shut(o);
    folder_of(o, "before");
    folder_of(o, "before/kith-20260131T020000Z-0009.kith.part.check");
    folder_of(o, "before/kith-20260131T020000Z-0009.kith.part.check.restoring");
    file_of(o, "before/kith-20260131T020000Z-0009.kith.part", 1000);
    file_of(o, "before/kith-20260131T020000Z-0009.kith.part.check/kith.db", 1000);
    file_of(o, "before/kith-20260130T020000Z-0008.kith", 1000);
    struct cx cx = cx_of(o);
    struct store *s = NULL;

    opened(o, &cx, &s);

    before_count(o, &copies, &rests);
    assert_int_equal(copies, 2);
    assert_int_equal(rests, 0);
    reader_close(cx.db);
    store_close(s);
}

static void an_upgrade_without_room_for_its_copy_is_refused_before_anything_is_written(void **state)
{
    struct old *o = *state;
    int copies = 0, rests = 0;
    if (test_is_postgres())
        return;
    old_up_to(o, 9);
    old_shut(o);
    folder_of(o, "blobs");
    file_of(o, "blobs/1", (off_t)15 << 40); /* nothing of it is on the disk */
    struct cx cx = cx_of(o);
    struct store *s = NULL;

    assert_int_equal(store_open(&cx, &o->options, &s), ERR_NO_SPACE);

    assert_int_equal(cx.why.msg, M_KEEP_NO_ROOM);
    before_count(o, &copies, &rests);
    assert_int_equal(copies + rests, 0);
    (void)unlink(arena_printf(o->arena, "%s/blobs/1", o->dir).ptr);
    opened(o, &cx, &s);
    reader_close(cx.db);
    store_close(s);
}

/* As when a disk or a quota is full in the middle: no file may become as long as the copy. */
static void an_upgrade_whose_copy_cannot_be_written_to_its_end_is_refused_and_leaves_nothing(
    void **state)
{
    struct old *o = *state;
    int copies = 0, rests = 0, status = -1;
    struct stat st;
    if (test_is_postgres())
        return;
    old_up_to(o, 9);
    old_shut(o);
    struct cx cx = cx_of(o);
    struct store *s = NULL;
    o->options.no_migrate = true; /* seals it, no more */
    assert_int_equal(store_open(&cx, &o->options, &s), ERR_INVALID);
    o->options.no_migrate = false;
    assert_int_equal(stat(arena_printf(o->arena, "%s/kith.db", o->dir).ptr, &st), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){(rlim_t)st.st_size, (rlim_t)st.st_size});
        _exit(store_open(&cx, &o->options, &s) != OK && cx.why.msg == M_KEEP_NOT_WRITTEN ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);

    before_count(o, &copies, &rests);
    assert_int_equal(copies + rests, 0);
    opened(o, &cx, &s);
    reader_close(cx.db);
    store_close(s);
}

/* What was said on standard error while an older store was opened. */
static str said_at_upgrade(struct old *o)
{
    struct cx cx = {.arena = o->arena, .now_ms = clock_now_ms(), .if_match = -1, .peer = S("")};
    struct store *s = NULL;
    char *bytes = arena_alloc(o->arena, 65536, 1);
    int kept = dup(STDERR_FILENO), fd = memfd_create("said", MFD_CLOEXEC);
    assert_true(kept >= 0 && fd >= 0 && dup2(fd, STDERR_FILENO) >= 0);
    opened(o, &cx, &s);
    reader_close(cx.db);
    store_close(s);
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    ssize_t n = pread(fd, bytes, 65535, 0);
    close(kept);
    close(fd);
    return (str){bytes, n > 0 ? (size_t)n : 0};
}

static void an_upgrade_of_postgres_says_that_no_copy_was_made_and_how_old_the_last_one_is(
    void **state)
{
    struct old *o = *state;
    if (!test_is_postgres())
        return;
    for (int has_backup = 0; has_backup < 2; has_backup++) {
        old_up_to(o, 9);
        if (has_backup) {
            str sql = arena_printf(
                o->arena,
                "INSERT INTO setting (name, value, changed_ms) VALUES ('backup_verified', '%lld', 1)",
                (long long)(clock_now_ms() - 5 * 3600000));
            PQclear(PQexec(o->pg, sql.ptr));
        }
        old_shut(o);
        str said = said_at_upgrade(o);
        assert_true(str_find(said, S("PostgreSQL is not copied before that")) >= 0);
        assert_true(str_find(said, has_backup ? S("is 5 hours old") : S("knows of no backup")) >=
                    0);
        old_end(o);
    }
}

static void an_upgrade_says_what_it_copies_and_how_far_it_is(void **state)
{
    struct old *o = *state;
    if (test_is_postgres())
        return;
    old_up_to(o, 9);
    old_shut(o);
    o->options.tell_ms = -1; /* whenever it can */

    str said = said_at_upgrade(o);

    assert_true(str_find(said, S("it is copied, and the copy verified: ")) >= 0);
    assert_true(str_find(said, S("event=migrate_copy part=copy percent=100 ")) >= 0);
    assert_true(str_find(said, S("event=migrate_copy part=verify looked_at=")) >= 0);
    assert_true(str_find(said, S("kith restore --replace --from ")) >= 0);
}

static void a_store_that_was_upgraded_has_the_tables_of_a_new_one(void **state)
{
    struct old *o = *state;
    old_up_to(o, 1);
    old_shut(o);
    struct cx cx = cx_of(o), fresh = cx_of(o);
    struct store *s = NULL, *made = NULL;
    opened(o, &cx, &s);
    char schema[64];
    struct store_options new_one = {
        .url = test_is_postgres() ? test_postgres_schema(o->arena, schema) : S(":memory:")};
    assert_int_equal(store_open(&fresh, &new_one, &made), OK);
    assert_int_equal(store_reader(made, &fresh, &fresh.db), OK);

    struct list a = lines_read(&cx, columns_sql(test_is_postgres())),
                b = lines_read(&fresh, columns_sql(test_is_postgres()));

    assert_int_equal(a.n, b.n);
    for (size_t i = 0; i < a.n; i++) {
        assert_str(((struct line *)a.items)[i].table, ((struct line *)b.items)[i].table);
        assert_str(((struct line *)a.items)[i].value, ((struct line *)b.items)[i].value);
    }
    reader_close(fresh.db);
    store_close(made);
    reader_close(cx.db);
    store_close(s);
}

/* As a start leaves it that was killed between two steps: after each step of the longest migration. */
static void an_upgrade_goes_on_behind_the_step_that_was_last(void **state)
{
    struct old *o = *state;
    const struct migration *m = &migrations[13];
    for (size_t done = 1; done < steps_of(o, m); done += 4) {
        old_up_to(o, 13);
        struct raw_rows before = old_rows(o);
        old_row(o, m);
        for (size_t i = 0; i < done; i++)
            old_step(o, m, i);
        old_run(
            o,
            arena_printf(o->arena, "INSERT INTO store_meta VALUES ('migrating', '%zu')", done).ptr);
        old_shut(o);
        struct cx cx = cx_of(o);
        struct store *s = NULL;
        o->options.no_migrate = true;
        assert_int_equal(store_open(&cx, &o->options, &s), ERR_INVALID);
        assert_int_equal(cx.why.msg, M_STORE_WANTS_MIGRATION);
        o->options.no_migrate = false;

        opened(o, &cx, &s);

        stands(&cx, &before, 13);
        struct list left =
            lines_read(&cx, S("SELECT '', '', value FROM store_meta WHERE name = 'migrating'"));
        assert_int_equal(left.n, 0);
        reader_close(cx.db);
        store_close(s);
        old_end(o);
    }
}

/* What a program says that knows fewer migrations than the store has: one sentence, and nothing is touched. */
static void a_half_upgraded_store_is_newer_to_the_program_before(void **state)
{
    struct old *o = *state;
    old_up_to(o, migrations_n);
    struct migration later = migrations[migrations_n - 1];
    later.number++;
    old_row(o, &later);
    old_run(o, "INSERT INTO store_meta VALUES ('migrating', '1')");
    old_shut(o);
    struct cx cx = cx_of(o);
    struct store *s = NULL;

    assert_int_equal(store_open(&cx, &o->options, &s), ERR_INVALID);

    assert_int_equal(cx.why.msg, M_STORE_NEWER);
}

static void starter(struct old *o)
{
    struct arena *a = arena_open((size_t)64 << 20);
    struct cx cx = cx_of(o);
    cx.arena = a;
    struct store *s = NULL;
    _exit(store_open(&cx, &o->options, &s) == OK ? 0
                                                 : 1); /* no store_close: it ends as when killed */
}

static void an_upgrade_that_is_killed_again_and_again_comes_to_its_end(void **state)
{
    struct old *o = *state;
    old_up_to(o, 5);
    old_run(o, MANY "INSERT INTO customer (id, root_id, name, city, created_ms, changed_ms) "
                    "SELECT 1000 + i, 1000 + i, 'Name ' || i, 'City ' || i % 50, i, i FROM many");
    old_run(
        o, MANY
        "INSERT INTO standing (customer_id, first_ms, last_contact_ms) SELECT 1000 + i, i, i FROM many");
    old_run(o, MANY "INSERT INTO interaction (id, customer_id, channel, direction, trust, at_ms) "
                    "SELECT 100000 + i, 1000 + i, 'call', 'in', 'typed', i FROM many");
    old_shut(o);
    int kills = 0, status = -1;
    for (int round = 0; status != 0; round++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            starter(o);
        usleep((useconds_t)(5000 * (1 + round)));
        if (round < 12) {
            kill(child, SIGKILL);
            kills++;
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(round < 13);
    }

    struct cx cx = cx_of(o);
    struct store *s = NULL;
    opened(o, &cx, &s);
    struct list n = lines_read(
        &cx, S("SELECT '', '', CAST(count(*) AS TEXT) FROM customer c JOIN standing s ON "
               "s.customer_id = c.id AND s.first_ms = c.created_ms JOIN interaction i ON "
               "i.customer_id = c.id WHERE c.id > 1000"));
    assert_str(((struct line *)n.items)->value, S("3000"));
    assert_true(kills > 0);
    reader_close(cx.db);
    store_close(s);
}

static enum err channel_apply(struct cx *cx, void *state)
{
    static const struct query q_channel = {.name = "channel",
                                           .sqlite = "UPDATE interaction SET channel = ?1",
                                           .n_params = 1,
                                           .writes = true};
    return db_run(cx, &q_channel, ARGS(V(*(const str *)state)));
}

/* In a CHECK or in the WHERE of an index write x = 'a' OR x = 'b' OR x = 'c' in place of x IN ('a', 'b', 'c'): 0039. */
static void no_row_makes_sqlite_build_a_table_of_its_own_and_checks_still_hold(void **state)
{
    struct old *o = *state;
    if (test_is_postgres())
        return;
    old_up_to(o, 38);
    old_shut(o);
    struct cx cx = cx_of(o);
    struct store *s = NULL;
    opened(o, &cx, &s);
    struct list tables = lines_read(
        &cx, S("SELECT name, '', '' FROM sqlite_master WHERE type = 'table' AND name NOT "
               "LIKE 'sqlite%' AND name NOT LIKE 'search_gram%'"));

    assert_true(tables.n > 80);
    for (size_t i = 0; i < tables.n; i++) {
        str table = ((struct line *)tables.items)[i].table;
        str sql =
            arena_printf(o->arena, "EXPLAIN INSERT INTO \"" SFMT "\" DEFAULT VALUES", SARG(table));
        sqlite3_stmt *stmt = NULL;
        assert_int_equal(sqlite3_prepare_v2(lite_handle(cx.db), sql.ptr, -1, &stmt, NULL),
                         SQLITE_OK);
        while (sqlite3_step(stmt) == SQLITE_ROW)
            if (strcmp((const char *)sqlite3_column_text(stmt, 1), "OpenEphemeral") == 0)
                fail_msg("a row of " SFMT " makes SQLite build a table: see migrations/0039",
                         SARG(table));
        sqlite3_finalize(stmt);
    }
    reader_close(cx.db);
    cx.db = NULL;
    str smoke = S("smoke"), fax = S("fax");
    assert_int_equal(db_change(s, &cx, LANE_INTERACTIVE, channel_apply, &smoke), ERR_INTERNAL);
    assert_int_equal(db_change(s, &cx, LANE_INTERACTIVE, channel_apply, &fax), OK);
    store_close(s);
}

static int all(void)
{
    const struct CMUnitTest tests[] = {
        OLD_TEST(rows_of_every_earlier_store_stand_after_the_upgrade),
        OLD_TEST(an_upgrade_leaves_a_copy_of_what_was_before),
        OLD_TEST(an_upgrade_that_is_stopped_anywhere_ends_and_the_next_start_goes_on),
        OLD_TEST(
            a_server_that_is_told_to_stop_while_it_upgrades_ends_well_and_leaves_the_store_as_it_was),
        OLD_TEST(what_a_killed_upgrade_left_is_gone_after_the_next),
        OLD_TEST(an_upgrade_without_room_for_its_copy_is_refused_before_anything_is_written),
        OLD_TEST(an_upgrade_whose_copy_cannot_be_written_to_its_end_is_refused_and_leaves_nothing),
        OLD_TEST(an_upgrade_says_what_it_copies_and_how_far_it_is),
        OLD_TEST(an_upgrade_of_postgres_says_that_no_copy_was_made_and_how_old_the_last_one_is),
        OLD_TEST(no_row_makes_sqlite_build_a_table_of_its_own_and_checks_still_hold),
        OLD_TEST(a_store_that_was_upgraded_has_the_tables_of_a_new_one),
        OLD_TEST(an_upgrade_goes_on_behind_the_step_that_was_last),
        OLD_TEST(a_half_upgraded_store_is_newer_to_the_program_before),
        OLD_TEST(an_upgrade_that_is_killed_again_and_again_comes_to_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return test_on_stores(all);
}
