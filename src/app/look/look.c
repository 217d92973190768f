/* app/look/look.c - what `kith audit` and `kith doctor` say, and who carries it out. */
#include "app/look/look.h"
#include "app/commands.h"
#include "app/look/doctor.h"
#include "app/options.h"
#include "app/people.h"
#include "messages.h"
#include "rooms/audit/audit.h"

enum { PAGE_ROWS = 50 };
static const size_t ARENA_BYTES = (size_t)64 << 20;

/* ---- what is asked, what is said ------------------------------------------------------------------ */

static const char *const verb_codes[LOOK_VERBS] = {"who", "verify", "doctor"};
struct look_wish {
    int verb;
    bool json;
    struct audit_wish who;
    int64_t seal;
    str chain;
};
struct look_line {
    struct look_wish look;
};
struct look_word {
    bool is_end, is_fine; /* the last one; it came to its end */
    int64_t status;       /* of the command */
    str text;
};
/* clang-format off */
static const struct field wish_fields[] = {
    FIELD_ENUM(struct look_wish, verb, verb_codes, .required = true),
    FIELD(struct look_wish, json),
    FIELD_AS(struct look_wish, who.customer, "customer"),
    FIELD_AS(struct look_wish, who.actor, "actor"),
    FIELD_AS(struct look_wish, who.act, "act"),
    FIELD_AS(struct look_wish, who.from, "from"),
    FIELD_AS(struct look_wish, who.to, "to"),
    FIELD_AS(struct look_wish, who.vip, "vip"),
    FIELD(struct look_wish, seal),
    FIELD(struct look_wish, chain),
};
static const struct shape wish_shape = SHAPE("look_wish", struct look_wish, wish_fields);
static const struct field line_fields[] = {FIELD_STRUCT(struct look_line, look, &wish_shape, .required = true)};
static const struct shape line_shape = SHAPE("look_line", struct look_line, line_fields);
static const struct field word_fields[] = {
    FIELD(struct look_word, is_end),
    FIELD(struct look_word, is_fine),
    FIELD(struct look_word, status),
    FIELD(struct look_word, text, .max_len = 60000, .multiline = true),
};
static const struct shape word_shape = SHAPE("look_word", struct look_word, word_fields);
/* clang-format on */

struct run {
    struct store *store;
    struct cx *cx; /* its db reads */
    const struct house *house;
    str data_dir;
    bool (*say)(void *arg, const struct look_word *w);
    void *arg;
    int64_t status;
};

static bool say(struct run *r, str text)
{
    return r->say(r->arg, &(struct look_word){.text = text});
}

/* ---- who ---------------------------------------------------------------------------------------------- */

static str text_of_page(struct arena *a, const struct audit_page *page, bool json, bool is_first)
{
    struct text t = text_in(a, 60000);
    const struct audit_line *l = page->items.items;
    for (size_t i = 0; i < page->items.n; i++) {
        struct json_out j = {.to = &t};
        if (json) {
            if (!is_first || i)
                text_add_char(&t, ',');
            json_write(&j, &audit_line_shape, &l[i]);
            continue;
        }
        text_printf(&t, SFMT "\t" SFMT "\t" SFMT "\t" SFMT "\t%s" SFMT "\t" SFMT "\n",
                    SARG(when_text(a, l[i].at)), SARG(l[i].action),
                    SARG(l[i].actor.name.len ? l[i].actor.name : l[i].actor.kind),
                    SARG(l[i].actor.id),
                    !l[i].whole                       ? ""
                    : str_eq(l[i].held, S("perhaps")) ? "many records, perhaps this one "
                                                      : "many records, this one too ",
                    SARG(l[i].details), SARG(l[i].peer));
    }
    return text_str(&t);
}

static enum err who(struct run *r, const struct look_wish *w)
{
    struct audit_wish wish = w->who;
    struct arena *outer = r->cx->arena, *a = arena_open(ARENA_BYTES), *keep = arena_open(1 << 16);
    enum err e = a && keep ? OK : fault(r->cx, ERR_INTERNAL, M_STORE_FAILED);
    bool is_heard = e == OK && (!w->json || say(r, S("{\"items\":[")));
    wish.limit = PAGE_ROWS;
    for (bool is_first = true, is_more = true; e == OK && is_heard && is_more; is_first = false) {
        struct audit_page page = {0};
        arena_reset(a);
        r->cx->arena = a;
        r->cx->now_ms = clock_now_ms();
        e = audit_find(r->cx, &wish, &page);
        if (e != OK)
            break;
        is_more = page.next.len > 0;
        is_heard = page.items.n == 0 || say(r, text_of_page(a, &page, w->json, is_first));
        arena_reset(keep);
        wish.cursor = arena_str(keep, page.next);
    }
    r->cx->arena = outer;
    if (e == OK && w->json)
        (void)say(r, S("]}\n"));
    if (e == OK)
        r->status = is_heard ? 0 : 1;
    arena_close(a);
    arena_close(keep);
    return e;
}

