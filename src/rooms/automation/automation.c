/* rooms/automation/automation.c - automations as people make them: checked, kept, changed, taken away. */
#include "db/keyring.h"
#include "rooms/automation/inside.h"

static const char label[] = "webhook";
enum { SECRET_BYTES = 32 };

const char *const action_codes[ACTION_N] = {"tag",      "untag",  "task",
                                            "priority", "notify", "webhook"};
const char *const recipient_codes[TO_N] = {"", "responsible", "managers", "colleague"};

/* clang-format off */
static const struct begin begins[] = {
    {EVENT_CUSTOMER_CREATED, NULL},
    {EVENT_CUSTOMER_CHANGED, NULL},
    {EVENT_CUSTOMER_JUDGED, NULL},
    {EVENT_INTERACTION_ADDED, "itx"},
    {EVENT_ORDER_ADDED, "ord"},
    {EVENT_CALL_RINGING, "cal"},
    {EVENT_CALL_ANSWERED, "cal"},
    {EVENT_CALL_ENDED, "cal"},
    {EVENT_SEGMENT_ENTERED, "seg"},
    {EVENT_SEGMENT_LEFT, "seg"},
};
static const char *const begin_codes[] = {
    "customer.created", "customer.changed", "customer.judged", "interaction.added", "order.added", "call.ringing", "call.answered", "call.ended",
    "segment.entered", "segment.left",
};
/* clang-format on */

const struct begin *begin_of(str code)
{
    for (size_t i = 0; i < COUNT(begins); i++)
        if (str_eq(code, str_of(event_codes[begins[i].type])))
            return &begins[i];
    return NULL;
}

const struct begin *begin_of_type(int type)
{
    for (size_t i = 0; i < COUNT(begins); i++)
        if (begins[i].type == type)
            return &begins[i];
    return NULL;
}

/* ---- shapes ---------------------------------------------------------------------------------- */

struct action_in {
    int kind, to, priority;
    str tag, text, url;
    staff_id staff;
    int64_t days;
};
struct automation_in {
    automation_id id;
    str name, event, where;
    segment_id segment;
    opt_int again_days;
    bool is_on;
    struct list actions; /* struct action_in */
    struct automation seen;
    bool makes_secret;
    str secret; /* made just now */
};
struct action_out {
    int kind, to, priority;
    str tag, text, url;
    struct staff_ref staff;
    int64_t days;
};
struct segment_ref {
    segment_id id;
    str name;
};
struct automation_out {
    automation_id id;
    str name, event;
    struct segment_ref segment;
    str where, tree;
    opt_int again_days;
    bool is_on;
    struct list actions;
    str failure, stopped;
    when stopped_at, last_at;
    int64_t waiting, dead;
    str secret;
    when created_at, changed_at;
    int64_t version;
};
struct automations_out {
    struct list items;
};
struct secret_out {
    str secret;
};
struct newest_row {
    automation_id id;
    when at;
    int64_t waiting, dead;
};
/* clang-format off */
static const struct field row_fields[] = {
    FIELD(struct automation, id), FIELD(struct automation, name), FIELD(struct automation, event),
    FIELD_AS(struct automation, segment.id, "segment_id", .nullable = true), FIELD_AS(struct automation, segment.name, "segment_name", .nullable = true),
    FIELD_AS(struct automation, where, "condition"), FIELD(struct automation, again_days), FIELD(struct automation, is_on),
    FIELD_AS(struct automation, on_at, "on_ms"), FIELD(struct automation, secret, .nullable = true), FIELD(struct automation, stopped),
    FIELD_AS(struct automation, stopped_at, "stopped_ms", .nullable = true), FIELD_AS(struct automation, created_at, "created_ms"),
    FIELD_AS(struct automation, changed_at, "changed_ms"), FIELD(struct automation, version),
};
const struct shape automation_row_shape = SHAPE("automation_row", struct automation, row_fields);
static const struct field action_row_fields[] = {
    FIELD_AS(struct action, automation, "automation_id"), FIELD_ENUM(struct action, kind, action_codes), FIELD(struct action, tag), FIELD(struct action, text),
    FIELD(struct action, url), {.name = "recipient", .offset = offsetof(struct action, to), .size = sizeof(int), .type = F_ENUM, .names = recipient_codes, .n_names = TO_N},
    FIELD_AS(struct action, staff.id, "staff_id", .nullable = true), FIELD_AS(struct action, staff.name, "staff_name", .nullable = true),
    FIELD_ENUM(struct action, priority, task_priority_codes), FIELD(struct action, days),
};
const struct shape automation_action_row_shape = SHAPE("automation_action_row", struct action, action_row_fields);
static const struct field newest_fields[] = {
    FIELD(struct newest_row, id), FIELD_AS(struct newest_row, at, "at_ms", .nullable = true), FIELD(struct newest_row, waiting), FIELD(struct newest_row, dead),
};
static const struct shape automation_newest_row_shape = SHAPE("automation_newest_row", struct newest_row, newest_fields);
static const struct field action_in_fields[] = {
    FIELD_ENUM(struct action_in, kind, action_codes, .required = true),
    FIELD(struct action_in, tag, .max_len = 60, .doc = "tag, untag"),
    FIELD(struct action_in, text, .max_len = 200, .doc = "task: its title; notify: the words"),
    FIELD(struct action_in, url, .max_len = WEBHOOK_URL_MAX, .doc = "webhook: where to"),
    FIELD_ENUM(struct action_in, to, recipient_codes, .doc = "task, notify: responsible, managers (notify only) or colleague; of a task also empty: for whoever takes it"),
    FIELD(struct action_in, staff, .nullable = true, .doc = "to colleague: who"),
    FIELD_ENUM(struct action_in, priority, task_priority_codes, .doc = "task, priority: ordinary, high, urgent"),
    FIELD(struct action_in, days, .max = 365, .doc = "task: due in so many days; 0: without a day"),
};
static const struct shape action_in_shape = SHAPE("automation_action_in", struct action_in, action_in_fields);
#define IN_FIELDS \
    FIELD(struct automation_in, name, .max_len = 80), \
    FIELD(struct automation_in, event, .names = begin_codes, .n_names = COUNT(begin_codes), .doc = "What begins it"), \
    FIELD(struct automation_in, segment, .nullable = true, .doc = "segment.entered and segment.left: of this segment only"), \
    FIELD(struct automation_in, where, .max_len = EXPR_TEXT_MAX, .multiline = true, .doc = "The condition on the customer; empty: everybody"), \
    FIELD(struct automation_in, again_days, .max = 3650, .doc = "For the same customer not again so many days long; 0: once for ever; null: each time"), \
    FIELD(struct automation_in, is_on), \
    FIELD_LIST(struct automation_in, actions, &action_in_shape, .max_len = ACTIONS_MAX)
