/* base/json_load.h - jansson's reader, asked so that our want of memory is not taken for the sender's mistake. */
#pragma once
#include "base/base.h"
#define json_null jansson_null /* ours is the writer's */
#include <jansson.h>
#undef json_null

/* A value without a member twice; release it by json_decref. ERR_MALFORMED: *why says what is wrong with the text;
 * ERR_BUSY: there was no memory for it. */
enum err json_load_text(struct cx *cx, str json, json_t **out, json_error_t *why) MUST_USE;
void json_release(json_t **v); /* for CLEANUP; nothing when it is NULL */
