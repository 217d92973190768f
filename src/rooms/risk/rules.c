/* rooms/risk/rules.c - weights of signals and ways to pay: as shipped, as the company changed them, what a change would do. */
#include "base/lately.h"
#include "rooms/risk/inside.h"
#include <pthread.h>

const char *const risk_call_back_codes[3] = {"no", "yes", "days"};

/* ---- reading ---------------------------------------------------------------------------------- */

struct rule_row {
    str code;
    int64_t points;
    bool is_on;
    int64_t version;
};
/* clang-format off */
static const struct field rule_row_fields[] = {
    FIELD(struct rule_row, code), FIELD(struct rule_row, points), FIELD(struct rule_row, is_on), FIELD(struct rule_row, version),
};
static const struct shape risk_rule_row_shape = SHAPE("risk_rule_row", struct rule_row, rule_row_fields);
static const struct field method_row_fields[] = {
    FIELD(struct risk_method, code), FIELD(struct risk_method, name), FIELD_ENUM(struct risk_method, call_back, risk_call_back_codes),
    FIELD(struct risk_method, days), FIELD(struct risk_method, countries), FIELD(struct risk_method, position), FIELD(struct risk_method, is_gone),
    FIELD(struct risk_method, version),
};
static const struct shape risk_method_row_shape = SHAPE("risk_method_row", struct risk_method, method_row_fields);
/* clang-format on */

/* Where the payer's country says more than all, the company adds it. */
static const struct risk_method shipped[] = {
    {.code = {"card", 4},
     .name = {"Card", 4},
     .call_back = RISK_CALL_BACK_DAYS,
     .days = 120,
     .position = 1},
    {.code = {"bank_transfer", 13}, .name = {"Bank transfer", 13}, .position = 2},
    {.code = {"cash", 4}, .name = {"Cash", 4}, .position = 3},
    {.code = {"webmoney", 8}, .name = {"WebMoney", 8}, .position = 4},
    {.code = {"yoomoney", 8}, .name = {"YooMoney", 8}, .countries = {"RU", 2}, .position = 5},
};

static int signal_named(str code)
{
    for (int i = 0; i < RISK_SIGNALS; i++)
        if (str_eq(code, str_of(risk_signal_codes[i])))
            return i;
    return -1;
}

static struct risk_method *method_named(struct risk_house *h, str code)
{
    for (size_t i = 0; i < h->n_methods; i++)
        if (str_eq(h->methods[i].code, code))
            return &h->methods[i];
    return NULL;
}

static int by_position(const void *a, const void *b)
{
    const struct risk_method *x = a, *y = b;
    return x->position != y->position ? (x->position > y->position) - (x->position < y->position)
                                      : str_cmp(x->code, y->code);
}

enum err risk_house_read(struct cx *cx, struct risk_house *out)
{
    struct list rules = {0}, methods = {0};
    struct db_read reads[] = {
        {&q_risk_rule_list, &risk_rule_row_shape, false, &rules, NO_ARGS, false},
        {&q_risk_method_list, &risk_method_row_shape, false, &methods, NO_ARGS, false}};
    TRY(db_batch(cx, reads, COUNT(reads)));
    *out = (struct risk_house){.n_methods = COUNT(shipped)};
    risk_rules_default(&out->rules);
    memcpy(out->methods, shipped, sizeof shipped);
    const struct rule_row *r = rules.items;
    for (size_t i = 0; i < rules.n; i++) {
        int s = signal_named(r[i].code);
        if (s < 0)
            continue;
        out->rules.of[s] = (struct risk_rule){(int)r[i].points, !r[i].is_on};
        out->versions[s] = r[i].version;
    }
    const struct risk_method *m = methods.items;
    for (size_t i = 0; i < methods.n; i++) {
        struct risk_method *was = method_named(out, m[i].code);
        if (was)
            *was = m[i];
        else if (out->n_methods < RISK_METHODS_ROOM)
            out->methods[out->n_methods++] = m[i];
    }
    qsort(out->methods, out->n_methods, sizeof out->methods[0], by_position);
    return OK;
}

