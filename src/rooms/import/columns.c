/* rooms/import/columns.c - what a column is by its header and its values; the map of a file.
 *
 * Headers are compared by their letters and digits alone, in lower case: "E-mail 1 - Value",
 * "email_1_value". The words are those of the exports of Twenty, EspoCRM, SuiteCRM, Odoo, Zammad,
 * Chatwoot, HubSpot, Salesforce and Google Contacts, and of people in five languages. */
#include "rooms/import/import.h"
#include "base/person.h"
#include "messages.h"
#include <pthread.h>
#include <unicode/uchar.h>
#include <unicode/ucol.h>
#include <unicode/utf8.h>

enum { ROWS_LOOKED = 200, ROWS_SHOWN = 10, SAMPLES = 4, SAMPLE_CHARS = 80, KEY_MAX = 120 };

const char *const import_kind_codes[IMPORT_KIND_N] = {"customers", "orders", "interactions"};
const char *const import_dates_codes[3] = {"dmy", "mdy", "ymd"};
const char *const map_guess_codes[4] = {"none", "header", "values", "given"};
const char *const import_target_codes[TARGET_N] = {
#define X(name, code) code,
    TARGET_LIST(X)
#undef X
};

enum {
    C = 1 << IMPORT_CUSTOMERS,
    O = 1 << IMPORT_ORDERS,
    I = 1 << IMPORT_INTERACTIONS,
    ALL = C | O | I
};

