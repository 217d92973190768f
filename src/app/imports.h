/* app/imports.h - `kith import`, `kith export`: done here, or by the server that holds the directory.
 *
 * At the server a file comes over DIR/kith.sock: a line says what it is, the file follows when the
 * server has answered "send", lines tell how far it is, and the rejected rows end the conversation.
 * An export comes in pieces, each behind a line with its length; the line "0" says that it is whole.
 */
#pragma once
#include "app/house.h"

struct imports;
struct imports *imports_open(struct house *h); /* NULL: no memory */
void imports_close(struct imports *i);         /* ends the conversations; accepts NULL */
/* Goes on with a copy of the descriptor on a thread of its own. */
void imports_take_over(struct imports *i, int fd, str line);
