/* The livelier people of the demo company: what they write and buy, and what the house did about some of them. */
#include "app/demo/lively.h"
#include "net/route.h"
#include "queries.h"
#include "rooms/automation/automation.h"
#include "rooms/evidence/evidence.h"
#include "rooms/risk/risk.h"
#include "rooms/segment/segment.h"

#define ROW(table, q, ...) TRY(bulk_row(f->bulk, f->cx, table, &(q), ARGS(__VA_ARGS__)))

/* ---- who --------------------------------------------------------------------------------------- */

struct line_said {
    int days; /* ago */
    const char *channel, *text;
    int impression; /* of the colleague who took the call */
};
struct line_bought {
    int days;
    const char *sku;
    unsigned quantity, pence, discount_of_100;
};
enum { SAID = 5, BOUGHT = 3 };
static const struct one {
    const char *culture, *name, *reading, *given, *family, *address, *lang, *time_zone, *country,
        *city, *phone, *email;
    struct line_said said[SAID];
    struct line_bought bought[BOUGHT];
} cast[] = {
    /* likes to talk */
    {.culture = "en",
     .name = "Margaret Ellison",
     .given = "Margaret",
     .family = "Ellison",
     .lang = "en",
     .time_zone = "Europe/London",
     .country = "GB",
     .city = "Leeds",
     .phone = "+441134960801",
     .email = "margaret.ellison@post.example",
     .said = {{62, "email",
               "Good morning! Everything arrived safely. Is Dana married yet? Have you been to "
               "Whitby lately?"},
              {40, "email",
               "May I speak to Dana when I ring tomorrow? Do you like cricket? Have you heard "
               "about the vicar?"},
              {21, "email",
               "It was so nice to talk to Dana again. Was it cold where you are? Did he ever say "
               "so himself?"},
              {6, "email", "I told my friends at the choir about you. Who taught you to write?"}},
     .bought = {{110, "71053", 4, 425, 0}, {9, "22464", 6, 195, 0}}},
    {.culture = "ja",
     .name = "高橋 節子",
     .reading = "タカハシ セツコ",
     .given = "節子",
     .family = "高橋",
     .address = "様",
     .lang = "ja",
     .time_zone = "Asia/Tokyo",
     .country = "JP",
     .city = "東京",
     .phone = "+81305559901",
     .email = "setsuko.takahashi@letters.example",
     .said = {{75, "email", "佐藤さんをお願いします。先日のランタン、とても気に入っています。"},
              {30, "call", "ランタンの色の話から、お孫さんの話まで。最後に二つ注文。",
               IMPRESSION_CHATTY},
              {12, "email", "佐藤さんとお話しできてうれしかったです。友人に紹介しました。"}},
     .bought = {{90, "22464", 4, 195, 0}, {30, "22224", 2, 295, 0}}},
    {.culture = "ru",
     .name = "Тамара Белова",
     .given = "Тамара",
     .family = "Белова",
     .address = "Тамара Николаевна",
     .lang = "ru",
     .time_zone = "Europe/Moscow",
     .country = "RU",
     .city = "Санкт-Петербург",
     .phone = "+78120009901",
     .email = "tamara.belova@mail.example",
     .said = {{80, "email", "Здравствуйте! Позовите, пожалуйста, Ольгу, она всё знает."},
              {33, "email", "Хотела бы поговорить с Ольгой, спокойно, без спешки."},
              {9, "email", "Рассказала подругам о вас, теперь и они хотят фонари."}},
     .bought = {{81, "22464", 3, 195, 0}}},
    /* price-minded */
    {.culture = "zh",
     .name = "王建军",
     .given = "建军",
     .family = "王",
     .address = "先生",
     .lang = "zh",
     .time_zone = "Asia/Shanghai",
     .country = "CN",
     .city = "上海",
     .phone = "+862105559901",
     .email = "wang.jianjun@inbox.example",
     .said = {{50, "email", "能便宜点吗？我上次也在你们这里买过。"},
              {20, "chat", "再便宜一点，下次多买。"}},
     .bought = {{120, "71053", 6, 425, 20}, {49, "22464", 12, 195, 25}, {19, "22224", 6, 295, 20}}},
    {.culture = "kk",
     .name = "Ерлан Мұратов",
     .given = "Ерлан",
     .family = "Мұратов",
     .lang = "kk",
     .time_zone = "Asia/Almaty",
     .country = "KZ",
     .city = "Астана",
     .phone = "+77172009901",
     .email = "erlan.muratov@post.example",
     .said = {{64, "email", "Сәлеметсіздер ме! Осы шамдарға жеңілдік жасап бересіз бе?"},
              {18, "email", "Арзанырақ болмай ма? Келесі жолы көп аламын."}},
     .bought = {{60, "22464", 8, 195, 0}}},
    {.culture = "en",
     .name = "Kevin Marsh",
     .given = "Kevin",
     .family = "Marsh",
     .lang = "en",
     .time_zone = "America/Chicago",
     .country = "US",
     .city = "Chicago",
     .phone = "+13125550142",
     .email = "kevin.marsh@inbox.example",
     .said = {{44, "email", "Is there any discount for somebody who comes back?"},
              {7, "call", "Asked for a better price on the lanterns, took the sale ones.",
               IMPRESSION_FREELOADER}},
     .bought = {{130, "71053", 2, 425, 30}, {43, "22224", 4, 295, 30}}},
    /* needs time */
    {.culture = "en",
     .name = "Gerald Pickering",
     .given = "Gerald",
     .family = "Pickering",
     .lang = "en",
     .time_zone = "Europe/London",
     .country = "GB",
     .city = "London",
     .phone = "+442079460805",
     .email = "gerald.pickering@letters.example",
     .said = {{58, "email",
               "I asked around, and another shop has the same lantern. You are too expensive. Do "
               "you follow cricket?"},
              {37, "email",
               "Still very expensive, I see. Have you ever lived abroad? Are you married?"},
              {16, "email",
               "Overpriced, and I saw the same elsewhere. Was it cold where you are? Who taught "
               "you to write?"},
              {4, "email", "Have you heard about the vicar? I shall ring again."}}},
    {.culture = "ru",
     .name = "Виктор Зуев",
     .given = "Виктор",
     .family = "Зуев",
     .address = "Виктор Андреевич",
     .lang = "ru",
     .time_zone = "Asia/Novosibirsk",
     .country = "RU",
     .city = "Новосибирск",
     .phone = "+73830009901",
     .email = "viktor.zuev@mail.example",
     .said = {{66, "email", "Дорого. В другом магазине такие же вдвое меньше."},
              {30, "email", "Опять дорого! У конкурентов отдали бы за полцены."},
              {8, "email", "Слишком дорого, обдираловка. Безобразие, а не магазин!"}}},
    /* considering */
    {.culture = "en",
     .name = "Emily Novak",
     .given = "Emily",
     .family = "Novak",
     .lang = "en",
     .time_zone = "America/Los_Angeles",
     .country = "US",
     .city = "Seattle",
     .phone = "+12065550147",
     .email = "emily.novak@mail.example",
     .said = {{24, "email", "What size is the white metal lantern? Which colours are in stock?"},
              {10, "email",
               "How long does delivery to Seattle take? Can I return what does not suit?"},
              {3, "email", "Is there a sample for a café with twelve tables?"}}},
    {.culture = "ja",
     .name = "中村 健太",
     .reading = "ナカムラ ケンタ",
     .given = "健太",
     .family = "中村",
     .address = "様",
     .lang = "ja",
     .time_zone = "Asia/Tokyo",
     .country = "JP",
     .city = "大阪",
     .phone = "+81605559902",
     .email = "kenta.nakamura@post.example",
     .said = {{20, "email", "白いランタンのサイズを教えてください。防水ですか。"},
              {8, "email", "大阪までの送料はいくらですか。返品はできますか。"},
              {2, "email", "見本を一つ試すことはできますか。"}}},
    {.culture = "kk",
     .name = "Айгүл Серікова",
     .given = "Айгүл",
     .family = "Серікова",
     .lang = "kk",
     .time_zone = "Asia/Almaty",
     .country = "KZ",
     .city = "Алматы",
     .phone = "+77270009903",
     .email = "aigul.serikova@inbox.example",
     .said = {{14, "email", "Ақ шамның өлшемі қандай? Басқа түсі бар ма?"},
              {5, "email", "Алматыға жеткізу қанша тұрады? Сынақ үлгісі бар ма?"}}},
    /* needs time, or is considering */
    {.culture = "en",
     .name = "Olivia Hartnell",
     .given = "Olivia",
     .family = "Hartnell",
     .lang = "en",
     .time_zone = "Australia/Sydney",
     .country = "AU",
     .city = "Sydney",
     .phone = "+61255501234",
     .email = "olivia.hartnell@letters.example",
     .said = {{26, "email",
               "That is rather expensive. What size is the large lantern? Do you follow cricket?"},
              {11, "email", "Quite expensive still. How long does delivery take? Are you married?"},
              {4, "email",
               "Too expensive for me alone, so we may share. Which colours are in stock? Have you "
               "ever lived abroad?"}}},
    /* to be checked first */
    {.culture = "en",
     .name = "Brian Castell",
     .given = "Brian",
     .family = "Castell",
     .lang = "en",
     .time_zone = "America/New_York",
     .country = "US",
     .city = "Boston",
     .phone = "+447700900855",
     .email = "b.castell.77@inbox.example",
     .said = {{1, "chat", "I have just placed an order. Ship it today, I need it tomorrow."}}},
    {.culture = "ru",
     .name = "Йцукен Фыва",
     .given = "Йцукен",
     .family = "Фыва",
     .lang = "ru",
     .time_zone = "Europe/Moscow",
     .country = "RU",
     .city = "Москва",
     .phone = "+74950009907",
     .email = "qwerty.4471@post.example",
     .said = {{1, "email", "Срочно отправьте заказ."}}},
    {.culture = "de",
     .name = "Rita Holm",
     .given = "Rita",
     .family = "Holm",
     .lang = "de",
     .time_zone = "Europe/Berlin",
     .country = "DE",
     .city = "Hamburg",
     .phone = "+494066969801",
     .email = "rita.holm.shop@letters.example",
     .said = {{2, "email", "Guten Tag, ich möchte noch einmal bestellen, diesmal auf Rechnung."}}},
};
enum {
    MARGARET,
    SETSUKO,
    TAMARA,
    WANG,
    ERLAN,
    KEVIN,
    GERALD,
    VIKTOR,
    EMILY,
    KENTA,
    AIGUL,
    OLIVIA,
    BRIAN,
    RING,
    RITA
};
_Static_assert(COUNT(cast) <= LIVELY_MAX, "room for everybody");

