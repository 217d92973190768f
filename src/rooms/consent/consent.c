/* rooms/consent/consent.c - what the customer said about offers and profiling: noted, listed, asked. */
#include "rooms/consent/consent.h"
#include "messages.h"
#include "queries.h"

enum { FUTURE_MS = 60000 };

enum err consent_is_given(struct cx *cx, customer_id id, int purpose, bool *is_given)
{
    customer_id root;
    struct list rows = {0};
    *is_given = false;
    TRY(customer_root(cx, id, &root, NULL));
    TRY(db_all(cx, &q_consent_of_customer, &consent_row_shape, &rows, ARGS(V(root))));
    struct list now = consents_settle(cx->arena, &rows);
    const struct consent *c = now.items;
    for (size_t i = 0; i < now.n; i++)
        if (c[i].purpose == purpose)
            *is_given = c[i].state == CONSENT_GIVEN;
    return OK;
}

enum err consent_add(struct cx *cx, const struct consent_new *c)
{
    str purpose = str_of(consent_purpose_codes[c->purpose]);
    int64_t at = c->at.ms ? c->at.ms : cx->now_ms;
    TRY(db_run(cx, &q_consent_insert,
               ARGS(V(c->id), V(c->customer), V(purpose), V(consent_state_codes[c->state]),
                    V(c->channel), V(c->source), V(c->proof), V(at),
                    val_int_or_null(cx->actor.kind == ACTOR_STAFF ? cx->actor.id : 0),
                    V(cx->now_ms))));
    TRY(db_run(cx, &q_consent_now_put, ARGS(V(c->customer), V(purpose), V(c->id), V(at))));
    TRY(audit_add(
        cx, "consent.add", c->customer.v, c->id.v,
        arena_printf(cx->arena, SFMT " %s", SARG(purpose), consent_state_codes[c->state])));
    return event_add(cx, EVENT_CUSTOMER_CHANGED, c->customer.v, c->id.v, (str){0});
}

/* ---- POST /customers/{id}/consents ---------------------------------------------------------- */

static const char *const channel_codes_known[] = {"call",     "email",  "chat",  "fax",
                                                  "letter",   "form",   "visit", "order",
                                                  "purchase", "survey", "note"};
struct consent_in {
    customer_id id;
    int purpose, state, channel;
    str source, proof;
    when at;
    struct consent_new made;
};
/* clang-format off */
static const struct field consent_in_fields[] = {
    FIELD(struct consent_in, id, .in_path = true),
    FIELD_ENUM(struct consent_in, purpose, consent_purpose_codes, .required = true),
    FIELD_ENUM(struct consent_in, state, consent_state_codes, .required = true),
    FIELD_ENUM(struct consent_in, channel, channel_codes_known, .required = true, .doc = "By which it was said"),
    FIELD(struct consent_in, source, .doc = "The form, campaign, counter …"),
    FIELD(struct consent_in, proof, .max_len = 1000, .personal = true, .multiline = true, .doc = "The words, the number of the letter, the name of the recording …"),
    FIELD(struct consent_in, at, .doc = "When it was said; default now"),
};
static const struct shape consent_in_shape = SHAPE("consent_in", struct consent_in, consent_in_fields);
/* clang-format on */

static enum err add_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct consent_in *a = in;
    customer_id root;
    TRY(customer_root(cx, a->id, &root, NULL));
    if (a->at.ms < 0 || a->at.ms > cx->now_ms + FUTURE_MS)
        return fault_field(cx, ERR_INVALID, S("at"), M_CONSENT_AT);
    /* Who says that a customer agreed must be able to show it. */
    if (a->state == CONSENT_GIVEN && str_trim(a->proof).len == 0)
        return fault_field(cx, ERR_INVALID, S("proof"), M_CONSENT_PROOF);
    consent_id id = a->made.id.v ? a->made.id : (consent_id){id_new(cx->now_ms)};
    a->made = (struct consent_new){.id = id,
                                   .customer = root,
                                   .purpose = a->purpose,
                                   .state = a->state,
                                   .channel = str_of(channel_codes_known[a->channel]),
                                   .source = a->source,
                                   .proof = a->proof,
                                   .at = a->at};
    return OK;
}

