/* rooms/automation/inside.h - what the files of this room share; nobody else includes it. */
#pragma once
#include "messages.h"
#include "queries.h"
#include "rooms/automation/automation.h"
#include "rooms/segment/segment.h"
#include "rooms/settings/settings.h"
#include "rooms/staff/staff.h"

enum { KEPT_DAYS = 30, DELIVERIES_MAX = 10000, NOTICES_MAX = 200, SENT_FOR_MS = 86400000 };

/* Events that an automation may begin with: those that name a customer. */
struct begin {
    int type;           /* enum event_type */
    const char *prefix; /* of what it happened to; NULL: nothing that the API names */
};
const struct begin *begin_of(str code); /* NULL: not one of them */
const struct begin *begin_of_type(int type);

enum action_kind { ACTION_TAG, ACTION_UNTAG, ACTION_TASK, ACTION_PRIORITY, ACTION_NOTIFY, ACTION_WEBHOOK, ACTION_N };
extern const char *const action_codes[ACTION_N];
enum recipient { TO_NOBODY, TO_RESPONSIBLE, TO_MANAGERS, TO_COLLEAGUE, TO_N };
extern const char *const recipient_codes[TO_N];
struct action {
    int kind, to, priority;
    str tag, text, url;
    struct staff_ref staff;
    int64_t days;
    int64_t automation;
};
extern const struct shape automation_action_row_shape;

struct automation {
    automation_id id;
    str name, event;
    struct {
        segment_id id;
        str name;
    } segment;
    str where;
    opt_int again_days;
    bool is_on;
    when on_at;
    str secret; /* sealed */
    str stopped;
    when stopped_at, created_at, changed_at;
    int64_t version;
    struct list actions; /* struct action */
};
extern const struct shape automation_row_shape;
/* With their actions. `q`: automation_list or automation_on. */
enum err automations(struct cx *cx, const struct query *q, struct list *out) MUST_USE;
enum err automation_one(struct cx *cx, automation_id id, struct automation *out) MUST_USE;
/* NULL for no condition. */
enum err automation_plan(struct cx *cx, str where, struct expr_plan **out) MUST_USE;

/* Hosts inside that may be sent to, by blanks. */
enum err hosts_get(struct cx *cx, str *out) MUST_USE;
bool hosts_have(str hosts, str host);
str secret_seal(struct cx *cx, automation_id id, str secret);
bool secret_open(struct cx *cx, automation_id id, str sealed, str *secret) MUST_USE;

/* Inside apply: puts a message of this automation in line; ERR_TOO_MANY: so many wait already. */
enum err delivery_add(struct cx *cx, automation_id a, run_id run, customer_id customer, str event, str ref) MUST_USE;
/* Inside apply: tells a colleague; ERR_TOO_MANY: so many were not seen yet. */
enum err notice_add(struct cx *cx, staff_id staff, customer_id customer, automation_id a, str text) MUST_USE;

/* Routes. */
extern const struct shape automation_in_shape, automation_patch_shape, automation_by_id_shape, automation_out_shape, automations_shape,
    secret_out_shape, dry_in_shape, dry_of_shape, dry_out_shape, runs_in_shape, runs_shape, deliveries_in_shape, deliveries_shape,
    delivery_by_id_shape, delivery_shape, hosts_shape, notices_in_shape, notices_shape, notice_by_id_shape;
enum err automations_route(struct cx *cx, void *in, void *out);
enum err automation_route(struct cx *cx, void *in, void *out);
enum err automation_add_plan(struct cx *cx, void *in, void *out);
enum err automation_add_apply(struct cx *cx, void *in, void *out);
enum err automation_again(struct cx *cx, int64_t id, void *out);
enum err automation_patch_plan(struct cx *cx, void *in, void *out);
enum err automation_patch_apply(struct cx *cx, void *in, void *out);
enum err automation_delete_apply(struct cx *cx, void *in, void *out);
enum err secret_plan(struct cx *cx, void *in, void *out);
enum err secret_apply(struct cx *cx, void *in, void *out);
enum err automation_test_plan(struct cx *cx, void *in, void *out);
enum err automation_test_apply(struct cx *cx, void *in, void *out);
enum err dry_route(struct cx *cx, void *in, void *out);
enum err dry_of_route(struct cx *cx, void *in, void *out);
enum err runs_route(struct cx *cx, void *in, void *out);
enum err deliveries_route(struct cx *cx, void *in, void *out);
enum err delivery_again_plan(struct cx *cx, void *in, void *out);
enum err delivery_again_apply(struct cx *cx, void *in, void *out);
enum err hosts_route(struct cx *cx, void *in, void *out);
enum err hosts_plan(struct cx *cx, void *in, void *out);
enum err hosts_apply(struct cx *cx, void *in, void *out);
enum err notices_route(struct cx *cx, void *in, void *out);
enum err notice_seen_apply(struct cx *cx, void *in, void *out);
