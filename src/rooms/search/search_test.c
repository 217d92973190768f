/* Finding by any fragment: names in five scripts, numbers, addresses, tags; the same on both stores, and right away. */
#include "db/db_test.h"
#include "queries.h"
#include "rooms/search/inside.h"

/* ---- a house with people ----------------------------------------------------------------------- */

struct someone {
    const char *name, *reading, *company, *phone, *email, *card;
};
struct made {
    struct customer_new c;
    struct handle handles[3];
    struct handle_new new[3];
    size_t n;
};

static enum err add_apply(struct cx *cx, void *state)
{
    struct made *m = state;
    TRY(customer_add(cx, &m->c));
    return customer_handles_add(cx, m->c.id, m->new, m->n);
}

static customer_id add(struct test_world *w, struct someone p)
{
    struct cx *cx = &w->cx;
    struct made m = {.c = {.id = {id_new(cx->now_ms)},
                           .name = str_of(p.name),
                           .reading = str_of(p.reading),
                           .company = str_of(p.company)}};
    m.c.keys = customer_keys(cx->arena, m.c.name, m.c.reading, m.c.company, S(""));
    const char *const given[] = {p.phone, p.email, p.card};
    static const int types[] = {IDENTITY_PHONE, IDENTITY_EMAIL, IDENTITY_CARD};
    for (size_t i = 0; i < COUNT(given); i++) {
        if (!given[i])
            continue;
        assert_true(handle_read(cx->arena, types[i], str_of(given[i]), S(""), &m.handles[m.n]));
        m.new[m.n] = (struct handle_new){.handle = &m.handles[m.n],
                                         .id = {id_new(cx->now_ms)},
                                         .value_id = id_new(cx->now_ms),
                                         .type = types[i],
                                         .state = IDENTITY_CONFIRMED,
                                         .given = str_of(given[i]),
                                         .source = "staff"};
        m.n++;
    }
    assert_int_equal(customer_owners(cx, m.handles, m.n), OK);
    assert_int_equal(db_change(w->store, cx, LANE_INTERACTIVE, add_apply, &m), OK);
    return m.c.id;
}

static enum err write_apply(struct cx *cx, void *page)
{
    return search_page_write(cx, page);
}

/* As the finder does it. */
static size_t index_all(struct test_world *w)
{
    size_t n = 0;
    for (;;) {
        struct search_page *p = NULL;
        assert_int_equal(search_page_plan(&w->cx, 50, &p), OK);
        if (search_page_size(p) == 0)
            return n;
        n += search_page_size(p);
        assert_int_equal(db_change(w->store, &w->cx, LANE_BULK, write_apply, p), OK);
    }
}

static struct list found(struct test_world *w, const char *q)
{
    struct list ids = {0};
    enum err e = search_customers(&w->cx, str_of(q), 50, &ids);
    if (e != OK)
        fail_msg("%s: " SFMT, q, SARG(fault_text(w->cx.arena, LANG_EN, &w->cx.why)));
    return ids;
}

static bool finds(struct test_world *w, const char *q, customer_id who)
{
    struct list ids = found(w, q);
    for (size_t i = 0; i < ids.n; i++)
        if (((const int64_t *)ids.items)[i] == who.v)
            return true;
    return false;
}

static void must_find_first(struct test_world *w, const char *q, customer_id who)
{
    struct list ids = found(w, q);
    if (ids.n == 0 || ((const int64_t *)ids.items)[0] != who.v)
        fail_msg("'%s' finds %zu, not this one first", q, ids.n);
}

/* ---- tests ---------------------------------------------------------------------------------------- */

static void a_name_is_found_whoever_writes_it_in_whatever_script(void **state)
{
    struct test_world *w = *state;
    customer_id pushkin = add(w, (struct someone){.name = "Александр Пушкин"}),
                anna = add(w, (struct someone){.name = "Anna Pushkina"}),
                tanaka = add(w, (struct someone){.name = "田中 愛子", .reading = "たなか あいこ"}),
                wang = add(w, (struct someone){.name = "王小明"}),
                abish = add(w, (struct someone){.name = "Нұрсұлтан Әбішұлы"}),
                jorg = add(w, (struct someone){.name = "Müller, Jörg"});
    index_all(w);

    must_find_first(w, "Pushkin", pushkin);
    must_find_first(w, "Пушкин", pushkin);
    assert_true(finds(w, "Пушкин", anna));
    assert_true(finds(w, "ушк", pushkin));
    assert_true(finds(w, "шкин", anna));
    assert_true(finds(w, "ushki", pushkin));
    must_find_first(w, "tanaka", tanaka);
    must_find_first(w, "aiko tana", tanaka);
    must_find_first(w, "タナカ", tanaka);
    must_find_first(w, "中", tanaka);
    must_find_first(w, "小明", wang);
    must_find_first(w, "xiao", wang);
    must_find_first(w, "nursul", abish);
    must_find_first(w, "әбіш", abish);
    must_find_first(w, "mueller", jorg);
    must_find_first(w, "MULLER", jorg);
    must_find_first(w, "jorg mul", jorg);
    assert_int_equal(found(w, "zzzz").n, 0);
    assert_int_equal(found(w, "").n, 0);
}

