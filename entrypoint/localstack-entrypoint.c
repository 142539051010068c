/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PID 1 until it becomes LocalStack: sets the environment, sees to the extensions, runs the BOOT hooks,
 * execs.
 */
#include "base/fs.h"
#include "base/log.h"
#include "boot/activate.h"
#include "boot/command.h"
#include "boot/extensions.h"
#include "boot/home.h"
#include "boot/hooks.h"
#include "boot/init.h"
#include "boot/supervise.h"
#include "config/environment.h"
#include "config/settings.h"

#include <errno.h>
#include <stdio.h>

static const char usage[] =
    "Usage: localstack-entrypoint [--root DIR] [--init | --supervise] [--] [COMMAND [ARG...]]\n"
    "\n"
    "Puts LocalStack's extensions in place when anything about them changed, runs the\n"
    "BOOT hooks, and becomes COMMAND (default: LocalStack's supervisor).\n"
    "\n"
    "  --init       do not become COMMAND: run it as a child, hand every signal on to it,\n"
    "               reap orphans, end as it ends (also: ENTRYPOINT_MODE=init)\n"
    "  --supervise  run LocalStack, or COMMAND, as its supervisor does: restart it at SIGUSR1\n"
    "               (also: ENTRYPOINT_MODE=supervise)\n"
    "  --root DIR   use DIR before each of LocalStack's paths\n"
    "  --help       show this text\n"
    "  --version    show the version\n";

struct options {
    const char *root;
    enum boot_mode mode;
    char **command;
};

static int refuse(const char *what, const char *option)
{
    log_error("%s%s", what, option);
    if (!log_is_json())
        log_plain(usage);
    return 2;
}

static enum boot_mode mode_of_option(const char *option)
{
    return strcmp(option, "--init") == 0        ? MODE_INIT
           : strcmp(option, "--supervise") == 0 ? MODE_SUPERVISE
                                                : MODE_UNSET;
}

/* -1 to go on, else the exit status. */
static int parse_options(char **argv, struct options *o)
{
    for (argv++; *argv && **argv == '-'; argv++) {
        const char *option = *argv;
        if (strcmp(option, "--") == 0) {
            argv++;
            break;
        }
        if (strcmp(option, "--help") == 0 || strcmp(option, "--version") == 0) {
            fputs(option[2] == 'h' ? usage : "localstack-entrypoint " PROGRAM_VERSION "\n", stdout);
            return 0;
        }
        enum boot_mode mode = mode_of_option(option);
        if (mode != MODE_UNSET) {
            if (o->mode != MODE_UNSET && o->mode != mode)
                return refuse("--init and --supervise do not go together", "");
            o->mode = mode;
            continue;
        }
        bool is_root = strcmp(option, "--root") == 0;
        if (is_root && argv[1])
            o->root = *++argv;
        else if (strncmp(option, "--root=", 7) == 0)
            o->root = option + 7;
        else if (!is_root)
            return refuse("there is no option ", option);
        if (!o->root || !*o->root)
            return refuse("a folder has to follow ", "--root");
    }
    o->command = argv;
    return -1;
}

static char **prepare_environment(struct arena *a, const struct boot_paths *paths)
{
    char **env = environment_strip_prefix(a, environ);
    struct strings warnings cleanup_strings = {0};
    environment_misspelt(a, env, &warnings);
    array_each (&warnings, warning)
        log_warning("%s", *warning);
    env = activate(a, paths, env);
    home_make_logs(paths);
    return home_choose(a, paths, env);
}

static int boot(struct arena *a, const struct signals *signals, const struct options *o, const char *program)
{
    struct boot_paths paths;
    boot_paths_make(a, o->root, &paths);
    log_hold(); /* extensions_ready reads how it is to be said */
    char **env = prepare_environment(a, &paths);
    if (strchr(program, '/') && *program != '/')
        program = path_absolute(a, program);
    /* From here on relative paths in settings mean the same to us and to what we run. */
    if (chdir(paths.localstack) < 0)
        log_warning("cannot go to LocalStack's folder %s: %s", paths.localstack, strerror(errno));
    const struct extensions_boot extensions = {a, signals, &paths, env, program};
    int status = signals_pending();
    if (status) {
        log_release();
        return 128 + status;
    }
    struct extensions_outcome outcome = {.mode = o->mode};
    status = extensions_ready(&extensions, &outcome);
    if (status == 0)
        status = hooks_run(signals, &paths, env);
    if (status)
        return status;
    switch (outcome.mode) {
    case MODE_INIT:
        return init_run(&extensions, outcome.watch, o->command);
    case MODE_SUPERVISE:
        return supervise_run(&extensions, outcome.watch, o->command);
    default:
        return command_exec(&extensions, outcome.watch, o->command);
    }
}

int main(int argc, char **argv)
{
    (void)argc;
    struct signals signals;
    signals_block(&signals);
    fs_fill_standard(O_CLOEXEC);
    log_open("localstack-entrypoint");
    log_end_by_signals();
    settings_log_early(environ);
    struct options options = {0};
    int status = argv[0] ? parse_options(argv, &options) : 2;
    if (status >= 0)
        return status;
    struct arena a cleanup_arena = ARENA_INIT;
    return boot(&a, &signals, &options, argv[0]);
}