const char *const lively_callers[LIVELY_CALLERS] = {
    "+441134960801", "+447700900855", "+13125550142", "+442079460805",
    "+12065550147",  "+61255501234",  "+81305559901"};

size_t lively_numbers(const char *out[LIVELY_MAX])
{
    for (size_t i = 0; i < COUNT(cast); i++)
        out[i] = cast[i].phone;
    return COUNT(cast);
}

/* ---- their rows ------------------------------------------------------------------------------------ */

static str text_of(const char *s)
{
    return s ? str_of(s) : S("");
}

/* At a working hour, so many days ago. */
static int64_t at_of(const struct filler *f, int days)
{
    return f->cx->now_ms - (int64_t)days * DAY_MS - 47 * 60000;
}

static uint32_t product_of(const struct filler *f, const char *sku)
{
    for (size_t i = 0; i < f->retail->n_products; i++)
        if (str_eq(f->retail->products[i].sku, str_of(sku)))
            return (uint32_t)i;
    assert(false && "an article that the shop had");
    return 0;
}

/* Who took his call. */
static int64_t taker_of(const struct lively *l, size_t who)
{
    return l->staff[strcmp(cast[who].lang, "ja") == 0 ? LIVELY_SATO : LIVELY_DANA];
}

static enum err call_of(struct lively *l, size_t who, struct history *h, const struct line_said *s,
                        int64_t at)
{
    struct filler *f = l->f;
    const struct one *o = &cast[who];
    int64_t by = taker_of(l, who), interaction = 0;
    l->calls[who] = id_new(f->cx->now_ms);
    struct line_made line = {
        .channel = "call", .matched_by = "phone", .at_ms = at, .staff = by, .ref = l->calls[who]};
    TRY(fill_interaction(f, h, &line, &interaction));
    str shown = phone_read(f->row_arena, str_of(o->phone), S("")).national;
    ROW("call", q_demo_call, V(l->calls[who]), V(l->link),
        V(arena_printf(f->row_arena, "demo-%lld", (long long)l->calls[who])), V("in"), V("ended"),
        V(shown), V(o->phone), V("+442079460100"), V("sales"), V(h->customer), V(at), V(at + 5000),
        V(at + 425000), V(by), V("normalClearing"), V("solved"), V(s->text), V(s->impression),
        V(at + 460000), V(interaction));
    return OK;
}