enum { SENT_NAME = 1, SENT_EVENT, SENT_SEGMENT, SENT_WHERE, SENT_AGAIN, SENT_ON, SENT_ACTIONS }; /* behind the id of the path */
static const struct field in_fields[] = {IN_FIELDS};
const struct shape automation_in_shape = SHAPE("automation_in", struct automation_in, in_fields);
static const struct field patch_fields[] = {FIELD(struct automation_in, id, .in_path = true), IN_FIELDS};
const struct shape automation_patch_shape = SHAPE("automation_patch", struct automation_in, patch_fields);
static const struct field by_id_fields[] = {FIELD(struct automation_in, id, .in_path = true)};
const struct shape automation_by_id_shape = SHAPE("automation_by_id", struct automation_in, by_id_fields);
static const struct field action_out_fields[] = {
    FIELD_ENUM(struct action_out, kind, action_codes),
    FIELD(struct action_out, tag, .omit_empty = true), FIELD(struct action_out, text, .omit_empty = true), FIELD(struct action_out, url, .omit_empty = true),
    FIELD_ENUM(struct action_out, to, recipient_codes, .omit_empty = true), FIELD_STRUCT(struct action_out, staff, &staff_ref_shape, .nullable = true, .omit_empty = true),
    FIELD_ENUM(struct action_out, priority, task_priority_codes), FIELD(struct action_out, days, .omit_empty = true),
};
static const struct shape action_out_shape = SHAPE("automation_action", struct action_out, action_out_fields);
static const struct field segment_ref_fields[] = {FIELD(struct segment_ref, id), FIELD(struct segment_ref, name, .nullable = true)};
static const struct shape segment_ref_shape = SHAPE("segment_ref", struct segment_ref, segment_ref_fields);
static const struct field out_fields[] = {
    FIELD(struct automation_out, id), FIELD(struct automation_out, name), FIELD(struct automation_out, event),
    FIELD_STRUCT(struct automation_out, segment, &segment_ref_shape, .nullable = true),
    FIELD(struct automation_out, where), FIELD_JSON(struct automation_out, tree, .nullable = true, .doc = "The same as a tree; null: everybody, or it is right no more"),
    FIELD(struct automation_out, again_days), FIELD(struct automation_out, is_on),
    FIELD_LIST(struct automation_out, actions, &action_out_shape),
    FIELD(struct automation_out, failure, .doc = "Why it cannot act, a sentence; empty: it can"),
    FIELD(struct automation_out, stopped, .doc = "loop, often: it was stopped for somebody since it was turned on; empty: it was not"),
    FIELD(struct automation_out, stopped_at, .nullable = true), FIELD(struct automation_out, last_at, .nullable = true, .doc = "Its newest run"),
    FIELD(struct automation_out, waiting, .doc = "Messages that wait to be sent (10,000 at most)"), FIELD(struct automation_out, dead, .doc = "Messages that were given up"),
    FIELD(struct automation_out, secret, .omit_empty = true, .doc = "What its webhook is signed with; once, when it was made"),
    FIELD(struct automation_out, created_at), FIELD(struct automation_out, changed_at), FIELD(struct automation_out, version),
};
const struct shape automation_out_shape = SHAPE("automation", struct automation_out, out_fields);
static const struct field automations_fields[] = {FIELD_LIST(struct automations_out, items, &automation_out_shape)};
const struct shape automations_shape = SHAPE("automations", struct automations_out, automations_fields);
static const struct field secret_fields[] = {FIELD(struct secret_out, secret)};
const struct shape secret_out_shape = SHAPE("automation_secret", struct secret_out, secret_fields);
/* clang-format on */

