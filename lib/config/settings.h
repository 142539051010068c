/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All settings: extensions.yaml, then pip.conf files and PIP_* variables, then variables of our own, as
 * DESIGN orders them. Each message about a value says where it came from.
 */
#pragma once
#include "base/array.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"

#include <stdbool.h>

enum setting_sync { SYNC_AUTO, SYNC_NEVER };
enum setting_on_error { ON_ERROR_CONTINUE, ON_ERROR_ABORT };
enum setting_base_conflicts { BASE_CONFLICTS_FAIL, BASE_CONFLICTS_TOLERATE };
enum setting_index_strategy { STRATEGY_FIRST, STRATEGY_BEST };

/* A file that was read, or looked for and not found: an input of the sync. */
struct settings_file {
    const char *path;
    bool exists;
    char digest[65]; /* SHA-256 of its bytes when it exists */
};

struct settings {
    struct arena strings;

    const char *auto_install; /* EXTENSION_AUTO_INSTALL, NULL when unset */
    char **install;           /* the yaml key `install`; looked at only where auto_install is NULL */
    size_t install_count;
    bool dev_mode, dev_reload;
    const char *dev_sources;
    enum setting_sync sync;
    enum setting_on_error on_error;
    enum setting_base_conflicts base_conflicts;
    bool offline, upgrade;
    const char *lock;
    enum setting_index_strategy index_strategy;
    const char *cache_dir; /* NULL: the default below the root */
    int timeout_s;         /* of a whole sync at boot; 300 */
    enum log_level log_level;
    enum log_format log_format;
    const char *entrypoint_mode; /* "exec" */

    /* pip's own, as pip resolves them */
    const char *index_url; /* NULL: what the installed pip would ask */
    struct strings extra_index_urls, find_links, trusted_hosts, constraints, no_binary, only_binary;
    struct strings build_constraints;        /* files or URLs */
    struct strings all_releases, only_final; /* as no_binary: normalised names, ":all:" */
    bool no_index, pre, require_hashes, no_require_hashes, no_build_isolation;
    const char *cert, *client_cert, *proxy;
    int pip_timeout_s; /* 15 */
    int retries;       /* 5 */

    const char **origins; /* of each in setting_table: who said it (a variable, FILE:LINE and key, an option);
                             NULL: nobody. NULL itself where nobody said anything */

    char *const *environ; /* that they were read from, for the variables that files of requirements ask for */

    struct settings_file *files; /* every file looked for, in reading order, absent ones included */
    size_t file_count;
};

struct settings_source {
    const char *root;     /* --root, NULL for none */
    char *const *environ; /* after the LOCALSTACK_ prefix rule */
    const char *base_dir; /* the base venv, for its pip.conf */
    const char *venv_dir; /* the extensions venv, for its pip.conf */
};

/* ERR_USAGE for extensions.yaml (FILE:LINE:COLUMN) and for a variable whose value is not understood (its name
 * and value); a pip.conf that cannot be parsed is a warning and is passed over. *out is filled with what
 * could be read even on failure. */
int settings_load(const struct settings_source *source, struct settings *out, struct err *err);
void settings_free(struct settings *s);
/* The log's format as the environment has it, for what is said before the settings are read. The prefix rule
 * need not have been applied. */
void settings_log_early(char *const *environ);
#define cleanup_settings __attribute__((cleanup(settings_free)))

/* What --no-binary and --only-binary say of a normalised name: whether it may be installed from a wheel. */
bool settings_allow_wheels(const struct settings *s, const char *name);
/* Whether it may be built from a source distribution. */
bool settings_allow_sources(const struct settings *s, const char *name);
/* What --pre, --all-releases and --only-final say of a normalised name (NULL: of all that are not named). */
enum releases { RELEASES_USUAL, RELEASES_ALL, RELEASES_FINAL };
enum releases settings_releases(const struct settings *s, const char *name);

/* A digest of every setting that changes what a sync would install (never of those that only change how): two
 * equal digests and equal files mean an equal outcome. 64 hex digits. */
void settings_digest(const struct settings *s, char hex[65]);

/* A short digest of each of those settings, under a salt, to name the ones that changed: "KEY=DIGEST …".
 * Their values can be passwords, and cannot be told from it. */
char *settings_prints(struct arena *a, const struct settings *s, const char *salt);
/* Those of which `prints`, whatever stands there, has another digest: "EXTENSION_LOCK and PIP_PRE changed".
 * NULL where that tells of none. */
const char *settings_changes(struct arena *a, const struct settings *s, const char *salt, const char *prints);
