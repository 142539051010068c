/* SPDX-License-Identifier: Apache-2.0 */
/* A place in a text that is being parsed, and the sentence for what does not belong there. */
#pragma once
#include "base/error.h"
#include "base/text.h"

struct cursor {
    struct arena *arena;
    struct text text;
    size_t at;
    unsigned depth; /* of nesting */
    bool in_lock;   /* what is parsed stands in a lock file */
    struct err *err;
};

struct text cursor_rest(const struct cursor *c);
/* Of the place `at` in the text, counted in characters, from 1. */
unsigned cursor_column(const struct cursor *c, size_t at);
/* Sets c->err: what was expected, at which column, and what stands there. Returns -1. */
int cursor_expected(const struct cursor *c, const char *what);
