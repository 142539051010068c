/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/array.h"
#include "base/error.h"
#include "base/memory.h"

/* Splits a command into its words as Python's shlex.split does: as a POSIX shell, but with neither comments
 * nor expansions, and a backslash before a newline stands for the newline. ERR_INPUT for a quote that is not
 * closed and for a backslash at the end. The words live in the arena, the list belongs to the caller. */
int shell_words(struct arena *a, const char *text, struct strings *out, struct err *err);
