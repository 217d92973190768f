/* rooms/automation/send.c - messages in line: put there, sent one after the other, tried again for a day, given up. */
#include "rooms/automation/inside.h"

enum { CLAIM_MS = 60000, RETRY_MOST_MS = 14400000 };

/* ---- hosts inside that an administrator allowed --------------------------------------------------- */

static const char hosts_setting[] = "webhook_hosts";
enum { HOSTS_MAX = 20 };
struct hosts {
    struct str_list hosts;
};
static const struct field hosts_fields[] = {
    FIELD(struct hosts, hosts, .max_len = HOSTS_MAX,
          .doc = "Names or addresses inside that webhooks may go to"),
};
const struct shape hosts_shape = SHAPE("webhook_hosts", struct hosts, hosts_fields);

enum err hosts_get(struct cx *cx, str *out)
{
    return settings_get(cx, hosts_setting, out);
}

bool hosts_have(str hosts, str host)
{
    while (hosts.len)
        if (str_eq(str_cut(&hosts, ' '), host) && host.len)
            return true;
    return false;
}

enum err hosts_route(struct cx *cx, void *in, void *out)
{
    struct hosts *o = out;
    str all = {0};
    (void)in;
    TRY(hosts_get(cx, &all));
    o->hosts.items = ARENA_ARRAY(cx->arena, HOSTS_MAX, str);
    while (all.len && o->hosts.n < HOSTS_MAX)
        o->hosts.items[o->hosts.n++] = str_cut(&all, ' ');
    return OK;
}

/* As it would stand in an address: "crm.lan", "10.0.0.7", "fd00::1". */
enum err hosts_plan(struct cx *cx, void *in, void *out)
{
    struct hosts *a = in;
    (void)out;
    for (size_t i = 0; i < a->hosts.n; i++) {
        str h = str_trim(a->hosts.items[i]);
        bool is_v6 = h.len && memchr(h.ptr, ':', h.len);
        struct webhook_url u = {0};
        str url =
            arena_printf(cx->arena, is_v6 ? "http://[" SFMT "]/" : "http://" SFMT "/", SARG(h));
        enum webhook_url_fault f = webhook_url_read(cx->arena, url, &u);
        bool is_plain = h.len && h.len <= 253 && !memchr(h.ptr, '/', h.len) &&
                        !memchr(h.ptr, '@', h.len) && !memchr(h.ptr, '?', h.len) &&
                        !memchr(h.ptr, '#', h.len);
        if (!is_plain || (f != WEBHOOK_URL_GOOD && f != WEBHOOK_URL_INSIDE))
            return fault_at(
                cx,
                fault(cx, ERR_INVALID, M_WEBHOOK_HOST, MARG("host", str_clean(cx->arena, h, 60))),
                S("hosts"));
        a->hosts.items[i] = u.host;
    }
    return OK;
}

enum err hosts_apply(struct cx *cx, void *in, void *out)
{
    const struct hosts *a = in;
    struct text t = text_in(cx->arena, 16384);
    for (size_t i = 0; i < a->hosts.n; i++) {
        if (i)
            text_add_char(&t, ' ');
        text_add(&t, a->hosts.items[i]);
    }
    TRY(settings_set(cx, hosts_setting, t.len ? text_str(&t) : S("")));
    TRY(audit_add(cx, "webhook.hosts", 0, 0, (str){0}));
    return hosts_route(cx, NULL, out);
}

/* ---- putting in line ---------------------------------------------------------------------------------- */

enum err delivery_add(struct cx *cx, automation_id a, run_id run, customer_id customer, str event,
                      str ref)
{
    int64_t waiting = 0;
    TRY(db_int(cx, &q_delivery_waiting, &waiting, ARGS(V(a), V(DELIVERIES_MAX))));
    if (waiting >= DELIVERIES_MAX)
        return ERR_TOO_MANY;
    return db_run(cx, &q_delivery_insert,
                  ARGS(V(id_new(cx->now_ms)), V(a), V(run.v), val_int_or_null(customer.v), V(event),
                       V(ref), V(cx->now_ms), V(cx->now_ms + SENT_FOR_MS)));
}

