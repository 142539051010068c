/* SPDX-License-Identifier: Apache-2.0 */
/* The controlling terminal, handed to and fro between our process group and the command's. */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

struct terminal {
    int fd;    /* -1: we have none */
    pid_t own; /* our process group, also in a child that has one of its own */
};

/* Looks for it; kept open until this process ends, and closed by exec. */
void terminal_open(struct terminal *t);
/* Puts a group into the foreground, where ours is there, or one that has no process any more. Another's is
 * left there. True: it is in the foreground now, and was not before. SIGTTOU has to be blocked. */
bool terminal_give(const struct terminal *t, pid_t group);
/* Puts our group into the foreground where that group is. */
void terminal_take_back(const struct terminal *t, pid_t group);