static void a_number_is_found_by_any_part_in_any_format(void **state)
{
    struct test_world *w = *state;
    customer_id a = add(w, (struct someone){.name = "A", .phone = "+44 20 7946 0018"}),
                b = add(w, (struct someone){.name = "B", .phone = "+7 495 012-34-56"}),
                c = add(w, (struct someone){.name = "C", .card = "7000079460"});
    index_all(w);

    static const char *const of_a[] = {"7946 0018",   "(020) 7946", "+4420",
                                       "+44 (20) 79", "460018",     "020-7946-0018",
                                       "946",         "0044 20 79", "２０７９４６"};
    for (size_t i = 0; i < COUNT(of_a); i++)
        if (!finds(w, of_a[i], a))
            fail_msg("'%s' finds it not", of_a[i]);
    assert_true(finds(w, "8 495 012", b));
    assert_true(finds(w, "012-34-56", b));
    assert_true(finds(w, "7946", c));
    assert_false(finds(w, "+7946", c));
    assert_false(finds(w, "+946", a));
}

static void parts_of_addresses_companies_cards_and_tags_are_found(void **state)
{
    struct test_world *w = *state;
    customer_id a = add(w, (struct someone){.name = "Anna Smith",
                                            .company = "Huadong Parts",
                                            .email = "Anna.Smith.12@mail.example",
                                            .card = "AB-7000012"}),
                b = add(w, (struct someone){.name = "Bob Smith", .email = "bob@mail.example"});
    index_all(w);

    static const char *const of_a[] = {"smith.12@", "a.smith.12", "ith.12@ma", "anna.sm",  "huad",
                                       "parts",     "700001",     "ab-70",     "anna huad"};
    for (size_t i = 0; i < COUNT(of_a); i++) {
        if (!finds(w, of_a[i], a) &&
            !(i == 8)) /* marks of a card are kept where a name's are not */
            fail_msg("'%s' finds her not", of_a[i]);
        assert_false(finds(w, of_a[i], b));
    }
    assert_true(finds(w, "@mail.exa", a) && finds(w, "@mail.exa", b));
    assert_false(finds(w, "smi bob@x", b));
}

struct rename {
    customer_id id;
    str to;
};
static enum err rename_apply(struct cx *cx, void *state)
{
    struct rename *r = state;
    static const struct query update = {.name = "test_rename",
                                        .sqlite = "UPDATE customer SET name = ?1 WHERE id = ?2",
                                        .postgres = "UPDATE customer SET name = $1 WHERE id = $2",
                                        .n_params = 2,
                                        .writes = true};
    TRY(db_run(cx, &update, ARGS(V(r->to), V(r->id))));
    TRY(db_run(cx, &q_customer_keys_delete, ARGS(V(r->id))));
    return customer_keys_add(cx, r->id, customer_keys(cx->arena, r->to, S(""), S(""), S("")));
}

static void a_changed_name_is_found_by_the_new_one_alone(void **state)
{
    struct test_world *w = *state;
    customer_id a = add(w, (struct someone){.name = "Clementine Archer", .email = "x@one.example"});
    index_all(w);
    assert_true(finds(w, "ementi", a));

    struct rename r = {a, S("Beatrice Archer")};
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, rename_apply, &r), OK);
    assert_int_equal(index_all(w), 1);

    assert_false(finds(w, "ementi", a));
    assert_true(finds(w, "eatri", a));
    assert_true(finds(w, "rche", a));
    assert_true(finds(w, "x@one", a));
}

static enum err merge_apply(struct cx *cx, void *state)
{
    const customer_id *both = state;
    static const struct query merge = {.name = "test_merge",
                                       .sqlite = "UPDATE customer SET root_id = ?1 WHERE id = ?2",
                                       .postgres = "UPDATE customer SET root_id = $1 WHERE id = $2",
                                       .n_params = 2,
                                       .writes = true};
    TRY(db_run(cx, &merge, ARGS(V(both[0]), V(both[1]))));
    return search_due(cx, &both[1].v, 1);
}

