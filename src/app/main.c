/* app/main.c - `kith`: which command. */
#include "app/commands.h"
#include "base/base.h"

static const char usage[] =
    "usage: kith serve --data DIR [--listen 127.0.0.1:8080] [--store sqlite|postgresql://…]\n"
    "                  [--tls-cert FILE --tls-key FILE] [--proxy ADDRESS]… [--config FILE]\n"
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
    "       kith backup --data DIR --to FILE [--json]\n"
    "       kith restore --from FILE --data DIR [--at TIME] [--key-file FILE] [--recovery-key-stdin]\n"
    "       kith release --data DIR\n"
    "       kith audit who --data DIR [--customer ID] [--actor ID] [--act CODE] [--vip] [--from T] [--to T] [--json]\n"
    "       kith audit verify --data DIR [--head SEAL:HASH] [--json]\n"
    "       kith doctor --data DIR [--json]\n"
    "       kith export all [FILE|-] --data DIR   kith import all [FILE|-] --data DIR [--key-file FILE]\n"
    "       kith demo --data DIR [--customers N] [--seed S]\n"
    "       kith openapi | version | help\n"
    "--store goes with every command that takes --data; KITH_DATA may stand for --data.\n";

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
} commands[] = {
    {"serve", serve_command},
    {"user", user_command},
    {"token", token_command},
    {"import", import_command},
    {"export", export_command},
    {"check", check_command},
    {"backup", backup_command},
    {"restore", restore_command},
    {"release", release_command},
    {"demo", demo_command},
    {"audit", audit_command},
    {"doctor", doctor_command},
    {"openapi", openapi_command},
    {"version", version},
    {"--version", version},
    {"help", help},
    {"--help", help},
    {"-h", help},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < COUNT(commands); i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 2, argv + 2);
    fputs(usage, stderr);
    return 2;
}
