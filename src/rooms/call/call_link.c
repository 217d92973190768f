/* rooms/call/call_link.c - telephone links: their tokens, and the addresses they tell us of calls
 * at.
 *
 * The token in a link's address is 256 bits; only its SHA-256 is stored, and it is not in any log.
 */
#include "base/lately.h"
#include "rooms/call/call_cti.h"
#include "rooms/call/call_impl.h"
#include <pthread.h>

enum { TOKEN_BYTES = 32, SEEN_MS = 60 * 1000 };

struct link {
    phone_link_id id;
    str kind, name, region;
    bool is_active;
    when created_at, seen_at;
    struct str_list can; /* a webhook only tells; it takes no orders */
    str token, url;      /* once, after they were made */
    int64_t version;
};
/* clang-format off */
static const struct field link_fields[] = {
    FIELD(struct link, id),
    FIELD(struct link, kind),
    FIELD(struct link, name),
    FIELD(struct link, region),
    FIELD(struct link, is_active),
    FIELD_AS(struct link, created_at, "created_at"),
    FIELD_AS(struct link, seen_at, "seen_at", .nullable = true, .doc = "When the telephone system last told of a call"),
    FIELD(struct link, version),
    FIELD(struct link, can, .not_column = true, .doc = "pull, hold, mute, transfer, hangup, dial"),
    FIELD(struct link, token, .not_column = true, .omit_empty = true, .doc = "Once, when it was made"),
    FIELD(struct link, url, .not_column = true, .omit_empty = true, .doc = "Path that the telephone system calls"),
};
static const struct shape phone_link_shape = SHAPE("phone_link", struct link, link_fields);

struct link_key { phone_link_id id; str hash, region; int64_t seen_ms; };
static const struct field link_key_fields[] = {
    FIELD(struct link_key, id),
    FIELD(struct link_key, hash),
    FIELD(struct link_key, region),
    FIELD(struct link_key, seen_ms),
};
static const struct shape phone_link_key_shape = SHAPE("phone_link_key", struct link_key, link_key_fields);

/* ---- links that were good a moment ago ------------------------------------------------------------
 */

/* Every word about a call asks who tells it. */
enum { KEPT_LINKS = 32 };
static struct {
    pthread_mutex_t lock;
    const struct house *house;
    struct {
        struct lately age;
        uint8_t hash[32];
        int64_t id, seen_ms;
        char region[4];
    } of[KEPT_LINKS];
    size_t next;
} kept = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool kept_find(struct cx *cx, const uint8_t hash[32], struct link_key *out)
{
    bool is_found = false;
    pthread_mutex_lock(&kept.lock);
    for (size_t i = 0; i < KEPT_LINKS && !is_found && cx->house && kept.house == cx->house; i++) {
        is_found =
            lately_is_good(&kept.of[i].age) && equal_constant_time(kept.of[i].hash, hash, 32);
        if (is_found)
            *out = (struct link_key){.id = {kept.of[i].id},
                                     .region = arena_str(cx->arena, str_of(kept.of[i].region)),
                                     .seen_ms = kept.of[i].seen_ms};
    }
    pthread_mutex_unlock(&kept.lock);
    return is_found;
}

static void kept_add(struct cx *cx, const uint8_t hash[32], const struct link_key *k)
{
    if (!cx->house || k->region.len >= sizeof kept.of[0].region)
        return;
    pthread_mutex_lock(&kept.lock);
    for (size_t i = 0; i < KEPT_LINKS && kept.house != cx->house; i++)
        kept.of[i].age = (struct lately){0};
    kept.house = cx->house;
    size_t at = kept.next++ % KEPT_LINKS;
    if (lately_keep(&kept.of[at].age)) {
        kept.of[at].id = k->id.v;
        kept.of[at].seen_ms = k->seen_ms;
        memcpy(kept.of[at].hash, hash, 32);
        if (k->region.len)
            memcpy(kept.of[at].region, k->region.ptr, k->region.len);
        kept.of[at].region[k->region.len] = '\0';
    }
    pthread_mutex_unlock(&kept.lock);
}

