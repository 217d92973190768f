/* rooms/customer/attr.c - values of custom attributes: reading them by their type, writing them as
 * typed rows. */
#include "messages.h"
#include "queries.h"
#include "rooms/customer/inside.h"

const char *const attr_type_codes[ATTR_TYPE_N] = {"text",   "number", "money",  "date",
                                                  "yes_no", "choice", "choices"};
enum { DAY_MS = 86400000, THOUSAND = 1000 };
static const int64_t NUMBER_MOST = INT64_C(9000000000000); /* with three decimals an int64 */

/* ---- reading a text -------------------------------------------------------------------------- */

static enum err wrong(struct cx *cx, enum msg msg, str given)
{
    return fault(cx, ERR_INVALID, (uint16_t)msg, MARG("given", str_clean(cx->arena, given, 100)));
}

/* A decimal number with at most `digits` behind the point, as a whole number of its last digit. */
static bool decimal_read(str t, int digits, int64_t *out)
{
    bool is_negative = str_starts(t, S("-"));
    if (is_negative)
        t = (str){t.ptr + 1, t.len - 1};
    int64_t n = 0;
    int behind = -1;
    for (size_t i = 0; i < t.len; i++) {
        if (t.ptr[i] == '.' && behind < 0 && i > 0) {
            behind = 0;
            continue;
        }
        if (!is_digit(t.ptr[i]) || behind == digits || n > INT64_MAX / 10 - 10)
            return false;
        n = n * 10 + (t.ptr[i] - '0');
        behind += behind >= 0;
    }
    if (t.len == 0 || behind == 0)
        return false;
    for (int i = behind < 0 ? 0 : behind; i < digits; i++) {
        if (n > INT64_MAX / 10)
            return false;
        n *= 10;
    }
    *out = is_negative ? -n : n;
    return true;
}

bool date_read(struct arena *a, str t, int64_t *day)
{
    when w;
    if (t.len != 10 || !when_parse(arena_printf(a, SFMT "T00:00:00Z", SARG(t)), &w))
        return false;
    *day = w.ms >= 0 ? w.ms / DAY_MS : -((-w.ms + DAY_MS - 1) / DAY_MS);
    return true;
}

static enum err one(struct attr_value *v, int64_t num, str text)
{
    v->row[0] = (struct attr_row){.num = SOME_INT(num), .text = text};
    v->n = 1;
    return OK;
}

static enum err text_value(struct cx *cx, str t, struct attr_value *v)
{
    if (str_chars(t) > ATTR_CHARS_MAX)
        return fault(cx, ERR_INVALID, M_TOO_LONG, MNUM("length", (int64_t)str_chars(t)),
                     MNUM("most", ATTR_CHARS_MAX));
    for (size_t i = 0; i < t.len; i++)
        if ((unsigned char)t.ptr[i] < 0x20 || t.ptr[i] == 0x7f)
            return fault(cx, ERR_INVALID, M_CONTROL_CHARACTER, MNUM("position", (int64_t)i + 1));
    str folded = text_fold(cx->arena, t);
    if (folded.len >
        ATTR_FOLDED_BYTES) { /* as long as an index entry may be; cut between characters */
        folded.len = ATTR_FOLDED_BYTES;
        while (folded.len && ((unsigned char)folded.ptr[folded.len] & 0xC0) == 0x80)
            folded.len--;
    }
    v->row[0] = (struct attr_row){.text = t, .folded = folded};
    v->n = 1;
    return OK;
}

static enum err number_value(struct cx *cx, str t, struct attr_value *v)
{
    int64_t n;
    if (!decimal_read(t, 3, &n) || n > NUMBER_MOST * THOUSAND || n < -NUMBER_MOST * THOUSAND)
        return wrong(cx, M_ATTR_NUMBER, t);
    return one(v, n, t);
}

static enum err money_value(struct cx *cx, str t, struct attr_value *v)
{
    str code = t, amount = str_cut(&code, ' ');
    currency c;
    int64_t n;
    if (!currency_parse(str_trim(code), &c) || !decimal_read(amount, currency_exponent(c), &n))
        return wrong(cx, M_ATTR_MONEY, t);
    return one(v, n, arena_str(cx->arena, str_of(c.code)));
}

static enum err date_value(struct cx *cx, str t, struct attr_value *v)
{
    int64_t day;
    return date_read(cx->arena, t, &day) ? one(v, day, t) : wrong(cx, M_ATTR_DATE, t);
}

static enum err yes_no_value(struct cx *cx, str t, struct attr_value *v)
{
    static const char *const yes[] = {"yes", "true", "1"}, *const no[] = {"no", "false", "0"};
    for (size_t i = 0; i < COUNT(yes); i++) {
        if (str_eq_ascii_nocase(t, str_of(yes[i])))
            return one(v, 1, S("yes"));
        if (str_eq_ascii_nocase(t, str_of(no[i])))
            return one(v, 0, S("no"));
    }
    return wrong(cx, M_ATTR_YES_NO, t);
}

