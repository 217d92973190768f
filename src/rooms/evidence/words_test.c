/* What is found in a text, by the lists as they ship: in five languages, with what is denied, what colleagues note, what is
 * quoted; and which questions are off the matter. */
#include "base/base_test.h"
#include "base/phrase.h"
#include "rooms/evidence/inside.h"

static str competitors[] = {S("rival & sons"), S("конкуренто"), S("竞品店")};
static struct colleague colleagues[] = {{{11}, S("Anna Petrova")}, {{12}, S("Анна Петрова")},
                                        {{13}, S("田中 美咲")},    {{14}, S("王小明")},
                                        {{17}, S("陈静")},         {{15}, S("Айгүл Сейітова")},
                                        {{16}, S("Ben Ray")}};
static const struct house_words house = {{competitors, COUNT(competitors)},
                                         {colleagues, COUNT(colleagues)}};

/* "discount_asked hurry q2 off1": kinds in the order of the list, questions, those that met no word of ours. */
static str read_as(struct arena *a, const char *text, bool by_staff)
{
    struct words_read w;
    struct text t = text_in(a, 2000);
    words_read(a, (str){0}, str_of(text), by_staff, &house, &w);
    const struct said *s = w.said.items;
    for (int k = 0; k < EVIDENCE_N; k++)
        for (size_t i = 0; i < w.said.n; i++)
            if (s[i].kind == k) {
                text_printf(&t, "%s%s", t.len ? " " : "", evidence_codes[k]);
                if (s[i].colleague.v)
                    text_printf(&t, "=%d", (int)s[i].colleague.v);
            }
    if (w.questions)
        text_printf(&t, "%sq%d", t.len ? " " : "", (int)w.questions);
    if (w.open.n)
        text_printf(&t, " off%d", (int)w.open.n);
    return text_str(&t);
}

struct row {
    const char *text, *want;
};
static void are(struct cx *cx, const struct row *rows, size_t n, bool by_staff)
{
    int failed = 0;
    for (size_t i = 0; i < n; i++) {
        str got = read_as(cx->arena, rows[i].text, by_staff);
        if (!str_eq(got, str_of(rows[i].want))) {
            print_message("%s\n   is read as: " SFMT "\n   wanted:     %s\n", rows[i].text,
                          SARG(got), rows[i].want);
            failed++;
        }
    }
    assert_int_equal(failed, 0);
}

static void english_is_read(void **state)
{
    static const struct row rows[] = {
        {"Could you give me a discount? I will order more next time.",
         "discount_asked promise_more q1"},
        {"That is too expensive. Rival & Sons sells it for 20.", "competitor_named price_remark"},
        {"It is not expensive at all, thank you.", ""},
        {"I don't need a discount, just the invoice.", ""},
        {"Can't you do it any cheaper?", "discount_asked q1"},
        {"Can I talk to Anna please? She always helps me.", "colleague_asked=11 q1"},
        {"Could I speak to a manager?", "q1"},
        {"My friend recommended you, and I told my colleagues.", "referral_given"},
        {"You are thieves and your service is useless! I'll see you in court.", "aggressive"},
        {"I need it today, it is urgent!", "hurry"},
        {"No hurry, take your time.", ""},
        {"When will my order arrive?", "q1"},
        {"Which football team do you support at home? Do you like cats and dogs?", "q2 off1"},
        {"What is the weather like in your town? Have you ever been to Paris?", "q2 off2"},
        {"I bought the kettle from you. Is it loud?", "q1"},
        {"Thanks for the discount!", ""},
        {"Why?", "q1"},
        {"Hello, I would like to order two lamps.", ""},
        {"> Could you give me a discount?\nThanks, all is fine.", ""},
        {"All is fine.\nOn Monday Bob wrote:\nYou are thieves! Too expensive!", ""},
        {"What's the best price you can do for 10 pieces?", "discount_asked q1"},
        {"Your competitors offer free shipping", "competitor_named"},
        {"It is a rip-off, much too dear", "price_remark"},
        {"", ""},
    };
    are(*state, rows, COUNT(rows), false);
}

