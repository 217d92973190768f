/* rooms/customer/tag.c - routes of tags: given to a record, taken away, found while typing. */
#include "messages.h"
#include "queries.h"
#include "rooms/customer/inside.h"

enum { TAG_CHARS = 60, TAGS_FOUND = 50 };

struct tag_in {
    struct part_in part;
    str tag;
};
/* clang-format off */
static const struct field tag_in_fields[] = {
    FIELD_AS(struct tag_in, part.id, "id", .in_path = true),
    FIELD(struct tag_in, tag, .in_path = true, .max_len = 1000),
};
/* clang-format on */
const struct shape tag_in_shape = SHAPE("tag_in", struct tag_in, tag_in_fields);

/* Names that a list of tags can show and an expression can say. */
enum err tag_check(struct cx *cx, str *name)
{
    *name = str_trim(*name);
    bool is_good = name->len > 0 && str_is_utf8(*name) && str_chars(*name) <= TAG_CHARS;
    for (size_t i = 0; is_good && i < name->len; i++)
        is_good = (unsigned char)name->ptr[i] >= 0x20 && name->ptr[i] != 0x7f &&
                  name->ptr[i] != ',' && name->ptr[i] != ';' && name->ptr[i] != '"';
    return is_good && text_fold(cx->arena, *name).len
               ? OK
               : fault_field(cx, ERR_INVALID, S("tag"), M_TAG_NAME);
}

enum err tag_in_plan(struct cx *cx, void *in, void *out)
{
    struct tag_in *a = in;
    struct list tags = {0};
    TRY(part_plan(cx, in, out));
    TRY(tag_check(cx, &a->tag));
    TRY(db_all(cx, &q_tag_of_customer, &tag_row_shape, &tags, ARGS(V(a->part.root))));
    return tags.n < CUSTOMER_TAGS_MAX
               ? OK
               : fault(cx, ERR_CONFLICT, M_TAG_MANY, MNUM("most", CUSTOMER_TAGS_MAX));
}

enum err tag_in_apply(struct cx *cx, void *in, void *out)
{
    const struct tag_in *a = in;
    TRY(tag_put(cx, a->part.root, a->tag, NULL));
    return tag_find(cx, a->tag, out);
}

enum err tag_gone_apply(struct cx *cx, void *in, void *out)
{
    (void)out;
    const struct tag_in *a = in;
    struct change_by by = {0};
    TRY(tag_take(cx, a->part.root, a->tag, &by));
    return by.made.v ? OK : fault(cx, ERR_NOT_FOUND, M_TAG_NOT_HERE);
}

struct tags_in {
    str q;
};
struct tags_out {
    struct list items;
};
/* clang-format off */
static const struct field tags_in_fields[] = {
    FIELD(struct tags_in, q, .max_len = TAG_CHARS, .doc = "How the tag begins"),
};
static const struct field tags_out_fields[] = {
    FIELD_LIST(struct tags_out, items, &tag_shape),
};
/* clang-format on */
const struct shape tags_in_shape = SHAPE("tags_in", struct tags_in, tags_in_fields);
const struct shape tags_out_shape = SHAPE("tags", struct tags_out, tags_out_fields);

enum err route_tags(struct cx *cx, void *in, void *out)
{
    const struct tags_in *a = in;
    str first = text_fold(cx->arena, a->q);
    str end = arena_printf(cx->arena, SFMT "\xf4\x8f\xbf\xbf", SARG(first));
    return db_all(cx, &q_tag_list, &tag_row_shape, &((struct tags_out *)out)->items,
                  ARGS(V(first), V(end), V(TAGS_FOUND)));
}
