/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel offers (Landlock) to keep a process, and whoever it starts, from writing anywhere but where
 * it has to. Rules once enforced cannot be taken back; those of a child come on top of its parent's.
 */
#pragma once
#include <stdbool.h>

struct landlock {
    int fd; /* of the rules, or -1 */
    unsigned long long handled;
};

#define LANDLOCK_INIT                                                                                        \
    {                                                                                                        \
        -1, 0                                                                                                \
    }
#define cleanup_landlock __attribute__((cleanup(landlock_close)))

/* Rules that allow no writing at all yet; `own_signals_only`: nor, where the kernel can tell, signals to
 * whoever is not bound by them. False, and a debug line, where the kernel has no Landlock, or one that cannot
 * tell a rename between folders from an escape. */
bool landlock_open(struct landlock *l, bool own_signals_only);
/* Allows all that changes a file, or whatever is below a folder. One that is not there is passed over. */
void landlock_allow(const struct landlock *l, const char *path);
/* Allows that folders which are empty are removed below this one, and nothing else. */
void landlock_allow_rmdir(const struct landlock *l, const char *path);
/* Binds this process. Negative with errno set; fit for a child between fork and exec. */
int landlock_enforce(const struct landlock *l);
void landlock_close(struct landlock *l);