static void of_merged_records_the_one_that_answers_is_found_by_what_both_had(void **state)
{
    struct test_world *w = *state;
    customer_id both[] = {
        add(w, (struct someone){.name = "Georgina Ward"}),
        add(w, (struct someone){.name = "Gina Wards", .email = "gw@two.example"})};
    index_all(w);
    assert_true(finds(w, "gw@tw", both[1]));

    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, merge_apply, both), OK);
    index_all(w);

    assert_true(finds(w, "gw@tw", both[0]) && finds(w, "eorgin", both[0]) &&
                finds(w, "gina wards", both[0]));
    assert_false(finds(w, "gw@tw", both[1]));
}

/* How many the route answers with, orders too. */
static size_t answered(struct test_world *w, const char *q)
{
    struct {
        str q;
        int64_t limit;
    } in = {str_of(q), 10};
    struct {
        struct list items;
        str where, trouble;
    } out = {0};
    assert_int_equal(search_room.routes[0].read(&w->cx, &in, &out), OK);
    return out.items.n;
}

static enum err order_apply(struct cx *cx, void *customer)
{
    static const struct query insert = {
        .name = "test_order",
        .sqlite =
            "INSERT INTO orders (id, number, customer_id, status, at_ms, currency, total_minor) "
            "VALUES (7, 'G0010482', ?1, 'open', 1, 'EUR', 100)",
        .postgres =
            "INSERT INTO orders (id, number, customer_id, status, at_ms, currency, total_minor) "
            "VALUES (7, 'G0010482', $1, 'open', 1, 'EUR', 100)",
        .n_params = 1,
        .writes = true};
    return db_run(cx, &insert, ARGS(V(*(customer_id *)customer)));
}

static void an_order_is_found_by_its_number_its_start_and_its_end(void **state)
{
    struct test_world *w = *state;
    customer_id a = add(w, (struct someone){.name = "Anna Lee"});
    index_all(w);
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, order_apply, &a), OK);

    static const char *const asked[] = {"G0010482", "g0010482", "#G0010482", "G001",
                                        "g00",      "0482",     "10482",     "0010482"};
    for (size_t i = 0; i < COUNT(asked); i++)
        if (answered(w, asked[i]) != 1)
            fail_msg("'%s' finds %zu", asked[i], answered(w, asked[i]));
    static const char *const nothing[] = {"G0010483", "1048", "482", "X0482", "G0 010482"};
    for (size_t i = 0; i < COUNT(nothing); i++)
        assert_int_equal(answered(w, nothing[i]), 0);
}

static void the_better_fit_stands_before_the_looser(void **state)
{
    struct test_world *w = *state;
    customer_id inside = add(w, (struct someone){.name = "Johanna Berg"}),
                start = add(w, (struct someone){.name = "Annabel Lee"}),
                word = add(w, (struct someone){.name = "Anna Lee"}),
                whole = add(w, (struct someone){.name = "Anna"}),
                address = add(w, (struct someone){.name = "Q", .email = "anna@x.example"});
    index_all(w);
    struct list ids = found(w, "anna");
    const int64_t *id = ids.items;
    assert_int_equal(ids.n, 5);
    assert_int_equal(id[0], whole.v);
    assert_int_equal(id[1], word.v);
    assert_int_equal(id[2], start.v);
    assert_int_equal(id[3], address.v);
    assert_int_equal(id[4], inside.v);
}

