#include "base/base_test.h"
#include "base/field.h"
#include "messages.h"
#include <math.h>

/* ---- a shape with one of each ------------------------------------------------------- */

enum colour { RED, GREEN };
static const char *const colour_codes[] = {"red", "green"};

struct part {
    str value;
    int64_t count;
};
static const struct field part_fields[] = {
    FIELD(struct part, value, .required = true, .max_len = 10),
    FIELD(struct part, count, .min = 1, .max = 9),
};
static const struct shape part_shape = SHAPE("part", struct part, part_fields);

struct thing {
    customer_id id;
    str name, note, secret_word, raw;
    opt_str nick;
    int64_t size;
    opt_int limit;
    bool is_big;
    double weight;
    when at;
    money price;
    enum colour colour;
    struct list parts;
    struct str_list tags;
    struct part main_part;
    int64_t made_ms;
    order_id order;
};
static const struct field thing_fields[] = {
    FIELD(struct thing, id, .in_path = true),
    FIELD(struct thing, name, .required = true, .max_len = 20, .personal = true),
    FIELD(struct thing, note, .multiline = true, .max_len = 1000, .nullable = true,
          .seen_by = 1u << ROLE_OWNER),
    FIELD(struct thing, secret_word, .secret = true),
    FIELD_JSON(struct thing, raw),
    FIELD(struct thing, nick, .omit_empty = true),
    FIELD(struct thing, size, .min = -5, .max = 5),
    FIELD(struct thing, limit),
    FIELD(struct thing, is_big),
    FIELD(struct thing, weight, .doc = "In \"kilograms\""),
    FIELD(struct thing, at),
    FIELD(struct thing, price),
    FIELD_ENUM(struct thing, colour, colour_codes),
    FIELD_LIST(struct thing, parts, &part_shape, .max_len = 3),
    FIELD(struct thing, tags, .max_len = 3, .max = 5),
    FIELD_STRUCT(struct thing, main_part, &part_shape),
    FIELD(struct thing, made_ms, .read_only = true),
    FIELD(struct thing, order),
};
static const struct shape thing_shape = SHAPE("thing", struct thing, thing_fields);

static enum err read_thing(struct cx *cx, const char *json, struct thing *out)
{
    return json_read(cx, &thing_shape, str_of(json), out, NULL);
}

static str written(struct cx *cx, const struct shape *shape, const void *in, uint32_t role_bit)
{
    struct text *t = ARENA_NEW(cx->arena, struct text);
    *t = text_in(cx->arena, 1 << 20);
    struct json_out j = {.to = t, .role_bit = role_bit};
    json_write(&j, shape, in);
    assert_false(t->is_over);
    return text_str(t);
}

/* ---- in ----------------------------------------------------------------------------- */

static void every_kind_of_member_is_read(void **state)
{
    struct cx *cx = *state;
    struct thing t;
    uint64_t sent = 0;
    assert_int_equal(
        json_read(cx, &thing_shape,
                  S("{\"name\":\"T\\u00e9\",\"note\":\"a\\r\\nb\\tc\",\"secret_word\":\"x\","
                    "\"nick\":\"\",\"size\":-5,\"limit\":0,"
                    "\"is_big\":true,\"weight\":1.5,\"at\":\"2026-11-22T06:30:00Z\",\"price\":{"
                    "\"amount\":-12,\"currency\":\"JPY\"},"
                    "\"colour\":\"green\",\"parts\":[{\"value\":\"p\",\"count\":1},{\"value\":"
                    "\"q\"}],\"tags\":[\"a\",\"b\"],"
                    "\"main_part\":{\"value\":\"m\",\"count\":9},\"order\":\"ord_0000000000010\"}"),
                  &t, &sent),
        OK);
    assert_str(t.name, S("Té"));
    assert_str(t.note, S("a\nb\tc"));
    assert_true(t.nick.has);
    assert_int_equal(t.nick.v.len, 0);
    assert_int_equal(t.size, -5);
    assert_true(t.limit.has);
    assert_true(t.is_big);
    assert_true(t.weight == 1.5);
    assert_int_equal(t.at.ms, 1795329000000);
    assert_int_equal(t.price.amount, -12);
    assert_string_equal(t.price.currency.code, "JPY");
    assert_int_equal(t.colour, GREEN);
    assert_int_equal(t.parts.n, 2);
    assert_str(((struct part *)t.parts.items)[1].value, S("q"));
    assert_int_equal(t.tags.n, 2);
    assert_str(t.tags.items[1], S("b"));
    assert_int_equal(t.main_part.count, 9);
    assert_int_equal(t.order.v, 32);
    assert_int_equal(sent, 0x2FFEE);
}