/* Somebody has noted that it told something: the others need not. */
static void kept_seen(int64_t id, int64_t now_ms)
{
    pthread_mutex_lock(&kept.lock);
    for (size_t i = 0; i < KEPT_LINKS; i++)
        if (kept.of[i].id == id)
            kept.of[i].seen_ms = now_ms;
    pthread_mutex_unlock(&kept.lock);
}

static void kept_drop(void)
{
    pthread_mutex_lock(&kept.lock);
    for (size_t i = 0; i < KEPT_LINKS; i++)
        lately_drop(&kept.of[i].age);
    pthread_mutex_unlock(&kept.lock);
}

/* ---- the list and its changes ------------------------------------------------------------------ */

struct links { struct list items; };
static const struct field links_fields[] = {FIELD_LIST(struct links, items, &phone_link_shape)};
static const struct shape links_shape = SHAPE("phone_links", struct links, links_fields);
/* clang-format on */

static enum err list(struct cx *cx, void *in, void *out)
{
    (void)in;
    struct links *l = out;
    return db_all(cx, &q_phone_link_list, &phone_link_shape, &l->items, NO_ARGS);
}

struct link_in {
    phone_link_id id;
    str kind, name, region;
    bool is_active;
    struct link seen; /* of plan */
    str token;
    uint8_t hash[32];
};
/* clang-format off */
static const struct field link_new_fields[] = {
    FIELD(struct link_in, kind, .required = true, .max_len = 20, .doc = "webhook"),
    FIELD(struct link_in, name, .required = true, .max_len = 100),
    FIELD(struct link_in, region, .max_len = 2, .doc = "ISO 3166: where numbers without a country belong; empty: the installation's"),
};
static const struct shape link_new_shape = SHAPE("phone_link_in", struct link_in, link_new_fields);
static const struct field link_change_fields[] = {
    FIELD(struct link_in, id, .in_path = true),
    FIELD(struct link_in, name, .max_len = 100),
    FIELD(struct link_in, region, .max_len = 2),
    FIELD(struct link_in, is_active),
};
enum { SENT_NAME = 1 << 1, SENT_REGION = 1 << 2, SENT_ACTIVE = 1 << 3 };
static const struct shape link_change_shape = SHAPE("phone_link_change", struct link_in, link_change_fields);
static const struct field link_id_fields[] = {FIELD(struct link_in, id, .in_path = true)};
static const struct shape link_id_shape = SHAPE("phone_link_id", struct link_in, link_id_fields);
/* clang-format on */

static enum err check_region(struct cx *cx, str region)
{
    bool is_code = region.len == 2 && region.ptr[0] >= 'A' && region.ptr[0] <= 'Z' &&
                   region.ptr[1] >= 'A' && region.ptr[1] <= 'Z';
    return region.len == 0 || is_code
               ? OK
               : fault_field(cx, ERR_INVALID, S("region"), M_PHONE_LINK_REGION);
}

static void make_token(struct cx *cx, struct link_in *l)
{
    l->token = random_token(cx->arena, TOKEN_BYTES);
    sha256(l->token, l->hash);
}

static void show_token(struct cx *cx, const struct link_in *l, struct link *out)
{
    out->token = l->token;
    out->url = arena_printf(cx->arena, "/api/v1/cti/" SFMT, SARG(l->token));
}

static enum err get(struct cx *cx, phone_link_id id, struct link *out)
{
    enum err e = db_one(cx, &q_phone_link_get, &phone_link_shape, out, ARGS(V(id)));
    return e == ERR_NOT_FOUND ? fault(cx, ERR_NOT_FOUND, M_PHONE_LINK_NOT_FOUND) : e;
}

static enum err told_changed(struct cx *cx, const char *action, phone_link_id id)
{
    kept_drop();
    TRY(audit_add(cx, action, 0, id.v, S("")));
    return event_add(cx, EVENT_PHONE_LINK_CHANGED, 0, id.v, S(""));
}

static enum err add_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct link_in *l = in;
    if (!str_eq(l->kind, S("webhook"))) {
        enum err e = fault(cx, ERR_INVALID, M_PHONE_LINK_KIND, MARG("kind", l->kind));
        return fault_at(cx, e, S("kind"));
    }
    TRY(check_region(cx, l->region));
    l->id.v = id_new(cx->now_ms);
    make_token(cx, l);
    return OK;
}

