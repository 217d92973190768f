/* app/demo/lively.h - people of the demo company of whom there is something to say: some of every type, some to be checked
 * first, one nobody can decide. Nothing is pinned: what they write, buy and how they pay is what Kith judges them by.
 */
#pragma once
#include "app/demo/fill.h"

enum { LIVELY_MAX = 24, LIVELY_CALLERS = 7 };
struct lively {
    struct filler *f;
    int64_t link;         /* of the telephone */
    const int64_t *staff; /* by enum lively_staff */
    int64_t customers[LIVELY_MAX], calls[LIVELY_MAX]; /* made; by their place in the cast */
};
enum lively_staff { LIVELY_OWNER, LIVELY_MANAGER = 2, LIVELY_DANA, LIVELY_SATO, LIVELY_RISK = 8 };

/* Their numbers, and of one of each type, for the play of calls. */
size_t lively_numbers(const char *out[LIVELY_MAX]);
extern const char *const lively_callers[LIVELY_CALLERS];

/* Their rows; between fill_begin and fill_end. */
enum err lively_fill(struct lively *l) MUST_USE;
/* After fill_end, through the doors of the rooms: impressions, screened orders, a block, a complaint, automations. */
enum err lively_act(struct lively *l, struct store *s, struct cx *cx) MUST_USE;
