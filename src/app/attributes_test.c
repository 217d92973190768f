/* app/attributes_test.c - the house's own attributes over generated customers: each says the same in memory as in the store,
 * alone and in random conditions. */
#include "app/demo/demo.h"
#include "db/db_test.h"
#include "expr/inside.h"
#include "queries.h"
#include "rooms/evidence/evidence.h"
#include "rooms/segment/segment.h"

enum { FILLED = 150, MERGED = 30, CUSTOMERS = FILLED - MERGED, SEED = 11, WILD = 1500 };

struct id_row {
    int64_t id;
};
static const struct field id_row_fields[] = {FIELD(struct id_row, id)};
static const struct shape id_row_test = SHAPE("id_row", struct id_row, id_row_fields);

static int64_t ids[CUSTOMERS];

static uint64_t seed = SEED;
static int64_t dice(int64_t n)
{
    return (int64_t)(test_random(&seed) % (uint64_t)n);
}

/* ---- a condition about one attribute ---------------------------------------------------- */

static const char *sample_of(enum expr_type type, const struct expr_attr *v)
{
    static const char *const numbers[] = {"0", "1", "2", "3", "5", "0.5", "0.3333"};
    static const char *const moneys[] = {"0", "10", "100", "250.50", "1000"};
    static const char *const times[] = {"today",      "now",        "today - 30d", "today - 90d",
                                        "today - 1y", "2026-01-01", "now - 48h"};
    static const char *const texts[] = {"JP",
                                        "RU",
                                        "ja",
                                        "ru",
                                        "en",
                                        "a",
                                        "kz",
                                        "example",
                                        "\"+7\"",
                                        "\"+81\"",
                                        "card",
                                        "transfer",
                                        "\"Europe/Berlin\"",
                                        "Tokyo",
                                        "Almaty",
                                        "Москва",
                                        "web",
                                        "\"Google\""};
    switch (type) {
    case EXPR_NUMBER:
        return numbers[dice(COUNT(numbers))];
    case EXPR_MONEY:
        return moneys[dice(COUNT(moneys))];
    case EXPR_TIME:
    case EXPR_DAY:
        return type == EXPR_DAY ? "today - 30d" : times[dice(COUNT(times))];
    case EXPR_CHOICE:
        return v->choices[dice((int64_t)v->n_choices)];
    case EXPR_YES_NO:
        return "true";
    default:
        return texts[dice(COUNT(texts))];
    }
}

static str about(struct arena *a, const struct expr_attr *attr)
{
    static const char *const measured[] = {"=", "!=", "<", "<=", ">", ">="};
    static const char *const texts[] = {"=", "!=", "~", "^=", "$="};
    const struct expr_attr *v = expr_attr_value(attr);
    enum expr_type type = (enum expr_type)v->type;
    const char *is_not = dice(3) ? "" : "not ";
    if (dice(6) == 0)
        return arena_printf(a, "%s%s is %s", is_not, attr->name, dice(2) ? "known" : "empty");
    if (type == EXPR_TIME && dice(3) == 0)
        return arena_printf(a, "%sdays_since(%s) %s %d", is_not, attr->name, measured[dice(6)],
                            (int)dice(200));
    const char *op = type == EXPR_TEXT                            ? texts[dice(5)]
                     : type == EXPR_CHOICE || type == EXPR_YES_NO ? measured[dice(2)]
                                                                  : measured[dice(6)];
    return arena_printf(a, "%s%s %s %s", is_not, attr->name, op, sample_of(type, v));
}

