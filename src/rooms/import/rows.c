/* rooms/import/rows.c - the cells of a row into an intake or an order. */
#include "base/person.h"
#include "messages.h"
#include "rooms/import/inside.h"

enum { IDENTITIES_MAX = 16, TAGS_MAX = 20, QUANTITY_MAX = 1000000 };

/* ---- single cells ------------------------------------------------------------------------------- */

static const struct {
    uint32_t most; /* characters */
    bool lines;    /* line ends stay */
} room[TARGET_N] = {
    [TO_NAME] = {500, false},
    [TO_READING] = {500, false},
    [TO_COMPANY] = {500, false},
    [TO_ADDRESS] = {500, false},
    [TO_FORM_OF_ADDRESS] = {100, false},
    [TO_LANGUAGE] = {80, false},
    [TO_TIME_ZONE] = {64, false},
    [TO_COUNTRY] = {100, false},
    [TO_POSTAL] = {20, false},
    [TO_PHONE] = {500, false},
    [TO_EMAIL] = {1000, false},
    [TO_SUBJECT] = {1000, true},
    [TO_OCCUPATION] = {100, false},
    [TO_TEXT] = {200000, true},
    [TO_NUMBER] = {64, false},
    [TO_SKU] = {64, false},
    [TO_PRODUCT] = {300, false},
    [TO_PAYMENT_METHOD] = {60, false},
    [TO_TAGS] = {2000, false},
};

static enum err cell_fault(struct cx *cx, int target, uint16_t msg, str value)
{
    (void)fault(cx, ERR_INVALID, msg, MARG("value", str_clean(cx->arena, value, 60)));
    return fault_at(cx, ERR_INVALID, str_of(import_target_codes[target]));
}

/* Line ends and tabs of a cell that is one line become a comma or a blank. */
static enum err one_line(struct cx *cx, int target, str *cell)
{
    bool has_control = false;
    for (size_t i = 0; i < cell->len && !has_control; i++)
        has_control = (unsigned char)cell->ptr[i] < 0x20 || cell->ptr[i] == 0x7f;
    if (!has_control)
        return OK;
    char *p = arena_alloc(cx->arena, cell->len * 2 + 1, 1);
    size_t n = 0;
    for (size_t i = 0; i < cell->len; i++) {
        char c = cell->ptr[i];
        bool is_line = c == '\n' || c == '\r';
        if (is_line && room[target].lines) {
            if (c == '\n' || i + 1 == cell->len || cell->ptr[i + 1] != '\n')
                p[n++] = '\n';
        } else if (is_line) {
            if (n && p[n - 1] != ' ') {
                if (target == TO_ADDRESS && p[n - 1] != ',')
                    p[n++] = ',';
                p[n++] = ' ';
            }
        } else if (c == '\t') {
            p[n++] = room[target].lines ? '\t' : ' ';
        } else if ((unsigned char)c < 0x20 || c == 0x7f) {
            (void)fault(cx, ERR_INVALID, M_IMPORT_CELL_CONTROL,
                        MARG("name", str_of(import_target_codes[target])));
            return fault_at(cx, ERR_INVALID, str_of(import_target_codes[target]));
        } else {
            p[n++] = c;
        }
    }
    *cell = str_trim((str){p, n});
    return OK;
}

static enum err fits(struct cx *cx, int target, str cell)
{
    uint32_t most = room[target].most ? room[target].most : 200;
    if (cell.len <= most || str_chars(cell) <= most)
        return OK;
    (void)fault(cx, ERR_INVALID, M_IMPORT_CELL_LONG,
                MARG("name", str_of(import_target_codes[target])), MNUM("most", most));
    return fault_at(cx, ERR_INVALID, str_of(import_target_codes[target]));
}

/* ---- handles -------------------------------------------------------------------------------------- */

struct handles {
    struct intake_identity *id;
    size_t n;
};

