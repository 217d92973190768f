/* app/pace.h - how many lines of a body go to the writer in one turn.
 *
 * A turn holds the one writer to the end of its commit, so single requests wait for it. While people ask for the writer a
 * turn is short. While nobody does it is longer: fewer pages are then written for each line, because neighbours touch the
 * same ones; even so who comes first waits no longer than the writer may ever stand.
 */
#pragma once
#include "base/base.h"

enum {
    PACE_LINES = 100, /* of a turn, at most */
    PACE_CALM = 250,  /* the same while nobody else asks */
    PACE_FIRST = 40,  /* before anything is known */
    PACE_LEAST = 10,
    PACE_MS = 5, /* that somebody waits for a turn, at most */
    PACE_CALM_MS = 15,
};
struct pace {
    int64_t line_ns; /* of waiting, by the turns so far; the last one counts half; 0: none yet */
    size_t last;     /* lines of it */
};

/* No turn is longer than three of the last: lines that cost little say nothing about those behind them. */
size_t pace_lines(const struct pace *p, bool is_calm);
/* n lines took so long, and their commit. piece: of a turn that can end early, the lines between two moments when it can;
 * 0: none. */
void pace_took(struct pace *p, size_t n, size_t piece, int64_t ns, int64_t commit_ns);
/* Nanoseconds that stand still while this thread waits for a processor: what else the machine has to do makes no turn shorter,
 * which would make it dearer. For differences on one thread. */
int64_t pace_clock_ns(void);
