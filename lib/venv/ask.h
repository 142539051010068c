/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions to an interpreter: one of the scripts in scripts/, run in a child with -I -B and an environment
 * without PYTHON*, which prints one JSON text behind a line that is a mark.
 */
#pragma once
#include "base/error.h"
#include "base/text.h"

struct landlock;

struct ask {
    const char *executable;
    const char *script;
    struct text input;               /* its standard input */
    size_t limit;                    /* of what it may print, in bytes */
    int timeout_ms;                  /* 0: a minute */
    const struct landlock *landlock; /* for a script that runs foreign code: what binds it, and all that it
                                        starts ends with it; NULL: nothing */
};

/* Appends to *answer what the script printed behind its mark, unread. ERR_SYSTEM with a sentence when there
 * is no interpreter, it does not run, answers with something else, or takes too long. */
int ask_python(struct arena *a, const char *executable, const char *script, struct text input, size_t limit,
               struct buf *answer, struct err *err);
int ask_python_with(struct arena *a, const struct ask *ask, struct buf *answer, struct err *err);
