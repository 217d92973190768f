/* rooms/customer/customer.c - records: which one answers, what they hold, their name keys. */
#include "rooms/customer/inside.h"
#include "messages.h"
#include "queries.h"

enum { KEY_BYTES_MAX = 300, IDS_MAX = 256, FIRST_DAY = -44195 /* 1849 */ };

struct id_row {
    customer_id id, root;
};
static const struct field id_row_fields[] = {
    FIELD(struct id_row, id),
    FIELD_AS(struct id_row, root, "root_id"),
};
const struct shape customer_ids_shape = SHAPE("customer_id_row", struct id_row, id_row_fields);

enum err customer_root_of(struct cx *cx, const struct list *rows, customer_id *root)
{
    if (rows->n == 0)
        return fault(cx, ERR_NOT_FOUND, M_CUSTOMER_UNKNOWN);
    *root = ((const struct id_row *)rows->items)->root;
    return OK;
}

enum err customer_ids_of(struct cx *cx, const struct list *rows, customer_id *root,
                         struct list *ids)
{
    TRY(customer_root_of(cx, rows, root));
    const struct id_row *r = rows->items;
    int64_t *out = ARENA_ARRAY(cx->arena, rows->n, int64_t);
    size_t n = 0;
    out[n++] = root->v;
    for (size_t i = 0; i < rows->n; i++)
        if (r[i].id.v != root->v)
            out[n++] = r[i].id.v;
    *ids = (struct list){out, n};
    return OK;
}

enum err customer_root(struct cx *cx, customer_id any, customer_id *root, struct list *ids)
{
    struct list rows = {0};
    TRY(db_all(cx, &q_customer_ids, &customer_ids_shape, &rows, ARGS(V(any))));
    return ids ? customer_ids_of(cx, &rows, root, ids) : customer_root_of(cx, &rows, root);
}

enum err customers_ids(struct cx *cx, const int64_t *roots, size_t n, struct list *out)
{
    struct list rows = {0};
    TRY(db_all(cx, &q_customers_ids, &customer_ids_shape, &rows, ARGS(val_ints(roots, n))));
    const struct id_row *r = rows.items;
    int64_t *ids = ARENA_ARRAY(cx->arena, rows.n + 1, int64_t);
    for (size_t i = 0, at = 0; i < n; i++) {
        while (at < rows.n && r[at].root.v < roots[i])
            at++;
        int64_t *own = ids + at;
        size_t n_own = 1;
        own[0] = roots[i];
        bool is_root = false;
        for (; at < rows.n && r[at].root.v == roots[i]; at++) {
            is_root |= r[at].id.v == roots[i];
            if (r[at].id.v != roots[i])
                own[n_own++] = r[at].id.v;
        }
        out[i] = is_root ? (struct list){own, n_own} : (struct list){0};
    }
    return OK;
}

str customer_name_lang(str name, str lang)
{
    str script = script_lang(name);
    /* Han alone says Chinese; the language spoken knows better. */
    if (str_eq(script, S("zh")) && str_starts(lang, S("ja")))
        return S("ja");
    if (str_eq(script, S("ru")) && str_starts(lang, S("kk")))
        return S("kk");
    return script;
}

enum err customer_get(struct cx *cx, customer_id id, struct customer *out)
{
    enum err e = db_one(cx, &q_customer_get, &customer_row_shape, out, ARGS(V(id)));
    if (e == ERR_NOT_FOUND)
        return fault(cx, ERR_NOT_FOUND, M_CUSTOMER_UNKNOWN);
    if (e == OK)
        out->name_lang = customer_name_lang(out->name, out->lang);
    return e;
}

str customer_field(const struct customer *c, str field)
{
    for (size_t i = 0; i < customer_shape.n; i++) {
        const struct field *f = &customer_shape.fields[i];
        if (f->type == F_STR && str_eq(str_of(f->name), field))
            return *(const str *)(const void *)((const char *)c + f->offset);
    }
    return (str){0};
}

/* ---- keys ------------------------------------------------------------------------------- */

/* Not longer than an index entry may be; cut between characters. */
static str key_cut(str key)
{
    if (key.len <= KEY_BYTES_MAX)
        return key;
    size_t n = KEY_BYTES_MAX;
    while (n > 0 && ((unsigned char)key.ptr[n] & 0xC0) == 0x80)
        n--;
    return (str){key.ptr, n};
}

/* Equality must not be cut: a long one goes by its hash. */
static str same_key(struct arena *a, str name, char mark, str with)
{
    if (name.len + with.len <= KEY_BYTES_MAX)
        return arena_printf(a, "=" SFMT "%c" SFMT, SARG(name), mark, SARG(with));
    str whole = arena_printf(a, SFMT "%c" SFMT, SARG(name), mark, SARG(with));
    uint8_t sum[32];
    sha256(whole, sum);
    struct text t = text_in(a, 128);
    text_add(&t, S("=#"));
    for (size_t i = 0; i < sizeof(sum); i++)
        text_printf(&t, "%02x", sum[i]);
    return text_str(&t);
}

