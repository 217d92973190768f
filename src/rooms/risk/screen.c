/* rooms/risk/screen.c - POST /screen: a sign-up or an order in, risk, signs and advice out, in one call; remembered. */
#include "base/name_match.h"
#include "rooms/risk/inside.h"

/* ---- what comes, what goes ------------------------------------------------------------------------ */

struct screen_item {
    str sku, name;
    double qty;
    int64_t price;
};
struct screen_customer {
    str name, reading, email, phone, country, city, address, company, language, time_zone;
};
struct screen_payment {
    str method, card_name, card_country, card_fingerprint;
    bool prepaid;
};
struct screen_order {
    int64_t total;
    str currency;
    bool express;
    struct list items;
};
struct screen_history {
    opt_int paid_orders, age_days, questions;
};
struct screen_in {
    str id;
    when at;
    struct screen_customer customer;
    str ip, device;
    opt_int form_seconds;
    struct screen_payment payment;
    struct screen_order order;
    struct screen_history history;
    /* between plan and apply */
    struct risk_said said;
    struct traces traces;
    struct risk_facts facts;
    struct risk risk;
    const struct risk_house *house;
    bool is_repeat;
    int64_t new_id;
    str kept;
    int64_t due_ids[8]; /* customers it concerns */
    size_t n_due;
};
struct screen_out {
    screened_id id;
    bool is_repeat;
    when at;
    struct risk_answer answer;
};
/* clang-format off */
static const struct field item_fields[] = {
    FIELD(struct screen_item, sku, .max_len = 64), FIELD(struct screen_item, name, .max_len = 300), FIELD(struct screen_item, qty),
    FIELD(struct screen_item, price, .doc = "Of one, in minor units"),
};
static const struct shape item_shape = SHAPE("screen_item", struct screen_item, item_fields);
static const struct field customer_fields[] = {
    FIELD(struct screen_customer, name, .personal = true), FIELD(struct screen_customer, reading, .personal = true, .doc = "Of a name in Han: how it is read"),
    FIELD(struct screen_customer, email, .max_len = 254, .personal = true),
    FIELD(struct screen_customer, phone, .max_len = 64, .personal = true), FIELD(struct screen_customer, country, .max_len = 2, .doc = "ISO 3166"),
    FIELD(struct screen_customer, city), FIELD(struct screen_customer, address, .max_len = 500, .personal = true),
    FIELD(struct screen_customer, company), FIELD(struct screen_customer, language, .max_len = 35), FIELD(struct screen_customer, time_zone, .max_len = 60),
};
static const struct shape customer_part_shape = SHAPE("screen_customer", struct screen_customer, customer_fields);
static const struct field payment_fields[] = {
    FIELD(struct screen_payment, method, .max_len = 60, .doc = "Code of a payment method"), FIELD(struct screen_payment, card_name, .personal = true),
    FIELD(struct screen_payment, card_country, .max_len = 2), FIELD(struct screen_payment, card_fingerprint, .doc = "The provider's token of the card, never its number"),
    FIELD(struct screen_payment, prepaid),
};
static const struct shape payment_shape = SHAPE("screen_payment", struct screen_payment, payment_fields);
static const struct field order_fields[] = {
    FIELD(struct screen_order, total, .min = 0, .max = 1000000000000000, .doc = "Minor units"), FIELD(struct screen_order, currency, .max_len = 3),
    FIELD(struct screen_order, express), FIELD_LIST(struct screen_order, items, &item_shape, .max_len = 500),
};
static const struct shape order_part_shape = SHAPE("screen_order", struct screen_order, order_fields);
static const struct field history_fields[] = {
    FIELD(struct screen_history, paid_orders, .min = 0, .max = 1000000), FIELD(struct screen_history, age_days, .min = 0, .max = 100000),
    FIELD(struct screen_history, questions, .min = 0, .max = 1000000),
};
static const struct shape history_shape = SHAPE("screen_history", struct screen_history, history_fields);
static const struct field in_fields[] = {
    FIELD(struct screen_in, id, .doc = "The shop's own: the same again answers the same and changes nothing"),
    FIELD(struct screen_in, at, .doc = "Default now"), FIELD_STRUCT(struct screen_in, customer, &customer_part_shape, .required = true),
    FIELD(struct screen_in, ip, .max_len = 64, .doc = "Of the browser"), FIELD(struct screen_in, device, .doc = "Fingerprint or cookie of the browser"),
    FIELD(struct screen_in, form_seconds, .min = 0, .max = 1000000, .doc = "How long the form was filled"),
    FIELD_STRUCT(struct screen_in, payment, &payment_shape), FIELD_STRUCT(struct screen_in, order, &order_part_shape),
    FIELD_STRUCT(struct screen_in, history, &history_shape, .doc = "What the shop itself knows"),
};
const struct shape screen_in_shape = {.name = "screen_in", .size = sizeof(struct screen_in), .fields = in_fields, .n = COUNT(in_fields)};
static const struct field out_fields[] = {
    FIELD(struct screen_out, id), FIELD(struct screen_out, is_repeat), FIELD(struct screen_out, at), RISK_ANSWER_FIELDS(struct screen_out, answer.),
};
const struct shape screen_out_shape = SHAPE("screen_answer", struct screen_out, out_fields);

