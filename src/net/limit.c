/* net/limit.c - budgets by the generic cell rate algorithm: one time stamp a name. */
#include "net/limit.h"
#include <arpa/inet.h>
#include <pthread.h>
#include <sodium.h>

enum { WAYS = 4, LOCKS = 16 };

struct place {
    uint64_t name;  /* 0: free */
    int64_t due_ns; /* when the budget would be full again */
};
struct limits {
    uint8_t key[crypto_shorthash_KEYBYTES];
    size_t sets; /* power of two */
    pthread_mutex_t lock[LOCKS];
    struct place places[];
};

struct limits *limits_open(size_t places)
{
    size_t sets = 1;
    while (sets * WAYS < places)
        sets *= 2;
    struct limits *l = calloc(1, sizeof *l + sets * WAYS * sizeof(struct place));
    if (!l)
        return NULL;
    l->sets = sets;
    for (size_t i = 0; i < LOCKS; i++)
        pthread_mutex_init(&l->lock[i], NULL);
    if (sodium_init() < 0)
        abort();
    randombytes_buf(l->key, sizeof l->key);
    return l;
}

void limits_close(struct limits *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < LOCKS; i++)
        pthread_mutex_destroy(&l->lock[i]);
    free(l);
}

static uint64_t name_of(const struct limits *l, const char *what, str who)
{
    /* The second hash is seeded by the first, so that 'ab'+'c' and 'a'+'bc' differ. */
    uint64_t h[2] = {0};
    _Static_assert(crypto_shorthash_BYTES == sizeof h[0], "SipHash gives 64 bits");
    crypto_shorthash((unsigned char *)&h[0], (const unsigned char *)what, strlen(what), l->key);
    crypto_shorthash((unsigned char *)&h[1], (const unsigned char *)(who.len ? who.ptr : ""),
                     who.len, l->key);
    uint64_t name = h[0] * 0x9e3779b97f4a7c15ull ^ h[1];
    return name ? name : 1;
}

/* The place of a name, or the one to give up for it: the longest idle of its set. */
static struct place *place_of(struct limits *l, uint64_t name)
{
    struct place *set = &l->places[(name & (l->sets - 1)) * WAYS], *least = set;
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].name == name)
            return &set[i];
        if (set[i].due_ns < least->due_ns)
            least = &set[i];
    }
    return least;
}

bool limits_take(struct limits *l, const char *what, str who, int64_t now_ns, int64_t every_ns,
                 unsigned burst, uint32_t *wait_s)
{
    uint64_t name = name_of(l, what, who);
    pthread_mutex_t *lock = &l->lock[(name & (l->sets - 1)) % LOCKS];
    pthread_mutex_lock(lock);
    struct place *p = place_of(l, name);
    if (p->name != name)
        *p = (struct place){.name = name};
    int64_t due = p->due_ns > now_ns ? p->due_ns : now_ns;
    int64_t room_ns = every_ns * (int64_t)burst;
    bool fits = due + every_ns - now_ns <= room_ns;
    if (fits)
        p->due_ns = due + every_ns;
    else if (wait_s)
        *wait_s = (uint32_t)((due + every_ns - room_ns - now_ns) / 1000000000 + 1);
    pthread_mutex_unlock(lock);
    return fits;
}

void limits_give(struct limits *l, const char *what, str who, int64_t every_ns)
{
    uint64_t name = name_of(l, what, who);
    pthread_mutex_t *lock = &l->lock[(name & (l->sets - 1)) % LOCKS];
    pthread_mutex_lock(lock);
    struct place *p = place_of(l, name);
    if (p->name == name)
        p->due_ns -= every_ns;
    pthread_mutex_unlock(lock);
}

str limits_net(struct arena *a, str peer)
{
    char z[INET6_ADDRSTRLEN + 1] = {0};
    if (peer.len >= sizeof z || memchr(peer.ptr, ':', peer.len) == NULL)
        return peer;
    memcpy(z, peer.ptr, peer.len);
    struct in6_addr ip;
    if (inet_pton(AF_INET6, z, &ip) != 1)
        return peer;
    if (IN6_IS_ADDR_V4MAPPED(&ip))
        return arena_printf(a, "%u.%u.%u.%u", ip.s6_addr[12], ip.s6_addr[13], ip.s6_addr[14],
                            ip.s6_addr[15]);
    memset(&ip.s6_addr[8], 0, 8);
    if (!inet_ntop(AF_INET6, &ip, z, sizeof z))
        return peer;
    return arena_printf(a, "%s/64", z);
}
