/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel offers to keep us, and our children, from writing anywhere but where a sync has to
 * (Landlock): a hostile wheel that finds a hole in a parser finds nothing to write to.
 */
#pragma once
#include "reconcile/session.h"

/* From here on only the extensions folder, the cache, temporary folders and plux's cache can be written.
 * Where the kernel has no Landlock, or one that cannot tell a rename between folders from an escape, a debug
 * line is all. Folders that do not exist yet are made. */
void restrict_writes(struct session *s, bool sync);
