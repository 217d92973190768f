/* rooms/judge/judgement.c - one customer's judgement with its reasons, its history, and what people say against it. */
#include "base/json_load.h"
#include "rooms/judge/inside.h"
#include "rooms/risk/risk.h"

struct pin_out {
    str class, name, reason, by;
    when at, until;
};
struct class_all {
    str name, title;
    int64_t score, enter, leave;
    bool is_in;
    when since;
    str because; /* JSON */
};
struct class_answer {
    str leading, name;
    when since;
    bool is_known, is_undecided;
    int64_t known;
    struct pin_out pin;
    struct list all;
};
struct value_answer {
    money spent_12m;
    int64_t orders_12m;
    bool is_vip;
    int vip_by, activity;
};
struct advice_answer {
    str code, text;
};
struct judgement_in {
    customer_id id;
};
struct judgement_out {
    customer_id customer;
    struct class_answer class;
    struct risk_answer risk;
    struct value_answer value;
    struct list advice;
};
struct judgements_in {
    customer_id id;
    int64_t limit;
    str cursor;
};
struct log_out {
    int64_t id;
    when at;
    str was, leading, classes, why, by, reason;
};
struct judgements {
    struct list items;
    str next;
};
struct correct_in {
    customer_id id;
    str class, reason;
    when until;
    /* between plan and apply */
    customer_id root;
    int64_t correction;
    int was, is;
    bool is_pin;
    when until_at;
    struct judge_set set;
    uint64_t holds;
};
/* clang-format off */
static const struct field pin_fields[] = {
    FIELD(struct pin_out, class, .nullable = true), FIELD(struct pin_out, name), FIELD(struct pin_out, reason, .personal = true), FIELD(struct pin_out, by),
    FIELD(struct pin_out, at), FIELD(struct pin_out, until),
};
static const struct shape pin_shape = SHAPE("class_pin", struct pin_out, pin_fields);
static const struct field all_fields[] = {
    FIELD(struct class_all, name, .doc = "The key: chatty, time_eater …"), FIELD(struct class_all, title, .doc = "In the reader's language"),
    FIELD(struct class_all, score, .doc = "Now, 0 to 100"), FIELD(struct class_all, enter), FIELD(struct class_all, leave),
    FIELD(struct class_all, is_in), FIELD(struct class_all, since, .nullable = true),
    FIELD_JSON(struct class_all, because, .doc = "[{rule, version, label, points, lines: [{text, tree, seen, verdict}]}]: the rules that hold, with the values they saw"),
};
static const struct shape all_shape = SHAPE("judgement_class", struct class_all, all_fields);
static const struct field class_fields[] = {
    FIELD(struct class_answer, leading, .nullable = true, .doc = "null: not enough is known yet"), FIELD(struct class_answer, name),
    FIELD(struct class_answer, since, .nullable = true),
    FIELD(struct class_answer, is_known, .doc = "False: not enough is known yet"), FIELD(struct class_answer, is_undecided),
    FIELD(struct class_answer, known, .doc = "Contacts and orders that this stands on"),
    FIELD_STRUCT(struct class_answer, pin, &pin_shape, .nullable = true, .doc = "A person said so"),
    FIELD_LIST(struct class_answer, all, &all_shape, .doc = "Classes with points, and those he is in; the strongest first"),
};
static const struct shape class_shape = SHAPE("judgement_of_class", struct class_answer, class_fields);
static const struct field value_fields[] = {
    FIELD(struct value_answer, spent_12m), FIELD(struct value_answer, orders_12m), FIELD(struct value_answer, is_vip),
    FIELD_ENUM(struct value_answer, vip_by, vip_by_codes), FIELD_ENUM(struct value_answer, activity, activity_codes),
};
static const struct shape value_shape = SHAPE("judgement_of_value", struct value_answer, value_fields);
static const struct field advice_fields[] = {FIELD(struct advice_answer, code), FIELD(struct advice_answer, text)};
static const struct shape advice_shape = SHAPE("judgement_advice", struct advice_answer, advice_fields);
static const struct field in_fields[] = {FIELD(struct judgement_in, id, .in_path = true)};
const struct shape judgement_in_shape = SHAPE("judgement_in", struct judgement_in, in_fields);
static const struct field out_fields[] = {
    FIELD(struct judgement_out, customer),
    FIELD_STRUCT(struct judgement_out, class, &class_shape),
    FIELD_STRUCT(struct judgement_out, risk, &risk_answer_shape, .seen_by = MAY_READ_RISK),
    FIELD_STRUCT(struct judgement_out, value, &value_shape),
    FIELD_LIST(struct judgement_out, advice, &advice_shape),
};
const struct shape judgement_out_shape = SHAPE("judgement", struct judgement_out, out_fields);
static const struct field judgements_in_fields[] = {FIELD(struct judgements_in, id, .in_path = true), PAGE_FIELDS(struct judgements_in)};
const struct shape judgements_in_shape = SHAPE("judgements_in", struct judgements_in, judgements_in_fields);
static const struct field log_row_fields[] = {
    FIELD(struct log_out, id), FIELD_AS(struct log_out, at, "at_ms"), FIELD(struct log_out, was), FIELD_AS(struct log_out, leading, "leads"),
    FIELD(struct log_out, classes), FIELD(struct log_out, why), FIELD_AS(struct log_out, by, "actor_name"), FIELD(struct log_out, reason),
};
static const struct shape judgement_log_row_shape = SHAPE("judgement_log_row", struct log_out, log_row_fields);
static const struct field log_fields[] = {
    FIELD(struct log_out, at), FIELD(struct log_out, was, .nullable = true, .doc = "The leading class before"), FIELD(struct log_out, leading, .nullable = true),
    FIELD(struct log_out, classes, .doc = "All with their points: chatty 60 interested 55"),
    FIELD_JSON(struct log_out, why, .doc = "Of each class the rules that held, with the values they saw then"),
    FIELD(struct log_out, by, .nullable = true, .doc = "Who said so; null: the rules"), FIELD(struct log_out, reason, .nullable = true, .personal = true),
};
static const struct shape log_shape = SHAPE("judgement_change", struct log_out, log_fields);
static const struct field judgements_fields[] = {FIELD_LIST(struct judgements, items, &log_shape), FIELD(struct judgements, next, .nullable = true)};
const struct shape judgements_shape = SHAPE("judgements", struct judgements, judgements_fields);
static const struct field correct_fields[] = {
    FIELD(struct correct_in, id, .in_path = true),
    FIELD(struct correct_in, class, .nullable = true, .doc = "What he is; null: only that the judgement is wrong"),
    FIELD(struct correct_in, reason, .required = true, .max_len = 500, .multiline = true, .personal = true),
    FIELD(struct correct_in, until, .nullable = true, .doc = "It holds so long; not given: 180 days; at most two years"),
};
const struct shape correct_in_shape = SHAPE("judgement_correct", struct correct_in, correct_fields);
static const struct field unpin_fields[] = {FIELD(struct correct_in, id, .in_path = true)};
const struct shape unpin_in_shape = SHAPE("judgement_unpin", struct correct_in, unpin_fields);
/* clang-format on */