/* ---- sending -------------------------------------------------------------------------------------------- */

/* clang-format off */
static const struct field due_fields[] = {
    FIELD(struct delivery_due, id), FIELD_AS(struct delivery_due, automation, "automation_id"), FIELD_AS(struct delivery_due, run, "run_id", .nullable = true),
    FIELD_AS(struct delivery_due, customer, "customer_id", .nullable = true), FIELD(struct delivery_due, event), FIELD(struct delivery_due, ref),
    FIELD(struct delivery_due, tries), FIELD(struct delivery_due, due_ms), FIELD(struct delivery_due, until_ms), FIELD_AS(struct delivery_due, at, "at_ms"),
    FIELD(struct delivery_due, name), FIELD(struct delivery_due, secret, .nullable = true), FIELD(struct delivery_due, url, .nullable = true),
};
static const struct shape delivery_due_row_shape = SHAPE("delivery_due_row", struct delivery_due, due_fields);
/* clang-format on */

enum err delivery_next(struct cx *cx, struct list *out)
{
    bool is_held = true;
    str hosts = {0};
    *out = (struct list){0};
    TRY(sending_is_held(cx, &is_held));
    if (is_held)
        return OK;
    TRY(db_all(cx, &q_delivery_due, &delivery_due_row_shape, out, ARGS(V(cx->now_ms))));
    if (out->n)
        TRY(hosts_get(cx, &hosts));
    for (size_t i = 0; i < out->n; i++) {
        struct delivery_due *d = (struct delivery_due *)out->items + i;
        struct webhook_url u = {0};
        enum webhook_url_fault f = webhook_url_read(cx->arena, d->url, &u);
        d->may_inside =
            (f == WEBHOOK_URL_GOOD || f == WEBHOOK_URL_INSIDE) && hosts_have(hosts, u.host);
    }
    return OK;
}

enum err delivery_claim(struct cx *cx, struct delivery_due *d, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int64_t got = 0;
        TRY(db_run_count(cx, &q_delivery_claim, &got,
                         ARGS(V(cx->now_ms + CLAIM_MS), V(d[i].id), V(d[i].due_ms))));
        d[i].is_mine = got > 0;
    }
    return OK;
}

/* Ids and small codes only: whoever may know more asks for it. */
static str body_of(struct cx *cx, const struct delivery_due *d)
{
    struct text t = text_in(cx->arena, WEBHOOK_BODY_MAX);
    struct json_out j = {.to = &t};
    json_object_begin(&j);
    json_key(&j, S("id"));
    json_str(&j, id_text(cx->arena, "dlv", d->id.v));
    json_key(&j, S("at"));
    json_str(&j, when_text(cx->arena, d->at));
    json_key(&j, S("event"));
    json_str(&j, d->event);
    json_key(&j, S("automation"));
    json_object_begin(&j);
    json_key(&j, S("id"));
    json_str(&j, id_text(cx->arena, "aut", d->automation.v));
    json_key(&j, S("name"));
    json_str(&j, d->name);
    json_object_end(&j);
    json_key(&j, S("customer"));
    if (d->customer.v) {
        json_object_begin(&j);
        json_key(&j, S("id"));
        json_str(&j, id_text(cx->arena, "cus", d->customer.v));
        json_object_end(&j);
    } else {
        json_null(&j);
    }
    json_key(&j, S("ref"));
    if (d->ref.len)
        json_str(&j, d->ref);
    else
        json_null(&j);
    json_object_end(&j);
    return text_str(&t);
}

