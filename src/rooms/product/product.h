/* rooms/product/product.h - what the company sells: a number of its own (SKU), a name, a price.
 */
#pragma once
#include "db/event.h"
#include "net/route.h"

struct product {
    product_id id;
    str sku, name;
    money price; /* currency "": none stated */
    str category;
    bool is_active; /* sold */
    int64_t version;
};
extern const struct shape product_shape;

/* Those of the given SKUs that are known, ordered by SKU. */
enum err product_by_skus(struct cx *cx, const str *skus, size_t n,
                         struct list *out /* of struct product */) MUST_USE;

/* SKU and name in the form in which they are searched. */
str product_folded(struct arena *a, str sku, str name);

/* Is something that is sold named in a text, by a word of its name, its SKU or its category? */
enum err product_is_named(struct cx *cx, str text, bool *out) MUST_USE;
extern const struct job_kind product_word_job; /* keeps the words by which that is seen */

extern const struct room product_room;