static enum err said_of(struct lively *l, size_t who, struct history *h)
{
    for (size_t i = 0; i < SAID && cast[who].said[i].text; i++) {
        const struct line_said *s = &cast[who].said[i];
        int64_t at = at_of(l->f, s->days);
        struct line_made line = {.channel = s->channel,
                                 .matched_by = strcmp(s->channel, "email") == 0 ? "email" : "phone",
                                 .at_ms = at,
                                 .text = str_of(s->text)};
        if (strcmp(s->channel, "call") == 0)
            TRY(call_of(l, who, h, s, at));
        else
            TRY(fill_interaction(l->f, h, &line, NULL));
    }
    return OK;
}

static enum err bought_of(struct lively *l, size_t who, struct history *h)
{
    struct filler *f = l->f;
    for (size_t i = 0; i < BOUGHT && cast[who].bought[i].sku; i++) {
        const struct line_bought *b = &cast[who].bought[i];
        struct retail_line line = {product_of(f, b->sku), b->quantity, b->pence};
        int64_t at = at_of(f, b->days);
        struct order_made made = {
            .number = arena_printf(f->row_arena, "%lld", 100000LL + ++f->order_number),
            .at_ms = at,
            .due_ms = at + 4 * DAY_MS,
            .status = S("delivered"),
            .payment = S("card"),
            .discount = (int64_t)b->quantity * b->pence * b->discount_of_100 / 100,
            .lines = &line,
            .n_lines = 1};
        TRY(fill_order(f, h, &made, NULL));
    }
    return OK;
}

