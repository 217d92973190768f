/* Pages of the table: every way through the rows gives the same ones in the same order; each text of a
 * record is a column and stands in the forms. */
#include "db/db_test.h"
#include "rooms/list/filter.h"
#include <sqlite3.h>
#include <stdatomic.h>

/* FEW are still several pages, steps and samples; and of each kind some, with many of the same value. */
enum { PEOPLE = 5000, FEW = 2000, PAGES_MAX = 400 };

/* clang-format off */
#define PEOPLE_SQL "WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < 5000) SELECT "
static const char customers[] =
    "INSERT INTO customer (id, root_id, kind, name, folded_name, country, created_ms, changed_ms) " PEOPLE_SQL
    "i, i, CASE WHEN i % 11 = 0 THEN 'company' ELSE 'person' END, 'Name ' || (i * 7919 % 97), 'name ' || (i * 7919 % 97),"
    " CASE WHEN i % 500 = 0 THEN 'KZ' WHEN i % 3 = 0 THEN 'JP' ELSE 'GB' END, 1795000000000 + i % 1000, 1 FROM n";
static const char standings[] =
    "INSERT INTO standing (customer_id, kind, activity, is_vip, activity_due_ms, activity_ms, first_ms, last_contact_ms, last_order_ms,"
    " contacts, orders, spent_minor) " PEOPLE_SQL
    "i, CASE WHEN i % 11 = 0 THEN 'company' ELSE 'person' END,"
    " CASE WHEN i % 10 < 7 THEN 'active' WHEN i % 10 = 7 THEN 'cooling' WHEN i % 10 = 8 THEN 'idle' ELSE 'lost' END,"
    " CASE WHEN i % 250 = 0 THEN 1 ELSE 0 END, 0, 1790000000000 + i % 77,"
    " 1700000000000, 1795329000000 - 86400000 * (CASE WHEN i % 10 < 7 THEN i % 20 WHEN i % 10 = 7 THEN 40 + i % 30"
    " WHEN i % 10 = 8 THEN 100 + i % 200 ELSE 400 + i % 300 END), 0, i % 40, i % 13, i * 31 % 1009 FROM n";
/* clang-format on */

/* Statements are kept by the address of their query. */
static const struct query fill_customers = {
    .name = "fill", .sqlite = customers, .postgres = customers, .writes = true};
static const struct query fill_standings = {
    .name = "fill", .sqlite = standings, .postgres = standings, .writes = true};

static const char fewer_standings[] = "DELETE FROM standing WHERE customer_id > 2000",
                  fewer_customers[] = "DELETE FROM customer WHERE id > 2000";
static const struct query drop_standings = {
    .name = "drop", .sqlite = fewer_standings, .postgres = fewer_standings, .writes = true};
static const struct query drop_customers = {
    .name = "drop", .sqlite = fewer_customers, .postgres = fewer_customers, .writes = true};

static enum err run_fill(struct cx *cx, void *few)
{
    TRY(db_run(cx, &fill_customers, NO_ARGS));
    TRY(db_run(cx, &fill_standings, NO_ARGS));
    if (!few)
        return OK;
    TRY(db_run(cx, &drop_standings, NO_ARGS));
    return db_run(cx, &drop_customers, NO_ARGS);
}

static void fill(struct test_world *w, bool few)
{
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, run_fill, few ? w : NULL), OK);
}

struct answer {
    str items, next;
    bool is_cut;
};

static enum err ask(struct test_world *w, const char *where, const char *sort, str cursor,
                    struct answer *out)
{
    struct arena *a = w->cx.arena;
    void *in = arena_alloc(a, 1, list_in_shape.size);
    *out = (struct answer){0};
    assert_int_equal(sizeof *out, list_out_shape.size);
    str form = arena_printf(a,
                            "limit=97&columns=name&sort=%s&where=%s"
                            "%s" SFMT,
                            sort, where, cursor.len ? "&cursor=" : "", SARG(cursor));
    assert_int_equal(form_read(&w->cx, &list_in_shape, form, false, in, NULL), OK);
    return list_route(&w->cx, in, out);
}

/* The ids of all pages, in their order. */
static size_t all_pages(struct test_world *w, const char *where, const char *sort, int64_t *ids)
{
    size_t n = 0;
    struct answer page = {0};
    for (int i = 0; i < PAGES_MAX; i++) {
        assert_int_equal(ask(w, where, sort, page.next, &page), OK);
        str rest = page.items;
        for (;;) {
            ptrdiff_t at = str_find(rest, S("\"id\":\"cus_"));
            if (at < 0)
                break;
            rest = (str){rest.ptr + at + 6, rest.len - (size_t)at - 6};
            str id = {rest.ptr, 17};
            assert_true(n < FEW);
            assert_true(id_parse(id, "cus", &ids[n++]));
        }
        if (!page.next.len)
            return n;
    }
    fail_msg("the pages do not end: %s by %s", where, sort);
    return 0;
}

