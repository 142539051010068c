/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of sources.h share. */
#pragma once
#include "boot/sources.h"

#include <stdbool.h>
#include <sys/types.h>

/* In the folder of sources: what we made there. It lives and dies with that, which the volume does not. */
#define SOURCE_PLACES ".localstack-extensions.places"

/* What is there now under the name of a place. */
enum standing {
    STANDS_NOTHING,
    STANDS_LINK,  /* the link that we make */
    STANDS_MOUNT, /* our mount */
    STANDS_EMPTY, /* our folder, without its mount */
    STANDS_OTHER, /* whatever somebody else put there */
};

/* One that was made by this call or an earlier one. */
struct place {
    const char *name, *folder; /* in the folder of sources; the source that it was made for */
    enum standing standing;
    dev_t device; /* of what a link or mount leads to; inode 0: nowhere */
    ino_t inode;
};
struct places ARRAY(struct place);

/* A source on its way to its place. */
struct found {
    const char *folder;
    dev_t device;
    ino_t inode;
    const char *name;   /* that it should have as a place; NULL: it is used where it stands */
    const char *chosen; /* that it has; NULL: none is free */
    bool in_place;
    bool ours; /* the place is one of ours, or to be made */
};
struct founds ARRAY(struct found);

/* ---- source_find.c */

/* Appends the sources that the settings name and that stand in their folder, and sentences about what is
 * none. */
void sources_search(struct arena *a, const struct boot_paths *paths, const struct settings *s,
                    const struct places *ours, struct founds *out, struct strings *warnings);

/* ---- source_place.c */

/* Reads the list of places, and looks at each. */
void places_read(struct arena *a, const char *sources, struct places *out);
/* The one of this name; NULL when there is none. */
const struct place *places_find(const struct places *places, const char *name);
/* Whether what stands there is what we made. */
bool place_is_ours(const struct place *place);
/* Whether all that should be there is, and nothing else, as it is listed. */
bool places_are_settled(const struct places *ours, const struct founds *found);
/* Removes what is not wanted, writes the list, and places the rest; what cannot be placed loses its `chosen`.
 */
void places_settle(struct arena *a, const char *sources, struct places *ours, struct founds *found);
/* Mounts or links a source at sources/NAME, where nothing or an empty folder of ours stands. */
bool place_make(struct arena *a, const char *sources, const char *name, const char *folder);
