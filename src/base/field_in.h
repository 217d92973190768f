/* base/field_in.h - what the readers of JSON and of forms share: checks of one value. Base only. */
#pragma once
#include "base/field.h"
#include "base/inside.h"

/* Each checks and stores one value; on refusal cx->why has no field name yet. */
enum err field_put_text(struct cx *cx, const struct field *f, str s, str *out) MUST_USE;
enum err field_put_int(struct cx *cx, const struct field *f, int64_t v, void *at) MUST_USE;
enum err field_put_double(struct cx *cx, const struct field *f, double v, void *at) MUST_USE;
enum err field_put_when(struct cx *cx, str s, void *at) MUST_USE;
enum err field_put_id(struct cx *cx, const struct field *f, str s, void *at) MUST_USE;
enum err field_put_enum(struct cx *cx, const struct field *f, str s, void *at) MUST_USE;

/* Refuses `name`, with the nearest name the shape knows. */
enum err field_unknown(struct cx *cx, const struct shape *shape, str name) MUST_USE;
/* May this field be given in a body, query or form? */
static inline bool field_is_open(const struct field *f)
{
    return !f->read_only && !f->in_path && (f->type != F_JSON || f->any_in);
}
/* Required and not there (or blank text)? */
bool field_is_missing(const struct field *f, bool was_sent, const void *out);
