/* base/lately.c - see there. */
#include "base/lately.h"
#include "base/value.h"

static const int64_t GOOD_FOR_NS = 900000000,
                     CALM_NS = 5000000000; /* longer than a read may take */

bool lately_is_good(const struct lately *l)
{
    return l->good_until_ns > clock_mono_ns();
}

bool lately_keep(struct lately *l)
{
    int64_t now_ns = clock_mono_ns();
    if (now_ns < l->calm_from_ns)
        return false;
    l->good_until_ns = now_ns + GOOD_FOR_NS;
    return true;
}

void lately_drop(struct lately *l)
{
    l->good_until_ns = 0;
    l->calm_from_ns = clock_mono_ns() + CALM_NS;
}
