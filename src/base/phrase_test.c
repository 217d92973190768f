/* Phrases in what people wrote: limits of words, gaps, "not", sentences, questions, in our five languages. */
#include "base/base_test.h"
#include "base/phrase.h"

static const char *const kinds[] = {"ask", "dear", "name"};
enum { ASK, DEAR, NAME };

static struct phrases *list_of(const char *text)
{
    size_t file = 0, line = 0;
    str s = str_of(text);
    struct phrases *p = phrases_open(&s, 1, kinds, COUNT(kinds), &file, &line);
    if (!p)
        fail_msg("line %zu is wrong", line);
    return p;
}

/* "ask:words of the list, !dear:words": `!` for what is negated. */
static str found(struct arena *a, const struct phrases *p, const char *text)
{
    struct phrases_found f;
    struct text t = text_in(a, 10000);
    phrases_find(p, a, str_of(text), &f);
    for (size_t i = 0; i < f.n_hits; i++)
        text_printf(&t, "%s%s%s:" SFMT, i ? ", " : "", f.hits[i].is_negated ? "!" : "",
                    kinds[f.hits[i].kind], SARG(f.hits[i].phrase));
    return text_str(&t);
}

#define FINDS(list, text, want)                      \
    do {                                             \
        struct phrases *p_ = list_of(list);          \
        str got_ = found(a, p_, text);               \
        if (!str_eq(got_, str_of(want)))             \
            fail_msg("%s: " SFMT, text, SARG(got_)); \
        phrases_close(p_);                           \
    } while (0)

static void words_are_whole_unless_they_may_go_on(void **state)
{
    struct arena *a = ((struct cx *)*state)->arena;
    FINDS("dear\tdear\n", "My DEAR, so dear! A deary, un-dear, endearing.",
          "dear:dear, dear:dear, dear:dear");
    FINDS("ask\tdiscount*\n", "Discounts? discount, discounted; no-discount miscount mdiscount",
          "ask:discount*, ask:discount*, ask:discount*, ask:discount*");
    FINDS("ask\tскидк*\n", "Скидку дайте, СКИДКА; подскидка", "ask:скидк*, ask:скидк*");
    FINDS("dear\t太贵\n", "这个太贵了", "dear:太贵");
    FINDS("ask\tdiscount\n", "给discount吗", "ask:discount");
    FINDS("dear\t高い\n", "これは高いです", "dear:高い");
}

static void words_may_stand_apart_within_a_part_of_a_sentence(void **state)
{
    struct arena *a = ((struct cx *)*state)->arena;
    FINDS("ask\tgive .. discount*\n", "Please give me a small discount", "ask:give .. discount*");
    FINDS("ask\tgive .. discount*\n", "I give up, no discount", "");
    FINDS("ask\tgive .. discount*\n", "give one two three four five six discount", "");
    FINDS("ask\tgive .. discount*\n", "give it. Discount", "");
    FINDS("ask\tgive .. discount*\n", "Give me, please, a discount", "");
    FINDS("ask\tgive .. discount*\n", "Give, please, discount", "ask:give .. discount*");
    FINDS("ask\tсделай* .. скидк*\n", "Сделайте мне хорошую скидку", "ask:сделай* .. скидк*");
    FINDS("ask\t下次 .. 买\n", "下次我再来买", "ask:下次 .. 买");
    FINDS("ask\t下次 .. 买\n", "下次我一定会带着我的家人朋友们一起来你们这里买", "");
    FINDS("ask\tbuy more next\n", "we buy  more\nnext", "");
    FINDS("ask\tзавышен* цен*\n", "У вас завышенные цены", "ask:завышен* цен*");
}

static void what_is_denied_is_told_apart(void **state)
{
    struct arena *a = ((struct cx *)*state)->arena;
    const char *en =
        "dear\texpensive\nnot\tnot\nnot\tno\nnot\tdon't\nask\tdiscount\nnot_not\tcan't you\nnot\tcan't\n";
    FINDS(en, "It is not too expensive", "!dear:expensive");
    FINDS(en, "It is expensive, not good", "dear:expensive");
    FINDS(en, "No, it is expensive", "dear:expensive");
    FINDS(en, "I don\xe2\x80\x99t want a discount", "!ask:discount");
    FINDS(en, "Can't you give a discount", "ask:discount");
    FINDS("dear\t貴い\ndear\t急ぎ\nnot_after\tません\nnot_not\tませんか\n", "急ぎではありません",
          "!dear:急ぎ");
    FINDS("ask\t安く\nnot_after\tません\nnot_not\tませんか\n", "安くなりませんか", "ask:安く");
    FINDS("dear\t太贵\nnot\t不\n", "这个不太贵", "!dear:太贵");
    FINDS("dear\tқымбат\nnot_after\tемес\n", "Қымбат емес екен", "!dear:қымбат");
    FINDS("dear\tдорого\nnot\tне\n", "Это не дорого", "!dear:дорого");
    FINDS("dear\tдорого\nnot\tне\n", "Нет, не знаю, но дорого", "dear:дорого");
}