static enum err handle_add(struct cx *cx, struct handles *h, int type, str value)
{
    value = str_trim(value);
    if (value.len == 0)
        return OK;
    for (size_t i = 0; i < h->n; i++)
        if (h->id[i].type == type && str_eq(h->id[i].value, value))
            return OK;
    if (h->n == IDENTITIES_MAX)
        return fault(cx, ERR_INVALID, M_INTAKE_MANY_IDENTITIES, MNUM("most", IDENTITIES_MAX));
    h->id[h->n++] = (struct intake_identity){.type = type, .value = value};
    return OK;
}

static size_t digits_of(str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++)
        n += is_digit(s.ptr[i]);
    return n;
}

/* The next of several in one cell: "a ::: b", "a; b", a line each; commas only between whole ones. */
static str next_of(str *rest, bool is_phone)
{
    for (size_t i = 0; i < rest->len; i++) {
        char c = rest->ptr[i];
        size_t w = str_starts((str){rest->ptr + i, rest->len - i}, S(":::")) ? 3
                   : c == ';' || c == '|'                                    ? 1
                                                                             : 0;
        str head = {rest->ptr, i}, tail = {rest->ptr + i + 1, rest->len - i - 1};
        if (!w && c == ',' && (!is_phone || (digits_of(head) >= 7 && digits_of(tail) >= 7)))
            w = 1;
        if (!w && c == ' ' && !is_phone && str_find(head, S("@")) > 0 && str_find(tail, S("@")) > 0)
            w = 1;
        if (w) {
            *rest = (str){rest->ptr + i + w, rest->len - i - w};
            return head;
        }
    }
    str all = *rest;
    *rest = (str){0};
    return all;
}

static enum err phones_add(struct cx *cx, const struct import_reader *r, struct handles *h,
                           str cell)
{
    while (cell.len) {
        str one = str_trim(next_of(&cell, true));
        /* The house reads numbers by its own region; another one is told by the map. */
        if (one.len && r->map->region.len && one.ptr[0] != '+' &&
            !str_eq_ascii_nocase(r->map->region, r->house->region)) {
            struct phone p = phone_read(cx->arena, one, r->map->region);
            if (p.is_possible)
                one = p.e164;
        }
        TRY(handle_add(cx, h, IDENTITY_PHONE, one));
    }
    return OK;
}

/* "Anna Smith <anna@shop.example>" */
static enum err emails_add(struct cx *cx, struct handles *h, str cell)
{
    while (cell.len) {
        str one = str_trim(next_of(&cell, false));
        ptrdiff_t open = str_find(one, S("<"));
        if (open >= 0 && one.ptr[one.len - 1] == '>')
            one = (str){one.ptr + open + 1, one.len - (size_t)open - 2};
        if (str_starts(one, S("mailto:")))
            one = (str){one.ptr + 7, one.len - 7};
        TRY(handle_add(cx, h, IDENTITY_EMAIL, one));
    }
    return OK;
}

/* ---- words for things of which there are few ------------------------------------------------------ */

static int word_in(str cell, const char *const *words, int n)
{
    for (int i = 0; i < n; i++)
        for (str rest = str_of(words[i]); rest.len;) {
            str word = str_cut(&rest, '|');
            if (str_eq_ascii_nocase(cell, word))
                return i;
        }
    return -1;
}

static const char *const channel_words[CHANNEL_N] = {
    [CHANNEL_CALL] =
        "call|phone|phone call|telephone|inbound call|outbound call|電話|通話|电话|通话|қоңырау|звонок|Звонок|телефон",
    [CHANNEL_EMAIL] =
        "email|e-mail|mail|メール|电子邮件|邮件|пошта|почта|письмо (e-mail)|электронная почта",
    [CHANNEL_CHAT] = "chat|live chat|whatsapp|telegram|sms|message|チャット|聊天|чат|Чат|сообщение",
    [CHANNEL_FAX] = "fax|ファックス|FAX|传真|факс|Факс",
    [CHANNEL_LETTER] = "letter|post|手紙|郵便|信件|信函|хат|письмо|Письмо",
    [CHANNEL_FORM] = "form|web|web form|website|フォーム|表单|网页|пішін|форма|сайт",
    [CHANNEL_VISIT] =
        "visit|meeting|in person|来店|訪問|面談|来访|会面|拜访|келу|кездесу|визит|встреча|Встреча",
    [CHANNEL_ORDER] = "order|注文|订单|тапсырыс|заказ",
    [CHANNEL_PURCHASE] = "purchase|購入|购买|сатып алу|покупка",
    [CHANNEL_SURVEY] = "survey|アンケート|调查|сауалнама|опрос",
    [CHANNEL_NOTE] = "note|comment|task|メモ|备注|ескерту|жазба|заметка|примечание|комментарий",
};
static const char *const direction_words[3] = {
    "in|inbound|incoming|received|着信|受信|呼入|接收|кіріс|входящий|входящее|входящая",
    "out|outbound|outgoing|sent|発信|送信|呼出|发送|шығыс|исходящий|исходящее|исходящая",
    "none|internal|-"};
