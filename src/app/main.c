/* app/main.c - `kith`: which command. */
#include "app/commands.h"
#include "base/base.h"
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

static const char usage[] =
    "usage: kith serve --data DIR [--listen 127.0.0.1:8080] [--store sqlite|postgresql://…]\n"
    "                  [--tls-cert FILE --tls-key FILE] [--proxy ADDRESS]… [--config FILE]\n"
    "                  [--backup-to DIR [--backup-days 7]]\n"
    "       kith user add --data DIR --email E --name N --role ROLE [--extension E]… [--queue Q]… "
    "[--lang L]\n"
    "                     [--password-stdin]\n"
    "       kith user list | disable --email E | reset --email E --password-stdin   (each with "
    "--data DIR)\n"
    "       kith token add --data DIR --name N --role ROLE [--scope S]… [--days N]\n"
    "       kith import customers|orders|interactions FILE --data DIR [--map FILE] [--dry-run]\n"
    "                  [--rejected FILE] [--json]\n"
    "       kith export customers|orders --data DIR [--format csv|ndjson] [--where CONDITION] [--out FILE]\n"
    "       kith check --data DIR [--repair] [--json]\n"
    "       kith classify --data DIR [--json]\n"
    "       kith backup --data DIR --to FILE [--json]\n"
    "       kith restore --from FILE --data DIR [--at TIME] [--replace] [--key-file FILE] [--recovery-key-stdin]\n"
    "       kith release --data DIR\n"
    "       kith audit who --data DIR [--customer ID] [--actor ID] [--act CODE] [--vip] [--from T] [--to T] [--json]\n"
    "       kith audit verify --data DIR [--head SEAL:HASH] [--json]\n"
    "       kith doctor --data DIR [--json]\n"
    "       kith data update --data DIR [--from FILE|DIR]… [--kind K] [--licence L] [--attribution A] [--json]\n"
    "       kith data list --data DIR [--json]\n"
    "       kith export all [FILE|-] --data DIR   kith import all [FILE|-] --data DIR [--key-file FILE]\n"
    "       kith demo --data DIR [--customers N] [--seed S]\n"
    "       kith key rotate | recover | recovery --data DIR\n"
    "       kith key change --data DIR --new-key-file FILE | --new-pass-phrase-file FILE\n"
    "       kith key new FILE\n"
    "       kith openapi | version | help\n"
    "--store goes with every command that takes --data; KITH_DATA may stand for --data.\n"
    "The data is sealed. Its key: --key-file FILE with every command, or KITH_KEY_FILE, a systemd credential kith.key,\n"
    "KITH_KEY, KITH_PASS_PHRASE_FILE; without any of them DIR.key beside the directory.\n";

/* Of the usage what is said of one command, and what goes with all; the whole when nothing is. */
static int help_of(const char *command)
{
    const char *tail = strstr(usage, "--store goes with");
    bool is_shown = false, is_any = false;
    size_t name = strlen(command);
    for (const char *line = usage, *next; line < tail; line = next) {
        const char *words = line + strlen("usage: kith ");
        next = strchr(line, '\n') + 1;
        if (strncmp(words - 5, "kith ", 5) == 0) {
            const char *again = strstr(words, "   kith ");
            is_shown = (strncmp(words, command, name) == 0 && words[name] == ' ') ||
                       (again && again < next && strncmp(again + 8, command, name) == 0);
        }
        if (!is_shown)
            continue;
        printf("%s%.*s", is_any ? "       " : "usage: ", (int)(next - line) - 7, line + 7);
        is_any = true;
    }
    fputs(is_any ? tail : usage, stdout);
    return 0;
}

static int help(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    fputs(usage, stdout);
    return 0;
}

static int version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    puts("kith " KITH_VERSION);
    return 0;
}

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    bool has_help; /* tells by itself how it is written */
} commands[] = {
    {"serve", serve_command},
    {"user", user_command},
    {"token", token_command},
    {"import", import_command},
    {"export", export_command},
    {"check", check_command},
    {"classify", classify_command},
    {"backup", backup_command},
    {"restore", restore_command},
    {"release", release_command},
    {"demo", demo_command, true},
    {"audit", audit_command},
    {"doctor", doctor_command},
    {"data", data_command},
    {"openapi", openapi_command},
    {"key", key_command},
    {"version", version},
    {"--version", version},
    {"help", help},
    {"--help", help},
    {"-h", help},
};

/* --key-file goes with every command, so that none can forget it. */
static bool key_file_take(int *argc, char **argv)
{
    static const char word[] = "--key-file";
    for (int i = 2; i < *argc; i++) {
        bool is_whole = strcmp(argv[i], word) == 0,
             is_joined = strncmp(argv[i], "--key-file=", sizeof word) == 0;
        if (!is_whole && !is_joined)
            continue;
        const char *value = is_joined ? argv[i] + sizeof word : i + 1 < *argc ? argv[i + 1] : "";
        int n = is_joined ? 1 : 2;
        if (!*value || setenv("KITH_KEY_FILE", value, 1) != 0)
            return false;
        memmove(argv + i, argv + i + n, (size_t)(*argc - i - n + 1) * sizeof *argv);
        *argc -= n;
        i--;
    }
    return true;
}

int main(int argc, char **argv)
{
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}); /* keys and records are in memory */
    signal(SIGXFSZ, SIG_IGN); /* a limit on the size of files is answered like a full disk */
    if (!key_file_take(&argc, argv)) {
        fputs("kith: --key-file needs a value; `kith help` shows how it is written\n", stderr);
        return 2;
    }
    if (argc < 2) {
        fputs(usage, stderr);
        return 2;
    }
    bool wants_help = false;
    for (int i = 2; i < argc; i++)
        wants_help |= strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0;
    for (size_t i = 0; i < COUNT(commands); i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return wants_help && !commands[i].has_help ? help_of(argv[1])
                                                       : commands[i].run(argc - 2, argv + 2);
    fprintf(stderr, "kith: there is no command '%.40s'; `kith help` shows what there is\n",
            argv[1]);
    return 2;
}
