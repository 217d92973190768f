/* rooms/import/import_test.c - files through the one door: counted once, tried before, taken back. */
#include "db/db_test.h"
#include "messages.h"
#include "queries.h"
#include "rooms/import/import.h"

struct made {
    int64_t line;
    customer_id customer;
    interaction_id interaction;
    order_id order;
    str source_id;
    bool is_new;
};
/* clang-format off */
static const struct field made_fields[] = {
    FIELD(struct made, line),
    FIELD_AS(struct made, customer, "customer_id"),
    FIELD_AS(struct made, interaction, "interaction_id"),
    FIELD_AS(struct made, order, "order_id"),
    FIELD(struct made, source_id),
    FIELD(struct made, is_new),
};
static const struct shape made_shape = SHAPE("import_trace", struct made, made_fields);
/* clang-format on */

static str file_bytes;       /* of the import at hand */
static int64_t lost_at = -1; /* the byte that is not given */
static const struct fault not_given = {.err = ERR_BUSY, .msg = M_STORE_FAILED};
static ssize_t bytes_read(void *arg, int64_t at, char *to, size_t n)
{
    (void)arg;
    if (at <= lost_at && lost_at < at + (int64_t)n)
        return -1;
    size_t left = at < (int64_t)file_bytes.len ? file_bytes.len - (size_t)at : 0,
           take = n < left ? n : left;
    if (take)
        memcpy(to, file_bytes.ptr + at, take);
    return (ssize_t)take;
}

static struct csv_source source(void)
{
    return (struct csv_source){bytes_read, NULL, (int64_t)file_bytes.len, &not_given};
}

struct adding {
    struct import i;
    bool dry_run;
};
static enum err add_apply(struct cx *cx, void *state)
{
    struct adding *a = state;
    TRY(import_add(cx, &a->i));
    return import_begin(cx, a->i.id, a->i.map, a->dry_run);
}

static import_id begun(struct test_world *w, int kind, const char *more, bool dry_run)
{
    struct csv_source s = source();
    struct import_map map;
    struct list rows;
    assert_int_equal(import_guess(&w->cx, &s, kind, -1, 0, &map, &rows), OK);
    if (more)
        assert_int_equal(import_map_read(&w->cx, str_of(more), &map), OK);
    struct adding a = {.i = {.id = {id_new(w->cx.now_ms)},
                             .kind = kind,
                             .name = S("t.csv"),
                             .size = s.size,
                             .map = import_map_write(w->cx.arena, &map)},
                       .dry_run = dry_run};
    assert_int_equal(db_change(w->store, &w->cx, LANE_BULK, add_apply, &a), OK);
    return a.i.id;
}

/* At most n steps of `most` rows. */
static void worked(struct test_world *w, import_id id, size_t most, int n)
{
    struct import i;
    struct csv_source s = source();
    struct import_run *r = NULL;
    bool finished = false;
    assert_int_equal(import_get(&w->cx, id, &i), OK);
    enum err e = import_run_open(w->store, &w->cx, &i, &s, &r);
    if (e != OK)
        fail_msg("open: " SFMT, SARG(fault_text(w->cx.arena, LANG_EN, &w->cx.why)));
    while (!finished && n-- > 0) {
        e = import_run_step(r, most, &finished);
        if (e != OK)
            fail_msg("step: %s " SFMT, err_code(e),
                     SARG(fault_text(w->cx.arena, LANG_EN, &import_run_cx(r)->why)));
    }
    import_run_close(r);
}

static struct import after(struct test_world *w, import_id id)
{
    struct import i;
    assert_int_equal(import_get(&w->cx, id, &i), OK);
    return i;
}

static struct import whole(struct test_world *w, int kind, const char *more)
{
    import_id id = begun(w, kind, more, false);
    worked(w, id, 100, 1000000);
    struct import i = after(w, id);
    assert_int_equal(i.state, IMPORT_DONE);
    return i;
}

