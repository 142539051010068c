/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every command of the reconciler works with: paths, settings, the interpreter, what the base and the
 * venv have, and the indexes. Parts are made when they are first asked for, so that a run with nothing to do
 * pays for nothing else.
 */
#pragma once
#include "base/strmap.h"
#include "boot/sources.h"
#include "boot/state.h"
#include "config/settings.h"
#include "index/index.h"
#include "venv/installed.h"
#include "venv/interpreter.h"

/* The common options of the command line; zero-initialised is none given. */
struct session_options {
    const char *root;
    struct strings requirement_files; /* -r */
    struct strings constraint_files;  /* -c */
    struct strings arguments;         /* requirements as arguments */
    struct strings names;             /* arguments of a command that takes names of distributions instead */
    const char *locked;               /* --locked: a lock file to install from */
    const char *output;               /* --output of `lock`; NULL or "-": standard output */
    const char *folder;               /* `bake`: what it writes to; else NULL */
    const char *index_url;
    struct strings extra_index_urls, find_links;
    bool no_index, pre, offline, upgrade;
    const char *base, *venv, *cache_dir, *python;
    int timeout_s; /* of the whole run; 0: none */
    bool json;
    bool quiet, verbose;
    bool boot;         /* started by the entrypoint */
    bool recover_only; /* finish an unfinished commit and nothing else */
    pid_t supervisor;  /* `watch`: whom to tell to restart LocalStack; 0: nobody */
    bool no_restart;
};

/* --config-settings of a requirement: KEY=VALUE for what builds the distribution. */
struct build_setting {
    const char *name, *setting;
};

struct session {
    struct arena memory;
    const struct session_options *options;
    char **environ; /* after the LOCALSTACK_ prefix rule */
    struct boot_paths paths;
    struct settings settings;
    char settings_digest[65];    /* as they were before requirements files changed them */
    char settings_salt[17];      /* another in each run */
    const char *settings_prints; /* likewise */
    const char *settings_fault;  /* what is wrong with them, where the command goes on all the same */
    long long ends_ms;           /* by stopwatch_ms, when the time for the whole run is over; 0: never */
    bool own_inputs;             /* requirements were named on the command line */
    const char *cache_dir;
    bool distrust_cache;     /* an unpacked wheel was not as its list has it: the next are looked at first */
    const char *spare_cache; /* NULL, or what stands in for it in this run: store.h */
    bool own_cache;          /* it is of this run alone (store_temporary), */
    int cache_lock;          /* which has this lock on it */
    const char *archives;    /* NULL, or the folder where each wheel that comes is kept as it came: fetch.h */
    const char *output_folder, *output_above; /* what `bake` may write to, and what was there before it */
    bool syncing;                             /* the extensions folder is ours to change */
    bool only_looks;                          /* nothing is built */

    bool has_sources;
    struct boot_sources sources; /* developers' */
    bool has_interpreter;
    struct interpreter py;
    struct tags *tags;
    bool has_base;
    struct installed_set base, venv;
    bool fresh; /* there is no venv at all */
    const char
        *rebuild; /* NULL, or why the venv cannot be kept, a clause: then `venv` is empty, and `old` is */
    struct installed_set old;      /* what it holds, */
    const char *old_site_packages; /* here, relative; NULL where it has none */
    const char *snapshot;          /* of commit_snapshot, when the venv was read; NULL without one */
    struct state_marks marks;      /* what `check` found, for a sync (or its plan) to repair */
    struct installed_set prefer;   /* `lock`: what is installed, but has to be found on an index */
    struct ARRAY(struct build_setting) build_settings;
    struct strmap projects;               /* folder -> struct project of developed.h, as read in this run */
    struct strings folders, folder_facts; /* of session_folder */
    struct strings wheels, wheel_facts;   /* of session_wheel */
    const char
        *build_key; /* what of the settings makes other wheels of the same source; NULL: not asked yet */
    const char *build_fault;     /* NULL, or why nothing can be built: then too */
    struct strmap failed_builds; /* of built.h: why, by what was to be built */
    struct http *http;
    struct index *index;
    struct fetcher *fetcher; /* of fetch.h */
};

#define cleanup_session __attribute__((cleanup(session_close)))

/* Reads the settings, and an environment to which the LOCALSTACK_ prefix rule has been applied. It, the
 * options and everything they point to have to outlive the session. */
int session_open(struct session *s, const struct session_options *options, char **environment,
                 struct err *err);
void session_close(struct session *s);

/* The developers' sources, in s->sources; what is not in its place is left where it stands. */
const struct boot_sources *session_sources(struct session *s);
/* The same, each put in its place. Nothing can be mounted once restrict_writes was called. */
void session_place_sources(struct session *s);
/* fact_source of a folder, absolute, as it was when it was first asked for: before anything in it was read,
 * so that a boot notices what changed since. */
const char *session_folder(struct session *s, const char *folder);
/* The same of a wheel or source archive: fact_stat. */
const char *session_wheel(struct session *s, const char *file);
/* The interpreter and its tags, in s->py and s->tags. */
int session_interpreter(struct session *s, struct err *err);
/* What the base has, in s->base. */
int session_base(struct session *s, struct err *err);
/* What the extensions venv has, in s->venv, or why it is no use; read anew each time, as others may have
 * changed it. */
int session_venv(struct session *s, struct err *err);
/* Whether s->marks name this distribution. */
bool session_is_damaged(const struct session *s, const char *name);
/* s->http; nothing of the network is touched yet. */
int session_http(struct session *s, struct err *err);
/* Before others (pip, git) are given the certificates that settings and variables name: ERR_UNAVAILABLE where
 * they would wait for one for ever. */
int session_certificates(const struct session *s, struct err *err);
/* Appends the bytes of a file of at most `limit` bytes, named by its path or by an http(s) URL. Pipes and
 * terminals are read where the command line names them, and never at boot. ERR_NOT_FOUND: the server has
 * none; otherwise as fs_read and http_finish. */
int session_read(struct session *s, const char *place, size_t limit, struct buf *out, struct err *err);
/* The URLs of the indexes in the order in which they are asked; strings of the session. After
 * session_interpreter, whose pip may name the last one. */
void session_index_urls(struct session *s, struct strings *urls);
/* s->index, which needs the interpreter's tags. */
int session_index(struct session *s, struct err *err);