/* As its list writes it, whatever case was given. */
static enum err choice_add(struct cx *cx, const struct attr_def *d, str t, struct attr_value *v)
{
    str folded = text_fold(cx->arena, t);
    for (size_t i = 0; i < v->n; i++)
        if (str_eq(v->row[i].folded, folded))
            return OK;
    for (size_t i = 0; i < d->choices.n && v->n < ATTR_CHOICES_MAX; i++) {
        if (!str_eq(text_fold(cx->arena, d->choices.items[i]), folded))
            continue;
        v->row[v->n++] = (struct attr_row){.text = d->choices.items[i], .folded = folded};
        return OK;
    }
    struct text all = text_in(cx->arena, 400);
    for (size_t i = 0; i < d->choices.n; i++)
        text_printf(&all, "%s" SFMT, i ? ", " : "", SARG(d->choices.items[i]));
    return fault(cx, ERR_INVALID, M_NOT_A_CHOICE, MARG("given", str_clean(cx->arena, t, 100)),
                 MARG("choices", text_str(&all)));
}

enum err attr_value_read(struct cx *cx, const struct attr_def *d, str text, struct attr_value *out)
{
    str t = str_trim(text);
    out->n = 0;
    if (t.len == 0)
        return OK;
    switch (d->type) {
    case ATTR_NUMBER:
        return number_value(cx, t, out);
    case ATTR_MONEY:
        return money_value(cx, t, out);
    case ATTR_DATE:
        return date_value(cx, t, out);
    case ATTR_YES_NO:
        return yes_no_value(cx, t, out);
    case ATTR_CHOICE:
        return choice_add(cx, d, t, out);
    case ATTR_CHOICES:
        while (t.len) {
            str piece = str_trim(str_cut(&t, ';'));
            if (piece.len)
                TRY(choice_add(cx, d, piece, out));
        }
        return OK;
    default:
        return text_value(cx, t, out);
    }
}

/* ---- reading JSON ---------------------------------------------------------------------------- */

struct value_in {
    str text;
    double number;
    money money;
    bool yes;
    struct str_list choices;
};
/* clang-format off */
static const struct field text_in_fields[] = {
    FIELD_AS(struct value_in, text, "value", .max_len = ATTR_CHARS_MAX),
};
static const struct field number_in_fields[] = {
    FIELD_AS(struct value_in, number, "value"),
};
static const struct field money_in_fields[] = {
    FIELD_AS(struct value_in, money, "value"),
};
static const struct field yes_in_fields[] = {
    FIELD_AS(struct value_in, yes, "value"),
};
static const struct field choices_in_fields[] = {
    FIELD_AS(struct value_in, choices, "value", .max_len = ATTR_CHOICES_MAX, .max = ATTR_CHARS_MAX),
};
/* clang-format on */
static const struct shape text_in_shape = SHAPE("value_text", struct value_in, text_in_fields);
static const struct shape number_in_shape =
    SHAPE("value_number", struct value_in, number_in_fields);
static const struct shape money_in_shape = SHAPE("value_money", struct value_in, money_in_fields);
static const struct shape yes_in_shape = SHAPE("value_yes", struct value_in, yes_in_fields);
static const struct shape choices_in_shape =
    SHAPE("value_choices", struct value_in, choices_in_fields);
static const struct shape *const json_of[ATTR_TYPE_N] = {
    [ATTR_TEXT] = &text_in_shape,       [ATTR_NUMBER] = &number_in_shape,
    [ATTR_MONEY] = &money_in_shape,     [ATTR_DATE] = &text_in_shape,
    [ATTR_YES_NO] = &yes_in_shape,      [ATTR_CHOICE] = &text_in_shape,
    [ATTR_CHOICES] = &choices_in_shape,
};

static bool number_of(double d, int64_t *out)
{
    if (!(d >= (double)-NUMBER_MOST && d <= (double)NUMBER_MOST))
        return false;
    double milli = d * THOUSAND;
    int64_t n = (int64_t)(milli + (milli < 0 ? -0.5 : 0.5));
    double off = milli - (double)n;
    *out = n;
    return off < 1e-3 && off > -1e-3;
}

static str milli_text(struct arena *a, int64_t n)
{
    int64_t whole = n / THOUSAND, rest = n % THOUSAND;
    str t =
        arena_printf(a, "%s%lld.%03lld", n < 0 ? "-" : "", (long long)(whole < 0 ? -whole : whole),
                     (long long)(rest < 0 ? -rest : rest));
    while (t.ptr[t.len - 1] == '0')
        t.len--;
    if (t.ptr[t.len - 1] == '.')
        t.len--;
    return t;
}

