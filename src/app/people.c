/* app/people.c - `kith user` and `kith token`, by oneself or by the server that holds the
 * directory. */
#include "app/people.h"
#include "app/commands.h"
#include "app/imports.h"
#include "app/look/look.h"
#include "app/keys.h"
#include "app/keep/desk.h"
#include "app/options.h"
#include "base/password.h"
#include "messages.h"
#include "rooms/settings/settings.h"
#include "rooms/source/source.h"
#include "rooms/staff/staff.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = DESK_LINE_MAX, LIST_MAX = 10000 };
static const size_t ARENA_BYTES = (size_t)16 << 20;

/* ---- what is asked ----------------------------------------------------------------------- */

enum wish {
    USER_ADD,
    USER_LIST,
    USER_DISABLE,
    USER_RESET,
    TOKEN_ADD,
    KEY_ROTATE,
    KEY_STATE,
    SOURCES_RELOAD,
    WISH_N
};
static const char *const wish_codes[WISH_N] = {"user_add",   "user_list",     "user_disable",
                                               "user_reset", "token_add",     "key_rotate",
                                               "key_state",  "sources_reload"};

struct order {
    int wish;
    str email, name;
    int role, lang;
    str password;
    struct str_list extensions, queues, scopes;
    int64_t days;
    /* made on the way */
    struct staff_new person;
    struct staff found;
    str encoded, secret;
    uint32_t scope_bits;
};
static const struct field order_fields[] = {
    FIELD_ENUM(struct order, wish, wish_codes, .required = true),
    FIELD(struct order, email, .max_len = 254),
    FIELD(struct order, name),
    FIELD_ENUM(struct order, role, role_codes),
    FIELD_ENUM(struct order, lang, lang_codes),
    FIELD(struct order, password, .max_len = PASSWORD_MAX),
    FIELD(struct order, extensions),
    FIELD(struct order, queues),
    FIELD(struct order, scopes),
    FIELD(struct order, days, .min = 0, .max = 36500),
};
static const struct shape order_shape = SHAPE("order", struct order, order_fields);

struct said {
    bool is_done;
    str text;
};
static const struct field said_fields[] = {
    FIELD(struct said, is_done),
    FIELD(struct said, text, .max_len = 60000, .multiline = true),
};
static const struct shape said_shape = SHAPE("said", struct said, said_fields);

/* ---- doing it ---------------------------------------------------------------------------- */

static enum err user_add_apply(struct cx *cx, void *o)
{
    return staff_add(cx, &((struct order *)o)->person);
}

static enum err user_disable_apply(struct cx *cx, void *o)
{
    return staff_disable(cx, ((struct order *)o)->found.id);
}

static enum err user_reset_apply(struct cx *cx, void *o)
{
    const struct order *r = o;
    return staff_reset(cx, r->found.id, r->encoded);
}

static enum err token_add_apply(struct cx *cx, void *o)
{
    struct order *r = o;
    token_id id = {0};
    when end = {r->days ? cx->now_ms + r->days * 86400000 : 0};
    return token_add(cx, r->name, (enum role)r->role, r->scope_bits, end, &id, &r->secret);
}

static enum err find_person(struct cx *cx, struct order *o)
{
    enum err e = staff_by_email(cx, o->email, &o->found);
    return e == ERR_NOT_FOUND ? fault(cx, e, M_PEOPLE_UNKNOWN, MARG("email", o->email)) : e;
}

static enum err plan(struct cx *cx, struct order *o)
{
    switch (o->wish) {
    case USER_ADD:
        o->person = (struct staff_new){.email = o->email,
                                       .name = o->name,
                                       .role = o->role,
                                       .lang = o->lang,
                                       .password = o->password,
                                       .extensions = o->extensions,
                                       .queues = o->queues};
        return staff_plan(cx, &o->person);
    case USER_RESET:
        TRY(find_person(cx, o));
        TRY(staff_password_check(cx, o->password, o->found.name, o->found.email));
        return password_hash(cx, o->password, &o->encoded);
    case USER_DISABLE:
        return find_person(cx, o);
    case TOKEN_ADD:
        o->scope_bits = o->scopes.n ? 0 : token_scopes_of((enum role)o->role);
        for (size_t i = 0; i < o->scopes.n; i++) {
            uint32_t bit = 0;
            for (int s = 0; s < SCOPE_N; s++)
                if (str_eq(o->scopes.items[i], str_of(scope_codes[s])))
                    bit = 1u << s;
            if (!bit)
                return fault(cx, ERR_INVALID, M_TOKEN_SCOPE, MARG("scope", o->scopes.items[i]));
            o->scope_bits |= bit;
        }
        return OK;
    default:
        return OK;
    }
}

