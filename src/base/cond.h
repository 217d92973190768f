/* base/cond.h - threads: a condition that is waited for with a limit, by the clock that nobody sets; who stands back. */
#pragma once
#include <pthread.h>

void cond_monotonic(pthread_cond_t *c); /* instead of pthread_cond_init */
/* The calling thread gets the processor after those that answer people. It may hold no lock for long that they need. */
void thread_stand_back(void);
