#include "base/base_test.h"
#include "base/person.h"

static str joined(struct cx *cx, struct str_list_ g)
{
    struct text t = text_in(cx->arena, 1 << 16);
    for (size_t i = 0; i < g.n; i++) {
        if (i)
            text_add_char(&t, ' ');
        text_add(&t, g.items[i]);
    }
    return text_str(&t);
}

static void a_text_has_its_beginnings_trigrams_and_pairs(void **state)
{
    struct cx *cx = *state;
    static const struct {
        const char *text, *grams;
    } cases[] = {
        {"anna", "_a _an ann nna"},
        {"li anna", "_a _an _l _li ann nna"},
        {"a", "_a"},
        {"anna.li@x", "_a _an _l _li _x ann nna"},
        {"пуш", "_п _пу пуш"},
        {"田中愛", "中 中愛 愛 田 田中"},
        {"あい", "あ あい い"},
        {"王a", "王"}, /* a run behind another begins no word */
        {"012345", "012 0123 123 1234 234 2345 345 _0 _01"},
        {"g0001", "000 0001 001 _g _g0 g00"},
        {"", ""},
        {" .-", ""},
        {"aaaa", "_a _aa aaa"},
        {"\xFF", ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        str g = joined(cx, grams(cx->arena, str_of(cases[i].text)));
        if (!str_eq(g, str_of(cases[i].grams)))
            fail_msg("%s: " SFMT, cases[i].text, SARG(g));
    }
}

static void what_is_looked_for_are_the_fewest_pieces_that_must_be_there(void **state)
{
    struct cx *cx = *state;
    static const struct {
        const char *text;
        bool is_cut;
        const char *grams;
    } cases[] = {
        {"anna", false, "ann nna"},   {"li anna", false, "_li ann nna"},
        {"a", false, "_a"},           {"li anna", true, "ann nna"},
        {"田", false, "田"},          {"田中愛", false, "中愛 田中"},
        {"012", false, "012"},        {"01234", false, "0123 1234"},
        {"g0001", false, "0001 g00"}, {"ab12", false, "ab1 b12"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        str g = joined(cx, grams_wanted(cx->arena, str_of(cases[i].text), cases[i].is_cut));
        if (!str_eq(g, str_of(cases[i].grams)))
            fail_msg("%s: " SFMT, cases[i].text, SARG(g));
    }
}

static bool has(struct str_list_ g, str piece)
{
    for (size_t i = 0; i < g.n; i++)
        if (str_eq(g.items[i], piece))
            return true;
    return false;
}

/* The property that the search rests on: no fragment asks for a piece that the whole does not have. */
static void every_piece_of_a_fragment_is_a_piece_of_the_whole(void **state)
{
    struct cx *cx = *state;
    static const char *const texts[] = {"anna smith",
                                        "хрущёв никита сергеевич",
                                        "田中 愛子 tanaka",
                                        "じぇにふぁー ろぺす",
                                        "anna.smith.12@mail.example",
                                        "442000123456",
                                        "g0001234",
                                        "김민수 gim minsu",
                                        "nguyễn văn ánh",
                                        "ab12cd3456ef"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        str text = str_of(texts[i]);
        struct str_list_ all = grams(cx->arena, text);
        for (size_t k = 1; k < all.n; k++)
            assert_true(str_cmp(all.items[k - 1], all.items[k]) < 0);
        for (size_t from = 0; from < text.len; from++) {
            for (size_t n = 1; from + n <= text.len; n++) {
                str part = {text.ptr + from, n};
                if (!str_is_utf8(part))
                    continue;
                struct str_list_ wanted = grams_wanted(cx->arena, part, true);
                for (size_t k = 0; k < wanted.n; k++) {
                    /* the last word may be short because it was cut; then it is the beginning of one */
                    if (!has(all, wanted.items[k]))
                        fail_msg("'" SFMT "' of '%s' wants '" SFMT "'", SARG(part), texts[i],
                                 SARG(wanted.items[k]));
                }
            }
        }
        arena_reset(cx->arena);
    }
}

static void strange_texts_are_no_crash_and_bounded(void **state)
{
    struct cx *cx = *state;
    struct text many = text_in(cx->arena, 1 << 22);
    for (int i = 0; i < 100000; i++)
        text_add(&many, i % 7 ? S("ab") : S("田9"));
    assert_true(grams(cx->arena, text_str(&many)).n <= 20000);
    static const char *const strange[] = {"\u202Eevil", "\u0300\u0301", "😀😀",
                                          "٣٤٥٦",       "ﷺﷺ",           "\x01\x02"};
    for (size_t i = 0; i < COUNT(strange); i++)
        (void)grams(cx->arena, str_of(strange[i]));
    (void)grams(cx->arena, (str){"a\0b", 3});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_text_has_its_beginnings_trigrams_and_pairs),
        TEST(what_is_looked_for_are_the_fewest_pieces_that_must_be_there),
        TEST(every_piece_of_a_fragment_is_a_piece_of_the_whole),
        TEST(strange_texts_are_no_crash_and_bounded),
    };
    return cmocka_run_group_tests(tests, test_cx_open, test_cx_close);
}
