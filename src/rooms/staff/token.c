/* rooms/staff/token.c - tokens of programs: a role, scopes, an end. */
#include "rooms/staff/staff_inner.h"

static const struct field token_fields[] = {
    FIELD(struct token_row, id),
    FIELD(struct token_row, name),
    FIELD_ENUM(struct token_row, role, role_codes),
    FIELD(struct token_row, scope_bits, .secret = true),
    FIELD(struct token_row, created_at),
    FIELD(struct token_row, expires_at, .nullable = true),
    FIELD(struct token_row, scopes, .not_column = true),
    FIELD(struct token_row, token, .not_column = true, .omit_empty = true,
          .doc = "Only in the answer that made it"),
};
const struct shape token_shape = SHAPE("token", struct token_row, token_fields);

struct token_who {
    int64_t id;
    int role;
    int64_t scopes;
    str name;
};
static const struct field token_who_fields[] = {
    FIELD(struct token_who, id),
    FIELD_ENUM(struct token_who, role, role_codes),
    FIELD(struct token_who, scopes),
    FIELD(struct token_who, name),
};
static const struct shape token_who_shape = SHAPE("token_who", struct token_who, token_who_fields);

enum err staff_by_token(struct cx *cx, str secret, struct actor *out)
{
    struct token_who w = {0};
    uint8_t hash[32];
    sha256(secret, hash);
    enum err e =
        db_one(cx, &q_token_who, &token_who_shape, &w, ARGS(val_blob(hash, 32), V(cx->now_ms)));
    if (e == ERR_NOT_FOUND)
        return ERR_UNAUTHENTICATED;
    TRY(e);
    *out = (struct actor){.kind = ACTOR_TOKEN,
                          .id = w.id,
                          .role = (enum role)w.role,
                          .scopes = (uint32_t)w.scopes,
                          .name = w.name};
    return OK;
}

enum err scopes_read(struct cx *cx, const struct str_list *texts, uint32_t *out)
{
    *out = 0;
    for (size_t i = 0; i < texts->n; i++) {
        uint32_t bit = 0;
        for (int s = 0; s < SCOPE_N; s++)
            if (str_eq(texts->items[i], str_of(scope_codes[s])))
                bit = 1u << s;
        if (!bit) {
            enum err e = fault(cx, ERR_INVALID, M_TOKEN_SCOPE, MARG("scope", texts->items[i]));
            return fault_at(cx, e, S("scopes"));
        }
        *out |= bit;
    }
    return OK;
}

static void scopes_write(struct cx *cx, struct token_row *t)
{
    t->scopes.items = ARENA_ARRAY(cx->arena, SCOPE_N, str);
    for (int s = 0; s < SCOPE_N; s++)
        if (t->scope_bits & 1 << s)
            t->scopes.items[t->scopes.n++] = str_of(scope_codes[s]);
}

uint32_t token_scopes_of(enum role role)
{
    uint32_t all = SCOPE_READ | SCOPE_WRITE | SCOPE_INTAKE | SCOPE_VOUCH | SCOPE_CTI;
    return MAY_ADMIN & MAY(role) ? all | SCOPE_ADMIN | SCOPE_METRICS : all;
}

enum err token_add(struct cx *cx, str name, enum role role, uint32_t scopes, when expires,
                   token_id *id, str *secret)
{
    uint8_t hash[32];
    *id = (token_id){id_new(cx->now_ms)};
    *secret = random_token(cx->arena, 32);
    sha256(*secret, hash);
    TRY(db_run(cx, &q_token_insert,
               ARGS(V(*id), V(name), val_blob(hash, 32), V(role_codes[role]), V((int64_t)scopes),
                    V(cx->now_ms), cx->actor.kind == ACTOR_STAFF ? V(cx->actor.id) : VNULL,
                    expires.ms ? V(expires) : VNULL)));
    cx->made_id = id->v;
    return audit_add(cx, "token.add", 0, id->v, str_of(role_codes[role]));
}

enum err token_list(struct cx *cx, int64_t before, int64_t limit, struct list *out)
{
    TRY(db_all(cx, &q_token_list, &token_shape, out, ARGS(V(before), V(limit))));
    struct token_row *t = out->items;
    for (size_t i = 0; i < out->n; i++)
        scopes_write(cx, &t[i]);
    return OK;
}

enum err token_get(struct cx *cx, token_id id, struct token_row *out)
{
    TRY(db_one(cx, &q_token_get, &token_shape, out, ARGS(V(id))));
    scopes_write(cx, out);
    return OK;
}

enum err token_revoke(struct cx *cx, token_id id)
{
    int64_t n = 0;
    TRY(db_run_count(cx, &q_token_revoke, &n, ARGS(V(cx->now_ms), V(id))));
    if (n == 0)
        return ERR_NOT_FOUND;
    return audit_add(cx, "token.revoke", 0, id.v, (str){0});
}
