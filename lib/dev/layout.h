/* SPDX-License-Identifier: Apache-2.0 */
/* What of a developer's source is linked into site-packages, from what its project file says and from what
 * stands in its folder. Reads names alone, never a file. */
#pragma once
#include "base/error.h"
#include "dev/project_layout.h"

struct source_link {
    const char *path;   /* below site-packages: "pkg", "ns/pkg", "mod.py" */
    const char *target; /* below the folder: "src/pkg"; "." for the folder itself */
};
struct source_links ARRAY(struct source_link);

/*
 * Appends one link for each regular package (one with __init__.py, or __init__ as an extension module) and
 * each module; of a namespace package one for the first of these in each branch. No link lies below another;
 * they are sorted by path. Where setuptools would look when nobody says anything: src, else the top, without
 * tests, documentation, builds, virtual environments and scripts of tools.
 *
 * A package one of whose subpackages stands elsewhere is linked entry by entry.
 *
 * `warnings`: sentences about what was passed over (a part that is missing, or leads out of the folder; data
 * in a namespace package; more than can be looked at). Strings belong to the arena. ERR_INPUT when nothing
 * was found, though the project does not say that it has nothing: where it was looked for, and what to write
 * into pyproject.toml.
 */
int layout_find(struct arena *a, const char *folder, const struct project_layout *layout,
                struct source_links *out, struct strings *warnings, struct err *err);
