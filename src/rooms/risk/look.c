/* rooms/risk/look.c - the risk of records: what it says, its handles, its orders and what came of them, what was screened
 * under its handles, what people said. */
#include "rooms/risk/inside.h"

struct record_row {
    int64_t id;
    int kind;
    str name, reading, country, city, company, lang, time_zone;
};
/* Rows of several records begin with whose they are. */
struct identity_row {
    int64_t customer;
    str type, value, state;
    when last_at;
};
struct address_row {
    int64_t customer, id;
    str line, postal, country;
};
struct sight_row {
    int64_t customer;
    when at;
    str ip, channel;
};
struct order_sums {
    int64_t customer, n;
    when first_at;
    bool has_purchase, has_bank;
};
struct outcome_by {
    int64_t customer;
    str kind;
    int64_t n;
};
struct abuse_by {
    int64_t customer, n;
};
struct linked_row {
    int64_t customer, root;
    str type;
};
struct trace_seen {
    int64_t trace, at, screened;
};
struct block_of {
    int64_t trace;
    str kind;
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
    FIELD(struct record_row, time_zone),
};
static const struct shape risk_record_row_shape = SHAPE("risk_record_row", struct record_row, record_fields);
static const struct field identity_fields[] = {
    FIELD_AS(struct identity_row, customer, "customer_id"), FIELD(struct identity_row, type), FIELD(struct identity_row, value),
    FIELD(struct identity_row, state), FIELD_AS(struct identity_row, last_at, "last_ms"),
};
static const struct shape risk_identity_row_shape = SHAPE("risk_identity_row", struct identity_row, identity_fields);
static const struct field address_fields[] = {
    FIELD_AS(struct address_row, customer, "customer_id"), FIELD(struct address_row, id), FIELD(struct address_row, line),
    FIELD(struct address_row, postal), FIELD(struct address_row, country),
};
static const struct shape risk_address_row_shape = SHAPE("risk_address_row", struct address_row, address_fields);
static const struct field sight_fields[] = {
    FIELD_AS(struct sight_row, customer, "customer_id"), FIELD_AS(struct sight_row, at, "at_ms"), FIELD(struct sight_row, ip),
    FIELD(struct sight_row, channel),
};
static const struct shape risk_sight_row_shape = SHAPE("risk_sight_row", struct sight_row, sight_fields);
static const struct field sums_fields[] = {
    FIELD_AS(struct order_sums, customer, "customer_id"), FIELD(struct order_sums, n), FIELD_AS(struct order_sums, first_at, "first_ms"),
    FIELD(struct order_sums, has_purchase), FIELD(struct order_sums, has_bank),
};
static const struct shape risk_order_sums_row_shape = SHAPE("risk_order_sums_row", struct order_sums, sums_fields);
static const struct field outcome_fields[] = {FIELD(struct outcome_row, kind), FIELD(struct outcome_row, n)};
const struct shape risk_outcome_row_shape = SHAPE("risk_outcome_row", struct outcome_row, outcome_fields);
static const struct field outcome_by_fields[] = {
    FIELD_AS(struct outcome_by, customer, "customer_id"), FIELD(struct outcome_by, kind), FIELD(struct outcome_by, n),
};
static const struct shape risk_outcome_each_shape = SHAPE("risk_outcome_each", struct outcome_by, outcome_by_fields);
static const struct field abuse_by_fields[] = {FIELD_AS(struct abuse_by, customer, "customer_id"), FIELD(struct abuse_by, n)};
static const struct shape risk_abuse_by_shape = SHAPE("risk_abuse_by", struct abuse_by, abuse_by_fields);
static const struct field linked_fields[] = {
    FIELD_AS(struct linked_row, customer, "customer_id"), FIELD_AS(struct linked_row, root, "root_id"), FIELD(struct linked_row, type),
};
static const struct shape risk_linked_row_shape = SHAPE("risk_linked_row", struct linked_row, linked_fields);
static const struct field trace_seen_fields[] = {
    FIELD(struct trace_seen, trace), FIELD_AS(struct trace_seen, at, "at_ms"), FIELD_AS(struct trace_seen, screened, "screened_id"),
};
static const struct shape risk_trace_seen_shape = SHAPE("risk_trace_seen", struct trace_seen, trace_seen_fields);
static const struct field block_of_fields[] = {FIELD(struct block_of, trace), FIELD(struct block_of, kind)};
static const struct shape risk_block_of_shape = SHAPE("risk_block_of", struct block_of, block_of_fields);
static const struct field look_state_fields[] = {
    FIELD_AS(struct look_state_row, customer, "customer_id"), FIELD(struct look_state_row, points), FIELD(struct look_state_row, level),
    FIELD(struct look_state_row, confidence), FIELD(struct look_state_row, fired), FIELD_AS(struct look_state_row, at, "at_ms"),
};
static const struct shape look_state_shape = SHAPE("risk_state_row", struct look_state_row, look_state_fields);
/* clang-format on */

