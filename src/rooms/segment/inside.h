/* rooms/segment/inside.h - what the files of this room share; nobody else includes it. */
#pragma once
#include "messages.h"
#include "queries.h"
#include "rooms/segment/segment.h"

enum { SAMPLE = 10, SEGMENTS_MAX = 200 };
extern const struct shape segment_row_shape;
/* The plan of a segment's condition; a fault when it is right no more. inside: the segment that is written with it by
 * who asks; empty: it stands already, and may be asked for by anybody. */
enum err segment_plan(struct cx *cx, str text, str inside, struct expr_plan **out) MUST_USE;

/* Routes of segment.c. */
struct segment_in {
    segment_id id;
    str name, text;
    struct segment seen; /* between plan and apply */
};
struct segment_out {
    segment_id id;
    str name, text, tree;
    int64_t count;
    bool is_filling;
    str failure;
    when created_at, changed_at;
    int64_t version;
};
extern const struct shape segment_in_shape, segment_patch_shape, segment_by_id_shape, segment_out_shape, segment_one_shape, segments_shape, members_in_shape,
    members_shape;
enum err segments_route(struct cx *cx, void *in, void *out);
enum err segment_route(struct cx *cx, void *in, void *out);
enum err segment_fill_apply(struct cx *cx, void *in, void *out);
enum err members_route(struct cx *cx, void *in, void *out);
enum err segment_add_plan(struct cx *cx, void *in, void *out);
enum err segment_add_apply(struct cx *cx, void *in, void *out);
enum err segment_again(struct cx *cx, int64_t id, void *out);
enum err segment_patch_plan(struct cx *cx, void *in, void *out);
enum err segment_patch_apply(struct cx *cx, void *in, void *out);
enum err segment_delete_plan(struct cx *cx, void *in, void *out);
enum err segment_delete_apply(struct cx *cx, void *in, void *out);
