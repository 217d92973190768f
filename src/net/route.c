/* net/route.c - the names that route rows are written with. */
#include "net/route.h"

const char *const scope_codes[SCOPE_N] = {
#define X(name, code) [name##_BIT] = code,
    SCOPE_LIST(X)
#undef X
};

/* What it holds is no JSON, so it has no fields to write. */
const struct shape raw_reply_shape = {.name = "raw_reply", .size = sizeof(struct raw_reply)};
