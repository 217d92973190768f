#include "base/base_test.h"
#include "base/person.h"
#include <pthread.h>
#include <unicode/ustring.h>
#include <unicode/utrans.h>

static str joined(struct cx *cx, struct name_keys k)
{
    struct text t = text_in(cx->arena, 1 << 16);
    for (size_t i = 0; i < k.n; i++) {
        if (i)
            text_add(&t, S(" | "));
        text_add(&t, k.keys[i]);
    }
    return text_str(&t);
}

static void a_name_has_the_keys_by_which_people_look_for_it(void **state)
{
    struct cx *cx = *state;
    static const struct {
        const char *name, *reading, *keys;
    } cases[] = {
        {"Anna-Maria O'Brien Jr.", "", "anna maria obrien jr"},
        {"  SMITH,John  ", "", "smith john"},
        {"Müller", "", "müller | muller | mueller"},
        {"Weiß", "", "weiss"},
        {"Ørsted Åse", "", "ørsted åse | orsted ase | oersted aase"},
        {"Łukasz Żółć", "", "łukasz żółć | lukasz zolc"},
        {"Nguyễn Văn Ánh", "", "nguyễn văn ánh | nguyen van anh"},
        {"İbrahim Şahin", "", "i̇brahim şahin | ibrahim sahin"},
        {"Ｗｉｄｅ ﬁ", "", "wide fi"},
        {"Хрущёв Никита", "", "хрущёв никита | hrusev nikita | khrushchev nikita"},
        {"Евгений", "", "евгений | evgenij | yevgeniy | evgenii"},
        {"Наталья", "", "наталья | natala | natalya"},
        {"Нұрсұлтан Әбішұлы", "", "нұрсұлтан әбішұлы | nursultan abisuly | nursultan abishuly"},
        {"Қайрат", "", "қайрат | kajrat | qayrat | kairat"},
        {"田中 愛子", "たなか あいこ", "田中 愛子 | たなか あいこ | tanaka aiko"},
        {"田中 愛子", "タナカ アイコ", "田中 愛子 | たなか あいこ | tanaka aiko"},
        {"田中 愛子", "Tanaka Aiko", "田中 愛子 | tian zhong ai zi | tanaka aiko"},
        {"王小明", "", "王小明 | wang xiao ming"},
        {"さとう ゆうこ", "", "さとう ゆうこ | satou yuuko | sato yuko"},
        {"いのうえ", "", "いのうえ | inoue"},
        {"やまのうち", "", "やまのうち | yamanouchi"},
        {"おおの", "", "おおの | oono | ono"},
        {"プーシキン", "", "ぷーしきん | pushikin"},
        {"ｱﾝﾅ", "", "あんな | anna"},
        {"ジェニファー・ロペス", "", "じぇにふぁー ろぺす | jenifa ropesu"},
        {"しゃちゅきょ ティウェヴァ まっちゃ", "",
         "しゃちゅきょ てぃうぇゔぁ まっちゃ | shachukyo tiweva matcha"},
        {"김민수", "", "김민수 | gimminsu"},
        {"Γιώργος", "", "γιώργοσ | giorgos"},
        {"X Æ A-12", "", "x æ a 12 | x ae a 12"},
        {"A", "", "a"},
        {"😀", "", ""},
        {"", "", ""},
        {" -- ", "", ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        str keys =
            joined(cx, name_keys(cx->arena, str_of(cases[i].name), str_of(cases[i].reading)));
        if (!str_eq(keys, str_of(cases[i].keys)))
            fail_msg("%s: " SFMT, cases[i].name, SARG(keys));
    }
}

/* More pieces than are kept, so that they take each other's places. */
static void a_piece_of_a_name_is_read_again_as_it_was_the_first_time(void **state)
{
    struct cx *cx = *state;
    enum { FIRST = 0x4E00, PIECES = 6000 };
    UErrorCode e = U_ZERO_ERROR;
    UTransliterator *icu = utrans_openU(u"Any-Latin; Latin-ASCII; Lower; [^a-z] Remove", -1,
                                        UTRANS_FORWARD, NULL, 0, NULL, &e);
    assert_true(U_SUCCESS(e));
    for (int i = 0; i < 3 * PIECES; i++) {
        int piece = i < PIECES ? i : i < 2 * PIECES ? 2 * PIECES - 1 - i : i * 7 % PIECES;
        UChar word[64] = {(UChar)(FIRST + piece), (UChar)(FIRST + piece * 13 % PIECES)};
        char utf8[64], expected[64];
        int32_t n = 2, limit = 2;
        u_strToUTF8(utf8, sizeof utf8, NULL, word, n, &e);
        utrans_transUChars(icu, word, &n, COUNT(word), 0, &limit, &e);
        u_strToUTF8(expected, sizeof expected, NULL, word, n, &e);
        assert_true(U_SUCCESS(e));
        struct name_keys k = name_keys(cx->arena, str_of(utf8), S(""));
        struct text key = text_in(cx->arena, 64);
        for (size_t c = 0; k.n == 2 && c < k.keys[1].len; c++)
            if (k.keys[1].ptr[c] != ' ')
                text_add_char(&key, k.keys[1].ptr[c]);
        if (expected[0] && !str_eq(text_str(&key), str_of(expected)))
            fail_msg("%s is %s, not " SFMT, utf8, expected, SARG(joined(cx, k)));
        if (i % 1000 == 0)
            arena_reset(cx->arena);
    }
    utrans_close(icu);
}

static void russian_is_written_as_icu_writes_bgn(void **state)
{
    struct cx *cx = *state;
    UErrorCode e = U_ZERO_ERROR;
    UTransliterator *bgn = utrans_openU(u"Russian-Latin/BGN; Latin-ASCII; Lower; [^a-z] Remove", -1,
                                        UTRANS_FORWARD, NULL, 0, NULL, &e);
    assert_true(U_SUCCESS(e));
    for (UChar x = 0x430; x <= 0x44F; x++) {
        for (UChar y = 0x430; y <= 0x44F; y++) {
            /* ICU parts тс, ый, ыа and the like by a point that nobody types */
            UChar word[32] = {0x431, x, y, 0x43A, 0};
            char utf8[64], expected[64];
            u_strToUTF8(utf8, sizeof utf8, NULL, word, -1, &e);
            int32_t n = 4, limit = 4;
            utrans_transUChars(bgn, word, &n, COUNT(word), 0, &limit, &e);
            u_strToUTF8(expected, sizeof expected, NULL, word, n, &e);
            assert_true(U_SUCCESS(e));
            struct name_keys k = name_keys(cx->arena, str_of(utf8), S(""));
            bool found = false;
            for (size_t i = 0; i < k.n; i++)
                found |= str_eq(k.keys[i], str_of(expected));
            if (!found)
                fail_msg("%s is %s, not among " SFMT, utf8, expected, SARG(joined(cx, k)));
        }
        arena_reset(cx->arena);
    }
    utrans_close(bgn);
}

static void the_same_words_in_another_order_are_the_same_name(void **state)
{
    struct cx *cx = *state;
    assert_str(name_equal_key(cx->arena, S("Müller, Anna")), S("anna muller"));
    assert_str(name_equal_key(cx->arena, S("ANNA MÜLLER")), S("anna muller"));
    assert_str(name_equal_key(cx->arena, S("Anna  Muller")), S("anna muller"));
    assert_str(name_equal_key(cx->arena, S("")), S(""));
    assert_str(name_equal_key(cx->arena, S("王小明")), S("ming wang xiao"));
}

static void strange_names_are_no_crash_and_bounded(void **state)
{
    struct cx *cx = *state;
    static const char *const strange[] = {"\xFF\xFE",
                                          "\xF0\x9F\x98",
                                          "\u202Eevil",
                                          "\u0300\u0301",
                                          "ーーー",
                                          "っっっ",
                                          "ゃゃゃ",
                                          "ぁ",
                                          "Z\u0335\u0321\u031B\u0354",
                                          "ﷺﷺﷺﷺﷺﷺﷺﷺﷺﷺﷺﷺﷺﷺﷺﷺﷺﷺ",
                                          "𠮷野家",
                                          "٣٤",
                                          "ΐΰ",
                                          "Ꙁ ѣ ѫ",
                                          "ʼʼʼ",
                                          "ﾞﾟ",
                                          "々々"};
    for (size_t i = 0; i < COUNT(strange); i++) {
        struct name_keys k = name_keys(cx->arena, str_of(strange[i]), str_of(strange[i]));
        for (size_t j = 0; j < k.n; j++)
            assert_true(str_is_utf8(k.keys[j]) && k.keys[j].len > 0);
        (void)grams(cx->arena, str_of(strange[i]));
        (void)name_equal_key(cx->arena, str_of(strange[i]));
    }
    struct text many = text_in(cx->arena, 1 << 20);
    for (int i = 0; i < 100000; i++)
        text_add(&many, S("田"));
    struct name_keys k = name_keys(cx->arena, text_str(&many), S(""));
    assert_int_equal(str_chars(k.keys[0]), 500);
}

static void the_script_tells_the_language_to_draw_in(void **state)
{
    (void)state;
    static const struct {
        const char *text, *lang;
    } cases[] = {
        {"田中 愛子", "zh"},
        {"田中 あいこ", "ja"},
        {"プーシキン", "ja"},
        {"王小明", "zh"},
        {"김민수", "ko"},
        {"Пушкин", "ru"},
        {"Әбіш", "kk"},
        {"Іле", "kk"},
        {"Їжак Іван", ""},
        {"Müller", ""},
        {"", ""},
        {"\xFF", ""},
        {"محمد", ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_str(script_lang(str_of(cases[i].text)), str_of(cases[i].lang));
}

static void *key_many(void *right)
{
    struct arena *a = arena_open(16 << 20);
    for (int i = 0; i < 1000; i++) {
        struct name_keys k = name_keys(a, S("王小明 Γιώργος Хрущёв"), S(""));
        *(int *)right += k.n == 3 && str_eq(k.keys[2], S("wang xiao ming giorgos khrushchev"));
        arena_reset(a);
    }
    arena_close(a);
    return NULL;
}

static void threads_may_make_keys_at_once(void **state)
{
    (void)state;
    pthread_t t[4];
    int right[4] = {0};
    for (size_t i = 0; i < COUNT(t); i++)
        assert_int_equal(pthread_create(&t[i], NULL, key_many, &right[i]), 0);
    for (size_t i = 0; i < COUNT(t); i++) {
        pthread_join(t[i], NULL);
        assert_int_equal(right[i], 1000);
    }
}

/* ---- e-mail ------------------------------------------------------------------------- */

static void an_address_has_one_normal_form(void **state)
{
    struct cx *cx = *state;
    static const struct {
        const char *given, *normal;
    } cases[] = {
        {"Anna@Example.COM", "anna@example.com"},
        {" anna.m+tag@sub.example.org\n", "anna.m+tag@sub.example.org"},
        {"anna@Bücher.example", "anna@xn--bcher-kva.example"},
        {"anna@XN--BCHER-KVA.example", "anna@xn--bcher-kva.example"},
        {"Анна@почта.рф", "Анна@xn--80a1acny.xn--p1ai"},
        {"anna@例え。テスト", "anna@xn--r8jz45g.xn--zckzah"},
        {"a..b.@docomo.example", "a..b.@docomo.example"},
        {"!#$%&'*+-/=?^_`{|}~@example.com", "!#$%&'*+-/=?^_`{|}~@example.com"},
        {"a@r3---sn.example.com", "a@r3---sn.example.com"},
        {"a@1.example", "a@1.example"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        str normal = {0}, again = {0};
        if (!email_read(cx->arena, str_of(cases[i].given), &normal) ||
            !str_eq(normal, str_of(cases[i].normal)))
            fail_msg("%s became '" SFMT "'", cases[i].given, SARG(normal));
        assert_true(email_read(cx->arena, normal, &again));
        assert_str(again, normal);
    }
}

static void what_is_no_address_is_refused(void **state)
{
    struct cx *cx = *state;
    static const char *const wrong[] = {
        "",
        "@",
        "anna",
        "anna@",
        "@example.com",
        "anna@example",
        "anna@localhost",
        "anna@.com",
        "anna@example.",
        "anna@example..com",
        "anna@-example.com",
        "anna@example-.com",
        "anna@exam ple.com",
        "an na@example.com",
        "anna@@example.com",
        "a\"b\"@example.com",
        "\"a b\"@example.com",
        "anna@[127.0.0.1]",
        "anna@127.0.0.1",
        "anna@example.123",
        ".anna@example.com",
        "Anna <anna@example.com>",
        "anna@example.com, b@example.com",
        "anna@exam_ple.com",
        "anna\x01@example.com",
        "anna\u202E@example.com",
        "anna\u3000@example.com",
        "anna@exa\u202Emple.com",
        "anna\xFF@example.com",
        "anna@\xFF.com",
        "anna@xn--\xC3\xA9.com",
        "anna@xn--a.example.com",
        "anna@\u05D0a.com",
        "<anna@example.com>",
        "12345678901234567890123456789012345678901234567890123456789012345@example.com",
        "a@1234567890123456789012345678901234567890123456789012345678901234.com",
        "a\n@example.com"};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        str normal = {0};
        if (email_read(cx->arena, str_of(wrong[i]), &normal))
            fail_msg("'%s' became '" SFMT "'", wrong[i], SARG(normal));
    }
    str normal = {0};
    assert_false(email_read(cx->arena, (str){"a\0b@example.com", 15}, &normal));
    assert_false(email_read(cx->arena, (str){"ab@exa\0ple.com", 14}, &normal));
    char many[1000];
    memset(many, 'a', sizeof many);
    for (size_t i = 5; i < sizeof many; i += 10)
        many[i] = '.';
    many[1] = '@';
    assert_false(email_read(cx->arena, (str){many, 255}, &normal));
    assert_true(email_read(cx->arena, (str){many, 254}, &normal));
    assert_false(email_read(cx->arena, (str){many, 1000}, &normal));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_name_has_the_keys_by_which_people_look_for_it),
        TEST(a_piece_of_a_name_is_read_again_as_it_was_the_first_time),
        TEST(russian_is_written_as_icu_writes_bgn),
        TEST(the_same_words_in_another_order_are_the_same_name),
        TEST(strange_names_are_no_crash_and_bounded),
        TEST(the_script_tells_the_language_to_draw_in),
        TEST(threads_may_make_keys_at_once),
        TEST(an_address_has_one_normal_form),
        TEST(what_is_no_address_is_refused),
    };
    return cmocka_run_group_tests(tests, test_cx_open, test_cx_close);
}
