/* base/json_load.c - see the header. jansson tells the two apart in some places only: within a token, memory that is
 * missing looks like a text that ends too early, or one byte of it is left out and the rest is read. */
#include "base/json_load.h"
#include <pthread.h>

static _Thread_local bool has_missed;

static void *noticed_malloc(size_t n)
{
    void *p = malloc(n);
    has_missed |= p == NULL && n > 0;
    return p;
}

static void configure(void)
{
    json_set_alloc_funcs(noticed_malloc, free);
}

enum err json_load_text(struct cx *cx, str json, json_t **out, json_error_t *why)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, configure);
    has_missed = false;
    *out = json_loadb(json.ptr, json.len, JSON_REJECT_DUPLICATES, why);
    if (!has_missed)
        return *out ? OK : ERR_MALFORMED;
    json_decref(*out);
    *out = NULL;
    cx->why = (struct fault){.err = ERR_BUSY, .retry_after_s = 1};
    return ERR_BUSY;
}

void json_release(json_t **v)
{
    json_decref(*v);
}
