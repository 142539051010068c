/* SPDX-License-Identifier: Apache-2.0 */
/* What a project file says about what it installs. */
#pragma once
#include "base/array.h"

#include <stdbool.h>

/* One thing that a project file names explicitly: what it is called in site-packages and where it stands. */
struct project_part {
    const char *path;  /* "pkg", "ns/pkg", "mod.py" */
    const char *place; /* relative to the folder: "src/pkg" */
};
struct project_parts ARRAY(struct project_part);

/* All paths are relative to the project's folder; the arrays are whoever's who fills them, the strings an
 * arena's. */
struct project_layout {
    struct project_parts parts; /* named explicitly */
    bool search;                /* false: `parts` are all; true: packages are looked for as well */
    struct strings where; /* folders to look in; empty: nobody says (src where that has any, else the top) */
    struct strings include,
        exclude;              /* shell patterns of dotted names, as setuptools has them; empty: all, none */
    bool regular_only;        /* only packages with an __init__.py (setuptools' `find:`) */
    const char *only;         /* the one module or package by import name that the back end looks for when
                                 nobody says (flit, hatchling, poetry, pdm: from the project's name); NULL: all */
    struct strings top_level; /* of an egg-info's top_level.txt; empty: none */
};