/* clang-format off */
static const struct {
    uint8_t kinds;
    bool many;
    const char *words; /* between bars; the surer come first */
} targets[TARGET_N] = {
    [TO_EXTERNAL_ID] = {ALL, false, "external id|external_id|externalid|record id|contact id|customer id|client id|account id|person id|lead id|id|identifier|hs_object_id|customer number|customer no|client number|uid|uuid|"
        "顧客id|顧客番号|顧客コード|得意先コード|会員番号|会員id|客户编号|客户id|客户代码|会员编号|编号|клиент нөмірі|клиент коды|код клиента|номер клиента|id клиента|идентификатор|код контрагента|код"},
    [TO_NAME] = {ALL, false, "name|full name|fullname|display name|contact name|customer name|customer|client|client name|person name|contact|billing name|shipping name|file as|complete name|"
        "氏名|名前|お名前|顧客名|会員名|担当者名|姓名|名称|客户名称|客户姓名|联系人|联系人姓名|аты-жөні|толық аты|клиент|тұлға|фио|ф.и.о.|имя полностью|полное имя|клиент|имя клиента|контактное лицо|наименование|контакт"},
    [TO_READING] = {ALL, false, "reading|furigana|name reading|phonetic name|phonetic full name|pinyin|yomi|kana|フリガナ|ふりがな|カナ|氏名カナ|氏名かな|セイメイ|カナ氏名|拼音|姓名拼音"},
    [TO_GIVEN] = {ALL, false, "first name|firstname|given name|given|name / first name|name first name|forename|first|名|名(名前)|下の名前|名前(名)|имя|есімі|есім|аты|名字"},
    [TO_FAMILY] = {ALL, false, "last name|lastname|family name|surname|family|name / last name|name last name|second name|last|姓|名字(姓)|苗字|姓氏|фамилия|тегі|фамилиясы"},
    [TO_PATRONYMIC] = {ALL, false, "patronymic|middle name|additional name|middlename|отчество|әкесінің аты"},
    [TO_FORM_OF_ADDRESS] = {ALL, false, "form of address|salutation|salutation name|title|name prefix|prefix|敬称|称谓|обращение|қаратпа"},
    [TO_COMPANY] = {ALL, false, "company|company name|companyname|account name|organization|organisation|organization name|organization 1 - name|organization 1 name|employer|associated company|parent_id/name|parent name|related company|company / name|billing company|"
        "会社|会社名|法人名|勤務先|組織|公司|公司名称|单位|企业名称|компания|ұйым|компания атауы|организация|название компании|место работы|юридическое лицо"},
    [TO_LANGUAGE] = {ALL, false, "language|lang|locale|preferred language|preferred_language|言語|语言|тіл|тілі|язык"},
    [TO_TIME_ZONE] = {ALL, false, "time zone|timezone|タイムゾーン|时区|уақыт белдеуі|часовой пояс"},
    [TO_COUNTRY] = {ALL, false, "country|country code|country_code|country/region|country region|mailing country|billing country|primary address country|address country|address 1 - country|home country|country_id|country_id/code|address / country|shipping country|"
        "国|国名|国コード|国家|国家/地区|ел|мемлекет|страна"},
    [TO_REGION] = {ALL, false, "region|state|state/region|state region|province|state/province|mailing state|mailing state/province|billing state|primary address state|address state|address 1 - region|county|prefecture|state_id|address / state|shipping province|"
        "都道府県|県|省|省份|州|облыс|аймақ|область|регион|край"},
    [TO_CITY] = {ALL, false, "city|town|mailing city|billing city|primary address city|address city|address 1 - city|home city|locality|address / city|shipping city|"
        "市|市区町村|都市|城市|市区|қала|қаласы|город|населённый пункт|населенный пункт"},
    [TO_ADDRESS] = {ALL, false, "address|street|street address|address line 1|address 1|address1|mailing street|billing street|primary address street|address street|address 1 - street|address 1 - formatted|home street|street 1|addressline1|address / street 1|shipping street|"
        "住所|住所1|番地|町名番地|地址|详细地址|街道|мекенжай|мекенжайы|адрес|улица|почтовый адрес"},
    [TO_POSTAL] = {ALL, false, "postal|postal code|postalcode|zip|zip code|zipcode|post code|postcode|mailing zip|mailing zip/postal code|mailing postal code|billing zip|primary address postalcode|primary address postal code|address postal code|address 1 - postal code|address / postcode|shipping zip|"
        "郵便番号|〒|邮编|邮政编码|пошта индексі|индекс|почтовый индекс"},
    [TO_HEARD_OF_US] = {ALL, false, "heard of us|lead source|source|original source|referral source|how did you hear|流入元|きっかけ|来源|客户来源|дереккөз|источник|откуда узнали"},
    [TO_BIRTH_DATE] = {ALL, false, "birth date|birthdate|birthday|date of birth|dob|born|生年月日|誕生日|出生日期|生日|туған күні|дата рождения|день рождения"},
    [TO_OCCUPATION] = {ALL, false, "occupation|profession|job title|jobtitle|job|position|organization title|organization 1 - title|function|職業|役職|职业|职位|职务|мамандығы|лауазымы|профессия|должность"},
    [TO_PHONE] = {ALL, true, "phone|phone number|phone_number|phonenumber|mobile|mobile phone|mobile phone number|mobilephone|cell|cell phone|cellphone|telephone|tel|home phone|work phone|business phone|office phone|other phone|assistant phone|phone office|phone work|phone_work|phone mobile|phone_mobile|phone home|phone 1|phone 2|phone 1 - value|phone 2 - value|phone 3 - value|phone 4 - value|phones / primary phone number|phones primary phone number|primary phone|primary phone number|whatsapp|whatsapp phone number|billing phone|shipping phone|caller|"
        "電話|電話番号|携帯|携帯電話|携帯番号|tel1|電話番号1|自宅電話|勤務先電話|电话|电话号码|手机|手机号|手机号码|联系电话|телефон|телефон нөмірі|ұялы телефон|ұялы|мобильный|мобильный телефон|моб. телефон|номер телефона|сотовый|рабочий телефон|домашний телефон|телефон 1|телефон 2"},
    [TO_EMAIL] = {ALL, true, "email|e-mail|email address|emailaddress|mail|e-mail address|primary email|work email|personal email|email 1|email 2|e-mail 1 - value|e-mail 2 - value|e-mail 3 - value|email 1 - value|email 2 - value|emails / primary email|emails primary email|email1|other email|any email|secondary email|additional email|contact email|billing email|sender|"
        "メール|メールアドレス|eメール|電子メール|电子邮件|邮箱|电子邮箱|邮件地址|электрондық пошта|пошта|эл. пошта|электронная почта|почта|e-mail адрес|адрес электронной почты|эл. почта"},
    [TO_ACCOUNT] = {ALL, false, "account|login|username|user name|user id|userid|ログインid|アカウント|账号|用户名|логин|тіркелгі|учётная запись|учетная запись"},
    [TO_SOCIAL] = {ALL, true, "social|social profile|instagram:|telegram:|sns"},
    [TO_CARD] = {ALL, false, "card|loyalty card|loyalty card number|card number|membership card|membership number|member number|ポイントカード|カード番号|会员卡|会员卡号|карта|карта лояльности|номер карты|дисконтная карта|адалдық картасы|карта нөмірі"},
    [TO_KIND] = {C, false, "kind|customer type|contact type|account type|company type|company_type|is company|is a company|is_company|client type|個人法人区分|顧客区分|区分|客户类型|түрі|тип|тип клиента|юр/физ"},
    [TO_ADDRESS_KIND] = {C, false, "address kind|address type|address 1 - type|住所区分|地址类型|мекенжай түрі|тип адреса"},
    [TO_TAGS] = {C, false, "tags|tag|labels|label|groups|group|group membership|categories|category|category_id|segments|lists|タグ|グループ|标签|分组|тегтер|тег|метки|теги|группа|группы"},
    [TO_NUMBER] = {O, false, "number|order number|order no|order|order id|order name|orderid|invoice number|invoice|receipt|receipt number|name of order|注文番号|受注番号|伝票番号|订单号|订单编号|тапсырыс нөмірі|тапсырыс|номер заказа|заказ|номер чека|чек"},
    [TO_AT] = {O | I, false, "at|date|time|datetime|timestamp|order date|ordered at|created at|created|create date|created_at|date created|purchase date|paid at|sent at|activity date|call date|start time|sent|received|日時|日付|注文日|注文日時|受注日|作成日|作成日時|日期|时间|订单日期|下单时间|创建时间|күні|уақыты|тапсырыс күні|дата|время|дата заказа|дата создания|дата и время"},
    [TO_DUE_AT] = {O, false, "due at|due|due date|delivery date|promised|expected delivery|commitment date|お届け日|配送予定日|納期|交货日期|预计送达|жеткізу күні|дата доставки|срок"},
    [TO_CURRENCY] = {O, false, "currency|currency code|currency_code|通貨|货币|币种|валюта"},
    [TO_STATUS] = {O, false, "status|order status|state|financial status|fulfillment status|注文状態|ステータス|状態|状态|订单状态|күйі|мәртебесі|статус|статус заказа|состояние"},
    [TO_PAYMENT_METHOD] = {O, false, "payment method|payment|paid by|payment type|支払方法|支払い方法|お支払い方法|支付方式|付款方式|төлем тәсілі|способ оплаты|оплата"},
    [TO_DISCOUNT] = {O, false, "discount|discount amount|value of discount|値引|割引|割引額|折扣|优惠金额|жеңілдік|скидка|сумма скидки"},
    [TO_SKU] = {O, false, "sku|item sku|lineitem sku|product code|article|article number|item number|item code|product id|barcode|ean|default_code|商品コード|商品番号|品番|型番|商品编码|货号|商品编号|тауар коды|артикул|код товара|штрихкод"},
    [TO_PRODUCT] = {O, false, "product|product name|item|item name|lineitem name|line item|description|goods|商品名|品名|商品|产品|商品名称|产品名称|тауар|тауар атауы|товар|название товара|номенклатура"},
    [TO_QUANTITY] = {O, false, "quantity|qty|lineitem quantity|count|pieces|amount of items|数量|個数|件数|саны|мөлшері|количество|кол-во"},
    [TO_PRICE] = {O, false, "price|unit price|item price|lineitem price|price each|単価|価格|单价|价格|бағасы|баға|цена|цена за единицу"},
    [TO_TOTAL] = {O, false, "total|amount|sum|order total|grand total|total price|total amount|amount_total|value|合計|合計金額|金額|总计|总金额|金额|订单金额|барлығы|сомасы|итого|сумма|сумма заказа|стоимость"},
    [TO_CHANNEL] = {O | I, false, "channel|type|activity type|kind|medium|channel type|チャネル|種別|種類|渠道|类型|арна|канал|тип"},
    [TO_DIRECTION] = {I, false, "direction|inbound/outbound|call direction|方向|受発信|呼入呼出|бағыты|направление"},
    [TO_SOURCE_ID] = {I, false, "source id|source_id|ticket id|ticket|ticket number|conversation id|message id|activity id|interaction id|call id|case number|case id|engagement id|お問い合わせ番号|受付番号|管理番号|工单号|记录编号|өтініш нөмірі|номер обращения|номер заявки|id обращения|id"},
    [TO_SUBJECT] = {I, false, "subject|title|topic|summary|heading|件名|題名|主题|标题|тақырыбы|тақырып|тема|заголовок"},
    [TO_TEXT] = {I, false, "text|body|message|content|description|note|notes|comment|comments|details|call notes|本文|内容|メモ|備考|正文|备注|详情|мәтіні|мәтін|хабарлама|түсініктеме|текст|сообщение|комментарий|примечание|содержание|описание"},
};
/* clang-format on */