static const char *const status_words[5] = {
    "open|pending|new|draft|processing|on-hold|unpaid|未払い|処理中|新規|待付款|处理中|жаңа|өңделуде|новый|в обработке|ожидает оплаты",
    "paid|completed payment|sale|支払い済み|支払済|入金済|已付款|төленді|төленген|оплачен|оплачено",
    "shipped|fulfilled|sent|出荷済み|発送済み|发货|已发货|жөнелтілді|отправлен|отгружен",
    "delivered|complete|completed|done|closed|配達済み|完了|已完成|已送达|жеткізілді|доставлен|выполнен|завершён|завершен",
    "cancelled|canceled|refunded|void|voided|cancel|キャンセル|取消|已取消|бас тартылды|отменён|отменен|отмена"};
static const char *const company_words =
    "company|business|organization|organisation|account|legal|legal entity|true|1|yes|法人|会社|企業|公司|企业|单位|компания|ұйым|заңды тұлға|организация|юр|юр.|юрлицо|юр. лицо|юридическое лицо|да";

/* ---- the row ------------------------------------------------------------------------------------------ */

struct cells {
    str one[TARGET_N];
    struct handles handles;
    struct list attributes;
};

static enum err cells_read(struct cx *cx, const struct import_reader *r, const struct csv_row *row,
                           struct cells *c)
{
    const struct import_plan *p = r->plan;
    c->handles.id = ARENA_ARRAY(cx->arena, IDENTITIES_MAX, struct intake_identity);
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++)
        n += p->target[i] == TO_ATTRIBUTE;
    c->attributes.items = n ? ARENA_ARRAY(cx->arena, n, struct import_attribute) : NULL;
    for (size_t i = 0; i < p->n; i++) {
        int t = p->target[i];
        str cell = str_trim(csv_cell_plain(row->cells.items[i]));
        if (t == TO_ATTRIBUTE && cell.len) {
            struct import_attribute *a =
                (struct import_attribute *)c->attributes.items + c->attributes.n++;
            *a = (struct import_attribute){i, cell};
        }
        if (t >= TARGET_N || cell.len == 0)
            continue;
        if (str_eq(cell, S("NULL")) || str_eq(cell, S("\\N")))
            continue;                       /* databases write it for nothing */
        if (t == TO_PHONE || t == TO_EMAIL) /* several lines are several of them */
            for (size_t k = 0; k < cell.len; k++)
                if (cell.ptr[k] == '\n' || cell.ptr[k] == '\r')
                    ((char *)(uintptr_t)cell.ptr)[k] = ';';
        TRY(one_line(cx, t, &cell));
        TRY(fits(cx, t, cell));
        if (t == TO_PHONE)
            TRY(phones_add(cx, r, &c->handles, cell));
        else if (t == TO_EMAIL)
            TRY(emails_add(cx, &c->handles, cell));
        else if (t == TO_SOCIAL)
            TRY(handle_add(cx, &c->handles, IDENTITY_SOCIAL, cell));
        else
            c->one[t] = cell;
    }
    for (int t = 0; t < TARGET_N; t++)
        if (c->one[t].len == 0 && p->value[t].len)
            c->one[t] = p->value[t];
    str id = c->one[TO_EXTERNAL_ID];
    if (id.len && r->map->source.len)
        id = arena_printf(cx->arena, SFMT ":" SFMT, SARG(r->map->source), SARG(id));
    TRY(handle_add(cx, &c->handles, IDENTITY_EXTERNAL, id));
    TRY(handle_add(cx, &c->handles, IDENTITY_ACCOUNT, c->one[TO_ACCOUNT]));
    return handle_add(cx, &c->handles, IDENTITY_CARD, c->one[TO_CARD]);
}

