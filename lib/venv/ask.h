/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions to an interpreter: one of the scripts in scripts/, run in a child with -I -B and an environment
 * without PYTHON*, which prints one JSON text behind a line that is a mark.
 */
#pragma once
#include "base/error.h"
#include "base/text.h"

/* Appends to *answer what the script printed behind its mark, unread. `input`: its standard input. `limit`:
 * of what it may print, in bytes. ERR_SYSTEM with a sentence when there is no interpreter, it does not run,
 * answers with something else, or takes over a minute. */
int ask_python(struct arena *a, const char *executable, const char *script, struct text input, size_t limit,
               struct buf *answer, struct err *err);