bool import_target_fits(int target, int kind)
{
    return target == TO_NOTHING || (target == TO_ATTRIBUTE && kind == IMPORT_CUSTOMERS) ||
           (target < TARGET_N && (targets[target].kinds & 1 << kind));
}

bool import_target_many(int target)
{
    return target >= TARGET_N || targets[target].many;
}

int import_target_find(str code)
{
    if (code.len == 0)
        return TO_NOTHING;
    if (str_starts(code, S("attr.")) && code.len > 5)
        return TO_ATTRIBUTE;
    for (int i = 0; i < TARGET_N; i++)
        if (str_eq(code, str_of(import_target_codes[i])))
            return i;
    return -1;
}

/* ---- the guess by headers -------------------------------------------------------------------------- */

/* Letters and digits in lower case; marks of a letter that NFC has not joined stay. */
static str key_of(char out[static KEY_MAX], str header)
{
    size_t n = 0;
    int32_t i = 0, len = (int32_t)(header.len < 400 ? header.len : 400);
    while (i < len) {
        UChar32 c;
        U8_NEXT((const uint8_t *)header.ptr, i, len, c);
        if (c < 0)
            break;
        if (c >= 0xFF01 && c <= 0xFF5E)
            c -= 0xFEE0; /* full width */
        if (c == 0x451 || c == 0x401)
            c = 0x435; /* ё is written е */
        if (!u_isalnum(c) && u_charType(c) != U_NON_SPACING_MARK && c != 0x3012)
            continue;
        c = u_tolower(c);
        if (n + 4 > KEY_MAX)
            break;
        int32_t at = (int32_t)n;
        U8_APPEND_UNSAFE((uint8_t *)out, at, (uint32_t)c);
        n = (size_t)at;
    }
    return (str){out, n};
}