/* The same by one plain query. */
static struct list plainly(struct test_world *w, const char *condition, const char *key, bool falls)
{
    static const struct field id_fields[] = {
        {.name = "id", .type = F_INT, .size = sizeof(int64_t)}};
    static const struct shape ids = {"id", sizeof(int64_t), id_fields, 1};
    struct made_text m = made_begin(&w->cx);
    const struct query *q;
    struct list out = {0};
    made_sql(&m,
             "SELECT s.customer_id FROM standing s JOIN customer c ON c.id = s.customer_id WHERE ");
    made_sql(&m, condition);
    made_sql(&m, " ORDER BY ");
    made_sql(&m, key);
    made_sql(&m, falls ? " DESC, c.id DESC LIMIT 6000" : ", c.id LIMIT 6000");
    assert_int_equal(made_query(&w->cx, &m, "plain", &q), OK);
    assert_int_equal(db_all(&w->cx, q, &ids, &out, made_args(&m)), OK);
    return out;
}

static void compare_all(struct test_world *w)
{
    static const struct {
        const char *where, *sql;
    } filters[] = {
        {"", "1 = 1"},
        {"activity%3Dactive", "s.activity = 'active'"},
        {"activity%3Dcooling", "s.activity = 'cooling'"},
        {"activity%3Dlost", "s.activity = 'lost'"},
        {"activity%3Dlost+and+orders>%3D5", "s.activity = 'lost' AND s.orders >= 5"},
        {"kind%3Dcompany", "s.kind = 'company'"},
        {"vip", "s.is_vip = 1"},
        {"not+vip+and+kind%3Dcompany", "s.is_vip = 0 AND s.kind = 'company'"},
        {"country%3D\"JP\"", "c.country = 'JP'"},
        {"country%3D\"KZ\"", "c.country = 'KZ'"},
        {"country%3D\"GB\"+and+spent>%3D5", "c.country = 'GB' AND s.spent_minor >= 500"},
        {"spent+between+2+and+3", "s.spent_minor BETWEEN 200 AND 300"},
        {"orders%3D12+or+vip", "(s.orders = 12 OR s.is_vip = 1)"},
        {"vip%3Dfalse+and+kind%3Dcompany", "s.is_vip = 0 AND s.kind = 'company'"},
        {"orders!%3D5+and+spent!%3D2", "s.orders <> 5 AND s.spent_minor <> 200"},
        {"contacts%3D39+and+lang%3D\"xx\"", "1 = 0"},
        {"name%3D\"NAME+17\"", "c.name = 'Name 17'"},
        {"name%3D\"NAME+17\"+and+vip", "c.name = 'Name 17' AND s.is_vip = 1"},
    };
    static const struct {
        const char *sort, *key;
    } sorts[] = {
        {"name", "substr(c.folded_name, 1, 40)"},
        {"created_at", "c.created_ms"},
        {"spent", "s.spent_minor"},
        {"orders", "s.orders"},
        {"last_contact_at", "s.last_contact_ms"},
        {"activity_since", "s.activity_ms"},
    };
    int64_t *ids = ARENA_ARRAY(w->cx.arena, FEW, int64_t);
    for (size_t i = 0; i < COUNT(filters); i++) {
        for (size_t k = 0; k < 2 * COUNT(sorts); k++) {
            bool falls = k % 2;
            char sort[40];
            snprintf(sort, sizeof sort, "%s%s", falls ? "-" : "", sorts[k / 2].sort);
            struct list want = plainly(w, filters[i].sql, sorts[k / 2].key, falls);
            size_t n = all_pages(w, filters[i].where, sort, ids);
            if (n != want.n || (n && memcmp(ids, want.items, n * sizeof *ids) != 0))
                fail_msg("%s by %s: %zu rows, %zu were due, or in another order", filters[i].where,
                         sort, n, want.n);
        }
        arena_reset(w->cx.arena);
        ids = ARENA_ARRAY(w->cx.arena, FEW, int64_t);
    }
}

static void every_way_through_the_rows_gives_the_same_pages(void **state)
{
    struct test_world *w = *state;
    const struct list_limits usual = list_limits;
    static const struct list_limits ways[] = {
        {3000, 250, 1000000000, 10000}, /* what an index finds is gathered */
        {0, 100, 1000000000, 10000},    /* all is walked, in many steps */
        {0, 700, 0, 10000},             /* each page ends after its first step */
    };
    fill(w, true);
    for (size_t i = 0; i < COUNT(ways); i++) {
        list_limits = ways[i];
        compare_all(w);
    }
    list_limits = usual;
}

/* How often SQLite put the rows of the pages in order by itself. */
static atomic_int walks, walk_sorts;

static int statement_ended(unsigned what, void *unused, void *statement, void *ns)
{
    (void)what, (void)unused, (void)ns;
    const char *sql = sqlite3_sql(statement);
    if (sql && strstr(sql, "UNION ALL SELECT id, key")) {
        walks++;
        walk_sorts += sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_SORT, 1);
    }
    return 0;
}