/* ---- what is read of records ------------------------------------------------------------------------ */

enum {
    IDENTITIES = 40, /* the newest of a record */
    ADDRESSES = 5,
    MOST =
        4000, /* rows of one kind, as the queries say; several who have more are read one after the other */
    SCREENINGS = 5, /* the newest under a handle */
};
struct record {
    customer_id root;
    bool is_there;
    struct list ids;
    struct record_row r;
    struct list identities, addresses, sights, outcomes, linked;
    struct order_sums sums;
    int64_t abuse;
    struct look_state_row was;
    bool has_was;
    struct list blocks, verdicts, screened;
    struct traces own[8]; /* one for each e-mail address and telephone number */
    size_t n_own;
    struct risk_said said;
};

/* The rows of a record, of all its ids. */
static struct list rows_of(struct arena *a, const struct list *rows, size_t size,
                           const struct list *ids)
{
    struct list out = {0};
    const int64_t *id = ids->items;
    for (size_t i = 0; i < ids->n; i++) {
        size_t from = row_from(rows, size, id[i]), to = from;
        while (to < rows->n && row_id(rows, size, to) == id[i])
            to++;
        if (to == from)
            continue;
        char *items = (char *)rows->items + from * size;
        if (out.n) {
            char *both = arena_alloc(a, out.n + to - from, size);
            memcpy(both, out.items, out.n * size);
            memcpy(both + out.n * size, items, (to - from) * size);
            items = both;
        }
        out = (struct list){items, out.n + to - from};
    }
    return out;
}

static struct list first_few(struct list l, size_t most)
{
    return (struct list){l.items, l.n < most ? l.n : most};
}

static int by_last(const void *a, const void *b)
{
    int64_t x = ((const struct identity_row *)a)->last_at.ms,
            y = ((const struct identity_row *)b)->last_at.ms;
    return (x < y) - (x > y);
}
static int by_address(const void *a, const void *b)
{
    int64_t x = ((const struct address_row *)a)->id, y = ((const struct address_row *)b)->id;
    return (x < y) - (x > y);
}
static int by_sight(const void *a, const void *b)
{
    int64_t x = ((const struct sight_row *)a)->at.ms, y = ((const struct sight_row *)b)->at.ms;
    return (x < y) - (x > y);
}

/* Of one id the rows come as they should; of a merged record they are put in order here. */
static struct list sorted_of(struct arena *a, const struct list *rows, size_t size,
                             const struct record *k, int (*order)(const void *, const void *))
{
    struct list l = rows_of(a, rows, size, &k->ids);
    if (k->ids.n > 1 && l.n)
        qsort((void *)(uintptr_t)l.items, l.n, size, order);
    return l;
}

struct kinds {
    struct list records, identities, addresses, sights, sums, outcomes, abuses, linked, states;
};

static void take_sums(struct record *k, const struct list *mine)
{
    const struct order_sums *s = mine->items;
    for (size_t i = 0; i < mine->n; i++) {
        if (k->sums.n == 0 || s[i].first_at.ms < k->sums.first_at.ms)
            k->sums.first_at = s[i].first_at;
        k->sums.n += s[i].n;
        k->sums.has_purchase |= s[i].has_purchase;
        k->sums.has_bank |= s[i].has_bank;
    }
}