/* One copy for the house that asked last, as that of the settings. */
enum { COPY_BYTES = 64 << 10, LISTED_MAX = 4000 };
static struct {
    pthread_mutex_t lock;
    const struct house *house;
    struct lately age;
    struct risk_house h;
    size_t n_text;
    char text[COPY_BYTES];
    int64_t listed[2 * LISTED_MAX]; /* in their order */
    size_t n_listed;
    bool lists_more;
} copy = {.lock = PTHREAD_MUTEX_INITIALIZER};

static size_t text_bytes(const struct risk_house *h)
{
    size_t n = 0;
    for (size_t i = 0; i < h->n_methods; i++)
        n += h->methods[i].code.len + h->methods[i].name.len + h->methods[i].countries.len;
    return n;
}

static void text_move(str *s, char **to)
{
    if (s->len)
        memcpy(*to, s->ptr, s->len);
    s->ptr = *to;
    *to += s->len;
}

/* With texts of its own, which lie at `text`. */
static void house_copy(const struct risk_house *from, struct risk_house *to, char *text)
{
    *to = *from;
    for (size_t i = 0; i < to->n_methods; i++) {
        text_move(&to->methods[i].code, &text);
        text_move(&to->methods[i].name, &text);
        text_move(&to->methods[i].countries, &text);
    }
}

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

bool may_be_listed(struct cx *cx, const int64_t *traces, size_t n)
{
    pthread_mutex_lock(&copy.lock);
    bool may =
        !cx->house || copy.house != cx->house || !lately_is_good(&copy.age) || copy.lists_more;
    for (size_t i = 0; i < n && !may && copy.n_listed; i++)
        may = bsearch(&traces[i], copy.listed, copy.n_listed, sizeof traces[0], by_number) != NULL;
    pthread_mutex_unlock(&copy.lock);
    return may;
}

/* copy.lock is held. */
static void listed_keep(const struct list *blocks, const struct list *verdicts)
{
    const struct list *const from[] = {blocks, verdicts};
    copy.n_listed = 0;
    copy.lists_more = blocks->n > LISTED_MAX || verdicts->n > LISTED_MAX;
    for (size_t k = 0; k < COUNT(from) && !copy.lists_more; k++)
        for (size_t i = 0; i < from[k]->n; i++)
            copy.listed[copy.n_listed++] = ((const struct number_row *)from[k]->items)[i].n;
    if (copy.n_listed)
        qsort(copy.listed, copy.n_listed, sizeof copy.listed[0], by_number);
}

enum err risk_house_now(struct cx *cx, const struct risk_house **out)
{
    struct risk_house *h = ARENA_NEW(cx->arena, struct risk_house);
    *out = h;
    pthread_mutex_lock(&copy.lock);
    bool is_good = cx->house && copy.house == cx->house && lately_is_good(&copy.age);
    if (is_good)
        house_copy(&copy.h, h, ARENA_ARRAY(cx->arena, copy.n_text + 1, char));
    pthread_mutex_unlock(&copy.lock);
    if (is_good)
        return OK;
    TRY(risk_house_read(cx, h));
    size_t n = text_bytes(h);
    struct list blocks = {0}, verdicts = {0};
    const struct args most = ARGS(V((int64_t)LISTED_MAX + 1));
    struct db_read reads[] = {
        {&q_risk_block_traces, &number_row_shape, false, &blocks, most, false},
        {&q_risk_verdict_traces, &number_row_shape, false, &verdicts, most, false}};
    TRY(db_batch(cx, reads, COUNT(reads)));
    if (!cx->house || n > COPY_BYTES)
        return OK;
    pthread_mutex_lock(&copy.lock);
    if (lately_keep(&copy.age)) {
        house_copy(h, &copy.h, copy.text);
        copy.n_text = n;
        listed_keep(&blocks, &verdicts);
        copy.house = cx->house;
    }
    pthread_mutex_unlock(&copy.lock);
    return OK;
}

void house_changed(void)
{
    pthread_mutex_lock(&copy.lock);
    lately_drop(&copy.age);
    pthread_mutex_unlock(&copy.lock);
}