/* ---- reading --------------------------------------------------------------------------------- */

enum err automations(struct cx *cx, const struct query *q, struct list *out)
{
    struct list k = {0};
    TRY(db_all(cx, q, &automation_row_shape, out, NO_ARGS));
    if (out->n == 0)
        return OK;
    struct automation *v = out->items;
    int64_t *ids = ARENA_ARRAY(cx->arena, out->n, int64_t);
    for (size_t i = 0; i < out->n; i++)
        ids[i] = v[i].id.v;
    TRY(db_all(cx, &q_automation_actions, &automation_action_row_shape, &k,
               ARGS(val_ints(ids, out->n))));
    struct action *a = k.items;
    for (size_t i = 0; i < out->n; i++) {
        size_t from = 0;
        while (from < k.n && a[from].automation != v[i].id.v)
            from++;
        size_t to = from;
        while (to < k.n && a[to].automation == v[i].id.v)
            to++;
        v[i].actions = (struct list){a + from, to - from};
    }
    return OK;
}

enum err automation_one(struct cx *cx, automation_id id, struct automation *out)
{
    enum err e = db_one(cx, &q_automation_get, &automation_row_shape, out, ARGS(V(id)));
    if (e == ERR_NOT_FOUND)
        return fault(cx, ERR_NOT_FOUND, M_AUTOMATION_UNKNOWN);
    TRY(e);
    int64_t ids[1] = {id.v};
    return db_all(cx, &q_automation_actions, &automation_action_row_shape, &out->actions,
                  ARGS(val_ints(ids, 1)));
}

enum err automation_plan(struct cx *cx, str where, struct expr_plan **out)
{
    struct expr_world world = settings_world(cx);
    struct expr *e = NULL;
    world.is_stored = true; /* whoever writes automations may use all */
    *out = NULL;
    if (str_trim(where).len == 0)
        return OK;
    TRY(expr_parse(cx, where, &e, NULL));
    TRY(expr_check(cx, &world, where, e, NULL));
    return expr_plan(cx, &world, e, out);
}

/* Its condition may name what is there no more, its segment may be gone: then it does nothing. */
static enum err failure_of(struct cx *cx, const struct automation *a, str *out)
{
    struct expr_plan *p = NULL;
    static const struct fault no_segment = {.msg = M_AUTOMATION_SEGMENT};
    enum err e = automation_plan(cx, a->where, &p);
    *out = S("");
    if (e == ERR_INVALID) {
        *out = fault_text(cx->arena, cx->lang, &cx->why);
        cx->why = (struct fault){0};
        return OK;
    }
    if (e == OK && a->segment.id.v && a->segment.name.len == 0)
        *out = fault_text(cx->arena, cx->lang, &no_segment);
    return e;
}

