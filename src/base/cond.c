/* base/cond.c - see there. */
#include "base/cond.h"
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

void cond_monotonic(pthread_cond_t *c)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(c, &attr);
    pthread_condattr_destroy(&attr);
}

/* On Linux a thread has a niceness of its own. Where it may not be changed, nothing is. */
void thread_stand_back(void)
{
    enum { BACK = 10, LAST = 19 };
    int now = getpriority(PRIO_PROCESS, (id_t)gettid()), to = now + BACK;
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), to < LAST ? to : LAST);
}