enum err attr_value_read_json(struct cx *cx, const struct attr_def *d, str json,
                              struct attr_value *out)
{
    struct value_in in;
    out->n = 0;
    if (str_eq(str_trim(json), S("null")))
        return OK;
    TRY(json_read(cx, json_of[d->type], arena_printf(cx->arena, "{\"value\":" SFMT "}", SARG(json)),
                  &in, NULL));
    int64_t n;
    switch (d->type) {
    case ATTR_NUMBER:
        if (!number_of(in.number, &n))
            return wrong(cx, M_ATTR_NUMBER, json);
        return one(out, n, milli_text(cx->arena, n));
    case ATTR_MONEY:
        return in.money.currency.code[0]
                   ? one(out, in.money.amount, arena_str(cx->arena, str_of(in.money.currency.code)))
                   : OK;
    case ATTR_YES_NO:
        return one(out, in.yes, in.yes ? S("yes") : S("no"));
    case ATTR_CHOICES:
        for (size_t i = 0; i < in.choices.n; i++)
            TRY(choice_add(cx, d, str_trim(in.choices.items[i]), out));
        return OK;
    default:
        return attr_value_read(cx, d, in.text, out);
    }
}

/* ---- writing --------------------------------------------------------------------------------- */

static money money_of(const struct attr_row *r)
{
    money m = {.amount = r->num.v};
    if (!currency_parse(r->text, &m.currency))
        m.currency = (currency){0};
    return m;
}

str attr_value_text(struct arena *a, const struct attr_def *d, const struct attr_value *v)
{
    if (v->n == 0)
        return (str){0};
    if (d->type == ATTR_MONEY)
        return arena_printf(a, SFMT " " SFMT, SARG(money_text(a, money_of(&v->row[0]))),
                            SARG(v->row[0].text));
    if (d->type == ATTR_NUMBER)
        return milli_text(a, v->row[0].num.v);
    struct text t = text_in(a, ATTR_CHOICES_MAX * (ATTR_CHARS_MAX * 4 + 2));
    for (size_t i = 0; i < v->n; i++) {
        if (i)
            text_add(&t, S("; "));
        text_add(&t, v->row[i].text);
    }
    return text_str(&t);
}

str attr_value_json(struct arena *a, const struct attr_def *d, const struct attr_value *v)
{
    struct text t = text_in(a, ATTR_CHOICES_MAX * (ATTR_CHARS_MAX * 6 + 8));
    struct json_out j = {.to = &t};
    if (v->n == 0)
        return S("null");
    switch (d->type) {
    case ATTR_NUMBER:
        json_raw(&j, milli_text(a, v->row[0].num.v));
        break;
    case ATTR_MONEY:
        json_object_begin(&j);
        json_key(&j, S("amount"));
        json_int(&j, v->row[0].num.v);
        json_key(&j, S("currency"));
        json_str(&j, v->row[0].text);
        json_object_end(&j);
        break;
    case ATTR_YES_NO:
        json_bool(&j, v->row[0].num.v != 0);
        break;
    case ATTR_CHOICES:
        json_array_begin(&j);
        for (size_t i = 0; i < v->n; i++)
            json_str(&j, v->row[i].text);
        json_array_end(&j);
        break;
    default:
        json_str(&j, v->row[0].text);
    }
    return text_str(&t);
}

/* clang-format off */
static const struct field attr_row_fields[] = {
    FIELD(struct attr_stored, attr_id),
    FIELD(struct attr_stored, customer_id),
    FIELD(struct attr_stored, num),
    FIELD(struct attr_stored, text),
    FIELD(struct attr_stored, folded),
};
/* clang-format on */
const struct shape attr_row_shape = SHAPE("attr_row", struct attr_stored, attr_row_fields);

/* The rows of a record are in the order of attributes, then of its ids: of a merged record the root's
 * own value stands, else the oldest id's. */
struct attr_value attr_value_of(const struct list *rows, attr_id id, customer_id root)
{
    const struct attr_stored *r = rows->items;
    struct attr_value v = {0};
    int64_t from = 0;
    for (size_t i = 0; i < rows->n; i++)
        if (r[i].attr_id.v == id.v && (from == 0 || r[i].customer_id.v == root.v))
            from = r[i].customer_id.v;
    for (size_t i = 0; i < rows->n && v.n < ATTR_CHOICES_MAX; i++)
        if (r[i].attr_id.v == id.v && r[i].customer_id.v == from)
            v.row[v.n++] = (struct attr_row){r[i].num, r[i].text, r[i].folded};
    return v;
}

