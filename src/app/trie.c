/* app/trie.c - paths to routes. */
#include "app/trie.h"

struct node {
    str segment;                         /* of the literals; empty for {name} */
    struct node *children, *next, *name; /* literals in a list; the one for {name} */
    struct spot *spot;
};
struct trie {
    struct node root;
};

struct trie *trie_open(void)
{
    return calloc(1, sizeof(struct trie));
}

static void node_free(struct node *n)
{
    if (!n)
        return;
    node_free(n->name);
    for (struct node *c = n->children, *next; c; c = next) {
        next = c->next;
        node_free(c);
    }
    free(n->spot);
    free(n);
}

void trie_close(struct trie *t)
{
    if (!t)
        return;
    node_free(t->root.name);
    for (struct node *c = t->root.children, *next; c; c = next) {
        next = c->next;
        node_free(c);
    }
    free(t->root.spot);
    free(t);
}

/* The next segment of a path that begins with '/'; *rest begins with the '/' after it or is empty.
 */
static str segment_of(str *rest)
{
    str s = {rest->ptr + 1, 0};
    while (s.len + 1 < rest->len && s.ptr[s.len] != '/')
        s.len++;
    *rest = (str){rest->ptr + 1 + s.len, rest->len - 1 - s.len};
    return s;
}

static struct node *child(struct node *n, str segment)
{
    if (segment.len > 2 && segment.ptr[0] == '{') {
        if (!n->name)
            n->name = calloc(1, sizeof *n);
        return n->name;
    }
    for (struct node *c = n->children; c; c = c->next)
        if (str_eq(c->segment, segment))
            return c;
    struct node *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->segment = segment;
    c->next = n->children;
    n->children = c;
    return c;
}

struct spot *trie_add(struct trie *t, const char *pattern)
{
    str rest = str_of(pattern);
    struct node *n = &t->root;
    size_t names = 0;
    if (!str_starts(rest, S("/")))
        return NULL;
    while (rest.len && n) {
        str s = segment_of(&rest);
        names += s.len && s.ptr[0] == '{';
        n = child(n, s);
    }
    if (!n || names > SPOT_PARAMS_MAX)
        return NULL;
    if (!n->spot) {
        n->spot = calloc(1, sizeof *n->spot);
        if (n->spot)
            n->spot->path = pattern;
    }
    return n->spot;
}

static const struct spot *find(const struct node *n, str rest, str *params, size_t depth)
{
    if (rest.len == 0)
        return n->spot;
    str s = segment_of(&rest);
    for (const struct node *c = n->children; c; c = c->next) {
        if (str_eq(c->segment, s)) {
            const struct spot *found = find(c, rest, params, depth);
            if (found)
                return found;
        }
    }
    if (!n->name || s.len == 0 || depth >= SPOT_PARAMS_MAX)
        return NULL;
    params[depth] = s;
    return find(n->name, rest, params, depth + 1);
}

const struct spot *trie_find(const struct trie *t, str path, str params[SPOT_PARAMS_MAX])
{
    return str_starts(path, S("/")) ? find(&t->root, path, params, 0) : NULL;
}
