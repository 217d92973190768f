/* rooms/source/file.c - the form in which sources lie in DIR/sources: made once by the command, loaded in milliseconds.
 *
 * A head, what is said about it (JSON), then arrays sorted for binary search. The head has the SHA-256 of the rest. The
 * files are made where they are used; their numbers are in the machine's own order of bytes. */
#include "rooms/source/inside.h"

struct head {
    char magic[8]; /* "KITHSRC1" */
    uint32_t key, about_bytes;
    uint64_t n4, n6, n_texts, text_bytes, total, reserved;
    uint8_t hash[32]; /* of all that follows the head */
};
static const char magic[8] = {'K', 'I', 'T', 'H', 'S', 'R', 'C', '1'};
_Static_assert(sizeof(struct head) % 16 == 0, "the arrays behind are aligned");

static const struct field about_fields[] = {
    FIELD(struct about, date, .max_len = 20),
    FIELD(struct about, licence),
    FIELD(struct about, attribution, .max_len = 500),
    FIELD(struct about, from, .max_len = FILES_MAX, .max = 4096),
    FIELD(struct about, records),
};
static const struct shape about_shape = SHAPE("source_about", struct about, about_fields);
enum { ABOUT_BYTES_MAX = 1 << 20 };

static size_t padded(size_t n)
{
    return (n + 15) / 16 * 16;
}

/* Head and about; the arrays are filled behind them. */
static char *begin(enum source_key key, const struct about *about, struct head *h, size_t arrays)
{
    struct text t = text_on_heap(ABOUT_BYTES_MAX);
    struct json_out j = {.to = &t};
    json_write(&j, &about_shape, about);
    memcpy(h->magic, magic, sizeof h->magic);
    h->key = (uint32_t)key;
    h->about_bytes = (uint32_t)t.len;
    h->total = sizeof *h + padded(t.len) + arrays;
    char *out = t.is_over ? NULL : calloc(1, h->total);
    if (out)
        memcpy(out + sizeof *h, t.ptr, t.len);
    text_free(&t);
    return out;
}

static void end(char *out, struct head *h)
{
    sha256((str){out + sizeof *h, h->total - sizeof *h}, h->hash);
    memcpy(out, h, sizeof *h);
}

/* ---- making ----------------------------------------------------------------------------------- */

/* Starts of ranges and of the gaps between them. */
static size_t starts_of(const struct ranges *r, bool is_v4, addr *starts, uint16_t *values)
{
    size_t n = 0;
    addr most = is_v4 ? (addr)UINT32_MAX : ~(addr)0;
    for (size_t i = 0; i < r->n; i++) {
        const struct range *one = &r->items[i];
        bool is_gap_before = i == 0 || r->items[i - 1].to + 1 != one->from;
        if (is_gap_before && i) {
            starts[n] = r->items[i - 1].to + 1;
            values[n++] = 0;
        }
        starts[n] = one->from;
        values[n++] = one->value;
    }
    if (r->n && r->items[r->n - 1].to != most) {
        starts[n] = r->items[r->n - 1].to + 1;
        values[n++] = 0;
    }
    return n;
}

void *image_of_ranges(enum source_key key, const struct about *about, const struct made_ranges *m,
                      size_t *n)
{
    size_t most4 = m->v4.n * 2 + 1, most6 = m->v6.n * 2 + 1, most = most4 > most6 ? most4 : most6;
    addr *starts = calloc(most, sizeof *starts), *starts6 = calloc(most6, sizeof *starts6);
    uint16_t *values = calloc(most, sizeof *values), *values6 = calloc(most6, sizeof *values6);
    char *out = NULL;
    struct head h = {0};
    if (starts && starts6 && values && values6) {
        h.n4 = starts_of(&m->v4, true, starts, values);
        h.n6 = starts_of(&m->v6, false, starts6, values6);
        out = begin(key, about, &h,
                    h.n6 * 16 + padded(h.n4 * 4) + padded(h.n4 * 2) + padded(h.n6 * 2));
    }
    if (out) {
        char *p = out + sizeof h + padded(h.about_bytes);
        if (h.n6)
            memcpy(p, starts6, h.n6 * 16);
        p += h.n6 * 16;
        for (size_t i = 0; i < h.n4; i++)
            memcpy(p + i * 4, &(uint32_t){(uint32_t)starts[i]}, 4);
        p += padded(h.n4 * 4);
        if (h.n4)
            memcpy(p, values, h.n4 * 2);
        p += padded(h.n4 * 2);
        if (h.n6)
            memcpy(p, values6, h.n6 * 2);
        end(out, &h);
    }
    free(starts);
    free(starts6);
    free(values);
    free(values6);
    *n = out ? h.total : 0;
    return out;
}

