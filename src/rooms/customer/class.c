/* rooms/customer/class.c - classes in words, and what cards and records show of them. */
#include "messages.h"
#include "rooms/customer/customer.h"

const char *const class_codes[CLASSES + 1] = {
    "regular", "chatty", "freeloader", "time_eater", "interested", "company", "fraud_suspect", ""};

/* clang-format off */
static const struct field in_fields[] = {
    FIELD_ENUM(struct class_in, class, class_codes), FIELD(struct class_in, score), FIELD_AS(struct class_in, since, "since_ms"),
    FIELD_AS(struct class_in, lead_at, "lead_ms"), FIELD(struct class_in, advice),
};
const struct shape class_in_row_shape = SHAPE("class_in_row", struct class_in, in_fields);
static const struct field pin_fields[] = {
    FIELD(struct class_pin, id), FIELD_ENUM(struct class_pin, class, class_codes), FIELD_AS(struct class_pin, at, "at_ms"),
    FIELD_AS(struct class_pin, until, "until_ms"), FIELD(struct class_pin, reason), FIELD_AS(struct class_pin, by, "actor_name"),
};
const struct shape class_pin_row_shape = SHAPE("class_pin_row", struct class_pin, pin_fields);
static const struct field also_fields[] = {
    FIELD(struct class_also, code), FIELD(struct class_also, name), FIELD(struct class_also, score), FIELD(struct class_also, since),
};
static const struct shape also_shape = SHAPE("class_also", struct class_also, also_fields);
static const struct field seen_fields[] = {
    FIELD(struct class_seen, code, .nullable = true, .doc = "null: not enough is known yet"),
    FIELD(struct class_seen, name, .doc = "In the reader's language"),
    FIELD(struct class_seen, advice, .doc = "How to serve him"),
    FIELD(struct class_seen, score), FIELD(struct class_seen, since, .nullable = true),
    FIELD(struct class_seen, is_pinned, .doc = "A person said so"), FIELD(struct class_seen, pinned_until, .nullable = true),
    FIELD(struct class_seen, is_undecided, .doc = "Needs time, or is considering: offer the test, it decides"),
    FIELD_LIST(struct class_seen, also, &also_shape, .doc = "What else he is"),
};
static const struct field risk_fields[] = {
    FIELD(struct risk_seen_of, level, .nullable = true, .doc = "low, medium, high"), FIELD(struct risk_seen_of, points, .doc = "0 to 100"),
    FIELD(struct risk_seen_of, confidence, .doc = "Percent of the checks that are known"), FIELD(struct risk_seen_of, since),
};
const struct shape risk_seen_of_shape = SHAPE("risk_seen", struct risk_seen_of, risk_fields);
static const struct field risk_row_fields[] = {
    FIELD(struct risk_seen_of, level), FIELD(struct risk_seen_of, points), FIELD(struct risk_seen_of, confidence), FIELD_AS(struct risk_seen_of, since, "at_ms"),
};
const struct shape risk_seen_of_row_shape = SHAPE("risk_seen_of_row", struct risk_seen_of, risk_row_fields);
/* clang-format on */
const struct shape class_seen_shape = SHAPE("class_seen", struct class_seen, seen_fields);

str class_name(struct arena *a, enum lang lang, int class)
{
    static const uint16_t names[CLASSES + 1] = {
        M_CLASS_REGULAR,    M_CLASS_CHATTY,  M_CLASS_FREELOADER,    M_CLASS_TIME_EATER,
        M_CLASS_INTERESTED, M_CLASS_COMPANY, M_CLASS_FRAUD_SUSPECT, M_CLASS_NONE};
    return msg_text(a, lang, names[class], NULL, 0);
}

str class_advice(struct arena *a, enum lang lang, int class, str own)
{
    static const uint16_t advice[CLASSES + 1] = {
        M_CLASS_REGULAR_ADVICE,       M_CLASS_CHATTY_ADVICE,     M_CLASS_FREELOADER_ADVICE,
        M_CLASS_TIME_EATER_ADVICE,    M_CLASS_INTERESTED_ADVICE, M_CLASS_COMPANY_ADVICE,
        M_CLASS_FRAUD_SUSPECT_ADVICE, M_CLASS_NONE_ADVICE};
    return own.len ? own : msg_text(a, lang, advice[class], NULL, 0);
}

bool class_is_close(int64_t time_eater, int64_t interested, int64_t from)
{
    int64_t apart = time_eater > interested ? time_eater - interested : interested - time_eater;
    return time_eater >= from && interested >= from && apart <= CLASS_CLOSE;
}

struct class_seen class_seen_of(struct arena *a, enum lang lang, const struct list *in,
                                const struct list *pins)
{
    const struct class_in *v = in->items, *leads = NULL;
    const struct class_pin *pin = pins->n ? pins->items : NULL;
    struct class_also *also = ARENA_ARRAY(a, in->n + 1, struct class_also);
    int64_t score[CLASSES + 1] = {0};
    size_t n = 0;
    for (size_t i = 0; i < in->n; i++) {
        score[v[i].class] = v[i].score;
        if (v[i].lead_at.ms && !leads)
            leads = &v[i];
        else if (v[i].class != CLASS_REGULAR)
            also[n++] =
                (struct class_also){str_of(class_codes[v[i].class]),
                                    class_name(a, lang, v[i].class), v[i].score, v[i].since};
    }
    int class = leads ? leads->class : CLASSES;
    struct class_seen s = {
        .code = str_of(class_codes[class]),
        .name = class_name(a, lang, class),
        .advice = class_advice(a, lang, class, leads ? leads->advice : (str){0}),
        .score = leads ? leads->score : 0,
        .since = leads ? leads->lead_at : (when){0},
        .is_pinned = pin != NULL,
        .pinned_until = pin ? pin->until : (when){0},
        .also = {also, n},
    };
    s.is_undecided = !pin && (class == CLASS_TIME_EATER || class == CLASS_INTERESTED) &&
                     class_is_close(score[CLASS_TIME_EATER], score[CLASS_INTERESTED], 1);
    if (s.is_undecided)
        s.advice = msg_text(a, lang, M_CLASS_UNDECIDED_ADVICE, NULL, 0);
    return s;
}
