/* app/lanes.h - the workers and the lines before them.
 *
 * FAST: cards and answers after a commit; also served by one worker that does nothing else. COMMON:
 * the rest. HEAVY: at least one common worker is always left for others. PASSWORDS: three threads
 * of their own, since a hash takes 70 ms and 64 MiB; a short line, then ERR_BUSY.
 */
#pragma once
#include "db/db.h"
#include <pthread.h>

struct errand;
enum lane_kind { LANE_FAST, LANE_COMMON, LANE_HEAVY, LANE_PASSWORDS, LANE_KINDS };
struct lanes;
/* `run` is called on a worker with its connection, which is NULL while the store cannot be read. */
struct lanes *lanes_open(struct store *s, unsigned workers,
                         void (*run)(struct errand *e, struct db *db));
/* Finishes what stands in line. */
void lanes_close(struct lanes *l);
/* False when the line is too long. */
bool lanes_add(struct lanes *l, enum lane_kind k, struct errand *e) MUST_USE;
/* For what was accepted already and must go on. */
void lanes_add_owed(struct lanes *l, enum lane_kind k, struct errand *e);
int64_t lanes_waiting(struct lanes *l);