#define assert_figures(i, r, m, c, s, j)           \
    do {                                           \
        assert_int_equal((i).figures.rows, r);     \
        assert_int_equal((i).figures.made, m);     \
        assert_int_equal((i).figures.changed, c);  \
        assert_int_equal((i).figures.same, s);     \
        assert_int_equal((i).figures.rejected, j); \
    } while (0)

static void rows_that_can_be_read_only_in_part_change_nothing_the_second_time(void **state)
{
    struct test_world *w = *state;
    file_bytes = S("Name,Phone,Email,City\n"
                   "Bad Phone,12,,London\n"
                   "Bad Phone,13,,London\n"
                   "Anna Smith,+44 20 7946 0018,not-an-address,Leeds\n");
    struct import i = whole(w, IMPORT_CUSTOMERS, NULL);
    assert_figures(i, 3, 3, 0, 0, 0);

    i = whole(w, IMPORT_CUSTOMERS, NULL);
    assert_figures(i, 3, 0, 0, 3, 0);
}

static void rows_become_customers_and_the_same_file_again_changes_nothing(void **state)
{
    struct test_world *w = *state;
    file_bytes = S("id,Name,Phone,Email,City,Country\n"
                   "1,Anna Smith,+44 20 7946 0018,anna@shop.example,London,United Kingdom\n"
                   "2,田中愛子,+81 3-5550-0142,,東京,日本\n"
                   "3,Иван Петров,,ivan@shop.example,Алматы,Казахстан\n"
                   ",Nobody Known,,,Oslo,Norway\n");
    struct import i = whole(w, IMPORT_CUSTOMERS, NULL);
    assert_figures(i, 4, 4, 0, 0, 0);

    i = whole(w, IMPORT_CUSTOMERS, NULL);
    assert_figures(i, 4, 0, 0, 4, 0);

    file_bytes = S("id,Name,Phone,Email,City,Country\n"
                   "1,Anna Smith,+44 20 7946 0018,anna@shop.example,London,GB\n"
                   "3,Иван Петров,+7 727 250 00 18,ivan@shop.example,Алматы,KZ\n");
    i = whole(w, IMPORT_CUSTOMERS, NULL);
    assert_figures(i, 2, 0, 1, 1, 0);
}

static void a_birth_date_is_read_in_any_writing(void **state)
{
    struct test_world *w = *state;
    file_bytes = S("Name,Email,Date of birth,Job title\n"
                   "Anna,anna@shop.example,31.01.1990,Baker\n"
                   "Bob,bob@shop.example,1985年2月3日,\n"
                   "Eve,eve@shop.example,someday,\n");
    struct import i = whole(w, IMPORT_CUSTOMERS, NULL);
    assert_figures(i, 3, 2, 0, 0, 1);
    struct list l = {0};
    assert_int_equal(
        db_all(&w->cx, &q_customer_list, &customer_row_shape, &l, ARGS(V(INT64_MAX), V(10))), OK);
    const struct customer *c = l.items;
    assert_str(c[1].birth_date, S("1990-01-31"));
    assert_str(c[1].occupation, S("Baker"));
    assert_str(c[0].birth_date, S("1985-02-03"));
}

static void a_row_that_is_wrong_is_kept_with_its_reason_and_stops_nothing(void **state)
{
    struct test_world *w = *state;
    struct text t = text_in(w->cx.arena, 1 << 20);
    text_add(&t, S("id,Name,Country\n"));
    for (int i = 1; i <= 1000; i++)
        if (i % 10)
            text_printf(&t, "%d,Somebody %d,DE\n", i, i);
        else
            text_printf(&t, i % 20 ? "%d,\"Open %d,DE\n" : "%d,Lost %d\n", i, i);
    file_bytes = text_str(&t);
    struct import i = whole(w, IMPORT_CUSTOMERS, NULL);
    assert_figures(i, 1000, 900, 0, 0, 100);

    struct csv_source s = source();
    struct text out = text_in(w->cx.arena, 1 << 20);
    int64_t at = 0;
    bool finished = false;
    while (!finished)
        assert_int_equal(import_rejected(&w->cx, &i, &s, &at, &out, &finished), OK);
    str all = text_str(&out), head = str_cut(&all, '\n'), first = str_cut(&all, '\n'),
        second = str_cut(&all, '\n');
    assert_str(head, S("kith line,kith field,kith reason,id,Name,Country"));
    assert_str(first, S("11,,The quote opened in this line is never closed.,10,\"Open 10,DE"));
    assert_str(second, S("21,,\"The row has 2 columns, the first one has 3.\",20,Lost 20"));
}

