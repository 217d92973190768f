/* rooms/automation/automation.h - when an event happens and a condition holds, do actions: a tag, a task, a priority, a
 * notice to colleagues, a webhook.
 *
 * Events are followed by a thread of the app: a page of them is planned on a reader (whose conditions hold?) and its actions
 * are done by one change of the bulk lane, with what came of them (automation_run) and how far it is. What actions cause are
 * events of a greater depth; at AUTOMATION_DEPTH nothing more is done.
 * Webhooks are only put in line there. Another thread sends them (net/webhook), one after the other for each automation, and
 * tries again with growing pauses for a day.
 */
#pragma once
#include "expr/expr.h"
#include "net/webhook.h"
#include "rooms/customer/customer.h"

enum {
    AUTOMATION_DEPTH = 5,  /* events so deep are not followed */
    AUTOMATION_OFTEN = 20, /* one automation for one customer in an hour */
    AUTOMATIONS_MAX = 200,
    ACTIONS_MAX = 10
};

/* ---- following: the app's thread ---------------------------------------------------------------- */

struct automation_page;
/* The next events and who must do what because of them; at most `most` automations run (0: as many as fit into a turn of the
 * writer). On a reader, inside read_begin. */
enum err automation_page_plan(struct cx *cx, size_t most, struct automation_page **out) MUST_USE;
/* Events in it; 0: there is nothing to write. */
size_t automation_page_size(const struct automation_page *p);
/* Inside apply. ERR_STALE: somebody else did it. is_skipped: only goes past them. */
enum err automation_page_write(struct cx *cx, struct automation_page *p, bool is_skipped) MUST_USE;

/* ---- sending: the other thread --------------------------------------------------------------------- */

struct delivery_due {
    delivery_id id;
    automation_id automation;
    run_id run;
    customer_id customer;
    str event, ref;
    int64_t tries, due_ms, until_ms;
    when at;
    str name, secret /* sealed */, url;
    bool may_inside; /* its host was allowed by an administrator */
    bool is_mine;    /* after the claim */
};
/* The next one of each automation that is due. None while sending is held. On a reader. */
enum err delivery_next(struct cx *cx, struct list *out /* of struct delivery_due */) MUST_USE;
/* Inside apply: these are mine for as long as a try takes; is_mine tells which. */
enum err delivery_claim(struct cx *cx, struct delivery_due *d, size_t n) MUST_USE;
/* What is sent: its body and headers, in cx->arena. ERR_NOT_FOUND: it cannot be (no address, no secret), its reason is set. */
enum err delivery_request(struct cx *cx, const struct delivery_due *d, struct webhook_request *out, str *reason) MUST_USE;
/* Inside apply: what came of it. result NULL: `reason` says why it was not sent, and it is not tried again. */
enum err delivery_done(struct cx *cx, const struct delivery_due *d, const struct webhook_result *result, str reason) MUST_USE;

/* ---- the rest ------------------------------------------------------------------------------------------ */

/* Automations whose condition names this attribute, for the catalogue. */
enum err automation_users(struct cx *cx, str attribute, struct list *out /* of struct expr_user */) MUST_USE;
/* For the rotation of keys (key_part). */
enum err automation_rekey_slice(struct cx *cx, int64_t *after, bool *is_finished) MUST_USE;
/* Takes out what is deleted or old. */
extern const struct job_kind automation_job;
extern const struct room automation_room;
