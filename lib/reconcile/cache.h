/* SPDX-License-Identifier: Apache-2.0 */
/* What is in the cache, by kind, and what of it can go. Only what is of ours, by folder and form of the name,
 * is looked at or removed. Links are never followed, but for the cache's own folder, which may be one: a link
 * that stands in place of a folder in it gets a warning, and stays with all that it leads to. */
#pragma once
#include "reconcile/session.h"

enum cache_kind {
    CACHE_UNPACKED,
    CACHE_PAGES,
    CACHE_METADATA,
    CACHE_BUILT, /* which wheel was built of what */
    CACHE_DOWNLOADS,
    CACHE_OTHER,
    CACHE_KINDS
};

struct cache_size {
    size_t count;    /* wheels, pages, files */
    long long bytes; /* of their contents; of what is removed: those that no venv has by a hard link */
};
struct cache_sizes {
    struct cache_size of[CACHE_KINDS];
};

/* Counts what there is. A cache that is not there is empty. */
int cache_measure(struct session *s, struct cache_sizes *out, struct err *err);

/*
 * Removes what is there no more need for: unpacked wheels that no venv uses (the one beside the cache has
 * neither that version of that distribution, nor has any on this volume a file of it by a hard link), pages
 * and metadata that nobody read for 30 days, downloads that nobody went on with for a day, leftovers of who
 * was killed. `all`: everything, but for what is being downloaded or unpacked at this moment. *removed says
 * what went. ERR_USAGE where the folder is no cache of ours (cache_mark.h).
 */
int cache_prune(struct session *s, bool all, struct cache_sizes *removed, struct err *err);

/* Of that, what runs left who were killed, and downloads that nobody went on with. Absent is success; what
 * cannot be removed is left. */
void cache_sweep(const char *cache_dir);
