/* SPDX-License-Identifier: Apache-2.0 */
/* `watch`: waits for changes in developers' sources, and restarts LocalStack after each. */
#pragma once
#include "reconcile/session.h"

/* Where what a source installs has changed, `sync --boot` runs before. Returns (0) when the supervisor of
 * options->supervisor is gone, else never, unless there is nothing to watch. Ends at once by any signal that
 * is at its default. */
int reload_run(struct session *s, struct err *err);
