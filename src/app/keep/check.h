/* app/keep/check.h - is the store whole? `kith check`, and what a backup is verified with.
 *
 * Each part walks in slices, each a snapshot of at most 2 s, so that a server goes on serving meanwhile. What is found is
 * said as a sentence: what is damaged, where, what to do. Only what is made of other rows can be repaired here: counted
 * figures, keys of names, documents of the search.
 */
#pragma once
#include "db/db.h"

struct check_wish {
    bool repairs;  /* mends what can be made again */
    bool is_quick; /* pages, rows, references and the audit's chain: what a copy can have got wrong */
    bool is_alone; /* no server on it: SQLite's own check of its structure too */
    str data_dir;
    /* A sentence for each damage; mended: it is no more. */
    void (*found)(void *arg, const struct fault *damage, bool is_mended);
    /* How far it is: rows or pages looked at in this part. False: stop. */
    bool (*goes_on)(void *arg, const char *part, int64_t done, int64_t total);
    void *arg;
};
struct check_result {
    int64_t rows, damages, mended;
    bool is_partial; /* some part could not be looked at; `found` was told why */
};
/* cx->db reads; not inside read_begin. OK also when there is damage: out->damages tells. */
enum err check_store(struct store *s, struct cx *cx, const struct check_wish *w, struct check_result *out) MUST_USE;