static bool is_offered(const struct risk_method *m, str country)
{
    str rest = m->countries;
    if (rest.len == 0 || country.len == 0)
        return rest.len == 0;
    while (rest.len)
        if (str_eq(str_cut(&rest, ' '), country))
            return true;
    return false;
}

struct str_list risk_methods_for(struct arena *a, const struct risk_house *h, int advice,
                                 str country)
{
    struct str_list l = {ARENA_ARRAY(a, h->n_methods + 1, str), 0};
    for (size_t i = 0; i < h->n_methods; i++) {
        const struct risk_method *m = &h->methods[i];
        bool fits = advice <= RISK_ACCEPT_3DS ||
                    (advice != RISK_REFUSE && m->call_back == RISK_CALL_BACK_NO);
        if (!m->is_gone && fits && is_offered(m, country))
            l.items[l.n++] = m->code;
    }
    return l;
}

/* ---- GET /risk/signals ------------------------------------------------------------------------ */

struct signal {
    str code, label, group;
    int64_t points, shipped_points;
    bool is_on, needs_company;
    int64_t version;
};
struct signals {
    struct list items;
};
struct signal_in {
    str code;
    int64_t points;
    bool is_on;
    struct risk_rule was, next; /* between plan and apply */
    int signal;
    int64_t version;
};
struct change_count {
    str from, to; /* levels */
    int64_t customers;
};
struct preview {
    int64_t looked_at;
    bool is_all;
    struct list changes, sample;
};
/* clang-format off */
static const struct field signal_fields[] = {
    FIELD(struct signal, code), FIELD(struct signal, label), FIELD(struct signal, group), FIELD(struct signal, points), FIELD(struct signal, shipped_points),
    FIELD(struct signal, is_on), FIELD(struct signal, needs_company, .doc = "Counts only beside another sign"), FIELD(struct signal, version),
};
const struct shape signal_shape = SHAPE("risk_signal", struct signal, signal_fields);
static const struct field signals_fields[] = {FIELD_LIST(struct signals, items, &signal_shape)};
const struct shape signals_shape = SHAPE("risk_signals", struct signals, signals_fields);
static const struct field signal_patch_fields[] = {
    FIELD(struct signal_in, code, .in_path = true), FIELD(struct signal_in, points, .min = 0, .max = 100),
    FIELD(struct signal_in, is_on),
};
const struct shape signal_patch_shape = SHAPE("risk_signal_in", struct signal_in, signal_patch_fields);
static const struct field change_fields[] = {
    FIELD(struct change_count, from), FIELD(struct change_count, to), FIELD(struct change_count, customers),
};
static const struct shape change_shape = SHAPE("risk_level_change", struct change_count, change_fields);
static const struct field preview_fields[] = {
    FIELD(struct preview, looked_at, .doc = "Customers with this sign that were looked at"),
    FIELD(struct preview, is_all, .doc = "These are all; else the time was over before"),
    FIELD_LIST(struct preview, changes, &change_shape), FIELD_LIST(struct preview, sample, &customer_ref_shape, .doc = "Ten whose level would change"),
};
const struct shape signal_preview_shape = SHAPE("risk_signal_preview", struct preview, preview_fields);
/* clang-format on */
enum { SENT_POINTS = 1, SENT_ON };

static struct signal signal_of(struct cx *cx, const struct risk_house *h, int i)
{
    const struct risk_signal_kind *k = &risk_signal_kinds[i];
    return (struct signal){str_of(risk_signal_codes[i]),
                           msg_text(cx->arena, cx->lang, risk_label(i), NULL, 0),
                           str_of(risk_group_codes[k->group]),
                           h->rules.of[i].points,
                           k->points,
                           !h->rules.of[i].is_off,
                           k->beside,
                           h->versions[i]};
}

enum err signals_route(struct cx *cx, void *in, void *out)
{
    (void)in;
    struct risk_house h;
    struct signal *s = ARENA_ARRAY(cx->arena, RISK_SIGNALS, struct signal);
    TRY(risk_house_read(cx, &h));
    for (int i = 0; i < RISK_SIGNALS; i++)
        s[i] = signal_of(cx, &h, i);
    ((struct signals *)out)->items = (struct list){s, RISK_SIGNALS};
    return OK;
}

