/* SPDX-License-Identifier: Apache-2.0 */
/* A requirement as PEP 508 writes it: NAME[EXTRA,…] SPECIFIERS ; MARKER  or  NAME[EXTRA,…] @ URL ; MARKER. */
#pragma once
#include "python/marker.h"
#include "python/specifier.h"

struct requirement {
    const char *name;  /* normalised */
    const char *given; /* as written */
    char **extras;     /* normalised, sorted, without doubles */
    size_t extra_count;
    struct specifier_set specifiers; /* empty when url is set */
    const char *url;                 /* NULL, or the direct reference */
    struct marker *marker;           /* NULL when there is none */
    const char *text;                /* the whole as written, trimmed, for messages */
};

/* Everything belongs to the arena. ERR_INPUT says what was expected at which column and quotes the text. */
int requirement_parse(struct arena *a, struct text text, struct requirement *out, struct err *err);