/* ---- the judgement, with reasons ---------------------------------------------------------- */

static enum err traces_of(struct cx *cx, const struct judge_set *s, int64_t id,
                          struct expr_trace *out)
{
    const struct expr_plan **plans = ARENA_ARRAY(cx->arena, s->n + 1, const struct expr_plan *);
    struct expr_many *many = NULL;
    for (size_t i = 0; i < s->n; i++)
        plans[i] = s->v[i].plan;
    if (s->n == 0)
        return OK;
    TRY(expr_load_many(cx, plans, s->n, &id, 1, &many));
    for (size_t i = 0; i < s->n; i++) {
        struct expr_subject who = {0};
        if (expr_one_of(many, plans[i], 0, &who))
            TRY(expr_trace(cx, plans[i], &who, &out[i]));
    }
    return OK;
}

static str because_text(struct cx *cx, const struct judge_set *s, uint64_t holds, int class,
                        const struct expr_trace *t)
{
    struct text out = text_in(cx->arena, (size_t)256 << 10);
    struct json_out j = {.to = &out};
    because_write(&j, cx, s, holds, class, t, true);
    return text_str(&out);
}

static int stronger(const void *a, const void *b)
{
    const struct class_all *x = a, *y = b;
    if (x->is_in != y->is_in)
        return x->is_in ? -1 : 1;
    return x->score > y->score ? -1 : x->score < y->score ? 1 : str_cmp(x->name, y->name);
}

