/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A volume that cannot be written, and what its user can do about it.
 */
#pragma once
#include "reconcile/session.h"

/* The folder itself, or the nearest above it that is there. */
const char *volume_nearest(struct arena *a, const char *path);

/* "the volume cannot be written; WHAT TO DO", by what stands in its place and whose it is. sysno: how writing
 * failed. `where`, or NULL: put after "written". In the session's memory. */
const char *volume_cannot_be_written(struct session *s, int sysno, const char *where);