struct str_list customer_same_keys(struct arena *a, str name, str company, str country)
{
    str key = name_equal_key(a, name);
    if (key.len == 0)
        return (struct str_list){0};
    str *out = ARENA_ARRAY(a, 2, str);
    size_t n = 0;
    out[n++] = same_key(a, key, '|', country);
    str firm = company.len ? name_equal_key(a, company) : (str){0};
    if (firm.len)
        out[n++] = same_key(a, key, '@', firm);
    return (struct str_list){out, n};
}

/* "petr smirnov" as "smirnov petr"; empty when it is one word. */
static str last_word_first(struct arena *a, str key)
{
    for (size_t i = key.len; i > 0; i--)
        if (key.ptr[i - 1] == ' ')
            return arena_printf(a, SFMT " " SFMT, (int)(key.len - i), key.ptr + i, (int)(i - 1),
                                key.ptr);
    return (str){0};
}

/* Kept in order, without doubles. */
static void put_key(str *out, size_t *n, str key)
{
    size_t at = 0;
    while (at < *n && str_cmp(out[at], key) < 0)
        at++;
    if (key.len == 0 || (at < *n && str_eq(out[at], key)))
        return;
    memmove(out + at + 1, out + at, (*n - at) * sizeof(str));
    out[at] = key;
    ++*n;
}

struct str_list customer_keys(struct arena *a, str name, str reading, str company, str country)
{
    struct name_keys keys = name_keys(a, name, reading);
    struct str_list same = customer_same_keys(a, name, company, country);
    str *out = ARENA_ARRAY(a, CUSTOMER_KEYS_MAX, str);
    size_t n = 0;
    for (size_t i = 0; i < keys.n; i++) {
        put_key(out, &n, key_cut(keys.keys[i]));
        put_key(out, &n, key_cut(last_word_first(a, keys.keys[i])));
    }
    for (size_t i = 0; i < same.n; i++)
        put_key(out, &n, same.items[i]);
    return (struct str_list){out, n};
}

/* SQLite keeps a journal for each INSERT of several rows, whose end costs as much as the batch has
 * written before: there one row at a time is the fast way. */
static enum err keys_one_by_one(struct cx *cx, customer_id c, struct str_list keys)
{
    for (size_t i = 0; i < keys.n; i++)
        TRY(db_run(cx, &q_customer_key_insert, ARGS(V(keys.items[i]), V(c))));
    return search_due(cx, &c.v, 1);
}

enum err customer_keys_add(struct cx *cx, customer_id c, struct str_list keys)
{
    if (!db_is_postgres(cx))
        return keys_one_by_one(cx, c, keys);
    for (size_t i = 0; i < keys.n; i += 4) {
        str k[4];
        for (size_t j = 0; j < 4; j++)
            k[j] = keys.items[i + j < keys.n ? i + j : i];
        if (keys.n - i == 1)
            TRY(db_run(cx, &q_customer_key_insert, ARGS(V(k[0]), V(c))));
        else
            TRY(db_run(cx, &q_customer_key_insert4,
                       ARGS(V(k[0]), V(c), V(k[1]), V(k[2]), V(k[3]))));
    }
    return search_due(cx, &c.v, 1);
}

/* ---- a new record ------------------------------------------------------------------------- */

enum err customer_add(struct cx *cx, const struct customer_new *c)
{
#define X(m, ...) V(c->m),
    TRY(db_run(cx, &q_customer_insert,
               ARGS(V(c->id), V(customer_kind_codes[c->kind]), CUSTOMER_TEXTS(X) V(cx->now_ms),
                    CUSTOMER_FOLDED(CUSTOMER_FOLD))));
#undef X
    TRY(customer_keys_add(cx, c->id, c->keys));
    TRY(standing_begin(cx, c->id, c->kind, c->first));
    TRY(audit_add(cx, "customer.add", c->id.v, c->id.v, (str){0}));
    return event_add(cx, EVENT_CUSTOMER_CREATED, c->id.v, 0, (str){0});
}

/* ---- what a record may hold ------------------------------------------------------------------ */

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
}
static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static enum err wrong(struct cx *cx, str member, uint16_t msg, str given)
{
    enum err e = fault(cx, ERR_INVALID, msg, MARG("given", given));
    return fault_at(cx, e, member);
}

