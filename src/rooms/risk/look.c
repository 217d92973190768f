/* rooms/risk/look.c - the risk of a record: what it says, its handles, its orders and what came of them, what was screened
 * under its handles, what people said. */
#include "rooms/risk/inside.h"

struct record_row {
    int64_t id;
    int kind;
    str name, reading, country, city, company, lang, time_zone;
    int64_t orders;
    when last_order_at;
};
struct identity_row {
    str type, value, state;
    when last_at;
};
struct address_row {
    str line, postal, country;
};
struct ip_row {
    str ip, channel;
};
struct order_sums {
    int64_t n;
    when first_at;
    bool has_purchase, has_bank;
    int64_t largest;
};
struct linked_row {
    int64_t root;
    str name, type;
    bool is_blocked;
};
struct look_state_row {
    int64_t customer, points;
    str level;
    int64_t confidence;
    str fired;
    when at;
};
/* clang-format off */
static const struct field record_fields[] = {
    FIELD(struct record_row, id), FIELD_ENUM(struct record_row, kind, customer_kind_codes), FIELD(struct record_row, name), FIELD(struct record_row, reading),
    FIELD(struct record_row, country), FIELD(struct record_row, city), FIELD(struct record_row, company), FIELD(struct record_row, lang),
    FIELD(struct record_row, time_zone), FIELD(struct record_row, orders), FIELD_AS(struct record_row, last_order_at, "last_order_ms"),
};
static const struct shape risk_record_row_shape = SHAPE("risk_record_row", struct record_row, record_fields);
static const struct field identity_fields[] = {
    FIELD(struct identity_row, type), FIELD(struct identity_row, value), FIELD(struct identity_row, state), FIELD_AS(struct identity_row, last_at, "last_ms"),
};
static const struct shape risk_identity_row_shape = SHAPE("risk_identity_row", struct identity_row, identity_fields);
static const struct field address_fields[] = {FIELD(struct address_row, line), FIELD(struct address_row, postal), FIELD(struct address_row, country)};
static const struct shape risk_address_row_shape = SHAPE("risk_address_row", struct address_row, address_fields);
static const struct field ip_fields[] = {FIELD(struct ip_row, ip), FIELD_AS(struct ip_row, channel, "channel")};
static const struct shape risk_ip_row_shape = SHAPE("risk_ip_row", struct ip_row, ip_fields);
static const struct field sums_fields[] = {
    FIELD(struct order_sums, n), FIELD_AS(struct order_sums, first_at, "first_ms"), FIELD(struct order_sums, has_purchase), FIELD(struct order_sums, has_bank),
    FIELD(struct order_sums, largest),
};
static const struct shape risk_order_sums_row_shape = SHAPE("risk_order_sums_row", struct order_sums, sums_fields);
static const struct field outcome_fields[] = {FIELD(struct outcome_row, kind), FIELD(struct outcome_row, n)};
const struct shape risk_outcome_row_shape = SHAPE("risk_outcome_row", struct outcome_row, outcome_fields);
static const struct field linked_fields[] = {
    FIELD_AS(struct linked_row, root, "root_id"), FIELD(struct linked_row, name), FIELD(struct linked_row, type), FIELD(struct linked_row, is_blocked),
};
static const struct shape risk_linked_row_shape = SHAPE("risk_linked_row", struct linked_row, linked_fields);
static const struct field look_state_fields[] = {
    FIELD_AS(struct look_state_row, customer, "customer_id"), FIELD(struct look_state_row, points), FIELD(struct look_state_row, level),
    FIELD(struct look_state_row, confidence), FIELD(struct look_state_row, fired), FIELD_AS(struct look_state_row, at, "at_ms"),
};
static const struct shape look_state_shape = SHAPE("risk_state_row", struct look_state_row, look_state_fields);
/* clang-format on */

/* ---- what is read of a record ----------------------------------------------------------------------- */

