/* SPDX-License-Identifier: Apache-2.0 */
/* What stands in an input where pip takes a path or URL instead of a name: wheels, archives, folders,
 * repositories. */
#pragma once
#include "reconcile/session.h"

/*
 * Where `text` is a path or URL by pip's rules, *out gets the same as "NAME[EXTRAS] @ URL ; MARKER", named
 * after the wheel, the archive, the folder's project or the repository's #egg=; returns 1. 0: it is none, and
 * to be read as PEP 508 has it. ERR_INPUT for what cannot be used or has no name (with a sentence that says
 * what to write instead), ERR_NOT_FOUND for what is not there. `folder`: of the file that names it, NULL for
 * none: relative paths count from there, and where that has no such file, as for pip, from the working
 * directory. Results belong to the session.
 */
int reference_resolve(struct session *s, struct text text, const char *folder, const char **out,
                      struct err *err);

/* The marker behind what is a path or URL; empty for none. */
struct text reference_marker(struct text text);

/* The folder of the project that a URL (with the subdirectory behind its #) leads to on this machine,
 * absolute; NULL where that is no folder. */
const char *reference_folder(struct arena *a, const char *url);
/* The same of what stands in an input, whether it can be used or not: a path, a URL, or NAME @ URL. *is_file:
 * it leads to what is no folder, a wheel or a source archive. NULL as well where nothing is there. */
const char *reference_said(struct arena *a, struct text said, const char *folder, bool editable,
                           bool *is_file);
/* Whether both are the same folder, by whatever path. */
bool reference_same_folder(const char *one, const char *other);

/* What a direct reference (the URL of "NAME @ URL") leads to; ERR_INPUT for what is none of these. */
enum reference_kind { REFERENCE_WHEEL, REFERENCE_ARCHIVE, REFERENCE_REPOSITORY, REFERENCE_FOLDER };
int reference_kind(struct arena *a, const char *url, enum reference_kind *kind, struct err *err);

/* The same for the value of -e (--editable), which is a folder or a repository; "NAME @ URL" is taken as it
 * is. */
int reference_editable(struct session *s, struct text text, const char *folder, const char **out,
                       struct err *err);