static str about_list(struct arena *a, const struct expr_collection *l)
{
    static const char *const windows[] = {"", " within 30d", " within 1y", " since 2026-01-01",
                                          " before today"};
    static const char *const ops[] = {">=", "<", "=", "!=", "<=", ">"};
    const struct expr_attr *f = &l->fields[dice((int64_t)l->n)];
    const char *op = ops[dice(COUNT(ops))];
    const char *window = l->time_sql ? windows[dice(COUNT(windows))] : "";
    enum expr_type type = (enum expr_type)f->type;
    str one = about(a, f), other = about(a, &l->fields[dice((int64_t)l->n)]);
    switch (dice(4)) {
    case 0:
        return arena_printf(a, "%s %s%s", dice(2) ? "any" : "no", l->name, window);
    case 1:
        return dice(2) ? arena_printf(a, "count(%s%s) %s %d", l->name, window, op, (int)dice(4))
                       : arena_printf(a, "count(%s [" SFMT "]%s) %s %d", l->name, SARG(one), window,
                                      op, (int)dice(4));
    case 2:
        return type == EXPR_NUMBER || type == EXPR_MONEY
                   ? arena_printf(a, "%s(%s.%s%s) %s %s", call_codes[CALL_SUM + dice(6)], l->name,
                                  f->name, window, op, sample_of(type, f))
                   : arena_printf(a, "distinct(%s.%s%s) %s %d", l->name, f->name, window, op,
                                  (int)dice(3));
    default:
        return arena_printf(a, "any %s [" SFMT " and " SFMT "]%s", l->name, SARG(one), SARG(other),
                            window);
    }
}

/* ---- both ways ------------------------------------------------------------------------------ */

static bool is_among(const struct list *l, int64_t id)
{
    for (size_t i = 0; i < l->n; i++)
        if (((const struct id_row *)l->items)[i].id == id)
            return true;
    return false;
}

/* How many it chooses; each of `some` customers is asked in memory. */
static size_t same_both_ways(struct cx *cx, const struct expr_world *world, str text, size_t some)
{
    struct expr *e = NULL;
    struct expr_plan *p = NULL;
    struct list chosen = {0};
    const struct query *q = NULL;
    struct made_text m = made_begin(cx);
    made_sql(&m,
             "SELECT s.customer_id FROM standing s JOIN customer c ON c.id = s.customer_id WHERE ");
    if (expr_parse(cx, text, &e, NULL) != OK || expr_check(cx, world, text, e, NULL) != OK)
        fail_msg(SFMT ": " SFMT, SARG(text), SARG(fault_text(cx->arena, LANG_EN, &cx->why)));
    assert_int_equal(expr_plan(cx, world, e, &p), OK);
    (dice(2) ? expr_sql_all : expr_sql)(p, &m);
    made_sql(&m, " ORDER BY s.customer_id LIMIT 1000");
    assert_int_equal(made_query(cx, &m, "test", &q), OK);
    int64_t counted = 0;
    assert_int_equal(segment_count(cx, p, &counted), OK);
    if (db_all(cx, q, &id_row_test, &chosen, made_args(&m)) != OK)
        fail_msg(SFMT " is not answered: %s%s", SARG(text), q->sqlite, q->postgres);
    if ((int64_t)chosen.n != counted)
        fail_msg(SFMT ": counted are %lld, chosen %zu\n%s%s", SARG(text), (long long)counted,
                 chosen.n, q->sqlite, q->postgres);
    for (size_t i = 0; i < some; i++) {
        int64_t id = ids[some == CUSTOMERS ? i : (size_t)dice(CUSTOMERS)];
        struct expr_subject s = {0};
        struct expr_trace trace = {0};
        assert_int_equal(expr_load(cx, p, id, &s), OK);
        if (expr_holds(p, &s) != is_among(&chosen, id))
            fail_msg(SFMT ": memory and store differ for %lld\n%s%s", SARG(text), (long long)id,
                     q->sqlite, q->postgres);
        assert_int_equal(expr_trace(cx, p, &s, &trace), OK);
        assert_true(trace.holds == is_among(&chosen, id));
        assert_true(trace.flip_at.ms == 0 || trace.flip_at.ms > cx->now_ms);
    }
    return chosen.n;
}

