/* app/people.h - `kith user` and `kith token`: done here, or by the server that holds the
 * directory.
 *
 * A server on DIR listens on DIR/kith.sock (0600; only its own user and root are answered): one
 * JSON line in, one out.
 */
#pragma once
#include "app/house.h"

struct people_desk;
/* NULL when the socket cannot be made; *why says so. */
struct people_desk *people_desk_open(struct house *h, struct arena *a, str *why);
void people_desk_close(struct people_desk *d); /* accepts NULL */
