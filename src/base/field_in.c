/* base/field_in.c - the checks that every value from outside passes, however it was written. */
#include "base/field_in.h"
#include "messages.h"

/* ---- text --------------------------------------------------------------------------- */

static bool is_line_break(const struct field *f, char c)
{
    return f->multiline && (c == '\n' || c == '\t');
}

/* Copies, CR LF as LF where lines are allowed; -1, or the place of a control character. */
static ptrdiff_t copy_checked(const struct field *f, str s, char *to, size_t *len)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (f->multiline && c == '\r' && i + 1 < s.len && s.ptr[i + 1] == '\n')
            continue;
        bool is_c1 = (unsigned char)c == 0xC2 && (unsigned char)s.ptr[i + 1] < 0xA0;
        if ((((unsigned char)c < 0x20 || c == 0x7F) && !is_line_break(f, c)) || is_c1)
            return (ptrdiff_t)str_chars((str){s.ptr, i});
        to[n++] = c;
    }
    to[n] = '\0';
    *len = n;
    return -1;
}

static str names_of(struct arena *a, const struct field *f)
{
    struct text t = text_in(a, 400);
    for (size_t i = 0; i < f->n_names; i++) {
        if (!f->names[i] || !*f->names[i])
            continue;
        if (t.len)
            text_add(&t, S(", "));
        text_add(&t, str_of(f->names[i]));
    }
    return text_str(&t);
}

static bool is_named(const struct field *f, str s)
{
    for (size_t i = 0; i < f->n_names; i++)
        if (str_eq(s, str_of(f->names[i])))
            return true;
    return false;
}

enum err field_put_text(struct cx *cx, const struct field *f, str s, str *out)
{
    size_t most = field_max_chars(f);
    if (f->n_names && s.len && !is_named(f, s))
        return fault(cx, ERR_INVALID, M_NOT_A_CHOICE, MARG("given", s),
                     MARG("choices", names_of(cx->arena, f)));
    if (s.len > most && str_chars(s) > most)
        return fault(cx, ERR_INVALID, M_TOO_LONG, MNUM("length", (int64_t)str_chars(s)),
                     MNUM("most", (int64_t)most));
    char *p = arena_try_raw(cx->arena, s.len + 1);
    if (!p)
        return fault(cx, ERR_TOO_BIG, M_TOO_BIG);
    size_t n = 0;
    ptrdiff_t at = copy_checked(f, s, p, &n);
    if (at >= 0)
        return fault(cx, ERR_INVALID, M_CONTROL_CHARACTER, MNUM("position", at + 1));
    *out = (str){p, n};
    return OK;
}

/* ---- numbers ------------------------------------------------------------------------ */

static bool has_range(const struct field *f)
{
    return f->min != 0 || f->max != 0;
}

static enum err out_of_range(struct cx *cx, const struct field *f)
{
    return fault(cx, ERR_INVALID, M_OUT_OF_RANGE, MNUM("least", f->min), MNUM("most", f->max));
}

enum err field_put_int(struct cx *cx, const struct field *f, int64_t v, void *at)
{
    if (has_range(f) && (v < f->min || v > f->max))
        return out_of_range(cx, f);
    if (f->type == F_OPT_INT)
        *(opt_int *)at = SOME_INT(v);
    else
        *(int64_t *)at = v;
    return OK;
}

enum err field_put_double(struct cx *cx, const struct field *f, double v, void *at)
{
    if (has_range(f) && (v < (double)f->min || v > (double)f->max))
        return out_of_range(cx, f);
    *(double *)at = v;
    return OK;
}

/* ---- words -------------------------------------------------------------------------- */

enum err field_put_when(struct cx *cx, str s, void *at)
{
    if (!when_parse(s, at))
        return fault(cx, ERR_INVALID, M_NOT_A_TIME, MARG("given", s));
    return OK;
}

