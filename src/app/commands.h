/* app/commands.h - the subcommands of `kith`; argv begins behind the command's own word. Each returns the exit status:
 * 0 done, 1 something was refused or failed (said on stderr in one sentence), 2 wrong usage.
 */
#pragma once

int serve_command(int argc, char **argv);
int demo_command(int argc, char **argv);
int user_command(int argc, char **argv);
int token_command(int argc, char **argv);
int import_command(int argc, char **argv);
int export_command(int argc, char **argv);
int audit_command(int argc, char **argv);
int data_command(int argc, char **argv);
int doctor_command(int argc, char **argv);
int check_command(int argc, char **argv);
int classify_command(int argc, char **argv);
int backup_command(int argc, char **argv);
int restore_command(int argc, char **argv);
int export_all_command(int argc, char **argv);
int import_all_command(int argc, char **argv);
int release_command(int argc, char **argv);
int key_command(int argc, char **argv);
int openapi_command(int argc, char **argv);
