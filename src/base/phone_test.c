#include "base/base_test.h"
#include "base/person.h"
#include <pthread.h>

static void a_number_is_read_in_any_writing(void **state)
{
    struct cx *cx = *state;
    static const struct {
        const char *region, *given, *e164, *country;
        enum phone_kind kind;
    } cases[] = {
        {"JP", "03-5550-0142", "+81355500142", "JP", PHONE_FIXED},
        {"jp", "03-5550-0142", "+81355500142", "JP", PHONE_FIXED},
        {"JP", "０３－５５５０－０１４２", "+81355500142", "JP", PHONE_FIXED},
        {"JP", "tel:+81-3-5550-0142", "+81355500142", "JP", PHONE_FIXED},
        {"JP", "sip:+81355500142@pbx.example", "+81355500142", "JP", PHONE_FIXED},
        {"JP", "SIPS:%2B81355500142@pbx.example;transport=tls", "+81355500142", "JP", PHONE_FIXED},
        {"JP", "\"Anna\" <sip:0355500142@10.0.0.1;user=phone>", "+81355500142", "JP", PHONE_FIXED},
        {"JP", "81355500142", "+81355500142", "JP", PHONE_FIXED},
        {"JP", "0081355500142", "+81355500142", "JP", PHONE_FIXED},
        {"JP", "050-5555-1234", "+815055551234", "JP", PHONE_VOIP},
        {"", "442079460018", "+442079460018", "GB", PHONE_FIXED},
        {"", "+44 (0)20 7946 0018", "+442079460018", "GB", PHONE_FIXED},
        {"", "＋44 20/7946.0018", "+442079460018", "GB", PHONE_FIXED},
        {"", "tel:7946-0018;phone-context=+4420", "+442079460018", "GB", PHONE_FIXED},
        {"US", "00442079460018", "+442079460018", "GB", PHONE_FIXED},
        {"US", "(212) 555-0123 ext. 5", "+12125550123", "US", PHONE_FIXED_OR_MOBILE},
        {"US", "1-800-FLOWERS", "+18003569377", "US", PHONE_TOLL_FREE},
        {"", "+7 701 123 45 67", "+77011234567", "KZ", PHONE_MOBILE},
        {"", "+7 912 123-45-67", "+79121234567", "RU", PHONE_MOBILE},
        {"KZ", "8 701 123 45 67", "+77011234567", "KZ", PHONE_MOBILE},
        {"CN", "138 1234 5678", "+8613812345678", "CN", PHONE_MOBILE},
        {"IT", "02 3456 7890", "+390234567890", "IT", PHONE_FIXED},
        {"EG", "٠١٠٠ ١٢٣ ٤٥٦٧", "+201001234567", "EG", PHONE_MOBILE},
    };
    for (int round = 0; round < 2; round++) { /* the second is answered from memory */
        for (size_t i = 0; i < COUNT(cases); i++) {
            struct phone p = phone_read(cx->arena, str_of(cases[i].given), str_of(cases[i].region));
            if (!p.is_possible || !p.is_valid || p.kind != cases[i].kind ||
                strcmp(p.country, cases[i].country) != 0 || !str_eq(p.e164, str_of(cases[i].e164)))
                fail_msg("%s became '" SFMT "' %s %s", cases[i].given, SARG(p.e164), p.country,
                         phone_kind_codes[p.kind]);
            assert_int_equal(p.reversed.len, p.e164.len - 1);
            for (size_t k = 0; k < p.reversed.len; k++)
                assert_int_equal(p.reversed.ptr[k], p.e164.ptr[p.e164.len - 1 - k]);
        }
    }
}

static void a_number_outside_its_plan_is_possible_but_not_valid(void **state)
{
    struct cx *cx = *state;
    struct phone p = phone_read(cx->arena, S("+44 7700 900123"), S(""));
    assert_true(p.is_possible);
    assert_false(p.is_valid);
    assert_str(p.e164, S("+447700900123"));
    assert_str(p.national, S("+44 7700 900123"));
    assert_string_equal(p.country, "GB");
}