static enum err list(struct cx *cx, str *out)
{
    struct list people = {0};
    TRY(staff_everybody(cx, LIST_MAX, &people));
    struct text t = text_in(cx->arena, LINE_MAX_BYTES - 1024);
    const struct staff *p = people.items;
    for (size_t i = 0; i < people.n; i++)
        text_printf(&t, SFMT "\t" SFMT "\t%s\t%s\n", SARG(p[i].email), SARG(p[i].name),
                    role_codes[p[i].role], p[i].is_active ? "active" : "disabled");
    *out = text_str(&t);
    return t.is_over ? fault(cx, ERR_TOO_BIG, M_PEOPLE_MANY) : OK;
}

/* cx->db is a reader. */
static enum err carry_out(struct store *s, struct cx *cx, struct order *o, str *out)
{
    if (o->wish == KEY_ROTATE)
        TRY(store_rotate(s, cx, keys_parts, keys_parts_n, true));
    if (o->wish == KEY_ROTATE || o->wish == KEY_STATE) {
        *out = keys_rotation_text(s, cx->arena);
        return OK;
    }
    static enum err (*const applies[WISH_N])(struct cx *,
                                             void *) = {[USER_ADD] = user_add_apply,
                                                        [USER_DISABLE] = user_disable_apply,
                                                        [USER_RESET] = user_reset_apply,
                                                        [TOKEN_ADD] = token_add_apply};
    if (o->wish == SOURCES_RELOAD) {
        *out = arena_printf(cx->arena, "%zu", source_reload(source_of(cx)));
        return OK;
    }
    for (int tries = 0;; tries++) {
        TRY(read_begin(cx));
        enum err e = o->wish == USER_LIST ? list(cx, out) : plan(cx, o);
        read_end(cx);
        TRY(e);
        if (!applies[o->wish])
            return OK;
        e = db_change(s, cx, LANE_INTERACTIVE, applies[o->wish], o);
        if (e == ERR_STALE && tries < 5)
            continue;
        TRY(e);
        break;
    }
    if (o->wish == TOKEN_ADD)
        *out = arena_printf(cx->arena, SFMT "\n", SARG(o->secret));
    return OK;
}

/* ---- at the server ----------------------------------------------------------------------- */

struct people_desk {
    struct house *house;
    pthread_t thread;
    struct talks *imports, *keep, *looks;
    int listener, stop;
    int dir; /* the socket's path may be longer than an address holds */
};

/* The socket in a directory that is open; its path may be longer than an address holds. */
static void desk_address(int dir, struct sockaddr_un *to)
{
    *to = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(to->sun_path, sizeof to->sun_path, "/proc/self/fd/%d/kith.sock", dir);
}

static bool is_one_of_us(int fd)
{
    struct ucred who;
    socklen_t n = sizeof who;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0 &&
           (who.uid == geteuid() || who.uid == 0);
}

bool desk_line_read(int fd, struct arena *a, str *line)
{
    char *bytes = arena_alloc(a, LINE_MAX_BYTES, 1);
    size_t n = 0;
    while (n < LINE_MAX_BYTES) {
        ssize_t got = recv(fd, bytes + n, LINE_MAX_BYTES - n, 0);
        if (got <= 0)
            return false;
        n += (size_t)got;
        if (bytes[n - 1] == '\n') {
            *line = (str){bytes, n - 1};
            return true;
        }
    }
    return false;
}