static void make_class(struct cx *cx, const struct judge_set *s, const struct looked *l,
                       const struct expr_trace *traces, const struct list *pins,
                       struct class_answer *o)
{
    const struct class_verdict *v = &l->verdict;
    struct class_all *all = ARENA_ARRAY(cx->arena, CLASSES, struct class_all);
    size_t n = 0;
    for (int c = 0; c < CLASSES; c++)
        if (v->is.of[c].is_in || v->is.of[c].score)
            all[n++] = (struct class_all){.name = str_of(class_codes[c]),
                                          .title = class_name(cx->arena, cx->lang, c),
                                          .score = v->is.of[c].score,
                                          .enter = s->limits[c].enter,
                                          .leave = s->limits[c].leave,
                                          .is_in = v->is.of[c].is_in,
                                          .since = {v->is.of[c].since_ms},
                                          .because = because_text(cx, s, l->holds, c, traces)};
    qsort(all, n, sizeof *all, stronger);
    *o = (struct class_answer){.leading = str_of(class_codes[v->leading]),
                               .name = class_name(cx->arena, cx->lang, v->leading),
                               .is_known = v->leading < CLASSES,
                               .is_undecided = v->is_undecided,
                               .known = l->known,
                               .all = {all, n}};
    if (v->leading < CLASSES)
        o->since.ms = v->is.of[v->leading].lead_ms;
    const struct class_pin *p = pins->items;
    if (pins->n)
        o->pin = (struct pin_out){str_of(class_codes[p->class]),
                                  class_name(cx->arena, cx->lang, p->class),
                                  p->reason,
                                  p->by,
                                  p->at,
                                  p->until};
}

static void make_advice(struct cx *cx, const struct judge_set *s, const struct looked *l,
                        struct list *out)
{
    struct advice_answer *a = ARENA_ARRAY(cx->arena, CLASSES + 2, struct advice_answer);
    const struct class_verdict *v = &l->verdict;
    size_t n = 0;
    if (v->is_undecided)
        a[n++] = (struct advice_answer){
            S("undecided"), msg_text(cx->arena, cx->lang, M_CLASS_UNDECIDED_ADVICE, NULL, 0)};
    for (int pass = 0; pass < 2; pass++) /* the leading one's first */
        for (int c = 0; c < CLASSES; c++)
            if ((c == v->leading) == (pass == 0) &&
                (pass == 0 || (v->is.of[c].is_in && c != CLASS_REGULAR)))
                a[n++] = (struct advice_answer){
                    str_of(class_codes[c]),
                    class_advice(cx->arena, cx->lang, c, s->settings[c].advice)};
    if (n == 0)
        a[n++] = (struct advice_answer){S("unknown"),
                                        class_advice(cx->arena, cx->lang, CLASSES, (str){0})};
    *out = (struct list){a, n};
}

enum err judgement_route(struct cx *cx, void *in, void *out)
{
    struct judgement_out *o = out;
    struct judge_set set = {0};
    struct list ids = {0}, pins = {0};
    struct standing standing = {0};
    struct looked *l = NULL;
    size_t n = 0;
    customer_id root = {0};
    TRY(customer_root(cx, ((struct judgement_in *)in)->id, &root, &ids));
    TRY(judge_set_open(cx, &set));
    TRY(judge_look(cx, &set, &root.v, 0, 1, &l, &n));
    if (n == 0)
        return fault(cx, ERR_NOT_FOUND, M_CUSTOMER_UNKNOWN);
    struct expr_trace *traces = ARENA_ARRAY(cx->arena, set.n + 1, struct expr_trace);
    TRY(traces_of(cx, &set, root.v, traces));
    TRY(db_all(cx, &q_class_pin_of, &class_pin_row_shape, &pins, ARGS(V(root), V(cx->now_ms))));
    TRY(db_one(cx, &q_standing_get, &standing_row_shape, &standing, ARGS(V(root))));
    TRY(risk_of(cx, root, &o->risk));
    audit_view(cx, root.v);
    o->customer = root;
    make_class(cx, &set, l, traces, &pins, &o->class);
    make_advice(cx, &set, l, &o->advice);
    o->value = (struct value_answer){
        .spent_12m = {standing.window[WINDOW_365D].spent, settings_current(cx)->base_currency},
        .orders_12m = standing.window[WINDOW_365D].orders,
        .is_vip = standing.is_vip,
        .vip_by = standing.vip_by,
        .activity = standing.activity,
    };
    return OK;
}

