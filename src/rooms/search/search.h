/* rooms/search/search.h - one box that finds customers and orders by any fragment.
 *
 * A name in any script (Пушкин and Pushkin find each other), digits of a phone number in any format, part of an e-mail
 * address, an order number, a tag, a company, a loyalty card or account number. A word of one or two letters is sought at the
 * beginning of words, a longer one anywhere. Of each question twice as many candidates are looked at as
 * are wanted (SEARCH_LEAST at least), the likely ones first; there is no count of all. Results are the same on both stores as
 * long as fewer records than that share the fragment.
 */
#pragma once
#include "rooms/customer/customer.h"

enum { SEARCH_LEAST = 32, SEARCH_CHARS_MAX = 200 };

/* Records (roots) that what was typed finds, the best first; at most limit (1 … 500). For lists that filter by free words.
 * An empty text finds nobody. ids in cx->arena. */
enum err search_customers(struct cx *cx, str q, size_t limit, struct list *ids /* of int64_t */) MUST_USE;

/* ---- the index ----------------------------------------------------------------------------- */

/* What has changed (search_due): a page of it is read on a reader (`plan`), then written inside apply; ERR_STALE: plan again.
 * Only one node does this at a time. */
struct search_page;
enum err search_page_plan(struct cx *cx, size_t limit, struct search_page **out) MUST_USE;
size_t search_page_size(const struct search_page *p);
enum err search_page_write(struct cx *cx, struct search_page *p) MUST_USE;

/* For the generator: the lines of a name, the whole text of a record, its pieces (blank-separated). */
struct search_handle {
    int type; /* enum identity_type */
    str value;
};
str search_names_text(struct arena *a, str name, str reading);
str search_text(struct arena *a, str names, str company, const struct search_handle *handles, size_t n);
str search_pieces(struct arena *a, str text);

/* A store from before there was an index: a page of customers a slice. */
extern const struct job_kind search_fill;

/* ---- checking ----
 * Documents against the records, then the lists of the index against the documents, each read once and in slices. What waits in
 * search_due is not wrong yet, and what is written meanwhile is left to the next check. Memory: 16 bytes for each document. */
struct search_check;
struct search_wrong {
    int64_t customer; /* 0: the lists name a document that is no more */
    int64_t doc;      /* 0: its text; else only what the lists say of this one */
    bool is_known;    /* it was wrong before: what its old document left in the lists */
    str text, missing, surplus;
};
enum err search_check_open(struct cx *cx, struct search_check **out) MUST_USE;
void search_check_close(struct search_check *k); /* accepts NULL */
/* The next slice, inside read_begin; struct list of struct search_wrong in cx->arena; *rows: how many were looked at. */
enum err search_check_step(struct cx *cx, struct search_check *k, struct list *wrong, int64_t *rows, bool *is_over) MUST_USE;
/* Inside apply: what was found wrong is made anew. */
enum err search_mend(struct cx *cx, const struct search_wrong *w, size_t n) MUST_USE;

extern const struct room search_room; /* GET /search */