static enum err out_of(struct cx *cx, const struct automation *a, const struct newest_row *newest,
                       struct automation_out *o)
{
    *o = (struct automation_out){.id = a->id,
                                 .name = a->name,
                                 .event = a->event,
                                 .segment = {a->segment.id, a->segment.name},
                                 .where = a->where,
                                 .tree = expr_tree_of(cx, a->where),
                                 .again_days = a->again_days,
                                 .is_on = a->is_on,
                                 .stopped = a->stopped,
                                 .stopped_at = a->stopped.len ? a->stopped_at : (when){0},
                                 .last_at = newest->at,
                                 .waiting = newest->waiting,
                                 .dead = newest->dead,
                                 .created_at = a->created_at,
                                 .changed_at = a->changed_at,
                                 .version = a->version};
    const struct action *k = a->actions.items;
    struct action_out *items = ARENA_ARRAY(cx->arena, a->actions.n + 1, struct action_out);
    for (size_t i = 0; i < a->actions.n; i++)
        items[i] = (struct action_out){.kind = k[i].kind,
                                       .to = k[i].to,
                                       .priority = k[i].priority,
                                       .tag = k[i].tag,
                                       .text = k[i].text,
                                       .url = k[i].url,
                                       .staff = k[i].staff,
                                       .days = k[i].days};
    o->actions = (struct list){items, a->actions.n};
    return failure_of(cx, a, &o->failure);
}

static enum err outs_of(struct cx *cx, const struct automation *v, size_t n,
                        struct automation_out *out)
{
    struct list l = {0};
    int64_t *ids = ARENA_ARRAY(cx->arena, n + 1, int64_t);
    for (size_t i = 0; i < n; i++)
        ids[i] = v[i].id.v;
    if (n)
        TRY(db_all(cx, &q_automation_newest, &automation_newest_row_shape, &l,
                   ARGS(val_ints(ids, n))));
    const struct newest_row *newest = l.items, none = {0};
    for (size_t i = 0; i < n; i++) {
        const struct newest_row *own = &none;
        for (size_t k = 0; k < l.n; k++)
            if (newest[k].id.v == v[i].id.v)
                own = &newest[k];
        TRY(out_of(cx, &v[i], own, &out[i]));
    }
    return OK;
}

enum err automations_route(struct cx *cx, void *in, void *out)
{
    struct automations_out *o = out;
    struct list l = {0};
    (void)in;
    TRY(automations(cx, &q_automation_list, &l));
    struct automation_out *items = ARENA_ARRAY(cx->arena, l.n + 1, struct automation_out);
    o->items = (struct list){items, l.n};
    return outs_of(cx, l.items, l.n, items);
}

enum err automation_again(struct cx *cx, int64_t id, void *out)
{
    struct automation a = {0};
    TRY(automation_one(cx, (automation_id){id}, &a));
    return outs_of(cx, &a, 1, out);
}

enum err automation_route(struct cx *cx, void *in, void *out)
{
    return automation_again(cx, ((const struct automation_in *)in)->id.v, out);
}

enum err automation_users(struct cx *cx, str attribute, struct list *out)
{
    struct list l = {0};
    TRY(automations(cx, &q_automation_list, &l));
    struct expr_user *users = ARENA_ARRAY(cx->arena, l.n + 1, struct expr_user);
    size_t n = 0;
    for (size_t i = 0; i < l.n; i++) {
        const struct automation *a = (const struct automation *)l.items + i;
        struct expr *e = NULL;
        if (a->where.len && expr_parse(cx, a->where, &e, NULL) == OK && expr_names(e, attribute))
            users[n++].who =
                msg_text(cx->arena, cx->lang, M_AUTOMATION_USES, &MARG("name", a->name), 1);
    }
    cx->why = (struct fault){0};
    *out = (struct list){users, n};
    return OK;
}

/* ---- checking ---------------------------------------------------------------------------------- */

/* What an action may and must have, by its kind. */
enum {
    HAS_TAG = 1,
    HAS_TEXT = 2,
    HAS_URL = 4,
    HAS_TO = 8,
    HAS_PRIORITY = 16,
    HAS_DAYS = 32,
    HAS_STAFF = 64
};
static const struct action_rule {
    unsigned may, must;
} rules[ACTION_N] = {
    [ACTION_TAG] = {HAS_TAG, HAS_TAG},
    [ACTION_UNTAG] = {HAS_TAG, HAS_TAG},
    [ACTION_TASK] = {HAS_TEXT | HAS_TO | HAS_PRIORITY | HAS_DAYS | HAS_STAFF, HAS_TEXT},
    [ACTION_PRIORITY] = {HAS_PRIORITY, HAS_PRIORITY},
    [ACTION_NOTIFY] = {HAS_TEXT | HAS_TO | HAS_STAFF, HAS_TEXT | HAS_TO},
    [ACTION_WEBHOOK] = {HAS_URL, HAS_URL},
};
static const char *const member_names[] = {"tag", "text", "url", "to", "priority", "days", "staff"};

