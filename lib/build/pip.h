/* SPDX-License-Identifier: Apache-2.0 */
/* How pip is called for a build: which pip, in which environment. */
#pragma once
#include "build/build.h"

struct pip {
    const char *script;  /* NULL: -m pip; else the folder of a copy of pip, which is run as a program */
    const char *version; /* NULL: not known */
};

/* The folders of one build, all in the one that it can write to. */
struct build_folders {
    const char *root, *home, *tmp, *wheel, *source;
};

/* The base's, or a copy that its ensurepip makes below `dir`. `environ`: of pip_environment. ERR_SYSTEM where
 * there is none. */
int pip_find(struct arena *a, const struct interpreter *py, const char *dir, char *const *environ,
             struct pip *out, struct err *err);

/* What is pip's and Python's in ours is taken out, and LocalStack's, which has no business in foreign hands;
 * what the settings say is put in. `shielded`: the child cannot write to the base. */
char **pip_environment(struct arena *a, const struct build_settings *s, const struct pip *pip,
                       const struct build_folders *f, bool no_isolation, bool shielded);

/* NULL-terminated. `place`: the path or file: URL of what is built. */
const char *const *pip_arguments(struct arena *a, const struct build_settings *s, const struct pip *pip,
                                 const struct build_folders *f, const struct build *b, const char *place);

/* Appends the output with the credentials of all that was handed over replaced by ****. */
void pip_redact(struct buf *to, const struct build_settings *s, struct text output);
