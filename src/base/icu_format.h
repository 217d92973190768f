/* base/icu_format.h - the C face of ICU's MessageFormat with named arguments. Base only. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

struct icu_arg {
    const char *name;
    const char *text; /* UTF-8; NULL: the number counts */
    size_t text_len;
    int64_t number;
};

/* A compiled pattern. NULL when it is none. */
struct icu_format;
struct icu_format *icu_format_open(const char *pattern, const char *lang);
void icu_format_close(struct icu_format *f);
/* Safe for several threads. UTF-8 in memory that the caller frees; NULL when it cannot be said. */
char *icu_format_say(struct icu_format *f, const struct icu_arg *args, size_t n, size_t *len);

#ifdef __cplusplus
}
#endif
