/* rooms/call/call_say.c - the sentences to say to an unknown caller, and what stands beside them.
 *
 * Ours come from the catalogue; a company's own are rows of `setting` named say.<lang>.<field>.
 */
#include "rooms/call/call_impl.h"

/* clang-format off */
struct say_row { str name, value; };
static const struct field say_row_fields[] = {
    FIELD(struct say_row, name),
    FIELD(struct say_row, value),
};
static const struct shape say_row_shape = SHAPE("say_row", struct say_row, say_row_fields);

struct say { int lang; str name, reason, email, company, address, opinion, heard_of_us, account; };
#define SAY(m) FIELD(struct say, m, .max_len = 300)
static const struct field say_in_fields[] = {
    FIELD_ENUM(struct say, lang, lang_codes),
    SAY(name), SAY(reason), SAY(email), SAY(company), SAY(address), SAY(opinion), SAY(heard_of_us), SAY(account),
};
const struct shape say_in_shape = SHAPE("say_in", struct say, say_in_fields);
const struct shape say_out_shape = SHAPE("say", struct say, say_in_fields);
/* clang-format on */

/* In the order of the fields behind `lang`. */
static const uint16_t ours[] = {M_SAY_NAME,    M_SAY_REASON,  M_SAY_EMAIL,       M_SAY_COMPANY,
                                M_SAY_ADDRESS, M_SAY_OPINION, M_SAY_HEARD_OF_US, M_SAY_ACCOUNT};
_Static_assert(COUNT(ours) + 1 == COUNT(say_in_fields), "a sentence for each field");

static str *sentence(struct say *s, size_t i)
{
    return (str *)(void *)((char *)s + say_in_fields[i + 1].offset);
}

static enum err load(struct cx *cx, int lang, struct say *out)
{
    *out = (struct say){.lang = lang};
    struct list rows = {0};
    str from = arena_printf(cx->arena, "say.%s.", lang_codes[lang]),
        until = arena_printf(cx->arena, "say.%s/", lang_codes[lang]);
    TRY(db_all(cx, &q_say_list, &say_row_shape, &rows, ARGS(V(from), V(until))));
    const struct say_row *r = rows.items;
    for (size_t i = 0; i < COUNT(ours); i++) {
        *sentence(out, i) = msg_text(cx->arena, (enum lang)lang, ours[i], NULL, 0);
        for (size_t k = 0; k < rows.n; k++)
            if (str_eq((str){r[k].name.ptr + from.len, r[k].name.len - from.len},
                       str_of(say_in_fields[i + 1].name)))
                *sentence(out, i) = r[k].value;
    }
    return OK;
}

enum err say_read(struct cx *cx, void *in, void *out)
{
    int lang = cx->sent & 1 ? ((struct say *)in)->lang : (int)cx->lang;
    if (cx->sent > 1)
        return fault_field(cx, ERR_INVALID, S("lang"), M_SAY_ONLY_LANG);
    return load(cx, lang, out);
}

enum err say_apply(struct cx *cx, void *in_, void *out)
{
    struct say *in = in_;
    if (!(cx->sent & 1))
        return fault_field(cx, ERR_INVALID, S("lang"), M_SAY_LANG);
    for (size_t i = 0; i < COUNT(ours); i++) {
        if (!(cx->sent & (2ull << i)))
            continue;
        str name =
            arena_printf(cx->arena, "say.%s.%s", lang_codes[in->lang], say_in_fields[i + 1].name);
        str value = str_trim(*sentence(in, i));
        if (value.len)
            TRY(db_run(cx, &q_say_put,
                       ARGS(V(name), V(value), V(cx->now_ms),
                            val_int_or_null(cx->actor.kind == ACTOR_STAFF ? cx->actor.id : 0))));
        else
            TRY(db_run(cx, &q_say_delete, ARGS(V(name))));
    }
    TRY(audit_add(cx, "settings.say", 0, 0, str_of(lang_codes[in->lang])));
    TRY(event_add(cx, EVENT_SETTINGS_CHANGED, 0, 0, S("")));
    return load(cx, in->lang, out);
}

