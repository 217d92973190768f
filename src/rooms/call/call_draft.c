/* rooms/call/call_draft.c - an unknown caller: what is typed is kept, who it may be is shown, and
 * it becomes a customer. */
#include "rooms/call/call_impl.h"

enum { MATCHES_MAX = 8, NAME_MIN_CHARS = 2 };

/* ---- the form
 * ------------------------------------------------------------------------------------ */

#define DRAFT_FIELDS(st)                                                              \
    FIELD(st, name, .max_len = 200, .omit_empty = true, .personal = true),            \
        FIELD(st, reason, .max_len = 500, .omit_empty = true, .personal = true),      \
        FIELD(st, email, .max_len = 254, .omit_empty = true, .personal = true),       \
        FIELD(st, other_number, .max_len = 40, .omit_empty = true, .personal = true), \
        FIELD(st, company, .max_len = 200, .omit_empty = true, .personal = true),     \
        FIELD(st, address, .max_len = 300, .omit_empty = true, .personal = true),     \
        FIELD(st, postal, .max_len = 20, .omit_empty = true, .personal = true),       \
        FIELD(st, city, .max_len = 100, .omit_empty = true, .personal = true),        \
        FIELD(st, country, .max_len = 2, .omit_empty = true),                         \
        FIELD(st, opinion, .max_len = 2000, .multiline = true, .omit_empty = true,    \
              .personal = true),                                                      \
        FIELD(st, heard_of_us, .max_len = 200, .omit_empty = true),                   \
        FIELD(st, lang, .max_len = 35, .omit_empty = true)

struct draft_in {
    call_id id;
    str name, reason, email, other_number, company, address, postal, city, country, opinion,
        heard_of_us, lang;
    struct call seen; /* of plan */
    str json;
};
/* clang-format off */
static const struct field draft_in_fields[] = {
    FIELD(struct draft_in, id, .in_path = true),
    DRAFT_FIELDS(struct draft_in),
};
const struct shape draft_in_shape = SHAPE("call_draft", struct draft_in, draft_in_fields);
static const struct field draft_kept_fields[] = {DRAFT_FIELDS(struct draft_in)};
static const struct shape draft_kept_shape = SHAPE("call_draft_kept", struct draft_in, draft_kept_fields);

struct match { customer_id id; str name, lang, company, city, detail, why, name_lang; };
static const struct field match_row_fields[] = {
    FIELD(struct match, id),
    FIELD(struct match, name),
    FIELD(struct match, lang),
    FIELD(struct match, company),
    FIELD(struct match, city),
};
static const struct shape call_match_id_shape = SHAPE("call_match_id", struct match, match_row_fields);
static const struct field match_fields[] = {
    FIELD(struct match, id),
    FIELD(struct match, name, .personal = true),
    FIELD(struct match, name_lang),
    FIELD(struct match, detail, .personal = true, .doc = "Company or city"),
    FIELD(struct match, why, .doc = "email, phone, name, company"),
};
static const struct shape match_shape = SHAPE("call_match", struct match, match_fields);
struct draft_out { struct list matches; };
static const struct field draft_out_fields[] = {FIELD_LIST(struct draft_out, matches, &match_shape)};
const struct shape draft_out_shape = SHAPE("call_matches", struct draft_out, draft_out_fields);

/* ---- who it may be ---------------------------------------------------------------------------------- */

struct matches { struct match items[MATCHES_MAX]; size_t n; };
/* clang-format on */

static void add(struct matches *m, const struct list *found, const char *why)
{
    const struct match *f = found->items;
    for (size_t i = 0; i < found->n && m->n < MATCHES_MAX; i++) {
        bool is_there = false;
        for (size_t k = 0; k < m->n; k++)
            is_there |= m->items[k].id.v == f[i].id.v;
        if (is_there)
            continue;
        struct match *to = &m->items[m->n++];
        *to = f[i];
        to->detail = f[i].company.len ? f[i].company : f[i].city;
        to->why = str_of(why);
        to->name_lang = customer_name_lang(to->name, to->lang);
    }
}

static enum err add_owners(struct cx *cx, struct matches *m, const struct handle *h,
                           const char *why)
{
    if (!h->owners.n)
        return OK;
    const struct owner *o = h->owners.items;
    int64_t *ids = ARENA_ARRAY(cx->arena, h->owners.n, int64_t);
    for (size_t i = 0; i < h->owners.n; i++)
        ids[i] = o[i].customer.v;
    struct list found = {0};
    TRY(db_all(cx, &q_call_match_ids, &call_match_id_shape, &found,
               ARGS(val_ints(ids, h->owners.n))));
    add(m, &found, why);
    return OK;
}

