/* base/phone_lib.h - the C face of libphonenumber. Base only. Safe for several threads. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#ifdef __cplusplus
extern "C" {
#endif

struct phone_lib {
    bool is_possible, is_valid, plan_has_voip, is_country_shared;
    unsigned char kind; /* enum phone_kind */
    char country[3];
    char e164[20];
    char national[44];
};
/* Zeroes *out when the text is no number that could be dialled. region: "JP", or "" for full
 * numbers only. */
void phone_lib_read(const char *text, size_t len, const char *region, struct phone_lib *out);
/* UTF-8 in memory that the caller frees; NULL when unknown. */
char *phone_lib_place(const char *e164, size_t len, const char *lang, size_t *out_len);

#ifdef __cplusplus
}
#endif