static int connection_opened(sqlite3 *db, char **message, const void *unused)
{
    (void)message, (void)unused;
    return sqlite3_trace_v2(db, SQLITE_TRACE_PROFILE, statement_ended, NULL);
}

static void who_share_a_key_are_walked_in_the_order_of_the_index(void **state)
{
    struct test_world *w = *state;
    if (test_is_postgres())
        skip();
    const struct list_limits usual = list_limits;
    fill(w, true);
    int64_t *ids = ARENA_ARRAY(w->cx.arena, FEW, int64_t);
    list_limits = (struct list_limits){0, 100, 1000000000, 10000};
    static const char *const sorts[] = {"name",  "-name",   "-created_at",
                                        "spent", "-orders", "-last_contact_at"};
    for (size_t i = 0; i < COUNT(sorts); i++) {
        assert_int_equal(all_pages(w, "", sorts[i], ids), FEW);
        assert_true(all_pages(w, "activity%3Dlost+and+orders>%3D5", sorts[i], ids) > 0);
        if (walk_sorts > 0)
            fail_msg("by %s: rows were sorted %d times", sorts[i], walk_sorts);
    }
    assert_true(walks > 100);
    list_limits = usual;
}

/* struct many_out of page.c. */
struct many {
    int64_t count;
    int how;
};
static struct many how_many(struct test_world *w, const char *form)
{
    struct many m = {0};
    void *in = arena_alloc(w->cx.arena, 1, many_in_shape.size);
    assert_int_equal(sizeof m, many_out_shape.size);
    assert_int_equal(form_read(&w->cx, &many_in_shape, str_of(form), false, in, NULL), OK);
    assert_int_equal(count_route(&w->cx, in, &m), OK);
    return m;
}

static void everybody_is_counted_as_far_as_is_told(void **state)
{
    struct test_world *w = *state;
    const struct list_limits usual = list_limits;
    fill(w, false);
    struct many all = how_many(w, "");
    assert_int_equal(all.count, PEOPLE);
    assert_int_equal(all.how, 0); /* exact */
    list_limits.count_rows = 1000;
    list_limits.gather_rows = 500;
    struct many some = how_many(w, ""), few = how_many(w, "where=vip"),
                many = how_many(w, "where=activity%3Dactive");
    list_limits = usual;
    assert_int_equal(some.count, 1000);
    assert_int_equal(some.how, 1); /* at least */
    assert_int_equal(few.count, 20);
    assert_int_equal(few.how, 0);
    assert_int_equal(many.how, 2); /* about: a sample of 3,500 */
    assert_in_range(many.count, 2500, 4500);
}

/* A new line of CUSTOMER_TEXTS is a column and stands in both forms, without a change anywhere here. */
static void each_text_of_a_record_is_a_column_and_in_the_forms(void **state)
{
    static const char *const texts[][2] = {
#define X(name, claim, ...) {#name, #claim},
        CUSTOMER_TEXTS(X)
#undef X
    };
    struct test_world *w = *state;
    struct text t = text_in(w->cx.arena, (size_t)1 << 20);
    struct json_out j = {.to = &t};
    json_object_begin(&j);
    assert_int_equal(list_meta(&w->cx, &j), OK);
    json_object_end(&j);
    str meta = text_str(&t);
    ptrdiff_t forms = str_find(meta, S("\"forms\"")), edit = str_find(meta, S("\"customer_edit\""));
    assert_true(forms > 0 && edit > forms);
    str lists = {meta.ptr, (size_t)forms}, made = {meta.ptr + forms, (size_t)(edit - forms)},
        edited = {meta.ptr + edit, meta.len - (size_t)edit};
    struct column_set columns;
    for (size_t i = 0; i < COUNT(texts); i++) {
        str name = arena_printf(w->cx.arena, "{\"name\":\"%s\",", texts[i][0]);
        str claim = arena_printf(w->cx.arena, "{\"name\":\"%s\",", texts[i][1]);
        assert_true(str_find(lists, name) > 0);
        assert_true(str_find(made, claim) > 0);
        assert_true(str_find(edited, name) > 0);
        assert_int_equal(columns_named(&w->cx, str_of(texts[i][0]), &columns), OK);
    }
    assert_int_equal(columns_named(&w->cx, S("name,nope"), &columns), ERR_INVALID);
}

static int all(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(every_way_through_the_rows_gives_the_same_pages),
        STORE_TEST(who_share_a_key_are_walked_in_the_order_of_the_index),
        STORE_TEST(everybody_is_counted_as_far_as_is_told),
        STORE_TEST(each_text_of_a_record_is_a_column_and_in_the_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    if (sqlite3_auto_extension((void (*)(void))connection_opened) != SQLITE_OK)
        return 1;
    return test_on_stores(all);
}