/* As 1990-01-31, whatever it was written like. */
static enum err birth_date_read(struct cx *cx, const struct import_reader *r, struct cells *c)
{
    str *cell = &c->one[TO_BIRTH_DATE];
    when day;
    if (cell->len == 0)
        return OK;
    if (!cell_when(*cell, r->map->dates, S("UTC"), &day))
        return cell_fault(cx, TO_BIRTH_DATE, M_IMPORT_CELL_DATE, *cell);
    str text = when_text(cx->arena, day);
    *cell = (str){text.ptr, 10};
    return OK;
}

static void claims_of(struct cx *cx, const struct cells *c, struct intake_claims *out)
{
    const str *one = c->one;
    *out = (struct intake_claims){
        .name = one[TO_NAME],
        .reading = one[TO_READING],
        .given = one[TO_GIVEN],
        .family = one[TO_FAMILY],
        .patronymic = one[TO_PATRONYMIC],
        .form_of_address = one[TO_FORM_OF_ADDRESS],
        .company = one[TO_COMPANY],
        .lang = one[TO_LANGUAGE].len ? language_code(cx->arena, one[TO_LANGUAGE]) : (str){0},
        .time_zone = one[TO_TIME_ZONE],
        .country = one[TO_COUNTRY].len ? country_code(cx->arena, one[TO_COUNTRY]) : (str){0},
        .region = one[TO_REGION],
        .city = one[TO_CITY],
        .heard_of_us = one[TO_HEARD_OF_US],
        .birth_date = one[TO_BIRTH_DATE],
        .occupation = one[TO_OCCUPATION],
        .address_line = one[TO_ADDRESS],
        .address_postal = one[TO_POSTAL],
        .address_kind = one[TO_ADDRESS_KIND],
    };
    bool has_name = one[TO_NAME].len || one[TO_GIVEN].len || one[TO_FAMILY].len;
    if (one[TO_KIND].len)
        out->kind = word_in(one[TO_KIND], &company_words, 1) == 0 ? S("company") : S("person");
    else if (!has_name && one[TO_COMPANY].len)
        out->kind = S("company");
    if (out->address_kind.len) {
        bool is_known = false;
        for (size_t i = 0; i < COUNT(address_kind_codes); i++)
            is_known |= str_eq_ascii_nocase(out->address_kind, str_of(address_kind_codes[i]));
        if (!is_known)
            out->address_kind =
                str_eq_ascii_nocase(out->address_kind, S("work")) ? S("office") : (str){0};
    }
}

/* 24 hexadecimal digits of the texts. */
static str hash_of(struct cx *cx, const str *texts, size_t n)
{
    size_t len = 0;
    for (size_t i = 0; i < n; i++)
        len += texts[i].len + 1;
    struct text t = text_in(cx->arena, len + 1);
    for (size_t i = 0; i < n; i++) {
        text_add(&t, texts[i]);
        text_add_char(&t, '\n');
    }
    uint8_t h[32];
    sha256(text_str(&t), h);
    struct text hex = text_in(cx->arena, 32);
    for (int i = 0; i < 12; i++)
        text_printf(&hex, "%02x", h[i]);
    return text_str(&hex);
}

static void tags_of(struct cx *cx, str cell, struct str_list *out)
{
    out->items = ARENA_ARRAY(cx->arena, TAGS_MAX, str);
    out->n = 0;
    while (cell.len && out->n < TAGS_MAX) {
        size_t i = 0;
        while (i < cell.len && !memchr(",;|", cell.ptr[i], 3) &&
               !str_starts((str){cell.ptr + i, cell.len - i}, S(":::")))
            i++;
        str tag = str_trim((str){cell.ptr, i});
        size_t w = i < cell.len && cell.ptr[i] == ':' ? 3 : 1;
        cell = i < cell.len ? (str){cell.ptr + i + w, cell.len - i - w} : (str){0};
        if (str_starts(tag, S("* ")))
            tag = (str){tag.ptr + 2, tag.len - 2};
        if (tag.len && str_chars(tag) <= 100)
            out->items[out->n++] = tag;
    }
}

