/* rooms/risk/answer.c - a risk in words, and a risk as it is kept. */
#include "rooms/risk/inside.h"

/* clang-format off */
static const struct field signal_out_fields[] = {
    FIELD(struct risk_signal_out, name, .doc = "Its code"), FIELD(struct risk_signal_out, group), FIELD(struct risk_signal_out, label),
    FIELD(struct risk_signal_out, points, .doc = "What it brings, less what its group takes off; of trust below 0"),
    FIELD(struct risk_signal_out, evidence, .personal = true, .doc = "What was seen, a sentence"),
};
const struct shape risk_signal_out_shape = SHAPE("risk_signal_seen", struct risk_signal_out, signal_out_fields);
static const struct field answer_fields[] = {RISK_ANSWER_FIELDS(struct risk_answer, )};
const struct shape risk_answer_shape = SHAPE("risk", struct risk_answer, answer_fields);
/* clang-format on */

static const uint16_t labels[RISK_SIGNALS] = {
    M_RISK_MINIMAL_DATA,     M_RISK_FAMOUS_NAME,       M_RISK_NOISE_NAME,
    M_RISK_DISPOSABLE_EMAIL, M_RISK_FREE_EMAIL,        M_RISK_EMAIL_UNLIKE_NAME,
    M_RISK_PHONE_COUNTRY,    M_RISK_VOIP_NUMBER,       M_RISK_IP_COUNTRY,
    M_RISK_HOSTING_NETWORK,  M_RISK_TOR_NETWORK,       M_RISK_TIME_ZONE,
    M_RISK_LANGUAGE,         M_RISK_HOLDER_NAME,       M_RISK_CARD_COUNTRY,
    M_RISK_SEVERAL_CARDS,    M_RISK_LARGE_FIRST_ORDER, M_RISK_HURRY,
    M_RISK_NO_QUESTIONS,     M_RISK_VELOCITY,          M_RISK_NEW_SURROUNDINGS,
    M_RISK_SHARED_DEVICE,    M_RISK_SHARED_CARD,       M_RISK_SHARED_ADDRESS,
    M_RISK_SHARED_IP,        M_RISK_LINKED_BLOCKED,    M_RISK_LINKED_VERDICT,
    M_RISK_LISTED,           M_RISK_CHARGE_BACK,       M_RISK_DISPUTE,
    M_RISK_REFUSED_PAYMENT,  M_RISK_REFUND_ABUSE,      M_RISK_ABUSE_REPORT,
    M_RISK_JUDGED_FRAUD,     M_RISK_PAID_HISTORY,      M_RISK_VERIFIED_PHONE,
    M_RISK_SHOP_VISIT,       M_RISK_PREPAID,           M_RISK_JUDGED_HONEST,
};
/* Where there is something to tell beyond the label. */
static const uint16_t evidence[RISK_SIGNALS] = {
    [RISK_FAMOUS_NAME] = M_RISK_SAW_FAMOUS,       [RISK_NOISE_NAME] = M_RISK_SAW_NOISE,
    [RISK_DISPOSABLE_EMAIL] = M_RISK_SAW_DOMAIN,  [RISK_FREE_EMAIL] = M_RISK_SAW_DOMAIN,
    [RISK_EMAIL_UNLIKE_NAME] = M_RISK_SAW_BESIDE, [RISK_PHONE_COUNTRY] = M_RISK_SAW_COUNTRIES,
    [RISK_VOIP_NUMBER] = M_RISK_SAW_TEXT,         [RISK_IP_COUNTRY] = M_RISK_SAW_COUNTRIES,
    [RISK_HOSTING_NETWORK] = M_RISK_SAW_TEXT,     [RISK_TOR_NETWORK] = M_RISK_SAW_TEXT,
    [RISK_TIME_ZONE] = M_RISK_SAW_COUNTRIES,      [RISK_LANGUAGE] = M_RISK_SAW_COUNTRIES,
    [RISK_HOLDER_NAME] = M_RISK_SAW_BESIDE,       [RISK_CARD_COUNTRY] = M_RISK_SAW_COUNTRIES,
    [RISK_SEVERAL_CARDS] = M_RISK_SAW_CARDS,      [RISK_HURRY] = M_RISK_SAW_HURRY,
    [RISK_VELOCITY] = M_RISK_SAW_SPEED,           [RISK_SHARED_DEVICE] = M_RISK_SAW_PEOPLE,
    [RISK_SHARED_CARD] = M_RISK_SAW_PEOPLE,       [RISK_SHARED_ADDRESS] = M_RISK_SAW_PEOPLE,
    [RISK_SHARED_IP] = M_RISK_SAW_PEOPLE,         [RISK_LINKED_BLOCKED] = M_RISK_SAW_SHARED,
    [RISK_LINKED_VERDICT] = M_RISK_SAW_SHARED,    [RISK_LISTED] = M_RISK_SAW_LISTED,
    [RISK_CHARGE_BACK] = M_RISK_SAW_TIMES,        [RISK_DISPUTE] = M_RISK_SAW_TIMES,
    [RISK_REFUSED_PAYMENT] = M_RISK_SAW_TIMES,    [RISK_REFUND_ABUSE] = M_RISK_SAW_TIMES,
    [RISK_ABUSE_REPORT] = M_RISK_SAW_TIMES,       [RISK_PAID_HISTORY] = M_RISK_SAW_ORDERS,
};
static const uint16_t levels[RISK_LEVELS] = {M_RISK_LOW, M_RISK_MEDIUM, M_RISK_HIGH};
static const uint16_t advices[RISK_ADVICES] = {M_RISK_ACCEPT, M_RISK_ACCEPT_3DS, M_RISK_IRREVOCABLE,
                                               M_RISK_HOLD, M_RISK_REFUSE};
