/* rooms/intake/inside.h - the plan of a contact; what the files of this room share. */
#pragma once
#include "rooms/intake/view.h"

enum { DUPLICATES_MAX = 10 };

/* One handle as this contact brought it. */
struct brought {
    const struct intake_identity *from;
    struct handle *handle;
    str given;
    bool is_verified, is_malformed, is_withheld, is_as_told;
};
/* The handles of a contact, read in one of two ways. */
struct reading {
    struct brought *brought;
    struct handle *handles;
    size_t n;
    struct list ignored; /* of struct intake_ignored */
};
struct sight {
    const struct handle *handle;
    int64_t value_id;
    customer_id via;
    bool confirms;
};
struct proposed {
    proposal_id id;
    str field, value;
};
struct intake_plan {
    size_t n_first; /* of the first of a batch: how many of them were planned with it */
    bool is_repeat, is_new, fills, needs_keys, has_address, has_who;
    struct intake_result result;
    customer_id root, via;
    interaction_id interaction;
    when at;
    int trust;
    struct customer seen;    /* the known record, when something is claimed of it */
    struct customer_new who; /* the new record, or what fills empty fields of a known one */
    struct handle_new *gives;
    size_t n_gives;
    struct sight *sights;
    size_t n_sights;
    struct list proposals; /* of struct proposed */
    struct address_new address;
    /* while planning */
    struct reading told, full, *now;
    struct duplicate duplicates[DUPLICATES_MAX];
};

/* Plans in[from] and those after it, as far as one look at the tables goes: up to *upto. */
enum err intake_plan_part(struct cx *cx, struct intake *in, size_t from, size_t n,
                          struct intake_result *out, size_t *upto) MUST_USE;
const char *intake_source_of(const struct intake *in);

/* duplicates.c */
extern const struct shape duplicates_in_shape, duplicates_shape;
enum err route_duplicates(struct cx *cx, void *in, void *out);
