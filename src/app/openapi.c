/* app/openapi.c - the API described by the rows that serve it (OpenAPI 3.1). */
#include "app/errand.h"

static void pair(struct json_out *j, const char *key, const char *value)
{
    json_key(j, str_of(key));
    json_str(j, str_of(value));
}

/* Schema of one value that comes as text: of a path or query. */
static void text_schema(struct json_out *j, const struct field *f)
{
    static const char *const types[] = {
        [F_INT] = "integer",   [F_OPT_INT] = "integer", [F_BOOL] = "boolean",
        [F_DOUBLE] = "number", [F_STR_LIST] = "array",
    };
    const char *type = (size_t)f->type < COUNT(types) && types[f->type] ? types[f->type] : "string";
    json_object_begin(j);
    pair(j, "type", type);
    if (f->type == F_WHEN)
        pair(j, "format", "date-time");
    if (f->type == F_ID)
        pair(j, "pattern", "^[a-z]{3}_[0-9a-hjkmnp-tv-z]{13}$");
    if (f->type == F_STR_LIST) {
        json_key(j, S("items"));
        json_object_begin(j);
        pair(j, "type", "string");
        json_object_end(j);
    }
    if (f->type == F_ENUM) {
        json_key(j, S("enum"));
        json_array_begin(j);
        for (size_t i = 0; i < f->n_names; i++)
            json_str(j, str_of(f->names[i]));
        json_array_end(j);
    }
    if (f->type == F_INT && (f->min || f->max)) {
        json_key(j, S("minimum"));
        json_int(j, f->min);
        json_key(j, S("maximum"));
        json_int(j, f->max);
    }
    json_object_end(j);
}

static void parameter(struct json_out *j, const struct field *f)
{
    json_object_begin(j);
    pair(j, "name", f->name);
    pair(j, "in", f->in_path ? "path" : "query");
    json_key(j, S("required"));
    json_bool(j, f->in_path || f->required);
    if (f->doc)
        pair(j, "description", f->doc);
    json_key(j, S("schema"));
    text_schema(j, f);
    json_object_end(j);
}

static bool has_body(const struct route *r)
{
    for (size_t i = 0; r->method != HTTP_GET && r->in && i < r->in->n; i++)
        if (!r->in->fields[i].in_path && !r->in->fields[i].read_only)
            return true;
    return false;
}

static void parameters(struct json_out *j, const struct route *r)
{
    json_key(j, S("parameters"));
    json_array_begin(j);
    for (size_t i = 0; r->in && i < r->in->n; i++)
        if (r->in->fields[i].in_path || (r->method == HTTP_GET && !r->in->fields[i].read_only))
            parameter(j, &r->in->fields[i]);
    json_array_end(j);
}

static void content(struct json_out *j, const char *media, const struct shape *s, bool is_input)
{
    json_key(j, S("content"));
    json_object_begin(j);
    json_key(j, str_of(media));
    json_object_begin(j);
    if (s) {
        json_key(j, S("schema"));
        json_schema(j, s, is_input);
    }
    json_object_end(j);
    json_object_end(j);
}

static void responses(struct json_out *j, const struct route *r, struct arena *a)
{
    json_key(j, S("responses"));
    json_object_begin(j);
    int status = r->apply_lines ? 200 : r->status ? r->status : r->out ? 200 : 204;
    json_key(j, arena_printf(a, "%d", status));
    json_object_begin(j);
    pair(j, "description",
         r->apply_lines
             ? "A line for each line: its number and status, and what the single request "
               "answers"
         : r->out ? "Done"
                  : "Done; nothing to say");
    if (r->out == &raw_reply_shape)
        content(j, "*/*", NULL, false);
    else if (r->out)
        content(j, r->apply_lines ? "application/x-ndjson" : "application/json", r->out, false);
    json_object_end(j);
    json_key(j, S("default"));
    json_object_begin(j);
    pair(j, "$ref", "#/components/responses/Problem");
    json_object_end(j);
    json_object_end(j);
}

static void codes_of_roles(struct json_out *j, uint32_t may)
{
    json_key(j, S("x-roles"));
    json_array_begin(j);
    for (int i = 0; i < ROLE_N; i++)
        if (may & MAY(i))
            json_str(j, str_of(role_codes[i]));
    json_array_end(j);
}

