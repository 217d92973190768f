/* base/message.c - messages by their number, in the language asked. */
#include "base/icu_format.h"
#include "base/inside.h"
#include "messages.h"
#include <stdatomic.h>

_Static_assert(COUNT(msg_patterns) == LANG_N, "the catalogue has the languages of enum lang");

const char *msg_name(uint16_t msg)
{
    return msg < M_N ? msg_names[msg] : "";
}

/* Compiled at first use and kept: whoever comes second throws his own away. */
static _Atomic(struct icu_format *) compiled[LANG_N][M_N];

static struct icu_format *format_of(enum lang lang, uint16_t msg)
{
    struct icu_format *f = atomic_load(&compiled[lang][msg]), *none = NULL;
    if (f)
        return f;
    f = icu_format_open(msg_patterns[lang][msg], lang_codes[lang]);
    if (f && !atomic_compare_exchange_strong(&compiled[lang][msg], &none, f)) {
        icu_format_close(f);
        f = none;
    }
    return f;
}

str msg_text(struct arena *a, enum lang lang, uint16_t msg, const struct msg_arg *args, size_t n)
{
    if (msg >= M_N || (size_t)lang >= LANG_N)
        return (str){0};
    const char *pattern = msg_patterns[lang][msg];
    if (!strpbrk(pattern, "{'"))
        return str_of(pattern);
    struct icu_arg given[MSG_ARGS_MAX] = {0};
    for (size_t i = 0; i < n && i < MSG_ARGS_MAX; i++) {
        given[i].name = args[i].name;
        given[i].number = args[i].number;
        if (args[i].kind == MSG_TEXT) {
            given[i].text = args[i].text.ptr ? args[i].text.ptr : "";
            given[i].text_len = args[i].text.len;
        }
    }
    struct icu_format *f = format_of(lang, msg);
    size_t len = 0;
    char *said = f ? icu_format_say(f, given, n < MSG_ARGS_MAX ? n : MSG_ARGS_MAX, &len) : NULL;
    if (!said)
        return str_of(pattern);
    str text = arena_str(a, (str){said, len});
    free(said);
    return text;
}

str fault_text(struct arena *a, enum lang lang, const struct fault *f)
{
    if (f->msg == M_NONE)
        return str_of(err_code(f->err));
    return msg_text(a, lang, f->msg, f->args, f->n_args);
}