static const struct field screened_fields[] = {
    FIELD(struct screened_row, id), FIELD_AS(struct screened_row, at, "at_ms"), FIELD(struct screened_row, name), FIELD(struct screened_row, email),
    FIELD(struct screened_row, traces), FIELD(struct screened_row, answer),
};
const struct shape screened_row_shape = SHAPE("screened_row", struct screened_row, screened_fields);
static const struct field trace_fields[] = {
    FIELD_AS(struct trace_row, at, "at_ms"), FIELD_AS(struct trace_row, screened, "screened_id"), FIELD(struct trace_row, who), FIELD(struct trace_row, card),
    FIELD(struct trace_row, ip),
};
const struct shape screened_trace_row_shape = SHAPE("screened_trace_row", struct trace_row, trace_fields);
static const struct field seen_fields[] = {
    FIELD(struct trace_row, kind), FIELD_AS(struct trace_row, at, "at_ms"), FIELD_AS(struct trace_row, screened, "screened_id"), FIELD(struct trace_row, who),
    FIELD(struct trace_row, card), FIELD(struct trace_row, ip),
};
static const struct shape screened_seen_row_shape = SHAPE("screened_seen_row", struct trace_row, seen_fields);
static const struct field block_hit_fields[] = {
    FIELD(struct block_hit, id), FIELD(struct block_hit, kind), FIELD(struct block_hit, value), FIELD(struct block_hit, reason),
};
const struct shape risk_block_hit_row_shape = SHAPE("risk_block_hit_row", struct block_hit, block_hit_fields);
static const struct field verdict_hit_fields[] = {
    FIELD(struct verdict_hit, trace), FIELD(struct verdict_hit, verdict), FIELD(struct verdict_hit, is_self), FIELD_AS(struct verdict_hit, at, "at_ms"),
    FIELD_AS(struct verdict_hit, review, "review_id"),
};
const struct shape risk_verdict_hit_row_shape = SHAPE("risk_verdict_hit_row", struct verdict_hit, verdict_hit_fields);
static const struct field owner_fields[] = {
    FIELD_AS(struct owner_row, root, "root_id"), FIELD(struct owner_row, type), FIELD(struct owner_row, is_blocked),
};
const struct shape risk_owner_row_shape = SHAPE("risk_owner_row", struct owner_row, owner_fields);
/* clang-format on */

enum { IN_ID, IN_AT, IN_CUSTOMER, IN_IP, IN_DEVICE, IN_FORM, IN_PAYMENT, IN_ORDER, IN_HISTORY };

/* ---- reading what comes ---------------------------------------------------------------------------- */