static enum err handles_of(struct lively *l, size_t who, const struct history *h)
{
    const struct one *o = &cast[who];
    struct filler *f = l->f;
    struct phone p = phone_read(f->row_arena, str_of(o->phone), S(""));
    struct handle_made phone = {.type = IDENTITY_PHONE,
                                .value = p.e164,
                                .given = p.national,
                                .shown = p.national,
                                .state = "claimed",
                                .source = "order",
                                .first_ms = h->first_ms,
                                .last_ms = h->last_ms},
                       email = {.type = IDENTITY_EMAIL,
                                .value = str_of(o->email),
                                .given = str_of(o->email),
                                .state = "claimed",
                                .source = "email",
                                .first_ms = h->first_ms,
                                .last_ms = h->last_ms};
    TRY(fill_identity(f, h->customer, &phone));
    return fill_identity(f, h->customer, &email);
}

enum err lively_fill(struct lively *l)
{
    struct filler *f = l->f;
    for (size_t i = 0; i < COUNT(cast); i++) {
        const struct one *o = &cast[i];
        int first = o->said[0].days > o->bought[0].days ? o->said[0].days : o->bought[0].days;
        struct person p = {.kind = CUSTOMER_PERSON,
                           .culture = people_culture(f->people, o->culture),
                           .name = text_of(o->name),
                           .reading = text_of(o->reading),
                           .given = text_of(o->given),
                           .family = text_of(o->family),
                           .form_of_address = text_of(o->address),
                           .lang = text_of(o->lang),
                           .time_zone = text_of(o->time_zone),
                           .country = text_of(o->country),
                           .city = text_of(o->city)};
        struct history h = {.first_ms = at_of(f, first), .kind = p.kind};
        TRY(fill_customer(f, &p, h.first_ms, &h.customer));
        l->customers[i] = h.customer;
        TRY(bought_of(l, i, &h));
        TRY(said_of(l, i, &h));
        TRY(handles_of(l, i, &h));
        TRY(fill_history(f, &h));
        arena_reset(f->row_arena);
    }
    return OK;
}

