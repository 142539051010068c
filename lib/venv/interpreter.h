/* SPDX-License-Identifier: Apache-2.0 */
/* The base venv's interpreter: asked once by a child, the answer kept until the interpreter changes. */
#pragma once
#include "base/array.h"
#include "base/error.h"
#include "base/text.h"
#include "python/environment.h"
#include "python/version.h"

struct interpreter {
    const char *base_dir;              /* the base venv */
    const char *executable;            /* its bin/python3, not resolved */
    const char *home;                  /* pyvenv.cfg's home: the folder of the interpreter it was made from */
    const char *base_executable;       /* sys._base_executable, resolved: what a venv's bin/python links to */
    struct version version;            /* 3.13.0 */
    const char *version_text;          /* "3.13.0" */
    struct marker_environment markers; /* platform_release and platform_version from uname(2) of now */
    struct tag_environment tags;
    const char *site_packages; /* relative to a venv: "lib/python3.13/site-packages" */
    const char *include;       /* relative to a venv, where headers go: "include/site/python3.13" */
    char **path; /* the base: its sys.path in order, less what lies below `exclude` and less the standard
                    library's */
    size_t path_count;
    char **stdlib_path; /* the standard library's part of sys.path */
    size_t stdlib_count;
    const char *pip_version;   /* NULL where the base has no pip */
    const char *pip_index_url; /* what that pip asks where nothing is configured; NULL without pip */
};

/* base_dir: the venv. python: an interpreter to ask instead of BASE/bin/python3 (--python), or NULL.
 * cache_file: where the answer is kept (NULL: nowhere); it holds the identity (path, size, mtime, bytes of
 * pyvenv.cfg, names, sizes and mtimes of the .pth files in the base's site-packages) that it stands for.
 * exclude: folders (final, absolute) whatever lies below is no part of the base. ERR_SYSTEM with a sentence
 * when there is no interpreter, it does not run, or it is older than Python 3.10. The child runs with -I -B
 * and an environment without PYTHON*. */
int interpreter_query(struct arena *a, const char *base_dir, const char *python, const char *cache_file,
                      char *const *exclude, size_t exclude_count, struct interpreter *out, struct err *err);

/* Whether a file is such a kept answer, of whichever interpreter. */
bool interpreter_is_kept(int dirfd, const char *file);

/* What such an answer says, JSON, without a machine behind it: for the fuzzer. ERR_SYSTEM as above. */
int interpreter_answer_parse(struct arena *a, struct text json, struct interpreter *out, struct err *err);
