/* SPDX-License-Identifier: Apache-2.0 */
/* A whole sync: lock, finish what was begun, compare, solve, fetch, stage, commit, remember. */
#pragma once
#include "reconcile/session.h"

/* Returns the exit status: 0 or 1; negative for what concerns all. Everything that is to be said on the way
 * goes to the log. */
int sync_run(struct session *s, struct err *err);
