/* rooms/call/call.c - a call as people see it: one row, its candidates and checks. */
#include "rooms/call/call_impl.h"

const char *const call_state_codes[3] = {"ringing", "answered", "ended"};
const char *const call_outcome_codes[4] = {"", "solved", "follow_up", "passed_on"};

int call_outcome_of(str code)
{
    for (int i = 0; i < (int)COUNT(call_outcome_codes); i++)
        if (str_eq(code, str_of(call_outcome_codes[i])))
            return i;
    return 0;
}

/* clang-format off */
static const struct field candidate_fields[] = {
    FIELD(struct call_candidate, id),
    FIELD(struct call_candidate, name, .personal = true),
    FIELD(struct call_candidate, lang),
    FIELD(struct call_candidate, why, .doc = "shared_number, same_number"),
    FIELD(struct call_candidate, name_lang, .not_column = true),
};
const struct shape call_candidate_shape = SHAPE("call_candidate", struct call_candidate, candidate_fields);

static const struct field check_fields[] = {
    FIELD(struct call_check, question),
    FIELD(struct call_check, is_right),
};
const struct shape call_check_shape = SHAPE("call_check", struct call_check, check_fields);

/* ---- as JSON ----------------------------------------------------------------------------- */

struct call_customer { customer_id id; str name, name_lang; int kind; str lang; };
static const struct field customer_fields[] = {
    FIELD(struct call_customer, id, .nullable = true),
    FIELD(struct call_customer, name, .personal = true),
    FIELD(struct call_customer, name_lang),
    FIELD_ENUM(struct call_customer, kind, customer_kind_codes),
    FIELD(struct call_customer, lang),
};
static const struct shape customer_of_call = SHAPE("call_customer", struct call_customer, customer_fields);
struct call_staff { staff_id id; str name; };
static const struct field staff_fields[] = {
    FIELD(struct call_staff, id, .nullable = true),
    FIELD(struct call_staff, name),
};
static const struct shape staff_of_call = SHAPE("call_staff", struct call_staff, staff_fields);
/* The name comes first: who spoke may be known by name only. */
struct call_spoke { customer_id id; str name; };
static const struct field spoke_fields[] = {
    FIELD(struct call_spoke, name, .nullable = true, .personal = true),
    FIELD(struct call_spoke, id, .nullable = true),
};
static const struct shape spoke_of_call = SHAPE("call_spoke", struct call_spoke, spoke_fields);
struct call_link { phone_link_id id; str name; };
static const struct field link_fields[] = {
    FIELD(struct call_link, id, .nullable = true),
    FIELD(struct call_link, name),
};
static const struct shape link_of_call = SHAPE("call_link", struct call_link, link_fields);
/* clang-format on */

_Static_assert(sizeof(struct call_customer) == sizeof((struct call){0}.customer) &&
                   sizeof(struct call_staff) == sizeof((struct call){0}.staff) &&
                   sizeof(struct call_spoke) == sizeof((struct call){0}.spoke) &&
                   sizeof(struct call_link) == sizeof((struct call){0}.link),
               "the parts of struct call and their shapes are one");

/* clang-format off */
static const struct field fields[] = {
    FIELD(struct call, id),
    FIELD_ENUM(struct call, direction, direction_codes),
    FIELD_ENUM(struct call, state, call_state_codes),
    FIELD(struct call, number, .personal = true, .doc = "The other party, as given"),
    FIELD(struct call, e164, .personal = true),
    FIELD(struct call, national, .personal = true, .doc = "Written for people"),
    FIELD(struct call, place, .doc = "Place or country of the number, in the language asked"),
    FIELD(struct call, number_kind, .doc = "mobile, fixed, voip …; empty when unknown"),
    FIELD(struct call, number_country),
    FIELD(struct call, is_withheld),
    FIELD(struct call, caller_name, .personal = true, .doc = "As the telephone network says; never proof"),
    FIELD(struct call, called),
    FIELD(struct call, diversion),
    FIELD(struct call, queue),
    FIELD_STRUCT(struct call, customer, &customer_of_call, .nullable = true),
    FIELD(struct call, is_chosen, .doc = "The customer was chosen by a person, not known by the number"),
    FIELD_LIST(struct call, candidates, &call_candidate_shape),
    FIELD(struct call, is_vip),
    FIELD(struct call, is_second, .doc = "Second call of the day, the first one is unsolved"),
    FIELD(struct call, priority),
    FIELD(struct call, ring_at, .nullable = true),
    FIELD(struct call, answer_at, .nullable = true),
    FIELD(struct call, end_at, .nullable = true),
    FIELD(struct call, wrapped_at, .nullable = true),
    FIELD_STRUCT(struct call, staff, &staff_of_call, .nullable = true, .doc = "Who answered"),
    FIELD(struct call, cause),
    FIELD(struct call, outcome, .doc = "solved, follow_up, passed_on; empty before the wrap-up"),
    FIELD(struct call, reason, .personal = true),
    FIELD(struct call, note, .personal = true),
    FIELD_ENUM(struct call, impression, impression_codes, .doc = "Of who answered, after the call; empty: none"),
    FIELD_STRUCT(struct call, spoke, &spoke_of_call, .nullable = true, .doc = "Who spoke, when not the customer himself"),
    FIELD_STRUCT(struct call, link, &link_of_call, .nullable = true),
    FIELD(struct call, can, .doc = "pull, hold, mute, transfer, hangup, dial: what the telephone link can do"),
    FIELD_LIST(struct call, checks, &call_check_shape),
    FIELD_JSON(struct call, draft, .nullable = true, .personal = true),
    FIELD(struct call, version),
};
const struct shape call_shape = SHAPE("call", struct call, fields);

