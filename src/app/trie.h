/* app/trie.h - paths to routes: compiled once, read by all threads.
 *
 * A literal segment goes before a {name}; if that way ends nowhere the {name} is tried.
 */
#pragma once
#include "app/house.h"

enum { SPOT_PARAMS_MAX = 4 };

/* What stands at a path. */
struct spot {
    const char *path;
    const struct room *room[HTTP_METHOD_N];
    const struct route *route[HTTP_METHOD_N];
    const struct stream_route *stream;
};
struct trie;
struct trie *trie_open(void);
void trie_close(struct trie *t);
/* The spot of a pattern, made if need be; NULL: the pattern has too many names or is not a path. */
struct spot *trie_add(struct trie *t, const char *pattern);
/* NULL: nothing there. params[i] is the text of the i-th {name}. */
const struct spot *trie_find(const struct trie *t, str path, str params[SPOT_PARAMS_MAX]);