struct record {
    customer_id root;
    struct record_row r;
    struct list identities, addresses, ips, outcomes, linked;
    struct order_sums sums;
    int64_t abuse;
    struct look_state_row was;
    bool has_was;
    struct list blocks, verdicts, screened;
    struct traces own[8]; /* one for each e-mail address and telephone number */
    size_t n_own;
    struct risk_said said;
};

static enum err read_record(struct cx *cx, struct record *k)
{
    const struct args root = ARGS(V(k->root));
    struct number_row abuse = {0};
    struct db_read reads[] = {
        {&q_risk_record, &risk_record_row_shape, true, &k->r, root, false},
        {&q_risk_identity_list, &risk_identity_row_shape, false, &k->identities, root, false},
        {&q_risk_address_list, &risk_address_row_shape, false, &k->addresses, root, false},
        {&q_risk_ip_list, &risk_ip_row_shape, false, &k->ips, root, false},
        {&q_risk_order_sums, &risk_order_sums_row_shape, true, &k->sums, root, false},
        {&q_risk_outcome_list, &risk_outcome_row_shape, false, &k->outcomes, root, false},
        {&q_risk_abuse_count, &number_row_shape, true, &abuse, root, false},
        {&q_risk_linked_list, &risk_linked_row_shape, false, &k->linked, root, false},
        {&q_risk_state_get, &look_state_shape, true, &k->was, root, false},
    };
    TRY(db_batch(cx, reads, COUNT(reads)));
    k->abuse = abuse.n;
    k->has_was = reads[COUNT(reads) - 1].found;
    return reads[0].found ? OK : ERR_NOT_FOUND;
}

static str newest(const struct list *identities, const char *type)
{
    const struct identity_row *v = identities->items;
    for (size_t i = 0; i < identities->n; i++)
        if (str_eq(v[i].type, str_of(type)))
            return v[i].value;
    return (str){0};
}

static void say(struct record *k)
{
    const struct address_row *a = k->addresses.items;
    const struct ip_row *ip = k->ips.items;
    struct risk_said *s = &k->said;
    *s = (struct risk_said){.name = k->r.name,
                            .reading = k->r.reading,
                            .country = k->r.country,
                            .city = k->r.city,
                            .company = k->r.company,
                            .language = k->r.lang,
                            .time_zone = k->r.time_zone};
    s->email = newest(&k->identities, "email");
    s->phone = newest(&k->identities, "phone");
    s->device = newest(&k->identities, "device");
    if (k->addresses.n)
        s->address = a[0].line;
    if (k->r.kind == CUSTOMER_COMPANY && !s->company.len)
        s->company = s->name;
    for (size_t i = 0; i < k->ips.n && !s->ip.len; i++)
        s->ip = ip[i].ip;
}

static void find_own(struct cx *cx, struct record *k)
{
    const struct identity_row *v = k->identities.items;
    for (size_t i = 0; i < k->identities.n && k->n_own < COUNT(k->own); i++) {
        struct risk_said one = {.country = k->said.country};
        if (str_eq(v[i].type, S("email")))
            one.email = v[i].value;
        else if (str_eq(v[i].type, S("phone")))
            one.phone = v[i].value;
        else if (str_eq(v[i].type, S("device")))
            one.device = v[i].value;
        else if (str_eq(v[i].type, S("payment")))
            one.card_fingerprint = v[i].value;
        else
            continue;
        traces_of(cx, &one, &k->own[k->n_own++]);
    }
    if (k->said.address.len && k->n_own < COUNT(k->own)) {
        struct risk_said one = {
            .address = k->said.address, .city = k->said.city, .country = k->said.country};
        traces_of(cx, &one, &k->own[k->n_own++]);
    }
}