static unsigned members_of(const struct action_in *k)
{
    return (k->tag.len ? HAS_TAG : 0) | (k->text.len ? HAS_TEXT : 0) | (k->url.len ? HAS_URL : 0) |
           (k->to ? HAS_TO : 0) | (k->priority ? HAS_PRIORITY : 0) | (k->days ? HAS_DAYS : 0) |
           (k->staff.v ? HAS_STAFF : 0);
}

static enum err url_check(struct cx *cx, str url)
{
    struct webhook_url u = {0};
    str hosts = {0};
    switch (webhook_url_read(cx->arena, url, &u)) {
    case WEBHOOK_URL_GOOD:
        return OK;
    case WEBHOOK_URL_SCHEME:
        return fault(cx, ERR_INVALID, M_AUTOMATION_URL_SCHEME);
    case WEBHOOK_URL_USER:
        return fault(cx, ERR_INVALID, M_AUTOMATION_URL_USER);
    case WEBHOOK_URL_INSIDE:
        TRY(hosts_get(cx, &hosts));
        return hosts_have(hosts, u.host)
                   ? OK
                   : fault(cx, ERR_INVALID, M_AUTOMATION_URL_INSIDE, MARG("host", u.host));
    case WEBHOOK_URL_BROKEN:
        break;
    }
    return fault(cx, ERR_INVALID, M_AUTOMATION_URL);
}

static enum err action_check(struct cx *cx, struct action_in *k)
{
    k->tag = str_trim(k->tag);
    k->text = str_trim(k->text);
    k->url = str_trim(k->url);
    const struct action_rule *r = &rules[k->kind];
    unsigned has = members_of(k), wrong = has & ~r->may, missing = r->must & ~has;
    struct msg_arg kind = MARG("kind", str_of(action_codes[k->kind]));
    for (size_t i = 0; i < COUNT(member_names); i++) {
        struct msg_arg member = MARG("member", str_of(member_names[i]));
        if (wrong >> i & 1)
            return fault(cx, ERR_INVALID, M_AUTOMATION_MEMBER, kind, member);
        if (missing >> i & 1)
            return fault(cx, ERR_INVALID, M_AUTOMATION_NEEDS, kind, member);
    }
    if (has & HAS_TAG)
        TRY(tag_check(cx, &k->tag));
    if (has & HAS_URL)
        TRY(url_check(cx, k->url));
    if (k->kind == ACTION_TASK && k->to == TO_MANAGERS)
        return fault(cx, ERR_INVALID, M_AUTOMATION_MEMBER, kind, MARG("member", S("managers")));
    if ((k->to == TO_COLLEAGUE) != (k->staff.v != 0))
        return fault(cx, ERR_INVALID, M_AUTOMATION_COLLEAGUE);
    struct staff s = {0};
    enum err e = k->staff.v ? staff_get(cx, k->staff, &s) : OK;
    if (e == ERR_NOT_FOUND || (e == OK && k->staff.v && !s.is_active))
        return fault(cx, ERR_INVALID, M_STAFF_NOT_HERE);
    return e;
}

static bool has_webhook(const struct automation *a)
{
    const struct action *k = a->actions.items;
    for (size_t i = 0; i < a->actions.n; i++)
        if (k[i].kind == ACTION_WEBHOOK)
            return true;
    return false;
}

static const struct action_in *webhook_of(const struct automation_in *a)
{
    const struct action_in *k = a->actions.items;
    for (size_t i = 0; i < a->actions.n; i++)
        if (k[i].kind == ACTION_WEBHOOK)
            return &k[i];
    return NULL;
}

static enum err actions_check(struct cx *cx, struct automation_in *a)
{
    struct action_in *k = a->actions.items;
    size_t webhooks = 0;
    if (a->actions.n == 0)
        return fault_field(cx, ERR_INVALID, S("actions"), M_AUTOMATION_ACTIONS);
    for (size_t i = 0; i < a->actions.n; i++) {
        enum err e = action_check(cx, &k[i]);
        if (e != OK) {
            cx->why.field = (str){0}; /* the list's, not the action's own */
            return fault_at(cx, e, S("actions"));
        }
        webhooks += k[i].kind == ACTION_WEBHOOK;
    }
    return webhooks <= 1 ? OK
                         : fault_field(cx, ERR_INVALID, S("actions"), M_AUTOMATION_ONE_WEBHOOK);
}

