/* The demo company: a gift wholesaler with a real shop's orders, and people all over the world who do not exist. */
#include "app/demo/lively.h"
#include "base/password.h"
#include "net/route.h"
#include "queries.h"

#define ROW(table, q, ...) TRY(bulk_row(f->bulk, f->cx, table, &(q), ARGS(__VA_ARGS__)))

static const struct demo_person {
    const char *name, *email, *role, *extension, *lang;
} staff[] = {
    {"Nadia Okafor", "owner@kith.example", "owner", NULL, "en"},
    {"Tom Whitaker", "administrator@kith.example", "administrator", NULL, "en"},
    {"Ольга Степанова", "manager@kith.example", "manager", "100", "ru"},
    {"Dana Seitkali", "operator@kith.example", "operator", "101", "en"},
    {"佐藤 美穂", "operator2@kith.example", "operator", "102", "ja"},
    {"Айжан Оспанова", "operator3@kith.example", "operator", "103", "kk"},
    {"李娜", "agent@kith.example", "agent", "104", "zh"},
    {"Clara Weber", "marketer@kith.example", "marketer", NULL, "en"},
    {"Hugo Lambert", "risk@kith.example", "risk", NULL, "en"},
    {"Ines Duarte", "privacy@kith.example", "privacy", NULL, "en"},
    {"Rhys Bennett", "branch@kith.example", "branch", NULL, "en"},
};
enum { OPERATOR_FIRST = 3, OPERATORS = 4 };
enum { LATE_OF_100 = 30, FIRMS_OF_100 = 14, VIP_OF_100 = 2 };

struct company {
    struct filler f;
    int64_t staff[COUNT(staff)];
    int64_t link, last_ms; /* the last minute of the history, moved to today */
    int64_t vip_from;      /* spent, minor units */
    int64_t colleague;     /* the latest firm, for people who work there */
    str colleague_name;
    int64_t partner; /* somebody whose number is shared with the next one */
    str partner_number;
    int64_t partner_value;
    unsigned tasks;
    struct demo_play *play;
    /* one of each kind, for the play: late, VIP firm, shared number, and one of each language */
    str late, vip, shared, of_lang[8];
    char *
        numbers; /* given out: a slot of 20 bytes for each hash, so that two of one hash count as one */
};
enum { NUMBER_SLOTS = 1 << 14, NUMBER_SIZE = 20 };

/* ---- staff, settings, telephone ----------------------------------------------------------------- */

static enum err staff_rows(struct company *c, str pass_phrase)
{
    struct filler *f = &c->f;
    str hash = {0};
    TRY(password_hash(f->cx, pass_phrase, &hash));
    int64_t now = f->cx->now_ms;
    for (size_t i = 0; i < COUNT(staff); i++) {
        c->staff[i] = id_new(now);
        ROW("staff", q_demo_staff, V(c->staff[i]), V(staff[i].email), V(staff[i].name),
            V(staff[i].role), V(hash), V(staff[i].lang), V(now), V(now));
        if (staff[i].extension)
            ROW("staff_extension", q_demo_extension, V(staff[i].extension), V(c->staff[i]));
    }
    for (size_t i = OPERATOR_FIRST; i < OPERATOR_FIRST + OPERATORS; i++)
        ROW("staff_queue", q_demo_queue, V("sales"), V(c->staff[i]));
    static const char *const settings[][2] = {{"company", "Lantern & Thread"},
                                              {"lang", "en"},
                                              {"time_zone", "Europe/London"},
                                              {"base_currency", "GBP"},
                                              {"region", "GB"},
                                              {"is_demo", "1"},
                                              {"has_owner", "1"}};
    for (size_t i = 0; i < COUNT(settings); i++)
        ROW("setting", q_demo_setting, V(settings[i][0]), V(settings[i][1]), V(now));
    return OK;
}

static enum err link_row(struct company *c)
{
    struct filler *f = &c->f;
    struct arena *a = f->cx->arena; /* the tokens outlive the filling */
    uint8_t hash[32];
    c->play->api_token = random_token(a, 32);
    sha256(c->play->api_token, hash);
    ROW("token", q_demo_token, V(id_new(f->cx->now_ms)), V("Demo calls"),
        val_blob(hash, sizeof hash), V("manager"), V((int64_t)SCOPE_READ), V(f->cx->now_ms));
    c->play->link_token = random_token(a, 32);
    sha256(c->play->link_token, hash);
    c->link = id_new(f->cx->now_ms);
    ROW("phone_link", q_demo_phone_link, V(c->link), V("webhook"), V("Demo calls"),
        val_blob(hash, sizeof hash), V("GB"), V(f->cx->now_ms));
    return OK;
}