/* How sure: the place among the words, the first the surest; 0: no. */
static int by_header(int target, str key)
{
    str rest = str_of(targets[target].words);
    for (int place = 0; rest.len; place++) {
        char word[KEY_MAX];
        if (str_eq(key_of(word, str_cut(&rest, '|')), key))
            return 1000 - place;
    }
    return 0;
}

/* "Phone 3", "mobile (work)": what begins like one of those that may stand several times. */
static int by_beginning(int target, str key)
{
    static const char *const begins[TARGET_N] = {
        [TO_PHONE] = "phone|mobile|телефон|電話|电话|手机|携帯",
        [TO_EMAIL] = "email|メール|邮箱|эл почта|электронная почта"};
    static const char *const not_those =
        "phonetic|type|label|valid|status|bounced|optout|opted|confirmed|domain|consent|country|calling|count|last|date";
    if (!begins[target])
        return 0;
    for (str rest = str_of(not_those); rest.len;)
        if (str_find(key, str_cut(&rest, '|')) >= 0)
            return 0;
    for (str rest = str_of(begins[target]); rest.len;) {
        char word[KEY_MAX];
        if (str_starts(key, key_of(word, str_cut(&rest, '|'))))
            return 100;
    }
    return 0;
}

/* Whose export it is, by headers that nobody else has. */
static str product_of(struct str_list headers)
{
    static const struct {
        const char *product, *needs;
    } signs[] = {{"hubspot", "recordid|lifecyclestage"},
                 {"hubspot", "recordid|createdate"},
                 {"hubspot", "hsobjectid"},
                 {"salesforce", "mailingstreet|accountname"},
                 {"salesforce", "mailingstreet|lastname"},
                 {"salesforce", "contactid|accountid"},
                 {"suitecrm", "primaryaddressstreet|lastname"},
                 {"espocrm", "salutationname|lastname"},
                 {"espocrm", "emailaddressisoptedout"},
                 {"espocrm", "addressstreet|accountname"},
                 {"odoo", "externalid|displayname"},
                 {"odoo", "companytype|street"},
                 {"odoo", "parentidid|street"},
                 {"zammad", "login|firstname|lastname|email"},
                 {"chatwoot", "phonenumber|identifier"},
                 {"chatwoot", "additionalattributes|phonenumber"},
                 {"twenty", "namefirstname|emailsprimaryemail"},
                 {"twenty", "emailsprimaryemail"},
                 {"google", "email1value"},
                 {"google", "phone1value"}};
    for (size_t i = 0; i < COUNT(signs); i++) {
        bool has_all = true;
        for (str rest = str_of(signs[i].needs); rest.len && has_all;) {
            str need = str_cut(&rest, '|');
            has_all = false;
            for (size_t k = 0; k < headers.n && !has_all; k++) {
                char key[KEY_MAX];
                has_all = str_eq(key_of(key, headers.items[k]), need);
            }
        }
        if (has_all)
            return str_of(signs[i].product);
    }
    return (str){0};
}

