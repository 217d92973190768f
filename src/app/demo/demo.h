/* app/demo/demo.h - `kith demo`: fills an empty installation, and plays incoming calls to a running one.
 */
#pragma once
#include "app/demo/play.h"
#include "db/event.h"

/* Of all demo staff; shown by `make run`. */
#define DEMO_PASS_PHRASE "welcome to kith"

struct demo_progress {
    void (*tell)(void *arg, int64_t done, int64_t total); /* customers */
    void *arg;
};
struct demo_filled {
    int64_t customers, identities, interactions, orders, lines;
};
/* The demo company: a real shop's history with people who do not exist, dates shifted so that its last day is that of
 * cx->now_ms; members of staff in all nine roles with one pass phrase. The customer tables must be empty (ERR_CONFLICT). */
enum err demo_fill_company(struct store *s, struct cx *cx, const struct demo_progress *p, struct demo_filled *out,
                           struct demo_play *play) MUST_USE;
/* n made-up customers with 5 interactions, 2 orders, 2 identities each on average; the same seed, the same people. */
enum err demo_fill_generated(struct store *s, struct cx *cx, int64_t n, uint64_t seed, const struct demo_progress *p,
                             struct demo_filled *out) MUST_USE;

