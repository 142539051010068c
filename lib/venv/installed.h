/* SPDX-License-Identifier: Apache-2.0 */
/* The distributions that a list of sys.path folders has (PEP 376, PEP 566; egg-info of setuptools as well).
 */
#pragma once
#include "base/array.h"
#include "base/strmap.h"
#include "python/metadata.h"
#include "python/record.h"

struct installed {
    const char *name;  /* normalised */
    const char *given; /* as written in METADATA, else in the folder's name */
    struct version version;
    const char *folder;     /* the sys.path folder it is in */
    const char *info;       /* the .dist-info or .egg-info in it (a file for distutils' egg-info) */
    const char *installer;  /* INSTALLER, "" when absent; read by installed_details */
    bool requested;         /* REQUESTED exists; read by installed_details */
    const char *direct_url; /* the bytes of direct_url.json, NULL when absent; read by installed_details */
    bool has_details;
    bool damaged; /* `check` found it at fault: it is to be installed anew, and is no candidate as it is */
    const struct metadata *metadata; /* NULL until installed_metadata */
};

struct installed_set {
    struct arena memory;
    struct installed *
        *items; /* sorted by name; of one name the first folder on the path wins, as Python has it */
    size_t count;
    struct strmap by_name;
};

/* Names and versions come from the folders' names where they are in the form of PEP 376, from METADATA or
 * PKG-INFO else. A folder that does not exist is empty. Broken dist-infos (no name or no version to be had)
 * are warned of and passed over. */
int installed_scan(char *const *folders, size_t folder_count, struct installed_set *out, struct err *err);
struct installed *installed_find(const struct installed_set *set, const char *name);
int installed_details(struct installed_set *set, struct installed *item, struct err *err);
/* Of what was built of a folder: the folder's digest then (source_digest), which INSTALLED_SOURCE in its
 * dist-info has; NULL where there is none. */
#define INSTALLED_SOURCE "localstack-source.txt"
const char *installed_source(struct installed_set *set, const struct installed *item);
/* METADATA or PKG-INFO (with requires.txt of an egg-info), parsed once; ERR_INPUT names the file. */
int installed_metadata(struct installed_set *set, struct installed *item, const struct metadata **out,
                       struct err *err);
/* RECORD, or ERR_NOT_FOUND where there is none (egg-info: installed-files.txt or SOURCES-less: not found). */
int installed_record(struct arena *a, const struct installed *item, struct record *out, struct err *err);
void installed_free(struct installed_set *set);
#define cleanup_installed __attribute__((cleanup(installed_free)))
