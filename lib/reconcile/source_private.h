/* SPDX-License-Identifier: Apache-2.0 */
/* Between the parts of source.h: what is known of a name. */
#pragma once
#include "reconcile/source.h"

/* An index can list a hundred thousand versions of a name. After so many whose metadata cannot be had or
 * read, or so many that were looked at at all, no further one is asked for. */
enum { UNREADABLE_LIMIT = 64, LOOKED_AT_LIMIT = 4096, BUILD_LIMIT = 8 };

struct name {
    const char *name;
    const struct index_file *unreadable[UNREADABLE_LIMIT];
    size_t unreadable_count, looked_at, not_built;
    const char *enough;      /* why no further metadata is asked for; NULL: it still is */
    struct candidates *list; /* NULL until asked for */
    bool expanded;           /* indexes count although the venv has it */
    bool truncated;          /* the list lacks what indexes have */
    struct err broken;       /* why indexes cannot be used for it */
    bool refused;            /* nor the wheel of a direct reference: it was broken */
    struct {
        struct source_direct **items;
        size_t count, room;
    } direct;
    const char *installed_url;  /* the direct reference that what is installed came from, once asked for */
    struct strmap dependencies; /* CANDIDATE'S-DATA EXTRA -> struct dependencies */
    struct ARRAY(const struct hashes *) hashes; /* that requirements and constraints give for files of it */
};

struct name *source_name(struct source *source, const char *name);
/* What the venv has of a name, as a candidate: what is to be installed anew is none. */
struct installed *source_usable(const struct source *source, const char *name);
/* Whether nothing is asked for without a hash. */
bool source_all_is_checked(const struct source *source);
/* Building runs what is in the archive: where hashes are given, none that has none of them, and where nothing
 * is asked for without one, none that nobody gives a hash of. */
int source_may_build(struct source *source, const struct name *n, const struct index_file *file,
                     struct err *err);
/* What a requirement's URL leads to becomes a candidate of the name. */
int source_direct_reference(void *ctx, const char *name, const char *url, struct err *err);