enum err say_json(struct cx *cx, enum lang lang, str *out)
{
    struct say s;
    TRY(load(cx, (int)lang, &s));
    struct text t = text_in(cx->arena, 16 * 1024);
    struct json_out j = {.to = &t};
    json_object_begin(&j);
    for (size_t i = 0; i < COUNT(ours); i++) {
        json_key(&j, str_of(say_in_fields[i + 1].name));
        json_str(&j, *sentence(&s, i));
    }
    json_object_end(&j);
    *out = text_str(&t);
    return OK;
}

/* What most people there speak, among the languages we have; elsewhere English. */
enum lang say_lang(struct cx *cx, str country)
{
    static const struct {
        char country[3];
        enum lang lang;
    } spoken[] = {
        {"JP", LANG_JA}, {"CN", LANG_ZH}, {"TW", LANG_ZH}, {"HK", LANG_ZH}, {"MO", LANG_ZH},
        {"SG", LANG_EN}, {"KZ", LANG_KK}, {"RU", LANG_RU}, {"BY", LANG_RU}, {"KG", LANG_RU},
    };
    const struct settings *house = settings_current(cx);
    if (!country.len || str_eq(country, house->region))
        return (enum lang)house->lang;
    for (size_t i = 0; i < COUNT(spoken); i++)
        if (str_eq(country, str_of(spoken[i].country)))
            return spoken[i].lang;
    return LANG_EN;
}

/* ---- all that the panel shows for an unknown caller
 * --------------------------------------------------------- */

/* clang-format off */
struct earlier { when at; str staff, note, reason, outcome; };
static const struct field earlier_row_fields[] = {
    FIELD_AS(struct earlier, at, "ring_ms"),
    FIELD_AS(struct earlier, staff, "staff_name"),
    FIELD(struct earlier, note),
    FIELD(struct earlier, reason),
    FIELD(struct earlier, outcome),
};
static const struct shape call_earlier_shape = SHAPE("call_earlier", struct earlier, earlier_row_fields);
static const struct field earlier_fields[] = {
    FIELD(struct earlier, at),
    FIELD(struct earlier, staff),
    FIELD(struct earlier, note, .personal = true),
    FIELD(struct earlier, reason, .personal = true),
    FIELD(struct earlier, outcome),
};
static const struct shape earlier_shape = SHAPE("earlier_call", struct earlier, earlier_fields);

static const struct field intake_fields[] = {
    FIELD(struct call_intake, number, .personal = true),
    FIELD(struct call_intake, national, .personal = true),
    FIELD(struct call_intake, country),
    FIELD(struct call_intake, place),
    FIELD(struct call_intake, number_kind),
    FIELD(struct call_intake, is_withheld),
    FIELD(struct call_intake, caller_name, .personal = true),
    FIELD(struct call_intake, lang, .doc = "What the caller probably speaks"),
    FIELD_JSON(struct call_intake, draft, .nullable = true, .personal = true),
    FIELD_LIST(struct call_intake, earlier, &earlier_shape),
    FIELD_JSON(struct call_intake, say),
};
const struct shape call_intake_shape = SHAPE("call_intake", struct call_intake, intake_fields);
/* clang-format on */

enum err call_intake(struct cx *cx, const struct call *c, struct call_intake *out)
{
    enum lang lang = say_lang(cx, c->number_country);
    *out = (struct call_intake){
        .number = c->number,
        .national = c->national,
        .country = c->number_country,
        .place = c->place,
        .number_kind = c->number_kind,
        .is_withheld = c->is_withheld,
        .caller_name = c->caller_name,
        .lang = str_of(lang_codes[lang]),
        .draft = c->draft,
    };
    if (c->e164.len)
        TRY(db_all(cx, &q_call_earlier, &call_earlier_shape, &out->earlier,
                   ARGS(V(c->e164), V(c->id))));
    return say_json(cx, lang, &out->say);
}
