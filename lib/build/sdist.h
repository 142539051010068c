/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a source distribution says about itself, without building it: the PKG-INFO in its top folder (PyPA
 * "Source distribution file format", PEP 625), and how far that can be relied on (PEP 643).
 */
#pragma once
#include "python/metadata.h"

struct sdist_info {
    struct text bytes;        /* of PKG-INFO, */
    struct metadata metadata; /* and what they say */
    bool is_static; /* name, version, requirements, Requires-Python and extras are what a build would say */
    const char *why_not; /* a clause where is_static is false ("Requires-Dist is dynamic"), else NULL */
    const char *folder;  /* the archive's top folder, "flasgger-0.9.7.1" */
};

/*
 * Reads it out of an open archive by pread(2). The form is that which file_name ends in: .tar.gz, .tgz, .zip;
 * the name and version before that, where it has them, have to be those of PKG-INFO. A tar archive is read up
 * to PKG-INFO and no further: of two the first counts, and nothing is known of what follows. All that is
 * returned belongs to the arena.
 *
 * ERR_NOT_FOUND: it has to be built to be known; another form, no PKG-INFO in a top folder (one in an
 * .egg-info is not it), none in the first 256 MiB, or one that is no plain file or cannot be parsed.
 * ERR_INPUT: a damaged or hostile archive, or PKG-INFO of another name or version than the file's.
 */
int sdist_read(struct arena *a, int fd, const char *file_name, struct sdist_info *out, struct err *err);