enum err field_put_id(struct cx *cx, const struct field *f, str s, void *at)
{
    if (!id_parse(s, f->id_prefix, at))
        return fault(cx, ERR_INVALID, M_NOT_AN_ID, MARG("given", s),
                     MARG("prefix", str_of(f->id_prefix)));
    return OK;
}

static void enum_store(const struct field *f, size_t i, void *at)
{
    switch (f->size) {
    case 1:
        *(uint8_t *)at = (uint8_t)i;
        break;
    case 2:
        *(uint16_t *)at = (uint16_t)i;
        break;
    case 8:
        *(int64_t *)at = (int64_t)i;
        break;
    default:
        *(int32_t *)at = (int32_t)i;
    }
}

enum err field_put_enum(struct cx *cx, const struct field *f, str s, void *at)
{
    for (size_t i = 0; i < f->n_names; i++) {
        if (f->names[i] && s.len && str_eq(s, str_of(f->names[i]))) {
            enum_store(f, i, at);
            return OK;
        }
    }
    return fault(cx, ERR_INVALID, M_NOT_A_CHOICE, MARG("given", s),
                 MARG("choices", names_of(cx->arena, f)));
}

/* ---- names -------------------------------------------------------------------------- */

static char folded(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

enum { NAME_CHARS = 40, NEAR = 2 };

static bool same(char a, char b)
{
    return folded(a) == folded(b);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How many letters were added, lost, changed or swapped with their neighbour between two short
 * names, without regard to case; NEAR + 1 when either is long. */
static size_t distance(str a, str b)
{
    size_t d[NAME_CHARS + 1][NAME_CHARS + 1];
    if (a.len > NAME_CHARS || b.len > NAME_CHARS)
        return NEAR + 1;
    for (size_t i = 0; i <= a.len; i++) {
        for (size_t j = 0; j <= b.len; j++) {
            if (i == 0 || j == 0) {
                d[i][j] = i + j;
                continue;
            }
            d[i][j] = least(least(d[i - 1][j], d[i][j - 1]) + 1,
                            d[i - 1][j - 1] + !same(a.ptr[i - 1], b.ptr[j - 1]));
            if (i > 1 && j > 1 && same(a.ptr[i - 1], b.ptr[j - 2]) &&
                same(a.ptr[i - 2], b.ptr[j - 1]))
                d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
        }
    }
    return d[a.len][b.len];
}

enum err field_unknown(struct cx *cx, const struct shape *shape, str name)
{
    const struct field *nearest = NULL;
    size_t nearest_by = NEAR + 1;
    for (size_t i = 0; i < shape->n; i++) {
        const struct field *f = &shape->fields[i];
        if (f->read_only && str_eq(name, str_of(f->name)))
            return fault_field(cx, ERR_INVALID, name, M_READ_ONLY);
        size_t d = distance(name, str_of(f->name));
        if (field_is_open(f) && !str_eq(name, str_of(f->name)) && d < nearest_by &&
            d * 2 < name.len) {
            nearest_by = d;
            nearest = f;
        }
    }
    if (nearest)
        (void)fault(cx, ERR_INVALID, M_UNKNOWN_MEMBER_NEAR, MARG("name", name),
                    MARG("nearest", str_of(nearest->name)));
    else
        (void)fault(cx, ERR_INVALID, M_UNKNOWN_MEMBER, MARG("name", name));
    return fault_at(cx, ERR_INVALID, name);
}

bool field_is_missing(const struct field *f, bool was_sent, const void *out)
{
    if (!f->required)
        return false;
    const char *at = (const char *)out + f->offset;
    if (!was_sent)
        return true;
    if (f->type == F_STR)
        return str_trim(*(const str *)at).len == 0;
    if (f->type == F_OPT_STR)
        return str_trim(((const opt_str *)at)->v).len == 0;
    if (f->type == F_LIST)
        return ((const struct list *)at)->n == 0;
    return f->type == F_STR_LIST && ((const struct str_list *)at)->n == 0;
}