static enum err add(struct cx *cx, void *in, void *out)
{
    struct link_in *l = in;
    struct link *made = out;
    TRY(db_run(cx, &q_phone_link_insert,
               ARGS(V(l->id), V(l->kind), V(l->name), val_blob(l->hash, sizeof l->hash),
                    V(l->region), V(cx->now_ms))));
    TRY(told_changed(cx, "phone_link.add", l->id));
    cx->made_id = l->id.v;
    TRY(get(cx, l->id, made));
    show_token(cx, l, made);
    return OK;
}

static enum err add_again(struct cx *cx, int64_t id, void *out)
{
    return get(cx, (phone_link_id){id}, out); /* without its token: that was shown once */
}

static enum err change_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct link_in *l = in;
    TRY(get(cx, l->id, &l->seen));
    if (cx->if_match >= 0 && cx->if_match != l->seen.version)
        return fault(cx, ERR_STALE, M_CALL_MOVED);
    if (cx->sent & SENT_NAME && !str_trim(l->name).len)
        return fault_field(cx, ERR_INVALID, S("name"), M_PHONE_LINK_NAME);
    return check_region(cx, l->region);
}

static enum err change(struct cx *cx, void *in, void *out)
{
    struct link_in *l = in;
    struct link next = l->seen;
    if (cx->sent & SENT_NAME)
        next.name = l->name;
    if (cx->sent & SENT_REGION)
        next.region = l->region;
    if (cx->sent & SENT_ACTIVE)
        next.is_active = l->is_active;
    int64_t changed = 0;
    TRY(db_run_count(
        cx, &q_phone_link_change, &changed,
        ARGS(V(next.name), V(next.region), V(next.is_active), V(l->id), V(l->seen.version))));
    if (!changed)
        return fault(cx, ERR_STALE, M_CALL_MOVED);
    TRY(told_changed(cx, "phone_link.change", l->id));
    return get(cx, l->id, out);
}

static enum err token_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct link_in *l = in;
    TRY(get(cx, l->id, &l->seen));
    make_token(cx, l);
    return OK;
}

static enum err new_token(struct cx *cx, void *in, void *out)
{
    struct link_in *l = in;
    TRY(db_run(cx, &q_phone_link_hash, ARGS(val_blob(l->hash, sizeof l->hash), V(l->id))));
    TRY(told_changed(cx, "phone_link.token", l->id));
    TRY(get(cx, l->id, out));
    show_token(cx, l, out);
    return OK;
}

/* ---- the telephone system tells
 * ------------------------------------------------------------------ */

struct cti_in {
    struct raw_in raw;
    str token;
    struct call_told told; /* of plan */
    int64_t seen_ms;
};
/* clang-format off */
static const struct field cti_fields[] = {
    FIELD(struct cti_in, token, .in_path = true, .secret = true, .max_len = 100),
};
static const struct shape cti_shape = SHAPE("cti_event", struct cti_in, cti_fields);
static const struct shape cti_superset_shape = {.name = "cti_superset", .size = sizeof(struct cti_in)};
/* clang-format on */

/* All wrong tokens cost one hash and one look-up, and hear the same. A good one costs none for most of a second. */
static enum err link_of_token(struct cx *cx, str token, struct link_key *out)
{
    uint8_t hash[32];
    sha256(token, hash);
    if (kept_find(cx, hash, out))
        return OK;
    enum err e = db_one(cx, &q_phone_link_by_hash, &phone_link_key_shape, out,
                        ARGS(val_blob(hash, sizeof hash)));
    if (e == OK && out->hash.len == sizeof hash &&
        equal_constant_time(out->hash.ptr, hash, sizeof hash)) {
        kept_add(cx, hash, out);
        return OK;
    }
    return e != OK && e != ERR_NOT_FOUND ? e : fault(cx, ERR_UNAUTHENTICATED, M_PHONE_LINK_UNKNOWN);
}

