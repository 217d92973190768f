/* base/inside.h - what the files of base share with each other and with nobody else. */
#pragma once
#include "base/value.h"

/* Says so on stderr and stops the program, which is started again whole. */
_Noreturn void out_of_memory(size_t bytes);

/* n bytes, not zeroed; NULL (and the arena is over) past the limit. */
void *arena_try_raw(struct arena *a, size_t n) MUST_USE;
/* Bytes left to the limit. */
size_t arena_room(const struct arena *a);
/* Makes the newest piece longer where it stands; false when it is not the newest or has no room. */
bool arena_extend(struct arena *a, void *p, size_t old, size_t new) MUST_USE;

/* Room for `more` bytes at t->ptr + t->len; false when they do not fit. */
bool text_reserve(struct text *t, size_t more) MUST_USE;

/* A control character, or one that turns text around? c is one UTF-8 sequence. */
bool str_is_control(str c);
/* Length of the valid UTF-8 sequence that starts s; 0 when there is none. */
size_t utf8_len(str s);
/* Length of the part of s that is valid UTF-8, from its start. */
size_t utf8_valid(str s);
/* Cuts one code point off valid UTF-8; -1 at the end. */
int32_t utf8_next(str *s);
void text_add_codepoint(struct text *t, int32_t c);

/* The calendar without zones: days since 1970-01-01. */
struct date {
    int64_t year;
    int month, day;
};
int64_t days_of(struct date d);
struct date date_of(int64_t days);
int64_t floor_div(int64_t a, int64_t b);

/* RFC 3339 of t with its NUL; the length. */
enum { TIME_CHARS = 32 };
size_t time_write(char out[static TIME_CHARS], when t);

/* "_" and the 13 characters of an id. */
enum { ID_CHARS = 14 };
void id_write(char *out, int64_t id);

void base_sodium(void); /* libsodium is ready after it */

/* A time zone read from a TZif file (RFC 8536). */
struct zone;
/* NULL when the bytes are none. On the heap. */
struct zone *zone_parse(str tzif);
void zone_free(struct zone *z);
/* Seconds east of UTC at an instant. */
int32_t zone_offset(const struct zone *z, int64_t utc_s);