/* Steps until it stops by itself; what it said. */
static enum err stopped(struct test_world *w, import_id id)
{
    struct csv_source s = source();
    struct import i = after(w, id);
    struct import_run *r = NULL;
    bool finished = false;
    enum err e = import_run_open(w->store, &w->cx, &i, &s, &r);
    while (e == OK && !finished)
        e = import_run_step(r, 100, &finished);
    import_run_close(r);
    return e;
}

static void a_file_that_the_store_does_not_give_for_a_while_is_not_called_unreadable(void **state)
{
    struct test_world *w = *state;
    struct text t = text_in(w->cx.arena, 1 << 20);
    text_add(&t, S("Name,Email,Leaf\n"));
    for (int n = 0; n < 300; n++)
        text_printf(&t, "Somebody %d,s%d@shop.example,%02000d\n", n, n, n);
    file_bytes = text_str(&t);
    import_id checked = begun(w, IMPORT_CUSTOMERS, NULL, true),
              id = begun(w, IMPORT_CUSTOMERS, NULL, false);

    lost_at = 1000;
    struct csv_source s = source();
    struct import_map map;
    struct list rows;
    assert_int_equal(import_guess(&w->cx, &s, IMPORT_CUSTOMERS, -1, 0, &map, &rows), ERR_BUSY);
    assert_int_equal(stopped(w, id), ERR_BUSY);

    lost_at = 420 << 10; /* where only the rows are read */
    assert_int_equal(stopped(w, checked), ERR_BUSY);
    assert_int_equal(after(w, checked).state, IMPORT_CHECKING);
    assert_int_equal(stopped(w, id), ERR_BUSY);
    struct import i = after(w, id);
    assert_int_equal(i.state, IMPORT_RUNNING);
    assert_in_range(i.figures.made, 1, 299); /* and these are not read again */

    lost_at = -1;
    assert_int_equal(stopped(w, id), OK);
    i = after(w, id);
    assert_int_equal(i.state, IMPORT_DONE);
    assert_figures(i, 300, 300, 0, 0, 0);
}

static void an_import_that_was_cut_goes_on_where_it_was(void **state)
{
    struct test_world *w = *state;
    struct text t = text_in(w->cx.arena, 1 << 20);
    text_add(&t, S("Name,Email\n"));
    for (int i = 0; i < 500; i++)
        text_printf(&t, "Person %d,p%d@shop.example\n", i, i);
    file_bytes = text_str(&t);
    import_id id = begun(w, IMPORT_CUSTOMERS, NULL, false);
    worked(w, id, 70, 3);
    struct import i = after(w, id);
    assert_int_equal(i.state, IMPORT_RUNNING);
    assert_figures(i, 210, 210, 0, 0, 0);

    worked(w, id, 70, 1000);
    i = after(w, id);
    assert_int_equal(i.state, IMPORT_DONE);
    assert_figures(i, 500, 500, 0, 0, 0);
}

static int64_t customers(struct test_world *w)
{
    struct list l = {0};
    assert_int_equal(
        db_all(&w->cx, &q_customer_list, &customer_row_shape, &l, ARGS(V(INT64_MAX), V(1000))), OK);
    return (int64_t)l.n;
}