static enum err cti_told(struct cx *cx, struct cti_in *c, phone_link_id link, str region)
{
    enum err e = cti_read(cx, c->raw.content_type, c->raw.query, c->raw.body, &c->told);
    if (e != OK) {
        log_line(LOG_WARN, "cti_refused", "link=%lld code=%s", (long long)link.v,
                 msg_name(cx->why.msg));
        return e;
    }
    c->told.link = link;
    c->told.region = region;
    return call_plan(cx, &c->told);
}

static enum err cti_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct cti_in *c = in;
    struct link_key key = {0};
    TRY(link_of_token(cx, c->token, &key));
    cx->actor = (struct actor){.kind = ACTOR_PHONE_LINK, .id = key.id.v};
    c->seen_ms = key.seen_ms;
    return cti_told(cx, c, key.id, key.region);
}

static enum err superset_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    if (cx->actor.kind != ACTOR_TOKEN)
        return fault(cx, ERR_DENIED, M_CTI_TOKEN);
    return cti_told(cx, in, (phone_link_id){cx->actor.id}, S(""));
}

static enum err cti(struct cx *cx, void *in, void *out)
{
    struct cti_in *c = in;
    struct raw_reply *r = out;
    bool reject = false;
    TRY(call_take(cx, &c->told, &reject));
    if (cx->actor.kind == ACTOR_PHONE_LINK && cx->now_ms - c->seen_ms > SEEN_MS) {
        TRY(db_run(cx, &q_phone_link_seen, ARGS(V(cx->now_ms), V(cx->actor.id))));
        kept_seen(cx->actor.id, cx->now_ms);
    }
    *r = (struct raw_reply){200, S("application/json"),
                            reject ? S("{\"action\":\"reject\",\"reason\":\"busy\"}") : S("{}")};
    return OK;
}

enum { EVENTS_PER_MINUTE = 120000 }; /* 2,000 a second from one address */
static const char cti_doc[] = "A telephone system tells of a call: Zammad's generic CTI";

/* clang-format off */
static const struct route routes[] = {
    {.method = HTTP_GET, .path = "/api/v1/phone-links", .may = MAY_SERVE, .read = list, .out = &links_shape,
     .summary = "Telephone links"},
    {.method = HTTP_POST, .path = "/api/v1/phone-links", .may = MAY_ADMIN, .scope = SCOPE_ADMIN, .plan = add_plan, .apply = add,
     .replay = add_again, .in = &link_new_shape, .out = &phone_link_shape, .status = 201,
     .summary = "Make a telephone link; its token is shown this once"},
    {.method = HTTP_PATCH, .path = "/api/v1/phone-links/{id}", .may = MAY_ADMIN, .scope = SCOPE_ADMIN, .plan = change_plan,
     .apply = change, .in = &link_change_shape, .out = &phone_link_shape, .summary = "Rename a telephone link, switch it off or on"},
    {.method = HTTP_POST, .path = "/api/v1/phone-links/{id}/token", .may = MAY_ADMIN, .scope = SCOPE_ADMIN, .plan = token_plan,
     .apply = new_token, .in = &link_id_shape, .out = &phone_link_shape, .summary = "Make a new token; the old one ends"},
    {.method = HTTP_POST, .path = "/api/v1/cti/{token}", .is_public = true, .plan = cti_plan, .apply = cti, .in = &cti_shape,
     .out = &raw_reply_shape, .is_raw = true, .takes_form = true, .is_card = true, .per_minute = EVENTS_PER_MINUTE, .summary = cti_doc},
    {.method = HTTP_GET, .path = "/api/v1/cti/{token}", .is_public = true, .plan = cti_plan, .apply = cti, .in = &cti_shape,
     .out = &raw_reply_shape, .is_raw = true, .takes_form = true, .is_card = true, .per_minute = EVENTS_PER_MINUTE, .summary = cti_doc},
    {.method = HTTP_POST, .path = "/api/v1/cti/v1/event", .may = MAY_ALL, .scope = SCOPE_CTI, .plan = superset_plan, .apply = cti,
     .in = &cti_superset_shape, .out = &raw_reply_shape, .is_raw = true, .takes_form = true, .is_card = true,
     .summary = "A telephone system tells of a call, in our own words: ringing, answered, bridged, held, transferred, hangup"},
};
/* clang-format on */
const struct room phone_link_room = ROOM("phone_link", routes);
