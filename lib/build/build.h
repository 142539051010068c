/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wheels out of sources, by the base's pip (`pip wheel --no-deps`) in children: several at once, each in a
 * folder of its own, the only one that it can write to where the kernel has Landlock. Whatever a build starts
 * ends with it, and with us.
 */
#pragma once
#include "base/array.h"
#include "venv/interpreter.h"

#include <stdbool.h>

/* Of all builds of a run; what it points to has to outlive the builder. */
struct build_settings {
    const struct interpreter *py; /* a base without pip: ensurepip's own copy, made once */
    char *const *environ;         /* builds get it without what is pip's, Python's, LocalStack's and ours */
    const struct strings *index_urls; /* NULL or empty: no index (PIP_NO_INDEX) */
    const struct strings *find_links; /* URLs, and paths of folders and pages */
    const struct strings *trusted_hosts, *no_binary, *only_binary;
    const struct strings *constraints; /* files or URLs, for what builds (PIP_BUILD_CONSTRAINT) */
    const char *cert, *client_cert, *proxy;
    int pip_timeout_s, retries; /* of a connection, as pip has it; pip_timeout_s 0: pip's own */
    bool pre;
    bool offline;              /* no index, and no find-links of the network */
    const char *site_packages; /* of the extensions venv, for builds without isolation; NULL: none */
    const char *work_dir; /* builds are made in a new folder in this one (made if need be), which goes with
                             the builder; what a killed run left there goes with builder_new */
    const char
        *log_dir;   /* NAME-build.log has the whole output of the last failed build of NAME; NULL: none */
    int timeout_ms; /* of each build; 0: none */
};

struct build {
    const char *name;         /* of the distribution: the wheel has to be its; NULL where nobody knows */
    const char *source;       /* absolute: an archive, or a folder, of which a copy is built */
    const char *file_name;    /* what an archive is called, where its path does not say; NULL */
    const char *called;       /* what stands for the name in messages and logs where there is none; NULL: its
                                 file's */
    const char *subdirectory; /* of the source, relative; NULL */
    const char *const *config_settings; /* KEY=VALUE */
    size_t config_settings_count;
    bool no_isolation; /* with what the base (and site_packages) has */

    char *wheel;      /* out: its path; NULL when it failed. The builder's, as is the file */
    struct err error; /* out: when it failed; the caller's to clear */
    long long took_ms;
};

struct builder;

/* fs_new_name of it in work_dir. */
#define BUILD_FOLDER "build"
/* Whether a name in work_dir is that of builds' folders, which have it under fs_new_name (fs_sweep). */
bool build_writes(const char *name, const void *data);

/* ERR_SYSTEM: no folder for builds can be made. */
struct builder *builder_new(const struct build_settings *s, struct err *err);
/* Wheels go with it. NULL is fine. */
void builder_free(struct builder *b);
static inline void builder_free_fn(struct builder **b)
{
    builder_free(*b);
}
#define cleanup_builder __attribute__((cleanup(builder_free_fn)))

/*
 * All of them, as many at once as there are CPUs. An error of one build is its own, one readable message with
 * its last lines of output: ERR_UNAVAILABLE when what builds it cannot be had for want of a network,
 * ERR_INPUT when the source is to blame, or this image lacks a compiler, ERR_SYSTEM when the disk is.
 * Negative only for what concerns all: there is no pip, or no child can be started.
 */
int build_wheels(struct builder *b, struct build *builds, size_t count, struct err *err);
