/* app/imports.h - `kith import`, `kith export`: done here, or by the server that holds the directory.
 *
 * At the server a file comes over DIR/kith.sock: a line says what it is, the file follows when the
 * server has answered "send", lines tell how far it is, and the rejected rows end the conversation.
 * An export comes in pieces, each behind a line with its length; the line "0" says that it is whole.
 */
#pragma once
#include "app/talk.h"

extern const struct talk_kind import_talk; /* at the server */
