/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lock files (PEP 751, PyPA's pylock.toml specification): what the document says, and what of it is to be
 * installed for an interpreter. Pure: the TOML has been made JSON by somebody else.
 */
#pragma once
#include "base/array.h"
#include "base/strmap.h"
#include "python/marker.h"
#include "python/specifier.h"
#include "python/tags.h"
#include "python/wheel_name.h"

/* Digests that prove something; "sha256", "sha384", "sha512", "sha3_256", "sha3_384", "sha3_512", "blake2b"
 * and "blake2s", as hashlib names them. */
struct lock_hash {
    const char *algorithm;
    const char *hex; /* lower case, of the right length */
};

/* A wheel, a source distribution or an archive. */
struct lock_file {
    const char *name;         /* file name */
    const char *url, *path;   /* one of them at least; the other is NULL. path wins, and may be relative to
                                 the lock */
    long long size;           /* -1 where it is not given */
    struct lock_hash *hashes; /* the strong ones; count 0: there are only others */
    size_t hash_count;
    bool is_source; /* a source distribution: of `wheel` there are name and version alone; or a source
                       archive: the name alone */
    const char *subdirectory; /* what of such an archive is built; NULL: all */
    struct wheel_name wheel;  /* of a name that ends in .whl */
};

/* A repository. */
struct lock_vcs {
    const char *type;                  /* "git" */
    const char *url, *path;            /* as of a file, but both may be set */
    const char *commit, *subdirectory; /* the latter NULL for none */
};

enum lock_kind { LOCK_WHEELS, LOCK_SDIST, LOCK_ARCHIVE, LOCK_DIRECTORY, LOCK_VCS };

struct lock_package {
    const char *name;  /* normalised */
    const char *where; /* FILE:LINE, or FILE where the line is not known */
    bool has_version;
    struct version version; /* of an archive that is a wheel: its file name's, where none is given */
    struct marker *marker;  /* NULL: always */
    struct specifier_set requires_python;
    char **dependencies; /* names of other packages */
    size_t dependency_count;
    enum lock_kind kind;      /* LOCK_SDIST: of a package without wheels */
    struct lock_file *wheels; /* LOCK_WHEELS */
    size_t wheel_count;
    struct lock_file *file; /* LOCK_ARCHIVE; the source distribution of LOCK_SDIST and of LOCK_WHEELS, where
                               there is one (else NULL) */
    struct lock_vcs vcs;    /* LOCK_VCS */
    const char *place;      /* LOCK_DIRECTORY: its path; LOCK_VCS: what it is, for messages */
};

/* What a lock of ours was made to stand beside ([tool.localstack-extensions]); disposable. */
struct lock_base {
    const char *name, *version;
    char **needed_by;
    size_t needed_count;
};

struct lock {
    const char *file;       /* its path or URL, for messages */
    const char *created_by; /* "uv" */
    bool newer;             /* of a newer minor version than 1.0 */
    const char *lock_version;
    struct marker **environments;
    const char **environment_texts;
    size_t environment_count; /* 0: all */
    struct specifier_set requires_python;
    char **default_groups; /* normalised */
    size_t default_group_count;
    bool has_dependencies; /* some package says what it depends on */
    struct lock_package *packages;
    size_t package_count;
    struct lock_base *base;
    size_t base_count;
    char **found; /* those of a baked lock's wheels that were there before, and are not bake's to remove */
    size_t found_count;
    bool baked;     /* [tool.localstack-extensions] says that `bake` wrote it, and the wheels that it names by
                       path */
    char **unknown; /* keys that the specification does not have, "FILE:LINE: … KEY" */
    size_t unknown_count;
};

/* `json`: {"document": …, "lines": …} as toml_read gives it. `file`: the path or URL, without credentials.
 * ERR_INPUT names FILE:LINE, the package and the key at fault for whatever the specification does not allow,
 * and another major lock-version. */
int lock_parse(struct arena *a, const char *json, const char *file, struct lock *out, struct err *err);

/* The interpreter that a lock is read for. */
struct lock_target {
    const struct marker_environment *markers;
    const struct version *python;
    const struct tags *tags;
};

struct lock_refusal {
    const struct lock_package *package; /* NULL: the lock as a whole */
    const char *reason;                 /* sentences */
};

struct lock_selection {
    struct {
        const struct lock_package **items;
        size_t count, room;
    } packages; /* whose markers hold, in the order of the lock */
    struct {
        struct lock_refusal *items;
        size_t count, room;
    } refusals;           /* requires-python, environments, two packages of one name */
    struct strmap needed; /* names that a selected package of another name depends on */
};

/* Extras: none; dependency groups: the default ones. Everything that is wrong is told, not only the first. */
void lock_select(struct arena *a, const struct lock *lock, const struct lock_target *target,
                 struct lock_selection *out);
void lock_selection_free(struct lock_selection *s);
#define cleanup_lock_selection __attribute__((cleanup(lock_selection_free)))

/* The file to install a package from: of its wheels the one with the best tags (of equals the one with the
 * highest build tag, of these the first), or the archive, or else the source distribution. NULL for a folder
 * or repository, where there is none, or none with a digest that proves something: *reason is the sentence.
 */
const struct lock_file *lock_source(struct arena *a, const struct lock_package *p,
                                    const struct lock_target *target, const char **reason);

/* Whether nobody else brings it: no other of the selected packages depends on it. Where no package says what
 * it depends on, everything counts as asked for, as it does for pip. */
bool lock_requested(const struct lock *lock, const struct lock_selection *selection,
                    const struct lock_package *p);

/* pylock.toml or pylock.NAME.toml: what the specification asks of a lock's file name. */
bool lock_name_is_valid(struct text file_name);