enum err signal_patch_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct signal_in *a = in;
    struct risk_house h;
    TRY(risk_house_read(cx, &h));
    a->signal = signal_named(a->code);
    if (a->signal < 0)
        return fault(cx, ERR_NOT_FOUND, M_RISK_SIGNAL_UNKNOWN,
                     MARG("name", str_clean(cx->arena, a->code, 40)));
    a->was = a->next = h.rules.of[a->signal];
    a->version = h.versions[a->signal];
    if (cx->if_match >= 0 && cx->if_match != a->version)
        return fault(cx, ERR_STALE, M_RECORD_MOVED);
    if (cx->sent >> SENT_POINTS & 1)
        a->next.points = (int)a->points;
    if (cx->sent >> SENT_ON & 1)
        a->next.is_off = !a->is_on;
    return OK;
}

enum err signal_patch_apply(struct cx *cx, void *in, void *out)
{
    const struct signal_in *a = in;
    int64_t n = 0;
    struct risk_house h;
    const char *code = risk_signal_codes[a->signal];
    struct val staff = cx->actor.kind == ACTOR_STAFF ? V(cx->actor.id) : VNULL;
    TRY(db_run_count(cx, &q_risk_rule_put, &n,
                     ARGS(V(code), V(a->next.points), V(!a->next.is_off), staff, V(cx->now_ms),
                          V(a->version + 1))));
    if (n == 0)
        return fault(cx, ERR_STALE, M_RECORD_MOVED);
    house_changed();
    TRY(audit_add(cx, "risk.signal", 0, 0,
                  arena_printf(cx->arena, "%s %d%s to %d%s", code, a->was.points,
                               a->was.is_off ? " off" : "", a->next.points,
                               a->next.is_off ? " off" : "")));
    TRY(job_add(cx, risk_rescore_job.name, str_of(code)));
    TRY(risk_house_read(cx, &h));
    *(struct signal *)out = signal_of(cx, &h, a->signal);
    return OK;
}

/* ---- what a change would do: only those with this sign can change ------------------------------- */

struct state_row {
    int64_t customer, points;
    int level;
    int64_t confidence;
    str fired;
    int64_t at;
};
/* clang-format off */
static const struct field state_fields[] = {
    FIELD_AS(struct state_row, customer, "customer_id"), FIELD(struct state_row, points), FIELD_ENUM(struct state_row, level, risk_level_codes),
    FIELD(struct state_row, confidence), FIELD(struct state_row, fired), FIELD_AS(struct state_row, at, "at_ms"),
};
/* clang-format on */
static const struct field sample_fields[] = {FIELD(struct customer_ref, id),
                                             FIELD(struct customer_ref, name)};
static const struct shape risk_sample_row_shape =
    SHAPE("risk_sample_row", struct customer_ref, sample_fields);
static const struct shape risk_state_row_shape =
    SHAPE("risk_state_row", struct state_row, state_fields);

static void fired_read(str fired, struct risk_facts *f)
{
    *f = (struct risk_facts){0};
    while (fired.len) {
        str strength = str_cut(&fired, ' '), code = str_cut(&strength, ':');
        int64_t n = 0;
        int s = signal_named(code);
        if (s >= 0 && str_to_int(strength, &n))
            f->of[s] = (struct risk_fact){.state = RISK_YES, .strength = (int)n};
    }
}

enum { PAGE = 1000, PREVIEW_NS = 1200000000, SAMPLE = 10 };

/* Of the next n whose risk is known those with a sign, as they stand. *last: where that ended; 0: there is nobody more. */
static enum err states_page(struct cx *cx, str code, int64_t after, int64_t n, int64_t *last,
                            struct list *out)
{
    *out = (struct list){0};
    TRY(db_int(cx, &q_risk_state_last, last, ARGS(V(after), V(n))));
    if (*last == 0)
        return OK;
    return db_all(
        cx, &q_risk_state_with, &risk_state_row_shape, out,
        ARGS(V(after), V(*last), V(arena_printf(cx->arena, "%%" SFMT ":%%", SARG(code)))));
}

