/* SPDX-License-Identifier: Apache-2.0 */
/* The scripts that entry points of console_scripts and gui_scripts become. Pure functions. */
#pragma once
#include "base/error.h"
#include "base/strmap.h"
#include "python/entry_points.h"

bool wrapper_is_wanted(const struct entry_point *entry);
/* NAME -> the struct entry_point that a script of this name is made for: of several the last, as with pip. */
void wrapper_choose(const struct entry_points *points, struct strmap *scripts);

/* Appends the script. ERR_INPUT when its name is a path or has control characters, or what it calls is no
 * MODULE:ATTRIBUTE. */
int wrapper_write(struct buf *to, const struct entry_point *entry, const char *final_dir, struct err *err);

/* The NAME of the entry point that setuptools once made a file of a wheel's .data/scripts for, if it did: the
 * file's own, or without one of Windows' suffixes. `form` counts up from 0; false after the last. */
bool wrapper_stem(struct text file, size_t form, struct text *name);
