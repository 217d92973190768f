/* app/look/look.h - `kith audit` and `kith doctor`: done here, or by the server that holds the directory.
 *
 * Over DIR/kith.sock: one line in, lines out; each carries a piece of what is printed, the last one how it ended.
 */
#pragma once
#include "app/talk.h"

enum look_verb { LOOK_WHO, LOOK_VERIFY, LOOK_DOCTOR, LOOK_VERBS };
extern const struct talk_kind look_talk; /* at the server */