enum err signal_preview_route(struct cx *cx, void *in, void *out)
{
    struct signal_in *a = in;
    struct preview *o = out;
    struct risk_house h;
    TRY(signal_patch_plan(cx, in, NULL));
    TRY(risk_house_read(cx, &h));
    struct risk_rules next = h.rules;
    next.of[a->signal] = a->next;
    int64_t counts[RISK_LEVELS][RISK_LEVELS] = {0}, last = 0, sample[SAMPLE],
            until = clock_mono_ns() + PREVIEW_NS;
    size_t n_sample = 0;
    struct list page = {0};
    do {
        TRY(states_page(cx, a->code, last, PAGE, &last, &page));
        const struct state_row *s = page.items;
        for (size_t i = 0; i < page.n; i++) {
            struct risk_facts f;
            struct risk was, is;
            fired_read(s[i].fired, &f);
            if (f.of[a->signal].state != RISK_YES) /* his sign's name ends like this one's */
                continue;
            o->looked_at++;
            risk_score(&f, &h.rules, &was);
            risk_score(&f, &next, &is);
            counts[was.level][is.level]++;
            if (was.level != is.level && n_sample < SAMPLE)
                sample[n_sample++] = s[i].customer;
        }
    } while (last && clock_mono_ns() < until);
    o->is_all = last == 0;
    struct change_count *c = ARENA_ARRAY(cx->arena, RISK_LEVELS * RISK_LEVELS, struct change_count);
    for (int i = 0; i < RISK_LEVELS; i++)
        for (int k = 0; k < RISK_LEVELS; k++)
            if (i != k && counts[i][k])
                c[o->changes.n++] = (struct change_count){
                    str_of(risk_level_codes[i]), str_of(risk_level_codes[k]), counts[i][k]};
    o->changes.items = c;
    return n_sample ? db_all(cx, &q_risk_sample, &risk_sample_row_shape, &o->sample,
                             ARGS(val_ints(sample, n_sample)))
                    : OK;
}

/* ---- the job that follows a change ------------------------------------------------------------------ */

static enum err rescore_one(struct cx *cx, const struct risk_rules *rules,
                            const struct state_row *s)
{
    struct risk_facts f;
    struct risk r;
    fired_read(s->fired, &f);
    risk_score(&f, rules, &r);
    if (r.points == s->points && r.level == s->level)
        return OK;
    TRY(db_run(cx, &q_risk_state_put,
               ARGS(V(s->customer), V(r.points), V(risk_level_codes[r.level]), V(s->confidence),
                    V(s->fired), V(cx->now_ms))));
    return rules_due(cx, &s->customer, 1);
}

static enum err rescore(struct cx *cx, str args, int64_t *position, int64_t *progress,
                        int64_t *total, bool *finished)
{
    (void)total;
    enum { HOLD_NS = 4000000, STEP = 100 };
    struct risk_house h;
    struct list states = {0};
    int64_t begun = clock_mono_ns(), last = *position;
    TRY(risk_house_read(cx, &h));
    do {
        TRY(states_page(cx, args, *position, STEP, &last, &states));
        for (size_t i = 0; i < states.n; i++)
            TRY(rescore_one(cx, &h.rules, (const struct state_row *)states.items + i));
        if (last)
            *position = last;
        *progress += (int64_t)states.n;
    } while (last && clock_mono_ns() - begun < HOLD_NS);
    *finished = last == 0;
    return OK;
}
const struct job_kind risk_rescore_job = {.name = "risk.rescore", .slice = rescore};

enum err risk_briefs(struct cx *cx, const int64_t *roots, size_t n, struct risk_brief *out)
{
    struct list l = {0};
    size_t at = 0;
    if (n)
        TRY(db_all(cx, &q_risk_state_some, &risk_state_row_shape, &l, ARGS(val_ints(roots, n))));
    const struct state_row *s = l.items;
    for (size_t i = 0; i < n; i++) {
        out[i] = (struct risk_brief){.customer = {roots[i]}, .points = -1};
        while (at < l.n && s[at].customer < roots[i])
            at++;
        if (at < l.n && s[at].customer == roots[i])
            out[i] = (struct risk_brief){{roots[i]}, s[at].points, s[at].level, s[at].confidence};
    }
    return OK;
}