static void what_is_no_number_is_not_possible_and_no_crash(void **state)
{
    struct cx *cx = *state;
    static const char *const wrong[] = {"",
                                        "-",
                                        " ",
                                        "anonymous",
                                        "123",
                                        "104",
                                        "7000",
                                        "+",
                                        "++",
                                        "+1",
                                        "INFO-SMS",
                                        "4you",
                                        "sip:",
                                        "sip:@",
                                        "sip:anna@example.com",
                                        "tel:",
                                        "<",
                                        "<>",
                                        "\"<\"",
                                        "%",
                                        "%zz12345678",
                                        "+999123456",
                                        "sip:%2B8135550%0142@pbx",
                                        "555-0123",
                                        "2079460018",
                                        "87011234567",
                                        "*100#",
                                        "#31#",
                                        "(((((",
                                        "+1212555012345678901234567890",
                                        "\xFF\xFE\xFD\xFC\xFB\xFA",
                                        "\u202E12345678",
                                        ";;;;;",
                                        "<<<<>>>>"};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct phone p = phone_read(cx->arena, str_of(wrong[i]), S(""));
        if (p.is_possible)
            fail_msg("'%s' became " SFMT, wrong[i], SARG(p.e164));
        assert_int_equal(p.e164.len, 0);
        assert_int_equal(p.reversed.len, 0);
    }
    assert_false(phone_read(cx->arena, (str){0}, (str){0}).is_possible);
    assert_false(phone_read(cx->arena,
                            (str){"+44207946\0"
                                  "0018",
                                  14},
                            S("Britain"))
                     .is_valid);
    char many[251];
    memset(many, '1', sizeof many);
    assert_false(phone_read(cx->arena, (str){many, 251}, S("US")).is_possible);
}

static void the_region_is_part_of_what_is_remembered(void **state)
{
    struct cx *cx = *state;
    assert_str(phone_read(cx->arena, S("020 7946 0018"), S("GB")).e164, S("+442079460018"));
    assert_false(phone_read(cx->arena, S("020 7946 0018"), S("")).is_valid);
    assert_str(phone_read(cx->arena, S("020 7946 0018"), S("GB")).e164, S("+442079460018"));
}

static void withheld_numbers_are_known_in_many_words(void **state)
{
    (void)state;
    static const char *const withheld[] = {"",
                                           "-",
                                           " - ",
                                           "Anonymous",
                                           "sip:anonymous@anonymous.invalid",
                                           "anonymous@10.0.0.1",
                                           "\"Anonymous\" <sip:anonymous@anonymous.invalid>",
                                           "\"unknown\"",
                                           "PRIVATE",
                                           "非通知",
                                           "скрытый номер",
                                           "tel:restricted"};
    for (size_t i = 0; i < COUNT(withheld); i++)
        if (!phone_is_withheld(str_of(withheld[i])))
            fail_msg("'%s' passes for a number", withheld[i]);
    assert_true(phone_is_withheld((str){0}));
    static const char *const shown[] = {"+442079460018", "123", "anna", "anonymous2",
                                        "<sip:+44@anonymous.example>"};
    for (size_t i = 0; i < COUNT(shown); i++)
        if (phone_is_withheld(str_of(shown[i])))
            fail_msg("'%s' passes for withheld", shown[i]);
}

static void a_number_has_a_place_in_the_language_asked(void **state)
{
    struct cx *cx = *state;
    assert_str(phone_place(cx->arena, S("+81355500142"), LANG_EN), S("Tokyo"));
    assert_str(phone_place(cx->arena, S("+81355500142"), LANG_JA), S("東京"));
    assert_str(phone_place(cx->arena, S("+77011234567"), LANG_KK), S("Қазақстан"));
    assert_str(phone_place(cx->arena, S("+77011234567"), LANG_RU), S("Казахстан"));
    assert_str(phone_place(cx->arena, S("+447700900123"), LANG_ZH), S("英国"));
    assert_int_equal(phone_place(cx->arena, S("+999123456"), LANG_EN).len, 0);
    assert_int_equal(phone_place(cx->arena, S(""), LANG_EN).len, 0);
}

static void *read_many(void *right)
{
    struct arena *a = arena_open(16 << 20);
    for (int i = 0; i < 3000; i++) {
        char given[32];
        (void)snprintf(given, sizeof given, "020 7946 %04d", i % 1000);
        struct phone p = phone_read(a, str_of(given), S("GB"));
        if (p.is_valid && memcmp(p.e164.ptr + 9, given + 9, 4) == 0)
            ++*(int *)right;
    }
    arena_close(a);
    return NULL;
}

static void threads_may_read_at_once(void **state)
{
    (void)state;
    pthread_t t[4];
    int right[4] = {0};
    for (size_t i = 0; i < COUNT(t); i++)
        assert_int_equal(pthread_create(&t[i], NULL, read_many, &right[i]), 0);
    for (size_t i = 0; i < COUNT(t); i++) {
        pthread_join(t[i], NULL);
        assert_int_equal(right[i], 3000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_number_is_read_in_any_writing),
        TEST(a_number_outside_its_plan_is_possible_but_not_valid),
        TEST(what_is_no_number_is_not_possible_and_no_crash),
        TEST(the_region_is_part_of_what_is_remembered),
        TEST(withheld_numbers_are_known_in_many_words),
        TEST(a_number_has_a_place_in_the_language_asked),
        TEST(threads_may_read_at_once),
    };
    return cmocka_run_group_tests(tests, test_cx_open, test_cx_close);
}
