/* rooms/import/csv_test.c - rows of files as the world writes them. */
#include "base/base_test.h"
#include "rooms/import/columns.h"
#include "messages.h"
#include <unicode/ucnv.h>

struct memory {
    str s;
};
static ssize_t memory_read(void *arg, int64_t at, char *to, size_t n)
{
    const struct memory *m = arg;
    size_t left = at < (int64_t)m->s.len ? m->s.len - (size_t)at : 0, take = n < left ? n : left;
    if (take)
        memcpy(to, m->s.ptr + at, take);
    return (ssize_t)take;
}
static struct csv_source source_of(struct memory *m)
{
    return (struct csv_source){memory_read, m, (int64_t)m->s.len};
}

/* "a|b" of each row, '!' and the fault of those that cannot be read, with their line. */
static str told(struct cx *cx, str file, struct csv_form form, int64_t at, int64_t line)
{
    struct memory m = {file};
    struct csv_source s = source_of(&m);
    struct csv *c = csv_open(&s, &form, at, line);
    struct text t = text_in(cx->arena, 1 << 20);
    struct csv_row r;
    assert_non_null(c);
    while (csv_next(c, cx->arena, &r) == CSV_ROW) {
        if (r.fault) {
            text_printf(&t, "!%d@%lld\n", (int)r.fault, (long long)r.line);
            continue;
        }
        for (size_t i = 0; i < r.cells.n; i++)
            text_printf(&t, "%s" SFMT, i ? "|" : "", SARG(r.cells.items[i]));
        text_add_char(&t, '\n');
    }
    csv_close(c);
    return text_str(&t);
}

static const struct csv_form comma = {CSV_UTF_8, ',', 0};

static void cells_are_parted_as_rfc_4180_says(void **state)
{
    assert_str(
        told(*state, S("a,b\r\n\"x,y\",\"say \"\"hi\"\"\"\n\n,\nlast,\"two\nlines\""), comma, 0, 1),
        S("a|b\nx,y|say \"hi\"\n|\nlast|two\nlines\n"));
    assert_str(told(*state, S("a\rb\rc"), comma, 0, 1), S("a\nb\nc\n"));
    assert_str(told(*state, S("5\" pipe,x\n"), comma, 0, 1), S("5\" pipe|x\n"));
}

static void a_broken_row_costs_no_other(void **state)
{
    assert_str(told(*state, S("a,b\n1,\"open\n2,x\n3,\"y\"\n4,z"), comma, 0, 1),
               S("a|b\n!3@2\n2|x\n3|y\n4|z\n"));
    assert_str(told(*state, S("a,b\n1,\"x\"y\n2,z\n"), comma, 0, 1), S("a|b\n!4@2\n2|z\n"));
    assert_str(told(*state, S("a,b\n1,2\n3,\"never\n4,5\n"), comma, 0, 1),
               S("a|b\n1|2\n!3@3\n4|5\n"));
    assert_str(told(*state, ((str){"a\nb\0c\nd\n", 8}), comma, 0, 1), S("a\n!1@2\nd\n"));
    assert_str(told(*state, S("a\n\xff\xfe\nd\n"), comma, 0, 1), S("a\n!2@2\nd\n"));
}

static void rows_and_cells_have_a_size_and_the_next_row_is_read(void **state)
{
    struct cx *cx = *state;
    struct text t = text_on_heap(64u << 20);
    text_add(&t, S("a\n"));
    for (int i = 0; i < 10000; i++)
        text_add(&t, S(","));
    text_add(&t, S("\nb\n"));
    for (int i = 0; i < 9 << 20; i++)
        text_add_char(&t, 'x');
    text_add(&t, S("\nc\n\""));
    for (int i = 0; i < 2 << 20; i++)
        text_add_char(&t, 'x');
    text_add(&t, S("\"\nd\n"));
    assert_false(t.is_over);
    assert_str(told(cx, text_str(&t), comma, 0, 1), S("a\n!7@2\nb\n!5@4\nc\n!6@6\nd\n"));
    text_free(&t);
}

