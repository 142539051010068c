/* SPDX-License-Identifier: Apache-2.0 */
#include "boot/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

void terminal_open(struct terminal *t)
{
    /* Above 2, where the command's own go. */
    enum { FIRST_FD = 10 };
    *t = (struct terminal){.fd = -1, .own = getpgrp()};
    int opened = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    /* A container may have no such device, and a terminal on one of these all the same. */
    const int candidates[] = {opened, STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
    for (size_t i = 0; i < sizeof candidates / sizeof *candidates && t->fd < 0; i++)
        if (candidates[i] >= 0 && tcgetpgrp(candidates[i]) >= 0)
            t->fd = fcntl(candidates[i], F_DUPFD_CLOEXEC, FIRST_FD);
    if (opened >= 0)
        close(opened);
}

/* Groups of an outer PID namespace all have the number 0, so that there another's may be taken for ours. */
static bool is_free(const struct terminal *t, pid_t group)
{
    return group == t->own || (group > 1 && kill(-group, 0) < 0 && errno == ESRCH);
}

bool terminal_give(const struct terminal *t, pid_t group)
{
    if (t->fd < 0)
        return false;
    pid_t has = tcgetpgrp(t->fd);
    return has >= 0 && has != group && is_free(t, has) && tcsetpgrp(t->fd, group) == 0;
}

void terminal_take_back(const struct terminal *t, pid_t group)
{
    if (t->fd >= 0 && tcgetpgrp(t->fd) == group)
        tcsetpgrp(t->fd, t->own);
}
