/* rooms/audit/audit.h - who saw and who changed what, for the owner and the privacy officer.
 *
 * Rows are written by audit_add and audit_view of db/event.h; this room only lists them.
 */
#pragma once
#include "db/event.h"
#include "net/route.h"

extern const struct room audit_room;