/* ---- what the house did: requests as its people would send them ---------------------------------------- */

struct ask {
    const struct room *room;
    const char *path;
    enum http_method method;
    enum lively_staff by;
    size_t who; /* of the path */
    const char *body;
};
#define NOBODY LIVELY_MAX
/* clang-format off */
static const struct ask asks[] = {
    {&automation_room, "/api/v1/automations", HTTP_POST, LIVELY_MANAGER, NOBODY,
     "{\"name\":\"Offer a sample to who is considering\",\"event\":\"customer.judged\",\"where\":\"class = interested\",\"again_days\":90,\"is_on\":true,"
     "\"actions\":[{\"kind\":\"tag\",\"tag\":\"sample offered\"},{\"kind\":\"task\",\"text\":\"Offer a sample set\",\"priority\":\"ordinary\",\"days\":1}]}"},
    {&automation_room, "/api/v1/automations", HTTP_POST, LIVELY_MANAGER, NOBODY,
     "{\"name\":\"Likes to talk: ask for a referral\",\"event\":\"customer.judged\",\"where\":\"class = chatty\",\"again_days\":180,\"is_on\":true,"
     "\"actions\":[{\"kind\":\"notify\",\"text\":\"Ask whether they would recommend us\",\"to\":\"responsible\"}]}"},
    {&segment_room, "/api/v1/segments", HTTP_POST, LIVELY_MANAGER, NOBODY,
     "{\"name\":\"Bought much, long not seen\",\"text\":\"spent > 1000 GBP and last_order_at < now - 120d\"}"},
    {&segment_room, "/api/v1/segments", HTTP_POST, LIVELY_MANAGER, NOBODY,
     "{\"name\":\"Returned something this month\",\"text\":\"returned_30d > 0\"}"},
    {&evidence_room, "/api/v1/competitors", HTTP_PUT, LIVELY_MANAGER, NOBODY, "{\"names\":[\"Lamplight & Co\",\"Bright Attic\"]}"},
    {&risk_room, "/api/v1/risk/blocks", HTTP_POST, LIVELY_RISK, NOBODY,
     "{\"kind\":\"email\",\"value\":\"rita.holm.shop@letters.example\",\"reason\":\"Three orders called back by the bank in spring, the goods were kept\"}"},
    {&risk_room, "/api/v1/customers/{id}/abuse-reports", HTTP_POST, LIVELY_DANA, KEVIN,
     "{\"text\":\"A lady from Denver says he sold her our lanterns at a fair as his own work, took the money and never sent them.\",\"reporter\":\"a buyer at a fair\"}"},
    /* the card of somebody else, from another country, for a large order that must go today */
    {&risk_room, "/api/v1/screen", HTTP_POST, LIVELY_RISK, NOBODY,
     "{\"id\":\"web-90211\",\"customer\":{\"name\":\"Brian Castell\",\"email\":\"b.castell.77@inbox.example\",\"phone\":\"+447700900855\",\"country\":\"US\","
     "\"city\":\"Boston\",\"language\":\"en\",\"time_zone\":\"Europe/Berlin\"},\"device\":\"5e1fc0a7d2\",\"form_seconds\":11,"
     "\"payment\":{\"method\":\"card\",\"card_name\":\"H VOGEL\",\"card_country\":\"DE\",\"card_fingerprint\":\"tok_8c41f7aa\"},"
     "\"order\":{\"total\":980000,\"currency\":\"GBP\",\"express\":true}}"},
    /* one device, one hour, three names, three cards */
    {&risk_room, "/api/v1/screen", HTTP_POST, LIVELY_RISK, NOBODY,
     "{\"id\":\"web-90214\",\"customer\":{\"name\":\"Marta Olsen\",\"email\":\"qwerty.4469@post.example\",\"country\":\"RU\",\"city\":\"Москва\"},"
     "\"device\":\"19c7b0e4f3\",\"payment\":{\"method\":\"card\",\"card_name\":\"I ROTARU\",\"card_fingerprint\":\"tok_11d0\"}}"},
    {&risk_room, "/api/v1/screen", HTTP_POST, LIVELY_RISK, NOBODY,
     "{\"id\":\"web-90215\",\"customer\":{\"name\":\"Pavel Lind\",\"email\":\"qwerty.4470@post.example\",\"country\":\"RU\",\"city\":\"Москва\"},"
     "\"device\":\"19c7b0e4f3\",\"payment\":{\"method\":\"card\",\"card_name\":\"S KRAUSE\",\"card_fingerprint\":\"tok_22e1\"}}"},
    {&risk_room, "/api/v1/screen", HTTP_POST, LIVELY_RISK, NOBODY,
     "{\"id\":\"web-90216\",\"customer\":{\"name\":\"Йцукен Фыва\",\"email\":\"qwerty.4471@post.example\",\"phone\":\"+74950009907\",\"country\":\"RU\",\"city\":\"Москва\"},"
     "\"device\":\"19c7b0e4f3\",\"form_seconds\":6,\"payment\":{\"method\":\"card\",\"card_name\":\"T MORI\",\"card_fingerprint\":\"tok_33f2\"}}"},
};
/* clang-format on */