static enum err said_of(struct cx *cx, struct screen_in *a)
{
    struct screen_customer *c = &a->customer;
    struct risk_said *s = &a->said;
    *s = (struct risk_said){
        .name = str_trim(c->name),
        .reading = str_trim(c->reading),
        .email = str_trim(c->email),
        .phone = str_trim(c->phone),
        .country = str_trim(c->country),
        .city = str_trim(c->city),
        .address = str_trim(c->address),
        .company = str_trim(c->company),
        .language = str_trim(c->language),
        .time_zone = str_trim(c->time_zone),
        .ip = str_trim(a->ip),
        .device = str_trim(a->device),
        .form_seconds = a->form_seconds,
        .has_payment = cx->sent >> IN_PAYMENT & 1,
        .method = str_trim(a->payment.method),
        .card_name = str_trim(a->payment.card_name),
        .card_country = str_trim(a->payment.card_country),
        .card_fingerprint = str_trim(a->payment.card_fingerprint),
        .is_prepaid = a->payment.prepaid,
        .has_order = cx->sent >> IN_ORDER & 1,
        .is_express = a->order.express,
        .total = a->order.total,
        .has_history = cx->sent >> IN_HISTORY & 1,
        .paid_orders = a->history.paid_orders,
        .age_days = a->history.age_days,
        .questions = a->history.questions,
    };
    TRY(customer_rule_country(cx, S("customer.country"), &s->country));
    TRY(customer_rule_country(cx, S("payment.card_country"), &s->card_country));
    s->number = said_phone(cx->arena, s);
    s->is_phone_read = true;
    if (s->has_order && !currency_parse(str_trim(a->order.currency), &s->currency))
        return fault_field(cx, ERR_INVALID, S("order.currency"), M_SETTINGS_CURRENCY);
    if (!s->name.len && !s->email.len && !s->phone.len)
        return fault_field(cx, ERR_INVALID, S("customer"), M_RISK_WHO);
    /* digits in a row as long as a card number are one */
    size_t digits = 0;
    for (size_t i = 0; i < s->card_fingerprint.len; i++)
        digits += is_digit(s->card_fingerprint.ptr[i]);
    if (digits >= 13 && digits <= 19 && digits == s->card_fingerprint.len)
        return fault_field(cx, ERR_INVALID, S("payment.card_fingerprint"), M_RISK_CARD_NUMBER);
    if (a->at.ms > cx->now_ms + 86400000 || a->at.ms < 0)
        return fault_field(cx, ERR_INVALID, S("at"), M_RISK_AT);
    if (a->at.ms == 0)
        a->at.ms = cx->now_ms;
    return OK;
}

/* ---- what the house remembers ------------------------------------------------------------------------- */

enum { DAY_MS = 86400000 };

static size_t values_of(struct cx *cx, const struct risk_said *s, str out[static 4])
{
    size_t n = 0;
    str email = {0};
    if (email_read(cx->arena, s->email, &email))
        out[n++] = email;
    struct phone p = said_phone(cx->arena, s);
    if (p.e164.len)
        out[n++] = p.e164;
    if (s->device.len)
        out[n++] = s->device;
    if (s->card_fingerprint.len)
        out[n++] = s->card_fingerprint;
    return n;
}

static int newest_first(const void *a, const void *b)
{
    const struct trace_row *x = a, *y = b;
    if (x->kind != y->kind)
        return (x->kind > y->kind) - (x->kind < y->kind);
    if (x->at != y->at)
        return (x->at < y->at) - (x->at > y->at);
    return (x->screened < y->screened) - (x->screened > y->screened);
}

/* Into the lists that screened_seen numbers. */
static void seen_part(const struct list *seen, struct memory *m)
{
    struct list *const of[] = {&m->device, &m->card, &m->network, &m->address, &m->who};
    struct trace_row *r = seen->items;
    if (seen->n > 1)
        qsort(r, seen->n, sizeof *r, newest_first);
    for (size_t i = 0; i < seen->n; i++) {
        struct list *l = r[i].kind >= 0 && r[i].kind < (int64_t)COUNT(of) ? of[r[i].kind] : NULL;
        if (!l)
            continue;
        if (l->n++ == 0)
            l->items = &r[i];
    }
}

/* All that is asked of the store for most checkouts, in one batch; *again: the row of the same checkout, its id 0 when there is
 * none. */
static enum err remember(struct cx *cx, const struct screen_in *a, struct memory *m,
                         struct screened_row *again)
{
    const struct traces *t = &a->traces;
    struct db_read reads[6];
    struct list seen = {0};
    int64_t list[TRACE_KINDS];
    str values[4];
    size_t n = 0, n_list = traces_list(t, list), n_values = values_of(cx, &a->said, values);
    const struct args by_id = ARGS(V(a->id)),
                      traces =
                          ARGS(V(t->of[TRACE_DEVICE]), V(a->at.ms - 180LL * DAY_MS), V(a->at.ms),
                               V((int64_t)SEEN_ROWS), V(t->of[TRACE_CARD]), V(t->of[TRACE_NETWORK]),
                               V(a->at.ms - 3LL * DAY_MS), V(t->of[TRACE_ADDRESS]),
                               V(a->at.ms - 90LL * DAY_MS), V(t->who)),
                      blocks = ARGS(val_ints(list, n_list), V(cx->now_ms)),
                      verdicts = ARGS(val_ints(list, n_list)),
                      owners = ARGS(val_texts(values, n_values));
    reads[n++] =
        (struct db_read){&q_screened_seen, &screened_seen_row_shape, false, &seen, traces, false};
    if (a->id.len)
        reads[n++] =
            (struct db_read){&q_screened_again, &screened_row_shape, true, again, by_id, false};
    if (n_list && may_be_listed(cx, list, n_list)) {
        reads[n++] = (struct db_read){
            &q_risk_block_hits, &risk_block_hit_row_shape, false, &m->blocks, blocks, false};
        reads[n++] = (struct db_read){&q_risk_verdict_hits,
                                      &risk_verdict_hit_row_shape,
                                      false,
                                      &m->verdicts,
                                      verdicts,
                                      false};
    }
    if (n_values) {
        reads[n++] = (struct db_read){
            &q_risk_owner_list, &risk_owner_row_shape, false, &m->owners, owners, false};
        reads[n++] = (struct db_read){
            &q_risk_outcome_by, &risk_outcome_row_shape, false, &m->outcomes, owners, false};
    }
    TRY(db_batch(cx, reads, n));
    seen_part(&seen, m);
    return OK;
}