/* What was screened in the last half year under his handles, the newest few; blocks and verdicts on them. */
static enum err read_memory(struct cx *cx, struct record *k)
{
    enum { TRACES = 8 * TRACE_KINDS };
    int64_t traces[TRACES], ids[40];
    size_t n = 0, n_ids = 0;
    struct list rows[COUNT(k->own)] = {0};
    struct db_read reads[COUNT(k->own) + 2];
    size_t n_reads = 0;
    for (size_t i = 0; i < k->n_own; i++) {
        n += traces_list(&k->own[i], traces + n);
        if (!k->own[i].who)
            continue;
        struct val *v = ARENA_ARRAY(cx->arena, 4, struct val);
        v[0] = V(k->own[i].who);
        v[1] = V(cx->now_ms - 180LL * 86400000);
        v[2] = V(cx->now_ms + 86400000);
        v[3] = V((int64_t)5);
        reads[n_reads++] = (struct db_read){
            &q_screened_trace_list, &screened_trace_row_shape, false, &rows[i], {v, 4}, false};
    }
    const struct args blocks = ARGS(val_ints(traces, n), V(cx->now_ms)),
                      verdicts = ARGS(val_ints(traces, n));
    if (n) {
        reads[n_reads++] = (struct db_read){
            &q_risk_block_hits, &risk_block_hit_row_shape, false, &k->blocks, blocks, false};
        reads[n_reads++] = (struct db_read){&q_risk_verdict_hits,
                                            &risk_verdict_hit_row_shape,
                                            false,
                                            &k->verdicts,
                                            verdicts,
                                            false};
    }
    if (n_reads)
        TRY(db_batch(cx, reads, n_reads));
    for (size_t i = 0; i < k->n_own; i++)
        for (size_t j = 0; j < rows[i].n && n_ids < COUNT(ids); j++)
            ids[n_ids++] = ((const struct trace_row *)rows[i].items)[j].screened;
    return n_ids ? db_all(cx, &q_screened_some, &screened_row_shape, &k->screened,
                          ARGS(val_ints(ids, n_ids)))
                 : OK;
}

/* ---- facts ----------------------------------------------------------------------------------------------- */

/* Of a screening only what a checkout alone can tell: the record knows its name, handles and outcome better. */
static bool is_of_checkout(int signal)
{
    int group = risk_signal_kinds[signal].group;
    return group == RISK_OF_CONNECTION || group == RISK_OF_PAYMENT || group == RISK_OF_ORDER ||
           group == RISK_OF_BEHAVIOUR || group == RISK_OF_SHARING || signal == RISK_PREPAID ||
           signal == RISK_LINKED_BLOCKED;
}

static void take_screened(struct cx *cx, const struct record *k, struct risk_facts *f)
{
    const struct screened_row *s = k->screened.items;
    for (size_t i = 0; i < k->screened.n; i++) {
        struct risk_facts then;
        struct risk r;
        str country;
        if (!facts_read(cx, s[i].answer, &then, &r, &country))
            continue;
        for (int c = 0; c < RISK_SIGNALS; c++) {
            const struct risk_fact *one = &then.of[c];
            bool is_more = one->state > f->of[c].state ||
                           (one->state == RISK_YES && one->strength > f->of[c].strength);
            if (is_of_checkout(c) && is_more)
                f->of[c] = *one;
        }
    }
}

static void times(struct risk_facts *f, int signal, int64_t n)
{
    f->of[signal] = (struct risk_fact){
        .state = n > 0 ? RISK_YES : RISK_NO, .strength = n > 1 ? 100 : 80, .n = n};
}

void outcome_facts(const struct list *outcomes, int64_t abuse, struct risk_facts *f)
{
    static const struct {
        const char *kind;
        int signal;
    } kinds[] = {{"charge_back", RISK_CHARGE_BACK},
                 {"dispute", RISK_DISPUTE},
                 {"refused", RISK_REFUSED_PAYMENT},
                 {"refund_abuse", RISK_REFUND_ABUSE}};
    const struct outcome_row *o = outcomes->items;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        int64_t n = 0;
        for (size_t j = 0; j < outcomes->n; j++)
            n += str_eq(o[j].kind, str_of(kinds[i].kind)) ? o[j].n : 0;
        times(f, kinds[i].signal, n);
    }
    times(f, RISK_ABUSE_REPORT, abuse);
}