static enum err undo_apply(struct cx *cx, void *state)
{
    return import_undo_begin(cx, *(const import_id *)state);
}

static void taken_back(struct test_world *w, import_id id)
{
    bool finished = false;
    assert_int_equal(db_change(w->store, &w->cx, LANE_BULK, undo_apply, &id), OK);
    while (!finished)
        assert_int_equal(import_undo_step(w->store, &w->cx, id, &finished), OK);
}

static void a_dry_run_says_what_would_be_and_writes_nothing(void **state)
{
    struct test_world *w = *state;
    file_bytes = S("Name,Email,City\nAnna,anna@shop.example,London\n");
    (void)whole(w, IMPORT_CUSTOMERS, NULL);
    file_bytes = S("Name,Email,City\n"
                   "Anna,anna@shop.example,Paris\n"
                   "Bob,bob@shop.example,\n"
                   "Bob again,bob@shop.example,\n"
                   "Anna,anna@shop.example,London\n"
                   ",,\n");
    int64_t before = customers(w);
    import_id id = begun(w, IMPORT_CUSTOMERS, NULL, true);
    worked(w, id, 2, 100);
    struct import i = after(w, id);

    assert_int_equal(i.state, IMPORT_READY);
    assert_int_equal(customers(w), before);
    if (!str_starts(i.checked,
                    S("{\"rows\":5,\"made\":1,\"changed\":1,\"same\":2,\"rejected\":1,")))
        fail_msg(SFMT, SARG(i.checked));
    assert_true(str_starts(
        i.checked,
        S("{\"rows\":5,\"made\":1,\"changed\":1,\"same\":2,\"rejected\":1,\"conflicts\":[{\"line\":2,")));
    assert_true(
        str_find(i.checked, S("\"field\":\"city\",\"now\":\"London\",\"comes\":\"Paris\"")) > 0);
}

static void an_import_is_taken_back_but_for_what_somebody_worked_with(void **state)
{
    struct test_world *w = *state;
    file_bytes = S("Name,Email\nOld,old@shop.example\n");
    (void)whole(w, IMPORT_CUSTOMERS, NULL);
    file_bytes = S(
        "Name,Email,City,Tags\nNew,new@shop.example,Rome,a\nOther,other@shop.example,Rome,\nOld,old@shop.example,Rome,a\n");
    struct import i = whole(w, IMPORT_CUSTOMERS, NULL);
    assert_figures(i, 3, 2, 1, 0, 0);
    assert_int_equal(customers(w), 3);
    /* Somebody calls one of the new ones. */
    file_bytes = S("Email,Channel,Text\nother@shop.example,call,Hello\n");
    struct import calls = whole(w, IMPORT_INTERACTIONS, NULL);
    assert_figures(calls, 1, 1, 0, 0, 0);

    taken_back(w, i.id);
    i = after(w, i.id);
    assert_int_equal(i.state, IMPORT_UNDONE);
    assert_int_equal(customers(w), 2);
    assert_true(i.stays >= 1);

    taken_back(w, calls.id);
    assert_int_equal(after(w, calls.id).undone, 1);
}

