/* app/demo/generated.h - the customers of `kith demo --customers N`: who number i is can be told without asking the store,
 * so that benchmarks and tests know whom to call.
 */
#pragma once
#include "app/demo/data.h"

/* Culture of customer i, as an index of people.txt's cultures. */
size_t generated_culture(int64_t i);
/* His telephone number in E.164: one that cannot be assigned (by its first digit), unlike all others. i below 10,000,000. */
struct generated_phone { char text[24]; };
struct generated_phone generated_phone(int64_t i);
/* The same as people write it. */
struct generated_phone generated_shown(int64_t i);