static void take_outcomes(struct arena *a, struct record *k, const struct list *mine)
{
    const struct outcome_by *o = mine->items;
    struct outcome_row *out = ARENA_ARRAY(a, mine->n + 1, struct outcome_row);
    for (size_t i = 0; i < mine->n; i++)
        out[i] = (struct outcome_row){o[i].kind, o[i].n};
    k->outcomes = (struct list){out, mine->n};
}

static void take_rows(struct arena *a, struct record *k, const struct kinds *all)
{
    struct list own = {&k->root.v, 1};
    struct list mine = rows_of(a, &all->records, sizeof(struct record_row), &own);
    k->is_there = mine.n > 0;
    if (!k->is_there)
        return;
    k->r = *(const struct record_row *)mine.items;
    mine = rows_of(a, &all->states, sizeof(struct look_state_row), &own);
    k->has_was = mine.n > 0;
    if (mine.n)
        k->was = *(const struct look_state_row *)mine.items;
    k->identities = first_few(
        sorted_of(a, &all->identities, sizeof(struct identity_row), k, by_last), IDENTITIES);
    k->addresses = first_few(
        sorted_of(a, &all->addresses, sizeof(struct address_row), k, by_address), ADDRESSES);
    k->sights = sorted_of(a, &all->sights, sizeof(struct sight_row), k, by_sight);
    k->linked = rows_of(a, &all->linked, sizeof(struct linked_row), &k->ids);
    mine = rows_of(a, &all->sums, sizeof(struct order_sums), &k->ids);
    take_sums(k, &mine);
    mine = rows_of(a, &all->outcomes, sizeof(struct outcome_by), &k->ids);
    take_outcomes(a, k, &mine);
    mine = rows_of(a, &all->abuses, sizeof(struct abuse_by), &k->ids);
    for (size_t i = 0; i < mine.n; i++)
        k->abuse += ((const struct abuse_by *)mine.items)[i].n;
}

/* Records in the order of their roots. *is_too_much: one of several has more rows than are read together. */
static enum err read_records(struct cx *cx, struct record *k, size_t n, bool *is_too_much)
{
    struct kinds all = {0};
    int64_t *roots = ARENA_ARRAY(cx->arena, n + 1, int64_t);
    struct list *ids = ARENA_ARRAY(cx->arena, n + 1, struct list);
    size_t n_ids = 0;
    for (size_t i = 0; i < n; i++)
        roots[i] = k[i].root.v;
    TRY(customers_ids(cx, roots, n, ids));
    for (size_t i = 0; i < n; i++)
        n_ids += ids[i].n;
    int64_t *every = ARENA_ARRAY(cx->arena, n_ids + 1, int64_t);
    n_ids = 0;
    for (size_t i = 0; i < n; i++) {
        k[i].ids = ids[i];
        if (ids[i].n)
            memcpy(every + n_ids, ids[i].items, ids[i].n * sizeof *every);
        n_ids += ids[i].n;
    }
    const struct args by_root = ARGS(val_ints(roots, n)), by_id = ARGS(val_ints(every, n_ids));
    struct db_read reads[] = {
        {&q_risk_records, &risk_record_row_shape, false, &all.records, by_root, false},
        {&q_risk_identities, &risk_identity_row_shape, false, &all.identities, by_id, false},
        {&q_risk_addresses, &risk_address_row_shape, false, &all.addresses, by_id, false},
        {&q_risk_sights, &risk_sight_row_shape, false, &all.sights, by_id, false},
        {&q_risk_order_sums, &risk_order_sums_row_shape, false, &all.sums, by_id, false},
        {&q_risk_outcomes, &risk_outcome_each_shape, false, &all.outcomes, by_id, false},
        {&q_risk_abuses, &risk_abuse_by_shape, false, &all.abuses, by_id, false},
        {&q_risk_linked, &risk_linked_row_shape, false, &all.linked, by_id, false},
        {&q_risk_state_some, &look_state_shape, false, &all.states, by_root, false},
    };
    TRY(db_batch(cx, reads, COUNT(reads)));
    *is_too_much = n > 1 && (all.identities.n == MOST || all.addresses.n == MOST ||
                             all.sights.n == MOST || all.linked.n == MOST);
    for (size_t i = 0; i < n && !*is_too_much; i++)
        if (k[i].ids.n)
            take_rows(cx->arena, &k[i], &all);
    return OK;
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
    const struct sight_row *seen = k->sights.items;
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
    for (size_t i = 0; i < k->sights.n && !s->ip.len; i++)
        s->ip = seen[i].ip;
}

