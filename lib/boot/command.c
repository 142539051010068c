/* SPDX-License-Identifier: Apache-2.0 */
#include "boot/command.h"

#include "base/fs.h"
#include "base/log.h"
#include "base/starting.h"
#include "boot/watcher.h"
#include "config/environment.h"

#include <errno.h>

static const char supervisor_name[] = "localstack-supervisor";

int command_failed(const char *program, int sysno)
{
    struct arena a cleanup_arena = ARENA_INIT;
    const char *advice = starting_advice(&a, sysno, environ);
    bool there = strchr(program, '/') && access(program, F_OK) == 0;
    if (sysno == ENOENT && there)
        log_error("cannot run %s: the interpreter that its first line names is not there", program);
    else if (sysno == ENOENT || sysno == ENOTDIR)
        log_error("cannot run %s: there is no such program%s", program,
                  strchr(program, '/') ? "" : " on PATH");
    else
        log_error("cannot run %s: %s%s%s", program, strerror(sysno), advice ? "; " : "",
                  advice ? advice : "");
    return (sysno == ENOENT || sysno == ENOTDIR) ? 127 : 126;
}

char **command_localstack_env(const struct extensions_boot *b)
{
    char **env = environment_set(b->a, b->env, "EXTENSION_AUTO_INSTALL", NULL);
    return environment_set(b->a, env, "LOCALSTACK_EXTENSION_AUTO_INSTALL", NULL);
}

static char *supervisor_of(const struct extensions_boot *b)
{
    return arena_printf(b->a, "%s/bin/%s", b->paths->base, supervisor_name);
}

bool command_is_localstack(const struct extensions_boot *b, char *const *argv)
{
    return !argv || !*argv || strcmp(*argv, supervisor_name) == 0 || strcmp(*argv, supervisor_of(b)) == 0;
}

int command_exec(const struct extensions_boot *b, bool watch, char **argv)
{
    bool is_localstack = command_is_localstack(b, argv);
    char *standard[] = {supervisor_of(b), NULL}, **env = b->env;
    if (!argv || !*argv)
        argv = standard;
    int ended = signals_hand_over(b->signals);
    if (ended)
        return 128 + ended;
    if (is_localstack && watch)
        watcher_start(b);
    if (is_localstack)
        env = command_localstack_env(b);
    environ = env; /* its PATH is the one that counts */
    execvp(argv[0], argv);
    return command_failed(argv[0], errno);
}