/* Every key that begins like this one: up to the key with its last byte counted one up. */
static str key_end(struct arena *a, str key)
{
    char *p = arena_alloc(a, 1, key.len);
    memcpy(p, key.ptr, key.len);
    size_t n = key.len;
    while (n && (unsigned char)p[n - 1] >= 0x7f) /* keeps it UTF-8: cut to the last ASCII letter */
        n--;
    if (!n)
        return arena_printf(a, SFMT "\xf4\x8f\xbf\xbf", SARG(key));
    p[n - 1]++;
    return n == key.len ? (str){p, n} : arena_printf(a, SFMT "\xf4\x8f\xbf\xbf", SARG(key));
}

static enum err add_names(struct cx *cx, struct matches *m, str name, const char *why)
{
    name = str_trim(name);
    if (!name.len || str_chars(name) < NAME_MIN_CHARS)
        return OK;
    struct name_keys keys = name_keys(cx->arena, name, S(""));
    for (size_t i = 0; i < keys.n && m->n < MATCHES_MAX; i++) {
        struct list found = {0};
        TRY(db_all(cx, &q_call_match_names, &call_match_id_shape, &found,
                   ARGS(V(keys.keys[i]), V(key_end(cx->arena, keys.keys[i])))));
        add(m, &found, why);
    }
    return OK;
}

static enum err find_matches(struct cx *cx, const struct draft_in *in, struct list *out)
{
    struct matches *m = ARENA_NEW(cx->arena, struct matches);
    struct handle h[2] = {0};
    str region = settings_current(cx)->region;
    bool has_email =
        in->email.len && handle_read(cx->arena, IDENTITY_EMAIL, in->email, region, &h[0]);
    bool has_phone = in->other_number.len &&
                     (handle_read(cx->arena, IDENTITY_PHONE, in->other_number, region, &h[1]) ||
                      h[1].suffix.len);
    if (has_email)
        TRY(customer_owners(cx, &h[0], 1));
    if (has_phone)
        TRY(customer_owners(cx, &h[1], 1));
    TRY(add_owners(cx, m, &h[0], "email"));
    TRY(add_owners(cx, m, &h[1], "phone"));
    TRY(add_names(cx, m, in->name, "name"));
    TRY(add_names(cx, m, in->company, "company"));
    *out = (struct list){m->items, m->n};
    return OK;
}

/* ---- kept while typing
 * --------------------------------------------------------------------------------- */

enum err draft_plan(struct cx *cx, void *in_, void *out_)
{
    struct draft_in *in = in_;
    struct draft_out *out = out_;
    TRY(call_for_writing(cx, in->id, &in->seen));
    if (in->seen.customer.id.v)
        return fault(cx, ERR_CONFLICT, M_CALL_HAS_CUSTOMER);
    struct text t = text_in(cx->arena, 64 * 1024);
    struct json_out j = {.to = &t};
    json_write(&j, &draft_kept_shape, in);
    in->json = text_str(&t);
    return find_matches(cx, in, &out->matches);
}

enum err draft_apply(struct cx *cx, void *in_, void *out)
{
    (void)out;
    struct draft_in *in = in_;
    TRY(db_run(cx, &q_call_draft_save, ARGS(V(in->id), V(in->json), V(cx->now_ms))));
    return call_touched(cx, &in->seen);
}

/* ---- the form becomes a customer
 * ------------------------------------------------------------------------ */

/* clang-format off */
static const struct field customer_in_fields[] = {
    FIELD(struct call_customer_in, id, .in_path = true),
    DRAFT_FIELDS(struct call_customer_in),
    FIELD(struct call_customer_in, join, .doc = "A customer who is known already: the number becomes his"),
};
const struct shape call_customer_in_shape = SHAPE("call_customer_in", struct call_customer_in, customer_in_fields);
/* clang-format on */

static struct list identities(struct cx *cx, const struct call_customer_in *in,
                              const struct call *c)
{
    struct intake_identity *to = ARENA_ARRAY(cx->arena, 3, struct intake_identity);
    size_t n = 0;
    if (c->e164.len)
        to[n++] = (struct intake_identity){.type = IDENTITY_PHONE, .value = c->e164};
    if (in->email.len)
        to[n++] = (struct intake_identity){.type = IDENTITY_EMAIL, .value = in->email};
    if (in->other_number.len)
        to[n++] = (struct intake_identity){.type = IDENTITY_PHONE, .value = in->other_number};
    return (struct list){to, n};
}

static bool is_country(str s)
{
    return s.len == 0 ||
           (s.len == 2 && s.ptr[0] >= 'A' && s.ptr[0] <= 'Z' && s.ptr[1] >= 'A' && s.ptr[1] <= 'Z');
}