/* ---- who each customer of the shop becomes ------------------------------------------------------------ */

static const struct culture *culture_of(struct company *c, const char *country)
{
    static const struct {
        const char *country, *culture;
    } home[] = {{"DE", "de"}, {"AT", "de"}, {"CH", "de"}, {"FR", "fr"}, {"BE", "fr"}, {"ES", "es"},
                {"PT", "es"}, {"IT", "es"}, {"JP", "ja"}, {"GR", "el"}, {"CY", "el"}, {"AE", "ar"},
                {"SA", "ar"}, {"LB", "ar"}, {"BH", "ar"}, {"SG", "zh"}};
    for (size_t i = 0; i < COUNT(home); i++)
        if (strcmp(home[i].country, country) == 0)
            return people_culture(c->f.people, home[i].culture);
    /* The shop sold mostly at home; the demo company sells everywhere. */
    static const struct {
        unsigned share;
        const char *culture;
    } world[] = {{46, "en"}, {13, "ja"}, {11, "zh"}, {10, "ru"}, {10, "kk"},
                 {4, "de"},  {3, "fr"},  {1, "es"},  {1, "ar"},  {1, "el"}};
    uint64_t at = chance_below(&c->f.chance, 100);
    for (size_t i = 0; i < COUNT(world); i++) {
        if (at < world[i].share)
            return people_culture(c->f.people, world[i].culture);
        at -= world[i].share;
    }
    return people_culture(c->f.people, "en");
}

static bool number_take(struct company *c, str number)
{
    assert(number.len < NUMBER_SIZE);
    uint64_t h = 14695981039346656037u; /* FNV-1a */
    for (size_t i = 0; i < number.len; i++)
        h = (h ^ (uint8_t)number.ptr[i]) * 1099511628211u;
    char *slot = c->numbers + (h % NUMBER_SLOTS) * NUMBER_SIZE;
    if (*slot)
        return false;
    memcpy(slot, number.ptr, number.len);
    return true;
}

/* A number nobody else got, of a town of the culture; the town may change when its range is used up. */
static str number_of(struct company *c, const struct culture *of, const struct town **town)
{
    struct filler *f = &c->f;
    for (unsigned tries = 0;; tries++) {
        const struct town *t = *town;
        uint64_t range = 1;
        for (unsigned i = 0; i < t->digits; i++)
            range *= 10;
        str number = arena_printf(f->row_arena, SFMT "%0*llu", SARG(t->prefix), (int)t->digits,
                                  (unsigned long long)chance_below(&f->chance, range));
        if (number_take(c, number))
            return number;
        if (tries % 8 == 7) {
            *town = &of->towns[chance_below(&f->chance, of->n_towns)];
        }
    }
}

static const char *role_word(const char *lang)
{
    static const char *const words[][2] = {{"ja", "購買担当"}, {"zh", "采购"},
                                           {"ru", "закупки"},  {"kk", "сатып алу"},
                                           {"de", "Einkauf"},  {"fr", "achats"}};
    for (size_t i = 0; i < COUNT(words); i++)
        if (strcmp(words[i][0], lang) == 0)
            return words[i][1];
    return "buyer";
}

/* ---- his history ------------------------------------------------------------------------------------------ */

static int64_t at_of(const struct company *c, uint32_t minutes)
{
    return c->last_ms - (int64_t)minutes * 60000;
}

static int64_t total_of(const struct retail_order *o)
{
    int64_t total = 0;
    for (size_t i = 0; i < o->n_lines; i++)
        total += (int64_t)o->lines[i].quantity * o->lines[i].pence;
    return total;
}