static void sentences_begin_end_and_ask(void **state)
{
    struct arena *a = ((struct cx *)*state)->arena;
    FINDS("ask\t^ when\n", "When? And when. \"When", "ask:^ when, ask:^ when");
    FINDS("ask\tма $\n", "Бар ма. Ма бар", "ask:ма $");
    FINDS("ask\tdiscount ?\n", "A discount! Discount?", "ask:discount ?");
    FINDS("ask\tdiscount ?\nquestion\t^ how\n", "How is the discount. The discount.",
          "ask:discount ?");
    struct phrases *p = list_of("ask\tx\nquestion\t^ what\nquestion\tか $\n");
    struct phrases_found f;
    phrases_find(
        p, a, S("What now. Yes! Price 3.50 EUR, www.kith.example? 本当ですか。はい\n???\nok"), &f);
    assert_int_equal(f.n_sentences, 6);
    const bool asks[] = {true, false, true, true, false, false};
    for (size_t i = 0; i < COUNT(asks); i++)
        assert_int_equal(f.sentences[i].is_question, asks[i]);
    phrases_close(p);
}

static void a_list_that_is_wrong_is_refused_with_its_line(void **state)
{
    (void)state;
    static const char *const wrong[] = {"ask\tgood\nnone\tx\n",
                                        "ask\tgood\nask\t\n",
                                        "ask\tgood\nask\t.. b\n",
                                        "ask\tgood\nask\ta ..\n",
                                        "ask\tgood\nask\t*\n",
                                        "ask\tgood\nno tab\n",
                                        "ask\tgood\nask\ta .. b .. c .. d .. e\n",
                                        "ask\tgood\nask\t\xff\n"};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        size_t file = 9, line = 0;
        str s = str_of(wrong[i]);
        assert_null(phrases_open(&s, 1, kinds, COUNT(kinds), &file, &line));
        assert_int_equal(file, 0);
        if (line != 2)
            fail_msg("%s: line %zu", wrong[i], line);
    }
}

static void what_nobody_writes_costs_little_and_is_said_to_be_cut(void **state)
{
    struct arena *a = ((struct cx *)*state)->arena;
    struct phrases *p =
        list_of("ask\ta* .. a* .. a* .. b\nask\ta .. a .. a .. c\nnot\ta\ndear\ta\n");
    struct text t = text_in(a, 100000);
    for (int i = 0; i < 15000; i++)
        text_add(&t, i % 7 ? S("a-") : S("a b c "));
    struct phrases_found f;
    phrases_find(p, a, text_str(&t), &f);
    assert_true(f.is_cut);
    assert_true(f.n_hits <= PHRASE_HITS_MAX);
    phrases_close(p);
}

static void words_of_a_name_meet_words_of_a_question(void **state)
{
    struct arena *a = ((struct cx *)*state)->arena;
    static const struct {
        const char *name, *question;
        bool meets;
    } rows[] = {
        {"Water filters FX-200", "Do you have the FX-200?", true},
        {"Water filters", "Which filter is right?", true},
        {"Чайник электрический", "Есть ли чайники?", true},
        {"Чайник", "Как погода?", false},
        {"電気ケトル", "ケトルはありますか", true},
        {"電気ケトル", "天気はどうですか", false},
        {"空气净化器", "净化器怎么用", true},
        {"Lamp", "How is your mother?", false},
        {"Шам 12", "Бұл шам ба?", false},
        {"Desk lamps", "Is the lamp bright?", true},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct str_list x = phrase_words(a, str_of(rows[i].name)),
                        y = phrase_words(a, str_of(rows[i].question));
        bool meets = false;
        for (size_t k = 0; k < x.n; k++)
            for (size_t l = 0; l < y.n; l++)
                meets = meets || str_eq(x.items[k], y.items[l]);
        if (meets != rows[i].meets)
            fail_msg("%s, %s", rows[i].name, rows[i].question);
    }
}

static void a_word_is_found_at_its_limits_only(void **state)
{
    (void)state;
    assert_int_equal(phrase_word(S("at rivals and rival shops"), S("rival"), false), 14);
    assert_int_equal(phrase_word(S("at rivals"), S("rival"), true), 3);
    assert_int_equal(phrase_word(S("arrival"), S("rival"), true), -1);
    assert_int_equal(phrase_word(S("在京东买"), S("京东"), false), 3);
    assert_int_equal(phrase_word(S("x"), S(""), false), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(words_are_whole_unless_they_may_go_on),
        TEST(words_may_stand_apart_within_a_part_of_a_sentence),
        TEST(what_is_denied_is_told_apart),
        TEST(sentences_begin_end_and_ask),
        TEST(a_list_that_is_wrong_is_refused_with_its_line),
        TEST(what_nobody_writes_costs_little_and_is_said_to_be_cut),
        TEST(words_of_a_name_meet_words_of_a_question),
        TEST(a_word_is_found_at_its_limits_only),
    };
    return cmocka_run_group_tests(tests, test_cx_open, test_cx_close);
}
