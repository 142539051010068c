/* SPDX-License-Identifier: Apache-2.0 */
#include "boot/hooks.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "boot/child.h"

#include <errno.h>

static bool is_empty(const char *folder)
{
    cleanup_closedir DIR *dir = opendir(folder);
    struct dirent *entry;
    if (!dir) /* of one that cannot be read the runner says more */
        return errno == ENOENT || errno == ENOTDIR;
    while ((entry = readdir(dir)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            return false;
    return true;
}

int hooks_run(const struct signals *signals, const struct boot_paths *paths, char **env)
{
    struct err err cleanup_err = ERR_INIT;
    struct child_end end;
    if (is_empty(paths->boot_hooks))
        return 0;
    const char *const argv[] = {"python3", "-m", "localstack.runtime.init", "BOOT", NULL};
    const struct child child = {.argv = argv, .envp = env};
    if (child_run(signals, &child, &end, &err) < 0) {
        log_error("the hooks in %s cannot run: %s", paths->boot_hooks, err.text);
        return err.sysno == ENOENT ? 127 : 126;
    }
    if (end.interrupted)
        return 128 + end.interrupted;
    if (end.status)
        log_error("the runner of the hooks in %s failed with exit status %d; LocalStack is not started",
                  paths->boot_hooks, end.status);
    return end.status;
}
