/* SPDX-License-Identifier: Apache-2.0 */
/* The contents of a checked archive, written out: in parallel where there is enough of it. */
#pragma once
#include "venv/unpacked.h"
#include "venv/wheel_check.h"

/* Writes all files below the (empty) folder `tree` and fills `files`, one for each member that is no folder,
 * in the archive's order. ERR_INPUT when contents are not what RECORD says, or two names are one to the file
 * system. Whatever was written is the caller's to remove. */
int unpack_files(struct arena *a, const struct archive *archive, const struct wheel_contents *contents,
                 int tree, struct unpacked_file *files, size_t *count, struct err *err);
