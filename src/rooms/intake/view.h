/* rooms/intake/view.h - what plan sees: the snapshot, and over it what those planned earlier with
 * the same view are going to write. Inside of the room.
 *
 * Everything is read once, at its first use or before by view_load, which asks for all at once. What
 * an earlier one changes in a way that would need a new look at the tables is noted as unsure;
 * whoever needs it then is planned in a next part, after the first is written (view_is_unsure).
 */
#pragma once
#include "rooms/intake/intake.h"

struct view;
struct known_value;

struct first_row {
    interaction_id interaction;
    customer_id root;
    bool is_new;
    str matched_by;
};
struct same_name {
    customer_id id, root;
    str city, company, country;
};
struct known_record {
    struct customer now;
    struct list addresses; /* of struct address */
};
struct known_source {
    bool is_found;
    struct first_row first;
    struct list duplicates; /* that the first answer told */
    const void *here;       /* the plan of the one in this batch that brings it */
};

struct view *view_open(struct cx *cx, size_t n);

/* Each asks for what it needs; a load answers all that was asked, in one round trip. */
void view_want_handle(struct view *v, struct handle *h);
void view_want_suffix(struct view *v, const struct handle *h); /* if nobody has it */
void view_want_source(struct view *v, int channel, str source_id);
void view_want_told(struct view *v, int channel, str source_id); /* its duplicates, if found */
void view_want_record(struct view *v, customer_id root, bool with_addresses);
void view_want_root(struct view *v, customer_id any);
void view_want_names(struct view *v, str key);
enum err view_load(struct cx *cx, struct view *v) MUST_USE;

/* Owners of handles; a phone that nobody has is sought by its end. */
enum err view_owners(struct cx *cx, struct view *v, struct handle *handles, size_t n) MUST_USE;
/* Does anybody have it, or had? */
bool view_has_handle(struct view *v, const struct handle *h);
bool view_is_repeat(struct view *v, int channel, str source_id);
enum err view_source(struct cx *cx, struct view *v, int channel, str source_id,
                     struct known_source **out) MUST_USE;
enum err view_root(struct cx *cx, struct view *v, customer_id any, customer_id *root) MUST_USE;
enum err view_record(struct cx *cx, struct view *v, customer_id root, bool with_addresses,
                     struct known_record **out) MUST_USE;
/* What is proposed of it and not decided: of struct proposal. */
enum err view_proposals(struct cx *cx, struct view *v, customer_id root, struct list *out) MUST_USE;
/* NULL: not looked at yet. */
const struct known_record *view_has_record(struct view *v, customer_id root);
extern const struct shape intake_first_shape, intake_duplicate_shape;
/* Up to eight records of this "same name" key, the newest first. */
enum err view_names(struct cx *cx, struct view *v, str key, struct list *out) MUST_USE;

/* Whom these handles may name, with the one that was chosen; at most `most`. What is loaded only. */
size_t view_roots(struct cx *cx, struct view *v, const struct handle *handles, size_t n, customer_id chosen,
                  customer_id *out, size_t most);

/* Something that was just looked at is not what the tables will show. */
bool view_is_unsure(const struct view *v);
void view_doubt(struct view *v);

/* Was something without a normal form planned for him, which the tables do not show yet? */
bool view_has_kept(const struct view *v, customer_id root);

/* What the one that was planned will write. */
void view_given(struct view *v, const struct handle_new *g, customer_id root, customer_id via,
                bool is_new, int64_t now_ms);
void view_sighted(struct view *v, const struct handle *h, customer_id via, bool confirms,
                  int64_t now_ms);
void view_made(struct view *v, const struct customer_new *c);
void view_filled(struct view *v, customer_id root, const struct customer_new *with);
void view_proposed(struct view *v, customer_id root, str field, str value);
void view_housed(struct view *v, customer_id root, const struct address_new *a);
void view_sourced(struct view *v, int channel, str source_id, const void *plan);