/* Is there a number, an address, a card … that can be read? One that cannot is kept as given, and
 * recognises nobody. */
static bool is_known_by_handle(struct cx *cx, const struct import_reader *r, const struct cells *c)
{
    struct handle h;
    for (size_t i = 0; i < c->handles.n; i++)
        if (handle_read(cx->arena, c->handles.id[i].type, c->handles.id[i].value, r->house->region,
                        &h))
            return true;
    return false;
}

/* What such a row is known again by: all that it says of him. */
static str key_of_words(struct cx *cx, const struct intake_claims *w, const struct cells *c)
{
    str says[10 + IDENTITIES_MAX] = {S("customer"),     w->name,      w->given, w->family,
                                     w->patronymic,     w->company,   w->city,  w->address_line,
                                     w->address_postal, w->birth_date};
    size_t n = 10;
    for (size_t i = 0; i < c->handles.n; i++)
        says[n++] = c->handles.id[i].value;
    return hash_of(cx, says, n);
}

static enum err customer_of(struct cx *cx, const struct import_reader *r, const struct cells *c,
                            struct import_item *out)
{
    const struct intake_claims *w = &out->in.claims;
    if (c->handles.n == 0 && w->name.len + w->given.len + w->family.len + w->company.len == 0)
        return fault(cx, ERR_INVALID, M_IMPORT_ROW_NOBODY);
    if (!is_known_by_handle(cx, r, c))
        out->key = key_of_words(cx, w, c);
    out->in.channel = CHANNEL_NOTE;
    out->in.direction = DIRECTION_NONE;
    out->in.no_interaction = true;
    tags_of(cx, c->one[TO_TAGS], &out->tags);
    out->attributes = c->attributes;
    return OK;
}

static enum err interaction_of(struct cx *cx, const struct import_reader *r, const struct cells *c,
                               struct import_item *out)
{
    const str *one = c->one;
    struct intake *in = &out->in;
    in->channel =
        one[TO_CHANNEL].len ? word_in(one[TO_CHANNEL], channel_words, CHANNEL_N) : CHANNEL_NOTE;
    if (in->channel < 0 || in->channel == CHANNEL_ORDER || in->channel == CHANNEL_PURCHASE)
        return cell_fault(cx, TO_CHANNEL, M_IMPORT_CELL_CHANNEL, one[TO_CHANNEL]);
    in->direction = one[TO_DIRECTION].len         ? word_in(one[TO_DIRECTION], direction_words, 3)
                    : in->channel == CHANNEL_NOTE ? DIRECTION_NONE
                                                  : DIRECTION_IN;
    if (in->direction < 0)
        return cell_fault(cx, TO_DIRECTION, M_IMPORT_CELL_DIRECTION, one[TO_DIRECTION]);
    if (one[TO_AT].len && !cell_when(one[TO_AT], r->map->dates, r->house->time_zone, &in->at))
        return cell_fault(cx, TO_AT, M_IMPORT_CELL_DATE, one[TO_AT]);
    in->subject = one[TO_SUBJECT];
    in->text = one[TO_TEXT];
    if (c->handles.n == 0 && in->claims.name.len + in->claims.given.len + in->claims.family.len +
                                     in->claims.company.len ==
                                 0)
        return fault(cx, ERR_INVALID, M_IMPORT_ROW_NOBODY);
    if (!is_known_by_handle(cx, r, c))
        out->key = key_of_words(cx, &in->claims, c);
    if (one[TO_SOURCE_ID].len) {
        in->source_id = r->map->source.len
                            ? arena_printf(cx->arena, SFMT ":" SFMT, SARG(r->map->source),
                                           SARG(one[TO_SOURCE_ID]))
                            : one[TO_SOURCE_ID];
        return OK;
    }
    str says[TARGET_N + 2 + IDENTITIES_MAX];
    size_t n = 0;
    for (int t = 0; t < TARGET_N; t++)
        says[n++] = one[t];
    for (size_t i = 0; i < c->handles.n; i++)
        says[n++] = c->handles.id[i].value;
    in->source_id = arena_printf(cx->arena, "import:" SFMT, SARG(hash_of(cx, says, n)));
    return OK;
}