/* ---- history --------------------------------------------------------------------------------- */

static bool may_read(struct cx *cx, str condition)
{
    struct expr_world world = settings_world(cx);
    struct expr *e = NULL;
    bool may = expr_parse(cx, condition, &e, NULL) == OK &&
               expr_check(cx, &world, condition, e, NULL) == OK;
    cx->why = (struct fault){0};
    return may;
}

/* What a line saw goes when the reader may not ask for it himself, or nobody can any more. */
static void line_hide(struct cx *cx, json_t *line)
{
    const char *text = json_string_value(json_object_get(line, "text"));
    if (!text || !may_read(cx, str_of(text)))
        (void)json_object_del(line, "seen");
}

/* The reasons were kept as the program saw them, which may see all. */
static enum err why_for_reader(struct cx *cx, str *why)
{
    CLEANUP(json_release) json_t *all = NULL;
    const char *class;
    json_t *rules, *rule, *line;
    json_error_t wrong;
    size_t i, k;
    enum err e = json_load_text(cx, *why, &all, &wrong);
    if (e != OK)
        return e == ERR_MALFORMED ? ERR_INTERNAL : e;
    json_object_foreach(all, class, rules) json_array_foreach(rules, i, rule)
        json_array_foreach(json_object_get(rule, "lines"), k, line) line_hide(cx, line);
    char *text = json_dumps(all, JSON_COMPACT);
    if (!text)
        return fault(cx, ERR_BUSY, M_STORE_BUSY);
    *why = arena_str(cx->arena, str_of(text));
    free(text);
    return OK;
}

enum err judgements_route(struct cx *cx, void *in, void *out)
{
    struct judgements_in *a = in;
    struct judgements *o = out;
    customer_id root = {0};
    struct list ids = {0};
    int64_t sort = 0, before = 0;
    TRY(customer_root(cx, a->id, &root, &ids));
    TRY(page_begin(cx, "judgement", &a->limit, a->cursor, &sort, &before));
    TRY(db_all(cx, &q_judgement_log_page, &judgement_log_row_shape, &o->items,
               ARGS(V(root), V(before), V(a->limit + 1))));
    audit_view(cx, root.v);
    struct log_out *rows = o->items.items;
    for (size_t i = 0; i < o->items.n && !expr_may_use(cx, MAY_READ_RISK); i++)
        TRY(why_for_reader(cx, &rows[i].why));
    if ((int64_t)o->items.n <= a->limit)
        return OK;
    o->items.n = (size_t)a->limit;
    int64_t last = ((const struct log_out *)o->items.items)[a->limit - 1].id;
    o->next = cursor_make(cx->arena, cx->now_ms, "judgement", last, last);
    return OK;
}

/* ---- corrections -------------------------------------------------------------------------------- */

static enum err now_of(struct cx *cx, struct correct_in *a, struct looked *out)
{
    struct list ids = {0};
    struct looked *l = NULL;
    size_t n = 0;
    TRY(customer_root(cx, a->id, &a->root, &ids));
    TRY(judge_set_open(cx, &a->set));
    TRY(judge_look(cx, &a->set, &a->root.v, 0, 1, &l, &n));
    if (n == 0)
        return fault(cx, ERR_NOT_FOUND, M_CUSTOMER_UNKNOWN);
    *out = *l;
    a->was = CLASSES;
    for (int c = 0; c < CLASSES; c++)
        if (l->was.of[c].is_in && l->was.of[c].lead_ms)
            a->was = c;
    a->holds = l->holds;
    return OK;
}

/* Type is corrected by who serves; that somebody must be checked first, or need not, by who answers for risk. */
static enum err may_say(struct cx *cx, const struct correct_in *a)
{
    bool is_risk = a->was == CLASS_FRAUD_SUSPECT || (a->is_pin && a->is == CLASS_FRAUD_SUSPECT);
    bool may =
        cx->actor.kind == ACTOR_SYSTEM || ((MAY_LEAD | MAY(ROLE_RISK)) & MAY(cx->actor.role));
    return is_risk && !may ? fault(cx, ERR_DENIED, M_CLASS_RISK_OFFICER) : OK;
}

