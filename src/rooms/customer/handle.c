/* rooms/customer/handle.c - identities: normal forms, whose they are, giving them to a record. */
#include "messages.h"
#include "queries.h"
#include "rooms/customer/customer.h"

/* Nine digits: among a million numbers one in a thousand ends like another's. */
enum { HANDLE_BYTES_MAX = 1000, SUFFIX_MIN = 9, SUFFIX_MAX = 15 };

static bool is_plain(str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7f)
            return false;
    return s.len > 0 && s.len <= HANDLE_BYTES_MAX && s.ptr[0] != '!' && str_is_utf8(s);
}

static str reversed_of(struct arena *a, str digits)
{
    char *out = ARENA_ARRAY(a, digits.len + 1, char);
    for (size_t i = 0; i < digits.len; i++)
        out[i] = digits.ptr[digits.len - 1 - i];
    return (str){out, digits.len};
}

/* The digits of a local writing without its trunk zeros, backwards; empty when it is no local
 * number. */
static str suffix_of(struct arena *a, str given)
{
    str t = str_trim(given);
    if (str_starts(t, S("+")) || str_starts(t, S("00")) || t.len > 60)
        return (str){0};
    char digits[64];
    size_t n = 0;
    for (size_t i = 0; i < t.len; i++) {
        if (is_digit(t.ptr[i])) {
            if (n > 0 || t.ptr[i] != '0')
                digits[n++] = t.ptr[i];
        } else if (!memchr(" ()-./", t.ptr[i], 6)) {
            return (str){0};
        }
    }
    return n < SUFFIX_MIN || n > SUFFIX_MAX ? (str){0} : reversed_of(a, (str){digits, n});
}

/* network:name, both there, the network in lower case. */
static bool social_read(struct arena *a, str given, str *value)
{
    str name = given, network = str_cut(&name, ':');
    network = str_trim(network);
    name = str_trim(name);
    while (str_starts(name, S("@")))
        name = str_trim((str){name.ptr + 1, name.len - 1});
    if (network.len == 0 || name.len == 0 || !is_plain(network) || !is_plain(name))
        return false;
    char *out = arena_cstr(a, arena_printf(a, SFMT ":" SFMT, SARG(network), SARG(name)));
    for (size_t i = 0; out[i]; i++)
        if (out[i] >= 'A' && out[i] <= 'Z')
            out[i] = (char)(out[i] + 32);
    *value = str_of(out);
    return true;
}

bool handle_read(struct arena *a, int type, str given, str region, struct handle *out)
{
    *out = (struct handle){.type = type};
    str t = str_trim(given);
    if (t.len == 0 || t.len > HANDLE_BYTES_MAX)
        return false;
    switch (type) {
    case IDENTITY_PHONE: {
        if (phone_is_withheld(t))
            return false;
        out->suffix = suffix_of(a, t);
        struct phone p = phone_read(a, t, region);
        if (!p.is_possible)
            return false;
        out->value = p.e164;
        out->reversed = p.reversed;
        out->shown = p.national;
        return true;
    }
    case IDENTITY_EMAIL:
        return email_read(a, t, &out->value);
    case IDENTITY_SOCIAL:
        return social_read(a, t, &out->value);
    default:
        if (!is_plain(t))
            return false;
        out->value = arena_str(a, t);
        return true;
    }
}

bool identity_normal(struct arena *a, int type, str given, str region, str *value, str *reversed)
{
    struct handle h;
    bool good = handle_read(a, type, given, region, &h);
    *value = h.value;
    *reversed = h.reversed;
    return good;
}

/* ---- whose ---------------------------------------------------------------------------------- */

/* The rows came with all ids of merged records. */
void customer_owners_settle(struct handle *h, bool by_suffix)
{
    struct owner *o = h->owners.items;
    size_t n = 0;
    h->is_full = h->owners.n >= OWNERS_READ;
    if (h->owners.n && !by_suffix) {
        h->value_id = o[0].value_id;
        h->value_version = o[0].value_version;
    }
    for (size_t i = 0; i < h->owners.n; i++) {
        if (o[i].customer.v == 0)
            continue;
        size_t at = 0;
        while (at < n && o[at].customer.v != o[i].customer.v)
            at++;
        if (at == n)
            o[n++] = o[i];
        else if (o[i].state < o[at].state ||
                 (o[i].state == o[at].state && o[i].last_at.ms > o[at].last_at.ms))
            o[at] = o[i];
    }
    h->owners.n = n;
    h->is_weak = n > OWNERS_MANY;
    h->by_suffix = by_suffix && n > 0;
}

