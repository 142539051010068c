/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that unpack and verify wheels into the cache while others are still coming. */
#pragma once
#include "venv/unpacked.h"

#include <sys/queue.h>

struct unpacking_task {
    /* The caller's, as for unpacked_make; they have to live until the task is done. */
    const char *cache_dir, *name;
    char key[65];
    int archive;
    /* Of use once it is done. */
    struct unpacked wheel; /* of `memory` */
    struct arena memory;
    struct err error; /* why it could not be unpacked; text is NULL when it was */

    bool done;
    STAILQ_ENTRY(unpacking_task) link;
};

struct unpacking;

struct unpacking *unpacking_new(void);
/* Waits for what is being unpacked; tasks that were not begun are dropped. NULL is fine. */
void unpacking_free(struct unpacking *u);

/* Returns at once, or, where no thread can be had, when it is done. */
void unpacking_start(struct unpacking *u, struct unpacking_task *task);
/* Whether it is done: then nothing of it is used by anybody but the caller. */
bool unpacking_done(struct unpacking *u, const struct unpacking_task *task);
/* A descriptor that can be read from once a task is done, until unpacking_heard; to be waited for together
 * with others. -1: there is none, and every task is done when unpacking_start returns. */
int unpacking_event(const struct unpacking *u);
void unpacking_heard(struct unpacking *u);