static void trust_facts(const struct record *k, int64_t now_ms, struct risk_facts *f)
{
    const struct identity_row *v = k->identities.items;
    int64_t half_year = 180LL * 86400000;
    bool is_old = k->sums.n > 0 && now_ms - k->sums.first_at.ms >= half_year, is_confirmed = false;
    for (size_t i = 0; i < k->identities.n; i++)
        is_confirmed =
            is_confirmed || (str_eq(v[i].type, S("phone")) && str_eq(v[i].state, S("confirmed")));
    f->of[RISK_PAID_HISTORY] = (struct risk_fact){.state = is_old ? RISK_YES : RISK_NO,
                                                  .strength = k->sums.n >= 2 ? 100 : 50,
                                                  .n = k->sums.n};
    f->of[RISK_VERIFIED_PHONE] = (struct risk_fact){.state = is_confirmed ? RISK_YES : RISK_NO};
    const struct ip_row *i = k->ips.items;
    bool was_there = k->sums.has_purchase;
    for (size_t n = 0; n < k->ips.n; n++) /* a visit that nobody but the shop tells of */
        was_there =
            was_there || str_eq(i[n].channel, S("visit")) || str_eq(i[n].channel, S("purchase"));
    f->of[RISK_SHOP_VISIT] = (struct risk_fact){.state = was_there ? RISK_YES : RISK_NO};
    if (k->r.kind == CUSTOMER_COMPANY && k->sums.has_bank)
        f->of[RISK_PREPAID] = (struct risk_fact){.state = RISK_YES};
}

static void link_facts(const struct record *k, struct risk_seen *seen)
{
    const struct linked_row *l = k->linked.items;
    for (size_t i = 0; i < k->linked.n && !seen->is_blocked; i++)
        if (l[i].is_blocked) {
            seen->is_blocked = true;
            seen->blocked_by = l[i].type;
        }
    if (k->blocks.n) {
        seen->is_listed = true;
        seen->listed_by = ((const struct block_hit *)k->blocks.items)[0].kind;
    }
    for (size_t i = 0; i < k->n_own; i++) {
        struct risk_seen one = {0};
        verdicts_count(&k->verdicts, &k->own[i], &one);
        seen->is_judged_fraud |= one.is_judged_fraud;
        seen->is_judged_honest |= one.is_judged_honest;
        if (one.is_verdict)
            seen->verdict_by = one.verdict_by;
        seen->is_verdict |= one.is_verdict;
    }
}

static enum err facts_of_record(struct cx *cx, struct record *k, struct risk_facts *f)
{
    struct risk_seen seen;
    *f = (struct risk_facts){0};
    TRY(read_record(cx, k));
    say(k);
    find_own(cx, k);
    TRY(read_memory(cx, k));
    seen_nothing(&seen, cx->now_ms);
    seen_sources(cx, &k->said, k->r.reading, &seen);
    link_facts(k, &seen);
    risk_facts_of(cx->arena, &k->said, &seen, f);
    take_screened(cx, k, f);
    outcome_facts(&k->outcomes, k->abuse, f);
    trust_facts(k, cx->now_ms, f);
    return OK;
}

/* ---- what is kept ------------------------------------------------------------------------------------------- */

static str fired_text(struct arena *a, const struct risk_facts *f)
{
    struct text t = text_in(a, 4000);
    for (int i = 0; i < RISK_SIGNALS; i++)
        if (f->of[i].state == RISK_YES)
            text_printf(&t, "%s%s:%d", t.len ? " " : "", risk_signal_codes[i],
                        f->of[i].strength > 0 ? f->of[i].strength : 100);
    return text_str(&t);
}