/* ---- payment methods -------------------------------------------------------------------------------- */

struct method_in {
    str code, name;
    int call_back;
    int64_t days;
    struct str_list countries;
    int64_t position;
    struct risk_method next; /* between plan and apply */
    const char *act;
};
struct method_out {
    str code, name;
    int call_back;
    int64_t days;
    struct str_list countries;
    int64_t position, version;
};
struct methods {
    struct list items;
};
/* clang-format off */
#define METHOD_FIELDS                                                                                        \
    FIELD(struct method_in, name, .max_len = 60), FIELD_ENUM(struct method_in, call_back, risk_call_back_codes), \
    FIELD(struct method_in, days, .min = 0, .max = 3650, .doc = "For so many days, with call_back days"),       \
    FIELD(struct method_in, countries, .max_len = 60, .max = 2, .doc = "ISO 3166; none: all"), FIELD(struct method_in, position, .min = 0, .max = 1000)
static const struct field method_in_fields[] = {FIELD(struct method_in, code, .required = true, .max_len = 40), METHOD_FIELDS};
const struct shape payment_method_in_shape = SHAPE("payment_method_in", struct method_in, method_in_fields);
static const struct field method_patch_fields[] = {FIELD(struct method_in, code, .in_path = true), METHOD_FIELDS};
const struct shape payment_method_patch_shape = SHAPE("payment_method_patch", struct method_in, method_patch_fields);
static const struct field method_by_fields[] = {FIELD(struct method_in, code, .in_path = true)};
const struct shape payment_method_by_code_shape = SHAPE("payment_method_by_code", struct method_in, method_by_fields);
static const struct field method_fields[] = {
    FIELD(struct method_out, code), FIELD(struct method_out, name), FIELD_ENUM(struct method_out, call_back, risk_call_back_codes, .doc = "Can the payer take the money back"),
    FIELD(struct method_out, days), FIELD(struct method_out, countries), FIELD(struct method_out, position), FIELD(struct method_out, version),
};
const struct shape payment_method_shape = SHAPE("payment_method", struct method_out, method_fields);
static const struct field methods_fields[] = {FIELD_LIST(struct methods, items, &payment_method_shape)};
const struct shape payment_methods_shape = SHAPE("payment_methods", struct methods, methods_fields);
/* clang-format on */
enum { METHOD_NAME = 1, METHOD_CALL_BACK, METHOD_DAYS, METHOD_COUNTRIES, METHOD_POSITION };

static struct method_out method_of(struct arena *a, const struct risk_method *m)
{
    struct str_list l = {ARENA_ARRAY(a, m->countries.len / 3 + 2, str), 0};
    for (str rest = m->countries; rest.len;)
        l.items[l.n++] = str_cut(&rest, ' ');
    return (struct method_out){m->code, m->name, m->call_back, m->days, l, m->position, m->version};
}

enum err methods_route(struct cx *cx, void *in, void *out)
{
    (void)in;
    struct risk_house h;
    TRY(risk_house_read(cx, &h));
    struct method_out *m = ARENA_ARRAY(cx->arena, h.n_methods + 1, struct method_out);
    size_t n = 0;
    for (size_t i = 0; i < h.n_methods; i++)
        if (!h.methods[i].is_gone)
            m[n++] = method_of(cx->arena, &h.methods[i]);
    ((struct methods *)out)->items = (struct list){m, n};
    return OK;
}

static enum err method_settle(struct cx *cx, struct method_in *a)
{
    bool is_code = a->code.len > 0;
    for (size_t i = 0; i < a->code.len; i++) {
        char c = a->code.ptr[i];
        is_code = is_code && ((c >= 'a' && c <= 'z') || is_digit(c) || c == '_');
    }
    if (!is_code)
        return fault_field(cx, ERR_INVALID, S("code"), M_RISK_METHOD_CODE);
    if (str_trim(a->next.name).len == 0)
        return fault_field(cx, ERR_INVALID, S("name"), M_RISK_METHOD_NAME);
    if ((a->next.call_back == RISK_CALL_BACK_DAYS) != (a->next.days > 0))
        return fault_field(cx, ERR_INVALID, S("days"), M_RISK_METHOD_DAYS);
    a->next.code = a->code;
    a->next.name = str_trim(a->next.name);
    return OK;
}