/* The order a return belongs to: the newest before it that has the product; NULL when the history begins later. */
static const struct retail_order *returned_from(const struct retail_order *first,
                                                const struct retail_order *back, size_t *line)
{
    for (const struct retail_order *o = back; o-- > first;) {
        if (o->is_return)
            continue;
        for (size_t i = 0; i < o->n_lines; i++) {
            if (o->lines[i].product == back->lines[0].product &&
                o->lines[i].quantity >= back->lines[0].quantity) {
                *line = i;
                return o;
            }
        }
    }
    return NULL;
}

static enum err returns_of(struct company *c, struct history *h, const struct retail_order *o,
                           const struct retail_order *end, int64_t order,
                           const struct retail_order *first, int64_t *sum)
{
    struct filler *f = &c->f;
    *sum = 0;
    for (const struct retail_order *r = o + 1; r < end; r++) {
        size_t line = 0;
        if (!r->is_return || returned_from(first, r, &line) != o ||
            at_of(c, r->minutes) > f->cx->now_ms)
            continue;
        int64_t amount = (int64_t)r->lines[0].quantity * o->lines[line].pence;
        if (*sum + amount > total_of(o))
            continue;
        *sum += amount;
        if (!order)
            continue;
        fill_returned(f, h, at_of(c, r->minutes), amount);
        ROW("order_return", q_demo_return, V(id_new(f->cx->now_ms)), V(order), V((int64_t)line + 1),
            V((int64_t)r->lines[0].quantity * 1000), V(amount), V(""), V(at_of(c, r->minutes)));
    }
    return OK;
}

static str status_of(struct company *c, int64_t at, int64_t *due)
{
    int64_t age = c->f.cx->now_ms - at;
    *due = at + 4 * DAY_MS;
    if (age < DAY_MS)
        return S("paid");
    if (age < 4 * DAY_MS)
        return S("shipped");
    if (age < 12 * DAY_MS && fill_chance(&c->f, LATE_OF_100))
        return S("shipped"); /* promised, and not there */
    return S("delivered");
}

static enum err one_call(struct company *c, struct history *h, str phone, str shown, int64_t at,
                         str text, const char *outcome)
{
    struct filler *f = &c->f;
    int64_t call = id_new(f->cx->now_ms), interaction = 0;
    int64_t by = c->staff[OPERATOR_FIRST + chance_below(&f->chance, OPERATORS)];
    int64_t talk = 60000 + (int64_t)chance_below(&f->chance, 300000);
    struct line_made line = {
        .channel = "call", .matched_by = "phone", .at_ms = at, .staff = by, .ref = call};
    TRY(fill_interaction(f, h, &line, &interaction));
    ROW("call", q_demo_call, V(call), V(c->link),
        V(arena_printf(f->row_arena, "demo-%lld", (long long)call)), V("in"), V("ended"), V(shown),
        V(phone), V("+442079460100"), V("sales"), V(h->customer), V(at), V(at + 6000),
        V(at + 6000 + talk), V(by), V("normalClearing"), V(outcome), V(text), V(0),
        V(at + 6000 + talk + 20000), V(interaction));
    return OK;
}

static enum err talk_of(struct company *c, struct history *h, const struct person *p, str phone,
                        str shown, str order, str product, int64_t at)
{
    static const char *const outcomes[] = {"solved", "solved", "solved", "follow_up"};
    struct filler *f = &c->f;
    uint64_t which = chance_below(&f->chance, 10);
    if (which < 5)
        return one_call(c, h, phone, shown, at, fill_phrase(f, "call", S("en"), order, product),
                        outcomes[chance_below(&f->chance, COUNT(outcomes))]);
    const char *channel = which < 9 ? "email" : "chat";
    struct line_made line = {.channel = channel,
                             .matched_by = "phone",
                             .at_ms = at,
                             .text = fill_phrase(f, channel, p->lang, order, product)};
    return fill_interaction(f, h, &line, NULL);
}