enum err correct_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct correct_in *a = in;
    struct looked l;
    a->reason = str_trim(a->reason);
    if (a->reason.len == 0)
        return fault_field(cx, ERR_INVALID, S("reason"), M_CLASS_REASON);
    a->is_pin = a->class.len > 0;
    a->is = 0;
    while (a->is_pin && a->is < CLASSES && !str_eq(a->class, str_of(class_codes[a->is])))
        a->is++;
    if (a->is == CLASSES)
        return fault_field(cx, ERR_INVALID, S("class"), M_CLASS_UNKNOWN);
    int64_t longest = cx->now_ms + PIN_DAYS_MAX * JUDGE_DAY_MS;
    a->until_at.ms = a->until.ms ? a->until.ms : cx->now_ms + PIN_DAYS * JUDGE_DAY_MS;
    if (a->until_at.ms <= cx->now_ms || a->until_at.ms > longest)
        return fault_field(cx, ERR_INVALID, S("until"), M_CLASS_UNTIL);
    TRY(now_of(cx, a, &l));
    TRY(may_say(cx, a));
    if (!a->is_pin && a->was == CLASSES)
        return fault_field(cx, ERR_INVALID, S("class"), M_CLASS_NOTHING);
    a->correction = id_new(cx->now_ms);
    return OK;
}

/* The rules that made the leading class what it is: they are what people agree or disagree with. */
static enum err say(struct cx *cx, const struct correct_in *a)
{
    bool is_against = !a->is_pin || a->is != a->was;
    for (size_t i = 0; i < a->set.n; i++) {
        const struct rule *r = a->set.v[i].rule;
        if ((a->holds >> i & 1) && r->class == a->was && r->points > 0)
            TRY(db_run(cx, &q_correction_said,
                       ARGS(V(a->correction), V(r->id), V(r->version), V(is_against))));
    }
    return OK;
}

/* As he stands now, decided again and written. */
static enum err settle(struct cx *cx, struct correct_in *a, int64_t correction)
{
    struct looked l;
    TRY(now_of(cx, a, &l));
    l.is_told = l.is_told || correction; /* a person's word always stands in the history */
    TRY(judge_reasons(cx, &a->set, &l, 1));
    return judge_write(cx, &l, 1, false, correction);
}

enum err correct_apply(struct cx *cx, void *in, void *out)
{
    struct correct_in *a = in;
    if (a->is_pin)
        TRY(db_run(cx, &q_pins_end, ARGS(V(cx->now_ms), V(a->root))));
    TRY(db_run(cx, &q_correction_add,
               ARGS(V(a->correction), V(a->root), V(class_codes[a->was]),
                    V(a->is_pin ? class_codes[a->is] : ""), V(a->reason),
                    V(a->is_pin ? a->until_at.ms : 0), V(actor_codes[cx->actor.kind]),
                    V(cx->actor.id), V(cx->actor.name), V(cx->now_ms))));
    TRY(say(cx, a));
    TRY(audit_add(cx, "class.correct", a->root.v, a->correction, S("class")));
    if (a->is_pin)
        TRY(settle(cx, a, a->correction));
    cx->made_id = a->root.v;
    return correct_again(cx, a->root.v, out);
}

enum err correct_again(struct cx *cx, int64_t id, void *out)
{
    struct class_seen *o = out;
    struct list in = {0}, pins = {0};
    TRY(db_all(cx, &q_class_of_customer, &class_in_row_shape, &in, ARGS(V(id))));
    TRY(db_all(cx, &q_class_pin_of, &class_pin_row_shape, &pins, ARGS(V(id), V(cx->now_ms))));
    *o = class_seen_of(cx->arena, cx->lang, &in, &pins);
    return OK;
}

enum err unpin_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct correct_in *a = in;
    struct looked l;
    TRY(now_of(cx, a, &l));
    return may_say(cx, a);
}

enum err unpin_apply(struct cx *cx, void *in, void *out)
{
    struct correct_in *a = in;
    TRY(db_run(cx, &q_pins_end, ARGS(V(cx->now_ms), V(a->root))));
    TRY(settle(cx, a, 0));
    TRY(audit_add(cx, "class.unpin", a->root.v, 0, (str){0}));
    cx->made_id = a->root.v;
    return correct_again(cx, a->root.v, out);
}
