/* app/keep/copy.h - backups as commands and the server make them: a file that was restored and looked at before it bears
 * its name.
 */
#pragma once
#include "db/backup.h"

/* The ring of a data directory. key_file: "" where the primary key lies as key_find says. */
enum err keep_ring(struct cx *cx, struct store *s, str dir, str key_file, struct keyring **out) MUST_USE;
/* The ring at the head of a backup or export: by the key of `dir`, or by the recovery key, after which the key of `dir`
 * (made when there is none) opens it too. */
enum err keep_ring_of_file(struct cx *cx, struct box_in *b, str name, str dir, str key_file, str recovery,
                           struct keyring **out) MUST_USE;

struct copy_wish {
    const char *to;
    bool (*goes_on)(void *arg, const char *part, int64_t done, int64_t total);
    void *arg;
};
/* SQLite: pages and log. Written as TO.part, to the disk, verified, then renamed. *bytes: of the file. */
enum err copy_make(struct cx *cx, struct store *s, const struct keyring *ring, const struct copy_wish *w,
                   int64_t *bytes) MUST_USE;