static enum err task_of(struct company *c, const struct history *h, str phone, str order)
{
    struct filler *f = &c->f;
    static const char *const titles[] = {"Call back about order %.*s",
                                         "Send the replacement for order %.*s",
                                         "Send the invoice copy of %.*s again"};
    static const char *const kinds[] = {"call_back", "promise", "todo"};
    unsigned i = c->tasks++;
    int64_t due = f->cx->now_ms + ((int64_t)(i % 5) - 1) * 3 * 3600000;
    const char *title = titles[i / 3 % COUNT(titles)];
    struct text t = text_in(f->row_arena, 200);
    for (; *title; title++) {
        if (title[0] == '%') {
            text_add(&t, order);
            title += 3;
        } else {
            text_add_char(&t, *title);
        }
    }
    ROW("task", q_demo_task, V(id_new(f->cx->now_ms)), V(h->customer),
        V(kinds[i / 3 % COUNT(kinds)]), V(text_str(&t)), V(phone), V(0),
        V(c->staff[OPERATOR_FIRST + i % 3]), V(due), V(c->staff[2]), V(f->cx->now_ms - 3600000));
    return OK;
}

static enum err things_of(struct company *c, const struct history *h, const struct person *p,
                          const struct retail_order *last)
{
    struct filler *f = &c->f;
    int64_t now = f->cx->now_ms;
    str line = p->culture->lines[chance_below(&f->chance, p->culture->n_lines)];
    str postal = arena_printf(f->row_arena, "%05u", (unsigned)chance_below(&f->chance, 99999));
    ROW("address", q_demo_address, V(id_new(now)), V(h->customer),
        V(p->kind == CUSTOMER_COMPANY ? "office" : "home"), V(line), V(postal), V(p->city), V(""),
        V(p->country), V("order"), V(h->first_ms));
    if (fill_chance(f, 12)) {
        uint32_t product = last->lines[0].product;
        ROW("holding", q_demo_holding, V(id_new(now)), V(h->customer), V(f->products[product]),
            V(f->retail->products[product].name),
            V(arena_printf(f->row_arena, "%04u-%04u", (unsigned)chance_below(&f->chance, 10000),
                           (unsigned)chance_below(&f->chance, 10000))),
            V(""), V(""), V(now + ((int64_t)chance_below(&f->chance, 700) - 100) * DAY_MS),
            V(h->first_ms));
    }
    if (h->all.spent >= c->vip_from)
        ROW("customer_mark", q_demo_mark, V(h->customer), V("vip"), V("Top 2 % by money spent"),
            V(c->staff[2]), V(now - (int64_t)30 * DAY_MS));
    if (p->kind == CUSTOMER_COMPANY) {
        c->colleague = h->customer;
        c->colleague_name = arena_str(f->arena, p->name);
    } else if (c->colleague && fill_chance(f, 18)) {
        ROW("relation", q_demo_relation, V(id_new(now)), V(h->customer), V(c->colleague),
            V("works_at"), V(role_word(arena_cstr(f->row_arena, p->lang))), V(h->first_ms));
    }
    return OK;
}

/* ---- who calls in the play ----------------------------------------------------------------------------------------- */

static void keep(struct company *c, str *slot, str number)
{
    if (!slot->len)
        *slot = arena_str(c->f.cx->arena, number);
}

static void cast(struct company *c, const struct person *p, const struct history *h, str number,
                 bool is_late, bool is_shared)
{
    int64_t lines = h->all.contacts + h->all.orders; /* a card worth seeing */
    if (is_shared)
        keep(c, &c->shared, number);
    else if (is_late && h->all.contacts && lines > 5)
        keep(c, &c->late, number);
    else if (h->all.spent >= c->vip_from)
        keep(c, &c->vip, number);
    else if (lines > 4) {
        for (size_t i = 0; i < c->f.people->n && i < COUNT(c->of_lang); i++)
            if (str_eq(c->f.people->cultures[i].lang, p->lang))
                keep(c, &c->of_lang[i], number);
    }
}

/* ---- one customer ---------------------------------------------------------------------------------------------- */