static int64_t complaints_of(const struct list *outcomes)
{
    const struct outcome_row *o = outcomes->items;
    for (size_t i = 0; i < outcomes->n; i++)
        if (str_eq(o[i].kind, S("complaint")))
            return o[i].n;
    return 0;
}

static size_t ids_of(const struct list *rows, int64_t *ids, size_t n, size_t most)
{
    const struct trace_row *r = rows->items;
    for (size_t i = 0; i < rows->n && n < most; i++)
        ids[n++] = r[i].screened;
    return n;
}

enum { BESIDE_MOST = 25 };

/* Before yesterday, so that who took an account over does not vouch for himself: the newest and the oldest few. */
static size_t past_of(const struct list *who, int64_t at, int64_t ids[static 5])
{
    const struct trace_row *r = who->items;
    size_t from = 0, n = 0;
    while (from < who->n && r[from].at > at - DAY_MS)
        from++;
    for (size_t i = from; i < who->n && n < 3; i++)
        ids[n++] = r[i].screened;
    for (size_t i = who->n; i > from + 3 && n < 5; i--)
        ids[n++] = r[i - 1].screened;
    return n;
}

/* What was screened of the same person, device and card. */
static enum err beside(struct cx *cx, const struct screen_in *a, const struct memory *m,
                       struct list *rows)
{
    int64_t ids[BESIDE_MOST];
    size_t n = past_of(&m->who, a->at.ms, ids);
    n = ids_of(&m->who, ids, n, 10);
    n = ids_of(&m->card, ids, n, 17);
    n = ids_of(&m->device, ids, n, BESIDE_MOST);
    return n ? db_all(cx, &q_screened_beside, &screened_row_shape, rows, ARGS(val_ints(ids, n)))
             : OK;
}

static const struct screened_row *screened_by(const struct list *rows, int64_t id)
{
    const struct screened_row *r = rows->items;
    for (size_t i = 0; i < rows->n; i++)
        if (r[i].id == id)
            return &r[i];
    return NULL;
}

/* People of one name or family share devices and cards; whose names cannot be compared may be such. Each is compared once. */
static void kin_find(struct arena *arena, str name, const struct list *rows, struct memory *m)
{
    const struct screened_row *r = rows->items;
    struct list *const traces[] = {&m->device, &m->card};
    for (size_t i = 0; i < rows->n; i++) {
        struct name_match match = {0};
        bool is_compared = false;
        for (size_t k = 0; k < COUNT(traces); k++) {
            struct trace_row *t = traces[k]->items;
            for (size_t j = 0; j < traces[k]->n; j++) {
                if (t[j].screened != r[i].id)
                    continue;
                if (!is_compared)
                    name_match(arena, name, r[i].name, &match);
                is_compared = true;
                t[j].is_kin = match.is_same != SAYS_NO || match.shares;
            }
        }
    }
}

static bool has_trace(str traces, int kind, int64_t hash, bool *has_kind)
{
    while (traces.len) {
        str number = str_cut(&traces, ' ');
        int64_t v = 0;
        if (!str_eq(str_cut(&number, ':'), str_of(trace_kind_codes[kind])) ||
            !str_to_int(number, &v))
            continue;
        *has_kind = true;
        return v == hash;
    }
    return false;
}