static void russian_is_read(void **state)
{
    static const struct row rows[] = {
        {"Здравствуйте! Сделайте, пожалуйста, скидку, в следующий раз закажу больше.",
         "discount_asked promise_more"},
        {"Не могли бы вы сделать скидку?", "discount_asked q1"},
        {"Скидка мне не нужна.", ""},
        {"Слишком дорого, у конкурентов дешевле.", "competitor_named price_remark"},
        {"Это совсем не дорого, спасибо.", ""},
        {"Позовите Анну Петрову, пожалуйста.", "colleague_asked=12"},
        {"Можно поговорить с Анной?", "colleague_asked=12 q1"},
        {"Подруга посоветовала ваш магазин, я расскажу друзьям.", "referral_given"},
        {"Вы мошенники! Подам в суд!", "aggressive"},
        {"Срочно, мне нужно сегодня!", "hurry"},
        {"Не спешу, отправьте когда удобно.", ""},
        {"Когда придёт мой заказ?", "q1"},
        {"Как вам погода в этом городе? А кто победит на выборах?", "q2 off2"},
        {"А подешевле можно?", "discount_asked q1"},
        {"В Конкуренто цена ниже.", "competitor_named"},
        {"Сколько стоит доставка?", "q1"},
    };
    are(*state, rows, COUNT(rows), false);
}

static void japanese_is_read(void **state)
{
    static const struct row rows[] = {
        {"もう少し安くなりませんか？次はもっと買います。", "discount_asked promise_more q1"},
        {"値引きしてもらえませんか", "discount_asked q1"},
        {"値引きは不要です。", ""},
        {"高いですね。他社のほうが安いです。", "competitor_named price_remark"},
        {"田中さんをお願いします。", "colleague_asked=13"},
        {"友人に紹介しました。", "referral_given"},
        {"ふざけるな！詐欺だ！", "aggressive"},
        {"至急お願いします。", "hurry"},
        {"急ぎではありません。", ""},
        {"注文はいつ届きますか？", "q1"},
        {"好きな食べ物は何ですか？今日の天気はどうですか？", "q2 off2"},
        {"高いので買いません。", "price_remark"},
    };
    are(*state, rows, COUNT(rows), false);
}

static void chinese_is_read(void **state)
{
    static const struct row rows[] = {
        {"能不能便宜点？下次我多买几个。", "discount_asked promise_more q1"},
        {"可以打折吗", "discount_asked q1"},
        {"不用打折。", ""},
        {"太贵了，别家便宜很多。", "competitor_named price_remark"},
        {"这个不太贵。", ""},
        {"请帮我找王小明。", "colleague_asked=14"},
        {"竞品店卖得更好。", "competitor_named"},
        {"小陈在吗？", "colleague_asked=17 q1"},
        {"我想找陈姐。", "colleague_asked=17"},
        {"我想找小明说话。", "colleague_asked=14"},
        {"我想找找陈年普洱。", ""},
        {"是朋友推荐我来的，我也会推荐给同事。", "referral_given"},
        {"你们是骗子！", "aggressive"},
        {"很急，请马上发货。", "hurry"},
        {"不急，慢慢来。", ""},
        {"我的订单什么时候到？", "q1"},
        {"你喜欢看什么电影？今天天气怎么样？", "q2 off2"},
    };
    are(*state, rows, COUNT(rows), false);
}

static void kazakh_is_read(void **state)
{
    static const struct row rows[] = {
        {"Жеңілдік жасап бересіз бе? Келесі жолы көбірек аламын.",
         "discount_asked promise_more q1"},
        {"Жеңілдік керек емес.", ""},
        {"Тым қымбат, басқа дүкенде арзан.", "competitor_named price_remark"},
        {"Бұл қымбат емес.", ""},
        {"Айгүлмен сөйлескім келеді.", "colleague_asked=15"},
        {"Достарыма айттым, сіздерді ұсындым.", "referral_given"},
        {"Сіздер алаяқсыздар! Сотқа беремін!", "aggressive"},
        {"Шұғыл керек, бүгін керек!", "hurry"},
        {"Тапсырысым қашан келеді?", "q1"},
        {"Ауа райы қандай? Сіз футболды ұнатасыз ба?", "q2 off2"},
    };
    are(*state, rows, COUNT(rows), false);
}

