/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Downloads that outlive the run: CACHE/downloads/SHA256.part has the bytes that came so far, SHA256.lock is
 * locked (flock(2)) by whoever fetches the rest, and says who that is. So each file is fetched once, however
 * many containers share the cache, and goes on where a run was ended. The digest is what the bytes are
 * checked against when they are whole; nothing that stands here is trusted before.
 */
#pragma once
#include "base/error.h"
#include "base/memory.h"

#include <fcntl.h>
#include <stdbool.h>

struct partial {
    int fd, lock;   /* -1: none */
    long long have; /* bytes of the file, before fd's offset */
    int folder;     /* what the paths are relative to; the caller's, or AT_FDCWD */
    char *path, *lock_path;
};
#define PARTIAL_NONE ((struct partial){.fd = -1, .lock = -1, .folder = AT_FDCWD})

/* 0: it is ours until partial_close, fd stands at its end. 1: somebody else is at it: *holder is a clause of
 * the arena that says who ("container H, process P, since T"; "" when it is not known). Negative: this cache
 * cannot keep downloads (the error says why): go on without. sha256 in lower-case hex. */
int partial_open(struct arena *a, const char *cache_dir, const char *sha256, struct partial *p,
                 const char **holder, struct err *err);
/* How many bytes whoever is at it has so far; -1: there is none. */
long long partial_size(const char *cache_dir, const char *sha256);
/* Lets go of it: what came so far stays for the next time, or goes. */
void partial_close(struct partial *p, bool keep);

/* Removes downloads that nobody went on with for a day, or all; nobody's that is still at it. `folder`: a
 * descriptor of CACHE/downloads. */
void partial_sweep(int folder, bool all);
