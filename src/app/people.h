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

/* ---- what other commands use of it ----------------------------------------------------------- */

enum { DESK_LINE_MAX = 65536 };
int desk_connect(const char *data); /* to the server of a directory; -1: there is none */
/* One line, within the patience of a receive time-out. */
bool desk_line_read(int fd, struct arena *a, str *line);
bool desk_send(int fd, str s);
bool desk_line_send(int fd, struct arena *a, const struct shape *shape, const void *p);
/* Asks the server of a directory for one of the words that need nothing else; false: no server. */
bool people_ask(struct cx *cx, const char *data, const char *wish, bool *is_done, str *said);
/* Root on the directory of another user works as that user: a file of root's in it would keep the
 * server out. */
bool become_owner(const char *data);
