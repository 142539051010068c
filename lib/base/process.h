/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Children: in a process group of their own, dying with their parent (PDEATHSIG), with no descriptor of ours
 * but 0 to 2, with all signals unblocked and at their defaults.
 */
#pragma once
#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>

struct landlock;

struct process {
    const char *const *argv; /* argv[0] is looked up on PATH when it has no slash */
    char *const *envp;       /* NULL: ours */
    const char *cwd;         /* NULL: ours */
    struct text input;       /* written to its standard input; empty: /dev/null */
    bool keep_stdout;        /* true: its standard output is our standard error; false: captured */
    bool keep_stderr;        /* true: its standard error is ours; false: captured */
    bool join;               /* true: its standard error goes where its standard output goes */
    bool keep_ends;          /* of more standard output than the limit the first and the last half are kept */
    size_t limit;   /* of each captured stream: of standard output more is an error, of standard error
                       the last bytes are kept; 0: 16 MiB */
    int timeout_ms; /* the group is killed after it; 0: none */
    bool family;    /* a keeper of ours stands between, which kills whoever the child started and left when it
                       ends, when its time is up and when we die, whatever group or session they are in */
    const struct landlock *landlock; /* what binds it before it becomes argv[0]; NULL: nothing of its own */
};

struct process_result {
    int status;     /* exit status, or 128+n when signal n ended it */
    bool timed_out; /* then status is 128+SIGKILL */
    struct buf out, err;
    size_t left_out; /* so many bytes were dropped after the first half of the limit (keep_ends) */
};

#define PROCESS_RESULT_INIT                                                                                  \
    {                                                                                                        \
        0                                                                                                    \
    }
#define cleanup_process_result __attribute__((cleanup(process_result_free)))

/* Runs it to its end. Negative only when it could not be started or watched (a program that is not there:
 * sysno is ENOENT); its own failure is in result->status. */
int process_run(const struct process *p, struct process_result *result, struct err *err);
/* The same in steps, for several at once. *p and all it points to have to outlive the child. NULL when it
 * could not be started, as above. */
struct process_child;
struct process_child *process_start(const struct process *p, struct err *err);
/* Waits until one of them has ended or used up its time, and returns its index; NULLs are passed over. */
int process_wait(struct process_child *const *children, size_t count, struct err *err);
/* What became of it; it is ended now where it has not. Frees it. */
int process_finish(struct process_child *c, struct process_result *result, struct err *err);

void process_result_free(struct process_result *r);