enum err customer_owners_and(struct cx *cx, struct handle *handles, size_t n, struct db_read *more,
                             size_t n_more)
{
    struct db_read *reads = ARENA_ARRAY(cx->arena, n + n_more + 1, struct db_read);
    struct val *args = ARENA_ARRAY(cx->arena, 2 * n + 1, struct val);
    size_t m = n_more;
    if (n_more)
        memcpy(reads, more, n_more * sizeof(*more));
    for (size_t i = 0; i < n; i++) {
        handles[i].owners = (struct list){0};
        if (handles[i].value.len == 0)
            continue;
        args[2 * i] = V(handles[i].value);
        args[2 * i + 1] = V(identity_type_codes[handles[i].type]);
        reads[m++] = (struct db_read){&q_identity_owners, &owner_shape,      false,
                                      &handles[i].owners, {args + 2 * i, 2}, false};
    }
    if (m)
        TRY(db_batch(cx, reads, m));
    if (n_more)
        memcpy(more, reads, n_more * sizeof(*more));
    for (size_t i = 0; i < n; i++)
        customer_owners_settle(&handles[i], false);

    m = 0;
    bool *is_sought = ARENA_ARRAY(cx->arena, n + 1, bool);
    for (size_t i = 0; i < n; i++) {
        if (handles[i].owners.n || handles[i].suffix.len == 0)
            continue;
        is_sought[i] = true;
        args[2 * i] = V(handles[i].suffix);
        args[2 * i + 1] = V(
            arena_printf(cx->arena, SFMT ":", SARG(handles[i].suffix))); /* ':' stands behind '9' */
        reads[m++] = (struct db_read){&q_identity_owners_by_suffix, &owner_shape,      false,
                                      &handles[i].owners,           {args + 2 * i, 2}, false};
    }
    if (m == 0)
        return OK;
    TRY(db_batch(cx, reads, m));
    for (size_t i = 0; i < n; i++)
        if (is_sought[i])
            customer_owners_settle(&handles[i], true);
    return OK;
}

enum err customer_owners(struct cx *cx, struct handle *handles, size_t n)
{
    return customer_owners_and(cx, handles, n, NULL, 0);
}

/* ---- giving ------------------------------------------------------------------------------------
 */

static int by_type_and_value(const void *a, const void *b)
{
    const struct handle_new *x = a, *y = b;
    int by_value = x->type != y->type ? (x->type > y->type) - (x->type < y->type)
                                      : str_cmp(x->handle->value, y->handle->value);
    return by_value ? by_value : (x->id.v > y->id.v) - (x->id.v < y->id.v); /* made in order */
}

/* A value of this record alone, that no normal form can equal. */
static enum err keep_as_given(struct cx *cx, const struct handle_new *h)
{
    str value = arena_printf(cx->arena, "!%lld!" SFMT, (long long)h->customer.v, SARG(h->given));
    int64_t n = 0;
    TRY(db_run_count(
        cx, &q_identity_value_insert, &n,
        ARGS(V(h->value_id), V(identity_type_codes[h->type]), V(value), V(S("")), VNULL)));
    if (n == 0)
        return OK; /* kept before */
    return db_run(cx, &q_identity_owner_insert,
                  ARGS(V(h->value_id), V(h->customer), V(h->id), V(identity_state_codes[h->state]),
                       V(h->given), V(h->source), V(cx->now_ms)));
}

static enum err give(struct cx *cx, const struct handle_new *h)
{
    const struct handle *seen = h->handle;
    if (seen->value.len == 0)
        return keep_as_given(cx, h);
    int64_t value_id = seen->value_id;
    if (value_id) {
        TRY(db_run_must(cx, &q_identity_value_take, M_RECORD_MOVED,
                        ARGS(V(value_id), V(seen->value_version))));
    } else {
        value_id = h->value_id;
        TRY(db_run_must(cx, &q_identity_value_insert, M_RECORD_MOVED,
                        ARGS(V(value_id), V(identity_type_codes[h->type]), V(seen->value),
                             V(seen->shown), val_str_or_null(seen->reversed))));
    }
    return db_run(cx, &q_identity_owner_insert,
                  ARGS(V(value_id), V(h->customer), V(h->id), V(identity_state_codes[h->state]),
                       V(h->given), V(h->source), V(cx->now_ms)));
}

enum err customer_handles_give(struct cx *cx, struct handle_new *h, size_t n)
{
    if (n > 1)
        qsort(h, n, sizeof(*h), by_type_and_value);
    for (size_t i = 0; i < n; i++)
        TRY(give(cx, &h[i]));
    int64_t *whose = ARENA_ARRAY(cx->arena, n + 1, int64_t);
    size_t n_whose = 0;
    for (size_t i = 0; i < n; i++)
        if (n_whose == 0 || whose[n_whose - 1] != h[i].customer.v)
            whose[n_whose++] = h[i].customer.v;
    return search_due(cx, whose, n_whose);
}

enum err customer_handles_add(struct cx *cx, customer_id customer, struct handle_new *h, size_t n)
{
    for (size_t i = 0; i < n; i++)
        h[i].customer = customer;
    return customer_handles_give(cx, h, n);
}
