/* base/base_test.h - a context for unit tests in two lines, and a repeatable source of numbers. */
#pragma once
#include "base/value.h"
#include <setjmp.h>
/* after setjmp.h, as cmocka wants it */
#include <cmocka.h>

static inline int test_cx_open(void **state)
{
    struct cx *cx = calloc(1, sizeof *cx);
    assert_non_null(cx);
    cx->arena = arena_open((size_t)64 << 20);
    cx->now_ms = 1795329000000; /* 2026-11-22T06:30:00Z */
    cx->if_match = -1;
    *state = cx;
    return 0;
}

static inline int test_cx_close(void **state)
{
    struct cx *cx = *state;
    arena_close(cx->arena);
    free(cx);
    return 0;
}

static inline int test_cx_reset(void **state)
{
    struct cx *cx = *state;
    arena_reset(cx->arena);
    cx->why = (struct fault){0};
    return 0;
}

/* A test with an arena of its own content; the context comes in as *state. */
#define TEST(fn) cmocka_unit_test_setup(fn, test_cx_reset)

#define assert_str(actual, expected)                                      \
    do {                                                                  \
        str a_ = (actual), e_ = (expected);                               \
        if (!str_eq(a_, e_))                                              \
            fail_msg("'" SFMT "' is not '" SFMT "'", SARG(a_), SARG(e_)); \
    } while (0)

/* splitmix64: the same numbers in each run, so that a failure can be seen again. */
static inline uint64_t test_random(uint64_t *seed)
{
    uint64_t z = (*seed += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}
