/* SPDX-License-Identifier: Apache-2.0 */
#include "boot/command.h"

#include "base/fs.h"
#include "base/log.h"
#include "config/environment.h"

#include <errno.h>

static int report(const char *program, int sysno)
{
    bool there = strchr(program, '/') && access(program, F_OK) == 0;
    if (sysno == ENOENT && there)
        log_error("cannot run %s: the interpreter that its first line names is not there", program);
    else if (sysno == ENOENT || sysno == ENOTDIR)
        log_error("cannot run %s: there is no such program%s", program,
                  strchr(program, '/') ? "" : " on PATH");
    else
        log_error("cannot run %s: %s", program, strerror(sysno));
    return (sysno == ENOENT || sysno == ENOTDIR) ? 127 : 126;
}

int command_exec(struct arena *a, const struct signals *signals, const struct boot_paths *paths, char **env,
                 char **argv)
{
    static const char name[] = "localstack-supervisor";
    char *supervisor = arena_printf(a, "%s/bin/%s", paths->base, name);
    char *standard[] = {supervisor, NULL};
    if (!argv || !*argv)
        argv = standard;
    /* What was set aside here, nobody's pip shall force in. */
    if (strcmp(argv[0], supervisor) == 0 || strcmp(argv[0], name) == 0) {
        env = environment_set(a, env, "EXTENSION_AUTO_INSTALL", NULL);
        env = environment_set(a, env, "LOCALSTACK_EXTENSION_AUTO_INSTALL", NULL);
    }
    int ended = signals_hand_over(signals);
    if (ended)
        return 128 + ended;
    environ = env; /* its PATH is the one that counts */
    execvp(argv[0], argv);
    return report(argv[0], errno);
}