enum err call_customer_plan(struct cx *cx, struct call_customer_in *in)
{
    struct call c = {0};
    TRY(call_for_writing(cx, in->id, &c));
    if (c.customer.id.v)
        return fault(cx, ERR_CONFLICT, M_CALL_HAS_CUSTOMER);
    if (!in->join.v && !str_trim(in->name).len && !str_trim(in->company).len)
        return fault_field(cx, ERR_INVALID, S("name"), M_CALL_NAMELESS);
    if (!is_country(in->country))
        return fault_field(cx, ERR_INVALID, S("country"), M_CALL_COUNTRY);
    str no_zone = {0};
    TRY(customer_check(cx, "", &in->lang, &no_zone,
                       &in->country)); /* before intake names them its own way */
    if (in->email.len) {
        str normal;
        if (!email_read(cx->arena, in->email, &normal))
            return fault_field(cx, ERR_INVALID, S("email"), M_CALL_EMAIL);
    }
    if (in->join.v) {
        TRY(customer_root(cx, in->join, &in->join, NULL));
    }
    bool is_company = !str_trim(in->name).len;
    in->intake = call_line(
        cx, in->id, c.direction, c.ring_at,
        c.staff.id.v ? c.staff.id : (staff_id){cx->actor.kind == ACTOR_STAFF ? cx->actor.id : 0},
        in->join, S(""));
    in->intake.identities = identities(cx, in, &c);
    in->intake.subject = in->reason;
    in->intake.text = in->opinion;
    in->intake.claims = (struct intake_claims){
        .name = is_company ? in->company : in->name,
        .company = is_company ? S("") : in->company,
        .kind = is_company ? S("company") : S("person"),
        .lang = in->lang,
        .country = in->country.len ? in->country : c.number_country,
        .city = in->city,
        .heard_of_us = in->heard_of_us,
        .address_kind = in->address.len || in->postal.len ? S("home") : S(""),
        .address_line = in->address,
        .address_postal = in->postal,
    };
    return intake_plan(cx, &in->intake);
}

struct before {
    call_id id;
    int direction;
    when ring_at;
    staff_id staff;
    int64_t priority;
};
/* clang-format off */
static const struct field before_fields[] = {
    FIELD(struct before, id),
    FIELD_ENUM(struct before, direction, direction_codes),
    FIELD_AS(struct before, ring_at, "ring_ms"),
    FIELD_AS(struct before, staff, "staff_id", .nullable = true),
    FIELD(struct before, priority),
};
static const struct shape call_before_shape = SHAPE("call_before", struct before, before_fields);
/* clang-format on */

static enum err belongs(struct cx *cx, call_id id, const struct intake_result *line, str reason,
                        int64_t priority, bool is_chosen)
{
    TRY(db_run(cx, &q_call_customer_set,
               ARGS(V(line->customer), V(is_chosen), val_int_or_null(line->interaction.v),
                    V(reason), V(priority), V(id))));
    return db_run(cx, &q_call_back_owner, ARGS(V(line->customer), V(id)));
}

/* What he said when nobody knew him is his history too. */
static enum err adopt_earlier(struct cx *cx, const struct call *c, customer_id customer)
{
    struct list earlier = {0};
    if (!c->e164.len)
        return OK;
    TRY(db_all(cx, &q_call_unknown_before, &call_before_shape, &earlier,
               ARGS(V(c->e164), V(c->id))));
    const struct before *b = earlier.items;
    for (size_t i = 0; i < earlier.n; i++) {
        struct intake line =
            call_line(cx, b[i].id, b[i].direction, b[i].ring_at, b[i].staff, customer, S(""));
        struct intake_result r = {0};
        TRY(intake_plan(cx, &line));
        TRY(intake_take(cx, &line, &r));
        TRY(belongs(cx, b[i].id, &r, S(""), b[i].priority, false));
    }
    return OK;
}

enum err call_customer_apply(struct cx *cx, const struct call_customer_in *in,
                             struct intake_result *out)
{
    struct call c = {0};
    TRY(call_get(cx, in->id, &c));
    if (c.customer.id.v)
        return fault(cx, ERR_CONFLICT, M_CALL_HAS_CUSTOMER);
    TRY(intake_take(cx, &in->intake, out));
    TRY(belongs(cx, in->id, out, in->reason, c.priority, true));
    TRY(adopt_earlier(cx, &c, out->customer));
    TRY(db_run(cx, &q_call_draft_delete, ARGS(V(in->id))));
    c.customer.id = out->customer;
    TRY(audit_add(cx, out->is_new ? "call.customer_new" : "call.customer_join", out->customer.v,
                  in->id.v, S("")));
    return call_tell_changed(cx, in->id, out->customer, c.staff.id);
}
