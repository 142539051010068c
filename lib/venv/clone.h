/* SPDX-License-Identifier: Apache-2.0 */
/* One tree's files put into another by hard link, reflink or copy. */
#pragma once
#include "venv/linker.h"

struct clone {
    struct linker *linker;
    /* Whether this file or link (`path` relative to the tree's root) or whole folder is left out; NULL leaves
     * nothing out. */
    bool (*skip)(void *ctx, const char *path, bool folder);
    void *ctx;
};

/* From the folder `from` into the existing folder `to`. What `to` has already stays; folders are made only
 * where something goes into them, or where they were empty. Links are made anew; devices, sockets and fifos
 * are left out with a warning. The files are there after linker_wait. */
int clone_tree(const struct clone *c, int from, int to, struct err *err);