static enum err hits_move(struct cx *cx, customer_id root, str was, str is)
{
    struct risk_facts before, now;
    fired_read(was, &before);
    fired_read(is, &now);
    for (int i = 0; i < RISK_SIGNALS; i++) {
        bool had = before.of[i].state == RISK_YES, has = now.of[i].state == RISK_YES;
        if (had != has)
            TRY(db_run(cx, has ? &q_risk_hit_add : &q_risk_hit_drop,
                       ARGS(V(risk_signal_codes[i]), V(root))));
    }
    return OK;
}

struct risk_look {
    customer_id root;
    int64_t points, level, confidence, who;
    str fired;
    bool is_news; /* else merged or gone meanwhile, or as it is kept */
};

static bool is_as_kept(const struct look_state_row *kept, const struct risk_look *l)
{
    return kept->points == l->points && kept->confidence == l->confidence &&
           str_eq(kept->fired, l->fired);
}

enum err risk_look(struct cx *cx, const struct risk_house *h, customer_id root,
                   struct risk_look **out)
{
    struct record *k = ARENA_NEW(cx->arena, struct record);
    struct risk_facts *f = ARENA_NEW(cx->arena, struct risk_facts);
    struct risk_look *l = ARENA_NEW(cx->arena, struct risk_look);
    struct risk r;
    *out = l;
    k->root = root;
    enum err e = facts_of_record(cx, k, f);
    if (e != OK)
        return e == ERR_NOT_FOUND ? OK : e;
    risk_score(f, &h->rules, &r);
    *l = (struct risk_look){.root = root,
                            .points = r.points,
                            .level = r.level,
                            .confidence = r.known * 100 / r.checks,
                            .who = root.v,
                            .fired = fired_text(cx->arena, f)};
    for (size_t i = 0; i < k->n_own; i++) /* the same row of the queue as that of his checkout */
        if (k->own[i].of[TRACE_EMAIL])
            l->who = k->own[i].who;
    l->is_news = !k->has_was || !is_as_kept(&k->was, l);
    return OK;
}

bool risk_is_news(const struct risk_look *l)
{
    return l->is_news;
}

enum err risk_write(struct cx *cx, const struct risk_look *l)
{
    struct look_state_row was = {0};
    if (!l->is_news)
        return OK;
    enum err e = db_one(cx, &q_risk_state_get, &look_state_shape, &was, ARGS(V(l->root)));
    bool has_was = e == OK;
    if (e != OK && e != ERR_NOT_FOUND)
        return e;
    if (has_was && is_as_kept(&was, l))
        return OK;
    const char *level = risk_level_codes[l->level];
    TRY(db_run(
        cx, &q_risk_state_put,
        ARGS(V(l->root), V(l->points), V(level), V(l->confidence), V(l->fired), V(cx->now_ms))));
    TRY(hits_move(cx, l->root, was.fired, l->fired));
    bool was_high = has_was && str_eq(was.level, str_of(risk_level_codes[RISK_HIGH]));
    if (l->level != RISK_HIGH || was_high)
        return OK;
    return review_put(cx, &(struct review_new){"customer", l->who, l->root.v, 0, 0, l->points});
}

enum err risk_read(struct cx *cx, customer_id root, struct risk_answer *out, struct list *reviews)
{
    struct record *k = ARENA_NEW(cx->arena, struct record);
    struct risk_facts *f = ARENA_NEW(cx->arena, struct risk_facts);
    struct risk_house *h = ARENA_NEW(cx->arena, struct risk_house);
    struct risk r;
    k->root = root;
    TRY(facts_of_record(cx, k, f));
    TRY(risk_house_read(cx, h));
    risk_score(f, &h->rules, &r);
    risk_answer_of(cx, &r, f, h, k->r.country, out);
    return reviews ? reviews_about(cx, root, &k->verdicts, reviews) : OK;
}

enum err risk_of(struct cx *cx, customer_id root, struct risk_answer *out)
{
    return risk_read(cx, root, out, NULL);
}