static void rights(struct json_out *j, uint32_t may, uint32_t scope, bool is_public,
                   bool session_only)
{
    json_key(j, S("security"));
    json_array_begin(j);
    if (!is_public) {
        json_object_begin(j);
        json_key(j, S("session"));
        json_raw(j, S("[]"));
        json_object_end(j);
        if (!session_only) {
            json_object_begin(j);
            json_key(j, S("token"));
            json_raw(j, S("[]"));
            json_object_end(j);
        }
    }
    json_array_end(j);
    if (is_public)
        return;
    codes_of_roles(j, may);
    json_key(j, S("x-session-only"));
    json_bool(j, session_only);
    if (session_only)
        return;
    for (int i = 0; i < SCOPE_N; i++)
        if (scope == 1u << i)
            pair(j, "x-scope", scope_codes[i]);
}

static void operation(struct json_out *j, const struct room *room, const struct route *r,
                      struct arena *a)
{
    static const char *const methods[] = {"get",   "head",   "post",   "put",
                                          "patch", "delete", "options"};
    json_key(j, str_of(methods[r->method]));
    json_object_begin(j);
    struct text id = text_in(a, 200);
    text_printf(&id, "%s", methods[r->method]);
    bool at_start = false;
    for (const char *p = r->path; *p; p++) {
        bool is_letter = (*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || *p == '_';
        if (is_letter && at_start)
            text_add_char(&id, '_');
        if (is_letter)
            text_add_char(&id, *p);
        at_start = !is_letter;
    }
    json_key(j, S("operationId"));
    json_str(j, text_str(&id));
    json_key(j, S("tags"));
    json_array_begin(j);
    json_str(j, str_of(room->name));
    json_array_end(j);
    pair(j, "summary", r->summary ? r->summary : "");
    uint32_t scope = r->scope ? r->scope : r->method == HTTP_GET ? SCOPE_READ : SCOPE_WRITE;
    rights(j, r->may, scope, r->is_public, r->session_only);
    parameters(j, r);
    if (has_body(r)) {
        json_key(j, S("requestBody"));
        json_object_begin(j);
        json_key(j, S("required"));
        json_bool(j, true);
        content(j, r->apply_lines ? "application/x-ndjson" : "application/json", r->in, true);
        json_object_end(j);
    }
    responses(j, r, a);
    json_object_end(j);
}

static void stream_operation(struct json_out *j, const struct stream_route *s, struct arena *a)
{
    static const char *const verbs[HTTP_METHOD_N] = {"get",   "head",   "post",   "put",
                                                     "patch", "delete", "options"};
    json_key(j, str_of(verbs[s->method]));
    json_object_begin(j);
    char *id =
        arena_cstr(a, arena_printf(a, "%s%s", verbs[s->method], s->path + strlen("/api/v1")));
    size_t n = 0; /* get_customers_export */
    for (char *p = id; *p; p++)
        if (*p != '{' && *p != '}')
            id[n++] = *p == '/' || *p == '-' ? '_' : *p;
    id[n] = 0;
    pair(j, "operationId", id);
    pair(j, "summary", s->summary);
    rights(j, s->may,
           s->scope                ? s->scope
           : s->method == HTTP_GET ? SCOPE_READ
                                   : SCOPE_WRITE,
           false, false);
    if (s->in) {
        json_key(j, S("parameters"));
        json_array_begin(j);
        for (size_t i = 0; i < s->in->n; i++)
            parameter(j, &s->in->fields[i]);
        json_array_end(j);
    }
    if (s->takes)
        json_key(j, S("requestBody")),
            json_raw(j, arena_printf(a, "{\"required\":true,\"content\":{\"%s\":{}}}", s->takes));
    json_key(j, S("responses"));
    json_raw(
        j,
        arena_printf(
            a,
            "{\"%d\":{\"description\":\"%s\",\"content\":{\"%s\":{}}},\"default\":{\"$ref\":\"#/components/responses/Problem\"}}",
            s->takes ? 201 : 200, s->gives ? "As asked" : "Server-Sent Events",
            s->gives ? s->gives : "text/event-stream"));
    json_object_end(j);
}

static bool is_path_of_row(const struct room *const *all, size_t n, const char *path)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < all[i]->n; k++)
            if (strcmp(all[i]->routes[k].path, path) == 0)
                return true;
    return false;
}