bool desk_send(int fd, str s)
{
    while (s.len) {
        ssize_t n = send(fd, s.ptr, s.len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        s = (str){s.ptr + n, s.len - (size_t)n};
    }
    return true;
}

bool desk_line_send(int fd, struct arena *a, const struct shape *shape, const void *p)
{
    struct text t = text_in(a, LINE_MAX_BYTES * 2);
    struct json_out j = {.to = &t};
    json_write(&j, shape, p);
    text_add_char(&t, '\n');
    return desk_send(fd, text_str(&t));
}

static void serve_one(struct people_desk *d, int fd, struct db *db)
{
    struct arena *a = arena_open(ARENA_BYTES);
    if (!a)
        return;
    struct cx cx = {.arena = a,
                    .db = db,
                    .house = d->house,
                    .now_ms = clock_now_ms(),
                    .actor = {.kind = ACTOR_SYSTEM},
                    .if_match = -1,
                    .peer = S("")};
    struct timeval patience = {.tv_sec = 5};
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    str line = {0}, out = {0};
    struct order o = {0};
    bool is_here = is_one_of_us(fd) && desk_line_read(fd, a, &line);
    if (is_here && (str_starts(line, S("{\"import\":")) || str_starts(line, S("{\"export\":")))) {
        talks_take_over(d->imports, fd, line);
        arena_close(a);
        return;
    }
    if (is_here && str_starts(line, S("{\"look\":"))) {
        talks_take_over(d->looks, fd, line);
        arena_close(a);
        return;
    }
    if (is_here && str_starts(line, S("{\"keep\":"))) {
        talks_take_over(d->keep, fd, line);
        arena_close(a);
        return;
    }
    if (is_here) {
        enum err e = json_read(&cx, &order_shape, line, &o, NULL);
        if (e == OK)
            e = carry_out(d->house->store, &cx, &o, &out);
        struct said said = {e == OK, e == OK ? out : fault_text(a, LANG_EN, &cx.why)};
        (void)desk_line_send(fd, a, &said_shape, &said);
    }
    arena_close(a);
}

static void *desk_main(void *arg)
{
    struct people_desk *d = arg;
    struct db *db = NULL;
    for (;;) {
        struct pollfd p[] = {{.fd = d->listener, .events = POLLIN},
                             {.fd = d->stop, .events = POLLIN}};
        if (poll(p, 2, -1) < 0 && errno != EINTR)
            break;
        if (p[1].revents)
            break;
        int fd = p[0].revents ? accept4(d->listener, NULL, NULL, SOCK_CLOEXEC) : -1;
        if (fd < 0)
            continue;
        struct cx cx = {.arena = arena_open(1 << 16)};
        if (db || (cx.arena && store_reader(d->house->store, &cx, &db) == OK))
            serve_one(d, fd, db);
        arena_close(cx.arena);
        close(fd); /* an import keeps a copy of its own */
    }
    reader_close(db);
    return NULL;
}

static bool is_somebody_there(const struct sockaddr_un *at)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_there = fd >= 0 && connect(fd, (const struct sockaddr *)at, sizeof *at) == 0;
    if (fd >= 0)
        close(fd);
    return is_there;
}

struct people_desk *people_desk_open(struct house *h, struct arena *a, str *why)
{
    struct people_desk *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->house = h;
    d->imports = talks_open(h, &import_talk);
    d->keep = talks_open(h, &keep_talk);
    d->looks = talks_open(h, &look_talk);
    d->dir = open(arena_cstr(a, h->data_dir), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    d->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    d->stop = eventfd(0, EFD_CLOEXEC);
    struct sockaddr_un at;
    desk_address(d->dir, &at);
    errno = EADDRINUSE;
    bool is_taken =
        is_somebody_there(&at); /* PostgreSQL: a second server with the same directory */
    if (!is_taken)
        (void)unlinkat(d->dir, "kith.sock", 0); /* left by one that was killed */
    mode_t before = umask(0177);
    bool is_open = !is_taken && d->dir >= 0 && d->listener >= 0 && d->stop >= 0 &&
                   bind(d->listener, (const struct sockaddr *)&at, sizeof at) == 0 &&
                   listen(d->listener, 16) == 0;
    umask(before);
    if (!is_open || pthread_create(&d->thread, NULL, desk_main, d) != 0) {
        *why = arena_printf(a, "kith.sock cannot be made in " SFMT ": %s", SARG(h->data_dir),
                            strerror(errno));
        if (d->dir >= 0)
            close(d->dir);
        if (d->listener >= 0)
            close(d->listener);
        if (d->stop >= 0)
            close(d->stop);
        talks_close(d->imports);
        talks_close(d->keep);
        talks_close(d->looks);
        free(d);
        return NULL;
    }
    return d;
}

void people_desk_close(struct people_desk *d)
{
    if (!d)
        return;
    uint64_t one = 1;
    (void)!write(d->stop, &one, sizeof one);
    pthread_join(d->thread, NULL);
    talks_close(d->imports);
    talks_close(d->keep);
    talks_close(d->looks);
    (void)unlinkat(d->dir, "kith.sock", 0);
    close(d->listener);
    close(d->stop);
    close(d->dir);
    free(d);
}

/* ---- at the command ---------------------------------------------------------------------- */

int desk_connect(const char *data)
{
    struct sockaddr_un at;
    int dir = data ? open(data, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    int fd = dir < 0 ? -1 : socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    desk_address(dir, &at);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&at, sizeof at) != 0) {
        close(fd);
        fd = -1;
    }
    if (dir >= 0)
        close(dir);
    return fd;
}

