/* base/cond.h - a condition that is waited for with a limit, by the clock that nobody sets. */
#pragma once
#include <pthread.h>

void cond_monotonic(pthread_cond_t *c); /* instead of pthread_cond_init */
