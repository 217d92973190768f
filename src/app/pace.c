/* app/pace.c - how many lines of a body go to the writer in one turn. */
#include "app/pace.h"

static const int64_t MS = 1000000;

size_t pace_lines(const struct pace *p, bool is_calm)
{
    if (p->line_ns == 0)
        return PACE_FIRST;
    int64_t most = is_calm ? PACE_CALM : PACE_LINES;
    int64_t n = (is_calm ? PACE_CALM_MS : PACE_MS) * MS / p->line_ns, twice = 2 * (int64_t)p->last;
    if (n > twice)
        n = twice;
    return (size_t)(n < PACE_LEAST ? PACE_LEAST : n > most ? most : n);
}

void pace_took(struct pace *p, size_t n, int64_t ns)
{
    if (n == 0 || ns <= 0)
        return;
    int64_t each = ns / (int64_t)n + 1;
    p->line_ns = p->line_ns ? (p->line_ns + each) / 2 : each;
    p->last = n;
}