static void a_refusal_names_the_member_and_the_reason(void **state)
{
    struct cx *cx = *state;
    static const struct {
        const char *json;
        enum err err;
        uint16_t msg;
        const char *field;
    } cases[] = {
        {"{}", ERR_INVALID, M_MISSING, "name"},
        {"{\"name\":\"\"}", ERR_INVALID, M_MISSING, "name"},
        {"{\"name\":\" \\u0020\"}", ERR_INVALID, M_MISSING, "name"},
        {"{\"name\":null}", ERR_INVALID, M_MISSING, "name"},
        {"{\"name\":5}", ERR_INVALID, M_WANTS_TEXT, "name"},
        {"{\"name\":\"123456789012345678901\"}", ERR_INVALID, M_TOO_LONG, "name"},
        {"{\"name\":\"a\\nb\"}", ERR_INVALID, M_CONTROL_CHARACTER, "name"},
        {"{\"name\":\"a\\u0085b\"}", ERR_INVALID, M_CONTROL_CHARACTER, "name"},
        {"{\"name\":\"a\\u007f\"}", ERR_INVALID, M_CONTROL_CHARACTER, "name"},
        {"{\"name\":\"n\",\"note\":\"a\\rb\"}", ERR_INVALID, M_CONTROL_CHARACTER, "note"},
        {"{\"name\":\"n\",\"nmae\":1}", ERR_INVALID, M_UNKNOWN_MEMBER_NEAR, "nmae"},
        {"{\"name\":\"n\",\"isBig\":true}", ERR_INVALID, M_UNKNOWN_MEMBER_NEAR, "isBig"},
        {"{\"name\":\"n\",\"Size\":1}", ERR_INVALID, M_UNKNOWN_MEMBER_NEAR, "Size"},
        {"{\"name\":\"n\",\"role\":\"owner\"}", ERR_INVALID, M_UNKNOWN_MEMBER, "role"},
        {"{\"name\":\"n\",\"made_ms\":1}", ERR_INVALID, M_READ_ONLY, "made_ms"},
        {"{\"name\":\"n\",\"id\":\"cus_0000000000010\"}", ERR_INVALID, M_UNKNOWN_MEMBER, "id"},
        {"{\"name\":\"n\",\"raw\":{}}", ERR_INVALID, M_UNKNOWN_MEMBER, "raw"},
        {"{\"name\":\"n\",\"size\":6}", ERR_INVALID, M_OUT_OF_RANGE, "size"},
        {"{\"name\":\"n\",\"size\":1.0}", ERR_INVALID, M_WANTS_WHOLE_NUMBER, "size"},
        {"{\"name\":\"n\",\"size\":\"1\"}", ERR_INVALID, M_WANTS_WHOLE_NUMBER, "size"},
        {"{\"name\":\"n\",\"size\":null}", ERR_INVALID, M_WANTS_WHOLE_NUMBER, "size"},
        {"{\"name\":\"n\",\"is_big\":\"yes\"}", ERR_INVALID, M_WANTS_YES_NO, "is_big"},
        {"{\"name\":\"n\",\"weight\":[]}", ERR_INVALID, M_WANTS_NUMBER, "weight"},
        {"{\"name\":\"n\",\"at\":\"yesterday\"}", ERR_INVALID, M_NOT_A_TIME, "at"},
        {"{\"name\":\"n\",\"price\":5}", ERR_INVALID, M_WANTS_OBJECT, "price"},
        {"{\"name\":\"n\",\"price\":{\"amount\":5}}", ERR_INVALID, M_MISSING, "price.currency"},
        {"{\"name\":\"n\",\"price\":{\"amount\":5,\"currency\":\"eur\"}}", ERR_INVALID,
         M_NOT_A_CURRENCY, "price.currency"},
        {"{\"name\":\"n\",\"price\":{\"amount\":0.5,\"currency\":\"EUR\"}}", ERR_INVALID,
         M_WANTS_WHOLE_NUMBER, "price.amount"},
        {"{\"name\":\"n\",\"colour\":\"blue\"}", ERR_INVALID, M_NOT_A_CHOICE, "colour"},
        {"{\"name\":\"n\",\"colour\":\"\"}", ERR_INVALID, M_NOT_A_CHOICE, "colour"},
        {"{\"name\":\"n\",\"order\":\"cus_0000000000010\"}", ERR_INVALID, M_NOT_AN_ID, "order"},
        {"{\"name\":\"n\",\"parts\":{}}", ERR_INVALID, M_WANTS_LIST, "parts"},
        {"{\"name\":\"n\",\"parts\":[1]}", ERR_INVALID, M_WANTS_OBJECT, "parts[0]"},
        {"{\"name\":\"n\",\"parts\":[{\"value\":\"a\"},{\"value\":5}]}", ERR_INVALID, M_WANTS_TEXT,
         "parts[1].value"},
        {"{\"name\":\"n\",\"parts\":[{},{},{},{}]}", ERR_INVALID, M_LIST_TOO_LONG, "parts"},
        {"{\"name\":\"n\",\"parts\":[{\"value\":\"a\",\"vaule\":1}]}", ERR_INVALID,
         M_UNKNOWN_MEMBER_NEAR, "parts[0].vaule"},
        {"{\"name\":\"n\",\"tags\":[\"a\",\"123456\"]}", ERR_INVALID, M_TOO_LONG, "tags[1]"},
        {"{\"name\":\"n\",\"tags\":[\"a\",{}]}", ERR_INVALID, M_WANTS_TEXT, "tags[1]"},
        {"{\"name\":\"n\",\"main_part\":{\"count\":1}}", ERR_INVALID, M_MISSING, "main_part.value"},
        {"[]", ERR_INVALID, M_WANTS_OBJECT, ""},
        {"", ERR_MALFORMED, M_JSON_EMPTY, ""},
        {" \n", ERR_MALFORMED, M_JSON_EMPTY, ""},
        {"{", ERR_MALFORMED, M_JSON_NOT_READABLE, ""},
        {"{\"name\":\"n\"}x", ERR_MALFORMED, M_JSON_NOT_READABLE, ""},
        {"{'name':'n'}", ERR_MALFORMED, M_JSON_NOT_READABLE, ""},
        {"{\"name\":\"n\",}", ERR_MALFORMED, M_JSON_NOT_READABLE, ""},
        {"{\"name\":\"n\",\"size\":01}", ERR_MALFORMED, M_JSON_NOT_READABLE, ""},
        {"{\"name\":\"n\",\"size\":NaN}", ERR_MALFORMED, M_JSON_NOT_READABLE, ""},
        {"{\"name\":\"n\",\"size\":9223372036854775808}", ERR_MALFORMED, M_JSON_NUMBER_TOO_BIG, ""},
        {"{\"name\":\"n\",\"weight\":1e400}", ERR_MALFORMED, M_JSON_NUMBER_TOO_BIG, ""},
        {"{\"name\":\"n\",\"name\":\"m\"}", ERR_MALFORMED, M_JSON_DUPLICATE, "name"},
        {"{\"name\":\"a\\u0000b\"}", ERR_MALFORMED, M_JSON_NUL, ""},
        {"{\"na\\u0000me\":\"b\"}", ERR_MALFORMED, M_JSON_NUL, ""},
        {"{\"name\":\"\xFF\"}", ERR_MALFORMED, M_NOT_UTF8, ""},
        {"{\"name\":\"\\ud800\"}", ERR_MALFORMED, M_JSON_NOT_READABLE, ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct thing t;
        enum err e = read_thing(cx, cases[i].json, &t);
        if (e != cases[i].err || cx->why.msg != cases[i].msg || cx->why.err != e ||
            !str_eq(cx->why.field, str_of(cases[i].field)))
            fail_msg("%s: %s, message %s, field '" SFMT "'", cases[i].json, err_code(e),
                     msg_names[cx->why.msg], SARG(cx->why.field));
    }
}

static void the_refusal_carries_what_was_given_and_what_would_be_right(void **state)
{
    struct cx *cx = *state;
    struct thing t;
    assert_int_equal(read_thing(cx, "{\"name\":\"n\",\"nmae\":1}", &t), ERR_INVALID);
    assert_str(cx->why.args[0].text, S("nmae"));
    assert_str(cx->why.args[1].text, S("name"));
    assert_int_equal(read_thing(cx, "{\"name\":\"n\",\"colour\":\"blue\"}", &t), ERR_INVALID);
    assert_str(cx->why.args[1].text, S("red, green"));
    assert_int_equal(read_thing(cx, "{\n \"name\" 1}", &t), ERR_MALFORMED);
    assert_int_equal(cx->why.args[0].number, 2);
    assert_int_equal(read_thing(cx, "{\"name\":\"ab\\u0001\"}", &t), ERR_INVALID);
    assert_int_equal(cx->why.args[0].number, 3);
}

static void null_is_not_given_but_sent(void **state)
{
    struct cx *cx = *state;
    struct thing t;
    uint64_t sent = 0;
    assert_int_equal(json_read(cx, &thing_shape,
                               S("{\"name\":\"n\",\"nick\":null,\"note\":null,\"limit\":null,"
                                 "\"at\":null,\"order\":null,\"parts\":null,"
                                 "\"price\":null,\"main_part\":null}"),
                               &t, &sent),
                     OK);
    assert_false(t.nick.has);
    assert_false(t.limit.has);
    assert_int_equal(t.parts.n, 0);
    assert_int_equal(sent, 1u << 1 | 1u << 2 | 1u << 5 | 1u << 7 | 1u << 10 | 1u << 11 | 1u << 13 |
                               1u << 15 | 1u << 17);
}

static void deep_and_crowded_json_is_refused_before_it_is_parsed(void **state)
{
    struct cx *cx = *state;
    struct thing t;
    struct text deep = text_in(cx->arena, 1 << 20), crowded = text_in(cx->arena, 1 << 20);
    for (int i = 0; i < 100000; i++)
        text_add_char(&deep, '[');
    assert_int_equal(json_read(cx, &thing_shape, text_str(&deep), &t, NULL), ERR_MALFORMED);
    assert_int_equal(cx->why.msg, M_JSON_TOO_DEEP);
    text_add(&crowded, S("{\"name\":\"n\",\"tags\":[1"));
    for (int i = 0; i < 20000; i++)
        text_add(&crowded, S(",1"));
    text_add(&crowded, S("]}"));
    assert_int_equal(json_read(cx, &thing_shape, text_str(&crowded), &t, NULL), ERR_MALFORMED);
    assert_int_equal(cx->why.msg, M_JSON_TOO_MANY);

    /* brackets and commas inside a text are text */
    struct text plain = text_in(cx->arena, 1 << 20);
    text_add(&plain, S("{\"name\":\"n\",\"note\":\""));
    for (int i = 0; i < 100; i++)
        text_add(&plain, S("[[,,\\\""));
    text_add(&plain, S("\"}"));
    assert_int_equal(json_read(cx, &thing_shape, text_str(&plain), &t, NULL), OK);
    assert_int_equal(t.note.len, 500);
}

static void characters_are_counted_not_bytes(void **state)
{
    struct cx *cx = *state;
    struct thing t;
    assert_int_equal(read_thing(cx, "{\"name\":\"田中田中田中田中田中田中田中田中田中田中\"}", &t),
                     OK);
    assert_int_equal(
        read_thing(cx, "{\"name\":\"田中田中田中田中田中田中田中田中田中田中田\"}", &t),
        ERR_INVALID);
    assert_int_equal(cx->why.args[0].number, 21);
}

static void a_full_arena_is_too_big_not_a_crash(void **state)
{
    (void)state;
    struct cx cx = {.arena = arena_open(600)};
    struct thing t;
    struct text json = text_on_heap(1 << 20);
    text_add(&json, S("{\"name\":\"n\",\"note\":\""));
    for (int i = 0; i < 1000; i++)
        text_add_char(&json, 'x');
    text_add(&json, S("\"}"));
    assert_int_equal(json_read(&cx, &thing_shape, text_str(&json), &t, NULL), ERR_TOO_BIG);
    text_free(&json);
    arena_close(cx.arena);
}

/* ---- forms -------------------------------------------------------------------------- */

static void a_form_is_read_by_the_same_shape(void **state)
{
    struct cx *cx = *state;
    struct thing t;
    uint64_t sent = 0;
    assert_int_equal(form_read(cx, &thing_shape,
                               S("name=Jos%C3%A9+Mu%2B&&tags[]=a&tags=b&tags%5B%5D=c&size=-5&limit="
                                 "&is_big=1&weight=2.5e0&colour=green"
                                 "&at=2026-11-22T06:30:00Z&nick="),
                               false, &t, &sent),
                     OK);
    assert_str(t.name, S("José Mu+"));
    assert_int_equal(t.tags.n, 3);
    assert_str(t.tags.items[2], S("c"));
    assert_int_equal(t.size, -5);
    assert_false(t.limit.has);
    assert_true(t.is_big);
    assert_true(t.weight == 2.5);
    assert_int_equal(t.colour, GREEN);
    assert_true(t.nick.has);
    assert_int_equal(sent >> 7 & 1, 0); /* limit= */
}

static void a_wrong_form_is_refused_by_name(void **state)
{
    struct cx *cx = *state;
    static const struct {
        const char *form;
        enum err err;
        uint16_t msg;
        const char *field;
    } cases[] = {
        {"", ERR_INVALID, M_MISSING, "name"},
        {"name=", ERR_INVALID, M_MISSING, "name"},
        {"name=a&name=b", ERR_INVALID, M_GIVEN_TWICE, "name"},
        {"name=%", ERR_MALFORMED, M_FORM_NOT_READABLE, ""},
        {"name=%4", ERR_MALFORMED, M_FORM_NOT_READABLE, ""},
        {"name=%zz", ERR_MALFORMED, M_FORM_NOT_READABLE, ""},
        {"name=%00", ERR_MALFORMED, M_FORM_NOT_READABLE, ""},
        {"name=%FF", ERR_MALFORMED, M_FORM_NOT_READABLE, ""},
        {"name=a%0Ab", ERR_INVALID, M_CONTROL_CHARACTER, "name"},
        {"name=a&size=9", ERR_INVALID, M_OUT_OF_RANGE, "size"},
        {"name=a&weight=inf", ERR_INVALID, M_WANTS_NUMBER, "weight"},
        {"name=a&weight=0x1p3", ERR_INVALID, M_WANTS_NUMBER, "weight"},
        {"name=a&weight=1e999", ERR_INVALID, M_WANTS_NUMBER, "weight"},
        {"name=a&is_big=maybe", ERR_INVALID, M_WANTS_YES_NO, "is_big"},
        {"name=a&nam=b", ERR_INVALID, M_UNKNOWN_MEMBER_NEAR, "nam"},
        {"name=a&price=5", ERR_INVALID, M_UNKNOWN_MEMBER, "price"},
        {"name=a&id=cus_0000000000010", ERR_INVALID, M_UNKNOWN_MEMBER, "id"},
        {"name[]=a", ERR_INVALID, M_UNKNOWN_MEMBER_NEAR, "name[]"},
        {"name=a&tags=a&tags=a&tags=a&tags=a", ERR_INVALID, M_LIST_TOO_LONG, "tags"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct thing t;
        enum err e = form_read(cx, &thing_shape, str_of(cases[i].form), false, &t, NULL);
        if (e != cases[i].err || cx->why.msg != cases[i].msg ||
            !str_eq(cx->why.field, str_of(cases[i].field)))
            fail_msg("%s: %s, message %s, field '" SFMT "'", cases[i].form, err_code(e),
                     msg_names[cx->why.msg], SARG(cx->why.field));
    }
    struct thing t;
    assert_int_equal(form_read(cx, &thing_shape, S("name=a&utm_source=x&x[y]=1"), true, &t, NULL),
                     OK);

    struct text many = text_in(cx->arena, 1 << 20);
    for (int i = 0; i < 100000; i++)
        text_add(&many, S("a&"));
    assert_int_equal(form_read(cx, &thing_shape, text_str(&many), true, &t, NULL), ERR_MALFORMED);
    assert_int_equal(cx->why.msg, M_FORM_TOO_MANY);
}

/* ---- out ---------------------------------------------------------------------------- */

static void every_kind_of_member_is_written(void **state)
{
    struct cx *cx = *state;
    struct part parts[] = {{S("p"), 1}, {S("q"), 2}};
    str tags[] = {S("a"), S("b")};
    struct thing t = {
        .id = {32},
        .name = S("T\"é\n"),
        .note = S("n"),
        .secret_word = S("hidden"),
        .raw = S("{\"x\":[1]}"),
        .size = -5,
        .is_big = true,
        .weight = 0.1,
        .at = {1795329000000},
        .price = {-12, {"JPY"}},
        .colour = GREEN,
        .parts = {parts, 2},
        .tags = {tags, 2},
        .main_part = {S("m"), 3},
    };
    assert_str(written(cx, &thing_shape, &t, 0),
               S("{\"id\":\"cus_0000000000010\",\"name\":\"T\\\"é\\n\",\"note\":\"n\",\"raw\":{"
                 "\"x\":[1]},\"size\":-5,\"limit\":null,"
                 "\"is_big\":true,\"weight\":0.1,\"at\":\"2026-11-22T06:30:00Z\",\"price\":{"
                 "\"amount\":-12,\"currency\":\"JPY\"},"
                 "\"colour\":\"green\",\"parts\":[{\"value\":\"p\",\"count\":1},{\"value\":\"q\","
                 "\"count\":2}],\"tags\":[\"a\",\"b\"],"
                 "\"main_part\":{\"value\":\"m\",\"count\":3},\"made_ms\":0,\"order\":null}"));
}

static void nothing_leaves_as_null_or_not_at_all(void **state)
{
    struct cx *cx = *state;
    struct thing t = {.colour = (enum colour)7, .weight = NAN};
    assert_str(written(cx, &thing_shape, &t, 0),
               S("{\"id\":null,\"name\":\"\",\"note\":null,\"raw\":null,\"size\":0,\"limit\":null,"
                 "\"is_big\":false,\"weight\":null,"
                 "\"at\":null,\"price\":null,\"colour\":null,\"parts\":[],\"tags\":[],\"main_"
                 "part\":{\"value\":\"\",\"count\":0},"
                 "\"made_ms\":0,\"order\":null}"));
}

static void a_member_is_shown_to_the_roles_that_may_see_it(void **state)
{
    struct cx *cx = *state;
    struct thing t = {.name = S("n"), .note = S("private")};
    assert_true(
        str_find(written(cx, &thing_shape, &t, 1u << ROLE_OWNER), S("\"note\":\"private\"")) > 0);
    assert_true(str_find(written(cx, &thing_shape, &t, 1u << ROLE_AGENT), S("\"note\":null")) > 0);
}

static void any_text_survives_writing_and_reading(void **state)
{
    struct cx *cx = *state;
    uint64_t seed = 5;
    for (int i = 0; i < 20000; i++) {
        struct thing t = {.name = S("n")}, back;
        struct text note = text_in(cx->arena, 4096);
        for (size_t n = test_random(&seed) % 40; n > 0; n--) {
            uint32_t c = (uint32_t)(test_random(&seed) >> (11 + test_random(&seed) % 40));
            c %= test_random(&seed) % 2 ? 0x80 : 0x110000;
            if (c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0xD800 && c < 0xE000))
                c = test_random(&seed) % 2 ? '\n' : '"';
            if (c < 0x80) {
                text_add_char(&note, (char)c);
            } else { /* through an escape of the other kind of writer */
                struct thing one;
                str json =
                    c < 0x10000
                        ? arena_printf(cx->arena, "{\"name\":\"n\",\"note\":\"\\u%04x\"}", c)
                        : arena_printf(cx->arena, "{\"name\":\"n\",\"note\":\"\\u%04x\\u%04x\"}",
                                       0xD800 + ((c - 0x10000) >> 10),
                                       0xDC00 + ((c - 0x10000) & 0x3FF));
                assert_int_equal(json_read(cx, &thing_shape, json, &one, NULL), OK);
                text_add(&note, one.note);
            }
        }
        t.note = text_str(&note);
        struct text out = text_in(cx->arena, 1 << 16);
        struct json_out j = {.to = &out};
        json_object_begin(&j);
        json_key(&j, S("name"));
        json_str(&j, t.name);
        json_key(&j, S("note"));
        json_str(&j, t.note);
        json_object_end(&j);
        assert_int_equal(json_read(cx, &thing_shape, text_str(&out), &back, NULL), OK);
        assert_str(back.note, t.note);
        if (i % 100 == 0)
            arena_reset(cx->arena);
    }
}

static void any_number_survives_writing_and_reading(void **state)
{
    struct cx *cx = *state;
    uint64_t seed = 6;
    for (int i = 0; i < 200000; i++) {
        uint64_t bits = test_random(&seed);
        double v;
        memcpy(&v, &bits, sizeof v);
        if (i % 2)
            v = (double)(int64_t)(bits >> 20) / (double)(1 + bits % 1000);
        if (!isfinite(v))
            continue;
        struct text t = text_in(cx->arena, 100);
        struct json_out j = {.to = &t};
        json_double(&j, v);
        text_add_char(&t, '\0');
        assert_true(strtod(t.ptr, NULL) == v);
        if (i % 1000 == 0)
            arena_reset(cx->arena);
    }
    struct text t = text_in(cx->arena, 100);
    struct json_out j = {.to = &t};
    json_array_begin(&j);
    json_double(&j, 0.1);
    json_double(&j, 100);
    json_double(&j, -0.5);
    json_double(&j, 1e300);
    json_double(&j, INFINITY);
    json_array_end(&j);
    assert_str(text_str(&t), S("[0.1,100,-0.5,1e+300,null]"));
}

static void control_characters_leave_as_escapes(void **state)
{
    struct cx *cx = *state;
    struct text t = text_in(cx->arena, 100);
    struct json_out j = {.to = &t};
    json_str(&j, S("\x01\b\f\n\r\t\x1F\x7F\\\"/"));
    assert_str(text_str(&t), S("\"\\u0001\\b\\f\\n\\r\\t\\u001f\\u007f\\\\\\\"/\""));
}

static void the_schema_says_what_the_reader_accepts(void **state)
{
    struct cx *cx = *state;
    struct text t = text_in(cx->arena, 1 << 16), o = text_in(cx->arena, 1 << 16);
    struct json_out j = {.to = &t}, k = {.to = &o};
    json_schema(&j, &thing_shape, true);
    str in = text_str(&t);
    assert_true(
        str_starts(in, S("{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\","
                         "\"minLength\":1,\"maxLength\":20,\"x-personal\":true},")));
    assert_true(str_ends(in, S("\"required\":[\"name\"],\"additionalProperties\":false}")));
    assert_true(
        str_find(
            in,
            S("\"colour\":{\"type\":[\"string\",\"null\"],\"enum\":[\"red\",\"green\",null]}")) >
        0);
    assert_true(str_find(in, S("\"size\":{\"type\":\"integer\",\"format\":\"int64\",\"minimum\":-5,"
                               "\"maximum\":5}")) > 0);
    assert_true(str_find(in, S("\"order\":{\"type\":[\"string\",\"null\"],\"pattern\":\"^ord_[0-9a-"
                               "hjkmnp-tv-z]{13}$\"}")) > 0);
    assert_true(str_find(in, S("\"description\":\"In \\\"kilograms\\\"\"")) > 0);
    assert_int_equal(str_find(in, S("made_ms")), -1);
    assert_int_equal(str_find(in, S("\"id\":")), -1);
    assert_true(str_find(in, S("\"secret_word\":{\"type\":[\"string\",\"null\"],\"maxLength\":200,"
                               "\"writeOnly\":true}")) > 0);
    json_schema(&k, &thing_shape, false);
    assert_true(str_find(text_str(&o), S("made_ms")) > 0);
    assert_int_equal(str_find(text_str(&o), S("secret_word")), -1);
    /* whatever was made is JSON itself */
    struct thing none;
    assert_int_equal(json_read(cx, &thing_shape, in, &none, NULL), ERR_INVALID);
    assert_int_equal(json_read(cx, &thing_shape, text_str(&o), &none, NULL), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_kind_of_member_is_read),
        TEST(a_refusal_names_the_member_and_the_reason),
        TEST(the_refusal_carries_what_was_given_and_what_would_be_right),
        TEST(null_is_not_given_but_sent),
        TEST(deep_and_crowded_json_is_refused_before_it_is_parsed),
        TEST(characters_are_counted_not_bytes),
        TEST(a_full_arena_is_too_big_not_a_crash),
        TEST(a_form_is_read_by_the_same_shape),
        TEST(a_wrong_form_is_refused_by_name),
        TEST(every_kind_of_member_is_written),
        TEST(nothing_leaves_as_null_or_not_at_all),
        TEST(a_member_is_shown_to_the_roles_that_may_see_it),
        TEST(any_text_survives_writing_and_reading),
        TEST(any_number_survives_writing_and_reading),
        TEST(control_characters_leave_as_escapes),
        TEST(the_schema_says_what_the_reader_accepts),
    };
    return cmocka_run_group_tests(tests, test_cx_open, test_cx_close);
}