/* ---- verify ------------------------------------------------------------------------------------------- */

static enum err verify(struct run *r, const struct look_wish *w)
{
    struct audit_state s = {0};
    struct arena *a = r->cx->arena;
    TRY(audit_check_against(r->cx, w->seal, w->chain, &s));
    struct text t = text_in(a, 50000);
    if (w->json)
        text_printf(
            &t,
            "{\"rows\":%lld,\"values\":%lld,\"erased\":%lld,\"seals\":%lld,\"unsealed\":%lld,\"wrong\":%lld,"
            "\"head\":%lld,\"chain\":\"" SFMT "\",\"findings\":[",
            (long long)s.rows, (long long)s.values, (long long)s.erased, (long long)s.seals,
            (long long)s.unsealed, (long long)s.n_wrong, (long long)s.head, SARG(s.head_chain));
    struct json_out j = {.to = &t};
    for (size_t i = 0; i < s.n_findings; i++) {
        str said = audit_finding_text(a, LANG_EN, &s.findings[i]);
        if (w->json) {
            if (i)
                text_add_char(&t, ',');
            json_str(&j, said);
            j = (struct json_out){.to = &t};
        } else
            text_printf(&t, "kith: " SFMT "\n", SARG(said));
    }
    if (w->json)
        text_add(&t, S("]}\n"));
    else if (s.n_wrong > (int64_t)s.n_findings)
        text_printf(&t, "kith: and %lld more\n", (long long)(s.n_wrong - (int64_t)s.n_findings));
    else if (!s.n_wrong)
        text_printf(
            &t,
            "kith: the audit is whole: %lld rows and %lld values under %lld seals; %lld rows wait for theirs\n"
            "kith: seal %lld is " SFMT "\n",
            (long long)s.rows, (long long)s.values, (long long)s.seals, (long long)s.unsealed,
            (long long)s.head, SARG(s.head_chain));
    (void)say(r, text_str(&t));
    r->status = s.n_wrong ? 1 : 0;
    return OK;
}

/* ---- doctor ------------------------------------------------------------------------------------------- */

static enum err doctor(struct run *r, const struct look_wish *w)
{
    struct doctor_report d = {0};
    struct arena *a = r->cx->arena;
    TRY(doctor_look(r->store, r->cx, r->house, r->data_dir, &d));
    struct text t = text_in(a, 60000);
    struct json_out j = {.to = &t};
    const struct doctor_line *l = d.lines.items;
    if (w->json) {
        json_write(&j, &doctor_report_shape, &d);
        text_add_char(&t, '\n');
    }
    for (size_t i = 0; !w->json && i < d.lines.n; i++)
        text_printf(&t, "%-9s  " SFMT ": " SFMT "%s" SFMT "\n", doctor_state_codes[l[i].state],
                    SARG(l[i].title), SARG(l[i].reason), l[i].advice.len ? " " : "",
                    SARG(l[i].advice));
    (void)say(r, text_str(&t));
    r->status = d.state == DOCTOR_BAD;
    return OK;
}

static void carry_out(struct run *r, const struct look_wish *w)
{
    static enum err (*const doers[LOOK_VERBS])(struct run *,
                                               const struct look_wish *) = {who, verify, doctor};
    enum err e = doers[w->verb](r, w);
    struct look_word end = {.is_end = true, .is_fine = e == OK, .status = e == OK ? r->status : 1};
    if (e != OK)
        end.text =
            r->cx->why.msg ? fault_text(r->cx->arena, LANG_EN, &r->cx->why) : str_of(err_code(e));
    (void)r->say(r->arg, &end);
}

/* ---- at the server -------------------------------------------------------------------------------------- */

static bool say_there(void *talk, const struct look_word *w)
{
    return talk_say(talk, &word_shape, w);
}

static enum err talk_read(struct talk *t, str line)
{
    return json_read(&t->cx, &line_shape, line, t->wish, NULL);
}

