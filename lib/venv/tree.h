/* SPDX-License-Identifier: Apache-2.0 */
/* Writing trees of files with few system calls: folders are opened once, no file is looked at by its path. */
#pragma once
#include "base/fs.h"

/* Creates NAME, which must not exist, below dirfd, for writing. EEXIST is in the error's sysno. */
int tree_create(int dirfd, const char *name, struct err *err);
/* Gives it its mode (whatever the umask) and closes it. *st (may be NULL): size, mode and mtime that it has
 * then. */
int tree_finish(int *fd, const char *name, bool executable, struct stat *st, struct err *err);
/* Both, with all of the bytes in between. */
int tree_write(int dirfd, const char *name, struct text bytes, bool executable, struct err *err);

/* ERR_INPUT where what is there as NAME has another spelling, since its volume does not distinguish case or
 * Unicode forms. */
int tree_check_spelling(int dirfd, const char *name, struct err *err);

/* The folder that was worked in last, with those above it, kept open: paths given in sorted order open each
 * folder once. No part of a path may be a link. */
enum { TREE_DEPTH = 80 };
struct tree_walk {
    int fds[TREE_DEPTH];     /* fds[0] is the root; the caller's */
    size_t ends[TREE_DEPTH]; /* where fds[i]'s path ends in `path` */
    size_t depth;            /* fds[depth] is the current folder */
    struct buf path;
    bool create;  /* folders that are not there are made */
    bool folds;   /* the volume takes names that differ by case for one; set by the caller who knows */
    size_t moves; /* how often another folder became the current one */
};

void tree_walk_init(struct tree_walk *w, int root, bool create);
void tree_walk_free(struct tree_walk *w);
#define cleanup_tree_walk __attribute__((cleanup(tree_walk_free)))
/* The folder of a relative path such as "a/b/c.py", open: the walk's own, valid until the next call.
 * *name: the last part of the path. ERR_INPUT where a folder is to be made that is there by another spelling:
 * no import would find it. */
int tree_walk_to(struct tree_walk *w, const char *path, const char **name, struct err *err);
