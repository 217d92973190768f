/* app/pace.h - how many lines of a body go to the writer in one turn.
 *
 * A turn holds the one writer from its first statement to the end of its commit, so single requests wait for it. While
 * people ask for the writer a turn is short. While nobody does it is longer: fewer pages are then written for each line,
 * because neighbours touch the same ones; even so who comes first waits no longer than the writer may ever stand.
 */
#pragma once
#include "base/base.h"

enum {
    PACE_LINES = 100,  /* of a turn, at most */
    PACE_CALM = 200,   /* the same while nobody else asks */
    PACE_FIRST = 40,   /* before anything is known */
    PACE_LEAST = 10,
    PACE_MS = 5,       /* of the writer */
    PACE_CALM_MS = 15,
};
struct pace {
    int64_t line_ns; /* of the writer, by the turns so far; the last one counts half; 0: none yet */
    size_t last;     /* lines of it */
};

/* No turn is longer than two of the last: lines that cost little say nothing about those behind them. */
size_t pace_lines(const struct pace *p, bool is_calm);
/* n lines held the writer for so long. */
void pace_took(struct pace *p, size_t n, int64_t ns);