static void the_lines_of_an_order_are_its_rows(void **state)
{
    struct test_world *w = *state;
    file_bytes = S("Order number,Date,Email,SKU,Item,Quantity,Price,Currency,Status\n"
                   "A1,2026-10-01,anna@shop.example,K1,Kettle,1,25.00,EUR,paid\n"
                   "A1,2026-10-01,anna@shop.example,F2,Filter,3,4.50,EUR,paid\n"
                   "A2,2026-10-02,bob@shop.example,K1,Kettle,2,\"25,00\",EUR,delivered\n"
                   "A3,2026-10-02,bob@shop.example,K1,Kettle,x,25.00,EUR,delivered\n"
                   "A4,not a day,bob@shop.example,K1,Kettle,1,25.00,EUR,delivered\n");
    import_id id = begun(w, IMPORT_ORDERS, NULL, false);
    worked(w, id, 1, 100);
    struct import i = after(w, id);
    assert_int_equal(i.state, IMPORT_DONE);
    if (i.figures.made != 2)
        fail_msg("made %lld rejected %lld same %lld", (long long)i.figures.made,
                 (long long)i.figures.rejected, (long long)i.figures.same);
    assert_figures(i, 5, 2, 0, 0, 2);
    struct order o;
    struct list rows;
    assert_int_equal(
        db_all(&w->cx, &q_import_row_after, &made_shape, &rows, ARGS(V(id), V(4), V(10))), OK);
    assert_int_equal(rows.n, 1);
    assert_int_equal(order_get(&w->cx, ((const struct made *)rows.items)->order, &o), OK);
    assert_int_equal(o.lines.n, 2);
    assert_int_equal(o.total.amount, 3850);

    struct import again = whole(w, IMPORT_ORDERS, NULL);
    assert_figures(again, 5, 0, 0, 2, 2);
    taken_back(w, id);
    assert_int_equal(after(w, id).undone, 4);
    assert_int_equal(customers(w), 0);
}

/* The same rows in steps of any size: what a batch sees of itself and of the one before. */
static void orders_in_any_batches_are_the_same_orders(void **state)
{
    struct test_world *w = *state;
    struct text t = text_in(w->cx.arena, 1 << 20);
    text_add(&t, S("Order number,Date,Email,SKU,Quantity,Price,Currency\n"));
    for (int i = 0; i < 120; i++)
        text_printf(&t, "N%d,2026-10-01,p%d@shop.example,K%d,%s,2.50,EUR\n", i, i / 7, i % 5,
                    i % 20 == 19 ? "x" : "1");
    for (int i = 0; i < 30; i++) /* again, further down: the same, and with another sum */
        text_printf(&t, "N%d,2026-10-01,p%d@shop.example,K%d,%d,2.50,EUR\n", 2 * i, 2 * i / 7,
                    2 * i % 5, i % 3 ? 1 : 2);
    text_add(&t, S("N19,2026-10-01,p2@shop.example,K4,1,2.50,EUR\n")); /* it was rejected above */
    file_bytes = text_str(&t);
    import_id dry = begun(w, IMPORT_ORDERS, NULL, true);
    worked(w, dry, 100, 1000);
    static const size_t sizes[] = {200, 41, 1};
    for (size_t k = 0; k < COUNT(sizes); k++) {
        import_id id = begun(w, IMPORT_ORDERS, NULL, false);
        worked(w, id, sizes[k], 1000);
        assert_figures(after(w, id), 151, 115, 0, 20, 16);
        assert_int_equal(customers(w), 17);
        import_id again = begun(w, IMPORT_ORDERS, NULL, false);
        worked(w, again, sizes[k], 1000);
        assert_figures(after(w, again), 151, 0, 0, 135, 16);
        taken_back(w, id);
        assert_int_equal(customers(w), 0);
    }
}

static int all(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(rows_become_customers_and_the_same_file_again_changes_nothing),
        STORE_TEST(rows_that_can_be_read_only_in_part_change_nothing_the_second_time),
        STORE_TEST(a_birth_date_is_read_in_any_writing),
        STORE_TEST(a_row_that_is_wrong_is_kept_with_its_reason_and_stops_nothing),
        STORE_TEST(an_import_that_was_cut_goes_on_where_it_was),
        STORE_TEST(a_file_that_the_store_does_not_give_for_a_while_is_not_called_unreadable),
        STORE_TEST(a_dry_run_says_what_would_be_and_writes_nothing),
        STORE_TEST(an_import_is_taken_back_but_for_what_somebody_worked_with),
        STORE_TEST(the_lines_of_an_order_are_its_rows),
        STORE_TEST(orders_in_any_batches_are_the_same_orders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return test_on_stores(all);
}