/* All rows of one path stand together, at the place of the first. */
static bool is_first_of_path(const struct room *const *all, size_t n, size_t room, size_t row)
{
    const char *path = all[room]->routes[row].path;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < all[i]->n; k++)
            if (strcmp(all[i]->routes[k].path, path) == 0)
                return i == room && k == row;
    return true;
}

static void paths(struct json_out *j, const struct room *const *all, size_t n, struct arena *a)
{
    json_key(j, S("paths"));
    json_object_begin(j);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < all[i]->n; k++) {
            if (!is_first_of_path(all, n, i, k))
                continue;
            const char *path = all[i]->routes[k].path;
            json_key(j, str_of(path));
            json_object_begin(j);
            for (size_t r = 0; r < n; r++)
                for (size_t m = 0; m < all[r]->n; m++)
                    if (strcmp(all[r]->routes[m].path, path) == 0)
                        operation(j, all[r], &all[r]->routes[m], a);
            for (size_t t = 0; t < stream_routes_n; t++)
                if (stream_routes[t].path && strcmp(stream_routes[t].path, path) == 0)
                    stream_operation(j, &stream_routes[t], a);
            json_object_end(j);
        }
    }
    for (size_t i = 0; i < stream_routes_n; i++) {
        if (!stream_routes[i].path || is_path_of_row(all, n, stream_routes[i].path))
            continue;
        json_key(j, str_of(stream_routes[i].path));
        json_object_begin(j);
        stream_operation(j, &stream_routes[i], a);
        json_object_end(j);
    }
    json_object_end(j);
}

static const char components[] =
    "{\"securitySchemes\":{\"session\":{\"type\":\"apiKey\",\"in\":\"cookie\",\"name\":\"__Host-"
    "kith\","
    "\"description\":\"From POST /api/v1/session; on loopback without TLS the cookie is called "
    "kith. Every method but GET "
    "carries the header X-Kith: 1.\"},"
    "\"token\":{\"type\":\"http\",\"scheme\":\"bearer\"}},"
    "\"responses\":{\"Problem\":{\"description\":\"Refused\",\"content\":{\"application/"
    "problem+json\":{\"schema\":"
    "{\"$ref\":\"#/components/schemas/Problem\"}}}}},"
    "\"schemas\":{\"Problem\":{\"type\":\"object\",\"required\":[\"status\",\"title\",\"detail\","
    "\"code\"],\"properties\":{"
    "\"status\":{\"type\":\"integer\"},\"title\":{\"type\":\"string\"},"
    "\"detail\":{\"type\":\"string\",\"description\":\"A sentence in the language asked\"},"
    "\"code\":{\"type\":\"string\"},\"reason\":{\"type\":\"string\",\"description\":\"Name of the "
    "sentence\"},"
    "\"args\":{\"type\":\"object\"},\"field\":{\"type\":\"string\"},\"request\":{\"type\":"
    "\"integer\"}}}}}";

str openapi_text(struct arena *a)
{
    const struct room **all = ARENA_ARRAY(a, rooms_n + 1, const struct room *);
    all[0] = &house_room;
    for (size_t i = 0; i < rooms_n; i++)
        all[i + 1] = rooms[i];
    struct text t = text_in(a, (size_t)8 << 20);
    struct json_out j = {.to = &t};
    json_object_begin(&j);
    pair(&j, "openapi", "3.1.0");
    json_key(&j, S("info"));
    json_object_begin(&j);
    pair(&j, "title", "Kith");
    pair(&j, "version", KITH_VERSION);
    pair(&j, "description",
         "One record for every customer. Printed by the program from the rows that serve it.");
    json_object_end(&j);
    paths(&j, all, rooms_n + 1, a);
    json_key(&j, S("components"));
    json_raw(&j, str_of(components));
    json_object_end(&j);
    return text_str(&t);
}
