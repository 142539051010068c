/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tells a cache of ours from a folder that somebody named by mistake: a CACHEDIR.TAG
 * (https://bford.info/cachedir/, which also tells backups to leave the folder out) that names this program;
 * or, in those made before there was one, a file that nothing else writes.
 */
#pragma once
#include <stdbool.h>

#define CACHE_TAG "CACHEDIR.TAG"

/* Puts the tag into a cache, a descriptor, that has none, also none of somebody else's. Where it cannot be
 * written the cache goes without. */
void cache_mark(int cache);
/* Whether there is no entry in it at all but, perhaps, our tag, whole or half written. */
bool cache_is_empty(int cache);
/* Whether a folder is a cache of ours: it has our tag, or an interpreter.json, an index page or an unpacked
 * wheel of ours. An empty one is. */
bool cache_is_ours(int cache);