static void other_ways_to_say_it_are_found_too(void **state)
{
    static const struct row rows[] = {
        {"Any chance of a few euros off? I'd be a loyal customer.",
         "discount_asked promise_more q1"},
        {"Is the price negotiable at all?", "discount_asked q1"},
        {"It costs a fortune, I have been shopping around.", "competitor_named price_remark"},
        {"Is Anna available today?", "colleague_asked=11 q1"},
        {"I gave my cousin your number and spread the word.", "referral_given"},
        {"Shame on you, what a joke.", "aggressive"},
        {"I need it by tomorrow, I'm in a hurry.", "hurry"},
        {"Может, сбросите немного? Буду у вас брать каждый месяц.",
         "discount_asked promise_more q1"},
        {"Дерёте втридорога, на маркетплейсах проще.", "competitor_named price_remark"},
        {"Пусть Анна мне перезвонит.", "colleague_asked=12"},
        {"Дала ваш телефон соседке, всем про вас рассказываю.", "referral_given"},
        {"Вы обнаглели, буду жаловаться!", "aggressive"},
        {"Нужно завтра, как можно быстрее.", "hurry"},
        {"もう一声お願いできませんか？常連になりますよ。", "discount_asked promise_more q1"},
        {"コスパが悪いですね。よそで買います。", "competitor_named price_remark"},
        {"田中さんに相談したいです。", "colleague_asked=13"},
        {"友達を連れて行きますね。", "referral_given"},
        {"金返せ！二度と買わない！", "aggressive"},
        {"明日使うので早く送ってください。", "hurry"},
        {"能不能让点利？以后都找你们买。", "discount_asked promise_more q1"},
        {"不划算，我货比三家了。", "competitor_named price_remark"},
        {"麻烦让王小明联系我。", "colleague_asked=14"},
        {"我推荐给邻居了，闺蜜也想买。", "referral_given"},
        {"奸商！太欺负人了！", "aggressive"},
        {"等着用，来不及了。", "hurry"},
        {"Түсіріп бересіз бе? Тұрақты сатып алушы боламын.", "discount_asked promise_more q1"},
        {"Базарда арзан, сіздерде удай қымбат.", "competitor_named price_remark"},
        {"Айгүл бүгін жұмыста ма?", "colleague_asked=15 q1"},
        {"Сіздер туралы бәріне айттым, көршім де алды.", "referral_given"},
        {"Арсыздар, өтірік айтасыздар!", "aggressive"},
        {"Ертең керек, тез жеткізіңізші.", "hurry"},
    };
    are(*state, rows, COUNT(rows), false);
}

