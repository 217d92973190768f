/* rooms/customer/history.h - what changed on a record, with both values, and taking it back.
 * Part of customer.h, which includes it.
 *
 * Every change of a record's fields, tags, attributes, marks and parts leaves a row. The values are
 * personal and go with the customer; the audit beside it holds names of fields only.
 *
 * Whoever changes a record in another room does it by the functions below: they write the history
 * themselves. A bulk action or an import names its batch, so that the whole of it can be taken back
 * later, slice by slice.
 */
#pragma once
#include "rooms/customer/customer.h"

/* By what a change comes. source NULL: "staff" or "api", by who acts. */
struct change_by {
    const char *source; /* "import", "bulk", a channel, "proposal", "undo" */
    int64_t batch;      /* 0: none */
    history_id made;    /* out: the last row written; 0: nothing changed */
    history_id beside;  /* out: of a relation, the row on the other record */
};

/* ---- changing; inside apply ------------------------------------------------------------------ */

/* Makes the record `seen` (as customer_get gave it) into `next`: kind, texts, owner.id; its name
 * keys, history, audit and event. keys NULL: made here where they are needed. ERR_STALE when it
 * moved since. When nothing differs nothing is written and the version stays. */
enum err customer_change(struct cx *cx, const struct customer *seen, const struct customer *next,
                         const struct str_list *keys, struct change_by *by) MUST_USE;
/* Sets a text of a record by the name of its field ("city"), for lists and imports: plan first with
 * customer_text_check. False: there is no such text. */
bool customer_text_set(struct customer *c, str field, str value) MUST_USE;

/* Tags: the name as people wrote it; a tag that nobody had yet is made. The root of a record. */
enum err tag_put(struct cx *cx, customer_id root, str name, struct change_by *by) MUST_USE;
enum err tag_take(struct cx *cx, customer_id root, str name, struct change_by *by) MUST_USE;

/* Marks. An empty reason takes the mark away. */
enum err mark_put(struct cx *cx, customer_id root, int mark, str reason, struct change_by *by)
    MUST_USE;

/* ---- rows of history ------------------------------------------------------------------------- */

struct history_new {
    history_id id; /* 0: made here */
    customer_id customer; /* the id the change was made on: the root as it was then */
    str field;            /* "city", "tag", "attr.size", "mark.vip", "identity", "address" */
    int64_t part;         /* identity, address … */
    str old, new;         /* as people read them; owner: the id */
    str data;             /* what is needed to bring it back: JSON */
};
/* Inside apply. */
enum err history_add(struct cx *cx, const struct history_new *h, size_t n, struct change_by *by)
    MUST_USE;

/* Inside apply: handles that a known record was given (customer_handles_add). */
enum err identity_history(struct cx *cx, customer_id root, const struct handle_new *h, size_t n,
                          struct change_by *by) MUST_USE;

/* Inside apply: a claimed handle was shown to be his by who may vouch for it. */
enum err identity_confirm(struct cx *cx, int64_t value_id, customer_id via, struct change_by *by)
    MUST_USE;

/* Inside apply: one more address of a known record. */
enum err address_put_new(struct cx *cx, customer_id root, const struct address_new *a,
                         struct change_by *by) MUST_USE;

/* Inside apply: takes one change back; by->made is the row of that. ERR_CONFLICT with both values
 * when the field has moved since or was taken back before. */
enum err history_undo(struct cx *cx, history_id id, struct change_by *by) MUST_USE;

/* Inside apply (a job's slice): takes back at most n changes of a batch, the newest first. Those
 * whose field moved since stay and are counted. *position: 0 at the start; kept by the caller
 * between slices. */
struct undo_tally {
    int64_t undone, moved;
    bool is_finished;
};
enum err history_undo_batch_slice(struct cx *cx, int64_t batch, size_t n, int64_t *position,
                                  struct undo_tally *tally) MUST_USE;