/* How much of what this account had before is another now: device, network, address, card. Only a new device begins it. */
static int64_t news_of(const struct screen_in *a, const struct memory *m, const struct list *rows)
{
    static const int kinds[] = {TRACE_DEVICE, TRACE_NETWORK, TRACE_ADDRESS, TRACE_CARD};
    int64_t ids[5], news = 0;
    size_t n = past_of(&m->who, a->at.ms, ids);
    for (size_t k = 0; k < COUNT(kinds); k++) {
        bool had = false, has = false;
        for (size_t i = 0; i < n; i++) {
            const struct screened_row *r = screened_by(rows, ids[i]);
            has = (r && has_trace(r->traces, kinds[k], a->traces.of[kinds[k]], &had)) || has;
        }
        bool is_new = had && !has && a->traces.of[kinds[k]];
        if (k == 0 && !is_new)
            return had && has ? 0 : -1;
        news += is_new;
    }
    return news;
}

/* Is one of those who left the same device, card or box a blocked customer? Asked only when somebody did. */
static enum err company(struct cx *cx, const struct screen_in *a, const struct memory *m,
                        const struct list *rows, struct risk_seen *seen)
{
    str emails[BESIDE_MOST];
    struct list owners = {0};
    size_t n_emails = 0;
    if (seen->is_blocked)
        return OK;
    const struct screened_row *r = rows->items;
    for (size_t i = 0; i < rows->n && n_emails < BESIDE_MOST; i++)
        if (!str_eq(r[i].email, a->said.email) &&
            email_read(cx->arena, r[i].email, &emails[n_emails]))
            n_emails++;
    if (n_emails == 0)
        return OK;
    TRY(db_all(cx, &q_risk_owner_list, &risk_owner_row_shape, &owners,
               ARGS(val_texts(emails, n_emails))));
    const struct owner_row *o = owners.items;
    for (size_t i = 0; i < owners.n; i++)
        if (o[i].is_blocked && !seen->is_blocked) {
            seen->is_blocked = true;
            seen->blocked_by = m->device.n ? S("device") : m->card.n ? S("card") : S("email");
        }
    return OK;
}

static enum err look_up(struct cx *cx, struct screen_in *a, struct screened_row *again)
{
    struct memory m = {0};
    struct risk_seen seen;
    seen_nothing(&seen, a->at.ms);
    traces_of(cx, &a->said, &a->traces);
    struct list rows = {0};
    TRY(remember(cx, a, &m, again));
    if (again->id)
        return OK;
    TRY(beside(cx, a, &m, &rows));
    kin_find(cx->arena, a->said.name, &rows, &m);
    seen_count(&m, &a->traces, a->at.ms, &seen);
    seen.news = news_of(a, &m, &rows);
    TRY(company(cx, a, &m, &rows, &seen));
    if (a->said.has_order)
        TRY(large_from(cx, a->said.currency, &seen.large_from));
    seen_sources(cx, &a->said, a->said.reading, &seen);
    risk_facts_of(cx->arena, &a->said, &seen, &a->facts);
    outcome_facts(&m.outcomes, complaints_of(&m.outcomes), &a->facts);
    const struct owner_row *o = m.owners.items;
    for (size_t i = 0; i < m.owners.n && a->n_due < COUNT(a->due_ids); i++)
        a->due_ids[a->n_due++] = o[i].root;
    return OK;
}

static enum err read_again(struct cx *cx, const struct screened_row *row, struct screen_out *o)
{
    struct risk_facts f;
    struct risk r;
    const struct risk_house *h = NULL;
    str country = {0};
    if (!facts_read(cx, row->answer, &f, &r, &country))
        return ERR_INTERNAL;
    TRY(risk_house_now(cx, &h));
    *o = (struct screen_out){.id = {row->id}, .is_repeat = true, .at = {row->at}};
    risk_answer_of(cx, &r, &f, h, country, &o->answer);
    return OK;
}

/* The answer is made here, beside the writer: only what is kept of it is left for him. */
enum err screen_plan(struct cx *cx, void *in, void *out)
{
    struct screen_in *a = in;
    struct screen_out *o = out;
    struct screened_row again = {0};
    a->n_due = 0;
    a->facts = (struct risk_facts){0};
    a->id = str_trim(a->id);
    TRY(said_of(cx, a));
    TRY(risk_house_now(cx, &a->house));
    TRY(look_up(cx, a, &again));
    a->is_repeat = again.id != 0;
    cx->key = 0;
    if (a->is_repeat)
        return read_again(cx, &again, o);
    risk_score(&a->facts, &a->house->rules, &a->risk);
    a->new_id = id_new(cx->now_ms);
    if (a->n_due &&
        a->risk.points > 0) /* two at once would wait for each other's row of the queue */
        cx->key = a->due_ids[0];
    a->kept = facts_text(cx->arena, &a->facts, &a->risk, a->said.country);
    *o = (struct screen_out){.id = {a->new_id}, .at = a->at};
    risk_answer_of(cx, &a->risk, &a->facts, a->house, a->said.country, &o->answer);
    return OK;
}

