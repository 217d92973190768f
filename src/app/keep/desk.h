/* app/keep/desk.h - `kith check`, `kith backup` and their like at the server that holds the directory: over DIR/kith.sock,
 * one line in, lines out that tell how far it is, what was found, how it ended.
 */
#pragma once
#include "app/talk.h"

enum keep_verb { KEEP_CHECK, KEEP_BACKUP, KEEP_RELEASE, KEEP_EXPORT, KEEP_CLASSIFY, KEEP_VERBS };
extern const char *const keep_verb_codes[KEEP_VERBS];
struct keep_wish {
    int verb; /* enum keep_verb */
    bool repair;
    str to;
};
struct keep_line {
    struct keep_wish keep;
};
extern const struct shape keep_line_shape;

enum keep_word_kind { WORD_STEP, WORD_DAMAGE, WORD_END, WORD_KINDS };
struct keep_word {
    int kind;
    bool is_fine;       /* end: it was done; damage: it is mended */
    str part, code, text; /* text: a damage; at the end why not */
    int64_t done, total;
    int64_t rows, damages, mended, bytes; /* at the end */
    bool is_partial;
    str digest;
    int64_t changed;
    str leads; /* "regular 12 chatty 3": how many each customer type leads */
};
extern const struct shape keep_word_shape;

extern const struct talk_kind keep_talk; /* at the server */

/* What both the server and a command on its own do; `say` answers false when nobody listens any more. */
struct keep_run {
    struct store *store;
    struct cx *cx; /* its db reads */
    str data_dir;
    bool is_alone;
    bool (*say)(void *arg, const struct keep_word *w);
    void *arg;
};
/* Says everything, the end too. */
void keep_carry_out(struct keep_run *r, const struct keep_wish *w);