void *image_of_domains(enum source_key key, const struct about *about, const struct domains *d,
                       size_t *n)
{
    struct head h = {.n_texts = d->n};
    for (size_t i = 0; i < d->n; i++)
        h.text_bytes += d->items[i].len;
    char *out = h.text_bytes < UINT32_MAX
                    ? begin(key, about, &h, padded((d->n + 1) * 4) + padded(h.text_bytes))
                    : NULL;
    *n = out ? h.total : 0;
    if (!out)
        return NULL;
    char *offsets = out + sizeof h + padded(h.about_bytes),
         *texts = offsets + padded((d->n + 1) * 4);
    uint32_t at = 0;
    for (size_t i = 0; i < d->n; i++) {
        memcpy(offsets + i * 4, &at, 4);
        memcpy(texts + at, d->items[i].ptr, d->items[i].len);
        at += (uint32_t)d->items[i].len;
    }
    memcpy(offsets + d->n * 4, &at, 4);
    end(out, &h);
    return out;
}

/* ---- loading ------------------------------------------------------------------------------------- */

static bool ranges_are_sound(const struct image *i)
{
    for (size_t k = 1; k < i->n4; k++)
        if (i->starts4[k] <= i->starts4[k - 1])
            return false;
    for (size_t k = 1; k < i->n6; k++)
        if (i->starts6[k] <= i->starts6[k - 1])
            return false;
    for (size_t k = 0; k < i->n4; k++)
        if (i->values4[k] > COUNTRIES)
            return false;
    for (size_t k = 0; k < i->n6; k++)
        if (i->values6[k] > COUNTRIES)
            return false;
    return true;
}

static bool texts_are_sound(const struct image *i, uint64_t bytes)
{
    if (i->offsets[0] != 0 || i->offsets[i->n_texts] != bytes)
        return false;
    for (size_t k = 0; k < i->n_texts; k++)
        if (i->offsets[k + 1] <= i->offsets[k])
            return false;
    return true;
}

static bool about_read(struct image *i, str json)
{
    i->arena = arena_open((size_t)4 << 20);
    struct cx cx = {.arena = i->arena, .if_match = -1};
    return i->arena && json_read(&cx, &about_shape, json, &i->about, NULL) == OK;
}

static bool image_read(struct image *i, enum source_key key, size_t n)
{
    const char *bytes = i->memory;
    struct head h;
    uint8_t hash[32];
    if (n < sizeof h)
        return false;
    memcpy(&h, bytes, sizeof h);
    const uint64_t most = (uint64_t)FILE_MB_MAX << 20;
    bool is_small = h.n4 <= most / 8 && h.n6 <= most / 20 && h.n_texts <= most / 4 &&
                    h.text_bytes <= most && h.about_bytes <= ABOUT_BYTES_MAX;
    bool is_one_kind = h.n_texts ? !h.n4 && !h.n6 : !h.text_bytes;
    if (!is_one_kind || h.reserved)
        return false;
    if (memcmp(h.magic, magic, sizeof magic) != 0 || h.key != (uint32_t)key || h.total != n ||
        !is_small)
        return false;
    size_t at = sizeof h + padded(h.about_bytes);
    size_t arrays = h.n_texts ? padded((h.n_texts + 1) * 4) + padded(h.text_bytes)
                              : h.n6 * 16 + padded(h.n4 * 4) + padded(h.n4 * 2) + padded(h.n6 * 2);
    if (at + arrays != n)
        return false;
    sha256((str){bytes + sizeof h, n - sizeof h}, hash);
    if (memcmp(hash, h.hash, sizeof hash) != 0 ||
        !about_read(i, (str){bytes + sizeof h, h.about_bytes}))
        return false;
    i->bytes = (int64_t)n;
    const char *p = bytes + at;
    if (h.n_texts) {
        i->n_texts = h.n_texts;
        i->offsets = (const void *)p;
        i->texts = p + padded((h.n_texts + 1) * 4);
        return texts_are_sound(i, h.text_bytes);
    }
    i->n4 = h.n4;
    i->n6 = h.n6;
    i->starts6 = (const void *)p;
    p += h.n6 * 16;
    i->starts4 = (const void *)p;
    p += padded(h.n4 * 4);
    i->values4 = (const void *)p;
    p += padded(h.n4 * 2);
    i->values6 = (const void *)p;
    return ranges_are_sound(i);
}