/* What is shared, by the code of a trace or of a handle; others as they are. */
static str shared_word(struct cx *cx, str code)
{
    static const struct {
        const char *code;
        uint16_t msg;
    } words[] = {{"email", M_RISK_TRACE_EMAIL},     {"domain", M_RISK_TRACE_DOMAIN},
                 {"phone", M_RISK_TRACE_PHONE},     {"device", M_RISK_TRACE_DEVICE},
                 {"card", M_RISK_TRACE_CARD},       {"payment", M_RISK_TRACE_CARD},
                 {"ip", M_RISK_TRACE_IP},           {"network", M_RISK_TRACE_NETWORK},
                 {"address", M_RISK_TRACE_ADDRESS}, {"account", M_RISK_TRACE_ACCOUNT}};
    for (size_t i = 0; i < COUNT(words); i++)
        if (str_eq(code, str_of(words[i].code)))
            return msg_text(cx->arena, cx->lang, words[i].msg, NULL, 0);
    return code;
}

static str sentence(struct cx *cx, int signal, const struct risk_fact *f)
{
    uint16_t msg = evidence[signal];
    str a = f->a;
    if (msg == 0)
        return msg_text(cx->arena, cx->lang, labels[signal], NULL, 0);
    if (msg == M_RISK_SAW_SPEED || msg == M_RISK_SAW_SHARED || msg == M_RISK_SAW_LISTED)
        a = shared_word(cx, a);
    if (msg == M_RISK_SAW_HURRY)
        msg = str_eq(a, S("form")) ? M_RISK_SAW_QUICK_FORM : M_RISK_SAW_HURRY;
    const struct msg_arg args[] = {MARG("a", str_clean(cx->arena, a, 80)),
                                   MARG("b", str_clean(cx->arena, f->b, 120)), MNUM("n", f->n)};
    return msg_text(cx->arena, cx->lang, msg, args, COUNT(args));
}

void risk_answer_of(struct cx *cx, const struct risk *r, const struct risk_facts *f,
                    const struct risk_house *h, str country, struct risk_answer *out)
{
    struct risk_signal_out *s = ARENA_ARRAY(cx->arena, r->n + 1, struct risk_signal_out);
    str *unknown = ARENA_ARRAY(cx->arena, RISK_CHECKS, str);
    size_t n_unknown = 0;
    for (size_t i = 0; i < r->n; i++) {
        int k = r->signs[i].signal;
        s[i] = (struct risk_signal_out){str_of(risk_signal_codes[k]),
                                        str_of(risk_group_codes[risk_signal_kinds[k].group]),
                                        msg_text(cx->arena, cx->lang, labels[k], NULL, 0),
                                        r->signs[i].points, sentence(cx, k, &f->of[k])};
    }
    for (int i = 1; i < RISK_CHECKS; i++)
        if (r->is_unknown[i])
            unknown[n_unknown++] = str_of(risk_check_codes[i]);
    const struct msg_arg args[] = {
        MARG("level", msg_text(cx->arena, cx->lang, levels[r->level], NULL, 0)),
        MNUM("points", r->points), MNUM("known", r->known), MNUM("checks", r->checks)};
    *out = (struct risk_answer){
        .risk = r->points,
        .confidence = r->checks ? (double)(r->known * 100 / r->checks) / 100 : 0,
        .level = r->level,
        .summary = msg_text(cx->arena, cx->lang, M_RISK_SUMMARY, args, COUNT(args)),
        .signals = {s, r->n},
        .advice = msg_text(cx->arena, cx->lang, advices[r->advice], NULL, 0),
        .advice_code = str_of(risk_advice_codes[r->advice]),
        .payment = risk_methods_for(cx->arena, h, r->advice, country),
        .unknown = {unknown, n_unknown}};
}

