/* rooms/call/call_lookup.c - who has this number, for programs and dial plans. */
#include "rooms/call/call_impl.h"

enum { PRIORITY_ORDINARY = 50, PRIORITY_IS_VIP = 90, PRIORITY_IS_SECOND = 70 };

static const char *const dresses[] = {"json", "text", "3cx", "priority"};
enum dress { AS_JSON, AS_TEXT, AS_3CX, AS_PRIORITY };
/* clang-format off */
struct lookup_in { str number; int as; };
static const struct field lookup_in_fields[] = {
    FIELD(struct lookup_in, number, .required = true, .max_len = NUMBER_MAX),
    FIELD_ENUM(struct lookup_in, as, dresses, .doc = "json; text: the name alone; priority: number 0-100, language, extension, queue"),
};
const struct shape lookup_in_shape = SHAPE("lookup_in", struct lookup_in, lookup_in_fields);

struct found { customer_id id; str name; int kind; str company, lang, country; };
static const struct field found_fields[] = {
    FIELD(struct found, id),
    FIELD(struct found, name, .personal = true),
    FIELD_ENUM(struct found, kind, customer_kind_codes),
    FIELD(struct found, company),
    FIELD(struct found, lang),
    FIELD(struct found, country),
};
static const struct shape lookup_customer_shape = SHAPE("lookup_customer", struct found, found_fields);

struct queue_place { str name; bool is_vip, is_blocked, is_second; };
static const struct field place_fields[] = {
    FIELD(struct queue_place, name),
    FIELD(struct queue_place, is_vip),
    FIELD(struct queue_place, is_blocked),
    FIELD(struct queue_place, is_second),
};
static const struct shape lookup_place_shape = SHAPE("lookup_place", struct queue_place, place_fields);

static const struct field vip_fields[] = {FIELD(struct queue_place, is_vip)};
static const struct shape lookup_vip_shape = SHAPE("lookup_vip", struct queue_place, vip_fields);

struct favourite { str extension; };
static const struct field favourite_fields[] = {FIELD(struct favourite, extension)};
static const struct shape lookup_favourite_shape = SHAPE("lookup_favourite", struct favourite, favourite_fields);
/* clang-format on */

struct seen {
    str number, e164;
    struct found customer; /* id 0: nobody, or several */
    struct list several;   /* of struct found */
    struct queue_place place;
};

static enum err one(struct cx *cx, customer_id id, struct found *out)
{
    enum err e = db_one(cx, &q_lookup_customer, &lookup_customer_shape, out, ARGS(V(id)));
    return e == ERR_NOT_FOUND ? OK : e;
}

/* The customer, and of his place in the queue as much as the answer tells: this is asked for every ring of a telephone. */
static enum err known(struct cx *cx, customer_id id, int as, struct seen *s)
{
    if (as != AS_PRIORITY) {
        struct db_read reads[] = {
            {&q_lookup_customer, &lookup_customer_shape, true, &s->customer, ARGS(V(id)), false},
            {&q_lookup_vip, &lookup_vip_shape, true, &s->place, ARGS(V(id)), false},
        };
        return db_batch(cx, reads, as == AS_JSON ? 2 : 1);
    }
    str zone = settings_current(cx)->time_zone;
    int64_t day = when_of_day(when_day((when){cx->now_ms}, zone), zone).ms;
    TRY(one(cx, id, &s->customer));
    enum err e = db_one(cx, &q_call_caller, &lookup_place_shape, &s->place, ARGS(V(day), V(id)));
    return e == ERR_NOT_FOUND ? OK : e;
}

/* Whose it is: first as it was told, and read by its country's plan when nobody has that. */
static enum err owners(struct cx *cx, str number, struct handle *h, bool *is_number)
{
    str told = str_trim(number);
    *is_number = true;
    if (phone_looks_full(told)) {
        *h = (struct handle){.type = IDENTITY_PHONE, .value = told};
        TRY(customer_owners(cx, h, 1));
        if (h->owners.n)
            return OK;
    }
    *is_number = !phone_is_withheld(number) &&
                 (handle_read(cx->arena, IDENTITY_PHONE, number, settings_current(cx)->region, h) ||
                  h->suffix.len);
    return *is_number ? customer_owners(cx, h, 1) : OK;
}