bool image_open(struct image *i, enum source_key key, void *bytes, size_t n)
{
    *i = (struct image){.memory = bytes};
    i->is_loaded = image_read(i, key, n);
    if (i->is_loaded)
        return true;
    image_close(i);
    return false;
}

void image_close(struct image *i)
{
    free(i->memory);
    arena_close(i->arena);
    *i = (struct image){0};
}

/* ---- looking up ------------------------------------------------------------------------------------ */

uint16_t image_range(const struct image *i, bool is_v4, addr a)
{
    size_t low = 0, high = is_v4 ? i->n4 : i->n6; /* the last start that is not above a */
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        bool is_above = is_v4 ? i->starts4[mid] > (uint32_t)a : i->starts6[mid] > a;
        if (is_above)
            high = mid;
        else
            low = mid + 1;
    }
    if (low == 0)
        return 0;
    return is_v4 ? i->values4[low - 1] : i->values6[low - 1];
}

/* kind '\0': none stands before the text. */
static bool has(const struct image *i, char kind, str text)
{
    size_t low = 0, high = i->n_texts;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        str one = {i->texts + i->offsets[mid], i->offsets[mid + 1] - i->offsets[mid]};
        int order = 0;
        if (kind) {
            order = (unsigned char)one.ptr[0] - (unsigned char)kind;
            one = (str){one.ptr + 1, one.len - 1};
        }
        if (order == 0)
            order = str_cmp(one, text);
        if (order == 0)
            return true;
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return false;
}

bool image_has(const struct image *i, str text)
{
    return has(i, '\0', text);
}

bool image_has_kind(const struct image *i, char kind, str text)
{
    return has(i, kind, text);
}

static str above(str domain)
{
    str rest = domain;
    (void)str_cut(&rest, '.');
    return rest;
}

/* Is it a public suffix? '*' is one label. */
static bool is_suffix(const struct image *suffixes, str domain)
{
    str parent = above(domain);
    return image_has_kind(suffixes, '=', domain) ||
           (parent.len && image_has_kind(suffixes, '*', parent));
}

bool image_base(const struct image *suffixes, str domain, str *base)
{
    *base = (str){0};
    if (!suffixes->is_loaded || domain.len == 0 || domain.len > 253)
        return false;
    str last = domain, rest = domain;
    bool is_known = false;
    for (; rest.len;
         rest = above(rest)) { /* the longest rule wins, an exception over all: publicsuffix.org */
        if (image_has_kind(suffixes, '!', rest)) {
            *base = rest;
            return true;
        }
        if (is_suffix(suffixes, rest)) {
            is_known = true;
            break;
        }
        last = rest;
    }
    /* A last label that no rule knows is a suffix by itself ("*" is the rule of rules). */
    if (!is_known) {
        str parent = above(domain);
        if (!parent.len)
            return false;
        for (last = domain; above(parent).len; parent = above(parent))
            last = parent;
        *base = last;
        return true;
    }
    if (rest.ptr == domain.ptr)
        return false; /* the suffix itself */
    *base = last;
    return true;
}

bool image_has_domain(const struct image *i, str domain, bool and_above,
                      const struct image *suffixes)
{
    str base = {0};
    bool has_base = image_base(suffixes, domain, &base);
    for (str d = domain; d.len; d = above(d)) {
        if (image_has(i, d))
            return true;
        /* Up to what was registered; without suffixes up to two labels. */
        bool is_top = has_base ? d.ptr == base.ptr : !above(above(d)).len;
        if (!and_above || is_top)
            return false;
    }
    return false;
}