uint16_t risk_label(int signal)
{
    return labels[signal];
}

/* ---- as it is kept ------------------------------------------------------------------------------ */

struct kept_sign {
    str code;
    int64_t points, strength;
    str a, b;
    int64_t n;
};
struct kept {
    int64_t points;
    int level, advice;
    int64_t known, checks;
    str country;
    struct list fired; /* of struct kept_sign: what said yes, counted or not */
    struct str_list unknown;
};
/* clang-format off */
static const struct field kept_sign_fields[] = {
    FIELD(struct kept_sign, code), FIELD(struct kept_sign, points), FIELD(struct kept_sign, strength), FIELD(struct kept_sign, a, .max_len = 400),
    FIELD(struct kept_sign, b, .max_len = 400), FIELD(struct kept_sign, n),
};
static const struct shape kept_sign_shape = SHAPE("risk_kept_sign", struct kept_sign, kept_sign_fields);
static const struct field kept_fields[] = {
    FIELD(struct kept, points), FIELD_ENUM(struct kept, level, risk_level_codes), FIELD_ENUM(struct kept, advice, risk_advice_codes),
    FIELD(struct kept, known), FIELD(struct kept, checks), FIELD(struct kept, country), FIELD_LIST(struct kept, fired, &kept_sign_shape),
    FIELD(struct kept, unknown),
};
static const struct shape kept_shape = SHAPE("risk_kept", struct kept, kept_fields);
/* clang-format on */
enum { NOT_COUNTED = -1000 };

str facts_text(struct arena *a, const struct risk_facts *f, const struct risk *r, str country)
{
    struct kept_sign s[RISK_SIGNALS];
    str unknown[RISK_CHECKS];
    struct kept k = {r->points, r->level, r->advice, r->known,
                     r->checks, country,  {s, 0},    {unknown, 0}};
    for (int i = 0; i < RISK_SIGNALS; i++)
        if (f->of[i].state == RISK_YES) {
            int64_t points = NOT_COUNTED;
            for (size_t j = 0; j < r->n; j++)
                points = r->signs[j].signal == i ? r->signs[j].points : points;
            s[k.fired.n++] = (struct kept_sign){str_of(risk_signal_codes[i]),
                                                points,
                                                f->of[i].strength,
                                                str_clean(a, f->of[i].a, 120),
                                                str_clean(a, f->of[i].b, 200),
                                                f->of[i].n};
        }
    for (int i = 1; i < RISK_CHECKS; i++)
        if (r->is_unknown[i])
            unknown[k.unknown.n++] = str_of(risk_check_codes[i]);
    struct text t = text_in(a, 64 << 10);
    struct json_out j = {.to = &t};
    json_write(&j, &kept_shape, &k);
    return text_str(&t);
}

static int code_at(const char *const *codes, int n, str code)
{
    for (int i = 0; i < n; i++)
        if (str_eq(code, str_of(codes[i])))
            return i;
    return -1;
}

bool facts_read(struct cx *cx, str text, struct risk_facts *f, struct risk *r, str *country)
{
    struct kept k = {0};
    struct fault was = cx->why;
    *f = (struct risk_facts){0};
    *r = (struct risk){0};
    if (json_read(cx, &kept_shape, text, &k, NULL) != OK) {
        cx->why = was;
        return false;
    }
    *country = k.country;
    *r = (struct risk){.points = (int)k.points,
                       .level = k.level,
                       .advice = k.advice,
                       .known = (int)k.known,
                       .checks = (int)k.checks};
    for (size_t i = 0; i < k.unknown.n; i++) {
        int c = code_at(risk_check_codes, RISK_CHECKS, k.unknown.items[i]);
        r->is_unknown[c > 0 ? c : 0] = true;
    }
    r->is_unknown[0] = false;
    for (int i = 0; i < RISK_SIGNALS; i++)
        f->of[i].state = r->is_unknown[risk_signal_kinds[i].check] ? RISK_UNKNOWN : RISK_NO;
    const struct kept_sign *s = k.fired.items;
    for (size_t i = 0; i < k.fired.n; i++) {
        int c = code_at(risk_signal_codes, RISK_SIGNALS, s[i].code);
        if (c < 0)
            continue;
        f->of[c] = (struct risk_fact){RISK_YES, (int)s[i].strength, s[i].a, s[i].b, s[i].n};
        if (s[i].points != NOT_COUNTED && r->n < RISK_SIGNALS)
            sign_add(r, c, (int)s[i].points);
    }
    return true;
}
