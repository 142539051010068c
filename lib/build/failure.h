/* SPDX-License-Identifier: Apache-2.0 */
/* What the output of a build that failed says: pip's with -v, and whatever the build printed through it. A
 * pure function. */
#pragma once
#include "base/error.h"
#include "base/text.h"

struct failure {
    enum err_kind kind;
    const char *reason; /* a clause, such as "Building wheel failed: RuntimeError: boom" */
    const char *tail;   /* the last lines that have to do with it, each ended by a newline; "" for none */
};

/* `offline`: no index was to be asked, which explains what cannot be had. Lines are cut where they are long;
 * control characters are gone. The result belongs to the arena. */
void failure_read(struct arena *a, struct text output, bool offline, struct failure *out);
/* What ran when the output ended, as pip calls it ("Building wheel"); NULL: nothing yet. */
const char *failure_step(struct arena *a, struct text output);
/* The last lines of an output that tells of no failure, as in struct failure. */
const char *failure_tail(struct arena *a, struct text output);
