/* app/keep/copy.h - an installation as rows in a file that was taken in and looked at before it bears its name. Backups of
 * pages: db/backup.h.
 */
#pragma once
#include "app/keep/move.h"
#include "db/backup.h"

/* The ring at the head of a backup or export: by the key of `dir`, or by the recovery key, after which the key of `dir`
 * (made when there is none) opens it too. */
enum err keep_ring_of_file(struct cx *cx, struct box_in *b, str name, str dir, str key_file, str recovery,
                           struct keyring **out) MUST_USE;

/* Any store as rows (move.h), the same way: written as TO.part, taken into a scratch store to see that it can be, renamed.
 * is_alone: nobody else has the store; else an SQLite one is copied first. */
enum err rows_make(struct cx *cx, struct store *s, const struct keyring *ring, str data_dir, bool is_alone,
                   bool is_verified, const struct copy_wish *w, struct move_figures *out) MUST_USE;
/* Rows into a new SQLite directory DIR, all or nothing: made as DIR.importing, which gets its name at the end. b has the
 * key, which is the ring's; key_dir: beside which directory the primary key lies. */
enum err rows_into_directory(struct cx *cx, struct box_in *b, const struct keyring *ring, str name, const char *dir,
                             str key_dir, const struct copy_wish *w, struct move_figures *out) MUST_USE;
/* Rows into an empty database of PostgreSQL; data_dir gets the ring. */
enum err rows_into_database(struct cx *cx, struct box_in *b, const struct keyring *ring, str name, const char *dir,
                            const char *url, const struct copy_wish *w, struct move_figures *out) MUST_USE;
