/* base/lately.h - for how long what was read from the store may be taken from memory instead: less than a second, so that another
 * node's change is heard of within one. On this node a change drops it at once; and since who began to read before the change
 * may bring the old back after it, nothing is kept until every such reading is over. The owner locks. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct lately {
    int64_t good_until_ns, calm_from_ns;
};
bool lately_is_good(const struct lately *l);
bool lately_keep(struct lately *l); /* what was just read is good from now on; false: it may not be kept */
void lately_drop(struct lately *l); /* it is another now; inside apply */
