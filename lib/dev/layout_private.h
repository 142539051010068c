/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of layout_find: looking at folders, and what comes of it. */
#pragma once
#include "base/text.h"
#include "dev/layout.h"

#include <sys/types.h>

struct search {
    struct arena *a;
    const char *folder;
    const struct project_layout *layout;
    struct source_links *out;
    struct strings *warnings;
    size_t left; /* entries of folders that may still be looked at */
};

/* A folder that is being looked at. */
struct spot {
    const struct spot *up;
    const char *place; /* below the source's folder, "" for that itself */
    const char *path;  /* below site-packages, "" for that itself */
    bool files;        /* its modules count */
    bool all;          /* nothing is filtered: it is named explicitly */
    int depth;
    dev_t dev;
    ino_t ino;
};

/* The entry's names as Python has them: "X" of "X.py" and "X.cpython-313-x86_64-linux-gnu.so", "" for what is
 * no module. */
struct text layout_module(const char *file);

/* PLACE below the source's folder, absolute. */
const char *layout_at(const struct search *s, const char *place);
/* DIR/NAME, with DIR "" for the top. */
const char *layout_join(const struct search *s, const char *dir, const char *name);
void layout_warn(struct search *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void layout_link(struct search *s, const char *path, const char *target);

/* The names in a folder that count, sorted; none where it cannot be read. With too many of them in all, a
 * warning, and what was read. */
void layout_names(struct search *s, const char *place, struct strings *names);
/* Whether one of these names makes a folder a regular package. */
bool layout_is_regular(const struct strings *names);

/* Looks at a folder of the source as at one of sys.path or, with a path, as at a namespace package; returns
 * how many links came of it. */
size_t layout_scan(struct search *s, const struct spot *at);
/* As layout_scan, of a folder that nobody has named: without what projects have at their top beside what they
 * install. */
size_t layout_scan_top(struct search *s);
/* One package or module by name, in a folder of the source; false when it is not there. */
bool layout_take(struct search *s, const char *where, const char *path, bool regular_only);
