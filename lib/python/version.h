/* SPDX-License-Identifier: Apache-2.0 */
/* Versions as PEP 440 defines them, with numbers of any size. Pure functions; text belongs to the arena
 * given. */
#pragma once
#include "base/error.h"
#include "base/text.h"

struct version {
    const char *text;       /* normalised: "1.0rc1" for "1.0-RC.1" */
    struct text key;        /* orders like the version: compare with version_cmp */
    struct text public_key; /* the same without the local label */
    bool is_pre;            /* a, b, rc or dev */
    bool is_post;
    bool is_dev;
    bool has_local;
};

/* Parses with the leniency of PEP 440's appendix B (case, separators, "v", surrounding white space).
 * ERR_INPUT quotes the text. Text over 1000 bytes is refused. */
int version_parse(struct arena *a, struct text text, struct version *out, struct err *err);

/* PEP 440's total order; equal exactly when packaging.version.Version says so (1.0 == 1.0.0). */
int version_cmp(const struct version *a, const struct version *b);
