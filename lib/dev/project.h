/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a folder with a Python project says about itself without a build: the metadata and entry points that
 * its back end would write (pyproject.toml by PEP 621, setup.cfg, setup.py as far as it has plain values;
 * setuptools, hatchling, flit, poetry, pdm, uv), and what it installs. What the files do not say its egg-info
 * may.
 */
#pragma once
#include "base/error.h"
#include "base/text.h"
#include "dev/project_layout.h"

/* A file that decides what is known of a project. */
struct project_file {
    const char *path; /* absolute; it may be missing */
    const char *fact; /* what fact_stat said of it when it was read */
};
struct project_files ARRAY(struct project_file);

struct project {
    const char *folder; /* in: absolute */

    const char *given, *name; /* as written, normalised; NULL where nobody knows without a build */
    const char *why_not;  /* NULL: `metadata` is what a build would say; else a clause for a sentence ("its
                             version  comes from setuptools-scm") */
    struct text metadata; /* METADATA: Metadata-Version, Name, Version, Summary, Requires-Python,
                             Provides-Extra, Requires-Dist. Where only the version is unknown it is 0+unknown,
                             and why_not says so; empty where the name or the requirements are unknown */
    struct text entry_points; /* entry_points.txt: the union of its egg-info's and its project file's, which
                                 wins; groups and names sorted; empty for none */
    bool plux; /* plux is a build requirement that looks for plugins at the build, and there is no egg-info:
                  more entry points may stand in its code, */
    struct strings plux_include, plux_exclude; /* in packages with such dotted names (shell patterns; empty:
                                                  all, none) */
    const char *egg_info;                      /* path of the egg-info that was used, NULL for none */
    const char *backend;                       /* "setuptools.build_meta", …; NULL: none is named */
    struct project_layout layout;
    struct project_files files; /* that were read or looked for, beside what fact_source covers; and */
    struct strings folders;     /* absolute paths of folders whose names decide, likewise; of what is no
                                   project as well */
    struct strings warnings;    /* sentences about what was passed over */
    struct err error; /* what makes it no project at all (a malformed file: name, line, text); else its kind
                         is ERR_NONE */
};

/* Whether a folder is meant to hold a project: a pyproject.toml with [project], [build-system] or the table
 * of a back end, a setup.cfg with [metadata] or [options], a setup.py, or an egg-info. */
bool project_is_one(const char *folder);

/* Reads all of them by one child of the base's interpreter; nothing of the projects is run or imported. Only
 * `folder` has to be set. Negative only for what concerns all: ERR_SYSTEM, when the interpreter does not do
 * its part; there is nothing to free then. */
int project_read(struct arena *a, const char *executable, struct project *projects, size_t count,
                 struct err *err);

/* The arrays and the error; the strings are the arena's. */
void project_free(struct project *p);