enum err delivery_request(struct cx *cx, const struct delivery_due *d, struct webhook_request *out,
                          str *reason)
{
    str secret = {0};
    struct webhook_url u = {0};
    *reason = S("");
    if (d->url.len == 0)
        *reason = S("gone");
    else if (!secret_open(cx, d->automation, d->secret, &secret))
        *reason = S("secret");
    else if (webhook_url_read(cx->arena, d->url, &u) == WEBHOOK_URL_INSIDE && !d->may_inside)
        *reason = S("inside");
    if (reason->len)
        return ERR_NOT_FOUND;
    struct http_header *h = ARENA_ARRAY(cx->arena, 3, struct http_header);
    *out = (struct webhook_request){.tag = d->id.v,
                                    .url = d->url,
                                    .body = body_of(cx, d),
                                    .headers = h,
                                    .n = 3,
                                    .may_inside = d->may_inside};
    h[0] = (struct http_header){S("Kith-Signature"),
                                webhook_signature(cx->arena, secret, cx->now_ms, out->body)};
    h[1] = (struct http_header){S("Kith-Delivery"), id_text(cx->arena, "dlv", d->id.v)};
    h[2] = (struct http_header){S("Kith-Event"), d->event};
    return OK;
}

static enum err ended(struct cx *cx, const struct delivery_due *d, const char *state,
                      int64_t status, str reason)
{
    return db_run(cx, &q_delivery_end,
                  ARGS(V(state), V(cx->now_ms), V(status), V(reason), V(d->id)));
}

enum err delivery_done(struct cx *cx, const struct delivery_due *d, const struct webhook_result *r,
                       str reason)
{
    enum { STATUS_GONE = 410 };
    if (!r)
        return ended(cx, d, "dead", 0, reason);
    str why = str_of(webhook_end_codes[r->end]);
    if (r->end == WEBHOOK_SENT)
        return ended(cx, d, "sent", r->status, S(""));
    uint32_t random = 0;
    random_bytes(&random, sizeof random);
    int64_t pause = webhook_pause_ms(d->tries + 1, random), asked = r->retry_after_s * 1000;
    if (asked > pause)
        pause = asked < RETRY_MOST_MS ? asked : RETRY_MOST_MS;
    if (r->status == STATUS_GONE || cx->now_ms + pause > d->until_ms)
        return ended(cx, d, "dead", r->status, why);
    return db_run(cx, &q_delivery_later,
                  ARGS(V(cx->now_ms + pause), V((int64_t)r->status), V(why), V(d->id)));
}

/* ---- the line, for people -------------------------------------------------------------------------------- */

static const char *const delivery_states[] = {"waiting", "sent", "dead"};
struct deliveries_in {
    automation_id automation;
    int64_t limit;
    str cursor;
};
struct automation_ref {
    automation_id id;
    str name;
};
struct delivery {
    delivery_id id;
    struct automation_ref automation;
    struct customer_ref customer;
    str event, ref;
    int state;
    int64_t tries;
    when due_at, at, done_at;
    int64_t status;
    str reason;
};
struct deliveries {
    struct list items;
    str next;
};
struct delivery_in {
    delivery_id id;
    struct delivery seen;
};
/* clang-format off */
static const struct field deliveries_in_fields[] = {
    FIELD(struct deliveries_in, automation, .doc = "Of this one, in every state; without it: those of all that were given up"), PAGE_FIELDS(struct deliveries_in),
};
const struct shape deliveries_in_shape = SHAPE("webhook_deliveries_in", struct deliveries_in, deliveries_in_fields);
static const struct field delivery_row_fields[] = {
    FIELD(struct delivery, id), FIELD_AS(struct delivery, automation.id, "automation_id"), FIELD_AS(struct delivery, automation.name, "automation_name"),
    FIELD_AS(struct delivery, customer.id, "customer_id", .nullable = true), FIELD_AS(struct delivery, customer.name, "customer_name", .nullable = true),
    FIELD(struct delivery, event), FIELD(struct delivery, ref), FIELD_ENUM(struct delivery, state, delivery_states), FIELD(struct delivery, tries),
    FIELD_AS(struct delivery, due_at, "due_ms"), FIELD_AS(struct delivery, at, "at_ms"), FIELD_AS(struct delivery, done_at, "done_ms", .nullable = true),
    FIELD(struct delivery, status), FIELD(struct delivery, reason),
};
static const struct shape delivery_row_shape = SHAPE("delivery_row", struct delivery, delivery_row_fields);
static const struct field automation_ref_fields[] = {FIELD(struct automation_ref, id), FIELD(struct automation_ref, name)};
static const struct shape automation_ref_shape = SHAPE("automation_ref", struct automation_ref, automation_ref_fields);
static const struct field delivery_fields[] = {
    FIELD(struct delivery, id), FIELD_STRUCT(struct delivery, automation, &automation_ref_shape),
    FIELD_STRUCT(struct delivery, customer, &customer_ref_shape, .nullable = true), FIELD(struct delivery, event), FIELD(struct delivery, ref, .omit_empty = true),
    FIELD_ENUM(struct delivery, state, delivery_states), FIELD(struct delivery, tries), FIELD(struct delivery, due_at, .nullable = true, .doc = "The next try"),
    FIELD(struct delivery, at), FIELD(struct delivery, done_at, .nullable = true), FIELD(struct delivery, status, .doc = "HTTP status of the last try; 0: none came"),
    FIELD(struct delivery, reason, .omit_empty = true, .doc = "Why the last try failed: status, redirect, inside, name, connect, tls, slow, big, broken; gone, secret"),
};
const struct shape delivery_shape = SHAPE("webhook_delivery", struct delivery, delivery_fields);
static const struct field deliveries_fields[] = {FIELD_LIST(struct deliveries, items, &delivery_shape), FIELD(struct deliveries, next, .nullable = true)};
const struct shape deliveries_shape = SHAPE("webhook_deliveries", struct deliveries, deliveries_fields);
static const struct field delivery_by_id_fields[] = {FIELD(struct delivery_in, id, .in_path = true)};
const struct shape delivery_by_id_shape = SHAPE("webhook_delivery_by_id", struct delivery_in, delivery_by_id_fields);
/* clang-format on */

