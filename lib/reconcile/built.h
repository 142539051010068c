/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wheels that are built from source distributions and repositories. CACHE/built/KEY names the wheel that came
 * out, which is unpacked as any other; KEY is a digest of what it came from (the archive's bytes, the
 * interpreter), so that nothing is built twice. Whoever builds it has KEY.lock locked (base/lock_file.h): the
 * others who share the cache wait for the wheel.
 */
#pragma once
#include "base/digest.h"
#include "build/git.h"
#include "reconcile/fetch.h"

/* What a source distribution requires, as far as that is known without building it now: it says so itself,
 * and any build of it would (PEP 643), or a wheel of it was built before. 1: it has to be built. */
int built_known(struct session *s, const struct index_file *file, const struct metadata **out,
                struct err *err);
/* Builds it, and says what the wheel requires. */
int built_metadata(struct session *s, const struct index_file *file, const struct metadata **out,
                   struct err *err);

/* Gets the wheels of jobs whose files are source distributions, as fetch_wheels does those of wheels; what
 * has to be built is built side by side. Negative for what concerns all. */
int built_fetch(struct session *s, struct fetch *const *jobs, size_t count, struct err *err);

/* The commit that a repository's reference stands for now. A full one is asked nobody. Errors as for
 * git_resolve, and offline. */
int built_repository_commit(struct session *s, const struct git_url *url, char **commit, struct err *err);
/* A repository or a folder that a wheel is built of. */
struct built_item {
    const char *name;          /* of the distribution; NULL: whatever it is of */
    const struct git_url *git; /* NULL: it is a folder */
    const char *commit;
    const char *folder, *subdirectory;
    struct unpacked wheel;   /* out */
    char digest[DIGEST_HEX]; /* out, of a folder: source_digest of what was built */
    struct err error;        /* out; the caller's to clear */
};
/* The wheels of all of them, built now, side by side, or before of the same commit or contents. Negative for
 * what concerns all. */
int built_items(struct session *s, struct built_item *items, size_t count, struct err *err);
/* Of one. */
int built_item(struct session *s, struct built_item *item, struct err *err);

/* Where the whole output of builds that failed is kept: among LocalStack's logs; NULL where there are none.
 */
const char *built_log_dir(struct session *s);
