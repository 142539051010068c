/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of build/git: what git runs in, and what its failures mean. */
#pragma once
#include "build/git.h"

#include "base/array.h"
#include "base/process.h"

struct git_run {
    struct arena *a;
    const struct git_url *url;
    const struct git_options *options;
    const char *place;        /* the URL for the command line */
    const char *subject;      /* what messages are about */
    char *const *environment; /* that git runs in */
    long long ends_ms;        /* by stopwatch_ms; 0: never */
};

/* Fills in place and environment. */
void git_environment(struct git_run *run);

/* The error for a git that ended with a failure: a sentence about the subject, and the last that git said. */
int git_failure(const struct git_run *run, const struct process_result *r, struct err *err);
