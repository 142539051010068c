/* SPDX-License-Identifier: Apache-2.0 */
/* What a lock has as a repository or as a source archive: it is fetched and built as a direct reference is,
 * and what was built of the same commit or archive before serves it. */
#pragma once
#include "build/git.h"
#include "reconcile/locked.h"

struct locked_build {
    const struct lock_package *package;
    struct git_url git; /* of a repository, */
    char *commit;       /* and what of it; NULL: it is an archive, */
    const char *url;    /* which stands here; of a repository, for the plan: "git+URL@COMMIT" */
    /* out, of locked_build_all: */
    struct source_direct *direct;
    struct err error; /* when direct is NULL; the caller's to clear */
};

/* `place`: the URL of its repository. Nobody is asked anything. False with *reason where the lock's is no
 * commit that can be had. */
bool locked_repository(struct session *s, const struct lock_package *package, const char *place,
                       struct locked_build *out, const char **reason);

/* Whether that is what is installed: this commit of this repository, or these bytes, built by whomever we
 * installed it from. */
bool locked_build_is(struct session *s, struct installed *have, const struct locked_build *b);

/* Builds all that were not built before. Negative for what concerns all. */
int locked_build_all(struct session *s, const struct locked *locked, struct locked_build *builds,
                     size_t count, struct err *err);