static void find_own(struct cx *cx, struct record *k)
{
    const struct identity_row *v = k->identities.items;
    for (size_t i = 0; i < k->identities.n && k->n_own < COUNT(k->own); i++) {
        struct risk_said one = {.country = k->said.country};
        if (str_eq(v[i].type, S("email")))
            one.email = v[i].value;
        else if (str_eq(v[i].type, S("phone")) && phone_looks_full(v[i].value))
            one.number.e164 = v[i].value, one.is_phone_read = true; /* as it was read once */
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

/* ---- what is remembered of their handles ---- */

/* All that they are asked by, and by which their screenings are found. */
struct asked {
    int64_t *traces, *whos;
    size_t n_traces, n_whos;
};

static struct asked asked_of(struct arena *a, const struct record *k, size_t n)
{
    struct asked q = {0};
    size_t n_own = 0;
    for (size_t i = 0; i < n; i++)
        n_own += k[i].n_own;
    q.traces = ARENA_ARRAY(a, n_own * TRACE_KINDS + 1, int64_t);
    q.whos = ARENA_ARRAY(a, n_own + 1, int64_t);
    for (size_t i = 0; i < n; i++)
        for (size_t o = 0; o < k[i].n_own; o++) {
            q.n_traces += traces_list(&k[i].own[o], q.traces + q.n_traces);
            if (k[i].own[o].who)
                q.whos[q.n_whos++] = k[i].own[o].who;
        }
    return q;
}

static bool has_trace(const struct record *k, int64_t trace)
{
    for (size_t o = 0; o < k->n_own; o++)
        for (int i = 0; i < TRACE_NAME; i++)
            if (k->own[o].of[i] == trace)
                return true;
    return false;
}

/* Of rows whose first column is a trace those of his handles, in their order. */
static struct list hits_of(struct arena *a, const struct list *rows, size_t size,
                           const struct record *k)
{
    char *out = arena_alloc(a, rows->n + 1, size);
    size_t n = 0;
    for (size_t i = 0; i < rows->n; i++)
        if (has_trace(k, row_id(rows, size, i)))
            memcpy(out + n++ * size, (const char *)rows->items + i * size, size);
    return (struct list){out, n};
}

/* The newest few of each of his handles. */
static size_t screenings_of(const struct record *k, const struct list *seen, int64_t *out,
                            size_t most)
{
    const struct trace_seen *t = seen->items;
    size_t n = 0;
    for (size_t o = 0; o < k->n_own; o++) {
        int64_t who = k->own[o].who;
        size_t at = who ? row_from(seen, sizeof *t, who) : seen->n;
        for (int i = 0; i < SCREENINGS && at < seen->n && t[at].trace == who && n < most; i++)
            out[n++] = t[at++].screened;
    }
    return n;
}

static bool is_among(const int64_t *v, size_t n, int64_t id)
{
    for (size_t i = 0; i < n; i++)
        if (v[i] == id)
            return true;
    return false;
}

/* What was screened in the last half year under their handles, the newest few of each. */
static enum err read_screenings(struct cx *cx, struct record *k, size_t n, const struct list *seen)
{
    enum { EACH = COUNT(k->own) * SCREENINGS };
    int64_t *ids = ARENA_ARRAY(cx->arena, n * EACH + 1, int64_t);
    size_t *n_of = ARENA_ARRAY(cx->arena, n + 1, size_t), n_ids = 0;
    struct list rows = {0};
    for (size_t i = 0; i < n; i++)
        n_ids += n_of[i] = screenings_of(&k[i], seen, ids + n_ids, EACH);
    if (n_ids == 0)
        return OK;
    TRY(db_all(cx, &q_risk_screenings_of, &screened_row_shape, &rows, ARGS(val_ints(ids, n_ids))));
    const struct screened_row *r = rows.items;
    for (size_t i = 0, at = 0; i < n; at += n_of[i++]) {
        struct screened_row *mine = ARENA_ARRAY(cx->arena, n_of[i] + 1, struct screened_row);
        size_t n_mine = 0;
        for (size_t s = 0; n_of[i] && s < rows.n; s++)
            if (is_among(ids + at, n_of[i], r[s].id) && n_mine < n_of[i])
                mine[n_mine++] = r[s];
        k[i].screened = (struct list){mine, n_mine};
    }
    return OK;
}

/* Screenings, blocks and verdicts on their handles. */
static enum err read_memory(struct cx *cx, struct record *k, size_t n, bool *is_too_much)
{
    struct asked q = asked_of(cx->arena, k, n);
    struct list seen = {0}, blocks = {0}, verdicts = {0};
    if (q.n_traces == 0)
        return OK;
    struct val traces = val_ints(q.traces, q.n_traces);
    const struct args by_who = ARGS(val_ints(q.whos, q.n_whos), V(cx->now_ms - 180LL * 86400000),
                                    V(cx->now_ms + 86400000)),
                      by_trace = ARGS(traces), now = ARGS(traces, V(cx->now_ms));
    struct db_read reads[] = {
        {&q_risk_traces_of, &risk_trace_seen_shape, false, &seen, by_who, false},
        {&q_risk_blocks_of, &risk_block_of_shape, false, &blocks, now, false},
        {&q_risk_verdicts_of, &risk_verdict_hit_row_shape, false, &verdicts, by_trace, false},
    };
    TRY(db_batch(cx, reads, COUNT(reads)));
    *is_too_much = n > 1 && (seen.n == MOST || blocks.n == MOST || verdicts.n == MOST);
    if (*is_too_much)
        return OK;
    for (size_t i = 0; i < n; i++) {
        if (blocks.n)
            k[i].blocks = hits_of(cx->arena, &blocks, sizeof(struct block_of), &k[i]);
        if (verdicts.n)
            k[i].verdicts = hits_of(cx->arena, &verdicts, sizeof(struct verdict_hit), &k[i]);
    }
    return seen.n ? read_screenings(cx, k, n, &seen) : OK;
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
    const struct sight_row *i = k->sights.items;
    bool was_there = k->sums.has_purchase;
    for (size_t n = 0; n < k->sights.n; n++) /* a visit that nobody but the shop tells of */
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
        if (l[i].root != k->root.v) {
            seen->is_blocked = true;
            seen->blocked_by = l[i].type;
        }
    if (k->blocks.n) {
        seen->is_listed = true;
        seen->listed_by = ((const struct block_of *)k->blocks.items)[0].kind;
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

static enum err records_of(struct cx *cx, const int64_t *roots, size_t n, struct record *k,
                           bool *is_too_much)
{
    for (size_t i = 0; i < n; i++)
        k[i] = (struct record){.root = {roots[i]}};
    TRY(read_records(cx, k, n, is_too_much));
    for (size_t i = 0; i < n && !*is_too_much; i++)
        if (k[i].is_there) {
            say(&k[i]);
            find_own(cx, &k[i]);
        }
    return *is_too_much ? OK : read_memory(cx, k, n, is_too_much);
}

static void facts_of(struct cx *cx, const struct record *k, struct risk_facts *f)
{
    struct risk_seen seen;
    *f = (struct risk_facts){0};
    seen_nothing(&seen, cx->now_ms);
    seen_sources(cx, &k->said, k->r.reading, &seen);
    link_facts(k, &seen);
    risk_facts_of(cx->arena, &k->said, &seen, f);
    take_screened(cx, k, f);
    outcome_facts(&k->outcomes, k->abuse, f);
    trust_facts(k, cx->now_ms, f);
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

static bool is_as_kept(const struct look_state_row *kept, const struct risk_look *l)
{
    return kept->points == l->points && kept->confidence == l->confidence &&
           str_eq(kept->fired, l->fired);
}

static void look_at(struct cx *cx, const struct risk_house *h, const struct record *k,
                    struct risk_facts *f, struct risk_look *l)
{
    struct risk r;
    *l = (struct risk_look){0};
    if (!k->is_there)
        return;
    facts_of(cx, k, f);
    risk_score(f, &h->rules, &r);
    *l = (struct risk_look){.root = k->root,
                            .points = r.points,
                            .level = r.level,
                            .confidence = r.known * 100 / r.checks,
                            .who = k->root.v,
                            .fired = fired_text(cx->arena, f)};
    for (size_t i = 0; i < k->n_own; i++) /* the same row of the queue as that of his checkout */
        if (k->own[i].of[TRACE_EMAIL])
            l->who = k->own[i].who;
    l->is_news = !k->has_was || !is_as_kept(&k->was, l);
}

enum err risk_look_many(struct cx *cx, const struct risk_house *h, const int64_t *roots, size_t n,
                        struct risk_look **out)
{
    struct record *k = ARENA_ARRAY(cx->arena, n + 1, struct record);
    struct risk_facts *f = ARENA_NEW(cx->arena, struct risk_facts);
    bool is_too_much = false;
    if (n)
        TRY(records_of(cx, roots, n, k, &is_too_much));
    for (size_t i = 0; i < n; i++) {
        if (is_too_much) {
            TRY(risk_look_many(cx, h, &roots[i], 1, &out[i]));
            continue;
        }
        out[i] = ARENA_NEW(cx->arena, struct risk_look);
        look_at(cx, h, &k[i], f, out[i]);
    }
    return OK;
}

bool risk_is_news(const struct risk_look *l)
{
    return l->is_news;
}

static enum err write_one(struct cx *cx, const struct risk_look *l,
                          const struct look_state_row *was)
{
    if (was && is_as_kept(was, l))
        return OK;
    const char *level = risk_level_codes[l->level];
    TRY(db_run(
        cx, &q_risk_state_put,
        ARGS(V(l->root), V(l->points), V(level), V(l->confidence), V(l->fired), V(cx->now_ms))));
    bool was_high = was && str_eq(was->level, str_of(risk_level_codes[RISK_HIGH]));
    if (l->level != RISK_HIGH || was_high)
        return OK;
    return review_put(cx, &(struct review_new){"customer", l->who, l->root.v, 0, 0, l->points});
}

enum err risk_write_many(struct cx *cx, const struct risk_writing *w, size_t n)
{
    int64_t *roots = ARENA_ARRAY(cx->arena, n + 1, int64_t);
    struct list rows = {0};
    size_t n_news = 0;
    for (size_t i = 0; i < n; i++)
        if (w[i].look->is_news)
            roots[n_news++] = w[i].look->root.v;
    if (n_news == 0)
        return OK;
    TRY(db_all(cx, &q_risk_state_some, &look_state_shape, &rows, ARGS(val_ints(roots, n_news))));
    const struct look_state_row *was = rows.items;
    for (size_t i = 0; i < n; i++) {
        const struct risk_look *l = w[i].look;
        if (!l->is_news)
            continue;
        size_t at = row_from(&rows, sizeof *was, l->root.v);
        bool has_was = at < rows.n && was[at].customer == l->root.v;
        event_depth(cx, w[i].depth);
        TRY(write_one(cx, l, has_was ? &was[at] : NULL));
    }
    event_depth(cx, 0);
    return OK;
}

enum err risk_read(struct cx *cx, customer_id root, struct risk_answer *out, struct list *reviews)
{
    struct record *k = ARENA_NEW(cx->arena, struct record);
    struct risk_facts *f = ARENA_NEW(cx->arena, struct risk_facts);
    struct risk_house *h = ARENA_NEW(cx->arena, struct risk_house);
    struct risk r;
    bool is_too_much = false;
    TRY(records_of(cx, &root.v, 1, k, &is_too_much));
    if (!k->is_there)
        return ERR_NOT_FOUND;
    facts_of(cx, k, f);
    TRY(risk_house_read(cx, h));
    risk_score(f, &h->rules, &r);
    risk_answer_of(cx, &r, f, h, k->r.country, out);
    return reviews ? reviews_about(cx, root, &k->verdicts, reviews) : OK;
}

enum err risk_of(struct cx *cx, customer_id root, struct risk_answer *out)
{
    return risk_read(cx, root, out, NULL);
}