struct asked {
    const struct route *route;
    void *in, *out;
};

static enum err ask_apply(struct cx *cx, void *state)
{
    const struct asked *a = state;
    return a->route->apply(cx, a->in, a->out);
}

static const struct route *route_of(const struct ask *a)
{
    for (size_t i = 0; i < a->room->n; i++)
        if (a->room->routes[i].method == a->method && strcmp(a->room->routes[i].path, a->path) == 0)
            return &a->room->routes[i];
    assert(false && "a door that the room has");
    return a->room->routes;
}

/* As the gate does it: decoded by the row's shape, planned on a reader, applied on the writer. */
static enum err ask_one(struct store *s, struct cx *cx, const struct ask *a, int64_t customer)
{
    struct asked q = {.route = route_of(a)};
    const struct shape *in = q.route->in;
    q.in = arena_alloc(cx->arena, 1, in->size);
    q.out = arena_alloc(cx->arena, 1, q.route->out->size);
    TRY(json_read(cx, in, str_of(a->body), q.in, &cx->sent));
    for (size_t i = 0; customer && i < in->n; i++)
        if (in->fields[i].in_path)
            TRY(field_read(cx, &in->fields[i], id_text(cx->arena, "cus", customer), q.in));
    if (q.route->plan)
        TRY(q.route->plan(cx, q.in, q.out));
    read_end(cx);
    return db_change(s, cx, LANE_INTERACTIVE, ask_apply, &q);
}

/* A fill tells of nobody by an event: that there is something to read of them is said here. */
static enum err impress(struct cx *cx, void *state)
{
    const struct lively *l = state;
    const int64_t now = cx->now_ms;
    TRY(rules_due_untold(cx, l->customers, COUNT(cast)));
    for (size_t i = 0; i < COUNT(cast); i++)
        for (size_t k = 0; k < SAID && l->calls[i]; k++) {
            struct impression_new n = {.customer = {l->customers[i]},
                                       .impression = cast[i].said[k].impression,
                                       .source = l->calls[i],
                                       .staff = {taker_of(l, i)}};
            cx->now_ms = at_of(l->f, cast[i].said[k].days); /* it was had then */
            enum err e = n.impression ? impression_put(cx, &n) : OK;
            cx->now_ms = now;
            TRY(e);
        }
    return OK;
}

enum err lively_act(struct lively *l, struct store *s, struct cx *cx)
{
    static const enum role roles[] = {[LIVELY_OWNER] = ROLE_OWNER,
                                      [LIVELY_MANAGER] = ROLE_MANAGER,
                                      [LIVELY_DANA] = ROLE_OPERATOR,
                                      [LIVELY_SATO] = ROLE_OPERATOR,
                                      [LIVELY_RISK] = ROLE_RISK};
    const struct actor self = cx->actor;
    enum err e = db_change(s, cx, LANE_INTERACTIVE, impress, l);
    for (size_t i = 0; i < COUNT(asks) && e == OK; i++) {
        const struct ask *a = &asks[i];
        cx->actor = (struct actor){
            .kind = ACTOR_STAFF, .id = l->staff[a->by], .role = roles[a->by], .name = S("")};
        e = ask_one(s, cx, a, a->who == NOBODY ? 0 : l->customers[a->who]);
    }
    cx->actor = self;
    return e;
}