static enum err countries_text(struct cx *cx, const struct str_list *l, str *out)
{
    struct text t = text_in(cx->arena, 1000);
    for (size_t i = 0; i < l->n; i++) {
        str one = l->items[i];
        TRY(customer_rule_country(cx, S("countries"), &one));
        if (one.len == 0)
            return fault_field(cx, ERR_INVALID, S("countries"), M_RISK_COUNTRY);
        text_printf(&t, "%s" SFMT, t.len ? " " : "", SARG(one));
    }
    *out = text_str(&t);
    return OK;
}

enum err method_add_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct method_in *a = in;
    struct risk_house h;
    TRY(risk_house_read(cx, &h));
    struct risk_method *was = method_named(&h, a->code);
    if (was && !was->is_gone)
        return fault_field(cx, ERR_CONFLICT, S("code"), M_RISK_METHOD_HERE);
    size_t shown = 0;
    for (size_t i = 0; i < h.n_methods; i++)
        shown += !h.methods[i].is_gone;
    if (shown >= RISK_METHODS_MAX || (!was && h.n_methods >= RISK_METHODS_ROOM))
        return fault(cx, ERR_CONFLICT, M_RISK_METHOD_MANY, MNUM("most", RISK_METHODS_MAX));
    a->next = (struct risk_method){.name = a->name,
                                   .call_back = a->call_back,
                                   .days = a->days,
                                   .position = a->position,
                                   .version = was ? was->version + 1 : 1};
    a->act = "risk.method_add";
    TRY(countries_text(cx, &a->countries, &a->next.countries));
    return method_settle(cx, a);
}

static enum err method_seen(struct cx *cx, struct method_in *a)
{
    struct risk_house h;
    TRY(risk_house_read(cx, &h));
    struct risk_method *was = method_named(&h, a->code);
    if (!was || was->is_gone)
        return fault(cx, ERR_NOT_FOUND, M_RISK_METHOD_UNKNOWN);
    if (cx->if_match >= 0 && cx->if_match != was->version)
        return fault(cx, ERR_STALE, M_RECORD_MOVED);
    a->next = *was;
    a->next.version++;
    return OK;
}

enum err method_patch_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct method_in *a = in;
    TRY(method_seen(cx, a));
    if (cx->sent >> METHOD_NAME & 1)
        a->next.name = a->name;
    if (cx->sent >> METHOD_CALL_BACK & 1)
        a->next.call_back = a->call_back;
    if (cx->sent >> METHOD_DAYS & 1)
        a->next.days = a->days;
    else if (a->next.call_back != RISK_CALL_BACK_DAYS)
        a->next.days = 0;
    if (cx->sent >> METHOD_COUNTRIES & 1)
        TRY(countries_text(cx, &a->countries, &a->next.countries));
    if (cx->sent >> METHOD_POSITION & 1)
        a->next.position = a->position;
    a->act = "risk.method_change";
    return method_settle(cx, a);
}

enum err method_delete_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct method_in *a = in;
    TRY(method_seen(cx, a));
    a->next.is_gone = true;
    a->act = "risk.method_delete";
    return OK;
}

enum err method_apply(struct cx *cx, void *in, void *out)
{
    const struct method_in *a = in;
    const struct risk_method *m = &a->next;
    int64_t n = 0;
    TRY(db_run_count(cx, &q_risk_method_put, &n,
                     ARGS(V(m->code), V(m->name), V(risk_call_back_codes[m->call_back]), V(m->days),
                          V(m->countries), V(m->position), V(m->is_gone), V(m->version))));
    if (n == 0)
        return fault(cx, ERR_STALE, M_RECORD_MOVED);
    house_changed();
    TRY(audit_add(cx, a->act, 0, 0, m->code));
    if (out)
        *(struct method_out *)out = method_of(cx->arena, m);
    return OK;
}
