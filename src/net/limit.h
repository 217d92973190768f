/* net/limit.h - budgets: how often something may happen, by who asks.
 *
 * A budget is a name (route, account, network) hashed with a key of this process; it lets `burst`
 * through at once and then one each `every_ns`. The table has a fixed size: under a flood of names
 * the ones nearest to a full budget are forgotten first, so that a hard-pressed one stays.
 */
#pragma once
#include "base/base.h"

struct limits;
struct limits *limits_open(size_t places); /* rounded up to a power of two; 16 bytes each */
void limits_close(struct limits *l);       /* accepts NULL */

/* Takes one; false when the budget is used up, and then *wait_s (may be NULL) says when one is free
 * again. */
bool limits_take(struct limits *l, const char *what, str who, int64_t now_ns, int64_t every_ns,
                 unsigned burst, uint32_t *wait_s) MUST_USE;
/* Gives one back: what was taken turned out to be rightful. */
void limits_give(struct limits *l, const char *what, str who, int64_t every_ns);

/* The network of a client for budgets: an IPv4 address whole, an IPv6 address by its /64
 * (IPv4-mapped: the IPv4). */
str limits_net(struct arena *a, str peer);