static enum err look(struct cx *cx, str number, int as, struct seen *s)
{
    s->number = number;
    struct handle h = {0};
    bool is_number = false;
    TRY(owners(cx, number, &h, &is_number));
    if (!is_number)
        return OK;
    s->e164 = h.value;
    const struct owner *o = h.owners.items;
    if (h.owners.n == 1 && !h.is_weak && o->state != IDENTITY_SHARED)
        return known(cx, o->customer, as, s);
    struct found *several = ARENA_ARRAY(cx->arena, h.owners.n + 1, struct found);
    for (size_t i = 0; i < h.owners.n && i < 16 && !h.is_weak; i++)
        TRY(one(cx, o[i].customer, &several[s->several.n++]));
    s->several.items = several;
    return OK;
}

static str as_json(struct cx *cx, const struct seen *s)
{
    struct text t = text_in(cx->arena, 64 * 1024);
    struct json_out j = {.to = &t, .role_bit = MAY(cx->actor.role)};
    json_object_begin(&j);
    json_key(&j, S("number"));
    json_str(&j, s->number);
    json_key(&j, S("e164"));
    json_str(&j, s->e164);
    json_key(&j, S("customer"));
    if (s->customer.id.v)
        json_write(&j, &lookup_customer_shape, &s->customer);
    else
        json_null(&j);
    json_key(&j, S("candidates"));
    json_array_begin(&j);
    const struct found *several = s->several.items;
    for (size_t i = 0; i < s->several.n; i++)
        json_write(&j, &lookup_customer_shape, &several[i]);
    json_array_end(&j);
    json_key(&j, S("is_vip"));
    json_bool(&j, s->place.is_vip);
    json_object_end(&j);
    return text_str(&t);
}

/* One field of a line that a dial plan cuts at commas. */
static void add_cell(struct text *t, str s)
{
    for (size_t i = 0; i < s.len; i++)
        text_add_char(t, s.ptr[i] == ',' || (unsigned char)s.ptr[i] < 0x20 ? ' ' : s.ptr[i]);
}

/* "90,ja,101,": number, language, extension of who served last, queue; an unknown caller gets the
 * ordinary value. */
static enum err as_priority(struct cx *cx, const struct seen *s, str *out)
{
    struct favourite f = {0};
    if (s->customer.id.v) {
        enum err e =
            db_one(cx, &q_lookup_favourite, &lookup_favourite_shape, &f, ARGS(V(s->customer.id)));
        if (e != OK && e != ERR_NOT_FOUND)
            return e;
    }
    int priority = s->place.is_blocked  ? 0
                   : s->place.is_vip    ? PRIORITY_IS_VIP
                   : s->place.is_second ? PRIORITY_IS_SECOND
                                        : PRIORITY_ORDINARY;
    struct text t = text_in(cx->arena, 1024);
    text_printf(&t, "%d,", priority);
    add_cell(&t, s->customer.lang);
    text_add_char(&t, ',');
    add_cell(&t, f.extension);
    text_add(&t, S(",\n"));
    *out = text_str(&t);
    return OK;
}

enum err lookup_read(struct cx *cx, void *in_, void *out_)
{
    struct lookup_in *in = in_;
    struct raw_reply *r = out_;
    struct seen s = {0};
    if (in->as == AS_3CX)
        return fault_field(cx, ERR_INVALID, S("as"), M_LOOKUP_3CX);
    TRY(look(cx, in->number, in->as, &s));
    if (s.customer.id.v)
        audit_view(cx, s.customer.id.v);
    *r = (struct raw_reply){.status = 200, .content_type = S("text/plain; charset=utf-8")};
    switch ((enum dress)in->as) {
    case AS_TEXT:
        r->body = arena_printf(cx->arena, SFMT "\n", SARG(s.customer.name));
        return OK;
    case AS_PRIORITY:
        return as_priority(cx, &s, &r->body);
    default:
        r->content_type = S("application/json");
        r->body = as_json(cx, &s);
        return OK;
    }
}