/* What leaves the house, and where to, is an administrator's. */
static enum err webhook_may(struct cx *cx)
{
    return MAY(cx->actor.role) & MAY_ADMIN
               ? OK
               : fault_field(cx, ERR_DENIED, S("actions"), M_AUTOMATION_WEBHOOK_MAY);
}

static enum err check(struct cx *cx, struct automation_in *a)
{
    struct expr_plan *p = NULL;
    a->name = str_trim(a->name);
    a->where = str_trim(a->where);
    if (a->name.len == 0)
        return fault_field(cx, ERR_INVALID, S("name"), M_AUTOMATION_NAME);
    const struct begin *b = begin_of(a->event);
    if (!b)
        return fault_field(cx, ERR_INVALID, S("event"), M_AUTOMATION_EVENT);
    bool is_of_segment = b->type == EVENT_SEGMENT_ENTERED || b->type == EVENT_SEGMENT_LEFT;
    if (a->segment.v && !is_of_segment)
        return fault_field(cx, ERR_INVALID, S("segment"), M_AUTOMATION_NO_SEGMENT);
    if (a->segment.v) {
        int64_t n = 0;
        TRY(db_int(cx, &q_automation_has_segment, &n, ARGS(V(a->segment))));
        if (n == 0)
            return fault_field(cx, ERR_INVALID, S("segment"), M_AUTOMATION_SEGMENT);
    }
    enum err e = automation_plan(cx, a->where, &p);
    return e == OK ? OK : fault_at(cx, e, S("where"));
}

/* ---- the secret of a webhook ----------------------------------------------------------------------- */

static str bound_of(struct cx *cx, automation_id id)
{
    return arena_printf(cx->arena, "automation %lld", (long long)id.v);
}

str secret_seal(struct cx *cx, automation_id id, str secret)
{
    return keyring_seal(db_ring(cx), cx->arena, label, bound_of(cx, id), secret);
}

bool secret_open(struct cx *cx, automation_id id, str sealed, str *secret)
{
    return sealed.len &&
           keyring_unseal(db_ring(cx), cx->arena, label, bound_of(cx, id), sealed, secret);
}

static str secret_new(struct cx *cx)
{
    return arena_printf(cx->arena, "whsec_" SFMT, SARG(random_token(cx->arena, SECRET_BYTES)));
}

struct secret_row {
    automation_id id;
    str secret;
};
static const struct field secret_row_fields[] = {FIELD(struct secret_row, id),
                                                 FIELD(struct secret_row, secret)};
static const struct shape automation_secret_row_shape =
    SHAPE("automation_secret_row", struct secret_row, secret_row_fields);

enum err automation_rekey_slice(struct cx *cx, int64_t *after, bool *is_finished)
{
    struct list l = {0};
    str secret = {0};
    uint8_t now = keyring_epoch(db_ring(cx));
    TRY(db_all(cx, &q_automation_secrets, &automation_secret_row_shape, &l, ARGS(V(*after))));
    const struct secret_row *r = l.items;
    for (size_t i = 0; i < l.n; i++) {
        *after = r[i].id.v;
        if (keyring_epoch_of(r[i].secret) == now || !secret_open(cx, r[i].id, r[i].secret, &secret))
            continue; /* one that does not open is of no use; making a new one mends it */
        str sealed = secret_seal(cx, r[i].id, secret);
        TRY(db_run(cx, &q_automation_reseal, ARGS(val_blob(sealed.ptr, sealed.len), V(r[i].id))));
    }
    *is_finished = l.n < 100;
    return OK;
}

/* ---- writing ------------------------------------------------------------------------------------------ */

static struct val blob_or_null(str s)
{
    return s.len ? val_blob(s.ptr, s.len) : VNULL;
}

static enum err put_actions(struct cx *cx, const struct automation_in *a)
{
    const struct action_in *k = a->actions.items;
    for (size_t i = 0; i < a->actions.n; i++)
        TRY(db_run(cx, &q_automation_action_insert,
                   ARGS(V(a->id), V((int64_t)i), V(action_codes[k[i].kind]), V(k[i].tag),
                        V(k[i].text), V(k[i].url), V(recipient_codes[k[i].to]), V(k[i].staff.v),
                        V(task_priority_codes[k[i].priority]), V(k[i].days))));
    return OK;
}