static void talk_carry_out(struct talk *t)
{
    struct run r = {.store = t->house->store,
                    .cx = &t->cx,
                    .house = t->house,
                    .data_dir = t->house->data_dir,
                    .say = say_there,
                    .arg = t};
    carry_out(&r, &((const struct look_line *)t->wish)->look);
}

static void talk_refuse(struct talk *t, str why)
{
    (void)say_there(t, &(struct look_word){.is_end = true, .status = 1, .text = why});
}

const struct talk_kind look_talk = {sizeof(struct look_line),
                                    (size_t)64 << 20,
                                    2,
                                    "the server is at another look just now",
                                    talk_read,
                                    talk_carry_out,
                                    talk_refuse};

/* ---- at the command ---------------------------------------------------------------------------------------- */

struct asked {
    struct arena *arena;
    struct cx cx;
    const char *data, *url;
    int status;
};

static int wrong(str why)
{
    fprintf(stderr, "kith: " SFMT "; `kith help` shows how it is written\n", SARG(why));
    return 2;
}

static bool hear(void *arg, const struct look_word *w)
{
    struct asked *a = arg;
    if (!w->is_end) {
        fwrite(w->text.ptr, 1, w->text.len, stdout);
        return fflush(stdout) == 0;
    }
    a->status = (int)w->status;
    if (!w->is_fine) {
        a->status = 1;
        fprintf(stderr, "kith: " SFMT "\n", SARG(w->text));
    }
    return true;
}

/* True: a server holds the directory; what it said was printed. */
static bool by_server(struct asked *a, const struct look_wish *wish)
{
    int fd = desk_connect(a->data);
    FILE *in = fd < 0 ? NULL : fdopen(fd, "r");
    struct arena *line_arena = arena_open((size_t)4 << 20);
    if (in && line_arena) {
        struct look_line line = {*wish};
        char *bytes = NULL;
        size_t cap = 0;
        bool is_over = false;
        if (desk_line_send(fd, a->arena, &line_shape, &line))
            for (ssize_t n; !is_over && (n = getline(&bytes, &cap, in)) > 0;) {
                struct look_word w = {0};
                struct cx own = a->cx;
                arena_reset(line_arena);
                own.arena = line_arena;
                if (json_read(&own, &word_shape, (str){bytes, (size_t)n}, &w, NULL) != OK)
                    break;
                is_over = w.is_end;
                if (!hear(a, &w))
                    break;
            }
        if (!is_over) {
            fputs("kith: the server went away before it was done\n", stderr);
            a->status = 1;
        }
        free(bytes);
    }
    arena_close(line_arena);
    if (in)
        fclose(in);
    return in != NULL;
}

static void by_oneself(struct asked *a, const struct look_wish *wish)
{
    struct store_options so = {
        .data_dir = str_of(a->data), .url = str_of(a->url ? a->url : ""), .no_migrate = true};
    struct store *s = NULL;
    struct run r = {.cx = &a->cx, .data_dir = str_of(a->data), .say = hear, .arg = a};
    if (!a->url && is_no_store(a->data)) {
        fprintf(stderr, "kith: there is no store in %s\n", a->data);
        a->status = 1;
        return;
    }
    if (!become_owner(a->data)) {
        fputs("kith: the owner of the directory is somebody else, and root may not act for him\n",
              stderr);
        a->status = 1;
        return;
    }
    enum err e = store_open(&a->cx, &so, &s);
    if (e == OK)
        e = store_reader(s, &a->cx, &a->cx.db);
    r.store = s;
    if (e == OK) {
        carry_out(&r, wish);
    } else {
        str why = a->cx.why.msg ? fault_text(a->arena, LANG_EN, &a->cx.why) : str_of(err_code(e));
        fprintf(stderr, "kith: " SFMT "\n", SARG(why));
        a->status = 1;
    }
    reader_close(a->cx.db);
    store_close(s);
}

static int look(struct asked *a, const struct look_wish *wish)
{
    if (!by_server(a, wish))
        by_oneself(a, wish);
    return a->status;
}

enum { O_DATA, O_STORE, O_JSON, O_COMMON };

static bool common(struct asked *a, const struct option_row *rows, struct look_wish *wish, str *why)
{
    a->data = rows[O_DATA].value ? rows[O_DATA].value : getenv("KITH_DATA");
    a->url = rows[O_STORE].value;
    wish->json = rows[O_JSON].n > 0;
    *why = S("--data is missing");
    return a->data != NULL;
}

