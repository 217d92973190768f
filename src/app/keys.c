/* app/keys.c - `kith key`: the keys of a data directory.
 *
 * rotate    another data key, while a server runs or without one
 * change    another key file or pass phrase for the same data
 * recover   a new key file by the recovery key from paper
 * recovery  another recovery key; the one on paper ends
 * new       a key file, for nothing yet
 */
#include "app/keys.h"
#include "app/commands.h"
#include "app/options.h"
#include "app/people.h"
#include "db/blob.h"
#include "db/keyring.h"
#include "messages.h"
#include "rooms/automation/automation.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { RECOVERY_MAX = 256, POLL_MS = 200 };
static const size_t ARENA_BYTES = (size_t)16 << 20;

const struct key_part keys_parts[] = {{"audit", audit_rewrap_slice},
                                      {"blobs", blob_rewrap_slice},
                                      {"webhooks", automation_rekey_slice}};
const size_t keys_parts_n = COUNT(keys_parts);

static int refused(struct cx *cx, enum err e)
{
    str why = cx->why.msg ? fault_text(cx->arena, LANG_EN, &cx->why) : str_of(err_code(e));
    fprintf(stderr, "kith: " SFMT "\n", SARG(why));
    return 1;
}

static int wrong(const char *why)
{
    fprintf(stderr, "kith: %s; `kith help` shows how it is written\n", why);
    return 2;
}

/* ---- without a server: the directory's lock is held meanwhile ---------------------------------------- */

static void fd_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static enum err lock_take(struct cx *cx, const char *data, int *fd)
{
    *fd = open(arena_printf(cx->arena, "%s/lock", data).ptr, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*fd < 0)
        return fault(cx, ERR_INVALID, M_STORE_CANNOT_OPEN,
                     MARG("where", arena_str(cx->arena, str_of(data))),
                     MARG("reason", arena_str(cx->arena, str_of(strerror(errno)))));
    if (flock(*fd, LOCK_EX | LOCK_NB) == 0)
        return OK;
    char pid[24] = "";
    ssize_t n = pread(*fd, pid, sizeof pid - 1, 0);
    str who = str_trim((str){pid, n > 0 ? (size_t)n : 0});
    return fault(cx, ERR_CONFLICT, M_STORE_LOCKED, MARG("dir", arena_str(cx->arena, str_of(data))),
                 MARG("pid", arena_str(cx->arena, who.len ? who : S("?"))));
}

/* Where a new key goes: the file that is named, or beside the directory. */
static str place_of(struct cx *cx, const char *data, const char *named)
{
    if (named)
        return str_of(named);
    char *whole = realpath(data, NULL);
    str path = arena_printf(cx->arena, "%s.key", whole ? whole : data);
    free(whole);
    return path;
}

/* A new primary key: of a file that is there, one made now, or a pass phrase. Takes the place of the old file last of all. */
static enum err fresh_key(struct cx *cx, const char *path, struct key_source *k)
{
    *k = (struct key_source){.kind = KEY_BYTES, .place = str_of(path)};
    if (access(path, F_OK) != 0) {
        k->is_made = true;
        return key_file_make(cx, path, k->key);
    }
    return key_find(cx, S(""), k->place, KEY_BYTES, false, k);
}

/* The file that a lost key lay in is kept beside: it may be somebody's. */
static enum err put_aside(struct cx *cx, const char *path)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return OK;
    str old = arena_printf(cx->arena, "%s.old", path);
    return rename(path, old.ptr) == 0
               ? OK
               : fault(cx, ERR_INVALID, M_KEYS_UNREADABLE, MARG("key", str_of(path)),
                       MARG("reason", arena_str(cx->arena, str_of(strerror(errno)))));
}

static enum err phrase_new(struct cx *cx, const char *file, struct key_source *k)
{
    (void)setenv("KITH_PASS_PHRASE_FILE", file, 1);
    return key_find(cx, S(""), (str){0}, KEY_PHRASE, false, k);
}

struct asked {
    const char *data, *file, *phrase;
};

static void say_place(const struct key_source *k)
{
    printf("kith: the data now opens with %s " SFMT "%s\n",
           k->kind == KEY_PHRASE ? "the pass phrase of" : "the key in", SARG(k->place),
           k->is_made ? ", which was made just now: keep a copy in another place than the data"
                      : "");
}

