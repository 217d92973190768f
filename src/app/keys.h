/* app/keys.h - what parts keep sealed in rows, and the rotation of the data key as a command sees it. */
#pragma once
#include "app/house.h"

/* Whoever keeps something of keyring_seal in rows has a line in this table. */
extern const struct key_part keys_parts[];
extern const size_t keys_parts_n;
/* "running|done|failed DONE ALL EPOCH" */
str keys_rotation_text(struct store *s, struct arena *a);