/* ---- the guess by values ---------------------------------------------------------------------------- */

static bool looks_email(str s)
{
    ptrdiff_t at = str_find(s, S("@"));
    return at > 0 && s.len < 255 && str_find((str){s.ptr + at, s.len - (size_t)at}, S(".")) > 1;
}

static bool looks_phone(str s)
{
    size_t digits = 0, marks = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (is_digit(s.ptr[i]))
            digits++;
        else if (memchr("+ ()-./", s.ptr[i], 7))
            marks++;
        else
            return false;
    }
    bool is_full = s.len && s.ptr[0] == '+';
    return digits >= 8 && digits <= 15 &&
           (is_full || (marks >= 1 && digits >= 9) || (s.ptr[0] == '0' && digits >= 10));
}

static bool looks_value(str s)
{
    when w;
    if (looks_email(s) || looks_phone(s) || cell_when(s, DATES_DMY, S("UTC"), &w))
        return true;
    size_t digits = 0;
    for (size_t i = 0; i < s.len; i++)
        digits += is_digit(s.ptr[i]);
    return digits && digits * 2 > s.len;
}

static double share(const struct list *rows, size_t from, size_t column, bool (*looks)(str))
{
    const struct csv_row *r = rows->items;
    size_t n = 0, yes = 0;
    for (size_t i = from; i < rows->n; i++) {
        str cell = column < r[i].cells.n ? str_trim(r[i].cells.items[column]) : (str){0};
        n += cell.len > 0;
        yes += cell.len && looks(cell);
    }
    return n ? (double)yes / (double)n : 0;
}

/* One or two digits off the front; -1: there are none. */
static int two_digits(str *s)
{
    int v = -1;
    for (int i = 0; i < 2 && s->len && is_digit(s->ptr[0]); i++) {
        v = (v < 0 ? 0 : v * 10) + (s->ptr[0] - '0');
        *s = (str){s->ptr + 1, s->len - 1};
    }
    return v;
}

/* Which of the two first numbers is ever above 12 tells how dates are written; America otherwise
 * only when the file speaks of it. */
static int dates_of(const struct list *rows, size_t from)
{
    const struct csv_row *r = rows->items;
    int dmy = 0, mdy = 0;
    for (size_t i = from; i < rows->n; i++)
        for (size_t k = 0; k < r[i].cells.n; k++) {
            str s = str_trim(r[i].cells.items[k]);
            if (s.len < 8 || s.len > 24 || !is_digit(s.ptr[0]))
                continue;
            int a = two_digits(&s);
            char sign = s.len ? s.ptr[0] : 0;
            if (a < 0 || (sign != '/' && sign != '-'))
                continue;
            s = (str){s.ptr + 1, s.len - 1};
            int b = two_digits(&s);
            if (b < 0)
                continue;
            dmy += a > 12 && b <= 12;
            mdy += b > 12 && a <= 12;
        }
    return mdy > dmy ? DATES_MDY : DATES_DMY;
}

/* ---- the guess --------------------------------------------------------------------------------------- */

static str number_text(struct arena *a, size_t i)
{
    return arena_printf(a, "%zu", i + 1);
}