static void reading_goes_on_where_it_stopped(void **state)
{
    struct memory m = {S("a,b\n\"x\ny\",2\nz,3\n")};
    struct csv_source s = source_of(&m);
    struct csv *c = csv_open(&s, &comma, 0, 1);
    struct csv_row r;
    assert_int_equal(csv_next(c, ((struct cx *)*state)->arena, &r), CSV_ROW);
    assert_int_equal(csv_next(c, ((struct cx *)*state)->arena, &r), CSV_ROW);
    int64_t at = csv_at(c), line = csv_line(c);
    csv_close(c);

    assert_int_equal(line, 4);
    assert_str(told(*state, m.s, comma, at, line), S("z|3\n"));
}

static str in_encoding(struct cx *cx, const char *icu, str utf8)
{
    UErrorCode e = U_ZERO_ERROR;
    size_t most = utf8.len * 4 + 16;
    char *p = arena_alloc(cx->arena, most, 1);
    int32_t n = ucnv_convert(icu, "UTF-8", p, (int32_t)most, utf8.ptr, (int32_t)utf8.len, &e);
    assert_true(U_SUCCESS(e));
    return (str){p, (size_t)n};
}

static void the_encoding_is_found(void **state)
{
    struct cx *cx = *state;
    static const struct {
        int encoding;
        const char *icu, *text;
    } cases[] = {
        {CSV_UTF_8, "UTF-8", "имя,телефон\nИван,+7 727 250 00 18\n"},
        {CSV_UTF_8, "UTF-8", "name,phone\nAnna,+44 20 7946 0018\n"},
        {CSV_UTF_16LE, "UTF-16LE", "name,phone\nAnna,+44 20 7946 0018\n"},
        {CSV_UTF_16BE, "UTF-16BE", "name,phone\nAnna,+44 20 7946 0018\n"},
        {CSV_WINDOWS_1251, "windows-1251",
         "Имя;Телефон;Город\nИван Петров;+7 727 250 00 18;Алматы\nСауле;;Астана\n"},
        {CSV_WINDOWS_1251, "windows-1251", "id;name\n1;ООО «Ромашка»\n2;ИП Ёлкина\n"},
        {CSV_GB18030, "gb18030", "姓名,手机,城市\n王小明,13800138000,上海\n李华,,北京\n"},
        {CSV_GB18030, "gb18030", "id,公司名称\n1,华东零件有限公司\n2,深圳市电子科技公司\n"},
        {CSV_SHIFT_JIS, "windows-31j",
         "氏名,フリガナ,電話番号\n田中愛子,タナカアイコ,03-5550-0142\n"},
        {CSV_SHIFT_JIS, "windows-31j", "id,name,city\n1,鈴木一郎,東京都\n2,佐藤さくら,大阪府\n"},
        {CSV_WINDOWS_1252, "windows-1252",
         "Name;Straße;Ort\nMüller;Hauptstraße 5;Köln\nJosé;;Málaga\n"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t bom = 9;
        str file = in_encoding(cx, cases[i].icu, str_of(cases[i].text));
        int found = csv_encoding_find(file, &bom);
        if (found != cases[i].encoding)
            fail_msg("%s: found %d instead of %d", cases[i].text, found, cases[i].encoding);
        assert_int_equal(bom, 0);
        struct csv_form form = {found, strchr(cases[i].text, ';') ? ';' : ',', 0};
        str all = told(cx, file, form, 0, 1), want = str_of(cases[i].text);
        assert_int_equal(all.len, want.len);
    }
    size_t bom = 0;
    assert_int_equal(csv_encoding_find(S("\xEF\xBB\xBFname"), &bom), CSV_UTF_8);
    assert_int_equal(bom, 3);
}

static struct csv_form form_of(str file)
{
    struct memory m = {file};
    struct csv_source s = source_of(&m);
    struct csv_form f;
    assert_true(csv_form_find(&s, -1, 0, &f));
    return f;
}

static void the_delimiter_is_found(void **state)
{
    (void)state;
    assert_int_equal(form_of(S("a;b;c\n\"x,y\";1,5;z\n")).delimiter, ';');
    assert_int_equal(form_of(S("a\tb\n1, 2\t3\n")).delimiter, '\t');
    assert_int_equal(form_of(S("a|b|c\n1|2|3\n")).delimiter, '|');
    assert_int_equal(form_of(S("name\nAnna\n")).delimiter, ',');
    struct csv_form f = form_of(S("sep=;\r\na;b\r\n"));
    assert_int_equal(f.delimiter, ';');
    assert_int_equal(f.first, 7);
}

static void what_a_spreadsheet_would_run_is_written_as_text_and_comes_back(void **state)
{
    struct cx *cx = *state;
    static const char *const cells[] = {
        "=1+1", "+1-2",  "-2+3",         "@SUM(A1)", "\tx", "'=1", "''@x", "plain",
        "a,b",  "\"q\"", "+77272500018", "-12.50",   "-",   "'",   "",     "x\r\ny"};
    for (size_t i = 0; i < COUNT(cells); i++) {
        struct text t = text_in(cx->arena, 1000);
        csv_cell_write(&t, str_of(cells[i]));
        text_add(&t, S(",end\n"));
        struct memory m = {text_str(&t)};
        struct csv_source s = source_of(&m);
        struct csv *c = csv_open(&s, &comma, 0, 1);
        struct csv_row r;
        assert_int_equal(csv_next(c, cx->arena, &r), CSV_ROW);
        csv_close(c);
        assert_int_equal(r.cells.n, 2);
        if (strchr("=@\t", cells[i][0]) && cells[i][0])
            assert_int_equal(r.cells.items[0].ptr[0], '\'');
        assert_str(csv_cell_plain(r.cells.items[0]), str_of(cells[i]));
    }
}

static void dates_and_amounts_are_read_as_they_are_written(void **state)
{
    (void)state;
    static const struct {
        const char *cell;
        int dates;
        const char *is;
    } dates[] = {{"2026-11-22", DATES_DMY, "2026-11-22T00:00:00Z"},
                 {"22.11.2026 14:30", DATES_DMY, "2026-11-22T14:30:00Z"},
                 {"11/22/2026", DATES_MDY, "2026-11-22T00:00:00Z"},
                 {"3/4/26", DATES_DMY, "2026-04-03T00:00:00Z"},
                 {"2026年11月22日", DATES_DMY, "2026-11-22T00:00:00Z"},
                 {"2026/11/22 2:05 PM", DATES_DMY, "2026-11-22T14:05:00Z"},
                 {"2026-11-22 10:00:00 +0500", DATES_DMY, "2026-11-22T05:00:00Z"},
                 {"20261122", DATES_DMY, "2026-11-22T00:00:00Z"},
                 {"1795305600", DATES_DMY, "2026-11-22T00:00:00Z"}};
    struct cx *cx = *state;
    for (size_t i = 0; i < COUNT(dates); i++) {
        when w = {0};
        if (!cell_when(str_of(dates[i].cell), dates[i].dates, S("UTC"), &w))
            fail_msg("%s is no date", dates[i].cell);
        assert_str(when_text(cx->arena, w), str_of(dates[i].is));
    }
    when w;
    assert_false(cell_when(S("31.02.2026"), DATES_DMY, S("UTC"), &w));
    assert_false(cell_when(S("tomorrow"), DATES_DMY, S("UTC"), &w));
    assert_false(cell_when(S("22.11.2026 25:00"), DATES_DMY, S("UTC"), &w));

    static const struct {
        const char *cell;
        int exponent;
        int64_t is;
    } amounts[] = {{"12", 2, 1200},
                   {"1 234,56", 2, 123456},
                   {"1,234.56", 2, 123456},
                   {"€1.234,5", 2, 123450},
                   {"1,234", 2, 123400},
                   {"1,234", 3, 1234},
                   {"0,234", 3, 234},
                   {"¥1,200", 0, 1200},
                   {"(12.00)", 2, -1200},
                   {"-3.5", 2, -350},
                   {"100 р.", 2, 10000},
                   {"12.50 EUR", 2, 1250},
                   {"1.234.567,00", 2, 123456700}};
    for (size_t i = 0; i < COUNT(amounts); i++) {
        int64_t v = 0;
        if (!cell_amount(str_of(amounts[i].cell), amounts[i].exponent, &v) || v != amounts[i].is)
            fail_msg("%s is %lld", amounts[i].cell, (long long)v);
    }
    int64_t v;
    assert_false(cell_amount(S("12.34"), 0, &v));
    assert_false(cell_amount(S("abc"), 2, &v));
    assert_false(cell_amount(S("99999999999999999999"), 2, &v));
    assert_false(cell_amount(S("1.005,55,1"), 2, &v));
}

/* ---- maps ------------------------------------------------------------------------------------------- */

static str guessed(struct cx *cx, int kind, str file, struct import_map *map)
{
    struct memory m = {file};
    struct csv_source s = source_of(&m);
    struct list rows;
    assert_int_equal(import_guess(cx, &s, kind, -1, 0, map, &rows), OK);
    struct text t = text_in(cx->arena, 4096);
    const struct map_column *c = map->columns.items;
    for (size_t i = 0; i < map->columns.n; i++)
        text_printf(&t, "%s" SFMT, i ? " " : "", SARG(c[i].to.len ? c[i].to : S("-")));
    return text_str(&t);
}

static void the_exports_of_others_are_known(void **state)
{
    struct cx *cx = *state;
    struct import_map m;
    assert_str(
        guessed(
            cx, IMPORT_CUSTOMERS,
            S("Record ID,First Name,Last Name,Email,Phone Number,Mobile Phone Number,Company Name,Lifecycle Stage,City,Country/Region\n1,A,B,a@b.example,+441,+442,C,lead,X,UK\n"),
            &m),
        S("external_id given family email phone phone company - city country"));
    assert_str(m.source, S("hubspot"));
    assert_str(
        guessed(
            cx, IMPORT_CUSTOMERS,
            S("Contact ID,Salutation,First Name,Last Name,Mailing Street,Mailing City,Mailing State/Province,Mailing Zip/Postal Code,Mailing Country,Phone,Mobile,Email,Account Name\n1,Mr,A,B,s,c,st,z,UK,1,2,e,Acme\n"),
            &m),
        S("external_id form_of_address given family address city region postal country phone phone email company"));
    assert_str(m.source, S("salesforce"));
    assert_str(
        guessed(
            cx, IMPORT_CUSTOMERS,
            S("First Name,Middle Name,Last Name,Phonetic First Name,Organization Name,E-mail 1 - Label,E-mail 1 - Value,Phone 1 - Label,Phone 1 - Value,Address 1 - Street,Address 1 - City,Address 1 - Postal Code,Address 1 - Country,Labels\nA,,B,,O,*,a@b.example,Mobile,+44 20 7946 0018,s,c,p,UK,* myContacts\n"),
            &m),
        S("given patronymic family - company - email - phone address city postal country tags"));
    assert_str(m.source, S("google"));
    assert_str(
        guessed(
            cx, IMPORT_CUSTOMERS,
            S("id,login,firstname,lastname,email,web,phone,fax,mobile,department,street,zip,city,country,vip,verified,active,note\n1,l,a,b,e@x.example,w,1,2,3,d,s,z,c,DE,false,true,true,n\n"),
            &m),
        S("external_id account given family email - phone - phone - address postal city country - - - -"));
    assert_str(m.source, S("zammad"));
    assert_str(
        guessed(
            cx, IMPORT_CUSTOMERS,
            S("id,name,email,phone_number,identifier,country,city\n1,A,e@x.example,+44,x,UK,L\n"),
            &m),
        S("external_id name email phone - country city"));
    assert_str(m.source, S("chatwoot"));
    assert_str(
        guessed(
            cx, IMPORT_CUSTOMERS,
            S("External ID,Display Name,Email,Phone,Mobile,Street,City,Zip,Country,Company Type,Tags\n__export__.1,A,e@x.example,1,2,s,c,z,DE,person,t\n"),
            &m),
        S("external_id name email phone phone address city postal country kind tags"));
    assert_str(m.source, S("odoo"));
    assert_str(
        guessed(
            cx, IMPORT_CUSTOMERS,
            S("ID,Salutation Name,First Name,Last Name,Account Name,Email Address,Phone Number,Address Street,Address City,Address Postal Code\n1,Mr.,A,B,C,e@x.example,1,s,c,p\n"),
            &m),
        S("external_id form_of_address given family company email phone address city postal"));
    assert_str(m.source, S("espocrm"));
    assert_str(
        guessed(
            cx, IMPORT_CUSTOMERS,
            S("\"id\",\"first_name\",\"last_name\",\"email1\",\"phone_work\",\"phone_mobile\",\"primary_address_street\",\"primary_address_city\",\"primary_address_postalcode\",\"primary_address_country\",\"lead_source\"\n1,A,B,e@x.example,1,2,s,c,p,DE,Web\n"),
            &m),
        S("external_id given family email phone phone address city postal country heard_of_us"));
    assert_str(m.source, S("suitecrm"));
    assert_str(
        guessed(
            cx, IMPORT_CUSTOMERS,
            S("Id,Name / First Name,Name / Last Name,Emails / Primary Email,Phones / Primary Phone Number,City,Company / Name\n1,A,B,e@x.example,1,c,C\n"),
            &m),
        S("external_id given family email phone city company"));
    assert_str(m.source, S("twenty"));
}

static void headers_in_five_languages_are_known(void **state)
{
    struct cx *cx = *state;
    struct import_map m;
    assert_str(
        guessed(
            cx, IMPORT_CUSTOMERS,
            S("顧客番号,氏名,フリガナ,会社名,電話番号,メールアドレス,郵便番号,都道府県,市区町村,住所\n1,田中,タナカ,C,03,e@x.example,1,東京都,港区,1-1\n"),
            &m),
        S("external_id name reading company phone email postal region city address"));
    assert_str(
        guessed(
            cx, IMPORT_CUSTOMERS,
            S("客户编号,姓名,手机,邮箱,公司,省份,城市,地址\n1,王,138,e@x.example,C,广东,深圳,x\n"),
            &m),
        S("external_id name phone email company region city address"));
    assert_str(
        guessed(
            cx, IMPORT_CUSTOMERS,
            S("Код;Фамилия;Имя;Отчество;Телефон;Моб. телефон;Эл. почта;Город;Источник\n1;И;И;И;1;2;e@x.example;М;сайт\n"),
            &m),
        S("external_id family given patronymic phone phone email city heard_of_us"));
    assert_str(
        guessed(
            cx, IMPORT_CUSTOMERS,
            S("Аты-жөні;Ұялы телефон;Электрондық пошта;Қаласы;Мекенжайы\nС;1;e@x.example;А;x\n"),
            &m),
        S("name phone email city address"));
    assert_str(
        guessed(
            cx, IMPORT_ORDERS,
            S("注文番号,注文日,氏名,電話番号,商品コード,商品名,数量,単価,合計金額,支払方法\n1,2026/1/2,田中,03,A,B,1,100,100,card\n"),
            &m),
        S("number at name phone sku product quantity price total payment_method"));
    assert_str(
        guessed(
            cx, IMPORT_INTERACTIONS,
            S("Ticket ID,Date,Email,Channel,Subject,Message\n1,2026-01-02,e@x.example,email,s,t\n"),
            &m),
        S("source_id at email channel subject text"));
}

static void without_headers_values_tell(void **state)
{
    struct import_map m;
    assert_str(
        guessed(
            *state, IMPORT_CUSTOMERS,
            S("Anna,anna@shop.example,+44 20 7946 0018\nBob,bob@shop.example,+44 20 7946 0019\n"),
            &m),
        S("- email phone"));
    assert_false(m.has_header);
}

static void a_map_that_does_not_fit_is_refused_by_name(void **state)
{
    struct cx *cx = *state;
    struct import_map m = {.has_header = true, .delimiter = S(",")};
    struct import_plan p;
    str heads[] = {S("Name"), S("Tel"), S("Tel")};
    struct str_list first = {heads, 3};
    static const struct {
        const char *json, *why;
    } cases[] = {
        {"{\"columns\": [{\"from\": \"Nick\", \"to\": \"name\"}]}",
         "The file has no column \"Nick\"."},
        {"{\"columns\": [{\"from\": \"Name\", \"to\": \"nick\"}]}",
         "\"nick\" is nothing that a column can be."},
        {"{\"columns\": [{\"from\": \"Name\", \"to\": \"sku\"}]}",
         "\"sku\" does not go with this kind of import."},
        {"{\"columns\": [{\"from\": \"Name\", \"to\": \"name\"}, {\"from\": \"Tel\", \"to\": \"name\"}]}",
         "Two columns cannot both be \"name\"."},
        {"{\"columns\": [{\"from\": \"Name\", \"to\": \"\"}]}",
         "No column says who a row is about: choose one for the name, the phone, the e-mail or the external id."},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(import_map_read(cx, str_of(cases[i].json), &m), OK);
        assert_int_equal(import_map_fit(cx, &m, IMPORT_CUSTOMERS, first, &p), ERR_INVALID);
        assert_str(fault_text(cx->arena, LANG_EN, &cx->why), str_of(cases[i].why));
    }
    assert_int_equal(
        import_map_read(
            cx,
            S("{\"columns\": [{\"from\": \"Tel\", \"to\": \"phone\"}, {\"from\": \"Tel\", \"to\": \"phone\"}, {\"from\": \"1\", \"to\": \"name\"}]}"),
            &m),
        OK);
    assert_int_equal(import_map_fit(cx, &m, IMPORT_CUSTOMERS, first, &p), OK);
    assert_int_equal(p.target[0], TO_NAME);
    assert_int_equal(p.target[1], TO_PHONE);
    assert_int_equal(p.target[2], TO_PHONE);
    assert_int_equal(import_map_read(cx, S("{\"delimiter\": \"x\"}"), &m), ERR_INVALID);
    assert_int_equal(import_map_read(cx, S("{\"colums\": []}"), &m), ERR_INVALID);
    assert_int_equal(import_map_read(cx, import_map_write(cx->arena, &m), &m), OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(cells_are_parted_as_rfc_4180_says),
        TEST(a_broken_row_costs_no_other),
        TEST(rows_and_cells_have_a_size_and_the_next_row_is_read),
        TEST(reading_goes_on_where_it_stopped),
        TEST(the_encoding_is_found),
        TEST(the_delimiter_is_found),
        TEST(what_a_spreadsheet_would_run_is_written_as_text_and_comes_back),
        TEST(dates_and_amounts_are_read_as_they_are_written),
        TEST(the_exports_of_others_are_known),
        TEST(headers_in_five_languages_are_known),
        TEST(without_headers_values_tell),
        TEST(a_map_that_does_not_fit_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, test_cx_open, test_cx_close);
}
