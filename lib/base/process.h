/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Children: in a process group of their own, dying with their parent (PDEATHSIG), with no descriptor of ours
 * but 0 to 2, with all signals unblocked and at their defaults.
 */
#pragma once
#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>

struct process {
    const char *const *argv; /* argv[0] is looked up on PATH when it has no slash */
    char *const *envp;       /* NULL: ours */
    const char *cwd;         /* NULL: ours */
    struct text input;       /* written to its standard input; empty: /dev/null */
    bool keep_stdout;        /* true: its standard output is our standard error; false: captured */
    bool keep_stderr;        /* true: its standard error is ours; false: captured */
    size_t limit;   /* of each captured stream: of standard output more is an error, of standard error
                       the last bytes are kept; 0: 16 MiB */
    int timeout_ms; /* the group is killed after it; 0: none */
};

struct process_result {
    int status;     /* exit status, or 128+n when signal n ended it */
    bool timed_out; /* then status is 128+SIGKILL */
    struct buf out, err;
};

#define PROCESS_RESULT_INIT                                                                                  \
    {                                                                                                        \
        0                                                                                                    \
    }
#define cleanup_process_result __attribute__((cleanup(process_result_free)))

/* Runs it to its end. Negative only when it could not be started or watched (a program that is not there:
 * sysno is ENOENT); its own failure is in result->status. */
int process_run(const struct process *p, struct process_result *result, struct err *err);
void process_result_free(struct process_result *r);
