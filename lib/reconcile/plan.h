/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a sync would do, as a plain struct: made by solving, printed by `plan`, carried out by apply. Nothing
 * in it changes once it is made.
 */
#pragma once
#include "reconcile/source.h"

struct plan_install {
    const char *name, *version; /* normalised */
    bool requested;
    bool repair; /* `check` found what is there at fault */
    char **extras;
    size_t extra_count;
    char **requires;
    size_t require_count;
    const char *source;           /* "index", "find-links", "url", "vcs", "path" or "lock" */
    const char *url;              /* without credentials */
    const char *hash;             /* "sha256:…", NULL where none is known */
    const char *replaces;         /* the version that goes, NULL for none */
    const struct hashes **hashes; /* that the requirements which are kept, and constraints, give for it */
    size_t hash_count;
    const struct index_file *file;
    const struct source_direct *direct; /* NULL but for a direct reference */
    const struct developed *developed;  /* NULL but for sources that are linked */
    const struct lock_file *locked;     /* NULL but from a lock: what it says of the bytes */
    const char *installer;              /* NULL: it is ours; else whose it stays in a venv made anew */
    const struct direct_url *recorded;  /* for direct_url.json, NULL for none */
};

struct plan_keep {
    const char *name, *version;
    bool requested;
    bool adopt; /* it becomes ours: asked for by the inputs, but installed by somebody else */
    struct installed *item;
};

struct plan_remove {
    const char *name, *version;
    const char *why; /* a clause */
    struct installed *item;
};

struct plan_base {
    const char *name, *version;
    char **needed_by;
    size_t needed_count;
};

struct plan_failed {
    const char *requirement, *from, *reason;
    bool malformed;
};

struct plan {
    const char *python;
    const char *lock;    /* NULL, or the lock file that it is made from */
    bool baked;          /* which `bake` wrote */
    bool refused;        /* that cannot be met whole: nothing changes */
    const char *rebuild; /* NULL, or why the venv has to be made anew, a clause */
    bool fresh;          /* there is no venv at all: rebuild is set too */
    bool relayout;       /* `check` found the venv's own files at fault: they are written anew */
    struct {
        struct plan_install *items;
        size_t count, room;
    } install;
    struct {
        struct plan_keep *items;
        size_t count, room;
    } keep;
    struct {
        struct plan_remove *items;
        size_t count, room;
    } remove;
    struct {
        struct plan_base *items;
        size_t count, room;
    } base;
    struct {
        struct plan_failed *items;
        size_t count, room;
    } failed;
    struct strings warnings;
    size_t root_count; /* requirements that were asked for and understood */
};

#define cleanup_plan __attribute__((cleanup(plan_free)))

/* Solves and compares with what is there. The plan's strings belong to the session. */
int plan_make(struct session *s, const struct wanted *wanted, struct source *source, struct plan *out,
              struct err *err);
/* pip, setuptools and wheel in a venv are its tools: LocalStack never imports them, and nobody's input means
 * them. */
bool plan_is_tool(const char *name);
/* Whether the user put it there, with another installer than ours. */
bool plan_is_by_hand(const struct installed *i);
/* Whether carrying it out would change the venv. */
bool plan_changes(const struct plan *p);
void plan_free(struct plan *p);

/* Tells the log what failed and why. */
void plan_say_failures(const struct plan *p);

/* `plan` and `plan --format json` on standard output. */
int plan_print(const struct plan *p, bool json, struct err *err);
