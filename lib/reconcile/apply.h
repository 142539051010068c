/* SPDX-License-Identifier: Apache-2.0 */
/* Carrying out a plan: all or nothing. */
#pragma once
#include "reconcile/plan.h"

#include <stdbool.h>

/* How long the parts took, in milliseconds, and what was moved. */
struct apply_report {
    long long download_ms, install_ms;
    size_t downloaded, read; /* wheels from a network, and from files of this machine */
    long long bytes, read_bytes;
    unsigned long long number; /* of the sync */
};

/*
 * Gets every wheel that the plan installs, unpacked, into wheels[i] for plan->install.items[i]. Returns 0; 1
 * when one could not be had: then source_break was called for its name, and the plan has to be made again;
 * negative for what concerns all.
 */
int apply_fetch(struct session *s, const struct plan *plan, struct source *source, struct unpacked *wheels,
                struct apply_report *report, struct err *err);

enum apply_result {
    APPLY_DONE,
    APPLY_CHANGED, /* somebody else changed the venv meanwhile */
    APPLY_LOST,    /* somebody else took a wheel out of the cache meanwhile; it has been said */
    APPLY_REFUSED, /* a wheel may not be installed; source_break was called for its name */
};

/* Stages the next venv and switches to it. Returns an apply_result; but for APPLY_DONE the plan has to be
 * made again. Negative on failure: the venv is the old one. The lock must be held. */
int apply_plan(struct session *s, const struct plan *plan, struct source *source,
               const struct unpacked *wheels, unsigned long long number, struct apply_report *report,
               struct err *err);

/* Removes plux's cached entry points, which it would serve stale, from the homes that LocalStack has had.
 * false when one could not be removed, which was said. */
bool apply_forget_plugins(struct session *s);