static void headers_guess(struct import_map *map, int kind)
{
    struct map_column *c = map->columns.items;
    bool is_taken[TARGET_N] = {0};
    char key[KEY_MAX];
    for (;;) { /* the surest pair first */
        int best = 0, target = 0;
        size_t column = 0;
        for (size_t i = 0; i < map->columns.n; i++) {
            if (c[i].to.len)
                continue;
            str k = key_of(key, c[i].from);
            for (int t = 0; t < TARGET_N && k.len; t++) {
                if (!import_target_fits(t, kind) || (is_taken[t] && !import_target_many(t)))
                    continue;
                int sure = by_header(t, k);
                sure = sure ? sure : by_beginning(t, k);
                /* In a list of orders or contacts "id" and "number" are theirs, not the customer's. */
                if (sure && kind == IMPORT_INTERACTIONS && t == TO_EXTERNAL_ID &&
                    str_eq(k, S("id")))
                    sure = 1;
                if (sure > best) {
                    best = sure;
                    target = t;
                    column = i;
                }
            }
        }
        if (!best)
            return;
        c[column].to = str_of(import_target_codes[target]);
        c[column].guess = GUESS_HEADER;
        is_taken[target] = true;
    }
}

static void values_guess(struct import_map *map, const struct list *rows)
{
    struct map_column *c = map->columns.items;
    for (size_t i = 0; i < map->columns.n; i++) {
        if (c[i].to.len)
            continue;
        if (share(rows, map->has_header, i, looks_email) > 0.6)
            c[i].to = S("email");
        else if (share(rows, map->has_header, i, looks_phone) > 0.6)
            c[i].to = S("phone");
        if (c[i].to.len)
            c[i].guess = GUESS_VALUES;
    }
}

static struct str_list samples_of(struct arena *a, const struct list *rows, size_t from,
                                  size_t column)
{
    struct str_list l = {ARENA_ARRAY(a, SAMPLES, str), 0};
    const struct csv_row *r = rows->items;
    for (size_t i = from; i < rows->n && l.n < SAMPLES; i++)
        if (column < r[i].cells.n && str_trim(r[i].cells.items[column]).len)
            l.items[l.n++] = str_clean(a, str_trim(r[i].cells.items[column]), SAMPLE_CHARS);
    return l;
}

/* A first row that holds addresses, numbers or dates, or the same as a row below, is no header. */
static bool has_header(const struct list *rows)
{
    const struct csv_row *r = rows->items;
    size_t values = 0, words = 0;
    for (size_t i = 0; i < r[0].cells.n; i++) {
        str s = str_trim(r[0].cells.items[i]);
        values += s.len && looks_value(s);
        words += s.len > 0;
    }
    return words > 0 && values == 0;
}

enum err import_guess(struct cx *cx, const struct csv_source *s, int kind, int encoding,
                      char delimiter, struct import_map *out, struct list *shown)
{
    struct csv_form form;
    *out = (struct import_map){0};
    if (!csv_form_find(s, encoding, delimiter, &form))
        return import_unreadable(cx, s);
    struct csv *c = csv_open(s, &form, form.first, 1);
    struct csv_row *r = ARENA_ARRAY(cx->arena, ROWS_LOOKED, struct csv_row);
    struct list rows = {r, 0};
    size_t bytes = 0;
    int64_t tried = 0;
    while (c && rows.n < ROWS_LOOKED && bytes < CSV_CELL_MAX && tried++ < 10 * ROWS_LOOKED &&
           csv_next(c, cx->arena, &r[rows.n]) == CSV_ROW) {
        bytes += (size_t)r[rows.n].bytes;
        rows.n += r[rows.n].fault == CSV_SOUND;
    }
    csv_close(c);
    if (rows.n == 0)
        return fault(cx, ERR_INVALID, s->size ? M_IMPORT_NO_TABLE : M_IMPORT_EMPTY);
    out->encoding = form.encoding;
    out->delimiter = arena_str(cx->arena, (str){&form.delimiter, 1});
    out->has_header = has_header(&rows);
    struct map_column *m = ARENA_ARRAY(cx->arena, r[0].cells.n, struct map_column);
    out->columns = (struct list){m, r[0].cells.n};
    for (size_t i = 0; i < r[0].cells.n; i++) {
        str head = str_clean(cx->arena, str_trim(r[0].cells.items[i]), 200);
        m[i].from = out->has_header && head.len ? head : number_text(cx->arena, i);
        m[i].samples = samples_of(cx->arena, &rows, out->has_header, i);
    }
    if (out->has_header) {
        out->source = product_of(r[0].cells);
        headers_guess(out, kind);
    }
    values_guess(out, &rows);
    out->dates = dates_of(&rows, out->has_header);
    rows.n = rows.n < ROWS_SHOWN ? rows.n : ROWS_SHOWN;
    *shown = rows;
    return OK;
}

