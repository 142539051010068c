/* SPDX-License-Identifier: Apache-2.0 */
/* A plan written as a lock file (PEP 751). */
#pragma once
#include "reconcile/plan.h"

/*
 * Makes the session one that solves for a lock: what is installed is preferred at exactly its version as
 * ever, but every distribution needs a file to name, so it has to be found on an index again. What was
 * installed by hand and nothing asks for is not in a lock. EXTENSION_LOCK does not count. Before wanted_read.
 */
int lock_prepare(struct session *s, struct err *err);

/* Adds to plan->failed what is installed and kept and is on no index. */
void lock_check(struct session *s, struct plan *plan);

/*
 * Appends the lock of a plan that has installs and base alone, and in which nothing failed. Wheels of which
 * no digest is known are fetched. A repository is locked to the commit that it was built of. `folder`: what
 * paths of local wheels are relative to; NULL: they are absolute. No credentials get into it. The lock is for
 * the interpreter's minor version (markers and wheels were chosen for it), and for what in its environment
 * some marker or wheel depended on. ERR_INPUT and ERR_UNAVAILABLE name the wheel that could not be had.
 */
int lock_write(struct session *s, const struct plan *plan, const char *folder, struct buf *out,
               struct err *err);

/* A wheel that lies beside the lock. */
struct lock_wheel {
    const char *name;   /* of the file */
    const char *tags;   /* PYTHON-ABI-PLATFORM, of its name */
    const char *sha256; /* in hex */
    long long size;
    bool found;  /* it was there before, and is somebody else's */
    bool unique; /* another with other contents may have its name and version: it is installed again when its
                    bytes differ */
    const struct metadata *metadata;
};

/* The same, of wheels in the lock's own folder: each package is what wheels[i] says, of plan->install. Of the
 * same plan and wheels it is always the same bytes. ERR_INPUT: a file's name cannot be written in a lock. */
int lock_write_wheels(struct session *s, const struct plan *plan, const struct lock_wheel *wheels,
                      struct buf *out, struct err *err);

/* Sources that are linked stand beside a lock: what they need is locked, they are not. */
void lock_leave_out_sources(struct plan *plan);