static enum err change(struct cx *cx, const struct asked *a)
{
    CLEANUP(fd_end) int lock = -1;
    struct keyring *r = NULL;
    struct key_source k = {0};
    TRY(lock_take(cx, a->data, &lock));
    TRY(store_keys(cx, &(struct store_options){.data_dir = str_of(a->data)}, &r));
    enum err e = a->phrase ? phrase_new(cx, a->phrase, &k) : fresh_key(cx, a->file, &k);
    if (e == OK)
        e = keyring_change(cx, r, &k);
    if (e == OK)
        e = keyring_save(cx, r, a->data);
    if (e == OK)
        say_place(&k);
    keyring_close(r);
    key_source_forget(&k);
    return e;
}

static enum err recover(struct cx *cx, const struct asked *a)
{
    CLEANUP(fd_end) int lock = -1;
    char typed[RECOVERY_MAX];
    struct keyring *r = NULL;
    struct key_source k = {0};
    str bytes, path = place_of(cx, a->data, a->file),
               keys = arena_printf(cx->arena, "%s/kith.keys", a->data);
    TRY(lock_take(cx, a->data, &lock));
    TRY(keyring_file(cx, a->data, &bytes));
    if (!bytes.len)
        return fault(cx, ERR_INVALID, M_KEYS_MISSING, MARG("where", str_of(a->data)));
    if (isatty(STDIN_FILENO))
        fputs("kith: recovery key: ", stderr);
    if (!fgets(typed, sizeof typed, stdin))
        typed[0] = 0;
    enum err e = keyring_open_recovery(cx, bytes, keys, str_trim(str_of(typed)), &r);
    seal_forget(typed, sizeof typed);
    if (e == OK && !a->file)
        e = put_aside(cx, path.ptr);
    if (e == OK)
        e = fresh_key(cx, path.ptr, &k);
    if (e == OK)
        e = keyring_change(cx, r, &k);
    if (e == OK)
        e = keyring_save(cx, r, a->data);
    if (e == OK)
        say_place(&k);
    keyring_close(r);
    key_source_forget(&k);
    return e;
}

static enum err renew_recovery(struct cx *cx, const struct asked *a)
{
    CLEANUP(fd_end) int lock = -1;
    struct keyring *r = NULL;
    str recovery = {0};
    TRY(lock_take(cx, a->data, &lock));
    TRY(store_keys(cx, &(struct store_options){.data_dir = str_of(a->data)}, &r));
    enum err e = keyring_renew_recovery(cx, r, &recovery);
    if (e == OK)
        e = keyring_save(cx, r, a->data);
    if (e == OK)
        printf(
            "kith: the recovery key, shown this once; the one before opens no more (backups made before still open with it):\n"
            "kith:\nkith:     " SFMT "\nkith:\n",
            SARG(recovery));
    keyring_close(r);
    return e;
}

/* ---- rotation ------------------------------------------------------------------------------------------ */

str keys_rotation_text(struct store *s, struct arena *a)
{
    struct rotation now;
    store_rotation(s, &now);
    return arena_printf(a, "%s %lld %lld %u",
                        now.is_running   ? "running"
                        : now.has_failed ? "failed"
                                         : "done",
                        (long long)now.done, (long long)now.all, now.epoch);
}

/* False: it is over; *status says how. */
static bool rotation_goes_on(str text, int *status)
{
    bool is_tty = isatty(STDERR_FILENO);
    int64_t done = 0, all = 0;
    str state = str_cut(&text, ' ');
    bool is_read = str_to_int(str_cut(&text, ' '), &done) && str_to_int(str_cut(&text, ' '), &all);
    if (is_read && str_eq(state, S("running"))) {
        if (is_tty && all)
            fprintf(stderr, "\rkith: %lld %% of the pages are sealed anew",
                    (long long)(done * 100 / all));
        return true;
    }
    if (is_tty)
        fputc('\n', stderr);
    *status = is_read && str_eq(state, S("done")) ? 0 : 1;
    if (*status)
        fputs("kith: the rotation stopped, the log says why; it goes on at the next start\n",
              stderr);
    else
        printf("kith: the data is sealed under a new key, number " SFMT
               "; the old one is dropped\n",
               SARG(text));
    return false;
}

static void rest(void)
{
    nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000L}, NULL);
}

