/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Developers' sources: which folders they are, and where the venv's links to them lead through. Those named
 * by EXTENSION_DEV_SOURCES come first, then what stands in /opt/code/extensions. One that stands elsewhere is
 * mounted there read-only, under its own name; where that cannot be, it is linked there; where that cannot be
 * either, it is used where it stands.
 */
#pragma once
#include "base/array.h"

struct boot_paths;
struct settings;

struct boot_source {
    const char *folder; /* where it stands, absolute */
    const char *place;  /* /opt/code/extensions/NAME, or `folder` */
    const char *fact;   /* fact_source when it was read; NULL where it was not */
};

/* In the order in which they count; each folder once, by whatever paths it can be reached. */
struct boot_sources {
    struct boot_source *items;
    size_t count, room;
    struct strings warnings; /* sentences about folders that hold no source, each with what to do */
};

/* Finds the sources, puts those that stand elsewhere in their place, and takes away what an earlier call put
 * there and is not wanted any more: all of it where dev mode is off. Nothing is changed where all is as it
 * should be. Nothing here fails: what cannot be placed is used where it stands. Strings are the arena's. */
void sources_ready(struct arena *a, const struct boot_paths *paths, const struct settings *s,
                   struct boot_sources *out);
/* Finds them alone: what is not in its place has the place that sources_ready would try first. */
void sources_find(struct arena *a, const struct boot_paths *paths, const struct settings *s,
                  struct boot_sources *out);
/* For a boot that does not know its settings: puts back what was placed last. A container that is started
 * again has lost its mounts. */
void sources_restore(struct arena *a, const struct boot_paths *paths);
void sources_free(struct boot_sources *s);
#define cleanup_sources __attribute__((cleanup(sources_free)))
