/* SPDX-License-Identifier: Apache-2.0 */
/* A developer's source in the extensions venv: links to its packages and modules, and a dist-info beside
 * them. Nothing is built or copied, and nothing is ever written below a link. */
#pragma once
#include "dev/layout.h"
#include "venv/placing.h"

struct source_install {
    const char *given, *name, *version; /* as written, normalised, normalised */
    const char *place;                  /* absolute: links lead to PLACE/TARGET */
    struct text metadata, entry_points; /* bytes of METADATA, and of entry_points.txt, empty for none */
    const struct source_links *links;
    bool requested;
    bool overwrite;         /* a file or link that is there and nobody's gives way: its RECORD was lost */
    const char *installer;  /* NULL: ours */
    const char *direct_url; /* bytes of direct_url.json; NULL: none */
};

/*
 * Links, dist-info (METADATA, entry_points.txt where there are any, top_level.txt, INSTALLER, REQUESTED,
 * direct_url.json, RECORD that lists each link as one entry without digest and size) and the scripts of its
 * console and GUI entry points. Folders of namespace packages are real ones, each with
 * PLACING_NAMESPACE_MARK in it.
 *
 * ERR_INPUT for a path that is another distribution's or the venv's own, or below another one's link, and the
 * other way round: it names both. What was made until then is left for the caller, who gives the staging up
 * or does without this source in the next.
 */
int source_install(const struct install_target *target, const struct source_install *source, struct err *err);

/* Whether what stands in the venv (its dist-info folder `info`, absolute; site_packages relative to venv_dir)
 * is to the letter what source_install would write now: each file of the dist-info and no others, scripts,
 * each link's target, the marks of namespaces. */
bool source_is_installed(const char *venv_dir, const char *site_packages, const char *info,
                         const struct source_install *source);