static int rotate_alone(struct cx *cx, const char *data, const char *url)
{
    struct store_options so = {.data_dir = str_of(data), .url = str_of(url ? url : "")};
    struct store *s = NULL;
    struct rotation now = {0};
    int status = 1;
    enum err e = store_open(cx, &so, &s);
    if (e == OK && (e = store_rotate(s, cx, keys_parts, keys_parts_n, false)) ==
                       OK) { /* one that was not ended is enough */
        store_rotation(s, &now);
        if (!now.is_running)
            e = store_rotate(s, cx, keys_parts, keys_parts_n, true);
    }
    if (e == OK)
        while (rotation_goes_on(keys_rotation_text(s, cx->arena), &status)) {
            arena_reset(cx->arena);
            rest();
        }
    else
        status = refused(cx, e);
    store_close(s);
    return status;
}

static int rotate(struct arena *arena, struct cx *cx, const char *data, const char *url)
{
    bool is_done = false;
    str said = {0};
    int status = 1;
    if (!people_ask(cx, data, "key_rotate", &is_done, &said)) {
        if (!become_owner(data))
            return wrong(
                "the owner of the directory is somebody else, and root may not act for him");
        return rotate_alone(cx, data, url);
    }
    if (!is_done) {
        fprintf(stderr, "kith: " SFMT "\n", SARG(said));
        return 1;
    }
    while (rotation_goes_on(said, &status)) {
        arena_reset(arena);
        rest();
        if (!people_ask(cx, data, "key_state", &is_done, &said) || !is_done) {
            fputs("kith: the server went away; the rotation goes on at its next start\n", stderr);
            return 1;
        }
    }
    return status;
}

/* ---- words ------------------------------------------------------------------------------------------------ */

static int run(struct arena *arena, int argc, char **argv)
{
    struct option_row rows[] = {{.name = "data"},
                                {.name = "store"},
                                {.name = "new-key-file"},
                                {.name = "new-pass-phrase-file"}};
    static const char words[] =
        "`kith key` is followed by rotate, change, recover, recovery or new FILE";
    struct cx cx = {.arena = arena,
                    .now_ms = clock_now_ms(),
                    .actor = {.kind = ACTOR_SYSTEM},
                    .if_match = -1,
                    .peer = S("")};
    bool wants_help = false;
    str why = {0}, verb = str_of(argc > 0 ? argv[0] : "");
    if (str_eq(verb, S("new"))) {
        uint8_t key[SEAL_KEY];
        enum err e = argc == 2 ? key_file_make(&cx, argv[1], key) : ERR_INVALID;
        seal_forget(key, sizeof key);
        return argc != 2 ? wrong(words) : e == OK ? 0 : refused(&cx, e);
    }
    if (argc < 1 || !options_read(rows, COUNT(rows), argc - 1, argv + 1, arena, &wants_help, &why))
        return wrong(argc < 1 ? words : why.ptr);
    struct asked a = {rows[0].value ? rows[0].value : getenv("KITH_DATA"), rows[2].value,
                      rows[3].value};
    if (wants_help || !a.data)
        return wrong(wants_help ? "see there" : "--data is missing");
    if (str_eq(verb, S("rotate")))
        return rotate(arena, &cx, a.data,
                      rows[1].value && strcmp(rows[1].value, "sqlite") != 0 ? rows[1].value : NULL);
    bool is_change = str_eq(verb, S("change")), is_recover = str_eq(verb, S("recover"));
    if (!is_change && !is_recover && !str_eq(verb, S("recovery")))
        return wrong(words);
    if (is_change && !a.file == !a.phrase)
        return wrong(
            "either --new-key-file or --new-pass-phrase-file says what the data should open with");
    if (!become_owner(a.data))
        return wrong("the owner of the directory is somebody else, and root may not act for him");
    enum err e = is_change    ? change(&cx, &a)
                 : is_recover ? recover(&cx, &a)
                              : renew_recovery(&cx, &a);
    return e == OK ? (fflush(stdout) == 0 ? 0 : 1) : refused(&cx, e);
}

int key_command(int argc, char **argv)
{
    struct arena *a = arena_open(ARENA_BYTES);
    log_level_set(LOG_WARN);
    int status = a ? run(a, argc, argv) : 1;
    arena_close(a);
    return status;
}
