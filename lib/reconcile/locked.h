/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Installing from a lock file (PEP 751): to the letter, all or nothing. The base is fixed here as everywhere:
 * a package that it has at the locked version is the base's, at another version a base conflict. A lock that
 * cannot be met whole changes nothing, and every reason is told.
 */
#pragma once
#include "python/lock.h"
#include "reconcile/plan.h"

struct locked {
    const char *file;   /* path or URL, without credentials: what messages and `from` name */
    const char *url;    /* of a lock from the network, credentials included: what its paths are relative to */
    const char *folder; /* of a local lock: the same */
    bool readable;      /* false: why not is in wanted->failures */
    struct lock lock;
};

/* The path or URL of the lock that stands in for all other inputs (--locked; else, where the command line
 * names no requirements, EXTENSION_LOCK), or NULL. */
const char *locked_name(const struct session *s);

/* Reads it into out->locked; its bytes are the only input in out->files. ERR_USAGE when --locked names what
 * cannot be read as a lock; for EXTENSION_LOCK that is in out->failures. ERR_SYSTEM when the interpreter that
 * reads TOML fails. */
int locked_read(struct session *s, struct wanted *out, struct err *err);

/* A lock's bytes, read. `file`: what messages name. *fault, when it fails: the file's, not the machine's. */
int locked_parse(struct session *s, struct text bytes, const char *file, struct lock *out, bool *fault,
                 struct err *err);

/* The plan's installs, keeps and base from the lock, or its failures with out->refused set. What else the
 * venv holds is not looked at, unless it is refused: then all of it is kept. No network, but for repositories
 * and source archives of which nothing was built before: only a build tells their versions. Where the lock is
 * refused anyway nothing is built. */
int locked_plan(struct session *s, const struct wanted *wanted, struct source *source, struct plan *out,
                struct err *err);

/* Warns of what the metadata of the distributions that the plan leaves asks for and nobody has; the lock is
 * obeyed all the same. `wheels`: of plan->install, unpacked. */
void locked_warn(struct session *s, const struct plan *plan, const struct unpacked *wheels);