/* ---- writing ---------------------------------------------------------------------------------------------- */

static str traces_text(struct arena *a, const struct traces *t)
{
    struct text x = text_in(a, 400);
    for (int i = 0; i < TRACE_KINDS; i++)
        if (t->of[i])
            text_printf(&x, "%s%s:%lld", x.len ? " " : "", trace_kind_codes[i],
                        (long long)t->of[i]);
    return text_str(&x);
}

static enum err traces_put(struct cx *cx, const struct screen_in *a)
{
    const struct traces *t = &a->traces;
    const int64_t each[] = {t->of[TRACE_DEVICE], t->of[TRACE_CARD], t->of[TRACE_NETWORK],
                            t->of[TRACE_ADDRESS], t->who};
    int64_t left[COUNT(each)];
    size_t n = 0;
    for (size_t i = 0; i < COUNT(each); i++)
        if (each[i])
            left[n++] = each[i];
    return n ? db_run(cx, &q_screened_trace_insert,
                      ARGS(V(a->at), V(a->new_id), V(t->who), V(t->of[TRACE_CARD]),
                           V(t->of[TRACE_IP]), val_ints(left, n)))
             : OK;
}

/* Nothing is waited for before the commit. The same checkout beside this one: its id is taken, and plan finds it. */
enum err screen_apply(struct cx *cx, void *in, void *out)
{
    const struct screen_in *a = in;
    (void)out;
    if (a->is_repeat)
        return OK;
    TRY(db_run_must(cx, &q_screened_insert, M_RECORD_MOVED,
                    ARGS(V(a->new_id), val_str_or_null(a->id), V(a->at), V(a->traces.who),
                         V(a->risk.points), V(a->said.name), V(a->said.email),
                         V(traces_text(cx->arena, &a->traces)), V(a->kept))));
    TRY(traces_put(cx, a));
    if (a->risk.level == RISK_HIGH)
        TRY(review_put(
            cx, &(struct review_new){"screened", a->traces.who, 0, a->new_id, 0, a->risk.points}));
    if (a->n_due &&
        a->risk.points > 0) /* what is thought of those who have these handles may change */
        TRY(rules_due(cx, a->due_ids, a->n_due));
    cx->made_id = a->new_id;
    return OK;
}

enum err screen_again(struct cx *cx, int64_t id, void *out)
{
    struct screened_row row = {0};
    enum err e = db_one(cx, &q_screened_get, &screened_row_shape, &row, ARGS(V(id)));
    if (e == ERR_NOT_FOUND)
        return fault(cx, ERR_NOT_FOUND, M_RISK_SCREENED_UNKNOWN);
    TRY(e);
    return read_again(cx, &row, out);
}

/* ---- forgetting --------------------------------------------------------------------------------------------- */

/* A year is enough for every window; what was decided stays with its review. */
static enum err forget(struct cx *cx, str args, int64_t *position, int64_t *progress,
                       int64_t *total, bool *finished)
{
    (void)args;
    (void)total;
    enum { STEP = 40 };
    struct list l = {0};
    int64_t ids[STEP], limit = id_first_of(cx->now_ms - 365LL * 86400000);
    TRY(db_all(cx, &q_screened_old, &screened_row_shape, &l, ARGS(V(limit), V((int64_t)STEP))));
    const struct screened_row *r = l.items;
    for (size_t i = 0; i < l.n; i++) {
        int64_t traces[TRACE_KINDS + 1];
        size_t n = 0;
        for (str rest = r[i].traces; rest.len && n < COUNT(traces);) {
            str number = str_cut(&rest, ' ');
            (void)str_cut(&number, ':');
            n += str_to_int(number, &traces[n]) ? 1 : 0;
        }
        if (n)
            TRY(db_run(cx, &q_screened_trace_drop,
                       ARGS(val_ints(traces, n), V(r[i].at), V(r[i].id))));
        ids[i] = r[i].id;
    }
    if (l.n)
        TRY(db_run(cx, &q_screened_drop, ARGS(val_ints(ids, l.n))));
    ++*position;
    *progress += (int64_t)l.n;
    *finished = l.n < STEP;
    return OK;
}
const struct job_kind risk_forget_job = {
    .name = "risk.forget", .slice = forget, .every_ms = 3600000};
