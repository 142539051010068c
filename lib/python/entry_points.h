/* SPDX-License-Identifier: Apache-2.0 */
/* entry_points.txt (PyPA's entry points specification): an INI file of groups of NAME = MODULE:ATTRIBUTE
 * [EXTRAS]. */
#pragma once
#include "base/error.h"
#include "base/text.h"

struct entry_point {
    const char *group, *name, *module, *attribute; /* attribute "" when there is none */
};

struct entry_points {
    struct entry_point *items;
    size_t count;
};

/* As configparser with delimiters "=" and case kept, comments # and ;, and of two entries of one name in a
 * group the last. ERR_INPUT names the line. A value that is no reference is an error for console_scripts and
 * gui_scripts; in other groups all of it stands in module. */
int entry_points_parse(struct arena *a, struct text bytes, struct entry_points *out, struct err *err);

/* Both as one text, sorted by group and name; of two of one name in a group, that of `first`. ERR_INPUT as
 * above. */
int entry_points_union(struct arena *a, struct text first, struct text second, struct text *out,
                       struct err *err);