static bool country_read(struct arena *a, str *country)
{
    str t = str_trim(*country);
    if (t.len == 0) {
        *country = t;
        return true;
    }
    if (t.len != 2 || !is_letter(t.ptr[0]) || !is_letter(t.ptr[1]))
        return false;
    char both[2] = {upper(t.ptr[0]), upper(t.ptr[1])};
    *country = arena_str(a, (str){both, 2});
    return true;
}

/* BCP 47 as far as it matters here: "ja", "zh-Hant", "sr-Latn-RS". */
static bool lang_read(struct arena *a, str *lang)
{
    str t = str_trim(*lang), rest = t;
    if (t.len > 35)
        return false;
    for (bool first = true; rest.ptr && (t.len > 0); first = false) {
        str part = str_cut(&rest, '-');
        if (part.len < (first ? 2u : 1u) || part.len > (first ? 3u : 8u))
            return false;
        for (size_t i = 0; i < part.len; i++)
            if (!is_letter(part.ptr[i]) && (first || !is_digit(part.ptr[i])))
                return false;
        if (!rest.ptr)
            break;
    }
    char *copy = arena_cstr(a, t);
    for (size_t i = 0; i < t.len && copy[i] != '-'; i++)
        copy[i] = lower(copy[i]);
    *lang = (str){copy, t.len};
    return true;
}

enum err customer_rule_any(struct cx *cx, str member, str *value)
{
    (void)cx;
    (void)member;
    (void)value;
    return OK;
}

enum err customer_rule_country(struct cx *cx, str member, str *value)
{
    str given = *value;
    return country_read(cx->arena, value) ? OK : wrong(cx, member, M_COUNTRY_CODE, given);
}

enum err customer_rule_lang(struct cx *cx, str member, str *value)
{
    str given = *value;
    return lang_read(cx->arena, value) ? OK : wrong(cx, member, M_LANG_CODE, given);
}

enum err customer_rule_zone(struct cx *cx, str member, str *value)
{
    return value->len == 0 || zone_is_known(*value) ? OK
                                                    : wrong(cx, member, M_ZONE_UNKNOWN, *value);
}

enum err customer_rule_past(struct cx *cx, str member, str *value)
{
    int64_t day = 0, today = when_day((when){cx->now_ms}, settings_current(cx)->time_zone);
    *value = str_trim(*value);
    if (value->len == 0)
        return OK;
    bool is_day = date_read(cx->arena, *value, &day);
    return is_day && day <= today && day > FIRST_DAY ? OK : wrong(cx, member, M_DAY_PAST, *value);
}

enum err customer_check(struct cx *cx, const char *at, str *lang, str *time_zone, str *country)
{
    struct arena *a = cx->arena;
    TRY(customer_rule_country(cx, arena_printf(a, "%scountry", at), country));
    TRY(customer_rule_lang(cx, arena_printf(a, "%s%s", at, *at ? "language" : "lang"), lang));
    return customer_rule_zone(cx, arena_printf(a, "%stime_zone", at), time_zone);
}

/* ---- lists --------------------------------------------------------------------------------------
 */

enum err page_begin(struct cx *cx, const char *tag, int64_t *limit, str cursor, int64_t *sort,
                    int64_t *id)
{
    if (*limit == 0)
        *limit = 50;
    *sort = INT64_MAX;
    *id = INT64_MAX;
    if (cursor.len && !cursor_read(cursor, cx->now_ms, tag, sort, id))
        return fault_field(cx, ERR_INVALID, S("cursor"), M_PAGE_CURSOR);
    return OK;
}

static int64_t int_at(const char *row, size_t offset)
{
    int64_t v;
    memcpy(&v, row + offset, sizeof(v));
    return v;
}

struct list newest_of(struct arena *a, struct list *lists, size_t n_lists, size_t size,
                      size_t at_offset, size_t id_offset, size_t n)
{
    if (n_lists == 1) {
        if (lists[0].n > n)
            lists[0].n = n;
        return lists[0];
    }
    size_t *next = ARENA_ARRAY(a, n_lists + 1, size_t);
    size_t all = 0;
    for (size_t i = 0; i < n_lists; i++)
        all += lists[i].n;
    n = all < n ? all : n;
    struct list out = {arena_alloc(a, n + 1, size), 0};
    while (out.n < n) {
        const char *best = NULL;
        size_t from = 0;
        for (size_t i = 0; i < n_lists; i++) {
            if (next[i] == lists[i].n)
                continue;
            const char *row = (const char *)lists[i].items + next[i] * size;
            int64_t at = int_at(row, at_offset), id = int_at(row, id_offset);
            if (!best || at > int_at(best, at_offset) ||
                (at == int_at(best, at_offset) && id > int_at(best, id_offset))) {
                best = row;
                from = i;
            }
        }
        memcpy((char *)out.items + out.n++ * size, best, size);
        next[from]++;
    }
    return out;
}