static enum err handles_of(struct company *c, const struct person *p, int64_t customer,
                           int64_t first_ms, int64_t last_ms, str phone, str shown)
{
    struct filler *f = &c->f;
    static const char *const domains[] = {"mail.example", "post.example", "inbox.example",
                                          "letters.example"};
    struct handle_made number = {.type = IDENTITY_PHONE,
                                 .value = phone,
                                 .given = shown,
                                 .shown = shown,
                                 .state = "confirmed",
                                 .source = "call",
                                 .first_ms = first_ms,
                                 .last_ms = last_ms};
    if (c->partner && str_eq(phone, c->partner_number)) {
        number.state = "shared";
        number.value_id = c->partner_value;
        TRY(fill_identity(f, customer, &number));
        ROW("relation", q_demo_relation, V(id_new(f->cx->now_ms)), V(customer), V(c->partner),
            V("family"), V(""), V(first_ms));
        c->partner = 0;
    } else {
        bool is_shared = p->kind == CUSTOMER_PERSON && fill_chance(f, 2);
        if (is_shared)
            number.state = "shared";
        TRY(fill_identity(f, customer, &number));
        if (is_shared) {
            c->partner = customer;
            c->partner_value = number.value_id;
            c->partner_number = arena_str(f->arena, phone);
        }
    }
    str address =
        p->kind == CUSTOMER_COMPANY
            ? arena_printf(f->row_arena, "orders%lld@" SFMT ".example",
                           (long long)f->filled.customers, SARG(p->latin))
            : arena_printf(f->row_arena, SFMT ".%lld@%s", SARG(p->latin),
                           (long long)f->filled.customers, domains[f->filled.customers % 4]);
    struct handle_made email = {.type = IDENTITY_EMAIL,
                                .given = address,
                                .state = "confirmed",
                                .source = "order",
                                .first_ms = first_ms,
                                .last_ms = last_ms};
    if (fill_chance(f, 88) && email_read(f->row_arena, address, &email.value))
        TRY(fill_identity(f, customer, &email));
    str loyalty = arena_printf(f->row_arena, "7731%06lld", (long long)f->filled.customers);
    struct handle_made card = {.type = IDENTITY_CARD,
                               .value = loyalty,
                               .given = loyalty,
                               .state = "confirmed",
                               .source = "purchase",
                               .first_ms = first_ms,
                               .last_ms = last_ms};
    if (p->kind == CUSTOMER_PERSON && fill_chance(f, 20))
        TRY(fill_identity(f, customer, &card));
    return OK;
}

static enum err one_customer(struct company *c, const struct retail_order *first,
                             const struct retail_order *end)
{
    struct filler *f = &c->f;
    const struct retail_order *last = NULL;
    const char *country = "";
    for (const struct retail_order *o = first; o < end; o++) {
        if (!o->is_return && at_of(c, o->minutes) <= f->cx->now_ms) {
            last = o;
            country = o->country;
        }
    }
    if (!last)
        return OK;
    const struct culture *culture = culture_of(c, country);
    const struct town *town = &culture->towns[chance_below(&f->chance, culture->n_towns)];
    bool shares = c->partner != 0;
    str number = shares ? c->partner_number : number_of(c, culture, &town);
    struct person p;
    if (!shares && fill_chance(f, FIRMS_OF_100))
        fill_firm(f, culture, town, &p);
    else
        fill_person(f, culture, town, &p);
    struct phone phone = phone_read(f->row_arena, number, S(""));
    int64_t first_ms = at_of(c, first->minutes);
    struct history h = {.first_ms = first_ms, .kind = p.kind};
    TRY(fill_customer(f, &p, first_ms, &h.customer));
    bool is_late = false;
    str order = {0}, product = {0};
    for (const struct retail_order *o = first; o < end; o++) {
        int64_t at = at_of(c, o->minutes), due = 0, id = 0, returned = 0;
        if (o->is_return || at > f->cx->now_ms)
            continue;
        TRY(returns_of(c, &h, o, end, 0, first, &returned));
        order = arena_printf(f->row_arena, "%lld", 100000LL + ++f->order_number);
        product = f->retail->products[o->lines[0].product].name;
        struct order_made made = {.number = order,
                                  .at_ms = at,
                                  .status = status_of(c, at, &due),
                                  .payment = S("card"),
                                  .due_ms = due,
                                  .returned = returned,
                                  .lines = o->lines,
                                  .n_lines = o->n_lines};
        TRY(fill_order(f, &h, &made, &id));
        TRY(returns_of(c, &h, o, end, id, first, &returned));
        if (fill_chance(f, 25)) {
            int64_t later = at + (int64_t)chance_below(&f->chance, 9) * DAY_MS +
                            (int64_t)chance_below(&f->chance, 3600000);
            if (later < f->cx->now_ms)
                TRY(talk_of(c, &h, &p, phone.e164, phone.national, order, product, later));
        }
        bool is_late_one = str_eq(made.status, S("shipped")) && due < f->cx->now_ms;
        is_late = is_late || is_late_one;
        if (is_late_one && c->tasks < 18)
            TRY(task_of(c, &h, phone.e164, order));
    }
    TRY(handles_of(c, &p, h.customer, first_ms, h.last_ms, phone.e164, phone.national));
    TRY(things_of(c, &h, &p, last));
    cast(c, &p, &h, phone.e164, is_late, shares);
    h.is_vip = h.all.spent >= c->vip_from;
    return fill_history(f, &h);
}

