/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the solver's candidates come from: the base (fixed), the venv (what satisfies stays), the indexes,
 * and direct references. An index is asked about a name only when the venv does not have it, or when
 * source_expand said that what the venv has is not enough.
 */
#pragma once
#include "reconcile/fetch.h"
#include "reconcile/wanted.h"
#include "resolve/solver.h"
#include "venv/direct_url.h"

/* What a CANDIDATE_DIRECT's data points to. */
struct source_direct {
    const char *url; /* as asked for */
    struct unpacked wheel;
    const struct index_file *file;     /* a wheel or an archive; NULL: it is a repository or folder */
    const char *digest;                /* of a folder that the wheel was built of; else NULL */
    const struct developed *developed; /* sources that are linked; then there is no wheel. NULL for none */
    const struct metadata *metadata;
    const struct direct_url *from;
};

struct source {
    struct resolve_source callbacks;
    struct session *s;
    const struct wanted *wanted;
    struct strmap names;
    struct strmap files;   /* name and URL of a direct reference -> its struct index_file */
    struct strmap commits; /* URL of a repository -> the commit that it stands for in this run */
};

#define cleanup_source __attribute__((cleanup(source_close)))

int source_open(struct source *source, struct session *s, const struct wanted *wanted, struct err *err);
void source_close(struct source *source);

/* Builds what roots name by URL or path, side by side, before they are asked for one by one. What is wrong
 * with one is told then. */
void source_build_ahead(struct source *source);

/* From now on candidates of this name include what indexes have; false when they did already. What the solver
 * was told before no longer holds: resolve again. */
bool source_expand(struct source *source, const char *name);

/* A candidate's file, of an index or a direct reference; NULL where it is there already. */
const struct index_file *source_file(const struct candidate *c);

/* Whether an index will be asked for candidates of this name: neither the base nor the venv has it, and it
 * has no direct reference. */
bool source_asks_index(struct source *source, const char *name);
/* Whether the user gives hashes of files of this name. */
bool source_has_hashes(struct source *source, const char *name);

/* Whether the venv has links of that name whose source is asked for and cannot be used now: they stay. */
bool source_is_unread(const struct source *source, const char *name);
/* Why what the venv has are links that lead nowhere, or to what is another distribution's by now, a clause;
 * NULL where it is nothing of that kind. */
const char *source_lost(const struct source *source, struct installed *have);

/* More is known of the files of this name (their digests); resolve again. */
void source_again(struct source *source, const char *name);

/* From now on nothing of this name can be had from an index, for the reason given (its wheel could not be
 * fetched); resolve again. */
void source_break(struct source *source, const char *name, const struct err *why);
/* Why, since source_break; else NULL. */
const struct err *source_broken(struct source *source, const char *name);
