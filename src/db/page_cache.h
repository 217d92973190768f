/* db/page_cache.h - pages that were opened a moment ago, for all connections of a store.
 *
 * SQLite keeps pages for each connection and forgets all of a reader's whenever anybody commits; to read them again costs
 * a copy here, and a system call and a cipher without it. A page is found by its place in its file. Any thread.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>

struct page_cache;
struct page_cache *page_cache_open(size_t bytes, size_t page); /* pages of so many bytes; NULL: out of memory */
void page_cache_close(struct page_cache *c);      /* accepts NULL */
size_t page_cache_bytes(const struct page_cache *c); /* of pages that were used since it was opened; accepts NULL */

/* True: *page is a copy. False: *seen is for page_cache_put when it was read from the file. */
bool page_cache_get(struct page_cache *c, uint64_t place, uint8_t *page, uint64_t *seen);
/* Keeps what was read, unless a write to that place began since `seen`. */
void page_cache_put(struct page_cache *c, uint64_t place, const uint8_t *page, uint64_t seen);
/* Around each write to a place: nobody is given what stood there before, and what is written is kept; `page` is NULL when
 * the write failed. */
void page_cache_write_begin(struct page_cache *c, uint64_t place);
void page_cache_write_end(struct page_cache *c, uint64_t place, const uint8_t *page);
/* A file was cut or taken away. */
void page_cache_clear(struct page_cache *c);