/* Who calls and is nobody's number. */
static const str strangers[] = {{"+442079460777", 13}, {"+81300000042", 12}, {"+12125550188", 12}};

/* The first call is somebody with open work; then one nobody knows; then the first again, who finds his note remembered; then,
 * every second one, somebody of each type. */
static void callers(struct company *c)
{
    struct demo_play *p = c->play;
    const str order[] = {c->late,       strangers[0],  c->late,       c->of_lang[4], c->vip,
                         c->of_lang[6], c->shared,     S(""),         c->of_lang[5], strangers[1],
                         c->of_lang[7], c->of_lang[0], c->of_lang[1], strangers[2],  c->of_lang[2]};
    enum { WITHHELD = 7, LIVELY_FROM = 3 };
    for (size_t i = 0; i < COUNT(order); i++) {
        if (order[i].len || i == WITHHELD)
            p->callers[p->n_callers++] = order[i];
        if (i >= LIVELY_FROM && i - LIVELY_FROM < LIVELY_CALLERS)
            p->callers[p->n_callers++] = str_of(lively_callers[i - LIVELY_FROM]);
    }
}

/* ---- the company ------------------------------------------------------------------------------------------------- */

static int by_amount(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x < y) - (x > y);
}

/* What a customer must have spent to be of the top share. */
static int64_t vip_from(struct arena *a, const struct retail *r)
{
    int64_t *spent = ARENA_ARRAY(a, r->n_customers, int64_t);
    for (size_t i = 0; i < r->n_orders; i++)
        spent[r->orders[i].customer] += r->orders[i].is_return ? 0 : total_of(&r->orders[i]);
    qsort(spent, r->n_customers, sizeof *spent, by_amount);
    return spent[r->n_customers * VIP_OF_100 / 100];
}

static void company_close(struct company *c)
{
    fill_close(&c->f);
}

enum err demo_fill_company(struct store *s, struct cx *cx, const struct demo_progress *progress,
                           struct demo_filled *out, struct demo_play *play)
{
    *play = (struct demo_play){0};
    CLEANUP(company_close)
    struct company c = {.play = play, .f = {.currency = S("GBP"), .time_zone = S("Europe/London")}};
    struct filler *f = &c.f;
    TRY(fill_begin(f, s, cx, 20111209, progress));
    c.numbers = ARENA_ARRAY(f->arena, (size_t)NUMBER_SLOTS * NUMBER_SIZE, char);
    c.last_ms = when_of_day(when_day((when){cx->now_ms}, f->time_zone), f->time_zone).ms +
                17 * 3600000 + 22 * 60000;
    c.vip_from = vip_from(f->arena, f->retail);
    for (size_t i = 0; i < COUNT(strangers); i++)
        (void)number_take(&c, strangers[i]);
    const char *numbers[LIVELY_MAX];
    for (size_t i = lively_numbers(numbers); i-- > 0;)
        (void)number_take(&c, str_of(numbers[i]));
    TRY(staff_rows(&c, S(DEMO_PASS_PHRASE)));
    TRY(link_row(&c));
    const struct retail_order *o = f->retail->orders, *end = o + f->retail->n_orders;
    while (o < end) {
        const struct retail_order *first = o;
        while (o < end && o->customer == first->customer)
            o++;
        TRY(one_customer(&c, first, o));
        arena_reset(f->row_arena);
        if (progress && progress->tell && f->filled.customers % 100 == 0)
            progress->tell(progress->arg, f->filled.customers, (int64_t)f->retail->n_customers);
    }
    struct lively lively = {.f = f, .link = c.link, .staff = c.staff};
    TRY(lively_fill(&lively));
    TRY(fill_end(f));
    TRY(lively_act(&lively, s, cx));
    callers(&c);
    *out = f->filled;
    return OK;
}