static struct asked *asked_open(void)
{
    struct arena *arena = arena_open(ARENA_BYTES);
    if (!arena)
        return NULL;
    struct asked *a = ARENA_NEW(arena, struct asked);
    *a = (struct asked){.arena = arena,
                        .cx = {.arena = arena,
                               .now_ms = clock_now_ms(),
                               .actor = {.kind = ACTOR_SYSTEM},
                               .if_match = -1,
                               .peer = S("")}};
    return a;
}

int doctor_command(int argc, char **argv)
{
    struct option_row rows[] = {
        {.name = "data"}, {.name = "store"}, {.name = "json", .kind = OPTION_FLAG}};
    struct look_wish wish = {.verb = LOOK_DOCTOR};
    bool wants_help = false;
    str why = {0};
    struct asked *a = asked_open();
    if (!a)
        return 1;
    int status;
    if (!options_read(rows, COUNT(rows), argc, argv, a->arena, &wants_help, &why))
        status = wrong(why);
    else if (wants_help || !common(a, rows, &wish, &why))
        status = wrong(wants_help ? S("see there") : why);
    else
        status = look(a, &wish);
    arena_close(a->arena);
    return status;
}

/* "2026-11-22" or a full time. */
static bool time_read(const char *text, when *out)
{
    char full[40];
    if (!text)
        return true;
    if (strlen(text) == 10) {
        snprintf(full, sizeof full, "%sT00:00:00Z", text);
        text = full;
    }
    return when_parse(str_of(text), out);
}

/* "12:64 hexadecimal digits", as the log tells it. */
static bool head_read(const char *text, struct look_wish *w)
{
    str rest = str_of(text), number = str_cut(&rest, ':');
    w->chain = rest;
    return str_to_int(number, &w->seal) && w->seal > 0 && rest.len == 64;
}

enum { O_CUSTOMER = O_COMMON, O_ACTOR, O_ACT, O_FROM, O_TO, O_VIP, O_HEAD, O_N };

static bool who_read(struct asked *a, const struct option_row *rows, struct look_wish *w, str *why)
{
    (void)a;
    w->who.actor = str_of(rows[O_ACTOR].value);
    w->who.act = str_of(rows[O_ACT].value);
    w->who.vip = rows[O_VIP].n > 0;
    *why = S("--customer is an id as cus_…");
    if (rows[O_CUSTOMER].value &&
        !id_parse(str_of(rows[O_CUSTOMER].value), "cus", &w->who.customer.v))
        return false;
    *why = S("--customer, --actor, --act or --vip says whose audit it is");
    if (!w->who.customer.v && !w->who.actor.len && !w->who.act.len && !w->who.vip)
        return false;
    *why = S("--from and --to are days as 2026-01-31, or times as 2026-01-31T09:00:00Z");
    return time_read(rows[O_FROM].value, &w->who.from) && time_read(rows[O_TO].value, &w->who.to);
}

int audit_command(int argc, char **argv)
{
    struct option_row rows[O_N] = {
        {.name = "data"},     {.name = "store"}, {.name = "json", .kind = OPTION_FLAG},
        {.name = "customer"}, {.name = "actor"}, {.name = "act"},
        {.name = "from"},     {.name = "to"},    {.name = "vip", .kind = OPTION_FLAG},
        {.name = "head"}};
    struct look_wish wish = {.verb =
                                 argc > 0 && strcmp(argv[0], "who") == 0 ? LOOK_WHO : LOOK_VERIFY};
    bool wants_help = false;
    str why = {0};
    if (argc < 1 || (strcmp(argv[0], "who") != 0 && strcmp(argv[0], "verify") != 0))
        return wrong(S("`kith audit who` or `kith audit verify`"));
    struct asked *a = asked_open();
    if (!a)
        return 1;
    int status;
    if (!options_read(rows, COUNT(rows), argc - 1, argv + 1, a->arena, &wants_help, &why))
        status = wrong(why);
    else if (wants_help || !common(a, rows, &wish, &why))
        status = wrong(wants_help ? S("see there") : why);
    else if (wish.verb == LOOK_WHO && !who_read(a, rows, &wish, &why))
        status = wrong(why);
    else if (rows[O_HEAD].value && !head_read(rows[O_HEAD].value, &wish))
        status = wrong(S("--head is a seal and its hash, as in 12:4f…"));
    else
        status = look(a, &wish);
    arena_close(a->arena);
    return status;
}
