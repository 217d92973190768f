/* base/password.h - passwords: Argon2id, 64 MiB and two passes, so that guessing is dear.
 *
 * One hash takes about 70 ms and 64 MiB; who calls bounds how many run at once.
 */
#pragma once
#include "base/base.h"

enum { PASSWORD_MIN = 12, PASSWORD_MAX = 1024 }; /* characters, bytes */

/* The encoded form for the store, in arena. ERR_BUSY when the machine has no memory for it. */
enum err password_hash(struct cx *cx, str password, str *out) MUST_USE;
/* Constant work for a right and a wrong one; an empty `encoded` (no such person) costs the same and
 * is false. */
bool password_is(str encoded, str password);
