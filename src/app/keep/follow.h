/* app/keep/follow.h - backups that make themselves: `kith serve --backup-to DIR`.
 *
 * DIR holds files kith-YYYYMMDDTHHMMSSZ.kith, by the time they were begun. With SQLite each is followed by every commit
 * until the next one was made and verified, so that `kith restore --at TIME` goes back to any moment of the days that are
 * kept; with PostgreSQL each is one moment. A new one is made at each start and once a day.
 */
#pragma once
#include "db/backup.h"

struct follow;
/* False: no thread. ring is lent. */
struct follow *follow_open(struct store *s, const struct keyring *ring, str data_dir, str to, int64_t days);
void follow_close(struct follow *f); /* takes in the last commits; accepts NULL */
struct follow_state {
    bool is_on, is_failing;
    int64_t begun_ms;  /* of the newest that was verified; 0: there is none yet */
    int64_t caught_ms; /* everything up to then is in it */
};
struct follow_state follow_state(struct follow *f); /* of NULL: off */
