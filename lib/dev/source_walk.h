/* SPDX-License-Identifier: Apache-2.0 */
/* Goes through all of a developer's source that is not left out (left_out.h). */
#pragma once
#include <stdbool.h>

struct source_walk {
    /* A folder, before what is in it; NULL: nobody asks. Negative ends the walk. */
    int (*folder)(void *context, const char *path);
    /* Everything else: files, links (whatever they lead to), sockets. */
    void (*file)(void *context, const char *path);
    void *context;
};

/* From `folder` downwards, in the order of names; links are not followed. `top`: `folder` is the source's
 * own, and may be one. What goes away meanwhile, or cannot be read, is passed over. Negative: the walk was
 * ended, or could not go on, with errno set (EMFILE and the like), or `folder` itself is not there. */
int source_walk(const struct source_walk *walk, const char *folder, bool top);
