/* Fills an empty house: the demo company and the generator share the rows they make. Only this program part writes
 * customers beside the one door, and only into empty tables; a test compares what it makes with what the door makes.
 */
#include "app/demo/fill.h"

#include "queries.h"
#include "rooms/settings/settings.h"

/* ---- small helpers ---------------------------------------------------------------------------- */

str fill_pick(struct filler *f, const str *of, size_t n)
{
    return of[chance_below(&f->chance, n)];
}

static const struct word *pick_word(struct filler *f, struct words w)
{
    return &w.items[chance_below(&f->chance, w.n)];
}

bool fill_chance(struct filler *f, unsigned of_100)
{
    return chance_below(&f->chance, 100) < of_100;
}

static bool is_safe_in_email(char c)
{
    return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '.';
}

/* Latin letters for an address, lower case. */
static str email_word(struct arena *a, str latin)
{
    char *p = arena_alloc(a, 1, latin.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < latin.len; i++) {
        char c = latin.ptr[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        if (is_safe_in_email(c))
            p[n++] = c;
    }
    return (str){p, n};
}

str fill_phrase(struct filler *f, const char *kind, str lang, str order, str product)
{
    str s = people_phrase(f->people, kind, lang, chance_next(&f->chance));
    struct text t = text_in(f->row_arena, 4096);
    while (s.len) {
        if (str_starts(s, S("{order}"))) {
            text_add(&t, order);
            s.ptr += 7, s.len -= 7;
        } else if (str_starts(s, S("{product}"))) {
            text_add(&t, product);
            s.ptr += 9, s.len -= 9;
        } else {
            text_add_char(&t, *s.ptr);
            s.ptr++, s.len--;
        }
    }
    return text_str(&t);
}

/* ---- keys, remembered: names repeat ---------------------------------------------------------------- */

enum { KEYS_SLOTS = 1 << 18 };
struct known_keys {
    str text; /* name, country */
    struct str_list keys;
    str names; /* for the search */
};

static const struct known_keys *keys_of(struct filler *f, const struct person *p)
{
    str text = arena_printf(f->row_arena, SFMT "|" SFMT "|" SFMT, SARG(p->name), SARG(p->reading),
                            SARG(p->country));
    uint64_t h = 14695981039346656037u; /* FNV-1a */
    for (size_t i = 0; i < text.len; i++)
        h = (h ^ (uint8_t)text.ptr[i]) * 1099511628211u;
    struct known_keys *k = &f->known[h % KEYS_SLOTS];
    bool is_once = p->company.len || p->kind == CUSTOMER_COMPANY ||
                   arena_used(f->arena) > (192u << 20); /* enough remembered */
    if (!is_once && str_eq(k->text, text))
        return k;
    if (is_once)
        k = ARENA_NEW(f->row_arena, struct known_keys);
    struct arena *a = is_once ? f->row_arena : f->arena;
    k->text = arena_str(a, text);
    k->keys = customer_keys(a, p->name, p->reading, p->company, p->country);
    k->names = arena_str(a, search_names_text(f->row_arena, p->name, p->reading));
    return k;
}

/* ---- people --------------------------------------------------------------------------------------------- */

static str zone_of(str country)
{
    static const char *const zones[][2] = {
        {"GB", "Europe/London"},   {"US", "America/New_York"}, {"AU", "Australia/Sydney"},
        {"CA", "America/Toronto"}, {"IE", "Europe/Dublin"},    {"DE", "Europe/Berlin"},
        {"FR", "Europe/Paris"},    {"ES", "Europe/Madrid"},    {"JP", "Asia/Tokyo"},
        {"CN", "Asia/Shanghai"},   {"RU", "Europe/Moscow"},    {"KZ", "Asia/Almaty"},
        {"AE", "Asia/Dubai"},      {"SA", "Asia/Riyadh"},      {"LB", "Asia/Beirut"},
        {"GR", "Europe/Athens"}};
    for (size_t i = 0; i < COUNT(zones); i++)
        if (str_eq(country, str_of(zones[i][0])))
            return str_of(zones[i][1]);
    return S("");
}

static str form_of_address(const struct culture *c, bool is_woman)
{
    if (str_eq(c->code, S("ja")))
        return S("様");
    if (str_eq(c->code, S("zh")))
        return is_woman ? S("女士") : S("先生");
    return S("");
}

void fill_person(struct filler *f, const struct culture *c, const struct town *t, struct person *p)
{
    bool is_woman = fill_chance(f, 52);
    const struct word *family = pick_word(f, c->families),
                      *given = pick_word(f, is_woman ? c->women : c->men);
    str family_text = is_woman ? family->female : family->text;
    *p = (struct person){.kind = CUSTOMER_PERSON,
                         .culture = c,
                         .family = family_text,
                         .given = given->text,
                         .lang = c->lang,
                         .country = t->country,
                         .city = t->city,
                         .time_zone = zone_of(t->country),
                         .form_of_address = form_of_address(c, is_woman)};
    struct arena *a = f->row_arena;
    if (c->patronymics.n) {
        const struct word *w = pick_word(f, c->patronymics);
        p->patronymic = is_woman ? w->female : w->text;
        p->form_of_address = arena_printf(a, SFMT " " SFMT, SARG(p->given), SARG(p->patronymic));
    }
    const char *gap = str_eq(c->code, S("zh")) ? "" : " ";
    p->name = c->is_family_first
                  ? arena_printf(a, SFMT "%s" SFMT, SARG(family_text), gap, SARG(given->text))
                  : arena_printf(a, SFMT " " SFMT, SARG(given->text), SARG(family_text));
    if (family->reading.len && given->reading.len)
        p->reading = arena_printf(a, SFMT " " SFMT, SARG(family->reading), SARG(given->reading));
    p->latin = arena_printf(a, SFMT "." SFMT, SARG(email_word(a, given->latin)),
                            SARG(email_word(a, family->latin)));
}

void fill_firm(struct filler *f, const struct culture *c, const struct town *t, struct person *p)
{
    const struct word *firm = pick_word(f, c->firms);
    *p = (struct person){.kind = CUSTOMER_COMPANY,
                         .culture = c,
                         .name = firm->text,
                         .lang = c->lang,
                         .country = t->country,
                         .city = t->city,
                         .time_zone = zone_of(t->country)};
    p->latin = firm->latin.len ? firm->latin : email_word(f->row_arena, firm->text);
}

/* ---- rows ---------------------------------------------------------------------------------------------------- */

#define ROW(table, q, ...) TRY(bulk_row(f->bulk, f->cx, table, &(q), ARGS(__VA_ARGS__)))

static int64_t new_id(struct filler *f)
{
    return id_new(f->cx->now_ms);
}

enum err fill_customer(struct filler *f, const struct person *p, int64_t created_ms, int64_t *id)
{
    *id = new_id(f);
    ROW("customer", q_demo_customer, V(*id), V(*id), V(customer_kind_codes[p->kind]), V(p->name),
        V(p->reading), V(p->given), V(p->family), V(p->patronymic), V(p->form_of_address),
        V(p->lang), V(p->time_zone), V(p->country), V(S("")), V(p->city), V(p->company),
        V(p->heard_of_us), V(created_ms), V(created_ms), V(text_fold(f->row_arena, p->name)),
        V(text_fold(f->row_arena, p->city)), V(text_fold(f->row_arena, p->company)),
        V(text_fold(f->row_arena, p->heard_of_us)), V(S("")));
    const struct known_keys *known = keys_of(f, p);
    for (size_t i = 0; i < known->keys.n; i++)
        ROW("customer_key", q_demo_key, V(known->keys.items[i]), V(*id));
    f->doc_of = *id;
    f->doc_names = known->names;
    f->doc_company = p->company;
    f->n_doc_handles = 0;
    f->filled.customers++;
    return OK;
}

static str reversed(struct arena *a, str e164)
{
    char *p = arena_alloc(a, 1, e164.len + 1);
    size_t n = 0;
    for (size_t i = e164.len; i-- > 1;)
        p[n++] = e164.ptr[i];
    return (str){p, n};
}

enum err fill_identity(struct filler *f, int64_t customer, struct handle_made *m)
{
    if (!m->value_id) {
        bool is_phone = m->type == IDENTITY_PHONE;
        m->value_id = new_id(f);
        ROW("identity_value", q_demo_value, V(m->value_id), V(identity_type_codes[m->type]),
            V(m->value), V(m->shown), is_phone ? V(reversed(f->row_arena, m->value)) : VNULL);
    }
    ROW("identity_owner", q_demo_owner, V(m->value_id), V(customer), V(new_id(f)), V(m->state),
        V(m->given), V(m->source), V(m->first_ms), V(m->last_ms));
    if (customer == f->doc_of && f->n_doc_handles < COUNT(f->doc_handles) &&
        strcmp(m->state, "wrong") != 0)
        f->doc_handles[f->n_doc_handles++] = (struct search_handle){m->type, m->value};
    f->filled.identities++;
    return OK;
}

void fill_seen(int64_t *last_ms, int64_t at_ms)
{
    enum { SEEN_EVERY_MS = 3600 * 1000 };
    if (*last_ms + SEEN_EVERY_MS < at_ms)
        *last_ms = at_ms;
}

static void sums_add(struct standing_sums *to, const struct standing_sums *add)
{
    to->contacts += add->contacts;
    to->orders += add->orders;
    to->discounted += add->discounted;
    to->spent += add->spent;
    to->returned += add->returned;
    to->discount += add->discount;
}

static void day_add(struct filler *f, struct history *h, int64_t at_ms,
                    const struct standing_sums *add)
{
    int32_t day = when_day((when){at_ms}, f->time_zone);
    sums_add(&h->all, add);
    for (size_t i = 0; i < h->n_days; i++)
        if (h->days[i].day == day) {
            sums_add(&h->days[i].sums, add);
            return;
        }
    assert(h->n_days < COUNT(h->days));
    h->days[h->n_days++] = (struct history_day){day, *add};
}

void fill_returned(struct filler *f, struct history *h, int64_t at_ms, int64_t amount)
{
    day_add(f, h, at_ms, &(struct standing_sums){.returned = amount});
}

/* An order is told on the timeline but is no contact of its own. */
enum err fill_interaction(struct filler *f, struct history *h, const struct line_made *m,
                          int64_t *id)
{
    int64_t made = new_id(f);
    ROW("interaction", q_demo_interaction, V(made), V(h->customer), V(m->channel), V("in"),
        V("presented"), V(m->at_ms), val_int_or_null(m->staff), val_int_or_null(m->ref),
        V(m->subject), V(m->text), V(m->matched_by));
    if (strcmp(m->channel, "order") != 0)
        day_add(f, h, m->at_ms, &(struct standing_sums){.contacts = 1});
    h->first_ms = h->first_ms < m->at_ms ? h->first_ms : m->at_ms;
    h->last_ms = h->last_ms > m->at_ms ? h->last_ms : m->at_ms;
    f->filled.interactions++;
    if (id)
        *id = made;
    return OK;
}

/* What the timeline says of it. */
static str words_of(struct filler *f, const struct order_made *o)
{
    struct order_line *l = ARENA_ARRAY(f->row_arena, o->n_lines, struct order_line);
    for (size_t i = 0; i < o->n_lines; i++) {
        const struct retail_product *p = &f->retail->products[o->lines[i].product];
        l[i] = (struct order_line){
            .sku = p->sku, .name = p->name, .quantity_milli = (int64_t)o->lines[i].quantity * 1000};
    }
    return order_in_words(f->row_arena, l, o->n_lines);
}

enum err fill_order(struct filler *f, struct history *h, const struct order_made *o, int64_t *made)
{
    int64_t id = new_id(f), interaction = 0, total = 0;
    for (size_t i = 0; i < o->n_lines; i++)
        total += (int64_t)o->lines[i].quantity * o->lines[i].pence;
    total -= o->discount;
    /* the shop knows its customers by their accounts with it */
    struct line_made line = {.channel = "order",
                             .matched_by = "chosen",
                             .at_ms = o->at_ms,
                             .ref = id,
                             .subject = o->number,
                             .text = words_of(f, o)};
    TRY(fill_interaction(f, h, &line, &interaction));
    ROW("orders", q_demo_order, V(id), V(o->number), V(h->customer), V(interaction), V("order"),
        V(o->status), V(o->at_ms), val_int_or_null(o->due_ms), V(f->currency), V(total),
        V(o->discount), V(o->returned), V(total), V(o->payment), V((int64_t)(o->discount > 0)));
    for (size_t i = 0; i < o->n_lines; i++) {
        const struct retail_line *l = &o->lines[i];
        const struct retail_product *p = &f->retail->products[l->product];
        ROW("order_line", q_demo_order_line, V(id), V((int64_t)i + 1), V(f->products[l->product]),
            V(p->sku), V(p->name), V((int64_t)l->quantity * 1000), V((int64_t)l->pence),
            V((int64_t)l->quantity * l->pence));
    }
    day_add(f, h, o->at_ms,
            &(struct standing_sums){.orders = 1,
                                    .discounted = o->discount > 0,
                                    .spent = total - o->returned,
                                    .discount = o->discount});
    h->last_order_ms = h->last_order_ms > o->at_ms ? h->last_order_ms : o->at_ms;
    f->filled.orders++;
    f->filled.lines += (int64_t)o->n_lines;
    if (made)
        *made = id;
    return OK;
}

/* What he is found by. FTS5 has its lists apart. */
static enum err fill_doc(struct filler *f)
{
    str text =
        search_text(f->row_arena, f->doc_names, f->doc_company, f->doc_handles, f->n_doc_handles);
    str pieces = search_pieces(f->row_arena, text);
    if (pieces.len == 0)
        return OK;
    f->docs++;
    ROW("search_doc", q_search_doc_insert, V(f->docs), V(f->doc_of), V(text), V(pieces));
    if (!db_is_postgres(f->cx))
        ROW("search_gram", q_search_gram_insert, V(f->docs), V(pieces));
    return OK;
}

/* What is summed of a customer, after his last row. */
enum err fill_history(struct filler *f, const struct history *h)
{
    struct standing s = {.id = {h->customer},
                         .kind = h->kind,
                         .vip_by = h->is_vip ? VIP_BY_HAND : VIP_NOT,
                         .first_at = {h->first_ms},
                         .last_contact_at = {h->last_ms},
                         .last_order_at = {h->last_order_ms}};
    int32_t today = when_day((when){f->cx->now_ms}, f->time_zone),
            kept = today - standing_window_days[WINDOW_365D];
    for (size_t i = 0; i < h->n_days; i++) {
        const struct history_day *d = &h->days[i];
        const struct standing_sums *sums = &d->sums;
        standing_count(&s, today, d->day, sums);
        if (d->day > kept)
            ROW("standing_day", q_demo_standing_day, V(h->customer), V((int64_t)d->day),
                V(sums->contacts), V(sums->orders), V(sums->discounted), V(sums->spent),
                V(sums->returned), V(sums->discount));
    }
    standing_judge(&s, f->house, f->cx->now_ms);
    TRY(fill_doc(f));
    return bulk_row(f->bulk, f->cx, "standing", &q_demo_standing, standing_args(f->row_arena, &s));
}

static enum err fill_products(struct filler *f)
{
    f->products = ARENA_ARRAY(f->arena, f->retail->n_products, int64_t);
    int64_t *prices = ARENA_ARRAY(f->arena, f->retail->n_products, int64_t);
    for (size_t i = 0; i < f->retail->n_orders; i++)
        for (size_t k = 0; k < f->retail->orders[i].n_lines; k++)
            prices[f->retail->orders[i].lines[k].product] = f->retail->orders[i].lines[k].pence;
    for (size_t i = 0; i < f->retail->n_products; i++) {
        f->products[i] = new_id(f);
        ROW("product", q_demo_product, V(f->products[i]), V(f->retail->products[i].sku),
            V(f->retail->products[i].name), V(prices[i]), V(f->currency), V(""),
            V(product_folded(f->row_arena, f->retail->products[i].sku,
                             f->retail->products[i].name)));
        arena_reset(f->row_arena);
    }
    return OK;
}

/* ---- begin and end --------------------------------------------------------------------------------------------- */

static const struct field demo_count_fields[] = {FIELD(struct demo_count, n)};
const struct shape demo_count_shape = SHAPE("demo_count", struct demo_count, demo_count_fields);

enum err fill_begin(struct filler *f, struct store *s, struct cx *cx, uint64_t seed,
                    const struct demo_progress *p)
{
    int64_t n = 0;
    TRY(db_int(cx, &q_demo_is_empty, &n, NO_ARGS));
    if (n)
        return fault(cx, ERR_CONFLICT, M_DEMO_NOT_EMPTY);
    *f = (struct filler){.cx = cx,
                         .chance = seed,
                         .progress = p,
                         .currency = f->currency,
                         .time_zone = f->time_zone};
    f->arena = arena_open((size_t)512 << 20);
    f->row_arena = arena_open(64u << 20);
    if (!f->arena || !f->row_arena)
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    f->people = people_open(f->arena);
    f->retail = retail_open(f->arena);
    f->known = ARENA_ARRAY(f->arena, KEYS_SLOTS, struct known_keys);
    f->house = settings_current(cx);
    TRY(bulk_begin(s, cx, &f->bulk));
    ROW("standing_turn", q_demo_turn, V((int64_t)when_day((when){cx->now_ms}, f->time_zone)));
    return fill_products(f);
}

enum err fill_end(struct filler *f)
{
    if (!db_is_postgres(f->cx)) /* its many small lists as one */
        TRY(bulk_row(f->bulk, f->cx, "search_gram", &q_search_settle, NO_ARGS));
    return bulk_end(f->bulk, f->cx);
}

void fill_close(struct filler *f)
{
    arena_close(f->arena);
    arena_close(f->row_arena);
}

/* ---- the generator ----------------------------------------------------------------------------------------------- */

/* Orders, and the last one's number and product for what is said of it. */
static enum err generated_orders(struct filler *f, struct history *h, int64_t created_ms,
                                 str *number, str *product)
{
    static const uint8_t many[] = {0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 4, 4, 5, 5};
    size_t n = many[chance_below(&f->chance, COUNT(many))];
    for (size_t i = 0; i < n; i++) {
        const struct retail_order *like =
            &f->retail->orders[chance_below(&f->chance, f->retail->n_orders)];
        int64_t at =
            created_ms + (int64_t)chance_below(&f->chance, (uint64_t)(f->cx->now_ms - created_ms));
        *number = arena_printf(f->row_arena, "G%07lld", (long long)++f->order_number);
        *product = f->retail->products[like->lines[0].product].name;
        struct order_made o = {.number = *number,
                               .at_ms = at,
                               .status = S("delivered"),
                               .payment = S("card"),
                               .lines = like->lines,
                               .n_lines = like->n_lines < 2 ? like->n_lines
                                                            : 1 + chance_below(&f->chance, 2)};
        TRY(fill_order(f, h, &o, NULL));
    }
    return OK;
}

static int by_time(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Calls show the number, letters the address; in a chat the customer gives his address if he has one. */
static enum err generated_contacts(struct filler *f, struct history *h, const struct person *p,
                                   str number, str product, struct handle_made *phone,
                                   struct handle_made *email)
{
    static const char *const channels[] = {"call", "email", "chat"};
    enum { MOST = 6 };
    int64_t at[MOST];
    size_t n = chance_below(&f->chance, MOST + 1);
    for (size_t i = 0; i < n; i++)
        at[i] = phone->first_ms +
                (int64_t)chance_below(&f->chance, (uint64_t)(f->cx->now_ms - phone->first_ms));
    qsort(at, n, sizeof *at, by_time);
    for (size_t i = 0; i < n; i++) {
        const char *channel = channels[chance_below(&f->chance, email ? COUNT(channels) : 1)];
        struct handle_made *by = channel == channels[0] ? phone : email;
        assert(by);
        struct line_made line = {.channel = channel,
                                 .matched_by = identity_type_codes[by->type],
                                 .at_ms = at[i],
                                 .text = fill_phrase(f, channel, p->lang, number, product)};
        TRY(fill_interaction(f, h, &line, NULL));
        fill_seen(&by->last_ms, at[i]);
    }
    return OK;
}

static enum err generated_customer(struct filler *f, int64_t i)
{
    static const char *const domains[] = {"mail.example", "post.example", "inbox.example",
                                          "letters.example"};
    struct arena *a = f->row_arena;
    assert(f->people);
    const struct culture *c = &f->people->cultures[generated_culture(i)];
    const struct town *t = &c->towns[chance_below(&f->chance, c->n_towns)];
    struct person p;
    if (i % 12 == 7) {
        fill_firm(f, c, t, &p);
        p.name = arena_printf(a, SFMT " %lld", SARG(p.name), (long long)i);
    } else {
        fill_person(f, c, t, &p);
    }
    int64_t created =
        f->cx->now_ms - DAY_MS - (int64_t)chance_below(&f->chance, 1095 * (uint64_t)DAY_MS);
    struct history h = {.first_ms = created, .kind = p.kind};
    struct generated_phone number = generated_phone(i), shown = generated_shown(i);
    str address = arena_printf(a, SFMT ".%lld@%s", SARG(p.latin), (long long)i, domains[i % 4]);
    str card = arena_printf(a, "7%09lld", (long long)i);
    struct handle_made phone = {.type = IDENTITY_PHONE,
                                .value = str_of(number.text),
                                .given = str_of(number.text),
                                .shown = str_of(shown.text),
                                .state = "confirmed",
                                .source = "call",
                                .first_ms = created,
                                .last_ms = created};
    struct handle_made email = {.type = IDENTITY_EMAIL,
                                .value = address,
                                .given = address,
                                .state = "confirmed",
                                .source = "email",
                                .first_ms = created,
                                .last_ms = created};
    struct handle_made loyalty = {.type = IDENTITY_CARD,
                                  .value = card,
                                  .given = card,
                                  .state = "confirmed",
                                  .source = "purchase",
                                  .first_ms = created,
                                  .last_ms = created};
    bool has_email = fill_chance(f, 85), has_card = fill_chance(f, 15);

    TRY(fill_customer(f, &p, created, &h.customer));
    str order = S("G0000001"), product = f->retail->products[0].name;
    TRY(generated_orders(f, &h, created, &order, &product));
    TRY(generated_contacts(f, &h, &p, order, product, &phone, has_email ? &email : NULL));
    TRY(fill_identity(f, h.customer, &phone));
    if (has_email)
        TRY(fill_identity(f, h.customer, &email));
    if (has_card)
        TRY(fill_identity(f, h.customer, &loyalty));
    return fill_history(f, &h);
}

enum err demo_fill_generated(struct store *s, struct cx *cx, int64_t n, uint64_t seed,
                             const struct demo_progress *progress, struct demo_filled *out)
{
    const struct settings *house = settings_current(cx);
    CLEANUP(fill_close)
    struct filler f = {.currency = str_of(house->base_currency.code),
                       .time_zone = house->time_zone};
    TRY(fill_begin(&f, s, cx, seed, progress));
    for (int64_t i = 0; i < n; i++) {
        TRY(generated_customer(&f, i));
        arena_reset(f.row_arena);
        if (progress && progress->tell && i % 1000 == 999)
            progress->tell(progress->arg, i + 1, n);
    }
    TRY(fill_end(&f));
    *out = f.filled;
    return OK;
}
