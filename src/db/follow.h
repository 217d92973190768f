/* db/follow.h - what backups ask of the engine: part of db_impl.h. */
#pragma once
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

struct store;
struct backup;
struct follows {
    pthread_mutex_t lock;       /* the list; held while the log is read and while it is carried into the database */
    pthread_mutex_t notes_lock; /* times of commits */
    struct backup *first;
    _Atomic int n;
};
void follows_init(struct follows *f);
void follows_free(struct follows *f);
/* Around each checkpoint: every backup takes in the log first, and holds the checkpoint to what it took. */
void follows_begin(struct store *s);
void follows_end(struct store *s);
/* After a commit: so long is the log now. */
void follows_note(struct store *s, int64_t frames);
