/* SPDX-License-Identifier: Apache-2.0 */
/* A child of the boot: in a process group of its own, ended with it by TERM, INT or a deadline. */
#pragma once
#include "base/error.h"
#include "boot/signals.h"

#include <stdbool.h>

struct child {
    const char *const *argv; /* argv[0] is looked up on the PATH of envp when it has no slash */
    char **envp;
    bool stdout_to_stderr;
    int timeout_s; /* 0: none */
};

struct child_end {
    int status;      /* exit status, or 128+n when signal n ended it */
    int signal;      /* that n, else 0 */
    bool timed_out;  /* its time was up */
    int interrupted; /* SIGTERM or SIGINT, when that ended the boot; else 0 */
};

/* Runs it to its end; on TERM, INT and when its time is up its group gets TERM, and KILL a second later;
 * one that even this does not end (a dead network volume) is left behind after half a second more.
 * Negative when it could not be started, with its errno in sysno. Other children that end meanwhile, which as
 * PID 1 we inherit, are reaped. */
int child_run(const struct signals *signals, const struct child *child, struct child_end *end,
              struct err *err);