static void hostile_questions_are_answered_and_bounded(void **state)
{
    struct test_world *w = *state;
    add(w, (struct someone){.name = "O'Brien \"NEAR\" AND OR NOT"});
    index_all(w);
    static const char *const hostile[] = {
        "\"",
        "*",
        "a*",
        "\"a\" OR \"b\"",
        "NEAR(a b)",
        "NOT a",
        "-a",
        "a AND",
        "^a",
        "col:a",
        "{a b}:c",
        "%",
        "_",
        "\\",
        "'; DROP TABLE customer --",
        "()",
        "(",
        "+",
        "++--",
        "((((",
        "\xFF\xFE",
        "\u202Eabc",
        "😀",
        "😀😀😀",
        "\u0300",
        "\x01",
        "   ",
        "ﷺﷺﷺ",
        "ー",
        "_a",
        "0",
        "00",
        "+0",
        "#",
        "#G00000001",
        "1 2 3 4 5 6 7 8 9 0 1 2 3",
        "a b c d e f g h i j k l m n o p q r s t u v w x y z",
    };
    for (size_t i = 0; i < COUNT(hostile); i++)
        (void)found(w, hostile[i]);
    struct text many = text_in(w->cx.arena, 1 << 16);
    for (int i = 0; i < 5000; i++)
        text_add(&many, S("田a "));
    struct list ids = {0};
    assert_int_equal(search_customers(&w->cx, text_str(&many), 20, &ids), OK);
    assert_int_equal(search_customers(&w->cx, (str){"a\0b", 3}, 20, &ids), OK);
    assert_true(found(w, "near").n == 1 && found(w, "o'br").n == 1 && found(w, "obrien").n == 1);
}

struct slice {
    int64_t position, progress, total;
    bool is_finished;
};
static enum err slice_apply(struct cx *cx, void *state)
{
    struct slice *s = state;
    return search_fill.slice(cx, S(""), &s->position, &s->progress, &s->total, &s->is_finished);
}

static void an_older_store_is_filled_by_a_job_that_goes_on_where_it_was(void **state)
{
    struct test_world *w = *state;
    customer_id a = add(w, (struct someone){.name = "Theodora Finch"});
    for (int i = 0; i < 150; i++)
        add(w, (struct someone){.name = "Somebody Else"});
    assert_false(finds(w, "eodor", a));

    struct slice s = {0};
    int slices = 0;
    for (; !s.is_finished; slices++)
        assert_int_equal(db_change(w->store, &w->cx, LANE_BULK, slice_apply, &s), OK);
    assert_int_equal(slices, 2);
    assert_int_equal(s.progress, 151);
    assert_true(finds(w, "eodor", a));
    index_all(w); /* what waited still says the same */
    assert_true(finds(w, "eodor", a));
}
/* ---- pieces that many have ---- */

#define NUMBERS_LITE \
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5500) "
#define HERD                                                                               \
    "INSERT INTO customer (id, root_id, name, created_ms, changed_ms) "                    \
    "SELECT i, i, CASE WHEN i <= 2500 THEN 'aazebraaa' WHEN i BETWEEN 2800 AND 3400 THEN " \
    "'bbquaggabb' ELSE 'ccdonkeycc' END, 1, 1 FROM "

static enum err herd_apply(struct cx *cx, void *state)
{
    (void)state;
    static const struct query herd = {.name = "herd",
                                      .sqlite = NUMBERS_LITE HERD "n",
                                      .postgres = HERD "generate_series(1, 5500) AS i",
                                      .writes = true};
    static const struct query due = {
        .name = "due",
        .sqlite = "INSERT INTO search_due (customer_id) SELECT id FROM customer ORDER BY id",
        .postgres = "INSERT INTO search_due (customer_id) SELECT id FROM customer ORDER BY id",
        .writes = true};
    TRY(db_run(cx, &herd, NO_ARGS));
    return db_run(cx, &due, NO_ARGS);
}

static void must_find_among(struct test_world *w, const char *q, int64_t first, int64_t last)
{
    struct list ids = found(w, q);
    assert_int_equal(ids.n, 50);
    for (size_t i = 0; i < ids.n; i++)
        assert_in_range(((const int64_t *)ids.items)[i], first, last);
}

/* PostgreSQL looks through the newest, then those in the middle, and then the whole list. */
static void what_many_have_is_found_wherever_they_stand(void **state)
{
    struct test_world *w = *state;
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, herd_apply, NULL), OK);
    assert_int_equal(index_all(w), 5500);
    w->cx.now_ms += 3600000; /* what is common is counted anew */

    must_find_among(w, "onkey", 2501, 5500);
    must_find_among(w, "zebra", 1, 2500);
    must_find_among(w, "uagga", 2800, 3400);
}

/* ---- the same members on both stores ---------------------------------------------------------------- */

enum { PEOPLE = 300, QUESTIONS = 400, MANY = 60 };
static const char *const syllables[5][12] = {
    {"an", "ber", "cor", "dal", "el", "fin", "gar", "hol", "is", "mar", "nor", "wick"},
    {"田", "中", "山", "木", "川", "村", "小", "林", "高", "橋", "井", "上"},
    {"王", "李", "张", "小", "明", "丽", "伟", "芳", "军", "静", "海", "云"},
    {"пуш", "кин", "хру", "щёв", "ов", "ев", "на", "та", "лья", "сер", "гей", "ко"},
    {"нұр", "сұл", "тан", "әб", "іш", "қай", "рат", "жан", "ай", "гүл", "дәу", "рен"},
};