enum err attr_put(struct cx *cx, customer_id root, const struct attr_def *d,
                  const struct attr_value *v, struct change_by *by)
{
    struct list rows = {0};
    TRY(db_all(cx, &q_attr_of_one, &attr_row_shape, &rows, ARGS(V(d->id), V(root))));
    struct attr_value was = attr_value_of(&rows, d->id, root);
    struct history_new h = {.customer = root,
                            .field = arena_printf(cx->arena, "attr." SFMT, SARG(d->code)),
                            .part = d->id.v,
                            .old = attr_value_text(cx->arena, d, &was),
                            .new = attr_value_text(cx->arena, d, v)};
    if (str_eq(h.old, h.new))
        return OK;
    TRY(db_run(cx, &q_attr_clear, ARGS(V(d->id), V(root))));
    for (size_t i = 0; i < v->n; i++)
        TRY(db_run(
            cx, &q_attr_insert,
            ARGS(V(root), V(d->id), V(v->row[i].folded), V(v->row[i].num), V(v->row[i].text))));
    TRY(history_add(cx, &h, 1, by));
    return part_changed(cx, root, "attr.change", d->id.v, d->code);
}

/* ---- PUT, DELETE /customers/{id}/attributes/{code} -------------------------------------------- */

struct attr_put_in {
    struct part_in part;
    str code, value;
    struct attr_def def;
    struct attr_value v;
};
/* clang-format off */
static const struct field attr_put_fields[] = {
    FIELD_AS(struct attr_put_in, part.id, "id", .in_path = true),
    FIELD(struct attr_put_in, code, .in_path = true),
    FIELD_JSON(struct attr_put_in, value, .any_in = true, .required = true, .personal = true,
               .doc = "By the type: a text, a number, money, a date 2026-01-31, true or false, a choice, a list of choices; null: none"),
};
static const struct field attr_gone_fields[] = {
    FIELD_AS(struct attr_put_in, part.id, "id", .in_path = true),
    FIELD(struct attr_put_in, code, .in_path = true),
};
/* clang-format on */
const struct shape attr_put_shape = SHAPE("attribute_in", struct attr_put_in, attr_put_fields);
const struct shape attr_gone_shape = SHAPE("attribute_gone", struct attr_put_in, attr_gone_fields);

enum err attr_put_plan(struct cx *cx, void *in, void *out)
{
    struct attr_put_in *a = in;
    TRY(part_plan(cx, in, out));
    TRY(attr_def_by_code(cx, a->code, &a->def));
    if (a->value.len == 0) /* DELETE */
        return OK;
    enum err e = attr_value_read_json(cx, &a->def, a->value, &a->v);
    return e == OK ? OK : fault_at(cx, e, S("value"));
}

static void attr_out(struct cx *cx, const struct attr_put_in *a, struct attribute *out)
{
    *out = (struct attribute){.code = a->def.code,
                              .label = a->def.label,
                              .type = a->def.type,
                              .choices = a->def.choices,
                              .value = attr_value_json(cx->arena, &a->def, &a->v)};
}

enum err attr_put_apply(struct cx *cx, void *in, void *out)
{
    const struct attr_put_in *a = in;
    TRY(attr_put(cx, a->part.root, &a->def, &a->v, NULL));
    attr_out(cx, a, out);
    return OK;
}

enum err attr_gone_apply(struct cx *cx, void *in, void *out)
{
    (void)out;
    const struct attr_put_in *a = in;
    return attr_put(cx, a->part.root, &a->def, &a->v, NULL);
}

/* ---- in the record ---------------------------------------------------------------------------- */

/* clang-format off */
static const struct field attribute_fields[] = {
    FIELD(struct attribute, code),
    FIELD(struct attribute, label),
    FIELD_ENUM(struct attribute, type, attr_type_codes),
    FIELD(struct attribute, choices, .omit_empty = true),
    FIELD_JSON(struct attribute, value, .personal = true, .doc = "By the type; null: none"),
};
/* clang-format on */
const struct shape attribute_shape = SHAPE("attribute", struct attribute, attribute_fields);

struct list attributes_of(struct cx *cx, const struct list *defs, const struct list *rows,
                          customer_id root)
{
    const struct attr_def *d = defs->items;
    struct attribute *out = ARENA_ARRAY(cx->arena, defs->n + 1, struct attribute);
    size_t n = 0;
    for (size_t i = 0; i < defs->n; i++) {
        if (!d[i].is_active)
            continue;
        struct attr_value v = attr_value_of(rows, d[i].id, root);
        out[n++] = (struct attribute){.code = d[i].code,
                                      .label = d[i].label,
                                      .type = d[i].type,
                                      .choices = d[i].choices,
                                      .value = attr_value_json(cx->arena, &d[i], &v)};
    }
    return (struct list){out, n};
}
