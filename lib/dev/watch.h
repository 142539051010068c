/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waits for changes in developers' sources. The kernel tells of them (inotify(7)) where it can; where it does
 * not (shares of other machines and systems) or has no more watches to give, a folder is looked through each
 * second. Links in a source are not followed, what left_out.h names is not looked at.
 *
 * A change has settled when nothing came for 300 ms, or 3 s after its beginning: an editor that writes beside
 * a file and renames, or a checkout of many files, makes one. What was made and is gone when it has settled
 * is no part of it.
 */
#pragma once
#include "base/array.h"

#include <stdbool.h>

struct watch_change {
    struct strings files; /* absolute; at most WATCH_NAMED, the first that changed */
    size_t count;         /* of all */
    bool uncertain;       /* there are more, which nobody counted */
};
enum { WATCH_NAMED = 3 };

/* From here on no change is missed. A folder that is not there, or is no longer, is waited for: it is a
 * change when it comes. Never fails. */
struct watch *watch_open(char *const *folders, size_t count);
/* Waits until `until_ms` of stopwatch_ms (0: for ever) for a change that has settled; what came since the
 * last call counts. False: the time is up. *out belongs to the watch, until the next call. */
bool watch_wait(struct watch *w, long long until_ms, struct watch_change *out);
void watch_free(struct watch *w);
