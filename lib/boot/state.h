/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of the last sync, and the question whether anything has changed since: the same code writes it in
 * the reconciler and compares it in the entrypoint. It is text, a line a fact: KIND, VALUE and ARGUMENT
 * separated by tabs (\t, \n and \\ escaped). The entrypoint computes each fact's value again; the first that
 * differs is the reason for a sync.
 */
#pragma once
#include "base/array.h"
#include "base/error.h"
#include "base/text.h"
#include "boot/sources.h"

#include <stdbool.h>

struct settings;

/* In the extensions folder, beside the venv. */
#define SYNC_LOCK ".localstack-extensions.lock"
#define SYNC_STAGING ".localstack-extensions.staging" /* a folder; the next venv is SYNC_STAGING/venv */
#define SYNC_COMMIT ".localstack-extensions.commit"
#define SYNC_CACHE ".localstack-extensions.cache" /* stands in for a cache that cannot be used */
#define SYNC_STATE ".localstack-extensions.state"
#define SYNC_HISTORY ".localstack-extensions.history" /* of what the last syncs did, for people */

/* Paths that both programs work with, all absolute, prefixed by --root. */
struct boot_paths {
    const char *root;     /* "" for none */
    const char *conf_txt; /* /etc/localstack/conf.d/extensions.txt */
    const char *conf_yaml;
    const char *boot_hooks; /* /etc/localstack/init/boot.d */
    const char *localstack; /* /opt/code/localstack */
    const char *base;       /* /opt/code/localstack/.venv */
    const char *sources;    /* /opt/code/extensions */
    const char *volume;     /* /var/lib/localstack */
    const char *extensions; /* /var/lib/localstack/lib/extensions */
    const char *venv;       /* …/python_venv */
    const char *cache;      /* /var/lib/localstack/cache/extensions */
};
void boot_paths_make(struct arena *a, const char *root, struct boot_paths *out);

struct state_failure {
    const char *requirement, *from, *reason;
    bool malformed; /* trying again without a changed input cannot help */
};

/* What `check` found wrong, for the next sync to repair: a boot with any of these is not unchanged. */
struct state_marks {
    struct strings distributions; /* to be installed anew, by normalised name */
    bool venv;                    /* the venv's own files are to be written anew */
    bool other;                   /* what any sync repairs */
};

/* What the reconciler knows when a sync has ended; the rest of the facts is computed from these. */
struct state {
    unsigned long long number;
    int status;                /* the sync's exit status: 0 or 1 */
    char settings[65];         /* settings_digest */
    const char *salt, *prints; /* settings_prints, to name what changed; may be NULL */
    struct strings
        files; /* every file read or looked for: settings' files, requirement files and what they include */
    struct strings digests;   /* of `files`, in their order, as they were when they were read ("-": there was
                                 none); those beyond its end are computed by state_write. A file over http is
                                 its URL alone */
    struct strings variables; /* that those files ask for by ${NAME}, whether they are set or not, */
    struct strings variable_prints; /* and environment_print of each, under `salt` */
    struct strings base_folders;    /* struct interpreter.path */
    const char *interpreter;        /* the file whose size and mtime count (resolved base_executable) */
    const char *soabi;
    struct boot_sources sources; /* developers' */
    struct strings folders;      /* that requirements name, */
    struct strings folder_facts; /* and fact_source of each when it was read; those beyond its end are
                                    computed by state_write */
    struct strings project_files, project_facts; /* that project files lead to, and fact_stat of each when it
                                                    was read: as above */
    struct strings code, code_facts;    /* folders whose code was imported, and fact_code of each then */
    struct strings wheels, wheel_facts; /* local ones that something asks for, and fact_stat of each when it
                                           was read: as above */
    const char *site_packages;          /* relative */
    bool always;                        /* never unchanged (EXTENSION_UPGRADE) */
    struct {
        struct state_failure *items;
        size_t count, room;
    } failures;
    const char *host;         /* who synced, for the warning about other inputs */
    bool other_inputs;        /* of state_compare: the reason is an input that differs from the last sync's */
    struct state_marks marks; /* that this sync could not repair */
};

/* Computes every fact and writes SYNC_STATE (atomically; not synced: a state that a power cut took is a sync
 * more). Credentials in URLs do not get there. */
int state_write(const struct boot_paths *paths, const struct state *state, struct err *err);

enum state_verdict {
    STATE_SAME,      /* nothing to do */
    STATE_FAILED,    /* nothing changed, but requirements failed that may succeed now */
    STATE_MALFORMED, /* nothing changed, and only malformed requirements failed: report them, no child */
    STATE_CHANGED,   /* *reason says what, a clause: "extensions.txt changed" */
};

/* Puts these marks into SYNC_STATE in place of those that it has; all else in it stays. Where there is none
 * that can be read, one of marks alone is made. Writes nothing where that changes nothing. The lock must be
 * held. */
int state_mark(const struct boot_paths *paths, const struct state_marks *marks, struct err *err);

/* Appends, as clauses of the arena, in what the base differs from that of the last sync; nothing where there
 * is no state that can be read. */
void state_base_changes(struct arena *a, const struct boot_paths *paths, struct strings *out);

/* Whether other sources are there than at the last sync, or one of them is not what it was: why, a clause of
 * the arena. NULL: the last sync knows them all as they are. */
const char *state_source_change(struct arena *a, const struct boot_paths *paths,
                                const struct boot_sources *sources);

/* Reads SYNC_STATE and compares. `settings`: as loaded now, whose files' digests are used instead of reading
 * again; `sources`: as found now, NULL for none. *out (may be NULL) gets the number, status, SOABI, host,
 * other_inputs, sources, failures and marks, all of the arena. Never fails: what cannot be read is changed.
 * An unfinished commit is a change like any other; state_unfinished tells them apart. */
enum state_verdict state_compare(struct arena *a, const struct boot_paths *paths,
                                 const struct settings *settings, const struct boot_sources *sources,
                                 struct state *out, const char **reason);

/* Whether a commit was begun and not finished: its record is there. */
bool state_unfinished(const struct boot_paths *paths);