/* ---- the map as JSON ---------------------------------------------------------------------------------- */

/* clang-format off */
static const struct field column_fields[] = {
    FIELD(struct map_column, from, .required = true, .doc = "Header of the column, or its number from 1"),
    FIELD(struct map_column, to, .max_len = 80, .doc = "What it is; empty: left out"),
    FIELD_ENUM(struct map_column, guess, map_guess_codes, .doc = "What the guess stands on"),
    FIELD(struct map_column, samples, .max_len = 10, .personal = true),
};
static const struct shape column_shape = SHAPE("map_column", struct map_column, column_fields);
static const struct field value_fields[] = {
    FIELD(struct map_value, to, .required = true, .max_len = 80),
    FIELD(struct map_value, value, .required = true, .max_len = 500),
};
static const struct shape value_shape = SHAPE("map_value", struct map_value, value_fields);
static const struct field map_fields[] = {
    FIELD_ENUM(struct import_map, encoding, csv_encoding_codes),
    FIELD(struct import_map, delimiter, .max_len = 1, .multiline = true, .doc = ", ; | or a tab"),
    FIELD(struct import_map, has_header, .doc = "The first row names the columns"),
    FIELD(struct import_map, source, .max_len = 40, .doc = "Stands before external ids: hubspot:17"),
    FIELD(struct import_map, region, .max_len = 2, .doc = "Country of phone numbers that have none"),
    FIELD_ENUM(struct import_map, dates, import_dates_codes, .doc = "How 03/04/2026 is meant"),
    FIELD_LIST(struct import_map, columns, &column_shape, .max_len = CSV_COLUMNS_MAX),
    FIELD_LIST(struct import_map, values, &value_shape, .max_len = TARGET_N, .doc = "What stands in no column: {to: currency, value: EUR}"),
};
const struct shape import_map_shape = SHAPE("import_map", struct import_map, map_fields);
/* clang-format on */

enum {
    MAP_ENCODING,
    MAP_DELIMITER,
    MAP_HEADER,
    MAP_SOURCE,
    MAP_REGION,
    MAP_DATES,
    MAP_COLUMNS,
    MAP_VALUES
};

enum err import_map_read(struct cx *cx, str json, struct import_map *map)
{
    struct import_map in;
    uint64_t sent = 0;
    TRY(json_read(cx, &import_map_shape, json, &in, &sent));
    if ((sent & 1 << MAP_DELIMITER) &&
        (in.delimiter.len != 1 || !memchr(",;\t|", in.delimiter.ptr[0], 4)))
        return fault_field(cx, ERR_INVALID, S("delimiter"), M_IMPORT_DELIMITER);
    if (memchr(in.source.ptr ? in.source.ptr : "", ':', in.source.len))
        return fault_field(cx, ERR_INVALID, S("source"), M_IMPORT_SOURCE);
    if (sent & 1 << MAP_ENCODING)
        map->encoding = in.encoding;
    if (sent & 1 << MAP_DELIMITER)
        map->delimiter = in.delimiter;
    if (sent & 1 << MAP_HEADER)
        map->has_header = in.has_header;
    if (sent & 1 << MAP_SOURCE)
        map->source = str_trim(in.source);
    if (sent & 1 << MAP_REGION)
        map->region = in.region;
    if (sent & 1 << MAP_DATES)
        map->dates = in.dates;
    if (sent & 1 << MAP_COLUMNS)
        map->columns = in.columns;
    if (sent & 1 << MAP_VALUES)
        map->values = in.values;
    return OK;
}

str import_map_write(struct arena *a, const struct import_map *map)
{
    struct import_map m = *map;
    struct map_column *c = ARENA_ARRAY(a, m.columns.n + 1, struct map_column);
    for (size_t i = 0; i < m.columns.n; i++) {
        c[i] = ((const struct map_column *)map->columns.items)[i];
        c[i].samples = (struct str_list){0};
    }
    m.columns.items = c;
    struct text t = text_in(a, 4 << 20);
    struct json_out j = {.to = &t};
    json_write(&j, &import_map_shape, &m);
    return text_str(&t);
}