/* Every fifth customer goes into the one before him, as a merge does it: his rows keep his id. */
#define QUERY(id, np, lite, post)    \
    static const struct query id = { \
        .name = #id, .sqlite = (lite), .postgres = (post), .n_params = (np), .writes = true}
QUERY(q_merge, 2, "UPDATE customer SET root_id = ?1 WHERE id = ?2",
      "UPDATE customer SET root_id = $1 WHERE id = $2");
QUERY(q_unstand, 1, "DELETE FROM standing WHERE customer_id = ?1",
      "DELETE FROM standing WHERE customer_id = $1");

static enum err merge_apply(struct cx *cx, void *state)
{
    const struct list *l = state;
    const struct id_row *r = l->items;
    for (size_t i = 4; i < l->n; i += 5) {
        TRY(db_run(cx, &q_merge, ARGS(V(r[i - 1].id), V(r[i].id))));
        TRY(db_run(cx, &q_unstand, ARGS(V(r[i].id))));
    }
    return OK;
}

/* What half of them said, and what was thought of some. */
static enum err said_apply(struct cx *cx, void *state)
{
    (void)state;
    for (size_t i = 0; i < CUSTOMERS; i += 2) {
        int64_t n[EVIDENCE_IMPRESSION];
        for (size_t k = 0; k < EVIDENCE_IMPRESSION; k++)
            n[k] = dice(4);
        n[EVIDENCE_OFF_MATTER] = dice(n[EVIDENCE_QUESTION] + 1);
        int64_t thought = dice(IMPRESSION_N);
        TRY(db_run(cx, &q_trait_put,
                   ARGS(V(ids[i]), V(n[0]), V(n[1]), V(n[2]), V(n[3]), V(n[4]), V(n[5]), V(n[6]),
                        V(n[7]), V(n[8]), V(n[9]), V(0), V(impression_codes[thought]), V(0),
                        V(thought ? cx->now_ms - dice(180) * 86400000 : 0), V(0), V(0), V(0),
                        V(1))));
    }
    return OK;
}

static void fill(struct test_world *w)
{
    struct demo_progress progress = {0};
    struct demo_filled done = {0};
    struct list l = {0};
    w->cx.actor.kind = ACTOR_SYSTEM;
    assert_int_equal(demo_fill_generated(w->store, &w->cx, FILLED, SEED, &progress, &done), OK);
    struct made_text m = made_begin(&w->cx);
    const struct query *q = NULL;
    made_sql(&m, "SELECT s.customer_id FROM standing s ORDER BY s.customer_id LIMIT 1000");
    assert_int_equal(made_query(&w->cx, &m, "ids", &q), OK);
    assert_int_equal(db_all(&w->cx, q, &id_row_test, &l, NO_ARGS), OK);
    assert_int_equal(l.n, FILLED);
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, merge_apply, &l), OK);
    assert_int_equal(db_all(&w->cx, q, &id_row_test, &l, NO_ARGS), OK);
    assert_int_equal(l.n, CUSTOMERS);
    for (size_t i = 0; i < CUSTOMERS; i++)
        ids[i] = ((struct id_row *)l.items)[i].id;
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, said_apply, NULL), OK);
}

static int filled(void **state)
{
    static struct test_house house = {.fill = fill};
    test_world_of(&house, state);
    struct test_world *w = *state;
    w->cx.actor.kind = ACTOR_SYSTEM;
    return 0;
}
#define HOUSE_TEST(fn) cmocka_unit_test_setup_teardown(fn, filled, test_world_close)

static void each_attribute_says_the_same_in_memory_and_in_the_store(void **state)
{
    struct test_world *w = *state;
    struct cx cx = w->cx;
    struct expr_world world = settings_world(&cx);
    size_t told = 0, asked = 0;
    for (size_t t = 0; t < house_catalogue.n; t++) {
        const struct expr_table *table = house_catalogue.tables[t];
        for (size_t i = 0; i < table->n; i++)
            for (int k = 0; k < 4; k++) {
                cx.arena = arena_open((size_t)64 << 20);
                size_t n = same_both_ways(&cx, &world, about(cx.arena, &table->attrs[i]), 6);
                told += n > 0 && n < CUSTOMERS;
                asked++;
                arena_close(cx.arena);
            }
        for (size_t i = 0; i < table->n_collections; i++)
            for (int k = 0; k < 40; k++) {
                cx.arena = arena_open((size_t)64 << 20);
                (void)same_both_ways(&cx, &world, about_list(cx.arena, table->collections[i]), 6);
                arena_close(cx.arena);
            }
    }
    assert_true(told * 6 > asked); /* not all of them choose nobody or everybody */
}

