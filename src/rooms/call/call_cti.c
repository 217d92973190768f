/* rooms/call/call_cti.c - Zammad's generic CTI and our superset, in three dresses. */
#include "rooms/call/call_cti.h"
#include "base/json_load.h"
#include "rooms/call/call_impl.h"

enum { DEPTH_MAX = 16, USERS_MAX = 64, PAIRS_MAX = 500, NAME_MAX_CHARS = 200 };

/* What was sent, as text. */
struct sent {
    str event, call_id, linked_id, from, caller_id, to, direction, queue, cause, answering_number,
        name, extension, diversion, at;
    struct str_list users;
};

/* clang-format off */
#define AT(m) offsetof(struct sent, m)
/* clang-format on */
static const struct {
    const char *name;
    size_t at;
    /* clang-format off */
} members[] = {
    {"event", AT(event)}, {"callId", AT(call_id)}, {"call_id", AT(call_id)}, {"callid", AT(call_id)},
    {"linked_id", AT(linked_id)}, {"linkedId", AT(linked_id)}, {"from", AT(from)}, {"callerId", AT(caller_id)},
    {"caller_id", AT(caller_id)}, {"callerid", AT(caller_id)}, {"to", AT(to)}, {"direction", AT(direction)},
    {"queue", AT(queue)}, {"cause", AT(cause)}, {"answeringNumber", AT(answering_number)},
    {"answering_number", AT(answering_number)}, {"name", AT(name)}, {"extension", AT(extension)},
    {"diversion", AT(diversion)}, {"at", AT(at)},
};
/* clang-format on */
static const char *const user_names[] = {"user", "user[]", "users", "users[]"};

static bool is_user_name(str name)
{
    for (size_t i = 0; i < COUNT(user_names); i++)
        if (str_eq(name, str_of(user_names[i])))
            return true;
    return false;
}

/* One line of text that may be kept and shown. */
static bool is_plain(str s, size_t max_chars)
{
    if (!str_is_utf8(s) || str_chars(s) > max_chars)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7f)
            return false;
    return true;
}

static enum err put(struct cx *cx, struct sent *to, str name, str value)
{
    value = str_trim(value);
    if (is_user_name(name)) {
        if (value.len && is_plain(value, NAME_MAX_CHARS) && to->users.n < USERS_MAX)
            to->users.items[to->users.n++] = value;
        return OK;
    }
    for (size_t i = 0; i < COUNT(members); i++) {
        if (!str_eq(name, str_of(members[i].name)))
            continue;
        str *at = (str *)(void *)((char *)to + members[i].at);
        if (at->len && !str_eq(*at, value))
            return fault(cx, ERR_INVALID, M_CTI_TWICE, MARG("name", str_of(members[i].name)));
        *at = value;
        return OK;
    }
    return OK; /* not ours */
}

/* ---- form and query ----------------------------------------------------------------------------
 */

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static str form_text(struct arena *a, str s)
{
    char *p = arena_alloc(a, 1, s.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        bool is_coded =
            s.ptr[i] == '%' && i + 2 < s.len && hex(s.ptr[i + 1]) >= 0 && hex(s.ptr[i + 2]) >= 0;
        if (is_coded) {
            p[n++] = (char)(hex(s.ptr[i + 1]) * 16 + hex(s.ptr[i + 2]));
            i += 2;
        } else {
            p[n++] = s.ptr[i] == '+' ? ' ' : s.ptr[i];
        }
    }
    return (str){p, n};
}

static enum err take_form(struct cx *cx, str form, struct sent *to)
{
    for (size_t pairs = 0; form.len; pairs++) {
        if (pairs == PAIRS_MAX)
            return fault(cx, ERR_TOO_BIG, M_CTI_TOO_MANY);
        str value = str_cut(&form, '&');
        str name = form_text(cx->arena, str_cut(&value, '='));
        str text = form_text(cx->arena, value);
        /* A '+' before a number means itself to many who send forms by hand. */
        bool is_number = value.len > 1 && value.ptr[0] == '+' && is_digit(value.ptr[1]);
        if (is_number) {
            char *plus = arena_alloc(cx->arena, 1, text.len + 1);
            memcpy(plus, text.ptr, text.len);
            plus[0] = '+';
            text.ptr = plus;
        }
        TRY(put(cx, to, name, text));
    }
    return OK;
}

/* ---- JSON --------------------------------------------------------------------------------------
 */

static bool is_too_deep(str json)
{
    size_t depth = 0;
    bool in_text = false;
    for (size_t i = 0; i < json.len; i++) {
        char c = json.ptr[i];
        if (in_text && c == '\\')
            i++;
        else if (c == '"')
            in_text = !in_text;
        else if (!in_text && (c == '{' || c == '[') && ++depth > DEPTH_MAX)
            return true;
        else if (!in_text && (c == '}' || c == ']') && depth)
            depth--;
    }
    return false;
}

