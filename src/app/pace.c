/* app/pace.c - how many lines of a body go to the writer in one turn. */
#include "app/pace.h"
#include "base/value.h"
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static const int64_t MS = 1000000;

size_t pace_lines(const struct pace *p, bool is_calm)
{
    if (p->line_ns == 0)
        return PACE_FIRST;
    int64_t most = is_calm ? PACE_CALM : PACE_LINES;
    int64_t n = (is_calm ? PACE_CALM_MS : PACE_MS) * MS / p->line_ns, thrice = 3 * (int64_t)p->last;
    if (n > thrice)
        n = thrice;
    return (size_t)(n < PACE_LEAST ? PACE_LEAST : n > most ? most : n);
}

void pace_took(struct pace *p, size_t n, size_t piece, int64_t ns, int64_t commit_ns)
{
    if (n == 0 || ns <= 0 || commit_ns < 0)
        return;
    if (piece && piece < n)
        ns = ns / (int64_t)n * (int64_t)piece;
    int64_t each = (ns + commit_ns) / (int64_t)n + 1;
    p->line_ns = p->line_ns ? (p->line_ns + each) / 2 : each;
    p->last = n;
}

/* Linux says of each thread how long it ran and how long it stood in line: "123 456 7". */
int64_t pace_clock_ns(void)
{
    char text[96];
    int64_t waited = 0;
    int fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    if (n > 0) {
        char *rest = text;
        text[n] = '\0';
        (void)strtoll(rest, &rest, 10);
        waited = strtoll(rest, NULL, 10);
    }
    return clock_mono_ns() - waited;
}