static void random_conditions_on_the_house_choose_the_same(void **state)
{
    struct test_world *w = *state;
    struct cx cx = w->cx;
    struct expr_world world = settings_world(&cx);
    for (int i = 0; i < WILD; i++) {
        cx.arena = arena_open((size_t)64 << 20);
        struct text t = text_in(cx.arena, EXPR_TEXT_MAX);
        for (int64_t k = 0, n = 2 + dice(3); k < n; k++) {
            const struct expr_table *table =
                house_catalogue.tables[dice((int64_t)house_catalogue.n)];
            str one =
                table->n && (dice(3) || !table->n_collections)
                    ? about(cx.arena, &table->attrs[dice((int64_t)table->n)])
                    : about_list(cx.arena, table->collections[dice((int64_t)table->n_collections)]);
            text_add(&t, k == 0 ? S("") : dice(2) ? S(" and ") : S(" or "));
            text_printf(&t, dice(4) ? "(" SFMT ")" : "not (" SFMT ")", SARG(one));
        }
        (void)same_both_ways(&cx, &world, text_str(&t), 2);
        arena_close(cx.arena);
    }
}

/* A part of somebody's rows may fulfil what all of them do not. */
static void rows_of_merged_records_are_counted_together(void **state)
{
    static const struct {
        const char *call;
        int by;
    } asks[] = {{"count(orders within 1y)", 1},
                {"count(interactions)", 1},
                {"sum(orders.total within 1y)", 100},
                {"max(orders.total)", 100},
                {"distinct(interactions.channel)", 1}};
    static const char *const ops[] = {"=", "<", ">=", "!="};
    struct test_world *w = *state;
    struct cx cx = w->cx;
    struct expr_world world = settings_world(&cx);
    for (size_t a = 0; a < COUNT(asks); a++)
        for (size_t o = 0; o < COUNT(ops); o++)
            for (int n = 1; n < 5; n++) {
                cx.arena = arena_open((size_t)64 << 20);
                char text[100];
                snprintf(text, sizeof text, "%s %s %d", asks[a].call, ops[o], n * asks[a].by);
                (void)same_both_ways(&cx, &world, str_of(text), CUSTOMERS);
                arena_close(cx.arena);
            }
}

/* The examples of docs/expressions.md: rows of the table under "Twenty examples", the condition between backticks. */
static void the_examples_of_the_manual_are_answered(void **state)
{
    struct test_world *w = *state;
    struct cx cx = w->cx;
    struct expr_world world = settings_world(&cx);
    char line[2000];
    size_t examples = 0, found = 0;
    bool is_here = false;
    FILE *f = fopen("docs/expressions.md", "re");
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        if (strncmp(line, "## ", 3) == 0)
            is_here = strcmp(line, "## Twenty examples\n") == 0;
        char *end = strncmp(line, "| `", 3) == 0 ? strstr(line + 3, "` |") : NULL;
        if (!is_here || !end)
            continue;
        found += same_both_ways(&cx, &world,
                                arena_str(cx.arena, (str){line + 3, (size_t)(end - line - 3)}),
                                CUSTOMERS) > 0;
        examples++;
    }
    fclose(f);
    assert_int_equal(examples, 20);
    assert_true(found >= 8); /* among so few customers */
}

static void each_row_of_the_catalogue_is_whole(void **state)
{
    (void)state;
    for (size_t t = 0; t < house_catalogue.n; t++) {
        const struct expr_table *table = house_catalogue.tables[t];
        for (size_t i = 0; i < table->n; i++) {
            const struct expr_attr *a = &table->attrs[i], *v = expr_attr_value(a);
            assert_non_null(v);
            assert_true(a->label != 0);
            assert_true(v->field || v->get);
            assert_non_null(v->sql);
            assert_true(v->type != EXPR_CHOICE || v->n_choices > 0);
            assert_ptr_equal(attr_find(&(struct expr_world){.catalogue = &house_catalogue}, NULL,
                                       str_of(a->name)),
                             a); /* no name twice */
        }
    }
}

static int all(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_of_the_catalogue_is_whole),
        HOUSE_TEST(each_attribute_says_the_same_in_memory_and_in_the_store),
        HOUSE_TEST(random_conditions_on_the_house_choose_the_same),
        HOUSE_TEST(rows_of_merged_records_are_counted_together),
        HOUSE_TEST(the_examples_of_the_manual_are_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return test_on_stores(all);
}