/* ---- as a row ---------------------------------------------------------------------------- */

static const struct field row_fields[] = {
    FIELD(struct call, id),
    FIELD_ENUM(struct call, direction, direction_codes),
    FIELD_ENUM(struct call, state, call_state_codes),
    FIELD(struct call, number),
    FIELD(struct call, e164),
    FIELD(struct call, national),
    FIELD(struct call, number_kind),
    FIELD(struct call, number_country),
    FIELD(struct call, is_withheld),
    FIELD(struct call, caller_name),
    FIELD(struct call, called),
    FIELD(struct call, diversion),
    FIELD(struct call, queue),
    FIELD_AS(struct call, customer.id, "customer_id", .nullable = true),
    FIELD_AS(struct call, customer.name, "customer_name", .nullable = true),
    {.name = "customer_kind", .offset = offsetof(struct call, customer.kind), .size = sizeof(int), .type = F_ENUM,
     .names = customer_kind_codes, .n_names = 2, .nullable = true},
    FIELD_AS(struct call, customer.lang, "customer_lang", .nullable = true),
    FIELD(struct call, is_chosen),
    FIELD(struct call, is_vip),
    FIELD(struct call, is_second),
    FIELD(struct call, priority),
    FIELD_AS(struct call, ring_at, "ring_ms"),
    FIELD_AS(struct call, answer_at, "answer_ms", .nullable = true),
    FIELD_AS(struct call, end_at, "end_ms", .nullable = true),
    FIELD_AS(struct call, wrapped_at, "wrapped_ms", .nullable = true),
    FIELD_AS(struct call, staff.id, "staff_id", .nullable = true),
    FIELD_AS(struct call, staff.name, "staff_name", .nullable = true),
    FIELD(struct call, cause),
    FIELD(struct call, outcome),
    FIELD(struct call, reason),
    FIELD(struct call, note),
    FIELD_AS(struct call, impression_n, "impression"),
    FIELD_AS(struct call, spoke.id, "spoke_id", .nullable = true),
    FIELD_AS(struct call, spoke.name, "spoke_name", .nullable = true),
    FIELD_AS(struct call, link.id, "link_id"),
    FIELD_AS(struct call, link.name, "link_name", .nullable = true),
    FIELD(struct call, draft, .nullable = true),
    FIELD(struct call, version),
};
const struct shape call_row_shape = SHAPE("call_row", struct call, row_fields);
/* clang-format on */

void call_finish(struct cx *cx, struct call *c)
{
    c->impression = c->impression_n > 0 && c->impression_n < IMPRESSION_N ? (int)c->impression_n
                                                                          : IMPRESSION_NONE;
    if (c->customer.id.v)
        c->customer.name_lang = customer_name_lang(c->customer.name, c->customer.lang);
    if (c->e164.len)
        c->place = phone_place(cx->arena, c->e164, cx->lang);
    struct call_candidate *k = c->candidates.items;
    for (size_t i = 0; i < c->candidates.n; i++)
        k[i].name_lang = customer_name_lang(k[i].name, k[i].lang);
}