static enum err replay(struct cx *cx, int64_t id, void *out)
{
    return db_one(cx, &q_consent_get, &consent_row_shape, out, ARGS(V(id)));
}

static enum err add_apply(struct cx *cx, void *in, void *out)
{
    const struct consent_in *a = in;
    TRY(consent_add(cx, &a->made));
    cx->made_id = a->made.id.v;
    return replay(cx, a->made.id.v, out);
}

/* ---- GET /customers/{id}/consents ----------------------------------------------------------- */

struct page_in {
    customer_id id;
    int64_t limit;
    str cursor;
};
struct page_out {
    struct list now, items;
    str next;
};
/* clang-format off */
static const struct field page_in_fields[] = {
    FIELD(struct page_in, id, .in_path = true),
    PAGE_FIELDS(struct page_in),
};
static const struct shape page_in_shape = SHAPE("consents_in", struct page_in, page_in_fields);
static const struct field page_out_fields[] = {
    FIELD_LIST(struct page_out, now, &consent_shape, .doc = "What stands: one a purpose"),
    FIELD_LIST(struct page_out, items, &consent_shape, .doc = "All that was said, newest first"),
    FIELD(struct page_out, next, .nullable = true),
};
static const struct shape page_out_shape = SHAPE("consents", struct page_out, page_out_fields);
/* clang-format on */

static enum err list(struct cx *cx, void *in, void *out)
{
    struct page_in *a = in;
    struct page_out *page = out;
    customer_id root;
    struct list ids, rows = {0};
    int64_t sort, before;
    TRY(customer_root(cx, a->id, &root, &ids));
    const char *tag =
        arena_cstr(cx->arena, arena_printf(cx->arena, "consents %lld", (long long)root.v));
    TRY(page_begin(cx, tag, &a->limit, a->cursor, &sort, &before));
    const int64_t *each = ids.items;
    struct db_read *reads = ARENA_ARRAY(cx->arena, ids.n + 1, struct db_read);
    struct list *lists = ARENA_ARRAY(cx->arena, ids.n, struct list);
    struct val *args = ARENA_ARRAY(cx->arena, 3 * ids.n, struct val);
    for (size_t i = 0; i < ids.n; i++) {
        struct val *v = args + 3 * i;
        v[0] = V(each[i]);
        v[1] = V(before);
        v[2] = V(a->limit + 1);
        reads[i] =
            (struct db_read){&q_consent_page, &consent_row_shape, false, &lists[i], {v, 3}, false};
    }
    reads[ids.n] = (struct db_read){
        &q_consent_of_customer, &consent_row_shape, false, &rows, ARGS(V(root)), false};
    TRY(db_batch(cx, reads, ids.n + 1));
    size_t id_at = offsetof(struct consent, id);
    page->now = consents_settle(cx->arena, &rows);
    page->items = newest_of(cx->arena, lists, ids.n, sizeof(struct consent), id_at, id_at,
                            (size_t)a->limit + 1);
    if ((int64_t)page->items.n > a->limit) {
        page->items.n = (size_t)a->limit;
        int64_t last = ((struct consent *)page->items.items)[a->limit - 1].id.v;
        page->next = cursor_make(cx->arena, cx->now_ms, tag, last, last);
    }
    audit_view(cx, root.v);
    return OK;
}

/* clang-format off */
static const struct route routes[] = {
    {.method = HTTP_POST, .path = "/api/v1/customers/{id}/consents", .may = MAY_SERVE | MAY(ROLE_PRIVACY) | MAY(ROLE_MARKETER),
     .plan = add_plan, .apply = add_apply, .replay = replay, .in = &consent_in_shape, .out = &consent_shape, .status = 201,
     .summary = "Note what the customer said about offers or profiling"},
    {.method = HTTP_GET, .path = "/api/v1/customers/{id}/consents", .may = MAY_SEE_CUSTOMERS, .read = list,
     .in = &page_in_shape, .out = &page_out_shape, .summary = "What stands for each purpose, and all that was said, newest first"},
};
/* clang-format on */
const struct room consent_room = ROOM("consent", routes);