static void dress(struct delivery *d)
{
    d->customer.name_lang = script_lang(d->customer.name);
    if (d->state != 0)
        d->due_at = (when){0};
}

enum err deliveries_route(struct cx *cx, void *in, void *out)
{
    struct deliveries_in *a = in;
    struct deliveries *o = out;
    int64_t sort, before;
    const char *tag = arena_printf(cx->arena, "deliveries %lld", (long long)a->automation.v).ptr;
    TRY(page_begin(cx, tag, &a->limit, a->cursor, &sort, &before));
    if (a->automation.v)
        TRY(db_all(cx, &q_delivery_of, &delivery_row_shape, &o->items,
                   ARGS(V(a->automation), V(before), V(a->limit))));
    else
        TRY(db_all(cx, &q_delivery_dead, &delivery_row_shape, &o->items,
                   ARGS(V(before), V(a->limit))));
    struct delivery *d = o->items.items;
    for (size_t i = 0; i < o->items.n; i++)
        dress(&d[i]);
    if ((int64_t)o->items.n == a->limit)
        o->next =
            cursor_make(cx->arena, cx->now_ms, tag, d[o->items.n - 1].id.v, d[o->items.n - 1].id.v);
    return OK;
}

enum err delivery_again_plan(struct cx *cx, void *in, void *out)
{
    struct delivery_in *a = in;
    (void)out;
    enum err e = db_one(cx, &q_delivery_get, &delivery_row_shape, &a->seen, ARGS(V(a->id)));
    return e == ERR_NOT_FOUND ? fault(cx, ERR_NOT_FOUND, M_DELIVERY_UNKNOWN) : e;
}

enum err delivery_again_apply(struct cx *cx, void *in, void *out)
{
    const struct delivery_in *a = in;
    int64_t n = 0;
    TRY(db_run_count(cx, &q_delivery_again, &n,
                     ARGS(V(cx->now_ms), V(cx->now_ms + SENT_FOR_MS), V(a->id))));
    if (n == 0)
        return fault(cx, ERR_CONFLICT, M_DELIVERY_SENT);
    TRY(audit_add(cx, "webhook.again", a->seen.customer.id.v, a->id.v, (str){0}));
    TRY(db_one(cx, &q_delivery_get, &delivery_row_shape, out, ARGS(V(a->id))));
    dress(out);
    return OK;
}
