/* base/context.c - codes of errors, languages and roles; the fault; the language of a person. */
#include "base/inside.h"
#include <unistd.h>

static const char *const err_codes[] = {
#define X(name, code) [name] = code,
    ERR_LIST(X)
#undef X
};

const char *err_code(enum err e)
{
    return (size_t)e < COUNT(err_codes) ? err_codes[e] : "internal";
}

const char *const lang_codes[LANG_N] = {"en", "ja", "zh", "kk", "ru"};

const char *const role_codes[ROLE_N] = {
#define X(name, code) [name] = code,
    ROLE_LIST(X)
#undef X
};

void out_of_memory(size_t bytes)
{
    static const char words[] = "level=error event=memory.out\n";
    (void)bytes;
    ssize_t n = write(STDERR_FILENO, words, sizeof words - 1);
    (void)n;
    abort();
}

/* ---- language ----------------------------------------------------------------------- */

static bool lang_known(str range, enum lang *out)
{
    str primary = str_cut(&range, '-');
    for (int i = 0; i < LANG_N; i++) {
        if (str_eq_ascii_nocase(primary, str_of(lang_codes[i]))) {
            *out = (enum lang)i;
            return true;
        }
    }
    return false;
}

/* "0.8" in thousandths; anything unreadable counts as 1. */
static int quality(str params)
{
    while (params.len) {
        str p = str_trim(str_cut(&params, ';'));
        str name = str_trim(str_cut(&p, '='));
        p = str_trim(p);
        if (!str_eq_ascii_nocase(name, S("q")) || p.len == 0 || !is_digit(p.ptr[0]))
            continue;
        int q = p.ptr[0] == '0' ? 0 : 1000, unit = 100;
        for (size_t i = 2; q < 1000 && i < p.len && is_digit(p.ptr[i]) && unit; i++, unit /= 10)
            q += (p.ptr[i] - '0') * unit;
        return q;
    }
    return 1000;
}

enum lang lang_pick(str accept_language, enum lang fallback)
{
    enum { MOST_RANGES = 32 };
    enum lang best = fallback;
    int best_q = 0;
    for (int i = 0; accept_language.len && i < MOST_RANGES; i++) {
        str params = str_cut(&accept_language, ',');
        str range = str_trim(str_cut(&params, ';'));
        enum lang l;
        int q;
        if (lang_known(range, &l) && (q = quality(params)) > best_q) {
            best = l;
            best_q = q;
        }
    }
    return best;
}

/* ---- the fault ---------------------------------------------------------------------- */

enum { SHOWN_CHARS = 120 };

enum err fault_set(struct cx *cx, enum err e, uint16_t msg, const struct msg_arg *args, size_t n)
{
    assert(n <= MSG_ARGS_MAX);
    struct fault f = {.err = e, .msg = msg};
    for (size_t i = 0; i < n && i < MSG_ARGS_MAX; i++) {
        f.args[i] = args[i];
        if (args[i].kind == MSG_TEXT)
            f.args[i].text = str_clean(cx->arena, args[i].text, SHOWN_CHARS);
        f.n_args++;
    }
    cx->why = f;
    return e;
}

enum err fault_field(struct cx *cx, enum err e, str field, uint16_t msg)
{
    (void)fault_set(cx, e, msg, NULL, 0);
    return fault_at(cx, e, field);
}

enum err fault_at(struct cx *cx, enum err e, str field)
{
    if (cx->why.field.len == 0)
        cx->why.field = str_clean(cx->arena, field, SHOWN_CHARS);
    return e;
}

void fault_keep(struct arena *a, struct fault *f)
{
    for (size_t i = 0; i < f->n_args; i++)
        if (f->args[i].kind == MSG_TEXT)
            f->args[i].text = arena_str(a, f->args[i].text);
    if (f->field.len)
        f->field = arena_str(a, f->field);
}
