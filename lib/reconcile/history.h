/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the last syncs did, beside the venv (SYNC_HISTORY): JSON, a line for each, the newest last. It is for
 * people alone: nothing is decided by it, and that it cannot be read or written is no failure. A run writes
 * its line when it begins, and again when it ends, so that one which was killed is seen too. A run that finds
 * nothing to do writes none.
 */
#pragma once
#include "reconcile/plan.h"

#include <jansson.h>

enum { HISTORY_MOST = 20 };

/* A run that is under way; the lock is held. */
struct history_run {
    struct session *s;
    char time[32];
    long long start_ms;
    bool warned; /* that it cannot be written */
};
void history_begin(struct history_run *run, struct session *s);
/* status: the exit status. plan: what was done, NULL for nothing. why: the failure, NULL for none. */
void history_end(struct history_run *run, int status, const struct plan *plan, const char *why);

/*
 * A new array of at most HISTORY_MOST objects, the oldest first, with every key: "time" (UTC, ISO 8601), "by"
 * ("boot" or "command"), "host", "pid", "exit" and "ms" (null: it did not end), "installed", "removed",
 * "kept", "failed" (numbers), "error" (or null). Lines that are none of ours are passed over.
 */
json_t *history_read(const char *extensions_dir);
