/* SPDX-License-Identifier: Apache-2.0 */
/* Wheels, from the cache or an index, unpacked: many at once, each verified before anything of it is kept. */
#pragma once
#include "python/lock.h"
#include "reconcile/session.h"
#include "venv/unpacked.h"

/* The caller leaves it at the first. */
enum fetch_state { FETCH_NEW, FETCH_UNDER_WAY, FETCH_DONE, FETCH_ABANDONED };

/* NAME of the file (fs_new_name) in the cache's own folder that a download is written to where files without
 * a name cannot be had; it is there for a moment. */
#define FETCH_SCRATCH "download"

struct fetch {
    const struct index_file *file;
    const struct hashes *const *hashes; /* the file has to have one of each; may be NULL */
    size_t hash_count;
    const char *subdirectory; /* of a source archive: what of it is built; NULL: all */
    const struct lock_file
        *locked;           /* NULL, or what a lock says of its bytes: checked before it is unpacked */
    struct unpacked wheel; /* when error.text is NULL */
    bool refused;          /* it has none of them: what index_file_digest says of it is known now */
    bool downloaded;       /* false: the cache had it */
    long long bytes;       /* of the download */
    enum fetch_state state;
    struct err error; /* why this one could not be had; the others are not concerned */
};

/* Where the wheel of this digest is kept as it came, in s->archives. A wheel that did not come in this run is
 * not there: then what the cache has of it is not enough, and it is fetched. */
const char *fetch_archive(struct session *s, struct arena *a, const char *sha256);

/* Gets all of them; of a source distribution the wheel that is built of it (built.h). Negative only for
 * ERR_SYSTEM that concerns all (no room, no folder). Results belong to the session; errors to the caller
 * (err_clear). */
int fetch_wheels(struct session *s, struct fetch *jobs, size_t count, struct err *err);

/* Whether what is known of the file's digests lets it in without looking at its bytes. */
bool fetch_is_proven(const struct fetch *job);
/* Whether the bytes that have come are some that the job's hashes let in; else sets its error. */
int fetch_check_hashes(struct session *s, struct fetch *job);

/* A wheel that fetch_wheels will probably be asked for, without hashes of the user's: it begins to come,
 * which costs nothing where it is not wanted after all. Returns at once. Nothing is done where no digest is
 * known before, or for a file of this machine. */
void fetch_expect(struct session *s, const struct index_file *file);
/* Lets what is under way move on, without waiting. */
void fetch_move(struct session *s);
/* A descriptor that can be read from when fetch_move has something to do that no transfer tells of; -1: none.
 */
int fetch_event(const struct session *s);
/* Ends what was expected and is no file of these jobs. */
void fetch_expect_only(struct session *s, const struct fetch *jobs, size_t count);
/* Ends whatever is still under way; before the index and the store are closed. */
void fetch_close(struct session *s);