/* True when a server took it; *said is its answer. */
static bool hand_over(struct cx *cx, const char *data, const struct order *o, struct said *said)
{
    int fd = desk_connect(data);
    if (fd < 0)
        return false;
    str line = {0};
    bool is_answered = desk_line_send(fd, cx->arena, &order_shape, o) &&
                       desk_line_read(fd, cx->arena, &line) &&
                       json_read(cx, &said_shape, line, said, NULL) == OK;
    if (!is_answered)
        *said = (struct said){false, S("the server that holds the directory did not answer")};
    close(fd);
    return true;
}

bool become_owner(const char *data)
{
    struct stat st;
    if (geteuid() != 0 || stat(data, &st) != 0 || st.st_uid == 0)
        return true;
    return setgroups(0, NULL) == 0 && setgid(st.st_gid) == 0 && setuid(st.st_uid) == 0;
}

bool people_ask(struct cx *cx, const char *data, const char *wish, bool *is_done, str *said)
{
    struct order o = {.wish = -1};
    struct said answer = {0};
    for (int i = 0; i < WISH_N; i++)
        if (strcmp(wish_codes[i], wish) == 0)
            o.wish = i;
    if (!hand_over(cx, data, &o, &answer))
        return false;
    *is_done = answer.is_done;
    *said = answer.text;
    return true;
}

static void by_oneself(struct cx *cx, const char *data, const char *url, struct order *o,
                       struct said *said)
{
    struct store_options so = {.data_dir = str_of(data), .url = str_of(url ? url : "")};
    struct store *s = NULL;
    if (!become_owner(data)) {
        *said = (struct said){
            false, S("the owner of the directory is somebody else, and root may not act for him")};
        return;
    }
    enum err e = store_open(cx, &so, &s);
    if (e == OK)
        e = store_reader(s, cx, &cx->db);
    if (e == OK) {
        e = carry_out(s, cx, o, &said->text);
        reader_close(cx->db);
    }
    store_close(s);
    said->is_done = e == OK;
    if (e != OK)
        said->text = cx->why.msg ? fault_text(cx->arena, LANG_EN, &cx->why) : str_of(err_code(e));
}

static bool password_stdin(struct arena *a, str *out)
{
    char *bytes = arena_alloc(a, PASSWORD_MAX + 2, 1);
    size_t n = fread(bytes, 1, PASSWORD_MAX + 2, stdin);
    while (n && (bytes[n - 1] == '\n' || bytes[n - 1] == '\r'))
        n--;
    *out = (str){bytes, n};
    return n > 0 && n <= PASSWORD_MAX;
}

static int code_of(const char *const *codes, int n, const char *text)
{
    for (int i = 0; text && i < n; i++)
        if (strcmp(codes[i], text) == 0)
            return i;
    return -1;
}

static struct str_list texts_of(struct arena *a, const struct option_row *r)
{
    struct str_list l = {ARENA_ARRAY(a, r->n + 1, str), r->n};
    for (size_t i = 0; i < r->n; i++)
        l.items[i] = str_of(r->values[i]);
    return l;
}

enum {
    O_DATA,
    O_STORE,
    O_EMAIL,
    O_NAME,
    O_ROLE,
    O_LANG,
    O_EXTENSION,
    O_QUEUE,
    O_SCOPE,
    O_DAYS,
    O_PASSWORD,
    O_N
};

static int wrong(str why)
{
    fprintf(stderr, "kith: " SFMT "; `kith help` shows how it is written\n", SARG(why));
    return 2;
}