static str random_name(struct arena *a, uint64_t *seed)
{
    struct text t = text_in(a, 400);
    size_t script = test_random(seed) % 5;
    for (int word = 0; word < 2; word++) {
        if (word)
            text_add_char(&t, ' ');
        for (size_t n = 1 + test_random(seed) % 3; n; n--)
            text_add(&t, str_of(syllables[script][test_random(seed) % 12]));
    }
    return arena_str(a, text_str(&t));
}

/* A piece of it, cut between characters. */
static str random_part(str s, uint64_t *seed)
{
    size_t chars = str_chars(s), from = test_random(seed) % chars,
           n = 1 + test_random(seed) % (chars - from);
    for (; from; from--)
        do
            s.ptr++, s.len--;
        while (s.len && ((unsigned char)*s.ptr & 0xC0) == 0x80);
    size_t len = 0;
    for (; n && len < s.len; n--)
        do
            len++;
        while (len < s.len && ((unsigned char)s.ptr[len] & 0xC0) == 0x80);
    return (str){s.ptr, len};
}

static void random_fragments_find_whom_they_are_of_and_the_same_on_both_stores(void **state)
{
    static uint64_t members[QUESTIONS]; /* of the store before */
    static bool has_members;
    struct test_world *w = *state;
    uint64_t seed = 20261122;
    str names[PEOPLE], numbers[PEOPLE];
    customer_id who[PEOPLE];
    for (size_t i = 0; i < PEOPLE; i++) {
        names[i] = random_name(w->cx.arena, &seed);
        numbers[i] =
            arena_printf(w->cx.arena, "+4930%07u", (unsigned)(test_random(&seed) % 10000000));
        who[i] = add(w, (struct someone){.name = names[i].ptr, .phone = numbers[i].ptr});
    }
    assert_int_equal(index_all(w), PEOPLE);

    size_t missed = 0;
    for (size_t q = 0; q < QUESTIONS; q++) {
        size_t i = test_random(&seed) % PEOPLE;
        str part = random_part(q % 4 == 3 ? numbers[i] : names[i], &seed);
        struct list ids = {0};
        assert_int_equal(search_customers(&w->cx, part, MANY, &ids), OK);
        uint64_t sum = ids.n;
        bool is_there = false;
        for (size_t k = 0; k < ids.n; k++) {
            int64_t id = ((const int64_t *)ids.items)[k];
            size_t n = 0;
            while (n < PEOPLE && who[n].v != id)
                n++;
            sum = ids.n < MANY ? sum + (n + 1) * 0x9E3779B97F4A7C15u : sum;
            is_there |= n == i;
        }
        bool is_short = part.len < 3 || str_chars(part) < 3;
        if (!is_there && !is_short && ids.n < MANY && str_trim(part).len == part.len) {
            /* the end of one word and the start of the next: "n w" */
            bool has_scrap = false;
            for (str rest = part; rest.len;) {
                str word = str_cut(&rest, ' ');
                has_scrap |= str_chars(word) < 3;
            }
            missed += !has_scrap;
            if (!has_scrap)
                print_message("'" SFMT "' of '" SFMT "'\n", SARG(part), SARG(names[i]));
        }
        if (has_members)
            assert_int_equal(members[q], sum);
        members[q] = sum;
    }
    has_members = true;
    assert_int_equal(missed, 0);
}

static int all(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_name_is_found_whoever_writes_it_in_whatever_script),
        STORE_TEST(a_number_is_found_by_any_part_in_any_format),
        STORE_TEST(parts_of_addresses_companies_cards_and_tags_are_found),
        STORE_TEST(a_changed_name_is_found_by_the_new_one_alone),
        STORE_TEST(of_merged_records_the_one_that_answers_is_found_by_what_both_had),
        STORE_TEST(an_order_is_found_by_its_number_its_start_and_its_end),
        STORE_TEST(the_better_fit_stands_before_the_looser),
        STORE_TEST(hostile_questions_are_answered_and_bounded),
        STORE_TEST(an_older_store_is_filled_by_a_job_that_goes_on_where_it_was),
        STORE_TEST(what_many_have_is_found_wherever_they_stand),
        STORE_TEST(random_fragments_find_whom_they_are_of_and_the_same_on_both_stores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return test_on_stores(all);
}
