/* SPDX-License-Identifier: Apache-2.0 */
/* File names of wheels and source distributions (PEP 427, PEP 625, PyPA's binary distribution format). */
#pragma once
#include "python/version.h"

struct wheel_name {
    const char *name; /* normalised */
    struct version version;
    unsigned long long build; /* the build tag's number; 0 with build_rest "" where there is none */
    const char *build_rest;   /* what follows the number */
    bool has_build;
    const char *tags; /* "py3-none-any", compressed sets as written */
};

/* `file`: without folder. ERR_INPUT says what is wrong with it. */
int wheel_name_parse(struct arena *a, struct text file, struct wheel_name *out, struct err *err);

/* Order of build tags as pip has it: none first, then number, then text. */
int wheel_build_cmp(const struct wheel_name *a, const struct wheel_name *b);

/* For NAME-VERSION.tar.gz, .zip and all other archives that pip unpacks, of a project whose normalised name
 * is known (older files are ambiguous without it): its version. False when the file is no source distribution
 * of that project. */
bool sdist_name_parse(struct arena *a, struct text file, const char *project, struct version *out);

/* Of such a file of a project that nobody knows: the normalised name before the last "-VERSION" (PEP 625);
 * where that is none, as in a tag's archive, what stands before the first "-DIGIT". NULL: neither is there.
 */
const char *sdist_name_project(struct arena *a, struct text file);

/* Whether it ends as an archive that pip unpacks, a wheel aside. */
bool sdist_name_is_archive(struct text file);