static int run(struct arena *a, enum wish wish, int argc, char **argv)
{
    struct option_row rows[O_N] = {{.name = "data"},
                                   {.name = "store"},
                                   {.name = "email"},
                                   {.name = "name"},
                                   {.name = "role"},
                                   {.name = "lang"},
                                   {.name = "extension", .kind = OPTION_MANY},
                                   {.name = "queue", .kind = OPTION_MANY},
                                   {.name = "scope", .kind = OPTION_MANY},
                                   {.name = "days"},
                                   {.name = "password-stdin", .kind = OPTION_FLAG}};
    bool wants_help = false;
    str why = {0};
    if (!options_read(rows, O_N, argc, argv, a, &wants_help, &why))
        return wrong(why);
    if (wants_help)
        return wrong(S("see there"));
    const char *data = rows[O_DATA].value ? rows[O_DATA].value : getenv("KITH_DATA");
    const char *url = rows[O_STORE].value;
    if (!data && !url)
        return wrong(S("--data is missing"));
    struct order o = {.wish = (int)wish,
                      .email = str_of(rows[O_EMAIL].value),
                      .name = str_of(rows[O_NAME].value)};
    bool wants_role = wish == USER_ADD || wish == TOKEN_ADD;
    o.role = wants_role ? code_of(role_codes, ROLE_N, rows[O_ROLE].value) : 0;
    o.lang = rows[O_LANG].value ? code_of(lang_codes, LANG_N, rows[O_LANG].value) : LANG_EN;
    o.extensions = texts_of(a, &rows[O_EXTENSION]);
    o.queues = texts_of(a, &rows[O_QUEUE]);
    o.scopes = texts_of(a, &rows[O_SCOPE]);
    if (wish != USER_LIST && wish != TOKEN_ADD && o.email.len == 0)
        return wrong(S("--email is missing"));
    if (wants_role && o.name.len == 0)
        return wrong(S("--name is missing"));
    if (o.role < 0)
        return wrong(S("--role is owner, administrator, manager, agent, operator, marketer, risk, "
                       "privacy or branch"));
    if (o.lang < 0)
        return wrong(S("--lang is en, ja, zh, kk or ru"));
    if (rows[O_DAYS].value &&
        (!str_to_int(str_of(rows[O_DAYS].value), &o.days) || o.days < 1 || o.days > 36500))
        return wrong(S("--days is a number from 1 to 36500"));
    if (wish == USER_RESET && !rows[O_PASSWORD].n)
        return wrong(S("--password-stdin is missing"));
    if (rows[O_PASSWORD].n && !password_stdin(a, &o.password))
        return wrong(S("the password on standard input is empty or longer than 1,024 bytes"));

    struct cx cx = {.arena = a,
                    .now_ms = clock_now_ms(),
                    .actor = {.kind = ACTOR_SYSTEM},
                    .if_match = -1,
                    .peer = S("")};
    struct said said = {0};
    bool is_adding = wish == USER_ADD || wish == TOKEN_ADD;
    bool is_handed = data && hand_over(&cx, data, &o, &said);
    if (!is_handed && !is_adding && !url && is_no_store(data))
        said.text = arena_printf(a, "there is no store in %s", data);
    else if (!is_handed)
        by_oneself(&cx, data ? data : "", url, &o, &said);
    if (!said.is_done) {
        fprintf(stderr, "kith: " SFMT "\n", SARG(said.text));
        return 1;
    }
    if (said.text.len)
        fwrite(said.text.ptr, 1, said.text.len, stdout);
    return fflush(stdout) == 0 ? 0 : 1;
}

static int run_wish(int wish, int argc, char **argv)
{
    struct arena *a = arena_open(ARENA_BYTES);
    int status = a ? run(a, (enum wish)wish, argc, argv) : 1;
    arena_close(a);
    return status;
}

int user_command(int argc, char **argv)
{
    static const char *const verbs[] = {"add", "list", "disable", "reset"};
    int wish = argc > 0 ? code_of(verbs, COUNT(verbs), argv[0]) : -1;
    return wish < 0 ? wrong(S("`kith user` is followed by add, list, disable or reset"))
                    : run_wish(wish, argc - 1, argv + 1);
}

int token_command(int argc, char **argv)
{
    bool is_add = argc > 0 && strcmp(argv[0], "add") == 0;
    return is_add ? run_wish(TOKEN_ADD, argc - 1, argv + 1)
                  : wrong(S("`kith token` is followed by add"));
}
