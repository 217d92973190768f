/* app/look/look.h - `kith audit` and `kith doctor`: done here, or by the server that holds the directory.
 *
 * Over DIR/kith.sock: one line in, lines out; each carries a piece of what is printed, the last one how it ended.
 */
#pragma once
#include "app/house.h"

enum look_verb { LOOK_WHO, LOOK_VERIFY, LOOK_DOCTOR, LOOK_VERBS };
struct look_desk;
struct look_desk *look_desk_open(struct house *h); /* NULL: no memory */
void look_desk_close(struct look_desk *d);         /* ends the conversations; accepts NULL */
/* Goes on with a copy of the descriptor on a thread of its own. */
void look_take_over(struct look_desk *d, int fd, str line);