/* Text or whole number as text; empty for all else. */
static str json_text(struct arena *a, const json_t *v)
{
    if (json_is_string(v))
        return arena_str(a, (str){json_string_value(v), json_string_length(v)});
    if (json_is_integer(v))
        return arena_printf(a, "%lld", (long long)json_integer_value(v));
    return S("");
}

static enum err put_json(struct cx *cx, struct sent *to, json_t *object)
{
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value)
    {
        str key = str_of(name);
        if (json_is_array(value) && is_user_name(key)) {
            for (size_t i = 0; i < json_array_size(value) && i < USERS_MAX; i++)
                TRY(put(cx, to, key, json_text(cx->arena, json_array_get(value, i))));
        } else {
            str text = json_text(cx->arena, value);
            if (text.len)
                TRY(put(cx, to, key, text));
        }
    }
    return OK;
}

static enum err take_json(struct cx *cx, str body, struct sent *to)
{
    if (is_too_deep(body))
        return fault(cx, ERR_MALFORMED, M_CTI_DEEP);
    json_error_t why;
    json_t *object = NULL;
    enum err e = json_load_text(cx, body, &object, &why);
    if (e == ERR_BUSY)
        return e;
    if (!json_is_object(object)) {
        json_decref(object);
        return fault(cx, ERR_MALFORMED, M_CTI_UNREADABLE);
    }
    e = put_json(cx, to, object);
    json_decref(object);
    return e;
}

/* ---- what it means ------------------------------------------------------------------------------
 */

static const struct {
    const char *name;
    int kind;
    /* clang-format off */
} events[] = {
    {"newCall", TOLD_RING}, {"ringing", TOLD_RING}, {"answer", TOLD_ANSWER}, {"answered", TOLD_ANSWER},
    {"hangup", TOLD_HANGUP}, {"bridged", TOLD_BRIDGED}, {"held", TOLD_HELD}, {"transferred", TOLD_TRANSFERRED},
};
/* clang-format on */

static enum err read_event(struct cx *cx, str event, int *kind)
{
    for (size_t i = 0; i < COUNT(events); i++)
        if (str_eq_ascii_nocase(event, str_of(events[i].name))) {
            *kind = events[i].kind;
            return OK;
        }
    (void)fault(cx, ERR_INVALID, M_CTI_EVENT, MARG("event", str_clean(cx->arena, event, 40)));
    return fault_at(cx, ERR_INVALID, S("event"));
}

static enum err read_direction(struct cx *cx, str told, int *direction)
{
    if (!told.len)
        *direction = DIRECTION_NONE;
    else if (str_eq_ascii_nocase(told, S("in")) || str_eq_ascii_nocase(told, S("inbound")))
        *direction = DIRECTION_IN;
    else if (str_eq_ascii_nocase(told, S("out")) || str_eq_ascii_nocase(told, S("outbound")))
        *direction = DIRECTION_OUT;
    else
        return fault_field(cx, ERR_INVALID, S("direction"), M_CTI_DIRECTION);
    return OK;
}

/* The text, or nothing when it is not one line of a sensible length; a word in the log says so. */
static str plain(const char *name, str s, size_t max_chars)
{
    if (is_plain(s, max_chars))
        return s;
    log_line(LOG_WARN, "cti_value_passed_over", "member=%s bytes=%zu", name, s.len);
    return S("");
}

enum err cti_read(struct cx *cx, str content_type, str query, str body, struct call_told *out)
{
    *out = (struct call_told){0};
    struct sent s = {.users.items = ARENA_ARRAY(cx->arena, USERS_MAX, str)};
    TRY(take_form(cx, query, &s));
    str start = str_trim(body);
    if (start.len &&
        (start.ptr[0] == '{' || start.ptr[0] == '[' || str_find(content_type, S("json")) >= 0))
        TRY(take_json(cx, start, &s));
    else if (start.len)
        TRY(take_form(cx, start, &s));

    TRY(read_event(cx, s.event, &out->kind));
    TRY(read_direction(cx, s.direction, &out->direction));
    out->source_id = s.linked_id.len ? s.linked_id : s.call_id;
    if (!out->source_id.len || !is_plain(out->source_id, SOURCE_ID_MAX))
        return fault_field(cx, ERR_INVALID, S("callId"), M_CTI_CALL_ID);

    out->from = plain("from", s.from.len ? s.from : s.caller_id, NUMBER_MAX);
    out->to = plain("to", s.to, NUMBER_MAX);
    out->queue = plain("queue", s.queue, NAME_MAX_CHARS);
    out->cause = plain("cause", s.cause, NAME_MAX_CHARS);
    out->answering_number = plain("answeringNumber", s.answering_number, NUMBER_MAX);
    out->name = plain("name", s.name, NAME_MAX_CHARS);
    out->extension = plain("extension", s.extension, NUMBER_MAX);
    out->diversion = plain("diversion", s.diversion, NUMBER_MAX);
    out->users = s.users;
    if (s.at.len && !when_parse(s.at, &out->at))
        return fault_field(cx, ERR_INVALID, S("at"), M_CTI_AT);
    return OK;
}