static enum err read_call(struct cx *cx, call_id id, struct call *out, struct list *whose)
{
    *out = (struct call){0};
    struct list candidates = {0}, checks = {0};
    struct db_read reads[] = {
        {.q = &q_call_get, .shape = &call_row_shape, .one = true, .out = out, .args = ARGS(V(id))},
        {.q = &q_call_candidates,
         .shape = &call_candidate_shape,
         .out = &candidates,
         .args = ARGS(V(id))},
        {.q = &q_call_checks, .shape = &call_check_shape, .out = &checks, .args = ARGS(V(id))},
        {.q = &q_call_customer_ids,
         .shape = &customer_ids_shape,
         .out = whose,
         .args = ARGS(V(id))},
    };
    TRY(db_batch(cx, reads, COUNT(reads) - (whose ? 0 : 1)));
    if (!reads[0].found)
        return fault(cx, ERR_NOT_FOUND, M_CALL_NOT_FOUND);
    out->candidates = candidates;
    out->checks = checks;
    call_finish(cx, out);
    return OK;
}

enum err call_get(struct cx *cx, call_id id, struct call *out)
{
    return read_call(cx, id, out, NULL);
}

enum err call_get_whose(struct cx *cx, call_id id, struct call *out, struct list *rows)
{
    return read_call(cx, id, out, rows);
}

/* clang-format off */
struct waiting { int64_t n; when longest; };
static const struct field waiting_fields[] = {
    FIELD_AS(struct waiting, n, "waiting"),
    FIELD_AS(struct waiting, longest, "longest_ms"),
};
static const struct shape waiting_shape = SHAPE("call_waiting", struct waiting, waiting_fields);
/* clang-format on */

enum err call_queue(struct cx *cx, struct list *out, int64_t *waiting, when *longest_since)
{
    struct waiting w = {0};
    struct db_read reads[] = {
        {.q = &q_call_queue,
         .shape = &call_row_shape,
         .out = out,
         .args = ARGS(V(cx->now_ms - WAITS_LONG_MS))},
        {.q = &q_call_waiting, .shape = &waiting_shape, .one = true, .out = &w},
    };
    TRY(db_batch(cx, reads, COUNT(reads)));
    *waiting = w.n;
    *longest_since = w.longest;
    struct call *c = out->items;
    for (size_t i = 0; i < out->n; i++)
        call_finish(cx, &c[i]);
    return OK;
}

/* ---- who may write -----------------------------------------------------------------------------
 */

enum err call_may_write(struct cx *cx, const struct call *c)
{
    bool leads = (MAY(cx->actor.role) & MAY_LEAD) != 0;
    if (cx->actor.kind == ACTOR_SYSTEM || leads || !c->staff.id.v ||
        (cx->actor.kind == ACTOR_STAFF && c->staff.id.v == cx->actor.id))
        return OK;
    return fault(cx, ERR_DENIED, M_CALL_NOT_YOURS, MARG("name", c->staff.name));
}

enum err call_for_writing(struct cx *cx, call_id id, struct call *out)
{
    TRY(call_get(cx, id, out));
    TRY(call_may_write(cx, out));
    if (cx->if_match >= 0 && cx->if_match != out->version)
        return fault(cx, ERR_STALE, M_CALL_MOVED);
    return OK;
}

enum err call_touched(struct cx *cx, const struct call *c)
{
    if (cx->actor.kind != ACTOR_STAFF)
        return audit_add(cx, "call.write", c->customer.id.v, c->id.v, S(""));
    int64_t is_first = 0;
    TRY(db_run_count(cx, &q_call_touch_add, &is_first, ARGS(V(c->id), V(cx->actor.id))));
    return is_first ? audit_add(cx, "call.write", c->customer.id.v, c->id.v, S("")) : OK;
}

enum err call_tell_changed(struct cx *cx, call_id id, customer_id customer, staff_id staff)
{
    return event_add(cx, EVENT_CALL_CHANGED, customer.v, id.v,
                     arena_printf(cx->arena, "%lld", (long long)staff.v));
}

struct intake call_line(struct cx *cx, call_id id, int direction, when ring_at, staff_id staff,
                        customer_id customer, str given)
{
    struct intake line = {
        .channel = CHANNEL_CALL,
        .direction = direction,
        .at = ring_at,
        /* A call may come to stand on two timelines, when a person corrects who it was. */
        .source_id =
            arena_printf(cx->arena, "call:%lld:%lld", (long long)id.v, (long long)customer.v),
        .trust = TRUST_PRESENTED,
        .customer = customer,
        .ref_id = id.v,
        .staff = staff,
    };
    if (given.len) {
        struct intake_identity *phone = ARENA_NEW(cx->arena, struct intake_identity);
        *phone = (struct intake_identity){.type = IDENTITY_PHONE, .value = given};
        line.identities = (struct list){phone, 1};
    }
    return line;
}