static bool quantity_of(str cell, double *out)
{
    int64_t milli = 0;
    if (!cell_amount(cell, 3, &milli) || milli <= 0 || milli > (int64_t)QUANTITY_MAX * 1000)
        return false;
    *out = (double)milli / 1000;
    return true;
}

static enum err order_of(struct cx *cx, const struct import_reader *r, const struct cells *c,
                         struct import_item *out)
{
    const str *one = c->one;
    struct order_new *o = &out->order;
    o->number = one[TO_NUMBER];
    if (o->number.len == 0)
        return cell_fault(cx, TO_NUMBER, M_ORDER_NUMBER, (str){0});
    if (c->handles.n == 0 && out->in.claims.name.len + out->in.claims.given.len +
                                     out->in.claims.family.len + out->in.claims.company.len ==
                                 0)
        return fault(cx, ERR_INVALID, M_IMPORT_ROW_NOBODY);
    currency money_kind;
    str code = one[TO_CURRENCY].len ? one[TO_CURRENCY] : str_of(r->house->base_currency.code);
    char *upper = arena_cstr(cx->arena, code);
    for (char *p = upper; *p; p++)
        if (*p >= 'a' && *p <= 'z')
            *p = (char)(*p - 32);
    if (!currency_parse(str_of(upper), &money_kind))
        return cell_fault(cx, TO_CURRENCY, code.len ? M_ORDER_CURRENCY : M_IMPORT_ROW_CURRENCY,
                          code);
    o->currency = str_of(upper);
    int exponent = currency_exponent(money_kind);
    if (one[TO_AT].len && !cell_when(one[TO_AT], r->map->dates, r->house->time_zone, &o->at))
        return cell_fault(cx, TO_AT, M_IMPORT_CELL_DATE, one[TO_AT]);
    if (one[TO_DUE_AT].len &&
        !cell_when(one[TO_DUE_AT], r->map->dates, r->house->time_zone, &o->due_at))
        return cell_fault(cx, TO_DUE_AT, M_IMPORT_CELL_DATE, one[TO_DUE_AT]);
    o->status = one[TO_STATUS].len ? word_in(one[TO_STATUS], status_words, 5) : ORDER_DELIVERED;
    if (o->status < 0)
        return cell_fault(cx, TO_STATUS, M_IMPORT_CELL_STATUS, one[TO_STATUS]);
    int channel =
        one[TO_CHANNEL].len ? word_in(one[TO_CHANNEL], channel_words, CHANNEL_N) : CHANNEL_ORDER;
    o->channel = channel == CHANNEL_PURCHASE || channel == CHANNEL_VISIT;
    o->payment_method = one[TO_PAYMENT_METHOD];
    if (one[TO_DISCOUNT].len && !cell_amount(one[TO_DISCOUNT], exponent, &o->discount))
        return cell_fault(cx, TO_DISCOUNT, M_IMPORT_CELL_AMOUNT, one[TO_DISCOUNT]);
    o->discount =
        o->discount < 0 ? -o->discount : o->discount; /* some write what comes off with a minus */
    struct order_line_new *l = out->lines = ARENA_NEW(cx->arena, struct order_line_new);
    out->n_lines = 1;
    *l = (struct order_line_new){.sku = one[TO_SKU], .name = one[TO_PRODUCT], .quantity = 1};
    if (one[TO_QUANTITY].len && !quantity_of(one[TO_QUANTITY], &l->quantity))
        return cell_fault(cx, TO_QUANTITY, M_IMPORT_CELL_QUANTITY, one[TO_QUANTITY]);
    if (one[TO_PRICE].len) {
        if (!cell_amount(one[TO_PRICE], exponent, &l->price) || l->price < 0)
            return cell_fault(cx, TO_PRICE, M_IMPORT_CELL_AMOUNT, one[TO_PRICE]);
    } else {
        if (!cell_amount(one[TO_TOTAL], exponent, &l->price) || l->price < 0)
            return cell_fault(cx, TO_TOTAL, M_IMPORT_CELL_AMOUNT, one[TO_TOTAL]);
        l->quantity = 1; /* the whole row for its total, which the discount has come off already */
        l->price += o->discount;
    }
    o->identities = out->in.identities;
    o->claims = out->in.claims;
    o->trust = TRUST_PRESENTED;
    o->staff = out->in.staff;
    o->source = "import";
    o->batch = r->import.v;
    return OK;
}