/* What happened before the first one was turned on is of no interest. */
static enum err begin_following(struct cx *cx)
{
    struct list l = {0};
    int64_t xid = 0, seq = 0;
    TRY(db_all(cx, &q_automation_on, &automation_row_shape, &l, NO_ARGS));
    if (l.n)
        return OK;
    TRY(event_newest(cx, &xid, &seq));
    return db_run(cx, &q_automation_follow_put, ARGS(V(xid), V(seq)));
}

enum err automation_add_plan(struct cx *cx, void *in, void *out)
{
    struct automation_in *a = in;
    struct list l = {0};
    (void)out;
    TRY(check(cx, a));
    TRY(actions_check(cx, a));
    if (webhook_of(a))
        TRY(webhook_may(cx));
    TRY(db_all(cx, &q_automation_list, &automation_row_shape, &l, NO_ARGS));
    if (l.n >= AUTOMATIONS_MAX)
        return fault(cx, ERR_CONFLICT, M_AUTOMATION_MANY, MNUM("most", AUTOMATIONS_MAX));
    a->id.v = id_new(cx->now_ms);
    a->secret = webhook_of(a) ? secret_new(cx) : (str){0};
    return OK;
}

enum err automation_add_apply(struct cx *cx, void *in, void *out)
{
    const struct automation_in *a = in;
    int64_t n = 0;
    str sealed = a->secret.len ? secret_seal(cx, a->id, a->secret) : (str){0};
    struct val staff = cx->actor.kind == ACTOR_STAFF ? V(cx->actor.id) : VNULL;
    if (a->is_on)
        TRY(begin_following(cx));
    TRY(db_run_count(cx, &q_automation_insert, &n,
                     ARGS(V(a->id), V(a->name), V(text_fold(cx->arena, a->name)), V(a->event),
                          V(a->segment.v), V(a->where), V(a->again_days), V(a->is_on),
                          V(cx->now_ms), blob_or_null(sealed), staff)));
    if (n == 0)
        return fault_field(cx, ERR_CONFLICT, S("name"), M_AUTOMATION_HERE);
    TRY(put_actions(cx, a));
    TRY(audit_add(cx, "automation.add", 0, a->id.v, (str){0}));
    cx->made_id = a->id.v;
    TRY(automation_again(cx, a->id.v, out));
    ((struct automation_out *)out)->secret = a->secret;
    return OK;
}

static bool was_sent(const struct cx *cx, unsigned i)
{
    return cx->sent >> i & 1;
}

/* Actions as they stand, as if they had been sent. */
static struct list kept_actions(struct cx *cx, const struct automation *a)
{
    const struct action *k = a->actions.items;
    struct action_in *v = ARENA_ARRAY(cx->arena, a->actions.n + 1, struct action_in);
    for (size_t i = 0; i < a->actions.n; i++)
        v[i] = (struct action_in){.kind = k[i].kind,
                                  .to = k[i].to,
                                  .priority = k[i].priority,
                                  .tag = k[i].tag,
                                  .text = k[i].text,
                                  .url = k[i].url,
                                  .staff = k[i].staff.id,
                                  .days = k[i].days};
    return (struct list){v, a->actions.n};
}

enum err automation_patch_plan(struct cx *cx, void *in, void *out)
{
    struct automation_in *a = in;
    const struct automation *was = &a->seen;
    (void)out;
    TRY(automation_one(cx, a->id, &a->seen));
    if (cx->if_match >= 0 && cx->if_match != was->version)
        return fault(cx, ERR_STALE, M_RECORD_MOVED);
    a->name = was_sent(cx, SENT_NAME) ? a->name : was->name;
    a->event = was_sent(cx, SENT_EVENT) ? a->event : was->event;
    if (!was_sent(cx, SENT_SEGMENT) && !was_sent(cx, SENT_EVENT))
        a->segment = was->segment.id;
    a->where = was_sent(cx, SENT_WHERE) ? a->where : was->where;
    a->again_days = was_sent(cx, SENT_AGAIN) ? a->again_days : was->again_days;
    a->is_on = was_sent(cx, SENT_ON) ? a->is_on : was->is_on;
    /* Turning it off is always possible; a condition that is right no more does not stand in the way. */
    bool only_turns_off = cx->sent == 1u << SENT_ON && !a->is_on;
    if (!only_turns_off)
        TRY(check(cx, a));
    if (was_sent(cx, SENT_ACTIONS))
        TRY(actions_check(cx, a));
    else
        a->actions = kept_actions(cx, was);
    const struct action_in *w = webhook_of(a);
    if ((w || has_webhook(was)) && !only_turns_off)
        TRY(webhook_may(cx));
    a->makes_secret = w && was->secret.len == 0;
    a->secret = a->makes_secret ? secret_new(cx) : (str){0};
    return OK;
}