/* ---- the map on a file -------------------------------------------------------------------------------- */

static enum err target_fault(struct cx *cx, uint16_t msg, str name)
{
    return fault(cx, ERR_INVALID, msg, MARG("name", str_clean(cx->arena, name, 100)));
}

enum err import_map_fit(struct cx *cx, const struct import_map *map, int kind,
                        struct str_list first, struct import_plan *out)
{
    *out = (struct import_plan){.kind = kind, .n = first.n};
    out->target = ARENA_ARRAY(cx->arena, first.n + 1, uint8_t);
    out->attribute = ARENA_ARRAY(cx->arena, first.n + 1, str);
    memset(out->target, TO_NOTHING, first.n);
    bool *is_used = ARENA_ARRAY(cx->arena, first.n + 1, bool);
    const struct map_column *c = map->columns.items;
    for (size_t i = 0; i < map->columns.n; i++) {
        size_t at = first.n;
        int64_t number = 0;
        for (size_t k = 0; map->has_header && k < first.n && at == first.n; k++)
            if (!is_used[k] &&
                str_eq(str_clean(cx->arena, str_trim(first.items[k]), 200), c[i].from))
                at = k;
        if (at == first.n && str_to_int(c[i].from, &number) && number >= 1 &&
            (uint64_t)number <= first.n)
            at = (size_t)number - 1;
        if (at == first.n)
            return target_fault(cx, M_IMPORT_NO_COLUMN, c[i].from);
        is_used[at] = true;
        int t = import_target_find(str_trim(c[i].to));
        if (t < 0)
            return target_fault(cx, M_IMPORT_NO_TARGET, c[i].to);
        if (!import_target_fits(t, kind))
            return target_fault(cx, M_IMPORT_TARGET_KIND, c[i].to);
        if (t < TARGET_N && out->has[t] && !import_target_many(t))
            return target_fault(cx, M_IMPORT_TARGET_TWICE, c[i].to);
        out->target[at] = (uint8_t)t;
        if (t < TARGET_N)
            out->has[t] = true;
        if (t == TO_ATTRIBUTE)
            out->attribute[at] = (str){c[i].to.ptr + 5, c[i].to.len - 5};
    }
    const struct map_value *v = map->values.items;
    for (size_t i = 0; i < map->values.n; i++) {
        int t = import_target_find(v[i].to);
        if (t < 0 || t >= TARGET_N)
            return target_fault(cx, M_IMPORT_NO_TARGET, v[i].to);
        if (!import_target_fits(t, kind))
            return target_fault(cx, M_IMPORT_TARGET_KIND, v[i].to);
        out->value[t] = v[i].value;
    }
    bool names = false;
    for (int t = 0; t <= TO_CARD; t++)
        names |= out->has[t];
    if (!names)
        return fault(cx, ERR_INVALID, M_IMPORT_NOBODY);
    if (kind == IMPORT_ORDERS && !out->has[TO_NUMBER])
        return target_fault(cx, M_IMPORT_NEEDS, S("number"));
    if (kind == IMPORT_ORDERS && !out->has[TO_TOTAL] && !out->has[TO_PRICE])
        return target_fault(cx, M_IMPORT_NEEDS, S("total"));
    return OK;
}

enum err import_map_guess(struct cx *cx, const struct csv_source *file, int kind, str given,
                          bool must_fit, str *out)
{
    struct import_map map, form = {.encoding = -1};
    struct list rows = {0};
    struct import_plan plan;
    if (given.len) /* the form first: it decides what the columns are */
        TRY(import_map_read(cx, given, &form));
    TRY(import_guess(cx, file, kind, form.encoding, form.delimiter.len ? form.delimiter.ptr[0] : 0,
                     &map, &rows));
    if (given.len)
        TRY(import_map_read(cx, given, &map));
    const struct csv_row *first = rows.items;
    assert(first); /* a guess has its first row */
    if (must_fit || given.len)
        TRY(import_map_fit(cx, &map, kind, first[0].cells, &plan));
    *out = import_map_write(cx->arena, &map);
    return OK;
}