static enum err read_row(struct cx *cx, const struct import_reader *r, const struct csv_row *row,
                         struct import_item *out)
{
    static const uint16_t faults[CSV_FAULT_N] = {[CSV_NUL] = M_IMPORT_ROW_NUL,
                                                 [CSV_QUOTE_OPEN] = M_IMPORT_ROW_QUOTE_OPEN,
                                                 [CSV_QUOTE_TEXT] = M_IMPORT_ROW_QUOTE_TEXT,
                                                 [CSV_ROW_BIG] = M_IMPORT_ROW_BIG,
                                                 [CSV_CELL_BIG] = M_IMPORT_ROW_CELL_BIG};
    if (row->fault == CSV_NOT_ENCODING)
        return fault(cx, ERR_INVALID, M_IMPORT_ROW_ENCODING,
                     MARG("encoding", str_of(csv_encoding_codes[r->map->encoding])));
    if (row->fault == CSV_MANY_COLUMNS)
        return fault(cx, ERR_INVALID, M_IMPORT_ROW_MANY_COLUMNS, MNUM("most", CSV_COLUMNS_MAX));
    if (row->fault)
        return fault(cx, ERR_INVALID, faults[row->fault]);
    if (row->cells.n != r->plan->n)
        return fault(cx, ERR_INVALID, M_IMPORT_ROW_COLUMNS, MNUM("found", (int64_t)row->cells.n),
                     MNUM("expected", (int64_t)r->plan->n));
    struct cells *c = ARENA_NEW(cx->arena, struct cells);
    TRY(cells_read(cx, r, row, c));
    out->in = (struct intake){.trust = TRUST_PRESENTED,
                              .source = "import",
                              .batch = r->import.v,
                              .identities = {c->handles.id, c->handles.n}};
    if (cx->actor.kind == ACTOR_STAFF)
        out->in.staff.v = cx->actor.id;
    TRY(birth_date_read(cx, r, c));
    claims_of(cx, c, &out->in.claims);
    switch (r->plan->kind) {
    case IMPORT_ORDERS:
        return order_of(cx, r, c, out);
    case IMPORT_INTERACTIONS:
        return interaction_of(cx, r, c, out);
    default:
        return customer_of(cx, r, c, out);
    }
}

void import_item_read(struct cx *cx, const struct import_reader *r, const struct csv_row *row,
                      struct import_item *out)
{
    *out = (struct import_item){.at = row->at, .bytes = row->bytes, .line = row->line, .rows = 1};
    cx->why = (struct fault){0};
    if (read_row(cx, r, row, out) != OK)
        out->why = cx->why;
    cx->why = (struct fault){0};
}

bool import_item_join(struct cx *cx, struct import_item *to, const struct import_item *row)
{
    bool is_same =
        to->order.number.len && str_eq(to->order.number, row->order.number) && to->n_lines < 500;
    if (!is_same)
        return false;
    struct order_line_new *all = ARENA_ARRAY(cx->arena, to->n_lines + 1, struct order_line_new);
    memcpy(all, to->lines, to->n_lines * sizeof *all);
    if (row->n_lines)
        all[to->n_lines] = row->lines[0];
    to->n_lines += row->n_lines;
    to->lines = all;
    to->rows++;
    to->bytes = row->at + row->bytes - to->at;
    if (row->why.err)
        to->why = row->why;
    return true;
}