/* Words that stand in our lists, or near to them, where they say nothing of the kind. */
static void ordinary_texts_say_nothing(void **state)
{
    struct cx *cx = *state;
    static const char *const texts[] = {
        "Thank you for the discount on the kettle, it arrived yesterday.",
        "I live down the road from your shop, when do you open?",
        "Is there a card reader in the shop?",
        "I have been a loyal reader of your newsletter.",
        "Could I have a day off the course?",
        "The recommended dose of tea is two spoons.",
        "Your courier was fast and kind.",
        "Does the lamp charge by USB?",
        "What other colours do you have?",
        "I told him the number of the order.",
        "The invoice is for my company, please send it to the office.",
        "You people are wonderful!",
        "Спасибо за скидку на чайник, всё пришло.",
        "Подскажите, все магазины работают в воскресенье?",
        "Добрый день, получила заказ, всё хорошо, до завтра!",
        "Есть ли в наличии модель больше?",
        "Собака погрызла шнур, где купить другой?",
        "Скажите, пожалуйста, сколько весит лампа?",
        "Меня зовут Анна, жду доставку.",
        "Это подарок для моей сестры.",
        "Не торопитесь, мне не к спеху.",
        "注文した商品が無事に届きました、ありがとうございます。",
        "カスタマーサービスの電話番号を教えてください。",
        "近くの店舗はどこですか？",
        "この商品を紹介しているページはどこですか？",
        "ゴミ箱は付属していますか？",
        "サイズはもう少し大きいものがありますか？",
        "領収書をメールで送ってください。",
        "口コミを見て、この色にしました。",
        "贵公司的发票抬头是什么？",
        "请问贵姓？",
        "这款耳机能降噪吗？",
        "今天价格表能发给我吗？",
        "有折叠的自行车吗？",
        "请推荐我一款适合老人的手机。",
        "操作说明书在哪里？",
        "请把发票转发给我。",
        "猪肉和茶叶可以一起寄吗？",
        "我在工商银行转账了。",
        "京东快递几天到？",
        "收到了，谢谢，质量很好。",
        "Kaspi арқылы төлеуге бола ма?",
        "Басқа мекенжайға жеткізуге бола ма?",
        "Жеңілдікпен алған шәйнегім келді, рахмет.",
        "Тез жауап бергеніңізге рахмет.",
        "Достарыма сыйлыққа лампа аламын.",
        "Тапсырысым келді, бәрі жақсы.",
        "Италиядан келген кофе бар ма?",
        "Қоңырау шалуға болатын уақытты айтыңызшы.",
    };
    int failed = 0;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct words_read w;
        words_read(cx->arena, (str){0}, str_of(texts[i]), false, &house, &w);
        if (w.said.n) {
            print_message("%s\n   is read as: " SFMT "\n", texts[i],
                          SARG(read_as(cx->arena, texts[i], false)));
            for (size_t k = 0; k < w.said.n; k++)
                print_message("      " SFMT "\n", SARG(((struct said *)w.said.items)[k].phrase));
            failed++;
        }
    }
    assert_int_equal(failed, 0);
}

static void a_note_of_a_colleague_tells_what_the_customer_asked_but_not_his_temper(void **state)
{
    static const struct row rows[] = {
        {"Asks for a discount again, finds it too expensive. Urgent! Is that right?",
         "discount_asked price_remark"},
        {"Просит скидку, обещает ещё купить", "discount_asked promise_more"},
        {"値引き交渉あり", "discount_asked"},
        {"要求优惠", "discount_asked"},
        {"Жеңілдік сұрады", "discount_asked"},
    };
    are(*state, rows, COUNT(rows), true);
}

static void two_colleagues_of_one_name_are_not_told_apart(void **state)
{
    struct cx *cx = *state;
    struct colleague two[] = {{{1}, S("Ann Lee")}, {{2}, S("Ann Ray")}};
    const struct house_words h = {.colleagues = {two, 2}};
    struct words_read w;
    words_read(cx->arena, (str){0}, S("I want to speak to Ann."), false, &h, &w);
    assert_int_equal(w.said.n, 1);
    assert_int_equal(((struct said *)w.said.items)->colleague.v, 0);
    words_read(cx->arena, (str){0}, S("I want to speak to Ann Ray."), false, &h, &w);
    assert_int_equal(((struct said *)w.said.items)->colleague.v, 2);
    words_read(cx->arena, (str){0}, S("I want to speak to an expert."), false, &h, &w);
    assert_int_equal(w.said.n, 0);
    assert_true(w.asks);
}

static void the_lists_are_read_whole(void **state)
{
    (void)state;
    assert_true(phrases_count(words_lists()) > 1800);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(english_is_read),
        TEST(russian_is_read),
        TEST(japanese_is_read),
        TEST(chinese_is_read),
        TEST(kazakh_is_read),
        TEST(other_ways_to_say_it_are_found_too),
        TEST(ordinary_texts_say_nothing),
        TEST(a_note_of_a_colleague_tells_what_the_customer_asked_but_not_his_temper),
        TEST(two_colleagues_of_one_name_are_not_told_apart),
        TEST(the_lists_are_read_whole),
    };
    return cmocka_run_group_tests(tests, test_cx_open, test_cx_close);
}