enum err automation_patch_apply(struct cx *cx, void *in, void *out)
{
    const struct automation_in *a = in;
    int64_t n = 0, same = 0;
    str folded = text_fold(cx->arena, a->name);
    str sealed = a->makes_secret ? secret_seal(cx, a->id, a->secret) : a->seen.secret;
    enum err e = db_int(cx, &q_automation_by_name, &same, ARGS(V(folded)));
    if (e == OK && same != a->id.v)
        return fault_field(cx, ERR_CONFLICT, S("name"), M_AUTOMATION_HERE);
    if (e != OK && e != ERR_NOT_FOUND)
        return e;
    if (a->is_on && !a->seen.is_on)
        TRY(begin_following(cx));
    TRY(db_run_count(cx, &q_automation_update, &n,
                     ARGS(V(a->name), V(folded), V(a->event), V(a->segment.v), V(a->where),
                          V(a->again_days), V(a->is_on), V(a->is_on), V(cx->now_ms),
                          blob_or_null(sealed), V(a->id), V(a->seen.version))));
    if (n == 0)
        return fault(cx, ERR_STALE, M_RECORD_MOVED);
    TRY(db_run(cx, &q_automation_actions_drop, ARGS(V(a->id))));
    TRY(put_actions(cx, a));
    TRY(audit_add(cx, "automation.change", 0, a->id.v, (str){0}));
    cx->made_id = a->id.v;
    TRY(automation_again(cx, a->id.v, out));
    ((struct automation_out *)out)->secret = a->secret;
    return OK;
}

enum err automation_delete_apply(struct cx *cx, void *in, void *out)
{
    const struct automation_in *a = in;
    int64_t n = 0;
    (void)out;
    TRY(db_run_count(cx, &q_automation_go, &n, ARGS(V(a->id))));
    if (n == 0)
        return fault(cx, ERR_NOT_FOUND, M_AUTOMATION_UNKNOWN);
    return audit_add(cx, "automation.delete", 0, a->id.v, (str){0});
}

/* ---- a new secret, a test message -------------------------------------------------------------------- */

enum err secret_plan(struct cx *cx, void *in, void *out)
{
    struct automation_in *a = in;
    (void)out;
    TRY(automation_one(cx, a->id, &a->seen));
    if (!has_webhook(&a->seen))
        return fault(cx, ERR_CONFLICT, M_AUTOMATION_NO_WEBHOOK);
    a->secret = secret_new(cx);
    return OK;
}

enum err secret_apply(struct cx *cx, void *in, void *out)
{
    const struct automation_in *a = in;
    int64_t n = 0;
    str sealed = secret_seal(cx, a->id, a->secret);
    TRY(db_run_count(cx, &q_automation_secret, &n,
                     ARGS(val_blob(sealed.ptr, sealed.len), V(cx->now_ms), V(a->id))));
    if (n == 0)
        return fault(cx, ERR_NOT_FOUND, M_AUTOMATION_UNKNOWN);
    ((struct secret_out *)out)->secret = a->secret;
    return audit_add(cx, "automation.secret", 0, a->id.v, (str){0});
}

enum err automation_test_plan(struct cx *cx, void *in, void *out)
{
    struct automation_in *a = in;
    (void)out;
    TRY(automation_one(cx, a->id, &a->seen));
    return has_webhook(&a->seen) ? OK : fault(cx, ERR_CONFLICT, M_AUTOMATION_NO_WEBHOOK);
}

enum err automation_test_apply(struct cx *cx, void *in, void *out)
{
    const struct automation_in *a = in;
    (void)out;
    enum err e = delivery_add(cx, a->id, (run_id){0}, (customer_id){0}, S("test"), S(""));
    if (e == ERR_TOO_MANY)
        return fault(cx, ERR_CONFLICT, M_AUTOMATION_WAITING, MNUM("most", DELIVERIES_MAX));
    TRY(e);
    return audit_add(cx, "automation.test", 0, a->id.v, (str){0});
}
