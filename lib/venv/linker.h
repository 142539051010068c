/* SPDX-License-Identifier: Apache-2.0 */
/* Files put in place by hard link, reflink or copy. Where that takes long, by several threads, while the
 * caller goes on finding out which come next. */
#pragma once
#include "base/fs.h"
#include "venv/unpacked.h"

struct linker;

/* What becomes of a file that is there already. */
enum linker_found {
    LINKER_KEEP,
    LINKER_REFUSE,
    LINKER_REPLACE,
};

struct linker_folder {
    int from, to;
    const char *path; /* in the venv, "" at its top: for messages */
    enum linker_found found;
    size_t owner; /* the caller's, for linker_wait */
};

/* `way`: the fastest to be tried. */
struct linker *linker_new(enum fs_way way);
/* Waits for what is being done; what was not begun is dropped. NULL is fine. */
void linker_free(struct linker *l);
static inline void linker_free_fn(struct linker **l)
{
    linker_free(*l);
}
#define cleanup_linker __attribute__((cleanup(linker_free_fn)))

/* Where the files come from and go to that are added from now on. The descriptors stay open until the next
 * linker_enter or linker_wait; all else is copied. */
int linker_enter(struct linker *l, const struct linker_folder *folder, struct err *err);
/* `expected` (NULL: anything will do): the file is only taken when it is as its wheel's list has it. Lives
 * until linker_wait. */
void linker_add(struct linker *l, const char *from, const char *to, const struct unpacked_file *expected);
/* Until all that was added is in place, or nothing more will be: then the error is of the first in the order
 * of adding that could not be, and *owner (may be NULL) its folder's. Ready for more afterwards. */
int linker_wait(struct linker *l, size_t *owner, struct err *err);
/* What the next files are to be tried with, now that they come from elsewhere. */
void linker_try(struct linker *l, enum fs_way way);
