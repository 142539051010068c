/* SPDX-License-Identifier: Apache-2.0 */
/* Wheels, from the cache or an index, unpacked: many at once, each verified before anything of it is kept. */
#pragma once
#include "python/lock.h"
#include "reconcile/session.h"
#include "venv/unpacked.h"

struct fetch {
    const struct index_file *file;
    const struct hashes *const *hashes; /* the file has to have one of each; may be NULL */
    size_t hash_count;
    const struct lock_file
        *locked;           /* NULL, or what a lock says of its bytes: checked before it is unpacked */
    struct unpacked wheel; /* when error.text is NULL */
    bool refused;          /* it has none of them: what index_file_digest says of it is known now */
    bool downloaded;       /* false: the cache had it */
    long long bytes;       /* of the download */
    struct err error;      /* why this one could not be had; the others are not concerned */
};

/* Gets all of them. Negative only for ERR_SYSTEM that concerns all (no room, no folder). Results belong to
 * the session; errors to the caller (err_clear). */
int fetch_wheels(struct session *s, struct fetch *jobs, size_t count, struct err *err);
